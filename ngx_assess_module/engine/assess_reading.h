
/*
 * What a reader keeps of the passages that many questions lead to: their
 * sentences, found once, and which of their terms stand in each.
 */

#ifndef ASSESS_READING_H
#define ASSESS_READING_H


#include "assess_passage.h"
#include "assess_vocab.h"


#define ASSESS_READING_SENTENCES  64    /* of a passage that are looked at */


/* Text and its terms: those of the passage from first up to end. */
typedef struct {
    const char   *data;
    size_t        len;
    size_t        first;
    size_t        end;
} assess_span_t;

/* Zero it, and set the limits.  Of one thread at a time. */
typedef struct {
    size_t          sentence;        /* bytes; a longer one is cut, about */
    size_t          large;           /* bytes, to be forgotten above */

    assess_buf_t    spans;           /* of each passage: itself, sentences */
    assess_buf_t    places;          /* of passages among spans, by number */
} assess_reading_t;


/*
 * The passage, which has these terms, and its sentences behind it, n
 * altogether.  Valid until another is read.  NULL is out of memory.
 */
const assess_span_t *assess_reading_passage(assess_reading_t *r,
    const assess_passage_t *passage, const assess_token_t *tokens,
    size_t ntokens, size_t *n);

/*
 * Forgets everything when it has got large: what it keeps is bounded, whatever
 * the size of the document.  Whether it did.
 */
int assess_reading_trim(assess_reading_t *r);

void assess_reading_free(assess_reading_t *r);


#endif /* ASSESS_READING_H */
