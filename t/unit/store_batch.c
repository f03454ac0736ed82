
/* sources: store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */

/* Batches: all jobs or none, what is counted of them, and who tells it. */

#include "store.h"

#include "store/assess_batch.h"


static assess_scope_t   scope, other;
static store_claimer_t  one;


/* So many documents, and a start of them all */

static assess_batch_start_t
batch_of(size_t n, const char *text)
{
    char                  name[64];
    size_t                i;
    assess_document_t     doc;
    assess_batch_start_t  start;

    memset(&start, 0, sizeof(assess_batch_start_t));
    start.start = store_start("", "set");
    start.start.metadata = store_str("{\"a\":\n1}");
    start.document_ids = assess_palloc(store_arena,
                                       n * sizeof(*start.document_ids));
    start.ndocuments = n;

    for (i = 0; i < n; i++) {
        (void) snprintf(name, sizeof(name), "%s %zu", text, i);
        doc = store_document(&scope, name);
        memcpy(start.document_ids[i], doc.document_id, ASSESS_UUID_LEN + 1);
    }

    return start;
}


static assess_batch_t
batch_started(size_t n, const char *text)
{
    int                     replayed;
    assess_batch_start_t    start;
    assess_batch_change_t   change;

    start = batch_of(n, text);

    is_err(assess_batch_start(store_db, store_arena, &scope, &start, &change,
                              &replayed, &store_err), ASSESS_OK, text);

    return change.batch;
}


static assess_batch_t
batch_now(const char *id)
{
    assess_batch_t  batch;

    memset(&batch, 0, sizeof(assess_batch_t));

    if (assess_batch_read(store_db, store_arena, &scope, id, &batch,
                          &store_err) != ASSESS_OK)
    {
        ok(0, "read a batch: %s", store_err.message);
    }

    return batch;
}


/* What is told when nothing was told for a while */

static size_t
told(assess_batches_told_t *t)
{
    (void) store_sql("update assess.batch_assessments"
                     " set told_at = '-infinity'");

    if (assess_batches_tell(store_db, store_arena, t, &store_err)
        != ASSESS_OK)
    {
        ok(0, "tell: %s", store_err.message);
    }

    return t->nevents;
}


static assess_err_e
act(const char *id, assess_batch_act_e what, assess_batch_change_t *change)
{
    return assess_batch_act(store_db, store_arena, &scope, id, what, change,
                            &store_err);
}


static size_t
slices(const char *id)
{
    size_t            n, all;
    assess_change_t  *changes;

    for (all = 0, n = 1; n; all += n) {
        if (assess_batch_slice(store_db, store_arena, id, &changes, &n,
                               &store_err) != ASSESS_OK)
        {
            ok(0, "a slice: %s", store_err.message);
            break;
        }
    }

    return all;
}


/* Runs the next job to its end; 0: there is none */

static int
run_one(assess_status_e status)
{
    assess_work_t    work;
    assess_step_t    step;
    assess_change_t  change;

    if (job_claim(store_db, store_arena, &one, &work, &change, &store_err)
        != ASSESS_OK)
    {
        return 0;
    }

    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_LLM_PROCESSING;
    step.step = "Assessing questions";
    step.total_batches = 1;
    step.input_tokens = 10;
    step.output_tokens = 2;
    step.cost = 0.25;

    if (job_step(store_db, store_arena, &work, &step, &change, &store_err)
        != ASSESS_OK
        || job_end(store_db, store_arena, &work, status,
                   status == ASSESS_JOB_FAILED ? "internal" : NULL,
                   status == ASSESS_JOB_FAILED ? "why" : NULL, &change,
                   &store_err) != ASSESS_OK)
    {
        ok(0, "run a job: %s", store_err.message);
    }

    return 1;
}


