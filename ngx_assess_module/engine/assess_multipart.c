
#include "assess_multipart.h"

#include <string.h>
#include <strings.h>


#define ASSESS_BOUNDARY_MAX  70                     /* RFC 2046, 5.1.1 */
#define ASSESS_DELIM_MAX     (ASSESS_BOUNDARY_MAX + 4)


typedef enum {
    ASSESS_MP_PREAMBLE = 0,
    ASSESS_MP_DELIMITER,         /* behind it: what kind was it? */
    ASSESS_MP_PADDING,
    ASSESS_MP_LINE_END,
    ASSESS_MP_CLOSING,           /* one dash of two was there */
    ASSESS_MP_HEADERS,
    ASSESS_MP_DATA,
    ASSESS_MP_EPILOGUE
} assess_mp_state_e;


/* One parameter of a header's value, decoded in place. */
typedef struct {
    assess_str_t  name;
    assess_str_t  value;
} assess_param_t;


struct assess_multipart_s {
    assess_mp_state_e      state;
    int                    parts;
    int64_t                offset;       /* of the next byte to be fed */

    size_t                 matched;      /* bytes of delim seen at the end */
    size_t                 unreal;       /* of these, not part of the data */
    size_t                 delim_len;
    char                   delim[ASSESS_DELIM_MAX];

    size_t                 head_len;
    char                   head[ASSESS_MULTIPART_HEADERS];

    assess_part_t          part;
    assess_multipart_cb_t  cb;

    int                    broken;
    assess_err_t           why;
};


static assess_err_e assess_multipart_step(assess_multipart_t *mp,
    const char **pos, const char *end, assess_err_t *err);
static assess_err_e assess_multipart_scan(assess_multipart_t *mp,
    const char **pos, const char *end, assess_err_t *err);
static assess_err_e assess_multipart_resume(assess_multipart_t *mp,
    const char **pos, const char *end, assess_err_t *err);
static assess_err_e assess_multipart_emit(assess_multipart_t *mp,
    const char *data, size_t len, int64_t offset, assess_err_t *err);
static assess_err_e assess_multipart_delimiter(assess_multipart_t *mp,
    assess_err_t *err);
static assess_err_e assess_multipart_header(assess_multipart_t *mp, char ch,
    assess_err_t *err);
static assess_err_e assess_multipart_begin(assess_multipart_t *mp,
    assess_err_t *err);
static assess_err_e assess_multipart_field(assess_multipart_t *mp,
    assess_str_t *name, assess_str_t *value, assess_err_t *err);
static assess_err_e assess_multipart_disposition(assess_multipart_t *mp,
    assess_str_t *value, assess_err_t *err);
static int assess_param_next(char **pos, char *end, assess_param_t *param);
static int assess_param_quoted(char **pos, char *end, assess_str_t *value);
static int assess_param_extended(assess_str_t *value);
static int assess_is_token(char ch);
static int assess_is_text(const assess_str_t *s);
static int assess_is(const assess_str_t *s, const char *word);
static void assess_trim(assess_str_t *s);


assess_err_e
assess_multipart_boundary(const assess_str_t *content_type,
    assess_str_t *boundary, assess_err_t *err)
{
    int             rc;
    char           *p, *end, copy[512];
    size_t          i, len;
    assess_str_t    type;
    assess_param_t  param;

    boundary->len = 0;
    boundary->data = NULL;

    /* a copy, for parameters are decoded in place */

    len = content_type->len;

    if (len >= sizeof(copy)) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "the Content-Type is too long");
    }

    if (len) {
        memcpy(copy, content_type->data, len);
    }

    end = copy + len;
    p = memchr(copy, ';', len);

    type.data = copy;
    type.len = p ? (size_t) (p - copy) : len;
    assess_trim(&type);

    if (!assess_is(&type, "multipart/form-data")) {
        return assess_fail(err, ASSESS_UNSUPPORTED, NULL,
                           "the Content-Type is not multipart/form-data");
    }

    p = p ? p : end;

    while ((rc = assess_param_next(&p, end, &param)) == 1) {

        if (!assess_is(&param.name, "boundary")) {
            continue;
        }

        if (boundary->data) {
            return assess_fail(err, ASSESS_INVALID, NULL,
                               "the Content-Type has two boundaries");
        }

        /* no byte of a boundary is ever escaped: the same in the original */

        boundary->data = content_type->data + (param.value.data - copy);
        boundary->len = param.value.len;
    }

    if (rc < 0 || boundary->data == NULL) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "the Content-Type has no boundary");
    }

    for (i = 0; i < boundary->len; i++) {
        if (!((boundary->data[i] >= '0' && boundary->data[i] <= '9')
              || ((boundary->data[i] | 0x20) >= 'a'
                  && (boundary->data[i] | 0x20) <= 'z')
              || (boundary->data[i]
                  && strchr("'()+_,-./:=? ", boundary->data[i]))))
        {
            break;
        }
    }

    if (i == 0 || i != boundary->len || i > ASSESS_BOUNDARY_MAX
        || boundary->data[i - 1] == ' ')
    {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "the boundary in the Content-Type is invalid");
    }

    return ASSESS_OK;
}


