
#include "assess_storage_s3.h"
#include "../store/assess_document.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* clients that keep their connections for whoever comes next */
#define ASSESS_STORAGE_S3_IDLE  16


typedef struct {
    const assess_s3_conf_t   *conf;
    const char               *bucket;
    const char               *prefix;
    int                     (*stop)(void *ctx);
    void                     *ctx;

    pthread_mutex_t           mutex;
    assess_s3_t              *idle[ASSESS_STORAGE_S3_IDLE];
    int                       nidle;
} assess_storage_s3_t;


/* One request: a client, and the key of the object. */

typedef struct {
    assess_storage_s3_t      *storage;
    assess_s3_t              *client;
    assess_buf_t              name;
    assess_str_t              key;
} assess_storage_s3_rq_t;


typedef struct {
    const assess_upload_t    *upload;
    assess_err_e              rc;
    assess_err_t              err;
} assess_storage_s3_body_t;


static assess_err_e assess_storage_s3_put(void *ctx, const char *object,
    const assess_upload_t *upload, assess_err_t *err);
static assess_err_e assess_storage_s3_get(void *ctx, const char *object,
    int64_t offset, size_t size, assess_buf_t *out, assess_err_t *err);
static assess_err_e assess_storage_s3_remove(void *ctx, const char *object,
    assess_err_t *err);
static void assess_storage_s3_destroy(void *ctx);


const assess_storage_ops_t  assess_storage_s3_ops = {
    assess_storage_s3_put,
    assess_storage_s3_get,
    assess_storage_s3_remove,
    NULL,
    assess_storage_s3_destroy,
    0,
    1
};


void *
assess_storage_s3_create(const assess_s3_conf_t *conf, const char *bucket,
    const char *prefix, int (*stop)(void *ctx), void *ctx)
{
    assess_storage_s3_t  *s;

    s = calloc(1, sizeof(assess_storage_s3_t));

    if (s == NULL || pthread_mutex_init(&s->mutex, NULL) != 0) {
        free(s);
        return NULL;
    }

    s->conf = conf;
    s->bucket = bucket;
    s->prefix = prefix;
    s->stop = stop;
    s->ctx = ctx;

    return s;
}


static void
assess_storage_s3_destroy(void *ctx)
{
    assess_storage_s3_t *s = ctx;

    while (s->nidle) {
        assess_s3_destroy(s->idle[--s->nidle]);
    }

    (void) pthread_mutex_destroy(&s->mutex);

    free(s);
}


static assess_err_e
assess_storage_s3_begin(assess_storage_s3_t *s, const char *object,
    assess_storage_s3_rq_t *rq, assess_err_t *err)
{
    memset(rq, 0, sizeof(assess_storage_s3_rq_t));

    rq->storage = s;

    (void) pthread_mutex_lock(&s->mutex);

    if (s->nidle) {
        rq->client = s->idle[--s->nidle];
    }

    (void) pthread_mutex_unlock(&s->mutex);

    if (rq->client == NULL) {
        rq->client = assess_s3_create(s->conf);
    }

    assess_buf_str(&rq->name, s->prefix);
    assess_buf_str(&rq->name, object);

    if (rq->client == NULL || rq->name.failed) {
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL, "out of memory");
    }

    assess_s3_watch(rq->client, s->stop, s->ctx);

    rq->key.data = rq->name.data;
    rq->key.len = rq->name.len;

    return ASSESS_OK;
}


static void
assess_storage_s3_end(assess_storage_s3_rq_t *rq)
{
    assess_s3_t          *client;
    assess_storage_s3_t  *s;

    s = rq->storage;
    client = rq->client;

    (void) pthread_mutex_lock(&s->mutex);

    if (client && s->nidle < ASSESS_STORAGE_S3_IDLE) {
        s->idle[s->nidle++] = client;
        client = NULL;
    }

    (void) pthread_mutex_unlock(&s->mutex);

    assess_s3_destroy(client);
    assess_buf_free(&rq->name);
}


