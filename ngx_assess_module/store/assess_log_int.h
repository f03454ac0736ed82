
/* Lines, written within the transactions of what they tell. */

#ifndef ASSESS_LOG_INT_H
#define ASSESS_LOG_INT_H


#include "assess_db_int.h"
#include "assess_log.h"


/* of one job, at most one of these in a transaction */
typedef struct {
    const char          *job_id;
    const assess_str_t  *text;         /* as assess_log_put() makes it */
} assess_log_of_t;


/*
 * Sends them, all in one statement; nobody waits for it.  The jobs are locked.
 */
assess_err_e assess_log_save(assess_conn_t *conn,
    const assess_log_of_t *of, size_t n, assess_err_t *err);

/* The same for one line of one job. */
assess_err_e assess_log_say(assess_conn_t *conn, const char *job_id,
    assess_level_e level, const char *text, assess_err_t *err);


#endif /* ASSESS_LOG_INT_H */
