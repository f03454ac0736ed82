
#include "ngx_http_assess_lease.h"
#include "ngx_http_assess_scheduler.h"
#include "ngx_http_assess_task.h"
#include "ngx_http_assess_zone.h"

#include "store/assess_worker.h"

#include <pthread.h>


typedef char  ngx_http_assess_id_t[ASSESS_UUID_LEN + 1];


typedef struct {
    ngx_http_assess_main_conf_t   *mcf;
    assess_db_t                   *db;
    assess_worker_t                self;

    pthread_mutex_t                mutex;      /* of owners */
    ngx_http_assess_id_t          *owners;     /* by run; "": none */

    ngx_event_t                    timer;
    ngx_connection_t               dummy;      /* for the timer's log */

    ngx_http_assess_task_t         beat;
    ngx_http_assess_id_t          *beating;    /* the owners it names */
    assess_str_t                  *names;
    assess_err_e                   beat_rc;
    assess_err_t                   beat_err;

    /* those who died, until the database knows */

    ngx_http_assess_id_t           dead[NGX_HTTP_ASSESS_WORKERS];
    ngx_uint_t                     ndead;
    ngx_http_assess_task_t         bury;
    assess_err_e                   bury_rc;
    int64_t                        freed;      /* jobs of the last of them */

    unsigned                       beating_now:1;
    unsigned                       burying_now:1;
} ngx_http_assess_lease_t;


static void ngx_http_assess_lease_timer(ngx_event_t *ev);
static void ngx_http_assess_lease_beat_run(void *data);
static void ngx_http_assess_lease_beat_done(void *data);
static void ngx_http_assess_lease_bury(void);
static void ngx_http_assess_lease_bury_run(void *data);
static void ngx_http_assess_lease_bury_done(void *data);


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

    if (l->owners == NULL || l->beating == NULL || l->names == NULL
        || pthread_mutex_init(&l->mutex, NULL) != 0)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(l->self.worker_id, ngx_http_assess_zone_worker(mcf->zone),
               sizeof(l->self.worker_id));
    ngx_memcpy(l->self.instance_id, ngx_http_assess_zone_instance(mcf->zone),
               sizeof(l->self.instance_id));
    l->self.host = ngx_http_assess_str(&cycle->hostname);
    l->self.pid = (int) ngx_pid;

    l->dummy.fd = (ngx_socket_t) -1;

    l->timer.handler = ngx_http_assess_lease_timer;
    l->timer.log = cycle->log;
    l->timer.data = &l->dummy;
    l->timer.cancelable = 1;

    l->beat.run = ngx_http_assess_lease_beat_run;
    l->beat.done = ngx_http_assess_lease_beat_done;

    l->bury.run = ngx_http_assess_lease_bury_run;
    l->bury.done = ngx_http_assess_lease_bury_done;

    ngx_add_timer(&l->timer, mcf->lease / 3);

    return NGX_OK;
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


static void
ngx_http_assess_lease_timer(ngx_event_t *ev)
{
    ngx_add_timer(ev, ngx_http_assess_lease.mcf->lease / 3);

    if (ngx_http_assess_scheduler_ready(NULL)) {
        ngx_http_assess_lease_beat();
    }
}


void
ngx_http_assess_lease_beat(void)
{
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;

    if (l->beating_now) {
        return;
    }

    if (ngx_http_assess_task_post(l->mcf->store_threads, &l->beat) == NGX_OK) {
        l->beating_now = 1;
    }
}


static void
ngx_http_assess_lease_beat_run(void *data)
{
    ngx_uint_t                i, n;
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

    l->beat_rc = assess_worker_beat(l->db, &l->self, l->names, n,
                                    (int) l->mcf->lease, &l->beat_err);
}


static void
ngx_http_assess_lease_beat_done(void *data)
{
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;
    l->beating_now = 0;

    /* that the store is away is said elsewhere, once */

    if (l->beat_rc != ASSESS_OK && l->beat_rc != ASSESS_UNAVAILABLE) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "assess leases cannot be renewed: %s",
                      l->beat_err.message);
    }
}


void
ngx_http_assess_lease_look(void)
{
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;

    if (l->burying_now) {
        return;
    }

    l->ndead += ngx_http_assess_zone_dead(l->mcf->zone, l->dead + l->ndead,
                                          NGX_HTTP_ASSESS_WORKERS - l->ndead);

    if (l->ndead) {
        ngx_http_assess_lease_bury();
    }
}


static void
ngx_http_assess_lease_bury(void)
{
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;

    if (ngx_http_assess_task_post(l->mcf->store_threads, &l->bury) == NGX_OK) {
        l->burying_now = 1;
    }
}


/* the last one; if the store is away, it is tried at the next look */

static void
ngx_http_assess_lease_bury_run(void *data)
{
    assess_err_t              err;
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;

    l->bury_rc = assess_worker_gone(l->db, l->dead[l->ndead - 1], &l->freed,
                                    &err);
}


static void
ngx_http_assess_lease_bury_done(void *data)
{
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;
    l->burying_now = 0;

    if (l->bury_rc != ASSESS_OK) {
        return;
    }

    l->ndead--;

    if (l->freed) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "assess worker %s died, its jobs (%L) go on elsewhere",
                      l->dead[l->ndead], l->freed);

        ngx_http_assess_zone_wake(l->mcf->zone, NGX_HTTP_ASSESS_WAKE_QUEUE);
    }

    if (l->ndead) {
        ngx_http_assess_lease_bury();
    }
}


void
ngx_http_assess_lease_exit(assess_db_t *db)
{
    int64_t                   freed;
    assess_err_t              err;
    ngx_http_assess_lease_t  *l;

    l = &ngx_http_assess_lease;

    /* where it does not get through, the row is found to be stale */

    if (l->mcf && !assess_db_away(db, NULL)) {
        (void) assess_worker_gone(db, l->self.worker_id, &freed, &err);
    }
}
