
/*
 * How a stream of progress events begins: who may resume where, what a new one
 * is told first, and when there is nothing to be told any more.
 */

#include "ngx_http_assess_progress.h"

#include "base/assess_cursor.h"
#include "store/assess_batch.h"


#define NGX_HTTP_ASSESS_COME_BACK   10000    /* ms; while we cannot serve */
#define NGX_HTTP_ASSESS_OPEN_MS     900      /* for what a stream begins with */


typedef struct {
    ngx_http_assess_filter_t    filter;
    uint64_t                    after;           /* where a new one begins */
    uint64_t                    last;            /* the client's last id */
    unsigned                    resumed:1;       /* it has one */
    unsigned                    reset:1;         /* but not one of ours */

    /* of the look into the log */
    assess_arena_t             *arena;
    assess_err_e                rc;
    assess_event_t             *events;
    size_t                      nevents;
} ngx_http_assess_open_t;


static void ngx_http_assess_open_last(ngx_http_assess_call_t *call,
    ngx_http_assess_open_t *o);
static ngx_int_t ngx_http_assess_open_refuse(ngx_http_assess_call_t *call,
    ngx_uint_t handling);
static void ngx_http_assess_open_run(void *data);
static void ngx_http_assess_open_read(ngx_http_assess_call_t *call,
    ngx_http_assess_open_t *o);
static int ngx_libc_cdecl ngx_http_assess_open_order(const void *a,
    const void *b);
static void ngx_http_assess_open_done(void *data);
static void ngx_http_assess_open_begin(ngx_http_assess_call_t *call,
    ngx_http_assess_open_t *o, ngx_uint_t handling);
static void ngx_http_assess_open_latest(ngx_http_assess_open_t *o,
    assess_buf_t *text);


static ngx_str_t  ngx_http_assess_type_connected = ngx_string("connected");
static ngx_str_t  ngx_http_assess_type_reset = ngx_string("reset");


/* on the event loop: NGX_DONE once it has begun, NGX_OK for a problem */

ngx_int_t
ngx_http_assess_progress(ngx_http_assess_call_t *call)
{
    ngx_int_t                rc;
    ngx_http_request_t      *r;
    ngx_http_assess_open_t  *o;

    r = call->request;

    o = assess_pcalloc(call->arena, sizeof(ngx_http_assess_open_t));
    if (o == NULL) {
        return NGX_ERROR;
    }

    call->ctx = o;

    rc = ngx_http_assess_filter_read(&o->filter, call);
    if (rc != NGX_OK) {
        return rc == NGX_ABORT ? NGX_OK : NGX_ERROR;
    }

    ngx_http_assess_open_last(call, o);

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        return NGX_ERROR;
    }

    r->main->count++;

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);
    }

    r->read_event_handler = ngx_http_test_reading;

    if (!ngx_http_assess_scheduler_ready(NULL)
        || ngx_http_assess_hub_quitting())
    {
        return ngx_http_assess_open_refuse(call, 1);
    }

    o->after = ngx_http_assess_hub_cursor();

    /* what the zone has need not be looked up: all come back after a reload */

    if (o->filter.jobs.n == 0 && o->filter.documents.n == 0
        && o->filter.batches.n == 0
        && (!o->resumed
            || (!o->reset
                && ngx_http_assess_zone_follows(call->mcf->zone, o->last))))
    {
        ngx_http_assess_open_begin(call, o, 1);
        return NGX_DONE;
    }

    if (assess_db_away(ngx_http_assess_scheduler_db(), NULL)
        || ngx_http_assess_call_post(call, ngx_http_assess_open_run,
                                     ngx_http_assess_open_done)
           != NGX_OK)
    {
        return ngx_http_assess_open_refuse(call, 1);
    }

    return NGX_DONE;
}


/* the header wins; what is no id is answered with a reset */

static void
ngx_http_assess_open_last(ngx_http_assess_call_t *call,
    ngx_http_assess_open_t *o)
{
    const assess_str_t  *text;

    text = &call->last_event_id;

    if (text->data == NULL || text->len == 0) {
        text = ngx_http_assess_call_param(call, "lastEventId");
        if (text == NULL) {
            return;
        }
    }

    o->resumed = 1;
    o->reset = assess_cursor_event(text, &o->last) != 0;
}


/* EventSource takes any other answer as final: it is told to come back */

static ngx_int_t
ngx_http_assess_open_refuse(ngx_http_assess_call_t *call,
    ngx_uint_t handling)
{
    assess_buf_t             text;
    ngx_http_assess_open_t  *o;

    o = call->ctx;
    o->filter.logs = 0;

    ngx_memzero(&text, sizeof(assess_buf_t));
    ngx_http_assess_block_begin(&text);
    ngx_http_assess_stream_retry(&text, NGX_HTTP_ASSESS_COME_BACK);

    ngx_http_assess_progress_open(call, &o->filter, o->after, &text, 1,
                                  handling);
    return NGX_DONE;
}


static void
ngx_http_assess_open_run(void *data)
{
    ngx_http_assess_call_t *call = data;

    assess_db_t             *db;
    int64_t                  oldest, newest;
    assess_err_t             err;
    ngx_http_assess_open_t  *o;

    o = call->ctx;
    db = ngx_http_assess_scheduler_db();

    o->arena = assess_arena_create();
    if (o->arena == NULL) {
        o->rc = ASSESS_ERROR;
        return;
    }

    o->rc = ASSESS_OK;

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_OPEN_MS);

    if (o->resumed && !o->reset) {

        o->rc = assess_events_bounds(db, &oldest, &newest, &err);

        /* the event after the last one must still be there, or yet to come */

        if (o->rc == ASSESS_OK
            && ((int64_t) o->last > newest || (int64_t) o->last < oldest - 1))
        {
            o->reset = 1;
        }
    }

    if (o->rc == ASSESS_OK) {
        ngx_http_assess_open_read(call, o);
    }

    assess_db_until(0);
}


