
#include "assess_notice_int.h"

#include <stdlib.h>
#include <string.h>


/*
 * How many that are due one claim looks at: of a receiver that is in arrears by
 * more than that, the next claim wants nothing, and sees what is behind it.
 */
#define ASSESS_NOTICES_SEEN       1000

#define ASSESS_NOTICES_FORGOTTEN  500        /* rows of one statement */


static const char *const  assess_notice_kinds[] = { "webhook", "email" };


/* https://host:port of a URL; all mail goes to one server */

static assess_str_t
assess_notice_origin(const assess_fact_t *fact, assess_notice_e kind)
{
    char          *p, *end;
    assess_str_t   origin;

    static const char  mail[] = "mail";

    if (kind == ASSESS_NOTICE_EMAIL) {
        origin.data = (char *) mail;
        origin.len = sizeof(mail) - 1;
        return origin;
    }

    origin = fact->url;
    end = origin.data + origin.len;
    p = memchr(origin.data, ':', origin.len);

    for (p = p && end - p > 3 ? p + 3 : end; p < end; p++) {
        if (*p == '/' || *p == '?' || *p == '#') {
            break;
        }
    }

    origin.len = (size_t) (p - origin.data);

    return origin;
}


/* What is sent; that of mail is made of it */

static void
assess_notice_body(const assess_fact_t *fact, assess_buf_t *b)
{
    assess_buf_str(b, "{\"type\":");
    assess_buf_json_cstr(b, fact->type);
    assess_buf_str(b, ",\"timestamp\":");
    assess_buf_json_time(b, fact->happened_at);
    assess_buf_str(b, ",\"data\":");
    assess_buf_add(b, fact->data.data, fact->data.len);
    assess_buf_char(b, '}');
}


#define ASSESS_NOTICE_COLUMNS  9


static int
assess_notice_row(assess_buf_t *col, const assess_fact_t *fact,
    assess_notice_e kind, const assess_str_t *body)
{
    char          id[ASSESS_UUID_LEN + 1];
    assess_str_t  origin;

    if (assess_uuid(id) != 0) {
        return -1;
    }

    origin = assess_notice_origin(fact, kind);

    assess_array_id(&col[0], id);
    assess_array_add(&col[1], &fact->tenant);
    assess_array_id(&col[2], fact->subject_id);
    assess_array_cstr(&col[3], fact->type);
    assess_array_big(&col[4], fact->happened_at);
    assess_array_cstr(&col[5], assess_notice_kinds[kind]);
    assess_array_add(&col[6], kind == ASSESS_NOTICE_EMAIL ? &fact->email
                                                          : &fact->url);
    assess_array_add(&col[7], &origin);
    assess_array_add(&col[8], body);

    return 0;
}


static int
assess_notice_rows(assess_buf_t *col, const assess_fact_t *fact)
{
    int           rc;
    assess_buf_t  b;
    assess_str_t  body;

    memset(&b, 0, sizeof(assess_buf_t));
    assess_notice_body(fact, &b);

    body.data = b.data;
    body.len = b.len;
    rc = b.failed ? -1 : 0;

    if (rc == 0 && fact->url.data) {
        rc = assess_notice_row(col, fact, ASSESS_NOTICE_WEBHOOK, &body);
    }

    if (rc == 0 && fact->email.data) {
        rc = assess_notice_row(col, fact, ASSESS_NOTICE_EMAIL, &body);
    }

    assess_buf_free(&b);

    return rc;
}


assess_err_e
assess_notices_add(assess_conn_t *conn, const assess_fact_t *facts, size_t n,
    assess_err_t *err)
{
    int            rc;
    size_t         i, k;
    assess_buf_t   col[ASSESS_NOTICE_COLUMNS];
    assess_args_t  args;

    static const char  sql[] =
        "insert into assess.notices (notice_id, tenant, subject_id, type,"
        " happened_at, kind, target, origin, body)"
        " select n.id, n.tenant, n.subject, n.type, 'epoch'::timestamptz"
        " + n.happened * interval '1 millisecond', n.kind, n.target, n.origin,"
        " n.body from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[],"
        " $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[])"
        " as n (id, tenant, subject, type, happened, kind, target, origin,"
        " body)"
        " on conflict do nothing";

    if (n == 0) {
        return ASSESS_OK;
    }

    memset(col, 0, sizeof(col));

    for (i = 0, rc = 0; i < n && rc == 0; i++) {
        rc = assess_notice_rows(col, &facts[i]);
    }

    assess_args_init(&args);

    for (k = 0; k < ASSESS_NOTICE_COLUMNS; k++) {
        assess_arg_array(&args, &col[k]);
    }

    if (rc != 0) {
        assess_args_free(&args);
        return assess_db_no_memory(err);
    }

    return assess_db_later(conn, sql, &args, err);
}


static int
assess_notice_read(assess_arena_t *arena, const PGresult *res, int row,
    assess_notice_t *notice)
{
    assess_col_id(res, row, 0, notice->notice_id);

    notice->kind = strcmp(PQgetvalue(res, row, 1), "email") == 0
                   ? ASSESS_NOTICE_EMAIL : ASSESS_NOTICE_WEBHOOK;
    notice->created_at = assess_col_int(res, row, 5);
    notice->age_ms = assess_col_int(res, row, 6);
    notice->tries = (int) assess_col_int(res, row, 7);

    if (assess_col_str(arena, res, row, 2, &notice->target) != 0
        || assess_col_str(arena, res, row, 3, &notice->origin) != 0
        || assess_col_str(arena, res, row, 4, &notice->body) != 0)
    {
        return -1;
    }

    return 0;
}


