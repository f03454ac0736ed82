
/*
 * The places in the queue of the jobs whose status is asked for: looked up
 * together, about once a second, for all workers, and put into the zone.
 */

#ifndef NGX_HTTP_ASSESS_PLACES_H
#define NGX_HTTP_ASSESS_PLACES_H


#include "../ngx_http_assess_module.h"


/* Somebody asks for one; from the event loop. */
void ngx_http_assess_places_follow(ngx_http_assess_main_conf_t *mcf);


#endif /* NGX_HTTP_ASSESS_PLACES_H */
