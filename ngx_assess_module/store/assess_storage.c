
#include "assess_storage_int.h"
#include "assess_contact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


/* the object that bears the id of its storage */
#define ASSESS_STORAGE_MARK   "assess-storage"

/* one who tries whether it works again may take so long, in ms */
#define ASSESS_STORAGE_TRIAL  5000

#define ASSESS_NOT_STORED                                                    \
    "the content cannot be stored now, try again later"
#define ASSESS_NOT_READ                                                      \
    "the content of the document cannot be read now, try again later"


typedef struct {
    assess_contact_t    contact;
    assess_storage_t   *storage;
    const char         *what;        /* it can, or cannot */
} assess_way_t;


/*
 * What is there may be readable where nothing can be written, and go where
 * nothing more fits.
 */
struct assess_storage_s {
    assess_storage_t            *next;
    assess_storages_t           *storages;
    const char                  *name;
    const assess_storage_ops_t  *ops;
    void                        *ctx;
    int64_t                      keep_ms;
    assess_way_t                 reads;
    assess_way_t                 writes;
    assess_way_t                 removes;
    pthread_mutex_t              mutex;
    char                         id[ASSESS_UUID_LEN + 1];
                                 /* under the mutex; "": not known yet */
};


struct assess_storages_s {
    assess_storage_t       *first;
    assess_storage_t       *to;
    assess_storage_log_pt   log;
    void                   *ctx;
    int                     missed;  /* one that is not configured */
};


static void assess_storage_changed(void *ctx, int away, int64_t ms,
    const char *why);


assess_storages_t *
assess_storages_create(assess_storage_log_pt log, void *ctx)
{
    assess_storages_t  *storages;

    storages = calloc(1, sizeof(assess_storages_t));

    if (storages) {
        storages->log = log;
        storages->ctx = ctx;
    }

    return storages;
}


static void
assess_storage_destroy(assess_storage_t *storage)
{
    assess_contact_destroy(&storage->reads.contact);
    assess_contact_destroy(&storage->writes.contact);
    assess_contact_destroy(&storage->removes.contact);
    (void) pthread_mutex_destroy(&storage->mutex);

    storage->ops->destroy(storage->ctx);

    free(storage);
}


void
assess_storages_destroy(assess_storages_t *storages)
{
    assess_storage_t  *storage, *next;

    if (storages == NULL) {
        return;
    }

    for (storage = storages->first; storage; storage = next) {
        next = storage->next;
        assess_storage_destroy(storage);
    }

    free(storages);
}


static int
assess_way_init(assess_way_t *way, assess_storage_t *storage,
    const char *what)
{
    assess_db_conf_t  conf;

    memset(&conf, 0, sizeof(assess_db_conf_t));
    conf.connect_ms = ASSESS_STORAGE_TRIAL;
    conf.changed = assess_storage_changed;
    conf.ctx = way;

    way->storage = storage;
    way->what = what;

    return assess_contact_init(&way->contact, &conf);
}


static int
assess_storage_init(assess_storage_t *storage)
{
    if (pthread_mutex_init(&storage->mutex, NULL) != 0) {
        return -1;
    }

    if (assess_way_init(&storage->reads, storage, "read") != 0) {
        goto reads;
    }

    if (assess_way_init(&storage->writes, storage, "written") != 0) {
        goto writes;
    }

    if (assess_way_init(&storage->removes, storage, "cleared") != 0) {
        goto removes;
    }

    return 0;

removes:

    assess_contact_destroy(&storage->writes.contact);

writes:

    assess_contact_destroy(&storage->reads.contact);

reads:

    (void) pthread_mutex_destroy(&storage->mutex);

    return -1;
}


int
assess_storages_add(assess_storages_t *storages, const char *name,
    const assess_storage_ops_t *ops, void *ctx, int64_t keep_ms)
{
    assess_storage_t  *storage;

    storage = ctx ? calloc(1, sizeof(assess_storage_t)) : NULL;

    if (storage == NULL || assess_storage_init(storage) != 0) {

        free(storage);

        if (ctx) {
            ops->destroy(ctx);
        }

        return -1;
    }

    storage->storages = storages;
    storage->name = name;
    storage->ops = ops;
    storage->ctx = ctx;
    storage->keep_ms = keep_ms;

    storage->next = storages->first;
    storages->first = storage;

    return 0;
}


