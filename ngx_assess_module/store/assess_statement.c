
/* Statements: how they are run, their errors, the values of their rows. */

#include "assess_db_int.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* how much later than the server's own limit its word of it may come */
#define ASSESS_LATE_MS   200

/* an answer within so many ms, and one more for each KB, is no delay */
#define ASSESS_QUICK_MS  20

/* so often a waiting caller looks whether others gave the server up */
#define ASSESS_LOOK_MS   250


assess_err_e
assess_db_no_memory(assess_err_t *err)
{
    return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
}


static assess_err_e
assess_conn_lost(assess_conn_t *conn, assess_err_t *err, const char *why)
{
    conn->broken = 1;

    return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                       "the database went away: %s", why);
}


/*
 * What the server refused, by its SQLSTATE (PostgreSQL, appendix A).  Its
 * message may quote what was to be stored, so only the state and the name of
 * a constraint are passed on.
 */

static assess_err_e
assess_conn_error(assess_conn_t *conn, const PGresult *res, assess_err_t *err)
{
    size_t       i;
    const char  *state, *name;

    /* broken: 2, those to the same server lead nowhere either */

    static const struct {
        const char  *prefix;
        const char  *why;
        int          broken;
    } away[] = {
        { "08", "the connection is lost", 1 },
        { "57P", "it is shutting down", 1 },
        { "25P03", "a transaction was idle for too long", 1 },
        { "25006", "it takes no writes", 2 },
        { "26000", "the session is another", 1 },
        { "42P05", "the session is another", 1 },
        { "0A000", "the schema was changed meanwhile", 1 },
        { "57014", "a statement took too long", 0 },
        { "55P03", "a lock was not free in time", 0 },
        { "40", "too many did the same at once", 0 },
        { "53", "it is out of a resource", 0 }
    };

    if (PQresultStatus(res) == PGRES_PIPELINE_ABORTED) {
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "a statement was not run");
    }

    state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    if (state == NULL) {
        return assess_conn_lost(conn, err, "the connection is lost");
    }

    (void) snprintf(conn->sqlstate, sizeof(conn->sqlstate), "%s", state);

    for (i = 0; i < sizeof(away) / sizeof(away[0]); i++) {

        if (strncmp(state, away[i].prefix, strlen(away[i].prefix)) != 0) {
            continue;
        }

        if (away[i].broken) {
            conn->broken = 1;
        }

        if (away[i].broken == 2) {
            assess_contact_renew(conn->contact);
        }

        return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                           "the database cannot do it now: %s (SQLSTATE %s)",
                           away[i].why, state);
    }

    name = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);

    return assess_fail(err, ASSESS_ERROR, "internal",
                       "the database refused a statement: SQLSTATE %s%s%s",
                       state, name ? ", constraint " : "", name ? name : "");
}


/*
 * Until there is something to read, all being sent; 0, or -1 when it is lost,
 * -2 too late.
 */

static int
assess_conn_io(assess_conn_t *conn, int64_t began, int64_t deadline)
{
    int            n, flush, wait;
    int64_t        now, left;
    PGconn        *pg;
    struct pollfd  pfd;

    pg = conn->pg;

    for ( ;; ) {

        flush = PQflush(pg);
        if (flush < 0) {
            return -1;
        }

        if (!PQisBusy(pg)) {
            return 0;
        }

        wait = -1;
        now = assess_mono_ms();

        if (deadline) {
            left = deadline - now;
            if (left <= 0) {
                return -2;
            }
            wait = left > INT32_MAX ? INT32_MAX : (int) left;
        }

        if (conn->impatient && !conn->altered) {

            if (assess_contact_lost_since(conn->contact, began)
                && now - began > ASSESS_LOOK_MS * 4)
            {
                return -2;
            }

            if (wait < 0 || wait > ASSESS_LOOK_MS) {
                wait = ASSESS_LOOK_MS;
            }
        }

        pfd.fd = PQsocket(pg);
        pfd.events = (short) (POLLIN | (flush ? POLLOUT : 0));
        pfd.revents = 0;

        n = poll(&pfd, 1, wait);

        if (n < 0 && errno != EINTR) {
            return -1;
        }

        if (n > 0 && (pfd.revents & ~POLLOUT) && !PQconsumeInput(pg)) {
            return -1;
        }
    }
}


