
/* sources: store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */

/* Jobs: from the start to the end, and everybody who is in the way. */

#include "store.h"


static assess_scope_t  scope, other;
static store_claimer_t  one, two;


/* With a lease so short that what ran out is taken over at once */

static store_claimer_t
hasty(const store_claimer_t *claim)
{
    store_claimer_t  copy;

    copy = *claim;
    copy.lease_ms = 1;

    return copy;
}


static assess_err_e
beat(const store_claimer_t *claim)
{
    assess_worker_t  worker;

    worker = store_worker(claim);

    return assess_worker_beat(store_db, &worker, &claim->owner, 1, 60000,
                              &store_err);
}


static void
test_start(void)
{
    int                replayed;
    assess_job_t       job;
    assess_start_t     start;
    assess_upload_t    up;
    assess_change_t    change;
    assess_document_t  doc;

    doc = store_document(&scope, "start");
    (void) store_set(&scope, "set", 12);

    start = store_start(doc.document_id, "set");
    start.max_cost = 0.5;
    start.metadata = store_str("{\"a\":\"\\u0000\"}");

    is_err(job_start(store_db, store_arena, &scope, &start, &change,
                            &replayed, &store_err), ASSESS_OK, "a start");
    is_int(change.job.total_batches, 3, "12 questions by 5 are 3 batches");
    is_int(change.job.status, ASSESS_QUEUED, "the job is queued");
    is_int((long long) change.nevents, 1, "one event");
    is_int(change.events[0].event_id, 1, "the first id");
    ok(strstr(change.events[0].data.data, "{\"type\":\"queued\",\"jobId\":\"")
       == change.events[0].data.data, "the event is of type queued");
    ok(strstr(change.events[0].data.data, "\"stage\":null,\"step\":\"Queued\"")
       != NULL, "the event has no stage");

    is_err(assess_job_read(store_db, store_arena, &scope, change.job.job_id,
                           &job, &store_err), ASSESS_OK, "the job is read");
    is_int(job.queue_position, 1, "it is the first in the queue");
    is_str(job.metadata.data, "{\"a\":\"\\u0000\"}", "the metadata stay");
    ok(job.max_cost == 0.5, "the limit of its cost");
    is_str(job.user.data, "ann", "the user");

    is_err(assess_job_read(store_db, store_arena, &other, change.job.job_id,
                           &job, &store_err), ASSESS_NOT_FOUND,
           "another tenant does not see it");
    is_err(assess_job_read(store_db, store_arena, &scope, "nonsense",
                           &job, &store_err), ASSESS_NOT_FOUND,
           "what is no id is unknown");

    (void) store_set(&other, "set", 1);
    is_err(job_start(store_db, store_arena, &other, &start, &change,
                            &replayed, &store_err), ASSESS_NOT_FOUND,
           "another tenant's document is unknown");
    is_str(store_err.pointer, "/documentId", "and pointed at");

    start.set_name = store_str("nothing");
    is_err(job_start(store_db, store_arena, &scope, &start, &change,
                            &replayed, &store_err), ASSESS_NOT_FOUND,
           "an unknown question set");
    is_str(store_err.pointer, "/questionSet", "is pointed at");

    up = store_upload("b.txt", "with upload", 11);
    start.upload = &up;
    is_err(job_start(store_db, store_arena, &scope, &start, &change,
                            &replayed, &store_err), ASSESS_NOT_FOUND,
           "an upload with an unknown question set");
    is_int(store_sql("select count(*) from assess.documents"), 1,
           "leaves no document");

    start.set_name = store_str("set");
    is_err(job_start(store_db, store_arena, &scope, &start, &change,
                            &replayed, &store_err), ASSESS_OK,
           "upload and start in one");
    is_int(store_sql("select count(*) from assess.documents"), 2,
           "and the document is there");
    is_int(store_sql("select value from assess.event_counter"), 2,
           "what was refused used no id");
}


