
#include "ngx_http_assess_results.h"
#include "ngx_http_assess_start.h"
#include "../runtime/ngx_http_assess_batches.h"

#include "engine/assess_email.h"


/* ten thousand documents are more than a moment's work */
#define NGX_HTTP_ASSESS_BATCH_MS     10000

/* so long a call changes jobs by itself; the rest is left to the teller */
#define NGX_HTTP_ASSESS_BATCH_SLICES  200        /* ms */

#define NGX_HTTP_ASSESS_EMAIL_LEN    254


/* the results that are being sent */

typedef struct {
    assess_batch_t   batch;
    ngx_uint_t       csv;
    char             after[ASSESS_UUID_LEN + 1];
} ngx_http_assess_batch_results_t;


static assess_err_e ngx_http_assess_batch_body(ngx_http_assess_call_t *call,
    assess_batch_start_t *start, assess_err_t *err);
static assess_err_e ngx_http_assess_batch_key(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_batch_start_t *start, assess_err_t *err);
static assess_err_e ngx_http_assess_batch_documents(
    ngx_http_assess_call_t *call, assess_json_t *value,
    assess_batch_start_t *start, assess_err_t *err);
static assess_err_e ngx_http_assess_batch_email(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_batch_start_t *start, assess_err_t *err);
static void ngx_http_assess_batch_answer(ngx_http_assess_call_t *call,
    const assess_batch_t *batch);
static void ngx_http_assess_batch_path(ngx_http_assess_call_t *call,
    const char *path, const char *batch_id, const char *tail);
static void ngx_http_assess_batch_act(ngx_http_assess_call_t *call,
    assess_batch_act_e act);
static void ngx_http_assess_batch_slices(ngx_http_assess_call_t *call,
    assess_batch_t *batch);
static void ngx_http_assess_batch_results_next(ngx_http_assess_call_t *call);
static void ngx_http_assess_batch_results_row(ngx_http_assess_call_t *call,
    const assess_batch_answer_t *row, assess_buf_t *head);


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
    assess_str_t    provider;
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

    provider = start->start.provider;

    if (ngx_http_assess_start_provider(&provider, &start->start, err)
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
        return ngx_http_assess_batch_documents(call, value, start, err);
    }

    if (ngx_http_assess_start_is(value, "notifyEmail")) {
        return ngx_http_assess_batch_email(call, value, start, err);
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


static assess_err_e
ngx_http_assess_batch_documents(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_batch_start_t *start, assess_err_t *err)
{
    char            key[32];
    size_t          n;
    assess_json_t  *id;

    if (value->type != ASSESS_JSON_ARRAY || value->n < 1
        || value->n > ASSESS_BATCH_DOCUMENTS)
    {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "documentIds",
                                   "documentIds must be an array of 1 to %d "
                                   "ids", ASSESS_BATCH_DOCUMENTS);
    }

    start->document_ids = assess_palloc(call->arena,
                                   value->n * sizeof(*start->document_ids));
    if (start->document_ids == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    for (id = value->first, n = 0; id; id = id->next, n++) {

        if (id->type != ASSESS_JSON_STRING
            || !assess_uuid_valid(id->text.data, id->text.len))
        {
            (void) ngx_http_assess_bad(err, ASSESS_INVALID, "documentIds",
                                       "this is no id");
            (void) snprintf(key, sizeof(key), "/documentIds/%zu", n);
            (void) ngx_cpystrn((u_char *) err->pointer, (u_char *) key,
                               sizeof(err->pointer));
            return err->kind;
        }

        ngx_memcpy(start->document_ids[n], id->text.data, ASSESS_UUID_LEN);
        start->document_ids[n][ASSESS_UUID_LEN] = '\0';
    }

    start->ndocuments = n;

    return ASSESS_OK;
}


/* whether somebody has it only its server knows */

static assess_err_e
ngx_http_assess_batch_email(ngx_http_assess_call_t *call,
    assess_json_t *value, assess_batch_start_t *start, assess_err_t *err)
{
    assess_str_t  text;

    if (ngx_http_assess_start_text(call, "notifyEmail", value,
                                   NGX_HTTP_ASSESS_EMAIL_LEN, &text, err)
        != ASSESS_OK)
    {
        return err->kind;
    }

    if (!assess_email_address(text.data, text.len)) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "notifyEmail",
                                   "notifyEmail is no address of mail");
    }

    start->notify_email = text;

    return ASSESS_OK;
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


