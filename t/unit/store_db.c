
/* sources: store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */


/* The pool, the schema, and a server that goes away. */

#include "store.h"

#include <sys/socket.h>
#include <netinet/in.h>


#define THREADS  8


static void *
migrate_thread(void *arg)
{
    assess_db_t   *db;
    assess_err_t   err;
    assess_err_e  *rc = arg;

    db = store_pool(1);
    *rc = assess_db_migrate(db, &err);
    assess_db_destroy(db);

    return NULL;
}


static void
test_migrate(void)
{
    int           i;
    pthread_t     threads[THREADS];
    assess_err_e  rc[THREADS];

    for (i = 0; i < THREADS; i++) {
        (void) pthread_create(&threads[i], NULL, migrate_thread, &rc[i]);
    }

    for (i = 0; i < THREADS; i++) {
        (void) pthread_join(threads[i], NULL);
        is_err(rc[i], ASSESS_OK, "eight at once make one schema");
    }

    is_int(store_sql("select count(*) from assess.schema_migrations"),
           store_sql("select max(version) from assess.schema_migrations"),
           "each migration once");
    is_int(store_sql("select count(*) from pg_locks"
                     " where locktype = 'advisory'"), 0, "no lock is left");

    is_err(assess_db_migrate(store_db, &store_err), ASSESS_OK,
           "and nothing to do any more");

    store_sql("insert into assess.schema_migrations"
              " values (1000, 'later', 'x')");
    is_err(assess_db_migrate(store_db, &store_err), ASSESS_ERROR,
           "a newer database is refused");
    ok(strstr(store_err.message, "version 1000 is newer than this build")
       != NULL, "and told so");
    store_sql("delete from assess.schema_migrations where version = 1000");

    store_sql("update assess.schema_migrations set checksum = 'x'"
              " where version = 2");
    is_err(assess_db_migrate(store_db, &store_err), ASSESS_ERROR,
           "a changed one, too");
    ok(strstr(store_err.message, "checksum differs") != NULL, "told so");

    store_sql("delete from assess.schema_migrations where version = 2");
    is_err(assess_db_migrate(store_db, &store_err), ASSESS_ERROR,
           "one with a gap, too");
}


/*
 * An owner may take a right from itself; from a superuser nobody can, and
 * there this is left out.
 */

static void
test_refused(void)
{
    (void) store_sql("drop schema assess cascade");
    (void) store_sql("do $$ begin execute format('revoke create on database"
                     " %I from current_user', current_database()); end $$");

    if (store_sql("select has_database_privilege(current_database(),"
                  " 'create')::int") == 1)
    {
        ok(1, "refusals # SKIP this role may do everything");

    } else {
        is_err(assess_db_migrate(store_db, &store_err), ASSESS_ERROR,
               "a role that may not create a schema");
        ok(strstr(store_err.message, "may not create the schema") != NULL,
           "is told what it lacks");
    }

    (void) store_sql("do $$ begin execute format('grant create on database"
                     " %I to current_user', current_database()); end $$");
    (void) store_sql("create schema assess");
    (void) store_sql("do $$ begin execute format('revoke create on database"
                     " %I from current_user', current_database()); end $$");

    is_err(assess_db_migrate(store_db, &store_err), ASSESS_OK,
           "one with a schema of its own needs no more");

    (void) store_sql("do $$ begin execute format('grant create on database"
                     " %I to current_user', current_database()); end $$");
}


