
#ifndef _GNU_SOURCE
#define _GNU_SOURCE                     /* O_TMPFILE */
#endif

#include "assess_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define ASSESS_PROGRESS_MS    500      /* between two steps of extraction */
#define ASSESS_MAX_LOST       5        /* leases in a row that ran out */

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

    int                  total_batches;
    int                  completed_batches;
    int                  first_batch;    /* completed before the asking */
    int64_t              asking;         /* since */
} assess_run_t;


static assess_err_e assess_run_job(assess_run_t *run, assess_err_t *err);
static void assess_run_conclude(assess_run_t *run, assess_err_e rc,
    assess_err_t *err);
static assess_err_e assess_run_text(assess_run_t *run, assess_err_t *err);
static assess_err_e assess_run_extract(assess_run_t *run, assess_err_t *err);
static int assess_run_file(assess_run_t *run, assess_err_t *err);
static assess_err_e assess_run_page(void *ctx, const assess_page_t *page,
    assess_err_t *err);
static assess_err_e assess_run_lookup(assess_run_t *run, assess_err_t *err);
static assess_err_e assess_run_search(assess_run_t *run, assess_err_t *err);
static assess_err_e assess_run_ask(assess_run_t *run, assess_err_t *err);
static assess_err_e assess_run_reply(void *ctx, const assess_reply_t *reply,
    assess_err_t *err);
static assess_err_e assess_run_step(assess_run_t *run, assess_step_t *step,
    assess_err_t *err);
static assess_err_e assess_run_end(assess_run_t *run, assess_status_e status,
    const char *code, const char *message, assess_err_t *err);
static int assess_run_interrupted(void *ctx);
static int assess_run_cancelled(void *ctx);
static int assess_run_stopping(void *ctx);
static assess_err_e assess_run_memory(assess_err_t *err);


assess_err_e
assess_engine_run(assess_engine_t *engine, assess_client_t *client,
    const assess_str_t *owner, assess_err_t *err)
{
    assess_err_e     rc;
    assess_run_t     run;
    assess_claim_t   claim;
    assess_change_t  change;

    memset(&run, 0, sizeof(assess_run_t));

    run.engine = engine;
    run.client = client;

    run.arena = assess_arena_create();
    if (run.arena == NULL) {
        return assess_run_memory(err);
    }

    memset(&claim, 0, sizeof(assess_claim_t));
    memcpy(claim.worker_id, engine->worker_id, sizeof(claim.worker_id));
    claim.owner = *owner;
    claim.lease_ms = engine->lease_ms;

    rc = assess_job_claim(engine->db, run.arena, &claim, &run.work, &change,
                          err);

    if (rc == ASSESS_OK) {
        engine->publish(engine->ctx, &change);

        rc = assess_run_job(&run, err);
        assess_run_conclude(&run, rc, err);

        rc = ASSESS_OK;
    }

    assess_arena_destroy(run.arena);

    return rc;
}


/* the whole job */

