
/*
 * What requests took, as a process sees it: kept for a moment, and then added
 * to what the store has, so that no job writes for it.  Any thread.
 */

#ifndef ASSESS_USAGES_H
#define ASSESS_USAGES_H


#include "assess_provider.h"
#include "../store/assess_rate.h"


typedef struct assess_usages_s  assess_usages_t;


/* NULL is out of memory. */
assess_usages_t *assess_usages_create(void);
void assess_usages_destroy(assess_usages_t *rates);

/*
 * Whether another request is to be measured: the first ones, and then some, for
 * counting takes as long as to make one.
 */
int assess_usages_wanted(assess_usages_t *rates);

void assess_usages_took(assess_usages_t *rates, const assess_str_t *tenant,
    const assess_str_t *provider, const assess_str_t *model,
    const assess_took_t *took);

/*
 * Adds what there is to the store, if that was done some seconds ago, or now.
 * What it does not take stays here for the next time.
 */
assess_err_e assess_usages_flush(assess_usages_t *rates, assess_db_t *db,
    int now, assess_err_t *err);


#endif /* ASSESS_USAGES_H */
