
/* The start of a job: all of it in one transaction, or nothing. */

#include "assess_document_int.h"
#include "assess_job_int.h"
#include "assess_question_set_known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* division_by_zero: see the statement */
#define ASSESS_START_STALE  "22012"
#define ASSESS_START_TRIES  3


static assess_err_e
assess_start_pointer(assess_err_t *err, const char *pointer)
{
    (void) snprintf(err->pointer, sizeof(err->pointer), "%s", pointer);

    return err->kind;
}


/*
 * All of it is one statement, so that it takes one answer and no time between
 * statements in which others wait.  What jobs are made of is known beforehand
 * but for the time; the statement looks whether it still is, and fails where a
 * document is gone or a question set has a newer version, by a division by
 * zero: before the commit, which is sent along.  It fails, too, when it comes
 * to that later than somebody waits for it: the server may have stood still,
 * and would make a job of which its caller was told that there is none.
 *
 * The lock of the event counter is taken last of all, for the new value depends
 * on all else.
 */

#define ASSESS_START_JOB                                                     \
    " (tenant, user_name,"                                                   \
    " job_id, document_id, assessment_id, question_set_id, total_batches,"   \
    " questions_per_batch, priority, provider, model, callback_url,"         \
    " metadata, max_cost, lane, traceparent"

#define ASSESS_START_JOBS                                                    \
    " unnest($20::text[], $21::text[], $22::uuid[],"                         \
    " $23::uuid[], $24::uuid[], $25::uuid[], $26::int[], $27::int[],"        \
    " $28::int[], $29::text[], $30::text[], $31::text[], $32::text[],"       \
    " $33::text[]::numeric[], $34::bigint[], $35::text[]"

#define ASSESS_START_SQL(documents, made, keyed, events, types, twice, rows) \
    "with sets as (select count(*) as n from unnest($1::text[], $2::text[]," \
    " $3::int[], $4::uuid[]) as w (tenant, name, version, known)"            \
    " where w.known = (select s.question_set_id from assess.question_sets s" \
    " where s.tenant = w.tenant and s.name = w.name"                         \
    " and (w.version = 0 or s.version = w.version)"                          \
    " order by s.version desc limit 1)),"                                    \
    documents                                                                \
    " made as (insert into assess.assessment_jobs" made " returning 1),"     \
    keyed                                                                    \
    " counter as (update assess.event_counter set value = value"             \
    " + " events " / ((select count(*) from made) = $7::bigint"              \
    " and (select count(*) from documents) = cardinality($6::uuid[])"        \
    " and (select n from sets) = cardinality($4::uuid[])"                    \
    " and assess.ms(clock_timestamp()) < $37::bigint)::int"                  \
    " returning value),"                                                     \
    " written as (insert into assess.event_log (first_id, last_id, types,"   \
    " tenants, users, job_ids, document_ids, batch_ids, data)"               \
    " select c.value - " events " + 1, c.value, " types ","                  \
    " " twice("$20::text[]") ", " twice("$21::text[]") ","                   \
    " " twice("$22::uuid[]") ", " twice("$23::uuid[]") ","                   \
    " array_fill(null::uuid, array[(" events ")::int]),"                     \
    " string_to_array(replace($36::text, '" ASSESS_JOB_UNTIMED_END "',"      \
    " '\"timestamp\":\"' || to_char(now(),"                                 \
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') || '\"}'), chr(10))"              \
    " from counter c),"                                                      \
    " counted as (" ASSESS_TURNS_COUNTED("$8", "$9", "$10") "),"             \
    " laned as (" ASSESS_TURNS_LANES("$11", "$12", "$13", "$14", "$15",      \
                                     "$16", "$17", "$18", "$19") ")"         \
    " select value, assess.ms(now())" rows

/* under keys, whose arguments come last */

#define ASSESS_START_KEYED(tenants, keys, hashes, jobs)                      \
    " keyed as (insert into assess.idempotency_keys"                         \
    " (tenant, key, request_hash, job_id)"                                   \
    " select * from unnest(" tenants "::text[], " keys "::bytea[],"          \
    " " hashes "::text[], " jobs "::uuid[])"                                 \
    " on conflict (tenant, key) do update"                                   \
    " set request_hash = excluded.request_hash,"                             \
    " job_id = excluded.job_id, created_at = excluded.created_at),"

