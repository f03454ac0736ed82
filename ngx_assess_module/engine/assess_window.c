
#include "assess_window.h"

#include <string.h>


/* A step each time, faster while it is small. */
#define ASSESS_WINDOW_FIRST     4
#define ASSESS_WINDOW_AGAIN     8
#define ASSESS_WINDOW_SMALL     32
#define ASSESS_WINDOW_MAX       100000
#define ASSESS_WINDOW_STEP      25
#define ASSESS_WINDOW_QUICK     5
#define ASSESS_WINDOW_STEP_MAX  250

/* The ceiling is looked at soon when it is a guess, then less and less. */
#define ASSESS_WINDOW_CONFIRM     250
#define ASSESS_WINDOW_BEYOND      5000
#define ASSESS_WINDOW_BEYOND_MAX  60000

/* A refusal would have come by then. */
#define ASSESS_WINDOW_SETTLE      20
#define ASSESS_WINDOW_SETTLE_MAX  6000
#define ASSESS_WINDOW_UNKNOWN     100


void
assess_window_init(assess_window_t *window)
{
    memset(window, 0, sizeof(assess_window_t));

    window->size = ASSESS_WINDOW_FIRST;
    window->beyond_ms = ASSESS_WINDOW_BEYOND;
}


void
assess_window_expect(assess_window_t *window, int n)
{
    window->size = n < ASSESS_WINDOW_MAX - window->size
                   ? window->size + n : ASSESS_WINDOW_MAX;
}


void
assess_window_restart(assess_window_t *window, int64_t now)
{
    if (window->size > ASSESS_WINDOW_AGAIN) {
        window->size = ASSESS_WINDOW_AGAIN;
    }

    window->stepped = now;
}


void
assess_window_doubt(assess_window_t *window, int in_flight, int64_t now)
{
    if (window->proven > window->high) {
        window->high = window->proven;
    }

    window->proven = 0;
    window->nsteps = 0;
    window->size = in_flight > 0 ? in_flight + 1 : 1;
    window->stepped = now;
}


int64_t
assess_window_settle(const assess_window_t *window)
{
    int64_t  ms;

    if (window->refusal_ms == 0) {
        return ASSESS_WINDOW_UNKNOWN;
    }

    ms = window->refusal_ms * 3;

    return ms < ASSESS_WINDOW_SETTLE ? ASSESS_WINDOW_SETTLE
           : ms > ASSESS_WINDOW_SETTLE_MAX ? ASSESS_WINDOW_SETTLE_MAX : ms;
}


/*
 * Answers that are on their way are in flight for us, and not for the
 * provider: so inexact is a level.
 */

static int
assess_window_blur(const assess_window_t *window)
{
    double  blur, most;

    most = window->size / 8.0;

    blur = window->answer_ms > 0
           ? window->size * (double) window->refusal_ms / window->answer_ms
           : 0;

    return (window->size >= ASSESS_WINDOW_AGAIN) + window->size / 25
           + (int) (blur < most ? blur : most);
}


/* Was not refused for long enough, as it would have been. */

static int
assess_window_settled(const assess_window_t *window,
    const assess_window_step_t *step, int64_t now)
{
    return step->level > window->proven
           && now - step->at >= assess_window_settle(window);
}


static void
assess_window_step(assess_window_t *window, int level, int64_t now)
{
    assess_window_step_t  *step;

    step = &window->steps[(window->nsteps - 1) % ASSESS_WINDOW_STEPS];

    if (window->nsteps && step->level >= level) {
        return;
    }

    step = &window->steps[window->nsteps % ASSESS_WINDOW_STEPS];

    if (window->nsteps >= ASSESS_WINDOW_STEPS
        && assess_window_settled(window, step, now))
    {
        window->proven = step->level;
    }

    step->level = level;
    step->at = now;
    window->nsteps++;
}


static int
assess_window_proven(assess_window_t *window, int64_t now)
{
    unsigned  i, n;

    n = window->nsteps < ASSESS_WINDOW_STEPS ? window->nsteps
                                             : ASSESS_WINDOW_STEPS;

    for (i = 0; i < n; i++) {
        if (assess_window_settled(window, &window->steps[i], now)) {
            window->proven = window->steps[i].level;
        }
    }

    return window->proven;
}


