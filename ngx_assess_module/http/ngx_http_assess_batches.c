
#include "ngx_http_assess_start.h"
#include "../runtime/ngx_http_assess_batches.h"


/* ten thousand documents are more than a moment's work */
#define NGX_HTTP_ASSESS_BATCH_MS     10000

/* so long a call changes jobs by itself; the rest is left to the teller */
#define NGX_HTTP_ASSESS_BATCH_SLICES  200        /* ms */


static assess_err_e ngx_http_assess_batch_body(ngx_http_assess_call_t *call,
    assess_batch_start_t *start, assess_err_t *err);
static assess_err_e ngx_http_assess_batch_key(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_batch_start_t *start, assess_err_t *err);
static void ngx_http_assess_batch_answer(ngx_http_assess_call_t *call,
    const assess_batch_t *batch);
static void ngx_http_assess_batch_path(ngx_http_assess_call_t *call,
    const char *path, const char *batch_id, const char *tail);
static void ngx_http_assess_batch_act(ngx_http_assess_call_t *call,
    assess_batch_act_e act);
static void ngx_http_assess_batch_slices(ngx_http_assess_call_t *call,
    assess_batch_t *batch);


void
ngx_http_assess_batch_post(ngx_http_assess_call_t *call)
{
    int                     replayed;
    assess_err_t            err;
    assess_batch_start_t   *start;
    assess_batch_change_t   change;

    start = assess_pcalloc(call->arena, sizeof(assess_batch_start_t));

    if (start == NULL) {
        (void) assess_fail(&err, ASSESS_ERROR, NULL, "out of memory");
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    if (ngx_http_assess_batch_body(call, start, &err) != ASSESS_OK) {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    /* the connections of the calls are for what takes a moment */

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_BATCH_MS);

    if (assess_batch_start(ngx_http_assess_scheduler_engine()->db,
                           call->arena, &call->scope, start, &change,
                           &replayed, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    if (replayed) {
        ngx_http_assess_call_header(call, "Idempotent-Replayed", "true");

    } else {
        assess_count(&ngx_http_assess_scheduler_engine()->metrics->accepted,
                     (uint64_t) change.batch.documents);
        ngx_http_assess_batches_publish(change.events, change.nevents);
        ngx_http_assess_zone_wake(call->mcf->zone,
                                  NGX_HTTP_ASSESS_WAKE_QUEUE);
    }

    ngx_http_assess_batch_answer(call, &change.batch);
}


static assess_err_e
ngx_http_assess_batch_body(ngx_http_assess_call_t *call,
    assess_batch_start_t *start, assess_err_t *err)
{
    assess_json_t  *body, *value;

    body = ngx_http_assess_start_object(call, NGX_HTTP_ASSESS_VALUES
                                              + 2 * ASSESS_BATCH_DOCUMENTS,
                                        err);
    if (body == NULL) {
        return err->kind;
    }

    ngx_http_assess_start_init(call, &start->start);

    for (value = body->first; value; value = value->next) {
        if (ngx_http_assess_batch_key(call, value, start, err) != ASSESS_OK) {
            return err->kind;
        }
    }

    if (start->document_ids == NULL) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "documentIds",
                                   "documentIds is missing");
    }

    if (start->start.set_name.data == NULL) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "questionSet",
                                   "questionSet is missing");
    }

    if (ngx_http_assess_start_provider(call, &start->start, err)
        != ASSESS_OK)
    {
        return err->kind;
    }

    return ngx_http_assess_start_hash(call, body, &start->start, err);
}


static assess_err_e
ngx_http_assess_batch_key(ngx_http_assess_call_t *call, assess_json_t *value,
    assess_batch_start_t *start, assess_err_t *err)
{
    if (ngx_http_assess_start_is(value, "documentIds")) {
        return ngx_http_assess_start_documents(call, value,
                                               &start->document_ids,
                                               &start->ndocuments, err);
    }

    if (ngx_http_assess_start_is(value, "notifyEmail")) {
        return ngx_http_assess_start_email(call, value, &start->notify_email,
                                           err);
    }

    /* what says which document a start is about */

    if (ngx_http_assess_start_is(value, "documentId")
        || ngx_http_assess_start_is(value, "url")
        || ngx_http_assess_start_is(value, "filename"))
    {
        return ngx_http_assess_start_unknown(call, value, err);
    }

    return ngx_http_assess_start_key(call, value, &start->start, err);
}


static void
ngx_http_assess_batch_path(ngx_http_assess_call_t *call, const char *path,
    const char *batch_id, const char *tail)
{
    assess_buf_add(&call->body, call->prefix.data, call->prefix.len);
    assess_buf_str(&call->body, path);
    assess_buf_add(&call->body, batch_id, ASSESS_UUID_LEN);
    assess_buf_str(&call->body, tail);
}


