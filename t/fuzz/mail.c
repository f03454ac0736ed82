
/* sources: extract/assess_mime.c extract/assess_mime_words.c
   extract/assess_charset.c extract/assess_guess.c base/assess_base.c */
/* libs: -lm */

/* Any bytes are a mail: all that its parts can be asked for is. */

#include "extract/assess_mime.h"

#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* Headers are lines, and no body is longer than it was before. */

static void
ask(const assess_mime_part_t *part, assess_buf_t *out)
{
    size_t            i;
    assess_charset_e  charset;

    static const char *const  names[] = {
        "from", "subject", "content-type", "content-disposition"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        assess_buf_reset(out);
        assess_mime_field(part, names[i], out);
        assess_mime_parameter(part, names[i], "name", out);
        assess_mime_parameter(part, names[i], "filename", out);

        if (out->len && (memchr(out->data, '\n', out->len)
                         || memchr(out->data, '\r', out->len)))
        {
            abort();
        }
    }

    (void) assess_mime_charset(part, &charset);

    assess_buf_reset(out);
    assess_mime_body(part, out);

    if (out->len > part->body.len) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             i;
    char           *copy;
    assess_buf_t    out;
    assess_mime_t   mime;

    assess_charset_prepare();

    /* a block of its own exact size, so that a read past it is seen */

    copy = malloc(size ? size : 1);
    if (copy == NULL) {
        return 0;
    }

    if (size) {
        memcpy(copy, data, size);
    }

    memset(&out, 0, sizeof(out));
    (void) assess_mime_parse(copy, size, &mime);

    for (i = 0; i < mime.n; i++) {

        if (mime.parts[i].up >= i || mime.parts[i].depth > 20) {
            abort();
        }

        ask(&mime.parts[i], &out);
    }

    assess_buf_free(&out);
    assess_mime_free(&mime);
    free(copy);

    return 0;
}