/*
 * Whoever has heard nothing for longer than the server itself would take to
 * say that it was too long knows that it is away; one whose own time is over
 * does not.
 */

static assess_err_e
assess_conn_silent(assess_conn_t *conn, int64_t waited, int limit,
    assess_err_t *err)
{
    (void) assess_conn_lost(conn, err, "no answer in time");

    if (limit && waited >= limit) {
        assess_contact_bad(conn->contact, err);
    }

    return err->kind;
}


/* How long an answer is waited for that is asked for now; 0: for ever */

static int
assess_conn_limit(const assess_conn_t *conn)
{
    return conn->local_ms ? conn->local_ms + ASSESS_LATE_MS : conn->timeout_ms;
}


static int64_t
assess_conn_until(const assess_conn_t *conn, int64_t now)
{
    int      limit;
    int64_t  until;

    limit = assess_conn_limit(conn);
    until = limit ? now + limit : 0;

    if (conn->deadline && (until == 0 || conn->deadline < until)) {
        until = conn->deadline;
    }

    return until;
}


void
assess_db_clock(assess_conn_t *conn, int64_t now)
{
    conn->clock = now ? now - assess_mono_ms() : 0;
}


assess_err_e
assess_db_given_up(assess_conn_t *conn, int64_t *when, assess_err_t *err)
{
    int64_t    until;
    PGresult  *res;

    *when = INT64_MAX;

    if (conn->clock == 0) {

        res = assess_db_exec(conn, "select assess.ms(clock_timestamp())",
                             NULL, err);
        if (res == NULL) {
            return err->kind;
        }

        assess_db_clock(conn, assess_col_int(res, 0, 0));
        PQclear(res);
    }

    until = assess_conn_until(conn, assess_mono_ms());

    if (until) {
        *when = until + conn->clock;
    }

    return ASSESS_OK;
}


assess_err_e
assess_conn_wait(assess_conn_t *conn, PGresult **out, assess_err_t *err)
{
    int              rc, limit;
    int64_t          began, deadline;
    PGresult        *res, *last;
    ExecStatusType   status;

    last = NULL;
    began = assess_mono_ms();

    limit = assess_conn_limit(conn);
    deadline = assess_conn_until(conn, began);

    for ( ;; ) {

        rc = assess_conn_io(conn, began, deadline);

        if (rc == -2) {
            PQclear(last);
            return assess_conn_silent(conn, assess_mono_ms() - began, limit,
                                      err);
        }

        if (rc == -1 && PQstatus(conn->pg) == CONNECTION_OK) {
            PQclear(last);
            return assess_conn_lost(conn, err, "the connection is lost");
        }

        /* of a connection that failed, the server's last word may be here */

        res = PQgetResult(conn->pg);
        if (res == NULL) {
            break;
        }

        status = PQresultStatus(last);

        if (last && status == PGRES_FATAL_ERROR) {
            PQclear(res);
            continue;
        }

        PQclear(last);
        last = res;

        if (PQstatus(conn->pg) != CONNECTION_OK) {
            break;
        }
    }

    if (last == NULL) {
        return assess_conn_lost(conn, err, "the connection is lost");
    }

    status = PQresultStatus(last);

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        assess_contact_good(conn->contact);
        *out = last;
        return ASSESS_OK;
    }

    if (PQstatus(conn->pg) != CONNECTION_OK) {
        conn->broken = 1;
    }

    (void) assess_conn_error(conn, last, err);
    PQclear(last);

    return err->kind;
}


/* The name of the statement in this connection, prepared when it is not yet */

static assess_err_e
assess_conn_prepare(assess_conn_t *conn, const char *sql, char name[24],
    assess_err_t *err)
{
    int        i;
    PGresult  *res;

    for (i = 0; i < conn->nprepared; i++) {
        if (conn->prepared[i] == sql) {
            break;
        }
    }

    (void) snprintf(name, 24, "assess_%d", i);

    if (i < conn->nprepared) {
        return ASSESS_OK;
    }

    if (i == ASSESS_PREPARED_MAX) {
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "too many prepared statements");
    }

    if (!PQsendPrepare(conn->pg, name, sql, 0, NULL)) {
        return assess_conn_lost(conn, err, "it cannot be written to");
    }

    if (conn->pipe) {
        conn->prepared_at[conn->nprepared] = conn->queued++;

    } else if (assess_conn_wait(conn, &res, err) == ASSESS_OK) {
        PQclear(res);

    } else {
        return err->kind;
    }

    conn->prepared[conn->nprepared++] = sql;

    return ASSESS_OK;
}


