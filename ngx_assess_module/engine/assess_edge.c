
#ifndef _GNU_SOURCE
#define _GNU_SOURCE                              /* memrchr() */
#endif

#include "assess_edge.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>


#define ASSESS_RUNNING_LINES  3      /* at the top, and at the bottom */
#define ASSESS_RUNNING_LEN    200    /* bytes of one at most */
#define ASSESS_LABEL_NUMBERS  4      /* of a line that are looked at */


/* A line at the top or the bottom of a page. */
typedef struct {
    uint64_t       hash;             /* digits and white space aside */
    size_t         page;
    int            place;            /* -1 the topmost, ... 1 the lowest */
    int            running;
    const char    *start;
    const char    *end;
} assess_edge_t;

assess_line_t
assess_line_trim(const char *data, size_t len)
{
    assess_line_t  line;

    while (len && assess_line_space(data[0])) {
        data++;
        len--;
    }

    while (len && assess_line_space(data[len - 1])) {
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

        if (assess_line_space(line->data[i])) {
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


static void
assess_edge_set(assess_edge_t *edge, const assess_line_t *line, size_t page,
    int place, const char *start, const char *end)
{
    edge->hash = assess_edge_hash(line);
    edge->page = page;
    edge->place = place;
    edge->running = 0;
    edge->start = start;
    edge->end = end;
}


/* The outermost lines of a page that have text; how many. */

static size_t
assess_edges_find(const assess_page_t *page, size_t number,
    assess_edge_t *edges)
{
    int             place;
    size_t          n;
    const char     *p, *q, *nl;
    assess_line_t   line;

    n = 0;
    p = page->text.data;
    q = p + page->text.len;

    for (place = -ASSESS_RUNNING_LINES; p < q && place < 0; p = nl) {

        nl = memchr(p, '\n', (size_t) (q - p));
        nl = nl ? nl + 1 : q;

        line = assess_line_trim(p, (size_t) (nl - p));

        if (line.len > ASSESS_RUNNING_LEN) {
            break;
        }

        if (line.len) {
            assess_edge_set(&edges[n++], &line, number, place++, p, nl);
        }
    }

    for (place = 1; p < q && place <= ASSESS_RUNNING_LINES; q = nl) {

        nl = q - p > 1 ? memrchr(p, '\n', (size_t) (q - p) - 1) : NULL;
        nl = nl ? nl + 1 : p;

        line = assess_line_trim(nl, (size_t) (q - nl));

        if (line.len > ASSESS_RUNNING_LEN) {
            break;
        }

        if (line.len) {
            assess_edge_set(&edges[n++], &line, number, place++, nl, q);
        }
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


/* Leaves out a running line, where all outside of it went already. */

static void
assess_body_cut(assess_line_t *body, const assess_edge_t *e)
{
    const char     *end;
    assess_line_t   outside;

    end = body->data + body->len;

    if (e->place < 0) {
        outside = assess_line_trim(body->data,
                                   (size_t) (e->start - body->data));
        if (outside.len == 0) {
            body->data = e->end;
            body->len = (size_t) (end - e->end);
        }

    } else {
        outside = assess_line_trim(e->end, (size_t) (end - e->end));
        if (outside.len == 0) {
            body->len = (size_t) (e->start - body->data);
        }
    }
}


static int
assess_bodies_cut(assess_line_t *bodies, assess_edge_t *edges, size_t n,
    size_t npages)
{
    size_t           k;
    assess_line_t    body;
    assess_edge_t  **sorted;

    sorted = malloc((n + 1) * sizeof(assess_edge_t *));
    if (sorted == NULL) {
        return -1;
    }

    for (k = 0; k < n; k++) {
        sorted[k] = &edges[k];
    }

    qsort(sorted, n, sizeof(assess_edge_t *), assess_edges_compare);
    assess_edges_mark(sorted, n, npages);
    free(sorted);

    for (k = 0; k < n; k++) {

        body = bodies[edges[k].page];

        if (edges[k].running) {
            assess_body_cut(&body, &edges[k]);
        }

        /* a page of nothing else is no page without text */

        if (assess_line_trim(body.data, body.len).len) {
            bodies[edges[k].page] = body;
        }
    }

    return 0;
}


assess_line_t *
assess_page_bodies(assess_arena_t *arena, const assess_page_t *pages,
    size_t npages, int *offset)
{
    size_t          i, n;
    assess_edge_t  *edges;
    assess_line_t  *bodies;

    if (npages > SIZE_MAX / 1024) {
        return NULL;
    }

    bodies = assess_palloc(arena, (npages + 1) * sizeof(assess_line_t));
    edges = malloc((npages + 1) * 2 * ASSESS_RUNNING_LINES
                   * sizeof(assess_edge_t));

    if (bodies == NULL || edges == NULL) {
        free(edges);
        return NULL;
    }

    n = 0;

    for (i = 0; i < npages; i++) {
        bodies[i].data = pages[i].text.data;
        bodies[i].len = pages[i].text.len;

        if (pages[i].text.len) {
            n += assess_edges_find(&pages[i], i, edges + n);
        }
    }

    if (assess_bodies_cut(bodies, edges, n, npages) != 0
        || assess_labels_offset(edges, n, pages, npages, offset) != 0)
    {
        bodies = NULL;
    }

    free(edges);

    return bodies;
}


int
assess_page_label(int page, int offset)
{
    int64_t  label;

    label = (int64_t) page + offset;

    return offset != INT_MIN && label > 0 && label <= INT_MAX ? (int) label
                                                              : 0;
}
