
/* The zone's numbers, for whoever watches. */

#include "ngx_http_assess_zone_int.h"


static ngx_uint_t ngx_http_assess_zone_first(int64_t *at, int64_t interval);


assess_metrics_t *
ngx_http_assess_zone_metrics(ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t  *shpool;

    return &ngx_http_assess_shm(zone, &shpool)->metrics;
}


ngx_http_assess_told_t *
ngx_http_assess_zone_told(ngx_shm_zone_t *zone, ngx_uint_t worker)
{
    ngx_slab_pool_t           *shpool;
    ngx_http_assess_worker_t  *w;

    w = &ngx_http_assess_shm(zone, &shpool)->workers[worker];

    return w->pid ? &w->told : NULL;
}


ngx_uint_t
ngx_http_assess_zone_see(ngx_shm_zone_t *zone, ngx_msec_t interval)
{
    ngx_slab_pool_t  *shpool;

    return ngx_http_assess_zone_first(
                              &ngx_http_assess_shm(zone, &shpool)->seeing,
                              (int64_t) interval);
}


/* whether nobody did for so long; it counts as done then */

static ngx_uint_t
ngx_http_assess_zone_first(int64_t *at, int64_t interval)
{
    int64_t  now, before;

    now = assess_mono_ms();
    before = __atomic_load_n(at, __ATOMIC_SEQ_CST);

    return (before == 0 || now - before >= interval)
           && __atomic_compare_exchange_n(at, &before, now, 0,
                                          __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST);
}


void
ngx_http_assess_zone_saw(ngx_shm_zone_t *zone, const assess_gauges_t *gauges)
{
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    sh->seen.failed = gauges == NULL;

    if (gauges) {
        sh->seen.gauges = *gauges;
        sh->seen.read_at = assess_mono_ms();
    }

    ngx_shmtx_unlock(&shpool->mutex);
}


void
ngx_http_assess_zone_seen(ngx_shm_zone_t *zone, ngx_http_assess_seen_t *seen)
{
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);
    *seen = sh->seen;
    ngx_shmtx_unlock(&shpool->mutex);
}


void
ngx_http_assess_zone_ask(ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t  *shpool;

    __atomic_store_n(&ngx_http_assess_shm(zone, &shpool)->asked,
                     assess_mono_ms(), __ATOMIC_SEQ_CST);
}


ngx_uint_t
ngx_http_assess_zone_asked(ngx_shm_zone_t *zone, ngx_msec_t interval)
{
    int64_t           asked;
    ngx_slab_pool_t  *shpool;

    asked = __atomic_load_n(&ngx_http_assess_shm(zone, &shpool)->asked,
                            __ATOMIC_SEQ_CST);

    return asked && assess_mono_ms() - asked < (int64_t) interval;
}
