
#include "assess_provider.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <strings.h>


/* 0, 1 where there is a price, -1 where it is none */

static int
assess_price_member(json_t *entry, const char *name, double *price)
{
    json_t  *value;

    *price = 0;

    value = json_object_get(entry, name);

    if (value == NULL || json_is_null(value)) {
        return 0;
    }

    if (!json_is_number(value)) {
        return -1;
    }

    *price = json_number_value(value);

    return isfinite(*price) && *price >= 0 ? 1 : -1;
}


assess_err_e
assess_prices_read(assess_arena_t *arena, const char *path,
    assess_price_t **prices, size_t *n, assess_err_t *err)
{
    int              in, out;
    json_t          *root, *entry;
    const char      *model;
    assess_err_e     rc;
    json_error_t     error;
    assess_price_t  *price;

    *n = 0;
    *prices = NULL;

    root = json_load_file(path, 0, &error);

    if (root == NULL) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "prices \"%s\" line %d: %s", path, error.line,
                           error.text);
    }

    if (!json_is_object(root)) {
        rc = assess_fail(err, ASSESS_INVALID, NULL,
                         "prices \"%s\" are not a JSON object", path);
        goto done;
    }

    *prices = assess_palloc(arena, (json_object_size(root) + 1)
                                   * sizeof(assess_price_t));
    if (*prices == NULL) {
        goto failed;
    }

    json_object_foreach(root, model, entry) {

        price = &(*prices)[*n];

        in = assess_price_member(entry, "input_cost_per_token",
                                 &price->input);
        out = assess_price_member(entry, "output_cost_per_token",
                                  &price->output);

        if (!json_is_object(entry) || in < 0 || out < 0) {
            rc = assess_fail(err, ASSESS_INVALID, NULL,
                             "prices \"%s\": \"%s\" has no valid price",
                             path, model);
            goto done;
        }

        /* priced by the image, the second and so on, or the file's sample */

        if (in + out == 0 || strcmp(model, "sample_spec") == 0) {
            continue;
        }

        if (assess_pstrdup(arena, &price->model, model, strlen(model)) != 0) {
            goto failed;
        }

        (*n)++;
    }

    rc = ASSESS_OK;
    goto done;

failed:

    rc = assess_fail(err, ASSESS_ERROR, NULL, "out of memory");

done:

    json_decref(root);

    return rc;
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
