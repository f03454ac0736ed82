
/*
 * What the gate makes of a provider's limits: providers of many kinds are
 * simulated in virtual time, and asked for as much as they give.
 *
 *   pace [RTT]     the table alone, for providers that are so many ms away
 */

/* sources: engine/assess_gate.c engine/assess_pace.c engine/assess_minute.c
   engine/assess_window.c engine/assess_supply.c engine/assess_ratelimit.c
   base/assess_base.c ../t/lib/provider_limit.c */
/* libs: -ljansson -lcurl -lcrypto -lm */

#include "tap.h"

#include "../lib/provider_limit.h"

#include "../../ngx_assess_module/engine/assess_gate.h"

#include <stdlib.h>


#define FLIGHTS    4096
#define PROCESSES  8
#define MINUTES    3
#define BEGIN      1000000000LL

/* of a flight: where it is */
#define FREE       0
#define OUT        1             /* to the provider */
#define THERE      2
#define BACK       3


typedef struct {
    int                  where;
    int                  process;
    int                  counted;     /* as in flight there */
    int64_t              due;         /* when it gets to the next place */
    assess_ticket_t      ticket;
    assess_outcome_e     what;
    provider_verdict_t   verdict;
} flight_t;


/* What a provider does, and who asks it; times are in milliseconds. */
typedef struct {
    long               in_flight;
    long               per_minute;
    long               burst;
    provider_limit_e   kind;
    int                headers;
    int                retry_after;
    int                latency;       /* a tenth more or less */
    int                rtt;
    int                offset;        /* of the fixed window */
    int                concurrency;
    int                processes;
    int                down_of;       /* one of so many is a 503; 0: none */
    int                error_of;      /* and a 500 */
    int                lies;          /* "none left for an hour" */
} model_t;


typedef struct {
    model_t            model;
    provider_limit_t   limit;
    void              *mem;
    assess_gate_t     *gates[PROCESSES];
    assess_waiter_t    waiters[PROCESSES];
    int64_t            again[PROCESSES];
    flight_t           flights[FLIGHTS];
    int                nflights;      /* ever in use */
    int                there;
    int                dead;          /* nobody answers */
    int64_t            now;
    uint32_t           random;

    long               accepted[MINUTES];
    long               refused[MINUTES];
    long               failed[MINUTES];
    long               shares[PROCESSES];
} world_t;


static world_t  world;

static const char *const  kinds[] = { "bucket", "sliding", "fixed" };


static uint32_t
roll(uint32_t range)
{
    world.random = world.random * 1664525 + 1013904223;

    return (world.random >> 8) % range;
}


static void
on_wake(void *ctx)
{
    *(int64_t *) ctx = 0;
}


static flight_t *
flight(void)
{
    int  i;

    for (i = 0; i < FLIGHTS; i++) {
        if (world.flights[i].where == FREE) {
            world.nflights = i >= world.nflights ? i + 1 : world.nflights;
            memset(&world.flights[i], 0, sizeof(flight_t));
            return &world.flights[i];
        }
    }

    printf("Bail out! too many in flight\n");
    exit(1);
}


static int
minute(void)
{
    int64_t  m;

    m = (world.now - BEGIN) / 60000;

    return m < MINUTES ? (int) m : MINUTES - 1;
}


/* At the provider: what becomes of it is known now. */

static void
arrive(flight_t *f)
{
    int  latency;

    f->where = THERE;
    f->due = world.now;

    if (world.dead) {
        f->what = ASSESS_OUTCOME_DOWN;
        world.failed[minute()]++;
        return;
    }

    provider_limit_ask(&world.limit, world.there, world.now, &f->verdict);

    if (f->verdict.refused) {
        f->what = ASSESS_OUTCOME_THROTTLE;
        world.refused[minute()]++;
        return;
    }

    if (world.model.down_of && roll((uint32_t) world.model.down_of) == 0) {
        f->what = ASSESS_OUTCOME_DOWN;
        world.failed[minute()]++;
        return;
    }

    if (world.model.error_of && roll((uint32_t) world.model.error_of) == 0) {
        f->what = ASSESS_OUTCOME_ERROR;
    }

    world.accepted[minute()]++;
    world.shares[f->process]++;
    world.there++;
    f->counted = 1;

    latency = world.model.latency;
    f->due += latency - latency / 10 + (int) roll((uint32_t) latency / 5 + 1);
}


