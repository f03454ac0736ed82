
/*
 * The lines of jobs on a stream that asked for them: read once a second while
 * it is open, from where the last ones ended, and once more at its end.
 */

#include "ngx_http_assess_stream.h"
#include "../runtime/ngx_http_assess_scheduler.h"
#include "../runtime/ngx_http_assess_task.h"


#define NGX_HTTP_ASSESS_TAIL_EVERY   1000    /* ms */
#define NGX_HTTP_ASSESS_TAIL_NEXT    50      /* ms; where there is more */
#define NGX_HTTP_ASSESS_TAIL_MS      3000    /* ms; for one look */
#define NGX_HTTP_ASSESS_TAIL_PAGE    100     /* lines */


typedef struct {
    u_char                       id[ASSESS_UUID_LEN + 1];
    assess_str_t                 cursor;         /* what was sent; or null */
    assess_str_t                 next;           /* what was read */
    char                         room[2][160];   /* of these two */
} ngx_http_assess_tailed_t;


/* It outlives its stream if need be */

struct ngx_http_assess_tail_s {
    ngx_http_assess_task_t       task;
    ngx_http_assess_stream_t    *stream;         /* event loop; NULL: gone */
    ngx_http_assess_main_conf_t *mcf;
    ngx_event_t                  timer;
    ngx_connection_t             dummy;          /* for the timer's log */
    assess_scope_t               scope;
    char                         tenant[NGX_HTTP_ASSESS_TENANT_LEN];

    assess_err_e                 rc;
    assess_buf_t                 text;
    ngx_uint_t                   more;           /* is there to be read */

    unsigned                     busy:1;         /* a thread has it */
    unsigned                     last:1;         /* the stream is to end */
    unsigned                     final:1;        /* so is what is read now */

    ngx_uint_t                   njobs;
    ngx_http_assess_tailed_t     jobs[1];
};


static void ngx_http_assess_tail_look(ngx_http_assess_tail_t *tail);
static void ngx_http_assess_tail_timer(ngx_event_t *ev);
static void ngx_http_assess_tail_run(void *data);
static assess_err_e ngx_http_assess_tail_read(ngx_http_assess_tail_t *tail,
    ngx_http_assess_tailed_t *job, assess_arena_t *arena);
static void ngx_http_assess_tail_line(ngx_http_assess_tail_t *tail,
    const char *job_id, const assess_log_line_t *line);
static void ngx_http_assess_tail_done(void *data);
static void ngx_http_assess_tail_free(ngx_http_assess_tail_t *tail);


ngx_http_assess_tail_t *
ngx_http_assess_tail_create(ngx_http_assess_stream_t *st,
    const assess_str_t *tenant, const assess_str_t *ids, ngx_uint_t n)
{
    ngx_uint_t               i;
    ngx_http_assess_tail_t  *tail;

    tail = ngx_calloc(sizeof(ngx_http_assess_tail_t)
                      + n * sizeof(ngx_http_assess_tailed_t), ngx_cycle->log);
    if (tail == NULL) {
        return NULL;
    }

    tail->stream = st;
    tail->mcf = ngx_http_get_module_main_conf(st->request,
                                              ngx_http_assess_module);

    ngx_memcpy(tail->tenant, tenant->data, tenant->len);
    tail->scope.tenant.data = tail->tenant;
    tail->scope.tenant.len = tenant->len;

    tail->njobs = n;

    for (i = 0; i < n; i++) {
        ngx_memcpy(tail->jobs[i].id, ids[i].data, ASSESS_UUID_LEN);
    }

    tail->task.run = ngx_http_assess_tail_run;
    tail->task.done = ngx_http_assess_tail_done;
    tail->task.data = tail;

    tail->dummy.fd = (ngx_socket_t) -1;
    tail->timer.handler = ngx_http_assess_tail_timer;
    tail->timer.data = &tail->dummy;
    tail->timer.log = ngx_cycle->log;
    tail->timer.cancelable = 1;

    ngx_http_assess_tail_look(tail);

    return tail;
}


void
ngx_http_assess_tail_end(ngx_http_assess_tail_t *tail)
{
    tail->last = 1;

    if (!tail->busy) {
        ngx_http_assess_tail_look(tail);
    }
}


void
ngx_http_assess_tail_leave(ngx_http_assess_tail_t *tail)
{
    tail->stream = NULL;

    if (!tail->busy) {
        ngx_http_assess_tail_free(tail);
    }
}


static void
ngx_http_assess_tail_look(ngx_http_assess_tail_t *tail)
{
    if (tail->timer.timer_set) {
        ngx_del_timer(&tail->timer);
    }

    tail->final = tail->last;

    if (assess_db_away(ngx_http_assess_scheduler_db(), NULL)
        || ngx_http_assess_task_post(tail->mcf->store_threads, &tail->task)
           != NGX_OK)
    {
        ngx_add_timer(&tail->timer, NGX_HTTP_ASSESS_TAIL_EVERY);
        return;
    }

    tail->busy = 1;
}


