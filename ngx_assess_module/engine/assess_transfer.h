
/*
 * One HTTP request to a provider.  Of the thread that sends it, but for the
 * time in which it is under way: then it is the carrier's.
 */

#ifndef ASSESS_TRANSFER_H
#define ASSESS_TRANSFER_H


#include "assess_carrier.h"
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
    assess_cargo_t            cargo;      /* the first; how it ended, too */
    const assess_endpoint_t  *endpoint;
    assess_buf_t              request;    /* the body, the caller's to fill */
    size_t                    read;       /* of it, on its way */
    int                       once;       /* libcurl must not send it again */
    char                      trace[80];  /* a line of the header; "": none */
    struct curl_slist         traced;     /* with it, before all others */
    assess_buf_t              reply;
    char                      retry_after[64];
    char                      retry_after_ms[32];
    char                      should_retry[16];
    assess_ratelimit_t        told;       /* from start() on */
} assess_transfer_t;


/*
 * {url}{path} of conf, which must outlive it.  0, or -1 (out of memory; a key
 * with controls in it); to be freed in both cases.
 */
int assess_endpoint_init(assess_endpoint_t *endpoint,
    const assess_provider_conf_t *conf, const char *path);
void assess_endpoint_free(assess_endpoint_t *endpoint);

/*
 * POSTs request as JSON.  endpoint must outlive it.  No redirects, TLS verified,
 * http and https only.  0, or -1: out of memory.
 */
int assess_transfer_start(assess_transfer_t *t, assess_client_t *client,
    const assess_endpoint_t *endpoint);

/* What it says as its traceparent, when it is started the next time. */
void assess_transfer_trace(assess_transfer_t *t, const char *traceparent);

/* Frees everything; it is not under way. */
void assess_transfer_free(assess_transfer_t *t);

/* The failure in the words of assess_retry.h; lent. */
void assess_transfer_failure(const assess_transfer_t *t,
    const assess_provider_conf_t *conf, assess_failure_t *failure);


#endif /* ASSESS_TRANSFER_H */
