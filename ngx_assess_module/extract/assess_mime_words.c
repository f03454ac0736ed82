
/* What is written in ASCII and is not: encodings of bytes, and of words. */

#include "assess_guess.h"
#include "assess_mime.h"

#include <string.h>


#define ASSESS_MIME_WORD  1024          /* RFC 2047 has 75; some have more */


int
assess_mime_hex(char ch)
{
    return ch >= '0' && ch <= '9' ? ch - '0'
           : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
           : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}


static int
assess_mime_sextet(char ch)
{
    return ch >= 'A' && ch <= 'Z' ? ch - 'A'
           : ch >= 'a' && ch <= 'z' ? ch - 'a' + 26
           : ch >= '0' && ch <= '9' ? ch - '0' + 52
           : ch == '+' ? 62 : ch == '/' ? 63 : -1;
}


/* What is of no alphabet is passed over; each end of it begins anew. */

void
assess_mime_base64(const char *text, size_t len, assess_buf_t *out)
{
    int       n, value;
    size_t    i;
    uint32_t  bits;

    n = 0;
    bits = 0;

    for (i = 0; i < len; i++) {

        if (text[i] == '=') {
            n = 0;
            continue;
        }

        value = assess_mime_sextet(text[i]);
        if (value == -1) {
            continue;
        }

        bits = bits << 6 | (uint32_t) value;

        /* of four there are three bytes: one with each but the first */

        if (n) {
            assess_buf_char(out, (char) (bits >> (6 - 2 * n)));
        }

        n = (n + 1) % 4;
    }
}


/* The length of the end of a line here, with the white space before it. */

static size_t
assess_mime_line_end(const char *p, const char *end)
{
    const char  *q;

    for (q = p; q < end && (*q == ' ' || *q == '\t' || *q == '\r'); q++) {
        /* void */
    }

    return q < end && *q == '\n' ? (size_t) (q + 1 - p) : 0;
}


void
assess_mime_quoted(const char *text, size_t len, int word, assess_buf_t *out)
{
    int          high, low;
    size_t       n;
    const char  *p, *end;

    end = text + len;

    for (p = text; p < end; p++) {

        if (*p != '=') {
            assess_buf_char(out, word && *p == '_' ? ' ' : *p);
            continue;
        }

        high = end - p > 2 ? assess_mime_hex(p[1]) : -1;
        low = high != -1 ? assess_mime_hex(p[2]) : -1;

        if (low != -1) {
            assess_buf_char(out, (char) (high << 4 | low));
            p += 2;
            continue;
        }

        n = assess_mime_line_end(p + 1, end);

        if (n) {
            p += n;

        } else if (p + 1 < end) {
            assess_buf_char(out, '=');
        }
    }
}


typedef struct {
    const char        *charset;
    size_t             charset_len;
    char               encoding;
    const char        *text;
    size_t             len;
    const char        *end;
} assess_mime_word_t;


/* =?charset*language?encoding?text?= at p; 0, or -1. */

static int
assess_mime_word(const char *p, const char *end, assess_mime_word_t *word)
{
    const char  *q, *star;

    /* what looks like a beginning has its end nearby */

    if (end - p > ASSESS_MIME_WORD) {
        end = p + ASSESS_MIME_WORD;
    }

    if (end - p < 2 || p[0] != '=' || p[1] != '?') {
        return -1;
    }

    p += 2;
    q = memchr(p, '?', (size_t) (end - p));

    if (q == NULL || end - q < 3 || q[2] != '?') {
        return -1;
    }

    star = memchr(p, '*', (size_t) (q - p));

    word->charset = p;
    word->charset_len = (size_t) ((star ? star : q) - p);
    word->encoding = (char) (q[1] | 0x20);
    word->text = q + 3;

    q = memmem(word->text, (size_t) (end - word->text), "?=", 2);

    if (q == NULL || (word->encoding != 'b' && word->encoding != 'q')) {
        return -1;
    }

    word->len = (size_t) (q - word->text);
    word->end = q + 2;

    return 0;
}


static int
assess_mime_blank(const char *p, const char *end)
{
    while (p < end && memchr(" \t\r\n", *p, 4)) {
        p++;
    }

    return p == end;
}


/*
 * White space between two encoded words is none of the text.  Some programs cut
 * a character in two words: their bytes are put together first.
 */

void
assess_mime_words(const char *text, size_t len, assess_buf_t *out)
{
    const char          *p, *end, *plain;
    assess_buf_t         bytes;
    assess_charset_e     charset, raw, last;
    assess_mime_word_t   word;

    memset(&bytes, 0, sizeof(bytes));

    end = text + len;
    plain = text;
    last = raw = assess_guess(text, len);

    for (p = text; p < end; /* void */ ) {

        if (assess_mime_word(p, end, &word) != 0) {
            p++;
            continue;
        }

        if (assess_charset_label(word.charset, word.charset_len, &charset)
            != 0)
        {
            charset = raw;
        }

        if (bytes.len == 0 || charset != last
            || !assess_mime_blank(plain, p))
        {
            assess_charset_decode(last, bytes.data, bytes.len, out);

            if (bytes.len == 0 || !assess_mime_blank(plain, p)) {
                assess_charset_decode(raw, plain, (size_t) (p - plain), out);
            }

            assess_buf_reset(&bytes);
        }

        if (word.encoding == 'b') {
            assess_mime_base64(word.text, word.len, &bytes);

        } else {
            assess_mime_quoted(word.text, word.len, 1, &bytes);
        }

        last = charset;
        plain = p = word.end;
    }

    assess_charset_decode(last, bytes.data, bytes.len, out);
    assess_charset_decode(raw, plain, (size_t) (end - plain), out);

    out->failed |= bytes.failed;
    assess_buf_free(&bytes);
}
