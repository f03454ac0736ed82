
#include "assess_question_set_int.h"
#include "assess_question_set_known.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define ASSESS_SET_COLUMNS                                                   \
    " s.question_set_id, s.name, s.version, s.title, s.instructions,"        \
    " s.question_count, assess.ms(s.created_at), "

#define ASSESS_SET_SUM_LEN  32


void
assess_question_set_json(assess_buf_t *b, const assess_question_set_t *set)
{
    assess_buf_str(b, "{\"questionSetId\":");
    assess_buf_json_cstr(b, set->question_set_id);
    assess_buf_str(b, ",\"name\":");
    assess_buf_json_str(b, &set->name);
    assess_buf_printf(b, ",\"version\":%d,\"title\":", set->version);
    assess_buf_json_str(b, &set->title);
    assess_buf_str(b, ",\"instructions\":");
    assess_buf_json_str(b, &set->instructions);

    if (set->questions.data) {
        assess_buf_str(b, ",\"questions\":");
        assess_buf_add(b, set->questions.data, set->questions.len);

    } else {
        assess_buf_printf(b, ",\"questionCount\":%d", set->question_count);
    }

    assess_buf_str(b, ",\"createdAt\":");
    assess_buf_json_time(b, set->created_at);
    assess_buf_char(b, '}');
}


static int
assess_question_set_row(assess_arena_t *arena, const PGresult *res, int row,
    assess_question_set_t *set)
{
    assess_col_id(res, row, 0, set->question_set_id);
    set->version = (int) assess_col_int(res, row, 2);
    set->question_count = (int) assess_col_int(res, row, 5);
    set->created_at = assess_col_int(res, row, 6);

    if (assess_col_str(arena, res, row, 1, &set->name) != 0
        || assess_col_str(arena, res, row, 3, &set->title) != 0
        || assess_col_str(arena, res, row, 4, &set->instructions) != 0
        || assess_col_str(arena, res, row, 7, &set->questions) != 0)
    {
        return -1;
    }

    return 0;
}


static assess_err_e
assess_question_set_one(assess_conn_t *conn, assess_arena_t *arena,
    const char *sql, assess_args_t *args, assess_question_set_t *set,
    assess_err_t *err)
{
    PGresult      *res;
    assess_err_e   rc;

    res = assess_db_exec(conn, sql, args, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = ASSESS_OK;

    if (PQntuples(res) == 0) {
        rc = assess_fail(err, ASSESS_NOT_FOUND, NULL,
                         "there is no such question set");

    } else if (assess_question_set_row(arena, res, 0, set) != 0) {
        rc = assess_db_no_memory(err);
    }

    PQclear(res);

    return rc;
}


assess_err_e
assess_question_set_find(assess_conn_t *conn, assess_arena_t *arena,
    const assess_str_t *tenant, const assess_str_t *name, int version,
    assess_question_set_t *set, assess_err_t *err)
{
    assess_args_t  args;

    static const char  newest[] =
        "select" ASSESS_SET_COLUMNS "s.questions from assess.question_sets s"
        " where s.tenant = $1 and s.name = $2"
        " order by s.version desc limit 1";

    static const char  exact[] =
        "select" ASSESS_SET_COLUMNS "s.questions from assess.question_sets s"
        " where s.tenant = $1 and s.name = $2 and s.version = $3";

    assess_args_init(&args);
    assess_arg_text(&args, tenant);
    assess_arg_text(&args, name);

    if (version) {
        assess_arg_int(&args, version);
    }

    return assess_question_set_one(conn, arena, version ? exact : newest,
                                   &args, set, err);
}


assess_err_e
assess_question_set_by_id(assess_conn_t *conn, assess_arena_t *arena,
    const assess_str_t *tenant, const char *id, assess_question_set_t *set,
    assess_err_t *err)
{
    int            known;
    assess_err_e   rc;
    assess_args_t  args;

    known = assess_set_known_by_id(arena, tenant, id, set);

    if (known) {
        return known == 1 ? ASSESS_OK : assess_db_no_memory(err);
    }

    assess_args_init(&args);
    assess_arg_text(&args, tenant);
    assess_arg_id(&args, id);

    rc = assess_question_set_one(conn, arena,
             "select" ASSESS_SET_COLUMNS "s.questions"
             " from assess.question_sets s"
             " where s.tenant = $1 and s.question_set_id = $2",
             &args, set, err);

    if (rc == ASSESS_OK) {
        assess_set_learn_by_id(tenant, set);
    }

    return rc;
}


assess_err_e
assess_question_set_named(assess_conn_t *conn, const assess_str_t *tenant,
    const assess_str_t *name, int version, assess_set_name_t *set,
    assess_err_t *err)
{
    PGresult      *res;
    assess_args_t  args;

    static const char  sql[] =
        "select question_set_id, question_count from assess.question_sets"
        " where tenant = $1 and name = $2 and ($3::int = 0 or version = $3)"
        " order by version desc limit 1";

    if (assess_set_known_by_name(tenant, name, version, set)) {
        return ASSESS_OK;
    }

    assess_args_init(&args);
    assess_arg_text(&args, tenant);
    assess_arg_text(&args, name);
    assess_arg_int(&args, version);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    if (PQntuples(res) == 0) {
        PQclear(res);
        return assess_fail(err, ASSESS_NOT_FOUND, NULL,
                           "there is no such question set");
    }

    assess_col_id(res, 0, 0, set->question_set_id);
    set->question_count = (int) assess_col_int(res, 0, 1);
    PQclear(res);

    assess_set_learn_by_name(tenant, name, version, set);

    return ASSESS_OK;
}


assess_err_e
assess_question_set_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_str_t *name, int version,
    assess_question_set_t *set, assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    rc = assess_question_set_find(conn, arena, &scope->tenant, name, version,
                                  set, err);

    assess_db_release(conn);

    return rc;
}


