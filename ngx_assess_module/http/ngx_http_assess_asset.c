
#include "ngx_http_assess_asset.h"
#include "ngx_http_assess_call.h"


#define assess_web_bytes(symbol, file)                                       \
    extern const char  symbol[] __attribute__((visibility("hidden")));       \
    extern const char  symbol##_end[] __attribute__((visibility("hidden"))); \
    __asm__(".pushsection .rodata\n"                                         \
            ".global " #symbol "\n"                                          \
            ".hidden " #symbol "\n"                                          \
            #symbol ":\n"                                                    \
            ".incbin \"" file "\"\n"                                         \
            ".global " #symbol "_end\n"                                      \
            ".hidden " #symbol "_end\n"                                      \
            #symbol "_end:\n"                                                \
            ".byte 0\n"                                                      \
            ".popsection\n")

#define assess_web_asset(name, type, bytes, gzip, hash)                      \
    { name, type, bytes, bytes##_end, gzip, gzip##_end,                      \
      "\"" hash "\"", "\"" hash "-gz\"" }

#include "assess_web.h"


#define NGX_HTTP_ASSESS_ASSETS                                               \
    (sizeof(ngx_http_assess_assets) / sizeof(ngx_http_assess_assets[0]))


static ngx_uint_t ngx_http_assess_asset_gzip(ngx_http_request_t *r);
static ngx_uint_t ngx_http_assess_asset_coding(u_char *p, u_char *last);
static ngx_table_elt_t *ngx_http_assess_asset_header(ngx_http_request_t *r,
    const char *name, const char *value);


const ngx_http_assess_asset_t *
ngx_http_assess_asset(const char *name, size_t len)
{
    ngx_uint_t                      i;
    const ngx_http_assess_asset_t  *asset;

    for (i = 0; i < NGX_HTTP_ASSESS_ASSETS; i++) {

        asset = &ngx_http_assess_assets[i];

        if (ngx_strlen(asset->name) == len
            && ngx_memcmp(asset->name, name, len) == 0)
        {
            return asset;
        }
    }

    return NULL;
}


const char *
ngx_http_assess_asset_version(void)
{
    return ASSESS_WEB_VERSION;
}


/* the path of a route is the name */

ngx_int_t
ngx_http_assess_asset_get(ngx_http_assess_call_t *call)
{
    ngx_int_t                       rc;
    const char                     *path;
    ngx_http_request_t             *r;
    const ngx_http_assess_asset_t  *asset;

    r = call->request;
    path = call->route->path;

    asset = ngx_http_assess_asset(path, ngx_strlen(path));
    if (asset == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc == NGX_OK) {
        rc = ngx_http_assess_asset_send(r, asset, 0);
    }

    /* the handler lets go of the request once more */

    r->main->count++;
    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


ngx_int_t
ngx_http_assess_asset_send(ngx_http_request_t *r,
    const ngx_http_assess_asset_t *asset, ngx_uint_t immutable)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_uint_t    gzip;
    ngx_chain_t   out;
    const char   *bytes, *end;

    gzip = asset->gzip && ngx_http_assess_asset_gzip(r);

    bytes = gzip ? asset->gzip : asset->bytes;
    end = gzip ? asset->gzip_end : asset->end;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = end - bytes;
    r->headers_out.content_type.data = (u_char *) asset->type;
    r->headers_out.content_type.len = ngx_strlen(asset->type);
    r->headers_out.content_type_len = strcspn(asset->type, ";");

    /* nginx compares it with what the client has */

    r->headers_out.etag = ngx_http_assess_asset_header(r, "ETag",
                                 gzip ? asset->gzip_etag : asset->etag);

    if (r->headers_out.etag == NULL
        || ngx_http_assess_asset_header(r, "Vary", "Accept-Encoding") == NULL
        || ngx_http_assess_asset_header(r, "X-Content-Type-Options",
                                        "nosniff")
           == NULL
        || ngx_http_assess_asset_header(r, "Cache-Control", immutable
                           ? "public, max-age=31536000, immutable"
                           : "no-cache")
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (gzip) {
        r->headers_out.content_encoding
            = ngx_http_assess_asset_header(r, "Content-Encoding", "gzip");

        if (r->headers_out.content_encoding == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) bytes;
    b->last = (u_char *) end;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* what costs nothing is not asked for "gzip" and its kin of nginx */

static ngx_uint_t
ngx_http_assess_asset_gzip(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

#if (NGX_HTTP_GZIP)
    h = r->headers_in.accept_encoding;
#else
    h = NULL;
#endif

    return h && ngx_http_assess_asset_coding(h->value.data,
                                             h->value.data + h->value.len);
}


/* RFC 9110: gzip or *, with a weight above 0 or with none */

static ngx_uint_t
ngx_http_assess_asset_coding(u_char *p, u_char *last)
{
    u_char      *end, *name;
    size_t       len;
    ngx_uint_t   any, zero;

    any = 0;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');
        if (end == NULL) {
            end = last;
        }

        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        name = p;

        while (p < end && *p != ';' && *p != ' ' && *p != '\t') {
            p++;
        }

        len = (size_t) (p - name);

        while (p < end && (*p == ' ' || *p == '\t' || *p == ';')) {
            p++;
        }

        zero = end - p > 2 && (*p | 0x20) == 'q' && p[1] == '=';

        for (p += 2; zero && p < end && *p != ' ' && *p != '\t'; p++) {
            zero = *p == '0' || *p == '.';
        }

        if (len == 4 && ngx_strncasecmp(name, (u_char *) "gzip", 4) == 0) {
            return !zero;
        }

        if (len == 1 && *name == '*') {
            any = !zero;
        }
    }

    return any;
}


static ngx_table_elt_t *
ngx_http_assess_asset_header(ngx_http_request_t *r, const char *name,
    const char *value)
{
    ngx_str_t  text;

    text.data = (u_char *) value;
    text.len = ngx_strlen(value);

    return ngx_http_assess_header_add(r, name, &text);
}
