
#include "ngx_http_assess_hub.h"
#include "ngx_http_assess_scheduler.h"
#include "ngx_http_assess_task.h"


#define NGX_HTTP_ASSESS_HUB_BATCH   64       /* events taken at a time */
#define NGX_HTTP_ASSESS_HUB_ROUNDS  16       /* until others have their turn */
#define NGX_HTTP_ASSESS_HUB_GAP     50       /* ms until a gap is looked up */
#define NGX_HTTP_ASSESS_HUB_POLL    1000     /* ms; for other instances */
#define NGX_HTTP_ASSESS_HUB_NEXT    1        /* ms; there is more to read */
#define NGX_HTTP_ASSESS_HUB_LOG     500      /* events read from the log */
#define NGX_HTTP_ASSESS_HUB_READ    3000     /* ms; for that */


typedef struct {
    ngx_http_assess_main_conf_t   *mcf;
    ngx_connection_t              *connection;   /* of the eventfd */
    ngx_queue_t                    followers;
    ngx_uint_t                     nfollowers;
    uint64_t                       cursor;
    assess_buf_t                   buf;
    ngx_event_t                    poll;
    ngx_msec_t                     interval;
    unsigned                       reading:1;    /* the log */
    unsigned                       more:1;       /* to be taken */
    unsigned                       quitting:1;
} ngx_http_assess_hub_t;


/* a look into the log, for what has not come through the zone */

typedef struct {
    ngx_http_assess_task_t         task;
    ngx_http_assess_main_conf_t   *mcf;
    uint64_t                       after;
    ngx_uint_t                     more;
} ngx_http_assess_hub_read_t;


static void ngx_http_assess_hub_read_handler(ngx_event_t *rev);
static void ngx_http_assess_hub_write_handler(ngx_event_t *wev);
static void ngx_http_assess_hub_take(void);
static void ngx_http_assess_hub_drain(void);
static void ngx_http_assess_hub_deliver(ngx_http_assess_event_t *events,
    ngx_uint_t n, uint64_t from, uint64_t upto);
static void ngx_http_assess_hub_pump(ngx_http_assess_follower_t *f);
static void ngx_http_assess_hub_quit(void);
static void ngx_http_assess_hub_close(void);
static void ngx_http_assess_hub_poll(ngx_event_t *ev);
static void ngx_http_assess_hub_wait(ngx_msec_t interval);
static void ngx_http_assess_hub_read_run(void *data);
static void ngx_http_assess_hub_read_done(void *data);


static ngx_http_assess_hub_t  ngx_http_assess_hub;


ngx_int_t
ngx_http_assess_hub_init(ngx_cycle_t *cycle, ngx_http_assess_main_conf_t *mcf)
{
    ngx_event_t            *rev;
    ngx_connection_t       *c;
    ngx_http_assess_hub_t  *hub;

    hub = &ngx_http_assess_hub;

    ngx_memzero(hub, sizeof(ngx_http_assess_hub_t));

    hub->mcf = mcf;
    ngx_queue_init(&hub->followers);

    if (ngx_http_assess_zone_enter(mcf->zone) == NGX_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "more than %d workers share the assess zone \"%V\"",
                      NGX_HTTP_ASSESS_WORKERS, &mcf->zone->shm.name);
        return NGX_ERROR;
    }

    c = ngx_get_connection(ngx_http_assess_zone_fd(mcf->zone), cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    /* idle: "quit" is told by closing the idle connections */

    c->idle = 1;

    rev = c->read;
    rev->log = cycle->log;
    rev->handler = ngx_http_assess_hub_read_handler;

    c->write->log = cycle->log;
    c->write->handler = ngx_http_assess_hub_write_handler;

    if (ngx_add_event(rev, NGX_READ_EVENT,
                      (ngx_event_flags & NGX_USE_CLEAR_EVENT)
                          ? NGX_CLEAR_EVENT : NGX_LEVEL_EVENT)
        != NGX_OK)
    {
        ngx_close_connection(c);
        return NGX_ERROR;
    }

    hub->connection = c;

    hub->poll.handler = ngx_http_assess_hub_poll;
    hub->poll.log = cycle->log;
    hub->poll.data = c;
    hub->poll.cancelable = 1;

    ngx_http_assess_hub_wait(NGX_HTTP_ASSESS_HUB_POLL);

    return NGX_OK;
}


