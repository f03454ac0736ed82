
/* What is done about failures. */

/* sources: engine/assess_retry.c base/assess_base.c */
/* libs: -ljansson -lcurl -lm */

#include "tap.h"

#include "../../ngx_assess_module/engine/assess_retry.h"

#include <curl/curl.h>
#include <errno.h>


#define NOW  INT64_C(1795608000000)   /* Wed, 25 Nov 2026 12:00:00 GMT */


static assess_failure_t  failure;
static assess_retry_t    retry;


static void
str(assess_str_t *s, const char *text)
{
    s->data = (char *) text;
    s->len = text ? strlen(text) : 0;
}


static assess_retry_e
classify(long status, const char *body)
{
    memset(&failure, 0, sizeof(failure));
    failure.status = status;
    str(&failure.body, body);
    assess_retry_classify(&failure, NOW, &retry);

    return retry.action;
}


static int64_t
after(const char *seconds, const char *ms)
{
    memset(&failure, 0, sizeof(failure));
    failure.status = 429;
    str(&failure.retry_after, seconds);
    str(&failure.retry_after_ms, ms);
    assess_retry_classify(&failure, NOW, &retry);

    return retry.after_ms;
}


static void
test_statuses(void)
{
    size_t  i;

    static const struct {
        long            status;
        const char     *body;
        assess_retry_e  want;
    } cases[] = {
        { 400, NULL, ASSESS_RETRY_REFUSED },
        { 401, "{}", ASSESS_RETRY_REFUSED },
        { 403, "<html>", ASSESS_RETRY_REFUSED },
        { 404, "", ASSESS_RETRY_REFUSED },
        { 422, NULL, ASSESS_RETRY_REFUSED },
        { 301, NULL, ASSESS_RETRY_REFUSED },
        { 402, NULL, ASSESS_RETRY_MONEY },
        { 408, NULL, ASSESS_RETRY_AGAIN },
        { 409, NULL, ASSESS_RETRY_AGAIN },
        { 413, NULL, ASSESS_RETRY_TOO_LONG },
        { 429, NULL, ASSESS_RETRY_AGAIN },
        { 500, NULL, ASSESS_RETRY_AGAIN },
        { 503, "no capacity", ASSESS_RETRY_AGAIN },
        { 529, NULL, ASSESS_RETRY_AGAIN },
        { 429, "{\"error\":{\"code\":\"insufficient_quota\"}}",
          ASSESS_RETRY_MONEY },
        { 429, "{\"error\":{\"type\":\"insufficient_quota\",\"code\":null}}",
          ASSESS_RETRY_MONEY },
        { 429, "{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":"
          "\"You exceeded your current quota of requests a minute\"}}",
          ASSESS_RETRY_AGAIN },
        { 400, "{\"error\":{\"code\":\"billing_hard_limit_reached\"}}",
          ASSESS_RETRY_MONEY },
        { 403, "{\"error\":{\"code\":\"credit_balance_exhausted\"}}",
          ASSESS_RETRY_MONEY },
        { 400, "{\"error\":{\"message\":\"Your credit balance is too low\"}}",
          ASSESS_RETRY_MONEY },
        { 403, "{\"message\":\"monthly Spend Limit reached\"}",
          ASSESS_RETRY_MONEY },
        { 500, "{\"error\":{\"message\":\"cannot read spend limit\"}}",
          ASSESS_RETRY_AGAIN },
        { 400, "{\"error\":{\"code\":\"context_length_exceeded\"}}",
          ASSESS_RETRY_TOO_LONG },
        { 400, "{\"error\":{\"code\":400,\"type\":"
          "\"exceed_context_size_error\"}}", ASSESS_RETRY_TOO_LONG },
        { 400, "{\"object\":\"error\",\"message\":\"This model's maximum "
          "context length is 4096 tokens\"}", ASSESS_RETRY_TOO_LONG },
        { 500, "{\"error\":{\"code\":500,\"message\":\"The model produced "
          "output that does not match the expected peg-native format\"}}",
          ASSESS_RETRY_OUTPUT },
        { 400, "{\"error\":{\"code\":\"json_validate_failed\"}}",
          ASSESS_RETRY_OUTPUT },
        { 200, "{\"error\":{\"code\":429}}", ASSESS_RETRY_AGAIN },
        { 200, "{\"error\":{\"code\":401}}", ASSESS_RETRY_REFUSED },
        { 200, "{\"error\":{\"code\":402}}", ASSESS_RETRY_MONEY },
        { 200, "{}", ASSESS_RETRY_AGAIN },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(classify(cases[i].status, cases[i].body), cases[i].want,
               cases[i].body ? cases[i].body : "no body");
    }
}