static void
test_run(void)
{
    int                i;
    assess_job_t       job;
    assess_work_t      work;
    assess_step_t      step;
    assess_answer_t    answers[3];
    assess_change_t    change;
    assess_results_t   results;
    assess_evidence_t  evidence;
    assess_document_t  doc;

    is_err(job_claim(store_db, store_arena, &one, &work,
                            &change, &store_err), ASSESS_OK, "a claim");
    is_int(work.job.status, ASSESS_PROCESSING, "it is processing");
    is_int(work.job.attempt, 1, "the first attempt");
    is_int(work.set.question_count, 12, "with its questions");
    is_str(work.set.questions.data, "[{\"id\":\"q\",\"n\":12}]",
           "to the byte");
    is_str(work.document.filename.data, "a.txt", "with its document");
    ok(strstr(change.events[0].data.data,
              "\"stage\":\"extracting\",\"step\":\"Extracting text\"")
       != NULL, "the event tells the stage");

    memset(&step, 0, sizeof(assess_step_t));
    evidence.quote = store_str("a \"quote\"\n\\ with\001 all");
    evidence.page = 3;
    evidence.verified = 1;

    for (i = 0; i < 3; i++) {
        answers[i] = store_answer(i, i == 1 ? "q\"{\\,}" : "q");
    }

    answers[0].evidence = &evidence;
    answers[0].nevidence = 1;
    answers[1].rationale = store_str("bad \xff utf8");
    answers[1].confidence = 7;
    answers[2].rationale.data = (char *) "nul\0here";
    answers[2].rationale.len = 8;

    step.stage = ASSESS_LLM_PROCESSING;
    step.step = "Assessing questions";
    step.progress = 40;
    step.completed_batches = 1;
    step.input_tokens = 100;
    step.output_tokens = 10;
    step.cost = 0.0132;
    step.estimated_completion = 1764000000123;
    step.answers = answers;
    step.nanswers = 3;

    is_err(job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_OK, "a step");
    is_int(work.job.progress, 40, "the work follows");
    is_int(work.job.estimated_completion, 1764000000123, "in milliseconds");
    ok(work.job.cost == 0.0132, "money to the digit");
    ok(strstr(change.events[0].data.data, "\"cost\":0.0132,") != NULL,
       "also in the event");

    step.progress = 30;
    step.nanswers = 0;
    step.cost = 0;
    is_err(job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_OK, "a step backwards");
    is_int(change.job.progress, 40, "does not go backwards");

    is_err(assess_results_read(store_db, store_arena, &scope, work.job.job_id,
                               &results, &store_err), ASSESS_OK,
           "the answers so far");
    is_int((long long) results.nanswers, 3, "three of them");
    is_str(results.answers[0].evidence[0].quote.data,
           "a \"quote\"\n\\ with\001 all", "a quote to the byte");
    is_int(results.answers[0].evidence[0].page, 3, "with its page");
    is_str(results.answers[1].question_id.data, "q\"{\\,}", "an odd id");
    is_str(results.answers[1].rationale.data, "bad \xEF\xBF\xBD utf8",
           "bad UTF-8 is replaced");
    ok(results.answers[1].confidence == 1, "a confidence is at most 1");
    is_str(results.answers[2].rationale.data, "nul\xEF\xBF\xBDhere",
           "a NUL is replaced");
    is_int(results.complete, 0, "not complete");
    is_err(assess_results_read(store_db, store_arena, &other,
                               work.job.job_id, &results, &store_err),
           ASSESS_NOT_FOUND, "not another tenant's");

    is_err(assess_document_read(store_db, store_arena, &scope,
                                work.job.document_id, &doc, &store_err),
           ASSESS_OK, "its document");
    is_str(doc.status, "processing", "is being processed");

    is_err(job_end(store_db, store_arena, &work, ASSESS_COMPLETED,
                          NULL, NULL, &change, &store_err), ASSESS_OK,
           "the end");
    is_int(change.job.progress, 100, "at 100 percent");
    is_int(change.job.stage, ASSESS_STAGE_NONE, "without a stage");
    ok(change.job.completed_at > 0, "with its time");
    ok(strncmp(change.events[0].data.data, "{\"type\":\"complete\",\"jobId\"",
               26) == 0, "the event carries the job");

    is_err(assess_document_read(store_db, store_arena, &scope,
                                work.job.document_id, &doc, &store_err),
           ASSESS_OK, "its document again");
    is_str(doc.status, "reviewed", "is reviewed");

    is_err(job_end(store_db, store_arena, &work, ASSESS_COMPLETED,
                          NULL, NULL, &change, &store_err), ASSESS_OK,
           "the end again");
    is_int((long long) change.nevents, 0, "is none: it ends once");
    is_err(job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_LOST, "no step after it");
    is_err(assess_job_retry(store_db, store_arena, &scope, work.job.job_id,
                            &change, &store_err), ASSESS_CONFLICT,
           "what is completed is not run again");
    is_err(assess_job_read(store_db, store_arena, &scope, work.job.job_id,
                           &job, &store_err), ASSESS_OK, "read at last");
    is_int(job.completed_batches, 3, "all batches are done");
    is_int(job.queue_position, 0, "no place in the queue");
}


