
/* What is read out of headers about limits. */

/* sources: engine/assess_ratelimit.c base/assess_base.c */
/* libs: -lcurl -lcrypto -lm */

#include "tap.h"

#include "../../ngx_assess_module/engine/assess_ratelimit.h"


#define NOW  INT64_C(1795608000000)   /* Wed, 25 Nov 2026 12:00:00 GMT */


static assess_ratelimit_t  told;


static int
take(const char *line)
{
    return assess_ratelimit_header(&told, line, strlen(line), NOW);
}


static int64_t
reset(const char *value)
{
    char  line[256];

    assess_ratelimit_init(&told);
    (void) snprintf(line, sizeof(line), "x-ratelimit-reset-requests: %s\r\n",
                    value);
    (void) take(line);

    return told.quotas[ASSESS_QUOTA_REQUESTS].reset_ms;
}


static int64_t
count(const char *value)
{
    char  line[256];

    assess_ratelimit_init(&told);
    (void) snprintf(line, sizeof(line), "x-ratelimit-remaining-tokens:%s",
                    value);
    (void) take(line);

    return told.quotas[ASSESS_QUOTA_TOKENS].remaining;
}


static void
test_names(void)
{
    const assess_quota_t  *q = told.quotas;

    assess_ratelimit_init(&told);

    ok(q[0].limit == -1 && q[3].reset_ms == -1, "nothing to begin with");
    ok(!take("content-type: text/html\r\n") && !take("x-ratelimit-\r\n")
       && !take("x-ratelimit-limit-requestsx: 5") && !take("") && !take(":")
       && !take("x-ratelimit-limit"), "other headers are not of it");

    ok(take("X-RateLimit-Limit-Requests: 5000\r\n")
       && q[ASSESS_QUOTA_REQUESTS].limit == 5000, "in any case of letters");
    ok(take("x-ratelimit-remaining-requests:4999")
       && q[ASSESS_QUOTA_REQUESTS].remaining == 4999, "without a space");
    ok(take("x-ratelimit-reset-tokens: 6m0s\r\n")
       && q[ASSESS_QUOTA_TOKENS].reset_ms == 360000, "a duration");

    ok(take("anthropic-ratelimit-input-tokens-limit: 400000\r\n")
       && q[ASSESS_QUOTA_INPUT].limit == 400000
       && take("anthropic-ratelimit-output-tokens-remaining: 80000\r\n")
       && q[ASSESS_QUOTA_OUTPUT].remaining == 80000
       && take("anthropic-ratelimit-output-tokens-reset: "
               "2026-11-25T12:00:30Z\r\n")
       && q[ASSESS_QUOTA_OUTPUT].reset_ms == 30000, "Anthropic's");

    ok(take("RateLimit-Limit: 100, 100;w=60\r\n")
       && q[ASSESS_QUOTA_REQUESTS].limit == 100
       && take("ratelimit-reset: 50") && q[0].reset_ms == 50000,
       "the drafts'");
    ok(take("X-RateLimit-Reset: 1795608060\r\n") && q[0].reset_ms == 60000,
       "seconds since 1970");
    ok(take("X-RateLimit-Reset: 1795608090000\r\n") && q[0].reset_ms == 90000,
       "milliseconds since 1970");
}


static void
test_resets(void)
{
    is_int(reset("120ms"), 120, "milliseconds");
    is_int(reset("1s"), 1000, "a second");
    is_int(reset("2m59.56s"), 179560, "parts of one");
    is_int(reset("1h2m3s"), 3723000, "hours");
    is_int(reset("1d1s"), 86400000, "a day at most");
    is_int(reset("0"), 0, "now");
    is_int(reset("0.5"), 500, "half a second");
    is_int(reset("59.2"), 59200, "seconds without a unit");
    is_int(reset("2026-11-25T12:00:01.250Z"), 1250, "a time with a fraction");
    is_int(reset("2026-11-25T14:00:02+02:00"), 2000, "one of elsewhere");
    is_int(reset("2026-11-25T11:59:00Z"), 0, "one that is past");
    is_int(reset("Wed, 25 Nov 2026 12:00:05 GMT"), 5000, "a date");

    is_int(reset("-1"), -1, "less than nothing");
    is_int(reset("soon"), -1, "a word");
    is_int(reset("5x"), -1, "no unit");
    is_int(reset("1m-5s"), -1, "a sign");
    is_int(reset("nan"), -1, "nan");
    is_int(reset("1e400"), 86400000, "far too many");
    is_int(reset("2026-13-25T12:00:00Z"), -1, "no month");
    is_int(reset("2026-11-25T12:00:00"), -1, "no zone");
    is_int(reset(""), -1, "nothing");
    is_int(reset("11111111111111111111111111111111111111111111111111111111111"
                 "1111111111"), -1, "too long");
}


static void
test_counts(void)
{
    is_int(count(" 149984"), 149984, "a number");
    is_int(count("0"), 0, "none");
    is_int(count("-1"), -1, "Azure's: not told");
    is_int(count("1e15"), 1000000000000000, "the most there is");
    is_int(count("1e16"), -1, "more than that");
    is_int(count("12k"), -1, "a unit");
    is_int(count("inf"), -1, "no number");
    is_int(count("nan"), -1, "nor this");
}


int
main(void)
{
    test_names();
    test_resets();
    test_counts();

    return done_testing();
}
