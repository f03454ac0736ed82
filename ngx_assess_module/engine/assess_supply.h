
/*
 * What a provider has left, as it tells: of requests, or of tokens counted as
 * requests of an average size.  Plain data without pointers, pure in time
 * (milliseconds).
 */

#ifndef ASSESS_SUPPLY_H
#define ASSESS_SUPPLY_H


#include "assess_minute.h"
#include "assess_ratelimit.h"


/* What is told lasts no longer than this, whatever it says. */
#define ASSESS_SUPPLY_MAX  60000


/* How it is that what was used comes back. */
typedef enum {
    ASSESS_REFILL_EVEN = 0,      /* little by little */
    ASSESS_REFILL_LATER,         /* each a minute after it was used */
    ASSESS_REFILL_ONCE           /* all of it at a time */
} assess_refill_e;


/* What the provider tells of one of its limits, in requests. */
typedef struct {
    double            each;      /* tokens of a request, of late; 1 */
    double            limit;
    double            told;      /* so much was left, as it was said */
    int64_t           then;      /* when that was sent for */
    double            remaining;
    int64_t           sent;      /* the request whose answer told this */
    uint64_t          seq;
    int64_t           count;     /* of the minute before it */
    int64_t           reset_at;  /* 0: nothing is told */
    int64_t           said;      /* the same, as it was said: it may be long */
    int64_t           then_sent;     /* an older one, to compare with */
    int64_t           then_said;
    assess_refill_e   refill;
    double            rate;      /* as it is spread now; 0: it is not */
    double            next;      /* when one may be sent then */
    int               turned;    /* one was let through after the reset */
    int               lies;      /* in a row */
    int64_t           deaf;      /* it is not listened to until then */
} assess_supply_t;


void assess_supply_init(assess_supply_t *supply);

/* So many tokens a request took; 0: it is not known. */
void assess_supply_weigh(assess_supply_t *supply, int64_t tokens);

/*
 * Told with the answer to the request seq that was sent then, when last was
 * the latest one; accepted: it was.  minute is the count of requests.
 */
void assess_supply_told(assess_supply_t *supply, const assess_quota_t *told,
    int accepted, assess_minute_t *minute, uint64_t seq, uint64_t last,
    int64_t sent, int64_t now);

/*
 * Is there one more?  If not, *again is when to ask.  last is the latest
 * request, settle how long until it would have been refused.
 */
int assess_supply_has(assess_supply_t *supply, assess_minute_t *minute,
    uint64_t last, int64_t settle, int64_t now, int64_t *again);

/* One more was sent. */
void assess_supply_sent(assess_supply_t *supply, int64_t now);


#endif /* ASSESS_SUPPLY_H */
