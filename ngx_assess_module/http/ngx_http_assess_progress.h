
/*
 * A stream of progress events that is open: a follower of the hub whose events
 * are sent as they come, or read from the log where they are too old for that.
 * Event loop only.
 */

#ifndef NGX_HTTP_ASSESS_PROGRESS_H
#define NGX_HTTP_ASSESS_PROGRESS_H


#include "ngx_http_assess_filter.h"
#include "ngx_http_assess_stream.h"


/*
 * Makes a stream of a call's request: begins with text, which it takes over,
 * and goes on with the events above after; or it ends with that.  The call is
 * freed but where this fails; the request is finalized then.  handling: called
 * by nginx's handler of the request.
 */
void ngx_http_assess_progress_open(ngx_http_assess_call_t *call,
    ngx_http_assess_filter_t *filter, uint64_t after, assess_buf_t *text,
    ngx_uint_t end, ngx_uint_t handling);

/* An event of the log as one of the zone; it is still the log's. */
void ngx_http_assess_progress_event(ngx_http_assess_event_t *ev,
    const assess_event_t *event);


#endif /* NGX_HTTP_ASSESS_PROGRESS_H */
