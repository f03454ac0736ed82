
#include "ngx_http_assess_scheduler.h"
#include "ngx_http_assess_batches.h"
#include "ngx_http_assess_forget.h"
#include "ngx_http_assess_journal.h"
#include "ngx_http_assess_lease.h"
#include "ngx_http_assess_machine.h"
#include "ngx_http_assess_notices.h"
#include "ngx_http_assess_pause.h"
#include "ngx_http_assess_runners.h"
#include "ngx_http_assess_sweep.h"
#include "ngx_http_assess_task.h"
#include "ngx_http_assess_zone.h"

#include "base/assess_background.h"

#include <malloc.h>


#define NGX_HTTP_ASSESS_POLL         1000   /* ms; leases that ran out */
#define NGX_HTTP_ASSESS_STORE_RETRY  250    /* ms; until the store is there */
#define NGX_HTTP_ASSESS_STOP_DRAIN   700    /* ms; of "stop", before the kill */

/* of the calls' connections: a submission is answered within a second */
#define NGX_HTTP_ASSESS_ACQUIRE      400    /* ms */
#define NGX_HTTP_ASSESS_CONNECT      600    /* ms */
#define NGX_HTTP_ASSESS_TRANSACTION  750    /* ms */


typedef struct {
    ngx_http_assess_main_conf_t   *mcf;
    assess_engine_t                engine;
    assess_db_t                   *db;         /* of the calls */
    assess_storages_t             *storages;
    ngx_atomic_t                   away;       /* pools that miss the store */

    ngx_event_t                    poll;
    ngx_connection_t               dummy;      /* for the timer's log */

    ngx_http_assess_task_t         opening;
    assess_err_t                   open_err;
    assess_err_t                   err;        /* why it is not ready */
    int64_t                        newest;
    uint64_t                       known;      /* to the zone, before that */
    int64_t                        draining;   /* since; 0: not */

    void                         (*tried)(void);

    unsigned                       ready:1;
    unsigned                       failed:1;   /* to open, once or more */
    unsigned                       opening_now:1;
    unsigned                       was_away:1; /* the store, at the poll */
    unsigned                       quitting:1;
} ngx_http_assess_scheduler_t;


static void ngx_http_assess_arenas(void);
static ngx_int_t ngx_http_assess_engine_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf);
static ngx_int_t ngx_http_assess_store_create(
    ngx_http_assess_main_conf_t *mcf);
static void ngx_http_assess_store_changed(void *ctx, int away, int64_t ms,
    const char *why);
static void ngx_http_assess_store_open(void);
static void ngx_http_assess_store_open_run(void *data);
static void ngx_http_assess_store_open_done(void *data);
static void ngx_http_assess_scheduler_poll(ngx_event_t *ev);
static void ngx_http_assess_changed(assess_metrics_t *metrics,
    const assess_change_t *change);
static void ngx_http_assess_engine_publish(void *ctx,
    const assess_change_t **changes, size_t n);
static int ngx_http_assess_engine_cancelled(void *ctx, const char *job_id);
static int ngx_http_assess_engine_stopping(void *ctx);
static double ngx_http_assess_engine_budget(void *ctx,
    const assess_str_t *tenant);
static void ngx_http_assess_engine_log(void *ctx, assess_err_e kind,
    const char *job_id, const char *message);


static ngx_http_assess_scheduler_t  ngx_http_assess_scheduler;


