
/*
 * The order of the queue.  Jobs that wait are in lanes: those of one user of a
 * tenant, in one batch or in none, of one priority and one provider, the oldest
 * first.  Here is decided from which lane the next one comes: the highest
 * priority first; then of the tenant of which fewest jobs run, of its users the
 * one of which fewest run, and of that one's lanes the one of which fewest run.
 * Where these are equal, who was served longest ago goes first.  So a share of
 * what runs is what each has, however many it has waiting.
 *
 * No SQL is in here, and no clock.
 */

#ifndef ASSESS_LANE_H
#define ASSESS_LANE_H


#include "assess_db.h"


typedef struct {
    int64_t        lane;             /* its name: assess_lane_name() */
    assess_str_t   tenant;
    assess_str_t   user;             /* null: nobody's */
    assess_str_t   provider;
    char           batch_id[ASSESS_UUID_LEN + 1];      /* "" when none */
    int            priority;
    int            closed;           /* none of its jobs may begin now */
    int64_t        queued;
    int64_t        running;
    int64_t        served;           /* when one was begun; rises */

    size_t         tenant_no;        /* by assess_lanes_init() */
    size_t         user_no;
} assess_lane_t;


/* What of a tenant, or of a user, runs, and when one of them was begun */
typedef struct {
    int64_t        running;
    int64_t        served;
} assess_share_t;


typedef struct {
    assess_lane_t   *list;
    size_t           n;
    assess_share_t  *tenants;
    assess_share_t  *users;
    size_t           nusers;
    int64_t          served;         /* the latest of all */
} assess_lanes_t;


/* How many jobs may run at once, of all instances; 0: no limit */
typedef struct {
    int64_t   tenant_jobs;
    int64_t   batch_jobs;
} assess_lane_limits_t;


/* So many jobs from a lane */
typedef struct {
    int64_t   lane;
    int       n;
} assess_pick_t;


/* The same as assess.lane() of the schema. */
int64_t assess_lane_name(const assess_str_t *tenant, const assess_str_t *user,
    const char *batch_id, int priority, const assess_str_t *provider);

/*
 * Lanes of one tenant stand next to each other, and in these those of one
 * user.  What is needed for all the calls below is allocated here.  -1: out of
 * memory.
 */
int assess_lanes_init(assess_lanes_t *lanes, assess_arena_t *arena,
    assess_lane_t *list, size_t n);

/*
 * Takes the next n jobs, as far as there are any, and counts them as begun.
 * picks has room for n.  The result is how many lanes they come from, each once.
 */
size_t assess_lanes_pick(assess_lanes_t *lanes,
    const assess_lane_limits_t *limits, const assess_str_t *avoid,
    size_t navoid, size_t n, assess_pick_t *picks);

/*
 * These were picked by somebody who is not done yet: who looks on is to count
 * them as begun.  Whether they still wait here is another question.
 */
void assess_lanes_begun(assess_lanes_t *lanes, const assess_pick_t *pick);

/*
 * From which lanes the next n jobs come, one after the other, if nothing came
 * and all that run ran on; they are counted as begun.  Limits, and providers
 * that are away, are not looked at.  The result is how many there are.
 */
size_t assess_lanes_order(assess_lanes_t *lanes, size_t n, int64_t *order);


#endif /* ASSESS_LANE_H */
