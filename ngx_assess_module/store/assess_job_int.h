
/* A job's row, and what every change of a job has in common. */

#ifndef ASSESS_JOB_INT_H
#define ASSESS_JOB_INT_H


#include "assess_db_int.h"
#include "assess_event_int.h"
#include "assess_job.h"
#include "assess_question_set_int.h"


/* Of the table under the alias j; what a statement adds comes behind. */
#define ASSESS_JOB_COLUMNS                                                   \
    " j.job_id, j.assessment_id, j.document_id, j.batch_id, j.tenant,"       \
    " j.user_name, j.status, j.stage, j.progress, j.total_batches,"          \
    " j.completed_batches, j.attempt, j.priority,"                           \
    " assess.ms(j.estimated_completion), j.input_tokens, j.output_tokens,"   \
    " j.cost, j.max_cost, j.error_code, j.error_message,"                    \
    " assess.ms(j.created_at), assess.ms(j.started_at),"                     \
    " assess.ms(j.completed_at), j.metadata, j.provider, j.lane,"            \
    " j.price_version, j.traceparent, assess.ms(clock_timestamp()) "

#define ASSESS_JOB_NOW    28
#define ASSESS_JOB_EXTRA  29


int assess_job_row(assess_arena_t *arena, const PGresult *res, int row,
    assess_job_t *job);

/* The row as it is; ASSESS_NOT_FOUND without one. */
assess_err_e assess_job_find(assess_conn_t *conn, assess_arena_t *arena,
    const assess_str_t *tenant, const char *job_id, assess_job_t *job,
    assess_err_t *err);

assess_err_e assess_job_unknown(assess_err_t *err);

/*
 * The event that tells how a job is now (ms).  step is for "queued" and
 * "progress"; the other types carry the Job.  -1 is out of memory.
 */
int assess_job_event(assess_arena_t *arena, const assess_job_t *job,
    const char *type, const char *step, int64_t now, assess_event_t *event);

/*
 * An event of "queued" or "progress" whose time is not known yet, how it ends
 * then, and its time: of the same length, so that nothing can fail any more.
 */
#define ASSESS_JOB_UNTIMED      1
#define ASSESS_JOB_UNTIMED_END  "\"timestamp\":\"1970-01-01T00:00:00.001Z\"}"

void assess_job_event_time(assess_event_t *event, int64_t now);

/* What is told of a job that was just taken. */
#define ASSESS_CLAIM_STEP  "Extracting text"

/* What an event says is one line of JSON. */
void assess_event_one_line(assess_str_t *data);

/* The job is lent, and has to last as long as the turn. */
void assess_job_turn(assess_turn_t *turn, const assess_job_t *job, int from,
    int to);

/*
 * Fills change with the row that a statement gave and with the event that
 * tells of it, writes that event, and commits.  from is the status that the job
 * had before.
 */
assess_err_e assess_job_commit(assess_conn_t *conn, assess_arena_t *arena,
    const PGresult *res, const char *type, const char *step, int from,
    assess_change_t *change, assess_err_t *err);

/* What a claim looked at, and what it gave; NULL: it asked for nothing */
typedef struct {
    PGresult        *res;
    assess_pick_t    picks[ASSESS_CLAIM_MAX];
    size_t           npicks;
    int              known;              /* from before: may be out of date */
} assess_claimed_t;

/*
 * What a write gives of each job: the place of its write, from 1, and whom its
 * end is told, if anybody.
 */
#define ASSESS_WORK_PLACE     ASSESS_JOB_EXTRA
#define ASSESS_WORK_CALLBACK  (ASSESS_JOB_EXTRA + 1)

/*
 * Notices of the jobs that have ended by these writes, within their
 * transaction; no statement where nobody wants any.  And of the one in the
 * first row, whose column col says whom.
 */
assess_err_e assess_job_notices(assess_conn_t *conn, assess_write_t **writes,
    size_t n, const PGresult *rows, assess_err_t *err);
assess_err_e assess_job_notice(assess_conn_t *conn, assess_arena_t *arena,
    const PGresult *res, int col, const assess_job_t *job,
    assess_change_t *change, assess_err_t *err);

/*
 * A claim within a transaction: who wants one, the statement, and what it gave,
 * with an event and a turn for each row.  Not ASSESS_OK: nothing may be kept.
 */
void assess_claim_begin(const assess_claim_t *claim, assess_taker_t **takers,
    size_t n);
assess_err_e assess_claim_ahead(assess_conn_t *conn,
    const assess_claim_t *claim, assess_taker_t **takers, size_t n, int fresh,
    assess_claimed_t *claimed, assess_err_t *err);
assess_err_e assess_claim_deal(assess_conn_t *conn, const PGresult *res,
    const assess_claim_t *claim, assess_taker_t **takers, size_t n,
    assess_event_t *events, assess_turn_t *turns, assess_err_t *err);


/*
 * Of starts whose jobs are run at once, which are those of which each has a
 * taker, all of one worker.  Their arguments, and what their runs need as far
 * as it is known before the statement; and the rest, when it was made, from the
 * row of the document, which begins at col.
 */
int assess_start_at_once(assess_starting_t **starts, size_t n);
assess_err_e assess_start_takers(assess_conn_t *conn, assess_args_t *args,
    assess_starting_t **starts, size_t n, const assess_set_name_t *sets,
    assess_err_t *err);
assess_err_e assess_start_taken(assess_starting_t *st, const PGresult *res,
    int col, assess_err_t *err);

/*
 * The same where the answer to the commit was lost, and the job was found to be
 * there.  Whoever has it now, if not this taker, has raised its fence.
 */
void assess_start_found(assess_conn_t *conn, assess_starting_t *st,
    const assess_job_t *job);

/*
 * Of starts, within their transaction: locks the keys of those that have one,
 * and looks what was made under them before.  Those that are settled by that go
 * behind the first *n, with their rc.  Not ASSESS_OK: the store has failed.
 */
assess_err_e assess_start_keys(assess_conn_t *conn, assess_starting_t **starts,
    size_t *n, assess_err_t *err);

/*
 * How many of them have a key; adds what is to be stored of these, if there are
 * any: tenants, keys, hashes, jobs.
 */
int assess_start_keyed(assess_starting_t **starts, size_t n,
    assess_args_t *args);

/* Settles one whose key is in use at this moment. */
void assess_start_under_way(assess_starting_t *st);

/*
 * Whether a start that failed may have been committed though no answer came.
 */
int assess_start_unknown(assess_conn_t *conn, int sent, assess_err_e rc);

/* Takes keys away that are older than a day. */
assess_err_e assess_start_sweep(assess_conn_t *conn, assess_err_t *err);


#endif /* ASSESS_JOB_INT_H */
