
#include "assess_limit.h"

#include <pthread.h>
#include <stdlib.h>


struct assess_limit_s {
    pthread_mutex_t    mutex;
    assess_waiter_t   *first;
    assess_waiter_t  **last;
    int                used;
    int                max;
};


assess_limit_t *
assess_limit_create(int max)
{
    assess_limit_t  *limit;

    limit = calloc(1, sizeof(assess_limit_t));
    if (limit == NULL) {
        return NULL;
    }

    if (pthread_mutex_init(&limit->mutex, NULL) != 0) {
        free(limit);
        return NULL;
    }

    limit->last = &limit->first;
    limit->max = max > 0 ? max : 1;

    return limit;
}


void
assess_limit_destroy(assess_limit_t *limit)
{
    if (limit == NULL) {
        return;
    }

    (void) pthread_mutex_destroy(&limit->mutex);
    free(limit);
}


int
assess_limit_take(assess_limit_t *limit, assess_waiter_t *waiter)
{
    int  taken;

    (void) pthread_mutex_lock(&limit->mutex);

    taken = 1;

    if (waiter->granted) {
        waiter->granted--;

    } else if (limit->first == NULL && limit->used < limit->max) {
        limit->used++;

    } else {
        taken = 0;

        if (!waiter->queued) {
            waiter->queued = 1;
            waiter->next = NULL;
            *limit->last = waiter;
            limit->last = &waiter->next;
        }
    }

    (void) pthread_mutex_unlock(&limit->mutex);

    return taken;
}


/* The slot passes to the first in line without becoming free in between. */

static void
assess_limit_pass(assess_limit_t *limit)
{
    assess_waiter_t  *waiter;

    waiter = limit->first;

    if (waiter == NULL) {
        limit->used--;
        return;
    }

    limit->first = waiter->next;
    if (limit->first == NULL) {
        limit->last = &limit->first;
    }

    waiter->queued = 0;
    waiter->granted++;
    waiter->wake(waiter->ctx);
}


void
assess_limit_give(assess_limit_t *limit)
{
    (void) pthread_mutex_lock(&limit->mutex);

    assess_limit_pass(limit);

    (void) pthread_mutex_unlock(&limit->mutex);
}


void
assess_limit_leave(assess_limit_t *limit, assess_waiter_t *waiter)
{
    assess_waiter_t  **p;

    (void) pthread_mutex_lock(&limit->mutex);

    if (waiter->queued) {

        for (p = &limit->first; *p != waiter; p = &(*p)->next) {
            /* it is in there */
        }

        *p = waiter->next;
        if (*p == NULL) {
            limit->last = p;
        }

        waiter->queued = 0;
    }

    while (waiter->granted) {
        waiter->granted--;
        assess_limit_pass(limit);
    }

    (void) pthread_mutex_unlock(&limit->mutex);
}
