
/* sources: engine/assess_multipart.c base/assess_base.c */
/* libs: -lm */

#include "engine/assess_multipart.h"
#include "tap.h"

#include <stdlib.h>


#define CRLF  "\r\n"


/* What the parser said, as text; data pieces that touch are one. */
typedef struct {
    assess_buf_t   said;
    assess_buf_t   data;
    int64_t        from, next;
    int            touching;
    int            refuse_data;
    const char    *body;
    size_t         len;
} seen_t;


static assess_err_e
on_begin(void *ctx, const assess_part_t *part, assess_err_t *err)
{
    seen_t *seen = ctx;

    (void) err;

    assess_buf_printf(&seen->said, "[%.*s", (int) part->name.len,
                      part->name.data);

    if (part->filename.data) {
        assess_buf_printf(&seen->said, "|f=%.*s", (int) part->filename.len,
                          part->filename.data);
    }

    if (part->content_type.data) {
        assess_buf_printf(&seen->said, "|t=%.*s",
                          (int) part->content_type.len,
                          part->content_type.data);
    }

    assess_buf_reset(&seen->data);
    seen->from = -1;
    seen->touching = 1;

    return ASSESS_OK;
}


static assess_err_e
on_data(void *ctx, const char *data, size_t len, int64_t offset,
    assess_err_t *err)
{
    seen_t *seen = ctx;

    if (seen->refuse_data) {
        return assess_fail(err, ASSESS_IMPOSSIBLE, NULL, "no data, please");
    }

    if (seen->from == -1) {
        seen->from = offset;
        seen->next = offset;
    }

    /* in order, without a gap, and the bytes that stand there */

    if (len == 0 || offset != seen->next || offset + len > seen->len
        || memcmp(seen->body + offset, data, len) != 0)
    {
        seen->touching = 0;
    }

    seen->next = offset + (int64_t) len;
    assess_buf_add(&seen->data, data, len);

    return ASSESS_OK;
}


static assess_err_e
on_end(void *ctx, assess_err_t *err)
{
    seen_t *seen = ctx;

    (void) err;

    assess_buf_str(&seen->said, "]=");
    assess_buf_json(&seen->said, seen->data.data ? seen->data.data : "",
                    seen->data.len);
    assess_buf_str(&seen->said, seen->touching ? ";" : "!wrong offsets;");

    return ASSESS_OK;
}


/* Parses body in pieces that begin at 0, cut1 and cut2. */
static assess_err_e
parse(const char *boundary, const char *body, size_t len, size_t cut1,
    size_t cut2, seen_t *seen, assess_err_t *err)
{
    char                  *copy;
    size_t                 i, at[4];
    assess_err_e           rc;
    assess_str_t           b;
    assess_arena_t        *arena;
    assess_multipart_t    *mp;
    assess_multipart_cb_t  cb;

    at[0] = 0;
    at[1] = cut1;
    at[2] = cut2;
    at[3] = len;

    cb.begin = on_begin;
    cb.data = on_data;
    cb.end = on_end;
    cb.ctx = seen;

    assess_buf_reset(&seen->said);
    seen->body = body;
    seen->len = len;

    b.data = (char *) boundary;
    b.len = strlen(boundary);

    arena = assess_arena_create();
    mp = assess_multipart_create(arena, &b, &cb);
    rc = ASSESS_OK;

    for (i = 0; i < 3 && rc == ASSESS_OK; i++) {

        /* in a block of its own size, so that a read past it is seen */

        copy = malloc(at[i + 1] - at[i] + 1);
        memcpy(copy, body + at[i], at[i + 1] - at[i]);
        copy = realloc(copy, at[i + 1] - at[i] ? at[i + 1] - at[i] : 1);
        rc = assess_multipart_feed(mp, copy, at[i + 1] - at[i], err);
        free(copy);
    }

    if (rc == ASSESS_OK) {
        rc = assess_multipart_finish(mp, err);

    } else if (assess_multipart_feed(mp, "x", 1, err) != rc
               || assess_multipart_finish(mp, err) != rc)
    {
        rc = ASSESS_ERROR;
    }

    assess_arena_destroy(arena);

    return rc;
}


