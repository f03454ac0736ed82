
/*
 * The heart: whether a quote really stands on a page.  White space,
 * hyphenation at line ends, ligatures and other compatibility forms, and the
 * kinds of quotation marks and dashes are folded; nothing else is.
 */

#ifndef ASSESS_QUOTE_H
#define ASSESS_QUOTE_H


#include "../store/assess_answer.h"
#include "../store/assess_document.h"


typedef struct assess_quotes_s  assess_quotes_t;


/*
 * Folds every page once; the pages must outlive it.  NULL is out of memory.
 * Once it is made nothing is written to it: any number of threads may check at
 * once.
 */
assess_quotes_t *assess_quotes_create(assess_arena_t *arena,
    const assess_page_t *pages, size_t n);

/*
 * Sets verified, and page where the quote is found on another than claimed
 * (the nearest one).  A quote found nowhere keeps its page.  A quote without a
 * letter or digit is never verified.
 */
void assess_quote_check(const assess_quotes_t *quotes,
    assess_evidence_t *evidence);


#endif /* ASSESS_QUOTE_H */
