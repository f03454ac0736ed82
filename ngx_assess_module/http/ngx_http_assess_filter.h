
/* What a stream is narrowed to: which events are for it, and when it ends. */

#ifndef NGX_HTTP_ASSESS_FILTER_H
#define NGX_HTTP_ASSESS_FILTER_H


#include "ngx_http_assess_call.h"


/* several of one kind are all followed */

typedef struct {
    assess_str_t          *ids;
    size_t                 n;
} ngx_http_assess_ids_t;


/* All of it is the call's, or the copy's pool's. */
typedef struct {
    const assess_str_t    *tenant;
    ngx_http_assess_ids_t  jobs;
    ngx_http_assess_ids_t  batches;
    ngx_http_assess_ids_t  documents;
    ngx_http_assess_ids_t  users;
    ngx_uint_t             logs;             /* their lines, too */
    u_char                *ended;            /* by job, then by batch */
} ngx_http_assess_filter_t;


/* Out of the call's parameters; NGX_ABORT when the answer is a problem now. */
ngx_int_t ngx_http_assess_filter_read(ngx_http_assess_filter_t *fl,
    ngx_http_assess_call_t *call);

/* A copy that does not need the call; NULL is out of memory. */
ngx_http_assess_filter_t *ngx_http_assess_filter_copy(
    ngx_http_assess_filter_t *fl, ngx_pool_t *pool);

ngx_uint_t ngx_http_assess_filter_wants(ngx_http_assess_filter_t *fl,
    ngx_http_assess_event_t *ev);

/* This is the last event of its job or batch; or it is not over, whatever. */
void ngx_http_assess_filter_mark(ngx_http_assess_filter_t *fl,
    ngx_http_assess_event_t *ev);
void ngx_http_assess_filter_unmark(ngx_http_assess_filter_t *fl,
    ngx_http_assess_event_t *ev);

/* Whether it is not narrowed at all. */
ngx_uint_t ngx_http_assess_filter_none(ngx_http_assess_filter_t *fl);

/* Whether it is narrowed to jobs and batches that have all ended. */
ngx_uint_t ngx_http_assess_filter_over(ngx_http_assess_filter_t *fl);


#endif /* NGX_HTTP_ASSESS_FILTER_H */
