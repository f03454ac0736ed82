
/* sources: store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */

/* Leases and steps again, of those who come while another is at it. */

#include "store_lease.h"


#define CLAIMERS  8
#define JOBS      40


/* Somebody holds a row; the others come while he does. */

typedef struct {
    int               what;              /* 's'tep, 'g'one, 'c'laim */
    assess_err_e      rc;
    assess_err_t      err;
    assess_work_t     work;
    assess_step_t     step;
    store_claimer_t    claim;
    assess_change_t   change;
    assess_db_t      *db;
    int64_t           freed;
    assess_arena_t   *arena;
    pthread_t         thread;
} actor_t;


static void *
act(void *arg)
{
    actor_t  *a = arg;

    switch (a->what) {

    case 's':
        a->rc = job_step(store_db, a->arena, &a->work, &a->step,
                                &a->change, &a->err);
        break;

    case 'g':
        a->rc = assess_worker_gone(store_db, a->claim.worker_id, &a->freed,
                                   &a->err);
        break;

    default:
        a->rc = job_claim(a->db, a->arena, &a->claim, &a->work,
                                 &a->change, &a->err);
    }

    return NULL;
}


static void
act_begin(actor_t *a, int what, const store_claimer_t *claim)
{
    memset(a, 0, sizeof(actor_t));
    a->what = what;
    a->claim = *claim;
    a->db = store_db;
    a->arena = assess_arena_create();
}


static PGconn *
holder(const char *sql)
{
    PGconn  *pg;

    pg = PQconnectdb(store_conninfo);
    PQclear(PQexec(pg, "begin"));
    PQclear(PQexec(pg, sql));
    is_int(PQtransactionStatus(pg), PQTRANS_INTRANS, "somebody holds a row");

    return pg;
}


static void
let_go(PGconn *pg)
{
    PQclear(PQexec(pg, "commit"));
    PQfinish(pg);
}


/* Until n backends wait for a lock: a minute at most */

static void
waiting(int n)
{
    int        i;
    long long  seen;

    for (i = 0, seen = 0; i < 3000 && seen != n; i++) {
        (void) usleep(20000);
        seen = store_sql("select count(*) from pg_stat_activity"
                         " where datname = current_database()"
                         " and wait_event_type = 'Lock'");
    }

    is_int(seen, n, "others wait for it");
}


static const char  hold_counter[] =
    "select from assess.event_counter for update";


/* The first of two same steps is still under way when the second comes. */

static void
test_step_under_way(void)
{
    PGconn          *pg;
    actor_t          step;
    store_claimer_t   a;
    assess_answer_t  answers[3];

    a = store_claimer("a", 60000);
    (void) store_job(&scope, document_id);

    act_begin(&step, 's', &a);
    claimed(&a, &step.work, "a claim");
    step.step = a_step(answers, 3);

    pg = holder("update assess.assessment_jobs set steps = steps + 1,"
                " cost = cost + 0.5 where status = 'processing'");
    (void) pthread_create(&step.thread, NULL, act, &step);
    waiting(1);
    let_go(pg);
    (void) pthread_join(step.thread, NULL);

    is_int(step.rc, ASSESS_OK, "the second finds the first");
    is_int((long long) step.change.nevents, 0, "has no event");
    ok(step.change.job.cost == 0.5, "and costs nothing");
    finish(&step.work);
    assess_arena_destroy(step.arena);
}


static void
test_gone_step(void)
{
    PGconn          *pg;
    actor_t          step, gone;
    assess_work_t    work;
    store_claimer_t   a, b;
    assess_worker_t  w;
    assess_answer_t  answers[3];

    a = store_claimer("a", 60000);
    b = store_claimer("b", 60000);
    w = store_worker(&a);
    (void) store_job(&scope, document_id);

    act_begin(&step, 's', &a);
    act_begin(&gone, 'g', &a);
    claimed(&a, &step.work, "a claim");
    step.step = a_step(answers, 3);

    pg = holder(hold_counter);
    (void) pthread_create(&step.thread, NULL, act, &step);
    waiting(1);
    is_err(assess_worker_beat(store_db, &w, &a.owner, 1, 60000, &store_err),
           ASSESS_OK, "a beat does not wait for a step");
    (void) pthread_create(&gone.thread, NULL, act, &gone);
    waiting(2);
    is_err(claim(&b, &work), ASSESS_NOT_FOUND, "it is nobody's meanwhile");
    let_go(pg);
    (void) pthread_join(step.thread, NULL);
    (void) pthread_join(gone.thread, NULL);

    is_int(step.rc, ASSESS_OK, "a step that was under way is saved");
    is_int(gone.rc, ASSESS_OK, "its worker is gone behind it");
    is_int(gone.freed, 1, "and its job is free");

    claimed(&b, &work, "another takes it");
    is_int(work.steps, 1, "with that step");
    is_int(work.answered[0] && work.answered[2], 1, "and its answers");
    is_err(job_step(store_db, store_arena, &step.work, &step.step,
                           &step.change, &store_err), ASSESS_LOST,
           "the one that was gone writes no more");
    finish(&work);
    assess_arena_destroy(step.arena);
    assess_arena_destroy(gone.arena);
}