static assess_storage_t *
assess_storage_named(const assess_storages_t *storages, const char *name)
{
    assess_storage_t  *storage;

    for (storage = storages->first; storage; storage = storage->next) {
        if (strcmp(storage->name, name) == 0) {
            return storage;
        }
    }

    return NULL;
}


void
assess_storages_to(assess_storages_t *storages, const char *name)
{
    storages->to = assess_storage_named(storages, name);
}


assess_storage_t *
assess_storage_to(const assess_db_t *db)
{
    assess_storages_t  *storages;

    storages = assess_db_storages(db);

    return storages ? storages->to : NULL;
}


const char *
assess_storage_name(const assess_storage_t *storage)
{
    return storage->name;
}


int
assess_storage_lingers(const assess_storage_t *storage)
{
    return storage->ops->lingers;
}


int64_t
assess_storage_keep_ms(const assess_storage_t *storage)
{
    return storage->keep_ms;
}


assess_storage_t *
assess_storage_next(const assess_db_t *db, assess_storage_t *storage)
{
    assess_storages_t  *storages;

    if (storage) {
        return storage->next;
    }

    storages = assess_db_storages(db);

    return storages ? storages->first : NULL;
}


int
assess_storages_json(const assess_db_t *db, assess_buf_t *b)
{
    int                n, bad, unread, unwritten;
    assess_storage_t  *storage;

    n = 0;
    bad = 0;
    assess_buf_char(b, '{');

    for (storage = assess_storage_next(db, NULL);
         storage;
         storage = storage->next)
    {
        unread = assess_contact_lost_since(&storage->reads.contact, 0);
        unwritten = assess_contact_lost_since(&storage->writes.contact, 0);
        bad |= unread || unwritten;

        assess_buf_str(b, n++ ? "," : "");
        assess_buf_json_cstr(b, storage->name);
        assess_buf_printf(b, ":{\"read\":%s,\"write\":%s}",
                          unread ? "false" : "true",
                          unwritten ? "false" : "true");
    }

    assess_buf_char(b, '}');

    return bad;
}


/* A configuration may come back that has it. */

assess_storage_t *
assess_storage_find(const assess_db_t *db, const char *name,
    assess_err_t *err)
{
    char                message[256];
    assess_storage_t   *storage;
    assess_storages_t  *storages;

    storages = assess_db_storages(db);

    storage = storages ? assess_storage_named(storages, name) : NULL;
    if (storage) {
        return storage;
    }

    if (storages
        && __atomic_exchange_n(&storages->missed, 1, __ATOMIC_SEQ_CST) == 0)
    {
        (void) snprintf(message, sizeof(message),
                        "storage \"%.64s\" has documents and is not "
                        "configured: add it with \"assess_storage\"", name);
        storages->log(storages->ctx, 0, message);
    }

    (void) assess_fail(err, ASSESS_UNAVAILABLE, NULL, "%s", ASSESS_NOT_READ);

    return NULL;
}


static void
assess_storage_log(assess_storage_t *storage, int good, const char *fmt,
    const char *what, const char *why)
{
    char  message[768];

    (void) snprintf(message, sizeof(message), fmt, storage->name, what, why);

    storage->storages->log(storage->storages->ctx, good, message);
}


static void
assess_storage_changed(void *ctx, int away, int64_t ms, const char *why)
{
    assess_way_t *way = ctx;

    char  since[32];

    if (away) {
        assess_storage_log(way->storage, 0,
                           "storage \"%s\" cannot be %s: %s", way->what, why);
        return;
    }

    (void) snprintf(since, sizeof(since), "%lld", (long long) ms);

    assess_storage_log(way->storage, 1,
                       "storage \"%s\" can be %s again after %s ms",
                       way->what, since);
}


