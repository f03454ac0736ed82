
/* sources: store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */

/*
 * Starts whose jobs are run at once: their takers have what a claim would have
 * given them, and the database what it would have written.
 */

#include "store_lease.h"


#define N  3


static assess_starting_t  starting[N];
static assess_start_t     starts[N];
static assess_taker_t     takers[N];


/* Starts so many of them, each for a taker, but for the last one if without. */

static void
start_all(int n, int without)
{
    int                     i;
    char                    owner[32];
    assess_starting_t      *list[N];
    static store_claimer_t  who;

    who = store_claimer("once", 60000);

    for (i = 0; i < n; i++) {
        (void) snprintf(owner, sizeof(owner), "run %d", i);

        memset(&takers[i], 0, sizeof(assess_taker_t));
        takers[i].arena = store_arena;
        takers[i].taken = 1;
        (void) assess_pstrdup(store_arena, &takers[i].owner, owner,
                              strlen(owner));

        memset(&starting[i], 0, sizeof(assess_starting_t));
        starting[i].arena = store_arena;
        starting[i].scope = &scope;
        starting[i].start = &starts[i];
        starting[i].worker_id = who.worker_id;
        starting[i].lease_ms = 60000;
        starting[i].taker = without && i == n - 1 ? NULL : &takers[i];
        list[i] = &starting[i];
    }

    assess_jobs_start(store_db, list, (size_t) n);
}


/* All columns of two jobs but those that differ by their nature. */

static long long
rows_differ(const char *a, const char *b)
{
    char  sql[1200];

    (void) snprintf(sql, sizeof(sql),
                    "select count(*) from (select k.key, k.value from"
                    " assess.assessment_jobs j, jsonb_each(to_jsonb(j)) k"
                    " where j.job_id = '%s') x join (select k.key, k.value"
                    " from assess.assessment_jobs j, jsonb_each(to_jsonb(j)) k"
                    " where j.job_id = '%s') y using (key)"
                    " where x.value <> y.value and key not in ('job_id',"
                    " 'assessment_id', 'created_at', 'started_at', 'told_at',"
                    " 'lease_owner', 'lease_until')", a, b);

    return store_sql(sql);
}


/* One of each, of which the claimed one comes second */

static void
test_as_claimed(void)
{
    char                   last[ASSESS_UUID_LEN + 1];
    assess_work_t          given, claimed, *work;
    assess_change_t       *change;
    store_claimer_t        who;
    const assess_event_t  *events;

    starts[0] = store_start(document_id, "set");
    starts[0].priority = 7;
    starts[0].model = store_str("a-model");
    starts[0].metadata = store_str("{\"a\":1}");
    starts[0].max_cost = 2.5;
    starts[0].traceparent = store_str("00-0af7651916cd43dd8448eb211c80319c-"
                                      "b7ad6b7169203331-01");
    start_all(1, 0);

    is_err(starting[0].rc, ASSESS_OK, "one is started");
    is_int(takers[0].taken, 1, "and taken");

    given = takers[0].work;
    work = &given;
    change = &starting[0].change;
    events = change->events;
    (void) snprintf(last, sizeof(last), "%s", change->job.job_id);

    is_int(change->job.status, ASSESS_PROCESSING, "it is at work");
    is_int(change->begun, 1, "a run of it begins");

    if (is_int((long long) change->nevents, 2, "two events tell of it")) {
        is_str(events[0].type.data, "queued", "that it was queued");
        is_str(events[1].type.data, "progress", "and that it is not any more");
        is_int(events[1].event_id - events[0].event_id, 1, "one after other");
        ok(strstr(events[0].data.data, "\"stage\":null") != NULL, "as it was");
        ok(strstr(events[1].data.data, "\"stage\":\"extracting\"") != NULL,
           "as it is");
        ok(strstr(events[1].data.data, "1970") == NULL, "with their time");
    }

    is_int(store_sql("select count(*) from assess.assessment_progress_events e"
                     " where e.data::jsonb ->> 'timestamp' like '20%'"), 2,
           "the log has them");
    is_int(store_sql("select queued * 10 + running from assess.lanes"), 1,
           "it is counted in its lane");
    is_int(store_sql("select sum(jobs) from assess.job_counts"
                     " where status = 'processing'"), 1, "and of its tenant");

    /* the same, by way of the queue */

    who = store_claimer("once", 60000);
    start_all(1, 1);
    is_err(claim(&who, &claimed), ASSESS_OK, "another one is claimed");

    is_int(rows_differ(last, claimed.job.job_id), 0, "both rows are alike");

    is_int(work->fence, claimed.fence, "the fence");
    is_int(work->steps, claimed.steps, "steps");
    is_int(work->lost, claimed.lost, "leases that were lost");
    is_int(work->limited, claimed.limited, "limited");
    ok(work->max_batch == claimed.max_batch, "the batch's limit");
    is_int(work->lease_ms, claimed.lease_ms, "the lease");
    is_str(work->owner.data, "run 0", "its owner");
    is_str(work->model.data, claimed.model.data, "the model");
    is_str(work->set.question_set_id, claimed.set.question_set_id, "the set");
    is_int(work->set.question_count, claimed.set.question_count, "questions");
    is_int(work->answered[claimed.set.question_count - 1], 0, "no answer");
    is_str(work->document.document_id, claimed.document.document_id,
           "the document");
    is_str(work->document.sha256, claimed.document.sha256, "its bytes");
    is_int(work->document.kind, claimed.document.kind, "its kind");
    is_str(work->document.status, claimed.document.status, "its status");
    is_int(work->job.status, claimed.job.status, "the job's status");
    is_int(work->job.attempt, claimed.job.attempt, "its attempt");
    is_int(work->job.total_batches, claimed.job.total_batches, "batches");
    is_int(work->job.lane, claimed.job.lane, "lane");
    is_str(work->job.tenant.data, claimed.job.tenant.data, "tenant");
    is_str(work->job.metadata.data, claimed.job.metadata.data, "metadata");
    is_str(work->job.traceparent, claimed.job.traceparent, "trace");
    ok(work->job.max_cost == claimed.job.max_cost, "its limit");
    ok(work->job.started_at == work->job.created_at
       && work->job.created_at > 0, "it began when it was made");

    is_err(assess_job_renew(store_db, work, &store_err), ASSESS_OK,
           "the lease is the taker's");
}


