
#include "assess_document_int.h"
#include "assess_event_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


void
assess_document_json(assess_buf_t *b, const assess_document_t *doc)
{
    assess_buf_str(b, "{\"documentId\":");
    assess_buf_json_cstr(b, doc->document_id);
    assess_buf_str(b, ",\"filename\":");
    assess_buf_json_str(b, &doc->filename);
    assess_buf_str(b, ",\"contentType\":");
    assess_buf_json_str(b, &doc->content_type);
    assess_buf_printf(b, ",\"bytes\":%lld,\"sha256\":",
                      (long long) doc->bytes);
    assess_buf_json_cstr(b, doc->sha256);

    if (doc->pages < 0) {
        assess_buf_str(b, ",\"pages\":null");

    } else {
        assess_buf_printf(b, ",\"pages\":%d", doc->pages);
    }

    assess_buf_str(b, ",\"createdAt\":");
    assess_buf_json_time(b, doc->created_at);
    assess_buf_str(b, ",\"status\":");
    assess_buf_json_cstr(b, doc->status);
    assess_buf_char(b, '}');
}


assess_err_e
assess_document_unknown(assess_err_t *err)
{
    return assess_fail(err, ASSESS_NOT_FOUND, NULL,
                       "there is no such document");
}


static const char *
assess_document_status(const char *name)
{
    if (strcmp(name, "processing") == 0) {
        return "processing";
    }

    return strcmp(name, "reviewed") == 0 ? "reviewed" : "not_reviewed";
}


int
assess_document_row(assess_arena_t *arena, const PGresult *res, int row,
    int col, assess_document_t *doc)
{
    assess_col_id(res, row, col, doc->document_id);

    if (assess_col_str(arena, res, row, col + 1, &doc->filename) != 0
        || assess_col_str(arena, res, row, col + 2, &doc->content_type) != 0)
    {
        return -1;
    }

    doc->kind = (assess_kind_e) assess_col_int(res, row, col + 3);
    doc->bytes = assess_col_int(res, row, col + 4);
    (void) snprintf(doc->sha256, sizeof(doc->sha256), "%s",
                    PQgetvalue(res, row, col + 5));
    doc->pages = (int) assess_col_int(res, row, col + 6);
    doc->created_at = assess_col_int(res, row, col + 7);
    doc->status = assess_document_status(PQgetvalue(res, row, col + 8));

    return 0;
}


/* The one document that a statement gave; ASSESS_NOT_FOUND without one */

static assess_err_e
assess_document_one(assess_conn_t *conn, assess_arena_t *arena,
    const char *sql, assess_args_t *args, assess_document_t *doc,
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
        rc = assess_document_unknown(err);

    } else if (assess_document_row(arena, res, 0, 0, doc) != 0) {
        rc = assess_db_no_memory(err);
    }

    PQclear(res);

    return rc;
}


assess_err_e
assess_document_find(assess_conn_t *conn, assess_arena_t *arena,
    const assess_str_t *tenant, const char *document_id,
    assess_document_t *doc, assess_err_t *err)
{
    assess_args_t  args;

    if (!assess_uuid_valid(document_id, strlen(document_id))) {
        return assess_document_unknown(err);
    }

    assess_args_init(&args);
    assess_arg_text(&args, tenant);
    assess_arg_id(&args, document_id);

    return assess_document_one(conn, arena,
               "select" ASSESS_DOCUMENT_COLUMNS "from assess.documents d"
               " where d.tenant = $1 and d.document_id = $2",
               &args, doc, err);
}


assess_err_e
assess_document_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *document_id,
    assess_document_t *doc, assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    rc = assess_document_find(conn, arena, &scope->tenant, document_id, doc,
                              err);

    assess_db_release(conn);

    return rc;
}


static assess_err_e
assess_document_insert_row(assess_conn_t *conn, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_upload_t *upload,
    const assess_object_t *object, assess_document_t *doc, assess_err_t *err)
{
    char           id[ASSESS_UUID_LEN + 1];
    assess_args_t  args;

    static const char  sql[] =
        "insert into assess.documents as d (document_id, tenant, user_name,"
        " filename, content_type, kind, bytes, sha256, storage, object)"
        " values ($1, $2, $3, $4, $5, $6, $7, decode($8, 'hex'), $9, $10)"
        " on conflict (tenant, sha256) do nothing"
        " returning" ASSESS_DOCUMENT_COLUMNS;

    if (assess_uuid(id) != 0) {
        return assess_fail(err, ASSESS_ERROR, "internal", "no entropy");
    }

    assess_args_init(&args);
    assess_arg_id(&args, id);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_text(&args, &scope->user);
    assess_arg_text(&args, &upload->filename);
    assess_arg_text(&args, &upload->content_type);
    assess_arg_int(&args, upload->kind);
    assess_arg_int(&args, upload->bytes);
    assess_arg_cstr(&args, upload->sha256);
    assess_arg_id(&args, object->storage ? assess_storage_name(object->storage)
                                         : NULL);
    assess_arg_id(&args, object->name);

    return assess_document_one(conn, arena, sql, &args, doc, err);
}


