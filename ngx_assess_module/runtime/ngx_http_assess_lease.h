
/*
 * The leases of a worker: under whom its runs have their jobs, said to the
 * database again and again as long as the process lives; and of the workers
 * of this nginx that died, that they did.
 */

#ifndef NGX_HTTP_ASSESS_LEASE_H
#define NGX_HTTP_ASSESS_LEASE_H


#include "../ngx_http_assess_module.h"


/* Event loop.  db is the jobs' one; it outlives this. */
ngx_int_t ngx_http_assess_lease_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf, assess_db_t *db);

/*
 * The store is open, or is back: says at once that this worker lives, and goes
 * on saying so.
 */
void ngx_http_assess_lease_beat(void);

/*
 * A run begins under owner, which is noted before its job is claimed, and
 * ends.  Any thread; n is its place, below the number of jobs.
 */
void ngx_http_assess_lease_begin(ngx_uint_t n, const char *owner);
void ngx_http_assess_lease_end(ngx_uint_t n);

/* This worker is on its way out and has no run any more; waits for the store */
void ngx_http_assess_lease_exit(assess_db_t *db);


#endif /* NGX_HTTP_ASSESS_LEASE_H */