static void
good(const char *name, const char *boundary, const char *body, size_t len,
    const char *want)
{
    size_t         i, j, step, wrong;
    seen_t         seen;
    assess_err_e   rc;
    assess_err_t   err;

    memset(&seen, 0, sizeof(seen));
    err.message[0] = '\0';

    rc = parse(boundary, body, len, len, len, &seen, &err);

    is_int(rc, ASSESS_OK, name);
    is_str(seen.said.data ? seen.said.data : "", want, name);

    if (rc != ASSESS_OK) {
        printf("# %s\n", err.message);
    }

    /* cut anywhere, and anywhere twice, it is the same */

    wrong = 0;
    step = len > 400 ? 7 : 1;

    for (i = 0; i <= len; i++) {
        for (j = i; j <= len; j += step) {
            rc = parse(boundary, body, len, i, j, &seen, &err);

            if (rc != ASSESS_OK
                || strcmp(seen.said.data ? seen.said.data : "", want) != 0)
            {
                wrong++;
            }
        }
    }

    ok(wrong == 0, "%s, in all pieces", name);

    /* cut short, it is refused unless only the epilogue is missing */

    wrong = 0;

    for (i = 0; i < len; i++) {

        if (parse(boundary, body, i, i, i, &seen, &err) == ASSESS_OK
            && (i < strlen(boundary) + 4
                || memmem(body, i, "--", 2) == NULL
                || strcmp(seen.said.data ? seen.said.data : "", want) != 0))
        {
            wrong++;
        }
    }

    ok(wrong == 0, "%s, truncated", name);

    assess_buf_free(&seen.said);
    assess_buf_free(&seen.data);
}


static void
bad(const char *name, const char *body, size_t len, assess_err_e want,
    const char *message)
{
    size_t         i, wrong;
    seen_t         seen;
    assess_err_e   rc;
    assess_err_t   err;

    memset(&seen, 0, sizeof(seen));

    rc = parse("b", body, len, len, len, &seen, &err);

    if (!ok(rc == want && strstr(err.message, message), "refused: %s", name)) {
        printf("# %d %s\n", rc, rc ? err.message : seen.said.data);
    }

    wrong = 0;

    for (i = 0; i <= len; i++) {
        rc = parse("b", body, len, i, i, &seen, &err);
        wrong += (rc != want || strstr(err.message, message) == NULL);
    }

    ok(wrong == 0, "refused in all pieces: %s", name);

    assess_buf_free(&seen.said);
    assess_buf_free(&seen.data);
}


#define GOOD(name, boundary, body, want)                                     \
    good(name, boundary, body, sizeof(body) - 1, want)

#define BAD(name, body, want, message)                                       \
    bad(name, body, sizeof(body) - 1, want, message)

#define PART(head, data)  "--b" CRLF head CRLF CRLF data CRLF
#define NAMED(head)       "Content-Disposition: form-data; name=\"n\"" head


