
/* sources: engine/assess_eta.c */
/* libs: -lm */

/*
 * Batches of all shapes, run in virtual time, and what is said on the way about
 * when they will have ended.
 */

#include "engine/assess_eta.h"
#include "tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


#define STEP      0.005               /* s; of the virtual time */
#define LOOK      200                 /* steps between two looks */
#define DOCUMENTS 4000
#define RUNNERS   64
#define REQUESTS  256
#define LOOKS     20000
#define PARTS     16
#define WORLDS    10


typedef struct {
    double   read;                    /* what it takes, s of a CPU */
    double   said;                    /* and what was expected of it */
    int      asks;                    /* question batches */
    int      cached;                  /* of them */
} document_t;


/* What the world is like, and what the model is told of it */

typedef struct {
    const char   *name;
    int           n;
    document_t    documents[DOCUMENTS];
    int           runners, cpus, requests;
    double        seconds;            /* of a request */
    double        slower;             /* so much, from the time on at */
    double        at;
    double        pause, until;       /* nothing begins meanwhile */
    int           blind;              /* the places are not known */
    double        belief;             /* in requests at once; 0: the truth */
    int           parts;
} shape_t;


typedef enum { FREE = 0, WAITS, READS, ASKS } state_e;

typedef struct {
    state_e   state;
    int       document;
    double    ends;                   /* of the reading */
    int       unsent, flying;
} runner_t;


typedef struct {
    double               time;
    double               seconds, low, high;
    assess_eta_quality_e quality;
} look_t;


static look_t    looks[LOOKS];
static int       nlooks;
static uint64_t  seed;
static shape_t   shape;

/* Of the first world each thing is told, of the others how much held. */

static int       world, asked, kept;


static double
chance(void)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double) (seed >> 11) / 9007199254740992.0;
}


/* The model's own view of what is left, in parts of the queue */

static size_t
left_of(const runner_t *runners, int next, assess_eta_work_t *left,
    double *longest)
{
    int                 i, part, parts;
    const document_t   *d;

    memset(left, 0, (PARTS + 1) * sizeof(assess_eta_work_t));
    *longest = 0;
    parts = shape.parts ? shape.parts : PARTS;

    for (i = 0; i < shape.runners; i++) {

        if (runners[i].state == FREE) {
            continue;
        }

        d = &shape.documents[runners[i].document];
        left[0].jobs++;

        if (runners[i].state != ASKS) {
            left[0].read += d->said;
            left[0].asks += d->asks;

        } else {
            left[0].asking += runners[i].unsent + runners[i].flying;
        }
    }

    for (i = next; i < shape.n; i++) {
        d = &shape.documents[i];
        part = (i - next) * parts / (shape.n - next) + (parts > 1);

        left[part].jobs++;
        left[part].read += d->said;
        left[part].asks += d->asks;
        *longest = fmax(*longest, d->said);
    }

    return (size_t) parts + (parts > 1);
}


static void
look(assess_eta_t *eta, double now, const assess_eta_work_t *done,
    const runner_t *runners, int next, double seconds)
{
    size_t                n;
    assess_eta_work_t     left[PARTS + 1];
    assess_eta_guess_t    guess;
    assess_eta_places_t   places;

    assess_eta_feed(eta, (int64_t) (now * 1000), done);

    memset(&places, 0, sizeof(assess_eta_places_t));
    n = left_of(runners, next, left, &places.longest);
    places.seconds = seconds;

    if (!shape.blind) {
        places.cpus = shape.cpus;
        places.jobs = shape.runners;
        places.requests = shape.belief > 0 ? shape.belief : shape.requests;
    }

    assess_eta_guess(eta, &places, left, n, &guess);

    looks[nlooks].time = now;
    looks[nlooks].seconds = guess.seconds;
    looks[nlooks].low = guess.low;
    looks[nlooks].high = guess.high;
    looks[nlooks].quality = guess.quality;
    nlooks++;
}


/* Runs it, with a look once a second: how long it took */

