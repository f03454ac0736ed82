
/* sources: store/ engine/assess_storage_s3.c engine/assess_header.c
   engine/assess_s3.c engine/assess_perform.c engine/assess_sockets.c
   base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcurl -lcrypto -lm */


/*
 * Documents outside of the database: in a directory and in a bucket, which the
 * same is asked of; races; and storages that fail at the worst moment.
 */

#include "store.h"
#include "server.h"
#include "store/assess_storage_int.h"
#include "engine/assess_storage_s3.h"

#include <curl/curl.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>


#define BIG      (262144 * 5 + 1000)
#define THREADS  8
#define ROUNDS   40
#define MANY     60

#define text(s)  { sizeof(s) - 1, (char *) (s) }


/* A directory, with something that is done when an object was written. */
typedef struct {
    void   *ctx;
    void  (*then)(void);
    int     refuse;                  /* puts that fail when all is written */
} hooked_t;


static char             dir[] = "/tmp/assess-storage-XXXXXX";
static char             files[128], other_files[128], bucket[128];
static char             endpoint[64], logged[1024];
static int              stopping;
static pid_t            server;
static hooked_t         hooked;
static assess_scope_t   scope, other;
static assess_s3_conf_t s3_conf = {
    .name = text("default"), .region = text("eu-test-1"),
    .access_key = text("ASSESSTESTKEY0000001"),
    .secret_key = text("wJalrXUtnFEMI/K7MDENG+bPxRfiCYzEXAMPLEKEY"),
    .connect_ms = 5000, .timeout_ms = 10000, .tries = 1
};


static void
on_log(void *ctx, int good, const char *message)
{
    (void) ctx;
    (void) good;
    (void) snprintf(logged, sizeof(logged), "%s", message);
}


static int
on_stop(void *ctx)
{
    (void) ctx;

    return stopping;
}


static assess_err_e
hooked_put(void *ctx, const char *object, const assess_upload_t *upload,
    assess_err_t *err)
{
    hooked_t *h = ctx;

    assess_err_e  rc;

    rc = assess_directory_ops.put(h->ctx, object, upload, err);

    if (rc == ASSESS_OK && h->then) {
        h->then();
    }

    return rc == ASSESS_OK && h->refuse
           ? assess_fail(err, ASSESS_UNAVAILABLE, NULL, "refused at /secret")
           : rc;
}


static assess_err_e
hooked_get(void *ctx, const char *object, int64_t offset, size_t size,
    assess_buf_t *out, assess_err_t *err)
{
    return assess_directory_ops.get(((hooked_t *) ctx)->ctx, object, offset,
                                    size, out, err);
}


static assess_err_e
hooked_remove(void *ctx, const char *object, assess_err_t *err)
{
    return assess_directory_ops.remove(((hooked_t *) ctx)->ctx, object, err);
}


static void
hooked_destroy(void *ctx)
{
    free(((hooked_t *) ctx)->ctx);
}


static const assess_storage_ops_t  hooked_ops = {
    hooked_put, hooked_get, hooked_remove, NULL, hooked_destroy, 0, 0
};


/* A pool whose new documents go to that storage, beside all others. */

static assess_db_t *
pool(const char *to, assess_storages_t **storages)
{
    assess_db_conf_t  conf;

    *storages = assess_storages_create(on_log, NULL);

    (void) assess_storages_add(*storages, "files", &assess_directory_ops,
                               assess_directory_create(files), 0);
    (void) assess_storages_add(*storages, "bucket", &assess_storage_s3_ops,
                               assess_storage_s3_create(&s3_conf, "docs",
                                                  "a/b/", on_stop, NULL), 0);

    hooked.ctx = assess_directory_create(other_files);
    (void) assess_storages_add(*storages, "hooked", &hooked_ops, &hooked, 0);

    assess_storages_to(*storages, to);

    memset(&conf, 0, sizeof(assess_db_conf_t));
    conf.conninfo = store_conninfo;
    conf.connections = 16;
    conf.acquire_ms = 20000;
    conf.storages = *storages;

    return assess_db_create(&conf);
}


static void
pool_end(assess_db_t *db, assess_storages_t *storages)
{
    assess_db_destroy(db);
    assess_storages_destroy(storages);
}


