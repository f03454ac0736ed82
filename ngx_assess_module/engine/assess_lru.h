
/*
 * What the threads of a process share because it is costly to make: found by
 * its key, made once, read by all, and given up, the longest unused first, when
 * all of it takes more than a number of bytes.  Any thread.
 */

#ifndef ASSESS_LRU_H
#define ASSESS_LRU_H


#include "../base/assess_base.h"


typedef struct assess_lru_s  assess_lru_t;

/*
 * One thing of it, held by whoever got it.  Its maker allocates value, and all
 * that belongs to it, from arena; once it is made nobody writes to either.
 */
typedef struct {
    assess_arena_t  *arena;
    void            *value;
} assess_shared_t;

/* How the making of a value ended. */
typedef enum {
    ASSESS_MADE = 0,
    ASSESS_NOT_MADE,     /* it cannot be: each who waited tries for itself */
    ASSESS_LEFT          /* it may well be: one who waited goes on */
} assess_made_e;

typedef struct {
    uint64_t  hits;      /* without having made it, after a wait included */
    uint64_t  misses;
    size_t    bytes;     /* what is kept takes, in use or not */
    size_t    n;
} assess_lru_stats_t;


/* max in bytes.  NULL is out of memory. */
assess_lru_t *assess_lru_create(size_t max);

/* Nothing of it is held any more.  NULL is nothing. */
void assess_lru_destroy(assess_lru_t *lru);

/*
 * Gets what has this key, and holds it.  Where value is NULL the caller has to
 * make it, and to call assess_lru_made(); others who want it wait meanwhile,
 * and ask interrupted(ctx) ten times a second whether to give up: then it is
 * ASSESS_CANCELLED, and nothing is held.  Blocks then; for a pool thread.
 * ASSESS_ERROR is out of memory.
 *
 * Without an lru (NULL) the caller makes it, for nobody else.
 */
assess_err_e assess_lru_get(assess_lru_t *lru, const char *key, size_t len,
    int (*interrupted)(void *ctx), void *ctx, assess_shared_t **shared,
    assess_err_t *err);

/* How its making ended; its value is set before.  It is held all the same. */
void assess_lru_made(assess_shared_t *shared, assess_made_e how);

/* No longer holds it.  NULL is nothing. */
void assess_lru_release(assess_shared_t *shared);

/* Since it was created, and now.  Without an lru all are 0. */
void assess_lru_stats(assess_lru_t *lru, assess_lru_stats_t *stats);


#endif /* ASSESS_LRU_H */
