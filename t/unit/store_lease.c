
/* sources: store/assess_db.c store/assess_contact.c
   store/assess_statement.c store/assess_scope.c
   store/assess_migrate.c store/assess_document.c store/assess_content.c
   store/assess_question_set.c store/assess_event.c store/assess_answer.c
   store/assess_answer_cache.c store/assess_worker.c
   store/assess_job_row.c store/assess_job_start.c store/assess_job_change.c
   store/assess_job_work.c store/assess_job_list.c base/assess_base.c */
/* libs: -lpq -ljansson -lcrypto -lm */

/* Leases and steps: who comes too late, and what is made a second time. */

#include "store.h"


#define CLAIMERS  8
#define JOBS      40


static assess_scope_t  scope;
static char            document_id[ASSESS_UUID_LEN + 1];


/* All that the store knows of jobs, answers and events, as one number. */

static long long
state(void)
{
    return store_sql("select ('x' || left(md5(string_agg(t, '|' order by t)),"
                     " 15))::bit(60)::bigint from (select j::text as t"
                     " from assess.assessment_jobs j union all"
                     " select a::text from assess.assessment_answers a"
                     " union all select e::text"
                     " from assess.assessment_progress_events e) x");
}


static long long
job_value(const char *expression, const char *job_id)
{
    char  sql[400];

    (void) snprintf(sql, sizeof(sql), "select (%s)::bigint"
                    " from assess.assessment_jobs where job_id = '%s'",
                    expression, job_id);

    return store_sql(sql);
}


static void
job_set(const char *what, const char *job_id)
{
    char  sql[400];

    (void) snprintf(sql, sizeof(sql), "update assess.assessment_jobs set %s"
                    " where job_id = '%s'", what, job_id);

    is_int(store_sql(sql), 1, "a job is changed by hand");
}


static assess_err_e
claim(const assess_claim_t *who, assess_work_t *work)
{
    assess_change_t  change;

    return assess_job_claim(store_db, store_arena, who, work, &change,
                            &store_err);
}


/* The next job is this one's */

static void
claimed(const assess_claim_t *who, assess_work_t *work, const char *name)
{
    is_err(claim(who, work), ASSESS_OK, name);
}


static void
finish(assess_work_t *work)
{
    assess_change_t  change;

    is_err(assess_job_end(store_db, store_arena, work, ASSESS_COMPLETED, NULL,
                          NULL, &change, &store_err), ASSESS_OK, "it ends");
}


static assess_step_t
a_step(assess_answer_t *answers, int n)
{
    int            i;
    assess_step_t  step;

    memset(&step, 0, sizeof(assess_step_t));

    for (i = 0; i < n; i++) {
        answers[i] = store_answer(i, "q");
    }

    step.stage = ASSESS_LLM_PROCESSING;
    step.step = "Assessing questions";
    step.progress = 45;
    step.completed_batches = 1;
    step.input_tokens = 100;
    step.output_tokens = 10;
    step.cost = 0.5;
    step.answers = answers;
    step.nanswers = (size_t) n;

    return step;
}


static void
test_may_take(void)
{
    assess_job_t    job;
    assess_work_t   work;
    assess_claim_t  patient, hasty;

    patient = store_claimer("patient", 2000000000);
    hasty = store_claimer("hasty", 1);

    job = store_job(&scope, document_id);
    claimed(&hasty, &work, "a job is claimed");
    job_set("lease_until = now() - interval '1 second'", job.job_id);

    is_err(claim(&patient, &work), ASSESS_NOT_FOUND,
           "a server that is up for less than a lease: nothing is taken over");
    claimed(&hasty, &work, "one that is up for longer: it is");
    is_int(work.lost, 1, "which counts");

    job_set("lease_until = '-infinity'", job.job_id);
    claimed(&patient, &work, "what is left by a worker that is gone is free");
    is_int(work.job.attempt, 3, "in its third attempt");
    is_int(job_value("extract(epoch from lease_until - now())", job.job_id)
           > 1900000, 1, "the lease is as long as it is to be");
    finish(&work);
}


