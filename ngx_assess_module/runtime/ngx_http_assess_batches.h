
/*
 * The teller of batches: a thread in each worker, that looks what of batches is
 * to be told or done.  It is woken when a job of a batch has changed here, and
 * looks once a second for what a worker that died has left.
 */

#ifndef NGX_HTTP_ASSESS_BATCHES_H
#define NGX_HTTP_ASSESS_BATCHES_H


#include "../ngx_http_assess_module.h"

#include "store/assess_batch.h"


/* Event loop. */
ngx_int_t ngx_http_assess_batches_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf, assess_db_t *db);
void ngx_http_assess_batches_exit(void);

/* The store is open.  Any thread. */
void ngx_http_assess_batches_begin(void);

/* Something of a batch may be to be told or done.  Any thread. */
void ngx_http_assess_batches_wake(void);

/* Hands committed events of batches to all workers.  Any thread. */
void ngx_http_assess_batches_publish(const assess_event_t *events, size_t n);

/*
 * A slice of what a batch wants done (assess_batch_slice()), told to all
 * workers; how many jobs it was, 0 where the store failed, too.  Any thread.
 */
size_t ngx_http_assess_batches_slice(assess_db_t *db, const char *batch_id);


#endif /* NGX_HTTP_ASSESS_BATCHES_H */
