
/* What people do to a batch: pause it, let it go on, end it, run it again. */

#include "assess_batch_int.h"

#include <string.h>


/* What a call makes of a batch */
typedef struct {
    assess_batch_status_e   status;
    int                     open;        /* jobs are queued again */
    int                     closed;      /* its lanes are */
    int                     untold;      /* it was told of just before */
    int64_t                 event_id;    /* of the next event */
} assess_batch_will_t;


static assess_err_e
assess_batch_conflict(const assess_batch_t *batch, const char *what,
    assess_err_t *err)
{
    return assess_fail(err, ASSESS_CONFLICT, NULL, "the batch is %s: %s",
                       assess_batch_status_name(batch->status), what);
}


static int
assess_batch_going(const assess_batch_t *batch)
{
    return (batch->status == ASSESS_BATCH_QUEUED
            || batch->status == ASSESS_BATCH_PROCESSING
            || batch->status == ASSESS_BATCH_PAUSED)
           && !assess_batch_over(batch);
}


/* Where its jobs are queued, and none of its lanes is closed */

static assess_batch_status_e
assess_batch_goes_on(const assess_batch_t *batch)
{
    return batch->started_at ? ASSESS_BATCH_PROCESSING : ASSESS_BATCH_QUEUED;
}


static assess_err_e
assess_batch_will_retry(const assess_batch_t *batch,
    assess_batch_will_t *will, assess_err_t *err)
{
    if (batch->failed + batch->cancelled == 0) {
        return assess_batch_conflict(batch, "none of its jobs has failed or"
                                     " was cancelled", err);
    }

    if (!assess_batch_going(batch) && !assess_batch_over(batch)) {
        return assess_batch_conflict(batch, "its jobs are still being ended,"
                                     " try again in a moment", err);
    }

    will->open = 1;

    if (batch->status != ASSESS_BATCH_PAUSED || assess_batch_over(batch)) {
        will->status = assess_batch_goes_on(batch);
        will->closed = 0;
    }

    return ASSESS_OK;
}


/* *changed is 0 where it is as wanted already */

static assess_err_e
assess_batch_will(const assess_batch_t *batch, assess_batch_act_e act,
    assess_batch_will_t *will, int *changed, assess_err_t *err)
{
    *changed = 1;

    will->status = batch->status;
    will->open = 0;
    will->closed = batch->status != ASSESS_BATCH_QUEUED
                   && batch->status != ASSESS_BATCH_PROCESSING;

    switch (act) {

    case ASSESS_BATCH_PAUSE:

        if (!assess_batch_going(batch)) {
            return assess_batch_conflict(batch, "only one with jobs that"
                                         " have not ended can be paused", err);
        }

        *changed = batch->status != ASSESS_BATCH_PAUSED;
        will->status = ASSESS_BATCH_PAUSED;
        will->closed = 1;

        return ASSESS_OK;

    case ASSESS_BATCH_RESUME:

        if (!assess_batch_going(batch)) {
            return assess_batch_conflict(batch, "only one that is paused goes"
                                         " on again", err);
        }

        *changed = batch->status == ASSESS_BATCH_PAUSED;
        will->status = assess_batch_goes_on(batch);
        will->closed = 0;

        return ASSESS_OK;

    case ASSESS_BATCH_EXHAUST:

        *changed = assess_batch_going(batch);
        will->status = ASSESS_BATCH_BUDGET_EXCEEDED;
        will->closed = 1;

        /* it is told by whoever tells of batches */

        will->untold = 1;

        return ASSESS_OK;

    case ASSESS_BATCH_CANCEL:

        *changed = assess_batch_going(batch);
        will->status = ASSESS_BATCH_CANCELLED;
        will->closed = 1;

        return ASSESS_OK;

    default:
        return assess_batch_will_retry(batch, will, err);
    }
}


/* The batch as it is, under the lock of the counter */

static assess_err_e
assess_batch_hold(assess_conn_t *conn, assess_arena_t *arena,
    const assess_scope_t *scope, const char *batch_id, assess_batch_t *batch,
    int *untold, assess_err_t *err)
{
    PGresult      *res;
    assess_err_e   rc;
    assess_args_t  args;

    static const char  sql[] =
        "select" ASSESS_BATCH_COLUMNS ", b.told_at > clock_timestamp() - "
        ASSESS_BATCH_EVERY " from assess.batch_assessments b"
        " where b.tenant = $1 and b.batch_id = $2";

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, batch_id);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = ASSESS_OK;

    if (PQntuples(res) == 0) {
        rc = assess_batch_unknown(err);

    } else if (assess_batch_row(arena, res, 0, batch) != 0) {
        rc = assess_db_no_memory(err);

    } else {
        *untold = PQgetvalue(res, 0, ASSESS_BATCH_EXTRA)[0] == 't';
    }

    PQclear(res);

    return rc;
}


