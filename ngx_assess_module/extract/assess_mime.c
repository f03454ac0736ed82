
#include "assess_mime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


/*
 * A mail that was passed on ten times has some twenty parts in each other; all
 * parts are bounded as those of an archive are.
 */
#define ASSESS_MIME_DEPTH     20
#define ASSESS_MIME_PARTS     20000
#define ASSESS_MIME_VALUE     65536     /* of a header with parameters */
#define ASSESS_MIME_SEGMENTS  100       /* of one parameter */


static int assess_mime_add(assess_mime_t *mime, int up, const char *data,
    size_t len);
static assess_why_e assess_mime_expand(assess_mime_t *mime, int i);
static assess_why_e assess_mime_inner(assess_mime_t *mime, int i);
static assess_why_e assess_mime_split(assess_mime_t *mime, int i,
    const char *boundary, size_t len);


assess_why_e
assess_mime_parse(const char *data, size_t len, assess_mime_t *mime)
{
    int           i;
    const char   *line;
    assess_why_e  why;

    memset(mime, 0, sizeof(assess_mime_t));

    /* how a mailbox of Unix begins each of its mails */

    if (len > 5 && memcmp(data, "From ", 5) == 0) {
        line = memchr(data, '\n', len);

        if (line) {
            len -= (size_t) (line + 1 - data);
            data = line + 1;
        }
    }

    if (assess_mime_add(mime, -1, data, len) != 0) {
        return ASSESS_WHY_MEMORY;
    }

    mime->parts[0].message = 1;

    for (i = 0; i < mime->n; i++) {

        why = assess_mime_expand(mime, i);

        if (why != ASSESS_WHY_NONE) {
            return why;
        }
    }

    return ASSESS_WHY_NONE;
}


void
assess_mime_free(assess_mime_t *mime)
{
    int  i;

    for (i = 0; i < mime->n; i++) {
        assess_buf_free(&mime->parts[i].inner);
    }

    free(mime->parts);
    memset(mime, 0, sizeof(assess_mime_t));
}


/* A line of a header: a name, a colon; or, but for the first, more of one. */

static int
assess_mime_is_header(const char *p, const char *end, int first)
{
    const char  *name;

    if (p < end && (*p == ' ' || *p == '\t')) {
        return !first;
    }

    for (name = p; p < end && *p > 0x20 && *p < 0x7f && *p != ':'; p++) {
        /* void */
    }

    if (p == name) {
        return 0;
    }

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p < end && *p == ':';
}


/* Headers end at an empty line, or where there are none any more. */

static void
assess_mime_head(assess_mime_part_t *part, const char *data, size_t len)
{
    const char  *p, *end, *line;

    end = data + len;

    for (p = data; p < end; p = line) {

        line = memchr(p, '\n', (size_t) (end - p));
        line = line ? line + 1 : end;

        if (!assess_mime_is_header(p, line, p == data)) {
            break;
        }
    }

    part->headers.data = (char *) data;
    part->headers.len = (size_t) (p - data);

    if (p < end && *p == '\r') {
        p++;
    }

    if (p < end && *p == '\n') {
        p++;
    }

    part->body.data = (char *) p;
    part->body.len = (size_t) (end - p);
}


static void
assess_mime_type(assess_mime_part_t *part, int digest)
{
    size_t        i;
    assess_str_t  value;

    value = assess_mime_header(part, "content-type");

    for (i = 0; i < value.len && i + 1 < sizeof(part->type); i++) {

        if (value.data[i] == ';' || value.data[i] <= ' ') {
            break;
        }

        part->type[i] = value.data[i] >= 'A' && value.data[i] <= 'Z'
                        ? (char) (value.data[i] | 0x20) : value.data[i];
    }

    part->type[i] = '\0';

    if (memchr(part->type, '/', i) == NULL) {
        (void) snprintf(part->type, sizeof(part->type), "%s",
                        digest ? "message/rfc822" : "text/plain");
    }
}


