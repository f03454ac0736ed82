
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
    int                  limit;      /* of these, while readers take them */
    int                  taken;
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
    cpu->limit = (int) slots;

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


static int
assess_cpu_room(const assess_cpu_t *cpu, int reader)
{
    return cpu->taken < (reader ? cpu->limit : cpu->slots);
}


/* Whose turn it is; NULL: nobody waits for whom there is room */

static assess_cpu_user_t *
assess_cpu_first(assess_cpu_t *cpu)
{
    assess_cpu_user_t  *user, *first;

    first = NULL;

    for (user = cpu->waiting; user; user = user->next) {
        if (assess_cpu_room(cpu, user->reader)
            && (first == NULL || user->held < first->held))
        {
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

    user = assess_cpu_first(cpu);

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
    if (assess_cpu_first(user->cpu) != user) {
        return 0;
    }

    assess_cpu_wait_no_more(user);

    user->cpu->taken++;
    user->held++;

    /* two may have become free before the first of two woke up */

    assess_cpu_wake(user->cpu);

    return 1;
}


void
assess_cpu_limit(assess_cpu_t *cpu, unsigned slots)
{
    (void) pthread_mutex_lock(&cpu->mutex);

    cpu->limit = (int) slots;

    /* who takes one wakes the next */

    assess_cpu_wake(cpu);

    (void) pthread_mutex_unlock(&cpu->mutex);
}


unsigned
assess_cpu_slots(assess_cpu_t *cpu)
{
    unsigned  slots;

    (void) pthread_mutex_lock(&cpu->mutex);

    slots = (unsigned) cpu->limit;

    (void) pthread_mutex_unlock(&cpu->mutex);

    return slots;
}


unsigned
assess_cpu_held(assess_cpu_t *cpu)
{
    unsigned  held;

    (void) pthread_mutex_lock(&cpu->mutex);

    held = (unsigned) cpu->taken;

    (void) pthread_mutex_unlock(&cpu->mutex);

    return held;
}


static void
assess_cpu_sleep(assess_cpu_t *cpu, int reader)
{
    pthread_cond_t     turn;
    assess_cpu_user_t  user;

    /* neither can fail here */

    (void) pthread_cond_init(&turn, NULL);

    memset(&user, 0, sizeof(assess_cpu_user_t));
    user.event = -1;
    user.cpu = cpu;
    user.turn = &turn;
    user.reader = reader;

    assess_cpu_wait(&user);

    while (!assess_cpu_take(&user)) {
        (void) pthread_cond_wait(&turn, &cpu->mutex);
    }

    (void) pthread_cond_destroy(&turn);
}


static void
assess_cpu_go(assess_cpu_t *cpu, int reader)
{
    assess_cpu_user_t  *first;

    (void) pthread_mutex_lock(&cpu->mutex);

    first = assess_cpu_first(cpu);

    if (assess_cpu_room(cpu, reader)
        && (first == NULL
            || assess_mono_ms() - first->since < ASSESS_CPU_PATIENCE))
    {
        cpu->taken++;

    } else {
        assess_cpu_sleep(cpu, reader);
    }

    (void) pthread_mutex_unlock(&cpu->mutex);
}


void
assess_cpu_enter(assess_cpu_t *cpu)
{
    assess_cpu_go(cpu, 0);
}


void
assess_cpu_enter_reader(assess_cpu_t *cpu)
{
    assess_cpu_go(cpu, 1);
}


void
assess_cpu_leave(assess_cpu_t *cpu)
{
    (void) pthread_mutex_lock(&cpu->mutex);

    cpu->taken--;
    assess_cpu_wake(cpu);

    (void) pthread_mutex_unlock(&cpu->mutex);
}


void
assess_cpu_join(assess_cpu_t *cpu, assess_cpu_user_t *user)
{
    memset(user, 0, sizeof(assess_cpu_user_t));

    user->cpu = cpu;
    user->reader = 1;
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
    user->cpu->taken--;
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

    user->cpu->taken -= user->held;
    user->held = 0;
    assess_cpu_wake(user->cpu);

    (void) pthread_mutex_unlock(&user->cpu->mutex);

    if (user->event != -1) {
        (void) close(user->event);
    }
}