ngx_int_t
ngx_http_assess_scheduler_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf)
{
    ngx_http_assess_scheduler_t  *s;

    s = &ngx_http_assess_scheduler;
    ngx_memzero(s, sizeof(ngx_http_assess_scheduler_t));

    s->mcf = mcf;

    assess_foreground();
    ngx_http_assess_arenas();

    if (ngx_http_assess_engine_init(cycle, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_assess_runners_init(cycle, mcf, &s->engine) != NGX_OK) {
        return NGX_ERROR;
    }

    s->dummy.fd = (ngx_socket_t) -1;

    s->poll.handler = ngx_http_assess_scheduler_poll;
    s->poll.log = cycle->log;
    s->poll.data = &s->dummy;
    s->poll.cancelable = 1;

    s->opening.run = ngx_http_assess_store_open_run;
    s->opening.done = ngx_http_assess_store_open_done;

    (void) assess_fail(&s->err, ASSESS_UNAVAILABLE, "starting",
                       "the store is not open yet");

    ngx_http_assess_store_open();

    ngx_add_timer(&s->poll, NGX_HTTP_ASSESS_POLL);

    ngx_http_assess_forget(mcf);
    ngx_http_assess_sweep(mcf);

    if (ngx_http_assess_lease_init(cycle, mcf, s->engine.db) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_assess_notices_init(cycle, mcf, s->engine.db) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_assess_batches_init(cycle, mcf, s->engine.db);
}


/*
 * Hundreds of threads that take turns on few cores: glibc gives each memory of
 * its own, up to eight times as many arenas as there are cores, and each keeps
 * what its largest job ever needed.
 */

static void
ngx_http_assess_arenas(void)
{
#ifdef M_ARENA_MAX
    (void) mallopt(M_ARENA_MAX, (int) ngx_max(ngx_ncpu, 1));
#endif
}


static ngx_int_t
ngx_http_assess_engine_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf)
{
    void                          *gate, *rates;
    ngx_uint_t                     i;
    assess_engine_t               *engine;
    assess_provider_conf_t       **confs;
    ngx_http_assess_scheduler_t   *s;

    s = &ngx_http_assess_scheduler;
    engine = &s->engine;

    /* extraction and retrieval take a core each: not more than allowed */

    engine->cpu = assess_cpu_create((unsigned) mcf->cpu_tasks);
    engine->metrics = ngx_http_assess_zone_metrics(mcf->zone);

    if (engine->cpu == NULL
        || ngx_http_assess_machine(cycle, mcf, engine->cpu) != NGX_OK
        || assess_carrier_global_init((int) cycle->connection_n) != 0
        || assess_engine_init(engine) != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "assess engine cannot be initialised");
        return NGX_ERROR;
    }

    engine->providers = ngx_pcalloc(cycle->pool, mcf->providers.nelts
                                                 * sizeof(void *));
    if (engine->providers == NULL
        || ngx_http_assess_store_create(mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    confs = mcf->providers.elts;
    engine->nproviders = mcf->providers.nelts;

    for (i = 0; i < mcf->providers.nelts; i++) {

        gate = ngx_http_assess_zone_gate(mcf->zone, &confs[i]->name,
                                         &confs[i]->traffic);

        if (gate == NULL) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                          "assess zone \"%V\" has no room for provider "
                          "\"%s\": each worker finds out by itself how many "
                          "requests it takes", &mcf->zone->shm.name,
                          confs[i]->name.data);
        }

        engine->providers[i] = assess_provider_create(confs[i], gate,
                               (int) ngx_http_assess_zone_slot(mcf->zone));

        if (engine->providers[i] == NULL) {
            return NGX_ERROR;
        }
    }

    rates = ngx_http_assess_zone_rates(mcf->zone);

    if (rates) {
        assess_rates_destroy(engine->rates);
        engine->rates = rates;
    }

    engine->extract = mcf->extract;
    engine->temp_path = (char *) mcf->temp_path->name.data;
    ngx_memcpy(engine->worker_id, ngx_http_assess_zone_worker(mcf->zone),
               sizeof(engine->worker_id));
    engine->lease_ms = (int) mcf->lease;
    engine->limits.tenant_jobs = (int64_t) mcf->tenant_jobs;
    engine->limits.batch_jobs = (int64_t) mcf->batch_jobs;
    engine->answers_ms = (int64_t) mcf->answer_cache;

    if (mcf->document_cache) {
        engine->prepared = assess_lru_create(mcf->document_cache);
        if (engine->prepared == NULL) {
            return NGX_ERROR;
        }
    }

    engine->publish = ngx_http_assess_engine_publish;
    engine->cancelled = ngx_http_assess_engine_cancelled;
    engine->stopping = ngx_http_assess_engine_stopping;
    engine->budget = ngx_http_assess_engine_budget;
    engine->log = ngx_http_assess_engine_log;

    return NGX_OK;
}