static void
test_good(void)
{
    GOOD("a field", "b", PART(NAMED(""), "value") "--b--" CRLF,
         "[n]=\"value\";");

    GOOD("without anything behind it", "b", PART(NAMED(""), "v") "--b--",
         "[n]=\"v\";");

    GOOD("two files and a field", "Xy-9'()+_,./:=?",
         "--Xy-9'()+_,./:=?" CRLF
         "content-disposition: FORM-DATA; filename=\"a.pdf\"; name=file" CRLF
         "content-type: application/pdf" CRLF CRLF
         "%PDF" CRLF
         "--Xy-9'()+_,./:=? \t" CRLF
         "Content-Type: text/plain; charset=utf-8" CRLF
         "X-Other: whatever" CRLF
         "Content-Transfer-Encoding: BINARY" CRLF
         "Content-Disposition:form-data;name=\"file\";filename=\"b.txt\"" CRLF
         CRLF "two" CRLF "lines" CRLF CRLF
         "--Xy-9'()+_,./:=?" CRLF
         NAMED("") CRLF CRLF CRLF
         "--Xy-9'()+_,./:=?--",
         "[file|f=a.pdf|t=application/pdf]=\"%PDF\";"
         "[file|f=b.txt|t=text/plain; charset=utf-8]="
         "\"two\\u000d\\nlines\\u000d\\n\";[n]=\"\";");

    GOOD("preamble and epilogue", "b",
         "who reads this?" CRLF "--not" CRLF PART(NAMED(""), "v")
         "--b--  " CRLF "and --b" CRLF "--b" CRLF "this",
         "[n]=\"v\";");

    GOOD("data that looks like a boundary", "boundary",
         "--boundary" CRLF NAMED("") CRLF CRLF
         "\r" CRLF "\r\r\n-" CRLF "--" CRLF "--bound" CRLF "--boundar\r"
         "--boundary" CRLF "--boundary--",
         "[n]=\"\\u000d\\u000d\\n\\u000d\\u000d\\n-\\u000d\\n--\\u000d\\n"
         "--bound\\u000d\\n--boundar\\u000d--boundary\";");

    GOOD("data that begins like one", "boundary",
         "--boundary" CRLF NAMED("") CRLF CRLF "--bound" CRLF "--boundary--",
         "[n]=\"--bound\";");

    GOOD("a part without data and line end", "b",
         "--b" CRLF NAMED("") CRLF CRLF "--b--", "[n]=\"\";");

    GOOD("no part", "b", "--b--" CRLF, "");

    GOOD("zero bytes in data", "b", PART(NAMED(""), "a\0b") "--b--",
         "[n]=\"a\\u0000b\";");

    GOOD("escapes in a file name", "b",
         PART(NAMED("; filename=\"a \\\"b\\\\ \\c;.pdf\" ; x=\"\""), "v")
         "--b--", "[n|f=a \"b\\ \\c;.pdf]=\"v\";");

    GOOD("a lone backslash path", "b",
         PART(NAMED("; filename=\"C:\\temp\\a.pdf\""), "v") "--b--",
         "[n|f=C:\\temp\\a.pdf]=\"v\";");

    GOOD("UTF-8 in a file name", "b",
         PART(NAMED("; filename=\"\xC3\xA9.pdf\""), "v") "--b--",
         "[n|f=\xC3\xA9.pdf]=\"v\";");

    GOOD("filename* alone", "b",
         PART(NAMED("; filename*=utf-8'en'%C3%A9%20x.pdf"), "v") "--b--",
         "[n|f=\xC3\xA9 x.pdf]=\"v\";");

    GOOD("filename* wins over filename", "b",
         PART(NAMED("; filename*=UTF-8''y.pdf; filename=x.pdf"), "v")
         "--b--", "[n|f=y.pdf]=\"v\";");

    GOOD("an empty file name", "b",
         PART(NAMED("; filename=\"\""), "") "--b--", "[n|f=]=\"\";");
}


