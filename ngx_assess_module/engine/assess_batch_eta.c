
/* When a batch will have ended, by its rows and by what things take here. */

#include "assess_batch_eta.h"
#include "assess_gate.h"

#include <math.h>
#include <string.h>


#define ASSESS_BATCH_LATEST  16      /* jobs, by which others are expected */
#define ASSESS_BATCH_ALMOST  0.9     /* of a job that takes longer than these */

/* parts of the queue, with what runs before them */
#define ASSESS_BATCH_PARTS   17


/*
 * Seconds for each document and for each byte.  Of a kind that was never read it
 * is the mean of the others, and nothing where there are none.
 */

void
assess_batch_weights(const assess_engine_t *engine,
    assess_batch_weights_t *weights)
{
    int      i, known;
    double   always, all, byte;

    static const int64_t  large = 1000000;

    known = 0;
    all = 0;
    byte = 0;

    for (i = 1; i < ASSESS_BATCH_KINDS; i++) {

        always = assess_rates_whole(engine->rates, (assess_kind_e) i, 0);
        weights->always[i] = always;

        if (always < 0) {
            continue;
        }

        weights->byte[i] = (assess_rates_whole(engine->rates,
                                               (assess_kind_e) i, large)
                            - always) / (double) large;
        all += always;
        byte += weights->byte[i];
        known++;
    }

    for (i = 1; i < ASSESS_BATCH_KINDS; i++) {
        if (weights->always[i] < 0) {
            weights->always[i] = known ? all / known : 0;
            weights->byte[i] = known ? byte / known : 0;
        }
    }
}


/* How long a job asks: of those that had to, the latest */

static double
assess_batch_asking(const assess_batch_work_t *work, double seconds)
{
    double                      jobs, asked, asking;
    size_t                      i;
    const assess_batch_some_t  *some;

    jobs = 0;
    asking = 0;

    for (i = 0; i < work->n && jobs < ASSESS_BATCH_LATEST; i++) {

        some = &work->some[i];

        if (some->what != ASSESS_BATCH_ENDED || some->asked <= some->cached) {
            continue;
        }

        asked = some->jobs * (1 - some->cached / some->asked);

        jobs += asked;
        asking += some->jobs * (some->ended - some->asks_from);
    }

    return jobs > 0 ? asking / jobs : seconds;
}


/*
 * A document was read in the last seconds before its text was there: what was
 * before that was waiting.  Then it was asked.
 */

static void
assess_batch_did(assess_eta_t *eta, const assess_batch_some_t *some,
    double jobs, double asks)
{
    assess_eta_work_t  done;

    memset(&done, 0, sizeof(assess_eta_work_t));
    done.read = some->read;

    assess_eta_did(eta, some->asks_from - some->read / some->jobs,
                   some->asks_from, &done);

    memset(&done, 0, sizeof(assess_eta_work_t));
    done.jobs = jobs;
    done.asks = asks;
    done.cached = some->cached;

    assess_eta_did(eta, some->asks_from, some->ended, &done);
}


/*
 * A job that asks has done some of what is not counted yet.  Were that left out,
 * all would seem to have become slower just now.
 */

static void
assess_batch_running(assess_eta_t *eta, const assess_batch_some_t *some,
    double asking, assess_eta_work_t *left)
{
    double  part, asks;

    part = 0;

    if (some->unread <= 0 && asking > 0) {
        part = fmin((some->ended - some->asks_from) / asking,
                    ASSESS_BATCH_ALMOST);
    }

    /* what is answered is more than what was expected to be */

    asks = fmax(part * (some->asked + some->asking) - some->asked, 0);
    asks = fmin(asks, some->asking);

    assess_batch_did(eta, some, some->jobs * part,
                     some->asked - some->cached + asks);

    left->jobs += some->jobs * (1 - part);
    left->read += some->unread;
    left->asks += some->left - some->asking;
    left->asking += some->asking - asks;
}


void
assess_batch_model(const assess_batch_work_t *work,
    assess_eta_places_t *places, assess_eta_guess_t *guess)
{
    double                      asking;
    size_t                      i, parts;
    assess_eta_t                eta;
    assess_eta_work_t           left[ASSESS_BATCH_PARTS];
    const assess_batch_some_t  *some;

    memset(left, 0, sizeof(left));
    places->longest = 0;
    parts = 1;

    assess_eta_recall(&eta, work->seconds);
    asking = assess_batch_asking(work, places->seconds);

    for (i = 0; i < work->n; i++) {

        some = &work->some[i];

        if (some->jobs < 1) {
            continue;
        }

        places->longest = fmax(places->longest, some->longest);

        if (some->what == ASSESS_BATCH_ENDED) {
            assess_batch_did(&eta, some, some->jobs,
                             some->asked - some->cached);

        } else if (some->what == ASSESS_BATCH_RUNS) {
            assess_batch_running(&eta, some, asking, &left[0]);

        } else if (parts < ASSESS_BATCH_PARTS) {
            left[parts].jobs = some->jobs;
            left[parts].read = some->unread;
            left[parts++].asks = some->left;
        }
    }

    assess_eta_guess(&eta, places, left, parts, guess);
}


/*
 * Of what the provider takes at once, and the CPUs, this batch has the part of
 * the jobs that it has.
 */

static void
assess_batch_places(const assess_engine_t *engine, unsigned processes,
    const assess_batch_work_t *work, assess_eta_places_t *places)
{
    size_t                         i;
    double                         part;
    assess_provider_t             *provider;
    assess_gate_state_t            state;
    const assess_provider_conf_t  *conf;

    for (i = 0; i < work->n; i++) {
        if (work->some[i].what == ASSESS_BATCH_RUNS) {
            places->jobs += work->some[i].jobs;
        }
    }

    part = places->jobs / fmax(work->running, fmax(places->jobs, 1));

    places->cpus = part * processes * assess_cpu_slots(engine->cpu);

    provider = assess_engine_provider(engine, &work->provider);
    if (provider == NULL) {
        return;
    }

    conf = assess_provider_conf(provider);

    places->seconds = fmax(assess_rates_ask(engine->rates, &conf->name,
                                            work->model.data ? &work->model
                                                             : &conf->model),
                           0);

    if (conf->type == ASSESS_PROVIDER_LOCAL) {
        places->requests = places->cpus;
        return;
    }

    assess_gate_state(assess_provider_gate(provider), assess_mono_ms(),
                      &state);

    places->requests = part * state.window;

    if (state.per_minute > 0 && places->seconds > 0) {
        places->requests = fmin(places->requests, part * state.per_minute / 60
                                                  * places->seconds);
    }
}


void
assess_batch_guess(const assess_engine_t *engine, unsigned processes,
    const assess_batch_work_t *work, assess_eta_guess_t *guess)
{
    assess_eta_places_t  places;

    memset(&places, 0, sizeof(assess_eta_places_t));

    assess_batch_places(engine, processes, work, &places);
    assess_batch_model(work, &places, guess);

    /* of a provider that was never asked from here, only the pace is known */

    if (places.seconds <= 0 && guess->quality == ASSESS_ETA_GOOD) {
        guess->quality = ASSESS_ETA_FAIR;
    }
}
