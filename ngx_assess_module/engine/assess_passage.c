
#include "assess_passage.h"
#include "assess_edge.h"
#include "assess_fold.h"
#include "assess_sentence.h"

#include <string.h>


/*
 * A passage is closed at the first place that is good enough for its size,
 * which is counted in words, or in tens of bytes where there are no spaces.
 */

#define ASSESS_PASSAGE_HEADING    30    /* before a heading */
#define ASSESS_PASSAGE_PARAGRAPH  80
#define ASSESS_PASSAGE_SENTENCE   110
#define ASSESS_PASSAGE_LINE       140
#define ASSESS_PASSAGE_SPACE      170
#define ASSESS_PASSAGE_ANYWHERE   240
#define ASSESS_PASSAGE_TAIL       25    /* goes with the one before */

#define ASSESS_PASSAGE_BYTES      10    /* count as a word, at least */


typedef struct {
    assess_buf_t         out;        /* of assess_passage_t */
    size_t               first;      /* passage of this page */
    int                  page;
    int                  label;
    const char          *page_end;
    const char          *start;      /* of the open passage; NULL: none */
    const char          *end;        /* behind its last word */
    size_t               words;
    assess_str_t         heading;    /* in force */
    assess_str_t         under;      /* of the open passage */
} assess_cutter_t;


static int
assess_has_text(const char *p, const char *end)
{
    uint32_t     cp;
    assess_ch_e  ch;

    while (p < end) {
        p += assess_ch_next(p, end, &cp);
        ch = assess_ch_class(cp);

        if (assess_ch_alnum(ch) || ch == ASSESS_CH_WIDE) {
            return 1;
        }
    }

    return 0;
}


static size_t
assess_cutter_size(const assess_cutter_t *c)
{
    size_t  bytes;

    if (c->start == NULL) {
        return 0;
    }

    bytes = (size_t) (c->end - c->start) / ASSESS_PASSAGE_BYTES;

    return c->words > bytes ? c->words : bytes;
}


static void
assess_cutter_close(assess_cutter_t *c)
{
    assess_passage_t  passage;

    if (c->start && assess_has_text(c->start, c->end)) {

        memset(&passage, 0, sizeof(assess_passage_t));

        passage.number = (int) (c->out.len / sizeof(assess_passage_t));
        passage.page = c->page;
        passage.label = c->label;
        passage.heading = c->under;
        passage.text.data = (char *) c->start;
        passage.text.len = (size_t) (c->end - c->start);

        assess_buf_add(&c->out, &passage, sizeof(assess_passage_t));
    }

    c->start = NULL;
    c->end = NULL;
    c->words = 0;
}


/* What is left at the end of a page is no passage of its own when small. */

static void
assess_cutter_end_page(assess_cutter_t *c)
{
    size_t             n;
    assess_passage_t  *last;

    n = c->out.len / sizeof(assess_passage_t);

    if (c->start && !c->out.failed && n > c->first
        && assess_cutter_size(c) < ASSESS_PASSAGE_TAIL)
    {
        last = (assess_passage_t *) (void *) c->out.data + n - 1;
        last->text.len = (size_t) (c->end - last->text.data);

        c->start = NULL;
        c->words = 0;
    }

    assess_cutter_close(c);
}


/* Whether a hyphen or dash at the end may go on in the next line. */

static int
assess_cutter_broken(const assess_cutter_t *c)
{
    uint32_t     cp;
    assess_ch_e  ch;

    if (c->start == NULL || c->end == c->start) {
        return 0;
    }

    (void) assess_ch_next(assess_ch_prev(c->end, c->start), c->end, &cp);
    ch = assess_ch_class(cp);

    return ch == ASSESS_CH_HYPHEN || ch == ASSESS_CH_DASH
           || ch == ASSESS_CH_SOFT || ch == ASSESS_CH_NONE;
}


/* Until where, of the word at p, the open passage cannot be too long. */