static void
test_avoid(void)
{
    int              replayed;
    char             first[ASSESS_UUID_LEN + 1];
    assess_work_t    work;
    assess_start_t   start;
    assess_claim_t   who;
    assess_change_t  change;
    assess_str_t     avoid[2];

    start = store_start(document_id, "set");
    start.provider = store_str("odd \"name\\");
    (void) assess_job_start(store_db, store_arena, &scope, &start, &change,
                            &replayed, &store_err);
    memcpy(first, change.job.job_id, sizeof(first));
    (void) store_job(&scope, document_id);

    avoid[0] = store_str("other");
    avoid[1] = store_str("odd \"name\\");

    who = store_claimer("a", 60000);
    who.avoid = avoid;
    who.navoid = 2;

    claimed(&who, &work, "one provider is avoided");
    is_str(work.provider.data, "local", "a younger job goes first");
    finish(&work);
    is_err(claim(&who, &work), ASSESS_NOT_FOUND, "the other one waits");

    who.navoid = 1;
    claimed(&who, &work, "until its provider is there again");
    is_str(work.job.job_id, first, "it is that one");
    finish(&work);
}


static void
test_resume(void)
{
    int              replayed;
    assess_step_t    step;
    assess_work_t    work;
    assess_claim_t   a, b;
    assess_start_t   start;
    assess_answer_t  answers[3];
    assess_change_t  change;

    a = store_claimer("a", 60000);
    b = store_claimer("b", 60000);
    start = store_start(document_id, "set");
    (void) assess_job_start(store_db, store_arena, &scope, &start, &change,
                            &replayed, &store_err);

    claimed(&a, &work, "a claim");
    step = a_step(answers, 3);
    step.completed_batches = 2;
    is_err(assess_job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_OK, "a step");
    is_err(assess_job_release(store_db, store_arena, &work, &change,
                              &store_err), ASSESS_OK, "handed back");
    is_int(change.job.progress, 45, "with its progress");
    is_int((long long) change.nevents, 1, "and an event");

    is_err(assess_job_release(store_db, store_arena, &work, &change,
                              &store_err), ASSESS_OK, "handed back again");
    is_int((long long) change.nevents, 0, "changes nothing");
    is_int(change.job.status, ASSESS_QUEUED, "it is queued");

    claimed(&b, &work, "claimed by another");
    is_int(work.job.attempt, 1, "the attempt goes on");
    is_int(work.job.progress, 45, "with its progress");
    is_int(work.job.completed_batches, 2, "and its batches");
    is_int(work.job.stage, ASSESS_EXTRACTING, "from the first stage");
    is_int(work.lost, 0, "nothing was lost");
    is_int(work.answered[2] && !work.answered[3], 1, "answers are known");
    is_int(work.steps, 1, "and steps counted");

    is_err(assess_job_end(store_db, store_arena, &work, ASSESS_JOB_FAILED,
                          NULL, NULL, &change, &store_err), ASSESS_OK,
           "it fails");
    is_err(assess_job_retry(store_db, store_arena, &scope, work.job.job_id,
                            &change, &store_err), ASSESS_OK, "a retry");
    is_err(assess_job_release(store_db, store_arena, &work, &change,
                              &store_err), ASSESS_CANCELLED,
           "is no release, though it is queued");
    claimed(&b, &work, "claimed again");
    is_int(work.job.attempt, 2, "as another attempt");
    is_int(work.job.progress, 0, "that begins at 0");

    is_err(assess_job_release(store_db, store_arena, &work, &change,
                              &store_err), ASSESS_OK, "handed back once more");
    claimed(&a, &work, "and taken");
    job_set("lease_until = '-infinity'", work.job.job_id);
    claimed(&b, &work, "and left");
    is_int(work.job.attempt, 3, "an attempt that was left is over");
    finish(&work);
}


/* What an answer that was lost makes: everything once more, as it was. */

