
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
 * A document is only looked for here: what follows counts its jobs, and fails
 * where it was deleted meanwhile.
 *
 * Sets and documents are named once, and by their numbers in what is asked.  A
 * start that finds no document, or no question set, gives no row.
 */

static const char  assess_start_sql[] =
    "with sets as materialized (select w.n, s.question_set_id,"
    " s.question_count from unnest($1::text[], $2::text[], $3::int[])"
    " with ordinality as w (tenant, name, version, n)"
    " cross join lateral (select question_set_id, question_count"
    " from assess.question_sets where tenant = w.tenant and name = w.name"
    " and (w.version = 0 or version = w.version)"
    " order by version desc limit 1) s),"
    " documents as materialized (select w.n from unnest($4::text[],"
    " $5::uuid[]) with ordinality as w (tenant, document_id, n)"
    " join assess.documents d"
    " on d.tenant = w.tenant and d.document_id = w.document_id)"
    " insert into assess.assessment_jobs (job_id, assessment_id,"
    " tenant, user_name, document_id, question_set_id, total_batches,"
    " questions_per_batch, priority, provider, model, callback_url, metadata,"
    " max_cost) select a.job_id, a.assessment_id, a.tenant, a.user_name,"
    " a.document_id, s.question_set_id,"
    " (s.question_count + a.per_batch - 1) / a.per_batch, a.per_batch,"
    " a.priority, a.provider, a.model, a.callback_url,"
    " coalesce(a.metadata, '{}'), a.max_cost"
    " from unnest($6::uuid[], $7::uuid[], $8::text[], $9::text[],"
    " $10::uuid[], $11::int[], $12::int[], $13::int[], $14::int[],"
    " $15::text[], $16::text[], $17::text[], $18::text[],"
    " $19::text[]::numeric[])"
    " as a (job_id, assessment_id, tenant, user_name, document_id, set_n,"
    " document_n, per_batch, priority, provider, model, callback_url,"
    " metadata, max_cost)"
    " join sets s on s.n = a.set_n join documents d on d.n = a.document_n"
    " returning job_id, total_batches, assess.ms(created_at),"
    " assess.ms(clock_timestamp())";

#define ASSESS_START_COLUMNS  19
#define ASSESS_START_FIRST    5              /* of those of each start */


/* The documents in the order of their ids, in which all lock them */

static int
assess_start_order(const void *a, const void *b)
{
    const assess_starting_t *const *left = a, *const *right = b;

    return strcmp((*left)->start->document_id, (*right)->start->document_id);
}


/* The number of its document, and of its set, which are added when new */

static int
assess_start_document(assess_starting_t **starts, size_t i, assess_buf_t *col,
    int n)
{
    if (i && assess_start_order(&starts[i - 1], &starts[i]) == 0
        && assess_str_same(&starts[i - 1]->scope->tenant,
                           &starts[i]->scope->tenant))
    {
        return n;
    }

    assess_array_add(&col[3], &starts[i]->scope->tenant);
    assess_array_id(&col[4], starts[i]->start->document_id);

    return n + 1;
}


static int
assess_start_set(assess_starting_t **starts, size_t i, int *sets,
    assess_buf_t *col, int n)
{
    size_t                 k;
    const assess_start_t  *one, *other;

    one = starts[i]->start;

    for (k = 0; k < i; k++) {
        other = starts[k]->start;

        if (assess_str_same(&one->set_name, &other->set_name)
            && one->set_version == other->set_version
            && assess_str_same(&starts[i]->scope->tenant,
                               &starts[k]->scope->tenant))
        {
            sets[i] = sets[k];
            return n;
        }
    }

    assess_array_add(&col[0], &starts[i]->scope->tenant);
    assess_array_add(&col[1], &one->set_name);
    assess_array_int(&col[2], one->set_version);
    sets[i] = n + 1;

    return n + 1;
}


