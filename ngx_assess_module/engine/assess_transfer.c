
#include "assess_transfer.h"

#include "assess_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


static size_t
assess_transfer_write(char *data, size_t size, size_t n, void *ctx)
{
    assess_transfer_t  *t = ctx;

    n *= size;

    if (n > ASSESS_TRANSFER_MAX - t->reply.len) {
        return 0;
    }

    assess_buf_add(&t->reply, data, n);

    return t->reply.failed ? 0 : n;
}


static size_t
assess_transfer_header(char *line, size_t size, size_t n, void *ctx)
{
    assess_transfer_t  *t = ctx;

    n *= size;

    if (assess_ratelimit_header(&t->told, line, n, assess_now_ms())) {
        return n;
    }

    assess_header_keep(line, n, "retry-after", t->retry_after,
                       sizeof(t->retry_after));
    assess_header_keep(line, n, "retry-after-ms", t->retry_after_ms,
                       sizeof(t->retry_after_ms));
    assess_header_keep(line, n, "x-should-retry", t->should_retry,
                       sizeof(t->should_retry));

    return n;
}


static int
assess_endpoint_header(assess_endpoint_t *endpoint, const char *line)
{
    struct curl_slist  *list;

    list = curl_slist_append(endpoint->headers, line);
    if (list == NULL) {
        return -1;
    }

    endpoint->headers = list;

    return 0;
}


/* A key read from a file often ends with a line feed. */

static assess_str_t
assess_endpoint_key(const assess_provider_conf_t *conf)
{
    assess_str_t  key;

    key = conf->api_key;

    if (key.data == NULL) {
        key.len = 0;
    }

    while (key.len && (unsigned char) key.data[key.len - 1] <= ' ') {
        key.len--;
    }

    return key;
}


static int
assess_endpoint_authorize(assess_endpoint_t *endpoint)
{
    int           rc;
    size_t        i;
    assess_buf_t  line;
    assess_str_t  key;

    key = assess_endpoint_key(endpoint->conf);

    if (key.len == 0) {
        return 0;
    }

    for (i = 0; i < key.len; i++) {
        if ((unsigned char) key.data[i] < ' ') {
            return -1;
        }
    }

    memset(&line, 0, sizeof(assess_buf_t));

    assess_buf_str(&line, "Authorization: Bearer ");
    assess_buf_add(&line, key.data, key.len);

    rc = line.failed ? -1 : assess_endpoint_header(endpoint, line.data);

    assess_buf_free(&line);

    return rc;
}


int
assess_endpoint_init(assess_endpoint_t *endpoint,
    const assess_provider_conf_t *conf, const char *path)
{
    assess_buf_t  url;

    memset(endpoint, 0, sizeof(assess_endpoint_t));
    memset(&url, 0, sizeof(assess_buf_t));

    assess_buf_add(&url, conf->url.data, conf->url.len);
    assess_buf_str(&url, path);

    endpoint->conf = conf;
    endpoint->url = url.data;

    return url.failed
           || assess_endpoint_header(endpoint,
                                     "Content-Type: application/json") != 0
           || assess_endpoint_header(endpoint, "Accept: application/json") != 0
           || assess_endpoint_header(endpoint, "Expect:") != 0
           || assess_endpoint_authorize(endpoint) != 0 ? -1 : 0;
}


void
assess_endpoint_free(assess_endpoint_t *endpoint)
{
    curl_slist_free_all(endpoint->headers);
    free(endpoint->url);

    memset(endpoint, 0, sizeof(assess_endpoint_t));
}


/*
 * Where a connection that was kept turns out to be dead, libcurl sends what it
 * has of a body once more on another one, and says nothing of it.  What it has
 * to ask for it cannot send twice.
 */

static size_t
assess_transfer_read(char *data, size_t size, size_t n, void *ctx)
{
    assess_transfer_t *t = ctx;

    n *= size;
    n = n < t->request.len - t->read ? n : t->request.len - t->read;

    memcpy(data, t->request.data + t->read, n);
    t->read += n;

    return n;
}


/* What is not the same for all transfers: the others are set with the line */

static int
assess_transfer_load(assess_cargo_t *cargo, CURL *easy)
{
    long                      err;
    assess_transfer_t        *t;
    const assess_endpoint_t  *endpoint;

    t = (assess_transfer_t *) cargo;
    endpoint = t->endpoint;

    err = curl_easy_setopt(easy, CURLOPT_URL, endpoint->url);
    err |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                            (long) endpoint->conf->connect_ms);
    err |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                            (long) endpoint->conf->timeout_ms);
    err |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER,
                            t->trace[0] ? &t->traced : endpoint->headers);
    err |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t) t->request.len);
    err |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                            t->once ? NULL : t->request.data);
    err |= curl_easy_setopt(easy, CURLOPT_READFUNCTION, assess_transfer_read);
    err |= curl_easy_setopt(easy, CURLOPT_READDATA, t);
    err |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
    err |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                            assess_transfer_write);
    err |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    err |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
                            assess_transfer_header);
    err |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);

    /* one TLS connection for all where the server speaks HTTP/2 */

    err |= curl_easy_setopt(easy, CURLOPT_PIPEWAIT,
                            strncasecmp(endpoint->url, "https:", 6) == 0
                            ? 1L : 0L);

    return err == CURLE_OK ? 0 : -1;
}


int
assess_transfer_start(assess_transfer_t *t, assess_client_t *client,
    const assess_endpoint_t *endpoint)
{
    assess_ratelimit_init(&t->told);

    if (t->request.failed) {
        return -1;
    }

    t->read = 0;
    t->endpoint = endpoint;
    t->traced.data = t->trace;
    t->traced.next = endpoint->headers;
    t->cargo.load = assess_transfer_load;

    assess_client_send(client, &t->cargo);

    return 0;
}


void
assess_transfer_trace(assess_transfer_t *t, const char *traceparent)
{
    (void) snprintf(t->trace, sizeof(t->trace), "traceparent: %s",
                    traceparent);
}


void
assess_transfer_free(assess_transfer_t *t)
{
    assess_buf_free(&t->request);
    assess_buf_free(&t->reply);

    memset(t, 0, sizeof(assess_transfer_t));
}


static void
assess_transfer_str(assess_str_t *dst, const char *value)
{
    dst->len = strlen(value);
    dst->data = dst->len ? (char *) value : NULL;
}


void
assess_transfer_failure(const assess_transfer_t *t,
    const assess_provider_conf_t *conf, assess_failure_t *failure)
{
    failure->curl = t->cargo.code;
    failure->status = t->cargo.status;
    failure->lack = t->cargo.lack;
    failure->key = assess_endpoint_key(conf);
    failure->body.data = t->reply.data;
    failure->body.len = t->reply.len;

    assess_transfer_str(&failure->retry_after, t->retry_after);
    assess_transfer_str(&failure->retry_after_ms, t->retry_after_ms);
    assess_transfer_str(&failure->should_retry, t->should_retry);
}
