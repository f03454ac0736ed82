
#include "assess_s3.h"

#include "assess_header.h"
#include "assess_perform.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* Of an answer that is an error, so much is read to find out which. */
#define ASSESS_S3_ERROR    4096

#define ASSESS_S3_BACKOFF  100               /* ms, doubled with each try */

#define ASSESS_S3_EMPTY                                                      \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


struct assess_s3_s {
    const assess_s3_conf_t   *conf;
    assess_perform_t          perform;
    char                     *sign;          /* "aws:amz:region:s3" */
};


typedef enum {
    ASSESS_S3_GET = 0,
    ASSESS_S3_HEAD,
    ASSESS_S3_PUT,
    ASSESS_S3_DELETE
} assess_s3_method_e;


/* One request, over all of its tries. */

typedef struct {
    assess_s3_t              *s3;
    assess_s3_method_e        method;
    const char               *bucket;
    char                     *url;
    assess_err_t             *err;

    int64_t                   offset;        /* of what is read */
    int64_t                   size;          /* -1: to the end */
    int64_t                   done;          /* and was taken */
    const assess_s3_sink_t   *sink;
    assess_err_e              taken;         /* what the sink said */
    int                       told;          /* the sink has the head */
    char                      etag[128];     /* of what it has a part of */

    const assess_s3_body_t   *body;
    int64_t                   sent;

    /* of the answer to the last try */
    assess_s3_object_t        object;
    int64_t                   first;         /* of Content-Range; -1: none */
    int                       placed;        /* it begins where it should */
    long                      status;
    char                      text[ASSESS_S3_ERROR + 1];
    size_t                    text_len;
} assess_s3_request_t;


assess_s3_t *
assess_s3_create(const assess_s3_conf_t *conf)
{
    assess_s3_t   *s3;
    assess_buf_t   sign;

    s3 = calloc(1, sizeof(assess_s3_t));
    if (s3 == NULL) {
        return NULL;
    }

    memset(&sign, 0, sizeof(assess_buf_t));
    assess_buf_str(&sign, "aws:amz:");
    assess_buf_add(&sign, conf->region.data, conf->region.len);
    assess_buf_str(&sign, ":s3");

    s3->conf = conf;
    s3->sign = sign.data;

    if (assess_perform_init(&s3->perform) != 0 || sign.failed) {
        assess_s3_destroy(s3);
        return NULL;
    }

    return s3;
}


void
assess_s3_destroy(assess_s3_t *s3)
{
    if (s3) {
        assess_perform_free(&s3->perform);
        free(s3->sign);
        free(s3);
    }
}


void
assess_s3_watch(assess_s3_t *s3, int (*stop)(void *ctx), void *ctx)
{
    s3->perform.stop = stop;
    s3->perform.ctx = ctx;
}


int
assess_s3_bucket_valid(const char *data, size_t len)
{
    size_t  i;

    if (len < 3 || len > ASSESS_S3_BUCKET_LEN
        || data[0] == '.' || data[0] == '-'
        || data[len - 1] == '.' || data[len - 1] == '-')
    {
        return 0;
    }

    for (i = 0; i < len; i++) {

        if ((data[i] < 'a' || data[i] > 'z')
            && (data[i] < '0' || data[i] > '9')
            && data[i] != '-' && (data[i] != '.' || data[i + 1] == '.'))
        {
            return 0;
        }
    }

    return 1;
}


/*
 * What is signed is the path as it is sent, which the other side writes anew
 * from the key: both must be the same, letter by letter.
 */

void
assess_s3_path(assess_buf_t *b, const assess_str_t *key)
{
    size_t         i;
    unsigned char  ch;

    static const char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < key->len; i++) {

        ch = (unsigned char) key->data[i];

        if ((ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z')
            || (ch >= '0' && ch <= '9') || ch == '-' || ch == '.'
            || ch == '_' || ch == '~' || ch == '/')
        {
            assess_buf_char(b, (char) ch);
            continue;
        }

        assess_buf_char(b, '%');
        assess_buf_char(b, hex[ch >> 4]);
        assess_buf_char(b, hex[ch & 15]);
    }
}


