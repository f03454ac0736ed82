
#include "ngx_http_assess_dashboard.h"
#include "ngx_http_assess_call.h"


#define NGX_HTTP_ASSESS_PAGE  "page/"        /* the folder of its files */


/*
 * Nothing but files of this server runs or is asked for, whatever a document
 * is called; and what makes elements out of text is refused by the browser.
 */

#define NGX_HTTP_ASSESS_POLICY                                               \
    "default-src 'none'; script-src 'self'; style-src 'self'; "              \
    "img-src 'self'; connect-src 'self'; base-uri 'none'; "                  \
    "form-action 'none'; frame-ancestors 'none'; "                           \
    "require-trusted-types-for 'script'; trusted-types 'none'"


static ngx_int_t ngx_http_assess_dashboard_fill(ngx_pool_t *pool,
    ngx_http_assess_dashboard_t *d, ngx_str_t *api);
static size_t ngx_http_assess_dashboard_name(const char *text,
    const char *end);
static ngx_int_t ngx_http_assess_dashboard_page(ngx_http_request_t *r,
    ngx_http_assess_dashboard_t *d);
static ngx_int_t ngx_http_assess_dashboard_file(ngx_http_request_t *r,
    ngx_str_t *path);


ngx_uint_t
ngx_http_assess_dashboard_path(ngx_str_t *path)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < path->len; i++) {

        ch = path->data[i];

        if ((ch < '0' || ch > '9') && (ch < 'a' || ch > 'z')
            && (ch < 'A' || ch > 'Z') && ngx_strchr("/-._~", ch) == NULL)
        {
            return 0;
        }
    }

    return path->len != 0 && path->data[0] == '/'
           && (path->len == 1 || path->data[1] != '/');
}


ngx_http_assess_dashboard_t *
ngx_http_assess_dashboard_create(ngx_pool_t *pool, ngx_str_t *location,
    ngx_str_t *api)
{
    u_char                       *etag;
    uint32_t                      crc;
    ngx_http_assess_dashboard_t  *d;

    static const size_t  len = sizeof("\"-00000000\"") + 64;

    d = ngx_pcalloc(pool, sizeof(ngx_http_assess_dashboard_t));
    if (d == NULL) {
        return NULL;
    }

    d->base = *location;

    if (d->base.data[d->base.len - 1] == '/') {
        d->base.len--;
    }

    if (ngx_http_assess_dashboard_fill(pool, d, api) != NGX_OK) {
        return NULL;
    }

    /* the version says all of it but what was filled in */

    etag = ngx_pcalloc(pool, len);
    if (etag == NULL) {
        return NULL;
    }

    crc = ngx_crc32_long((u_char *) d->page.bytes,
                         d->page.end - d->page.bytes);

    ngx_snprintf(etag, len - 1, "\"%s-%08xD\"",
                 ngx_http_assess_asset_version(), crc);

    d->page.etag = (char *) etag;

    return d;
}


/* the page, with paths of this location for the names that stand for them */

static ngx_int_t
ngx_http_assess_dashboard_fill(ngx_pool_t *pool,
    ngx_http_assess_dashboard_t *d, ngx_str_t *api)
{
    size_t                          len;
    u_char                         *p;
    ngx_str_t                      *value;
    const char                     *from;
    const ngx_http_assess_asset_t  *asset;

    asset = ngx_http_assess_asset(NGX_HTTP_ASSESS_PAGE "index.html",
                                  sizeof(NGX_HTTP_ASSESS_PAGE "index.html")
                                  - 1);
    if (asset == NULL) {
        return NGX_ERROR;
    }

    /* each name is five bytes at least, and becomes one of the two paths */

    len = (size_t) (asset->end - asset->bytes);

    p = ngx_pnalloc(pool, len + (len / 5 + 1)
                                * ngx_max(api->len, d->base.len));
    if (p == NULL) {
        return NGX_ERROR;
    }

    d->page = *asset;
    d->page.gzip = NULL;
    d->page.bytes = (char *) p;

    for (from = asset->bytes; from < asset->end; from += len) {

        len = ngx_http_assess_dashboard_name(from, asset->end);

        if (len > 1) {
            value = len == sizeof("@API@") - 1 ? api : &d->base;
            p = ngx_cpymem(p, value->data, value->len);
            continue;
        }

        len = 1;
        *p++ = (u_char) *from;
    }

    d->page.end = (char *) p;

    return NGX_OK;
}


