
#include "ngx_http_assess_call.h"
#include "../runtime/ngx_http_assess_hub.h"


/* The process answers: that is all it says. */

ngx_int_t
ngx_http_assess_live(ngx_http_assess_call_t *call)
{
    assess_buf_str(&call->body, "{\"status\":\"ok\"}");

    return NGX_OK;
}


/* Whether this instance can take work: the store is there, it does not stop */

ngx_int_t
ngx_http_assess_ready(ngx_http_assess_call_t *call)
{
    assess_err_t  err;

    if (ngx_http_assess_hub_quitting()) {
        ngx_http_assess_call_problem(call, NGX_HTTP_SERVICE_UNAVAILABLE, NULL,
                                     "worker: it is shutting down");
        ngx_http_assess_call_header(call, "Retry-After", "1");
        return NGX_OK;
    }

    if (!ngx_http_assess_scheduler_ready(&err)
        || assess_db_away(ngx_http_assess_scheduler_db(), &err))
    {
        ngx_http_assess_call_problem(call, NGX_HTTP_SERVICE_UNAVAILABLE, NULL,
                                     "store: %s", err.message);
        ngx_http_assess_call_header(call, "Retry-After", "1");
        return NGX_OK;
    }

    return NGX_DECLINED;
}


void
ngx_http_assess_ready_check(ngx_http_assess_call_t *call)
{
    assess_err_t  err;

    if (assess_db_check(ngx_http_assess_scheduler_db(), &err) != ASSESS_OK) {
        ngx_http_assess_call_problem(call, NGX_HTTP_SERVICE_UNAVAILABLE, NULL,
                                     "store: %s", err.message);
        ngx_http_assess_call_header(call, "Retry-After", "1");
        return;
    }

    if (access(call->mcf->extract.program, X_OK) == -1) {
        ngx_http_assess_call_problem(call, NGX_HTTP_SERVICE_UNAVAILABLE, NULL,
                                     "extractor: assess-extract cannot be "
                                     "run");
        ngx_http_assess_call_header(call, "Retry-After", "1");
        return;
    }

    assess_buf_str(&call->body, "{\"status\":\"ok\",\"store\":\"ok\","
                                "\"extractor\":\"ok\"}");
}
