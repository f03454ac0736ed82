
#include "ngx_http_assess_call.h"

#include "engine/assess_trace.h"


#define NGX_HTTP_ASSESS_PARAMS     1000
#define NGX_HTTP_ASSESS_KEY_LEN    255
#define NGX_HTTP_ASSESS_MAX_WAIT   300


static ngx_int_t ngx_http_assess_query_pair(ngx_http_assess_call_t *call,
    u_char *start, u_char *end);
static ngx_int_t ngx_http_assess_query_decode(ngx_http_assess_call_t *call,
    u_char *start, u_char *end, assess_str_t *value);
static ngx_uint_t ngx_http_assess_query_known(ngx_http_assess_call_t *call,
    const assess_str_t *name, ngx_uint_t *repeats);
static ngx_int_t ngx_http_assess_header_find(ngx_http_assess_call_t *call,
    ngx_table_elt_t *h);
static ngx_int_t ngx_http_assess_header_take(ngx_http_assess_call_t *call,
    assess_str_t *dst, ngx_table_elt_t *first);
static int ngx_http_assess_header_wait(const assess_str_t *prefer);


/* The parameters of the query: all known, all decoded, none twice. */

ngx_int_t
ngx_http_assess_call_query(ngx_http_assess_call_t *call)
{
    u_char      *p, *amp, *last;
    ngx_int_t    rc;
    ngx_uint_t   n;
    ngx_str_t   *args;

    args = &call->request->args;

    p = args->data;
    last = p + args->len;

    for (n = 1; p < last; p++) {
        n += *p == '&';
    }

    if (n > NGX_HTTP_ASSESS_PARAMS) {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "the query has more than %d parameters",
                                     NGX_HTTP_ASSESS_PARAMS);
        return NGX_ABORT;
    }

    call->params = assess_palloc(call->arena,
                                 n * sizeof(ngx_http_assess_pair_t));
    if (call->params == NULL) {
        return NGX_ERROR;
    }

    for (p = args->data; p < last; p = amp + 1) {

        amp = ngx_strlchr(p, last, '&');
        if (amp == NULL) {
            amp = last;
        }

        if (amp == p) {
            continue;
        }

        rc = ngx_http_assess_query_pair(call, p, amp);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_assess_query_pair(ngx_http_assess_call_t *call, u_char *start,
    u_char *end)
{
    u_char                  *eq;
    ngx_int_t                rc;
    ngx_uint_t               repeats;
    ngx_http_assess_pair_t  *pair;

    eq = ngx_strlchr(start, end, '=');
    if (eq == NULL) {
        eq = end;
    }

    pair = &call->params[call->nparams];

    rc = ngx_http_assess_query_decode(call, start, eq, &pair->name);

    if (rc == NGX_OK) {
        rc = ngx_http_assess_query_decode(call, eq < end ? eq + 1 : end, end,
                                          &pair->value);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (!ngx_http_assess_query_known(call, &pair->name, &repeats)) {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "unknown query parameter \"%.64s\"",
                                     pair->name.data);
        return NGX_ABORT;
    }

    if (!repeats && ngx_http_assess_call_param(call, pair->name.data)) {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "query parameter \"%s\" is given twice",
                                     pair->name.data);
        return NGX_ABORT;
    }

    call->nparams++;

    return NGX_OK;
}


static ngx_int_t
ngx_http_assess_query_decode(ngx_http_assess_call_t *call, u_char *start,
    u_char *end, assess_str_t *value)
{
    char        *d;
    u_char      *p;
    size_t       n;
    uint32_t     cp;
    ngx_int_t    ch;
    const char  *c, *last;

    d = assess_palloc(call->arena, (size_t) (end - start) + 1);
    if (d == NULL) {
        return NGX_ERROR;
    }

    value->data = d;

    for (p = start; p < end; p++) {

        if (*p != '%') {
            *d++ = *p == '+' ? ' ' : (char) *p;
            continue;
        }

        ch = end - p > 2 ? ngx_hextoi(p + 1, 2) : NGX_ERROR;

        if (ch == NGX_ERROR) {
            goto invalid;
        }

        *d++ = (char) ch;
        p += 2;
    }

    *d = '\0';
    value->len = (size_t) (d - value->data);

    c = value->data;
    last = d;

    while (c < last) {

        n = assess_utf8_next(c, last, &cp);

        if (n == 0 || cp == 0) {
            goto invalid;
        }

        c += n;
    }

    return NGX_OK;

invalid:

    ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                 "the query is not well-formed: a percent "
                                 "sign without two digits, or no UTF-8");
    return NGX_ABORT;
}


/* the route lists them as " name other* ", where * may be repeated */

static ngx_uint_t
ngx_http_assess_query_known(ngx_http_assess_call_t *call,
    const assess_str_t *name, ngx_uint_t *repeats)
{
    const char  *p;

    *repeats = 0;

    if (call->route->params == NULL || name->len == 0
        || strpbrk(name->data, " *") != NULL)
    {
        return 0;
    }

    for (p = call->route->params; *p; p++) {

        if (*p != ' ' || ngx_strncmp(p + 1, name->data, name->len) != 0) {
            continue;
        }

        p += name->len + 1;

        if (*p == ' ' || (*p == '*' && p[1] == ' ')) {
            *repeats = *p == '*';
            return 1;
        }

        p--;
    }

    return 0;
}


/* The headers that some call looks at. */

