
/*
 * Word documents of the versions 97 to 2003 ([MS-DOC]).  The text is one row of
 * characters in pieces, that of the document first and then that of its notes,
 * headers and boxes.  Pages end where they were told to, and with sections.
 */

#include "assess_charset.h"
#include "assess_doc_props.h"
#include "assess_flow.h"
#include "assess_old.h"

#include <stdlib.h>
#include <string.h>


#define ASSESS_DOC_MAGIC       0xa5ec
#define ASSESS_DOC_FIB         898      /* of Word 97; later ones are longer */
#define ASSESS_DOC_97          0xc1
#define ASSESS_DOC_ENCRYPTED   0x0100
#define ASSESS_DOC_TABLE_1     0x0200
#define ASSESS_DOC_COUNTS      0x4c     /* characters of each story */
#define ASSESS_DOC_TABLES      0x9a     /* where they are, and how long */

/* tables, by their place in the list of them (2.5.6) */
#define ASSESS_DOC_STYLES      1
#define ASSESS_DOC_NOTE_REFS   2
#define ASSESS_DOC_NOTES       3
#define ASSESS_DOC_SECTIONS    6
#define ASSESS_DOC_RUNS        12
#define ASSESS_DOC_PARAGRAPHS  13
#define ASSESS_DOC_PIECES      33

/* characters that are none (2.4.1 and others) */
#define ASSESS_DOC_CELL        0x07
#define ASSESS_DOC_LINE        0x0b
#define ASSESS_DOC_PAGE        0x0c
#define ASSESS_DOC_END         0x0d
#define ASSESS_DOC_COLUMN      0x0e
#define ASSESS_DOC_FIELD       0x13
#define ASSESS_DOC_FIELD_TEXT  0x14
#define ASSESS_DOC_FIELD_END   0x15
#define ASSESS_DOC_HYPHEN      0x1e

/* of ours, in the text of a paragraph: the place of a note */
#define ASSESS_DOC_NOTE        '\2'


/* In the order in which they stand one behind the other. */
typedef enum {
    ASSESS_DOC_MAIN = 0,
    ASSESS_DOC_FOOTNOTES,
    ASSESS_DOC_HEADERS,
    ASSESS_DOC_MACROS,
    ASSESS_DOC_COMMENTS,
    ASSESS_DOC_ENDNOTES,
    ASSESS_DOC_BOXES,
    ASSESS_DOC_HEADER_BOXES,
    ASSESS_DOC_STORIES
} assess_doc_story_e;


/* Characters that are read, paragraph by paragraph. */
typedef struct {
    uint32_t       cp;                  /* the next one */
    uint32_t       end;
    int            main;

    /* the piece that it lies in */
    size_t         piece;
    uint32_t       from;
    uint32_t       to;
    uint32_t       at;                  /* its first byte */
    int            wide;                /* two bytes each */

    uint32_t       byte;                /* of the last one that was read */
    uint32_t       high;                /* a surrogate that waits */
    uint32_t       fields;              /* how deep in them */
    uint32_t       code;                /* the outer one whose code it is */
    assess_buf_t   text;                /* of the paragraph */
} assess_doc_cursor_t;


typedef struct {
    assess_flow_t        flow;
    assess_doc_props_t   props;

    assess_buf_t         word;          /* the streams */
    assess_buf_t         table;
    assess_buf_t         data;

    assess_str_t         pieces;        /* tables */
    assess_str_t         sections;
    assess_str_t         note_refs;
    assess_str_t         notes;

    assess_doc_style_t  *styles;
    size_t               npieces;
    uint32_t             stories[ASSESS_DOC_STORIES + 1];

    size_t               section;       /* the one under way */
    size_t               ref;           /* the next note, as it is read */
    size_t               note;          /* the next one to be told */
    size_t               told;          /* and where those of a page end */
    assess_doc_cursor_t  main;
    assess_doc_cursor_t  aside;         /* what stands outside of the text */
    int                  in_table;
    int                  row;
    int                  cell;
} assess_doc_t;


