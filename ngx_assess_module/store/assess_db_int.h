
/*
 * What the files of the store share: a connection, statements with their
 * arguments, transactions, pages of lists.  For the store alone.
 */

#ifndef ASSESS_DB_INT_H
#define ASSESS_DB_INT_H


#include "assess_contact.h"
#include "../base/assess_cursor.h"

#include <libpq-fe.h>


#define ASSESS_ARGS_MAX  48


#define ASSESS_PREPARED_MAX  96

/* statements sent together of which some answers are wanted */
#define ASSESS_AHEAD_MAX     16


typedef struct assess_conn_s  assess_conn_t;

struct assess_conn_s {
    assess_conn_t     *next;                  /* of those that are idle */
    assess_db_t       *db;
    assess_contact_t  *contact;
    PGconn            *pg;
    int64_t            opened;                /* assess_mono_ms() */
    int64_t            used;
    int64_t            deadline;              /* of all it does; 0: none */
    unsigned           generation;
    int                timeout_ms;            /* of a statement, here */
    int                local_ms;              /* in this transaction; or 0 */
    int                impatient;             /* its callers do not wait */
    int                altered;               /* its settings are not ours */
    int                broken;                /* never to be used again */
    int64_t            clock;                 /* its time less ours, in ms; */
                                              /* 0: it is not known */
    int                begin;                 /* to be sent with the next */
    int                pipe;                  /* sent, and not waited for */
    int                queued;                /* statements in there */
    PGresult         **wanted[ASSESS_AHEAD_MAX];
                                              /* of those whose answer is */
    int                known;                 /* prepared before them */
    char               sqlstate[6];
    int                nprepared;
    const char        *prepared[ASSESS_PREPARED_MAX];
    int                prepared_at[ASSESS_PREPARED_MAX];
                                              /* their places in a pipeline */
};


/*
 * The arguments of one statement, added in the order of $1, $2, ...  They are
 * consumed by the call that runs it, whatever comes of it.
 */
typedef struct {
    int          n;
    int          failed;                      /* out of memory, or too many */
    const char  *values[ASSESS_ARGS_MAX];
    char        *owned[ASSESS_ARGS_MAX];
    int          lengths[ASSESS_ARGS_MAX];
    int          formats[ASSESS_ARGS_MAX];
    char         numbers[ASSESS_ARGS_MAX][32];
} assess_args_t;


void assess_args_init(assess_args_t *args);
void assess_args_free(assess_args_t *args);

void assess_arg_null(assess_args_t *args);
void assess_arg_int(assess_args_t *args, int64_t value);
void assess_arg_real(assess_args_t *args, double value);

/* Dollars, in decimal; a negative one is null. */
void assess_arg_money(assess_args_t *args, double value);

/* An id or another word of ours; it is not copied.  "" and NULL are null. */
void assess_arg_id(assess_args_t *args, const char *cstr);

/*
 * Text of any origin: what PostgreSQL refuses (bytes that are no UTF-8, NUL)
 * becomes U+FFFD.  It is copied only then.
 */
void assess_arg_text(assess_args_t *args, const assess_str_t *s);
void assess_arg_cstr(assess_args_t *args, const char *cstr);
/* Text of ours, which it takes over. */
void assess_arg_buf(assess_args_t *args, assess_buf_t *text);

void assess_arg_bytes(assess_args_t *args, const void *data, size_t len);

/* Takes the array over: begun, added to and ended as below. */
void assess_arg_array(assess_args_t *args, assess_buf_t *array);


/*
 * An array, built in an empty buffer of elements of one type: text, uuid, int,
 * bigint, boolean, float8 or bytea.  Text is mended as that of an argument; an
 * id that is none, NULL and null strings are nulls.
 */
void assess_array_add(assess_buf_t *array, const assess_str_t *s);
void assess_array_cstr(assess_buf_t *array, const char *cstr);
void assess_array_id(assess_buf_t *array, const char *id);
void assess_array_int(assess_buf_t *array, int value);
void assess_array_big(assess_buf_t *array, int64_t value);
void assess_array_flag(assess_buf_t *array, int value);
void assess_array_real(assess_buf_t *array, double value);
void assess_array_bytes(assess_buf_t *array, const void *data, size_t len);

/* Dollars, in decimal, as text: numeric has a form of its own. */
void assess_array_money(assess_buf_t *array, double value);

/* An array of those that are ids, whoever wrote them. */
void assess_arg_ids(assess_args_t *args, const assess_str_t *ids, size_t n);


/*
 * A connection of the pool; it is waited for acquire_ms at most.  What it
 * holds open is rolled back when it is released, a broken one is closed.
 */
assess_err_e assess_db_acquire(assess_db_t *db, assess_conn_t **conn,
    assess_err_t *err);
void assess_db_release(assess_conn_t *conn);

/*
 * Acquires and begins.  When a commit fails and the connection is broken then
 * it may have been made all the same.
 */
