
#include "assess_bm25.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define ASSESS_BM25_K1  1.2
#define ASSESS_BM25_B   0.75


static uint32_t
assess_texts_doc(const assess_texts_t *texts, size_t i)
{
    return texts->doc_of ? texts->doc_of[i] : (uint32_t) i;
}


/* Counts the documents of each term, and the terms of each document. */

static size_t
assess_bm25_count(assess_bm25_t *docs, const assess_texts_t *texts,
    uint32_t *seen)
{
    size_t    i, t, sum;
    uint32_t  doc;

    for (i = 0, t = 0; i < texts->n; i++) {

        doc = assess_texts_doc(texts, i);

        for ( /* void */ ; t < texts->ends[i]; t++) {

            docs->norm[doc]++;

            if (seen[texts->terms[t] - 1] != doc + 1) {
                seen[texts->terms[t] - 1] = doc + 1;
                docs->first[texts->terms[t]]++;
            }
        }
    }

    for (i = 0, sum = 0; i <= texts->nterms; i++) {
        sum += docs->first[i];
        docs->first[i] = sum;
    }

    return sum;
}


static void
assess_bm25_fill(assess_bm25_t *docs, const assess_texts_t *texts,
    uint32_t *filled)
{
    size_t             i, t;
    uint32_t           doc, *n;
    assess_posting_t  *p;

    for (i = 0, t = 0; i < texts->n; i++) {

        doc = assess_texts_doc(texts, i);

        for ( /* void */ ; t < texts->ends[i]; t++) {

            p = docs->postings + docs->first[texts->terms[t] - 1];
            n = &filled[texts->terms[t] - 1];

            if (*n == 0 || p[*n - 1].doc != doc) {
                p[*n].doc = doc;
                p[*n].tf = 0;
                (*n)++;
            }

            p[*n - 1].tf++;
        }
    }
}


int
assess_bm25_build(assess_arena_t *arena, assess_bm25_t *docs,
    const assess_texts_t *texts)
{
    int        rc;
    size_t     i, total, postings;
    uint32_t  *seen;
    double     average;

    rc = -1;

    docs->ndocs = texts->n ? assess_texts_doc(texts, texts->n - 1) + 1 : 0;
    docs->norm = assess_pcalloc(arena, ((size_t) docs->ndocs + 1)
                                       * sizeof(double));
    docs->scores = assess_pcalloc(arena, ((size_t) docs->ndocs + 1)
                                         * sizeof(double));
    docs->first = assess_pcalloc(arena, ((size_t) texts->nterms + 1)
                                        * sizeof(size_t));
    seen = calloc((size_t) texts->nterms + 1, sizeof(uint32_t));

    if (docs->norm == NULL || docs->scores == NULL || docs->first == NULL
        || seen == NULL)
    {
        goto done;
    }

    postings = assess_bm25_count(docs, texts, seen);

    docs->postings = assess_palloc(arena, (postings + 1)
                                          * sizeof(assess_posting_t));
    if (docs->postings == NULL) {
        goto done;
    }

    memset(seen, 0, ((size_t) texts->nterms + 1) * sizeof(uint32_t));
    assess_bm25_fill(docs, texts, seen);

    total = texts->n ? texts->ends[texts->n - 1] : 0;
    average = total ? (double) total / docs->ndocs : 1;

    for (i = 0; i < docs->ndocs; i++) {
        docs->norm[i] = ASSESS_BM25_K1
                        * (1 - ASSESS_BM25_B
                           + ASSESS_BM25_B * docs->norm[i] / average);
    }

    rc = 0;

done:

    free(seen);

    return rc;
}


void
assess_bm25_reset(assess_bm25_t *docs)
{
    memset(docs->scores, 0, docs->ndocs * sizeof(double));
}


void
assess_bm25_add(assess_bm25_t *docs, uint32_t term, double weight, int known)
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

        if (known && docs->scores[p->doc] == 0) {
            continue;
        }

        docs->scores[p->doc] += weight * idf * p->tf * (ASSESS_BM25_K1 + 1)
                                / (p->tf + docs->norm[p->doc]);
    }
}
