
/* A batch's row, and what every change of a batch has in common. */

#ifndef ASSESS_BATCH_INT_H
#define ASSESS_BATCH_INT_H


#include "assess_batch.h"
#include "assess_db_int.h"
#include "assess_event_int.h"


/* Of the table under the alias b; what a statement adds comes behind. */
#define ASSESS_BATCH_COLUMNS                                                 \
    " b.batch_id, b.tenant, b.user_name, b.status, b.total_documents,"       \
    " b.completed_documents, b.failed_documents, b.cancelled_documents,"     \
    " b.input_tokens, b.output_tokens, b.cost, b.estimated_cost, b.max_cost,"\
    " b.priority, assess.ms(b.estimated_completion),"                        \
    " assess.ms(b.created_at), assess.ms(b.started_at),"                     \
    " assess.ms(b.completed_at), b.metadata, b.callback_url,"                \
    " b.notify_email, (select q.question_count from assess.question_sets q"  \
    " where q.question_set_id = b.question_set_id),"                         \
    " b.retry_before is not null, b.estimate_quality,"                       \
    " assess.ms(b.estimated_earliest), assess.ms(b.estimated_latest) "

#define ASSESS_BATCH_EXTRA  26

/* None of its jobs is queued or runs, or will be. */
#define ASSESS_BATCH_OVER                                                    \
    "(b.completed_documents + b.failed_documents + b.cancelled_documents"    \
    " >= b.total_documents and b.retry_before is null)"

/* It is not yet told what it is. */
#define ASSESS_BATCH_UNTOLD                                                  \
    "(b.told <> b.changes or (b.completed_at is null and "                   \
    ASSESS_BATCH_OVER "))"

/* Between two tellings: no second has more than ten */
#define ASSESS_BATCH_EVERY  "interval '105 milliseconds'"


int assess_batch_row(assess_arena_t *arena, const PGresult *res, int row,
    assess_batch_t *batch);

/* The row as it is; ASSESS_NOT_FOUND without one. */
assess_err_e assess_batch_find(assess_conn_t *conn, assess_arena_t *arena,
    const assess_str_t *tenant, const char *batch_id, assess_batch_t *batch,
    assess_err_t *err);

assess_err_e assess_batch_unknown(assess_err_t *err);

/* The same as ASSESS_BATCH_OVER. */
int assess_batch_over(const assess_batch_t *batch);

/* The event that tells how it is now; -1 is out of memory. */
int assess_batch_event(assess_arena_t *arena, const assess_batch_t *batch,
    assess_event_t *event);

/*
 * Takes the lock of the event counter: before a batch's row is read to be
 * changed.  *value is that of the last event.
 */
assess_err_e assess_batch_lock(assess_conn_t *conn, int64_t *value,
    assess_err_t *err);

/*
 * All jobs of a batch have ended: in the transaction in which that is found.
 * Whoever wants to be told is told by what is written here.
 */
assess_err_e assess_batch_ended(assess_conn_t *conn,
    const assess_batch_t *batch, assess_err_t *err);


#endif /* ASSESS_BATCH_INT_H */
