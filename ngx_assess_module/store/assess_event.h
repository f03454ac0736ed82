
/*
 * The event log.  An event is written in the transaction of the fact that it
 * tells, under an id from one counter row: ids are dense, and become visible
 * in their order, so that whoever has seen n and reads what is above n has
 * missed nothing.
 */

#ifndef ASSESS_EVENT_H
#define ASSESS_EVENT_H


#include "assess_db.h"


typedef struct {
    int64_t        event_id;
    assess_str_t   type;             /* queued, progress, complete, ... */
    assess_str_t   tenant;
    assess_str_t   user;             /* null: nobody's */
    char           job_id[ASSESS_UUID_LEN + 1];
    char           document_id[ASSESS_UUID_LEN + 1];
    char           batch_id[ASSESS_UUID_LEN + 1];      /* "" when none */
    assess_str_t   data;             /* one line of JSON */
} assess_event_t;


/*
 * What is in the log: every event up to newest is visible, those from oldest
 * on are kept.  oldest is newest + 1 when none is.
 */
assess_err_e assess_events_bounds(assess_db_t *db, int64_t *oldest,
    int64_t *newest, assess_err_t *err);

/*
 * Events above after, in order, at most limit of them; of one tenant, or of
 * all when tenant is null (for the ring in shared memory, never for a
 * client).  upto is the id up to which nothing was left out: the last
 * event's when there are more, else the newest of the log.
 */
assess_err_e assess_events_after(assess_db_t *db, assess_arena_t *arena,
    const assess_str_t *tenant, int64_t after, int limit,
    assess_event_t **events, size_t *n, int64_t *upto, assess_err_t *err);

/*
 * Deletes events that are older than age_ms, some of them; n is how many rows
 * of the log, of which each has the events of one transaction.  0: there are
 * none, or another does it.
 */
assess_err_e assess_events_forget(assess_db_t *db, int64_t age_ms,
    int64_t *n, assess_err_t *err);

/*
 * The latest event of each of these jobs or, for documents, of each of their
 * jobs, in the order of their ids: where a new stream that is narrowed to
 * them begins.  Unknown ids give nothing.
 */
assess_err_e assess_events_latest(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_str_t *job_ids, size_t njobs,
    const assess_str_t *document_ids, size_t ndocuments,
    assess_event_t **events, size_t *n, assess_err_t *err);


#endif /* ASSESS_EVENT_H */
