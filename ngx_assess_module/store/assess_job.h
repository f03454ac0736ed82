
/*
 * Jobs, from the start to the end.  A change of a job is one transaction
 * that also writes the events that tell of it; the caller hands both on to
 * the shared zone once it is committed.
 */

#ifndef ASSESS_JOB_H
#define ASSESS_JOB_H


#include "assess_answer.h"
#include "assess_document.h"
#include "assess_event.h"
#include "assess_lane.h"
#include "assess_log.h"
#include "assess_question_set.h"
#include "assess_queue.h"


/* The name of a version of a price list, and of a day. */
#define ASSESS_PRICE_VERSION  12
#define ASSESS_DAY_LEN        10

/* A traceparent of version 00 (W3C Trace Context). */
#define ASSESS_TRACE_LEN      55


typedef enum {
    ASSESS_QUEUED = 0,
    ASSESS_PROCESSING,
    ASSESS_COMPLETED,
    ASSESS_JOB_FAILED,
    ASSESS_JOB_CANCELLED,
    ASSESS_BUDGET_EXCEEDED,
    ASSESS_STATUSES
} assess_status_e;


typedef enum {
    ASSESS_STAGE_NONE = 0,
    ASSESS_EXTRACTING,
    ASSESS_VECTOR_LOOKUP,
    ASSESS_LLM_PROCESSING,
    ASSESS_FINALIZING
} assess_stage_e;


typedef struct {
    char              job_id[ASSESS_UUID_LEN + 1];
    char              assessment_id[ASSESS_UUID_LEN + 1];
    char              document_id[ASSESS_UUID_LEN + 1];
    char              batch_id[ASSESS_UUID_LEN + 1];   /* "" when none */
    assess_str_t      tenant;
    assess_str_t      user;
    assess_str_t      provider;
    int64_t           lane;              /* where it waits: assess_lane.h */
    assess_status_e   status;
    assess_stage_e    stage;
    int               progress;          /* 0..100 */
    int               total_batches;
    int               completed_batches;
    int               queue_position;    /* from 1; 0 when not queued */
    int               attempt;           /* from 1, once it was claimed */
    int               priority;
    int64_t           estimated_completion;  /* ms, 0: unknown */
    int64_t           input_tokens;
    int64_t           output_tokens;
    double            cost;              /* US dollars */
    double            max_cost;          /* negative: none */
    assess_str_t      error_code;        /* null: none */
    assess_str_t      error_message;
    int64_t           created_at;
    int64_t           started_at;        /* 0: not yet */
    int64_t           completed_at;
    assess_str_t      metadata;          /* a JSON object */
    char              prices[ASSESS_PRICE_VERSION + 1];  /* "": unknown */
    char              traceparent[ASSESS_TRACE_LEN + 1]; /* "": none */
} assess_job_t;


/* What a committed change left: the job as it is now, and its events. */
typedef struct {
    assess_job_t      job;
    assess_event_t   *events;
    size_t            nevents;
    int               notices;       /* some are to be sent */
    int               begun;         /* a claim: a run of it begins */
    int               at_once;       /* of a job that is new: it never waited */
} assess_change_t;


typedef struct {
    char              document_id[ASSESS_UUID_LEN + 1];
    assess_upload_t  *upload;            /* or: upload and start in one */
    assess_str_t      set_name;
    int               set_version;       /* 0: the newest */
    int               priority;
    assess_str_t      provider;
    assess_str_t      model;
    int               questions_per_batch;
    double            max_cost;          /* negative: none */
    assess_str_t      callback_url;      /* null: none */
    assess_str_t      metadata;          /* a JSON object */
    assess_str_t      traceparent;       /* valid; null: none */
    assess_str_t      idempotency_key;   /* null: none */
    char              request_hash[65];  /* of all that makes two starts one */
} assess_start_t;


/* So many are claimed at once at most */
#define ASSESS_CLAIM_MAX  64

/* Who claims, and what not.  All of it is lent. */
typedef struct {
    char                     worker_id[ASSESS_UUID_LEN + 1];
    int                      lease_ms;
    const assess_str_t      *avoid;      /* providers whose jobs wait */
    size_t                   navoid;
    assess_lane_limits_t     limits;
    assess_queue_t          *queue;      /* NULL: it is always looked up */
    int                      left;       /* look for jobs that were left, too */
} assess_claim_t;


