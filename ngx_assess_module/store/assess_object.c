
/*
 * Objects on their way into documents and out of them.  A storage commits with
 * no database: whatever is in it belongs to a document or is named in
 * assess.stray_objects, at each moment.
 */

#include "assess_storage_int.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>


/*
 * For so long a stray object may be somebody's who is just writing it; and
 * that one has to be done in half of it.
 */
#define ASSESS_OBJECT_DUE      "interval '1 hour'"
#define ASSESS_OBJECT_MS       (30 * 60 * 1000)

/* of one transaction that removes objects */
#define ASSESS_SWEEP_OBJECTS   32
#define ASSESS_SWEEP_MS        3000

/* what cannot be removed is tried again then */
#define ASSESS_SWEEP_AGAIN     "interval '5 seconds'"


/*
 * A name of its own for each writing: what is removed is never the same bytes
 * that came again.  Tenants have directories of their own; the sum of the bytes
 * is in there for people, who can check it.
 */

static assess_err_e
assess_object_name(const assess_scope_t *scope, const char *sha256,
    char name[ASSESS_OBJECT_LEN], assess_err_t *err)
{
    char           id[ASSESS_UUID_LEN + 1], tenant[65];
    unsigned char  sum[SHA256_DIGEST_LENGTH];

    if (assess_uuid(id) != 0) {
        return assess_fail(err, ASSESS_ERROR, "internal", "no entropy");
    }

    (void) SHA256((const unsigned char *) scope->tenant.data,
                  scope->tenant.len, sum);
    assess_hex(tenant, sum, sizeof(sum));

    (void) snprintf(name, ASSESS_OBJECT_LEN, "%.32s/%.2s/%s.%s", tenant,
                    sha256, sha256, id);

    return ASSESS_OK;
}


/* The second one of the same bytes, which stands next to the first */

static int
assess_objects_twice(const assess_upload_t *const *uploads, size_t i)
{
    return i && strcmp(uploads[i - 1]->sha256, uploads[i]->sha256) == 0;
}


/* Only those whose numbers, from 1, are in these rows are to be written */

static void
assess_objects_chosen(const assess_upload_t *const *uploads, size_t n,
    assess_object_t *objects, const PGresult *res)
{
    int      row;
    size_t   i;
    int64_t  number;

    row = 0;
    number = 0;

    for (i = 0; i < n; i++) {

        if (assess_objects_twice(uploads, i)) {
            continue;
        }

        number++;

        if (row < PQntuples(res) && assess_col_int(res, row, 0) == number) {
            row++;

        } else {
            objects[i].name[0] = '\0';
        }
    }
}


/*
 * The names are committed before anything is written under them.  What is a
 * document already needs no object.
 */

static assess_err_e
assess_objects_announce(assess_db_t *db, const assess_scope_t *scope,
    const assess_upload_t *const *uploads, size_t n, assess_object_t *objects,
    assess_err_t *err)
{
    size_t          i;
    PGresult       *res;
    assess_buf_t    sums, names;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "with wanted as materialized (select w.object, w.n"
        " from unnest($2::text[], $3::text[]) with ordinality"
        " as w (sha256, object, n)"
        " where not exists (select from assess.documents d"
        " where d.tenant = $1 and d.sha256 = decode(w.sha256, 'hex'))),"
        " named as (insert into assess.stray_objects (object, storage, due)"
        " select object, $4, now() + " ASSESS_OBJECT_DUE " from wanted)"
        " select n from wanted order by n";

    memset(&sums, 0, sizeof(assess_buf_t));
    memset(&names, 0, sizeof(assess_buf_t));

    for (i = 0, rc = ASSESS_OK; i < n && rc == ASSESS_OK; i++) {

        if (assess_objects_twice(uploads, i)) {
            continue;
        }

        rc = assess_object_name(scope, uploads[i]->sha256, objects[i].name,
                                err);

        assess_array_cstr(&sums, uploads[i]->sha256);
        assess_array_cstr(&names, objects[i].name);
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_array(&args, &sums);
    assess_arg_array(&args, &names);
    assess_arg_cstr(&args, assess_storage_name(objects[0].storage));

    if (rc != ASSESS_OK || assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        assess_args_free(&args);
        return err->kind;
    }

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    assess_objects_chosen(uploads, n, objects, res);
    PQclear(res);

    return ASSESS_OK;
}


/*
 * What took too long may have been swept before it was written, and nothing
 * leads to it then: who wrote it removes it.
 */

static assess_err_e
assess_objects_late(assess_object_t *objects, size_t n, assess_err_t *err)
{
    size_t        i;
    assess_err_t  why;

    for (i = 0; i < n; i++) {
        if (objects[i].name[0]) {
            (void) assess_storage_remove(objects[i].storage, objects[i].name,
                                         &why);
        }
    }

    return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                       "the content took too long to be stored");
}


