
/*
 * Scanned pages that were read, kept until the text of their document is
 * complete: a scan of a thousand pages takes a quarter of an hour, and whoever
 * reads it may be told to stop, or die.
 */

#ifndef ASSESS_SCANNED_H
#define ASSESS_SCANNED_H


#include "assess_document.h"


/* What decides how a page is read: the extractor's version, its languages. */
typedef struct {
    int           extractor;
    const char   *languages;           /* as Tesseract is given them */
} assess_reader_t;


/*
 * Keeps these pages of a document whose text this version of the extractor has
 * not saved yet; where it has, nothing is kept.  A page that is there already
 * is replaced.  Many are kept in several transactions: an error leaves some.
 */
assess_err_e assess_scanned_keep(assess_db_t *db, const assess_scope_t *scope,
    const char *document_id, const assess_reader_t *reader,
    const assess_page_t *pages, size_t n, assess_err_t *err);

/*
 * Those that were read like this, in their order; none is no error, nor is a
 * document that is not there.
 */
assess_err_e assess_scanned_kept(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *document_id,
    const assess_reader_t *reader, assess_page_t **pages, size_t *n,
    assess_err_t *err);


#endif /* ASSESS_SCANNED_H */
