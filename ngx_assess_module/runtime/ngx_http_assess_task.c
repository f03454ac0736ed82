
#include "ngx_http_assess_task.h"


#define NGX_HTTP_ASSESS_HOLD        200
#define NGX_HTTP_ASSESS_TASK_POOLS  4

/* who has a task is decided once: a thread, or whoever gives it up */
#define NGX_HTTP_ASSESS_TASK_POSTED    0
#define NGX_HTTP_ASSESS_TASK_BEGUN     1
#define NGX_HTTP_ASSESS_TASK_GIVEN_UP  2


static ngx_http_assess_pool_t *ngx_http_assess_pool(ngx_thread_pool_t *pool);
static void ngx_http_assess_task_run(void *data, ngx_log_t *log);
static void ngx_http_assess_task_done(ngx_event_t *ev);
static void ngx_http_assess_task_hold(ngx_event_t *ev);


static ngx_uint_t   ngx_http_assess_ntasks;

/* those of assess_threads: a pool is known from its first task on */
static ngx_http_assess_pool_t  ngx_http_assess_pools[
                                                  NGX_HTTP_ASSESS_TASK_POOLS];

static __thread ngx_uint_t     ngx_http_assess_pool_seen;

/*
 * A worker that was told to quit exits as soon as no timer is left, whatever
 * its threads are doing, and completion handlers are not run after that: a
 * timer of our own holds it until the last task is back.
 */
static ngx_event_t        ngx_http_assess_hold;
static ngx_connection_t   ngx_http_assess_hold_connection;


ngx_int_t
ngx_http_assess_task_post(ngx_thread_pool_t *pool,
    ngx_http_assess_task_t *task)
{
    ngx_memzero(&task->task, sizeof(ngx_thread_task_t));

    task->state = NGX_HTTP_ASSESS_TASK_POSTED;
    task->pool = ngx_http_assess_pool(pool);

    task->task.ctx = task;
    task->task.handler = ngx_http_assess_task_run;
    task->task.event.data = task;
    task->task.event.handler = ngx_http_assess_task_done;
    task->task.event.log = ngx_cycle->log;

    /* before: it may be taken at once */

    (void) ngx_atomic_fetch_add(&task->pool->waiting, 1);

    if (ngx_thread_task_post(pool, &task->task) != NGX_OK) {
        (void) ngx_atomic_fetch_add(&task->pool->waiting, -1);
        return NGX_ERROR;
    }

    ngx_http_assess_ntasks++;

    if (!ngx_http_assess_hold.timer_set) {
        ngx_http_assess_hold_connection.fd = (ngx_socket_t) -1;
        ngx_http_assess_hold.data = &ngx_http_assess_hold_connection;
        ngx_http_assess_hold.handler = ngx_http_assess_task_hold;
        ngx_http_assess_hold.log = ngx_cycle->log;
        ngx_add_timer(&ngx_http_assess_hold, NGX_HTTP_ASSESS_HOLD);
    }

    return NGX_OK;
}


/* there are fewer pools than places: the last one is for all that are left */

static ngx_http_assess_pool_t *
ngx_http_assess_pool(ngx_thread_pool_t *pool)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_ASSESS_TASK_POOLS - 1; i++) {

        if (ngx_http_assess_pools[i].pool == NULL) {
            ngx_http_assess_pools[i].pool = pool;
        }

        if (ngx_http_assess_pools[i].pool == pool) {
            break;
        }
    }

    return &ngx_http_assess_pools[i];
}


const ngx_http_assess_pool_t *
ngx_http_assess_task_pool(ngx_thread_pool_t *pool)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_ASSESS_TASK_POOLS; i++) {
        if (pool && ngx_http_assess_pools[i].pool == pool) {
            return &ngx_http_assess_pools[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_assess_task_give_up(ngx_http_assess_task_t *task)
{
    return ngx_atomic_cmp_set(&task->state, NGX_HTTP_ASSESS_TASK_POSTED,
                              NGX_HTTP_ASSESS_TASK_GIVEN_UP);
}


ngx_uint_t
ngx_http_assess_tasks(void)
{
    return ngx_http_assess_ntasks;
}


static void
ngx_http_assess_task_run(void *data, ngx_log_t *log)
{
    ngx_http_assess_pool_t  *pool;
    ngx_http_assess_task_t  *task;

    task = data;
    pool = task->pool;

    if (!ngx_http_assess_pool_seen) {
        ngx_http_assess_pool_seen = 1;
        (void) ngx_atomic_fetch_add(&pool->threads, 1);
    }

    (void) ngx_atomic_fetch_add(&pool->busy, 1);
    (void) ngx_atomic_fetch_add(&pool->waiting, -1);

    if (ngx_atomic_cmp_set(&task->state, NGX_HTTP_ASSESS_TASK_POSTED,
                           NGX_HTTP_ASSESS_TASK_BEGUN))
    {
        task->run(task->data);
    }

    (void) ngx_atomic_fetch_add(&pool->busy, -1);
}


static void
ngx_http_assess_task_done(ngx_event_t *ev)
{
    ngx_http_assess_task_t  *task;

    task = ev->data;

    ngx_http_assess_ntasks--;

    if (ngx_http_assess_ntasks == 0 && ngx_http_assess_hold.timer_set) {
        ngx_del_timer(&ngx_http_assess_hold);
    }

    task->done(task->data);
}


static void
ngx_http_assess_task_hold(ngx_event_t *ev)
{
    if (ngx_http_assess_ntasks) {
        ngx_add_timer(ev, NGX_HTTP_ASSESS_HOLD);
    }
}