static int
assess_mime_add(assess_mime_t *mime, int up, const char *data, size_t len)
{
    int                  size;
    assess_mime_part_t  *part, *parts;

    if (mime->n == mime->size) {

        size = mime->size ? mime->size * 2 : 16;

        parts = realloc(mime->parts,
                        (size_t) size * sizeof(assess_mime_part_t));
        if (parts == NULL) {
            return -1;
        }

        mime->parts = parts;
        mime->size = size;
    }

    part = &mime->parts[mime->n];
    memset(part, 0, sizeof(assess_mime_part_t));

    part->up = up;
    part->first = part->last = part->next = -1;

    assess_mime_head(part, data, len);
    assess_mime_type(part, up != -1
                     && assess_mime_is(&mime->parts[up], "multipart/digest"));

    if (up != -1) {

        part->depth = mime->parts[up].depth + 1;

        if (mime->parts[up].last == -1) {
            mime->parts[up].first = mime->n;

        } else {
            mime->parts[mime->parts[up].last].next = mime->n;
        }

        mime->parts[up].last = mime->n;
    }

    mime->n++;

    return 0;
}


static assess_why_e
assess_mime_expand(assess_mime_t *mime, int i)
{
    assess_buf_t         boundary;
    assess_why_e         why;
    assess_mime_part_t  *part;

    part = &mime->parts[i];

    if (assess_mime_is(part, "message/rfc822")
        || assess_mime_is(part, "message/global"))
    {
        return assess_mime_inner(mime, i);
    }

    if (!assess_mime_is(part, "multipart/")) {
        return ASSESS_WHY_NONE;
    }

    memset(&boundary, 0, sizeof(boundary));
    assess_mime_parameter(part, "content-type", "boundary", &boundary);

    why = boundary.failed ? ASSESS_WHY_MEMORY
          : boundary.len ? assess_mime_split(mime, i, boundary.data,
                                             boundary.len)
          : ASSESS_WHY_NONE;

    assess_buf_free(&boundary);

    /* one that has no parts is text, for whoever reads it */

    part = &mime->parts[i];

    if (part->first == -1) {
        (void) snprintf(part->type, sizeof(part->type), "text/plain");
    }

    return why;
}


static assess_why_e
assess_mime_deeper(const assess_mime_t *mime, int i)
{
    return mime->parts[i].depth == ASSESS_MIME_DEPTH ? ASSESS_WHY_NESTED
           : mime->n == ASSESS_MIME_PARTS ? ASSESS_WHY_UNPACKED
           : ASSESS_WHY_NONE;
}


/* A message within one should not be encoded, and sometimes is. */

static assess_why_e
assess_mime_inner(assess_mime_t *mime, int i)
{
    assess_str_t         data, encoding;
    assess_why_e         why;
    assess_mime_part_t  *part;

    why = assess_mime_deeper(mime, i);
    if (why != ASSESS_WHY_NONE) {
        return why;
    }

    part = &mime->parts[i];
    data = part->body;
    encoding = assess_mime_header(part, "content-transfer-encoding");

    if (encoding.len && (*encoding.data | 0x20) != '7'
        && *encoding.data != '8')
    {
        assess_mime_body(part, &part->inner);

        if (part->inner.failed) {
            return ASSESS_WHY_MEMORY;
        }

        data.data = part->inner.len ? part->inner.data : "";
        data.len = part->inner.len;
    }

    if (assess_mime_add(mime, i, data.data, data.len) != 0) {
        return ASSESS_WHY_MEMORY;
    }

    mime->parts[mime->n - 1].message = 1;

    return ASSESS_WHY_NONE;
}


/* 1 for a line that begins a part, 2 for the one that ends all of them. */

static int
assess_mime_delimiter(const char *p, const char *end, const char *boundary,
    size_t len)
{
    int  last;

    if ((size_t) (end - p) < len + 2 || p[0] != '-' || p[1] != '-'
        || memcmp(p + 2, boundary, len) != 0)
    {
        return 0;
    }

    p += len + 2;
    last = end - p >= 2 && p[0] == '-' && p[1] == '-';

    for (p += last ? 2 : 0; p < end; p++) {
        if (memchr(" \t\r\n", *p, 4) == NULL) {
            return 0;
        }
    }

    return last ? 2 : 1;
}


static assess_why_e
assess_mime_split(assess_mime_t *mime, int i, const char *boundary,
    size_t len)
{
    int            found;
    size_t         n;
    const char    *p, *end, *line, *part;
    assess_why_e   why;

    part = NULL;
    found = 0;
    end = mime->parts[i].body.data + mime->parts[i].body.len;

    for (p = mime->parts[i].body.data; found != 2; p = line) {

        line = p < end ? memchr(p, '\n', (size_t) (end - p)) : NULL;
        line = line ? line + 1 : end;

        /* the end of a mail that was cut off ends its parts, too */

        found = p == end ? 2 : assess_mime_delimiter(p, line, boundary, len);

        if (found == 0) {
            continue;
        }

        if (part) {

            why = assess_mime_deeper(mime, i);
            if (why != ASSESS_WHY_NONE) {
                return why;
            }

            /* the end of the line before is the delimiter's */

            n = (size_t) (p - part);
            n -= p < end && n && part[n - 1] == '\n';
            n -= p < end && n && part[n - 1] == '\r';

            if (assess_mime_add(mime, i, part, n) != 0) {
                return ASSESS_WHY_MEMORY;
            }
        }

        part = line;
    }

    return ASSESS_WHY_NONE;
}