/* of jobs that wait in the queue */

#define ASSESS_START_ONCE(array)  array

#define ASSESS_START_WAITING(keyed)                                          \
    ASSESS_START_SQL(                                                        \
        " documents as materialized ("                                       \
        ASSESS_DOCUMENTS_HELD("1", "$5", "$6") "),",                         \
        ASSESS_START_JOB ") select * from" ASSESS_START_JOBS ")", keyed,     \
        "$7::bigint", "array_fill('queued'::text, array[$7::int])",          \
        ASSESS_START_ONCE, " from counter")

/* of those that are run at once: they are told as what they were, and are */

#define ASSESS_START_TWICE(array)  array " || " array

#define ASSESS_START_AT_ONCE(keyed)                                          \
    ASSESS_START_SQL(                                                        \
        " documents (id, filename, content_type, kind, bytes, sha256, pages,"\
        " created_at, status) as materialized ("                             \
        ASSESS_DOCUMENTS_HELD(ASSESS_DOCUMENT_AT_WORK, "$5", "$6") "),",     \
        ASSESS_START_JOB ", lease_owner, status, stage, attempt, fence,"     \
        " worker_id, lease_until, started_at) select *, 'processing',"       \
        " 'extracting', 1, 1, $39::uuid, statement_timestamp()"              \
        " + $40::int * interval '1 millisecond', now()"                      \
        " from" ASSESS_START_JOBS ", $38::text[])", keyed,                   \
        "$7::bigint * 2", "array_fill('queued'::text, array[$7::int])"       \
        " || array_fill('progress'::text, array[$7::int])",                  \
        ASSESS_START_TWICE, ", d.* from counter left join documents d on true")

static const char  assess_start_sql[] = ASSESS_START_WAITING("");

static const char  assess_start_keyed_sql[] = ASSESS_START_WAITING(
    ASSESS_START_KEYED("$38", "$39", "$40", "$41"));

static const char  assess_start_at_once_sql[] = ASSESS_START_AT_ONCE("");

static const char  assess_start_at_once_keyed_sql[] = ASSESS_START_AT_ONCE(
    ASSESS_START_KEYED("$41", "$42", "$43", "$44"));

/* what the statement gives: the last event, the time, a row for each document */
enum {
    ASSESS_START_LAST = 0,
    ASSESS_START_NOW,
    ASSESS_START_DOCUMENT
};

#define ASSESS_START_GIVEN   6               /* sets and documents */
#define ASSESS_START_OF_JOB  16


/* The documents in the order of their ids, in which all lock them */

static int
assess_start_order(const void *a, const void *b)
{
    const assess_starting_t *const *left = a, *const *right = b;

    return strcmp((*left)->start->document_id, (*right)->start->document_id);
}


static int
assess_start_same_set(const assess_starting_t *a, const assess_starting_t *b)
{
    return assess_str_same(&a->start->set_name, &b->start->set_name)
           && a->start->set_version == b->start->set_version
           && assess_str_same(&a->scope->tenant, &b->scope->tenant);
}


/* What the sets of these starts are; each is named once in what is asked */

static assess_err_e
assess_start_sets(assess_conn_t *conn, assess_starting_t **starts, size_t n,
    assess_set_name_t *sets, assess_buf_t *col, assess_err_t *err)
{
    size_t                 i, k;
    const assess_start_t  *s;

    for (i = 0; i < n; i++) {

        for (k = 0; k < i && !assess_start_same_set(starts[k], starts[i]);
             k++)
        {
            /* void */
        }

        if (k < i) {
            sets[i] = sets[k];
            continue;
        }

        s = starts[i]->start;

        if (assess_question_set_named(conn, &starts[i]->scope->tenant,
                                      &s->set_name, s->set_version, &sets[i],
                                      err) != ASSESS_OK)
        {
            return err->kind;
        }

        assess_array_add(&col[0], &starts[i]->scope->tenant);
        assess_array_add(&col[1], &s->set_name);
        assess_array_int(&col[2], s->set_version);
        assess_array_id(&col[3], sets[i].question_set_id);
    }

    return ASSESS_OK;
}


