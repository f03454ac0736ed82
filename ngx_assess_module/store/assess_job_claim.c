
/* Claims: the next jobs of the queue, with all that running them takes. */

#include "assess_document_int.h"
#include "assess_job_int.h"
#include "assess_question_set_int.h"
#include "assess_queue_int.h"

#include <stdlib.h>
#include <string.h>


/*
 * Of each lane that was picked the first so many, and before them what was left
 * in the middle.  What others are about to take is passed over.  The answers
 * that are there already tell how far an attempt before this one came.
 *
 * $4 is whether this client may take over what ran out; the server says so
 * for itself.  '-infinity', a worker that is gone, is always before.
 */

static const char  assess_claim_sql[] =
    "with left_over as (select c.job_id, c.status, c.tenant, c.document_id,"
    " c.question_set_id, c.lease_until > '-infinity' as ran_out"
    " from assess.assessment_jobs c"
    " where $7::boolean and c.status = 'processing'"
    " and c.lease_until <= case when $4::boolean"
    " and pg_postmaster_start_time() <= statement_timestamp()"
    " - $2::int * interval '1 millisecond'"
    " then statement_timestamp() else '-infinity' end"
    " and c.provider <> all ($5::text[])"
    " order by c.priority desc, c.created_at, c.job_id"
    " limit $6::int for update skip locked),"
    " waited as (select c.* from unnest($8::bigint[], $9::int[])"
    " as p (lane, n) cross join lateral (select c.job_id, c.status, c.tenant,"
    " c.document_id, c.question_set_id, false as ran_out"
    " from assess.assessment_jobs c"
    " where c.lane = p.lane and c.status = 'queued'"
    " order by c.created_at, c.job_id limit p.n for update skip locked) c),"
    " next as (select * from left_over union all select * from waited"
    " limit $6::int),"
    " dealt as (select *, row_number() over () as n from next)"
    " update assess.assessment_jobs j set status = 'processing',"
    " stage = 'extracting', resumes = false,"
    " progress = case when j.resumes then j.progress else 0 end,"
    " attempt = j.attempt + (not j.resumes)::int,"
    " fence = j.fence + 1, lease_owner = ($1::text[])[x.n],"
    " worker_id = $3::uuid,"
    " lost = j.lost + (j.status = 'processing')::int,"
    " lease_until = statement_timestamp()"
    " + $2::int * interval '1 millisecond',"
    " started_at = coalesce(j.started_at, now()), told_at = now(),"
    " estimated_completion = null,"
    " completed_batches = greatest(0, case when j.resumes"
    " then j.completed_batches end, j.total_batches"
    " - ceil((s.question_count - a.answers)::numeric"
    " / j.questions_per_batch)::int)"
    " from dealt x left join assess.question_sets s"
    " on s.tenant = x.tenant and s.question_set_id = x.question_set_id"
    " left join assess.documents d"
    " on d.tenant = x.tenant and d.document_id = x.document_id"
    " cross join lateral (select count(*) as answers,"
    " string_agg(ordinal::text, ',') as ordinals"
    " from assess.assessment_answers where job_id = x.job_id) a"
    " where j.job_id = x.job_id"
    " returning" ASSESS_JOB_COLUMNS
    ", j.fence, j.question_set_id, j.model, j.lost, j.steps,"
    " x.ran_out, x.status, x.n, a.ordinals, (select b.max_cost from"
    " assess.batch_assessments b where b.batch_id = j.batch_id"
    " and b.tenant = j.tenant)," ASSESS_DOCUMENT_AT_WORK;

/* their places in a row */
enum {
    ASSESS_CLAIM_FENCE = ASSESS_JOB_EXTRA,
    ASSESS_CLAIM_SET,
    ASSESS_CLAIM_MODEL,
    ASSESS_CLAIM_LOST,
    ASSESS_CLAIM_STEPS,
    ASSESS_CLAIM_RAN_OUT,
    ASSESS_CLAIM_WAS,
    ASSESS_CLAIM_N,
    ASSESS_CLAIM_ORDINALS,
    ASSESS_CLAIM_MAX_BATCH,
    ASSESS_CLAIM_DOCUMENT
};


/* Which questions have an answer: "0,3,12" */

static int
assess_claim_answered(assess_arena_t *arena, const char *list,
    assess_work_t *work)
{
    char  *end;
    long   ordinal;
    long   n;

    n = work->set.question_count;

    work->answered = assess_pcalloc(arena, (size_t) n + 1);
    if (work->answered == NULL) {
        return -1;
    }

    while (*list) {
        ordinal = strtol(list, &end, 10);

        if (ordinal >= 0 && ordinal < n) {
            work->answered[ordinal] = 1;
        }

        list = *end ? end + 1 : end;
    }

    return 0;
}


/* What a run needs besides the job */

