
#include "assess_gate.h"
#include "assess_job_run_int.h"
#include "assess_usages.h"

#include <string.h>


#define ASSESS_MAX_LOST  5             /* leases in a row that ran out */

/* passages that are searched in no time */
#define ASSESS_SHORT     64


static void assess_run_taken(assess_engine_t *engine, assess_client_t *client,
    assess_taker_t *taker, int64_t claimed, assess_taker_t *next,
    assess_err_t *err);
static assess_err_e assess_run_job(assess_run_t *run, assess_err_t *err);
static void assess_run_conclude(assess_run_t *run, assess_err_e rc,
    assess_err_t *err);
static assess_err_e assess_run_questions(assess_run_t *run,
    assess_err_t *err);
static void assess_run_introduce(assess_run_t *run);
static assess_err_e assess_run_illustrate(assess_run_t *run,
    assess_err_t *err);
static assess_err_e assess_run_find(assess_run_t *run, assess_err_t *err);
static assess_err_e assess_run_lookup(assess_run_t *run, assess_err_t *err);
static assess_err_e assess_run_search(assess_run_t *run, assess_err_t *err);
static void assess_run_asks(assess_run_t *run, size_t cached);
static assess_err_e assess_run_ask(assess_run_t *run, assess_err_t *err);
static assess_err_e assess_run_reply(void *ctx, const assess_reply_t *reply,
    assess_err_t *err);
static int assess_run_cancelled(void *ctx);
static int assess_run_stopping(void *ctx);
static int assess_run_hold(void *ctx);
static assess_err_e assess_run_tell(assess_run_t *run, assess_err_t *err);
static void assess_run_said(void *ctx, assess_level_e level,
    const char *text);
static void assess_run_begin(assess_run_t *run);
static void assess_run_enter(assess_run_t *run, assess_stage_e stage);
static void assess_run_completed(assess_run_t *run);
static int assess_run_measured(void *ctx);
static void assess_run_took(void *ctx, const assess_took_t *took);


assess_err_e
assess_engine_run(assess_engine_t *engine, assess_client_t *client,
    const assess_str_t *owner, assess_err_t *err)
{
    int64_t         now;
    assess_taker_t  taker;

    memset(&taker, 0, sizeof(assess_taker_t));

    taker.owner = *owner;
    taker.arena = assess_arena_create();

    if (taker.arena == NULL) {
        return assess_run_memory(err);
    }

    now = assess_mono_ms();

    assess_gather(engine->claims, &taker);

    if (taker.rc != ASSESS_OK) {
        *err = taker.err;
        assess_arena_destroy(taker.arena);
        return taker.rc;
    }

    assess_engine_go_on(engine, client, &taker, now, err);

    return ASSESS_OK;
}


/* with the end of one job comes the next one */

void
assess_engine_go_on(assess_engine_t *engine, assess_client_t *client,
    assess_taker_t *taker, int64_t claimed, assess_err_t *err)
{
    assess_taker_t  next;

    do {
        memset(&next, 0, sizeof(assess_taker_t));

        next.owner = taker->owner;
        next.arena = assess_arena_create();

        assess_run_taken(engine, client, taker, claimed, &next, err);

        assess_arena_destroy(taker->arena);

        *taker = next;
        claimed = assess_mono_ms();

    } while (taker->taken);

    assess_arena_destroy(taker->arena);
    taker->arena = NULL;
}


static void
assess_run_taken(assess_engine_t *engine, assess_client_t *client,
    assess_taker_t *taker, int64_t claimed, assess_taker_t *next,
    assess_err_t *err)
{
    assess_err_e  rc;
    assess_err_t  why;
    assess_run_t  run;

    memset(&run, 0, sizeof(assess_run_t));

    run.engine = engine;
    run.client = client;
    run.arena = taker->arena;
    run.work = taker->work;
    run.next = next->arena ? next : NULL;

    assess_steps_init(&run.steps, engine, &run.work, claimed);
    assess_run_begin(&run);

    rc = assess_run_job(&run, err);
    assess_run_conclude(&run, rc, err);

    assess_steps_free(&run.steps);

    /* what is measured can wait: a store that is away is told elsewhere */

    (void) assess_usages_flush(engine->usages, engine->db, 0, &why);

    assess_lru_release(run.shared_document);
    assess_lru_release(run.shared_set);
}