int
assess_mime_is(const assess_mime_part_t *part, const char *type)
{
    return strncmp(part->type, type, strlen(type)) == 0;
}


assess_str_t
assess_mime_header(const assess_mime_part_t *part, const char *name)
{
    int            more;
    size_t         n;
    const char    *p, *end, *line, *colon;
    assess_str_t   value;

    value.len = 0;
    value.data = NULL;

    n = strlen(name);
    end = part->headers.data + part->headers.len;

    for (p = part->headers.data; p < end; p = line) {

        line = memchr(p, '\n', (size_t) (end - p));
        line = line ? line + 1 : end;

        more = *p == ' ' || *p == '\t';

        if (value.data) {
            if (!more) {
                break;
            }

        } else {
            if (more || (size_t) (line - p) <= n
                || strncasecmp(p, name, n) != 0
                || memchr(": \t", p[n], 3) == NULL)
            {
                continue;
            }

            colon = memchr(p, ':', (size_t) (line - p));

            if (colon == NULL) {
                continue;
            }

            for (colon++; colon < line && memchr(" \t", *colon, 2); colon++) {
                /* void */
            }

            value.data = (char *) colon;
        }

        value.len = (size_t) (line - value.data);
    }

    return value;
}


/* One line of it: white space of any kind is one space, controls are none. */

static void
assess_mime_line(const char *text, size_t len, assess_buf_t *out)
{
    int     space;
    size_t  i, start;

    space = 0;
    start = out->len;

    for (i = 0; i < len; i++) {

        if ((unsigned char) text[i] <= ' ' || text[i] == 0x7f) {
            space = 1;
            continue;
        }

        if (space && out->len > start) {
            assess_buf_char(out, ' ');
        }

        space = 0;
        assess_buf_char(out, text[i]);
    }
}


void
assess_mime_field(const assess_mime_part_t *part, const char *name,
    assess_buf_t *out)
{
    assess_buf_t  text;
    assess_str_t  value;

    memset(&text, 0, sizeof(text));
    value = assess_mime_header(part, name);

    if (value.len) {
        assess_mime_words(value.data, value.len, &text);
        assess_mime_line(text.data, text.len, out);
    }

    out->failed |= text.failed;
    assess_buf_free(&text);
}


/* Over one value, which is appended to out unquoted. */

static const char *
assess_mime_value(const char *p, const char *end, assess_buf_t *out)
{
    int  quoted;

    quoted = p < end && *p == '"';

    for (p += quoted; p < end; p++) {

        if (quoted ? *p == '"' : memchr("; \t\r\n", *p, 5) != NULL) {
            break;
        }

        p += quoted && *p == '\\' && p + 1 < end;

        if (out) {
            assess_buf_char(out, *p);
        }
    }

    return p;
}


/* The value of one parameter in out; -1: there is none. */

static int
assess_mime_find(assess_str_t value, const char *name, assess_buf_t *out)
{
    int          match;
    size_t       n;
    const char  *p, *end;

    n = strlen(name);
    end = value.data + value.len;

    for (p = value.data; p < end; /* void */ ) {

        /* to the next one, over what was not understood */

        while (p < end && *p != ';') {
            p++;
        }

        while (p < end && memchr("; \t\r\n", *p, 5)) {
            p++;
        }

        match = (size_t) (end - p) > n && strncasecmp(p, name, n) == 0;
        p += match ? n : 0;

        while (match && p < end && memchr(" \t", *p, 2)) {
            p++;
        }

        match = match && p < end && *p == '=';

        while (p < end && *p != '=' && *p != ';') {
            p++;
        }

        for (p += p < end && *p == '='; p < end && memchr(" \t", *p, 2); p++) {
            /* void */
        }

        p = assess_mime_value(p, end, match ? out : NULL);

        if (match) {
            return 0;
        }
    }

    return -1;
}


/* The bytes of a value in percents, from its place i on. */

