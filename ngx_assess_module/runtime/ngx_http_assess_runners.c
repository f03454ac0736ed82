
#include "ngx_http_assess_runners.h"
#include "ngx_http_assess_lease.h"
#include "ngx_http_assess_task.h"
#include "ngx_http_assess_zone.h"

#include "base/assess_background.h"


/* starts of one moment that are more than these find a claim for all cheaper */
#define NGX_HTTP_ASSESS_AT_ONCE  4


/*
 * One job after the other, on one thread.  Who sets "busy" has the runner: the
 * event loop, to let it look for a job; or the thread of a start, to give it
 * that one's job, with which it waits for the event loop.
 */

typedef struct {
    ngx_http_assess_task_t         task;
    assess_client_t               *client;
    assess_err_e                   rc;
    assess_err_t                   err;
    ngx_uint_t                     kicks;      /* seen before it had a job */
    ngx_atomic_t                   busy;

    ngx_atomic_t                   ready;      /* to begin with this job */
    unsigned                       given;      /* has one that it begins with */
    assess_taker_t                 taker;
    char                           owner[ASSESS_UUID_LEN + 1];
    int64_t                        since;      /* of its lease, mono ms */
} ngx_http_assess_runner_t;


typedef struct {
    ngx_http_assess_main_conf_t   *mcf;
    assess_engine_t               *engine;
    assess_carrier_t              *carrier;

    ngx_http_assess_runner_t      *list;
    ngx_atomic_t                   running;    /* of them */
    ngx_atomic_t                   kicks;
    ngx_atomic_t                   nready;     /* have a job to begin with */
    ngx_atomic_t                   returned;   /* one got no job after all */

    unsigned                       open:1;     /* they may look for jobs */
} ngx_http_assess_runners_t;


static ngx_http_assess_runner_t *ngx_http_assess_runner_take(void);
static void ngx_http_assess_runner_idle(ngx_http_assess_runner_t *runner);
static ngx_int_t ngx_http_assess_runner_start(void);
static ngx_int_t ngx_http_assess_runner_post(ngx_http_assess_runner_t *runner);
static ngx_int_t ngx_http_assess_runner_give(
    ngx_http_assess_runner_t *runner, assess_starting_t *st);
static void ngx_http_assess_runner_return(ngx_http_assess_runner_t *runner);
static void ngx_http_assess_runner_run(void *data);
static void ngx_http_assess_runner_go_on(ngx_http_assess_runner_t *runner);
static assess_err_e ngx_http_assess_runner_job(
    ngx_http_assess_runner_t *runner);
static void ngx_http_assess_runner_done(void *data);
static int ngx_http_assess_runners_stopping(void);


static ngx_http_assess_runners_t  ngx_http_assess_runners;


ngx_int_t
ngx_http_assess_runners_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf, assess_engine_t *engine)
{
    ngx_uint_t                  i;
    ngx_http_assess_runner_t   *runner;
    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;
    ngx_memzero(r, sizeof(ngx_http_assess_runners_t));

    r->mcf = mcf;
    r->engine = engine;
    r->carrier = assess_carrier_create();
    r->list = ngx_pcalloc(cycle->pool,
                          mcf->jobs * sizeof(ngx_http_assess_runner_t));

    if (r->carrier == NULL || r->list == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < mcf->jobs; i++) {
        runner = &r->list[i];
        runner->task.run = ngx_http_assess_runner_run;
        runner->task.done = ngx_http_assess_runner_done;
        runner->task.data = runner;
    }

    return NGX_OK;
}


void
ngx_http_assess_runners_open(void)
{
    ngx_http_assess_runners.open = 1;
}


void
ngx_http_assess_runners_quit(void)
{
    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    r->open = 0;
    ngx_http_assess_zone_wants(r->mcf->zone, NGX_HTTP_ASSESS_WAKE_QUEUE, 0);
}


void
ngx_http_assess_runners_exit(void)
{
    ngx_uint_t                  i;
    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    for (i = 0; i < r->mcf->jobs; i++) {

        /*
         * With "stop" nobody tells the event loop that it is to begin.  Where
         * the store is away the leases go with their worker.
         */

        if (r->list[i].given) {
            if (!assess_db_away(r->engine->db, NULL)) {
                assess_engine_hand_back(r->engine, &r->list[i].taker);
            }

            assess_arena_destroy(r->list[i].taker.arena);
        }

        assess_client_destroy(r->list[i].client);
    }

    assess_carrier_destroy(r->carrier);
}


/*
 * Where jobs wait the runners double: those that find none go at once, and what
 * they ask is asked together.
 */

