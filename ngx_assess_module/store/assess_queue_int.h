
/* The lanes as they are in the database. */

#ifndef ASSESS_QUEUE_INT_H
#define ASSESS_QUEUE_INT_H


#include "assess_db_int.h"
#include "assess_job.h"


/* Those in which a job waits or runs. */
assess_err_e assess_queue_read(assess_conn_t *conn, assess_arena_t *arena,
    assess_lanes_t *lanes, assess_err_t *err);

/*
 * Where the next n jobs are; picks has room for n.  *known is set when that was
 * known from before: it may have changed since.  With fresh it never is.  Where
 * there are limits, no other claim comes between this and the commit.  When that
 * is over, well or not, assess_queue_settled() is to be told.
 */
assess_err_e assess_queue_pick(assess_conn_t *conn,
    const assess_claim_t *claim, size_t n, int fresh, assess_pick_t *picks,
    size_t *npicks, int *known, assess_err_t *err);

/* They are committed, or will not be. */
void assess_queue_settled(assess_queue_t *queue, const assess_pick_t *picks,
    size_t npicks);

/*
 * Counts those of these lanes anew of which the count is wrong, which only
 * somebody's own hand can have made so: in a transaction, with the lock of the
 * event counter.  *mended is how many.
 */
assess_err_e assess_queue_mend(assess_conn_t *conn, const assess_pick_t *picks,
    size_t npicks, int64_t *mended, assess_err_t *err);


#endif /* ASSESS_QUEUE_INT_H */