static void
test_bad(void)
{
    BAD("nothing", "", ASSESS_INVALID, "does not have the boundary");
    BAD("another boundary", "--c" CRLF CRLF "--c--", ASSESS_INVALID,
        "does not have the boundary");
    BAD("no closing boundary", PART(NAMED(""), "v") "--b" CRLF,
        ASSESS_INVALID, "truncated");
    BAD("half a closing boundary", PART(NAMED(""), "v") "--b-",
        ASSESS_INVALID, "truncated");
    BAD("no data", "--b" CRLF NAMED("") CRLF CRLF, ASSESS_INVALID,
        "truncated");
    BAD("LF behind the boundary", "--b\n" NAMED("") "\n\nv\n--b--",
        ASSESS_INVALID, "LF");
    BAD("LF in the headers", "--b" CRLF NAMED("") "\n\nv\n--b--",
        ASSESS_INVALID, "CRLF");
    BAD("CR in the headers", "--b" CRLF NAMED("") "\rx" CRLF CRLF "--b--",
        ASSESS_INVALID, "CRLF");
    BAD("LF before the last boundary",
        "--b" CRLF NAMED("") CRLF CRLF "v\n--b--", ASSESS_INVALID,
        "truncated");
    BAD("text behind a boundary", "--bx" CRLF NAMED("") CRLF CRLF "--b--",
        ASSESS_INVALID, "followed by");
    BAD("text behind a dash", PART(NAMED(""), "v") "--b-x", ASSESS_INVALID,
        "followed by");
    BAD("no headers", "--b" CRLF CRLF "v" CRLF "--b--", ASSESS_INVALID,
        "no name");
    BAD("no name", PART("Content-Disposition: form-data", "v") "--b--",
        ASSESS_INVALID, "no name");
    BAD("an empty name",
        PART("Content-Disposition: form-data; name=\"\"", "v") "--b--",
        ASSESS_INVALID, "no name");
    BAD("not form-data", PART("Content-Disposition: attachment; name=n", "v")
        "--b--", ASSESS_INVALID, "invalid Content-Disposition");
    BAD("an open quote", PART("Content-Disposition: form-data; name=\"n", "v")
        "--b--", ASSESS_INVALID, "invalid Content-Disposition");
    BAD("an escaped closing quote",
        PART("Content-Disposition: form-data; name=\"n\\\"", "v") "--b--",
        ASSESS_INVALID, "invalid Content-Disposition");
    BAD("two names", PART(NAMED("; name=m"), "v") "--b--", ASSESS_INVALID,
        "invalid Content-Disposition");
    BAD("text behind a quote", PART(NAMED("x"), "v") "--b--",
        ASSESS_INVALID, "invalid Content-Disposition");
    BAD("a name that is no UTF-8", PART(NAMED("; filename=\"\xE9\""), "v")
        "--b--", ASSESS_INVALID, "invalid Content-Disposition");
    BAD("filename* of another charset",
        PART(NAMED("; filename*=iso-8859-1''%E9"), "v") "--b--",
        ASSESS_INVALID, "invalid Content-Disposition");
    BAD("filename* with a line end",
        PART(NAMED("; filename*=UTF-8''a%0D%0Ab"), "v") "--b--",
        ASSESS_INVALID, "invalid Content-Disposition");
    BAD("filename* with a cut escape",
        PART(NAMED("; filename*=UTF-8''a%4"), "v") "--b--",
        ASSESS_INVALID, "invalid Content-Disposition");
    BAD("two Content-Dispositions", PART(NAMED("") CRLF NAMED(""), "v")
        "--b--", ASSESS_INVALID, "two Content-Dispositions");
    BAD("two Content-Types",
        PART(NAMED("") CRLF "Content-Type: a/b" CRLF "Content-Type: c/d", "v")
        "--b--", ASSESS_INVALID, "Content-Type");
    BAD("a header without a colon", PART(NAMED("") CRLF "nonsense", "v")
        "--b--", ASSESS_INVALID, "malformed");
    BAD("a folded header", PART(NAMED(";") CRLF " filename=x", "v") "--b--",
        ASSESS_INVALID, "malformed");
    BAD("a zero byte in the headers", PART(NAMED("; x=\"\0\""), "v") "--b--",
        ASSESS_INVALID, "control");
    BAD("base64",
        PART(NAMED("") CRLF "Content-Transfer-Encoding: base64", "dg==")
        "--b--", ASSESS_UNSUPPORTED, "Content-Transfer-Encoding");
    BAD("multipart/mixed inside",
        PART(NAMED("") CRLF "Content-Type: multipart/mixed; boundary=c", "")
        "--b--", ASSESS_UNSUPPORTED, "multipart body of its own");
}


