
/* Who may send a request: the line, the circuit, and what processes share. */

/* sources: engine/assess_gate.c engine/assess_pace.c engine/assess_minute.c
   engine/assess_window.c engine/assess_supply.c engine/assess_ratelimit.c
   base/assess_base.c */
/* libs: -lcurl -lcrypto -lm */

#include "tap.h"

#include "../../ngx_assess_module/engine/assess_gate.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>


static int              woken[3];
static assess_ticket_t  tickets[64];
static size_t           ntickets;
static int64_t          now = 1000000, again;


static void
on_wake(void *ctx)
{
    (*(int *) ctx)++;
}


static assess_gate_e
take(assess_gate_t *gate, assess_waiter_t *waiter)
{
    assess_gate_e  rc;

    rc = assess_gate_take(gate, waiter, now, &tickets[ntickets], &again);

    if (rc == ASSESS_GATE_GO) {
        ntickets++;
    }

    return rc;
}


static int
done(assess_gate_t *gate, assess_outcome_e what)
{
    assess_outcome_t  outcome = { .what = what, .after_ms = -1 };

    return assess_gate_done(gate, &tickets[--ntickets], &outcome, now);
}


static void
test_line(void)
{
    int               i;
    assess_gate_t    *gate;
    assess_waiter_t   a = { .wake = on_wake, .ctx = &woken[0] };
    assess_waiter_t   b = { .wake = on_wake, .ctx = &woken[1] };
    assess_waiter_t   c = { .wake = on_wake, .ctx = &woken[2] };

    gate = assess_gate_open(NULL, 0, 2);

    ok(take(gate, &a) && take(gate, &a), "two of two");
    ok(!take(gate, &a) && !take(gate, &a),
       "no third, however often it is asked for");
    ok(!take(gate, &b) && !take(gate, &c), "others stand in line behind");

    done(gate, ASSESS_OUTCOME_OK);
    ok(woken[0] == 1 && woken[1] == 0, "the first in line is woken");
    ok(!take(gate, &b), "none goes past it");
    ok(take(gate, &a), "it goes");
    is_int(woken[1], 1, "the second is woken then");
    ok(!take(gate, &a), "the first goes to the end of the line");

    done(gate, ASSESS_OUTCOME_OK);
    ok(woken[1] == 2 && woken[0] == 1, "then the second");

    assess_gate_leave(gate, &b);
    ok(woken[2] == 1, "which leaves, so the third");
    ok(!take(gate, &b), "it stands at the end now");

    assess_gate_leave(gate, &c);
    assess_gate_leave(gate, &a);
    ok(take(gate, &b), "the line moves up when others leave");

    done(gate, ASSESS_OUTCOME_OK);
    done(gate, ASSESS_OUTCOME_ENDED);

    for (i = 0; i < 3 && take(gate, &c); i++) {
        /* count them */
    }

    is_int(i, 2, "both are there in the end");

    ok(!take(gate, &a), "one waits behind it");
    done(gate, ASSESS_OUTCOME_OK);
    now += 1000;
    ok(take(gate, &b), "who does not ask when woken loses its turn");

    done(gate, ASSESS_OUTCOME_OK);
    done(gate, ASSESS_OUTCOME_OK);
    assess_gate_end(gate, &a);
    assess_gate_end(gate, &b);
    assess_gate_end(gate, &c);
    assess_gate_close(gate);

    gate = assess_gate_open(NULL, 0, 0);
    ok(take(gate, &a) && !take(gate, &b), "no limit is below one");
    done(gate, ASSESS_OUTCOME_OK);
    assess_gate_end(gate, &b);
    assess_gate_close(gate);

    assess_gate_close(NULL);
    ok(assess_gate_open(NULL, ASSESS_GATE_SLOTS, 1) == NULL
       && assess_gate_open(NULL, -1, 1) == NULL, "no slot that is none");
}


static assess_circuit_e
circuit(assess_gate_t *gate)
{
    assess_gate_state_t  state;

    assess_gate_state(gate, now, &state);

    return state.circuit;
}


