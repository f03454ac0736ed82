
#include "ngx_http_assess_stream.h"
#include "../runtime/ngx_http_assess_scheduler.h"
#include "../runtime/ngx_http_assess_task.h"


#define NGX_HTTP_ASSESS_COUNTERS  1000       /* ms between two, at least */

#define NGX_HTTP_ASSESS_COUNTERS_MS  3000    /* for reading them */

/* so often they are read though nothing was told: a document is no event */
#define NGX_HTTP_ASSESS_COUNTERS_IDLE  5     /* of the above */


/* the counters of one tenant, for all streams of this worker that show them */

typedef struct {
    ngx_queue_t                    queue;
    ngx_queue_t                    watchers;
    ngx_http_assess_main_conf_t   *mcf;
    assess_scope_t                 scope;
    ngx_http_assess_task_t         task;
    ngx_event_t                    timer;
    ngx_connection_t               dummy;        /* for the timer's log */
    assess_err_e                   rc;
    assess_counters_t              counters;
    assess_counters_t              told;
    ngx_uint_t                     idle;
    unsigned                       reading:1;
    unsigned                       dirty:1;
    u_char                         tenant[NGX_HTTP_ASSESS_TENANT_LEN];
} ngx_http_assess_board_t;


static ngx_http_assess_board_t *ngx_http_assess_board_find(
    ngx_http_assess_main_conf_t *mcf, const ngx_str_t *tenant);
static void ngx_http_assess_board_read(ngx_http_assess_board_t *board);
static void ngx_http_assess_board_run(void *data);
static void ngx_http_assess_board_done(void *data);
static void ngx_http_assess_board_timer(ngx_event_t *ev);
static void ngx_http_assess_board_free(ngx_http_assess_board_t *board);


static ngx_queue_t  ngx_http_assess_boards;


void
ngx_http_assess_counters_watch(ngx_http_assess_watcher_t *w,
    ngx_http_assess_stream_t *st, const ngx_str_t *tenant)
{
    ngx_http_assess_board_t      *board;
    ngx_http_assess_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(st->request, ngx_http_assess_module);

    board = ngx_http_assess_board_find(mcf, tenant);
    if (board == NULL) {
        return;
    }

    w->stream = st;
    w->board = board;
    w->missed = 1;
    ngx_queue_insert_tail(&board->watchers, &w->queue);

    ngx_http_assess_counters_changed(w);
}


void
ngx_http_assess_counters_leave(ngx_http_assess_watcher_t *w)
{
    ngx_http_assess_board_t  *board;

    board = w->board;

    if (board == NULL) {
        return;
    }

    w->board = NULL;
    ngx_queue_remove(&w->queue);

    if (ngx_queue_empty(&board->watchers) && !board->reading) {
        ngx_http_assess_board_free(board);
    }
}


void
ngx_http_assess_counters_changed(ngx_http_assess_watcher_t *w)
{
    ngx_http_assess_board_t  *board;

    board = w->board;

    if (board == NULL) {
        return;
    }

    board->dirty = 1;

    if (!board->reading && !board->timer.timer_set) {
        ngx_http_assess_board_read(board);
    }
}


static ngx_http_assess_board_t *
ngx_http_assess_board_find(ngx_http_assess_main_conf_t *mcf,
    const ngx_str_t *tenant)
{
    ngx_queue_t              *q;
    ngx_http_assess_board_t  *board;

    if (ngx_http_assess_boards.next == NULL) {
        ngx_queue_init(&ngx_http_assess_boards);
    }

    for (q = ngx_queue_head(&ngx_http_assess_boards);
         q != ngx_queue_sentinel(&ngx_http_assess_boards);
         q = ngx_queue_next(q))
    {
        board = ngx_queue_data(q, ngx_http_assess_board_t, queue);

        if (board->scope.tenant.len == tenant->len
            && ngx_memcmp(board->tenant, tenant->data, tenant->len) == 0)
        {
            return board;
        }
    }

    board = ngx_calloc(sizeof(ngx_http_assess_board_t), ngx_cycle->log);
    if (board == NULL) {
        return NULL;
    }

    board->mcf = mcf;

    ngx_memcpy(board->tenant, tenant->data, tenant->len);
    board->scope.tenant.len = tenant->len;
    board->scope.tenant.data = (char *) board->tenant;

    board->task.run = ngx_http_assess_board_run;
    board->task.done = ngx_http_assess_board_done;
    board->task.data = board;

    board->dummy.fd = (ngx_socket_t) -1;
    board->timer.handler = ngx_http_assess_board_timer;
    board->timer.data = &board->dummy;
    board->timer.log = ngx_cycle->log;
    board->timer.cancelable = 1;

    ngx_queue_init(&board->watchers);
    ngx_queue_insert_tail(&ngx_http_assess_boards, &board->queue);

    return board;
}


