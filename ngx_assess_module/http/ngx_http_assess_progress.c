
#include "ngx_http_assess_progress.h"


#define NGX_HTTP_ASSESS_PAGE        200      /* events of the log, at most */
#define NGX_HTTP_ASSESS_PAGE_FIRST  50
#define NGX_HTTP_ASSESS_PAGE_MS     5000     /* for a page of the log */
#define NGX_HTTP_ASSESS_AGAIN       500      /* ms until the next try */


typedef struct ngx_http_assess_look_s  ngx_http_assess_look_t;


typedef struct {
    ngx_http_assess_follower_t   follower;       /* first: it is cast */
    ngx_http_assess_stream_t     stream;
    ngx_http_assess_watcher_t    watcher;
    ngx_http_assess_sub_t        sub;            /* where one is enough */
    ngx_str_t                    tenant;
    ngx_http_assess_filter_t    *filter;         /* NULL: all of the tenant */
    ngx_http_assess_look_t      *look;           /* NULL: none */
    ngx_http_assess_tail_t      *tail;           /* NULL: none */
    unsigned                     page:16;        /* events to be read next */
    unsigned                     handling:1;     /* in nginx's handler */
} ngx_http_assess_progress_t;


/* a look into the log, which outlives its stream if need be */

struct ngx_http_assess_look_s {
    ngx_http_assess_task_t       task;
    ngx_http_assess_progress_t  *progress;       /* event loop; NULL: gone */
    ngx_event_t                  again;          /* the log is out of reach */
    unsigned                     busy:1;         /* a thread has it */

    assess_str_t                 tenant;
    uint64_t                     after;
    int                          page;
    assess_arena_t              *arena;
    assess_err_e                 rc;
    assess_event_t              *events;
    size_t                       nevents;
    int64_t                      upto;
    char                         name[NGX_HTTP_ASSESS_TENANT_LEN];
};


static ngx_int_t ngx_http_assess_progress_topics(
    ngx_http_assess_progress_t *p, ngx_pool_t *pool);
static ngx_int_t ngx_http_assess_progress_events(
    ngx_http_assess_follower_t *f, ngx_http_assess_round_t *round,
    uint64_t mask);
static uint64_t ngx_http_assess_progress_wanted(
    ngx_http_assess_progress_t *p, ngx_http_assess_round_t *round,
    uint64_t mask);
static void ngx_http_assess_progress_behind(ngx_http_assess_follower_t *f);
static void ngx_http_assess_progress_look(ngx_http_assess_look_t *look);
static void ngx_http_assess_progress_again(ngx_event_t *ev);
static void ngx_http_assess_progress_page_run(void *data);
static void ngx_http_assess_progress_page_done(void *data);
static void ngx_http_assess_progress_page(ngx_http_assess_progress_t *p,
    ngx_http_assess_look_t *look);
static void ngx_http_assess_progress_look_free(ngx_http_assess_look_t *look);
static void ngx_http_assess_progress_drained(ngx_http_assess_stream_t *st);
static void ngx_http_assess_progress_over(ngx_http_assess_progress_t *p);
static void ngx_http_assess_progress_quit(ngx_http_assess_follower_t *f);
static void ngx_http_assess_progress_closed(ngx_http_assess_stream_t *st);


static const ngx_http_assess_follower_calls_t  ngx_http_assess_progress_calls
    = {
    ngx_http_assess_progress_events,
    ngx_http_assess_progress_behind,
    ngx_http_assess_progress_quit
};


static const ngx_http_assess_stream_calls_t  ngx_http_assess_progress_stream
    = {
    ngx_http_assess_progress_drained,
    ngx_http_assess_progress_closed
};


#define ngx_http_assess_progress_of(st)                                       \
    ((ngx_http_assess_progress_t *)                                           \
         ((char *) (st) - offsetof(ngx_http_assess_progress_t, stream)))


