
/* A vocabulary: the different terms of some texts, numbered from 1. */

#ifndef ASSESS_VOCAB_H
#define ASSESS_VOCAB_H


#include "../base/assess_base.h"


typedef struct {
    uint64_t    hash;
    size_t      at;                  /* in the text of all terms */
    uint32_t    len;
    uint32_t    id;                  /* 0: free */
} assess_slot_t;

/* Zero it to begin with.  Of one thread at a time. */
typedef struct {
    assess_slot_t   *slots;
    size_t           nslots;         /* a power of two, or 0 */
    assess_buf_t     text;
    uint32_t         n;              /* terms, and the highest number */
} assess_vocab_t;


/* The number of a term, old or new; 0 without memory. */
uint32_t assess_vocab_add(assess_vocab_t *v, const char *term, size_t len);

/* The number of a term, or 0. */
uint32_t assess_vocab_find(const assess_vocab_t *v, const char *term,
    size_t len);

/* A copy in arena, which nothing is added to.  0, or -1 without memory. */
int assess_vocab_copy(assess_arena_t *arena, assess_vocab_t *dst,
    const assess_vocab_t *src);

/* Empties it, as zeroing did. */
void assess_vocab_free(assess_vocab_t *v);


#endif /* ASSESS_VOCAB_H */
