
/*
 * The CPUs that the jobs of a process may use at once: slots, one for each
 * reader of a document and each search.  Whoever holds fewer goes first, so
 * that a document of many pages, which takes what is free, gives way to others
 * between two of them; then who came first.
 */

#ifndef ASSESS_CPU_H
#define ASSESS_CPU_H


#include "../base/assess_base.h"

#include <pthread.h>


typedef struct assess_cpu_s       assess_cpu_t;
typedef struct assess_cpu_user_s  assess_cpu_user_t;

/* Who takes several, on one thread that does other things meanwhile. */
struct assess_cpu_user_s {
    int                  event;      /* readable: ask again; -1: now and then */

    assess_cpu_t        *cpu;
    assess_cpu_user_t   *next;       /* of those who wait, in their order */
    pthread_cond_t      *turn;       /* where it sleeps; NULL: event */
    int                  held;
    int                  reader;     /* it may not take what is for others */
    int                  waits;
    int64_t              since;      /* of that, ms of the monotonic clock */
};


/* NULL is out of memory. */
assess_cpu_t *assess_cpu_create(unsigned slots);

/*
 * So many slots for readers from now on.  Where more are taken, those who have
 * them keep them, and the next readers wait until enough are given back.  What
 * is brief may have all slots still: it would wait for readers that get hardly
 * any time.
 */
void assess_cpu_limit(assess_cpu_t *cpu, unsigned slots);

/* How many readers may have one. */
unsigned assess_cpu_slots(assess_cpu_t *cpu);

/* How many are taken now. */
unsigned assess_cpu_held(assess_cpu_t *cpu);

/* When nobody is in there, or will be. */
void assess_cpu_destroy(assess_cpu_t *cpu);

/*
 * Takes a slot, for what is brief or for a reader; blocks until there is one.
 * Any thread.
 */
void assess_cpu_enter(assess_cpu_t *cpu);
void assess_cpu_enter_reader(assess_cpu_t *cpu);
void assess_cpu_leave(assess_cpu_t *cpu);

/* Without a descriptor to spare it works, with event -1. */
void assess_cpu_join(assess_cpu_t *cpu, assess_cpu_user_t *user);

/*
 * Whether a slot is taken.  Where it is not, the user waits from now on, and
 * has to ask again when it is told to.
 */
int assess_cpu_ask(assess_cpu_user_t *user);

/* One slot is free again. */
void assess_cpu_give(assess_cpu_user_t *user);

/* It waits no more; what it still holds is given back. */
void assess_cpu_part(assess_cpu_user_t *user);


#endif /* ASSESS_CPU_H */