static const char *
assess_cutter_far(const assess_cutter_t *c, const char *p, const char *end)
{
    size_t  size, most;

    size = (size_t) (p - c->start) + 1;
    most = ASSESS_PASSAGE_ANYWHERE * ASSESS_PASSAGE_BYTES;

    if (c->words >= ASSESS_PASSAGE_ANYWHERE || size >= most) {
        return p;
    }

    return most - size < (size_t) (end - p) ? p + (most - size) : end;
}


/* Takes in the word at p; where it ends, or the sentence within it. */

static const char *
assess_cutter_word(assess_cutter_t *c, const assess_line_t *line,
    const char *p, size_t *mark)
{
    size_t       n, rest;
    const char  *end, *far;

    end = line->data + line->len;
    rest = (size_t) (c->page_end - line->data);
    *mark = 0;

    if (c->start == NULL) {
        c->start = p;
        c->end = p;
        c->under = c->heading;
    }

    /* up to there letters and digits, most of a text, end nothing */

    far = assess_cutter_far(c, p, end);

    while (p < end && !assess_line_space(*p)) {

        if (p < far && (unsigned char) *p < 0x80
            && assess_ch_alnum((assess_ch_e) assess_ch_ascii[(int) *p]))
        {
            c->end = ++p;
            continue;
        }

        *mark = assess_sentence_end(line->data, rest,
                                    (size_t) (p - line->data));
        if (*mark) {
            p += *mark;
            break;
        }

        for (n = 1; p + n < end && (p[n] & 0xc0) == 0x80; n++) {
            /* void */
        }

        p += n;
        c->end = p;

        if (assess_cutter_size(c) >= ASSESS_PASSAGE_ANYWHERE) {
            break;
        }
    }

    c->end = p;
    c->words++;

    return p;
}


static void
assess_cutter_line(assess_cutter_t *c, const assess_line_t *line)
{
    size_t       n, mark;
    const char  *p, *end;

    p = line->data;
    end = p + line->len;

    while (p < end) {

        if (assess_line_space(*p)) {
            p++;
            continue;
        }

        p = assess_cutter_word(c, line, p, &mark);
        n = assess_cutter_size(c);

        if ((n >= ASSESS_PASSAGE_SPACE && !assess_cutter_broken(c))
            || n >= ASSESS_PASSAGE_ANYWHERE
            || (mark && n >= ASSESS_PASSAGE_SENTENCE))
        {
            assess_cutter_close(c);
        }
    }

    if (assess_cutter_size(c) >= ASSESS_PASSAGE_LINE
        && !assess_cutter_broken(c))
    {
        assess_cutter_close(c);
    }
}


typedef struct {
    size_t   words;
    size_t   upper;
    size_t   lower;
    size_t   others;                 /* letters of scripts without case */
    int      leaders;                /* "....": a table of contents */
} assess_count_t;


static void
assess_heading_count(const assess_line_t *line, assess_count_t *count)
{
    size_t  i;

    memset(count, 0, sizeof(assess_count_t));

    for (i = 0; i < line->len; i++) {

        count->words += !assess_line_space(line->data[i])
                        && (i == 0 || assess_line_space(line->data[i - 1]));
        count->upper += line->data[i] >= 'A' && line->data[i] <= 'Z';
        count->lower += line->data[i] >= 'a' && line->data[i] <= 'z';
        count->others += (line->data[i] & 0xc0) == 0xc0;
        count->leaders |= i && line->data[i] == '.'
                          && line->data[i - 1] == '.';
    }
}


/* "4.2 Title", "A. Title", "Annex 3": where the title or name begins. */

static int
assess_heading_numbered(const assess_line_t *line)
{
    size_t  i, n;

    static const char *const  names[] = {
        "Annex ", "Appendix ", "Article ", "Chapter ", "Part ", "Schedule ",
        "Section ", NULL
    };

    for (i = 0; names[i]; i++) {
        n = strlen(names[i]);
        if (line->len > n && memcmp(line->data, names[i], n) == 0) {
            return 1;
        }
    }

    for (i = 0; i < line->len; i++) {
        if (!(line->data[i] >= '0' && line->data[i] <= '9')
            && line->data[i] != '.'
            && !(i == 0 && line->data[i] >= 'A' && line->data[i] <= 'Z'))
        {
            break;
        }
    }

    return i > 0 && i + 1 < line->len && line->data[i] == ' '
           && (i > 1 || (line->data[0] >= '0' && line->data[0] <= '9'))
           && line->data[i + 1] >= 'A' && line->data[i + 1] <= 'Z';
}


