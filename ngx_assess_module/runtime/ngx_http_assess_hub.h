
/*
 * The hub of a worker: hands the events of all workers to those who follow
 * them here, round by round, each to those whom its topics concern.  A follower
 * that cannot take any has a cursor, from which it goes on when it can, so that
 * a slow one holds nothing but its place.  Event loop only.
 */

#ifndef NGX_HTTP_ASSESS_HUB_H
#define NGX_HTTP_ASSESS_HUB_H


#include "ngx_http_assess_round.h"
#include "ngx_http_assess_topic.h"


typedef struct {

    /*
     * Those events of the round which its topics concern.  It may pause, or
     * leave and be freed; NGX_DECLINED when it cannot take them now: it is
     * paused before them.
     */
    ngx_int_t    (*events)(ngx_http_assess_follower_t *f,
        ngx_http_assess_round_t *round, uint64_t mask);

    /* What comes after its cursor is only in the log; it is paused. */
    void         (*behind)(ngx_http_assess_follower_t *f);

    /* The worker is about to exit: end, soon. */
    void         (*quit)(ngx_http_assess_follower_t *f);

} ngx_http_assess_follower_calls_t;


struct ngx_http_assess_follower_s {
    const ngx_http_assess_follower_calls_t  *calls;
    ngx_queue_t                              queue;
    ngx_queue_t                              several;    /* see the mask */
    ngx_http_assess_sub_t                   *subs;
    uint64_t                                 mask;       /* of several subs */
    uint64_t                                 after;      /* its cursor, where
                                                 it is behind the hub's own */
    ngx_uint_t                              *left;       /* the hub's: set when
                                                            it leaves */
    unsigned                                 following:1;
    unsigned                                 paused:1;   /* takes nothing */
    unsigned                                 marked:1;   /* in several */
};


ngx_int_t ngx_http_assess_hub_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf);
void ngx_http_assess_hub_exit(void);

/* The newest event that has come here: where a new follower begins. */
uint64_t ngx_http_assess_hub_cursor(void);

/* What it is to follow, before it does; NGX_ERROR is out of memory. */
ngx_int_t ngx_http_assess_hub_topic(ngx_http_assess_follower_t *f,
    ngx_http_assess_sub_t *sub, ngx_http_assess_topic_e kind,
    const void *name, size_t len);

/* Begins after f->after. */
void ngx_http_assess_hub_follow(ngx_http_assess_follower_t *f);

/* From its topics too; whether or not it followed. */
void ngx_http_assess_hub_leave(ngx_http_assess_follower_t *f);

/* Goes on after a pause, from its cursor. */
void ngx_http_assess_hub_resume(ngx_http_assess_follower_t *f);

/*
 * How many followers cannot take events now, and how far the last one is
 * behind what has come.  It looks at all of them.
 */
void ngx_http_assess_hub_behind(ngx_uint_t *behind, uint64_t *lag);

/* Whether the worker was told to quit. */
ngx_uint_t ngx_http_assess_hub_quitting(void);


#endif /* NGX_HTTP_ASSESS_HUB_H */
