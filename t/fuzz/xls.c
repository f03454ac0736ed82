/* sources: extract/assess_xls.c extract/assess_cells.c
   extract/assess_rtf_charset.c extract/assess_charset.c extract/assess_flow.c
   base/assess_base.c */
/* libs: -lm */

/* Any bytes are the records of a workbook. */

#include "extract/assess_charset.h"
#include "streams.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    assess_out_t  *out;
    assess_ole_t   ole;

    assess_charset_prepare();

    ole.n = 1;
    ole.streams[0].name = "Workbook";
    ole.streams[0].data = (const char *) data;
    ole.streams[0].len = size;

    out = calloc(1, sizeof(assess_out_t));

    if (out) {
        if (assess_xls_read(&ole, out) == ASSESS_WHY_NONE && out->page == 0) {
            abort();
        }
    }

    free(out);

    return 0;
}
