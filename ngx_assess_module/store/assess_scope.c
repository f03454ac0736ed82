
/* Whose work is done, and the cursors of their lists. */

#include "assess_db_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define ASSESS_CURSOR_MAX  256


/*
 * A name that had to be mended could be mended into somebody else's, so
 * these are refused where other text is cleaned.
 */

static int
assess_name_storable(const assess_str_t *s, size_t max)
{
    size_t       n;
    uint32_t     cp;
    const char  *p, *end;

    if (s->len == 0 || s->len > max) {
        return 0;
    }

    end = s->data + s->len;

    for (p = s->data; p < end; p += n) {
        n = assess_utf8_next(p, end, &cp);
        if (n == 0 || cp == 0) {
            return 0;
        }
    }

    return 1;
}


assess_err_e
assess_scope_check(const assess_scope_t *scope, assess_err_t *err)
{
    if (scope->tenant.data == NULL
        || !assess_name_storable(&scope->tenant, 128))
    {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "the tenant is not 1 to 128 bytes of UTF-8");
    }

    if (scope->user.data && !assess_name_storable(&scope->user, 512)) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "the user is not 1 to 512 bytes of UTF-8");
    }

    return ASSESS_OK;
}


assess_err_e
assess_scope_provision(assess_conn_t *conn, const assess_scope_t *scope,
    assess_err_t *err)
{
    assess_args_t  args;

    static const char  sql[] =
        "with company as ("
        " insert into assess.companies (tenant) select $1::text"
        " where not exists (select from assess.companies where tenant = $1)"
        " on conflict do nothing)"
        " insert into assess.users (tenant, user_name)"
        " select $1::text, $2::text where $2 is not null"
        " and not exists (select from assess.users"
        " where tenant = $1 and user_name = $2)"
        " on conflict do nothing";

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_text(&args, &scope->user);

    return assess_db_run(conn, sql, &args, NULL, err);
}


/*
 * Scopes that are in the database, by their hashes: one of many thousands is
 * asked for again, or taken for another one, whose user then has no row until
 * it uploads something.
 */

#define ASSESS_SCOPES_KNOWN  4096

static uint64_t  assess_scopes_known[ASSESS_SCOPES_KNOWN];


/* FNV-1a; a tenant, a zero, and the user */

static uint64_t
assess_scope_hash(const assess_db_t *db, const assess_scope_t *scope)
{
    size_t    i;
    uint64_t  h;

    h = 0xcbf29ce484222325u ^ (uintptr_t) db;

    for (i = 0; i < scope->tenant.len; i++) {
        h = (h ^ (unsigned char) scope->tenant.data[i]) * 0x100000001b3u;
    }

    h *= 0x100000001b3u;

    for (i = 0; i < scope->user.len; i++) {
        h = (h ^ (unsigned char) scope->user.data[i]) * 0x100000001b3u;
    }

    return h ? h : 1;
}


int
assess_scope_known(const assess_db_t *db, const assess_scope_t *scope)
{
    uint64_t  h;

    h = assess_scope_hash(db, scope);

    return __atomic_load_n(&assess_scopes_known[h % ASSESS_SCOPES_KNOWN],
                           __ATOMIC_RELAXED) == h;
}


void
assess_scope_learned(const assess_db_t *db, const assess_scope_t *scope)
{
    uint64_t  h;

    h = assess_scope_hash(db, scope);

    __atomic_store_n(&assess_scopes_known[h % ASSESS_SCOPES_KNOWN], h,
                     __ATOMIC_RELAXED);
}


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


PGresult *
assess_db_page(assess_conn_t *conn, assess_buf_t *sql, assess_args_t *args,
    const char *time, const char *id, const assess_paging_t *paging,
    assess_err_t *err)
{
    char     last[ASSESS_UUID_LEN + 1];
    int64_t  us;

    if (paging->cursor.data) {

        if (assess_cursor_read(&paging->cursor, &us, last, err) != ASSESS_OK) {
            assess_args_free(args);
            return NULL;
        }

        assess_arg_int(args, us);
        assess_arg_id(args, last);
        assess_buf_printf(sql, " and (%s, %s) < ('epoch'::timestamptz"
                          " + $%d::bigint * interval '1 microsecond',"
                          " $%d::uuid)", time, id, args->n - 1, args->n);
    }

    assess_buf_printf(sql, " order by %s desc, %s desc limit %d", time, id,
                      paging->limit + 1);

    args->failed |= sql->failed;

    return assess_db_query(conn, sql->data, args, err);
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
        return assess_db_no_memory(err);
    }

    if (!assess_name_storable(name, 64)) {
        return assess_cursor_bad(err);
    }

    return ASSESS_OK;
}
