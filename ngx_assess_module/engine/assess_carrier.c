
#include "assess_carrier.h"

#include "assess_sockets.h"
#include "assess_trunk.h"

#include "../base/assess_background.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>


/* Of one look at the sockets; what is ready beyond it is for the next one. */
#define ASSESS_CARRIER_EVENTS  256

/* What epoll tells of the bell; no trunk has that number. */
#define ASSESS_CARRIER_BELL  UINT64_MAX

/* For so long connections that nobody uses are kept, in milliseconds. */
#define ASSESS_CARRIER_KEEP  60000

/* Handles that are kept for the next transfers, as long: 5 KB each. */
#define ASSESS_CARRIER_SPARE  4096


struct assess_carrier_s {
    pthread_t           thread;
    int                 epoll;
    int                 bell;      /* an eventfd */

    pthread_mutex_t     mutex;
    assess_cargo_t     *first;     /* to begin */
    assess_cargo_t    **last;
    assess_client_t    *recalls;
    int                 running;
    int                 ending;

    int                 asleep;    /* until somebody rings */
    int                 taken;     /* transfers, begun or not */
    int                 sockets;   /* that are open */

    /* of the thread alone, from here on */

    assess_trunk_t    **trunks;    /* NULL: none with that number */
    size_t              ntrunks;
    assess_line_t      *spare;
    int                 nspare;
    int64_t             used;      /* when there was a transfer last */
};


static void *assess_carrier_run(void *arg);


int
assess_carrier_global_init(int reserved)
{
    assess_sockets_init(reserved);

    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}


assess_carrier_t *
assess_carrier_create(void)
{
    assess_carrier_t    *carrier;
    struct epoll_event   event;

    carrier = calloc(1, sizeof(assess_carrier_t));
    if (carrier == NULL) {
        return NULL;
    }

    carrier->last = &carrier->first;
    carrier->epoll = epoll_create1(EPOLL_CLOEXEC);
    carrier->bell = eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK);

    (void) pthread_mutex_init(&carrier->mutex, NULL);

    event.events = EPOLLIN;
    event.data.u64 = ASSESS_CARRIER_BELL;

    if (carrier->epoll == -1 || carrier->bell == -1
        || epoll_ctl(carrier->epoll, EPOLL_CTL_ADD, carrier->bell, &event)
           != 0)
    {
        assess_carrier_destroy(carrier);
        return NULL;
    }

    return carrier;
}


static void
assess_carrier_ring(assess_carrier_t *carrier)
{
    ssize_t   n;
    uint64_t  one;

    if (!__atomic_exchange_n(&carrier->asleep, 0, __ATOMIC_SEQ_CST)) {
        return;
    }

    /* a counter that is full wakes as well */

    one = 1;
    n = write(carrier->bell, &one, sizeof(one));
    (void) n;
}


void
assess_carrier_destroy(assess_carrier_t *carrier)
{
    if (carrier == NULL) {
        return;
    }

    if (carrier->running) {

        (void) pthread_mutex_lock(&carrier->mutex);
        carrier->ending = 1;
        (void) pthread_mutex_unlock(&carrier->mutex);

        assess_carrier_ring(carrier);

        (void) pthread_join(carrier->thread, NULL);
    }

    if (carrier->epoll != -1) {
        (void) close(carrier->epoll);
    }

    if (carrier->bell != -1) {
        (void) close(carrier->bell);
    }

    (void) pthread_mutex_destroy(&carrier->mutex);

    free(carrier);
}


/*
 * With the first transfer, under the lock: most processes never have one.
 * Signals are the event loop's.
 */

static int
assess_carrier_start(assess_carrier_t *carrier)
{
    int       rc;
    sigset_t  all, old;

    if (carrier->running) {
        return 0;
    }

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &old);

    rc = pthread_create(&carrier->thread, NULL, assess_carrier_run, carrier);

    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);

    carrier->running = rc == 0;

    return rc;
}


static void
assess_carrier_deliver(assess_carrier_t *carrier, assess_cargo_t *cargo)
{
    (void) __atomic_sub_fetch(&carrier->taken, 1, __ATOMIC_RELAXED);

    assess_client_deliver(cargo->client, cargo);
}


/* It did not begin, for want of something that there may be in a moment. */

