
/*
 * The cells of a workbook, whichever format it has: their place in a row, the
 * strings that they share, and numbers as they are shown, as far as that is a
 * matter of dates and percents.
 */

#ifndef ASSESS_CELLS_H
#define ASSESS_CELLS_H


#include "assess_flow.h"


#define ASSESS_CELL_SHEETS   1000       /* more of a workbook are not read */
#define ASSESS_CELL_FORMATS  65536      /* numbers of them are less */
#define ASSESS_CELL_BUILTIN  164        /* those below are known */


typedef enum {
    ASSESS_CELL_PLAIN = 0,
    ASSESS_CELL_PERCENT,
    ASSESS_CELL_DATE,
    ASSESS_CELL_TIME,
    ASSESS_CELL_MOMENT,                 /* a date and a time */
    ASSESS_CELL_SPAN                    /* hours, also more than a day */
} assess_cell_format_e;


/* Zero it; to be freed whatever comes of it. */
typedef struct {
    assess_buf_t  text;                 /* of all of them, UTF-8 */
    assess_buf_t  ends;                 /* size_t of each: where it ends */
} assess_cell_strings_t;


/* What the code of a number format makes of a number. */
assess_cell_format_e assess_cell_format(const char *code);

/* The same of a format that has no code in the file. */
assess_cell_format_e assess_cell_builtin(int id);

/*
 * A cell begins, in this column of the row, from 0, or with -1 in the next one;
 * next is which that is.  Of many empty ones in between some are told.
 */
void assess_cell_begin(assess_flow_t *flow, int *next, int column);

/* from_1904: whether day 0 is the first one of 1904. */
void assess_cell_number(assess_flow_t *flow, assess_cell_format_e format,
    int from_1904, double value);

/* What was added to the text is one string. */
void assess_cell_string_end(assess_cell_strings_t *strings);

/* The string of this number, if there is one. */
void assess_cell_string(assess_flow_t *flow,
    const assess_cell_strings_t *strings, size_t i);

void assess_cell_strings_free(assess_cell_strings_t *strings);


#endif /* ASSESS_CELLS_H */
