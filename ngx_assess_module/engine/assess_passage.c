
#ifndef _GNU_SOURCE
#define _GNU_SOURCE                              /* memrchr() */
#endif

#include "assess_passage.h"
#include "assess_fold.h"
#include "assess_sentence.h"

#include <limits.h>
#include <stdlib.h>
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

#define ASSESS_RUNNING_LINES      3     /* at the top, and at the bottom */
#define ASSESS_RUNNING_LEN        200   /* bytes of one at most */

#define ASSESS_LABEL_NUMBERS      4     /* of a line that are looked at */


typedef struct {
    const char    *data;
    size_t         len;
} assess_line_t;

/* A line at the top or the bottom of a page. */
typedef struct {
    uint64_t       hash;             /* digits and white space aside */
    size_t         page;
    int            place;            /* -1 the topmost, ... 1 the lowest */
    int            running;
    const char    *start;
    const char    *end;
} assess_edge_t;

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
assess_space(char ch)
{
    return ch == ' ' || (ch >= '\t' && ch <= '\r');
}


static assess_line_t
assess_line_trim(const char *data, size_t len)
{
    assess_line_t  line;

    while (len && assess_space(data[0])) {
        data++;
        len--;
    }

    while (len && assess_space(data[len - 1])) {
        len--;
    }

    line.data = data;
    line.len = len;

    return line;
}


/* FNV-1a, a run of digits taken as one, white space left out */

static uint64_t
assess_edge_hash(const assess_line_t *line)
{
    size_t    i;
    uint64_t  hash;

    hash = 14695981039346656037ULL;

    for (i = 0; i < line->len; i++) {

        if (assess_space(line->data[i])) {
            continue;
        }

        if (line->data[i] >= '0' && line->data[i] <= '9') {

            if (i && line->data[i - 1] >= '0' && line->data[i - 1] <= '9') {
                continue;
            }

            hash ^= '#';

        } else {
            hash ^= (unsigned char) line->data[i];
        }

        hash *= 1099511628211ULL;
    }

    return hash;
}


/* The outermost lines of a page that have text; how many. */

static size_t
assess_edges_find(const assess_page_t *page, size_t number,
    assess_edge_t *edges)
{
    int             top, bottom;
    size_t          n;
    const char     *p, *q, *nl;
    assess_line_t   line;

    n = 0;
    p = page->text.data;
    q = p + page->text.len;

    for (top = 1; p < q && top <= ASSESS_RUNNING_LINES; /* void */) {

        nl = memchr(p, '\n', (size_t) (q - p));
        nl = nl ? nl + 1 : q;

        line = assess_line_trim(p, (size_t) (nl - p));

        if (line.len > ASSESS_RUNNING_LEN) {
            break;
        }

        if (line.len) {
            edges[n].hash = assess_edge_hash(&line);
            edges[n].page = number;
            edges[n].place = top++ - ASSESS_RUNNING_LINES - 1;
            edges[n].running = 0;
            edges[n].start = p;
            edges[n].end = nl;
            n++;
        }

        p = nl;
    }

    for (bottom = 1; p < q && bottom <= ASSESS_RUNNING_LINES; /* void */) {

        nl = q - p > 1 ? memrchr(p, '\n', (size_t) (q - p) - 1) : NULL;
        nl = nl ? nl + 1 : p;

        line = assess_line_trim(nl, (size_t) (q - nl));

        if (line.len > ASSESS_RUNNING_LEN) {
            break;
        }

        if (line.len) {
            edges[n].hash = assess_edge_hash(&line);
            edges[n].page = number;
            edges[n].place = bottom++;
            edges[n].running = 0;
            edges[n].start = nl;
            edges[n].end = q;
            n++;
        }

        q = nl;
    }

    return n;
}


static int
assess_edges_compare(const void *one, const void *two)
{
    int                   top_a, top_b;
    const assess_edge_t  *a, *b;

    a = *(const assess_edge_t *const *) one;
    b = *(const assess_edge_t *const *) two;

    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }

    top_a = a->place < 0;
    top_b = b->place < 0;

    if (top_a != top_b) {
        return top_a ? -1 : 1;
    }

    return a->page < b->page ? -1 : a->page > b->page;
}


/*
 * A line is running when the same, numbers aside, stands at the same end of
 * enough pages: a chapter's header does not run through the whole document.
 */

static void
assess_edges_mark(assess_edge_t **sorted, size_t n, size_t npages)
{
    size_t  i, j, k, pages, enough;

    enough = npages / 4;
    enough = enough < 3 ? 3 : enough > 10 ? 10 : enough;

    for (i = 0; i < n; i = j) {

        pages = 1;

        for (j = i + 1; j < n; j++) {

            if (sorted[j]->hash != sorted[i]->hash
                || (sorted[j]->place < 0) != (sorted[i]->place < 0))
            {
                break;
            }

            pages += sorted[j]->page != sorted[j - 1]->page;
        }

        for (k = i; k < j; k++) {
            sorted[k]->running = pages >= enough;
        }
    }
}


static int
assess_votes_compare(const void *one, const void *two)
{
    int  a, b;

    a = *(const int *) one;
    b = *(const int *) two;

    return a < b ? -1 : a > b;
}


/* The numbers in a line, as offsets from the number of its page. */

