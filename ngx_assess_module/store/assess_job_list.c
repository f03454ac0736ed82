
/* Jobs as they are read: one with its place in the queue, lists, counters. */

#include "assess_document_int.h"
#include "assess_job_int.h"
#include "assess_queue_int.h"

#include <stdlib.h>
#include <string.h>


/*
 * How far back the queue is counted.  Behind that a place is not known: to count
 * a million jobs takes longer than the first of them do.
 */
#define ASSESS_QUEUE_KNOWN  1000


/*
 * Which of their lane these jobs are, by their ids; and the lanes.  That of a job
 * is looked up whatever its state is: the index of those that wait has their ids
 * last, and would be read from end to end for each.
 *
 * Lists begin with the newest, which in a long lane are far behind what is
 * counted: how many a lane has is known, and few are newer than the newest here.
 */

static assess_err_e
assess_jobs_nth(assess_conn_t *conn, assess_buf_t *ids, assess_arena_t *arena,
    PGresult **res, assess_lanes_t *lanes, assess_err_t *err)
{
    assess_args_t  args;

    static const char  sql[] =
        "select c.job_id, w.lane, c.nth from (select distinct on (m.lane)"
        " m.lane, m.created_at, m.job_id from assess.assessment_jobs m"
        " where m.job_id = any($1::uuid[])"
        " order by m.lane, m.created_at desc, m.job_id desc) w"
        " join assess.lanes l on l.lane = w.lane and l.queued"
        " - cardinality($1::uuid[]) - (select count(*) from (select"
        " from assess.assessment_jobs b where b.lane = w.lane"
        " and b.status = 'queued' and (b.created_at, b.job_id)"
        " > (w.created_at, w.job_id) limit $2::int) n) < $2::int"
        " cross join lateral (select k.job_id, row_number() over"
        " (order by k.created_at, k.job_id) as nth from"
        " (select job_id, created_at from assess.assessment_jobs"
        " where lane = w.lane and status = 'queued'"
        " order by created_at, job_id limit $2::int) k) c"
        " where c.job_id = any($1::uuid[]) order by c.job_id";

    assess_args_init(&args);
    assess_arg_array(&args, ids);
    assess_arg_int(&args, ASSESS_QUEUE_KNOWN);

    *res = assess_db_exec(conn, sql, &args, err);
    if (*res == NULL) {
        return err->kind;
    }

    return assess_queue_read(conn, arena, lanes, err);
}


/* The row of a job, of those that are in the order of their ids; -1: none */

static int
assess_jobs_row_of(const PGresult *res, const char *id)
{
    int   low, high, at, order;
    char  name[ASSESS_UUID_LEN + 1];

    low = 0;
    high = PQntuples(res);

    while (low < high) {
        at = low + (high - low) / 2;

        assess_col_id(res, at, 0, name);
        order = strcmp(id, name);

        if (order == 0) {
            return at;
        }

        if (order < 0) {
            high = at;

        } else {
            low = at + 1;
        }
    }

    return -1;
}


/* The place of the nth job of a lane, from 1; 0: it is not known */

static int
assess_jobs_place(const int64_t *order, size_t norder, int64_t lane,
    int64_t nth)
{
    size_t  i;

    for (i = 0; i < norder; i++) {
        if (order[i] == lane && --nth == 0) {
            return (int) i + 1;
        }
    }

    return 0;
}


/* 0: the job does not wait, or it is not known where */

