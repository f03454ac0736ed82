
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
    ASSESS_CH_WIDE           /* of scripts without spaces, and their marks */
} assess_ch_e;


/* The classes of ASCII, an assess_ch_e each. */
extern const unsigned char  assess_ch_ascii[128];

/* What assess_ch_next() and assess_ch_class() do where it is not ASCII. */
size_t assess_ch_next_other(const char *p, const char *end, uint32_t *cp);
assess_ch_e assess_ch_class_other(uint32_t cp);

/* Begins where the character before p begins; start < p. */
const char *assess_ch_prev(const char *p, const char *start);

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


/* At least 1; p < end.  A byte that is no UTF-8 counts as U+FFFD. */

static inline size_t
assess_ch_next(const char *p, const char *end, uint32_t *cp)
{
    if ((unsigned char) *p < 0x80) {
        *cp = (unsigned char) *p;
        return 1;
    }

    return assess_ch_next_other(p, end, cp);
}


static inline assess_ch_e
assess_ch_class(uint32_t cp)
{
    return cp < 0x80 ? (assess_ch_e) assess_ch_ascii[cp]
                     : assess_ch_class_other(cp);
}


static inline int
assess_ch_alnum(assess_ch_e ch)
{
    return ch == ASSESS_CH_LETTER || ch == ASSESS_CH_DIGIT;
}


#endif /* ASSESS_FOLD_H */
