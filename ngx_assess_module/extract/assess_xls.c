
/*
 * Workbooks of Excel 5.0 to 2003 ([MS-XLS], BIFF5 and BIFF8): a row of records,
 * of which those of the whole come first and then those of each sheet.  A sheet
 * is a page that begins with its name, a row a line.
 */

#include "assess_cells.h"
#include "assess_charset.h"
#include "assess_old.h"
#include "assess_rtf_charset.h"

#include <stdlib.h>
#include <string.h>


#define ASSESS_XLS_BIFF8     0x0600
#define ASSESS_XLS_STYLES    65536      /* more are not referred to */
#define ASSESS_XLS_UTF16     1200
#define ASSESS_XLS_CODE      256        /* of a number format, a NUL */

/* records (2.3) */
#define ASSESS_XLS_FORMULA   0x0006
#define ASSESS_XLS_EOF       0x000a
#define ASSESS_XLS_1904      0x0022
#define ASSESS_XLS_FILEPASS  0x002f
#define ASSESS_XLS_CONTINUE  0x003c
#define ASSESS_XLS_CODEPAGE  0x0042
#define ASSESS_XLS_SHEET     0x0085
#define ASSESS_XLS_MULRK     0x00bd
#define ASSESS_XLS_RSTRING   0x00d6
#define ASSESS_XLS_XF        0x00e0
#define ASSESS_XLS_SST       0x00fc
#define ASSESS_XLS_LABELSST  0x00fd
#define ASSESS_XLS_NUMBER    0x0203
#define ASSESS_XLS_LABEL     0x0204
#define ASSESS_XLS_BOOLERR   0x0205
#define ASSESS_XLS_STRING    0x0207
#define ASSESS_XLS_RK        0x027e
#define ASSESS_XLS_FORMAT    0x041e
#define ASSESS_XLS_BOF       0x0809

/* of a string (2.5.293) */
#define ASSESS_XLS_WIDE      0x01
#define ASSESS_XLS_EXTENDED  0x04
#define ASSESS_XLS_RICH      0x08


typedef struct {
    uint32_t  at;                       /* its first record */
    size_t    name;                     /* where it begins, and its length */
    size_t    len;
} assess_xls_sheet_t;


typedef struct {
    assess_flow_t            flow;
    assess_buf_t             stream;

    /* the record under way, and what of it was not read yet */
    size_t                   next;
    uint32_t                 type;
    const char              *p;
    size_t                   left;

    int                      biff8;
    int                      from_1904;
    assess_charset_e         charset;
    assess_buf_t             sheets;    /* assess_xls_sheet_t each */
    assess_buf_t             names;
    assess_cell_strings_t    strings;
    unsigned char           *formats;   /* of each number format */
    unsigned char           *styles;    /* the format of each cell style */
    size_t                   nstyles;

    int                      row;       /* the one under way, or -1 */
    int                      column;    /* the next one of it */
    int                      formula;   /* one shows a string that follows */
    assess_buf_t             text;
} assess_xls_t;


static assess_why_e assess_xls_open(assess_xls_t *xls, assess_ole_t *ole);
static assess_why_e assess_xls_global(assess_xls_t *xls);
static assess_why_e assess_xls_globals(assess_xls_t *xls);
static assess_why_e assess_xls_one(assess_xls_t *xls,
    const assess_xls_sheet_t *sheet);
static void assess_xls_cell(assess_xls_t *xls);
static void assess_xls_value(assess_xls_t *xls);
static void assess_xls_begin(assess_xls_t *xls, int row, int column);
static void assess_xls_number(assess_xls_t *xls, uint32_t style, double value);
static void assess_xls_rks(assess_xls_t *xls, int row);
static void assess_xls_formula(assess_xls_t *xls, uint32_t style);
static void assess_xls_error(assess_xls_t *xls, int error, int value);
static double assess_xls_rk(const char *p);
static double assess_xls_double(const char *p);
static void assess_xls_codepage(assess_xls_t *xls, int page);
static void assess_xls_sheet(assess_xls_t *xls);
static void assess_xls_format(assess_xls_t *xls);
static void assess_xls_style(assess_xls_t *xls);
static void assess_xls_shared(assess_xls_t *xls);
static int assess_xls_record(assess_xls_t *xls);
static int assess_xls_more(assess_xls_t *xls);
static int assess_xls_take(assess_xls_t *xls, char *out, size_t n);
static int assess_xls_skip(assess_xls_t *xls, uint64_t n);
static int assess_xls_string(assess_xls_t *xls, size_t counted,
    assess_buf_t *out);