static void
land(flight_t *f)
{
    assess_outcome_t    outcome;
    assess_ratelimit_t  told;

    memset(&outcome, 0, sizeof(outcome));
    outcome.what = f->what;
    outcome.after_ms = -1;

    if (f->verdict.refused && world.model.retry_after) {
        outcome.after_ms = (f->verdict.retry_ms + 999) / 1000 * 1000;
    }

    if (world.model.headers && f->what != ASSESS_OUTCOME_DOWN) {
        assess_ratelimit_init(&told);
        told.quotas[ASSESS_QUOTA_REQUESTS].limit = world.limit.per_minute;
        told.quotas[ASSESS_QUOTA_REQUESTS].remaining = f->verdict.remaining;
        told.quotas[ASSESS_QUOTA_REQUESTS].reset_ms = f->verdict.reset_ms;
        outcome.told = &told;
    }

    if (world.model.lies) {
        assess_ratelimit_init(&told);
        told.quotas[ASSESS_QUOTA_REQUESTS].limit = 1000;
        told.quotas[ASSESS_QUOTA_REQUESTS].remaining = 0;
        told.quotas[ASSESS_QUOTA_REQUESTS].reset_ms = 3600000;
        outcome.told = &told;
    }

    f->where = FREE;
    world.again[f->process] = 0;

    (void) assess_gate_done(world.gates[f->process], &f->ticket, &outcome,
                            world.now);
}


static void
fly(flight_t *f)
{
    if (f->where == OUT && f->due <= world.now) {
        arrive(f);
    }

    if (f->where == THERE && f->due <= world.now) {
        world.there -= f->counted;
        f->where = BACK;
        f->due = world.now + (world.model.rtt + 1) / 2;
    }

    if (f->where == BACK && f->due <= world.now) {
        land(f);
    }
}


/* As long as the gate lets it. */

static void
send(int process)
{
    flight_t         *f;
    int64_t           again;
    assess_ticket_t   ticket;

    while (world.again[process] <= world.now) {

        if (assess_gate_take(world.gates[process], &world.waiters[process],
                             world.now, &ticket, &again) != ASSESS_GATE_GO)
        {
            again = again > world.now ? again : world.now + 1;
            world.again[process] = again < world.now + 50 ? again
                                                          : world.now + 50;
            return;
        }

        f = flight();
        f->where = OUT;
        f->process = process;
        f->ticket = ticket;
        f->due = world.now + world.model.rtt / 2 + (roll(4) == 0);
    }
}


static void
begin(const model_t *model)
{
    int  i;

    memset(&world, 0, sizeof(world));
    world.model = *model;
    world.now = BEGIN;
    world.random = 42;
    world.mem = malloc(assess_gate_size());

    if (world.mem == NULL || assess_gate_init(world.mem) != 0) {
        printf("Bail out! no gate\n");
        exit(1);
    }

    assess_gate_seed(world.mem, 42);

    for (i = 0; i < model->processes; i++) {
        world.gates[i] = assess_gate_open(world.mem, i, model->concurrency);
        world.waiters[i].wake = on_wake;
        world.waiters[i].ctx = &world.again[i];
    }

    provider_limit_set(&world.limit, model->in_flight, model->per_minute,
                       model->kind, model->burst, world.now - model->offset);
}


static void
run(int seconds)
{
    int      i;
    int64_t  until;

    for (until = world.now + seconds * 1000LL; world.now < until; world.now++)
    {
        for (i = 0; i < world.nflights; i++) {
            fly(&world.flights[i]);
        }

        for (i = 0; i < world.model.processes; i++) {
            send((int) ((i + world.now) % world.model.processes));
        }
    }
}


static void
end(void)
{
    int  i;

    for (i = 0; i < world.model.processes; i++) {
        assess_gate_close(world.gates[i]);
    }

    free(world.mem);
    free(world.limit.times);
}


static double
used(int m)
{
    double          most;
    const model_t  *model = &world.model;

    most = model->in_flight
           ? (double) model->in_flight * 60000 / model->latency : 1e9;

    if (model->per_minute && (double) model->per_minute < most) {
        most = (double) model->per_minute;
    }

    return 100 * (double) world.accepted[m] / most;
}


static double
throttled(int m)
{
    long  all;

    all = world.accepted[m] + world.refused[m] + world.failed[m];

    return all ? 100 * (double) world.refused[m] / (double) all : 0;
}