static double
run(int slower)
{
    int                 i, k, next, reading, flying, ended, step, turn;
    double              now, seconds, took;
    runner_t            runners[RUNNERS];
    assess_eta_t        eta;
    assess_eta_work_t   done;
    double              lands[REQUESTS];
    int                 whose[REQUESTS];

    memset(runners, 0, sizeof(runners));
    memset(&done, 0, sizeof(done));
    assess_eta_begin(&eta, 0);

    next = 0;
    reading = 0;
    flying = 0;
    ended = 0;
    nlooks = 0;
    turn = 0;
    seconds = shape.seconds;

    for (step = 0; ended < shape.n; step++) {

        now = step * STEP;

        /* replies */

        for (i = 0; i < flying; i++) {
            if (lands[i] > now) {
                continue;
            }

            runners[whose[i]].flying--;
            done.asks++;

            flying--;
            lands[i] = lands[flying];
            whose[i] = whose[flying];
            i--;
        }

        for (i = 0; i < shape.runners; i++) {

            if (runners[i].state == READS && runners[i].ends <= now) {
                reading--;
                k = runners[i].document;
                done.read += shape.documents[k].said;
                done.cached += shape.documents[k].cached;
                runners[i].unsent = shape.documents[k].asks
                                    - shape.documents[k].cached;
                runners[i].state = ASKS;
            }

            if (runners[i].state == ASKS && runners[i].unsent == 0
                && runners[i].flying == 0)
            {
                runners[i].state = FREE;
                done.jobs++;
                ended++;
            }

            if (now >= shape.pause && now < shape.until) {
                continue;
            }

            if (runners[i].state == FREE && next < shape.n) {
                runners[i].state = WAITS;
                runners[i].document = next++;
            }

            if (runners[i].state == WAITS && reading < shape.cpus) {
                reading++;
                runners[i].state = READS;
                runners[i].ends = now
                                + shape.documents[runners[i].document].read;
            }
        }

        /* requests, one for each job in turn */

        for (i = 0; i < shape.runners && flying < shape.requests;
             i++, turn++)
        {
            k = turn % shape.runners;

            if (runners[k].state != ASKS || runners[k].unsent == 0
                || (now >= shape.pause && now < shape.until))
            {
                continue;
            }

            runners[k].unsent--;
            runners[k].flying++;

            took = shape.seconds * (0.7 + 0.6 * chance());

            if (slower && now >= shape.at) {
                took *= shape.slower;
            }

            seconds += (took - seconds) / 64;
            lands[flying] = now + took;
            whose[flying++] = k;
            i = -1;
        }

        if (shape.until > 0 && now >= shape.pause && now < shape.until) {
            if (step % LOOK == LOOK - 1) {
                assess_eta_feed(&eta, eta.fed, &done);
                memset(&done, 0, sizeof(done));
                assess_eta_resume(&eta, (int64_t) (now * 1000));
            }

        } else if (step % LOOK == LOOK - 1 && ended < shape.n) {
            look(&eta, now, &done, runners, next, seconds);
            memset(&done, 0, sizeof(done));
        }
    }

    return step * STEP;
}


/*
 * The worst of what was said from one time to another, as a part of the truth:
 * of the time that was left; in the last tenth, of that tenth.
 */

static double
worst(double from, double to, double end)
{
    int      i;
    double   left, off, most;

    most = 0;

    for (i = 0; i < nlooks; i++) {

        if (looks[i].time < from || looks[i].time > to) {
            continue;
        }

        left = end - looks[i].time;
        off = fabs(looks[i].seconds - left) / fmax(left, end / 10);

        if (getenv("ETA_SHOW")) {
            printf("# %7.1f left %7.1f said %7.1f (%.1f to %.1f) off %.2f %s\n",
                   looks[i].time, left, looks[i].seconds, looks[i].low,
                   looks[i].high, off, assess_eta_quality(looks[i].quality));
        }

        most = fmax(most, off);
    }

    return most;
}


static double
within(double from, double end)
{
    int  i, n, in;

    for (i = 0, n = 0, in = 0; i < nlooks; i++) {
        if (looks[i].time >= from) {
            n++;
            in += end - looks[i].time >= looks[i].low - end / 100
                  && end - looks[i].time <= looks[i].high + end / 100;
        }
    }

    return n ? (double) in / n : 0;
}


static void
begin(const char *name, int n)
{
    memset(&shape, 0, sizeof(shape_t));

    seed = 20261127 + (uint64_t) world;
    shape.name = name;
    shape.n = n;
    shape.runners = 32;
    shape.cpus = 2;
    shape.requests = 32;
    shape.seconds = 1;
}


/* What is expected of a document is right on the whole, and of one not. */

static void
document(int i, double read, int asks, int cached)
{
    shape.documents[i].read = read;
    shape.documents[i].said = read * (0.6 + 0.8 * chance());
    shape.documents[i].asks = asks;
    shape.documents[i].cached = cached;
}


static void
check(int good, const char *what, double off)
{
    if (world == 0) {
        ok(good, "%s: %s, %.2f", shape.name, what, off);
    }

    asked++;
    kept += good;
}


static void
held(void)
{
    double  from, end, most;

    end = run(0);

    /* how long a pause is nobody knows before, and then it has to get going */

    from = fmax(end / 5, shape.until > 0 ? shape.until + 3 : 0);
    most = worst(from, end, end);

    check(nlooks >= 20 && most <= 0.2, "off by a fifth at most", most);
    check(within(from, end) >= 0.75, "the truth is mostly within the range",
          within(from, end));
}


