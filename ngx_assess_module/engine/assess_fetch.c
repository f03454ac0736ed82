
#include "assess_fetch.h"

#include "assess_header.h"
#include "assess_multipart.h"
#include "assess_perform.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


/* All headers of all answers: libcurl keeps them as they come. */
#define ASSESS_FETCH_HEADERS  (256 * 1024)

#define ASSESS_FETCH_HEADER   1024           /* of one that is kept */


typedef struct {
    const assess_fetch_t   *fetch;
    assess_arena_t         *arena;
    assess_fetched_t       *got;
    assess_err_t           *err;
    assess_perform_t        perform;

    int                     late;            /* its time was over */
    assess_err_e            taken;           /* what ended it from here */

    /* of the answer that comes */
    long                    status;
    size_t                  headers;         /* bytes, of all answers */
    int64_t                 length;          /* Content-Length; -1: none */
    char                    type[ASSESS_FETCH_HEADER];
    char                    disposition[ASSESS_FETCH_HEADER];
    char                    encoding[64];
    char                    location[ASSESS_SOURCE_LEN + 1];
} assess_fetching_t;


static int
assess_fetch_stop(void *ctx)
{
    assess_fetching_t *f = ctx;

    if (assess_mono_ms() >= f->fetch->until) {
        f->late = 1;
        return 1;
    }

    return f->fetch->stop && f->fetch->stop(f->fetch->ctx);
}


static int
assess_fetch_check(const struct sockaddr *addr, void *ctx)
{
    assess_fetching_t *f = ctx;

    return assess_address_allowed(addr, f->fetch->conf->nets,
                                  f->fetch->conf->nnets) ? 0 : -1;
}


static assess_err_e
assess_fetch_too_large(assess_fetching_t *f)
{
    return assess_fail(f->err, ASSESS_TOO_LARGE, "too_large",
                       "the document at the source is longer than %lld bytes",
                       (long long) f->fetch->max);
}


static assess_err_e
assess_fetch_take(assess_fetching_t *f, const char *data, size_t len)
{
    if (f->fetch->max && (int64_t) len > f->fetch->max - f->got->bytes) {
        return assess_fetch_too_large(f);
    }

    f->got->bytes += (int64_t) len;

    return f->fetch->data(f->fetch->ctx, data, len, f->err);
}


static size_t
assess_fetch_on_header(char *line, size_t size, size_t n, void *ctx)
{
    assess_fetching_t *f = ctx;

    char  length[32];

    n *= size;
    f->headers += n;

    if (f->headers > ASSESS_FETCH_HEADERS) {
        f->taken = assess_fail(f->err, ASSESS_IMPOSSIBLE, NULL,
                               "the source sends more headers than anybody "
                               "needs");
        return 0;
    }

    /* another answer begins: what came before it was provisional */

    if (n > 5 && strncmp(line, "HTTP/", 5) == 0) {
        f->length = -1;
        f->type[0] = '\0';
        f->disposition[0] = '\0';
        f->encoding[0] = '\0';
        f->location[0] = '\0';
        return n;
    }

    assess_header_keep(line, n, "content-type", f->type, sizeof(f->type));
    assess_header_keep(line, n, "content-disposition", f->disposition,
                       sizeof(f->disposition));
    assess_header_keep(line, n, "content-encoding", f->encoding,
                       sizeof(f->encoding));
    assess_header_keep(line, n, "location", f->location, sizeof(f->location));

    length[0] = '\0';
    assess_header_keep(line, n, "content-length", length, sizeof(length));

    if (isdigit((unsigned char) length[0])) {
        f->length = strtoll(length, NULL, 10);
    }

    return n;
}


/* Whether what comes is the document. */

