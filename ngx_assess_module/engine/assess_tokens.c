
#include "assess_tokens.h"


/*
 * Tokenizers of today have most words as one token, with the space before it;
 * longer ones are taken apart.  Fitted to o200k_base on rules, reports and
 * standards in English, looked at in others.
 */

#define ASSESS_TOKENS_WORD    7        /* letters that are one token */
#define ASSESS_TOKENS_LETTER  0.2      /* each one more */
#define ASSESS_TOKENS_DIGITS  3        /* of a number, in one */
#define ASSESS_TOKENS_MARK    0.95     /* the first of several, and the rest */
#define ASSESS_TOKENS_MARKS   0.3
#define ASSESS_TOKENS_SPACES  0.8      /* more than one, in a line */
#define ASSESS_TOKENS_SCRIPT  0.24     /* a letter of another alphabet */
#define ASSESS_TOKENS_WIDE    0.75     /* a character of one without words */


typedef enum {
    ASSESS_TOKENS_OF_NONE = 0,
    ASSESS_TOKENS_OF_WORD,
    ASSESS_TOKENS_OF_DIGITS,
    ASSESS_TOKENS_OF_MARKS,
    ASSESS_TOKENS_OF_SPACE,
    ASSESS_TOKENS_OF_LINE,
    ASSESS_TOKENS_OF_SCRIPT,
    ASSESS_TOKENS_OF_WIDE,
    ASSESS_TOKENS_OF_SIGN
} assess_tokens_e;


static assess_tokens_e
assess_tokens_class(uint32_t cp)
{
    if (cp < 0x80) {

        if ((cp | 0x20) >= 'a' && (cp | 0x20) <= 'z') {
            return ASSESS_TOKENS_OF_WORD;
        }

        if (cp >= '0' && cp <= '9') {
            return ASSESS_TOKENS_OF_DIGITS;
        }

        if (cp == '\n' || cp == '\r') {
            return ASSESS_TOKENS_OF_LINE;
        }

        return cp <= ' ' ? ASSESS_TOKENS_OF_SPACE : ASSESS_TOKENS_OF_MARKS;
    }

    if (cp >= 0xc0 && cp < 0x250) {
        return ASSESS_TOKENS_OF_WORD;
    }

    if (cp >= 0x370 && cp < 0x2000) {
        return ASSESS_TOKENS_OF_SCRIPT;
    }

    return cp >= 0x2e80 && cp < 0xd800 ? ASSESS_TOKENS_OF_WIDE
                                       : ASSESS_TOKENS_OF_SIGN;
}


/* A run of n characters of a kind. */

static double
assess_tokens_run(assess_tokens_e what, size_t n)
{
    switch (what) {

    case ASSESS_TOKENS_OF_WORD:
        return n <= ASSESS_TOKENS_WORD
               ? 1 : 1 + ASSESS_TOKENS_LETTER
                         * (double) (n - ASSESS_TOKENS_WORD);

    case ASSESS_TOKENS_OF_DIGITS:
        return (double) ((n + ASSESS_TOKENS_DIGITS - 1)
                         / ASSESS_TOKENS_DIGITS);

    case ASSESS_TOKENS_OF_MARKS:
        return ASSESS_TOKENS_MARK + ASSESS_TOKENS_MARKS * (double) (n - 1);

    case ASSESS_TOKENS_OF_SPACE:
        return n > 1 ? ASSESS_TOKENS_SPACES : 0;

    case ASSESS_TOKENS_OF_LINE:
        return 1;

    case ASSESS_TOKENS_OF_SCRIPT:
        return ASSESS_TOKENS_SCRIPT * (double) (n + 1);

    case ASSESS_TOKENS_OF_WIDE:
        return ASSESS_TOKENS_WIDE * (double) n;

    case ASSESS_TOKENS_OF_SIGN:
        return (double) n;

    default:
        return 0;
    }
}


double
assess_tokens_count(const char *text, size_t len)
{
    size_t            n, run;
    double            tokens;
    uint32_t          cp;
    const char       *end;
    assess_tokens_e   what, before;

    tokens = 0;
    run = 0;
    before = ASSESS_TOKENS_OF_NONE;

    for (end = text + len; text < end; text += n) {

        if ((unsigned char) *text < 0x80) {
            n = 1;
            cp = (unsigned char) *text;

        } else {
            n = assess_utf8_next(text, end, &cp);

            if (n == 0) {
                n = 1;
                cp = 0xfffd;
            }
        }

        what = assess_tokens_class(cp);

        if (what != before) {
            tokens += assess_tokens_run(before, run);
            before = what;
            run = 0;
        }

        run++;
    }

    return tokens + assess_tokens_run(before, run);
}
