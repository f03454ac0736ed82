
/*
 * Prices of models, as LiteLLM's list has them: what a token costs that was
 * sent, read from the provider's cache, written to it, or generated, and that
 * it costs more in long requests.  Pure, any thread.
 */

#ifndef ASSESS_PRICE_H
#define ASSESS_PRICE_H


#include "../store/assess_job.h"


/* Prices of a model, one behind the other as requests grow longer. */
#define ASSESS_TIERS  4


/* US dollars a token. */
typedef struct {
    int64_t  above;              /* for requests of more input tokens */
    double   input;
    double   output;
    double   cached;             /* of input, what was read from a cache */
    double   written;            /* and what was written to one */
} assess_tier_t;


typedef struct {
    assess_str_t   model;
    int            max_output;   /* tokens of a reply; 0: not known */
    int            reasons;      /* it thinks, which is output, too */
    size_t         ntiers;       /* at least one, rising, the first above 0 */
    assess_tier_t  tiers[ASSESS_TIERS];
} assess_price_t;


/* What a reply says that it took.  Cached and written are parts of input. */
typedef struct {
    int64_t  input;
    int64_t  output;
    int64_t  cached;
    int64_t  written;
} assess_usage_t;


/*
 * Reads the prices of a file in LiteLLM's form; version is made of its bytes.
 * ASSESS_INVALID with why.
 */
assess_err_e assess_prices_read(assess_arena_t *arena, const char *path,
    assess_price_t **prices, size_t *n,
    char version[ASSESS_PRICE_VERSION + 1], assess_err_t *err);

/* A name for what two versions make together. */
void assess_price_version(char version[ASSESS_PRICE_VERSION + 1],
    const char *data, size_t len);

/* One price for all requests. */
void assess_price_set(assess_price_t *price, double input, double output);

/* The price of a model, "provider/model" forms included; NULL: unknown. */
const assess_price_t *assess_price_find(const assess_price_t *prices,
    size_t n, const assess_str_t *model);

/* What a reply cost, in dollars. */
double assess_price_cost(const assess_price_t *price,
    const assess_usage_t *usage);

/* The same of what is no whole number of tokens, as a mean is. */
double assess_price_mean(const assess_price_t *price, double input,
    double cached, double written, double output);

/*
 * The most that a request can cost which has so many tokens at most: whatever
 * of them is cached, and whichever tier it comes to.
 */
double assess_price_most(const assess_price_t *price, int64_t input,
    int64_t output);


#endif /* ASSESS_PRICE_H */
