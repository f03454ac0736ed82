
/* Lines of jobs: how they are written, and read again. */

#include "assess_job_int.h"
#include "assess_log_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* rows that one look deletes */
#define ASSESS_LOG_FORGET  512


static const char *const  assess_level_names[] = { "info", "warn", "error" };


const char *
assess_level_name(assess_level_e level)
{
    return assess_level_names[level];
}


void
assess_log_vput(assess_buf_t *text, assess_level_e level, const char *fmt,
    va_list args)
{
    char    message[ASSESS_LOG_LINE];
    size_t  i;

    (void) vsnprintf(message, sizeof(message), fmt, args);

    for (i = 0; message[i]; i++) {
        if ((unsigned char) message[i] < 0x20 || message[i] == 0x7f) {
            message[i] = ' ';
        }
    }

    assess_buf_int(text, assess_mono_ms());
    assess_buf_char(text, ' ');
    assess_buf_str(text, assess_level_names[level]);
    assess_buf_char(text, ' ');
    assess_buf_add(text, message, i);
    assess_buf_char(text, '\n');
}


void
assess_log_put(assess_buf_t *text, assess_level_e level, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    assess_log_vput(text, level, fmt, args);
    va_end(args);
}


/*
 * What the clock of this process shows goes along, so that the times become
 * those of the database.
 */

