
#include "assess_metrics.h"

#include <time.h>


assess_metrics_t  assess_metrics_none;


/* One row for all: a job takes from milliseconds to an hour. */

const char *const  assess_bound_names[ASSESS_BOUNDS] = {
    "0.005", "0.025", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60",
    "300", "900", "3600"
};

const int64_t  assess_bounds[ASSESS_BOUNDS] = {
    5000, 25000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
    30000000, 60000000, 300000000, 900000000, 3600000000
};


void
assess_count(uint64_t *counter, uint64_t n)
{
    (void) __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}


uint64_t
assess_counted(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}


void
assess_observe(assess_histogram_t *histogram, int64_t us)
{
    int  i;

    /* two clocks, or one that was set: no time is less than none */

    if (us < 0) {
        us = 0;
    }

    for (i = 0; i < ASSESS_BOUNDS && us > assess_bounds[i]; i++) {
        /* void */
    }

    assess_count(&histogram->counts[i], 1);
    assess_count(&histogram->sum, (uint64_t) us);
}


int64_t
assess_mono_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