/*
 * Jobs wait for the store, calls do not; and neither can take the connections
 * of the other.
 */

static ngx_int_t
ngx_http_assess_store_create(ngx_http_assess_main_conf_t *mcf)
{
    assess_db_conf_t              conf;
    ngx_http_assess_scheduler_t  *s;

    s = &ngx_http_assess_scheduler;

    s->storages = ngx_http_assess_storages_create(mcf);
    if (s->storages == NULL) {
        return NGX_ERROR;
    }

    conf = mcf->db;
    conf.changed = ngx_http_assess_store_changed;
    conf.storages = s->storages;

    /*
     * A lease is renewed three times: a server that was silent for less than
     * half of one has made none run out.
     */

    conf.gap_ms = (int) mcf->lease / 2;
    conf.connections = ngx_max(mcf->db.connections / 2, 1);

    s->engine.db = assess_db_create(&conf);

    conf.connections = (mcf->db.connections + 1) / 2;
    conf.acquire_ms = NGX_HTTP_ASSESS_ACQUIRE;
    conf.connect_ms = NGX_HTTP_ASSESS_CONNECT;
    conf.transaction_ms = NGX_HTTP_ASSESS_TRANSACTION;

    s->db = assess_db_create(&conf);

    return s->engine.db && s->db ? NGX_OK : NGX_ERROR;
}


/* told by both pools, on any thread: the first goes and the last comes back */

static void
ngx_http_assess_store_changed(void *ctx, int away, int64_t ms,
    const char *why)
{
    ngx_http_assess_scheduler_t  *s;

    s = &ngx_http_assess_scheduler;

    if (away) {
        if (ngx_atomic_fetch_add(&s->away, 1) == 0) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "assess store is away: %s", why);
        }
        return;
    }

    if (ngx_atomic_fetch_add(&s->away, -1) == 1) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "assess store is back after %L ms", ms);
    }
}


void
ngx_http_assess_scheduler_quit(void)
{
    ngx_http_assess_scheduler_t  *s;

    s = &ngx_http_assess_scheduler;

    s->quitting = 1;

    ngx_http_assess_runners_quit();
    ngx_http_assess_zone_wants(s->mcf->zone, NGX_HTTP_ASSESS_WAKE_LEFT, 0);

    if (s->poll.timer_set) {
        ngx_del_timer(&s->poll);
    }
}


/*
 * By now the thread pools are gone, so that nothing uses any of this.
 */

void
ngx_http_assess_scheduler_exit(void)
{
    ngx_uint_t                    i;
    ngx_http_assess_scheduler_t  *s;

    s = &ngx_http_assess_scheduler;

    if (s->mcf == NULL) {
        return;
    }

    /* but threads of our own are still there, and use what follows */

    ngx_http_assess_batches_exit();
    ngx_http_assess_notices_exit();

    ngx_http_assess_runners_exit();

    for (i = 0; i < s->engine.nproviders; i++) {
        assess_provider_destroy(s->engine.providers[i]);
    }

    assess_lru_destroy(s->engine.prepared);

    ngx_http_assess_lease_exit(s->db);

    assess_engine_destroy(&s->engine);
    ngx_http_assess_machine_exit();
    assess_cpu_destroy(s->engine.cpu);

    assess_db_destroy(s->engine.db);
    assess_db_destroy(s->db);

    assess_storages_destroy(s->storages);
}


ngx_uint_t
ngx_http_assess_scheduler_ready(assess_err_t *err)
{
    if (!ngx_http_assess_scheduler.ready && err) {
        *err = ngx_http_assess_scheduler.err;
    }

    return ngx_http_assess_scheduler.ready;
}


ngx_uint_t
ngx_http_assess_scheduler_opening(void)
{
    ngx_http_assess_scheduler_t  *s;

    s = &ngx_http_assess_scheduler;

    return s->opening_now && !s->failed;
}


void
ngx_http_assess_scheduler_tried(void (*handler)(void))
{
    ngx_http_assess_scheduler.tried = handler;
}


