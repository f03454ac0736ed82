
#include "ngx_http_assess_lease.h"
#include "ngx_http_assess_zone.h"

#include "store/assess_worker.h"

#include <pthread.h>
#include <signal.h>


#define NGX_HTTP_ASSESS_LOOK  1000           /* ms; for workers that died */


typedef char  ngx_http_assess_id_t[ASSESS_UUID_LEN + 1];


/*
 * A thread of its own beats: those of the pools may all be held up, by slow
 * lists or by jobs, for longer than a lease lasts.
 */

typedef struct {
    ngx_http_assess_main_conf_t   *mcf;
    assess_db_t                   *db;
    assess_worker_t                self;

    pthread_t                      thread;
    pthread_mutex_t                mutex;
    pthread_cond_t                 woken;

    /* under the mutex */
    ngx_http_assess_id_t          *owners;     /* by run; "": none */
    ngx_uint_t                     open;       /* the store is */
    ngx_uint_t                     now;        /* beat at once */
    ngx_uint_t                     stop;

    /* the thread's own */
    ngx_http_assess_id_t          *beating;    /* the owners it names */
    assess_str_t                  *names;
    ngx_http_assess_id_t           dead[NGX_HTTP_ASSESS_WORKERS];
    ngx_uint_t                     ndead;      /* not yet known to the store */

    unsigned                       running:1;
} ngx_http_assess_lease_t;


static ngx_int_t ngx_http_assess_lease_thread(void);
static void *ngx_http_assess_lease_run(void *data);
static void ngx_http_assess_lease_wait(int64_t until);
static void ngx_http_assess_lease_beat_now(void);
static void ngx_http_assess_lease_bury(void);


static ngx_http_assess_lease_t  ngx_http_assess_lease;


ngx_int_t
ngx_http_assess_lease_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf, assess_db_t *db)
{
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;
    ngx_memzero(l, sizeof(ngx_http_assess_lease_t));

    l->mcf = mcf;
    l->db = db;

    l->owners = ngx_pcalloc(cycle->pool,
                            mcf->jobs * sizeof(ngx_http_assess_id_t));
    l->beating = ngx_pcalloc(cycle->pool,
                             mcf->jobs * sizeof(ngx_http_assess_id_t));
    l->names = ngx_palloc(cycle->pool, mcf->jobs * sizeof(assess_str_t));

    if (l->owners == NULL || l->beating == NULL || l->names == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(l->self.worker_id, ngx_http_assess_zone_worker(mcf->zone),
               sizeof(l->self.worker_id));
    ngx_memcpy(l->self.instance_id, ngx_http_assess_zone_instance(mcf->zone),
               sizeof(l->self.instance_id));
    l->self.host = ngx_http_assess_str(&cycle->hostname);
    l->self.pid = (int) ngx_pid;

    if (ngx_http_assess_lease_thread() != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "assess thread for leases cannot be started");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* It gets no signal: those are the event loop's */

static ngx_int_t
ngx_http_assess_lease_thread(void)
{
    int                       rc;
    sigset_t                  all, before;
    pthread_condattr_t        attr;
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;

    if (pthread_condattr_init(&attr) != 0) {
        return NGX_ERROR;
    }

    rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0
         || pthread_cond_init(&l->woken, &attr) != 0
         || pthread_mutex_init(&l->mutex, NULL) != 0;

    (void) pthread_condattr_destroy(&attr);

    if (rc) {
        return NGX_ERROR;
    }

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_BLOCK, &all, &before);

    rc = pthread_create(&l->thread, NULL, ngx_http_assess_lease_run, l);

    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);

    l->running = rc == 0;

    return rc == 0 ? NGX_OK : NGX_ERROR;
}


void
ngx_http_assess_lease_begin(ngx_uint_t n, const char *owner)
{
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;

    pthread_mutex_lock(&l->mutex);
    ngx_memcpy(l->owners[n], owner, sizeof(ngx_http_assess_id_t));
    pthread_mutex_unlock(&l->mutex);
}


void
ngx_http_assess_lease_end(ngx_uint_t n)
{
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;

    pthread_mutex_lock(&l->mutex);
    l->owners[n][0] = '\0';
    pthread_mutex_unlock(&l->mutex);
}


