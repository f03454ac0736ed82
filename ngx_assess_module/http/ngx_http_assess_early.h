
/*
 * Calls that come before this worker has opened the store, as after a reload:
 * they wait for it, as long as any call waits, and nobody is sent away because
 * of a moment.  On the event loop.
 */

#ifndef NGX_HTTP_ASSESS_EARLY_H
#define NGX_HTTP_ASSESS_EARLY_H


#include "ngx_http_assess_call.h"


/* Whether it has to wait; go is then called when it need not any more. */
ngx_uint_t ngx_http_assess_early(ngx_http_assess_call_t *call,
    void (*go)(ngx_http_assess_call_t *call));

/* Whether it waited; it does no more. */
ngx_uint_t ngx_http_assess_early_give_up(ngx_http_assess_call_t *call);


#endif /* NGX_HTTP_ASSESS_EARLY_H */
