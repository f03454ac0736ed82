
/*
 * Starts under an idempotency key: made once, however often they are asked for.
 */

#include "assess_job_int.h"

#include <stdlib.h>
#include <string.h>


/* keys that are too old, swept by those who store one */
#define ASSESS_KEYS_SWEPT  16

#define ASSESS_KEY_HASH    ASSESS_JOB_EXTRA
#define ASSESS_KEY_PLACE   (ASSESS_JOB_EXTRA + 1)


static int
assess_key_of(const assess_starting_t *st)
{
    return st->start->idempotency_key.data != NULL;
}


static int
assess_key_same(const assess_starting_t *a, const assess_starting_t *b)
{
    return assess_key_of(a) && assess_key_of(b)
           && assess_str_same(&a->start->idempotency_key,
                              &b->start->idempotency_key)
           && assess_str_same(&a->scope->tenant, &b->scope->tenant);
}


static void
assess_key_settle(assess_starting_t *st, assess_err_e rc)
{
    st->rc = rc;
    st->settled = 1;
}


void
assess_start_under_way(assess_starting_t *st)
{
    assess_key_settle(st, assess_fail(&st->err, ASSESS_CONFLICT, NULL,
                                      "a request with this idempotency key is"
                                      " still under way"));
}


/* The tenants and the keys of those that have one, each in its place */

static void
assess_key_args(assess_args_t *args, assess_starting_t **starts, size_t n)
{
    size_t        i;
    assess_buf_t  tenants, values;

    memset(&tenants, 0, sizeof(assess_buf_t));
    memset(&values, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {

        if (assess_key_of(starts[i])) {
            assess_array_add(&tenants, &starts[i]->scope->tenant);
            assess_array_bytes(&values, starts[i]->start->idempotency_key.data,
                               starts[i]->start->idempotency_key.len);
        }
    }

    assess_arg_array(args, &tenants);
    assess_arg_array(args, &values);
}


/*
 * The locks are held until the transaction of the first start ends, and are
 * free only after that is visible: the second statement, whose view of the data
 * is newer than the first one, sees its key.
 */

static assess_err_e
assess_key_ask(assess_conn_t *conn, assess_starting_t **starts, size_t n,
    PGresult **locks, PGresult **made, assess_err_t *err)
{
    assess_err_e   rc;
    assess_args_t  args;

    static const char  lock[] =
        "select pg_try_advisory_xact_lock(hashtextextended("
        "encode(k.key, 'hex'), hashtextextended(k.tenant, 2)))"
        " from unnest($1::text[], $2::bytea[]) as k (tenant, key)";

    static const char  find[] =
        "select" ASSESS_JOB_COLUMNS ", i.request_hash, k.n"
        " from unnest($1::text[], $2::bytea[]) with ordinality"
        " as k (tenant, key, n) join assess.idempotency_keys i"
        " on i.tenant = k.tenant and i.key = k.key"
        " and i.created_at > now() - interval '24 hours'"
        " join assess.assessment_jobs j"
        " on j.job_id = i.job_id and j.tenant = i.tenant";

    *made = NULL;

    assess_args_init(&args);
    assess_key_args(&args, starts, n);
    rc = assess_db_ahead(conn, lock, &args, locks, err);

    if (rc == ASSESS_OK) {
        assess_args_init(&args);
        assess_key_args(&args, starts, n);
        rc = assess_db_ahead(conn, find, &args, made, err);
    }

    return rc == ASSESS_OK ? assess_db_flush(conn, err) : rc;
}


static assess_starting_t *
assess_key_place(assess_starting_t **starts, size_t n, int64_t place)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (assess_key_of(starts[i]) && --place == 0) {
            break;
        }
    }

    return i < n ? starts[i] : NULL;
}