static assess_err_e
assess_s3_url(assess_s3_request_t *rq, const assess_str_t *key)
{
    size_t                   host;
    const char              *sep;
    assess_buf_t             url;
    const assess_s3_conf_t  *conf;

    conf = rq->s3->conf;

    if (!assess_s3_bucket_valid(rq->bucket, strlen(rq->bucket))) {
        return assess_fail(rq->err, ASSESS_IMPOSSIBLE, NULL,
                           "\"%.64s\" cannot be the name of a bucket",
                           rq->bucket);
    }

    if (key->len == 0 || key->len > ASSESS_S3_KEY_LEN
        || memchr(key->data, '\0', key->len))
    {
        return assess_fail(rq->err, ASSESS_IMPOSSIBLE, NULL,
                           "the key of an object must have 1 to %d bytes",
                           ASSESS_S3_KEY_LEN);
    }

    memset(&url, 0, sizeof(assess_buf_t));

    if (conf->virtual_host) {
        sep = strstr(conf->endpoint.data, "://");
        host = sep ? (size_t) (sep - conf->endpoint.data) + 3 : 0;

        assess_buf_add(&url, conf->endpoint.data, host);
        assess_buf_str(&url, rq->bucket);
        assess_buf_char(&url, '.');
        assess_buf_add(&url, conf->endpoint.data + host,
                       conf->endpoint.len - host);

    } else {
        assess_buf_add(&url, conf->endpoint.data, conf->endpoint.len);
        assess_buf_char(&url, '/');
        assess_buf_str(&url, rq->bucket);
    }

    assess_buf_char(&url, '/');
    assess_s3_path(&url, key);

    rq->url = url.data;

    return url.failed ? assess_fail(rq->err, ASSESS_ERROR, "internal",
                                    "out of memory")
                      : ASSESS_OK;
}


/* bytes FIRST-LAST/TOTAL, or bytes N/A */

static void
assess_s3_ranged(assess_s3_request_t *rq, const char *value)
{
    long long  first, total;

    if (sscanf(value, "bytes %lld-%*d/%lld", &first, &total) == 2
        && first >= 0 && total >= 0)
    {
        rq->first = first;
        rq->object.bytes = total;
    }
}


static size_t
assess_s3_on_header(char *line, size_t size, size_t n, void *ctx)
{
    assess_s3_request_t *rq = ctx;

    char                 value[64];
    assess_s3_object_t  *object;

    n *= size;
    object = &rq->object;

    /* another one begins: what came before it was provisional */

    if (n > 5 && strncmp(line, "HTTP/", 5) == 0) {
        memset(object, 0, sizeof(assess_s3_object_t));
        object->bytes = -1;
        rq->first = -1;
        return n;
    }

    assess_header_keep(line, n, "etag", object->etag, sizeof(object->etag));
    assess_header_keep(line, n, "content-type", object->content_type,
                       sizeof(object->content_type));
    assess_header_keep(line, n, "content-disposition", object->disposition,
                       sizeof(object->disposition));

    value[0] = '\0';
    assess_header_keep(line, n, "content-length", value, sizeof(value));

    if (isdigit((unsigned char) value[0]) && rq->first == -1) {
        object->bytes = strtoll(value, NULL, 10);
    }

    value[0] = '\0';
    assess_header_keep(line, n, "content-range", value, sizeof(value));

    if (value[0]) {
        assess_s3_ranged(rq, value);
    }

    return n;
}


static void
assess_s3_status(assess_s3_request_t *rq)
{
    rq->status = 0;

    (void) curl_easy_getinfo(rq->s3->perform.easy, CURLINFO_RESPONSE_CODE,
                             &rq->status);
}


static int
assess_s3_good(const assess_s3_request_t *rq)
{
    return rq->status >= 200 && rq->status < 300;
}


/* A storage that knows no ranges would give the whole from its start. */

static assess_err_e
assess_s3_in_place(assess_s3_request_t *rq)
{
    int64_t  from;

    from = rq->offset + rq->done;

    if (rq->first == from || (rq->first == -1 && from == 0)) {
        return ASSESS_OK;
    }

    return assess_fail(rq->err, ASSESS_FAILED, "s3_refused",
                       "the storage gives another range of the object than "
                       "was asked for");
}