static void
test_many(void)
{
    int        i;
    long long  before;

    for (i = 0; i < N; i++) {
        starts[i] = store_start(document_id, "set");
        starts[i].max_cost = -1;
    }

    before = store_sql("select value from assess.event_counter");
    start_all(N, 0);

    for (i = 0; i < N; i++) {
        is_err(starting[i].rc, ASSESS_OK, "one of several is started");
        is_int(takers[i].taken, 1, "for its taker");
        is_str(takers[i].work.job.job_id, starting[i].change.job.job_id,
               "who has this one");
        is_int(job_value("substr(lease_owner, 5)",
                         starting[i].change.job.job_id), i, "as its row says");
    }

    is_int(store_sql("select value from assess.event_counter") - before,
           2 * N, "two events of each");
    is_int(store_sql("select count(*) from assess.assessment_progress_events e"
                     " join assess.assessment_jobs j using (job_id) where"
                     " e.data::jsonb ->> 'jobId' <> j.job_id::text"), 0,
           "of its own job");

    start_all(N, 1);

    for (i = 0; i < N; i++) {
        is_err(starting[i].rc, ASSESS_OK, "where one has no taker");
        is_int(starting[i].change.job.status, ASSESS_QUEUED, "all wait");

        if (starting[i].taker) {
            is_int(takers[i].taken, 0, "and no taker has a job");
        }
    }
}


/* What the set's name means is known here, and is another thing by now */

static void
test_newer_set(void)
{
    const assess_event_t  *events;

    (void) store_sql("insert into assess.question_sets (question_set_id, tenant,"
                     " name, version, instructions, questions, question_count,"
                     " sha256) select gen_random_uuid(), tenant, name,"
                     " version + 1, instructions, questions, 20, decode(repeat("
                     "'00', 32), 'hex') from assess.question_sets"
                     " where name = 'set'");

    starts[0] = store_start(document_id, "set");
    start_all(1, 0);

    is_err(starting[0].rc, ASSESS_OK, "a set has a newer version");
    is_int(takers[0].taken, 1, "its job is taken");
    is_int(takers[0].work.set.question_count, 20, "with that");
    is_int(starting[0].change.job.total_batches, 4, "of so many batches");

    events = starting[0].change.events;
    ok(strstr(events[0].data.data, "\"stage\":null") != NULL,
       "it is told as one that was queued");
    ok(strstr(events[1].data.data, "\"stage\":\"extracting\"") != NULL,
       "and taken");
}


/* Nothing is left behind by one that fails, or that had been made before. */

static void
test_none(void)
{
    char       first[ASSESS_UUID_LEN + 1];
    long long  before;

    before = store_sql("select count(*) from assess.assessment_jobs");

    starts[0] = store_start("01a21815-1a7e-7a0c-9bd0-294d420f5792", "set");
    start_all(1, 0);
    is_err(starting[0].rc, ASSESS_NOT_FOUND, "an unknown document");
    is_int(takers[0].taken, 0, "is nobody's");

    starts[0] = store_start(document_id, "nothing");
    start_all(1, 0);
    is_err(starting[0].rc, ASSESS_NOT_FOUND, "an unknown set");
    is_int(takers[0].taken, 0, "neither");

    is_int(store_sql("select count(*) from assess.assessment_jobs") - before, 0,
           "no job is made");

    starts[0] = store_start(document_id, "set");
    starts[0].idempotency_key = store_str("once");
    start_all(1, 0);
    is_err(starting[0].rc, ASSESS_OK, "one under a key");
    is_int(takers[0].taken, 1, "is taken");
    (void) snprintf(first, sizeof(first), "%s",
                    starting[0].change.job.job_id);

    start_all(1, 0);
    is_err(starting[0].rc, ASSESS_OK, "its repeat");
    is_int(starting[0].replayed, 1, "is one");
    is_str(starting[0].change.job.job_id, first, "is the same job");
    is_int(takers[0].taken, 0, "which is not taken twice");
}


int
main(void)
{
    if (!lease_begin()) {
        return 0;
    }

    test_as_claimed();
    test_many();
    test_newer_set();
    test_none();

    return store_end();
}
