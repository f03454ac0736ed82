
/*
 * Rich text (RTF 1.9.1).  Groups are a stack, so that no depth of them is one
 * of ours.  What is not known is passed over, as the specification has it.
 */

#include "assess_flow.h"
#include "assess_rtf.h"
#include "assess_rtf_charset.h"
#include "assess_rtf_words.h"

#include <stdlib.h>
#include <string.h>


#define ASSESS_RTF_DEPTH  200
#define ASSESS_RTF_FACES  32768         /* fonts by number */
#define ASSESS_RTF_RUN    65536         /* bytes kept before they are decoded */


/* What ends with its group, and is what it was before. */
typedef struct {
    int                 skip;           /* nothing in it is read */
    int                 aside;          /* stands outside of the text */
    int                 fonts;          /* the list of them */
    int                 hidden;
    int                 cell;           /* the paragraph is one of a table */
    int                 heading;
    int                 fallback;       /* so many characters follow on \u */
    assess_charset_e    charset;
} assess_rtf_group_t;


typedef struct {
    assess_flow_t        flow;
    const char          *p;
    const char          *end;

    assess_rtf_group_t   groups[ASSESS_RTF_DEPTH];
    int                  depth;
    assess_rtf_group_t  *group;

    assess_charset_e     charset;       /* of the document */
    uint16_t            *fonts;         /* their code pages, or 0 */
    int                  font;          /* of the list, just now */
    int                  default_font;

    assess_buf_t         run;           /* text in one charset */
    assess_charset_e     run_charset;
    assess_buf_t         utf8;
    uint32_t             high;          /* a surrogate that waits */
    int                  fallback;      /* characters to be passed over */
    int                  star;          /* a group that may be unknown */

    assess_buf_t         aside;
    int                  page;          /* one ends before more text */
    int                  table;
    int                  row;           /* one was begun */
    int                  open;          /* and has text */
    int                  cells;
    int                  in_cell;
} assess_rtf_t;


static void assess_rtf_prepare(void);
static assess_why_e assess_rtf_read(assess_out_t *out);
static assess_why_e assess_rtf_parse(assess_rtf_t *rtf);
static assess_why_e assess_rtf_open(assess_rtf_t *rtf);
static void assess_rtf_close(assess_rtf_t *rtf);
static void assess_rtf_control(assess_rtf_t *rtf);
static void assess_rtf_symbol(assess_rtf_t *rtf, char ch);
static void assess_rtf_word(assess_rtf_t *rtf, const char *name, int given,
    int n);
static void assess_rtf_known(assess_rtf_t *rtf, const assess_rtf_word_t *word,
    int given, int n);
static int assess_rtf_state(assess_rtf_t *rtf, const assess_rtf_word_t *word,
    int given, int n);
static void assess_rtf_layout(assess_rtf_t *rtf, assess_rtf_e what, int given,
    int n);
static void assess_rtf_table(assess_rtf_t *rtf, assess_rtf_e what);
static void assess_rtf_cell(assess_rtf_t *rtf);
static void assess_rtf_row_end(assess_rtf_t *rtf);
static int assess_rtf_hidden(const assess_rtf_t *rtf);
static void assess_rtf_bytes(assess_rtf_t *rtf, const char *data, size_t len);
static void assess_rtf_flush(assess_rtf_t *rtf);
static void assess_rtf_unicode(assess_rtf_t *rtf, int n);
static void assess_rtf_text(assess_rtf_t *rtf, const char *text, size_t len);
static void assess_rtf_place(assess_rtf_t *rtf);
static void assess_rtf_line(assess_rtf_t *rtf);
static void assess_rtf_page(assess_rtf_t *rtf);
static void assess_rtf_asides(assess_rtf_t *rtf);
static void assess_rtf_codepage(assess_rtf_t *rtf, int page);
static void assess_rtf_face(assess_rtf_t *rtf, int page);
static void assess_rtf_font(assess_rtf_t *rtf, int font);


const assess_reader_t  assess_reader_rtf = {
    "rtf", assess_rtf_prepare, assess_rtf_read
};


static void
assess_rtf_prepare(void)
{
    assess_charset_prepare();
}


static assess_why_e
assess_rtf_read(assess_out_t *out)
{
    return assess_rtf_memory(out, out->data, out->len);
}


