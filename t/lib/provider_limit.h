
/*
 * The limits of a provider as there are: so many requests in flight, so many
 * a minute.  Pure in time, for the test provider and for simulations.
 */

#ifndef PROVIDER_LIMIT_H
#define PROVIDER_LIMIT_H


#include <jansson.h>
#include <stdint.h>


#define PROVIDER_MINUTES  60


typedef enum {
    PROVIDER_BUCKET = 0,        /* refilled evenly, holds burst */
    PROVIDER_SLIDING,           /* of the last 60 s */
    PROVIDER_FIXED              /* 60 s that begin when the limit was set */
} provider_limit_e;


typedef struct {
    long               in_flight;       /* at most; 0: any number */
    long               per_minute;      /* at most; 0: any number */
    long               burst;
    provider_limit_e   kind;
    int                headers;         /* x-ratelimit-* are sent */
    int                retry_after;     /* Retry-After is, with a 429 */

    int64_t            began;
    double             tokens;
    int64_t            filled;
    int64_t            opened;          /* the fixed window */
    long               used;            /* of it */
    int64_t           *times;           /* of the last per_minute accepted */
    long               next;

    long               accepted;
    long               throttled;       /* all in all */
    long               crowded;         /* of those: too many in flight */
    long               minutes[PROVIDER_MINUTES];    /* accepted, in each */
} provider_limit_t;


typedef struct {
    int       refused;
    long      remaining;
    int64_t   reset_ms;         /* until all of it is there again */
    int64_t   retry_ms;         /* until one is, when refused */
} provider_verdict_t;


/* Begins anew; burst 0 is a second's worth. */
void provider_limit_set(provider_limit_t *limit, long in_flight,
    long per_minute, provider_limit_e kind, long burst, int64_t now_ms);

/* May one more start, with so many in flight? */
void provider_limit_ask(provider_limit_t *limit, long in_flight,
    int64_t now_ms, provider_verdict_t *verdict);

/* {"inFlight","perMinute","kind","burst","headers","retryAfter"}; 0, or -1 */
int provider_limit_control(provider_limit_t *limit, json_t *json,
    int64_t now_ms);

/* The headers of an answer, a new object; others is copied into it. */
json_t *provider_limit_headers(const provider_limit_t *limit,
    const provider_verdict_t *verdict, json_t *others);

/* {"throttled","crowded","accepted","minutes":[accepted in each]} */
json_t *provider_limit_stats(const provider_limit_t *limit);


#endif /* PROVIDER_LIMIT_H */
