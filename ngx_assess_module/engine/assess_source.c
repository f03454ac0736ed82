
#include "assess_source.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


#define ASSESS_SOURCE_HTTP   80
#define ASSESS_SOURCE_HTTPS  443


static const char  assess_source_https[] = "https";
static const char  assess_source_http[] = "http";
static const char  assess_source_s3[] = "s3";


static int
assess_source_begins(const assess_str_t *text, const char *with)
{
    size_t  len;

    len = strlen(with);

    return text->len >= len && strncasecmp(text->data, with, len) == 0;
}


/* The name of a host, or an address; brackets are those of IPv6. */

static int
assess_source_host(const assess_str_t *host)
{
    size_t       i;
    const char  *also;

    if (host->len == 0 || host->len > 253) {
        return 0;
    }

    also = host->data[0] == '[' ? "[]:." : "-._";

    for (i = 0; i < host->len; i++) {

        if (host->data[i] >= 'A' && host->data[i] <= 'Z') {
            host->data[i] |= 0x20;
        }

        if ((host->data[i] < 'a' || host->data[i] > 'z')
            && (host->data[i] < '0' || host->data[i] > '9')
            && strchr(also, host->data[i]) == NULL)
        {
            return 0;
        }
    }

    return host->data[0] != '.' && host->data[host->len - 1] != '.';
}


static int
assess_source_port(const char *p, size_t len)
{
    int  port;

    if (len == 1 && *p == '*') {
        return ASSESS_SOURCE_ANY_PORT;
    }

    if (len == 0 || len > 5) {
        return 0;
    }

    for (port = 0; len; len--, p++) {

        if (*p < '0' || *p > '9') {
            return 0;
        }

        port = port * 10 + (*p - '0');
    }

    return port > 65535 ? 0 : port;
}


const char *
assess_source_rule(assess_str_t *text, assess_source_rule_t *rule)
{
    char          *p, *end;
    assess_str_t   rest;

    memset(rule, 0, sizeof(assess_source_rule_t));

    rest = *text;
    rule->scheme = assess_source_https;
    rule->port = ASSESS_SOURCE_HTTPS;

    if (assess_source_begins(&rest, "s3://")) {
        rest.data += 5;
        rest.len -= 5;

        rule->scheme = assess_source_s3;
        rule->port = 0;
        rule->host = rest;

        return assess_s3_bucket_valid(rest.data, rest.len)
               ? NULL : "has no name of a bucket";
    }

    if (assess_source_begins(&rest, "http://")) {
        rest.data += 7;
        rest.len -= 7;

        rule->scheme = assess_source_http;
        rule->port = ASSESS_SOURCE_HTTP;

    } else if (assess_source_begins(&rest, "https://")) {
        rest.data += 8;
        rest.len -= 8;
    }

    if (assess_source_begins(&rest, "*.")) {
        rest.data += 2;
        rest.len -= 2;
        rule->below = 1;
    }

    end = rest.data + rest.len;
    p = rest.len && rest.data[0] == '[' ? memchr(rest.data, ']', rest.len)
                                        : rest.data;

    p = p ? memchr(p, ':', (size_t) (end - p)) : NULL;

    if (p) {
        rule->port = assess_source_port(p + 1, (size_t) (end - p) - 1);

        if (rule->port == 0) {
            return "has no port from 1 to 65535, or \"*\"";
        }

        rest.len = (size_t) (p - rest.data);
    }

    rule->host = rest;

    return assess_source_host(&rest) ? NULL : "has no name of a host";
}


static assess_err_e
assess_source_bad(assess_err_t *err, const char *why)
{
    return assess_fail(err, ASSESS_INVALID, NULL, "the url %s", why);
}


static assess_err_e
assess_source_memory(assess_err_t *err)
{
    return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
}


/* What is behind the last slash, as it may be the name of a file */

static void
assess_source_last(const char *data, size_t len, assess_str_t *name)
{
    const char  *p, *end;

    end = data + len;

    for (p = end; p > data && p[-1] != '/'; p--) {
        /* void */
    }

    name->len = (size_t) (end - p);
    name->data = name->len ? (char *) p : NULL;
}


