
/*
 * What runs have to say of their jobs: steps, ends, releases, of as many jobs
 * as there are in one transaction.
 */

#include "assess_answer_int.h"
#include "assess_budget_int.h"
#include "assess_document_int.h"
#include "assess_job_int.h"
#include "assess_log_int.h"
#include "assess_queue_int.h"
#include "assess_sum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static assess_err_e
assess_work_cancelled(assess_err_t *err)
{
    return assess_fail(err, ASSESS_CANCELLED, NULL, "the job was cancelled");
}


static assess_err_e
assess_work_lost(assess_err_t *err)
{
    return assess_fail(err, ASSESS_LOST, NULL,
                       "the job's lease is another worker's");
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
        " where j.tenant = $1 and j.job_id = $2 and j.fence = $3::bigint"
        " and j.lease_owner = $4::text and j.status = 'processing'"
        " returning 1)"
        " select exists (select from renewed), exists (select from"
        " assess.assessment_jobs c where c.tenant = $1 and c.job_id = $2"
        " and c.fence = $3::bigint and c.status in ('cancelled', 'queued'))";

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &work->job.tenant);
    assess_arg_id(&args, work->job.job_id);
    assess_arg_int(&args, work->fence);
    assess_arg_text(&args, &work->owner);
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
        rc = assess_work_lost(err);
    }

    PQclear(res);

    return rc;
}


/*
 * Whether what found no row had been made before, its commit being in doubt.
 * The fence is still ours: of those who write a job, we alone can have brought
 * it there.
 */

static int
assess_work_made(const assess_write_t *w, const PGresult *res,
    const assess_job_t *job)
{
    if (w->nsteps) {
        return assess_col_int(res, 0, ASSESS_JOB_EXTRA) == w->work->steps + 1;
    }

    if (w->what == ASSESS_WRITE_END) {
        return job->status == ASSESS_COMPLETED
               || job->status == ASSESS_JOB_FAILED
               || job->status == ASSESS_BUDGET_EXCEEDED;
    }

    return job->status == ASSESS_QUEUED
           && PQgetvalue(res, 0, ASSESS_JOB_EXTRA + 1)[0] == 't';
}


/*
 * No row was ours.  With our fence still on it the change had been made
 * before, or the job was cancelled (and perhaps queued again since), else
 * another has it or it is deleted.
 */