static void
assess_carrier_return(assess_carrier_t *carrier, assess_cargo_t *cargo,
    int lack)
{
    cargo->code = CURLE_FAILED_INIT;
    cargo->lack = lack;

    assess_carrier_deliver(carrier, cargo);
}


void
assess_carrier_take(assess_carrier_t *carrier, assess_cargo_t *cargo)
{
    int  rc;

    cargo->next = NULL;
    cargo->line = NULL;
    cargo->code = CURLE_OK;
    cargo->status = 0;
    cargo->lack = 0;
    cargo->recalled = 0;

    (void) __atomic_add_fetch(&carrier->taken, 1, __ATOMIC_RELAXED);

    (void) pthread_mutex_lock(&carrier->mutex);

    rc = assess_carrier_start(carrier);

    if (rc == 0) {
        *carrier->last = cargo;
        carrier->last = &cargo->next;
    }

    (void) pthread_mutex_unlock(&carrier->mutex);

    if (rc != 0) {
        assess_carrier_return(carrier, cargo, rc);
        return;
    }

    assess_carrier_ring(carrier);
}


void
assess_carrier_recall(assess_carrier_t *carrier, assess_client_t *client)
{
    (void) pthread_mutex_lock(&carrier->mutex);

    client->next = carrier->recalls;
    carrier->recalls = client;

    (void) pthread_mutex_unlock(&carrier->mutex);

    assess_carrier_ring(carrier);
}


int
assess_carrier_room(assess_carrier_t *carrier)
{
    int  taken;

    taken = __atomic_load_n(&carrier->taken, __ATOMIC_RELAXED);

    return taken < __atomic_load_n(&carrier->sockets, __ATOMIC_RELAXED)
           || assess_sockets_room(taken);
}


static assess_line_t *
assess_carrier_line(assess_carrier_t *carrier)
{
    assess_line_t  *line;

    line = carrier->spare;

    if (line == NULL) {
        return assess_line_create();
    }

    carrier->spare = line->next;
    carrier->nspare--;

    return line;
}


static void
assess_carrier_spare(assess_carrier_t *carrier, assess_line_t *line)
{
    if (carrier->nspare == ASSESS_CARRIER_SPARE) {
        assess_line_destroy(line);
        return;
    }

    line->next = carrier->spare;
    carrier->spare = line;
    carrier->nspare++;
}


/* Another trunk, under the first number that is free. */

static assess_trunk_t *
assess_carrier_lay(assess_carrier_t *carrier)
{
    size_t            i;
    assess_trunk_t  **trunks;

    for (i = 0; i < carrier->ntrunks; i++) {
        if (carrier->trunks[i] == NULL) {
            break;
        }
    }

    if (i == carrier->ntrunks) {

        trunks = realloc(carrier->trunks, (i + 1) * sizeof(assess_trunk_t *));
        if (trunks == NULL) {
            return NULL;
        }

        carrier->trunks = trunks;
        carrier->trunks[i] = NULL;
        carrier->ntrunks++;
    }

    carrier->trunks[i] = assess_trunk_create(carrier->epoll, (uint32_t) i);

    return carrier->trunks[i];
}


/* The first one that has a connection to spare, or else has room. */

static assess_trunk_t *
assess_carrier_trunk(assess_carrier_t *carrier)
{
    size_t           i;
    assess_trunk_t  *trunk, *found;

    found = NULL;

    for (i = 0; i < carrier->ntrunks; i++) {

        trunk = carrier->trunks[i];

        if (trunk == NULL || trunk->nlines >= ASSESS_TRUNK_LINES) {
            continue;
        }

        if (trunk->sockets > trunk->nlines) {
            return trunk;
        }

        if (found == NULL) {
            found = trunk;
        }
    }

    return found ? found : assess_carrier_lay(carrier);
}


static int
assess_carrier_load(assess_carrier_t *carrier, assess_cargo_t *cargo)
{
    assess_line_t   *line;
    assess_trunk_t  *trunk;

    trunk = assess_carrier_trunk(carrier);
    line = trunk ? assess_carrier_line(carrier) : NULL;

    if (line == NULL) {
        return -1;
    }

    if (cargo->load(cargo, line->easy) != 0
        || assess_trunk_begin(trunk, line) != 0)
    {
        assess_carrier_spare(carrier, line);
        return -1;
    }

    line->cargo = cargo;
    cargo->line = line;

    return 0;
}


