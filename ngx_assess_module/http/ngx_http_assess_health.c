
#include "ngx_http_assess_call.h"
#include "../runtime/ngx_http_assess_hub.h"

#include "engine/assess_gate.h"


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


/* What a provider told last of its limits, where it tells of any */

static void
ngx_http_assess_ready_quotas(assess_buf_t *b, const assess_traffic_t *traffic)
{
    uint64_t    limit, left;
    ngx_uint_t  k, n;

    static const char  *const names[ASSESS_QUOTAS] = {
        "requests", "tokens", "inputTokens", "outputTokens"
    };

    assess_buf_str(b, ",\"quotas\":{");

    for (k = 0, n = 0; traffic && k < ASSESS_QUOTAS; k++) {

        /* one more than was told */

        limit = assess_counted(&traffic->limits[k]);
        left = assess_counted(&traffic->remaining[k]);

        if (limit && left) {
            assess_buf_printf(b, "%s\"%s\":{\"limit\":%llu,"
                              "\"remaining\":%llu}", n++ ? "," : "", names[k],
                              (unsigned long long) limit - 1,
                              (unsigned long long) left - 1);
        }
    }

    assess_buf_char(b, '}');
}


/*
 * Of each provider that has a server: whether it is there, and how much is
 * sent to it.  One that is down makes the jobs wait, not the answer a 503:
 * work is taken all the same, and what is done can be read.
 */

static ngx_uint_t
ngx_http_assess_ready_providers(assess_buf_t *b)
{
    size_t                         i;
    int64_t                        now;
    ngx_uint_t                     open, n;
    assess_engine_t               *engine;
    assess_gate_state_t            state;
    const assess_provider_conf_t  *conf;

    n = 0;
    open = 0;
    now = assess_mono_ms();
    engine = ngx_http_assess_scheduler_engine();

    for (i = 0; i < engine->nproviders; i++) {

        conf = assess_provider_conf(engine->providers[i]);

        if (conf->type == ASSESS_PROVIDER_LOCAL) {
            continue;
        }

        assess_gate_state(assess_provider_gate(engine->providers[i]), now,
                          &state);

        open |= state.circuit != ASSESS_CIRCUIT_CLOSED;

        assess_buf_str(b, n++ ? "," : "");
        assess_buf_json_str(b, &conf->name);
        assess_buf_printf(b, ":{\"circuit\":\"%s\",\"concurrency\":%d,"
                             "\"inFlight\":%d,\"requests\":%llu,"
                             "\"throttled\":%llu,\"failures\":%llu",
                          state.circuit == ASSESS_CIRCUIT_CLOSED ? "closed"
                                                                 : "open",
                          state.window, state.in_flight,
                          (unsigned long long) state.requests,
                          (unsigned long long) state.throttled,
                          (unsigned long long) state.failures);
        ngx_http_assess_ready_quotas(b, conf->traffic);
        assess_buf_char(b, '}');
    }

    return open;
}


void
ngx_http_assess_ready_check(ngx_http_assess_call_t *call)
{
    ngx_uint_t          open;
    assess_buf_t        providers, storages;
    assess_err_t        err;
    assess_metrics_t   *metrics;
    assess_lru_stats_t  documents;

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

    metrics = ngx_http_assess_zone_metrics(call->mcf->zone);

    ngx_memzero(&providers, sizeof(assess_buf_t));
    ngx_memzero(&storages, sizeof(assess_buf_t));

    open = ngx_http_assess_ready_providers(&providers);
    open |= assess_storages_json(ngx_http_assess_scheduler_db(), &storages);

    assess_buf_printf(&call->body, "{\"status\":\"%s\",\"store\":\"ok\","
                      "\"extractor\":\"ok\",\"providers\":{",
                      open ? "degraded" : "ok");
    assess_buf_add(&call->body, providers.data ? providers.data : "",
                   providers.len);
    assess_buf_str(&call->body, "},\"storages\":");
    assess_buf_add(&call->body, storages.data ? storages.data : "",
                   storages.len);
    assess_buf_printf(&call->body, ",\"answerCache\":{\"hits\":%lu,"
                                   "\"misses\":%lu}",
                      (unsigned long) assess_counted(&metrics->answer_hits),
                      (unsigned long)
                      assess_counted(&metrics->answer_misses));

    assess_lru_stats(ngx_http_assess_scheduler_engine()->prepared, &documents);

    assess_buf_printf(&call->body, ",\"documentCache\":{\"hits\":%llu,"
                                   "\"misses\":%llu,\"bytes\":%zu}}",
                      (unsigned long long) documents.hits,
                      (unsigned long long) documents.misses,
                      documents.bytes);

    call->body.failed |= providers.failed | storages.failed;
    assess_buf_free(&providers);
    assess_buf_free(&storages);
}