/* Each document once */

static void
assess_start_documents(assess_starting_t **starts, size_t n,
    assess_buf_t *col)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (i + 1 < n && assess_start_order(&starts[i], &starts[i + 1]) == 0
            && assess_str_same(&starts[i]->scope->tenant,
                               &starts[i + 1]->scope->tenant))
        {
            continue;
        }

        assess_array_add(&col[0], &starts[i]->scope->tenant);
        assess_array_id(&col[1], starts[i]->start->document_id);
    }
}


static void
assess_start_add(assess_buf_t *col, const assess_starting_t *st,
    const char *set_id)
{
    const assess_job_t    *job;
    const assess_start_t  *s;

    s = st->start;
    job = &st->change.job;

    assess_array_add(col++, &job->tenant);
    assess_array_add(col++, &job->user);
    assess_array_id(col++, job->job_id);
    assess_array_id(col++, job->document_id);
    assess_array_id(col++, job->assessment_id);
    assess_array_id(col++, set_id);
    assess_array_int(col++, job->total_batches);
    assess_array_int(col++, s->questions_per_batch);
    assess_array_int(col++, job->priority);
    assess_array_add(col++, &job->provider);
    assess_array_add(col++, &s->model);
    assess_array_add(col++, &s->callback_url);

    if (job->metadata.data) {
        assess_array_add(col++, &job->metadata);

    } else {
        assess_array_cstr(col++, "{}");
    }

    assess_array_money(col++, job->max_cost);
    assess_array_big(col++, job->lane);
    assess_array_add(col, &s->traceparent);
}


/* The job as its row will have it, but for the time */

static void
assess_start_job(assess_starting_t *st, const assess_set_name_t *set)
{
    assess_job_t    *job;
    assess_start_t  *start;

    job = &st->change.job;
    start = st->start;

    if (start->questions_per_batch < 1) {
        start->questions_per_batch = 1;
    }

    memcpy(job->document_id, start->document_id, sizeof(job->document_id));
    job->tenant = st->scope->tenant;
    job->user = st->scope->user;
    job->status = ASSESS_QUEUED;
    job->stage = ASSESS_STAGE_NONE;
    job->attempt = 0;
    job->total_batches = (set->question_count + start->questions_per_batch - 1)
                         / start->questions_per_batch;
    job->priority = start->priority;
    job->max_cost = start->max_cost;
    job->metadata = start->metadata;
    job->provider = start->provider;
    (void) snprintf(job->traceparent, sizeof(job->traceparent), "%.*s",
                    (int) start->traceparent.len,
                    start->traceparent.data ? start->traceparent.data : "");
    job->lane = assess_lane_name(&job->tenant, &job->user, job->batch_id,
                                 job->priority, &job->provider);
}


/* One that tells of each job, added to those before */

static int
assess_start_tell(assess_starting_t *st, const char *type, const char *step,
    assess_event_t *event, assess_buf_t *data)
{
    if (assess_job_event(st->arena, &st->change.job, type, step,
                         ASSESS_JOB_UNTIMED, event) != 0)
    {
        return -1;
    }

    if (data->len) {
        assess_buf_char(data, '\n');
    }

    assess_buf_add(data, event->data.data, event->data.len);

    return 0;
}


/* That it was queued, of all of them, and then that it is run at once */

static int
assess_start_events(assess_starting_t **starts, size_t n, int at_once,
    assess_event_t *events, assess_buf_t *data)
{
    size_t         i, each;
    assess_job_t  *job;

    each = at_once ? 2 : 1;

    for (i = 0; i < n; i++) {
        if (assess_start_tell(starts[i], "queued", "Queued",
                              &events[each * i], data) != 0)
        {
            return -1;
        }
    }

    for (i = 0; i < n && at_once; i++) {

        job = &starts[i]->change.job;
        job->status = ASSESS_PROCESSING;
        job->stage = ASSESS_EXTRACTING;
        job->attempt = 1;

        if (assess_start_tell(starts[i], "progress", ASSESS_CLAIM_STEP,
                              &events[each * i + 1], data) != 0)
        {
            return -1;
        }
    }

    return 0;
}


