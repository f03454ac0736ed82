
/* Whose work is done, and pages of their lists. */

#include "assess_db_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


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
