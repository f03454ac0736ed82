
/*
 * The scheduler of a worker: its store, its engine, and what it tells others of
 * their changes.  Event loop only, unless it says otherwise.
 */

#ifndef NGX_HTTP_ASSESS_SCHEDULER_H
#define NGX_HTTP_ASSESS_SCHEDULER_H


#include "../ngx_http_assess_module.h"


ngx_int_t ngx_http_assess_scheduler_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf);
void ngx_http_assess_scheduler_quit(void);
void ngx_http_assess_scheduler_exit(void);

/* There may be a job that was left by its worker. */
void ngx_http_assess_scheduler_left(void);

/*
 * Whether the store can be used: it was reached, and its schema is right.
 * Otherwise err, where given, says why.
 */
ngx_uint_t ngx_http_assess_scheduler_ready(assess_err_t *err);

/*
 * Whether it is being opened, and that did not fail before: it takes a moment.
 * Who asks to is told when that is over, either way.
 */
ngx_uint_t ngx_http_assess_scheduler_opening(void);
void ngx_http_assess_scheduler_tried(void (*handler)(void));

/* The calls' connections, which are not waited for long.  Any thread. */
assess_db_t *ngx_http_assess_scheduler_db(void);
assess_engine_t *ngx_http_assess_scheduler_engine(void);

/* Hands committed changes to all workers.  Any thread. */
void ngx_http_assess_scheduler_publish(const assess_change_t **changes,
    ngx_uint_t n);


#endif /* NGX_HTTP_ASSESS_SCHEDULER_H */
