
#include "assess_sample.h"

#include "assess_key.h"
#include "assess_pictures.h"
#include "assess_plain.h"
#include "assess_prompt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


/*
 * What passages are like: so many bytes each, of which so many are a token, and
 * what stands around each, and where one is referred to again.
 */

#define ASSESS_SAMPLE_PASSAGE  650
#define ASSESS_SAMPLE_BYTES    4.3
#define ASSESS_SAMPLE_AROUND   24
#define ASSESS_SAMPLE_SEE      9

/* Questions that go together want the same passages. */
#define ASSESS_SAMPLE_APART    0.75


/* One document under way */

typedef struct {
    assess_sampler_t          *s;
    assess_arena_t            *arena;
    const assess_prepared_t   *document;
    assess_item_t             *items;
    size_t                     nitems;
    assess_ask_t               ask;
} assess_sampling_t;


int
assess_sample_plain(assess_kind_e kind, int64_t bytes)
{
    return (kind == ASSESS_KIND_TEXT || kind == ASSESS_KIND_MARKDOWN)
           && bytes <= ASSESS_PLAIN_MAX;
}


static int
assess_sample_pictured(const void *ctx, int page)
{
    const assess_prepared_t *document = ctx;

    return document && page > 0 && (size_t) page <= document->npages
           && document->pages[page - 1].picture;
}


/* All requests of the items, batch by batch, as the provider makes them. */

static int
assess_sample_count(assess_sampling_t *w, assess_sample_t *sample)
{
    int               pages[ASSESS_IMAGES_MAX];
    size_t            i, n, batch, npages, *which;
    assess_prompt_t   prompt;

    batch = (size_t) w->s->conf->questions_per_batch;

    which = assess_palloc(w->arena, (batch + 1) * sizeof(size_t));
    if (which == NULL) {
        return -1;
    }

    w->ask.items = w->items;
    w->ask.nitems = w->nitems;

    prompt.ask = &w->ask;
    prompt.items = which;
    prompt.passages = (size_t) w->s->conf->passages;

    for (i = 0; i < w->nitems; i += n) {

        for (n = 0; n < batch && i + n < w->nitems; n++) {
            which[n] = i + n;
        }

        prompt.nitems = n;

        npages = assess_pictures_choose(w->items, which, n, prompt.passages,
                                        assess_sample_pictured, w->document,
                                        pages, (size_t) w->s->conf->images);

        sample->input += assess_prompt_tokens(&prompt, npages);
        sample->requests++;
    }

    sample->asked += (double) w->nitems;

    return 0;
}


/* Those whose answer is in the cache are not asked. */

