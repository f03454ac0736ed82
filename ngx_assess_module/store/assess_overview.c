
#include "assess_overview.h"
#include "assess_job_int.h"

#include <string.h>


#define ASSESS_OVERVIEW_RATES  "1 minute"


static assess_err_e
assess_overview_counts(assess_conn_t *conn, assess_overview_t *queue,
    assess_err_t *err)
{
    int        i, status;
    PGresult  *res;

    res = assess_db_exec(conn, "select status, sum(jobs)::bigint"
                         " from assess.job_counts group by status", NULL,
                         err);
    if (res == NULL) {
        return err->kind;
    }

    for (i = 0; i < PQntuples(res); i++) {
        status = assess_status_by_name(PQgetvalue(res, i, 0),
                                       (size_t) PQgetlength(res, i, 0));
        if (status >= 0) {
            queue->jobs[status] = assess_col_int(res, i, 1);
        }
    }

    PQclear(res);

    return ASSESS_OK;
}


/* The first of each lane has waited longest, since it was told of last */

static assess_err_e
assess_overview_depths(assess_conn_t *conn, assess_arena_t *arena,
    assess_overview_t *queue, assess_err_t *err)
{
    int              i, n;
    int64_t          oldest;
    PGresult        *res;
    assess_depth_t  *depth;

    static const char  sql[] =
        "select l.priority, sum(l.queued)::bigint, sum(l.running)::bigint,"
        " assess.ms(min(f.told_at)), assess.ms(clock_timestamp())"
        " from assess.lanes l left join lateral (select j.told_at"
        " from assess.assessment_jobs j where j.lane = l.lane"
        " and j.status = 'queued' order by j.created_at, j.job_id limit 1) f"
        " on l.queued > 0 where l.queued > 0 or l.running > 0"
        " group by l.priority order by l.priority desc";

    res = assess_db_exec(conn, sql, NULL, err);
    if (res == NULL) {
        return err->kind;
    }

    n = PQntuples(res);

    queue->depths = assess_palloc(arena, ((size_t) n + 1)
                                         * sizeof(assess_depth_t));
    if (queue->depths == NULL) {
        PQclear(res);
        return assess_db_no_memory(err);
    }

    queue->ndepths = (size_t) n;

    for (i = 0; i < n; i++) {
        depth = &queue->depths[i];

        depth->priority = (int) assess_col_int(res, i, 0);
        depth->queued = assess_col_int(res, i, 1);
        depth->processing = assess_col_int(res, i, 2);

        oldest = assess_col_int(res, i, 3);

        if (oldest && (queue->oldest == 0 || oldest < queue->oldest)) {
            queue->oldest = oldest;
        }

        queue->now = assess_col_int(res, i, 4);
    }

    PQclear(res);

    return ASSESS_OK;
}


/*
 * Each that was queued by itself or has ended was told, and the log is in order of
 * time; those of a batch are queued with it.
 */

static assess_err_e
assess_overview_rates(assess_conn_t *conn, assess_overview_t *queue,
    assess_err_t *err)
{
    PGresult  *res;

    static const char  sql[] =
        "select count(*) filter (where t.type = 'queued')"
        " + (select coalesce(sum(b.total_documents), 0)"
        " from assess.batch_assessments b"
        " where b.created_at > now() - interval '" ASSESS_OVERVIEW_RATES "'),"
        " count(*) filter (where t.type = 'complete'),"
        " count(*) filter (where t.type = 'error'),"
        " count(*) filter (where t.type = 'cancelled')"
        " from assess.event_log l cross join lateral unnest(l.types) t (type)"
        " where l.created_at > now() - interval '" ASSESS_OVERVIEW_RATES "'";

    res = assess_db_exec(conn, sql, NULL, err);
    if (res == NULL) {
        return err->kind;
    }

    queue->queued = assess_col_int(res, 0, 0);
    queue->completed = assess_col_int(res, 0, 1);
    queue->failed = assess_col_int(res, 0, 2);
    queue->cancelled = assess_col_int(res, 0, 3);

    PQclear(res);

    return ASSESS_OK;
}


static assess_err_e
assess_pause_row(assess_arena_t *arena, const PGresult *res,
    assess_pause_t *pause, assess_err_t *err)
{
    memset(pause, 0, sizeof(assess_pause_t));

    if (PQntuples(res) == 0) {
        return ASSESS_OK;
    }

    pause->since = assess_col_int(res, 0, 0);

    return assess_col_str(arena, res, 0, 1, &pause->by) == 0
           ? ASSESS_OK : assess_db_no_memory(err);
}


