
#include "assess_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define ASSESS_JSON_NUMBER  64       /* bytes of a number without a copy */


typedef struct {
    assess_arena_t  *arena;
    const char      *start;
    const char      *p;
    const char      *end;
    size_t           left;           /* values that may still come */
    int              depth;
    int              loose;
    const char      *why;            /* NULL: out of memory */
} assess_json_reader_t;


static assess_json_t *assess_json_value(assess_json_reader_t *rd);
static int assess_json_members(assess_json_reader_t *rd, assess_json_t *v);
static int assess_json_elements(assess_json_reader_t *rd, assess_json_t *v);
static int assess_json_text(assess_json_reader_t *rd, assess_str_t *text,
    int *plain);
static int assess_json_unescape(assess_json_reader_t *rd, const char *from,
    assess_str_t *text);
static char *assess_json_escape(assess_json_reader_t *rd, char *d);
static int assess_json_hex(assess_json_reader_t *rd, uint32_t *cp);
static int assess_json_number(assess_json_reader_t *rd, assess_json_t *v);
static int assess_json_twice(assess_json_reader_t *rd,
    const assess_json_t *v);


static int
assess_json_bad(assess_json_reader_t *rd, const char *why)
{
    rd->why = why;

    return -1;
}


static void
assess_json_space(assess_json_reader_t *rd)
{
    while (rd->p < rd->end && (*rd->p == ' ' || *rd->p == '\n'
                               || *rd->p == '\r' || *rd->p == '\t'))
    {
        rd->p++;
    }
}


