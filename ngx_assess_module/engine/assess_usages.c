
#include "assess_usages.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>


/* Tenants with their models between two flushes; more are not measured. */
#define ASSESS_USAGES_MAX    64
#define ASSESS_USAGES_NAME   256        /* nor are longer names */

#define ASSESS_USAGES_FIRST  64         /* requests that are all measured */
#define ASSESS_USAGES_PART   16         /* of the rest */

#define ASSESS_USAGES_MS     2000       /* between two flushes */


typedef struct {
    assess_rate_t  rate;
    char           names[3][ASSESS_USAGES_NAME];
} assess_usages_row_t;


struct assess_usages_s {
    pthread_mutex_t      mutex;
    uint64_t             asked;
    int64_t              flushed;      /* when; 0: never */
    size_t               n;
    assess_usages_row_t   rows[ASSESS_USAGES_MAX];
};


assess_usages_t *
assess_usages_create(void)
{
    assess_usages_t  *rates;

    rates = calloc(1, sizeof(assess_usages_t));

    if (rates && pthread_mutex_init(&rates->mutex, NULL) != 0) {
        free(rates);
        return NULL;
    }

    return rates;
}


void
assess_usages_destroy(assess_usages_t *rates)
{
    if (rates) {
        (void) pthread_mutex_destroy(&rates->mutex);
        free(rates);
    }
}


int
assess_usages_wanted(assess_usages_t *rates)
{
    uint64_t  n;

    n = __atomic_fetch_add(&rates->asked, 1, __ATOMIC_RELAXED);

    return n < ASSESS_USAGES_FIRST || n % ASSESS_USAGES_PART == 0;
}


static void
assess_usages_name(assess_usages_row_t *row, int i, assess_str_t *name,
    const assess_str_t *value)
{
    memcpy(row->names[i], value->data, value->len);

    name->data = row->names[i];
    name->len = value->len;
}


/* That of these names, which is made; NULL: there is no room for it. */

static assess_rate_t *
assess_usages_row(assess_usages_t *rates, const assess_str_t *tenant,
    const assess_str_t *provider, const assess_str_t *model)
{
    size_t               i;
    assess_usages_row_t  *row;

    for (i = 0; i < rates->n; i++) {

        row = &rates->rows[i];

        if (assess_str_same(&row->rate.tenant, tenant)
            && assess_str_same(&row->rate.provider, provider)
            && assess_str_same(&row->rate.model, model))
        {
            return &row->rate;
        }
    }

    if (rates->n == ASSESS_USAGES_MAX || tenant->len > ASSESS_USAGES_NAME
        || provider->len > ASSESS_USAGES_NAME
        || model->len > ASSESS_USAGES_NAME)
    {
        return NULL;
    }

    row = &rates->rows[rates->n++];
    memset(&row->rate, 0, sizeof(assess_rate_t));

    assess_usages_name(row, 0, &row->rate.tenant, tenant);
    assess_usages_name(row, 1, &row->rate.provider, provider);
    assess_usages_name(row, 2, &row->rate.model, model);

    return &row->rate;
}


static void
assess_rate_sum(assess_rate_t *rate, const assess_rate_t *more)
{
    rate->requests += more->requests;
    rate->guess += more->guess;
    rate->input += more->input;
    rate->cached += more->cached;
    rate->questions += more->questions;
    rate->output += more->output;
    rate->ms += more->ms;
}


static void
assess_usages_put(assess_usages_t *rates, const assess_rate_t *more)
{
    assess_rate_t  *rate;

    rate = assess_usages_row(rates, &more->tenant, &more->provider,
                            &more->model);
    if (rate) {
        assess_rate_sum(rate, more);
    }
}


void
assess_usages_took(assess_usages_t *rates, const assess_str_t *tenant,
    const assess_str_t *provider, const assess_str_t *model,
    const assess_took_t *took)
{
    assess_rate_t  more;

    more.tenant = *tenant;
    more.provider = *provider;
    more.model = *model;
    more.requests = 1;
    more.guess = took->guess;
    more.input = (double) took->usage.input;
    more.cached = (double) took->usage.cached;
    more.questions = (double) took->questions;
    more.output = (double) took->usage.output;
    more.ms = (double) took->ms;

    (void) pthread_mutex_lock(&rates->mutex);
    assess_usages_put(rates, &more);
    (void) pthread_mutex_unlock(&rates->mutex);
}


/* Takes what there is, for whoever writes it; NULL where nothing is to be. */

static assess_usages_t *
assess_usages_take(assess_usages_t *rates, int now)
{
    size_t           i;
    int64_t          ms;
    assess_usages_t  *taken;

    ms = assess_mono_ms();
    taken = NULL;

    (void) pthread_mutex_lock(&rates->mutex);

    if (rates->n && (now || rates->flushed == 0
                     || ms - rates->flushed >= ASSESS_USAGES_MS))
    {
        taken = calloc(1, sizeof(assess_usages_t));
    }

    if (taken) {

        for (i = 0; i < rates->n; i++) {
            assess_usages_put(taken, &rates->rows[i].rate);
        }

        rates->n = 0;
        rates->flushed = ms;
    }

    (void) pthread_mutex_unlock(&rates->mutex);

    return taken;
}


assess_err_e
assess_usages_flush(assess_usages_t *rates, assess_db_t *db, int now,
    assess_err_t *err)
{
    size_t           i, n;
    assess_err_e     rc;
    assess_rate_t    list[ASSESS_USAGES_MAX];
    assess_usages_t  *taken;

    /* looked at without the lock: a moment later is as good */

    if (__atomic_load_n(&rates->n, __ATOMIC_RELAXED) == 0) {
        return ASSESS_OK;
    }

    taken = assess_usages_take(rates, now);
    if (taken == NULL) {
        return ASSESS_OK;
    }

    n = taken->n;

    for (i = 0; i < n; i++) {
        list[i] = taken->rows[i].rate;
    }

    rc = assess_rate_add(db, list, n, err);

    if (rc != ASSESS_OK) {
        (void) pthread_mutex_lock(&rates->mutex);

        for (i = 0; i < n; i++) {
            assess_usages_put(rates, &list[i]);
        }

        (void) pthread_mutex_unlock(&rates->mutex);
    }

    free(taken);

    return rc;
}