/* A claimed job and all that it needs. */
typedef struct {
    assess_job_t             job;
    assess_str_t             model;
    assess_question_set_t    set;
    assess_document_t        document;
    unsigned char           *answered;   /* by ordinal: has an answer */
    assess_str_t             owner;      /* whose lease it is */
    int                      lease_ms;   /* steps renew it, too */
    int64_t                  fence;      /* rises with each claim */
    int64_t                  steps;      /* that are saved, of all claims */
    int                      lost;       /* leases in a row that ran out */
    int                      left;       /* by its worker before this claim */
    int                      limited;    /* its batch is, ... */
    double                   max_batch;  /* ... to so many dollars */
    char                     day[ASSESS_DAY_LEN + 1];  /* its costs are of it */
    int                      counted;    /* on that day, for its tenant */
} assess_work_t;


/* One step of a job that runs; what is not given is 0 or NULL. */
typedef struct {
    assess_stage_e           stage;
    const char              *step;       /* "Assessing questions" */
    int                      progress;   /* never less than it was */
    int                      total_batches;
    int                      completed_batches;
    int64_t                  estimated_completion;
    int64_t                  input_tokens;    /* to be added */
    int64_t                  output_tokens;
    double                   cost;
    const char              *prices;     /* their version, static */
    double                   released;   /* of what was reserved, ... */
    double                   doubtful;   /* ... and may yet be billed */
    const assess_answer_t   *answers;    /* to be saved with it */
    size_t                   nanswers;
} assess_step_t;


/* One run that wants a job, and what it was given. */
typedef struct {
    assess_arena_t          *arena;      /* of what it is given */
    assess_str_t             owner;      /* a name for this run alone */
    assess_work_t            work;
    assess_change_t          change;
    int                      taken;
    assess_err_e             rc;         /* for the caller of claim() */
    assess_err_t             err;
} assess_taker_t;


typedef enum {
    ASSESS_WRITE_STEPS = 0,
    ASSESS_WRITE_END,
    ASSESS_WRITE_RELEASE
} assess_write_e;


/*
 * What a run has to say of its job: steps in their order, and with them how it
 * ends, or that it is handed back.  rc and err are the answer.
 */
typedef struct {
    assess_write_e           what;
    assess_arena_t          *arena;      /* of the change */
    assess_work_t           *work;
    const assess_step_t     *steps;
    size_t                   nsteps;
    assess_str_t             lines;      /* see assess_log_put(); or none */
    assess_status_e          status;     /* of an end */
    const char              *code;       /* of one that failed */
    const char              *message;
    assess_taker_t          *next;       /* of an end: who goes on; or NULL */

    assess_change_t          change;
    assess_err_e             rc;
    assess_err_t             err;
} assess_write_t;


typedef struct {
    assess_paging_t   paging;
    int               status;            /* -1: all */
    assess_str_t      batch_id;          /* null: all */
    assess_str_t      document_id;
    assess_str_t      user;
} assess_job_filter_t;


typedef struct {
    int64_t   total_docs;
    int64_t   reviewed;
    int64_t   not_reviewed;
    int64_t   processing;
    int64_t   queued;
    int64_t   failed;
} assess_counters_t;


const char *assess_status_name(assess_status_e status);
int assess_status_by_name(const char *name, size_t len);
const char *assess_stage_name(assess_stage_e stage);    /* NULL for none */

/* The Job of the API. */
void assess_job_json(assess_buf_t *b, const assess_job_t *job);


/*
 * Starts jobs, in one transaction as far as they have nothing of their own to
 * do in it; each is made or not made for itself.  Durable when rc is ASSESS_OK.
 * replayed is set when a start had been made before under the same key: job is
 * that one's then, and no event is written.  ASSESS_NOT_FOUND with the pointer
 * /documentId or /questionSet; ASSESS_IMPOSSIBLE when the key was used for
 * another request; ASSESS_CONFLICT when that is still under way.
 *
 * Where all of them have a taker, each job is its taker's from the beginning,
 * as if it had been claimed in the same moment: it never waits in the queue.
 * taken tells.  One whose start failed with its commit in doubt may be the
 * taker's in the database, and is freed as one that a claim took.
 */
typedef struct {
    assess_arena_t         *arena;       /* of the change */
    const assess_scope_t   *scope;
    assess_start_t         *start;
    const char             *worker_id;   /* of the taker */
    int                     lease_ms;
    assess_taker_t         *taker;       /* who runs it at once; or NULL */
    int                     place;       /* of that, for whoever gave it */

    assess_change_t         change;
    int                     replayed;
    int                     settled;     /* by its key, for good */
    assess_err_e            rc;
    assess_err_t            err;
} assess_starting_t;

