
/* Files that a browser gets, compiled in: those of web/. */

#ifndef NGX_HTTP_ASSESS_ASSET_H
#define NGX_HTTP_ASSESS_ASSET_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct {
    const char  *name;               /* "assess.js", "page/index.html" */
    const char  *type;
    const char  *bytes;
    const char  *end;
    const char  *gzip;               /* the same, compressed; or NULL */
    const char  *gzip_end;
    const char  *etag;               /* of a client that takes no gzip */
    const char  *gzip_etag;
} ngx_http_assess_asset_t;


/* NULL: there is none of that name. */
const ngx_http_assess_asset_t *ngx_http_assess_asset(const char *name,
    size_t len);

/* The name of the folder whose files never change: a hash of all of them. */
const char *ngx_http_assess_asset_version(void);

/*
 * Answers a GET or HEAD with it, from a content handler, which returns what
 * this returns.  A client asks again for what is not immutable, and is told
 * 304 where it has it.
 */
ngx_int_t ngx_http_assess_asset_send(ngx_http_request_t *r,
    const ngx_http_assess_asset_t *asset, ngx_uint_t immutable);


#endif /* NGX_HTTP_ASSESS_ASSET_H */
