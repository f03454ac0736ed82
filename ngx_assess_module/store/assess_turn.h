
/*
 * What the change of a job means for all that is kept counted: how many jobs
 * a tenant has in each status, how many of a lane wait and run, and how far a
 * batch is.  It is added up here, and written in the transaction of the change,
 * under the lock of the event counter, so that it is always right.
 */

#ifndef ASSESS_TURN_H
#define ASSESS_TURN_H


#include "assess_db_int.h"
#include "assess_job.h"


typedef struct {
    const assess_job_t  *job;            /* as it is now; lent */
    int                  from;           /* statuses; -1: there is none */
    int                  to;
    int                  jobs;           /* so many that are alike: their */
                                         /* tenant, lane and batch */
    int64_t              input_tokens;   /* more than it had before */
    int64_t              output_tokens;
    double               cost;
} assess_turn_t;


/*
 * The counts of tenants and of lanes, as two parts of a "with" in a statement
 * that takes the lock of the counter first, and their 12 arguments: a statement
 * that only changes data in a "with" runs it after what it is asked for
 * (PostgreSQL, 7.8.4).
 */
#define ASSESS_TURNS_COUNTED(tenants, statuses, counts)                      \
    "insert into assess.job_counts as k (tenant, status, jobs)"              \
    " select * from unnest(" tenants "::text[], " statuses "::text[],"       \
    counts "::bigint[]) on conflict (tenant, status)"                        \
    " do update set jobs = k.jobs + excluded.jobs"

#define ASSESS_TURNS_LANES(lanes, tenants, users, batches, priorities,       \
    providers, queued, running, begun)                                       \
    "insert into assess.lanes as l (lane, tenant, user_name, batch_id,"      \
    " priority, provider, queued, running, served_at)"                       \
    " select w.lane, w.tenant, w.user_name, w.batch_id, w.priority,"         \
    " w.provider, w.queued, w.running, case when w.begun then now()"         \
    " else '-infinity' end from unnest(" lanes "::bigint[],"                 \
    tenants "::text[], " users "::text[], " batches "::uuid[],"              \
    priorities "::int[], " providers "::text[], " queued "::bigint[],"       \
    running "::bigint[], " begun "::boolean[]) as w (lane, tenant,"          \
    " user_name, batch_id, priority, provider, queued, running, begun)"      \
    " on conflict (lane) do update set queued = l.queued + excluded.queued," \
    " running = l.running + excluded.running,"                               \
    " served_at = greatest(l.served_at, excluded.served_at)"

#define ASSESS_TURNS_ARGS  12

void assess_turns_args(assess_args_t *args, const assess_turn_t *turns,
    size_t n);

/*
 * What they mean for batches, by a statement that is sent with the next one:
 * the lock of the counter is held already, or is taken before by the same
 * sending.  Nothing where no job is in a batch.
 */
int assess_turns_batched(const assess_turn_t *turns, size_t n);
assess_err_e assess_turns_batches(assess_conn_t *conn,
    const assess_turn_t *turns, size_t n, assess_err_t *err);


#endif /* ASSESS_TURN_H */
