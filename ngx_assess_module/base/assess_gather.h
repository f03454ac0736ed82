
/*
 * What many threads want at the same moment is done once for all of them.  Who
 * comes while nothing is under way does it at once; those who come meanwhile
 * go together after that, or, when they are enough, beside it.  Nobody waits
 * for a timer, and there is no thread for it: one of those who wait does it for
 * the others, as in a group commit.
 */

#ifndef ASSESS_GATHER_H
#define ASSESS_GATHER_H


#include <stddef.h>


/* of one group, and groups at a time */
#define ASSESS_GATHER_MAX     64
#define ASSESS_GATHER_GROUPS  2


typedef struct assess_gather_s  assess_gather_t;


/*
 * run() is called on the thread of one of the callers, who all wait until it
 * returns, with 1 to ASSESS_GATHER_MAX items in the order in which they came.
 * A call goes beside another one when "enough" wait for it.  NULL is out of
 * memory.
 */
assess_gather_t *assess_gather_create(void (*run)(void *ctx, void **items,
    size_t n), void *ctx, size_t enough);

/* When nobody is in there, or will be. */
void assess_gather_destroy(assess_gather_t *gather);

/* Returns when run() was called with this item.  Any thread; blocks. */
void assess_gather(assess_gather_t *gather, void *item);


#endif /* ASSESS_GATHER_H */
