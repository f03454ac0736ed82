
/* The jobs of the zone: those that changed last, as they are now. */

#include "ngx_http_assess_zone_int.h"


/* a job as it is now; the tenant and the JSON follow the structure */

typedef struct {
    ngx_rbtree_node_t    node;           /* key: hash of the id */
    ngx_queue_t          queue;          /* latest change first */
    u_char               job_id[ASSESS_UUID_LEN];
    uint64_t             version;        /* id of the event it is from */
    assess_status_e      status;
    uint32_t             tenant_len;
    uint32_t             json_len;       /* 0: it changed, ask the store */
    uint32_t             room;           /* of tenant and JSON */
    u_char               data[];
} ngx_http_assess_zone_job_t;


static ngx_http_assess_zone_job_t *ngx_http_assess_jobs_find(
    ngx_http_assess_shm_t *sh, const char *job_id);
static void ngx_http_assess_jobs_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static void ngx_http_assess_jobs_drop(ngx_http_assess_shm_t *sh,
    ngx_slab_pool_t *shpool, ngx_http_assess_zone_job_t *zj);


void
ngx_http_assess_jobs_init(ngx_http_assess_shm_t *sh)
{
    ngx_rbtree_init(&sh->rbtree, &sh->sentinel, ngx_http_assess_jobs_insert);
    ngx_queue_init(&sh->jobs);
}


ngx_int_t
ngx_http_assess_zone_job(ngx_shm_zone_t *zone, const assess_str_t *tenant,
    const char *job_id, assess_status_e *status, assess_buf_t *buf)
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
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return rc;
}


void
ngx_http_assess_zone_keep(ngx_shm_zone_t *zone, const assess_job_t *job)
{
    assess_buf_t                 json;
    ngx_slab_pool_t             *shpool;
    ngx_http_assess_shm_t       *sh;
    ngx_http_assess_zone_job_t  *zj;

    /*
     * What was read may be overtaken by a change that is not known here, of
     * another instance; one that has ended does not change by itself.
     */

    if (job->status == ASSESS_QUEUED || job->status == ASSESS_PROCESSING) {
        return;
    }

    ngx_memzero(&json, sizeof(assess_buf_t));
    assess_job_json(&json, job);

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    zj = ngx_http_assess_jobs_find(sh, job->job_id);

    if (!json.failed && (zj == NULL || zj->json_len == 0)) {
        ngx_http_assess_jobs_set(sh, shpool, job, &json,
                                 zj ? zj->version : 0);
    }

    ngx_shmtx_unlock(&shpool->mutex);

    assess_buf_free(&json);
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
    ngx_uint_t                   cancelled;
    ngx_slab_pool_t             *shpool;
    ngx_http_assess_shm_t       *sh;
    ngx_http_assess_zone_job_t  *zj;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    zj = ngx_http_assess_jobs_find(sh, job_id);
    cancelled = zj && zj->status == ASSESS_JOB_CANCELLED;

    ngx_shmtx_unlock(&shpool->mutex);

    return cancelled;
}


static ngx_http_assess_zone_job_t *
ngx_http_assess_jobs_find(ngx_http_assess_shm_t *sh, const char *job_id)
{
    ngx_int_t                    rc;
    ngx_uint_t                   hash;
    ngx_rbtree_node_t           *node, *sentinel;
    ngx_http_assess_zone_job_t  *zj;

    hash = ngx_crc32_short((u_char *) job_id, ASSESS_UUID_LEN);

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
    ngx_queue_remove(&zj->queue);
    ngx_rbtree_delete(&sh->rbtree, &zj->node);
    ngx_slab_free_locked(shpool, zj);
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

        /* the numbers in it grow a little as the job goes on */

        zj = ngx_http_assess_zone_alloc(sh, shpool,
                           sizeof(ngx_http_assess_zone_job_t) + room + 96);
        if (zj == NULL) {
            return;
        }

        zj->room = room + 96;
        zj->node.key = ngx_crc32_short((u_char *) job->job_id,
                                       ASSESS_UUID_LEN);
        ngx_memcpy(zj->job_id, job->job_id, ASSESS_UUID_LEN);

        ngx_rbtree_insert(&sh->rbtree, &zj->node);
        ngx_queue_insert_head(&sh->jobs, &zj->queue);
    }

    zj->version = version;
    zj->status = job->status;
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

    zj->version = (uint64_t) event->event_id;
    zj->json_len = 0;

    /* whoever runs it has to know that it was cancelled somewhere else */

    if (event->type.len == sizeof("cancelled") - 1
        && ngx_strncmp(event->type.data, "cancelled", event->type.len) == 0)
    {
        zj->status = ASSESS_JOB_CANCELLED;

    } else if (zj->status == ASSESS_JOB_CANCELLED) {
        zj->status = ASSESS_QUEUED;
    }
}


void
ngx_http_assess_jobs_stale(ngx_http_assess_shm_t *sh, const char *job_id)
{
    ngx_http_assess_zone_job_t  *zj;

    zj = ngx_http_assess_jobs_find(sh, job_id);

    if (zj) {
        zj->json_len = 0;
    }
}
