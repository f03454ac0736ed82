
#include "ngx_http_assess_delivery.h"
#include "ngx_http_assess_runners.h"
#include "ngx_http_assess_scheduler.h"
#include "ngx_http_assess_task.h"


#define NGX_HTTP_ASSESS_HUB_TURN    32       /* followers, then others' turn */
#define NGX_HTTP_ASSESS_HUB_HELD    64       /* rounds kept for who is late */
#define NGX_HTTP_ASSESS_HUB_BYTES   (1024 * 1024)    /* of them */
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
    uint64_t                       cursor;       /* upto of the last round */

    ngx_queue_t                    rounds;       /* the latest ones */

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
static ngx_int_t ngx_http_assess_hub_next(void);
static void ngx_http_assess_hub_overtaken(void);
static void ngx_http_assess_hub_restarted(uint64_t frontier);
static void ngx_http_assess_hub_keep(ngx_http_assess_round_t *round);
static void ngx_http_assess_hub_drop(ngx_uint_t held, size_t size);
static void ngx_http_assess_hub_pump(ngx_http_assess_follower_t *f);
static ngx_http_assess_round_t *ngx_http_assess_hub_round(uint64_t after);
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
    ngx_queue_init(&hub->rounds);

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
    ngx_http_assess_hub_drop(0, 0);
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


ngx_int_t
ngx_http_assess_hub_topic(ngx_http_assess_follower_t *f,
    ngx_http_assess_sub_t *sub, ngx_http_assess_topic_e kind,
    const void *name, size_t len)
{
    if (ngx_http_assess_topic_join(sub, kind, name, len) != NGX_OK) {
        return NGX_ERROR;
    }

    sub->follower = f;
    sub->next = f->subs;
    f->subs = sub;

    return NGX_OK;
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

    if (!f->paused) {
        ngx_http_assess_hub_pump(f);
    }
}


