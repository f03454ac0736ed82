
#include "assess_rates.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>


#define ASSESS_RATES_KINDS   32        /* above all of assess_kind_e */
#define ASSESS_RATES_MODELS  32
#define ASSESS_RATES_NAME    128       /* of a model that is kept */

/* the mean is one of so many at most: older ones fade */
#define ASSESS_RATES_LATEST  32
#define ASSESS_RATES_FADES   0.98      /* of documents, with each one */


/* Documents of a kind: seconds by bytes, as sums for a line through them */

typedef struct {
    double   n;
    double   x;
    double   y;
    double   xx;
    double   xy;
} assess_rates_line_t;


typedef struct {
    double   mean;
    double   n;                        /* 0: there is none */
} assess_rates_mean_t;


typedef struct {
    char                  provider[ASSESS_RATES_NAME];
    char                  model[ASSESS_RATES_NAME];
    uint64_t              used;
    assess_rates_mean_t   seconds;
} assess_rates_model_t;


struct assess_rates_s {
    pthread_mutex_t        mutex;
    int                    own;        /* of this process alone */
    assess_rates_line_t    kinds[ASSESS_RATES_KINDS];
    assess_rates_line_t    wholes[ASSESS_RATES_KINDS];
    assess_rates_mean_t    page;
    assess_rates_model_t   models[ASSESS_RATES_MODELS];
    uint64_t               uses;
};


size_t
assess_rates_size(void)
{
    return sizeof(assess_rates_t);
}


int
assess_rates_init(void *mem)
{
    int                   rc;
    assess_rates_t       *rates = mem;
    pthread_mutexattr_t   attr;

    memset(rates, 0, sizeof(assess_rates_t));

    if (pthread_mutexattr_init(&attr) != 0) {
        return -1;
    }

    rc = -1;

    if (pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0
        && pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0
        && pthread_mutex_init(&rates->mutex, &attr) == 0)
    {
        rc = 0;
    }

    (void) pthread_mutexattr_destroy(&attr);

    return rc;
}


assess_rates_t *
assess_rates_create(void)
{
    assess_rates_t  *rates;

    rates = malloc(sizeof(assess_rates_t));
    if (rates == NULL) {
        return NULL;
    }

    if (assess_rates_init(rates) != 0) {
        free(rates);
        return NULL;
    }

    rates->own = 1;

    return rates;
}


void
assess_rates_destroy(assess_rates_t *rates)
{
    if (rates && rates->own) {
        (void) pthread_mutex_destroy(&rates->mutex);
        free(rates);
    }
}


/* Who died with it has left a measurement half added, which will fade. */

static void
assess_rates_lock(assess_rates_t *rates)
{
    if (pthread_mutex_lock(&rates->mutex) == EOWNERDEAD) {
        (void) pthread_mutex_consistent(&rates->mutex);
    }
}


static void
assess_rates_add(assess_rates_mean_t *m, double n, double value)
{
    m->n += n;

    if (m->n > ASSESS_RATES_LATEST) {
        m->n = ASSESS_RATES_LATEST;
    }

    m->mean += (value - m->mean) * (n < m->n ? n / m->n : 1);
}


static void
assess_rates_took(assess_rates_t *rates, assess_rates_line_t *lines,
    assess_kind_e kind, int64_t bytes, double seconds)
{
    double                x;
    assess_rates_line_t  *l;

    if ((size_t) kind >= ASSESS_RATES_KINDS || bytes < 0 || seconds < 0) {
        return;
    }

    x = (double) bytes;

    assess_rates_lock(rates);

    l = &lines[kind];

    l->n = l->n * ASSESS_RATES_FADES + 1;
    l->x = l->x * ASSESS_RATES_FADES + x;
    l->y = l->y * ASSESS_RATES_FADES + seconds;
    l->xx = l->xx * ASSESS_RATES_FADES + x * x;
    l->xy = l->xy * ASSESS_RATES_FADES + x * seconds;

    (void) pthread_mutex_unlock(&rates->mutex);
}


void
assess_rates_read_took(assess_rates_t *rates, assess_kind_e kind,
    int64_t bytes, double seconds)
{
    assess_rates_took(rates, rates->kinds, kind, bytes, seconds);
}


void
assess_rates_whole_took(assess_rates_t *rates, assess_kind_e kind,
    int64_t bytes, double seconds)
{
    assess_rates_took(rates, rates->wholes, kind, bytes, seconds);
}


/*
 * Some time for each document, and some for each byte, neither less than
 * nothing.  Where sizes do not differ enough to tell, it is all by bytes.
 */

