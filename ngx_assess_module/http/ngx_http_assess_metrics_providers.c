
/* What there is to be told of providers. */

#include "ngx_http_assess_metrics.h"

#include "base/assess_exposition.h"
#include "engine/assess_gate.h"


static void ngx_http_assess_metrics_requests(assess_buf_t *b,
    const assess_engine_t *engine);
static void ngx_http_assess_metrics_took(assess_buf_t *b,
    const assess_engine_t *engine);
static void ngx_http_assess_metrics_gates(assess_buf_t *b,
    const assess_engine_t *engine);
static void ngx_http_assess_metrics_quotas(assess_buf_t *b,
    const assess_engine_t *engine);


void
ngx_http_assess_metrics_providers(assess_buf_t *b,
    const assess_engine_t *engine)
{
    ngx_http_assess_metrics_requests(b, engine);
    ngx_http_assess_metrics_took(b, engine);
    ngx_http_assess_metrics_gates(b, engine);
    ngx_http_assess_metrics_quotas(b, engine);
}


/* Those that have a server, and room in the zone */

static const assess_traffic_t *
ngx_http_assess_metrics_traffic(const assess_engine_t *engine, ngx_uint_t i,
    assess_label_t *label)
{
    const assess_provider_conf_t  *conf;

    conf = assess_provider_conf(engine->providers[i]);

    label->name = "provider";
    label->value = conf->name;

    return conf->type == ASSESS_PROVIDER_LOCAL ? NULL : conf->traffic;
}


/* Of each, the counter that lies there in its traffic; label NULL: no other */

static void
ngx_http_assess_metrics_each(assess_buf_t *b, const assess_engine_t *engine,
    const char *name, const char *label, const char *value, size_t offset,
    double unit)
{
    ngx_uint_t               i;
    assess_label_t           labels[2];
    const assess_traffic_t  *t;

    if (label) {
        labels[1] = assess_exposition_label(label, value);
    }

    for (i = 0; i < engine->nproviders; i++) {

        t = ngx_http_assess_metrics_traffic(engine, i, &labels[0]);

        if (t) {
            assess_exposition_sample(b, name, labels, label ? 2 : 1,
                (double) assess_counted((const uint64_t *)
                                        ((const char *) t + offset)) / unit);
        }
    }
}


static void
ngx_http_assess_metrics_requests(assess_buf_t *b,
    const assess_engine_t *engine)
{
    ngx_uint_t  k;

    static const char  *const answered[ASSESS_ANSWERED] = {
        "2xx", "3xx", "4xx", "429", "5xx", "none", "broken_off"
    };

    assess_exposition_head(b, "assess_provider_requests_total", "counter",
        "Requests to a provider that ended, by the status of the answer.");

    for (k = 0; k < ASSESS_ANSWERED; k++) {
        ngx_http_assess_metrics_each(b, engine,
            "assess_provider_requests_total", "status", answered[k],
            offsetof(assess_traffic_t, requests) + k * sizeof(uint64_t), 1);
    }

    assess_exposition_head(b, "assess_provider_retries_total", "counter",
        "Requests to a provider that were to be sent again.");
    ngx_http_assess_metrics_each(b, engine, "assess_provider_retries_total",
        NULL, NULL, offsetof(assess_traffic_t, again), 1);

    assess_exposition_head(b, "assess_provider_tokens_total", "counter",
        "Tokens that a provider told of, by their direction.");
    ngx_http_assess_metrics_each(b, engine, "assess_provider_tokens_total",
        "direction", "input", offsetof(assess_traffic_t, input_tokens), 1);
    ngx_http_assess_metrics_each(b, engine, "assess_provider_tokens_total",
        "direction", "output", offsetof(assess_traffic_t, output_tokens), 1);

    assess_exposition_head(b, "assess_provider_cost_dollars_total", "counter",
        "What these tokens cost, by the prices that are configured.");
    ngx_http_assess_metrics_each(b, engine,
        "assess_provider_cost_dollars_total", NULL, NULL,
        offsetof(assess_traffic_t, cost), 1e9);
}


