
#include "assess_bm25.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define ASSESS_BM25_K1  1.2
#define ASSESS_BM25_B   0.75


static uint32_t
assess_bm25_term(const assess_token_t *token)
{
    return token->id & ~ASSESS_VOCAB_STOP;
}


static int
assess_bm25_alloc(assess_arena_t *arena, assess_bm25_t *docs, size_t ndocs,
    size_t nterms, size_t postings)
{
    docs->ndocs = (uint32_t) ndocs;
    docs->norm = assess_pcalloc(arena, (ndocs + 1) * sizeof(double));
    docs->first = assess_pcalloc(arena, (nterms + 1) * sizeof(size_t));
    docs->postings = assess_palloc(arena, (postings + 1)
                                          * sizeof(assess_posting_t));

    return docs->norm == NULL || docs->first == NULL
           || docs->postings == NULL ? -1 : 0;
}


/* From the lengths of documents to what they do to a score. */

static void
assess_bm25_norm(assess_bm25_t *docs, size_t total)
{
    size_t  i;
    double  average;

    average = total ? (double) total / docs->ndocs : 1;

    for (i = 0; i < docs->ndocs; i++) {
        docs->norm[i] = ASSESS_BM25_K1
                        * (1 - ASSESS_BM25_B
                           + ASSESS_BM25_B * docs->norm[i] / average);
    }
}


/* One posting more of a document, or one more in its last one; how many. */

static size_t
assess_bm25_put(assess_posting_t *postings, size_t n, uint32_t doc,
    uint32_t tf)
{
    if (n == 0 || postings[n - 1].doc != doc) {
        postings[n].doc = doc;
        postings[n].tf = 0;
        n++;
    }

    postings[n - 1].tf += tf;

    return n;
}


/*
 * Postings are put where there is room for one of each place of a term, and
 * moved together in the end.  next is behind the last one of each term.
 */

static void
assess_bm25_fill(assess_bm25_t *docs, const assess_texts_t *texts,
    size_t *next)
{
    size_t    i, t, n, from, to, total;
    uint32_t  term;

    total = texts->n ? texts->ends[texts->n - 1] : 0;

    for (t = 0; t < total; t++) {
        docs->first[assess_bm25_term(&texts->tokens[t])]++;
    }

    for (i = 1; i <= texts->nterms; i++) {
        next[i] = docs->first[i - 1];
        docs->first[i] += docs->first[i - 1];
    }

    for (i = 0, t = 0; i < texts->n; i++) {

        docs->norm[i] = (double) (texts->ends[i] - t);

        for ( /* void */ ; t < texts->ends[i]; t++) {
            term = assess_bm25_term(&texts->tokens[t]);
            from = docs->first[term - 1];

            next[term] = from + assess_bm25_put(docs->postings + from,
                                                next[term] - from,
                                                (uint32_t) i, 1);
        }
    }

    for (i = 1, from = 0, to = 0; i <= texts->nterms; i++) {

        n = next[i] - from;

        if (to != from) {
            memmove(docs->postings + to, docs->postings + from,
                    n * sizeof(assess_posting_t));
        }

        to += n;
        from = docs->first[i];
        docs->first[i] = to;
    }
}


int
assess_bm25_build(assess_arena_t *arena, assess_bm25_t *docs,
    const assess_texts_t *texts)
{
    size_t  total, *next;

    total = texts->n ? texts->ends[texts->n - 1] : 0;

    if (assess_bm25_alloc(arena, docs, texts->n, texts->nterms, total) != 0) {
        return -1;
    }

    next = malloc(((size_t) texts->nterms + 1) * sizeof(size_t));
    if (next == NULL) {
        return -1;
    }

    assess_bm25_fill(docs, texts, next);
    assess_bm25_norm(docs, total);

    free(next);

    return 0;
}


int
assess_bm25_join(assess_arena_t *arena, assess_bm25_t *docs,
    const assess_texts_t *texts, const assess_bm25_t *of_texts,
    const uint32_t *doc_of)
{
    size_t                   i, n, before;
    const assess_posting_t  *p, *end;

    if (assess_bm25_alloc(arena, docs,
                          texts->n ? doc_of[texts->n - 1] + (size_t) 1 : 0,
                          texts->nterms, of_texts->first[texts->nterms])
        != 0)
    {
        return -1;
    }

    for (i = 0, before = 0; i < texts->n; i++) {
        docs->norm[doc_of[i]] += (double) (texts->ends[i] - before);
        before = texts->ends[i];
    }

    assess_bm25_norm(docs, before);

    for (i = 1, n = 0; i <= texts->nterms; i++) {

        p = of_texts->postings + of_texts->first[i - 1];
        end = of_texts->postings + of_texts->first[i];
        before = n;

        for ( /* void */ ; p < end; p++) {
            n = before + assess_bm25_put(docs->postings + before, n - before,
                                         doc_of[p->doc], p->tf);
        }

        docs->first[i] = n;
    }

    return 0;
}


void
assess_bm25_add(const assess_bm25_t *docs, double *scores, uint32_t term,
    double weight, int known)
{
    size_t                   df;
    double                   idf;
    const assess_posting_t  *p, *end;

    p = docs->postings + docs->first[term - 1];
    end = docs->postings + docs->first[term];
    df = (size_t) (end - p);

    idf = log(1 + ((double) docs->ndocs - (double) df + 0.5)
                  / ((double) df + 0.5));

    for ( /* void */ ; p < end; p++) {

        if (known && scores[p->doc] == 0) {
            continue;
        }

        scores[p->doc] += weight * idf * p->tf * (ASSESS_BM25_K1 + 1)
                          / (p->tf + docs->norm[p->doc]);
    }
}
