
/* What a start, or a batch, would cost and take. */

#include "ngx_http_assess_start.h"

#include "engine/assess_estimate.h"


/* so many documents are more than a moment's work */
#define NGX_HTTP_ASSESS_ESTIMATE_MS         5000


typedef struct {
    assess_start_t   start;
    size_t           n;
    char           (*ids)[ASSESS_UUID_LEN + 1];
    ngx_uint_t       batch;          /* documentIds, not documentId */
} ngx_http_assess_estimated_t;


static assess_err_e ngx_http_assess_estimate_body(
    ngx_http_assess_call_t *call, ngx_http_assess_estimated_t *of,
    assess_err_t *err);
static assess_err_e ngx_http_assess_estimate_key(ngx_http_assess_call_t *call,
    assess_json_t *value, ngx_http_assess_estimated_t *of, assess_err_t *err);
static void ngx_http_assess_estimate_missing(
    const ngx_http_assess_estimated_t *of, size_t missing, assess_err_t *err);
static void ngx_http_assess_estimate_json(assess_buf_t *b, size_t n,
    const assess_estimate_t *estimate);


void
ngx_http_assess_estimate(ngx_http_assess_call_t *call)
{
    size_t                        missing;
    assess_err_t                  err;
    ngx_core_conf_t              *ccf;
    assess_engine_t              *engine;
    assess_estimate_t             estimate;
    assess_estimating_t           e;
    ngx_http_assess_estimated_t   of;

    ngx_memzero(&of, sizeof(ngx_http_assess_estimated_t));
    ngx_memzero(&e, sizeof(assess_estimating_t));

    if (ngx_http_assess_estimate_body(call, &of, &err) != ASSESS_OK) {
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    engine = ngx_http_assess_scheduler_engine();
    ccf = (ngx_core_conf_t *) ngx_get_conf(call->mcf->cycle->conf_ctx,
                                           ngx_core_module);

    e.scope = &call->scope;
    e.provider = of.start.provider;
    e.model = of.start.model;
    e.set_name = of.start.set_name;
    e.set_version = of.start.set_version;
    e.n = of.n;
    e.ids = (const char (*)[ASSESS_UUID_LEN + 1]) of.ids;
    e.workers = ngx_max((int) ccf->worker_processes, 1);
    e.jobs = (int) call->mcf->jobs;

    /* the connections of the calls are for what takes a moment */

    assess_db_until(assess_mono_ms() + NGX_HTTP_ASSESS_ESTIMATE_MS);

    if (assess_estimate(engine, engine->db, call->arena, &e, &estimate,
                        &missing, &err)
        != ASSESS_OK)
    {
        ngx_http_assess_estimate_missing(&of, missing, &err);
        ngx_http_assess_call_fail(call, &err);
        return;
    }

    ngx_http_assess_estimate_json(&call->body, of.n, &estimate);
}


static assess_err_e
ngx_http_assess_estimate_body(ngx_http_assess_call_t *call,
    ngx_http_assess_estimated_t *of, assess_err_t *err)
{
    assess_json_t   *body, *value;
    assess_start_t  *start;

    body = ngx_http_assess_start_object(call, NGX_HTTP_ASSESS_VALUES
                                   + 2 * ASSESS_BATCH_DOCUMENTS,
                                        err);
    if (body == NULL) {
        return err->kind;
    }

    start = &of->start;
    ngx_http_assess_start_init(call, start);

    for (value = body->first; value; value = value->next) {
        if (ngx_http_assess_estimate_key(call, value, of, err) != ASSESS_OK) {
            return err->kind;
        }
    }

    if (start->document_id[0] && of->batch) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "documentIds",
                                   "there is either a documentId or "
                                   "documentIds");
    }

    if (start->document_id[0]) {
        of->ids = &start->document_id;
        of->n = 1;
    }

    if (of->n == 0) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "documentId",
                                   "documentId or documentIds is missing");
    }

    if (start->set_name.data == NULL) {
        return ngx_http_assess_bad(err, ASSESS_INVALID, "questionSet",
                                   "questionSet is missing");
    }

    if (ngx_http_assess_start_provider(call, start, err) != ASSESS_OK) {
        return err->kind;
    }

    return assess_batch_once((const char (*)[ASSESS_UUID_LEN + 1]) of->ids,
                             of->n, err);
}


