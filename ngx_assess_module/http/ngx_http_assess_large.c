
#include "ngx_http_assess_large.h"


/* what takes the store longer than a moment, in bytes */
#define NGX_HTTP_ASSESS_LARGE        (1024 * 1024)

/* so many at once, of threads of which there are more */
#define NGX_HTTP_ASSESS_LARGE_TURNS  2

/* 64 MB are stored in less, where they can be stored at all */
#define NGX_HTTP_ASSESS_LARGE_MOVES  10000     /* ms since the last one */


static void ngx_http_assess_large_next(ngx_http_assess_call_t *call);


static ngx_queue_t  ngx_http_assess_line;
static ngx_uint_t   ngx_http_assess_turns;
static int64_t      ngx_http_assess_moved;


ngx_uint_t
ngx_http_assess_large_is(const ngx_http_assess_call_t *call)
{
    return call->body_fd != -1 && call->body_len >= NGX_HTTP_ASSESS_LARGE;
}


ngx_int_t
ngx_http_assess_large_post(ngx_http_assess_call_t *call,
    void (*run)(void *data), void (*done)(void *data))
{
    if (ngx_http_assess_line.next == NULL) {
        ngx_queue_init(&ngx_http_assess_line);
    }

    if (ngx_http_assess_turns < NGX_HTTP_ASSESS_LARGE_TURNS) {

        if (ngx_http_assess_call_post(call, run, done) != NGX_OK) {
            return NGX_ERROR;
        }

        call->large = 1;
        ngx_http_assess_turns++;
        ngx_http_assess_moved = assess_mono_ms();

        return NGX_OK;
    }

    call->task.run = run;
    call->task.done = done;
    call->lined = 1;
    call->busy = 1;

    ngx_queue_insert_tail(&ngx_http_assess_line, &call->queue);

    return NGX_OK;
}


void
ngx_http_assess_large_back(void)
{
    ngx_queue_t             *q;
    ngx_http_assess_call_t  *call;

    ngx_http_assess_turns--;
    ngx_http_assess_moved = assess_mono_ms();

    while (ngx_http_assess_turns < NGX_HTTP_ASSESS_LARGE_TURNS
           && !ngx_queue_empty(&ngx_http_assess_line))
    {
        q = ngx_queue_head(&ngx_http_assess_line);
        call = ngx_queue_data(q, ngx_http_assess_call_t, queue);

        (void) ngx_http_assess_large_give_up(call);
        ngx_http_assess_large_next(call);
    }
}


/* Its time begins anew: that it waited was not the store's fault */

static void
ngx_http_assess_large_next(ngx_http_assess_call_t *call)
{
    assess_err_t       err;
    ngx_connection_t  *c;

    call->accepted = assess_mono_ms();

    (void) assess_fail(&err, ASSESS_UNAVAILABLE, NULL,
                       "too many calls wait for the store");

    if (!assess_db_away(ngx_http_assess_scheduler_db(), &err)
        && ngx_http_assess_large_post(call, call->task.run, call->task.done)
           == NGX_OK)
    {
        return;
    }

    c = call->request->connection;

    ngx_del_timer(&call->patience);

    ngx_http_assess_call_fail(call, &err);
    ngx_http_assess_call_answer(call);

    ngx_http_run_posted_requests(c);
}


ngx_uint_t
ngx_http_assess_large_moves(const ngx_http_assess_call_t *call)
{
    return call->lined && assess_mono_ms() - ngx_http_assess_moved
                          < NGX_HTTP_ASSESS_LARGE_MOVES;
}


ngx_uint_t
ngx_http_assess_large_give_up(ngx_http_assess_call_t *call)
{
    if (!call->lined) {
        return 0;
    }

    ngx_queue_remove(&call->queue);

    call->lined = 0;
    call->busy = 0;

    return 1;
}