/* Objects below it, in a tree of directories or as the server has them. */

static int
count(const char *path, const char *prefix)
{
    int             n;
    DIR            *d;
    char            below[1024];
    struct stat     st;
    struct dirent  *e;

    n = 0;
    d = opendir(path);

    while (d && (e = readdir(d))) {

        (void) snprintf(below, sizeof(below), "%s/%s", path, e->d_name);

        if (e->d_name[0] == '.' || stat(below, &st) != 0) {
            continue;
        }

        n += S_ISDIR(st.st_mode) ? count(below, prefix)
             : strncmp(e->d_name, prefix, strlen(prefix)) == 0
               && strcmp(e->d_name, "assess-storage") != 0;
    }

    if (d) {
        (void) closedir(d);
    }

    return n;
}


/* The mark is one of the server's. */

static int
objects(const char *storage)
{
    return strcmp(storage, "bucket") == 0 ? count(bucket, "object-") - 1
           : count(strcmp(storage, "files") == 0 ? files : other_files, "");
}


static int
start_server(void)
{
    int  port;

    port = server_start(&server, "Assess::S3", bucket, "docs", NULL);

    s3_conf.endpoint.len = (size_t) snprintf(endpoint, sizeof(endpoint),
                                             "http://127.0.0.1:%d", port);
    s3_conf.endpoint.data = endpoint;

    return port != -1;
}


static void
fault(const char *what)
{
    server_fault(bucket, what);
}


static assess_err_e
store(assess_db_t *db, const assess_scope_t *who, const char *data,
    size_t len, assess_document_t *doc, size_t *created)
{
    assess_upload_t  up;

    up = store_upload("a.txt", data, len);

    return assess_documents_store(db, store_arena, who, &up, 1, doc, created,
                                  &store_err);
}


static assess_err_e
drop(assess_db_t *db, const assess_scope_t *who, const char *id)
{
    char    (*jobs)[37];
    size_t    n;

    return assess_document_delete(db, store_arena, who, id, &jobs, &n,
                                  &store_err);
}


/* Until nothing is due any more */

static void
sweep(assess_db_t *db)
{
    int64_t  n;

    do {
        if (assess_storages_sweep(db, &n, &store_err) != ASSESS_OK) {
            printf("# sweep: %s\n", store_err.message);
            return;
        }
    } while (n);
}


/* The gate that a failure closed is open again */

static void
pause_over(void)
{
    (void) usleep(300000);
}


static long long
strays(void)
{
    return store_sql("select count(*) from assess.stray_objects");
}


/* What every storage does alike */