static assess_why_e assess_doc_open(assess_doc_t *doc, assess_ole_t *ole);
static assess_why_e assess_doc_stream(assess_ole_t *ole, const char *name,
    assess_buf_t *out);
static assess_why_e assess_doc_tables(assess_doc_t *doc);
static assess_why_e assess_doc_pieces(assess_doc_t *doc, assess_str_t clx);
static assess_why_e assess_doc_stories(assess_doc_t *doc);
static assess_why_e assess_doc_text(assess_doc_t *doc);
static void assess_doc_start(assess_doc_t *doc, assess_doc_cursor_t *cursor,
    uint32_t from, uint32_t to);
static void assess_doc_piece(const assess_doc_t *doc,
    assess_doc_cursor_t *cursor, size_t i);
static int assess_doc_more(assess_doc_t *doc, assess_doc_cursor_t *cursor,
    uint32_t *end);
static uint32_t assess_doc_unit(const assess_doc_t *doc,
    assess_doc_cursor_t *cursor);
static int assess_doc_mark(assess_doc_t *doc, assess_doc_cursor_t *cursor,
    uint32_t unit);
static void assess_doc_add(assess_doc_cursor_t *cursor, uint32_t unit);
static uint32_t assess_doc_section(assess_doc_t *doc, uint32_t cp);
static void assess_doc_put(assess_doc_t *doc, assess_doc_cursor_t *cursor,
    uint32_t end);
static int assess_doc_place(assess_doc_t *doc,
    const assess_doc_paragraph_t *paragraph);
static void assess_doc_row_end(assess_doc_t *doc);
static void assess_doc_table_end(assess_doc_t *doc);
static void assess_doc_lines(assess_doc_t *doc, assess_doc_cursor_t *cursor);
static void assess_doc_page_end(assess_doc_t *doc);
static void assess_doc_footnotes(assess_doc_t *doc);
static void assess_doc_aside(assess_doc_t *doc, uint32_t from, uint32_t to);


assess_why_e
assess_doc_read(assess_ole_t *ole, assess_out_t *out)
{
    assess_why_e  why;
    assess_doc_t  doc;

    memset(&doc, 0, sizeof(assess_doc_t));
    doc.flow.out = out;

    why = assess_doc_open(&doc, ole);

    if (why == ASSESS_WHY_NONE) {
        why = assess_doc_text(&doc);
    }

    assess_buf_free(&doc.flow.line);
    assess_buf_free(&doc.word);
    assess_buf_free(&doc.table);
    assess_buf_free(&doc.data);
    assess_buf_free(&doc.main.text);
    assess_buf_free(&doc.aside.text);
    free(doc.styles);

    return why;
}


static assess_why_e
assess_doc_open(assess_doc_t *doc, assess_ole_t *ole)
{
    uint32_t      flags;
    assess_why_e  why;

    why = assess_doc_stream(ole, "WordDocument", &doc->word);

    if (why != ASSESS_WHY_NONE) {
        return why;
    }

    if (doc->word.len < ASSESS_DOC_FIB) {
        return ASSESS_WHY_DAMAGED;
    }

    if (assess_ole_u16(doc->word.data) != ASSESS_DOC_MAGIC
        || assess_ole_u16(doc->word.data + 2) < ASSESS_DOC_97)
    {
        return ASSESS_WHY_OLD;
    }

    flags = assess_ole_u16(doc->word.data + 10);

    if (flags & ASSESS_DOC_ENCRYPTED) {
        return ASSESS_WHY_ENCRYPTED;
    }

    why = assess_doc_stream(ole, flags & ASSESS_DOC_TABLE_1 ? "1Table"
                                                            : "0Table",
                            &doc->table);

    /* most are without this one */

    if (why == ASSESS_WHY_NONE && assess_ole_find(ole, "Data") != -1) {
        why = assess_doc_stream(ole, "Data", &doc->data);
    }

    return why == ASSESS_WHY_NONE ? assess_doc_tables(doc) : why;
}


static assess_why_e
assess_doc_stream(assess_ole_t *ole, const char *name, assess_buf_t *out)
{
    return assess_ole_read(ole, assess_ole_find(ole, name), out);
}


