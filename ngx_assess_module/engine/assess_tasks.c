
#include "assess_tasks.h"

#include <math.h>
#include <stddef.h>


/*
 * What is too much, and what is calm; between the two nothing is changed.
 * Those who read documents run when nobody else wants the core (SCHED_IDLE),
 * so that somebody nearly always waits for one, without harm: that counts only
 * where others are there to be harmed.  An event loop wakes within a
 * millisecond also on a machine that computes on all cores.
 */
#define ASSESS_TASKS_CPU_HIGH     0.60
#define ASSESS_TASKS_CPU_CALM     0.40
#define ASSESS_TASKS_MEMORY_HIGH  0.10
#define ASSESS_TASKS_MEMORY_CALM  0.02
#define ASSESS_TASKS_LATE_HIGH    10.0
#define ASSESS_TASKS_LATE_CALM    4.0

/*
 * Looks before one more is tried, and for which less has to show what it does
 * before it becomes less again.
 */
#define ASSESS_TASKS_GROW         3
#define ASSESS_TASKS_REST         3

/* of one task, on both sides of what the load leaves */
#define ASSESS_TASKS_SLACK        0.25


void
assess_tasks_init(assess_tasks_t *t, unsigned cores, unsigned min,
    unsigned max)
{
    t->cores = cores ? cores : 1;
    t->min = min;
    t->max = max;
    t->now = max;
    t->calm = 0;
    t->rest = 0;
    t->why = ASSESS_TASKS_ROOM;
}


/*
 * What the load of others leaves.  As many of theirs as there are cores are
 * served before a reader of ours is, and take nothing away; with twice as many
 * they wait for each other already, and nothing is left.  The load is a mean of
 * a minute: whoever took some away each time that it is seen would have none
 * left long after it is over, so that it names a number and no direction.
 */

static double
assess_tasks_left(const assess_tasks_t *t, const assess_signals_t *s)
{
    double  left;

    left = 2 - s->load / t->cores;
    left = s->load < 0 || left > 1 ? 1 : left < 0 ? 0 : left;

    return left * t->max;
}


/* Of what is felt at once: the first that is too much */

static assess_tasks_why_e
assess_tasks_felt(const assess_tasks_t *t, const assess_signals_t *s)
{
    if (s->memory >= ASSESS_TASKS_MEMORY_HIGH) {
        return ASSESS_TASKS_MEMORY;
    }

    if (s->late >= ASSESS_TASKS_LATE_HIGH) {
        return ASSESS_TASKS_LATE;
    }

    if (s->cpu >= ASSESS_TASKS_CPU_HIGH && s->load >= t->cores) {
        return ASSESS_TASKS_CPU;
    }

    return ASSESS_TASKS_ROOM;
}


static int
assess_tasks_calm(const assess_tasks_t *t, const assess_signals_t *s)
{
    return s->memory < ASSESS_TASKS_MEMORY_CALM
           && s->late < ASSESS_TASKS_LATE_CALM
           && (s->cpu < ASSESS_TASKS_CPU_CALM || s->load < t->cores);
}


static void
assess_tasks_less(assess_tasks_t *t, double n, assess_tasks_why_e why)
{
    t->now = n > t->min ? (unsigned) n : t->min;
    t->why = why;
    t->calm = 0;
    t->rest = ASSESS_TASKS_REST;
}


unsigned
assess_tasks_next(assess_tasks_t *t, const assess_signals_t *s)
{
    double              left;
    assess_tasks_why_e  felt;

    left = assess_tasks_left(t, s);
    felt = assess_tasks_felt(t, s);

    if (t->rest) {
        t->rest--;

    } else if (felt != ASSESS_TASKS_ROOM && t->now > t->min) {
        assess_tasks_less(t, floor(t->now / 2.0), felt);
    }

    if (t->now > t->min && left < t->now - 0.5 - ASSESS_TASKS_SLACK) {
        assess_tasks_less(t, floor(left + 0.5), ASSESS_TASKS_LOAD);
    }

    /* one more at a time, where the load leaves that, or nearly that */

    if (t->now == t->max || left < t->now + 1 - ASSESS_TASKS_SLACK
        || !assess_tasks_calm(t, s))
    {
        t->calm = 0;

    } else if (++t->calm == ASSESS_TASKS_GROW) {
        t->calm = 0;
        t->now++;
    }

    return t->now;
}


const char *
assess_tasks_why(assess_tasks_why_e why)
{
    static const char  *names[] = {
        "room", "load", "cpu", "memory", "latency"
    };

    return names[why];
}


double
assess_tasks_own(double own, double at_work, int64_t ms)
{
    return at_work + (own - at_work) * exp(-(double) ms / 60000);
}


/*
 * The kernel counts every five seconds: until then the load has not forgotten
 * what ours has.
 */

double
assess_tasks_others(double load, double own)
{
    own *= exp(5.0 / 60);

    return load < 0 ? -1 : load > own ? load - own : 0;
}