/*
 * Told by its looks: Markdown's "#"; else short, begun but not ended like a
 * sentence, behind a blank line; and numbered, in capitals, or before a blank
 * line too.
 */

static int
assess_heading(const assess_line_t *line, int blank_before, int blank_behind,
    assess_str_t *heading)
{
    char            last;
    size_t          i;
    assess_count_t  count;

    for (i = 0; i < line->len && line->data[i] == '#'; i++) {
        /* void */
    }

    if (i >= 1 && i <= 6 && i < line->len && line->data[i] == ' ') {
        heading->data = (char *) line->data + i + 1;
        heading->len = line->len - i - 1;
        return 1;
    }

    if (!blank_before || line->len > 120) {
        return 0;
    }

    assess_heading_count(line, &count);
    last = line->data[line->len - 1];

    if (count.words > 14 || count.leaders || strchr(".,;:!", last)
        || count.upper + count.lower + count.others < 4
        || (count.upper == 0 && count.others == 0))
    {
        return 0;
    }

    heading->data = (char *) line->data;
    heading->len = line->len;

    if (assess_heading_numbered(line)) {
        return 1;
    }

    if (!((line->data[0] >= 'A' && line->data[0] <= 'Z')
          || (line->data[0] & 0x80)))
    {
        return 0;
    }

    return (count.lower == 0 && count.upper >= 6) || blank_behind;
}


static void
assess_cutter_page(assess_cutter_t *c, const assess_line_t *body)
{
    int             blank;
    const char     *p, *end, *nl, *behind;
    assess_str_t    heading;
    assess_line_t   line;

    p = body->data;
    end = p + body->len;
    blank = 1;

    c->page_end = end;
    c->first = c->out.len / sizeof(assess_passage_t);

    while (p < end) {

        nl = memchr(p, '\n', (size_t) (end - p));
        nl = nl ? nl : end;

        line = assess_line_trim(p, (size_t) (nl - p));
        p = nl < end ? nl + 1 : end;

        if (line.len == 0) {
            blank = 1;
            continue;
        }

        /* whether the next line is blank is seen by its first character */

        behind = p;

        while (behind < end && (*behind == ' ' || *behind == '\r')) {
            behind++;
        }

        if (assess_heading(&line, blank, behind == end || *behind == '\n',
                           &heading))
        {
            if (assess_cutter_size(c) >= ASSESS_PASSAGE_HEADING
                && !assess_cutter_broken(c))
            {
                assess_cutter_close(c);
            }

            c->heading = heading;

        } else if (blank
                   && assess_cutter_size(c) >= ASSESS_PASSAGE_PARAGRAPH
                   && !assess_cutter_broken(c))
        {
            assess_cutter_close(c);
        }

        assess_cutter_line(c, &line);
        blank = 0;
    }

    assess_cutter_end_page(c);
}


assess_err_e
assess_passages_cut(assess_arena_t *arena, const assess_page_t *pages,
    size_t npages, assess_passage_t **passages, size_t *n, assess_err_t *err)
{
    int               offset;
    size_t            i;
    assess_line_t    *bodies;
    assess_cutter_t   c;

    memset(&c, 0, sizeof(assess_cutter_t));

    bodies = assess_page_bodies(arena, pages, npages, &offset);
    if (bodies == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    for (i = 0; i < npages; i++) {
        c.page = pages[i].page;
        c.label = assess_page_label(c.page, offset);

        if (bodies[i].len) {
            assess_cutter_page(&c, &bodies[i]);
        }
    }

    *passages = assess_palloc(arena, c.out.len + 1);

    if (c.out.failed || *passages == NULL) {
        assess_buf_free(&c.out);
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    if (c.out.len) {
        memcpy(*passages, c.out.data, c.out.len);
    }

    *n = c.out.len / sizeof(assess_passage_t);
    assess_buf_free(&c.out);

    return ASSESS_OK;
}