static void
test_even(void)
{
    int  i;

    begin("all alike, the provider has most to do", 400);

    for (i = 0; i < shape.n; i++) {
        document(i, 0.1, 5, 0);
    }

    held();

    begin("all alike, the CPUs have most to do", 400);

    for (i = 0; i < shape.n; i++) {
        document(i, 1, 5, 0);
    }

    held();

    begin("all alike, there are few runners", 400);
    shape.runners = 4;

    for (i = 0; i < shape.n; i++) {
        document(i, 0.2, 3, 0);
    }

    held();
}


static void
test_sizes(void)
{
    int  i;

    begin("small documents first, then large ones", 600);

    for (i = 0; i < shape.n; i++) {
        document(i, i < 500 ? 0.03 : 2, 5, 0);
    }

    held();

    begin("large documents first, then small ones", 600);

    for (i = 0; i < shape.n; i++) {
        document(i, i >= 100 ? 0.03 : 2, 5, 0);
    }

    held();

    begin("sizes of all kinds, a few very large", 1500);

    for (i = 0; i < shape.n; i++) {
        document(i, 0.05 * pow(0.01 + chance(), -0.9), 1 + (int) (chance()
                 * 8), 0);
    }

    held();

    begin("larger and larger, question by question", 500);

    for (i = 0; i < shape.n; i++) {
        document(i, 0.01 + 0.002 * i, 1 + i / 50, 0);
    }

    held();
}


static void
test_cached(void)
{
    int  i;

    begin("a mix of answers that are there, and others", 1200);

    for (i = 0; i < shape.n; i++) {
        document(i, 0.05, 5, chance() < 0.5 ? 5 : 0);
    }

    held();

    begin("those that are there first", 800);

    for (i = 0; i < shape.n; i++) {
        document(i, 0.01, 5, i < 400 ? 5 : 0);
    }

    held();

    begin("parts of documents that are there", 600);

    for (i = 0; i < shape.n; i++) {
        document(i, 0.1, 6, (int) (chance() * 7));
    }

    held();
}


/*
 * Nobody knows beforehand that it will be slower: until then the truth is what
 * would have been.  Then it needs some time to be seen.
 */

static void
slow(double slower, double settle)
{
    double  would, end, before, after;

    would = run(0);
    shape.at = would / 2;
    shape.slower = slower;

    end = run(1);
    before = worst(would / 5, shape.at, would);
    after = worst(shape.at + settle * end, end, end);

    check(before <= 0.2, "off by a fifth at most before it", before);
    check(after <= 0.2, "off by a fifth at most when it was seen", after);
}


static void
test_slower(void)
{
    int  i;

    begin("a provider that is half as fast half way", 600);

    for (i = 0; i < shape.n; i++) {
        document(i, 0.05, 5, 0);
    }

    slow(2, 0.08);

    begin("a provider that is four times as slow half way", 600);

    for (i = 0; i < shape.n; i++) {
        document(i, 0.05, 5, 0);
    }

    slow(4, 0.08);

    begin("a provider that is twice as fast half way", 1200);

    for (i = 0; i < shape.n; i++) {
        document(i, 0.05, 5, 0);
    }

    slow(0.5, 0.08);
}


/* What is not known, or wrong, of the places is told by how it goes. */

static void
test_places(void)
{
    int  i;

    begin("others have three quarters of the provider", 300);
    shape.requests = 8;
    shape.belief = 32;

    for (i = 0; i < shape.n; i++) {
        document(i, 0.05, 5, 0);
    }

    held();

    begin("nothing is known of the places", 400);
    shape.blind = 1;

    for (i = 0; i < shape.n; i++) {
        document(i, 0.05, 3 + i % 4, 0);
    }

    held();

    begin("one part instead of sixteen, of what is mixed", 400);
    shape.parts = 1;

    for (i = 0; i < shape.n; i++) {
        document(i, chance() < 0.8 ? 0.05 : 1, 5, 0);
    }

    held();

    begin("it was paused", 600);
    shape.pause = 45;
    shape.until = 145;

    for (i = 0; i < shape.n; i++) {
        document(i, 0.05, 5, 0);
    }

    held();
}