static void
assess_mime_percents(const assess_buf_t *text, size_t i, assess_buf_t *out)
{
    for ( /* void */ ; i < text->len; i++) {

        if (text->data[i] == '%' && text->len - i > 2
            && assess_mime_hex(text->data[i + 1]) != -1
            && assess_mime_hex(text->data[i + 2]) != -1)
        {
            assess_buf_char(out, (char) (assess_mime_hex(text->data[i + 1]) << 4
                                 | assess_mime_hex(text->data[i + 2])));
            i += 2;

        } else {
            assess_buf_char(out, text->data[i]);
        }
    }
}


/* The length of charset'language' before a value, and its charset. */

static size_t
assess_mime_language(const assess_buf_t *text, assess_charset_e *charset)
{
    const char  *quote, *language;

    quote = text->len ? strchr(text->data, '\'') : NULL;
    language = quote ? strchr(quote + 1, '\'') : NULL;

    if (language == NULL) {
        return 0;
    }

    (void) assess_charset_label(text->data, (size_t) (quote - text->data),
                                charset);

    return (size_t) (language + 1 - text->data);
}


/* name*=charset'language'text, or name*0*= and name*1= (RFC 2231). */

static void
assess_mime_extended(assess_str_t value, const char *name, assess_buf_t *out)
{
    int                n;
    char               attribute[64];
    assess_buf_t       text, bytes;
    assess_charset_e   charset;

    memset(&text, 0, sizeof(text));
    memset(&bytes, 0, sizeof(bytes));
    charset = ASSESS_CHARSET_UTF8;

    (void) snprintf(attribute, sizeof(attribute), "%s*", name);

    if (assess_mime_find(value, attribute, &text) == 0) {
        assess_mime_percents(&text, assess_mime_language(&text, &charset),
                             &bytes);
    }

    for (n = 0; n < ASSESS_MIME_SEGMENTS; n++) {

        assess_buf_reset(&text);
        (void) snprintf(attribute, sizeof(attribute), "%s*%d*", name, n);

        if (assess_mime_find(value, attribute, &text) == 0) {
            assess_mime_percents(&text, n ? 0
                                 : assess_mime_language(&text, &charset),
                                 &bytes);
            continue;
        }

        attribute[strlen(attribute) - 1] = '\0';

        if (assess_mime_find(value, attribute, &text) != 0) {
            break;
        }

        assess_buf_add(&bytes, text.data, text.len);
    }

    assess_charset_decode(charset, bytes.data, bytes.len, out);

    out->failed |= text.failed | bytes.failed;
    assess_buf_free(&text);
    assess_buf_free(&bytes);
}


void
assess_mime_parameter(const assess_mime_part_t *part, const char *header,
    const char *name, assess_buf_t *out)
{
    assess_buf_t  raw, text;
    assess_str_t  value;

    memset(&raw, 0, sizeof(raw));
    memset(&text, 0, sizeof(text));

    value = assess_mime_header(part, header);

    if (value.len > ASSESS_MIME_VALUE) {
        value.len = ASSESS_MIME_VALUE;
    }

    if (value.len) {

        if (assess_mime_find(value, name, &raw) == 0) {
            assess_mime_words(raw.data ? raw.data : "", raw.len, &text);

        } else {
            assess_mime_extended(value, name, &text);
        }

        assess_mime_line(text.data, text.len, out);
    }

    out->failed |= raw.failed | text.failed;
    assess_buf_free(&raw);
    assess_buf_free(&text);
}


void
assess_mime_body(const assess_mime_part_t *part, assess_buf_t *out)
{
    assess_str_t  encoding;

    encoding = assess_mime_header(part, "content-transfer-encoding");

    if (encoding.len >= 6 && strncasecmp(encoding.data, "base64", 6) == 0) {
        assess_mime_base64(part->body.data, part->body.len, out);

    } else if (encoding.len >= 16
               && strncasecmp(encoding.data, "quoted-printable", 16) == 0)
    {
        assess_mime_quoted(part->body.data, part->body.len, 0, out);

    } else {
        assess_buf_add(out, part->body.data, part->body.len);
    }
}


int
assess_mime_charset(const assess_mime_part_t *part, assess_charset_e *charset)
{
    int           rc;
    assess_buf_t  label;

    memset(&label, 0, sizeof(label));
    assess_mime_parameter(part, "content-type", "charset", &label);

    /* what is said to be ASCII, and is not, can be anything */

    rc = label.len && strcasecmp(label.data, "us-ascii") != 0
         ? assess_charset_label(label.data, label.len, charset) : -1;

    assess_buf_free(&label);

    return rc;
}
