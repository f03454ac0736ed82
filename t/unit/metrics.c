
/* sources: base/assess_metrics.c base/assess_exposition.c base/assess_base.c */
/* libs: -lpthread -lm -lcrypto */

/* What is counted by many at once, and the text that it becomes. */

#include "base/assess_exposition.h"
#include "tap.h"

#include <pthread.h>
#include <stdlib.h>


#define THREADS  8
#define EACH     100000


static assess_metrics_t  metrics;


static void *
counter(void *data)
{
    int  i;

    (void) data;

    for (i = 0; i < EACH; i++) {
        assess_count(&metrics.accepted, 1);
        assess_observe(&metrics.whole, i % 2 ? 1 : 7000000);
    }

    return NULL;
}


static void
test_threads(void)
{
    int        i;
    pthread_t  threads[THREADS];

    for (i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, counter, NULL) != 0) {
            exit(1);
        }
    }

    for (i = 0; i < THREADS; i++) {
        (void) pthread_join(threads[i], NULL);
    }

    is_int((long long) assess_counted(&metrics.accepted), THREADS * EACH,
           "nothing is lost between threads");
    is_int((long long) metrics.whole.counts[0], THREADS * EACH / 2,
           "what took no time is in the first bucket");
    is_int((long long) metrics.whole.counts[8], THREADS * EACH / 2,
           "7 s are within 10 s");
    is_int((long long) metrics.whole.sum, 7000001LL * THREADS * EACH / 2,
           "the sum of both");
}


static void
test_bounds(void)
{
    int                 i, in_order;
    assess_histogram_t  h;

    memset(&h, 0, sizeof(h));

    for (i = 0, in_order = 1; i < ASSESS_BOUNDS; i++) {
        in_order &= assess_bounds[i]
                    == (int64_t) (strtod(assess_bound_names[i], NULL) * 1e6
                                  + 0.5);
        in_order &= i == 0 || assess_bounds[i] > assess_bounds[i - 1];

        assess_observe(&h, assess_bounds[i]);
        is_int((long long) h.counts[i], 1, "a bound is in its own bucket");
    }

    ok(in_order, "bounds rise, and are what they are called");

    assess_observe(&h, assess_bounds[ASSESS_BOUNDS - 1] + 1);
    is_int((long long) h.counts[ASSESS_BOUNDS], 1, "the rest is above");

    assess_observe(&h, -5);
    is_int((long long) h.counts[0], 2, "a clock that went back is none");
}


static void
test_text(void)
{
    assess_buf_t    b;
    assess_label_t  labels[2];

    memset(&b, 0, sizeof(b));

    assess_exposition_counter(&b, "a_total", "How many.", 12345678901234);
    assess_exposition_gauge(&b, "b", "How much.", 0.25);
    is_str(b.data,
           "# HELP a_total How many.\n# TYPE a_total counter\n"
           "a_total 12345678901234\n"
           "# HELP b How much.\n# TYPE b gauge\nb 0.25\n",
           "a counter and a gauge");

    assess_buf_reset(&b);

    labels[0] = assess_exposition_label("kind", "pdf");
    labels[1] = assess_exposition_label("name", "a\"b\\c\nd\xff\xc3\xa9");
    assess_exposition_sample(&b, "c", labels, 2, 1);
    is_str(b.data, "c{kind=\"pdf\",name=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\xc3\xa9\"}"
           " 1\n", "labels of any text");

    assess_buf_free(&b);
}


static void
test_histogram(void)
{
    char               *line;
    assess_buf_t        b;
    assess_label_t      label;
    assess_histogram_t  h;

    memset(&h, 0, sizeof(h));
    memset(&b, 0, sizeof(b));

    assess_observe(&h, 2000);
    assess_observe(&h, 200000);
    assess_observe(&h, 2000000000000);

    label = assess_exposition_label("stage", "x");
    assess_exposition_histogram(&b, "t_seconds", &label, 1, &h);

    line = strchr(b.data, '\n');
    *line = '\0';
    is_str(b.data, "t_seconds_bucket{stage=\"x\",le=\"0.005\"} 1",
           "the first bucket");
    *line = '\n';

    ok(strstr(b.data, "t_seconds_bucket{stage=\"x\",le=\"0.1\"} 1\n") != NULL
       && strstr(b.data, "t_seconds_bucket{stage=\"x\",le=\"0.25\"} 2\n"),
       "buckets add up");
    ok(strstr(b.data, "t_seconds_bucket{stage=\"x\",le=\"+Inf\"} 3\n"
                      "t_seconds_sum{stage=\"x\"} 2000000.202\n"
                      "t_seconds_count{stage=\"x\"} 3\n") != NULL,
       "all of them, their sum in seconds, and how many");

    assess_buf_free(&b);
}


int
main(void)
{
    test_threads();
    test_bounds();
    test_text();
    test_histogram();

    return done_testing();
}