static void
test_fail(void)
{
    assess_work_t      work;
    assess_change_t    change;
    assess_counters_t  counters;

    is_err(job_claim(store_db, store_arena, &one, &work,
                            &change, &store_err), ASSESS_OK, "the next");
    is_err(job_end(store_db, store_arena, &work, ASSESS_JOB_FAILED,
                          "document_damaged", "it is \"torn\"", &change,
                          &store_err), ASSESS_OK, "fails");
    ok(strncmp(change.events[0].data.data, "{\"type\":\"error\",", 16) == 0
       && strstr(change.events[0].data.data, "\"error\":{\"code\":"
                 "\"document_damaged\",\"message\":\"it is \\\"torn\\\"\"}"),
       "the event carries the error");

    is_err(assess_counters_read(store_db, &scope, &counters, &store_err),
           ASSESS_OK, "counters");
    is_int(counters.total_docs, 2, "documents");
    is_int(counters.reviewed, 1, "reviewed");
    is_int(counters.not_reviewed, 1, "not reviewed");
    is_int(counters.failed, 1, "failed");
    is_int(counters.processing + counters.queued, 0, "none under way");

    is_err(assess_job_retry(store_db, store_arena, &other, work.job.job_id,
                            &change, &store_err), ASSESS_NOT_FOUND,
           "not for another tenant");
    is_err(assess_job_retry(store_db, store_arena, &scope, work.job.job_id,
                            &change, &store_err), ASSESS_OK, "a retry");
    is_int(change.job.status, ASSESS_QUEUED, "queues it");
    ok(change.job.error_code.data == NULL, "without the error");
    ok(change.job.completed_at == 0, "and it is not completed");

    is_err(job_claim(store_db, store_arena, &one, &work,
                            &change, &store_err), ASSESS_OK, "claimed again");
    is_int(work.job.attempt, 2, "the second attempt");
    is_err(job_release(store_db, store_arena, &work, &change,
                              &store_err), ASSESS_OK, "handed back");
    is_str(change.events[0].type.data, "queued", "with an event");
    is_err(job_claim(store_db, store_arena, &one, &work,
                            &change, &store_err), ASSESS_OK, "and again");
    is_err(job_end(store_db, store_arena, &work,
                          ASSESS_BUDGET_EXCEEDED, NULL, NULL, &change,
                          &store_err), ASSESS_OK, "out of its budget");
    is_int(change.job.status, ASSESS_BUDGET_EXCEEDED, "is told apart");
    is_err(job_claim(store_db, store_arena, &one, &work,
                            &change, &store_err), ASSESS_NOT_FOUND,
           "nothing is waiting");
}