/* the latest events of all that it is narrowed to, in the order of their ids */

static void
ngx_http_assess_open_read(ngx_http_assess_call_t *call,
    ngx_http_assess_open_t *o)
{
    size_t           n;
    assess_db_t     *db;
    assess_err_t     err;
    assess_event_t  *batches, *all;

    db = ngx_http_assess_scheduler_db();

    if (o->filter.jobs.n || o->filter.documents.n) {
        o->rc = assess_events_latest(db, o->arena, &call->scope,
                                     o->filter.jobs.ids, o->filter.jobs.n,
                                     o->filter.documents.ids,
                                     o->filter.documents.n, &o->events,
                                     &o->nevents, &err);
    }

    if (o->rc != ASSESS_OK || o->filter.batches.n == 0) {
        return;
    }

    o->rc = assess_batches_latest(db, o->arena, &call->scope,
                                  o->filter.batches.ids, o->filter.batches.n,
                                  &batches, &n, &err);
    if (o->rc != ASSESS_OK) {
        return;
    }

    all = assess_palloc(o->arena, (o->nevents + n + 1)
                                  * sizeof(assess_event_t));
    if (all == NULL) {
        o->rc = ASSESS_ERROR;
        return;
    }

    ngx_memcpy(all, batches, n * sizeof(assess_event_t));

    if (o->nevents) {
        ngx_memcpy(all + n, o->events, o->nevents * sizeof(assess_event_t));
    }

    o->events = all;
    o->nevents += n;

    ngx_qsort(all, o->nevents, sizeof(assess_event_t),
              ngx_http_assess_open_order);
}


static int ngx_libc_cdecl
ngx_http_assess_open_order(const void *a, const void *b)
{
    const assess_event_t  *left = a, *right = b;

    return left->event_id < right->event_id
           ? -1 : left->event_id > right->event_id;
}


static void
ngx_http_assess_open_done(void *data)
{
    size_t                   i;
    uint64_t                 final;
    assess_arena_t          *arena;
    ngx_connection_t        *c;
    ngx_http_assess_call_t  *call = data;
    ngx_http_assess_open_t  *o;
    ngx_http_assess_event_t  ev;

    /* it is the call's: it goes with it when the client is gone */

    o = call->ctx;

    arena = o->arena;
    o->arena = NULL;

    if (!ngx_http_assess_call_back(call)) {
        assess_arena_destroy(arena);
        return;
    }

    c = call->request->connection;

    /* a worker that quits has told its followers already */

    if (o->rc != ASSESS_OK || ngx_http_assess_hub_quitting()) {
        (void) ngx_http_assess_open_refuse(call, 0);
        goto done;
    }

    final = 0;

    for (i = 0; i < o->nevents; i++) {
        ngx_http_assess_progress_event(&ev, &o->events[i]);
        ngx_http_assess_filter_mark(&o->filter, &ev);
        final = (uint64_t) o->events[i].event_id;
    }

    /* all is over and told: this is the official end */

    if (o->resumed && !o->reset && ngx_http_assess_filter_over(&o->filter)
        && final <= o->last)
    {
        call->status = NGX_HTTP_NO_CONTENT;
        ngx_http_assess_call_answer(call);
        goto done;
    }

    /* what the client has not seen yet is not over for it */

    for (i = 0; o->resumed && !o->reset && i < o->nevents; i++) {
        if ((uint64_t) o->events[i].event_id > o->last) {
            ngx_http_assess_progress_event(&ev, &o->events[i]);
            ngx_http_assess_filter_unmark(&o->filter, &ev);
        }
    }

    ngx_http_assess_open_begin(call, o, 0);

done:

    /* there may be no call any more */

    assess_arena_destroy(arena);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_assess_open_begin(ngx_http_assess_call_t *call,
    ngx_http_assess_open_t *o, ngx_uint_t handling)
{
    uint64_t      after;
    ngx_str_t     data;
    ngx_uint_t    end;
    assess_buf_t  text;

    ngx_memzero(&text, sizeof(assess_buf_t));
    ngx_http_assess_block_begin(&text);
    ngx_http_assess_stream_retry(&text, call->mcf->retry);

    if (o->reset) {
        ngx_str_set(&data, "{\"type\":\"reset\"}");
        ngx_http_assess_block_event(&text, 0, &ngx_http_assess_type_reset,
                                    &data);
    }

    ngx_str_set(&data, "{\"type\":\"connected\"}");
    ngx_http_assess_block_event(&text, 0, &ngx_http_assess_type_connected,
                                &data);

    end = 0;
    after = o->last;

    if (!o->resumed || o->reset) {

        /* a new stream begins with where its jobs are now */

        ngx_http_assess_open_latest(o, &text);

        end = ngx_http_assess_filter_over(&o->filter);
        after = o->after;
    }

    ngx_http_assess_progress_open(call, &o->filter, after, &text, end,
                                  handling);
}


static void
ngx_http_assess_open_latest(ngx_http_assess_open_t *o, assess_buf_t *text)
{
    size_t                    i;
    ngx_http_assess_event_t   ev;

    for (i = 0; i < o->nevents; i++) {

        ngx_http_assess_progress_event(&ev, &o->events[i]);

        if (ev.id > o->after) {

            /* it will come through the zone */

            ngx_http_assess_filter_unmark(&o->filter, &ev);

        } else if (ngx_http_assess_filter_wants(&o->filter, &ev)) {
            ngx_http_assess_block_event(text, ev.id, &ev.type, &ev.data);
        }
    }
}