static double
assess_rates_line(const assess_rates_line_t *l, double x)
{
    double  slope, spread, always;

    if (l->n <= 0) {
        return -1;
    }

    spread = l->n * l->xx - l->x * l->x;
    slope = spread > 1e-9 * l->n * l->xx
            ? (l->n * l->xy - l->x * l->y) / spread : -1;
    always = (l->y - slope * l->x) / l->n;

    if (slope >= 0 && always >= 0) {
        return always + slope * x;
    }

    /* larger ones that took less are no reason to expect that */

    return slope >= 0 || spread <= 1e-9 * l->n * l->xx
           ? l->x > 0 ? l->y / l->x * x : l->y / l->n
           : l->y / l->n;
}


static double
assess_rates_expect(assess_rates_t *rates, const assess_rates_line_t *lines,
    assess_kind_e kind, int64_t bytes)
{
    double  seconds;

    if ((size_t) kind >= ASSESS_RATES_KINDS) {
        return -1;
    }

    assess_rates_lock(rates);

    seconds = assess_rates_line(&lines[kind], (double) bytes);

    (void) pthread_mutex_unlock(&rates->mutex);

    return seconds;
}


double
assess_rates_read(assess_rates_t *rates, assess_kind_e kind, int64_t bytes)
{
    return assess_rates_expect(rates, rates->kinds, kind, bytes);
}


double
assess_rates_whole(assess_rates_t *rates, assess_kind_e kind, int64_t bytes)
{
    return assess_rates_expect(rates, rates->wholes, kind, bytes);
}


void
assess_rates_page_took(assess_rates_t *rates, int pages, double seconds)
{
    if (pages <= 0 || seconds < 0) {
        return;
    }

    assess_rates_lock(rates);

    assess_rates_add(&rates->page, pages, seconds);

    (void) pthread_mutex_unlock(&rates->mutex);
}


double
assess_rates_page(assess_rates_t *rates)
{
    double  seconds;

    assess_rates_lock(rates);

    seconds = rates->page.n > 0 ? rates->page.mean : -1;

    (void) pthread_mutex_unlock(&rates->mutex);

    return seconds;
}


static int
assess_rates_is(const char *name, const assess_str_t *s)
{
    return strlen(name) == s->len
           && (s->len == 0 || memcmp(name, s->data, s->len) == 0);
}


/* The mutex is held.  NULL: there is none of that name. */

static assess_rates_model_t *
assess_rates_model(assess_rates_t *rates, const assess_str_t *provider,
    const assess_str_t *model)
{
    size_t  i;

    for (i = 0; i < ASSESS_RATES_MODELS; i++) {
        if (rates->models[i].used
            && assess_rates_is(rates->models[i].provider, provider)
            && assess_rates_is(rates->models[i].model, model))
        {
            rates->models[i].used = ++rates->uses;
            return &rates->models[i];
        }
    }

    return NULL;
}


/* In place of the one that was not asked for the longest */

static assess_rates_model_t *
assess_rates_new(assess_rates_t *rates, const assess_str_t *provider,
    const assess_str_t *model)
{
    size_t                 i;
    assess_rates_model_t  *m;

    if (provider->len >= ASSESS_RATES_NAME || model->len >= ASSESS_RATES_NAME)
    {
        return NULL;
    }

    m = &rates->models[0];

    for (i = 1; i < ASSESS_RATES_MODELS; i++) {
        if (rates->models[i].used < m->used) {
            m = &rates->models[i];
        }
    }

    memset(m, 0, sizeof(assess_rates_model_t));

    if (provider->len) {
        memcpy(m->provider, provider->data, provider->len);
    }

    if (model->len) {
        memcpy(m->model, model->data, model->len);
    }

    m->used = ++rates->uses;

    return m;
}


void
assess_rates_ask_took(assess_rates_t *rates, const assess_str_t *provider,
    const assess_str_t *model, int n, double seconds)
{
    assess_rates_model_t  *m;

    if (n <= 0 || seconds < 0) {
        return;
    }

    assess_rates_lock(rates);

    m = assess_rates_model(rates, provider, model);

    if (m == NULL) {
        m = assess_rates_new(rates, provider, model);
    }

    if (m) {
        assess_rates_add(&m->seconds, n, seconds);
    }

    (void) pthread_mutex_unlock(&rates->mutex);
}


double
assess_rates_ask(assess_rates_t *rates, const assess_str_t *provider,
    const assess_str_t *model)
{
    double                 seconds;
    assess_rates_model_t  *m;

    assess_rates_lock(rates);

    m = assess_rates_model(rates, provider, model);
    seconds = m ? m->seconds.mean : -1;

    (void) pthread_mutex_unlock(&rates->mutex);

    return seconds;
}