void
ngx_http_assess_hub_exit(void)
{
    ngx_http_assess_hub_t  *hub;

    hub = &ngx_http_assess_hub;

    if (hub->mcf == NULL) {
        return;
    }

    ngx_http_assess_hub_close();
    ngx_http_assess_zone_leave(hub->mcf->zone);
    assess_buf_free(&hub->buf);
}


/*
 * The eventfd stays open: threads of this process still wake by its number
 * whoever has this place in the zone by then, and must not write to what else
 * would have got that number.  A shared one is not closed, and not taken out
 * of our epoll either.
 */

static void
ngx_http_assess_hub_close(void)
{
    ngx_connection_t  *c;

    c = ngx_http_assess_hub.connection;

    if (c) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
        c->shared = 1;
        ngx_close_connection(c);
        ngx_http_assess_hub.connection = NULL;
    }
}


uint64_t
ngx_http_assess_hub_cursor(void)
{
    uint64_t  frontier, highest;

    if (ngx_http_assess_hub.nfollowers) {
        return ngx_http_assess_hub.cursor;
    }

    ngx_http_assess_zone_state(ngx_http_assess_hub.mcf->zone, &frontier,
                               &highest);
    return frontier;
}


ngx_uint_t
ngx_http_assess_hub_quitting(void)
{
    return ngx_http_assess_hub.quitting || ngx_exiting || ngx_quit;
}


void
ngx_http_assess_hub_follow(ngx_http_assess_follower_t *f)
{
    uint64_t                highest;
    ngx_http_assess_hub_t  *hub;

    hub = &ngx_http_assess_hub;

    if (hub->nfollowers++ == 0) {

        ngx_http_assess_zone_wants(hub->mcf->zone,
                                   NGX_HTTP_ASSESS_WAKE_EVENTS, 1);
        ngx_http_assess_zone_state(hub->mcf->zone, &hub->cursor, &highest);
    }

    f->following = 1;
    ngx_queue_insert_tail(&hub->followers, &f->queue);

    if (!f->paused && f->after != hub->cursor) {
        ngx_http_assess_hub_pump(f);
    }
}


void
ngx_http_assess_hub_leave(ngx_http_assess_follower_t *f)
{
    ngx_http_assess_hub_t  *hub;

    hub = &ngx_http_assess_hub;

    if (!f->following) {
        return;
    }

    f->following = 0;
    ngx_queue_remove(&f->queue);

    if (f->left) {
        *f->left = 1;
    }

    if (--hub->nfollowers == 0) {
        ngx_http_assess_zone_wants(hub->mcf->zone,
                                   NGX_HTTP_ASSESS_WAKE_EVENTS, 0);
    }
}


void
ngx_http_assess_hub_resume(ngx_http_assess_follower_t *f)
{
    f->paused = 0;

    if (f->following) {
        ngx_http_assess_hub_pump(f);
    }
}


static void
ngx_http_assess_hub_read_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    if (c->close) {
        ngx_http_assess_hub_quit();
        return;
    }

    ngx_http_assess_hub_take();
}


static void
ngx_http_assess_hub_take(void)
{
    ngx_uint_t  woken;

    woken = ngx_http_assess_zone_woken(ngx_http_assess_hub.mcf->zone);

    if (woken & NGX_HTTP_ASSESS_WAKE_QUEUE) {
        ngx_http_assess_scheduler_kick();
    }

    if ((woken & NGX_HTTP_ASSESS_WAKE_EVENTS) || ngx_http_assess_hub.more) {
        ngx_http_assess_hub_drain();
    }
}


static void
ngx_http_assess_hub_write_handler(ngx_event_t *wev)
{
    /* an eventfd is always writable, nobody waits for that here */
}