static assess_err_e
assess_jobs_walk(assess_conn_t *conn, const char *const *ids, size_t n,
    int *places, assess_err_t *err)
{
    int              row;
    size_t           i, norder;
    int64_t          order[ASSESS_QUEUE_KNOWN];
    PGresult        *res;
    assess_buf_t     array;
    assess_err_e     rc;
    assess_arena_t  *arena;
    assess_lanes_t   lanes;

    res = NULL;

    arena = assess_arena_create();
    if (arena == NULL) {
        return assess_db_no_memory(err);
    }

    memset(&array, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        assess_array_id(&array, ids[i]);
    }

    rc = assess_jobs_nth(conn, &array, arena, &res, &lanes, err);

    norder = rc == ASSESS_OK
             ? assess_lanes_order(&lanes, ASSESS_QUEUE_KNOWN, order) : 0;

    for (i = 0; i < n && rc == ASSESS_OK; i++) {
        row = assess_jobs_row_of(res, ids[i]);
        places[i] = row == -1 ? 0 : assess_jobs_place(order, norder,
                                        assess_col_int(res, row, 1),
                                        assess_col_int(res, row, 2));
    }

    PQclear(res);
    assess_arena_destroy(arena);

    return rc;
}


assess_err_e
assess_jobs_places(assess_db_t *db, const char (*ids)[ASSESS_UUID_LEN + 1],
    size_t n, int *places, assess_err_t *err)
{
    size_t          i;
    const char    **list;
    assess_err_e    rc;
    assess_conn_t  *conn;

    list = malloc((n + 1) * sizeof(char *));
    if (list == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < n; i++) {
        list[i] = ids[i];
    }

    rc = assess_db_acquire(db, &conn, err);

    if (rc == ASSESS_OK) {
        rc = assess_jobs_walk(conn, list, n, places, err);
        assess_db_release(conn);
    }

    free(list);

    return rc;
}


/* The places of the queued ones on a page */

static assess_err_e
assess_jobs_positions(assess_conn_t *conn, assess_arena_t *arena,
    assess_job_t *jobs, size_t n, assess_err_t *err)
{
    int           *places;
    size_t         i, queued;
    const char   **ids;
    assess_err_e   rc;

    ids = assess_palloc(arena, (n + 1) * sizeof(char *));
    places = assess_palloc(arena, (n + 1) * sizeof(int));

    if (ids == NULL || places == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0, queued = 0; i < n; i++) {
        if (jobs[i].status == ASSESS_QUEUED) {
            ids[queued++] = jobs[i].job_id;
        }
    }

    if (queued == 0) {
        return ASSESS_OK;
    }

    rc = assess_jobs_walk(conn, ids, queued, places, err);

    for (i = 0; rc == ASSESS_OK && i < n; i++) {
        if (jobs[i].status == ASSESS_QUEUED) {
            jobs[i].queue_position = *places++;
        }
    }

    return rc;
}


assess_err_e
assess_job_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *job_id, assess_job_t *job,
    assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    rc = assess_job_find(conn, arena, &scope->tenant, job_id, job, err);

    if (rc == ASSESS_OK && job->status == ASSESS_QUEUED) {
        rc = assess_jobs_positions(conn, arena, job, 1, err);
    }

    assess_db_release(conn);

    return rc;
}


/*
 * Without a filter there is no index that has all jobs in their order: of each
 * status so many as the page can take, and of those the newest.
 */

static int
assess_jobs_plain(const assess_job_filter_t *filter)
{
    return filter->status < 0 && filter->batch_id.data == NULL
           && filter->document_id.data == NULL && filter->user.data == NULL;
}


/* 0 where a filter names what cannot be: the list is empty then */

static int
assess_jobs_where(assess_buf_t *sql, assess_args_t *args,
    const assess_scope_t *scope, const assess_job_filter_t *filter)
{
    const char  *status;

    assess_args_init(args);

    if (scope->tenant.data) {
        assess_arg_text(args, &scope->tenant);
        assess_buf_str(sql, " from assess.assessment_jobs j"
                       " where j.tenant = $1");

    } else {

        /* each index begins with one */

        assess_buf_str(sql, " from assess.assessment_jobs j where j.tenant"
                       " = any (array(select distinct tenant"
                       " from assess.job_counts))");
    }

    if (filter->status >= 0) {
        status = assess_status_name((assess_status_e) filter->status);
        if (status == NULL) {
            return 0;
        }
        assess_buf_printf(sql, " and j.status = '%s'", status);
    }

    if (filter->batch_id.data) {
        if (!assess_uuid_valid(filter->batch_id.data, filter->batch_id.len)) {
            return 0;
        }
        assess_buf_printf(sql, " and j.batch_id = '%.36s'",
                          filter->batch_id.data);
    }

    if (filter->document_id.data) {
        if (!assess_uuid_valid(filter->document_id.data,
                               filter->document_id.len))
        {
            return 0;
        }
        assess_buf_printf(sql, " and j.document_id = '%.36s'",
                          filter->document_id.data);
    }

    if (filter->user.data) {
        assess_arg_text(args, &filter->user);
        assess_buf_printf(sql, " and j.user_name = $%d", args->n);
    }

    return 1;
}