assess_multipart_t *
assess_multipart_create(assess_arena_t *arena, const assess_str_t *boundary,
    const assess_multipart_cb_t *cb)
{
    assess_multipart_t  *mp;

    if (boundary->len == 0 || boundary->len > ASSESS_BOUNDARY_MAX) {
        return NULL;
    }

    mp = assess_pcalloc(arena, sizeof(assess_multipart_t));
    if (mp == NULL) {
        return NULL;
    }

    mp->cb = *cb;

    memcpy(mp->delim, "\r\n--", 4);
    memcpy(mp->delim + 4, boundary->data, boundary->len);
    mp->delim_len = boundary->len + 4;

    /* the first delimiter may stand at the very beginning */

    mp->matched = 2;
    mp->unreal = 2;

    return mp;
}


assess_err_e
assess_multipart_feed(assess_multipart_t *mp, const char *data, size_t len,
    assess_err_t *err)
{
    assess_err_e   rc;
    const char    *p, *end, *start;

    if (mp->broken) {
        *err = mp->why;
        return err->kind;
    }

    if (len == 0) {
        return ASSESS_OK;
    }

    p = data;
    end = data + len;

    while (p < end) {
        start = p;
        rc = assess_multipart_step(mp, &p, end, err);
        mp->offset += p - start;

        if (rc != ASSESS_OK) {
            mp->broken = 1;
            mp->why = *err;
            return rc;
        }
    }

    return ASSESS_OK;
}


assess_err_e
assess_multipart_finish(assess_multipart_t *mp, assess_err_t *err)
{
    if (mp->broken) {
        *err = mp->why;
        return err->kind;
    }

    if (mp->state == ASSESS_MP_EPILOGUE) {
        return ASSESS_OK;
    }

    if (mp->state == ASSESS_MP_PREAMBLE) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "the multipart body does not have the boundary "
                           "that its Content-Type names");
    }

    return assess_fail(err, ASSESS_INVALID, NULL,
                       "the multipart body is truncated: it ends before its "
                       "closing boundary");
}


/* Consumes bytes, or settles what was held back: never twice nothing. */

static assess_err_e
assess_multipart_step(assess_multipart_t *mp, const char **pos,
    const char *end, assess_err_t *err)
{
    char  ch;

    switch (mp->state) {

    case ASSESS_MP_PREAMBLE:
    case ASSESS_MP_DATA:
        return assess_multipart_scan(mp, pos, end, err);

    case ASSESS_MP_EPILOGUE:
        *pos = end;
        return ASSESS_OK;

    default:
        break;
    }

    ch = *(*pos)++;

    if (mp->state == ASSESS_MP_HEADERS) {
        return assess_multipart_header(mp, ch, err);
    }

    if (mp->state == ASSESS_MP_DELIMITER && ch == '-') {
        mp->state = ASSESS_MP_CLOSING;
        return ASSESS_OK;
    }

    if (mp->state == ASSESS_MP_CLOSING && ch == '-') {
        mp->state = ASSESS_MP_EPILOGUE;
        return ASSESS_OK;
    }

    if (mp->state == ASSESS_MP_LINE_END && ch == '\n') {
        mp->state = ASSESS_MP_HEADERS;
        mp->head_len = 0;
        return ASSESS_OK;
    }

    if (mp->state == ASSESS_MP_DELIMITER || mp->state == ASSESS_MP_PADDING) {

        if (ch == '\r') {
            mp->state = ASSESS_MP_LINE_END;
            return ASSESS_OK;
        }

        if (ch == ' ' || ch == '\t') {
            mp->state = ASSESS_MP_PADDING;
            return ASSESS_OK;
        }
    }

    if (ch == '\n') {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "a line of the multipart body ends in LF, not in "
                           "CRLF");
    }

    return assess_fail(err, ASSESS_INVALID, NULL,
                       "a boundary of the multipart body is followed by "
                       "something else than a line end");
}


