
#include "assess_prepared.h"

#include <stdio.h>
#include <string.h>


/* A tenant of more bytes than the API lets in shares nothing. */
#define ASSESS_PREPARED_TENANT  128

#define ASSESS_PREPARED_KEY     (ASSESS_PREPARED_TENANT + ASSESS_UUID_LEN + 32)


/*
 * The tenant comes last: whatever it is, it cannot be taken for another part.
 * An lru of NULL, nothing is shared, where there is no room for all of it.
 */

static assess_err_e
assess_prepared_find(assess_lru_t *lru, const char *kind, int version,
    const char *id, const assess_str_t *tenant, int (*interrupted)(void *ctx),
    void *ctx, assess_shared_t **shared, assess_err_t *err)
{
    int   n;
    char  key[ASSESS_PREPARED_KEY];

    n = snprintf(key, sizeof(key), "%s %d %s ", kind, version, id);

    if (n < 0 || (size_t) n >= sizeof(key)
        || tenant->len > sizeof(key) - (size_t) n)
    {
        lru = NULL;
        n = 0;

    } else {
        memcpy(key + n, tenant->data, tenant->len);
        n += (int) tenant->len;
    }

    return assess_lru_get(lru, key, (size_t) n, interrupted, ctx, shared, err);
}


assess_err_e
assess_prepared_get(assess_lru_t *lru, const assess_str_t *tenant,
    const char *document_id, int extractor, int (*interrupted)(void *ctx),
    void *ctx, assess_shared_t **shared, assess_err_t *err)
{
    return assess_prepared_find(lru, "document", extractor, document_id,
                                tenant, interrupted, ctx, shared, err);
}


assess_err_e
assess_prepared_make(assess_shared_t *shared, const assess_page_t *pages,
    size_t npages, assess_err_t *err)
{
    size_t              n;
    assess_err_e        rc;
    assess_arena_t     *arena;
    assess_passage_t   *passages;
    assess_prepared_t  *doc;

    arena = shared->arena;

    rc = assess_passages_cut(arena, pages, npages, &passages, &n, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    doc = assess_palloc(arena, sizeof(assess_prepared_t));

    if (doc) {
        doc->pages = pages;
        doc->npages = npages;
        doc->passages = passages;
        doc->npassages = n;
        doc->index = assess_index_create(arena, passages, n);
        doc->quotes = assess_quotes_create(arena, pages, npages);
    }

    if (doc == NULL || doc->index == NULL || doc->quotes == NULL) {
        return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
    }

    shared->value = doc;

    return ASSESS_OK;
}


assess_err_e
assess_prepared_set(assess_lru_t *lru, const assess_str_t *tenant,
    const assess_question_set_t *set, int (*interrupted)(void *ctx), void *ctx,
    assess_shared_t **shared, assess_err_t *err)
{
    assess_err_e            rc;
    assess_question_t      *list;
    assess_prepared_set_t  *questions;

    rc = assess_prepared_find(lru, "set", 0, set->question_set_id, tenant,
                              interrupted, ctx, shared, err);

    if (rc != ASSESS_OK || (*shared)->value) {
        return rc;
    }

    questions = assess_palloc((*shared)->arena, sizeof(assess_prepared_set_t));

    rc = questions
         ? assess_questions_read((*shared)->arena, set, &list, &questions->n,
                                 err)
         : assess_fail(err, ASSESS_ERROR, "internal", "out of memory");

    if (rc == ASSESS_OK) {
        questions->list = list;
        (*shared)->value = questions;
    }

    assess_lru_made(*shared, rc == ASSESS_OK ? ASSESS_MADE : ASSESS_NOT_MADE);

    if (rc != ASSESS_OK) {
        assess_lru_release(*shared);
        *shared = NULL;
    }

    return rc;
}
