
#include "ngx_http_assess_notices.h"
#include "ngx_http_assess_thread.h"
#include "ngx_http_assess_zone.h"

#include "engine/assess_courier.h"


#define NGX_HTTP_ASSESS_NOTICES_LOOK    1000     /* ms; for those of others */
#define NGX_HTTP_ASSESS_NOTICES_SLACK   5000     /* ms; until it is written */
#define NGX_HTTP_ASSESS_NOTICES_LAST    500      /* ms; of a worker that ends */
#define NGX_HTTP_ASSESS_NOTICES_FORGET  60000    /* ms; between two times */

/* ended ones stay for so long, for whoever wants to know what became of them */
#define NGX_HTTP_ASSESS_NOTICES_KEPT    (7 * 24 * 3600 * 1000LL)


typedef struct {
    ngx_http_assess_main_conf_t   *mcf;
    assess_db_t                   *db;
    assess_courier_t              *courier;
    ngx_http_assess_thread_t       thread;

    ngx_atomic_t                   open;         /* the store is */
    ngx_atomic_t                   woken;        /* some were written */
    ngx_atomic_t                   stop;

    /* the thread's own */
    assess_notice_told_t           told[ASSESS_COURIER_MAX];
    size_t                         ntold;        /* not yet written */
    int64_t                        look;         /* when there may be more */
    int64_t                        forget;
    ngx_uint_t                     more;         /* a claim took all it might */
} ngx_http_assess_notices_t;


static void *ngx_http_assess_notices_run(void *data);
static ngx_uint_t ngx_http_assess_notices_ending(
    ngx_http_assess_notices_t *n);
static void ngx_http_assess_notices_settle(ngx_http_assess_notices_t *n);
static void ngx_http_assess_notices_log(ngx_http_assess_notices_t *n);
static void ngx_http_assess_notices_claim(ngx_http_assess_notices_t *n);
static void ngx_http_assess_notices_forget(ngx_http_assess_notices_t *n);
static void ngx_http_assess_notices_last(ngx_http_assess_notices_t *n);


static ngx_http_assess_notices_t  ngx_http_assess_notices;


ngx_int_t
ngx_http_assess_notices_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf, assess_db_t *db)
{
    ngx_http_assess_notices_t  *n;

    n = &ngx_http_assess_notices;
    ngx_memzero(n, sizeof(ngx_http_assess_notices_t));

    n->mcf = mcf;
    n->db = db;

    n->courier = assess_courier_create(&mcf->courier);

    if (n->courier == NULL
        || ngx_http_assess_thread_start(&n->thread,
                                        ngx_http_assess_notices_run, n)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "assess thread for notices cannot be started");
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_assess_notices_open(void)
{
    ngx_http_assess_notices.open = 1;
    ngx_http_assess_notices_wake();
}


void
ngx_http_assess_notices_wake(void)
{
    ngx_http_assess_notices_t  *n;

    n = &ngx_http_assess_notices;

    n->woken = 1;
    assess_courier_ring(n->courier);
}


static void *
ngx_http_assess_notices_run(void *data)
{
    ngx_http_assess_notices_t *n = data;

    int64_t  now;

    while (!n->stop) {

        now = assess_mono_ms();

        /* what is known of the last ones goes first: they are leased */

        if (n->open && !assess_db_away(n->db, NULL)) {

            ngx_http_assess_notices_settle(n);

            if (n->ntold == 0 && !ngx_http_assess_notices_ending(n)
                && (n->woken || n->more || now >= n->look))
            {
                ngx_http_assess_notices_claim(n);
            }

            if (now >= n->forget) {
                ngx_http_assess_notices_forget(n);
            }
        }

        /* where they could not be written, nothing more is to be told of */

        if (n->ntold) {
            (void) ngx_http_assess_thread_sleep(&n->thread,
                                      now + NGX_HTTP_ASSESS_NOTICES_LOOK, 0);
            continue;
        }

        n->ntold = assess_courier_carry(n->courier,
                                        NGX_HTTP_ASSESS_NOTICES_LOOK,
                                        n->told);

        n->more |= n->ntold != 0;

        ngx_http_assess_notices_log(n);
    }

    ngx_http_assess_notices_last(n);

    return NULL;
}


/* nginx has no hook for that moment */

static ngx_uint_t
ngx_http_assess_notices_ending(ngx_http_assess_notices_t *n)
{
    return n->stop || ngx_terminate || ngx_quit || ngx_exiting;
}


/* Where it fails it is tried again; that the store is away is said elsewhere */

static void
ngx_http_assess_notices_settle(ngx_http_assess_notices_t *n)
{
    assess_err_t  err;

    if (n->ntold == 0) {
        return;
    }

    switch (assess_notices_settle(n->db, n->told, n->ntold, &err)) {

    case ASSESS_OK:
        n->ntold = 0;
        break;

    case ASSESS_UNAVAILABLE:
        break;

    default:
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "assess notices cannot be settled: %s", err.message);

        /* they are sent again when their leases have run out */

        n->ntold = 0;
    }
}


