
#include "assess_flow.h"

#include <string.h>


/* so much of a line is kept before it is sent */
#define ASSESS_FLOW_LINE  65536


static void
assess_flow_send(assess_flow_t *flow)
{
    assess_buf_t  *line;

    line = &flow->line;

    if (line->failed) {
        assess_out_fail(flow->out, ASSESS_WHY_MEMORY);
    }

    if (line->len == 0) {
        return;
    }

    if (flow->blank && flow->text) {
        assess_out_text(flow->out, "\n", 1);
    }

    assess_out_text(flow->out, line->data, line->len);

    flow->blank = 0;
    flow->text = 1;
    assess_buf_reset(line);
}


/* A byte of white space, and the no-break space, which nobody searches for */

static size_t
assess_flow_white(const char *p, const char *end)
{
    if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') {
        return 1;
    }

    return end - p >= 2 && memcmp(p, "\xc2\xa0", 2) == 0 ? 2 : 0;
}


void
assess_flow_text(assess_flow_t *flow, const char *text, size_t len)
{
    size_t       white;
    const char  *p, *end, *word;

    p = text;
    end = text + len;

    while (p < end) {

        white = assess_flow_white(p, end);

        if (white) {
            flow->space = flow->line.len != 0;
            p += white;
            continue;
        }

        for (word = p; p < end && !assess_flow_white(p, end); p++) {
            /* void */
        }

        if (flow->space) {
            assess_buf_char(&flow->line, ' ');
            flow->space = 0;
        }

        assess_buf_add(&flow->line, word, (size_t) (p - word));

        if (flow->line.len > ASSESS_FLOW_LINE) {
            assess_flow_send(flow);
        }
    }
}


void
assess_flow_str(assess_flow_t *flow, const char *cstr)
{
    assess_flow_text(flow, cstr, strlen(cstr));
}


void
assess_flow_end(assess_flow_t *flow)
{
    if (flow->rows) {
        flow->space = flow->line.len != 0;
        return;
    }

    flow->space = 0;

    if (flow->line.len) {
        assess_buf_char(&flow->line, '\n');
        assess_flow_send(flow);
    }
}


void
assess_flow_blank(assess_flow_t *flow)
{
    if (flow->rows == 0) {
        assess_flow_end(flow);
        flow->blank = 1;
    }
}


void
assess_flow_row(assess_flow_t *flow)
{
    if (flow->rows == 0) {
        assess_flow_end(flow);
        flow->cells = 0;
    }

    flow->rows++;
}


void
assess_flow_cell(assess_flow_t *flow)
{
    if (flow->rows != 1) {
        flow->space = flow->line.len != 0;
        return;
    }

    if (flow->cells++) {
        assess_buf_str(&flow->line, flow->line.len ? " |" : "|");
        flow->space = 1;
    }
}


/* Empty cells at its end are none, and so is a row of them */

void
assess_flow_row_end(assess_flow_t *flow)
{
    assess_buf_t  *line;

    if (flow->rows == 0 || --flow->rows) {
        return;
    }

    line = &flow->line;

    while (line->len >= 2 && memcmp(line->data + line->len - 2, " |", 2) == 0) {
        line->len -= 2;
    }

    if (line->len == 1 && line->data[0] == '|') {
        line->len = 0;
    }

    assess_flow_end(flow);
}


void
assess_flow_page(assess_flow_t *flow)
{
    flow->rows = 0;
    assess_flow_end(flow);
    assess_out_page(flow->out);

    flow->blank = 0;
    flow->text = 0;
}


void
assess_flow_last(assess_flow_t *flow)
{
    flow->rows = 0;
    assess_flow_end(flow);

    if (flow->text || flow->out->page == 0) {
        assess_flow_page(flow);
    }

    assess_buf_free(&flow->line);
}
