
#include "assess_budget_int.h"

#include <stdlib.h>
#include <string.h>


static const char *const  assess_budget_words[] = {
    "fits", "wait", "job", "batch", "day", "lost"
};


static assess_err_e
assess_budget_answer(assess_work_t *work, const PGresult *res, size_t *fits,
    assess_budget_e *budget, assess_err_t *err)
{
    size_t       i;
    const char  *word;

    word = PQgetvalue(res, 0, 1);

    for (i = 0; i <= ASSESS_BUDGET_LOST; i++) {

        if (strcmp(word, assess_budget_words[i]) != 0) {
            continue;
        }

        *fits = (size_t) assess_col_int(res, 0, 0);
        *budget = (assess_budget_e) i;

        /* the day that a run begins to spend on is the day that it counts for */

        if (work->day[0] == '\0') {
            memcpy(work->day, PQgetvalue(res, 0, 2), ASSESS_DAY_LEN);
            work->day[ASSESS_DAY_LEN] = '\0';
        }

        return ASSESS_OK;
    }

    return assess_fail(err, ASSESS_ERROR, "internal",
                       "a budget was answered with \"%.20s\"", word);
}


assess_err_e
assess_budget_reserve(assess_db_t *db, assess_work_t *work, double max_day,
    const double *amounts, size_t n, size_t *fits, assess_budget_e *budget,
    assess_err_t *err)
{
    size_t          i;
    PGresult       *res;
    assess_buf_t    array;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "select r.fits, r.why, t.day from (select coalesce($8::text,"
        " to_char(statement_timestamp() at time zone 'UTC', 'YYYY-MM-DD'))"
        " as day) t cross join lateral assess.reserve($1, $2::uuid,"
        " $3::bigint, $4::text, $5::text[]::numeric[], $6::text, $7::numeric,"
        " case when $9::numeric is not null then t.day end, $9::numeric) r";

    *fits = 0;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    memset(&array, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        assess_array_money(&array, amounts[i]);
    }

    work->counted = max_day >= 0;

    assess_args_init(&args);
    assess_arg_text(&args, &work->job.tenant);
    assess_arg_id(&args, work->job.job_id);
    assess_arg_int(&args, work->fence);
    assess_arg_text(&args, &work->owner);
    assess_arg_array(&args, &array);

    assess_arg_id(&args, work->limited ? work->job.batch_id : NULL);
    assess_arg_money(&args, work->limited ? work->max_batch : -1);
    assess_arg_id(&args, work->day);
    assess_arg_money(&args, max_day);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rc = assess_budget_answer(work, res, fits, budget, err);
    PQclear(res);

    return rc;
}


/* The row of a budget that is changed */
typedef struct {
    const assess_str_t      *tenant;
    const char              *name;
    const assess_settled_t  *settled;
} assess_budget_row_t;


static size_t
assess_budget_rows(const assess_settled_t *list, size_t n,
    assess_budget_row_t *rows)
{
    size_t                   i, k;
    const assess_settled_t  *s;

    for (i = 0, k = 0; i < n; i++) {

        s = &list[i];

        if (!(s->spent > 0 || s->released > 0 || s->doubtful > 0)) {
            continue;
        }

        if (s->work->limited) {
            rows[k].name = s->work->job.batch_id;
            rows[k].tenant = &s->work->job.tenant;
            rows[k++].settled = s;
        }

        if (s->work->counted && s->work->day[0]) {
            rows[k].name = s->work->day;
            rows[k].tenant = &s->work->job.tenant;
            rows[k++].settled = s;
        }
    }

    return k;
}


/* Locked in the order of their names, as those who reserve do */

static const char  assess_budgets_sql[] =
    "with w as (select w.tenant, w.name, sum(w.spent) as spent,"
    " sum(w.released) as released, sum(w.doubtful) as doubtful"
    " from unnest($1::text[], $2::text[], $3::text[]::numeric[],"
    " $4::text[]::numeric[], $5::text[]::numeric[]) as w (tenant, name, spent,"
    " released, doubtful) group by w.tenant, w.name),"
    " locked as (select b.tenant, b.name from assess.budgets b"
    " where (b.tenant, b.name) in (select w.tenant, w.name from w)"
    " order by b.tenant, b.name for update)"
    " update assess.budgets b set spent = b.spent + w.spent,"
    " reserved = b.reserved - w.released, doubtful = b.doubtful + w.doubtful"
    " from locked l join w on w.tenant = l.tenant and w.name = l.name"
    " where b.tenant = l.tenant and b.name = l.name";


assess_err_e
assess_budgets_settle(assess_conn_t *conn, const assess_settled_t *list,
    size_t n, assess_err_t *err)
{
    size_t                i, k, nrows;
    assess_buf_t          col[5];
    assess_args_t         args;
    assess_budget_row_t  *rows;

    rows = malloc((2 * n + 1) * sizeof(assess_budget_row_t));
    if (rows == NULL) {
        return assess_db_no_memory(err);
    }

    nrows = assess_budget_rows(list, n, rows);

    if (nrows == 0) {
        free(rows);
        return ASSESS_OK;
    }

    memset(col, 0, sizeof(col));

    for (i = 0; i < nrows; i++) {
        assess_array_add(&col[0], rows[i].tenant);
        assess_array_cstr(&col[1], rows[i].name);
        assess_array_money(&col[2], rows[i].settled->spent);
        assess_array_money(&col[3], rows[i].settled->released);
        assess_array_money(&col[4], rows[i].settled->doubtful);
    }

    free(rows);

    assess_args_init(&args);

    for (k = 0; k < 5; k++) {
        assess_arg_array(&args, &col[k]);
    }

    return assess_db_later(conn, assess_budgets_sql, &args, err);
}
