
/* sources: store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */

/* What many do in one transaction: each gets what it would have got alone. */

#include "store_lease.h"


#define N  5


static assess_starting_t  starting[N];
static assess_start_t     starts[N];


static void
start_all(void)
{
    int                 i;
    assess_starting_t  *list[N];

    for (i = 0; i < N; i++) {
        memset(&starting[i], 0, sizeof(assess_starting_t));
        starting[i].arena = store_arena;
        starting[i].scope = &scope;
        starting[i].start = &starts[i];
        list[i] = &starting[i];
    }

    assess_jobs_start(store_db, list, N);
}


static void
test_starts(void)
{
    int        i;
    long long  before;

    for (i = 0; i < N; i++) {
        starts[i] = store_start(document_id, "set");
    }

    before = store_sql("select count(*) from assess.event_log");
    start_all();

    for (i = 0; i < N; i++) {
        is_err(starting[i].rc, ASSESS_OK, "one of several is started");
        is_int(starting[i].change.job.total_batches, 3, "as alone");
    }

    is_int(store_sql("select count(*) from assess.event_log") - before, 1,
           "their events are one row");
    is_int(store_sql("select jobs from assess.job_counts"), N,
           "the tenant, too");

    memcpy(starts[1].document_id, "01a21815-1a7e-7a0c-9bd0-294d420f5792",
           sizeof(starts[1].document_id));
    starts[3].set_name = store_str("nothing");
    start_all();

    is_err(starting[0].rc, ASSESS_OK, "beside those that cannot be");
    is_err(starting[1].rc, ASSESS_NOT_FOUND, "an unknown document");
    is_str(starting[1].err.pointer, "/documentId", "is pointed at");
    is_err(starting[3].rc, ASSESS_NOT_FOUND, "an unknown set");
    is_str(starting[3].err.pointer, "/questionSet", "as well");
    is_err(starting[4].rc, ASSESS_OK, "the last one is started");
    is_int(store_sql("select count(*) from assess.assessment_jobs"), 2 * N - 2,
           "and no more");
    is_int(store_sql("select jobs from assess.job_counts"), 2 * N - 2,
           "nor counted");
}


/* What a name means is known in this process, and is another thing by now */

static void
test_newer_set(void)
{
    int  i;

    for (i = 0; i < N; i++) {
        starts[i] = store_start(document_id, "set");
    }

    (void) store_sql("insert into assess.question_sets (question_set_id, tenant,"
                     " name, version, instructions, questions, question_count,"
                     " sha256) select gen_random_uuid(), tenant, name,"
                     " version + 1, instructions, questions, 20, decode(repeat("
                     "'00', 32), 'hex') from assess.question_sets"
                     " where name = 'set'");
    start_all();

    for (i = 0; i < N; i++) {
        is_err(starting[i].rc, ASSESS_OK, "a set has a newer version");
        is_int(starting[i].change.job.total_batches, 4, "that is taken");
    }

    is_int(store_sql("select count(*) from assess.assessment_jobs j"
                     " join assess.question_sets using (question_set_id)"
                     " where version = 2"), N, "by all of them");

    (void) store_sql("delete from assess.assessment_jobs where question_set_id"
                     " in (select question_set_id from assess.question_sets"
                     " where version = 2)");
    (void) store_sql("delete from assess.question_sets where version = 2");

    starts[0].set_version = 2;
    start_all();

    is_err(starting[0].rc, ASSESS_NOT_FOUND, "a version that is gone");
    is_err(starting[1].rc, ASSESS_OK, "and one that is back");
    is_int(starting[1].change.job.total_batches, 3, "is what it was");
}


static void
set_key(assess_start_t *start, const char *key, char hash)
{
    start->idempotency_key = store_str(key);
    memset(start->request_hash, hash, 64);
}


/* Those under keys go with the others, and each is made once */