static void
test_twice(void)
{
    int              changed;
    long long        before;
    assess_job_t     job;
    assess_step_t    step;
    assess_work_t    work, doubt;
    assess_claim_t   a;
    assess_answer_t  answers[3];
    assess_change_t  change;

    a = store_claimer("a", 60000);
    job = store_job(&scope, document_id);
    claimed(&a, &work, "a claim");

    step = a_step(answers, 3);
    doubt = work;
    is_err(assess_job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_OK, "a step");
    before = state();
    is_err(assess_job_step(store_db, store_arena, &doubt, &step, &change,
                           &store_err), ASSESS_OK, "the same step again");
    is_int((long long) change.nevents, 0, "has no event");
    ok(change.job.cost == 0.5 && change.job.input_tokens == 100,
       "tells the job as it is");
    ok(state() == before, "and changes nothing");
    is_int(doubt.steps, 1, "it goes on behind it");

    step.progress = 50;
    is_err(assess_job_step(store_db, store_arena, &doubt, &step, &change,
                           &store_err), ASSESS_OK, "with the next step");
    is_int((long long) change.nevents, 1, "that is one");
    ok(change.job.cost == 1.0, "and costs");

    is_err(assess_job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_OK, "which is known, too");
    is_int((long long) change.nevents, 0, "without an event");

    /* late answers of a cancelled job */

    is_err(assess_job_cancel(store_db, store_arena, &scope, job.job_id,
                             &change, &changed, &store_err), ASSESS_OK,
           "cancelled");
    doubt = work;
    answers[0] = store_answer(7, "late");
    is_err(assess_job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_CANCELLED, "a late step");
    before = state();
    is_err(assess_job_step(store_db, store_arena, &doubt, &step, &change,
                           &store_err), ASSESS_CANCELLED, "and again");
    ok(state() == before, "it is kept once");
    ok(change.job.cost == 1.5, "and its costs");
    is_err(assess_job_step(store_db, store_arena, &doubt, &step, &change,
                           &store_err), ASSESS_CANCELLED, "the next one");
    is_int(job_value("cost * 10", job.job_id), 20, "is kept, too");

    /* a step that was made before the job was cancelled */

    is_err(assess_job_retry(store_db, store_arena, &scope, job.job_id,
                            &change, &store_err), ASSESS_OK, "a retry");
    claimed(&a, &work, "claimed");
    doubt = work;
    is_err(assess_job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_OK, "a step");
    (void) assess_job_cancel(store_db, store_arena, &scope, job.job_id,
                             &change, &changed, &store_err);
    before = state();
    is_err(assess_job_step(store_db, store_arena, &doubt, &step, &change,
                           &store_err), ASSESS_CANCELLED,
           "the same after it was cancelled");
    ok(state() == before, "is not made again");
    is_int(doubt.steps, work.steps, "and known to be made");

    /* the end */

    is_err(assess_job_retry(store_db, store_arena, &scope, job.job_id,
                            &change, &store_err), ASSESS_OK, "a retry");
    claimed(&a, &work, "claimed");
    doubt = work;
    finish(&work);
    before = state();
    is_err(assess_job_end(store_db, store_arena, &doubt, ASSESS_COMPLETED,
                          NULL, NULL, &change, &store_err), ASSESS_OK,
           "the same end again");
    is_int((long long) change.nevents, 0, "has no event");
    is_int(change.job.progress, 100, "tells the job");
    ok(state() == before, "and changes nothing");
    is_int(store_sql("select active_jobs from assess.documents"), 0,
           "the document is free, and not more than that");
}


/* A worker that was frozen: whatever it does then, nothing is written. */

static void
test_frozen(void)
{
    long long        before;
    assess_job_t     job;
    assess_step_t    step;
    assess_work_t    first, second;
    assess_claim_t   a, b;
    assess_answer_t  answers[3];
    assess_worker_t  wa, wb;
    assess_change_t  change;

    a = store_claimer("a", 1);
    b = store_claimer("b", 1);
    wa = store_worker(&a);
    wb = store_worker(&b);

    job = store_job(&scope, document_id);
    claimed(&a, &first, "the first has a lease of a millisecond");
    is_err(assess_worker_beat(store_db, &wa, &a.owner, 1, 60000, &store_err),
           ASSESS_OK, "renewed");
    is_err(claim(&b, &second), ASSESS_NOT_FOUND, "it cannot be taken over");
    job_set("lease_until = now() - interval '1 ms'", job.job_id);
    claimed(&b, &second, "it ran out: the second takes over");
    is_str(second.job.job_id, job.job_id, "that job");
    is_err(assess_worker_beat(store_db, &wb, &b.owner, 1, 60000, &store_err),
           ASSESS_OK, "and renews it");

    before = state();
    step = a_step(answers, 3);
    is_err(assess_job_step(store_db, store_arena, &first, &step, &change,
                           &store_err), ASSESS_LOST, "a step of the first");
    is_err(assess_job_end(store_db, store_arena, &first, ASSESS_COMPLETED,
                          NULL, NULL, &change, &store_err), ASSESS_LOST,
           "an end");
    is_err(assess_job_release(store_db, store_arena, &first, &change,
                              &store_err), ASSESS_LOST, "a release");
    is_err(assess_worker_beat(store_db, &wa, &a.owner, 1, 60000, &store_err),
           ASSESS_OK, "a beat that names it");
    is_err(assess_worker_beat(store_db, &wa, NULL, 0, 60000, &store_err),
           ASSESS_OK, "a beat that does not");
    ok(state() == before, "nothing of that is written");

    /* the same run of the same worker, once it is another's */

    is_err(assess_job_step(store_db, store_arena, &second, &step, &change,
                           &store_err), ASSESS_OK, "the second goes on");
    finish(&second);
    before = state();
    is_err(assess_job_step(store_db, store_arena, &first, &step, &change,
                           &store_err), ASSESS_LOST, "after the end, a step");
    is_err(assess_job_end(store_db, store_arena, &first, ASSESS_COMPLETED,
                          NULL, NULL, &change, &store_err), ASSESS_LOST,
           "an end");
    ok(state() == before, "nothing");
}