static int64_t
assess_storage_s3_read(void *ctx, int64_t offset, char *buf, size_t size)
{
    assess_storage_s3_body_t *body = ctx;

    body->rc = assess_upload_read(body->upload, offset, buf, size,
                                  &body->err);

    return body->rc == ASSESS_OK ? (int64_t) size : -1;
}


/* What is refused may be taken when an operator has changed something. */

static assess_err_e
assess_storage_s3_unchanged(assess_err_e rc, assess_err_t *err)
{
    if (rc != ASSESS_OK && rc != ASSESS_STOPPING) {
        err->kind = ASSESS_UNAVAILABLE;
        return err->kind;
    }

    return rc;
}


static assess_err_e
assess_storage_s3_put(void *ctx, const char *object,
    const assess_upload_t *upload, assess_err_t *err)
{
    assess_err_e               rc;
    assess_s3_body_t           body;
    assess_storage_s3_rq_t     rq;
    assess_storage_s3_body_t   from;

    from.upload = upload;
    from.rc = ASSESS_OK;

    memset(&body, 0, sizeof(assess_s3_body_t));
    body.bytes = upload->bytes;
    body.sha256 = upload->sha256[0] ? upload->sha256 : NULL;
    body.read = assess_storage_s3_read;
    body.ctx = &from;

    rc = assess_storage_s3_begin(ctx, object, &rq, err);

    if (rc == ASSESS_OK) {
        rc = assess_s3_put(rq.client, rq.storage->bucket, &rq.key, &body,
                           err);
    }

    assess_storage_s3_end(&rq);

    if (from.rc != ASSESS_OK) {
        *err = from.err;
        return from.rc;
    }

    return assess_storage_s3_unchanged(rc, err);
}


/* Where there is no memory, the buffer says so */

static assess_err_e
assess_storage_s3_data(void *ctx, const char *data, size_t len,
    assess_err_t *err)
{
    assess_buf_t *out = ctx;

    assess_buf_add(out, data, len);

    return out->failed ? assess_fail(err, ASSESS_ERROR, NULL, "out of memory")
                       : ASSESS_OK;
}


static assess_err_e
assess_storage_s3_get(void *ctx, const char *object, int64_t offset,
    size_t size, assess_buf_t *out, assess_err_t *err)
{
    assess_err_e             rc;
    assess_s3_sink_t         sink;
    assess_storage_s3_rq_t   rq;

    memset(&sink, 0, sizeof(assess_s3_sink_t));
    sink.data = assess_storage_s3_data;
    sink.ctx = out;

    rc = assess_storage_s3_begin(ctx, object, &rq, err);

    if (rc == ASSESS_OK) {
        rc = assess_s3_get(rq.client, rq.storage->bucket, &rq.key, offset,
                           (int64_t) size, &sink, err);
    }

    assess_storage_s3_end(&rq);

    switch (rc) {

    case ASSESS_FAILED:
    case ASSESS_IMPOSSIBLE:

        /* a storage that may not be listed says so of what is missing, too */

        err->kind = ASSESS_ERROR;
        return err->kind;

    case ASSESS_ERROR:
        if (out->failed) {
            return ASSESS_OK;
        }

        err->kind = ASSESS_UNAVAILABLE;
        return err->kind;

    default:
        return rc;
    }
}


static assess_err_e
assess_storage_s3_remove(void *ctx, const char *object, assess_err_t *err)
{
    assess_err_e            rc;
    assess_storage_s3_rq_t  rq;

    rc = assess_storage_s3_begin(ctx, object, &rq, err);

    if (rc == ASSESS_OK) {
        rc = assess_s3_delete(rq.client, rq.storage->bucket, &rq.key, err);
    }

    assess_storage_s3_end(&rq);

    return assess_storage_s3_unchanged(rc, err);
}
