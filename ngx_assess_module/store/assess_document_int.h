
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

/* Of the table under the alias d, and such a row from a column on. */
#define ASSESS_DOCUMENT_COLUMNS                                              \
    " d.document_id, d.filename, d.content_type, d.kind, d.bytes,"           \
    " encode(d.sha256, 'hex'), coalesce(d.pages, -1),"                       \
    " assess.ms(d.created_at),"                                              \
    " case when d.active_jobs > 0 then 'processing'"                         \
    " when d.reviewed then 'reviewed' else 'not_reviewed' end "

int assess_document_row(assess_arena_t *arena, const PGresult *res, int row,
    int col, assess_document_t *doc);

/*
 * So many jobs more or less on each of these documents, by a statement whose
 * answer nobody waits for; reviewed is set, never cleared.  Documents are
 * locked in the order of their ids, after jobs and before events, and so for
 * no longer than the counter of events.  all: where one is not there any more
 * the statement fails, and with it the transaction.
 */

typedef struct {
    const assess_str_t  *tenant;
    const char          *document_id;
    int                  more;
    int                  reviewed;
} assess_on_document_t;

assess_err_e assess_jobs_on_documents(assess_conn_t *conn,
    assess_on_document_t *list, size_t n, int all, assess_err_t *err);

/* The bytes of a new document, in pieces. */
assess_err_e assess_content_save(assess_conn_t *conn, const char *document_id,
    const assess_upload_t *upload, assess_err_t *err);

assess_err_e assess_document_unknown(assess_err_t *err);


#endif /* ASSESS_DOCUMENT_INT_H */
