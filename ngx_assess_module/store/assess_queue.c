
#include "assess_queue_int.h"
#include "assess_event_int.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>


/* so long it is known, in ms, and so many times as long as it took to read */
#define ASSESS_QUEUE_KNOWN    5

/* picks under way; more are not remembered */
#define ASSESS_QUEUE_PENDING  256


struct assess_queue_s {
    pthread_mutex_t   mutex;
    assess_arena_t   *arena;             /* of the lanes; NULL: unknown */
    assess_lanes_t    lanes;
    int64_t           until;

    /*
     * What was picked and is not committed: a look at the database does not see
     * it, and would pick of the same lanes once more, out of their turn.
     */
    assess_pick_t     pending[ASSESS_QUEUE_PENDING];
    size_t            npending;
};


assess_queue_t *
assess_queue_create(void)
{
    assess_queue_t  *queue;

    queue = calloc(1, sizeof(assess_queue_t));

    if (queue && pthread_mutex_init(&queue->mutex, NULL) != 0) {
        free(queue);
        return NULL;
    }

    return queue;
}


void
assess_queue_destroy(assess_queue_t *queue)
{
    if (queue == NULL) {
        return;
    }

    assess_arena_destroy(queue->arena);
    (void) pthread_mutex_destroy(&queue->mutex);
    free(queue);
}


static int
assess_queue_row(assess_arena_t *arena, const PGresult *res, int row,
    assess_lane_t *lane)
{
    memset(lane, 0, sizeof(assess_lane_t));

    lane->lane = assess_col_int(res, row, 0);
    assess_col_id(res, row, 3, lane->batch_id);
    lane->priority = (int) assess_col_int(res, row, 4);
    lane->queued = assess_col_int(res, row, 6);
    lane->running = assess_col_int(res, row, 7);
    lane->closed = PQgetvalue(res, row, 8)[0] == 't';
    lane->served = assess_col_int(res, row, 9);

    if (assess_col_str(arena, res, row, 1, &lane->tenant) != 0
        || assess_col_str(arena, res, row, 2, &lane->user) != 0
        || assess_col_str(arena, res, row, 5, &lane->provider) != 0)
    {
        return -1;
    }

    return 0;
}


assess_err_e
assess_queue_read(assess_conn_t *conn, assess_arena_t *arena,
    assess_lanes_t *lanes, assess_err_t *err)
{
    int             i, rows, failed;
    PGresult       *res;
    assess_lane_t  *list;

    static const char  sql[] =
        "select lane, tenant, user_name, batch_id, priority, provider, queued,"
        " running, paused, case when isfinite(served_at)"
        " then (extract(epoch from served_at) * 1000000)::bigint else 0 end"
        " from assess.lanes where queued > 0 or running > 0"
        " order by tenant, user_name, lane";

    res = assess_db_exec(conn, sql, NULL, err);
    if (res == NULL) {
        return err->kind;
    }

    rows = PQntuples(res);
    list = assess_palloc(arena, ((size_t) rows + 1) * sizeof(assess_lane_t));
    failed = list == NULL;

    for (i = 0; i < rows && !failed; i++) {
        failed = assess_queue_row(arena, res, i, &list[i]) != 0;
    }

    PQclear(res);

    if (failed || assess_lanes_init(lanes, arena, list, (size_t) rows) != 0) {
        return assess_db_no_memory(err);
    }

    return ASSESS_OK;
}


static size_t
assess_queue_take(assess_lanes_t *lanes, const assess_claim_t *claim,
    size_t n, assess_pick_t *picks)
{
    return assess_lanes_pick(lanes, &claim->limits, claim->avoid,
                             claim->navoid, n, picks);
}


/* Under the mutex; until it is settled */

static void
assess_queue_remember(assess_queue_t *queue, const assess_pick_t *picks,
    size_t npicks)
{
    size_t  i;

    for (i = 0; i < npicks && queue->npending < ASSESS_QUEUE_PENDING; i++) {
        queue->pending[queue->npending++] = picks[i];
    }
}


/* What is known is enough only if all n are in it */

static int
assess_queue_known(assess_queue_t *queue, const assess_claim_t *claim,
    size_t n, assess_pick_t *picks, size_t *npicks)
{
    size_t  i, found;

    found = 0;
    (void) pthread_mutex_lock(&queue->mutex);

    if (queue->arena && assess_mono_ms() < queue->until) {

        *npicks = assess_queue_take(&queue->lanes, claim, n, picks);

        for (i = 0; i < *npicks; i++) {
            found += (size_t) picks[i].n;
        }
    }

    if (found == n) {
        assess_queue_remember(queue, picks, *npicks);
    }

    (void) pthread_mutex_unlock(&queue->mutex);

    return found == n;
}


/* This was just read, and what others have picked meanwhile was not in it */