/*
 * Whether it may be used in this way now, and what came of it.  What is told
 * to clients says nothing of paths and hosts.
 */

static assess_err_e
assess_way_enter(assess_way_t *way, const char *message, assess_err_t *err)
{
    if (assess_contact_enter(&way->contact, err) == ASSESS_OK) {
        return ASSESS_OK;
    }

    return assess_fail(err, ASSESS_UNAVAILABLE, NULL, "%s", message);
}


static assess_err_e
assess_way_told(assess_way_t *way, assess_err_e rc, const char *message,
    assess_err_t *err)
{
    if (rc == ASSESS_OK) {
        assess_contact_good(&way->contact);
        return rc;
    }

    if (rc == ASSESS_UNAVAILABLE) {
        assess_contact_bad(&way->contact, err);
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL, "%s", message);
    }

    assess_contact_leave(&way->contact);

    return rc;
}


/* ASSESS_NOT_FOUND without a mark; of anything else that is none, "" */

static assess_err_e
assess_storage_mark(assess_storage_t *storage, char id[ASSESS_UUID_LEN + 1],
    assess_err_t *err)
{
    assess_buf_t  mark;
    assess_err_e  rc;

    memset(&mark, 0, sizeof(assess_buf_t));
    id[0] = '\0';

    rc = storage->ops->get(storage->ctx, ASSESS_STORAGE_MARK, 0,
                           ASSESS_UUID_LEN + 1, &mark, err);

    if (rc == ASSESS_OK && mark.len == ASSESS_UUID_LEN
        && assess_uuid_valid(mark.data, mark.len))
    {
        memcpy(id, mark.data, ASSESS_UUID_LEN + 1);
    }

    if (mark.failed) {
        rc = assess_db_no_memory(err);
    }

    assess_buf_free(&mark);

    return rc;
}


/* Whether what is there is the storage that has this id */

static assess_err_e
assess_storage_is(assess_storage_t *storage, const char *id,
    assess_err_t *err)
{
    char          mark[ASSESS_UUID_LEN + 1];
    assess_err_e  rc;

    rc = assess_storage_mark(storage, mark, err);

    if (rc == ASSESS_NOT_FOUND) {
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                           "it has no \"" ASSESS_STORAGE_MARK "\" in it, as it "
                           "had before: something else is there in its place");
    }

    if (rc == ASSESS_STOPPING) {
        return rc;
    }

    if (rc != ASSESS_OK) {
        err->kind = ASSESS_UNAVAILABLE;
        return err->kind;
    }

    if (strcmp(mark, id) != 0) {
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                           "its \"" ASSESS_STORAGE_MARK "\" is not that of "
                           "the storage that this database knows: it is "
                           "another one's");
    }

    return ASSESS_OK;
}


static assess_err_e
assess_storage_here(assess_storage_t *storage, assess_err_t *err)
{
    char  id[ASSESS_UUID_LEN + 1];

    (void) pthread_mutex_lock(&storage->mutex);
    memcpy(id, storage->id, sizeof(id));
    (void) pthread_mutex_unlock(&storage->mutex);

    return assess_storage_is(storage, id, err);
}


/*
 * The first one to use it, whom others wait for: its mark is taken over where
 * there is one, as after a crash in here.
 */

static assess_err_e
assess_storage_begin(assess_storage_t *storage, assess_conn_t *conn,
    const char *message, char id[ASSESS_UUID_LEN + 1], assess_err_t *err)
{
    char             mark[ASSESS_UUID_LEN + 1];
    assess_err_e     rc;
    assess_args_t    args;
    assess_upload_t  upload;

    rc = assess_storage_mark(storage, mark, err);

    if (rc == ASSESS_NOT_FOUND) {
        memset(&upload, 0, sizeof(assess_upload_t));
        upload.fd = -1;
        upload.data = id;
        upload.bytes = ASSESS_UUID_LEN;

        rc = storage->ops->put(storage->ctx, ASSESS_STORAGE_MARK, &upload,
                               err);

        return assess_way_told(&storage->writes, rc, message, err);
    }

    if (rc == ASSESS_OK && mark[0] == '\0') {
        rc = assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                         "its \"" ASSESS_STORAGE_MARK "\" is not one of ours");
    }

    if (rc != ASSESS_OK && rc != ASSESS_STOPPING) {
        err->kind = ASSESS_UNAVAILABLE;
        rc = err->kind;
    }

    rc = assess_way_told(&storage->reads, rc, message, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    memcpy(id, mark, ASSESS_UUID_LEN + 1);

    assess_args_init(&args);
    assess_arg_cstr(&args, storage->name);
    assess_arg_id(&args, id);

    return assess_db_run(conn, "update assess.storages"
                         " set storage_id = $2 where storage = $1",
                         &args, NULL, err);
}


