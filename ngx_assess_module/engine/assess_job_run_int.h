
/* What the files of a job's run share. */

#ifndef ASSESS_JOB_RUN_INT_H
#define ASSESS_JOB_RUN_INT_H


#include "assess_key.h"
#include "assess_prepared.h"
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
    assess_taker_t      *next;       /* given a job with the end of this one */

    /* what other jobs may read at the same time, held until this one ends */
    assess_shared_t               *shared_document;
    assess_shared_t               *shared_set;
    const assess_prepared_t       *document;
    const assess_prepared_set_t   *questions;

    assess_item_t       *items;      /* those without an answer */
    size_t               nitems;
    size_t               nanswered;  /* of them */
    const unsigned char **keys;          /* by ordinal; NULL: not kept */
    assess_answer_t     *kept;       /* of items, found by their keys */
    size_t               nkept;
    int                  looked;     /* for them */
    assess_ask_t         ask;        /* without items, until they are asked */

    int64_t              begun;      /* of the monotonic clock */
    assess_stage_e       stage;
    int64_t              entered;        /* it, in us of that clock */
    int64_t              input;      /* tokens, what is not saved included */
    int64_t              output;
    double               cost;

    int                  total_batches;
    int                  completed_batches;
    int                  at_once;        /* requests, as of late */
    int64_t              asking;         /* since; or the last reply */
    int64_t              read_from;      /* since, too; 0: the text was there */
    int64_t              reading;        /* since; 0: no text is being read */
    int64_t              scanning;       /* likewise, of scanned pages */
    int                  scans;
    int                  scanned;        /* of them */
    int                  rescued;        /* of these: by another run */
    assess_err_t         refused;        /* a step that had been kept */

    double               reserved;       /* dollars, and not settled */
    int64_t              poor;           /* waits for others since; 0: not */
    int                  exhausted;      /* whose limit it came to */
} assess_run_t;


/*
 * The document, ready for questions: as another job left it, or prepared from
 * the text that was saved, or that is found in it now.
 */
assess_err_e assess_run_text(assess_run_t *run, assess_err_t *err);

/*
 * A descriptor of the document, to be closed.  What cannot be had now is waited
 * for; why is said once.
 */
assess_err_e assess_run_content(assess_run_t *run, int *fd,
    assess_err_t *err);

/* Looks for answers that are there already, once; kept has them. */
assess_err_e assess_run_look(assess_run_t *run, assess_err_t *err);

/* Those that were found: the step has them, and their items go. */
void assess_run_take(assess_run_t *run, assess_step_t *step);

/* Whether the provider takes pictures, and the document has some. */
int assess_run_pictured(const assess_run_t *run);

/* Makes those that its items want, which were looked for before. */
assess_err_e assess_run_pictures(assess_run_t *run, assess_err_t *err);

assess_err_e assess_run_step(assess_run_t *run, assess_step_t *step,
    assess_err_t *err);

/*
 * A line of what happened to it: nothing that stands in a document.  Only the
 * last one of a job that failed has what its error has, which may be what a
 * provider said of its refusal.
 */
#define assess_run_line(run, ...)                                            \
    assess_lines_add(&(run)->steps.lines, __VA_ARGS__)

/*
 * When it will have ended, by what its parts took others, in ms since 1970;
 * 0: nobody knows.  reply is the last one, or NULL.
 */
int64_t assess_run_estimate(const assess_run_t *run,
    const assess_reply_t *reply);

/* What was seen of that on the way. */
void assess_run_replied(assess_run_t *run, const assess_reply_t *reply);
void assess_run_ready(const assess_run_t *run);
void assess_run_read(const assess_run_t *run);

/* Whether what it spends is limited, and the reserve() of its ask. */
int assess_run_limited(const assess_run_t *run);
void assess_run_know(assess_run_t *run);
assess_err_e assess_run_reserve(void *ctx, const double *usd, size_t n,
    size_t *fits, assess_err_t *err);

/* Where it ended at the limit of its batch, ends that, too. */
void assess_run_exhaust(assess_run_t *run);

/* The progress of a job whose questions are being answered. */
int assess_run_asked(const assess_run_t *run);

/* Whether what costs nothing to do again is to end; ctx is the run. */
int assess_run_interrupted(void *ctx);

assess_err_e assess_run_memory(assess_err_t *err);


#endif /* ASSESS_JOB_RUN_INT_H */
