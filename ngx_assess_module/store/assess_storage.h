
/*
 * Where the bytes of documents lie when it is not the database: storages,
 * each with a name that rows of documents have, in which objects are written
 * once, read in parts, and removed.
 */

#ifndef ASSESS_STORAGE_H
#define ASSESS_STORAGE_H


#include "assess_db.h"


/* One document to store, see assess_document.h. */
struct assess_upload_s;


/*
 * What a storage can do.  Each function blocks and may run on any thread, at
 * the same time as others.  object is a path of [a-z0-9-], dots and slashes,
 * made by us.  The message of an error is for the log of an operator, and may
 * name paths and hosts: clients do not get it.
 *
 * ASSESS_UNAVAILABLE: it may work later.  ASSESS_ERROR: with this object, or
 * this upload, it will not.  ASSESS_STOPPING: the process is to end.
 */
typedef struct {

    /*
     * Writes all bytes of the upload, so that they are there after a crash; or
     * nothing, but for what remove() of that object removes.  The name was
     * never used before, but for that of the mark, which is replaced.
     */
    assess_err_e  (*put)(void *ctx, const char *object,
        const struct assess_upload_s *upload, assess_err_t *err);

    /*
     * Appends up to size bytes from offset on to out; fewer only at the end.
     * ASSESS_NOT_FOUND when there is no such object.  Out of memory is told by
     * out alone.
     */
    assess_err_e  (*get)(void *ctx, const char *object, int64_t offset,
        size_t size, assess_buf_t *out, assess_err_t *err);

    /* Whatever there is of it; ASSESS_OK also when there is nothing. */
    assess_err_e  (*remove)(void *ctx, const char *object,
        assess_err_t *err);

    /*
     * A descriptor of the whole object, to be read only: where objects are
     * files, else NULL.  -1 with err.
     */
    int           (*open)(void *ctx, const char *object, assess_err_t *err);

    void          (*destroy)(void *ctx);

    /*
     * What stands under its name may become something else while we run, as
     * a directory does when a file system is unmounted: to be looked at before
     * each change.
     */
    int             shifts;

    /* A put() that failed may be carried out all the same, some time later. */
    int             lingers;

} assess_storage_ops_t;


/* What an operator has to know; any thread. */
typedef void (*assess_storage_log_pt)(void *ctx, int good,
    const char *message);


typedef struct assess_storages_s  assess_storages_t;


/* NULL is out of memory.  Outlives the pools that use it. */
assess_storages_t *assess_storages_create(assess_storage_log_pt log,
    void *ctx);
void assess_storages_destroy(assess_storages_t *storages);

/*
 * One more.  name outlives it and is not "postgresql"; ctx is destroyed with
 * it, also where this fails: -1 is out of memory.  Objects are removed keep_ms
 * after their document.
 */
int assess_storages_add(assess_storages_t *storages, const char *name,
    const assess_storage_ops_t *ops, void *ctx, int64_t keep_ms);

/* New documents go into the one of that name; without this, the database. */
void assess_storages_to(assess_storages_t *storages, const char *name);


/*
 * What is known of each, as a JSON object by name; 1 where one of them cannot
 * be read or written.  Does not block.
 */
int assess_storages_json(const assess_db_t *db, assess_buf_t *b);


/*
 * Removes objects that are due, for a short time, of any storage that is
 * there.  Several may do it at once: each object is one's.  n gets how many
 * were looked at; when it is 0 there is nothing to do for now.
 */
assess_err_e assess_storages_sweep(assess_db_t *db, int64_t *n,
    assess_err_t *err);


/*
 * A directory.  path outlives it and is looked up each time.  NULL is out of
 * memory.
 */
extern const assess_storage_ops_t  assess_directory_ops;

void *assess_directory_create(const char *path);


#endif /* ASSESS_STORAGE_H */
