
#include "ngx_http_assess_forget.h"
#include "ngx_http_assess_hub.h"
#include "ngx_http_assess_scheduler.h"
#include "ngx_http_assess_task.h"
#include "ngx_http_assess_zone.h"

#include "store/assess_history.h"


#define NGX_HTTP_ASSESS_FORGET_EVERY   5000      /* ms; where there is little */
#define NGX_HTTP_ASSESS_FORGET_NEXT    100       /* ms; where there is more */
#define NGX_HTTP_ASSESS_FORGET_TIME    3000      /* ms; for one statement */
#define NGX_HTTP_ASSESS_FORGET_JOBS    200       /* at once */


typedef struct {
    ngx_http_assess_task_t         task;
    ngx_http_assess_main_conf_t   *mcf;
    ngx_event_t                    timer;
    ngx_connection_t               connection;   /* which debug logs name */
    int64_t                        n;            /* rows that went */
} ngx_http_assess_forget_t;


static void ngx_http_assess_forget_timer(ngx_event_t *ev);
static void ngx_http_assess_forget_run(void *data);
static int64_t ngx_http_assess_forget_jobs(ngx_http_assess_main_conf_t *mcf);
static void ngx_http_assess_forget_done(void *data);


static ngx_http_assess_forget_t  ngx_http_assess_forgets;


void
ngx_http_assess_forget(ngx_http_assess_main_conf_t *mcf)
{
    ngx_http_assess_forget_t  *f;

    f = &ngx_http_assess_forgets;
    ngx_memzero(f, sizeof(ngx_http_assess_forget_t));

    f->mcf = mcf;

    f->connection.fd = (ngx_socket_t) -1;
    f->timer.handler = ngx_http_assess_forget_timer;
    f->timer.data = &f->connection;
    f->timer.log = ngx_cycle->log;
    f->timer.cancelable = 1;

    f->task.run = ngx_http_assess_forget_run;
    f->task.done = ngx_http_assess_forget_done;
    f->task.data = f;

    ngx_add_timer(&f->timer, NGX_HTTP_ASSESS_FORGET_EVERY);
}


static void
ngx_http_assess_forget_timer(ngx_event_t *ev)
{
    ngx_http_assess_forget_t  *f;

    f = &ngx_http_assess_forgets;

    if (ngx_http_assess_hub_quitting()) {
        return;
    }

    if (!ngx_http_assess_scheduler_ready(NULL)
        || assess_db_away(ngx_http_assess_scheduler_db(), NULL)
        || ngx_http_assess_task_post(f->mcf->store_threads, &f->task)
           != NGX_OK)
    {
        ngx_add_timer(ev, NGX_HTTP_ASSESS_FORGET_EVERY);
    }
}


/* A failure is left to the next time: nothing depends on it */

static void
ngx_http_assess_forget_run(void *data)
{
    ngx_http_assess_forget_t *f = data;

    int64_t       n;
    assess_db_t  *db;
    assess_err_t  err;

    f->n = 0;
    db = ngx_http_assess_scheduler_db();

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_FORGET_TIME);

    (void) assess_events_forget(db, (int64_t) f->mcf->event_log, &f->n, &err);

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_FORGET_TIME);

    if (f->mcf->log_history
        && assess_log_forget(db, (int64_t) f->mcf->log_history, &n, &err)
           == ASSESS_OK)
    {
        f->n += n;
    }

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_FORGET_TIME);

    if (f->mcf->history) {
        f->n += ngx_http_assess_forget_jobs(f->mcf);

        if (assess_batches_forget(db, (int64_t) f->mcf->history,
                                  NGX_HTTP_ASSESS_FORGET_JOBS, &n, &err)
            == ASSESS_OK)
        {
            f->n += n;
        }
    }

    (void) assess_queue_forget(db, &err);
    (void) assess_documents_add_up(db, &err);

    assess_db_until(0);
}


/* What is gone is not told out of shared memory any more */

static int64_t
ngx_http_assess_forget_jobs(ngx_http_assess_main_conf_t *mcf)
{
    char            (*ids)[ASSESS_UUID_LEN + 1];
    size_t            i, n;
    assess_err_t      err;
    assess_arena_t   *arena;

    arena = assess_arena_create();
    if (arena == NULL) {
        return 0;
    }

    n = 0;

    (void) assess_jobs_forget(ngx_http_assess_scheduler_db(), arena, -1,
                              (int64_t) mcf->history,
                              NGX_HTTP_ASSESS_FORGET_JOBS, &ids, &n, &err);

    for (i = 0; i < n; i++) {
        ngx_http_assess_zone_forget(mcf->zone, ids[i]);
    }

    assess_arena_destroy(arena);

    return (int64_t) n;
}


static void
ngx_http_assess_forget_done(void *data)
{
    ngx_http_assess_forget_t *f = data;

    if (!ngx_http_assess_hub_quitting()) {
        ngx_add_timer(&f->timer, f->n ? NGX_HTTP_ASSESS_FORGET_NEXT
                                      : NGX_HTTP_ASSESS_FORGET_EVERY);
    }
}
