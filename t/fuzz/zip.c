/* sources: extract/assess_zip.c base/assess_base.c */
/* libs: -lzip -lm */

/* Any bytes as an archive: its parts are unpacked, and stay within limits. */

#include "extract/assess_zip.h"

#include <stdlib.h>
#include <string.h>


#define PARTS  40


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static assess_why_e
take(void *ctx, const char *data, size_t len)
{
    size_t  *left = ctx;
    size_t   i, sum;

    for (i = 0, sum = 0; i < len; i++) {
        sum += (unsigned char) data[i];
    }

    /* enough to see: a bomb is a matter of time here */

    if (len > *left || sum > 255 * len) {
        return ASSESS_WHY_UNPACKED;
    }

    *left -= len;

    return ASSESS_WHY_NONE;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            i, n;
    char          *copy;
    size_t         left;
    const char    *name;
    assess_buf_t   text;
    assess_zip_t  *zip;

    /* a block of its own exact size, so that a read past it is seen */

    copy = malloc(size ? size : 1);
    if (copy == NULL) {
        return 0;
    }

    if (size) {
        memcpy(copy, data, size);
    }

    left = 1 << 20;

    if (assess_zip_open(copy, size, &zip) == ASSESS_WHY_NONE) {

        n = assess_zip_parts(zip);
        n = n < PARTS ? n : PARTS;

        (void) assess_zip_unpack(zip, -1, take, &left);
        (void) assess_zip_unpack(zip, n + PARTS, take, &left);

        for (i = 0; i < n; i++) {

            name = assess_zip_name(zip, i);

            if (name && assess_zip_find(zip, name) > assess_zip_parts(zip)) {
                abort();
            }

            (void) assess_zip_unpack(zip, i, take, &left);
        }

        if (left && assess_zip_find(zip, "mimetype") != -1) {
            (void) assess_zip_read(zip, assess_zip_find(zip, "mimetype"),
                                   &text);
            assess_buf_free(&text);
        }

        assess_zip_close(zip);
    }

    free(copy);

    return 0;
}