/* The statement's arguments from the jobs on, and the events */

static assess_err_e
assess_start_args(assess_args_t *args, assess_starting_t **starts, size_t n,
    int at_once, const assess_set_name_t *sets, assess_event_t *events,
    assess_turn_t *turns, assess_err_t *err)
{
    size_t         i, k;
    assess_buf_t   col[ASSESS_START_OF_JOB], data;

    memset(col, 0, sizeof(col));
    memset(&data, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        assess_start_job(starts[i], &sets[i]);
        assess_start_add(col, starts[i], sets[i].question_set_id);
    }

    if (assess_start_events(starts, n, at_once, events, &data) != 0) {
        data.failed = 1;
    }

    for (i = 0; i < n; i++) {
        assess_job_turn(&turns[i], &starts[i]->change.job, -1,
                        (int) starts[i]->change.job.status);
    }

    assess_arg_int(args, (int64_t) n);
    assess_turns_args(args, turns, n);

    for (k = 0; k < ASSESS_START_OF_JOB; k++) {
        assess_arg_array(args, &col[k]);
    }

    assess_arg_buf(args, &data);

    return args->failed ? assess_db_no_memory(err) : ASSESS_OK;
}


/*
 * Now the time is known, and the ids of the events: those of one kind follow
 * each other in the log.
 */

static void
assess_start_made(assess_starting_t **starts, size_t n, int at_once,
    assess_event_t *events, const PGresult *res)
{
    size_t           i, k, each;
    int64_t          first, now;
    assess_err_t     err;
    assess_event_t  *event;

    each = at_once ? 2 : 1;
    now = assess_col_int(res, 0, ASSESS_START_NOW);
    first = assess_col_int(res, 0, ASSESS_START_LAST) + 1
            - (int64_t) (each * n);

    for (i = 0; i < n; i++) {

        for (k = 0; k < each; k++) {
            event = &events[each * i + k];
            event->event_id = first + (int64_t) (k * n + i);
            assess_job_event_time(event, now);
        }

        starts[i]->change.job.created_at = now;
        starts[i]->change.events = &events[each * i];
        starts[i]->change.nevents = each;

        if (at_once) {
            starts[i]->change.job.started_at = now;
            starts[i]->change.begun = 1;
            starts[i]->change.at_once = 1;

            /* where that fails, its worker's beat frees it for a claim */

            (void) assess_start_taken(starts[i], res, ASSESS_START_DOCUMENT,
                                      &err);
        }
    }
}


/*
 * Writes all these starts and commits.  ASSESS_CONFLICT: one of several is not
 * to be made, and none was.
 */