static void
test_errors(void)
{
    PGresult       *res;
    assess_str_t    s;
    assess_args_t   args;
    assess_conn_t  *conn;

    (void) assess_db_acquire(store_db, &conn, &store_err);

    assess_args_init(&args);
    s = store_str("a secret of a document");
    assess_arg_text(&args, &s);
    res = assess_db_query(conn, "select cast($1::text as int)", &args,
                          &store_err);
    ok(res == NULL, "a statement that fails");
    is_int(store_err.kind, ASSESS_ERROR, "is an error");
    ok(strstr(store_err.message, "secret") == NULL, "that tells no content");
    ok(strstr(store_err.message, "22P02") != NULL, "but the SQLSTATE");

    is_err(assess_db_run(conn, "begin", NULL, NULL, &store_err), ASSESS_OK,
           "a transaction");
    (void) assess_db_run(conn, "create temp table t (i int)", NULL, NULL,
                         &store_err);
    assess_db_release(conn);

    (void) assess_db_acquire(store_db, &conn, &store_err);
    res = assess_db_exec(conn, "select count(*) from pg_class"
                         " where relname = 't'", NULL, &store_err);
    is_int(assess_col_int(res, 0, 0), 0, "is rolled back on release");
    PQclear(res);

    res = assess_db_exec(conn, "select current_setting('search_path') ||"
                         " current_setting('timezone')", NULL, &store_err);
    is_str(PQgetvalue(res, 0, 0), "pg_catalogUTC", "the session's settings");
    PQclear(res);
    assess_db_release(conn);
}


static void
test_lost(void)
{
    int             i, n;
    assess_db_t    *db;
    assess_conn_t  *conn;

    is_err(assess_db_begin(store_db, &conn, &store_err), ASSESS_OK,
           "in a transaction");
    (void) store_sql("select count(pg_terminate_backend(pid))"
                     " from pg_stat_activity where pid <> pg_backend_pid()"
                     " and application_name = 'ngx_assess'");
    is_err(assess_db_run(conn, "select 1", NULL, NULL, &store_err),
           ASSESS_UNAVAILABLE, "the server goes away");
    ok(strstr(store_err.message, "host=") == NULL
       && strstr(store_err.message, "/tmp") == NULL,
       "the message does not name the server");
    is_err(assess_db_run(conn, "select 1", NULL, NULL, &store_err),
           ASSESS_UNAVAILABLE, "and stays away from this connection");
    assess_db_release(conn);

    is_err(assess_db_check(store_db, &store_err), ASSESS_OK,
           "another one is opened");

    for (i = 0, n = 0; i < 5; i++) {
        (void) store_sql("select count(pg_terminate_backend(pid, 5000))"
                         " from pg_stat_activity"
                         " where pid <> pg_backend_pid()"
                         " and application_name = 'ngx_assess'");
        n += assess_db_check(store_db, &store_err) == ASSESS_OK;
    }

    is_int(n, 5, "an idle one that died is replaced unnoticed");

    db = store_pool(2);
    is_err(assess_db_check(db, &store_err), ASSESS_OK, "a second pool");
    assess_db_destroy(db);
}


