
/* CORS: pages of other origins may use the API, where they are listed. */

#ifndef NGX_HTTP_ASSESS_CORS_H
#define NGX_HTTP_ASSESS_CORS_H


#include "../ngx_http_assess_module.h"


/* What assess_cors says. */
struct ngx_http_assess_cors_s {
    ngx_array_t  origins;            /* of ngx_str_t, in lower case */
    ngx_uint_t   any;                /* "*", without credentials */
    ngx_uint_t   credentials;
    ngx_str_t    max_age;            /* seconds */
};


/* Installs what answers preflights, and what adds headers to all answers. */
ngx_int_t ngx_http_assess_cors_init(ngx_conf_t *cf);

/*
 * Whether a browser says that a page of another site has sent it, one that may not
 * use the API.  A form needs no leave to be sent, and brings the cookies with it.
 */
ngx_uint_t ngx_http_assess_cors_foreign(ngx_http_request_t *r);


#endif /* NGX_HTTP_ASSESS_CORS_H */
