
/*
 * The carrier: one thread that carries all transfers of a process to its
 * providers, so that a connection which one job is done with serves the next
 * one, whoever runs that.  The threads of jobs hand transfers over and are told
 * when these have ended; only the carrier touches curl.
 */

#ifndef ASSESS_CARRIER_H
#define ASSESS_CARRIER_H


#include "assess_client.h"

#include <curl/curl.h>


/* What the carrier needs to know of a transfer, and what it tells of it. */
struct assess_cargo_s {
    /*
     * Tells curl what is asked, when it begins; 0, or -1: out of memory.  On
     * the carrier's thread, as what curl calls back.
     */
    int              (*load)(assess_cargo_t *cargo, CURL *easy);

    assess_client_t   *client;
    assess_cargo_t    *next;     /* to begin, or ended */
    void              *line;     /* while it is carried */

    CURLcode           code;     /* how it ended */
    long               status;
    int                lack;     /* errno of what was lacking, or 0 */
    int                recalled; /* before it had ended */
};


/* It is the carrier's from here on, until assess_client_ended() gives it. */
void assess_carrier_take(assess_carrier_t *carrier, assess_cargo_t *cargo);

/*
 * Ends all transfers of a client: what has come is there when this returns,
 * and nothing is carried any more.
 */
void assess_carrier_recall(assess_carrier_t *carrier, assess_client_t *client);

/* Whether a transfer that begins now finds a connection, or may open one. */
int assess_carrier_room(assess_carrier_t *carrier);


#endif /* ASSESS_CARRIER_H */
