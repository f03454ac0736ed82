
/*
 * About how many tokens a text is, for whoever has no tokenizer: by its words,
 * numbers and scripts.  It is off by a tenth or so, more in other languages;
 * what a model says that it took puts that right (assess_usages.h).  Pure.
 */

#ifndef ASSESS_TOKENS_H
#define ASSESS_TOKENS_H


#include "../base/assess_base.h"


double assess_tokens_count(const char *text, size_t len);


#endif /* ASSESS_TOKENS_H */
