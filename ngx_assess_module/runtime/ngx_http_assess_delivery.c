
#include "ngx_http_assess_delivery.h"


#define NGX_HTTP_ASSESS_DELIVERY_TOPICS                                       \
    (NGX_HTTP_ASSESS_TOPICS * NGX_HTTP_ASSESS_ROUND_EVENTS)


typedef struct {
    ngx_http_assess_round_t   *round;            /* NULL: none */
    ngx_http_assess_topic_t   *topics[NGX_HTTP_ASSESS_DELIVERY_TOPICS];
    ngx_uint_t                 ntopics;          /* to be gone through */
    ngx_http_assess_topic_t   *topic;            /* which is */
    ngx_queue_t                todo;             /* the rest of its subs */
    ngx_queue_t                several;          /* followers of several */
} ngx_http_assess_delivery_t;


static void ngx_http_assess_delivery_mark(ngx_http_assess_topic_e kind,
    const u_char *name, size_t len, uint64_t bit);
static void ngx_http_assess_delivery_give(ngx_http_assess_follower_t *f,
    uint64_t mask);


static ngx_http_assess_delivery_t  ngx_http_assess_delivery;


void
ngx_http_assess_delivery_begin(ngx_http_assess_round_t *round)
{
    uint64_t                     bit;
    ngx_uint_t                   i;
    ngx_http_assess_event_t     *ev;
    ngx_http_assess_delivery_t  *d;

    d = &ngx_http_assess_delivery;

    d->round = round;
    ngx_queue_init(&d->todo);
    ngx_queue_init(&d->several);

    for (i = 0; i < round->n; i++) {

        ev = &round->events[i];
        bit = (uint64_t) 1 << i;

        ngx_http_assess_delivery_mark(NGX_HTTP_ASSESS_TOPIC_TENANT,
                                      ev->tenant.data, ev->tenant.len, bit);
        ngx_http_assess_delivery_mark(NGX_HTTP_ASSESS_TOPIC_JOB,
                                      ev->job_id, ASSESS_UUID_LEN, bit);
        ngx_http_assess_delivery_mark(NGX_HTTP_ASSESS_TOPIC_DOCUMENT,
                                      ev->document_id, ASSESS_UUID_LEN, bit);
        if (ev->batch_id) {
            ngx_http_assess_delivery_mark(NGX_HTTP_ASSESS_TOPIC_BATCH,
                                          ev->batch_id, ASSESS_UUID_LEN, bit);
        }
    }
}


static void
ngx_http_assess_delivery_mark(ngx_http_assess_topic_e kind, const u_char *name,
    size_t len, uint64_t bit)
{
    ngx_http_assess_topic_t     *topic;
    ngx_http_assess_delivery_t  *d;

    topic = ngx_http_assess_topic_find(kind, name, len);

    if (topic) {
        if (topic->mask == 0) {
            d = &ngx_http_assess_delivery;
            d->topics[d->ntopics++] = topic;
        }

        topic->mask |= bit;
    }
}


/*
 * Goes on with the round.  Whatever leaves or joins meanwhile, a sub is in its
 * topic's queue or in that of those to be seen, and a follower of several
 * topics gets what is for any of them at the end, at once.
 */

void
ngx_http_assess_delivery_go(ngx_uint_t turn)
{
    ngx_queue_t                 *q;
    ngx_http_assess_sub_t       *sub;
    ngx_http_assess_delivery_t  *d;
    ngx_http_assess_follower_t  *f;

    d = &ngx_http_assess_delivery;

    while (turn) {

        if (!ngx_queue_empty(&d->todo)) {

            q = ngx_queue_head(&d->todo);
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&d->topic->subs, q);

            sub = ngx_queue_data(q, ngx_http_assess_sub_t, queue);
            f = sub->follower;

            if (f->subs->next == NULL) {
                ngx_http_assess_delivery_give(f, d->topic->mask);
                turn--;
                continue;
            }

            if (!f->following || f->paused) {
                continue;
            }

            if (!f->marked) {
                f->marked = 1;
                f->mask = 0;
                ngx_queue_insert_tail(&d->several, &f->several);
            }

            f->mask |= d->topic->mask;
            continue;
        }

        if (d->topic) {
            ngx_http_assess_topic_done(d->topic);
            d->topic = NULL;
        }

        if (d->ntopics) {
            d->topic = d->topics[--d->ntopics];

            if (!ngx_queue_empty(&d->topic->subs)) {
                ngx_queue_add(&d->todo, &d->topic->subs);
                ngx_queue_init(&d->topic->subs);
            }

            continue;
        }

        if (ngx_queue_empty(&d->several)) {
            d->round = NULL;
            return;
        }

        q = ngx_queue_head(&d->several);
        ngx_queue_remove(q);

        f = ngx_queue_data(q, ngx_http_assess_follower_t, several);
        f->marked = 0;

        ngx_http_assess_delivery_give(f, f->mask);
        turn--;
    }
}


/* a cursor below that of the round is of long ago, unless it is paused */

static void
ngx_http_assess_delivery_give(ngx_http_assess_follower_t *f, uint64_t mask)
{
    uint64_t                  before;
    ngx_http_assess_round_t  *round;

    round = ngx_http_assess_delivery.round;

    if (!f->following || f->paused || f->after >= round->upto) {
        return;
    }

    before = ngx_max(f->after, round->from);

    if (before > round->from) {
        mask &= ngx_http_assess_round_above(round, before);
    }

    f->after = round->upto;

    if (mask && f->calls->events(f, round, mask) == NGX_DECLINED) {
        f->after = before;
        f->paused = 1;
    }
}


ngx_uint_t
ngx_http_assess_delivery_busy(void)
{
    return ngx_http_assess_delivery.round != NULL;
}


void
ngx_http_assess_delivery_leave(ngx_http_assess_follower_t *f)
{
    if (f->marked) {
        f->marked = 0;
        ngx_queue_remove(&f->several);
    }
}


uint64_t
ngx_http_assess_delivery_mask(ngx_http_assess_follower_t *f,
    ngx_http_assess_round_t *round)
{
    size_t                    len;
    u_char                   *name;
    uint64_t                  mask;
    ngx_uint_t                i;
    ngx_http_assess_sub_t    *sub;
    ngx_http_assess_event_t  *ev;

    mask = 0;

    for (sub = f->subs; sub; sub = sub->next) {
        for (i = 0; i < round->n; i++) {

            ev = &round->events[i];
            len = ASSESS_UUID_LEN;

            switch (sub->topic->kind) {

            case NGX_HTTP_ASSESS_TOPIC_TENANT:
                name = ev->tenant.data;
                len = ev->tenant.len;
                break;

            case NGX_HTTP_ASSESS_TOPIC_JOB:
                name = ev->job_id;
                break;

            case NGX_HTTP_ASSESS_TOPIC_DOCUMENT:
                name = ev->document_id;
                break;

            default:
                name = ev->batch_id;
            }

            if (name && sub->topic->len == len
                && ngx_memcmp(sub->topic->name, name, len) == 0)
            {
                mask |= (uint64_t) 1 << i;
            }
        }
    }

    return mask;
}
