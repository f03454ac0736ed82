
#include "assess_gate.h"

#include "assess_pace.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>


/*
 * Who waits asks again so often at least, in milliseconds; more often where
 * another process may make room, of which nobody tells.
 */
#define ASSESS_GATE_TICK   50
#define ASSESS_GATE_SOON   10

/* One that did not ask for so long does not wait, whatever it said. */
#define ASSESS_GATE_STALE  200

/* And one that is late has other things to do: the next one may go first. */
#define ASSESS_GATE_LATE   80

/*
 * Who allows so many at once, in one worker, knows a provider that takes them:
 * it is not approached step by step.
 */
#define ASSESS_GATE_EXPECT  1000

/* Failures in a row that open the circuit. */
#define ASSESS_GATE_ROW    5

/* Between two looks whether the provider is back: doubled up to the last. */
#define ASSESS_GATE_LOOK      1000
#define ASSESS_GATE_LOOK_MAX  30000


typedef struct {
    int       in_flight;
    int64_t   waiting;              /* was refused last; 0: does not wait */
} assess_gate_slot_t;


/* The shared part. */
typedef struct {
    pthread_mutex_t      mutex;
    assess_gate_slot_t   slots[ASSESS_GATE_SLOTS];
    assess_pace_t        pace;

    int                  open;      /* the circuit */
    int                  row;       /* failures since the last success */
    int64_t              since;
    int64_t              look_at;
    int64_t              look_ms;
    uint64_t             prober;    /* of an ask; 0: none */
    uint64_t             probe;     /* the request that looks; 0: none */
    int                  prober_slot;
    uint64_t             probers;   /* that there were */

    uint64_t             random;
    uint64_t             requests;
    uint64_t             throttled;
    uint64_t             failures;
} assess_gate_shared_t;


struct assess_gate_s {
    assess_gate_shared_t   *shared;
    assess_gate_shared_t   *own;     /* shared, where it is to be freed */
    pthread_mutex_t         mutex;   /* of the line; before the shared one */
    assess_waiter_t        *first;
    assess_waiter_t       **last;
    int                     slot;
    int                     max;
};


size_t
assess_gate_size(void)
{
    return sizeof(assess_gate_shared_t);
}


int
assess_gate_init(void *mem)
{
    int                    rc;
    uint64_t               seed;
    pthread_mutexattr_t    attr;
    assess_gate_shared_t  *shared = mem;

    memset(shared, 0, sizeof(assess_gate_shared_t));

    assess_pace_init(&shared->pace);

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK)
        != (ssize_t) sizeof(seed))
    {
        seed = (uint64_t) assess_now_ms();
    }

    assess_gate_seed(mem, seed);

    if (pthread_mutexattr_init(&attr) != 0) {
        return -1;
    }

    rc = -1;

    if (pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0
        && pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0
        && pthread_mutex_init(&shared->mutex, &attr) == 0)
    {
        rc = 0;
    }

    (void) pthread_mutexattr_destroy(&attr);

    return rc;
}


void
assess_gate_seed(void *mem, uint64_t seed)
{
    assess_gate_shared_t  *shared = mem;

    shared->random = seed | 1;
    shared->pace.random = (seed >> 7) | 1;
}


/* Marsaglia's xorshift64; up to range - 1. */

static int64_t
assess_gate_random(assess_gate_shared_t *shared, int64_t range)
{
    uint64_t  x = shared->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;

    shared->random = x;

    return range > 0 ? (int64_t) (x % (uint64_t) range) : 0;
}


/* All that depends on each other may be half changed. */

static void
assess_gate_repair(assess_gate_shared_t *shared)
{
    int      i;
    int64_t  now;

    now = assess_mono_ms();

    for (i = 0; i < ASSESS_GATE_SLOTS; i++) {
        if (shared->slots[i].in_flight < 0) {
            shared->slots[i].in_flight = 0;
        }
    }

    assess_pace_repair(&shared->pace, now);

    shared->open = shared->open != 0;
    shared->random |= 1;
    shared->prober = 0;
    shared->probe = 0;

    if (shared->look_ms < ASSESS_GATE_LOOK
        || shared->look_ms > ASSESS_GATE_LOOK_MAX)
    {
        shared->look_ms = ASSESS_GATE_LOOK;
    }

    if (shared->look_at > now + ASSESS_GATE_LOOK_MAX) {
        shared->look_at = now;
    }
}


