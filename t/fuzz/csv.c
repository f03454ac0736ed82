
/* sources: base/assess_base.c */
/* libs: -lm */

/*
 * Any bytes as a field of CSV between two others: who reads the line by
 * RFC 4180 finds three fields, and in the middle these bytes, which no
 * spreadsheet takes for a formula.
 */

#include "base/assess_base.h"

#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* Takes a field off the line, to its comma or its end; -1: there is none. */

static int
csv_field(const char **p, const char *end, assess_buf_t *out)
{
    assess_buf_reset(out);

    if (*p < end && **p == '"') {

        for ((*p)++; ; (*p)++) {

            if (*p == end) {
                return -1;
            }

            if (**p == '"' && (++(*p) == end || **p != '"')) {
                break;
            }

            assess_buf_char(out, **p);
        }

    } else {
        for ( /* void */ ; *p < end && **p != ','; (*p)++) {

            if (**p == '"' || **p == '\r' || **p == '\n') {
                return -1;
            }

            assess_buf_char(out, **p);
        }
    }

    return *p == end || **p == ',' ? 0 : -1;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char          *copy;
    size_t         formula;
    const char    *p, *end;
    assess_buf_t   line, field;

    /* a block of its own exact size, so that a read past it is seen */

    copy = calloc(1, size ? size : 1);
    if (copy == NULL) {
        return 0;
    }

    if (size) {
        memcpy(copy, data, size);
    }

    memset(&line, 0, sizeof(assess_buf_t));
    memset(&field, 0, sizeof(assess_buf_t));

    assess_buf_str(&line, "a,");
    assess_buf_csv(&line, copy, size);
    assess_buf_str(&line, ",z");

    p = line.data;
    end = p + line.len;

    if (line.failed || csv_field(&p, end, &field) != 0 || field.len != 1
        || p++ == end || csv_field(&p, end, &field) != 0)
    {
        abort();
    }

    formula = size && memchr("=+-@\t\r", copy[0], 6) ? 1 : 0;

    if (field.len != size + formula
        || (formula && field.data[0] != '\'')
        || (size && memcmp(field.data + formula, copy, size) != 0))
    {
        abort();
    }

    if (p++ == end || csv_field(&p, end, &field) != 0 || field.len != 1
        || field.data[0] != 'z' || p != end)
    {
        abort();
    }

    assess_buf_free(&line);
    assess_buf_free(&field);
    free(copy);

    return 0;
}
