
/* What follows for the jobs of a batch from what became of it: in slices. */

#include "assess_batch_int.h"
#include "assess_document_int.h"
#include "assess_job_int.h"
#include "assess_log_int.h"

#include <string.h>


/* jobs that are changed by one transaction */
#define ASSESS_BATCH_SLICE  256


/* What the state of a batch means for jobs in these states */
typedef struct {
    const char  *wanted;             /* of the batch */
    const char  *sql;
    const char  *type;               /* of the events */
    const char  *line;               /* of the logs */
    int          again;              /* they are to be run */
} assess_batch_slice_t;


/* Those of a batch were made at one time: this is the order of their ids, too */

#define ASSESS_SLICE_OF(states)                                              \
    "with before as (select b.job_id, b.status from assess.assessment_jobs b"\
    " where b.tenant = $2 and b.batch_id = $1 and b.status in (" states ")"  \
    " order by b.created_at, b.job_id limit $3::int for update skip locked)"

#define ASSESS_SLICE_ENDED(status, more)                                           \
    " update assess.assessment_jobs j set status = '" status "',"            \
    " stage = null, completed_at = now(), estimated_completion = null,"      \
    " lease_owner = null, lease_until = null, worker_id = null," more         \
    " told_at = now() from before where j.job_id = before.job_id"            \
    " returning" ASSESS_JOB_COLUMNS ", before.status"

static const assess_batch_slice_t  assess_batch_slices[] = {

    { "cancelled",
      ASSESS_SLICE_OF("'queued', 'processing'")
      ASSESS_SLICE_ENDED("cancelled", ""),
      "cancelled", "cancelled with its batch", 0 },

    /* what runs finds out by itself that there is no money */

    { "budget_exceeded",
      ASSESS_SLICE_OF("'queued'")
      ASSESS_SLICE_ENDED("budget_exceeded", " error_code = 'budget_exceeded',"
                         " error_message = 'the batch has no money left',"),
      "error", "stopped with its batch, which has no money left", 0 },

    { "retry",
      "with before as (select b.job_id, b.status from assess.assessment_jobs b"
      " where b.tenant = $2 and b.batch_id = $1"
      " and b.status in ('failed', 'cancelled', 'budget_exceeded')"
      " and b.completed_at <= (select r.retry_before"
      " from assess.batch_assessments r where r.batch_id = $1)"
      " order by b.created_at, b.job_id limit $3::int"
      " for update skip locked)"
      " update assess.assessment_jobs j set status = 'queued',"
      " lane = assess.lane(j.tenant, j.user_name, j.batch_id, j.priority,"
      " j.provider), progress = 0, lost = 0, resumes = false,"
      " completed_at = null, error_code = null, error_message = null,"
      " told_at = now() from before where j.job_id = before.job_id"
      " returning" ASSESS_JOB_COLUMNS ", before.status",
      "queued", "queued again with its batch: what has no answer is asked", 1 }
};

#define ASSESS_BATCH_SLICES                                                  \
    (sizeof(assess_batch_slices) / sizeof(assess_batch_slices[0]))


/* Which of them it is; NULL: none.  tenant is that of the batch */

static assess_err_e
assess_batch_slice_of(assess_conn_t *conn, assess_arena_t *arena,
    const char *batch_id, const assess_batch_slice_t **slice,
    assess_str_t *tenant, assess_err_t *err)
{
    size_t         i;
    PGresult      *res;
    assess_err_e   rc;
    assess_args_t  args;

    static const char  sql[] =
        "select tenant, case when retry_before is null then status"
        " else 'retry' end from assess.batch_assessments"
        " where batch_id = $1 and open";

    *slice = NULL;

    assess_args_init(&args);
    assess_arg_id(&args, batch_id);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = ASSESS_OK;

    for (i = 0; PQntuples(res) && i < ASSESS_BATCH_SLICES; i++) {
        if (strcmp(PQgetvalue(res, 0, 1), assess_batch_slices[i].wanted)
            == 0)
        {
            *slice = &assess_batch_slices[i];
        }
    }

    if (*slice && assess_col_str(arena, res, 0, 0, tenant) != 0) {
        rc = assess_db_no_memory(err);
    }

    PQclear(res);

    return rc;
}


/* The jobs as they are now, what tells of each, and what that means */

static assess_err_e
assess_batch_slice_rows(assess_arena_t *arena, const PGresult *res,
    const assess_batch_slice_t *slice, assess_change_t *changes,
    assess_event_t *events, assess_turn_t *turns,
    assess_on_document_t *documents, assess_err_t *err)
{
    int            i, from, n;
    assess_job_t  *job;

    n = PQntuples(res);

    for (i = 0; i < n; i++) {

        job = &changes[i].job;

        if (assess_job_row(arena, res, i, job) != 0
            || assess_job_event(arena, job, slice->type, "Queued",
                                assess_col_int(res, i, ASSESS_JOB_NOW),
                                &events[i]) != 0)
        {
            return assess_db_no_memory(err);
        }

        changes[i].events = &events[i];
        changes[i].nevents = 1;

        from = assess_status_by_name(PQgetvalue(res, i, ASSESS_JOB_EXTRA),
                                     (size_t) PQgetlength(res, i,
                                                          ASSESS_JOB_EXTRA));
        assess_job_turn(&turns[i], job, from, (int) job->status);

        documents[i].tenant = &job->tenant;
        documents[i].document_id = job->document_id;
    }

    return ASSESS_OK;
}


/* One line for each, and all by one statement */