static int
says(long status, const char *body, assess_outcome_e outcome)
{
    (void) classify(status, body);

    return retry.outcome == outcome;
}


static void
test_outcomes(void)
{
    ok(says(429, NULL, ASSESS_OUTCOME_THROTTLE), "429 is one too many");
    ok(says(529, NULL, ASSESS_OUTCOME_OVERLOAD), "529 is an overload");
    ok(says(503, "{\"error\":{\"message\":\"The engine is overloaded\"}}",
            ASSESS_OUTCOME_OVERLOAD), "so is a 503 that says so");
    ok(says(500, "{\"type\":\"error\",\"error\":{\"type\":"
            "\"overloaded_error\"}}", ASSESS_OUTCOME_OVERLOAD),
       "or a 500 of that type");
    ok(says(503, NULL, ASSESS_OUTCOME_DOWN)
       && says(502, "<html>", ASSESS_OUTCOME_DOWN)
       && says(504, NULL, ASSESS_OUTCOME_DOWN)
       && says(522, NULL, ASSESS_OUTCOME_DOWN), "nobody behind a proxy");
    ok(says(500, NULL, ASSESS_OUTCOME_ERROR)
       && says(408, NULL, ASSESS_OUTCOME_ERROR)
       && says(409, NULL, ASSESS_OUTCOME_ERROR)
       && says(425, NULL, ASSESS_OUTCOME_ERROR)
       && says(401, NULL, ASSESS_OUTCOME_ERROR), "others are of the request");
    ok(says(429, "{\"error\":{\"code\":\"insufficient_quota\"}}",
            ASSESS_OUTCOME_ERROR), "no money is no throttle");
    ok(says(200, "{\"error\":{\"code\":429,\"message\":\"slow\"}}",
            ASSESS_OUTCOME_THROTTLE), "told with 200 it is the same");

    is_int(classify(429, "{\"error\":{\"message\":\"Request too large for m: "
                    "Limit 10000, Requested 12000\",\"type\":\"tokens\"}}"),
           ASSESS_RETRY_TOO_LONG, "429 that never fits is too long");

    memset(&failure, 0, sizeof(failure));
    failure.curl = CURLE_COULDNT_CONNECT;
    assess_retry_classify(&failure, NOW, &retry);
    is_int(retry.outcome, ASSESS_OUTCOME_DOWN, "nobody there is down");
    failure.curl = CURLE_OPERATION_TIMEDOUT;
    assess_retry_classify(&failure, NOW, &retry);
    is_int(retry.outcome, ASSESS_OUTCOME_DOWN, "so is a silent one");
    failure.curl = CURLE_WRITE_ERROR;
    assess_retry_classify(&failure, NOW, &retry);
    is_int(retry.outcome, ASSESS_OUTCOME_ERROR,
           "a reply that we did not want is not");
    failure.curl = CURLE_PEER_FAILED_VERIFICATION;
    assess_retry_classify(&failure, NOW, &retry);
    is_int(retry.outcome, ASSESS_OUTCOME_ERROR, "nor a wrong certificate");
}


static void
test_network(void)
{
    memset(&failure, 0, sizeof(failure));

    failure.curl = CURLE_COULDNT_CONNECT;
    assess_retry_classify(&failure, NOW, &retry);
    is_int(retry.action, ASSESS_RETRY_AGAIN, "connection refused");
    ok(retry.reason[0] != '\0', "with a reason: %s", retry.reason);

    failure.curl = CURLE_OPERATION_TIMEDOUT;
    failure.status = 200;
    assess_retry_classify(&failure, NOW, &retry);
    is_int(retry.action, ASSESS_RETRY_AGAIN, "time out inside a reply");

    failure.curl = CURLE_PEER_FAILED_VERIFICATION;
    assess_retry_classify(&failure, NOW, &retry);
    is_int(retry.action, ASSESS_RETRY_NEVER, "a wrong certificate stays so");

    failure.curl = CURLE_COULDNT_CONNECT;
    failure.lack = EMFILE;
    assess_retry_classify(&failure, NOW, &retry);
    is_int(retry.action, ASSESS_RETRY_LOCAL, "no descriptor: it never left");
    is_int(retry.outcome, ASSESS_OUTCOME_ENDED, "and says nothing of anybody");
    ok(strcmp(retry.reason, strerror(EMFILE)) == 0, "but why: %s",
       retry.reason);
}


