
/* sources: engine/assess_cpu.c base/assess_base.c */
/* libs: -lm */

/* Who gets a slot, and when. */

#include "engine/assess_cpu.h"
#include "tap.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>


#define THREADS  16
#define ROUNDS   2000


typedef struct {
    assess_cpu_t   *cpu;
    int             slots;
    int             in;
    int             most;
    int             wrong;
} many_t;


static int
told(const assess_cpu_user_t *user)
{
    struct pollfd  pfd;

    pfd.fd = user->event;
    pfd.events = POLLIN;

    return poll(&pfd, 1, 0) == 1;
}


static void
test_turns(void)
{
    assess_cpu_t       *cpu;
    assess_cpu_user_t   large, small, other;

    cpu = assess_cpu_create(2);

    assess_cpu_join(cpu, &large);
    assess_cpu_join(cpu, &small);
    assess_cpu_join(cpu, &other);

    is_int(assess_cpu_ask(&large), 1, "alone it takes one");
    is_int(assess_cpu_ask(&large), 1, "and all that is free");
    is_int(assess_cpu_ask(&large), 0, "but not more");

    is_int(assess_cpu_ask(&small), 0, "another one waits");
    is_int(told(&small), 0, "and is told nothing");
    assess_cpu_give(&large);
    is_int(told(&small), 1, "until a slot is given back: it goes first");
    is_int(told(&large), 0, "though the large one has waited longer");
    is_int(assess_cpu_ask(&large), 0, "which gets nothing");
    is_int(assess_cpu_ask(&small), 1, "it takes it");
    is_int(told(&small), 0, "and has heard what it was told");

    is_int(assess_cpu_ask(&other), 0, "a third one waits");
    assess_cpu_give(&large);
    is_int(told(&other), 0, "of those with as much the first one");
    is_int(assess_cpu_ask(&large), 1, "gets it");

    is_int(assess_cpu_ask(&large), 0, "two wait");
    assess_cpu_give(&small);
    is_int(told(&other), 1, "who has less is told");
    assess_cpu_part(&other);
    is_int(told(&large), 1, "when that one leaves, the next one");
    is_int(assess_cpu_ask(&large), 1, "takes it");

    is_int(assess_cpu_ask(&small), 0, "nothing is left");
    assess_cpu_part(&large);
    is_int(assess_cpu_ask(&small), 1, "who leaves gives back all");
    is_int(assess_cpu_ask(&small), 1, "that it had");
    is_int(assess_cpu_ask(&small), 0, "and not more");

    assess_cpu_part(&small);
    assess_cpu_enter(cpu);
    assess_cpu_enter(cpu);
    ok(1, "nor less");

    assess_cpu_leave(cpu);
    assess_cpu_leave(cpu);
    assess_cpu_destroy(cpu);
}


/* Fewer slots, and more again, while some of them are taken. */

static void
test_limit(void)
{
    assess_cpu_t       *cpu;
    assess_cpu_user_t   large, small;

    cpu = assess_cpu_create(3);

    assess_cpu_join(cpu, &large);
    assess_cpu_join(cpu, &small);

    is_int(assess_cpu_ask(&large) + assess_cpu_ask(&large)
           + assess_cpu_ask(&large), 3, "one has all three");
    is_int(assess_cpu_held(cpu), 3, "which can be seen");

    assess_cpu_limit(cpu, 1);
    is_int(assess_cpu_held(cpu), 3, "it keeps them when there are fewer");

    is_int(assess_cpu_ask(&small), 0, "another one waits");
    assess_cpu_give(&large);
    assess_cpu_give(&large);
    is_int(told(&small), 0, "for as long as there are too many");
    is_int(assess_cpu_ask(&small), 0, "and is given none");
    assess_cpu_give(&large);
    is_int(told(&small), 1, "then it is its turn");
    is_int(assess_cpu_ask(&small), 1, "for one");
    is_int(assess_cpu_ask(&large), 0, "and no more than that");

    assess_cpu_limit(cpu, 2);
    is_int(told(&large), 1, "with one more somebody is told");
    is_int(assess_cpu_ask(&large), 1, "who takes it");
    is_int(assess_cpu_ask(&large), 0, "and that was all");

    assess_cpu_enter(cpu);
    is_int(assess_cpu_held(cpu), 3, "what is brief may have all there are");
    assess_cpu_give(&small);
    is_int(told(&large), 0, "and counts");
    assess_cpu_leave(cpu);
    is_int(told(&large), 1, "as long as it is there");

    assess_cpu_part(&large);
    assess_cpu_part(&small);
    is_int(assess_cpu_held(cpu), 0, "in the end none is taken");

    assess_cpu_destroy(cpu);
}


