
/* The engine: one job, from the document to the last answer. */

#ifndef ASSESS_ENGINE_H
#define ASSESS_ENGINE_H


#include "assess_extract.h"
#include "assess_lru.h"
#include "assess_provider.h"
#include "assess_rates.h"
#include "assess_unreadable.h"
#include "../base/assess_gather.h"
#include "../base/assess_metrics.h"
#include "../store/assess_job.h"


/* What jobs share; of a process.  All of it outlives the jobs. */
typedef struct {
    assess_db_t             *db;
    assess_extract_conf_t    extract;
    const char              *temp_path;      /* for unlinked files */
    assess_provider_t      **providers;
    size_t                   nproviders;
    char                     worker_id[ASSESS_UUID_LEN + 1];
    int                      lease_ms;
    assess_lane_limits_t     limits;         /* of jobs that run at once */
    int64_t                  answers_ms;     /* kept answers; 0: none */
    volatile int             paused;         /* no run takes another job */
    assess_lru_t            *prepared;       /* see there; NULL: none */
    assess_cpu_t            *cpu;            /* around each piece of work */

    /* by engine_init(): what several jobs want of the store at a moment */
    assess_gather_t         *claims;
    assess_gather_t         *writes;
    assess_queue_t          *queue;          /* what claims know of it */
    int                      left;           /* see assess_engine_left() */

    assess_unreadable_t     *unreadable;     /* by engine_init(), too */
    struct assess_usages_s  *usages;         /* what is put on the bill */

    assess_rates_t          *rates;          /* shared, or its own */
    assess_metrics_t        *metrics;        /* what is counted; or NULL */
    int                      asking;         /* jobs that do, now; atomic */

    /* called on the thread of a job, for other jobs, too */
    void  (*publish)(void *ctx, const assess_change_t **changes, size_t n);

    /* the others on the job's own thread */
    int   (*cancelled)(void *ctx, const char *job_id);

    /* 0: go on; 1: start nothing new, hand back; 2: now */
    int   (*stopping)(void *ctx);

    /* of a tenant, dollars a day; negative: not limited.  NULL: nobody is */
    double (*budget)(void *ctx, const assess_str_t *tenant);

    void  (*log)(void *ctx, assess_err_e kind, const char *job_id,
        const char *message);
    void   *ctx;
} assess_engine_t;


/* What the engine has of its own; the rest is filled in.  -1: no memory. */
int assess_engine_init(assess_engine_t *engine);
void assess_engine_destroy(assess_engine_t *engine);

/*
 * Claims the next job and runs it to its end: completed, failed, cancelled,
 * or handed back because the process is stopping.  ASSESS_OK when a job was
 * claimed, whatever came of it; ASSESS_NOT_FOUND when there is none;
 * ASSESS_UNAVAILABLE when the store is away.
 *
 * The job's lease is under owner, a name used for no other run: it is to be
 * renewed while this runs, and never after.  A job that cannot be saved is
 * left to its lease, for whoever takes it over.
 */
assess_err_e assess_engine_run(assess_engine_t *engine,
    assess_client_t *client, const assess_str_t *owner, assess_err_t *err);

/*
 * The same with a job that is the taker's already, under a lease of the time
 * claimed (assess_mono_ms()).  Its arena is freed; owner has to last.
 */
void assess_engine_go_on(assess_engine_t *engine, assess_client_t *client,
    assess_taker_t *taker, int64_t claimed, assess_err_t *err);

/*
 * Whether a job for this provider may be run by whoever is free, without a look
 * at the queue: no pause, no limit of a tenant's jobs, and a provider that is
 * not known to be down.  Any thread.
 */
int assess_engine_may_begin(const assess_engine_t *engine,
    const assess_str_t *provider);

/*
 * Hands a job back that was not begun, without waiting for others; where the
 * store does not take it the lease has to run out.
 */
void assess_engine_hand_back(assess_engine_t *engine, assess_taker_t *taker);

/*
 * The next claim looks for jobs that were left by their worker, too.  To be said
 * now and then, and when one is known to be gone.  Any thread.
 */
void assess_engine_left(assess_engine_t *engine);

assess_provider_t *assess_engine_provider(const assess_engine_t *engine,
    const assess_str_t *name);


#endif /* ASSESS_ENGINE_H */