/* What is answered without delay takes nothing from a transaction's time */

static void
assess_conn_quick(assess_conn_t *conn, const assess_args_t *args,
    int64_t took)
{
    int      i;
    int64_t  bytes;

    bytes = 0;

    for (i = 0; args && i < args->n; i++) {
        bytes += args->lengths[i];
    }

    if (conn->local_ms && took <= ASSESS_QUICK_MS + bytes / 1024) {
        conn->deadline += took;
    }
}


/*
 * What begins a transaction, and what ends it, is prepared as all else: the
 * server need not read it each time.
 */

static const char  assess_begin_sql[] = "begin";
static const char  assess_commit_sql[] = "commit";
static const char  assess_local_sql[] =
    "select set_config('statement_timeout', $1, true)";


static assess_err_e
assess_conn_push(assess_conn_t *conn, const char *sql, const char *arg,
    assess_err_t *err)
{
    char  name[24];

    if (assess_conn_prepare(conn, sql, name, err) != ASSESS_OK) {
        return err->kind;
    }

    return PQsendQueryPrepared(conn->pg, name, arg != NULL, &arg, NULL, NULL,
                               0)
           ? ASSESS_OK
           : assess_conn_lost(conn, err, "it cannot be written to");
}


/* From here on the connection's statements are sent without being waited for */

static assess_err_e
assess_conn_pipe(assess_conn_t *conn, assess_err_t *err)
{
    char  ms[16];

    if (conn->pipe) {
        return ASSESS_OK;
    }

    if (!PQenterPipelineMode(conn->pg)) {
        return assess_conn_lost(conn, err, "it cannot be written to");
    }

    conn->pipe = 1;
    conn->queued = 0;
    memset(conn->wanted, 0, sizeof(conn->wanted));
    conn->known = conn->nprepared;

    if (!conn->begin) {
        return ASSESS_OK;
    }

    conn->begin = 0;

    if (assess_conn_push(conn, assess_begin_sql, NULL, err) != ASSESS_OK) {
        return err->kind;
    }

    conn->queued++;

    if (conn->local_ms == 0) {
        return ASSESS_OK;
    }

    (void) snprintf(ms, sizeof(ms), "%d", conn->local_ms);

    if (assess_conn_push(conn, assess_local_sql, ms, err) != ASSESS_OK) {
        return err->kind;
    }

    conn->queued++;

    return ASSESS_OK;
}


static assess_err_e
assess_conn_send(assess_conn_t *conn, const char *sql, assess_args_t *args,
    int prepared, int binary, assess_err_t *err)
{
    int   n, sent;
    char  name[24];

    conn->sqlstate[0] = '\0';

    if (conn->broken) {
        return assess_conn_lost(conn, err, "the connection is lost");
    }

    if (args && args->failed) {
        return assess_db_no_memory(err);
    }

    if (conn->begin && assess_conn_pipe(conn, err) != ASSESS_OK) {
        return err->kind;
    }

    n = args ? args->n : 0;

    if (prepared) {

        if (assess_conn_prepare(conn, sql, name, err) != ASSESS_OK) {
            return err->kind;
        }

        sent = PQsendQueryPrepared(conn->pg, name, n,
                                   n ? args->values : NULL,
                                   n ? args->lengths : NULL,
                                   n ? args->formats : NULL, binary);

    } else {
        sent = PQsendQueryParams(conn->pg, sql, n, NULL,
                                 n ? args->values : NULL,
                                 n ? args->lengths : NULL,
                                 n ? args->formats : NULL, binary);
    }

    return sent ? ASSESS_OK
           : assess_conn_lost(conn, err, "it cannot be written to");
}


/* The end of what was sent together: all of it has been answered then */