/* It was known when its bytes came, and is not any more: they are not kept */

static assess_err_e
assess_document_bytes(assess_conn_t *conn, const char *document_id,
    const assess_upload_t *upload, assess_object_t *object, assess_err_t *err)
{
    if (object->storage == NULL) {
        return assess_content_save(conn, document_id, upload, err);
    }

    if (object->name[0] == '\0') {
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                           "the document was deleted at this very moment");
    }

    return assess_object_keep(conn, object, err);
}


/*
 * Another may insert the same bytes at once (the insertion waits for it) or
 * delete them between our two statements (then it is our turn again).
 */

assess_err_e
assess_document_insert(assess_conn_t *conn, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_upload_t *upload,
    assess_object_t *object, assess_document_t *doc, int *created,
    assess_err_t *err)
{
    int            tries;
    assess_err_e   rc;
    assess_args_t  args;

    static const char  find[] =
        "select" ASSESS_DOCUMENT_COLUMNS "from assess.documents d"
        " where d.tenant = $1 and d.sha256 = decode($2, 'hex')"
        " for key share";

    *created = 0;

    for (tries = 0; tries < 8; tries++) {

        rc = assess_document_insert_row(conn, arena, scope, upload, object,
                                        doc, err);

        if (rc == ASSESS_OK) {
            *created = 1;
            return assess_document_bytes(conn, doc->document_id, upload,
                                         object, err);
        }

        if (rc != ASSESS_NOT_FOUND) {
            return rc;
        }

        assess_args_init(&args);
        assess_arg_text(&args, &scope->tenant);
        assess_arg_cstr(&args, upload->sha256);

        rc = assess_document_one(conn, arena, find, &args, doc, err);

        if (rc != ASSESS_NOT_FOUND) {
            return rc;
        }
    }

    return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                       "the document is stored and deleted at once");
}


/*
 * The order in which the documents are stored: by their sums, so that two
 * requests with the same documents wait for each other and never in a circle.
 */

static int
assess_upload_compare(const void *one, const void *two)
{
    const assess_upload_t *const *a = one;
    const assess_upload_t *const *b = two;

    return strcmp((*a)->sha256, (*b)->sha256);
}


static assess_err_e
assess_documents_insert(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_upload_t *uploads,
    const assess_upload_t **order, size_t n, assess_object_t *objects,
    assess_document_t *docs, size_t *created, assess_err_t *err)
{
    int             new;
    size_t          i;
    assess_err_e    rc;
    assess_conn_t  *conn;

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_scope_provision(conn, scope, err);

    for (i = 0; i < n && rc == ASSESS_OK; i++) {
        rc = assess_document_insert(conn, arena, scope, order[i], &objects[i],
                                    &docs[order[i] - uploads], &new, err);
        *created += (size_t) new;
    }

    if (rc == ASSESS_OK) {
        rc = assess_db_commit(conn, err);
    }

    assess_db_release(conn);

    return rc;
}


assess_err_e
assess_documents_store(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_upload_t *uploads, size_t n,
    assess_document_t *docs, size_t *created, assess_err_t *err)
{
    size_t                   i;
    assess_err_e             rc;
    assess_object_t         *objects;
    const assess_upload_t  **order;

    *created = 0;

    if (assess_scope_check(scope, err) != ASSESS_OK) {
        return err->kind;
    }

    order = assess_palloc(arena, (n + 1) * sizeof(assess_upload_t *));
    objects = assess_palloc(arena, (n + 1) * sizeof(assess_object_t));

    if (order == NULL || objects == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < n; i++) {
        order[i] = &uploads[i];
    }

    qsort(order, n, sizeof(assess_upload_t *), assess_upload_compare);

    rc = assess_objects_put(db, scope, order, n, objects, err);

    if (rc == ASSESS_OK) {
        rc = assess_documents_insert(db, arena, scope, uploads, order, n,
                                     objects, docs, created, err);
    }

    assess_objects_drop(db, objects, n, rc == ASSESS_OK);

    return rc;
}


