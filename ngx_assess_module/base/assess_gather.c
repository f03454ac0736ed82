
#include "assess_gather.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>


/* a thread that waits, on its own stack */

typedef struct assess_waiting_s  assess_waiting_t;

struct assess_waiting_s {
    assess_waiting_t  *next;
    void              *item;
    sem_t              turn;         /* to lead, or it is done */
    int                leads;
};


struct assess_gather_s {
    void             (*run)(void *ctx, void **items, size_t n);
    void              *ctx;
    size_t             enough;       /* to go beside another group */

    pthread_mutex_t    mutex;
    size_t             groups;       /* that are under way */
    int                called;       /* the first one is told to lead */
    assess_waiting_t  *first;
    assess_waiting_t **last;
    size_t             waiting;
};


assess_gather_t *
assess_gather_create(void (*run)(void *ctx, void **items, size_t n),
    void *ctx, size_t enough)
{
    assess_gather_t  *g;

    g = calloc(1, sizeof(assess_gather_t));
    if (g == NULL) {
        return NULL;
    }

    if (pthread_mutex_init(&g->mutex, NULL) != 0) {
        free(g);
        return NULL;
    }

    g->run = run;
    g->ctx = ctx;
    g->enough = enough;
    g->last = &g->first;

    return g;
}


void
assess_gather_destroy(assess_gather_t *g)
{
    if (g) {
        pthread_mutex_destroy(&g->mutex);
        free(g);
    }
}


/* The one who has waited the longest leads, when there may be a group more */

static void
assess_gather_call(assess_gather_t *g)
{
    size_t  needed;

    needed = g->groups == 0 ? 1 : g->enough;

    if (!g->called && g->groups < ASSESS_GATHER_GROUPS
        && g->waiting >= needed)
    {
        g->called = 1;
        g->first->leads = 1;
        (void) sem_post(&g->first->turn);
    }
}


/* Those who wait, the leader in front, and what they want */

static assess_waiting_t *
assess_gather_take(assess_gather_t *g, void **items, size_t *n)
{
    assess_waiting_t  *group, **end;

    group = g->first;
    end = &g->first;

    for (*n = 0; *end && *n < ASSESS_GATHER_MAX; end = &(*end)->next) {
        items[(*n)++] = (*end)->item;
    }

    g->first = *end;
    g->waiting -= *n;

    if (g->first == NULL) {
        g->last = &g->first;
    }

    *end = NULL;

    return group;
}


static void
assess_gather_lead(assess_gather_t *g)
{
    void              *items[ASSESS_GATHER_MAX];
    size_t             n;
    assess_waiting_t  *w, *next;

    w = assess_gather_take(g, items, &n);

    g->called = 0;
    g->groups++;
    assess_gather_call(g);

    (void) pthread_mutex_unlock(&g->mutex);

    g->run(g->ctx, items, n);

    (void) pthread_mutex_lock(&g->mutex);

    g->groups--;
    assess_gather_call(g);

    (void) pthread_mutex_unlock(&g->mutex);

    /* the leader is the first of them; another one may be gone once it is up */

    for (w = w->next; w; w = next) {
        next = w->next;
        (void) sem_post(&w->turn);
    }
}


/* Without the lock: who is woken by another one has no need of it. */

void
assess_gather(assess_gather_t *g, void *item)
{
    assess_waiting_t  self;

    self.next = NULL;
    self.item = item;
    self.leads = 0;
    (void) sem_init(&self.turn, 0, 0);

    (void) pthread_mutex_lock(&g->mutex);

    *g->last = &self;
    g->last = &self.next;
    g->waiting++;

    assess_gather_call(g);

    (void) pthread_mutex_unlock(&g->mutex);

    while (sem_wait(&self.turn) != 0 && errno == EINTR) { /* void */ }

    if (self.leads) {
        (void) pthread_mutex_lock(&g->mutex);
        assess_gather_lead(g);
    }

    (void) sem_destroy(&self.turn);
}