static assess_err_e
assess_start_write(assess_conn_t *conn, assess_starting_t **starts, size_t n,
    int *sent, assess_err_t *err)
{
    int                 keyed, at_once;
    size_t              k;
    int64_t             given_up;
    PGresult           *res;
    const char         *sql;
    assess_buf_t        col[ASSESS_START_GIVEN];
    assess_err_e        rc;
    assess_args_t       args;
    assess_turn_t      *turns;
    assess_event_t     *events;
    assess_set_name_t  *sets;

    keyed = 0;
    at_once = assess_start_at_once(starts, n);

    events = assess_palloc(starts[0]->arena, 2 * n * sizeof(assess_event_t));
    turns = assess_palloc(starts[0]->arena, n * sizeof(assess_turn_t));
    sets = assess_palloc(starts[0]->arena, n * sizeof(assess_set_name_t));

    if (events == NULL || turns == NULL || sets == NULL) {
        return assess_db_no_memory(err);
    }

    qsort(starts, n, sizeof(assess_starting_t *), assess_start_order);

    memset(col, 0, sizeof(col));
    assess_args_init(&args);

    rc = assess_start_sets(conn, starts, n, sets, col, err);
    assess_start_documents(starts, n, col + 4);

    for (k = 0; k < ASSESS_START_GIVEN; k++) {
        assess_arg_array(&args, &col[k]);
    }

    if (rc == ASSESS_OK) {
        rc = assess_start_args(&args, starts, n, at_once, sets, events, turns,
                               err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_db_given_up(conn, &given_up, err);
    }

    if (rc == ASSESS_OK) {
        assess_arg_int(&args, given_up);
    }

    if (rc == ASSESS_OK && at_once) {
        rc = assess_start_takers(conn, &args, starts, n, sets, err);
    }

    if (rc == ASSESS_OK) {
        keyed = assess_start_keyed(starts, n, &args);
    }

    if (keyed) {
        rc = assess_start_sweep(conn, err);
    }

    if (rc != ASSESS_OK) {
        assess_args_free(&args);
        return rc;
    }

    if (at_once) {
        sql = keyed ? assess_start_at_once_keyed_sql
                    : assess_start_at_once_sql;
    } else {
        sql = keyed ? assess_start_keyed_sql : assess_start_sql;
    }

    *sent = 1;

    res = assess_db_exec_commit(conn, sql, &args, err);

    if (res == NULL) {

        if (strcmp(assess_db_sqlstate(conn), ASSESS_START_STALE) != 0) {
            return err->kind;
        }

        assess_db_clock(conn, 0);

        return assess_fail(err, ASSESS_CONFLICT, NULL, "one is not to be made");
    }

    assess_db_clock(conn, assess_col_int(res, 0, ASSESS_START_NOW));
    assess_start_made(starts, n, at_once, events, res);

    PQclear(res);

    return ASSESS_OK;
}


/* Why a start could not be made; ASSESS_OK: now it can, as far as is seen */

static assess_err_e
assess_start_missing(assess_db_t *db, assess_starting_t *st, assess_err_t *err)
{
    assess_err_e        rc;
    const char         *pointer;
    assess_conn_t      *conn;
    assess_start_t     *start;
    assess_document_t   doc;
    assess_set_name_t   set;

    start = st->start;

    assess_set_forget_name(&st->scope->tenant, &start->set_name,
                           start->set_version);

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    pointer = "/questionSet";
    rc = assess_question_set_named(conn, &st->scope->tenant, &start->set_name,
                                   start->set_version, &set, err);

    if (rc == ASSESS_OK && start->upload == NULL) {
        pointer = "/documentId";
        rc = assess_document_find(conn, st->arena, &st->scope->tenant,
                                  start->document_id, &doc, err);
    }

    assess_db_release(conn);

    return rc == ASSESS_NOT_FOUND ? assess_start_pointer(err, pointer) : rc;
}


/* All that a start alone writes, in the transaction that is under way */

static assess_err_e
assess_start_alone(assess_conn_t *conn, assess_starting_t *st,
    assess_object_t *object, int *sent, assess_err_t *err)
{
    int                created;
    size_t             left;
    assess_err_e       rc;
    assess_start_t    *start;
    assess_document_t  doc;

    left = 1;
    start = st->start;

    if (assess_start_keys(conn, &st, &left, err) != ASSESS_OK) {
        return err->kind;
    }

    if (left == 0) {
        return st->rc;
    }

    if ((start->upload || !assess_scope_known(conn->db, st->scope))
        && assess_scope_provision(conn, st->scope, err) != ASSESS_OK)
    {
        return err->kind;
    }

    if (start->upload) {

        rc = assess_document_insert(conn, st->arena, st->scope, start->upload,
                                    object, &doc, &created, err);
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

    rc = assess_start_write(conn, &st, 1, sent, err);

    return rc == ASSESS_NOT_FOUND ? assess_start_pointer(err, "/questionSet")
                                  : rc;
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
assess_start_doubt(assess_db_t *db, assess_starting_t *st, assess_err_t *err)
{
    assess_err_e    rc;
    assess_job_t    job;
    assess_conn_t  *conn;

    rc = assess_db_acquire(db, &conn, err);

    if (rc == ASSESS_OK) {
        rc = assess_job_find(conn, st->arena, &st->scope->tenant,
                             st->change.job.job_id, &job, err);

        if (rc == ASSESS_OK && st->taker) {
            assess_start_found(conn, st, &job);
        }

        assess_db_release(conn);
    }

    if (rc == ASSESS_OK) {
        return ASSESS_OK;
    }

    return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                       "the database went away and it is not known whether"
                       " the job was started: %s",
                       st->start->idempotency_key.data
                       ? "repeat the request with the same Idempotency-Key"
                       : "look for it before the request is repeated");
}


/*
 * Whether it may have been committed though no answer came: one that says why
 * not came, unless it says no more than that the server goes.
 */

int
assess_start_unknown(assess_conn_t *conn, int sent, assess_err_e rc)
{
    const char  *state;

    state = assess_db_sqlstate(conn);

    return rc != ASSESS_OK && sent && conn->broken
           && (state[0] == '\0' || strncmp(state, "57P", 3) == 0
               || strncmp(state, "08", 2) == 0);
}


/* ASSESS_CONFLICT with stale set: what was known of it is not so any more */

static assess_err_e
assess_start_try(assess_db_t *db, assess_starting_t *st,
    assess_object_t *object, int *stale, assess_err_t *err)
{
    int             sent, doubt;
    assess_err_e    rc;
    assess_conn_t  *conn;

    sent = 0;
    *stale = 0;

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    object->kept = 0;

    rc = assess_start_alone(conn, st, object, &sent, err);

    doubt = assess_start_unknown(conn, sent, rc);
    *stale = rc == ASSESS_CONFLICT && sent;

    assess_db_release(conn);

    if (rc == ASSESS_OK && !st->replayed) {
        assess_scope_learned(db, st->scope);
    }

    return doubt ? assess_start_doubt(db, st, err) : rc;
}


static void
assess_start_tries(assess_db_t *db, assess_starting_t *st,
    assess_object_t *object)
{
    int  tries, stale;

    for (tries = 0; tries < ASSESS_START_TRIES; tries++) {

        st->rc = assess_start_try(db, st, object, &stale, &st->err);

        if (stale) {
            st->rc = assess_start_missing(db, st, &st->err);
        }

        if (!stale || st->rc != ASSESS_OK) {
            return;
        }
    }

    /* it came, and went, between the looks */

    st->rc = assess_fail(&st->err, ASSESS_UNAVAILABLE, NULL,
                         "the document or the question set was changed at"
                         " this very moment");
}


static void
assess_start_one(assess_db_t *db, assess_starting_t *st)
{
    size_t                  n;
    assess_object_t         object;
    const assess_upload_t  *upload;

    upload = st->start->upload;
    n = upload ? 1 : 0;
    memset(&object, 0, sizeof(assess_object_t));

    st->rc = assess_objects_put(db, st->scope, &upload, n, &object, &st->err);

    if (st->rc == ASSESS_OK) {
        assess_start_tries(db, st, &object);
    }

    assess_objects_drop(db, &object, n, st->rc == ASSESS_OK);
}


/* Together go those that need nothing but their job */

static int
assess_start_plain(const assess_starting_t *st)
{
    return st->start->upload == NULL
           && assess_uuid_valid(st->start->document_id,
                                strlen(st->start->document_id));
}


static assess_err_e
assess_starts_together(assess_db_t *db, assess_starting_t **starts, size_t n,
    int *doubt, assess_err_t *err)
{
    int             sent;
    size_t          i, left;
    assess_err_e    rc;
    assess_conn_t  *conn;

    left = n;
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

    rc = assess_start_keys(conn, starts, &left, err);

    for (i = 0; i < left && rc == ASSESS_OK; i++) {
        if (!assess_scope_known(db, starts[i]->scope)) {
            rc = assess_scope_provision(conn, starts[i]->scope, err);
        }
    }

    sent = 0;

    if (rc == ASSESS_OK && left) {
        rc = assess_start_write(conn, starts, left, &sent, err);
    }

    for (i = 0; i < left && rc == ASSESS_OK; i++) {
        assess_scope_learned(db, starts[i]->scope);
    }

    *doubt = assess_start_unknown(conn, sent, rc);

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
        st->settled = 0;
        memset(&st->change, 0, sizeof(assess_change_t));

        if (st->taker) {
            st->taker->taken = 0;
        }

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

        if (st->settled) {
            continue;
        }

        if (doubt) {
            st->rc = assess_start_doubt(db, st, &st->err);

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