void
ngx_http_assess_runners_kick(void)
{
    ngx_uint_t                  n;
    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    (void) ngx_atomic_fetch_add(&r->kicks, 1);

    if (!r->open || r->engine->paused) {
        return;
    }

    n = ngx_min(ngx_max(r->running, 1), r->mcf->jobs - r->running);

    while (n-- && ngx_http_assess_runner_start() == NGX_OK) { /* void */ }

    ngx_http_assess_zone_wants(r->mcf->zone, NGX_HTTP_ASSESS_WAKE_QUEUE,
                               r->running < r->mcf->jobs);
}


/* One that has nothing to do; NULL: all have.  Any thread. */

static ngx_http_assess_runner_t *
ngx_http_assess_runner_take(void)
{
    ngx_uint_t                  i;
    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    for (i = 0; i < r->mcf->jobs; i++) {

        if (r->list[i].busy == 0
            && ngx_atomic_cmp_set(&r->list[i].busy, 0, 1))
        {
            (void) ngx_atomic_fetch_add(&r->running, 1);
            return &r->list[i];
        }
    }

    return NULL;
}


static void
ngx_http_assess_runner_idle(ngx_http_assess_runner_t *runner)
{
    (void) ngx_atomic_fetch_add(&ngx_http_assess_runners.running, -1);
    (void) ngx_atomic_cmp_set(&runner->busy, 1, 0);
}


