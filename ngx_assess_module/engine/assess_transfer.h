
/*
 * One HTTP request to a provider.  Of one thread at a time, the one that
 * drives its client.
 */

#ifndef ASSESS_TRANSFER_H
#define ASSESS_TRANSFER_H


#include "assess_client.h"
#include "assess_retry.h"

#include <curl/curl.h>


/* A longer reply is given up: nobody answers a few questions at such length */
#define ASSESS_TRANSFER_MAX  (8 * 1024 * 1024)


/* Where requests go, and what all of them have. */
typedef struct {
    const assess_provider_conf_t  *conf;
    char                          *url;
    struct curl_slist             *headers;
} assess_endpoint_t;


/* Zeroed to begin with. */
typedef struct {
    assess_line_t      *line;
    assess_buf_t        request;     /* the body, the caller's to fill */
    assess_buf_t        reply;
    char                retry_after[64];
    char                retry_after_ms[32];
    char                should_retry[16];
    assess_ratelimit_t  told;        /* from start() on */
    CURLcode            code;
    long                status;
    int                 lack;        /* errno of what is lacking, or 0 */
} assess_transfer_t;


/*
 * {url}{path} of conf, which must outlive it.  0, or -1 (out of memory; a key
 * with controls in it); to be freed in both cases.
 */
int assess_endpoint_init(assess_endpoint_t *endpoint,
    const assess_provider_conf_t *conf, const char *path);
void assess_endpoint_free(assess_endpoint_t *endpoint);

/*
 * POSTs request as JSON.  ctx is what assess_client_ended() gives.  No
 * redirects, TLS verified, http and https only.  0, or -1: out of memory.
 */
int assess_transfer_start(assess_transfer_t *t, assess_client_t *client,
    const assess_endpoint_t *endpoint, void *ctx);

/* It has come to its end: the outcome is kept, the line let go. */
void assess_transfer_done(assess_transfer_t *t, CURLcode code);

/* Ends it wherever it is, and frees everything. */
void assess_transfer_free(assess_transfer_t *t);

/* The failure in the words of assess_retry.h; lent. */
void assess_transfer_failure(const assess_transfer_t *t,
    const assess_provider_conf_t *conf, assess_failure_t *failure);


#endif /* ASSESS_TRANSFER_H */