static void
assess_run_begin(assess_run_t *run)
{
    const assess_job_t  *job;

    job = &run->work.job;

    run->begun = assess_mono_ms();
    run->input = job->input_tokens;
    run->output = job->output_tokens;
    run->cost = job->cost;

    assess_run_enter(run, ASSESS_EXTRACTING);

    /* how long one waited that is run again, or goes on, is not in its row */

    if (run->work.fence == 1) {
        assess_observe(&run->engine->metrics->queued,
                       (job->started_at - job->created_at) * 1000);
    }

    if (run->work.left) {
        assess_count(&run->engine->metrics->taken_over, 1);
        assess_run_line(run, ASSESS_LEVEL_WARN, "its worker left it without a "
                        "word, and its lease has ended: taken over");
    }

    assess_run_line(run, ASSESS_LEVEL_INFO, "taken by worker %s, attempt %d",
                    run->engine->worker_id, job->attempt);
}


/* A stage counts when it is passed: one that was broken off says nothing. */

static void
assess_run_enter(assess_run_t *run, assess_stage_e stage)
{
    int64_t  now;

    now = assess_mono_us();

    if (run->stage != ASSESS_STAGE_NONE) {
        assess_observe(&run->engine->metrics->stages[run->stage],
                       now - run->entered);
    }

    run->stage = stage;
    run->entered = now;
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

    rc = assess_run_questions(run, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    run->provider = assess_engine_provider(run->engine, &run->work.job.provider);
    if (run->provider == NULL) {
        return assess_fail(err, ASSESS_FAILED, "provider_unavailable",
                           "provider \"%s\" is not configured here any more",
                           run->work.job.provider.data);
    }

    run->total_batches = run->work.job.total_batches;
    run->completed_batches = run->work.job.completed_batches;

    rc = assess_run_text(run, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    assess_run_introduce(run);

    rc = assess_run_illustrate(run, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    assess_run_enter(run, ASSESS_VECTOR_LOOKUP);

    rc = assess_run_lookup(run, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    assess_run_enter(run, ASSESS_LLM_PROCESSING);

    rc = assess_run_ask(run, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    assess_run_enter(run, ASSESS_FINALIZING);

    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_FINALIZING;
    step.step = "Finishing";
    step.progress = ASSESS_AT_FINAL;

    rc = assess_run_step(run, &step, err);

    if (rc != ASSESS_OK) {
        return rc;
    }

    assess_run_completed(run);

    rc = assess_steps_end(&run->steps, ASSESS_WRITE_END, ASSESS_COMPLETED,
                          NULL, NULL, assess_run_stopping(run) ? NULL
                                                               : run->next,
                          err);
    if (rc == ASSESS_OK) {
        assess_run_enter(run, ASSESS_STAGE_NONE);
    }

    return rc;
}


static void
assess_run_completed(assess_run_t *run)
{
    assess_run_line(run, ASSESS_LEVEL_INFO, "completed: %zu question%s in "
                    "%d batch%s, %lld + %lld tokens, $%.6f, %lld ms since it was "
                    "taken", run->questions->n,
                    assess_plural(run->questions->n), run->total_batches,
                    run->total_batches == 1 ? "" : "es",
                    (long long) run->input, (long long) run->output, run->cost,
                    (long long) (assess_mono_ms() - run->begun));
}


/* what becomes of a job that did not get to its end */

static void
assess_run_conclude(assess_run_t *run, assess_err_e rc, assess_err_t *err)
{
    assess_err_e      end;
    const char       *code;
    assess_err_t      why;
    assess_status_e   status;
    assess_engine_t  *engine;

    engine = run->engine;

    /* what is paid for is saved first, whatever comes then */

    if (rc != ASSESS_LOST) {
        end = assess_steps_flush(&run->steps, &why);

        if (end != ASSESS_OK) {
            rc = end;
            *err = why;
        }
    }

    switch (rc) {

    case ASSESS_OK:
    case ASSESS_CANCELLED:
        return;

    case ASSESS_STOPPING:
        assess_run_line(run, ASSESS_LEVEL_INFO, "handed back to the queue: %s",
                        assess_run_stopping(run)
                        ? "this worker is on its way out" : err->message);
        end = assess_steps_end(&run->steps, ASSESS_WRITE_RELEASE,
                               ASSESS_QUEUED, NULL, NULL, NULL, &why);
        break;

    case ASSESS_LOST:
    case ASSESS_UNAVAILABLE:

        /* the lease is, or will soon be, another's: nobody renews it now */

        end = ASSESS_OK;
        engine->log(engine->ctx, rc, run->work.job.job_id, err->message);
        break;

    default:
        code = rc == ASSESS_FAILED && err->code ? err->code : "internal";
        status = ASSESS_JOB_FAILED;

        if (strcmp(code, "budget_exceeded") == 0) {
            status = ASSESS_BUDGET_EXCEEDED;
            rc = ASSESS_OK;
        }

        engine->log(engine->ctx, rc, run->work.job.job_id, err->message);
        assess_run_line(run, ASSESS_LEVEL_ERROR, "failed (%s): %s", code,
                        err->message);
        end = assess_steps_end(&run->steps, ASSESS_WRITE_END, status, code,
                               err->message, NULL, &why);
        assess_run_exhaust(run);
    }

    if (end != ASSESS_OK && end != ASSESS_CANCELLED) {
        engine->log(engine->ctx, end, run->work.job.job_id, why.message);
    }
}


static assess_err_e
assess_run_questions(assess_run_t *run, assess_err_t *err)
{
    assess_err_e  rc;

    rc = assess_prepared_set(run->engine->prepared, &run->work.job.tenant,
                             &run->work.set, assess_run_interrupted, run,
                             &run->shared_set, err);

    if (rc == ASSESS_OK) {
        run->questions = run->shared_set->value;
    }

    if (rc == ASSESS_CANCELLED && run->engine->stopping(run->engine->ctx)) {
        return ASSESS_STOPPING;
    }

    return rc;
}


/* What is asked, but for the questions. */

static void
assess_run_introduce(assess_run_t *run)
{
    assess_ask_t  *ask;

    ask = &run->ask;

    ask->set = &run->work.set;
    ask->document = &run->work.document;
    ask->model = run->work.model;
    ask->traceparent = run->work.job.traceparent;
    ask->reply = assess_run_reply;
    ask->cancelled = assess_run_cancelled;
    ask->stopping = assess_run_stopping;
    ask->hold = assess_run_hold;
    ask->line = assess_run_said;
    ask->measured = assess_run_measured;
    ask->took = assess_run_took;

    if (assess_run_limited(run)) {
        ask->reserve = assess_run_reserve;
        assess_run_know(run);
    }
    ask->ctx = run;
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
    step.estimated_completion = assess_run_estimate(run, NULL);

    rc = assess_run_step(run, &step, err);

    if (run->items) {
        return rc;
    }

    if (rc == ASSESS_OK && run->document->npassages > ASSESS_SHORT) {
        rc = assess_steps_flush(&run->steps, err);
    }

    return rc == ASSESS_OK ? assess_run_find(run, err) : rc;
}


/*
 * Which pages are worth a picture is known by what was found on them: where
 * there are any this goes first, and belongs to the extraction for those who
 * watch.
 */

static assess_err_e
assess_run_illustrate(assess_run_t *run, assess_err_t *err)
{
    assess_err_e  rc;

    if (!assess_run_pictured(run)) {
        return ASSESS_OK;
    }

    rc = assess_run_find(run, err);

    if (rc == ASSESS_OK) {
        rc = assess_run_look(run, err);
    }

    return rc == ASSESS_OK ? assess_run_pictures(run, err) : rc;
}


static assess_err_e
assess_run_find(assess_run_t *run, assess_err_t *err)
{
    assess_err_e  rc;

    assess_cpu_enter(run->engine->cpu);

    rc = assess_run_search(run, err);

    assess_cpu_leave(run->engine->cpu);

    return rc;
}


static assess_err_e
assess_run_search(assess_run_t *run, assess_err_t *err)
{
    size_t            i, n, max;
    assess_hit_t     *hits;
    assess_item_t    *item;
    assess_search_t  *search;

    n = run->questions->n;

    search = assess_search_create(run->arena, run->document->index);
    run->items = assess_pcalloc(run->arena, n * sizeof(assess_item_t));

    if (search == NULL || run->items == NULL) {
        return assess_run_memory(err);
    }

    max = (size_t) assess_provider_conf(run->provider)->passages;

    for (i = 0; i < n; i++) {

        if (run->work.answered[i]) {
            continue;
        }

        hits = assess_palloc(run->arena, max * sizeof(assess_hit_t));
        if (hits == NULL) {
            return assess_run_memory(err);
        }

        item = &run->items[run->nitems++];
        item->question = &run->questions->list[i];
        item->hits = hits;
        item->nhits = assess_search(search, item->question, hits, max);
    }

    return ASSESS_OK;
}


/* what is about to be asked, and what is not */

static void
assess_run_asks(assess_run_t *run, size_t cached)
{
    int                            local;
    size_t                         batch, batches;
    const assess_str_t            *model;
    const assess_provider_conf_t  *conf;

    conf = assess_provider_conf(run->provider);
    local = conf->type == ASSESS_PROVIDER_LOCAL;
    model = run->ask.model.data ? &run->ask.model : &conf->model;

    if (cached) {
        assess_run_line(run, ASSESS_LEVEL_INFO, "%zu answer%s taken that had "
                        "been given before", cached, assess_plural(cached));
    }

    if (run->nitems == 0) {
        return;
    }

    batch = (size_t) conf->questions_per_batch;
    batches = (run->nitems + batch - 1) / batch;

    assess_run_line(run, ASSESS_LEVEL_INFO, "asking \"%.*s\"%s%.*s: %zu "
                    "question%s in %zu batch%s", (int) conf->name.len,
                    conf->name.data, local ? "" : ", model ",
                    local ? 0 : (int) model->len, local ? "" : model->data,
                    run->nitems, assess_plural(run->nitems), batches,
                    batches == 1 ? "" : "es");
}


static assess_err_e
assess_run_ask(assess_run_t *run, assess_err_t *err)
{
    assess_err_e   rc;
    assess_step_t  step;

    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_LLM_PROCESSING;
    step.step = "Assessing questions";
    step.progress = ASSESS_AT_ASKING;

    rc = assess_run_look(run, err);

    if (rc == ASSESS_OK) {
        assess_run_take(run, &step);
        assess_run_asks(run, step.nanswers);
        step.estimated_completion = assess_run_estimate(run, NULL);
        rc = assess_run_step(run, &step, err);
    }

    /* who asks a model will wait: until then all is said */

    if (rc == ASSESS_OK && run->nitems
        && assess_provider_conf(run->provider)->type != ASSESS_PROVIDER_LOCAL)
    {
        rc = assess_steps_flush(&run->steps, err);
    }

    if (rc != ASSESS_OK || run->nitems == 0) {
        return rc;
    }

    run->asking = assess_mono_ms();
    run->nanswered = 0;

    assess_run_ready(run);

    run->ask.items = run->items;
    run->ask.nitems = run->nitems;

    (void) __atomic_add_fetch(&run->engine->asking, 1, __ATOMIC_RELAXED);

    rc = assess_provider_ask(run->provider, run->client, run->arena,
                             &run->ask, err);

    (void) __atomic_sub_fetch(&run->engine->asking, 1, __ATOMIC_RELAXED);

    if (rc == ASSESS_CANCELLED && run->refused.kind != ASSESS_OK) {
        *err = run->refused;
        return err->kind;
    }

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

    size_t         i, j;
    assess_step_t  step;

    for (i = 0; i < reply->nanswers; i++) {
        for (j = 0; j < reply->answers[i].nevidence; j++) {
            assess_quote_check(run->document->quotes,
                               &reply->answers[i].evidence[j]);
        }

        if (run->keys) {
            reply->answers[i].key = run->keys[reply->answers[i].ordinal];
        }
    }

    run->input += reply->input_tokens;
    run->output += reply->output_tokens;
    run->cost += reply->cost;
    run->reserved -= reply->released;
    run->completed_batches += reply->batches;

    if (run->completed_batches > run->total_batches) {
        run->completed_batches = run->total_batches;
    }

    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_LLM_PROCESSING;
    step.step = "Assessing questions";
    step.progress = assess_run_asked(run);
    step.input_tokens = reply->input_tokens;
    step.output_tokens = reply->output_tokens;
    step.cost = reply->cost;
    step.prices = reply->prices;
    step.released = reply->released;
    step.doubtful = reply->doubtful;
    step.answers = reply->answers;
    step.nanswers = reply->nanswers;

    assess_run_replied(run, reply);

    step.estimated_completion = assess_run_estimate(run, reply);
    step.total_batches = run->total_batches;
    step.completed_batches = run->completed_batches;

    run->nanswered += reply->nanswers;

    /* with the last answers comes the end */

    return run->nanswered >= run->nitems
           ? assess_steps_last(&run->steps, &step, err)
           : assess_steps_add(&run->steps, &step, err);
}


/* the progress of a job whose questions are being answered */

int
assess_run_asked(const assess_run_t *run)
{
    return ASSESS_AT_ASKING + (ASSESS_AT_FINAL - ASSESS_AT_ASKING)
           * run->completed_batches
           / (run->total_batches ? run->total_batches : 1);
}


assess_err_e
assess_run_step(assess_run_t *run, assess_step_t *step, assess_err_t *err)
{
    step->total_batches = run->total_batches;
    step->completed_batches = run->completed_batches;

    return assess_steps_add(&run->steps, step, err);
}


/* of what costs nothing to do again: it ends as soon as the process is to */

int
assess_run_interrupted(void *ctx)
{
    return assess_run_stopping(ctx) || assess_run_cancelled(ctx);
}


static int
assess_run_cancelled(void *ctx)
{
    assess_run_t *run = ctx;

    return run->refused.kind != ASSESS_OK
           || run->engine->cancelled(run->engine->ctx, run->work.job.job_id);
}


static int
assess_run_stopping(void *ctx)
{
    assess_run_t *run = ctx;

    return run->engine->stopping(run->engine->ctx);
}


static void
assess_run_said(void *ctx, assess_level_e level, const char *text)
{
    assess_run_t *run = ctx;

    assess_run_line(run, level, "%s", text);
}


/* why a job does not get on is told while it does not */

static assess_err_e
assess_run_tell(assess_run_t *run, assess_err_t *err)
{
    assess_step_t  step;

    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_LLM_PROCESSING;
    step.step = "Assessing questions";
    step.total_batches = run->total_batches;
    step.completed_batches = run->completed_batches;

    return assess_steps_tell(&run->steps, &step, err);
}


/*
 * What came and could not be saved would be asked again if this process died;
 * and what is sent without a lease is asked by another, too.  Until that is
 * settled nothing more is spent.
 */

static int
assess_run_hold(void *ctx)
{
    assess_run_t *run = ctx;

    assess_err_e  rc;
    assess_err_t  err;

    rc = assess_steps_try(&run->steps, &err);

    if (rc == ASSESS_OK) {
        rc = assess_run_tell(run, &err);
    }

    if (rc == ASSESS_OK && assess_steps_kept(&run->steps)) {
        return 1;
    }

    if (rc == ASSESS_OK) {
        rc = assess_steps_sure(&run->steps, &err);
    }

    if (rc != ASSESS_OK && rc != ASSESS_UNAVAILABLE) {
        run->refused = err;
    }

    return rc != ASSESS_OK;
}


static int
assess_run_measured(void *ctx)
{
    assess_run_t *run = ctx;

    return assess_usages_wanted(run->engine->usages);
}


static void
assess_run_took(void *ctx, const assess_took_t *took)
{
    assess_run_t *run = ctx;

    const assess_provider_conf_t  *conf;

    conf = assess_provider_conf(run->provider);

    assess_usages_took(run->engine->usages, &run->work.job.tenant, &conf->name,
                      run->work.model.data ? &run->work.model : &conf->model,
                      took);
}


assess_err_e
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