static void
test_refused(void)
{
    int                     replayed;
    assess_batch_start_t    start;
    assess_batch_change_t   change;

    start = batch_of(4, "refused");

    memcpy(start.document_ids[3], start.document_ids[1],
           sizeof(start.document_ids[3]));
    is_err(assess_batch_start(store_db, store_arena, &scope, &start, &change,
                              &replayed, &store_err), ASSESS_IMPOSSIBLE,
           "a document twice");
    is_str(store_err.pointer, "/documentIds/3", "is pointed at");

    (void) assess_uuid(start.document_ids[2]);
    (void) assess_uuid(start.document_ids[3]);
    is_err(assess_batch_start(store_db, store_arena, &scope, &start, &change,
                              &replayed, &store_err), ASSESS_NOT_FOUND,
           "unknown documents");
    is_str(store_err.pointer, "/documentIds/2", "the first is pointed at");

    start.ndocuments = 2;
    start.start.set_name = store_str("nothing");
    is_err(assess_batch_start(store_db, store_arena, &scope, &start, &change,
                              &replayed, &store_err), ASSESS_NOT_FOUND,
           "an unknown question set");
    is_str(store_err.pointer, "/questionSet", "is pointed at");

    start.start.set_name = store_str("set");
    (void) store_set(&other, "set", 1);
    is_err(assess_batch_start(store_db, store_arena, &other, &start, &change,
                              &replayed, &store_err), ASSESS_NOT_FOUND,
           "another tenant's documents");
    is_str(store_err.pointer, "/documentIds/0", "are unknown");

    start.ndocuments = 0;
    is_err(assess_batch_start(store_db, store_arena, &scope, &start, &change,
                              &replayed, &store_err), ASSESS_INVALID,
           "no document");

    is_int(store_sql("select count(*) from assess.assessment_jobs"), 0,
           "what was refused left no job");
    is_int(store_sql("select count(*) from assess.batch_assessments"), 0,
           "no batch");
    is_int(store_sql("select count(*) from assess.lanes"), 0, "no lane");
    is_int(store_sql("select value from assess.event_counter"), 0,
           "and no event");
}


static void
test_start(void)
{
    int                     replayed;
    assess_batch_t          batch;
    assess_batch_start_t    start;
    assess_batch_change_t   change;

    start = batch_of(3, "start");
    start.start.idempotency_key = store_str("key");

    is_err(assess_batch_start(store_db, store_arena, &scope, &start, &change,
                              &replayed, &store_err), ASSESS_OK, "a start");
    is_int(replayed, 0, "is the first one");
    is_int((long long) change.nevents, 1, "one event for all");
    is_int(change.events[0].event_id, 1, "the first id");
    ok(strstr(change.events[0].data.data, "{\"type\":\"batch\",\"batchId\":\"")
       == change.events[0].data.data, "of type batch");
    ok(strchr(change.events[0].data.data, '\n') == NULL, "in one line");
    is_int(store_sql("select told_id from assess.batch_assessments"), 1,
           "it is known as the last one");

    batch = batch_now(change.batch.batch_id);
    is_int(batch.status, ASSESS_BATCH_QUEUED, "it is queued");
    is_int(batch.documents, 3, "with its documents");
    is_int(batch.questions, 12, "and questions");
    is_str(batch.user.data, "ann", "the user");

    is_int(store_sql("select count(*) from assess.assessment_jobs j"
                     " join assess.batch_assessments b using (batch_id)"
                     " where j.total_batches = 3 and j.lane = assess.lane("
                     "j.tenant, j.user_name, b.batch_id, 0, 'local')"), 3,
           "its jobs are in its lane");
    is_int(store_sql("select queued from assess.lanes"), 3, "are counted");
    is_int(store_sql("select jobs from assess.job_counts"
                     " where status = 'queued'"), 3, "for the tenant, too");
    is_int(store_sql("select jobs from assess.batch_assessments"), 3,
           "and for itself");

    is_err(assess_batch_read(store_db, store_arena, &other,
                             change.batch.batch_id, &batch, &store_err),
           ASSESS_NOT_FOUND, "another tenant does not see it");

    is_err(assess_batch_start(store_db, store_arena, &scope, &start, &change,
                              &replayed, &store_err), ASSESS_OK,
           "once more under its key");
    is_int(replayed, 1, "is the same again");
    is_str(change.batch.batch_id, batch_now(change.batch.batch_id).batch_id,
           "which is there");
    is_int(store_sql("select count(*) from assess.batch_assessments"), 1,
           "one batch");

    start.start.request_hash[0] = '1';
    is_err(assess_batch_start(store_db, store_arena, &scope, &start, &change,
                              &replayed, &store_err), ASSESS_IMPOSSIBLE,
           "another request under that key");
}


