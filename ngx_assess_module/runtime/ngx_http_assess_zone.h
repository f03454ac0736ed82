
/*
 * The shared zone: what every worker may know without asking the database.
 * Jobs as they are now, the latest events, and who wants to be woken.  It
 * survives a reload.  Everything here may run on any thread of a worker
 * process, unless it says otherwise; nothing blocks for longer than it takes
 * to copy a few kilobytes.
 */

#ifndef NGX_HTTP_ASSESS_ZONE_H
#define NGX_HTTP_ASSESS_ZONE_H


#include "../ngx_http_assess_module.h"

#include "store/assess_gauges.h"


#define NGX_HTTP_ASSESS_ZONE_MIN      (1024 * 1024)
#define NGX_HTTP_ASSESS_WORKERS       128


/* An event as a reader gets it: one allocation, all pointers into it. */
typedef struct {
    uint64_t        id;
    ngx_str_t       type;
    ngx_str_t       tenant;
    ngx_str_t       user;
    u_char         *job_id;          /* 36 bytes each */
    u_char         *document_id;
    u_char         *batch_id;        /* NULL: none */
    ngx_str_t       data;
} ngx_http_assess_event_t;


/*
 * How many CPU tasks a worker may have, and what that comes from, as of its last
 * look at the machine.  Only the worker writes it; each number is whole, whoever
 * reads it.  What is not known is negative.
 */
typedef struct {
    ngx_atomic_t    limit;           /* tasks at once, now */
    ngx_atomic_t    min;
    ngx_atomic_t    max;
    ngx_atomic_t    held;            /* of them, at work */
    ngx_atomic_t    why;             /* of the last that were taken away */
    ngx_atomic_t    lowered;         /* so often, since it began */
    ngx_atomic_t    raised;

    ngx_atomic_t    own;             /* cores in use, in thousandths */
    ngx_atomic_t    others;          /* their load, in thousandths */
    ngx_atomic_t    cpu;             /* pressure, in thousandths */
    ngx_atomic_t    memory;
    ngx_atomic_t    late;            /* microseconds, of the event loop */
} ngx_http_assess_tasks_t;


/*
 * What a worker tells of itself, about once a second.  Only the worker writes
 * it; each number is whole, whoever reads it.
 */
#define NGX_HTTP_ASSESS_POOL_JOBS     0
#define NGX_HTTP_ASSESS_POOL_STORE    1
#define NGX_HTTP_ASSESS_POOL_FETCH    2
#define NGX_HTTP_ASSESS_POOLS         3

typedef struct {
    ngx_atomic_t    threads;         /* that have had work so far */
    ngx_atomic_t    busy;
    ngx_atomic_t    waiting;         /* tasks that no thread has begun */
} ngx_http_assess_pool_use_t;

typedef struct {
    ngx_atomic_t    open;
    ngx_atomic_t    used;
    ngx_atomic_t    max;
} ngx_http_assess_db_use_t;

typedef struct {
    ngx_http_assess_pool_use_t  pools[NGX_HTTP_ASSESS_POOLS];
    ngx_http_assess_db_use_t    jobs;        /* connections of jobs */
    ngx_http_assess_db_use_t    calls;

    ngx_atomic_t    streams;         /* that are open */
    ngx_atomic_t    behind;          /* of them, that cannot take events now */
    ngx_atomic_t    lag;             /* events, of the last of them */
    ngx_atomic_t    documents;       /* bytes of the document cache */
} ngx_http_assess_told_t;


/* How the store was, when somebody looked. */
typedef struct {
    assess_gauges_t  gauges;
    int64_t          read_at;        /* monotonic, ms; 0: never */
    ngx_uint_t       failed;         /* the last look did */
} ngx_http_assess_seen_t;


/* Why a worker is woken. */
#define NGX_HTTP_ASSESS_WAKE_EVENTS   0x1
#define NGX_HTTP_ASSESS_WAKE_QUEUE    0x2
#define NGX_HTTP_ASSESS_WAKE_LEFT     0x4    /* jobs of a dead worker */


/* The directive's init callback; data of the zone is its main conf. */
ngx_int_t ngx_http_assess_zone_init(ngx_shm_zone_t *shm_zone, void *data);


