
#include "assess_eta.h"

#include <math.h>
#include <string.h>


#define ASSESS_ETA_WIDTH    0.1        /* s, of a bucket, at first */
#define ASSESS_ETA_FEW      8          /* units: fewer say nothing */
#define ASSESS_ETA_GROUP    32         /* questions, to tell how many are new */

/*
 * A change of speed: between buckets before and after it, by so much of the
 * speed, and so many times what chance would make of them.
 */
#define ASSESS_ETA_CHANGED  0.10
#define ASSESS_ETA_SIGMAS   5.0
#define ASSESS_ETA_ALIKE    0.15       /* of what would be if all were chance */
#define ASSESS_ETA_SIDE     4          /* buckets on each side, at least */

#define ASSESS_ETA_LAST     0.7        /* of a request: the end of the last */
#define ASSESS_ETA_ODDS     1.64       /* sigmas: nine of ten times */
#define ASSESS_ETA_UNKNOWN  0.05       /* what no measurement knows */


/* One of a row of measurements, and from how many things that ended */

typedef struct {
    double   value;
    double   things;
} assess_eta_value_t;


/* Some of them */

typedef struct {
    double   n;
    double   mean;
    double   square;                   /* sum of squares about it */
    double   things;
} assess_eta_mean_t;


/* The latest buckets that are of one speed */

typedef struct {
    unsigned   from;
    double     speed;                  /* work a second */
    double     error;                  /* of it, relative: one sigma */
} assess_eta_speed_t;


void
assess_eta_begin(assess_eta_t *eta, int64_t now)
{
    memset(eta, 0, sizeof(assess_eta_t));

    eta->width = ASSESS_ETA_WIDTH;
    eta->fed = now;
}


static void
assess_eta_add(assess_eta_work_t *to, const assess_eta_work_t *work,
    double part)
{
    to->jobs += work->jobs * part;
    to->read += work->read * part;
    to->asks += work->asks * part;
    to->cached += work->cached * part;
}


/* Half as many buckets of twice the width */

static void
assess_eta_merge(assess_eta_t *eta)
{
    unsigned  i;

    for (i = 0; i < ASSESS_ETA_BUCKETS / 2; i++) {
        eta->buckets[i] = eta->buckets[2 * i];
        assess_eta_add(&eta->buckets[i], &eta->buckets[2 * i + 1], 1);
    }

    memset(&eta->buckets[i], 0, i * sizeof(assess_eta_work_t));

    eta->width *= 2;
}


static void
assess_eta_reach(assess_eta_t *eta, double now)
{
    eta->now = now;

    while (now >= eta->width * ASSESS_ETA_BUCKETS) {
        assess_eta_merge(eta);
    }

    eta->n = (unsigned) (now / eta->width) + 1;
}


/* What is told late was finished evenly: nobody knows better. */

void
assess_eta_feed(assess_eta_t *eta, int64_t now, const assess_eta_work_t *done)
{
    double  from, to;

    from = eta->now;
    to = from + (double) (now > eta->fed ? now - eta->fed : 0) / 1000;

    eta->fed = now > eta->fed ? now : eta->fed;

    assess_eta_reach(eta, to);
    assess_eta_did(eta, from, to, done);
}


void
assess_eta_recall(assess_eta_t *eta, double seconds)
{
    assess_eta_begin(eta, 0);
    assess_eta_reach(eta, seconds > 0 ? seconds : 0);
}


void
assess_eta_did(assess_eta_t *eta, double from, double to,
    const assess_eta_work_t *done)
{
    double    all;
    unsigned  i;

    to = fmin(fmax(to, 0), eta->now);
    from = fmin(fmax(from, 0), to);

    all = to - from;
    i = (unsigned) (from / eta->width);

    if (all <= 0) {
        assess_eta_add(&eta->buckets[i], done, 1);
        return;
    }

    for ( /* void */ ; i < eta->n && i * eta->width < to; i++) {
        assess_eta_add(&eta->buckets[i], done,
                       (fmin(to, (i + 1) * eta->width)
                        - fmax(from, i * eta->width)) / all);
    }
}


void
assess_eta_resume(assess_eta_t *eta, int64_t now)
{
    eta->fed = now;
}


/*
 * How long it takes, if all goes as measured: as long as the place that has most
 * to do.  A job holds its runner while its document is read, and for one request
 * at least, or as many one after the other as it has more than its part of those
 * that go out together.
 */

