
/*
 * The hand-over to the pools: a piece of work that runs on a pool thread and
 * comes back to the event loop.  Event loop only, unless it says otherwise.
 */

#ifndef NGX_HTTP_ASSESS_TASK_H
#define NGX_HTTP_ASSESS_TASK_H


#include "../ngx_http_assess_module.h"


typedef struct ngx_http_assess_task_s  ngx_http_assess_task_t;
typedef struct ngx_http_assess_pool_s  ngx_http_assess_pool_t;


/* What a pool does; of nginx's own counts nothing can be seen. */
struct ngx_http_assess_pool_s {
    ngx_thread_pool_t  *pool;
    ngx_atomic_t        threads;              /* that have had work so far */
    ngx_atomic_t        busy;
    ngx_atomic_t        waiting;              /* tasks that none has begun */
};


struct ngx_http_assess_task_s {
    ngx_thread_task_t   task;
    void              (*run)(void *data);     /* on a pool thread */
    void              (*done)(void *data);    /* on the event loop */
    void               *data;
    ngx_atomic_t        state;                /* of the hand-over */
    ngx_http_assess_pool_t  *pool;
};


/*
 * The task belongs to the caller, who keeps it until done() is called; it must
 * not live in a request.  While any is under way the worker does not exit.
 * NGX_ERROR when the pool's queue is full.
 */
ngx_int_t ngx_http_assess_task_post(ngx_thread_pool_t *pool,
    ngx_http_assess_task_t *task);

/*
 * Takes back one that no thread has begun: 1, and run() is not called any
 * more, but done() still is, when a thread has come to it.  0: one has it.
 */
ngx_uint_t ngx_http_assess_task_give_up(ngx_http_assess_task_t *task);

/* What this pool does; NULL: it never had a task. */
const ngx_http_assess_pool_t *ngx_http_assess_task_pool(
    ngx_thread_pool_t *pool);

/* How many are under way. */
ngx_uint_t ngx_http_assess_tasks(void);


#endif /* NGX_HTTP_ASSESS_TASK_H */
