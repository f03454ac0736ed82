
/* What bytes mean: their encoding found, and turned into UTF-8. */

#ifndef ASSESS_CHARSET_H
#define ASSESS_CHARSET_H


#include "../base/assess_base.h"


typedef enum {
    ASSESS_CHARSET_UTF8,
    ASSESS_CHARSET_UTF16_LE,
    ASSESS_CHARSET_UTF16_BE,
    ASSESS_CHARSET_1252,
    ASSESS_CHARSET_NAMED              /* + n: row n of the table of names */
} assess_charset_e;


/* Loads the converters, while files may still be opened. */
void assess_charset_prepare(void);

/* The length of a byte order mark, and what it stands for; 0 without one. */
size_t assess_charset_bom(const char *data, size_t len,
    assess_charset_e *charset);

/* By its label in HTML; -1 for one that is not known or was not loaded. */
int assess_charset_label(const char *label, size_t len,
    assess_charset_e *charset);

/*
 * Appends data in UTF-8.  What has no meaning becomes U+FFFD; UTF-8 is
 * appended as it is.
 */
void assess_charset_decode(assess_charset_e charset, const char *data,
    size_t len, assess_buf_t *out);

/* Appends one character. */
void assess_charset_put(assess_buf_t *out, uint32_t cp);


#endif /* ASSESS_CHARSET_H */