static void
test_keys(void)
{
    int        i;
    char       first[ASSESS_UUID_LEN + 1];
    long long  rows;

    for (i = 0; i < N; i++) {
        starts[i] = store_start(document_id, "set");
    }

    set_key(&starts[0], "one", 'a');
    set_key(&starts[2], "two", 'b');

    rows = store_sql("select count(*) from assess.event_log");
    start_all();

    for (i = 0; i < N; i++) {
        is_err(starting[i].rc, ASSESS_OK, "with a key and without");
        is_int(starting[i].replayed, 0, "all are new");
    }

    is_int(store_sql("select count(*) from assess.event_log") - rows, 1,
           "in one transaction");
    is_int(store_sql("select count(*) from assess.idempotency_keys"), 2,
           "the keys are kept");

    memcpy(first, starting[0].change.job.job_id, sizeof(first));

    set_key(&starts[2], "two", 'c');
    set_key(&starts[3], "three", 'd');
    set_key(&starts[4], "three", 'd');

    rows = store_sql("select count(*) from assess.assessment_jobs");
    start_all();

    is_err(starting[0].rc, ASSESS_OK, "a key again");
    is_int(starting[0].replayed, 1, "is a replay");
    is_str(starting[0].change.job.job_id, first, "of the job that was made");
    is_err(starting[1].rc, ASSESS_OK, "beside a new one");
    is_err(starting[2].rc, ASSESS_IMPOSSIBLE, "a key for another request");
    is_int((starting[3].rc == ASSESS_OK) + (starting[4].rc == ASSESS_OK), 1,
           "of two under one key one is made");
    is_int((starting[3].rc == ASSESS_CONFLICT)
           + (starting[4].rc == ASSESS_CONFLICT), 1, "the other is told so");
    is_int(store_sql("select count(*) from assess.assessment_jobs") - rows, 2,
           "two jobs more");

    memcpy(starts[1].document_id, "01a21815-1a7e-7a0c-9bd0-294d420f5792",
           sizeof(starts[1].document_id));
    set_key(&starts[3], "four", 'e');
    start_all();

    is_err(starting[0].rc, ASSESS_OK, "where one cannot be made");
    is_int(starting[0].replayed, 1, "a replay is one all the same");
    is_err(starting[1].rc, ASSESS_NOT_FOUND, "that one is told why");
    is_err(starting[3].rc, ASSESS_OK, "a new key");
    is_int(starting[3].replayed, 0, "is made alone");
    is_int(store_sql("select count(*) from assess.idempotency_keys"), 4,
           "and kept");
}