static void
ngx_http_assess_hub_drain(void)
{
    uint64_t                 from, frontier, highest;
    ngx_int_t                rc;
    ngx_uint_t               n, round;
    ngx_http_assess_hub_t   *hub;
    ngx_http_assess_event_t  events[NGX_HTTP_ASSESS_HUB_BATCH];

    hub = &ngx_http_assess_hub;

    hub->more = 0;

    for (round = 0; hub->nfollowers; round++) {

        if (round == NGX_HTTP_ASSESS_HUB_ROUNDS) {
            hub->more = 1;
            ngx_post_event(hub->connection->read, &ngx_posted_next_events);
            break;
        }

        from = hub->cursor;
        assess_buf_reset(&hub->buf);

        rc = ngx_http_assess_zone_events(hub->mcf->zone, &hub->cursor, events,
                                         &n, NGX_HTTP_ASSESS_HUB_BATCH,
                                         &hub->buf);

        if (hub->cursor != from) {
            ngx_http_assess_hub_deliver(events, n, from, hub->cursor);
            continue;
        }

        if (rc == NGX_DECLINED) {

            /* overtaken by the ring: each follower has to catch up */

            ngx_http_assess_zone_state(hub->mcf->zone, &hub->cursor,
                                       &highest);
            ngx_http_assess_hub_deliver(NULL, 0, hub->cursor, hub->cursor);
            continue;
        }

        break;
    }

    ngx_http_assess_zone_state(hub->mcf->zone, &frontier, &highest);

    if (highest > frontier && hub->nfollowers
        && hub->interval > NGX_HTTP_ASSESS_HUB_GAP)
    {
        /* a commit that was not handed over yet, or never will be */

        ngx_http_assess_hub_wait(NGX_HTTP_ASSESS_HUB_GAP);
    }
}


static void
ngx_http_assess_hub_deliver(ngx_http_assess_event_t *events, ngx_uint_t n,
    uint64_t from, uint64_t upto)
{
    ngx_queue_t                 *q, todo;
    ngx_http_assess_hub_t       *hub;
    ngx_http_assess_follower_t  *f;

    hub = &ngx_http_assess_hub;

    /* whatever leaves or joins meanwhile, each is in one of the two queues */

    ngx_queue_init(&todo);

    if (!ngx_queue_empty(&hub->followers)) {
        ngx_queue_add(&todo, &hub->followers);
        ngx_queue_init(&hub->followers);
    }

    while (!ngx_queue_empty(&todo)) {

        q = ngx_queue_head(&todo);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&hub->followers, q);

        f = ngx_queue_data(q, ngx_http_assess_follower_t, queue);

        if (f->paused || f->after >= upto) {
            continue;
        }

        if (f->after != from || events == NULL) {
            ngx_http_assess_hub_pump(f);
            continue;
        }

        f->after = upto;

        if (n) {
            f->events(f, events, n);
        }
    }
}


/* one follower by itself, from its own cursor */

static void
ngx_http_assess_hub_pump(ngx_http_assess_follower_t *f)
{
    uint64_t                  after;
    ngx_int_t                 rc;
    ngx_uint_t                n, left, *before;
    assess_buf_t              buf;
    ngx_http_assess_event_t   events[NGX_HTTP_ASSESS_HUB_BATCH];

    ngx_memzero(&buf, sizeof(assess_buf_t));

    left = 0;
    before = f->left;
    f->left = &left;

    while (!left && !f->paused) {

        after = f->after;
        assess_buf_reset(&buf);

        rc = ngx_http_assess_zone_events(ngx_http_assess_hub.mcf->zone,
                                         &f->after, events, &n,
                                         NGX_HTTP_ASSESS_HUB_BATCH, &buf);

        if (f->after != after) {
            if (n) {
                f->events(f, events, n);
            }
            continue;
        }

        if (rc == NGX_DECLINED) {
            f->paused = 1;
            f->behind(f);
        }

        break;
    }

    if (!left) {
        f->left = before;

    } else if (before) {
        *before = 1;
    }

    assess_buf_free(&buf);
}