/*
 * s3://BUCKET/KEY: all behind the slash is the key, byte by byte, as the
 * storage's own tools have it.
 */

static assess_err_e
assess_source_object(assess_arena_t *arena, const assess_str_t *text,
    assess_source_t *source, assess_err_t *err)
{
    size_t   i, bucket;
    char    *slash;

    if (assess_pstrdup(arena, &source->url, text->data, text->len) != 0) {
        return assess_source_memory(err);
    }

    slash = strchr(source->url.data + 5, '/');
    bucket = slash ? (size_t) (slash - source->url.data) - 5 : 0;

    if (!assess_s3_bucket_valid(source->url.data + 5, bucket)) {
        return assess_source_bad(err, "must be s3://BUCKET/KEY");
    }

    source->scheme = assess_source_s3;

    if (assess_pstrdup(arena, &source->host, source->url.data + 5, bucket)
        != 0)
    {
        return assess_source_memory(err);
    }

    source->key.data = slash + 1;
    source->key.len = source->url.len - bucket - 6;

    if (source->key.len == 0 || source->key.len > ASSESS_S3_KEY_LEN) {
        return assess_source_bad(err, "must have a key of 1 to 1024 bytes");
    }

    for (i = 0; i < source->key.len; i++) {
        if ((unsigned char) source->key.data[i] < 0x20
            || source->key.data[i] == 0x7f)
        {
            return assess_source_bad(err, "has a control character");
        }
    }

    assess_source_last(source->key.data, source->key.len, &source->name);

    return ASSESS_OK;
}


/* A part of it in the arena: 1, 0 where it has none, -1 without memory */

static int
assess_source_part(assess_arena_t *arena, CURLU *url, CURLUPart part,
    unsigned flags, assess_str_t *value)
{
    int         rc;
    char       *text;
    CURLUcode   code;

    code = curl_url_get(url, part, &text, flags);

    if (code != CURLUE_OK) {
        return code == CURLUE_OUT_OF_MEMORY ? -1 : 0;
    }

    rc = assess_pstrdup(arena, value, text, strlen(text)) == 0 ? 1 : -1;
    curl_free(text);

    return rc;
}


static assess_err_e
assess_source_parts(assess_arena_t *arena, CURLU *url,
    assess_source_t *source, assess_err_t *err)
{
    int            rc;
    assess_str_t   scheme, port, path, user;

    if (assess_source_part(arena, url, CURLUPART_USER, 0, &user) != 0
        || assess_source_part(arena, url, CURLUPART_PASSWORD, 0, &user) != 0
        || assess_source_part(arena, url, CURLUPART_OPTIONS, 0, &user) != 0)
    {
        return assess_source_bad(err, "must not have a user or password");
    }

    if (assess_source_part(arena, url, CURLUPART_SCHEME, 0, &scheme) != 1) {
        return assess_source_memory(err);
    }

    if (strcasecmp(scheme.data, "https") == 0) {
        source->scheme = assess_source_https;

    } else if (strcasecmp(scheme.data, "http") == 0) {
        source->scheme = assess_source_http;

    } else {
        return assess_source_bad(err, "must begin with https://, http:// or "
                                 "s3://");
    }

    rc = assess_source_part(arena, url, CURLUPART_HOST, 0, &source->host);

    if (rc == 1 && source->host.len > 1
        && source->host.data[source->host.len - 1] == '.')
    {
        source->host.data[--source->host.len] = '\0';
    }

    if (rc != 1 || !assess_source_host(&source->host)) {
        return assess_source_bad(err, "must have the name of a host, in "
                                 "ASCII (xn--)");
    }

    if (assess_source_part(arena, url, CURLUPART_PORT, CURLU_DEFAULT_PORT,
                           &port) != 1
        || (source->port = assess_source_port(port.data, port.len)) <= 0)
    {
        return assess_source_bad(err, "must have a port from 1 to 65535");
    }

    rc = assess_source_part(arena, url, CURLUPART_PATH, CURLU_URLDECODE,
                            &path);

    if (rc == 1) {
        assess_source_last(path.data, path.len, &source->name);
    }

    (void) curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);

    if (rc == -1
        || assess_source_part(arena, url, CURLUPART_URL, 0, &source->url) != 1)
    {
        return assess_source_memory(err);
    }

    return ASSESS_OK;
}