static assess_err_e
assess_claim_work(assess_conn_t *conn, assess_taker_t *taker,
    const PGresult *res, int row, assess_err_t *err)
{
    char             set_id[ASSESS_UUID_LEN + 1];
    assess_err_e     rc;
    assess_work_t   *work;
    assess_arena_t  *arena;

    work = &taker->work;
    arena = taker->arena;

    if (assess_job_row(arena, res, row, &work->job) != 0
        || assess_col_str(arena, res, row, ASSESS_CLAIM_MODEL,
                          &work->model) != 0
        || assess_document_row(arena, res, row, ASSESS_CLAIM_DOCUMENT,
                               &work->document) != 0
        || assess_pstrdup(arena, &work->owner, taker->owner.data,
                          taker->owner.len) != 0)
    {
        return assess_db_no_memory(err);
    }

    work->fence = assess_col_int(res, row, ASSESS_CLAIM_FENCE);
    work->max_batch = assess_col_real(res, row, ASSESS_CLAIM_MAX_BATCH, -1);
    work->limited = work->max_batch >= 0;
    work->lost = (int) assess_col_int(res, row, ASSESS_CLAIM_LOST);
    work->steps = assess_col_int(res, row, ASSESS_CLAIM_STEPS);
    assess_col_id(res, row, ASSESS_CLAIM_SET, set_id);

    rc = assess_question_set_by_id(conn, arena, &work->job.tenant, set_id,
                                   &work->set, err);

    /* question sets are never deleted */

    if (rc == ASSESS_NOT_FOUND) {
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "a job refers to what is not there");
    }

    if (rc == ASSESS_OK
        && assess_claim_answered(arena, PQgetvalue(res, row,
                                                   ASSESS_CLAIM_ORDINALS),
                                 work) != 0)
    {
        return assess_db_no_memory(err);
    }

    return rc;
}


/* Whether those who have leases could renew them, as far as is known here */

static int
assess_claim_steady(assess_db_t *db, const assess_claim_t *claim)
{
    return assess_db_steady_ms(db) >= claim->lease_ms;
}


assess_err_e
assess_claim_ahead(assess_conn_t *conn, const assess_claim_t *claim,
    assess_taker_t **takers, size_t n, int fresh, assess_claimed_t *claimed,
    assess_err_t *err)
{
    size_t         i;
    assess_buf_t   owners, avoid, lanes, counts;
    assess_args_t  args;

    claimed->res = NULL;

    if (assess_queue_pick(conn, claim, n, fresh, claimed->picks,
                          &claimed->npicks, &claimed->known, err)
        != ASSESS_OK)
    {
        return err->kind;
    }

    if (claimed->npicks == 0 && !claim->left) {
        return ASSESS_OK;
    }

    memset(&owners, 0, sizeof(assess_buf_t));
    memset(&avoid, 0, sizeof(assess_buf_t));
    memset(&lanes, 0, sizeof(assess_buf_t));
    memset(&counts, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        assess_array_add(&owners, &takers[i]->owner);
    }

    for (i = 0; i < claim->navoid; i++) {
        assess_array_add(&avoid, &claim->avoid[i]);
    }

    for (i = 0; i < claimed->npicks; i++) {
        assess_array_big(&lanes, claimed->picks[i].lane);
        assess_array_int(&counts, claimed->picks[i].n);
    }

    assess_args_init(&args);
    assess_arg_array(&args, &owners);
    assess_arg_int(&args, claim->lease_ms);
    assess_arg_id(&args, claim->worker_id);
    assess_arg_id(&args, assess_claim_steady(conn->db, claim) ? "true"
                                                              : "false");
    assess_arg_array(&args, &avoid);
    assess_arg_int(&args, (int64_t) n);
    assess_arg_id(&args, claim->left ? "true" : "false");
    assess_arg_array(&args, &lanes);
    assess_arg_array(&args, &counts);

    return assess_db_ahead(conn, assess_claim_sql, &args, &claimed->res, err);
}


