
/* What documents need of storages.  For the store alone. */

#ifndef ASSESS_STORAGE_INT_H
#define ASSESS_STORAGE_INT_H


#include "assess_db_int.h"
#include "assess_document.h"
#include "assess_storage.h"


#define ASSESS_OBJECT_LEN  160


typedef struct assess_storage_s  assess_storage_t;


/* Where new documents go; NULL: the database. */
assess_storage_t *assess_storage_to(const assess_db_t *db);

/* By name; NULL with err: it is not configured. */
assess_storage_t *assess_storage_find(const assess_db_t *db,
    const char *name, assess_err_t *err);

const char *assess_storage_name(const assess_storage_t *storage);
int assess_storage_lingers(const assess_storage_t *storage);
int64_t assess_storage_keep_ms(const assess_storage_t *storage);

/* One after the other; NULL: the first one, or none. */
assess_storage_t *assess_storage_next(const assess_db_t *db,
    assess_storage_t *storage);


/*
 * Whether it is the one that this database knows; before all that follows.
 * to_write is for the message.
 */
assess_err_e assess_storage_known(assess_storage_t *storage,
    assess_db_t *db, int to_write, assess_err_t *err);

/*
 * What the operations of assess_storage_ops_t do.  Errors are for clients and
 * jobs, and what an operator has to know is logged.  ASSESS_UNAVAILABLE: not
 * now; ASSESS_FAILED as document_missing: the object is gone, or cannot be
 * read.  What is got has all of its size.  The first one only says whether it
 * is known that nothing can be put now.
 */

assess_err_e assess_storage_takes(assess_storage_t *storage,
    assess_err_t *err);
assess_err_e assess_storage_put(assess_storage_t *storage,
    const char *object, const assess_upload_t *upload, assess_err_t *err);
assess_err_e assess_storage_get(assess_storage_t *storage,
    const char *object, int64_t offset, size_t size, assess_buf_t *out,
    assess_err_t *err);
assess_err_e assess_storage_remove(assess_storage_t *storage,
    const char *object, assess_err_t *err);

/* 0: it is known that nothing can be removed now. */
int assess_storage_clears(assess_storage_t *storage);

/* fd is -1 with ASSESS_OK where it is no file. */
assess_err_e assess_storage_open(assess_storage_t *storage,
    const char *object, int64_t bytes, int *fd, assess_err_t *err);


/* An object for an upload, from before it is written. */
typedef struct {
    assess_storage_t  *storage;      /* NULL: it goes into the database */
    char               name[ASSESS_OBJECT_LEN];
                                     /* "": the document was there before */
    int                kept;         /* a document has it, once committed */
} assess_object_t;

/*
 * Writes the bytes of those uploads that are not documents already, before the
 * transaction that makes them documents; uploads are in the order of their
 * sums.  What was written is in objects also when it fails: they are for
 * assess_objects_drop().
 */
assess_err_e assess_objects_put(assess_db_t *db,
    const assess_scope_t *scope, const assess_upload_t *const *uploads,
    size_t n, assess_object_t *objects, assess_err_t *err);

/* In the transaction that makes the document: from now on it has its object. */
assess_err_e assess_object_keep(assess_conn_t *conn, assess_object_t *object,
    assess_err_t *err);

/*
 * After that transaction, whatever came of it: removes what no document has.
 * committed: it is known to have been.  What cannot be removed now is left to
 * the sweep.
 */
void assess_objects_drop(assess_db_t *db, assess_object_t *objects, size_t n,
    int committed);


#endif /* ASSESS_STORAGE_INT_H */
