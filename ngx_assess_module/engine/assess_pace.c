
#include "assess_pace.h"

#include <math.h>
#include <string.h>


/* The wall, where the provider does not say how long it is. */
#define ASSESS_PACE_PAUSE      250
#define ASSESS_PACE_PAUSE_MAX  25000
#define ASSESS_PACE_PAUSE_UP   5
#define ASSESS_PACE_LONG       3000
#define ASSESS_PACE_TOLD_MAX   60000

/* A rate that was not waited for in so long is none. */
#define ASSESS_PACE_FORGET     30000

/*
 * Whatever is not known of a provider, it is not run into at full speed: so
 * many a millisecond at first, but for a burst, and faster by and by.
 */
#define ASSESS_PACE_SPEED      0.08
#define ASSESS_PACE_BURST      50
#define ASSESS_PACE_ANY        1e6           /* without a limit */

/* So long without a wall, it grows twice as fast. */
#define ASSESS_PACE_DOUBLE     5000

/* Cells of the minute that are the end of a long time. */
#define ASSESS_PACE_LATE       10

/* As late as this, a request is made up for. */
#define ASSESS_PACE_SLACK      200

/* So is a pause that was longer than need be, as far as it is made up for. */
#define ASSESS_PACE_CATCH      800

/* More than the budget is tried then, twice as much each time it works. */
#define ASSESS_PACE_MORE       1000
#define ASSESS_PACE_BUDGET     60000
#define ASSESS_PACE_BUDGET_MAX 600000


static void assess_pace_wall(assess_pace_t *pace, int64_t after_ms,
    int64_t now);
static void assess_pace_open(assess_pace_t *pace, int in_flight, int64_t now);


void
assess_pace_init(assess_pace_t *pace)
{
    int  i;

    memset(pace, 0, sizeof(assess_pace_t));

    pace->random = 1;
    pace->speed = ASSESS_PACE_SPEED;
    pace->budget_ms = ASSESS_PACE_BUDGET;

    assess_window_init(&pace->window);

    for (i = 0; i < ASSESS_QUOTAS; i++) {
        assess_supply_init(&pace->supplies[i]);
    }
}


void
assess_pace_expect(assess_pace_t *pace, int n)
{
    if (pace->seq == 0) {
        pace->speed = ASSESS_PACE_ANY;
        assess_window_expect(&pace->window, n);
    }
}


void
assess_pace_repair(assess_pace_t *pace, int64_t now)
{
    uint64_t  seq, random;

    /* what was learned is learned again */

    seq = pace->seq;
    random = pace->random;

    assess_pace_init(pace);

    pace->seq = pace->window.cut = seq;
    pace->random = random | 1;
    pace->window.stepped = now;
}


void
assess_pace_restart(assess_pace_t *pace, int64_t now)
{
    assess_window_restart(&pace->window, now);

    pace->began = now;
    pace->accepted = 0;
}


/* Marsaglia's xorshift64; up to range - 1. */

static int64_t
assess_pace_random(assess_pace_t *pace, int64_t range)
{
    uint64_t  x = pace->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;

    pace->random = x;

    return range > 0 ? (int64_t) (x % (uint64_t) range) : 0;
}


static void
assess_pace_uncount(assess_pace_t *pace, int64_t sent)
{
    if (pace->accepted > 0 && sent >= pace->began) {
        pace->accepted--;
    }

    assess_minute_remove(&pace->minute, sent);
}


/* The rate at which requests were accepted since the last wall. */

static double
assess_pace_measure(assess_pace_t *pace, double time, int64_t now)
{
    double  rate, late;

    rate = (double) (pace->accepted > 0 ? pace->accepted : 1) / time;

    /* what is saved up in a pause that was told is not in it yet */

    if (pace->told && pace->wall_at > pace->began
        && (double) (now - pace->wall_at) > time / 3)
    {
        rate *= sqrt(time / (double) (pace->wall_at - pace->began));
    }

    /* of a slow beginning nothing was saved up: the end of it counts */

    late = (double) assess_minute_last(&pace->minute, ASSESS_PACE_LATE)
           / (ASSESS_PACE_LATE * ASSESS_MINUTE_CELL) * 0.95;

    if (pace->rate > 0 && late > rate
        && time > 3 * ASSESS_PACE_LATE * ASSESS_MINUTE_CELL)
    {
        late = late < pace->rate ? late : pace->rate;
        rate = late > rate * 1.2 ? pace->rate * 0.92 : sqrt(rate * late);
    }

    return rate;
}


/* That is the rate from now on, and grows slowly after a while. */

