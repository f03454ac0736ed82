
#include "assess_pace.h"

#include <string.h>


#define ASSESS_PACE_FIRST  16
#define ASSESS_PACE_MAX    100000
#define ASSESS_PACE_STEP   10


void
assess_pace_init(assess_pace_t *pace)
{
    memset(pace, 0, sizeof(assess_pace_t));

    pace->window = ASSESS_PACE_FIRST;
}


void
assess_pace_repair(assess_pace_t *pace, int64_t now)
{
    if (pace->window < 1 || pace->window > ASSESS_PACE_MAX) {
        pace->window = ASSESS_PACE_FIRST;
    }

    if (pace->pause > now + 60000) {
        pace->pause = now;
    }
}


void
assess_pace_restart(assess_pace_t *pace, int64_t now)
{
    pace->window = ASSESS_PACE_FIRST;
    pace->stepped = now;
}


int
assess_pace_may(assess_pace_t *pace, int in_flight, int64_t now,
    int64_t *again)
{
    if (now < pace->pause) {
        *again = pace->pause;
        return 0;
    }

    if (in_flight < pace->window) {
        return 1;
    }

    if (now - pace->stepped >= ASSESS_PACE_STEP) {
        pace->stepped = now;
        pace->window += 1;
        return in_flight < pace->window;
    }

    *again = pace->stepped + ASSESS_PACE_STEP;

    return 0;
}


uint64_t
assess_pace_sent(assess_pace_t *pace, int level, int64_t now)
{
    (void) level;
    (void) now;

    return ++pace->seq;
}


void
assess_pace_accepted(assess_pace_t *pace, uint64_t seq, int level,
    int64_t now)
{
    (void) pace;
    (void) seq;
    (void) level;
    (void) now;
}


void
assess_pace_refused(assess_pace_t *pace, uint64_t seq, int level,
    int64_t sent, int others, int64_t after_ms, int64_t now)
{
    (void) level;
    (void) sent;

    if (after_ms > 0) {
        pace->pause = now + after_ms;
    }

    if (seq <= pace->cut) {
        return;
    }

    pace->cut = pace->seq;
    pace->window = others > 1 ? others : 1;
}
