
#include "ngx_http_assess_cors.h"
#include "ngx_http_assess_call.h"


/* a page of another origin may read these, beside the few that it always may */
#define NGX_HTTP_ASSESS_EXPOSED                                              \
    "Location, Retry-After, Idempotent-Replayed, ETag, Allow, "              \
    "Content-Disposition, Content-Range, Accept-Ranges"

#define NGX_HTTP_ASSESS_METHODS  "GET, HEAD, POST, PUT, DELETE"

#define NGX_HTTP_ASSESS_ASKED    1024         /* bytes of names of headers */


static ngx_int_t ngx_http_assess_cors_preflight(ngx_http_request_t *r);
static ngx_int_t ngx_http_assess_cors_answer(ngx_http_request_t *r,
    ngx_str_t *asked);
static ngx_int_t ngx_http_assess_cors_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_assess_cors_headers(ngx_http_request_t *r,
    ngx_http_assess_cors_t *cors);
static ngx_uint_t ngx_http_assess_cors_listed(ngx_http_assess_cors_t *cors,
    ngx_str_t *origin);
static ngx_uint_t ngx_http_assess_cors_names(ngx_str_t *names);
static ngx_str_t *ngx_http_assess_cors_header(ngx_http_request_t *r,
    const char *name);
static ngx_http_assess_cors_t *ngx_http_assess_cors_conf(
    ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


ngx_int_t
ngx_http_assess_cors_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /*
     * A preflight has no credentials, so it is answered before the phases that
     * ask for some, or count it.
     */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_assess_cors_preflight;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_assess_cors_filter;

    return NGX_OK;
}


static ngx_http_assess_cors_t *
ngx_http_assess_cors_conf(ngx_http_request_t *r)
{
    ngx_http_assess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_assess_module);

    return lcf->api && r == r->main ? lcf->cors : NULL;
}


static ngx_int_t
ngx_http_assess_cors_preflight(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    ngx_str_t               *origin, *asked;
    ngx_http_assess_call_t  *call;
    ngx_http_assess_cors_t  *cors;

    if (r->method != NGX_HTTP_OPTIONS) {
        return NGX_DECLINED;
    }

    cors = ngx_http_assess_cors_conf(r);
    if (cors == NULL) {
        return NGX_DECLINED;
    }

    origin = ngx_http_assess_cors_header(r, "origin");

    if (origin == NULL
        || ngx_http_assess_cors_header(r, "access-control-request-method")
           == NULL)
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    asked = ngx_http_assess_cors_header(r, "access-control-request-headers");

    if (ngx_http_assess_cors_listed(cors, origin)
        && (asked == NULL || ngx_http_assess_cors_names(asked)))
    {
        return ngx_http_assess_cors_answer(r, asked);
    }

    /* a browser refuses it anyway; whoever looks for the reason finds it */

    call = ngx_http_assess_call_create(r);
    if (call == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_assess_call_problem(call, NGX_HTTP_FORBIDDEN, NULL,
                                 ngx_http_assess_cors_listed(cors, origin)
                                 ? "the names of the headers are too long, "
                                   "or are none"
                                 : "pages of this origin may not use this "
                                   "API");

    return ngx_http_assess_call_send(call);
}


/* whatever the path takes: what it does not is then a problem to be read */

static ngx_int_t
ngx_http_assess_cors_answer(ngx_http_request_t *r, ngx_str_t *asked)
{
    ngx_http_assess_cors_t  *cors;

    static ngx_str_t  methods = ngx_string(NGX_HTTP_ASSESS_METHODS);
    static ngx_str_t  vary = ngx_string("Access-Control-Request-Headers");

    cors = ngx_http_assess_cors_conf(r);

    if (ngx_http_assess_header_add(r, "Access-Control-Allow-Methods",
                                   &methods) == NULL
        || ngx_http_assess_header_add(r, "Access-Control-Max-Age",
                                      &cors->max_age) == NULL
        || ngx_http_assess_header_add(r, "Vary", &vary) == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* which headers carry who the client is only the operator knows */

    if (asked && ngx_http_assess_header_add(r, "Access-Control-Allow-Headers",
                                            asked) == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


static ngx_int_t
ngx_http_assess_cors_filter(ngx_http_request_t *r)
{
    ngx_http_assess_cors_t  *cors;

    cors = ngx_http_assess_cors_conf(r);

    if (cors && ngx_http_assess_cors_headers(r, cors) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_assess_cors_headers(ngx_http_request_t *r,
    ngx_http_assess_cors_t *cors)
{
    ngx_str_t  *origin;

    static ngx_str_t  any = ngx_string("*");
    static ngx_str_t  yes = ngx_string("true");
    static ngx_str_t  vary = ngx_string("Origin");
    static ngx_str_t  exposed = ngx_string(NGX_HTTP_ASSESS_EXPOSED);

    /* a cache must not give the answer for one origin to another */

    if (!cors->any
        && ngx_http_assess_header_add(r, "Vary", &vary) == NULL)
    {
        return NGX_ERROR;
    }

    origin = ngx_http_assess_cors_header(r, "origin");

    if (origin == NULL || !ngx_http_assess_cors_listed(cors, origin)) {
        return NGX_OK;
    }

    if (ngx_http_assess_header_add(r, "Access-Control-Allow-Origin",
                                   cors->any ? &any : origin) == NULL
        || ngx_http_assess_header_add(r, "Access-Control-Expose-Headers",
                                      &exposed) == NULL)
    {
        return NGX_ERROR;
    }

    if (cors->credentials
        && ngx_http_assess_header_add(r, "Access-Control-Allow-Credentials",
                                      &yes) == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Sec-Fetch-Site: www.w3.org/TR/fetch-metadata; no script can set or leave it */

ngx_uint_t
ngx_http_assess_cors_foreign(ngx_http_request_t *r)
{
    ngx_str_t               *site, *origin;
    ngx_http_assess_cors_t  *cors;

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return 0;
    }

    site = ngx_http_assess_cors_header(r, "sec-fetch-site");

    if (site == NULL || site->len != sizeof("cross-site") - 1
        || ngx_memcmp(site->data, "cross-site", site->len) != 0)
    {
        return 0;
    }

    cors = ngx_http_assess_cors_conf(r);
    origin = ngx_http_assess_cors_header(r, "origin");

    return cors == NULL || origin == NULL
           || !ngx_http_assess_cors_listed(cors, origin);
}


static ngx_uint_t
ngx_http_assess_cors_listed(ngx_http_assess_cors_t *cors, ngx_str_t *origin)
{
    ngx_str_t   *listed;
    ngx_uint_t   i;

    if (cors->any) {
        return 1;
    }

    listed = cors->origins.elts;

    for (i = 0; i < cors->origins.nelts; i++) {
        if (listed[i].len == origin->len
            && ngx_memcmp(listed[i].data, origin->data, origin->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* they are sent back: names, commas and spaces, nothing else */

static ngx_uint_t
ngx_http_assess_cors_names(ngx_str_t *names)
{
    size_t  i;
    u_char  ch;

    if (names->len > NGX_HTTP_ASSESS_ASKED) {
        return 0;
    }

    for (i = 0; i < names->len; i++) {

        ch = names->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_'
              || ch == ',' || ch == ' ' || ch == '.'))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_str_t *
ngx_http_assess_cors_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_memcmp(h[i].lowcase_key, name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}
