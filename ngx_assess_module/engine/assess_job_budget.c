
/* A run's money: what it may spend, and what its batch has left. */

#include "assess_job_run_int.h"

#include "../store/assess_batch.h"
#include "../store/assess_budget.h"
#include "../store/assess_rate.h"

#include <string.h>


/* Others settle what they reserved when their requests end: so long at most. */
#define ASSESS_BUDGET_PATIENCE  30000

/* In dollars; what is reserved are whole billionths. */
#define ASSESS_BUDGET_NOTHING   5e-10

/* After so many requests it is known what others are like, ... */
#define ASSESS_BUDGET_KNOWN     4

/* ... which may have so many times the tokens, and the answers. */
#define ASSESS_BUDGET_RATIO     1.35
#define ASSESS_BUDGET_ANSWER    2.5


/* What it is for its tenant on a day; negative: not limited */

static double
assess_run_day(const assess_run_t *run)
{
    const assess_engine_t  *engine;

    engine = run->engine;

    return engine->budget ? engine->budget(engine->ctx, &run->work.job.tenant)
                          : -1;
}


int
assess_run_limited(const assess_run_t *run)
{
    return assess_provider_conf(run->provider)->type != ASSESS_PROVIDER_LOCAL
           && (run->work.job.max_cost >= 0 || run->work.limited
               || assess_run_day(run) >= 0);
}


/*
 * How the model counted, and how long its answers were, with room for those that
 * differ.  Without it there is more room.
 */

void
assess_run_know(assess_run_t *run)
{
    assess_err_t                   err;
    assess_rate_t                  rate;
    const assess_provider_conf_t  *conf;

    conf = assess_provider_conf(run->provider);

    rate.tenant = run->work.job.tenant;
    rate.provider = conf->name;
    rate.model = run->work.model.data ? run->work.model : conf->model;

    if (assess_rate_read(run->engine->db, &rate, &err) != ASSESS_OK
        || rate.requests < ASSESS_BUDGET_KNOWN || !(rate.guess > 0)
        || !(rate.questions > 0))
    {
        return;
    }

    run->ask.ratio = rate.input / rate.guess * ASSESS_BUDGET_RATIO;
    run->ask.answer = rate.output / rate.questions * ASSESS_BUDGET_ANSWER;
}


/* Why it does not go on, in words for who started it */

static assess_err_e
assess_run_exhausted(assess_run_t *run, assess_budget_e budget, double usd,
    assess_err_t *err)
{
    const char  *what;

    what = budget == ASSESS_BUDGET_OF_JOB ? "maxCost"
           : budget == ASSESS_BUDGET_OF_BATCH ? "maxCost of the batch"
           : budget == ASSESS_BUDGET_OF_DAY ? "the tenant's budget for a day"
           : "what others have reserved and not settled, of a limit of cost,";

    run->exhausted = budget;

    return assess_fail(err, ASSESS_FAILED, "budget_exceeded",
                       "%s leaves too little for the next request, which may"
                       " cost %.6f dollars", what, usd);
}


/*
 * It waits for others, whose requests end: unless they have died and nobody has
 * taken over, or an answer of the store was lost.
 */

static assess_err_e
assess_run_poor(assess_run_t *run, double usd, assess_err_t *err)
{
    int64_t  now;

    now = assess_mono_ms();

    /* what was added up and taken off again may leave a last digit */

    if (run->poor == 0 || run->reserved > ASSESS_BUDGET_NOTHING) {
        run->poor = now;
    }

    if (now - run->poor < ASSESS_BUDGET_PATIENCE
                          + assess_provider_conf(run->provider)->timeout_ms)
    {
        return ASSESS_OK;
    }

    return assess_run_exhausted(run, ASSESS_BUDGET_WAIT, usd, err);
}


assess_err_e
assess_run_reserve(void *ctx, const double *usd, size_t n, size_t *fits,
    assess_err_t *err)
{
    assess_run_t *run = ctx;

    size_t           i;
    assess_err_e     rc;
    assess_budget_e  budget;

    rc = assess_budget_reserve(run->engine->db, &run->work,
                               assess_run_day(run), usd, n, fits, &budget,
                               err);

    /* while the store is away nothing is sent */

    if (rc == ASSESS_UNAVAILABLE) {
        *fits = 0;
        return ASSESS_OK;
    }

    if (rc != ASSESS_OK) {
        return rc;
    }

    switch (budget) {

    case ASSESS_BUDGET_FITS:

        run->poor = 0;

        for (i = 0; i < *fits; i++) {
            run->reserved += usd[i];
        }

        return ASSESS_OK;

    case ASSESS_BUDGET_WAIT:
        return assess_run_poor(run, usd[0], err);

    case ASSESS_BUDGET_LOST:

        /* which ends the ask, too, at its next look */

        if (assess_job_renew(run->engine->db, &run->work, err) != ASSESS_OK
            && err->kind != ASSESS_UNAVAILABLE)
        {
            run->refused = *err;
        }

        return ASSESS_OK;

    default:
        return assess_run_exhausted(run, budget, usd[0], err);
    }
}


/* No other job of it begins, and those that wait end. */

void
assess_run_exhaust(assess_run_t *run)
{
    assess_err_e            rc;
    assess_err_t            err;
    assess_scope_t          scope;
    assess_batch_change_t   change;

    if (run->exhausted != ASSESS_BUDGET_OF_BATCH) {
        return;
    }

    scope.tenant = run->work.job.tenant;
    scope.user = run->work.job.user;

    do {
        rc = assess_batch_act(run->engine->db, run->arena, &scope,
                              run->work.job.batch_id, ASSESS_BATCH_EXHAUST,
                              &change, &err);
    } while (assess_steps_again(&run->steps, rc));

    if (rc != ASSESS_OK) {
        run->engine->log(run->engine->ctx, rc, run->work.job.job_id,
                         err.message);
    }
}
