
/*
 * What a thread that runs jobs has of the carrier: it hands transfers over,
 * waits, and is given back those that have ended.  Of one thread at a time, but
 * for wake().
 */

#ifndef ASSESS_CLIENT_H
#define ASSESS_CLIENT_H


#include "assess_provider.h"

#include <pthread.h>
#include <semaphore.h>


typedef struct assess_cargo_s  assess_cargo_t;

struct assess_client_s {
    assess_carrier_t   *carrier;
    int                 carried;   /* handed over, and not given back */

    pthread_mutex_t     mutex;
    assess_cargo_t     *first;     /* ended */
    assess_cargo_t    **last;
    int                 ended;     /* how many */
    int                 enough;    /* of these to call who waits; 0: nobody */
    int                 woken;
    sem_t               call;

    sem_t               recalled;
    assess_client_t    *next;      /* to be recalled */
};


/* Hands a transfer over. */
void assess_client_send(assess_client_t *client, assess_cargo_t *cargo);

/*
 * Until so many transfers have ended that were not given back yet, 1 or more,
 * somebody calls wake(), or so many milliseconds are over.
 */
void assess_client_wait(assess_client_t *client, int enough, int64_t wait_ms);

/* A transfer that has ended, the oldest one, or NULL. */
assess_cargo_t *assess_client_ended(assess_client_t *client);

/*
 * Ends what is under way: each of its transfers is given by ended() then, as
 * recalled where it had not ended.
 */
void assess_client_recall(assess_client_t *client);

/* Whether a transfer that begins now finds a connection, or may open one. */
int assess_client_room(const assess_client_t *client);

/* Makes wait() return at once, now or the next time; any thread. */
void assess_client_wake(assess_client_t *client);


/* The carrier's: these have ended; it was recalled. */
void assess_client_deliver(assess_client_t *client, assess_cargo_t *cargo);
void assess_client_recalled(assess_client_t *client);


#endif /* ASSESS_CLIENT_H */