static void
assess_gate_lock(assess_gate_shared_t *shared)
{
    if (pthread_mutex_lock(&shared->mutex) == EOWNERDEAD) {
        assess_gate_repair(shared);
        (void) pthread_mutex_consistent(&shared->mutex);
    }
}


static void
assess_gate_unlock(assess_gate_shared_t *shared)
{
    (void) pthread_mutex_unlock(&shared->mutex);
}


assess_gate_t *
assess_gate_open(void *mem, int slot, int max)
{
    assess_gate_t  *gate;

    if (slot < 0 || slot >= ASSESS_GATE_SLOTS) {
        return NULL;
    }

    gate = calloc(1, sizeof(assess_gate_t));
    if (gate == NULL) {
        return NULL;
    }

    if (mem == NULL) {

        mem = gate->own = calloc(1, sizeof(assess_gate_shared_t));

        if (mem == NULL || assess_gate_init(mem) != 0) {
            free(mem);
            free(gate);
            return NULL;
        }
    }

    if (pthread_mutex_init(&gate->mutex, NULL) != 0) {
        free(gate->own);
        free(gate);
        return NULL;
    }

    gate->shared = mem;
    gate->last = &gate->first;
    gate->slot = slot;
    gate->max = max > 0 ? max : 1;

    assess_gate_forget(mem, slot);

    if (max >= ASSESS_GATE_EXPECT) {
        assess_gate_lock(gate->shared);
        assess_pace_expect(&gate->shared->pace, max);
        assess_gate_unlock(gate->shared);
    }

    return gate;
}


void
assess_gate_close(assess_gate_t *gate)
{
    if (gate == NULL) {
        return;
    }

    assess_gate_forget(gate->shared, gate->slot);

    if (gate->own) {
        (void) pthread_mutex_destroy(&gate->own->mutex);
        free(gate->own);
    }

    (void) pthread_mutex_destroy(&gate->mutex);
    free(gate);
}


void
assess_gate_forget(void *mem, int slot)
{
    assess_gate_shared_t  *shared = mem;

    if (slot < 0 || slot >= ASSESS_GATE_SLOTS) {
        return;
    }

    assess_gate_lock(shared);

    memset(&shared->slots[slot], 0, sizeof(assess_gate_slot_t));

    if (shared->prober && shared->prober_slot == slot) {
        shared->prober = 0;
        shared->probe = 0;
    }

    assess_gate_unlock(shared);
}


static int
assess_gate_in_flight(const assess_gate_shared_t *shared)
{
    int  i, n;

    n = 0;

    for (i = 0; i < ASSESS_GATE_SLOTS; i++) {
        n += shared->slots[i].in_flight;
    }

    return n;
}


/* Does another process wait that has less in flight? */

static int
assess_gate_yields(const assess_gate_t *gate, int64_t now)
{
    int                        i;
    const assess_gate_slot_t  *slot, *own;

    own = &gate->shared->slots[gate->slot];

    for (i = 0; i < ASSESS_GATE_SLOTS; i++) {

        slot = &gate->shared->slots[i];

        if (slot->waiting && now - slot->waiting < ASSESS_GATE_STALE
            && slot->in_flight < own->in_flight)
        {
            return 1;
        }
    }

    return 0;
}


static void
assess_gate_grant(assess_gate_t *gate, int64_t now, assess_ticket_t *ticket)
{
    assess_gate_shared_t  *shared = gate->shared;

    shared->slots[gate->slot].waiting = 0;
    shared->slots[gate->slot].in_flight++;
    shared->requests++;

    ticket->level = assess_gate_in_flight(shared);
    ticket->sent = now;
    ticket->seq = assess_pace_sent(&shared->pace, ticket->level, now);
}


