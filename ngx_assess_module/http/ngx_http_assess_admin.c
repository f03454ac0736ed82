
/*
 * The calls of an operator, over all tenants.  Who may make them is checked
 * before they come here.
 */

#include "ngx_http_assess_call.h"
#include "../runtime/ngx_http_assess_pause.h"

#include "store/assess_history.h"
#include "store/assess_overview.h"

#include <stdio.h>


#define NGX_HTTP_ASSESS_CLEAN_ROWS  200      /* jobs of one transaction */
#define NGX_HTTP_ASSESS_CLEAN_MS    400      /* ms; for all of a call */


static void ngx_http_assess_admin_job(ngx_http_assess_call_t *call,
    const assess_job_t *job);
static ngx_int_t ngx_http_assess_admin_age(ngx_http_assess_call_t *call,
    int64_t *age);
static ngx_int_t ngx_http_assess_admin_since(const assess_str_t *text,
    int64_t *ms);


void
ngx_http_assess_admin_status(ngx_http_assess_call_t *call)
{
    assess_err_t    err;
    assess_overview_t  queue;

    if (assess_overview_read(ngx_http_assess_scheduler_db(), call->arena, &queue,
                          &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    assess_overview_json(&call->body, &queue);
}


void
ngx_http_assess_admin_jobs(ngx_http_assess_call_t *call)
{
    size_t                i, n;
    int64_t               total;
    assess_err_t          err;
    assess_job_t         *jobs;
    assess_str_t          next;
    assess_scope_t        scope;
    const assess_str_t   *tenant;
    assess_job_filter_t   filter;

    if (ngx_http_assess_jobs_filter(call, &filter) != NGX_OK) {
        return;
    }

    ngx_memzero(&scope, sizeof(assess_scope_t));
    tenant = ngx_http_assess_call_param(call, "tenant");

    if (tenant && (tenant->len == 0
                   || tenant->len > NGX_HTTP_ASSESS_TENANT_LEN))
    {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "\"tenant\" must have 1 to %d bytes",
                                     NGX_HTTP_ASSESS_TENANT_LEN);
        return;
    }

    if (tenant) {
        scope.tenant = *tenant;
    }

    if (assess_jobs_list(ngx_http_assess_scheduler_db(), call->arena, &scope,
                         &filter, &jobs, &n, &next, &total, &err)
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
        ngx_http_assess_admin_job(call, &jobs[i]);
    }

    ngx_http_assess_call_list_end(call, &next, total);
}


/* The Job, with its tenant in front: its own brace becomes a comma */

static void
ngx_http_assess_admin_job(ngx_http_assess_call_t *call,
    const assess_job_t *job)
{
    size_t  at;

    assess_buf_str(&call->body, "{\"tenant\":");
    assess_buf_json_str(&call->body, &job->tenant);

    at = call->body.len;
    assess_job_json(&call->body, job);

    if (!call->body.failed) {
        call->body.data[at] = ',';
    }
}


void
ngx_http_assess_admin_retry(ngx_http_assess_call_t *call)
{
    assess_db_t            *db;
    assess_err_t            err;
    assess_scope_t          scope;
    assess_change_t         change;
    const assess_change_t  *told = &change;

    db = ngx_http_assess_scheduler_db();
    ngx_memzero(&scope, sizeof(assess_scope_t));

    if (assess_job_tenant(db, call->arena, call->name.data, &scope.tenant,
                            &err)
        != ASSESS_OK
        || assess_job_retry(db, call->arena, &scope, call->name.data, &change,
                            &err)
           != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    ngx_http_assess_scheduler_publish(&told, 1);

    call->status = NGX_HTTP_ACCEPTED;
    ngx_http_assess_admin_job(call, &change.job);
}


/* Piece by piece, and no longer than a call may take: more says to call again */

void
ngx_http_assess_admin_clean(ngx_http_assess_call_t *call)
{
    int                   status, more;
    char                (*ids)[ASSESS_UUID_LEN + 1];
    size_t                i, n;
    int64_t               age, begun, deleted;
    assess_err_t          err;
    const assess_str_t   *name;

    status = -1;
    deleted = 0;
    name = ngx_http_assess_call_param(call, "status");

    if (name) {
        status = assess_status_by_name(name->data, name->len);

        if (status < ASSESS_COMPLETED) {
            ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                         "\"status\" must be completed, "
                                         "failed, cancelled or "
                                         "budget_exceeded: only what has ended "
                                         "is cleaned");
            return;
        }
    }

    if (ngx_http_assess_admin_age(call, &age) != NGX_OK) {
        return;
    }

    begun = assess_mono_ms();

    do {
        if (assess_jobs_forget(ngx_http_assess_scheduler_db(), call->arena,
                               status, age, NGX_HTTP_ASSESS_CLEAN_ROWS, &ids,
                               &n, &err)
            != ASSESS_OK)
        {
            /* what is gone is gone, and is told */

            if (deleted) {
                more = 1;
                break;
            }

            ngx_http_assess_call_fail(call, &err);
            return;
        }

        for (i = 0; i < n; i++) {
            ngx_http_assess_zone_forget(call->mcf->zone, ids[i]);
        }

        deleted += (int64_t) n;
        more = n == NGX_HTTP_ASSESS_CLEAN_ROWS;

    } while (more && assess_mono_ms() - begun < NGX_HTTP_ASSESS_CLEAN_MS);

    assess_buf_printf(&call->body, "{\"deleted\":%lld,\"more\":%s}",
                      (long long) deleted, more ? "true" : "false");
}


/* "7d", "12h", a number of seconds, or a time; all that has ended is asked for */

static ngx_int_t
ngx_http_assess_admin_age(ngx_http_assess_call_t *call, int64_t *age)
{
    ngx_int_t            value;
    ngx_str_t            text;
    const assess_str_t  *older;

    older = ngx_http_assess_call_param(call, "olderThan");

    if (older == NULL) {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "\"olderThan\" is missing: 0 is all that "
                                     "has ended");
        return NGX_ERROR;
    }

    if (ngx_http_assess_admin_since(older, age) == NGX_OK) {
        return NGX_OK;
    }

    text.len = older->len;
    text.data = (u_char *) older->data;
    value = text.len ? ngx_parse_time(&text, 1) : NGX_ERROR;

    if (value == NGX_ERROR || value > 3650 * 24 * 3600) {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "\"olderThan\" must be a time span such "
                                     "as 30d or 12h, a number of seconds, or "
                                     "a time such as 2026-11-23T10:00:00Z");
        return NGX_ERROR;
    }

    *age = (int64_t) value * 1000;

    return NGX_OK;
}


