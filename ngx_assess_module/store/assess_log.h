
/*
 * Lines of jobs: what happened to one, for people.  They are written with the
 * step that they belong to, and say nothing of what stands in a document.
 */

#ifndef ASSESS_LOG_H
#define ASSESS_LOG_H


#include "assess_db.h"


/* of one row; a cursor counts so far in it */
#define ASSESS_LOG_ROW  1024

#define ASSESS_LOG_LINE   400          /* bytes of one */

#define assess_plural(n)  ((n) == 1 ? "" : "s")


typedef enum {
    ASSESS_LEVEL_INFO = 0,
    ASSESS_LEVEL_WARN,
    ASSESS_LEVEL_ERROR
} assess_level_e;


typedef struct {
    int64_t          time;             /* ms, by the database's clock */
    assess_level_e   level;
    assess_str_t     message;
} assess_log_line_t;


const char *assess_level_name(assess_level_e level);

/*
 * Adds one to the text of a write, whose lines end with an end of line each; it
 * is said now.  Controls become spaces, and what is too long is cut.
 */
void assess_log_put(assess_buf_t *text, assess_level_e level,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void assess_log_vput(assess_buf_t *text, assess_level_e level,
    const char *fmt, va_list args);

/*
 * Those of a job, oldest first.  The first one, that it was queued, is told of
 * the job itself.  next is where the list goes on, or null; from is where it
 * went on if more was written.  ASSESS_NOT_FOUND without the job.
 */
assess_err_e assess_log_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *job_id,
    const assess_paging_t *paging, assess_log_line_t **lines, size_t *n,
    assess_str_t *next, assess_str_t *from, assess_err_t *err);

/* {"timestamp","level","message"} */
void assess_log_json(assess_buf_t *b, const assess_log_line_t *line);

/* Deletes rows that are older than age_ms, some of them; n is how many. */
assess_err_e assess_log_forget(assess_db_t *db, int64_t age_ms, int64_t *n,
    assess_err_t *err);


#endif /* ASSESS_LOG_H */
