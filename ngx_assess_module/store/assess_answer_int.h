
/* Answers, within the transactions of jobs. */

#ifndef ASSESS_ANSWER_INT_H
#define ASSESS_ANSWER_INT_H


#include "assess_db_int.h"
#include "assess_answer.h"


/* Some answers of one job. */
typedef struct {
    const assess_str_t     *tenant;
    const char             *job_id;
    const assess_answer_t  *answers;
    size_t                  n;
} assess_answers_of_t;

/*
 * Those that are there already stay as they are.  The key of one that is not
 * cached itself is saved with it, for the cache.
 */
assess_err_e assess_answers_save(assess_conn_t *conn,
    const assess_answers_of_t *of, size_t nof, assess_err_t *err);

/* Of the table under the alias a, in the order of assess_answer_row(). */
#define ASSESS_ANSWER_COLUMNS                                                \
    " a.question_id, a.verdict, a.confidence, a.rationale, a.evidence,"      \
    " a.provider, a.model, a.cached"

/* The ordinal first, those columns behind it.  -1 is out of memory. */
int assess_answer_row(assess_arena_t *arena, const PGresult *res, int row,
    assess_answer_t *answer);

#define ASSESS_ANSWER_EXTRA  9


#endif /* ASSESS_ANSWER_INT_H */
