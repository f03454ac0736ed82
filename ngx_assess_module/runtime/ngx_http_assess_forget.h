
/* Forgets events that are older than "assess_event_log", now and then. */

#ifndef NGX_HTTP_ASSESS_FORGET_H
#define NGX_HTTP_ASSESS_FORGET_H


#include "../ngx_http_assess_module.h"


/* Begins; of the event loop, which is not held up by it when it quits. */
void ngx_http_assess_forget(ngx_http_assess_main_conf_t *mcf);


#endif /* NGX_HTTP_ASSESS_FORGET_H */
