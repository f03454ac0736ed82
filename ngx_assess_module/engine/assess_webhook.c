
#include "assess_webhook.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <strings.h>


#define ASSESS_WEBHOOK_PREFIX  "whsec_"

/* base64 of the longest key */
#define ASSESS_WEBHOOK_BASE64  ((ASSESS_WEBHOOK_SECRET_MAX + 2) / 3 * 4)


/*
 * OpenSSL takes white space around it, and counts what pads it as bytes: so the
 * way back has to give the same.
 */

const char *
assess_webhook_secret(const assess_str_t *text,
    assess_webhook_secret_t *secret)
{
    int             n, pads;
    size_t          len, prefix;
    const char     *data;
    unsigned char   key[ASSESS_WEBHOOK_BASE64 + 1];
    unsigned char   back[ASSESS_WEBHOOK_BASE64 + 1];

    prefix = sizeof(ASSESS_WEBHOOK_PREFIX) - 1;

    if (text->len < prefix
        || memcmp(text->data, ASSESS_WEBHOOK_PREFIX, prefix) != 0)
    {
        return "must begin with \"whsec_\"";
    }

    data = text->data + prefix;
    len = text->len - prefix;

    if (len > ASSESS_WEBHOOK_BASE64) {
        return "must have 24 to 64 bytes behind \"whsec_\", in base64";
    }

    n = EVP_DecodeBlock(key, (const unsigned char *) data, (int) len);

    for (pads = 0; pads < 2 && len && data[len - 1] == '='; pads++) {
        len--;
    }

    n -= pads;

    if (n < ASSESS_WEBHOOK_SECRET_MIN || n > ASSESS_WEBHOOK_SECRET_MAX
        || EVP_EncodeBlock(back, key, n) != (int) len + pads
        || memcmp(back, data, len) != 0)
    {
        return "must have 24 to 64 bytes behind \"whsec_\", in base64";
    }

    memcpy(secret->key, key, (size_t) n);
    secret->len = (size_t) n;

    return NULL;
}


void
assess_webhook_sign(assess_buf_t *b, const assess_webhook_secret_t *secrets,
    size_t n, const char *id, int64_t timestamp, const assess_str_t *body)
{
    size_t          i;
    unsigned        len;
    unsigned char   mac[EVP_MAX_MD_SIZE], text[EVP_MAX_MD_SIZE * 2];
    assess_buf_t    content;

    memset(&content, 0, sizeof(assess_buf_t));

    assess_buf_str(&content, id);
    assess_buf_char(&content, '.');
    assess_buf_int(&content, timestamp);
    assess_buf_char(&content, '.');
    assess_buf_add(&content, body->data, body->len);

    if (content.failed) {
        assess_buf_free(&content);
        b->failed = 1;
        return;
    }

    for (i = 0; i < n; i++) {

        if (HMAC(EVP_sha256(), secrets[i].key, (int) secrets[i].len,
                 (unsigned char *) content.data, content.len, mac, &len)
            == NULL)
        {
            b->failed = 1;
            break;
        }

        (void) EVP_EncodeBlock(text, mac, (int) len);

        assess_buf_str(b, i ? " v1," : "v1,");
        assess_buf_str(b, (char *) text);
    }

    assess_buf_free(&content);
}


/* The address that is a host by itself: 1 */

static int
assess_webhook_literal(const assess_str_t *host, struct sockaddr_storage *addr)
{
    char                  text[64];
    struct sockaddr_in   *v4;
    struct sockaddr_in6  *v6;

    memset(addr, 0, sizeof(struct sockaddr_storage));

    v4 = (struct sockaddr_in *) addr;
    v6 = (struct sockaddr_in6 *) addr;

    if (host->len == 0 || host->len >= sizeof(text)) {
        return 0;
    }

    if (host->data[0] == '[') {
        memcpy(text, host->data + 1, host->len - 1);
        text[host->len - 1] = '\0';
        text[strcspn(text, "%]")] = '\0';

        v6->sin6_family = AF_INET6;

        return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
    }

    memcpy(text, host->data, host->len);
    text[host->len] = '\0';

    /* the one name that is an address (RFC 6761) */

    if (strcmp(text, "localhost") == 0
        || (host->len > 10 && strcmp(text + host->len - 10, ".localhost")
                              == 0))
    {
        (void) strcpy(text, "127.0.0.1");
    }

    v4->sin_family = AF_INET;

    return inet_pton(AF_INET, text, &v4->sin_addr) == 1;
}


assess_err_e
assess_webhook_url(assess_arena_t *arena, const assess_str_t *text,
    const assess_net_t *nets, size_t nnets, assess_source_t *url,
    assess_err_t *err)
{
    assess_err_t             why;
    struct sockaddr_storage  addr;

    if ((text->len < 7 || strncasecmp(text->data, "http://", 7) != 0)
        && (text->len < 8 || strncasecmp(text->data, "https://", 8) != 0))
    {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "the url must begin with http:// or https://");
    }

    if (assess_source_read(arena, text, NULL, url, &why) != ASSESS_OK) {
        *err = why;
        return why.kind;
    }

    /* as it is written out, it is read again when it is called */

    if (url->url.len > ASSESS_SOURCE_LEN) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "the url must have 1 to 2048 bytes, escaped");
    }

    if (assess_webhook_literal(&url->host, &addr)
        && !assess_address_allowed((struct sockaddr *) &addr, nets, nnets))
    {
        return assess_fail(err, ASSESS_IMPOSSIBLE, NULL,
                           "the address of %.100s is not on the public "
                           "internet, and the operator of this server has not "
                           "allowed its network", url->host.data);
    }

    return ASSESS_OK;
}


/*
 * Redirections are answers like others that do not take it: the specification
 * wants receivers to be asked where they say they are.
 */

assess_webhook_e
assess_webhook_answer(long status)
{
    if (status >= 200 && status < 300) {
        return ASSESS_WEBHOOK_TAKEN;
    }

    switch (status) {

    case 410:
        return ASSESS_WEBHOOK_GONE;

    case 429:
    case 502:
    case 503:
    case 504:
        return ASSESS_WEBHOOK_LATER;

    default:
        return ASSESS_WEBHOOK_AGAIN;
    }
}