static void
test_beat_claim(void)
{
    PGconn           *pg;
    actor_t           claim_now;
    assess_job_t      job;
    store_claimer_t    a;
    assess_worker_t   w;

    a = store_claimer("a", 60000);
    w = store_worker(&a);
    job = store_job(&scope, document_id);

    (void) assess_worker_beat(store_db, &w, NULL, 0, 60000, &store_err);
    act_begin(&claim_now, 'c', &a);

    pg = holder(hold_counter);
    (void) pthread_create(&claim_now.thread, NULL, act, &claim_now);
    waiting(1);
    is_err(assess_worker_beat(store_db, &w, &a.owner, 1, 60000, &store_err),
           ASSESS_OK, "a beat waits for no claim");
    is_err(assess_worker_beat(store_db, &w, NULL, 0, 60000, &store_err),
           ASSESS_OK, "whatever it names");
    let_go(pg);
    (void) pthread_join(claim_now.thread, NULL);

    is_int(claim_now.rc, ASSESS_OK, "the claim is made");
    is_int(job_value("(lease_until > now())::int", job.job_id), 1,
           "and its lease is whole");
    finish(&claim_now.work);
    assess_arena_destroy(claim_now.arena);
}


/*
 * Who was away, or found the server standing still, does not take over: those
 * who run the jobs could not renew either.
 */

static void
test_steady(void)
{
    int               i;
    PGconn           *pg;
    actor_t           late;
    assess_job_t      job;
    assess_work_t     work;
    store_claimer_t    a, b;
    assess_db_conf_t  conf;

    a = store_claimer("a", 1);
    b = store_claimer("b", 1000);

    for (i = 0; i < 3000 && store_sql("select (now()"
         " - pg_postmaster_start_time() > interval '1 s')::int") == 0; i++)
    {
        (void) usleep(20000);
    }

    job = store_job(&scope, document_id);
    claimed(&a, &work, "a job");
    job_set("lease_until = now() - interval '1 ms'", job.job_id);

    memset(&conf, 0, sizeof(assess_db_conf_t));
    conf.conninfo = store_conninfo;
    conf.gap_ms = 500;

    act_begin(&late, 'c', &b);
    late.db = assess_db_create(&conf);
    is_err(assess_db_check(late.db, &store_err), ASSESS_OK, "a client");

    act(&late);
    is_int(late.rc, ASSESS_NOT_FOUND, "a new one does not know what was before");

    while (assess_db_steady_ms(late.db) < 1000) {
        is_err(assess_db_check(late.db, &store_err), ASSESS_OK, "it stays");
        (void) usleep(100000);
    }

    pg = holder("lock table assess.question_sets in access exclusive mode");
    (void) pthread_create(&late.thread, NULL, act, &late);
    waiting(1);
    (void) usleep(600000);
    let_go(pg);
    (void) pthread_join(late.thread, NULL);
    is_int(late.rc, ASSESS_NOT_FOUND, "a claim that stood still takes nothing");
    is_int(job_value("fence", job.job_id), work.fence, "the job is as it was");

    act(&late);
    is_int(late.rc, ASSESS_NOT_FOUND, "nor does one that comes behind it");
    is_int(job_value("fence", job.job_id), work.fence, "at once");

    while (assess_db_steady_ms(store_db) < 1000) {
        (void) usleep(20000);
    }

    claimed(&b, &work, "a client that was not disturbed takes it over");
    is_str(work.job.job_id, job.job_id, "that job");
    finish(&work);
    assess_db_destroy(late.db);
    assess_arena_destroy(late.arena);
}


