
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
assess_arg_buf(assess_args_t *args, assess_buf_t *text)
{
    if (text->failed) {
        args->failed = 1;
    }

    assess_arg_add(args, text->data, text->len, 1, text->data);

    memset(text, 0, sizeof(assess_buf_t));
}


void
assess_arg_bytes(assess_args_t *args, const void *data, size_t len)
{
    assess_arg_add(args, data, len, 1, NULL);
}


/*
 * Arrays go in the binary form of the server (array_recv(), arrayfuncs.c),
 * where nothing has to be escaped: how many dimensions, whether there are
 * nulls, the type, the length and the first index, and then each element with
 * its length, or -1.  An integer has the order of the network.
 */

#define ASSESS_ARRAY_NULLS   4               /* places in the head */
#define ASSESS_ARRAY_COUNT   12

/* pg_type.dat */
#define ASSESS_BOOL          16
#define ASSESS_BYTEA         17
#define ASSESS_INT8          20
#define ASSESS_INT4          23
#define ASSESS_TEXT          25
#define ASSESS_FLOAT8        701
#define ASSESS_UUID          2950


static void
assess_array_put(char *p, uint32_t value)
{
    p[0] = (char) (value >> 24);
    p[1] = (char) (value >> 16);
    p[2] = (char) (value >> 8);
    p[3] = (char) value;
}


static void
assess_array_word(assess_buf_t *array, uint32_t value)
{
    char  word[4];

    assess_array_put(word, value);
    assess_buf_add(array, word, sizeof(word));
}


/* The head of the next element; len -1 is null */

static void
assess_array_element(assess_buf_t *array, uint32_t type, int64_t len)
{
    uint32_t        n;
    unsigned char  *p;

    if (array->len == 0) {
        assess_array_word(array, 1);
        assess_array_word(array, 0);
        assess_array_word(array, type);
        assess_array_word(array, 0);
        assess_array_word(array, 1);
    }

    if (len > INT32_MAX) {
        array->failed = 1;
    }

    assess_array_word(array, (uint32_t) len);

    if (array->failed) {
        return;
    }

    p = (unsigned char *) array->data + ASSESS_ARRAY_COUNT;
    n = ((uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8
         | p[3]) + 1;

    assess_array_put((char *) p, n);

    if (len == -1) {
        assess_array_put(array->data + ASSESS_ARRAY_NULLS, 1);
    }
}


void
assess_arg_array(assess_args_t *args, assess_buf_t *array)
{
    if (array->failed) {
        args->failed = 1;
    }

    if (array->len) {
        assess_arg_add(args, array->data, array->len, 1, array->data);

    } else {

        /* of which type is not known: as text it may be any */

        assess_buf_free(array);
        assess_arg_add(args, "{}", 2, 0, NULL);
    }

    memset(array, 0, sizeof(assess_buf_t));
}


void
assess_array_add(assess_buf_t *array, const assess_str_t *s)
{
    assess_buf_t  clean;

    if (s->data == NULL) {
        assess_array_element(array, ASSESS_TEXT, -1);
        return;
    }

    if (assess_text_valid(s->data, s->len) == s->len) {
        assess_array_element(array, ASSESS_TEXT, (int64_t) s->len);
        assess_buf_add(array, s->data, s->len);
        return;
    }

    memset(&clean, 0, sizeof(assess_buf_t));
    assess_text_clean(&clean, s->data, s->len);

    assess_array_element(array, ASSESS_TEXT, (int64_t) clean.len);
    assess_buf_add(array, clean.data, clean.len);
    array->failed |= clean.failed;

    assess_buf_free(&clean);
}


void
assess_array_cstr(assess_buf_t *array, const char *cstr)
{
    assess_str_t  s;

    s.data = (char *) cstr;
    s.len = cstr ? strlen(cstr) : 0;

    assess_array_add(array, &s);
}


void
assess_array_id(assess_buf_t *array, const char *id)
{
    int            i, n, digit;
    unsigned char  value[16];

    if (id == NULL || !assess_uuid_valid(id, strlen(id))) {
        assess_array_element(array, ASSESS_UUID, -1);
        return;
    }

    memset(value, 0, sizeof(value));

    for (i = 0, n = 0; n < 32; i++) {

        if (id[i] == '-') {
            continue;
        }

        digit = id[i] <= '9' ? id[i] - '0' : id[i] - 'a' + 10;
        value[n / 2] = (unsigned char) (value[n / 2] << 4 | digit);
        n++;
    }

    assess_array_element(array, ASSESS_UUID, sizeof(value));
    assess_buf_add(array, value, sizeof(value));
}


void
assess_array_int(assess_buf_t *array, int value)
{
    assess_array_element(array, ASSESS_INT4, 4);
    assess_array_word(array, (uint32_t) value);
}


void
assess_array_big(assess_buf_t *array, int64_t value)
{
    assess_array_element(array, ASSESS_INT8, 8);
    assess_array_word(array, (uint32_t) ((uint64_t) value >> 32));
    assess_array_word(array, (uint32_t) value);
}


void
assess_array_flag(assess_buf_t *array, int value)
{
    assess_array_element(array, ASSESS_BOOL, 1);
    assess_buf_char(array, value ? 1 : 0);
}


void
assess_array_real(assess_buf_t *array, double value)
{
    uint64_t  bits;

    memcpy(&bits, &value, sizeof(bits));

    assess_array_element(array, ASSESS_FLOAT8, 8);
    assess_array_word(array, (uint32_t) (bits >> 32));
    assess_array_word(array, (uint32_t) bits);
}


void
assess_array_bytes(assess_buf_t *array, const void *data, size_t len)
{
    assess_array_element(array, ASSESS_BYTEA, data ? (int64_t) len : -1);

    if (data) {
        assess_buf_add(array, data, len);
    }
}


void
assess_array_money(assess_buf_t *array, double value)
{
    char  text[64];

    if (!isfinite(value) || value < 0) {
        assess_array_cstr(array, NULL);
        return;
    }

    (void) snprintf(text, sizeof(text), "%.12f", value > 1e15 ? 1e15 : value);
    assess_array_cstr(array, text);
}


void
assess_arg_ids(assess_args_t *args, const assess_str_t *ids, size_t n)
{
    char          id[ASSESS_UUID_LEN + 1];
    size_t        i;
    assess_buf_t  array;

    memset(&array, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        if (assess_uuid_valid(ids[i].data, ids[i].len)) {
            memcpy(id, ids[i].data, ASSESS_UUID_LEN);
            id[ASSESS_UUID_LEN] = '\0';
            assess_array_id(&array, id);
        }
    }

    assess_arg_array(args, &array);
}
