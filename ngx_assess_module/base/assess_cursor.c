
#include "assess_cursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define ASSESS_CURSOR_MAX  256          /* of what it is written as */
#define ASSESS_CURSOR_ID   18           /* digits: below 2^63 */


static const char  assess_base64url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


/* RFC 4648, section 5, without padding */

static int
assess_cursor_encode(assess_arena_t *arena, assess_str_t *cursor,
    const char *data, size_t len)
{
    char                *p;
    size_t               i, bits;
    uint32_t             acc;

    p = assess_palloc(arena, (len * 4 + 2) / 3 + 1);
    if (p == NULL) {
        return -1;
    }

    cursor->data = p;

    for (i = 0, acc = 0, bits = 0; i < len; i++) {
        acc = (acc << 8) | (unsigned char) data[i];

        for (bits += 8; bits >= 6; bits -= 6) {
            *p++ = assess_base64url[(acc >> (bits - 6)) & 0x3f];
        }
    }

    if (bits) {
        *p++ = assess_base64url[(acc << (6 - bits)) & 0x3f];
    }

    *p = '\0';
    cursor->len = (size_t) (p - cursor->data);

    return 0;
}


/* The length of what it says, NUL-terminated in out, or -1 */

static int
assess_cursor_decode(const assess_str_t *cursor, char out[ASSESS_CURSOR_MAX])
{
    int          n;
    size_t       i, bits;
    uint32_t     acc;
    const char  *digit;

    if (cursor->len == 0 || cursor->len >= ASSESS_CURSOR_MAX) {
        return -1;
    }

    for (i = 0, n = 0, acc = 0, bits = 0; i < cursor->len; i++) {

        if (cursor->data[i] == '\0') {
            return -1;
        }

        digit = strchr(assess_base64url, cursor->data[i]);
        if (digit == NULL) {
            return -1;
        }

        acc = (acc << 6) | (uint32_t) (digit - assess_base64url);
        bits += 6;

        if (bits >= 8) {
            bits -= 8;
            out[n++] = (char) (acc >> bits);
        }
    }

    out[n] = '\0';

    return bits >= 6 || (acc & ((1u << bits) - 1)) ? -1 : n;
}


static assess_err_e
assess_cursor_bad(assess_err_t *err)
{
    (void) assess_fail(err, ASSESS_INVALID, NULL,
                       "the cursor was not given out by this list");
    (void) snprintf(err->pointer, sizeof(err->pointer), "cursor");

    return ASSESS_INVALID;
}


int
assess_cursor_write(assess_arena_t *arena, assess_str_t *cursor, int64_t us,
    const char *id)
{
    int   n;
    char  text[80];

    n = snprintf(text, sizeof(text), "%lld/%s", (long long) us, id);

    return assess_cursor_encode(arena, cursor, text, (size_t) n);
}


assess_err_e
assess_cursor_read(const assess_str_t *cursor, int64_t *us,
    char id[ASSESS_UUID_LEN + 1], assess_err_t *err)
{
    int    n;
    char   text[ASSESS_CURSOR_MAX];
    char  *p;

    n = assess_cursor_decode(cursor, text);
    if (n < 0) {
        return assess_cursor_bad(err);
    }

    /* 17 digits of microseconds are the year 5138 */

    for (p = text; *p >= '0' && *p <= '9'; p++) { /* void */ }

    if (p == text || p - text > 17 || *p != '/'
        || !assess_uuid_valid(p + 1, (size_t) (text + n - p - 1)))
    {
        return assess_cursor_bad(err);
    }

    *us = strtoll(text, NULL, 10);
    memcpy(id, p + 1, ASSESS_UUID_LEN + 1);

    return ASSESS_OK;
}


int
assess_cursor_write_name(assess_arena_t *arena, assess_str_t *cursor,
    const assess_str_t *name)
{
    return assess_cursor_encode(arena, cursor, name->data, name->len);
}


assess_err_e
assess_cursor_read_name(assess_arena_t *arena, const assess_str_t *cursor,
    assess_str_t *name, assess_err_t *err)
{
    int   n;
    char  text[ASSESS_CURSOR_MAX];

    n = assess_cursor_decode(cursor, text);
    if (n < 0) {
        return assess_cursor_bad(err);
    }

    if (assess_pstrdup(arena, name, text, (size_t) n) != 0) {
        return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
    }

    if (!assess_name_storable(name, 64)) {
        return assess_cursor_bad(err);
    }

    return ASSESS_OK;
}


int
assess_cursor_event(const assess_str_t *text, uint64_t *id)
{
    size_t  i;

    *id = 0;

    if (text->len == 0 || text->len > ASSESS_CURSOR_ID) {
        return -1;
    }

    for (i = 0; i < text->len; i++) {

        if (text->data[i] < '0' || text->data[i] > '9') {
            return -1;
        }

        *id = *id * 10 + (uint64_t) (text->data[i] - '0');
    }

    return 0;
}