/* Each part with its length before it, so that no two sets run together */

static int
assess_question_set_sum(const assess_question_set_t *set,
    unsigned char sum[ASSESS_SET_SUM_LEN])
{
    int                  n, rc;
    char                 length[32];
    size_t               i;
    EVP_MD_CTX          *md;
    const assess_str_t  *parts[3];

    parts[0] = &set->title;
    parts[1] = &set->instructions;
    parts[2] = &set->questions;

    md = EVP_MD_CTX_new();
    if (md == NULL) {
        return -1;
    }

    rc = EVP_DigestInit_ex(md, EVP_sha256(), NULL);

    for (i = 0; i < 3 && rc == 1; i++) {

        if (parts[i]->data == NULL) {
            rc = EVP_DigestUpdate(md, "-", 1);
            continue;
        }

        n = snprintf(length, sizeof(length), "%zu:", parts[i]->len);
        rc = EVP_DigestUpdate(md, length, (size_t) n)
             && EVP_DigestUpdate(md, parts[i]->data, parts[i]->len);
    }

    if (rc == 1) {
        rc = EVP_DigestFinal_ex(md, sum, NULL);
    }

    EVP_MD_CTX_free(md);

    return rc == 1 ? 0 : -1;
}


/*
 * One at a time for a name.  The statement after the lock has a snapshot of
 * its own, in which whoever held the lock before has committed.
 */

static assess_err_e
assess_question_set_lock(assess_conn_t *conn, const assess_scope_t *scope,
    const assess_str_t *name, assess_err_t *err)
{
    assess_args_t  args;

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_text(&args, name);

    return assess_db_run(conn, "select pg_advisory_xact_lock("
                         "hashtextextended($2::text,"
                         " hashtextextended($1::text, 1)))",
                         &args, NULL, err);
}


static assess_err_e
assess_question_set_insert(assess_conn_t *conn, assess_arena_t *arena,
    const assess_scope_t *scope, const unsigned char *sum,
    assess_question_set_t *set, assess_err_t *err)
{
    char           id[ASSESS_UUID_LEN + 1];
    assess_args_t  args;

    static const char  sql[] =
        "insert into assess.question_sets as s (question_set_id, tenant,"
        " name, version, title, instructions, questions, question_count,"
        " sha256) select $1::uuid, $2::text, $3::text, coalesce("
        "(select max(version) from assess.question_sets"
        " where tenant = $2 and name = $3), 0) + 1,"
        " $4::text, $5::text, $6::text, $7::int, $8::bytea"
        " returning" ASSESS_SET_COLUMNS "s.questions";

    if (assess_uuid(id) != 0) {
        return assess_fail(err, ASSESS_ERROR, "internal", "no entropy");
    }

    assess_args_init(&args);
    assess_arg_id(&args, id);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_text(&args, &set->name);
    assess_arg_text(&args, &set->title);
    assess_arg_text(&args, &set->instructions);
    assess_arg_text(&args, &set->questions);
    assess_arg_int(&args, set->question_count);
    assess_arg_bytes(&args, sum, ASSESS_SET_SUM_LEN);

    return assess_question_set_one(conn, arena, sql, &args, set, err);
}


