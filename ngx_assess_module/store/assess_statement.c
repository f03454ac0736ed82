
/* Statements: their arguments, their errors, the values of their rows. */

#include "assess_db_int.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define ASSESS_REPLACEMENT  "\xEF\xBF\xBD"

/* how much later than the server's own limit its word of it may come */
#define ASSESS_LATE_MS   200

/* an answer within so many ms, and one more for each KB, is no delay */
#define ASSESS_QUICK_MS  20

/* so often a waiting caller looks whether others gave the server up */
#define ASSESS_LOOK_MS   250


void
assess_args_init(assess_args_t *args)
{
    args->n = 0;
    args->failed = 0;
}


void
assess_args_free(assess_args_t *args)
{
    int  i;

    for (i = 0; i < args->n; i++) {
        free(args->owned[i]);
    }

    args->n = 0;
}


/* Takes owned over, in any case */

static void
assess_arg_add(assess_args_t *args, const char *value, size_t len, int format,
    char *owned)
{
    if (args->n == ASSESS_ARGS_MAX || len > INT32_MAX) {
        args->failed = 1;
        free(owned);
        return;
    }

    args->values[args->n] = value;
    args->lengths[args->n] = (int) len;
    args->formats[args->n] = format;
    args->owned[args->n] = owned;
    args->n++;
}


void
assess_arg_null(assess_args_t *args)
{
    assess_arg_add(args, NULL, 0, 0, NULL);
}


static void
assess_arg_number(assess_args_t *args, const char *fmt, double value)
{
    char  *text;

    if (args->n == ASSESS_ARGS_MAX) {
        args->failed = 1;
        return;
    }

    text = args->numbers[args->n];
    (void) snprintf(text, sizeof(args->numbers[0]), fmt, value);
    assess_arg_add(args, text, 0, 0, NULL);
}


void
assess_arg_int(assess_args_t *args, int64_t value)
{
    char  *text;

    if (args->n == ASSESS_ARGS_MAX) {
        args->failed = 1;
        return;
    }

    text = args->numbers[args->n];
    (void) snprintf(text, sizeof(args->numbers[0]), "%lld", (long long) value);
    assess_arg_add(args, text, 0, 0, NULL);
}


void
assess_arg_real(assess_args_t *args, double value)
{
    assess_arg_number(args, "%.17g", value);
}


void
assess_arg_money(assess_args_t *args, double value)
{
    if (!isfinite(value) || value < 0) {
        assess_arg_null(args);
        return;
    }

    /* more than there is would not fit, and is as good as no limit */

    assess_arg_number(args, "%.12f", value > 1e15 ? 1e15 : value);
}


void
assess_arg_id(assess_args_t *args, const char *cstr)
{
    assess_arg_add(args, cstr && cstr[0] ? cstr : NULL, 0, 0, NULL);
}


/* How much at the beginning PostgreSQL takes as it is */

static size_t
assess_text_valid(const char *data, size_t len)
{
    size_t       n;
    uint32_t     cp;
    const char  *p, *end;

    end = data + len;

    for (p = data; p < end; p += n) {
        n = assess_utf8_next(p, end, &cp);
        if (n == 0 || cp == 0) {
            break;
        }
    }

    return (size_t) (p - data);
}


/* Appends text with all that cannot be stored replaced */

static void
assess_text_clean(assess_buf_t *b, const char *data, size_t len)
{
    size_t  n;

    for ( ;; ) {
        n = assess_text_valid(data, len);
        assess_buf_add(b, data, n);

        if (n == len) {
            return;
        }

        assess_buf_str(b, ASSESS_REPLACEMENT);
        data += n + 1;
        len -= n + 1;
    }
}


void
assess_arg_text(assess_args_t *args, const assess_str_t *s)
{
    assess_buf_t  b;

    if (s == NULL || s->data == NULL) {
        assess_arg_null(args);
        return;
    }

    if (assess_text_valid(s->data, s->len) == s->len) {
        assess_arg_add(args, s->data, s->len, 1, NULL);
        return;
    }

    memset(&b, 0, sizeof(assess_buf_t));
    assess_text_clean(&b, s->data, s->len);

    if (b.failed) {
        args->failed = 1;
    }

    assess_arg_add(args, b.data, b.len, 1, b.data);
}


void
assess_arg_cstr(assess_args_t *args, const char *cstr)
{
    assess_str_t  s;

    s.data = (char *) cstr;
    s.len = cstr ? strlen(cstr) : 0;

    assess_arg_text(args, &s);
}


void
assess_arg_bytes(assess_args_t *args, const void *data, size_t len)
{
    assess_arg_add(args, data, len, 1, NULL);
}