/*
 * A worker's place in the zone: its number and the eventfd by which others
 * wake it; NGX_ERROR when there are too many workers.  Event loop only.
 */
ngx_int_t ngx_http_assess_zone_enter(ngx_shm_zone_t *zone);

/* That number again. */
ngx_uint_t ngx_http_assess_zone_slot(ngx_shm_zone_t *zone);

/* The id that this worker has got with its place, and that of all of them. */
const char *ngx_http_assess_zone_worker(ngx_shm_zone_t *zone);
const char *ngx_http_assess_zone_instance(ngx_shm_zone_t *zone);

/*
 * Clears the places of workers that died without leaving, and tells the id of
 * each to the caller alone, who has to see to what they left elsewhere.  At
 * most max; returns how many.
 */
ngx_uint_t ngx_http_assess_zone_dead(ngx_shm_zone_t *zone,
    char (*ids)[ASSESS_UUID_LEN + 1], ngx_uint_t max);

/*
 * The gate of a provider (assess_gate.h), which all workers share, and what is
 * counted of it; both NULL when the zone is full.
 */
void *ngx_http_assess_zone_gate(ngx_shm_zone_t *zone,
    const assess_str_t *name, assess_traffic_t **traffic);

/* What things take (assess_rates.h), which all workers share; or NULL. */
void *ngx_http_assess_zone_rates(ngx_shm_zone_t *zone);

/* ngx_http_assess_zone_metrics.c: what is counted of all of this nginx. */
assess_metrics_t *ngx_http_assess_zone_metrics(ngx_shm_zone_t *zone);

/* What a worker tells, by its number; NULL: there is no such worker. */
ngx_http_assess_told_t *ngx_http_assess_zone_told(ngx_shm_zone_t *zone,
    ngx_uint_t worker);

/*
 * How the store is: whether it is this worker that is to look, since none did
 * for interval; what it saw, NULL: nothing; and what was seen last.
 */
ngx_uint_t ngx_http_assess_zone_see(ngx_shm_zone_t *zone,
    ngx_msec_t interval);
void ngx_http_assess_zone_saw(ngx_shm_zone_t *zone,
    const assess_gauges_t *gauges);
void ngx_http_assess_zone_seen(ngx_shm_zone_t *zone,
    ngx_http_assess_seen_t *seen);

/* Somebody reads all this; and whether anybody did, within interval. */
void ngx_http_assess_zone_ask(ngx_shm_zone_t *zone);
ngx_uint_t ngx_http_assess_zone_asked(ngx_shm_zone_t *zone,
    ngx_msec_t interval);

/*
 * What a worker keeps there of its CPU tasks, by its number; NULL: there is no
 * such worker.  Numbers are less than NGX_HTTP_ASSESS_WORKERS.
 */
ngx_http_assess_tasks_t *ngx_http_assess_zone_tasks(ngx_shm_zone_t *zone,
    ngx_uint_t worker);

ngx_fd_t ngx_http_assess_zone_fd(ngx_shm_zone_t *zone);
void ngx_http_assess_zone_leave(ngx_shm_zone_t *zone);

/* Whether this worker has subscribers, and room for another job. */
void ngx_http_assess_zone_wants(ngx_shm_zone_t *zone, ngx_uint_t flags,
    ngx_uint_t on);

/* Why this worker was woken; clears it. */
ngx_uint_t ngx_http_assess_zone_woken(ngx_shm_zone_t *zone);

/* Wakes the workers that want it, this one too. */
void ngx_http_assess_zone_wake(ngx_shm_zone_t *zone, ngx_uint_t flags);


/*
 * Committed changes: the jobs and their events, then a wake-up.  Without an
 * event only what is known of a job is forgotten.
 */
void ngx_http_assess_zone_publish(ngx_shm_zone_t *zone,
    const assess_change_t **changes, ngx_uint_t n);

/* Committed events that are of no job alone. */
void ngx_http_assess_zone_tell(ngx_shm_zone_t *zone,
    const assess_event_t *events, size_t n);

/*
 * Events that were read from the log, which is complete up to upto: what is
 * missing below that does not exist.
 */