static void
test_circuit(void)
{
    int                   i;
    int64_t               soon;
    assess_gate_t        *gate;
    assess_waiter_t       a = { .wake = on_wake, .ctx = &woken[0] };
    assess_waiter_t       b = { .wake = on_wake, .ctx = &woken[1] };
    assess_gate_state_t   state;

    gate = assess_gate_open(NULL, 0, 10);

    for (i = 0; i < 4; i++) {
        take(gate, &a);
        done(gate, ASSESS_OUTCOME_DOWN);
    }

    take(gate, &a);
    take(gate, &a);
    is_int(done(gate, ASSESS_OUTCOME_ERROR), 0, "an error is an answer");

    for (i = 0; i < 3; i++) {
        take(gate, &a);
        done(gate, ASSESS_OUTCOME_DOWN);
    }

    is_int(done(gate, ASSESS_OUTCOME_DOWN), 0, "four in a row are no more");
    ok(assess_gate_admits(gate, now), "jobs begin");

    take(gate, &a);
    take(gate, &b);
    is_int(done(gate, ASSESS_OUTCOME_DOWN), 1, "the fifth opens the circuit");
    is_int(circuit(gate), ASSESS_CIRCUIT_OPEN, "which is told");
    ok(assess_gate_admits(gate, now), "a job may look for it");

    is_int(take(gate, &a), ASSESS_GATE_WAIT, "the first that asks waits");
    ok(again >= now + 800 && again <= now + 1200, "for about a second");
    soon = again;
    is_int(take(gate, &b), ASSESS_GATE_SHUT, "the second is to go away");
    is_int(assess_gate_shut(gate, &b), 1, "told before, too");
    is_int(assess_gate_shut(gate, &a), 0, "unlike the first");
    is_int(circuit(gate), ASSESS_CIRCUIT_PROBING, "one looks");
    ok(!assess_gate_admits(gate, now), "no other is needed");

    assess_gate_leave(gate, &a);
    ok(!assess_gate_admits(gate, now), "it looks though it has nothing due");

    again = soon;

    for (i = 0; i < 8; i++) {
        now = again;
        ok(take(gate, &a) == ASSESS_GATE_GO, "look %d", i);
        is_int(take(gate, &a), ASSESS_GATE_WAIT, "one at a time");
        is_int(done(gate, ASSESS_OUTCOME_DOWN), 1, "still down");
        is_int(take(gate, &a), ASSESS_GATE_WAIT, "the next is later");
    }

    ok(again - now >= 24000 && again - now <= 36000, "up to 30 s (%lld)",
       (long long) (again - now));

    assess_gate_end(gate, &a);
    is_int(circuit(gate), ASSESS_CIRCUIT_OPEN, "the job that looked ends");
    ok(assess_gate_admits(gate, now), "another one may look");
    is_int(take(gate, &b), ASSESS_GATE_WAIT, "it does");

    assess_gate_forget(NULL, ASSESS_GATE_SLOTS);
    now = again;
    is_int(take(gate, &b), ASSESS_GATE_GO, "again");
    is_int(done(gate, ASSESS_OUTCOME_ENDED), 1, "cancelled: nothing is known");
    is_int(take(gate, &b), ASSESS_GATE_GO, "so at once");
    is_int(done(gate, ASSESS_OUTCOME_THROTTLE), 0, "a 429 is a life sign");
    is_int(circuit(gate), ASSESS_CIRCUIT_CLOSED, "closed");
    is_int(assess_gate_shut(gate, &a), 0, "for all");

    assess_gate_state(gate, now, &state);
    ok(state.since == now && state.throttled == 1 && state.failures >= 17
       && state.in_flight == 1, "told for people");
    done(gate, ASSESS_OUTCOME_ENDED);

    assess_gate_end(gate, &a);
    assess_gate_end(gate, &b);
    assess_gate_close(gate);
}


