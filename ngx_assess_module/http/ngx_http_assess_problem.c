
#include "ngx_http_assess_call.h"


/*
 * RFC 9457, for our own answers and, by two filters, for those that nginx
 * gives in a location of the API before or instead of us: 413, 429 of
 * limit_req, 401 of auth_request and the like.
 */


static ngx_int_t ngx_http_assess_problem_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_assess_problem_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_assess_problem_retry(ngx_http_request_t *r);
static const char *ngx_http_assess_problem_detail(int status);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


typedef struct {
    int          status;
    const char  *title;
} ngx_http_assess_title_t;


static const ngx_http_assess_title_t  ngx_http_assess_titles[] = {
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 411, "Length Required" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 416, "Range Not Satisfiable" },
    { 422, "Unprocessable Content" },
    { 429, "Too Many Requests" },
    { 500, "Internal Server Error" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 0, NULL }
};


const char *
ngx_http_assess_status_title(int status)
{
    const ngx_http_assess_title_t  *t;

    for (t = ngx_http_assess_titles; t->status; t++) {
        if (t->status == status) {
            return t->title;
        }
    }

    return status < 500 ? "Client Error" : "Server Error";
}


void
ngx_http_assess_problem_json(assess_buf_t *b, int status, const char *pointer,
    const char *detail)
{
    assess_buf_str(b, "{\"type\":\"about:blank\",\"title\":");
    assess_buf_json_cstr(b, ngx_http_assess_status_title(status));
    assess_buf_printf(b, ",\"status\":%d,\"detail\":", status);
    assess_buf_json_cstr(b, detail);

    if (pointer && *pointer) {
        assess_buf_str(b, ",\"errors\":[{\"pointer\":");
        assess_buf_json_cstr(b, pointer);
        assess_buf_str(b, ",\"detail\":");
        assess_buf_json_cstr(b, detail);
        assess_buf_str(b, "}]");
    }

    assess_buf_char(b, '}');
}


void
ngx_http_assess_pointer(assess_err_t *err, const char *key)
{
    size_t  i;

    /* RFC 6901: a tilde and a slash in a key are written otherwise */

    err->pointer[0] = '/';

    for (i = 1; *key && i < sizeof(err->pointer) - 3; key++) {

        if (*key == '~' || *key == '/') {
            err->pointer[i++] = '~';
            err->pointer[i++] = *key == '~' ? '0' : '1';
            continue;
        }

        err->pointer[i++] = *key;
    }

    err->pointer[i] = '\0';
}


ngx_int_t
ngx_http_assess_problem_filters(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_assess_problem_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_assess_problem_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_assess_problem_header_filter(ngx_http_request_t *r)
{
    int                          status;
    const char                  *detail;
    ngx_http_assess_call_t      *call;
    ngx_http_assess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_assess_module);
    status = (int) r->headers_out.status;

    if (!lcf->api || r != r->main || status < NGX_HTTP_BAD_REQUEST) {
        return ngx_http_next_header_filter(r);
    }

    call = ngx_http_get_module_ctx(r, ngx_http_assess_module);

    if (call == NULL) {
        call = ngx_http_assess_call_create(r);
        if (call == NULL) {
            return NGX_ERROR;
        }
    }

    if (call->answered) {
        return ngx_http_next_header_filter(r);
    }

    /* 494 to 499 are nginx's own, for what is a 400 on the wire */

    if (status >= 494 && status < 500) {
        status = NGX_HTTP_BAD_REQUEST;
    }

    detail = ngx_http_assess_problem_detail(status);

    /* nginx could not store the body: its disk is full, most likely */

    if (call->reading && status == NGX_HTTP_INTERNAL_SERVER_ERROR) {
        status = NGX_HTTP_SERVICE_UNAVAILABLE;
        detail = "the body cannot be stored here now, try again later";

        r->headers_out.status = NGX_HTTP_SERVICE_UNAVAILABLE;
        r->headers_out.status_line.len = 0;
    }

    assess_buf_reset(&call->body);
    ngx_http_assess_problem_json(&call->body, status, NULL, detail);

    if (call->body.failed) {
        return NGX_ERROR;
    }

    if ((status == NGX_HTTP_TOO_MANY_REQUESTS
         || status == NGX_HTTP_SERVICE_UNAVAILABLE)
        && ngx_http_assess_problem_retry(r) != NGX_OK)
    {
        return NGX_ERROR;
    }

    call->answered = 1;
    call->instead = 1;

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.charset.len = 0;

    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = (off_t) call->body.len;

    return ngx_http_next_header_filter(r);
}


/* limit_req and limit_conn do not say when to come again */

static ngx_int_t
ngx_http_assess_problem_retry(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    h->hash = 1;
    ngx_str_set(&h->key, "Retry-After");
    ngx_str_set(&h->value, "1");

    return NGX_OK;
}


static ngx_int_t
ngx_http_assess_problem_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t               *b;
    ngx_chain_t              out;
    ngx_http_assess_call_t  *call;

    call = ngx_http_get_module_ctx(r, ngx_http_assess_module);

    if (call == NULL || !call->instead || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    /* nginx's page is not sent */

    for ( /* void */ ; in; in = in->next) {
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }

    if (call->replaced) {
        return NGX_OK;
    }

    call->replaced = 1;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) call->body.data;
    b->last = b->pos + call->body.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


static const char *
ngx_http_assess_problem_detail(int status)
{
    switch (status) {

    case NGX_HTTP_UNAUTHORIZED:
    case NGX_HTTP_FORBIDDEN:
        return "the request is not authorised";

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return "the body is larger than this server takes";

    case NGX_HTTP_TOO_MANY_REQUESTS:
        return "too many requests, try again later";

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return "the server is busy, try again later";

    case NGX_HTTP_BAD_REQUEST:
        return "the request is not well-formed";

    default:
        return status < 500 ? "the request was refused"
                            : "the server could not answer the request";
    }
}
