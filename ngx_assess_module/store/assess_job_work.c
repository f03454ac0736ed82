
/* What a worker does with a job: claim it, save its steps, end it. */

#include "assess_answer_int.h"
#include "assess_document_int.h"
#include "assess_job_int.h"
#include "assess_question_set_int.h"

#include <string.h>


/*
 * The index assessment_jobs_claim is walked in its order: its condition is
 * repeated word for word, so that the planner finds it.  What others are
 * about to take is passed over.  The answers that are there already tell how
 * far an attempt before this one came.
 *
 * $4 is whether this client may take over what ran out; the server says so
 * for itself.  '-infinity', a worker that is gone, is always before.
 */

static const char  assess_claim_sql[] =
    "with next as (select c.job_id, c.status = 'processing'"
    " and c.lease_until > '-infinity' as ran_out"
    " from assess.assessment_jobs c"
    " where c.status in ('queued', 'processing')"
    " and ((c.status = 'queued' and not c.held)"
    " or c.lease_until <= case when $4::boolean"
    " and pg_postmaster_start_time() <= statement_timestamp()"
    " - $2::int * interval '1 millisecond'"
    " then statement_timestamp() else '-infinity' end)"
    " and c.provider <> all ($5::text[])"
    " order by c.priority desc, c.created_at, c.job_id"
    " limit 1 for update skip locked)"
    " update assess.assessment_jobs j set status = 'processing',"
    " stage = 'extracting', resumes = false,"
    " progress = case when j.resumes then j.progress else 0 end,"
    " attempt = j.attempt + (not j.resumes)::int,"
    " fence = j.fence + 1, lease_owner = $1::text, worker_id = $3::uuid,"
    " lost = j.lost + (j.status = 'processing')::int,"
    " lease_until = statement_timestamp()"
    " + $2::int * interval '1 millisecond',"
    " started_at = coalesce(j.started_at, now()),"
    " estimated_completion = null,"
    " completed_batches = greatest(0, case when j.resumes"
    " then j.completed_batches end, j.total_batches"
    " - ceil((s.question_count - (select count(*)"
    " from assess.assessment_answers a where a.job_id = j.job_id))::numeric"
    " / j.questions_per_batch)::int)"
    " from next, assess.question_sets s where j.job_id = next.job_id"
    " and s.tenant = j.tenant and s.question_set_id = j.question_set_id"
    " returning" ASSESS_JOB_COLUMNS
    ", j.fence, j.question_set_id, j.provider, j.model, j.lost, j.steps,"
    " next.ran_out";


/* What the worker needs besides the row */

static assess_err_e
assess_claim_work(assess_conn_t *conn, assess_arena_t *arena,
    const PGresult *res, assess_work_t *work, assess_err_t *err)
{
    char           set_id[ASSESS_UUID_LEN + 1];
    assess_err_e   rc;
    assess_job_t  *job;

    job = &work->job;

    if (assess_job_row(arena, res, 0, job) != 0
        || assess_col_str(arena, res, 0, ASSESS_JOB_EXTRA + 2,
                          &work->provider) != 0
        || assess_col_str(arena, res, 0, ASSESS_JOB_EXTRA + 3,
                          &work->model) != 0)
    {
        return assess_db_no_memory(err);
    }

    work->fence = assess_col_int(res, 0, ASSESS_JOB_EXTRA);
    work->lost = (int) assess_col_int(res, 0, ASSESS_JOB_EXTRA + 4);
    work->steps = assess_col_int(res, 0, ASSESS_JOB_EXTRA + 5);
    assess_col_id(res, 0, ASSESS_JOB_EXTRA + 1, set_id);

    rc = assess_question_set_by_id(conn, arena, &job->tenant, set_id,
                                   &work->set, err);

    if (rc == ASSESS_OK) {
        rc = assess_document_find(conn, arena, &job->tenant,
                                  job->document_id, &work->document, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_answers_known(conn, arena, &job->tenant, job->job_id,
                                  (size_t) work->set.question_count,
                                  &work->answered, err);
    }

    /* a job refers to both, by foreign keys */

    if (rc == ASSESS_NOT_FOUND) {
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "a job refers to what is not there");
    }

    return rc;
}


