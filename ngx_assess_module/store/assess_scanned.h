
/*
 * Scanned pages that were read, kept until the text of their document is
 * complete: a scan of a thousand pages takes a quarter of an hour, and whoever
 * reads it may be told to stop, or die.
 */

#ifndef ASSESS_SCANNED_H
#define ASSESS_SCANNED_H


#include "assess_document.h"


/*
 * Keeps these pages, in one transaction, of a document whose text this version
 * of the extractor has not saved yet; where it has, nothing is kept.  A page
 * that is there already is replaced.
 */
assess_err_e assess_scanned_keep(assess_db_t *db, const assess_scope_t *scope,
    const char *document_id, int extractor, const assess_page_t *pages,
    size_t n, assess_err_t *err);

/*
 * Those that were read by this version of the extractor, in their order; none
 * is no error, nor is a document that is not there.
 */
assess_err_e assess_scanned_kept(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *document_id, int extractor,
    assess_page_t **pages, size_t *n, assess_err_t *err);


#endif /* ASSESS_SCANNED_H */