static size_t
assess_edge_offsets(const assess_edge_t *e, int page, int *votes)
{
    int          value, digits;
    size_t       n;
    const char  *p;

    n = 0;

    for (p = e->start; p < e->end && n < ASSESS_LABEL_NUMBERS; p++) {

        value = 0;

        for (digits = 0; p < e->end && *p >= '0' && *p <= '9'; p++) {
            value = digits < 5 ? value * 10 + (*p - '0') : value;
            digits++;
        }

        if (digits && digits < 5) {
            votes[n++] = value - page;
        }

        if (p == e->end) {
            break;
        }
    }

    return n;
}


/*
 * How far the numbers printed at the edges of pages are off from the pages'
 * own: the offset that most of them agree on, when they are enough.
 */

static int
assess_labels_offset(const assess_edge_t *edges, size_t n,
    const assess_page_t *pages, size_t npages, int *offset)
{
    int     *votes;
    size_t   i, j, k, nvotes, most;

    votes = malloc((n + 1) * ASSESS_LABEL_NUMBERS * sizeof(int));
    if (votes == NULL) {
        return -1;
    }

    nvotes = 0;

    for (k = 0; k < n; k++) {
        nvotes += assess_edge_offsets(&edges[k], pages[edges[k].page].page,
                                      votes + nvotes);
    }

    qsort(votes, nvotes, sizeof(int), assess_votes_compare);

    most = npages / 3 < 3 ? 3 : npages / 3;
    *offset = INT_MIN;

    for (i = 0; i < nvotes; i = j) {

        for (j = i + 1; j < nvotes && votes[j] == votes[i]; j++) {
            /* void */
        }

        if (j - i >= most) {
            most = j - i + 1;
            *offset = votes[i];
        }
    }

    free(votes);

    return 0;
}


/* The text of each page between its running lines. */

static assess_line_t *
assess_bodies(assess_arena_t *arena, const assess_page_t *pages, size_t npages,
    int *offset)
{
    size_t           i, n, k;
    assess_edge_t   *edges, **sorted, *e;
    assess_line_t   *bodies;

    bodies = assess_palloc(arena, (npages + 1) * sizeof(assess_line_t));
    edges = malloc((npages + 1) * 2 * ASSESS_RUNNING_LINES
                   * sizeof(assess_edge_t));
    sorted = malloc((npages + 1) * 2 * ASSESS_RUNNING_LINES
                    * sizeof(assess_edge_t *));

    if (bodies == NULL || edges == NULL || sorted == NULL) {
        bodies = NULL;
        goto done;
    }

    n = 0;

    for (i = 0; i < npages; i++) {
        bodies[i].data = pages[i].text.data;
        bodies[i].len = pages[i].text.len;

        if (pages[i].text.len) {
            n += assess_edges_find(&pages[i], i, edges + n);
        }
    }

    for (k = 0; k < n; k++) {
        sorted[k] = &edges[k];
    }

    qsort(sorted, n, sizeof(assess_edge_t *), assess_edges_compare);
    assess_edges_mark(sorted, n, npages);

    if (assess_labels_offset(edges, n, pages, npages, offset) != 0) {
        bodies = NULL;
        goto done;
    }

    for (k = 0; k < n; k++) {

        e = &edges[k];

        if (!e->running) {
            continue;
        }

        i = e->page;

        /* only where all that lies outside of it went already */

        if (e->place < 0 && assess_line_trim(bodies[i].data,
                                (size_t) (e->end - bodies[i].data)).len
                            == assess_line_trim(e->start,
                                (size_t) (e->end - e->start)).len)
        {
            bodies[i].len -= (size_t) (e->end - bodies[i].data);
            bodies[i].data = e->end;

        } else if (e->place > 0
                   && assess_line_trim(e->start, (size_t) (bodies[i].data
                                       + bodies[i].len - e->start)).len
                      == assess_line_trim(e->start,
                                       (size_t) (e->end - e->start)).len)
        {
            bodies[i].len = (size_t) (e->start - bodies[i].data);
        }
    }

done:

    free(edges);
    free(sorted);

    return bodies;
}


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

    bytes = (size_t) (c->end - c->start) / 10;

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


static void
assess_cutter_line(assess_cutter_t *c, const assess_line_t *line)
{
    size_t       n, mark;
    const char  *p, *end;

    p = line->data;
    end = p + line->len;

    while (p < end) {

        while (p < end && assess_space(*p)) {
            p++;
        }

        if (p == end) {
            break;
        }

        if (c->start == NULL) {
            c->start = p;
            c->end = p;
            c->under = c->heading;
        }

        mark = 0;

        while (p < end && !assess_space(*p) && mark == 0) {

            mark = assess_sentence_end(line->data, (size_t) (c->page_end
                                       - line->data),
                                       (size_t) (p - line->data));
            if (mark) {
                p += mark;
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

        n = assess_cutter_size(c);

        if ((n >= ASSESS_PASSAGE_SPACE && !assess_cutter_broken(c))
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

        count->words += !assess_space(line->data[i])
                        && (i == 0 || assess_space(line->data[i - 1]));
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

    bodies = assess_bodies(arena, pages, npages, &offset);
    if (bodies == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    for (i = 0; i < npages; i++) {
        c.page = pages[i].page;
        c.label = offset > INT_MIN && c.page + offset > 0 ? c.page + offset
                                                          : 0;

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
