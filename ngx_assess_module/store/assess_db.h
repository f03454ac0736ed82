
/*
 * The connections to PostgreSQL, and the schema.  Every function blocks and
 * belongs on a pool thread; the pool itself may be used by many at once.
 */

#ifndef ASSESS_DB_H
#define ASSESS_DB_H


#include "../base/assess_base.h"


typedef struct assess_db_s  assess_db_t;

/* see assess_storage.h */
struct assess_storages_s;


/*
 * Called once when the database was found to be away (ms is 0, why says how),
 * and once when it answers again, ms later.  On whichever thread found it.
 */
typedef void (*assess_contact_pt)(void *ctx, int away, int64_t ms,
    const char *why);


typedef struct {
    const char  *conninfo;           /* libpq connection string or URI */
    int          connections;        /* open at most; opened when needed */
    int          acquire_ms;         /* wait for a free one at most */
    int          connect_ms;
    int          statement_ms;       /* statement_timeout of each session */
    int          transaction_ms;     /* see below; 0: no limit */
    int          idle_ms;            /* an idle one is checked after this */
    int          lifetime_ms;        /* an old one is replaced after this */
    int          gap_ms;             /* see assess_db_steady_ms(); 0: none */

    assess_contact_pt  changed;      /* NULL: nobody is told */
    void              *ctx;

    /* for the bytes of documents, besides the database; NULL: none */
    struct assess_storages_s  *storages;
} assess_db_conf_t;

/*
 * transaction_ms is for a pool whose callers do not wait: how long a
 * transaction may wait in all, from the wait for a connection to its end.
 * What the server answers without delay does not count, so that many small
 * statements, or many pieces of a large document, may take longer; one that
 * waits ends in time.  Then the connection is closed, and with it all that
 * was begun.
 */


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

/* Of the pool: connections that are open, those of them in use, the bound. */
typedef struct {
    int   open;
    int   used;
    int   max;
} assess_db_stats_t;

/* Does not block. */
void assess_db_stats(assess_db_t *db, assess_db_stats_t *stats);

/* A round trip, for readiness: it answers, and takes writes. */
assess_err_e assess_db_check(assess_db_t *db, assess_err_t *err);


/*
 * Whether the database is known to be away; err, where given, says why.  The
 * pool's functions then fail at once, with the same error.  It is 0 too while
 * it is time for somebody to try again.  Any thread, does not block.
 */
int assess_db_away(assess_db_t *db, assess_err_t *err);

/*
 * Since when it has been away, whether somebody tries or not, as a time of
 * assess_mono_ms(); 0: it is there.  Any thread, does not block.
 */
int64_t assess_db_away_since(assess_db_t *db);

/*
 * For how long, in ms of the monotonic clock, contact with the database has
 * been undisturbed.  A disturbance is the time before the first answer, the
 * time for which it is away, or a gap of more than gap_ms between two answers,
 * as after a process was stopped; it counts until the first answer after it.
 * Any thread, does not block.
 */
int64_t assess_db_steady_ms(assess_db_t *db);

/*
 * Nothing that this thread asks of any pool from now on waits beyond this
 * time of assess_mono_ms(), but for what transaction_ms does not count.
 * ASSESS_UNAVAILABLE then.  0 takes the limit away.
 */
void assess_db_until(int64_t deadline);

/*
 * What this thread begins from now on may take so long as a transaction, where
 * transaction_ms is less.  0 takes that away.
 */
void assess_db_patient(int ms);


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
