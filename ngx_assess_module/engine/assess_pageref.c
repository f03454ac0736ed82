
#include "assess_pageref.h"

#include <string.h>


#define ASSESS_PAGEREF_WORD  12


typedef struct {
    char     data[ASSESS_PAGEREF_WORD + 1];    /* lower case; cut to fit */
    size_t   len;
} assess_pageref_word_t;

typedef struct {
    const char   *cardinal;
    const char   *ordinal;
} assess_pageref_number_t;


static const assess_pageref_number_t  assess_pageref_numbers[] = {
    { "one", "first" }, { "two", "second" }, { "three", "third" },
    { "four", "fourth" }, { "five", "fifth" }, { "six", "sixth" },
    { "seven", "seventh" }, { "eight", "eighth" }, { "nine", "ninth" },
    { "ten", "tenth" }, { NULL, NULL }
};


static const char *
assess_pageref_next(const char *p, const char *end, assess_pageref_word_t *w)
{
    char  ch;

    w->len = 0;

    for ( /* void */ ; p < end; p++) {

        ch = *p;

        if (ch >= 'A' && ch <= 'Z') {
            ch = (char) (ch + 0x20);
        }

        if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')) {

            if (w->len < ASSESS_PAGEREF_WORD) {
                w->data[w->len++] = ch;
            }

        } else if (w->len) {
            break;
        }
    }

    w->data[w->len] = '\0';

    return p;
}


/* 1 to 9999, in digits, with "st", "nd", "rd" or "th" when ordinal; or 0. */

static int
assess_pageref_number(const assess_pageref_word_t *w, int ordinal)
{
    int          i, n;
    const char  *p;

    for (i = 0; assess_pageref_numbers[i].cardinal; i++) {

        if (strcmp(w->data, ordinal ? assess_pageref_numbers[i].ordinal
                                    : assess_pageref_numbers[i].cardinal) == 0)
        {
            return i + 1;
        }
    }

    n = 0;

    for (p = w->data; *p >= '0' && *p <= '9' && n < 1000; p++) {
        n = n * 10 + (*p - '0');
    }

    if (ordinal) {
        return strcmp(p, "st") == 0 || strcmp(p, "nd") == 0
               || strcmp(p, "rd") == 0 || strcmp(p, "th") == 0 ? n : 0;
    }

    return *p == '\0' ? n : 0;
}


static int
assess_pageref_before(const assess_pageref_word_t *w)
{
    if (strcmp(w->data, "cover") == 0 || strcmp(w->data, "title") == 0) {
        return 1;
    }

    if (strcmp(w->data, "last") == 0 || strcmp(w->data, "final") == 0) {
        return ASSESS_PAGEREF_LAST;
    }

    return assess_pageref_number(w, 1);
}


size_t
assess_pagerefs(const char *text, size_t len, int *pages)
{
    int                     page, list;
    size_t                  n;
    const char             *p, *end;
    assess_pageref_word_t   w, before;

    n = 0;
    list = 0;
    before.len = 0;
    before.data[0] = '\0';

    p = text;
    end = p + len;

    while (n < ASSESS_PAGEREFS) {

        p = assess_pageref_next(p, end, &w);

        if (w.len == 0) {
            break;
        }

        page = 0;

        if (strcmp(w.data, "page") == 0 || strcmp(w.data, "pages") == 0) {
            page = assess_pageref_before(&before);
            list = 1;

        } else if (list) {

            /* "page 3", "pages 3, 4 and 5" */

            page = assess_pageref_number(&w, 0);
            list = page != 0 || strcmp(w.data, "and") == 0
                   || strcmp(w.data, "or") == 0 || strcmp(w.data, "to") == 0;
        }

        if (page) {
            pages[n++] = page;
        }

        before = w;
    }

    return n;
}