static void
ngx_http_assess_metrics_took(assess_buf_t *b, const assess_engine_t *engine)
{
    ngx_uint_t               i;
    assess_label_t           label;
    const assess_traffic_t  *t;

    assess_exposition_head(b, "assess_provider_request_seconds", "histogram",
        "What requests to a provider took that ended by themselves.");

    for (i = 0; i < engine->nproviders; i++) {

        t = ngx_http_assess_metrics_traffic(engine, i, &label);

        if (t) {
            assess_exposition_histogram(b, "assess_provider_request_seconds",
                                        &label, 1, &t->took);
        }
    }
}


/* In the order of the names below */

static double
ngx_http_assess_metrics_gate(const assess_gate_state_t *state, ngx_uint_t k)
{
    switch (k) {

    case 0:
        return state->circuit != ASSESS_CIRCUIT_CLOSED;

    case 1:
        return state->in_flight;

    case 2:
        return state->window;

    case 3:
        return state->per_minute / 60;

    default:
        return (double) state->pause_ms / 1000;
    }
}


/* What the gate has learned of a provider, as all workers share it */

static void
ngx_http_assess_metrics_gates(assess_buf_t *b, const assess_engine_t *engine)
{
    int64_t              now;
    ngx_uint_t           i, k;
    assess_label_t       label;
    assess_gate_state_t  state;

    static const char  *const gauges[][2] = {
        { "assess_provider_circuit_open",
          "Whether a provider is down, and only looked for now and then." },
        { "assess_provider_in_flight_requests",
          "Requests to a provider that are under way." },
        { "assess_provider_window_requests",
          "Requests that may be under way at once, as far as is known." },
        { "assess_provider_rate_limit",
          "Requests a second that a provider takes; 0: no limit is known." },
        { "assess_provider_pause_seconds",
          "For how long nothing is sent to a provider that refused." }
    };

    now = assess_mono_ms();

    for (k = 0; k < sizeof(gauges) / sizeof(gauges[0]); k++) {

        assess_exposition_head(b, gauges[k][0], "gauge", gauges[k][1]);

        for (i = 0; i < engine->nproviders; i++) {

            if (ngx_http_assess_metrics_traffic(engine, i, &label) == NULL) {
                continue;
            }

            assess_gate_state(assess_provider_gate(engine->providers[i]), now,
                              &state);

            assess_exposition_sample(b, gauges[k][0], &label, 1,
                                     ngx_http_assess_metrics_gate(&state, k));
        }
    }
}


/* What was told last; a provider that tells nothing has none of it */

static void
ngx_http_assess_metrics_quotas(assess_buf_t *b, const assess_engine_t *engine)
{
    uint64_t                 value;
    ngx_uint_t               i, k, left;
    const char              *name;
    assess_label_t           labels[2];
    const assess_traffic_t  *t;

    static const char  *const quotas[ASSESS_QUOTAS] = {
        "requests", "tokens", "input_tokens", "output_tokens"
    };

    for (left = 0; left < 2; left++) {

        name = left ? "assess_provider_quota_remaining"
                    : "assess_provider_quota_limit";

        assess_exposition_head(b, name, "gauge", left
            ? "What is left of that, as the provider told last."
            : "What a provider allows in a time, as it told last.");

        for (i = 0; i < engine->nproviders; i++) {

            t = ngx_http_assess_metrics_traffic(engine, i, &labels[0]);

            for (k = 0; t && k < ASSESS_QUOTAS; k++) {

                value = assess_counted(left ? &t->remaining[k]
                                            : &t->limits[k]);
                if (value) {
                    labels[1] = assess_exposition_label("quota", quotas[k]);
                    assess_exposition_sample(b, name, labels, 2,
                                             (double) (value - 1));
                }
            }
        }
    }
}