/* Shut for this one?  The first that asks is the one that looks. */

static int
assess_gate_shuts(assess_gate_t *gate, assess_waiter_t *waiter)
{
    assess_gate_shared_t  *shared = gate->shared;

    if (!shared->open) {
        waiter->probe = 0;
        return 0;
    }

    if (shared->prober == 0) {
        shared->prober = ++shared->probers;
        shared->prober_slot = gate->slot;
        shared->probe = 0;
        waiter->probe = shared->prober;
    }

    return shared->prober != waiter->probe;
}


static assess_gate_e
assess_gate_look(assess_gate_t *gate, int64_t now, assess_ticket_t *ticket,
    int64_t *again)
{
    assess_gate_shared_t  *shared = gate->shared;

    if (shared->probe) {
        *again = now + ASSESS_GATE_LOOK;
        return ASSESS_GATE_WAIT;
    }

    if (now < shared->look_at) {
        *again = shared->look_at;
        return ASSESS_GATE_WAIT;
    }

    assess_gate_grant(gate, now, ticket);
    shared->probe = ticket->seq;

    return ASSESS_GATE_GO;
}


/* For the first in line. */

static assess_gate_e
assess_gate_try(assess_gate_t *gate, int64_t now, assess_ticket_t *ticket,
    int64_t *again)
{
    int                    in_flight;
    assess_gate_slot_t    *slot;
    assess_gate_shared_t  *shared;

    shared = gate->shared;
    slot = &shared->slots[gate->slot];
    *again = now + ASSESS_GATE_TICK;

    if (slot->in_flight >= gate->max) {
        slot->waiting = 0;
        return ASSESS_GATE_WAIT;
    }

    in_flight = assess_gate_in_flight(shared);

    if (!assess_gate_yields(gate, now)
        && assess_pace_may(&shared->pace, in_flight, now, again))
    {
        assess_gate_grant(gate, now, ticket);
        return ASSESS_GATE_GO;
    }

    /* slots of others come free without a word */

    if (*again > now + ASSESS_GATE_SOON && in_flight > slot->in_flight) {
        *again = now + ASSESS_GATE_SOON;
    }

    slot->waiting = now;

    return ASSESS_GATE_WAIT;
}


/* Does any go before it?  Who does not ask loses its turn, not its place. */

static int
assess_gate_behind(const assess_gate_t *gate, const assess_waiter_t *waiter,
    int64_t now)
{
    const assess_waiter_t  *p;

    for (p = gate->first; p && p != waiter; p = p->next) {
        if (now - p->asked < ASSESS_GATE_LATE) {
            return 1;
        }
    }

    return 0;
}


static void
assess_gate_wake(assess_gate_t *gate)
{
    if (gate->first) {
        gate->first->wake(gate->first->ctx);
    }
}


static void
assess_gate_unqueue(assess_gate_t *gate, assess_waiter_t *waiter)
{
    assess_waiter_t  **p;

    if (!waiter->queued) {
        return;
    }

    for (p = &gate->first; *p != waiter; p = &(*p)->next) {
        /* it is in there */
    }

    *p = waiter->next;
    if (*p == NULL) {
        gate->last = p;
    }

    waiter->queued = 0;
}


assess_gate_e
assess_gate_take(assess_gate_t *gate, assess_waiter_t *waiter, int64_t now,
    assess_ticket_t *ticket, int64_t *again)
{
    assess_gate_e          rc;
    assess_gate_shared_t  *shared;

    shared = gate->shared;
    *again = now + ASSESS_GATE_TICK;

    (void) pthread_mutex_lock(&gate->mutex);
    assess_gate_lock(shared);

    waiter->asked = now;

    if (assess_gate_shuts(gate, waiter)) {
        rc = ASSESS_GATE_SHUT;

    } else if (shared->open) {
        rc = assess_gate_look(gate, now, ticket, again);

    } else if (assess_gate_behind(gate, waiter, now)) {
        rc = ASSESS_GATE_WAIT;

    } else {
        rc = assess_gate_try(gate, now, ticket, again);
    }

    assess_gate_unlock(shared);

    if (rc != ASSESS_GATE_WAIT) {

        if (waiter->queued) {
            assess_gate_unqueue(gate, waiter);
            assess_gate_wake(gate);
        }

    } else if (!waiter->queued) {
        waiter->queued = 1;
        waiter->next = NULL;
        *gate->last = waiter;
        gate->last = &waiter->next;
    }

    (void) pthread_mutex_unlock(&gate->mutex);

    return rc;
}


