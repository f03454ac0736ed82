
#include "ngx_http_assess_stream.h"
#include "../runtime/ngx_http_assess_scheduler.h"

#include <netinet/tcp.h>


#define NGX_HTTP_ASSESS_UNSENT  (128 * 1024)  /* bytes, in the kernel */
#define NGX_HTTP_ASSESS_BEATS   16            /* steps of a heartbeat */


/*
 * Streams by when they are to be looked at, in one of the steps of a wheel:
 * one timer for all of them.
 */

typedef struct {
    ngx_queue_t         steps[NGX_HTTP_ASSESS_BEATS];
    ngx_uint_t          step;                /* the next one */
    ngx_uint_t          n;
    ngx_msec_t          interval;            /* between two steps */
    ngx_event_t         timer;
    ngx_connection_t    dummy;               /* for the timer's log */
} ngx_http_assess_beats_t;


static ngx_int_t ngx_http_assess_stream_header(ngx_http_request_t *r);
static void ngx_http_assess_stream_frugal(ngx_http_request_t *r);
static void ngx_http_assess_stream_socket(ngx_connection_t *c);
static ngx_uint_t ngx_http_assess_stream_direct(ngx_http_assess_stream_t *st);
static ngx_uint_t ngx_http_assess_stream_filters(ngx_http_request_t *r);
static void ngx_http_assess_stream_put(ngx_http_assess_stream_t *st);
static ngx_str_t *ngx_http_assess_stream_bytes(ngx_http_assess_stream_t *st);
static void ngx_http_assess_stream_output(ngx_http_assess_stream_t *st,
    ngx_chain_t *out);
static void ngx_http_assess_stream_sent(ngx_http_assess_stream_t *st);
static void ngx_http_assess_stream_writer(ngx_http_request_t *r);
static ngx_int_t ngx_http_assess_stream_blocked(
    ngx_http_assess_stream_t *st);
static void ngx_http_assess_stream_fail(ngx_http_assess_stream_t *st);
static void ngx_http_assess_stream_cleanup(void *data);
static void ngx_http_assess_stream_tell(ngx_http_request_t *r);
static void ngx_http_assess_beats_join(ngx_http_assess_stream_t *st);
static void ngx_http_assess_beats_leave(ngx_http_assess_stream_t *st);
static void ngx_http_assess_beats_timer(ngx_event_t *ev);


static ngx_http_assess_beats_t  ngx_http_assess_beats;


/* a comment: proxies on the way see that the connection lives */

static ngx_http_assess_block_t  ngx_http_assess_comment = {
    1,
    { 3, (u_char *) ":\n\n" },
    { 8, (u_char *) "3\r\n:\n\n\r\n" },
    NULL
};


/*
 * Modules which may have a context for a stream and do nothing to its body, or
 * nothing but what is done here.  Those not of this list are not known.
 */

static const char  *ngx_http_assess_bystanders[] = {
    "ngx_http_assess_module",
    "ngx_http_copy_filter_module",
    "ngx_http_chunked_filter_module",
    "ngx_http_header_count_module",
    "ngx_http_realip_module",
    "ngx_http_auth_request_module",
    "ngx_http_userid_filter_module",
    NULL
};


ngx_int_t
ngx_http_assess_stream_open(ngx_http_assess_stream_t *st,
    ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_pool_cleanup_t  *cln;

    st->request = r;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_assess_stream_cleanup;
    cln->data = st;

    ngx_http_assess_stream_frugal(r);

    if (ngx_http_assess_stream_header(r) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc == NGX_OK ? NGX_DONE : rc;
    }

    if (r->stream == NULL) {
        ngx_http_assess_stream_socket(r->connection);
    }

    st->open = 1;
    st->filters = ngx_http_assess_stream_filters(r);

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_assess_stream_writer;

    ngx_http_assess_beats_join(st);

    return NGX_OK;
}


static ngx_int_t
ngx_http_assess_stream_header(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    static ngx_str_t  headers[][2] = {
        { ngx_string("Cache-Control"), ngx_string("no-store, no-transform") },
        { ngx_string("X-Accel-Buffering"), ngx_string("no") },
    };

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

    return NGX_OK;
}


