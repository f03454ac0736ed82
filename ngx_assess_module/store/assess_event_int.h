
/* Events, written within the transactions that they tell of. */

#ifndef ASSESS_EVENT_INT_H
#define ASSESS_EVENT_INT_H


#include "assess_db_int.h"
#include "assess_event.h"


/*
 * Takes the ids and writes the events.  The last statement before the commit:
 * from here on every other writer waits.  The second one commits, too.
 */
assess_err_e assess_events_write(assess_conn_t *conn, assess_event_t *events,
    size_t n, assess_err_t *err);
assess_err_e assess_events_commit(assess_conn_t *conn, assess_event_t *events,
    size_t n, assess_err_t *err);


#endif /* ASSESS_EVENT_INT_H */
