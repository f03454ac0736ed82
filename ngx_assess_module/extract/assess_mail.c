
/*
 * Mail: what its headers say, its text, and then its attachments, each on a
 * page of its own that begins with its name.  Messages within come behind it.
 */

#include "assess_guess.h"
#include "assess_html.h"
#include "assess_mime.h"
#include "assess_ocr.h"
#include "assess_office.h"
#include "assess_pdf.h"
#include "assess_rtf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>


#define ASSESS_MAIL_PDF_SEARCH  1024    /* where readers look for %PDF- */


typedef enum {
    ASSESS_MAIL_TEXT,                   /* of the message itself */
    ASSESS_MAIL_LEFT_OUT,               /* told in another way already */
    ASSESS_MAIL_FILE,                   /* one that is read */
    ASSESS_MAIL_OTHER                   /* one that is only named */
} assess_mail_e;


/* Of what is attached: what its type or its name says. */
typedef enum {
    ASSESS_FILE_OTHER = 0,
    ASSESS_FILE_TEXT,
    ASSESS_FILE_DOCUMENT,
    ASSESS_FILE_PICTURE
} assess_mail_file_e;


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
static assess_why_e assess_mail_bytes(assess_mail_t *mail,
    const assess_mime_part_t *part, const char *data, size_t len);
static const char *assess_mail_unread(assess_why_e why);
static int assess_mail_named(const assess_mime_part_t *part,
    const char *const *extensions);
static assess_mail_file_e assess_mail_file_of(const assess_mime_part_t *part);
static int assess_mail_next(const assess_mime_t *mime, int i, int root);
static assess_mail_e assess_mail_kind(const assess_mail_t *mail, int i);


const assess_reader_t  assess_reader_mail = {
    "mail", assess_mail_prepare, assess_mail_read
};


