
/* sources: engine/assess_source.c engine/assess_address.c engine/assess_s3.c
   engine/assess_header.c engine/assess_perform.c engine/assess_sockets.c
   engine/assess_multipart.c base/assess_base.c */
/* libs: -lcurl -lm */

/*
 * The first byte says what the rest is: a rule (r), a network (n), a
 * Content-Disposition (d), where a redirection leads (l), or else the URL of a
 * client.  What is read of a URL is what libcurl is given: read again, it must
 * be the same, or another host is allowed than the one that is asked.
 */

#include "engine/assess_multipart.h"
#include "engine/assess_source.h"

#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_host(const assess_str_t *host)
{
    size_t  i;

    if (host->len == 0 || host->data[host->len] != '\0') {
        abort();
    }

    for (i = 0; i < host->len; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-._[]:",
                   host->data[i]) == NULL)
        {
            abort();
        }
    }
}


static void
check_url(assess_arena_t *arena, const assess_str_t *text,
    const assess_source_t *base)
{
    assess_err_t          err;
    assess_source_t       source, again;
    assess_source_conf_t  conf = { 0 };
    assess_source_rule_t  rule = { 0 };

    if (assess_source_read(arena, text, base, &source, &err) != ASSESS_OK) {

        if (err.kind != ASSESS_INVALID || err.message[0] == '\0') {
            abort();
        }

        return;
    }

    if (strcmp(source.scheme, "s3") == 0) {

        if (base || !assess_s3_bucket_valid(source.host.data, source.host.len)
            || source.key.len == 0 || source.key.len > ASSESS_S3_KEY_LEN)
        {
            abort();
        }

    } else {
        check_host(&source.host);

        if (source.port < 1 || source.port > 65535
            || strchr(source.url.data, '#'))
        {
            abort();
        }
    }

    /* it may have grown by what was escaped */

    if (source.url.len <= ASSESS_SOURCE_LEN
        && (assess_source_read(arena, &source.url, NULL, &again, &err)
            != ASSESS_OK
            || again.scheme != source.scheme || again.port != source.port
            || !assess_str_same(&again.host, &source.host)
            || !assess_str_same(&again.key, &source.key)))
    {
        abort();
    }

    if (assess_source_allowed(&conf, &source, &err) != ASSESS_FORBIDDEN) {
        abort();
    }

    rule.scheme = source.scheme;
    rule.host = source.host;
    rule.port = source.port;
    conf.rules = &rule;
    conf.nrules = 1;

    if (assess_source_allowed(&conf, &source, &err) != ASSESS_OK) {
        abort();
    }
}


static void
check_rule(assess_str_t *text)
{
    assess_source_rule_t  rule;

    if (assess_source_rule(text, &rule) == NULL
        && (rule.host.len == 0 || rule.host.data < text->data
            || rule.host.data + rule.host.len > text->data + text->len
            || memchr(rule.host.data, '/', rule.host.len)
            || memchr(rule.host.data, '@', rule.host.len)
            || memchr(rule.host.data, '*', rule.host.len)))
    {
        abort();
    }
}


static void
check_disposition(assess_str_t *text)
{
    assess_str_t  name;

    if (assess_disposition_filename(text, &name) != ASSESS_OK) {
        return;
    }

    if (name.len == 0 || name.data < text->data
        || name.data + name.len > text->data + text->len)
    {
        abort();
    }

    if (assess_is_filename(&name)
        && (memchr(name.data, '/', name.len)
            || memchr(name.data, '\0', name.len)))
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    assess_err_t      err;
    assess_net_t      net;
    assess_str_t      text;
    assess_arena_t   *arena;
    assess_source_t   base;

    static assess_str_t  from = assess_str("https://example.org/a/b?c");

    if (size == 0) {
        return 0;
    }

    arena = assess_arena_create();

    if (arena == NULL
        || assess_pstrdup(arena, &text, (const char *) data + 1, size - 1)
           != 0)
    {
        abort();
    }

    switch (*data) {

    case 'r':
        check_rule(&text);
        break;

    case 'n':
        if (assess_net_parse(text.data, &net) == 0
            && (net.bits < 0 || net.bits > 128))
        {
            abort();
        }
        break;

    case 'd':
        check_disposition(&text);
        break;

    case 'l':
        if (assess_source_read(arena, &from, NULL, &base, &err) != ASSESS_OK)
        {
            abort();
        }

        check_url(arena, &text, &base);
        break;

    default:
        check_url(arena, &text, NULL);
    }

    assess_arena_destroy(arena);

    return 0;
}
