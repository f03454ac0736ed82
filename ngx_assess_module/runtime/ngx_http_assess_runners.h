
/*
 * The runners of a worker: tasks of the jobs' pool, as many as it may run jobs.
 * The queue is the database: each of them claims one job after the other until
 * there is none.  Event loop only, unless it says otherwise.
 */

#ifndef NGX_HTTP_ASSESS_RUNNERS_H
#define NGX_HTTP_ASSESS_RUNNERS_H


#include "../ngx_http_assess_module.h"


/* The engine is filled in before the first one runs, and outlives them. */
ngx_int_t ngx_http_assess_runners_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf, assess_engine_t *engine);

/* They may look for jobs, the store is open; and not any more. */
void ngx_http_assess_runners_open(void);
void ngx_http_assess_runners_quit(void);

/* When no thread of theirs is left, before the leases and the store go. */
void ngx_http_assess_runners_exit(void);

/* There may be a job to claim. */
void ngx_http_assess_runners_kick(void);

/*
 * A job that is started while one of them has nothing to do need not wait in the
 * queue until it is found there.  Before such starts are written: gives each a
 * taker, if there are so many, or none of them one.  Behind that: what a taker
 * has got is its own.  Both on the thread that writes them.
 */
void ngx_http_assess_runners_give(assess_starting_t **starts, ngx_uint_t n);
void ngx_http_assess_runners_settle(assess_starting_t **starts, ngx_uint_t n);

/*
 * And then these jobs begin: those of all that were settled and have not, as
 * where the pool of threads had no room.
 */
void ngx_http_assess_runners_begin(void);


#endif /* NGX_HTTP_ASSESS_RUNNERS_H */