assess_db_t *
ngx_http_assess_scheduler_db(void)
{
    return ngx_http_assess_scheduler.db;
}


assess_engine_t *
ngx_http_assess_scheduler_engine(void)
{
    return &ngx_http_assess_scheduler.engine;
}


static void
ngx_http_assess_store_open(void)
{
    ngx_http_assess_scheduler_t  *s;

    s = &ngx_http_assess_scheduler;

    if (s->ready || s->opening_now || s->quitting) {
        return;
    }

    if (ngx_http_assess_task_post(s->mcf->store_threads, &s->opening)
        == NGX_OK)
    {
        s->opening_now = 1;
    }
}


static void
ngx_http_assess_store_open_run(void *data)
{
    assess_err_e                  rc;
    int64_t                       oldest;
    uint64_t                      highest;
    assess_err_t                  err;
    ngx_http_assess_scheduler_t  *s;

    s = &ngx_http_assess_scheduler;

    ngx_http_assess_zone_state(s->mcf->zone, &s->known, &highest);

    rc = assess_db_migrate(s->engine.db, &err);

    if (rc == ASSESS_OK) {
        rc = assess_events_bounds(s->engine.db, &oldest, &s->newest, &err);
    }

    if (rc == ASSESS_OK) {
        rc = ngx_http_assess_pause_first(&s->engine, &err);
    }

    if (rc == ASSESS_OK) {
        err.kind = ASSESS_OK;
    }

    /* the event loop only looks at it when the task is back */

    s->open_err = err;
}


static void
ngx_http_assess_store_open_done(void *data)
{
    assess_err_t                 *err;
    ngx_http_assess_scheduler_t  *s;

    s = &ngx_http_assess_scheduler;
    s->opening_now = 0;

    err = &s->open_err;
    s->failed = err->kind != ASSESS_OK;

    if (err->kind == ASSESS_OK) {

        s->ready = 1;

        /* what is known was committed: a log without it is another one */

        if ((uint64_t) s->newest < s->known) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "assess store is another one than before, the "
                          "zone \"%V\" starts anew",
                          &s->mcf->zone->shm.name);
            ngx_http_assess_zone_restart(s->mcf->zone, (uint64_t) s->newest);
        }

        ngx_http_assess_zone_start(s->mcf->zone, (uint64_t) s->newest);

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "assess store is open");

        ngx_http_assess_zone_wants(s->mcf->zone, NGX_HTTP_ASSESS_WAKE_LEFT, 1);

        ngx_http_assess_lease_beat();

        if (!s->quitting) {
            ngx_http_assess_runners_open();
        }

        ngx_http_assess_batches_begin();
        ngx_http_assess_notices_open();
        ngx_http_assess_scheduler_left();

    } else {

        if (ngx_strcmp(s->err.message, err->message) != 0) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "assess store cannot be used: %s", err->message);
        }

        s->err = *err;
    }

    if (s->tried) {
        s->tried();
    }
}


void
ngx_http_assess_scheduler_left(void)
{
    assess_engine_left(&ngx_http_assess_scheduler.engine);

    ngx_http_assess_runners_kick();
}


static void
ngx_http_assess_scheduler_poll(ngx_event_t *ev)
{
    ngx_uint_t                    away;
    ngx_http_assess_scheduler_t  *s;

    s = &ngx_http_assess_scheduler;

    if (s->quitting) {
        return;
    }

    away = !s->ready || assess_db_away(s->engine.db, NULL);

    ngx_add_timer(ev, away ? NGX_HTTP_ASSESS_STORE_RETRY
                           : ngx_min(NGX_HTTP_ASSESS_POLL, s->mcf->lease / 4));

    if (!s->ready) {
        ngx_http_assess_store_open();
        return;
    }

    /* it is back: before anybody may think that the leases here are free */

    if (s->was_away && !away) {
        ngx_http_assess_lease_beat();
    }

    s->was_away = away;

    if (!away) {
        ngx_http_assess_pause_look(s->mcf, &s->engine);
    }

    ngx_http_assess_runners_begin();

    ngx_http_assess_scheduler_left();
}


/* late answers of one that had ended come without an event */