/* The text between % signs, with what LIKE would take for a pattern escaped */

static void
assess_document_pattern(assess_buf_t *b, const assess_str_t *q)
{
    size_t  i;

    assess_buf_char(b, '%');

    for (i = 0; i < q->len; i++) {
        if (q->data[i] == '%' || q->data[i] == '_' || q->data[i] == '\\') {
            assess_buf_char(b, '\\');
        }
        assess_buf_char(b, q->data[i]);
    }

    assess_buf_char(b, '%');
}


static void
assess_document_where(assess_buf_t *sql, assess_args_t *args,
    const assess_scope_t *scope, const assess_document_filter_t *filter,
    const assess_str_t *pattern)
{
    assess_args_init(args);
    assess_arg_text(args, &scope->tenant);

    assess_buf_str(sql, " from assess.documents d where d.tenant = $1");

    if (filter->reviewed >= 0) {
        assess_buf_printf(sql, " and d.reviewed = %s",
                          filter->reviewed ? "true" : "false");
    }

    if (pattern->len > 2) {
        assess_arg_text(args, pattern);
        assess_buf_printf(sql, " and d.filename ilike $%d", args->n);
    }
}


static assess_err_e
assess_documents_rows(assess_arena_t *arena, const PGresult *res, int limit,
    assess_document_t **docs, size_t *n, assess_str_t *next,
    assess_err_t *err)
{
    int  i, rows, last;

    rows = PQntuples(res);
    last = rows > limit ? limit : rows;

    *docs = assess_palloc(arena,
                          ((size_t) last + 1) * sizeof(assess_document_t));
    if (*docs == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < last; i++) {
        if (assess_document_row(arena, res, i, 0, &(*docs)[i]) != 0) {
            return assess_db_no_memory(err);
        }
    }

    *n = (size_t) last;

    if (rows > limit
        && assess_cursor_write(arena, next, assess_col_int(res, last - 1, 9),
                               (*docs)[last - 1].document_id) != 0)
    {
        return assess_db_no_memory(err);
    }

    return ASSESS_OK;
}


static assess_err_e
assess_documents_page(assess_conn_t *conn, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_document_filter_t *filter,
    const assess_str_t *pattern, assess_document_t **docs, size_t *n,
    assess_str_t *next, assess_err_t *err)
{
    PGresult      *res;
    assess_buf_t   sql;
    assess_err_e   rc;
    assess_args_t  args;

    memset(&sql, 0, sizeof(assess_buf_t));
    assess_args_init(&args);

    assess_buf_str(&sql, "select" ASSESS_DOCUMENT_COLUMNS
                   ", (extract(epoch from d.created_at) * 1000000)::bigint");
    assess_document_where(&sql, &args, scope, filter, pattern);

    res = assess_db_page(conn, &sql, &args, "d.created_at", "d.document_id",
                         &filter->paging, err);
    assess_buf_free(&sql);

    if (res == NULL) {
        return err->kind;
    }

    rc = assess_documents_rows(arena, res, filter->paging.limit, docs, n,
                               next, err);
    PQclear(res);

    return rc;
}


static assess_err_e
assess_documents_total(assess_conn_t *conn, const assess_scope_t *scope,
    const assess_document_filter_t *filter, const assess_str_t *pattern,
    int64_t *total, assess_err_t *err)
{
    int64_t        all, reviewed;
    PGresult      *res;
    assess_buf_t   sql;
    assess_args_t  args;

    if (pattern->len <= 2) {

        if (assess_documents_counted(conn, &scope->tenant, &all, &reviewed,
                                     err) != ASSESS_OK)
        {
            return err->kind;
        }

        *total = filter->reviewed < 0 ? all
                 : filter->reviewed ? reviewed : all - reviewed;
        return ASSESS_OK;
    }

    memset(&sql, 0, sizeof(assess_buf_t));

    assess_buf_str(&sql, "select count(*)");
    assess_document_where(&sql, &args, scope, filter, pattern);
    args.failed |= sql.failed;

    res = assess_db_query(conn, sql.data, &args, err);
    assess_buf_free(&sql);

    if (res == NULL) {
        return err->kind;
    }

    *total = assess_col_int(res, 0, 0);
    PQclear(res);

    return ASSESS_OK;
}


