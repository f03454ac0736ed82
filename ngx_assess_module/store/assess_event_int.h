
/* Events, written within the transactions that they tell of. */

#ifndef ASSESS_EVENT_INT_H
#define ASSESS_EVENT_INT_H


#include "assess_db_int.h"
#include "assess_job.h"


/* A job's way from one status to another; -1: there is none. */
typedef struct {
    assess_str_t  tenant;
    int           from;
    int           to;
} assess_turn_t;


/*
 * Takes the ids, writes the events, one row for all of them, and counts the
 * turns, one for each event.  The last statement before the commit: from here
 * on every other writer waits.  The second one commits, too.
 */
assess_err_e assess_events_write(assess_conn_t *conn, assess_event_t *events,
    const assess_turn_t *turns, size_t n, assess_err_t *err);
assess_err_e assess_events_commit(assess_conn_t *conn, assess_event_t *events,
    const assess_turn_t *turns, size_t n, assess_err_t *err);

/*
 * For a statement that does the same by itself: what counts the turns, and
 * their three arguments.
 */
#define ASSESS_EVENTS_COUNTED(tenants, statuses, counts)                     \
    "insert into assess.job_counts as k (tenant, status, jobs)"              \
    " select * from unnest(" tenants "::text[], " statuses "::text[],"       \
    counts "::bigint[]) on conflict (tenant, status)"                        \
    " do update set jobs = k.jobs + excluded.jobs"

void assess_turns_args(assess_args_t *args, const assess_turn_t *turns,
    size_t n);


#endif /* ASSESS_EVENT_INT_H */
