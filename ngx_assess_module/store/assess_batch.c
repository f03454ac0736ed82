
/* A batch as a row, as JSON, as an event; one of them, and lists. */

#include "assess_batch_int.h"
#include "assess_job_int.h"

#include <string.h>


static const char *const  assess_batch_statuses[ASSESS_BATCH_STATUSES] = {
    "queued",
    "processing",
    "paused",
    "completed",
    "cancelled",
    "budget_exceeded"
};


const char *
assess_batch_status_name(assess_batch_status_e status)
{
    if ((unsigned) status >= ASSESS_BATCH_STATUSES) {
        return NULL;
    }

    return assess_batch_statuses[status];
}


int
assess_batch_status_by_name(const char *name, size_t len)
{
    int  i;

    for (i = 0; i < ASSESS_BATCH_STATUSES; i++) {
        if (strlen(assess_batch_statuses[i]) == len
            && memcmp(assess_batch_statuses[i], name, len) == 0)
        {
            return i;
        }
    }

    return -1;
}


int
assess_batch_over(const assess_batch_t *batch)
{
    return batch->completed + batch->failed + batch->cancelled
           >= batch->documents && !batch->retrying;
}


/* Of one that is paused, or has ended, nobody expects anything. */

static void
assess_batch_estimate_row(const PGresult *res, int row, assess_batch_t *batch)
{
    if (batch->status != ASSESS_BATCH_PROCESSING || batch->completed_at
        || PQgetisnull(res, row, 14))
    {
        return;
    }

    batch->estimated_completion = assess_col_int(res, row, 14);
    (void) snprintf(batch->quality, sizeof(batch->quality), "%s",
                    PQgetvalue(res, row, 23));
    batch->earliest = assess_col_int(res, row, 24);
    batch->latest = assess_col_int(res, row, 25);
}


int
assess_batch_row(assess_arena_t *arena, const PGresult *res, int row,
    assess_batch_t *batch)
{
    memset(batch, 0, sizeof(assess_batch_t));

    assess_col_id(res, row, 0, batch->batch_id);
    batch->status = (assess_batch_status_e)
                    assess_batch_status_by_name(PQgetvalue(res, row, 3),
                                                (size_t) PQgetlength(res, row,
                                                                     3));
    batch->documents = (int) assess_col_int(res, row, 4);
    batch->completed = (int) assess_col_int(res, row, 5);
    batch->failed = (int) assess_col_int(res, row, 6);
    batch->cancelled = (int) assess_col_int(res, row, 7);
    batch->input_tokens = assess_col_int(res, row, 8);
    batch->output_tokens = assess_col_int(res, row, 9);
    batch->cost = assess_col_real(res, row, 10, 0);
    batch->estimated_cost = assess_col_real(res, row, 11, -1);
    batch->max_cost = assess_col_real(res, row, 12, -1);
    batch->priority = (int) assess_col_int(res, row, 13);
    batch->created_at = assess_col_int(res, row, 15);
    batch->started_at = assess_col_int(res, row, 16);
    batch->completed_at = assess_col_int(res, row, 17);
    batch->questions = (int) assess_col_int(res, row, 21);
    batch->retrying = PQgetvalue(res, row, 22)[0] == 't';

    assess_batch_estimate_row(res, row, batch);

    if (assess_col_str(arena, res, row, 1, &batch->tenant) != 0
        || assess_col_str(arena, res, row, 2, &batch->user) != 0
        || assess_col_str(arena, res, row, 18, &batch->metadata) != 0
        || assess_col_str(arena, res, row, 19, &batch->callback_url) != 0
        || assess_col_str(arena, res, row, 20, &batch->notify_email) != 0)
    {
        return -1;
    }

    return 0;
}


static void
assess_batch_money_json(assess_buf_t *b, const char *name, double dollars)
{
    assess_buf_str(b, name);

    if (dollars < 0) {
        assess_buf_str(b, "null");
        return;
    }

    assess_buf_json_num(b, dollars);
}


static void
assess_batch_counts_json(assess_buf_t *b, const assess_batch_t *batch)
{
    int  ended;

    ended = batch->completed + batch->failed + batch->cancelled;

    assess_buf_printf(b, ",\"totalDocuments\":%d,\"completedDocuments\":%d"
                      ",\"failedDocuments\":%d,\"cancelledDocuments\":%d"
                      ",\"progress\":",
                      batch->documents, batch->completed, batch->failed,
                      batch->cancelled);
    assess_buf_json_num(b, batch->documents
                           ? (double) ended / batch->documents : 0);
}


static void
assess_batch_estimate_json(assess_buf_t *b, const assess_batch_t *batch)
{
    assess_buf_str(b, ",\"estimatedCompletion\":");
    assess_buf_json_time(b, batch->estimated_completion);

    if (batch->estimated_completion == 0) {
        assess_buf_str(b, ",\"estimateQuality\":null,\"estimatedRange\":null");
        return;
    }

    assess_buf_str(b, ",\"estimateQuality\":");
    assess_buf_json_cstr(b, batch->quality);
    assess_buf_str(b, ",\"estimatedRange\":{\"earliest\":");
    assess_buf_json_time(b, batch->earliest);
    assess_buf_str(b, ",\"latest\":");
    assess_buf_json_time(b, batch->latest);
    assess_buf_char(b, '}');
}


