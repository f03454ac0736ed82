
/*
 * Sends notices: a thread of its own in each worker takes those that are due,
 * whoever wrote them, and sends many at once.
 */

#ifndef NGX_HTTP_ASSESS_NOTICES_H
#define NGX_HTTP_ASSESS_NOTICES_H


#include "../ngx_http_assess_module.h"


/* Event loop.  db is the jobs' one; it outlives this. */
ngx_int_t ngx_http_assess_notices_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf, assess_db_t *db);

/* The store is open. */
void ngx_http_assess_notices_open(void);

/* Some were written, and are committed.  Any thread. */
void ngx_http_assess_notices_wake(void);

/* This worker is on its way out; waits for a moment, not for receivers. */
void ngx_http_assess_notices_exit(void);


#endif /* NGX_HTTP_ASSESS_NOTICES_H */
