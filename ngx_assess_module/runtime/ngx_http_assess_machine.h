
/*
 * Looks at the machine once a second, and lets the worker have as many CPU
 * tasks as there is room for (engine/assess_tasks.h).  What it sees and does
 * stands in the zone (ngx_http_assess_zone_tasks()).
 */

#ifndef NGX_HTTP_ASSESS_MACHINE_H
#define NGX_HTTP_ASSESS_MACHINE_H


#include "../ngx_http_assess_module.h"


/* Begins; of the event loop, which is not held up by it when it quits. */
ngx_int_t ngx_http_assess_machine(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf, assess_cpu_t *cpu);
void ngx_http_assess_machine_exit(void);


#endif /* NGX_HTTP_ASSESS_MACHINE_H */
