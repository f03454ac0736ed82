
/* The answers of a batch, some jobs at a time. */

#include "assess_answer_int.h"
#include "assess_batch_int.h"

#include <string.h>


/* answers that are read at once, if one job has no more */
#define ASSESS_BATCH_ANSWERS  512


static assess_err_e
assess_batch_answers(assess_arena_t *arena, const PGresult *res,
    assess_batch_answer_t **rows, size_t *n, assess_err_t *err)
{
    int                     i, tuples;
    assess_batch_answer_t  *row;

    tuples = PQntuples(res);

    *rows = assess_pcalloc(arena, ((size_t) tuples + 1)
                                  * sizeof(assess_batch_answer_t));
    if (*rows == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < tuples; i++) {

        row = &(*rows)[i];
        row->given = !PQgetisnull(res, i, 0);

        assess_col_id(res, i, ASSESS_ANSWER_EXTRA, row->job_id);
        assess_col_id(res, i, ASSESS_ANSWER_EXTRA + 1, row->document_id);

        if (assess_col_str(arena, res, i, ASSESS_ANSWER_EXTRA + 2,
                           &row->filename) != 0
            || (row->given
                && assess_answer_row(arena, res, i, &row->answer) != 0))
        {
            return assess_db_no_memory(err);
        }
    }

    *n = (size_t) tuples;

    return ASSESS_OK;
}


/*
 * All jobs of a batch were made at one time, so that the index of the batch has
 * them in the order of their ids.
 */

assess_err_e
assess_batch_results(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_batch_t *batch,
    const char *after, assess_batch_answer_t **rows, size_t *n,
    assess_err_t *err)
{
    int             jobs;
    PGresult       *res;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "with part as (select j.job_id, j.document_id"
        " from assess.assessment_jobs j join assess.batch_assessments b"
        " on b.tenant = j.tenant and b.batch_id = j.batch_id"
        " and b.created_at = j.created_at"
        " where j.tenant = $1 and j.batch_id = $2"
        " and j.job_id > coalesce($3::uuid,"
        " '00000000-0000-0000-0000-000000000000')"
        " order by j.created_at, j.job_id limit $4::int)"
        " select a.ordinal," ASSESS_ANSWER_COLUMNS ", s.job_id,"
        " s.document_id, d.filename from part s"
        " left join assess.documents d"
        " on d.tenant = $1 and d.document_id = s.document_id"
        " left join assess.assessment_answers a"
        " on a.tenant = $1 and a.job_id = s.job_id"
        " order by s.job_id, a.ordinal";

    *n = 0;

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    jobs = batch->questions < 1 ? ASSESS_BATCH_ANSWERS
                                : ASSESS_BATCH_ANSWERS / batch->questions;

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, batch->batch_id);
    assess_arg_id(&args, after);
    assess_arg_int(&args, jobs < 1 ? 1 : jobs);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rc = assess_batch_answers(arena, res, rows, n, err);
    PQclear(res);

    return rc;
}
