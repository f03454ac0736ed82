
/*
 * Calls that go together: those that come while others are under way wait for
 * them, and go in one transaction then.  Nobody waits for a timer.
 */

#ifndef NGX_HTTP_ASSESS_TOGETHER_H
#define NGX_HTTP_ASSESS_TOGETHER_H


#include "ngx_http_assess_call.h"

#include "base/assess_json.h"

#include <pthread.h>


/* in one transaction at most: it must not last */
#define NGX_HTTP_ASSESS_TOGETHER  64


/*
 * From the event loop; done() is called on it for each call.  NGX_ERROR: too
 * many wait.
 */
ngx_int_t ngx_http_assess_together_post(ngx_http_assess_call_t *call,
    void (*done)(void *data));

/* Takes one back that still waits: 1, and done() is not called for it. */
ngx_uint_t ngx_http_assess_together_give_up(ngx_http_assess_call_t *call);

/*
 * Reads what these calls say, on a pool thread; NULL for one whose answer is a
 * problem, which it has then.
 */
void ngx_http_assess_starts_prepare(ngx_http_assess_call_t **calls,
    ngx_uint_t n, assess_starting_t **starts);

/*
 * Starts them, on a pool thread: each has its answer then.  turn is unlocked,
 * if there is one, as soon as the store has them.
 */
void ngx_http_assess_starts(ngx_http_assess_call_t **calls,
    assess_starting_t **starts, ngx_uint_t n, pthread_mutex_t *turn);

/* The answer to one whose outcome is known. */
void ngx_http_assess_start_result(ngx_http_assess_call_t *call,
    const assess_starting_t *st);

/* The body, which must be an object of JSON; NULL with an error. */
assess_json_t *ngx_http_assess_start_json(ngx_http_assess_call_t *call,
    assess_err_t *err);


#endif /* NGX_HTTP_ASSESS_TOGETHER_H */
