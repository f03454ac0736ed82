
/* What a batch is estimated to cost: who is to be asked about what, and the sum. */

#include "assess_batch_int.h"

#include <string.h>


/* so long whoever estimates has; then others may */
#define ASSESS_BATCH_COSTING  "interval '30 seconds'"

/*
 * Jobs that end wait for the row with the lock of the counter in their hands:
 * none of this is worth that they wait for a disk.
 */
#define ASSESS_BATCH_QUICK                                                   \
    " (select set_config('synchronous_commit', 'off', true) as quick) q"


static assess_err_e
assess_batch_asked_row(assess_arena_t *arena, const PGresult *res,
    assess_batch_asked_t *asked, assess_err_t *err)
{
    asked->set_version = (int) assess_col_int(res, 0, 3);
    asked->created_at = assess_col_int(res, 0, 4);

    if (assess_col_str(arena, res, 0, 0, &asked->scope.tenant) != 0
        || assess_col_str(arena, res, 0, 1, &asked->scope.user) != 0
        || assess_col_str(arena, res, 0, 2, &asked->set_name) != 0)
    {
        return assess_db_no_memory(err);
    }

    return ASSESS_OK;
}


/* Provider and model stand with each of its jobs, and are the same in all */

static assess_err_e
assess_batch_asked_jobs(assess_conn_t *conn, assess_arena_t *arena,
    const char *batch_id, assess_batch_asked_t *asked, assess_err_t *err)
{
    int            i, rows;
    PGresult      *res;
    assess_args_t  args;

    static const char  sql[] =
        "select document_id, provider, model from assess.assessment_jobs"
        " where tenant = $1 and batch_id = $2";

    assess_args_init(&args);
    assess_arg_text(&args, &asked->scope.tenant);
    assess_arg_id(&args, batch_id);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rows = PQntuples(res);
    asked->ids = assess_palloc(arena, ((size_t) rows + 1)
                                      * sizeof(*asked->ids));

    if (asked->ids == NULL
        || (rows
            && (assess_col_str(arena, res, 0, 1, &asked->provider) != 0
                || assess_col_str(arena, res, 0, 2, &asked->model) != 0)))
    {
        PQclear(res);
        return assess_db_no_memory(err);
    }

    for (i = 0; i < rows; i++) {
        assess_col_id(res, i, 0, asked->ids[asked->n++]);
    }

    PQclear(res);

    return rows ? ASSESS_OK : assess_batch_unknown(err);
}


static assess_err_e
assess_batch_asked(assess_conn_t *conn, assess_arena_t *arena,
    const char *batch_id, assess_batch_asked_t *asked, assess_err_t *err)
{
    PGresult      *res;
    assess_err_e   rc;
    assess_args_t  args;

    static const char  sql[] =
        "update assess.batch_assessments b"
        " set cost_due = clock_timestamp() + " ASSESS_BATCH_COSTING
        " from assess.question_sets s," ASSESS_BATCH_QUICK
        " where b.batch_id = $1 and b.cost_due <= clock_timestamp()"
        " and q.quick is not null"
        " and s.tenant = b.tenant and s.question_set_id = b.question_set_id"
        " returning b.tenant, b.user_name, s.name, s.version,"
        " assess.ms(b.created_at)";

    assess_args_init(&args);
    assess_arg_id(&args, batch_id);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = PQntuples(res) ? assess_batch_asked_row(arena, res, asked, err)
                        : assess_batch_unknown(err);
    PQclear(res);

    return rc == ASSESS_OK ? assess_batch_asked_jobs(conn, arena, batch_id,
                                                     asked, err) : rc;
}


assess_err_e
assess_batch_to_cost(assess_db_t *db, assess_arena_t *arena,
    const char *batch_id, assess_batch_asked_t *asked, assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    memset(asked, 0, sizeof(assess_batch_asked_t));

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_batch_asked(conn, arena, batch_id, asked, err);

    assess_db_release(conn);

    return rc;
}


assess_err_e
assess_batch_costs(assess_db_t *db, const char *batch_id, double cost,
    assess_err_t *err)
{
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "update assess.batch_assessments b set estimated_cost = $2,"
        " cost_due = 'infinity', changes = b.changes + 1, open = true"
        " from" ASSESS_BATCH_QUICK
        " where b.batch_id = $1 and q.quick is not null";

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_id(&args, batch_id);

    if (cost < 0) {
        assess_arg_null(&args);

    } else {
        assess_arg_money(&args, cost);
    }

    rc = assess_db_run(conn, sql, &args, NULL, err);

    assess_db_release(conn);

    return rc;
}