static void
test_unreachable(void)
{
    int                 fd;
    char                conninfo[256];
    int64_t             began;
    socklen_t           len;
    assess_db_t        *db;
    assess_conn_t      *conn;
    assess_db_conf_t    conf;
    struct sockaddr_in  sin;

    memset(&conf, 0, sizeof(assess_db_conf_t));
    conf.conninfo = "host=/nonexistent/secret dbname=hidden password=pass";
    db = assess_db_create(&conf);
    is_err(assess_db_migrate(db, &store_err), ASSESS_UNAVAILABLE,
           "no server there");
    ok(strstr(store_err.message, "secret") == NULL
       && strstr(store_err.message, "hidden") == NULL
       && strstr(store_err.message, "pass") == NULL, "tells nothing of it");
    assess_db_destroy(db);

    conf.conninfo = "this is no = connection string '";
    db = assess_db_create(&conf);
    is_err(assess_db_check(db, &store_err), ASSESS_UNAVAILABLE,
           "a connection string that is none");
    assess_db_destroy(db);

    /* somebody who takes the connection and says nothing */

    memset(&sin, 0, sizeof(struct sockaddr_in));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(struct sockaddr_in);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    (void) bind(fd, (struct sockaddr *) &sin, len);
    (void) listen(fd, 4);
    (void) getsockname(fd, (struct sockaddr *) &sin, &len);
    (void) snprintf(conninfo, sizeof(conninfo), "host=127.0.0.1 port=%d",
                    ntohs(sin.sin_port));

    conf.conninfo = conninfo;
    conf.connect_ms = 200;
    db = assess_db_create(&conf);
    began = assess_mono_ms();
    is_err(assess_db_check(db, &store_err), ASSESS_UNAVAILABLE,
           "a silent server");
    ok(assess_mono_ms() - began < 2000, "is not waited for");
    assess_db_destroy(db);
    (void) close(fd);

    memset(&conf, 0, sizeof(assess_db_conf_t));
    conf.conninfo = store_conninfo;
    conf.connections = 1;
    conf.acquire_ms = 100;
    conf.statement_ms = 100;
    db = assess_db_create(&conf);
    is_err(assess_db_acquire(db, &conn, &store_err), ASSESS_OK,
           "the only one");
    is_err(assess_db_check(db, &store_err), ASSESS_UNAVAILABLE,
           "no other is given out");
    is_err(assess_db_run(conn, "select pg_sleep(5)", NULL, NULL, &store_err),
           ASSESS_UNAVAILABLE, "a statement has its time");
    is_err(assess_db_run(conn, "select 1", NULL, NULL, &store_err),
           ASSESS_OK, "the connection goes on");
    assess_db_release(conn);
    is_err(assess_db_check(db, &store_err), ASSESS_OK, "and comes back");
    assess_db_destroy(db);
}


typedef struct {
    int  away;
    int  back;
} told_t;


static void
told(void *ctx, int away, int64_t ms, const char *why)
{
    told_t *t = ctx;

    (void) ms;
    (void) why;

    if (away) {
        t->away++;

    } else {
        t->back++;
    }
}


/* Until it is right, 10 s at most */

static int
eventually(int (*right)(void *arg), void *arg)
{
    int64_t  end;

    for (end = assess_mono_ms() + 10000; assess_mono_ms() < end; ) {
        if (right(arg)) {
            return 1;
        }
        (void) usleep(2000);
    }

    return 0;
}


static int
is_there(void *arg)
{
    assess_db_t *db = arg;

    return assess_db_check(db, &store_err) == ASSESS_OK;
}


static int
may_try(void *arg)
{
    assess_db_t *db = arg;

    return !assess_db_away(db, NULL);
}


/* A server that nobody is behind, and then is: a socket's name that is moved */

static void
test_contact(void)
{
    int                i, n;
    char               dir[] = "/tmp/assess-u-XXXXXX";
    char               conninfo[512], from[600], to[100];
    told_t             t;
    assess_db_t       *db;
    assess_err_t       err;
    assess_db_conf_t   conf;

    memset(&t, 0, sizeof(told_t));
    memset(&conf, 0, sizeof(assess_db_conf_t));

    conf.connections = 2;
    conf.changed = told;
    conf.ctx = &t;

    if (mkdtemp(dir) == NULL) {
        ok(0, "mkdtemp()");
        return;
    }

    /* the last host of a string counts, and the socket is found by a link */

    (void) snprintf(conninfo, sizeof(conninfo), "%s host=%s", store_conninfo,
                    dir);
    conf.conninfo = conninfo;
    db = assess_db_create(&conf);

    is_int(assess_db_steady_ms(db), 0, "there was no contact yet");
    ok(!assess_db_away(db, &err), "it is not known to be away");

    is_err(assess_db_check(db, &store_err), ASSESS_UNAVAILABLE, "it is away");
    ok(assess_db_away(db, &err), "and known to be");
    is_str(err.message, store_err.message, "and why");
    is_int(assess_db_steady_ms(db), 0, "contact is disturbed");

    for (i = 0, n = 0; i < 1000; i++) {
        n += assess_db_check(db, &store_err) == ASSESS_UNAVAILABLE;
    }

    is_int(n, 1000, "it is not tried again at once");
    is_int(t.away, 1, "it is told once");

    ok(eventually(may_try, db), "after a while somebody may try");
    is_err(assess_db_check(db, &store_err), ASSESS_UNAVAILABLE, "in vain");
    ok(assess_db_away(db, NULL), "nobody may after that");

    if (sscanf(store_conninfo, "host=%500[^ ]", from) == 1
        && from[0] == '/')
    {
        (void) snprintf(to, sizeof(to), "%s/.s.PGSQL.5432", dir);
        (void) strcat(from, "/.s.PGSQL.5432");
        ok(symlink(from, to) == 0, "its socket is there");

        ok(eventually(is_there, db), "it is back");
        ok(!assess_db_away(db, NULL), "and known to be");
        is_int(t.back, 1, "it is told once");
        ok(assess_db_steady_ms(db) < 10000, "steady since then");

        (void) unlink(to);
    }

    is_int(t.away, 1, "it went away once");
    (void) rmdir(dir);
    assess_db_destroy(db);
}


