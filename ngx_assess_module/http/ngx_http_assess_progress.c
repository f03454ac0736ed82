
#include "ngx_http_assess_filter.h"
#include "ngx_http_assess_stream.h"


#define NGX_HTTP_ASSESS_PAGE        200      /* events of the log, at a time */
#define NGX_HTTP_ASSESS_COME_BACK   10000    /* ms; while we cannot serve */
#define NGX_HTTP_ASSESS_OPEN_MS     900      /* for what a stream begins with */
#define NGX_HTTP_ASSESS_PAGE_MS     5000     /* for a page of the log */
#define NGX_HTTP_ASSESS_AGAIN       500      /* ms until the next try */


typedef struct {
    ngx_http_assess_follower_t  follower;        /* first: it is cast */
    ngx_http_assess_stream_t    stream;
    ngx_http_assess_watcher_t   watcher;
    ngx_http_assess_call_t     *call;

    ngx_http_assess_filter_t    filter;
    ngx_event_t                 again;           /* the log is out of reach */

    uint64_t                    last;            /* the client's last id */
    unsigned                    handling:1;      /* in nginx's handler */
    unsigned                    resumed:1;       /* it has one */
    unsigned                    reset:1;         /* but not one of ours */

    /* of a look into the log */
    assess_arena_t             *arena;
    assess_err_e                rc;
    assess_event_t             *events;
    size_t                      nevents;
    int64_t                     upto;
} ngx_http_assess_progress_t;


static void ngx_http_assess_progress_last(ngx_http_assess_progress_t *p);
static ngx_int_t ngx_http_assess_progress_refuse(
    ngx_http_assess_progress_t *p);
static void ngx_http_assess_progress_open_run(void *data);
static void ngx_http_assess_progress_open_done(void *data);
static void ngx_http_assess_progress_begin(ngx_http_assess_progress_t *p);
static void ngx_http_assess_progress_send(
    ngx_http_assess_progress_t *p, ngx_http_assess_event_t *ev);
static void ngx_http_assess_progress_events(ngx_http_assess_follower_t *f,
    ngx_http_assess_event_t *events, ngx_uint_t n);
static void ngx_http_assess_progress_logged(ngx_http_assess_progress_t *p);
static void ngx_http_assess_progress_behind(ngx_http_assess_follower_t *f);
static void ngx_http_assess_progress_again(ngx_event_t *ev);
static void ngx_http_assess_progress_page_run(void *data);
static void ngx_http_assess_progress_page_done(void *data);
static void ngx_http_assess_progress_drained(ngx_http_assess_stream_t *st);
static void ngx_http_assess_progress_quit(ngx_http_assess_follower_t *f);
static void ngx_http_assess_progress_cleanup(void *data);


static ngx_str_t  ngx_http_assess_type_connected = ngx_string("connected");
static ngx_str_t  ngx_http_assess_type_reset = ngx_string("reset");


/* on the event loop: NGX_DONE once it has begun, NGX_OK for a problem */

