
/* What the files of a job's run share. */

#ifndef ASSESS_JOB_RUN_INT_H
#define ASSESS_JOB_RUN_INT_H


#include "assess_key.h"
#include "assess_steps.h"


/* where each stage begins, of a hundred */
#define ASSESS_AT_LOOKUP      10
#define ASSESS_AT_ASKING      15
#define ASSESS_AT_FINAL       96


/* a job on its way down the page */

typedef struct {
    assess_engine_t     *engine;
    assess_client_t     *client;
    assess_provider_t   *provider;
    assess_arena_t      *arena;      /* what lasts as long as the job */
    assess_work_t        work;
    assess_steps_t       steps;

    assess_page_t       *pages;
    size_t               npages;
    size_t               pages_room;
    int64_t              told;       /* when progress was last told, ms */

    assess_passage_t    *passages;
    size_t               npassages;
    assess_quotes_t     *quotes;

    assess_question_t   *questions;
    size_t               nquestions;
    assess_item_t       *items;      /* those without an answer */
    size_t               nitems;
    const unsigned char **keys;          /* by ordinal; NULL: not kept */

    int                  total_batches;
    int                  completed_batches;
    int                  first_batch;    /* completed before the asking */
    int64_t              asking;         /* since */
    assess_err_t         refused;        /* a step that had been kept */
} assess_run_t;


/* The document's text: what was saved, or what is found in it now. */
assess_err_e assess_run_text(assess_run_t *run, assess_err_t *err);

/* Answers that are there already: the step has them, and their items go. */
assess_err_e assess_run_cached(assess_run_t *run, const assess_ask_t *ask,
    assess_step_t *step, assess_err_t *err);

assess_err_e assess_run_step(assess_run_t *run, assess_step_t *step,
    assess_err_t *err);

/* The progress of a job whose questions are being answered. */
int assess_run_asked(const assess_run_t *run);

/* Whether what costs nothing to do again is to end; ctx is the run. */
int assess_run_interrupted(void *ctx);

assess_err_e assess_run_memory(assess_err_t *err);


#endif /* ASSESS_JOB_RUN_INT_H */