static void
test_alike(const char *to)
{
    int                 i, fd, failed;
    char               *data, *back, sql[256];
    FILE               *f;
    size_t              created, want;
    assess_db_t        *db;
    assess_buf_t        out;
    assess_document_t   doc, again, torn;
    assess_upload_t     up;
    assess_storages_t  *storages;

    static const struct {
        int64_t  offset;
        size_t   size;
    } ranges[] = {
        { 0, 1 }, { 0, BIG }, { 262143, 2 }, { BIG - 1, 10 }, { BIG, 10 },
        { BIG + 262144, 10 }, { 5, 0 }
    };

    printf("# in %s\n", to);

    data = store_bytes(BIG);
    db = pool(to, &storages);

    is_err(store(db, &scope, data, BIG, &doc, &created), ASSESS_OK, "stored");
    is_int((long long) created, 1, "a new one");
    is_int(objects(to), 1, "as an object");
    is_int(strays(), 0, "which is no stray");
    is_int(store_sql("select count(*) from assess.document_contents"), 0,
           "not in the database");

    is_err(store(db, &scope, data, BIG, &again, &created), ASSESS_OK, "again");
    is_str(again.document_id, doc.document_id, "is the same");
    is_int(objects(to), 1, "and no other object");

    is_err(store(db, &other, data, BIG, &again, &created), ASSESS_OK,
           "another tenant's");
    is_int(objects(to), 2, "is another object");
    is_err(drop(db, &other, again.document_id), ASSESS_OK, "deleted");
    is_int(strays(), 1, "its object strays");
    sweep(db);
    is_int(strays(), 0, "until it is swept");
    is_int(objects(to), 1, "and that one alone");

    memset(&out, 0, sizeof(assess_buf_t));
    failed = 0;

    for (i = 0; i < (int) (sizeof(ranges) / sizeof(ranges[0])); i++) {

        want = ranges[i].offset >= BIG ? 0
               : ranges[i].size < (size_t) (BIG - ranges[i].offset)
                 ? ranges[i].size : (size_t) (BIG - ranges[i].offset);

        assess_buf_reset(&out);
        failed += assess_document_content(db, &scope, doc.document_id,
                                          ranges[i].offset, ranges[i].size,
                                          &out, &store_err) != ASSESS_OK
                  || out.len != want
                  || memcmp(out.data ? out.data : "", data + (want
                            ? ranges[i].offset : 0), want) != 0;
    }

    is_int(failed, 0, "every range to the byte");

    is_err(assess_document_content(db, &other, doc.document_id, 0, 1, &out,
                                   &store_err), ASSESS_NOT_FOUND,
           "another tenant reads nothing");

    is_err(assess_document_open(db, &scope, doc.document_id, &fd, &store_err),
           ASSESS_OK, "opened");
    is_int(fd != -1, strcmp(to, "files") == 0, "where it is a file");

    back = assess_palloc(store_arena, BIG + 1);

    if (fd != -1) {
        is_int((long long) pread(fd, back, BIG + 1, 0), BIG, "all of it");
        ok(memcmp(back, data, BIG) == 0, "to the byte");
        ok(write(fd, "x", 1) == -1, "to be read only");
        (void) close(fd);
    }

    f = tmpfile();
    is_err(assess_document_copy(db, &scope, doc.document_id, fileno(f),
                                &store_err), ASSESS_OK, "a copy");
    is_int((long long) fread(back, 1, BIG + 1, f), BIG, "of its length");
    ok(memcmp(back, data, BIG) == 0, "to the byte");
    (void) fclose(f);

    /* an upload that turns out to be cut short */

    f = tmpfile();
    (void) fwrite("abc", 1, 3, f);
    (void) fflush(f);
    up = store_upload("torn", "abcdef", 6);
    up.fd = fileno(f);

    is_err(assess_documents_store(db, store_arena, &scope, &up, 1, &torn,
                                  &created, &store_err), ASSESS_ERROR,
           "a file cut short");
    (void) fclose(f);
    is_int(objects(to), 1, "leaves no object");

    if (strcmp(to, "bucket") == 0) {
        is_int(strays(), 1, "but the request may yet be carried out");
        (void) store_sql("update assess.stray_objects set due = now()");
        sweep(db);
    }

    is_int(strays(), 0, "and no row");

    /* a name that is none of ours */

    (void) snprintf(sql, sizeof(sql), "update assess.documents set object ="
                    " '../../etc/passwd', filename = object where document_id"
                    " = '%s'", doc.document_id);
    (void) store_sql(sql);
    assess_buf_reset(&out);
    is_err(assess_document_content(db, &scope, doc.document_id, 0, 4, &out,
                                   &store_err), ASSESS_FAILED,
           "a path in a row leads nowhere");
    is_int((long long) out.len, 0, "and gives nothing");
    is_str(store_err.code, "document_missing", "it is missing");
    ok(strstr(store_err.message, "passwd") == NULL, "without a name");

    (void) store_sql("update assess.documents set object = filename"
                     " where object like '..%'");
    is_err(drop(db, &scope, doc.document_id), ASSESS_OK, "deleted");
    sweep(db);
    is_int(objects(to), 0, "nothing is left");

    assess_buf_free(&out);
    pool_end(db, storages);
}


/* Many at once, of which some are known and some come twice */