static assess_err_e
assess_sample_cached(assess_sampling_t *w, assess_err_t *err)
{
    size_t            i, n, nkept;
    assess_err_e      rc;
    assess_keys_t    *hash;
    assess_answer_t  *kept;

    unsigned char  (*keys)[ASSESS_KEY_LEN];

    if (w->s->engine->answers_ms == 0) {
        return ASSESS_OK;
    }

    hash = assess_keys_create(w->arena, w->s->conf, &w->ask,
                              w->document->pages, w->document->npages,
                              w->document->passages, w->document->npassages);

    keys = assess_palloc(w->arena, (w->nitems + 1) * ASSESS_KEY_LEN);

    if (hash == NULL || keys == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    for (i = 0; i < w->nitems; i++) {
        if (assess_keys_item(hash, &w->items[i], keys[i]) != 0) {
            return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
        }
    }

    rc = assess_answers_cached(w->s->db, w->arena, &w->s->scope->tenant, keys,
                               w->nitems, w->s->engine->answers_ms, w->s->before,
                               &kept, &nkept, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    for (i = 0; i < nkept; i++) {
        w->items[kept[i].ordinal].question = NULL;
    }

    for (i = 0, n = 0; i < w->nitems; i++) {
        if (w->items[i].question) {
            w->items[n++] = w->items[i];
        }
    }

    w->nitems = n;

    return ASSESS_OK;
}


static int
assess_sample_search(assess_sampling_t *w)
{
    size_t            i, max;
    assess_hit_t     *hits;
    assess_search_t  *search;

    max = (size_t) w->s->conf->passages;
    search = assess_search_create(w->arena, w->document->index);

    if (search == NULL) {
        return -1;
    }

    for (i = 0; i < w->nitems; i++) {

        hits = assess_palloc(w->arena, max * sizeof(assess_hit_t));
        if (hits == NULL) {
            return -1;
        }

        w->items[i].hits = hits;
        w->items[i].nhits = assess_search(search, w->items[i].question, hits,
                                          max);
    }

    return 0;
}


static int
assess_sample_items(assess_sampling_t *w)
{
    size_t  i;

    w->nitems = w->s->questions->n;
    w->items = assess_pcalloc(w->arena, (w->nitems + 1)
                                        * sizeof(assess_item_t));
    if (w->items == NULL) {
        return -1;
    }

    for (i = 0; i < w->nitems; i++) {
        w->items[i].question = &w->s->questions->list[i];
    }

    w->ask.set = w->s->set;
    w->ask.model = w->s->model;

    return 0;
}


assess_err_e
assess_sample_begin(assess_sampler_t *s, assess_err_t *err)
{
    int                 rc;
    assess_sample_t     sample;
    assess_document_t   document;
    assess_sampling_t   w;

    memset(&w, 0, sizeof(assess_sampling_t));
    memset(&sample, 0, sizeof(assess_sample_t));
    memset(&document, 0, sizeof(assess_document_t));

    w.s = s;
    w.ask.document = &document;
    w.arena = assess_arena_create();

    rc = w.arena && assess_sample_items(&w) == 0
         ? assess_sample_count(&w, &sample) : -1;

    assess_arena_destroy(w.arena);

    s->bare = sample.input;
    s->requests = sample.requests;

    return rc == 0 ? ASSESS_OK
                   : assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
}


/* What is plain is its own text, as the extractor would have it. */

static assess_err_e
assess_sample_text(assess_sampler_t *s, const assess_document_t *document,
    assess_arena_t *arena, assess_page_t **pages, size_t *n,
    assess_err_t *err)
{
    assess_buf_t    text;
    assess_err_e    rc;
    assess_str_t    page, all;
    assess_plain_t  plain;

    memset(&text, 0, sizeof(assess_buf_t));

    rc = assess_document_content(s->db, s->scope, document->document_id, 0,
                                 ASSESS_PLAIN_MAX, &text, err);

    if (rc == ASSESS_OK
        && (text.failed
            || assess_pstrdup(arena, &all, text.data ? text.data : "",
                              text.len) != 0))
    {
        rc = assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    assess_buf_free(&text);

    if (rc != ASSESS_OK) {
        return rc;
    }

    if (!assess_plain_init(&plain, all.data, all.len)) {
        return assess_fail(err, ASSESS_CONFLICT, NULL, "it is not plain");
    }

    *n = 0;
    *pages = assess_palloc(arena, (all.len + 2) * sizeof(assess_page_t));

    if (*pages == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    while (assess_plain_next(&plain, &page)) {
        (*pages)[*n].page = (int) *n + 1;
        (*pages)[*n].text = page;
        (*pages)[*n].picture = 0;
        (*n)++;
    }

    return ASSESS_OK;
}


static assess_err_e
assess_sample_prepare(assess_sampler_t *s, const assess_document_t *document,
    int read, assess_shared_t *shared, assess_err_t *err)
{
    size_t          n;
    assess_err_e    rc;
    assess_page_t  *pages;

    rc = read ? assess_document_pages(s->db, shared->arena, s->scope,
                                      document->document_id,
                                      ASSESS_EXTRACTOR_VERSION, &pages, &n,
                                      err)
              : assess_sample_text(s, document, shared->arena, &pages, &n,
                                   err);

    return rc == ASSESS_OK ? assess_prepared_make(shared, pages, n, err) : rc;
}


static assess_err_e
assess_sample_measure(assess_sampling_t *w, assess_sample_t *sample,
    assess_err_t *err)
{
    size_t        i;
    assess_err_e  rc;

    for (i = 0; i < w->document->npages; i++) {
        sample->text += (double) w->document->pages[i].text.len;
    }

    if (assess_sample_items(w) != 0 || assess_sample_search(w) != 0) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    rc = assess_sample_cached(w, err);

    if (rc == ASSESS_OK && assess_sample_count(w, sample) != 0) {
        rc = assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    return rc;
}


/*
 * The text that jobs have saved is used.  It is prepared for this once and not
 * kept, since jobs keep more of it than is made here.
 */

assess_err_e
assess_sample_read(assess_sampler_t *s, const char *document_id, int read,
    assess_sample_t *sample, assess_err_t *err)
{
    assess_err_e        rc;
    assess_shared_t    *shared;
    assess_document_t   document;
    assess_sampling_t   w;

    memset(&w, 0, sizeof(assess_sampling_t));
    memset(sample, 0, sizeof(assess_sample_t));

    w.s = s;
    w.ask.document = &document;
    w.arena = assess_arena_create();

    if (w.arena == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    rc = assess_document_read(s->db, w.arena, s->scope, document_id, &document,
                              err);

    if (rc == ASSESS_OK) {
        rc = assess_prepared_get(NULL, &s->scope->tenant, document_id,
                                 ASSESS_EXTRACTOR_VERSION, NULL, NULL, &shared,
                                 err);
    }

    if (rc != ASSESS_OK) {
        assess_arena_destroy(w.arena);
        return rc;
    }

    rc = assess_sample_prepare(s, &document, read, shared, err);

    assess_lru_made(shared, rc == ASSESS_OK ? ASSESS_MADE : ASSESS_NOT_MADE);

    if (rc == ASSESS_OK) {
        w.document = shared->value;
        rc = assess_sample_measure(&w, sample, err);
    }

    assess_lru_release(shared);
    assess_arena_destroy(w.arena);

    return rc;
}


/* Passages in a request, by how many there are to choose from. */

static double
assess_sample_passages(const assess_sampler_t *s, double text, double *draws)
{
    double  all, each, questions;

    all = fmax(1, text / ASSESS_SAMPLE_PASSAGE);
    each = fmin(all, (double) s->conf->passages);
    questions = (double) s->questions->n / fmax(1, s->requests);

    *draws = each * questions;

    return fmax(each, ASSESS_SAMPLE_APART * all
                      * (1 - pow(1 - 1 / all, *draws)));
}


void
assess_sample_blind(const assess_sampler_t *s, double text,
    assess_sample_t *sample)
{
    double  n, draws, tokens;

    n = assess_sample_passages(s, text, &draws);

    tokens = n * (fmin(text, ASSESS_SAMPLE_PASSAGE) / ASSESS_SAMPLE_BYTES
                  + ASSESS_SAMPLE_AROUND)
             + fmax(0, draws - n) * ASSESS_SAMPLE_SEE;

    sample->input = s->bare + s->requests * tokens;
    sample->asked = (double) s->questions->n;
    sample->requests = s->requests;
}


void
assess_sample_scaled(const assess_sampler_t *s, const assess_sample_t *like,
    assess_sample_t *sample)
{
    double           by;
    assess_sample_t  a, b;

    assess_sample_blind(s, like->text, &a);
    assess_sample_blind(s, sample->text, &b);

    by = a.input > 0 ? b.input / a.input : 1;

    sample->input = like->input * by;
    sample->asked = like->asked;
    sample->requests = like->requests;
}
