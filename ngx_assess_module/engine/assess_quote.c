
#ifndef _GNU_SOURCE
#define _GNU_SOURCE                              /* memmem() */
#endif

#include "assess_quote.h"
#include "assess_fold.h"

#include <stdlib.h>
#include <string.h>


/*
 * Pages and quotes are folded into a skeleton.  A hyphen or dash between two
 * letters is no part of it: it is kept beside it, because one at the end of a
 * line may have come from breaking the line ("fire-", "fighting") and then
 * may stand in the quote or not, while any other must stand there.
 */

#define ASSESS_QUOTE_MARKS   8          /* combining, sorted, of one letter */
#define ASSESS_QUOTE_STEPS   (1 << 24)  /* bounds hostile repetition */


typedef enum {
    ASSESS_JOIN_SOFT = 0,    /* at a line end: the quote may have it or not */
    ASSESS_JOIN_LOOSE,       /* before an empty line: so too, or end there */
    ASSESS_JOIN_HYPHEN,      /* joins what is one word */
    ASSESS_JOIN_DASH         /* stands between two words */
} assess_join_e;

typedef struct {
    size_t          at;      /* before this byte of the skeleton */
    assess_join_e   kind;
} assess_join_t;

typedef struct {
    const char           *text;
    size_t                len;
    const assess_join_t  *joins;
    size_t                njoins;
} assess_skeleton_t;

struct assess_quotes_s {
    const assess_page_t  *pages;
    assess_skeleton_t    *skeletons;
    size_t                n;
};

typedef struct {
    assess_buf_t   text;
    assess_buf_t   joins;
    assess_ch_e    last;             /* of what was put last */
    assess_ch_e    dash;             /* held back; OTHER: none */
    unsigned       space:1;          /* held back, behind the dash */
    unsigned       line_end:1;       /* a line break is among it */
    unsigned       empty_line:1;     /* and another one */
    unsigned       last_wide:1;
    uint32_t       marks[ASSESS_QUOTE_MARKS];
    size_t         nmarks;
} assess_folder_t;

/* What to look for: the quote with or without its outer quotation marks. */
typedef struct {
    assess_skeleton_t   quote;
    assess_ch_e         first;
    assess_ch_e         last;
} assess_needle_t;


static void
assess_folder_flush_marks(assess_folder_t *f)
{
    char    out[4];
    size_t  i;

    for (i = 0; i < f->nmarks; i++) {
        assess_buf_add(&f->text, out, assess_ch_put(out, f->marks[i]));
    }

    f->nmarks = 0;
}


/* Marks of one letter may come in any order: sorted, they are the same. */

static void
assess_folder_mark(assess_folder_t *f, uint32_t cp)
{
    size_t  i;

    if (f->nmarks == ASSESS_QUOTE_MARKS) {
        assess_folder_flush_marks(f);
    }

    for (i = f->nmarks; i > 0 && f->marks[i - 1] > cp; i--) {
        f->marks[i] = f->marks[i - 1];
    }

    f->marks[i] = cp;
    f->nmarks++;
}


static void
assess_folder_join(assess_folder_t *f, assess_join_e kind)
{
    assess_join_t  join;

    memset(&join, 0, sizeof(assess_join_t));

    join.at = f->text.len;
    join.kind = kind;

    assess_buf_add(&f->joins, &join, sizeof(assess_join_t));
}


/* Puts the dash that was held back: into the text, or beside it. */

static void
assess_folder_put_dash(assess_folder_t *f, assess_ch_e next)
{
    if (f->last != ASSESS_CH_LETTER || next != ASSESS_CH_LETTER) {
        assess_buf_char(&f->text, '-');

        if (assess_ch_alnum(f->last) && assess_ch_alnum(next)) {
            f->space = 0;
        }

        f->last = ASSESS_CH_DASH;
        f->last_wide = 0;
        return;
    }

    if (f->dash == ASSESS_CH_HYPHEN && f->line_end) {
        assess_folder_join(f, f->empty_line ? ASSESS_JOIN_LOOSE
                                            : ASSESS_JOIN_SOFT);

    } else if (f->dash == ASSESS_CH_HYPHEN && !f->space) {
        assess_folder_join(f, ASSESS_JOIN_HYPHEN);

    } else {
        assess_folder_join(f, ASSESS_JOIN_DASH);
    }

    f->space = 0;
}


