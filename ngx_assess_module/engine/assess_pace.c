
#include "assess_pace.h"

#include <math.h>
#include <string.h>


/* The window: from first on, a step each time, faster while it is small. */
#define ASSESS_PACE_FIRST      4
#define ASSESS_PACE_AGAIN      8
#define ASSESS_PACE_SMALL      32
#define ASSESS_PACE_MAX        100000
#define ASSESS_PACE_STEP       25
#define ASSESS_PACE_QUICK      5
#define ASSESS_PACE_STEP_MAX   250

/* The ceiling: is looked at soon when it is a guess, then less and less. */
#define ASSESS_PACE_CONFIRM    500
#define ASSESS_PACE_BEYOND     5000
#define ASSESS_PACE_BEYOND_MAX 60000

/* A refusal would have come by then. */
#define ASSESS_PACE_SETTLE     20
#define ASSESS_PACE_SETTLE_MAX 6000
#define ASSESS_PACE_UNKNOWN    100

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
#define ASSESS_PACE_SPEED      0.1
#define ASSESS_PACE_BURST      50

/* So long without a wall, it grows twice as fast. */
#define ASSESS_PACE_DOUBLE     10000

/* As late as this, a request is made up for. */
#define ASSESS_PACE_SLACK      200

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
    pace->window = ASSESS_PACE_FIRST;
    pace->speed = ASSESS_PACE_SPEED;
    pace->beyond_ms = ASSESS_PACE_BEYOND;
    pace->budget_ms = ASSESS_PACE_BUDGET;

    for (i = 0; i < ASSESS_QUOTAS; i++) {
        assess_supply_init(&pace->supplies[i]);
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

    pace->seq = pace->cut = seq;
    pace->random = random | 1;
    pace->stepped = now;
}