void
assess_arg_array(assess_args_t *args, assess_buf_t *array)
{
    assess_buf_str(array, array->len ? "}" : "{}");

    if (array->failed) {
        args->failed = 1;
    }

    assess_arg_add(args, array->data, array->len, 0, array->data);
    memset(array, 0, sizeof(assess_buf_t));
}


void
assess_array_word(assess_buf_t *array, const char *word)
{
    assess_buf_char(array, array->len ? ',' : '{');
    assess_buf_str(array, word && word[0] ? word : "NULL");
}


void
assess_array_int(assess_buf_t *array, int64_t value)
{
    char  text[32];

    (void) snprintf(text, sizeof(text), "%lld", (long long) value);
    assess_array_word(array, text);
}


void
assess_array_real(assess_buf_t *array, double value)
{
    char  text[40];

    (void) snprintf(text, sizeof(text), "%.17g", value);
    assess_array_word(array, text);
}


void
assess_array_add(assess_buf_t *array, const assess_str_t *s)
{
    size_t        n;
    const char   *p, *end, *plain;
    assess_buf_t  clean;

    if (s->data == NULL) {
        assess_array_word(array, NULL);
        return;
    }

    memset(&clean, 0, sizeof(assess_buf_t));

    p = s->data;
    n = s->len;

    if (assess_text_valid(p, n) != n) {
        assess_text_clean(&clean, p, n);
        array->failed |= clean.failed;
        p = clean.data;
        n = clean.len;
    }

    assess_buf_str(array, array->len ? ",\"" : "{\"");

    for (plain = p, end = p + n; p < end; p++) {
        if (*p == '"' || *p == '\\') {
            assess_buf_add(array, plain, (size_t) (p - plain));
            assess_buf_char(array, '\\');
            plain = p;
        }
    }

    assess_buf_add(array, plain, (size_t) (p - plain));
    assess_buf_char(array, '"');

    assess_buf_free(&clean);
}


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
        { "0A000", "the schema was changed meanwhile", 1 },
        { "57014", "a statement took too long", 0 },
        { "55P03", "a lock was not free in time", 0 },
        { "40", "too many did the same at once", 0 },
        { "53", "it is out of a resource", 0 }
    };

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


assess_err_e
assess_conn_wait(assess_conn_t *conn, PGresult **out, assess_err_t *err)
{
    int              rc, limit;
    int64_t          began, deadline;
    PGresult        *res, *last;
    ExecStatusType   status;

    last = NULL;
    began = assess_mono_ms();

    limit = conn->local_ms ? conn->local_ms + ASSESS_LATE_MS
                           : conn->timeout_ms;
    deadline = limit ? began + limit : 0;

    if (conn->deadline && (deadline == 0 || conn->deadline < deadline)) {
        deadline = conn->deadline;
    }

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

    if (assess_conn_wait(conn, &res, err) != ASSESS_OK) {
        return err->kind;
    }

    PQclear(res);
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


static PGresult *
assess_conn_exec(assess_conn_t *conn, const char *sql, assess_args_t *args,
    int prepared, int binary, assess_err_t *err)
{
    int         n, sent;
    char        name[24];
    int64_t     began;
    PGresult   *res;

    res = NULL;
    began = assess_mono_ms();
    conn->sqlstate[0] = '\0';

    if (conn->broken) {
        (void) assess_conn_lost(conn, err, "the connection is lost");
        goto done;
    }

    if (args && args->failed) {
        (void) assess_db_no_memory(err);
        goto done;
    }

    n = args ? args->n : 0;

    if (prepared) {

        if (assess_conn_prepare(conn, sql, name, err) != ASSESS_OK) {
            goto done;
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

    if (!sent) {
        (void) assess_conn_lost(conn, err, "it cannot be written to");
        goto done;
    }

    if (assess_conn_wait(conn, &res, err) != ASSESS_OK) {
        res = NULL;
    }

    assess_conn_quick(conn, args, assess_mono_ms() - began);

done:

    if (args) {
        assess_args_free(args);
    }

    return res;
}


PGresult *
assess_db_exec(assess_conn_t *conn, const char *sql, assess_args_t *args,
    assess_err_t *err)
{
    return assess_conn_exec(conn, sql, args, 1, 0, err);
}


PGresult *
assess_db_exec_binary(assess_conn_t *conn, const char *sql,
    assess_args_t *args, assess_err_t *err)
{
    return assess_conn_exec(conn, sql, args, 1, 1, err);
}


PGresult *
assess_db_query(assess_conn_t *conn, const char *sql, assess_args_t *args,
    assess_err_t *err)
{
    return assess_conn_exec(conn, sql, args, 0, 0, err);
}


assess_err_e
assess_db_script(assess_conn_t *conn, const char *sql, assess_err_t *err)
{
    PGresult  *res;

    conn->sqlstate[0] = '\0';

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