/*
 * nginx makes room for twenty headers of an answer.  Where that is memory of
 * its own, as it is with a small request_pool_size, a stream has room for four,
 * and for more in another part.
 */

static void
ngx_http_assess_stream_frugal(ngx_http_request_t *r)
{
    void        *elts;
    ngx_list_t  *list, few;

    list = &r->headers_out.headers;
    elts = list->part.elts;

    if (list->last == &list->part && list->part.nelts == 0
        && list->nalloc * list->size > r->pool->max
        && ngx_list_init(&few, r->pool, 4, list->size) == NGX_OK)
    {
        *list = few;
        list->last = &list->part;

        (void) ngx_pfree(r->pool, elts);
    }
}


/*
 * Events are small, and are not held back for more of them.  And what a reader
 * does not take is not copied into the kernel by megabytes: what it may hold
 * beyond what is on its way is bounded.
 */

static void
ngx_http_assess_stream_socket(ngx_connection_t *c)
{
#ifdef TCP_NOTSENT_LOWAT
    int  unsent;
#endif

#if (NGX_HAVE_UNIX_DOMAIN)
    if (c->sockaddr->sa_family == AF_UNIX) {
        return;
    }
#endif

    if (c->tcp_nodelay == NGX_TCP_NODELAY_UNSET) {
        (void) ngx_tcp_nodelay(c);
    }

#ifdef TCP_NOTSENT_LOWAT

    unsent = NGX_HTTP_ASSESS_UNSENT;

    if (setsockopt(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent,
                   sizeof(unsent)) == -1)
    {
        ngx_log_error(NGX_LOG_INFO, c->log, ngx_socket_errno,
                      "setsockopt(TCP_NOTSENT_LOWAT) failed");
    }

#endif
}


void
ngx_http_assess_stream_retry(assess_buf_t *b, ngx_msec_t retry)
{
    assess_buf_printf(b, "retry: %lu\n\n", (unsigned long) retry);
}


void
ngx_http_assess_stream_send(ngx_http_assess_stream_t *st,
    ngx_http_assess_block_t *block)
{
    ngx_buf_t    *b;
    ngx_chain_t   out;

    if (block == NULL) {
        ngx_http_assess_stream_fail(st);
        return;
    }

    if (!st->open || block->text.len == 0) {
        ngx_http_assess_block_release(block);
        return;
    }

    st->block = block;
    st->busy = 1;

    if (ngx_http_assess_stream_direct(st)) {
        st->direct = 1;
        st->pos = ngx_http_assess_stream_bytes(st)->data;
        ngx_http_assess_stream_put(st);
        return;
    }

    st->direct = 0;

    b = &st->buf;

    ngx_memzero(b, sizeof(ngx_buf_t));
    b->pos = block->text.data;
    b->last = b->pos + block->text.len;
    b->memory = 1;
    b->flush = 1;

    out.buf = b;
    out.next = NULL;

    ngx_http_assess_stream_output(st, &out);
}


/*
 * A body goes through a dozen filters, and is sent in three pieces.  Where none
 * of them has anything to do with it, which is the rule, it need not: that is a
 * fifth of what a delivery costs.
 */

static ngx_uint_t
ngx_http_assess_stream_direct(ngx_http_assess_stream_t *st)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = st->request;
    c = r->connection;

    return !st->filters && r->out == NULL && !r->buffered && !r->postponed
           && !c->buffered && !c->error && r->limit_rate == 0
           && !c->write->delayed;
}


/* once the header is out each filter that means to do something has said so */

