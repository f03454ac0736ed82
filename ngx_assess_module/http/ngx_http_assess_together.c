
#include "ngx_http_assess_together.h"


/* what waits has its memory: more are refused at once */
#define NGX_HTTP_ASSESS_WAITING  2048


typedef struct {
    ngx_http_assess_task_t    task;
    ngx_http_assess_call_t   *calls[NGX_HTTP_ASSESS_TOGETHER];
    ngx_uint_t                n;
    void                    (*done)(void *data);
} ngx_http_assess_group_t;


static void ngx_http_assess_together_go(void);
static void ngx_http_assess_together_run(void *data);
static void ngx_http_assess_together_done(void *data);


/*
 * One at a time: two would be half as large each, and what a group costs the
 * database by itself is most of what it costs.
 */
static ngx_http_assess_group_t   ngx_http_assess_group;

static ngx_queue_t               ngx_http_assess_waiting;
static ngx_uint_t                ngx_http_assess_nwaiting;
static void                    (*ngx_http_assess_waiting_done)(void *data);


ngx_int_t
ngx_http_assess_together_post(ngx_http_assess_call_t *call,
    void (*done)(void *data))
{
    if (ngx_http_assess_nwaiting == NGX_HTTP_ASSESS_WAITING) {
        return NGX_ERROR;
    }

    if (ngx_http_assess_waiting.next == NULL) {
        ngx_queue_init(&ngx_http_assess_waiting);
    }

    ngx_queue_insert_tail(&ngx_http_assess_waiting, &call->queue);
    ngx_http_assess_nwaiting++;
    ngx_http_assess_waiting_done = done;

    call->waits = 1;
    call->busy = 1;

    ngx_http_assess_together_go();

    return NGX_OK;
}


ngx_uint_t
ngx_http_assess_together_give_up(ngx_http_assess_call_t *call)
{
    if (!call->waits) {
        return 0;
    }

    ngx_queue_remove(&call->queue);
    ngx_http_assess_nwaiting--;

    call->waits = 0;
    call->busy = 0;

    return 1;
}


static void
ngx_http_assess_together_go(void)
{
    ngx_queue_t              *q;
    ngx_http_assess_call_t   *call;
    ngx_http_assess_group_t  *group;

    group = &ngx_http_assess_group;

    if (group->n || ngx_http_assess_nwaiting == 0) {
        return;
    }

    while (ngx_http_assess_nwaiting && group->n < NGX_HTTP_ASSESS_TOGETHER) {

        q = ngx_queue_head(&ngx_http_assess_waiting);
        call = ngx_queue_data(q, ngx_http_assess_call_t, queue);

        ngx_queue_remove(q);
        ngx_http_assess_nwaiting--;

        call->waits = 0;
        group->calls[group->n++] = call;
    }

    group->task.run = ngx_http_assess_together_run;
    group->task.done = ngx_http_assess_together_done;
    group->task.data = group;
    group->done = ngx_http_assess_waiting_done;

    if (ngx_http_assess_task_post(group->calls[0]->mcf->store_threads,
                                  &group->task)
        == NGX_OK)
    {
        return;
    }

    /* the pool's queue is full: with the next call, or never in their time */

    while (group->n) {
        call = group->calls[--group->n];

        ngx_queue_insert_head(&ngx_http_assess_waiting, &call->queue);
        ngx_http_assess_nwaiting++;

        call->waits = 1;
    }
}


static void
ngx_http_assess_together_run(void *data)
{
    ngx_http_assess_group_t *group = data;

    /* the first one has waited the longest */

    assess_db_until(ngx_http_assess_call_deadline(group->calls[0]));

    ngx_http_assess_starts(group->calls, group->n);

    assess_db_until(0);
}


static void
ngx_http_assess_together_done(void *data)
{
    ngx_http_assess_group_t *group = data;

    void                    (*done)(void *data);
    ngx_uint_t                i, n;
    ngx_http_assess_call_t   *calls[NGX_HTTP_ASSESS_TOGETHER];

    n = group->n;
    done = group->done;
    ngx_memcpy(calls, group->calls, n * sizeof(ngx_http_assess_call_t *));

    group->n = 0;

    /* the thread works for the next ones while these are answered */

    ngx_http_assess_together_go();

    for (i = 0; i < n; i++) {
        done(calls[i]);
    }
}
