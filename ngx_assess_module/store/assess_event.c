
#include "assess_event_int.h"

#include <stdlib.h>
#include <string.h>


#define ASSESS_EVENT_COLUMNS                                                 \
    " e.event_id, e.type, e.tenant, e.user_name, e.job_id, e.document_id,"   \
    " e.batch_id, e.data "


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
        assess_array_word(&jobs, events[i].job_id);
        assess_array_word(&documents, events[i].document_id);
        assess_array_word(&batches, events[i].batch_id);
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


static assess_err_e
assess_events_put(assess_conn_t *conn, assess_event_t *events, size_t n,
    int commit, assess_err_t *err)
{
    size_t          i;
    int64_t         last;
    PGresult       *res;
    assess_args_t   args;

    static const char  sql[] =
        "with counter as ("
        " update assess.event_counter set value = value + $1::bigint"
        " returning value), written as ("
        " insert into assess.assessment_progress_events (event_id, type,"
        " tenant, user_name, job_id, document_id, batch_id, data)"
        " select c.value - $1::bigint + e.n, e.type, e.tenant, e.user_name,"
        " e.job_id, e.document_id, e.batch_id, e.data from counter c,"
        " unnest($2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[],"
        " $7::uuid[], $8::text[]) with ordinality"
        " as e (type, tenant, user_name, job_id, document_id, batch_id, data,"
        " n)) select value from counter";

    assess_events_args(&args, events, n);

    res = commit ? assess_db_exec_commit(conn, sql, &args, err)
                 : assess_db_exec(conn, sql, &args, err);
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
    assess_err_t *err)
{
    return assess_events_put(conn, events, n, 0, err);
}


assess_err_e
assess_events_commit(assess_conn_t *conn, assess_event_t *events, size_t n,
    assess_err_t *err)
{
    return assess_events_put(conn, events, n, 1, err);
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

    static const char  any[] =
        "select" ASSESS_EVENT_COLUMNS ", c.value from assess.event_counter c"
        " left join lateral (select * from assess.assessment_progress_events"
        " where event_id > $1 order by event_id limit $2) e on true"
        " order by e.event_id";

    static const char  one[] =
        "select" ASSESS_EVENT_COLUMNS ", c.value from assess.event_counter c"
        " left join lateral (select * from assess.assessment_progress_events"
        " where tenant = $3 and event_id > $1 order by event_id limit $2) e"
        " on true order by e.event_id";

    *n = 0;
    all = tenant == NULL || tenant->data == NULL;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_int(&args, after);
    assess_arg_int(&args, limit);

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
        *upto = *n >= (size_t) limit && *n ? (*events)[*n - 1].event_id
                                           : assess_col_int(res, 0, 8);
    }

    PQclear(res);

    return rc;
}


static void
assess_events_ids(assess_args_t *args, const assess_str_t *ids, size_t n)
{
    size_t        i;
    assess_buf_t  array;

    memset(&array, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        if (assess_uuid_valid(ids[i].data, ids[i].len)) {
            assess_array_add(&array, &ids[i]);
        }
    }

    assess_arg_array(args, &array);
}


assess_err_e
assess_events_latest(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_str_t *job_ids, size_t njobs,
    const assess_str_t *document_ids, size_t ndocuments,
    assess_event_t **events, size_t *n, assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "select" ASSESS_EVENT_COLUMNS "from ("
        " select job_id from assess.assessment_jobs"
        " where tenant = $1 and job_id = any ($2::uuid[])"
        " union select job_id from assess.assessment_jobs"
        " where tenant = $1 and document_id = any ($3::uuid[])) j"
        " cross join lateral (select *"
        " from assess.assessment_progress_events"
        " where job_id = j.job_id order by event_id desc limit 1) e"
        " where e.tenant = $1 order by e.event_id";

    *n = 0;

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_events_ids(&args, job_ids, njobs);
    assess_events_ids(&args, document_ids, ndocuments);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rc = assess_events_rows(arena, res, events, n, err);
    PQclear(res);

    return rc;
}