assess_err_e
assess_documents_list(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_document_filter_t *filter,
    assess_document_t **docs, size_t *n, assess_str_t *next, int64_t *total,
    assess_err_t *err)
{
    assess_buf_t    b;
    assess_err_e    rc;
    assess_str_t    pattern;
    assess_conn_t  *conn;

    *n = 0;
    *total = 0;
    next->len = 0;
    next->data = NULL;

    if (assess_scope_check(scope, err) != ASSESS_OK) {
        return err->kind;
    }

    memset(&b, 0, sizeof(assess_buf_t));
    assess_document_pattern(&b, &filter->q);

    if (b.failed) {
        return assess_db_no_memory(err);
    }

    pattern.data = b.data;
    pattern.len = b.len;

    rc = assess_db_acquire(db, &conn, err);
    if (rc != ASSESS_OK) {
        goto done;
    }

    rc = assess_documents_page(conn, arena, scope, filter, &pattern, docs, n,
                               next, err);

    if (rc == ASSESS_OK) {
        rc = assess_documents_total(conn, scope, filter, &pattern, total,
                                    err);
    }

    assess_db_release(conn);

done:

    assess_buf_free(&b);

    return rc;
}


/*
 * Jobs first, the document then: everybody takes them in this order.  Who starts
 * a job holds its document: that one is there when this lock is had, or finds
 * the document gone.
 */

static assess_err_e
assess_document_lock(assess_conn_t *conn, const assess_scope_t *scope,
    const char *document_id, assess_err_t *err)
{
    int            there;
    int64_t        active;
    PGresult      *res;
    assess_args_t  args;

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, document_id);

    /* found by their own index, and then locked in the order of their ids */

    if (assess_db_run(conn, "with mine as materialized (select job_id"
                      " from assess.assessment_jobs"
                      " where tenant = $1 and document_id = $2),"
                      " ordered as (select job_id from mine order by job_id)"
                      " select from ordered o cross join lateral (select"
                      " from assess.assessment_jobs j"
                      " where j.job_id = o.job_id for update) l",
                      &args, NULL, err) != ASSESS_OK)
    {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, document_id);

    res = assess_db_exec(conn, "select from assess.documents"
                         " where tenant = $1 and document_id = $2"
                         " for update", &args, err);
    if (res == NULL) {
        return err->kind;
    }

    there = PQntuples(res);
    PQclear(res);

    if (there == 0) {
        return assess_document_unknown(err);
    }

    /* by a statement of its own, which sees what was committed until then */

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, document_id);

    if (assess_db_run(conn, "select from assess.assessment_jobs"
                      " where tenant = $1 and document_id = $2"
                      " and status in ('queued', 'processing') limit 1",
                      &args, &active, err) != ASSESS_OK)
    {
        return err->kind;
    }

    if (active) {
        return assess_fail(err, ASSESS_CONFLICT, NULL,
                           "a job on this document is queued or processing");
    }

    return ASSESS_OK;
}


/*
 * All that hangs on a document and is not deleted with its row.  Its events are
 * in the log between the start of its first job and the last that was told of
 * one; a minute more, should the clock have been set.
 */

