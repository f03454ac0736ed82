
#include "assess_estimate.h"

#include "assess_usages.h"
#include "assess_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


/* Documents that are looked at, and for how long, in milliseconds. */
#define ASSESS_ESTIMATE_SAMPLES  32
#define ASSESS_ESTIMATE_MS       500

/* Before anybody has asked: tokens of an answer, more where a model thinks. */
#define ASSESS_ESTIMATE_ANSWER   90
#define ASSESS_ESTIMATE_THOUGHT  400

/* And milliseconds of a request, and of a job before and after it. */
#define ASSESS_ESTIMATE_REQUEST  4000
#define ASSESS_ESTIMATE_JOB      50


typedef struct {
    const assess_estimating_t       *e;
    const assess_provider_conf_t    *conf;
    assess_rate_t                    rate;
    const assess_price_t            *price;
    assess_sampler_t                 sampler;
    assess_outline_t                *outlines;
    double                           ratios[ASSESS_KINDS];
    size_t                          *order;      /* by length of text */

    /* what was asked before, and what was not */
    assess_sample_t                  samples[2][ASSESS_ESTIMATE_SAMPLES];
    size_t                           nsamples[2];

    double                           requests;
} assess_estimation_t;


static const struct {
    const char  *name;
    double       ratio;              /* bytes of text for each of its own */
} assess_estimate_kinds[ASSESS_KINDS] = {
    [ASSESS_KIND_PDF]      = { "pdf", 0.08 },
    [ASSESS_KIND_TEXT]     = { "text", 1 },
    [ASSESS_KIND_MARKDOWN] = { "markdown", 1 },
    [ASSESS_KIND_HTML]     = { "html", 0.4 },
    [ASSESS_KIND_DOCX]     = { "docx", 0.4 },
    [ASSESS_KIND_XLSX]     = { "xlsx", 1 },
    [ASSESS_KIND_PPTX]     = { "pptx", 0.02 },
    [ASSESS_KIND_ODT]      = { "odt", 0.4 },
    [ASSESS_KIND_ODS]      = { "ods", 1 },
    [ASSESS_KIND_ODP]      = { "odp", 0.02 },
    [ASSESS_KIND_IMAGE]    = { "image", 0.01 },
    [ASSESS_KIND_RTF]      = { "rtf", 0.3 },
    [ASSESS_KIND_EML]      = { "eml", 0.3 },
    [ASSESS_KIND_EPUB]     = { "epub", 1 },
    [ASSESS_KIND_DOC]      = { "doc", 0.3 },
    [ASSESS_KIND_XLS]      = { "xls", 0.4 }
};


const char *
assess_estimate_kind(assess_kind_e kind)
{
    const char  *name;

    name = (unsigned) kind < ASSESS_KINDS ? assess_estimate_kinds[kind].name
                                          : NULL;

    return name ? name : "other";
}


/* The length of its text, known or guessed. */

static double
assess_estimate_text(const assess_estimation_t *s, const assess_outline_t *o)
{
    double  ratio;

    if (o->text_bytes >= 0) {
        return (double) o->text_bytes;
    }

    ratio = (unsigned) o->kind < ASSESS_KINDS ? s->ratios[o->kind] : 0;

    if (!(ratio > 0)) {
        ratio = (unsigned) o->kind < ASSESS_KINDS
                ? assess_estimate_kinds[o->kind].ratio : 0.1;
    }

    return (double) o->bytes * ratio;
}


/* Whether the sampler can read it without anybody's help. */

static int
assess_estimate_readable(const assess_outline_t *o)
{
    return o->read || assess_sample_plain(o->kind, o->bytes);
}


static int
assess_estimate_compare(const void *a, const void *b, void *ctx)
{
    double                      x, y;
    const size_t               *i = a, *j = b;
    const assess_estimation_t  *s = ctx;

    x = assess_estimate_text(s, &s->outlines[*i]);
    y = assess_estimate_text(s, &s->outlines[*j]);

    return x < y ? -1 : x > y;
}


static int
assess_estimate_paged(assess_kind_e kind)
{
    return kind == ASSESS_KIND_PDF || kind == ASSESS_KIND_IMAGE;
}


/* The number with its five bits the other way round: 0, 16, 8, 24, 4, ... */

static size_t
assess_estimate_reversed(size_t n)
{
    return (n & 1) << 4 | (n & 2) << 2 | (n & 4) | (n & 8) >> 2
           | (n & 16) >> 4;
}


/*
 * Documents of a group, evenly by their length, and in such an order that those
 * which there was time for are spread out, too.
 */

