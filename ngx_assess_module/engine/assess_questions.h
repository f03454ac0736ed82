
/* The questions of a set: read from JSON, checked, written canonically. */

#ifndef ASSESS_QUESTIONS_H
#define ASSESS_QUESTIONS_H


#include "../store/assess_question_set.h"


#define ASSESS_MAX_QUESTIONS  2000


typedef struct {
    int            ordinal;          /* from 0 */
    assess_str_t   id;
    assess_str_t   text;
    assess_str_t   guidance;         /* null: none */
    assess_str_t   category;         /* null: none */
    double         weight;           /* negative: none */
} assess_question_t;


/*
 * The body of a PUT.  Fills title, instructions, questions (canonical JSON)
 * and question_count of set.  ASSESS_INVALID or ASSESS_IMPOSSIBLE (double
 * ids, with the pointer of the second) otherwise.
 */
assess_err_e assess_question_set_parse(assess_arena_t *arena,
    const char *body, size_t len, assess_question_set_t *set,
    assess_err_t *err);

/* The questions of a stored set. */
assess_err_e assess_questions_read(assess_arena_t *arena,
    const assess_question_set_t *set, assess_question_t **questions,
    size_t *n, assess_err_t *err);

/* [A-Za-z0-9._-]{1,64} */
int assess_name_valid(const char *data, size_t len);


#endif /* ASSESS_QUESTIONS_H */
