
#include "ngx_http_assess_call.h"

#include "engine/assess_questions.h"


void
ngx_http_assess_question_set_put(ngx_http_assess_call_t *call)
{
    int                     created;
    assess_err_t            err;
    assess_str_t            body;
    assess_question_set_t   set;

    ngx_memzero(&set, sizeof(assess_question_set_t));

    if (ngx_http_assess_call_body(call, &body, &err) != ASSESS_OK
        || assess_question_set_parse(call->arena, body.data, body.len, &set,
                                     &err)
           != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    set.name = call->name;

    if (assess_question_set_put(ngx_http_assess_scheduler_db(), call->arena,
                                &call->scope, &set, &created, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    if (created) {
        call->status = NGX_HTTP_CREATED;
        ngx_http_assess_call_header(call, "Location",
                                    "%.*s/question-sets/%.*s?version=%d",
                                    (int) call->prefix.len, call->prefix.data,
                                    (int) set.name.len, set.name.data,
                                    set.version);
    }

    assess_question_set_json(&call->body, &set);
}


void
ngx_http_assess_question_set_get(ngx_http_assess_call_t *call)
{
    int                     version;
    assess_err_t            err;
    assess_question_set_t   set;

    version = 0;

    if (ngx_http_assess_call_number(call, "version", 1, NGX_MAX_INT32_VALUE,
                                    &version)
        != NGX_OK)
    {
        return;
    }

    if (assess_question_set_read(ngx_http_assess_scheduler_db(), call->arena,
                                 &call->scope, &call->name, version, &set,
                                 &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    assess_question_set_json(&call->body, &set);
}


void
ngx_http_assess_question_sets_list(ngx_http_assess_call_t *call)
{
    size_t                  i, n;
    int64_t                 total;
    assess_err_t            err;
    assess_str_t            next;
    assess_paging_t         paging;
    assess_question_set_t  *sets;

    if (ngx_http_assess_call_paging(call, &paging) != NGX_OK) {
        return;
    }

    if (assess_question_sets_list(ngx_http_assess_scheduler_db(), call->arena,
                                  &call->scope, &paging, &sets, &n, &next,
                                  &total, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    assess_buf_str(&call->body, "{\"questionSets\":[");

    for (i = 0; i < n; i++) {
        if (i) {
            assess_buf_char(&call->body, ',');
        }
        assess_question_set_json(&call->body, &sets[i]);
    }

    ngx_http_assess_call_list_end(call, &next, total);
}
