
/*
 * Documents that a client names instead of sending them.  What it asks is read
 * on a thread of the store's pool, as any other body; what is to be fetched is
 * fetched on one of its own pool, and stored from there, while the client is
 * held: it is answered when the document is durable.
 */

#ifndef NGX_HTTP_ASSESS_SOURCE_H
#define NGX_HTTP_ASSESS_SOURCE_H


#include "ngx_http_assess_call.h"

#include "base/assess_json.h"


/* What NGX_HTTP_ASSESS_NAME_LEN is for files that are sent. */
#define NGX_HTTP_ASSESS_FILENAME  1024


/*
 * The members "url" and "filename" of a body; on a thread.  NGX_DECLINED: the
 * member is none of them.
 */
ngx_int_t ngx_http_assess_source_member(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_err_t *err);

/*
 * Whether what these said is well-formed and allowed; from here on the call
 * waits for it, and then start is made with it; or without a start it is a
 * document, and no more.
 */
assess_err_e ngx_http_assess_source_wanted(ngx_http_assess_call_t *call,
    assess_starting_t *start, assess_err_t *err);

/* POST of a document by its URL; on a thread. */
void ngx_http_assess_source_document(ngx_http_assess_call_t *call);

/*
 * On the event loop, when the body was read.  NGX_OK: it is being fetched, and
 * done() is called after that.  NGX_DECLINED: there is an answer.
 */
ngx_int_t ngx_http_assess_source_post(ngx_http_assess_call_t *call,
    void (*done)(void *data));

/* The client went away: nothing more is fetched for it.  Event loop. */
void ngx_http_assess_source_gone(ngx_http_assess_call_t *call);


#endif /* NGX_HTTP_ASSESS_SOURCE_H */
