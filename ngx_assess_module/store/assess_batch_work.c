
/*
 * What of a batch was done, and is left, as its rows have it: so whoever looks
 * knows all of it, and nobody has to remember anything.
 */

#include "assess_batch_int.h"

#include <math.h>
#include <string.h>


/* times are put together that differ by less than a part of the whole */
#define ASSESS_BATCH_TIMES  64


/* What is the same for all of its jobs */

static assess_err_e
assess_batch_work_of(assess_conn_t *conn, assess_arena_t *arena,
    assess_batch_work_t *work, assess_err_t *err)
{
    PGresult      *res;
    assess_err_e   rc;
    assess_args_t  args;

    static const char  sql[] =
        "select j.provider, j.model, date_part('epoch', clock_timestamp()"
        " - greatest(b.started_at, b.measured_from)),"
        " (select coalesce(sum(l.running), 0) from assess.lanes l"
        " where l.provider = j.provider)"
        " from assess.batch_assessments b cross join lateral"
        " (select provider, model from assess.assessment_jobs"
        " where tenant = b.tenant and batch_id = b.batch_id limit 1) j"
        " where b.batch_id = $1 and b.status = 'processing'"
        " and b.started_at is not null and b.completed_at is null";

    assess_args_init(&args);
    assess_arg_id(&args, work->batch_id);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = ASSESS_OK;

    if (PQntuples(res) == 0) {
        rc = assess_batch_unknown(err);

    } else if (assess_col_str(arena, res, 0, 0, &work->provider) != 0
               || assess_col_str(arena, res, 0, 1, &work->model) != 0)
    {
        rc = assess_db_no_memory(err);

    } else {
        work->seconds = fmax(assess_col_real(res, 0, 2, 0), 0);
        work->running = assess_col_real(res, 0, 3, 0);
    }

    PQclear(res);

    return rc;
}


/*
 * A document that was read while its job ran was read by that; a job that has
 * spent nothing on question batches that are done had answers of others.
 */

static const char  assess_batch_work_sql[] =
    "with j as materialized (select j.job_id, j.status,"
    " j.completed_batches as asked, j.total_batches - j.completed_batches"
    " as left, coalesce(j.stage = 'llm_processing', false) as asking,"
    " date_part('epoch', greatest(j.started_at, b.since) - b.since) as begun,"
    " date_part('epoch', coalesce(j.completed_at, b.now) - b.since) as ended,"
    " ($2::float8[])[d.kind] + ($3::float8[])[d.kind] * d.bytes as read,"
    " d.pages is null as unread,"
    " coalesce(d.read_at >= j.started_at, false) as was_read,"
    " date_part('epoch', greatest(least(d.read_at, j.completed_at),"
    " j.started_at, b.since) - b.since) as asks_from,"
    " case when j.input_tokens = 0 and j.completed_batches > 0 then (select"
    " a.cached from assess.assessment_answers a where a.job_id = j.job_id"
    " and a.tenant = j.tenant order by a.ordinal limit 1) end as cached,"
    " case when j.status = 'queued' then ntile(16) over"
    " (partition by j.status = 'queued' order by j.job_id) end as part"
    " from (select tenant, batch_id, greatest(started_at, measured_from)"
    " as since, clock_timestamp() as now from assess.batch_assessments"
    " where batch_id = $1) b"
    " join assess.assessment_jobs j on j.tenant = b.tenant"
    " and j.batch_id = b.batch_id and (j.completed_at is null"
    " or (j.completed_at > b.since and j.started_at is not null))"
    " join assess.documents d on d.document_id = j.document_id"
    " and d.tenant = j.tenant)"
    " select case status when 'queued' then 2 when 'processing' then 1"
    " else 0 end as what, count(*), avg(begun), avg(ended),"
    " sum(case when was_read then read end),"
    " sum(case when unread then read end),"
    " max(case when unread then read end), sum(asked),"
    " sum(case when cached then asked end), sum(\"left\"),"
    " sum(case when asking then \"left\" end), avg(asks_from)"
    " from j group by 1, part, case when status = 'processing' then unread end,"
    " case when status <> 'queued' then floor(begun / $4::float8) end,"
    " case when status not in ('queued', 'processing')"
    " then floor(ended / $4::float8) end"
    " order by 1, part, 4 desc";