/* A line of the table; whether all of its minutes are good. */

static int
line(void)
{
    int             m, good;
    const model_t  *model = &world.model;

    printf("# %-7s %3ld %-7s %-5s %4d ms %3d x %d", kinds[model->kind],
           model->burst, model->headers ? "headers" : "",
           model->retry_after ? "after" : "", model->latency,
           model->concurrency, model->processes);

    for (m = 0, good = 1; m < MINUTES; m++) {
        printf(" | %5.1f %4.1f", used(m), throttled(m));
        good = good && used(m) >= 95 && throttled(m) <= 2;
    }

    printf("%s\n", good ? "" : "  !");

    return good;
}


/* All latencies, and both sizes, of one kind; how many are not good. */

static int
test_kind(model_t *m)
{
    size_t  i, j;
    int     bad;

    static const int  latencies[] = { 100, 500, 1000, 5000 };

    bad = 0;

    for (i = 0; i < sizeof(latencies) / sizeof(latencies[0]); i++) {

        for (j = 0; j < 2; j++) {
            m->latency = latencies[i];
            m->concurrency = j ? 200 : 64;
            m->processes = j ? 1 : 2;

            begin(m);
            run(60 * MINUTES);
            bad += !line();
            end();
        }
    }

    return bad;
}


/* 50 at once and 600 a minute, told in all the ways there are. */

static void
test_limits(int rtt, int tests)
{
    int      told, bad;
    size_t   i;
    model_t  m;

    static const struct {
        provider_limit_e   kind;
        long               burst;
    } limits[] = {
        { PROVIDER_BUCKET, 10 }, { PROVIDER_BUCKET, 60 },
        { PROVIDER_BUCKET, 600 }, { PROVIDER_SLIDING, 0 },
        { PROVIDER_FIXED, 0 }
    };

    printf("# used and throttled, %% of what can be had in each minute, "
           "%d ms away\n", rtt);

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {

        for (told = 0; told < 4; told++) {

            memset(&m, 0, sizeof(m));
            m.in_flight = 50;
            m.per_minute = 600;
            m.kind = limits[i].kind;
            m.burst = limits[i].burst;
            m.headers = told & 1;
            m.retry_after = told >> 1;
            m.rtt = rtt;

            bad = test_kind(&m);

            if (tests) {
                is_int(bad, 0, "at least 95 % used, at most 2 % throttled");
            }
        }
    }
}


static model_t
plain(long in_flight, long per_minute, int latency)
{
    model_t  m;

    memset(&m, 0, sizeof(m));
    m.in_flight = in_flight;
    m.per_minute = per_minute;
    m.latency = latency;
    m.rtt = 4;
    m.concurrency = 200;
    m.processes = 2;

    return m;
}


static void
test_other_limits(void)
{
    model_t  m;

    m = plain(0, 600, 500);
    m.burst = 1;
    begin(&m);
    run(180);
    line();
    ok(used(0) >= 70 && used(1) >= 85 && throttled(1) <= 2,
       "a bucket that holds one: what is late is lost, so less is used");
    end();

    m = plain(50, 600, 1000);
    m.kind = PROVIDER_FIXED;
    m.offset = 40000;
    begin(&m);
    run(180);
    line();
    ok(used(0) >= 95 && used(1) + used(2) >= 190
       && throttled(0) <= 3 && throttled(2) <= 3,
       "a fixed window that began before");
    end();

    m = plain(50, 60, 1000);
    m.burst = 5;
    begin(&m);
    run(180);
    line();
    ok(used(1) >= 90 && used(2) >= 90 && throttled(2) <= 5,
       "one a second: it is learned from few");
    end();

    m = plain(50, 0, 500);
    begin(&m);
    run(180);
    line();
    ok(used(0) >= 95 && used(2) >= 97 && throttled(0) <= 0.5,
       "so many at once, however fast");
    end();

    m = plain(0, 0, 500);
    m.lies = 1;
    begin(&m);
    run(240);
    printf("# %ld, %ld, and then %ld accepted\n", world.accepted[0],
           world.accepted[1], world.accepted[2]);
    ok(world.accepted[1] >= 1 && world.accepted[2] >= 2000,
       "who says that there is none left, and takes more, is not believed");
    end();

    m = plain(0, 0, 500);
    begin(&m);
    run(60);
    printf("# %ld in the minute\n", world.accepted[0]);
    ok(world.accepted[0] >= 30000, "no limit at all");
    end();
}


