
#include "ngx_http_assess_zone_int.h"

#include "engine/assess_gate.h"
#include "engine/assess_rates.h"

#include <sys/eventfd.h>


static ngx_int_t ngx_http_assess_zone_eventfds(ngx_http_assess_shm_t *sh,
    ngx_log_t *log);


static ngx_int_t  ngx_http_assess_worker = NGX_ERROR;


ngx_int_t
ngx_http_assess_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                  len;
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data || shm_zone->shm.exists) {

        /* a reload: the zone lives on; shm_zone->data stays our main conf */

        return NGX_OK;
    }

    sh = ngx_slab_calloc(shpool, sizeof(ngx_http_assess_shm_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    shpool->data = sh;

    if (assess_uuid(sh->instance) != 0) {
        return NGX_ERROR;
    }

    ngx_http_assess_jobs_init(sh);

    if (ngx_http_assess_ring_init(sh, shpool, shm_zone->shm.size) != NGX_OK
        || ngx_http_assess_zone_eventfds(sh, shm_zone->shm.log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    len = sizeof(" in assess zone \"\"") + shm_zone->shm.name.len;

    shpool->log_ctx = ngx_slab_alloc(shpool, len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in assess zone \"%V\"%Z",
                &shm_zone->shm.name);

    /* a full zone is no event: the oldest job is dropped */

    shpool->log_nomem = 0;

    return NGX_OK;
}


ngx_http_assess_shm_t *
ngx_http_assess_shm(ngx_shm_zone_t *zone, ngx_slab_pool_t **shpool)
{
    *shpool = (ngx_slab_pool_t *) zone->shm.addr;

    return (*shpool)->data;
}


/*
 * Made in the master, so that every worker of every later generation inherits
 * all of them and can wake any other by its number.
 */

static ngx_int_t
ngx_http_assess_zone_eventfds(ngx_http_assess_shm_t *sh, ngx_log_t *log)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_ASSESS_WORKERS; i++) {

        sh->workers[i].fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (sh->workers[i].fd == -1) {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno, "eventfd() failed");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_assess_zone_enter(ngx_shm_zone_t *zone)
{
    char                       id[ASSESS_UUID_LEN + 1];
    ngx_uint_t                 i;
    ngx_slab_pool_t           *shpool;
    ngx_http_assess_shm_t     *sh;
    ngx_http_assess_worker_t  *w;

    sh = ngx_http_assess_shm(zone, &shpool);

    if (assess_uuid(id) != 0) {
        return NGX_ERROR;
    }

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < NGX_HTTP_ASSESS_WORKERS; i++) {

        w = &sh->workers[i];

        if (w->pid == 0) {
            ngx_memcpy(w->id, id, sizeof(id));
            w->wants = 0;
            w->woken = 0;
            ngx_memzero(&w->tasks, sizeof(ngx_http_assess_tasks_t));
            ngx_memzero(&w->told, sizeof(ngx_http_assess_told_t));
            w->pid = (ngx_atomic_uint_t) ngx_pid;

            ngx_http_assess_worker = (ngx_int_t) i;
            break;
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return ngx_http_assess_worker;
}


ngx_uint_t
ngx_http_assess_zone_slot(ngx_shm_zone_t *zone)
{
    return (ngx_uint_t) ngx_http_assess_worker;
}


const char *
ngx_http_assess_zone_worker(ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t  *shpool;

    return ngx_http_assess_shm(zone, &shpool)->workers[
                                                  ngx_http_assess_worker].id;
}


const char *
ngx_http_assess_zone_instance(ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t  *shpool;

    return ngx_http_assess_shm(zone, &shpool)->instance;
}


/*
 * A process that is gone writes nothing any more.  One whose number was given
 * to another process meanwhile is not found: its leases run out.
 */

ngx_uint_t
ngx_http_assess_zone_dead(ngx_shm_zone_t *zone,
    char (*ids)[ASSESS_UUID_LEN + 1], ngx_uint_t max)
{
    ngx_pid_t                  pid;
    ngx_uint_t                 i, n;
    ngx_slab_pool_t           *shpool;
    ngx_http_assess_shm_t     *sh;
    ngx_http_assess_gate_t    *gate;
    ngx_http_assess_worker_t  *w;

    n = 0;
    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < NGX_HTTP_ASSESS_WORKERS && n < max; i++) {

        w = &sh->workers[i];
        pid = (ngx_pid_t) w->pid;

        if (pid == 0 || pid == ngx_pid
            || kill(pid, 0) != -1 || ngx_errno != NGX_ESRCH)
        {
            continue;
        }

        for (gate = sh->gates; gate; gate = gate->next) {
            assess_gate_forget(gate->gate, (int) i);
        }

        ngx_memcpy(ids[n++], w->id, sizeof(w->id));

        w->wants = 0;
        w->pid = 0;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return n;
}


ngx_http_assess_tasks_t *
ngx_http_assess_zone_tasks(ngx_shm_zone_t *zone, ngx_uint_t worker)
{
    ngx_slab_pool_t           *shpool;
    ngx_http_assess_worker_t  *w;

    w = &ngx_http_assess_shm(zone, &shpool)->workers[worker];

    return w->pid ? &w->tasks : NULL;
}


void *
ngx_http_assess_zone_gate(ngx_shm_zone_t *zone, const assess_str_t *name,
    assess_traffic_t **traffic)
{
    size_t                   size;
    ngx_slab_pool_t         *shpool;
    ngx_http_assess_shm_t   *sh;
    ngx_http_assess_gate_t  *gate;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    for (gate = sh->gates; gate; gate = gate->next) {
        if (gate->len == name->len
            && ngx_memcmp(gate->name, name->data, name->len) == 0)
        {
            goto done;
        }
    }

    size = ngx_align(sizeof(ngx_http_assess_gate_t) + name->len, 64);

    gate = ngx_http_assess_zone_alloc(sh, shpool, size + assess_gate_size());
    if (gate == NULL) {
        goto done;
    }

    ngx_memzero(&gate->traffic, sizeof(assess_traffic_t));

    gate->len = name->len;
    gate->gate = (u_char *) gate + size;
    ngx_memcpy(gate->name, name->data, name->len);

    if (assess_gate_init(gate->gate) != 0) {
        ngx_slab_free_locked(shpool, gate);
        gate = NULL;
        goto done;
    }

    gate->next = sh->gates;
    sh->gates = gate;

done:

    ngx_shmtx_unlock(&shpool->mutex);

    *traffic = gate ? &gate->traffic : NULL;

    return gate ? gate->gate : NULL;
}


void *
ngx_http_assess_zone_rates(ngx_shm_zone_t *zone)
{
    void                   *rates;
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    if (sh->rates == NULL) {

        rates = ngx_http_assess_zone_alloc(sh, shpool, assess_rates_size());

        if (rates && assess_rates_init(rates) != 0) {
            ngx_slab_free_locked(shpool, rates);
            rates = NULL;
        }

        sh->rates = rates;
    }

    rates = sh->rates;

    ngx_shmtx_unlock(&shpool->mutex);

    return rates;
}


ngx_fd_t
ngx_http_assess_zone_fd(ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t  *shpool;

    return ngx_http_assess_shm(zone, &shpool)->workers[
                                                  ngx_http_assess_worker].fd;
}


void
ngx_http_assess_zone_leave(ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    if (ngx_http_assess_worker == NGX_ERROR) {
        return;
    }

    sh = ngx_http_assess_shm(zone, &shpool);

    sh->workers[ngx_http_assess_worker].wants = 0;
    sh->workers[ngx_http_assess_worker].pid = 0;

    ngx_http_assess_worker = NGX_ERROR;
}


void
ngx_http_assess_zone_wants(ngx_shm_zone_t *zone, ngx_uint_t flags,
    ngx_uint_t on)
{
    ngx_slab_pool_t           *shpool;
    ngx_http_assess_worker_t  *w;

    if (ngx_http_assess_worker == NGX_ERROR) {
        return;
    }

    w = &ngx_http_assess_shm(zone, &shpool)->workers[ngx_http_assess_worker];

    if (on) {
        (void) __atomic_fetch_or(&w->wants, flags, __ATOMIC_SEQ_CST);

    } else {
        (void) __atomic_fetch_and(&w->wants, ~flags, __ATOMIC_SEQ_CST);
    }
}


ngx_uint_t
ngx_http_assess_zone_woken(ngx_shm_zone_t *zone)
{
    uint64_t                   count;
    ngx_slab_pool_t           *shpool;
    ngx_http_assess_worker_t  *w;

    w = &ngx_http_assess_shm(zone, &shpool)->workers[ngx_http_assess_worker];

    /* the counter first: a wake-up between the two is then not lost */

    while (read(w->fd, &count, sizeof(count)) == -1
           && ngx_errno == NGX_EINTR)
    {
        /* void */
    }

    return __atomic_exchange_n(&w->woken, 0, __ATOMIC_SEQ_CST);
}


void
ngx_http_assess_zone_wake(ngx_shm_zone_t *zone, ngx_uint_t flags)
{
    uint64_t                   one;
    ngx_uint_t                 i, want, before;
    ngx_slab_pool_t           *shpool;
    ngx_http_assess_shm_t     *sh;
    ngx_http_assess_worker_t  *w;

    one = 1;
    sh = ngx_http_assess_shm(zone, &shpool);

    for (i = 0; i < NGX_HTTP_ASSESS_WORKERS; i++) {

        w = &sh->workers[i];
        want = w->wants & flags;

        if (w->pid == 0 || want == 0) {
            continue;
        }

        before = __atomic_fetch_or(&w->woken, want, __ATOMIC_SEQ_CST);

        if ((before & want) == want) {
            continue;
        }

        /* it is full only when it is readable anyway */

        if (write(w->fd, &one, sizeof(one)) == -1
            && ngx_errno != NGX_EAGAIN)
        {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                          "write() to eventfd failed");
        }
    }
}


/* without an event two such changes cannot be put in their order */

static void
ngx_http_assess_zone_put(ngx_http_assess_shm_t *sh, ngx_slab_pool_t *shpool,
    const assess_change_t *change, const assess_buf_t *json)
{
    size_t  i, n;

    n = change->nevents;

    if (n == 0 || json->failed) {
        ngx_http_assess_jobs_stale(sh, change->job.job_id);

    } else {
        ngx_http_assess_jobs_set(sh, shpool, &change->job, json,
                                 (uint64_t) change->events[n - 1].event_id);
    }

    for (i = 0; i < n; i++) {
        ngx_http_assess_ring_add(sh, &change->events[i]);
    }
}


void
ngx_http_assess_zone_publish(ngx_shm_zone_t *zone,
    const assess_change_t **changes, ngx_uint_t n)
{
    ngx_uint_t              i, told;
    assess_buf_t           *json, one;
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    sh = ngx_http_assess_shm(zone, &shpool);

    json = n == 1 ? &one : malloc(n * sizeof(assess_buf_t));

    if (json == NULL) {
        for (i = 0; i < n; i++) {
            ngx_http_assess_zone_publish(zone, &changes[i], 1);
        }
        return;
    }

    told = 0;
    ngx_memzero(json, n * sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        if (changes[i]->nevents) {
            assess_job_json(&json[i], &changes[i]->job);
            told = 1;
        }
    }

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < n; i++) {
        ngx_http_assess_zone_put(sh, shpool, changes[i], &json[i]);
    }

    ngx_http_assess_ring_advance(sh);

    ngx_shmtx_unlock(&shpool->mutex);

    for (i = 0; i < n; i++) {
        assess_buf_free(&json[i]);
    }

    if (json != &one) {
        free(json);
    }

    if (told) {
        ngx_http_assess_zone_wake(zone, NGX_HTTP_ASSESS_WAKE_EVENTS);
    }
}


void
ngx_http_assess_zone_tell(ngx_shm_zone_t *zone, const assess_event_t *events,
    size_t n)
{
    size_t                  i;
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < n; i++) {
        ngx_http_assess_ring_add(sh, &events[i]);
    }

    ngx_http_assess_ring_advance(sh);

    ngx_shmtx_unlock(&shpool->mutex);

    ngx_http_assess_zone_wake(zone, NGX_HTTP_ASSESS_WAKE_EVENTS);
}
