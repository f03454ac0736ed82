
#include "ngx_http_assess_call.h"
#include "ngx_http_assess_variable.h"


static ngx_uint_t ngx_http_assess_response_over(
    ngx_http_assess_call_t *call);
static ngx_int_t ngx_http_assess_response_header(
    ngx_http_assess_call_t *call);
static void ngx_http_assess_response_known(ngx_http_request_t *r,
    ngx_table_elt_t *h);
static ngx_int_t ngx_http_assess_response_piece(
    ngx_http_assess_call_t *call);
static void ngx_http_assess_response_writer(ngx_http_request_t *r);
static void ngx_http_assess_response_next(ngx_http_assess_call_t *call);
static void ngx_http_assess_response_run(void *data);
static void ngx_http_assess_response_done(void *data);


/* from the content handler: an answer that is there, and is whole */

ngx_int_t
ngx_http_assess_call_send(ngx_http_assess_call_t *call)
{
    ngx_int_t  rc;

    rc = ngx_http_assess_response_header(call);

    if (rc == NGX_ERROR || rc > NGX_OK || call->request->header_only) {
        return rc;
    }

    return ngx_http_assess_response_piece(call);
}


void
ngx_http_assess_call_answer(ngx_http_assess_call_t *call)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = call->request;

    rc = ngx_http_assess_call_send(call);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only
        || ngx_http_assess_response_over(call))
    {
        ngx_http_finalize_request(r, rc);
        return;
    }

    /* the rest follows, a piece at a time, as fast as the client takes it */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_assess_response_writer;

    ngx_http_assess_response_next(call);
}


/* nothing comes behind what was sent */

static ngx_uint_t
ngx_http_assess_response_over(ngx_http_assess_call_t *call)
{
    if (call->next == NULL) {
        return 1;
    }

    return call->length >= 0 ? call->sent >= call->length : !call->more;
}


