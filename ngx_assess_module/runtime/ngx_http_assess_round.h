
/*
 * A round: events that a worker takes out of the zone at one time, and what is
 * sent of them.  The text is written once for all streams that get the same
 * events of it.  Event loop only.
 */

#ifndef NGX_HTTP_ASSESS_ROUND_H
#define NGX_HTTP_ASSESS_ROUND_H


#include "ngx_http_assess_zone.h"


#define NGX_HTTP_ASSESS_ROUND_EVENTS  64             /* bits of a mask */
#define NGX_HTTP_ASSESS_ROUND_BYTES   (64 * 1024)    /* or one event */


/*
 * Text that several streams may be sending, each with a reference; and the
 * same within a chunk (RFC 9112, 7.1), for those who send it as it is.
 */
typedef struct {
    ngx_uint_t                  refs;
    ngx_str_t                   text;
    ngx_str_t                   chunk;
    char                       *memory;          /* of both; malloc()'s */
} ngx_http_assess_block_t;


typedef struct ngx_http_assess_share_s  ngx_http_assess_share_t;

struct ngx_http_assess_share_s {
    ngx_http_assess_share_t    *next;
    uint64_t                    mask;
    ngx_http_assess_block_t    *block;
};


typedef struct {
    ngx_queue_t                 queue;           /* of the hub's history */
    uint64_t                    from;            /* what is above it ... */
    uint64_t                    upto;            /* ... up to here */
    uint64_t                    notable;         /* all but progress */
    size_t                      size;            /* bytes that it takes */
    ngx_http_assess_share_t    *shares;
    assess_buf_t                buf;             /* of the events */
    ngx_uint_t                  n;
    ngx_http_assess_event_t     events[];
} ngx_http_assess_round_t;


/*
 * The next events above *after, none above limit, and *after moved on past
 * what was seen; *round is NULL when there was no event in that.  Returns as
 * ngx_http_assess_zone_events() does.
 */
ngx_int_t ngx_http_assess_round_read(ngx_shm_zone_t *zone, uint64_t *after,
    uint64_t limit, ngx_http_assess_round_t **round);
void ngx_http_assess_round_free(ngx_http_assess_round_t *round);

/* The events of it that are above after, as a mask. */
uint64_t ngx_http_assess_round_above(ngx_http_assess_round_t *round,
    uint64_t after);

/*
 * These events as a stream has them, with a reference for the caller; NULL is
 * out of memory.
 */
ngx_http_assess_block_t *ngx_http_assess_round_block(
    ngx_http_assess_round_t *round, uint64_t mask);


/* How the text of a block begins, in an empty buffer. */
void ngx_http_assess_block_begin(assess_buf_t *b);

/* An event of a stream, behind what is in b; id 0 is none. */
void ngx_http_assess_block_event(assess_buf_t *b, uint64_t id,
    const ngx_str_t *type, const ngx_str_t *data);

/*
 * Takes the text over, from a failed buffer too, and leaves it empty: one
 * reference; NULL is out of memory.
 */
ngx_http_assess_block_t *ngx_http_assess_block_create(assess_buf_t *text);
void ngx_http_assess_block_release(ngx_http_assess_block_t *block);


#endif /* NGX_HTTP_ASSESS_ROUND_H */