ngx_int_t
ngx_http_assess_progress(ngx_http_assess_call_t *call)
{
    ngx_int_t                    rc;
    ngx_http_request_t          *r;
    ngx_pool_cleanup_t          *cln;
    ngx_http_assess_progress_t  *p;

    r = call->request;

    p = assess_pcalloc(call->arena, sizeof(ngx_http_assess_progress_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    p->call = call;
    call->ctx = &p->stream;

    p->follower.events = ngx_http_assess_progress_events;
    p->follower.behind = ngx_http_assess_progress_behind;
    p->follower.quit = ngx_http_assess_progress_quit;
    p->stream.drained = ngx_http_assess_progress_drained;

    p->again.handler = ngx_http_assess_progress_again;
    p->again.data = r->connection;
    p->again.log = r->connection->log;
    p->again.cancelable = 1;

    rc = ngx_http_assess_filter_read(&p->filter, call);
    if (rc != NGX_OK) {
        return rc == NGX_ABORT ? NGX_OK : NGX_ERROR;
    }

    ngx_http_assess_progress_last(p);

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_assess_progress_cleanup;
    cln->data = p;

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
        return ngx_http_assess_progress_refuse(p);
    }

    p->follower.after = ngx_http_assess_hub_cursor();

    if (!p->resumed && p->filter.jobs.n == 0 && p->filter.documents.n == 0) {

        /* our count on the request keeps it until we return */

        p->handling = 1;
        ngx_http_assess_progress_begin(p);
        p->handling = 0;

        return NGX_DONE;
    }

    if (assess_db_away(ngx_http_assess_scheduler_db(), NULL)
        || ngx_http_assess_call_post(call, ngx_http_assess_progress_open_run,
                                     ngx_http_assess_progress_open_done)
           != NGX_OK)
    {
        return ngx_http_assess_progress_refuse(p);
    }

    return NGX_DONE;
}


/* the header wins; what is no id is answered with a reset */

static void
ngx_http_assess_progress_last(ngx_http_assess_progress_t *p)
{
    size_t               i;
    const assess_str_t  *text;

    text = &p->call->last_event_id;

    if (text->data == NULL || text->len == 0) {
        text = ngx_http_assess_call_param(p->call, "lastEventId");
        if (text == NULL) {
            return;
        }
    }

    p->resumed = 1;

    if (text->len == 0 || text->len > 18) {
        p->reset = 1;
        return;
    }

    for (i = 0; i < text->len; i++) {

        if (text->data[i] < '0' || text->data[i] > '9') {
            p->reset = 1;
            return;
        }

        p->last = p->last * 10 + (uint64_t) (text->data[i] - '0');
    }
}


/* EventSource takes any other answer as final: it is told to come back */

static ngx_int_t
ngx_http_assess_progress_refuse(ngx_http_assess_progress_t *p)
{
    ngx_int_t  rc;

    rc = ngx_http_assess_stream_open(&p->stream, p->call,
                                     NGX_HTTP_ASSESS_COME_BACK);

    if (rc == NGX_OK) {
        ngx_http_assess_stream_end(&p->stream);

    } else {
        ngx_http_finalize_request(p->call->request, rc);
    }

    return NGX_DONE;
}


static void
ngx_http_assess_progress_open_run(void *data)
{
    ngx_http_assess_call_t *call = data;

    assess_db_t                 *db;
    int64_t                      oldest, newest;
    assess_err_t                 err;
    ngx_http_assess_progress_t  *p;

    p = (ngx_http_assess_progress_t *)
            ((char *) call->ctx - offsetof(ngx_http_assess_progress_t,
                                           stream));
    db = ngx_http_assess_scheduler_db();

    p->arena = assess_arena_create();
    if (p->arena == NULL) {
        p->rc = ASSESS_ERROR;
        return;
    }

    p->rc = ASSESS_OK;

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_OPEN_MS);

    if (p->resumed && !p->reset) {

        p->rc = assess_events_bounds(db, &oldest, &newest, &err);

        /* the event after the last one must still be there, or yet to come */

        if (p->rc == ASSESS_OK
            && ((int64_t) p->last > newest || (int64_t) p->last < oldest - 1))
        {
            p->reset = 1;
        }
    }

    if (p->rc == ASSESS_OK && (p->filter.jobs.n || p->filter.documents.n)) {
        p->rc = assess_events_latest(db, p->arena, &call->scope,
                                     p->filter.jobs.ids, p->filter.jobs.n,
                                     p->filter.documents.ids,
                                     p->filter.documents.n, &p->events,
                                     &p->nevents, &err);
    }

    assess_db_until(0);
}


