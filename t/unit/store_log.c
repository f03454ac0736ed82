
/* sources: store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */

/* Lines of jobs, what is cleaned by age, and the pause of the queue. */

#include "store.h"

#include "store/assess_history.h"
#include "store/assess_overview.h"


static assess_scope_t   scope, other;
static store_claimer_t  one;


static assess_str_t
text(const char *line)
{
    static assess_buf_t  b;

    assess_str_t  s;

    assess_buf_reset(&b);
    assess_log_put(&b, ASSESS_LEVEL_WARN, "%s", line);
    assess_log_put(&b, ASSESS_LEVEL_INFO, "and more");

    s.data = b.data;
    s.len = b.len;

    return s;
}


static assess_err_e
save(assess_work_t *work, const char *line)
{
    assess_step_t    step;
    assess_write_t   w;
    assess_change_t  change;

    memset(&step, 0, sizeof(assess_step_t));
    memset(&w, 0, sizeof(assess_write_t));
    step.progress = 20;
    w.steps = &step;
    w.nsteps = 1;
    w.lines = text(line);

    return store_write(store_db, &w, store_arena, work, &change, &store_err);
}


/* Pages of two, put together: the messages, apart by a bar */

static const char *
all(const assess_scope_t *who, const char *job_id)
{
    size_t              i, n;
    assess_buf_t        b;
    assess_str_t        next, from;
    assess_paging_t     paging;
    assess_log_line_t  *lines;

    memset(&b, 0, sizeof(assess_buf_t));
    memset(&paging, 0, sizeof(assess_paging_t));
    paging.limit = 2;

    do {
        if (assess_log_read(store_db, store_arena, who, job_id, &paging,
                            &lines, &n, &next, &from, &store_err)
            != ASSESS_OK)
        {
            return "";
        }

        for (i = 0; i < n; i++) {
            assess_buf_printf(&b, "%s%s %s", b.len ? "|" : "",
                              assess_level_name(lines[i].level),
                              lines[i].message.data);
        }

        paging.cursor = next;

    } while (next.data);

    return b.data;
}


static void
test_lines(void)
{
    char               sql[256];
    assess_job_t       job;
    assess_work_t      work, late;
    assess_change_t    change;
    assess_document_t  doc;

    doc = store_document(&scope, "lines");
    (void) store_set(&scope, "set", 6);
    job = store_job(&scope, doc.document_id);

    is_str(all(&scope, job.job_id), "info queued with priority 0",
           "that it was queued, the job itself tells");

    is_err(job_claim(store_db, store_arena, &one, &work, &change, &store_err),
           ASSESS_OK, "a claim");
    is_int(work.left, 0, "of a job that waited");

    late = work;
    is_err(save(&work, "first"), ASSESS_OK, "a step with lines");
    is_str(all(&scope, job.job_id), "info queued with priority 0|warn first|"
           "info and more", "they are there");

    /* a commit in doubt: the same step once more */

    is_err(save(&late, "first"), ASSESS_OK, "the same step again");
    is_str(all(&scope, job.job_id), "info queued with priority 0|warn first|"
           "info and more", "tells nothing twice");

    late = work;
    late.fence--;
    is_err(save(&late, "stranger"), ASSESS_LOST, "who has lost the lease");
    is_err(save(&work, "bad \xff\xfe"), ASSESS_OK, "bytes that are no text");
    ok(strstr(all(&scope, job.job_id), "stranger") == NULL, "says nothing");
    ok(strstr(all(&scope, job.job_id), "bad \xef\xbf\xbd") != NULL,
       "are mended");

    is_err(assess_job_cancel(store_db, store_arena, &scope, job.job_id,
                             &change, &(int) { 0 }, &store_err), ASSESS_OK,
           "a cancel");
    is_err(save(&work, "too late"), ASSESS_CANCELLED, "a step after that");
    ok(strstr(all(&scope, job.job_id), "info cancelled by a call|"
              "warn too late|info and more") != NULL, "is told in its order");

    is_str(all(&other, job.job_id), "", "another tenant sees nothing");
    is_err(store_err.kind, ASSESS_NOT_FOUND, "as of a job that is none");

    /* by age, the oldest first */

    (void) snprintf(sql, sizeof(sql), "update assess.job_lines set written_at"
                    " = now() - interval '2 days' where lines like"
                    " '%%warn first%%'");
    is_int(store_sql(sql), 1, "one row is old");

    {
        int64_t  n;

        is_err(assess_log_forget(store_db, 24 * 3600 * 1000LL, &n,
                                 &store_err), ASSESS_OK, "a cleaning");
        is_int(n, 1, "takes that one");
    }

    ok(strstr(all(&scope, job.job_id), "first") == NULL, "it is gone");
    ok(strstr(all(&scope, job.job_id), "info queued") != NULL,
       "and what the job tells is not");
}


