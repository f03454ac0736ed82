
#include "assess_email.h"

#include "../base/assess_json.h"

#include <ctype.h>
#include <string.h>
#include <time.h>


#define ASSESS_EMAIL_VALUES  1000             /* of the JSON */
#define ASSESS_EMAIL_LINE    76               /* RFC 2045: quoted-printable */


/* A line of the mail: what it is called, and where it is found. */

typedef struct {
    const char   *label;
    const char   *name;
    const char   *in;                /* an object within the data; or NULL */
    int           money;
} assess_email_line_t;


static const assess_email_line_t  assess_email_lines[] = {
    { "Batch", "batchId", NULL, 0 },
    { "Job", "jobId", NULL, 0 },
    { "Status", "status", NULL, 0 },
    { "Documents", "totalDocuments", NULL, 0 },
    { "Completed", "completedDocuments", NULL, 0 },
    { "Failed", "failedDocuments", NULL, 0 },
    { "Cancelled", "cancelledDocuments", NULL, 0 },
    { "Cost", "cost", NULL, 1 },
    { "Limit of cost", "maxCost", NULL, 1 },
    { "Input tokens", "input", "tokens", 0 },
    { "Output tokens", "output", "tokens", 0 },
    { "Created", "createdAt", NULL, 0 },
    { "Started", "startedAt", NULL, 0 },
    { "Ended", "completedAt", NULL, 0 }
};

#define ASSESS_EMAIL_LINES                                                    \
    (sizeof(assess_email_lines) / sizeof(assess_email_lines[0]))


static int
assess_email_atom(int ch)
{
    return isalnum(ch) || (ch && strchr("!#$%&'*+-/=?^_`{|}~", ch));
}


/* Dots stand between others, never at an end or next to each other */

static int
assess_email_dots(const char *data, size_t len, int (*good)(int ch))
{
    size_t  i;

    for (i = 0; i < len; i++) {

        if (data[i] == '.') {
            if (i == 0 || i + 1 == len || data[i - 1] == '.') {
                return 0;
            }

        } else if ((signed char) data[i] <= 0 || !good(data[i])) {
            return 0;
        }
    }

    return len > 0;
}


static int
assess_email_label(int ch)
{
    return isalnum(ch) || ch == '-';
}


int
assess_email_address(const char *data, size_t len)
{
    size_t       local;
    const char  *at;

    at = len && len <= 254 ? memchr(data, '@', len) : NULL;

    if (at == NULL) {
        return 0;
    }

    local = (size_t) (at - data);

    return local <= 64
           && assess_email_dots(data, local, assess_email_atom)
           && at[1] != '-' && data[len - 1] != '-'
           && assess_email_dots(at + 1, len - local - 1, assess_email_label);
}


/* A value as people read it; nothing where there is none */

static void
assess_email_value(assess_buf_t *b, const assess_email_line_t *line,
    const assess_json_t *data)
{
    const assess_json_t  *value;

    value = line->in ? assess_json_member(data, line->in) : data;
    value = assess_json_member(value, line->name);

    if (value == NULL) {
        return;
    }

    switch (value->type) {

    case ASSESS_JSON_STRING:
        assess_buf_add(b, value->text.data, value->text.len);
        break;

    case ASSESS_JSON_INT:
    case ASSESS_JSON_REAL:
        if (line->money) {
            assess_buf_printf(b, "US$ %.4f", value->real);

        } else {
            assess_buf_add(b, value->text.data, value->text.len);
        }

        break;

    default:
        break;
    }
}


static void
assess_email_html(assess_buf_t *b, const char *data, size_t len)
{
    const char  *end;

    for (end = data + len; data < end; data++) {

        switch (*data) {

        case '<':
            assess_buf_str(b, "&lt;");
            break;

        case '>':
            assess_buf_str(b, "&gt;");
            break;

        case '&':
            assess_buf_str(b, "&amp;");
            break;

        case '"':
            assess_buf_str(b, "&quot;");
            break;

        default:
            assess_buf_char(b, *data);
        }
    }
}


/* "batch.budget_exceeded": "Batch budget exceeded: 5 of 9 documents" */

static void
assess_email_subject(assess_buf_t *b, const assess_json_t *type,
    const assess_json_t *data)
{
    char                  ch;
    size_t                i;
    const assess_json_t  *total, *completed;

    for (i = 0; i < type->text.len && i < 64; i++) {
        ch = type->text.data[i];
        ch = isalnum((unsigned char) ch) ? ch : ' ';
        assess_buf_char(b, i ? ch : (char) toupper((unsigned char) ch));
    }

    total = assess_json_member(data, "totalDocuments");
    completed = assess_json_member(data, "completedDocuments");

    if (total && total->type == ASSESS_JSON_INT && completed
        && completed->type == ASSESS_JSON_INT)
    {
        assess_buf_printf(b, ": %lld of %lld documents assessed",
                          (long long) completed->integer,
                          (long long) total->integer);
    }
}