assess_err_e
assess_log_save(assess_conn_t *conn, const assess_log_of_t *of, size_t n,
    assess_err_t *err)
{
    size_t         i;
    assess_str_t   text;
    assess_buf_t   ids, texts;
    assess_args_t  args;

    static const char  sql[] =
        "insert into assess.job_lines (job_id, clock, lines)"
        " select a.job_id, $1::bigint, a.lines"
        " from unnest($2::uuid[], $3::text[]) as a (job_id, lines)";

    memset(&ids, 0, sizeof(assess_buf_t));
    memset(&texts, 0, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {

        /* without the last end of line */

        text = *of[i].text;
        text.len--;

        assess_array_id(&ids, of[i].job_id);
        assess_array_add(&texts, &text);
    }

    assess_args_init(&args);
    assess_arg_int(&args, assess_mono_ms());
    assess_arg_array(&args, &ids);
    assess_arg_array(&args, &texts);

    return assess_db_later(conn, sql, &args, err);
}


assess_err_e
assess_log_say(assess_conn_t *conn, const char *job_id,
    assess_level_e level, const char *text, assess_err_t *err)
{
    assess_buf_t     line;
    assess_str_t     str;
    assess_err_e     rc;
    assess_log_of_t  of;

    memset(&line, 0, sizeof(assess_buf_t));
    assess_log_put(&line, level, "%s", text);

    if (line.failed) {
        assess_buf_free(&line);
        return assess_db_no_memory(err);
    }

    str.data = line.data;
    str.len = line.len;
    of.job_id = job_id;
    of.text = &str;

    rc = assess_log_save(conn, &of, 1, err);

    assess_buf_free(&line);

    return rc;
}


/* A page as it is being filled, from one place on */

typedef struct {
    assess_arena_t     *arena;
    assess_log_line_t  *lines;
    size_t              n;
    size_t              max;
    int64_t             row;           /* where it goes on: the row, */
    int64_t             skip;          /* and so many lines of it are told */
    int                 more;
} assess_log_page_t;


static assess_level_e
assess_level_by_name(const char *name, size_t len)
{
    size_t  i;

    for (i = 0; i < sizeof(assess_level_names) / sizeof(char *); i++) {
        if (strlen(assess_level_names[i]) == len
            && memcmp(assess_level_names[i], name, len) == 0)
        {
            return (assess_level_e) i;
        }
    }

    return ASSESS_LEVEL_INFO;
}


/* One line of a row: "when level message".  age is what is to be added. */

static int
assess_log_split(assess_arena_t *arena, const char *p, const char *last,
    int64_t age, assess_log_line_t *line)
{
    char        *end;
    const char  *level;

    line->time = strtoll(p, &end, 10) + age;

    level = end < last && *end == ' ' ? end + 1 : last;
    p = memchr(level, ' ', (size_t) (last - level));

    if (p == NULL) {
        p = last;
        line->level = ASSESS_LEVEL_INFO;

    } else {
        line->level = assess_level_by_name(level, (size_t) (p - level));
        p++;
    }

    return assess_pstrdup(arena, &line->message, p, (size_t) (last - p));
}


/* Columns: line_id, when it was written (ms), clock, lines */

static assess_err_e
assess_log_row(assess_log_page_t *page, const PGresult *res, int row,
    assess_err_t *err)
{
    int64_t      i, id, age;
    const char  *p, *end, *last;

    id = assess_col_int(res, row, 0);
    age = assess_col_int(res, row, 1) - assess_col_int(res, row, 2);

    p = PQgetvalue(res, row, 3);
    last = p + PQgetlength(res, row, 3);

    for (i = 0; p <= last; i++, p = end + 1) {

        end = memchr(p, '\n', (size_t) (last - p));
        if (end == NULL) {
            end = last;
        }

        if (id == page->row && i < page->skip) {
            continue;
        }

        if (page->n == page->max) {
            page->more = 1;
            return ASSESS_OK;
        }

        if (assess_log_split(page->arena, p, end, age,
                             &page->lines[page->n++]) != 0)
        {
            return assess_db_no_memory(err);
        }

        page->row = id;
        page->skip = i + 1;
    }

    return ASSESS_OK;
}


/* The first line of all, which no row has */

static assess_err_e
assess_log_queued(assess_log_page_t *page, const assess_job_t *job,
    assess_err_t *err)
{
    char                text[64];
    assess_log_line_t  *line;

    if (page->row || page->skip) {
        return ASSESS_OK;
    }

    (void) snprintf(text, sizeof(text), "queued with priority %d",
                    job->priority);

    line = &page->lines[page->n++];
    line->time = job->created_at;
    line->level = ASSESS_LEVEL_INFO;
    page->skip = 1;

    return assess_pstrdup(page->arena, &line->message, text, strlen(text))
           == 0 ? ASSESS_OK : assess_db_no_memory(err);
}


static assess_err_e
assess_log_rows(assess_conn_t *conn, assess_log_page_t *page,
    const assess_job_t *job, assess_err_t *err)
{
    int            i;
    PGresult      *res;
    assess_err_e   rc;
    assess_args_t  args;

    static const char  sql[] =
        "select l.line_id, assess.ms(l.written_at), l.clock, l.lines"
        " from assess.assessment_jobs j join assess.job_lines l"
        " on l.job_id = j.job_id where j.tenant = $1 and j.job_id = $2"
        " and l.line_id >= $3::bigint order by l.line_id limit $4::int";

    assess_args_init(&args);
    assess_arg_text(&args, &job->tenant);
    assess_arg_id(&args, job->job_id);
    assess_arg_int(&args, page->row);

    /* each has a line; the first may be told; one more says that there are */

    assess_arg_int(&args, (int64_t) page->max + 2);

    res = assess_db_exec(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = ASSESS_OK;

    for (i = 0; i < PQntuples(res) && rc == ASSESS_OK && !page->more; i++) {
        rc = assess_log_row(page, res, i, err);
    }

    PQclear(res);

    return rc;
}


/* A cursor is the row and the lines of it that were told, and names its job */

static assess_err_e
assess_log_from(assess_log_page_t *page, const assess_paging_t *paging,
    const char *job_id, assess_err_t *err)
{
    char     id[ASSESS_UUID_LEN + 1];
    int64_t  at;

    if (paging->cursor.data == NULL) {
        return ASSESS_OK;
    }

    if (assess_cursor_read(&paging->cursor, &at, id, err) != ASSESS_OK) {
        return err->kind;
    }

    if (strcmp(id, job_id) != 0) {
        (void) assess_fail(err, ASSESS_INVALID, NULL,
                           "the cursor was not given out by this list");
        (void) snprintf(err->pointer, sizeof(err->pointer), "cursor");
        return err->kind;
    }

    page->row = at / ASSESS_LOG_ROW;
    page->skip = at % ASSESS_LOG_ROW;

    return ASSESS_OK;
}


assess_err_e
assess_log_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *job_id,
    const assess_paging_t *paging, assess_log_line_t **lines, size_t *n,
    assess_str_t *next, assess_str_t *from, assess_err_t *err)
{
    assess_job_t        job;
    assess_err_e        rc;
    assess_conn_t      *conn;
    assess_log_page_t   page;

    memset(&page, 0, sizeof(assess_log_page_t));
    memset(next, 0, sizeof(assess_str_t));
    memset(from, 0, sizeof(assess_str_t));
    *n = 0;

    page.arena = arena;
    page.max = (size_t) paging->limit;
    page.lines = assess_palloc(arena, (page.max + 1)
                                      * sizeof(assess_log_line_t));

    if (page.lines == NULL) {
        return assess_db_no_memory(err);
    }

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_log_from(&page, paging, job_id, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    rc = assess_job_find(conn, arena, &scope->tenant, job_id, &job, err);

    if (rc == ASSESS_OK) {
        rc = assess_log_queued(&page, &job, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_log_rows(conn, &page, &job, err);
    }

    assess_db_release(conn);

    if (rc == ASSESS_OK
        && assess_cursor_write(arena, from,
                               page.row * ASSESS_LOG_ROW + page.skip,
                               job_id) != 0)
    {
        return assess_db_no_memory(err);
    }

    if (rc == ASSESS_OK) {
        *lines = page.lines;
        *n = page.n;

        if (page.more) {
            *next = *from;
        }
    }

    return rc;
}


void
assess_log_json(assess_buf_t *b, const assess_log_line_t *line)
{
    assess_buf_str(b, "{\"timestamp\":");
    assess_buf_json_time(b, line->time);
    assess_buf_printf(b, ",\"level\":\"%s\",\"message\":",
                      assess_level_names[line->level]);
    assess_buf_json_str(b, &line->message);
    assess_buf_char(b, '}');
}


/* Rows are numbered as they are written: the first ones are the oldest */

assess_err_e
assess_log_forget(assess_db_t *db, int64_t age_ms, int64_t *n,
    assess_err_t *err)
{
    assess_args_t   args;
    assess_err_e    rc;
    assess_conn_t  *conn;

    static const char  sql[] =
        "with old as materialized (select o.line_id from (select line_id,"
        " written_at from assess.job_lines order by line_id limit $2::int) o"
        " where o.written_at < now() - $1::bigint * interval '1 millisecond')"
        " delete from assess.job_lines where line_id in (select l.line_id"
        " from assess.job_lines l where l.line_id in (select line_id from old)"
        " for update skip locked)";

    *n = 0;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_int(&args, age_ms);
    assess_arg_int(&args, ASSESS_LOG_FORGET);

    rc = assess_db_run(conn, sql, &args, n, err);
    assess_db_release(conn);

    return rc;
}
