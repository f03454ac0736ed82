
#include "ngx_http_assess_zone.h"

#include <sys/eventfd.h>


/* a job as it is now; the tenant and the JSON follow the structure */

typedef struct {
    ngx_rbtree_node_t    node;           /* key: hash of the id */
    ngx_queue_t          queue;          /* latest change first */
    u_char               job_id[ASSESS_UUID_LEN];
    uint64_t             version;        /* id of the event it is from */
    assess_status_e      status;
    uint32_t             tenant_len;
    uint32_t             json_len;
    uint32_t             room;           /* of tenant and JSON */
    u_char               data[];
} ngx_http_assess_zone_job_t;


/* an event in the ring; the strings follow, in the order of their lengths */

typedef struct {
    uint32_t             type_len;
    uint32_t             tenant_len;
    uint32_t             user_len;
    uint32_t             data_len;
    uint32_t             user;           /* whether there is one */
    uint32_t             batch;          /* whether there is one */
    u_char               job_id[ASSESS_UUID_LEN];
    u_char               document_id[ASSESS_UUID_LEN];
    u_char               batch_id[ASSESS_UUID_LEN];
    u_char               data[];
} ngx_http_assess_record_t;


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
} ngx_http_assess_worker_t;


typedef struct {
    ngx_rbtree_t               rbtree;
    ngx_rbtree_node_t          sentinel;
    ngx_queue_t                jobs;

    uint64_t                   frontier;
    uint64_t                   highest;
    ngx_uint_t                 started;

    uint64_t                   written;  /* bytes, ever */
    size_t                     size;     /* of the ring */
    ngx_uint_t                 nslots;
    u_char                    *ring;
    ngx_http_assess_slot_t    *slots;

    ngx_http_assess_worker_t   workers[NGX_HTTP_ASSESS_WORKERS];
} ngx_http_assess_shm_t;


static ngx_http_assess_shm_t *ngx_http_assess_shm(ngx_shm_zone_t *zone,
    ngx_slab_pool_t **shpool);
static ngx_int_t ngx_http_assess_zone_layout(ngx_slab_pool_t *shpool,
    ngx_http_assess_shm_t *sh, size_t size);
static ngx_int_t ngx_http_assess_zone_eventfds(ngx_http_assess_shm_t *sh,
    ngx_log_t *log);
static void ngx_http_assess_zone_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_http_assess_zone_job_t *ngx_http_assess_zone_find(
    ngx_http_assess_shm_t *sh, const char *job_id);
static void ngx_http_assess_zone_drop(ngx_http_assess_shm_t *sh,
    ngx_slab_pool_t *shpool, ngx_http_assess_zone_job_t *zj);
static void ngx_http_assess_zone_set(ngx_http_assess_shm_t *sh,
    ngx_slab_pool_t *shpool, const assess_job_t *job,
    const assess_buf_t *json, uint64_t version);
static void ngx_http_assess_zone_append(ngx_http_assess_shm_t *sh,
    const assess_event_t *event);
static ngx_http_assess_slot_t *ngx_http_assess_zone_slot(
    ngx_http_assess_shm_t *sh, uint64_t id);
static void ngx_http_assess_zone_advance(ngx_http_assess_shm_t *sh);
static ngx_int_t ngx_http_assess_zone_copy(ngx_http_assess_record_t *rec,
    ngx_http_assess_event_t *ev, assess_buf_t *buf);
