
/*
 * When a batch of jobs will have ended.  A pure model: it is told what was
 * finished and what is left, in units of work and not in jobs, since these are
 * not alike, and looks at no clock, no file and no table.
 *
 * Work is done at three places at once: CPU tasks read documents, the provider
 * answers requests, and jobs hold runners.  What is left takes as long as the
 * place that has most to do for what it is; how long that really takes is known
 * by how long it took of late.  A change of speed is noticed, and what was
 * before it is not counted any more.
 */

#ifndef ASSESS_ETA_H
#define ASSESS_ETA_H


#include <stddef.h>
#include <stdint.h>


#define ASSESS_ETA_BUCKETS  64


/* Some of the work of a batch, done or left. */
typedef struct {
    double   jobs;
    double   read;       /* seconds of a CPU: see assess_rates.h */
    double   asks;       /* question batches, a request each */

    /*
     * Of what is done, question batches that needed no request, beside asks.
     * Of what is left, those that will need one, since it was looked, beside
     * asks, of which that is not known.
     */
    double   cached;
    double   asking;
} assess_eta_work_t;


/* What there is to do it with, as of now; 0 is not known. */
typedef struct {
    double   cpus;       /* CPU tasks at once */
    double   requests;   /* at once, or as many as the batch may have */
    double   jobs;       /* at once */
    double   seconds;    /* of a request, as measured of late */
    double   longest;    /* of the documents left, seconds of a CPU */
} assess_eta_places_t;


typedef enum {
    ASSESS_ETA_NONE = 0,
    ASSESS_ETA_GUESS,    /* of other batches: nothing was finished of this */
    ASSESS_ETA_FAIR,     /* measured, with a wide range, or not for long */
    ASSESS_ETA_GOOD
} assess_eta_quality_e;


typedef struct {
    double                 seconds;
    double                 low;      /* nine of ten times it is within */
    double                 high;
    assess_eta_quality_e   quality;
} assess_eta_guess_t;


/* No pointers: it may be copied, and lie in shared memory. */
typedef struct {
    double              now;         /* seconds, since it began */
    double              width;       /* seconds, of a bucket */
    unsigned            n;           /* of them, the last one is not full */
    assess_eta_work_t   buckets[ASSESS_ETA_BUCKETS];
    int64_t             fed;         /* ms */

    /* when it became another one, last: older buckets are too few to tell */
    double              speed_since;
    double              asked_since;
} assess_eta_t;


/* now is of any clock that only goes on, in ms. */
void assess_eta_begin(assess_eta_t *eta, int64_t now);

/* What was finished since the last feed, or the beginning. */
void assess_eta_feed(assess_eta_t *eta, int64_t now,
    const assess_eta_work_t *done);

/*
 * Instead of that, from what is known afterwards: it has lasted so many seconds,
 * in which so much was done, evenly from one time to another, in any order.
 */
void assess_eta_recall(assess_eta_t *eta, double seconds);
void assess_eta_did(assess_eta_t *eta, double from, double to,
    const assess_eta_work_t *done);

/* It goes on after a pause: the time since the last feed does not count. */
void assess_eta_resume(assess_eta_t *eta, int64_t now);

/*
 * How long what is left will take, of n parts in the order of the queue: where
 * small documents come before large ones, sixteen parts tell, and one does not.
 */
void assess_eta_guess(assess_eta_t *eta,
    const assess_eta_places_t *places, const assess_eta_work_t *left,
    size_t n, assess_eta_guess_t *guess);


/* The requests of one job. */
typedef struct {
    double   left;       /* question batches without answers */
    double   flying;     /* of them, on their way */
    double   at_once;    /* as many as are on their way, where there are more */
    double   seconds;    /* of one, as measured of late */
    double   age;        /* of the one that was sent last */
    double   pace;       /* a second, as far as the provider takes; 0: any */
    double   pause;      /* until it takes one */
} assess_eta_asks_t;

/* Seconds until the last one is answered. */
double assess_eta_asks(const assess_eta_asks_t *asks);

/* "guess", "fair", "good"; NULL of none. */
const char *assess_eta_quality(assess_eta_quality_e quality);


#endif /* ASSESS_ETA_H */
