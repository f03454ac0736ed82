
#include "ngx_http_assess_task.h"


#define NGX_HTTP_ASSESS_HOLD  200

/* who has a task is decided once: a thread, or whoever gives it up */
#define NGX_HTTP_ASSESS_TASK_POSTED    0
#define NGX_HTTP_ASSESS_TASK_BEGUN     1
#define NGX_HTTP_ASSESS_TASK_GIVEN_UP  2


static void ngx_http_assess_task_run(void *data, ngx_log_t *log);
static void ngx_http_assess_task_done(ngx_event_t *ev);
static void ngx_http_assess_task_hold(ngx_event_t *ev);


static ngx_uint_t   ngx_http_assess_ntasks;

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

    task->task.ctx = task;
    task->task.handler = ngx_http_assess_task_run;
    task->task.event.data = task;
    task->task.event.handler = ngx_http_assess_task_done;
    task->task.event.log = ngx_cycle->log;

    if (ngx_thread_task_post(pool, &task->task) != NGX_OK) {
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
    ngx_http_assess_task_t  *task;

    task = data;

    if (ngx_atomic_cmp_set(&task->state, NGX_HTTP_ASSESS_TASK_POSTED,
                           NGX_HTTP_ASSESS_TASK_BEGUN))
    {
        task->run(task->data);
    }
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
