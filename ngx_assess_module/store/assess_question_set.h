
/* Question sets: immutable once stored, a new version for each change. */

#ifndef ASSESS_QUESTION_SET_H
#define ASSESS_QUESTION_SET_H


#include "assess_db.h"


typedef struct {
    char           question_set_id[ASSESS_UUID_LEN + 1];
    assess_str_t   name;
    int            version;          /* from 1 */
    assess_str_t   title;            /* null when none */
    assess_str_t   instructions;     /* null when none */
    assess_str_t   questions;        /* JSON, canonical; null in lists */
    int            question_count;
    int64_t        created_at;
} assess_question_set_t;


/* The QuestionSet of the API; without its questions where they are null. */
void assess_question_set_json(assess_buf_t *b,
    const assess_question_set_t *set);

/*
 * Stores name, title, instructions, questions and question_count as the next
 * version, or finds that the newest is the same (created is 0 then).  The
 * other members are filled in.  Two at once get two versions.
 */
assess_err_e assess_question_set_put(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, assess_question_set_t *set, int *created,
    assess_err_t *err);

/* version 0 is the newest */
assess_err_e assess_question_set_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_str_t *name, int version,
    assess_question_set_t *set, assess_err_t *err);

/* The newest version of each, by name. */
assess_err_e assess_question_sets_list(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const assess_paging_t *paging,
    assess_question_set_t **sets, size_t *n, assess_str_t *next,
    int64_t *total, assess_err_t *err);


#endif /* ASSESS_QUESTION_SET_H */
