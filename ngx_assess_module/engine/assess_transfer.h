
/*
 * One HTTP request to a provider on a curl multi handle.  Of one thread at a
 * time, the one that drives the multi handle.
 */

#ifndef ASSESS_TRANSFER_H
#define ASSESS_TRANSFER_H


#include "assess_provider.h"
#include "assess_retry.h"

#include <curl/curl.h>


/* A longer reply is given up: nobody answers a few questions at such length */
#define ASSESS_TRANSFER_MAX  (8 * 1024 * 1024)


/* Zeroed to begin with. */
typedef struct {
    CURL               *easy;
    struct curl_slist  *headers;
    assess_buf_t        request;     /* the body to send, the caller's to fill */
    assess_buf_t        reply;
    char                retry_after[64];
    char                retry_after_ms[32];
    char                should_retry[16];
    assess_ratelimit_t  told;        /* from start() on */
    CURLcode            code;
    long                status;
} assess_transfer_t;


/*
 * POSTs request to {url}{path} as JSON.  ctx is what the easy handle's
 * CURLINFO_PRIVATE gives.  No redirects, TLS verified, http and https only.
 * 0, or -1 (out of memory; a key with controls in it).
 */
int assess_transfer_start(assess_transfer_t *t, CURLM *multi,
    const assess_provider_conf_t *conf, const char *path, void *ctx);

/* Its message has come: the outcome is kept, the handle let go. */
void assess_transfer_done(assess_transfer_t *t, CURLM *multi, CURLcode code);

/* Ends it wherever it is, and frees everything. */
void assess_transfer_free(assess_transfer_t *t, CURLM *multi);

/* The failure in the words of assess_retry.h; lent. */
void assess_transfer_failure(const assess_transfer_t *t,
    const assess_provider_conf_t *conf, assess_failure_t *failure);


#endif /* ASSESS_TRANSFER_H */