/* It has one, which was forgotten if nothing of it has run for long */

static assess_err_e
assess_batch_lanes(assess_conn_t *conn, const char *batch_id, int closed,
    assess_err_t *err)
{
    assess_args_t  args;

    static const char  sql[] =
        "insert into assess.lanes (lane, tenant, user_name, batch_id,"
        " priority, provider, paused) select assess.lane(b.tenant,"
        " b.user_name, b.batch_id, b.priority, b.provider), b.tenant,"
        " b.user_name, b.batch_id, b.priority, b.provider, $2::boolean"
        " from assess.batch_assessments b where b.batch_id = $1"
        " on conflict (lane) do update set paused = excluded.paused";

    assess_args_init(&args);
    assess_arg_id(&args, batch_id);
    assess_arg_id(&args, closed ? "true" : "false");

    return assess_db_later(conn, sql, &args, err);
}


/*
 * What is told with it is the state of now.  Where it was told of just before
 * it is left to the teller, who is never too often.
 */

static assess_err_e
assess_batch_update(assess_conn_t *conn, assess_arena_t *arena,
    const assess_batch_will_t *will, assess_batch_t *batch, assess_err_t *err)
{
    PGresult      *res;
    assess_err_e   rc;
    assess_args_t  args;

    static const char  sql[] =
        "update assess.batch_assessments b set status = $2, open = true,"
        " completed_at = case when $3::boolean then null"
        " else b.completed_at end,"
        " retry_before = case when $3::boolean then clock_timestamp()"
        " when $2 in ('cancelled', 'budget_exceeded') then null"
        " else b.retry_before end,"
        " changes = b.changes + 1,"
        " told = case when $4::boolean then b.told else b.changes + 1 end,"
        " told_at = case when $4::boolean then b.told_at"
        " else clock_timestamp() end,"
        " told_id = case when $4::boolean then b.told_id else $5::bigint end,"
        " estimated_completion = null, estimate_due = '-infinity',"
        " measured_from = case when b.status = 'processing'"
        " and b.completed_at is null then b.measured_from"
        " else clock_timestamp() end"
        " where b.batch_id = $1 returning" ASSESS_BATCH_COLUMNS;

    assess_args_init(&args);
    assess_arg_id(&args, batch->batch_id);
    assess_arg_cstr(&args, assess_batch_status_name(will->status));
    assess_arg_id(&args, will->open ? "true" : "false");
    assess_arg_id(&args, will->untold ? "true" : "false");
    assess_arg_int(&args, will->event_id);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = PQntuples(res) && assess_batch_row(arena, res, 0, batch) == 0
         ? ASSESS_OK : assess_db_no_memory(err);
    PQclear(res);

    return rc;
}


static assess_err_e
assess_batch_act_in(assess_conn_t *conn, assess_arena_t *arena,
    const assess_scope_t *scope, const char *batch_id, assess_batch_act_e act,
    assess_batch_change_t *change, assess_err_t *err)
{
    int64_t               value;
    assess_batch_will_t   will;

    if (assess_batch_lock(conn, &value, err) != ASSESS_OK
        || assess_batch_hold(conn, arena, scope, batch_id, &change->batch,
                             &will.untold, err)
           != ASSESS_OK
        || assess_batch_will(&change->batch, act, &will, &change->changed,
                             err)
           != ASSESS_OK)
    {
        return err->kind;
    }

    if (!change->changed) {
        return ASSESS_OK;
    }

    will.event_id = value + 1;

    if (assess_batch_lanes(conn, batch_id, will.closed, err) != ASSESS_OK
        || assess_batch_update(conn, arena, &will, &change->batch, err)
           != ASSESS_OK)
    {
        return err->kind;
    }

    if (will.untold) {
        return assess_db_commit(conn, err);
    }

    change->events = assess_palloc(arena, sizeof(assess_event_t));

    if (change->events == NULL
        || assess_batch_event(arena, &change->batch, change->events) != 0)
    {
        return assess_db_no_memory(err);
    }

    if (assess_events_commit(conn, change->events, 1, NULL, 0, err)
        != ASSESS_OK)
    {
        return err->kind;
    }

    change->nevents = 1;

    return ASSESS_OK;
}


assess_err_e
assess_batch_act(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *batch_id, assess_batch_act_e act,
    assess_batch_change_t *change, assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    memset(change, 0, sizeof(assess_batch_change_t));

    if (!assess_uuid_valid(batch_id, strlen(batch_id))) {
        return assess_batch_unknown(err);
    }

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_db_begin(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    rc = assess_batch_act_in(conn, arena, scope, batch_id, act, change, err);

    assess_db_release(conn);

    return rc;
}
