
#include "ngx_http_assess_batches.h"
#include "ngx_http_assess_scheduler.h"
#include "ngx_http_assess_thread.h"
#include "ngx_http_assess_zone.h"

#include "engine/assess_batch_eta.h"
#include "engine/assess_estimate.h"


#define NGX_HTTP_ASSESS_BATCHES_LOOK   1000      /* ms; for what was left */
#define NGX_HTTP_ASSESS_BATCHES_EVERY  110       /* ms; between two looks */
#define NGX_HTTP_ASSESS_BATCHES_READ   1000      /* ms; for one of them */
#define NGX_HTTP_ASSESS_BATCHES_WRITE  3000      /* ms; for one slice */

#define NGX_HTTP_ASSESS_BATCHES_TOGETHER  64     /* changes that are told */

/* An estimate is made so often, or in so small a part of the time. */
#define NGX_HTTP_ASSESS_BATCHES_GUESS  1000      /* ms */
#define NGX_HTTP_ASSESS_BATCHES_PART   25
#define NGX_HTTP_ASSESS_BATCHES_GUESSES  8       /* one after the other */


typedef struct {
    ngx_http_assess_main_conf_t   *mcf;
    assess_db_t                   *db;
    unsigned                       processes;    /* that run jobs */
    ngx_http_assess_thread_t       thread;
    ngx_atomic_t                   begun;
    ngx_atomic_t                   woken;
} ngx_http_assess_batches_t;


static void *ngx_http_assess_batches_run(void *data);
static int64_t ngx_http_assess_batches_look(ngx_http_assess_batches_t *bs);
static void ngx_http_assess_batches_guess(ngx_http_assess_batches_t *bs,
    const char *batch_id);
static void ngx_http_assess_batches_cost(ngx_http_assess_batches_t *bs,
    const char *batch_id);
static void ngx_http_assess_batches_failed(const char *what,
    const char *batch_id, assess_err_e rc, const assess_err_t *err);


static ngx_http_assess_batches_t  ngx_http_assess_batches;


ngx_int_t
ngx_http_assess_batches_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf, assess_db_t *db)
{
    ngx_core_conf_t            *ccf;
    ngx_http_assess_batches_t  *bs;

    bs = &ngx_http_assess_batches;
    ngx_memzero(bs, sizeof(ngx_http_assess_batches_t));

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    bs->mcf = mcf;
    bs->db = db;
    bs->processes = ccf->worker_processes > 0
                    ? (unsigned) ccf->worker_processes : 1;

    if (ngx_http_assess_thread_start(&bs->thread, ngx_http_assess_batches_run,
                                     bs)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "assess thread for batches cannot be started");
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_assess_batches_exit(void)
{
    ngx_http_assess_thread_stop(&ngx_http_assess_batches.thread);
}


void
ngx_http_assess_batches_begin(void)
{
    (void) ngx_atomic_cmp_set(&ngx_http_assess_batches.begun, 0, 1);
}


/* hundreds of jobs call it, many times a second: most find it done */

void
ngx_http_assess_batches_wake(void)
{
    ngx_http_assess_batches_t  *bs;

    bs = &ngx_http_assess_batches;

    if (bs->woken == 0 && ngx_atomic_cmp_set(&bs->woken, 0, 1)) {
        ngx_http_assess_thread_wake(&bs->thread);
    }
}


void
ngx_http_assess_batches_publish(const assess_event_t *events, size_t n)
{
    if (n) {
        ngx_http_assess_zone_tell(ngx_http_assess_batches.mcf->zone, events,
                                  n);
    }
}


static void *
ngx_http_assess_batches_run(void *data)
{
    ngx_http_assess_batches_t *bs = data;

    int64_t  last, wait;

    wait = NGX_HTTP_ASSESS_BATCHES_LOOK;
    last = assess_mono_ms();

    while (ngx_http_assess_thread_sleep(&bs->thread, last + wait, 1)
           && ngx_http_assess_thread_sleep(&bs->thread, last
                                   + ngx_min(wait,
                                             NGX_HTTP_ASSESS_BATCHES_EVERY),
                                           0))
    {
        /* before the look: what comes during it is looked for again */

        (void) ngx_atomic_cmp_set(&bs->woken, 1, 0);

        last = assess_mono_ms();
        wait = ngx_http_assess_batches_look(bs);
    }

    return NULL;
}


/* How long until the next look, in ms; a failure is left to that */

static int64_t
ngx_http_assess_batches_look(ngx_http_assess_batches_t *bs)
{
    size_t                  i, done;
    int64_t                 wait;
    assess_err_t            err;
    assess_arena_t         *arena;
    assess_batches_told_t   told;

    wait = NGX_HTTP_ASSESS_BATCHES_LOOK;

    if (!bs->begun || assess_db_away(bs->db, NULL)) {
        return wait;
    }

    arena = assess_arena_create();
    if (arena == NULL) {
        return wait;
    }

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_BATCHES_READ);

    if (assess_batches_tell(bs->db, arena, &told, &err) == ASSESS_OK) {

        ngx_http_assess_batches_publish(told.events, told.nevents);

        if (told.later || told.work.n || told.guess.n || told.cost.n) {
            wait = NGX_HTTP_ASSESS_BATCHES_EVERY;
        }

        /* whoever waits for its end does not wait for all of these */

        for (i = 0; i < told.guess.n && i < NGX_HTTP_ASSESS_BATCHES_GUESSES
                    && ngx_http_assess_thread_sleep(&bs->thread, 0, 0); i++)
        {
            assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_BATCHES_READ);
            ngx_http_assess_batches_guess(bs, told.guess.ids[i]);
        }

        /* one takes half a second: others are told before the next one */

        if (told.cost.n && ngx_http_assess_thread_sleep(&bs->thread, 0, 0)) {
            assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_BATCHES_WRITE);
            ngx_http_assess_batches_cost(bs, told.cost.ids[0]);
        }

        for (i = 0, done = 0; i < told.work.n
                    && ngx_http_assess_thread_sleep(&bs->thread, 0, 0); i++)
        {
            assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_BATCHES_WRITE);
            done += ngx_http_assess_batches_slice(bs->db, told.work.ids[i]);
        }

        wait = done ? 0 : wait;

    } else if (err.kind != ASSESS_UNAVAILABLE) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "assess batches cannot be told: %s", err.message);
    }

    assess_db_until(0);

    assess_arena_destroy(arena);

    return wait;
}


