
/* The start of a batch: all of its jobs in one transaction, or nothing. */

#include "assess_batch_int.h"
#include "assess_document_int.h"
#include "assess_job_int.h"
#include "assess_question_set_known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/*
 * division_by_zero: by what is missing in assess_documents_hold(), and by what
 * comes too late in assess_batch_last()
 */
#define ASSESS_BATCH_STALE  "22012"


typedef struct {
    const char  *id;
    size_t       n;                  /* its place in the request */
} assess_batch_document_t;


/* What is made, before it is */
typedef struct {
    assess_arena_t         *arena;
    const assess_scope_t   *scope;
    assess_batch_start_t   *start;
    assess_set_name_t       set;
    assess_job_t            job;     /* what all of its jobs have in common */
    char                  (*ids)[ASSESS_UUID_LEN + 1];
                                     /* of the jobs, and of assessments */
    int                     sent;    /* it may be committed */
} assess_batch_making_t;


static int
assess_batch_id_order(const void *a, const void *b)
{
    return strcmp(a, b);
}


static int
assess_batch_document_order(const void *a, const void *b)
{
    int                             order;
    const assess_batch_document_t  *left = a, *right = b;

    order = strcmp(left->id, right->id);

    return order ? order : left->n < right->n ? -1 : 1;
}


static assess_err_e
assess_batch_pointer(assess_err_t *err, size_t n)
{
    (void) snprintf(err->pointer, sizeof(err->pointer), "/documentIds/%zu",
                    n);

    return err->kind;
}


/* The first one that stood before */

assess_err_e
assess_batch_once(const char (*ids)[ASSESS_UUID_LEN + 1], size_t n,
    assess_err_t *err)
{
    size_t                    i, first;
    assess_batch_document_t  *list;

    first = n;

    list = malloc(n * sizeof(assess_batch_document_t));
    if (list == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < n; i++) {
        list[i].id = ids[i];
        list[i].n = i;
    }

    qsort(list, n, sizeof(assess_batch_document_t),
          assess_batch_document_order);

    for (i = 1; i < n; i++) {
        if (strcmp(list[i].id, list[i - 1].id) == 0 && list[i].n < first) {
            first = list[i].n;
        }
    }

    free(list);

    if (first == n) {
        return ASSESS_OK;
    }

    (void) assess_fail(err, ASSESS_IMPOSSIBLE, NULL,
                       "a document can be in a batch only once");

    return assess_batch_pointer(err, first);
}


static assess_err_e
assess_batch_check(const assess_scope_t *scope,
    const assess_batch_start_t *start, assess_err_t *err)
{
    if (start->ndocuments < 1 || start->ndocuments > ASSESS_BATCH_DOCUMENTS) {
        (void) assess_fail(err, ASSESS_INVALID, NULL,
                           "a batch has 1 to %d documents",
                           ASSESS_BATCH_DOCUMENTS);
        (void) snprintf(err->pointer, sizeof(err->pointer), "/documentIds");
        return err->kind;
    }

    if (assess_scope_check(scope, err) != ASSESS_OK) {
        return err->kind;
    }

    return assess_batch_once((const char (*)[ASSESS_UUID_LEN + 1])
                             start->document_ids, start->ndocuments, err);
}


/*
 * Jobs are begun in the order of their ids, and read in it: it is that of the
 * documents in the request.
 */

static assess_err_e
assess_batch_ids(assess_batch_making_t *m, assess_err_t *err)
{
    size_t  i, n;

    n = m->start->ndocuments;

    m->ids = assess_palloc(m->arena, 2 * n * sizeof(*m->ids));
    if (m->ids == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < 2 * n; i++) {
        if (assess_uuid(m->ids[i]) != 0) {
            return assess_fail(err, ASSESS_ERROR, "internal", "no entropy");
        }
    }

    qsort(m->ids, n, sizeof(*m->ids), assess_batch_id_order);

    return ASSESS_OK;
}


/* The set as it is in this transaction, not as it was known before */

static assess_err_e
assess_batch_set(assess_conn_t *conn, assess_batch_making_t *m,
    assess_err_t *err)
{
    assess_err_e           rc;
    const assess_start_t  *start;

    start = &m->start->start;

    assess_set_forget_name(&m->scope->tenant, &start->set_name,
                           start->set_version);

    rc = assess_question_set_named(conn, &m->scope->tenant, &start->set_name,
                                   start->set_version, &m->set, err);

    if (rc == ASSESS_NOT_FOUND) {
        (void) snprintf(err->pointer, sizeof(err->pointer), "/questionSet");
    }

    return rc;
}