static assess_err_e
assess_jobs_rows(assess_arena_t *arena, const PGresult *res, int limit,
    assess_job_t **jobs, size_t *n, assess_str_t *next, assess_err_t *err)
{
    int  i, rows, last;

    rows = PQntuples(res);
    last = rows > limit ? limit : rows;

    *jobs = assess_palloc(arena, ((size_t) last + 1) * sizeof(assess_job_t));
    if (*jobs == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < last; i++) {
        if (assess_job_row(arena, res, i, &(*jobs)[i]) != 0) {
            return assess_db_no_memory(err);
        }
    }

    *n = (size_t) last;

    if (rows > limit
        && assess_cursor_write(arena, next,
                               assess_col_int(res, last - 1,
                                              ASSESS_JOB_EXTRA),
                               (*jobs)[last - 1].job_id) != 0)
    {
        return assess_db_no_memory(err);
    }

    return ASSESS_OK;
}


#define ASSESS_JOBS_SELECT                                                   \
    "select" ASSESS_JOB_COLUMNS                                              \
    ", (extract(epoch from j.created_at) * 1000000)::bigint"


/* One list of each status, as long as the page, under the name j */

static PGresult *
assess_jobs_merged(assess_conn_t *conn, const assess_scope_t *scope,
    const assess_job_filter_t *filter, assess_err_t *err)
{
    char           last[ASSESS_UUID_LEN + 1];
    int64_t        us;
    assess_args_t  args;

    static const char  all[] =
        ASSESS_JOBS_SELECT
        " from assess.job_counts k cross join lateral (select *"
        " from assess.assessment_jobs"
        " where tenant = k.tenant and status = k.status"
        " and (created_at, job_id) < ('epoch'::timestamptz"
        " + $2::bigint * interval '1 microsecond', $3::uuid)"
        " order by created_at desc, job_id desc limit $4::int) j"
        " where k.jobs > 0 and k.status = coalesce($1::text, k.status)"
        " order by j.created_at desc, j.job_id desc limit $4::int";

    static const char  sql[] =
        ASSESS_JOBS_SELECT
        " from unnest('{queued,processing,completed,failed,cancelled,"
        "budget_exceeded}'::text[]) s cross join lateral (select *"
        " from assess.assessment_jobs where tenant = $1 and status = s"
        " and (created_at, job_id) < ('epoch'::timestamptz"
        " + $2::bigint * interval '1 microsecond', $3::uuid)"
        " order by created_at desc, job_id desc limit $4::int) j"
        " order by j.created_at desc, j.job_id desc limit $4::int";

    /* the year 5138, as late as a cursor can be */

    us = 99999999999999999;
    memcpy(last, "ffffffff-ffff-ffff-ffff-ffffffffffff", sizeof(last));

    if (filter->paging.cursor.data
        && assess_cursor_read(&filter->paging.cursor, &us, last, err)
           != ASSESS_OK)
    {
        return NULL;
    }

    assess_args_init(&args);

    if (scope->tenant.data) {
        assess_arg_text(&args, &scope->tenant);
    } else {
        assess_arg_cstr(&args,
                        assess_status_name((assess_status_e) filter->status));
    }

    assess_arg_int(&args, us);
    assess_arg_id(&args, last);
    assess_arg_int(&args, filter->paging.limit + 1);

    return assess_db_exec(conn, scope->tenant.data ? sql : all, &args, err);
}