static size_t
assess_s3_on_data(char *data, size_t size, size_t n, void *ctx)
{
    assess_s3_request_t *rq = ctx;

    size_t  room;

    n *= size;

    if (rq->status == 0) {
        assess_s3_status(rq);
    }

    if (!assess_s3_good(rq) || rq->sink == NULL) {
        room = ASSESS_S3_ERROR - rq->text_len;
        room = n < room ? n : room;

        memcpy(rq->text + rq->text_len, data, room);
        rq->text_len += room;
        rq->text[rq->text_len] = '\0';

        return n;
    }

    if (!rq->placed) {
        rq->taken = assess_s3_in_place(rq);
        rq->placed = 1;
    }

    if (rq->taken == ASSESS_OK && !rq->told) {
        rq->told = 1;
        memcpy(rq->etag, rq->object.etag, sizeof(rq->etag));

        if (rq->sink->head) {
            rq->taken = rq->sink->head(rq->sink->ctx, &rq->object, rq->err);
        }
    }

    /* nobody gets more than was asked for */

    room = n;

    if (rq->size != -1 && (int64_t) room > rq->size - rq->done) {
        room = (size_t) (rq->size - rq->done);
    }

    if (rq->taken == ASSESS_OK && room) {
        rq->taken = rq->sink->data(rq->sink->ctx, data, room, rq->err);
    }

    if (rq->taken != ASSESS_OK) {
        return 0;
    }

    rq->done += (int64_t) room;

    return n;
}


static size_t
assess_s3_on_read(char *buf, size_t size, size_t n, void *ctx)
{
    assess_s3_request_t *rq = ctx;

    int64_t  got;

    n *= size;

    if ((int64_t) n > rq->body->bytes - rq->sent) {
        n = (size_t) (rq->body->bytes - rq->sent);
    }

    if (n == 0) {
        return 0;
    }

    got = rq->body->read(rq->body->ctx, rq->sent, buf, n);

    if (got <= 0) {
        rq->taken = assess_fail(rq->err, ASSESS_ERROR, "internal",
                                "what is to be stored cannot be read");
        return CURL_READFUNC_ABORT;
    }

    rq->sent += got;

    return (size_t) got;
}


static int
assess_s3_on_seek(void *ctx, curl_off_t offset, int origin)
{
    assess_s3_request_t *rq = ctx;

    if (origin != SEEK_SET || offset < 0 || offset > rq->body->bytes) {
        return CURL_SEEKFUNC_CANTSEEK;
    }

    rq->sent = offset;

    return CURL_SEEKFUNC_OK;
}


/* What the headers say is signed with the rest, but for the range. */

static int
assess_s3_headers(assess_s3_request_t *rq, struct curl_slist **list)
{
    int                      rc;
    const char              *sum;
    const assess_s3_conf_t  *conf;

    conf = rq->s3->conf;
    sum = ASSESS_S3_EMPTY;

    if (rq->method == ASSESS_S3_PUT) {
        sum = rq->body->sha256 ? rq->body->sha256 : "UNSIGNED-PAYLOAD";
    }

    rc = assess_perform_header(list, "x-amz-content-sha256: %s", sum);

    if (conf->session_token.len) {
        rc |= assess_perform_header(list, "x-amz-security-token: %s",
                                    conf->session_token.data);
    }

    if (rq->method == ASSESS_S3_PUT && rq->body->content_type) {
        rc |= assess_perform_header(list, "Content-Type: %s",
                                    rq->body->content_type);
    }

    if (rq->done && rq->etag[0]) {
        rc |= assess_perform_header(list, "If-Match: %s", rq->etag);
    }

    return rc;
}


static int
assess_s3_range(const assess_s3_request_t *rq, char *range, size_t size)
{
    int64_t  from;

    from = rq->offset + rq->done;

    if (rq->size != -1) {
        (void) snprintf(range, size, "%lld-%lld", (long long) from,
                        (long long) (rq->offset + rq->size - 1));
        return 1;
    }

    (void) snprintf(range, size, "%lld-", (long long) from);

    return from != 0;
}


