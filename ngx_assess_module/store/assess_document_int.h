
/* What jobs need of documents within their own transactions. */

#ifndef ASSESS_DOCUMENT_INT_H
#define ASSESS_DOCUMENT_INT_H


#include "assess_db_int.h"
#include "assess_document.h"
#include "assess_storage_int.h"


/*
 * Stores one in the transaction under way, or finds it.  object is what
 * assess_objects_put() made of its bytes.
 */
assess_err_e assess_document_insert(assess_conn_t *conn,
    assess_arena_t *arena, const assess_scope_t *scope,
    const assess_upload_t *upload, assess_object_t *object,
    assess_document_t *doc, int *created, assess_err_t *err);

assess_err_e assess_document_find(assess_conn_t *conn, assess_arena_t *arena,
    const assess_str_t *tenant, const char *document_id,
    assess_document_t *doc, assess_err_t *err);

/*
 * Of the table under the alias d, and such a row from a column on; the status
 * of one with a job under way is known without a look.
 */
#define ASSESS_DOCUMENT_FACTS                                                \
    " d.document_id, d.filename, d.content_type, d.kind, d.bytes,"           \
    " encode(d.sha256, 'hex'), coalesce(d.pages, -1),"                       \
    " assess.ms(d.created_at),"

#define ASSESS_DOCUMENT_COLUMNS                                              \
    ASSESS_DOCUMENT_FACTS                                                    \
    " case when exists (select from assess.assessment_jobs a"                \
    " where a.document_id = d.document_id and a.tenant = d.tenant"           \
    " and a.status in ('queued', 'processing')) then 'processing'"           \
    " when d.reviewed then 'reviewed' else 'not_reviewed' end "

#define ASSESS_DOCUMENT_AT_WORK  ASSESS_DOCUMENT_FACTS " 'processing' "

int assess_document_row(assess_arena_t *arena, const PGresult *res, int row,
    int col, assess_document_t *doc);

/*
 * A row of these columns for each of these documents that is there, locked as a
 * reference would lock it: against its deletion, and nothing else.
 */
#define ASSESS_DOCUMENTS_HELD(columns, tenants, ids)                         \
    "select " columns " from unnest(" tenants "::text[], " ids "::uuid[])"   \
    " as w (tenant, document_id) join assess.documents d"                    \
    " on d.tenant = w.tenant and d.document_id = w.document_id"              \
    " for key share of d"

/* A document of a job */
typedef struct {
    const assess_str_t  *tenant;
    const char          *document_id;
} assess_on_document_t;

/*
 * Both by a statement whose answer nobody waits for, after what locks jobs and
 * before what locks events; the list is put in the order of ids.
 *
 * Holds these documents until the commit, as a reference would: none is deleted
 * before the jobs that are made, or run again, are there.  Where one is not
 * there any more the statement fails, and with it the transaction.
 */
assess_err_e assess_documents_hold(assess_conn_t *conn,
    assess_on_document_t *list, size_t n, assess_err_t *err);

/* A job on each of these has completed. */
assess_err_e assess_documents_reviewed(assess_conn_t *conn,
    assess_on_document_t *list, size_t n, assess_err_t *err);

/*
 * How many a tenant has, and how many of them are reviewed: "total", "reviewed".
 * One statement sees a change in one of the two tables, and never in both.
 */
#define ASSESS_DOCUMENTS_COUNTED(tenant)                                     \
    "select coalesce(sum(c.total), 0) as total,"                             \
    " coalesce(sum(c.reviewed), 0) as reviewed from"                         \
    " (select total, reviewed from assess.document_counts"                   \
    " where tenant = " tenant                                                \
    " union all select total, reviewed from assess.document_changes"         \
    " where tenant = " tenant ") c"

assess_err_e assess_documents_counted(assess_conn_t *conn,
    const assess_str_t *tenant, int64_t *total, int64_t *reviewed,
    assess_err_t *err);

/* The bytes of a new document, in pieces. */
assess_err_e assess_content_save(assess_conn_t *conn, const char *document_id,
    const assess_upload_t *upload, assess_err_t *err);

assess_err_e assess_document_unknown(assess_err_t *err);

/*
 * Pages by a statement on a connection of its own, whose rows are extractor,
 * page, text and whether it is a picture, one without a page where there are
 * none.  ASSESS_NOT_FOUND without a row, ASSESS_CONFLICT where the extractor is
 * null, or another one than this; -1: any.  The args are freed.
 */
assess_err_e assess_pages_read(assess_db_t *db, assess_arena_t *arena,
    const char *sql, assess_args_t *args, int extractor, assess_page_t **pages,
    size_t *n, assess_err_t *err);

/* Whether there may be such a tenant, and such a document. */
assess_err_e assess_document_check(const assess_scope_t *scope,
    const char *document_id, assess_err_t *err);


#endif /* ASSESS_DOCUMENT_INT_H */