/* Puts what was held back, now that it is known what comes next. */

static void
assess_folder_settle(assess_folder_t *f, assess_ch_e next, int wide)
{
    assess_folder_flush_marks(f);

    if (f->dash == ASSESS_CH_HYPHEN || f->dash == ASSESS_CH_DASH) {
        assess_folder_put_dash(f, next);

    } else if (f->dash == ASSESS_CH_SOFT && f->space
               && f->last == ASSESS_CH_LETTER && next == ASSESS_CH_LETTER)
    {
        assess_folder_join(f, ASSESS_JOIN_SOFT);
        f->space = 0;
    }

    f->dash = ASSESS_CH_OTHER;

    if (f->space && f->text.len && !(f->last_wide && wide)) {
        assess_buf_char(&f->text, ' ');
        f->last = ASSESS_CH_SPACE;
    }

    f->space = 0;
    f->line_end = 0;
    f->empty_line = 0;
}


static void
assess_folder_dash(assess_folder_t *f, assess_ch_e ch)
{
    int  held;

    held = f->dash == ASSESS_CH_HYPHEN || f->dash == ASSESS_CH_DASH;

    if (held && !f->space) {

        /* "--" and "---" are one dash */

        f->dash = ASSESS_CH_DASH;
        return;
    }

    if (held || f->space) {
        assess_folder_settle(f, ASSESS_CH_OTHER, 0);
    }

    f->dash = ch;
}


/*
 * All quotation marks are one, but behind a digit, where they are feet and
 * inches, single and double stay apart.
 */

static void
assess_folder_quote(assess_folder_t *f, assess_ch_e ch)
{
    assess_folder_settle(f, ch, 0);

    if (ch == ASSESS_CH_SINGLE && f->last == ASSESS_CH_DIGIT) {
        assess_buf_char(&f->text, '\'');

    } else {
        assess_buf_char(&f->text, '"');
    }

    f->last = ch;
    f->last_wide = 0;
}


static void
assess_folder_char(assess_folder_t *f, uint32_t cp, int wide)
{
    char         out[4];
    assess_ch_e  ch;

    /* the fraction slash of a decomposed 1/2 */
    if (cp == 0x2044 || cp == 0x2215) {
        cp = '/';
    }

    ch = assess_ch_class(cp);

    if (ch == ASSESS_CH_HYPHEN || ch == ASSESS_CH_DASH) {
        assess_folder_dash(f, ch);
        return;
    }

    if (ch == ASSESS_CH_MARK) {

        if (f->nmarks == 0 || f->space || f->dash != ASSESS_CH_OTHER) {
            assess_folder_settle(f, ch, 0);
        }

        assess_folder_mark(f, cp);
        return;
    }

    assess_folder_settle(f, ch, wide);
    assess_buf_add(&f->text, out, assess_ch_put(out, cp));

    f->last = ch;
    f->last_wide = wide ? 1 : 0;
}


static void
assess_folder_text(assess_folder_t *f, uint32_t cp, assess_ch_e ch)
{
    int          wide;
    char         room[4];
    uint32_t     part;
    const char  *p, *end;

    /* full-width and CJK punctuation belongs to the text without spaces */
    wide = ch == ASSESS_CH_WIDE
           || (ch == ASSESS_CH_OTHER
               && ((cp >= 0xff01 && cp <= 0xff5e)
                   || (cp >= 0x3001 && cp <= 0x301c)
                   || (cp >= 0xff61 && cp <= 0xff65)));

    p = assess_ch_decompose(cp, room);

    if (p == NULL) {
        assess_folder_char(f, cp, wide);
        return;
    }

    end = p + strlen(p);

    while (p < end) {
        p += assess_ch_next(p, end, &part);
        assess_folder_char(f, part, wide);
    }
}


static void
assess_folder_blank(assess_folder_t *f, uint32_t cp, assess_ch_e ch)
{
    f->space = 1;

    if (ch == ASSESS_CH_BREAK) {
        f->empty_line |= cp == '\f' || (f->line_end && cp == '\n');
        f->line_end |= cp != '\r';
    }
}


static int
assess_folder_stays(char c)
{
    assess_ch_e  ch;

    if ((unsigned char) c >= 0x80) {
        return 0;
    }

    ch = (assess_ch_e) assess_ch_ascii[(int) c];

    return ch == ASSESS_CH_OTHER || assess_ch_alnum(ch);
}


