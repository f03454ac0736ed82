
/*
 * Webhooks as "Standard Webhooks" has them: whom they may go to, what they are
 * signed with, and what an answer means.  Pure, apart from libcurl's parser of
 * URLs; any thread.
 */

#ifndef ASSESS_WEBHOOK_H
#define ASSESS_WEBHOOK_H


#include "assess_source.h"


#define ASSESS_WEBHOOK_SECRET_MIN  24        /* bytes of a key */
#define ASSESS_WEBHOOK_SECRET_MAX  64


typedef struct {
    unsigned char   key[ASSESS_WEBHOOK_SECRET_MAX];
    size_t          len;
} assess_webhook_secret_t;


typedef enum {
    ASSESS_WEBHOOK_TAKEN = 0,        /* 2xx */
    ASSESS_WEBHOOK_AGAIN,
    ASSESS_WEBHOOK_LATER,            /* and when, may stand in Retry-After */
    ASSESS_WEBHOOK_GONE              /* 410: never again */
} assess_webhook_e;


/* "whsec_" and base64 of the key; NULL, or what is wrong with it. */
const char *assess_webhook_secret(const assess_str_t *text,
    assess_webhook_secret_t *secret);

/*
 * Adds "v1,SIGNATURE" for each secret, with spaces between them.  timestamp is
 * in seconds.
 */
void assess_webhook_sign(assess_buf_t *b,
    const assess_webhook_secret_t *secrets, size_t n, const char *id,
    int64_t timestamp, const assess_str_t *body);

/*
 * An http or https URL that may be called; ASSESS_INVALID where it is none, and
 * ASSESS_IMPOSSIBLE where it has the address of a network that is neither
 * public nor one of nets.  What a name leads to is looked at when it is called.
 */
assess_err_e assess_webhook_url(assess_arena_t *arena,
    const assess_str_t *text, const assess_net_t *nets, size_t nnets,
    assess_source_t *url, assess_err_t *err);

assess_webhook_e assess_webhook_answer(long status);


#endif /* ASSESS_WEBHOOK_H */