static void
test_run(void)
{
    char                     id[ASSESS_UUID_LEN + 1];
    size_t                   n;
    assess_str_t             ids, next;
    int64_t                  total;
    assess_batch_t           batch, *list;
    assess_event_t          *events;
    assess_batches_told_t    t;
    assess_batch_filter_t    filter;

    memset(&filter, 0, sizeof(assess_batch_filter_t));
    filter.paging.limit = 10;
    filter.status = -1;

    is_err(assess_batches_list(store_db, store_arena, &scope, &filter, &list,
                               &n, &next, &total, &store_err), ASSESS_OK,
           "a list");
    is_int((long long) n, 1, "of one batch");
    memcpy(id, list[0].batch_id, sizeof(id));

    is_int((long long) told(&t), 0, "nothing is to be told");

    is_int(run_one(ASSESS_COMPLETED), 1, "a job runs");
    batch = batch_now(id);
    is_int(batch.completed, 1, "it is counted");
    is_int(batch.input_tokens, 10, "with its tokens");
    ok(batch.cost == 0.25, "and its cost");
    ok(batch.started_at > 0, "the batch was begun");

    is_int((long long) told(&t), 1, "that is told");
    ok(strstr(t.events[0].data.data, "\"status\":\"processing\"") != NULL,
       "it goes on");
    ok(strstr(t.events[0].data.data, "\"completedAt\":null}") != NULL,
       "it has not ended");
    is_int(batch_now(id).status, ASSESS_BATCH_PROCESSING, "so it is");

    is_int(run_one(ASSESS_JOB_FAILED), 1, "another one fails");
    is_err(assess_batches_tell(store_db, store_arena, &t, &store_err),
           ASSESS_OK, "right after that");
    is_int((long long) t.nevents, 0, "nothing is told");
    is_int(t.later, 1, "but later");

    is_int(run_one(ASSESS_COMPLETED), 1, "the last one");
    is_int((long long) told(&t), 1, "the end is told");
    ok(strstr(t.events[0].data.data, "\"status\":\"completed\"") != NULL,
       "as completed");
    ok(strstr(t.events[0].data.data, "\"completedAt\":null}") == NULL,
       "with a time");
    is_int(store_sql("select count(*) from assess.batch_assessments"
                     " where open"), 0, "it is not looked at any more");

    ids = store_str(id);
    is_err(assess_batches_latest(store_db, store_arena, &scope, &ids, 1,
                                 &events, &n, &store_err), ASSESS_OK,
           "the latest event");
    is_int((long long) n, 1, "is one");
    is_int(events[0].event_id, t.events[0].event_id, "that one");
    is_str(events[0].data.data, t.events[0].data.data, "as it was told");

    is_err(assess_batches_latest(store_db, store_arena, &other, &ids, 1,
                                 &events, &n, &store_err), ASSESS_OK,
           "another tenant");
    is_int((long long) n, 0, "sees nothing");
}


