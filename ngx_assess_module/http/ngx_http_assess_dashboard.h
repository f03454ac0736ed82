
/* The operator's page, and what it is made of. */

#ifndef NGX_HTTP_ASSESS_DASHBOARD_H
#define NGX_HTTP_ASSESS_DASHBOARD_H


#include "ngx_http_assess_module.h"
#include "ngx_http_assess_asset.h"


struct ngx_http_assess_dashboard_s {
    ngx_str_t                base;           /* of the paths: no "/" behind */
    ngx_http_assess_asset_t  page;
};


/*
 * The page of a location, for an API at that prefix; both are plain paths (see
 * below).  NULL is out of memory.
 */
ngx_http_assess_dashboard_t *ngx_http_assess_dashboard_create(
    ngx_pool_t *pool, ngx_str_t *location, ngx_str_t *api);

/* It begins with "/", and has nothing that had to be escaped anywhere. */
ngx_uint_t ngx_http_assess_dashboard_path(ngx_str_t *path);

/* The content handler of a location with assess_dashboard. */
ngx_int_t ngx_http_assess_dashboard_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_ASSESS_DASHBOARD_H */
