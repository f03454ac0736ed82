
/*
 * The handing over of a round to those whom it concerns, some of them at a
 * time.  Event loop only.
 */

#ifndef NGX_HTTP_ASSESS_DELIVERY_H
#define NGX_HTTP_ASSESS_DELIVERY_H


#include "ngx_http_assess_hub.h"


/* A round, which is kept until it is over; none other is under way. */
void ngx_http_assess_delivery_begin(ngx_http_assess_round_t *round);

/* To so many followers more. */
void ngx_http_assess_delivery_go(ngx_uint_t turn);

/* Whether one is under way. */
ngx_uint_t ngx_http_assess_delivery_busy(void);

/* Without this follower, which has left its topics. */
void ngx_http_assess_delivery_leave(ngx_http_assess_follower_t *f);

/* The events of a round that a follower's topics concern. */
uint64_t ngx_http_assess_delivery_mask(ngx_http_assess_follower_t *f,
    ngx_http_assess_round_t *round);


#endif /* NGX_HTTP_ASSESS_DELIVERY_H */
