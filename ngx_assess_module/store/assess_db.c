
#include "assess_db_int.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


/*
 * The server ends a statement that takes too long; a server that does not
 * even do that any more is given up this much later.
 */
#define ASSESS_GRACE_MS  2000


struct assess_db_s {
    assess_db_conf_t   conf;
    char              *conninfo;
    pthread_mutex_t    mutex;
    pthread_cond_t     freed;
    assess_conn_t     *idle;                  /* the last used in front */
    int                open;
};


static int
assess_db_default(int value, int standard)
{
    return value > 0 ? value : standard;
}


assess_db_t *
assess_db_create(const assess_db_conf_t *conf)
{
    assess_db_t         *db;
    pthread_condattr_t   attr;

    db = calloc(1, sizeof(assess_db_t));
    if (db == NULL) {
        return NULL;
    }

    db->conninfo = strdup(conf->conninfo ? conf->conninfo : "");
    if (db->conninfo == NULL) {
        goto failed;
    }

    db->conf = *conf;
    db->conf.conninfo = db->conninfo;
    db->conf.connections = assess_db_default(conf->connections, 4);
    db->conf.acquire_ms = assess_db_default(conf->acquire_ms, 5000);
    db->conf.connect_ms = assess_db_default(conf->connect_ms, 5000);
    db->conf.statement_ms = assess_db_default(conf->statement_ms, 30000);
    db->conf.idle_ms = assess_db_default(conf->idle_ms, 30000);
    db->conf.lifetime_ms = assess_db_default(conf->lifetime_ms, 3600000);

    if (pthread_condattr_init(&attr) != 0) {
        goto failed;
    }

    if (pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0
        || pthread_cond_init(&db->freed, &attr) != 0)
    {
        (void) pthread_condattr_destroy(&attr);
        goto failed;
    }

    (void) pthread_condattr_destroy(&attr);

    if (pthread_mutex_init(&db->mutex, NULL) != 0) {
        (void) pthread_cond_destroy(&db->freed);
        goto failed;
    }

    return db;

failed:

    free(db->conninfo);
    free(db);

    return NULL;
}


static void
assess_conn_close(assess_conn_t *conn)
{
    PQfinish(conn->pg);
    free(conn);
}


void
assess_db_destroy(assess_db_t *db)
{
    assess_conn_t  *conn;

    if (db == NULL) {
        return;
    }

    while (db->idle) {
        conn = db->idle;
        db->idle = conn->next;
        assess_conn_close(conn);
    }

    (void) pthread_mutex_destroy(&db->mutex);
    (void) pthread_cond_destroy(&db->freed);
    free(db->conninfo);
    free(db);
}


/*
 * libpq's own words name the host, the user and the database: an operator
 * finds those in the configuration, a client must not find them in an answer.
 */

static const char *
assess_conn_reason(const char *message)
{
    size_t  i;

    static const struct {
        const char  *part;
        const char  *reason;
    } reasons[] = {
        { "Connection refused", "connection refused" },
        { "No such file", "its socket does not exist" },
        { "imeout expired", "no answer in time" },
        { "timed out", "no answer in time" },
        { "password", "the password is refused" },
        { "authentication failed", "the login is refused" },
        { "pg_hba.conf", "the login is refused" },
        { "starting up", "it is starting" },
        { "shutting down", "it is shutting down" },
        { "recovery", "it is in recovery" },
        { "too many", "too many connections" },
        { "remaining connection slots", "too many connections" },
        { "does not exist", "no such role or database" },
        { "translate host name", "its host name is unknown" },
        { "invalid connection option", "the connection string is wrong" },
        { "missing \"=\"", "the connection string is wrong" }
    };

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strstr(message, reasons[i].part)) {
            return reasons[i].reason;
        }
    }

    return "connection failed";
}


static void
assess_conn_notice(void *arg, const PGresult *res)
{
    /* a notice is nobody's: libpq would write it to standard error */

    (void) arg;
    (void) res;
}


/* PQconnectdb() would wait for seconds at least, and for each host anew */

static int
assess_conn_poll(PGconn *pg, int64_t deadline)
{
    int            n;
    int64_t        left;
    struct pollfd  pfd;

    PostgresPollingStatusType  status;

    status = PGRES_POLLING_WRITING;

    while (status != PGRES_POLLING_OK) {

        if (status == PGRES_POLLING_FAILED) {
            return -1;
        }

        left = deadline - assess_mono_ms();
        if (left <= 0) {
            return -2;
        }

        pfd.fd = PQsocket(pg);
        pfd.events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        pfd.revents = 0;

        n = poll(&pfd, 1, (int) left);
        if (n > 0) {
            status = PQconnectPoll(pg);

        } else if (n < 0 && errno != EINTR) {
            return -1;
        }
    }

    return 0;
}