static void
ngx_http_assess_changed(assess_metrics_t *metrics,
    const assess_change_t *change)
{
    const assess_job_t  *job;

    job = &change->job;

    if (change->nevents == 0 || job->status < ASSESS_COMPLETED) {
        return;
    }

    assess_count(&metrics->finished[job->status], 1);

    if (job->completed_at) {
        assess_observe(&metrics->whole,
                       (job->completed_at - job->created_at) * 1000);
    }
}


/*
 * A queued job wants a worker; and where one was just claimed there may be
 * another behind it.
 */

void
ngx_http_assess_scheduler_publish(const assess_change_t **changes,
    ngx_uint_t n)
{
    ngx_uint_t                    i, wanted, batches;
    const assess_change_t        *change;
    ngx_http_assess_scheduler_t  *s;

    s = &ngx_http_assess_scheduler;

    ngx_http_assess_zone_publish(s->mcf->zone, changes, n);
    ngx_http_assess_journal_tell(changes, n);

    for (i = 0; i < n; i++) {
        ngx_http_assess_changed(s->engine.metrics, changes[i]);
    }

    for (i = 0; i < n && !changes[i]->notices; i++) { /* void */ }

    if (i < n) {
        ngx_http_assess_notices_wake();
    }

    for (i = 0, wanted = 0, batches = 0; i < n; i++) {

        change = changes[i];

        batches |= change->job.batch_id[0] != '\0';
        wanted |= change->nevents && !change->at_once
                  && (change->job.status == ASSESS_QUEUED
                      || (change->job.status == ASSESS_PROCESSING
                          && change->job.stage == ASSESS_EXTRACTING));
    }

    if (wanted) {
        ngx_http_assess_zone_wake(s->mcf->zone, NGX_HTTP_ASSESS_WAKE_QUEUE);
    }

    if (batches) {
        ngx_http_assess_batches_wake();
    }
}


static void
ngx_http_assess_engine_publish(void *ctx, const assess_change_t **changes,
    size_t n)
{
    ngx_http_assess_scheduler_publish(changes, n);
}


static int
ngx_http_assess_engine_cancelled(void *ctx, const char *job_id)
{
    return (int) ngx_http_assess_zone_cancelled(
                                   ngx_http_assess_scheduler.mcf->zone,
                                   job_id);
}


/*
 * nginx has no hook for the moment when "quit" or "stop" begins, and after
 * it the event loop may be waiting for us: the threads look themselves.
 */

static int
ngx_http_assess_engine_stopping(void *ctx)
{
    int64_t                       now, none, limit;
    ngx_http_assess_scheduler_t  *s;

    s = &ngx_http_assess_scheduler;

    if (!ngx_terminate && !ngx_quit && !ngx_exiting) {
        return 0;
    }

    limit = (int64_t) s->mcf->drain_timeout;

    /* the master kills what has not ended some 1.5 seconds after "stop" */

    if (ngx_terminate && limit > NGX_HTTP_ASSESS_STOP_DRAIN) {
        limit = NGX_HTTP_ASSESS_STOP_DRAIN;
    }

    none = 0;
    now = assess_mono_ms();

    (void) __atomic_compare_exchange_n(&s->draining, &none, now, 0,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);

    return now - s->draining >= limit ? 2 : 1;
}


static double
ngx_http_assess_engine_budget(void *ctx, const assess_str_t *tenant)
{
    return ngx_http_assess_budget_of(ngx_http_assess_scheduler.mcf, tenant);
}


static void
ngx_http_assess_engine_log(void *ctx, assess_err_e kind, const char *job_id,
    const char *message)
{
    ngx_uint_t  level;

    switch (kind) {

    case ASSESS_OK:
        level = NGX_LOG_INFO;
        break;

    case ASSESS_ERROR:
    case ASSESS_FAILED:
    case ASSESS_UNAVAILABLE:
        level = NGX_LOG_ERR;
        break;

    default:
        level = NGX_LOG_WARN;
    }

    ngx_log_error(level, ngx_cycle->log, 0, "assess job %s: %s", job_id,
                  message);
}