static assess_err_e
assess_estimate_group(assess_estimation_t *s, int asked, int64_t until,
    assess_err_t *err)
{
    size_t            i, k, n, *list;
    assess_err_e      rc;
    assess_sample_t  *sample;

    list = malloc((s->e->n + 1) * sizeof(size_t));
    if (list == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    for (i = 0, n = 0; i < s->e->n; i++) {

        k = s->order[i];

        if (s->outlines[k].asked == asked
            && assess_estimate_readable(&s->outlines[k]))
        {
            list[n++] = k;
        }
    }

    rc = ASSESS_OK;

    for (i = 0; i < ASSESS_ESTIMATE_SAMPLES && rc == ASSESS_OK; i++) {

        k = assess_estimate_reversed(i);

        if (n <= ASSESS_ESTIMATE_SAMPLES) {

            if (k >= n) {
                continue;
            }

        } else {
            k = k * (n - 1) / (ASSESS_ESTIMATE_SAMPLES - 1);
        }

        sample = &s->samples[asked][s->nsamples[asked]];

        rc = assess_sample_read(&s->sampler, s->e->ids[list[k]],
                                s->outlines[list[k]].read, sample, err);

        sample->paged = assess_estimate_paged(s->outlines[list[k]].kind);
        s->nsamples[asked] += rc == ASSESS_OK;

        /* it was deleted, or read by another version, at this very moment */

        if (rc == ASSESS_NOT_FOUND || rc == ASSESS_CONFLICT) {
            rc = ASSESS_OK;
        }

        if (assess_mono_ms() >= until) {
            break;
        }
    }

    free(list);

    return rc;
}


static int
assess_estimate_shorter(const void *a, const void *b)
{
    const assess_sample_t *x = a, *y = b;

    return x->text < y->text ? -1 : x->text > y->text;
}


/*
 * Between the samples that it lies between, of the same group if there are.  What
 * is printed is prose of many pages, and mails, sheets and pages of the web are
 * not: one says little of the other.
 */

static void
assess_estimate_of(const assess_estimation_t *s, const assess_outline_t *o,
    assess_sample_t *of)
{
    int                     asked, paged;
    size_t                  i, n;
    double                  part;
    const assess_sample_t  *list, *a, *b;

    asked = o->asked && s->nsamples[1];
    list = s->samples[asked];
    n = s->nsamples[asked];

    paged = assess_estimate_paged(o->kind);
    of->text = assess_estimate_text(s, o);

    for (i = 0, a = NULL, b = NULL; i < n && b == NULL; i++) {

        if (list[i].paged != paged) {
            continue;
        }

        if (list[i].text < of->text) {
            a = &list[i];

        } else {
            b = &list[i];
        }
    }

    /* none says nothing: what is known of all texts helps */

    if (a == NULL && b == NULL) {
        assess_sample_blind(&s->sampler, of->text, of);
        return;
    }

    if (a == NULL || b == NULL) {
        assess_sample_scaled(&s->sampler, a ? a : b, of);
        return;
    }

    part = b->text > a->text ? (of->text - a->text) / (b->text - a->text) : 0;

    of->input = a->input + part * (b->input - a->input);
    of->asked = a->asked + part * (b->asked - a->asked);
    of->requests = a->requests + part * (b->requests - a->requests);
}


/* Of what is sent, as much comes from the provider's cache as did before. */

static double
assess_estimate_cost(const assess_estimation_t *s, double input,
    double output, double requests)
{
    double  each, cached;

    if (s->price == NULL || !(requests > 0)) {
        return 0;
    }

    each = input / requests;

    cached = s->rate.requests > 0 && s->rate.input > 0
             ? each * fmin(1, s->rate.cached / s->rate.input) : 0;

    return assess_price_mean(s->price, each, cached, 0, output / requests)
           * requests;
}


static void
assess_estimate_sum(assess_estimation_t *s, assess_estimate_t *estimate)
{
    size_t                    i, k;
    double                    factor, answer, input, output, cost;
    assess_sample_t           of;
    assess_estimate_kind_t   *kind;

    factor = 1;
    answer = ASSESS_ESTIMATE_ANSWER;

    if (s->price && s->price->reasons) {
        answer += ASSESS_ESTIMATE_THOUGHT;
    }

    if (s->rate.requests > 0 && s->rate.guess > 0 && s->rate.questions > 0) {
        factor = s->rate.input / s->rate.guess;
        answer = s->rate.output / s->rate.questions;
        estimate->measured = 1;
    }

    for (i = 0; i < s->e->n; i++) {

        assess_estimate_of(s, &s->outlines[i], &of);

        input = of.input * factor;
        output = of.asked * answer;
        cost = assess_estimate_cost(s, input, output, of.requests);

        estimate->input += input;
        estimate->output += output;
        estimate->cost += cost;
        s->requests += of.requests;

        for (k = 0; k < estimate->nkinds
                    && estimate->kinds[k].kind != s->outlines[i].kind; k++)
        {
            /* void */
        }

        kind = &estimate->kinds[k];

        if (k == estimate->nkinds) {
            estimate->nkinds++;
            kind->kind = s->outlines[i].kind;
        }

        kind->n++;
        kind->cost += cost;
    }
}


/*
 * Requests go side by side, as many as the provider is allowed in a worker, but
 * not more than its jobs have.
 */

static double
assess_estimate_seconds(const assess_estimation_t *s)
{
    double  each, jobs, lanes, ms;

    jobs = fmin((double) s->e->n, (double) s->e->workers * s->e->jobs);
    ms = (double) s->e->n * ASSESS_ESTIMATE_JOB / jobs;

    if (s->requests > 0) {

        each = s->rate.requests > 0 ? s->rate.ms / s->rate.requests
                                    : ASSESS_ESTIMATE_REQUEST;

        lanes = fmin((double) s->e->workers * s->conf->concurrency,
                     jobs * s->requests / (double) s->e->n);

        ms += fmax(each, s->requests * each / fmax(lanes, 1));
    }

    return ms / 1000;
}


static assess_err_e
assess_estimate_known(assess_estimation_t *s, assess_engine_t *engine,
    assess_db_t *db, assess_arena_t *arena, size_t *missing,
    assess_err_t *err)
{
    size_t               i;
    assess_err_e         rc;
    assess_err_t         why;
    assess_outline_of_t  of;

    memset(&of, 0, sizeof(assess_outline_of_t));

    of.provider = s->conf->name;
    of.model = s->e->model;
    of.extractor = ASSESS_EXTRACTOR_VERSION;
    of.before = s->e->before;

    if (engine->answers_ms) {
        memcpy(of.question_set_id, s->sampler.set->question_set_id,
               sizeof(of.question_set_id));
    }

    rc = assess_outlines_read(db, arena, s->e->scope, s->e->ids, s->e->n, &of,
                              &s->outlines, missing, err);

    for (i = 0; i < s->e->n && rc == ASSESS_OK; i++) {
        if (s->outlines[i].text_bytes < 0) {
            rc = assess_outline_ratios(db, s->e->scope, s->ratios, err);
            break;
        }
    }

    if (rc != ASSESS_OK) {
        return rc;
    }

    /* what this process has measured since: the estimate goes on without it */

    (void) assess_usages_flush(engine->usages, db, 1, &why);

    s->rate.tenant = s->e->scope->tenant;
    s->rate.provider = s->conf->name;
    s->rate.model = s->e->model;

    return assess_rate_read(db, &s->rate, err);
}


static assess_err_e
assess_estimate_look(assess_estimation_t *s, assess_arena_t *arena,
    assess_err_t *err)
{
    int           asked;
    size_t        i;
    int64_t       until;
    assess_err_e  rc;

    s->order = assess_palloc(arena, (s->e->n + 1) * sizeof(size_t));
    if (s->order == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    for (i = 0; i < s->e->n; i++) {
        s->order[i] = i;
    }

    qsort_r(s->order, s->e->n, sizeof(size_t), assess_estimate_compare, s);

    rc = assess_sample_begin(&s->sampler, err);

    for (asked = 0; asked < 2 && rc == ASSESS_OK; asked++) {

        until = assess_mono_ms() + ASSESS_ESTIMATE_MS / 2;
        rc = assess_estimate_group(s, asked, until, err);

        qsort(s->samples[asked], s->nsamples[asked], sizeof(assess_sample_t),
              assess_estimate_shorter);
    }

    return rc;
}


assess_err_e
assess_estimate(assess_engine_t *engine, assess_db_t *db,
    assess_arena_t *arena, const assess_estimating_t *e,
    assess_estimate_t *estimate, size_t *missing, assess_err_t *err)
{
    assess_err_e            rc;
    assess_shared_t        *shared;
    assess_provider_t      *provider;
    assess_estimation_t    *s;
    assess_question_set_t   set;

    *missing = e->n;
    memset(estimate, 0, sizeof(assess_estimate_t));

    provider = assess_engine_provider(engine, &e->provider);
    s = assess_pcalloc(arena, sizeof(assess_estimation_t));

    if (provider == NULL || s == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    s->e = e;
    s->conf = assess_provider_conf(provider);
    s->price = assess_price_find(s->conf->prices, s->conf->nprices, &e->model);

    rc = assess_question_set_read(db, arena, e->scope, &e->set_name,
                                  e->set_version, &set, err);

    if (rc == ASSESS_OK) {
        rc = assess_prepared_set(engine->prepared, &e->scope->tenant, &set,
                                 NULL, NULL, &shared, err);
    }

    if (rc != ASSESS_OK) {
        return rc;
    }

    s->sampler.engine = engine;
    s->sampler.db = db;
    s->sampler.scope = e->scope;
    s->sampler.conf = s->conf;
    s->sampler.model = e->model;
    s->sampler.set = &set;
    s->sampler.before = e->before;
    s->sampler.questions = shared->value;

    rc = assess_estimate_known(s, engine, db, arena, missing, err);

    if (rc == ASSESS_OK && s->conf->type != ASSESS_PROVIDER_LOCAL) {
        rc = assess_estimate_look(s, arena, err);
    }

    if (rc == ASSESS_OK) {
        assess_estimate_sum(s, estimate);

        estimate->seconds = assess_estimate_seconds(s);
        estimate->priced = s->price != NULL
                           || s->conf->type == ASSESS_PROVIDER_LOCAL;
        estimate->prices = s->price ? s->conf->price_version : NULL;
    }

    assess_lru_release(shared);

    return rc;
}