static assess_err_e
assess_document_remove(assess_conn_t *conn, assess_arena_t *arena,
    const assess_scope_t *scope, const char *document_id, char (**jobs)[37],
    size_t *njobs, assess_err_t *err)
{
    int            i, n;
    PGresult      *res;
    assess_args_t  args;

    static const char  sql[] =
        "with gone as (delete from assess.assessment_jobs"
        " where tenant = $1 and document_id = $2"
        " returning job_id, status, batch_id, created_at, told_at),"
        " answers as (delete from assess.assessment_answers a using gone g"
        " where a.job_id = g.job_id),"
        " lined as (delete from assess.job_lines l using gone g"
        " where l.job_id = g.job_id),"
        " counted as (update assess.job_counts k set jobs = k.jobs - g.jobs"
        " from (select status, count(*) as jobs from gone group by status) g"
        " where k.tenant = $1 and k.status = g.status),"
        " batched as (update assess.batch_assessments b set jobs = b.jobs"
        " - g.jobs from (select batch_id, count(*) as jobs from gone"
        " where batch_id is not null group by batch_id) g"
        " where b.batch_id = g.batch_id),"
        " span as (select min(created_at) - interval '1 minute' as first,"
        " max(told_at) + interval '1 minute' as last,"
        " array_agg(job_id) as jobs from gone),"
        " told as (update assess.event_log l set"
        " (types, tenants, users, job_ids, document_ids, batch_ids, data) ="
        " (select array_agg(case when u.keep then u.type end order by u.n),"
        " array_agg(case when u.keep then u.tenant end order by u.n),"
        " array_agg(case when u.keep then u.user_name end order by u.n),"
        " array_agg(case when u.keep then u.job_id end order by u.n),"
        " array_agg(case when u.keep then u.document_id end order by u.n),"
        " array_agg(case when u.keep then u.batch_id end order by u.n),"
        " array_agg(case when u.keep then u.data end order by u.n)"
        " from (select u.*, u.job_id is null or u.job_id <> all (s.jobs)"
        " as keep from unnest(l.types, l.tenants, l.users, l.job_ids,"
        " l.document_ids, l.batch_ids, l.data) with ordinality as u (type,"
        " tenant, user_name, job_id, document_id, batch_id, data, n)) u)"
        " from span s where l.created_at between s.first and s.last"
        " and l.job_ids && s.jobs"
        " and not array_remove(l.job_ids, null) <@ s.jobs),"
        " emptied as (delete from assess.event_log l using span s"
        " where l.created_at between s.first and s.last"
        " and l.job_ids && s.jobs"
        " and array_remove(l.job_ids, null) <@ s.jobs)"
        " select job_id from gone";

    /* what is counted is changed under it */

    if (assess_events_lock(conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, document_id);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    n = PQntuples(res);

    *jobs = assess_palloc(arena, ((size_t) n + 1) * sizeof(**jobs));
    if (*jobs == NULL) {
        PQclear(res);
        return assess_db_no_memory(err);
    }

    for (i = 0; i < n; i++) {
        assess_col_id(res, i, 0, (*jobs)[i]);
    }

    PQclear(res);
    *njobs = (size_t) n;

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, document_id);

    return assess_db_run(conn, "delete from assess.documents"
                         " where tenant = $1 and document_id = $2",
                         &args, NULL, err);
}


assess_err_e
assess_document_delete(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *document_id, char (**jobs)[37],
    size_t *njobs, assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    *jobs = NULL;
    *njobs = 0;

    if (!assess_uuid_valid(document_id, strlen(document_id))) {
        return assess_document_unknown(err);
    }

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_db_begin(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    rc = assess_document_lock(conn, scope, document_id, err);

    if (rc == ASSESS_OK) {
        rc = assess_document_remove(conn, arena, scope, document_id, jobs,
                                    njobs, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_db_commit(conn, err);
    }

    assess_db_release(conn);

    return rc;
}


static int
assess_on_document_order(const void *a, const void *b)
{
    const assess_on_document_t *left = a, *right = b;

    return strcmp(left->document_id, right->document_id);
}


/* Each of them once, and how many that are */

static int
assess_on_documents(assess_args_t *args, assess_on_document_t *list, size_t n)
{
    int           documents;
    size_t        i;
    assess_buf_t  tenants, ids;

    memset(&tenants, 0, sizeof(assess_buf_t));
    memset(&ids, 0, sizeof(assess_buf_t));

    documents = 0;
    qsort(list, n, sizeof(assess_on_document_t), assess_on_document_order);

    for (i = 0; i < n; i++) {

        if (i && strcmp(list[i - 1].document_id, list[i].document_id) == 0) {
            continue;
        }

        assess_array_add(&tenants, list[i].tenant);
        assess_array_id(&ids, list[i].document_id);
        documents++;
    }

    assess_args_init(args);
    assess_arg_array(args, &tenants);
    assess_arg_array(args, &ids);

    return documents;
}


assess_err_e
assess_documents_hold(assess_conn_t *conn, assess_on_document_t *list,
    size_t n, assess_err_t *err)
{
    int            documents;
    assess_args_t  args;

    /* what is missing divides by zero: it fails before the commit behind it */

    static const char  sql[] =
        "with held as materialized (" ASSESS_DOCUMENTS_HELD("1", "$1", "$2") ")"
        " select 1 / (count(*) = $3::int)::int from held";

    documents = assess_on_documents(&args, list, n);
    assess_arg_int(&args, documents);

    return assess_db_later(conn, sql, &args, err);
}


assess_err_e
assess_documents_reviewed(assess_conn_t *conn, assess_on_document_t *list,
    size_t n, assess_err_t *err)
{
    assess_args_t  args;

    static const char  sql[] =
        "update assess.documents d set reviewed = true"
        " from unnest($1::text[], $2::uuid[]) as c (tenant, document_id)"
        " where d.tenant = c.tenant and d.document_id = c.document_id"
        " and not d.reviewed";

    (void) assess_on_documents(&args, list, n);

    return assess_db_later(conn, sql, &args, err);
}
