
/* What jobs need of documents within their own transactions. */

#ifndef ASSESS_DOCUMENT_INT_H
#define ASSESS_DOCUMENT_INT_H


#include "assess_db_int.h"
#include "assess_document.h"


/* Stores one in the transaction under way, or finds it. */
assess_err_e assess_document_insert(assess_conn_t *conn,
    assess_arena_t *arena, const assess_scope_t *scope,
    const assess_upload_t *upload, assess_document_t *doc, int *created,
    assess_err_t *err);

assess_err_e assess_document_find(assess_conn_t *conn, assess_arena_t *arena,
    const assess_str_t *tenant, const char *document_id,
    assess_document_t *doc, assess_err_t *err);

/* The bytes of a new document, in pieces. */
assess_err_e assess_content_save(assess_conn_t *conn, const char *document_id,
    const assess_upload_t *upload, assess_err_t *err);

assess_err_e assess_document_unknown(assess_err_t *err);


#endif /* ASSESS_DOCUMENT_INT_H */
