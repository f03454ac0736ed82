
/*
 * A table (PLC) leads from the bytes of the stream to pages of 512 bytes, each
 * of which tells of some paragraphs, or of some runs of characters, where they
 * end and what changes for them: a list of codes, each with what it sets.
 */

#include "assess_doc_props.h"
#include "assess_ole.h"

#include <string.h>


#define ASSESS_DOC_PAGE       512
#define ASSESS_DOC_HEADINGS   9         /* styles 1 to 9, without a table */
#define ASSESS_DOC_LISTS      0x7fe     /* numbers of them end there */
#define ASSESS_DOC_BX         13        /* of a paragraph, within its page */

/* codes (2.6), and some whose length is not told as that of all others */
#define ASSESS_DOC_PAGE_BEFORE   0x2407
#define ASSESS_DOC_IN_TABLE      0x2416
#define ASSESS_DOC_ROW_END       0x2417
#define ASSESS_DOC_INNER_END     0x244c
#define ASSESS_DOC_LEVEL         0x2640
#define ASSESS_DOC_LIST          0x460b
#define ASSESS_DOC_HUGE          0x6646
#define ASSESS_DOC_HUGE_OLD      0x6645
#define ASSESS_DOC_DEPTH         0x6649
#define ASSESS_DOC_DELETED       0x0800
#define ASSESS_DOC_HIDDEN        0x083c
#define ASSESS_DOC_LETTERS       0x4a30
#define ASSESS_DOC_BREAK         0x3009
#define ASSESS_DOC_TABLE         0xd608
#define ASSESS_DOC_TABS          0xc615

#define ASSESS_DOC_NO_BREAK      0
#define ASSESS_DOC_BODY          9      /* the level of what is no heading */
#define ASSESS_DOC_NO_STYLE      SIZE_MAX


/* A list of codes, while it is read. */
typedef struct {
    const char  *p;
    const char  *end;
    uint32_t     code;
    const char  *value;
    size_t       len;
} assess_doc_codes_t;


static void assess_doc_run(assess_doc_props_t *props, uint32_t at);
static void assess_doc_around(assess_doc_props_t *props, uint32_t at);
static size_t assess_doc_list(const char *page, size_t i, size_t n,
    size_t *offset);
static int assess_doc_next(assess_doc_codes_t *codes);
static size_t assess_doc_length(const assess_doc_codes_t *codes);
static const char *assess_doc_page(const assess_doc_props_t *props,
    const assess_str_t *table, uint32_t at, size_t entry, size_t *i,
    size_t *n);
static void assess_doc_large(const assess_doc_props_t *props, uint32_t at,
    assess_doc_codes_t *codes);


void
assess_doc_paragraph(const assess_doc_props_t *props, uint32_t at,
    assess_doc_paragraph_t *paragraph)
{
    int                  large, in_table;
    size_t               i, n, offset, len;
    uint32_t             style, list;
    const char          *page;
    assess_doc_codes_t   codes;

    memset(paragraph, 0, sizeof(assess_doc_paragraph_t));

    page = assess_doc_page(props, &props->paragraphs, at, ASSESS_DOC_BX, &i,
                           &n);
    if (page == NULL) {
        return;
    }

    len = assess_doc_list(page, i, n, &offset);

    if (len < 2) {
        return;
    }

    style = assess_ole_u16(page + offset);
    paragraph->heading = style < props->nstyles
                         ? props->styles[style].heading
                         : style >= 1 && style <= ASSESS_DOC_HEADINGS;

    codes.p = page + offset + 2;
    codes.end = page + offset + len;

    large = in_table = 0;

    while (assess_doc_next(&codes)) {

        switch (codes.code) {

        case ASSESS_DOC_PAGE_BEFORE:
            paragraph->page = codes.value[0] != 0;
            break;

        case ASSESS_DOC_IN_TABLE:
            in_table = codes.value[0] != 0;
            break;

        case ASSESS_DOC_ROW_END:
        case ASSESS_DOC_INNER_END:
            paragraph->row_end |= codes.value[0] != 0;
            break;

        case ASSESS_DOC_LEVEL:
            paragraph->heading = (unsigned char) codes.value[0]
                                 < ASSESS_DOC_BODY;
            break;

        case ASSESS_DOC_LIST:
            list = assess_ole_u16(codes.value);
            paragraph->item = list >= 1 && list <= ASSESS_DOC_LISTS;
            break;

        case ASSESS_DOC_DEPTH:
            paragraph->depth = codes.value[0];
            break;

        case ASSESS_DOC_HUGE:
        case ASSESS_DOC_HUGE_OLD:

            /* what lies there does not lead on to there */

            if (!large) {
                large = 1;
                assess_doc_large(props, assess_ole_u32(codes.value), &codes);
            }

            break;
        }
    }

    if (in_table && paragraph->depth < 1) {
        paragraph->depth = 1;
    }

    if (paragraph->depth < 0) {
        paragraph->depth = 0;
    }
}


