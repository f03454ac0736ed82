
/* What people do to a job: cancel it, run it again. */

#include "assess_document_int.h"
#include "assess_job_int.h"
#include "assess_log_int.h"

#include <string.h>


/* The job under the name before, locked, while it is in one of the states */
#define ASSESS_CHANGE_OF(states)                                             \
    "with before as (select b.job_id, b.status from assess.assessment_jobs b"\
    " where b.tenant = $1 and b.job_id = $2 and b.status in (" states ")"    \
    " for update)"

/* behind the columns of the job; the second is null where it has not ended */
#define ASSESS_CHANGE_FROM      ASSESS_JOB_EXTRA
#define ASSESS_CHANGE_CALLBACK  (ASSESS_JOB_EXTRA + 1)


/*
 * Runs the update of one job of a tenant.  *res has its row, or none when the
 * job is unknown or not in a state for it.
 */

static assess_err_e
assess_change_update(assess_conn_t *conn, const char *sql,
    const assess_scope_t *scope, const char *job_id, PGresult **res,
    assess_err_t *err)
{
    assess_args_t  args;

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, job_id);

    *res = assess_db_exec(conn, sql, &args, err);

    return *res ? ASSESS_OK : err->kind;
}


/* The row is there: what follows, the event, and the end of it */

static assess_err_e
assess_change_commit(assess_conn_t *conn, assess_arena_t *arena,
    const PGresult *res, const char *type, const char *line,
    assess_change_t *change, assess_err_t *err)
{
    int                   from;
    assess_job_t          job;
    assess_on_document_t  on;

    if (assess_job_row(arena, res, 0, &job) != 0) {
        return assess_db_no_memory(err);
    }

    from = assess_status_by_name(PQgetvalue(res, 0, ASSESS_CHANGE_FROM),
                                 (size_t) PQgetlength(res, 0,
                                                      ASSESS_CHANGE_FROM));

    on.tenant = &job.tenant;
    on.document_id = job.document_id;

    if (assess_log_say(conn, job.job_id, ASSESS_LEVEL_INFO, line, err)
        != ASSESS_OK
        || (job.status == ASSESS_QUEUED
            && assess_documents_hold(conn, &on, 1, err) != ASSESS_OK)
        || assess_job_notice(conn, arena, res, ASSESS_CHANGE_CALLBACK, &job,
                             change, err) != ASSESS_OK)
    {
        return err->kind;
    }

    return assess_job_commit(conn, arena, res, type, "Queued", from, change,
                             err);
}


static assess_err_e
assess_change_begin(assess_db_t *db, const assess_scope_t *scope,
    const char *job_id, assess_change_t *change, assess_conn_t **conn,
    assess_err_t *err)
{
    memset(change, 0, sizeof(assess_change_t));

    if (!assess_uuid_valid(job_id, strlen(job_id))) {
        return assess_job_unknown(err);
    }

    if (assess_scope_check(scope, err) != ASSESS_OK) {
        return err->kind;
    }

    return assess_db_begin(db, conn, err);
}


/*
 * The fence stays: the worker that still runs it may save the answers it has
 * paid for, and by its status it can do nothing else.
 */

assess_err_e
assess_job_cancel(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *job_id, assess_change_t *change,
    int *changed, assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_conn_t  *conn;

    static const char  sql[] =
        ASSESS_CHANGE_OF("'queued', 'processing'")
        " update assess.assessment_jobs j set status = 'cancelled',"
        " stage = null, completed_at = now(), estimated_completion = null,"
        " lease_owner = null, lease_until = null, worker_id = null,"
        " told_at = now() from before where j.job_id = before.job_id"
        " returning" ASSESS_JOB_COLUMNS ", before.status, j.callback_url";

    *changed = 0;

    rc = assess_change_begin(db, scope, job_id, change, &conn, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    rc = assess_change_update(conn, sql, scope, job_id, &res, err);
    if (rc != ASSESS_OK) {
        goto done;
    }

    if (PQntuples(res)) {
        rc = assess_change_commit(conn, arena, res, "cancelled",
                                  "cancelled by a call", change, err);
        *changed = rc == ASSESS_OK;

    } else {
        rc = assess_job_find(conn, arena, &scope->tenant, job_id,
                             &change->job, err);
    }

    PQclear(res);

done:

    assess_db_release(conn);

    return rc;
}


static assess_err_e
assess_change_refused(const assess_job_t *job, assess_err_t *err)
{
    if (job->status == ASSESS_QUEUED || job->status == ASSESS_PROCESSING
        || job->status == ASSESS_COMPLETED)
    {
        return assess_fail(err, ASSESS_CONFLICT, NULL,
                           "the job is %s: only a failed, cancelled or"
                           " budget-stopped one is run again",
                           assess_status_name(job->status));
    }

    return assess_fail(err, ASSESS_CONFLICT, NULL,
                       "the batch of this job was stopped: run it again by"
                       " retry-failed of batch %s", job->batch_id);
}


assess_err_e
assess_job_retry(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *job_id, assess_change_t *change,
    assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_conn_t  *conn;

    /* what was stopped as a whole goes on as a whole */

    static const char  sql[] =
        ASSESS_CHANGE_OF("'failed', 'cancelled', 'budget_exceeded'")
        " update assess.assessment_jobs j set status = 'queued',"
        " lane = assess.lane(j.tenant, j.user_name, j.batch_id, j.priority,"
        " j.provider), progress = 0, lost = 0, resumes = false,"
        " completed_at = null,"
        " error_code = null, error_message = null, told_at = now()"
        " from before where j.job_id = before.job_id"
        " and not exists (select 1 from assess.batch_assessments t"
        " where t.batch_id = j.batch_id"
        " and t.status in ('cancelled', 'budget_exceeded'))"
        " returning" ASSESS_JOB_COLUMNS ", before.status, null";

    rc = assess_change_begin(db, scope, job_id, change, &conn, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    rc = assess_change_update(conn, sql, scope, job_id, &res, err);
    if (rc != ASSESS_OK) {
        goto done;
    }

    if (PQntuples(res)) {
        rc = assess_change_commit(conn, arena, res, "queued",
                                  "queued again by a call: what has no answer"
                                  " is asked", change, err);

    } else {
        rc = assess_job_find(conn, arena, &scope->tenant, job_id,
                             &change->job, err);

        if (rc == ASSESS_OK) {
            rc = assess_change_refused(&change->job, err);
        }
    }

    PQclear(res);

done:

    assess_db_release(conn);

    return rc;
}
