/* sources: extract/assess_ole.c base/assess_base.c */
/* libs: -lm */

/* Any bytes: no stream of it is larger than the file. */

#include "extract/assess_ole.h"

#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            stream;
    char          *copy;
    size_t         i;
    assess_buf_t   out;
    assess_ole_t  *ole;

    static const char *const  names[] = {
        "WordDocument", "1table", "Data", "Workbook"
    };

    /* a block of its own exact size, so that a read past it is seen */

    copy = malloc(size ? size : 1);
    if (copy == NULL) {
        return 0;
    }

    if (size) {
        memcpy(copy, data, size);
    }

    if (assess_ole_open(copy, size, &ole) == ASSESS_WHY_NONE) {

        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

            stream = assess_ole_find(ole, names[i]);

            if (assess_ole_read(ole, stream, &out) == ASSESS_WHY_NONE
                && (stream == -1 || out.len > size))
            {
                abort();
            }

            assess_buf_free(&out);
        }

        assess_ole_close(ole);
    }

    free(copy);

    return 0;
}
