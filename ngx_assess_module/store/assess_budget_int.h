
/* The settlement of what was reserved, within the transaction of a write. */

#ifndef ASSESS_BUDGET_INT_H
#define ASSESS_BUDGET_INT_H


#include "assess_budget.h"
#include "assess_db_int.h"


/* What a write says of the budgets of its job. */
typedef struct {
    const assess_work_t  *work;
    double                spent;
    double                released;      /* of what was reserved */
    double                doubtful;      /* of it, what may be billed */
} assess_settled_t;


/*
 * Those of batches and days, by one statement that nobody waits for; none where
 * none of them has such a budget.  Behind the rows of jobs and documents, before
 * the counter of events.
 */
assess_err_e assess_budgets_settle(assess_conn_t *conn,
    const assess_settled_t *list, size_t n, assess_err_t *err);


#endif /* ASSESS_BUDGET_INT_H */