/* the length of the name that stands here, or 0 */

static size_t
ngx_http_assess_dashboard_name(const char *text, const char *end)
{
    ngx_uint_t  i;

    static const ngx_str_t  names[] = {
        ngx_string("@API@"),
        ngx_string("@BASE@")
    };

    for (i = 0; i < 2; i++) {
        if ((size_t) (end - text) >= names[i].len
            && ngx_memcmp(text, names[i].data, names[i].len) == 0)
        {
            return names[i].len;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_assess_dashboard_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_str_t                     path;
    ngx_http_assess_loc_conf_t   *lcf;
    ngx_http_assess_dashboard_t  *d;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_assess_get_only(r);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_assess_module);
    d = lcf->dashboard;

    if (r->uri.len < d->base.len) {
        return NGX_HTTP_NOT_FOUND;
    }

    path.len = r->uri.len - d->base.len;
    path.data = r->uri.data + d->base.len;

    if (path.len == 0 || (path.len == 1 && path.data[0] == '/')) {
        return ngx_http_assess_dashboard_page(r, d);
    }

    return ngx_http_assess_dashboard_file(r, &path);
}


static ngx_int_t
ngx_http_assess_dashboard_page(ngx_http_request_t *r,
    ngx_http_assess_dashboard_t *d)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    static ngx_str_t  headers[][2] = {
        { ngx_string("Content-Security-Policy"),
          ngx_string(NGX_HTTP_ASSESS_POLICY) },
        { ngx_string("Referrer-Policy"), ngx_string("no-referrer") },
        { ngx_string("Cross-Origin-Opener-Policy"),
          ngx_string("same-origin") },
    };

    for (i = 0; i < 3; i++) {

        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

#if (nginx_version >= 1023000)
        h->next = NULL;
#endif
        h->hash = 1;
        h->key = headers[i][0];
        h->value = headers[i][1];
    }

    return ngx_http_assess_asset_send(r, &d->page, 0);
}


/* "/VERSION/NAME": of another version there is nothing any more */

static ngx_int_t
ngx_http_assess_dashboard_file(ngx_http_request_t *r, ngx_str_t *path)
{
    size_t                          len;
    u_char                          name[64], *last;
    const char                     *version;
    const ngx_http_assess_asset_t  *asset;

    version = ngx_http_assess_asset_version();
    len = ngx_strlen(version);

    if (path->len < len + 3 || path->data[0] != '/'
        || ngx_memcmp(path->data + 1, version, len) != 0
        || path->data[len + 1] != '/'
        || path->len - len > sizeof(name) - sizeof(NGX_HTTP_ASSESS_PAGE))
    {
        return NGX_HTTP_NOT_FOUND;
    }

    path->data += len + 2;
    path->len -= len + 2;

    last = ngx_cpymem(name, NGX_HTTP_ASSESS_PAGE,
                      sizeof(NGX_HTTP_ASSESS_PAGE) - 1);
    last = ngx_cpymem(last, path->data, path->len);

    asset = ngx_http_assess_asset((char *) name, (size_t) (last - name));

    /* one that is not the page's alone */

    if (asset == NULL && ngx_strlchr(path->data, path->data + path->len, '/')
                         == NULL)
    {
        asset = ngx_http_assess_asset((char *) path->data, path->len);
    }

    /* the page itself is filled in, and is no file */

    if (asset == NULL || ngx_strncmp(asset->type, "text/html", 9) == 0) {
        return NGX_HTTP_NOT_FOUND;
    }

    return ngx_http_assess_asset_send(r, asset, 1);
}