static assess_err_e
assess_conn_sync(assess_conn_t *conn, assess_err_t *err)
{
    int        rc;
    PGresult  *res;

    rc = assess_conn_io(conn, assess_mono_ms(), conn->deadline);
    res = rc == 0 ? PQgetResult(conn->pg) : NULL;

    if (PQresultStatus(res) != PGRES_PIPELINE_SYNC) {
        PQclear(res);
        return assess_conn_lost(conn, err, "the connection is lost");
    }

    PQclear(res);

    if (!PQexitPipelineMode(conn->pg)) {
        return assess_conn_lost(conn, err, "the connection is lost");
    }

    conn->pipe = 0;

    return ASSESS_OK;
}


/*
 * The answer to the statement at this place of what was sent together, when
 * all of that is answered.  The first error is told: what comes behind it in
 * a pipeline is not run.
 */

static PGresult **
assess_conn_wanted(assess_conn_t *conn, int at)
{
    return at < ASSESS_AHEAD_MAX ? conn->wanted[at] : NULL;
}


static PGresult *
assess_conn_receive(assess_conn_t *conn, int at, assess_err_t *err)
{
    int            i, n, done;
    PGresult      *res, *one, **wanted;
    assess_err_e   rc;
    assess_err_t   other;

    if (!conn->pipe) {
        return assess_conn_wait(conn, &res, err) == ASSESS_OK ? res : NULL;
    }

    rc = ASSESS_OK;
    res = NULL;
    n = conn->queued;
    done = 0;

    for (i = 0; i < n && !conn->broken; i++) {

        one = NULL;

        if (rc == ASSESS_OK) {
            rc = assess_conn_wait(conn, &one, err);
            done += rc == ASSESS_OK;

        } else {
            (void) assess_conn_wait(conn, &one, &other);
        }

        wanted = assess_conn_wanted(conn, i);

        if (i == at) {
            res = one;

        } else if (wanted) {
            *wanted = one;

        } else {
            PQclear(one);
        }
    }

    if (!conn->broken
        && assess_conn_sync(conn, rc == ASSESS_OK ? err : &other)
           != ASSESS_OK
        && rc == ASSESS_OK)
    {
        rc = err->kind;
    }

    if (rc == ASSESS_OK) {
        return res;
    }

    /*
     * What was to be prepared behind the error was not; what was before it is
     * prepared, though its transaction is rolled back.
     */

    while (conn->nprepared > conn->known
           && conn->prepared_at[conn->nprepared - 1] >= done)
    {
        conn->nprepared--;
    }

    PQclear(res);

    for (i = 0; i < n; i++) {
        wanted = assess_conn_wanted(conn, i);

        if (wanted) {
            PQclear(*wanted);
            *wanted = NULL;
        }
    }

    return NULL;
}


static PGresult *
assess_conn_exec(assess_conn_t *conn, const char *sql, assess_args_t *args,
    int prepared, int binary, int commit, assess_err_t *err)
{
    int        at;
    int64_t    began;
    PGresult  *res;

    at = 0;
    res = NULL;
    began = assess_mono_ms();

    if ((commit && assess_conn_pipe(conn, err) != ASSESS_OK)
        || assess_conn_send(conn, sql, args, prepared, binary, err)
           != ASSESS_OK)
    {
        goto done;
    }

    if (conn->pipe) {
        at = conn->queued++;
    }

    if (commit) {
        if (assess_conn_push(conn, assess_commit_sql, NULL, err)
            != ASSESS_OK)
        {
            goto done;
        }

        conn->queued++;
    }

    if (conn->pipe && !PQpipelineSync(conn->pg)) {
        (void) assess_conn_lost(conn, err, "it cannot be written to");
        goto done;
    }

    res = assess_conn_receive(conn, at, err);

    assess_conn_quick(conn, args, assess_mono_ms() - began);

done:

    if (args) {
        assess_args_free(args);
    }

    return res;
}


assess_err_e
assess_db_later(assess_conn_t *conn, const char *sql, assess_args_t *args,
    assess_err_t *err)
{
    assess_err_e  rc;

    rc = assess_conn_pipe(conn, err);

    if (rc == ASSESS_OK) {
        rc = assess_conn_send(conn, sql, args, 1, 0, err);
    }

    if (rc == ASSESS_OK) {
        conn->queued++;
    }

    if (args) {
        assess_args_free(args);
    }

    return rc;
}


