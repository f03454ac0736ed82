
#include "ngx_http_assess_places.h"
#include "ngx_http_assess_hub.h"
#include "ngx_http_assess_scheduler.h"
#include "ngx_http_assess_task.h"


#define NGX_HTTP_ASSESS_PLACES_EVERY   1000      /* ms */
#define NGX_HTTP_ASSESS_PLACES_READ    3000      /* ms; for one statement */
#define NGX_HTTP_ASSESS_PLACES_BATCH   1024      /* jobs in a statement */

/* the queue is walked for it: never for more than a twentieth of the time */
#define NGX_HTTP_ASSESS_PLACES_SHARE   20


typedef struct {
    ngx_http_assess_task_t         task;
    ngx_http_assess_main_conf_t   *mcf;
    ngx_event_t                    timer;
    ngx_connection_t               connection;   /* which debug logs name */
    ngx_msec_t                     interval;
    int64_t                        took;         /* ms */
    ngx_uint_t                     busy;
} ngx_http_assess_places_t;


static void ngx_http_assess_places_timer(ngx_event_t *ev);
static void ngx_http_assess_places_run(void *data);
static ngx_uint_t ngx_http_assess_places_some(
    ngx_http_assess_main_conf_t *mcf, assess_arena_t *arena);
static void ngx_http_assess_places_done(void *data);


static ngx_http_assess_places_t  ngx_http_assess_places;


void
ngx_http_assess_places_follow(ngx_http_assess_main_conf_t *mcf)
{
    ngx_http_assess_places_t  *pl;

    pl = &ngx_http_assess_places;

    if (pl->timer.timer_set) {
        return;
    }

    if (pl->mcf == NULL) {
        pl->mcf = mcf;
        pl->interval = NGX_HTTP_ASSESS_PLACES_EVERY;

        pl->connection.fd = (ngx_socket_t) -1;
        pl->timer.handler = ngx_http_assess_places_timer;
        pl->timer.data = &pl->connection;
        pl->timer.log = ngx_cycle->log;
        pl->timer.cancelable = 1;
    }

    if (!ngx_http_assess_hub_quitting()) {
        ngx_add_timer(&pl->timer, pl->interval);
    }
}


static void
ngx_http_assess_places_timer(ngx_event_t *ev)
{
    ngx_http_assess_places_t  *pl;

    pl = &ngx_http_assess_places;

    /* when nobody waits, it begins again with the next who asks */

    if (ngx_http_assess_hub_quitting()
        || ngx_http_assess_zone_waits(pl->mcf->zone) == 0)
    {
        return;
    }

    ngx_add_timer(ev, pl->interval);

    /* one worker does it for all */

    if (pl->busy || !ngx_http_assess_scheduler_ready(NULL)
        || assess_db_away(ngx_http_assess_scheduler_db(), NULL)
        || !ngx_http_assess_zone_walk(pl->mcf->zone, pl->interval * 3 / 4))
    {
        return;
    }

    pl->task.run = ngx_http_assess_places_run;
    pl->task.done = ngx_http_assess_places_done;
    pl->task.data = pl;

    pl->busy = ngx_http_assess_task_post(pl->mcf->store_threads, &pl->task)
               == NGX_OK;
}


static void
ngx_http_assess_places_run(void *data)
{
    ngx_http_assess_places_t *pl = data;

    int64_t          begun;
    assess_arena_t  *arena;

    begun = assess_mono_ms();

    arena = assess_arena_create();

    while (arena && ngx_http_assess_places_some(pl->mcf, arena)) {
        assess_arena_destroy(arena);
        arena = assess_arena_create();
    }

    assess_arena_destroy(arena);

    pl->took = assess_mono_ms() - begun;
}


/* 0: there are no more in this round; a failure is left to the next one */

static ngx_uint_t
ngx_http_assess_places_some(ngx_http_assess_main_conf_t *mcf,
    assess_arena_t *arena)
{
    int           *places;
    char         (*ids)[ASSESS_UUID_LEN + 1];
    ngx_uint_t     n, more;
    assess_err_e   rc;
    assess_err_t   err;

    ids = assess_palloc(arena, NGX_HTTP_ASSESS_PLACES_BATCH * sizeof(*ids));
    places = assess_palloc(arena,
                           NGX_HTTP_ASSESS_PLACES_BATCH * sizeof(int));

    if (ids == NULL || places == NULL) {
        return 0;
    }

    for (n = 0; n < NGX_HTTP_ASSESS_PLACES_BATCH; n += more) {

        more = ngx_http_assess_zone_waiting(mcf->zone, ids + n,
                                            NGX_HTTP_ASSESS_PLACES_BATCH - n);
        if (more == 0) {
            break;
        }
    }

    if (n == 0) {
        return 0;
    }

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_PLACES_READ);

    rc = assess_jobs_places(ngx_http_assess_scheduler_db(),
                            (const char (*)[ASSESS_UUID_LEN + 1]) ids, n,
                            places, &err);

    assess_db_until(0);

    if (rc == ASSESS_OK) {
        ngx_http_assess_zone_places(mcf->zone, ids, places, n);
    }

    return rc == ASSESS_OK && n == NGX_HTTP_ASSESS_PLACES_BATCH;
}


static void
ngx_http_assess_places_done(void *data)
{
    ngx_http_assess_places_t *pl = data;

    pl->busy = 0;
    pl->interval = ngx_max(NGX_HTTP_ASSESS_PLACES_EVERY,
                           (ngx_msec_t) pl->took
                           * NGX_HTTP_ASSESS_PLACES_SHARE);
}