static void
test_change(void)
{
    model_t              m;
    assess_gate_state_t  state;

    m = plain(50, 0, 500);
    begin(&m);
    run(60);
    world.limit.in_flight = 5;
    run(60);
    assess_gate_state(world.gates[0], world.now, &state);
    printf("# 50, 5, 50 at once: %.1f %%, %.1f %%; %ld and %ld throttled\n",
           used(0), used(1) * 10, world.refused[0], world.refused[1]);
    ok(used(1) * 10 >= 55 && world.refused[1] <= 25,
       "a limit that falls is found with few refusals");
    ok(state.window <= 7, "the window is %d", state.window);

    world.limit.in_flight = 50;
    run(60);
    assess_gate_state(world.gates[0], world.now, &state);
    printf("# then %.1f %%, %ld throttled, window %d\n", used(2),
           world.refused[2], state.window);
    ok(state.window >= 45 && used(2) >= 65, "and left when it is lifted");
    end();
}


static void
test_outage(void)
{
    model_t              m;
    assess_gate_state_t  state;

    m = plain(50, 600, 500);
    m.burst = 10;
    begin(&m);
    run(60);
    world.dead = 1;
    run(60);
    assess_gate_state(world.gates[0], world.now, &state);
    printf("# %ld requests in a minute of silence\n", world.failed[1]);
    ok(state.circuit == ASSESS_CIRCUIT_PROBING && world.failed[1] <= 20,
       "nobody there for a minute: few look");
    world.dead = 0;
    run(60);
    printf("# %ld in the minute after\n", world.accepted[2]);
    ok(world.accepted[2] >= 300 && throttled(2) <= 2,
       "it is found again, with no storm");
    end();
}


static void
test_failures(void)
{
    model_t  m;

    m = plain(50, 600, 500);
    m.burst = 10;
    m.error_of = 100;
    begin(&m);
    run(180);
    line();
    ok(used(0) >= 95 && used(2) >= 95 && throttled(0) <= 2,
       "one of a hundred fails, and nothing comes of it");
    end();

    m = plain(50, 600, 500);
    m.burst = 10;
    m.down_of = 100;
    begin(&m);
    run(180);
    line();
    ok(used(0) >= 90 && used(2) >= 90, "nor of a 503 in a hundred");
    end();

    m = plain(50, 0, 500);
    m.down_of = 2;
    begin(&m);
    run(180);
    printf("# %ld, %ld, %ld accepted, %ld, %ld, %ld failed\n",
           world.accepted[0], world.accepted[1], world.accepted[2],
           world.failed[0], world.failed[1], world.failed[2]);
    ok(world.accepted[1] >= 600, "half of them 503: it goes on, with rests");
    end();
}


static void
test_fair(void)
{
    int      i;
    long     least, most;
    model_t  m;

    m = plain(50, 600, 500);
    m.burst = 10;
    m.processes = 4;
    begin(&m);
    run(60);

    least = most = world.shares[0];

    for (i = 1; i < 4; i++) {
        least = world.shares[i] < least ? world.shares[i] : least;
        most = world.shares[i] > most ? world.shares[i] : most;
    }

    printf("# from %ld to %ld of %ld\n", least, most, world.accepted[0]);
    ok(least * 4 >= world.accepted[0] * 8 / 10,
       "four processes have a fair share each of a rate");
    end();

    m = plain(10, 0, 500);
    m.processes = 4;
    begin(&m);
    run(60);

    least = most = world.shares[0];

    for (i = 1; i < 4; i++) {
        least = world.shares[i] < least ? world.shares[i] : least;
        most = world.shares[i] > most ? world.shares[i] : most;
    }

    printf("# from %ld to %ld of %ld\n", least, most, world.accepted[0]);
    ok(least * 4 >= world.accepted[0] * 8 / 10 && used(0) >= 90,
       "and of ten at once, of which nothing is left unused");
    end();
}


int
main(int argc, char **argv)
{
    if (argc > 1) {
        test_limits(atoi(argv[1]), 0);
        return 0;
    }

    test_limits(4, 1);
    test_other_limits();
    test_change();
    test_outage();
    test_failures();
    test_fair();

    return done_testing();
}
