
#ifndef _GNU_SOURCE
#define _GNU_SOURCE                            /* strcasestr() */
#endif

#include "assess_retry.h"

#include <curl/curl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


typedef struct {
    json_t      *root;
    const char  *message;
    const char  *code;
    const char  *type;
    long         status;         /* where code is a number */
} assess_problem_t;


/* of error.code and error.type */

static const char *const  assess_money_codes[] = {
    "insufficient_quota",
    "credit_balance_exhausted",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
    "insufficient_credits",
    "insufficient_balance",
    "budget_exceeded",
    NULL
};

/* "quota" is none of these: some call a rate per minute that */

static const char *const  assess_money_words[] = {
    "credit balance",
    "insufficient credit",
    "insufficient balance",
    "out of credits",
    "billing hard limit",
    "spend limit",
    "spending limit",
    NULL
};

static const char *const  assess_long_codes[] = {
    "context_length_exceeded",
    "exceed_context_size_error",
    "string_above_max_length",
    "request_too_large",
    NULL
};

static const char *const  assess_output_codes[] = {
    "json_validate_failed",
    NULL
};


/* llama.cpp's words for output that was cut off, or is no JSON */

static const char *const  assess_output_words[] = {
    "model produced output that does not match",
    "failed to parse model output",
    NULL
};


static const char *const  assess_long_words[] = {
    "maximum context length",
    "context size",
    "context window",
    "prompt is too long",
    NULL
};

/* with 429: more tokens than there are in a minute, so that waiting is vain */

static const char *const  assess_never_words[] = {
    "request too large",
    NULL
};

static const char *const  assess_overload_words[] = {
    "overload",
    NULL
};


