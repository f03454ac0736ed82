
#include "assess_price.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <openssl/sha.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


/* the whole list of LiteLLM has one and a half */
#define ASSESS_PRICES_MAX  (64 * 1024 * 1024)


/* What a price is called, and where it goes; the last is an older name. */

static const struct {
    const char  *name;
    size_t       offset;
} assess_price_names[] = {
    { "input_cost_per_token", offsetof(assess_tier_t, input) },
    { "output_cost_per_token", offsetof(assess_tier_t, output) },
    { "input_cost_per_token_cache_hit", offsetof(assess_tier_t, cached) },
    { "cache_read_input_token_cost", offsetof(assess_tier_t, cached) },
    { "cache_creation_input_token_cost", offsetof(assess_tier_t, written) },
    { NULL, 0 }
};


/*
 * Behind the name of a price may stand from how many tokens on it holds:
 * "_above_200k_tokens".  0 for nothing, -1 for anything else.
 */

static int64_t
assess_price_above(const char *tail)
{
    char  *end;
    long   n;

    if (*tail == '\0') {
        return 0;
    }

    if (strncmp(tail, "_above_", 7) != 0 || !isdigit((unsigned char) tail[7]))
    {
        return -1;
    }

    n = strtol(tail + 7, &end, 10);

    return n > 0 && n < 1000000000 && strcmp(end, "k_tokens") == 0
           ? (int64_t) n * 1000 : -1;
}


/* The tier from so many tokens on, which is made in its place; NULL: full. */

static assess_tier_t *
assess_price_tier(assess_price_t *price, int64_t above)
{
    size_t          i;
    assess_tier_t  *tier;

    for (i = 0; i < price->ntiers && price->tiers[i].above < above; i++) {
        /* void */
    }

    tier = &price->tiers[i];

    if (i < price->ntiers && tier->above == above) {
        return tier;
    }

    if (price->ntiers == ASSESS_TIERS) {
        return NULL;
    }

    memmove(tier + 1, tier, (price->ntiers - i) * sizeof(assess_tier_t));
    price->ntiers++;

    tier->above = above;
    tier->input = tier->output = tier->cached = tier->written = -1;

    return tier;
}


/* One member of an entry; 1 where it is a price, 0 where none, -1: a bad one */

static int
assess_price_member(assess_price_t *price, const char *name, json_t *value)
{
    double          usd;
    size_t          i, len;
    int64_t         above;
    assess_tier_t  *tier;

    for (i = 0; assess_price_names[i].name; i++) {

        len = strlen(assess_price_names[i].name);

        if (strncmp(name, assess_price_names[i].name, len) != 0) {
            continue;
        }

        above = assess_price_above(name + len);

        if (above == -1) {
            continue;
        }

        if (json_is_null(value)) {
            return 0;
        }

        usd = json_number_value(value);

        if (!json_is_number(value) || !isfinite(usd) || usd < 0) {
            return -1;
        }

        tier = assess_price_tier(price, above);

        if (tier) {
            *(double *) ((char *) tier + assess_price_names[i].offset) = usd;
        }

        return 1;
    }

    return 0;
}


/* What a tier does not say is as in the one before it, or as input. */

static void
assess_price_complete(assess_price_t *price)
{
    size_t          i;
    assess_tier_t  *tier, *before;

    for (i = 0; i < price->ntiers; i++) {

        tier = &price->tiers[i];
        before = i ? tier - 1 : NULL;

        if (tier->input < 0) {
            tier->input = before ? before->input : 0;
        }

        if (tier->output < 0) {
            tier->output = before ? before->output : 0;
        }

        if (tier->cached < 0) {
            tier->cached = before && before->cached != before->input
                           ? before->cached : tier->input;
        }

        if (tier->written < 0) {
            tier->written = before && before->written != before->input
                            ? before->written : tier->input;
        }
    }
}


/* 1: it has a price by the token; 0: it is priced otherwise; -1: not valid */