static int assess_xls_letters(assess_xls_t *xls, size_t n, int wide,
    assess_buf_t *out);
static void assess_xls_free(assess_xls_t *xls);


assess_why_e
assess_xls_read(assess_ole_t *ole, assess_out_t *out)
{
    size_t               i, n;
    assess_why_e         why;
    assess_xls_t         xls;
    assess_xls_sheet_t   sheet;

    memset(&xls, 0, sizeof(assess_xls_t));
    xls.flow.out = out;
    xls.charset = ASSESS_CHARSET_1252;

    why = assess_xls_open(&xls, ole);

    if (why == ASSESS_WHY_NONE) {
        why = assess_xls_globals(&xls);
    }

    n = xls.sheets.len / sizeof(assess_xls_sheet_t);

    for (i = 0; i < n && why == ASSESS_WHY_NONE; i++) {
        memcpy(&sheet, xls.sheets.data + i * sizeof(sheet), sizeof(sheet));
        why = assess_xls_one(&xls, &sheet);
    }

    if (why == ASSESS_WHY_NONE) {
        assess_flow_last(&xls.flow);
    }

    assess_xls_free(&xls);

    return why;
}


static void
assess_xls_free(assess_xls_t *xls)
{
    free(xls->formats);
    free(xls->styles);
    assess_cell_strings_free(&xls->strings);
    assess_buf_free(&xls->flow.line);
    assess_buf_free(&xls->stream);
    assess_buf_free(&xls->sheets);
    assess_buf_free(&xls->names);
    assess_buf_free(&xls->text);
}


