
/* How many documents a tenant has: what is kept, and what came on top of it. */

#include "assess_document_int.h"


assess_err_e
assess_documents_counted(assess_conn_t *conn, const assess_str_t *tenant,
    int64_t *total, int64_t *reviewed, assess_err_t *err)
{
    PGresult       *res;
    assess_args_t   args;

    static const char  sql[] = ASSESS_DOCUMENTS_COUNTED("$1");

    assess_args_init(&args);
    assess_arg_text(&args, tenant);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    *total = assess_col_int(res, 0, 0);
    *reviewed = assess_col_int(res, 0, 1);
    PQclear(res);

    return ASSESS_OK;
}


assess_err_e
assess_documents_add_up(assess_db_t *db, assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    static const char  sql[] =
        "with gone as (delete from assess.document_changes"
        " returning tenant, total, reviewed)"
        " insert into assess.document_counts as k (tenant, total, reviewed)"
        " select tenant, sum(total), sum(reviewed) from gone"
        " group by tenant order by tenant"
        " on conflict (tenant) do update set total = k.total + excluded.total,"
        " reviewed = k.reviewed + excluded.reviewed";

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_db_run(conn, sql, NULL, NULL, err);

    assess_db_release(conn);

    return rc;
}
