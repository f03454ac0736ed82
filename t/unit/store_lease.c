
/* sources: store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */

/* Leases and steps: who comes too late, and what is made a second time. */

#include "store_lease.h"


static void
test_may_take(void)
{
    assess_job_t    job;
    assess_work_t   work;
    store_claimer_t  patient, hasty;

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
    store_claimer_t   who;
    assess_change_t  change;
    assess_str_t     avoid[2];

    start = store_start(document_id, "set");
    start.provider = store_str("odd \"name\\");
    (void) job_start(store_db, store_arena, &scope, &start, &change,
                            &replayed, &store_err);
    memcpy(first, change.job.job_id, sizeof(first));
    (void) store_job(&scope, document_id);

    avoid[0] = store_str("other");
    avoid[1] = store_str("odd \"name\\");

    who = store_claimer("a", 60000);
    who.avoid = avoid;
    who.navoid = 2;

    claimed(&who, &work, "one provider is avoided");
    is_str(work.job.provider.data, "local", "a younger job goes first");
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
    store_claimer_t   a, b;
    assess_start_t   start;
    assess_answer_t  answers[3];
    assess_change_t  change;

    a = store_claimer("a", 60000);
    b = store_claimer("b", 60000);
    start = store_start(document_id, "set");
    (void) job_start(store_db, store_arena, &scope, &start, &change,
                            &replayed, &store_err);

    claimed(&a, &work, "a claim");
    step = a_step(answers, 3);
    step.completed_batches = 2;
    is_err(job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_OK, "a step");
    is_err(job_release(store_db, store_arena, &work, &change,
                              &store_err), ASSESS_OK, "handed back");
    is_int(change.job.progress, 45, "with its progress");
    is_int((long long) change.nevents, 1, "and an event");

    is_err(job_release(store_db, store_arena, &work, &change,
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

    is_err(job_end(store_db, store_arena, &work, ASSESS_JOB_FAILED,
                          NULL, NULL, &change, &store_err), ASSESS_OK,
           "it fails");
    is_err(assess_job_retry(store_db, store_arena, &scope, work.job.job_id,
                            &change, &store_err), ASSESS_OK, "a retry");
    is_err(job_release(store_db, store_arena, &work, &change,
                              &store_err), ASSESS_CANCELLED,
           "is no release, though it is queued");
    claimed(&b, &work, "claimed again");
    is_int(work.job.attempt, 2, "as another attempt");
    is_int(work.job.progress, 0, "that begins at 0");

    is_err(job_release(store_db, store_arena, &work, &change,
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
    store_claimer_t   a;
    assess_answer_t  answers[3];
    assess_change_t  change;

    a = store_claimer("a", 60000);
    job = store_job(&scope, document_id);
    claimed(&a, &work, "a claim");

    step = a_step(answers, 3);
    doubt = work;
    is_err(job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_OK, "a step");
    before = state();
    is_err(job_step(store_db, store_arena, &doubt, &step, &change,
                           &store_err), ASSESS_OK, "the same step again");
    is_int((long long) change.nevents, 0, "has no event");
    ok(change.job.cost == 0.5 && change.job.input_tokens == 100,
       "tells the job as it is");
    ok(state() == before, "and changes nothing");
    is_int(doubt.steps, 1, "it goes on behind it");

    step.progress = 50;
    is_err(job_step(store_db, store_arena, &doubt, &step, &change,
                           &store_err), ASSESS_OK, "with the next step");
    is_int((long long) change.nevents, 1, "that is one");
    ok(change.job.cost == 1.0, "and costs");

    is_err(job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_OK, "which is known, too");
    is_int((long long) change.nevents, 0, "without an event");

    /* late answers of a cancelled job */

    is_err(assess_job_cancel(store_db, store_arena, &scope, job.job_id,
                             &change, &changed, &store_err), ASSESS_OK,
           "cancelled");
    doubt = work;
    answers[0] = store_answer(7, "late");
    is_err(job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_CANCELLED, "a late step");
    before = state();
    is_err(job_step(store_db, store_arena, &doubt, &step, &change,
                           &store_err), ASSESS_CANCELLED, "and again");
    ok(state() == before, "it is kept once");
    ok(change.job.cost == 1.5, "and its costs");
    is_err(job_step(store_db, store_arena, &doubt, &step, &change,
                           &store_err), ASSESS_CANCELLED, "the next one");
    is_int(job_value("cost * 10", job.job_id), 20, "is kept, too");

    /* a step that was made before the job was cancelled */

    is_err(assess_job_retry(store_db, store_arena, &scope, job.job_id,
                            &change, &store_err), ASSESS_OK, "a retry");
    claimed(&a, &work, "claimed");
    doubt = work;
    is_err(job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_OK, "a step");
    (void) assess_job_cancel(store_db, store_arena, &scope, job.job_id,
                             &change, &changed, &store_err);
    before = state();
    is_err(job_step(store_db, store_arena, &doubt, &step, &change,
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
    is_err(job_end(store_db, store_arena, &doubt, ASSESS_COMPLETED,
                          NULL, NULL, &change, &store_err), ASSESS_OK,
           "the same end again");
    is_int((long long) change.nevents, 0, "has no event");
    is_int(change.job.progress, 100, "tells the job");
    ok(state() == before, "and changes nothing");
    is_int(store_sql("select jobs - (select count(*) from"
                     " assess.assessment_jobs where status = 'completed')"
                     " from assess.job_counts where status = 'completed'"), 0,
           "and counts it once");
}


/* A worker that was frozen: whatever it does then, nothing is written. */

static void
test_frozen(void)
{
    long long        before;
    assess_job_t     job;
    assess_step_t    step;
    assess_work_t    first, second;
    store_claimer_t   a, b;
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
    is_err(job_step(store_db, store_arena, &first, &step, &change,
                           &store_err), ASSESS_LOST, "a step of the first");
    is_err(job_end(store_db, store_arena, &first, ASSESS_COMPLETED,
                          NULL, NULL, &change, &store_err), ASSESS_LOST,
           "an end");
    is_err(job_release(store_db, store_arena, &first, &change,
                              &store_err), ASSESS_LOST, "a release");
    is_err(assess_worker_beat(store_db, &wa, &a.owner, 1, 60000, &store_err),
           ASSESS_OK, "a beat that names it");
    is_err(assess_worker_beat(store_db, &wa, NULL, 0, 60000, &store_err),
           ASSESS_OK, "a beat that does not");
    ok(state() == before, "nothing of that is written");

    /* the same run of the same worker, once it is another's */

    is_err(job_step(store_db, store_arena, &second, &step, &change,
                           &store_err), ASSESS_OK, "the second goes on");
    finish(&second);
    before = state();
    is_err(job_step(store_db, store_arena, &first, &step, &change,
                           &store_err), ASSESS_LOST, "after the end, a step");
    is_err(job_end(store_db, store_arena, &first, ASSESS_COMPLETED,
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
    store_claimer_t   a, b;
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
    store_claimer_t    a, b;
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


int
main(void)
{
    if (!lease_begin()) {
        return 0;
    }

    test_may_take();
    test_avoid();
    test_resume();
    test_twice();
    test_frozen();
    test_doubt();
    test_workers();

    return store_end();
}
