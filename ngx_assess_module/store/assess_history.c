
#include "assess_history.h"
#include "assess_event_int.h"
#include "assess_job_int.h"

#include <string.h>


/*
 * A job ends after it was made: the oldest ones of each tenant and status are
 * found by their index.  They are locked in the order of ids; what somebody
 * just runs again is passed over.
 */

static const char  assess_forget_sql[] =
    "with due as materialized (select j.job_id from assess.job_counts k"
    " cross join lateral (select c.job_id from assess.assessment_jobs c"
    " where c.tenant = k.tenant and c.status = k.status"
    " and c.created_at <= now() - $2::bigint * interval '1 millisecond'"
    " and c.completed_at <= now() - $2::bigint * interval '1 millisecond'"
    " and not exists (select from assess.batch_assessments b"
    " where b.batch_id = c.batch_id"
    " and b.status in ('queued', 'processing', 'paused'))"
    " order by c.created_at, c.job_id limit $3::int) j"
    " where k.jobs > 0 and k.status = any ($1::text[]) limit $3::int),"
    " ordered as (select job_id from due order by job_id),"
    " held as materialized (select c.job_id from ordered o"
    " cross join lateral (select j.job_id from assess.assessment_jobs j"
    " where j.job_id = o.job_id and j.status = any ($1::text[])"
    " for update skip locked) c),"
    " gone as (delete from assess.assessment_jobs j using held h"
    " where j.job_id = h.job_id"
    " returning j.job_id, j.tenant, j.status, j.batch_id),"
    " answers as (delete from assess.assessment_answers a using gone g"
    " where a.job_id = g.job_id),"
    " lined as (delete from assess.job_lines l using gone g"
    " where l.job_id = g.job_id)"
    " select job_id, tenant, status, batch_id from gone";


static void
assess_forget_statuses(assess_args_t *args, int status)
{
    assess_buf_t  names;

    memset(&names, 0, sizeof(assess_buf_t));

    if (status >= 0) {
        assess_array_cstr(&names,
                          assess_status_name((assess_status_e) status));

    } else {
        assess_array_cstr(&names, assess_status_name(ASSESS_COMPLETED));
        assess_array_cstr(&names, assess_status_name(ASSESS_JOB_FAILED));
        assess_array_cstr(&names, assess_status_name(ASSESS_JOB_CANCELLED));
        assess_array_cstr(&names, assess_status_name(ASSESS_BUDGET_EXCEEDED));
    }

    assess_arg_array(args, &names);
}


/* Under the lock of the counter, as all who change the counts have it */

static assess_err_e
assess_forget_count(assess_conn_t *conn, const PGresult *gone,
    assess_err_t *err)
{
    int            i;
    PGresult      *res;
    assess_str_t   tenant;
    assess_buf_t   tenants, statuses, batches;
    assess_args_t  args;

    static const char  sql[] =
        "with batched as (update assess.batch_assessments b"
        " set jobs = b.jobs - g.jobs"
        " from (select batch_id, count(*) as jobs"
        " from unnest($3::uuid[]) as a (batch_id) group by batch_id) g"
        " where b.batch_id = g.batch_id)"
        " update assess.job_counts k set jobs = k.jobs - g.jobs"
        " from (select a.tenant, a.status, count(*) as jobs"
        " from unnest($1::text[], $2::text[]) as a (tenant, status)"
        " group by a.tenant, a.status) g"
        " where k.tenant = g.tenant and k.status = g.status";

    memset(&tenants, 0, sizeof(assess_buf_t));
    memset(&statuses, 0, sizeof(assess_buf_t));
    memset(&batches, 0, sizeof(assess_buf_t));

    for (i = 0; i < PQntuples(gone); i++) {
        tenant.data = PQgetvalue(gone, i, 1);
        tenant.len = (size_t) PQgetlength(gone, i, 1);

        assess_array_add(&tenants, &tenant);
        assess_array_cstr(&statuses, PQgetvalue(gone, i, 2));

        if (!PQgetisnull(gone, i, 3)) {
            assess_array_id(&batches, PQgetvalue(gone, i, 3));
        }
    }

    assess_args_init(&args);
    assess_arg_array(&args, &tenants);
    assess_arg_array(&args, &statuses);
    assess_arg_array(&args, &batches);

    if (assess_events_lock(conn, err) != ASSESS_OK) {
        assess_args_free(&args);
        return err->kind;
    }

    res = assess_db_exec_commit(conn, sql, &args, err);
    PQclear(res);

    return res ? ASSESS_OK : err->kind;
}


static assess_err_e
assess_forget_ids(assess_arena_t *arena, const PGresult *gone,
    char (**ids)[ASSESS_UUID_LEN + 1], assess_err_t *err)
{
    int  i, n;

    n = PQntuples(gone);

    *ids = assess_palloc(arena, ((size_t) n + 1) * sizeof(**ids));
    if (*ids == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < n; i++) {
        assess_col_id(gone, i, 0, (*ids)[i]);
    }

    return ASSESS_OK;
}


assess_err_e
assess_jobs_forget(assess_db_t *db, assess_arena_t *arena, int status,
    int64_t age_ms, int limit, char (**ids)[ASSESS_UUID_LEN + 1], size_t *n,
    assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    *n = 0;

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_forget_statuses(&args, status);
    assess_arg_int(&args, age_ms);
    assess_arg_int(&args, limit);

    res = assess_db_exec(conn, assess_forget_sql, &args, err);

    if (res == NULL) {
        rc = err->kind;

    } else if (PQntuples(res) == 0) {
        rc = assess_db_commit(conn, err);

    } else {
        rc = assess_forget_ids(arena, res, ids, err);

        if (rc == ASSESS_OK) {
            rc = assess_forget_count(conn, res, err);
        }

        if (rc == ASSESS_OK) {
            *n = (size_t) PQntuples(res);
        }
    }

    PQclear(res);
    assess_db_release(conn);

    return rc;
}


assess_err_e
assess_batches_forget(assess_db_t *db, int64_t age_ms, int limit, int64_t *n,
    assess_err_t *err)
{
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "with due as materialized (select tenant, batch_id"
        " from assess.batch_assessments where not open and jobs = 0"
        " and completed_at <= now() - $1::bigint * interval '1 millisecond'"
        " limit $2::int for update skip locked),"
        " budgets as (delete from assess.budgets u using due d"
        " where u.tenant = d.tenant and u.name = d.batch_id::text),"
        " days as (delete from assess.budgets"
        " where name ~ '^\\d{4}-\\d\\d-\\d\\d$' and name <"
        " to_char(now() - interval '1 month', 'YYYY-MM-DD'))"
        " delete from assess.batch_assessments b using due d"
        " where b.batch_id = d.batch_id";

    *n = 0;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_int(&args, age_ms);
    assess_arg_int(&args, limit);

    rc = assess_db_run(conn, sql, &args, n, err);

    assess_db_release(conn);

    return rc;
}