static void
test_limits(void)
{
    int            i;
    seen_t         seen;
    assess_buf_t   body;
    assess_err_e   rc;
    assess_err_t   err;

    memset(&seen, 0, sizeof(seen));
    memset(&body, 0, sizeof(body));

    for (i = 0; i < ASSESS_MULTIPART_PARTS; i++) {
        assess_buf_str(&body, PART(NAMED(""), "v"));
    }

    assess_buf_str(&body, "--b--");
    rc = parse("b", body.data, body.len, 1, 2, &seen, &err);
    is_int(rc, ASSESS_OK, "as many parts as may be");

    body.len -= 2;
    assess_buf_str(&body, CRLF NAMED("") CRLF CRLF "v" CRLF "--b--");
    rc = parse("b", body.data, body.len, 1, 2, &seen, &err);
    is_int(rc, ASSESS_INVALID, "one part more");

    for (i = 0; i < 2; i++) {
        assess_buf_reset(&body);
        assess_buf_str(&body, "--b" CRLF NAMED("") CRLF "X: ");

        while (body.len < 5 + ASSESS_MULTIPART_HEADERS - 4 + (size_t) i) {
            assess_buf_char(&body, 'x');
        }

        assess_buf_str(&body, CRLF CRLF "v" CRLF "--b--");
        rc = parse("b", body.data, body.len, 1, 2, &seen, &err);
        is_int(rc, i ? ASSESS_INVALID : ASSESS_OK,
               i ? "headers of one byte more" : "headers as long as may be");
    }

    seen.refuse_data = 1;
    rc = parse("b", PART(NAMED(""), "v") "--b--", 54, 3, 9, &seen, &err);
    is_int(rc, ASSESS_IMPOSSIBLE, "what a callback says ends it");
    is_str(err.message, "no data, please", "with its words");

    assess_buf_free(&body);
    assess_buf_free(&seen.said);
    assess_buf_free(&seen.data);
}


static void
boundary(const char *content_type, assess_err_e want, const char *value)
{
    char           got[80];
    assess_err_e   rc;
    assess_err_t   err;
    assess_str_t   type, b;

    type.data = (char *) content_type;
    type.len = strlen(content_type);

    rc = assess_multipart_boundary(&type, &b, &err);
    is_int(rc, want, content_type);

    if (value && rc == ASSESS_OK) {
        (void) snprintf(got, sizeof(got), "%.*s", (int) b.len, b.data);
        is_str(got, value, content_type);
    }
}


static void
test_boundary(void)
{
    assess_err_t  err;
    assess_str_t  none = assess_null_str, b;

    boundary("multipart/form-data; boundary=abc", ASSESS_OK, "abc");
    boundary("Multipart/Form-Data ;charset=utf-8;  BOUNDARY=\"a b:c\" ",
             ASSESS_OK, "a b:c");
    boundary("multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxk",
             ASSESS_OK, "----WebKitFormBoundary7MA4YWxk");
    boundary("multipart/form-data; boundary="
             "1234567890123456789012345678901234567890123456789012345678901234"
             "567890", ASSESS_OK, NULL);

    boundary("multipart/form-data; boundary="
             "1234567890123456789012345678901234567890123456789012345678901234"
             "5678901", ASSESS_INVALID, NULL);
    boundary("multipart/form-data", ASSESS_INVALID, NULL);
    boundary("multipart/form-data; boundary=", ASSESS_INVALID, NULL);
    boundary("multipart/form-data; boundary=\"\"", ASSESS_INVALID, NULL);
    boundary("multipart/form-data; boundary=\"abc", ASSESS_INVALID, NULL);
    boundary("multipart/form-data; boundary=\"abc \"", ASSESS_INVALID, NULL);
    boundary("multipart/form-data; boundary=a@b", ASSESS_INVALID, NULL);
    boundary("multipart/form-data; boundary=\"a\\\\b\"", ASSESS_INVALID, NULL);
    boundary("multipart/form-data; boundary=a; boundary=b", ASSESS_INVALID,
             NULL);
    boundary("multipart/form-data; boundary", ASSESS_INVALID, NULL);
    boundary("multipart/mixed; boundary=abc", ASSESS_UNSUPPORTED, NULL);
    boundary("multipart/form-dat; boundary=abc", ASSESS_UNSUPPORTED, NULL);
    boundary("application/pdf", ASSESS_UNSUPPORTED, NULL);
    boundary("", ASSESS_UNSUPPORTED, NULL);

    is_int(assess_multipart_boundary(&none, &b, &err), ASSESS_UNSUPPORTED,
           "no Content-Type");
}


int
main(void)
{
    test_good();
    test_bad();
    test_limits();
    test_boundary();

    return done_testing();
}