/* Its id; old: others have used it, and it is to be seen whether it has it */

static assess_err_e
assess_storage_learn(assess_storage_t *storage, assess_conn_t *conn,
    const char *message, char id[ASSESS_UUID_LEN + 1], int *old,
    assess_err_t *err)
{
    PGresult       *res;
    assess_args_t   args;

    if (assess_uuid(id) != 0) {
        return assess_fail(err, ASSESS_ERROR, "internal", "no entropy");
    }

    assess_args_init(&args);
    assess_arg_cstr(&args, storage->name);
    assess_arg_id(&args, id);

    res = assess_db_exec(conn, "insert into assess.storages"
                         " (storage, storage_id) values ($1, $2)"
                         " on conflict (storage) do nothing returning 1",
                         &args, err);
    if (res == NULL) {
        return err->kind;
    }

    *old = PQntuples(res) == 0;
    PQclear(res);

    if (!*old) {
        return assess_storage_begin(storage, conn, message, id, err);
    }

    assess_args_init(&args);
    assess_arg_cstr(&args, storage->name);

    res = assess_db_exec(conn, "select storage_id from assess.storages"
                         " where storage = $1", &args, err);
    if (res == NULL) {
        return err->kind;
    }

    id[0] = '\0';

    if (PQntuples(res)) {
        assess_col_id(res, 0, 0, id);
    }

    PQclear(res);

    return ASSESS_OK;
}


static int
assess_storage_has_id(assess_storage_t *storage)
{
    int  has;

    (void) pthread_mutex_lock(&storage->mutex);
    has = storage->id[0] != '\0';
    (void) pthread_mutex_unlock(&storage->mutex);

    return has;
}


assess_err_e
assess_storage_known(assess_storage_t *storage, assess_db_t *db, int to_write,
    assess_err_t *err)
{
    int             old;
    char            id[ASSESS_UUID_LEN + 1];
    const char     *message;
    assess_err_e    rc;
    assess_conn_t  *conn;

    if (assess_storage_has_id(storage)) {
        return ASSESS_OK;
    }

    message = to_write ? ASSESS_NOT_STORED : ASSESS_NOT_READ;

    if (assess_way_enter(&storage->reads, message, err) != ASSESS_OK) {
        return err->kind;
    }

    if (assess_db_begin(db, &conn, err) != ASSESS_OK) {
        assess_contact_leave(&storage->reads.contact);
        return err->kind;
    }

    rc = assess_storage_learn(storage, conn, message, id, &old, err);

    if (rc == ASSESS_OK) {
        rc = assess_db_commit(conn, err);
    }

    assess_db_release(conn);

    if (rc == ASSESS_OK && old) {
        rc = assess_way_told(&storage->reads,
                             assess_storage_is(storage, id, err), message,
                             err);
    }

    if (rc == ASSESS_OK) {
        (void) pthread_mutex_lock(&storage->mutex);
        memcpy(storage->id, id, sizeof(id));
        (void) pthread_mutex_unlock(&storage->mutex);
    }

    return rc;
}


int
assess_storage_clears(assess_storage_t *storage)
{
    return !assess_contact_away(&storage->removes.contact, NULL);
}


assess_err_e
assess_storage_takes(assess_storage_t *storage, assess_err_t *err)
{
    if (assess_contact_away(&storage->writes.contact, err)) {
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL, "%s",
                           ASSESS_NOT_STORED);
    }

    return ASSESS_OK;
}