static assess_err_e
assess_fetch_answer(assess_fetching_t *f)
{
    if (f->status >= 500) {
        return assess_fail(f->err, ASSESS_UPSTREAM, "source_unavailable",
                           "the source answers with %ld", f->status);
    }

    if (f->status != 200) {
        return assess_fail(f->err, ASSESS_IMPOSSIBLE, "source_refused",
                           "the source answers with %ld, not with the "
                           "document", f->status);
    }

    /* what is unpacked may be a thousand times as long */

    if (f->encoding[0] && strcasecmp(f->encoding, "identity") != 0) {
        return assess_fail(f->err, ASSESS_IMPOSSIBLE, "source_refused",
                           "the source compresses the document, though it was "
                           "asked not to");
    }

    if (f->fetch->max && f->length > f->fetch->max) {
        return assess_fetch_too_large(f);
    }

    return ASSESS_OK;
}


static size_t
assess_fetch_on_data(char *data, size_t size, size_t n, void *ctx)
{
    assess_fetching_t *f = ctx;

    n *= size;

    if (f->status == 0) {
        (void) curl_easy_getinfo(f->perform.easy, CURLINFO_RESPONSE_CODE,
                                 &f->status);
        f->taken = assess_fetch_answer(f);
    }

    if (f->taken == ASSESS_OK) {
        f->taken = assess_fetch_take(f, data, n);
    }

    return f->taken == ASSESS_OK ? n : 0;
}


static int
assess_fetch_options(assess_fetching_t *f, const assess_source_t *source,
    struct curl_slist *headers)
{
    CURL                        *easy;
    long                         err;
    const assess_source_conf_t  *conf;

    conf = f->fetch->conf;
    easy = f->perform.easy;

    err = curl_easy_setopt(easy, CURLOPT_URL, source->url.data);
    err |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    err |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                            (long) conf->connect_ms);
    err |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1024L);
    err |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                            (long) (conf->stall_ms + 999) / 1000);
    err |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
                            assess_fetch_on_header);
    err |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, f);
    err |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                            assess_fetch_on_data);
    err |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, f);

    /* each is looked up and connected to anew, and each address checked */

    err |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    err |= curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    err |= curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);

    if (conf->ca_file) {
        err |= curl_easy_setopt(easy, CURLOPT_CAINFO, conf->ca_file);
    }

    return err == CURLE_OK ? 0 : -1;
}


/* Why there was no answer, or not all of one. */

static assess_err_e
assess_fetch_failure(assess_fetching_t *f, const assess_source_t *source,
    CURLcode code)
{
    assess_perform_t  *p;

    p = &f->perform;

    if (f->late || code == CURLE_OPERATION_TIMEDOUT) {
        return assess_fail(f->err, ASSESS_LATE, "source_timeout",
                           "the source did not give the document in time%s"
                           "%.200s", f->late || !p->why[0] ? "" : ": ",
                           f->late ? "" : p->why);
    }

    if (p->stopped) {
        return assess_fail(f->err, ASSESS_STOPPING, NULL,
                           "the fetch was broken off, try again later");
    }

    if (p->refused) {
        return assess_fail(f->err, ASSESS_FORBIDDEN, "source_forbidden",
                           "the address of %s is not on the public internet, "
                           "and the operator of this server has not allowed "
                           "its network", source->host.data);
    }

    if (f->taken != ASSESS_OK) {
        return f->taken;
    }

    if (p->lack || code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT) {
        return assess_fail(f->err, ASSESS_UNAVAILABLE, NULL,
                           "the source cannot be asked now: %s",
                           p->lack ? strerror(p->lack)
                                   : curl_easy_strerror(code));
    }

    return assess_fail(f->err, ASSESS_UPSTREAM, "source_unavailable",
                       "the document cannot be fetched: %.200s",
                       p->why[0] ? p->why : curl_easy_strerror(code));
}


/* One request; ASSESS_OK is an answer, of whatever status. */