/*
 * For each origin only so many, which is found out before anything is locked;
 * what another worker has taken since is passed over.
 */

assess_err_e
assess_notices_claim(assess_db_t *db, assess_arena_t *arena,
    const assess_notice_claim_t *claim, assess_notice_t **notices, size_t *n,
    assess_err_t *err)
{
    int             i;
    size_t          k;
    PGresult       *res;
    assess_buf_t    busy;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "with due as (select d.notice_id, d.due_at, row_number() over"
        " (partition by d.origin order by d.due_at) as place"
        " from (select w.notice_id, w.origin, w.due_at from assess.notices w"
        " where w.ended_at is null and w.due_at <= now()"
        " and not w.origin = any($1::text[]) order by w.due_at"
        " limit $2::int) d),"
        " taken as (select n.notice_id from assess.notices n"
        " where n.notice_id in (select due.notice_id from due"
        " where due.place <= $3::int order by due.due_at limit $4::int)"
        " and n.ended_at is null and n.due_at <= now()"
        " for update skip locked)"
        " update assess.notices u set tries = u.tries + 1, due_at = now()"
        " + $5::int * interval '1 millisecond'"
        " from taken where u.notice_id = taken.notice_id"
        " returning u.notice_id, u.kind, u.target, u.origin, u.body,"
        " assess.ms(u.created_at), assess.ms(now()) - assess.ms(u.created_at),"
        " u.tries";

    *n = 0;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    memset(&busy, 0, sizeof(assess_buf_t));

    for (k = 0; k < claim->nbusy; k++) {
        assess_array_add(&busy, &claim->busy[k]);
    }

    assess_args_init(&args);
    assess_arg_array(&args, &busy);
    assess_arg_int(&args, ASSESS_NOTICES_SEEN);
    assess_arg_int(&args, claim->each);
    assess_arg_int(&args, claim->limit);
    assess_arg_int(&args, claim->lease_ms);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rc = ASSESS_OK;

    *notices = assess_pcalloc(arena, ((size_t) PQntuples(res) + 1)
                                     * sizeof(assess_notice_t));
    if (*notices == NULL) {
        rc = assess_db_no_memory(err);
    }

    for (i = 0; i < PQntuples(res) && rc == ASSESS_OK; i++) {
        if (assess_notice_read(arena, res, i, &(*notices)[i]) != 0) {
            rc = assess_db_no_memory(err);
        }
    }

    if (rc == ASSESS_OK) {
        *n = (size_t) PQntuples(res);
    }

    PQclear(res);

    return rc;
}


assess_err_e
assess_notices_settle(assess_db_t *db, const assess_notice_told_t *told,
    size_t n, assess_err_t *err)
{
    size_t          i;
    assess_err_e    rc;
    assess_buf_t    id, tries, ended, delivered, after, error;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "update assess.notices u set delivered = t.delivered,"
        " ended_at = case when t.ended then now() end,"
        " due_at = now() + t.after * interval '1 millisecond',"
        " last_error = case when t.delivered then null"
        " else coalesce(t.error, u.last_error) end"
        " from unnest($1::uuid[], $2::int[], $3::boolean[], $4::boolean[],"
        " $5::bigint[], $6::text[])"
        " as t (id, tries, ended, delivered, after, error)"
        " where u.notice_id = t.id and u.tries = t.tries"
        " and u.ended_at is null";

    if (n == 0) {
        return ASSESS_OK;
    }

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    memset(&id, 0, sizeof(assess_buf_t));
    memset(&tries, 0, sizeof(assess_buf_t));
    memset(&ended, 0, sizeof(assess_buf_t));
    memset(&delivered, 0, sizeof(assess_buf_t));
    memset(&after, 0, sizeof(assess_buf_t));
    memset(&error, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {
        assess_array_id(&id, told[i].notice_id);
        assess_array_int(&tries, told[i].tries);
        assess_array_flag(&ended, told[i].told != ASSESS_NOTICE_AGAIN);
        assess_array_flag(&delivered,
                          told[i].told == ASSESS_NOTICE_DELIVERED);
        assess_array_big(&after, told[i].after_ms);
        assess_array_cstr(&error, told[i].error[0] ? told[i].error : NULL);
    }

    assess_args_init(&args);
    assess_arg_array(&args, &id);
    assess_arg_array(&args, &tries);
    assess_arg_array(&args, &ended);
    assess_arg_array(&args, &delivered);
    assess_arg_array(&args, &after);
    assess_arg_array(&args, &error);

    rc = assess_db_run(conn, sql, &args, NULL, err);

    assess_db_release(conn);

    return rc;
}


assess_err_e
assess_notices_forget(assess_db_t *db, int64_t age_ms, int64_t *n,
    assess_err_t *err)
{
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "delete from assess.notices where notice_id in"
        " (select notice_id from assess.notices where ended_at"
        " < now() - $1::bigint * interval '1 millisecond'"
        " limit $2::int for update skip locked)";

    *n = 0;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_int(&args, age_ms);
    assess_arg_int(&args, ASSESS_NOTICES_FORGOTTEN);

    rc = assess_db_run(conn, sql, &args, n, err);

    assess_db_release(conn);

    return rc;
}