static assess_err_e
assess_objects_write(const assess_upload_t *const *uploads, size_t n,
    assess_object_t *objects, assess_err_t *err)
{
    size_t        i;
    int64_t       start;
    assess_err_e  rc;

    rc = ASSESS_OK;
    start = assess_mono_ms();

    for (i = 0; i < n && rc == ASSESS_OK; i++) {

        if (objects[i].name[0]) {
            rc = assess_storage_put(objects[i].storage, objects[i].name,
                                    uploads[i], err);
        }

        /* what may come late is removed when it is due, and not before */

        if (rc != ASSESS_OK && assess_storage_lingers(objects[i].storage)) {
            objects[i].name[0] = '\0';
        }

        if (assess_mono_ms() - start > ASSESS_OBJECT_MS) {
            rc = assess_objects_late(objects, n, err);
        }
    }

    assess_db_elsewhere(assess_mono_ms() - start);

    return rc;
}


/* Whether all of them are documents: also 0 where that cannot be told */

static int
assess_objects_known(assess_db_t *db, const assess_scope_t *scope,
    const assess_upload_t *const *uploads, size_t n)
{
    int             known;
    size_t          i;
    PGresult       *res;
    assess_buf_t    sums;
    assess_err_t    err;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "select count(*) from unnest($2::text[]) as w (sha256)"
        " where not exists (select from assess.documents d"
        " where d.tenant = $1 and d.sha256 = decode(w.sha256, 'hex'))";

    memset(&sums, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        assess_array_cstr(&sums, uploads[i]->sha256);
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_array(&args, &sums);

    if (assess_db_acquire(db, &conn, &err) != ASSESS_OK) {
        assess_args_free(&args);
        return 0;
    }

    res = assess_db_exec(conn, sql, &args, &err);
    assess_db_release(conn);

    known = res && assess_col_int(res, 0, 0) == 0;
    PQclear(res);

    return known;
}


assess_err_e
assess_objects_put(assess_db_t *db, const assess_scope_t *scope,
    const assess_upload_t *const *uploads, size_t n, assess_object_t *objects,
    assess_err_t *err)
{
    size_t             i;
    assess_err_e       rc;
    assess_storage_t  *storage;

    storage = assess_storage_to(db);

    memset(objects, 0, n * sizeof(assess_object_t));

    if (storage == NULL || n == 0) {
        return ASSESS_OK;
    }

    for (i = 0; i < n; i++) {
        objects[i].storage = storage;
    }

    /* what is known already needs no storage */

    rc = assess_storage_takes(storage, err);

    if (rc == ASSESS_OK) {
        rc = assess_storage_known(storage, db, 1, err);
    }

    if (rc == ASSESS_UNAVAILABLE
        && assess_objects_known(db, scope, uploads, n))
    {
        return ASSESS_OK;
    }

    if (rc == ASSESS_OK) {
        rc = assess_objects_announce(db, scope, uploads, n, objects, err);
    }

    if (rc != ASSESS_OK) {
        memset(objects, 0, n * sizeof(assess_object_t));
        return rc;
    }

    return assess_objects_write(uploads, n, objects, err);
}


assess_err_e
assess_object_keep(assess_conn_t *conn, assess_object_t *object,
    assess_err_t *err)
{
    int64_t        rows;
    assess_args_t  args;

    assess_args_init(&args);
    assess_arg_cstr(&args, object->name);

    if (assess_db_run(conn, "delete from assess.stray_objects"
                      " where object = $1", &args, &rows, err) != ASSESS_OK)
    {
        return err->kind;
    }

    if (rows == 0) {
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                           "the content took too long to be stored");
    }

    object->kept = 1;

    return ASSESS_OK;
}


/*
 * Removes these, whose rows are locked by the transaction under way: nobody
 * can make a document of one meanwhile.  Those that are gone lose their rows,
 * those that do not go wait for a while.
 */