static void
test_overload(void)
{
    int               i, open;
    assess_gate_t    *gate;
    assess_waiter_t   a = { .wake = on_wake, .ctx = &woken[0] };

    gate = assess_gate_open(NULL, 0, 10);

    for (i = 0, open = 0; i < 5 && !open; i++) {

        while (take(gate, &a) != ASSESS_GATE_GO) {
            now = again;
        }

        open = done(gate, ASSESS_OUTCOME_OVERLOAD);
    }

    ok(open && i == 5, "529 for ever opens it, too");

    assess_gate_end(gate, &a);
    assess_gate_close(gate);
}


/* What an operator says that a provider takes, it is sent at once. */

static void
test_expected(void)
{
    int               n;
    void             *mem;
    assess_gate_t    *gate, *other;
    assess_ticket_t   ticket;
    assess_waiter_t   a = { .wake = on_wake, .ctx = &woken[0] };
    assess_outcome_t  refused = { .what = ASSESS_OUTCOME_THROTTLE,
                                  .after_ms = -1 };
    assess_gate_state_t  state;

    mem = calloc(1, assess_gate_size());
    is_int(assess_gate_init(mem), 0, "a new one");

    gate = assess_gate_open(mem, 0, 5000);

    for (n = 0; n < 4000; n++) {
        if (assess_gate_take(gate, &a, now, &ticket, &again)
            != ASSESS_GATE_GO)
        {
            break;
        }
    }

    is_int(n, 4000, "thousands go out at once where they are allowed");

    (void) assess_gate_done(gate, &ticket, &refused, now);
    (void) assess_gate_take(gate, &a, now, &ticket, &again);
    assess_gate_state(gate, now, &state);
    ok(state.window < 4000, "and a refusal is heard all the same");

    /* whoever comes later finds what was learned */

    other = assess_gate_open(mem, 1, 5000);
    assess_gate_state(other, now, &state);
    ok(state.window < 4000, "by others, too");

    assess_gate_end(gate, &a);
    assess_gate_close(other);
    assess_gate_close(gate);
    free(mem);
}


/* In memory that outlives them. */

static void
test_processes(void)
{
    int               i, n, status;
    void             *mem;
    pid_t             pid;
    assess_gate_t    *one, *two;
    assess_waiter_t   a = { .wake = on_wake, .ctx = &woken[0] };
    assess_waiter_t   b = { .wake = on_wake, .ctx = &woken[1] };

    mem = mmap(NULL, assess_gate_size(), PROT_READ|PROT_WRITE,
               MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    is_int(assess_gate_init(mem), 0, "in shared memory");

    one = assess_gate_open(mem, 1, 100);
    two = assess_gate_open(mem, 2, 100);

    while (take(one, &a) == ASSESS_GATE_GO) {
        /* all there are */
    }

    n = (int) ntickets;
    is_int(take(two, &b), ASSESS_GATE_WAIT, "one process has taken all");
    done(one, ASSESS_OUTCOME_OK);
    is_int(take(one, &a), ASSESS_GATE_WAIT, "the next is not for it");
    is_int(take(two, &b), ASSESS_GATE_GO, "but for the one that has none");

    /* one that takes all it gets, again and again, and is killed at it */

    pid = fork();

    if (pid == 0) {
        for ( ;; ) {
            now += 1;
            (void) take(two, &b);
            ntickets = 0;
        }
    }

    (void) usleep(20000);
    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, &status, 0);

    assess_gate_forget(mem, 2);

    while (ntickets) {
        done(one, ASSESS_OUTCOME_OK);
    }

    /* its time went on, too */

    now += 100000000;
    n = 0;

    for (i = 0; n < 5 && i < 1000; i++) {
        n += take(one, &a) == ASSESS_GATE_GO;
        now = again;
    }

    is_int(n, 5, "what a killed process had is given back");

    while (ntickets) {
        done(one, ASSESS_OUTCOME_OK);
    }

    assess_gate_end(one, &a);
    assess_gate_end(two, &b);
    assess_gate_close(two);
    assess_gate_close(one);
    (void) munmap(mem, assess_gate_size());
}


int
main(void)
{
    test_line();
    test_circuit();
    test_overload();
    test_expected();
    test_processes();

    return done_testing();
}
