
/*
 * Limits of what is spent, of a job, of its batch, and of its tenant on a day.
 * The most that a request can cost is reserved before it is sent, and settled
 * in the transaction that saves what came of it (assess_jobs_write()): so the
 * limit holds, whoever else spends, on whatever machine.
 */

#ifndef ASSESS_BUDGET_H
#define ASSESS_BUDGET_H


#include "assess_job.h"


typedef enum {
    ASSESS_BUDGET_FITS = 0,
    ASSESS_BUDGET_WAIT,              /* others have reserved what is left */
    ASSESS_BUDGET_OF_JOB,            /* exceeded: its limit */
    ASSESS_BUDGET_OF_BATCH,
    ASSESS_BUDGET_OF_DAY,
    ASSESS_BUDGET_LOST               /* the job is not this run's any more */
} assess_budget_e;


/*
 * Reserves as many of n amounts of dollars as fit, from the first on; *fits is
 * 0 where budget says why.  max_day is negative where there is no such limit;
 * those of the job and of its batch are in work, which knows from then on what
 * is to be settled.  An error: nobody knows whether it was reserved, and what
 * was, stays so.
 */
assess_err_e assess_budget_reserve(assess_db_t *db, assess_work_t *work,
    double max_day, const double *amounts, size_t n, size_t *fits,
    assess_budget_e *budget, assess_err_t *err);


#endif /* ASSESS_BUDGET_H */
