
/*
 * What a process knows of the lanes for a moment, so that not each claim has to
 * ask: of the database, whose counts are right.  What was picked here meanwhile
 * is counted in.
 */

#ifndef ASSESS_QUEUE_H
#define ASSESS_QUEUE_H


#include "assess_db.h"


typedef struct assess_queue_s  assess_queue_t;


/* NULL: out of memory. */
assess_queue_t *assess_queue_create(void);
void assess_queue_destroy(assess_queue_t *queue);

/* Forgets lanes that have been empty for a minute.  A pool thread; blocks. */
assess_err_e assess_queue_forget(assess_db_t *db, assess_err_t *err);


#endif /* ASSESS_QUEUE_H */
