
#include "ngx_http_assess_sweep.h"
#include "ngx_http_assess_hub.h"
#include "ngx_http_assess_scheduler.h"
#include "ngx_http_assess_task.h"


#define NGX_HTTP_ASSESS_SWEEP_EVERY   2000       /* ms; where there is little */
#define NGX_HTTP_ASSESS_SWEEP_NEXT    50         /* ms; where there is more */


typedef struct {
    ngx_http_assess_task_t         task;
    ngx_http_assess_main_conf_t   *mcf;
    ngx_event_t                    timer;
    ngx_connection_t               connection;   /* which debug logs name */
    int64_t                        n;            /* objects removed */
} ngx_http_assess_sweep_t;


static void ngx_http_assess_sweep_timer(ngx_event_t *ev);
static void ngx_http_assess_sweep_run(void *data);
static void ngx_http_assess_sweep_done(void *data);


static ngx_http_assess_sweep_t  ngx_http_assess_sweeps;


void
ngx_http_assess_sweep(ngx_http_assess_main_conf_t *mcf)
{
    ngx_uint_t                  i;
    ngx_http_assess_sweep_t    *s;
    ngx_http_assess_storage_t  *storage;

    s = &ngx_http_assess_sweeps;
    ngx_memzero(s, sizeof(ngx_http_assess_sweep_t));

    s->mcf = mcf;

    s->connection.fd = (ngx_socket_t) -1;
    s->timer.handler = ngx_http_assess_sweep_timer;
    s->timer.data = &s->connection;
    s->timer.log = ngx_cycle->log;
    s->timer.cancelable = 1;

    s->task.run = ngx_http_assess_sweep_run;
    s->task.done = ngx_http_assess_sweep_done;
    s->task.data = s;

    storage = mcf->storages ? mcf->storages->elts : NULL;

    for (i = 0; storage && i < mcf->storages->nelts; i++) {
        if (storage[i].ops) {
            ngx_add_timer(&s->timer, NGX_HTTP_ASSESS_SWEEP_EVERY);
            return;
        }
    }
}


static void
ngx_http_assess_sweep_timer(ngx_event_t *ev)
{
    ngx_http_assess_sweep_t  *s;

    s = &ngx_http_assess_sweeps;

    if (ngx_http_assess_hub_quitting()) {
        return;
    }

    if (!ngx_http_assess_scheduler_ready(NULL)
        || assess_db_away(ngx_http_assess_scheduler_engine()->db, NULL)
        || ngx_http_assess_task_post(s->mcf->store_threads, &s->task)
           != NGX_OK)
    {
        ngx_add_timer(ev, NGX_HTTP_ASSESS_SWEEP_EVERY);
    }
}


/*
 * Over the jobs' connections, for a storage may take longer than a call.  A
 * failure is left to the next time, and a storage says by itself what it
 * cannot.
 */

static void
ngx_http_assess_sweep_run(void *data)
{
    ngx_http_assess_sweep_t *s = data;

    assess_err_t  err;

    (void) assess_storages_sweep(ngx_http_assess_scheduler_engine()->db, &s->n,
                                 &err);
}


static void
ngx_http_assess_sweep_done(void *data)
{
    ngx_http_assess_sweep_t *s = data;

    if (!ngx_http_assess_hub_quitting()) {
        ngx_add_timer(&s->timer, s->n ? NGX_HTTP_ASSESS_SWEEP_NEXT
                                      : NGX_HTTP_ASSESS_SWEEP_EVERY);
    }
}
