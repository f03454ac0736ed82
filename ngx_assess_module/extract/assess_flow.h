
/*
 * Text that flows as in an office document: paragraphs are lines, the cells of
 * a row are apart by a bar, and pages end.
 */

#ifndef ASSESS_FLOW_H
#define ASSESS_FLOW_H


#include "assess_out.h"


/* Zero it, and set out. */
typedef struct {
    assess_out_t  *out;
    assess_buf_t   line;                /* not sent yet */
    int            blank;               /* an empty line is owed */
    int            text;                /* the page has some */
    int            rows;                /* how deep in tables */
    int            cells;               /* of the outer row, so far */
    int            space;               /* one is owed within the line */
} assess_flow_t;


/* Words: white space and line ends in it are one space. */
void assess_flow_text(assess_flow_t *flow, const char *text, size_t len);
void assess_flow_str(assess_flow_t *flow, const char *cstr);

/* The paragraph ends; within a row that is no more than a space. */
void assess_flow_end(assess_flow_t *flow);

/* An empty line before what comes next, as around headings and tables. */
void assess_flow_blank(assess_flow_t *flow);

/* A row begins, a cell of it, and it ends; one within another is text of it. */
void assess_flow_row(assess_flow_t *flow);
void assess_flow_cell(assess_flow_t *flow);
void assess_flow_row_end(assess_flow_t *flow);

/* The page ends, also an empty one. */
void assess_flow_page(assess_flow_t *flow);

/* The last page ends, if it has text or is the only one. */
void assess_flow_last(assess_flow_t *flow);


#endif /* ASSESS_FLOW_H */
