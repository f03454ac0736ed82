
/*
 * Plain text and Markdown: as it is, in UTF-8.  A form feed ends a page, as
 * it does on paper.
 */

#include "assess_guess.h"
#include "assess_out.h"

#include <string.h>


#define ASSESS_PLAIN_PIECE  65536


static void assess_plain_prepare(void);
static assess_why_e assess_plain_read(assess_out_t *out);
static size_t assess_plain_piece(assess_charset_e charset, const char *p,
    size_t len);
static void assess_plain_text(assess_out_t *out, const char *text, size_t len);


const assess_reader_t  assess_reader_text = {
    "text", assess_plain_prepare, assess_plain_read
};


static void
assess_plain_prepare(void)
{
    assess_charset_prepare();
}


static assess_why_e
assess_plain_read(assess_out_t *out)
{
    size_t             n, len;
    const char        *p;
    assess_buf_t       text;
    assess_charset_e   charset;

    n = assess_charset_bom(out->data, out->len, &charset);

    p = out->data + n;
    len = out->len - n;

    if (n == 0) {
        charset = assess_guess(p, len);
    }

    memset(&text, 0, sizeof(text));

    while (len) {

        n = assess_plain_piece(charset, p, len);

        assess_charset_decode(charset, p, n, &text);

        if (text.failed) {
            return ASSESS_WHY_MEMORY;
        }

        assess_plain_text(out, text.data, text.len);
        assess_buf_reset(&text);

        p += n;
        len -= n;
    }

    assess_buf_free(&text);

    if (out->open || out->page == 0) {
        assess_out_page(out);
    }

    return ASSESS_WHY_NONE;
}


/*
 * A document is decoded a piece at a time.  Of UTF-16, a pair of surrogates
 * stays together, and of what a converter is for, a line: no character goes
 * beyond it.
 */

static size_t
assess_plain_piece(assess_charset_e charset, const char *p, size_t len)
{
    const char     *end;
    unsigned char   high;

    if (len <= ASSESS_PLAIN_PIECE) {
        return len;
    }

    if (charset == ASSESS_CHARSET_UTF16_LE) {
        high = (unsigned char) p[ASSESS_PLAIN_PIECE - 1];

    } else if (charset == ASSESS_CHARSET_UTF16_BE) {
        high = (unsigned char) p[ASSESS_PLAIN_PIECE - 2];

    } else if (charset >= ASSESS_CHARSET_NAMED) {
        end = memchr(p + ASSESS_PLAIN_PIECE, '\n', len - ASSESS_PLAIN_PIECE);
        return end ? (size_t) (end - p) + 1 : len;

    } else {
        return ASSESS_PLAIN_PIECE;
    }

    return (high & 0xfc) == 0xd8 ? ASSESS_PLAIN_PIECE - 2
                                 : ASSESS_PLAIN_PIECE;
}


static void
assess_plain_text(assess_out_t *out, const char *text, size_t len)
{
    const char  *end, *feed;

    end = text + len;

    while (text < end) {

        feed = memchr(text, '\f', (size_t) (end - text));

        if (feed == NULL) {
            assess_out_text(out, text, (size_t) (end - text));
            return;
        }

        assess_out_text(out, text, (size_t) (feed - text));
        assess_out_page(out);

        text = feed + 1;
    }
}