static void
test_writes(void)
{
    int               i, taken;
    assess_claim_t    claim;
    assess_taker_t    takers[N], next[N], *list[N];
    assess_step_t     step;
    assess_write_t    w[N], *writes[N];
    assess_answer_t   answers[3];
    store_claimer_t   who;

    who = store_claimer("a", 60000);

    memset(&claim, 0, sizeof(assess_claim_t));
    memcpy(claim.worker_id, who.worker_id, sizeof(claim.worker_id));
    claim.lease_ms = 60000;

    memset(takers, 0, sizeof(takers));
    memset(next, 0, sizeof(next));
    memset(w, 0, sizeof(w));

    for (i = 0; i < N; i++) {
        takers[i].arena = store_arena;
        takers[i].owner = store_str("run");
        list[i] = &takers[i];
    }

    is_err(assess_jobs_claim(store_db, &claim, list, N, &store_err), ASSESS_OK,
           "several claim at once");

    step = a_step(answers, 3);

    for (i = 0; i < N; i++) {
        is_int(takers[i].taken, 1, "each is given a job");
        is_int(takers[i].work.set.question_count, 12, "with its questions");

        next[i].arena = store_arena;
        next[i].owner = store_str("run");

        w[i].what = ASSESS_WRITE_END;
        w[i].arena = store_arena;
        w[i].work = &takers[i].work;
        w[i].steps = &step;
        w[i].nsteps = 1;
        w[i].status = ASSESS_COMPLETED;
        w[i].next = &next[i];
        writes[i] = &w[i];
    }

    job_set("lease_owner = 'another', fence = fence + 1",
            takers[2].work.job.job_id);

    assess_jobs_write(store_db, &claim, writes, N);

    for (i = 0; i < N; i++) {
        is_err(w[i].rc, i == 2 ? ASSESS_LOST : ASSESS_OK,
               i == 2 ? "the lease of one is lost" : "the others end");
        is_int(next[i].taken, 0, "alone nobody is given another job");
    }

    is_int(store_sql("select count(*) from assess.assessment_answers"),
           3 * (N - 1), "their answers are saved");
    is_int(store_sql("select jobs from assess.job_counts"
                     " where status = 'completed'"), N - 1, "and counted");

    /* two of those that are left, and each end takes the next one */

    is_err(assess_jobs_claim(store_db, &claim, list, 2, &store_err), ASSESS_OK,
           "two more");

    for (i = 0; i < 2; i++) {
        w[i].work = &takers[i].work;
        writes[i] = &w[i];
    }

    assess_jobs_write(store_db, &claim, writes, 2);

    for (i = 0, taken = 0; i < 2; i++) {
        is_err(w[i].rc, ASSESS_OK, "ends");
        taken += next[i].taken;
    }

    is_int(taken, 1, "and one is left to be taken, under the same name");
    is_int(store_sql("select count(*) from assess.assessment_jobs"
                     " where lease_owner = 'run'"), 1, "by one of them");
}


/* A new job, claimed by a run of this name, and a write of it to be filled in */

static void
claimed_by(assess_claim_t *claim, assess_taker_t *taker, const char *owner,
    assess_write_t *w)
{
    store_claimer_t  who;

    who = store_claimer("a", 60000);

    memset(claim, 0, sizeof(assess_claim_t));
    memcpy(claim->worker_id, who.worker_id, sizeof(claim->worker_id));
    claim->lease_ms = 60000;

    memset(taker, 0, sizeof(assess_taker_t));
    taker->arena = store_arena;
    taker->owner = store_str(owner);

    memset(w, 0, sizeof(assess_write_t));
    w->arena = store_arena;
    w->work = &taker->work;

    (void) store_job(&scope, document_id);
    is_err(assess_jobs_claim(store_db, claim, &taker, 1, &store_err),
           ASSESS_OK, "a job");
}


/* Answers that come too late for their job cost what they cost once */

static void
test_late(void)
{
    int               changed;
    char              sql[200];
    assess_claim_t    claim;
    assess_taker_t    taker;
    assess_step_t     step;
    assess_write_t    w, *writes[1] = { &w };
    assess_answer_t   answers[3];
    assess_change_t   change;

    claimed_by(&claim, &taker, "late", &w);
    is_err(assess_job_cancel(store_db, store_arena, &scope,
                             taker.work.job.job_id, &change, &changed,
                             &store_err), ASSESS_OK, "is cancelled");

    step = a_step(answers, 3);
    w.steps = &step;
    w.nsteps = 1;

    assess_jobs_write(store_db, &claim, writes, 1);

    is_err(w.rc, ASSESS_CANCELLED, "its answers are late");
    is_int(w.change.job.input_tokens, 100, "their tokens are told");

    (void) snprintf(sql, sizeof(sql), "select input_tokens * 10 + steps"
                    " from assess.assessment_jobs where job_id = '%s'",
                    taker.work.job.job_id);
    is_int(store_sql(sql), 1001, "and counted once, as one step");
}


/* Steps of one write: each stage is told once, as it was last */