static void
test_lease(void)
{
    assess_job_t       job;
    assess_step_t      step;
    assess_work_t      a, b;
    store_claimer_t     taker;
    assess_answer_t    answer[7];
    assess_change_t    change;
    assess_document_t  doc;
    int                i;

    doc = store_document(&scope, "lease");
    job = store_job(&scope, doc.document_id);

    is_err(job_claim(store_db, store_arena, &one, &a, &change,
                            &store_err), ASSESS_OK, "one has the lease");
    is_err(job_claim(store_db, store_arena, &two, &b, &change,
                            &store_err), ASSESS_NOT_FOUND, "two has nothing");

    memset(&step, 0, sizeof(assess_step_t));
    step.step = "Assessing questions";
    step.progress = 55;

    for (i = 0; i < 7; i++) {
        answer[i] = store_answer(i + 5, "q");
    }

    step.answers = answer;
    step.nanswers = 7;
    is_err(job_step(store_db, store_arena, &a, &step, &change,
                           &store_err), ASSESS_OK, "seven answers");

    store_sql("update assess.assessment_jobs set lease_until = now()"
              " - interval '1 second' where status = 'processing'");
    is_err(beat(&two), ASSESS_OK, "two renews its own");
    taker = hasty(&two);
    is_err(job_claim(store_db, store_arena, &taker, &b, &change,
                            &store_err), ASSESS_OK, "two takes over");
    is_str(b.job.job_id, job.job_id, "the same job");
    is_int(b.job.attempt, 2, "a new attempt");
    is_int(b.job.progress, 0, "begins anew");
    is_int(b.job.completed_batches, 2, "five are missing: one batch of three");
    ok(b.fence > a.fence, "the fence has risen");
    is_int(a.lost, 0, "one had not taken it over");
    is_int(b.lost, 1, "two knows that it was left once");
    ok(!b.answered[0] && !b.answered[4] && b.answered[5] && b.answered[11],
       "it knows what is answered");

    is_err(job_step(store_db, store_arena, &a, &step, &change,
                           &store_err), ASSESS_LOST, "one has lost it");
    is_err(job_end(store_db, store_arena, &a, ASSESS_COMPLETED, NULL,
                          NULL, &change, &store_err), ASSESS_LOST,
           "and cannot end it");
    is_err(job_release(store_db, store_arena, &a, &change,
                              &store_err), ASSESS_LOST, "nor hand it back");

    store_sql("update assess.assessment_jobs set lease_until = now()"
              " - interval '1 second' where status = 'processing'");
    is_err(beat(&two), ASSESS_OK, "two renews");
    taker = hasty(&one);
    is_err(job_claim(store_db, store_arena, &taker, &a, &change,
                            &store_err), ASSESS_NOT_FOUND, "and keeps it");

    step.nanswers = 0;
    is_err(job_step(store_db, store_arena, &b, &step, &change,
                           &store_err), ASSESS_OK, "a step without answers");
    is_int(store_sql("select lost from assess.assessment_jobs"
                     " where status = 'processing'"), 1, "changes nothing");
    step.nanswers = 7;
    is_err(job_step(store_db, store_arena, &b, &step, &change,
                           &store_err), ASSESS_OK, "one with answers");
    is_int(store_sql("select lost from assess.assessment_jobs"
                     " where status = 'processing'"), 0, "begins to count anew");
    is_err(job_end(store_db, store_arena, &b, ASSESS_COMPLETED, NULL,
                          NULL, &change, &store_err), ASSESS_OK, "two ends it");
    is_int(store_sql("select count(*) from assess.documents where reviewed"
                     " and created_at = (select max(created_at)"
                     " from assess.documents)"), 1,
           "the document is reviewed");
}