static void
assess_queue_learn(assess_queue_t *queue, const assess_claim_t *claim,
    assess_arena_t *arena, const assess_lanes_t *lanes, int64_t took, size_t n,
    assess_pick_t *picks, size_t *npicks)
{
    size_t           i;
    assess_arena_t  *old;

    (void) pthread_mutex_lock(&queue->mutex);

    old = queue->arena;

    queue->arena = arena;
    queue->lanes = *lanes;
    queue->until = assess_mono_ms() + ASSESS_QUEUE_KNOWN * (took + 1);

    for (i = 0; i < queue->npending; i++) {
        assess_lanes_begun(&queue->lanes, &queue->pending[i]);
    }

    *npicks = assess_queue_take(&queue->lanes, claim, n, picks);
    assess_queue_remember(queue, picks, *npicks);

    (void) pthread_mutex_unlock(&queue->mutex);

    assess_arena_destroy(old);
}


void
assess_queue_settled(assess_queue_t *queue, const assess_pick_t *picks,
    size_t npicks)
{
    size_t  i, k;

    if (queue == NULL || npicks == 0) {
        return;
    }

    (void) pthread_mutex_lock(&queue->mutex);

    for (i = 0; i < npicks; i++) {

        for (k = 0; k < queue->npending; k++) {
            if (queue->pending[k].lane == picks[i].lane
                && queue->pending[k].n == picks[i].n)
            {
                queue->pending[k] = queue->pending[--queue->npending];
                break;
            }
        }
    }

    (void) pthread_mutex_unlock(&queue->mutex);
}


/* Claims that keep to limits go one after the other, of all instances */

static assess_err_e
assess_queue_alone(assess_conn_t *conn, assess_err_t *err)
{
    static const char  sql[] =
        "select pg_advisory_xact_lock(hashtext('assess.lanes'), 0)";

    return assess_db_later(conn, sql, NULL, err);
}


assess_err_e
assess_queue_pick(assess_conn_t *conn, const assess_claim_t *claim, size_t n,
    int fresh, assess_pick_t *picks, size_t *npicks, int *known,
    assess_err_t *err)
{
    int              limited;
    int64_t          begun;
    assess_err_e     rc;
    assess_arena_t  *arena;
    assess_lanes_t   lanes;

    limited = claim->limits.tenant_jobs || claim->limits.batch_jobs;

    *known = !fresh && !limited && claim->queue
             && assess_queue_known(claim->queue, claim, n, picks, npicks);
    if (*known) {
        return ASSESS_OK;
    }

    *npicks = 0;
    rc = ASSESS_OK;
    begun = assess_mono_ms();

    arena = assess_arena_create();
    if (arena == NULL) {
        return assess_db_no_memory(err);
    }

    if (limited) {
        rc = assess_queue_alone(conn, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_queue_read(conn, arena, &lanes, err);
    }

    if (rc == ASSESS_OK && claim->queue && !limited) {
        assess_queue_learn(claim->queue, claim, arena, &lanes,
                           assess_mono_ms() - begun, n, picks, npicks);
        return ASSESS_OK;
    }

    if (rc == ASSESS_OK) {
        *npicks = assess_queue_take(&lanes, claim, n, picks);
    }

    assess_arena_destroy(arena);

    return rc;
}


static void
assess_queue_lanes(assess_args_t *args, const assess_pick_t *picks,
    size_t npicks)
{
    size_t        i;
    assess_buf_t  lanes;

    memset(&lanes, 0, sizeof(assess_buf_t));

    for (i = 0; i < npicks; i++) {
        assess_array_big(&lanes, picks[i].lane);
    }

    assess_args_init(args);
    assess_arg_array(args, &lanes);
}


assess_err_e
assess_queue_mend(assess_conn_t *conn, const assess_pick_t *picks,
    size_t npicks, int64_t *mended, assess_err_t *err)
{
    assess_err_e   rc;
    assess_args_t  args;

    /* one statement sees one state of the jobs and of their count */

#define ASSESS_QUEUE_WRONG                                                   \
    " from (select lane, (select count(*) from assess.assessment_jobs j"     \
    " where j.lane = k.lane and j.status = 'queued') as queued, k.queued"    \
    " as kept from assess.lanes k where k.lane = any($1::bigint[])) c"       \
    " where c.queued <> c.kept"

    static const char  wrong[] = "select 1" ASSESS_QUEUE_WRONG;

    static const char  mend[] =
        "update assess.lanes l set queued = c.queued" ASSESS_QUEUE_WRONG
        " and l.lane = c.lane";

    assess_queue_lanes(&args, picks, npicks);

    rc = assess_db_run(conn, wrong, &args, mended, err);

    if (rc == ASSESS_OK && *mended) {
        rc = assess_events_lock(conn, err);
    }

    if (rc != ASSESS_OK || *mended == 0) {
        return rc;
    }

    assess_queue_lanes(&args, picks, npicks);

    return assess_db_run(conn, mend, &args, mended, err);
}


/*
 * One of a batch is kept as long as that may go on: it says whether that is
 * paused.
 */

assess_err_e
assess_queue_forget(assess_db_t *db, assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    static const char  sql[] =
        "delete from assess.lanes where lane in (select lane from assess.lanes"
        " where queued = 0 and running = 0"
        " and served_at < now() - interval '1 minute' and (batch_id is null"
        " or not exists (select from assess.batch_assessments b"
        " where b.batch_id = lanes.batch_id and b.completed_at is null))"
        " limit 512 for update skip locked)";

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_db_run(conn, sql, NULL, NULL, err);

    assess_db_release(conn);

    return rc;
}