void ngx_http_assess_zone_fill(ngx_shm_zone_t *zone, uint64_t after,
    const assess_event_t *events, size_t n, uint64_t upto);

/*
 * Where the log stood when the zone was new.  Only the first call counts; the
 * zone is not in step with the log before it.
 */
void ngx_http_assess_zone_start(ngx_shm_zone_t *zone, uint64_t newest);

/*
 * The log is another one than the zone knows: it ends before what had come.
 * All that is known is forgotten.
 */
void ngx_http_assess_zone_restart(ngx_shm_zone_t *zone, uint64_t newest);

/*
 * frontier: all events up to it have come.  highest: some event has come
 * with this id; above the frontier there is a gap then.  0 before
 * ngx_http_assess_zone_start().
 */
void ngx_http_assess_zone_state(ngx_shm_zone_t *zone, uint64_t *frontier,
    uint64_t *highest);

/*
 * Whether it is this worker that is to look into the log: no worker did for
 * interval.  It counts as having looked then.
 */
ngx_uint_t ngx_http_assess_zone_look(ngx_shm_zone_t *zone,
    ngx_msec_t interval);

/*
 * The events above after, up to the frontier and to limit, at most max of them
 * and, from the second on, no more bytes, into events; their bytes are appended
 * to buf.  Advances *after past all that was seen.  NGX_DECLINED when what
 * follows after is not in the ring any more.
 */
ngx_int_t ngx_http_assess_zone_events(ngx_shm_zone_t *zone, uint64_t *after,
    uint64_t limit, ngx_http_assess_event_t *events, ngx_uint_t *n,
    ngx_uint_t max, size_t bytes, assess_buf_t *buf);

/*
 * Whether this event has come, and the one after it is in the ring or has not
 * come yet.
 */
ngx_uint_t ngx_http_assess_zone_follows(ngx_shm_zone_t *zone, uint64_t id);


/*
 * The Job of the API as it is now, appended to buf, if the zone knows it and
 * it is this tenant's; NGX_DECLINED otherwise.  placed, where it is not NULL:
 * the client asks for its place in the queue, too; it is 0 where the job has
 * one and the zone does not know it.
 */
ngx_int_t ngx_http_assess_zone_job(ngx_shm_zone_t *zone,
    const assess_str_t *tenant, const char *job_id, assess_status_e *status,
    ngx_uint_t *placed, assess_buf_t *buf);

/*
 * A job is about to be read from the database: gives the version with which
 * what was read is kept, unless it has changed meanwhile; 0 is never kept.
 * From then on the place of a queued one is kept up to date, for as long as it
 * is asked for once a minute.  When it turns out that there is no such job,
 * nothing is left of it.
 */
uint64_t ngx_http_assess_zone_reading(ngx_shm_zone_t *zone,
    const char *job_id);
void ngx_http_assess_zone_keep(ngx_shm_zone_t *zone, const assess_job_t *job,
    uint64_t version);
void ngx_http_assess_zone_unread(ngx_shm_zone_t *zone, const char *job_id);

/* A job that is gone. */
void ngx_http_assess_zone_forget(ngx_shm_zone_t *zone, const char *job_id);

/*
 * How many places are kept up to date; and whether it is this worker that is
 * to look them up now, since none did for interval: a round begins then.
 */
ngx_uint_t ngx_http_assess_zone_waits(ngx_shm_zone_t *zone);
ngx_uint_t ngx_http_assess_zone_walk(ngx_shm_zone_t *zone,
    ngx_msec_t interval);

/* Some of the jobs of this round, 0 after the last; and their places, from 1 */
ngx_uint_t ngx_http_assess_zone_waiting(ngx_shm_zone_t *zone,
    char (*ids)[ASSESS_UUID_LEN + 1], ngx_uint_t max);
void ngx_http_assess_zone_places(ngx_shm_zone_t *zone,
    char (*ids)[ASSESS_UUID_LEN + 1], const int *places, ngx_uint_t n);

/* Whether a running job is cancelled, as far as the zone knows. */
ngx_uint_t ngx_http_assess_zone_cancelled(ngx_shm_zone_t *zone,
    const char *job_id);


#endif /* NGX_HTTP_ASSESS_ZONE_H */