static assess_err_e
assess_json_parse(assess_arena_t *arena, const char *data, size_t len,
    size_t max, int loose, assess_json_t **value, assess_err_t *err)
{
    assess_json_reader_t  rd;

    rd.arena = arena;
    rd.start = data;
    rd.p = data;
    rd.end = data + len;
    rd.left = max;
    rd.depth = 0;
    rd.loose = loose;
    rd.why = NULL;

    *value = assess_json_value(&rd);

    if (*value) {

        assess_json_space(&rd);

        if (rd.p == rd.end) {
            return ASSESS_OK;
        }

        rd.why = "something follows the value";
    }

    if (rd.why == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    return assess_fail(err, ASSESS_INVALID, NULL, "%s, at byte %zu", rd.why,
                       (size_t) (rd.p - rd.start) + 1);
}


assess_err_e
assess_json_read(assess_arena_t *arena, const char *data, size_t len,
    size_t max, assess_json_t **value, assess_err_t *err)
{
    return assess_json_parse(arena, data, len, max, 0, value, err);
}


assess_err_e
assess_json_read_loose(assess_arena_t *arena, const char *data, size_t len,
    size_t max, assess_json_t **value, assess_err_t *err)
{
    return assess_json_parse(arena, data, len, max, 1, value, err);
}


static int
assess_json_word(assess_json_reader_t *rd, const char *word, size_t len)
{
    if ((size_t) (rd->end - rd->p) < len || memcmp(rd->p, word, len) != 0) {
        return assess_json_bad(rd, "there is no such value");
    }

    rd->p += len;

    return 0;
}


static assess_json_t *
assess_json_value(assess_json_reader_t *rd)
{
    int             rc;
    assess_json_t  *v;

    assess_json_space(rd);

    if (rd->p == rd->end) {
        (void) assess_json_bad(rd, "it ends too early");
        return NULL;
    }

    if (rd->left-- == 0) {
        (void) assess_json_bad(rd, "there are too many values");
        return NULL;
    }

    v = assess_pcalloc(rd->arena, sizeof(assess_json_t));
    if (v == NULL) {
        return NULL;
    }

    switch (*rd->p) {

    case '{':
        v->type = ASSESS_JSON_OBJECT;
        rc = assess_json_members(rd, v);
        break;

    case '[':
        v->type = ASSESS_JSON_ARRAY;
        rc = assess_json_elements(rd, v);
        break;

    case '"':
        v->type = ASSESS_JSON_STRING;
        rc = assess_json_text(rd, &v->text, &v->text_plain);
        break;

    case 't':
        v->type = ASSESS_JSON_TRUE;
        rc = assess_json_word(rd, "true", 4);
        break;

    case 'f':
        v->type = ASSESS_JSON_FALSE;
        rc = assess_json_word(rd, "false", 5);
        break;

    case 'n':
        rc = assess_json_word(rd, "null", 4);
        break;

    default:
        rc = assess_json_number(rd, v);
    }

    return rc == 0 ? v : NULL;
}


/* at the bracket that opens; 1 when the one that closes is next */

static int
assess_json_open(assess_json_reader_t *rd, char close)
{
    if (++rd->depth > ASSESS_JSON_DEPTH) {
        return assess_json_bad(rd, "it is nested too deep");
    }

    rd->p++;
    assess_json_space(rd);

    if (rd->p < rd->end && *rd->p == close) {
        rd->p++;
        rd->depth--;
        return 1;
    }

    return 0;
}


/* behind a value; 1 when that was the last one */

static int
assess_json_more(assess_json_reader_t *rd, char close)
{
    assess_json_space(rd);

    if (rd->p == rd->end) {
        return assess_json_bad(rd, "it ends too early");
    }

    if (*rd->p == close) {
        rd->p++;
        rd->depth--;
        return 1;
    }

    if (*rd->p != ',') {
        return assess_json_bad(rd, close == '}'
                                   ? "a comma or a closing brace is missing"
                                   : "a comma or a closing bracket is "
                                     "missing");
    }

    rd->p++;

    return 0;
}


static void
assess_json_append(assess_json_t *v, assess_json_t *child)
{
    if (v->last) {
        v->last->next = child;

    } else {
        v->first = child;
    }

    v->last = child;
    v->n++;
}


static int
assess_json_members(assess_json_reader_t *rd, assess_json_t *v)
{
    int             rc, plain;
    assess_str_t    key;
    assess_json_t  *child;

    for (rc = assess_json_open(rd, '}'); rc == 0;
         rc = assess_json_more(rd, '}'))
    {
        assess_json_space(rd);

        if (rd->p == rd->end || *rd->p != '"') {
            return assess_json_bad(rd, "a name in quotation marks is missing");
        }

        if (assess_json_text(rd, &key, &plain) != 0) {
            return -1;
        }

        assess_json_space(rd);

        if (rd->p == rd->end || *rd->p != ':') {
            return assess_json_bad(rd, "a colon is missing");
        }

        rd->p++;

        child = assess_json_value(rd);
        if (child == NULL) {
            return -1;
        }

        child->key = key;
        child->key_plain = plain;
        assess_json_append(v, child);
    }

    return rc == 1 ? assess_json_twice(rd, v) : -1;
}


static int
assess_json_elements(assess_json_reader_t *rd, assess_json_t *v)
{
    int             rc;
    assess_json_t  *child;

    for (rc = assess_json_open(rd, ']'); rc == 0;
         rc = assess_json_more(rd, ']'))
    {
        child = assess_json_value(rd);
        if (child == NULL) {
            return -1;
        }

        assess_json_append(v, child);
    }

    return rc == 1 ? 0 : -1;
}


/* at the quotation mark; what has no escape in it is not copied */

static int
assess_json_text(assess_json_reader_t *rd, assess_str_t *text, int *plain)
{
    size_t       n;
    uint32_t     cp;
    const char  *from;

    from = ++rd->p;
    *plain = 1;

    for ( ;; ) {

        rd->p = assess_plain(rd->p, rd->end);

        if (rd->p == rd->end) {
            return assess_json_bad(rd, "a string does not end");
        }

        if (*rd->p == '"') {
            break;
        }

        if ((unsigned char) *rd->p < 0x20) {
            return assess_json_bad(rd, "a control character in a string");
        }

        if (*rd->p == '\\') {
            *plain = 0;
            rd->p += rd->end - rd->p > 1 ? 2 : 1;
            continue;
        }

        n = assess_utf8_next(rd->p, rd->end, &cp);

        if (n == 0) {
            return assess_json_bad(rd, "a string is no UTF-8");
        }

        rd->p += n;
    }

    if (!*plain) {
        return assess_json_unescape(rd, from, text);
    }

    text->data = (char *) from;
    text->len = (size_t) (rd->p - from);

    rd->p++;

    return 0;
}


/* from ... p is a string, with escapes that may be none */

static int
assess_json_unescape(assess_json_reader_t *rd, const char *from,
    assess_str_t *text)
{
    char        *d;
    size_t       n;
    const char  *last;

    last = rd->p;

    /* whatever an escape stands for is shorter than the escape */

    d = assess_palloc(rd->arena, (size_t) (last - from) + 1);
    if (d == NULL) {
        return -1;
    }

    text->data = d;

    for (rd->p = from; rd->p < last; /* void */) {

        if (*rd->p == '\\') {

            d = assess_json_escape(rd, d);
            if (d == NULL) {
                return -1;
            }

            continue;
        }

        from = memchr(rd->p, '\\', (size_t) (last - rd->p));
        n = (size_t) ((from ? from : last) - rd->p);

        memcpy(d, rd->p, n);
        d += n;
        rd->p += n;
    }

    *d = '\0';
    text->len = (size_t) (d - text->data);

    rd->p = last + 1;

    return 0;
}


static char *
assess_json_escape(assess_json_reader_t *rd, char *d)
{
    uint32_t     cp, low;
    const char  *at;

    static const char  names[] = "\"\\/bfnrt";
    static const char  bytes[] = "\"\\/\b\f\n\r\t";

    if (rd->p[1] != 'u') {

        at = memchr(names, rd->p[1], sizeof(names) - 1);

        if (at == NULL) {
            (void) assess_json_bad(rd, "there is no such escape");
            return NULL;
        }

        *d++ = bytes[at - names];
        rd->p += 2;

        return d;
    }

    if (assess_json_hex(rd, &cp) != 0) {
        return NULL;
    }

    if (cp == 0 && !rd->loose) {
        (void) assess_json_bad(rd, "a NUL in a string");
        return NULL;
    }

    if (cp >= 0xd800 && cp <= 0xdfff) {

        if (cp > 0xdbff || rd->end - rd->p < 2 || rd->p[0] != '\\'
            || rd->p[1] != 'u' || assess_json_hex(rd, &low) != 0
            || low < 0xdc00 || low > 0xdfff)
        {
            (void) assess_json_bad(rd, "half of a surrogate pair");
            return NULL;
        }

        cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
    }

    if (cp < 0x80) {
        *d++ = (char) cp;

    } else if (cp < 0x800) {
        *d++ = (char) (0xc0 | (cp >> 6));
        *d++ = (char) (0x80 | (cp & 0x3f));

    } else if (cp < 0x10000) {
        *d++ = (char) (0xe0 | (cp >> 12));
        *d++ = (char) (0x80 | ((cp >> 6) & 0x3f));
        *d++ = (char) (0x80 | (cp & 0x3f));

    } else {
        *d++ = (char) (0xf0 | (cp >> 18));
        *d++ = (char) (0x80 | ((cp >> 12) & 0x3f));
        *d++ = (char) (0x80 | ((cp >> 6) & 0x3f));
        *d++ = (char) (0x80 | (cp & 0x3f));
    }

    return d;
}


/* at the backslash; the quotation mark that ends it all is no digit */

static int
assess_json_hex(assess_json_reader_t *rd, uint32_t *cp)
{
    int   i;
    char  ch;

    *cp = 0;

    for (i = 2; i < 6; i++) {

        ch = i < rd->end - rd->p ? rd->p[i] : '"';

        if (ch >= '0' && ch <= '9') {
            ch = (char) (ch - '0');

        } else if ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'f') {
            ch = (char) ((ch | 0x20) - 'a' + 10);

        } else {
            return assess_json_bad(rd, "an escape needs four digits");
        }

        *cp = *cp << 4 | (uint32_t) ch;
    }

    rd->p += 6;

    return 0;
}