static assess_why_e
assess_doc_tables(assess_doc_t *doc)
{
    size_t         i;
    uint32_t       from, len;
    const char    *p;
    assess_str_t   clx, stsh;
    assess_why_e   why;

    const struct {
        size_t         table;
        assess_str_t  *to;
    } tables[] = {
        { ASSESS_DOC_STYLES, &stsh },
        { ASSESS_DOC_NOTE_REFS, &doc->note_refs },
        { ASSESS_DOC_NOTES, &doc->notes },
        { ASSESS_DOC_SECTIONS, &doc->sections },
        { ASSESS_DOC_RUNS, &doc->props.runs },
        { ASSESS_DOC_PARAGRAPHS, &doc->props.paragraphs },
        { ASSESS_DOC_PIECES, &clx }
    };

    for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {

        p = doc->word.data + ASSESS_DOC_TABLES + 8 * tables[i].table;
        from = assess_ole_u32(p);
        len = assess_ole_u32(p + 4);

        if (len && (from > doc->table.len || len > doc->table.len - from)) {
            return ASSESS_WHY_DAMAGED;
        }

        tables[i].to->data = len ? doc->table.data + from : NULL;
        tables[i].to->len = len;
    }

    doc->props.word.data = doc->word.data;
    doc->props.word.len = doc->word.len;
    doc->props.data.data = doc->data.data;
    doc->props.data.len = doc->data.len;

    if (assess_doc_styles(&stsh, &doc->styles, &doc->props.nstyles) != 0) {
        return ASSESS_WHY_MEMORY;
    }

    doc->props.styles = doc->styles;

    why = assess_doc_pieces(doc, clx);

    return why == ASSESS_WHY_NONE ? assess_doc_stories(doc) : why;
}


/*
 * 2.9.38: what was changed by pieces comes first, and is passed over.  Each
 * piece begins where the one before it ends, and lies within the stream.
 */

static assess_why_e
assess_doc_pieces(assess_doc_t *doc, assess_str_t clx)
{
    size_t       i, n, len;
    uint64_t     end;
    const char  *p, *last;

    if (clx.len == 0) {
        return ASSESS_WHY_DAMAGED;
    }

    p = clx.data;
    last = p + clx.len;

    while (last - p >= 3 && *p == 1) {

        n = assess_ole_u16(p + 1);

        if (n > (size_t) (last - p) - 3) {
            return ASSESS_WHY_DAMAGED;
        }

        p += 3 + n;
    }

    if (last - p < 5 + 16 || *p != 2) {
        return ASSESS_WHY_DAMAGED;
    }

    len = assess_ole_u32(p + 1);
    p += 5;

    if (len > (size_t) (last - p) || len < 16) {
        return ASSESS_WHY_DAMAGED;
    }

    doc->pieces.data = (char *) p;
    doc->pieces.len = len;
    doc->npieces = (len - 4) / 12;

    for (i = 0; i < doc->npieces; i++) {

        assess_doc_piece(doc, &doc->main, i);

        end = doc->main.at + (uint64_t) (doc->main.to - doc->main.from)
                             * (doc->main.wide ? 2 : 1);

        if (doc->main.from > doc->main.to || end > doc->word.len
            || (i == 0 && doc->main.from))
        {
            return ASSESS_WHY_DAMAGED;
        }
    }

    return ASSESS_WHY_NONE;
}


/* How many characters each has; behind all but the first there is one more. */

static assess_why_e
assess_doc_stories(assess_doc_t *doc)
{
    size_t    i;
    uint64_t  end;
    uint32_t  all;

    all = assess_ole_u32(doc->pieces.data + 4 * doc->npieces);

    for (i = 0, end = 0; i < ASSESS_DOC_STORIES; i++) {

        doc->stories[i] = (uint32_t) end;
        end += assess_ole_u32(doc->word.data + ASSESS_DOC_COUNTS + 4 * i);

        if (end > all) {
            return ASSESS_WHY_DAMAGED;
        }
    }

    doc->stories[i] = (uint32_t) end;

    return ASSESS_WHY_NONE;
}


/* What stands outside of the text comes behind it, but for its footnotes. */