static void *
enter(void *data)
{
    many_t  *many = data;

    assess_cpu_enter(many->cpu);
    (void) __atomic_add_fetch(&many->in, 1, __ATOMIC_SEQ_CST);

    return NULL;
}


/* What is free is for those who have waited, once they have for long enough. */

static void
test_patience(void)
{
    many_t              many;
    int64_t             start;
    pthread_t           thread;
    assess_cpu_user_t   user;

    memset(&many, 0, sizeof(many_t));
    many.cpu = assess_cpu_create(1);

    assess_cpu_join(many.cpu, &user);

    assess_cpu_enter(many.cpu);
    is_int(assess_cpu_ask(&user), 0, "one waits");
    assess_cpu_leave(many.cpu);
    assess_cpu_enter(many.cpu);
    ok(1, "who comes just now is faster");

    start = assess_mono_ms();
    while (assess_mono_ms() - start < 100) { /* void */ }

    assess_cpu_leave(many.cpu);

    if (pthread_create(&thread, NULL, enter, &many) != 0) {
        printf("Bail out! no thread\n");
        exit(1);
    }

    is_int(assess_cpu_ask(&user), 1, "but not later");
    assess_cpu_give(&user);

    (void) pthread_join(thread, NULL);
    is_int(many.in, 1, "and then it is the other's turn");

    assess_cpu_leave(many.cpu);
    assess_cpu_part(&user);
    assess_cpu_destroy(many.cpu);
}


static void
inside(many_t *many)
{
    int  in;

    in = __atomic_add_fetch(&many->in, 1, __ATOMIC_SEQ_CST);

    if (in > many->slots) {
        (void) __atomic_add_fetch(&many->wrong, 1, __ATOMIC_SEQ_CST);
    }

    if (in > __atomic_load_n(&many->most, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&many->most, in, __ATOMIC_SEQ_CST);
    }

    (void) sched_yield();
    (void) __atomic_sub_fetch(&many->in, 1, __ATOMIC_SEQ_CST);
}


static void *
sleeper(void *data)
{
    int      i;
    many_t  *many = data;

    for (i = 0; i < ROUNDS; i++) {
        assess_cpu_enter(many->cpu);
        inside(many);
        assess_cpu_leave(many->cpu);
    }

    return NULL;
}


/* It asks for as long as it is told to, and is told in time. */

static void *
asker(void *data)
{
    int                 i;
    many_t             *many = data;
    struct pollfd       pfd;
    assess_cpu_user_t   user;

    assess_cpu_join(many->cpu, &user);

    pfd.fd = user.event;
    pfd.events = POLLIN;

    for (i = 0; i < ROUNDS; i++) {

        while (!assess_cpu_ask(&user)) {
            if (poll(&pfd, 1, 20000) != 1) {
                (void) __atomic_add_fetch(&many->wrong, 1, __ATOMIC_SEQ_CST);
            }
        }

        inside(many);
        assess_cpu_give(&user);
    }

    assess_cpu_part(&user);

    return NULL;
}


static void
test_many(void)
{
    int        i;
    many_t     many;
    pthread_t  threads[THREADS];

    memset(&many, 0, sizeof(many_t));
    many.slots = 3;
    many.cpu = assess_cpu_create(3);

    for (i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, i % 2 ? asker : sleeper, &many)
            != 0)
        {
            printf("Bail out! no thread\n");
            exit(1);
        }
    }

    for (i = 0; i < THREADS; i++) {
        (void) pthread_join(threads[i], NULL);
    }

    is_int(many.wrong, 0, "of 16 threads never more than three are in there, "
           "and none is forgotten");
    ok(many.most > 1, "but more than one");

    assess_cpu_destroy(many.cpu);
}


int
main(void)
{
    test_turns();
    test_limit();
    test_patience();
    test_many();

    return done_testing();
}
