
/* The start of a job: all of it in one transaction, or nothing. */

#include "assess_document_int.h"
#include "assess_job_int.h"
#include "assess_question_set_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* idempotency keys, swept by those who store one */
#define ASSESS_KEYS_SWEPT  16


static assess_err_e
assess_start_pointer(assess_err_t *err, const char *pointer)
{
    (void) snprintf(err->pointer, sizeof(err->pointer), "%s", pointer);

    return err->kind;
}


/*
 * The lock is held until the transaction of the first start ends, and is free
 * only after that is visible: what follows sees its key.
 */

static assess_err_e
assess_start_lock(assess_conn_t *conn, const assess_scope_t *scope,
    const assess_str_t *key, assess_err_t *err)
{
    int            got;
    PGresult      *res;
    assess_args_t  args;

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_bytes(&args, key->data, key->len);

    res = assess_db_exec(conn, "select pg_try_advisory_xact_lock("
                         "hashtextextended(encode($2::bytea, 'hex'),"
                         " hashtextextended($1::text, 2)))", &args, err);
    if (res == NULL) {
        return err->kind;
    }

    got = PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);

    if (!got) {
        return assess_fail(err, ASSESS_CONFLICT, NULL,
                           "a request with this idempotency key is still"
                           " under way");
    }

    return ASSESS_OK;
}


/* ASSESS_NOT_FOUND is the usual: the key is a new one */

static assess_err_e
assess_start_replay(assess_conn_t *conn, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_start_t *start,
    assess_job_t *job, assess_err_t *err)
{
    PGresult      *res;
    assess_err_e   rc;
    assess_args_t  args;

    static const char  sql[] =
        "select" ASSESS_JOB_COLUMNS ", k.request_hash"
        " from assess.idempotency_keys k join assess.assessment_jobs j"
        " on j.tenant = k.tenant and j.job_id = k.job_id"
        " where k.tenant = $1 and k.key = $2::bytea"
        " and k.created_at > now() - interval '24 hours'";

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_bytes(&args, start->idempotency_key.data,
                     start->idempotency_key.len);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = ASSESS_OK;

    if (PQntuples(res) == 0) {
        rc = assess_fail(err, ASSESS_NOT_FOUND, NULL, "a new key");

    } else if (strcmp(PQgetvalue(res, 0, ASSESS_JOB_EXTRA),
                      start->request_hash) != 0)
    {
        rc = assess_fail(err, ASSESS_IMPOSSIBLE, NULL,
                         "the idempotency key was used for another request");

    } else if (assess_job_row(arena, res, 0, job) != 0) {
        rc = assess_db_no_memory(err);
    }

    PQclear(res);

    return rc;
}


