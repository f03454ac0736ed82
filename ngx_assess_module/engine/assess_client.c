
#include "assess_client.h"

#include "assess_carrier.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>


assess_client_t *
assess_client_create(assess_carrier_t *carrier)
{
    assess_client_t  *client;

    client = calloc(1, sizeof(assess_client_t));
    if (client == NULL) {
        return NULL;
    }

    client->carrier = carrier;
    client->last = &client->first;

    (void) pthread_mutex_init(&client->mutex, NULL);
    (void) sem_init(&client->call, 0, 0);
    (void) sem_init(&client->recalled, 0, 0);

    return client;
}


void
assess_client_destroy(assess_client_t *client)
{
    if (client == NULL) {
        return;
    }

    (void) sem_destroy(&client->recalled);
    (void) sem_destroy(&client->call);
    (void) pthread_mutex_destroy(&client->mutex);

    free(client);
}


void
assess_client_send(assess_client_t *client, assess_cargo_t *cargo)
{
    cargo->client = client;
    client->carried++;

    assess_carrier_take(client->carrier, cargo);
}


static void
assess_client_until(struct timespec *until, int64_t wait_ms)
{
    (void) clock_gettime(CLOCK_MONOTONIC, until);

    until->tv_sec += wait_ms / 1000;
    until->tv_nsec += (wait_ms % 1000) * 1000000;

    if (until->tv_nsec >= 1000000000) {
        until->tv_nsec -= 1000000000;
        until->tv_sec++;
    }
}


static void
assess_client_hear(sem_t *sem)
{
    while (sem_wait(sem) != 0 && errno == EINTR) { /* void */ }
}


void
assess_client_wait(assess_client_t *client, int enough, int64_t wait_ms)
{
    int              called;
    struct timespec  until;

    if (wait_ms <= 0) {
        return;
    }

    (void) pthread_mutex_lock(&client->mutex);

    called = client->ended >= enough || client->woken;
    client->woken = 0;
    client->enough = called ? 0 : enough;

    (void) pthread_mutex_unlock(&client->mutex);

    if (called) {
        return;
    }

    assess_client_until(&until, wait_ms);

    while (sem_clockwait(&client->call, CLOCK_MONOTONIC, &until) != 0) {

        if (errno == EINTR) {
            continue;
        }

        (void) pthread_mutex_lock(&client->mutex);

        called = client->enough == 0;
        client->enough = 0;

        (void) pthread_mutex_unlock(&client->mutex);

        /* who called just now must have been heard */

        if (called) {
            assess_client_hear(&client->call);
        }

        return;
    }
}


assess_cargo_t *
assess_client_ended(assess_client_t *client)
{
    assess_cargo_t  *cargo;

    (void) pthread_mutex_lock(&client->mutex);

    cargo = client->first;

    if (cargo) {
        client->first = cargo->next;

        if (client->first == NULL) {
            client->last = &client->first;
        }

        client->ended--;
        client->carried--;
    }

    (void) pthread_mutex_unlock(&client->mutex);

    return cargo;
}


void
assess_client_recall(assess_client_t *client)
{
    if (client->carried == 0) {
        return;
    }

    assess_carrier_recall(client->carrier, client);
    assess_client_hear(&client->recalled);
}


int
assess_client_room(const assess_client_t *client)
{
    return assess_carrier_room(client->carrier);
}


/*
 * Under its lock.  Whoever waits is called once, and looks at all there is;
 * without the lock, of which it has need.
 */

static int
assess_client_calls(assess_client_t *client)
{
    if (client->enough == 0
        || (client->ended < client->enough && !client->woken))
    {
        return 0;
    }

    client->enough = 0;
    client->woken = 0;

    return 1;
}


void
assess_client_wake(assess_client_t *client)
{
    int  calls;

    (void) pthread_mutex_lock(&client->mutex);

    client->woken = 1;
    calls = assess_client_calls(client);

    (void) pthread_mutex_unlock(&client->mutex);

    if (calls) {
        (void) sem_post(&client->call);
    }
}


void
assess_client_deliver(assess_client_t *client, assess_cargo_t *cargo)
{
    int  calls;

    (void) pthread_mutex_lock(&client->mutex);

    cargo->next = NULL;
    *client->last = cargo;
    client->last = &cargo->next;
    client->ended++;
    calls = assess_client_calls(client);

    (void) pthread_mutex_unlock(&client->mutex);

    if (calls) {
        (void) sem_post(&client->call);
    }
}


void
assess_client_recalled(assess_client_t *client)
{
    (void) sem_post(&client->recalled);
}
