
/*
 * Batches: one question set for many documents, with a job for each of these.
 * How far a batch is, and what it cost, is kept counted by the changes of its
 * jobs (assess_turn.h).  What state that makes it, and the events that tell it,
 * are the teller's: assess_batches_tell().
 */

#ifndef ASSESS_BATCH_H
#define ASSESS_BATCH_H


#include "assess_answer.h"
#include "assess_job.h"


#define ASSESS_BATCH_DOCUMENTS  10000


typedef enum {
    ASSESS_BATCH_QUEUED = 0,
    ASSESS_BATCH_PROCESSING,
    ASSESS_BATCH_PAUSED,
    ASSESS_BATCH_COMPLETED,
    ASSESS_BATCH_CANCELLED,
    ASSESS_BATCH_BUDGET_EXCEEDED,
    ASSESS_BATCH_STATUSES
} assess_batch_status_e;


typedef struct {
    char                    batch_id[ASSESS_UUID_LEN + 1];
    assess_str_t            tenant;
    assess_str_t            user;
    assess_batch_status_e   status;
    int                     documents;
    int                     completed;
    int                     failed;          /* budget-stopped ones, too */
    int                     cancelled;
    int64_t                 input_tokens;
    int64_t                 output_tokens;
    double                  cost;            /* US dollars */
    double                  estimated_cost;  /* negative: unknown */
    double                  max_cost;        /* negative: none */
    int                     priority;
    int64_t                 estimated_completion;    /* ms, 0: unknown */
    int64_t                 earliest;        /* of it, nine of ten times */
    int64_t                 latest;
    char                    quality[8];      /* of it, as of a job */
    int64_t                 created_at;
    int64_t                 started_at;      /* 0: not yet */
    int64_t                 completed_at;    /* 0: a job has not ended */
    assess_str_t            metadata;        /* a JSON object */
    assess_str_t            callback_url;    /* null: none */
    assess_str_t            notify_email;    /* null: none */
    int                     questions;       /* in its set */
    int                     retrying;        /* some are yet to be queued */
} assess_batch_t;


/* What a committed change left: the batch as it is now, and what tells of it */
typedef struct {
    assess_batch_t    batch;
    assess_event_t   *events;
    size_t            nevents;
    int               changed;
} assess_batch_change_t;


typedef struct {
    assess_start_t    start;           /* without a document */
    char            (*document_ids)[ASSESS_UUID_LEN + 1];
    size_t            ndocuments;
    assess_str_t      notify_email;    /* null: none */
} assess_batch_start_t;


typedef enum {
    ASSESS_BATCH_PAUSE = 0,
    ASSESS_BATCH_RESUME,
    ASSESS_BATCH_CANCEL,
    ASSESS_BATCH_EXHAUST,              /* its money is used up */
    ASSESS_BATCH_RETRY
} assess_batch_act_e;


typedef struct {
    assess_paging_t   paging;
    int               status;          /* -1: all */
} assess_batch_filter_t;


/* An answer with what it is about */
typedef struct {
    char              job_id[ASSESS_UUID_LEN + 1];
    char              document_id[ASSESS_UUID_LEN + 1];
    assess_str_t      filename;        /* null: none */
    int               given;           /* 0: the job has none */
    assess_answer_t   answer;
} assess_batch_answer_t;


const char *assess_batch_status_name(assess_batch_status_e status);
int assess_batch_status_by_name(const char *name, size_t len);

/* The Batch of the API. */
void assess_batch_json(assess_buf_t *b, const assess_batch_t *batch);


/*
 * Makes a batch and all its jobs, or nothing.  Durable when rc is ASSESS_OK;
 * replayed as with a job.  ASSESS_IMPOSSIBLE where a document stands twice,
 * ASSESS_NOT_FOUND for one that is unknown, with the pointer /documentIds/N, or
 * for the question set.
 */
assess_err_e assess_batch_start(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, assess_batch_start_t *start,
    assess_batch_change_t *change, int *replayed, assess_err_t *err);

/*
 * ASSESS_IMPOSSIBLE, with the pointer /documentIds/N, where one of n ids, of which
 * there is at least one, stood before.
 */
assess_err_e assess_batch_once(const char (*ids)[ASSESS_UUID_LEN + 1],
    size_t n, assess_err_t *err);

assess_err_e assess_batch_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *batch_id, assess_batch_t *batch,
    assess_err_t *err);

/* Newest first. */
assess_err_e assess_batches_list(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_batch_filter_t *filter,
    assess_batch_t **batches, size_t *n, assess_str_t *next, int64_t *total,
    assess_err_t *err);

/*
 * The batches as they are, under the id of the event that told of each last:
 * where a new stream that is narrowed to them begins.  Unknown ids give
 * nothing.
 */
assess_err_e assess_batches_latest(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_str_t *ids, size_t nids,
    assess_event_t **events, size_t *n, assess_err_t *err);

/*
 * Pauses a batch, or lets it go on, ends it, or queues again what did not end
 * well.  No job is touched by that: its lanes are closed or opened, and what
 * follows for its jobs is done in slices.  changed is 0 where it is in that
 * state already; ASSESS_CONFLICT where it cannot come into it.
 */
