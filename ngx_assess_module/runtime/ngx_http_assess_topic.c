
#include "ngx_http_assess_topic.h"


#define NGX_HTTP_ASSESS_BUCKETS  256     /* at first; doubled when full */


typedef struct {
    ngx_http_assess_topic_t    **buckets;
    ngx_uint_t                   nbuckets;       /* a power of two */
    ngx_uint_t                   n;
    ngx_uint_t                   kinds[NGX_HTTP_ASSESS_TOPICS];
} ngx_http_assess_topics_t;


static uint32_t ngx_http_assess_topic_hash(ngx_http_assess_topic_e kind,
    const u_char *name, size_t len);
static ngx_http_assess_topic_t *ngx_http_assess_topic_create(
    ngx_http_assess_topic_e kind, const u_char *name, size_t len);
static void ngx_http_assess_topic_grow(void);


static ngx_http_assess_topics_t  ngx_http_assess_topics;


ngx_int_t
ngx_http_assess_topic_join(ngx_http_assess_sub_t *sub,
    ngx_http_assess_topic_e kind, const u_char *name, size_t len)
{
    ngx_http_assess_topic_t  *topic;

    topic = ngx_http_assess_topic_find(kind, name, len);

    if (topic == NULL) {
        topic = ngx_http_assess_topic_create(kind, name, len);
        if (topic == NULL) {
            return NGX_ERROR;
        }
    }

    sub->topic = topic;
    ngx_queue_insert_tail(&topic->subs, &sub->queue);
    topic->nsubs++;

    return NGX_OK;
}


void
ngx_http_assess_topic_leave(ngx_http_assess_sub_t *sub)
{
    ngx_http_assess_topic_t  *topic;

    topic = sub->topic;
    sub->topic = NULL;

    ngx_queue_remove(&sub->queue);
    topic->nsubs--;

    if (topic->mask == 0) {
        ngx_http_assess_topic_done(topic);
    }
}


void
ngx_http_assess_topic_done(ngx_http_assess_topic_t *topic)
{
    ngx_http_assess_topic_t   **p;
    ngx_http_assess_topics_t   *t;

    t = &ngx_http_assess_topics;

    topic->mask = 0;

    if (topic->nsubs) {
        return;
    }

    for (p = &t->buckets[topic->hash & (t->nbuckets - 1)];
         *p != topic;
         p = &(*p)->next)
    {
        /* void */
    }

    *p = topic->next;
    t->n--;
    t->kinds[topic->kind]--;

    ngx_free(topic);
}


ngx_http_assess_topic_t *
ngx_http_assess_topic_find(ngx_http_assess_topic_e kind, const u_char *name,
    size_t len)
{
    uint32_t                   hash;
    ngx_http_assess_topic_t   *topic;
    ngx_http_assess_topics_t  *t;

    t = &ngx_http_assess_topics;

    if (t->kinds[kind] == 0) {
        return NULL;
    }

    hash = ngx_http_assess_topic_hash(kind, name, len);

    for (topic = t->buckets[hash & (t->nbuckets - 1)];
         topic;
         topic = topic->next)
    {
        if (topic->hash == hash && topic->kind == kind && topic->len == len
            && ngx_memcmp(topic->name, name, len) == 0)
        {
            return topic;
        }
    }

    return NULL;
}


static uint32_t
ngx_http_assess_topic_hash(ngx_http_assess_topic_e kind, const u_char *name,
    size_t len)
{
    return ngx_murmur_hash2((u_char *) name, len) + kind;
}


static ngx_http_assess_topic_t *
ngx_http_assess_topic_create(ngx_http_assess_topic_e kind,
    const u_char *name, size_t len)
{
    ngx_http_assess_topic_t   *topic, **bucket;
    ngx_http_assess_topics_t  *t;

    t = &ngx_http_assess_topics;

    if (t->n >= t->nbuckets) {
        ngx_http_assess_topic_grow();
    }

    if (t->nbuckets == 0 || len > 255) {
        return NULL;
    }

    topic = ngx_calloc(sizeof(ngx_http_assess_topic_t) + len, ngx_cycle->log);
    if (topic == NULL) {
        return NULL;
    }

    ngx_queue_init(&topic->subs);
    topic->hash = ngx_http_assess_topic_hash(kind, name, len);
    topic->kind = (u_char) kind;
    topic->len = (u_char) len;
    ngx_memcpy(topic->name, name, len);

    bucket = &t->buckets[topic->hash & (t->nbuckets - 1)];
    topic->next = *bucket;
    *bucket = topic;

    t->n++;
    t->kinds[kind]++;

    return topic;
}


/* without memory for more buckets those that there are get longer */

static void
ngx_http_assess_topic_grow(void)
{
    ngx_uint_t                  i, n;
    ngx_http_assess_topic_t    *topic, *next, **buckets, **bucket;
    ngx_http_assess_topics_t   *t;

    t = &ngx_http_assess_topics;

    n = t->nbuckets ? t->nbuckets * 2 : NGX_HTTP_ASSESS_BUCKETS;

    buckets = ngx_calloc(n * sizeof(ngx_http_assess_topic_t *),
                         ngx_cycle->log);
    if (buckets == NULL) {
        return;
    }

    for (i = 0; i < t->nbuckets; i++) {
        for (topic = t->buckets[i]; topic; topic = next) {
            next = topic->next;
            bucket = &buckets[topic->hash & (n - 1)];
            topic->next = *bucket;
            *bucket = topic;
        }
    }

    ngx_free(t->buckets);

    t->buckets = buckets;
    t->nbuckets = n;
}