/*
 * ASCII letters, digits and symbols, most of any text, and single spaces among
 * them: they stay as they are, and nothing is held back between them.  Their
 * end.
 */

static const char *
assess_folder_plain(assess_folder_t *f, const char *p, const char *end)
{
    const char  *q;

    q = p;

    while (q < end && assess_folder_stays(*q)) {

        q++;

        if (end - q >= 2 && *q == ' ' && assess_folder_stays(q[1])) {
            q++;
        }
    }

    if (q > p) {
        assess_folder_settle(f, assess_ch_class((unsigned char) *p), 0);
        assess_buf_add(&f->text, p, (size_t) (q - p));

        f->last = assess_ch_class((unsigned char) q[-1]);
        f->last_wide = 0;
    }

    return q;
}


static void
assess_folder_run(assess_folder_t *f, const char *p, size_t len)
{
    size_t        n;
    uint32_t      cp, second;
    const char   *end;
    assess_ch_e   ch;

    end = p + len;

    while ((p = assess_folder_plain(f, p, end)) < end) {

        p += assess_ch_next(p, end, &cp);
        ch = assess_ch_class(cp);

        /* two single ones of a kind are a typewriter's double one */

        if (ch == ASSESS_CH_SINGLE && p < end
            && (n = assess_ch_next(p, end, &second)) && second == cp)
        {
            p += n;
            ch = ASSESS_CH_DOUBLE;
        }

        switch (ch) {

        case ASSESS_CH_NONE:
            break;

        case ASSESS_CH_SPACE:
        case ASSESS_CH_BREAK:
            assess_folder_blank(f, cp, ch);
            break;

        case ASSESS_CH_SOFT:

            if (f->dash == ASSESS_CH_OTHER && !f->space) {
                f->dash = ASSESS_CH_SOFT;
            }

            break;

        case ASSESS_CH_HYPHEN:
        case ASSESS_CH_DASH:
            assess_folder_dash(f, ch);
            break;

        case ASSESS_CH_SINGLE:
        case ASSESS_CH_DOUBLE:
            assess_folder_quote(f, ch);
            break;

        default:
            assess_folder_text(f, cp, ch);
            break;
        }
    }

    f->space = 0;
    assess_folder_settle(f, ASSESS_CH_OTHER, 0);
}


static void
assess_folder_reset(assess_folder_t *f)
{
    assess_buf_reset(&f->text);
    assess_buf_reset(&f->joins);

    f->last = ASSESS_CH_OTHER;
    f->dash = ASSESS_CH_OTHER;
    f->space = 0;
    f->line_end = 0;
    f->empty_line = 0;
    f->last_wide = 0;
    f->nmarks = 0;
}


static void
assess_folder_free(assess_folder_t *f)
{
    assess_buf_free(&f->text);
    assess_buf_free(&f->joins);
}


static int
assess_folder_keep(assess_folder_t *f, assess_arena_t *arena,
    assess_skeleton_t *s)
{
    char           *text;
    assess_join_t  *joins;

    if (f->text.failed || f->joins.failed) {
        return -1;
    }

    text = assess_palloc(arena, f->text.len + 1);
    joins = assess_palloc(arena, f->joins.len + 1);

    if (text == NULL || joins == NULL) {
        return -1;
    }

    if (f->text.len) {
        memcpy(text, f->text.data, f->text.len);
    }

    if (f->joins.len) {
        memcpy(joins, f->joins.data, f->joins.len);
    }

    s->text = text;
    s->len = f->text.len;
    s->joins = joins;
    s->njoins = f->joins.len / sizeof(assess_join_t);

    return 0;
}


assess_quotes_t *
assess_quotes_create(assess_arena_t *arena, const assess_page_t *pages,
    size_t n)
{
    size_t            i;
    assess_quotes_t  *quotes;
    assess_folder_t   f;

    quotes = assess_pcalloc(arena, sizeof(assess_quotes_t));
    if (quotes == NULL || n > SIZE_MAX / sizeof(assess_skeleton_t) / 2) {
        return NULL;
    }

    quotes->skeletons = assess_pcalloc(arena,
                                       (n + 1) * sizeof(assess_skeleton_t));
    if (quotes->skeletons == NULL) {
        return NULL;
    }

    quotes->pages = pages;
    quotes->n = n;

    memset(&f, 0, sizeof(assess_folder_t));

    for (i = 0; i < n; i++) {

        assess_folder_reset(&f);
        assess_folder_run(&f, pages[i].text.data, pages[i].text.len);

        if (assess_folder_keep(&f, arena, &quotes->skeletons[i]) != 0) {
            quotes = NULL;
            break;
        }
    }

    assess_folder_free(&f);

    return quotes;
}