static void
test_many(const char *to)
{
    int                 i, wrong;
    char                bodies[MANY][32];
    size_t              created;
    assess_db_t        *db;
    assess_buf_t        out;
    assess_upload_t     ups[MANY];
    assess_document_t   docs[MANY];
    assess_storages_t  *storages;

    db = pool(to, &storages);

    for (i = 0; i < MANY; i++) {
        (void) snprintf(bodies[i], sizeof(bodies[i]), "one of many, %d",
                        i % (MANY - 10));
        ups[i] = store_upload("m", bodies[i], strlen(bodies[i]));

        if (i % 3 == 0) {
            (void) store(db, &scope, bodies[i], strlen(bodies[i]), &docs[i],
                         &created);
        }
    }

    is_err(assess_documents_store(db, store_arena, &scope, ups, MANY, docs,
                                  &created, &store_err), ASSESS_OK,
           "many at once");
    is_int(store_sql("select count(*) from assess.documents"), MANY - 10,
           "each once");
    is_int(objects(to), MANY - 10, "as an object");
    is_int(strays(), 0, "and no other");

    memset(&out, 0, sizeof(assess_buf_t));

    for (i = 0, wrong = 0; i < MANY; i++) {
        assess_buf_reset(&out);
        wrong += assess_document_content(db, &scope, docs[i].document_id, 0,
                                         32, &out, &store_err) != ASSESS_OK
                 || strcmp(out.data, bodies[i]) != 0;
    }

    is_int(wrong, 0, "each with its own bytes");

    assess_buf_free(&out);
    (void) store_sql("delete from assess.documents");
    sweep(db);
    is_int(objects(to), 0, "which all go");

    pool_end(db, storages);
}


/*
 * Everybody stores and deletes the same few documents, and sweeps: what is a
 * document at the end can be read, and nothing else is left.
 */

static assess_db_t  *race_db;
static int           race_wrong;

static void *
race_run(void *data)
{
    int                 i, k, wrong;
    char                body[32], id[ASSESS_UUID_LEN + 1];
    int64_t             n;
    size_t              created;
    unsigned            seed;
    assess_buf_t        out;
    assess_err_e        rc;
    assess_err_t        err;
    assess_arena_t     *arena;
    assess_upload_t     up;
    assess_document_t   doc;
    char              (*jobs)[37];
    size_t              njobs;

    wrong = 0;
    seed = (unsigned) (size_t) data;
    memset(&out, 0, sizeof(assess_buf_t));
    arena = assess_arena_create();

    for (i = 0; i < ROUNDS; i++) {

        k = (int) (rand_r(&seed) % 3);
        (void) snprintf(body, sizeof(body), "race %d", k);
        up = store_upload("r", body, strlen(body));

        rc = assess_documents_store(race_db, arena, &scope, &up, 1, &doc,
                                    &created, &err);

        /* deleted between our two looks: that is told, and nothing else */

        if (rc != ASSESS_OK) {
            wrong += rc != ASSESS_UNAVAILABLE
                          || strstr(err.message, "very moment") == NULL;
            continue;
        }

        memcpy(id, doc.document_id, sizeof(id));
        assess_buf_reset(&out);

        rc = assess_document_content(race_db, &scope, id, 0, 32, &out, &err);

        if (rc == ASSESS_OK) {
            wrong += out.len != strlen(body)
                          || memcmp(out.data, body, out.len) != 0;
        }

        if (rand_r(&seed) % 2) {
            (void) assess_document_delete(race_db, arena, &scope, id, &jobs,
                                          &njobs, &err);
        }

        if (rand_r(&seed) % 3 == 0) {
            (void) assess_storages_sweep(race_db, &n, &err);
        }
    }

    (void) __atomic_fetch_add(&race_wrong, wrong, __ATOMIC_SEQ_CST);

    assess_buf_free(&out);
    assess_arena_destroy(arena);

    return NULL;
}


static void
test_race(const char *to)
{
    size_t              i;
    pthread_t           threads[THREADS];
    assess_storages_t  *storages;

    race_db = pool(to, &storages);
    race_wrong = 0;

    for (i = 0; i < THREADS; i++) {
        (void) pthread_create(&threads[i], NULL, race_run, (void *) (i + 1));
    }

    for (i = 0; i < THREADS; i++) {
        (void) pthread_join(threads[i], NULL);
    }

    sweep(race_db);

    is_int(race_wrong, 0, "no reader and no writer saw anything wrong");
    is_int(strays(), 0, "nothing strays");
    is_int(objects(to),
           store_sql("select count(*) from assess.documents"
                     " where object is not null"),
           "as many objects as documents");

    (void) store_sql("delete from assess.documents");
    sweep(race_db);
    is_int(objects(to), 0, "which go with their rows, whoever deletes those");

    pool_end(race_db, storages);
}


