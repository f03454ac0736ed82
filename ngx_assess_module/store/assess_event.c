
/* The event log: what transactions tell, and how it is read again. */

#include "assess_event_int.h"
#include "assess_job_int.h"

#include <stdlib.h>
#include <string.h>


#define ASSESS_EVENT_COLUMNS                                                 \
    " e.event_id, e.type, e.tenant, e.user_name, e.job_id, e.document_id,"   \
    " e.batch_id, e.data "

/* the events of a row of the log under the alias l */
#define ASSESS_EVENT_UNNEST                                                  \
    "unnest(l.types, l.tenants, l.users, l.job_ids, l.document_ids,"         \
    " l.batch_ids, l.data) with ordinality as u (type, tenant, user_name,"   \
    " job_id, document_id, batch_id, data, n)"

/* rows of the log that one look reads: what is others' is passed over */
#define ASSESS_EVENT_ROWS  512


static void
assess_events_args(assess_args_t *args, const assess_event_t *events,
    size_t n)
{
    size_t         i;
    assess_buf_t   types, tenants, users, jobs, documents, batches, data;

    memset(&types, 0, sizeof(assess_buf_t));
    memset(&tenants, 0, sizeof(assess_buf_t));
    memset(&users, 0, sizeof(assess_buf_t));
    memset(&jobs, 0, sizeof(assess_buf_t));
    memset(&documents, 0, sizeof(assess_buf_t));
    memset(&batches, 0, sizeof(assess_buf_t));
    memset(&data, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        assess_array_add(&types, &events[i].type);
        assess_array_add(&tenants, &events[i].tenant);
        assess_array_add(&users, &events[i].user);
        assess_array_id(&jobs, events[i].job_id);
        assess_array_id(&documents, events[i].document_id);
        assess_array_id(&batches, events[i].batch_id);
        assess_array_add(&data, &events[i].data);
    }

    assess_args_init(args);
    assess_arg_int(args, (int64_t) n);
    assess_arg_array(args, &types);
    assess_arg_array(args, &tenants);
    assess_arg_array(args, &users);
    assess_arg_array(args, &jobs);
    assess_arg_array(args, &documents);
    assess_arg_array(args, &batches);
    assess_arg_array(args, &data);
}


/* The same, and what it means for batches, with one answer to wait for */

static PGresult *
assess_events_batched(assess_conn_t *conn, const char *sql,
    assess_args_t *args, const assess_turn_t *turns, size_t nturns, int commit,
    assess_err_t *err)
{
    PGresult      *res;
    assess_err_e   rc;

    res = NULL;

    rc = assess_db_ahead(conn, sql, args, &res, err);

    if (rc == ASSESS_OK) {
        rc = assess_turns_batches(conn, turns, nturns, err);
    }

    if (rc == ASSESS_OK) {
        rc = commit ? assess_db_commit(conn, err) : assess_db_flush(conn, err);
    }

    if (rc != ASSESS_OK) {
        PQclear(res);
        return NULL;
    }

    return res;
}


/*
 * The lock of the counter is taken first: what is counted is changed under it.
 */

static assess_err_e
assess_events_put(assess_conn_t *conn, assess_event_t *events, size_t n,
    const assess_turn_t *turns, size_t nturns, int commit, assess_err_t *err)
{
    size_t          i;
    int64_t         last;
    PGresult       *res;
    assess_args_t   args;

    static const char  sql[] =
        "with counter as ("
        " update assess.event_counter set value = value + $1::bigint"
        " returning value), written as ("
        " insert into assess.event_log (first_id, last_id, types, tenants,"
        " users, job_ids, document_ids, batch_ids, data)"
        " select c.value - $1::bigint + 1, c.value, $2::text[], $3::text[],"
        " $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[]"
        " from counter c), counted as ("
        ASSESS_TURNS_COUNTED("$9", "$10", "$11") "), laned as ("
        ASSESS_TURNS_LANES("$12", "$13", "$14", "$15", "$16", "$17", "$18",
                           "$19", "$20") ")"
        " select value from counter";

    assess_events_args(&args, events, n);
    assess_turns_args(&args, turns, nturns);

    if (assess_turns_batched(turns, nturns)) {
        res = assess_events_batched(conn, sql, &args, turns, nturns, commit,
                                    err);

    } else {
        res = commit ? assess_db_exec_commit(conn, sql, &args, err)
                     : assess_db_exec(conn, sql, &args, err);
    }

    if (res == NULL) {
        return err->kind;
    }

    if (PQntuples(res) != 1) {
        PQclear(res);
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "the event counter is missing");
    }

    last = assess_col_int(res, 0, 0);
    PQclear(res);

    for (i = 0; i < n; i++) {
        events[i].event_id = last - (int64_t) (n - 1 - i);
    }

    return ASSESS_OK;
}