static assess_err_e
assess_start_key(assess_conn_t *conn, const assess_scope_t *scope,
    const assess_start_t *start, const char *job_id, assess_err_t *err)
{
    assess_args_t  args;

    static const char  put[] =
        "insert into assess.idempotency_keys as k"
        " (tenant, key, request_hash, job_id)"
        " values ($1, $2::bytea, $3, $4) on conflict (tenant, key) do update"
        " set request_hash = excluded.request_hash,"
        " job_id = excluded.job_id, created_at = excluded.created_at";

    static const char  sweep[] =
        "delete from assess.idempotency_keys where (tenant, key) in ("
        " select tenant, key from assess.idempotency_keys"
        " where created_at < now() - interval '24 hours'"
        " order by created_at limit $1 for update skip locked)";

    assess_args_init(&args);
    assess_arg_int(&args, ASSESS_KEYS_SWEPT);

    if (assess_db_run(conn, sweep, &args, NULL, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_bytes(&args, start->idempotency_key.data,
                     start->idempotency_key.len);
    assess_arg_cstr(&args, start->request_hash);
    assess_arg_id(&args, job_id);

    return assess_db_run(conn, put, &args, NULL, err);
}


/*
 * Counted in active_jobs before anything refers to it: a delete under way
 * is waited for, one that comes later finds the job.
 */

static assess_err_e
assess_start_document(assess_conn_t *conn, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_start_t *start,
    char document_id[ASSESS_UUID_LEN + 1], assess_err_t *err)
{
    int                created;
    assess_err_e       rc;
    assess_document_t  doc;

    if (start->upload) {

        rc = assess_document_insert(conn, arena, scope, start->upload, &doc,
                                    &created, err);
        if (rc != ASSESS_OK) {
            return rc;
        }

        memcpy(document_id, doc.document_id, ASSESS_UUID_LEN + 1);

    } else {
        memcpy(document_id, start->document_id, ASSESS_UUID_LEN + 1);
        document_id[ASSESS_UUID_LEN] = '\0';

        if (!assess_uuid_valid(document_id, strlen(document_id))) {
            (void) assess_document_unknown(err);
            return assess_start_pointer(err, "/documentId");
        }
    }

    rc = assess_job_on_document(conn, &scope->tenant, document_id, 1, 0, err);

    if (rc == ASSESS_NOT_FOUND) {
        (void) assess_start_pointer(err, "/documentId");
    }

    return rc;
}


static PGresult *
assess_start_insert(assess_conn_t *conn, const assess_scope_t *scope,
    const assess_start_t *start, const char *document_id,
    const assess_question_set_t *set, assess_err_t *err)
{
    int            per_batch;
    char           job_id[ASSESS_UUID_LEN + 1];
    char           assessment_id[ASSESS_UUID_LEN + 1];
    assess_args_t  args;

    static const char  sql[] =
        "with assessment as (insert into assess.document_assessments"
        " (assessment_id, tenant, user_name, document_id, question_set_id)"
        " values ($1::uuid, $3::text, $4::text, $5::uuid, $6::uuid))"
        " insert into assess.assessment_jobs as j (assessment_id, job_id,"
        " tenant, user_name, document_id, question_set_id, total_batches,"
        " questions_per_batch, priority, provider, model, callback_url,"
        " metadata, max_cost) values ($1::uuid, $2::uuid, $3::text, $4::text,"
        " $5::uuid, $6::uuid, $7::int, $8::int, $9::int, $10::text,"
        " $11::text, $12::text, coalesce($13::text, '{}'), $14::numeric)"
        " returning" ASSESS_JOB_COLUMNS;

    if (assess_uuid(job_id) != 0 || assess_uuid(assessment_id) != 0) {
        (void) assess_fail(err, ASSESS_ERROR, "internal", "no entropy");
        return NULL;
    }

    per_batch = start->questions_per_batch > 0 ? start->questions_per_batch
                                               : 1;

    assess_args_init(&args);
    assess_arg_id(&args, assessment_id);
    assess_arg_id(&args, job_id);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_text(&args, &scope->user);
    assess_arg_id(&args, document_id);
    assess_arg_id(&args, set->question_set_id);
    assess_arg_int(&args, set->question_count / per_batch
                          + (set->question_count % per_batch != 0));
    assess_arg_int(&args, per_batch);
    assess_arg_int(&args, start->priority);
    assess_arg_text(&args, &start->provider);
    assess_arg_text(&args, &start->model);
    assess_arg_text(&args, &start->callback_url);
    assess_arg_text(&args, &start->metadata);
    assess_arg_money(&args, start->max_cost);

    return assess_db_exec(conn, sql, &args, err);
}


/* All that a start writes, in the transaction that is under way */

static assess_err_e
assess_start_write(assess_conn_t *conn, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_start_t *start,
    assess_change_t *change, assess_err_t *err)
{
    char                    document_id[ASSESS_UUID_LEN + 1];
    char                    job_id[ASSESS_UUID_LEN + 1];
    PGresult               *res;
    assess_err_e            rc;
    assess_question_set_t   set;

    rc = assess_question_set_find(conn, arena, &scope->tenant,
                                  &start->set_name, start->set_version, &set,
                                  err);
    if (rc == ASSESS_NOT_FOUND) {
        return assess_start_pointer(err, "/questionSet");
    }

    if (rc == ASSESS_OK) {
        rc = assess_scope_provision(conn, scope, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_start_document(conn, arena, scope, start, document_id,
                                   err);
    }

    if (rc != ASSESS_OK) {
        return rc;
    }

    res = assess_start_insert(conn, scope, start, document_id, &set, err);
    if (res == NULL) {
        return err->kind;
    }

    assess_col_id(res, 0, 0, job_id);

    if (start->idempotency_key.data) {
        rc = assess_start_key(conn, scope, start, job_id, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_job_changed(conn, arena, res, "queued", "Queued", change,
                                err);
    }

    PQclear(res);

    return rc;
}


static assess_err_e
assess_start_check(const assess_scope_t *scope, const assess_start_t *start,
    assess_err_t *err)
{
    if (start->idempotency_key.data
        && (start->idempotency_key.len == 0
            || start->idempotency_key.len > 255))
    {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "an idempotency key is 1 to 255 bytes");
    }

    if (start->priority < -100 || start->priority > 100) {
        (void) assess_fail(err, ASSESS_INVALID, NULL,
                           "a priority is -100 to 100");
        return assess_start_pointer(err, "/priority");
    }

    return assess_scope_check(scope, err);
}


/*
 * The connection was lost before the answer to the commit came.  Where another
 * one finds the job it was made; where it does not it may still be.
 */

static assess_err_e
assess_start_doubt(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_start_t *start,
    const char *job_id, assess_err_t *err)
{
    assess_err_e    rc;
    assess_job_t    job;
    assess_conn_t  *conn;

    rc = assess_db_acquire(db, &conn, err);

    if (rc == ASSESS_OK) {
        rc = assess_job_find(conn, arena, &scope->tenant, job_id, &job, err);
        assess_db_release(conn);
    }

    if (rc == ASSESS_OK) {
        return ASSESS_OK;
    }

    return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                       "the database went away and it is not known whether"
                       " the job was started: %s",
                       start->idempotency_key.data
                       ? "repeat the request with the same Idempotency-Key"
                       : "look for it before the request is repeated");
}


assess_err_e
assess_job_start(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_start_t *start,
    assess_change_t *change, int *replayed, assess_err_t *err)
{
    int             doubt;
    assess_err_e    rc;
    assess_conn_t  *conn;

    doubt = 0;
    *replayed = 0;
    memset(change, 0, sizeof(assess_change_t));

    if (assess_start_check(scope, start, err) != ASSESS_OK
        || assess_db_begin(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    if (start->idempotency_key.data) {

        rc = assess_start_lock(conn, scope, &start->idempotency_key, err);

        if (rc == ASSESS_OK) {
            rc = assess_start_replay(conn, arena, scope, start, &change->job,
                                     err);
            *replayed = rc == ASSESS_OK;
        }

        if (rc != ASSESS_NOT_FOUND) {
            goto done;
        }
    }

    rc = assess_start_write(conn, arena, scope, start, change, err);

    if (rc == ASSESS_OK) {
        rc = assess_db_commit(conn, err);
        doubt = rc != ASSESS_OK && conn->broken;
    }

done:

    assess_db_release(conn);

    if (doubt) {
        rc = assess_start_doubt(db, arena, scope, start, change->job.job_id,
                                err);
    }

    return rc;
}