int
assess_gate_shut(assess_gate_t *gate, assess_waiter_t *waiter)
{
    int  shut;

    assess_gate_lock(gate->shared);
    shut = assess_gate_shuts(gate, waiter);
    assess_gate_unlock(gate->shared);

    return shut;
}


int
assess_gate_crowded(assess_gate_t *gate, int64_t now)
{
    int                        i, crowded;
    const assess_gate_slot_t  *slots;

    slots = gate->shared->slots;

    (void) pthread_mutex_lock(&gate->mutex);
    assess_gate_lock(gate->shared);

    crowded = gate->first != NULL;

    for (i = 0; i < ASSESS_GATE_SLOTS && !crowded; i++) {
        crowded = slots[i].waiting
                  && now - slots[i].waiting < ASSESS_GATE_STALE;
    }

    assess_gate_unlock(gate->shared);
    (void) pthread_mutex_unlock(&gate->mutex);

    return crowded;
}


/* Up to a fifth more or less, so that not all instances look at once. */

static void
assess_gate_look_later(assess_gate_shared_t *shared, int64_t after_ms,
    int64_t now)
{
    int64_t  wait;

    wait = shared->look_ms * 4 / 5
           + assess_gate_random(shared, shared->look_ms * 2 / 5 + 1);

    if (after_ms > wait) {
        wait = after_ms < ASSESS_GATE_LOOK_MAX ? after_ms
                                               : ASSESS_GATE_LOOK_MAX;
    }

    shared->look_at = now + wait;
}


static void
assess_gate_failed(assess_gate_shared_t *shared, uint64_t seq,
    int64_t after_ms, int64_t now)
{
    shared->failures++;
    shared->row++;

    if (!shared->open && shared->row >= ASSESS_GATE_ROW) {
        shared->open = 1;
        shared->since = now;
        shared->look_ms = ASSESS_GATE_LOOK;
        shared->prober = 0;
        shared->probe = 0;
        assess_gate_look_later(shared, after_ms, now);

    } else if (shared->open && seq == shared->probe) {
        shared->probe = 0;
        shared->look_ms = shared->look_ms * 2 < ASSESS_GATE_LOOK_MAX
                          ? shared->look_ms * 2 : ASSESS_GATE_LOOK_MAX;
        assess_gate_look_later(shared, after_ms, now);
    }
}


static void
assess_gate_answered(assess_gate_shared_t *shared, int64_t now)
{
    shared->row = 0;

    if (shared->open) {
        shared->open = 0;
        shared->since = now;
        shared->prober = 0;
        shared->probe = 0;
        assess_pace_restart(&shared->pace, now);
    }
}