/* Neither the address nor the path, which may be a key */

static void
ngx_http_assess_notices_log(ngx_http_assess_notices_t *n)
{
    size_t             i;
    assess_metrics_t  *metrics;

    metrics = ngx_http_assess_zone_metrics(n->mcf->zone);

    for (i = 0; i < n->ntold; i++) {

        assess_count(n->told[i].told == ASSESS_NOTICE_DELIVERED
                     ? &metrics->notices_delivered
                     : n->told[i].told == ASSESS_NOTICE_AGAIN
                       ? &metrics->notices_again
                       : &metrics->notices_given_up, 1);

        if (n->told[i].told == ASSESS_NOTICE_GIVEN_UP) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "assess notice %s is given up after %d tries: %s",
                          n->told[i].notice_id, n->told[i].tries,
                          n->told[i].error);
        }
    }
}


static void
ngx_http_assess_notices_claim(ngx_http_assess_notices_t *n)
{
    size_t                  i, count;
    assess_err_e            rc;
    assess_err_t            err;
    assess_str_t            full[ASSESS_COURIER_MAX];
    assess_arena_t         *arena;
    assess_notice_t        *notices;
    assess_notice_claim_t   claim;

    claim.limit = assess_courier_room(n->courier);

    if (claim.limit == 0) {
        return;
    }

    arena = assess_arena_create();
    if (arena == NULL) {
        return;
    }

    n->woken = 0;
    n->look = assess_mono_ms() + NGX_HTTP_ASSESS_NOTICES_LOOK;

    claim.each = ASSESS_COURIER_EACH;
    claim.busy = full;
    claim.nbusy = assess_courier_full(n->courier, full);
    claim.lease_ms = n->mcf->courier.timeout_ms
                     + NGX_HTTP_ASSESS_NOTICES_SLACK;

    rc = assess_notices_claim(n->db, arena, &claim, &notices, &count, &err);

    if (rc != ASSESS_OK && rc != ASSESS_UNAVAILABLE) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "assess notices cannot be claimed: %s", err.message);
    }

    for (i = 0; i < count; i++) {
        assess_courier_take(n->courier, &notices[i]);
    }

    n->more = count != 0;

    assess_arena_destroy(arena);
}


static void
ngx_http_assess_notices_forget(ngx_http_assess_notices_t *n)
{
    int64_t       count;
    assess_err_t  err;

    /* nothing depends on it: a failure is left to the next time */

    (void) assess_notices_forget(n->db, NGX_HTTP_ASSESS_NOTICES_KEPT, &count,
                                 &err);

    n->forget = assess_mono_ms() + (count ? NGX_HTTP_ASSESS_NOTICES_LOOK
                                          : NGX_HTTP_ASSESS_NOTICES_FORGET);
}


/*
 * What is just being answered is heard; the rest is for others, at once.  A
 * receiver that had it already knows it by its id.
 */

static void
ngx_http_assess_notices_last(ngx_http_assess_notices_t *n)
{
    int64_t       left, until;
    assess_err_t  err;

    if (!n->open || assess_db_away(n->db, NULL)) {
        return;
    }

    until = assess_mono_ms() + NGX_HTTP_ASSESS_NOTICES_LAST;
    assess_db_until(until + NGX_HTTP_ASSESS_NOTICES_LAST);

    (void) assess_notices_settle(n->db, n->told, n->ntold, &err);

    for ( ;; ) {
        left = until - assess_mono_ms();

        if (left <= 0
            || assess_courier_room(n->courier) == ASSESS_COURIER_MAX)
        {
            break;
        }

        n->ntold = assess_courier_carry(n->courier, (int) left, n->told);

        ngx_http_assess_notices_log(n);
        (void) assess_notices_settle(n->db, n->told, n->ntold, &err);
    }

    n->ntold = assess_courier_abandon(n->courier, n->told);
    (void) assess_notices_settle(n->db, n->told, n->ntold, &err);

    assess_db_until(0);
}


void
ngx_http_assess_notices_exit(void)
{
    ngx_http_assess_notices_t  *n;

    n = &ngx_http_assess_notices;

    if (n->courier == NULL) {
        return;
    }

    n->stop = 1;
    assess_courier_ring(n->courier);
    ngx_http_assess_thread_stop(&n->thread);

    assess_courier_destroy(n->courier);
    n->courier = NULL;
}
