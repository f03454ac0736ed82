
/*
 * What is counted, for whoever watches: numbers that only grow, and histograms
 * of times.  They may lie in memory that several processes share: each change
 * is one atomic addition, there is no lock and no pointer in it, and nothing is
 * lost with a process.  Any thread.
 */

#ifndef ASSESS_METRICS_H
#define ASSESS_METRICS_H


#include "assess_base.h"


/* bounds of a histogram; above the last one there is one more bucket */
#define ASSESS_BOUNDS  14

#define ASSESS_METRIC_STATUSES  8            /* of jobs, at most */
#define ASSESS_METRIC_STAGES    8            /* likewise */
#define ASSESS_METRIC_KINDS     32           /* of documents */
#define ASSESS_METRIC_WHYS      8            /* of CPU tasks taken away */
#define ASSESS_METRIC_QUOTAS    4            /* of a provider */


typedef struct {
    uint64_t   counts[ASSESS_BOUNDS + 1];    /* each of its bucket alone */
    uint64_t   sum;                          /* microseconds */
} assess_histogram_t;


/* What came of reading a document. */
typedef enum {
    ASSESS_READ_OK = 0,
    ASSESS_READ_ENCRYPTED,
    ASSESS_READ_DAMAGED,
    ASSESS_READ_WITHOUT_TEXT,
    ASSESS_READ_LIMIT,
    ASSESS_READ_KILLED,
    ASSESS_READ_CRASHED,
    ASSESS_READ_FORBIDDEN,
    ASSESS_READ_OCR_UNAVAILABLE,
    ASSESS_READ_CANCELLED,
    ASSESS_READ_ERROR,
    ASSESS_READS
} assess_read_e;


/* How a request to a provider ended. */
typedef enum {
    ASSESS_ANSWERED_2XX = 0,
    ASSESS_ANSWERED_3XX,
    ASSESS_ANSWERED_4XX,                     /* but for 429 */
    ASSESS_ANSWERED_429,
    ASSESS_ANSWERED_5XX,
    ASSESS_ANSWERED_NOT,                     /* there was no answer */
    ASSESS_ANSWERED_BROKEN_OFF,              /* by us */
    ASSESS_ANSWERED
} assess_answered_e;


/* Of one provider. */
typedef struct {
    uint64_t             requests[ASSESS_ANSWERED];
    uint64_t             again;              /* to be sent again */
    uint64_t             input_tokens;
    uint64_t             output_tokens;
    uint64_t             cost;               /* billionths of a dollar */
    assess_histogram_t   took;

    /* what it told last, and one more; 0: nothing.  By assess_quota_e */
    uint64_t             limits[ASSESS_METRIC_QUOTAS];
    uint64_t             remaining[ASSESS_METRIC_QUOTAS];
} assess_traffic_t;


typedef struct {
    uint64_t             accepted;           /* jobs */
    uint64_t             finished[ASSESS_METRIC_STATUSES];
    uint64_t             taken_over;
    assess_histogram_t   queued;             /* until they were begun */
    assess_histogram_t   stages[ASSESS_METRIC_STAGES];
    assess_histogram_t   whole;              /* from the start to the end */

    uint64_t             reads[ASSESS_METRIC_KINDS][ASSESS_READS];
    uint64_t             ocr_pages;
    uint64_t             document_hits;      /* of the document cache */
    uint64_t             document_misses;
    uint64_t             answer_hits;
    uint64_t             answer_misses;

    uint64_t             streams;            /* ever opened */
    uint64_t             stalled;            /* of those, closed for that */
    uint64_t             deliveries;         /* of events, to each of them */

    uint64_t             notices_delivered;
    uint64_t             notices_again;
    uint64_t             notices_given_up;

    uint64_t             tasks_lowered[ASSESS_METRIC_WHYS];
} assess_metrics_t;


/* For who counts for nobody. */
extern assess_metrics_t  assess_metrics_none;


/* In seconds, as text and in microseconds. */
extern const char *const  assess_bound_names[ASSESS_BOUNDS];
extern const int64_t      assess_bounds[ASSESS_BOUNDS];


void assess_count(uint64_t *counter, uint64_t n);
uint64_t assess_counted(const uint64_t *counter);
void assess_observe(assess_histogram_t *histogram, int64_t us);

/* A clock that only goes on. */
int64_t assess_mono_us(void);


#endif /* ASSESS_METRICS_H */
