
/*
 * Workbooks (SpreadsheetML, ECMA-376 part 1, 18): a sheet is a page that begins
 * with its name, a row a line.
 */

#include "assess_cells.h"
#include "assess_office.h"

#include <stdlib.h>
#include <string.h>


#define ASSESS_SHEETS_NAME    128       /* of a sheet or a relation, a NUL */
#define ASSESS_SHEETS_STYLES  65536     /* Excel has no more */


typedef struct {
    char  name[ASSESS_SHEETS_NAME];
    char  id[ASSESS_SHEETS_NAME];
} assess_sheet_t;


typedef struct {
    assess_zip_t           *zip;
    assess_flow_t           flow;

    assess_sheet_t         *sheets;
    int                     nsheets;
    int                     from_1904;

    assess_cell_strings_t   strings;    /* all that are shared */

    unsigned char          *formats;    /* of each number format */
    unsigned char          *styles;     /* the format of each cell style */
    int                     nstyles;
    int                     in_styles;  /* within cellXfs */

    /* the cell under way */
    assess_buf_t            value;
    int                     taking;     /* within v or t */
    int                     skip;       /* within what says how it sounds */
    char                    type[16];
    int                     style;
    int                     column;     /* the next one of the row, from 0 */
} assess_sheets_t;


static void
assess_sheets_workbook(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_sheets_t *s = ctx;

    char             value[8];
    assess_sheet_t  *sheet;

    if (strcmp(name, "workbookPr") == 0) {
        (void) assess_xml_value(xml, "date1904", value, sizeof(value));
        s->from_1904 = value[0] == '1' || value[0] == 't';
        return;
    }

    if (strcmp(name, "sheet") != 0 || s->nsheets == ASSESS_CELL_SHEETS) {
        return;
    }

    sheet = &s->sheets[s->nsheets++];

    (void) assess_xml_value(xml, "name", sheet->name, sizeof(sheet->name));
    (void) assess_xml_value_of(xml, "relationships", "id", sheet->id,
                               sizeof(sheet->id));
}


/* What is said of how a text sounds is no part of it */

static void
assess_sheets_string_start(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_sheets_t *s = ctx;

    (void) xml;

    if (s->skip || strcmp(name, "rPh") == 0) {
        s->skip++;

    } else if (strcmp(name, "t") == 0) {
        s->taking = 1;
    }
}


static void
assess_sheets_string_end(void *ctx, const char *name)
{
    assess_sheets_t *s = ctx;

    if (s->skip) {
        s->skip--;

    } else if (strcmp(name, "t") == 0) {
        s->taking = 0;

    } else if (strcmp(name, "si") == 0) {
        assess_cell_string_end(&s->strings);
    }
}


static void
assess_sheets_string_text(void *ctx, const char *text, size_t len)
{
    assess_sheets_t *s = ctx;

    if (s->taking) {
        assess_buf_add(&s->strings.text, text, len);
    }
}


static int
assess_sheets_number(assess_xml_t *xml, const char *name)
{
    char  value[16];

    (void) assess_xml_value(xml, name, value, sizeof(value));

    return (int) strtol(value, NULL, 10);
}


static void
assess_sheets_style_start(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_sheets_t *s = ctx;

    int   id;
    char  code[256];

    if (strcmp(name, "numFmt") == 0) {

        id = assess_sheets_number(xml, "numFmtId");
        (void) assess_xml_value(xml, "formatCode", code, sizeof(code));

        if (id >= 0 && id < ASSESS_CELL_FORMATS) {
            s->formats[id] = (unsigned char) assess_cell_format(code);
        }

    } else if (strcmp(name, "cellXfs") == 0) {
        s->in_styles = 1;

    } else if (s->in_styles && strcmp(name, "xf") == 0
               && s->nstyles < ASSESS_SHEETS_STYLES)
    {
        id = assess_sheets_number(xml, "numFmtId");

        s->styles[s->nstyles++] = id >= 0 && id < ASSESS_CELL_FORMATS
                                  ? s->formats[id] : 0;
    }
}


