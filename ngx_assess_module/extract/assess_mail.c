
/*
 * Mail: what its headers say, its text, and then its attachments, each on a
 * page of its own that begins with its name.  Messages within come behind it.
 */

#include "assess_html.h"
#include "assess_mime.h"
#include "assess_office.h"
#include "assess_rtf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>


typedef enum {
    ASSESS_MAIL_TEXT,                   /* of the message itself */
    ASSESS_MAIL_LEFT_OUT,               /* told in another way already */
    ASSESS_MAIL_FILE,                   /* one that is read */
    ASSESS_MAIL_OTHER                   /* one that is only named */
} assess_mail_e;


typedef struct {
    assess_out_t    *out;
    assess_mime_t    mime;
    int             *chosen;            /* by part: of its alternatives */
} assess_mail_t;


static void assess_mail_prepare(void);
static assess_why_e assess_mail_read(assess_out_t *out);
static assess_why_e assess_mail_check(const assess_mime_part_t *part);
static int assess_mail_choose(const assess_mime_t *mime, int i);
static assess_why_e assess_mail_message(assess_mail_t *mail, int root);
static assess_why_e assess_mail_headers(assess_mail_t *mail, int root);
static assess_why_e assess_mail_text(assess_mail_t *mail,
    const assess_mime_part_t *part);
static assess_why_e assess_mail_file(assess_mail_t *mail,
    const assess_mime_part_t *part);
static int assess_mail_next(const assess_mime_t *mime, int i, int root);
static assess_mail_e assess_mail_kind(const assess_mail_t *mail, int i);


const assess_reader_t  assess_reader_mail = {
    "mail", assess_mail_prepare, assess_mail_read
};


static void
assess_mail_prepare(void)
{
    assess_html_prepare();
}


static assess_why_e
assess_mail_read(assess_out_t *out)
{
    int             i;
    assess_why_e    why;
    assess_mail_t   mail;

    memset(&mail, 0, sizeof(mail));
    mail.out = out;

    why = assess_mime_parse(out->data, out->len, &mail.mime);

    if (why == ASSESS_WHY_NONE) {
        why = assess_mail_check(&mail.mime.parts[0]);
    }

    if (why == ASSESS_WHY_NONE) {
        mail.chosen = calloc((size_t) mail.mime.n, sizeof(int));
        why = mail.chosen ? ASSESS_WHY_NONE : ASSESS_WHY_MEMORY;
    }

    for (i = 0; i < mail.mime.n && why == ASSESS_WHY_NONE; i++) {
        mail.chosen[i] = assess_mail_choose(&mail.mime, i);
    }

    for (i = 0; i < mail.mime.n && why == ASSESS_WHY_NONE; i++) {
        if (mail.mime.parts[i].message) {
            why = assess_mail_message(&mail, i);
        }
    }

    free(mail.chosen);
    assess_mime_free(&mail.mime);

    return why;
}


/* Whether it is a mail at all, and one that is not locked. */

static assess_why_e
assess_mail_check(const assess_mime_part_t *part)
{
    int           locked;
    size_t        i;
    assess_buf_t  type;

    static const char *const  headers[] = {
        "from", "to", "subject", "date", "received", "message-id",
        "mime-version", "return-path"
    };

    memset(&type, 0, sizeof(type));
    assess_mime_parameter(part, "content-type", "smime-type", &type);

    locked = assess_mime_is(part, "multipart/encrypted")
             || (strstr(part->type, "pkcs7-mime")
                 && (type.len == 0 || strstr(type.data, "enveloped")));

    assess_buf_free(&type);

    if (locked) {
        return ASSESS_WHY_ENCRYPTED;
    }

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (assess_mime_header(part, headers[i]).data) {
            return ASSESS_WHY_NONE;
        }
    }

    return ASSESS_WHY_DAMAGED;
}


static int
assess_mail_empty(const assess_mime_part_t *part)
{
    int           empty;
    size_t        i;
    assess_buf_t  body;

    memset(&body, 0, sizeof(body));
    assess_mime_body(part, &body);

    for (i = 0; i < body.len && memchr(" \t\r\n", body.data[i], 4); i++) {
        /* void */
    }

    empty = i == body.len && !body.failed;
    assess_buf_free(&body);

    return empty;
}


/* Of the same told in several ways plain text is best, then HTML. */

static int
assess_mail_choose(const assess_mime_t *mime, int i)
{
    int                        child, html;
    const assess_mime_part_t  *part;

    if (!assess_mime_is(&mime->parts[i], "multipart/alternative")) {
        return -1;
    }

    html = -1;

    for (child = mime->parts[i].first; child != -1; child = part->next) {

        part = &mime->parts[child];

        if (strcmp(part->type, "text/plain") == 0
            && !assess_mail_empty(part))
        {
            return child;
        }

        if (html == -1 && (assess_mime_is(part, "text/html")
                           || assess_mime_is(part, "multipart/")))
        {
            html = child;
        }
    }

    return html != -1 ? html : mime->parts[i].last;
}