static void
test_retry(void)
{
    size_t                   n;
    int64_t                  total;
    assess_str_t             next;
    assess_batch_t          *list, batch;
    assess_job_t             job;
    assess_change_t          again;
    assess_job_t            *jobs;
    assess_job_filter_t      failed;
    assess_batch_filter_t    filter;
    assess_batch_change_t    change;
    assess_batches_told_t    t;

    memset(&filter, 0, sizeof(assess_batch_filter_t));
    filter.paging.limit = 10;
    filter.status = ASSESS_BATCH_COMPLETED;

    is_err(assess_batches_list(store_db, store_arena, &scope, &filter, &list,
                               &n, &next, &total, &store_err), ASSESS_OK,
           "those that are completed");
    is_int(total, 1, "are one");

    is_err(act(list[0].batch_id, ASSESS_BATCH_PAUSE, &change),
           ASSESS_CONFLICT, "it cannot be paused");
    is_err(act(list[0].batch_id, ASSESS_BATCH_RESUME, &change),
           ASSESS_CONFLICT, "nor resumed");
    is_err(act(list[0].batch_id, ASSESS_BATCH_CANCEL, &change), ASSESS_OK,
           "cancelling it");
    is_int(change.changed, 0, "changes nothing");

    /* one job by itself: the batch is not at its end any more */

    memset(&failed, 0, sizeof(assess_job_filter_t));
    failed.paging.limit = 10;
    failed.status = ASSESS_JOB_FAILED;
    is_err(assess_jobs_list(store_db, store_arena, &scope, &failed, &jobs, &n,
                            &next, &total, &store_err), ASSESS_OK,
           "the failed job");
    job = jobs[0];
    is_err(assess_job_retry(store_db, store_arena, &scope, job.job_id, &again,
                            &store_err), ASSESS_OK, "is run again");
    is_int((long long) told(&t), 1, "that is told");
    batch = batch_now(list[0].batch_id);
    is_int(batch.status, ASSESS_BATCH_PROCESSING, "the batch goes on");
    is_int(batch.failed, 0, "without a failed one");
    ok(batch.completed_at == 0, "and has not ended");

    is_int(run_one(ASSESS_JOB_FAILED), 1, "it fails again");
    is_int((long long) told(&t), 1, "that is told");
    is_int(batch_now(list[0].batch_id).status, ASSESS_BATCH_COMPLETED,
           "the batch has ended again");

    /* all of them */

    (void) store_sql("update assess.batch_assessments"
                     " set told_at = '-infinity'");
    is_err(act(list[0].batch_id, ASSESS_BATCH_RETRY, &change), ASSESS_OK,
           "what failed is run again");
    is_int(change.batch.status, ASSESS_BATCH_PROCESSING, "it goes on");
    is_int((long long) change.nevents, 1, "which is told");
    is_int((long long) told(&t), 0, "it has not ended meanwhile");
    is_int((long long) t.work.n, 1, "but there is work");
    is_int((long long) slices(list[0].batch_id), 1, "one job");
    is_int(store_sql("select count(*) from assess.event_log"
                     " where 'queued' = any (types)"), 2, "is told as queued");
    is_int(batch_now(list[0].batch_id).retrying, 0, "that was all");

    is_int(run_one(ASSESS_COMPLETED), 1, "it runs");
    is_int((long long) told(&t), 1, "and ends");
    batch = batch_now(list[0].batch_id);
    is_int(batch.status, ASSESS_BATCH_COMPLETED, "completed");
    is_int(batch.completed, 3, "with all");
    is_err(act(list[0].batch_id, ASSESS_BATCH_RETRY, &change),
           ASSESS_CONFLICT, "now nothing is to be run again");
    is_int(store_sql("select count(*) from assess.assessment_jobs"
                     " where status in ('queued', 'processing')"), 0,
           "no document is at work");
}


/* What it will cost: asked of one, and of another where that one is not heard of */

static void
test_cost(void)
{
    assess_batch_t        batch;
    assess_batch_asked_t  asked;

    batch = batch_started(2, "cost");

    is_err(assess_batch_to_cost(store_db, store_arena, batch.batch_id, &asked,
                                &store_err), ASSESS_OK, "who comes first");
    is_int((long long) asked.n, 2, "is told of its documents");
    is_str(asked.provider.data, "local", "of the provider");
    is_int(asked.created_at, batch.created_at, "and since when it is there");
    is_err(assess_batch_to_cost(store_db, store_arena, batch.batch_id, &asked,
                                &store_err), ASSESS_NOT_FOUND, "and no other");

    (void) store_sql("update assess.batch_assessments set cost_due = now()"
                     " where isfinite(cost_due)");
    is_err(assess_batch_to_cost(store_db, store_arena, batch.batch_id, &asked,
                                &store_err), ASSESS_OK, "unless it fails");
    is_err(assess_batch_costs(store_db, batch.batch_id, 0.25, &store_err),
           ASSESS_OK, "it is known");
    ok(batch_now(batch.batch_id).estimated_cost == 0.25, "and told");
    is_err(assess_batch_to_cost(store_db, store_arena, batch.batch_id, &asked,
                                &store_err), ASSESS_NOT_FOUND,
           "that was all");
    is_err(assess_batch_costs(store_db, batch.batch_id, -1, &store_err),
           ASSESS_OK, "it cannot be known");
    ok(batch_now(batch.batch_id).estimated_cost < 0, "so it is not");
    (void) store_sql("delete from assess.assessment_jobs;"
                     " delete from assess.batch_assessments;"
                     " select assess.recount()");
}


