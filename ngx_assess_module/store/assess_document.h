
/* Documents: the bytes as they were sent, and the text found in them. */

#ifndef ASSESS_DOCUMENT_H
#define ASSESS_DOCUMENT_H


#include "assess_db.h"


/* Told by the bytes, kept with the document. */
typedef enum {
    ASSESS_KIND_PDF = 1,
    ASSESS_KIND_TEXT,
    ASSESS_KIND_MARKDOWN,
    ASSESS_KIND_HTML,
    ASSESS_KIND_DOCX,
    ASSESS_KIND_XLSX,
    ASSESS_KIND_PPTX,
    ASSESS_KIND_ODT,
    ASSESS_KIND_ODS,
    ASSESS_KIND_ODP,
    ASSESS_KIND_IMAGE,
    ASSESS_KIND_RTF = 12,
    ASSESS_KIND_EML = 13,
    ASSESS_KIND_EPUB = 14,
    ASSESS_KIND_DOC = 15,
    ASSESS_KIND_XLS = 16
} assess_kind_e;


typedef struct {
    char            document_id[ASSESS_UUID_LEN + 1];
    assess_str_t    filename;        /* null when none was given */
    assess_str_t    content_type;
    assess_kind_e   kind;
    int64_t         bytes;
    char            sha256[65];
    int             pages;           /* -1 until extracted */
    int64_t         created_at;
    const char     *status;          /* not_reviewed, processing, reviewed */
} assess_document_t;


/* One document to store: bytes of an open file, or of memory when fd is -1 */
typedef struct assess_upload_s {
    assess_str_t    filename;
    assess_str_t    content_type;
    assess_kind_e   kind;
    int             fd;              /* the caller's; read with pread() */
    int64_t         offset;
    int64_t         bytes;
    const char     *data;
    char            sha256[65];
} assess_upload_t;


typedef struct {
    assess_paging_t   paging;
    int               reviewed;      /* 1, 0, or -1 for all */
    assess_str_t      q;             /* part of the filename, any case */
} assess_document_filter_t;


typedef struct {
    int            page;             /* from 1 */
    assess_str_t   text;             /* UTF-8 */
    int            picture;          /* what it was read from: a scan */
} assess_page_t;


/* size bytes of it from offset on, which it has to have. */
assess_err_e assess_upload_read(const assess_upload_t *upload, int64_t offset,
    char *data, size_t size, assess_err_t *err);


/* The Document of the API. */
void assess_document_json(assess_buf_t *b, const assess_document_t *doc);

/*
 * All or none, in one transaction.  docs has room for n; created counts those
 * that were not known.  Same bytes, same tenant: the same document.
 */
assess_err_e assess_documents_store(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_upload_t *uploads, size_t n,
    assess_document_t *docs, size_t *created, assess_err_t *err);

assess_err_e assess_document_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *document_id,
    assess_document_t *doc, assess_err_t *err);

/*
 * Adds what has changed since the last time to what is kept counted: now and then,
 * by anybody, so that there is little of it when counts are read.
 */
assess_err_e assess_documents_add_up(assess_db_t *db, assess_err_t *err);

/* Newest first.  next is null at the end.  A bad cursor is ASSESS_INVALID. */
assess_err_e assess_documents_list(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_document_filter_t *filter,
    assess_document_t **docs, size_t *n, assess_str_t *next, int64_t *total,
    assess_err_t *err);

/*
 * Up to size bytes of the content from offset on, appended to out; fewer only
 * at the end.
 */
assess_err_e assess_document_content(assess_db_t *db,
    const assess_scope_t *scope, const char *document_id, int64_t offset,
    size_t size, assess_buf_t *out, assess_err_t *err);

/*
 * A descriptor of the content where that is a file, to be read only and closed;
 * -1 where it is none and has to be copied.  Both this and what gives the
 * content: ASSESS_UNAVAILABLE where it cannot be had now, ASSESS_FAILED as
 * document_missing where it is gone.
 */
assess_err_e assess_document_open(assess_db_t *db,
    const assess_scope_t *scope, const char *document_id, int *fd,
    assess_err_t *err);

/*
 * The whole content, written to fd from its start, a piece at a time.  A disk
 * without room is ASSESS_UNAVAILABLE, as a database that is away.
 */
assess_err_e assess_document_copy(assess_db_t *db, const assess_scope_t *scope,
    const char *document_id, int fd, assess_err_t *err);

/*
 * Deletes the document with all its assessments.  ASSESS_CONFLICT while a job
 * on it is queued or processing.  jobs gets the ids of the jobs that went
 * with it, to be forgotten elsewhere too.
 */
assess_err_e assess_document_delete(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *document_id, char (**jobs)[37],
    size_t *njobs, assess_err_t *err);


/*
 * The extracted text.  Saved whole or not at all, in one transaction, with
 * the extractor's version; saving again replaces it.
 */
assess_err_e assess_document_save_pages(assess_db_t *db,
    const assess_scope_t *scope, const char *document_id, int extractor,
    const assess_page_t *pages, size_t n, assess_err_t *err);

/* ASSESS_CONFLICT when it is not extracted by this version of the extractor. */
assess_err_e assess_document_pages(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *document_id, int extractor,
    assess_page_t **pages, size_t *n, assess_err_t *err);

/* Pages first..last only, whatever version extracted them. */
assess_err_e assess_document_text(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *document_id, int first, int last,
    assess_page_t **pages, size_t *n, assess_err_t *err);


#endif /* ASSESS_DOCUMENT_H */