assess_err_e
assess_claim_deal(assess_conn_t *conn, const PGresult *res,
    const assess_claim_t *claim, assess_taker_t **takers, size_t n,
    assess_event_t *events, assess_turn_t *turns, assess_err_t *err)
{
    int              row, from;
    size_t           k;
    assess_taker_t  *taker;

    for (row = 0; row < PQntuples(res); row++) {

        /* the server may have stood still since: no lease was renewed */

        if (PQgetvalue(res, row, ASSESS_CLAIM_RAN_OUT)[0] == 't'
            && !assess_claim_steady(conn->db, claim))
        {
            return assess_fail(err, ASSESS_NOT_FOUND, NULL,
                               "no job is waiting yet");
        }

        k = (size_t) assess_col_int(res, row, ASSESS_CLAIM_N) - 1;

        if (k >= n || takers[k]->taken) {
            return assess_fail(err, ASSESS_ERROR, "internal",
                               "a claim took more than it was to");
        }

        taker = takers[k];
        taker->taken = 1;

        if (assess_claim_work(conn, taker, res, row, err) != ASSESS_OK) {
            return err->kind;
        }

        if (assess_job_event(taker->arena, &taker->work.job, "progress",
                             ASSESS_CLAIM_STEP,
                             assess_col_int(res, row, ASSESS_JOB_NOW),
                             &events[row]) != 0)
        {
            return assess_db_no_memory(err);
        }

        from = assess_status_by_name(PQgetvalue(res, row, ASSESS_CLAIM_WAS),
                                     (size_t) PQgetlength(res, row,
                                                          ASSESS_CLAIM_WAS));
        assess_job_turn(&turns[row], &taker->work.job, from,
                        ASSESS_PROCESSING);

        taker->work.left = from == ASSESS_PROCESSING;

        taker->change.job = taker->work.job;
        taker->change.events = &events[row];
        taker->change.nevents = 1;
        taker->change.begun = 1;
    }

    return ASSESS_OK;
}


void
assess_claim_begin(const assess_claim_t *claim, assess_taker_t **takers,
    size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        memset(&takers[i]->work, 0, sizeof(assess_work_t));
        memset(&takers[i]->change, 0, sizeof(assess_change_t));

        takers[i]->work.lease_ms = claim->lease_ms;
        takers[i]->taken = 0;
    }
}


static assess_err_e
assess_claim_taken(assess_conn_t *conn, const PGresult *res,
    const assess_claim_t *claim, assess_taker_t **takers, size_t n,
    assess_err_t *err)
{
    size_t           rows;
    assess_err_e     rc;
    assess_turn_t   *turns;
    assess_event_t  *events;

    rows = (size_t) PQntuples(res);

    events = assess_palloc(takers[0]->arena, rows * sizeof(assess_event_t));
    turns = assess_palloc(takers[0]->arena, rows * sizeof(assess_turn_t));

    if (events == NULL || turns == NULL) {
        return assess_db_no_memory(err);
    }

    rc = assess_claim_deal(conn, res, claim, takers, n, events, turns, err);

    return rc == ASSESS_OK
           ? assess_events_commit(conn, events, rows, turns, rows,
                                  err) : rc;
}


/* Nothing was where the lanes said that there was something */

static assess_err_e
assess_claim_nothing(assess_conn_t *conn, const assess_claimed_t *claimed,
    assess_err_t *err)
{
    int64_t       mended;
    assess_err_e  rc;

    rc = assess_queue_mend(conn, claimed->picks, claimed->npicks, &mended,
                           err);

    if (rc == ASSESS_OK && mended) {
        rc = assess_db_commit(conn, err);
    }

    return rc == ASSESS_OK
           ? assess_fail(err, ASSESS_NOT_FOUND, NULL, "no job is waiting")
           : rc;
}


static assess_err_e
assess_claim_try(assess_db_t *db, const assess_claim_t *claim,
    assess_taker_t **takers, size_t n, int fresh, int *known,
    assess_err_t *err)
{
    assess_err_e       rc;
    assess_conn_t     *conn;
    assess_claimed_t   claimed;

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_claim_ahead(conn, claim, takers, n, fresh, &claimed, err);
    *known = claimed.known;

    if (rc == ASSESS_OK && (claimed.npicks || claim->left)) {
        rc = assess_db_flush(conn, err);
    }

    if (rc == ASSESS_OK) {

        if (claimed.res && PQntuples(claimed.res)) {
            rc = assess_claim_taken(conn, claimed.res, claim, takers, n, err);

        } else if (claimed.npicks && !claimed.known) {
            rc = assess_claim_nothing(conn, &claimed, err);

        } else {
            rc = assess_fail(err, ASSESS_NOT_FOUND, NULL,
                             "no job is waiting");
        }
    }

    PQclear(claimed.res);

    assess_queue_settled(claim->queue, claimed.picks, claimed.npicks);
    assess_db_release(conn);

    return rc;
}


assess_err_e
assess_jobs_claim(assess_db_t *db, const assess_claim_t *claim,
    assess_taker_t **takers, size_t n, assess_err_t *err)
{
    int           known;
    size_t        i;
    assess_err_e  rc;

    assess_claim_begin(claim, takers, n);

    known = 0;
    rc = assess_claim_try(db, claim, takers, n, 0, &known, err);

    if (rc == ASSESS_NOT_FOUND && known) {
        rc = assess_claim_try(db, claim, takers, n, 1, &known, err);
    }

    for (i = 0; i < n && rc != ASSESS_OK; i++) {
        takers[i]->taken = 0;
    }

    return rc;
}