static assess_err_e
assess_overview_control(assess_conn_t *conn, assess_arena_t *arena,
    assess_overview_t *queue, assess_err_t *err)
{
    PGresult      *res;
    assess_err_e   rc;

    res = assess_db_exec(conn, "select assess.ms(paused_at), paused_by"
                         " from assess.queue_control", NULL, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = assess_pause_row(arena, res, &queue->pause, err);
    PQclear(res);

    return rc;
}


assess_err_e
assess_overview_read(assess_db_t *db, assess_arena_t *arena,
    assess_overview_t *queue, assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    memset(queue, 0, sizeof(assess_overview_t));

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_overview_counts(conn, queue, err);

    if (rc == ASSESS_OK) {
        rc = assess_overview_depths(conn, arena, queue, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_overview_rates(conn, queue, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_overview_control(conn, arena, queue, err);
    }

    assess_db_release(conn);

    return rc == ASSESS_OK
           ? assess_workers_list(db, arena, &queue->workers, &queue->nworkers,
                                 err)
           : rc;
}


assess_err_e
assess_pause_begin(assess_db_t *db, assess_arena_t *arena,
    const assess_str_t *by, assess_pause_t *pause, assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "insert into assess.queue_control as q (paused_at, paused_by)"
        " values (now(), $1::text) on conflict (one) do update"
        " set paused_by = case when q.paused_at is null"
        " then excluded.paused_by else q.paused_by end,"
        " paused_at = coalesce(q.paused_at, excluded.paused_at)"
        " returning assess.ms(paused_at), paused_by";

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, by);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rc = assess_pause_row(arena, res, pause, err);
    PQclear(res);

    return rc;
}


assess_err_e
assess_pause_end(assess_db_t *db, assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_db_run(conn, "update assess.queue_control"
                       " set paused_at = null, paused_by = null"
                       " where paused_at is not null", NULL, NULL, err);
    assess_db_release(conn);

    return rc;
}


assess_err_e
assess_paused(assess_db_t *db, int *paused, assess_err_t *err)
{
    PGresult       *res;
    assess_conn_t  *conn;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    res = assess_db_exec(conn, "select exists (select"
                         " from assess.queue_control"
                         " where paused_at is not null)", NULL, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    *paused = PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);

    return ASSESS_OK;
}


assess_err_e
assess_job_tenant(assess_db_t *db, assess_arena_t *arena,
    const char *job_id, assess_str_t *tenant, assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    if (!assess_uuid_valid(job_id, strlen(job_id))) {
        return assess_job_unknown(err);
    }

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_id(&args, job_id);

    res = assess_db_exec(conn, "select tenant from assess.assessment_jobs"
                         " where job_id = $1::uuid", &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    if (PQntuples(res) == 0) {
        rc = assess_job_unknown(err);

    } else {
        rc = assess_col_str(arena, res, 0, 0, tenant) == 0
             ? ASSESS_OK : assess_db_no_memory(err);
    }

    PQclear(res);

    return rc;
}


void
assess_pause_json(assess_buf_t *b, const assess_pause_t *pause)
{
    assess_buf_printf(b, "\"paused\":%s,\"pausedSince\":",
                      pause->since ? "true" : "false");
    assess_buf_json_time(b, pause->since);
    assess_buf_str(b, ",\"pausedBy\":");
    assess_buf_json_str(b, &pause->by);
}


static void
assess_overview_depth_json(assess_buf_t *b, const assess_overview_t *queue)
{
    size_t                 i;
    const assess_depth_t  *depth;

    assess_buf_str(b, ",\"depth\":{\"byStatus\":{");

    for (i = 0; i < ASSESS_STATUSES; i++) {
        assess_buf_printf(b, "%s\"%s\":%lld", i ? "," : "",
                          assess_status_name((assess_status_e) i),
                          (long long) queue->jobs[i]);
    }

    assess_buf_str(b, "},\"byPriority\":[");

    for (i = 0; i < queue->ndepths; i++) {
        depth = &queue->depths[i];

        assess_buf_printf(b, "%s{\"priority\":%d,\"queued\":%lld"
                          ",\"processing\":%lld}", i ? "," : "",
                          depth->priority, (long long) depth->queued,
                          (long long) depth->processing);
    }

    assess_buf_str(b, "]}");
}


/* Workers come by instance */

static void
assess_overview_workers_json(assess_buf_t *b, const assess_overview_t *queue)
{
    int                     alive, instances;
    size_t                  i;
    const char             *last;
    const assess_worker_t  *w;

    alive = 0;
    instances = 0;
    last = "";

    for (i = 0; i < queue->nworkers; i++) {
        w = &queue->workers[i];

        if (w->alive) {
            alive++;
            instances += strcmp(last, w->instance_id) != 0;
            last = w->instance_id;
        }
    }

    assess_buf_printf(b, ",\"workersAlive\":%d,\"instancesAlive\":%d"
                      ",\"workers\":[", alive, instances);

    for (i = 0; i < queue->nworkers; i++) {
        w = &queue->workers[i];

        assess_buf_printf(b, "%s{\"workerId\":\"%s\",\"instanceId\":\"%s\""
                          ",\"host\":", i ? "," : "", w->worker_id,
                          w->instance_id);
        assess_buf_json_str(b, &w->host);
        assess_buf_printf(b, ",\"pid\":%d,\"alive\":%s,\"activeJobs\":%d"
                          ",\"startedAt\":", w->pid,
                          w->alive ? "true" : "false", w->running);
        assess_buf_json_time(b, w->started_at);
        assess_buf_str(b, ",\"seenAt\":");
        assess_buf_json_time(b, w->seen_at);
        assess_buf_char(b, '}');
    }

    assess_buf_char(b, ']');
}


void
assess_overview_json(assess_buf_t *b, const assess_overview_t *queue)
{
    int64_t  age;

    assess_buf_char(b, '{');
    assess_pause_json(b, &queue->pause);
    assess_overview_depth_json(b, queue);

    assess_buf_printf(b, ",\"activeJobs\":%lld",
                      (long long) queue->jobs[ASSESS_PROCESSING]);
    assess_overview_workers_json(b, queue);

    age = queue->now > queue->oldest ? queue->now - queue->oldest : 0;

    assess_buf_str(b, ",\"oldestQueuedSeconds\":");

    if (queue->oldest) {
        assess_buf_printf(b, "%lld.%03d", (long long) (age / 1000),
                          (int) (age % 1000));
    } else {
        assess_buf_str(b, "null");
    }

    assess_buf_printf(b, ",\"lastMinute\":{\"queued\":%lld,\"completed\":%lld"
                      ",\"failed\":%lld,\"cancelled\":%lld}}",
                      (long long) queue->queued,
                      (long long) queue->completed,
                      (long long) queue->failed,
                      (long long) queue->cancelled);
}