assess_err_e
assess_events_write(assess_conn_t *conn, assess_event_t *events, size_t n,
    const assess_turn_t *turns, size_t nturns, assess_err_t *err)
{
    return assess_events_put(conn, events, n, turns, nturns, 0, err);
}


assess_err_e
assess_events_commit(assess_conn_t *conn, assess_event_t *events, size_t n,
    const assess_turn_t *turns, size_t nturns, assess_err_t *err)
{
    return assess_events_put(conn, events, n, turns, nturns, 1, err);
}


assess_err_e
assess_events_lock(assess_conn_t *conn, assess_err_t *err)
{
    assess_args_t  args;

    assess_args_init(&args);

    return assess_db_later(conn, "select 1 from assess.event_counter"
                           " for update", &args, err);
}


static int
assess_event_row(assess_arena_t *arena, const PGresult *res, int row,
    assess_event_t *event)
{
    event->event_id = assess_col_int(res, row, 0);
    assess_col_id(res, row, 4, event->job_id);
    assess_col_id(res, row, 5, event->document_id);
    assess_col_id(res, row, 6, event->batch_id);

    if (assess_col_str(arena, res, row, 1, &event->type) != 0
        || assess_col_str(arena, res, row, 2, &event->tenant) != 0
        || assess_col_str(arena, res, row, 3, &event->user) != 0
        || assess_col_str(arena, res, row, 7, &event->data) != 0)
    {
        return -1;
    }

    return 0;
}


/* A row without an event, which an outer join gives, is passed over */

static assess_err_e
assess_events_rows(assess_arena_t *arena, const PGresult *res,
    assess_event_t **events, size_t *n, assess_err_t *err)
{
    int  i, rows;

    rows = PQntuples(res);

    *n = 0;
    *events = assess_palloc(arena,
                            ((size_t) rows + 1) * sizeof(assess_event_t));
    if (*events == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < rows; i++) {

        if (PQgetisnull(res, i, 0)) {
            continue;
        }

        if (assess_event_row(arena, res, i, &(*events)[*n]) != 0) {
            return assess_db_no_memory(err);
        }

        (*n)++;
    }

    return ASSESS_OK;
}


assess_err_e
assess_events_bounds(assess_db_t *db, int64_t *oldest, int64_t *newest,
    assess_err_t *err)
{
    PGresult       *res;
    assess_conn_t  *conn;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    res = assess_db_exec(conn, "select pruned + 1, value"
                         " from assess.event_counter", NULL, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    if (PQntuples(res) != 1) {
        PQclear(res);
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "the event counter is missing");
    }

    *oldest = assess_col_int(res, 0, 0);
    *newest = assess_col_int(res, 0, 1);
    PQclear(res);

    return ASSESS_OK;
}


/*
 * The counter and the events are read by one statement, so from one snapshot:
 * what the counter counts in it is all there.
 */

assess_err_e
assess_events_after(assess_db_t *db, assess_arena_t *arena,
    const assess_str_t *tenant, int64_t after, int limit,
    assess_event_t **events, size_t *n, int64_t *upto, assess_err_t *err)
{
    int             all;
    PGresult       *res;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

#define ASSESS_EVENTS_AFTER(which)                                           \
    "with l as (select * from assess.event_log where first_id >="            \
    " coalesce((select max(first_id) from assess.event_log"                  \
    " where first_id <= $1::bigint + 1), 0) and last_id > $1::bigint"        \
    " order by first_id limit $3::int)"                                      \
    " select" ASSESS_EVENT_COLUMNS ", c.value,"                              \
    " (select count(*) from l), (select max(last_id) from l)"                \
    " from assess.event_counter c left join lateral ("                       \
    " select l.first_id + u.n - 1 as event_id, u.*"                          \
    " from l cross join lateral " ASSESS_EVENT_UNNEST                        \
    " where l.first_id + u.n - 1 > $1::bigint and " which                    \
    " order by l.first_id, u.n limit $2::int) e on true order by e.event_id"

    static const char  any[] = ASSESS_EVENTS_AFTER("u.type is not null");
    static const char  one[] = ASSESS_EVENTS_AFTER("u.tenant = $4");

    *n = 0;
    all = tenant == NULL || tenant->data == NULL;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_int(&args, after);
    assess_arg_int(&args, limit);
    assess_arg_int(&args, ASSESS_EVENT_ROWS);

    if (!all) {
        assess_arg_text(&args, tenant);
    }

    res = assess_db_exec(conn, all ? any : one, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    if (PQntuples(res) == 0) {
        PQclear(res);
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "the event counter is missing");
    }

    rc = assess_events_rows(arena, res, events, n, err);

    if (rc == ASSESS_OK) {
        *upto = assess_col_int(res, 0, 8);

        if (*n >= (size_t) limit && *n) {
            *upto = (*events)[*n - 1].event_id;

        } else if (assess_col_int(res, 0, 9) == ASSESS_EVENT_ROWS) {
            *upto = assess_col_int(res, 0, 10);
        }
    }

    PQclear(res);

    return rc;
}