assess_err_e assess_batch_act(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *batch_id, assess_batch_act_e act,
    assess_batch_change_t *change, assess_err_t *err);

/*
 * Ends some hundred jobs of a batch that was cancelled or has no money left, or
 * queues some hundred again; *n is how many, 0 where there is nothing more to
 * do, or others do it.
 */
assess_err_e assess_batch_slice(assess_db_t *db, assess_arena_t *arena,
    const char *batch_id, assess_change_t **changes, size_t *n,
    assess_err_t *err);


/* The ids of batches */
typedef struct {
    char            (*ids)[ASSESS_UUID_LEN + 1];
    size_t            n;
} assess_batch_ids_t;


/* What of all batches is to be told or done, and what was told. */
typedef struct {
    assess_batch_ids_t   due;          /* to be told */
    assess_batch_ids_t   work;         /* assess_batch_slice() is wanted */
    assess_batch_ids_t   guess;        /* assess_batch_work() is wanted */
    assess_batch_ids_t   cost;         /* assess_batch_to_cost() is */
    int                  later;        /* something was told just before */

    assess_event_t      *events;
    size_t               nevents;
} assess_batches_told_t;

/*
 * Brings batches into the state that their jobs have, and tells of those that
 * have changed, each at most ten times a second by the database's clock,
 * whoever else tells.
 */
assess_err_e assess_batches_tell(assess_db_t *db, assess_arena_t *arena,
    assess_batches_told_t *told, assess_err_t *err);


/* What an estimate of the cost of a batch is made of */
typedef struct {
    assess_scope_t      scope;
    assess_str_t        provider;
    assess_str_t        model;         /* null: that of the provider */
    assess_str_t        set_name;
    int                 set_version;
    int64_t             created_at;    /* ms */
    char              (*ids)[ASSESS_UUID_LEN + 1];     /* of documents */
    size_t              n;
} assess_batch_asked_t;

/*
 * Whoever calls it is the one to estimate, for some seconds, and is to say what
 * came of it; it is ASSESS_NOT_FOUND for all others.
 */
assess_err_e assess_batch_to_cost(assess_db_t *db, assess_arena_t *arena,
    const char *batch_id, assess_batch_asked_t *asked, assess_err_t *err);

/* In US dollars, negative where it cannot be known; the batch is told of again. */
assess_err_e assess_batch_costs(assess_db_t *db, const char *batch_id,
    double cost, assess_err_t *err);


/* What the reading of a document is taken to take, by its kind; in seconds */
#define ASSESS_BATCH_KINDS  32

typedef struct {
    double   always[ASSESS_BATCH_KINDS];
    double   byte[ASSESS_BATCH_KINDS];
} assess_batch_weights_t;

/*
 * Jobs of a batch: those that have ended and were begun and ended at about the
 * same time; those that run and were begun then, and all have their text or
 * none; those in one part of the queue.
 */
typedef enum {
    ASSESS_BATCH_ENDED = 0,
    ASSESS_BATCH_RUNS,
    ASSESS_BATCH_WAITS
} assess_batch_some_e;

typedef struct {
    assess_batch_some_e   what;
    double                jobs;
    double                begun;       /* seconds since it is measured, */
    double                asks_from;   /* means; when its text was there */
    double                ended;       /* of what runs it is now */
    double                read;        /* seconds, by the weights: done, */
    double                unread;      /* and left, of it the longest one */
    double                longest;
    double                asked;       /* question batches: done, */
    double                cached;      /* of these without a request, */
    double                left;        /* and left, */
    double                asking;      /* of these in jobs that are at it */
} assess_batch_some_t;

/* What of a batch was done, and is left */
typedef struct {
    char                   batch_id[ASSESS_UUID_LEN + 1];
    assess_str_t           provider;
    assess_str_t           model;      /* null: that of the provider */
    double                 seconds;    /* it has run, as far as measured */
    double                 running;    /* jobs of anybody at that provider */
    assess_batch_some_t   *some;       /* parts of the queue in its order */
    size_t                 n;
} assess_batch_work_t;

typedef struct {
    double        seconds;             /* from now; negative: nobody knows */
    double        low;
    double        high;
    const char   *quality;
    int64_t       again_ms;            /* when it is to be made anew */
} assess_batch_estimate_t;

/*
 * Reads all jobs of the batch, in some milliseconds for thousands.
 * ASSESS_NOT_FOUND where it does not run.
 */
assess_err_e assess_batch_work(assess_db_t *db, assess_arena_t *arena,
    const char *batch_id, const assess_batch_weights_t *weights,
    assess_batch_work_t *work, assess_err_t *err);

/* Unless it does not run any more, or another teller was faster. */
assess_err_e assess_batch_estimated(assess_db_t *db, const char *batch_id,
    const assess_batch_estimate_t *estimate, assess_err_t *err);


/*
 * The answers of some jobs of a batch, those behind the job after ("": from the
 * first), in the order of its documents and then of the questions; a job
 * without answers is one row that has none.  *n is 0 behind the last job.
 */
assess_err_e assess_batch_results(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_batch_t *batch,
    const char *after, assess_batch_answer_t **rows, size_t *n,
    assess_err_t *err);


#endif /* ASSESS_BATCH_H */