static void
assess_pace_learn(assess_pace_t *pace, int64_t now)
{
    int     rested;
    double  n, rate, time, most, share;

    n = (double) (pace->accepted > 0 ? pace->accepted : 1);
    time = now > pace->began ? (double) (now - pace->began) : 1;
    rate = assess_pace_measure(pace, time, now);

    /* few say little, but for the first, which has what was saved up in it */

    if (pace->rate > 0) {
        share = n / (n + (rate < pace->rate ? pace->trust / 4 : pace->trust));
        rate = rate * share + pace->rate * (1 - share);
        pace->trust = pace->trust * 3 < 10 ? pace->trust * 3 : 10;

    } else {
        pace->trust = 0.5;
    }

    /* a little less, until a bucket is not at its bottom any more */

    rested = pace->wall_at && (double) (now - pace->wall_at) * rate > 5;

    pace->rate = rested ? rate : rate * 0.98;
    pace->next = (double) now + 1 / pace->rate;
    pace->gain = n < 5 ? 0.1 : n < 100 ? 0.5 / n : 0.005;

    most = 30 / pace->rate > 10000 ? 30 / pace->rate : 10000;
    time = rested || time < 2000 ? 2000 : time < most ? time : most;

    pace->hold = now + (int64_t) time;
    pace->grown = pace->bound = now;
    pace->doubled = pace->hold;

    pace->began = now;
    pace->accepted = 0;
}


static int
assess_pace_behind_wall(assess_pace_t *pace, int in_flight, int64_t now,
    int64_t *again)
{
    if (pace->probe) {

        if (now - pace->probe_at < assess_window_settle(&pace->window)) {
            *again = pace->probe_at + assess_window_settle(&pace->window);
            return 1;
        }

        assess_pace_open(pace, in_flight, now);
        return 0;
    }

    if (now < pace->pause) {
        *again = pace->pause;
        return 1;
    }

    return 0;
}


static int
assess_pace_fast(assess_pace_t *pace, int64_t now, int64_t *again)
{
    double  passed;

    if (pace->rate == 0) {
        return 0;
    }

    if (now - pace->bound > ASSESS_PACE_FORGET) {
        pace->rate = 0;
        return 0;
    }

    if ((double) now >= pace->next) {
        return 0;
    }

    if (now > pace->hold && now > pace->grown) {
        passed = (double) (now - pace->grown < 1000 ? now - pace->grown
                                                    : 1000);
        pace->rate *= 1 + pace->gain * passed / 1000;

        if (now - pace->doubled > ASSESS_PACE_DOUBLE && pace->gain < 0.2) {
            pace->gain *= 2;
            pace->doubled = now;
        }
    }

    pace->grown = pace->bound = now;
    *again = (int64_t) ceil(pace->next);

    return 1;
}


static int
assess_pace_speed(assess_pace_t *pace, int64_t now, int64_t *again)
{
    double  passed;

    if (pace->speed >= ASSESS_PACE_ANY || (double) now >= pace->speed_next) {
        return 0;
    }

    passed = (double) (now - pace->speed_grown < 100 ? now - pace->speed_grown
                                                     : 100);
    pace->speed *= 1 + 0.25 * passed / 1000;
    pace->speed_grown = now;
    *again = (int64_t) ceil(pace->speed_next);

    return 1;
}


static int
assess_pace_spent(assess_pace_t *pace, int64_t now, int64_t *again)
{
    int64_t  n;

    if (pace->budget == 0) {
        return 0;
    }

    n = assess_minute_count(&pace->minute, now);

    if (n < pace->budget) {
        return 0;
    }

    /* not in a burst, of which a little more would soon be far too much */

    if (now >= pace->budget_at
        && assess_minute_last(&pace->minute, 5) <= 1 + pace->budget / 30)
    {
        pace->budget_more = pace->budget_more * 2 + 1;
        pace->budget += pace->budget_more;
        pace->budget_at = now + ASSESS_PACE_MORE;
        return n >= pace->budget;
    }

    *again = assess_minute_freed(&pace->minute, n - pace->budget + 1, now);

    if (*again > pace->budget_at) {
        *again = pace->budget_at > now ? pace->budget_at : now + 1000;
    }

    return 1;
}