/* Of two hosts the first takes the connection and says nothing */

static void
test_silent_host(void)
{
    int                 fd;
    char                from[300], conninfo[600];
    socklen_t           len;
    assess_db_t        *db;
    assess_db_conf_t    conf;
    struct sockaddr_in  sin;

    if (sscanf(store_conninfo, "host=%255[^ ] port=5432", from) != 1) {
        ok(1, "a silent host # SKIP needs a host and a port");
        return;
    }

    memset(&sin, 0, sizeof(struct sockaddr_in));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(struct sockaddr_in);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    (void) bind(fd, (struct sockaddr *) &sin, len);
    (void) listen(fd, 4);
    (void) getsockname(fd, (struct sockaddr *) &sin, &len);
    (void) snprintf(conninfo, sizeof(conninfo), "%s host=127.0.0.1,%s"
                    " port=%d,5432", store_conninfo, from,
                    ntohs(sin.sin_port));

    memset(&conf, 0, sizeof(assess_db_conf_t));
    conf.conninfo = conninfo;
    conf.connect_ms = 300;
    db = assess_db_create(&conf);

    is_err(assess_db_check(db, &store_err), ASSESS_UNAVAILABLE,
           "the first host says nothing");
    ok(eventually(is_there, db), "the next try begins with the second");

    assess_db_destroy(db);
    (void) close(fd);
}


static void
test_gap(void)
{
    int64_t            ms;
    assess_db_t       *db;
    assess_db_conf_t   conf;

    memset(&conf, 0, sizeof(assess_db_conf_t));
    conf.conninfo = store_conninfo;
    conf.connections = 1;
    conf.gap_ms = 100;
    db = assess_db_create(&conf);

    is_err(assess_db_check(db, &store_err), ASSESS_OK, "first contact");
    (void) usleep(150000);
    is_int(assess_db_steady_ms(db), 0, "a long silence");
    is_err(assess_db_check(db, &store_err), ASSESS_OK, "then an answer");
    ms = assess_db_steady_ms(db);
    ok(ms < 100, "steady since that, or silent again");
    ok(!assess_db_away(db, NULL), "it was never away for that");
    assess_db_destroy(db);
}


/*
 * A pool whose callers do not wait: a lock is waited for until the server says
 * so, a transaction as a whole has its time, and what moves on has more.
 */