/*
 * Leases so short that jobs are taken over all the time: whatever was said to
 * be saved is there, once, and whatever was refused is not.
 */

typedef struct {
    int  number;
    int  steps;
    int  ends;
    int  lost;
    int  odd;
} claimer_t;


static void *
torture(void *arg)
{
    int               i;
    char              name[2];
    claimer_t        *c = arg;
    assess_err_t      err;
    assess_err_e      rc;
    assess_step_t     step;
    assess_work_t     work;
    store_claimer_t    who;
    assess_arena_t   *arena;
    assess_answer_t   answers[3];
    assess_change_t   change;

    name[0] = (char) ('A' + c->number);
    name[1] = '\0';
    who = store_claimer(name, 1);

    for (i = 0; i < 20000; i++) {
        arena = assess_arena_create();
        rc = job_claim(store_db, arena, &who, &work, &change, &err);

        if (rc == ASSESS_NOT_FOUND) {
            assess_arena_destroy(arena);

            if (store_sql("select count(*) from assess.assessment_jobs"
                          " where status in ('queued', 'processing')") == 0)
            {
                return NULL;
            }

            continue;
        }

        step = a_step(answers, 3);

        if (rc == ASSESS_OK) {
            rc = job_step(store_db, arena, &work, &step, &change,
                                 &err);
            c->steps += rc == ASSESS_OK;
        }

        if (rc == ASSESS_OK) {
            rc = job_end(store_db, arena, &work, ASSESS_COMPLETED,
                                NULL, NULL, &change, &err);
            c->ends += rc == ASSESS_OK;
        }

        c->lost += rc == ASSESS_LOST;

        if (rc != ASSESS_OK && rc != ASSESS_LOST) {
            c->odd++;
            printf("# %s\n", err.message);
        }

        assess_arena_destroy(arena);
    }

    c->odd++;

    return NULL;
}


static void
test_torture(void)
{
    int        i, steps, ends, lost, odd;
    claimer_t  c[CLAIMERS];
    pthread_t  threads[CLAIMERS];

    (void) store_sql("delete from assess.assessment_answers");
    (void) store_sql("delete from assess.assessment_jobs");
    (void) store_sql("delete from assess.documents");
    (void) store_sql("delete from assess.event_log");
    memcpy(document_id, store_document(&scope, "torture").document_id,
           sizeof(document_id));

    for (i = 0; i < JOBS; i++) {
        (void) store_job(&scope, document_id);
    }

    memset(c, 0, sizeof(c));

    for (i = 0; i < CLAIMERS; i++) {
        c[i].number = i;
        (void) pthread_create(&threads[i], NULL, torture, &c[i]);
    }

    for (i = 0, steps = ends = lost = odd = 0; i < CLAIMERS; i++) {
        (void) pthread_join(threads[i], NULL);
        steps += c[i].steps;
        ends += c[i].ends;
        lost += c[i].lost;
        odd += c[i].odd;
    }

    printf("# %d steps, %d runs lost their lease\n", steps, lost);
    is_int(odd, 0, "nothing unexpected");
    is_int(ends, JOBS, "each job ended for one of them");
    is_int(store_sql("select count(*) from assess.assessment_jobs"
                     " where status = 'completed' and worker_id is null"),
           JOBS, "and has ended");
    is_int(store_sql("select sum(steps) from assess.assessment_jobs"), steps,
           "as many steps as were said to be saved");
    is_int(store_sql("select (sum(cost) * 2)::int"
                     " from assess.assessment_jobs"), steps, "and their cost");
    is_int(store_sql("select count(*) from assess.assessment_answers"),
           3 * JOBS, "one answer a question");
    is_int(store_sql("select count(*) from assess.assessment_progress_events"
                     " where type = 'complete'"), JOBS, "one end a job");
    is_int(store_sql("select count(*) from assess.assessment_progress_events"
                     " where data like '%llm_processing%'"), steps,
           "one event a step");
    is_int(store_sql("select count(*) from assess.assessment_jobs"
                     " where status in ('queued', 'processing')"), 0,
           "the document is free");
}


int
main(void)
{
    if (!lease_begin()) {
        return 0;
    }

    test_step_under_way();
    test_gone_step();
    test_beat_claim();
    test_steady();
    test_torture();

    return store_end();
}
