
/*
 * The teller: what state its jobs bring a batch into, and the events of that.
 * Jobs change a batch a hundred times a second; it is told ten times.
 */

#include "assess_batch_int.h"
#include "assess_notice_int.h"

#include <string.h>


/* batches that are looked at together */
#define ASSESS_BATCH_LOOK  256


static assess_err_e
assess_batches_room(assess_arena_t *arena, assess_batch_ids_t *ids, size_t n,
    assess_err_t *err)
{
    ids->n = 0;
    ids->ids = assess_palloc(arena, (n + 1) * sizeof(*ids->ids));

    return ids->ids ? ASSESS_OK : assess_db_no_memory(err);
}


/* Without a lock: it is looked at again under one */

static assess_err_e
assess_batches_look(assess_db_t *db, assess_arena_t *arena,
    assess_batches_told_t *told, assess_err_t *err)
{
    int             i, rows;
    PGresult       *res;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "select w.batch_id, w.untold, w.due, w.work, w.guess, w.cost from ("
        " select b.batch_id, " ASSESS_BATCH_UNTOLD " as untold,"
        " b.told_at <= clock_timestamp() - " ASSESS_BATCH_EVERY " as due,"
        " b.retry_before is not null or (b.completed_at is null"
        " and b.status in ('cancelled', 'budget_exceeded')) as work,"
        " b.status = 'processing' and b.completed_at is null"
        " and b.estimate_due <= clock_timestamp() as guess,"
        " b.cost_due <= clock_timestamp() and b.completed_at is null as cost,"
        " b.told_at"
        " from assess.batch_assessments b where b.open) w"
        " where w.untold or w.work or w.guess or w.cost"
        " order by w.told_at, w.batch_id limit $1::int";

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_int(&args, ASSESS_BATCH_LOOK);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rows = PQntuples(res);

    if (assess_batches_room(arena, &told->due, (size_t) rows, err)
        != ASSESS_OK
        || assess_batches_room(arena, &told->work, (size_t) rows, err)
           != ASSESS_OK
        || assess_batches_room(arena, &told->guess, (size_t) rows, err)
           != ASSESS_OK
        || assess_batches_room(arena, &told->cost, (size_t) rows, err)
           != ASSESS_OK)
    {
        PQclear(res);
        return err->kind;
    }

    for (i = 0; i < rows; i++) {

        if (PQgetvalue(res, i, 1)[0] == 't') {

            if (PQgetvalue(res, i, 2)[0] == 't') {
                assess_col_id(res, i, 0, told->due.ids[told->due.n++]);

            } else {
                told->later = 1;
            }
        }

        if (PQgetvalue(res, i, 3)[0] == 't') {
            assess_col_id(res, i, 0, told->work.ids[told->work.n++]);
        }

        if (PQgetvalue(res, i, 4)[0] == 't') {
            assess_col_id(res, i, 0, told->guess.ids[told->guess.n++]);
        }

        if (PQgetvalue(res, i, 5)[0] == 't') {
            assess_col_id(res, i, 0, told->cost.ids[told->cost.n++]);
        }
    }

    PQclear(res);

    return ASSESS_OK;
}


/*
 * One that has ended stays what it was made by hand, and is completed
 * otherwise; where a job of a completed one is run again it goes on, which is
 * why the lane of one that ends while it is paused is opened.
 */

static const char  assess_batches_sql[] =
    "with due as (select d.*, row_number() over (order by d.batch_id) as n"
    " from (select b.batch_id, b.status, b.completed_at is null as going,"
    ASSESS_BATCH_OVER " as over from assess.batch_assessments b"
    " where b.batch_id = any ($1::uuid[]) and " ASSESS_BATCH_UNTOLD
    " and b.told_at <= clock_timestamp() - " ASSESS_BATCH_EVERY ") d),"
    " opened as (update assess.lanes l set paused = false from due d"
    " where l.batch_id = d.batch_id and d.over and d.status = 'paused')"
    " update assess.batch_assessments b set told = b.changes,"
    " told_at = clock_timestamp(), told_id = $2::bigint + d.n,"
    " open = not d.over,"
    " completed_at = case when d.over then"
    " coalesce(b.completed_at, clock_timestamp()) end,"
    " status = case when b.status in ('cancelled', 'budget_exceeded')"
    " then b.status when d.over then 'completed'"
    " when b.status = 'paused' then 'paused'"
    " when b.started_at is null then 'queued' else 'processing' end"
    " from due d where b.batch_id = d.batch_id"
    " returning" ASSESS_BATCH_COLUMNS ", d.n, d.going and d.over";