int
assess_pace_may(assess_pace_t *pace, int in_flight, int64_t now,
    int64_t *again)
{
    int  i, has, fast;

    if (pace->wall) {

        if (assess_pace_behind_wall(pace, in_flight, now, again)) {
            return 0;
        }

        if (pace->wall) {
            return 1;
        }
    }

    for (i = 0; i < ASSESS_QUOTAS; i++) {
        if (!assess_supply_has(&pace->supplies[i], &pace->minute, pace->seq,
                               assess_window_settle(&pace->window), now,
                               again))
        {
            return 0;
        }
    }

    if (assess_pace_spent(pace, now, again)
        || assess_pace_fast(pace, now, again)
        || assess_pace_speed(pace, now, again))
    {
        return 0;
    }

    fast = 0;
    has = assess_window_has(&pace->window, in_flight, now, again, &fast);

    if (fast) {
        assess_pace_learn(pace, now);
    }

    return has;
}


static void
assess_pace_next(double *next, double rate, double slack, int64_t now)
{
    if (rate > 0) {

        if (*next < (double) now - slack) {
            *next = (double) now - slack;
        }

        *next += 1 / rate;
    }
}


/* Half the time between two of them: a bucket may hold a single one. */

static double
assess_pace_slack(const assess_pace_t *pace, int64_t now)
{
    double  slack;

    if (now < pace->catching) {
        return ASSESS_PACE_CATCH;
    }

    slack = pace->rate > 0 ? 0.5 / pace->rate : 0;

    return slack < 20 ? 20 : slack > ASSESS_PACE_SLACK ? ASSESS_PACE_SLACK
                                                       : slack;
}


uint64_t
assess_pace_sent(assess_pace_t *pace, int level, int64_t now)
{
    int  i;

    pace->seq++;

    assess_minute_add(&pace->minute, now);

    if (pace->began == 0) {
        pace->began = now;
    }

    pace->accepted++;

    if (pace->wall) {
        pace->probe = pace->seq;
        pace->probe_at = now;
    }

    assess_pace_next(&pace->speed_next, pace->speed,
                     ASSESS_PACE_BURST / pace->speed, now);
    assess_pace_next(&pace->next, pace->rate, assess_pace_slack(pace, now),
                     now);

    for (i = 0; i < ASSESS_QUOTAS; i++) {
        assess_supply_sent(&pace->supplies[i], now);
    }

    assess_window_sent(&pace->window, pace->seq, level, pace->wall, now);

    return pace->seq;
}


void
assess_pace_accepted(assess_pace_t *pace, uint64_t seq, int level,
    int64_t sent, int64_t now)
{
    if (assess_window_accepted(&pace->window, seq, level, sent, now)) {
        assess_pace_learn(pace, now);
    }

    if (pace->wall && seq == pace->probe) {
        assess_pace_open(pace, level, now);
    }
}


void
assess_pace_gone(assess_pace_t *pace, uint64_t seq)
{
    if (seq == pace->probe) {
        pace->probe = 0;
    }

    assess_window_gone(&pace->window, seq);
}


void
assess_pace_refused(assess_pace_t *pace, uint64_t seq, int level,
    int64_t sent, int others, int64_t after_ms, int64_t now)
{
    assess_window_timed(&pace->window, now > sent ? now - sent : 1);
    assess_pace_uncount(pace, sent);

    if (pace->wall && seq == pace->probe) {
        pace->probe = 0;
        assess_pace_wall(pace, after_ms, now);
        return;
    }

    switch (assess_window_refused(&pace->window, seq, pace->seq, level,
                                  others, pace->rate > 0 ? pace->bound : 0,
                                  pace->wall, now))
    {
    case ASSESS_REFUSED_FAST:
        assess_pace_wall(pace, after_ms, now);
        break;

    case ASSESS_REFUSED_KNOWN:
        if (pace->wall && sent <= pace->wall_at && pace->wall_count > 0) {
            pace->wall_count--;
        }
        break;

    case ASSESS_REFUSED_CROWDED:
        break;
    }
}


/* Nobody sends anything for a while, then one looks. */

