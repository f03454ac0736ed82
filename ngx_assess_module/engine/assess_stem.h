
/* The stem of an English word, by M. F. Porter's algorithm of 1980. */

#ifndef ASSESS_STEM_H
#define ASSESS_STEM_H


#include <stddef.h>


/*
 * Shortens the lower-case ASCII word in place; its new length, never more
 * than len.  https://tartarus.org/martin/PorterStemmer/def.txt, with the
 * departures "bli" and "logi" of its author's own program.
 */
size_t assess_stem(char *word, size_t len);


#endif /* ASSESS_STEM_H */
