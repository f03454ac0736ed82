
#include "ngx_http_assess_results.h"

#include "store/assess_batch.h"


/* the results that are being sent */

typedef struct {
    assess_batch_t   batch;
    ngx_uint_t       csv;
    char             after[ASSESS_UUID_LEN + 1];
} ngx_http_assess_batch_results_t;


static void ngx_http_assess_batch_results_next(ngx_http_assess_call_t *call);
static void ngx_http_assess_batch_results_row(ngx_http_assess_call_t *call,
    const assess_batch_answer_t *row, assess_buf_t *head);


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
        assess_buf_csv(head, row->filename.data, row->filename.len);
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
