
/*
 * What many jobs need alike, prepared for them once: a document, read and
 * ready for questions, and the questions of a set.  None of it is written to
 * once it is there.
 *
 * A process keeps it in its memory, under keys that never mean anything else:
 * the bytes under a document's id are what they are for as long as it is there,
 * its text is theirs by one version of the extractor, a question set is
 * immutable, and no id is given out twice.
 */

#ifndef ASSESS_PREPARED_H
#define ASSESS_PREPARED_H


#include "assess_lru.h"
#include "assess_quote.h"
#include "assess_retrieve.h"


typedef struct {
    const assess_page_t      *pages;
    size_t                    npages;
    const assess_passage_t   *passages;
    size_t                    npassages;
    const assess_index_t     *index;
    const assess_quotes_t    *quotes;
} assess_prepared_t;

typedef struct {
    const assess_question_t  *list;
    size_t                    n;
} assess_prepared_set_t;


/*
 * assess_lru_get() of a document of a tenant as this version of the extractor
 * reads it; value is an assess_prepared_t.
 */
assess_err_e assess_prepared_get(assess_lru_t *lru, const assess_str_t *tenant,
    const char *document_id, int extractor, int (*interrupted)(void *ctx),
    void *ctx, assess_shared_t **shared, assess_err_t *err);

/*
 * Sets shared's value, of the pages in its arena.  Takes some time of a CPU.
 * ASSESS_ERROR is out of memory.
 */
assess_err_e assess_prepared_make(assess_shared_t *shared,
    const assess_page_t *pages, size_t npages, assess_err_t *err);

/*
 * The questions of a stored set of a tenant, read where they are not there;
 * value is an assess_prepared_set_t.  Errors as those of
 * assess_questions_read(), and of assess_lru_get().
 */
assess_err_e assess_prepared_set(assess_lru_t *lru, const assess_str_t *tenant,
    const assess_question_set_t *set, int (*interrupted)(void *ctx), void *ctx,
    assess_shared_t **shared, assess_err_t *err);


#endif /* ASSESS_PREPARED_H */