static void
assess_mail_prepare(void)
{
    assess_html_prepare();
    assess_pdf_prepare();
    assess_image_prepare();
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

    static const char *const  html[] = { ".html", ".htm", NULL };

    memset(&body, 0, sizeof(body));
    memset(&text, 0, sizeof(text));
    assess_mime_body(part, &body);

    known = assess_mime_charset(part, &charset) == 0;
    why = body.failed ? ASSESS_WHY_MEMORY : ASSESS_WHY_NONE;

    if (why == ASSESS_WHY_NONE && body.len) {

        if (assess_mime_is(part, "text/html")
            || assess_mail_named(part, html))
        {
            why = assess_html_memory(mail->out, body.data, body.len,
                                     known ? &charset : NULL);

        } else {

            if (!known) {
                charset = assess_guess(body.data, body.len);
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
    const char   *unread;

    why = assess_mail_name(mail, part);
    assess_mail_str(mail, "\n");

    if (why == ASSESS_WHY_NONE
        && assess_mail_file_of(part) == ASSESS_FILE_TEXT)
    {
        why = assess_mail_text(mail, part);

    } else if (why == ASSESS_WHY_NONE) {

        memset(&body, 0, sizeof(body));
        assess_mime_body(part, &body);

        why = body.failed ? ASSESS_WHY_MEMORY
              : assess_mail_bytes(mail, part, body.len ? body.data : "",
                                  body.len);

        assess_buf_free(&body);
    }

    unread = assess_mail_unread(why);

    if (unread) {
        assess_mail_str(mail, unread);
        why = ASSESS_WHY_NONE;
    }

    if (why == ASSESS_WHY_NONE && mail->out->open) {
        assess_out_page(mail->out);
    }

    return why;
}


/* Its bytes have the first word on what it is. */

static assess_why_e
assess_mail_bytes(assess_mail_t *mail, const assess_mime_part_t *part,
    const char *data, size_t len)
{
    if (len > 5 && memcmp(data, "{\\rtf", 5) == 0) {
        return assess_rtf_memory(mail->out, data, len);
    }

    if (assess_mail_file_of(part) == ASSESS_FILE_PICTURE) {
        return assess_image_memory(mail->out, data, len);
    }

    if (memmem(data, len < ASSESS_MAIL_PDF_SEARCH ? len
                     : ASSESS_MAIL_PDF_SEARCH, "%PDF-", 5))
    {
        return assess_pdf_memory(mail->out, data, len);
    }

    return assess_office_memory(mail->out, data, len);
}


/* What is told in the place of a file that cannot be read, or NULL. */

static const char *
assess_mail_unread(assess_why_e why)
{
    switch (why) {

    case ASSESS_WHY_ENCRYPTED:
        return "(This file is encrypted and was not read.)\n";

    case ASSESS_WHY_DAMAGED:
    case ASSESS_WHY_DOCTYPE:
        return "(This file is damaged and was not read.)\n";

    case ASSESS_WHY_OLD:
        return "(This file has an old format and was not read.)\n";

    case ASSESS_WHY_OCR:
        return "(This file is a picture, and what reads pictures is not "
               "there.)\n";

    default:
        return NULL;
    }
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


/* Whether its name ends in one of these, of which the last is NULL */

static int
assess_mail_named(const assess_mime_part_t *part,
    const char *const *extensions)
{
    size_t        i, n;
    assess_buf_t  name;

    memset(&name, 0, sizeof(name));
    assess_mime_parameter(part, "content-disposition", "filename", &name);

    if (name.len == 0) {
        assess_mime_parameter(part, "content-type", "name", &name);
    }

    for (i = 0; extensions[i]; i++) {

        n = strlen(extensions[i]);

        if (name.len > n
            && strcasecmp(name.data + name.len - n, extensions[i]) == 0)
        {
            break;
        }
    }

    assess_buf_free(&name);

    return extensions[i] != NULL;
}


/* Many programs say of a text only that it is bytes, and some, that Excel's */

static int
assess_mail_textual(const assess_mime_part_t *part)
{
    static const char *const  extensions[] = {
        ".txt", ".csv", ".tsv", ".md", ".html", ".htm", NULL
    };

    return assess_mail_named(part, extensions);
}


static assess_mail_file_e
assess_mail_file_of(const assess_mime_part_t *part)
{
    size_t               i, n;
    assess_buf_t         name;
    assess_mail_file_e   file;

    static const struct {
        const char          *type;      /* or a part of it */
        assess_mail_file_e   file;
    } types[] = {
        { "text/rtf", ASSESS_FILE_DOCUMENT },
        { "text/", ASSESS_FILE_TEXT },
        { "openxmlformats-officedocument.", ASSESS_FILE_DOCUMENT },
        { "oasis.opendocument.", ASSESS_FILE_DOCUMENT },
        { "application/epub+zip", ASSESS_FILE_DOCUMENT },
        { "application/rtf", ASSESS_FILE_DOCUMENT },
        { "application/pdf", ASSESS_FILE_DOCUMENT },
        { "application/msword", ASSESS_FILE_DOCUMENT },
        { "application/vnd.ms-excel", ASSESS_FILE_DOCUMENT },
        { "image/png", ASSESS_FILE_PICTURE },
        { "image/jpeg", ASSESS_FILE_PICTURE },
        { "image/jpg", ASSESS_FILE_PICTURE },
        { "image/tiff", ASSESS_FILE_PICTURE },
        { "image/hei", ASSESS_FILE_PICTURE },
        { "image/webp", ASSESS_FILE_PICTURE },
        { "image/bmp", ASSESS_FILE_PICTURE },
        { "image/gif", ASSESS_FILE_PICTURE }
    };

    static const struct {
        const char          *extension;
        assess_mail_file_e   file;
    } names[] = {
        { ".docx", ASSESS_FILE_DOCUMENT }, { ".xlsx", ASSESS_FILE_DOCUMENT },
        { ".pptx", ASSESS_FILE_DOCUMENT }, { ".odt", ASSESS_FILE_DOCUMENT },
        { ".ods", ASSESS_FILE_DOCUMENT }, { ".odp", ASSESS_FILE_DOCUMENT },
        { ".epub", ASSESS_FILE_DOCUMENT }, { ".rtf", ASSESS_FILE_DOCUMENT },
        { ".pdf", ASSESS_FILE_DOCUMENT }, { ".doc", ASSESS_FILE_DOCUMENT },
        { ".xls", ASSESS_FILE_DOCUMENT }, { ".png", ASSESS_FILE_PICTURE },
        { ".jpg", ASSESS_FILE_PICTURE }, { ".jpeg", ASSESS_FILE_PICTURE },
        { ".tif", ASSESS_FILE_PICTURE }, { ".tiff", ASSESS_FILE_PICTURE },
        { ".heic", ASSESS_FILE_PICTURE }, { ".heif", ASSESS_FILE_PICTURE },
        { ".webp", ASSESS_FILE_PICTURE }, { ".bmp", ASSESS_FILE_PICTURE },
        { ".gif", ASSESS_FILE_PICTURE }
    };

    if (assess_mail_textual(part)) {
        return ASSESS_FILE_TEXT;
    }

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strstr(part->type, types[i].type)) {
            return types[i].file;
        }
    }

    memset(&name, 0, sizeof(name));
    assess_mime_parameter(part, "content-disposition", "filename", &name);

    if (name.len == 0) {
        assess_mime_parameter(part, "content-type", "name", &name);
    }

    file = ASSESS_FILE_OTHER;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        n = strlen(names[i].extension);

        if (name.len > n
            && strcasecmp(name.data + name.len - n, names[i].extension) == 0)
        {
            file = names[i].file;
            break;
        }
    }

    assess_buf_free(&name);

    return file;
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
        return assess_mail_file_of(part) == ASSESS_FILE_OTHER
               ? ASSESS_MAIL_OTHER : ASSESS_MAIL_FILE;
    }

    for (up = part->up; up != -1; i = up, up = mail->mime.parts[i].up) {
        if (mail->chosen[up] != -1 && mail->chosen[up] != i) {
            return ASSESS_MAIL_LEFT_OUT;
        }
    }

    return ASSESS_MAIL_TEXT;
}