/* The rest of the codes is elsewhere: a length and then they. */

static void
assess_doc_large(const assess_doc_props_t *props, uint32_t at,
    assess_doc_codes_t *codes)
{
    size_t  len;

    codes->p = codes->end;

    if (props->data.len < 2 || at > props->data.len - 2) {
        return;
    }

    len = assess_ole_u16(props->data.data + at);

    if (len <= props->data.len - 2 - at) {
        codes->p = props->data.data + at + 2;
        codes->end = codes->p + len;
    }
}


int
assess_doc_hidden(assess_doc_props_t *props, uint32_t at)
{
    int  hidden;

    if (at < props->from || at >= props->to) {
        assess_doc_run(props, at);
    }

    if (at < props->first || at >= props->last) {
        assess_doc_around(props, at);
    }

    hidden = props->style < props->nstyles
             && props->styles[props->style].hidden;

    if (props->letters < props->nstyles) {
        hidden = assess_doc_style_says(props->styles[props->letters].says,
                                       hidden);
    }

    return props->deleted || assess_doc_style_says(props->says, hidden);
}


static void
assess_doc_run(assess_doc_props_t *props, uint32_t at)
{
    size_t               i, n, offset;
    const char          *page;
    assess_str_t         list;
    assess_doc_codes_t   codes;

    props->from = at;
    props->to = at + 1;
    props->deleted = 0;
    props->says = ASSESS_DOC_UNSAID;
    props->letters = ASSESS_DOC_NO_STYLE;

    page = assess_doc_page(props, &props->runs, at, 1, &i, &n);

    if (page == NULL) {
        return;
    }

    props->from = assess_ole_u32(page + 4 * i);
    props->to = assess_ole_u32(page + 4 * i + 4);

    offset = (size_t) (unsigned char) page[4 * (n + 1) + i] * 2;

    if (offset == 0) {
        return;
    }

    list.len = (unsigned char) page[offset++];
    list.data = (char *) page + offset;

    if (list.len > ASSESS_DOC_PAGE - offset) {
        return;
    }

    props->says = assess_doc_says(&list);

    codes.p = list.data;
    codes.end = codes.p + list.len;

    while (assess_doc_next(&codes)) {

        if (codes.code == ASSESS_DOC_DELETED) {

            /* no style has it: its reverse is that it was */

            props->deleted = codes.value[0] != 0
                             && (unsigned char) codes.value[0]
                                != ASSESS_DOC_SAME;

        } else if (codes.code == ASSESS_DOC_LETTERS) {
            props->letters = assess_ole_u16(codes.value);
        }
    }
}


/* The paragraph around it: only its style matters here. */

static void
assess_doc_around(assess_doc_props_t *props, uint32_t at)
{
    size_t       i, n, offset;
    const char  *page;

    props->first = at;
    props->last = at + 1;
    props->style = 0;

    page = assess_doc_page(props, &props->paragraphs, at, ASSESS_DOC_BX, &i,
                           &n);
    if (page == NULL) {
        return;
    }

    props->first = assess_ole_u32(page + 4 * i);
    props->last = assess_ole_u32(page + 4 * i + 4);

    if (assess_doc_list(page, i, n, &offset) >= 2) {
        props->style = assess_ole_u16(page + offset);
    }
}


unsigned
assess_doc_says(const assess_str_t *list)
{
    unsigned             says;
    assess_doc_codes_t   codes;

    codes.p = list->data;
    codes.end = codes.p + list->len;
    says = ASSESS_DOC_UNSAID;

    while (assess_doc_next(&codes)) {
        if (codes.code == ASSESS_DOC_HIDDEN) {
            says = (unsigned char) codes.value[0];
        }
    }

    return says;
}


/*
 * Where in its page what is said of a paragraph is, and how long it is, or 0:
 * its length is told in words, or is zero and then it is (2.9.175).
 */