static double
assess_eta_takes(const assess_eta_places_t *p, const assess_eta_work_t *w,
    double asks)
{
    double  read, ask, job, turns;

    read = p->cpus > 0 ? w->read / p->cpus : 0;
    ask = p->requests > 0 ? asks * p->seconds / p->requests : 0;

    turns = fmin(w->jobs, asks);

    if (p->jobs > 0 && p->requests > 0) {
        turns = fmax(turns, asks / fmax(1, p->requests / p->jobs));
    }

    job = p->jobs > 0 ? (w->read + turns * p->seconds) / p->jobs : 0;

    /* where nothing is known of the places each unit weighs as it does here */

    if (p->cpus <= 0 && p->jobs <= 0) {
        read = w->read;
    }

    if (p->requests <= 0 && p->jobs <= 0) {
        ask = asks * (p->seconds > 0 ? p->seconds : 1);
    }

    return fmax(read, fmax(ask, job));
}


static void
assess_eta_mean(assess_eta_mean_t *m, const assess_eta_value_t *value)
{
    double  off;

    off = value->value - m->mean;

    m->n++;
    m->mean += off / m->n;
    m->square += off * (value->value - m->mean);
    m->things += value->things;
}


/*
 * How sure it is that the two are not the same, in sigmas; 0: they may be.
 * What chance does is seen in their spread, but not less than few things that
 * are not alike would give: four values may be the same by chance.
 */

static double
assess_eta_differ(const assess_eta_mean_t *a, const assess_eta_mean_t *b)
{
    double  by, most, chance;

    by = fabs(a->mean - b->mean);
    most = fmax(a->mean, b->mean);

    if (by <= ASSESS_ETA_CHANGED * most) {
        return 0;
    }

    chance = (a->square + b->square) / (a->n + b->n - 2)
             * (1 / a->n + 1 / b->n)
             + most * most * ASSESS_ETA_ALIKE
               * (1 / fmax(a->things, 1) + 1 / fmax(b->things, 1));

    return by / sqrt(chance);
}


/* Where the values from there on changed: the surest cut, if there is one */

static unsigned
assess_eta_cut(const assess_eta_value_t *values, unsigned from, unsigned n)
{
    double              sure, best;
    unsigned            i, k, cut;
    assess_eta_mean_t   before, after;

    cut = from;
    best = ASSESS_ETA_SIGMAS;

    for (i = from + ASSESS_ETA_SIDE; i + ASSESS_ETA_SIDE <= n; i++) {

        memset(&before, 0, sizeof(assess_eta_mean_t));
        memset(&after, 0, sizeof(assess_eta_mean_t));

        for (k = from; k < n; k++) {
            assess_eta_mean(k < i ? &before : &after, &values[k]);
        }

        sure = assess_eta_differ(&before, &after);

        if (sure > best) {
            best = sure;
            cut = i;
        }
    }

    return cut;
}


/* Of values of one kind, the latest: from where, their mean, and its error */

static void
assess_eta_latest(const assess_eta_value_t *values, unsigned from, unsigned n,
    assess_eta_speed_t *speed)
{
    unsigned            i, cut;
    assess_eta_mean_t   mean;

    speed->from = from;

    while ((cut = assess_eta_cut(values, speed->from, n)) != speed->from) {
        speed->from = cut;
    }

    memset(&mean, 0, sizeof(assess_eta_mean_t));

    for (i = speed->from; i < n; i++) {
        assess_eta_mean(&mean, &values[i]);
    }

    speed->speed = mean.mean;
    speed->error = mean.n > 1 && mean.mean > 0
                   ? sqrt(mean.square / (mean.n - 1) / mean.n) / mean.mean : 1;
}


/*
 * Which part of the questions needs a request, as of late.  Buckets are put
 * together until they have some questions: chance makes most of one.
 */

static double
assess_eta_asked(assess_eta_t *eta, double asking, double *error)
{
    double               asks, all, jobs;
    unsigned             i, n, first[ASSESS_ETA_BUCKETS + 1];
    assess_eta_speed_t   part;
    assess_eta_value_t   values[ASSESS_ETA_BUCKETS];

    n = 0;
    asks = 0;
    all = 0;
    jobs = 0;
    first[0] = (unsigned) ceil(eta->asked_since / eta->width);

    for (i = first[0]; i < eta->n; i++) {
        asks += eta->buckets[i].asks;
        all += eta->buckets[i].asks + eta->buckets[i].cached;
        jobs += eta->buckets[i].jobs;

        if (all >= ASSESS_ETA_GROUP) {
            values[n].value = asks / all;
            values[n++].things = jobs;
            first[n] = i + 1;
            asks = 0;
            all = 0;
            jobs = 0;
        }
    }

    /* of few, all of them, if there are any */

    part.from = 0;
    part.error = 0;

    if (n) {
        assess_eta_latest(values, 0, n, &part);
    }

    if (part.from) {
        eta->asked_since = first[part.from] * eta->width;
    }

    *error = part.error;

    /*
     * Of all questions since then, and not the mean of these parts.  Those that
     * are being asked belong to answers that were found at the same time.
     */

    asks = asking;
    all = asking;

    for (i = first[part.from]; i < eta->n; i++) {
        asks += eta->buckets[i].asks;
        all += eta->buckets[i].asks + eta->buckets[i].cached;
    }

    return all > 0 ? asks / all : 1;
}