static void
ngx_http_assess_hub_quit(void)
{
    ngx_queue_t                 *q;
    ngx_http_assess_hub_t       *hub;
    ngx_http_assess_follower_t  *f;

    hub = &ngx_http_assess_hub;

    hub->quitting = 1;

    ngx_http_assess_hub_close();

    ngx_http_assess_scheduler_quit();

    while (!ngx_queue_empty(&hub->followers)) {
        q = ngx_queue_head(&hub->followers);
        f = ngx_queue_data(q, ngx_http_assess_follower_t, queue);

        ngx_http_assess_hub_leave(f);
        f->quit(f);
    }
}


/* now and then, and soon after a gap was seen: what the zone did not get */

static void
ngx_http_assess_hub_poll(ngx_event_t *ev)
{
    uint64_t                      highest;
    ngx_msec_t                    interval;
    ngx_http_assess_hub_t        *hub;
    ngx_http_assess_hub_read_t   *rd;

    hub = &ngx_http_assess_hub;

    if (hub->quitting) {
        return;
    }

    interval = hub->interval;
    ngx_http_assess_hub_wait(NGX_HTTP_ASSESS_HUB_POLL);

    /* whoever was killed while it woke us will not do so again */

    ngx_http_assess_hub_take();

    /*
     * One look is enough for all workers.  Without followers too: where a new
     * one begins, and what is known of jobs, must not be of long ago.
     */

    if (hub->reading || !ngx_http_assess_scheduler_ready(NULL)
        || assess_db_away(ngx_http_assess_scheduler_db(), NULL)
        || !ngx_http_assess_zone_look(hub->mcf->zone, interval * 3 / 4))
    {
        return;
    }

    rd = ngx_calloc(sizeof(ngx_http_assess_hub_read_t), ev->log);
    if (rd == NULL) {
        return;
    }

    rd->mcf = hub->mcf;
    ngx_http_assess_zone_state(hub->mcf->zone, &rd->after, &highest);

    rd->task.run = ngx_http_assess_hub_read_run;
    rd->task.done = ngx_http_assess_hub_read_done;
    rd->task.data = rd;

    if (ngx_http_assess_task_post(hub->mcf->store_threads, &rd->task)
        != NGX_OK)
    {
        ngx_free(rd);
        return;
    }

    hub->reading = 1;
}


static void
ngx_http_assess_hub_wait(ngx_msec_t interval)
{
    ngx_http_assess_hub_t  *hub;

    hub = &ngx_http_assess_hub;

    /* nginx leaves a timer as it is when the new time is near the old one */

    if (hub->poll.timer_set) {
        ngx_del_timer(&hub->poll);
    }

    hub->interval = interval;
    ngx_add_timer(&hub->poll, interval);
}


static void
ngx_http_assess_hub_read_run(void *data)
{
    ngx_http_assess_hub_read_t *rd = data;

    size_t           n;
    int64_t          upto;
    assess_err_t     err;
    assess_event_t  *events;
    assess_arena_t  *arena;

    arena = assess_arena_create();
    if (arena == NULL) {
        return;
    }

    /* a failure is not told: the next look will be in a second */

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_HUB_READ);

    if (assess_events_after(ngx_http_assess_scheduler_db(), arena, NULL,
                            (int64_t) rd->after, NGX_HTTP_ASSESS_HUB_LOG,
                            &events, &n, &upto, &err)
        == ASSESS_OK
        && (uint64_t) upto > rd->after)
    {
        ngx_http_assess_zone_fill(rd->mcf->zone, rd->after, events, n,
                                  (uint64_t) upto);

        rd->more = n == NGX_HTTP_ASSESS_HUB_LOG;
    }

    assess_db_until(0);

    assess_arena_destroy(arena);
}


static void
ngx_http_assess_hub_read_done(void *data)
{
    ngx_http_assess_hub_read_t *rd = data;

    ngx_http_assess_hub.reading = 0;

    if (rd->more && !ngx_http_assess_hub.quitting) {
        ngx_http_assess_hub_wait(NGX_HTTP_ASSESS_HUB_NEXT);
    }

    ngx_free(rd);
}