/* It took so long that the object was swept meanwhile */

static void
then_sweep(void)
{
    int64_t             n;
    assess_db_t        *db;
    assess_err_t        err;
    hooked_t            keep;
    assess_storages_t  *storages;

    keep = hooked;
    (void) store_sql("update assess.stray_objects set due = now()");
    db = pool("hooked", &storages);
    (void) assess_storages_sweep(db, &n, &err);
    pool_end(db, storages);
    hooked = keep;
}


/* The server goes when the transaction is to be committed */

static void
then_break(void)
{
    (void) store_sql("create or replace function assess.test_break()"
                     " returns trigger language plpgsql as $$ begin"
                     " perform pg_terminate_backend(pg_backend_pid());"
                     " return null; end $$;"
                     " create constraint trigger test_break after insert"
                     " on assess.documents deferrable initially deferred"
                     " for each row execute function assess.test_break()");
}


static void
test_moments(void)
{
    size_t              created;
    assess_db_t        *db;
    assess_document_t   doc;
    assess_storages_t  *storages;

    db = pool("hooked", &storages);

    /* it has its mark before something is done in between */

    is_err(store(db, &scope, "first", 5, &doc, &created), ASSESS_OK, "one");

    hooked.then = then_sweep;
    is_err(store(db, &scope, "slow", 4, &doc, &created), ASSESS_UNAVAILABLE,
           "swept before it was a document's");
    is_int(store_sql("select count(*) from assess.documents"), 1,
           "it is no document");
    is_int(objects("hooked"), 1, "and no object");
    is_int(strays(), 0, "nor a row");

    hooked.then = then_break;
    is_err(store(db, &scope, "lost", 4, &doc, &created), ASSESS_UNAVAILABLE,
           "the connection is lost with the commit");
    hooked.then = NULL;
    (void) store_sql("drop trigger test_break on assess.documents");
    is_int(store_sql("select count(*) from assess.documents"), 1,
           "it is no document");
    is_int(objects("hooked") + (int) strays(), 1, "and leaves nothing");

    hooked.refuse = 1;
    is_err(store(db, &scope, "full", 4, &doc, &created), ASSESS_UNAVAILABLE,
           "all was written, and it fails then");
    ok(strstr(store_err.message, "/secret") == NULL, "clients get no detail");
    is_str(logged, "storage \"hooked\" cannot be written: refused at /secret",
           "the log does");
    is_int(objects("hooked"), 1, "it is removed");
    is_int(strays(), 0, "its row, too");

    hooked.refuse = 0;
    is_err(store(db, &scope, "full", 4, &doc, &created), ASSESS_UNAVAILABLE,
           "for a moment nobody tries again");
    pause_over();
    is_err(store(db, &scope, "full", 4, &doc, &created), ASSESS_OK,
           "then one does");
    ok(strncmp(logged, "storage \"hooked\" can be written again after ", 43)
       == 0, "and that is said");

    (void) store_sql("delete from assess.documents");
    sweep(db);
    is_int(objects("hooked"), 0, "all is gone");

    pool_end(db, storages);
}


