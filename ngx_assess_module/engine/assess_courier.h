
/*
 * The courier of a process: sends notices, many at once on one thread, so that
 * a receiver that is slow holds up nobody else.  Of one thread at a time, but
 * for the bell.
 */

#ifndef ASSESS_COURIER_H
#define ASSESS_COURIER_H


#include "assess_smtp.h"
#include "assess_webhook.h"

#include "../store/assess_notice.h"


#define ASSESS_COURIER_MAX     32            /* notices under way */
#define ASSESS_COURIER_ORIGIN  8             /* of these, to one receiver */
#define ASSESS_COURIER_EACH    4             /* of these, taken at once */

#define ASSESS_COURIER_WAIT    (3600 * 1000) /* ms; the longest between tries */


typedef struct {
    const assess_webhook_secret_t  *secrets; /* the newest first; 0: unsigned */
    size_t                          nsecrets;
    const assess_net_t             *nets;    /* that are not public, and may */
    size_t                          nnets;
    const char                     *ca_file; /* NULL: those of the system */
    const assess_smtp_conf_t       *smtp;    /* NULL: no mail is sent */
    int                             timeout_ms;
    int                             first_ms;   /* before the second try */
    int64_t                         keep_ms;    /* tried for so long */
} assess_courier_conf_t;


typedef struct assess_courier_s  assess_courier_t;


/* conf is lent.  NULL is out of memory. */
assess_courier_t *assess_courier_create(const assess_courier_conf_t *conf);

/* Breaks off what is under way. */
void assess_courier_destroy(assess_courier_t *courier);

/* How many more it takes, and the origins that take none. */
int assess_courier_room(const assess_courier_t *courier);
size_t assess_courier_full(const assess_courier_t *courier,
    assess_str_t origins[ASSESS_COURIER_MAX]);

/*
 * Begins to send one, which is copied.  What cannot even begin is told of like
 * all others.
 */
void assess_courier_take(assess_courier_t *courier,
    const assess_notice_t *notice);

/*
 * Goes on until some have ended, the bell rings, or ms are over; told has what
 * came of them.
 */
size_t assess_courier_carry(assess_courier_t *courier, int ms,
    assess_notice_told_t told[ASSESS_COURIER_MAX]);

/* Breaks off all that is under way: they are to be sent again, at once. */
size_t assess_courier_abandon(assess_courier_t *courier,
    assess_notice_told_t told[ASSESS_COURIER_MAX]);

/* Ends carry() soon, also one that has not begun.  Any thread. */
void assess_courier_ring(assess_courier_t *courier);

/*
 * Milliseconds to wait after so many tries: first_ms doubled with each, from
 * half of it on, or what the receiver named and up to a quarter more.
 */
int64_t assess_courier_wait(int tries, int first_ms, int64_t after_ms,
    uint32_t random);


#endif /* ASSESS_COURIER_H */