static assess_err_e
ngx_http_assess_estimate_key(ngx_http_assess_call_t *call,
    assess_json_t *value, ngx_http_assess_estimated_t *of, assess_err_t *err)
{
    assess_str_t  email;

    if (ngx_http_assess_start_is(value, "documentIds")) {
        of->batch = 1;

        return ngx_http_assess_start_documents(call, value, &of->ids, &of->n,
                                               err);
    }

    /* nobody is written to */

    if (ngx_http_assess_start_is(value, "notifyEmail")) {
        return ngx_http_assess_start_email(call, value, &email, err);
    }

    /* nor anything fetched */

    if (ngx_http_assess_start_is(value, "url")
        || ngx_http_assess_start_is(value, "filename"))
    {
        return ngx_http_assess_bad(err, ASSESS_IMPOSSIBLE,
                                   ngx_http_assess_start_is(value, "url")
                                   ? "url" : "filename",
                                   "only of stored documents is known what "
                                   "they would cost");
    }

    return ngx_http_assess_start_key(call, value, &of->start, err);
}


static void
ngx_http_assess_estimate_missing(const ngx_http_assess_estimated_t *of,
    size_t missing, assess_err_t *err)
{
    if (err->kind != ASSESS_NOT_FOUND) {
        return;
    }

    if (missing == of->n) {
        ngx_http_assess_pointer(err, "questionSet");

    } else if (of->batch) {
        (void) snprintf(err->pointer, sizeof(err->pointer),
                        "/documentIds/%zu", missing);

    } else {
        ngx_http_assess_pointer(err, "documentId");
    }
}


/* What is not known is null, and not nothing. */

static void
ngx_http_assess_estimate_money(assess_buf_t *b, const char *key, int known,
    double usd)
{
    assess_buf_str(b, key);

    if (known) {
        assess_buf_json_num(b, usd);

    } else {
        assess_buf_str(b, "null");
    }
}


static void
ngx_http_assess_estimate_json(assess_buf_t *b, size_t n,
    const assess_estimate_t *estimate)
{
    size_t                          i;
    const assess_estimate_kind_t   *kind;

    assess_buf_printf(b, "{\"documents\":%zu,\"inputTokens\":%.0f,"
                      "\"outputTokens\":%.0f,\"estimatedCost\":", n,
                      estimate->input, estimate->output);
    ngx_http_assess_estimate_money(b, "", estimate->priced, estimate->cost);
    ngx_http_assess_estimate_money(b, ",\"recommendedBudget\":",
                                   estimate->priced,
                                   estimate->cost * ASSESS_ESTIMATE_BUDGET);
    assess_buf_printf(b, ",\"estimatedSeconds\":%.1f,\"measured\":%s,"
                      "\"priceVersion\":", estimate->seconds,
                      estimate->measured ? "true" : "false");
    assess_buf_json_cstr(b, estimate->prices);
    assess_buf_str(b, ",\"breakdown\":[");

    for (i = 0; i < estimate->nkinds; i++) {

        kind = &estimate->kinds[i];

        assess_buf_printf(b, "%s{\"documentType\":\"%s\",\"count\":%zu",
                          i ? "," : "", assess_estimate_kind(kind->kind),
                          kind->n);
        ngx_http_assess_estimate_money(b, ",\"costPerDocument\":",
                                       estimate->priced,
                                       kind->cost / (double) kind->n);
        ngx_http_assess_estimate_money(b, ",\"cost\":", estimate->priced,
                                       kind->cost);
        assess_buf_char(b, '}');
    }

    assess_buf_str(b, "]}");
}
