/* sources: extract/assess_doc.c extract/assess_doc_props.c
   extract/assess_doc_styles.c extract/assess_charset.c extract/assess_flow.c
   base/assess_base.c */
/* libs: -lm */

/*
 * Two lengths of four bytes, the stream of the document, that of its tables,
 * and that of what is large.
 */

#include "streams.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            i;
    size_t         len;
    const char    *p, *end;
    assess_out_t  *out;
    assess_ole_t   ole;

    static const char *const  names[] = { "WordDocument", "1Table", "Data" };

    if (size < 8) {
        return 0;
    }

    p = (const char *) data + 8;
    end = (const char *) data + size;
    ole.n = 3;

    for (i = 0; i < 3; i++) {

        len = i < 2 ? assess_ole_u32((const char *) data + 4 * i)
                    : (size_t) (end - p);

        if (len > (size_t) (end - p)) {
            len = (size_t) (end - p);
        }

        ole.streams[i].name = names[i];
        ole.streams[i].data = p;
        ole.streams[i].len = len;
        p += len;
    }

    out = calloc(1, sizeof(assess_out_t));

    if (out) {
        if (assess_doc_read(&ole, out) == ASSESS_WHY_NONE && out->page == 0) {
            abort();
        }
    }

    free(out);

    return 0;
}