static void
ngx_http_assess_board_read(ngx_http_assess_board_t *board)
{
    if (ngx_http_assess_task_post(board->mcf->store_threads, &board->task)
        == NGX_OK)
    {
        board->reading = 1;
        board->dirty = 0;
        board->idle = 0;
        return;
    }

    ngx_add_timer(&board->timer, NGX_HTTP_ASSESS_COUNTERS);
}


static void
ngx_http_assess_board_run(void *data)
{
    ngx_http_assess_board_t *board = data;

    assess_err_t  err;

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_COUNTERS_MS);

    board->rc = assess_counters_read(ngx_http_assess_scheduler_db(),
                                     &board->scope, &board->counters, &err);

    assess_db_until(0);
}


static void
ngx_http_assess_board_done(void *data)
{
    ngx_http_assess_board_t *board = data;

    ngx_str_t                   text;
    ngx_uint_t                  changed;
    ngx_queue_t                *q, todo;
    assess_buf_t                json, line;
    ngx_connection_t           *c;
    ngx_http_assess_block_t    *block;
    ngx_http_assess_watcher_t  *w;

    static ngx_str_t  type = ngx_string("counters");

    block = NULL;
    ngx_memzero(&json, sizeof(assess_buf_t));
    ngx_memzero(&line, sizeof(assess_buf_t));

    assess_buf_str(&json, "{\"type\":\"counters\",");
    json.len--;
    assess_counters_json(&json, &board->counters);

    /* the object's own brace becomes the comma after the type */

    if (!json.failed) {
        json.data[sizeof("{\"type\":\"counters\"") - 1] = ',';
    }

    text.data = (u_char *) json.data;
    text.len = json.len;

    if (board->rc == ASSESS_OK && !json.failed) {
        ngx_http_assess_block_begin(&line);
        ngx_http_assess_block_event(&line, 0, &type, &text);
        block = ngx_http_assess_block_create(&line);
    }

    if (block == NULL) {
        board->dirty = 1;
        goto done;
    }

    changed = ngx_memcmp(&board->counters, &board->told,
                         sizeof(assess_counters_t)) != 0;
    board->told = board->counters;

    /*
     * Reading stays set meanwhile: a watcher that leaves does not free the
     * board.  Each is in one of the two queues, whatever else leaves.
     */

    ngx_queue_init(&todo);

    if (!ngx_queue_empty(&board->watchers)) {
        ngx_queue_add(&todo, &board->watchers);
        ngx_queue_init(&board->watchers);
    }

    while (!ngx_queue_empty(&todo)) {

        q = ngx_queue_head(&todo);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&board->watchers, q);

        w = ngx_queue_data(q, ngx_http_assess_watcher_t, queue);

        if (!changed && !w->missed) {
            continue;
        }

        /* one that is behind is told when it is not any more */

        if (w->stream->busy) {
            w->missed = 1;
            continue;
        }

        w->missed = 0;
        c = w->stream->request->connection;

        block->refs++;
        ngx_http_assess_stream_send(w->stream, block);
        ngx_http_run_posted_requests(c);
    }

    ngx_http_assess_block_release(block);

done:

    assess_buf_free(&json);

    board->reading = 0;

    if (ngx_queue_empty(&board->watchers)) {
        ngx_http_assess_board_free(board);
        return;
    }

    ngx_add_timer(&board->timer, NGX_HTTP_ASSESS_COUNTERS);
}


static void
ngx_http_assess_board_timer(ngx_event_t *ev)
{
    ngx_http_assess_board_t  *board;

    board = (ngx_http_assess_board_t *)
                ((char *) ev - offsetof(ngx_http_assess_board_t, timer));

    if (board->reading) {
        return;
    }

    if (!board->dirty && ++board->idle < NGX_HTTP_ASSESS_COUNTERS_IDLE) {
        ngx_add_timer(ev, NGX_HTTP_ASSESS_COUNTERS);
        return;
    }

    ngx_http_assess_board_read(board);
}


static void
ngx_http_assess_board_free(ngx_http_assess_board_t *board)
{
    if (board->timer.timer_set) {
        ngx_del_timer(&board->timer);
    }

    ngx_queue_remove(&board->queue);
    ngx_free(board);
}