static int
assess_price_entry(assess_price_t *price, json_t *entry)
{
    int          rc, found;
    json_t      *value;
    const char  *name;

    if (!json_is_object(entry)) {
        return -1;
    }

    memset(price, 0, sizeof(assess_price_t));
    (void) assess_price_tier(price, 0);

    found = 0;

    json_object_foreach(entry, name, value) {

        rc = assess_price_member(price, name, value);
        if (rc < 0) {
            return -1;
        }

        found |= rc;
    }

    value = json_object_get(entry, "max_output_tokens");

    if (json_is_integer(value) && json_integer_value(value) > 0
        && json_integer_value(value) < 100000000)
    {
        price->max_output = (int) json_integer_value(value);
    }

    price->reasons = json_is_true(json_object_get(entry,
                                                  "supports_reasoning"));
    assess_price_complete(price);

    return found;
}


void
assess_price_version(char version[ASSESS_PRICE_VERSION + 1],
    const char *data, size_t len)
{
    unsigned char  sha[SHA256_DIGEST_LENGTH];

    (void) SHA256((const unsigned char *) data, len, sha);

    assess_hex(version, sha, ASSESS_PRICE_VERSION / 2);
    version[ASSESS_PRICE_VERSION] = '\0';
}


/* All of a file; -1 with errno */

static int
assess_prices_file(const char *path, assess_buf_t *text)
{
    int     rc, why;
    char    piece[16384];
    FILE   *f;
    size_t  n;

    f = fopen(path, "re");
    if (f == NULL) {
        return -1;
    }

    while ((n = fread(piece, 1, sizeof(piece), f))) {

        assess_buf_add(text, piece, n);

        if (text->failed || text->len > ASSESS_PRICES_MAX) {
            errno = text->failed ? ENOMEM : EFBIG;
            break;
        }
    }

    rc = ferror(f) || text->failed || text->len > ASSESS_PRICES_MAX ? -1 : 0;
    why = errno;

    (void) fclose(f);
    errno = why;

    return rc;
}


static assess_err_e
assess_prices_list(assess_arena_t *arena, const char *path, json_t *root,
    assess_price_t **prices, size_t *n, assess_err_t *err)
{
    int              rc;
    json_t          *entry;
    const char      *model;
    assess_price_t  *price;

    if (!json_is_object(root)) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "prices \"%s\" are not a JSON object", path);
    }

    *prices = assess_palloc(arena, (json_object_size(root) + 1)
                                   * sizeof(assess_price_t));
    if (*prices == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    json_object_foreach(root, model, entry) {

        price = &(*prices)[*n];
        rc = assess_price_entry(price, entry);

        if (rc < 0) {
            return assess_fail(err, ASSESS_INVALID, NULL,
                               "prices \"%s\": \"%s\" has no valid price",
                               path, model);
        }

        /* priced by the image, the second and so on, or the file's sample */

        if (rc == 0 || strcmp(model, "sample_spec") == 0) {
            continue;
        }

        if (assess_pstrdup(arena, &price->model, model, strlen(model)) != 0) {
            return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
        }

        (*n)++;
    }

    return ASSESS_OK;
}


assess_err_e
assess_prices_read(assess_arena_t *arena, const char *path,
    assess_price_t **prices, size_t *n,
    char version[ASSESS_PRICE_VERSION + 1], assess_err_t *err)
{
    json_t        *root;
    assess_buf_t   text;
    assess_err_e   rc;
    json_error_t   error;

    *n = 0;
    *prices = NULL;
    memset(&text, 0, sizeof(assess_buf_t));

    if (assess_prices_file(path, &text) != 0) {
        rc = assess_fail(err, ASSESS_INVALID, NULL, "prices \"%s\": %s", path,
                         strerror(errno));
        assess_buf_free(&text);
        return rc;
    }

    assess_price_version(version, text.data ? text.data : "", text.len);

    root = json_loadb(text.data ? text.data : "", text.len, 0, &error);

    rc = root ? assess_prices_list(arena, path, root, prices, n, err)
              : assess_fail(err, ASSESS_INVALID, NULL,
                            "prices \"%s\" line %d: %s", path, error.line,
                            error.text);

    json_decref(root);
    assess_buf_free(&text);

    return rc;
}