static assess_err_e
assess_batches_rows(assess_conn_t *conn, assess_arena_t *arena,
    const PGresult *res, assess_batches_told_t *told, assess_err_t *err)
{
    int             i, rows;
    int64_t         n;
    assess_batch_t  batch;

    rows = PQntuples(res);

    told->events = assess_pcalloc(arena, ((size_t) rows + 1)
                                         * sizeof(assess_event_t));
    if (told->events == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < rows; i++) {

        n = assess_col_int(res, i, ASSESS_BATCH_EXTRA);

        if (n < 1 || n > rows
            || assess_batch_row(arena, res, i, &batch) != 0
            || assess_batch_event(arena, &batch, &told->events[n - 1]) != 0)
        {
            return assess_db_no_memory(err);
        }

        if (PQgetvalue(res, i, ASSESS_BATCH_EXTRA + 1)[0] == 't'
            && assess_batch_ended(conn, &batch, err) != ASSESS_OK)
        {
            return err->kind;
        }
    }

    return ASSESS_OK;
}


static assess_err_e
assess_batches_tell_in(assess_conn_t *conn, assess_arena_t *arena,
    assess_batches_told_t *told, assess_err_t *err)
{
    size_t         i, rows;
    int64_t        value;
    PGresult      *res;
    assess_buf_t   ids;
    assess_err_e   rc;
    assess_args_t  args;

    if (assess_batch_lock(conn, &value, err) != ASSESS_OK) {
        return err->kind;
    }

    memset(&ids, 0, sizeof(assess_buf_t));

    for (i = 0; i < told->due.n; i++) {
        assess_array_id(&ids, told->due.ids[i]);
    }

    assess_args_init(&args);
    assess_arg_array(&args, &ids);
    assess_arg_int(&args, value);

    res = assess_db_exec(conn, assess_batches_sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rows = (size_t) PQntuples(res);

    rc = rows ? assess_batches_rows(conn, arena, res, told, err) : ASSESS_OK;

    PQclear(res);

    if (rc != ASSESS_OK || rows == 0) {
        return rc;
    }

    if (assess_events_commit(conn, told->events, rows, NULL, 0, err)
        != ASSESS_OK)
    {
        return err->kind;
    }

    told->nevents = rows;

    return ASSESS_OK;
}


assess_err_e
assess_batches_tell(assess_db_t *db, assess_arena_t *arena,
    assess_batches_told_t *told, assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    memset(told, 0, sizeof(assess_batches_told_t));

    if (assess_batches_look(db, arena, told, err) != ASSESS_OK) {
        return err->kind;
    }

    if (told->due.n == 0) {
        return ASSESS_OK;
    }

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_batches_tell_in(conn, arena, told, err);

    assess_db_release(conn);

    return rc;
}


assess_err_e
assess_batch_ended(assess_conn_t *conn, const assess_batch_t *batch,
    assess_err_t *err)
{
    assess_buf_t   b;
    assess_err_e   rc;
    assess_fact_t  fact;

    if (batch->callback_url.data == NULL && batch->notify_email.data == NULL) {
        return ASSESS_OK;
    }

    memset(&b, 0, sizeof(assess_buf_t));
    memset(&fact, 0, sizeof(assess_fact_t));

    assess_batch_json(&b, batch);

    fact.tenant = batch->tenant;
    memcpy(fact.subject_id, batch->batch_id, sizeof(fact.subject_id));
    fact.type = batch->status == ASSESS_BATCH_CANCELLED ? "batch.cancelled"
                : batch->status == ASSESS_BATCH_BUDGET_EXCEEDED
                  ? "batch.budget_exceeded" : "batch.completed";
    fact.happened_at = batch->completed_at;
    fact.url = batch->callback_url;
    fact.email = batch->notify_email;
    fact.data.data = b.data;
    fact.data.len = b.len;

    rc = b.failed ? assess_db_no_memory(err)
                  : assess_notices_add(conn, &fact, 1, err);

    assess_buf_free(&b);

    return rc;
}
