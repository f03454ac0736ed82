
/*
 * DrawingML (ECMA-376 part 1, 21): the words of shapes, diagrams and charts.
 * Of a chart these are its titles, and of each row of numbers its name, what
 * the numbers stand for, and the numbers.
 */

#include "assess_office.h"

#include <string.h>


typedef struct {
    assess_flow_t  *flow;
    int             in_text;            /* within t, or v of a chart */
    int             skip;               /* depth within what is not read */
    int             chart;              /* depth within a row of numbers */
} assess_drawing_t;


/* Of what is told twice the first is read; its number a page has by itself */

static int
assess_drawing_skipped(assess_xml_t *xml, const char *name)
{
    char  type[16];

    if (strcmp(name, "fld") == 0) {
        (void) assess_xml_value(xml, "type", type, sizeof(type));
        return strcmp(type, "slidenum") == 0;
    }

    return strcmp(name, "Fallback") == 0;
}


static void
assess_drawing_start(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_drawing_t *drawing = ctx;

    if (drawing->skip || assess_drawing_skipped(xml, name)) {
        drawing->skip++;
        return;
    }

    if (strcmp(name, "t") == 0 || (drawing->chart && strcmp(name, "v") == 0)) {
        drawing->in_text = 1;

    } else if (strcmp(name, "ser") == 0) {
        drawing->chart++;
        assess_flow_blank(drawing->flow);

    } else if (strcmp(name, "br") == 0) {
        assess_flow_end(drawing->flow);

    } else if (strcmp(name, "tr") == 0) {
        assess_flow_row(drawing->flow);

    } else if (strcmp(name, "tc") == 0) {
        assess_flow_cell(drawing->flow);

    } else if (strcmp(name, "txBody") == 0 || strcmp(name, "tbl") == 0) {
        assess_flow_blank(drawing->flow);
    }
}


static void
assess_drawing_end(void *ctx, const char *name)
{
    assess_drawing_t *drawing = ctx;

    if (drawing->skip) {
        drawing->skip--;
        return;
    }

    if (strcmp(name, "t") == 0) {
        drawing->in_text = 0;

    } else if (strcmp(name, "p") == 0) {
        assess_flow_end(drawing->flow);

    } else if (strcmp(name, "tr") == 0) {
        assess_flow_row_end(drawing->flow);

    } else if (drawing->chart == 0) {
        return;

    } else if (strcmp(name, "v") == 0) {
        drawing->in_text = 0;
        assess_flow_str(drawing->flow, " ");

    } else if (strcmp(name, "ser") == 0) {
        drawing->chart--;
        assess_flow_end(drawing->flow);

    } else if (strcmp(name, "tx") == 0 || strcmp(name, "cat") == 0
               || strcmp(name, "val") == 0)
    {
        assess_flow_end(drawing->flow);
    }
}


static void
assess_drawing_text(void *ctx, const char *text, size_t len)
{
    assess_drawing_t *drawing = ctx;

    if (drawing->in_text && !drawing->skip) {
        assess_flow_text(drawing->flow, text, len);
    }
}


assess_why_e
assess_drawing_read(assess_zip_t *zip, int part, assess_flow_t *flow)
{
    assess_drawing_t  drawing;

    static const assess_xml_calls_t  calls = {
        assess_drawing_start, assess_drawing_end, assess_drawing_text
    };

    memset(&drawing, 0, sizeof(assess_drawing_t));
    drawing.flow = flow;

    return assess_xml_part(zip, part, &calls, &drawing);
}
