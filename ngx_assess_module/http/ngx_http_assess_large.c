
#include "ngx_http_assess_large.h"


/* what takes the store longer than a moment, in bytes */
#define NGX_HTTP_ASSESS_LARGE        (1024 * 1024)

/*
 * So many at once, of threads of which there are more.  Of those that go into
 * the database two beside each other take all of two cores, which everybody
 * feels; a directory or a bucket takes them by itself.
 */
#define NGX_HTTP_ASSESS_LARGE_TURNS  1
#define NGX_HTTP_ASSESS_LARGE_APART  2

/* since the last one was served, and since the store is away */
#define NGX_HTTP_ASSESS_LARGE_BUSY   120000    /* ms, for 2 GB before it */
#define NGX_HTTP_ASSESS_LARGE_AWAY   10000     /* ms */

/* a store that is away is looked for */
#define NGX_HTTP_ASSESS_LARGE_WAIT   6000      /* ms */
#define NGX_HTTP_ASSESS_LARGE_LOOK   1000      /* ms, one that hangs */
#define NGX_HTTP_ASSESS_LARGE_PAUSE  500       /* ms between two looks */


static ngx_uint_t ngx_http_assess_large_free(
    const ngx_http_assess_call_t *call);
static void ngx_http_assess_large_next(ngx_http_assess_call_t *call);


static ngx_queue_t  ngx_http_assess_line;
static ngx_uint_t   ngx_http_assess_turns;
static int64_t      ngx_http_assess_moved;


ngx_uint_t
ngx_http_assess_large_is(const ngx_http_assess_call_t *call)
{
    return call->body_fd != -1 && call->body_len >= NGX_HTTP_ASSESS_LARGE;
}


ngx_int_t
ngx_http_assess_large_post(ngx_http_assess_call_t *call,
    void (*run)(void *data), void (*done)(void *data))
{
    if (ngx_http_assess_line.next == NULL) {
        ngx_queue_init(&ngx_http_assess_line);
    }

    if (ngx_http_assess_large_free(call)) {

        if (ngx_http_assess_call_post(call, run, done) != NGX_OK) {
            return NGX_ERROR;
        }

        call->large = 1;
        ngx_http_assess_turns++;

        return NGX_OK;
    }

    call->task.run = run;
    call->task.done = done;
    call->lined = 1;
    call->busy = 1;

    ngx_queue_insert_tail(&ngx_http_assess_line, &call->queue);

    return NGX_OK;
}


/* Whether there is a turn for another one; new documents go to the first */

static ngx_uint_t
ngx_http_assess_large_free(const ngx_http_assess_call_t *call)
{
    ngx_uint_t                        turns;
    const ngx_http_assess_storage_t  *storage;

    turns = NGX_HTTP_ASSESS_LARGE_TURNS;

    if (call->mcf->storages) {
        storage = call->mcf->storages->elts;

        if (storage->ops) {
            turns = NGX_HTTP_ASSESS_LARGE_APART;
        }
    }

    return ngx_http_assess_turns < turns;
}


void
ngx_http_assess_large_back(ngx_uint_t served)
{
    ngx_queue_t             *q;
    ngx_http_assess_call_t  *call;

    ngx_http_assess_turns--;

    if (served) {
        ngx_http_assess_moved = assess_mono_ms();
    }

    while (!ngx_queue_empty(&ngx_http_assess_line)) {

        q = ngx_queue_head(&ngx_http_assess_line);
        call = ngx_queue_data(q, ngx_http_assess_call_t, queue);

        if (!ngx_http_assess_large_free(call)) {
            break;
        }

        (void) ngx_http_assess_large_give_up(call);
        ngx_http_assess_large_next(call);
    }
}


/* Its time begins anew: that it waited was not the store's fault */

static void
ngx_http_assess_large_next(ngx_http_assess_call_t *call)
{
    assess_err_t       err;
    ngx_connection_t  *c;

    call->accepted = assess_mono_ms();

    if (ngx_http_assess_large_post(call, call->task.run, call->task.done)
        == NGX_OK)
    {
        return;
    }

    (void) assess_fail(&err, ASSESS_UNAVAILABLE, NULL,
                       "too many calls wait for the store");

    c = call->request->connection;

    ngx_del_timer(&call->patience);

    ngx_http_assess_call_fail(call, &err);
    ngx_http_assess_call_answer(call);

    ngx_http_run_posted_requests(c);
}


ngx_uint_t
ngx_http_assess_large_moves(const ngx_http_assess_call_t *call)
{
    int64_t  now, since, moved;

    now = assess_mono_ms();

    /* its turn has come: whether the store answers is found out there */

    if (call->large) {
        return now - call->accepted < NGX_HTTP_ASSESS_LARGE_WAIT;
    }

    if (!call->lined) {
        return 0;
    }

    moved = ngx_max(ngx_http_assess_moved, call->accepted);
    since = assess_db_away_since(ngx_http_assess_scheduler_db());

    return since ? now - ngx_max(moved, since) < NGX_HTTP_ASSESS_LARGE_AWAY
                 : now - moved < NGX_HTTP_ASSESS_LARGE_BUSY;
}


ngx_uint_t
ngx_http_assess_large_give_up(ngx_http_assess_call_t *call)
{
    if (!call->lined) {
        return 0;
    }

    ngx_queue_remove(&call->queue);

    call->lined = 0;
    call->busy = 0;

    return 1;
}


void
ngx_http_assess_large_wait(void)
{
    int64_t          now, end;
    assess_err_t     err;
    struct timespec  ts;

    ts.tv_sec = 0;
    ts.tv_nsec = NGX_HTTP_ASSESS_LARGE_PAUSE * 1000000;

    now = assess_mono_ms();
    end = now + NGX_HTTP_ASSESS_LARGE_WAIT;

    for ( ;; ) {

        assess_db_until(now + NGX_HTTP_ASSESS_LARGE_LOOK);

        if (assess_db_check(ngx_http_assess_scheduler_db(), &err) == ASSESS_OK
            || ngx_terminate)
        {
            break;
        }

        (void) nanosleep(&ts, NULL);

        now = assess_mono_ms();

        if (now >= end) {
            break;
        }
    }
}
