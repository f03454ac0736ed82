
/* The arguments of a statement, and arrays in PostgreSQL's text form. */

#include "assess_db_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define ASSESS_REPLACEMENT  "\xEF\xBF\xBD"


void
assess_args_init(assess_args_t *args)
{
    args->n = 0;
    args->failed = 0;
}


void
assess_args_free(assess_args_t *args)
{
    int  i;

    for (i = 0; i < args->n; i++) {
        free(args->owned[i]);
    }

    args->n = 0;
}


/* Takes owned over, in any case */

static void
assess_arg_add(assess_args_t *args, const char *value, size_t len, int format,
    char *owned)
{
    if (args->n == ASSESS_ARGS_MAX || len > INT32_MAX) {
        args->failed = 1;
        free(owned);
        return;
    }

    args->values[args->n] = value;
    args->lengths[args->n] = (int) len;
    args->formats[args->n] = format;
    args->owned[args->n] = owned;
    args->n++;
}


void
assess_arg_null(assess_args_t *args)
{
    assess_arg_add(args, NULL, 0, 0, NULL);
}


static void
assess_arg_number(assess_args_t *args, const char *fmt, double value)
{
    char  *text;

    if (args->n == ASSESS_ARGS_MAX) {
        args->failed = 1;
        return;
    }

    text = args->numbers[args->n];
    (void) snprintf(text, sizeof(args->numbers[0]), fmt, value);
    assess_arg_add(args, text, 0, 0, NULL);
}


void
assess_arg_int(assess_args_t *args, int64_t value)
{
    char  *text;

    if (args->n == ASSESS_ARGS_MAX) {
        args->failed = 1;
        return;
    }

    text = args->numbers[args->n];
    (void) snprintf(text, sizeof(args->numbers[0]), "%lld", (long long) value);
    assess_arg_add(args, text, 0, 0, NULL);
}


void
assess_arg_real(assess_args_t *args, double value)
{
    assess_arg_number(args, "%.17g", value);
}


void
assess_arg_money(assess_args_t *args, double value)
{
    if (!isfinite(value) || value < 0) {
        assess_arg_null(args);
        return;
    }

    /* more than there is would not fit, and is as good as no limit */

    assess_arg_number(args, "%.12f", value > 1e15 ? 1e15 : value);
}


void
assess_arg_id(assess_args_t *args, const char *cstr)
{
    assess_arg_add(args, cstr && cstr[0] ? cstr : NULL, 0, 0, NULL);
}


/* How much at the beginning PostgreSQL takes as it is */

static size_t
assess_text_valid(const char *data, size_t len)
{
    size_t       n;
    uint32_t     cp;
    const char  *p, *end;

    end = data + len;

    for (p = assess_plain(data, end); p < end; p = assess_plain(p + n, end)) {
        n = assess_utf8_next(p, end, &cp);
        if (n == 0 || cp == 0) {
            break;
        }
    }

    return (size_t) (p - data);
}


/* Appends text with all that cannot be stored replaced */

static void
assess_text_clean(assess_buf_t *b, const char *data, size_t len)
{
    size_t  n;

    for ( ;; ) {
        n = assess_text_valid(data, len);
        assess_buf_add(b, data, n);

        if (n == len) {
            return;
        }

        assess_buf_str(b, ASSESS_REPLACEMENT);
        data += n + 1;
        len -= n + 1;
    }
}


void
assess_arg_text(assess_args_t *args, const assess_str_t *s)
{
    assess_buf_t  b;

    if (s == NULL || s->data == NULL) {
        assess_arg_null(args);
        return;
    }

    if (assess_text_valid(s->data, s->len) == s->len) {
        assess_arg_add(args, s->data, s->len, 1, NULL);
        return;
    }

    memset(&b, 0, sizeof(assess_buf_t));
    assess_text_clean(&b, s->data, s->len);

    if (b.failed) {
        args->failed = 1;
    }

    assess_arg_add(args, b.data, b.len, 1, b.data);
}


void
assess_arg_cstr(assess_args_t *args, const char *cstr)
{
    assess_str_t  s;

    s.data = (char *) cstr;
    s.len = cstr ? strlen(cstr) : 0;

    assess_arg_text(args, &s);
}


void
assess_arg_bytes(assess_args_t *args, const void *data, size_t len)
{
    assess_arg_add(args, data, len, 1, NULL);
}


void
assess_arg_array(assess_args_t *args, assess_buf_t *array)
{
    assess_buf_str(array, array->len ? "}" : "{}");

    if (array->failed) {
        args->failed = 1;
    }

    assess_arg_add(args, array->data, array->len, 0, array->data);
    memset(array, 0, sizeof(assess_buf_t));
}


void
assess_array_word(assess_buf_t *array, const char *word)
{
    assess_buf_char(array, array->len ? ',' : '{');
    assess_buf_str(array, word && word[0] ? word : "NULL");
}


void
assess_array_int(assess_buf_t *array, int64_t value)
{
    char  text[32];

    (void) snprintf(text, sizeof(text), "%lld", (long long) value);
    assess_array_word(array, text);
}


void
assess_array_real(assess_buf_t *array, double value)
{
    char  text[40];

    (void) snprintf(text, sizeof(text), "%.17g", value);
    assess_array_word(array, text);
}


void
assess_array_add(assess_buf_t *array, const assess_str_t *s)
{
    size_t        n;
    const char   *p, *end, *plain;
    assess_buf_t  clean;

    if (s->data == NULL) {
        assess_array_word(array, NULL);
        return;
    }

    memset(&clean, 0, sizeof(assess_buf_t));

    p = s->data;
    n = s->len;

    if (assess_text_valid(p, n) != n) {
        assess_text_clean(&clean, p, n);
        array->failed |= clean.failed;
        p = clean.data;
        n = clean.len;
    }

    assess_buf_str(array, array->len ? ",\"" : "{\"");

    for (plain = p, end = p + n; p < end; p++) {
        if (*p == '"' || *p == '\\') {
            assess_buf_add(array, plain, (size_t) (p - plain));
            assess_buf_char(array, '\\');
            plain = p;
        }
    }

    assess_buf_add(array, plain, (size_t) (p - plain));
    assess_buf_char(array, '"');

    assess_buf_free(&clean);
}
