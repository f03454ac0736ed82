
/*
 * The steps of a run on their way to the store.  What an answer cost is
 * spent: a step that the store cannot take now is kept, and saved in its turn
 * when it is back.  What only says how far the job is waits for a moment, and
 * goes with what follows.  Of the job's own thread.
 */

#ifndef ASSESS_STEPS_H
#define ASSESS_STEPS_H


#include "assess_engine.h"
#include "assess_lines.h"


typedef struct assess_kept_s  assess_kept_t;

typedef struct {
    assess_engine_t   *engine;
    assess_work_t     *work;         /* its job follows what is saved */
    assess_kept_t     *first;        /* kept, in order */
    assess_kept_t    **last;
    size_t             together;     /* of them, tried, as one write */
    int                holding;      /* the end comes at once */
    assess_lines_t     lines;        /* they go with the next write */
    size_t             told;         /* bytes of them, tried with the steps */
    int64_t            said;         /* when last, of the monotonic clock */
    int64_t            tried;
    int64_t            sure;         /* the lease was ours at that time */
} assess_steps_t;


/* claimed: when the claim began, of the monotonic clock. */
void assess_steps_init(assess_steps_t *steps, assess_engine_t *engine,
    assess_work_t *work, int64_t claimed);

/* Drops what is kept: after ASSESS_LOST, or where nothing can be done. */
void assess_steps_free(assess_steps_t *steps);

/*
 * Saves a step, with those that are kept, or keeps a copy of it.  ASSESS_OK
 * in both cases; ASSESS_CANCELLED and ASSESS_LOST as assess_jobs_write(), of
 * any step that was saved by the way.
 */
assess_err_e assess_steps_add(assess_steps_t *steps,
    const assess_step_t *step, assess_err_t *err);

/*
 * The same for the last one that has answers, where nothing is left to be
 * asked: from here on all steps are kept for the end, which is next.
 */
assess_err_e assess_steps_last(assess_steps_t *steps,
    const assess_step_t *step, assess_err_t *err);

/*
 * Saves all that is kept and, with it, the end of the job or its release.
 * Waits while the store is away, as assess_steps_flush().  next is given
 * another job with an end that is saved at once; or it is NULL.
 */
assess_err_e assess_steps_end(assess_steps_t *steps, assess_write_e what,
    assess_status_e status, const char *code, const char *message,
    assess_taker_t *next, assess_err_t *err);

/*
 * Tries to save what is kept, if the last try is some time ago; ASSESS_OK
 * also where that did not work yet.
 */
assess_err_e assess_steps_try(assess_steps_t *steps, assess_err_t *err);

/*
 * For a run that waits: saves the lines that it has, if the last word of it is
 * some time ago, with this step.
 */
assess_err_e assess_steps_tell(assess_steps_t *steps,
    const assess_step_t *step, assess_err_t *err);

/*
 * Waits until all is saved; ASSESS_UNAVAILABLE when the process has to end
 * before that.
 */
assess_err_e assess_steps_flush(assess_steps_t *steps, assess_err_t *err);

/*
 * Whether the lease is ours for all that is known: ASSESS_OK when it was half
 * a lease ago, or is now that the store was asked.  A process that was stopped
 * and wakes up must know before it spends anything.
 */
assess_err_e assess_steps_sure(assess_steps_t *steps, assess_err_t *err);

/* Whether something is kept that the store did not take. */
int assess_steps_kept(const assess_steps_t *steps);

/*
 * For what else a run wants of the store: whether to try again what came out
 * as rc, after a pause; 0 too when the process has to end.
 */
int assess_steps_again(assess_steps_t *steps, assess_err_e rc);


#endif /* ASSESS_STEPS_H */