static int64_t
forget(int status, int64_t age_ms)
{
    char    (*ids)[ASSESS_UUID_LEN + 1];
    size_t    n;

    if (assess_jobs_forget(store_db, store_arena, status, age_ms, 100, &ids,
                           &n, &store_err) != ASSESS_OK)
    {
        printf("# %s\n", store_err.message);
        return -1;
    }

    return (int64_t) n;
}


/* Kept counts are what there is */

static int
counts_are_right(void)
{
    return store_sql("select count(*) from (select tenant, status, count(*)"
                     " as jobs from assess.assessment_jobs group by 1, 2) j"
                     " full join (select * from assess.job_counts"
                     " where jobs <> 0) k using (tenant, status)"
                     " where k.jobs is distinct from j.jobs") == 0;
}


static void
test_history(void)
{
    char               sql[512];
    int64_t            gone;
    assess_job_t       done, waits, held;
    assess_work_t      work;
    assess_answer_t    answer;
    assess_step_t      step;
    assess_change_t    change;
    assess_document_t  doc;

    (void) store_sql("delete from assess.assessment_jobs;"
                     " delete from assess.job_counts");

    doc = store_document(&scope, "history");
    done = store_job(&scope, doc.document_id);

    is_err(job_claim(store_db, store_arena, &one, &work, &change, &store_err),
           ASSESS_OK, "a claim");

    memset(&step, 0, sizeof(assess_step_t));
    answer = store_answer(0, "q");
    step.answers = &answer;
    step.nanswers = 1;

    is_err(job_step(store_db, store_arena, &work, &step, &change, &store_err),
           ASSESS_OK, "a step with an answer");
    is_err(job_end(store_db, store_arena, &work, ASSESS_COMPLETED, NULL, NULL,
                   &change, &store_err), ASSESS_OK, "its end");

    waits = store_job(&scope, doc.document_id);

    is_int(forget(-1, 3600 * 1000), 0, "what has just ended stays");
    is_int(forget(ASSESS_JOB_FAILED, 0), 0, "another status stays");

    /* one of a batch that goes on */

    held = store_job(&scope, doc.document_id);
    is_err(assess_job_cancel(store_db, store_arena, &scope, held.job_id,
                             &change, &(int) { 0 }, &store_err), ASSESS_OK,
           "a cancel");
    (void) snprintf(sql, sizeof(sql), "insert into assess.batch_assessments"
                    " (batch_id, tenant, question_set_id, total_documents)"
                    " select '%s', tenant, question_set_id, 1"
                    " from assess.assessment_jobs where job_id = '%s'",
                    held.job_id, held.job_id);
    (void) store_sql(sql);
    (void) snprintf(sql, sizeof(sql), "update assess.assessment_jobs"
                    " set batch_id = job_id where job_id = '%s'",
                    held.job_id);
    is_int(store_sql(sql), 1, "of a batch");

    is_int(forget(-1, 0), 1, "what has ended goes");
    (void) snprintf(sql, sizeof(sql), "select count(*)"
                    " from assess.assessment_answers where job_id = '%s'",
                    done.job_id);
    is_int(store_sql(sql), 0, "with its answers");
    ok(counts_are_right(), "the counts are right");
    is_int(store_sql("select count(*) from assess.documents where reviewed"),
           1, "the document is as it was");

    (void) store_sql("update assess.batch_assessments set status ="
                     " 'completed'");
    is_int(forget(-1, 0), 1, "and when its batch has ended, that of it");
    is_int(forget(-1, 0), 0, "no more");

    /* then the batch, and what was kept of budgets */

    (void) store_sql("insert into assess.budgets (tenant, name) select tenant,"
                     " batch_id::text from assess.batch_assessments");
    (void) store_sql("insert into assess.budgets (tenant, name) values"
                     " ('history', '2020-01-31'), ('history', to_char(now(),"
                     " 'YYYY-MM-DD'))");
    is_err(assess_batches_forget(store_db, 0, 10, &gone, &store_err),
           ASSESS_OK, "batches are forgotten");
    is_int(gone, 0, "none that has not ended");
    (void) store_sql("update assess.batch_assessments set open = false,"
                     " jobs = 0, completed_at = now()");
    is_err(assess_batches_forget(store_db, 3600 * 1000, 10, &gone, &store_err),
           ASSESS_OK, "batches");
    is_int(gone, 0, "none that has just ended");
    is_err(assess_batches_forget(store_db, 0, 10, &gone, &store_err),
           ASSESS_OK, "batches");
    is_int(gone, 1, "but one without a job");
    is_int(store_sql("select count(*) from assess.batch_assessments"), 0,
           "it is gone");
    is_int(store_sql("select count(*) from assess.budgets"), 1,
           "of budgets that of today is left");

    (void) snprintf(sql, sizeof(sql), "select count(*)"
                    " from assess.assessment_jobs where job_id = '%s'",
                    waits.job_id);
    is_int(store_sql(sql), 1, "what waits stays");
    ok(counts_are_right(), "the counts are right");
}


