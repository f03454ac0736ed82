
/* sources: store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */

/* Many at once: claims, starts under one key, deletes, and the event log. */

#include "store.h"


#define THREADS  12
#define JOBS     60


typedef struct {
    int             number;
    int             done;
    int             conflicts;
    int             other;
    int             gaps;
    char            job_id[ASSESS_UUID_LEN + 1];
} worker_t;


static assess_scope_t  scope;
static char            document_id[ASSESS_UUID_LEN + 1];
static _Atomic int     stop;


static void
run_threads(void *(*run)(void *), worker_t *workers, int n)
{
    int        i;
    pthread_t  threads[THREADS * 10];

    memset(workers, 0, (size_t) n * sizeof(worker_t));

    for (i = 0; i < n; i++) {
        workers[i].number = i;
        (void) pthread_create(&threads[i], NULL, run, &workers[i]);
    }

    for (i = 0; i < n; i++) {
        (void) pthread_join(threads[i], NULL);
    }
}


static void *
start_thread(void *arg)
{
    int               replayed;
    worker_t         *w = arg;
    assess_err_t      err;
    assess_err_e      rc;
    assess_arena_t   *arena;
    assess_start_t    start;
    assess_change_t   change;

    arena = assess_arena_create();
    start = store_start(document_id, "set");
    start.idempotency_key = store_str("one \xff key");

    rc = job_start(store_db, arena, &scope, &start, &change, &replayed,
                          &err);

    if (rc == ASSESS_OK) {
        w->done = replayed ? 2 : 1;
        memcpy(w->job_id, change.job.job_id, sizeof(w->job_id));

    } else if (rc == ASSESS_CONFLICT) {
        w->conflicts++;

    } else {
        w->other++;
        printf("# %s\n", err.message);
    }

    assess_arena_destroy(arena);

    return NULL;
}


static void
test_idempotent(void)
{
    int              i, made, replayed, odd;
    worker_t         workers[100];
    assess_start_t   start;
    assess_change_t  change;

    run_threads(start_thread, workers, 100);

    for (i = 0, made = replayed = odd = 0; i < 100; i++) {
        made += workers[i].done == 1;
        replayed += workers[i].done == 2;
        odd += workers[i].other;
    }

    is_int(made, 1, "of a hundred starts under one key one makes a job");
    is_int(odd, 0, "the others are replayed, or told to wait");
    is_int(store_sql("select count(*) from assess.assessment_jobs"), 1,
           "there is one job");
    is_int(store_sql("select jobs from assess.job_counts"), 1,
           "counted once");
    printf("# %d replayed\n", replayed);

    start = store_start(document_id, "set");
    start.idempotency_key = store_str("one \xff key");
    is_err(job_start(store_db, store_arena, &scope, &start, &change,
                            &replayed, &store_err), ASSESS_OK, "once more");
    is_int(replayed, 1, "is replayed");
    is_int((long long) change.nevents, 0, "without an event");
    is_int(change.job.status, ASSESS_QUEUED, "with the job");

    start.request_hash[0] = 'x';
    is_err(job_start(store_db, store_arena, &scope, &start, &change,
                            &replayed, &store_err), ASSESS_IMPOSSIBLE,
           "the key for another request");

    start.set_name = store_str("unknown");
    start.idempotency_key = store_str("two");
    is_err(job_start(store_db, store_arena, &scope, &start, &change,
                            &replayed, &store_err), ASSESS_NOT_FOUND,
           "a refused start");
    start.set_name = store_str("set");
    is_err(job_start(store_db, store_arena, &scope, &start, &change,
                            &replayed, &store_err), ASSESS_OK,
           "uses up no key");
    is_int(replayed, 0, "it is a new one");

    store_sql("update assess.idempotency_keys"
              " set created_at = now() - interval '25 hours'");
    is_err(job_start(store_db, store_arena, &scope, &start, &change,
                            &replayed, &store_err), ASSESS_OK,
           "a key of yesterday");
    is_int(replayed, 0, "is a new one");
    is_int(store_sql("select count(*) from assess.idempotency_keys"), 1,
           "and the old ones are swept");
}


/* Reads the log while it is written: no id may appear below one seen */

static void *
reader_thread(void *arg)
{
    int              last;
    size_t           i, n;
    int64_t          seen, upto;
    worker_t        *w = arg;
    assess_err_t     err;
    assess_arena_t  *arena;
    assess_event_t  *events;

    seen = w->number;

    do {
        last = stop;
        arena = assess_arena_create();

        if (assess_events_after(store_db, arena, NULL, seen, 7, &events, &n,
                                &upto, &err) != ASSESS_OK)
        {
            w->other++;
            n = 0;
            upto = seen;
        }

        for (i = 0; i < n; i++) {
            w->gaps += events[i].event_id != ++seen;
            w->done++;
        }

        w->gaps += upto != seen;
        assess_arena_destroy(arena);

    } while (!last || n);

    return NULL;
}