static void
assess_start_add(assess_buf_t *col, const assess_starting_t *st, int set,
    int document)
{
    const assess_start_t  *s;

    s = st->start;

    assess_array_id(col++, st->change.job.job_id);
    assess_array_id(col++, st->change.job.assessment_id);
    assess_array_add(col++, &st->scope->tenant);
    assess_array_add(col++, &st->scope->user);
    assess_array_id(col++, s->document_id);
    assess_array_int(col++, set);
    assess_array_int(col++, document);
    assess_array_int(col++, s->questions_per_batch > 0
                            ? s->questions_per_batch : 1);
    assess_array_int(col++, s->priority);
    assess_array_add(col++, &s->provider);
    assess_array_add(col++, &s->model);
    assess_array_add(col++, &s->callback_url);
    assess_array_add(col++, &s->metadata);
    assess_array_money(col, s->max_cost);
}


static PGresult *
assess_start_insert(assess_conn_t *conn, assess_starting_t **starts, size_t n,
    assess_err_t *err)
{
    int            nsets, ndocuments, *sets;
    size_t         i, k;
    assess_buf_t   col[ASSESS_START_COLUMNS];
    assess_args_t  args;

    sets = malloc(n * sizeof(int));
    if (sets == NULL) {
        (void) assess_db_no_memory(err);
        return NULL;
    }

    nsets = 0;
    ndocuments = 0;

    memset(col, 0, sizeof(col));
    qsort(starts, n, sizeof(assess_starting_t *), assess_start_order);

    for (i = 0; i < n; i++) {
        nsets = assess_start_set(starts, i, sets, col, nsets);
        ndocuments = assess_start_document(starts, i, col, ndocuments);

        assess_start_add(col + ASSESS_START_FIRST, starts[i], sets[i],
                         ndocuments);
    }

    free(sets);

    assess_args_init(&args);

    for (k = 0; k < ASSESS_START_COLUMNS; k++) {
        assess_arg_array(&args, &col[k]);
    }

    return assess_db_exec(conn, assess_start_sql, &args, err);
}


/* Which one a row is of: nearly always the next one */

static assess_starting_t *
assess_start_of_row(assess_starting_t **starts, size_t n, const PGresult *res,
    int row)
{
    size_t       i;
    const char  *id;

    id = PQgetvalue(res, row, 0);

    for (i = 0; i < n; i++) {
        if (strcmp(starts[((size_t) row + i) % n]->change.job.job_id, id)
            == 0)
        {
            break;
        }
    }

    return starts[((size_t) row + i) % n];
}


/* The job as its row has it, without reading all of that back */

static void
assess_start_job(assess_starting_t *st, const PGresult *res, int row)
{
    assess_job_t          *job;
    const assess_start_t  *start;

    job = &st->change.job;
    start = st->start;

    memcpy(job->document_id, start->document_id, sizeof(job->document_id));
    job->tenant = st->scope->tenant;
    job->user = st->scope->user;
    job->status = ASSESS_QUEUED;
    job->total_batches = (int) assess_col_int(res, row, 1);
    job->priority = start->priority;
    job->max_cost = start->max_cost;
    job->created_at = assess_col_int(res, row, 2);
    job->metadata = start->metadata;
}


static assess_err_e
assess_start_documents(assess_conn_t *conn, assess_starting_t **starts,
    size_t n, assess_err_t *err)
{
    size_t                 i;
    assess_err_e           rc;
    assess_on_document_t  *on;

    on = malloc(n * sizeof(assess_on_document_t));
    if (on == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < n; i++) {
        on[i].tenant = &starts[i]->scope->tenant;
        on[i].document_id = starts[i]->start->document_id;
        on[i].more = 1;
        on[i].reviewed = 0;
    }

    rc = assess_jobs_on_documents(conn, on, n, 1, err);

    free(on);

    return rc;
}


/*
 * Writes all these starts and commits.  ASSESS_CONFLICT: one of several is not
 * to be made, and none was.
 */