/* The ceiling was tried, and one more was accepted; 1: the guess was wrong. */

static int
assess_window_above(assess_window_t *window)
{
    int  unsure;

    unsure = window->unsure;

    window->trial = 0;
    window->unsure = 0;

    if (unsure && window->ended == window->ended_cut) {
        window->ceiling = window->known = 0;
        return 1;
    }

    if (window->known == 0) {
        window->known = window->ceiling;
    }

    window->ceiling++;

    if (window->ceiling > window->known + assess_window_blur(window) + 1) {
        window->ceiling = window->known = 0;
    }

    return 0;
}


static int64_t
assess_window_pace(const assess_window_t *window)
{
    int64_t  step, most;

    step = window->size < ASSESS_WINDOW_SMALL ? ASSESS_WINDOW_QUICK
                                              : ASSESS_WINDOW_STEP;
    most = window->refusal_ms * 3 / 2;
    most = most < ASSESS_WINDOW_STEP_MAX ? most : ASSESS_WINDOW_STEP_MAX;

    return step > most ? step : most;
}


static int
assess_window_grow(assess_window_t *window, int in_flight, int64_t now,
    int64_t *again)
{
    int64_t  step;

    step = assess_window_pace(window);

    if (now - window->stepped < step) {
        *again = window->stepped + step;
        return 0;
    }

    if (window->unsure && window->ended != window->ended_cut) {

        /* others are in flight than were then: it would prove nothing */

        window->unsure = 0;
        window->beyond_at += window->beyond_ms;
    }

    if (window->ceiling == 0 || window->size < window->ceiling) {
        window->size += 1 + window->size / 50;

        if (window->ceiling && window->size > window->ceiling) {
            window->size = window->ceiling;
        }

    } else if (now >= window->beyond_at) {
        window->size = window->ceiling + 1;

    } else {
        *again = window->beyond_at;
        return 0;
    }

    if (window->size > ASSESS_WINDOW_MAX) {
        window->size = ASSESS_WINDOW_MAX;
    }

    window->stepped = now;

    return in_flight < window->size;
}


int
assess_window_has(assess_window_t *window, int in_flight, int64_t now,
    int64_t *again, int *fast)
{
    int64_t  settle;

    settle = assess_window_settle(window);

    if (window->trial && now - window->trial_at >= settle) {
        *fast = assess_window_above(window);
    }

    if (window->careful && window->check) {

        if (now - window->check_at < settle) {
            *again = window->check_at + settle;
            return 0;
        }

        window->careful = 0;
    }

    if (in_flight < (window->trial ? window->ceiling : window->size)) {
        return 1;
    }

    window->full = now;

    if (window->trial) {
        *again = window->trial_at + settle;
        return 0;
    }

    return assess_window_grow(window, in_flight, now, again);
}


void
assess_window_sent(assess_window_t *window, uint64_t seq, int level,
    int wall, int64_t now)
{
    if (window->ceiling && level > window->ceiling && window->trial == 0
        && !wall)
    {
        window->trial = seq;
        window->trial_at = now;
    }

    if (window->careful && window->check == 0) {
        window->check = seq;
        window->check_at = now;
    }

    assess_window_step(window, level, now);
}


int
assess_window_accepted(assess_window_t *window, uint64_t seq, int level,
    int64_t sent, int64_t now)
{
    double  took;

    took = now > sent ? (double) (now - sent) : 1;
    window->answer_ms = window->answer_ms > 0
                        ? window->answer_ms * 0.9 + took * 0.1 : took;
    window->ended++;

    if (level > window->proven && seq > window->cut) {
        window->proven = level;
    }

    if (seq == window->check) {
        window->careful = 0;
    }

    return seq == window->trial ? assess_window_above(window) : 0;
}


void
assess_window_gone(assess_window_t *window, uint64_t seq)
{
    if (seq == window->trial) {
        window->trial = 0;
        window->size = window->ceiling;
    }

    if (seq == window->check) {
        window->check = 0;
    }
}


void
assess_window_timed(assess_window_t *window, int64_t took)
{
    window->refusal_ms = window->refusal_ms
                         ? (window->refusal_ms * 3 + took + 3) / 4 : took;
}


/* Beyond the ceiling there is nothing: less often, then. */