assess_err_e assess_db_begin(assess_db_t *db, assess_conn_t **conn,
    assess_err_t *err);
assess_err_e assess_db_commit(assess_conn_t *conn, assess_err_t *err);

/* Sends what is to be sent and waits; the error is told by the result. */
assess_err_e assess_conn_wait(assess_conn_t *conn, PGresult **res,
    assess_err_t *err);

/*
 * Runs one statement, prepared once in a connection under the address of its
 * text, which has to be static.  NULL is an error told in err.  args may be
 * NULL.  Values come as text, or in binary from the second.
 */
PGresult *assess_db_exec(assess_conn_t *conn, const char *sql,
    assess_args_t *args, assess_err_t *err);
PGresult *assess_db_exec_binary(assess_conn_t *conn, const char *sql,
    assess_args_t *args, assess_err_t *err);

/*
 * With the commit right behind it, in one round trip: for the last statement
 * of a transaction.  NULL: it was not committed, or, where the connection is
 * broken, nobody knows.
 */
PGresult *assess_db_exec_commit(assess_conn_t *conn, const char *sql,
    assess_args_t *args, assess_err_t *err);

/*
 * Sends a statement whose answer nobody waits for: it goes out with the next
 * one, which fails in its place where it fails.  Within a transaction; args may
 * be NULL.
 */
assess_err_e assess_db_later(assess_conn_t *conn, const char *sql,
    assess_args_t *args, assess_err_t *err);

/*
 * The same, but its answer is kept: res has it after assess_db_flush() or the
 * next statement that is waited for, or is NULL when one of them failed.
 */
assess_err_e assess_db_ahead(assess_conn_t *conn, const char *sql,
    assess_args_t *args, PGresult **res, assess_err_t *err);

/* Waits for all that was sent so; the first error is told. */
assess_err_e assess_db_flush(assess_conn_t *conn, assess_err_t *err);

/* The same as exec for a statement put together for this once. */
PGresult *assess_db_query(assess_conn_t *conn, const char *sql,
    assess_args_t *args, assess_err_t *err);

/* Several statements without arguments at once, as a migration has them. */
assess_err_e assess_db_script(assess_conn_t *conn, const char *sql,
    assess_err_t *err);

/* Where only the number of rows matters, or not even that. */
assess_err_e assess_db_run(assess_conn_t *conn, const char *sql,
    assess_args_t *args, int64_t *rows, assess_err_t *err);

/* For one connection, until it is released: 0 is for ever. */
assess_err_e assess_db_timeout(assess_conn_t *conn, int ms, assess_err_t *err);

int assess_db_server_version(assess_conn_t *conn);

/*
 * What this thread did elsewhere for so many ms does not count for its time of
 * assess_db_until().
 */
void assess_db_elsewhere(int64_t ms);

struct assess_storages_s *assess_db_storages(const assess_db_t *db);

/* The SQLSTATE of the last error, or "". */
const char *assess_db_sqlstate(assess_conn_t *conn);

/*
 * When the caller gives the next statement up, by the server's own clock, in
 * ms: a server that stood still meanwhile can tell by it that nobody waits any
 * more. It errs to the early side.  now is the server's time in an answer that
 * just came; 0: what is known is wrong.
 */
assess_err_e assess_db_given_up(assess_conn_t *conn, int64_t *when,
    assess_err_t *err);
void assess_db_clock(assess_conn_t *conn, int64_t now);


/* Values of a row.  A null is a null string, 0, -1 or "". */
int assess_col_str(assess_arena_t *arena, const PGresult *res, int row,
    int col, assess_str_t *s);
int64_t assess_col_int(const PGresult *res, int row, int col);
double assess_col_real(const PGresult *res, int row, int col, double none);
void assess_col_id(const PGresult *res, int row, int col, char *id);


assess_err_e assess_db_no_memory(assess_err_t *err);

/* ASSESS_INVALID for a tenant or a user that cannot be one. */
assess_err_e assess_scope_check(const assess_scope_t *scope,
    assess_err_t *err);

/* Makes the tenant and the user known; writes only when they are new. */
assess_err_e assess_scope_provision(assess_conn_t *conn,
    const assess_scope_t *scope, assess_err_t *err);

/* Whether that was done before, in a transaction that is committed. */
int assess_scope_known(const assess_db_t *db, const assess_scope_t *scope);
void assess_scope_learned(const assess_db_t *db, const assess_scope_t *scope);


/*
 * A page of a list newest first, of a statement that ends in its conditions:
 * adds where the cursor goes on, the order and one row more than the limit,
 * and runs it.  time and id are the columns that are ordered by.  The
 * arguments are freed; NULL with err.
 */
PGresult *assess_db_page(assess_conn_t *conn, assess_buf_t *sql,
    assess_args_t *args, const char *time, const char *id,
    const assess_paging_t *paging, assess_err_t *err);


#endif /* ASSESS_DB_INT_H */
