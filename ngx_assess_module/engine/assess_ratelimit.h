
/*
 * What a provider tells of its limits in the headers of an answer, so that
 * the wall is seen before it is hit.  Pure, any thread.
 */

#ifndef ASSESS_RATELIMIT_H
#define ASSESS_RATELIMIT_H


#include "../base/assess_base.h"


typedef enum {
    ASSESS_QUOTA_REQUESTS = 0,
    ASSESS_QUOTA_TOKENS,
    ASSESS_QUOTA_INPUT,
    ASSESS_QUOTA_OUTPUT,
    ASSESS_QUOTAS
} assess_quota_e;


/* -1: not told.  reset_ms is from now on, at most a day. */
typedef struct {
    int64_t   limit;
    int64_t   remaining;
    int64_t   reset_ms;
} assess_quota_t;


typedef struct {
    assess_quota_t   quotas[ASSESS_QUOTAS];
} assess_ratelimit_t;


/* Nothing told. */
void assess_ratelimit_init(assess_ratelimit_t *told);

/*
 * Takes one header line as it came, with or without a line end; what is not
 * understood is passed over.  now_ms is the wall clock, which points in time
 * are compared with.  1: it was one of these.
 *
 * Sources: OpenAI's "Rate limits" (x-ratelimit-{limit,remaining,reset}-
 * {requests,tokens}, resets as "6m0s" or "120ms"; Groq alike), Anthropic's
 * "Rate limits" (anthropic-ratelimit-{requests,tokens,input-tokens,
 * output-tokens}-{limit,remaining,reset}, RFC 3339), RateLimit-* of the IETF
 * drafts up to 06 (seconds) and X-RateLimit-* (seconds, seconds or
 * milliseconds since 1970, or dates).  Azure sends -1 for what it does not
 * tell.
 */
int assess_ratelimit_header(assess_ratelimit_t *told, const char *line,
    size_t len, int64_t now_ms);


#endif /* ASSESS_RATELIMIT_H */