static size_t
assess_doc_list(const char *page, size_t i, size_t n, size_t *offset)
{
    size_t  at, len;

    at = (size_t) (unsigned char) page[4 * (n + 1) + ASSESS_DOC_BX * i] * 2;

    if (at == 0 || at + 2 > ASSESS_DOC_PAGE) {
        return 0;
    }

    len = (size_t) (unsigned char) page[at++] * 2;

    if (len == 0) {
        len = (size_t) (unsigned char) page[at++] * 2;

    } else {
        len--;
    }

    *offset = at;

    return len <= ASSESS_DOC_PAGE - at ? len : 0;
}


int
assess_doc_continuous(const assess_doc_props_t *props, uint32_t sepx)
{
    int                  continuous;
    size_t               len;
    assess_doc_codes_t   codes;

    if (props->word.len < 2 || sepx > props->word.len - 2) {
        return 0;
    }

    len = assess_ole_u16(props->word.data + sepx);

    if (len > props->word.len - 2 - sepx) {
        return 0;
    }

    codes.p = props->word.data + sepx + 2;
    codes.end = codes.p + len;
    continuous = 0;

    while (assess_doc_next(&codes)) {
        if (codes.code == ASSESS_DOC_BREAK) {
            continuous = codes.value[0] == ASSESS_DOC_NO_BREAK;
        }
    }

    return continuous;
}


/*
 * The page that tells of this byte, and which of its n entries does; entry is
 * how many bytes it has of each besides where that begins.
 */

static const char *
assess_doc_page(const assess_doc_props_t *props, const assess_str_t *table,
    uint32_t at, size_t entry, size_t *i, size_t *n)
{
    size_t       low, high, middle, count;
    uint64_t     offset;
    const char  *page;

    if (table->len < 12) {
        return NULL;
    }

    count = (table->len - 4) / 8;

    for (low = 0, high = count; high - low > 1; /* void */ ) {

        middle = low + (high - low) / 2;

        if (assess_ole_u32(table->data + 4 * middle) <= at) {
            low = middle;

        } else {
            high = middle;
        }
    }

    offset = (uint64_t) (assess_ole_u32(table->data + 4 * (count + 1) + 4 * low)
                         & 0x3fffff) * ASSESS_DOC_PAGE;

    if (offset + ASSESS_DOC_PAGE > props->word.len) {
        return NULL;
    }

    page = props->word.data + offset;
    *n = (unsigned char) page[ASSESS_DOC_PAGE - 1];

    if (4 * (*n + 1) + entry * *n > ASSESS_DOC_PAGE - 1) {
        return NULL;
    }

    for (*i = 0; *i < *n; (*i)++) {
        if (at >= assess_ole_u32(page + 4 * *i)
            && at < assess_ole_u32(page + 4 * *i + 4))
        {
            return page;
        }
    }

    return NULL;
}


/* 0 at the end, and where what a code sets is cut off */

static int
assess_doc_next(assess_doc_codes_t *codes)
{
    if (codes->end - codes->p < 3) {
        return 0;
    }

    codes->code = assess_ole_u16(codes->p);
    codes->value = codes->p + 2;
    codes->len = assess_doc_length(codes);

    if (codes->len > (size_t) (codes->end - codes->value)) {
        return 0;
    }

    codes->p = codes->value + codes->len;

    return 1;
}


/* 2.2.5.1: the three highest bits tell it */

static size_t
assess_doc_length(const assess_doc_codes_t *codes)
{
    size_t                left, removed;
    const unsigned char  *value;

    static const unsigned char  lengths[] = { 1, 1, 2, 4, 2, 2, 0, 3 };

    if (codes->code >> 13 != 6) {
        return lengths[codes->code >> 13];
    }

    value = (const unsigned char *) codes->value;
    left = (size_t) (codes->end - codes->value);

    if (codes->code == ASSESS_DOC_TABLE) {
        return left < 2 ? left + 1 : assess_ole_u16(codes->value) + 1;
    }

    if (codes->code != ASSESS_DOC_TABS || value[0] != 0xff) {
        return (size_t) value[0] + 1;
    }

    /* tabs that go, four bytes each, and tabs that come, three bytes each */

    if (left < 2) {
        return left + 1;
    }

    removed = 2 + (size_t) value[1] * 4;

    return removed < left ? removed + 1 + (size_t) value[removed] * 3
                          : left + 1;
}