/* Whether there was anything to begin. */

static int
assess_carrier_begin(assess_carrier_t *carrier)
{
    assess_cargo_t  *cargo, *next;

    (void) pthread_mutex_lock(&carrier->mutex);

    cargo = carrier->first;
    carrier->first = NULL;
    carrier->last = &carrier->first;

    if (cargo == NULL && carrier->recalls == NULL && !carrier->ending) {
        __atomic_store_n(&carrier->asleep, 1, __ATOMIC_SEQ_CST);
    }

    (void) pthread_mutex_unlock(&carrier->mutex);

    for ( /* void */ ; cargo; cargo = next) {

        next = cargo->next;

        if (assess_carrier_load(carrier, cargo) != 0) {
            assess_carrier_return(carrier, cargo, ENOMEM);
        }
    }

    return !__atomic_load_n(&carrier->asleep, __ATOMIC_SEQ_CST);
}


/* Its transfer has ended, or ends now. */

static void
assess_carrier_land(assess_carrier_t *carrier, assess_line_t *line,
    CURLcode code)
{
    assess_cargo_t  *cargo;

    cargo = line->cargo;

    cargo->code = code;
    cargo->line = NULL;
    (void) curl_easy_getinfo(line->easy, CURLINFO_RESPONSE_CODE,
                             &cargo->status);

    if (code != CURLE_OK && cargo->lack == 0) {
        cargo->lack = assess_line_lack(line, code);
    }

    assess_trunk_end(line);
    assess_carrier_spare(carrier, line);
    assess_carrier_deliver(carrier, cargo);
}


/* curl has run out of memory, or into an error of its own: all is done anew. */

static void
assess_carrier_cut(assess_carrier_t *carrier, size_t i)
{
    assess_cargo_t  *cargo;
    assess_trunk_t  *trunk;

    trunk = carrier->trunks[i];
    carrier->trunks[i] = NULL;

    while (trunk->first) {
        cargo = trunk->first->cargo;
        cargo->lack = ENOMEM;
        assess_carrier_land(carrier, trunk->first, CURLE_FAILED_INIT);
    }

    assess_trunk_destroy(trunk);
}


static void
assess_carrier_timers(assess_carrier_t *carrier)
{
    size_t   i;
    int64_t  now;

    now = assess_mono_ms();

    for (i = 0; i < carrier->ntrunks; i++) {

        if (carrier->trunks[i]
            && assess_trunk_timer(carrier->trunks[i], now) != 0)
        {
            assess_carrier_cut(carrier, i);
        }
    }
}


/* Until the next timer of curl, or the next look at what is idle. */

static int
assess_carrier_pause(const assess_carrier_t *carrier)
{
    size_t   i;
    int64_t  now, wait;

    wait = ASSESS_CARRIER_KEEP;
    now = assess_mono_ms();

    for (i = 0; i < carrier->ntrunks; i++) {

        if (carrier->trunks[i] && carrier->trunks[i]->due != -1
            && carrier->trunks[i]->due - now < wait)
        {
            wait = carrier->trunks[i]->due - now;
        }
    }

    return wait > 0 ? (int) wait : 0;
}


static void
assess_carrier_sockets(assess_carrier_t *carrier, int wait_ms)
{
    int                 i, n;
    size_t              number;
    ssize_t             rc;
    uint64_t            data;
    struct epoll_event  events[ASSESS_CARRIER_EVENTS];

    n = epoll_wait(carrier->epoll, events, ASSESS_CARRIER_EVENTS, wait_ms);

    __atomic_store_n(&carrier->asleep, 0, __ATOMIC_SEQ_CST);

    for (i = 0; i < n; i++) {

        data = events[i].data.u64;

        if (data == ASSESS_CARRIER_BELL) {
            rc = read(carrier->bell, &data, sizeof(data));
            (void) rc;
            continue;
        }

        number = (size_t) (data >> 32);

        /* it may have been cut meanwhile */

        if (number < carrier->ntrunks && carrier->trunks[number]
            && assess_trunk_socket(carrier->trunks[number],
                                   (int) (data & UINT32_MAX),
                                   events[i].events)
               != 0)
        {
            assess_carrier_cut(carrier, number);
        }
    }
}