/*
 * Looks for the delimiter.  A CR stands nowhere in it but in front: where a
 * match breaks off, another one can begin with this very byte only.
 */

static assess_err_e
assess_multipart_scan(assess_multipart_t *mp, const char **pos,
    const char *end, assess_err_t *err)
{
    size_t        n;
    const char   *p, *start;
    assess_err_e  rc;

    if (mp->matched) {
        return assess_multipart_resume(mp, pos, end, err);
    }

    start = *pos;

    for (p = start; p < end; p++) {

        p = memchr(p, '\r', (size_t) (end - p));
        if (p == NULL) {
            p = end;
            break;
        }

        n = (size_t) (end - p);
        n = n < mp->delim_len ? n : mp->delim_len;

        if (memcmp(p, mp->delim, n) == 0) {
            mp->matched = n;
            break;
        }
    }

    *pos = p + mp->matched;

    rc = assess_multipart_emit(mp, start, (size_t) (p - start), mp->offset,
                               err);

    if (rc == ASSESS_OK && mp->matched == mp->delim_len) {
        return assess_multipart_delimiter(mp, err);
    }

    return rc;
}


/* A delimiter may have begun in earlier bytes, which were held back. */

static assess_err_e
assess_multipart_resume(assess_multipart_t *mp, const char **pos,
    const char *end, assess_err_t *err)
{
    size_t       held, len;
    const char  *p, *data;

    held = mp->matched - mp->unreal;

    for (p = *pos; p < end; p++) {

        if (*p != mp->delim[mp->matched]) {

            /* data after all */

            len = mp->matched - mp->unreal;
            data = mp->delim + mp->unreal;

            mp->matched = 0;
            mp->unreal = 0;
            *pos = p;

            return assess_multipart_emit(mp, data, len,
                                         mp->offset - (int64_t) held, err);
        }

        if (++mp->matched == mp->delim_len) {
            *pos = p + 1;
            return assess_multipart_delimiter(mp, err);
        }
    }

    *pos = end;

    return ASSESS_OK;
}


static assess_err_e
assess_multipart_emit(assess_multipart_t *mp, const char *data, size_t len,
    int64_t offset, assess_err_t *err)
{
    if (len == 0 || mp->state != ASSESS_MP_DATA) {
        return ASSESS_OK;
    }

    return mp->cb.data(mp->cb.ctx, data, len, offset, err);
}


static assess_err_e
assess_multipart_delimiter(assess_multipart_t *mp, assess_err_t *err)
{
    assess_mp_state_e  was;

    was = mp->state;

    mp->matched = 0;
    mp->unreal = 0;
    mp->state = ASSESS_MP_DELIMITER;

    return was == ASSESS_MP_DATA ? mp->cb.end(mp->cb.ctx, err) : ASSESS_OK;
}


static assess_err_e
assess_multipart_header(assess_multipart_t *mp, char ch, assess_err_t *err)
{
    int   after_cr;
    char  last;

    last = mp->head_len ? mp->head[mp->head_len - 1] : '\0';
    after_cr = (last == '\r');

    if (after_cr != (ch == '\n')) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "a header of a part ends in something else than "
                           "CRLF");
    }

    if (((unsigned char) ch < 0x20 && ch != '\r' && ch != '\n' && ch != '\t')
        || ch == 0x7f)
    {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "a header of a part holds a control character");
    }

    if (mp->head_len == sizeof(mp->head)) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "the headers of a part are longer than %d bytes",
                           ASSESS_MULTIPART_HEADERS);
    }

    mp->head[mp->head_len++] = ch;

    if (ch == '\n'
        && (mp->head_len == 2
            || (mp->head_len > 3
                && memcmp(mp->head + mp->head_len - 4, "\r\n\r\n", 4) == 0)))
    {
        return assess_multipart_begin(mp, err);
    }

    return ASSESS_OK;
}


/* The headers of a part are complete. */

