
/* The terms of a text: what a search compares. */

#ifndef ASSESS_TERMS_H
#define ASSESS_TERMS_H


#include "../base/assess_base.h"


#define ASSESS_TERM_LEN  64          /* bytes; what is longer is cut */


/*
 * Called for each term in order: folded to lower case without accents,
 * English words as their stems, numbers kept, scripts without spaces as pairs of
 * characters.  Of a word with hyphens, its parts and then the whole: a line
 * break may have made the hyphen.  Of a number behind a word, also both as
 * one ("table 3").  stop is set for words that stand in any text.
 */
typedef void (*assess_term_pt)(void *ctx, const char *term, size_t len,
    int stop);

void assess_terms(const char *data, size_t len, assess_term_pt fn, void *ctx);


#endif /* ASSESS_TERMS_H */
