
/*
 * What to do about a request that failed: again and when, or never.  Pure,
 * any thread.
 */

#ifndef ASSESS_RETRY_H
#define ASSESS_RETRY_H


#include "assess_gate.h"


/* A server that says "in an hour" is asked again after this all the same. */
#define ASSESS_RETRY_AFTER_MAX  60000


typedef enum {
    ASSESS_RETRY_AGAIN = 0,
    ASSESS_RETRY_LOCAL,          /* again: it has not left this machine */
    ASSESS_RETRY_NEVER,          /* it cannot be had, now or in a moment */
    ASSESS_RETRY_REFUSED,        /* the provider will not have it */
    ASSESS_RETRY_MONEY,          /* quota, credit or billing is exhausted */
    ASSESS_RETRY_TOO_LONG,       /* more than the model's context holds */
    ASSESS_RETRY_OUTPUT          /* the model's own output was no answer */
} assess_retry_e;


/* All of it as it came; header values and key are null when there is none. */
typedef struct {
    int            curl;         /* CURLcode */
    int            lack;         /* errno of what this machine lacks, or 0 */
    long           status;       /* of HTTP; 0: none came */
    assess_str_t   retry_after;
    assess_str_t   retry_after_ms;
    assess_str_t   should_retry; /* x-should-retry */
    assess_str_t   body;
    assess_str_t   key;          /* never to be seen in reason */
} assess_failure_t;


typedef struct {
    assess_retry_e     action;
    assess_outcome_e   outcome;    /* what the gate is to learn of it */
    int64_t            after_ms;   /* what the server asks for; -1: nothing */
    char               reason[256];  /* one line of UTF-8 */
} assess_retry_t;


/*
 * Of anything that is not a completion, whatever its status.  now_ms is the
 * wall clock, which an HTTP date is compared with.
 *
 * Sources: RFC 9110 10.2.3 (Retry-After), and what OpenAI's and Anthropic's
 * own clients do (retry-after-ms, x-should-retry, 408 409 429 5xx), RFC 8470
 * (425), Anthropic's "Errors" (529).  What out-of-money and
 * too-long look like is told by error.code and error.type, which differ from
 * server to server, and by the message only where no other use is known.
 */
void assess_retry_classify(const assess_failure_t *failure, int64_t now_ms,
    assess_retry_t *retry);

/*
 * Milliseconds to wait before try number `tried + 1`.  Full jitter: anything
 * from 0 to base * 2^(tried - 1), at most max; where the server named a time,
 * that and up to a quarter more, so that not all come back at once.
 */
int64_t assess_retry_wait(int tried, int base_ms, int max_ms,
    int64_t after_ms, uint32_t random);


#endif /* ASSESS_RETRY_H */
