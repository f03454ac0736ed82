
#include "ngx_http_assess_together.h"

#include "../runtime/ngx_http_assess_runners.h"


/* one is at the store, and the next one is ready to be */
#define NGX_HTTP_ASSESS_GROUPS   2

/* what waits has its memory: more are refused at once */
#define NGX_HTTP_ASSESS_WAITING  2048


typedef struct {
    ngx_http_assess_task_t    task;
    ngx_http_assess_call_t   *calls[NGX_HTTP_ASSESS_TOGETHER];
    assess_starting_t        *starts[NGX_HTTP_ASSESS_TOGETHER];
    ngx_uint_t                n;
    ngx_uint_t                posted;            /* to a thread, and not back */
} ngx_http_assess_group_t;


/*
 * A group goes when the one before it has committed, with all that have come by
 * then: the event loop may be busy reading more.  Its thread reads what is
 * there while the one before it is at the store.
 */

typedef struct {
    pthread_mutex_t           turn;              /* of the store */

    pthread_mutex_t           mutex;             /* of what follows */
    ngx_queue_t               waiting;
    ngx_uint_t                nwaiting;
    ngx_uint_t                coming;            /* threads, to take them */

    ngx_http_assess_group_t   groups[NGX_HTTP_ASSESS_GROUPS];
    void                    (*done)(void *data);
    ngx_uint_t                init;
} ngx_http_assess_together_t;


static ngx_int_t ngx_http_assess_together_init(void);
static void ngx_http_assess_together_go(ngx_http_assess_main_conf_t *mcf);
static void ngx_http_assess_together_run(void *data);
static void ngx_http_assess_together_take(ngx_http_assess_group_t *group,
    ngx_uint_t last);
static void ngx_http_assess_together_done(void *data);


static ngx_http_assess_together_t  ngx_http_assess_together;


ngx_int_t
ngx_http_assess_together_post(ngx_http_assess_call_t *call,
    void (*done)(void *data))
{
    ngx_uint_t                   full;
    ngx_http_assess_together_t  *t;

    t = &ngx_http_assess_together;

    if (!t->init && ngx_http_assess_together_init() != NGX_OK) {
        return NGX_ERROR;
    }

    t->done = done;

    (void) pthread_mutex_lock(&t->mutex);

    full = t->nwaiting == NGX_HTTP_ASSESS_WAITING;

    if (!full) {
        ngx_queue_insert_tail(&t->waiting, &call->queue);
        t->nwaiting++;

        call->waits = 1;
        call->busy = 1;
    }

    (void) pthread_mutex_unlock(&t->mutex);

    if (full) {
        return NGX_ERROR;
    }

    ngx_http_assess_together_go(call->mcf);

    return NGX_OK;
}


static ngx_int_t
ngx_http_assess_together_init(void)
{
    ngx_http_assess_together_t  *t;

    t = &ngx_http_assess_together;

    if (pthread_mutex_init(&t->turn, NULL) != 0
        || pthread_mutex_init(&t->mutex, NULL) != 0)
    {
        return NGX_ERROR;
    }

    ngx_queue_init(&t->waiting);
    t->init = 1;

    return NGX_OK;
}


ngx_uint_t
ngx_http_assess_together_give_up(ngx_http_assess_call_t *call)
{
    ngx_uint_t                   waits;
    ngx_http_assess_together_t  *t;

    t = &ngx_http_assess_together;

    if (!t->init) {
        return 0;
    }

    (void) pthread_mutex_lock(&t->mutex);

    waits = call->waits;

    if (waits) {
        ngx_queue_remove(&call->queue);
        t->nwaiting--;

        call->waits = 0;
        call->busy = 0;
    }

    (void) pthread_mutex_unlock(&t->mutex);

    return waits;
}


/* A thread for those who wait, if none is on its way to them */

static void
ngx_http_assess_together_go(ngx_http_assess_main_conf_t *mcf)
{
    ngx_uint_t                   i, needed;
    ngx_http_assess_group_t     *group;
    ngx_http_assess_together_t  *t;

    t = &ngx_http_assess_together;

    for (i = 0; t->groups[i].posted; i++) {
        if (i + 1 == NGX_HTTP_ASSESS_GROUPS) {
            return;
        }
    }

    group = &t->groups[i];

    (void) pthread_mutex_lock(&t->mutex);

    needed = t->nwaiting && !t->coming;

    if (needed) {
        t->coming = 1;
    }

    (void) pthread_mutex_unlock(&t->mutex);

    if (!needed) {
        return;
    }

    group->n = 0;
    group->task.run = ngx_http_assess_together_run;
    group->task.done = ngx_http_assess_together_done;
    group->task.data = group;

    if (ngx_http_assess_task_post(mcf->store_threads, &group->task)
        == NGX_OK)
    {
        group->posted = 1;
        return;
    }

    /* the pool's queue is full: with the next call, or never in their time */

    (void) pthread_mutex_lock(&t->mutex);
    t->coming = 0;
    (void) pthread_mutex_unlock(&t->mutex);
}


static void
ngx_http_assess_together_run(void *data)
{
    ngx_http_assess_group_t *group = data;

    ngx_http_assess_together_t  *t;

    t = &ngx_http_assess_together;

    ngx_http_assess_together_take(group, 0);

    (void) pthread_mutex_lock(&t->turn);

    ngx_http_assess_together_take(group, 1);

    /* the first one has waited the longest */

    if (group->n) {
        assess_db_until(ngx_http_assess_call_deadline(group->calls[0]));
    }

    ngx_http_assess_starts(group->calls, group->starts, group->n, &t->turn);

    assess_db_until(0);
}


/* Those who wait now; those who come after the last look need a thread more */

static void
ngx_http_assess_together_take(ngx_http_assess_group_t *group, ngx_uint_t last)
{
    ngx_uint_t                   had;
    ngx_queue_t                 *q;
    ngx_http_assess_call_t      *call;
    ngx_http_assess_together_t  *t;

    t = &ngx_http_assess_together;
    had = group->n;

    (void) pthread_mutex_lock(&t->mutex);

    while (t->nwaiting && group->n < NGX_HTTP_ASSESS_TOGETHER) {

        q = ngx_queue_head(&t->waiting);
        call = ngx_queue_data(q, ngx_http_assess_call_t, queue);

        ngx_queue_remove(q);
        t->nwaiting--;

        call->waits = 0;
        group->calls[group->n++] = call;
    }

    if (last) {
        t->coming = 0;
    }

    (void) pthread_mutex_unlock(&t->mutex);

    ngx_http_assess_starts_prepare(group->calls + had, group->n - had,
                                   group->starts + had);
}


static void
ngx_http_assess_together_done(void *data)
{
    ngx_http_assess_group_t *group = data;

    ngx_uint_t                    i, n;
    ngx_http_assess_call_t       *calls[NGX_HTTP_ASSESS_TOGETHER];
    ngx_http_assess_main_conf_t  *mcf;
    ngx_http_assess_together_t   *t;

    t = &ngx_http_assess_together;

    n = group->n;
    group->posted = 0;

    if (n == 0) {
        return;
    }

    ngx_http_assess_runners_begin();

    ngx_memcpy(calls, group->calls, n * sizeof(ngx_http_assess_call_t *));
    mcf = calls[0]->mcf;

    /* a thread works for the next ones while these are answered */

    ngx_http_assess_together_go(mcf);

    for (i = 0; i < n; i++) {
        t->done(calls[i]);
    }
}
