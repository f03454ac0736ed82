
#include "ngx_http_assess_journal.h"
#include "ngx_http_assess_thread.h"

#include "engine/assess_trace.h"


/* lines that wait to be written: of some thousand events */
#define NGX_HTTP_ASSESS_JOURNAL_ROOM   (1024 * 1024)

#define NGX_HTTP_ASSESS_JOURNAL_EVERY  50       /* ms; between two writes */
#define NGX_HTTP_ASSESS_JOURNAL_SLEEP  60000    /* ms; somebody wakes it */
#define NGX_HTTP_ASSESS_JOURNAL_SAY    60000    /* ms; what is left out */


typedef struct {
    ngx_http_assess_thread_t   thread;
    pthread_mutex_t            mutex;
    assess_buf_t               lines;           /* under it, ... */
    ngx_uint_t                 nlines;
    uint64_t                   left_out;        /* ... too */

    ngx_atomic_t               on;
    ngx_atomic_t               woken;
    ngx_atomic_t               stale;           /* to be opened again */

    /* the thread's */
    ngx_open_file_t           *file;
    int                        fd;
    uint64_t                   told;            /* of those left out, ... */
    int64_t                    said;            /* ... and when */
    unsigned                   torn:1;          /* a line was cut off */
    unsigned                   failed:1;        /* and that was said */
} ngx_http_assess_journal_t;


static void *ngx_http_assess_journal_run(void *data);
static void ngx_http_assess_journal_open(ngx_http_assess_journal_t *j);
static void ngx_http_assess_journal_flush(ngx_http_assess_journal_t *j);
static uint64_t ngx_http_assess_journal_write(ngx_http_assess_journal_t *j,
    const char *data, size_t len);
static void ngx_http_assess_journal_short(ngx_http_assess_journal_t *j,
    uint64_t left_out);
static const char *ngx_http_assess_journal_event(
    const assess_change_t *change);
static void ngx_http_assess_journal_queued(assess_buf_t *b,
    const assess_job_t *job);
static void ngx_http_assess_journal_line(assess_buf_t *b, const char *event,
    const assess_job_t *job);
static void ngx_http_assess_journal_name(assess_buf_t *b, const char *name,
    const char *value);


static ngx_http_assess_journal_t  ngx_http_assess_journal;


/*
 * nginx closes its descriptor when it opens the file again, at any time for
 * this thread: it writes to one of its own.
 */

ngx_int_t
ngx_http_assess_journal_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf)
{
    ngx_http_assess_journal_t  *j;

    j = &ngx_http_assess_journal;
    ngx_memzero(j, sizeof(ngx_http_assess_journal_t));

    if (mcf->journal == NULL) {
        return NGX_OK;
    }

    j->file = mcf->journal;
    j->fd = fcntl(j->file->fd, F_DUPFD_CLOEXEC, 0);

    if (j->fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "assess log \"%V\" cannot be used", &j->file->name);
        return NGX_ERROR;
    }

    if (pthread_mutex_init(&j->mutex, NULL) != 0
        || ngx_http_assess_thread_start(&j->thread,
                                        ngx_http_assess_journal_run, j)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "assess thread for the log cannot be started");
        return NGX_ERROR;
    }

    j->on = 1;

    return NGX_OK;
}


void
ngx_http_assess_journal_exit(void)
{
    ngx_http_assess_journal_t  *j;

    j = &ngx_http_assess_journal;

    if (!j->on) {
        return;
    }

    ngx_http_assess_thread_stop(&j->thread);

    (void) close(j->fd);
    assess_buf_free(&j->lines);

    j->on = 0;
}


/* also in the master, which has no thread */

void
ngx_http_assess_journal_reopen(ngx_open_file_t *file, ngx_log_t *log)
{
    ngx_http_assess_journal_t  *j;

    j = &ngx_http_assess_journal;

    if (j->on && j->file == file) {
        (void) ngx_atomic_cmp_set(&j->stale, 0, 1);
        ngx_http_assess_thread_wake(&j->thread);
    }
}


