
/* sources: engine/assess_kind.c base/assess_base.c */
/* libs: -lm */

/* The first line is the Content-Type, the second the name, then the bytes. */

#include "engine/assess_extract.h"

#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static assess_str_t
line(const char **p, const char *end)
{
    const char    *nl;
    assess_str_t   s;

    nl = memchr(*p, '\n', (size_t) (end - *p));

    s.data = (char *) *p;
    s.len = (size_t) ((nl ? nl : end) - *p);
    *p = nl ? nl + 1 : end;

    return s;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *copy;
    size_t          len;
    const char     *p, *end;
    assess_err_e    rc;
    assess_err_t    err;
    assess_str_t    type, name;
    assess_kind_e   kind;

    p = size ? (const char *) data : "";
    end = p + size;

    type = line(&p, end);
    name = line(&p, end);
    len = (size_t) (end - p);

    /* a block of its own exact size, so that a read past it is seen */

    copy = malloc(len ? len : 1);
    if (copy == NULL) {
        return 0;
    }

    memcpy(copy, p, len);

    kind = 0;
    err.message[0] = '\0';

    rc = assess_kind_detect(copy, len, &type, &name, &kind, &err);

    if (rc == ASSESS_OK ? kind == 0
                        : rc != ASSESS_UNSUPPORTED || !err.message[0])
    {
        abort();
    }

    free(copy);

    return 0;
}
