
/* The answer cache: what was asked before, found by its key. */

#include "assess_answer_int.h"

#include <string.h>


/* a hundred years: more would be no time that PostgreSQL knows */
#define ASSESS_AGE_MAX_MS  3155760000000


static assess_err_e
assess_cached_rows(assess_arena_t *arena, const PGresult *res,
    assess_answer_t **answers, size_t *nanswers, assess_err_t *err)
{
    int               i, n;
    assess_answer_t  *list;

    n = PQntuples(res);

    list = assess_pcalloc(arena, ((size_t) n + 1) * sizeof(assess_answer_t));
    if (list == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < n; i++) {
        if (assess_answer_row(arena, res, i, &list[i]) != 0) {
            return assess_db_no_memory(err);
        }

        list[i].cached = 1;
    }

    *answers = list;
    *nanswers = (size_t) n;

    return ASSESS_OK;
}


/*
 * One probe of the index assessment_answers_cache for each key: it has the
 * newest first, and its condition is repeated word for word.
 */

assess_err_e
assess_answers_cached(assess_db_t *db, assess_arena_t *arena,
    const assess_str_t *tenant, const unsigned char (*keys)[ASSESS_KEY_LEN],
    size_t n, int64_t max_age_ms, int64_t before, assess_answer_t **answers,
    size_t *nanswers, assess_err_t *err)
{
    size_t          i;
    PGresult       *res;
    assess_buf_t    array;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "select k.ordinal - 1," ASSESS_ANSWER_COLUMNS
        " from unnest($2::bytea[]) with ordinality k (key, ordinal)"
        " cross join lateral (select * from assess.assessment_answers c"
        " where c.tenant = $1 and c.cache_key = k.key"
        " and c.cache_key is not null and not c.cached"
        " and c.created_at > statement_timestamp()"
        " - $3::bigint * interval '1 millisecond'"
        " and ($4::bigint = 0 or c.created_at < 'epoch'::timestamptz"
        " + $4::bigint * interval '1 millisecond')"
        " order by c.created_at desc limit 1) a order by k.ordinal";

    *answers = NULL;
    *nanswers = 0;

    if (n == 0 || max_age_ms <= 0) {
        return ASSESS_OK;
    }

    if (max_age_ms > ASSESS_AGE_MAX_MS) {
        max_age_ms = ASSESS_AGE_MAX_MS;
    }

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    memset(&array, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        assess_array_bytes(&array, keys[i], ASSESS_KEY_LEN);
    }

    assess_args_init(&args);
    assess_arg_text(&args, tenant);
    assess_arg_array(&args, &array);
    assess_arg_int(&args, max_age_ms);
    assess_arg_int(&args, before);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rc = assess_cached_rows(arena, res, answers, nanswers, err);
    PQclear(res);

    return rc;
}