static void ngx_http_assess_zone_point(ngx_http_assess_event_t *ev,
    u_char *base, ngx_http_assess_record_t *rec);


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

    ngx_rbtree_init(&sh->rbtree, &sh->sentinel, ngx_http_assess_zone_insert);
    ngx_queue_init(&sh->jobs);

    if (ngx_http_assess_zone_layout(shpool, sh, shm_zone->shm.size) != NGX_OK
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


static ngx_http_assess_shm_t *
ngx_http_assess_shm(ngx_shm_zone_t *zone, ngx_slab_pool_t **shpool)
{
    *shpool = (ngx_slab_pool_t *) zone->shm.addr;

    return (*shpool)->data;
}


/* a quarter of the zone is for events, the rest for jobs */

static ngx_int_t
ngx_http_assess_zone_layout(ngx_slab_pool_t *shpool,
    ngx_http_assess_shm_t *sh, size_t size)
{
    sh->size = size / 4;

    for (sh->nslots = 256; sh->nslots * 512 < sh->size; sh->nslots *= 2) {
        /* void */
    }

    sh->ring = ngx_slab_alloc(shpool, sh->size);
    sh->slots = ngx_slab_calloc(shpool,
                                sh->nslots * sizeof(ngx_http_assess_slot_t));

    if (sh->ring == NULL || sh->slots == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
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
    ngx_pid_t                  pid;
    ngx_uint_t                 i;
    ngx_slab_pool_t           *shpool;
    ngx_http_assess_shm_t     *sh;
    ngx_http_assess_worker_t  *w;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0; i < NGX_HTTP_ASSESS_WORKERS; i++) {

        w = &sh->workers[i];
        pid = (ngx_pid_t) w->pid;

        /* the place of a worker that was killed is free too */

        if (pid == 0 || (kill(pid, 0) == -1 && ngx_errno == NGX_ESRCH)) {
            w->pid = (ngx_atomic_uint_t) ngx_pid;
            w->wants = 0;
            w->woken = 0;

            ngx_http_assess_worker = (ngx_int_t) i;
            break;
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    return ngx_http_assess_worker;
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


void
ngx_http_assess_zone_publish(ngx_shm_zone_t *zone,
    const assess_change_t *change)
{
    size_t                  i;
    assess_buf_t            json;
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    if (change->nevents == 0) {
        return;
    }

    ngx_memzero(&json, sizeof(assess_buf_t));
    assess_job_json(&json, &change->job);

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    if (!json.failed) {
        ngx_http_assess_zone_set(sh, shpool, &change->job, &json,
                      (uint64_t) change->events[change->nevents - 1].event_id);
    }

    for (i = 0; i < change->nevents; i++) {
        ngx_http_assess_zone_append(sh, &change->events[i]);
    }

    ngx_http_assess_zone_advance(sh);

    ngx_shmtx_unlock(&shpool->mutex);

    assess_buf_free(&json);

    ngx_http_assess_zone_wake(zone, NGX_HTTP_ASSESS_WAKE_EVENTS);
}


void
ngx_http_assess_zone_fill(ngx_shm_zone_t *zone, uint64_t after,
    const assess_event_t *events, size_t n, uint64_t upto)
{
    size_t                   i;
    uint64_t                 id;
    ngx_slab_pool_t         *shpool;
    ngx_http_assess_shm_t   *sh;
    ngx_http_assess_slot_t  *slot;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    for (i = 0, id = after + 1; id <= upto; id++) {

        while (i < n && (uint64_t) events[i].event_id < id) {
            i++;
        }

        if (i < n && (uint64_t) events[i].event_id == id) {
            ngx_http_assess_zone_append(sh, &events[i]);

        } else if (id > sh->frontier && id <= sh->frontier + sh->nslots) {

            slot = ngx_http_assess_zone_slot(sh, id);

            if (slot->id != id) {
                slot->id = id;
                slot->len = 0;
            }
        }

        if (id == sh->frontier + 1) {
            ngx_http_assess_zone_advance(sh);
        }
    }

    ngx_shmtx_unlock(&shpool->mutex);

    ngx_http_assess_zone_wake(zone, NGX_HTTP_ASSESS_WAKE_EVENTS);
}


void
ngx_http_assess_zone_start(ngx_shm_zone_t *zone, uint64_t newest)
{
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    if (!sh->started) {
        sh->frontier = newest;
        sh->started = 1;

        if (sh->highest < newest) {
            sh->highest = newest;
        }

        ngx_http_assess_zone_advance(sh);
    }

    ngx_shmtx_unlock(&shpool->mutex);
}


void
ngx_http_assess_zone_state(ngx_shm_zone_t *zone, uint64_t *frontier,
    uint64_t *highest)
{
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    *frontier = sh->frontier;
    *highest = sh->highest;

    ngx_shmtx_unlock(&shpool->mutex);
}


ngx_int_t
ngx_http_assess_zone_events(ngx_shm_zone_t *zone, uint64_t *after,
    ngx_http_assess_event_t *events, ngx_uint_t *n, ngx_uint_t max,
    assess_buf_t *buf)
{
    size_t                     start;
    u_char                    *base;
    uint64_t                   id;
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_slab_pool_t           *shpool;
    ngx_http_assess_shm_t     *sh;
    ngx_http_assess_slot_t    *slot;

    rc = NGX_OK;
    start = buf->len;
    *n = 0;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    for (id = *after + 1; id <= sh->frontier && *n < max; id++) {

        slot = ngx_http_assess_zone_slot(sh, id);

        if (slot->id != id
            || (slot->len && sh->written - slot->pos > sh->size))
        {
            rc = NGX_DECLINED;
            break;
        }

        if (slot->len) {

            /* the record's place in buf; pointers once it cannot move */

            events[*n].id = buf->len - start;

            if (ngx_http_assess_zone_copy((ngx_http_assess_record_t *)
                                          (sh->ring + slot->pos % sh->size),
                                          &events[*n], buf)
                != NGX_OK)
            {
                rc = NGX_ERROR;
                break;
            }

            events[*n].data.len = id;
            (*n)++;
        }

        *after = id;
    }

    ngx_shmtx_unlock(&shpool->mutex);

    for (i = 0; i < *n; i++) {
        base = (u_char *) buf->data + start + events[i].id;
        id = events[i].data.len;

        ngx_http_assess_zone_point(&events[i], base,
                                   (ngx_http_assess_record_t *) base);
        events[i].id = id;
    }

    return rc;
}


static ngx_int_t
ngx_http_assess_zone_copy(ngx_http_assess_record_t *rec,
    ngx_http_assess_event_t *ev, assess_buf_t *buf)
{
    size_t  len;

    len = sizeof(ngx_http_assess_record_t) + rec->type_len + rec->tenant_len
          + rec->user_len + rec->data_len;

    assess_buf_add(buf, rec, len);

    /* the next record is looked at in place */

    while (buf->len % sizeof(uint64_t)) {
        assess_buf_char(buf, '\0');
    }

    return buf->failed ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_assess_zone_point(ngx_http_assess_event_t *ev, u_char *base,
    ngx_http_assess_record_t *rec)
{
    u_char  *p;

    p = rec->data;

    ev->job_id = rec->job_id;
    ev->document_id = rec->document_id;
    ev->batch_id = rec->batch ? rec->batch_id : NULL;

    ev->type.len = rec->type_len;
    ev->type.data = p;
    p += rec->type_len;

    ev->tenant.len = rec->tenant_len;
    ev->tenant.data = p;
    p += rec->tenant_len;

    ev->user.len = rec->user_len;
    ev->user.data = rec->user ? p : NULL;
    p += rec->user_len;

    ev->data.len = rec->data_len;
    ev->data.data = p;
}


static ngx_http_assess_slot_t *
ngx_http_assess_zone_slot(ngx_http_assess_shm_t *sh, uint64_t id)
{
    return &sh->slots[id & (sh->nslots - 1)];
}


static void
ngx_http_assess_zone_advance(ngx_http_assess_shm_t *sh)
{
    if (!sh->started) {
        return;
    }

    while (ngx_http_assess_zone_slot(sh, sh->frontier + 1)->id
           == sh->frontier + 1)
    {
        sh->frontier++;
    }

    if (sh->highest < sh->frontier) {
        sh->highest = sh->frontier;
    }
}


/*
 * Events come in the order of their commits but for a race between two
 * threads; each has its slot by its id, so that the order does not matter.
 */

static void
ngx_http_assess_zone_append(ngx_http_assess_shm_t *sh,
    const assess_event_t *event)
{
    u_char                    *p;
    size_t                     len, left;
    uint64_t                   id;
    ngx_http_assess_slot_t    *slot;
    ngx_http_assess_record_t  *rec;

    id = (uint64_t) event->event_id;

    if (sh->highest < id) {
        sh->highest = id;
    }

    if (sh->started && (id <= sh->frontier || id > sh->frontier + sh->nslots))
    {
        return;
    }

    slot = ngx_http_assess_zone_slot(sh, id);

    if (slot->id == id) {
        return;
    }

    len = sizeof(ngx_http_assess_record_t) + event->type.len
          + event->tenant.len + event->user.len + event->data.len;
    len = ngx_align(len, sizeof(uint64_t));

    if (len > sh->size / 8) {

        /* to be read from the log: as if it had been overwritten */

        slot->id = id;
        slot->pos = 0;
        slot->len = len;
        sh->written = ngx_max(sh->written, sh->size + 1);
        return;
    }

    left = sh->size - sh->written % sh->size;

    if (left < len) {
        sh->written += left;
    }

    p = sh->ring + sh->written % sh->size;
    rec = (ngx_http_assess_record_t *) p;

    rec->type_len = event->type.len;
    rec->tenant_len = event->tenant.len;
    rec->user_len = event->user.data ? event->user.len : 0;
    rec->data_len = event->data.len;
    rec->user = event->user.data != NULL;
    rec->batch = event->batch_id[0] != '\0';

    ngx_memcpy(rec->job_id, event->job_id, ASSESS_UUID_LEN);
    ngx_memcpy(rec->document_id, event->document_id, ASSESS_UUID_LEN);
    ngx_memcpy(rec->batch_id, event->batch_id,
               rec->batch ? ASSESS_UUID_LEN : 1);

    p = ngx_cpymem(rec->data, event->type.data, rec->type_len);
    p = ngx_cpymem(p, event->tenant.data, rec->tenant_len);

    if (rec->user_len) {
        p = ngx_cpymem(p, event->user.data, rec->user_len);
    }

    ngx_memcpy(p, event->data.data, rec->data_len);

    slot->id = id;
    slot->pos = sh->written;
    slot->len = len;

    sh->written += len;
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

    zj = ngx_http_assess_zone_find(sh, job_id);

    if (zj && zj->tenant_len == tenant->len
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
    assess_buf_t            json;
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    ngx_memzero(&json, sizeof(assess_buf_t));
    assess_job_json(&json, job);

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    /* what was read may be older than what is there */

    if (!json.failed && ngx_http_assess_zone_find(sh, job->job_id) == NULL) {
        ngx_http_assess_zone_set(sh, shpool, job, &json, 0);
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

    zj = ngx_http_assess_zone_find(sh, job_id);
    if (zj) {
        ngx_http_assess_zone_drop(sh, shpool, zj);
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

    zj = ngx_http_assess_zone_find(sh, job_id);
    cancelled = zj && zj->status == ASSESS_JOB_CANCELLED;

    ngx_shmtx_unlock(&shpool->mutex);

    return cancelled;
}


static ngx_http_assess_zone_job_t *
ngx_http_assess_zone_find(ngx_http_assess_shm_t *sh, const char *job_id)
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
ngx_http_assess_zone_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
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
ngx_http_assess_zone_drop(ngx_http_assess_shm_t *sh, ngx_slab_pool_t *shpool,
    ngx_http_assess_zone_job_t *zj)
{
    ngx_queue_remove(&zj->queue);
    ngx_rbtree_delete(&sh->rbtree, &zj->node);
    ngx_slab_free_locked(shpool, zj);
}


static void
ngx_http_assess_zone_set(ngx_http_assess_shm_t *sh, ngx_slab_pool_t *shpool,
    const assess_job_t *job, const assess_buf_t *json, uint64_t version)
{
    size_t                       room;
    ngx_queue_t                 *q;
    ngx_http_assess_zone_job_t  *zj;

    room = job->tenant.len + json->len;

    zj = ngx_http_assess_zone_find(sh, job->job_id);

    if (zj && zj->version > version) {

        /* two threads changed it, and the later change came first */

        return;
    }

    if (zj && zj->room < room) {
        ngx_http_assess_zone_drop(sh, shpool, zj);
        zj = NULL;
    }

    while (zj == NULL) {

        /* the numbers in it grow a little as the job goes on */

        zj = ngx_slab_alloc_locked(shpool, sizeof(ngx_http_assess_zone_job_t)
                                           + room + 96);
        if (zj) {
            zj->room = room + 96;
            zj->node.key = ngx_crc32_short((u_char *) job->job_id,
                                           ASSESS_UUID_LEN);
            ngx_memcpy(zj->job_id, job->job_id, ASSESS_UUID_LEN);

            ngx_rbtree_insert(&sh->rbtree, &zj->node);
            ngx_queue_insert_head(&sh->jobs, &zj->queue);
            break;
        }

        if (ngx_queue_empty(&sh->jobs)) {
            return;
        }

        q = ngx_queue_last(&sh->jobs);
        ngx_http_assess_zone_drop(sh, shpool,
                  ngx_queue_data(q, ngx_http_assess_zone_job_t, queue));
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