static void
test_stages(void)
{
    assess_claim_t   claim;
    assess_taker_t   taker;
    assess_step_t    steps[3];
    assess_write_t   w, *writes[1] = { &w };

    claimed_by(&claim, &taker, "stages", &w);

    memset(steps, 0, sizeof(steps));
    steps[0].stage = ASSESS_LLM_PROCESSING;
    steps[0].progress = 10;
    steps[0].step = "first";
    steps[1].progress = 20;
    steps[1].step = "second";
    steps[2].stage = ASSESS_FINALIZING;
    steps[2].progress = 90;
    steps[2].step = "third";

    w.what = ASSESS_WRITE_END;
    w.status = ASSESS_COMPLETED;
    w.steps = steps;
    w.nsteps = 3;

    assess_jobs_write(store_db, &claim, writes, 1);

    is_err(w.rc, ASSESS_OK, "three steps and the end");

    if (is_int((long long) w.change.nevents, 3, "are three events")) {
        ok(strstr(w.change.events[0].data.data, "\"second\"") != NULL
           && strstr(w.change.events[0].data.data, "llm_processing") != NULL,
           "the last of the first stage");
        ok(strstr(w.change.events[1].data.data, "\"third\"") != NULL,
           "that of the second");
        is_str(w.change.events[2].type.data, "complete", "and the end");
    }
}


/* One ends and the next of its lane begins: as many run, and it was served */

static void
test_served(void)
{
    assess_claim_t   claim;
    assess_taker_t   taker, next;
    assess_write_t   w, *writes[1] = { &w };

    claimed_by(&claim, &taker, "served", &w);
    (void) store_job(&scope, document_id);
    (void) store_sql("update assess.lanes set served_at = '-infinity'");

    memset(&next, 0, sizeof(assess_taker_t));
    next.arena = store_arena;
    next.owner = store_str("next");

    w.what = ASSESS_WRITE_END;
    w.status = ASSESS_COMPLETED;
    w.next = &next;

    assess_jobs_write(store_db, &claim, writes, 1);

    is_err(w.rc, ASSESS_OK, "one ends");
    is_int(next.taken, 1, "and one begins with the same write");
    is_int(store_sql("select count(*) from assess.lanes"
                     " where served_at > '-infinity'"), 1,
           "its lane was served by then");
}


static void
test_forget(void)
{
    size_t            n;
    int64_t           rows, oldest, newest;
    long long         before;
    assess_str_t      id;
    assess_event_t   *events;

    (void) store_sql("update assess.event_log set created_at = now()"
                     " - interval '2 minutes' where first_id <= 7");

    before = store_sql("select count(*) from assess.event_log");

    is_err(assess_events_forget(store_db, 60000, &rows, &store_err), ASSESS_OK,
           "old events are forgotten");
    is_int(rows, before - store_sql("select count(*) from assess.event_log"),
           "so many rows of the log");
    ok(rows > 0, "which are some");
    is_err(assess_events_bounds(store_db, &oldest, &newest, &store_err),
           ASSESS_OK, "what is kept");
    is_int(oldest, store_sql("select min(first_id) from assess.event_log"),
           "begins after them");

    is_err(assess_events_forget(store_db, 60000, &rows, &store_err), ASSESS_OK,
           "again");
    is_int(rows, 0, "there is nothing");

    (void) store_sql("delete from assess.event_log");

    id.data = starting[0].change.job.job_id;
    id.len = ASSESS_UUID_LEN;

    is_err(assess_events_latest(store_db, store_arena, &scope, &id, 1, NULL, 0,
                                &events, &n, &store_err), ASSESS_OK,
           "a job whose events are forgotten");
    is_int((long long) n, 1, "tells how it is");
    ok(n == 1 && strncmp(events[0].data.data, "{\"type\":\"", 9) == 0,
       "as an event");
}


int
main(void)
{
    if (!lease_begin()) {
        return 0;
    }

    test_starts();
    test_writes();
    test_late();
    test_stages();
    test_served();
    test_forget();
    test_newer_set();
    test_keys();

    return store_end();
}