/* How long ago an RFC 3339 time in UTC is; never less than nothing */

static ngx_int_t
ngx_http_assess_admin_since(const assess_str_t *text, int64_t *ms)
{
    int        end;
    char       copy[40];
    time_t     time;
    struct tm  tm;

    if (text->len >= sizeof(copy)) {
        return NGX_DECLINED;
    }

    ngx_memcpy(copy, text->data, text->len);
    copy[text->len] = '\0';
    ngx_memzero(&tm, sizeof(struct tm));
    end = 0;

    if (sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon,
               &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) != 6
        || end != sizeof("2026-11-23T10:00:00") - 1)
    {
        return NGX_DECLINED;
    }

    if (copy[end] == '.') {
        for (end++; copy[end] >= '0' && copy[end] <= '9'; end++) { /* void */ }
    }

    if (copy[end] != 'Z' || copy[end + 1] != '\0') {
        return NGX_DECLINED;
    }

    tm.tm_year -= 1900;
    tm.tm_mon--;

    time = timegm(&tm);
    *ms = assess_now_ms() - (int64_t) time * 1000;

    if (*ms < 0) {
        *ms = 0;
    }

    return NGX_OK;
}


void
ngx_http_assess_admin_pause(ngx_http_assess_call_t *call)
{
    assess_err_t    err;
    assess_pause_t  pause;

    if (assess_pause_begin(ngx_http_assess_scheduler_db(), call->arena,
                           &call->scope.user, &pause, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    ngx_http_assess_pause_set(ngx_http_assess_scheduler_engine(), 1);

    assess_buf_char(&call->body, '{');
    assess_pause_json(&call->body, &pause);
    assess_buf_char(&call->body, '}');
}


void
ngx_http_assess_admin_resume(ngx_http_assess_call_t *call)
{
    assess_err_t    err;
    assess_pause_t  pause;

    if (assess_pause_end(ngx_http_assess_scheduler_db(), &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    ngx_http_assess_pause_set(ngx_http_assess_scheduler_engine(), 0);
    ngx_http_assess_zone_wake(call->mcf->zone, NGX_HTTP_ASSESS_WAKE_QUEUE);

    ngx_memzero(&pause, sizeof(assess_pause_t));

    assess_buf_char(&call->body, '{');
    assess_pause_json(&call->body, &pause);
    assess_buf_char(&call->body, '}');
}