static void
assess_mail_str(assess_mail_t *mail, const char *text)
{
    assess_out_text(mail->out, text, strlen(text));
}


/* The name of a file, or else what it is. */

static assess_why_e
assess_mail_name(assess_mail_t *mail, const assess_mime_part_t *part)
{
    assess_buf_t  name;
    assess_why_e  why;

    memset(&name, 0, sizeof(name));
    assess_mime_parameter(part, "content-disposition", "filename", &name);

    if (name.len == 0) {
        assess_mime_parameter(part, "content-type", "name", &name);
    }

    if (name.len == 0) {
        assess_buf_str(&name, part->type);
    }

    why = name.failed ? ASSESS_WHY_MEMORY : ASSESS_WHY_NONE;

    if (why == ASSESS_WHY_NONE) {
        assess_out_text(mail->out, name.data, name.len);
        assess_mail_str(mail, "\n");
    }

    assess_buf_free(&name);

    return why;
}


static assess_why_e
assess_mail_message(assess_mail_t *mail, int root)
{
    int            i, others;
    assess_why_e   why;
    assess_mime_t *mime;

    mime = &mail->mime;
    others = 0;

    why = assess_mail_headers(mail, root);

    for (i = root; i != -1 && why == ASSESS_WHY_NONE;
         i = assess_mail_next(mime, i, root))
    {
        if (assess_mail_kind(mail, i) == ASSESS_MAIL_TEXT) {
            assess_mail_str(mail, "\n");
            why = assess_mail_text(mail, &mime->parts[i]);
        }
    }

    for (i = root; i != -1 && why == ASSESS_WHY_NONE;
         i = assess_mail_next(mime, i, root))
    {
        if (assess_mail_kind(mail, i) == ASSESS_MAIL_OTHER) {
            assess_mail_str(mail, others++ ? "Attachment: "
                                           : "\nAttachment: ");
            why = assess_mail_name(mail, &mime->parts[i]);
        }
    }

    if (why == ASSESS_WHY_NONE) {
        assess_out_page(mail->out);
    }

    for (i = root; i != -1 && why == ASSESS_WHY_NONE;
         i = assess_mail_next(mime, i, root))
    {
        if (assess_mail_kind(mail, i) == ASSESS_MAIL_FILE) {
            why = assess_mail_file(mail, &mime->parts[i]);
        }
    }

    return why;
}


static assess_why_e
assess_mail_headers(assess_mail_t *mail, int root)
{
    size_t                     i;
    assess_buf_t               value;
    assess_why_e               why;
    const assess_mime_part_t  *part;

    static const char *const  names[] = {
        "From", "To", "Cc", "Date", "Subject"
    };

    why = ASSESS_WHY_NONE;
    part = &mail->mime.parts[root];
    memset(&value, 0, sizeof(value));

    if (part->up != -1) {
        why = assess_mail_name(mail, &mail->mime.parts[part->up]);
        assess_mail_str(mail, "\n");
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        assess_buf_reset(&value);
        assess_mime_field(part, names[i], &value);

        if (value.len) {
            assess_mail_str(mail, names[i]);
            assess_mail_str(mail, ": ");
            assess_out_text(mail->out, value.data, value.len);
            assess_mail_str(mail, "\n");
        }
    }

    if (value.failed) {
        why = ASSESS_WHY_MEMORY;
    }

    assess_buf_free(&value);

    return why;
}


/* Lines of text, with one end each; a page of it is none of the mail. */

static void
assess_mail_plain(assess_mail_t *mail, const char *text, size_t len)
{
    size_t       n;
    const char  *p, *end;

    end = text + len;

    while (end > text && memchr(" \t\r\n\f", end[-1], 5)) {
        end--;
    }

    for (p = text; p < end; p += n) {

        for (n = 0; p + n < end && p[n] != '\r' && p[n] != '\f'; n++) {
            /* void */
        }

        assess_out_text(mail->out, p, n);

        if (p + n < end) {
            if (p[n] == '\f') {
                assess_mail_str(mail, "\n");
            }
            n++;
        }
    }

    if (end > text) {
        assess_mail_str(mail, "\n");
    }
}


static assess_why_e
assess_mail_text(assess_mail_t *mail, const assess_mime_part_t *part)
{
    int                known;
    size_t             bom;
    assess_buf_t       body, text;
    assess_why_e       why;
    assess_charset_e   charset;

    memset(&body, 0, sizeof(body));
    memset(&text, 0, sizeof(text));
    assess_mime_body(part, &body);

    known = assess_mime_charset(part, &charset) == 0;
    why = body.failed ? ASSESS_WHY_MEMORY : ASSESS_WHY_NONE;

    if (why == ASSESS_WHY_NONE && body.len) {

        if (assess_mime_is(part, "text/html")) {
            why = assess_html_memory(mail->out, body.data, body.len,
                                     known ? &charset : NULL);

        } else {

            if (!known) {
                charset = assess_charset_guess(body.data, body.len);
            }

            bom = assess_charset_bom(body.data, body.len, &charset);
            assess_charset_decode(charset, body.data + bom, body.len - bom,
                                  &text);
            why = text.failed ? ASSESS_WHY_MEMORY : ASSESS_WHY_NONE;

            if (why == ASSESS_WHY_NONE && text.len) {
                assess_mail_plain(mail, text.data, text.len);
            }
        }
    }

    assess_buf_free(&body);
    assess_buf_free(&text);

    return why;
}