assess_err_e
assess_db_ahead(assess_conn_t *conn, const char *sql, assess_args_t *args,
    PGresult **res, assess_err_t *err)
{
    *res = NULL;

    if (assess_db_later(conn, sql, args, err) != ASSESS_OK) {
        return err->kind;
    }

    if (conn->queued > ASSESS_AHEAD_MAX) {
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "too many statements at once");
    }

    conn->wanted[conn->queued - 1] = res;

    return ASSESS_OK;
}


assess_err_e
assess_db_flush(assess_conn_t *conn, assess_err_t *err)
{
    int64_t  began;

    if (!conn->pipe) {
        return ASSESS_OK;
    }

    began = assess_mono_ms();

    if (!PQpipelineSync(conn->pg)) {
        return assess_conn_lost(conn, err, "it cannot be written to");
    }

    err->kind = ASSESS_OK;
    (void) assess_conn_receive(conn, -1, err);

    assess_conn_quick(conn, NULL, assess_mono_ms() - began);

    return err->kind;
}


PGresult *
assess_db_exec_commit(assess_conn_t *conn, const char *sql,
    assess_args_t *args, assess_err_t *err)
{
    return assess_conn_exec(conn, sql, args, 1, 0, 1, err);
}


PGresult *
assess_db_exec(assess_conn_t *conn, const char *sql, assess_args_t *args,
    assess_err_t *err)
{
    return assess_conn_exec(conn, sql, args, 1, 0, 0, err);
}


PGresult *
assess_db_exec_binary(assess_conn_t *conn, const char *sql,
    assess_args_t *args, assess_err_t *err)
{
    return assess_conn_exec(conn, sql, args, 1, 1, 0, err);
}


PGresult *
assess_db_query(assess_conn_t *conn, const char *sql, assess_args_t *args,
    assess_err_t *err)
{
    return assess_conn_exec(conn, sql, args, 0, 0, 0, err);
}


assess_err_e
assess_db_script(assess_conn_t *conn, const char *sql, assess_err_t *err)
{
    char       begin[80];
    PGresult  *res;

    conn->sqlstate[0] = '\0';

    if (conn->begin) {
        conn->begin = 0;

        (void) snprintf(begin, sizeof(begin), "begin; set local"
                        " statement_timeout = %d", conn->local_ms);

        if (!conn->local_ms) {
            begin[5] = '\0';
        }

        if (assess_db_script(conn, begin, err) != ASSESS_OK) {
            return err->kind;
        }
    }

    if (!PQsendQuery(conn->pg, sql)) {
        return assess_conn_lost(conn, err, "it cannot be written to");
    }

    if (assess_conn_wait(conn, &res, err) != ASSESS_OK) {
        return err->kind;
    }

    PQclear(res);

    return ASSESS_OK;
}


assess_err_e
assess_db_run(assess_conn_t *conn, const char *sql, assess_args_t *args,
    int64_t *rows, assess_err_t *err)
{
    PGresult  *res;

    res = assess_db_exec(conn, sql, args, err);
    if (res == NULL) {
        return err->kind;
    }

    if (rows) {
        *rows = strtoll(PQcmdTuples(res), NULL, 10);
    }

    PQclear(res);

    return ASSESS_OK;
}


int
assess_col_str(assess_arena_t *arena, const PGresult *res, int row, int col,
    assess_str_t *s)
{
    if (PQgetisnull(res, row, col)) {
        s->len = 0;
        s->data = NULL;
        return 0;
    }

    return assess_pstrdup(arena, s, PQgetvalue(res, row, col),
                          (size_t) PQgetlength(res, row, col));
}


int64_t
assess_col_int(const PGresult *res, int row, int col)
{
    return strtoll(PQgetvalue(res, row, col), NULL, 10);
}


double
assess_col_real(const PGresult *res, int row, int col, double none)
{
    if (PQgetisnull(res, row, col)) {
        return none;
    }

    return strtod(PQgetvalue(res, row, col), NULL);
}


void
assess_col_id(const PGresult *res, int row, int col, char *id)
{
    (void) snprintf(id, ASSESS_UUID_LEN + 1, "%s", PQgetvalue(res, row, col));
}