static void
test_bucket(void)
{
    char                sql[256];
    size_t              created;
    assess_db_t        *db;
    assess_buf_t        out;
    assess_document_t   doc, lost;
    assess_storages_t  *storages;

    memset(&out, 0, sizeof(assess_buf_t));
    db = pool("bucket", &storages);

    is_err(store(db, &scope, "in a bucket", 11, &doc, &created), ASSESS_OK,
           "one in a bucket");

    fault("503 1");
    is_err(assess_document_content(db, &scope, doc.document_id, 0, 11, &out,
                                   &store_err), ASSESS_UNAVAILABLE,
           "it does not answer");
    ok(strstr(store_err.message, "docs") == NULL, "the client is told so");
    ok(strstr(logged, "bucket \"docs\" with 503") != NULL, "the log has more");
    pause_over();
    is_err(assess_document_content(db, &scope, doc.document_id, 0, 11, &out,
                                   &store_err), ASSESS_OK, "then it does");

    fault("403 1");
    is_err(store(db, &scope, "refused", 7, &doc, &created),
           ASSESS_UNAVAILABLE, "it refuses to store");
    is_int(strays(), 1, "what may come late is known");
    is_int(store_sql("select count(*) from assess.stray_objects"
                     " where due > now() + interval '30 minutes'"), 1,
           "for a while");
    pause_over();

    stopping = 1;
    is_err(store(db, &scope, "stopped", 7, &doc, &created), ASSESS_STOPPING,
           "the process is to end");
    stopping = 0;
    (void) store_sql("update assess.stray_objects set due = now()");
    sweep(db);
    is_int(strays(), 0, "it is swept");

    is_err(store(db, &scope, "to be lost", 10, &lost, &created), ASSESS_OK,
           "one more");
    (void) snprintf(sql, sizeof(sql), "update assess.documents set object ="
                    " object || 'x' where document_id = '%s'",
                    lost.document_id);
    (void) store_sql(sql);
    is_err(assess_document_content(db, &scope, lost.document_id, 0, 10, &out,
                                   &store_err), ASSESS_FAILED,
           "an object that is not there");
    is_str(store_err.code, "document_missing", "is missing");

    fault("404 9");
    is_err(assess_document_content(db, &scope, lost.document_id, 0, 10, &out,
                                   &store_err), ASSESS_UNAVAILABLE,
           "but not where nothing is");
    fault("404 0");
    pause_over();

    (void) store_sql("delete from assess.documents");
    fault("503 1");
    sweep(db);
    ok(strays() > 0, "what cannot be removed stays known");
    pause_over();
    (void) store_sql("update assess.stray_objects set due = now()");
    sweep(db);
    is_int(strays(), 0, "until it can");

    assess_buf_free(&out);
    pool_end(db, storages);
}


static void
test_unknown(void)
{
    size_t              created;
    assess_db_t        *db;
    assess_buf_t        out;
    assess_document_t   doc;
    assess_storages_t  *storages;

    memset(&out, 0, sizeof(assess_buf_t));
    db = pool("files", &storages);

    is_err(store(db, &scope, "elsewhere", 9, &doc, &created), ASSESS_OK,
           "one in a directory");

    is_err(assess_document_content(store_db, &scope, doc.document_id, 0, 9,
                                   &out, &store_err), ASSESS_UNAVAILABLE,
           "without its storage it cannot be read");
    is_err(drop(store_db, &scope, doc.document_id), ASSESS_OK,
           "but deleted");
    is_int(strays(), 1, "for whoever has the storage");
    sweep(db);
    is_int(objects("files"), 0, "to sweep it");

    assess_storages_to(storages, "postgresql");
    is_err(store(db, &scope, "in rows", 7, &doc, &created), ASSESS_OK,
           "one in the database");
    assess_buf_reset(&out);
    is_err(assess_document_content(db, &scope, doc.document_id, 0, 7, &out,
                                   &store_err), ASSESS_OK, "is read there");
    is_str(out.data, "in rows", "to the byte");

    assess_buf_free(&out);
    pool_end(db, storages);
}


static void
tidy(void)
{
    char  command[256];

    (void) kill(server, SIGTERM);
    (void) waitpid(server, NULL, 0);

    (void) snprintf(command, sizeof(command), "rm -r %s", dir);
    ok(system(command) == 0, "nothing is left");
}


int
main(void)
{
    if (!store_begin(1)) {
        return 0;
    }

    scope = store_scope("acme", "ann");
    other = store_scope("other", NULL);

    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    (void) snprintf(files, sizeof(files), "%s/files", dir);
    (void) snprintf(other_files, sizeof(other_files), "%s/other", dir);
    (void) snprintf(bucket, sizeof(bucket), "%s/bucket", dir);
    (void) mkdir(files, 0700);
    (void) mkdir(other_files, 0700);
    (void) mkdir(bucket, 0700);

    (void) curl_global_init(CURL_GLOBAL_ALL);

    ok(start_server(), "a bucket is served");

    test_alike("files");
    test_alike("bucket");
    test_alike("hooked");
    test_many("files");
    test_many("bucket");
    test_race("files");
    test_race("bucket");
    test_moments();
    test_bucket();
    test_unknown();

    tidy();

    return store_end();
}