static const char *
assess_json_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }

    return p;
}


/* NULL: it is none; real is set when it is not a whole one */

static const char *
assess_json_grammar(const char *p, const char *end, int *real)
{
    const char  *from;

    *real = 0;

    p += p < end && *p == '-';
    from = p;
    p = assess_json_digits(p, end);

    if (p == from || (*from == '0' && p - from > 1)) {
        return NULL;
    }

    if (p < end && *p == '.') {

        *real = 1;
        from = ++p;
        p = assess_json_digits(p, end);

        if (p == from) {
            return NULL;
        }
    }

    if (p < end && (*p == 'e' || *p == 'E')) {

        *real = 1;
        p++;
        p += p < end && (*p == '+' || *p == '-');
        from = p;
        p = assess_json_digits(p, end);

        if (p == from) {
            return NULL;
        }
    }

    return p;
}


/* -1: there is no room for it */

static int
assess_json_integer(const assess_str_t *text, int64_t *integer)
{
    int          negative;
    const char  *p, *end;

    p = text->data;
    end = p + text->len;

    *integer = 0;
    negative = *p == '-';

    for (p += negative; p < end; p++) {

        if (__builtin_mul_overflow(*integer, 10, integer)
            || __builtin_sub_overflow(*integer, *p - '0', integer))
        {
            return -1;
        }
    }

    /* it was counted downwards, since there is one more below zero */

    return !negative && __builtin_sub_overflow(0, *integer, integer) ? -1 : 0;
}