static void
assess_sheets_style_end(void *ctx, const char *name)
{
    assess_sheets_t *s = ctx;

    if (strcmp(name, "cellXfs") == 0) {
        s->in_styles = 0;
    }
}


/* The column of "BC12"; -1 where it is not said */

static int
assess_sheets_column(assess_xml_t *xml)
{
    int   n, i;
    char  ref[16];

    if (!assess_xml_value(xml, "r", ref, sizeof(ref))) {
        return -1;
    }

    for (i = 0, n = 0; i < 3 && ref[i] >= 'A' && ref[i] <= 'Z'; i++) {
        n = n * 26 + ref[i] - 'A' + 1;
    }

    return n - 1;
}


static void
assess_sheets_cell_start(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_sheets_t *s = ctx;

    if (s->skip || strcmp(name, "rPh") == 0) {
        s->skip++;
        return;
    }

    if (strcmp(name, "row") == 0) {
        assess_flow_row(&s->flow);
        s->column = 0;

    } else if (strcmp(name, "c") == 0) {
        assess_cell_begin(&s->flow, &s->column, assess_sheets_column(xml));

        (void) assess_xml_value(xml, "t", s->type, sizeof(s->type));
        s->style = assess_sheets_number(xml, "s");
        assess_buf_reset(&s->value);

    } else if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0) {
        s->taking = 1;
    }
}


static void
assess_sheets_cell_text(void *ctx, const char *text, size_t len)
{
    assess_sheets_t *s = ctx;

    if (s->taking && !s->skip) {
        assess_buf_add(&s->value, text, len);
    }
}


static void
assess_sheets_value(assess_sheets_t *s)
{
    char                  *end;
    double                 value;
    assess_cell_format_e   format;

    value = strtod(s->value.data, &end);

    if (*end != '\0') {
        assess_flow_text(&s->flow, s->value.data, s->value.len);
        return;
    }

    format = s->style >= 0 && s->style < s->nstyles
             ? (assess_cell_format_e) s->styles[s->style] : ASSESS_CELL_PLAIN;

    assess_cell_number(&s->flow, format, s->from_1904, value);
}


static void
assess_sheets_shared(assess_sheets_t *s)
{
    char    *end;
    size_t   i;

    i = strtoul(s->value.data, &end, 10);

    if (*end == '\0') {
        assess_cell_string(&s->flow, &s->strings, i);
    }
}


static void
assess_sheets_cell_end(void *ctx, const char *name)
{
    assess_sheets_t *s = ctx;

    if (s->skip) {
        s->skip--;
        return;
    }

    if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0) {
        s->taking = 0;

    } else if (strcmp(name, "row") == 0) {
        assess_flow_row_end(&s->flow);

    } else if (strcmp(name, "c") == 0 && s->value.len) {

        if (strcmp(s->type, "s") == 0) {
            assess_sheets_shared(s);

        } else if (strcmp(s->type, "b") == 0) {
            assess_flow_str(&s->flow, s->value.data[0] == '1' ? "TRUE"
                                                               : "FALSE");

        } else if (s->type[0] == '\0' || strcmp(s->type, "n") == 0) {
            assess_sheets_value(s);

        } else {
            assess_flow_text(&s->flow, s->value.data, s->value.len);
        }
    }
}


static assess_why_e
assess_sheets_drawn(void *ctx, int part)
{
    assess_sheets_t *s = ctx;

    assess_flow_blank(&s->flow);

    return assess_drawing_read(s->zip, part, &s->flow);
}


/* The cells of a sheet, and what is written in the shapes on it */

