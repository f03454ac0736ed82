/* sources: base/assess_gather.c */
/* libs: -lpthread */

#include "tap.h"

#include "../../ngx_assess_module/base/assess_gather.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


/*
 * Callers of a gather whose run() is held up until it is let go, so that who
 * waits for what is known.
 */

#define CALLERS  200


typedef struct {
    pthread_t         thread;
    assess_gather_t  *gather;
    int               runs;              /* in how many groups it was */
    int               back;
} caller_t;


static pthread_mutex_t  mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t   moved = PTHREAD_COND_INITIALIZER;
static int              entered, inside, most, let, leave, returned;
static size_t           sizes[CALLERS];
static caller_t         callers[CALLERS];


static void
run(void *ctx, void **items, size_t n)
{
    size_t  i;

    (void) ctx;
    (void) pthread_mutex_lock(&mutex);

    sizes[entered++] = n;
    inside++;
    most = inside > most ? inside : most;

    for (i = 0; i < n; i++) {
        ((caller_t *) items[i])->runs++;
    }

    (void) pthread_cond_broadcast(&moved);

    while (let == 0 && !leave) {
        (void) pthread_cond_wait(&moved, &mutex);
    }

    let -= let > 0;
    inside--;

    (void) pthread_mutex_unlock(&mutex);
}


static void *
call(void *data)
{
    caller_t *caller = data;

    assess_gather(caller->gather, caller);

    (void) pthread_mutex_lock(&mutex);
    caller->back = 1;
    returned++;
    (void) pthread_cond_broadcast(&moved);
    (void) pthread_mutex_unlock(&mutex);

    return NULL;
}


static void
start(assess_gather_t *g, int first, int n)
{
    int  i;

    for (i = first; i < first + n; i++) {
        callers[i].gather = g;
        (void) pthread_create(&callers[i].thread, NULL, call, &callers[i]);
    }
}


static void
join(int first, int n)
{
    int  i;

    for (i = first; i < first + n; i++) {
        (void) pthread_join(callers[i].thread, NULL);
    }
}


/* Until a count has come so far; 0 when it does not within ten seconds */

static int
reaches(const int *count, int value)
{
    int              reached;
    struct timespec  until;

    (void) clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;

    (void) pthread_mutex_lock(&mutex);

    while (*count < value
           && pthread_cond_timedwait(&moved, &mutex, &until) == 0)
    {
        /* void */
    }

    reached = *count >= value;

    (void) pthread_mutex_unlock(&mutex);

    return reached;
}


static void
go(int n)
{
    (void) pthread_mutex_lock(&mutex);
    let += n;
    leave = n == 0;                      /* no more is held up */
    (void) pthread_cond_broadcast(&moved);
    (void) pthread_mutex_unlock(&mutex);
}


static void
reset(void)
{
    entered = inside = most = let = leave = returned = 0;
    memset(callers, 0, sizeof(callers));
}


/* What comes beside a group in which one goes, when three are enough */

static void
test_beside(void)
{
    assess_gather_t  *g;

    reset();
    g = assess_gather_create(run, NULL, 3);

    start(g, 0, 1);
    ok(reaches(&entered, 1) && sizes[0] == 1, "who comes first goes at once");

    start(g, 1, 2);
    start(g, 3, 1);
    ok(reaches(&entered, 2), "three go beside it");
    is_int((long) sizes[1], 3, "all three");

    start(g, 4, 5);
    go(1);
    ok(reaches(&entered, 3), "five go when one of the groups is done");

    go(0);
    ok(reaches(&returned, 9), "and all come back");
    join(0, 9);
    is_int(most, ASSESS_GATHER_GROUPS, "two groups at a time");

    assess_gather_destroy(g);
}


/* With too few for a group of their own they wait for the one under way */

static void
test_behind(void)
{
    assess_gather_t  *g;

    reset();
    g = assess_gather_create(run, NULL, ASSESS_GATHER_MAX + 1);

    start(g, 0, 1);
    (void) reaches(&entered, 1);
    start(g, 1, 20);
    go(1);
    ok(reaches(&entered, 2), "they go when it is done");
    is_int(most, 1, "one at a time");

    go(0);
    join(0, 21);
    is_int(returned, 21, "all come back");

    assess_gather_destroy(g);
}


static void
test_many(void)
{
    int               i, once;
    size_t            largest;
    assess_gather_t  *g;

    reset();
    leave = 1;
    g = assess_gather_create(run, NULL, 4);

    start(g, 0, CALLERS);
    join(0, CALLERS);

    for (i = 0, once = 0; i < CALLERS; i++) {
        once += callers[i].runs == 1 && callers[i].back;
    }

    for (i = 0, largest = 0; i < entered; i++) {
        largest = sizes[i] > largest ? sizes[i] : largest;
    }

    is_int(once, CALLERS, "each of many goes once");
    ok(largest <= ASSESS_GATHER_MAX, "in groups that are not too large");
    ok(most <= ASSESS_GATHER_GROUPS, "of which there are two at most");

    assess_gather_destroy(g);
}


int
main(void)
{
    test_beside();
    test_behind();
    test_many();

    return done_testing();
}
