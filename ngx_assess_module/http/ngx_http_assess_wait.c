
#include "ngx_http_assess_call.h"
#include "../runtime/ngx_http_assess_hub.h"


#define NGX_HTTP_ASSESS_WAIT_READ   900      /* ms; for reading the job */
#define NGX_HTTP_ASSESS_WAIT_AGAIN  500      /* ms until the next try */


/*
 * Prefer: wait (RFC 7240): the answer to a start is held until the job ends.
 * The waiting costs a follower of the hub and a timer, no thread; the job is
 * read where the zone does not know it, and again while it cannot be read.
 */

typedef struct {
    ngx_http_assess_follower_t   follower;       /* first: it is cast */
    ngx_http_assess_sub_t        sub;
    ngx_http_assess_call_t      *call;
    ngx_event_t                  timer;
    ngx_event_t                  again;
    unsigned                     over:1;         /* it waits no more */
} ngx_http_assess_wait_t;


static ngx_int_t ngx_http_assess_wait_events(ngx_http_assess_follower_t *f,
    ngx_http_assess_round_t *round, uint64_t mask);
static void ngx_http_assess_wait_look(ngx_http_assess_follower_t *f);
static void ngx_http_assess_wait_ended(ngx_http_assess_call_t *call);
static void ngx_http_assess_wait_read(ngx_http_assess_wait_t *w);
static void ngx_http_assess_wait_again(ngx_event_t *ev);
static void ngx_http_assess_wait_quit(ngx_http_assess_follower_t *f);
static void ngx_http_assess_wait_timeout(ngx_event_t *ev);
static void ngx_http_assess_wait_over(ngx_http_assess_wait_t *w);
static void ngx_http_assess_wait_cleanup(void *data);
static void ngx_http_assess_wait_run(void *data);
static void ngx_http_assess_wait_done(void *data);


static const ngx_http_assess_follower_calls_t  ngx_http_assess_wait_calls = {
    ngx_http_assess_wait_events,
    ngx_http_assess_wait_look,
    ngx_http_assess_wait_quit
};


void
ngx_http_assess_wait(ngx_http_assess_call_t *call)
{
    ngx_http_request_t      *r;
    ngx_pool_cleanup_t      *cln;
    ngx_http_assess_wait_t  *w;

    r = call->request;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_assess_wait_t));

    if (cln == NULL || ngx_http_assess_hub_quitting()) {
        ngx_http_assess_call_answer(call);
        return;
    }

    w = cln->data;
    ngx_memzero(w, sizeof(ngx_http_assess_wait_t));

    cln->handler = ngx_http_assess_wait_cleanup;

    w->call = call;
    call->ctx = w;

    w->follower.calls = &ngx_http_assess_wait_calls;
    w->follower.after = ngx_http_assess_hub_cursor();
    w->follower.paused = 1;

    w->timer.handler = ngx_http_assess_wait_timeout;
    w->timer.data = r->connection;
    w->timer.log = r->connection->log;

    w->again.handler = ngx_http_assess_wait_again;
    w->again.data = r->connection;
    w->again.log = r->connection->log;

    if (ngx_http_assess_hub_topic(&w->follower, &w->sub,
                                  NGX_HTTP_ASSESS_TOPIC_JOB, call->wait_job,
                                  ASSESS_UUID_LEN)
        != NGX_OK)
    {
        ngx_http_assess_call_answer(call);
        return;
    }

    ngx_add_timer(&w->timer, (ngx_msec_t) call->wait * 1000);

    r->read_event_handler = ngx_http_test_reading;

    /* it may have ended before we began to listen */

    ngx_http_assess_hub_follow(&w->follower);
    ngx_http_assess_wait_look(&w->follower);
}


static ngx_int_t
ngx_http_assess_wait_events(ngx_http_assess_follower_t *f,
    ngx_http_assess_round_t *round, uint64_t mask)
{
    ngx_str_t               *type;
    ngx_uint_t               i;
    ngx_connection_t        *c;
    ngx_http_assess_wait_t  *w;

    w = (ngx_http_assess_wait_t *) f;
    c = w->call->request->connection;

    for (i = 0; i < round->n; i++) {

        type = &round->events[i].type;

        /* what a job tells while it has not ended is one of these two */

        if (!(mask & round->notable & ((uint64_t) 1 << i))
            || (type->len == 6 && ngx_memcmp(type->data, "queued", 6) == 0))
        {
            continue;
        }

        f->paused = 1;
        ngx_http_assess_wait_look(f);
        ngx_http_run_posted_requests(c);
        break;
    }

    return NGX_OK;
}


/*
 * From now on what has come to the zone counts, then what comes; it is called
 * while the follower is paused.  The zone has what was committed.
 */

