/* sources: engine/assess_quote.c engine/assess_fold.c base/assess_base.c */
/* libs: -lm */

/* The first bytes up to a NUL are a page, the rest is a quote. */

#include "../../ngx_assess_module/engine/assess_quote.h"

#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t              cut;
    assess_page_t       page;
    const uint8_t      *nul;
    assess_arena_t     *arena;
    assess_quotes_t    *quotes;
    assess_evidence_t   ev;

    nul = size ? memchr(data, 0, size) : NULL;
    cut = nul ? (size_t) (nul - data) : size;

    arena = assess_arena_create();
    if (arena == NULL) {
        return 0;
    }

    page.page = 1;
    page.text.data = (char *) data;
    page.text.len = cut;

    memset(&ev, 0, sizeof(ev));
    ev.page = 1;
    ev.quote.data = (char *) data + (nul ? cut + 1 : 0);
    ev.quote.len = nul ? size - cut - 1 : size;

    quotes = assess_quotes_create(arena, &page, 1);

    if (quotes) {
        assess_quote_check(quotes, &ev);
    }

    assess_arena_destroy(arena);

    return 0;
}