static assess_err_e
assess_work_refused(assess_conn_t *conn, assess_write_t *w, assess_err_t *err)
{
    int            made;
    PGresult      *res;
    assess_err_e   rc;
    assess_job_t   job;
    assess_args_t  args;

    assess_args_init(&args);
    assess_arg_text(&args, &w->work->job.tenant);
    assess_arg_id(&args, w->work->job.job_id);
    assess_arg_int(&args, w->work->fence);

    res = assess_db_exec(conn, "select" ASSESS_JOB_COLUMNS
                         ", j.steps, j.resumes from assess.assessment_jobs j"
                         " where j.tenant = $1 and j.job_id = $2"
                         " and j.fence = $3::bigint", &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = ASSESS_OK;

    if (PQntuples(res) == 0) {
        rc = assess_work_lost(err);

    } else if (assess_job_row(w->arena, res, 0, &job) != 0) {
        rc = assess_db_no_memory(err);

    } else {
        made = assess_work_made(w, res, &job);

        if (made) {
            w->change.job = job;
            w->work->job = job;
            w->work->steps = assess_col_int(res, 0, ASSESS_JOB_EXTRA);
        }

        /* it may have been made before or after the job was cancelled */

        if (job.status == ASSESS_JOB_CANCELLED
            || (job.status == ASSESS_QUEUED
                && !(made && w->what == ASSESS_WRITE_RELEASE)))
        {
            rc = assess_work_cancelled(err);

        } else if (!made) {
            rc = assess_fail(err, ASSESS_LOST, NULL, "the job has ended");
        }
    }

    PQclear(res);

    return rc;
}


/* The answers of these writes, all of them by one statement */

static assess_err_e
assess_work_answers(assess_conn_t *conn, assess_write_t **writes, size_t n,
    assess_err_t *err)
{
    size_t                i, k, nof;
    assess_err_e          rc;
    assess_answers_of_t  *of;

    for (i = 0, nof = 0; i < n; i++) {
        nof += writes[i]->nsteps;
    }

    of = malloc((nof + 1) * sizeof(assess_answers_of_t));
    if (of == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0, nof = 0; i < n; i++) {
        for (k = 0; k < writes[i]->nsteps; k++) {
            of[nof].tenant = &writes[i]->work->job.tenant;
            of[nof].job_id = writes[i]->work->job.job_id;
            of[nof].answers = writes[i]->steps[k].answers;
            of[nof].n = writes[i]->steps[k].nanswers;
            nof++;
        }
    }

    rc = assess_answers_save(conn, of, nof, err);

    free(of);

    return rc;
}


/* What the write added to what the job costs */

static void
assess_work_spent(assess_turn_t *turn, const assess_write_t *w)
{
    assess_sum_t  sum;

    assess_steps_sum(w, &sum);

    turn->input_tokens = sum.input_tokens;
    turn->output_tokens = sum.output_tokens;
    turn->cost = sum.cost;
}


/* What was reserved for that is settled; nothing where nothing was. */

static assess_err_e
assess_work_budgets(assess_conn_t *conn, assess_write_t **writes, size_t n,
    assess_err_t *err)
{
    size_t             i;
    assess_err_e       rc;
    assess_sum_t       sum;
    assess_settled_t  *list;

    for (i = 0; i < n; i++) {
        if (writes[i]->work->limited || writes[i]->work->counted) {
            break;
        }
    }

    if (i == n) {
        return ASSESS_OK;
    }

    list = malloc(n * sizeof(assess_settled_t));
    if (list == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < n; i++) {
        assess_steps_sum(writes[i], &sum);

        list[i].work = writes[i]->work;
        list[i].spent = sum.cost;
        list[i].released = sum.released;
        list[i].doubtful = sum.doubtful;
    }

    rc = assess_budgets_settle(conn, list, n, err);

    free(list);

    return rc;
}


static assess_err_e
assess_work_late_batch(assess_conn_t *conn, const assess_write_t *w,
    assess_err_t *err)
{
    assess_err_e   rc;
    assess_turn_t  turn;

    assess_job_turn(&turn, &w->change.job, -1, -1);
    assess_work_spent(&turn, w);

    rc = assess_events_lock(conn, err);

    return rc == ASSESS_OK ? assess_turns_batches(conn, &turn, 1, err) : rc;
}


/* What is told of these writes to people, one row for each that has any */

static assess_err_e
assess_work_lines(assess_conn_t *conn, assess_write_t **writes, size_t n,
    assess_err_t *err)
{
    size_t              i, nof;
    assess_err_e        rc;
    assess_log_of_t    *of;

    of = malloc(n * sizeof(assess_log_of_t));
    if (of == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0, nof = 0; i < n; i++) {
        if (writes[i]->lines.len) {
            of[nof].job_id = writes[i]->work->job.job_id;
            of[nof].text = &writes[i]->lines;
            nof++;
        }
    }

    rc = nof ? assess_log_save(conn, of, nof, err) : ASSESS_OK;

    free(of);

    return rc;
}


/*
 * Steps that came too late for their job: the answers are paid for, so they
 * and their price are kept.
 */

static assess_err_e
assess_work_late(assess_conn_t *conn, assess_write_t *w, assess_err_t *err)
{
    PGresult      *res;
    assess_sum_t   sum;
    assess_err_e   rc;
    assess_args_t  args;

    static const char  sql[] =
        "update assess.assessment_jobs j"
        " set input_tokens = j.input_tokens + $4::bigint,"
        " output_tokens = j.output_tokens + $5::bigint,"
        " cost = j.cost + coalesce($6::numeric, 0), steps = j.steps + 1,"
        " price_version = coalesce($8::text, j.price_version),"
        " reserved = greatest(0, j.reserved - $9::numeric),"
        " doubtful = j.doubtful + $10::numeric"
        " where j.tenant = $1 and j.job_id = $2 and j.fence = $3::bigint"
        " and j.status in ('cancelled', 'queued') and j.steps = $7::bigint"
        " returning" ASSESS_JOB_COLUMNS;

    assess_steps_sum(w, &sum);

    assess_args_init(&args);
    assess_arg_text(&args, &w->work->job.tenant);
    assess_arg_id(&args, w->work->job.job_id);
    assess_arg_int(&args, w->work->fence);
    assess_arg_int(&args, sum.input_tokens);
    assess_arg_int(&args, sum.output_tokens);
    assess_arg_money(&args, sum.cost);
    assess_arg_int(&args, w->work->steps);
    assess_arg_cstr(&args, sum.prices);
    assess_arg_money(&args, sum.released);
    assess_arg_money(&args, sum.doubtful);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    if (PQntuples(res) == 0) {
        PQclear(res);
        return assess_work_refused(conn, w, err);
    }

    rc = assess_work_answers(conn, &w, 1, err);

    if (rc == ASSESS_OK) {
        rc = assess_work_lines(conn, &w, 1, err);
    }

    if (rc == ASSESS_OK
        && assess_job_row(w->arena, res, 0, &w->change.job) != 0)
    {
        rc = assess_db_no_memory(err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_work_budgets(conn, &w, 1, err);
    }

    if (rc == ASSESS_OK && w->change.job.batch_id[0]) {
        rc = assess_work_late_batch(conn, w, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_db_commit(conn, err);
    }

    PQclear(res);

    if (rc != ASSESS_OK) {
        return rc;
    }

    w->work->job = w->change.job;
    w->work->steps++;

    return assess_work_cancelled(err);
}


/*
 * One statement for all that a run can say, so that many of them are one.  It
 * finds a row only under the lease and the fence of the run, and a step only
 * once.
 */

static const char  assess_work_sql[] =
    "update assess.assessment_jobs j set status = w.status,"
    " stage = case when w.goes_on then coalesce(w.stage, j.stage) end,"
    " lease_owner = case when w.goes_on then j.lease_owner end,"
    " worker_id = case when w.goes_on then j.worker_id end,"
    " lease_until = case when w.goes_on then statement_timestamp()"
    " + w.lease_ms * interval '1 millisecond' end,"
    " resumes = w.status = 'queued' or j.resumes,"
    " progress = case when w.status = 'completed' then 100"
    " else greatest(j.progress, least(w.progress, 100)) end,"
    " total_batches = case when w.total > 0"
    " then greatest(w.total, j.completed_batches)"
    " else j.total_batches end,"
    " completed_batches = case when w.status = 'completed'"
    " then case when w.total > 0 then greatest(w.total, j.completed_batches)"
    " else j.total_batches end"
    " else least(greatest(j.completed_batches, w.completed),"
    " case when w.total > 0 then greatest(w.total, j.completed_batches)"
    " else j.total_batches end) end,"
    " estimated_completion = case when w.goes_on then coalesce("
    "'epoch'::timestamptz + nullif(w.estimated, 0)"
    " * interval '1 millisecond',"
    " j.estimated_completion) end,"
    " input_tokens = j.input_tokens + w.input,"
    " output_tokens = j.output_tokens + w.output,"
    " cost = j.cost + coalesce(w.cost, 0),"
    " price_version = coalesce(w.prices, j.price_version),"
    " reserved = greatest(0, j.reserved - w.released),"
    " doubtful = j.doubtful + w.doubtful,"
    " lost = case when w.answered then 0 else j.lost end,"
    " steps = j.steps + w.stepped::int,"
    " completed_at = case when w.status not in ('processing', 'queued')"
    " then now() end,"
    " error_code = w.code, error_message = w.message, told_at = now()"
    " from unnest($1::text[], $2::uuid[], $3::bigint[], $4::text[],"
    " $5::bigint[], $6::boolean[], $7::text[], $8::boolean[], $9::text[],"
    " $10::int[], $11::int[], $12::int[], $13::bigint[], $14::bigint[],"
    " $15::bigint[], $16::text[]::numeric[], $17::boolean[], $18::int[],"
    " $19::text[], $20::text[], $21::text[], $22::text[]::numeric[],"
    " $23::text[]::numeric[]) with ordinality as w (tenant, job_id, fence,"
    " owner, steps,"
    " stepped, status, goes_on, stage, progress, total, completed, estimated,"
    " input, output, cost, answered, lease_ms, code, message,"
    " prices, released, doubtful, n)"
    " where j.job_id = w.job_id and j.tenant = w.tenant and j.fence = w.fence"
    " and j.lease_owner = w.owner and j.status = 'processing'"
    " and (j.steps = w.steps or not w.stepped)"
    " returning" ASSESS_JOB_COLUMNS ", w.n, j.callback_url";

#define ASSESS_WORK_COLUMNS  23


static const char *
assess_work_status(const assess_write_t *w)
{
    switch (w->what) {

    case ASSESS_WRITE_STEPS:
        return "processing";

    case ASSESS_WRITE_END:
        return assess_status_name(w->status);

    default:
        return "queued";
    }
}


static const char *
assess_work_code(const assess_write_t *w)
{
    if (w->what != ASSESS_WRITE_END || w->status == ASSESS_COMPLETED) {
        return NULL;
    }

    return w->status == ASSESS_JOB_FAILED && w->code == NULL ? "internal"
                                                             : w->code;
}


static assess_err_e
assess_work_update(assess_conn_t *conn, assess_write_t **writes, size_t n,
    PGresult **res, assess_err_t *err)
{
    size_t                 i, k;
    const char            *code;
    assess_buf_t           col[ASSESS_WORK_COLUMNS];
    assess_sum_t           sum;
    assess_args_t          args;
    const assess_write_t  *w;

    memset(col, 0, sizeof(col));

    for (i = 0; i < n; i++) {
        w = writes[i];
        code = assess_work_code(w);
        assess_steps_sum(w, &sum);

        assess_array_add(&col[0], &w->work->job.tenant);
        assess_array_id(&col[1], w->work->job.job_id);
        assess_array_big(&col[2], w->work->fence);
        assess_array_add(&col[3], &w->work->owner);
        assess_array_big(&col[4], w->work->steps);
        assess_array_flag(&col[5], w->nsteps != 0);
        assess_array_cstr(&col[6], assess_work_status(w));
        assess_array_flag(&col[7], w->what == ASSESS_WRITE_STEPS);
        assess_array_cstr(&col[8], assess_stage_name(sum.stage));
        assess_array_int(&col[9], sum.progress);
        assess_array_int(&col[10], sum.total_batches);
        assess_array_int(&col[11], sum.completed_batches);
        assess_array_big(&col[12], sum.estimated_completion);
        assess_array_big(&col[13], sum.input_tokens);
        assess_array_big(&col[14], sum.output_tokens);
        assess_array_money(&col[15], sum.cost);
        assess_array_flag(&col[16], sum.nanswers != 0);
        assess_array_int(&col[17], w->work->lease_ms);
        assess_array_cstr(&col[18], code);
        assess_array_cstr(&col[19], code ? w->message : NULL);
        assess_array_cstr(&col[20], sum.prices);
        assess_array_money(&col[21], sum.released);
        assess_array_money(&col[22], sum.doubtful);
    }

    assess_args_init(&args);

    for (k = 0; k < ASSESS_WORK_COLUMNS; k++) {
        assess_arg_array(&args, &col[k]);
    }

    return assess_db_ahead(conn, assess_work_sql, &args, res, err);
}


/* The documents of jobs that are completed */

static assess_err_e
assess_work_documents(assess_conn_t *conn, assess_write_t **writes, size_t n,
    assess_err_t *err)
{
    size_t                 i, ended;
    assess_err_e           rc;
    assess_on_document_t  *on;

    on = malloc(n * sizeof(assess_on_document_t));
    if (on == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0, ended = 0; i < n; i++) {

        if (writes[i]->what != ASSESS_WRITE_END
            || writes[i]->status != ASSESS_COMPLETED)
        {
            continue;
        }

        on[ended].tenant = &writes[i]->work->job.tenant;
        on[ended].document_id = writes[i]->work->job.document_id;
        ended++;
    }

    rc = ended ? assess_documents_reviewed(conn, on, ended, err) : ASSESS_OK;

    free(on);

    return rc;
}


/* How the job was after a step that is not the last thing to be said */

static void
assess_work_after(assess_job_t *job, const assess_step_t *step)
{
    job->status = ASSESS_PROCESSING;

    if (step->stage != ASSESS_STAGE_NONE) {
        job->stage = step->stage;
    }

    if (step->progress > job->progress) {
        job->progress = step->progress > 100 ? 100 : step->progress;
    }

    if (step->total_batches > 0) {
        job->total_batches = step->total_batches > job->completed_batches
                             ? step->total_batches : job->completed_batches;
    }

    if (step->completed_batches > job->completed_batches) {
        job->completed_batches = step->completed_batches < job->total_batches
                                 ? step->completed_batches
                                 : job->total_batches;
    }

    if (step->estimated_completion > 0) {
        job->estimated_completion = step->estimated_completion;
    }

    job->input_tokens += assess_step_count(step->input_tokens);
    job->output_tokens += assess_step_count(step->output_tokens);
    job->cost += step->cost > 0 ? step->cost : 0;

    if (step->prices) {
        (void) snprintf(job->prices, sizeof(job->prices), "%s", step->prices);
    }
}


/* Whether the step behind this one, in the same write, is of the same stage */

static int
assess_work_goes_on(const assess_write_t *w, size_t i, const assess_job_t *job)
{
    return i + 1 < w->nsteps
           && (w->steps[i + 1].stage == ASSESS_STAGE_NONE
               || w->steps[i + 1].stage == job->stage);
}


/*
 * One event for each stage that the steps came through, which tells the last of
 * it: what was so for no time need not be told.  And one for what follows the
 * steps.
 */

static assess_err_e
assess_work_told(assess_write_t *w, const PGresult *res, int row,
    assess_event_t *events, assess_turn_t *turns, assess_err_t *err)
{
    size_t         i, n;
    int64_t        now;
    const char    *type, *step;
    assess_job_t   job;

    job = w->work->job;
    now = assess_col_int(res, row, ASSESS_JOB_NOW);

    if (assess_job_row(w->arena, res, row, &w->change.job) != 0) {
        return assess_db_no_memory(err);
    }

    for (i = 0, n = 0; i < w->nsteps; i++) {
        assess_work_after(&job, &w->steps[i]);

        if (i + 1 == w->nsteps && w->what == ASSESS_WRITE_STEPS) {
            break;
        }

        if (assess_work_goes_on(w, i, &job)) {
            continue;
        }

        if (assess_job_event(w->arena, &job, "progress",
                             w->steps[i].step ? w->steps[i].step : "", now,
                             &events[n]) != 0)
        {
            return assess_db_no_memory(err);
        }

        assess_job_turn(&turns[n++], &w->change.job, -1, -1);
    }

    step = "Queued";

    if (w->what == ASSESS_WRITE_STEPS) {
        type = "progress";
        step = w->nsteps && w->steps[w->nsteps - 1].step
               ? w->steps[w->nsteps - 1].step : "";

    } else if (w->what == ASSESS_WRITE_RELEASE) {
        type = "queued";

    } else {
        type = w->status == ASSESS_COMPLETED ? "complete" : "error";
    }

    if (assess_job_event(w->arena, &w->change.job, type, step, now,
                         &events[n]) != 0)
    {
        return assess_db_no_memory(err);
    }

    assess_job_turn(&turns[n], &w->change.job, ASSESS_PROCESSING,
                    (int) w->change.job.status);
    assess_work_spent(&turns[n++], w);

    w->change.events = events;
    w->change.nevents = n;

    return ASSESS_OK;
}


static size_t
assess_work_events(const assess_write_t *w)
{
    return w->nsteps + (w->what != ASSESS_WRITE_STEPS || w->nsteps == 0);
}


/* Who is done and wants the next job, with room for the events of all */

typedef struct {
    const assess_claim_t   *claim;
    assess_taker_t        **takers;
    size_t                  ntakers;
    assess_event_t         *events;
    assess_turn_t          *turns;
    size_t                  n;
} assess_told_t;


static assess_err_e
assess_work_room(assess_write_t **writes, size_t n,
    const assess_claim_t *claim, assess_told_t *told, assess_err_t *err)
{
    size_t  i, nevents;

    memset(told, 0, sizeof(assess_told_t));
    told->claim = claim;

    for (i = 0, nevents = 0; i < n; i++) {
        nevents += assess_work_events(writes[i]) + 1;
    }

    told->events = assess_palloc(writes[0]->arena,
                                 nevents * sizeof(assess_event_t));
    told->turns = malloc(nevents * sizeof(assess_turn_t));
    told->takers = malloc(n * sizeof(assess_taker_t *));

    if (told->events == NULL || told->turns == NULL || told->takers == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < n; i++) {
        if (claim && writes[i]->next && writes[i]->what == ASSESS_WRITE_END) {
            told->takers[told->ntakers++] = writes[i]->next;
        }
    }

    return ASSESS_OK;
}


/*
 * All of it but the events, with one answer to wait for: that the rows are
 * there is seen when the rest is written, too, and undone where they are not.
 */

static assess_err_e
assess_work_send(assess_conn_t *conn, assess_write_t **writes, size_t n,
    const assess_told_t *told, PGresult **rows, assess_claimed_t *claimed,
    assess_err_t *err)
{
    assess_err_e  rc;

    rc = assess_work_update(conn, writes, n, rows, err);

    /* those who have ended their job take the next ones */

    if (rc == ASSESS_OK && told->ntakers) {
        assess_claim_begin(told->claim, told->takers, told->ntakers);
        rc = assess_claim_ahead(conn, told->claim, told->takers,
                                told->ntakers, 0, claimed, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_work_answers(conn, writes, n, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_work_documents(conn, writes, n, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_work_lines(conn, writes, n, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_work_budgets(conn, writes, n, err);
    }

    return rc == ASSESS_OK ? assess_db_flush(conn, err) : rc;
}


static assess_err_e
assess_work_dealt(assess_conn_t *conn, const PGresult *claimed,
    assess_told_t *told, assess_err_t *err)
{
    assess_err_e  rc;

    rc = assess_claim_deal(conn, claimed, told->claim, told->takers,
                           told->ntakers, told->events + told->n,
                           told->turns + told->n, err);

    told->n += (size_t) PQntuples(claimed);

    /* what it must not keep is no reason not to write the rest */

    return rc == ASSESS_NOT_FOUND
           ? assess_fail(err, ASSESS_CONFLICT, NULL, "no job is waiting yet")
           : rc;
}


/* The rows are all there: the events, and the commit */

static assess_err_e
assess_work_finish(assess_conn_t *conn, assess_write_t **writes, size_t n,
    const PGresult *rows, const PGresult *claimed, assess_told_t *told,
    assess_err_t *err)
{
    int           row;
    size_t        i, k;
    assess_err_e  rc;

    rc = ASSESS_OK;

    for (row = 0; row < (int) n && rc == ASSESS_OK; row++) {

        k = (size_t) assess_col_int(rows, row, ASSESS_WORK_PLACE) - 1;

        rc = assess_work_told(writes[k], rows, row, told->events + told->n,
                              told->turns + told->n, err);
        told->n += writes[k]->change.nevents;
    }

    if (rc == ASSESS_OK && claimed) {
        rc = assess_work_dealt(conn, claimed, told, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_job_notices(conn, writes, n, rows, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_events_commit(conn, told->events, told->n, told->turns,
                                  told->n, err);
    }

    for (i = 0; i < n && rc == ASSESS_OK; i++) {
        writes[i]->work->job = writes[i]->change.job;
        writes[i]->work->steps += writes[i]->nsteps != 0;
    }

    for (i = 0; i < told->ntakers && rc != ASSESS_OK; i++) {
        told->takers[i]->taken = 0;
    }

    return rc;
}


/*
 * ASSESS_CONFLICT: one of them is not to be written as it is, and nothing was.
 */

static assess_err_e
assess_work_together(assess_db_t *db, const assess_claim_t *claim,
    assess_write_t **writes, size_t n, int *away, assess_err_t *err)
{
    PGresult          *rows;
    assess_err_e       rc;
    assess_told_t      told;
    assess_conn_t     *conn;
    assess_claimed_t   claimed;

    *away = 1;

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rows = NULL;
    claimed.res = NULL;
    claimed.npicks = 0;

    rc = assess_work_room(writes, n, claim, &told, err);

    if (rc == ASSESS_OK) {
        rc = assess_work_send(conn, writes, n, &told, &rows, &claimed, err);
    }

    if (rc == ASSESS_OK && (size_t) PQntuples(rows) != n) {
        rc = assess_fail(err, ASSESS_CONFLICT, NULL, "one was refused");
    }

    if (rc == ASSESS_OK) {
        rc = assess_work_finish(conn, writes, n, rows, claimed.res, &told,
                                err);
    }

    PQclear(rows);
    PQclear(claimed.res);
    free(told.turns);
    free(told.takers);

    if (claim) {
        assess_queue_settled(claim->queue, claimed.picks, claimed.npicks);
    }

    *away = conn->broken;
    assess_db_release(conn);

    return rc;
}


/* One that was refused: its answers are kept, or it is known why */

static assess_err_e
assess_work_alone(assess_db_t *db, assess_write_t *w, assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = w->nsteps ? assess_work_late(conn, w, err)
                   : assess_work_refused(conn, w, err);

    assess_db_release(conn);

    return rc;
}


/* The order in which all who lock several jobs do it */

static int
assess_write_order(const void *a, const void *b)
{
    const assess_write_t *const *left = a, *const *right = b;

    return strcmp((*left)->work->job.job_id, (*right)->work->job.job_id);
}


void
assess_jobs_write(assess_db_t *db, const assess_claim_t *claim,
    assess_write_t **writes, size_t n)
{
    int            away;
    size_t         i;
    assess_err_e   rc;
    assess_err_t   err;

    for (i = 0; i < n; i++) {
        memset(&writes[i]->change, 0, sizeof(assess_change_t));

        if (writes[i]->next) {
            writes[i]->next->taken = 0;
        }
    }

    qsort(writes, n, sizeof(assess_write_t *), assess_write_order);

    rc = assess_work_together(db, claim, writes, n, &away, &err);

    if (rc == ASSESS_CONFLICT && n == 1 && claim == NULL) {
        rc = assess_work_alone(db, writes[0], &err);
    }

    /* alone, each finds out what it is; where nobody answers, all know */

    if (rc == ASSESS_OK || (n == 1 && claim == NULL) || away)
    {
        for (i = 0; i < n; i++) {
            writes[i]->rc = rc;
            writes[i]->err = err;
        }
        return;
    }

    for (i = 0; i < n; i++) {
        assess_jobs_write(db, NULL, &writes[i], 1);
    }
}
