
/*
 * Okapi BM25 with the constants of its authors (Robertson and Zaragoza, "The
 * Probabilistic Relevance Framework: BM25 and Beyond", 2009), exact.
 */

#ifndef ASSESS_BM25_H
#define ASSESS_BM25_H


#include "assess_vocab.h"


typedef struct {
    uint32_t    doc;
    uint32_t    tf;
} assess_posting_t;

/* Documents of one kind and their terms; not written to once it is built. */
typedef struct {
    uint32_t           ndocs;
    double            *norm;         /* k1 * (1 - b + b * len / average) */
    size_t            *first;        /* posting of each term, and their end */
    assess_posting_t  *postings;
} assess_bm25_t;

/* Texts in order: their terms, one behind the other, and where each ends. */
typedef struct {
    const assess_token_t  *tokens;
    uint32_t               nterms;   /* different ones */
    const size_t          *ends;
    size_t                 n;
} assess_texts_t;


/* Each text is a document.  0, or -1 without memory. */
int assess_bm25_build(assess_arena_t *arena, assess_bm25_t *docs,
    const assess_texts_t *texts);

/*
 * Several texts are a document: doc_of is that of each text, rising from 0.
 * of_texts was built of the same ones.  0, or -1 without memory.
 */
int assess_bm25_join(assess_arena_t *arena, assess_bm25_t *docs,
    const assess_texts_t *texts, const assess_bm25_t *of_texts,
    const uint32_t *doc_of);

/*
 * Adds what a term of that weight is worth to the score of each of the ndocs
 * documents; with known, only where it is above 0 already.
 */
void assess_bm25_add(const assess_bm25_t *docs, double *scores, uint32_t term,
    double weight, int known);


#endif /* ASSESS_BM25_H */
