
/* The jobs of the zone: those that changed last, as they are now. */

#include "ngx_http_assess_zone_int.h"


#define NGX_HTTP_ASSESS_JOBS_ROOM    96      /* the numbers in it grow */
#define NGX_HTTP_ASSESS_JOBS_WAIT    16384   /* whose places are followed */
#define NGX_HTTP_ASSESS_JOBS_ASKED   60000   /* ms; for so long after */
#define NGX_HTTP_ASSESS_JOBS_HOLD    64      /* under one lock */

/* so long after a cancellation, in ms, each run has asked for its own */
#define NGX_HTTP_ASSESS_JOBS_CANCELLED  60000

#define NGX_HTTP_ASSESS_JOBS_PLACE   ",\"queuePosition\":"


/* a job as it is now; the tenant and the JSON follow the structure */

typedef struct {
    ngx_rbtree_node_t    node;           /* key: hash of the id */
    ngx_queue_t          queue;          /* latest change first */
    ngx_queue_t          waits;          /* while its place is followed */
    u_char               job_id[ASSESS_UUID_LEN];
    uint64_t             version;        /* no event up to it is unknown */
    int64_t              asked;          /* assess_mono_ms(); 0: not followed */
    uint64_t             round;          /* of those that follow the places */
    assess_status_e      status;
    uint32_t             tenant_len;
    uint32_t             json_len;       /* 0: it changed, ask the store */
    uint32_t             room;           /* of tenant and JSON */
    u_char               data[];
} ngx_http_assess_zone_job_t;


static ngx_http_assess_zone_job_t *ngx_http_assess_jobs_find(
    ngx_http_assess_shm_t *sh, const char *job_id);
static void ngx_http_assess_jobs_status(ngx_http_assess_shm_t *sh,
    ngx_http_assess_zone_job_t *zj, assess_status_e status);
static void ngx_http_assess_jobs_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static void ngx_http_assess_jobs_drop(ngx_http_assess_shm_t *sh,
    ngx_slab_pool_t *shpool, ngx_http_assess_zone_job_t *zj);
static ngx_http_assess_zone_job_t *ngx_http_assess_jobs_add(
    ngx_http_assess_shm_t *sh, ngx_slab_pool_t *shpool, const char *job_id,
    size_t room);
static void ngx_http_assess_jobs_follow(ngx_http_assess_shm_t *sh,
    ngx_http_assess_zone_job_t *zj);
static void ngx_http_assess_jobs_unfollow(ngx_http_assess_shm_t *sh,
    ngx_http_assess_zone_job_t *zj);
static void ngx_http_assess_jobs_place(ngx_http_assess_zone_job_t *zj,
    int place);


void
ngx_http_assess_jobs_init(ngx_http_assess_shm_t *sh)
{
    ngx_rbtree_init(&sh->rbtree, &sh->sentinel, ngx_http_assess_jobs_insert);
    ngx_queue_init(&sh->jobs);
    ngx_queue_init(&sh->waits);
}


