
/* Where sentences end. */

#ifndef ASSESS_SENTENCE_H
#define ASSESS_SENTENCE_H


#include "../base/assess_base.h"


/*
 * Whether a sentence ends with the full stop, question or exclamation mark at
 * text[at]: the bytes of the mark and of what closes behind it, or 0.  Looks
 * at a few characters around it only.
 */
size_t assess_sentence_end(const char *text, size_t len, size_t at);


#endif /* ASSESS_SENTENCE_H */
