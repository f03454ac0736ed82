
/* sources: engine/assess_plain.c base/assess_base.c */
/* libs: -lm */

/* Any bytes: where they are such a text, its pages are all of it. */

#include "engine/assess_plain.h"

#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char            *copy;
    const char      *p, *end;
    assess_str_t     page;
    assess_plain_t   plain;

    /* a block of its own exact size, so that a read past it is seen */

    copy = calloc(1, size ? size : 1);
    if (copy == NULL) {
        return 0;
    }

    if (size) {
        memcpy(copy, data, size);
    }

    p = copy;
    end = copy + size;

    if (assess_plain_init(&plain, copy, size)) {

        if (size >= 3 && memcmp(copy, "\xef\xbb\xbf", 3) == 0) {
            p += 3;
        }

        while (assess_plain_next(&plain, &page)) {

            if (page.data != p || page.len > (size_t) (end - p)
                || (page.len && memchr(page.data, '\f', page.len))
                || (page.len && memchr(page.data, '\0', page.len)))
            {
                abort();
            }

            p += page.len;

            if (p < end && *p++ != '\f') {
                abort();
            }
        }

        if (p != end) {
            abort();
        }
    }

    free(copy);

    return 0;
}
