
/*
 * What the tests of the store share: an empty schema in the database that
 * ASSESS_TEST_DATABASE (or ASSESS_DATABASE) names, and short ways to make
 * documents, question sets and jobs.
 */

#ifndef STORE_H
#define STORE_H


#include "store/assess_db_int.h"
#include "store/assess_job.h"
#include "store/assess_worker.h"
#include "tap.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>


static const char      *store_conninfo;
static assess_db_t     *store_db;
static assess_arena_t  *store_arena;
static assess_err_t     store_err;


static assess_str_t __attribute__((unused))
store_str(const char *cstr)
{
    assess_str_t  s;

    s.data = (char *) cstr;
    s.len = cstr ? strlen(cstr) : 0;

    return s;
}


static assess_scope_t __attribute__((unused))
store_scope(const char *tenant, const char *user)
{
    assess_scope_t  scope;

    scope.tenant = store_str(tenant);
    scope.user = store_str(user);

    return scope;
}


static void
store_notice(void *arg, const PGresult *res)
{
    (void) arg;
    (void) res;
}


/* The first value of what a statement gives, past the store's own code. */

static long long __attribute__((unused))
store_sql(const char *sql)
{
    PGconn     *pg;
    PGresult   *res;
    long long   value;

    value = -1;
    pg = PQconnectdb(store_conninfo);
    (void) PQsetNoticeReceiver(pg, store_notice, NULL);
    res = PQexec(pg, sql);

    if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res)) {
        value = atoll(PQgetvalue(res, 0, 0));

    } else if (PQresultStatus(res) == PGRES_COMMAND_OK) {
        value = atoll(PQcmdTuples(res));

    } else {
        printf("# %s", PQerrorMessage(pg));
    }

    PQclear(res);
    PQfinish(pg);

    return value;
}


static assess_db_t * __attribute__((unused))
store_pool(int connections)
{
    assess_db_conf_t  conf;

    memset(&conf, 0, sizeof(assess_db_conf_t));
    conf.conninfo = store_conninfo;
    conf.connections = connections;
    conf.acquire_ms = 20000;

    return assess_db_create(&conf);
}


/* So many bytes, of which no piece is like another one. */

static __attribute__((unused)) char *
store_bytes(size_t n)
{
    char    *data;
    size_t   i;

    data = assess_palloc(store_arena, n);

    for (i = 0; i < n; i++) {
        data[i] = (char) (((uint32_t) i * 2654435761u) >> 13);
    }

    return data;
}


/* 0 when there is no database to test with, told as TAP wants it. */

static int __attribute__((unused))
store_begin(int migrate)
{
    store_conninfo = getenv("ASSESS_TEST_DATABASE");

    if (store_conninfo == NULL) {
        store_conninfo = getenv("ASSESS_DATABASE");
    }

    if (store_conninfo == NULL) {
        printf("1..0 # SKIP needs ASSESS_TEST_DATABASE\n");
        return 0;
    }

    (void) store_sql("set client_min_messages = error;"
                     " drop schema if exists assess cascade");

    store_arena = assess_arena_create();
    store_db = store_pool(16);

    if (migrate && !ok(assess_db_migrate(store_db, &store_err) == ASSESS_OK,
                       "the schema is made"))
    {
        printf("# %s\n", store_err.message);
    }

    return 1;
}


static int __attribute__((unused))
store_end(void)
{
    assess_db_destroy(store_db);
    assess_arena_destroy(store_arena);

    return done_testing();
}


static int __attribute__((unused))
is_err(assess_err_e got, assess_err_e want, const char *name)
{
    if (got != want && got != ASSESS_OK) {
        printf("# %s\n", store_err.message);
    }

    return is_int(got, want, name);
}


/* Who claims, as a test sees it: one run at a time. */
typedef struct {
    char                 worker_id[ASSESS_UUID_LEN + 1];
    assess_str_t         owner;
    int                  lease_ms;
    const assess_str_t  *avoid;
    size_t               navoid;
} store_claimer_t;


static assess_err_e __attribute__((unused))
job_start(assess_db_t *db, assess_arena_t *arena, const assess_scope_t *scope,
    assess_start_t *start, assess_change_t *change, int *replayed,
    assess_err_t *err)
{
    assess_starting_t  st, *list[1] = { &st };

    memset(&st, 0, sizeof(assess_starting_t));
    st.arena = arena;
    st.scope = scope;
    st.start = start;

    assess_jobs_start(db, list, 1);

    *change = st.change;
    *replayed = st.replayed;
    *err = st.err;

    return st.rc;
}


static assess_err_e __attribute__((unused))
job_claim(assess_db_t *db, assess_arena_t *arena, const store_claimer_t *who,
    assess_work_t *work, assess_change_t *change, assess_err_t *err)
{
    assess_err_e     rc;
    assess_claim_t   claim;
    assess_taker_t   taker, *list[1] = { &taker };

    memset(&claim, 0, sizeof(assess_claim_t));
    memcpy(claim.worker_id, who->worker_id, sizeof(claim.worker_id));
    claim.lease_ms = who->lease_ms;
    claim.avoid = who->avoid;
    claim.navoid = who->navoid;
    claim.left = 1;

    memset(&taker, 0, sizeof(assess_taker_t));
    taker.arena = arena;
    taker.owner = who->owner;

    rc = assess_jobs_claim(db, &claim, list, 1, err);

    *work = taker.work;
    *change = taker.change;

    return rc;
}


static assess_err_e
store_write(assess_db_t *db, assess_write_t *w, assess_arena_t *arena,
    assess_work_t *work, assess_change_t *change, assess_err_t *err)
{
    assess_write_t  *list[1] = { w };

    w->arena = arena;
    w->work = work;

    assess_jobs_write(db, NULL, list, 1);

    *change = w->change;
    *err = w->err;

    return w->rc;
}