/* A claim that nobody knows of is freed, one that is under way is not. */

static void
test_doubt(void)
{
    assess_job_t     job;
    assess_work_t    work;
    assess_claim_t   a, b;
    assess_worker_t  w, late;

    a = store_claimer("a", 60000);
    b = store_claimer("b", 60000);
    w = store_worker(&a);

    is_err(assess_worker_beat(store_db, &w, NULL, 0, 60000, &store_err),
           ASSESS_OK, "a beat");
    ok(w.beat > 1700000000000000LL, "tells the time of the database");
    late = w;

    job = store_job(&scope, document_id);
    claimed(&a, &work, "a claim");
    is_err(assess_worker_beat(store_db, &w, NULL, 0, 60000, &store_err),
           ASSESS_OK, "a beat with a list from before it");
    is_int(job_value("(lease_until > now())::int", job.job_id), 1,
           "leaves it alone");

    is_err(assess_worker_beat(store_db, &late, NULL, 0, 60000, &store_err),
           ASSESS_OK, "an old beat that comes late");
    is_int(job_value("(lease_until > now())::int", job.job_id), 1,
           "leaves it alone, too");

    is_err(assess_worker_beat(store_db, &w, &a.owner, 1, 60000, &store_err),
           ASSESS_OK, "one that names it");
    is_err(claim(&b, &work), ASSESS_NOT_FOUND, "keeps it");
    is_err(assess_worker_beat(store_db, &w, NULL, 0, 60000, &store_err),
           ASSESS_OK, "one that names it no more");
    is_int(job_value("(lease_until = '-infinity')::int", job.job_id), 1,
           "frees it");
    claimed(&b, &work, "for another");
    is_str(work.job.job_id, job.job_id, "at once");
    finish(&work);
}