static int
assess_s3_options(assess_s3_request_t *rq, struct curl_slist *headers)
{
    CURL                    *easy;
    long                     err;
    char                     range[64];
    const assess_s3_conf_t  *conf;

    conf = rq->s3->conf;
    easy = rq->s3->perform.easy;

    err = curl_easy_setopt(easy, CURLOPT_URL, rq->url);
    err |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    err |= curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, rq->s3->sign);
    err |= curl_easy_setopt(easy, CURLOPT_USERNAME, conf->access_key.data);
    err |= curl_easy_setopt(easy, CURLOPT_PASSWORD, conf->secret_key.data);
    err |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    err |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                            (long) conf->connect_ms);
    err |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                            (long) conf->timeout_ms);
    err |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
                            assess_s3_on_header);
    err |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, rq);
    err |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, assess_s3_on_data);
    err |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, rq);

    if (conf->stall_ms) {
        err |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1024L);
        err |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                                (long) (conf->stall_ms + 999) / 1000);
    }

    switch (rq->method) {

    case ASSESS_S3_GET:
        if (assess_s3_range(rq, range, sizeof(range))) {
            err |= curl_easy_setopt(easy, CURLOPT_RANGE, range);
        }
        break;

    case ASSESS_S3_HEAD:
        err |= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        break;

    case ASSESS_S3_PUT:
        err |= curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        err |= curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                                (curl_off_t) rq->body->bytes);
        err |= curl_easy_setopt(easy, CURLOPT_READFUNCTION,
                                assess_s3_on_read);
        err |= curl_easy_setopt(easy, CURLOPT_READDATA, rq);
        err |= curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION,
                                assess_s3_on_seek);
        err |= curl_easy_setopt(easy, CURLOPT_SEEKDATA, rq);
        break;

    case ASSESS_S3_DELETE:
        err |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
        break;
    }

    return err == CURLE_OK ? 0 : -1;
}


/* <Code> of the error that the storage tells as XML; "" without one */

static void
assess_s3_code(const assess_s3_request_t *rq, char *code, size_t size)
{
    size_t       i;
    const char  *p;

    p = strstr(rq->text, "<Code>");
    i = 0;

    if (p) {
        for (p += 6; i < size - 1 && isalnum((unsigned char) *p); p++) {
            code[i++] = *p;
        }
    }

    code[i] = '\0';
}


/* Answers that are errors: an object may be missing, or all may be. */

static assess_err_e
assess_s3_answer(assess_s3_request_t *rq)
{
    char  code[64];

    assess_s3_code(rq, code, sizeof(code));

    if (rq->status == 404) {
        return assess_fail(rq->err, ASSESS_NOT_FOUND, NULL, "%s \"%s\"",
                           strcmp(code, "NoSuchBucket") == 0
                           ? "there is no bucket"
                           : "there is no such object in the bucket",
                           rq->bucket);
    }

    if (rq->status == 416) {
        return assess_fail(rq->err, ASSESS_IMPOSSIBLE, NULL,
                           "the object does not have that range");
    }

    if (rq->status >= 500 || rq->status == 429 || rq->status == 408) {
        return assess_fail(rq->err, ASSESS_UNAVAILABLE, "s3_unavailable",
                           "the storage answers for bucket \"%s\" with %ld%s"
                           "%s", rq->bucket, rq->status, code[0] ? " " : "",
                           code);
    }

    if (rq->status == 412) {
        return assess_fail(rq->err, ASSESS_FAILED, "s3_refused",
                           "the object was changed while it was read");
    }

    return assess_fail(rq->err, ASSESS_FAILED, "s3_refused",
                       "the storage refuses a request to bucket \"%s\" with "
                       "%ld%s%s%s", rq->bucket, rq->status,
                       code[0] ? " " : "", code,
                       rq->status / 100 == 3
                       ? ", it may be in another region" : "");
}


/* No answer, or not all of one. */

static assess_err_e
assess_s3_failure(assess_s3_request_t *rq, CURLcode code)
{
    assess_perform_t  *p;

    p = &rq->s3->perform;

    if (p->stopped) {
        return assess_fail(rq->err, ASSESS_STOPPING, NULL,
                           "the request was broken off");
    }

    if (rq->taken != ASSESS_OK) {
        return rq->taken;
    }

    switch (code) {

    case CURLE_OPERATION_TIMEDOUT:
        return assess_fail(rq->err, ASSESS_UNAVAILABLE, "s3_timeout",
                           "the storage did not answer in time: %.200s",
                           p->why);

    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
        return assess_fail(rq->err, ASSESS_ERROR, "internal",
                           "a request to the storage cannot be made: %s",
                           curl_easy_strerror(code));

    default:
        return assess_fail(rq->err, ASSESS_UNAVAILABLE, "s3_unavailable",
                           "the storage cannot be reached: %.200s",
                           p->why[0] ? p->why : curl_easy_strerror(code));
    }
}