static void
assess_batch_job(assess_batch_making_t *m)
{
    int                    size;
    assess_job_t          *job;
    const assess_start_t  *start;

    job = &m->job;
    start = &m->start->start;

    size = start->questions_per_batch < 1 ? 1 : start->questions_per_batch;

    job->tenant = m->scope->tenant;
    job->user = m->scope->user;
    job->provider = start->provider;
    job->priority = start->priority;
    job->status = ASSESS_QUEUED;
    job->total_batches = (m->set.question_count + size - 1) / size;
    job->lane = assess_lane_name(&job->tenant, &job->user, job->batch_id,
                                 job->priority, &job->provider);
}


static assess_err_e
assess_batch_insert_jobs(assess_conn_t *conn, assess_batch_making_t *m,
    assess_err_t *err)
{
    size_t                 i, n;
    assess_buf_t           col[3];
    assess_args_t          args;
    const assess_start_t  *start;

    static const char  sql[] =
        "insert into assess.assessment_jobs (job_id, document_id,"
        " assessment_id, tenant, user_name, question_set_id, total_batches,"
        " questions_per_batch, priority, provider, model, lane, batch_id,"
        " traceparent)"
        " select w.*, $4, $5, $6::uuid, $7::int, $8::int, $9::int, $10, $11,"
        " $12::bigint, $13::uuid, $14"
        " from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as w";

    n = m->start->ndocuments;
    start = &m->start->start;
    memset(col, 0, sizeof(col));

    for (i = 0; i < n; i++) {
        assess_array_id(&col[0], m->ids[i]);
        assess_array_id(&col[1], m->start->document_ids[i]);
        assess_array_id(&col[2], m->ids[n + i]);
    }

    assess_args_init(&args);

    for (i = 0; i < 3; i++) {
        assess_arg_array(&args, &col[i]);
    }

    assess_arg_text(&args, &m->job.tenant);
    assess_arg_text(&args, &m->job.user);
    assess_arg_id(&args, m->set.question_set_id);
    assess_arg_int(&args, m->job.total_batches);
    assess_arg_int(&args, start->questions_per_batch < 1
                          ? 1 : start->questions_per_batch);
    assess_arg_int(&args, m->job.priority);
    assess_arg_text(&args, &start->provider);
    assess_arg_text(&args, &start->model);
    assess_arg_int(&args, m->job.lane);
    assess_arg_id(&args, m->job.batch_id);
    assess_arg_text(&args, &start->traceparent);

    return assess_db_later(conn, sql, &args, err);
}


/* Where one is missing the next statement fails */

static assess_err_e
assess_batch_documents(assess_conn_t *conn, assess_batch_making_t *m,
    assess_err_t *err)
{
    size_t                 i;
    assess_err_e           rc;
    assess_on_document_t  *list;

    list = malloc(m->start->ndocuments * sizeof(assess_on_document_t));
    if (list == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < m->start->ndocuments; i++) {
        list[i].tenant = &m->scope->tenant;
        list[i].document_id = m->start->document_ids[i];
    }

    rc = assess_documents_hold(conn, list, m->start->ndocuments, err);

    free(list);

    return rc;
}


static assess_err_e
assess_batch_insert(assess_conn_t *conn, assess_batch_making_t *m,
    assess_batch_t *batch, assess_err_t *err)
{
    PGresult              *res;
    assess_err_e           rc;
    assess_args_t          args;
    const assess_start_t  *start;

    static const char  sql[] =
        "insert into assess.batch_assessments as b (batch_id, tenant,"
        " user_name, question_set_id, total_documents, jobs, priority, provider,"
        " model, max_cost, callback_url, notify_email, metadata)"
        " values ($1, $2, $3, $4, $5::int, $5::int, $6, $7, $8, $9, $10, $11,"
        " $12)"
        " returning" ASSESS_BATCH_COLUMNS;

    start = &m->start->start;

    assess_args_init(&args);
    assess_arg_id(&args, m->job.batch_id);
    assess_arg_text(&args, &m->scope->tenant);
    assess_arg_text(&args, &m->scope->user);
    assess_arg_id(&args, m->set.question_set_id);
    assess_arg_int(&args, (int64_t) m->start->ndocuments);
    assess_arg_int(&args, start->priority);
    assess_arg_text(&args, &start->provider);
    assess_arg_text(&args, &start->model);
    assess_arg_money(&args, start->max_cost);
    assess_arg_text(&args, &start->callback_url);
    assess_arg_text(&args, &m->start->notify_email);
    assess_arg_text(&args, &start->metadata);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = assess_batch_row(m->arena, res, 0, batch) == 0
         ? ASSESS_OK : assess_db_no_memory(err);
    PQclear(res);

    return rc;
}


