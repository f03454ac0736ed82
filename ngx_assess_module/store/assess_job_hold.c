
/*
 * Starts whose document is fetched before they can be made: their keys are
 * taken meanwhile, so that a repeat does not fetch again.
 */

#include "assess_job_int.h"

#include <string.h>


/* Those of fetches that died, swept by those who take one */
#define ASSESS_HOLDS_SWEPT  16


static assess_err_e
assess_hold_sweep(assess_conn_t *conn, assess_err_t *err)
{
    assess_args_t  args;

    static const char  sql[] =
        "delete from assess.idempotency_held where (tenant, key) in ("
        " select tenant, key from assess.idempotency_held"
        " where expires_at < now() limit $1 for update skip locked)";

    assess_args_init(&args);
    assess_arg_int(&args, ASSESS_HOLDS_SWEPT);

    return assess_db_later(conn, sql, &args, err);
}


/* The lock of the key is held: nobody else comes between */

static assess_err_e
assess_hold_take(assess_conn_t *conn, assess_starting_t *st, int64_t ms,
    const char *holder, assess_err_t *err)
{
    int64_t        rows;
    assess_args_t  args;

    static const char  sql[] =
        "insert into assess.idempotency_held as h"
        " (tenant, key, holder, expires_at)"
        " values ($1, $2, $3, now() + $4::bigint * interval '1 ms')"
        " on conflict (tenant, key) do update"
        " set holder = excluded.holder, expires_at = excluded.expires_at"
        " where h.expires_at < now()";

    assess_args_init(&args);
    assess_arg_text(&args, &st->scope->tenant);
    assess_arg_bytes(&args, st->start->idempotency_key.data,
                     st->start->idempotency_key.len);
    assess_arg_id(&args, holder);
    assess_arg_int(&args, ms);

    if (assess_db_run(conn, sql, &args, &rows, err) != ASSESS_OK) {
        return err->kind;
    }

    if (rows == 0) {
        assess_start_under_way(st);
    }

    return ASSESS_OK;
}


assess_err_e
assess_start_hold(assess_db_t *db, assess_starting_t *st, int64_t ms,
    char holder[ASSESS_UUID_LEN + 1], assess_err_t *err)
{
    size_t              left;
    assess_err_e        rc;
    assess_conn_t      *conn;
    assess_starting_t  *one;

    left = 1;
    one = st;

    if (assess_uuid(holder) != 0) {
        return assess_fail(err, ASSESS_ERROR, "internal", "no entropy");
    }

    if (assess_scope_check(st->scope, err) != ASSESS_OK
        || assess_db_begin(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    rc = assess_start_keys(conn, &one, &left, err);

    if (rc == ASSESS_OK && left) {
        rc = assess_hold_sweep(conn, err);

        if (rc == ASSESS_OK) {
            rc = assess_hold_take(conn, st, ms, holder, err);
        }
    }

    if (rc == ASSESS_OK) {
        rc = assess_db_commit(conn, err);
    }

    assess_db_release(conn);

    return rc;
}


assess_err_e
assess_start_release(assess_db_t *db, const assess_starting_t *st,
    const char *holder, assess_err_t *err)
{
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "delete from assess.idempotency_held"
        " where tenant = $1 and key = $2 and holder = $3";

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &st->scope->tenant);
    assess_arg_bytes(&args, st->start->idempotency_key.data,
                     st->start->idempotency_key.len);
    assess_arg_id(&args, holder);

    rc = assess_db_run(conn, sql, &args, NULL, err);

    assess_db_release(conn);

    return rc;
}
