
#include "ngx_http_assess_early.h"


typedef struct {
    ngx_queue_t    waiting;
    void         (*go)(ngx_http_assess_call_t *call);
    ngx_uint_t     init;
} ngx_http_assess_early_t;


static void ngx_http_assess_early_over(void);


static ngx_http_assess_early_t  ngx_http_assess_early_calls;


ngx_uint_t
ngx_http_assess_early(ngx_http_assess_call_t *call,
    void (*go)(ngx_http_assess_call_t *call))
{
    ngx_http_assess_early_t  *e;

    if (!ngx_http_assess_scheduler_opening()) {
        return 0;
    }

    e = &ngx_http_assess_early_calls;

    if (!e->init) {
        e->init = 1;
        e->go = go;
        ngx_queue_init(&e->waiting);
        ngx_http_assess_scheduler_tried(ngx_http_assess_early_over);
    }

    ngx_queue_insert_tail(&e->waiting, &call->queue);
    call->early = 1;

    return 1;
}


ngx_uint_t
ngx_http_assess_early_give_up(ngx_http_assess_call_t *call)
{
    if (!call->early) {
        return 0;
    }

    ngx_queue_remove(&call->queue);
    call->early = 0;

    return 1;
}


/* the store is open, or cannot be used: which, each finds out by itself */

static void
ngx_http_assess_early_over(void)
{
    ngx_queue_t              *q;
    ngx_connection_t         *c;
    ngx_http_assess_call_t   *call;
    ngx_http_assess_early_t  *e;

    e = &ngx_http_assess_early_calls;

    while (!ngx_queue_empty(&e->waiting)) {

        q = ngx_queue_head(&e->waiting);
        call = ngx_queue_data(q, ngx_http_assess_call_t, queue);

        (void) ngx_http_assess_early_give_up(call);
        ngx_del_timer(&call->patience);

        c = call->request->connection;

        e->go(call);

        ngx_http_run_posted_requests(c);
    }
}
