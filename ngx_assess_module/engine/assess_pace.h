
/*
 * How many requests at once, and how fast: what is learned of a provider's
 * limits from what it accepts and refuses.  Plain data without pointers, pure
 * in time (milliseconds); whoever holds the lock around it calls.
 *
 * "Too many at once" is answered by a smaller window and no pause; "too many
 * in a time" by a pause of all, the wall, and then a rate.
 *
 * A wall that opens soon is a bucket's: between two of them it was refilled as
 * fast as requests were accepted, which is the rate.  One that lasts is a
 * window's: what was accepted in the minute before is what a minute holds.
 */

#ifndef ASSESS_PACE_H
#define ASSESS_PACE_H


#include "assess_minute.h"
#include "assess_supply.h"
#include "assess_window.h"


typedef struct {
    uint64_t              seq;           /* of the last request */
    uint64_t              random;
    assess_window_t       window;
    assess_minute_t       minute;

    int64_t               began;         /* since the last wall */
    int64_t               accepted;      /* in that time */

    /* the wall */
    int                   wall;
    int64_t               wall_at;
    int64_t               wall_count;    /* of the minute before it */
    int64_t               wall_freed;    /* when its first leave the count */
    int64_t               pause;         /* nothing is sent until then */
    int64_t               pause_ms;
    int                   told;          /* the provider named its end */
    uint64_t              probe;         /* the request that looks for it */
    int64_t               probe_at;

    /* how fast */
    double                speed;         /* a millisecond, at most, for now */
    double                speed_next;
    int64_t               speed_grown;
    double                rate;          /* a millisecond; 0: as one can */
    double                trust;         /* in it, as if of so many */
    double                gain;          /* a second, of what it grows */
    double                next;          /* when one may be sent */
    int64_t               hold;          /* it does not grow until then */
    int64_t               doubled;       /* the gain was, last */
    int64_t               grown;
    int64_t               bound;         /* it was waited for last */
    int64_t               catching;      /* up, until then */
    int                   strict;        /* there is no catching up */
    int64_t               budget;        /* of a minute; 0: not known */
    int64_t               budget_at;     /* when more is tried */
    int64_t               budget_ms;
    int64_t               budget_more;   /* as it was the last time */

    assess_supply_t       supplies[ASSESS_QUOTAS];
} assess_pace_t;


void assess_pace_init(assess_pace_t *pace);

/*
 * The operator allows so many at once, more than one would without knowing
 * that the provider takes them: as long as nothing is learned, that is so.
 */
void assess_pace_expect(assess_pace_t *pace, int n);

/* After its holder died in the midst of a change: all in bounds again. */
void assess_pace_repair(assess_pace_t *pace, int64_t now);

/* It was away: begin again, with few at once. */
void assess_pace_restart(assess_pace_t *pace, int64_t now);

/* One more, with so many in flight?  If not, *again is when to ask. */
int assess_pace_may(assess_pace_t *pace, int in_flight, int64_t now,
    int64_t *again);

/* It was sent, in flight with so many; the number it has from now on. */
uint64_t assess_pace_sent(assess_pace_t *pace, int level, int64_t now);

/* It was accepted, and has ended. */
void assess_pace_accepted(assess_pace_t *pace, uint64_t seq, int level,
    int64_t sent, int64_t now);

/* It was refused; so many others are in flight.  after_ms -1: no word. */
void assess_pace_refused(assess_pace_t *pace, uint64_t seq, int level,
    int64_t sent, int others, int64_t after_ms, int64_t now);

/* It ended in another way, and says nothing. */
void assess_pace_gone(assess_pace_t *pace, uint64_t seq);

/* What was told with its answer, and the tokens it took, 0 where unknown. */
void assess_pace_told(assess_pace_t *pace, const assess_ratelimit_t *told,
    int64_t input, int64_t output, int accepted, uint64_t seq, int64_t sent,
    int64_t now);

/* In force now, requests a minute; 0: none is known. */
double assess_pace_per_minute(const assess_pace_t *pace);


#endif /* ASSESS_PACE_H */