static void
assess_email_texts(assess_buf_t *plain, assess_buf_t *html,
    const assess_buf_t *subject, const assess_json_t *data)
{
    size_t         i;
    assess_buf_t   value;

    assess_buf_printf(plain, "%s\n\n", subject->data);

    assess_buf_str(html, "<!DOCTYPE html>\n<html lang=\"en\"><body style="
                   "\"font-family: sans-serif; color: #222\">\n<h2 style="
                   "\"font-size: 18px\">");
    assess_email_html(html, subject->data, subject->len);
    assess_buf_str(html, "</h2>\n<table style=\"border-collapse: collapse; "
                   "font-size: 14px\">\n");

    memset(&value, 0, sizeof(assess_buf_t));

    for (i = 0; i < ASSESS_EMAIL_LINES; i++) {

        assess_buf_reset(&value);
        assess_email_value(&value, &assess_email_lines[i], data);

        if (value.len == 0) {
            continue;
        }

        assess_buf_printf(plain, "%-14s %s\n", assess_email_lines[i].label,
                          value.data);

        assess_buf_printf(html, "<tr>\n<td style=\"padding-right: 20px; "
                          "color: #666\">%s</td>\n<td>",
                          assess_email_lines[i].label);
        assess_email_html(html, value.data, value.len);
        assess_buf_str(html, "</td>\n</tr>\n");
    }

    assess_buf_str(html, "</table>\n</body></html>\n");

    plain->failed |= value.failed;
    assess_buf_free(&value);
}


/*
 * Quoted-printable: ASCII stays as it is, lines are as long as they may be, and
 * nothing in between can change it.
 */

static void
assess_email_quoted(assess_buf_t *b, const assess_buf_t *text)
{
    int          ch, plain;
    size_t       i, column;

    static const char  hex[] = "0123456789ABCDEF";

    for (i = 0, column = 0; i < text->len; i++) {

        ch = (unsigned char) text->data[i];

        if (ch == '\n') {
            assess_buf_str(b, "\r\n");
            column = 0;
            continue;
        }

        plain = ch >= ' ' && ch < 0x7f && ch != '='
                && !(ch == ' ' && (i + 1 == text->len
                                   || text->data[i + 1] == '\n'));

        if (column + (plain ? 1 : 3) >= ASSESS_EMAIL_LINE) {
            assess_buf_str(b, "=\r\n");
            column = 0;
        }

        if (plain) {
            assess_buf_char(b, (char) ch);
            column++;

        } else {
            assess_buf_char(b, '=');
            assess_buf_char(b, hex[ch >> 4]);
            assess_buf_char(b, hex[ch & 15]);
            column += 3;
        }
    }
}


/* RFC 5322, whatever the locale is */

static void
assess_email_date(assess_buf_t *b, int64_t ms)
{
    time_t     now;
    struct tm  tm;

    static const char  days[] = "SunMonTueWedThuFriSat";
    static const char  months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    now = (time_t) (ms / 1000);

    if (gmtime_r(&now, &tm) == NULL) {
        b->failed = 1;
        return;
    }

    assess_buf_printf(b, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d +0000\r\n",
                      days + 3 * tm.tm_wday, tm.tm_mday,
                      months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour,
                      tm.tm_min, tm.tm_sec);
}


static void
assess_email_part(assess_buf_t *b, const char *id, const char *type,
    const assess_buf_t *text)
{
    assess_buf_printf(b, "--=_%s\r\nContent-Type: %s; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
                      id, type);
    assess_email_quoted(b, text);
    assess_buf_str(b, "\r\n");
}


/* No quoted-printable text has "=_" in it, which the boundary begins with */

static void
assess_email_message(const assess_email_t *mail, const assess_buf_t *subject,
    const assess_buf_t *plain, const assess_buf_t *html, assess_buf_t *b)
{
    assess_buf_printf(b, "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\n",
                      mail->from, mail->to, subject->data);
    assess_email_date(b, mail->created_at);
    assess_buf_printf(b, "Message-ID: <%s%s>\r\nMIME-Version: 1.0\r\n"
                      "Auto-Submitted: auto-generated\r\n"
                      "Content-Type: multipart/alternative;\r\n"
                      " boundary=\"=_%s\"\r\n\r\n",
                      mail->id, strchr(mail->from, '@'), mail->id);

    assess_email_part(b, mail->id, "text/plain", plain);
    assess_email_part(b, mail->id, "text/html", html);

    assess_buf_printf(b, "--=_%s--\r\n", mail->id);
}


int
assess_email_write(assess_arena_t *arena, const assess_email_t *mail,
    assess_buf_t *message)
{
    assess_buf_t          subject, plain, html;
    assess_err_t          err;
    assess_json_t        *root;
    const assess_json_t  *type, *data;

    if (assess_json_read(arena, mail->body.data, mail->body.len,
                         ASSESS_EMAIL_VALUES, &root, &err) != ASSESS_OK)
    {
        return -1;
    }

    type = assess_json_member(root, "type");
    data = assess_json_member(root, "data");

    if (type == NULL || type->type != ASSESS_JSON_STRING || data == NULL) {
        return -1;
    }

    memset(&subject, 0, sizeof(assess_buf_t));
    memset(&plain, 0, sizeof(assess_buf_t));
    memset(&html, 0, sizeof(assess_buf_t));

    assess_email_subject(&subject, type, data);

    if (!subject.failed) {
        assess_email_texts(&plain, &html, &subject, data);
    }

    message->failed |= subject.failed || plain.failed || html.failed;

    if (!message->failed) {
        assess_email_message(mail, &subject, &plain, &html, message);
    }

    assess_buf_free(&subject);
    assess_buf_free(&plain);
    assess_buf_free(&html);

    return message->failed ? -1 : 0;
}
