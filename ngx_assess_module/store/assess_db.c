
#include "assess_conninfo.h"
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

/* why no connection was made, where it is not that the server is away */
#define ASSESS_CONN_FULL  "too many connections"

/* a rollback has a chance, though the time is over */
#define ASSESS_ROLLBACK_MS  100


struct assess_db_s {
    assess_db_conf_t   conf;
    char              *conninfo;
    assess_contact_t   contact;
    pthread_mutex_t    mutex;
    pthread_cond_t     freed;
    assess_conn_t     *idle;                  /* the last used in front */
    int                open;
    int64_t            full;                  /* it has none more until then */
    int                hosts;
    int                host;                  /* where the next try begins */
};


static __thread int64_t  assess_db_deadline;
static __thread int      assess_db_patience;


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
    db->hosts = assess_conninfo_hosts(db->conninfo);
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

    if (assess_contact_init(&db->contact, &db->conf) != 0) {
        (void) pthread_mutex_destroy(&db->mutex);
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

    assess_contact_destroy(&db->contact);
    (void) pthread_mutex_destroy(&db->mutex);
    (void) pthread_cond_destroy(&db->freed);
    free(db->conninfo);
    free(db);
}


void
assess_db_stats(assess_db_t *db, assess_db_stats_t *stats)
{
    const assess_conn_t  *conn;

    (void) pthread_mutex_lock(&db->mutex);

    stats->max = db->conf.connections;
    stats->open = db->open;
    stats->used = db->open;

    for (conn = db->idle; conn; conn = conn->next) {
        stats->used--;
    }

    (void) pthread_mutex_unlock(&db->mutex);
}


int
assess_db_away(assess_db_t *db, assess_err_t *err)
{
    return assess_contact_away(&db->contact, err);
}


int64_t
assess_db_away_since(assess_db_t *db)
{
    return assess_contact_away_since(&db->contact);
}


int64_t
assess_db_steady_ms(assess_db_t *db)
{
    return assess_contact_steady_ms(&db->contact);
}


void
assess_db_until(int64_t deadline)
{
    assess_db_deadline = deadline;
}


void
assess_db_patient(int ms)
{
    assess_db_patience = ms;
}


/* How long a transaction may take that this thread begins; 0: for ever */

static int
assess_db_transaction_ms(const assess_db_t *db)
{
    int  ms;

    ms = db->conf.transaction_ms;

    return ms && ms < assess_db_patience ? assess_db_patience : ms;
}


void
assess_db_elsewhere(int64_t ms)
{
    if (assess_db_deadline) {
        assess_db_deadline += ms;
    }
}


struct assess_storages_s *
assess_db_storages(const assess_db_t *db)
{
    return db->conf.storages;
}


/* The earlier one; 0 is none */

static int64_t
assess_db_earlier(int64_t a, int64_t b)
{
    if (a == 0 || b == 0) {
        return a ? a : b;
    }

    return a < b ? a : b;
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
        { "read-only", "it takes no writes" },
        { "hot standby", "it takes no writes" },
        { "too many", ASSESS_CONN_FULL },
        { "remaining connection slots", ASSESS_CONN_FULL },
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


/*
 * A machine that is gone says nothing: the kernel asks after 3 seconds of
 * silence, three times, a second apart.
 */

static PGconn *
assess_conn_connect(assess_db_t *db)
{
    int             host;
    assess_hosts_t  from;

    /* what stands in front of dbname may be set otherwise in conninfo */

    const char  *keywords[] = {
        "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
        "keepalives_count", "fallback_application_name", "dbname",
        "client_encoding", NULL, NULL, NULL, NULL
    };
    const char  *values[] = {
        "6000", "3", "1", "3", "ngx_assess", db->conninfo, "UTF8", NULL, NULL,
        NULL, NULL
    };

    (void) pthread_mutex_lock(&db->mutex);
    host = db->host;
    (void) pthread_mutex_unlock(&db->mutex);

    if (host) {
        assess_conninfo_from(db->conninfo, host, &from);

        keywords[7] = "host";
        values[7] = from.host;
        keywords[8] = "hostaddr";
        values[8] = from.hostaddr;
        keywords[9] = "port";
        values[9] = from.port;
    }

    return PQconnectStartParams(keywords, values, 1);
}


/*
 * search_path: every name is written with its schema, so that nothing else
 * can be meant.  idle_in_transaction_session_timeout: a process that is
 * stopped in a transaction must not hold its locks for ever.
 * client_connection_check_interval: nor must a statement whose caller has
 * gone; not every system the server runs on can do that.
 *
 * Plans are made once, when the tables may still be empty, and each statement
 * is written for an index: that is what the planner is to look for.
 */

static assess_err_e
assess_conn_setup(assess_conn_t *conn, assess_err_t *err)
{
    int   ms;
    char  sql[640];

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
        "set jit = off;"
        "set plan_cache_mode = force_generic_plan;"
        "set enable_seqscan = off;"
        "set enable_bitmapscan = off;"
        "set enable_sort = off",
        ms, ms < 10000 ? 10000 : ms);

    conn->altered = 0;
    conn->timeout_ms = ms + ASSESS_GRACE_MS;

    if (assess_db_script(conn, sql, err) != ASSESS_OK) {
        return err->kind;
    }

    if (assess_db_script(conn, "set client_connection_check_interval = 500",
                         err) != ASSESS_OK && conn->broken)
    {
        return err->kind;
    }

    return ASSESS_OK;
}


