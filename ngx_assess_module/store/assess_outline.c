
#include "assess_db_int.h"
#include "assess_outline.h"

#include <string.h>


/* their places in a row */
enum {
    ASSESS_OUTLINE_KIND = 0,
    ASSESS_OUTLINE_BYTES,
    ASSESS_OUTLINE_TEXT,
    ASSESS_OUTLINE_READ,
    ASSESS_OUTLINE_ASKED
};


static assess_err_e
assess_outline_rows(assess_arena_t *arena, const PGresult *res,
    assess_outline_t **outlines, size_t *missing, assess_err_t *err)
{
    int                i, n;
    assess_outline_t  *o;

    n = PQntuples(res);

    *outlines = assess_palloc(arena, ((size_t) n + 1)
                                     * sizeof(assess_outline_t));
    if (*outlines == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < n; i++) {

        if (PQgetisnull(res, i, ASSESS_OUTLINE_KIND)) {
            *missing = (size_t) i;
            return assess_fail(err, ASSESS_NOT_FOUND, NULL,
                               "there is no such document");
        }

        o = &(*outlines)[i];

        o->kind = (assess_kind_e) assess_col_int(res, i, ASSESS_OUTLINE_KIND);
        o->bytes = assess_col_int(res, i, ASSESS_OUTLINE_BYTES);
        o->text_bytes = assess_col_int(res, i, ASSESS_OUTLINE_TEXT);
        o->read = PQgetvalue(res, i, ASSESS_OUTLINE_READ)[0] == 't';
        o->asked = PQgetvalue(res, i, ASSESS_OUTLINE_ASKED)[0] == 't';
    }

    return ASSESS_OK;
}


/*
 * By ids alone: an index that begins with the tenant looks as good to a planner
 * that has no statistics yet, and is walked from end to end for each id.
 */

assess_err_e
assess_outlines_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char (*ids)[ASSESS_UUID_LEN + 1],
    size_t n, const assess_outline_of_t *of, assess_outline_t **outlines,
    size_t *missing, assess_err_t *err)
{
    size_t          i;
    PGresult       *res;
    assess_buf_t    array;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "select d.kind, d.bytes, coalesce(d.text_bytes, -1),"
        " d.extractor = $3::int and d.text_bytes is not null,"
        " $4::uuid is not null and exists (select from"
        " assess.assessment_jobs j where j.document_id = d.document_id"
        " and j.tenant is not distinct from $1"
        " and j.question_set_id = $4::uuid and j.provider = $5::text"
        " and j.model = $6::text"
        " and ($7::bigint = 0 or j.completed_at < 'epoch'::timestamptz"
        " + $7::bigint * interval '1 millisecond')"
        " and j.status is not distinct from 'completed')"
        " from unnest($2::uuid[]) with ordinality as w (document_id, n)"
        " left join assess.documents d on d.document_id = w.document_id"
        " and d.tenant is not distinct from $1 order by w.n";

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    memset(&array, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        assess_array_id(&array, ids[i]);
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_array(&args, &array);
    assess_arg_int(&args, of->extractor);
    assess_arg_id(&args, of->question_set_id);
    assess_arg_text(&args, &of->provider);
    assess_arg_text(&args, &of->model);
    assess_arg_int(&args, of->before);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rc = assess_outline_rows(arena, res, outlines, missing, err);
    PQclear(res);

    return rc;
}


assess_err_e
assess_outline_ratios(assess_db_t *db, const assess_scope_t *scope,
    double ratios[ASSESS_KINDS], assess_err_t *err)
{
    int             i;
    int64_t         kind;
    PGresult       *res;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "select r.kind, sum(r.text_bytes)::float8 / greatest(sum(r.bytes), 1)"
        " from (select d.kind, d.text_bytes, d.bytes from assess.documents d"
        " where d.tenant = $1 order by d.created_at desc, d.document_id desc"
        " limit 1000) r where r.text_bytes is not null group by r.kind";

    memset(ratios, 0, ASSESS_KINDS * sizeof(double));

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    for (i = 0; i < PQntuples(res); i++) {

        kind = assess_col_int(res, i, 0);

        if (kind > 0 && kind < ASSESS_KINDS) {
            ratios[kind] = assess_col_real(res, i, 1, 0);
        }
    }

    PQclear(res);

    return ASSESS_OK;
}