static assess_err_e
assess_strays_remove(assess_storage_t *storage, assess_conn_t *conn,
    const PGresult *locked, int64_t *gone, assess_err_t *err)
{
    int            i;
    int64_t        end;
    const char    *name;
    assess_buf_t   done, left;
    assess_err_t   why;
    assess_args_t  args;

    static const char  sql[] =
        "with gone as (delete from assess.stray_objects"
        " where object = any ($1::text[]))"
        " update assess.stray_objects set due = now() + " ASSESS_SWEEP_AGAIN
        " - $3::bigint * interval '1 millisecond'"
        " where object = any ($2::text[])";

    memset(&done, 0, sizeof(assess_buf_t));
    memset(&left, 0, sizeof(assess_buf_t));

    end = assess_mono_ms() + ASSESS_SWEEP_MS;

    for (i = 0; i < PQntuples(locked) && assess_mono_ms() < end; i++) {

        name = PQgetvalue(locked, i, 0);

        if (assess_storage_remove(storage, name, &why) == ASSESS_OK) {
            assess_array_cstr(&done, name);
            (*gone)++;
            continue;
        }

        assess_array_cstr(&left, name);

        if (!assess_storage_clears(storage)) {
            break;
        }
    }

    assess_args_init(&args);
    assess_arg_array(&args, &done);
    assess_arg_array(&args, &left);
    assess_arg_int(&args, assess_storage_keep_ms(storage));

    return assess_db_run(conn, sql, &args, NULL, err);
}


/* Those that a statement finds, which locks their rows */

static assess_err_e
assess_strays_sweep(assess_db_t *db, assess_storage_t *storage,
    const char *sql, assess_args_t *args, int64_t *gone, assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_conn_t  *conn;

    rc = assess_storage_known(storage, db, 1, err);

    if (rc != ASSESS_OK || assess_db_begin(db, &conn, err) != ASSESS_OK) {
        assess_args_free(args);
        return err->kind;
    }

    res = assess_db_exec(conn, sql, args, err);
    rc = res ? ASSESS_OK : err->kind;

    if (res && PQntuples(res)) {
        rc = assess_strays_remove(storage, conn, res, gone, err);
    }

    PQclear(res);

    if (rc == ASSESS_OK) {
        rc = assess_db_commit(conn, err);
    }

    assess_db_release(conn);

    return rc;
}


/*
 * Whether a transaction was committed may be in doubt: if it was, or will be,
 * the row of the object is gone, or locked until it is known.
 */

void
assess_objects_drop(assess_db_t *db, assess_object_t *objects, size_t n,
    int committed)
{
    size_t         i;
    int64_t        gone;
    assess_buf_t   names;
    assess_err_t   err;
    assess_args_t  args;

    static const char  sql[] =
        "select object from assess.stray_objects"
        " where object = any ($1::text[]) order by object for update";

    memset(&names, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        if (objects[i].name[0] && !(committed && objects[i].kept)) {
            assess_array_cstr(&names, objects[i].name);
        }
    }

    if (names.len == 0) {
        return;
    }

    gone = 0;

    assess_args_init(&args);
    assess_arg_array(&args, &names);

    (void) assess_strays_sweep(db, objects[0].storage, sql, &args, &gone,
                               &err);
}


assess_err_e
assess_storages_sweep(assess_db_t *db, int64_t *n, assess_err_t *err)
{
    assess_err_e       rc, all;
    assess_err_t       why;
    assess_args_t      args;
    assess_storage_t  *storage;

    static const char  sql[] =
        "select object from assess.stray_objects where storage = $1"
        " and due <= now() - $2::bigint * interval '1 millisecond'"
        " order by due limit $3 for update skip locked";

    *n = 0;
    all = ASSESS_OK;

    for (storage = assess_storage_next(db, NULL);
         storage;
         storage = assess_storage_next(db, storage))
    {
        assess_args_init(&args);
        assess_arg_cstr(&args, assess_storage_name(storage));
        assess_arg_int(&args, assess_storage_keep_ms(storage));
        assess_arg_int(&args, ASSESS_SWEEP_OBJECTS);

        rc = assess_strays_sweep(db, storage, sql, &args, n, &why);

        if (rc != ASSESS_OK) {
            *err = why;
            all = rc;
        }
    }

    return all;
}
