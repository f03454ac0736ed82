
/* All the steps of one write, as one change of the job's row.  Pure. */

#ifndef ASSESS_SUM_H
#define ASSESS_SUM_H


#include "assess_job.h"


typedef struct {
    assess_stage_e   stage;
    int              progress;
    int              total_batches;
    int              completed_batches;
    int64_t          estimated_completion;
    int64_t          input_tokens;
    int64_t          output_tokens;
    double           cost;
    const char      *prices;
    double           released;
    double           doubtful;
    size_t           nanswers;
} assess_sum_t;


/* A number of tokens to be added: never less than none. */
int64_t assess_step_count(int64_t n);

void assess_steps_sum(const assess_write_t *w, assess_sum_t *sum);


#endif /* ASSESS_SUM_H */