static void
test_pause(void)
{
    assess_batch_t         batch;
    assess_batch_change_t  change;
    assess_batches_told_t  t;

    batch = batch_started(3, "pause");

    (void) told(&t);
    is_err(act(batch.batch_id, ASSESS_BATCH_PAUSE, &change), ASSESS_OK,
           "a pause");
    is_int(change.batch.status, ASSESS_BATCH_PAUSED, "is one");
    is_int(run_one(ASSESS_COMPLETED), 0, "no job is claimed");
    is_err(act(batch.batch_id, ASSESS_BATCH_PAUSE, &change), ASSESS_OK,
           "once more");
    is_int(change.changed, 0, "changes nothing");

    is_err(act(batch.batch_id, ASSESS_BATCH_RESUME, &change), ASSESS_OK,
           "it goes on");
    is_int(change.batch.status, ASSESS_BATCH_QUEUED, "as it was");
    is_int((long long) change.nevents, 0, "which is not told at once");
    is_int((long long) told(&t), 1, "but is told");
    is_int(run_one(ASSESS_COMPLETED), 1, "a job is claimed");

    is_err(act(batch.batch_id, ASSESS_BATCH_PAUSE, &change), ASSESS_OK,
           "paused in the middle");
    is_int((long long) told(&t), 1, "what is told");
    is_int(batch_now(batch.batch_id).status, ASSESS_BATCH_PAUSED,
           "does not end the pause");
    is_err(act(batch.batch_id, ASSESS_BATCH_RESUME, &change), ASSESS_OK,
           "resumed");
    is_int(change.batch.status, ASSESS_BATCH_PROCESSING, "it is processing");

    is_err(assess_batch_act(store_db, store_arena, &other, batch.batch_id,
                            ASSESS_BATCH_PAUSE, &change, &store_err),
           ASSESS_NOT_FOUND, "another tenant cannot do that");
    is_err(act("nonsense", ASSESS_BATCH_PAUSE, &change), ASSESS_NOT_FOUND,
           "what is no id is unknown");

    while (run_one(ASSESS_COMPLETED)) { /* void */ }

    (void) told(&t);
    is_int(batch_now(batch.batch_id).status, ASSESS_BATCH_COMPLETED,
           "it comes to its end");
}


static void
test_cancel(void)
{
    assess_work_t          work;
    assess_batch_t         batch;
    assess_change_t        ended;
    assess_batch_change_t  change;
    assess_batches_told_t  t;

    batch = batch_started(600, "cancel");

    is_err(job_claim(store_db, store_arena, &one, &work, &ended, &store_err),
           ASSESS_OK, "one job runs");

    (void) told(&t);
    (void) store_sql("update assess.batch_assessments"
                     " set told_at = '-infinity'");
    is_err(act(batch.batch_id, ASSESS_BATCH_CANCEL, &change), ASSESS_OK,
           "it is cancelled");
    is_int(change.batch.status, ASSESS_BATCH_CANCELLED, "at once");
    ok(change.batch.completed_at == 0, "though it has not ended");
    is_err(act(batch.batch_id, ASSESS_BATCH_RETRY, &change), ASSESS_CONFLICT,
           "it cannot be run again yet");
    is_err(act(batch.batch_id, ASSESS_BATCH_RESUME, &change),
           ASSESS_CONFLICT, "nor resumed");

    (void) told(&t);
    is_int((long long) t.work.n, 1, "its jobs are to be ended");
    is_int((long long) slices(batch.batch_id), 600, "all of them are");
    is_err(job_end(store_db, store_arena, &work, ASSESS_COMPLETED, NULL, NULL,
                   &ended, &store_err), ASSESS_CANCELLED,
           "the one that ran finds out");

    is_int((long long) told(&t), 1, "that is told");
    batch = batch_now(batch.batch_id);
    is_int(batch.status, ASSESS_BATCH_CANCELLED, "it stays cancelled");
    is_int(batch.cancelled, 600, "with all of its jobs");
    ok(batch.completed_at > 0, "it has ended");
    is_int(store_sql("select sum(queued) + sum(running) from assess.lanes"),
           0, "no lane has a job");
    is_int(store_sql("select count(*) from assess.assessment_jobs"
                     " where status in ('queued', 'processing')"), 0,
           "no document is at work");

    /* again, and cancelled before the first is queued */

    is_err(act(batch.batch_id, ASSESS_BATCH_RETRY, &change), ASSESS_OK,
           "now it can be run again");
    is_err(act(batch.batch_id, ASSESS_BATCH_CANCEL, &change), ASSESS_OK,
           "and cancelled");
    is_int(change.changed, 1, "which is a change");
    is_int((long long) slices(batch.batch_id), 0, "no job is touched");
    (void) told(&t);
    ok(batch_now(batch.batch_id).completed_at > 0, "it has ended again");

    is_err(act(batch.batch_id, ASSESS_BATCH_RETRY, &change), ASSESS_OK,
           "run again");
    is_int((long long) slices(batch.batch_id), 600, "all are queued");
    is_int(run_one(ASSESS_COMPLETED), 1, "and can be claimed");

    /* without money */

    (void) store_sql("update assess.batch_assessments"
                     " set status = 'budget_exceeded', changes = changes + 1"
                     " where status in ('processing', 'queued')");
    is_int((long long) slices(batch.batch_id), 599, "the rest is stopped");
    (void) told(&t);
    batch = batch_now(batch.batch_id);
    is_int(batch.status, ASSESS_BATCH_BUDGET_EXCEEDED, "as the batch is");
    is_int(batch.failed, 599, "they count as failed");
    is_int(batch.completed, 1, "but one");
    ok(batch.completed_at > 0, "it has ended");
}