void
assess_pace_restart(assess_pace_t *pace, int64_t now)
{
    pace->window = pace->window < ASSESS_PACE_AGAIN ? pace->window
                                                    : ASSESS_PACE_AGAIN;
    pace->stepped = now;
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


/* what is known of so many at once */

static int64_t
assess_pace_settle(const assess_pace_t *pace)
{
    int64_t  ms;

    if (pace->refusal_ms == 0) {
        return ASSESS_PACE_UNKNOWN;
    }

    ms = pace->refusal_ms * 3;

    return ms < ASSESS_PACE_SETTLE ? ASSESS_PACE_SETTLE
           : ms > ASSESS_PACE_SETTLE_MAX ? ASSESS_PACE_SETTLE_MAX : ms;
}


static void
assess_pace_step(assess_pace_t *pace, int level, int64_t now)
{
    assess_pace_step_t  *step;

    if (pace->nsteps
        && pace->steps[(pace->nsteps - 1) % ASSESS_PACE_STEPS].level >= level)
    {
        return;
    }

    step = &pace->steps[pace->nsteps % ASSESS_PACE_STEPS];

    if (pace->nsteps >= ASSESS_PACE_STEPS && step->level > pace->proven
        && now - step->at >= assess_pace_settle(pace))
    {
        pace->proven = step->level;
    }

    step->level = level;
    step->at = now;
    pace->nsteps++;
}


static int
assess_pace_proven(assess_pace_t *pace, int64_t now)
{
    unsigned                   i, n;
    const assess_pace_step_t  *step;

    n = pace->nsteps < ASSESS_PACE_STEPS ? pace->nsteps : ASSESS_PACE_STEPS;

    for (i = 0; i < n; i++) {

        step = &pace->steps[i];

        if (step->level > pace->proven
            && now - step->at >= assess_pace_settle(pace))
        {
            pace->proven = step->level;
        }
    }

    return pace->proven;
}


static void
assess_pace_doubt(assess_pace_t *pace)
{
    if (pace->proven > pace->high) {
        pace->high = pace->proven;
    }

    pace->proven = 0;
    pace->nsteps = 0;
}


/* A rate out of what was accepted since the last wall. */

static void
assess_pace_learn(assess_pace_t *pace, int64_t now)
{
    int      rested;
    double   rate, time;

    time = now > pace->began ? (double) (now - pace->began) : 1;
    rate = (double) (pace->accepted > 0 ? pace->accepted : 1) / time;

    if (pace->rate > 0 && pace->accepted < 20) {
        rate = rate > pace->rate * 1.2 ? pace->rate * 1.2
               : rate < pace->rate * 0.5 ? pace->rate * 0.5 : rate;
    }

    /* a little less, until a bucket is not at its bottom any more */

    rested = pace->wall_at && (double) (now - pace->wall_at) * rate > 5;

    pace->rate = rested ? rate : rate * 0.98;
    pace->next = (double) now + 1 / pace->rate;
    pace->gain = 0.5 / (double) (pace->accepted > 0 ? pace->accepted : 1);
    pace->gain = pace->gain > 0.1 ? 0.1
                 : pace->gain < 0.005 ? 0.005 : pace->gain;
    pace->hold = now + (rested || time < 2000 ? 2000
                        : time > 20000 ? 20000 : (int64_t) time);
    pace->grown = pace->bound = now;
    pace->doubled = pace->hold;

    pace->began = now;
    pace->accepted = 0;
}


/*
 * Answers that are on their way are in flight for us, and not for the
 * provider: so inexact is a level.
 */

static int
assess_pace_blur(const assess_pace_t *pace)
{
    double  blur;

    blur = pace->answer_ms > 0
           ? pace->window * (double) pace->refusal_ms / pace->answer_ms : 0;

    return 1 + (int) (blur < pace->window / 8.0 ? blur : pace->window / 8.0);
}


/* The ceiling was tried, and one more was accepted. */

static void
assess_pace_above(assess_pace_t *pace, int64_t now)
{
    pace->trial = 0;

    /*
     * With the very same in flight one more was refused before: that was for
     * how fast they came.
     */

    if (pace->unsure && pace->ended == pace->ended_cut) {
        pace->unsure = 0;
        pace->ceiling = pace->known = 0;
        assess_pace_learn(pace, now);
        return;
    }

    pace->unsure = 0;

    if (pace->known == 0) {
        pace->known = pace->ceiling;
    }

    pace->ceiling++;

    if (pace->ceiling > pace->known + assess_pace_blur(pace) + 1) {
        pace->ceiling = pace->known = 0;
    }
}


static int
assess_pace_window(assess_pace_t *pace, int in_flight, int64_t now,
    int64_t *again)
{
    int64_t  step;

    if (pace->trial && now - pace->trial_at >= assess_pace_settle(pace)) {
        assess_pace_above(pace, now);
    }

    if (in_flight < (pace->trial ? pace->ceiling : pace->window)) {
        return 1;
    }

    pace->full = now;

    if (pace->trial) {
        *again = pace->trial_at + assess_pace_settle(pace);
        return 0;
    }

    step = pace->window < ASSESS_PACE_SMALL ? ASSESS_PACE_QUICK
                                            : ASSESS_PACE_STEP;
    if (pace->refusal_ms * 3 / 2 > step) {
        step = pace->refusal_ms * 3 / 2 < ASSESS_PACE_STEP_MAX
               ? pace->refusal_ms * 3 / 2 : ASSESS_PACE_STEP_MAX;
    }

    if (now - pace->stepped < step) {
        *again = pace->stepped + step;
        return 0;
    }

    if (pace->unsure && pace->ended != pace->ended_cut) {

        /* others are in flight than were then: it would prove nothing */

        pace->unsure = 0;
        pace->beyond_at = pace->beyond_at - ASSESS_PACE_CONFIRM
                          + pace->beyond_ms;
    }

    if (pace->ceiling && pace->window >= pace->ceiling
        && now < pace->beyond_at)
    {
        *again = pace->beyond_at;
        return 0;
    }

    pace->stepped = now;

    if (pace->ceiling && pace->window >= pace->ceiling) {
        pace->window = pace->ceiling + 1;
        return in_flight < pace->window;
    }

    pace->window += 1 + pace->window / 50;

    if (pace->ceiling && pace->window > pace->ceiling) {
        pace->window = pace->ceiling;
    }

    if (pace->window > ASSESS_PACE_MAX) {
        pace->window = ASSESS_PACE_MAX;
    }

    return in_flight < pace->window;
}


static int
assess_pace_behind_wall(assess_pace_t *pace, int in_flight, int64_t now,
    int64_t *again)
{
    if (pace->probe) {

        if (now - pace->probe_at < assess_pace_settle(pace)) {
            *again = pace->probe_at + assess_pace_settle(pace);
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

        if (now - pace->doubled > ASSESS_PACE_DOUBLE && pace->gain < 0.1) {
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

    if ((double) now >= pace->speed_next) {
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
    int  i;

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
                               assess_pace_settle(pace), now, again))
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

    return assess_pace_window(pace, in_flight, now, again);
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
    assess_pace_next(&pace->next, pace->rate, ASSESS_PACE_SLACK, now);

    for (i = 0; i < ASSESS_QUOTAS; i++) {
        assess_supply_sent(&pace->supplies[i], now);
    }

    if (pace->ceiling && level > pace->ceiling && pace->trial == 0
        && !pace->wall)
    {
        pace->trial = pace->seq;
        pace->trial_at = now;
    }

    assess_pace_step(pace, level, now);

    return pace->seq;
}


void
assess_pace_accepted(assess_pace_t *pace, uint64_t seq, int level,
    int64_t sent, int64_t now)
{
    double  took;

    took = now > sent ? (double) (now - sent) : 1;
    pace->answer_ms = pace->answer_ms > 0 ? pace->answer_ms * 0.9 + took * 0.1
                                          : took;
    pace->ended++;

    if (level > pace->proven && seq > pace->cut) {
        pace->proven = level;
    }

    if (seq == pace->trial) {
        assess_pace_above(pace, now);
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

    if (seq == pace->trial) {
        pace->trial = 0;
        pace->window = pace->ceiling;
    }
}


/* Was it for how many there are, rather than for how fast they come? */

static int
assess_pace_crowded(assess_pace_t *pace, uint64_t seq, int level, int64_t now)
{
    int  most, proven;

    proven = assess_pace_proven(pace, now);

    most = pace->ceiling || proven < pace->high ? pace->high : proven;

    /*
     * As many as ever, but for the blur: the first time it is for that, but
     * when there is room and the next is refused again, it is not.  Nor is it
     * when they had to wait for the rate, rather than for room.
     */

    if (level > most - assess_pace_blur(pace)) {
        return !(pace->crowded && seq <= pace->before + 2
                 && pace->ended != pace->ended_cut)
               && !(pace->rate > 0 && pace->bound > pace->full
                    && level <= most);
    }

    /* more than since the last wall, of which a rate is not known */

    return level > proven && pace->rate == 0;
}


static void
assess_pace_crowd(assess_pace_t *pace, int level, int others, int64_t now)
{
    int  again;

    again = 1;
    pace->undo = pace->ceiling;
    others = others > 1 ? others : 1;

    if (pace->ceiling && level <= pace->ceiling) {
        pace->ceiling = level > 2 ? level - 1 : 1;

    } else if (pace->known && others > pace->known - assess_pace_blur(pace)
               && others <= pace->known + 2 * assess_pace_blur(pace))
    {
        pace->ceiling = pace->known < others ? pace->known : others;

    } else {
        pace->ceiling = others;
        again = 0;
    }

    if (again) {
        pace->beyond_ms = pace->beyond_ms * 2 < ASSESS_PACE_BEYOND_MAX
                          ? pace->beyond_ms * 2 : ASSESS_PACE_BEYOND_MAX;
        pace->beyond_at = now + pace->beyond_ms;
        pace->unsure = 0;

    } else {
        pace->beyond_ms = ASSESS_PACE_BEYOND;
        pace->beyond_at = now + ASSESS_PACE_CONFIRM;
        pace->unsure = 1;
    }

    if (!again) {
        pace->high = pace->ceiling;
        pace->proven = pace->proven < pace->ceiling ? pace->proven
                                                    : pace->ceiling;
        pace->nsteps = 0;
    }

    pace->known = 0;
    pace->crowded = 1;
    pace->window = pace->ceiling;
    pace->trial = 0;
    pace->stepped = now;
    pace->ended_cut = pace->ended;
}


void
assess_pace_refused(assess_pace_t *pace, uint64_t seq, int level,
    int64_t sent, int others, int64_t after_ms, int64_t now)
{
    int64_t  took;

    took = now > sent ? now - sent : 1;
    pace->refusal_ms = pace->refusal_ms ? (pace->refusal_ms * 3 + took + 3) / 4
                                        : took;

    assess_pace_uncount(pace, sent);

    if (pace->wall && seq == pace->probe) {
        pace->probe = 0;
        assess_pace_wall(pace, after_ms, now);

    } else if (seq == pace->trial) {

        pace->beyond_ms = pace->unsure ? ASSESS_PACE_BEYOND
                                       : pace->beyond_ms * 2;
        if (pace->beyond_ms > ASSESS_PACE_BEYOND_MAX) {
            pace->beyond_ms = ASSESS_PACE_BEYOND_MAX;
        }

        if (pace->known) {
            pace->ceiling = pace->known;
            pace->known = 0;
        }

        pace->trial = 0;
        pace->unsure = 0;
        pace->crowded = 1;
        pace->before = pace->cut;
        pace->cut = pace->seq;
        pace->undo = pace->ceiling;
        pace->window = pace->ceiling;
        pace->beyond_at = now + pace->beyond_ms;

    } else if (seq <= pace->cut) {

        if (pace->wall && sent <= pace->wall_at && pace->wall_count > 0) {
            pace->wall_count--;
        }

        if (!pace->wall && pace->crowded && pace->ceiling > 1) {
            pace->ceiling--;
            pace->high = pace->high > pace->ceiling ? pace->high - 1
                                                    : pace->high;
            pace->window = pace->window < pace->ceiling ? pace->window
                                                        : pace->ceiling;
        }

    } else {

        pace->before = pace->cut;
        pace->cut = pace->seq;

        if (assess_pace_crowded(pace, seq, level, now)) {
            assess_pace_crowd(pace, level, others, now);

        } else {

            if (pace->crowded && seq <= pace->before + 2) {

                /* so the last one was not for how many there were, either */

                pace->ceiling = pace->undo;
                pace->unsure = 0;
            }

            assess_pace_wall(pace, after_ms, now);
        }
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
        pace->crowded = 0;
        pace->trial = 0;
        pace->probe = 0;
        pace->pause_ms = ASSESS_PACE_PAUSE;

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

    pace->cut = pace->seq;

    if (after_ms > 0) {
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
    }

    pace->began = now;
    pace->accepted = 0;
    pace->window = in_flight > 0 ? in_flight + 1 : 1;
    pace->stepped = now;

    assess_pace_doubt(pace);
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
