
/*
 * How many requests a provider takes at once, learned from what it accepts and
 * refuses.  The window grows while it is full, up to the ceiling, which is
 * what was in flight when one more was refused; that is tried again, less and
 * less often.  Plain data without pointers, pure in time (milliseconds).
 *
 * A refusal is either about how many there are, or about how fast they come.
 * Which of them is told by how many were in flight: more than were accepted
 * lately, or not.  The first time that is a guess, which is looked at again
 * soon: if one more is taken with the very same in flight, it was wrong.
 */

#ifndef ASSESS_WINDOW_H
#define ASSESS_WINDOW_H


#include <stdint.h>


#define ASSESS_WINDOW_STEPS  16


/* So many were in flight first then. */
typedef struct {
    int       level;
    int64_t   at;
} assess_window_step_t;


typedef struct {
    int                    size;         /* so many at once, now */
    int                    ceiling;      /* more was refused; 0: not known */
    int                    known;        /* it, before it was tried; or 0 */
    int                    undo;         /* it, before it was lowered */
    int                    crowded;      /* the last cut was for that */
    int                    unsure;       /* the ceiling is a first guess */
    uint64_t               cut;          /* refusals up to here are known */
    uint64_t               before;       /* the cut before that */
    int64_t                stepped;
    int64_t                full;         /* it was waited for last */
    int64_t                beyond_at;    /* when the ceiling is tried */
    int64_t                beyond_ms;
    uint64_t               trial;        /* the request that tries it; or 0 */
    int64_t                trial_at;
    int                    careful;      /* after a cut one goes ahead */
    uint64_t               check;        /* that one; 0: not yet sent */
    int64_t                check_at;

    assess_window_step_t   steps[ASSESS_WINDOW_STEPS];
    unsigned               nsteps;
    int                    proven;       /* so many at once were accepted */
    int                    high;         /* the same, before the last wall */
    uint64_t               ended;        /* accepted ones, ever */
    uint64_t               ended_cut;    /* the same at the last cut */
    double                 answer_ms;    /* an answer takes; 0: not known */
    int64_t                refusal_ms;   /* a refusal does */
} assess_window_t;


/* What a refusal was about. */
typedef enum {
    ASSESS_REFUSED_KNOWN = 0,    /* that was answered before */
    ASSESS_REFUSED_CROWDED,      /* how many: the window is smaller now */
    ASSESS_REFUSED_FAST          /* how fast they come */
} assess_refused_e;


void assess_window_init(assess_window_t *window);

/* So many more are said to be taken, before anything is known. */
void assess_window_expect(assess_window_t *window, int n);

/* It was away: few at once, but for what is known. */
void assess_window_restart(assess_window_t *window, int64_t now);

/* A wall is open: so many are in flight, and what was proven is doubtful. */
void assess_window_doubt(assess_window_t *window, int in_flight, int64_t now);

/* By when a request sent now would have been refused, milliseconds. */
int64_t assess_window_settle(const assess_window_t *window);

/*
 * One more?  If not, *again is when to ask.  *fast is set when it turns out
 * that the last guess was wrong.
 */
int assess_window_has(assess_window_t *window, int in_flight, int64_t now,
    int64_t *again, int *fast);

/* Request seq was sent, in flight with so many; wall: to look for its end. */
void assess_window_sent(assess_window_t *window, uint64_t seq, int level,
    int wall, int64_t now);

/* It was accepted, and has ended; 1: the last guess was wrong. */
int assess_window_accepted(assess_window_t *window, uint64_t seq, int level,
    int64_t sent, int64_t now);

/* It says nothing. */
void assess_window_gone(assess_window_t *window, uint64_t seq);

/* It was refused after so long: but for what it is about. */
void assess_window_timed(assess_window_t *window, int64_t took);

/*
 * Request seq was refused, last is the latest one, others are in flight.
 * bound: when one waited for a rate last, 0 without one.  wall: there is one.
 */
assess_refused_e assess_window_refused(assess_window_t *window, uint64_t seq,
    uint64_t last, int level, int others, int64_t bound, int wall,
    int64_t now);


#endif /* ASSESS_WINDOW_H */
