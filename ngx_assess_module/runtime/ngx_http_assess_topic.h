
/*
 * Topics: who follows what on this worker, so that an event is handed to those
 * whom it may concern, and nobody else is looked at.  Event loop only.
 */

#ifndef NGX_HTTP_ASSESS_TOPIC_H
#define NGX_HTTP_ASSESS_TOPIC_H


#include "../ngx_http_assess_module.h"


typedef enum {
    NGX_HTTP_ASSESS_TOPIC_TENANT = 0,
    NGX_HTTP_ASSESS_TOPIC_JOB,
    NGX_HTTP_ASSESS_TOPIC_DOCUMENT,
    NGX_HTTP_ASSESS_TOPIC_BATCH,
    NGX_HTTP_ASSESS_TOPICS
} ngx_http_assess_topic_e;


typedef struct ngx_http_assess_topic_s     ngx_http_assess_topic_t;
typedef struct ngx_http_assess_sub_s       ngx_http_assess_sub_t;
typedef struct ngx_http_assess_follower_s  ngx_http_assess_follower_t;


struct ngx_http_assess_topic_s {
    ngx_http_assess_topic_t     *next;           /* in its bucket */
    ngx_queue_t                  subs;
    ngx_uint_t                   nsubs;
    uint64_t                     mask;           /* of the hub's round; it is
                                                    not freed while set */
    uint32_t                     hash;
    u_char                       kind;
    u_char                       len;
    u_char                       name[];
};


/* One follower's interest in one topic; its memory is the follower's. */
struct ngx_http_assess_sub_s {
    ngx_queue_t                  queue;
    ngx_http_assess_topic_t     *topic;
    ngx_http_assess_follower_t  *follower;
    ngx_http_assess_sub_t       *next;           /* of this follower */
};


/* NGX_ERROR is out of memory.  A name has 255 bytes at most. */
ngx_int_t ngx_http_assess_topic_join(ngx_http_assess_sub_t *sub,
    ngx_http_assess_topic_e kind, const u_char *name, size_t len);
void ngx_http_assess_topic_leave(ngx_http_assess_sub_t *sub);

/* NULL: nobody follows that. */
ngx_http_assess_topic_t *ngx_http_assess_topic_find(
    ngx_http_assess_topic_e kind, const u_char *name, size_t len);

/* Its mask is done with: a topic that nobody follows any more is freed. */
void ngx_http_assess_topic_done(ngx_http_assess_topic_t *topic);


#endif /* NGX_HTTP_ASSESS_TOPIC_H */
