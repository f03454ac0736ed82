
/*
 * The gate of a provider: who may send a request to it now.  It learns how
 * many requests the provider takes at once and how many in a time, keeps off
 * while it is down, and divides what there is between those who wait.
 *
 * What it has learned lies in memory that all worker processes share.  There
 * is no pointer in it, and its lock outlives the death of its holder.  Each
 * process has a slot there, of which it counts what it has in flight.
 *
 * Times are those of a clock that only goes on (assess_mono_ms()), one for all
 * processes.  All functions may run on any thread, and none blocks for longer
 * than another one takes.
 */

#ifndef ASSESS_GATE_H
#define ASSESS_GATE_H


#include "assess_ratelimit.h"


#define ASSESS_GATE_SLOTS  128


typedef struct assess_gate_s    assess_gate_t;
typedef struct assess_waiter_s  assess_waiter_t;


/*
 * Of one ask, which sets wake and ctx and zeroes the rest.  wake() is called
 * on another thread, under a lock: it must not block or call back.
 */
struct assess_waiter_s {
    void             (*wake)(void *ctx);
    void              *ctx;
    assess_waiter_t   *next;
    uint64_t           probe;      /* set: this ask looks whether it is up */
    int64_t            asked;      /* last */
    int                queued;
};


/* Of a request that was let through, until it is done. */
typedef struct {
    uint64_t   seq;
    int64_t    sent;
    int        level;              /* in flight with it, over all processes */
} assess_ticket_t;


typedef enum {
    ASSESS_GATE_WAIT = 0,
    ASSESS_GATE_GO,
    ASSESS_GATE_SHUT               /* the provider is down, another looks */
} assess_gate_e;


typedef enum {
    ASSESS_OUTCOME_OK = 0,
    ASSESS_OUTCOME_ERROR,          /* of this request alone */
    ASSESS_OUTCOME_THROTTLE,       /* one too many of ours */
    ASSESS_OUTCOME_OVERLOAD,       /* of everybody's: a throttle, and down */
    ASSESS_OUTCOME_DOWN,           /* not reached, or nobody behind it */
    ASSESS_OUTCOME_ENDED           /* by us: it says nothing */
} assess_outcome_e;


typedef struct {
    assess_outcome_e           what;
    int64_t                    after_ms;    /* what it was told; -1: nothing */
    const assess_ratelimit_t  *told;        /* NULL: nothing */
    int64_t                    input;       /* tokens, where it is known */
    int64_t                    output;
} assess_outcome_t;


typedef enum {
    ASSESS_CIRCUIT_CLOSED = 0,
    ASSESS_CIRCUIT_OPEN,           /* the provider is down */
    ASSESS_CIRCUIT_PROBING         /* so it is, and a job looks for it */
} assess_circuit_e;


/* For people. */
typedef struct {
    assess_circuit_e   circuit;
    int64_t            since;      /* of the circuit's state; 0: ever */
    int64_t            probe;      /* when it is looked for next, or 0 */
    int                window;     /* requests at once, over all processes */
    int                in_flight;
    double             per_minute; /* where it is paced, or 0 */
    int64_t            pause_ms;   /* for which nothing is sent, or 0 */
    uint64_t           requests;   /* let through, ever */
    uint64_t           throttled;  /* of those */
    uint64_t           failures;   /* of those: down, not throttled */
} assess_gate_state_t;


/* Bytes of the shared part, and its beginning; 0, or -1.  Aligned for all. */
size_t assess_gate_size(void);
int assess_gate_init(void *mem);

/* Random numbers from here on: for tests that want the same each time. */
void assess_gate_seed(void *mem, uint64_t seed);

/*
 * A process's handle of the shared part; mem NULL is a part of its own.  max
 * is how many may be in flight of this slot, at least one.  What a process
 * that had the slot before has left is forgotten.  NULL is out of memory.
 */
assess_gate_t *assess_gate_open(void *mem, int slot, int max);
void assess_gate_close(assess_gate_t *gate);

/* What was in flight of a slot, or was to be, is gone with its process. */
void assess_gate_forget(void *mem, int slot);

/*
 * May a request be sent?  GO: it may, ticket is filled, done() must follow.
 * WAIT: the waiter stands in line; it is to ask again when it is woken, and at
 * *again at the latest.  Turns are first come, first served within a process,
 * one request a turn, so that a large ask does not starve a small one.
 * Between processes, who has less in flight goes first.
 *
 * SHUT: the provider is down, and another ask looks whether it comes back: one
 * with nothing in flight should end, and be done again later.  The first that
 * asks becomes the one that looks; it is told WAIT and, once in a while, GO.
 */
assess_gate_e assess_gate_take(assess_gate_t *gate, assess_waiter_t *waiter,
    int64_t now, assess_ticket_t *ticket, int64_t *again);

/* Not even its next request?  Else as take(), without sending anything. */
int assess_gate_shut(assess_gate_t *gate, assess_waiter_t *waiter);

/* Whether anybody waits for what others have in flight, in any process. */
int assess_gate_crowded(assess_gate_t *gate, int64_t now);

/* Of each that was let through, once; 1: the provider is down now. */
int assess_gate_done(assess_gate_t *gate, const assess_ticket_t *ticket,
    const assess_outcome_t *outcome, int64_t now);

/* Steps out of the line, for there is nothing to send. */
void assess_gate_leave(assess_gate_t *gate, assess_waiter_t *waiter);

/* The ask has ended: it is out of the line, and looks for nothing any more. */
void assess_gate_end(assess_gate_t *gate, assess_waiter_t *waiter);

/* Should a job that waits be begun?  Not while another looks in vain. */
int assess_gate_admits(assess_gate_t *gate, int64_t now);

void assess_gate_state(assess_gate_t *gate, int64_t now,
    assess_gate_state_t *state);


#endif /* ASSESS_GATE_H */