/*
 * What is deleted is not told any more, and that is noted in the counter: ids
 * are not quite in the order of times, so an older event may remain for a
 * while.
 */

assess_err_e
assess_events_forget(assess_db_t *db, int64_t age_ms, int64_t *n,
    assess_err_t *err)
{
    PGresult       *res;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "with old as (select first_id, last_id from assess.event_log"
        " where created_at < now() - $1::bigint * interval '1 millisecond'"
        " order by created_at limit $2::int for update skip locked),"
        " gone as (delete from assess.event_log l using old o"
        " where l.first_id = o.first_id),"
        " noted as (update assess.event_counter c"
        " set pruned = greatest(c.pruned, o.last_id)"
        " from (select max(last_id) as last_id from old) o"
        " where o.last_id > c.pruned)"
        " select count(*) from old";

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_int(&args, age_ms);
    assess_arg_int(&args, ASSESS_EVENT_ROWS);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    *n = assess_col_int(res, 0, 0);
    PQclear(res);

    return ASSESS_OK;
}


/* The event that would tell of a job as it is, under the id it has */

static assess_err_e
assess_event_renew(assess_db_t *db, assess_arena_t *arena,
    assess_event_t *event, assess_err_t *err)
{
    int64_t         id;
    assess_err_e    rc;
    assess_job_t    job;
    assess_conn_t  *conn;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_job_find(conn, arena, &event->tenant, event->job_id, &job,
                         err);

    assess_db_release(conn);

    if (rc != ASSESS_OK) {
        return rc;
    }

    id = event->event_id;

    if (assess_job_event(arena, &job, event->type.data, "", assess_now_ms(),
                         event) != 0)
    {
        return assess_db_no_memory(err);
    }

    event->event_id = id;

    return ASSESS_OK;
}


assess_err_e
assess_events_latest(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_str_t *job_ids, size_t njobs,
    const assess_str_t *document_ids, size_t ndocuments,
    assess_event_t **events, size_t *n, assess_err_t *err)
{
    size_t          i;
    PGresult       *res;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    /*
     * Of the events of one transaction the last one of the job.  Where the log
     * does not go back that far, only its type is told, and it is as old as
     * what is forgotten.
     */

    static const char  sql[] =
        "select coalesce(e.event_id, c.pruned),"
        " coalesce(e.type, case j.status when 'completed' then 'complete'"
        " when 'cancelled' then 'cancelled' when 'queued' then 'queued'"
        " when 'processing' then 'progress' else 'error' end),"
        " j.tenant, j.user_name, j.job_id, j.document_id, j.batch_id, e.data"
        " from (select * from assess.assessment_jobs"
        " where tenant = $1 and job_id = any ($2::uuid[])"
        " union all select * from assess.assessment_jobs"
        " where tenant = $1 and document_id = any ($3::uuid[])"
        " and job_id <> all ($2::uuid[])) j"
        " cross join assess.event_counter c"
        " left join lateral (select l.first_id + u.n - 1 as event_id, u.*"
        " from assess.event_log l cross join lateral " ASSESS_EVENT_UNNEST
        " where l.created_at = j.told_at"
        " and l.job_ids @> array[j.job_id] and u.job_id = j.job_id"
        " order by l.first_id desc, u.n desc limit 1) e on true"
        " order by 1";

    *n = 0;

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_ids(&args, job_ids, njobs);
    assess_arg_ids(&args, document_ids, ndocuments);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rc = assess_events_rows(arena, res, events, n, err);
    PQclear(res);

    for (i = 0; i < *n && rc == ASSESS_OK; i++) {
        if ((*events)[i].data.data == NULL) {
            rc = assess_event_renew(db, arena, &(*events)[i], err);
        }
    }

    return rc;
}
