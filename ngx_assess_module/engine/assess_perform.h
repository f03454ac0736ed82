
/*
 * One transfer of libcurl after the other, each on the calling thread, which
 * is held up until it ends, and is broken off when somebody says so.  Of one
 * thread at a time.
 */

#ifndef ASSESS_PERFORM_H
#define ASSESS_PERFORM_H


#include "../base/assess_base.h"

#include <curl/curl.h>


typedef struct assess_perform_s  assess_perform_t;

struct assess_perform_s {
    CURLM   *multi;                  /* keeps the connections */
    CURL    *easy;                   /* reset before each transfer */

    /*
     * Asked some ten times a second: 1 breaks the transfer off.  NULL: nobody
     * does.
     */
    int    (*stop)(void *ctx);
    void    *ctx;

    /* 0, or -1 (errno says why) where a socket may not go to this address */
    int    (*check)(const struct sockaddr *addr, void *ctx);

    int      stopped;                /* it was broken off */
    int      refused;                /* check() did */
    int      lack;                   /* errno of a socket that was lacking */
    char     why[CURL_ERROR_SIZE];
};


/* 0, or -1: out of memory; to be freed in both cases. */
int assess_perform_init(assess_perform_t *p);
void assess_perform_free(assess_perform_t *p);

/*
 * A handle with what all transfers share: no redirects, no proxy, no signals,
 * http and https only, TLS verified.  0, or -1.
 */
int assess_perform_begin(assess_perform_t *p);

/* The outcome; CURLE_ABORTED_BY_CALLBACK where stopped is set. */
CURLcode assess_perform(assess_perform_t *p);

/* Waits so long, unless it is stopped: 1. */
int assess_perform_wait(assess_perform_t *p, int64_t ms);

/* Adds a header to a list that is the caller's: 0, or -1. */
int assess_perform_header(struct curl_slist **list, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


#endif /* ASSESS_PERFORM_H */
