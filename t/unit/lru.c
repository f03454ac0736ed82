/* sources: engine/assess_lru.c base/assess_base.c */
/* libs: -lm */

#include "tap.h"
#include "../../ngx_assess_module/engine/assess_lru.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>


#define SIZE     20000                  /* bytes of a value */
#define THREADS  8
#define ROUNDS   4000
#define KEYS     7


/* One who wants a value on a thread of its own. */
typedef struct {
    assess_lru_t     *lru;
    const char       *key;
    pthread_t         thread;
    atomic_int        asked;            /* whether it was interrupted */
    atomic_int        interrupt;
    atomic_int        back;             /* it waits no longer */
    assess_err_e      rc;
    assess_shared_t  *shared;
    int               found;
} waiter_t;

typedef struct {
    assess_lru_t  *lru;
    atomic_int     wrong;
    atomic_uint    seed;
} crowd_t;


static assess_shared_t *
get(assess_lru_t *lru, const char *key)
{
    assess_err_t      err;
    assess_shared_t  *shared;

    if (assess_lru_get(lru, key, strlen(key), NULL, NULL, &shared, &err)
        != ASSESS_OK)
    {
        return NULL;
    }

    return shared;
}


static void
fill(assess_shared_t *shared, const char *key, size_t size)
{
    char  *value;

    value = assess_palloc(shared->arena, size);
    memset(value, key[0], size);
    shared->value = value;
}


/* Whether it was there; it is made and given back. */

static int
use(assess_lru_t *lru, const char *key, size_t size)
{
    int               found;
    assess_shared_t  *shared;

    shared = get(lru, key);
    found = shared->value != NULL;

    if (!found) {
        fill(shared, key, size);
        assess_lru_made(shared, ASSESS_MADE);
    }

    assess_lru_release(shared);

    return found;
}


static void
stats_are(assess_lru_t *lru, unsigned hits, unsigned misses, unsigned n,
    const char *name)
{
    assess_lru_stats_t  stats;

    assess_lru_stats(lru, &stats);

    ok(stats.hits == hits && stats.misses == misses && stats.n == n
       && stats.bytes >= n * (size_t) SIZE
       && stats.bytes <= n * (size_t) (SIZE + 1000),
       "%s: %llu hits, %llu misses, %zu of %zu bytes", name,
       (unsigned long long) stats.hits, (unsigned long long) stats.misses,
       stats.n, stats.bytes);
}


static void
test_bound(void)
{
    assess_lru_t     *lru;
    assess_shared_t  *held;

    lru = assess_lru_create(3 * (SIZE + 1000));

    is_int(use(lru, "a", SIZE), 0, "not there");
    is_int(use(lru, "a", SIZE), 1, "there");
    is_int(use(lru, "aa", SIZE), 0, "the beginning of a key is another key");
    is_int(use(lru, "b", SIZE), 0, "a third one");
    stats_are(lru, 1, 3, 3, "all three are kept");

    is_int(use(lru, "a", SIZE), 1, "used again");
    is_int(use(lru, "c", SIZE), 0, "a fourth one");
    is_int(use(lru, "a", SIZE), 1, "what was used is kept");
    is_int(use(lru, "b", SIZE), 1, "what came last, too");
    stats_are(lru, 4, 4, 3, "no more than the bound");
    is_int(use(lru, "aa", SIZE), 0, "the longest unused is not");

    is_int(use(lru, "large", 4 * SIZE), 0, "larger than all of it");
    is_int(use(lru, "large", 4 * SIZE), 0, "is not kept");
    is_int(use(lru, "aa", SIZE), 1, "and pushes nothing out");

    held = get(lru, "aa");
    (void) use(lru, "d", SIZE);
    (void) use(lru, "e", SIZE);
    (void) use(lru, "f", SIZE);
    is_int(use(lru, "aa", SIZE), 0, "what is held may go, too");
    ok(((char *) held->value)[SIZE - 1] == 'a', "but stays for its holder");
    assess_lru_release(held);

    assess_lru_destroy(lru);
}


