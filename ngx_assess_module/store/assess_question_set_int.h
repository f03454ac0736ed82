
/* What jobs need of question sets within their own transactions. */

#ifndef ASSESS_QUESTION_SET_INT_H
#define ASSESS_QUESTION_SET_INT_H


#include "assess_db_int.h"
#include "assess_question_set.h"


/* By name (version 0 is the newest), with or without the questions. */
assess_err_e assess_question_set_find(assess_conn_t *conn,
    assess_arena_t *arena, const assess_str_t *tenant,
    const assess_str_t *name, int version, assess_question_set_t *set,
    assess_err_t *err);

/*
 * By id, of whatever is known in this process: a set never changes.  Its texts
 * are copies in the arena.
 */
assess_err_e assess_question_set_by_id(assess_conn_t *conn,
    assess_arena_t *arena, const assess_str_t *tenant, const char *id,
    assess_question_set_t *set, assess_err_t *err);

/* What a name and a version (0: the newest) mean. */
typedef struct {
    char  question_set_id[ASSESS_UUID_LEN + 1];
    int   question_count;
} assess_set_name_t;

/*
 * As this process knows it, or else as it is: what is written for it has to
 * say under the condition that it still is.
 */
assess_err_e assess_question_set_named(assess_conn_t *conn,
    const assess_str_t *tenant, const assess_str_t *name, int version,
    assess_set_name_t *set, assess_err_t *err);


#endif /* ASSESS_QUESTION_SET_INT_H */
