
/*
 * How many requests may be in flight in a process.  Shared by all threads;
 * one that has to wait goes on with its other work and is woken.
 */

#ifndef ASSESS_LIMIT_H
#define ASSESS_LIMIT_H


typedef struct assess_limit_s   assess_limit_t;
typedef struct assess_waiter_s  assess_waiter_t;


/*
 * Of one ask, which sets wake and ctx and zeroes the rest.  wake() is called
 * on another thread, under the limit's lock: it must not block or call back.
 */
struct assess_waiter_s {
    void             (*wake)(void *ctx);
    void              *ctx;
    assess_waiter_t   *next;
    int                queued;
    int                granted;
};


/* At least one is allowed.  NULL is out of memory. */
assess_limit_t *assess_limit_create(int max);
void assess_limit_destroy(assess_limit_t *limit);

/*
 * 1: a slot is taken.  0: there is none, and the waiter stands in line; it is
 * woken when its turn has come.  Turns are first come, first served, one slot
 * a turn, so that a large ask does not starve a small one.
 */
int assess_limit_take(assess_limit_t *limit, assess_waiter_t *waiter);
void assess_limit_give(assess_limit_t *limit);

/* Steps out of the line and gives back what was granted but not taken. */
void assess_limit_leave(assess_limit_t *limit, assess_waiter_t *waiter);


#endif /* ASSESS_LIMIT_H */