static void
test_results(void)
{
    char                    after[ASSESS_UUID_LEN + 1];
    size_t                  n, i, answers;
    assess_work_t           work;
    assess_step_t           step;
    assess_batch_t          batch;
    assess_answer_t         a[2];
    assess_change_t         change;
    assess_batch_answer_t  *rows;

    batch = batch_started(50, "results");

    a[0] = store_answer(0, "q0");
    a[1] = store_answer(1, "q1");
    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_LLM_PROCESSING;
    step.step = "Assessing questions";
    step.answers = a;
    step.nanswers = 2;

    while (job_claim(store_db, store_arena, &one, &work, &change, &store_err)
           == ASSESS_OK)
    {
        if (job_step(store_db, store_arena, &work, &step, &change, &store_err)
            != ASSESS_OK
            || job_end(store_db, store_arena, &work, ASSESS_COMPLETED, NULL,
                       NULL, &change, &store_err) != ASSESS_OK)
        {
            ok(0, "run a job: %s", store_err.message);
        }
    }

    answers = 0;
    after[0] = '\0';

    for (n = 1; n; ) {

        if (assess_batch_results(store_db, store_arena, &scope, &batch, after,
                                 &rows, &n, &store_err) != ASSESS_OK)
        {
            ok(0, "results: %s", store_err.message);
            break;
        }

        ok(n <= 512, "%zu rows at once", n);

        for (i = 0; i < n; i++) {

            if (strcmp(rows[i].job_id, after) < 0 || !rows[i].given
                || rows[i].answer.ordinal != (int) (answers % 2))
            {
                ok(0, "row %zu is in its place", answers);
            }

            memcpy(after, rows[i].job_id, sizeof(after));
            answers++;
        }
    }

    is_int((long long) answers, 100, "all answers, in their order");
}


/* Jobs of a batch by what became of them */

static const assess_batch_some_t *
some_of(const assess_batch_work_t *work, assess_batch_some_e what, size_t nth)
{
    size_t  i;

    for (i = 0; i < work->n; i++) {
        if (work->some[i].what == what && nth-- == 0) {
            return &work->some[i];
        }
    }

    return NULL;
}