void
ngx_http_assess_progress_open(ngx_http_assess_call_t *call,
    ngx_http_assess_filter_t *filter, uint64_t after, assess_buf_t *text,
    ngx_uint_t end, ngx_uint_t handling)
{
    ngx_int_t                    rc;
    ngx_uint_t                   none;
    ngx_http_request_t          *r;
    ngx_http_assess_progress_t  *p;

    r = call->request;
    none = ngx_http_assess_filter_none(filter);

    p = ngx_pcalloc(r->pool, sizeof(ngx_http_assess_progress_t));
    if (p == NULL) {
        rc = NGX_ERROR;
        goto failed;
    }

    p->follower.calls = &ngx_http_assess_progress_calls;
    p->follower.after = after;
    p->follower.paused = 1;
    p->stream.calls = &ngx_http_assess_progress_stream;
    p->page = NGX_HTTP_ASSESS_PAGE_FIRST;
    p->handling = handling;

    p->tenant.len = filter->tenant->len;
    p->tenant.data = ngx_pnalloc(r->pool, p->tenant.len);

    if (p->tenant.data == NULL) {
        rc = NGX_ERROR;
        goto failed;
    }

    ngx_memcpy(p->tenant.data, filter->tenant->data, p->tenant.len);

    rc = ngx_http_assess_stream_open(&p->stream, r);
    if (rc != NGX_OK) {
        goto failed;
    }

    if (!none && !end) {
        p->filter = ngx_http_assess_filter_copy(filter, r->pool);
        if (p->filter == NULL) {
            rc = NGX_ERROR;
            goto failed;
        }
    }

    if (!end && ngx_http_assess_progress_topics(p, r->pool) != NGX_OK) {
        rc = NGX_ERROR;
        goto failed;
    }

    if (filter->logs) {
        p->tail = ngx_http_assess_tail_create(&p->stream, filter->tenant,
                                              filter->jobs.ids,
                                              filter->jobs.n);
        if (p->tail == NULL) {
            rc = NGX_ERROR;
            goto failed;
        }
    }

    ngx_http_assess_call_release(call);

    if (end) {
        ngx_http_assess_stream_send(&p->stream,
                                    ngx_http_assess_block_create(text));
        ngx_http_assess_progress_over(p);
        return;
    }

    ngx_http_assess_hub_follow(&p->follower);

    if (none) {
        ngx_http_assess_counters_watch(&p->watcher, &p->stream, &p->tenant);
    }

    ngx_http_assess_stream_send(&p->stream,
                                ngx_http_assess_block_create(text));

    /* in the handler our count on the request keeps it until that returns */

    if (p->stream.open && !p->stream.busy) {
        ngx_http_assess_hub_resume(&p->follower);
    }

    if (handling) {
        p->handling = 0;
    }

    return;

failed:

    assess_buf_free(text);
    ngx_http_finalize_request(r, rc);
}


/*
 * The most particular that it can have: the tenant's only where it is narrowed
 * to nothing else but users.
 */