void
ngx_http_assess_journal_tell(const assess_change_t **changes, ngx_uint_t n)
{
    ngx_uint_t                  i, some;
    const char                 *event;
    assess_buf_t                lines;
    ngx_http_assess_journal_t  *j;

    j = &ngx_http_assess_journal;

    if (!j->on) {
        return;
    }

    some = 0;
    ngx_memzero(&lines, sizeof(assess_buf_t));

    for (i = 0; i < n; i++) {

        event = ngx_http_assess_journal_event(changes[i]);

        if (changes[i]->at_once) {
            ngx_http_assess_journal_queued(&lines, &changes[i]->job);
            some++;
        }

        if (event) {
            ngx_http_assess_journal_line(&lines, event, &changes[i]->job);
            some++;
        }
    }

    if (some == 0) {
        return;
    }

    (void) pthread_mutex_lock(&j->mutex);

    if (lines.failed || j->lines.failed
        || j->lines.len + lines.len > NGX_HTTP_ASSESS_JOURNAL_ROOM)
    {
        j->left_out += some;

    } else {
        assess_buf_add(&j->lines, lines.data, lines.len);
        j->nlines += some;
    }

    (void) pthread_mutex_unlock(&j->mutex);

    assess_buf_free(&lines);

    /* hundreds of jobs do so, many times a second: most find it done */

    if (j->woken == 0 && ngx_atomic_cmp_set(&j->woken, 0, 1)) {
        ngx_http_assess_thread_wake(&j->thread);
    }
}


/* What is said of it; NULL: nothing, progress is not */

static const char *
ngx_http_assess_journal_event(const assess_change_t *change)
{
    if (change->nevents == 0) {
        return NULL;
    }

    if (change->job.status == ASSESS_PROCESSING) {
        return change->begun ? "started" : NULL;
    }

    return assess_status_name(change->job.status);
}


/* One that never waited was queued all the same, and had no attempt then */

static void
ngx_http_assess_journal_queued(assess_buf_t *b, const assess_job_t *job)
{
    assess_job_t  queued;

    queued = *job;
    queued.status = ASSESS_QUEUED;
    queued.stage = ASSESS_STAGE_NONE;
    queued.attempt = 0;
    queued.started_at = 0;

    ngx_http_assess_journal_line(b, assess_status_name(ASSESS_QUEUED),
                                 &queued);
}


/*
 * Ids, numbers and names, and of an error its code: nothing that a document, a
 * model or a provider has said.
 */

static void
ngx_http_assess_journal_line(assess_buf_t *b, const char *event,
    const assess_job_t *job)
{
    int64_t       when;
    assess_str_t  trace;

    /* a worker may have started it before whoever made it comes to this */

    when = job->attempt == 0 && job->status == ASSESS_QUEUED
           ? job->created_at : job->completed_at;

    assess_buf_str(b, "{\"time\":");
    assess_buf_json_time(b, when ? when : assess_now_ms());
    ngx_http_assess_journal_name(b, "event", event);
    assess_buf_str(b, ",\"tenant\":");
    assess_buf_json_str(b, &job->tenant);
    assess_buf_str(b, ",\"user\":");
    assess_buf_json_str(b, &job->user);
    ngx_http_assess_journal_name(b, "jobId", job->job_id);
    ngx_http_assess_journal_name(b, "batchId", job->batch_id);
    ngx_http_assess_journal_name(b, "documentId", job->document_id);
    ngx_http_assess_journal_name(b, "status",
                                 assess_status_name(job->status));
    ngx_http_assess_journal_name(b, "stage", assess_stage_name(job->stage));
    assess_buf_str(b, ",\"attempt\":");
    assess_buf_int(b, job->attempt);
    assess_buf_str(b, ",\"error\":");
    assess_buf_json_str(b, &job->error_code);
    assess_buf_str(b, ",\"tokens\":{\"input\":");
    assess_buf_int(b, job->input_tokens);
    assess_buf_str(b, ",\"output\":");
    assess_buf_int(b, job->output_tokens);
    assess_buf_str(b, "},\"cost\":");
    assess_buf_json_num(b, job->cost);
    assess_buf_str(b, ",\"durationMs\":");

    if (job->completed_at) {
        assess_buf_int(b, job->completed_at - job->created_at);

    } else {
        assess_buf_str(b, "null");
    }

    trace.data = job->traceparent[0]
                 ? (char *) job->traceparent + ASSESS_TRACE_ID : NULL;
    trace.len = trace.data ? ASSESS_TRACE_ID_LEN : 0;

    assess_buf_str(b, ",\"traceId\":");
    assess_buf_json_str(b, &trace);
    assess_buf_str(b, "}\n");
}


/* one that is not there is null */

