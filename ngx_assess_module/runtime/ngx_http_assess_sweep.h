
/* Removes objects from storages that no document has any more. */

#ifndef NGX_HTTP_ASSESS_SWEEP_H
#define NGX_HTTP_ASSESS_SWEEP_H


#include "../ngx_http_assess_module.h"


/* Begins; of the event loop, which is not held up by it when it quits. */
void ngx_http_assess_sweep(ngx_http_assess_main_conf_t *mcf);


#endif /* NGX_HTTP_ASSESS_SWEEP_H */