void
ngx_http_assess_hub_leave(ngx_http_assess_follower_t *f)
{
    ngx_http_assess_hub_t  *hub;
    ngx_http_assess_sub_t  *sub;

    hub = &ngx_http_assess_hub;

    for (sub = f->subs; sub; sub = sub->next) {
        ngx_http_assess_topic_leave(sub);
    }

    f->subs = NULL;

    if (!f->following) {
        return;
    }

    f->following = 0;
    ngx_queue_remove(&f->queue);
    ngx_http_assess_delivery_leave(f);

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
    /* the cursor of one that was not paused is of long ago */

    if (f->paused) {
        f->paused = 0;

        if (f->following) {
            ngx_http_assess_hub_pump(f);
        }
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

    if (woken & NGX_HTTP_ASSESS_WAKE_LEFT) {
        ngx_http_assess_scheduler_left();

    } else if (woken & NGX_HTTP_ASSESS_WAKE_QUEUE) {
        ngx_http_assess_runners_kick();
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


/*
 * A round is handed on a few followers at a time, so that a thousand of them
 * do not keep a request waiting.  What comes meanwhile is the next round.
 */

static void
ngx_http_assess_hub_drain(void)
{
    uint64_t                frontier, highest;
    ngx_http_assess_hub_t  *hub;

    hub = &ngx_http_assess_hub;

    hub->more = 0;

    if (!ngx_http_assess_delivery_busy() && hub->nfollowers
        && ngx_http_assess_hub_next() == NGX_AGAIN)
    {
        hub->more = 1;
    }

    if (ngx_http_assess_delivery_busy()) {
        ngx_http_assess_delivery_go(NGX_HTTP_ASSESS_HUB_TURN);
        hub->more = 1;
    }

    if (hub->more && hub->connection) {
        ngx_post_event(hub->connection->read, &ngx_posted_next_events);
        return;
    }

    ngx_http_assess_zone_state(hub->mcf->zone, &frontier, &highest);

    if (highest > frontier && hub->nfollowers
        && hub->interval > NGX_HTTP_ASSESS_HUB_GAP)
    {
        /* a commit that was not handed over yet, or never will be */

        ngx_http_assess_hub_wait(NGX_HTTP_ASSESS_HUB_GAP);
    }
}


/* NGX_AGAIN: there may be more after this; NGX_OK: it is all there is */

static ngx_int_t
ngx_http_assess_hub_next(void)
{
    uint64_t                  from, frontier, highest;
    ngx_int_t                 rc;
    ngx_http_assess_hub_t    *hub;
    ngx_http_assess_round_t  *round;

    hub = &ngx_http_assess_hub;

    from = hub->cursor;

    rc = ngx_http_assess_round_read(hub->mcf->zone, &hub->cursor, UINT64_MAX,
                                    &round);
    if (hub->cursor == from) {

        if (rc == NGX_DECLINED) {
            ngx_http_assess_hub_overtaken();
            return NGX_AGAIN;
        }

        ngx_http_assess_zone_state(hub->mcf->zone, &frontier, &highest);

        if (frontier < from) {
            ngx_http_assess_hub_restarted(frontier);
        }

        return NGX_OK;
    }

    if (round == NULL) {
        return NGX_AGAIN;
    }

    ngx_http_assess_hub_keep(round);
    ngx_http_assess_delivery_begin(round);

    return NGX_AGAIN;
}


/* by the ring: each follower has to catch up from where all of them were */

static void
ngx_http_assess_hub_overtaken(void)
{
    uint64_t                     before, highest;
    ngx_queue_t                 *q, todo;
    ngx_http_assess_hub_t       *hub;
    ngx_http_assess_follower_t  *f;

    hub = &ngx_http_assess_hub;

    before = hub->cursor;
    ngx_http_assess_zone_state(hub->mcf->zone, &hub->cursor, &highest);

    for (q = ngx_queue_head(&hub->followers);
         q != ngx_queue_sentinel(&hub->followers);
         q = ngx_queue_next(q))
    {
        f = ngx_queue_data(q, ngx_http_assess_follower_t, queue);

        if (!f->paused) {
            f->after = ngx_max(f->after, before);
        }
    }

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

        if (!f->paused) {
            ngx_http_assess_hub_pump(f);
        }
    }
}


/* the log is another one now, see ngx_http_assess_zone_restart() */

static void
ngx_http_assess_hub_restarted(uint64_t frontier)
{
    ngx_queue_t                 *q;
    ngx_http_assess_hub_t       *hub;
    ngx_http_assess_follower_t  *f;

    hub = &ngx_http_assess_hub;

    hub->cursor = frontier;
    ngx_http_assess_hub_drop(0, 0);

    for (q = ngx_queue_head(&hub->followers);
         q != ngx_queue_sentinel(&hub->followers);
         q = ngx_queue_next(q))
    {
        f = ngx_queue_data(q, ngx_http_assess_follower_t, queue);
        f->after = ngx_min(f->after, frontier);
    }
}


/*
 * The latest rounds are kept: who could not take one finds it here, with its
 * text, and need not copy it out of the zone by itself.
 */

static void
ngx_http_assess_hub_keep(ngx_http_assess_round_t *round)
{
    ngx_http_assess_hub_t  *hub;

    hub = &ngx_http_assess_hub;

    ngx_http_assess_hub_drop(NGX_HTTP_ASSESS_HUB_HELD - 1,
                             NGX_HTTP_ASSESS_HUB_BYTES);

    ngx_queue_insert_tail(&hub->rounds, &round->queue);
}


/* all but so many, of this size at most without the last */

static void
ngx_http_assess_hub_drop(ngx_uint_t held, size_t size)
{
    size_t                    sum;
    ngx_queue_t              *q;
    ngx_uint_t                n;
    ngx_http_assess_hub_t    *hub;
    ngx_http_assess_round_t  *round;

    hub = &ngx_http_assess_hub;
    q = ngx_queue_last(&hub->rounds);

    for (n = 0, sum = 0; q != ngx_queue_sentinel(&hub->rounds); n++) {

        round = ngx_queue_data(q, ngx_http_assess_round_t, queue);
        q = ngx_queue_prev(q);

        sum += round->size;

        if (n < held && sum <= size) {
            continue;
        }

        ngx_queue_remove(&round->queue);
        ngx_http_assess_round_free(round);
    }
}


/* the cursor of one that is not paused is the hub's */

void
ngx_http_assess_hub_behind(ngx_uint_t *behind, uint64_t *lag)
{
    uint64_t                     last, frontier, highest;
    ngx_queue_t                 *q;
    ngx_http_assess_hub_t       *hub;
    ngx_http_assess_follower_t  *f;

    *behind = 0;
    *lag = 0;

    hub = &ngx_http_assess_hub;

    if (hub->nfollowers == 0) {
        return;
    }

    last = hub->cursor;

    for (q = ngx_queue_head(&hub->followers);
         q != ngx_queue_sentinel(&hub->followers);
         q = ngx_queue_next(q))
    {
        f = ngx_queue_data(q, ngx_http_assess_follower_t, queue);

        if (f->paused) {
            *behind += f->after < hub->cursor;
            last = ngx_min(last, f->after);
        }
    }

    ngx_http_assess_zone_state(hub->mcf->zone, &frontier, &highest);

    *lag = highest > last ? highest - last : 0;
}


/* one follower by itself, from its own cursor to the hub's */

static void
ngx_http_assess_hub_pump(ngx_http_assess_follower_t *f)
{
    uint64_t                  after, mask;
    ngx_int_t                 rc;
    ngx_uint_t                left, *before;
    ngx_http_assess_hub_t    *hub;
    ngx_http_assess_round_t  *round, *own;

    hub = &ngx_http_assess_hub;

    left = 0;
    before = f->left;
    f->left = &left;

    while (!left && !f->paused && f->after < hub->cursor) {

        own = NULL;
        after = f->after;
        round = ngx_http_assess_hub_round(after);

        if (round) {
            f->after = round->upto;

        } else {
            rc = ngx_http_assess_round_read(hub->mcf->zone, &f->after,
                                            hub->cursor, &own);

            if (f->after == after) {
                if (rc != NGX_OK) {
                    f->paused = 1;
                    f->calls->behind(f);
                }

                break;
            }

            round = own;
        }

        mask = round ? ngx_http_assess_delivery_mask(f, round)
                       & ngx_http_assess_round_above(round, after)
                     : 0;

        if (mask && f->calls->events(f, round, mask) == NGX_DECLINED) {
            f->after = after;
            f->paused = 1;
        }

        if (own) {
            ngx_http_assess_round_free(own);
        }
    }

    if (!left) {
        f->left = before;

    } else if (before) {
        *before = 1;
    }
}


/* the one of the latest that goes on from there, if it is still kept */

static ngx_http_assess_round_t *
ngx_http_assess_hub_round(uint64_t after)
{
    ngx_queue_t              *q;
    ngx_http_assess_round_t  *round;

    for (q = ngx_queue_last(&ngx_http_assess_hub.rounds);
         q != ngx_queue_sentinel(&ngx_http_assess_hub.rounds);
         q = ngx_queue_prev(q))
    {
        round = ngx_queue_data(q, ngx_http_assess_round_t, queue);

        if (after >= round->upto) {
            break;
        }

        if (after >= round->from) {
            return round;
        }
    }

    return NULL;
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
        f->calls->quit(f);
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
