
/*
 * Whether the database answers, as far as one pool knows.  After a failure
 * nobody waits for it any more but one caller now and then, who tries; what
 * it finds is good for all.  Any thread; nothing here blocks.
 */

#ifndef ASSESS_CONTACT_H
#define ASSESS_CONTACT_H


#include "assess_db.h"

#include <pthread.h>


/* until somebody may try again */
#define ASSESS_CONTACT_PAUSE  250            /* ms */


typedef struct {
    pthread_mutex_t    mutex;
    int                gap_ms;               /* see assess_db_conf_t */
    int                trial_ms;             /* one who tries may take it */
    int64_t            away;                 /* since; 0: it is there */
    int64_t            retry;                /* nobody tries before */
    int64_t            good;                 /* it last answered; 0: never */
    int64_t            steady;               /* since; 0: never */
    unsigned           generation;           /* of connections */
    assess_err_t       err;                  /* why it is away */
    assess_contact_pt  changed;
    void              *ctx;
} assess_contact_t;


int assess_contact_init(assess_contact_t *contact,
    const assess_db_conf_t *conf);
void assess_contact_destroy(assess_contact_t *contact);

/*
 * ASSESS_OK for whoever may use the database: all, or the one that tries, who
 * has to find out soon.  Else why it is away.
 */
assess_err_e assess_contact_enter(assess_contact_t *contact,
    assess_err_t *err);

/* It answered, or it did not. */
void assess_contact_good(assess_contact_t *contact);
void assess_contact_bad(assess_contact_t *contact, const assess_err_t *err);

/* Whoever entered found out nothing: another one may try. */
void assess_contact_leave(assess_contact_t *contact);

/* A connection of an older generation is not to be used any more. */
unsigned assess_contact_generation(assess_contact_t *contact);
void assess_contact_renew(assess_contact_t *contact);

/* Whether it was found to be away after this time. */
int assess_contact_lost_since(assess_contact_t *contact, int64_t since);

int assess_contact_away(assess_contact_t *contact, assess_err_t *err);
int64_t assess_contact_away_since(assess_contact_t *contact);
int64_t assess_contact_steady_ms(assess_contact_t *contact);


#endif /* ASSESS_CONTACT_H */
