
/*
 * Notices: what is told to others, in a table that is written in the
 * transaction of the fact (assess_notice_int.h), and sent from there by any
 * worker, again and again under the same id until somebody has it or the time
 * for it is over.
 */

#ifndef ASSESS_NOTICE_H
#define ASSESS_NOTICE_H


#include "assess_db.h"


typedef enum {
    ASSESS_NOTICE_WEBHOOK = 0,
    ASSESS_NOTICE_EMAIL
} assess_notice_e;


/* One that is to be sent now. */
typedef struct {
    char              notice_id[ASSESS_UUID_LEN + 1];
    assess_notice_e   kind;
    assess_str_t      target;        /* a URL, or an address; NUL-terminated */
    assess_str_t      origin;        /* scheme, host and port of it */
    assess_str_t      body;          /* JSON, the same at each try */
    int64_t           created_at;    /* ms */
    int64_t           age_ms;
    int               tries;         /* with this one */
} assess_notice_t;


typedef enum {
    ASSESS_NOTICE_DELIVERED = 0,
    ASSESS_NOTICE_AGAIN,
    ASSESS_NOTICE_GIVEN_UP
} assess_notice_told_e;


/* What came of it. */
typedef struct {
    char                   notice_id[ASSESS_UUID_LEN + 1];
    int                    tries;    /* of which try; others stay as they are */
    assess_notice_told_e   told;
    int64_t                after_ms;           /* until the next one */
    char                   error[256];         /* "": none */
} assess_notice_told_t;


/* What is claimed, of which origins, and for how long nobody else has it. */
typedef struct {
    int                    limit;    /* in all */
    int                    each;     /* of one origin */
    const assess_str_t    *busy;     /* origins of which nothing is wanted */
    size_t                 nbusy;
    int                    lease_ms;
} assess_notice_claim_t;


/*
 * Takes those that are due, the most overdue first; never waits for another
 * worker.  *n is 0 where there are none.
 */
assess_err_e assess_notices_claim(assess_db_t *db, assess_arena_t *arena,
    const assess_notice_claim_t *claim, assess_notice_t **notices, size_t *n,
    assess_err_t *err);

/* May be made again when its commit is in doubt. */
assess_err_e assess_notices_settle(assess_db_t *db,
    const assess_notice_told_t *told, size_t n, assess_err_t *err);

/* Deletes some of those that ended longer ago than age_ms; n: how many. */
assess_err_e assess_notices_forget(assess_db_t *db, int64_t age_ms,
    int64_t *n, assess_err_t *err);


#endif /* ASSESS_NOTICE_H */
