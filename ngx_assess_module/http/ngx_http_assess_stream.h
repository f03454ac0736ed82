
/*
 * A stream of Server-Sent Events (WHATWG HTML, 9.2): what is sent on it, and
 * when it can take more.  What it sends is shared with other streams; of its
 * own it has one nginx buffer.  Event loop only.
 */

#ifndef NGX_HTTP_ASSESS_STREAM_H
#define NGX_HTTP_ASSESS_STREAM_H


#include "../runtime/ngx_http_assess_hub.h"


typedef struct ngx_http_assess_stream_s  ngx_http_assess_stream_t;


typedef struct {

    /* all is sent, it can take more */
    void        (*drained)(ngx_http_assess_stream_t *st);

    /* its request is gone */
    void        (*closed)(ngx_http_assess_stream_t *st);

} ngx_http_assess_stream_calls_t;


/* It lives in the pool of its request. */
struct ngx_http_assess_stream_s {
    const ngx_http_assess_stream_calls_t  *calls;
    ngx_http_request_t                    *request;
    ngx_http_assess_block_t               *block;    /* with nginx */
    u_char                                *pos;      /* in it, sent directly */
    ngx_buf_t                              buf;      /* of it, otherwise */
    ngx_queue_t                            beat;     /* its heartbeat */
    ngx_msec_t                             sent;     /* the last time */

    unsigned                               open:1;
    unsigned                               busy:1;   /* block is not out */
    unsigned                               ending:1;
    unsigned                               filters:1;     /* are needed */
    unsigned                               direct:1; /* block goes by send() */
};


/*
 * Sends the header.  NGX_OK, or what the request is to be finalized with.
 * closed() is called at the end of the request in any case.
 */
ngx_int_t ngx_http_assess_stream_open(ngx_http_assess_stream_t *st,
    ngx_http_request_t *r);

/* The line for EventSource's retry: the first thing in a stream. */
void ngx_http_assess_stream_retry(assess_buf_t *b, ngx_msec_t retry);

/*
 * Sends text, as far as it goes, on a stream that is not busy; the reference is
 * the stream's from then on, NULL is out of memory.  Where that fails, the
 * request ends with the connection's posted ones and the stream is not open any
 * more.
 */
void ngx_http_assess_stream_send(ngx_http_assess_stream_t *st,
    ngx_http_assess_block_t *block);

/*
 * Ends it once all is sent: EventSource comes back then.  The request and all
 * that belongs to it may be gone.
 */
void ngx_http_assess_stream_end(ngx_http_assess_stream_t *st);


/* ngx_http_assess_counters.c: who is told the counters of their tenant */

typedef struct {
    ngx_queue_t                 queue;
    ngx_http_assess_stream_t   *stream;
    void                       *board;       /* NULL: not watching */
    unsigned                    missed:1;    /* was not told the last ones */
} ngx_http_assess_watcher_t;

void ngx_http_assess_counters_watch(ngx_http_assess_watcher_t *w,
    ngx_http_assess_stream_t *st, const ngx_str_t *tenant);
void ngx_http_assess_counters_leave(ngx_http_assess_watcher_t *w);

/* Something happened that may have changed them. */
void ngx_http_assess_counters_changed(ngx_http_assess_watcher_t *w);


/* ngx_http_assess_tail.c: the lines of jobs, on a stream that is open */

typedef struct ngx_http_assess_tail_s  ngx_http_assess_tail_t;

/* NULL: out of memory. */
ngx_http_assess_tail_t *ngx_http_assess_tail_create(
    ngx_http_assess_stream_t *st, const assess_str_t *tenant,
    const assess_str_t *ids, ngx_uint_t n);

/* Ends the stream once all lines that there are have been sent. */
void ngx_http_assess_tail_end(ngx_http_assess_tail_t *tail);

/* The stream is gone. */
void ngx_http_assess_tail_leave(ngx_http_assess_tail_t *tail);


#endif /* NGX_HTTP_ASSESS_STREAM_H */