assess_err_e
assess_storage_put(assess_storage_t *storage, const char *object,
    const assess_upload_t *upload, assess_err_t *err)
{
    assess_err_e  rc;

    rc = assess_way_enter(&storage->writes, ASSESS_NOT_STORED, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    if (storage->ops->shifts) {
        rc = assess_storage_here(storage, err);
    }

    if (rc == ASSESS_OK) {
        rc = storage->ops->put(storage->ctx, object, upload, err);
    }

    return assess_way_told(&storage->writes, rc, ASSESS_NOT_STORED, err);
}


/*
 * What one object lacks is believed of a storage that is known to be the right
 * one: of another one all objects are missing.
 */

static assess_err_e
assess_storage_lacks(assess_storage_t *storage, const char *object,
    assess_err_e rc, assess_err_t *err)
{
    assess_err_t  why;

    if (rc == ASSESS_NOT_FOUND || rc == ASSESS_ERROR) {

        if (assess_storage_here(storage, &why) != ASSESS_OK) {
            *err = why;
            rc = err->kind;

        } else {
            assess_storage_log(storage, 0,
                               "storage \"%s\" lacks object \"%s\": %s",
                               object, err->message);
            assess_contact_good(&storage->reads.contact);

            return rc == ASSESS_NOT_FOUND
                   ? assess_fail(err, ASSESS_FAILED, "document_missing",
                                 "the content of the document is missing from "
                                 "its storage: have it restored from a "
                                 "backup, or delete the document and send it "
                                 "again")
                   : assess_fail(err, ASSESS_FAILED, "document_missing",
                                 "the content of the document cannot be read "
                                 "from its storage, which can be read "
                                 "otherwise: have it repaired, or delete the "
                                 "document and send it again");
        }
    }

    return assess_way_told(&storage->reads, rc, ASSESS_NOT_READ, err);
}


assess_err_e
assess_storage_get(assess_storage_t *storage, const char *object,
    int64_t offset, size_t size, assess_buf_t *out, assess_err_t *err)
{
    size_t        before;
    assess_err_e  rc;

    rc = assess_way_enter(&storage->reads, ASSESS_NOT_READ, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    before = out->len;
    rc = storage->ops->get(storage->ctx, object, offset, size, out, err);

    if (rc == ASSESS_OK && out->failed) {
        assess_contact_leave(&storage->reads.contact);
        return assess_db_no_memory(err);
    }

    if (rc == ASSESS_OK && out->len - before != size) {
        rc = assess_fail(err, ASSESS_ERROR, NULL, "it is cut short");
    }

    return assess_storage_lacks(storage, object, rc, err);
}


assess_err_e
assess_storage_open(assess_storage_t *storage, const char *object,
    int64_t bytes, int *fd, assess_err_t *err)
{
    struct stat   st;
    assess_err_e  rc;

    *fd = -1;

    if (storage->ops->open == NULL) {
        return ASSESS_OK;
    }

    rc = assess_way_enter(&storage->reads, ASSESS_NOT_READ, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    *fd = storage->ops->open(storage->ctx, object, err);
    rc = *fd == -1 ? err->kind : ASSESS_OK;

    if (rc == ASSESS_OK
        && (fstat(*fd, &st) != 0 || (int64_t) st.st_size != bytes))
    {
        (void) close(*fd);
        *fd = -1;
        rc = assess_fail(err, ASSESS_ERROR, NULL, "it has another length");
    }

    return assess_storage_lacks(storage, object, rc, err);
}


assess_err_e
assess_storage_remove(assess_storage_t *storage, const char *object,
    assess_err_t *err)
{
    assess_err_e  rc;

    rc = assess_way_enter(&storage->removes, ASSESS_NOT_STORED, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    if (storage->ops->shifts) {
        rc = assess_storage_here(storage, err);
    }

    if (rc == ASSESS_OK) {
        rc = storage->ops->remove(storage->ctx, object, err);
    }

    return assess_way_told(&storage->removes, rc, ASSESS_NOT_STORED, err);
}