/* How much of what should take a second is done in one; 0: not known */

static void
assess_eta_speed(assess_eta_t *eta, const assess_eta_places_t *places,
    assess_eta_speed_t *speed)
{
    double                     units;
    unsigned                   i, n;
    assess_eta_value_t         values[ASSESS_ETA_BUCKETS];
    const assess_eta_work_t   *b;

    units = 0;

    for (i = 0; i < eta->n; i++) {
        b = &eta->buckets[i];
        values[i].value = assess_eta_takes(places, b, b->asks) / eta->width;
        values[i].things = b->jobs + b->asks;
        units += values[i].things;
    }

    memset(speed, 0, sizeof(assess_eta_speed_t));

    if (units < ASSESS_ETA_FEW) {
        return;
    }

    /* the last bucket is not full, but the first may be the only one */

    n = eta->n > 1 ? eta->n - 1 : 1;

    if (n == 1) {
        speed->speed = eta->now > 0
                       ? values[0].value * eta->width / fmin(eta->now, eta->width)
                       : 0;
        speed->error = 1;
        return;
    }

    i = (unsigned) ceil(eta->speed_since / eta->width);

    assess_eta_latest(values, i < n ? i : n - 1, n, speed);

    if (speed->from > i) {
        eta->speed_since = speed->from * eta->width;
    }
}


/*
 * The last ones have nobody beside them.  Where requests take the longest the
 * last one ends later than the mean of those that are on their way with it.
 */

static double
assess_eta_tail(const assess_eta_places_t *p, double read, double asks)
{
    double  tail, ask;

    tail = p->cpus > 0 ? p->longest * (1 - 1 / p->cpus) / 2 : 0;
    ask = p->requests > 0 ? asks * p->seconds / p->requests
                          : asks * p->seconds;

    if (read > ask) {
        return tail + p->seconds;
    }

    return p->requests > 1 ? tail + ASSESS_ETA_LAST * p->seconds
                                    * fmin(1, 2 * asks / p->requests)
                           : tail;
}


void
assess_eta_guess(assess_eta_t *eta, const assess_eta_places_t *places,
    const assess_eta_work_t *left, size_t n, assess_eta_guess_t *guess)
{
    double               asked, asks, asking, takes, jobs, read, ask, error;
    double               least;
    size_t               i;
    assess_eta_speed_t   speed;

    memset(guess, 0, sizeof(assess_eta_guess_t));

    takes = 0;
    jobs = 0;
    read = 0;
    ask = 0;
    asking = 0;

    for (i = 0; i < n; i++) {
        asking += left[i].asking;
    }

    asked = assess_eta_asked(eta, asking, &error);
    assess_eta_speed(eta, places, &speed);

    for (i = 0; i < n; i++) {
        asks = left[i].asking + left[i].asks * asked;
        takes += assess_eta_takes(places, &left[i], asks);
        read += left[i].read;
        jobs += left[i].jobs;
        ask += asks;
    }

    if (takes <= 0) {
        return;
    }

    guess->quality = ASSESS_ETA_GUESS;
    guess->seconds = takes;

    if (speed.speed > 0) {
        guess->seconds = takes / speed.speed;
        error = ASSESS_ETA_ODDS * hypot(speed.error, error)
                + ASSESS_ETA_UNKNOWN;
        guess->quality = error < 0.2 ? ASSESS_ETA_GOOD : ASSESS_ETA_FAIR;

    } else {
        error = 1;
    }

    guess->seconds += assess_eta_tail(places,
                              places->cpus > 0 ? read / places->cpus : read,
                              ask);

    /* whatever the others do, one document takes its time, and its requests */

    least = places->longest + fmin(fmin(ask, jobs), 1) * places->seconds;

    guess->seconds = fmax(guess->seconds, least);
    guess->low = guess->seconds / (1 + error);
    guess->high = guess->seconds * (1 + error);
}


/*
 * They go out as others come back, so many at once, or as the provider takes
 * them; and the last one takes its time.
 */

double
assess_eta_asks(const assess_eta_asks_t *a)
{
    double  unsent, sent;

    unsent = fmax(a->left - a->flying, 0);

    if (unsent <= 0) {
        return a->left > 0 ? fmax(a->seconds - a->age, a->seconds / 10) : 0;
    }

    sent = unsent * a->seconds / fmax(a->at_once, 1);

    if (a->pace > 0) {
        sent = fmax(sent, unsent / a->pace);
    }

    return a->pause + sent + a->seconds;
}


const char *
assess_eta_quality(assess_eta_quality_e quality)
{
    static const char  *names[] = { NULL, "guess", "fair", "good" };

    return names[quality];
}
