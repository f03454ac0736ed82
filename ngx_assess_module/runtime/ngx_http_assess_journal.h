
/*
 * The journal: one line of JSON for each event of a job, in a file of the
 * operator's.  Whoever made an event hands it over, and a thread writes: nobody
 * else ever waits for that disk.  Where it is too slow events are left out.
 */

#ifndef NGX_HTTP_ASSESS_JOURNAL_H
#define NGX_HTTP_ASSESS_JOURNAL_H


#include "../ngx_http_assess_module.h"


/* Event loop, before there are other threads, and after them. */
ngx_int_t ngx_http_assess_journal_init(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf);
void ngx_http_assess_journal_exit(void);

/* Of the file: nginx is about to open it again. */
void ngx_http_assess_journal_reopen(ngx_open_file_t *file, ngx_log_t *log);

/* Any thread. */
void ngx_http_assess_journal_tell(const assess_change_t **changes,
    ngx_uint_t n);


#endif /* NGX_HTTP_ASSESS_JOURNAL_H */