static assess_err_e
assess_fetch_request(assess_fetching_t *f, const assess_source_t *source)
{
    CURLcode            code;
    assess_err_e        rc;
    struct curl_slist  *headers;

    headers = NULL;

    f->status = 0;
    f->taken = ASSESS_OK;

    if (assess_perform_begin(&f->perform) != 0
        || assess_perform_header(&headers, "Accept-Encoding: identity") != 0
        || assess_fetch_options(f, source, headers) != 0)
    {
        rc = assess_fail(f->err, ASSESS_ERROR, "internal", "out of memory");

    } else {
        code = assess_perform(&f->perform);

        (void) curl_easy_getinfo(f->perform.easy, CURLINFO_RESPONSE_CODE,
                                 &f->status);

        /* of a redirection nothing but the header is read */

        if (code == CURLE_WRITE_ERROR && f->status / 100 == 3
            && f->taken == ASSESS_IMPOSSIBLE && f->location[0])
        {
            code = CURLE_OK;
        }

        rc = code == CURLE_OK ? ASSESS_OK
                              : assess_fetch_failure(f, source, code);
    }

    curl_slist_free_all(headers);

    return rc;
}


static int
assess_fetch_redirected(const assess_fetching_t *f)
{
    switch (f->status) {

    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        return f->location[0] != '\0';

    default:
        return 0;
    }
}


/* Where it is now, if that is allowed. */

static assess_err_e
assess_fetch_next(assess_fetching_t *f, const assess_source_t *source,
    assess_source_t *next)
{
    assess_err_t  why;
    assess_str_t  location;

    location.data = f->location;
    location.len = strlen(f->location);

    if (assess_source_read(f->arena, &location, source, next, &why)
        != ASSESS_OK)
    {
        if (why.kind != ASSESS_INVALID) {
            *f->err = why;
            return why.kind;
        }

        return assess_fail(f->err, ASSESS_IMPOSSIBLE, "source_refused",
                           "the source redirects to where nobody can go: "
                           "%.200s", why.message);
    }

    if (strcmp(source->scheme, "https") == 0
        && strcmp(next->scheme, "https") != 0)
    {
        return assess_fail(f->err, ASSESS_FORBIDDEN, "source_forbidden",
                           "the source redirects from https to http");
    }

    if (assess_source_allowed(f->fetch->conf, next, &why) != ASSESS_OK) {
        return assess_fail(f->err, why.kind, why.code,
                           "the source redirects: %.400s", why.message);
    }

    return ASSESS_OK;
}


/* The path's last part stands for a name only where it looks like one. */

static assess_err_e
assess_fetch_told(assess_fetching_t *f, const assess_source_t *source)
{
    assess_str_t  name;

    name.data = f->disposition;
    name.len = strlen(f->disposition);

    if (name.len == 0
        || assess_disposition_filename(&name, &name) != ASSESS_OK)
    {
        name = source->name;
    }

    if (name.data && !assess_is_filename(&name)) {
        name.data = NULL;
    }

    if ((name.data && assess_pstrdup(f->arena, &f->got->filename, name.data,
                                     name.len) != 0)
        || (f->type[0] && assess_pstrdup(f->arena, &f->got->content_type,
                                         f->type, strlen(f->type)) != 0))
    {
        return assess_fail(f->err, ASSESS_ERROR, "internal", "out of memory");
    }

    return ASSESS_OK;
}