/*
 * What stands between the braces of the Batch.  The last member is completedAt:
 * a stream sees by the end of an event whether it is the final one.
 */

static void
assess_batch_members(assess_buf_t *b, const assess_batch_t *batch)
{
    assess_buf_str(b, "\"batchId\":");
    assess_buf_json_cstr(b, batch->batch_id);
    assess_buf_str(b, ",\"user\":");
    assess_buf_json_str(b, &batch->user);
    assess_buf_str(b, ",\"status\":");
    assess_buf_json_cstr(b, assess_batch_status_name(batch->status));
    assess_batch_counts_json(b, batch);
    assess_buf_str(b, ",\"tokens\":{\"input\":");
    assess_buf_int(b, batch->input_tokens);
    assess_buf_str(b, ",\"output\":");
    assess_buf_int(b, batch->output_tokens);
    assess_batch_money_json(b, "},\"cost\":", batch->cost);
    assess_batch_money_json(b, ",\"estimatedCost\":", batch->estimated_cost);
    assess_batch_money_json(b, ",\"maxCost\":", batch->max_cost);
    assess_buf_str(b, ",\"priority\":");
    assess_buf_int(b, batch->priority);
    assess_buf_str(b, ",\"metadata\":");

    if (batch->metadata.len) {
        assess_buf_add(b, batch->metadata.data, batch->metadata.len);

    } else {
        assess_buf_str(b, "{}");
    }

    assess_batch_estimate_json(b, batch);
    assess_buf_str(b, ",\"createdAt\":");
    assess_buf_json_time(b, batch->created_at);
    assess_buf_str(b, ",\"startedAt\":");
    assess_buf_json_time(b, batch->started_at);
    assess_buf_str(b, ",\"completedAt\":");
    assess_buf_json_time(b, batch->completed_at);
}


void
assess_batch_json(assess_buf_t *b, const assess_batch_t *batch)
{
    assess_buf_char(b, '{');
    assess_batch_members(b, batch);
    assess_buf_char(b, '}');
}


int
assess_batch_event(assess_arena_t *arena, const assess_batch_t *batch,
    assess_event_t *event)
{
    int           rc;
    assess_buf_t  b;

    static const assess_str_t  type = assess_str("batch");

    memset(event, 0, sizeof(assess_event_t));
    memset(&b, 0, sizeof(assess_buf_t));

    event->type = type;
    event->tenant = batch->tenant;
    event->user = batch->user;
    memcpy(event->batch_id, batch->batch_id, sizeof(event->batch_id));

    assess_buf_str(&b, "{\"type\":\"batch\",");
    assess_batch_members(&b, batch);
    assess_buf_char(&b, '}');

    rc = b.failed ? -1 : assess_pstrdup(arena, &event->data, b.data, b.len);

    if (rc == 0) {
        assess_event_one_line(&event->data);
    }

    assess_buf_free(&b);

    return rc;
}


assess_err_e
assess_batch_unknown(assess_err_t *err)
{
    return assess_fail(err, ASSESS_NOT_FOUND, NULL, "there is no such batch");
}


assess_err_e
assess_batch_find(assess_conn_t *conn, assess_arena_t *arena,
    const assess_str_t *tenant, const char *batch_id, assess_batch_t *batch,
    assess_err_t *err)
{
    PGresult      *res;
    assess_err_e   rc;
    assess_args_t  args;

    if (!assess_uuid_valid(batch_id, strlen(batch_id))) {
        return assess_batch_unknown(err);
    }

    assess_args_init(&args);
    assess_arg_text(&args, tenant);
    assess_arg_id(&args, batch_id);

    res = assess_db_exec(conn, "select" ASSESS_BATCH_COLUMNS
                         "from assess.batch_assessments b"
                         " where b.tenant = $1 and b.batch_id = $2",
                         &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = ASSESS_OK;

    if (PQntuples(res) == 0) {
        rc = assess_batch_unknown(err);

    } else if (assess_batch_row(arena, res, 0, batch) != 0) {
        rc = assess_db_no_memory(err);
    }

    PQclear(res);

    return rc;
}


assess_err_e
assess_batch_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *batch_id, assess_batch_t *batch,
    assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    rc = assess_batch_find(conn, arena, &scope->tenant, batch_id, batch, err);

    assess_db_release(conn);

    return rc;
}


assess_err_e
assess_batch_lock(assess_conn_t *conn, int64_t *value, assess_err_t *err)
{
    PGresult  *res;

    res = assess_db_exec(conn, "select value from assess.event_counter"
                         " for update", NULL, err);
    if (res == NULL) {
        return err->kind;
    }

    *value = PQntuples(res) ? assess_col_int(res, 0, 0) : -1;
    PQclear(res);

    if (*value < 0) {
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "the event counter is missing");
    }

    return ASSESS_OK;
}


