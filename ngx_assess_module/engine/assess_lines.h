
/*
 * What a run tells of its job, line by line, until it goes to the store with a
 * step.  Of the job's own thread.
 */

#ifndef ASSESS_LINES_H
#define ASSESS_LINES_H


#include "../store/assess_log.h"


/*
 * A run says so many lines as they come.  Of those behind them so many, the
 * last ones, are told with its end, and the others are only counted.
 */
#define ASSESS_LINES_FIRST  500
#define ASSESS_LINES_LAST   100

/* The same of a job that was claimed again and again, a run */
#define ASSESS_LINES_CLAIMS  8
#define ASSESS_LINES_FEW     4

/* Behind so many claims nothing is told but how it ends */
#define ASSESS_LINES_NO_MORE  1000


typedef struct {
    assess_buf_t   text;             /* to be written, whole lines */
    size_t         first;            /* that may still be said at once */
    size_t         last;             /* room for those that are held back */
    assess_buf_t  *held;             /* a ring, made when it is needed */
    size_t         nheld;            /* that were put in there */
    size_t         lost;             /* for want of memory */
} assess_lines_t;


/* fence: of the claim, which counts them. */
void assess_lines_init(assess_lines_t *lines, int64_t fence);
void assess_lines_free(assess_lines_t *lines);

/* A line more.  It is no reason for a job to fail. */
void assess_lines_add(assess_lines_t *lines, assess_level_e level,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The run ends: what was held back is told, and how much was left out. */
void assess_lines_close(assess_lines_t *lines);

/* The first bytes of the text are written. */
void assess_lines_written(assess_lines_t *lines, size_t len);


#endif /* ASSESS_LINES_H */
