
#include "ngx_http_assess_gauges.h"
#include "ngx_http_assess_hub.h"
#include "ngx_http_assess_scheduler.h"
#include "ngx_http_assess_task.h"


#define NGX_HTTP_ASSESS_GAUGES_TELL    1000      /* ms; a worker of itself */
#define NGX_HTTP_ASSESS_GAUGES_NOW     100       /* ms; so new is as of now */
#define NGX_HTTP_ASSESS_GAUGES_SEE     3000      /* ms; how the store is */
#define NGX_HTTP_ASSESS_GAUGES_WAIT    500       /* ms; of who asks for that */
#define NGX_HTTP_ASSESS_GAUGES_READ    2000      /* ms; of the thread */
#define NGX_HTTP_ASSESS_GAUGES_OLD     30000     /* ms; it says nothing then */

/* the followers are looked at while somebody wants to know */
#define NGX_HTTP_ASSESS_GAUGES_ASKED   120000    /* ms */


typedef struct {
    ngx_http_assess_main_conf_t   *mcf;
    ngx_event_t                    timer;
    ngx_connection_t               dummy;        /* for the timers' log */
    int64_t                        told_at;

    ngx_queue_t                    askers;
    ngx_event_t                    wait;
    ngx_http_assess_task_t         task;
    assess_err_e                   rc;
    assess_gauges_t                gauges;
    unsigned                       reading:1;
    unsigned                       late:1;       /* it is waited for no more */
} ngx_http_assess_gauges_t;


static void ngx_http_assess_gauges_timer(ngx_event_t *ev);
static void ngx_http_assess_gauges_tell(void);
static void ngx_http_assess_gauges_pool(ngx_http_assess_pool_use_t *use,
    ngx_thread_pool_t *pool);
static void ngx_http_assess_gauges_db(ngx_http_assess_db_use_t *use,
    assess_db_t *db);
static void ngx_http_assess_gauges_late(ngx_event_t *ev);
static void ngx_http_assess_gauges_run(void *data);
static void ngx_http_assess_gauges_done(void *data);
static void ngx_http_assess_gauges_ready(void);


static ngx_http_assess_gauges_t  ngx_http_assess_gauges;


void
ngx_http_assess_gauges_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf)
{
    ngx_http_assess_gauges_t  *g;

    g = &ngx_http_assess_gauges;
    ngx_memzero(g, sizeof(ngx_http_assess_gauges_t));

    g->mcf = mcf;
    g->dummy.fd = (ngx_socket_t) -1;
    ngx_queue_init(&g->askers);

    g->timer.handler = ngx_http_assess_gauges_timer;
    g->timer.data = &g->dummy;
    g->timer.log = cycle->log;
    g->timer.cancelable = 1;

    g->wait.handler = ngx_http_assess_gauges_late;
    g->wait.data = &g->dummy;
    g->wait.log = cycle->log;

    g->task.run = ngx_http_assess_gauges_run;
    g->task.done = ngx_http_assess_gauges_done;
    g->task.data = g;

    ngx_http_assess_gauges_timer(&g->timer);
}


static void
ngx_http_assess_gauges_timer(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_HTTP_ASSESS_GAUGES_TELL);

    ngx_http_assess_gauges_tell();
}


static void
ngx_http_assess_gauges_tell(void)
{
    uint64_t                      lag;
    ngx_uint_t                    behind;
    assess_engine_t              *engine;
    assess_lru_stats_t            documents;
    ngx_http_assess_told_t       *told;
    ngx_http_assess_main_conf_t  *mcf;

    ngx_http_assess_gauges.told_at = assess_mono_ms();

    mcf = ngx_http_assess_gauges.mcf;
    engine = ngx_http_assess_scheduler_engine();

    told = ngx_http_assess_zone_told(mcf->zone,
                                     ngx_http_assess_zone_slot(mcf->zone));
    if (told == NULL) {
        return;
    }

    ngx_http_assess_gauges_pool(&told->pools[NGX_HTTP_ASSESS_POOL_JOBS],
                                mcf->job_threads);
    ngx_http_assess_gauges_pool(&told->pools[NGX_HTTP_ASSESS_POOL_STORE],
                                mcf->store_threads);
    ngx_http_assess_gauges_pool(&told->pools[NGX_HTTP_ASSESS_POOL_FETCH],
                                mcf->fetch_threads);

    ngx_http_assess_gauges_db(&told->jobs, engine->db);
    ngx_http_assess_gauges_db(&told->calls, ngx_http_assess_scheduler_db());

    assess_lru_stats(engine->prepared, &documents);
    told->documents = documents.bytes;

    if (ngx_http_assess_zone_asked(mcf->zone, NGX_HTTP_ASSESS_GAUGES_ASKED)) {
        ngx_http_assess_hub_behind(&behind, &lag);
        told->behind = behind;
        told->lag = (ngx_atomic_uint_t) lag;
    }
}


