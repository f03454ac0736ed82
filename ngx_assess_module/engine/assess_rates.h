
/*
 * How long things took of late, in these processes: the reading of documents, by
 * kind and size, scanned pages, and requests to providers, by model.  What a job
 * or a batch will take is expected by it, before anything of it was done.  The
 * latest count most.  Any thread; nothing blocks.
 */

#ifndef ASSESS_RATES_H
#define ASSESS_RATES_H


#include "../store/assess_document.h"


typedef struct assess_rates_s  assess_rates_t;


/* NULL is out of memory. */
assess_rates_t *assess_rates_create(void);

/*
 * In memory that processes share, of so many bytes: it needs no more than to
 * be begun once, 0 or -1, and is not freed by destroy().
 */
size_t assess_rates_size(void);
int assess_rates_init(void *mem);

void assess_rates_destroy(assess_rates_t *rates);

/* The text of a document was read in so many seconds of a CPU. */
void assess_rates_read_took(assess_rates_t *rates, assess_kind_e kind,
    int64_t bytes, double seconds);

/* What another one is expected to take; negative: nobody knows. */
double assess_rates_read(assess_rates_t *rates, assess_kind_e kind,
    int64_t bytes);

/* The same from then on until the first question may be asked: all of it. */
void assess_rates_whole_took(assess_rates_t *rates, assess_kind_e kind,
    int64_t bytes, double seconds);
double assess_rates_whole(assess_rates_t *rates, assess_kind_e kind,
    int64_t bytes);

/* Of scanned pages, as many at once as there were, each took so long. */
void assess_rates_page_took(assess_rates_t *rates, int pages, double seconds);
double assess_rates_page(assess_rates_t *rates);

/* n requests took so many seconds each, of the model of a provider. */
void assess_rates_ask_took(assess_rates_t *rates,
    const assess_str_t *provider, const assess_str_t *model, int n,
    double seconds);
double assess_rates_ask(assess_rates_t *rates, const assess_str_t *provider,
    const assess_str_t *model);


#endif /* ASSESS_RATES_H */