static assess_why_e
assess_doc_text(assess_doc_t *doc)
{
    size_t    i;
    uint32_t  end;

    static const assess_doc_story_e  others[] = {
        ASSESS_DOC_BOXES, ASSESS_DOC_ENDNOTES, ASSESS_DOC_HEADERS,
        ASSESS_DOC_HEADER_BOXES
    };

    assess_doc_start(doc, &doc->main, 0, doc->stories[ASSESS_DOC_FOOTNOTES]);
    doc->main.main = 1;

    while (assess_doc_more(doc, &doc->main, &end)) {

        assess_doc_put(doc, &doc->main, end);

        if (end == ASSESS_DOC_PAGE) {
            assess_doc_page_end(doc);
        }
    }

    assess_doc_table_end(doc);

    doc->told = doc->note_refs.len / 6;
    assess_doc_footnotes(doc);

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assess_flow_blank(&doc->flow);
        assess_doc_aside(doc, doc->stories[others[i]],
                         doc->stories[others[i] + 1]);
    }

    if (doc->main.text.failed || doc->aside.text.failed) {
        return ASSESS_WHY_MEMORY;
    }

    assess_flow_last(&doc->flow);

    return ASSESS_WHY_NONE;
}


static void
assess_doc_start(assess_doc_t *doc, assess_doc_cursor_t *cursor,
    uint32_t from, uint32_t to)
{
    size_t        low, high, middle;
    assess_buf_t  text;

    text = cursor->text;
    memset(cursor, 0, sizeof(assess_doc_cursor_t));
    cursor->text = text;

    cursor->cp = from;
    cursor->end = to;

    /* the last piece that begins here or before */

    for (low = 0, high = doc->npieces; high - low > 1; /* void */ ) {

        middle = low + (high - low) / 2;

        if (assess_ole_u32(doc->pieces.data + 4 * middle) <= from) {
            low = middle;

        } else {
            high = middle;
        }
    }

    assess_doc_piece(doc, cursor, low);
}


/* 2.9.73: a bit says that its characters have a byte, and are twice as many */

static void
assess_doc_piece(const assess_doc_t *doc, assess_doc_cursor_t *cursor,
    size_t i)
{
    uint32_t     at;
    const char  *p;

    p = doc->pieces.data + 4 * i;
    at = assess_ole_u32(doc->pieces.data + 4 * (doc->npieces + 1) + 8 * i + 2);

    cursor->piece = i;
    cursor->from = assess_ole_u32(p);
    cursor->to = assess_ole_u32(p + 4);
    cursor->wide = (at & 0x40000000) == 0;
    cursor->at = cursor->wide ? at & 0x3fffffff : (at & 0x3fffffff) / 2;
}


/*
 * The next paragraph, and the mark that ends it: of a section only where the
 * next one begins another page; 0 where none does.
 */

static int
assess_doc_more(assess_doc_t *doc, assess_doc_cursor_t *cursor, uint32_t *end)
{
    uint32_t  unit;

    if (cursor->cp >= cursor->end || cursor->text.failed) {
        return 0;
    }

    assess_buf_reset(&cursor->text);
    cursor->high = 0;

    while (cursor->cp < cursor->end) {

        unit = assess_doc_unit(doc, cursor);

        if (unit == ASSESS_DOC_END || unit == ASSESS_DOC_CELL) {
            *end = unit;
            return 1;
        }

        if (unit == ASSESS_DOC_PAGE && cursor->main) {

            *end = assess_doc_section(doc, cursor->cp);

            if (*end) {
                return 1;
            }
        }

        if (!assess_doc_mark(doc, cursor, unit) && cursor->code == 0
            && !assess_doc_hidden(&doc->props, cursor->byte))
        {
            assess_doc_add(cursor, unit);
        }
    }

    *end = 0;

    return 1;
}


