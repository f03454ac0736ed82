
/* Events, written within the transactions that they tell of. */

#ifndef ASSESS_EVENT_INT_H
#define ASSESS_EVENT_INT_H


#include "assess_turn.h"


/*
 * Takes the ids, writes the events, one row for all of them, and counts the
 * turns.  The last statement before the commit: from here on every other writer
 * waits.  The second one commits, too.
 */
assess_err_e assess_events_write(assess_conn_t *conn, assess_event_t *events,
    size_t n, const assess_turn_t *turns, size_t nturns, assess_err_t *err);
assess_err_e assess_events_commit(assess_conn_t *conn, assess_event_t *events,
    size_t n, const assess_turn_t *turns, size_t nturns, assess_err_t *err);


/*
 * The lock of the counter alone, sent with the next statement: for what is
 * counted under it without an event.
 */
assess_err_e assess_events_lock(assess_conn_t *conn, assess_err_t *err);


#endif /* ASSESS_EVENT_INT_H */