static void
test_edges(void)
{
    assess_eta_t          eta;
    assess_eta_work_t     work;
    assess_eta_guess_t    guess;
    assess_eta_places_t   places;

    memset(&places, 0, sizeof(places));
    memset(&work, 0, sizeof(work));
    assess_eta_begin(&eta, 5000);

    assess_eta_guess(&eta, &places, &work, 1, &guess);
    ok(guess.seconds == 0 && assess_eta_quality(guess.quality) == NULL,
       "nothing is left: there is nothing to say");

    work.jobs = 10;
    work.asks = 100;
    places.requests = 20;
    places.jobs = 10;
    places.seconds = 2;
    assess_eta_guess(&eta, &places, &work, 1, &guess);
    ok(fabs(guess.seconds - 11.4) < 0.01, "before anything was finished it is "
       "what others took, and the end of the last one: %.1f s", guess.seconds);
    is_str(assess_eta_quality(guess.quality), "guess", "which is a guess");
    ok(guess.low <= 6 && guess.high >= 20, "with a wide range");

    places.longest = 60;
    places.cpus = 2;
    assess_eta_guess(&eta, &places, &work, 1, &guess);
    ok(guess.seconds >= 62, "no batch ends before its longest job");

    /* a clock that stands, or goes back, is no reason to fall */

    assess_eta_feed(&eta, 5000, &work);
    assess_eta_feed(&eta, 4000, &work);
    assess_eta_guess(&eta, &places, &work, 1, &guess);
    ok(isfinite(guess.seconds) && guess.seconds > 0, "time that stands still");

    assess_eta_feed(&eta, 5000 + (int64_t) 90 * 86400 * 1000, &work);
    assess_eta_guess(&eta, &places, &work, 1, &guess);
    ok(isfinite(guess.seconds) && guess.seconds > 0, "a batch of months");
}


/*
 * The requests of one job, so many at once: what is said with each answer, from
 * a fifth of the time on.
 */

static double
job(int batches, int at_once, double spread)
{
    int                 i, k, last, unsent, flying, done;
    double              now, end, off, most, lands[REQUESTS], sent[REQUESTS];
    double              times[1000], said[1000];
    assess_eta_asks_t   asks;

    memset(&asks, 0, sizeof(assess_eta_asks_t));
    asks.at_once = at_once;
    asks.seconds = 2;

    now = 0;
    unsent = batches;
    flying = 0;

    for (done = 0; done < batches; done++) {

        while (unsent && flying < at_once) {
            lands[flying] = now + 2 * (1 - spread / 2 + spread * chance());
            sent[flying++] = now;
            unsent--;
        }

        for (i = 1, k = 0, last = 0; i < flying; i++) {
            k = lands[i] < lands[k] ? i : k;
        }

        now = lands[k];
        flying--;
        lands[k] = lands[flying];
        sent[k] = sent[flying];

        for (i = 1; i < flying; i++) {
            last = sent[i] > sent[last] ? i : last;
        }

        /* the next one goes out before this one is told */

        asks.left = unsent + flying;
        asks.flying = flying + (unsent > 0);
        asks.age = unsent ? 0 : flying ? now - sent[last] : 0;

        times[done] = now;
        said[done] = assess_eta_asks(&asks);
    }

    end = now;
    most = 0;

    for (i = 0; i < batches; i++) {
        if (times[i] >= end / 5 && times[i] < end) {
            off = fabs(times[i] + said[i] - end) / end;
            most = fmax(most, off);
        }
    }

    return most;
}


static void
test_job(void)
{
    double              most;
    assess_eta_asks_t   asks;

    seed = 1;

    most = job(22, 4, 0.6);
    ok(most <= 0.2, "22 batches, 4 at once: off by %.2f of all", most);
    most = job(100, 8, 0.6);
    ok(most <= 0.2, "100 batches, 8 at once: off by %.2f", most);
    most = job(40, 1, 0.6);
    ok(most <= 0.2, "40 batches, one by one: off by %.2f", most);
    most = job(12, 32, 0.2);
    ok(most <= 0.2, "12 batches, all at once: off by %.2f", most);

    memset(&asks, 0, sizeof(assess_eta_asks_t));
    ok(assess_eta_asks(&asks) == 0, "nothing is left");

    asks.left = 11;
    asks.flying = 1;
    asks.at_once = 10;
    asks.seconds = 1;
    asks.pace = 0.5;
    asks.pause = 30;
    ok(fabs(assess_eta_asks(&asks) - 51) < 0.01, "as the provider takes them, "
       "when it takes them again");

    asks.left = 1;
    asks.age = 500;
    ok(fabs(assess_eta_asks(&asks) - 0.1) < 0.01, "what is late is never "
       "expected at once");
}


int
main(void)
{
    for (world = 0; world < WORLDS; world++) {
        test_even();
        test_sizes();
        test_cached();
        test_slower();
        test_places();
    }

    ok(kept >= asked * 98 / 100, "of %d such worlds, %d of %d things hold",
       WORLDS, kept, asked);

    test_edges();
    test_job();

    return done_testing();
}
