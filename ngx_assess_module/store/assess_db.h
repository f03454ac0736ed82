
/*
 * The connections to PostgreSQL, and the schema.  Every function blocks and
 * belongs on a pool thread; the pool itself may be used by many at once.
 */

#ifndef ASSESS_DB_H
#define ASSESS_DB_H


#include "../base/assess_base.h"


typedef struct assess_db_s  assess_db_t;


typedef struct {
    const char  *conninfo;           /* libpq connection string or URI */
    int          connections;        /* open at most; opened when needed */
    int          acquire_ms;         /* wait for a free one at most */
    int          connect_ms;
    int          statement_ms;       /* statement_timeout of each session */
    int          idle_ms;            /* an idle one is checked after this */
    int          lifetime_ms;        /* an old one is replaced after this */
} assess_db_conf_t;


/*
 * Whether libpq understands a connection string; connects to nothing.  The
 * message holds nothing of the string, which may hold a password.
 */
assess_err_e assess_db_conninfo_check(const char *conninfo,
    assess_err_t *err);

/*
 * Opens nothing yet.  conf is copied.  NULL is out of memory.  To be called
 * after the fork; destroyed when no thread uses it any more.
 */
assess_db_t *assess_db_create(const assess_db_conf_t *conf);
void assess_db_destroy(assess_db_t *db);

/*
 * Brings the schema up to what this build knows: every file of sql/ once, in
 * order, each in a transaction, under an advisory lock.  ASSESS_UNAVAILABLE
 * when the server cannot be reached (try again); ASSESS_ERROR with a message
 * for an operator when the database is newer than this build, was changed
 * by hand (a checksum differs), is older than PostgreSQL 15, or refuses.
 */
assess_err_e assess_db_migrate(assess_db_t *db, assess_err_t *err);

/* A round trip, for readiness. */
assess_err_e assess_db_check(assess_db_t *db, assess_err_t *err);


/* Whose work is done.  Every statement is scoped by the tenant. */
typedef struct {
    assess_str_t  tenant;            /* 1..128 bytes */
    assess_str_t  user;              /* null: nobody in particular */
} assess_scope_t;


/* Where a page of a list begins, and how many; cursors are opaque text. */
typedef struct {
    int           limit;             /* 1..200 */
    assess_str_t  cursor;            /* null: from the start */
} assess_paging_t;


#endif /* ASSESS_DB_H */
