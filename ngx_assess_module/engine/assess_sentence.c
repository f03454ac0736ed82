
#include "assess_sentence.h"
#include "assess_fold.h"

#include <string.h>


/* A full stop behind one of these ends no sentence.  */

static const char *const  assess_sentence_short[] = {
    "p", "al", "cf", "dr", "mr", "ms", "no", "pp", "st", "vs", "art", "fig",
    "inc", "ltd", "mrs", "nos", "par", "ref", "reg", "sec", "vol", "arts",
    "figs", "para", "prof", "regs", "paras", "approx", NULL
};


static int
assess_sentence_abbreviation(const char *text, size_t at)
{
    char                word[8];
    size_t              i, n;
    const char *const  *s;

    for (n = 0; n < at && n < sizeof(word); n++) {

        word[n] = text[at - 1 - n];

        if (word[n] >= 'A' && word[n] <= 'Z') {
            word[n] = (char) (word[n] + 0x20);
        }

        if (word[n] < 'a' || word[n] > 'z') {
            break;
        }
    }

    /* initials, "e.g.", "i.e." */

    if (n == 1 && (at == 1 || word[1] == '.' || word[1] == ' ')) {
        return 1;
    }

    for (s = assess_sentence_short; *s; s++) {

        if (strlen(*s) != n) {
            continue;
        }

        for (i = 0; i < n && (*s)[i] == word[n - 1 - i]; i++) {
            /* void */
        }

        if (i == n) {
            return 1;
        }
    }

    return 0;
}


static int
assess_sentence_closes(uint32_t cp)
{
    assess_ch_e  ch;

    ch = assess_ch_class(cp);

    return ch == ASSESS_CH_SINGLE || ch == ASSESS_CH_DOUBLE || cp == ')'
           || cp == ']' || cp == 0x300d || cp == 0x300f || cp == 0xff09;
}


/* White space, and then no small letter, or the end. */

static int
assess_sentence_begins(const char *p, const char *end)
{
    int          i;
    size_t       n;
    uint32_t     cp;
    assess_ch_e  ch;

    for (i = 0; p < end && i < 16; i++) {

        n = assess_ch_next(p, end, &cp);
        ch = assess_ch_class(cp);

        if (ch != ASSESS_CH_SPACE && ch != ASSESS_CH_BREAK) {
            return i > 0 && !(cp >= 'a' && cp <= 'z');
        }

        p += n;
    }

    return 1;
}


size_t
assess_sentence_end(const char *text, size_t len, size_t at)
{
    int          i;
    size_t       n, mark;
    uint32_t     cp, stop;
    const char  *p, *end;

    p = text + at;
    end = text + len;

    if ((unsigned char) *p < 0x80 && *p != '.' && *p != '!' && *p != '?') {
        return 0;
    }

    mark = assess_ch_next(p, end, &stop);

    if (stop != '.' && stop != '!' && stop != '?' && stop != 0x3002
        && stop != 0xff01 && stop != 0xff1f)
    {
        return 0;
    }

    for (i = 0; i < 4 && p + mark < end; i++) {

        n = assess_ch_next(p + mark, end, &cp);

        if (!assess_sentence_closes(cp)) {
            break;
        }

        mark += n;
    }

    if (stop >= 0x80 || p + mark == end) {
        return mark;
    }

    if (!assess_sentence_begins(p + mark, end)
        || (stop == '.' && assess_sentence_abbreviation(text, at)))
    {
        return 0;
    }

    return mark;
}
