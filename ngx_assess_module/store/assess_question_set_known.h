
/*
 * Question sets that this process has read lately.  For the store alone; any
 * thread.  What there is no memory for is not known, which is no failure.
 */

#ifndef ASSESS_QUESTION_SET_KNOWN_H
#define ASSESS_QUESTION_SET_KNOWN_H


#include "assess_question_set_int.h"


/* By id: a set never changes.  1: it is in set, copied; -1: no memory. */
int assess_set_known_by_id(assess_arena_t *arena, const assess_str_t *tenant,
    const char *id, assess_question_set_t *set);
void assess_set_learn_by_id(const assess_str_t *tenant,
    const assess_question_set_t *set);

/*
 * By name and version, 0 being the newest, of which there may be a newer one by
 * now: whoever uses it has to have it looked at again.
 */
int assess_set_known_by_name(const assess_str_t *tenant,
    const assess_str_t *name, int version, assess_set_name_t *set);
void assess_set_learn_by_name(const assess_str_t *tenant,
    const assess_str_t *name, int version, const assess_set_name_t *set);
void assess_set_forget_name(const assess_str_t *tenant,
    const assess_str_t *name, int version);


#endif /* ASSESS_QUESTION_SET_KNOWN_H */