/* the first piece is made with the answer, so that it can still be a problem */

void
ngx_http_assess_batch_results_get(ngx_http_assess_call_t *call)
{
    assess_err_t                      err;
    const assess_str_t               *format;
    ngx_http_assess_batch_results_t  *rs;

    format = ngx_http_assess_call_param(call, "format");

    if (format && !ngx_http_assess_format_is(format, "csv")
        && !ngx_http_assess_format_is(format, "ndjson"))
    {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "\"format\" must be csv or ndjson");
        return;
    }

    rs = assess_pcalloc(call->arena, sizeof(ngx_http_assess_batch_results_t));

    if (rs == NULL) {
        (void) assess_fail(&err, ASSESS_ERROR, NULL, "out of memory");
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    if (assess_batch_read(ngx_http_assess_scheduler_db(), call->arena,
                          &call->scope, call->name.data, &rs->batch, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    rs->csv = ngx_http_assess_format_is(format, "csv");

    call->ctx = rs;
    call->type = rs->csv ? "text/csv; charset=utf-8" : "application/x-ndjson";
    call->next = ngx_http_assess_batch_results_next;

    if (rs->csv) {
        assess_buf_str(&call->body, "jobId,documentId,filename,"
                                    NGX_HTTP_ASSESS_CSV_COLUMNS);
    }

    ngx_http_assess_batch_results_next(call);
}


/* one piece: what it takes does not grow with the batch */

static void
ngx_http_assess_batch_results_next(ngx_http_assess_call_t *call)
{
    size_t                            i, n, len;
    assess_buf_t                      head;
    assess_err_e                      rc;
    assess_err_t                      err;
    assess_arena_t                   *arena;
    assess_batch_answer_t            *rows;
    ngx_http_assess_batch_results_t  *rs;

    rs = call->ctx;
    len = call->body.len;
    arena = assess_arena_create();
    ngx_memzero(&head, sizeof(assess_buf_t));

    rc = arena ? ASSESS_OK
               : assess_fail(&err, ASSESS_ERROR, NULL, "out of memory");

    /* jobs without answers are passed over */

    for (n = 1; rc == ASSESS_OK && n && call->body.len == len; ) {

        assess_arena_reset(arena);

        rc = assess_batch_results(ngx_http_assess_scheduler_db(), arena,
                                  &call->scope, &rs->batch, rs->after, &rows,
                                  &n, &err);

        for (i = 0; rc == ASSESS_OK && i < n; i++) {

            if (rows[i].given) {
                ngx_http_assess_batch_results_row(call, &rows[i], &head);
            }

            ngx_memcpy(rs->after, rows[i].job_id, sizeof(rs->after));
        }
    }

    call->more = n != 0;
    call->body.failed |= head.failed;

    assess_buf_free(&head);
    assess_arena_destroy(arena);

    if (rc != ASSESS_OK) {

        if (call->answered) {
            call->body.failed = 1;

        } else {
            ngx_http_assess_call_fail(call, &err);
        }
    }
}


static void
ngx_http_assess_batch_results_row(ngx_http_assess_call_t *call,
    const assess_batch_answer_t *row, assess_buf_t *head)
{
    assess_str_t                      text;
    ngx_http_assess_batch_results_t  *rs;

    rs = call->ctx;

    assess_buf_reset(head);

    if (rs->csv) {
        assess_buf_printf(head, "%s,%s,", row->job_id, row->document_id);
        ngx_http_assess_csv_field(head, row->filename.data,
                                  row->filename.len);
        assess_buf_char(head, ',');

        text.data = head->data;
        text.len = head->len;

        ngx_http_assess_csv_answer(&call->body, &text, &row->answer);
        return;
    }

    /* the answer's own brace becomes the comma behind these */

    assess_answer_json(head, &row->answer);

    assess_buf_printf(&call->body, "{\"jobId\":\"%s\",\"documentId\":\"%s\","
                      "\"filename\":", row->job_id, row->document_id);
    assess_buf_json_str(&call->body, &row->filename);

    if (!head->failed) {
        assess_buf_char(&call->body, ',');
        assess_buf_add(&call->body, head->data + 1, head->len - 1);
        assess_buf_char(&call->body, '\n');
    }
}