static void
test_cancel(void)
{
    int                changed;
    int64_t            before;
    assess_job_t       job;
    assess_step_t      step;
    assess_work_t      work;
    assess_answer_t    answer;
    assess_change_t    change;
    assess_results_t   results;
    assess_document_t  doc;

    doc = store_document(&scope, "cancel");
    job = store_job(&scope, doc.document_id);

    is_err(assess_job_cancel(store_db, store_arena, &other, job.job_id,
                             &change, &changed, &store_err), ASSESS_NOT_FOUND,
           "another tenant cannot cancel");
    is_err(job_claim(store_db, store_arena, &one, &work,
                            &change, &store_err), ASSESS_OK, "it runs");
    is_err(assess_job_cancel(store_db, store_arena, &scope, job.job_id,
                             &change, &changed, &store_err), ASSESS_OK,
           "it is cancelled");
    is_int(changed, 1, "now");
    is_str(change.events[0].type.data, "cancelled", "with an event");
    is_err(assess_job_cancel(store_db, store_arena, &scope, job.job_id,
                             &change, &changed, &store_err), ASSESS_OK,
           "cancelled again");
    is_int(changed, 0, "it had ended before");
    is_int(change.job.status, ASSESS_JOB_CANCELLED, "as it is");

    before = store_sql("select value from assess.event_counter");

    memset(&step, 0, sizeof(assess_step_t));
    answer = store_answer(2, "late");
    step.step = "Assessing questions";
    step.progress = 90;
    step.cost = 0.25;
    step.input_tokens = 7;
    step.answers = &answer;
    step.nanswers = 1;

    is_err(job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_CANCELLED, "a late step");
    is_int(change.job.status, ASSESS_JOB_CANCELLED, "leaves it cancelled");
    is_int(change.job.input_tokens, 7, "with what it cost");
    is_int(store_sql("select value from assess.event_counter"), before,
           "without an event");
    is_err(assess_results_read(store_db, store_arena, &scope, job.job_id,
                               &results, &store_err), ASSESS_OK,
           "its answers");
    is_int((long long) results.nanswers, 1, "are kept");
    is_err(job_end(store_db, store_arena, &work, ASSESS_COMPLETED,
                          NULL, NULL, &change, &store_err), ASSESS_CANCELLED,
           "it cannot be ended");
    is_err(job_release(store_db, store_arena, &work, &change,
                              &store_err), ASSESS_CANCELLED,
           "nor handed back");

    is_err(assess_job_retry(store_db, store_arena, &scope, job.job_id,
                            &change, &store_err), ASSESS_OK, "run again");
    is_err(job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_CANCELLED,
           "the first worker is still told so");
    is_err(job_claim(store_db, store_arena, &two, &work,
                            &change, &store_err), ASSESS_OK, "by another");
    is_int(work.answered[2], 1, "who finds the late answer");
    is_err(job_end(store_db, store_arena, &work, ASSESS_COMPLETED,
                          NULL, NULL, &change, &store_err), ASSESS_OK,
           "and ends it");
}


static void
test_order(void)
{
    int                i, replayed, places[5];
    char               ids[5][ASSESS_UUID_LEN + 1];
    assess_job_t       job;
    assess_work_t      work;
    assess_start_t     start;
    assess_change_t    change;
    assess_document_t  doc;

    static const int   priority[4] = { 0, 5, -5, 5 };
    static const int   order[4] = { 1, 3, 0, 2 };

    doc = store_document(&scope, "order");
    start = store_start(doc.document_id, "set");

    for (i = 0; i < 4; i++) {
        start.priority = priority[i];
        is_err(job_start(store_db, store_arena, &scope, &start,
                                &change, &replayed, &store_err), ASSESS_OK,
               "a job of some priority");
        memcpy(ids[i], change.job.job_id, sizeof(ids[0]));
    }

    for (i = 0; i < 4; i++) {
        (void) assess_job_read(store_db, store_arena, &scope, ids[order[i]],
                               &job, &store_err);
        is_int(job.queue_position, i + 1, "its place in the queue");
    }

    (void) assess_uuid(ids[4]);
    is_err(assess_jobs_places(store_db,
                              (const char (*)[ASSESS_UUID_LEN + 1]) ids, 5,
                              places, &store_err), ASSESS_OK, "all at once");

    for (i = 0; i < 4; i++) {
        is_int(places[order[i]], i + 1, "the same place");
    }

    is_int(places[4], 0, "what is not in the queue has none");

    for (i = 0; i < 4; i++) {
        (void) job_claim(store_db, store_arena, &one, &work,
                                &change, &store_err);
        is_str(work.job.job_id, ids[order[i]], "the order of claims");
        (void) job_end(store_db, store_arena, &work, ASSESS_COMPLETED,
                              NULL, NULL, &change, &store_err);
    }
}


