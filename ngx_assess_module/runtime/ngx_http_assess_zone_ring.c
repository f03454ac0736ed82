
/*
 * The ring of events.  An event has its slot by its id, and its bytes wherever
 * the ring was when it came; what is overwritten is read from the log.
 */

#include "ngx_http_assess_zone_int.h"


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


static ngx_http_assess_slot_t *ngx_http_assess_ring_slot(
    ngx_http_assess_shm_t *sh, uint64_t id);
static ngx_uint_t ngx_http_assess_ring_holds(ngx_http_assess_shm_t *sh,
    ngx_http_assess_slot_t *slot, uint64_t id);
static void ngx_http_assess_ring_take(ngx_http_assess_slot_t *slot,
    uint64_t id, uint64_t pos, uint64_t len);
static void ngx_http_assess_ring_write(ngx_http_assess_record_t *rec,
    const assess_event_t *event);
static ngx_int_t ngx_http_assess_ring_copy(ngx_http_assess_record_t *rec,
    assess_buf_t *buf);
static void ngx_http_assess_ring_point(ngx_http_assess_event_t *ev,
    u_char *base, ngx_http_assess_record_t *rec);


/* a quarter of the zone is for events, the rest for jobs */

ngx_int_t
ngx_http_assess_ring_init(ngx_http_assess_shm_t *sh, ngx_slab_pool_t *shpool,
    size_t size)
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

            /* its change was made elsewhere, or its maker is gone */

            if (id > sh->frontier
                && ngx_http_assess_ring_slot(sh, id)->id != id)
            {
                ngx_http_assess_jobs_changed(sh, &events[i]);
            }

            ngx_http_assess_ring_add(sh, &events[i]);

        } else if (id > sh->frontier && id <= sh->frontier + sh->nslots) {

            slot = ngx_http_assess_ring_slot(sh, id);

            if (slot->id != id) {
                ngx_http_assess_ring_take(slot, id, 0, 0);
            }
        }

        if (id == sh->frontier + 1) {
            ngx_http_assess_ring_advance(sh);
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

        ngx_http_assess_ring_advance(sh);
    }

    ngx_shmtx_unlock(&shpool->mutex);
}


