
/* What the files of the zone share; its mutex guards all but the workers. */

#ifndef NGX_HTTP_ASSESS_ZONE_INT_H
#define NGX_HTTP_ASSESS_ZONE_INT_H


#include "ngx_http_assess_zone.h"


typedef struct {
    uint64_t             id;             /* 0: empty */
    uint64_t             pos;            /* all bytes ever written before */
    uint64_t             len;            /* 0: no such event */
} ngx_http_assess_slot_t;


typedef struct {
    ngx_atomic_t         pid;            /* 0: free */
    ngx_atomic_t         wants;
    ngx_atomic_t         woken;
    ngx_fd_t             fd;
    char                 id[ASSESS_UUID_LEN + 1];
    ngx_http_assess_tasks_t  tasks;
    ngx_http_assess_told_t   told;
} ngx_http_assess_worker_t;


/*
 * of a provider, by its name, which stands behind it, and the gate after that
 */

typedef struct ngx_http_assess_gate_s  ngx_http_assess_gate_t;

struct ngx_http_assess_gate_s {
    ngx_http_assess_gate_t  *next;
    void                    *gate;
    assess_traffic_t         traffic;
    size_t                   len;
    u_char                   name[1];
};


typedef struct {
    ngx_rbtree_t               rbtree;
    ngx_rbtree_node_t          sentinel;
    ngx_queue_t                jobs;
    int64_t                    cancelled;    /* one was, last; see looked */

    ngx_queue_t                waits;    /* jobs whose places are followed */
    ngx_uint_t                 nwaits;
    uint64_t                   round;    /* of looking the places up */
    int64_t                    walked;   /* when; monotonic, ms */

    uint64_t                   frontier;
    uint64_t                   highest;
    ngx_uint_t                 started;
    int64_t                    looked;   /* into the log; monotonic, ms */

    uint64_t                   written;  /* bytes, ever */
    size_t                     size;     /* of the ring */
    ngx_uint_t                 nslots;
    u_char                    *ring;
    ngx_http_assess_slot_t    *slots;

    char                       instance[ASSESS_UUID_LEN + 1];
    ngx_http_assess_gate_t    *gates;
    void                      *rates;    /* assess_rates.h */

    assess_metrics_t           metrics;
    ngx_http_assess_seen_t     seen;     /* of the store */
    int64_t                    seeing;   /* since; monotonic, ms */
    int64_t                    asked;    /* for all this, last; likewise */

    ngx_http_assess_worker_t   workers[NGX_HTTP_ASSESS_WORKERS];
} ngx_http_assess_shm_t;


ngx_http_assess_shm_t *ngx_http_assess_shm(ngx_shm_zone_t *zone,
    ngx_slab_pool_t **shpool);


/* ngx_http_assess_zone_ring.c; the mutex is held */

ngx_int_t ngx_http_assess_ring_init(ngx_http_assess_shm_t *sh,
    ngx_slab_pool_t *shpool, size_t size);
void ngx_http_assess_ring_add(ngx_http_assess_shm_t *sh,
    const assess_event_t *event);
void ngx_http_assess_ring_advance(ngx_http_assess_shm_t *sh);


/* ngx_http_assess_zone_jobs.c; the mutex is held */

void ngx_http_assess_jobs_init(ngx_http_assess_shm_t *sh);

/*
 * Memory of the zone, for which jobs make room, the least recently changed
 * first; NULL when there is none without them either.
 */
void *ngx_http_assess_zone_alloc(ngx_http_assess_shm_t *sh,
    ngx_slab_pool_t *shpool, size_t size);

/* The job as of the event version, unless a later one was there before. */
void ngx_http_assess_jobs_set(ngx_http_assess_shm_t *sh,
    ngx_slab_pool_t *shpool, const assess_job_t *job,
    const assess_buf_t *json, uint64_t version);

void ngx_http_assess_jobs_clear(ngx_http_assess_shm_t *sh,
    ngx_slab_pool_t *shpool);

/* The job has changed, and how is not known here. */
void ngx_http_assess_jobs_changed(ngx_http_assess_shm_t *sh,
    const assess_event_t *event);
void ngx_http_assess_jobs_stale(ngx_http_assess_shm_t *sh,
    const char *job_id);


#endif /* NGX_HTTP_ASSESS_ZONE_INT_H */
