
/*
 * Documents that cannot be read, remembered for a while: the next jobs on one
 * fail as the first did, at once, so that a hundred of them do not cost a
 * hundred readers, some of which take seconds and die.  Of a process, since
 * another one may have other limits; any thread.
 */

#ifndef ASSESS_UNREADABLE_H
#define ASSESS_UNREADABLE_H


#include "../base/assess_base.h"


#define ASSESS_UNREADABLE_MS   600000
#define ASSESS_UNREADABLE_MAX  1024     /* documents; the oldest go first */


typedef struct assess_unreadable_s  assess_unreadable_t;


/* NULL is out of memory. */
assess_unreadable_t *assess_unreadable_create(void);

/* NULL is nothing. */
void assess_unreadable_destroy(assess_unreadable_t *u);

/*
 * Notes how it ended at now, of assess_mono_ms(), in the attempt of a job that
 * had this number.
 */
void assess_unreadable_add(assess_unreadable_t *u, const char *document_id,
    int attempt, int64_t now, const assess_err_t *err);

/*
 * ASSESS_OK: try it.  ASSESS_FAILED with what was noted of it, unless only
 * attempts of a lower number found it out: whoever runs a job again means it.
 */
assess_err_e assess_unreadable_check(assess_unreadable_t *u,
    const char *document_id, int attempt, int64_t now, assess_err_t *err);


#endif /* ASSESS_UNREADABLE_H */
