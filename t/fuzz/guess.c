
/* sources: extract/assess_guess.c extract/assess_charset.c
   base/assess_base.c */
/* libs: -lm */

/* Any bytes are a text in some encoding; in all but UTF-8 it is a good one. */

#include "extract/assess_guess.h"

#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char              *copy;
    size_t             n;
    uint32_t           cp;
    const char        *p, *end;
    assess_buf_t       out;
    assess_charset_e   charset;

    assess_charset_prepare();

    /* a block of its own exact size, so that a read past it is seen */

    copy = malloc(size ? size : 1);
    if (copy == NULL) {
        return 0;
    }

    memcpy(copy, data, size);
    memset(&out, 0, sizeof(out));

    charset = assess_guess(copy, size);
    assess_charset_decode(charset, copy, size, &out);

    if (charset != ASSESS_CHARSET_UTF8) {

        end = out.data + out.len;

        for (p = out.data; p < end; p += n) {

            n = assess_utf8_next(p, end, &cp);

            if (n == 0) {
                abort();
            }
        }
    }

    assess_buf_free(&out);
    free(copy);

    return 0;
}
