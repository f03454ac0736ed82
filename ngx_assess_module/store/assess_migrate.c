
/* The schema: the files of sql/, compiled in and applied once each. */

#include "assess_db_int.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#ifndef ASSESS_SQL_DIR
#error "ASSESS_SQL_DIR is not set: the folder of the migrations, as a string"
#endif


/* "assess" in hex: who else would use it */
#define ASSESS_MIGRATE_LOCK  "107148485161843"

/* a migration may rewrite a large table, or wait for one that does */
#define ASSESS_MIGRATE_MS    3600000


#define assess_sql_file(symbol, file)                                        \
    extern const char  symbol[] __attribute__((visibility("hidden")));       \
    extern const char  symbol##_end[] __attribute__((visibility("hidden"))); \
    __asm__(".pushsection .rodata\n"                                         \
            ".global " #symbol "\n"                                          \
            ".hidden " #symbol "\n"                                          \
            #symbol ":\n"                                                    \
            ".incbin \"" ASSESS_SQL_DIR "/" file "\"\n"                      \
            ".global " #symbol "_end\n"                                      \
            ".hidden " #symbol "_end\n"                                      \
            #symbol "_end:\n"                                                \
            ".byte 0\n"                                                      \
            ".popsection\n")


typedef struct {
    int          version;
    const char  *name;
    const char  *sql;
    const char  *end;
} assess_migration_t;


assess_sql_file(assess_sql_0001, "0001_tenants.sql");
assess_sql_file(assess_sql_0002, "0002_documents.sql");
assess_sql_file(assess_sql_0003, "0003_question_sets.sql");
assess_sql_file(assess_sql_0004, "0004_jobs.sql");
assess_sql_file(assess_sql_0005, "0005_events.sql");
assess_sql_file(assess_sql_0006, "0006_reliability.sql");
assess_sql_file(assess_sql_0007, "0007_throughput.sql");
assess_sql_file(assess_sql_0008, "0008_lean_writes.sql");
assess_sql_file(assess_sql_0009, "0009_sources.sql");
assess_sql_file(assess_sql_0010, "0010_storage.sql");
assess_sql_file(assess_sql_0011, "0011_pictures.sql");
assess_sql_file(assess_sql_0012, "0012_lanes.sql");
assess_sql_file(assess_sql_0013, "0013_bill.sql");
assess_sql_file(assess_sql_0014, "0014_notices.sql");
assess_sql_file(assess_sql_0015, "0015_logs.sql");
assess_sql_file(assess_sql_0016, "0016_batches.sql");
assess_sql_file(assess_sql_0017, "0017_eta.sql");
assess_sql_file(assess_sql_0018, "0018_trace.sql");
assess_sql_file(assess_sql_0019, "0019_document_counts.sql");
assess_sql_file(assess_sql_0020, "0020_scanned_pages.sql");


static const assess_migration_t  assess_migrations[] = {
    { 1, "0001_tenants", assess_sql_0001, assess_sql_0001_end },
    { 2, "0002_documents", assess_sql_0002, assess_sql_0002_end },
    { 3, "0003_question_sets", assess_sql_0003, assess_sql_0003_end },
    { 4, "0004_jobs", assess_sql_0004, assess_sql_0004_end },
    { 5, "0005_events", assess_sql_0005, assess_sql_0005_end },
    { 6, "0006_reliability", assess_sql_0006, assess_sql_0006_end },
    { 7, "0007_throughput", assess_sql_0007, assess_sql_0007_end },
    { 8, "0008_lean_writes", assess_sql_0008, assess_sql_0008_end },
    { 9, "0009_sources", assess_sql_0009, assess_sql_0009_end },
    { 10, "0010_storage", assess_sql_0010, assess_sql_0010_end },
    { 11, "0011_pictures", assess_sql_0011, assess_sql_0011_end },
    { 12, "0012_lanes", assess_sql_0012, assess_sql_0012_end },
    { 13, "0013_bill", assess_sql_0013, assess_sql_0013_end },
    { 14, "0014_notices", assess_sql_0014, assess_sql_0014_end },
    { 15, "0015_logs", assess_sql_0015, assess_sql_0015_end },
    { 16, "0016_batches", assess_sql_0016, assess_sql_0016_end },
    { 17, "0017_eta", assess_sql_0017, assess_sql_0017_end },
    { 18, "0018_trace", assess_sql_0018, assess_sql_0018_end },
    { 19, "0019_document_counts", assess_sql_0019, assess_sql_0019_end },
    { 20, "0020_scanned_pages", assess_sql_0020, assess_sql_0020_end }
};

