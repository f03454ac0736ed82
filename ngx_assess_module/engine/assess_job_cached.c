
/* A run's answers that were given before. */

#include "assess_job_run_int.h"

#include <string.h>


static int assess_run_keys(assess_run_t *run,
    unsigned char (**keys)[ASSESS_KEY_LEN]);


/* what was asked before is not asked, nor paid for, again */

assess_err_e
assess_run_look(assess_run_t *run, assess_err_t *err)
{
    assess_err_e      rc;
    assess_engine_t  *engine;

    unsigned char  (*keys)[ASSESS_KEY_LEN];

    if (run->looked) {
        return ASSESS_OK;
    }

    run->looked = 1;
    engine = run->engine;

    if (engine->answers_ms == 0 || run->nitems == 0
        || assess_provider_conf(run->provider)->type == ASSESS_PROVIDER_LOCAL)
    {
        return ASSESS_OK;
    }

    if (assess_run_keys(run, &keys) != 0) {
        return assess_run_memory(err);
    }

    do {
        rc = assess_answers_cached(engine->db, run->arena,
                                   &run->work.job.tenant, keys, run->nitems,
                                   engine->answers_ms, 0, &run->kept,
                                   &run->nkept, err);
    } while (assess_steps_again(&run->steps, rc));

    if (rc != ASSESS_OK) {
        return rc;
    }

    assess_count(&engine->metrics->answer_hits, run->nkept);
    assess_count(&engine->metrics->answer_misses, run->nitems - run->nkept);

    return ASSESS_OK;
}


/* a key for each item; its answer will be saved under it */

static int
assess_run_keys(assess_run_t *run,
    unsigned char (**keys)[ASSESS_KEY_LEN])
{
    size_t          i;
    assess_keys_t  *hash;

    hash = assess_keys_create(run->arena, assess_provider_conf(run->provider),
                              &run->ask, run->document->pages,
                              run->document->npages, run->document->passages,
                              run->document->npassages);

    *keys = assess_palloc(run->arena, run->nitems * ASSESS_KEY_LEN);
    run->keys = assess_pcalloc(run->arena,
                               run->questions->n * sizeof(unsigned char *));

    if (hash == NULL || *keys == NULL || run->keys == NULL) {
        return -1;
    }

    for (i = 0; i < run->nitems; i++) {
        if (assess_keys_item(hash, &run->items[i], (*keys)[i]) != 0) {
            return -1;
        }

        run->keys[run->items[i].question->ordinal] = (*keys)[i];
    }

    return 0;
}


/*
 * Answers that are there already become this job's, and their items go.  The
 * quotes are checked again: the document may be another one.
 */

void
assess_run_take(assess_run_t *run, assess_step_t *step)
{
    int               batches;
    size_t            i, j, n, left, per_batch;
    assess_item_t    *item;
    assess_answer_t  *answers;

    n = run->nkept;
    answers = run->kept;

    if (n == 0) {
        return;
    }

    for (i = 0; i < n; i++) {
        item = &run->items[answers[i].ordinal];

        answers[i].ordinal = item->question->ordinal;
        answers[i].question_id = item->question->id;

        for (j = 0; j < answers[i].nevidence; j++) {
            assess_quote_check(run->document->quotes,
                               &answers[i].evidence[j]);
        }

        item->question = NULL;
    }

    left = 0;

    for (i = 0; i < run->nitems; i++) {
        if (run->items[i].question) {
            run->items[left++] = run->items[i];
        }
    }

    run->nitems = left;

    per_batch = (size_t) assess_provider_conf(run->provider)
                         ->questions_per_batch;
    batches = run->total_batches
              - (int) ((left + per_batch - 1) / per_batch);

    if (batches > run->completed_batches) {
        run->completed_batches = batches;
    }

    step->progress = assess_run_asked(run);
    step->answers = answers;
    step->nanswers = n;
}