static void
assess_batch_work_args(assess_args_t *args, const assess_batch_work_t *work,
    const assess_batch_weights_t *weights)
{
    size_t        i;
    assess_buf_t  always, byte;

    memset(&always, 0, sizeof(assess_buf_t));
    memset(&byte, 0, sizeof(assess_buf_t));

    /* an array begins with 1, as kinds do */

    for (i = 1; i < ASSESS_BATCH_KINDS; i++) {
        assess_array_real(&always, weights->always[i]);
        assess_array_real(&byte, weights->byte[i]);
    }

    assess_args_init(args);
    assess_arg_id(args, work->batch_id);
    assess_arg_array(args, &always);
    assess_arg_array(args, &byte);
    assess_arg_real(args, fmax(work->seconds / ASSESS_BATCH_TIMES, 0.1));
}


static void
assess_batch_some(const PGresult *res, int row, assess_batch_some_t *some)
{
    some->what = (assess_batch_some_e) assess_col_int(res, row, 0);
    some->jobs = assess_col_real(res, row, 1, 0);
    some->begun = assess_col_real(res, row, 2, 0);
    some->ended = assess_col_real(res, row, 3, 0);
    some->read = assess_col_real(res, row, 4, 0);
    some->unread = assess_col_real(res, row, 5, 0);
    some->longest = assess_col_real(res, row, 6, 0);
    some->asked = assess_col_real(res, row, 7, 0);
    some->cached = assess_col_real(res, row, 8, 0);
    some->left = assess_col_real(res, row, 9, 0);
    some->asking = assess_col_real(res, row, 10, 0);
    some->asks_from = assess_col_real(res, row, 11, 0);
}


static assess_err_e
assess_batch_work_in(assess_conn_t *conn, assess_arena_t *arena,
    const assess_batch_weights_t *weights, assess_batch_work_t *work,
    assess_err_t *err)
{
    int            i, rows;
    PGresult      *res;
    assess_args_t  args;

    if (assess_batch_work_of(conn, arena, work, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_batch_work_args(&args, work, weights);

    res = assess_db_exec(conn, assess_batch_work_sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rows = PQntuples(res);

    work->some = assess_palloc(arena, ((size_t) rows + 1)
                                      * sizeof(assess_batch_some_t));
    if (work->some == NULL) {
        PQclear(res);
        return assess_db_no_memory(err);
    }

    for (i = 0; i < rows; i++) {
        assess_batch_some(res, i, &work->some[work->n++]);
    }

    PQclear(res);

    return ASSESS_OK;
}


assess_err_e
assess_batch_work(assess_db_t *db, assess_arena_t *arena,
    const char *batch_id, const assess_batch_weights_t *weights,
    assess_batch_work_t *work, assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    memset(work, 0, sizeof(assess_batch_work_t));
    (void) snprintf(work->batch_id, sizeof(work->batch_id), "%s", batch_id);

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_batch_work_in(conn, arena, weights, work, err);

    assess_db_release(conn);

    return rc;
}


/*
 * Jobs that end wait for the row with the lock of the counter in their hands:
 * nothing here is worth that they wait for a disk.
 */

assess_err_e
assess_batch_estimated(assess_db_t *db, const char *batch_id,
    const assess_batch_estimate_t *estimate, assess_err_t *err)
{
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "update assess.batch_assessments b set"
        " estimated_completion = w.now + $2::float8 * w.second,"
        " estimated_earliest = w.now + $3::float8 * w.second,"
        " estimated_latest = w.now + $4::float8 * w.second,"
        " estimate_quality = $5,"
        " estimate_due = w.now + $6::float8 * w.second,"
        " changes = b.changes + 1"
        " from (select clock_timestamp() as now, interval '1 second' as second,"
        " set_config('synchronous_commit', 'off', true) as quick) w"
        " where b.batch_id = $1 and b.status = 'processing'"
        " and b.completed_at is null and w.quick is not null"
        " and b.estimate_due <= w.now";

    assess_args_init(&args);
    assess_arg_id(&args, batch_id);

    if (estimate->seconds < 0) {
        assess_arg_null(&args);
        assess_arg_null(&args);
        assess_arg_null(&args);

    } else {
        assess_arg_real(&args, estimate->seconds);
        assess_arg_real(&args, estimate->low);
        assess_arg_real(&args, estimate->high);
    }

    assess_arg_id(&args, estimate->quality);
    assess_arg_real(&args, (double) estimate->again_ms / 1000);

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        assess_args_free(&args);
        return err->kind;
    }

    rc = assess_db_run(conn, sql, &args, NULL, err);

    assess_db_release(conn);

    return rc;
}
