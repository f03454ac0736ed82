
#include "assess_gauges.h"
#include "assess_db_int.h"

#include <string.h>


/*
 * The first of each lane has waited longest since it was told of last.  Jobs
 * are counted by the turns, batches and notices by the indexes of those that
 * something is to be done for.
 */

static const char  assess_gauges_sql[] =
    "select l.queued, l.running, l.oldest, j.queued, j.processing,"
    " j.completed, j.failed, j.cancelled, j.budget_exceeded, b.queued,"
    " b.processing, b.paused, b.completed, b.cancelled, b.budget_exceeded,"
    " n.pending, n.overdue, w.workers, w.instances, c.value, q.paused"

    " from (select coalesce(sum(l.queued), 0)::bigint as queued,"
    " coalesce(sum(l.running), 0)::bigint as running,"
    " greatest((extract(epoch from clock_timestamp() - min(f.told_at)) * 1000)"
    "::bigint, 0) as oldest from assess.lanes l left join lateral"
    " (select j.told_at from assess.assessment_jobs j where j.lane = l.lane"
    " and j.status = 'queued' order by j.created_at, j.job_id limit 1) f"
    " on l.queued > 0 where l.queued > 0 or l.running > 0) l,"

    " (select (sum(jobs) filter (where status = 'queued'))::bigint as queued,"
    " (sum(jobs) filter (where status = 'processing'))::bigint as processing,"
    " (sum(jobs) filter (where status = 'completed'))::bigint as completed,"
    " (sum(jobs) filter (where status = 'failed'))::bigint as failed,"
    " (sum(jobs) filter (where status = 'cancelled'))::bigint as cancelled,"
    " (sum(jobs) filter (where status = 'budget_exceeded'))::bigint"
    " as budget_exceeded from assess.job_counts) j,"

    " (select count(*) filter (where status = 'queued') as queued,"
    " count(*) filter (where status = 'processing') as processing,"
    " count(*) filter (where status = 'paused') as paused,"
    " count(*) filter (where status = 'completed') as completed,"
    " count(*) filter (where status = 'cancelled') as cancelled,"
    " count(*) filter (where status = 'budget_exceeded') as budget_exceeded"
    " from assess.batch_assessments where open) b,"

    " (select count(*) as pending, greatest((extract(epoch from"
    " clock_timestamp() - min(due_at)) * 1000)::bigint, 0) as overdue"
    " from assess.notices where ended_at is null) n,"

    " (select count(*) as workers, count(distinct instance_id) as instances"
    " from assess.assess_workers where seen_at > statement_timestamp()"
    " - make_interval(secs => lease_ms / 1000.0)) w,"

    " assess.event_counter c,"

    " (select count(*) as paused from assess.queue_control"
    " where paused_at is not null) q";


static void
assess_gauges_row(const PGresult *res, assess_gauges_t *gauges)
{
    int  i, col;

    col = 0;

    gauges->queued = assess_col_int(res, 0, col++);
    gauges->running = assess_col_int(res, 0, col++);
    gauges->oldest_ms = assess_col_int(res, 0, col++);

    for (i = 0; i < ASSESS_STATUSES; i++) {
        gauges->jobs[i] = assess_col_int(res, 0, col++);
    }

    for (i = 0; i < ASSESS_BATCH_STATUSES; i++) {
        gauges->batches[i] = assess_col_int(res, 0, col++);
    }

    gauges->notices = assess_col_int(res, 0, col++);
    gauges->overdue_ms = assess_col_int(res, 0, col++);
    gauges->workers = assess_col_int(res, 0, col++);
    gauges->instances = assess_col_int(res, 0, col++);
    gauges->events = assess_col_int(res, 0, col++);
    gauges->paused = assess_col_int(res, 0, col++);
}


assess_err_e
assess_gauges_read(assess_db_t *db, assess_gauges_t *gauges,
    assess_err_t *err)
{
    PGresult       *res;
    assess_conn_t  *conn;

    memset(gauges, 0, sizeof(assess_gauges_t));

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    res = assess_db_exec(conn, assess_gauges_sql, NULL, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    assess_gauges_row(res, gauges);
    PQclear(res);

    return ASSESS_OK;
}