static PGconn *
assess_conn_connect(assess_db_t *db)
{
    char  tcp[16];

    /* what stands in front of dbname may be set otherwise in conninfo */

    const char  *keywords[] = {
        "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
        "keepalives_count", "fallback_application_name", "dbname",
        "client_encoding", NULL
    };
    const char  *values[] = {
        tcp, "10", "5", "3", "ngx_assess", db->conninfo, "UTF8", NULL
    };

    (void) snprintf(tcp, sizeof(tcp), "%d",
                    db->conf.statement_ms + ASSESS_GRACE_MS);

    return PQconnectStartParams(keywords, values, 1);
}


/*
 * search_path: every name is written with its schema, so that nothing else
 * can be meant.  idle_in_transaction_session_timeout: a process that is
 * stopped in a transaction must not hold its locks for ever.
 */

static assess_err_e
assess_conn_setup(assess_conn_t *conn, assess_err_t *err)
{
    int   ms;
    char  sql[512];

    ms = conn->db->conf.statement_ms;

    (void) snprintf(sql, sizeof(sql),
        "set statement_timeout = %d;"
        "set idle_in_transaction_session_timeout = %d;"
        "set search_path = pg_catalog;"
        "set client_min_messages = warning;"
        "set timezone = 'UTC';"
        "set default_transaction_isolation = 'read committed';"
        "set default_transaction_read_only = off;"
        "set extra_float_digits = 1;"
        "set bytea_output = 'hex';"
        "set jit = off",
        ms, ms < 10000 ? 10000 : ms);

    conn->altered = 0;
    conn->timeout_ms = ms + ASSESS_GRACE_MS;

    return assess_db_script(conn, sql, err);
}


static assess_err_e
assess_conn_open(assess_db_t *db, assess_conn_t **out, assess_err_t *err)
{
    int             rc;
    const char     *reason;
    assess_conn_t  *conn;

    conn = calloc(1, sizeof(assess_conn_t));
    if (conn == NULL) {
        return assess_db_no_memory(err);
    }

    conn->db = db;
    conn->opened = assess_mono_ms();

    conn->pg = assess_conn_connect(db);
    if (conn->pg == NULL) {
        free(conn);
        return assess_db_no_memory(err);
    }

    (void) PQsetNoticeReceiver(conn->pg, assess_conn_notice, NULL);

    rc = PQstatus(conn->pg) == CONNECTION_BAD ? -1
         : assess_conn_poll(conn->pg, conn->opened + db->conf.connect_ms);

    if (rc != 0) {
        reason = rc == -2 ? "no answer in time"
                 : assess_conn_reason(PQerrorMessage(conn->pg));
        assess_conn_close(conn);
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                           "the database cannot be reached: %s", reason);
    }

    if (PQsetnonblocking(conn->pg, 1) != 0) {
        assess_conn_close(conn);
        return assess_db_no_memory(err);
    }

    if (assess_conn_setup(conn, err) != ASSESS_OK) {
        assess_conn_close(conn);
        return err->kind;
    }

    *out = conn;

    return ASSESS_OK;
}


/*
 * Whether an idle connection can be used.  One that its server has ended is
 * readable, which costs one system call to ask; the little else that a server
 * sends unasked does no harm by costing a connection.  One that was idle for
 * long may have lost its server without a word.
 */

static int
assess_conn_usable(assess_conn_t *conn)
{
    int64_t        now;
    assess_err_t   err;
    struct pollfd  pfd;

    now = assess_mono_ms();

    if (now - conn->opened > conn->db->conf.lifetime_ms) {
        return 0;
    }

    pfd.fd = PQsocket(conn->pg);
    pfd.events = POLLIN;
    pfd.revents = 0;

    if (poll(&pfd, 1, 0) != 0) {
        return 0;
    }

    if (now - conn->used > conn->db->conf.idle_ms) {
        return assess_db_run(conn, "select 1", NULL, NULL, &err) == ASSESS_OK;
    }

    return 1;
}


static void
assess_db_wait_until(struct timespec *ts, int64_t deadline)
{
    ts->tv_sec = (time_t) (deadline / 1000);
    ts->tv_nsec = (long) (deadline % 1000) * 1000000;
}


