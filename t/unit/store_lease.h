
/* What the tests of leases share: one document, and jobs looked at closely. */

#ifndef STORE_LEASE_H
#define STORE_LEASE_H


#include "store.h"


static assess_scope_t  scope;
static char            document_id[ASSESS_UUID_LEN + 1];


/* All that the store knows of jobs, answers and events, as one number. */

static long long __attribute__((unused))
state(void)
{
    return store_sql("select ('x' || left(md5(string_agg(t, '|' order by t)),"
                     " 15))::bit(60)::bigint from (select j::text as t"
                     " from assess.assessment_jobs j union all"
                     " select a::text from assess.assessment_answers a"
                     " union all select e::text"
                     " from assess.assessment_progress_events e) x");
}


static long long __attribute__((unused))
job_value(const char *expression, const char *job_id)
{
    char  sql[400];

    (void) snprintf(sql, sizeof(sql), "select (%s)::bigint"
                    " from assess.assessment_jobs where job_id = '%s'",
                    expression, job_id);

    return store_sql(sql);
}


static void __attribute__((unused))
job_set(const char *what, const char *job_id)
{
    char  sql[400];

    (void) snprintf(sql, sizeof(sql), "update assess.assessment_jobs set %s"
                    " where job_id = '%s'", what, job_id);

    is_int(store_sql(sql), 1, "a job is changed by hand");
}


static assess_err_e
claim(const store_claimer_t *who, assess_work_t *work)
{
    assess_change_t  change;

    return job_claim(store_db, store_arena, who, work, &change,
                            &store_err);
}


/* The next job is this one's */

static void __attribute__((unused))
claimed(const store_claimer_t *who, assess_work_t *work, const char *name)
{
    is_err(claim(who, work), ASSESS_OK, name);
}


static void __attribute__((unused))
finish(assess_work_t *work)
{
    assess_change_t  change;

    is_err(job_end(store_db, store_arena, work, ASSESS_COMPLETED, NULL,
                          NULL, &change, &store_err), ASSESS_OK, "it ends");
}


static assess_step_t __attribute__((unused))
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


static int
lease_begin(void)
{
    if (!store_begin(1)) {
        return 0;
    }

    scope = store_scope("acme", "ann");
    memcpy(document_id, store_document(&scope, "lease").document_id,
           sizeof(document_id));
    (void) store_set(&scope, "set", 12);

    return 1;
}


#endif /* STORE_LEASE_H */