static void
ngx_http_assess_gauges_pool(ngx_http_assess_pool_use_t *use,
    ngx_thread_pool_t *pool)
{
    const ngx_http_assess_pool_t  *p;

    p = ngx_http_assess_task_pool(pool);

    if (p) {
        use->threads = p->threads;
        use->busy = p->busy;
        use->waiting = p->waiting;
    }
}


static void
ngx_http_assess_gauges_db(ngx_http_assess_db_use_t *use, assess_db_t *db)
{
    assess_db_stats_t  stats;

    assess_db_stats(db, &stats);

    use->open = (ngx_atomic_uint_t) stats.open;
    use->used = (ngx_atomic_uint_t) stats.used;
    use->max = (ngx_atomic_uint_t) stats.max;
}


ngx_int_t
ngx_http_assess_gauges_ask(ngx_http_assess_asker_t *asker)
{
    ngx_http_assess_gauges_t  *g;

    g = &ngx_http_assess_gauges;

    ngx_http_assess_zone_ask(g->mcf->zone);

    if (assess_mono_ms() - g->told_at >= NGX_HTTP_ASSESS_GAUGES_NOW) {
        ngx_http_assess_gauges_tell();
    }

    if (g->reading && g->late) {
        return NGX_OK;
    }

    if (!g->reading) {

        if (!ngx_http_assess_scheduler_ready(NULL)
            || assess_db_away(ngx_http_assess_scheduler_db(), NULL)
            || !ngx_http_assess_zone_see(g->mcf->zone,
                                         NGX_HTTP_ASSESS_GAUGES_SEE)
            || ngx_http_assess_task_post(g->mcf->store_threads, &g->task)
               != NGX_OK)
        {
            return NGX_OK;
        }

        g->reading = 1;
        g->late = 0;

        ngx_add_timer(&g->wait, NGX_HTTP_ASSESS_GAUGES_WAIT);
    }

    ngx_queue_insert_tail(&g->askers, &asker->queue);

    return NGX_AGAIN;
}


void
ngx_http_assess_gauges_leave(ngx_http_assess_asker_t *asker)
{
    if (asker->queue.next) {
        ngx_queue_remove(&asker->queue);
        asker->queue.next = NULL;
    }
}


/* whoever asks gets an answer, though the store has none */

static void
ngx_http_assess_gauges_late(ngx_event_t *ev)
{
    ngx_http_assess_gauges.late = 1;
    ngx_http_assess_gauges_ready();
}


static void
ngx_http_assess_gauges_run(void *data)
{
    ngx_http_assess_gauges_t *g = data;

    assess_err_t  err;

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_GAUGES_READ);

    g->rc = assess_gauges_read(ngx_http_assess_scheduler_db(), &g->gauges,
                               &err);
    assess_db_until(0);

    /* that the store is away is said elsewhere, once */

    if (g->rc != ASSESS_OK && g->rc != ASSESS_UNAVAILABLE) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "assess metrics cannot be read from the store: %s",
                      err.message);
    }

    ngx_http_assess_zone_saw(g->mcf->zone,
                             g->rc == ASSESS_OK ? &g->gauges : NULL);
}


static void
ngx_http_assess_gauges_done(void *data)
{
    ngx_http_assess_gauges_t *g = data;

    g->reading = 0;

    if (g->wait.timer_set) {
        ngx_del_timer(&g->wait);
    }

    ngx_http_assess_gauges_ready();
}


static void
ngx_http_assess_gauges_ready(void)
{
    ngx_queue_t               *q;
    ngx_http_assess_asker_t   *asker;
    ngx_http_assess_gauges_t  *g;

    g = &ngx_http_assess_gauges;

    while (!ngx_queue_empty(&g->askers)) {

        q = ngx_queue_head(&g->askers);
        asker = ngx_queue_data(q, ngx_http_assess_asker_t, queue);

        ngx_http_assess_gauges_leave(asker);
        asker->ready(asker->data);
    }
}


ngx_uint_t
ngx_http_assess_gauges_store(const ngx_http_assess_seen_t *seen)
{
    return ngx_http_assess_scheduler_ready(NULL)
           && !assess_db_away(ngx_http_assess_scheduler_db(), NULL)
           && seen->read_at && !seen->failed
           && assess_mono_ms() - seen->read_at < NGX_HTTP_ASSESS_GAUGES_OLD;
}
