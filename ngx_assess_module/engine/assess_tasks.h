
/*
 * How many CPU tasks a worker may have at once, between two bounds: fewer when
 * others want the machine, more when there is room.  It looks at no clock and
 * at no file, it is told, about once a second.
 */

#ifndef ASSESS_TASKS_H
#define ASSESS_TASKS_H


#include <stdint.h>


/* What is not known is negative. */
typedef struct {
    double     load;       /* of others: that have or want a core */
    double     cpu;        /* share of the time that somebody waited for one */
    double     memory;     /* or for memory; ours count in both */
    double     late;       /* ms: the event loop waits so long for a core */
} assess_signals_t;


typedef enum {
    ASSESS_TASKS_ROOM = 0,
    ASSESS_TASKS_LOAD,
    ASSESS_TASKS_CPU,
    ASSESS_TASKS_MEMORY,
    ASSESS_TASKS_LATE
} assess_tasks_why_e;


typedef struct {
    unsigned             cores;
    unsigned             min;
    unsigned             max;
    unsigned             now;
    unsigned             calm;     /* looks in a row without anything */
    unsigned             rest;     /* looks until it is halved again */
    assess_tasks_why_e   why;      /* of the last one that took some away */
} assess_tasks_t;


/* It begins with all: that others want something has to be seen first. */
void assess_tasks_init(assess_tasks_t *tasks, unsigned cores, unsigned min,
    unsigned max);

/* How many from now on. */
unsigned assess_tasks_next(assess_tasks_t *tasks,
    const assess_signals_t *signals);

const char *assess_tasks_why(assess_tasks_why_e why);

/*
 * What this process adds to the load average: the kernel's own mean of a
 * minute, of how many are at work, ms after it was counted last.
 */
double assess_tasks_own(double own, double at_work, int64_t ms);

/* What of the load average is others'; negative where that is not known. */
double assess_tasks_others(double load, double own);


#endif /* ASSESS_TASKS_H */