static ngx_int_t
ngx_http_assess_response_header(ngx_http_assess_call_t *call)
{
    ngx_uint_t           i;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r;

    r = call->request;

    if (call->body.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = (ngx_uint_t) call->status;

    if (call->status == NGX_HTTP_NO_CONTENT
        || call->status == NGX_HTTP_NOT_MODIFIED)
    {
        r->header_only = 1;

    } else {
        if (call->type == NULL) {
            call->type = "application/json";
        }

        r->headers_out.content_type.data = (u_char *) call->type;
        r->headers_out.content_type.len = ngx_strlen(call->type);
        r->headers_out.content_type_len = r->headers_out.content_type.len;

        r->headers_out.content_length_n = call->length >= 0 || call->more
                                          ? (off_t) call->length
                                          : (off_t) call->body.len;
    }

    for (i = 0; i < call->nheaders; i++) {

        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

#if (nginx_version >= 1023000)
        h->next = NULL;
#endif
        h->hash = 1;
        h->key.data = (u_char *) call->headers[i].name.data;
        h->key.len = call->headers[i].name.len;
        h->value.data = (u_char *) call->headers[i].value.data;
        h->value.len = call->headers[i].value.len;

        ngx_http_assess_response_known(r, h);
    }

    /* conditions were looked at where the answer was made */

    r->disable_not_modified = 1;

    call->answered = 1;

    ngx_http_assess_variables_answered(call);

    return ngx_http_send_header(r);
}


/* those that nginx changes when it compresses the answer */

static void
ngx_http_assess_response_known(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    if (ngx_strcmp(h->key.data, "ETag") == 0) {
        r->headers_out.etag = h;

    } else if (ngx_strcmp(h->key.data, "Accept-Ranges") == 0) {
        r->headers_out.accept_ranges = h;
    }
}


static ngx_int_t
ngx_http_assess_response_piece(ngx_http_assess_call_t *call)
{
    ngx_buf_t           *b;
    ngx_chain_t          out;
    ngx_http_request_t  *r;

    r = call->request;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    call->sent += (int64_t) call->body.len;

    if (call->body.len) {
        b->pos = (u_char *) call->body.data;
        b->last = b->pos + call->body.len;
        b->memory = 1;
    }

    if (ngx_http_assess_response_over(call)) {
        b->last_buf = 1;
        b->last_in_chain = 1;

    } else {
        b->flush = 1;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static void
ngx_http_assess_response_writer(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_event_t               *wev;
    ngx_connection_t          *c;
    ngx_http_assess_call_t    *call;
    ngx_http_core_loc_conf_t  *clcf;

    c = r->connection;
    wev = c->write;
    call = ngx_http_get_module_ctx(r, ngx_http_assess_module);
    clcf = ngx_http_get_module_loc_conf(r->main, ngx_http_core_module);

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client timed out");
        c->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    rc = ngx_http_output_filter(r, NULL);

    if (rc == NGX_ERROR) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    if (rc == NGX_AGAIN || r->buffered || r->postponed
        || (r == r->main && c->buffered))
    {
        if (!wev->delayed) {
            ngx_add_timer(wev, clcf->send_timeout);
        }

        if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
        }

        return;
    }

    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }

    if (!call->busy) {
        ngx_http_assess_response_next(call);
    }
}


/* the piece before is with the client, its memory is free again */

static void
ngx_http_assess_response_next(ngx_http_assess_call_t *call)
{
    ngx_http_request_t  *r;

    r = call->request;

    if (r->buffered || r->postponed || r->connection->buffered) {
        ngx_http_assess_response_writer(r);
        return;
    }

    if (ngx_http_assess_call_post(call, ngx_http_assess_response_run,
                                  ngx_http_assess_response_done)
        != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}


static void
ngx_http_assess_response_run(void *data)
{
    ngx_http_assess_call_t *call = data;

    assess_buf_reset(&call->body);

    call->next(call);
}


static void
ngx_http_assess_response_done(void *data)
{
    ngx_int_t                rc;
    ngx_connection_t        *c;
    ngx_http_request_t      *r;
    ngx_http_assess_call_t  *call = data;

    if (!ngx_http_assess_call_back(call)) {
        return;
    }

    r = call->request;
    c = r->connection;

    /* too late for a problem: what was promised cannot be kept */

    if (call->body.failed
        || (call->length >= 0
            && (call->body.len == 0
                || call->sent + (int64_t) call->body.len > call->length)))
    {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "assess content ended early, the connection is closed");
        ngx_http_finalize_request(r, NGX_ERROR);
        ngx_http_run_posted_requests(c);
        return;
    }

    rc = ngx_http_assess_response_piece(call);

    if (rc == NGX_ERROR || rc > NGX_OK
        || ngx_http_assess_response_over(call))
    {
        ngx_http_finalize_request(r, rc);

    } else {
        ngx_http_assess_response_next(call);
    }

    ngx_http_run_posted_requests(c);
}


void
ngx_http_assess_call_fail(ngx_http_assess_call_t *call,
    const assess_err_t *err)
{
    int          status;
    const char  *pointer;

    switch (err->kind) {

    case ASSESS_INVALID:
        status = err->code && ngx_strcmp(err->code, "too_large") == 0
                 ? NGX_HTTP_REQUEST_ENTITY_TOO_LARGE : NGX_HTTP_BAD_REQUEST;
        break;

    case ASSESS_IMPOSSIBLE:
        status = 422;
        break;

    case ASSESS_UNSUPPORTED:
        status = NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
        break;

    case ASSESS_NOT_FOUND:
        status = NGX_HTTP_NOT_FOUND;
        break;

    case ASSESS_CONFLICT:
        status = NGX_HTTP_CONFLICT;
        break;

    case ASSESS_FORBIDDEN:
        status = NGX_HTTP_FORBIDDEN;
        break;

    case ASSESS_TOO_LARGE:
        status = NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        break;

    case ASSESS_UPSTREAM:
        status = NGX_HTTP_BAD_GATEWAY;
        break;

    case ASSESS_LATE:
        status = NGX_HTTP_GATEWAY_TIME_OUT;
        break;

    case ASSESS_UNAVAILABLE:
    case ASSESS_STOPPING:
        status = NGX_HTTP_SERVICE_UNAVAILABLE;
        break;

    default:
        status = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* what is wrong in the query has no place in the body */

    pointer = err->pointer[0] == '/' ? err->pointer : NULL;

    ngx_http_assess_call_problem(call, status, pointer, "%s", err->message);

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        ngx_http_assess_call_header(call, "Retry-After", "1");
    }
}


void
ngx_http_assess_call_problem(ngx_http_assess_call_t *call, int status,
    const char *pointer, const char *fmt, ...)
{
    char     detail[640];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);

    call->status = status;
    call->type = "application/problem+json";
    call->nheaders = 0;
    call->length = -1;
    call->next = NULL;
    call->more = 0;

    assess_buf_reset(&call->body);
    ngx_http_assess_problem_json(&call->body, status, pointer, detail);
}


void
ngx_http_assess_call_header(ngx_http_assess_call_t *call, const char *name,
    const char *fmt, ...)
{
    int      n;
    char     value[1024];
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(value, sizeof(value), fmt, args);
    va_end(args);

    if (n < 0 || (size_t) n >= sizeof(value)) {
        call->body.failed = 1;
        return;
    }

    ngx_http_assess_call_header_text(call, name, value, (size_t) n);
}


void
ngx_http_assess_call_header_text(ngx_http_assess_call_t *call,
    const char *name, const char *value, size_t len)
{
    ngx_http_assess_pair_t  *pair;

    if (call->nheaders == NGX_HTTP_ASSESS_HEADERS || value == NULL) {
        call->body.failed = 1;
        return;
    }

    pair = &call->headers[call->nheaders];

    if (assess_pstrdup(call->arena, &pair->value, value, len) != 0) {
        call->body.failed = 1;
        return;
    }

    pair->name.data = (char *) name;
    pair->name.len = ngx_strlen(name);

    call->nheaders++;
}


ngx_table_elt_t *
ngx_http_assess_header_add(ngx_http_request_t *r, const char *name,
    const ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return h;
}


ngx_int_t
ngx_http_assess_get_only(ngx_http_request_t *r)
{
    static ngx_str_t  allow = ngx_string("GET, HEAD");

    return ngx_http_assess_header_add(r, "Allow", &allow)
           ? NGX_HTTP_NOT_ALLOWED : NGX_HTTP_INTERNAL_SERVER_ERROR;
}
