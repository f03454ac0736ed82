
/*
 * One character at a time: what kind it is, what it is made of, and its lower
 * case.  What checking quotes and finding passages have in common.
 */

#ifndef ASSESS_FOLD_H
#define ASSESS_FOLD_H


#include "../base/assess_base.h"


typedef enum {
    ASSESS_CH_OTHER = 0,     /* punctuation and symbols */
    ASSESS_CH_NONE,          /* nothing to see: zero width, controls */
    ASSESS_CH_SPACE,
    ASSESS_CH_BREAK,         /* the end of a line, paragraph or page */
    ASSESS_CH_SOFT,          /* soft hyphen */
    ASSESS_CH_HYPHEN,
    ASSESS_CH_DASH,          /* all other kinds, minus included */
    ASSESS_CH_SINGLE,        /* single quotation marks, apostrophes, primes */
    ASSESS_CH_DOUBLE,
    ASSESS_CH_MARK,          /* combining */
    ASSESS_CH_LETTER,
    ASSESS_CH_DIGIT,
    ASSESS_CH_WIDE           /* of scripts that set no spaces, and their marks */
} assess_ch_e;


/* At least 1 while p < end: a byte that is no UTF-8 counts as U+FFFD. */
size_t assess_ch_next(const char *p, const char *end, uint32_t *cp);

/* Begins where the character before p begins; start < p. */
const char *assess_ch_prev(const char *p, const char *start);

assess_ch_e assess_ch_class(uint32_t cp);

/*
 * The full compatibility decomposition (NFKD) as NUL-terminated UTF-8; NULL
 * where it is the character itself.  room is used for some of them.  Covered
 * are the scripts in use up to U+FFFF and the mathematical Latin letters and
 * digits; not covered are Hangul, Indic and polytonic Greek, Arabic ligatures
 * of more than two letters, and compatibility ideographs, which stay as they
 * are.
 */
const char *assess_ch_decompose(uint32_t cp, char room[4]);

/* Latin, Greek, Cyrillic and Armenian, already decomposed. */
uint32_t assess_ch_lower(uint32_t cp);

/* UTF-8 of a code point; its length. */
size_t assess_ch_put(char out[4], uint32_t cp);


static inline int
assess_ch_alnum(assess_ch_e ch)
{
    return ch == ASSESS_CH_LETTER || ch == ASSESS_CH_DIGIT;
}


#endif /* ASSESS_FOLD_H */