ngx_int_t
ngx_http_assess_zone_job(ngx_shm_zone_t *zone, const assess_str_t *tenant,
    const char *job_id, assess_status_e *status, ngx_uint_t *placed,
    assess_buf_t *buf)
{
    ngx_int_t                    rc;
    ngx_slab_pool_t             *shpool;
    ngx_http_assess_shm_t       *sh;
    ngx_http_assess_zone_job_t  *zj;

    rc = NGX_DECLINED;
    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    zj = ngx_http_assess_jobs_find(sh, job_id);

    if (zj && zj->json_len && zj->tenant_len == tenant->len
        && ngx_memcmp(zj->data, tenant->data, tenant->len) == 0)
    {
        *status = zj->status;
        assess_buf_add(buf, zj->data + zj->tenant_len, zj->json_len);
        rc = buf->failed ? NGX_ERROR : NGX_OK;

        if (placed) {
            *placed = zj->status != ASSESS_QUEUED || zj->asked;

            if (zj->asked) {
                zj->asked = assess_mono_ms();
            }
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return rc;
}


/*
 * A row that is read after this has in it all events up to the version, for
 * they are committed.  An empty entry, too, notices those that come after it.
 */

uint64_t
ngx_http_assess_zone_reading(ngx_shm_zone_t *zone, const char *job_id)
{
    uint64_t                     version;
    ngx_slab_pool_t             *shpool;
    ngx_http_assess_shm_t       *sh;
    ngx_http_assess_zone_job_t  *zj;

    version = 0;
    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    if (sh->started) {

        zj = ngx_http_assess_jobs_find(sh, job_id);

        if (zj == NULL) {
            zj = ngx_http_assess_jobs_add(sh, shpool, job_id, 0);
        }

        if (zj) {
            version = ngx_max(zj->version, sh->frontier);
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return version;
}


void
ngx_http_assess_zone_keep(ngx_shm_zone_t *zone, const assess_job_t *job,
    uint64_t version)
{
    assess_buf_t                 json;
    ngx_slab_pool_t             *shpool;
    ngx_http_assess_shm_t       *sh;
    ngx_http_assess_zone_job_t  *zj;

    if (version == 0) {
        return;
    }

    ngx_memzero(&json, sizeof(assess_buf_t));
    assess_job_json(&json, job);

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    /* without an entry nobody noticed what came since the row was read */

    zj = ngx_http_assess_jobs_find(sh, job->job_id);

    if (zj && zj->version <= version && !json.failed) {

        ngx_http_assess_jobs_set(sh, shpool, job, &json, version);

        if (job->status == ASSESS_QUEUED) {

            zj = ngx_http_assess_jobs_find(sh, job->job_id);

            if (zj) {
                ngx_http_assess_jobs_follow(sh, zj);
            }
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    assess_buf_free(&json);
}


void
ngx_http_assess_zone_unread(ngx_shm_zone_t *zone, const char *job_id)
{
    ngx_slab_pool_t             *shpool;
    ngx_http_assess_shm_t       *sh;
    ngx_http_assess_zone_job_t  *zj;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    zj = ngx_http_assess_jobs_find(sh, job_id);

    if (zj && zj->version == 0) {
        ngx_http_assess_jobs_drop(sh, shpool, zj);
    }

    ngx_shmtx_unlock(&shpool->mutex);
}


void
ngx_http_assess_zone_forget(ngx_shm_zone_t *zone, const char *job_id)
{
    ngx_slab_pool_t             *shpool;
    ngx_http_assess_shm_t       *sh;
    ngx_http_assess_zone_job_t  *zj;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    zj = ngx_http_assess_jobs_find(sh, job_id);
    if (zj) {
        ngx_http_assess_jobs_drop(sh, shpool, zj);
    }

    ngx_shmtx_unlock(&shpool->mutex);
}


ngx_uint_t
ngx_http_assess_zone_cancelled(ngx_shm_zone_t *zone, const char *job_id)
{
    int64_t                      last;
    ngx_uint_t                   cancelled;
    ngx_slab_pool_t             *shpool;
    ngx_http_assess_shm_t       *sh;
    ngx_http_assess_zone_job_t  *zj;

    sh = ngx_http_assess_shm(zone, &shpool);

    /* hundreds of jobs ask, many times a second: rarely is it any of them */

    last = __atomic_load_n(&sh->cancelled, __ATOMIC_RELAXED);

    if (last == 0
        || assess_mono_ms() - last > NGX_HTTP_ASSESS_JOBS_CANCELLED)
    {
        return 0;
    }

    ngx_shmtx_lock(&shpool->mutex);

    zj = ngx_http_assess_jobs_find(sh, job_id);
    cancelled = zj && zj->status == ASSESS_JOB_CANCELLED;

    ngx_shmtx_unlock(&shpool->mutex);

    return cancelled;
}


static void
ngx_http_assess_jobs_status(ngx_http_assess_shm_t *sh,
    ngx_http_assess_zone_job_t *zj, assess_status_e status)
{
    zj->status = status;

    if (status == ASSESS_JOB_CANCELLED) {
        __atomic_store_n(&sh->cancelled, assess_mono_ms(), __ATOMIC_RELAXED);
    }
}


/* the last twelve digits of an id are random, the others tell the time */

static ngx_uint_t
ngx_http_assess_jobs_hash(const char *job_id)
{
    return ngx_crc32_short((u_char *) job_id + ASSESS_UUID_LEN - 12, 12);
}


static ngx_http_assess_zone_job_t *
ngx_http_assess_jobs_find(ngx_http_assess_shm_t *sh, const char *job_id)
{
    ngx_int_t                    rc;
    ngx_uint_t                   hash;
    ngx_rbtree_node_t           *node, *sentinel;
    ngx_http_assess_zone_job_t  *zj;

    hash = ngx_http_assess_jobs_hash(job_id);

    node = sh->rbtree.root;
    sentinel = sh->rbtree.sentinel;

    while (node != sentinel) {

        if (hash != node->key) {
            node = hash < node->key ? node->left : node->right;
            continue;
        }

        zj = (ngx_http_assess_zone_job_t *) node;

        rc = ngx_memcmp(job_id, zj->job_id, ASSESS_UUID_LEN);

        if (rc == 0) {
            return zj;
        }

        node = rc < 0 ? node->left : node->right;
    }

    return NULL;
}


static void
ngx_http_assess_jobs_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t           **p;
    ngx_http_assess_zone_job_t   *a, *b;

    for ( ;; ) {

        if (node->key != temp->key) {
            p = node->key < temp->key ? &temp->left : &temp->right;

        } else {
            a = (ngx_http_assess_zone_job_t *) node;
            b = (ngx_http_assess_zone_job_t *) temp;

            p = ngx_memcmp(a->job_id, b->job_id, ASSESS_UUID_LEN) < 0
                ? &temp->left : &temp->right;
        }

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


static void
ngx_http_assess_jobs_drop(ngx_http_assess_shm_t *sh, ngx_slab_pool_t *shpool,
    ngx_http_assess_zone_job_t *zj)
{
    ngx_http_assess_jobs_unfollow(sh, zj);
    ngx_queue_remove(&zj->queue);
    ngx_rbtree_delete(&sh->rbtree, &zj->node);
    ngx_slab_free_locked(shpool, zj);
}


static ngx_http_assess_zone_job_t *
ngx_http_assess_jobs_add(ngx_http_assess_shm_t *sh, ngx_slab_pool_t *shpool,
    const char *job_id, size_t room)
{
    ngx_http_assess_zone_job_t  *zj;

    zj = ngx_http_assess_zone_alloc(sh, shpool,
                                    sizeof(ngx_http_assess_zone_job_t) + room);
    if (zj == NULL) {
        return NULL;
    }

    ngx_memzero(zj, sizeof(ngx_http_assess_zone_job_t));

    zj->room = room;
    zj->node.key = ngx_http_assess_jobs_hash(job_id);
    ngx_memcpy(zj->job_id, job_id, ASSESS_UUID_LEN);

    ngx_rbtree_insert(&sh->rbtree, &zj->node);
    ngx_queue_insert_head(&sh->jobs, &zj->queue);

    return zj;
}


void *
ngx_http_assess_zone_alloc(ngx_http_assess_shm_t *sh, ngx_slab_pool_t *shpool,
    size_t size)
{
    void         *p;
    ngx_queue_t  *q;

    for ( ;; ) {

        p = ngx_slab_alloc_locked(shpool, size);

        if (p || ngx_queue_empty(&sh->jobs)) {
            return p;
        }

        q = ngx_queue_last(&sh->jobs);
        ngx_http_assess_jobs_drop(sh, shpool,
                  ngx_queue_data(q, ngx_http_assess_zone_job_t, queue));
    }
}


void
ngx_http_assess_jobs_set(ngx_http_assess_shm_t *sh, ngx_slab_pool_t *shpool,
    const assess_job_t *job, const assess_buf_t *json, uint64_t version)
{
    size_t                       room;
    ngx_http_assess_zone_job_t  *zj;

    room = job->tenant.len + json->len;

    zj = ngx_http_assess_jobs_find(sh, job->job_id);

    if (zj && zj->version > version) {

        /* two threads changed it, and the later change came first */

        return;
    }

    if (zj && zj->room < room) {
        ngx_http_assess_jobs_drop(sh, shpool, zj);
        zj = NULL;
    }

    if (zj == NULL) {
        zj = ngx_http_assess_jobs_add(sh, shpool, job->job_id,
                                      room + NGX_HTTP_ASSESS_JOBS_ROOM);
        if (zj == NULL) {
            return;
        }
    }

    ngx_http_assess_jobs_unfollow(sh, zj);

    zj->version = version;
    ngx_http_assess_jobs_status(sh, zj, job->status);
    zj->tenant_len = job->tenant.len;
    zj->json_len = json->len;

    ngx_memcpy(zj->data, job->tenant.data, job->tenant.len);
    ngx_memcpy(zj->data + job->tenant.len, json->data, json->len);

    ngx_queue_remove(&zj->queue);
    ngx_queue_insert_head(&sh->jobs, &zj->queue);
}


void
ngx_http_assess_jobs_clear(ngx_http_assess_shm_t *sh, ngx_slab_pool_t *shpool)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&sh->jobs)) {
        q = ngx_queue_head(&sh->jobs);
        ngx_http_assess_jobs_drop(sh, shpool,
                  ngx_queue_data(q, ngx_http_assess_zone_job_t, queue));
    }
}


void
ngx_http_assess_jobs_changed(ngx_http_assess_shm_t *sh,
    const assess_event_t *event)
{
    ngx_http_assess_zone_job_t  *zj;

    zj = ngx_http_assess_jobs_find(sh, event->job_id);

    if (zj == NULL || zj->version >= (uint64_t) event->event_id) {
        return;
    }

    ngx_http_assess_jobs_unfollow(sh, zj);

    zj->version = (uint64_t) event->event_id;
    zj->json_len = 0;

    /* whoever runs it has to know that it was cancelled somewhere else */

    if (event->type.len == sizeof("cancelled") - 1
        && ngx_strncmp(event->type.data, "cancelled", event->type.len) == 0)
    {
        ngx_http_assess_jobs_status(sh, zj, ASSESS_JOB_CANCELLED);

    } else if (zj->status == ASSESS_JOB_CANCELLED) {
        ngx_http_assess_jobs_status(sh, zj, ASSESS_QUEUED);
    }
}


void
ngx_http_assess_jobs_stale(ngx_http_assess_shm_t *sh, const char *job_id)
{
    ngx_http_assess_zone_job_t  *zj;

    zj = ngx_http_assess_jobs_find(sh, job_id);

    if (zj) {
        ngx_http_assess_jobs_unfollow(sh, zj);
        zj->json_len = 0;
    }
}


/* The JSON has its place in the queue: it is kept up to date */

static void
ngx_http_assess_jobs_follow(ngx_http_assess_shm_t *sh,
    ngx_http_assess_zone_job_t *zj)
{
    if (zj->asked == 0 && sh->nwaits < NGX_HTTP_ASSESS_JOBS_WAIT) {
        zj->asked = assess_mono_ms();
        zj->round = sh->round;
        ngx_queue_insert_tail(&sh->waits, &zj->waits);
        sh->nwaits++;
    }
}


static void
ngx_http_assess_jobs_unfollow(ngx_http_assess_shm_t *sh,
    ngx_http_assess_zone_job_t *zj)
{
    if (zj->asked) {
        zj->asked = 0;
        ngx_queue_remove(&zj->waits);
        sh->nwaits--;
    }
}


ngx_uint_t
ngx_http_assess_zone_waits(ngx_shm_zone_t *zone)
{
    ngx_uint_t              n;
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);
    n = sh->nwaits;
    ngx_shmtx_unlock(&shpool->mutex);

    return n;
}


ngx_uint_t
ngx_http_assess_zone_walk(ngx_shm_zone_t *zone, ngx_msec_t interval)
{
    int64_t                 now;
    ngx_uint_t              due;
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    now = assess_mono_ms();
    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    due = now - sh->walked >= (int64_t) interval;

    if (due) {
        sh->walked = now;
        sh->round++;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return due;
}


/* what was taken in this round goes to the end of the line */

ngx_uint_t
ngx_http_assess_zone_waiting(ngx_shm_zone_t *zone,
    char (*ids)[ASSESS_UUID_LEN + 1], ngx_uint_t max)
{
    int64_t                      since;
    ngx_uint_t                   n, steps;
    ngx_queue_t                 *q;
    ngx_slab_pool_t             *shpool;
    ngx_http_assess_shm_t       *sh;
    ngx_http_assess_zone_job_t  *zj;

    n = 0;
    since = assess_mono_ms() - NGX_HTTP_ASSESS_JOBS_ASKED;
    sh = ngx_http_assess_shm(zone, &shpool);

    max = ngx_min(max, NGX_HTTP_ASSESS_JOBS_HOLD);

    ngx_shmtx_lock(&shpool->mutex);

    for (steps = 0; n < max && steps < NGX_HTTP_ASSESS_JOBS_WAIT; steps++) {

        if (ngx_queue_empty(&sh->waits)) {
            break;
        }

        q = ngx_queue_head(&sh->waits);
        zj = ngx_queue_data(q, ngx_http_assess_zone_job_t, waits);

        if (zj->asked < since) {
            ngx_http_assess_jobs_unfollow(sh, zj);
            continue;
        }

        if (zj->round == sh->round) {
            break;
        }

        zj->round = sh->round;
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&sh->waits, q);

        ngx_memcpy(ids[n], zj->job_id, ASSESS_UUID_LEN);
        ids[n++][ASSESS_UUID_LEN] = '\0';
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return n;
}


void
ngx_http_assess_zone_places(ngx_shm_zone_t *zone,
    char (*ids)[ASSESS_UUID_LEN + 1], const int *places, ngx_uint_t n)
{
    ngx_uint_t                   i, end;
    ngx_slab_pool_t             *shpool;
    ngx_http_assess_shm_t       *sh;
    ngx_http_assess_zone_job_t  *zj;

    sh = ngx_http_assess_shm(zone, &shpool);

    for (i = 0; i < n; /* void */) {

        end = ngx_min(n, i + NGX_HTTP_ASSESS_JOBS_HOLD);

        ngx_shmtx_lock(&shpool->mutex);

        for ( /* void */ ; i < end; i++) {

            zj = places[i] ? ngx_http_assess_jobs_find(sh, ids[i]) : NULL;

            if (zj && zj->asked) {
                ngx_http_assess_jobs_place(zj, places[i]);
            }
        }

        ngx_shmtx_unlock(&shpool->mutex);
    }
}


/* the number is put into the JSON, so that who reads it only copies */

static void
ngx_http_assess_jobs_place(ngx_http_assess_zone_job_t *zj, int place)
{
    size_t   len;
    u_char  *p, *end, *last, text[NGX_INT_T_LEN];

    p = zj->data + zj->tenant_len;
    last = p + zj->json_len;

    /* a string before it has its quotation marks escaped */

    p = memmem(p, zj->json_len, NGX_HTTP_ASSESS_JOBS_PLACE,
               sizeof(NGX_HTTP_ASSESS_JOBS_PLACE) - 1);
    if (p == NULL) {
        return;
    }

    p += sizeof(NGX_HTTP_ASSESS_JOBS_PLACE) - 1;
    end = ngx_strlchr(p, last, ',');
    len = (size_t) (ngx_sprintf(text, "%d", place) - text);

    if (end == NULL || zj->tenant_len + zj->json_len + len
                       > (size_t) zj->room + (size_t) (end - p))
    {
        return;
    }

    ngx_memmove(p + len, end, (size_t) (last - end));
    ngx_memcpy(p, text, len);

    zj->json_len += len - (size_t) (end - p);
}
