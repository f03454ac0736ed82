
/*
 * Calls with a large body, which take the store long: few at once, so that
 * others find a thread and a connection, and each ends in time.  The others of
 * them stand in line; on the event loop.
 */

#ifndef NGX_HTTP_ASSESS_LARGE_H
#define NGX_HTTP_ASSESS_LARGE_H


#include "ngx_http_assess_call.h"


/* Whether it is one of them. */
ngx_uint_t ngx_http_assess_large_is(const ngx_http_assess_call_t *call);

/* As ngx_http_assess_call_post(), when its turn has come. */
ngx_int_t ngx_http_assess_large_post(ngx_http_assess_call_t *call,
    void (*run)(void *data), void (*done)(void *data));

/* One that was run is back: the next ones go. */
void ngx_http_assess_large_back(void);

/* Whether it stands in line, and those before it get on. */
ngx_uint_t ngx_http_assess_large_moves(const ngx_http_assess_call_t *call);

/* Whether it stood in line; it does no more. */
ngx_uint_t ngx_http_assess_large_give_up(ngx_http_assess_call_t *call);


#endif /* NGX_HTTP_ASSESS_LARGE_H */