static assess_err_e
assess_batch_slice_log(assess_conn_t *conn, assess_arena_t *arena,
    const assess_batch_slice_t *slice, const assess_change_t *changes,
    size_t n, assess_err_t *err)
{
    size_t            i;
    assess_buf_t      line;
    assess_str_t      text;
    assess_err_e      rc;
    assess_log_of_t  *list;

    memset(&line, 0, sizeof(assess_buf_t));
    assess_log_put(&line, ASSESS_LEVEL_INFO, "%s", slice->line);

    list = assess_palloc(arena, n * sizeof(assess_log_of_t));

    if (list == NULL || line.failed) {
        assess_buf_free(&line);
        return assess_db_no_memory(err);
    }

    text.data = line.data;
    text.len = line.len;

    for (i = 0; i < n; i++) {
        list[i].job_id = changes[i].job.job_id;
        list[i].text = &text;
    }

    rc = assess_log_save(conn, list, n, err);

    assess_buf_free(&line);

    return rc;
}


/*
 * Whether its state is still what the jobs were changed for: under the lock of
 * the counter, so that it stays so until the commit.
 */

static assess_err_e
assess_batch_slice_still(assess_conn_t *conn, assess_arena_t *arena,
    const char *batch_id, const assess_batch_slice_t *slice,
    assess_err_t *err)
{
    int64_t                      value;
    assess_str_t                 tenant;
    const assess_batch_slice_t  *now;

    if (assess_batch_lock(conn, &value, err) != ASSESS_OK
        || assess_batch_slice_of(conn, arena, batch_id, &now, &tenant, err)
           != ASSESS_OK)
    {
        return err->kind;
    }

    return now == slice ? ASSESS_OK
                        : assess_fail(err, ASSESS_CONFLICT, NULL,
                                      "the batch was changed meanwhile");
}


static assess_err_e
assess_batch_slice_write(assess_conn_t *conn, assess_arena_t *arena,
    const char *batch_id, const assess_batch_slice_t *slice,
    const PGresult *res, assess_change_t **changes, size_t *n,
    assess_err_t *err)
{
    size_t                 rows;
    assess_turn_t         *turns;
    assess_event_t        *events;
    assess_on_document_t  *documents;

    rows = (size_t) PQntuples(res);

    *changes = assess_pcalloc(arena, rows * sizeof(assess_change_t));
    events = assess_palloc(arena, rows * sizeof(assess_event_t));
    turns = assess_palloc(arena, rows * sizeof(assess_turn_t));
    documents = assess_palloc(arena, rows * sizeof(assess_on_document_t));

    if (*changes == NULL || events == NULL || turns == NULL
        || documents == NULL)
    {
        return assess_db_no_memory(err);
    }

    if (assess_batch_slice_rows(arena, res, slice, *changes, events, turns,
                                documents, err) != ASSESS_OK
        || assess_batch_slice_log(conn, arena, slice, *changes, rows, err)
           != ASSESS_OK
        || (slice->again
            && assess_documents_hold(conn, documents, rows, err) != ASSESS_OK)
        || assess_batch_slice_still(conn, arena, batch_id, slice, err)
           != ASSESS_OK
        || assess_events_commit(conn, events, rows, turns, rows, err)
           != ASSESS_OK)
    {
        return err->kind;
    }

    *n = rows;

    return ASSESS_OK;
}


/*
 * None is left to be queued again; unless somebody has one locked, which is
 * seen by the numbers of this very moment.
 */

static assess_err_e
assess_batch_retried(assess_conn_t *conn, const char *batch_id,
    assess_err_t *err)
{
    int64_t        value;
    assess_args_t  args;

    static const char  sql[] =
        "update assess.batch_assessments b set retry_before = null,"
        " changes = b.changes + 1 where b.batch_id = $1"
        " and b.retry_before is not null"
        " and not exists (select 1 from assess.assessment_jobs j"
        " where j.tenant = b.tenant and j.batch_id = b.batch_id"
        " and j.status in ('failed', 'cancelled', 'budget_exceeded')"
        " and j.completed_at <= b.retry_before)";

    if (assess_batch_lock(conn, &value, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_id(&args, batch_id);

    if (assess_db_later(conn, sql, &args, err) != ASSESS_OK) {
        return err->kind;
    }

    return assess_db_commit(conn, err);
}


static assess_err_e
assess_batch_slice_in(assess_conn_t *conn, assess_arena_t *arena,
    const char *batch_id, assess_change_t **changes, size_t *n,
    assess_err_t *err)
{
    PGresult                    *res;
    assess_err_e                 rc;
    assess_str_t                 tenant;
    assess_args_t                args;
    const assess_batch_slice_t  *slice;

    rc = assess_batch_slice_of(conn, arena, batch_id, &slice, &tenant, err);

    if (rc != ASSESS_OK || slice == NULL) {
        return rc;
    }

    assess_args_init(&args);
    assess_arg_id(&args, batch_id);
    assess_arg_text(&args, &tenant);
    assess_arg_int(&args, ASSESS_BATCH_SLICE);

    res = assess_db_exec(conn, slice->sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    if (PQntuples(res)) {
        rc = assess_batch_slice_write(conn, arena, batch_id, slice, res,
                                      changes, n, err);

    } else if (slice->again) {
        rc = assess_batch_retried(conn, batch_id, err);
    }

    PQclear(res);

    return rc;
}


assess_err_e
assess_batch_slice(assess_db_t *db, assess_arena_t *arena,
    const char *batch_id, assess_change_t **changes, size_t *n,
    assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    *n = 0;

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_batch_slice_in(conn, arena, batch_id, changes, n, err);

    assess_db_release(conn);

    if (rc == ASSESS_CONFLICT) {
        *n = 0;
        return ASSESS_OK;
    }

    return rc;
}