static assess_why_e
assess_xls_open(assess_xls_t *xls, assess_ole_t *ole)
{
    int           i, stream;
    assess_why_e  why;

    stream = assess_ole_find(ole, "Workbook");

    if (stream == -1) {
        stream = assess_ole_find(ole, "Book");
    }

    why = assess_ole_read(ole, stream, &xls->stream);

    if (why != ASSESS_WHY_NONE) {
        return why;
    }

    xls->formats = calloc(ASSESS_CELL_FORMATS, 1);
    xls->styles = calloc(ASSESS_XLS_STYLES, 1);

    if (xls->formats == NULL || xls->styles == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    for (i = 0; i < ASSESS_CELL_BUILTIN; i++) {
        xls->formats[i] = (unsigned char) assess_cell_builtin(i);
    }

    return ASSESS_WHY_NONE;
}


static assess_why_e
assess_xls_globals(assess_xls_t *xls)
{
    char          version[2];
    assess_why_e  why;

    if (!assess_xls_record(xls) || xls->type != ASSESS_XLS_BOF
        || !assess_xls_take(xls, version, 2))
    {
        return ASSESS_WHY_DAMAGED;
    }

    xls->biff8 = assess_ole_u16(version) == ASSESS_XLS_BIFF8;

    while (assess_xls_record(xls)) {

        if (xls->type == ASSESS_XLS_EOF) {
            return xls->sheets.failed || xls->names.failed
                   || xls->strings.text.failed || xls->strings.ends.failed
                   || xls->text.failed ? ASSESS_WHY_MEMORY : ASSESS_WHY_NONE;
        }

        why = assess_xls_global(xls);

        if (why != ASSESS_WHY_NONE) {
            return why;
        }
    }

    return ASSESS_WHY_DAMAGED;
}


static assess_why_e
assess_xls_global(assess_xls_t *xls)
{
    char  number[2];

    switch (xls->type) {

    case ASSESS_XLS_FILEPASS:
        return ASSESS_WHY_ENCRYPTED;

    case ASSESS_XLS_1904:
    case ASSESS_XLS_CODEPAGE:

        if (!assess_xls_take(xls, number, 2)) {
            return ASSESS_WHY_DAMAGED;
        }

        if (xls->type == ASSESS_XLS_1904) {
            xls->from_1904 = assess_ole_u16(number) == 1;

        } else {
            assess_xls_codepage(xls, (int) assess_ole_u16(number));
        }

        break;

    case ASSESS_XLS_SHEET:
        assess_xls_sheet(xls);
        break;

    case ASSESS_XLS_FORMAT:
        assess_xls_format(xls);
        break;

    case ASSESS_XLS_XF:
        assess_xls_style(xls);
        break;

    case ASSESS_XLS_SST:
        assess_xls_shared(xls);
        break;
    }

    return ASSESS_WHY_NONE;
}


/* Of BIFF5; one that is not known is that of most. */

static void
assess_xls_codepage(assess_xls_t *xls, int page)
{
    assess_charset_e  charset;

    if (page == 0x8000) {
        page = 10000;                   /* as Excel for Macintosh has it */
    }

    if (page != ASSESS_XLS_UTF16 && assess_rtf_charset(page, &charset) == 0) {
        xls->charset = charset;
    }
}


/* What is no sheet of cells, but a chart or a program, is passed over. */

static void
assess_xls_sheet(assess_xls_t *xls)
{
    char                 head[6];
    assess_xls_sheet_t   sheet;

    if (xls->sheets.len / sizeof(sheet) >= ASSESS_CELL_SHEETS
        || !assess_xls_take(xls, head, sizeof(head)) || head[5] != 0)
    {
        return;
    }

    sheet.at = assess_ole_u32(head);
    sheet.name = xls->names.len;

    (void) assess_xls_string(xls, 1, &xls->names);

    sheet.len = xls->names.len - sheet.name;
    assess_buf_add(&xls->sheets, &sheet, sizeof(sheet));
}


static void
assess_xls_format(assess_xls_t *xls)
{
    char  id[2], code[ASSESS_XLS_CODE];

    assess_buf_reset(&xls->text);

    if (!assess_xls_take(xls, id, 2)
        || !assess_xls_string(xls, xls->biff8 ? 2 : 1, &xls->text)
        || xls->text.len >= sizeof(code) || xls->text.len == 0)
    {
        return;
    }

    memcpy(code, xls->text.data, xls->text.len);
    code[xls->text.len] = '\0';

    xls->formats[assess_ole_u16(id)] = (unsigned char) assess_cell_format(code);
}


static void
assess_xls_style(assess_xls_t *xls)
{
    char  head[4];

    if (xls->nstyles < ASSESS_XLS_STYLES && assess_xls_take(xls, head, 4)) {
        xls->styles[xls->nstyles++] = xls->formats[assess_ole_u16(head + 2)];
    }
}


/* How many there are is said, but that they end is sure. */

static void
assess_xls_shared(assess_xls_t *xls)
{
    if (!assess_xls_skip(xls, 8)) {
        return;
    }

    while (assess_xls_string(xls, 2, &xls->strings.text)) {

        assess_cell_string_end(&xls->strings);

        if (xls->strings.ends.failed || xls->strings.text.failed) {
            return;
        }
    }
}


static assess_why_e
assess_xls_one(assess_xls_t *xls, const assess_xls_sheet_t *sheet)
{
    int  depth;

    xls->next = sheet->at;
    xls->row = -1;
    xls->formula = 0;

    if (sheet->len) {
        assess_flow_text(&xls->flow, xls->names.data + sheet->name,
                         sheet->len);
    }

    assess_flow_blank(&xls->flow);

    if (!assess_xls_record(xls) || xls->type != ASSESS_XLS_BOF) {
        return ASSESS_WHY_DAMAGED;
    }

    /* a chart within is records between such marks, too */

    for (depth = 1; depth; /* void */ ) {

        if (!assess_xls_record(xls)) {
            return ASSESS_WHY_DAMAGED;
        }

        if (xls->type == ASSESS_XLS_BOF) {
            depth++;

        } else if (xls->type == ASSESS_XLS_EOF) {
            depth--;

        } else if (depth == 1) {
            assess_xls_cell(xls);
        }

        if (xls->text.failed) {
            return ASSESS_WHY_MEMORY;
        }
    }

    if (xls->row != -1) {
        assess_flow_row_end(&xls->flow);
    }

    assess_flow_page(&xls->flow);

    return ASSESS_WHY_NONE;
}


/* Where the record is one of cells: these */

static void
assess_xls_cell(assess_xls_t *xls)
{
    switch (xls->type) {

    case ASSESS_XLS_STRING:

        assess_buf_reset(&xls->text);

        if (xls->formula && assess_xls_string(xls, 2, &xls->text)
            && xls->text.len)
        {
            assess_flow_text(&xls->flow, xls->text.data, xls->text.len);
        }

        xls->formula = 0;
        break;

    case ASSESS_XLS_FORMULA:
    case ASSESS_XLS_MULRK:
    case ASSESS_XLS_RSTRING:
    case ASSESS_XLS_LABELSST:
    case ASSESS_XLS_NUMBER:
    case ASSESS_XLS_LABEL:
    case ASSESS_XLS_BOOLERR:
    case ASSESS_XLS_RK:
        xls->formula = 0;
        assess_xls_value(xls);
        break;
    }
}


static void
assess_xls_value(assess_xls_t *xls)
{
    int       row;
    char      head[6], value[8];
    uint32_t  style;

    if (!assess_xls_take(xls, head, 4)) {
        return;
    }

    row = (int) assess_ole_u16(head);
    assess_xls_begin(xls, row, (int) assess_ole_u16(head + 2));

    if (xls->type == ASSESS_XLS_MULRK) {
        assess_xls_rks(xls, row);
        return;
    }

    if (!assess_xls_take(xls, head + 4, 2)) {
        return;
    }

    style = assess_ole_u16(head + 4);

    switch (xls->type) {

    case ASSESS_XLS_FORMULA:
        assess_xls_formula(xls, style);
        break;

    case ASSESS_XLS_RSTRING:
    case ASSESS_XLS_LABEL:

        assess_buf_reset(&xls->text);

        if (assess_xls_string(xls, 2, &xls->text) && xls->text.len) {
            assess_flow_text(&xls->flow, xls->text.data, xls->text.len);
        }

        break;

    case ASSESS_XLS_LABELSST:
        if (assess_xls_take(xls, value, 4)) {
            assess_cell_string(&xls->flow, &xls->strings,
                               assess_ole_u32(value));
        }
        break;

    case ASSESS_XLS_NUMBER:
        if (assess_xls_take(xls, value, 8)) {
            assess_xls_number(xls, style, assess_xls_double(value));
        }
        break;

    case ASSESS_XLS_BOOLERR:
        if (assess_xls_take(xls, value, 2)) {
            assess_xls_error(xls, value[1], value[0]);
        }
        break;

    default: /* ASSESS_XLS_RK */
        if (assess_xls_take(xls, value, 4)) {
            assess_xls_number(xls, style, assess_xls_rk(value));
        }
        break;
    }
}


static void
assess_xls_begin(assess_xls_t *xls, int row, int column)
{
    if (xls->row != row) {

        if (xls->row != -1) {
            assess_flow_row_end(&xls->flow);
        }

        assess_flow_row(&xls->flow);
        xls->row = row;
        xls->column = 0;
    }

    assess_cell_begin(&xls->flow, &xls->column, column);
}


static void
assess_xls_number(assess_xls_t *xls, uint32_t style, double value)
{
    assess_cell_number(&xls->flow, style < xls->nstyles
                                   ? (assess_cell_format_e) xls->styles[style]
                                   : ASSESS_CELL_PLAIN,
                       xls->from_1904, value);
}


/* Several in a row: the style and the number of each, then the last column */

static void
assess_xls_rks(assess_xls_t *xls, int row)
{
    int   first;
    char  cell[6];

    for (first = 1; xls->left >= 8 && assess_xls_take(xls, cell, 6); first = 0)
    {
        if (!first) {
            assess_xls_begin(xls, row, -1);
        }

        assess_xls_number(xls, assess_ole_u16(cell), assess_xls_rk(cell + 2));
    }
}


/* 2.5.133: what is no number has two bytes that no number of theirs has */

static void
assess_xls_formula(assess_xls_t *xls, uint32_t style)
{
    char  value[8];

    if (!assess_xls_take(xls, value, 8)) {
        return;
    }

    if (assess_ole_u16(value + 6) != 0xffff) {
        assess_xls_number(xls, style, assess_xls_double(value));
        return;
    }

    switch (value[0]) {

    case 0:
        xls->formula = 1;
        break;

    case 1:
    case 2:
        assess_xls_error(xls, value[0] == 2, value[2]);
        break;
    }
}


static void
assess_xls_error(assess_xls_t *xls, int error, int value)
{
    size_t  i;

    static const struct {
        int          value;
        const char  *name;
    } errors[] = {
        { 0x00, "#NULL!" }, { 0x07, "#DIV/0!" }, { 0x0f, "#VALUE!" },
        { 0x17, "#REF!" }, { 0x1d, "#NAME?" }, { 0x24, "#NUM!" },
        { 0x2a, "#N/A" }
    };

    if (!error) {
        assess_flow_str(&xls->flow, value ? "TRUE" : "FALSE");
        return;
    }

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (errors[i].value == value) {
            assess_flow_str(&xls->flow, errors[i].name);
        }
    }
}


