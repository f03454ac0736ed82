
#include "ngx_http_assess_filter.h"


#define NGX_HTTP_ASSESS_FILTER_LOGS  16      /* jobs whose lines are told */


static ngx_int_t ngx_http_assess_filter_logs(ngx_http_assess_filter_t *fl,
    ngx_http_assess_call_t *call);
static ngx_int_t ngx_http_assess_filter_ids(ngx_http_assess_call_t *call,
    const char *name, ngx_http_assess_ids_t *ids);
static ngx_int_t ngx_http_assess_filter_users(ngx_http_assess_filter_t *fl,
    ngx_http_assess_call_t *call);
static ngx_int_t ngx_http_assess_filter_ids_copy(ngx_http_assess_ids_t *to,
    ngx_http_assess_ids_t *from, ngx_pool_t *pool);
static ngx_uint_t ngx_http_assess_filter_in(ngx_http_assess_ids_t *ids,
    const u_char *data, size_t len);
static void ngx_http_assess_filter_set(ngx_http_assess_filter_t *fl,
    ngx_http_assess_event_t *ev, ngx_uint_t ended);
static ngx_uint_t ngx_http_assess_event_is(ngx_http_assess_event_t *ev,
    const char *type);


ngx_int_t
ngx_http_assess_filter_read(ngx_http_assess_filter_t *fl,
    ngx_http_assess_call_t *call)
{
    ngx_int_t  rc;

    fl->tenant = &call->scope.tenant;

    rc = ngx_http_assess_filter_ids(call, "jobId", &fl->jobs);

    if (rc == NGX_OK) {
        rc = ngx_http_assess_filter_ids(call, "batchId", &fl->batches);
    }

    if (rc == NGX_OK && call->name.data) {

        /* events/{documentId} */

        fl->documents.ids = &call->name;
        fl->documents.n = 1;

    } else if (rc == NGX_OK) {
        rc = ngx_http_assess_filter_ids(call, "documentId", &fl->documents);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_assess_filter_users(fl, call);
    }

    if (rc == NGX_OK && fl->jobs.n + fl->batches.n) {
        fl->ended = assess_pcalloc(call->arena, fl->jobs.n + fl->batches.n);
        rc = fl->ended ? NGX_OK : NGX_ERROR;
    }

    return rc == NGX_OK ? ngx_http_assess_filter_logs(fl, call) : rc;
}


/* Lines are of jobs: of which is to be said */

static ngx_int_t
ngx_http_assess_filter_logs(ngx_http_assess_filter_t *fl,
    ngx_http_assess_call_t *call)
{
    const assess_str_t  *text;

    text = ngx_http_assess_call_param(call, "logs");

    if (text == NULL) {
        return NGX_OK;
    }

    if (text->len != 1 || (text->data[0] != '0' && text->data[0] != '1')) {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "\"logs\" must be 0 or 1");
        return NGX_ABORT;
    }

    fl->logs = text->data[0] == '1';

    if (fl->logs && (fl->jobs.n == 0
                     || fl->jobs.n > NGX_HTTP_ASSESS_FILTER_LOGS))
    {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "\"logs\" needs 1 to %d \"jobId\"",
                                     NGX_HTTP_ASSESS_FILTER_LOGS);
        return NGX_ABORT;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_assess_filter_ids(ngx_http_assess_call_t *call, const char *name,
    ngx_http_assess_ids_t *ids)
{
    size_t                   len;
    ngx_uint_t               i;
    ngx_http_assess_pair_t  *pair;

    len = ngx_strlen(name);

    for (i = 0; i < call->nparams; i++) {

        pair = &call->params[i];

        if (pair->name.len != len
            || ngx_memcmp(pair->name.data, name, len) != 0)
        {
            continue;
        }

        if (!assess_uuid_valid(pair->value.data, pair->value.len)) {
            ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                         "\"%s\" is no id", name);
            return NGX_ABORT;
        }

        if (ids->ids == NULL) {
            ids->ids = assess_palloc(call->arena,
                                     call->nparams * sizeof(assess_str_t));
            if (ids->ids == NULL) {
                return NGX_ERROR;
            }
        }

        ids->ids[ids->n++] = pair->value;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_assess_filter_users(ngx_http_assess_filter_t *fl,
    ngx_http_assess_call_t *call)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_http_assess_pair_t  *pair;

    fl->users.ids = assess_palloc(call->arena, (call->nparams + 1)
                                               * sizeof(assess_str_t));
    if (fl->users.ids == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < call->nparams; i++) {

        pair = &call->params[i];

        if (pair->name.len != 4 || ngx_memcmp(pair->name.data, "user", 4)
                                   != 0)
        {
            continue;
        }

        rc = ngx_http_assess_call_user(call, &pair->value,
                                       &fl->users.ids[fl->users.n]);

        if (rc == NGX_DECLINED) {
            ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                         "\"user=me\" needs a request that "
                                         "belongs to a user");
        }

        if (rc != NGX_OK) {
            return NGX_ABORT;
        }

        fl->users.n++;
    }

    return NGX_OK;
}


