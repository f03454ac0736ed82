
#include "ngx_http_assess_pause.h"
#include "ngx_http_assess_runners.h"
#include "ngx_http_assess_scheduler.h"
#include "ngx_http_assess_task.h"

#include "store/assess_overview.h"


#define NGX_HTTP_ASSESS_PAUSE_MS  3000       /* for one look */


typedef struct {
    ngx_http_assess_task_t   task;
    assess_engine_t         *engine;
    assess_err_e             rc;
    ngx_uint_t               set;            /* so often it was, before that */
    int                      paused;
    unsigned                 looking:1;
} ngx_http_assess_pause_t;


static ngx_uint_t ngx_http_assess_pause_turn(assess_engine_t *engine,
    int paused);
static void ngx_http_assess_pause_run(void *data);
static void ngx_http_assess_pause_done(void *data);


static ngx_http_assess_pause_t  ngx_http_assess_pause;
static ngx_atomic_t             ngx_http_assess_pause_sets;


assess_err_e
ngx_http_assess_pause_first(assess_engine_t *engine, assess_err_t *err)
{
    int           paused;
    assess_err_e  rc;

    rc = assess_paused(engine->db, &paused, err);

    if (rc == ASSESS_OK) {
        engine->paused = paused;
    }

    return rc;
}


void
ngx_http_assess_pause_set(assess_engine_t *engine, ngx_uint_t paused)
{
    (void) ngx_atomic_fetch_add(&ngx_http_assess_pause_sets, 1);
    (void) ngx_http_assess_pause_turn(engine, (int) paused);
}


/* Whether it was otherwise: each worker tells of it once */

static ngx_uint_t
ngx_http_assess_pause_turn(assess_engine_t *engine, int paused)
{
    if (engine->paused == paused) {
        return 0;
    }

    engine->paused = paused;

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0, "assess queue %s",
                  paused ? "is paused: no job is begun"
                         : "goes on after a pause");
    return 1;
}


void
ngx_http_assess_pause_look(ngx_http_assess_main_conf_t *mcf,
    assess_engine_t *engine)
{
    ngx_http_assess_pause_t  *p;

    p = &ngx_http_assess_pause;

    if (p->looking) {
        return;
    }

    p->engine = engine;
    p->set = ngx_http_assess_pause_sets;
    p->task.run = ngx_http_assess_pause_run;
    p->task.done = ngx_http_assess_pause_done;
    p->task.data = p;

    p->looking = ngx_http_assess_task_post(mcf->store_threads, &p->task)
                 == NGX_OK;
}


/* By the calls' connections: those of jobs may all be waited for */

static void
ngx_http_assess_pause_run(void *data)
{
    ngx_http_assess_pause_t *p = data;

    assess_err_t  err;

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_PAUSE_MS);

    p->rc = assess_paused(ngx_http_assess_scheduler_db(), &p->paused,
                                &err);

    assess_db_until(0);
}


/* Where the store is away it stays as it was: nothing can be claimed either */

static void
ngx_http_assess_pause_done(void *data)
{
    ngx_http_assess_pause_t  *p = data;

    p->looking = 0;

    /* what was read may be older than what was decided here meanwhile */

    if (p->rc != ASSESS_OK || p->set != ngx_http_assess_pause_sets) {
        return;
    }

    if (ngx_http_assess_pause_turn(p->engine, p->paused) && !p->paused) {
        ngx_http_assess_runners_kick();
    }
}
