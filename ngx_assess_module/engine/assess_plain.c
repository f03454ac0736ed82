
#include "assess_plain.h"

#include <string.h>


int
assess_plain_init(assess_plain_t *plain, const char *data, size_t len)
{
    size_t       n;
    uint32_t     cp;
    const char  *p, *end;

    if (len > ASSESS_PLAIN_MAX) {
        return 0;
    }

    end = data + len;

    for (p = data; p < end; p += n) {

        n = assess_utf8_next(p, end, &cp);

        /* an escape may begin another encoding, which the reader knows */

        if (n == 0 || cp == 0 || cp == 0x1b) {
            return 0;
        }
    }

    if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data += 3;
    }

    plain->p = data;
    plain->end = end;

    return 1;
}


int
assess_plain_next(assess_plain_t *plain, assess_str_t *page)
{
    const char  *feed;

    if (plain->p == NULL) {
        return 0;
    }

    feed = memchr(plain->p, '\f', (size_t) (plain->end - plain->p));

    page->data = (char *) plain->p;
    page->len = (size_t) ((feed ? feed : plain->end) - plain->p);

    /* what is behind the last form feed is a page when there is something */

    plain->p = feed && feed + 1 < plain->end ? feed + 1 : NULL;

    return 1;
}