static void
ngx_http_assess_batch_answer(ngx_http_assess_call_t *call,
    const assess_batch_t *batch)
{
    assess_buf_t  *b;

    b = &call->body;

    call->status = NGX_HTTP_ACCEPTED;

    /* the buffer is used for the header, too, whose value is copied */

    assess_buf_reset(b);
    ngx_http_assess_batch_path(call, "/assessments/batch/", batch->batch_id,
                               "");
    ngx_http_assess_call_header_text(call, "Location", b->data, b->len);

    if (b->failed) {
        return;
    }

    assess_buf_reset(b);

    assess_buf_printf(b, "{\"batchId\":\"%s\",\"status\":\"queued\""
                      ",\"totalDocuments\":%d,\"statusUrl\":\"",
                      batch->batch_id, batch->documents);
    ngx_http_assess_batch_path(call, "/assessments/batch/", batch->batch_id,
                               "\",\"progressUrl\":\"");
    ngx_http_assess_batch_path(call, "/assessments/progress?batchId=",
                               batch->batch_id, "\",\"resultsUrl\":\"");
    ngx_http_assess_batch_path(call, "/assessments/batch/", batch->batch_id,
                               "/results\"}");
}


void
ngx_http_assess_batch_get(ngx_http_assess_call_t *call)
{
    assess_err_t    err;
    assess_batch_t  batch;

    if (assess_batch_read(ngx_http_assess_scheduler_db(), call->arena,
                          &call->scope, call->name.data, &batch, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    assess_batch_json(&call->body, &batch);
}


void
ngx_http_assess_batch_cancel(ngx_http_assess_call_t *call)
{
    ngx_http_assess_batch_act(call, ASSESS_BATCH_CANCEL);
}


void
ngx_http_assess_batch_pause(ngx_http_assess_call_t *call)
{
    ngx_http_assess_batch_act(call, ASSESS_BATCH_PAUSE);
}


void
ngx_http_assess_batch_resume(ngx_http_assess_call_t *call)
{
    ngx_http_assess_batch_act(call, ASSESS_BATCH_RESUME);
}


void
ngx_http_assess_batch_retry(ngx_http_assess_call_t *call)
{
    ngx_http_assess_batch_act(call, ASSESS_BATCH_RETRY);
}


static void
ngx_http_assess_batch_act(ngx_http_assess_call_t *call,
    assess_batch_act_e act)
{
    assess_err_t            err;
    assess_batch_change_t   change;

    if (assess_batch_act(ngx_http_assess_scheduler_db(), call->arena,
                         &call->scope, call->name.data, act, &change, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    if (change.changed) {

        ngx_http_assess_batches_publish(change.events, change.nevents);

        if (act == ASSESS_BATCH_CANCEL || act == ASSESS_BATCH_RETRY) {
            call->status = NGX_HTTP_ACCEPTED;
            ngx_http_assess_batch_slices(call, &change.batch);

        } else if (act == ASSESS_BATCH_RESUME) {
            ngx_http_assess_zone_wake(call->mcf->zone,
                                      NGX_HTTP_ASSESS_WAKE_QUEUE);
        }

        ngx_http_assess_batches_wake();
    }

    assess_batch_json(&call->body, &change.batch);
}


/*
 * What follows for the jobs, as far as it is done soon: the client of a small
 * batch finds it done.  It is durable already, so that no failure matters here.
 */

static void
ngx_http_assess_batch_slices(ngx_http_assess_call_t *call,
    assess_batch_t *batch)
{
    int64_t         until;
    assess_db_t    *db;
    assess_err_t    err;
    assess_batch_t  now;

    db = ngx_http_assess_scheduler_db();
    until = assess_mono_ms() + NGX_HTTP_ASSESS_BATCH_SLICES;

    while (ngx_http_assess_batches_slice(db, batch->batch_id)
           && assess_mono_ms() < until)
    {
        /* void */
    }

    if (assess_batch_read(db, call->arena, &call->scope, batch->batch_id, &now,
                          &err)
        == ASSESS_OK)
    {
        *batch = now;
    }
}


void
ngx_http_assess_batches_list(ngx_http_assess_call_t *call)
{
    size_t                  i, n;
    int64_t                 total;
    assess_err_t            err;
    assess_str_t            next;
    assess_batch_t         *batches;
    const assess_str_t     *status;
    assess_batch_filter_t   filter;

    filter.status = -1;

    if (ngx_http_assess_call_paging(call, &filter.paging) != NGX_OK) {
        return;
    }

    status = ngx_http_assess_call_param(call, "status");

    if (status) {
        filter.status = assess_batch_status_by_name(status->data,
                                                    status->len);

        if (filter.status == -1) {
            ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                         "\"status\" must be queued, "
                                         "processing, paused, completed, "
                                         "cancelled or budget_exceeded");
            return;
        }
    }

    if (assess_batches_list(ngx_http_assess_scheduler_db(), call->arena,
                            &call->scope, &filter, &batches, &n, &next,
                            &total, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    assess_buf_str(&call->body, "{\"batches\":[");

    for (i = 0; i < n; i++) {
        if (i) {
            assess_buf_char(&call->body, ',');
        }
        assess_batch_json(&call->body, &batches[i]);
    }

    ngx_http_assess_call_list_end(call, &next, total);
}
