
/*
 * Calls with a large body, which take the store long: few at once, so that
 * others find a thread and a connection, and each ends in time.  The others of
 * them stand in line; on the event loop.  It took long to send such a body, and
 * would again: a store that is slow, or away, is waited for some seconds, not
 * one.
 */

#ifndef NGX_HTTP_ASSESS_LARGE_H
#define NGX_HTTP_ASSESS_LARGE_H


#include "ngx_http_assess_call.h"


/* How long one may take then, and a transaction of it, but for quick answers. */
#define NGX_HTTP_ASSESS_LARGE_IN_ALL   6000      /* ms */
#define NGX_HTTP_ASSESS_LARGE_PATIENT  5000      /* ms */


/* Whether it is one of them. */
ngx_uint_t ngx_http_assess_large_is(const ngx_http_assess_call_t *call);

/* As ngx_http_assess_call_post(), when its turn has come. */
ngx_int_t ngx_http_assess_large_post(ngx_http_assess_call_t *call,
    void (*run)(void *data), void (*done)(void *data));

/* On its thread: until the store answers, which it may not do in time. */
void ngx_http_assess_large_wait(void);

/* One that was run is back, and was served or not: the next ones go. */
void ngx_http_assess_large_back(ngx_uint_t served);

/*
 * Whether it stands in line, and those before it get on, or may soon; or its
 * turn has come, and no thread yet.
 */
ngx_uint_t ngx_http_assess_large_moves(const ngx_http_assess_call_t *call);

/* Whether it stood in line; it does no more. */
ngx_uint_t ngx_http_assess_large_give_up(ngx_http_assess_call_t *call);


#endif /* NGX_HTTP_ASSESS_LARGE_H */