static void
test_work(void)
{
    double                      jobs, asked;
    size_t                      i;
    assess_batch_t              batch;
    assess_batch_work_t         work;
    assess_batches_told_t       t;
    assess_batch_change_t       change;
    assess_batch_weights_t      weights;
    assess_batch_estimate_t     estimate;
    const assess_batch_some_t  *some;

    for (i = 0; i < ASSESS_BATCH_KINDS; i++) {
        weights.always[i] = 2;
        weights.byte[i] = 0;
    }

    batch = batch_started(40, "work");

    is_err(assess_batch_work(store_db, store_arena, batch.batch_id, &weights,
                             &work, &store_err), ASSESS_NOT_FOUND,
           "a batch that was not begun has no end yet");

    for (i = 0; i < 8; i++) {
        (void) run_one(ASSESS_COMPLETED);
    }

    (void) told(&t);
    (void) told(&t);
    is_int((long long) t.guess.n, 1, "one that runs is to be looked at");
    is_str(t.guess.ids[0], batch.batch_id, "that one");

    (void) store_sql("update assess.documents set pages = 1, extractor = 1,"
                     " read_at = clock_timestamp() - interval '1 day'"
                     " where document_id in (select j.document_id"
                     " from assess.assessment_jobs j join"
                     " assess.batch_assessments b using (batch_id)"
                     " where j.status = 'queued' and b.completed_at is null"
                     " order by j.job_id limit 2)");

    is_err(assess_batch_work(store_db, store_arena, batch.batch_id, &weights,
                             &work, &store_err), ASSESS_OK, "its work");

    jobs = 0;
    asked = 0;

    for (i = 0; (some = some_of(&work, ASSESS_BATCH_ENDED, i)) != NULL; i++) {
        jobs += some->jobs;
        asked += some->asked - some->cached - some->left - some->read;
    }

    ok(jobs == 8 && asked == 8, "what has ended");

    some = some_of(&work, ASSESS_BATCH_ENDED, 0);
    ok(some && some->begun >= 0 && some->ended >= some->begun
       && some->ended <= work.seconds + 1, "and when");
    ok(some_of(&work, ASSESS_BATCH_RUNS, 0) == NULL, "nothing runs");
    ok(some_of(&work, ASSESS_BATCH_WAITS, 15)
       && some_of(&work, ASSESS_BATCH_WAITS, 16) == NULL,
       "what waits, in sixteen parts");

    some = some_of(&work, ASSESS_BATCH_WAITS, 0);
    ok(some && some->jobs == 2 && some->unread == 0 && some->left > 0,
       "the first of them have their text");
    some = some_of(&work, ASSESS_BATCH_WAITS, 1);
    ok(some && some->jobs == 2 && some->unread == 4 && some->longest == 2,
       "the next ones have not");

    estimate.seconds = 10;
    estimate.low = 5;
    estimate.high = 20;
    estimate.quality = "fair";
    estimate.again_ms = 60000;

    is_err(assess_batch_estimated(store_db, batch.batch_id, &estimate,
                                  &store_err), ASSESS_OK, "an estimate");
    is_int((long long) told(&t), 1, "is told");
    ok(strstr(t.events[0].data.data, "\"estimateQuality\":\"fair\","
              "\"estimatedRange\":{\"earliest\":\"") != NULL,
       "with how good it is: %s", t.events[0].data.data);
    is_int((long long) t.guess.n, 0, "and not made again at once");

    batch = batch_now(batch.batch_id);
    is_int(batch.latest - batch.earliest, 15000, "so it is in the batch");
    is_int(batch.latest - batch.estimated_completion, 10000, "all of it");

    estimate.seconds = 99;
    is_err(assess_batch_estimated(store_db, batch.batch_id, &estimate,
                                  &store_err), ASSESS_OK, "another teller");
    is_int(batch_now(batch.batch_id).estimated_completion,
           batch.estimated_completion, "comes too late");

    is_err(act(batch.batch_id, ASSESS_BATCH_PAUSE, &change), ASSESS_OK,
           "a pause");
    ok(change.batch.estimated_completion == 0
       && batch_now(batch.batch_id).estimated_completion == 0,
       "has no end");
    is_err(act(batch.batch_id, ASSESS_BATCH_RESUME, &change), ASSESS_OK,
           "it goes on");
    ok(change.batch.estimated_completion == 0, "and nobody knows yet");

    is_err(assess_batch_work(store_db, store_arena, batch.batch_id, &weights,
                             &work, &store_err), ASSESS_OK, "after that");
    ok(some_of(&work, ASSESS_BATCH_ENDED, 0) == NULL,
       "what was done before the pause says nothing");

    estimate.seconds = -1;
    estimate.quality = NULL;
    is_err(assess_batch_estimated(store_db, batch.batch_id, &estimate,
                                  &store_err), ASSESS_OK, "no estimate");
    ok(batch_now(batch.batch_id).estimated_completion == 0, "is none");

    while (run_one(ASSESS_COMPLETED)) { /* void */ }

    (void) told(&t);
    is_int((long long) t.guess.n, 0, "one that ended is not looked at");
}


int
main(void)
{
    if (!store_begin(1)) {
        return 0;
    }

    scope = store_scope("acme", "ann");
    other = store_scope("rival", NULL);
    one = store_claimer("w1", 60000);

    (void) store_set(&scope, "set", 12);

    test_refused();
    test_start();
    test_run();
    test_retry();
    test_cost();
    test_pause();
    test_cancel();
    test_results();
    test_work();

    return store_end();
}
