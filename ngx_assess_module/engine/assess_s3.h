
/*
 * A client of object storage that speaks the protocol of S3: one object at a
 * time is read or written, as it comes, never whole in memory.  Requests are
 * signed by libcurl (AWS Signature Version 4).
 */

#ifndef ASSESS_S3_H
#define ASSESS_S3_H


#include "../base/assess_base.h"


#define ASSESS_S3_KEY_LEN     1024       /* bytes of an object's key */
#define ASSESS_S3_BUCKET_LEN  63


/* Of the configuration, which outlives all clients; text ends with a NUL. */
typedef struct {
    assess_str_t    name;            /* of the block, "default" without one */
    assess_str_t    endpoint;        /* https://host[:port], without a path */
    assess_str_t    region;
    assess_str_t    access_key;
    assess_str_t    secret_key;
    assess_str_t    session_token;   /* null without one */
    int             virtual_host;    /* bucket.host, not host/bucket */
    int             connect_ms;
    int             timeout_ms;      /* of a request, its body included */
    int             stall_ms;        /* without 1 KB a second; 0: for ever */
    int             tries;           /* of a request, 1 or more */
} assess_s3_conf_t;


/*
 * Of one thread at a time.  It keeps its connection for the next request.
 * NULL is out of memory.
 */
typedef struct assess_s3_s  assess_s3_t;

assess_s3_t *assess_s3_create(const assess_s3_conf_t *conf);
void assess_s3_destroy(assess_s3_t *s3);

/*
 * Who is asked, some ten times a second, whether to break off: where stop()
 * says 1, whatever is under way ends as ASSESS_STOPPING.
 */
void assess_s3_watch(assess_s3_t *s3, int (*stop)(void *ctx), void *ctx);


/* What the storage says of an object; "" where it does not. */
typedef struct {
    int64_t   bytes;                 /* of the whole; -1: it is not told */
    char      etag[128];             /* with its quotation marks */
    char      content_type[256];
    char      disposition[1024];
} assess_s3_object_t;


/* Who takes what is read.  An error of either ends the request, as its own. */
typedef struct {
    /* once, before the first byte; may be NULL */
    assess_err_e   (*head)(void *ctx, const assess_s3_object_t *object,
        assess_err_t *err);
    assess_err_e   (*data)(void *ctx, const char *data, size_t len,
        assess_err_t *err);
    void            *ctx;
} assess_s3_sink_t;


/* What is written.  It may be read more than once, when a try has failed. */
typedef struct {
    int64_t          bytes;
    const char      *sha256;         /* in hex; NULL: the body is not signed */
    const char      *content_type;   /* NULL: none */

    /* up to size bytes from offset on: how many, or -1 */
    int64_t        (*read)(void *ctx, int64_t offset, char *buf, size_t size);
    void            *ctx;
} assess_s3_body_t;


/*
 * All may run on any thread, and hold it up for up to timeout_ms and the time
 * between tries.  What cannot be had at the moment is tried again, conf->tries
 * times in all.  Errors, with their codes:
 *
 * ASSESS_NOT_FOUND                   there is no such bucket or object
 * ASSESS_UNAVAILABLE  s3_unavailable not reached, broken off, 5xx, 429
 * ASSESS_UNAVAILABLE  s3_timeout     not in time, or too slow
 * ASSESS_FAILED       s3_refused     any other answer; the message names it
 * ASSESS_IMPOSSIBLE                  a range, a key or bucket that cannot be
 * ASSESS_STOPPING                    stop() said so
 * ASSESS_ERROR                       out of memory, or of descriptors
 *
 * Messages name the bucket and the storage's own code, and never a key of an
 * account or a signature.
 */

/*
 * From offset on, at most size bytes, or all that follow with -1.  A read that
 * breaks off goes on where it was, if the object is still the same.
 */
assess_err_e assess_s3_get(assess_s3_t *s3, const char *bucket,
    const assess_str_t *key, int64_t offset, int64_t size,
    const assess_s3_sink_t *sink, assess_err_t *err);

assess_err_e assess_s3_head(assess_s3_t *s3, const char *bucket,
    const assess_str_t *key, assess_s3_object_t *object, assess_err_t *err);

/* Replaces what is there. */
assess_err_e assess_s3_put(assess_s3_t *s3, const char *bucket,
    const assess_str_t *key, const assess_s3_body_t *body, assess_err_t *err);

/* One that is not there is deleted, too. */
assess_err_e assess_s3_delete(assess_s3_t *s3, const char *bucket,
    const assess_str_t *key, assess_err_t *err);


/* Whether it may be the name of a bucket: 3 to 63 of a-z, 0-9, "." and "-". */
int assess_s3_bucket_valid(const char *data, size_t len);

/* A key as it stands in a path: all but A-Z a-z 0-9 - . _ ~ / as %XX. */
void assess_s3_path(assess_buf_t *b, const assess_str_t *key);


#endif /* ASSESS_S3_H */
