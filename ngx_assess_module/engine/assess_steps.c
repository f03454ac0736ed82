
#include "assess_steps.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>


/* Between two tries of a store that is away, in milliseconds. */
#define ASSESS_STEPS_PAUSE  100


/*
 * A step whose commit was not answered may have been saved: it is tried again
 * as it is, under the number it has, and never joined with another.
 */

struct assess_kept_s {
    assess_kept_t   *next;
    assess_arena_t  *arena;
    assess_step_t    step;
};


void
assess_steps_init(assess_steps_t *steps, assess_engine_t *engine,
    assess_work_t *work, int64_t claimed)
{
    memset(steps, 0, sizeof(assess_steps_t));

    steps->engine = engine;
    steps->work = work;
    steps->last = &steps->first;
    steps->sure = claimed;
}


static void
assess_steps_shift(assess_steps_t *steps)
{
    assess_kept_t  *kept;

    kept = steps->first;

    steps->first = kept->next;
    if (steps->first == NULL) {
        steps->last = &steps->first;
    }

    assess_arena_destroy(kept->arena);
}


void
assess_steps_free(assess_steps_t *steps)
{
    while (steps->first) {
        assess_steps_shift(steps);
    }
}


int
assess_steps_kept(const assess_steps_t *steps)
{
    return steps->first != NULL;
}


static assess_err_e
assess_steps_save(assess_steps_t *steps, const assess_step_t *step,
    assess_err_t *err)
{
    int64_t           now;
    assess_err_e      rc;
    assess_job_t      job;
    assess_arena_t   *arena;
    assess_change_t   change;

    now = assess_mono_ms();
    job = steps->work->job;

    /* an arena of its own: a job has many steps */

    arena = assess_arena_create();
    if (arena == NULL) {
        return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
    }

    rc = assess_job_step(steps->engine->db, arena, steps->work, step, &change,
                         err);

    if (rc == ASSESS_OK) {
        steps->sure = now;
    }

    /* of a cancelled job the late answers change the cost, without an event */

    if (rc == ASSESS_OK || (rc == ASSESS_CANCELLED && change.job.job_id[0])) {
        steps->engine->publish(steps->engine->ctx, &change);
    }

    /* its texts do not change while it runs, and those of the step go now */

    steps->work->job.tenant = job.tenant;
    steps->work->job.user = job.user;
    steps->work->job.metadata = job.metadata;
    steps->work->job.error_code = job.error_code;
    steps->work->job.error_message = job.error_message;

    assess_arena_destroy(arena);

    return rc;
}


static int
assess_steps_evidence(assess_arena_t *arena, assess_answer_t *answer)
{
    size_t              i;
    assess_evidence_t  *evidence;

    if (answer->nevidence == 0) {
        return 0;
    }

    evidence = assess_palloc(arena, answer->nevidence
                                    * sizeof(assess_evidence_t));
    if (evidence == NULL) {
        return -1;
    }

    for (i = 0; i < answer->nevidence; i++) {
        evidence[i] = answer->evidence[i];

        if (assess_pstrdup(arena, &evidence[i].quote,
                           answer->evidence[i].quote.data,
                           answer->evidence[i].quote.len) != 0)
        {
            return -1;
        }
    }

    answer->evidence = evidence;

    return 0;
}


/* All but the key, which outlives the run's steps */

static int
assess_steps_answer(assess_arena_t *arena, assess_answer_t *answer)
{
    assess_answer_t  *a = answer;

    return assess_pstrdup(arena, &a->question_id, a->question_id.data,
                          a->question_id.len) != 0
           || assess_pstrdup(arena, &a->rationale, a->rationale.data,
                             a->rationale.len) != 0
           || assess_pstrdup(arena, &a->provider, a->provider.data,
                             a->provider.len) != 0
           || assess_pstrdup(arena, &a->model, a->model.data, a->model.len)
              != 0
           || assess_steps_evidence(arena, a) != 0 ? -1 : 0;
}


