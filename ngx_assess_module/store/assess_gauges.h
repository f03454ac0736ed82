
/*
 * How the store is, over all tenants, for whoever watches: one statement whose
 * cost grows with lanes, tenants and what is under way, and with no job.
 */

#ifndef ASSESS_GAUGES_H
#define ASSESS_GAUGES_H


#include "assess_batch.h"
#include "assess_job.h"


/* No pointer is in it: it may be kept in shared memory. */
typedef struct {
    int64_t   queued;                    /* jobs, as lanes count them */
    int64_t   running;
    int64_t   oldest_ms;                 /* the longest wait; 0: none waits */
    int64_t   jobs[ASSESS_STATUSES];     /* that are kept */
    int64_t   batches[ASSESS_BATCH_STATUSES];   /* with something to be done */
    int64_t   notices;                   /* not delivered, nor given up */
    int64_t   overdue_ms;                /* of these, the one due longest */
    int64_t   workers;                   /* that are alive */
    int64_t   instances;
    int64_t   events;                    /* ever written */
    int64_t   paused;                    /* the queue, by an operator */
} assess_gauges_t;


assess_err_e assess_gauges_read(assess_db_t *db, assess_gauges_t *gauges,
    assess_err_t *err);


#endif /* ASSESS_GAUGES_H */