#define ASSESS_MIGRATIONS                                                    \
    ((int) (sizeof(assess_migrations) / sizeof(assess_migrations[0])))

/* the newest of them */
#define ASSESS_MIGRATED  assess_migrations[ASSESS_MIGRATIONS - 1].version


static void
assess_migrate_checksum(const assess_migration_t *m, char hex[65])
{
    unsigned char  sum[SHA256_DIGEST_LENGTH];

    (void) SHA256((const unsigned char *) m->sql, (size_t) (m->end - m->sql),
                  sum);
    assess_hex(hex, sum, sizeof(sum));
}


static assess_err_e
assess_migrate_server(assess_conn_t *conn, assess_err_t *err)
{
    int        utf8;
    PGresult  *res;

    if (assess_db_server_version(conn) < 150000) {
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "the database is PostgreSQL %d, "
                           "15 or later is needed",
                           assess_db_server_version(conn) / 10000);
    }

    res = assess_db_exec(conn, "select getdatabaseencoding()", NULL, err);
    if (res == NULL) {
        return err->kind;
    }

    utf8 = strcmp(PQgetvalue(res, 0, 0), "UTF8") == 0;
    PQclear(res);

    if (!utf8) {
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "the database's encoding is not UTF8");
    }

    return ASSESS_OK;
}


static assess_err_e
assess_migrate_refused(assess_conn_t *conn, assess_err_t *err,
    const char *what)
{
    if (strcmp(assess_db_sqlstate(conn), "42501") == 0) {
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "the database role may not %s: let it create in "
                           "the database, or give it a schema \"assess\" of "
                           "its own", what);
    }

    return err->kind;
}


/* Asked first: "if not exists" wants the right to create even if it does */

static assess_err_e
assess_migrate_schema(assess_conn_t *conn, assess_err_t *err)
{
    int        exists, table;
    PGresult  *res;

    res = assess_db_exec(conn, "select to_regnamespace('assess') is not null,"
                         " to_regclass('assess.schema_migrations') is not null",
                         NULL, err);
    if (res == NULL) {
        return err->kind;
    }

    exists = PQgetvalue(res, 0, 0)[0] == 't';
    table = PQgetvalue(res, 0, 1)[0] == 't';
    PQclear(res);

    if (!exists
        && assess_db_script(conn, "create schema assess", err) != ASSESS_OK)
    {
        return assess_migrate_refused(conn, err,
                                      "create the schema \"assess\"");
    }

    if (!table
        && assess_db_script(conn,
               "create table assess.schema_migrations ("
               " version int primary key,"
               " name text not null,"
               " checksum text not null,"
               " applied_at timestamptz not null default now())", err)
           != ASSESS_OK)
    {
        return assess_migrate_refused(conn, err,
                                      "create tables in its schema");
    }

    return ASSESS_OK;
}


/* Checks what was applied; applied gets how many of ours that are */