static void
test_list(void)
{
    int                   pages;
    size_t                i, n, seen;
    char                  last[ASSESS_UUID_LEN + 1];
    int64_t               total, time;
    assess_job_t         *jobs;
    assess_str_t          next;
    assess_job_filter_t   filter;

    memset(&filter, 0, sizeof(assess_job_filter_t));
    filter.status = -1;
    filter.paging.limit = 3;
    seen = 0;
    time = INT64_MAX;
    last[0] = '\0';

    for (pages = 0; pages < 10; pages++) {
        is_err(assess_jobs_list(store_db, store_arena, &scope, &filter, &jobs,
                                &n, &next, &total, &store_err), ASSESS_OK,
               "a page of jobs");

        for (i = 0; i < n; i++) {
            ok(jobs[i].created_at <= time && strcmp(jobs[i].job_id, last) != 0,
               "newest first");
            time = jobs[i].created_at;
            memcpy(last, jobs[i].job_id, sizeof(last));
        }

        seen += n;

        if (next.data == NULL) {
            break;
        }

        filter.paging.cursor = next;
    }

    is_int((long long) seen, total, "all of them");
    is_int(total, 8, "eight");

    memset(&filter, 0, sizeof(assess_job_filter_t));
    filter.paging.limit = 50;
    filter.status = ASSESS_BUDGET_EXCEEDED;
    (void) assess_jobs_list(store_db, store_arena, &scope, &filter, &jobs, &n,
                            &next, &total, &store_err);
    is_int((long long) n, 1, "by status");

    filter.status = -1;
    filter.document_id = store_str(jobs[0].document_id);
    (void) assess_jobs_list(store_db, store_arena, &scope, &filter, &jobs, &n,
                            &next, &total, &store_err);
    is_int((long long) n, 1, "by document");

    is_err(assess_jobs_list(store_db, store_arena, &other, &filter, &jobs, &n,
                            &next, &total, &store_err), ASSESS_OK,
           "another tenant's document");
    is_int((long long) n + total, 0, "is an empty list");

    filter.document_id = store_str("x' or '1'='1");
    is_err(assess_jobs_list(store_db, store_arena, &scope, &filter, &jobs, &n,
                            &next, &total, &store_err), ASSESS_OK,
           "what is no id");
    is_int((long long) n + total, 0, "is an empty list, too");

    filter.document_id.data = NULL;
    filter.user = store_str("bob' or 'a'='a");
    is_err(assess_jobs_list(store_db, store_arena, &scope, &filter, &jobs, &n,
                            &next, &total, &store_err), ASSESS_OK,
           "an odd user");
    is_int((long long) n + total, 0, "has no jobs");

    filter.user.data = NULL;
    filter.paging.cursor = store_str("MTIz");
    is_err(assess_jobs_list(store_db, store_arena, &scope, &filter, &jobs, &n,
                            &next, &total, &store_err), ASSESS_INVALID,
           "a cursor of our own making");
    is_str(store_err.pointer, "cursor", "is named");
}


int
main(void)
{
    if (!store_begin(1)) {
        return 0;
    }

    scope = store_scope("acme", "ann");
    other = store_scope("globex", NULL);
    one = store_claimer("one", 60000);
    two = store_claimer("two", 60000);

    test_start();
    test_run();
    test_fail();
    test_lease();
    test_cancel();
    test_order();
    test_list();

    return store_end();
}