/* Whether those who have leases could renew them, as far as is known here */

static int
assess_claim_steady(assess_db_t *db, const assess_claim_t *claim)
{
    return assess_db_steady_ms(db) >= claim->lease_ms;
}


static void
assess_claim_args(assess_args_t *args, const assess_claim_t *claim, int may)
{
    size_t        i;
    assess_buf_t  avoid;

    memset(&avoid, 0, sizeof(assess_buf_t));

    for (i = 0; i < claim->navoid; i++) {
        assess_array_add(&avoid, &claim->avoid[i]);
    }

    assess_args_init(args);
    assess_arg_text(args, &claim->owner);
    assess_arg_int(args, claim->lease_ms);
    assess_arg_id(args, claim->worker_id);
    assess_arg_id(args, may ? "true" : "false");
    assess_arg_array(args, &avoid);
}


/* What the claim took, if it may keep it */

static assess_err_e
assess_claim_taken(assess_conn_t *conn, assess_arena_t *arena,
    const PGresult *res, const assess_claim_t *claim, assess_work_t *work,
    assess_change_t *change, assess_err_t *err)
{
    assess_err_e  rc;

    if (PQntuples(res) == 0) {
        return assess_fail(err, ASSESS_NOT_FOUND, NULL, "no job is waiting");
    }

    /* the server may have stood still since the begin: no lease was renewed */

    if (PQgetvalue(res, 0, ASSESS_JOB_EXTRA + 6)[0] == 't'
        && !assess_claim_steady(conn->db, claim))
    {
        return assess_fail(err, ASSESS_NOT_FOUND, NULL,
                           "no job is waiting yet");
    }

    rc = assess_claim_work(conn, arena, res, work, err);

    if (rc == ASSESS_OK) {
        rc = assess_job_commit(conn, arena, res, "progress",
                               "Extracting text", change, err);
    }

    return rc;
}


assess_err_e
assess_job_claim(assess_db_t *db, assess_arena_t *arena,
    const assess_claim_t *claim, assess_work_t *work, assess_change_t *change,
    assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    memset(work, 0, sizeof(assess_work_t));
    memset(change, 0, sizeof(assess_change_t));

    work->lease_ms = claim->lease_ms;

    if (assess_pstrdup(arena, &work->owner, claim->owner.data,
                       claim->owner.len) != 0)
    {
        return assess_db_no_memory(err);
    }

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_claim_args(&args, claim, assess_claim_steady(db, claim));

    res = assess_db_exec(conn, assess_claim_sql, &args, err);
    if (res == NULL) {
        rc = err->kind;
        goto done;
    }

    rc = assess_claim_taken(conn, arena, res, claim, work, change, err);

    PQclear(res);

done:

    assess_db_release(conn);

    return rc;
}


/*
 * Every change that a worker makes is for $1 tenant, $2 job, $3 fence and $4
 * owner: whoever has lost the lease finds no row.
 */

#define ASSESS_WORK_WHERE                                                    \
    " where j.tenant = $1 and j.job_id = $2 and j.fence = $3::bigint"        \
    " and j.lease_owner = $4::text and j.status = 'processing'"

#define ASSESS_WORK_RETURNING  " returning" ASSESS_JOB_COLUMNS


typedef enum {
    ASSESS_WORK_STEP = 0,
    ASSESS_WORK_END,
    ASSESS_WORK_RELEASE
} assess_work_change_e;


static void
assess_work_args(assess_args_t *args, const assess_work_t *work)
{
    assess_args_init(args);
    assess_arg_text(args, &work->job.tenant);
    assess_arg_id(args, work->job.job_id);
    assess_arg_int(args, work->fence);
    assess_arg_text(args, &work->owner);
}


static assess_err_e
assess_work_cancelled(assess_err_t *err)
{
    return assess_fail(err, ASSESS_CANCELLED, NULL, "the job was cancelled");
}


/*
 * Whether what found no row had been made before, its commit being in doubt.
 * The fence is still ours: of those who write a job, we alone can have brought
 * it there.
 */