ngx_http_assess_filter_t *
ngx_http_assess_filter_copy(ngx_http_assess_filter_t *fl, ngx_pool_t *pool)
{
    ngx_http_assess_ids_t      tenant;
    ngx_http_assess_filter_t  *copy;

    copy = ngx_pcalloc(pool, sizeof(ngx_http_assess_filter_t));
    if (copy == NULL) {
        return NULL;
    }

    tenant.ids = (assess_str_t *) fl->tenant;
    tenant.n = 1;

    if (ngx_http_assess_filter_ids_copy(&tenant, &tenant, pool) != NGX_OK
        || ngx_http_assess_filter_ids_copy(&copy->jobs, &fl->jobs, pool)
           != NGX_OK
        || ngx_http_assess_filter_ids_copy(&copy->batches, &fl->batches, pool)
           != NGX_OK
        || ngx_http_assess_filter_ids_copy(&copy->documents, &fl->documents,
                                           pool)
           != NGX_OK
        || ngx_http_assess_filter_ids_copy(&copy->users, &fl->users, pool)
           != NGX_OK)
    {
        return NULL;
    }

    copy->tenant = tenant.ids;

    if (fl->jobs.n + fl->batches.n) {
        copy->ended = ngx_pnalloc(pool, fl->jobs.n + fl->batches.n);
        if (copy->ended == NULL) {
            return NULL;
        }

        ngx_memcpy(copy->ended, fl->ended, fl->jobs.n + fl->batches.n);
    }

    return copy;
}


static ngx_int_t
ngx_http_assess_filter_ids_copy(ngx_http_assess_ids_t *to,
    ngx_http_assess_ids_t *from, ngx_pool_t *pool)
{
    char          *p;
    size_t         i, len;
    assess_str_t  *ids;

    if (from->n == 0) {
        return NGX_OK;
    }

    for (i = 0, len = 0; i < from->n; i++) {
        len += from->ids[i].len;
    }

    ids = ngx_palloc(pool, from->n * sizeof(assess_str_t));
    p = ngx_pnalloc(pool, len + 1);

    if (ids == NULL || p == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < from->n; i++) {
        ids[i].len = from->ids[i].len;
        ids[i].data = p;
        p = (char *) ngx_cpymem(p, from->ids[i].data, from->ids[i].len);
    }

    to->ids = ids;
    to->n = from->n;

    return NGX_OK;
}


