
/* When a batch will have ended: the model, fed with what the rows say. */

#ifndef ASSESS_BATCH_ETA_H
#define ASSESS_BATCH_ETA_H


#include "assess_engine.h"
#include "assess_eta.h"
#include "../store/assess_batch.h"


/* By what was measured in this process. */
void assess_batch_weights(const assess_engine_t *engine,
    assess_batch_weights_t *weights);

/*
 * How long it will take still, as of when work was read.  processes are as many
 * as there are beside this one, with it, that run jobs.
 */
void assess_batch_guess(const assess_engine_t *engine, unsigned processes,
    const assess_batch_work_t *work, assess_eta_guess_t *guess);

/* The same with the places given: places->longest is filled in. */
void assess_batch_model(const assess_batch_work_t *work,
    assess_eta_places_t *places, assess_eta_guess_t *guess);


#endif /* ASSESS_BATCH_ETA_H */
