
/* Answers, within the transactions of jobs. */

#ifndef ASSESS_ANSWER_INT_H
#define ASSESS_ANSWER_INT_H


#include "assess_db_int.h"
#include "assess_answer.h"


/* Those that are there already stay as they are. */
assess_err_e assess_answers_save(assess_conn_t *conn,
    const assess_str_t *tenant, const char *job_id,
    const assess_answer_t *answers, size_t n, assess_err_t *err);

/* Which of n questions have an answer, by ordinal. */
assess_err_e assess_answers_known(assess_conn_t *conn, assess_arena_t *arena,
    const assess_str_t *tenant, const char *job_id, size_t n,
    unsigned char **answered, assess_err_t *err);


#endif /* ASSESS_ANSWER_INT_H */