static void
test_alone(void)
{
    assess_shared_t     *one, *two;
    assess_lru_stats_t   stats;

    one = get(NULL, "a");
    two = get(NULL, "a");
    ok(one && two && one != two, "without an lru each has its own");

    fill(one, "a", SIZE);
    assess_lru_made(one, ASSESS_MADE);
    ok(two->value == NULL, "to be made by itself");
    assess_lru_made(two, ASSESS_NOT_MADE);

    assess_lru_release(one);
    assess_lru_release(two);
    assess_lru_release(NULL);
    assess_lru_destroy(NULL);

    assess_lru_stats(NULL, &stats);
    is_int((long long) (stats.n + stats.bytes + stats.misses), 0, "no figures");
}


static int
interrupted(void *ctx)
{
    waiter_t  *w;

    w = ctx;
    atomic_fetch_add(&w->asked, 1);

    return atomic_load(&w->interrupt);
}


static void *
waiter_run(void *data)
{
    waiter_t      *w;
    assess_err_t   err;

    w = data;
    w->rc = assess_lru_get(w->lru, w->key, strlen(w->key), interrupted, w,
                           &w->shared, &err);
    w->found = w->rc == ASSESS_OK && w->shared->value != NULL;
    atomic_store(&w->back, 1);

    return NULL;
}


/* It has looked for the value, and waits. */

static void
waiter_start(waiter_t *w, assess_lru_t *lru, const char *key)
{
    memset(w, 0, sizeof(waiter_t));
    w->lru = lru;
    w->key = key;

    (void) pthread_create(&w->thread, NULL, waiter_run, w);

    while (atomic_load(&w->asked) == 0) {
        (void) sched_yield();
    }
}


static void
waiter_join(waiter_t *w)
{
    (void) pthread_join(w->thread, NULL);
}


static void
test_wait(void)
{
    waiter_t          one, two;
    assess_lru_t     *lru;
    assess_shared_t  *mine;

    lru = assess_lru_create(3 * (SIZE + 1000));

    mine = get(lru, "a");
    waiter_start(&one, lru, "a");
    waiter_start(&two, lru, "a");
    is_int(use(lru, "b", SIZE), 0, "who wants another one does not wait");

    atomic_store(&two.interrupt, 1);
    waiter_join(&two);
    is_int(two.rc, ASSESS_CANCELLED, "who is interrupted does no longer wait");
    ok(two.shared == NULL, "and holds nothing");

    fill(mine, "a", SIZE);
    assess_lru_made(mine, ASSESS_MADE);
    waiter_join(&one);
    ok(one.found && one.shared == mine, "who waits has it when it is made");
    assess_lru_release(one.shared);
    assess_lru_release(mine);
    stats_are(lru, 1, 2, 2, "a wait is a hit");

    mine = get(lru, "large");
    waiter_start(&one, lru, "large");
    fill(mine, "l", 4 * SIZE);
    assess_lru_made(mine, ASSESS_MADE);
    assess_lru_release(mine);
    waiter_join(&one);
    ok(one.found, "what is too large is for who waits, all the same");
    ok(((char *) one.shared->value)[4 * SIZE - 1] == 'l', "as long as he does");
    assess_lru_release(one.shared);

    assess_lru_destroy(lru);
}