/* The first join at or behind a byte. */

static size_t
assess_skeleton_join(const assess_skeleton_t *s, size_t at)
{
    size_t  low, high, mid;

    low = 0;
    high = s->njoins;

    while (low < high) {
        mid = (low + high) / 2;

        if (s->joins[mid].at < at) {
            low = mid + 1;

        } else {
            high = mid;
        }
    }

    return low;
}


/* Whether a word goes on over this place of the page. */

static int
assess_skeleton_inside(const assess_skeleton_t *s, size_t at)
{
    size_t       i;
    uint32_t     cp;
    const char  *p, *end;
    assess_ch_e  before, behind;

    if (at == 0 || at == s->len) {
        return 0;
    }

    i = assess_skeleton_join(s, at);

    if (i < s->njoins && s->joins[i].at == at
        && (s->joins[i].kind == ASSESS_JOIN_DASH
            || s->joins[i].kind == ASSESS_JOIN_LOOSE))
    {
        return 0;
    }

    p = s->text + at;
    end = s->text + s->len;

    (void) assess_ch_next(p, end, &cp);
    behind = assess_ch_class(cp);

    (void) assess_ch_next(assess_ch_prev(p, s->text), end, &cp);
    before = assess_ch_class(cp);

    if (behind == ASSESS_CH_MARK) {
        return 1;
    }

    return assess_ch_alnum(behind)
           && (assess_ch_alnum(before) || before == ASSESS_CH_MARK);
}


/* Whether the hyphens agree where the skeletons do. */

static int
assess_skeleton_joined(const assess_skeleton_t *page, size_t at,
    const assess_skeleton_t *quote, size_t *steps)
{
    size_t                i, q, where;
    const assess_join_t  *join;

    q = 0;

    for (i = assess_skeleton_join(page, at + 1); i < page->njoins; i++) {

        join = &page->joins[i];

        if (join->at >= at + quote->len) {
            break;
        }

        (*steps)++;

        where = q < quote->njoins ? quote->joins[q].at : SIZE_MAX;

        if (where < join->at - at) {
            return 0;
        }

        if (where == join->at - at) {
            q++;

        } else if (join->kind != ASSESS_JOIN_SOFT
                   && join->kind != ASSESS_JOIN_LOOSE)
        {
            return 0;
        }
    }

    return q == quote->njoins;
}


static int
assess_skeleton_find(const assess_skeleton_t *page,
    const assess_needle_t *needle, size_t *steps)
{
    size_t                    at;
    const char               *p;
    const assess_skeleton_t  *quote;

    quote = &needle->quote;

    for (at = 0; at + quote->len <= page->len; at++) {

        p = memmem(page->text + at, page->len - at, quote->text, quote->len);
        if (p == NULL) {
            return 0;
        }

        at = (size_t) (p - page->text);

        if (!(assess_ch_alnum(needle->first)
              && assess_skeleton_inside(page, at))
            && !((assess_ch_alnum(needle->last)
                  || needle->last == ASSESS_CH_MARK)
                 && assess_skeleton_inside(page, at + quote->len))
            && assess_skeleton_joined(page, at, quote, steps))
        {
            return 1;
        }

        /* each new search begins with reading the quote */

        *steps += quote->len;

        if (*steps > ASSESS_QUOTE_STEPS) {
            return 0;
        }
    }

    return 0;
}


/* The part between two bytes of the folded quote; 0 when it says nothing. */

