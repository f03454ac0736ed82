
/* That jobs have ended, told to those whom their starts have named. */

#include "assess_job_int.h"
#include "assess_notice_int.h"

#include <stdlib.h>
#include <string.h>


static const char *const  assess_job_facts[ASSESS_STATUSES] = {
    NULL,
    NULL,
    "job.completed",
    "job.failed",
    "job.cancelled",
    "job.budget_exceeded"
};


/* Of a job that has ended; in its arena */

static int
assess_job_fact(assess_arena_t *arena, const PGresult *res, int row, int col,
    const assess_job_t *job, assess_fact_t *fact)
{
    int           rc;
    assess_buf_t  b;

    memset(fact, 0, sizeof(assess_fact_t));
    memset(&b, 0, sizeof(assess_buf_t));

    fact->tenant = job->tenant;
    memcpy(fact->subject_id, job->job_id, sizeof(fact->subject_id));
    fact->type = assess_job_facts[job->status];
    fact->happened_at = job->completed_at;

    assess_job_json(&b, job);

    rc = b.failed ? -1 : assess_pstrdup(arena, &fact->data, b.data, b.len);

    assess_buf_free(&b);

    return rc == 0 ? assess_col_str(arena, res, row, col, &fact->url) : -1;
}


assess_err_e
assess_job_notice(assess_conn_t *conn, assess_arena_t *arena,
    const PGresult *res, int col, const assess_job_t *job,
    assess_change_t *change, assess_err_t *err)
{
    assess_fact_t  fact;

    if (PQgetisnull(res, 0, col)) {
        return ASSESS_OK;
    }

    if (assess_job_fact(arena, res, 0, col, job, &fact) != 0) {
        return assess_db_no_memory(err);
    }

    change->notices = 1;

    return assess_notices_add(conn, &fact, 1, err);
}


assess_err_e
assess_job_notices(assess_conn_t *conn, assess_write_t **writes, size_t n,
    const PGresult *rows, assess_err_t *err)
{
    int              row;
    size_t           nfacts;
    assess_err_e     rc;
    assess_fact_t   *facts;
    assess_write_t  *w;

    facts = NULL;
    nfacts = 0;
    rc = ASSESS_OK;

    for (row = 0; row < (int) n && rc == ASSESS_OK; row++) {

        w = writes[assess_col_int(rows, row, ASSESS_WORK_PLACE) - 1];

        if (w->what != ASSESS_WRITE_END
            || PQgetisnull(rows, row, ASSESS_WORK_CALLBACK))
        {
            continue;
        }

        if (facts == NULL) {
            facts = malloc(n * sizeof(assess_fact_t));
        }

        if (facts == NULL
            || assess_job_fact(w->arena, rows, row, ASSESS_WORK_CALLBACK,
                               &w->change.job, &facts[nfacts]) != 0)
        {
            rc = assess_db_no_memory(err);
            break;
        }

        nfacts++;
        w->change.notices = 1;
    }

    if (rc == ASSESS_OK) {
        rc = assess_notices_add(conn, facts, nfacts, err);
    }

    free(facts);

    return rc;
}
