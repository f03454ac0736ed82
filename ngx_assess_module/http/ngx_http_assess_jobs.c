
#include "ngx_http_assess_call.h"
#include "../runtime/ngx_http_assess_places.h"


/*
 * The status of a job, from shared memory: thousands may ask all the time.
 * The place of a queued job in the queue is read once, and then followed for
 * all who ask; it is done without when it is not told soon.
 */

ngx_int_t
ngx_http_assess_job_fast(ngx_http_assess_call_t *call)
{
    ngx_int_t        rc;
    ngx_uint_t       placed;
    assess_status_e  status;

    rc = ngx_http_assess_zone_job(call->mcf->zone, &call->scope.tenant,
                                  call->name.data, &status, &placed,
                                  &call->body);

    if (rc != NGX_OK || status != ASSESS_QUEUED) {
        return rc;
    }

    ngx_http_assess_places_follow(call->mcf);

    if (!placed && ngx_http_assess_scheduler_ready(NULL)
        && !assess_db_away(ngx_http_assess_scheduler_db(), NULL))
    {
        call->known = call->body;
        ngx_memzero(&call->body, sizeof(assess_buf_t));
        return NGX_DECLINED;
    }

    return NGX_OK;
}


void
ngx_http_assess_job_get(ngx_http_assess_call_t *call)
{
    uint64_t      version;
    assess_err_t  err;
    assess_job_t  job;

    version = ngx_http_assess_zone_reading(call->mcf->zone, call->name.data);

    if (assess_job_read(ngx_http_assess_scheduler_db(), call->arena,
                        &call->scope, call->name.data, &job, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_zone_unread(call->mcf->zone, call->name.data);

        if (err.kind != ASSESS_UNAVAILABLE
            || !ngx_http_assess_call_known(call))
        {
            ngx_http_assess_call_fail(call, &err);
        }
        return;
    }

    ngx_http_assess_zone_keep(call->mcf->zone, &job, version);

    assess_job_json(&call->body, &job);
}


void
ngx_http_assess_job_cancel(ngx_http_assess_call_t *call)
{
    int                     changed;
    assess_err_t            err;
    assess_change_t         change;
    const assess_change_t  *told = &change;

    if (assess_job_cancel(ngx_http_assess_scheduler_db(), call->arena,
                          &call->scope, call->name.data, &change, &changed,
                          &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    if (changed) {
        ngx_http_assess_scheduler_publish(&told, 1);
        call->status = NGX_HTTP_ACCEPTED;
    }

    assess_job_json(&call->body, &change.job);
}


void
ngx_http_assess_job_retry(ngx_http_assess_call_t *call)
{
    assess_err_t            err;
    assess_change_t         change;
    const assess_change_t  *told = &change;

    if (assess_job_retry(ngx_http_assess_scheduler_db(), call->arena,
                         &call->scope, call->name.data, &change, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    ngx_http_assess_scheduler_publish(&told, 1);

    call->status = NGX_HTTP_ACCEPTED;
    assess_job_json(&call->body, &change.job);
}


/* an id in the query that is none is a mistake of the client's */

ngx_int_t
ngx_http_assess_call_id(ngx_http_assess_call_t *call, const char *name,
    assess_str_t *id)
{
    const assess_str_t  *text;

    text = ngx_http_assess_call_param(call, name);

    if (text == NULL) {
        id->len = 0;
        id->data = NULL;
        return NGX_OK;
    }

    if (!assess_uuid_valid(text->data, text->len)) {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "\"%s\" is no id", name);
        return NGX_ERROR;
    }

    *id = *text;

    return NGX_OK;
}


/* "me" is whoever asks; NGX_DECLINED when nobody does */

ngx_int_t
ngx_http_assess_call_user(ngx_http_assess_call_t *call,
    const assess_str_t *name, assess_str_t *user)
{
    user->len = 0;
    user->data = NULL;

    if (name == NULL) {
        return NGX_OK;
    }

    if (name->len == 2 && ngx_memcmp(name->data, "me", 2) == 0) {

        if (call->scope.user.data == NULL) {
            return NGX_DECLINED;
        }

        *user = call->scope.user;
        return NGX_OK;
    }

    if (name->len == 0 || name->len > NGX_HTTP_ASSESS_USER_LEN) {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "\"user\" must have 1 to %d bytes",
                                     NGX_HTTP_ASSESS_USER_LEN);
        return NGX_ERROR;
    }

    *user = *name;

    return NGX_OK;
}


ngx_int_t
ngx_http_assess_jobs_filter(ngx_http_assess_call_t *call,
    assess_job_filter_t *filter)
{
    ngx_int_t            rc;
    const assess_str_t  *status;

    ngx_memzero(filter, sizeof(assess_job_filter_t));
    filter->status = -1;

    if (ngx_http_assess_call_paging(call, &filter->paging) != NGX_OK
        || ngx_http_assess_call_id(call, "batchId", &filter->batch_id)
           != NGX_OK
        || ngx_http_assess_call_id(call, "documentId", &filter->document_id)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    status = ngx_http_assess_call_param(call, "status");

    if (status) {
        filter->status = assess_status_by_name(status->data, status->len);

        if (filter->status == -1) {
            ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                         "\"status\" must be queued, "
                                         "processing, completed, failed, "
                                         "cancelled or budget_exceeded");
            return NGX_ERROR;
        }
    }

    rc = ngx_http_assess_call_user(call,
                                   ngx_http_assess_call_param(call, "user"),
                                   &filter->user);

    if (rc == NGX_DECLINED) {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "\"user=me\" needs a request that "
                                     "belongs to a user");
    }

    return rc;
}


void
ngx_http_assess_jobs_list(ngx_http_assess_call_t *call)
{
    size_t                i, n;
    int64_t               total;
    assess_err_t          err;
    assess_job_t         *jobs;
    assess_str_t          next;
    assess_job_filter_t   filter;

    if (ngx_http_assess_jobs_filter(call, &filter) != NGX_OK) {
        return;
    }

    if (assess_jobs_list(ngx_http_assess_scheduler_db(), call->arena,
                         &call->scope, &filter, &jobs, &n, &next, &total,
                         &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    assess_buf_str(&call->body, "{\"jobs\":[");

    for (i = 0; i < n; i++) {
        if (i) {
            assess_buf_char(&call->body, ',');
        }
        assess_job_json(&call->body, &jobs[i]);
    }

    ngx_http_assess_call_list_end(call, &next, total);
}


void
ngx_http_assess_call_list_end(ngx_http_assess_call_t *call,
    const assess_str_t *next, int64_t total)
{
    assess_buf_str(&call->body, "],\"nextCursor\":");
    assess_buf_json_str(&call->body, next);
    assess_buf_printf(&call->body, ",\"total\":%lld}", (long long) total);
}


void
ngx_http_assess_counters_get(ngx_http_assess_call_t *call)
{
    assess_err_t       err;
    assess_counters_t  counters;

    if (assess_counters_read(ngx_http_assess_scheduler_db(), &call->scope,
                             &counters, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    assess_counters_json(&call->body, &counters);
}
