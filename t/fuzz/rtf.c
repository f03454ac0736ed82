
/* sources: extract/assess_rtf.c extract/assess_rtf_words.c
   extract/assess_rtf_charset.c extract/assess_charset.c extract/assess_flow.c
   base/assess_base.c */
/* libs: -lm */

/* Any bytes: they are read or not, and what comes out is what was put in. */

#include "extract/assess_charset.h"
#include "extract/assess_rtf.h"
#include "out.h"

#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


void
assess_out_text(assess_out_t *out, const char *text, size_t len)
{
    /* every byte of it can be read, and is seen to be */

    out->bytes += (int64_t) len;
    out->open |= len && memchr(text, '\1', len) != NULL;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *copy;
    assess_why_e    why;
    assess_out_t   *out;

    assess_charset_prepare();

    /* a block of its own exact size, so that a read past it is seen */

    copy = malloc(size ? size : 1);
    out = calloc(1, sizeof(assess_out_t));

    if (copy && out) {

        if (size) {
            memcpy(copy, data, size);
        }

        why = assess_rtf_memory(out, copy, size);

        /* a byte stands for three at most, and for the marks around it */

        if ((why == ASSESS_WHY_NONE && out->page == 0)
            || out->bytes > (int64_t) size * 4 + 4)
        {
            abort();
        }
    }

    free(copy);
    free(out);

    return 0;
}
