
/* sources: engine/assess_tasks.c */
/* libs: -lm */

/* How many CPU tasks there may be, by what is told of the machine. */

#include "engine/assess_tasks.h"
#include "tap.h"

#include <math.h>


static const assess_signals_t  quiet = { 0.1, 0.05, 0, 0.1 };


/* So many looks that all see the same; the number after them */

static unsigned
looks(assess_tasks_t *t, int n, double load, double cpu, double memory,
    double late)
{
    assess_signals_t  s;

    s.load = load;
    s.cpu = cpu;
    s.memory = memory;
    s.late = late;

    while (n--) {
        (void) assess_tasks_next(t, &s);
    }

    return t->now;
}


static void
test_quiet(void)
{
    assess_tasks_t  t;

    assess_tasks_init(&t, 8, 2, 8);
    is_int(t.now, 8, "it begins with all");
    is_int(looks(&t, 100, 0.1, 0.05, 0, 0.1), 8, "which stay");
    is_int(looks(&t, 100, -1, -1, -1, -1), 8, "also where nothing is known");
    is_int(looks(&t, 100, 7.9, 0.95, 0, 3), 8, "our own wait for each other, "
           "and others that are served are no reason");
    is_int(t.why, ASSESS_TASKS_ROOM, "nothing was taken");

    assess_tasks_init(&t, 8, 8, 8);
    is_int(looks(&t, 100, 99, 1, 1, 1000), 8, "a number that is fixed is");
}


static void
test_felt(void)
{
    assess_tasks_t  t;

    assess_tasks_init(&t, 16, 2, 16);
    is_int(looks(&t, 1, 0, 0, 0.3, 0), 8, "memory is short: half of it");
    is_int(t.why, ASSESS_TASKS_MEMORY, "and that is why");
    is_int(looks(&t, 3, 0, 0, 0.3, 0), 8, "that has to show first");
    is_int(looks(&t, 1, 0, 0, 0.3, 0), 4, "again");
    is_int(looks(&t, 100, 0, 0, 0.3, 0), 2, "and never less than that");

    assess_tasks_init(&t, 16, 2, 16);
    is_int(looks(&t, 1, 0, 0, 0, 25), 8, "the event loop waits");
    is_str(assess_tasks_why(t.why), "latency", "for which there is a word");

    assess_tasks_init(&t, 16, 2, 16);
    is_int(looks(&t, 1, 17, 0.9, 0, 0), 8, "others wait for a core");
    is_str(assess_tasks_why(t.why), "cpu", "this one, too");
    is_int(looks(&t, 1, 15, 0.9, 0, 0), 8, "fewer others than cores do not");
}


static void
test_load(void)
{
    assess_tasks_t  t;

    assess_tasks_init(&t, 8, 2, 8);
    is_int(looks(&t, 1, 12, 0, 0, 0), 4, "half as many again as cores: half");
    is_int(looks(&t, 100, 12, 0, 0, 0), 4, "once, however often it is seen");
    is_int(looks(&t, 100, 16, 0, 0, 0), 2, "twice as many: the least");
    is_str(assess_tasks_why(t.why), "load", "of the load");
    is_int(looks(&t, 2, 9, 0, 0, 0), 2, "less of it: not at once");
    is_int(looks(&t, 1, 9, 0, 0, 0), 3, "but one by one");
    is_int(looks(&t, 100, 9, 0, 0, 0), 7, "as far as it leaves");
    is_int(looks(&t, 100, 0, 0, 0, 0), 8, "to all");

    assess_tasks_init(&t, 2, 1, 2);
    is_int(looks(&t, 50, 2.4, 0, 0, 0), 2, "two cores, a little more");
    is_int(looks(&t, 1, 2.9, 0, 0, 0), 1, "nearly three: one");
    is_int(looks(&t, 50, 2.4, 0, 0, 0), 1, "and it needs a clear sign");
    is_int(looks(&t, 50, 2.1, 0, 0, 0), 2, "to be two again");
}


/* What is about as much as it takes changes nothing, in either direction. */

static void
test_swing(void)
{
    int             i;
    unsigned        before, changes;
    assess_tasks_t  t;

    assess_tasks_init(&t, 8, 1, 8);
    (void) looks(&t, 1, 0, 0, 0.2, 0);
    before = t.now;
    changes = 0;

    for (i = 0; i < 500; i++) {
        (void) looks(&t, 1, 0, 0, i % 2 ? 0.09 : 0.03, i % 3 ? 9 : 5);
        changes += t.now != before;
        before = t.now;
    }

    is_int(changes, 0, "between too much and calm nothing moves");

    for (i = 0; i < 500; i++) {
        (void) looks(&t, 1, i % 2 ? 11.8 : 12.2, 0, 0, 0);
        changes += t.now != before;
        before = t.now;
    }

    is_int(changes, 0, "a load that trembles moves nothing either");

    /* one that is felt as soon as there are more than four */

    for (i = 0; i < 600; i++) {
        (void) looks(&t, 1, 0, 0, 0, t.now > 4 ? 12 : 1);
        changes += t.now != before;
        before = t.now;
    }

    ok(changes <= 2 * 600 / 4 && t.now >= 2, "what it causes itself: it "
       "comes back to it by ones (%u changes in 600 looks)", changes);
}


static void
test_own(void)
{
    int     i;
    double  own, load;

    /* the kernel's mean of five seconds and ours of one are the same */

    own = 0;
    load = 0;

    for (i = 1; i <= 120; i++) {
        own = assess_tasks_own(own, i <= 60 ? 2 : 0, 1000);

        if (i % 5 == 0) {
            load = load * exp(-5.0 / 60) + (i <= 60 ? 2 : 0)
                   * (1 - exp(-5.0 / 60));
        }

        if (i == 60 || i == 120) {
            ok(fabs(own - load) < 0.01, "after %d s it is %.3f, and the "
               "kernel's %.3f", i, own, load);
        }
    }
}


/*
 * A machine on which all is ours: two cores, two readers that use all they get,
 * and a database and a client that are somewhat in their way.  For three minutes
 * nothing is taken away, whatever the load was when it began.
 */

static void
alone(double load, double own, const char *name)
{
    int                i;
    unsigned           least;
    assess_tasks_t     t;
    assess_signals_t   s;

    assess_tasks_init(&t, 2, 1, 2);
    least = t.now;

    for (i = 1; i <= 180; i++) {

        own = assess_tasks_own(own, t.now, 1000);

        if (i % 5 == 0) {
            load = load * exp(-5.0 / 60) + (t.now + 0.7)
                   * (1 - exp(-5.0 / 60));
        }

        s.load = assess_tasks_others(load, own);
        s.cpu = 0.97;
        s.memory = 0.01;
        s.late = i % 7 ? 0.5 : 3;

        (void) assess_tasks_next(&t, &s);
        least = t.now < least ? t.now : least;
    }

    is_int(least, 2, name);
}


int
main(void)
{
    assess_tasks_t  t;

    alone(0, 0, "its own work takes nothing away");
    alone(2.7, 2.7, "nor after a reload, when there was such work before");
    alone(40, 40, "nor after a start, whatever was there before");

    test_quiet();
    test_felt();
    test_load();
    test_swing();
    test_own();

    assess_tasks_init(&t, 0, 1, 1);
    ok(assess_tasks_others(-1, 2) < 0, "an unknown load is nobody's");
    is_int(assess_tasks_next(&t, &quiet), 1, "a machine without cores has one");

    return done_testing();
}
