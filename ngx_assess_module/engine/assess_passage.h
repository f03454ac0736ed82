
/*
 * Passages: pieces of a document's pages, small enough to be quoted to a
 * model and large enough to be understood, that know their page.
 */

#ifndef ASSESS_PASSAGE_H
#define ASSESS_PASSAGE_H


#include "../store/assess_document.h"


typedef struct {
    int            number;           /* from 0, in reading order */
    int            page;
    int            label;            /* the number printed on it; 0: none */
    assess_str_t   heading;          /* that it stands under; null: none */
    assess_str_t   text;             /* inside the page's text */
} assess_passage_t;


/*
 * Cuts at paragraph and sentence ends, never across pages; running headers
 * and footers are left out.  The pages must outlive the passages.
 */
assess_err_e assess_passages_cut(assess_arena_t *arena,
    const assess_page_t *pages, size_t npages, assess_passage_t **passages,
    size_t *n, assess_err_t *err);


#endif /* ASSESS_PASSAGE_H */
