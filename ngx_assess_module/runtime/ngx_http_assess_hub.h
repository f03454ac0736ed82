
/*
 * The hub of a worker: hands the events of all workers to those who follow
 * them here.  A follower pulls: it has a cursor and takes what comes after
 * it when it can, so that a slow one holds nothing but its place.  Event
 * loop only.
 */

#ifndef NGX_HTTP_ASSESS_HUB_H
#define NGX_HTTP_ASSESS_HUB_H


#include "ngx_http_assess_zone.h"


typedef struct ngx_http_assess_follower_s  ngx_http_assess_follower_t;

struct ngx_http_assess_follower_s {
    ngx_queue_t    queue;
    uint64_t       after;            /* its cursor; the hub moves it on */
    ngx_uint_t    *left;             /* the hub's: set when it leaves */
    unsigned       following:1;
    unsigned       paused:1;         /* takes nothing now */

    /* The next events of all tenants; it may pause, or leave and be freed. */
    void         (*events)(ngx_http_assess_follower_t *f,
        ngx_http_assess_event_t *events, ngx_uint_t n);

    /* What comes after its cursor is only in the log; it is paused. */
    void         (*behind)(ngx_http_assess_follower_t *f);

    /* The worker is about to exit: end, soon. */
    void         (*quit)(ngx_http_assess_follower_t *f);
};


ngx_int_t ngx_http_assess_hub_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf);
void ngx_http_assess_hub_exit(void);

/* The newest event that has come here: where a new follower begins. */
uint64_t ngx_http_assess_hub_cursor(void);

void ngx_http_assess_hub_follow(ngx_http_assess_follower_t *f);
void ngx_http_assess_hub_leave(ngx_http_assess_follower_t *f);

/* Goes on after a pause, from its cursor. */
void ngx_http_assess_hub_resume(ngx_http_assess_follower_t *f);

/* Whether the worker was told to quit. */
ngx_uint_t ngx_http_assess_hub_quitting(void);


#endif /* NGX_HTTP_ASSESS_HUB_H */
