
/* The cleaning of what has ended: jobs with all that hangs on them. */

#ifndef ASSESS_HISTORY_H
#define ASSESS_HISTORY_H


#include "assess_job.h"


/*
 * Deletes jobs that ended age_ms ago or before that, limit of them at most, of
 * all tenants: all ended ones (status is -1), or those of one status.  Their
 * answers and lines go with them; their documents stay, and so do jobs of a
 * batch that has not ended.  ids are theirs.
 */
assess_err_e assess_jobs_forget(assess_db_t *db, assess_arena_t *arena,
    int status, int64_t age_ms, int limit, char (**ids)[ASSESS_UUID_LEN + 1],
    size_t *n, assess_err_t *err);

/*
 * Deletes batches that ended so long ago and of which no job is left, limit of
 * them at most, with what was reserved for them; and the budgets of days long
 * past.  *n is how many batches that were.
 */
assess_err_e assess_batches_forget(assess_db_t *db, int64_t age_ms, int limit,
    int64_t *n, assess_err_t *err);


#endif /* ASSESS_HISTORY_H */
