
/*
 * A vocabulary: the different terms of some texts, numbered from 1, and the
 * words that stand for them.
 */

#ifndef ASSESS_VOCAB_H
#define ASSESS_VOCAB_H


#include "../base/assess_base.h"


/* With the number of a term: the word stands in any text. */
#define ASSESS_VOCAB_STOP  0x80000000u

/* Text that is a term, or a word, or both. */
typedef struct {
    uint32_t    hash;
    uint32_t    at;                  /* in the text of all of them */
    uint32_t    len;                 /* 0: a free slot */
    uint32_t    term;                /* its number; 0: it is no term */
    uint32_t    word;                /* that of its term; 0: not known as one */
} assess_slot_t;

/* Zero it to begin with.  Of one thread at a time. */
typedef struct {
    assess_slot_t   *slots;
    size_t           nslots;         /* a power of two, or 0 */
    size_t           used;
    assess_buf_t     text;
    uint32_t         n;              /* terms, and the highest number */
} assess_vocab_t;

/* A term where it stands. */
typedef struct {
    uint32_t    id;                  /* its number, maybe ASSESS_VOCAB_STOP */
    uint32_t    end;                 /* bytes of the text up to behind it */
} assess_token_t;


/* So many texts will come, about; to be said before any does. */
void assess_vocab_expect(assess_vocab_t *v, size_t n);

/* The number of a term, old or new; 0 without memory.  len is above 0. */
uint32_t assess_vocab_add(assess_vocab_t *v, const char *term, size_t len);

/* The number of a term, or 0. */
uint32_t assess_vocab_find(const assess_vocab_t *v, const char *term,
    size_t len);

/*
 * The number of the term that a word of assess_words() stands for, old or new,
 * with ASSESS_VOCAB_STOP where it is one; 0 without memory.  What was found
 * out of a word is kept for the next time.
 */
uint32_t assess_vocab_word(assess_vocab_t *v, const char *word, size_t len);

/* The same, or 0 for a term that is not there. */
uint32_t assess_vocab_word_find(const assess_vocab_t *v, const char *word,
    size_t len);

/* A copy in arena, which nothing is added to.  0, or -1 without memory. */
int assess_vocab_copy(assess_arena_t *arena, assess_vocab_t *dst,
    const assess_vocab_t *src);

/* Empties it, as zeroing did. */
void assess_vocab_free(assess_vocab_t *v);


#endif /* ASSESS_VOCAB_H */