static assess_err_e
assess_start_write(assess_conn_t *conn, assess_starting_t **starts, size_t n,
    assess_err_t *err)
{
    int                 row;
    PGresult           *res;
    assess_err_e        rc;
    assess_turn_t      *turns;
    assess_event_t     *events;
    assess_starting_t  *st;

    res = assess_start_insert(conn, starts, n, err);
    if (res == NULL) {
        return err->kind;
    }

    if ((size_t) PQntuples(res) != n) {
        PQclear(res);
        return assess_fail(err, ASSESS_CONFLICT, NULL, "one is not to be made");
    }

    events = assess_palloc(starts[0]->arena, n * sizeof(assess_event_t));
    turns = assess_palloc(starts[0]->arena, n * sizeof(assess_turn_t));

    rc = events && turns ? ASSESS_OK : assess_db_no_memory(err);

    for (row = 0; row < (int) n && rc == ASSESS_OK; row++) {

        st = assess_start_of_row(starts, n, res, row);

        assess_start_job(st, res, row);

        if (assess_job_event(st->arena, &st->change.job, "queued", "Queued",
                             assess_col_int(res, row, 3), &events[row])
            != 0)
        {
            rc = assess_db_no_memory(err);
        }

        if (rc == ASSESS_OK && st->start->idempotency_key.data) {
            rc = assess_start_key(conn, st->scope, st->start,
                                  st->change.job.job_id, err);
        }

        assess_job_turn(&turns[row], &st->change.job, -1, ASSESS_QUEUED);
        st->change.events = &events[row];
        st->change.nevents = 1;
    }

    PQclear(res);

    if (rc == ASSESS_OK) {
        rc = assess_start_documents(conn, starts, n, err);
    }

    return rc == ASSESS_OK ? assess_events_commit(conn, events, turns, n, err)
                           : rc;
}


/* Why a start by itself gave no row */

static assess_err_e
assess_start_missing(assess_conn_t *conn, assess_starting_t *st,
    assess_err_t *err)
{
    assess_err_e           rc;
    assess_document_t      doc;
    assess_question_set_t  set;

    rc = assess_question_set_find(conn, st->arena, &st->scope->tenant,
                                  &st->start->set_name,
                                  st->start->set_version, &set, err);
    if (rc == ASSESS_NOT_FOUND) {
        return assess_start_pointer(err, "/questionSet");
    }

    if (rc == ASSESS_OK) {
        rc = assess_document_find(conn, st->arena, &st->scope->tenant,
                                  st->start->document_id, &doc, err);
    }

    if (rc == ASSESS_NOT_FOUND) {
        return assess_start_pointer(err, "/documentId");
    }

    /* it came, or went, between the two looks */

    return rc == ASSESS_OK
           ? assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                         "the document or the question set was changed at "
                         "this very moment")
           : rc;
}


/* All that a start alone writes, in the transaction that is under way */

