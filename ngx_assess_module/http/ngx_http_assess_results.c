
#include "ngx_http_assess_results.h"


static void ngx_http_assess_results_json(assess_buf_t *b,
    const assess_results_t *results);
static void ngx_http_assess_results_csv(assess_buf_t *b,
    const assess_results_t *results);
static void ngx_http_assess_csv_row(assess_buf_t *b,
    const assess_answer_t *answer, const assess_evidence_t *evidence);


void
ngx_http_assess_results_get(ngx_http_assess_call_t *call)
{
    size_t               i;
    assess_err_t         err;
    assess_results_t     results;
    const assess_str_t  *format;

    format = ngx_http_assess_call_param(call, "format");

    if (format && !ngx_http_assess_format_is(format, "json")
        && !ngx_http_assess_format_is(format, "csv")
        && !ngx_http_assess_format_is(format, "ndjson"))
    {
        ngx_http_assess_call_problem(call, NGX_HTTP_BAD_REQUEST, NULL,
                                     "\"format\" must be json, csv or "
                                     "ndjson");
        return;
    }

    if (assess_results_read(ngx_http_assess_scheduler_db(), call->arena,
                            &call->scope, call->name.data, &results, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    if (ngx_http_assess_format_is(format, "csv")) {
        call->type = "text/csv; charset=utf-8";
        ngx_http_assess_results_csv(&call->body, &results);
        return;
    }

    if (ngx_http_assess_format_is(format, "ndjson")) {
        call->type = "application/x-ndjson";

        for (i = 0; i < results.nanswers; i++) {
            assess_answer_json(&call->body, &results.answers[i]);
            assess_buf_char(&call->body, '\n');
        }

        return;
    }

    ngx_http_assess_results_json(&call->body, &results);
}


ngx_uint_t
ngx_http_assess_format_is(const assess_str_t *format, const char *name)
{
    return format && format->len == ngx_strlen(name)
           && ngx_memcmp(format->data, name, format->len) == 0;
}


static void
ngx_http_assess_results_json(assess_buf_t *b, const assess_results_t *results)
{
    size_t      i;
    ngx_uint_t  v, count[ASSESS_VERDICTS];

    ngx_memzero(count, sizeof(count));

    for (i = 0; i < results->nanswers; i++) {
        count[results->answers[i].verdict]++;
    }

    assess_buf_printf(b, "{\"jobId\":\"%s\",\"assessmentId\":\"%s\","
                      "\"documentId\":\"%s\",\"questionSet\":{\"name\":",
                      results->job_id, results->assessment_id,
                      results->document_id);
    assess_buf_json_str(b, &results->set_name);
    assess_buf_printf(b, ",\"version\":%d},\"complete\":%s,\"summary\":{",
                      results->set_version,
                      results->complete ? "true" : "false");

    for (v = 0; v < ASSESS_VERDICTS; v++) {
        assess_buf_printf(b, "%s\"%s\":%lu", v ? "," : "",
                          assess_verdict_name((assess_verdict_e) v),
                          (unsigned long) count[v]);
    }

    assess_buf_str(b, "},\"answers\":[");

    for (i = 0; i < results->nanswers; i++) {
        if (i) {
            assess_buf_char(b, ',');
        }
        assess_answer_json(b, &results->answers[i]);
    }

    assess_buf_str(b, "]}");
}


static void
ngx_http_assess_results_csv(assess_buf_t *b, const assess_results_t *results)
{
    size_t  i;

    assess_buf_str(b, NGX_HTTP_ASSESS_CSV_COLUMNS);

    for (i = 0; i < results->nanswers; i++) {
        ngx_http_assess_csv_answer(b, NULL, &results->answers[i]);
    }
}


void
ngx_http_assess_csv_answer(assess_buf_t *b, const assess_str_t *head,
    const assess_answer_t *answer)
{
    size_t  i;

    /* one without evidence has a line, too */

    for (i = 0; i == 0 || i < answer->nevidence; i++) {

        if (head) {
            assess_buf_add(b, head->data, head->len);
        }

        ngx_http_assess_csv_row(b, answer, i < answer->nevidence
                                           ? &answer->evidence[i] : NULL);
    }
}


static void
ngx_http_assess_csv_row(assess_buf_t *b, const assess_answer_t *answer,
    const assess_evidence_t *evidence)
{
    const char  *verdict;

    verdict = assess_verdict_name(answer->verdict);

    assess_buf_csv(b, answer->question_id.data, answer->question_id.len);
    assess_buf_printf(b, ",%s,", verdict);
    assess_buf_json_num(b, answer->confidence);
    assess_buf_char(b, ',');
    assess_buf_csv(b, answer->rationale.data, answer->rationale.len);
    assess_buf_char(b, ',');

    if (evidence) {
        assess_buf_csv(b, evidence->quote.data, evidence->quote.len);
        assess_buf_printf(b, ",%d,%s,", evidence->page,
                          evidence->verified ? "true" : "false");

    } else {
        assess_buf_str(b, ",,,");
    }

    assess_buf_csv(b, answer->provider.data, answer->provider.len);
    assess_buf_char(b, ',');
    assess_buf_csv(b, answer->model.data, answer->model.len);
    assess_buf_printf(b, ",%s\r\n", answer->cached ? "true" : "false");
}