static int
assess_needle_cut(assess_needle_t *needle, const assess_folder_t *f,
    assess_join_t *joins, size_t from, size_t to)
{
    size_t       i, n;
    uint32_t     cp;
    const char  *p, *end;
    assess_ch_e  ch;

    n = f->joins.len / sizeof(assess_join_t);

    for (i = 0; i < n; i++) {
        joins[i].at -= from;
    }

    needle->quote.text = f->text.data + from;
    needle->quote.len = to - from;
    needle->quote.joins = joins;
    needle->quote.njoins = n;

    p = needle->quote.text;
    end = p + needle->quote.len;

    needle->first = ASSESS_CH_OTHER;
    needle->last = ASSESS_CH_OTHER;

    if (p < end) {
        (void) assess_ch_next(p, end, &cp);
        needle->first = assess_ch_class(cp);

        (void) assess_ch_next(assess_ch_prev(end, p), end, &cp);
        needle->last = assess_ch_class(cp);
    }

    while (p < end) {

        p += assess_ch_next(p, end, &cp);
        ch = assess_ch_class(cp);

        if (assess_ch_alnum(ch) || ch == ASSESS_CH_WIDE) {
            return 1;
        }
    }

    return 0;
}


/*
 * The range inside of outer quotation marks, white space, and dashes that
 * have nothing on one side: a list's, or those of a cut between two lines.
 */

static void
assess_needle_trim(const char *text, size_t *from, size_t *to)
{
    int     opened;
    size_t  a, b;

    a = 0;
    b = *to;
    opened = 0;

    while (a < b && (text[a] == '"' || text[a] == ' '
                     || (text[a] == '-' && a + 1 < b && text[a + 1] == ' ')))
    {
        opened |= text[a] == '"';
        a++;
    }

    while (b > a && (text[b - 1] == '"' || text[b - 1] == '\''
                     || text[b - 1] == ' ' || text[b - 1] == '-'))
    {
        if ((text[b - 1] == '"' || text[b - 1] == '\'') && !opened && b - a > 1
            && text[b - 2] >= '0' && text[b - 2] <= '9')
        {
            /* six inches, not the end of a quotation */
            break;
        }

        b--;
    }

    *from = a;
    *to = b;
}


/* From the page that was claimed, outwards. */

static int
assess_quotes_nearest(const assess_quotes_t *quotes, int claimed,
    const assess_needle_t *needles, size_t n, int *page)
{
    size_t   i, up, down, low, high, mid, at, steps;
    int64_t  above, below;

    low = 0;
    high = quotes->n;

    while (low < high) {
        mid = (low + high) / 2;

        if (quotes->pages[mid].page < claimed) {
            low = mid + 1;

        } else {
            high = mid;
        }
    }

    up = low;
    down = low;
    steps = 0;

    while (up < quotes->n || down > 0) {

        above = up < quotes->n
                ? (int64_t) quotes->pages[up].page - claimed : INT64_MAX;
        below = down > 0
                ? (int64_t) claimed - quotes->pages[down - 1].page : INT64_MAX;

        at = above <= below ? up++ : --down;

        for (i = 0; i < n; i++) {
            if (assess_skeleton_find(&quotes->skeletons[at], &needles[i],
                                     &steps))
            {
                *page = quotes->pages[at].page;
                return 1;
            }
        }

        if (steps > ASSESS_QUOTE_STEPS) {
            break;
        }
    }

    return 0;
}


void
assess_quote_check(const assess_quotes_t *quotes, assess_evidence_t *evidence)
{
    size_t            n, from, to;
    assess_join_t    *joins;
    assess_folder_t   f;
    assess_needle_t   needles[2];

    evidence->verified = 0;

    memset(&f, 0, sizeof(assess_folder_t));
    assess_folder_reset(&f);
    assess_folder_run(&f, evidence->quote.data, evidence->quote.len);

    joins = calloc(2, f.joins.len + 1);

    if (f.text.failed || f.joins.failed || joins == NULL || f.text.len == 0) {
        goto done;
    }

    if (f.joins.len) {
        memcpy(joins, f.joins.data, f.joins.len);
    }

    n = f.joins.len / sizeof(assess_join_t);

    if (!assess_needle_cut(&needles[0], &f, joins, 0, f.text.len)) {
        goto done;
    }

    to = f.text.len;
    assess_needle_trim(f.text.data, &from, &to);

    if (n) {
        memcpy(joins + n, f.joins.data, f.joins.len);
    }

    (void) assess_needle_cut(&needles[1], &f, joins + n, from, to);

    n = to - from == f.text.len ? 1 : 2;

    evidence->verified = assess_quotes_nearest(quotes, evidence->page,
                                               needles, n, &evidence->page);

done:

    free(joins);
    assess_folder_free(&f);
}