/* 2.5.218: an integer, or the upper half of a number; either in hundredths */

static double
assess_xls_rk(const char *p)
{
    double    value;
    uint32_t  rk;
    uint64_t  bits;

    rk = assess_ole_u32(p);

    if (rk & 2) {
        value = (double) ((int32_t) rk >> 2);

    } else {
        bits = (uint64_t) (rk & ~3u) << 32;
        memcpy(&value, &bits, sizeof(value));
    }

    return rk & 1 ? value / 100 : value;
}


static double
assess_xls_double(const char *p)
{
    double    value;
    uint64_t  bits;

    bits = assess_ole_u32(p) | (uint64_t) assess_ole_u32(p + 4) << 32;
    memcpy(&value, &bits, sizeof(value));

    return value;
}


/* The next record; 0 at the end, and where one is cut off. */

static int
assess_xls_record(assess_xls_t *xls)
{
    size_t       len;
    const char  *p;

    if (xls->stream.len < 4 || xls->next > xls->stream.len - 4) {
        return 0;
    }

    p = xls->stream.data + xls->next;
    len = assess_ole_u16(p + 2);

    if (len > xls->stream.len - 4 - xls->next) {
        return 0;
    }

    xls->type = assess_ole_u16(p);
    xls->p = p + 4;
    xls->left = len;
    xls->next += 4 + len;

    return 1;
}


