
/*
 * What requests to a model took, added up: how many tokens more or less than
 * was thought, how long its answers are, how long it takes.
 */

#ifndef ASSESS_RATE_H
#define ASSESS_RATE_H


#include "assess_db.h"


typedef struct {
    assess_str_t   tenant;
    assess_str_t   provider;
    assess_str_t   model;
    double         requests;         /* these are sums: of the requests, ... */
    double         guess;            /* ... the tokens they were thought to be */
    double         input;            /* and were, ... */
    double         cached;           /* of them, from the provider's cache */
    double         questions;
    double         output;
    double         ms;
} assess_rate_t;


/*
 * Adds to what is there.  Old sums lose weight, so that a model which changes is
 * followed; in each tenant, and over all of them.
 */
assess_err_e assess_rate_add(assess_db_t *db, const assess_rate_t *rates,
    size_t n, assess_err_t *err);

/*
 * That of the tenant, or where it has none that of all; without requests where
 * nobody has asked yet.  rate's names are given.
 */
assess_err_e assess_rate_read(assess_db_t *db, assess_rate_t *rate,
    assess_err_t *err);


#endif /* ASSESS_RATE_H */