static assess_err_e
assess_fetch_http(assess_fetching_t *f, const assess_source_t *source)
{
    int               hops;
    assess_err_e      rc;
    assess_source_t   at, next;

    if (assess_perform_init(&f->perform) != 0) {
        return assess_fail(f->err, ASSESS_ERROR, "internal", "out of memory");
    }

    f->perform.stop = assess_fetch_stop;
    f->perform.check = assess_fetch_check;
    f->perform.ctx = f;

    at = *source;

    for (hops = 0; /* void */ ; hops++) {

        rc = assess_fetch_request(f, &at);

        if (rc != ASSESS_OK || !assess_fetch_redirected(f)) {
            break;
        }

        if (hops == ASSESS_FETCH_REDIRECTS) {
            return assess_fail(f->err, ASSESS_IMPOSSIBLE, "source_refused",
                               "the source redirects more than %d times",
                               ASSESS_FETCH_REDIRECTS);
        }

        rc = assess_fetch_next(f, &at, &next);
        if (rc != ASSESS_OK) {
            return rc;
        }

        at = next;
    }

    if (rc == ASSESS_OK) {
        rc = assess_fetch_answer(f);
    }

    return rc == ASSESS_OK ? assess_fetch_told(f, &at) : rc;
}


static assess_err_e
assess_fetch_on_head(void *ctx, const assess_s3_object_t *object,
    assess_err_t *err)
{
    assess_fetching_t *f = ctx;

    (void) err;

    if (f->fetch->max && object->bytes > f->fetch->max) {
        return assess_fetch_too_large(f);
    }

    memcpy(f->type, object->content_type, sizeof(object->content_type));
    memcpy(f->disposition, object->disposition, sizeof(object->disposition));

    return ASSESS_OK;
}


static assess_err_e
assess_fetch_on_object(void *ctx, const char *data, size_t len,
    assess_err_t *err)
{
    (void) err;

    return assess_fetch_take(ctx, data, len);
}


/*
 * Where the object is stored is the operator's own choice: that address is
 * not checked.
 */

static assess_err_e
assess_fetch_s3(assess_fetching_t *f, const assess_source_t *source)
{
    assess_s3_t       *s3;
    assess_err_e       rc;
    assess_s3_conf_t   conf;
    assess_s3_sink_t   sink;

    /* the time of all of it is that of this fetch */

    conf = *source->s3;
    conf.timeout_ms = f->fetch->conf->timeout_ms;
    conf.stall_ms = f->fetch->conf->stall_ms;

    s3 = assess_s3_create(&conf);
    if (s3 == NULL) {
        return assess_fail(f->err, ASSESS_ERROR, "internal", "out of memory");
    }

    sink.head = assess_fetch_on_head;
    sink.data = assess_fetch_on_object;
    sink.ctx = f;

    assess_s3_watch(s3, assess_fetch_stop, f);

    rc = assess_s3_get(s3, source->host.data, &source->key, 0, -1, &sink,
                       f->err);
    assess_s3_destroy(s3);

    if (rc == ASSESS_OK) {
        return assess_fetch_told(f, source);
    }

    if (f->late) {
        return assess_fail(f->err, ASSESS_LATE, "source_timeout",
                           "the storage did not give the document in time");
    }

    if (rc == ASSESS_NOT_FOUND) {
        f->err->kind = ASSESS_IMPOSSIBLE;

    } else if (rc == ASSESS_UNAVAILABLE && f->err->code
               && strcmp(f->err->code, "s3_timeout") == 0)
    {
        f->err->kind = ASSESS_LATE;

    } else if (f->err->code && strncmp(f->err->code, "s3_", 3) == 0) {
        f->err->kind = ASSESS_UPSTREAM;
    }

    return f->err->kind;
}


assess_err_e
assess_fetch(assess_arena_t *arena, const assess_fetch_t *fetch,
    const assess_source_t *source, assess_fetched_t *got, assess_err_t *err)
{
    assess_err_e        rc;
    assess_fetching_t  *f;

    memset(got, 0, sizeof(assess_fetched_t));

    f = assess_pcalloc(arena, sizeof(assess_fetching_t));
    if (f == NULL) {
        return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
    }

    f->fetch = fetch;
    f->arena = arena;
    f->got = got;
    f->err = err;
    f->length = -1;

    if (source->s3) {
        return assess_fetch_s3(f, source);
    }

    rc = assess_fetch_http(f, source);
    assess_perform_free(&f->perform);

    return rc;
}