static assess_err_e
assess_question_set_newest(assess_conn_t *conn, assess_arena_t *arena,
    const assess_scope_t *scope, const unsigned char *sum,
    assess_question_set_t *set, assess_err_t *err)
{
    assess_args_t  args;

    static const char  sql[] =
        "select" ASSESS_SET_COLUMNS "s.questions from assess.question_sets s"
        " where s.tenant = $1 and s.name = $2 and s.sha256 = $3::bytea"
        " and s.version = (select max(version) from assess.question_sets"
        " where tenant = $1 and name = $2)";

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_text(&args, &set->name);
    assess_arg_bytes(&args, sum, ASSESS_SET_SUM_LEN);

    return assess_question_set_one(conn, arena, sql, &args, set, err);
}


assess_err_e
assess_question_set_put(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, assess_question_set_t *set, int *created,
    assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;
    unsigned char   sum[ASSESS_SET_SUM_LEN];

    *created = 0;

    if (assess_scope_check(scope, err) != ASSESS_OK) {
        return err->kind;
    }

    if (assess_question_set_sum(set, sum) != 0) {
        return assess_db_no_memory(err);
    }

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_question_set_lock(conn, scope, &set->name, err);
    if (rc != ASSESS_OK) {
        goto done;
    }

    rc = assess_question_set_newest(conn, arena, scope, sum, set, err);
    if (rc != ASSESS_NOT_FOUND) {
        goto done;
    }

    rc = assess_scope_provision(conn, scope, err);

    if (rc == ASSESS_OK) {
        rc = assess_question_set_insert(conn, arena, scope, sum, set, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_db_commit(conn, err);
    }

    *created = rc == ASSESS_OK;

done:

    assess_db_release(conn);

    return rc;
}


static assess_err_e
assess_question_sets_rows(assess_arena_t *arena, const PGresult *res,
    int limit, assess_question_set_t **sets, size_t *n, assess_str_t *next,
    assess_err_t *err)
{
    int  i, rows, last;

    rows = PQntuples(res);
    last = rows > limit ? limit : rows;

    *sets = assess_palloc(arena,
                          ((size_t) last + 1) * sizeof(assess_question_set_t));
    if (*sets == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < last; i++) {
        if (assess_question_set_row(arena, res, i, &(*sets)[i]) != 0) {
            return assess_db_no_memory(err);
        }
    }

    *n = (size_t) last;

    if (rows > limit
        && assess_cursor_write_name(arena, next, &(*sets)[last - 1].name) != 0)
    {
        return assess_db_no_memory(err);
    }

    return ASSESS_OK;
}


static assess_err_e
assess_question_sets_total(assess_conn_t *conn, const assess_scope_t *scope,
    int64_t *total, assess_err_t *err)
{
    PGresult      *res;
    assess_args_t  args;

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);

    res = assess_db_exec(conn, "select count(distinct name)"
                         " from assess.question_sets where tenant = $1",
                         &args, err);
    if (res == NULL) {
        return err->kind;
    }

    *total = assess_col_int(res, 0, 0);
    PQclear(res);

    return ASSESS_OK;
}


/*
 * Names in the order of their bytes, whatever the database's collation: the
 * cursor of one server has to go on at another.
 */

assess_err_e
assess_question_sets_list(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_paging_t *paging,
    assess_question_set_t **sets, size_t *n, assess_str_t *next,
    int64_t *total, assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_str_t    after = assess_null_str;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "select distinct on (s.name collate \"C\")" ASSESS_SET_COLUMNS
        "null from assess.question_sets s where s.tenant = $1"
        " and ($2::text is null or s.name collate \"C\" > $2)"
        " order by s.name collate \"C\", s.version desc limit $3";

    *n = 0;
    *total = 0;
    next->len = 0;
    next->data = NULL;

    if (assess_scope_check(scope, err) != ASSESS_OK) {
        return err->kind;
    }

    if (paging->cursor.data
        && assess_cursor_read_name(arena, &paging->cursor, &after, err)
           != ASSESS_OK)
    {
        return err->kind;
    }

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_text(&args, &after);
    assess_arg_int(&args, paging->limit + 1);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        rc = err->kind;
        goto done;
    }

    rc = assess_question_sets_rows(arena, res, paging->limit, sets, n, next,
                                   err);
    PQclear(res);

    if (rc == ASSESS_OK) {
        rc = assess_question_sets_total(conn, scope, total, err);
    }

done:

    assess_db_release(conn);

    return rc;
}