static void
ngx_http_assess_journal_name(assess_buf_t *b, const char *name,
    const char *value)
{
    assess_buf_str(b, ",\"");
    assess_buf_str(b, name);
    assess_buf_str(b, "\":");
    assess_buf_json_cstr(b, value && value[0] ? value : NULL);
}


/* What comes within a moment is one write. */

static void *
ngx_http_assess_journal_run(void *data)
{
    ngx_http_assess_journal_t *j = data;

    while (ngx_http_assess_thread_sleep(&j->thread, assess_mono_ms()
                                        + NGX_HTTP_ASSESS_JOURNAL_SLEEP, 1))
    {
        ngx_http_assess_journal_open(j);

        (void) ngx_http_assess_thread_sleep(&j->thread, assess_mono_ms()
                                            + NGX_HTTP_ASSESS_JOURNAL_EVERY,
                                            0);

        /* before the look: what comes during it is looked for again */

        (void) ngx_atomic_cmp_set(&j->woken, 1, 0);

        ngx_http_assess_journal_flush(j);
    }

    ngx_http_assess_journal_flush(j);

    return NULL;
}


/*
 * By its name, as nginx does in its workers; by then the master has made it, and
 * made it theirs.
 */

static void
ngx_http_assess_journal_open(ngx_http_assess_journal_t *j)
{
    int  fd;

    if (!ngx_atomic_cmp_set(&j->stale, 1, 0)) {
        return;
    }

    fd = open((char *) j->file->name.data,
              O_WRONLY|O_APPEND|O_CREAT|O_CLOEXEC, NGX_FILE_DEFAULT_ACCESS);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "assess log \"%V\" cannot be opened again, the one that "
                      "is open is written on", &j->file->name);
        return;
    }

    (void) close(j->fd);
    j->fd = fd;
    j->torn = 0;
}


static void
ngx_http_assess_journal_flush(ngx_http_assess_journal_t *j)
{
    uint64_t      left_out, some;
    ngx_uint_t    n;
    assess_buf_t  lines;

    (void) pthread_mutex_lock(&j->mutex);

    lines = j->lines;
    n = j->nlines;
    ngx_memzero(&j->lines, sizeof(assess_buf_t));
    j->nlines = 0;

    (void) pthread_mutex_unlock(&j->mutex);

    some = lines.failed ? n : ngx_http_assess_journal_write(j, lines.data,
                                                            lines.len);

    assess_buf_free(&lines);

    (void) pthread_mutex_lock(&j->mutex);
    j->left_out += some;
    left_out = j->left_out;
    (void) pthread_mutex_unlock(&j->mutex);

    ngx_http_assess_journal_short(j, left_out);
}


/*
 * How many lines could not be written, at an end or not.  What was cut off is
 * ended before the next one begins.
 */

static uint64_t
ngx_http_assess_journal_write(ngx_http_assess_journal_t *j, const char *data,
    size_t len)
{
    size_t    sent;
    ssize_t   n;
    uint64_t  lines;

    for (sent = 0; sent < len; sent += (size_t) n) {

        if (j->torn) {
            n = write(j->fd, "\n", 1);
            j->torn = n != 1;

            if (n == 1) {
                n = 0;
                continue;
            }

        } else {
            n = write(j->fd, data + sent, len - sent);
        }

        if (n == -1 && ngx_errno == NGX_EINTR) {
            n = 0;

        } else if (n <= 0) {

            if (!j->failed) {
                ngx_log_error(NGX_LOG_ERR, ngx_cycle->log,
                              n == -1 ? ngx_errno : 0,
                              "assess log \"%V\" cannot be written",
                              &j->file->name);
            }

            j->failed = 1;
            j->torn |= sent && data[sent - 1] != '\n';

            for (lines = 0; sent < len; sent++) {
                lines += data[sent] == '\n';
            }

            return lines;
        }
    }

    j->failed = 0;

    return 0;
}


/* Not each time: where the disk is slow there are many of them. */

static void
ngx_http_assess_journal_short(ngx_http_assess_journal_t *j, uint64_t left_out)
{
    int64_t  now;

    now = assess_mono_ms();

    if (left_out == j->told
        || (j->told && now - j->said < NGX_HTTP_ASSESS_JOURNAL_SAY))
    {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "assess log \"%V\" could not be written as fast as events "
                  "came: %uL are not in it", &j->file->name,
                  left_out - j->told);

    j->told = left_out;
    j->said = now;
}