static void
test_headers(void)
{
    is_int(after(NULL, NULL), -1, "no header");
    is_int(after("2", NULL), 2000, "seconds");
    is_int(after("0.5", NULL), 500, "a fraction");
    is_int(after("7", "120"), 120, "milliseconds win");
    is_int(after("7", "soon"), 7000, "unless they are none");
    is_int(after("Wed, 25 Nov 2026 12:00:03 GMT", NULL), 3000, "a date");
    is_int(after("Wed, 25 Nov 2026 11:00:00 GMT", NULL), 0, "a past date");
    is_int(after("3600", NULL), ASSESS_RETRY_AFTER_MAX, "an hour is too long");
    is_int(after("inf", NULL), ASSESS_RETRY_AFTER_MAX, "so is for ever");
    is_int(after("-5", NULL), -1, "a negative one is none");
    is_int(after("nan", NULL), -1, "nor is nan");
    is_int(after("tomorrow at some time", NULL), -1, "nor are words");

    memset(&failure, 0, sizeof(failure));
    failure.status = 400;
    str(&failure.should_retry, "true");
    assess_retry_classify(&failure, NOW, &retry);
    is_int(retry.action, ASSESS_RETRY_AGAIN, "400 with x-should-retry: true");

    failure.status = 500;
    str(&failure.should_retry, "false");
    assess_retry_classify(&failure, NOW, &retry);
    is_int(retry.action, ASSESS_RETRY_NEVER,
           "500 with x-should-retry: false");

    failure.status = 429;
    str(&failure.should_retry, "true");
    str(&failure.body, "{\"error\":{\"code\":\"insufficient_quota\"}}");
    assess_retry_classify(&failure, NOW, &retry);
    is_int(retry.action, ASSESS_RETRY_MONEY, "no money is no money");
}


static void
test_reason(void)
{
    char  body[2048];

    memset(&failure, 0, sizeof(failure));
    failure.status = 401;
    str(&failure.key, "topsecret");
    str(&failure.body, "{\"error\":{\"message\":\"bad\\nkey topsecret, or "
                       "sk-abcd****wxyz.\\u0007\"}}");
    assess_retry_classify(&failure, NOW, &retry);
    is_str(retry.reason, "bad key ***, or ***", "no key, one line");

    (void) classify(400, "{\"error\":\"only words\"}");
    is_str(retry.reason, "only words", "a string");
    (void) classify(400, "[{\"error\":{\"message\":\"in a list\"}}]");
    is_str(retry.reason, "in a list", "a list");
    (void) classify(422, "{\"detail\":\"a detail\"}");
    is_str(retry.reason, "a detail", "a detail");
    (void) classify(422, "{\"detail\":[{\"msg\":\"x\"}]}");
    is_str(retry.reason, "", "no string");

    memset(body, 0, sizeof(body));
    strcpy(body, "{\"error\":\"a");
    while (strlen(body) < 1500) {
        strcat(body, "\xC3\xA4");
    }
    strcat(body, "\"}");
    (void) classify(400, body);
    is_int((long long) strlen(retry.reason), 255, "cut to fit");
    is_int(retry.reason[254] & 0xff, 0xa4, "behind a whole character");

    body[strlen(body) - 3] = '\0';
    strcat(body, "b\"}");
    (void) classify(400, body);
    is_str(retry.reason, "", "what is no UTF-8 is no reason");
}


static void
test_wait(void)
{
    int       i;
    int64_t   w, top;
    uint32_t  r;

    top = 0;
    for (i = 0, r = 12345; i < 1000; i++) {
        r = r * 1664525 + 1013904223;
        w = assess_retry_wait(3, 100, 5000, -1, r);
        top = w > top ? w : top;
        if (w < 0 || w > 400) {
            break;
        }
    }

    is_int(i, 1000, "the third: from 0 to four times the first");
    ok(top > 380, "all of that range (%lld)", (long long) top);

    is_int(assess_retry_wait(1, 100, 5000, -1, 100), 100, "the first");
    is_int(assess_retry_wait(30, 100, 5000, -1, 5000), 5000, "the longest");
    ok(assess_retry_wait(2000000000, 100, 5000, -1, UINT32_MAX) <= 5000,
       "after any number");
    ok(assess_retry_wait(1, 0, 0, -1, 77) == 0, "none at all");

    for (i = 0, r = 1; i < 1000; i++) {
        r = r * 1664525 + 1013904223;
        w = assess_retry_wait(1, 100, 5000, 1000, r);
        if (w < 1000 || w > 1250) {
            break;
        }
    }

    is_int(i, 1000, "never before the server's time, nor long after");
    is_int(assess_retry_wait(1, 100, 5000, 0, 77), 0, "at once, if it says so");
}


int
main(void)
{
    test_statuses();
    test_outcomes();
    test_network();
    test_headers();
    test_reason();
    test_wait();

    return done_testing();
}