static assess_err_e __attribute__((unused))
job_step(assess_db_t *db, assess_arena_t *arena, assess_work_t *work,
    const assess_step_t *step, assess_change_t *change, assess_err_t *err)
{
    assess_write_t  w;

    memset(&w, 0, sizeof(assess_write_t));
    w.steps = step;
    w.nsteps = 1;

    return store_write(db, &w, arena, work, change, err);
}


static assess_err_e __attribute__((unused))
job_end(assess_db_t *db, assess_arena_t *arena, assess_work_t *work,
    assess_status_e status, const char *code, const char *message,
    assess_change_t *change, assess_err_t *err)
{
    assess_write_t  w;

    memset(&w, 0, sizeof(assess_write_t));
    w.what = ASSESS_WRITE_END;
    w.status = status;
    w.code = code;
    w.message = message;

    return store_write(db, &w, arena, work, change, err);
}


static assess_err_e __attribute__((unused))
job_release(assess_db_t *db, assess_arena_t *arena, assess_work_t *work,
    assess_change_t *change, assess_err_t *err)
{
    assess_write_t  w;

    memset(&w, 0, sizeof(assess_write_t));
    w.what = ASSESS_WRITE_RELEASE;

    return store_write(db, &w, arena, work, change, err);
}


/* Whoever it is: its first letter makes the id of its worker. */

static store_claimer_t __attribute__((unused))
store_claimer(const char *owner, int lease_ms)
{
    store_claimer_t  claim;

    memset(&claim, 0, sizeof(store_claimer_t));
    (void) snprintf(claim.worker_id, sizeof(claim.worker_id),
                    "%08x-0000-4000-8000-000000000000",
                    (unsigned) (unsigned char) owner[0]);
    claim.owner = store_str(owner);
    claim.lease_ms = lease_ms;

    return claim;
}


static assess_worker_t __attribute__((unused))
store_worker(const store_claimer_t *claim)
{
    assess_worker_t  worker;

    memset(&worker, 0, sizeof(assess_worker_t));
    memcpy(worker.worker_id, claim->worker_id, sizeof(worker.worker_id));
    (void) snprintf(worker.instance_id, sizeof(worker.instance_id),
                    "00000000-0000-4000-8000-000000000001");
    worker.host = store_str("here");
    worker.pid = 7;

    return worker;
}


static assess_upload_t __attribute__((unused))
store_upload(const char *filename, const char *data, size_t len)
{
    unsigned char    sum[32];
    assess_upload_t  up;

    memset(&up, 0, sizeof(assess_upload_t));
    up.filename = store_str(filename);
    up.content_type = store_str("text/plain");
    up.kind = ASSESS_KIND_TEXT;
    up.fd = -1;
    up.bytes = (int64_t) len;
    up.data = data;

    (void) SHA256((const unsigned char *) data, len, sum);
    assess_hex(up.sha256, sum, sizeof(sum));

    return up;
}


static assess_document_t __attribute__((unused))
store_document(const assess_scope_t *scope, const char *text)
{
    size_t             created;
    assess_upload_t    up;
    assess_document_t  doc;

    memset(&doc, 0, sizeof(assess_document_t));
    up = store_upload("a.txt", text, strlen(text));

    if (assess_documents_store(store_db, store_arena, scope, &up, 1, &doc,
                               &created, &store_err) != ASSESS_OK)
    {
        ok(0, "store a document: %s", store_err.message);
    }

    return doc;
}


static assess_question_set_t __attribute__((unused))
store_set(const assess_scope_t *scope, const char *name, int questions)
{
    int                    created;
    char                  *text;
    assess_question_set_t  set;

    memset(&set, 0, sizeof(assess_question_set_t));
    set.name = store_str(name);
    set.question_count = questions;

    text = assess_palloc(store_arena, 40);
    (void) snprintf(text, 40, "[{\"id\":\"q\",\"n\":%d}]", questions);
    set.questions = store_str(text);

    if (assess_question_set_put(store_db, store_arena, scope, &set, &created,
                                &store_err) != ASSESS_OK)
    {
        ok(0, "store a question set: %s", store_err.message);
    }

    return set;
}


static assess_start_t __attribute__((unused))
store_start(const char *document_id, const char *set_name)
{
    assess_start_t  start;

    memset(&start, 0, sizeof(assess_start_t));
    (void) snprintf(start.document_id, sizeof(start.document_id), "%s",
                    document_id);
    start.set_name = store_str(set_name);
    start.provider = store_str("local");
    start.questions_per_batch = 5;
    start.max_cost = -1;
    (void) snprintf(start.request_hash, sizeof(start.request_hash), "%064d",
                    0);

    return start;
}


/* A job on that document, with the set "set" */

static assess_job_t __attribute__((unused))
store_job(const assess_scope_t *scope, const char *document_id)
{
    int              replayed;
    assess_start_t   start;
    assess_change_t  change;

    start = store_start(document_id, "set");

    if (job_start(store_db, store_arena, scope, &start, &change,
                         &replayed, &store_err) != ASSESS_OK)
    {
        ok(0, "start a job: %s", store_err.message);
        memset(&change, 0, sizeof(assess_change_t));
    }

    return change.job;
}


static assess_answer_t __attribute__((unused))
store_answer(int ordinal, const char *id)
{
    assess_answer_t  a;

    memset(&a, 0, sizeof(assess_answer_t));
    a.ordinal = ordinal;
    a.question_id = store_str(id);
    a.verdict = ASSESS_COMPLIANT;
    a.confidence = 0.75;
    a.rationale = store_str("because");
    a.provider = store_str("local");
    a.model = store_str("none");

    return a;
}


#endif /* STORE_H */
