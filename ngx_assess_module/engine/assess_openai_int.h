
/* One ask of a provider, as its two files share it. */

#ifndef ASSESS_OPENAI_INT_H
#define ASSESS_OPENAI_INT_H


#include "assess_openai.h"
#include "assess_prompt.h"
#include "assess_transfer.h"


typedef struct assess_request_s  assess_request_t;

/* Some questions that go to the provider together, until they have answers. */
struct assess_request_s {
    assess_transfer_t   transfer;    /* the first */
    assess_request_t   *next;
    size_t             *items;
    size_t              nitems;
    size_t              passages;
    int                 tries;
    int64_t             due;         /* of the monotonic clock; 0: at once */
    assess_ticket_t     ticket;      /* while it is in flight */
    double              guess;       /* its tokens; 0: it is not measured */
    int                 covered;     /* dollars are reserved for it */
    double              reserved;
    int                 cuts;        /* replies that were too long for it */
};


typedef struct {
    int   asks;
    int   answered;
} assess_asked_t;


typedef struct {
    const assess_provider_conf_t  *conf;
    const assess_ask_t            *ask;
    assess_gate_t                 *gate;
    assess_waiter_t                waiter;
    int64_t                        again;      /* to ask the gate; 0: not */
    int                            down;       /* it has been, as of late */
    int                            shut;       /* and another looks for it */
    assess_client_t               *client;
    assess_endpoint_t              endpoint;
    assess_buf_t                   head;       /* of all bodies */
    assess_buf_t                   words;      /* of the last one */
    assess_arena_t                *arena;
    assess_err_t                  *err;

    assess_asked_t                *items;
    size_t                        *left;       /* of each question batch */
    size_t                         batch;      /* questions in one */

    assess_request_t              *waiting;
    assess_request_t             **last;
    assess_request_t              *flying;
    size_t                         nflying;

    assess_err_t                   why;        /* set: start nothing more */
    int                            failed;
    int                            stopping;   /* start nothing more either */
    int                            hold;       /* nor now */
    int64_t                        look;       /* when to ask for these */
    int64_t                        scarce;     /* nor before that time */

    assess_arena_t                *lent;       /* what reply points to */
    assess_reply_t                 reply;
    int                            gathered;
    int64_t                        deliver;    /* what is, at the latest */

    int64_t                        poor;       /* nor is more reserved */
    double                         ratio;      /* the highest that was seen */

    const assess_price_t          *price;      /* of the model in priced */
    char                           priced[64];
    size_t                         npriced;
} assess_asking_t;


/* A new request for n of the items, which are copied; 0, or -1: no memory. */
int assess_openai_request(assess_asking_t *a, const size_t *items, size_t n,
    size_t passages);
void assess_openai_drop(assess_asking_t *a, assess_request_t *request);

/* What it is made of, and its body, if it has none yet. */
void assess_openai_prompt(const assess_asking_t *a,
    const assess_request_t *request, assess_prompt_t *prompt);
void assess_openai_body(assess_asking_t *a, assess_request_t *request);

/*
 * Where it is limited what is spent, reserves for what is to be sent next; -1:
 * no memory.
 */
int assess_openai_cover(assess_asking_t *a);

/* So many tokens were counted, for the next ones. */
void assess_openai_seen(assess_asking_t *a, const assess_request_t *request,
    int64_t input);

/* What was reserved is free again; where it is not known what it cost not. */
void assess_openai_settle(assess_asking_t *a, assess_request_t *request,
    int known);

/* Whether it may be billed though it has failed. */
int assess_openai_unsure(const assess_request_t *request);

/* Tokens of a reply that are asked for, where that is said; or 0. */
int assess_openai_most(const assess_asking_t *a,
    const assess_request_t *request);

/* It is in flight, and not waited for. */
void assess_openai_ended(assess_asking_t *a, assess_request_t *request);

/* Looks at every request that has ended; 0, or -1: no memory. */
int assess_openai_collect(assess_asking_t *a);


#endif /* ASSESS_OPENAI_INT_H */
