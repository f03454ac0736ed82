
/* What a request was about, as variables for nginx's own log. */

#ifndef NGX_HTTP_ASSESS_VARIABLE_H
#define NGX_HTTP_ASSESS_VARIABLE_H


#include "ngx_http_assess_call.h"


/* Before the configuration is read, and after it. */
ngx_int_t ngx_http_assess_variables_add(ngx_conf_t *cf);
void ngx_http_assess_variables_used(ngx_conf_t *cf,
    ngx_http_assess_main_conf_t *mcf);

/*
 * What is known when a call begins, whatever becomes of it: whose it is, and
 * the id in its path.  And what its answer says.  Event loop.
 */
void ngx_http_assess_variables_asked(ngx_http_assess_call_t *call);
void ngx_http_assess_variables_answered(ngx_http_assess_call_t *call);


#endif /* NGX_HTTP_ASSESS_VARIABLE_H */