static int
assess_json_number(assess_json_reader_t *rd, assess_json_t *v)
{
    int          real;
    char        *copy, text[ASSESS_JSON_NUMBER];
    const char  *end;

    end = assess_json_grammar(rd->p, rd->end, &real);

    if (end == NULL) {
        return assess_json_bad(rd, "there is no such value");
    }

    v->text.data = (char *) rd->p;
    v->text.len = (size_t) (end - rd->p);

    if (!real && assess_json_integer(&v->text, &v->integer) != 0) {

        if (!rd->loose) {
            return assess_json_bad(rd, "a number is too large");
        }

        real = 1;
    }

    v->type = real ? ASSESS_JSON_REAL : ASSESS_JSON_INT;
    v->real = (double) v->integer;

    if (real) {

        copy = v->text.len < sizeof(text)
               ? text : assess_palloc(rd->arena, v->text.len + 1);
        if (copy == NULL) {
            return -1;
        }

        memcpy(copy, v->text.data, v->text.len);
        copy[v->text.len] = '\0';

        v->real = strtod(copy, NULL);

        if (!isfinite(v->real)) {
            return assess_json_bad(rd, "a number is too large");
        }
    }

    rd->p = end;

    return 0;
}


static int
assess_json_order(const void *one, const void *two)
{
    int                  rc;
    size_t               len;
    const assess_str_t  *a, *b;

    a = &(*(assess_json_t *const *) one)->key;
    b = &(*(assess_json_t *const *) two)->key;

    len = a->len < b->len ? a->len : b->len;
    rc = len ? memcmp(a->data, b->data, len) : 0;

    return rc ? rc : (a->len > b->len) - (a->len < b->len);
}


/* the members in the order of their names; NULL is out of memory */

static assess_json_t **
assess_json_sorted(assess_arena_t *arena, const assess_json_t *v)
{
    size_t          i, k;
    assess_json_t  *child, **all;

    all = assess_palloc(arena, (v->n + 1) * sizeof(assess_json_t *));
    if (all == NULL) {
        return NULL;
    }

    i = 0;

    for (child = v->first; child; child = child->next) {

        /* where few are, each is put where it belongs */

        for (k = i++; k && v->n <= 16
                      && assess_json_order(&child, &all[k - 1]) < 0; k--)
        {
            all[k] = all[k - 1];
        }

        all[k] = child;
    }

    if (v->n > 16) {
        qsort(all, v->n, sizeof(assess_json_t *), assess_json_order);
    }

    return all;
}


static int
assess_json_twice(assess_json_reader_t *rd, const assess_json_t *v)
{
    size_t           i;
    assess_json_t  **all;

    if (v->n < 2 || rd->loose) {
        return 0;
    }

    all = assess_json_sorted(rd->arena, v);
    if (all == NULL) {
        return -1;
    }

    for (i = 1; i < v->n; i++) {
        if (assess_json_order(&all[i - 1], &all[i]) == 0) {
            return assess_json_bad(rd, "an object has a name twice");
        }
    }

    return 0;
}


const assess_json_t *
assess_json_member(const assess_json_t *object, const char *name)
{
    size_t                len;
    const assess_json_t  *child, *found;

    if (object == NULL || object->type != ASSESS_JSON_OBJECT) {
        return NULL;
    }

    found = NULL;
    len = strlen(name);

    for (child = object->first; child; child = child->next) {
        if (child->key.len == len && memcmp(child->key.data, name, len) == 0) {
            found = child;
        }
    }

    return found;
}


assess_json_t *
assess_json_object(assess_arena_t *arena)
{
    assess_json_t  *v;

    v = assess_pcalloc(arena, sizeof(assess_json_t));

    if (v) {
        v->type = ASSESS_JSON_OBJECT;
    }

    return v;
}


assess_json_t *
assess_json_string(assess_arena_t *arena, const char *data, size_t len)
{
    assess_json_t  *v;

    v = assess_pcalloc(arena, sizeof(assess_json_t));

    if (v) {
        v->type = ASSESS_JSON_STRING;
        v->text.data = (char *) data;
        v->text.len = len;
    }

    return v;
}


void
assess_json_add(assess_json_t *object, const assess_str_t *key,
    assess_json_t *value)
{
    value->key = *key;
    assess_json_append(object, value);
}


