
/*
 * Whether the queue is paused, for all instances: each worker looks once a
 * second, and begins no job while it is.
 */

#ifndef NGX_HTTP_ASSESS_PAUSE_H
#define NGX_HTTP_ASSESS_PAUSE_H


#include "../ngx_http_assess_module.h"


/* On a thread, before anything is claimed. */
assess_err_e ngx_http_assess_pause_first(assess_engine_t *engine,
    assess_err_t *err);

/* Event loop: looks, unless it is looking already. */
void ngx_http_assess_pause_look(ngx_http_assess_main_conf_t *mcf,
    assess_engine_t *engine);

/* What was just decided here; on any thread. */
void ngx_http_assess_pause_set(assess_engine_t *engine, ngx_uint_t paused);


#endif /* NGX_HTTP_ASSESS_PAUSE_H */
