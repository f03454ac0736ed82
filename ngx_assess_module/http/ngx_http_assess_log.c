
/* The log of a job: what happened to it, line by line. */

#include "ngx_http_assess_call.h"


void
ngx_http_assess_job_log(ngx_http_assess_call_t *call)
{
    size_t              i, n;
    assess_err_t        err;
    assess_str_t        next, from;
    assess_paging_t     paging;
    assess_log_line_t  *lines;

    if (ngx_http_assess_call_paging(call, &paging) != NGX_OK) {
        return;
    }

    if (assess_log_read(ngx_http_assess_scheduler_db(), call->arena,
                        &call->scope, call->name.data, &paging, &lines, &n,
                        &next, &from, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    assess_buf_str(&call->body, "{\"lines\":[");

    for (i = 0; i < n; i++) {
        if (i) {
            assess_buf_char(&call->body, ',');
        }
        assess_log_json(&call->body, &lines[i]);
    }

    assess_buf_str(&call->body, "],\"nextCursor\":");
    assess_buf_json_str(&call->body, &next);
    assess_buf_char(&call->body, '}');
}