static void
assess_pace_wall(assess_pace_t *pace, int64_t after_ms, int64_t now)
{
    int      first;
    int64_t  freed, count;

    first = !pace->wall;
    count = assess_minute_count(&pace->minute, now);

    if (first) {

        pace->wall = 1;
        pace->wall_at = now;
        pace->wall_count = count;
        pace->wall_freed = assess_minute_freed(&pace->minute, 1, now);
        pace->probe = 0;
        pace->pause_ms = ASSESS_PACE_PAUSE;

        if (now < pace->catching) {
            pace->strict = 1;
        }

        if (pace->rate > 0) {
            pace->pause_ms = (int64_t) (2 / pace->rate);
            pace->pause_ms = pace->pause_ms < 50 ? 50
                             : pace->pause_ms > ASSESS_PACE_LONG
                               ? ASSESS_PACE_LONG : pace->pause_ms;
        }

    } else {
        pace->pause_ms = pace->pause_ms * ASSESS_PACE_PAUSE_UP
                         < ASSESS_PACE_PAUSE_MAX
                         ? pace->pause_ms * ASSESS_PACE_PAUSE_UP
                         : ASSESS_PACE_PAUSE_MAX;
    }

    pace->window.cut = pace->seq;

    pace->told = after_ms > 0;

    if (pace->told) {
        after_ms = after_ms < ASSESS_PACE_TOLD_MAX ? after_ms
                                                   : ASSESS_PACE_TOLD_MAX;
        pace->pause = now + after_ms
                      + assess_pace_random(pace, after_ms / 50 + 20);
        return;
    }

    pace->pause = now + pace->pause_ms
                  + assess_pace_random(pace, pace->pause_ms / 20 + 1);

    /* most limits are of a minute: look when its first leave the count */

    freed = assess_minute_freed(&pace->minute, 1, now);

    if (count
        && ((freed > now + pace->pause_ms / 2
             && freed < pace->pause + pace->pause_ms / 2)
            || (first && pace->budget
                && count >= pace->budget - pace->budget / 20)))
    {
        pace->pause = freed;
    }
}


/*
 * Seconds are a long time to be told: a bucket has filled up meanwhile.  If
 * that turns out to be wrong, it is not done again.
 */

static void
assess_pace_catch(assess_pace_t *pace, int64_t now)
{
    int64_t  time;

    time = now - pace->wall_at;

    if (!pace->strict && time >= ASSESS_PACE_CATCH
        && time < ASSESS_PACE_LONG)
    {
        pace->next = (double) (now - ASSESS_PACE_CATCH);
        pace->catching = now + 2 * ASSESS_PACE_CATCH;
    }
}


/* One was accepted: the wall is open. */

static void
assess_pace_open(assess_pace_t *pace, int in_flight, int64_t now)
{
    int  minute, known;

    pace->wall = 0;
    pace->probe = 0;
    pace->pause = 0;

    /* did it last, and open when the first left the minute's count? */

    minute = now - pace->wall_at >= ASSESS_PACE_LONG
             && now >= pace->wall_freed - ASSESS_MINUTE_CELL * 6;

    known = pace->budget
            && pace->wall_count >= pace->budget - pace->budget / 10;

    if (known) {

        pace->budget_ms = pace->budget_ms * 2 < ASSESS_PACE_BUDGET_MAX
                          ? pace->budget_ms * 2 : ASSESS_PACE_BUDGET_MAX;
        pace->budget_at = now + pace->budget_ms;
        pace->budget_more = 0;

        if (now - pace->wall_at > ASSESS_MINUTE_CELL * 4
            && pace->budget > pace->wall_count)
        {
            pace->budget = pace->wall_count > 0 ? pace->wall_count : 1;
        }

    } else if (minute) {

        pace->budget = pace->wall_count > 0 ? pace->wall_count : 1;
        pace->budget_ms = ASSESS_PACE_BUDGET;
        pace->budget_at = now + pace->budget_ms;
        pace->budget_more = 0;
        pace->rate = 0;

    } else {
        pace->budget = 0;
        assess_pace_learn(pace, now);
        assess_pace_catch(pace, now);
    }

    pace->began = now;
    pace->accepted = 0;

    assess_window_doubt(&pace->window, in_flight, now);
}


void
assess_pace_told(assess_pace_t *pace, const assess_ratelimit_t *told,
    int64_t input, int64_t output, int accepted, uint64_t seq, int64_t sent,
    int64_t now)
{
    int               i;
    assess_supply_t  *supply;

    assess_supply_weigh(&pace->supplies[ASSESS_QUOTA_TOKENS], input + output);
    assess_supply_weigh(&pace->supplies[ASSESS_QUOTA_INPUT], input);
    assess_supply_weigh(&pace->supplies[ASSESS_QUOTA_OUTPUT], output);

    for (i = 0; i < ASSESS_QUOTAS; i++) {

        supply = &pace->supplies[i];

        if (i == ASSESS_QUOTA_REQUESTS || supply->each > 1) {
            assess_supply_told(supply, &told->quotas[i], accepted,
                               &pace->minute, seq, pace->seq, sent, now);
        }
    }
}


double
assess_pace_per_minute(const assess_pace_t *pace)
{
    return pace->rate > 0 ? pace->rate * 60000 : (double) pace->budget;
}