static ngx_int_t
ngx_http_assess_progress_topics(ngx_http_assess_progress_t *p,
    ngx_pool_t *pool)
{
    size_t                  i, k, n;
    ngx_http_assess_sub_t  *sub;
    ngx_http_assess_ids_t  *ids[3];

    static const ngx_http_assess_topic_e  kinds[3] = {
        NGX_HTTP_ASSESS_TOPIC_JOB,
        NGX_HTTP_ASSESS_TOPIC_DOCUMENT,
        NGX_HTTP_ASSESS_TOPIC_BATCH
    };

    n = p->filter ? p->filter->jobs.n + p->filter->documents.n
                    + p->filter->batches.n
                  : 0;

    if (n == 0) {
        return ngx_http_assess_hub_topic(&p->follower, &p->sub,
                                         NGX_HTTP_ASSESS_TOPIC_TENANT,
                                         p->tenant.data, p->tenant.len);
    }

    sub = &p->sub;

    if (n > 1) {
        sub = ngx_palloc(pool, n * sizeof(ngx_http_assess_sub_t));
        if (sub == NULL) {
            return NGX_ERROR;
        }
    }

    ids[0] = &p->filter->jobs;
    ids[1] = &p->filter->documents;
    ids[2] = &p->filter->batches;

    for (k = 0; k < 3; k++) {
        for (i = 0; i < ids[k]->n; i++) {
            if (ngx_http_assess_hub_topic(&p->follower, sub++, kinds[k],
                                          ids[k]->ids[i].data,
                                          ids[k]->ids[i].len)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/*
 * What is with nginx, and waits for its reader, is at most one round or one
 * page of the log: while it is not out the stream takes nothing.
 */

static ngx_int_t
ngx_http_assess_progress_events(ngx_http_assess_follower_t *f,
    ngx_http_assess_round_t *round, uint64_t mask)
{
    ngx_connection_t            *c;
    ngx_http_assess_block_t     *block;
    ngx_http_assess_progress_t  *p;

    p = (ngx_http_assess_progress_t *) f;

    if (!p->stream.open || p->stream.busy || p->stream.ending) {
        return NGX_DECLINED;
    }

    c = p->stream.request->connection;

    if (p->filter) {
        mask = ngx_http_assess_progress_wanted(p, round, mask);

        if (mask == 0) {
            return NGX_OK;
        }
    }

    assess_count(&ngx_http_assess_scheduler_engine()->metrics->deliveries,
                 (uint64_t) __builtin_popcountll(mask));

    block = ngx_http_assess_round_block(round, mask);

    if (mask & round->notable) {
        ngx_http_assess_counters_changed(&p->watcher);
    }

    ngx_http_assess_stream_send(&p->stream, block);

    if (p->filter && ngx_http_assess_filter_over(p->filter)) {
        ngx_http_assess_hub_leave(f);
        ngx_http_assess_progress_over(p);
        goto done;
    }

    if (!p->stream.open || p->stream.busy) {
        f->paused = 1;
    }

    if (p->handling) {
        return NGX_OK;
    }

done:

    ngx_http_run_posted_requests(c);

    return NGX_OK;
}


static uint64_t
ngx_http_assess_progress_wanted(ngx_http_assess_progress_t *p,
    ngx_http_assess_round_t *round, uint64_t mask)
{
    uint64_t                  bit, wanted;
    ngx_uint_t                i;
    ngx_http_assess_event_t  *ev;

    wanted = 0;

    for (i = 0; i < round->n; i++) {

        ev = &round->events[i];
        bit = (uint64_t) 1 << i;

        if ((mask & bit) && ngx_http_assess_filter_wants(p->filter, ev)) {
            wanted |= bit;
            ngx_http_assess_filter_mark(p->filter, ev);
        }
    }

    return wanted;
}


/*
 * What comes next is not in the zone any more.  While the log is out of reach
 * the stream stays as it is, and goes on after that without a gap.
 */

static void
ngx_http_assess_progress_behind(ngx_http_assess_follower_t *f)
{
    ngx_http_assess_look_t      *look;
    ngx_http_assess_progress_t  *p;

    p = (ngx_http_assess_progress_t *) f;

    if (p->look) {
        return;
    }

    look = ngx_calloc(sizeof(ngx_http_assess_look_t), ngx_cycle->log);

    if (look == NULL) {

        /* it comes back with its last id */

        ngx_http_assess_hub_leave(f);
        p->stream.open = 0;
        ngx_http_finalize_request(p->stream.request, NGX_ERROR);
        return;
    }

    look->progress = p;
    look->tenant.len = p->tenant.len;
    look->tenant.data = look->name;
    ngx_memcpy(look->name, p->tenant.data, p->tenant.len);

    look->again.handler = ngx_http_assess_progress_again;
    look->again.data = p->stream.request->connection;
    look->again.log = p->stream.request->connection->log;
    look->again.cancelable = 1;

    look->task.run = ngx_http_assess_progress_page_run;
    look->task.done = ngx_http_assess_progress_page_done;
    look->task.data = look;

    p->look = look;

    ngx_http_assess_progress_look(look);
}


static void
ngx_http_assess_progress_look(ngx_http_assess_look_t *look)
{
    ngx_http_request_t           *r;
    ngx_http_assess_main_conf_t  *mcf;

    r = look->progress->stream.request;
    mcf = ngx_http_get_module_main_conf(r, ngx_http_assess_module);

    look->after = look->progress->follower.after;
    look->page = look->progress->page;

    if (assess_db_away(ngx_http_assess_scheduler_db(), NULL)
        || ngx_http_assess_task_post(mcf->store_threads, &look->task)
           != NGX_OK)
    {
        ngx_add_timer(&look->again, NGX_HTTP_ASSESS_AGAIN);
        return;
    }

    look->busy = 1;
}


static void
ngx_http_assess_progress_again(ngx_event_t *ev)
{
    ngx_http_assess_look_t      *look;
    ngx_http_assess_progress_t  *p;

    look = (ngx_http_assess_look_t *)
               ((char *) ev - offsetof(ngx_http_assess_look_t, again));
    p = look->progress;

    if (p->stream.open && !p->stream.ending) {
        ngx_http_assess_progress_look(look);
    }
}


static void
ngx_http_assess_progress_page_run(void *data)
{
    ngx_http_assess_look_t *look = data;

    assess_db_t   *db;
    int64_t        oldest, newest;
    assess_err_t   err;

    db = ngx_http_assess_scheduler_db();

    look->rc = ASSESS_ERROR;
    look->arena = assess_arena_create();

    if (look->arena == NULL) {
        return;
    }

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_PAGE_MS);

    look->rc = assess_events_after(db, look->arena, &look->tenant,
                                   (int64_t) look->after, look->page,
                                   &look->events, &look->nevents,
                                   &look->upto, &err);

    /* asked after that: what was read is then all there was */

    if (look->rc == ASSESS_OK) {
        look->rc = assess_events_bounds(db, &oldest, &newest, &err);
    }

    if (look->rc == ASSESS_OK && (int64_t) look->after < oldest - 1) {
        look->rc = ASSESS_NOT_FOUND;
    }

    assess_db_until(0);
}


static void
ngx_http_assess_progress_page_done(void *data)
{
    ngx_connection_t            *c;
    ngx_http_assess_look_t      *look = data;
    ngx_http_assess_progress_t  *p;

    look->busy = 0;
    p = look->progress;

    if (p == NULL || !p->stream.open || p->stream.ending) {
        if (p) {
            p->look = NULL;
        }

        ngx_http_assess_progress_look_free(look);
        return;
    }

    if (look->rc == ASSESS_UNAVAILABLE) {
        assess_arena_destroy(look->arena);
        look->arena = NULL;
        ngx_add_timer(&look->again, NGX_HTTP_ASSESS_AGAIN);
        return;
    }

    p->look = NULL;
    c = p->stream.request->connection;

    if (look->rc != ASSESS_OK || (uint64_t) look->upto <= look->after) {

        /*
         * It is no longer kept, or that is the log of another database.
         * There would be a gap: the client comes back, and is told so.
         */

        ngx_http_assess_hub_leave(&p->follower);
        ngx_http_assess_stream_end(&p->stream);

    } else if (!p->stream.busy) {

        /* where it is, by a comment, say, it is read once more after that */

        ngx_http_assess_progress_page(p, look);
    }

    ngx_http_assess_progress_look_free(look);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_assess_progress_page(ngx_http_assess_progress_t *p,
    ngx_http_assess_look_t *look)
{
    size_t                   i;
    assess_buf_t             text;
    ngx_http_assess_event_t  ev;

    ngx_memzero(&text, sizeof(assess_buf_t));
    ngx_http_assess_block_begin(&text);

    for (i = 0; i < look->nevents; i++) {

        if (text.len >= NGX_HTTP_ASSESS_ROUND_BYTES) {
            break;
        }

        ngx_http_assess_progress_event(&ev, &look->events[i]);
        p->follower.after = ev.id;

        if (p->filter && !ngx_http_assess_filter_wants(p->filter, &ev)) {
            continue;
        }

        ngx_http_assess_block_event(&text, ev.id, &ev.type, &ev.data);
        assess_count(&ngx_http_assess_scheduler_engine()->metrics->deliveries,
                     1);

        if (p->filter) {
            ngx_http_assess_filter_mark(p->filter, &ev);
        }
    }

    if (i == look->nevents) {
        p->follower.after = (uint64_t) look->upto;
        p->page = ngx_min(look->page * 2, NGX_HTTP_ASSESS_PAGE);

    } else {
        p->page = (unsigned) i;
    }

    ngx_http_assess_counters_changed(&p->watcher);
    ngx_http_assess_stream_send(&p->stream,
                                ngx_http_assess_block_create(&text));

    if (p->filter && ngx_http_assess_filter_over(p->filter)) {
        ngx_http_assess_hub_leave(&p->follower);
        ngx_http_assess_progress_over(p);

    } else if (p->stream.open && !p->stream.busy) {
        ngx_http_assess_hub_resume(&p->follower);
    }
}


static void
ngx_http_assess_progress_look_free(ngx_http_assess_look_t *look)
{
    if (look->again.timer_set) {
        ngx_del_timer(&look->again);
    }

    assess_arena_destroy(look->arena);
    ngx_free(look);
}


static void
ngx_http_assess_progress_drained(ngx_http_assess_stream_t *st)
{
    ngx_http_assess_progress_t  *p;

    p = ngx_http_assess_progress_of(st);

    /* all events are told, and lines are not */

    if (!p->follower.following) {
        return;
    }

    if (p->watcher.missed) {
        ngx_http_assess_counters_changed(&p->watcher);
    }

    if (p->look == NULL) {
        ngx_http_assess_hub_resume(&p->follower);
    }
}


/* All events are told; the lines of the last one may not be */

static void
ngx_http_assess_progress_over(ngx_http_assess_progress_t *p)
{
    if (p->tail) {
        ngx_http_assess_tail_end(p->tail);

    } else {
        ngx_http_assess_stream_end(&p->stream);
    }
}


static void
ngx_http_assess_progress_quit(ngx_http_assess_follower_t *f)
{
    ngx_connection_t            *c;
    ngx_http_assess_progress_t  *p;

    p = (ngx_http_assess_progress_t *) f;
    c = p->stream.request->connection;

    ngx_http_assess_stream_end(&p->stream);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_assess_progress_closed(ngx_http_assess_stream_t *st)
{
    ngx_http_assess_progress_t  *p;

    p = ngx_http_assess_progress_of(st);

    ngx_http_assess_hub_leave(&p->follower);
    ngx_http_assess_counters_leave(&p->watcher);

    if (p->tail) {
        ngx_http_assess_tail_leave(p->tail);
    }

    if (p->look) {
        p->look->progress = NULL;

        if (!p->look->busy) {
            ngx_http_assess_progress_look_free(p->look);
        }
    }
}


void
ngx_http_assess_progress_event(ngx_http_assess_event_t *ev,
    const assess_event_t *event)
{
    ev->id = (uint64_t) event->event_id;
    ev->type.len = event->type.len;
    ev->type.data = (u_char *) event->type.data;
    ev->tenant.len = event->tenant.len;
    ev->tenant.data = (u_char *) event->tenant.data;
    ev->user.len = event->user.len;
    ev->user.data = (u_char *) event->user.data;
    ev->job_id = (u_char *) event->job_id;
    ev->document_id = (u_char *) event->document_id;
    ev->batch_id = event->batch_id[0] ? (u_char *) event->batch_id : NULL;
    ev->data.len = event->data.len;
    ev->data.data = (u_char *) event->data.data;
}