/* Under the key of the first of its jobs it is found again */

static assess_err_e
assess_batch_key(assess_conn_t *conn, assess_batch_making_t *m,
    assess_err_t *err)
{
    assess_args_t          args;
    const assess_start_t  *start;

    static const char  sql[] =
        "insert into assess.idempotency_keys (tenant, key, request_hash,"
        " job_id) values ($1, $2, $3, $4) on conflict (tenant, key) do update"
        " set request_hash = excluded.request_hash,"
        " job_id = excluded.job_id, created_at = excluded.created_at";

    start = &m->start->start;

    if (start->idempotency_key.data == NULL) {
        return ASSESS_OK;
    }

    if (assess_start_sweep(conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &m->scope->tenant);
    assess_arg_bytes(&args, start->idempotency_key.data,
                     start->idempotency_key.len);
    assess_arg_cstr(&args, start->request_hash);
    assess_arg_id(&args, m->ids[0]);

    return assess_db_later(conn, sql, &args, err);
}


/*
 * The last words: that it is told with this transaction, unless nobody waits
 * any more, since the server stood still; then it fails before its commit.
 */

static assess_err_e
assess_batch_last(assess_conn_t *conn, assess_batch_making_t *m,
    assess_err_t *err)
{
    int64_t        given_up;
    assess_args_t  args;

    static const char  sql[] =
        "with c as (select value from assess.event_counter for update)"
        " update assess.batch_assessments b set told = 1,"
        " told_at = clock_timestamp(), told_id = c.value"
        " + 1 / (assess.ms(clock_timestamp()) < $2::bigint)::int"
        " from c where b.batch_id = $1";

    if (assess_db_given_up(conn, &given_up, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_id(&args, m->job.batch_id);
    assess_arg_int(&args, given_up);

    return assess_db_later(conn, sql, &args, err);
}


static assess_err_e
assess_batch_write(assess_conn_t *conn, assess_batch_making_t *m,
    assess_batch_change_t *change, assess_err_t *err)
{
    assess_turn_t  turn;

    change->events = assess_palloc(m->arena, sizeof(assess_event_t));
    if (change->events == NULL) {
        return assess_db_no_memory(err);
    }

    if (assess_batch_ids(m, err) != ASSESS_OK
        || assess_batch_set(conn, m, err) != ASSESS_OK)
    {
        return err->kind;
    }

    assess_batch_job(m);

    if (assess_batch_insert_jobs(conn, m, err) != ASSESS_OK
        || assess_batch_documents(conn, m, err) != ASSESS_OK
        || assess_batch_insert(conn, m, &change->batch, err) != ASSESS_OK
        || assess_batch_key(conn, m, err) != ASSESS_OK
        || assess_batch_last(conn, m, err) != ASSESS_OK)
    {
        return err->kind;
    }

    if (assess_batch_event(m->arena, &change->batch, change->events) != 0) {
        return assess_db_no_memory(err);
    }

    assess_job_turn(&turn, &m->job, -1, ASSESS_QUEUED);
    turn.jobs = (int) m->start->ndocuments;

    m->sent = 1;

    if (assess_events_commit(conn, change->events, 1, &turn, 1, err)
        != ASSESS_OK)
    {
        return err->kind;
    }

    change->nevents = 1;
    change->changed = 1;

    return ASSESS_OK;
}


/* What was made under its key before; ASSESS_OK with replayed, or go on */

static assess_err_e
assess_batch_keyed(assess_conn_t *conn, assess_batch_making_t *m,
    assess_batch_t *batch, int *replayed, assess_err_t *err)
{
    size_t              left;
    assess_starting_t   st, *list;

    if (m->start->start.idempotency_key.data == NULL) {
        return ASSESS_OK;
    }

    memset(&st, 0, sizeof(assess_starting_t));

    st.arena = m->arena;
    st.scope = m->scope;
    st.start = &m->start->start;

    left = 1;
    list = &st;

    if (assess_start_keys(conn, &list, &left, err) != ASSESS_OK) {
        return err->kind;
    }

    if (left) {
        return ASSESS_OK;
    }

    if (st.rc != ASSESS_OK) {
        *err = st.err;
        return st.rc;
    }

    *replayed = 1;

    return assess_batch_find(conn, m->arena, &m->scope->tenant,
                             st.change.job.batch_id, batch, err);
}


/*
 * The connection was lost before the answer to the commit came: where another
 * one finds the batch it was made.
 */

static assess_err_e
assess_batch_doubt(assess_db_t *db, assess_batch_making_t *m,
    assess_batch_t *batch, assess_err_t *err)
{
    if (assess_batch_read(db, m->arena, m->scope, m->job.batch_id, batch, err)
        == ASSESS_OK)
    {
        return ASSESS_OK;
    }

    return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                       "the database went away and it is not known whether"
                       " the batch was started: %s",
                       m->start->start.idempotency_key.data
                       ? "repeat the request with the same Idempotency-Key"
                       : "look for it before the request is repeated");
}


/* Why it was not made: the first of its documents that there is not */

static assess_err_e
assess_batch_missing(assess_db_t *db, assess_batch_making_t *m,
    assess_err_t *err)
{
    size_t          i;
    int64_t         first;
    PGresult       *res;
    assess_buf_t    ids;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "select min(w.n) from unnest($2::uuid[]) with ordinality"
        " as w (document_id, n) where not exists (select 1"
        " from assess.documents d where d.tenant = $1"
        " and d.document_id = w.document_id)";

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    memset(&ids, 0, sizeof(assess_buf_t));

    for (i = 0; i < m->start->ndocuments; i++) {
        assess_array_id(&ids, m->start->document_ids[i]);
    }

    assess_args_init(&args);
    assess_arg_text(&args, &m->scope->tenant);
    assess_arg_array(&args, &ids);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    first = assess_col_int(res, 0, 0);
    PQclear(res);

    if (first == 0) {
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL, m->sent
                           ? "the database stood still, and the batch was not"
                             " started"
                           : "the documents were changed at this very moment");
    }

    (void) assess_document_unknown(err);

    return assess_batch_pointer(err, (size_t) first - 1);
}


assess_err_e
assess_batch_start(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, assess_batch_start_t *start,
    assess_batch_change_t *change, int *replayed, assess_err_t *err)
{
    int                     doubt, stale;
    assess_err_e            rc;
    assess_conn_t          *conn;
    assess_batch_making_t   m;

    *replayed = 0;
    memset(change, 0, sizeof(assess_batch_change_t));
    memset(&m, 0, sizeof(assess_batch_making_t));

    m.arena = arena;
    m.scope = scope;
    m.start = start;

    if (assess_batch_check(scope, start, err) != ASSESS_OK) {
        return err->kind;
    }

    if (assess_uuid(m.job.batch_id) != 0) {
        return assess_fail(err, ASSESS_ERROR, "internal", "no entropy");
    }

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_batch_keyed(conn, &m, &change->batch, replayed, err);

    if (rc == ASSESS_OK && !*replayed && !assess_scope_known(db, scope)) {
        rc = assess_scope_provision(conn, scope, err);
    }

    if (rc == ASSESS_OK && !*replayed) {
        rc = assess_batch_write(conn, &m, change, err);
    }

    doubt = assess_start_unknown(conn, m.sent, rc);
    stale = rc != ASSESS_OK && !doubt
            && strcmp(assess_db_sqlstate(conn), ASSESS_BATCH_STALE) == 0;

    if (stale && m.sent) {
        assess_db_clock(conn, 0);
    }

    assess_db_release(conn);

    if (rc == ASSESS_OK && !*replayed) {
        assess_scope_learned(db, scope);
    }

    if (stale) {
        return assess_batch_missing(db, &m, err);
    }

    return doubt ? assess_batch_doubt(db, &m, &change->batch, err) : rc;
}