void
ngx_http_assess_zone_restart(ngx_shm_zone_t *zone, uint64_t newest)
{
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    ngx_http_assess_jobs_clear(sh, shpool);

    ngx_memzero(sh->slots, sh->nslots * sizeof(ngx_http_assess_slot_t));

    sh->frontier = newest;
    sh->highest = newest;
    sh->started = 1;

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


ngx_uint_t
ngx_http_assess_zone_look(ngx_shm_zone_t *zone, ngx_msec_t interval)
{
    int64_t                 now, before;
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    sh = ngx_http_assess_shm(zone, &shpool);

    now = assess_mono_ms();
    before = __atomic_load_n(&sh->looked, __ATOMIC_SEQ_CST);

    return now - before >= (int64_t) interval
           && __atomic_compare_exchange_n(&sh->looked, &before, now, 0,
                                          __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST);
}


ngx_int_t
ngx_http_assess_zone_events(ngx_shm_zone_t *zone, uint64_t *after,
    uint64_t limit, ngx_http_assess_event_t *events, ngx_uint_t *n,
    ngx_uint_t max, size_t bytes, assess_buf_t *buf)
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

    limit = ngx_min(limit, sh->frontier);

    for (id = *after + 1; id <= limit && *n < max; id++) {

        slot = ngx_http_assess_ring_slot(sh, id);

        if (!ngx_http_assess_ring_holds(sh, slot, id)) {
            rc = NGX_DECLINED;
            break;
        }

        if (*n && slot->len > bytes - ngx_min(bytes, buf->len - start)) {
            break;
        }

        if (slot->len) {

            /* the record's place in buf; pointers once it cannot move */

            events[*n].id = buf->len - start;

            if (ngx_http_assess_ring_copy((ngx_http_assess_record_t *)
                                          (sh->ring + slot->pos % sh->size),
                                          buf)
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

        ngx_http_assess_ring_point(&events[i], base,
                                   (ngx_http_assess_record_t *) base);
        events[i].id = id;
    }

    return rc;
}


ngx_uint_t
ngx_http_assess_zone_follows(ngx_shm_zone_t *zone, uint64_t id)
{
    ngx_uint_t              follows;
    ngx_slab_pool_t        *shpool;
    ngx_http_assess_shm_t  *sh;

    sh = ngx_http_assess_shm(zone, &shpool);

    ngx_shmtx_lock(&shpool->mutex);

    follows = sh->started
              && (id == sh->frontier
                  || (id < sh->frontier
                      && ngx_http_assess_ring_holds(sh,
                             ngx_http_assess_ring_slot(sh, id + 1), id + 1)));

    ngx_shmtx_unlock(&shpool->mutex);

    return follows;
}


/* the slot is this event's, and its bytes are not overwritten */

static ngx_uint_t
ngx_http_assess_ring_holds(ngx_http_assess_shm_t *sh,
    ngx_http_assess_slot_t *slot, uint64_t id)
{
    return slot->id == id
           && (slot->len == 0 || sh->written - slot->pos <= sh->size);
}


static ngx_int_t
ngx_http_assess_ring_copy(ngx_http_assess_record_t *rec, assess_buf_t *buf)
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
ngx_http_assess_ring_point(ngx_http_assess_event_t *ev, u_char *base,
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
ngx_http_assess_ring_slot(ngx_http_assess_shm_t *sh, uint64_t id)
{
    return &sh->slots[id & (sh->nslots - 1)];
}


/*
 * A worker may be killed at any line of this: the id is last, so that a slot
 * which is half written counts as empty.
 */

static void
ngx_http_assess_ring_take(ngx_http_assess_slot_t *slot, uint64_t id,
    uint64_t pos, uint64_t len)
{
    __atomic_store_n(&slot->id, 0, __ATOMIC_SEQ_CST);

    slot->pos = pos;
    slot->len = len;

    __atomic_store_n(&slot->id, id, __ATOMIC_SEQ_CST);
}


void
ngx_http_assess_ring_advance(ngx_http_assess_shm_t *sh)
{
    if (!sh->started) {
        return;
    }

    while (ngx_http_assess_ring_slot(sh, sh->frontier + 1)->id
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

void
ngx_http_assess_ring_add(ngx_http_assess_shm_t *sh,
    const assess_event_t *event)
{
    size_t                   len, left;
    uint64_t                 id, pos;
    ngx_http_assess_slot_t  *slot;

    id = (uint64_t) event->event_id;

    if (sh->started && (id <= sh->frontier || id > sh->frontier + sh->nslots))
    {
        return;
    }

    if (sh->highest < id) {
        sh->highest = id;
    }

    slot = ngx_http_assess_ring_slot(sh, id);

    if (slot->id == id) {
        return;
    }

    len = sizeof(ngx_http_assess_record_t) + event->type.len
          + event->tenant.len + event->user.len + event->data.len;
    len = ngx_align(len, sizeof(uint64_t));

    if (len > sh->size / 8) {

        /* to be read from the log: as if it had been overwritten */

        sh->written = ngx_max(sh->written, sh->size + sizeof(uint64_t));
        ngx_http_assess_ring_take(slot, id, 0, len);
        return;
    }

    left = sh->size - sh->written % sh->size;

    if (left < len) {
        sh->written += left;
    }

    pos = sh->written;

    /*
     * First of all what is there counts as overwritten: the writer may be
     * killed before it is through.
     */

    __atomic_store_n(&sh->written, pos + len, __ATOMIC_SEQ_CST);

    ngx_http_assess_ring_write((ngx_http_assess_record_t *)
                               (sh->ring + pos % sh->size), event);

    ngx_http_assess_ring_take(slot, id, pos, len);
}


static void
ngx_http_assess_ring_write(ngx_http_assess_record_t *rec,
    const assess_event_t *event)
{
    u_char  *p;

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
}
