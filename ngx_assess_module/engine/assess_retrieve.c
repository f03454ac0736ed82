
#include "assess_retrieve.h"
#include "assess_bm25.h"
#include "assess_pageref.h"
#include "assess_terms.h"
#include "assess_vocab.h"

#include <stdlib.h>
#include <string.h>


/*
 * BM25 over pages and over passages.  A page says what a passage is about, a
 * passage says it close together: the score of a passage is the sum of both.
 */

/* A word of the guidance or category counts that much of a question's. */
#define ASSESS_GUIDANCE_WEIGHT  0.25

/* A word that stands in any text only orders what was found without it. */
#define ASSESS_STOP_WEIGHT      0.1

/* Another passage of the same page says less that is new. */
#define ASSESS_SAME_PAGE        0.7

#define ASSESS_QUERY_TERMS      512


struct assess_index_s {
    const assess_passage_t  *passages;
    size_t                   n;
    uint32_t                *page;   /* of each passage, counted from 0 */
    assess_token_t          *tokens; /* of all passages, one after the other */
    size_t                  *ends;   /* behind those of each passage */
    assess_vocab_t           vocab;
    assess_bm25_t            by_passage;
    assess_bm25_t            by_page;
    size_t                   most;   /* passages of one page */
};

struct assess_search_s {
    const assess_index_t    *index;
    double                  *by_passage;     /* scores */
    double                  *by_page;
    assess_hit_t            *group;          /* the hits of one page */
};

/* While the index is made */
typedef struct {
    assess_buf_t     tokens;         /* assess_token_t */
    assess_vocab_t   vocab;
    int              failed;
} assess_builder_t;

typedef struct {
    const assess_index_t  *index;
    uint32_t               ids[ASSESS_QUERY_TERMS];
    double                 weights[ASSESS_QUERY_TERMS];
    char                   stops[ASSESS_QUERY_TERMS];
    size_t                 n;
    double                 weight;   /* of the text that is read */
    int                    pages[ASSESS_PAGEREFS];
    size_t                 npages;
} assess_query_t;


static void
assess_builder_word(void *ctx, const char *text, size_t len, int word,
    size_t end)
{
    assess_token_t     token;
    assess_builder_t  *b;

    b = ctx;

    token.id = word ? assess_vocab_word(&b->vocab, text, len)
                    : assess_vocab_add(&b->vocab, text, len);
    token.end = (uint32_t) end;

    if (token.id == 0 || end > UINT32_MAX) {
        b->failed = 1;
        return;
    }

    assess_buf_add(&b->tokens, &token, sizeof(assess_token_t));
}


/* Which page each passage is of, and how many are of one at most. */

static int
assess_index_pages(assess_arena_t *arena, assess_index_t *index)
{
    size_t  i, run;

    index->page = assess_palloc(arena, (index->n + 1) * sizeof(uint32_t));

    if (index->page == NULL) {
        return -1;
    }

    run = 0;

    for (i = 0; i < index->n; i++) {

        if (i == 0) {
            index->page[i] = 0;

        } else if (index->passages[i].page == index->passages[i - 1].page) {
            index->page[i] = index->page[i - 1];

        } else {
            index->page[i] = index->page[i - 1] + 1;
            run = 0;
        }

        run++;
        index->most = run > index->most ? run : index->most;
    }

    return 0;
}


static int
assess_index_keep(assess_arena_t *arena, assess_index_t *index,
    const assess_builder_t *b)
{
    assess_texts_t  texts;

    index->tokens = assess_palloc(arena, b->tokens.len + 1);

    if (index->tokens == NULL
        || assess_vocab_copy(arena, &index->vocab, &b->vocab) != 0
        || assess_index_pages(arena, index) != 0)
    {
        return -1;
    }

    if (b->tokens.len) {
        memcpy(index->tokens, b->tokens.data, b->tokens.len);
    }

    texts.tokens = index->tokens;
    texts.nterms = index->vocab.n;
    texts.ends = index->ends;
    texts.n = index->n;

    return assess_bm25_build(arena, &index->by_passage, &texts) != 0
           || assess_bm25_join(arena, &index->by_page, &texts,
                               &index->by_passage, index->page) != 0 ? -1 : 0;
}