assess_why_e
assess_rtf_memory(assess_out_t *out, const char *data, size_t len)
{
    assess_why_e   why;
    assess_rtf_t  *rtf;

    if (len < 5 || memcmp(data, "{\\rtf", 5) != 0) {
        return ASSESS_WHY_DAMAGED;
    }

    rtf = calloc(1, sizeof(assess_rtf_t));
    if (rtf == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    rtf->fonts = calloc(ASSESS_RTF_FACES, sizeof(uint16_t));
    rtf->flow.out = out;
    rtf->p = data;
    rtf->end = data + len;
    rtf->charset = ASSESS_CHARSET_1252;

    why = rtf->fonts ? assess_rtf_parse(rtf) : ASSESS_WHY_MEMORY;

    assess_buf_free(&rtf->flow.line);
    assess_buf_free(&rtf->run);
    assess_buf_free(&rtf->utf8);
    assess_buf_free(&rtf->aside);
    free(rtf->fonts);
    free(rtf);

    return why;
}


static assess_why_e
assess_rtf_parse(assess_rtf_t *rtf)
{
    const char    *text;
    assess_why_e   why;

    while (rtf->p < rtf->end) {

        switch (*rtf->p) {

        case '{':
            why = assess_rtf_open(rtf);
            if (why != ASSESS_WHY_NONE) {
                return why;
            }
            break;

        case '}':
            assess_rtf_close(rtf);

            if (rtf->depth == 0) {
                return ASSESS_WHY_NONE;
            }
            break;

        case '\\':
            assess_rtf_control(rtf);
            break;

        case '\r':
        case '\n':
        case '\0':
            rtf->p++;
            break;

        default:
            for (text = rtf->p; rtf->p < rtf->end
                                && !memchr("{}\\\r\n", *rtf->p, 6); rtf->p++)
            {
                /* void */
            }

            assess_rtf_bytes(rtf, text, (size_t) (rtf->p - text));
            break;
        }
    }

    /* half a document must not pass for a whole one */

    return ASSESS_WHY_DAMAGED;
}


static assess_why_e
assess_rtf_open(assess_rtf_t *rtf)
{
    assess_rtf_group_t  *group;

    if (rtf->depth == ASSESS_RTF_DEPTH) {
        return ASSESS_WHY_NESTED;
    }

    rtf->p++;
    rtf->fallback = 0;
    rtf->star = 0;
    assess_rtf_flush(rtf);

    group = &rtf->groups[rtf->depth++];

    if (rtf->group) {
        *group = *rtf->group;

    } else {
        group->fallback = 1;
        group->charset = rtf->charset;
    }

    rtf->group = group;

    return ASSESS_WHY_NONE;
}


static void
assess_rtf_close(assess_rtf_t *rtf)
{
    int  fonts;

    rtf->p++;
    rtf->fallback = 0;
    assess_rtf_flush(rtf);

    fonts = rtf->group->fonts;

    if (--rtf->depth == 0) {
        assess_rtf_line(rtf);
        assess_rtf_asides(rtf);
        assess_flow_last(&rtf->flow);
        return;
    }

    rtf->group = &rtf->groups[rtf->depth - 1];

    /* text may come without a word of its font; Latin ones say little */

    if (fonts && !rtf->group->fonts
        && rtf->default_font >= 0 && rtf->default_font < ASSESS_RTF_FACES
        && rtf->fonts[rtf->default_font] != 1252)
    {
        assess_rtf_font(rtf, rtf->default_font);
    }
}


/* A backslash and what belongs to it. */

static void
assess_rtf_control(assess_rtf_t *rtf)
{
    int     n, minus, given;
    char    name[ASSESS_RTF_WORD];
    size_t  len;

    rtf->p++;
    len = 0;

    while (rtf->p < rtf->end && ((*rtf->p >= 'a' && *rtf->p <= 'z')
                                 || (*rtf->p >= 'A' && *rtf->p <= 'Z')))
    {
        name[len < sizeof(name) ? len : sizeof(name) - 1] = *rtf->p++;
        len++;
    }

    if (len == 0) {
        if (rtf->p < rtf->end) {
            assess_rtf_symbol(rtf, *rtf->p++);
        }
        return;
    }

    /* no word is that long */

    name[len < sizeof(name) ? len : 0] = '\0';

    minus = rtf->end - rtf->p >= 2 && *rtf->p == '-'
            && rtf->p[1] >= '0' && rtf->p[1] <= '9';
    rtf->p += minus;
    given = n = 0;

    while (rtf->p < rtf->end && *rtf->p >= '0' && *rtf->p <= '9') {
        n = n < 100000000 ? n * 10 + (*rtf->p - '0') : n;
        given = 1;
        rtf->p++;
    }

    if (rtf->p < rtf->end && *rtf->p == ' ') {
        rtf->p++;
    }

    assess_rtf_word(rtf, name, given, minus ? -n : n);
}


static int
assess_rtf_hex(char ch)
{
    return ch >= '0' && ch <= '9' ? ch - '0'
           : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
           : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}


static void
assess_rtf_symbol(assess_rtf_t *rtf, char ch)
{
    int   high, low;
    char  byte;

    switch (ch) {

    case '\'':
        high = rtf->end - rtf->p < 2 ? -1 : assess_rtf_hex(rtf->p[0]);
        low = high == -1 ? -1 : assess_rtf_hex(rtf->p[1]);

        if (low != -1) {
            rtf->p += 2;
            byte = (char) (high << 4 | low);
            assess_rtf_bytes(rtf, &byte, 1);
        }
        break;

    case '{':
    case '}':
    case '\\':
        assess_rtf_bytes(rtf, &ch, 1);
        break;

    case '~':
        assess_rtf_bytes(rtf, " ", 1);
        break;

    case '_':
        assess_rtf_bytes(rtf, "-", 1);
        break;

    case '\r':
    case '\n':
        assess_rtf_word(rtf, "par", 0, 0);
        break;

    case '*':
        rtf->star = 1;
        break;

    default:
        /* hints for hyphens and the like */
        break;
    }
}


/* A word whose group is not known is passed over with it, where it says so. */

static void
assess_rtf_word(assess_rtf_t *rtf, const char *name, int given, int n)
{
    int                       star;
    const assess_rtf_word_t  *word;

    star = rtf->star;
    rtf->star = 0;

    word = assess_rtf_find(name);

    /* bytes of no text, whatever they look like */

    if (word && word->what == ASSESS_RTF_BIN) {
        rtf->p += n > 0 && n < rtf->end - rtf->p ? n
                  : n > 0 ? rtf->end - rtf->p : 0;
    }

    if (rtf->fallback) {
        rtf->fallback--;
        return;
    }

    if (rtf->group == NULL || rtf->group->skip) {
        return;
    }

    if (word == NULL || (star && word->what != ASSESS_RTF_SHAPE)) {

        if (star) {
            assess_rtf_flush(rtf);
            rtf->group->skip = 1;
        }

        return;
    }

    assess_rtf_known(rtf, word, given, n);
}


static void
assess_rtf_known(assess_rtf_t *rtf, const assess_rtf_word_t *word, int given,
    int n)
{
    if (word->what == ASSESS_RTF_CHAR) {
        if (!assess_rtf_hidden(rtf)) {
            assess_rtf_flush(rtf);
            assess_rtf_text(rtf, word->text, strlen(word->text));
        }
        return;
    }

    if (word->what == ASSESS_RTF_U) {
        assess_rtf_unicode(rtf, n);
        return;
    }

    assess_rtf_flush(rtf);

    if (assess_rtf_state(rtf, word, given, n) || rtf->group->fonts) {
        return;
    }

    if (!rtf->group->aside) {
        assess_rtf_layout(rtf, word->what, given, n);

    } else if (word->what == ASSESS_RTF_PAR
               || word->what == ASSESS_RTF_ROW_END)
    {
        assess_buf_char(&rtf->aside, '\n');

    } else if (word->what == ASSESS_RTF_CELL) {
        assess_buf_char(&rtf->aside, ' ');
    }
}


static int
assess_rtf_state(assess_rtf_t *rtf, const assess_rtf_word_t *word, int given,
    int n)
{
    assess_rtf_group_t  *group;

    group = rtf->group;

    switch (word->what) {

    case ASSESS_RTF_SKIP:
        group->skip = 1;
        return 1;

    case ASSESS_RTF_ASIDE:
        assess_buf_char(&rtf->aside, '\n');
        group->aside = 1;
        return 1;

    case ASSESS_RTF_FONTS:
        group->fonts = 1;
        return 1;

    case ASSESS_RTF_FONT:
        rtf->font = n;

        if (!group->fonts) {
            assess_rtf_font(rtf, n);
        }
        return 1;

    case ASSESS_RTF_FONT_SET:
    case ASSESS_RTF_FONT_PAGE:
        if (group->fonts) {
            assess_rtf_face(rtf, word->what == ASSESS_RTF_FONT_SET
                                 ? assess_rtf_set(n) : n);
        }
        return 1;

    case ASSESS_RTF_FONT_DEFAULT:
        rtf->default_font = n;
        return 1;

    case ASSESS_RTF_CODEPAGE:
        assess_rtf_codepage(rtf, word->text ? atoi(word->text) : n);
        return 1;

    case ASSESS_RTF_UC:
        group->fallback = n >= 0 && n < 256 ? n : 1;
        return 1;

    case ASSESS_RTF_HIDDEN:
        group->hidden = !given || n != 0;
        return 1;

    case ASSESS_RTF_PLAIN:
        group->hidden = 0;
        assess_rtf_font(rtf, rtf->default_font);
        return 1;

    default:
        return 0;
    }
}


static void
assess_rtf_layout(assess_rtf_t *rtf, assess_rtf_e what, int given, int n)
{
    switch (what) {

    case ASSESS_RTF_PAR:
    case ASSESS_RTF_SHAPE_TEXT:
        assess_rtf_line(rtf);
        break;

    case ASSESS_RTF_PAGE:
        if (!rtf->open) {
            assess_rtf_page(rtf);
        }
        break;

    case ASSESS_RTF_SECTION:
        assess_rtf_line(rtf);
        rtf->page = 1;
        break;

    case ASSESS_RTF_SECTION_GOES_ON:
        rtf->page = 0;
        break;

    case ASSESS_RTF_PARAGRAPH:
        rtf->group->cell = 0;
        rtf->group->heading = 0;
        break;

    case ASSESS_RTF_OUTLINE:
        rtf->group->heading = given && n >= 0 && n < 9;
        break;

    case ASSESS_RTF_IN_TABLE:
        rtf->group->cell = !given || n != 0;
        break;

    default:
        assess_rtf_table(rtf, what);
        break;
    }
}


static void
assess_rtf_table(assess_rtf_t *rtf, assess_rtf_e what)
{
    if (what == ASSESS_RTF_ROW) {
        rtf->row = 1;

    } else if (what == ASSESS_RTF_CELL) {
        assess_rtf_cell(rtf);

    } else if (what == ASSESS_RTF_ROW_END) {
        assess_rtf_row_end(rtf);
    }
}


/* Its end is what is told, so that an empty one is opened only now. */

static void
assess_rtf_cell(assess_rtf_t *rtf)
{
    rtf->row = 1;
    assess_rtf_place(rtf);
    rtf->in_cell = 0;
    rtf->cells++;
}


static void
assess_rtf_row_end(assess_rtf_t *rtf)
{
    if (rtf->open) {
        assess_flow_row_end(&rtf->flow);
    }

    rtf->open = 0;
    rtf->row = 0;
    rtf->cells = 0;
    rtf->in_cell = 0;
}


static int
assess_rtf_hidden(const assess_rtf_t *rtf)
{
    return rtf->group == NULL || rtf->group->skip || rtf->group->fonts
           || rtf->group->hidden;
}


/* Bytes of text, each of which may stand in for a character told before */

static void
assess_rtf_bytes(assess_rtf_t *rtf, const char *data, size_t len)
{
    rtf->star = 0;

    while (rtf->fallback && len) {
        rtf->fallback--;
        data++;
        len--;
    }

    if (len == 0 || assess_rtf_hidden(rtf)) {
        return;
    }

    if (rtf->run.len && rtf->run_charset != rtf->group->charset) {
        assess_rtf_flush(rtf);
    }

    rtf->high = 0;
    rtf->run_charset = rtf->group->charset;
    assess_buf_add(&rtf->run, data, len);

    if (rtf->run.len > ASSESS_RTF_RUN) {
        assess_rtf_flush(rtf);
    }
}


static void
assess_rtf_flush(assess_rtf_t *rtf)
{
    if (rtf->run.failed) {
        assess_out_fail(rtf->flow.out, ASSESS_WHY_MEMORY);
    }

    if (rtf->run.len == 0) {
        return;
    }

    assess_buf_reset(&rtf->utf8);
    assess_charset_decode(rtf->run_charset, rtf->run.data, rtf->run.len,
                          &rtf->utf8);
    assess_buf_reset(&rtf->run);

    if (rtf->utf8.failed) {
        assess_out_fail(rtf->flow.out, ASSESS_WHY_MEMORY);
    }

    assess_rtf_text(rtf, rtf->utf8.data, rtf->utf8.len);
}


/* A character by its number, 16 bits with a sign; larger ones are two of it. */

static void
assess_rtf_unicode(assess_rtf_t *rtf, int n)
{
    uint32_t  cp;

    cp = (uint32_t) (n < 0 ? n + 0x10000 : n);

    if (!assess_rtf_hidden(rtf)) {

        assess_rtf_flush(rtf);

        if (cp >= 0xdc00 && cp <= 0xdfff && rtf->high) {
            cp = 0x10000 + ((rtf->high - 0xd800) << 10) + (cp - 0xdc00);
        }

        rtf->high = cp >= 0xd800 && cp <= 0xdbff ? cp : 0;

        if (rtf->high == 0) {

            if (cp == 0 || cp > 0x10ffff || (cp >= 0xdc00 && cp <= 0xdfff)) {
                cp = 0xfffd;
            }

            assess_buf_reset(&rtf->utf8);
            assess_charset_put(&rtf->utf8, cp);

            if (!rtf->utf8.failed) {
                assess_rtf_text(rtf, rtf->utf8.data, rtf->utf8.len);
            }
        }
    }

    rtf->fallback = rtf->group->fallback;
}


static void
assess_rtf_text(assess_rtf_t *rtf, const char *text, size_t len)
{
    if (rtf->group->aside) {
        assess_buf_add(&rtf->aside, text, len);
        return;
    }

    assess_rtf_place(rtf);
    assess_flow_text(&rtf->flow, text, len);
}


/* What was owed to the page before text comes to it. */

static void
assess_rtf_place(assess_rtf_t *rtf)
{
    if (rtf->page && !rtf->open) {
        assess_rtf_page(rtf);
    }

    if (rtf->row || rtf->group->cell) {

        if (!rtf->open) {
            if (!rtf->table) {
                assess_flow_blank(&rtf->flow);
                rtf->table = 1;
            }

            assess_flow_row(&rtf->flow);
            rtf->open = 1;
        }

        if (!rtf->in_cell) {
            assess_flow_cell(&rtf->flow);
            rtf->in_cell = 1;
        }

        return;
    }

    if (rtf->table) {
        assess_rtf_row_end(rtf);
        assess_flow_blank(&rtf->flow);
        rtf->table = 0;
    }

    if (rtf->group->heading == 1) {
        assess_flow_blank(&rtf->flow);
        rtf->group->heading = 2;
    }
}


static void
assess_rtf_line(assess_rtf_t *rtf)
{
    /* what began as a row, and has no cell, is none */

    if (rtf->row && rtf->cells == 0 && !rtf->group->cell) {
        assess_rtf_row_end(rtf);
    }

    assess_flow_end(&rtf->flow);

    if (rtf->group->heading == 2) {
        assess_flow_blank(&rtf->flow);
        rtf->group->heading = 1;
    }
}


static void
assess_rtf_page(assess_rtf_t *rtf)
{
    rtf->page = 0;
    assess_rtf_asides(rtf);
    assess_flow_page(&rtf->flow);
}


/* Notes, and what stands on each page, come behind the text of theirs. */

static void
assess_rtf_asides(assess_rtf_t *rtf)
{
    size_t       n;
    const char  *p, *end, *line;

    if (rtf->aside.failed) {
        assess_out_fail(rtf->flow.out, ASSESS_WHY_MEMORY);
    }

    if (rtf->aside.len == 0) {
        return;
    }

    assess_rtf_row_end(rtf);
    rtf->table = 0;
    assess_flow_blank(&rtf->flow);

    end = rtf->aside.data + rtf->aside.len;

    for (p = rtf->aside.data; p < end; p += n + 1) {

        line = memchr(p, '\n', (size_t) (end - p));
        n = (size_t) ((line ? line : end) - p);

        assess_flow_text(&rtf->flow, p, n);
        assess_flow_end(&rtf->flow);
    }

    assess_buf_reset(&rtf->aside);
}


static void
assess_rtf_codepage(assess_rtf_t *rtf, int page)
{
    if (assess_rtf_charset(page, &rtf->charset) == 0) {
        rtf->group->charset = rtf->charset;
    }
}


static void
assess_rtf_face(assess_rtf_t *rtf, int page)
{
    if (rtf->font >= 0 && rtf->font < ASSESS_RTF_FACES
        && page >= 0 && page <= UINT16_MAX)
    {
        rtf->fonts[rtf->font] = (uint16_t) page;
    }
}


/* A font has characters of its own, and with them a code page. */

static void
assess_rtf_font(assess_rtf_t *rtf, int font)
{
    rtf->group->charset = rtf->charset;

    if (font >= 0 && font < ASSESS_RTF_FACES && rtf->fonts[font]) {
        (void) assess_rtf_charset(rtf->fonts[font], &rtf->group->charset);
    }
}
