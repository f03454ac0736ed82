
#include "assess_steps.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>


/* Between two tries of a store that is away, in milliseconds. */
#define ASSESS_STEPS_PAUSE  100

/* So soon after the last word of a job nobody needs another, in ms. */
#define ASSESS_STEPS_QUIET  20

/* What is told while a job waits may be so old, in ms. */
#define ASSESS_STEPS_TELL   1000


/*
 * Steps whose commit was not answered may have been saved: they are tried again
 * as they are, under the number they have, and joined with nothing else.
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
    steps->said = assess_mono_ms();
    steps->sure = claimed;

    assess_lines_init(&steps->lines, work->fence);
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

    assess_lines_free(&steps->lines);
}


int
assess_steps_kept(const assess_steps_t *steps)
{
    return steps->together != 0;
}


/* One write, with those that others of this process have at the moment */

static assess_err_e
assess_steps_write(assess_steps_t *steps, assess_write_t *w,
    assess_err_t *err)
{
    int64_t       now;
    assess_job_t  job;

    now = assess_mono_ms();
    job = steps->work->job;

    /* an arena of its own: a job has many steps */

    w->work = steps->work;
    w->arena = assess_arena_create();

    if (w->arena == NULL) {
        return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
    }

    assess_gather(steps->engine->writes, w);

    if (w->rc == ASSESS_OK) {
        steps->sure = now;
        steps->said = assess_mono_ms();

    } else {
        *err = w->err;
    }

    /* its texts do not change while it runs, and those of the write go now */

    steps->work->job.tenant = job.tenant;
    steps->work->job.user = job.user;
    steps->work->job.metadata = job.metadata;
    steps->work->job.error_code = job.error_code;
    steps->work->job.error_message = job.error_message;

    assess_arena_destroy(w->arena);

    return w->rc;
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
 * The next write of what is kept: what was tried, or else all, and one more
 * step behind it.  What came of it is taken off, unless it has to be tried
 * again.
 */

static assess_err_e
assess_steps_put(assess_steps_t *steps, const assess_step_t *more,
    assess_write_t *w, assess_err_t *err)
{
    size_t          n, room;
    assess_err_e    rc;
    assess_kept_t  *kept;
    assess_step_t  *list;

    for (kept = steps->first, room = 1; kept; kept = kept->next) {
        room++;
    }

    list = malloc(room * sizeof(assess_step_t));
    if (list == NULL) {
        return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
    }

    for (kept = steps->first, n = 0; kept; kept = kept->next) {

        if (steps->together && n == steps->together) {
            break;
        }

        list[n++] = kept->step;
    }

    if (more) {
        list[n++] = *more;
    }

    w->steps = list;
    w->nsteps = n;

    /* what was said since the first try is none of its lines */

    w->lines.data = steps->lines.text.data;
    w->lines.len = steps->together && steps->told < steps->lines.text.len
                   ? steps->told : steps->lines.text.len;

    rc = assess_steps_write(steps, w, err);

    free(list);

    n -= more != NULL;

    if (rc == ASSESS_UNAVAILABLE) {
        steps->tried = assess_mono_ms();
        steps->together = n;
        steps->told = w->lines.len;
        return rc;
    }

    assess_lines_written(&steps->lines, w->lines.len);

    /* saved, or refused for good: said with the end it would keep that back */

    steps->together = 0;

    while (n--) {
        assess_steps_shift(steps);
    }

    return rc;
}


/*
 * In order, as far as the store takes them.  What came too late for its job
 * is saved all the same, and so is what follows it.
 */

static assess_err_e
assess_steps_drain(assess_steps_t *steps, assess_err_t *err)
{
    assess_err_e    rc, all;
    assess_err_t    one;
    assess_write_t  w;

    all = ASSESS_OK;
    steps->tried = assess_mono_ms();

    while (steps->first) {

        memset(&w, 0, sizeof(assess_write_t));

        rc = assess_steps_put(steps, NULL, &w, &one);

        if (rc != ASSESS_OK) {
            *err = one;
        }

        if (rc == ASSESS_CANCELLED) {
            all = rc;

        } else if (rc != ASSESS_OK) {
            return rc;
        }
    }

    return all;
}


/* Whether it says nothing but how far the job is */

static int
assess_steps_says_little(const assess_step_t *step)
{
    return step->nanswers == 0 && step->input_tokens <= 0
           && step->output_tokens <= 0 && !(step->cost > 0)
           && !(step->released > 0);
}


assess_err_e
assess_steps_add(assess_steps_t *steps, const assess_step_t *step,
    assess_err_t *err)
{
    assess_err_e    rc;
    assess_write_t  w;

    if (steps->holding
        || (assess_steps_says_little(step)
            && assess_mono_ms() - steps->said < ASSESS_STEPS_QUIET)
        || steps->together)
    {
        if (assess_steps_keep(steps, step) != 0) {
            return assess_fail(err, ASSESS_ERROR, "internal",
                               "out of memory");
        }

        return assess_steps_try(steps, err);
    }

    memset(&w, 0, sizeof(assess_write_t));

    rc = assess_steps_put(steps, step, &w, err);

    if (rc != ASSESS_UNAVAILABLE) {
        return rc;
    }

    if (assess_steps_keep(steps, step) != 0) {
        return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
    }

    steps->together++;

    return ASSESS_OK;
}


assess_err_e
assess_steps_last(assess_steps_t *steps, const assess_step_t *step,
    assess_err_t *err)
{
    steps->holding = 1;

    return assess_steps_add(steps, step, err);
}


assess_err_e
assess_steps_try(assess_steps_t *steps, assess_err_t *err)
{
    assess_err_e  rc;

    if (steps->together == 0
        || assess_mono_ms() - steps->tried < ASSESS_STEPS_PAUSE)
    {
        return ASSESS_OK;
    }

    rc = assess_steps_drain(steps, err);

    return rc == ASSESS_UNAVAILABLE ? ASSESS_OK : rc;
}


assess_err_e
assess_steps_tell(assess_steps_t *steps, const assess_step_t *step,
    assess_err_t *err)
{
    if (steps->lines.text.len == 0 || steps->together || steps->holding
        || assess_mono_ms() - steps->said < ASSESS_STEPS_TELL)
    {
        return ASSESS_OK;
    }

    return assess_steps_add(steps, step, err);
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
assess_steps_end(assess_steps_t *steps, assess_write_e what,
    assess_status_e status, const char *code, const char *message,
    assess_taker_t *next, assess_err_t *err)
{
    assess_err_e    rc;
    assess_write_t  w;

    /* what was tried is a write of its own */

    if (steps->together) {
        rc = assess_steps_flush(steps, err);
        if (rc != ASSESS_OK) {
            return rc;
        }
    }

    assess_lines_close(&steps->lines);

    do {
        memset(&w, 0, sizeof(assess_write_t));

        w.what = what;
        w.status = status;
        w.code = code;
        w.message = message;
        w.next = next;

        rc = assess_steps_put(steps, NULL, &w, err);

        /*
         * A second try takes no job: the first one may have, under the same
         * name, and that one is freed when nobody bears the name any more.
         */

        next = NULL;

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