void assess_jobs_start(assess_db_t *db, assess_starting_t **starts, size_t n);

/*
 * For a start with a key whose document has to be fetched first: takes the key
 * for so long, by an id that is given out.  Where it is known already, or held
 * by another one, the start is settled, with its rc, and nothing is held.
 */
assess_err_e assess_start_hold(assess_db_t *db, assess_starting_t *st,
    int64_t ms, char holder[ASSESS_UUID_LEN + 1], assess_err_t *err);

/* Gives it back, whether the start was made or not; if it is still its own. */
assess_err_e assess_start_release(assess_db_t *db,
    const assess_starting_t *st, const char *holder, assess_err_t *err);

/* With its place in the queue when it is queued. */
assess_err_e assess_job_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *job_id, assess_job_t *job,
    assess_err_t *err);

/* The places in the queue of n jobs, of whatever tenants; 0: it has none. */
assess_err_e assess_jobs_places(assess_db_t *db,
    const char (*ids)[ASSESS_UUID_LEN + 1], size_t n, int *places,
    assess_err_t *err);

/* Newest first; of all tenants where that of the scope is null. */
assess_err_e assess_jobs_list(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_job_filter_t *filter,
    assess_job_t **jobs, size_t *n, assess_str_t *next, int64_t *total,
    assess_err_t *err);

assess_err_e assess_counters_read(assess_db_t *db, const assess_scope_t *scope,
    assess_counters_t *counters, assess_err_t *err);
void assess_counters_json(assess_buf_t *b, const assess_counters_t *counters);

/* changed is 0 when it had ended before. */
assess_err_e assess_job_cancel(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *job_id, assess_change_t *change,
    int *changed, assess_err_t *err);

/*
 * Queues a failed, cancelled or budget-stopped job again; its answers stay.
 * ASSESS_CONFLICT when it is in another state.
 */
assess_err_e assess_job_retry(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *job_id, assess_change_t *change,
    assess_err_t *err);


/*
 * Leases know one clock, the database's: the time of a client goes into no
 * statement that sets, renews or compares one, so that the clocks of the
 * instances may differ by any amount.
 *
 * Each of the calls below may end as ASSESS_UNAVAILABLE with its commit in
 * doubt.  A step, an end and a release are then to be made again, the same as
 * they were: what had been committed gives ASSESS_OK and is not made twice,
 * with the job as it is and without an event in change, which is in the log.
 * A claim is made anew: a job that it may have taken is freed by the beat of
 * its worker (assess_worker.h).
 */

/*
 * Takes the next jobs, one for each taker as far as there are so many, in the
 * order of assess_lane.h.  Where claim->left is set, those that were left are
 * taken first: at once when its worker is known to be gone, else when its lease
 * ran out, but not within a lease of the time when the server started, or was
 * there for db, again or for the first time (assess_db_steady_ms(), for which
 * gap_ms is to be less than a third of a lease): while it was away nobody could
 * renew, and who runs the jobs has the time to.  ASSESS_NOT_FOUND when there
 * is none.
 *
 * An attempt ends with its job, or with a lease that ran out.  One that was
 * handed back goes on: its progress stays, and attempt does not rise.
 */
assess_err_e assess_jobs_claim(assess_db_t *db, const assess_claim_t *claim,
    assess_taker_t **takers, size_t n, assess_err_t *err);

/*
 * Whether the job is still this run's, whose lease is renewed then: ASSESS_OK,
 * ASSESS_LOST or ASSESS_CANCELLED.
 */
assess_err_e assess_job_renew(assess_db_t *db, assess_work_t *work,
    assess_err_t *err);

/*
 * Saves what runs have to say, each of another job, in one transaction; what
 * stands in the way of one is no harm to the others.
 *
 * rc is ASSESS_LOST when the lease is another's, ASSESS_CANCELLED when the job
 * was cancelled meanwhile; nothing is written in either case, except that
 * answers which were paid for are kept with a cancelled job (then change.job
 * has it).  work->job follows, and work->steps counts once for all the steps of
 * a write.
 *
 * Whoever ends a job may be given the next one in the same transaction, as by
 * claim (NULL: nobody): taken tells.
 */
void assess_jobs_write(assess_db_t *db, const assess_claim_t *claim,
    assess_write_t **writes, size_t n);


#endif /* ASSESS_JOB_H */