static void
ngx_http_assess_progress_open_done(void *data)
{
    size_t                       i;
    uint64_t                     final;
    assess_arena_t              *arena;
    ngx_connection_t            *c;
    ngx_http_assess_call_t      *call = data;
    ngx_http_assess_progress_t  *p;

    /* p is the call's: it goes with it when the client is gone */

    p = (ngx_http_assess_progress_t *)
            ((char *) call->ctx - offsetof(ngx_http_assess_progress_t,
                                           stream));

    arena = p->arena;
    p->arena = NULL;

    if (!ngx_http_assess_call_back(call)) {
        assess_arena_destroy(arena);
        return;
    }

    c = call->request->connection;

    /* a worker that quits has told its followers already */

    if (p->rc != ASSESS_OK || ngx_http_assess_hub_quitting()) {
        (void) ngx_http_assess_progress_refuse(p);
        goto done;
    }

    final = 0;

    for (i = 0; i < p->nevents; i++) {
        ngx_http_assess_filter_mark(&p->filter, p->events[i].job_id,
                                    p->events[i].type.data,
                                    p->events[i].type.len);
        final = (uint64_t) p->events[i].event_id;
    }

    /* all is over and told: this is the official end */

    if (p->resumed && !p->reset && ngx_http_assess_filter_over(&p->filter)
        && final <= p->last)
    {
        call->status = NGX_HTTP_NO_CONTENT;
        ngx_http_assess_call_answer(call);
        goto done;
    }

    /* what the client has not seen yet is not over for it */

    for (i = 0; p->resumed && !p->reset && i < p->nevents; i++) {
        if ((uint64_t) p->events[i].event_id > p->last) {
            ngx_http_assess_filter_mark(&p->filter, p->events[i].job_id, "",
                                        0);
        }
    }

    ngx_http_assess_progress_begin(p);

done:

    /* there may be no call any more */

    assess_arena_destroy(arena);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_assess_progress_begin(ngx_http_assess_progress_t *p)
{
    ngx_int_t  rc;
    ngx_str_t  data;

    rc = ngx_http_assess_stream_open(&p->stream, p->call,
                                     p->call->mcf->retry);
    if (rc != NGX_OK) {
        ngx_http_finalize_request(p->call->request, rc);
        return;
    }

    if (p->reset) {
        ngx_str_set(&data, "{\"type\":\"reset\"}");
        ngx_http_assess_stream_event(&p->stream, 0,
                                     &ngx_http_assess_type_reset, &data);
    }

    ngx_str_set(&data, "{\"type\":\"connected\"}");
    ngx_http_assess_stream_event(&p->stream, 0,
                                 &ngx_http_assess_type_connected, &data);

    if (p->resumed && !p->reset) {
        p->follower.after = p->last;

    } else {

        /* a new stream begins with where its jobs are now */

        p->upto = (int64_t) p->follower.after;
        ngx_http_assess_progress_logged(p);
    }

    if (!p->resumed || p->reset) {

        if (ngx_http_assess_filter_over(&p->filter)) {
            ngx_http_assess_stream_end(&p->stream);
            return;
        }
    }

    if (ngx_http_assess_filter_none(&p->filter)) {
        ngx_http_assess_counters_watch(&p->watcher, &p->stream);
    }

    p->follower.paused = 1;
    ngx_http_assess_hub_follow(&p->follower);

    ngx_http_assess_stream_flush(&p->stream);

    if (p->stream.open && !p->stream.busy) {
        ngx_http_assess_hub_resume(&p->follower);
    }
}


/*
 * One event, if it is for this stream.  What waits to be sent is at most one
 * batch of the hub, or one page of the log: while it is not out the stream is
 * paused.
 */

static void
ngx_http_assess_progress_send(ngx_http_assess_progress_t *p,
    ngx_http_assess_event_t *ev)
{
    if (!ngx_http_assess_filter_wants(&p->filter, ev)) {
        return;
    }

    ngx_http_assess_stream_event(&p->stream, ev->id, &ev->type, &ev->data);

    ngx_http_assess_filter_mark(&p->filter, (char *) ev->job_id,
                                (char *) ev->type.data, ev->type.len);

    if (ev->type.len != 8 || ngx_memcmp(ev->type.data, "progress", 8) != 0) {
        ngx_http_assess_counters_changed(&p->watcher);
    }
}


static void
ngx_http_assess_progress_events(ngx_http_assess_follower_t *f,
    ngx_http_assess_event_t *events, ngx_uint_t n)
{
    ngx_uint_t                   i;
    ngx_connection_t            *c;
    ngx_http_assess_progress_t  *p;

    p = (ngx_http_assess_progress_t *) f;
    c = p->call->request->connection;

    for (i = 0; i < n; i++) {
        ngx_http_assess_progress_send(p, &events[i]);
    }

    if (ngx_http_assess_filter_over(&p->filter)) {
        ngx_http_assess_hub_leave(f);
        ngx_http_assess_stream_end(&p->stream);

    } else {
        f->paused = 1;
        ngx_http_assess_stream_flush(&p->stream);

        if (p->stream.open && !p->stream.busy) {
            f->paused = 0;
        }

        if (p->handling) {
            return;
        }
    }

    ngx_http_run_posted_requests(c);
}


/* the same for what was read from the log, up to upto */

static void
ngx_http_assess_progress_logged(ngx_http_assess_progress_t *p)
{
    size_t                    i;
    assess_event_t           *e;
    ngx_http_assess_event_t   ev;

    for (i = 0; i < p->nevents; i++) {

        e = &p->events[i];

        if (e->event_id > p->upto) {

            /* it will come through the zone */

            ngx_http_assess_filter_mark(&p->filter, e->job_id, "", 0);
            continue;
        }

        ev.id = (uint64_t) e->event_id;
        ev.type.len = e->type.len;
        ev.type.data = (u_char *) e->type.data;
        ev.tenant.len = e->tenant.len;
        ev.tenant.data = (u_char *) e->tenant.data;
        ev.user.len = e->user.len;
        ev.user.data = (u_char *) e->user.data;
        ev.job_id = (u_char *) e->job_id;
        ev.document_id = (u_char *) e->document_id;
        ev.batch_id = e->batch_id[0] ? (u_char *) e->batch_id : NULL;
        ev.data.len = e->data.len;
        ev.data.data = (u_char *) e->data.data;

        ngx_http_assess_progress_send(p, &ev);
    }

    p->events = NULL;
    p->nevents = 0;
}


/*
 * What comes next is not in the zone any more.  While the log is out of reach
 * the stream stays as it is, and goes on after that without a gap.
 */

static void
ngx_http_assess_progress_behind(ngx_http_assess_follower_t *f)
{
    ngx_http_assess_progress_t  *p;

    p = (ngx_http_assess_progress_t *) f;

    if (p->call->busy || p->again.timer_set) {
        return;
    }

    if (assess_db_away(ngx_http_assess_scheduler_db(), NULL)
        || ngx_http_assess_call_post(p->call,
                                     ngx_http_assess_progress_page_run,
                                     ngx_http_assess_progress_page_done)
           != NGX_OK)
    {
        ngx_add_timer(&p->again, NGX_HTTP_ASSESS_AGAIN);
    }
}


static void
ngx_http_assess_progress_again(ngx_event_t *ev)
{
    ngx_http_assess_progress_t  *p;

    p = (ngx_http_assess_progress_t *)
            ((char *) ev - offsetof(ngx_http_assess_progress_t, again));

    if (p->stream.open && !p->stream.ending) {
        ngx_http_assess_progress_behind(&p->follower);
    }
}


static void
ngx_http_assess_progress_page_run(void *data)
{
    ngx_http_assess_call_t *call = data;

    assess_err_t                 err;
    ngx_http_assess_progress_t  *p;

    p = (ngx_http_assess_progress_t *)
            ((char *) call->ctx - offsetof(ngx_http_assess_progress_t,
                                           stream));

    p->rc = ASSESS_ERROR;
    p->arena = assess_arena_create();

    if (p->arena) {
        assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_PAGE_MS);

        p->rc = assess_events_after(ngx_http_assess_scheduler_db(), p->arena,
                                    &call->scope.tenant,
                                    (int64_t) p->follower.after,
                                    NGX_HTTP_ASSESS_PAGE, &p->events,
                                    &p->nevents, &p->upto, &err);

        assess_db_until(0);
    }
}