static void
assess_json_quote(assess_buf_t *b, const assess_str_t *text, int plain)
{
    char         escape[8];
    const char  *p, *end, *at;

    static const char  names[] = "\"\\bfnrt";
    static const char  bytes[] = "\"\\\b\f\n\r\t";

    assess_buf_char(b, '"');

    p = text->data;
    end = p + text->len;

    while (!plain && p < end) {

        at = assess_plain(p, end);

        /* what is not ASCII, and DEL, is itself */

        while (at < end && (unsigned char) *at >= 0x7f) {
            at++;
        }

        assess_buf_add(b, p, (size_t) (at - p));
        p = at;

        if (p == end || ((unsigned char) *p >= 0x20 && *p != '"'
                         && *p != '\\'))
        {
            continue;
        }

        at = memchr(bytes, *p, sizeof(bytes) - 1);

        if (at) {
            assess_buf_char(b, '\\');
            assess_buf_char(b, names[at - bytes]);

        } else {
            (void) snprintf(escape, sizeof(escape), "\\u%04X",
                            (unsigned) *p);
            assess_buf_str(b, escape);
        }

        p++;
    }

    assess_buf_add(b, p, (size_t) (end - p));
    assess_buf_char(b, '"');
}


static void
assess_json_scalar(assess_buf_t *b, const assess_json_t *v)
{
    switch (v->type) {

    case ASSESS_JSON_STRING:
        assess_json_quote(b, &v->text, v->text_plain);
        break;

    case ASSESS_JSON_TRUE:
        assess_buf_str(b, "true");
        break;

    case ASSESS_JSON_FALSE:
        assess_buf_str(b, "false");
        break;

    case ASSESS_JSON_NULL:
        assess_buf_str(b, "null");
        break;

    default:
        assess_buf_add(b, v->text.data, v->text.len);
    }
}


void
assess_json_write(assess_buf_t *b, const assess_json_t *value)
{
    const assess_json_t  *child;

    if (value->type != ASSESS_JSON_ARRAY && value->type != ASSESS_JSON_OBJECT)
    {
        assess_json_scalar(b, value);
        return;
    }

    assess_buf_char(b, value->type == ASSESS_JSON_OBJECT ? '{' : '[');

    for (child = value->first; child; child = child->next) {

        if (value->type == ASSESS_JSON_OBJECT) {
            assess_json_quote(b, &child->key, child->key_plain);
            assess_buf_char(b, ':');
        }

        assess_json_write(b, child);

        if (child->next) {
            assess_buf_char(b, ',');
        }
    }

    assess_buf_char(b, value->type == ASSESS_JSON_OBJECT ? '}' : ']');
}


static int
assess_json_sorted_write(assess_arena_t *arena, assess_buf_t *b,
    const assess_json_t *value)
{
    size_t           i;
    assess_json_t  **all;

    all = assess_json_sorted(arena, value);
    if (all == NULL) {
        return -1;
    }

    assess_buf_char(b, '{');

    for (i = 0; i < value->n; i++) {

        if (i) {
            assess_buf_char(b, ',');
        }

        assess_json_quote(b, &all[i]->key, all[i]->key_plain);
        assess_buf_char(b, ':');

        if (assess_json_canonical(arena, b, all[i]) != 0) {
            return -1;
        }
    }

    assess_buf_char(b, '}');

    return b->failed ? -1 : 0;
}


int
assess_json_canonical(assess_arena_t *arena, assess_buf_t *b,
    const assess_json_t *value)
{
    char                  number[40];
    const assess_json_t  *child;

    switch (value->type) {

    case ASSESS_JSON_OBJECT:
        return assess_json_sorted_write(arena, b, value);

    case ASSESS_JSON_ARRAY:

        assess_buf_char(b, '[');

        for (child = value->first; child; child = child->next) {

            if (assess_json_canonical(arena, b, child) != 0) {
                return -1;
            }

            if (child->next) {
                assess_buf_char(b, ',');
            }
        }

        assess_buf_char(b, ']');
        break;

    case ASSESS_JSON_INT:
        assess_buf_printf(b, "%lld", (long long) value->integer);
        break;

    case ASSESS_JSON_REAL:

        (void) snprintf(number, sizeof(number), "%.17g", value->real);
        assess_buf_str(b, number);

        if (strpbrk(number, ".e") == NULL) {
            assess_buf_str(b, ".0");
        }

        break;

    default:
        assess_json_scalar(b, value);
    }

    return b->failed ? -1 : 0;
}