static int
assess_work_made(const assess_work_t *work, assess_work_change_e what,
    const PGresult *res, const assess_job_t *job)
{
    switch (what) {

    case ASSESS_WORK_STEP:
        return assess_col_int(res, 0, ASSESS_JOB_EXTRA) == work->steps + 1;

    case ASSESS_WORK_END:
        return job->status == ASSESS_COMPLETED
               || job->status == ASSESS_JOB_FAILED
               || job->status == ASSESS_BUDGET_EXCEEDED;

    default:
        return job->status == ASSESS_QUEUED
               && PQgetvalue(res, 0, ASSESS_JOB_EXTRA + 1)[0] == 't';
    }
}


/*
 * No row was ours.  With our fence still on it the change had been made
 * before, or the job was cancelled (and perhaps queued again since), else
 * another has it or it is deleted.
 */

static assess_err_e
assess_work_refused(assess_conn_t *conn, assess_arena_t *arena,
    assess_work_t *work, assess_work_change_e what, assess_change_t *change,
    assess_err_t *err)
{
    int            made;
    PGresult      *res;
    assess_err_e   rc;
    assess_job_t   job;
    assess_args_t  args;

    assess_args_init(&args);
    assess_arg_text(&args, &work->job.tenant);
    assess_arg_id(&args, work->job.job_id);
    assess_arg_int(&args, work->fence);

    res = assess_db_exec(conn, "select" ASSESS_JOB_COLUMNS
                         ", j.steps, j.resumes from assess.assessment_jobs j"
                         " where j.tenant = $1 and j.job_id = $2"
                         " and j.fence = $3::bigint", &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = ASSESS_OK;

    if (PQntuples(res) == 0) {
        rc = assess_fail(err, ASSESS_LOST, NULL,
                         "the job's lease is another worker's");

    } else if (assess_job_row(arena, res, 0, &job) != 0) {
        rc = assess_db_no_memory(err);

    } else {
        made = assess_work_made(work, what, res, &job);

        if (made) {
            change->job = job;
            work->job = job;
            work->steps = assess_col_int(res, 0, ASSESS_JOB_EXTRA);
        }

        /* a step may have been made before or after the job was cancelled */

        if (job.status == ASSESS_JOB_CANCELLED
            || (job.status == ASSESS_QUEUED && !(made && what
                                                 == ASSESS_WORK_RELEASE)))
        {
            rc = assess_work_cancelled(err);

        } else if (!made) {
            rc = assess_fail(err, ASSESS_LOST, NULL, "the job has ended");
        }
    }

    PQclear(res);

    return rc;
}


assess_err_e
assess_job_renew(assess_db_t *db, assess_work_t *work, assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "with renewed as (update assess.assessment_jobs j set lease_until ="
        " statement_timestamp() + $5::int * interval '1 millisecond'"
        ASSESS_WORK_WHERE " returning 1)"
        " select exists (select from renewed), exists (select from"
        " assess.assessment_jobs c where c.tenant = $1 and c.job_id = $2"
        " and c.fence = $3::bigint and c.status in ('cancelled', 'queued'))";

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_work_args(&args, work);
    assess_arg_int(&args, work->lease_ms);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    if (PQgetvalue(res, 0, 0)[0] == 't') {
        rc = ASSESS_OK;

    } else if (PQgetvalue(res, 0, 1)[0] == 't') {
        rc = assess_work_cancelled(err);

    } else {
        rc = assess_fail(err, ASSESS_LOST, NULL,
                         "the job's lease is another worker's");
    }

    PQclear(res);

    return rc;
}


static int64_t
assess_step_count(int64_t n)
{
    return n > 0 ? n : 0;
}


/*
 * The answers of a step that came too late for its job: they are paid for, so
 * they and their price are kept.
 */

static assess_err_e
assess_step_late(assess_conn_t *conn, assess_arena_t *arena,
    assess_work_t *work, const assess_step_t *step, assess_change_t *change,
    assess_err_t *err)
{
    PGresult      *res;
    assess_err_e   rc;
    assess_args_t  args;

    static const char  sql[] =
        "update assess.assessment_jobs j"
        " set input_tokens = j.input_tokens + $4::bigint,"
        " output_tokens = j.output_tokens + $5::bigint,"
        " cost = j.cost + coalesce($6::numeric, 0), steps = j.steps + 1"
        " where j.tenant = $1 and j.job_id = $2 and j.fence = $3::bigint"
        " and j.status in ('cancelled', 'queued') and j.steps = $7::bigint"
        ASSESS_WORK_RETURNING;

    assess_args_init(&args);
    assess_arg_text(&args, &work->job.tenant);
    assess_arg_id(&args, work->job.job_id);
    assess_arg_int(&args, work->fence);
    assess_arg_int(&args, assess_step_count(step->input_tokens));
    assess_arg_int(&args, assess_step_count(step->output_tokens));
    assess_arg_money(&args, step->cost);
    assess_arg_int(&args, work->steps);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    if (PQntuples(res) == 0) {
        PQclear(res);
        return assess_work_refused(conn, arena, work, ASSESS_WORK_STEP,
                                   change, err);
    }

    rc = assess_answers_save(conn, &work->job.tenant, work->job.job_id,
                             step->answers, step->nanswers, err);

    if (rc == ASSESS_OK) {
        rc = assess_job_row(arena, res, 0, &change->job) == 0
             ? assess_db_commit(conn, err) : assess_db_no_memory(err);
    }

    PQclear(res);

    if (rc != ASSESS_OK) {
        return rc;
    }

    work->job = change->job;
    work->steps++;

    return assess_work_cancelled(err);
}


static PGresult *
assess_step_update(assess_conn_t *conn, const assess_work_t *work,
    const assess_step_t *step, assess_err_t *err)
{
    assess_args_t  args;

    static const char  sql[] =
        "update assess.assessment_jobs j"
        " set stage = coalesce($5::text, j.stage),"
        " progress = greatest(j.progress, least($6::int, 100)),"
        " total_batches = case when $7::int > 0"
        " then greatest($7::int, j.completed_batches)"
        " else j.total_batches end,"
        " completed_batches = least(greatest(j.completed_batches, $8::int),"
        " case when $7::int > 0 then greatest($7::int, j.completed_batches)"
        " else j.total_batches end),"
        " estimated_completion = coalesce('epoch'::timestamptz"
        " + $9::bigint * interval '1 millisecond', j.estimated_completion),"
        " input_tokens = j.input_tokens + $10::bigint,"
        " output_tokens = j.output_tokens + $11::bigint,"
        " cost = j.cost + coalesce($12::numeric, 0),"
        " lost = case when $13::int > 0 then 0 else j.lost end,"
        " lease_until = statement_timestamp()"
        " + $14::int * interval '1 millisecond', steps = j.steps + 1"
        ASSESS_WORK_WHERE " and j.steps = $15::bigint" ASSESS_WORK_RETURNING;

    assess_work_args(&args, work);
    assess_arg_id(&args, assess_stage_name(step->stage));
    assess_arg_int(&args, assess_step_count(step->progress));
    assess_arg_int(&args, step->total_batches);
    assess_arg_int(&args, step->completed_batches);

    if (step->estimated_completion > 0) {
        assess_arg_int(&args, step->estimated_completion);

    } else {
        assess_arg_null(&args);
    }

    assess_arg_int(&args, assess_step_count(step->input_tokens));
    assess_arg_int(&args, assess_step_count(step->output_tokens));
    assess_arg_money(&args, step->cost);
    assess_arg_int(&args, step->nanswers != 0);
    assess_arg_int(&args, work->lease_ms);
    assess_arg_int(&args, work->steps);

    return assess_db_exec(conn, sql, &args, err);
}


assess_err_e
assess_job_step(assess_db_t *db, assess_arena_t *arena, assess_work_t *work,
    const assess_step_t *step, assess_change_t *change, assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_conn_t  *conn;

    memset(change, 0, sizeof(assess_change_t));

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    res = assess_step_update(conn, work, step, err);
    if (res == NULL) {
        rc = err->kind;
        goto done;
    }

    if (PQntuples(res) == 0) {
        rc = assess_step_late(conn, arena, work, step, change, err);
        PQclear(res);
        goto done;
    }

    rc = assess_answers_save(conn, &work->job.tenant, work->job.job_id,
                             step->answers, step->nanswers, err);

    if (rc == ASSESS_OK) {
        rc = assess_job_commit(conn, arena, res, "progress",
                               step->step ? step->step : "", change, err);
    }

    if (rc == ASSESS_OK) {
        work->job = change->job;
        work->steps++;
    }

    PQclear(res);

done:

    assess_db_release(conn);

    return rc;
}


/* The end of a claim, whichever: reviewed and more are for the document */

static assess_err_e
assess_work_finish(assess_conn_t *conn, assess_arena_t *arena,
    assess_work_t *work, PGresult *res, const char *type, int more,
    int reviewed, assess_change_t *change, assess_err_t *err)
{
    assess_err_e  rc;

    if (PQntuples(res) == 0) {
        return assess_work_refused(conn, arena, work, more ? ASSESS_WORK_END
                                   : ASSESS_WORK_RELEASE, change, err);
    }

    rc = ASSESS_OK;

    if (more) {
        rc = assess_job_on_document(conn, &work->job.tenant,
                                    work->job.document_id, more, reviewed,
                                    err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_job_commit(conn, arena, res, type, "Queued", change,
                               err);
    }

    if (rc == ASSESS_OK) {
        work->job = change->job;
    }

    return rc;
}


assess_err_e
assess_job_end(assess_db_t *db, assess_arena_t *arena, assess_work_t *work,
    assess_status_e status, const char *code, const char *message,
    assess_change_t *change, assess_err_t *err)
{
    int             completed;
    PGresult       *res;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "update assess.assessment_jobs j set status = $5::text,"
        " stage = null, lease_owner = null, lease_until = null,"
        " worker_id = null, estimated_completion = null,"
        " completed_at = now(),"
        " progress = case when $6::boolean then 100 else j.progress end,"
        " completed_batches = case when $6::boolean then j.total_batches"
        " else j.completed_batches end,"
        " error_code = $7::text, error_message = $8::text"
        ASSESS_WORK_WHERE ASSESS_WORK_RETURNING;

    memset(change, 0, sizeof(assess_change_t));

    completed = status == ASSESS_COMPLETED;

    if (!completed && status != ASSESS_JOB_FAILED
        && status != ASSESS_BUDGET_EXCEEDED)
    {
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "a job cannot end like that");
    }

    if (status == ASSESS_JOB_FAILED && code == NULL) {
        code = "internal";
    }

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_work_args(&args, work);
    assess_arg_cstr(&args, assess_status_name(status));
    assess_arg_id(&args, completed ? "true" : "false");
    assess_arg_cstr(&args, completed ? NULL : code);
    assess_arg_cstr(&args, completed || code == NULL ? NULL : message);

    res = assess_db_exec(conn, sql, &args, err);

    if (res) {
        rc = assess_work_finish(conn, arena, work, res,
                                completed ? "complete" : "error", -1,
                                completed, change, err);
        PQclear(res);

    } else {
        rc = err->kind;
    }

    assess_db_release(conn);

    return rc;
}


assess_err_e
assess_job_release(assess_db_t *db, assess_arena_t *arena,
    assess_work_t *work, assess_change_t *change, assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "update assess.assessment_jobs j set status = 'queued',"
        " stage = null, lease_owner = null, lease_until = null,"
        " worker_id = null, resumes = true, estimated_completion = null"
        ASSESS_WORK_WHERE ASSESS_WORK_RETURNING;

    memset(change, 0, sizeof(assess_change_t));

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_work_args(&args, work);

    res = assess_db_exec(conn, sql, &args, err);

    if (res) {
        rc = assess_work_finish(conn, arena, work, res, "queued", 0, 0,
                                change, err);
        PQclear(res);

    } else {
        rc = err->kind;
    }

    assess_db_release(conn);

    return rc;
}
