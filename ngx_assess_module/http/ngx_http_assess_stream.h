
/*
 * A stream of Server-Sent Events (WHATWG HTML, 9.2): what is sent on it, and
 * when it can take more.  Event loop only.
 */

#ifndef NGX_HTTP_ASSESS_STREAM_H
#define NGX_HTTP_ASSESS_STREAM_H


#include "ngx_http_assess_call.h"
#include "../runtime/ngx_http_assess_hub.h"


typedef struct ngx_http_assess_stream_s  ngx_http_assess_stream_t;

struct ngx_http_assess_stream_s {
    ngx_http_assess_call_t     *call;
    assess_buf_t                pending;     /* to be sent */
    assess_buf_t                sending;     /* with nginx, until it is out */
    ngx_buf_t                   buf;
    ngx_event_t                 heartbeat;

    /* all is sent, it can take more */
    void                      (*drained)(ngx_http_assess_stream_t *st);

    unsigned                    open:1;
    unsigned                    busy:1;      /* sending is not out yet */
    unsigned                    ending:1;
};


/*
 * Sends the header and the line for EventSource's retry.  NGX_OK, or what the
 * request is to be finalized with.
 */
ngx_int_t ngx_http_assess_stream_open(ngx_http_assess_stream_t *st,
    ngx_http_assess_call_t *call, ngx_msec_t retry);

/* An event into pending; id 0 is none. */
void ngx_http_assess_stream_event(ngx_http_assess_stream_t *st, uint64_t id,
    const ngx_str_t *type, const ngx_str_t *data);

/*
 * Sends what is pending, as far as it goes.  Where that fails, the request
 * ends with the connection's posted ones and the stream is not open any more;
 * where it was ending, the request and all that belongs to it may be gone.
 */
void ngx_http_assess_stream_flush(ngx_http_assess_stream_t *st);

/* Ends it once all is sent: EventSource comes back then. */
void ngx_http_assess_stream_end(ngx_http_assess_stream_t *st);

/* For the request's clean-up. */
void ngx_http_assess_stream_close(ngx_http_assess_stream_t *st);


/* ngx_http_assess_counters.c: who is told the counters of their tenant */

typedef struct {
    ngx_queue_t                 queue;
    ngx_http_assess_stream_t   *stream;
    void                       *board;       /* NULL: not watching */
    unsigned                    missed:1;    /* was not told the last ones */
} ngx_http_assess_watcher_t;

void ngx_http_assess_counters_watch(ngx_http_assess_watcher_t *w,
    ngx_http_assess_stream_t *st);
void ngx_http_assess_counters_leave(ngx_http_assess_watcher_t *w);

/* Something happened that may have changed them. */
void ngx_http_assess_counters_changed(ngx_http_assess_watcher_t *w);


#endif /* NGX_HTTP_ASSESS_STREAM_H */