static void
ngx_http_assess_wait_look(ngx_http_assess_follower_t *f)
{
    ngx_int_t                rc;
    assess_buf_t             json;
    assess_status_e          status;
    ngx_http_assess_wait_t  *w;

    w = (ngx_http_assess_wait_t *) f;

    f->after = ngx_http_assess_hub_cursor();

    ngx_memzero(&json, sizeof(assess_buf_t));

    rc = ngx_http_assess_zone_job(w->call->mcf->zone, &w->call->scope.tenant,
                                  w->call->wait_job, &status, NULL, &json);

    if (rc != NGX_OK) {
        assess_buf_free(&json);
        ngx_http_assess_wait_read(w);
        return;
    }

    if (status == ASSESS_QUEUED || status == ASSESS_PROCESSING) {
        assess_buf_free(&json);
        f->paused = 0;
        return;
    }

    assess_buf_free(&w->call->body);
    w->call->body = json;

    ngx_http_assess_wait_ended(w->call);
    ngx_http_assess_wait_over(w);
}


static void
ngx_http_assess_wait_ended(ngx_http_assess_call_t *call)
{
    call->status = NGX_HTTP_OK;
    ngx_http_assess_call_header(call, "Preference-Applied", "wait=%d",
                                call->wait);
}


/* it has ended, or may have: the answer is what is durable */

static void
ngx_http_assess_wait_read(ngx_http_assess_wait_t *w)
{
    if (assess_db_away(ngx_http_assess_scheduler_db(), NULL)
        || ngx_http_assess_call_post(w->call, ngx_http_assess_wait_run,
                                     ngx_http_assess_wait_done)
           != NGX_OK)
    {
        ngx_add_timer(&w->again, NGX_HTTP_ASSESS_WAIT_AGAIN);
    }
}


static void
ngx_http_assess_wait_again(ngx_event_t *ev)
{
    ngx_http_assess_wait_t  *w;

    w = (ngx_http_assess_wait_t *)
            ((char *) ev - offsetof(ngx_http_assess_wait_t, again));

    ngx_http_assess_wait_read(w);
}


/* answers with what is there: the 202 of the start, or the job */

static void
ngx_http_assess_wait_over(ngx_http_assess_wait_t *w)
{
    w->over = 1;

    /* while a thread has the call it is answered when that is done */

    if (w->call->busy) {
        return;
    }

    ngx_http_assess_hub_leave(&w->follower);

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    if (w->again.timer_set) {
        ngx_del_timer(&w->again);
    }

    ngx_http_assess_call_answer(w->call);
}


static void
ngx_http_assess_wait_run(void *data)
{
    ngx_http_assess_call_t *call = data;

    assess_err_e  rc;
    assess_err_t  err;
    assess_job_t  job;

    /* the 202 that is there is still true where the job cannot be read */

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_WAIT_READ);

    rc = assess_job_read(ngx_http_assess_scheduler_db(), call->arena,
                         &call->scope, call->wait_job, &job, &err);

    assess_db_until(0);

    call->unread = rc == ASSESS_UNAVAILABLE;

    if (rc == ASSESS_OK && job.status != ASSESS_QUEUED
        && job.status != ASSESS_PROCESSING)
    {
        assess_buf_reset(&call->body);
        assess_job_json(&call->body, &job);
        ngx_http_assess_wait_ended(call);
    }
}


static void
ngx_http_assess_wait_done(void *data)
{
    ngx_connection_t        *c;
    ngx_http_assess_call_t  *call = data;
    ngx_http_assess_wait_t  *w;

    if (!ngx_http_assess_call_back(call)) {
        return;
    }

    w = call->ctx;
    c = call->request->connection;

    if (w->over || call->status == NGX_HTTP_OK) {
        ngx_http_assess_wait_over(w);

    } else if (call->unread) {
        ngx_add_timer(&w->again, NGX_HTTP_ASSESS_WAIT_AGAIN);

    } else {
        ngx_http_assess_hub_resume(&w->follower);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_assess_wait_timeout(ngx_event_t *ev)
{
    ngx_connection_t        *c;
    ngx_http_assess_wait_t  *w;

    c = ev->data;
    w = (ngx_http_assess_wait_t *)
            ((char *) ev - offsetof(ngx_http_assess_wait_t, timer));

    ngx_http_assess_wait_over(w);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_assess_wait_quit(ngx_http_assess_follower_t *f)
{
    ngx_connection_t        *c;
    ngx_http_assess_wait_t  *w;

    w = (ngx_http_assess_wait_t *) f;
    c = w->call->request->connection;

    ngx_http_assess_wait_over(w);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_assess_wait_cleanup(void *data)
{
    ngx_http_assess_wait_t  *w = data;

    if (w->call == NULL) {
        return;
    }

    ngx_http_assess_hub_leave(&w->follower);

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    if (w->again.timer_set) {
        ngx_del_timer(&w->again);
    }
}