static assess_why_e
assess_sheets_one(assess_zip_t *zip, const char *main,
    const assess_sheet_t *sheet, assess_sheets_t *s)
{
    int           part;
    char          name[ASSESS_OFFICE_NAME];
    assess_why_e  why;

    static const assess_xml_calls_t  cells = {
        assess_sheets_cell_start, assess_sheets_cell_end,
        assess_sheets_cell_text
    };

    part = assess_office_related(zip, main, sheet->id, NULL, name);

    if (part == -1) {
        return ASSESS_WHY_DAMAGED;
    }

    assess_flow_str(&s->flow, sheet->name);
    assess_flow_blank(&s->flow);

    why = assess_xml_part(zip, part, &cells, s);

    if (why == ASSESS_WHY_NONE && s->value.failed) {
        why = ASSESS_WHY_MEMORY;
    }

    if (why == ASSESS_WHY_NONE) {
        why = assess_office_each(zip, name, "/drawing", assess_sheets_drawn,
                                 s);
    }

    if (why == ASSESS_WHY_NONE) {
        assess_flow_page(&s->flow);
    }

    return why;
}


/* The parts that all sheets refer to; a workbook may be without them */

static assess_why_e
assess_sheets_common(assess_zip_t *zip, const char *main, assess_sheets_t *s)
{
    int           part;
    char          name[ASSESS_OFFICE_NAME];
    assess_why_e  why;

    static const assess_xml_calls_t  strings = {
        assess_sheets_string_start, assess_sheets_string_end,
        assess_sheets_string_text
    };
    static const assess_xml_calls_t  styles = {
        .start = assess_sheets_style_start,
        .end = assess_sheets_style_end
    };

    why = ASSESS_WHY_NONE;

    part = assess_office_related(zip, main, NULL, "/sharedStrings", name);

    if (part != -1) {
        why = assess_xml_part(zip, part, &strings, s);
        s->taking = s->skip = 0;
    }

    part = assess_office_related(zip, main, NULL, "/styles", name);

    if (part != -1 && why == ASSESS_WHY_NONE) {
        why = assess_xml_part(zip, part, &styles, s);
    }

    return why == ASSESS_WHY_NONE
           && (s->strings.text.failed || s->strings.ends.failed)
           ? ASSESS_WHY_MEMORY : why;
}


/* A mail may have many of them. */

static void
assess_sheets_free(assess_sheets_t *s)
{
    free(s->sheets);
    free(s->formats);
    free(s->styles);
    assess_cell_strings_free(&s->strings);
    assess_buf_free(&s->value);
}


assess_why_e
assess_sheets_read(assess_zip_t *zip, assess_out_t *out)
{
    int              i, part;
    char             name[ASSESS_OFFICE_NAME];
    assess_why_e     why;
    assess_sheets_t  s;

    static const assess_xml_calls_t  workbook = {
        .start = assess_sheets_workbook
    };

    memset(&s, 0, sizeof(assess_sheets_t));
    s.zip = zip;
    s.flow.out = out;

    s.sheets = calloc(ASSESS_CELL_SHEETS, sizeof(assess_sheet_t));
    s.formats = calloc(ASSESS_CELL_FORMATS, 1);
    s.styles = calloc(ASSESS_SHEETS_STYLES, 1);

    if (s.sheets == NULL || s.formats == NULL || s.styles == NULL) {
        assess_sheets_free(&s);
        return ASSESS_WHY_MEMORY;
    }

    for (i = 0; i < ASSESS_CELL_BUILTIN; i++) {
        s.formats[i] = (unsigned char) assess_cell_builtin(i);
    }

    part = assess_office_related(zip, "", NULL, "/officeDocument", name);
    why = assess_xml_part(zip, part, &workbook, &s);

    if (why == ASSESS_WHY_NONE) {
        why = assess_sheets_common(zip, name, &s);
    }

    for (i = 0; i < s.nsheets && why == ASSESS_WHY_NONE; i++) {
        why = assess_sheets_one(zip, name, &s.sheets[i], &s);
    }

    if (why == ASSESS_WHY_NONE) {
        assess_flow_last(&s.flow);
    }

    assess_sheets_free(&s);

    return why;
}
