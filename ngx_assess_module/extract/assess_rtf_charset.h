
/* Encodings as rich text numbers them: code pages, and sets of characters. */

#ifndef ASSESS_RTF_CHARSET_H
#define ASSESS_RTF_CHARSET_H


#include "assess_charset.h"


/* Of a code page; -1 for one that is not known. */
int assess_rtf_charset(int page, assess_charset_e *charset);

/* The code page of a set of characters, or 0: it says nothing of it. */
int assess_rtf_set(int set);


#endif /* ASSESS_RTF_CHARSET_H */
