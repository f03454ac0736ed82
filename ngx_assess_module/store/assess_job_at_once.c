
/*
 * Starts whose job is run at once: what a claim would have read back from the
 * database is known to who has just written it.
 */

#include "assess_document_int.h"
#include "assess_job_int.h"

#include <string.h>


static int
assess_start_copy(assess_arena_t *arena, assess_str_t *dst,
    const assess_str_t *src)
{
    return assess_pstrdup(arena, dst, src->data, src->len);
}


/*
 * What the run needs, as far as it is known before the statement, in the
 * taker's arena.
 */

static assess_err_e
assess_start_ready(assess_conn_t *conn, assess_starting_t *st,
    const char *question_set_id, assess_err_t *err)
{
    assess_job_t        *job;
    assess_work_t       *work;
    assess_arena_t      *arena;
    const assess_job_t  *made;

    arena = st->taker->arena;
    work = &st->taker->work;
    job = &work->job;
    made = &st->change.job;

    memset(work, 0, sizeof(assess_work_t));

    /* the start is gone before the run has ended */

    *job = *made;

    if (assess_start_copy(arena, &job->tenant, &made->tenant) != 0
        || assess_start_copy(arena, &job->user, &made->user) != 0
        || assess_start_copy(arena, &job->provider, &made->provider) != 0
        || assess_start_copy(arena, &job->metadata, &made->metadata) != 0
        || assess_start_copy(arena, &work->model, &st->start->model) != 0
        || assess_start_copy(arena, &work->owner, &st->taker->owner) != 0)
    {
        return assess_db_no_memory(err);
    }

    work->lease_ms = st->lease_ms;
    work->fence = 1;
    work->max_batch = -1;

    if (assess_question_set_by_id(conn, arena, &job->tenant, question_set_id,
                                  &work->set, err) != ASSESS_OK)
    {
        return err->kind;
    }

    work->answered = assess_pcalloc(arena,
                                    (size_t) work->set.question_count + 1);

    return work->answered ? ASSESS_OK : assess_db_no_memory(err);
}


int
assess_start_at_once(assess_starting_t **starts, size_t n)
{
    size_t  i;

    for (i = 0; i < n && starts[i]->taker; i++) { /* void */ }

    return i == n;
}


assess_err_e
assess_start_takers(assess_conn_t *conn, assess_args_t *args,
    assess_starting_t **starts, size_t n, const assess_set_name_t *sets,
    assess_err_t *err)
{
    size_t        i;
    assess_err_e  rc;
    assess_buf_t  owners;

    rc = ASSESS_OK;
    memset(&owners, 0, sizeof(assess_buf_t));

    for (i = 0; i < n && rc == ASSESS_OK; i++) {
        rc = assess_start_ready(conn, starts[i], sets[i].question_set_id, err);
        assess_array_add(&owners, &starts[i]->taker->owner);
    }

    assess_arg_array(args, &owners);
    assess_arg_id(args, starts[0]->worker_id);
    assess_arg_int(args, starts[0]->lease_ms);

    return rc;
}


assess_err_e
assess_start_taken(assess_starting_t *st, const PGresult *res, int col,
    assess_err_t *err)
{
    int             row;
    char            id[ASSESS_UUID_LEN + 1];
    assess_work_t  *work;

    work = &st->taker->work;

    for (row = 0; row < PQntuples(res); row++) {

        assess_col_id(res, row, col, id);

        if (strcmp(id, st->change.job.document_id) != 0) {
            continue;
        }

        if (assess_document_row(st->taker->arena, res, row, col,
                                &work->document) != 0)
        {
            return assess_db_no_memory(err);
        }

        work->job.created_at = st->change.job.created_at;
        work->job.started_at = st->change.job.started_at;
        st->taker->taken = 1;

        return ASSESS_OK;
    }

    return assess_fail(err, ASSESS_ERROR, "internal",
                       "a job was started on no document");
}


void
assess_start_found(assess_conn_t *conn, assess_starting_t *st,
    const assess_job_t *job)
{
    assess_err_t    err;
    assess_work_t  *work;

    work = &st->taker->work;

    if (job->status != ASSESS_PROCESSING
        || assess_document_find(conn, st->taker->arena, &work->job.tenant,
                                job->document_id, &work->document, &err)
           != ASSESS_OK)
    {
        return;
    }

    work->job.created_at = job->created_at;
    work->job.started_at = job->started_at;
    st->taker->taken = 1;
}