static uint32_t
assess_doc_unit(const assess_doc_t *doc, assess_doc_cursor_t *cursor)
{
    const char  *p;

    while (cursor->cp >= cursor->to && cursor->piece + 1 < doc->npieces) {
        assess_doc_piece(doc, cursor, cursor->piece + 1);
    }

    cursor->byte = cursor->at + (cursor->cp - cursor->from)
                                * (cursor->wide ? 2 : 1);
    cursor->cp++;

    p = doc->word.data + cursor->byte;

    return cursor->wide ? assess_ole_u16(p) : (unsigned char) *p;
}


/* Of a field what it shows is read, and not what it is made of. */

static int
assess_doc_mark(assess_doc_t *doc, assess_doc_cursor_t *cursor, uint32_t unit)
{
    size_t  n;

    switch (unit) {

    case ASSESS_DOC_FIELD:
        cursor->fields++;

        if (cursor->code == 0) {
            cursor->code = cursor->fields;
        }

        return 1;

    case ASSESS_DOC_FIELD_TEXT:
    case ASSESS_DOC_FIELD_END:

        if (cursor->code == cursor->fields) {
            cursor->code = 0;
        }

        if (unit == ASSESS_DOC_FIELD_END && cursor->fields) {
            cursor->fields--;
        }

        return 1;
    }

    n = cursor->main ? doc->note_refs.len / 6 : 0;

    while (doc->ref < n
           && assess_ole_u32(doc->note_refs.data + 4 * doc->ref) < cursor->cp)
    {
        assess_buf_char(&cursor->text, ASSESS_DOC_NOTE);
        doc->ref++;
    }

    return 0;
}


static void
assess_doc_add(assess_doc_cursor_t *cursor, uint32_t unit)
{
    char  byte;

    if (unit < 0x20) {

        if (unit == ASSESS_DOC_LINE || unit == ASSESS_DOC_COLUMN) {
            assess_buf_char(&cursor->text, '\v');

        } else if (unit == ASSESS_DOC_PAGE) {
            assess_buf_char(&cursor->text, '\f');

        } else if (unit == ASSESS_DOC_HYPHEN) {
            assess_buf_char(&cursor->text, '-');

        } else if (unit == '\t') {
            assess_buf_char(&cursor->text, ' ');
        }

        return;
    }

    if (unit < 0x80) {
        assess_buf_char(&cursor->text, (char) unit);
        return;
    }

    if (!cursor->wide) {
        byte = (char) unit;
        assess_charset_decode(ASSESS_CHARSET_1252, &byte, 1, &cursor->text);
        return;
    }

    if (unit >= 0xd800 && unit <= 0xdbff) {
        cursor->high = unit;
        return;
    }

    if (unit >= 0xdc00 && unit <= 0xdfff) {

        /* half a character is none */

        unit = cursor->high ? 0x10000 + ((cursor->high - 0xd800) << 10)
                              + (unit - 0xdc00) : 0xfffd;
    }

    cursor->high = 0;
    assess_charset_put(&cursor->text, unit);
}


/* Whether a section ends here, and as what: 0, or a mark. */

static uint32_t
assess_doc_section(assess_doc_t *doc, uint32_t cp)
{
    size_t       n;
    const char  *p;

    if (doc->sections.len < 20) {
        return 0;
    }

    n = (doc->sections.len - 4) / 16;
    p = doc->sections.data + 4;

    while (doc->section < n && assess_ole_u32(p + 4 * doc->section) < cp) {
        doc->section++;
    }

    if (doc->section == n || assess_ole_u32(p + 4 * doc->section) != cp) {
        return 0;
    }

    doc->section++;

    return doc->section == n
           || assess_doc_continuous(&doc->props, assess_ole_u32(p + 4 * n
                                            + 12 * doc->section + 2))
           ? ASSESS_DOC_END : ASSESS_DOC_PAGE;
}


static void
assess_doc_put(assess_doc_t *doc, assess_doc_cursor_t *cursor, uint32_t end)
{
    assess_doc_paragraph_t  paragraph;

    assess_doc_paragraph(&doc->props, cursor->byte, &paragraph);

    if (end == ASSESS_DOC_CELL && paragraph.depth == 0) {
        paragraph.depth = 1;
    }

    if (!assess_doc_place(doc, &paragraph)) {
        return;
    }

    if (paragraph.page && cursor->main && !doc->row && doc->flow.text) {
        assess_doc_page_end(doc);
    }

    if (paragraph.heading) {
        assess_flow_blank(&doc->flow);
    }

    if (paragraph.item && !paragraph.heading && cursor->text.len) {
        assess_flow_str(&doc->flow, "- ");
    }

    assess_doc_lines(doc, cursor);

    if (paragraph.heading) {
        assess_flow_blank(&doc->flow);
    }

    if (end == ASSESS_DOC_CELL) {
        doc->cell = 0;
    }
}


