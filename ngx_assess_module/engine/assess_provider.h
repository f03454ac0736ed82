
/*
 * Providers: who answers the questions.  One call asks all questions of a
 * job, batch by batch at once as far as the limits allow, and hands over each
 * answer as soon as it is valid.  Blocks; for a pool thread.
 */

#ifndef ASSESS_PROVIDER_H
#define ASSESS_PROVIDER_H


#include "assess_gate.h"
#include "assess_price.h"
#include "assess_quote.h"
#include "assess_retrieve.h"
#include "../base/assess_metrics.h"
#include "../store/assess_log.h"


typedef struct assess_provider_s  assess_provider_t;
typedef struct assess_carrier_s   assess_carrier_t;
typedef struct assess_client_s    assess_client_t;


typedef enum {
    ASSESS_PROVIDER_LOCAL = 0,
    ASSESS_PROVIDER_OPENAI
} assess_provider_e;


/* pictures in one request */
#define ASSESS_IMAGES_MAX  16


typedef struct {
    assess_str_t         name;       /* as in the configuration */
    assess_provider_e    type;
    assess_str_t         url;        /* without a slash at its end */
    assess_str_t         api_key;    /* null: none is sent */
    assess_str_t         model;      /* the default one */
    int                  questions_per_batch;
    int                  concurrency;     /* requests in flight, a process */
    int                  tries;           /* of one request; see ask() */
    int                  asks;            /* of one question, all in all */
    int                  passages;        /* for each question, at most */
    int                  images;          /* in a request, at most */
    int                  max_tokens;      /* of a reply; 0: not sent */
    int                  connect_ms;
    int                  timeout_ms;      /* of one request */
    int                  backoff_ms;      /* the first; doubled, jittered */
    int                  backoff_max_ms;
    assess_price_t      *prices;
    size_t               nprices;
    char                 price_version[ASSESS_PRICE_VERSION + 1];
    assess_traffic_t    *traffic;         /* what is counted; or NULL */
} assess_provider_conf_t;


/* A question and what the document says about it. */
typedef struct {
    const assess_question_t  *question;
    const assess_hit_t       *hits;  /* best first */
    size_t                    nhits;
} assess_item_t;


/* A page as a model is shown it. */
typedef struct {
    int            page;
    assess_str_t   url;              /* "data:", all of it is in there */
} assess_picture_t;


/* What came of one request, good or bad: what it cost, and what it gave. */
typedef struct {
    assess_answer_t   *answers;      /* valid ones; quotes not yet checked */
    size_t             nanswers;
    int64_t            input_tokens;
    int64_t            output_tokens;
    double             cost;
    const char        *prices;       /* their version; NULL: none was known */
    double             released;     /* of what was reserved, ... */
    double             doubtful;     /* ... and may yet be billed */
    int                batches;      /* question batches that this completed */

    /* where there are requests: how many came, and how long they took together;
     * others that are on their way, and when the last of them was sent */
    int                requests;
    int64_t            took_ms;
    int                flying;
    int64_t            sent;         /* of the monotonic clock */
} assess_reply_t;


/* What a request took, beside what had been thought beforehand. */
typedef struct {
    double           guess;          /* tokens, by assess_prompt_tokens() */
    assess_usage_t   usage;
    size_t           questions;
    int64_t          ms;
} assess_took_t;


typedef struct {
    const assess_question_set_t  *set;
    const assess_document_t      *document;
    assess_str_t                  model;
    const char                   *traceparent; /* NULL, "": none is sent */
    const assess_item_t          *items;      /* in question order */
    size_t                        nitems;
    const assess_picture_t       *pictures;   /* of pages of their passages */
    size_t                        npictures;

    /* What is lent in reply lives until it returns.  Replies that have come
     * together may be handed over as one. */
    assess_err_e  (*reply)(void *ctx, const assess_reply_t *reply,
        assess_err_t *err);
    int           (*cancelled)(void *ctx);

    /*
     * NULL, or: 1 to start nothing more and hand over what is in flight, 2 to
     * end as if cancelled.  Asked every 50 ms at least, and every 200 while
     * there is nothing to be sent; so is cancelled().
     */
    int           (*stopping)(void *ctx);

    /*
     * NULL, or: 1 to send nothing new for now, because what came cannot be
     * saved.  Asked as often; what is in flight is handed over all the same.
     */
    int           (*hold)(void *ctx);

    /* NULL, or: what happens on the way, as it is told to people */
    void          (*line)(void *ctx, assess_level_e level, const char *text);

    /*
     * NULL: what is spent is not limited.  Or: reserves what requests may cost
     * at most, in dollars, as many as fit of n, from the first on; 0: not now.
     * Not ASSESS_OK: it is used up, which ends the ask when all that is under
     * way has come.  What is reserved comes back as released.
     */
    assess_err_e  (*reserve)(void *ctx, const double *usd, size_t n,
        size_t *fits, assess_err_t *err);

    /*
     * What is known of the model, for the most that a request can cost: how
     * many tokens there are at most for each that is guessed, and in an answer;
     * 0: nothing is known.
     */
    double          ratio;
    double          answer;

    /*
     * NULL, or: whether the next request is one of those that are measured, and
     * what it took.
     */
    int           (*measured)(void *ctx);
    void          (*took)(void *ctx, const assess_took_t *took);
    void           *ctx;
} assess_ask_t;


/*
 * conf must outlive it.  A provider is shared by all threads of a process;
 * its concurrency is theirs together.  gate is the part of the provider's gate
 * that is shared with other processes, where this one has the slot, or NULL:
 * it is not (see assess_gate.h).  NULL is out of memory.
 */
assess_provider_t *assess_provider_create(const assess_provider_conf_t *conf,
    void *gate, int slot);
void assess_provider_destroy(assess_provider_t *provider);
const assess_provider_conf_t *assess_provider_conf(
    const assess_provider_t *provider);

/* Lent; of "local", which needs none, it is always open. */
assess_gate_t *assess_provider_gate(assess_provider_t *provider);

/*
 * Once, before there are threads; curl_global_init() too.  Of the descriptors
 * that this process may open, so many are not for requests to providers.
 */
int assess_carrier_global_init(int reserved);

/*
 * Carries all requests of a process to its providers, on a thread of its own
 * that begins with the first one.  NULL: no memory, no descriptors.  All of
 * its clients are destroyed before it.
 */
assess_carrier_t *assess_carrier_create(void);
void assess_carrier_destroy(assess_carrier_t *carrier);

/* What one thread that asks has of it, from job to job.  NULL: no memory. */
assess_client_t *assess_client_create(assess_carrier_t *carrier);
void assess_client_destroy(assess_client_t *client);

/*
 * ASSESS_OK when every question has an answer.  ASSESS_FAILED with
 * questions_unanswered (the others were handed over), provider_refused,
 * provider_unavailable or provider_out_of_money; ASSESS_CANCELLED;
 * ASSESS_STOPPING when something was left unasked, because stopping() said so
 * or because the provider is down, and another ask looks whether it is back;
 * or what reply() returned.  Nothing is in flight when it returns.
 *
 * A request is tried again up to conf->tries times.  One that was one too many
 * (429), or failed when the provider turned out to be down, was no try.
 */
assess_err_e assess_provider_ask(assess_provider_t *provider,
    assess_client_t *client, assess_arena_t *arena, const assess_ask_t *ask,
    assess_err_t *err);


#endif /* ASSESS_PROVIDER_H */
