
#include "assess_cells.h"

#include <stdio.h>
#include <string.h>


#define ASSESS_CELL_GAP      50         /* empty cells of a row in between */
#define ASSESS_CELL_CLOCK    40         /* of a time of day, a NUL */
#define ASSESS_CELL_1900     25569      /* days before 1970 of what is 0 */
#define ASSESS_CELL_1904     24107
#define ASSESS_CELL_LAST     2958466    /* the year 9999 ends before it */


static void assess_cell_moment(assess_flow_t *flow,
    assess_cell_format_e format, int from_1904, double value);


/* Whether a bracket is a span of time, as in "[h]:mm"; others are colours. */

static int
assess_cell_span(const char *bracket)
{
    size_t  n;

    n = strspn(bracket + 1, "hHmMsS");

    return n && bracket[n + 1] == ']';
}


/*
 * Letters of dates outside of quotes and brackets, and before the first part
 * for other numbers ends (ECMA-376 part 1, 18.8.30).  An m is a month where
 * there is no time.
 */

assess_cell_format_e
assess_cell_format(const char *code)
{
    int          date, time, month;
    const char  *p;

    date = time = month = 0;

    for (p = code; *p && *p != ';'; p++) {

        switch (*p) {

        case '"':
            for (p++; *p && *p != '"'; p++) { /* void */ }
            break;

        case '[':
            if (assess_cell_span(p)) {
                return ASSESS_CELL_SPAN;
            }

            for (p++; *p && *p != ']'; p++) { /* void */ }
            break;

        case '\\':
        case '_':
        case '*':
            p += p[1] != '\0';
            break;

        case '%':
            return ASSESS_CELL_PERCENT;

        case 'd':
        case 'D':
        case 'y':
        case 'Y':
            date = 1;
            break;

        case 'h':
        case 'H':
        case 's':
        case 'S':
            time = 1;
            break;

        case 'm':
        case 'M':
            month = 1;
            break;

        case 'G':                       /* General */
            return ASSESS_CELL_PLAIN;

        default:
            break;
        }

        if (*p == '\0') {
            break;
        }
    }

    return date && time ? ASSESS_CELL_MOMENT
           : time ? ASSESS_CELL_TIME
           : date || month ? ASSESS_CELL_DATE : ASSESS_CELL_PLAIN;
}


assess_cell_format_e
assess_cell_builtin(int id)
{
    if (id == 9 || id == 10) {
        return ASSESS_CELL_PERCENT;
    }

    if (id == 22) {
        return ASSESS_CELL_MOMENT;
    }

    if (id == 46) {
        return ASSESS_CELL_SPAN;
    }

    if ((id >= 18 && id <= 21) || id == 45 || id == 47) {
        return ASSESS_CELL_TIME;
    }

    return (id >= 14 && id <= 17) || (id >= 27 && id <= 36)
           || (id >= 50 && id <= 58) ? ASSESS_CELL_DATE : ASSESS_CELL_PLAIN;
}


void
assess_cell_begin(assess_flow_t *flow, int *next, int column)
{
    int  gap;

    for (gap = 0; *next < column && gap < ASSESS_CELL_GAP; gap++) {
        assess_flow_cell(flow);
        (*next)++;
    }

    assess_flow_cell(flow);
    *next = (column == -1 ? *next : column) + 1;
}


void
assess_cell_number(assess_flow_t *flow, assess_cell_format_e format,
    int from_1904, double value)
{
    char  text[40];

    if (format >= ASSESS_CELL_DATE && value >= 0 && value < ASSESS_CELL_LAST) {
        assess_cell_moment(flow, format, from_1904, value);
        return;
    }

    (void) snprintf(text, sizeof(text),
                    format == ASSESS_CELL_PERCENT ? "%.15g%%" : "%.15g",
                    format == ASSESS_CELL_PERCENT ? value * 100 : value);
    assess_flow_str(flow, text);
}


/*
 * A day is 1, with 1 for 1900-01-01 and a 29 February 1900 that never was, so
 * that 0 stands for 1899-12-30 from March 1900 on; or with 0 for 1904-01-01.
 */

static void
assess_cell_moment(assess_flow_t *flow, assess_cell_format_e format,
    int from_1904, double value)
{
    unsigned  day, seconds;
    char      date[ASSESS_DATE_LEN + 1], time[ASSESS_CELL_CLOCK];

    day = (unsigned) value;
    seconds = (unsigned) ((value - day) * 86400 + 0.5);

    if (seconds == 86400) {
        seconds = 0;
        day++;
    }

    if (format == ASSESS_CELL_SPAN) {
        (void) snprintf(time, sizeof(time), "%u:%02u:%02u",
                        day * 24 + seconds / 3600, seconds / 60 % 60,
                        seconds % 60);
        assess_flow_str(flow, time);
        return;
    }

    (void) assess_date(date, day + ASSESS_DATE_1970
                             - (from_1904 ? ASSESS_CELL_1904
                                          : ASSESS_CELL_1900));
    (void) snprintf(time, sizeof(time), "%02u:%02u:%02u", seconds / 3600,
                    seconds / 60 % 60, seconds % 60);

    if (format != ASSESS_CELL_TIME || day) {
        assess_flow_str(flow, date);
        assess_flow_str(flow, " ");
    }

    if (format != ASSESS_CELL_DATE || seconds) {
        assess_flow_str(flow, time);
    }
}


void
assess_cell_string_end(assess_cell_strings_t *strings)
{
    assess_buf_add(&strings->ends, &strings->text.len, sizeof(size_t));
}


void
assess_cell_string(assess_flow_t *flow, const assess_cell_strings_t *strings,
    size_t i)
{
    size_t  from, to;

    if (i >= strings->ends.len / sizeof(size_t)) {
        return;
    }

    from = 0;

    if (i) {
        memcpy(&from, strings->ends.data + (i - 1) * sizeof(size_t),
               sizeof(size_t));
    }

    memcpy(&to, strings->ends.data + i * sizeof(size_t), sizeof(size_t));

    if (to > from) {
        assess_flow_text(flow, strings->text.data + from, to - from);
    }
}


void
assess_cell_strings_free(assess_cell_strings_t *strings)
{
    assess_buf_free(&strings->text);
    assess_buf_free(&strings->ends);
}