static void
test_impatient(void)
{
    int                i, n;
    int64_t            began;
    assess_db_t       *db;
    assess_conn_t     *conn, *other;
    assess_db_conf_t   conf;

    memset(&conf, 0, sizeof(assess_db_conf_t));
    conf.conninfo = store_conninfo;
    conf.connections = 2;
    conf.acquire_ms = 100;
    conf.transaction_ms = 600;
    db = assess_db_create(&conf);

    (void) store_sql("create table if not exists assess.u (i int)");

    is_err(assess_db_begin(store_db, &other, &store_err), ASSESS_OK,
           "somebody");
    is_err(assess_db_run(other, "lock table assess.u in access exclusive mode",
                         NULL, NULL, &store_err), ASSESS_OK, "has a lock");

    is_err(assess_db_begin(db, &conn, &store_err), ASSESS_OK, "a transaction");
    began = assess_mono_ms();
    is_err(assess_db_run(conn, "insert into assess.u values (1)", NULL,
                         NULL, &store_err), ASSESS_UNAVAILABLE, "waits for it");
    ok(strstr(store_err.message, "57014") != NULL, "until the server ends it");
    ok(assess_mono_ms() - began < 5000, "not for as long as others would");
    ok(!conn->broken && !assess_db_away(db, NULL), "the server is not away");
    assess_db_release(conn);
    assess_db_release(other);

    is_err(assess_db_begin(db, &conn, &store_err), ASSESS_OK, "another one");

    for (i = 0, n = 0; i < 50 && n == i; i++) {
        n += assess_db_run(conn, "select pg_sleep(0.15)", NULL, NULL,
                           &store_err) == ASSESS_OK;
    }

    ok(n > 0 && n < 10, "that is slow has its time: %d", n);
    ok(conn->broken, "and its connection is closed");
    ok(!assess_db_away(db, NULL), "but the server is not away");
    assess_db_release(conn);

    is_err(assess_db_begin(db, &conn, &store_err), ASSESS_OK, "one more");
    began = assess_mono_ms();

    for (i = 0, n = 0; assess_mono_ms() - began < 900 && n == i; i++) {
        n += assess_db_run(conn, "select 1", NULL, NULL, &store_err)
             == ASSESS_OK;
    }

    is_int(n, i, "that moves on has more");
    is_err(assess_db_commit(conn, &store_err), ASSESS_OK, "to its end");
    assess_db_release(conn);

    assess_db_until(assess_mono_ms() + 100);
    is_err(assess_db_acquire(db, &conn, &store_err), ASSESS_OK, "a caller");
    is_err(assess_db_run(conn, "select pg_sleep(20)", NULL, NULL, &store_err),
           ASSESS_UNAVAILABLE, "has less time where it says so");
    assess_db_release(conn);
    assess_db_until(0);

    is_err(assess_db_check(db, &store_err), ASSESS_OK, "others go on");
    ok(assess_db_steady_ms(db) >= 100, "nothing was disturbed");
    is_int(store_sql("select count(*) from assess.u"), 0, "nothing is left");
    (void) store_sql("drop table assess.u");
    assess_db_destroy(db);
}


/*
 * A statement that is prepared and then fails, in one go with its begin, is
 * prepared all the same: it can fail again, and the next one be prepared.
 */

static void
test_prepared(void)
{
    int             i;
    PGresult       *res;
    assess_conn_t  *conn;

    static const char  bad[] = "select 1 / (select count(*)::int from"
                               " pg_class where relname = 'none at all')";
    static const char  good[] = "select 7";

    for (i = 0; i < 3; i++) {
        is_err(assess_db_begin(store_db, &conn, &store_err), ASSESS_OK,
               "a transaction");
        ok(assess_db_exec(conn, bad, NULL, &store_err) == NULL, "it fails");
        is_str(store_err.message, "the database refused a statement: SQLSTATE"
               " 22012", "by a division");
        assess_db_release(conn);

        is_err(assess_db_begin(store_db, &conn, &store_err), ASSESS_OK,
               "the next one");
        res = assess_db_exec(conn, good, NULL, &store_err);
        ok(res != NULL, "does not");
        PQclear(res);
        assess_db_release(conn);
    }
}


int
main(void)
{
    if (!store_begin(0)) {
        return 0;
    }

    test_migrate();
    test_refused();
    test_errors();
    test_prepared();
    test_lost();
    test_unreachable();
    test_contact();
    test_silent_host();
    test_gap();
    test_impatient();

    return store_end();
}