/*
 * A file that cannot be read is no reason not to read the mail; its page says
 * so.  What goes beyond a limit ends the whole.
 */

static assess_why_e
assess_mail_file(assess_mail_t *mail, const assess_mime_part_t *part)
{
    assess_buf_t  body;
    assess_why_e  why;

    why = assess_mail_name(mail, part);
    assess_mail_str(mail, "\n");

    if (why == ASSESS_WHY_NONE && assess_mime_is(part, "text/")
        && !assess_mime_is(part, "text/rtf"))
    {
        why = assess_mail_text(mail, part);

    } else if (why == ASSESS_WHY_NONE) {

        memset(&body, 0, sizeof(body));
        assess_mime_body(part, &body);

        why = body.failed ? ASSESS_WHY_MEMORY
              : body.len > 5 && memcmp(body.data, "{\\rtf", 5) == 0
              ? assess_rtf_memory(mail->out, body.data, body.len)
              : assess_office_memory(mail->out, body.data, body.len);

        assess_buf_free(&body);
    }

    if (why == ASSESS_WHY_DAMAGED || why == ASSESS_WHY_DOCTYPE
        || why == ASSESS_WHY_ENCRYPTED)
    {
        assess_mail_str(mail, why == ASSESS_WHY_ENCRYPTED
                        ? "(This file is encrypted and was not read.)\n"
                        : "(This file is damaged and was not read.)\n");
        why = ASSESS_WHY_NONE;
    }

    if (why == ASSESS_WHY_NONE && mail->out->open) {
        assess_out_page(mail->out);
    }

    return why;
}


/* The next part of the same message, in the order of the mail; -1: no more. */

static int
assess_mail_next(const assess_mime_t *mime, int i, int root)
{
    const assess_mime_part_t  *part;

    part = &mime->parts[i];

    if (part->first != -1 && !mime->parts[part->first].message) {
        return part->first;
    }

    for ( /* void */ ; i != root; i = part->up) {

        part = &mime->parts[i];

        if (part->next != -1) {
            return part->next;
        }
    }

    return -1;
}


static int
assess_mail_readable(const assess_mime_part_t *part)
{
    size_t        i, n;
    assess_buf_t  name;

    static const char *const  extensions[] = {
        ".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".epub", ".rtf"
    };

    if (assess_mime_is(part, "text/")
        || strstr(part->type, "openxmlformats-officedocument.")
        || strstr(part->type, "oasis.opendocument.")
        || assess_mime_is(part, "application/epub+zip")
        || assess_mime_is(part, "application/rtf"))
    {
        return 1;
    }

    memset(&name, 0, sizeof(name));
    assess_mime_parameter(part, "content-disposition", "filename", &name);

    if (name.len == 0) {
        assess_mime_parameter(part, "content-type", "name", &name);
    }

    for (i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {

        n = strlen(extensions[i]);

        if (name.len > n
            && strcasecmp(name.data + name.len - n, extensions[i]) == 0)
        {
            break;
        }
    }

    assess_buf_free(&name);

    return i < sizeof(extensions) / sizeof(extensions[0]);
}


static int
assess_mail_attached(const assess_mime_part_t *part)
{
    int           attached;
    assess_buf_t  name;
    assess_str_t  disposition;

    disposition = assess_mime_header(part, "content-disposition");

    memset(&name, 0, sizeof(name));
    assess_mime_parameter(part, "content-disposition", "filename", &name);

    attached = name.len != 0
               || (disposition.len >= 10
                   && strncasecmp(disposition.data, "attachment", 10) == 0);

    assess_buf_free(&name);

    return attached;
}


static assess_mail_e
assess_mail_kind(const assess_mail_t *mail, int i)
{
    int                        up;
    const assess_mime_part_t  *part;

    part = &mail->mime.parts[i];

    /* what is within comes by itself */

    if (part->first != -1) {
        return ASSESS_MAIL_LEFT_OUT;
    }

    if (!(assess_mime_is(part, "text/") || assess_mime_is(part, "message/"))
        || assess_mail_attached(part))
    {
        return assess_mail_readable(part) ? ASSESS_MAIL_FILE
                                          : ASSESS_MAIL_OTHER;
    }

    for (up = part->up; up != -1; i = up, up = mail->mime.parts[i].up) {
        if (mail->chosen[up] != -1 && mail->chosen[up] != i) {
            return ASSESS_MAIL_LEFT_OUT;
        }
    }

    return ASSESS_MAIL_TEXT;
}