void
ngx_http_assess_lease_beat(void)
{
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;

    pthread_mutex_lock(&l->mutex);

    l->open = 1;
    l->now = 1;
    pthread_cond_signal(&l->woken);

    pthread_mutex_unlock(&l->mutex);
}


static void *
ngx_http_assess_lease_run(void *data)
{
    ngx_http_assess_lease_t *l = data;

    int64_t     now, beat, look;
    ngx_uint_t  due, open;

    beat = 0;
    look = ngx_min(NGX_HTTP_ASSESS_LOOK, (int64_t) l->mcf->lease / 4);

    pthread_mutex_lock(&l->mutex);

    while (!l->stop) {

        now = assess_mono_ms();
        due = l->now || now >= beat;
        open = l->open;
        l->now = 0;

        pthread_mutex_unlock(&l->mutex);

        /* their places are wanted, whether or not the store is there */

        l->ndead += ngx_http_assess_zone_dead(l->mcf->zone,
                                       l->dead + l->ndead,
                                       NGX_HTTP_ASSESS_WORKERS - l->ndead);

        if (!open) {
            pthread_mutex_lock(&l->mutex);

            if (!l->now && !l->stop) {
                ngx_http_assess_lease_wait(now + look);
            }

            continue;
        }

        ngx_http_assess_lease_bury();

        if (due) {
            beat = assess_mono_ms() + (int64_t) l->mcf->lease / 3;
            ngx_http_assess_lease_beat_now();
        }

        pthread_mutex_lock(&l->mutex);

        if (!l->now && !l->stop) {
            ngx_http_assess_lease_wait(ngx_min(beat,
                                               assess_mono_ms() + look));
        }
    }

    pthread_mutex_unlock(&l->mutex);

    return NULL;
}


static void
ngx_http_assess_lease_wait(int64_t until)
{
    struct timespec           ts;
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;

    ts.tv_sec = (time_t) (until / 1000);
    ts.tv_nsec = (long) (until % 1000) * 1000000;

    (void) pthread_cond_timedwait(&l->woken, &l->mutex, &ts);
}


/* The one before it is answered: what it names is listed after that */

static void
ngx_http_assess_lease_beat_now(void)
{
    ngx_uint_t                i, n;
    assess_err_e              rc;
    assess_err_t              err;
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;
    n = 0;

    pthread_mutex_lock(&l->mutex);

    for (i = 0; i < l->mcf->jobs; i++) {

        if (l->owners[i][0]) {
            ngx_memcpy(l->beating[n], l->owners[i],
                       sizeof(ngx_http_assess_id_t));
            l->names[n].data = l->beating[n];
            l->names[n].len = ASSESS_UUID_LEN;
            n++;
        }
    }

    pthread_mutex_unlock(&l->mutex);

    rc = assess_worker_beat(l->db, &l->self, l->names, n,
                            (int) l->mcf->lease, &err);

    /* that the store is away is said elsewhere, once */

    if (rc != ASSESS_OK && rc != ASSESS_UNAVAILABLE) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "assess leases cannot be renewed: %s", err.message);
    }
}


/* Where the store is away it is tried again at the next look */

static void
ngx_http_assess_lease_bury(void)
{
    int64_t                   freed;
    assess_err_t              err;
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;

    while (l->ndead) {

        if (assess_worker_gone(l->db, l->dead[l->ndead - 1], &freed, &err)
            != ASSESS_OK)
        {
            return;
        }

        l->ndead--;

        if (freed) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "assess worker %s died, its jobs (%L) go on "
                          "elsewhere", l->dead[l->ndead], freed);

            ngx_http_assess_zone_wake(l->mcf->zone,
                                      NGX_HTTP_ASSESS_WAKE_LEFT);
        }
    }
}


void
ngx_http_assess_lease_exit(assess_db_t *db)
{
    int64_t                   freed;
    assess_err_t              err;
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;

    if (!l->running) {
        return;
    }

    pthread_mutex_lock(&l->mutex);
    l->stop = 1;
    pthread_cond_signal(&l->woken);
    pthread_mutex_unlock(&l->mutex);

    (void) pthread_join(l->thread, NULL);
    l->running = 0;

    /* where it does not get through, the row is found to be stale */

    if (!assess_db_away(db, NULL)) {
        (void) assess_worker_gone(db, l->self.worker_id, &freed, &err);
    }
}
