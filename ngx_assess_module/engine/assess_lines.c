
#include "assess_lines.h"

#include <stdlib.h>
#include <string.h>


static void assess_lines_hold(assess_lines_t *lines, assess_level_e level,
    const char *fmt, va_list args);


void
assess_lines_init(assess_lines_t *lines, int64_t fence)
{
    memset(lines, 0, sizeof(assess_lines_t));

    if (fence <= ASSESS_LINES_CLAIMS) {
        lines->first = ASSESS_LINES_FIRST;
        lines->last = ASSESS_LINES_LAST;

    } else if (fence <= ASSESS_LINES_NO_MORE) {
        lines->first = ASSESS_LINES_FEW;
        lines->last = ASSESS_LINES_FEW;

    } else {
        lines->last = 1;
    }
}


void
assess_lines_free(assess_lines_t *lines)
{
    size_t  i;

    assess_buf_free(&lines->text);

    for (i = 0; lines->held && i < lines->last; i++) {
        assess_buf_free(&lines->held[i]);
    }

    free(lines->held);
    lines->held = NULL;
}


/* A buffer that failed is empty again: what was in there is lost */

static void
assess_lines_mend(assess_lines_t *lines, assess_buf_t *b)
{
    if (b->failed) {
        assess_buf_free(b);
        lines->lost++;
    }
}


void
assess_lines_add(assess_lines_t *lines, assess_level_e level, const char *fmt,
    ...)
{
    va_list  args;

    va_start(args, fmt);

    if (lines->first) {
        lines->first--;
        assess_log_vput(&lines->text, level, fmt, args);
        assess_lines_mend(lines, &lines->text);

    } else {
        assess_lines_hold(lines, level, fmt, args);
    }

    va_end(args);
}


static void
assess_lines_hold(assess_lines_t *lines, assess_level_e level, const char *fmt,
    va_list args)
{
    assess_buf_t  *b;

    if (lines->held == NULL) {

        lines->held = calloc(lines->last, sizeof(assess_buf_t));

        if (lines->held == NULL) {
            lines->lost++;
            return;
        }
    }

    b = &lines->held[lines->nheld++ % lines->last];

    assess_buf_reset(b);
    assess_log_vput(b, level, fmt, args);
    assess_lines_mend(lines, b);
}


void
assess_lines_close(assess_lines_t *lines)
{
    size_t         i, out;
    assess_buf_t  *b;

    out = lines->lost;

    if (lines->nheld > lines->last) {
        out += lines->nheld - lines->last;
    }

    if (out) {
        assess_log_put(&lines->text, ASSESS_LEVEL_INFO,
                        "%zu lines are left out here", out);
    }

    i = lines->nheld > lines->last ? lines->nheld - lines->last : 0;

    for ( /* void */ ; i < lines->nheld; i++) {
        b = &lines->held[i % lines->last];
        assess_buf_add(&lines->text, b->data, b->len);
    }

    lines->nheld = 0;
    lines->lost = 0;
    assess_lines_mend(lines, &lines->text);
}


void
assess_lines_written(assess_lines_t *lines, size_t len)
{
    assess_buf_t  *b;

    b = &lines->text;

    if (len >= b->len) {
        assess_buf_reset(b);
        return;
    }

    memmove(b->data, b->data + len, b->len - len);
    b->len -= len;
    b->data[b->len] = '\0';
}