static assess_err_e
assess_s3_try(assess_s3_request_t *rq)
{
    CURLcode            code;
    assess_err_e        rc;
    assess_perform_t   *p;
    struct curl_slist  *headers;

    p = &rq->s3->perform;
    headers = NULL;

    rq->status = 0;
    rq->placed = 0;
    rq->sent = 0;
    rq->text_len = 0;
    rq->text[0] = '\0';
    rq->taken = ASSESS_OK;

    if (assess_perform_begin(p) != 0 || assess_s3_headers(rq, &headers) != 0
        || assess_s3_options(rq, headers) != 0)
    {
        rc = assess_fail(rq->err, ASSESS_ERROR, "internal", "out of memory");

    } else {
        code = assess_perform(p);
        assess_s3_status(rq);

        if (code != CURLE_OK) {
            rc = assess_s3_failure(rq, code);

        } else if (!assess_s3_good(rq)) {
            rc = assess_s3_answer(rq);

        } else {
            rc = ASSESS_OK;
        }
    }

    curl_slist_free_all(headers);

    return rc;
}


/* An empty object has no byte for the sink to be told before. */

static assess_err_e
assess_s3_end(assess_s3_request_t *rq)
{
    if (rq->sink == NULL || rq->told || rq->sink->head == NULL) {
        return ASSESS_OK;
    }

    return rq->sink->head(rq->sink->ctx, &rq->object, rq->err);
}


static assess_err_e
assess_s3_run(assess_s3_request_t *rq, const assess_str_t *key)
{
    int            tries;
    int64_t        pause;
    assess_err_e   rc;

    rc = assess_s3_url(rq, key);

    pause = ASSESS_S3_BACKOFF;

    for (tries = rq->s3->conf->tries; rc == ASSESS_OK; tries--) {

        rc = assess_s3_try(rq);

        /* what was taken from somebody's hands is no fault of the storage */

        if (rc != ASSESS_UNAVAILABLE || rq->taken != ASSESS_OK || tries <= 1)
        {
            break;
        }

        if (assess_perform_wait(&rq->s3->perform, pause)) {
            rc = assess_fail(rq->err, ASSESS_STOPPING, NULL,
                             "the request was broken off");
            break;
        }

        pause *= 2;
        rc = ASSESS_OK;
    }

    free(rq->url);

    return rc == ASSESS_OK ? assess_s3_end(rq) : rc;
}


static void
assess_s3_request(assess_s3_request_t *rq, assess_s3_t *s3,
    assess_s3_method_e method, const char *bucket, assess_err_t *err)
{
    memset(rq, 0, sizeof(assess_s3_request_t));

    rq->s3 = s3;
    rq->method = method;
    rq->bucket = bucket;
    rq->err = err;
    rq->size = -1;
    rq->first = -1;
    rq->object.bytes = -1;
}


assess_err_e
assess_s3_get(assess_s3_t *s3, const char *bucket, const assess_str_t *key,
    int64_t offset, int64_t size, const assess_s3_sink_t *sink,
    assess_err_t *err)
{
    assess_s3_request_t  rq;

    if (offset < 0 || size == 0 || size < -1 || size > INT64_MAX - offset) {
        return assess_fail(err, ASSESS_IMPOSSIBLE, NULL,
                           "that is no range of an object");
    }

    assess_s3_request(&rq, s3, ASSESS_S3_GET, bucket, err);

    rq.offset = offset;
    rq.size = size;
    rq.sink = sink;

    return assess_s3_run(&rq, key);
}


assess_err_e
assess_s3_head(assess_s3_t *s3, const char *bucket, const assess_str_t *key,
    assess_s3_object_t *object, assess_err_t *err)
{
    assess_err_e         rc;
    assess_s3_request_t  rq;

    assess_s3_request(&rq, s3, ASSESS_S3_HEAD, bucket, err);

    rc = assess_s3_run(&rq, key);

    if (rc == ASSESS_OK) {
        *object = rq.object;
    }

    return rc;
}


assess_err_e
assess_s3_put(assess_s3_t *s3, const char *bucket, const assess_str_t *key,
    const assess_s3_body_t *body, assess_err_t *err)
{
    assess_s3_request_t  rq;

    assess_s3_request(&rq, s3, ASSESS_S3_PUT, bucket, err);

    rq.body = body;

    return assess_s3_run(&rq, key);
}


assess_err_e
assess_s3_delete(assess_s3_t *s3, const char *bucket, const assess_str_t *key,
    assess_err_t *err)
{
    assess_err_e         rc;
    assess_s3_request_t  rq;

    assess_s3_request(&rq, s3, ASSESS_S3_DELETE, bucket, err);

    rc = assess_s3_run(&rq, key);

    return rc == ASSESS_NOT_FOUND && rq.status == 404
           && strstr(rq.text, "NoSuchBucket") == NULL ? ASSESS_OK : rc;
}
