
/* When a run will have ended: what is left of it, and what that took others. */

#include "assess_eta.h"
#include "assess_gate.h"
#include "assess_job_run_int.h"


static double assess_run_to_read(const assess_run_t *run);
static double assess_run_to_ask(const assess_run_t *run,
    const assess_reply_t *reply);
static void assess_run_gate(const assess_run_t *run, assess_eta_asks_t *asks);


static const assess_str_t *
assess_run_model(const assess_run_t *run)
{
    return run->work.model.data ? &run->work.model
                                : &assess_provider_conf(run->provider)->model;
}


int64_t
assess_run_estimate(const assess_run_t *run, const assess_reply_t *reply)
{
    double  read, ask;

    read = assess_run_to_read(run);
    ask = assess_run_to_ask(run, reply);

    return read < 0 || ask < 0
           ? 0 : assess_now_ms() + (int64_t) ((read + ask) * 1000);
}


/*
 * Seconds; negative: nobody knows.  Something that takes longer than expected
 * is never expected to be done at once.
 */

static double
assess_run_to_read(const assess_run_t *run)
{
    int      done;
    double   expected, since;
    int64_t  now;

    if (run->document) {
        return 0;
    }

    now = assess_mono_ms();

    if (run->scans) {

        done = run->scanned - run->rescued;
        since = (double) (now - run->scanning) / 1000;
        expected = done ? since / done : assess_rates_page(run->engine->rates);

        return expected < 0 ? -1 : expected * (run->scans - run->scanned);
    }

    expected = assess_rates_read(run->engine->rates, run->work.document.kind,
                                 run->work.document.bytes);
    if (expected < 0) {
        return -1;
    }

    since = run->reading ? (double) (now - run->reading) / 1000 : 0;

    return expected - since > expected / 10 ? expected - since : expected / 10;
}


static double
assess_run_to_ask(const assess_run_t *run, const assess_reply_t *reply)
{
    assess_eta_asks_t              asks;
    const assess_provider_conf_t  *conf;

    conf = assess_provider_conf(run->provider);

    asks.left = run->total_batches - run->completed_batches;

    if (asks.left <= 0) {
        return 0;
    }

    asks.seconds = assess_rates_ask(run->engine->rates, &conf->name,
                                    assess_run_model(run));
    if (asks.seconds < 0) {
        return -1;
    }

    asks.flying = reply ? reply->flying : 0;
    asks.age = reply && reply->flying
               ? (double) (assess_mono_ms() - reply->sent) / 1000 : 0;
    asks.at_once = run->at_once;
    asks.pace = 0;
    asks.pause = 0;

    if (conf->type != ASSESS_PROVIDER_LOCAL && asks.left > asks.flying) {
        assess_run_gate(run, &asks);
    }

    return assess_eta_asks(&asks);
}


/*
 * What the provider takes is divided between the jobs that ask.  One that has
 * not begun gets what is free, or its part.
 */

static void
assess_run_gate(const assess_run_t *run, assess_eta_asks_t *asks)
{
    int                   jobs, part, unused;
    assess_gate_state_t   state;

    assess_gate_state(assess_provider_gate(run->provider), assess_mono_ms(),
                      &state);

    jobs = __atomic_load_n(&run->engine->asking, __ATOMIC_RELAXED)
           + (asks->at_once <= 0);
    jobs = jobs > 0 ? jobs : 1;

    asks->pause = (double) state.pause_ms / 1000;
    asks->pace = state.per_minute / 60 / jobs;

    if (asks->at_once <= 0) {
        part = state.window / jobs;
        unused = state.window - state.in_flight;
        asks->at_once = part > unused ? part : unused;
    }
}


/* A provider without requests has its batches one after the other. */

void
assess_run_replied(assess_run_t *run, const assess_reply_t *reply)
{
    int                            n;
    double                         ms;
    int64_t                        now;
    const assess_provider_conf_t  *conf;

    conf = assess_provider_conf(run->provider);
    now = assess_mono_ms();

    n = reply->requests;
    ms = (double) reply->took_ms;

    if (conf->type == ASSESS_PROVIDER_LOCAL) {
        n = reply->batches;
        ms = (double) (now - run->asking);
        run->asking = now;
    }

    if (n > 0) {
        assess_rates_ask_took(run->engine->rates, &conf->name,
                              assess_run_model(run), n, ms / n / 1000);
    }

    /* fewer only because there are no more of them say nothing */

    if (reply->flying > run->at_once
        || run->total_batches - run->completed_batches > reply->flying)
    {
        run->at_once = reply->flying > 0 ? reply->flying : 1;
    }
}


/* All of it was read: that of the text, and of each scanned page. */

void
assess_run_read(const assess_run_t *run)
{
    int      done;
    int64_t  now;

    now = assess_mono_ms();

    if (run->scans) {
        done = run->scans - run->rescued;

        if (done) {
            assess_rates_page_took(run->engine->rates, done,
                                   (double) (now - run->scanning) / 1000
                                   / done);
        }

        now = run->scanning;
    }

    if (run->reading) {
        assess_rates_read_took(run->engine->rates, run->work.document.kind,
                               run->work.document.bytes,
                               (double) (now - run->reading) / 1000);
    }
}


/* All that was to be done with a document before anything is asked is done. */

void
assess_run_ready(const assess_run_t *run)
{
    if (run->read_from && run->rescued == 0) {
        assess_rates_whole_took(run->engine->rates, run->work.document.kind,
                                run->work.document.bytes,
                                (double) (run->asking - run->read_from)
                                / 1000);
    }
}