static PGresult *
assess_jobs_filtered(assess_conn_t *conn, const assess_scope_t *scope,
    const assess_job_filter_t *filter, assess_err_t *err)
{
    PGresult      *res;
    assess_buf_t   sql;
    assess_args_t  args;

    memset(&sql, 0, sizeof(assess_buf_t));

    assess_buf_str(&sql, ASSESS_JOBS_SELECT);

    if (!assess_jobs_where(&sql, &args, scope, filter)) {
        assess_args_free(&args);
        assess_buf_free(&sql);
        (void) assess_fail(err, ASSESS_OK, NULL, "nothing can be found");
        return NULL;
    }

    res = assess_db_page(conn, &sql, &args, "j.created_at", "j.job_id",
                         &filter->paging, err);
    assess_buf_free(&sql);

    return res;
}


static assess_err_e
assess_jobs_page(assess_conn_t *conn, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_job_filter_t *filter,
    assess_job_t **jobs, size_t *n, assess_str_t *next, assess_err_t *err)
{
    PGresult             *res;
    assess_err_e          rc;
    assess_job_filter_t   rest;

    rest = *filter;

    if (scope->tenant.data == NULL) {
        rest.status = -1;
    }

    res = assess_jobs_plain(&rest)
          ? assess_jobs_merged(conn, scope, filter, err)
          : assess_jobs_filtered(conn, scope, filter, err);

    if (res == NULL) {
        return err->kind;
    }

    rc = assess_jobs_rows(arena, res, filter->paging.limit, jobs, n, next,
                          err);
    PQclear(res);

    return rc;
}


/* Of a tenant, or of one of its statuses, the count is kept */

static PGresult *
assess_jobs_counted(assess_conn_t *conn, const assess_scope_t *scope,
    int status, assess_err_t *err)
{
    assess_args_t  args;

    assess_args_init(&args);
    assess_arg_cstr(&args, assess_status_name((assess_status_e) status));

    if (scope->tenant.data == NULL) {
        return assess_db_exec(conn, "select coalesce(sum(jobs), 0)"
                              " from assess.job_counts"
                              " where status = coalesce($1::text, status)",
                              &args, err);
    }

    assess_arg_text(&args, &scope->tenant);

    return assess_db_exec(conn, "select coalesce(sum(jobs), 0)"
                          " from assess.job_counts where tenant = $2"
                          " and status = coalesce($1::text, status)",
                          &args, err);
}


/* Of a batch, too; which of its jobs wait or run its lanes know */

static int
assess_jobs_of_batch(const assess_job_filter_t *filter)
{
    return filter->batch_id.data && filter->document_id.data == NULL
           && filter->user.data == NULL
           && assess_uuid_valid(filter->batch_id.data, filter->batch_id.len)
           && (filter->status < 0 || filter->status == ASSESS_QUEUED
               || filter->status == ASSESS_PROCESSING);
}


static PGresult *
assess_jobs_batched(assess_conn_t *conn, const assess_scope_t *scope,
    const assess_job_filter_t *filter, assess_err_t *err)
{
    char           id[ASSESS_UUID_LEN + 1];
    assess_args_t  args;

    static const char  all[] =
        "select coalesce(sum(jobs), 0) from assess.batch_assessments"
        " where batch_id = $1::uuid and tenant = coalesce($2, tenant)";

    static const char  waiting[] =
        "select coalesce(sum(queued), 0) from assess.lanes"
        " where batch_id = $1::uuid and tenant = coalesce($2, tenant)";

    static const char  running[] =
        "select coalesce(sum(running), 0) from assess.lanes"
        " where batch_id = $1::uuid and tenant = coalesce($2, tenant)";

    memcpy(id, filter->batch_id.data, ASSESS_UUID_LEN);
    id[ASSESS_UUID_LEN] = '\0';

    assess_args_init(&args);
    assess_arg_id(&args, id);
    assess_arg_text(&args, &scope->tenant);

    return assess_db_exec(conn, filter->status < 0 ? all
                                : filter->status == ASSESS_QUEUED ? waiting
                                : running, &args, err);
}


