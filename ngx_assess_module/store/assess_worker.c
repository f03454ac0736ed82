
#include "assess_db_int.h"
#include "assess_worker.h"

#include <string.h>


/*
 * One statement, and so one transaction.  It waits for nobody: a job that is
 * locked is in the middle of a step, which renews its lease by itself, or is
 * just being cancelled.  Waiting for one step after the other, with those that
 * it has locked already behind it, it could last longer than a lease.
 *
 * $6 is when the last beat was answered, by the database itself.  Whatever was
 * claimed until then was claimed by a run that was named in $7 if it is still
 * under way.  So a list that comes late, from a process that was frozen or by
 * a connection that was given up, does no harm: it frees nothing that was
 * claimed after it was made.
 */

static const char  assess_beat_sql[] =
    "with seen as (insert into assess.assess_workers as w"
    " (worker_id, instance_id, host, pid, lease_ms)"
    " values ($1::uuid, $2::uuid, $3::text, $4::int, $5::int)"
    " on conflict (worker_id) do update set lease_ms = excluded.lease_ms,"
    " seen_at = greatest(w.seen_at, statement_timestamp())),"
    " old as (delete from assess.assess_workers where worker_id in"
    " (select worker_id from assess.assess_workers where worker_id <> $1"
    " and seen_at < statement_timestamp() - greatest(lease_ms * 10::bigint,"
    " 60000) * interval '1 millisecond' for update skip locked)),"
    " mine as (select c.job_id from assess.assessment_jobs c"
    " where c.worker_id = $1 and c.status = 'processing'"
    " and (c.lease_owner = any($7::text[])"
    " or (c.lease_until > '-infinity' and c.lease_until <="
    " 'epoch'::timestamptz + $6::bigint * interval '1 microsecond'"
    " + $5::int * interval '1 millisecond')) for update skip locked),"
    " renewed as (update assess.assessment_jobs j set lease_until ="
    " case when j.lease_owner = any($7::text[]) then statement_timestamp()"
    " + $5::int * interval '1 millisecond' else '-infinity' end"
    " from mine where j.job_id = mine.job_id)"
    " select (extract(epoch from statement_timestamp()) * 1000000)::bigint";


/*
 * A beat is of no use once the next is due: it has a third of the lease in
 * all, and so has its statement on a server that hears of nothing more.  What
 * it renews it cannot renew later than that for runs that are over.
 */

assess_err_e
assess_worker_beat(assess_db_t *db, assess_worker_t *worker,
    const assess_str_t *owners, size_t n, int lease_ms, assess_err_t *err)
{
    size_t          i;
    PGresult       *res;
    assess_buf_t    array;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    assess_db_until(assess_mono_ms() + lease_ms / 3 + 1);

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        assess_db_until(0);
        return err->kind;
    }

    rc = assess_db_timeout(conn, lease_ms / 3 + 1, err);
    if (rc != ASSESS_OK) {
        goto done;
    }

    memset(&array, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        assess_array_add(&array, &owners[i]);
    }

    assess_args_init(&args);
    assess_arg_id(&args, worker->worker_id);
    assess_arg_id(&args, worker->instance_id);
    assess_arg_text(&args, &worker->host);
    assess_arg_int(&args, worker->pid);
    assess_arg_int(&args, lease_ms);
    assess_arg_int(&args, worker->beat);
    assess_arg_array(&args, &array);

    res = assess_db_exec(conn, assess_beat_sql, &args, err);

    if (res) {
        worker->beat = assess_col_int(res, 0, 0);
        PQclear(res);

    } else {
        rc = err->kind;
    }

done:

    assess_db_release(conn);
    assess_db_until(0);

    return rc;
}


/*
 * This one waits for steps, and locks in the order of ids as all that do: which
 * these are is found first, by their own index, since in the order of ids all
 * jobs that there ever were would be walked.
 */

assess_err_e
assess_worker_gone(assess_db_t *db, const char *worker_id, int64_t *freed,
    assess_err_t *err)
{
    PGresult       *res;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "with gone as (delete from assess.assess_workers"
        " where worker_id = $1::uuid),"
        " mine as materialized (select c.job_id"
        " from assess.assessment_jobs c"
        " where c.worker_id = $1 and c.status = 'processing'),"
        " ordered as (select job_id from mine order by job_id),"
        " left_over as (select c.job_id from ordered o cross join lateral"
        " (select j.job_id from assess.assessment_jobs j"
        " where j.job_id = o.job_id and j.worker_id = $1"
        " and j.status = 'processing' for update) c),"
        " freed as (update assess.assessment_jobs j"
        " set lease_until = '-infinity' from left_over"
        " where j.job_id = left_over.job_id returning 1)"
        " select count(*) from freed";

    *freed = 0;

    if (!assess_uuid_valid(worker_id, strlen(worker_id))) {
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "the id of a worker is none");
    }

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_id(&args, worker_id);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    *freed = assess_col_int(res, 0, 0);
    PQclear(res);

    return ASSESS_OK;
}


static int
assess_worker_row(assess_arena_t *arena, const PGresult *res, int row,
    assess_worker_t *w)
{
    assess_col_id(res, row, 0, w->worker_id);
    assess_col_id(res, row, 1, w->instance_id);
    w->pid = (int) assess_col_int(res, row, 3);
    w->lease_ms = (int) assess_col_int(res, row, 4);
    w->started_at = assess_col_int(res, row, 5);
    w->seen_at = assess_col_int(res, row, 6);
    w->alive = PQgetvalue(res, row, 7)[0] == 't';
    w->running = (int) assess_col_int(res, row, 8);

    return assess_col_str(arena, res, row, 2, &w->host);
}


assess_err_e
assess_workers_list(assess_db_t *db, assess_arena_t *arena,
    assess_worker_t **workers, size_t *n, assess_err_t *err)
{
    int             i, rows;
    PGresult       *res;
    assess_err_e    rc;
    assess_conn_t  *conn;

    static const char  sql[] =
        "select w.worker_id, w.instance_id, w.host, w.pid, w.lease_ms,"
        " assess.ms(w.started_at), assess.ms(w.seen_at), w.seen_at >"
        " statement_timestamp() - w.lease_ms * interval '1 millisecond',"
        " (select count(*) from assess.assessment_jobs j"
        " where j.worker_id = w.worker_id and j.status = 'processing')"
        " from assess.assess_workers w"
        " order by w.instance_id, w.started_at, w.worker_id";

    *workers = NULL;
    *n = 0;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    res = assess_db_exec(conn, sql, NULL, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rc = ASSESS_OK;
    rows = PQntuples(res);

    *workers = assess_pcalloc(arena,
                              ((size_t) rows + 1) * sizeof(assess_worker_t));
    if (*workers == NULL) {
        rows = 0;
        rc = assess_db_no_memory(err);
    }

    for (i = 0; i < rows && rc == ASSESS_OK; i++) {
        if (assess_worker_row(arena, res, i, &(*workers)[i]) != 0) {
            rc = assess_db_no_memory(err);
        }
    }

    if (rc == ASSESS_OK) {
        *n = (size_t) rows;
    }

    PQclear(res);

    return rc;
}