static void
assess_batches_where(assess_buf_t *sql, assess_args_t *args,
    const assess_scope_t *scope, const assess_batch_filter_t *filter)
{
    assess_args_init(args);
    assess_arg_text(args, &scope->tenant);
    assess_buf_str(sql, " from assess.batch_assessments b"
                        " where b.tenant = $1");

    if (filter->status >= 0) {
        assess_arg_cstr(args, assess_batch_status_name(
                                 (assess_batch_status_e) filter->status));
        assess_buf_str(sql, " and b.status = $2");
    }
}


static assess_err_e
assess_batches_page(assess_conn_t *conn, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_batch_filter_t *filter,
    assess_batch_t **batches, size_t *n, assess_str_t *next,
    assess_err_t *err)
{
    int            i, rows, last;
    PGresult      *res;
    assess_buf_t   sql;
    assess_err_e   rc;
    assess_args_t  args;

    memset(&sql, 0, sizeof(assess_buf_t));

    assess_buf_str(&sql, "select" ASSESS_BATCH_COLUMNS
                   ", (extract(epoch from b.created_at) * 1000000)::bigint");
    assess_batches_where(&sql, &args, scope, filter);

    res = assess_db_page(conn, &sql, &args, "b.created_at", "b.batch_id",
                         &filter->paging, err);
    assess_buf_free(&sql);

    if (res == NULL) {
        return err->kind;
    }

    rc = ASSESS_OK;
    rows = PQntuples(res);
    last = rows > filter->paging.limit ? filter->paging.limit : rows;

    *batches = assess_palloc(arena, ((size_t) last + 1)
                                    * sizeof(assess_batch_t));
    if (*batches == NULL) {
        rc = assess_db_no_memory(err);
    }

    for (i = 0; i < last && rc == ASSESS_OK; i++) {
        if (assess_batch_row(arena, res, i, &(*batches)[i]) != 0) {
            rc = assess_db_no_memory(err);
        }
    }

    if (rc == ASSESS_OK && rows > last
        && assess_cursor_write(arena, next,
                               assess_col_int(res, last - 1,
                                              ASSESS_BATCH_EXTRA),
                               (*batches)[last - 1].batch_id) != 0)
    {
        rc = assess_db_no_memory(err);
    }

    *n = (size_t) last;
    PQclear(res);

    return rc;
}


static assess_err_e
assess_batches_total(assess_conn_t *conn, const assess_scope_t *scope,
    const assess_batch_filter_t *filter, int64_t *total, assess_err_t *err)
{
    PGresult      *res;
    assess_buf_t   sql;
    assess_args_t  args;

    memset(&sql, 0, sizeof(assess_buf_t));

    assess_buf_str(&sql, "select count(*)");
    assess_batches_where(&sql, &args, scope, filter);
    args.failed |= sql.failed;

    res = assess_db_query(conn, sql.data, &args, err);
    assess_buf_free(&sql);

    if (res == NULL) {
        return err->kind;
    }

    *total = assess_col_int(res, 0, 0);
    PQclear(res);

    return ASSESS_OK;
}


assess_err_e
assess_batches_list(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_batch_filter_t *filter,
    assess_batch_t **batches, size_t *n, assess_str_t *next, int64_t *total,
    assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    *batches = NULL;
    *n = 0;
    *total = 0;
    next->len = 0;
    next->data = NULL;

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    rc = assess_batches_page(conn, arena, scope, filter, batches, n, next,
                             err);

    if (rc == ASSESS_OK) {
        rc = assess_batches_total(conn, scope, filter, total, err);
    }

    assess_db_release(conn);

    return rc;
}


static assess_err_e
assess_batches_events(assess_arena_t *arena, const PGresult *res,
    assess_event_t **events, size_t *n, assess_err_t *err)
{
    int              i, rows;
    assess_batch_t   batch;

    rows = PQntuples(res);

    *events = assess_palloc(arena, ((size_t) rows + 1)
                                   * sizeof(assess_event_t));
    if (*events == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < rows; i++) {

        if (assess_batch_row(arena, res, i, &batch) != 0
            || assess_batch_event(arena, &batch, &(*events)[i]) != 0)
        {
            return assess_db_no_memory(err);
        }

        (*events)[i].event_id = assess_col_int(res, i, ASSESS_BATCH_EXTRA);
        (*n)++;
    }

    return ASSESS_OK;
}


assess_err_e
assess_batches_latest(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_str_t *ids, size_t nids,
    assess_event_t **events, size_t *n, assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    *n = 0;

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_ids(&args, ids, nids);

    res = assess_db_exec(conn, "select" ASSESS_BATCH_COLUMNS ", b.told_id"
                         " from assess.batch_assessments b"
                         " where b.tenant = $1 and b.batch_id = any ($2::uuid[])"
                         " order by b.told_id", &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rc = assess_batches_events(arena, res, events, n, err);
    PQclear(res);

    return rc;
}