/* Within a table or not; 0 where a row ends and there is no text. */

static int
assess_doc_place(assess_doc_t *doc, const assess_doc_paragraph_t *paragraph)
{
    if (paragraph->depth == 0) {
        assess_doc_table_end(doc);
        return 1;
    }

    if (paragraph->row_end) {

        /* a table within a cell is text of it */

        if (paragraph->depth == 1) {
            assess_doc_row_end(doc);
        }

        return 0;
    }

    if (!doc->in_table) {
        doc->in_table = 1;
        assess_flow_blank(&doc->flow);
    }

    if (!doc->row) {
        doc->row = 1;
        doc->cell = 0;
        assess_flow_row(&doc->flow);
    }

    if (!doc->cell) {
        doc->cell = 1;
        assess_flow_cell(&doc->flow);
    }

    return 1;
}


static void
assess_doc_row_end(assess_doc_t *doc)
{
    if (doc->row) {
        doc->row = 0;
        assess_flow_row_end(&doc->flow);
    }
}


static void
assess_doc_table_end(assess_doc_t *doc)
{
    assess_doc_row_end(doc);

    if (doc->in_table) {
        doc->in_table = 0;
        assess_flow_blank(&doc->flow);
    }
}


/* A page does not end within a table, as far as it is told here. */

static void
assess_doc_lines(assess_doc_t *doc, assess_doc_cursor_t *cursor)
{
    size_t       i, from;
    const char  *text;

    text = cursor->text.data;

    for (i = from = 0; i < cursor->text.len; i++) {

        if (text[i] != '\v' && text[i] != '\f' && text[i] != ASSESS_DOC_NOTE) {
            continue;
        }

        assess_flow_text(&doc->flow, text + from, i - from);
        from = i + 1;

        if (text[i] == ASSESS_DOC_NOTE) {
            doc->told++;

        } else if (text[i] == '\f' && cursor->main && !doc->row) {
            assess_doc_page_end(doc);

        } else {
            assess_flow_end(&doc->flow);
        }
    }

    if (i > from) {
        assess_flow_text(&doc->flow, text + from, i - from);
    }

    assess_flow_end(&doc->flow);
}


static void
assess_doc_page_end(assess_doc_t *doc)
{
    assess_doc_table_end(doc);
    assess_flow_end(&doc->flow);
    assess_doc_footnotes(doc);
    assess_flow_page(&doc->flow);
}


/* Those that the page under way refers to. */

static void
assess_doc_footnotes(assess_doc_t *doc)
{
    uint32_t  first, from, to;

    if (doc->note < doc->told) {
        assess_doc_table_end(doc);
        assess_flow_blank(&doc->flow);
    }

    first = doc->stories[ASSESS_DOC_FOOTNOTES];

    for ( /* void */ ; doc->note < doc->told; doc->note++) {

        if ((doc->note + 2) * 4 > doc->notes.len) {
            continue;
        }

        from = assess_ole_u32(doc->notes.data + 4 * doc->note);
        to = assess_ole_u32(doc->notes.data + 4 * doc->note + 4);

        if (from < to
            && to <= doc->stories[ASSESS_DOC_FOOTNOTES + 1] - first)
        {
            assess_doc_aside(doc, first + from, first + to);
        }
    }
}


static void
assess_doc_aside(assess_doc_t *doc, uint32_t from, uint32_t to)
{
    uint32_t  end;

    assess_doc_start(doc, &doc->aside, from, to);

    while (assess_doc_more(doc, &doc->aside, &end)) {
        assess_doc_put(doc, &doc->aside, end);
    }

    assess_doc_table_end(doc);
}