/* Which one of several hosts was silent is not known: the first, most likely */

static void
assess_conn_silent_host(assess_db_t *db)
{
    (void) pthread_mutex_lock(&db->mutex);
    db->host = (db->host + 1) % db->hosts;
    (void) pthread_mutex_unlock(&db->mutex);
}


/*
 * "full" is no reason to stay away: the server is there, and those that are
 * connected are served.  All else is.
 */

static assess_err_e
assess_conn_refused(assess_db_t *db, int timeout, int64_t waited,
    const char *reason, assess_err_t *err)
{
    (void) assess_fail(err, ASSESS_UNAVAILABLE,
                       strcmp(reason, ASSESS_CONN_FULL) == 0 ? "full" : NULL,
                       "the database cannot be reached: %s", reason);

    if (timeout) {
        assess_conn_silent_host(db);
    }

    /* a caller who came late has not waited for long enough to know */

    if (err->code == NULL
        && (!timeout || waited * 2 >= db->conf.connect_ms))
    {
        assess_contact_bad(&db->contact, err);
    }

    return err->kind;
}


static assess_err_e
assess_conn_open(assess_db_t *db, int64_t deadline, assess_conn_t **out,
    assess_err_t *err)
{
    int             rc;
    const char     *reason;
    assess_conn_t  *conn;

    conn = calloc(1, sizeof(assess_conn_t));
    if (conn == NULL) {
        return assess_db_no_memory(err);
    }

    conn->db = db;
    conn->contact = &db->contact;
    conn->generation = assess_contact_generation(&db->contact);
    conn->opened = assess_mono_ms();
    conn->impatient = db->conf.transaction_ms != 0;
    conn->deadline = assess_db_earlier(deadline,
                                       conn->opened + db->conf.connect_ms);

    conn->pg = assess_conn_connect(db);
    if (conn->pg == NULL) {
        free(conn);
        return assess_db_no_memory(err);
    }

    (void) PQsetNoticeReceiver(conn->pg, assess_conn_notice, NULL);

    rc = PQstatus(conn->pg) == CONNECTION_BAD ? -1
         : assess_conn_poll(conn->pg, conn->deadline);

    if (rc != 0) {
        reason = rc == -2 ? "no answer in time"
                 : assess_conn_reason(PQerrorMessage(conn->pg));
        (void) assess_conn_refused(db, rc == -2,
                                   assess_mono_ms() - conn->opened, reason,
                                   err);
        assess_conn_close(conn);
        return err->kind;
    }

    if (PQsetnonblocking(conn->pg, 1) != 0) {
        assess_conn_close(conn);
        return assess_db_no_memory(err);
    }

    if (assess_conn_setup(conn, err) != ASSESS_OK) {

        if (conn->broken) {
            assess_contact_bad(&db->contact, err);
        }

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
 * long may have lost its server without a word; one from before its server was
 * away, or began to refuse writes, may lead to another one than a new one.
 */

static int
assess_conn_usable(assess_conn_t *conn, int64_t deadline)
{
    int64_t        now;
    assess_err_t   err;
    struct pollfd  pfd;

    now = assess_mono_ms();

    if (now - conn->opened > conn->db->conf.lifetime_ms
        || conn->generation != assess_contact_generation(conn->contact))
    {
        return 0;
    }

    pfd.fd = PQsocket(conn->pg);
    pfd.events = POLLIN;
    pfd.revents = 0;

    if (poll(&pfd, 1, 0) != 0) {
        return 0;
    }

    if (now - conn->used > conn->db->conf.idle_ms) {

        conn->deadline = assess_db_earlier(deadline,
                                           now + conn->db->conf.connect_ms);

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


/*
 * An idle connection, or leave to open one (NULL then).  While the server has
 * no place for more those that are open have to do.
 */

static assess_err_e
assess_db_take(assess_db_t *db, int64_t deadline, assess_conn_t **conn,
    assess_err_t *err)
{
    int              room;
    int64_t          now, until;
    struct timespec  ts;

    (void) pthread_mutex_lock(&db->mutex);

    for ( ;; ) {

        now = assess_mono_ms();

        room = db->open < db->conf.connections
               && (db->open == 0 || now >= db->full);

        if (db->idle || room || now >= deadline) {
            break;
        }

        until = now < db->full ? assess_db_earlier(db->full, deadline)
                               : deadline;

        assess_db_wait_until(&ts, until);
        (void) pthread_cond_timedwait(&db->freed, &db->mutex, &ts);
    }

    *conn = db->idle;

    if (*conn) {
        db->idle = (*conn)->next;

    } else if (room) {
        db->open++;
    }

    (void) pthread_mutex_unlock(&db->mutex);

    if (*conn == NULL && !room) {
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


/* The server has no place: whether there are others, to be waited for */

static int
assess_db_full(assess_db_t *db)
{
    int  others;

    (void) pthread_mutex_lock(&db->mutex);
    others = db->open > 1;
    db->full = assess_mono_ms() + ASSESS_CONTACT_PAUSE;
    (void) pthread_mutex_unlock(&db->mutex);

    return others;
}


static assess_err_e
assess_db_get(assess_db_t *db, int64_t deadline, assess_conn_t **conn,
    assess_err_t *err)
{
    int      full;
    int64_t  until;

    if (assess_contact_enter(&db->contact, err) != ASSESS_OK) {
        return err->kind;
    }

    until = assess_db_earlier(deadline,
                              assess_mono_ms() + db->conf.acquire_ms);

    for ( ;; ) {

        if (assess_db_take(db, until, conn, err) != ASSESS_OK) {
            return err->kind;
        }

        if (*conn == NULL) {

            if (assess_conn_open(db, deadline, conn, err) == ASSESS_OK) {
                break;
            }

            full = err->code && strcmp(err->code, "full") == 0;

            if (full && !assess_db_full(db)) {
                assess_contact_bad(&db->contact, err);
                full = 0;
            }

            assess_db_forget(db);

            if (!full) {
                return err->kind;
            }

            continue;
        }

        if (assess_conn_usable(*conn, until)) {
            break;
        }

        assess_conn_close(*conn);
        assess_db_forget(db);
    }

    (*conn)->deadline = deadline;
    (*conn)->local_ms = 0;
    (*conn)->begin = 0;

    return ASSESS_OK;
}


assess_err_e
assess_db_acquire(assess_db_t *db, assess_conn_t **conn, assess_err_t *err)
{
    return assess_db_get(db, assess_db_deadline, conn, err);
}


void
assess_db_release(assess_conn_t *conn)
{
    assess_db_t   *db;
    assess_err_t   err;

    db = conn->db;

    if (conn->deadline
        && conn->deadline < assess_mono_ms() + ASSESS_ROLLBACK_MS)
    {
        conn->deadline = assess_mono_ms() + ASSESS_ROLLBACK_MS;
    }

    conn->begin = 0;

    /* what was sent along, and given up before it was answered */

    if (conn->pipe) {
        conn->broken = 1;
    }

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


/*
 * The server's own limit for a statement leaves its answer time to come: who
 * hears nothing at all is not waiting for a lock.
 */

static int
assess_conn_local_ms(const assess_conn_t *conn)
{
    int      ms;
    int64_t  left;

    left = conn->deadline - assess_mono_ms();
    ms = assess_db_transaction_ms(conn->db) * 2 / 3;

    if (left < ms) {
        ms = left > 1 ? (int) left : 1;
    }

    return ms;
}


assess_err_e
assess_db_begin(assess_db_t *db, assess_conn_t **conn, assess_err_t *err)
{
    int      ms;
    int64_t  deadline;

    ms = assess_db_transaction_ms(db);
    deadline = assess_db_deadline;

    if (ms) {
        deadline = assess_db_earlier(deadline, assess_mono_ms() + ms);
    }

    if (assess_db_get(db, deadline, conn, err) != ASSESS_OK) {
        return err->kind;
    }

    /* it goes out with the first statement */

    (*conn)->begin = 1;

    if ((*conn)->impatient) {
        (*conn)->local_ms = assess_conn_local_ms(*conn);
    }

    return ASSESS_OK;
}


assess_err_e
assess_db_commit(assess_conn_t *conn, assess_err_t *err)
{
    if (conn->begin) {
        conn->begin = 0;                     /* nothing was done in it */
        return ASSESS_OK;
    }

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
    int             reads;
    assess_err_e    rc;
    PGresult       *res;
    assess_conn_t  *conn;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    rc = ASSESS_OK;
    res = assess_db_exec(conn, "select pg_is_in_recovery()", NULL, err);

    if (res == NULL) {
        rc = err->kind;

    } else {
        reads = PQgetvalue(res, 0, 0)[0] == 't';
        PQclear(res);

        if (reads) {
            assess_contact_renew(conn->contact);
            conn->broken = 1;
            rc = assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                             "the database cannot do it now: it takes no"
                             " writes");
        }
    }

    assess_db_release(conn);

    return rc;
}
