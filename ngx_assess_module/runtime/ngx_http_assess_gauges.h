
/*
 * What can only be looked at, not counted: how a worker is, which it tells once
 * a second (ngx_http_assess_zone_told()), and how the store is, which is looked
 * at when somebody asks, at most once in some seconds for all of this nginx
 * (ngx_http_assess_zone_seen()).  Event loop only.
 */

#ifndef NGX_HTTP_ASSESS_GAUGES_H
#define NGX_HTTP_ASSESS_GAUGES_H


#include "ngx_http_assess_zone.h"


typedef struct {
    ngx_queue_t     queue;           /* next NULL: it does not wait */
    void          (*ready)(void *data);
    void           *data;
} ngx_http_assess_asker_t;


void ngx_http_assess_gauges_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf);

/*
 * NGX_OK: what is in the zone is as good as can be had now.  NGX_AGAIN: it is
 * in a moment, when ready() is called, whether the store answered or not.
 */
ngx_int_t ngx_http_assess_gauges_ask(ngx_http_assess_asker_t *asker);
void ngx_http_assess_gauges_leave(ngx_http_assess_asker_t *asker);

/* Whether the store is there, for all that is known. */
ngx_uint_t ngx_http_assess_gauges_store(const ngx_http_assess_seen_t *seen);


#endif /* NGX_HTTP_ASSESS_GAUGES_H */
