
/* The pages that a question names: "on page 9", "the last page". */

#ifndef ASSESS_PAGEREF_H
#define ASSESS_PAGEREF_H


#include "../base/assess_base.h"


#define ASSESS_PAGEREFS      8
#define ASSESS_PAGEREF_LAST  (-1)


/* Up to ASSESS_PAGEREFS page numbers, or ASSESS_PAGEREF_LAST; English only. */
size_t assess_pagerefs(const char *text, size_t len, int *pages);


#endif /* ASSESS_PAGEREF_H */