assess_index_t *
assess_index_create(assess_arena_t *arena, const assess_passage_t *passages,
    size_t n)
{
    size_t             i, len;
    assess_index_t    *index;
    assess_builder_t   b;

    if (n >= UINT32_MAX / 2) {
        return NULL;
    }

    index = assess_pcalloc(arena, sizeof(assess_index_t));
    if (index == NULL) {
        return NULL;
    }

    index->passages = passages;
    index->n = n;

    index->ends = assess_palloc(arena, (n + 1) * sizeof(size_t));
    if (index->ends == NULL) {
        return NULL;
    }

    memset(&b, 0, sizeof(assess_builder_t));

    for (i = 0, len = 0; i < n; i++) {
        len += passages[i].text.len;
    }

    /* about what a text has of them; more are no matter */

    (void) assess_buf_reserve(&b.tokens, (len / 6 + 16)
                                         * sizeof(assess_token_t));
    assess_vocab_expect(&b.vocab, len < 65536 ? len / 16 : 4096);

    for (i = 0; i < n; i++) {
        assess_words(passages[i].text.data, passages[i].text.len,
                     assess_builder_word, &b);
        index->ends[i] = b.tokens.len / sizeof(assess_token_t);
    }

    if (b.failed || b.tokens.failed || assess_index_keep(arena, index, &b)) {
        index = NULL;
    }

    assess_buf_free(&b.tokens);
    assess_vocab_free(&b.vocab);

    return index;
}


assess_search_t *
assess_search_create(assess_arena_t *arena, const assess_index_t *index)
{
    size_t            npages;
    assess_search_t  *s;

    s = assess_palloc(arena, sizeof(assess_search_t));
    if (s == NULL) {
        return NULL;
    }

    npages = index->by_page.ndocs;

    s->index = index;
    s->by_passage = assess_palloc(arena, (index->n + 1) * sizeof(double));
    s->by_page = assess_palloc(arena, (npages + 1) * sizeof(double));
    s->group = assess_palloc(arena, (index->most + 1) * sizeof(assess_hit_t));

    return s->by_passage && s->by_page && s->group ? s : NULL;
}


const assess_token_t *
assess_index_tokens(const assess_index_t *index,
    const assess_passage_t *passage, size_t *n)
{
    size_t  i, first;

    i = (size_t) (passage - index->passages);
    first = i ? index->ends[i - 1] : 0;

    *n = index->ends[i] - first;

    return index->tokens + first;
}


const assess_vocab_t *
assess_index_vocab(const assess_index_t *index)
{
    return &index->vocab;
}


static void
assess_query_word(void *ctx, const char *text, size_t len, int word,
    size_t end __attribute__((unused)))
{
    int              stop;
    size_t           i;
    uint32_t         id;
    assess_query_t  *q;

    q = ctx;

    id = word ? assess_vocab_word_find(&q->index->vocab, text, len)
              : assess_vocab_find(&q->index->vocab, text, len);

    stop = (id & ASSESS_VOCAB_STOP) != 0;
    id &= ~ASSESS_VOCAB_STOP;

    if (id == 0) {
        return;
    }

    for (i = 0; i < q->n; i++) {
        if (q->ids[i] == id) {
            return;
        }
    }

    if (q->n < ASSESS_QUERY_TERMS) {
        q->ids[q->n] = id;
        q->weights[q->n] = stop ? q->weight * ASSESS_STOP_WEIGHT : q->weight;
        q->stops[q->n] = stop ? 1 : 0;
        q->n++;
    }
}


static void
assess_query_score(const assess_bm25_t *docs, double *scores,
    const assess_query_t *q)
{
    int     stop;
    size_t  i;

    memset(scores, 0, docs->ndocs * sizeof(double));

    for (stop = 0; stop < 2; stop++) {
        for (i = 0; i < q->n; i++) {
            if (q->stops[i] == stop) {
                assess_bm25_add(docs, scores, q->ids[i], q->weights[i], stop);
            }
        }
    }
}


/* Best first; of equals, the first in reading order. */

static int
assess_hits_compare(const void *one, const void *two)
{
    const assess_hit_t  *a, *b;

    a = one;
    b = two;

    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }

    return a->passage->number - b->passage->number;
}


/* Keeps the best in a heap with the worst of them on top. */

