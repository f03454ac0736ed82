
/* The page of metrics, in the text format of Prometheus.  Event loop only. */

#ifndef NGX_HTTP_ASSESS_METRICS_H
#define NGX_HTTP_ASSESS_METRICS_H


#include "../ngx_http_assess_module.h"


/* of a location with assess_metrics */
ngx_int_t ngx_http_assess_metrics_handler(ngx_http_request_t *r);

/* ngx_http_assess_metrics_text.c: all of it, as of now */
void ngx_http_assess_metrics_text(assess_buf_t *b,
    ngx_http_assess_main_conf_t *mcf);

/* ngx_http_assess_metrics_providers.c: the part that is about providers */
void ngx_http_assess_metrics_providers(assess_buf_t *b,
    const assess_engine_t *engine);


#endif /* NGX_HTTP_ASSESS_METRICS_H */
