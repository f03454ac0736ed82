
#include "assess_gather.h"

#include <pthread.h>
#include <stdlib.h>


/* a thread that waits, on its own stack */

typedef struct assess_waiting_s  assess_waiting_t;

struct assess_waiting_s {
    assess_waiting_t  *next;
    void              *item;
    pthread_cond_t     turn;
    int                leads;        /* it is its turn to do it */
    int                done;
};


struct assess_gather_s {
    void             (*run)(void *ctx, void **items, size_t n);
    void              *ctx;
    size_t             max;
    void             **items;        /* of the one who leads */

    pthread_mutex_t    mutex;
    assess_waiting_t  *first;        /* the one who leads among them */
    assess_waiting_t **last;
};


assess_gather_t *
assess_gather_create(void (*run)(void *ctx, void **items, size_t n),
    void *ctx, size_t max)
{
    assess_gather_t  *g;

    g = calloc(1, sizeof(assess_gather_t));
    if (g == NULL) {
        return NULL;
    }

    g->items = malloc(max * sizeof(void *));

    if (g->items == NULL || pthread_mutex_init(&g->mutex, NULL) != 0) {
        free(g->items);
        free(g);
        return NULL;
    }

    g->run = run;
    g->ctx = ctx;
    g->max = max;
    g->last = &g->first;

    return g;
}


void
assess_gather_destroy(assess_gather_t *g)
{
    if (g) {
        pthread_mutex_destroy(&g->mutex);
        free(g->items);
        free(g);
    }
}


/* Those who are served go; the next one, if there is one, leads */

static void
assess_gather_served(assess_gather_t *g, size_t n)
{
    assess_waiting_t  *w;

    while (n--) {
        w = g->first;
        g->first = w->next;

        w->done = 1;
        (void) pthread_cond_signal(&w->turn);
    }

    if (g->first == NULL) {
        g->last = &g->first;
        return;
    }

    g->first->leads = 1;
    (void) pthread_cond_signal(&g->first->turn);
}


void
assess_gather(assess_gather_t *g, void *item)
{
    size_t             n;
    assess_waiting_t   self, *w;

    self.next = NULL;
    self.item = item;
    self.done = 0;
    (void) pthread_cond_init(&self.turn, NULL);

    (void) pthread_mutex_lock(&g->mutex);

    self.leads = g->first == NULL;
    *g->last = &self;
    g->last = &self.next;

    while (!self.leads && !self.done) {
        (void) pthread_cond_wait(&self.turn, &g->mutex);
    }

    if (!self.done) {

        for (w = g->first, n = 0; w && n < g->max; w = w->next) {
            g->items[n++] = w->item;
        }

        (void) pthread_mutex_unlock(&g->mutex);

        g->run(g->ctx, g->items, n);

        (void) pthread_mutex_lock(&g->mutex);

        assess_gather_served(g, n);
    }

    (void) pthread_mutex_unlock(&g->mutex);
    (void) pthread_cond_destroy(&self.turn);
}