static size_t
assess_hits_keep(assess_hit_t *hits, size_t n, size_t max,
    const assess_hit_t *hit)
{
    size_t        i, child;
    assess_hit_t  swap;

    if (n < max) {

        hits[n] = *hit;

        for (i = n++; i > 0
             && assess_hits_compare(&hits[i], &hits[(i - 1) / 2]) > 0;
             i = (i - 1) / 2)
        {
            swap = hits[i];
            hits[i] = hits[(i - 1) / 2];
            hits[(i - 1) / 2] = swap;
        }

        return n;
    }

    if (assess_hits_compare(hit, &hits[0]) > 0) {
        return n;
    }

    hits[0] = *hit;

    for (i = 0; (child = 2 * i + 1) < n; i = child) {

        if (child + 1 < n
            && assess_hits_compare(&hits[child + 1], &hits[child]) > 0)
        {
            child++;
        }

        if (assess_hits_compare(&hits[i], &hits[child]) > 0) {
            break;
        }

        swap = hits[i];
        hits[i] = hits[child];
        hits[child] = swap;
    }

    return n;
}


/* 0 where nothing of the question stands, whatever the rest of the page */

static double
assess_search_score(const assess_search_t *s, size_t i)
{
    double  score;

    score = s->by_passage[i];

    return score > 0 ? score + s->by_page[s->index->page[i]] : 0;
}


/*
 * Whether the question names the page of this passage, by its place or by the
 * number printed on it.
 */

static int
assess_query_names(const assess_query_t *q, const assess_index_t *index,
    size_t at)
{
    size_t                   i;
    const assess_passage_t  *p;

    p = &index->passages[at];

    for (i = 0; i < q->npages; i++) {

        if (q->pages[i] == ASSESS_PAGEREF_LAST) {

            if (p->page == index->passages[index->n - 1].page) {
                return 1;
            }

        } else if (p->page == q->pages[i] || p->label == q->pages[i]) {
            return 1;
        }
    }

    return 0;
}


/* The hits of the page that begins with passage i, into s->group. */

static size_t
assess_search_page(assess_search_t *s, size_t i, double named, size_t *next)
{
    double                 score, part;
    size_t                 j, k, n;
    const assess_index_t  *index;

    n = 0;
    index = s->index;

    for (j = i; j < index->n && index->page[j] == index->page[i]; j++) {

        score = assess_search_score(s, j) + named;

        if (score > 0) {
            s->group[n].passage = &index->passages[j];
            s->group[n].index = index;
            s->group[n].score = score;
            n++;
        }
    }

    if (n > 1) {
        qsort(s->group, n, sizeof(assess_hit_t), assess_hits_compare);
    }

    for (k = 0, part = 1; k < n; k++, part *= ASSESS_SAME_PAGE) {
        s->group[k].score *= part;
    }

    *next = j;

    return n;
}


size_t
assess_search(assess_search_t *s, const assess_question_t *question,
    assess_hit_t *hits, size_t max)
{
    double                 best, named;
    size_t                 i, k, n, next, found;
    assess_query_t         q;
    const assess_index_t  *index;

    index = s->index;

    q.index = index;
    q.n = 0;

    q.weight = 1;
    assess_words(question->text.data, question->text.len, assess_query_word,
                 &q);

    q.weight = ASSESS_GUIDANCE_WEIGHT;
    assess_words(question->guidance.data, question->guidance.len,
                 assess_query_word, &q);
    assess_words(question->category.data, question->category.len,
                 assess_query_word, &q);

    q.npages = assess_pagerefs(question->text.data, question->text.len,
                               q.pages);

    if (max == 0 || index->n == 0) {
        return 0;
    }

    assess_query_score(&index->by_passage, s->by_passage, &q);
    assess_query_score(&index->by_page, s->by_page, &q);

    best = 1;

    for (i = 0; q.npages && i < index->n; i++) {
        if (assess_search_score(s, i) > best) {
            best = assess_search_score(s, i);
        }
    }

    found = 0;

    for (i = 0; i < index->n; i = next) {

        named = assess_query_names(&q, index, i) ? best : 0;
        n = assess_search_page(s, i, named, &next);

        for (k = 0; k < n; k++) {
            found = assess_hits_keep(hits, found, max, &s->group[k]);
        }
    }

    qsort(hits, found, sizeof(assess_hit_t), assess_hits_compare);

    return found;
}