static assess_err_e
assess_run_job(assess_run_t *run, assess_err_t *err)
{
    assess_err_e   rc;
    assess_step_t  step;

    if (run->work.lost > ASSESS_MAX_LOST) {
        return assess_fail(err, ASSESS_FAILED, "internal",
                           "given up: the process that ran the job ended %d "
                           "times before it had a new answer",
                           run->work.lost);
    }

    rc = assess_questions_read(run->arena, &run->work.set, &run->questions,
                               &run->nquestions, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    run->provider = assess_engine_provider(run->engine, &run->work.provider);
    if (run->provider == NULL) {
        return assess_fail(err, ASSESS_FAILED, "provider_unavailable",
                           "provider \"%s\" is not configured here any more",
                           run->work.provider.data);
    }

    run->total_batches = run->work.job.total_batches;
    run->completed_batches = run->work.job.completed_batches;

    rc = assess_run_text(run, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    rc = assess_run_lookup(run, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    rc = assess_run_ask(run, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_FINALIZING;
    step.step = "Finishing";
    step.progress = ASSESS_AT_FINAL;

    rc = assess_run_step(run, &step, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    return assess_run_end(run, ASSESS_COMPLETED, NULL, NULL, err);
}


/* what becomes of a job that did not get to its end */

static void
assess_run_conclude(assess_run_t *run, assess_err_e rc, assess_err_t *err)
{
    assess_err_e      end;
    const char       *code;
    assess_err_t      why;
    assess_change_t   change;
    assess_engine_t  *engine;

    engine = run->engine;

    switch (rc) {

    case ASSESS_OK:
    case ASSESS_CANCELLED:
        return;

    case ASSESS_STOPPING:
        end = assess_job_release(engine->db, run->arena, &run->work, &change,
                                 &why);
        if (end == ASSESS_OK) {
            engine->publish(engine->ctx, &change);
        }
        break;

    case ASSESS_LOST:
    case ASSESS_UNAVAILABLE:

        /* the lease is, or will soon be, another's: nobody renews it now */

        end = ASSESS_OK;
        engine->log(engine->ctx, rc, run->work.job.job_id, err->message);
        break;

    default:
        code = rc == ASSESS_FAILED && err->code ? err->code : "internal";

        engine->log(engine->ctx, rc, run->work.job.job_id, err->message);
        end = assess_run_end(run, ASSESS_JOB_FAILED, code, err->message, &why);
    }

    if (end != ASSESS_OK && end != ASSESS_CANCELLED) {
        engine->log(engine->ctx, end, run->work.job.job_id, why.message);
    }
}


/* the text: what was saved, or what is found in the document now */

static assess_err_e
assess_run_text(assess_run_t *run, assess_err_t *err)
{
    assess_err_e    rc;
    assess_scope_t  scope;

    scope.tenant = run->work.job.tenant;
    scope.user = run->work.job.user;

    rc = assess_document_pages(run->engine->db, run->arena, &scope,
                               run->work.document.document_id,
                               ASSESS_EXTRACTOR_VERSION, &run->pages,
                               &run->npages, err);

    if (rc != ASSESS_CONFLICT) {
        return rc;
    }

    rc = assess_run_extract(run, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    return assess_document_save_pages(run->engine->db, &scope,
                                      run->work.document.document_id,
                                      ASSESS_EXTRACTOR_VERSION, run->pages,
                                      run->npages, err);
}


static assess_err_e
assess_run_extract(assess_run_t *run, assess_err_t *err)
{
    int                   fd;
    assess_err_e          rc;
    assess_scope_t        scope;
    assess_extract_cb_t   cb;

    fd = assess_run_file(run, err);
    if (fd == -1) {
        return err->kind;
    }

    scope.tenant = run->work.job.tenant;
    scope.user = run->work.job.user;

    rc = assess_document_copy(run->engine->db, &scope,
                              run->work.document.document_id, fd, err);

    if (rc == ASSESS_OK) {
        cb.page = assess_run_page;
        cb.cancelled = assess_run_interrupted;
        cb.ctx = run;

        run->told = assess_mono_ms();
        run->npages = 0;

        run->engine->cpu_enter(run->engine->ctx);

        rc = assess_extract(&run->engine->extract, run->work.document.kind,
                            fd, &cb, err);

        run->engine->cpu_leave(run->engine->ctx);
    }

    (void) close(fd);

    if (rc == ASSESS_CANCELLED && run->engine->stopping(run->engine->ctx)) {
        return ASSESS_STOPPING;
    }

    return rc;
}


/* a file without a name: nothing is left of it, whatever happens */

static int
assess_run_file(assess_run_t *run, assess_err_t *err)
{
    int  fd;

    fd = open(run->engine->temp_path, O_TMPFILE|O_RDWR|O_CLOEXEC, 0600);

    if (fd == -1) {
        (void) assess_fail(err, ASSESS_ERROR, "internal",
                           "a temporary file cannot be made: %s",
                           strerror(errno));
    }

    return fd;
}


static assess_err_e
assess_run_page(void *ctx, const assess_page_t *page, assess_err_t *err)
{
    assess_run_t *run = ctx;

    size_t          room;
    int64_t         now;
    assess_page_t  *pages;
    assess_step_t   step;

    if (run->npages == run->pages_room) {

        room = run->pages_room ? run->pages_room * 2 : 64;

        pages = assess_palloc(run->arena, room * sizeof(assess_page_t));
        if (pages == NULL) {
            return assess_run_memory(err);
        }

        if (run->npages) {
            memcpy(pages, run->pages, run->npages * sizeof(assess_page_t));
        }

        run->pages = pages;
        run->pages_room = room;
    }

    pages = &run->pages[run->npages];
    pages->page = page->page;

    if (assess_pstrdup(run->arena, &pages->text, page->text.data,
                       page->text.len) != 0)
    {
        return assess_run_memory(err);
    }

    run->npages++;

    now = assess_mono_ms();

    if (now - run->told < ASSESS_PROGRESS_MS) {
        return ASSESS_OK;
    }

    run->told = now;

    /* how many pages will come is not known: half of what is left, again */

    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_EXTRACTING;
    step.step = "Extracting text";
    step.progress = (int) (ASSESS_AT_LOOKUP * run->npages
                           / (run->npages + 100));

    return assess_run_step(run, &step, err);
}


static assess_err_e
assess_run_lookup(assess_run_t *run, assess_err_t *err)
{
    assess_err_e   rc;
    assess_step_t  step;

    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_VECTOR_LOOKUP;
    step.step = "Finding passages";
    step.progress = ASSESS_AT_LOOKUP;

    rc = assess_run_step(run, &step, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    run->engine->cpu_enter(run->engine->ctx);

    rc = assess_run_search(run, err);

    run->engine->cpu_leave(run->engine->ctx);

    return rc;
}


static assess_err_e
assess_run_search(assess_run_t *run, assess_err_t *err)
{
    size_t           i, max;
    assess_err_e     rc;
    assess_hit_t    *hits;
    assess_item_t   *item;
    assess_index_t  *index;

    rc = assess_passages_cut(run->arena, run->pages, run->npages,
                             &run->passages, &run->npassages, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    index = assess_index_create(run->arena, run->passages, run->npassages);
    run->quotes = assess_quotes_create(run->arena, run->pages, run->npages);
    run->items = assess_pcalloc(run->arena,
                                run->nquestions * sizeof(assess_item_t));

    if (index == NULL || run->quotes == NULL || run->items == NULL) {
        return assess_run_memory(err);
    }

    max = (size_t) assess_provider_conf(run->provider)->passages;

    for (i = 0; i < run->nquestions; i++) {

        if (run->work.answered[i]) {
            continue;
        }

        hits = assess_palloc(run->arena, max * sizeof(assess_hit_t));
        if (hits == NULL) {
            return assess_run_memory(err);
        }

        item = &run->items[run->nitems++];
        item->question = &run->questions[i];
        item->hits = hits;
        item->nhits = assess_index_search(index, item->question, hits, max);
    }

    return ASSESS_OK;
}


static assess_err_e
assess_run_ask(assess_run_t *run, assess_err_t *err)
{
    assess_ask_t   ask;
    assess_err_e   rc;
    assess_step_t  step;

    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_LLM_PROCESSING;
    step.step = "Assessing questions";
    step.progress = ASSESS_AT_ASKING;

    rc = assess_run_step(run, &step, err);
    if (rc != ASSESS_OK || run->nitems == 0) {
        return rc;
    }

    run->asking = assess_mono_ms();
    run->first_batch = run->completed_batches;

    memset(&ask, 0, sizeof(assess_ask_t));
    ask.set = &run->work.set;
    ask.document = &run->work.document;
    ask.model = run->work.model;
    ask.items = run->items;
    ask.nitems = run->nitems;
    ask.reply = assess_run_reply;
    ask.cancelled = assess_run_cancelled;
    ask.stopping = assess_run_stopping;
    ask.ctx = run;

    rc = assess_provider_ask(run->provider, run->client, run->arena, &ask,
                             err);

    if (rc == ASSESS_CANCELLED && run->engine->stopping(run->engine->ctx)) {
        return ASSESS_STOPPING;
    }

    return rc;
}


/* what came of a request: its quotes checked, its answers and costs saved */

static assess_err_e
assess_run_reply(void *ctx, const assess_reply_t *reply, assess_err_t *err)
{
    assess_run_t *run = ctx;

    int            done;
    size_t         i, j;
    int64_t        elapsed;
    assess_step_t  step;

    for (i = 0; i < reply->nanswers; i++) {
        for (j = 0; j < reply->answers[i].nevidence; j++) {
            assess_quote_check(run->quotes, &reply->answers[i].evidence[j]);
        }
    }

    run->completed_batches += reply->batches;

    if (run->completed_batches > run->total_batches) {
        run->completed_batches = run->total_batches;
    }

    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_LLM_PROCESSING;
    step.step = "Assessing questions";
    step.progress = ASSESS_AT_ASKING + (ASSESS_AT_FINAL - ASSESS_AT_ASKING)
                    * run->completed_batches
                    / (run->total_batches ? run->total_batches : 1);
    step.input_tokens = reply->input_tokens;
    step.output_tokens = reply->output_tokens;
    step.cost = reply->cost;
    step.answers = reply->answers;
    step.nanswers = reply->nanswers;

    done = run->completed_batches - run->first_batch;

    if (done > 0) {
        elapsed = assess_mono_ms() - run->asking;
        step.estimated_completion = assess_now_ms() + elapsed
                       * (run->total_batches - run->completed_batches) / done;
    }

    return assess_run_step(run, &step, err);
}


static assess_err_e
assess_run_step(assess_run_t *run, assess_step_t *step, assess_err_t *err)
{
    assess_err_e      rc;
    assess_job_t      job;
    assess_arena_t   *arena;
    assess_change_t   change;

    job = run->work.job;

    step->total_batches = run->total_batches;
    step->completed_batches = run->completed_batches;

    /* an arena of its own: a job has many steps */

    arena = assess_arena_create();
    if (arena == NULL) {
        return assess_run_memory(err);
    }

    rc = assess_job_step(run->engine->db, arena, &run->work, step, &change,
                         err);

    /* of a cancelled job the late answers change the cost, without an event */

    if (rc == ASSESS_OK || (rc == ASSESS_CANCELLED && change.job.job_id[0])) {
        run->engine->publish(run->engine->ctx, &change);
    }

    /* its texts do not change while it runs, and those of the step go now */

    run->work.job.tenant = job.tenant;
    run->work.job.user = job.user;
    run->work.job.metadata = job.metadata;
    run->work.job.error_code = job.error_code;
    run->work.job.error_message = job.error_message;

    assess_arena_destroy(arena);

    return rc;
}


static assess_err_e
assess_run_end(assess_run_t *run, assess_status_e status, const char *code,
    const char *message, assess_err_t *err)
{
    assess_err_e     rc;
    assess_change_t  change;

    rc = assess_job_end(run->engine->db, run->arena, &run->work, status, code,
                        message, &change, err);

    if (rc == ASSESS_OK) {
        run->engine->publish(run->engine->ctx, &change);
    }

    return rc;
}


/* of what costs nothing to do again: it ends as soon as the process is to */

static int
assess_run_interrupted(void *ctx)
{
    return assess_run_stopping(ctx) || assess_run_cancelled(ctx);
}


static int
assess_run_cancelled(void *ctx)
{
    assess_run_t *run = ctx;

    return run->engine->cancelled(run->engine->ctx, run->work.job.job_id);
}


static int
assess_run_stopping(void *ctx)
{
    assess_run_t *run = ctx;

    return run->engine->stopping(run->engine->ctx);
}


static assess_err_e
assess_run_memory(assess_err_t *err)
{
    return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
}


assess_provider_t *
assess_engine_provider(const assess_engine_t *engine, const assess_str_t *name)
{
    size_t                         i;
    const assess_provider_conf_t  *conf;

    for (i = 0; i < engine->nproviders; i++) {

        conf = assess_provider_conf(engine->providers[i]);

        if (conf->name.len == name->len
            && memcmp(conf->name.data, name->data, name->len) == 0)
        {
            return engine->providers[i];
        }
    }

    return NULL;
}
