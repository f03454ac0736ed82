
#include "assess_cpu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>


/*
 * Most pieces of work are shorter than it takes to wake a thread: what is free
 * may be taken before one who waits has woken up, as long as the first of
 * those has not waited for longer than this, in milliseconds.
 */
#define ASSESS_CPU_PATIENCE  50


struct assess_cpu_s {
    pthread_mutex_t      mutex;
    int                  slots;
    int                  free;       /* negative: more are taken than that */
    assess_cpu_user_t   *waiting;
};


assess_cpu_t *
assess_cpu_create(unsigned slots)
{
    assess_cpu_t  *cpu;

    cpu = calloc(1, sizeof(assess_cpu_t));
    if (cpu == NULL) {
        return NULL;
    }

    cpu->slots = (int) slots;
    cpu->free = (int) slots;

    if (pthread_mutex_init(&cpu->mutex, NULL) != 0) {
        free(cpu);
        return NULL;
    }

    return cpu;
}


void
assess_cpu_destroy(assess_cpu_t *cpu)
{
    if (cpu) {
        (void) pthread_mutex_destroy(&cpu->mutex);
        free(cpu);
    }
}


/* Whose turn it is; NULL: nobody waits */

static assess_cpu_user_t *
assess_cpu_first(assess_cpu_t *cpu)
{
    assess_cpu_user_t  *user, *first;

    first = cpu->waiting;

    for (user = first; user; user = user->next) {
        if (user->held < first->held) {
            first = user;
        }
    }

    return first;
}


static void
assess_cpu_wait(assess_cpu_user_t *user)
{
    assess_cpu_user_t  **last;

    for (last = &user->cpu->waiting; *last; last = &(*last)->next) {
        /* void */
    }

    *last = user;

    user->next = NULL;
    user->waits = 1;
    user->since = assess_mono_ms();
}


static void
assess_cpu_wait_no_more(assess_cpu_user_t *user)
{
    assess_cpu_user_t  **at;

    for (at = &user->cpu->waiting; *at != user; at = &(*at)->next) {
        /* void */
    }

    *at = user->next;

    user->waits = 0;
}


/* Tells the one whose turn it is, if there is something to take. */

static void
assess_cpu_wake(assess_cpu_t *cpu)
{
    assess_cpu_user_t  *user;

    user = cpu->free > 0 ? assess_cpu_first(cpu) : NULL;

    if (user == NULL) {
        return;
    }

    if (user->turn) {
        (void) pthread_cond_signal(user->turn);

    } else if (user->event != -1) {
        (void) eventfd_write(user->event, 1);
    }
}


/* Of one who waits: whether it could */

static int
assess_cpu_take(assess_cpu_user_t *user)
{
    if (user->cpu->free <= 0 || assess_cpu_first(user->cpu) != user) {
        return 0;
    }

    assess_cpu_wait_no_more(user);

    user->cpu->free--;
    user->held++;

    /* two may have become free before the first of two woke up */

    assess_cpu_wake(user->cpu);

    return 1;
}


void
assess_cpu_limit(assess_cpu_t *cpu, unsigned slots)
{
    (void) pthread_mutex_lock(&cpu->mutex);

    cpu->free += (int) slots - cpu->slots;
    cpu->slots = (int) slots;

    /* who takes one wakes the next */

    assess_cpu_wake(cpu);

    (void) pthread_mutex_unlock(&cpu->mutex);
}


unsigned
assess_cpu_held(assess_cpu_t *cpu)
{
    unsigned  held;

    (void) pthread_mutex_lock(&cpu->mutex);

    held = (unsigned) (cpu->slots - cpu->free);

    (void) pthread_mutex_unlock(&cpu->mutex);

    return held;
}


static void
assess_cpu_sleep(assess_cpu_t *cpu)
{
    pthread_cond_t     turn;
    assess_cpu_user_t  user;

    /* neither can fail here */

    (void) pthread_cond_init(&turn, NULL);

    memset(&user, 0, sizeof(assess_cpu_user_t));
    user.event = -1;
    user.cpu = cpu;
    user.turn = &turn;

    assess_cpu_wait(&user);

    while (!assess_cpu_take(&user)) {
        (void) pthread_cond_wait(&turn, &cpu->mutex);
    }

    (void) pthread_cond_destroy(&turn);
}


void
assess_cpu_enter(assess_cpu_t *cpu)
{
    assess_cpu_user_t  *first;

    (void) pthread_mutex_lock(&cpu->mutex);

    first = assess_cpu_first(cpu);

    if (cpu->free > 0
        && (first == NULL
            || assess_mono_ms() - first->since < ASSESS_CPU_PATIENCE))
    {
        cpu->free--;

    } else {
        assess_cpu_sleep(cpu);
    }

    (void) pthread_mutex_unlock(&cpu->mutex);
}


void
assess_cpu_leave(assess_cpu_t *cpu)
{
    (void) pthread_mutex_lock(&cpu->mutex);

    cpu->free++;
    assess_cpu_wake(cpu);

    (void) pthread_mutex_unlock(&cpu->mutex);
}


void
assess_cpu_join(assess_cpu_t *cpu, assess_cpu_user_t *user)
{
    memset(user, 0, sizeof(assess_cpu_user_t));

    user->cpu = cpu;
    user->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}


int
assess_cpu_ask(assess_cpu_user_t *user)
{
    int        taken;
    eventfd_t  told;

    if (user->event != -1) {
        (void) eventfd_read(user->event, &told);
    }

    (void) pthread_mutex_lock(&user->cpu->mutex);

    if (!user->waits) {
        assess_cpu_wait(user);
    }

    taken = assess_cpu_take(user);

    (void) pthread_mutex_unlock(&user->cpu->mutex);

    return taken;
}


void
assess_cpu_give(assess_cpu_user_t *user)
{
    (void) pthread_mutex_lock(&user->cpu->mutex);

    user->held--;
    user->cpu->free++;
    assess_cpu_wake(user->cpu);

    (void) pthread_mutex_unlock(&user->cpu->mutex);
}


void
assess_cpu_part(assess_cpu_user_t *user)
{
    (void) pthread_mutex_lock(&user->cpu->mutex);

    if (user->waits) {
        assess_cpu_wait_no_more(user);
    }

    user->cpu->free += user->held;
    user->held = 0;
    assess_cpu_wake(user->cpu);

    (void) pthread_mutex_unlock(&user->cpu->mutex);

    if (user->event != -1) {
        (void) close(user->event);
    }
}