static void
test_not_made(void)
{
    waiter_t          one, two, *next, *last;
    assess_lru_t     *lru;
    assess_shared_t  *mine;

    lru = assess_lru_create(3 * (SIZE + 1000));

    mine = get(lru, "a");
    waiter_start(&one, lru, "a");
    waiter_start(&two, lru, "a");

    assess_lru_made(mine, ASSESS_NOT_MADE);
    waiter_join(&one);
    waiter_join(&two);
    ok(one.shared && two.shared && !one.found && !two.found,
       "what cannot be made: each who waited tries at once");
    ok(one.shared != two.shared && one.shared != mine, "for itself");
    assess_lru_release(mine);

    fill(one.shared, "a", SIZE);
    assess_lru_made(one.shared, ASSESS_MADE);
    assess_lru_made(two.shared, ASSESS_NOT_MADE);
    assess_lru_release(one.shared);
    assess_lru_release(two.shared);
    is_int(use(lru, "a", SIZE), 0, "none of it is kept");

    mine = get(lru, "b");
    waiter_start(&one, lru, "b");
    waiter_start(&two, lru, "b");

    assess_lru_made(mine, ASSESS_LEFT);
    assess_lru_release(mine);

    while (!atomic_load(&one.back) && !atomic_load(&two.back)) {
        (void) sched_yield();
    }

    next = atomic_load(&one.back) ? &one : &two;
    last = next == &one ? &two : &one;

    waiter_join(next);
    ok(next->shared && !next->found, "what was left: one who waited makes it");
    fill(next->shared, "b", SIZE);
    assess_lru_made(next->shared, ASSESS_MADE);
    waiter_join(last);
    ok(last->found && last->shared == next->shared, "the other one gets it");
    assess_lru_release(next->shared);
    assess_lru_release(last->shared);
    is_int(use(lru, "b", SIZE), 1, "and it is kept");

    assess_lru_destroy(lru);
}


/* Everything at once, in no order: read only while held, made by one only. */

static void *
crowd_run(void *data)
{
    int               i, k, how;
    char              key[2];
    crowd_t          *crowd;
    unsigned          seed;
    waiter_t          w;
    assess_err_t      err;
    assess_err_e      rc;
    assess_shared_t  *shared;

    crowd = data;
    seed = atomic_fetch_add(&crowd->seed, 1);
    memset(&w, 0, sizeof(w));
    key[1] = '\0';

    for (i = 0; i < ROUNDS; i++) {

        k = rand_r(&seed) % KEYS;
        key[0] = (char) ('a' + k);
        atomic_store(&w.interrupt, rand_r(&seed) % 8 == 0);

        rc = assess_lru_get(crowd->lru, key, 1, interrupted, &w, &shared,
                            &err);
        if (rc != ASSESS_OK) {
            continue;
        }

        if (shared->value == NULL) {
            how = rand_r(&seed) % 4;

            if (how > 1) {
                fill(shared, key, (size_t) (rand_r(&seed) % SIZE + 1));
                how = ASSESS_MADE;

            } else {
                how = how ? ASSESS_LEFT : ASSESS_NOT_MADE;
            }

            assess_lru_made(shared, how);
        }

        if (shared->value && ((char *) shared->value)[0] != key[0]) {
            atomic_fetch_add(&crowd->wrong, 1);
        }

        assess_lru_release(shared);
    }

    return NULL;
}


static void
test_crowd(void)
{
    int                 i;
    crowd_t             crowd;
    pthread_t           threads[THREADS];
    assess_lru_stats_t  stats;

    memset(&crowd, 0, sizeof(crowd));
    crowd.lru = assess_lru_create(3 * (SIZE + 1000));

    for (i = 0; i < THREADS; i++) {
        (void) pthread_create(&threads[i], NULL, crowd_run, &crowd);
    }

    for (i = 0; i < THREADS; i++) {
        (void) pthread_join(threads[i], NULL);
    }

    is_int(atomic_load(&crowd.wrong), 0, "a crowd reads what it asked for");

    assess_lru_stats(crowd.lru, &stats);
    ok(stats.bytes <= 3 * (SIZE + 1000) && stats.n <= KEYS,
       "and keeps to the bound: %zu bytes", stats.bytes);
    ok(stats.hits && stats.misses, "%llu hits, %llu misses",
       (unsigned long long) stats.hits, (unsigned long long) stats.misses);

    assess_lru_destroy(crowd.lru);
}


int
main(void)
{
    test_bound();
    test_alone();
    test_wait();
    test_not_made();
    test_crowd();

    return done_testing();
}