ngx_uint_t
ngx_http_assess_filter_wants(ngx_http_assess_filter_t *fl,
    ngx_http_assess_event_t *ev)
{
    const assess_str_t  *tenant;

    tenant = fl->tenant;

    if (ev->tenant.len != tenant->len
        || ngx_memcmp(ev->tenant.data, tenant->data, tenant->len) != 0)
    {
        return 0;
    }

    if (fl->users.n && (ev->user.data == NULL
                        || !ngx_http_assess_filter_in(&fl->users,
                                                      ev->user.data,
                                                      ev->user.len)))
    {
        return 0;
    }

    if (fl->jobs.n == 0 && fl->batches.n == 0 && fl->documents.n == 0) {
        return 1;
    }

    return ngx_http_assess_filter_in(&fl->jobs, ev->job_id, ASSESS_UUID_LEN)
           || ngx_http_assess_filter_in(&fl->documents, ev->document_id,
                                        ASSESS_UUID_LEN)
           || (ev->batch_id
               && ngx_http_assess_filter_in(&fl->batches, ev->batch_id,
                                            ASSESS_UUID_LEN));
}


static ngx_uint_t
ngx_http_assess_filter_in(ngx_http_assess_ids_t *ids, const u_char *data,
    size_t len)
{
    size_t  i;

    for (i = 0; i < ids->n; i++) {
        if (ids->ids[i].len == len
            && ngx_memcmp(ids->ids[i].data, data, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* a batch has ended when it says when: see assess_batch_json() */

#define NGX_HTTP_ASSESS_GOES_ON  "\"completedAt\":null}"

void
ngx_http_assess_filter_mark(ngx_http_assess_filter_t *fl,
    ngx_http_assess_event_t *ev)
{
    size_t      len;
    ngx_uint_t  ended;

    if (ngx_http_assess_event_is(ev, "batch")) {
        len = sizeof(NGX_HTTP_ASSESS_GOES_ON) - 1;
        ended = ev->data.len >= len
                && ngx_memcmp(ev->data.data + ev->data.len - len,
                              NGX_HTTP_ASSESS_GOES_ON, len)
                   != 0;

    } else {
        ended = ngx_http_assess_event_is(ev, "complete")
                || ngx_http_assess_event_is(ev, "error")
                || ngx_http_assess_event_is(ev, "cancelled");
    }

    ngx_http_assess_filter_set(fl, ev, ended);
}


void
ngx_http_assess_filter_unmark(ngx_http_assess_filter_t *fl,
    ngx_http_assess_event_t *ev)
{
    ngx_http_assess_filter_set(fl, ev, 0);
}


static void
ngx_http_assess_filter_set(ngx_http_assess_filter_t *fl,
    ngx_http_assess_event_t *ev, ngx_uint_t ended)
{
    size_t                  i;
    u_char                 *id, *marks;
    ngx_http_assess_ids_t  *ids;

    ids = &fl->jobs;
    id = ev->job_id;
    marks = fl->ended;

    if (marks && ngx_http_assess_event_is(ev, "batch")) {
        ids = &fl->batches;
        id = ev->batch_id;
        marks += fl->jobs.n;
    }

    for (i = 0; i < ids->n; i++) {
        if (id && ngx_memcmp(ids->ids[i].data, id, ASSESS_UUID_LEN) == 0) {
            marks[i] = (u_char) ended;
        }
    }
}


static ngx_uint_t
ngx_http_assess_event_is(ngx_http_assess_event_t *ev, const char *type)
{
    return ev->type.len == ngx_strlen(type)
           && ngx_memcmp(ev->type.data, type, ev->type.len) == 0;
}


ngx_uint_t
ngx_http_assess_filter_none(ngx_http_assess_filter_t *fl)
{
    return fl->jobs.n == 0 && fl->batches.n == 0 && fl->documents.n == 0
           && fl->users.n == 0;
}


ngx_uint_t
ngx_http_assess_filter_over(ngx_http_assess_filter_t *fl)
{
    size_t  i;

    if (fl->jobs.n + fl->batches.n == 0 || fl->documents.n) {
        return 0;
    }

    for (i = 0; i < fl->jobs.n + fl->batches.n; i++) {
        if (!fl->ended[i]) {
            return 0;
        }
    }

    return 1;
}