static void
test_pause(void)
{
    int             paused;
    assess_str_t    by;
    assess_pause_t  pause, again;
    assess_overview_t  queue;

    is_err(assess_paused(store_db, &paused, &store_err), ASSESS_OK,
           "asked");
    is_int(paused, 0, "it is not paused");

    by = store_str("ann");
    is_err(assess_pause_begin(store_db, store_arena, &by, &pause, &store_err),
           ASSESS_OK, "a pause");
    ok(pause.since > 0, "since when");
    is_str(pause.by.data, "ann", "and by whom");

    memset(&by, 0, sizeof(assess_str_t));
    is_err(assess_pause_begin(store_db, store_arena, &by, &again, &store_err),
           ASSESS_OK, "another one");
    ok(again.since == pause.since, "changes nothing");
    is_str(again.by.data, "ann", "nor by whom it is");

    (void) assess_paused(store_db, &paused, &store_err);
    is_int(paused, 1, "it is paused");

    is_err(assess_overview_read(store_db, store_arena, &queue, &store_err),
           ASSESS_OK, "the queue");
    ok(queue.pause.since == pause.since, "says so");
    is_int((long long) queue.ndepths, 1, "one priority");
    is_int(queue.depths[0].queued, 1, "one waits");
    is_int(queue.jobs[ASSESS_QUEUED], 1, "by status, too");
    ok(queue.oldest > 0 && queue.oldest <= queue.now, "for a while");

    is_err(assess_pause_end(store_db, &store_err), ASSESS_OK, "resumed");
    (void) assess_paused(store_db, &paused, &store_err);
    is_int(paused, 0, "it is not paused");

    is_err(assess_pause_begin(store_db, store_arena, &by, &pause, &store_err),
           ASSESS_OK, "paused by nobody");
    ok(pause.since > 0 && pause.by.data == NULL, "which is said");
    is_err(assess_pause_end(store_db, &store_err), ASSESS_OK, "resumed");
}


int
main(void)
{
    if (!store_begin(1)) {
        return 0;
    }

    scope = store_scope("acme", "ann");
    other = store_scope("other", NULL);
    one = store_claimer("one", 60000);

    test_lines();
    test_history();
    test_pause();

    return store_end();
}