static assess_err_e
assess_jobs_total(assess_conn_t *conn, const assess_scope_t *scope,
    const assess_job_filter_t *filter, int64_t *total, assess_err_t *err)
{
    PGresult             *res;
    assess_buf_t          sql;
    assess_args_t         args;
    assess_job_filter_t   rest;

    rest = *filter;
    rest.status = -1;

    if (assess_jobs_plain(&rest)) {
        res = assess_jobs_counted(conn, scope, filter->status, err);
        goto done;
    }

    if (assess_jobs_of_batch(filter)) {
        res = assess_jobs_batched(conn, scope, filter, err);
        goto done;
    }

    memset(&sql, 0, sizeof(assess_buf_t));
    assess_buf_str(&sql, "select count(*)");

    if (!assess_jobs_where(&sql, &args, scope, filter)) {
        assess_args_free(&args);
        assess_buf_free(&sql);
        return ASSESS_OK;
    }

    args.failed |= sql.failed;

    res = assess_db_query(conn, sql.data, &args, err);
    assess_buf_free(&sql);

done:

    if (res == NULL) {
        return err->kind;
    }

    *total = assess_col_int(res, 0, 0);
    PQclear(res);

    return ASSESS_OK;
}


assess_err_e
assess_jobs_list(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_job_filter_t *filter,
    assess_job_t **jobs, size_t *n, assess_str_t *next, int64_t *total,
    assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    *jobs = NULL;
    *n = 0;
    *total = 0;
    next->len = 0;
    next->data = NULL;

    if ((scope->tenant.data && assess_scope_check(scope, err) != ASSESS_OK)
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    rc = assess_jobs_page(conn, arena, scope, filter, jobs, n, next, err);

    if (rc == ASSESS_OK) {
        rc = assess_jobs_total(conn, scope, filter, total, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_jobs_positions(conn, arena, *jobs, *n, err);
    }

    assess_db_release(conn);

    return rc;
}


assess_err_e
assess_counters_read(assess_db_t *db, const assess_scope_t *scope,
    assess_counters_t *counters, assess_err_t *err)
{
    PGresult       *res;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "select d.total, d.reviewed, j.processing, j.queued, j.failed from ("
        ASSESS_DOCUMENTS_COUNTED("$1") ") d,"
        " (select coalesce(sum(jobs) filter (where status = 'processing'), 0)"
        " as processing, coalesce(sum(jobs) filter (where status = 'queued'),"
        " 0) as queued, coalesce(sum(jobs) filter (where status = 'failed'),"
        " 0) as failed from assess.job_counts where tenant = $1) j";

    memset(counters, 0, sizeof(assess_counters_t));

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    counters->total_docs = assess_col_int(res, 0, 0);
    counters->reviewed = assess_col_int(res, 0, 1);
    counters->not_reviewed = counters->total_docs - counters->reviewed;
    counters->processing = assess_col_int(res, 0, 2);
    counters->queued = assess_col_int(res, 0, 3);
    counters->failed = assess_col_int(res, 0, 4);
    PQclear(res);

    return ASSESS_OK;
}


void
assess_counters_json(assess_buf_t *b, const assess_counters_t *counters)
{
    assess_buf_printf(b, "{\"totalDocs\":%lld,\"reviewed\":%lld"
                      ",\"notReviewed\":%lld,\"processing\":%lld"
                      ",\"queued\":%lld,\"failed\":%lld}",
                      (long long) counters->total_docs,
                      (long long) counters->reviewed,
                      (long long) counters->not_reviewed,
                      (long long) counters->processing,
                      (long long) counters->queued,
                      (long long) counters->failed);
}