/*
 * When a batch will have ended: all that it is made of is in its rows, so that
 * any worker may be the one, and it is told with the batch the next time.
 */

static void
ngx_http_assess_batches_guess(ngx_http_assess_batches_t *bs,
    const char *batch_id)
{
    int64_t                   began, took;
    assess_err_e              rc;
    assess_err_t              err;
    assess_arena_t           *arena;
    assess_engine_t          *engine;
    assess_eta_guess_t        guess;
    assess_batch_work_t       work;
    assess_batch_weights_t    weights;
    assess_batch_estimate_t   estimate;

    arena = assess_arena_create();
    if (arena == NULL) {
        return;
    }

    engine = ngx_http_assess_scheduler_engine();
    began = assess_mono_ms();

    assess_batch_weights(engine, &weights);

    rc = assess_batch_work(bs->db, arena, batch_id, &weights, &work, &err);

    if (rc == ASSESS_OK) {

        took = assess_mono_ms() - began;

        assess_batch_guess(engine, bs->processes, &work, &guess);

        estimate.seconds = guess.quality == ASSESS_ETA_NONE ? -1
                                                            : guess.seconds;
        estimate.low = guess.low;
        estimate.high = guess.high;
        estimate.quality = assess_eta_quality(guess.quality);
        estimate.again_ms = ngx_max(NGX_HTTP_ASSESS_BATCHES_GUESS,
                                    took * NGX_HTTP_ASSESS_BATCHES_PART);

        rc = assess_batch_estimated(bs->db, batch_id, &estimate, &err);
    }

    ngx_http_assess_batches_failed("end", batch_id, rc, &err);

    assess_arena_destroy(arena);
}


/* What it will cost, by whoever comes first */

static void
ngx_http_assess_batches_cost(ngx_http_assess_batches_t *bs,
    const char *batch_id)
{
    size_t                 missing;
    assess_err_e           rc;
    assess_err_t           err;
    assess_arena_t        *arena;
    assess_engine_t       *engine;
    assess_estimate_t      estimate;
    assess_estimating_t    e;
    assess_batch_asked_t   asked;

    arena = assess_arena_create();
    if (arena == NULL) {
        return;
    }

    engine = ngx_http_assess_scheduler_engine();

    rc = assess_batch_to_cost(bs->db, arena, batch_id, &asked, &err);

    if (rc == ASSESS_OK) {
        ngx_memzero(&e, sizeof(assess_estimating_t));

        e.scope = &asked.scope;
        e.provider = asked.provider;
        e.model = asked.model;
        e.set_name = asked.set_name;
        e.set_version = asked.set_version;
        e.n = asked.n;
        e.ids = (const char (*)[ASSESS_UUID_LEN + 1]) asked.ids;
        e.workers = (int) bs->processes;
        e.jobs = (int) bs->mcf->jobs;
        e.before = asked.created_at;

        rc = assess_engine_provider(engine, &e.provider)
             ? assess_estimate(engine, bs->db, arena, &e, &estimate, &missing,
                               &err)
             : ASSESS_NOT_FOUND;

        /* a document, or the provider, is gone; else it is tried again */

        if (rc == ASSESS_OK || rc == ASSESS_NOT_FOUND) {
            rc = assess_batch_costs(bs->db, batch_id,
                                    rc == ASSESS_OK && estimate.priced
                                    ? estimate.cost : -1, &err);
        }
    }

    ngx_http_assess_batches_failed("cost", batch_id, rc, &err);

    assess_arena_destroy(arena);
}


/* It may have ended, or be gone, and the store may be away */

static void
ngx_http_assess_batches_failed(const char *what, const char *batch_id,
    assess_err_e rc, const assess_err_t *err)
{
    if (rc != ASSESS_OK && rc != ASSESS_UNAVAILABLE && rc != ASSESS_NOT_FOUND)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "assess %s of batch %s cannot be estimated: %s",
                      what, batch_id, err->message);
    }
}


size_t
ngx_http_assess_batches_slice(assess_db_t *db, const char *batch_id)
{
    size_t                  i, k, n, some;
    assess_err_t            err;
    assess_arena_t         *arena;
    assess_change_t        *changes;
    const assess_change_t  *list[NGX_HTTP_ASSESS_BATCHES_TOGETHER];

    arena = assess_arena_create();
    if (arena == NULL) {
        return 0;
    }

    if (assess_batch_slice(db, arena, batch_id, &changes, &n, &err)
        != ASSESS_OK)
    {
        n = 0;

        if (err.kind != ASSESS_UNAVAILABLE) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "assess jobs of batch %s cannot be changed: %s",
                          batch_id, err.message);
        }
    }

    for (i = 0; i < n; i += some) {

        some = ngx_min(n - i, NGX_HTTP_ASSESS_BATCHES_TOGETHER);

        for (k = 0; k < some; k++) {
            list[k] = &changes[i + k];
        }

        ngx_http_assess_scheduler_publish(list, some);
    }

    assess_arena_destroy(arena);

    return n;
}