static void
ngx_http_assess_tail_timer(ngx_event_t *ev)
{
    ngx_http_assess_tail_t  *tail;

    tail = (ngx_http_assess_tail_t *)
               ((char *) ev - offsetof(ngx_http_assess_tail_t, timer));

    if (!tail->stream->open || tail->stream->ending) {
        return;
    }

    /* what could not be sent need not be read */

    if (tail->stream->busy) {
        ngx_add_timer(ev, NGX_HTTP_ASSESS_TAIL_EVERY);
        return;
    }

    ngx_http_assess_tail_look(tail);
}


static void
ngx_http_assess_tail_run(void *data)
{
    ngx_http_assess_tail_t *tail = data;

    ngx_uint_t       i;
    assess_arena_t  *arena;

    tail->more = 0;
    tail->rc = ASSESS_ERROR;

    arena = assess_arena_create();
    if (arena == NULL) {
        return;
    }

    ngx_http_assess_block_begin(&tail->text);
    tail->rc = ASSESS_OK;

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_TAIL_MS);

    for (i = 0; i < tail->njobs && tail->rc == ASSESS_OK; i++) {

        tail->jobs[i].next = tail->jobs[i].cursor;

        if (tail->text.len < NGX_HTTP_ASSESS_ROUND_BYTES) {
            tail->rc = ngx_http_assess_tail_read(tail, &tail->jobs[i], arena);

        } else {
            tail->more = 1;
        }
    }

    assess_db_until(0);
    assess_arena_destroy(arena);
}


/* Of a job that is none, or another tenant's, there is nothing to be told */

static assess_err_e
ngx_http_assess_tail_read(ngx_http_assess_tail_t *tail,
    ngx_http_assess_tailed_t *job, assess_arena_t *arena)
{
    char               *room;
    size_t              i, n;
    assess_err_e        rc;
    assess_err_t        err;
    assess_str_t        next, from;
    assess_paging_t     paging;
    assess_log_line_t  *lines;

    paging.limit = NGX_HTTP_ASSESS_TAIL_PAGE;
    paging.cursor = job->cursor;

    rc = assess_log_read(ngx_http_assess_scheduler_db(), arena, &tail->scope,
                         (char *) job->id, &paging, &lines, &n, &next, &from,
                         &err);

    if (rc != ASSESS_OK) {
        return rc == ASSESS_NOT_FOUND ? ASSESS_OK : rc;
    }

    if (from.len > sizeof(job->room[0])) {
        return ASSESS_ERROR;
    }

    for (i = 0; i < n; i++) {
        ngx_http_assess_tail_line(tail, (char *) job->id, &lines[i]);
    }

    /* the room that the cursor is not in */

    room = job->cursor.data == job->room[0] ? job->room[1] : job->room[0];
    ngx_memcpy(room, from.data, from.len);
    job->next.data = room;
    job->next.len = from.len;

    tail->more |= next.data != NULL;

    return ASSESS_OK;
}


/* The line as the log has it, its brace a comma behind the type and the job */

static void
ngx_http_assess_tail_line(ngx_http_assess_tail_t *tail, const char *job_id,
    const assess_log_line_t *line)
{
    size_t        at;
    ngx_str_t     text;
    assess_buf_t  json;

    static ngx_str_t  type = ngx_string("log");

    ngx_memzero(&json, sizeof(assess_buf_t));

    assess_buf_printf(&json, "{\"type\":\"log\",\"jobId\":\"%s\"", job_id);
    at = json.len;
    assess_log_json(&json, line);

    if (json.failed) {
        tail->text.failed = 1;

    } else {
        json.data[at] = ',';
        text.data = (u_char *) json.data;
        text.len = json.len;
        ngx_http_assess_block_event(&tail->text, 0, &type, &text);
    }

    assess_buf_free(&json);
}


static void
ngx_http_assess_tail_done(void *data)
{
    ngx_uint_t                 i, over, told;
    ngx_connection_t          *c;
    ngx_http_assess_tail_t    *tail = data;
    ngx_http_assess_block_t   *block;
    ngx_http_assess_stream_t  *st;

    tail->busy = 0;
    st = tail->stream;

    if (st == NULL) {
        ngx_http_assess_tail_free(tail);
        return;
    }

    /* closed() will come */

    if (!st->open || st->ending) {
        assess_buf_free(&tail->text);
        return;
    }

    c = st->request->connection;
    block = NULL;

    /* where it is busy all of it is read once more */

    told = tail->rc == ASSESS_OK && !st->busy;

    if (told) {
        block = ngx_http_assess_block_create(&tail->text);
        told = block != NULL;
    }

    assess_buf_free(&tail->text);

    for (i = 0; told && i < tail->njobs; i++) {
        tail->jobs[i].cursor = tail->jobs[i].next;
    }

    over = told && tail->final && !tail->more;

    if (!over) {
        ngx_add_timer(&tail->timer, told && (tail->last || tail->more)
                                    ? NGX_HTTP_ASSESS_TAIL_NEXT
                                    : NGX_HTTP_ASSESS_TAIL_EVERY);
    }

    if (told) {
        ngx_http_assess_stream_send(st, block);
    }

    /* it may be gone with its stream */

    if (over) {
        ngx_http_assess_stream_end(st);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_assess_tail_free(ngx_http_assess_tail_t *tail)
{
    if (tail->timer.timer_set) {
        ngx_del_timer(&tail->timer);
    }

    assess_buf_free(&tail->text);
    ngx_free(tail);
}