static void
test_workers(void)
{
    size_t            n;
    int64_t           freed;
    assess_job_t      one, two;
    assess_work_t     work;
    assess_claim_t    a, b;
    assess_worker_t   wa, wb, *list;

    (void) store_sql("delete from assess.assess_workers");

    a = store_claimer("a", 60000);
    b = store_claimer("b", 60000);
    wa = store_worker(&a);
    wb = store_worker(&b);
    wb.host = store_str("there");

    is_err(assess_worker_beat(store_db, &wa, NULL, 0, 60000, &store_err),
           ASSESS_OK, "a beat");
    is_err(assess_worker_beat(store_db, &wb, NULL, 0, 500, &store_err),
           ASSESS_OK, "and another's");

    one = store_job(&scope, document_id);
    two = store_job(&scope, document_id);
    claimed(&a, &work, "a job");
    claimed(&a, &work, "and another");

    (void) store_sql("update assess.assess_workers set seen_at = seen_at"
                     " - interval '30 s' where host = 'there'");
    is_err(assess_workers_list(store_db, store_arena, &list, &n, &store_err),
           ASSESS_OK, "who is there");
    is_int((long long) n, 2, "two");
    is_str(list[0].worker_id, a.worker_id, "the first");
    is_str(list[0].host.data, "here", "its host");
    is_int(list[0].pid, 7, "its process");
    is_int(list[0].running, 2, "what it runs");
    is_int(list[0].alive, 1, "it is alive");
    is_int(list[0].lease_ms, 60000, "its leases");
    ok(list[0].seen_at >= list[0].started_at && list[0].started_at > 0,
       "its times");
    is_int(list[1].alive, 0, "the second is not, by its own lease");
    is_int(list[1].running, 0, "and runs nothing");

    (void) assess_worker_beat(store_db, &wa, NULL, 0, 60000, &store_err);
    is_int(store_sql("select count(*) from assess.assess_workers"), 2,
           "half a minute is too soon to forget it");
    (void) store_sql("update assess.assess_workers set seen_at = seen_at"
                     " - interval '31 s' where host = 'there'");
    (void) assess_worker_beat(store_db, &wa, NULL, 0, 60000, &store_err);
    is_int(store_sql("select count(*) from assess.assess_workers"), 1,
           "after a minute it is forgotten");
    (void) store_sql("update assess.assess_workers set seen_at = seen_at"
                     " - interval '599 s'");
    (void) assess_worker_beat(store_db, &wb, NULL, 0, 500, &store_err);
    is_int(store_sql("select count(*) from assess.assess_workers"), 2,
           "one with long leases later");

    is_err(assess_worker_gone(store_db, "nonsense", &freed, &store_err),
           ASSESS_ERROR, "what is no id");
    is_err(assess_worker_gone(store_db, b.worker_id, &freed, &store_err),
           ASSESS_OK, "one that runs nothing is gone");
    is_int(freed, 0, "and frees nothing");
    is_err(assess_worker_gone(store_db, a.worker_id, &freed, &store_err),
           ASSESS_OK, "the other one, too");
    is_int(freed, 2, "and its two jobs are free");
    is_int(store_sql("select count(*) from assess.assess_workers"), 0,
           "nobody is there");
    claimed(&b, &work, "another takes over");
    is_str(work.job.job_id, one.job_id, "the first");
    finish(&work);
    claimed(&b, &work, "at once");
    is_str(work.job.job_id, two.job_id, "and the second");
    finish(&work);
}


/* Somebody holds a row; the others come while he does. */

typedef struct {
    int               what;              /* 's'tep, 'g'one, 'c'laim */
    assess_err_e      rc;
    assess_err_t      err;
    assess_work_t     work;
    assess_step_t     step;
    assess_claim_t    claim;
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
        a->rc = assess_job_step(store_db, a->arena, &a->work, &a->step,
                                &a->change, &a->err);
        break;

    case 'g':
        a->rc = assess_worker_gone(store_db, a->claim.worker_id, &a->freed,
                                   &a->err);
        break;

    default:
        a->rc = assess_job_claim(a->db, a->arena, &a->claim, &a->work,
                                 &a->change, &a->err);
    }

    return NULL;
}


static void
act_begin(actor_t *a, int what, const assess_claim_t *claim)
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
    assess_claim_t   a;
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
    assess_claim_t   a, b;
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
    is_err(assess_job_step(store_db, store_arena, &step.work, &step.step,
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
    assess_claim_t    a;
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
    assess_claim_t    a, b;
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
    assess_claim_t    who;
    assess_arena_t   *arena;
    assess_answer_t   answers[3];
    assess_change_t   change;

    name[0] = (char) ('A' + c->number);
    name[1] = '\0';
    who = store_claimer(name, 1);

    for (i = 0; i < 20000; i++) {
        arena = assess_arena_create();
        rc = assess_job_claim(store_db, arena, &who, &work, &change, &err);

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
            rc = assess_job_step(store_db, arena, &work, &step, &change,
                                 &err);
            c->steps += rc == ASSESS_OK;
        }

        if (rc == ASSESS_OK) {
            rc = assess_job_end(store_db, arena, &work, ASSESS_COMPLETED,
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

    (void) store_sql("delete from assess.documents");
    (void) store_sql("delete from assess.assessment_progress_events");
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
    is_int(store_sql("select active_jobs from assess.documents"), 0,
           "the document is free");
}


int
main(void)
{
    if (!store_begin(1)) {
        return 0;
    }

    scope = store_scope("acme", "ann");
    memcpy(document_id, store_document(&scope, "lease").document_id,
           sizeof(document_id));
    (void) store_set(&scope, "set", 12);

    test_may_take();
    test_avoid();
    test_resume();
    test_twice();
    test_frozen();
    test_doubt();
    test_workers();
    test_step_under_way();
    test_gone_step();
    test_beat_claim();
    test_steady();
    test_torture();

    return store_end();
}