static void
ngx_http_assess_progress_page_done(void *data)
{
    assess_arena_t              *arena;
    ngx_connection_t            *c;
    ngx_http_assess_call_t      *call = data;
    ngx_http_assess_progress_t  *p;

    p = (ngx_http_assess_progress_t *)
            ((char *) call->ctx - offsetof(ngx_http_assess_progress_t,
                                           stream));
    arena = p->arena;
    p->arena = NULL;

    if (!ngx_http_assess_call_back(call)
        || !p->stream.open || p->stream.ending)
    {
        assess_arena_destroy(arena);
        return;
    }

    c = call->request->connection;

    /* what does not take us further is the log of another database */

    if (p->rc == ASSESS_OK && (uint64_t) p->upto <= p->follower.after) {
        p->rc = ASSESS_ERROR;
    }

    if (p->rc == ASSESS_OK) {
        ngx_http_assess_progress_logged(p);
        p->follower.after = (uint64_t) p->upto;
    }

    assess_arena_destroy(arena);

    if (p->rc == ASSESS_UNAVAILABLE) {
        ngx_add_timer(&p->again, NGX_HTTP_ASSESS_AGAIN);

    } else if (p->rc != ASSESS_OK || ngx_http_assess_filter_over(&p->filter)) {

        /* without the log there would be a gap: the client comes back */

        ngx_http_assess_hub_leave(&p->follower);
        ngx_http_assess_stream_end(&p->stream);

    } else {
        ngx_http_assess_stream_flush(&p->stream);

        if (p->stream.open && !p->stream.busy) {
            ngx_http_assess_hub_resume(&p->follower);
        }
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_assess_progress_drained(ngx_http_assess_stream_t *st)
{
    ngx_http_assess_progress_t  *p;

    p = (ngx_http_assess_progress_t *)
            ((char *) st - offsetof(ngx_http_assess_progress_t, stream));

    if (p->watcher.missed) {
        ngx_http_assess_counters_changed(&p->watcher);
    }

    if (!p->call->busy && !p->again.timer_set) {
        ngx_http_assess_hub_resume(&p->follower);
    }
}


static void
ngx_http_assess_progress_quit(ngx_http_assess_follower_t *f)
{
    ngx_connection_t            *c;
    ngx_http_assess_progress_t  *p;

    p = (ngx_http_assess_progress_t *) f;
    c = p->call->request->connection;

    ngx_http_assess_stream_end(&p->stream);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_assess_progress_cleanup(void *data)
{
    ngx_http_assess_progress_t  *p = data;

    ngx_http_assess_hub_leave(&p->follower);
    ngx_http_assess_counters_leave(&p->watcher);

    if (p->again.timer_set) {
        ngx_del_timer(&p->again);
    }
    ngx_http_assess_stream_close(&p->stream);
}