static ngx_int_t
ngx_http_assess_runner_start(void)
{
    ngx_http_assess_runner_t  *runner;

    runner = ngx_http_assess_runner_take();

    if (runner == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_assess_runner_post(runner) != NGX_OK) {
        ngx_http_assess_runner_idle(runner);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_assess_runner_post(ngx_http_assess_runner_t *runner)
{
    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    runner->kicks = r->kicks;

    return ngx_http_assess_task_post(r->mcf->job_threads, &runner->task);
}


void
ngx_http_assess_runners_give(assess_starting_t **starts, ngx_uint_t n)
{
    ngx_uint_t                  i;
    ngx_http_assess_runner_t   *runner;
    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    if (n > NGX_HTTP_ASSESS_AT_ONCE || r->mcf->jobs - r->running < n
        || ngx_http_assess_runners_stopping())
    {
        return;
    }

    for (i = 0; i < n; i++) {

        runner = assess_engine_may_begin(r->engine, &starts[i]->start->provider)
                 ? ngx_http_assess_runner_take() : NULL;

        if (runner == NULL) {
            break;
        }

        if (ngx_http_assess_runner_give(runner, starts[i]) != NGX_OK) {
            ngx_http_assess_runner_return(runner);
            break;
        }
    }

    /* all of them, for they are one statement */

    if (i < n) {
        while (i--) {
            ngx_http_assess_runner_return(&r->list[starts[i]->place]);
            starts[i]->taker = NULL;
        }
    }
}


/* The lease has a name before there is one */

static ngx_int_t
ngx_http_assess_runner_give(ngx_http_assess_runner_t *runner,
    assess_starting_t *st)
{
    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    ngx_memzero(&runner->taker, sizeof(assess_taker_t));
    runner->kicks = r->kicks;

    if (assess_uuid(runner->owner) != 0) {
        return NGX_ERROR;
    }

    runner->taker.owner.data = runner->owner;
    runner->taker.owner.len = ASSESS_UUID_LEN;
    runner->taker.arena = assess_arena_create();

    if (runner->taker.arena == NULL) {
        return NGX_ERROR;
    }

    runner->since = assess_mono_ms();

    st->taker = &runner->taker;
    st->worker_id = r->engine->worker_id;
    st->lease_ms = r->engine->lease_ms;
    st->place = (int) (runner - r->list);

    ngx_http_assess_lease_begin((ngx_uint_t) st->place, runner->owner);

    return NGX_OK;
}


static void
ngx_http_assess_runner_return(ngx_http_assess_runner_t *runner)
{
    ngx_uint_t                  kicks;
    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    ngx_http_assess_lease_end((ngx_uint_t) (runner - r->list));

    assess_arena_destroy(runner->taker.arena);
    runner->taker.arena = NULL;

    kicks = runner->kicks;
    ngx_http_assess_runner_idle(runner);

    /* who wanted one meanwhile may have found none */

    if (kicks != r->kicks) {
        (void) ngx_atomic_cmp_set(&r->returned, 0, 1);
    }
}


void
ngx_http_assess_runners_settle(assess_starting_t **starts, ngx_uint_t n)
{
    ngx_uint_t                  i;
    ngx_http_assess_runner_t   *runner;
    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    for (i = 0; i < n; i++) {

        if (starts[i]->taker == NULL) {
            continue;
        }

        runner = &r->list[starts[i]->place];
        starts[i]->taker = NULL;

        if (runner->taker.taken) {
            runner->given = 1;
            (void) ngx_atomic_cmp_set(&runner->ready, 0, 1);
            (void) ngx_atomic_fetch_add(&r->nready, 1);

        } else {
            ngx_http_assess_runner_return(runner);
        }
    }
}


void
ngx_http_assess_runners_begin(void)
{
    ngx_uint_t                  i;
    ngx_http_assess_runner_t   *runner;
    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    for (i = 0; i < r->mcf->jobs && r->nready; i++) {

        runner = &r->list[i];

        if (!ngx_atomic_cmp_set(&runner->ready, 1, 0)) {
            continue;
        }

        /* where the pool has no room: with the next start, or at the poll */

        if (ngx_http_assess_runner_post(runner) != NGX_OK) {
            (void) ngx_atomic_cmp_set(&runner->ready, 0, 1);
            break;
        }

        (void) ngx_atomic_fetch_add(&r->nready, -1);
    }

    if (ngx_atomic_cmp_set(&r->returned, 1, 0)) {
        ngx_http_assess_runners_kick();
    }
}


static void
ngx_http_assess_runner_run(void *data)
{
    ngx_http_assess_runner_t *runner = data;

    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    assess_background(0);

    if (runner->client == NULL) {
        runner->client = assess_client_create(r->carrier);
    }

    if (runner->given) {
        ngx_http_assess_runner_go_on(runner);
    }

    if (runner->client == NULL) {
        runner->rc = assess_fail(&runner->err, ASSESS_ERROR, "internal",
                                 "out of memory");
        return;
    }

    runner->rc = ASSESS_OK;

    while (runner->rc == ASSESS_OK && !r->engine->paused
           && !ngx_http_assess_runners_stopping())
    {
        runner->kicks = r->kicks;
        runner->rc = ngx_http_assess_runner_job(runner);
    }
}


/* Without memory for a client the job is left to its lease */

static void
ngx_http_assess_runner_go_on(ngx_http_assess_runner_t *runner)
{
    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    runner->given = 0;

    if (runner->client) {
        assess_engine_go_on(r->engine, runner->client, &runner->taker,
                            runner->since, &runner->err);
    } else {
        assess_arena_destroy(runner->taker.arena);
    }

    runner->taker.arena = NULL;

    ngx_http_assess_lease_end((ngx_uint_t) (runner - r->list));
}


/*
 * Each run has a lease of its own, that is renewed as long as it runs: a job
 * that was given up because it could not be saved must be free for others.
 */

static assess_err_e
ngx_http_assess_runner_job(ngx_http_assess_runner_t *runner)
{
    char                        id[ASSESS_UUID_LEN + 1];
    assess_err_e                rc;
    assess_str_t                owner;
    ngx_uint_t                  n;
    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    if (assess_uuid(id) != 0) {
        return assess_fail(&runner->err, ASSESS_ERROR, "internal",
                           "no random bytes can be had");
    }

    owner.data = id;
    owner.len = ASSESS_UUID_LEN;
    n = (ngx_uint_t) (runner - r->list);

    ngx_http_assess_lease_begin(n, id);

    rc = assess_engine_run(r->engine, runner->client, &owner, &runner->err);

    ngx_http_assess_lease_end(n);

    return rc;
}


static void
ngx_http_assess_runner_done(void *data)
{
    ngx_http_assess_runner_t *runner = data;

    ngx_http_assess_runners_t  *r;

    r = &ngx_http_assess_runners;

    ngx_http_assess_runner_idle(runner);

    if (!r->open) {
        return;
    }

    ngx_http_assess_zone_wants(r->mcf->zone, NGX_HTTP_ASSESS_WAKE_QUEUE, 1);

    /* that the store is away is said elsewhere, once */

    if (runner->rc == ASSESS_UNAVAILABLE) {
        return;
    }

    if (runner->rc != ASSESS_OK && runner->rc != ASSESS_NOT_FOUND) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "assess job cannot be claimed: %s",
                      runner->err.message);
        return;
    }

    /* a job may have been queued after its last look */

    if (runner->kicks != r->kicks) {
        ngx_http_assess_runners_kick();
    }
}


static int
ngx_http_assess_runners_stopping(void)
{
    assess_engine_t  *engine;

    engine = ngx_http_assess_runners.engine;

    return engine->stopping(engine->ctx);
}