static ngx_uint_t
ngx_http_assess_stream_filters(ngx_http_request_t *r)
{
    ngx_uint_t     i, k;
    ngx_module_t  *module;

    if (r->stream || r != r->main || r->connection->send != ngx_send) {
        return 1;
    }

    for (i = 0; ngx_cycle->modules[i]; i++) {

        module = ngx_cycle->modules[i];

        if (module->type != NGX_HTTP_MODULE
            || r->ctx[module->ctx_index] == NULL)
        {
            continue;
        }

        for (k = 0; ngx_http_assess_bystanders[k]; k++) {
            if (ngx_strcmp(module->name, ngx_http_assess_bystanders[k]) == 0) {
                break;
            }
        }

        if (ngx_http_assess_bystanders[k] == NULL) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_assess_stream_put(ngx_http_assess_stream_t *st)
{
    ssize_t            n;
    u_char            *last;
    ngx_str_t         *bytes;
    ngx_connection_t  *c;

    c = st->request->connection;
    bytes = ngx_http_assess_stream_bytes(st);
    last = bytes->data + bytes->len;

    while (st->pos < last && c->write->ready) {

        n = c->send(c, st->pos, last - st->pos);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            c->error = 1;
            ngx_http_assess_stream_fail(st);
            return;
        }

        st->pos += n;
    }

    if (!ngx_http_assess_stream_blocked(st)) {
        ngx_http_assess_stream_sent(st);
    }
}


static ngx_str_t *
ngx_http_assess_stream_bytes(ngx_http_assess_stream_t *st)
{
    return st->request->chunked ? &st->block->chunk : &st->block->text;
}


static void
ngx_http_assess_stream_output(ngx_http_assess_stream_t *st, ngx_chain_t *out)
{
    if (ngx_http_output_filter(st->request, out) == NGX_ERROR) {
        ngx_http_assess_stream_fail(st);
        return;
    }

    if (!ngx_http_assess_stream_blocked(st)) {
        ngx_http_assess_stream_sent(st);
    }
}


static void
ngx_http_assess_stream_sent(ngx_http_assess_stream_t *st)
{
    st->busy = 0;
    st->sent = ngx_current_msec;

    ngx_http_assess_block_release(st->block);
    st->block = NULL;
}


/* whether something of it is still on its way; then the writer goes on */

static ngx_int_t
ngx_http_assess_stream_blocked(ngx_http_assess_stream_t *st)
{
    ngx_str_t                 *bytes;
    ngx_uint_t                 all;
    ngx_event_t               *wev;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = st->request;
    c = r->connection;
    wev = c->write;

    if (st->direct) {
        bytes = ngx_http_assess_stream_bytes(st);
        all = st->pos == bytes->data + bytes->len;

    } else {
        all = st->buf.pos == st->buf.last && !r->buffered && !r->postponed
              && !c->buffered;
    }

    if (all) {
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
    if (st->open) {
        st->open = 0;
        ngx_http_finalize_request(st->request, NGX_ERROR);
    }
}


/* the request's context is not kept for a stream */

static void
ngx_http_assess_stream_writer(ngx_http_request_t *r)
{
    ngx_event_t               *wev;
    ngx_connection_t          *c;
    ngx_pool_cleanup_t        *cln;
    ngx_http_assess_stream_t  *st;

    c = r->connection;
    wev = c->write;

    for (cln = r->pool->cleanup;
         cln && cln->handler != ngx_http_assess_stream_cleanup;
         cln = cln->next)
    {
        /* void */
    }

    if (cln == NULL) {
        return;
    }

    st = cln->data;

    /* a reader that takes nothing for so long comes back with its last id */

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client of a progress stream timed out");
        c->timedout = 1;
        st->open = 0;
        assess_count(&ngx_http_assess_scheduler_engine()->metrics->stalled,
                     1);
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (!st->open || !st->busy) {
        return;
    }

    if (st->direct) {
        ngx_http_assess_stream_put(st);

    } else {
        ngx_http_assess_stream_output(st, NULL);
    }

    if (!st->open || st->busy) {
        return;
    }

    if (st->ending) {
        ngx_http_assess_stream_end(st);
        return;
    }

    st->calls->drained(st);
}


void
ngx_http_assess_stream_end(ngx_http_assess_stream_t *st)
{
    st->ending = 1;

    if (st->open && !st->busy) {
        st->open = 0;
        ngx_http_finalize_request(st->request,
                           ngx_http_send_special(st->request, NGX_HTTP_LAST));
    }
}


static void
ngx_http_assess_stream_cleanup(void *data)
{
    ngx_http_assess_stream_t  *st = data;

    st->open = 0;
    ngx_http_assess_beats_leave(st);

    st->calls->closed(st);

    if (st->block) {
        ngx_http_assess_block_release(st->block);
    }
}


/* as many as have a heartbeat */

static void
ngx_http_assess_stream_tell(ngx_http_request_t *r)
{
    ngx_http_assess_told_t       *told;
    ngx_http_assess_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_assess_module);

    told = ngx_http_assess_zone_told(mcf->zone,
                                     ngx_http_assess_zone_slot(mcf->zone));
    if (told) {
        told->streams = ngx_http_assess_beats.n;
    }
}


static void
ngx_http_assess_beats_join(ngx_http_assess_stream_t *st)
{
    ngx_uint_t                    i;
    ngx_http_assess_beats_t      *beats;
    ngx_http_assess_main_conf_t  *mcf;

    beats = &ngx_http_assess_beats;

    if (beats->n++ == 0) {

        mcf = ngx_http_get_module_main_conf(st->request,
                                            ngx_http_assess_module);

        for (i = 0; i < NGX_HTTP_ASSESS_BEATS; i++) {
            ngx_queue_init(&beats->steps[i]);
        }

        beats->interval = ngx_max(mcf->heartbeat / NGX_HTTP_ASSESS_BEATS, 1);
        beats->dummy.fd = (ngx_socket_t) -1;
        beats->timer.handler = ngx_http_assess_beats_timer;
        beats->timer.data = &beats->dummy;
        beats->timer.log = ngx_cycle->log;
        beats->timer.cancelable = 1;

        ngx_add_timer(&beats->timer, beats->interval);
    }

    /* the last one that comes before a heartbeat is over */

    i = (beats->step + NGX_HTTP_ASSESS_BEATS - 1) % NGX_HTTP_ASSESS_BEATS;
    ngx_queue_insert_tail(&beats->steps[i], &st->beat);

    st->sent = ngx_current_msec;

    assess_count(&ngx_http_assess_scheduler_engine()->metrics->streams, 1);
    ngx_http_assess_stream_tell(st->request);
}


static void
ngx_http_assess_beats_leave(ngx_http_assess_stream_t *st)
{
    ngx_http_assess_beats_t  *beats;

    beats = &ngx_http_assess_beats;

    if (st->beat.next == NULL) {
        return;
    }

    ngx_queue_remove(&st->beat);
    st->beat.next = NULL;

    if (--beats->n == 0 && beats->timer.timer_set) {
        ngx_del_timer(&beats->timer);
    }

    ngx_http_assess_stream_tell(st->request);
}


static void
ngx_http_assess_beats_timer(ngx_event_t *ev)
{
    ngx_msec_t                 all, silent;
    ngx_uint_t                 step, left;
    ngx_queue_t               *q, todo;
    ngx_connection_t          *c;
    ngx_http_assess_beats_t   *beats;
    ngx_http_assess_stream_t  *st;

    beats = &ngx_http_assess_beats;

    step = beats->step;
    all = beats->interval * NGX_HTTP_ASSESS_BEATS;
    beats->step = (step + 1) % NGX_HTTP_ASSESS_BEATS;
    ngx_add_timer(ev, beats->interval);

    ngx_queue_init(&todo);

    if (!ngx_queue_empty(&beats->steps[step])) {
        ngx_queue_add(&todo, &beats->steps[step]);
        ngx_queue_init(&beats->steps[step]);
    }

    while (!ngx_queue_empty(&todo)) {

        q = ngx_queue_head(&todo);
        st = ngx_queue_data(q, ngx_http_assess_stream_t, beat);
        c = st->request->connection;

        ngx_queue_remove(q);

        silent = ngx_current_msec - st->sent;
        left = silent < all ? (all - silent) / beats->interval : 0;

        if (st->busy) {
            left = 1;
        }

        /* now, or after so many steps, all of them at most */

        ngx_queue_insert_tail(&beats->steps[(step + left)
                                            % NGX_HTTP_ASSESS_BEATS], q);
        if (left == 0) {
            ngx_http_assess_comment.refs++;
            ngx_http_assess_stream_send(st, &ngx_http_assess_comment);
            ngx_http_run_posted_requests(c);
        }
    }
}