static assess_err_e
assess_migrate_compare(assess_conn_t *conn, int *applied, assess_err_t *err)
{
    int        i, n, version;
    char       sum[65];
    PGresult  *res;

    res = assess_db_exec(conn, "select version, checksum"
                         " from assess.schema_migrations order by version",
                         NULL, err);
    if (res == NULL) {
        return assess_migrate_refused(conn, err, "read its own schema");
    }

    n = PQntuples(res);
    *applied = n;

    if (n) {
        version = (int) assess_col_int(res, n - 1, 0);

        if (version > ASSESS_MIGRATED) {
            (void) assess_fail(err, ASSESS_ERROR, "internal",
                               "database schema version %d is newer than "
                               "this build (%d): run a newer one, or restore "
                               "an older backup", version, ASSESS_MIGRATED);
            goto failed;
        }
    }

    for (i = 0; i < n; i++) {
        version = (int) assess_col_int(res, i, 0);

        if (version != assess_migrations[i].version) {
            (void) assess_fail(err, ASSESS_ERROR, "internal",
                               "database schema version %d is not recorded, "
                               "but version %d is", i + 1, version);
            goto failed;
        }

        assess_migrate_checksum(&assess_migrations[i], sum);

        if (strcmp(sum, PQgetvalue(res, i, 1)) != 0) {
            (void) assess_fail(err, ASSESS_ERROR, "internal",
                               "database schema version %d was made by "
                               "another \"%s\" than this build has: the "
                               "checksum differs", version,
                               assess_migrations[i].name);
            goto failed;
        }
    }

    PQclear(res);

    return ASSESS_OK;

failed:

    PQclear(res);

    return ASSESS_ERROR;
}


static assess_err_e
assess_migrate_apply(assess_conn_t *conn, const assess_migration_t *m,
    assess_err_t *err)
{
    char           sum[65];
    assess_err_t   ignored;
    assess_args_t  args;

    if (assess_db_run(conn, "begin", NULL, NULL, err) != ASSESS_OK) {
        return err->kind;
    }

    if (assess_db_script(conn, m->sql, err) != ASSESS_OK) {
        goto failed;
    }

    assess_migrate_checksum(m, sum);

    assess_args_init(&args);
    assess_arg_int(&args, m->version);
    assess_arg_cstr(&args, m->name);
    assess_arg_cstr(&args, sum);

    if (assess_db_run(conn, "insert into assess.schema_migrations"
                      " (version, name, checksum) values ($1, $2, $3)",
                      &args, NULL, err) != ASSESS_OK)
    {
        goto failed;
    }

    return assess_db_commit(conn, err);

failed:

    (void) assess_migrate_refused(conn, err, "change its schema");

    if (err->kind == ASSESS_ERROR && assess_db_sqlstate(conn)[0]
        && strcmp(assess_db_sqlstate(conn), "42501") != 0)
    {
        (void) assess_fail(err, ASSESS_ERROR, "internal",
                           "the migration \"%s\" failed: SQLSTATE %s",
                           m->name, assess_db_sqlstate(conn));
    }

    (void) assess_db_run(conn, "rollback", NULL, NULL, &ignored);

    return err->kind;
}


assess_err_e
assess_db_migrate(assess_db_t *db, assess_err_t *err)
{
    int             i, applied;
    assess_err_e    rc;
    assess_err_t    ignored;
    assess_conn_t  *conn;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    applied = 0;

    rc = assess_migrate_server(conn, err);
    if (rc != ASSESS_OK) {
        goto done;
    }

    rc = assess_db_timeout(conn, ASSESS_MIGRATE_MS, err);
    if (rc != ASSESS_OK) {
        goto done;
    }

    rc = assess_db_script(conn,
             "select pg_advisory_lock(" ASSESS_MIGRATE_LOCK ")", err);
    if (rc != ASSESS_OK) {
        goto done;
    }

    rc = assess_migrate_schema(conn, err);

    if (rc == ASSESS_OK) {
        rc = assess_migrate_compare(conn, &applied, err);
    }

    for (i = 0; rc == ASSESS_OK && i < ASSESS_MIGRATIONS; i++) {
        if (i >= applied) {
            rc = assess_migrate_apply(conn, &assess_migrations[i], err);
        }
    }

    /* it goes with the connection where this does not work */

    if (assess_db_script(conn,
            "select pg_advisory_unlock(" ASSESS_MIGRATE_LOCK ")", &ignored)
        != ASSESS_OK)
    {
        conn->broken = 1;
    }

done:

    assess_db_release(conn);

    return rc;
}