void
assess_price_set(assess_price_t *price, double input, double output)
{
    price->max_output = 0;
    price->reasons = 0;
    price->ntiers = 1;
    price->tiers[0].above = 0;
    price->tiers[0].input = input;
    price->tiers[0].output = output;
    price->tiers[0].cached = input;
    price->tiers[0].written = input;
}


double
assess_price_mean(const assess_price_t *price, double input, double cached,
    double written, double output)
{
    size_t                i;
    const assess_tier_t  *tier;

    tier = &price->tiers[0];

    for (i = 1; i < price->ntiers; i++) {
        if (input > (double) price->tiers[i].above) {
            tier = &price->tiers[i];
        }
    }

    return (input - cached - written) * tier->input + cached * tier->cached
           + written * tier->written + output * tier->output;
}


double
assess_price_cost(const assess_price_t *price, const assess_usage_t *usage)
{
    return assess_price_mean(price, (double) usage->input,
                             (double) usage->cached, (double) usage->written,
                             (double) usage->output);
}


double
assess_price_most(const assess_price_t *price, int64_t input, int64_t output)
{
    double                in, out;
    size_t                i;
    const assess_tier_t  *tier;

    in = out = 0;

    for (i = 0; i < price->ntiers; i++) {

        tier = &price->tiers[i];

        if (i && input <= tier->above) {
            break;
        }

        in = fmax(in, fmax(tier->input, fmax(tier->cached, tier->written)));
        out = fmax(out, tier->output);
    }

    return (double) input * in + (double) output * out;
}


static const assess_price_t *
assess_price_exact(const assess_price_t *prices, size_t n,
    const char *prefix, const char *name, size_t len)
{
    size_t               i, plen;
    const assess_str_t  *model;

    plen = strlen(prefix);

    for (i = 0; i < n; i++) {

        model = &prices[i].model;

        if (model->len == plen + len
            && strncasecmp(model->data, prefix, plen) == 0
            && strncasecmp(model->data + plen, name, len) == 0)
        {
            return &prices[i];
        }
    }

    return NULL;
}


/*
 * Behind the name, servers put the day a model is of: -2024-07-18, -20240718,
 * @20240718, or -0613.  The length without it, or 0.
 */

static size_t
assess_price_undated(const char *name, size_t len)
{
    size_t       i, n;
    const char  *form;

    static const char *const  forms[] = {
        "-dddd-dd-dd", "-dddddddd", "@dddddddd", "-dddd", NULL
    };

    for (i = 0; forms[i]; i++) {

        form = forms[i];
        n = strlen(form);

        if (len <= n) {
            continue;
        }

        while (n && (form[n - 1] == 'd'
                     ? isdigit((unsigned char)
                               name[len - strlen(form) + n - 1])
                     : form[n - 1] == name[len - strlen(form) + n - 1]))
        {
            n--;
        }

        if (n == 0) {
            return len - strlen(form);
        }
    }

    return 0;
}


const assess_price_t *
assess_price_find(const assess_price_t *prices, size_t n,
    const assess_str_t *model)
{
    size_t                 len, rest;
    const char            *name, *slash;
    const assess_price_t  *price;

    if (model->data == NULL) {
        return NULL;
    }

    /* as it is, without its day, then the same without each prefix */

    name = model->data;
    rest = model->len;

    while (rest) {

        for (len = rest; len; len = assess_price_undated(name, len)) {

            price = assess_price_exact(prices, n, "", name, len);
            if (price) {
                return price;
            }

            price = assess_price_exact(prices, n, "openai/", name, len);
            if (price) {
                return price;
            }
        }

        slash = memchr(name, '/', rest);
        if (slash == NULL) {
            break;
        }

        rest -= (size_t) (slash + 1 - name);
        name = slash + 1;
    }

    return NULL;
}