static int
assess_steps_keep(assess_steps_t *steps, const assess_step_t *step)
{
    size_t            i;
    assess_kept_t    *kept;
    assess_arena_t   *arena;
    assess_answer_t  *answers;

    arena = assess_arena_create();
    if (arena == NULL) {
        return -1;
    }

    kept = assess_pcalloc(arena, sizeof(assess_kept_t));
    answers = assess_palloc(arena, (step->nanswers + 1)
                                   * sizeof(assess_answer_t));
    if (kept == NULL || answers == NULL) {
        goto failed;
    }

    for (i = 0; i < step->nanswers; i++) {
        answers[i] = step->answers[i];

        if (assess_steps_answer(arena, &answers[i]) != 0) {
            goto failed;
        }
    }

    kept->arena = arena;
    kept->step = *step;
    kept->step.answers = answers;

    *steps->last = kept;
    steps->last = &kept->next;

    return 0;

failed:

    assess_arena_destroy(arena);

    return -1;
}


/*
 * In order, as far as the store takes them.  What came too late for its job
 * is saved all the same, and so is what follows it.
 */

static assess_err_e
assess_steps_drain(assess_steps_t *steps, assess_err_t *err)
{
    assess_err_e  rc, all;
    assess_err_t  one;

    all = ASSESS_OK;
    steps->tried = assess_mono_ms();

    while (steps->first) {

        rc = assess_steps_save(steps, &steps->first->step, &one);

        if (rc != ASSESS_OK) {
            *err = one;
        }

        if (rc == ASSESS_OK || rc == ASSESS_CANCELLED) {
            assess_steps_shift(steps);

            if (rc == ASSESS_CANCELLED) {
                all = rc;
            }

            continue;
        }

        return rc;
    }

    return all;
}


assess_err_e
assess_steps_add(assess_steps_t *steps, const assess_step_t *step,
    assess_err_t *err)
{
    assess_err_e  rc;

    if (steps->first == NULL) {

        rc = assess_steps_save(steps, step, err);

        if (rc != ASSESS_UNAVAILABLE) {
            return rc;
        }

        steps->tried = assess_mono_ms();
    }

    if (assess_steps_keep(steps, step) != 0) {
        return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
    }

    return assess_steps_try(steps, err);
}


assess_err_e
assess_steps_try(assess_steps_t *steps, assess_err_t *err)
{
    assess_err_e  rc;

    if (steps->first == NULL
        || assess_mono_ms() - steps->tried < ASSESS_STEPS_PAUSE)
    {
        return ASSESS_OK;
    }

    rc = assess_steps_drain(steps, err);

    return rc == ASSESS_UNAVAILABLE ? ASSESS_OK : rc;
}


assess_err_e
assess_steps_flush(assess_steps_t *steps, assess_err_t *err)
{
    assess_err_e  rc;

    do {
        rc = assess_steps_drain(steps, err);
    } while (assess_steps_again(steps, rc));

    return rc;
}


assess_err_e
assess_steps_sure(assess_steps_t *steps, assess_err_t *err)
{
    int64_t       now;
    assess_err_e  rc;

    now = assess_mono_ms();

    if (now - steps->sure < steps->engine->lease_ms / 2) {
        return ASSESS_OK;
    }

    if (now - steps->tried < ASSESS_STEPS_PAUSE) {
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                           "the store was asked a moment ago");
    }

    steps->tried = now;

    rc = assess_job_renew(steps->engine->db, steps->work, err);

    if (rc == ASSESS_OK) {
        steps->sure = now;
    }

    return rc;
}


int
assess_steps_again(assess_steps_t *steps, assess_err_e rc)
{
    struct timespec   ts;
    assess_engine_t  *engine;

    engine = steps->engine;

    if (rc != ASSESS_UNAVAILABLE || engine->stopping(engine->ctx) > 1) {
        return 0;
    }

    ts.tv_sec = 0;
    ts.tv_nsec = ASSESS_STEPS_PAUSE * 1000000L;
    (void) clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);

    return 1;
}