static void
assess_window_rest(assess_window_t *window, int64_t now)
{
    window->beyond_ms = window->beyond_ms * 2 < ASSESS_WINDOW_BEYOND_MAX
                        ? window->beyond_ms * 2 : ASSESS_WINDOW_BEYOND_MAX;
    window->beyond_at = now + window->beyond_ms;
    window->unsure = 0;
}


static void
assess_window_tried(assess_window_t *window, int64_t now)
{
    if (window->unsure) {
        window->beyond_ms = ASSESS_WINDOW_BEYOND / 2;
    }

    if (window->known) {
        window->ceiling = window->known;
        window->known = 0;
    }

    window->trial = 0;
    window->crowded = 1;
    window->undo = window->ceiling;
    window->size = window->ceiling;

    assess_window_rest(window, now);
}


/* One of those that were in flight with it then: so there was even less. */

static void
assess_window_less(assess_window_t *window)
{
    if (!window->crowded || window->ceiling <= 1) {
        return;
    }

    window->ceiling--;

    if (window->high > window->ceiling) {
        window->high--;
    }

    if (window->size > window->ceiling) {
        window->size = window->ceiling;
    }
}


/* Was it for how many there are, rather than for how fast they come? */

static int
assess_window_crowded(assess_window_t *window, uint64_t seq, int level,
    int64_t bound, int64_t now)
{
    int  most, proven;

    proven = assess_window_proven(window, now);
    most = window->ceiling || proven < window->high ? window->high : proven;

    /*
     * As many as ever, but for the blur: the first time it is for that, but
     * when there is room and the next is refused again, it is not.  Nor is it
     * when they had to wait for the rate, rather than for room.
     */

    if (level > most - assess_window_blur(window)) {
        return !(window->crowded && seq <= window->before + 2
                 && window->ended != window->ended_cut)
               && !(bound > window->full && level <= most);
    }

    /* more than since the last wall, of which a rate is not known */

    return level > proven && bound == 0;
}


static void
assess_window_crowd(assess_window_t *window, int level, int others,
    int64_t now)
{
    int  blur;

    blur = assess_window_blur(window);
    others = others > 1 ? others : 1;

    window->undo = window->ceiling;

    if (window->ceiling && level <= window->ceiling) {
        window->ceiling = level > 2 ? level - 1 : 1;
        assess_window_rest(window, now);

    } else if (window->known && others > window->known - blur
               && others <= window->known + 2 * blur)
    {
        window->ceiling = window->known < others ? window->known : others;
        assess_window_rest(window, now);

    } else {
        window->ceiling = others;
        window->high = others;
        window->nsteps = 0;

        if (window->proven > others) {
            window->proven = others;
        }

        window->beyond_ms = ASSESS_WINDOW_BEYOND;
        window->beyond_at = now + (window->answer_ms > 0
                                   && window->answer_ms / 2
                                      < ASSESS_WINDOW_CONFIRM
                                   ? (int64_t) window->answer_ms / 2
                                   : ASSESS_WINDOW_CONFIRM);
        window->unsure = 1;
    }

    window->known = 0;
    window->crowded = 1;
    window->careful = 1;
    window->check = 0;
    window->size = window->ceiling;
    window->trial = 0;
    window->stepped = now;
    window->ended_cut = window->ended;
}


assess_refused_e
assess_window_refused(assess_window_t *window, uint64_t seq, uint64_t last,
    int level, int others, int64_t bound, int wall, int64_t now)
{
    if (seq == window->trial) {
        window->before = window->cut;
        window->cut = last;
        assess_window_tried(window, now);
        return ASSESS_REFUSED_CROWDED;
    }

    if (seq <= window->cut) {

        if (!wall) {
            assess_window_less(window);
        }

        return ASSESS_REFUSED_KNOWN;
    }

    window->before = window->cut;
    window->cut = last;

    if (assess_window_crowded(window, seq, level, bound, now)) {
        assess_window_crowd(window, level, others, now);
        return ASSESS_REFUSED_CROWDED;
    }

    if (window->crowded && seq <= window->before + 2) {

        /* so the last one was not for how many there were, either */

        window->ceiling = window->undo;
        window->unsure = 0;
    }

    window->crowded = 0;
    window->careful = 0;
    window->trial = 0;

    return ASSESS_REFUSED_FAST;
}