static void
assess_carrier_ended(assess_carrier_t *carrier)
{
    size_t          i;
    CURLcode        code;
    assess_line_t  *line;

    for (i = 0; i < carrier->ntrunks; i++) {

        while (carrier->trunks[i]
               && (line = assess_trunk_ended(carrier->trunks[i], &code)))
        {
            assess_carrier_land(carrier, line, code);
        }
    }
}


/* All of one client, or of all; what that has sent before has begun. */

static void
assess_carrier_give_back(assess_carrier_t *carrier, assess_client_t *client)
{
    size_t           i;
    assess_line_t   *line, *next;
    assess_cargo_t  *cargo;

    for (i = 0; i < carrier->ntrunks; i++) {

        line = carrier->trunks[i] ? carrier->trunks[i]->first : NULL;

        for ( /* void */ ; line; line = next) {

            next = line->next;
            cargo = line->cargo;

            if (client == NULL || cargo->client == client) {
                cargo->recalled = 1;
                assess_carrier_land(carrier, line, CURLE_ABORTED_BY_CALLBACK);
            }
        }
    }

    if (client) {
        assess_client_recalled(client);
    }
}


static void
assess_carrier_recalls(assess_carrier_t *carrier, assess_client_t *recalls)
{
    assess_client_t  *next;

    for ( /* void */ ; recalls; recalls = next) {
        next = recalls->next;
        assess_carrier_give_back(carrier, recalls);
    }
}


static void
assess_carrier_spare_free(assess_carrier_t *carrier)
{
    assess_line_t  *line;

    while (carrier->spare) {
        line = carrier->spare;
        carrier->spare = line->next;
        assess_line_destroy(line);
    }

    carrier->nspare = 0;
}


/*
 * Connections that nobody uses are closed after some time, and at once where
 * descriptors are scarce: curl closes them only to make room for others.
 */

static void
assess_carrier_tidy(assess_carrier_t *carrier)
{
    int              sockets, scarce;
    size_t           i;
    int64_t          now;
    assess_trunk_t  *trunk;

    sockets = 0;
    scarce = assess_sockets_scarce();
    now = assess_mono_ms();

    if (__atomic_load_n(&carrier->taken, __ATOMIC_RELAXED)) {
        carrier->used = now;

    } else if (now - carrier->used >= ASSESS_CARRIER_KEEP) {
        assess_carrier_spare_free(carrier);
    }

    for (i = 0; i < carrier->ntrunks; i++) {

        trunk = carrier->trunks[i];

        if (trunk == NULL) {
            continue;
        }

        if (trunk->nlines == 0 && trunk->sockets
            && (scarce || now - trunk->idle >= ASSESS_CARRIER_KEEP))
        {
            assess_carrier_cut(carrier, i);
            continue;
        }

        sockets += trunk->sockets;
    }

    __atomic_store_n(&carrier->sockets, sockets, __ATOMIC_RELAXED);
}


/* Those that wait now: what they sent has begun before the next look. */

static assess_client_t *
assess_carrier_recalled(assess_carrier_t *carrier, int *ending)
{
    assess_client_t  *recalls;

    (void) pthread_mutex_lock(&carrier->mutex);

    recalls = carrier->recalls;
    carrier->recalls = NULL;
    *ending = carrier->ending;

    (void) pthread_mutex_unlock(&carrier->mutex);

    return recalls;
}


static void *
assess_carrier_run(void *arg)
{
    assess_carrier_t *carrier = arg;

    int               busy, ending;
    size_t            i;
    assess_client_t  *recalls;

    assess_background(0);

    do {
        recalls = assess_carrier_recalled(carrier, &ending);
        busy = assess_carrier_begin(carrier);

        assess_carrier_timers(carrier);
        assess_carrier_sockets(carrier, busy || recalls
                                        ? 0 : assess_carrier_pause(carrier));
        assess_carrier_ended(carrier);
        assess_carrier_recalls(carrier, recalls);
        assess_carrier_tidy(carrier);

    } while (!ending);

    assess_carrier_give_back(carrier, NULL);

    for (i = 0; i < carrier->ntrunks; i++) {
        if (carrier->trunks[i]) {
            assess_trunk_destroy(carrier->trunks[i]);
        }
    }

    assess_carrier_spare_free(carrier);
    free(carrier->trunks);

    return NULL;
}
