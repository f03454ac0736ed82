/* sources: store/assess_lane.c base/assess_base.c */
/* libs: -lcrypto -lm */

/* In which order the jobs of lanes are begun, without a database. */

#include "../../ngx_assess_module/store/assess_lane.h"
#include "tap.h"

#include <stdio.h>


#define LANES  128


static assess_arena_t  *arena;
static assess_lane_t    list[LANES];
static assess_lanes_t   lanes;
static size_t           nlanes;


static assess_str_t
str(const char *cstr)
{
    assess_str_t  s;

    s.data = (char *) cstr;
    s.len = cstr ? strlen(cstr) : 0;

    return s;
}


static void
begin(void)
{
    nlanes = 0;
}


/* a lane whose name is its number, from 1 */

static assess_lane_t *
lane(const char *tenant, const char *user, int priority, int queued)
{
    assess_lane_t  *l;

    l = &list[nlanes];
    memset(l, 0, sizeof(assess_lane_t));

    l->lane = (int64_t) ++nlanes;
    l->tenant = str(tenant);
    l->user = str(user);
    l->provider = str("local");
    l->priority = priority;
    l->queued = queued;

    return l;
}


static void
ready(void)
{
    if (assess_lanes_init(&lanes, arena, list, nlanes) != 0) {
        ok(0, "no memory");
    }
}


/* From which lane the next one comes, as a job that is not to end; 0: none */

static int64_t
next_of(const assess_lane_limits_t *limits, const char *avoided)
{
    assess_str_t          avoid;
    assess_pick_t         pick;
    assess_lane_limits_t  none = { 0, 0 };

    avoid = str(avoided);

    return assess_lanes_pick(&lanes, limits ? limits : &none, &avoid,
                             avoided ? 1 : 0, 1, &pick)
           ? pick.lane : 0;
}


static const char *
order(size_t n)
{
    size_t        i, len;
    static char   text[256];

    for (i = 0, len = 0; i < n; i++) {
        len += (size_t) snprintf(text + len, sizeof(text) - len, "%lld ",
                                 (long long) next_of(NULL, NULL));
    }

    return text;
}


static void
test_name(void)
{
    assess_str_t  tenant, nobody, local;

    tenant = str("acme");
    nobody = str(NULL);
    local = str("local");

    ok(assess_lane_name(&tenant, &nobody, "", 0, &local)
       == assess_lane_name(&tenant, &nobody, "", 0, &local),
       "the same name for the same");
    ok(assess_lane_name(&tenant, &nobody, "", 0, &local)
       != assess_lane_name(&tenant, &nobody, "", 1, &local),
       "another one for another priority");
    ok(assess_lane_name(&tenant, &local, "", 0, &local)
       != assess_lane_name(&tenant, &nobody, "local", 0, &local),
       "and a user is no batch");
}


static void
test_priority(void)
{
    begin();
    lane("a", "u", 0, 2);
    lane("a", "u", 5, 1);
    lane("b", "u", -5, 1);
    lane("b", "u", 5, 2);
    ready();

    is_str(order(7), "2 4 4 1 1 3 0 ",
           "the highest priority first, whoever has most that run");
}


static void
test_tenants(void)
{
    begin();
    lane("large", "a", 0, 1000);
    lane("large", "b", 0, 1000);
    lane("small", "c", 0, 2);
    ready();

    is_str(order(6), "1 3 2 3 1 2 ", "a tenant has its share, and in it users");

    begin();
    lane("large", "a", 0, 1000)->running = 30;
    lane("small", "c", 0, 4);
    ready();

    is_str(order(5), "2 2 2 2 1 ", "who has nothing that runs goes first");

    begin();
    lane("a", "u", 0, 10)->served = 7;
    lane("b", "u", 0, 10)->served = 5;
    lane("c", "u", 0, 10)->served = 6;
    ready();

    is_str(order(6), "2 3 1 2 3 1 ", "of equal ones who has waited longest");
}


static void
test_users(void)
{
    int     got[LANES];
    char    name[100][16];
    int     i, least, most;

    begin();

    for (i = 0; i < 100; i++) {
        (void) snprintf(name[i], sizeof(name[i]), "user %d", i);
        lane("t", name[i], 0, 100);
        got[i] = 0;
    }

    ready();

    for (i = 0; i < 5000; i++) {
        got[next_of(NULL, NULL) - 1]++;
    }

    for (i = 0, least = 5000, most = 0; i < 100; i++) {
        least = got[i] < least ? got[i] : least;
        most = got[i] > most ? got[i] : most;
    }

    is_int(least, 50, "half way each of a hundred users has had half");
    is_int(most, 50, "and none had more");
}


static void
test_batches(void)
{
    assess_lane_limits_t  limits;

    begin();
    (void) snprintf(lane("t", "u", 0, 10000)->batch_id, 37, "one");
    lane("t", "u", 0, 3);
    (void) snprintf(lane("t", "u", 0, 10000)->batch_id, 37, "two");
    ready();

    is_str(order(6), "1 2 3 1 2 3 ", "a start goes beside its user's batches");

    limits.tenant_jobs = 0;
    limits.batch_jobs = 3;

    is_int(next_of(&limits, NULL), 1, "a batch below its limit");
    is_int(next_of(&limits, NULL), 2, "what is in no batch has none");
    is_int(next_of(&limits, NULL), 3, "the other batch");
    is_int(next_of(&limits, NULL), 0, "and then no more");

    limits.tenant_jobs = 10;
    limits.batch_jobs = 0;

    is_int(next_of(&limits, NULL), 1, "a tenant below its limit");
    is_int(next_of(&limits, NULL), 0, "and at it");
}


static void
test_closed(void)
{
    begin();
    lane("t", "u", 0, 2)->closed = 1;
    lane("t", "v", 0, 1)->provider = str("away");
    lane("t", "w", 0, 0)->running = 1;
    ready();

    is_int(next_of(NULL, "away"), 0, "a provider that is away, a closed lane");
    is_int(next_of(NULL, NULL), 2, "and it is back");
    is_int(next_of(NULL, NULL), 0, "nothing waits any more");
}


/* The order is the one in which they are picked, one after the other */

static void
test_order(void)
{
    int             i;
    size_t          k, n;
    int64_t         all[100];
    assess_lane_t   saved[12];
    const char     *tenants[] = { "a", "b", "c" };
    const char     *users[] = { "u", "v", NULL };

    begin();

    for (i = 0; i < 12; i++) {
        (void) lane(tenants[i / 4], users[i % 4 * 3 / 4], i % 3, i * 5 % 9);
        list[i].running = i * 7 % 4;
        list[i].closed = i == 5;
        saved[i] = list[i];
    }

    ready();
    n = assess_lanes_order(&lanes, 100, all);

    for (i = 0; i < 12; i++) {
        list[i] = saved[i];
    }

    ready();

    for (k = 0; k < n && next_of(NULL, NULL) == all[k]; k++) { /* void */ }

    ok(n > 20 && k == n, "the order is that of picking");
    is_int(next_of(NULL, NULL), 0, "and ends where nothing waits");
}


int
main(void)
{
    arena = assess_arena_create();

    test_name();
    test_priority();
    test_tenants();
    test_users();
    test_batches();
    test_closed();
    test_order();

    assess_arena_destroy(arena);

    return done_testing();
}
