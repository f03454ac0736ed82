
/*
 * Fetches a document from where a client said it is: over HTTP, or out of a
 * bucket.  On any thread, which it holds up until it is done.
 */

#ifndef ASSESS_FETCH_H
#define ASSESS_FETCH_H


#include "assess_source.h"


#define ASSESS_FETCH_REDIRECTS  5


typedef struct {
    const assess_source_conf_t  *conf;
    int64_t                      max;        /* bytes; 0: any number */
    int64_t                      until;      /* of assess_mono_ms() */

    /* asked some ten times a second: 1 breaks it off; any thread */
    int                        (*stop)(void *ctx);

    /* takes the bytes as they come; an error ends it, as its own */
    assess_err_e               (*data)(void *ctx, const char *data,
        size_t len, assess_err_t *err);
    void                        *ctx;
} assess_fetch_t;


/* What the source says of it; in the arena, null where it says nothing. */
typedef struct {
    assess_str_t                 content_type;
    assess_str_t                 filename;
    int64_t                      bytes;      /* that came */
} assess_fetched_t;


/*
 * source is allowed.  Where that leads is looked at anew: up to five
 * redirections, each of them to what is allowed, and never from https to http;
 * and each socket's address, as it is connected.  Nothing but the URL is sent.
 *
 * ASSESS_FORBIDDEN    a redirection or an address that is not allowed
 * ASSESS_IMPOSSIBLE   the source does not give it: not a 200, compressed,
 *                     redirected too often, no such object
 * ASSESS_TOO_LARGE    longer than max
 * ASSESS_UPSTREAM     not reached, broken off, 5xx
 * ASSESS_LATE         not until then, or too slow
 * ASSESS_STOPPING     stop() said so
 * ASSESS_ERROR        out of memory, or of descriptors
 */
assess_err_e assess_fetch(assess_arena_t *arena, const assess_fetch_t *fetch,
    const assess_source_t *source, assess_fetched_t *got, assess_err_t *err);


#endif /* ASSESS_FETCH_H */