ngx_int_t
ngx_http_assess_call_headers(ngx_http_assess_call_t *call)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &call->request->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */; i++) {

        if (i >= part->nelts) {

            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (ngx_http_assess_header_find(call, &h[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (call->idempotency_key.data
        && (call->idempotency_key.len == 0
            || call->idempotency_key.len > NGX_HTTP_ASSESS_KEY_LEN))
    {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "Idempotency-Key must have 1 to %d "
                                     "bytes", NGX_HTTP_ASSESS_KEY_LEN);
        return NGX_ABORT;
    }

    /* ranges are for GET alone (RFC 9110, 14.2) */

    if (call->request->method == NGX_HTTP_HEAD) {
        call->range.data = NULL;
    }

    call->wait = ngx_http_assess_header_wait(&call->prefer);

    /* of a trace that nobody can follow nothing is said: it is no mistake */

    if (!assess_trace_valid(call->traceparent.data, call->traceparent.len)) {
        ngx_memzero(&call->traceparent, sizeof(assess_str_t));
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_assess_header_find(ngx_http_assess_call_t *call, ngx_table_elt_t *h)
{
    ngx_uint_t     i;
    assess_str_t  *value;

    static const struct {
        size_t         len;
        const char    *name;
        size_t         offset;
    } headers[] = {
        { 12, "content-type", offsetof(ngx_http_assess_call_t,
                                       content_type) },
        { 15, "idempotency-key", offsetof(ngx_http_assess_call_t,
                                          idempotency_key) },
        { 13, "if-none-match", offsetof(ngx_http_assess_call_t,
                                        if_none_match) },
        { 8, "if-range", offsetof(ngx_http_assess_call_t, if_range) },
        { 5, "range", offsetof(ngx_http_assess_call_t, range) },
        { 13, "last-event-id", offsetof(ngx_http_assess_call_t,
                                        last_event_id) },
        { 6, "prefer", offsetof(ngx_http_assess_call_t, prefer) },
        { 11, "traceparent", offsetof(ngx_http_assess_call_t, traceparent) },
    };

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {

        if (h->key.len != headers[i].len || h->hash == 0
            || ngx_memcmp(h->lowcase_key, headers[i].name, h->key.len) != 0)
        {
            continue;
        }

        value = (assess_str_t *) ((u_char *) call + headers[i].offset);

        /* of a second one the value was taken with the first */

        return value->data ? NGX_OK
                           : ngx_http_assess_header_take(call, value, h);
    }

    return NGX_OK;
}


/* of a header that is repeated, all values, as RFC 9110 joins them */

static ngx_int_t
ngx_http_assess_header_take(ngx_http_assess_call_t *call, assess_str_t *dst,
    ngx_table_elt_t *first)
{
    char             *p;
    size_t            len;
    ngx_uint_t        i, n, write;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    p = NULL;

    for (write = 0; write < 2; write++) {

        n = 0;
        len = 0;
        part = &call->request->headers_in.headers.part;
        h = part->elts;

        for (i = 0; /* void */; i++) {

            if (i >= part->nelts) {

                if (part->next == NULL) {
                    break;
                }

                part = part->next;
                h = part->elts;
                i = 0;
            }

            if (h[i].key.len != first->key.len || h[i].hash == 0
                || ngx_memcmp(h[i].lowcase_key, first->lowcase_key,
                              first->key.len)
                   != 0)
            {
                continue;
            }

            if (n && write) {
                p[len] = ',';
                p[len + 1] = ' ';
            }

            len += n++ ? 2 : 0;

            if (write) {
                ngx_memcpy(p + len, h[i].value.data, h[i].value.len);
            }

            len += h[i].value.len;
        }

        if (!write) {
            p = assess_palloc(call->arena, len + 1);
            if (p == NULL) {
                return NGX_ERROR;
            }
        }
    }

    p[len] = '\0';
    dst->data = p;
    dst->len = len;

    return NGX_OK;
}


/*
 * RFC 7240: preferences are separated by commas, their parameters by
 * semicolons; the first of a name counts, one that is not understood is
 * ignored.
 */

static int
ngx_http_assess_header_wait(const assess_str_t *prefer)
{
    int     n;
    char   *p, *last;

    p = prefer->data;
    last = p + prefer->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        if (last - p > 4 && ngx_strncasecmp((u_char *) p, (u_char *) "wait",
                                            4) == 0)
        {
            for (p += 4; p < last && (*p == ' ' || *p == '\t'); p++) {
                /* void */
            }

            if (p < last && *p == '=') {

                for (p++; p < last && (*p == ' ' || *p == '"'); p++) {
                    /* void */
                }

                for (n = 0; p < last && *p >= '0' && *p <= '9'; p++) {
                    n = n * 10 + (*p - '0');

                    if (n > NGX_HTTP_ASSESS_MAX_WAIT) {
                        return NGX_HTTP_ASSESS_MAX_WAIT;
                    }
                }

                return n;
            }
        }

        while (p < last && *p != ',') {
            p++;
        }
    }

    return 0;
}


/* Whether the media type is this one; parameters do not count. */

ngx_uint_t
ngx_http_assess_call_is(ngx_http_assess_call_t *call, const char *type)
{
    size_t         len;
    assess_str_t  *ct;

    ct = &call->content_type;
    len = ngx_strlen(type);

    if (ct->len < len
        || ngx_strncasecmp((u_char *) ct->data, (u_char *) type, len) != 0)
    {
        return 0;
    }

    return ct->len == len || ct->data[len] == ';' || ct->data[len] == ' ';
}
