
#include "ngx_http_assess_stream.h"


static void ngx_http_assess_stream_writer(ngx_http_request_t *r);
static void ngx_http_assess_stream_heartbeat(ngx_event_t *ev);
static ngx_int_t ngx_http_assess_stream_blocked(
    ngx_http_assess_stream_t *st);
static void ngx_http_assess_stream_fail(ngx_http_assess_stream_t *st);


ngx_int_t
ngx_http_assess_stream_open(ngx_http_assess_stream_t *st,
    ngx_http_assess_call_t *call, ngx_msec_t retry)
{
    ngx_int_t            rc;
    ngx_uint_t           i;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r;

    static ngx_str_t  headers[][2] = {
        { ngx_string("Cache-Control"), ngx_string("no-store, no-transform") },
        { ngx_string("X-Accel-Buffering"), ngx_string("no") },
    };

    r = call->request;

    st->call = call;

    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    ngx_http_clear_content_length(r);

    for (i = 0; i < 2; i++) {

        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

#if (nginx_version >= 1023000)
        h->next = NULL;
#endif
        h->hash = 1;
        h->key = headers[i][0];
        h->value = headers[i][1];
    }

    call->answered = 1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc == NGX_OK ? NGX_DONE : rc;
    }

    st->open = 1;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_assess_stream_writer;

    assess_buf_printf(&st->pending, "retry: %lu\n\n", (unsigned long) retry);

    st->heartbeat.handler = ngx_http_assess_stream_heartbeat;
    st->heartbeat.data = r->connection;
    st->heartbeat.log = r->connection->log;
    st->heartbeat.cancelable = 1;

    ngx_add_timer(&st->heartbeat, call->mcf->heartbeat);

    return NGX_OK;
}


void
ngx_http_assess_stream_event(ngx_http_assess_stream_t *st, uint64_t id,
    const ngx_str_t *type, const ngx_str_t *data)
{
    assess_buf_t  *b;

    b = &st->pending;

    if (id) {
        assess_buf_printf(b, "id: %llu\n", (unsigned long long) id);
    }

    assess_buf_str(b, "event: ");
    assess_buf_add(b, type->data, type->len);
    assess_buf_str(b, "\ndata: ");
    assess_buf_add(b, data->data, data->len);
    assess_buf_str(b, "\n\n");
}


void
ngx_http_assess_stream_flush(ngx_http_assess_stream_t *st)
{
    ngx_int_t            rc;
    ngx_chain_t          out;
    assess_buf_t         empty;
    ngx_http_request_t  *r;

    r = st->call->request;

    if (!st->open || st->busy) {
        return;
    }

    if (st->pending.failed) {
        ngx_http_assess_stream_fail(st);
        return;
    }

    if (st->pending.len) {

        empty = st->sending;
        st->sending = st->pending;
        st->pending = empty;
        assess_buf_reset(&st->pending);

        ngx_memzero(&st->buf, sizeof(ngx_buf_t));
        st->buf.pos = (u_char *) st->sending.data;
        st->buf.last = st->buf.pos + st->sending.len;
        st->buf.memory = 1;
        st->buf.flush = 1;

        out.buf = &st->buf;
        out.next = NULL;

        st->busy = 1;

        rc = ngx_http_output_filter(r, &out);

        if (rc == NGX_ERROR) {
            ngx_http_assess_stream_fail(st);
            return;
        }

        if (ngx_http_assess_stream_blocked(st)) {
            return;
        }

        st->busy = 0;
    }

    if (st->ending) {
        st->open = 0;
        ngx_http_finalize_request(r, ngx_http_send_special(r, NGX_HTTP_LAST));
    }
}


/* whether something of it is still on its way; then the writer goes on */

static ngx_int_t
ngx_http_assess_stream_blocked(ngx_http_assess_stream_t *st)
{
    ngx_event_t               *wev;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = st->call->request;
    c = r->connection;
    wev = c->write;

    if (st->buf.pos == st->buf.last && !r->buffered && !r->postponed
        && !c->buffered)
    {
        if (wev->timer_set && !wev->delayed) {
            ngx_del_timer(wev);
        }

        return 0;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        ngx_http_assess_stream_fail(st);
    }

    return 1;
}


/* the request goes with the posted ones: until then nothing more is sent */

static void
ngx_http_assess_stream_fail(ngx_http_assess_stream_t *st)
{
    st->open = 0;
    ngx_http_finalize_request(st->call->request, NGX_ERROR);
}


static void
ngx_http_assess_stream_writer(ngx_http_request_t *r)
{
    ngx_event_t               *wev;
    ngx_connection_t          *c;
    ngx_http_assess_call_t    *call;
    ngx_http_assess_stream_t  *st;

    c = r->connection;
    wev = c->write;
    call = ngx_http_get_module_ctx(r, ngx_http_assess_module);
    st = call->ctx;

    /* a reader that takes nothing for so long comes back with its last id */

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client of a progress stream timed out");
        c->timedout = 1;
        st->open = 0;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (!st->open || !st->busy) {
        return;
    }

    if (ngx_http_output_filter(r, NULL) == NGX_ERROR) {
        ngx_http_assess_stream_fail(st);
        return;
    }

    if (ngx_http_assess_stream_blocked(st)) {
        return;
    }

    st->busy = 0;

    if (st->ending) {

        /* it may be freed by this */

        ngx_http_assess_stream_flush(st);
        return;
    }

    ngx_http_assess_stream_flush(st);

    if (st->open && !st->busy) {
        st->drained(st);
    }
}


void
ngx_http_assess_stream_end(ngx_http_assess_stream_t *st)
{
    st->ending = 1;
    ngx_http_assess_stream_flush(st);
}


void
ngx_http_assess_stream_close(ngx_http_assess_stream_t *st)
{
    st->open = 0;

    if (st->heartbeat.timer_set) {
        ngx_del_timer(&st->heartbeat);
    }

    assess_buf_free(&st->pending);
    assess_buf_free(&st->sending);
}


/* a comment: proxies on the way see that the connection lives */

static void
ngx_http_assess_stream_heartbeat(ngx_event_t *ev)
{
    ngx_connection_t          *c;
    ngx_http_assess_stream_t  *st;

    c = ev->data;
    st = (ngx_http_assess_stream_t *)
             ((char *) ev - offsetof(ngx_http_assess_stream_t, heartbeat));

    ngx_add_timer(ev, st->call->mcf->heartbeat);

    if (!st->busy && st->pending.len == 0) {
        assess_buf_str(&st->pending, ":\n\n");
        ngx_http_assess_stream_flush(st);
        ngx_http_run_posted_requests(c);
    }
}