static void
assess_key_replay(assess_starting_t *st, const PGresult *res, int row)
{
    if (strcmp(PQgetvalue(res, row, ASSESS_KEY_HASH), st->start->request_hash)
        != 0)
    {
        assess_key_settle(st, assess_fail(&st->err, ASSESS_IMPOSSIBLE, NULL,
                                          "the idempotency key was used for"
                                          " another request"));

    } else if (assess_job_row(st->arena, res, row, &st->change.job) != 0) {
        assess_key_settle(st, assess_db_no_memory(&st->err));

    } else {
        st->replayed = 1;
        assess_key_settle(st, ASSESS_OK);
    }
}


/* What is settled goes behind what is not; how many that are */

static size_t
assess_key_left(assess_starting_t **starts, size_t n)
{
    size_t              i, left;
    assess_starting_t  *st;

    for (i = 0, left = 0; i < n; i++) {

        if (!starts[i]->settled) {
            st = starts[left];
            starts[left++] = starts[i];
            starts[i] = st;
        }
    }

    return left;
}


assess_err_e
assess_start_keys(assess_conn_t *conn, assess_starting_t **starts, size_t *n,
    assess_err_t *err)
{
    int                 row;
    size_t              i, k, keys;
    PGresult           *locks, *made;
    assess_err_e        rc;
    assess_starting_t  *st;

    for (i = 0, keys = 0; i < *n; i++) {
        keys += (size_t) assess_key_of(starts[i]);
    }

    if (keys == 0) {
        return ASSESS_OK;
    }

    rc = assess_key_ask(conn, starts, *n, &locks, &made, err);

    for (row = 0; rc == ASSESS_OK && row < PQntuples(locks); row++) {

        st = assess_key_place(starts, *n, row + 1);

        if (st && PQgetvalue(locks, row, 0)[0] != 't') {
            assess_start_under_way(st);
        }
    }

    for (row = 0; rc == ASSESS_OK && row < PQntuples(made); row++) {

        st = assess_key_place(starts, *n,
                              assess_col_int(made, row, ASSESS_KEY_PLACE));

        if (st && !st->settled) {
            assess_key_replay(st, made, row);
        }
    }

    PQclear(locks);
    PQclear(made);

    /* one session has a lock as often as it asks for it */

    for (i = 0; rc == ASSESS_OK && i < *n; i++) {
        for (k = i + 1; k < *n && !starts[i]->settled; k++) {
            if (!starts[k]->settled && assess_key_same(starts[i], starts[k])) {
                assess_start_under_way(starts[k]);
            }
        }
    }

    if (rc == ASSESS_OK) {
        *n = assess_key_left(starts, *n);
    }

    return rc;
}


int
assess_start_keyed(assess_starting_t **starts, size_t n, assess_args_t *args)
{
    int           keys;
    size_t        i;
    assess_buf_t  hashes, jobs;

    memset(&hashes, 0, sizeof(assess_buf_t));
    memset(&jobs, 0, sizeof(assess_buf_t));

    for (i = 0, keys = 0; i < n; i++) {

        if (assess_key_of(starts[i])) {
            assess_array_cstr(&hashes, starts[i]->start->request_hash);
            assess_array_id(&jobs, starts[i]->change.job.job_id);
            keys++;
        }
    }

    if (keys) {
        assess_key_args(args, starts, n);
        assess_arg_array(args, &hashes);
        assess_arg_array(args, &jobs);
    }

    return keys;
}


/* A few, with each new one */

assess_err_e
assess_start_sweep(assess_conn_t *conn, assess_err_t *err)
{
    assess_args_t  args;

    static const char  sql[] =
        "delete from assess.idempotency_keys where (tenant, key) in ("
        " select tenant, key from assess.idempotency_keys"
        " where created_at < now() - interval '24 hours'"
        " order by created_at limit $1 for update skip locked)";

    assess_args_init(&args);
    assess_arg_int(&args, ASSESS_KEYS_SWEPT);

    return assess_db_later(conn, sql, &args, err);
}