static assess_err_e
assess_multipart_begin(assess_multipart_t *mp, assess_err_t *err)
{
    char          *p, *end, *colon, *eol;
    assess_err_e   rc;
    assess_str_t   name, value;

    if (++mp->parts > ASSESS_MULTIPART_PARTS) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "the multipart body has more than %d parts",
                           ASSESS_MULTIPART_PARTS);
    }

    memset(&mp->part, 0, sizeof(assess_part_t));

    end = mp->head + mp->head_len - 2;       /* without the empty line */

    for (p = mp->head; p < end; p = eol + 2) {

        eol = memchr(p, '\r', (size_t) (end - p));
        colon = memchr(p, ':', (size_t) (eol - p));

        if (colon == NULL || !assess_is_token(*p)) {
            return assess_fail(err, ASSESS_INVALID, NULL,
                               "a header of part %d is malformed", mp->parts);
        }

        name.data = p;
        name.len = (size_t) (colon - p);
        value.data = colon + 1;
        value.len = (size_t) (eol - colon - 1);
        assess_trim(&value);

        rc = assess_multipart_field(mp, &name, &value, err);
        if (rc != ASSESS_OK) {
            return rc;
        }
    }

    if (mp->part.name.len == 0) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "part %d has no name in a Content-Disposition",
                           mp->parts);
    }

    /* the empty line's CRLF may begin the delimiter of a part without data */

    mp->state = ASSESS_MP_DATA;
    mp->matched = 2;
    mp->unreal = 2;

    return mp->cb.begin(mp->cb.ctx, &mp->part, err);
}


static assess_err_e
assess_multipart_field(assess_multipart_t *mp, assess_str_t *name,
    assess_str_t *value, assess_err_t *err)
{
    if (assess_is(name, "Content-Disposition")) {

        if (mp->part.name.data) {
            return assess_fail(err, ASSESS_INVALID, NULL,
                               "part %d has two Content-Dispositions",
                               mp->parts);
        }

        return assess_multipart_disposition(mp, value, err);
    }

    if (assess_is(name, "Content-Type")) {

        if (value->len >= 10
            && strncasecmp(value->data, "multipart/", 10) == 0)
        {
            return assess_fail(err, ASSESS_UNSUPPORTED, NULL,
                               "part %d is a multipart body of its own: send "
                               "each file as a part", mp->parts);
        }

        if (mp->part.content_type.data || !assess_is_text(value)) {
            return assess_fail(err, ASSESS_INVALID, NULL,
                               "part %d has an invalid Content-Type",
                               mp->parts);
        }

        mp->part.content_type = *value;
        return ASSESS_OK;
    }

    if (assess_is(name, "Content-Transfer-Encoding")
        && !assess_is(value, "binary") && !assess_is(value, "8bit")
        && !assess_is(value, "7bit"))
    {
        return assess_fail(err, ASSESS_UNSUPPORTED, NULL,
                           "part %d has a Content-Transfer-Encoding: send "
                           "the bytes as they are", mp->parts);
    }

    return ASSESS_OK;
}


/*
 * filename* (RFC 8187) must not be there (RFC 7578, 4.2), and is: then it is
 * the name, and a filename beside it what others make of it (RFC 6266, 4.3).
 */

static assess_err_e
assess_multipart_disposition(assess_multipart_t *mp, assess_str_t *value,
    assess_err_t *err)
{
    int             rc;
    char           *p, *end;
    assess_str_t    type, extended, *slot;
    assess_param_t  param;

    memset(&extended, 0, sizeof(extended));

    end = value->data + value->len;
    p = memchr(value->data, ';', value->len);
    p = p ? p : end;

    type.data = value->data;
    type.len = (size_t) (p - value->data);
    assess_trim(&type);

    rc = assess_is(&type, "form-data") ? 1 : -1;

    while (rc == 1 && (rc = assess_param_next(&p, end, &param)) == 1) {

        if (assess_is(&param.name, "name")) {
            slot = &mp->part.name;

        } else if (assess_is(&param.name, "filename")) {
            slot = &mp->part.filename;

        } else if (assess_is(&param.name, "filename*")) {
            slot = &extended;

            if (!assess_param_extended(&param.value)) {
                rc = -1;
            }

        } else {
            continue;
        }

        if (slot->data || !assess_is_text(&param.value)) {
            rc = -1;
        }

        *slot = param.value;
    }

    if (rc != 0) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "part %d has an invalid Content-Disposition",
                           mp->parts);
    }

    if (extended.data) {
        mp->part.filename = extended;
    }

    return ASSESS_OK;
}


assess_err_e
assess_disposition_filename(assess_str_t *value, assess_str_t *name)
{
    int             rc;
    char           *p, *end;
    assess_str_t    plain, extended;
    assess_param_t  param;

    memset(&plain, 0, sizeof(assess_str_t));
    memset(&extended, 0, sizeof(assess_str_t));

    end = value->data + value->len;
    p = memchr(value->data, ';', value->len);
    p = p ? p : end;

    while ((rc = assess_param_next(&p, end, &param)) == 1) {

        if (assess_is(&param.name, "filename")) {
            plain = param.value;

        } else if (assess_is(&param.name, "filename*")
                   && assess_param_extended(&param.value))
        {
            extended = param.value;
        }
    }

    *name = extended.len ? extended : plain;

    return rc == 0 && name->len ? ASSESS_OK : ASSESS_NOT_FOUND;
}