/* What is too long for one record goes on in others behind it. */

static int
assess_xls_more(assess_xls_t *xls)
{
    uint32_t  type;

    while (xls->left == 0) {

        if (xls->stream.len < 4 || xls->next > xls->stream.len - 4
            || assess_ole_u16(xls->stream.data + xls->next)
               != ASSESS_XLS_CONTINUE)
        {
            return 0;
        }

        type = xls->type;

        if (!assess_xls_record(xls)) {
            return 0;
        }

        xls->type = type;
    }

    return 1;
}


static int
assess_xls_take(assess_xls_t *xls, char *out, size_t n)
{
    size_t  part;

    while (n) {

        if (!assess_xls_more(xls)) {
            return 0;
        }

        part = xls->left < n ? xls->left : n;
        memcpy(out, xls->p, part);

        xls->p += part;
        xls->left -= part;
        out += part;
        n -= part;
    }

    return 1;
}


static int
assess_xls_skip(assess_xls_t *xls, uint64_t n)
{
    size_t  part;

    while (n) {

        if (!assess_xls_more(xls)) {
            return 0;
        }

        part = xls->left < n ? xls->left : (size_t) n;

        xls->p += part;
        xls->left -= part;
        n -= part;
    }

    return 1;
}


/*
 * Appends a string whose length has so many bytes.  In BIFF8 it may be followed
 * by how its letters look and how they sound.
 */

static int
assess_xls_string(assess_xls_t *xls, size_t counted, assess_buf_t *out)
{
    char      number[4];
    size_t    n;
    uint32_t  flags;
    uint64_t  rest;

    number[1] = 0;

    if (!assess_xls_take(xls, number, counted)) {
        return 0;
    }

    n = assess_ole_u16(number);

    if (!xls->biff8) {
        return assess_xls_letters(xls, n, 0, out);
    }

    if (!assess_xls_take(xls, number, 1)) {
        return 0;
    }

    flags = (unsigned char) number[0];
    rest = 0;

    if (flags & ASSESS_XLS_RICH) {

        if (!assess_xls_take(xls, number, 2)) {
            return 0;
        }

        rest = (uint64_t) assess_ole_u16(number) * 4;
    }

    if (flags & ASSESS_XLS_EXTENDED) {

        if (!assess_xls_take(xls, number, 4)) {
            return 0;
        }

        rest += assess_ole_u32(number);
    }

    return assess_xls_letters(xls, n, flags & ASSESS_XLS_WIDE, out)
           && assess_xls_skip(xls, rest);
}


/*
 * Where they go on in another record, that begins with how wide they are.  What
 * is no letter stands between words.
 */

static int
assess_xls_letters(assess_xls_t *xls, size_t n, int wide, assess_buf_t *out)
{
    char    flags;
    size_t  i, from, part, width;

    while (n) {

        if (xls->left == 0) {

            if (!assess_xls_more(xls)) {
                return 0;
            }

            if (xls->biff8) {
                (void) assess_xls_take(xls, &flags, 1);
                wide = flags & ASSESS_XLS_WIDE;
                continue;
            }
        }

        width = wide ? 2 : 1;
        part = xls->left / width;

        if (part == 0) {
            return 0;
        }

        if (part > n) {
            part = n;
        }

        from = out->len;

        if (!xls->biff8) {
            assess_charset_decode(xls->charset, xls->p, part, out);

        } else if (wide) {
            assess_charset_decode(ASSESS_CHARSET_UTF16_LE, xls->p, part * 2,
                                  out);

        } else {
            for (i = 0; i < part; i++) {
                assess_charset_put(out, (unsigned char) xls->p[i]);
            }
        }

        for (i = from; i < out->len; i++) {
            if ((unsigned char) out->data[i] < 0x20) {
                out->data[i] = ' ';
            }
        }

        xls->p += part * width;
        xls->left -= part * width;
        n -= part;
    }

    return 1;
}