assess_err_e
assess_source_read(assess_arena_t *arena, const assess_str_t *text,
    const assess_source_t *base, assess_source_t *source, assess_err_t *err)
{
    CURLU         *url;
    CURLUcode      code;
    assess_err_e   rc;
    assess_str_t   copy;

    memset(source, 0, sizeof(assess_source_t));

    if (text->len == 0 || text->len > ASSESS_SOURCE_LEN
        || memchr(text->data, '\0', text->len))
    {
        return assess_source_bad(err, "must have 1 to 2048 bytes");
    }

    if (base == NULL && assess_source_begins(text, "s3://")) {
        return assess_source_object(arena, text, source, err);
    }

    if (base == NULL && !assess_source_begins(text, "https://")
        && !assess_source_begins(text, "http://"))
    {
        return assess_source_bad(err, "must begin with https://, http:// or "
                                 "s3://");
    }

    /* libcurl takes "http:///path" for a host of that name */

    if (base == NULL && *(strchr(text->data, ':') + 3) == '/') {
        return assess_source_bad(err, "must have the name of a host");
    }

    url = curl_url();

    if (url == NULL
        || assess_pstrdup(arena, &copy, text->data, text->len) != 0)
    {
        curl_url_cleanup(url);
        return assess_source_memory(err);
    }

    code = base ? curl_url_set(url, CURLUPART_URL, base->url.data, 0)
                : CURLUE_OK;

    if (code == CURLUE_OK) {
        code = curl_url_set(url, CURLUPART_URL, copy.data, CURLU_URLENCODE);
    }

    switch (code) {

    case CURLUE_OK:
        rc = assess_source_parts(arena, url, source, err);
        break;

    case CURLUE_OUT_OF_MEMORY:
        rc = assess_source_memory(err);
        break;

    case CURLUE_UNSUPPORTED_SCHEME:
        rc = assess_source_bad(err, "must begin with https://, http:// or "
                               "s3://");
        break;

    default:
        rc = assess_source_bad(err, "is malformed");
    }

    curl_url_cleanup(url);

    return rc;
}


static int
assess_source_fits(const assess_source_rule_t *rule,
    const assess_source_t *source)
{
    size_t  more;

    if (rule->scheme != source->scheme
        || (rule->port != ASSESS_SOURCE_ANY_PORT
            && rule->port != source->port))
    {
        return 0;
    }

    if (!rule->below) {
        return rule->host.len == source->host.len
               && memcmp(rule->host.data, source->host.data, rule->host.len)
                  == 0;
    }

    if (source->host.len <= rule->host.len + 1) {
        return 0;
    }

    more = source->host.len - rule->host.len;

    return source->host.data[more - 1] == '.'
           && memcmp(source->host.data + more, rule->host.data,
                     rule->host.len) == 0;
}


assess_err_e
assess_source_allowed(const assess_source_conf_t *conf,
    assess_source_t *source, assess_err_t *err)
{
    size_t  i;

    for (i = 0; i < conf->nrules; i++) {

        if (assess_source_fits(&conf->rules[i], source)) {
            source->s3 = conf->rules[i].s3;
            return ASSESS_OK;
        }
    }

    if (conf->nrules == 0) {
        return assess_fail(err, ASSESS_FORBIDDEN, "source_forbidden",
                           "this server fetches no documents: its operator "
                           "has not allowed any source");
    }

    if (source->scheme == assess_source_s3) {
        return assess_fail(err, ASSESS_FORBIDDEN, "source_forbidden",
                           "the operator of this server has not allowed the "
                           "bucket \"%s\" as a source", source->host.data);
    }

    return assess_fail(err, ASSESS_FORBIDDEN, "source_forbidden",
                       "the operator of this server has not allowed "
                       "%s://%s:%d as a source", source->scheme,
                       source->host.data, source->port);
}