int
assess_gate_done(assess_gate_t *gate, const assess_ticket_t *ticket,
    const assess_outcome_t *outcome, int64_t now)
{
    int                    open, others;
    assess_gate_slot_t    *slot;
    assess_gate_shared_t  *shared;

    shared = gate->shared;

    (void) pthread_mutex_lock(&gate->mutex);
    assess_gate_lock(shared);

    slot = &shared->slots[gate->slot];
    if (slot->in_flight > 0) {
        slot->in_flight--;
    }

    others = assess_gate_in_flight(shared);

    if (outcome->told) {
        assess_pace_told(&shared->pace, outcome->told, outcome->input,
                         outcome->output,
                         outcome->what == ASSESS_OUTCOME_OK, ticket->seq,
                         ticket->sent, now);
    }

    switch (outcome->what) {

    case ASSESS_OUTCOME_OK:
        assess_gate_answered(shared, now);
        assess_pace_accepted(&shared->pace, ticket->seq, ticket->level,
                             ticket->sent, now);
        break;

    case ASSESS_OUTCOME_ERROR:
        assess_gate_answered(shared, now);
        assess_pace_accepted(&shared->pace, ticket->seq, ticket->level,
                             ticket->sent, now);
        break;

    case ASSESS_OUTCOME_THROTTLE:
        shared->throttled++;
        assess_gate_answered(shared, now);
        assess_pace_refused(&shared->pace, ticket->seq, ticket->level,
                            ticket->sent, others, outcome->after_ms, now);
        break;

    case ASSESS_OUTCOME_OVERLOAD:
        shared->throttled++;
        assess_pace_refused(&shared->pace, ticket->seq, ticket->level,
                            ticket->sent, others, outcome->after_ms, now);
        assess_gate_failed(shared, ticket->seq, outcome->after_ms, now);
        break;

    case ASSESS_OUTCOME_DOWN:
        assess_pace_gone(&shared->pace, ticket->seq);
        assess_gate_failed(shared, ticket->seq, outcome->after_ms, now);
        break;

    case ASSESS_OUTCOME_ENDED:
        assess_pace_gone(&shared->pace, ticket->seq);
        if (shared->probe == ticket->seq) {
            shared->probe = 0;
        }
        break;
    }

    open = shared->open;

    assess_gate_unlock(shared);

    assess_gate_wake(gate);

    (void) pthread_mutex_unlock(&gate->mutex);

    return open;
}


void
assess_gate_leave(assess_gate_t *gate, assess_waiter_t *waiter)
{
    (void) pthread_mutex_lock(&gate->mutex);

    if (gate->first == waiter) {
        assess_gate_unqueue(gate, waiter);

        if (gate->first) {
            assess_gate_wake(gate);

        } else {
            assess_gate_lock(gate->shared);
            gate->shared->slots[gate->slot].waiting = 0;
            assess_gate_unlock(gate->shared);
        }

    } else {
        assess_gate_unqueue(gate, waiter);
    }

    (void) pthread_mutex_unlock(&gate->mutex);
}


void
assess_gate_end(assess_gate_t *gate, assess_waiter_t *waiter)
{
    assess_gate_shared_t  *shared = gate->shared;

    assess_gate_leave(gate, waiter);

    if (waiter->probe == 0) {
        return;
    }

    assess_gate_lock(shared);

    if (shared->prober == waiter->probe) {
        shared->prober = 0;
        shared->probe = 0;
    }

    assess_gate_unlock(shared);

    waiter->probe = 0;
}


int
assess_gate_admits(assess_gate_t *gate, int64_t now)
{
    int  admits;

    (void) now;

    assess_gate_lock(gate->shared);
    admits = !gate->shared->open || gate->shared->prober == 0;
    assess_gate_unlock(gate->shared);

    return admits;
}


void
assess_gate_state(assess_gate_t *gate, int64_t now,
    assess_gate_state_t *state)
{
    assess_gate_shared_t  *shared = gate->shared;

    memset(state, 0, sizeof(assess_gate_state_t));

    assess_gate_lock(shared);

    if (shared->open) {
        state->circuit = shared->prober ? ASSESS_CIRCUIT_PROBING
                                        : ASSESS_CIRCUIT_OPEN;
        state->probe = shared->look_at;
    }

    state->since = shared->since;
    state->window = shared->pace.window.size;
    state->in_flight = assess_gate_in_flight(shared);
    state->per_minute = assess_pace_per_minute(&shared->pace);
    state->pause_ms = shared->pace.pause > now ? shared->pace.pause - now : 0;
    state->requests = shared->requests;
    state->throttled = shared->throttled;
    state->failures = shared->failures;

    assess_gate_unlock(shared);
}
