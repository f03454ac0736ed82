
/*
 * The connections that one thread has to providers: a curl multi handle that
 * is driven by those sockets alone which are ready.  Of one thread at a time,
 * but for wake().
 */

#ifndef ASSESS_CLIENT_H
#define ASSESS_CLIENT_H


#include "assess_provider.h"

#include <curl/curl.h>


/* An easy handle, used for one transfer after the other. */
typedef struct assess_line_s  assess_line_t;

struct assess_line_s {
    CURL             *easy;      /* what all transfers share is set */
    assess_client_t  *client;
    assess_line_t    *next;      /* while it is spare */
    int               lack;      /* errno of its socket, where that failed */
    char              why[CURL_ERROR_SIZE];
};


/* NULL is out of memory. */
assess_line_t *assess_client_line(assess_client_t *client);

/* Its transfer begins with the next drive().  0, or -1. */
int assess_client_begin(assess_line_t *line);

/*
 * The errno of what this machine lacked for its transfer, which ended with
 * code: descriptors, ports or threads, of which there may be more in a moment.
 * 0: that was not why.
 */
int assess_client_lack(const assess_line_t *line, CURLcode code);

/* Ends its transfer, wherever that is, and gives the line back. */
void assess_client_end(assess_line_t *line);

/* Gives back a line that has no transfer. */
void assess_client_spare(assess_line_t *line);

/*
 * Does what can be done, after waiting for that up to so many milliseconds.
 * 0, or -1: curl has failed.
 */
int assess_client_drive(assess_client_t *client, int64_t wait_ms);

/* The CURLOPT_PRIVATE of a transfer that has come to its end, or NULL. */
void *assess_client_ended(assess_client_t *client, CURLcode *code);

/* Whether a transfer that begins now finds a connection, or may open one. */
int assess_client_room(const assess_client_t *client);

/* Makes drive() return at once, now or the next time; any thread. */
void assess_client_wake(assess_client_t *client);

/* From here on wake() works, if it can.  1: it did not before. */
int assess_client_wakeable(assess_client_t *client);

/*
 * No transfer is under way: connections that are needed elsewhere are closed,
 * or all of them.
 */
void assess_client_rest(assess_client_t *client, int all);


#endif /* ASSESS_CLIENT_H */
