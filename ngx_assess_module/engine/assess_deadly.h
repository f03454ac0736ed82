
/*
 * Documents that killed their readers, remembered for a minute: the next jobs
 * on one fail as the first did, at once, so that a hundred of them do not cost
 * a hundred crashes.  Of a process; any thread.
 */

#ifndef ASSESS_DEADLY_H
#define ASSESS_DEADLY_H


#include "../base/assess_base.h"


#define ASSESS_DEADLY_MS   60000
#define ASSESS_DEADLY_MAX  256           /* documents; the oldest go first */


typedef struct assess_deadly_s  assess_deadly_t;


/* NULL is out of memory. */
assess_deadly_t *assess_deadly_create(void);

/* NULL is nothing. */
void assess_deadly_destroy(assess_deadly_t *deadly);

/*
 * Notes how it ended at now, of assess_mono_ms(), in the attempt of a job that
 * had this number.
 */
void assess_deadly_add(assess_deadly_t *deadly, const char *document_id,
    int attempt, int64_t now, const assess_err_t *err);

/*
 * ASSESS_OK: try it.  ASSESS_FAILED with what was noted of it, unless only
 * attempts of a lower number found it out: whoever runs a job again means it.
 */
assess_err_e assess_deadly_check(assess_deadly_t *deadly,
    const char *document_id, int attempt, int64_t now, assess_err_t *err);


#endif /* ASSESS_DEADLY_H */
