
#include "assess_sum.h"

#include <string.h>


int64_t
assess_step_count(int64_t n)
{
    return n > 0 ? n : 0;
}


void
assess_steps_sum(const assess_write_t *w, assess_sum_t *sum)
{
    size_t                i;
    const assess_step_t  *step;

    memset(sum, 0, sizeof(assess_sum_t));

    for (i = 0; i < w->nsteps; i++) {
        step = &w->steps[i];

        if (step->stage != ASSESS_STAGE_NONE) {
            sum->stage = step->stage;
        }

        if (step->progress > sum->progress) {
            sum->progress = step->progress;
        }

        if (step->total_batches > 0) {
            sum->total_batches = step->total_batches;
        }

        if (step->completed_batches > sum->completed_batches) {
            sum->completed_batches = step->completed_batches;
        }

        if (step->estimated_completion > 0) {
            sum->estimated_completion = step->estimated_completion;
        }

        sum->input_tokens += assess_step_count(step->input_tokens);
        sum->output_tokens += assess_step_count(step->output_tokens);
        sum->cost += step->cost > 0 ? step->cost : 0;
        sum->prices = step->prices ? step->prices : sum->prices;
        sum->released += step->released;
        sum->doubtful += step->doubtful;
        sum->nanswers += step->nanswers;
    }
}