static int
assess_one_of(const char *const *words, const char *text)
{
    if (text == NULL) {
        return 0;
    }

    for ( /* void */ ; *words; words++) {
        if (strcmp(*words, text) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
assess_mentions(const char *const *words, const char *text)
{
    if (text == NULL) {
        return 0;
    }

    for ( /* void */ ; *words; words++) {
        if (strcasestr(text, *words)) {
            return 1;
        }
    }

    return 0;
}


/*
 * {"error":{"message","type","code"}} is OpenAI's; others send that in an
 * array, "error" as a string, or the members at the top ("detail" too).
 */

static void
assess_problem_read(assess_problem_t *problem, const assess_str_t *body)
{
    json_t  *top, *error;

    memset(problem, 0, sizeof(assess_problem_t));

    if (body->data == NULL) {
        return;
    }

    problem->root = json_loadb(body->data, body->len, 0, NULL);

    top = problem->root;
    if (json_is_array(top)) {
        top = json_array_get(top, 0);
    }

    error = json_object_get(top, "error");

    if (json_is_object(error)) {
        top = error;

    } else if (json_is_string(error)) {
        problem->message = json_string_value(error);
    }

    if (problem->message == NULL) {
        problem->message = json_string_value(json_object_get(top, "message"));
    }

    if (problem->message == NULL) {
        problem->message = json_string_value(json_object_get(top, "detail"));
    }

    problem->code = json_string_value(json_object_get(top, "code"));
    problem->type = json_string_value(json_object_get(top, "type"));
    problem->status = (long) json_integer_value(json_object_get(top, "code"));
}


static int
assess_secret(const char *p, const assess_str_t *key)
{
    size_t  n;

    if (key->len >= 4 && strncmp(p, key->data, key->len) == 0) {
        return (int) key->len;
    }

    /* servers repeat a wrong key with stars in it: "sk-abcd***wxyz" */

    if (strncmp(p, "sk-", 3) != 0) {
        return 0;
    }

    n = strcspn(p, " \t\r\n\"',;");

    return n > 6 ? (int) n : 0;
}


/* One line, valid UTF-8, no key, cut to fit. */

static void
assess_retry_reason(assess_retry_t *retry, const char *text,
    const assess_str_t *key)
{
    int          secret;
    char        *dst, *last;
    size_t       n;
    uint32_t     cp;
    const char  *p, *end;

    dst = retry->reason;
    last = dst + sizeof(retry->reason) - 1;
    end = text + strlen(text);

    for (p = text; p < end; p += n) {

        secret = assess_secret(p, key);
        if (secret) {
            if (last - dst < 3) {
                break;
            }

            memcpy(dst, "***", 3);
            dst += 3;
            n = (size_t) secret;
            continue;
        }

        n = assess_utf8_next(p, end, &cp);

        if (n == 0 || cp < 0x20 || cp == 0x7f) {
            n = n ? n : 1;

            if (dst < last && dst > retry->reason && dst[-1] != ' ') {
                *dst++ = ' ';
            }

            continue;
        }

        if ((size_t) (last - dst) < n) {
            break;
        }

        memcpy(dst, p, n);
        dst += n;
    }

    *dst = '\0';
}


static int64_t
assess_retry_after(const assess_failure_t *failure, int64_t now_ms)
{
    char    *end, text[64];
    time_t   date;
    double   ms;

    ms = -1;

    if (failure->retry_after_ms.len
        && failure->retry_after_ms.len < sizeof(text))
    {
        memcpy(text, failure->retry_after_ms.data,
               failure->retry_after_ms.len);
        text[failure->retry_after_ms.len] = '\0';

        ms = strtod(text, &end);
        if (end == text || *end != '\0') {
            ms = -1;
        }
    }

    if (!(ms >= 0) && failure->retry_after.len
        && failure->retry_after.len < sizeof(text))
    {
        memcpy(text, failure->retry_after.data, failure->retry_after.len);
        text[failure->retry_after.len] = '\0';

        ms = strtod(text, &end) * 1000;

        if (end == text || *end != '\0') {
            date = curl_getdate(text, NULL);
            ms = date < 0 ? -1 : (double) date * 1000 - (double) now_ms;

            if (date >= 0 && ms < 0) {
                ms = 0;
            }
        }
    }

    if (!(ms >= 0)) {
        return -1;
    }

    return ms < ASSESS_RETRY_AFTER_MAX ? (int64_t) ceil(ms)
                                       : ASSESS_RETRY_AFTER_MAX;
}


static int
assess_is(const assess_str_t *s, const char *word)
{
    return s->len == strlen(word) && strncasecmp(s->data, word, s->len) == 0;
}


static assess_retry_e
assess_retry_network(int code)
{
    switch (code) {

    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return ASSESS_RETRY_NEVER;

    default:
        return ASSESS_RETRY_AGAIN;
    }
}


/* Routers report some failures with 200 and the status in the body. */

static long
assess_retry_status(const assess_failure_t *failure,
    const assess_problem_t *problem)
{
    if (failure->status >= 300) {
        return failure->status;
    }

    return problem->status >= 400 && problem->status < 600
           ? problem->status : 500;
}


static assess_retry_e
assess_retry_http(const assess_failure_t *failure,
    const assess_problem_t *problem)
{
    int   again;
    long  status;

    status = assess_retry_status(failure, problem);

    if (status == 402
        || assess_one_of(assess_money_codes, problem->code)
        || assess_one_of(assess_money_codes, problem->type)
        || (status < 500
            && assess_mentions(assess_money_words, problem->message)))
    {
        return ASSESS_RETRY_MONEY;
    }

    if (status == 413
        || assess_one_of(assess_long_codes, problem->code)
        || assess_one_of(assess_long_codes, problem->type)
        || (status == 400
            && assess_mentions(assess_long_words, problem->message))
        || (status == 429
            && assess_mentions(assess_never_words, problem->message)))
    {
        return ASSESS_RETRY_TOO_LONG;
    }

    if (assess_one_of(assess_output_codes, problem->code)
        || (status == 500
            && assess_mentions(assess_output_words, problem->message)))
    {
        return ASSESS_RETRY_OUTPUT;
    }

    again = status == 408 || status == 409 || status == 425 || status == 429
            || status >= 500;

    if (assess_is(&failure->should_retry, "false")) {
        return again ? ASSESS_RETRY_NEVER : ASSESS_RETRY_REFUSED;
    }

    if (again || assess_is(&failure->should_retry, "true")) {
        return ASSESS_RETRY_AGAIN;
    }

    return ASSESS_RETRY_REFUSED;
}


/*
 * What it says of the provider, not of the request.  502, 504 and 52x are a
 * proxy's word for nobody behind it.
 */

static assess_outcome_e
assess_retry_outcome(const assess_failure_t *failure,
    const assess_problem_t *problem)
{
    long  status;

    status = assess_retry_status(failure, problem);

    if (status == 529
        || (status >= 500
            && (assess_mentions(assess_overload_words, problem->type)
                || assess_mentions(assess_overload_words, problem->code)
                || assess_mentions(assess_overload_words,
                                   problem->message))))
    {
        return ASSESS_OUTCOME_OVERLOAD;
    }

    if (status == 429) {
        return ASSESS_OUTCOME_THROTTLE;
    }

    if ((status >= 502 && status <= 504) || (status >= 520 && status <= 524)) {
        return ASSESS_OUTCOME_DOWN;
    }

    return ASSESS_OUTCOME_ERROR;
}


void
assess_retry_classify(const assess_failure_t *failure, int64_t now_ms,
    assess_retry_t *retry)
{
    assess_problem_t  problem;

    retry->after_ms = -1;
    retry->reason[0] = '\0';

    if (failure->lack) {
        retry->action = ASSESS_RETRY_LOCAL;
        retry->outcome = ASSESS_OUTCOME_ENDED;
        assess_retry_reason(retry, strerror(failure->lack), &failure->key);
        return;
    }

    if (failure->curl != CURLE_OK) {
        retry->action = assess_retry_network(failure->curl);
        retry->outcome = retry->action == ASSESS_RETRY_AGAIN
                         && failure->curl != CURLE_WRITE_ERROR
                         && failure->curl != CURLE_SEND_FAIL_REWIND
                         ? ASSESS_OUTCOME_DOWN : ASSESS_OUTCOME_ERROR;
        assess_retry_reason(retry, curl_easy_strerror(failure->curl),
                            &failure->key);
        return;
    }

    assess_problem_read(&problem, &failure->body);

    retry->action = assess_retry_http(failure, &problem);
    retry->outcome = retry->action == ASSESS_RETRY_AGAIN
                     || retry->action == ASSESS_RETRY_NEVER
                     ? assess_retry_outcome(failure, &problem)
                     : ASSESS_OUTCOME_ERROR;
    retry->after_ms = assess_retry_after(failure, now_ms);

    if (problem.message) {
        assess_retry_reason(retry, problem.message, &failure->key);
    }

    json_decref(problem.root);
}


int64_t
assess_retry_wait(int tried, int base_ms, int max_ms, int64_t after_ms,
    uint32_t random)
{
    int64_t  range;

    if (after_ms >= 0) {
        return after_ms + random % (after_ms / 4 + 1);
    }

    range = base_ms > 0 ? base_ms : 1;

    while (--tried > 0 && range < max_ms) {
        range *= 2;
    }

    if (range > max_ms) {
        range = max_ms;
    }

    return range > 0 ? (int64_t) (random % (uint64_t) (range + 1)) : 0;
}
