
/* Notices, written within the transactions that they tell of. */

#ifndef ASSESS_NOTICE_INT_H
#define ASSESS_NOTICE_INT_H


#include "assess_db_int.h"
#include "assess_notice.h"


/* A fact, and whom it is told: a URL, an address of mail, or both. */
typedef struct {
    assess_str_t   tenant;
    char           subject_id[ASSESS_UUID_LEN + 1];   /* of a job or a batch */
    const char    *type;             /* "batch.completed" */
    int64_t        happened_at;      /* ms */
    assess_str_t   url;              /* null: nobody is called */
    assess_str_t   email;            /* null: nobody is written to */
    assess_str_t   data;             /* the Job or the Batch, as JSON */
} assess_fact_t;


/*
 * Writes what is to be told of n facts.  Their answer is not waited for: it
 * comes with the next statement.  Before the counter of events is taken, or, of
 * a batch, under it.  The same fact a second time is no other one.  The caller
 * wakes who sends them once it is committed (assess_change_t has a flag for
 * that).
 */
assess_err_e assess_notices_add(assess_conn_t *conn,
    const assess_fact_t *facts, size_t n, assess_err_t *err);


#endif /* ASSESS_NOTICE_INT_H */