static void *
work_thread(void *arg)
{
    int               i;
    worker_t         *w = arg;
    assess_err_t      err;
    assess_err_e      rc;
    assess_step_t     step;
    assess_work_t     work;
    assess_conn_t    *conn;
    assess_arena_t   *arena;
    assess_answer_t   answers[12];
    store_claimer_t    claim;
    assess_worker_t   worker;
    assess_change_t   change;
    char              name[32];

    (void) snprintf(name, sizeof(name), "%c", 'a' + w->number);
    claim = store_claimer(name, 60000);
    worker = store_worker(&claim);

    for ( ;; ) {
        arena = assess_arena_create();

        rc = job_claim(store_db, arena, &claim, &work, &change, &err);
        if (rc != ASSESS_OK) {
            w->other += rc != ASSESS_NOT_FOUND;
            assess_arena_destroy(arena);
            return NULL;
        }

        /* who takes an id and goes back leaves no hole */

        if (assess_db_begin(store_db, &conn, &err) == ASSESS_OK) {
            (void) assess_db_run(conn, "update assess.event_counter"
                                 " set value = value + 3", NULL, NULL, &err);
            assess_db_release(conn);
        }

        memset(&step, 0, sizeof(assess_step_t));

        for (i = 0; i < 12; i++) {
            answers[i] = store_answer(i, "q");
        }

        step.step = "Assessing questions";
        step.answers = answers;
        step.nanswers = 12;
        step.cost = 0.1;

        w->other += job_step(store_db, arena, &work, &step, &change,
                                    &err) != ASSESS_OK;
        w->other += assess_worker_beat(store_db, &worker, &claim.owner, 1,
                                       60000, &err) != ASSESS_OK;
        w->other += job_end(store_db, arena, &work, ASSESS_COMPLETED,
                                   NULL, NULL, &change, &err) != ASSESS_OK;
        w->done++;
        assess_arena_destroy(arena);
    }
}


static void
test_claims(void)
{
    int        i, done, other;
    worker_t   workers[THREADS], reader;
    pthread_t  thread;

    for (i = 0; i < JOBS; i++) {
        (void) store_job(&scope, document_id);
    }

    stop = 0;
    memset(&reader, 0, sizeof(worker_t));
    reader.number = (int) store_sql("select value from assess.event_counter");
    (void) pthread_create(&thread, NULL, reader_thread, &reader);

    run_threads(work_thread, workers, THREADS);

    stop = 1;
    (void) pthread_join(thread, NULL);

    for (i = 0, done = other = 0; i < THREADS; i++) {
        done += workers[i].done;
        other += workers[i].other;
    }

    is_int(done, store_sql("select count(*) from assess.assessment_jobs"
                           " where status = 'completed'"),
           "every job was run once");
    is_int(store_sql("select max(attempt) from assess.assessment_jobs"), 1,
           "by one worker");
    is_int(other, 0, "and nothing went wrong");
    is_int(store_sql("select count(*) from assess.assessment_jobs"
                     " where cost <> 0.1"), 0, "money is exact");
    is_int(store_sql("select count(*) from assess.documents where reviewed"),
           1, "the document is reviewed");
    is_int(store_sql("select count(*) - max(event_id) from"
                     " assess.assessment_progress_events"), 0,
           "event ids are dense");
    is_int(reader.gaps, 0, "and became visible in their order");
    is_int(reader.done, done * 3, "all of them were read");
}


static void *
flip_thread(void *arg)
{
    int                  i, changed, replayed;
    char               (*jobs)[37];
    size_t               njobs, created;
    worker_t            *w = arg;
    assess_err_t         err;
    assess_err_e         rc;
    assess_arena_t      *arena;
    assess_start_t       start;
    assess_upload_t      up;
    assess_change_t      change;
    assess_document_t    doc;

    for (i = 0; i < 25; i++) {
        arena = assess_arena_create();
        up = store_upload("flip", "flip", 4);
        rc = assess_documents_store(store_db, arena, &scope, &up, 1, &doc,
                                    &created, &err);

        if (rc == ASSESS_OK && w->number % 2) {
            rc = assess_document_delete(store_db, arena, &scope,
                                        doc.document_id, &jobs, &njobs, &err);

        } else if (rc == ASSESS_OK) {
            start = store_start(doc.document_id, "set");
            rc = job_start(store_db, arena, &scope, &start, &change,
                                  &replayed, &err);

            if (rc == ASSESS_OK) {
                w->done++;
                rc = assess_job_cancel(store_db, arena, &scope,
                                       change.job.job_id, &change, &changed,
                                       &err);
            }

            if (rc == ASSESS_OK && i % 3 == 0) {
                rc = assess_job_retry(store_db, arena, &scope,
                                      change.job.job_id, &change, &err);

                if (rc == ASSESS_OK) {
                    rc = assess_job_cancel(store_db, arena, &scope,
                                           change.job.job_id, &change,
                                           &changed, &err);
                }
            }
        }

        if (rc != ASSESS_OK && rc != ASSESS_NOT_FOUND
            && rc != ASSESS_CONFLICT)
        {
            w->other++;
            printf("# %s\n", err.message);
        }

        assess_arena_destroy(arena);
    }

    return NULL;
}


static void
test_delete_start(void)
{
    int       i, done, other;
    worker_t  workers[8];

    run_threads(flip_thread, workers, 8);

    for (i = 0, done = other = 0; i < 8; i++) {
        done += workers[i].done;
        other += workers[i].other;
    }

    printf("# %d starts went through\n", done);
    ok(done > 0, "starts and deletes at once");
    is_int(other, 0, "never meet in the wrong way");
    is_int(store_sql("select count(*) from assess.assessment_jobs j"
                     " where not exists (select from assess.documents d"
                     " where d.document_id = j.document_id)"), 0,
           "no job is without its document");
}


int
main(void)
{
    assess_document_t  doc;

    if (!store_begin(1)) {
        return 0;
    }

    scope = store_scope("acme", "ann");
    doc = store_document(&scope, "race");
    memcpy(document_id, doc.document_id, sizeof(document_id));
    (void) store_set(&scope, "set", 12);

    test_idempotent();
    test_claims();
    test_delete_start();

    return store_end();
}