static assess_err_e
assess_start_alone(assess_conn_t *conn, assess_starting_t *st,
    assess_err_t *err)
{
    int                created;
    assess_err_e       rc;
    assess_start_t    *start;
    assess_document_t  doc;

    start = st->start;

    if (start->idempotency_key.data) {

        rc = assess_start_lock(conn, st->scope, &start->idempotency_key, err);

        if (rc == ASSESS_OK) {
            rc = assess_start_replay(conn, st->arena, st->scope, start,
                                     &st->change.job, err);
            st->replayed = rc == ASSESS_OK;
        }

        if (rc != ASSESS_NOT_FOUND) {
            return rc;
        }
    }

    if ((start->upload || !assess_scope_known(conn->db, st->scope))
        && assess_scope_provision(conn, st->scope, err) != ASSESS_OK)
    {
        return err->kind;
    }

    if (start->upload) {

        rc = assess_document_insert(conn, st->arena, st->scope, start->upload,
                                    &doc, &created, err);
        if (rc != ASSESS_OK) {
            return rc;
        }

        memcpy(start->document_id, doc.document_id, ASSESS_UUID_LEN + 1);

    } else if (!assess_uuid_valid(start->document_id,
                                  strlen(start->document_id)))
    {
        (void) assess_document_unknown(err);
        return assess_start_pointer(err, "/documentId");
    }

    if (assess_uuid(st->change.job.job_id) != 0
        || assess_uuid(st->change.job.assessment_id) != 0)
    {
        return assess_fail(err, ASSESS_ERROR, "internal", "no entropy");
    }

    rc = assess_start_write(conn, &st, 1, err);

    /* its document was there, and is deleted */

    if (rc == ASSESS_ERROR
        && strcmp(assess_db_sqlstate(conn), ASSESS_DOCUMENT_GONE) == 0)
    {
        (void) assess_document_unknown(err);
        return assess_start_pointer(err, "/documentId");
    }

    return rc == ASSESS_CONFLICT ? assess_start_missing(conn, st, err) : rc;
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


static void
assess_start_one(assess_db_t *db, assess_starting_t *st)
{
    int             doubt;
    assess_conn_t  *conn;

    st->rc = assess_db_begin(db, &conn, &st->err);
    if (st->rc != ASSESS_OK) {
        return;
    }

    st->rc = assess_start_alone(conn, st, &st->err);

    /* the first statement that may have committed is the one that told */

    doubt = st->rc != ASSESS_OK && conn->broken && st->change.nevents;

    assess_db_release(conn);

    if (st->rc == ASSESS_OK && !st->replayed) {
        assess_scope_learned(db, st->scope);
    }

    if (doubt) {
        st->rc = assess_start_doubt(db, st->arena, st->scope, st->start,
                                    st->change.job.job_id, &st->err);
    }
}


/* Together go those that need nothing but their job */

static int
assess_start_plain(const assess_starting_t *st)
{
    return st->start->upload == NULL
           && st->start->idempotency_key.data == NULL
           && assess_uuid_valid(st->start->document_id,
                                strlen(st->start->document_id));
}


static assess_err_e
assess_starts_together(assess_db_t *db, assess_starting_t **starts, size_t n,
    int *doubt, assess_err_t *err)
{
    size_t          i;
    assess_err_e    rc;
    assess_conn_t  *conn;

    *doubt = 0;

    for (i = 0; i < n; i++) {
        if (assess_uuid(starts[i]->change.job.job_id) != 0
            || assess_uuid(starts[i]->change.job.assessment_id) != 0)
        {
            return assess_fail(err, ASSESS_ERROR, "internal", "no entropy");
        }
    }

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = ASSESS_OK;

    for (i = 0; i < n && rc == ASSESS_OK; i++) {
        if (!assess_scope_known(db, starts[i]->scope)) {
            rc = assess_scope_provision(conn, starts[i]->scope, err);
        }
    }

    if (rc == ASSESS_OK) {
        rc = assess_start_write(conn, starts, n, err);
    }

    for (i = 0; i < n && rc == ASSESS_OK; i++) {
        assess_scope_learned(db, starts[i]->scope);
    }

    *doubt = rc != ASSESS_OK && conn->broken && starts[0]->change.nevents;

    assess_db_release(conn);

    return rc;
}


void
assess_jobs_start(assess_db_t *db, assess_starting_t **starts, size_t n)
{
    int                  doubt;
    size_t               i, plain;
    assess_err_e         rc;
    assess_err_t         err;
    assess_starting_t   *st, **together;

    together = malloc((n + 1) * sizeof(assess_starting_t *));
    plain = 0;

    for (i = 0; i < n; i++) {
        st = starts[i];
        st->replayed = 0;
        memset(&st->change, 0, sizeof(assess_change_t));

        st->rc = assess_start_check(st->scope, st->start, &st->err);

        if (st->rc == ASSESS_OK && together && assess_start_plain(st)) {
            together[plain++] = st;

        } else if (st->rc == ASSESS_OK) {
            assess_start_one(db, st);
        }
    }

    if (plain > 1) {
        rc = assess_starts_together(db, together, plain, &doubt, &err);

    } else {
        rc = ASSESS_CONFLICT;
        doubt = 0;
    }

    for (i = 0; i < plain; i++) {
        st = together[i];

        if (doubt) {
            st->rc = assess_start_doubt(db, st->arena, st->scope, st->start,
                                        st->change.job.job_id, &st->err);

        } else if (rc == ASSESS_OK || rc == ASSESS_UNAVAILABLE) {
            st->rc = rc;
            st->err = err;

        } else {

            /* each finds out by itself */

            memset(&st->change, 0, sizeof(assess_change_t));
            assess_start_one(db, st);
        }
    }

    free(together);
}