/* An idle connection, or leave to open one (NULL then) */

static assess_err_e
assess_db_take(assess_db_t *db, int64_t deadline, assess_conn_t **conn,
    assess_err_t *err)
{
    int              rc;
    struct timespec  ts;

    assess_db_wait_until(&ts, deadline);
    rc = 0;

    (void) pthread_mutex_lock(&db->mutex);

    while (db->idle == NULL && db->open >= db->conf.connections && rc == 0) {
        rc = pthread_cond_timedwait(&db->freed, &db->mutex, &ts);
    }

    *conn = db->idle;

    if (*conn) {
        db->idle = (*conn)->next;
        rc = 0;

    } else if (db->open < db->conf.connections) {
        db->open++;
        rc = 0;
    }

    (void) pthread_mutex_unlock(&db->mutex);

    if (rc != 0) {
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                           "all connections to the database are busy");
    }

    return ASSESS_OK;
}


/* One less is open: whoever waits may open another */

static void
assess_db_forget(assess_db_t *db)
{
    (void) pthread_mutex_lock(&db->mutex);
    db->open--;
    (void) pthread_cond_signal(&db->freed);
    (void) pthread_mutex_unlock(&db->mutex);
}


assess_err_e
assess_db_acquire(assess_db_t *db, assess_conn_t **conn, assess_err_t *err)
{
    int64_t  deadline;

    deadline = assess_mono_ms() + db->conf.acquire_ms;

    for ( ;; ) {

        if (assess_db_take(db, deadline, conn, err) != ASSESS_OK) {
            return err->kind;
        }

        if (*conn == NULL) {
            break;
        }

        if (assess_conn_usable(*conn)) {
            return ASSESS_OK;
        }

        assess_conn_close(*conn);
        assess_db_forget(db);
    }

    if (assess_conn_open(db, conn, err) != ASSESS_OK) {
        assess_db_forget(db);
        return err->kind;
    }

    return ASSESS_OK;
}


void
assess_db_release(assess_conn_t *conn)
{
    assess_db_t   *db;
    assess_err_t   err;

    db = conn->db;

    if (!conn->broken && PQstatus(conn->pg) == CONNECTION_OK
        && PQtransactionStatus(conn->pg) != PQTRANS_IDLE
        && assess_db_run(conn, "rollback", NULL, NULL, &err) != ASSESS_OK)
    {
        conn->broken = 1;
    }

    if (!conn->broken && conn->altered
        && assess_conn_setup(conn, &err) != ASSESS_OK)
    {
        conn->broken = 1;
    }

    if (conn->broken || PQstatus(conn->pg) != CONNECTION_OK) {
        assess_conn_close(conn);
        assess_db_forget(db);
        return;
    }

    conn->used = assess_mono_ms();

    (void) pthread_mutex_lock(&db->mutex);
    conn->next = db->idle;
    db->idle = conn;
    (void) pthread_cond_signal(&db->freed);
    (void) pthread_mutex_unlock(&db->mutex);
}


assess_err_e
assess_db_begin(assess_db_t *db, assess_conn_t **conn, assess_err_t *err)
{
    if (assess_db_acquire(db, conn, err) != ASSESS_OK) {
        return err->kind;
    }

    if (assess_db_run(*conn, "begin", NULL, NULL, err) != ASSESS_OK) {
        assess_db_release(*conn);
        return err->kind;
    }

    return ASSESS_OK;
}


assess_err_e
assess_db_commit(assess_conn_t *conn, assess_err_t *err)
{
    return assess_db_run(conn, "commit", NULL, NULL, err);
}


assess_err_e
assess_db_timeout(assess_conn_t *conn, int ms, assess_err_t *err)
{
    char  sql[64];

    (void) snprintf(sql, sizeof(sql), "set statement_timeout = %d", ms);

    conn->altered = 1;
    conn->timeout_ms = ms ? ms + ASSESS_GRACE_MS : 0;

    return assess_db_script(conn, sql, err);
}


int
assess_db_server_version(assess_conn_t *conn)
{
    return PQserverVersion(conn->pg);
}


const char *
assess_db_sqlstate(assess_conn_t *conn)
{
    return conn->sqlstate;
}


assess_err_e
assess_db_check(assess_db_t *db, assess_err_t *err)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = assess_db_run(conn, "select 1", NULL, NULL, err);

    assess_db_release(conn);

    return rc;
}