int
assess_is_filename(const assess_str_t *name)
{
    return name->len && name->len <= 255 && assess_is_text(name)
           && memchr(name->data, '/', name->len) == NULL
           && memchr(name->data, '\\', name->len) == NULL
           && strncmp(name->data, "..", name->len) != 0;
}


/*
 * The parameter behind the semicolon at *pos: 1; 0 at the end, -1 where it is
 * malformed.
 */

static int
assess_param_next(char **pos, char *end, assess_param_t *param)
{
    char  *p;

    p = *pos;

    while (p < end && (*p == ';' || *p == ' ' || *p == '\t')) {
        p++;
    }

    if (p == end) {
        *pos = p;
        return 0;
    }

    param->name.data = p;

    while (p < end && assess_is_token(*p)) {
        p++;
    }

    param->name.len = (size_t) (p - param->name.data);

    if (param->name.len == 0 || p == end || *p != '=') {
        return -1;
    }

    p++;

    if (p < end && *p == '"') {

        if (!assess_param_quoted(&p, end, &param->value)) {
            return -1;
        }

    } else {
        param->value.data = p;

        /* looser than a token: boundaries stand there unquoted, too */

        while (p < end && *p != ';' && *p != '"') {
            p++;
        }

        param->value.len = (size_t) (p - param->value.data);
        assess_trim(&param->value);
    }

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (p < end && *p != ';') {
        return -1;
    }

    *pos = p;

    return 1;
}


/*
 * A backslash quotes a quote and itself alone: file names with a path of
 * another system are sent with lone ones.
 */

static int
assess_param_quoted(char **pos, char *end, assess_str_t *value)
{
    char  *p, *out;

    p = *pos + 1;
    out = p;
    value->data = p;

    for ( ;; ) {

        if (p == end) {
            return 0;
        }

        if (*p == '"') {
            break;
        }

        if (*p == '\\' && p + 1 < end && (p[1] == '"' || p[1] == '\\')) {
            p++;
        }

        *out++ = *p++;
    }

    value->len = (size_t) (out - value->data);
    *pos = p + 1;

    return 1;
}


/* UTF-8'language'text%20with%20escapes, RFC 5987, 3.2 */

static int
assess_param_extended(assess_str_t *value)
{
    int    hi, lo;
    char  *p, *end, *out, *text;

    static const char  hex[] = "0123456789abcdef";

    if (value->len < 7 || strncasecmp(value->data, "UTF-8'", 6) != 0) {
        return 0;
    }

    end = value->data + value->len;
    text = memchr(value->data + 6, '\'', value->len - 6);

    if (text == NULL) {
        return 0;
    }

    text++;
    out = text;

    for (p = text; p < end; p++) {

        if (*p != '%') {
            *out++ = *p;
            continue;
        }

        if (end - p < 3 || p[1] == '\0' || p[2] == '\0'
            || strchr(hex, p[1] | 0x20) == NULL
            || strchr(hex, p[2] | 0x20) == NULL)
        {
            return 0;
        }

        hi = (int) (strchr(hex, p[1] | 0x20) - hex);
        lo = (int) (strchr(hex, p[2] | 0x20) - hex);
        *out++ = (char) (hi * 16 + lo);
        p += 2;
    }

    value->data = text;
    value->len = (size_t) (out - text);

    return 1;
}


static int
assess_is_token(char ch)
{
    return (unsigned char) ch > 0x20 && (unsigned char) ch < 0x7f
           && strchr("()<>@,;:\\\"/[]?={}", ch) == NULL;
}


/* UTF-8 without control characters: it ends up in JSON and in the database. */

static int
assess_is_text(const assess_str_t *s)
{
    size_t       n;
    uint32_t     cp;
    const char  *p, *end;

    end = s->data + s->len;

    for (p = s->data; p < end; p += n) {
        n = assess_utf8_next(p, end, &cp);

        if (n == 0 || cp < 0x20 || cp == 0x7f) {
            return 0;
        }
    }

    return 1;
}


static int
assess_is(const assess_str_t *s, const char *word)
{
    return s->len == strlen(word) && strncasecmp(s->data, word, s->len) == 0;
}


static void
assess_trim(assess_str_t *s)
{
    while (s->len && (s->data[0] == ' ' || s->data[0] == '\t')) {
        s->data++;
        s->len--;
    }

    while (s->len && (s->data[s->len - 1] == ' '
                      || s->data[s->len - 1] == '\t'))
    {
        s->len--;
    }
}
