
/* The terms of a text: what a search compares. */

#ifndef ASSESS_TERMS_H
#define ASSESS_TERMS_H


#include "../base/assess_base.h"


#define ASSESS_TERM_LEN  64          /* bytes; what is longer is cut */


/*
 * Called for each term in order: folded to lower case without accents, numbers
 * kept, scripts without spaces as pairs of characters.  Of a word with hyphens,
 * its parts and then the whole: a line break may have made the hyphen.  Of a
 * number behind a word, also both as one ("table 3").
 *
 * Where word is set it is a word as it is written, and assess_terms_word()
 * makes a term of it.  end is how many bytes of the text are up to behind it,
 * and never falls.
 */
typedef void (*assess_word_pt)(void *ctx, const char *text, size_t len,
    int word, size_t end);

void assess_words(const char *data, size_t len, assess_word_pt fn, void *ctx);

/*
 * Makes a term of a word in place, an English one its stem; its length, above
 * 0 as that of the word.  stop is set for words that stand in any text.
 */
size_t assess_terms_word(char *word, size_t len, int *stop);


#endif /* ASSESS_TERMS_H */
