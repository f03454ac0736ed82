
/*
 * How many requests at once, and how fast: what is learned of a provider's
 * limits from what it accepts and refuses.  Plain data without pointers, pure
 * in time; whoever holds the lock around it calls.
 *
 * Two limits are told apart, for they want different things.  "Too many at
 * once" is answered by a smaller window, without a pause; "too many in a
 * time" by a pause of all, and then a pace.  A refusal says which of them it
 * is by how many others were in flight: more than were accepted lately, or
 * not.
 */

#ifndef ASSESS_PACE_H
#define ASSESS_PACE_H


#include "assess_ratelimit.h"


typedef struct {
    int        window;
    int        ceiling;
    int64_t    stepped;
    uint64_t   seq;
    uint64_t   cut;
    int64_t    pause;
} assess_pace_t;


void assess_pace_init(assess_pace_t *pace);

/* After its holder died in the midst of a change: all in bounds again. */
void assess_pace_repair(assess_pace_t *pace, int64_t now);

/* It was away: begin again, with few at once. */
void assess_pace_restart(assess_pace_t *pace, int64_t now);

/* One more, with so many in flight?  If not, *again is when to ask. */
int assess_pace_may(assess_pace_t *pace, int in_flight, int64_t now,
    int64_t *again);

/* It was sent; the number it has from now on. */
uint64_t assess_pace_sent(assess_pace_t *pace, int level, int64_t now);

/* It was accepted, and has ended. */
void assess_pace_accepted(assess_pace_t *pace, uint64_t seq, int level,
    int64_t now);

/* It was refused; so many others are in flight. */
void assess_pace_refused(assess_pace_t *pace, uint64_t seq, int level,
    int64_t sent, int others, int64_t after_ms, int64_t now);


#endif /* ASSESS_PACE_H */
