
#include "assess_client.h"

#include "assess_sockets.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>


/* Connections that a thread keeps open between its jobs, at most. */
#define ASSESS_CLIENT_CONNECTIONS  256L

/* And handles. */
#define ASSESS_CLIENT_SPARE  64

/* Of what one recv() takes: replies have a few kilobytes, and each has one. */
#define ASSESS_CLIENT_BUFFER  4096L


struct assess_client_s {
    CURLM            *multi;
    int64_t           due;       /* curl's timer; -1: none */
    int               lines;     /* that have a transfer */
    int               sockets;   /* that are open */
    int               wake;      /* an eventfd, or -1 */

    struct pollfd    *fds;       /* the first one is wake */
    struct pollfd    *ready;
    size_t            nfds;
    size_t            room;      /* in both */

    assess_line_t    *spare;
    int               nspare;
};


int
assess_client_global_init(int reserved)
{
    assess_sockets_init(reserved);

    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}


/*
 * curl's word on what it waits for.  The socket's place in the list is what
 * curl keeps with it; 0 is none.
 */

static int
assess_client_on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx,
    void *place)
{
    assess_client_t *client = ctx;

    size_t          i, room;
    struct pollfd  *fds;

    (void) easy;

    i = (size_t) place;

    if (what == CURL_POLL_REMOVE) {

        if (i && i != --client->nfds) {
            client->fds[i] = client->fds[client->nfds];
            (void) curl_multi_assign(client->multi, client->fds[i].fd, place);
        }

        return 0;
    }

    if (i == 0) {

        if (client->nfds == client->room) {

            room = client->room * 2;

            fds = realloc(client->fds, room * sizeof(struct pollfd));
            if (fds == NULL) {
                return -1;
            }

            client->fds = fds;

            fds = realloc(client->ready, room * sizeof(struct pollfd));
            if (fds == NULL) {
                return -1;
            }

            client->ready = fds;
            client->room = room;
        }

        i = client->nfds++;
        client->fds[i].fd = fd;
        (void) curl_multi_assign(client->multi, fd, (void *) i);
    }

    client->fds[i].events = (short) ((what & CURL_POLL_IN ? POLLIN : 0)
                                     | (what & CURL_POLL_OUT ? POLLOUT : 0));

    return 0;
}


static int
assess_client_on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    assess_client_t *client = ctx;

    (void) multi;

    client->due = timeout_ms < 0 ? -1 : assess_mono_ms() + timeout_ms;

    return 0;
}


static curl_socket_t
assess_client_on_open(void *ctx, curlsocktype purpose,
    struct curl_sockaddr *addr)
{
    assess_line_t *line = ctx;

    int  fd;

    (void) purpose;

    fd = assess_socket_open(addr->family, addr->socktype, addr->protocol);

    if (fd == -1) {
        line->lack = errno;
        return CURL_SOCKET_BAD;
    }

    line->client->sockets++;

    return fd;
}


static int
assess_client_on_close(void *ctx, curl_socket_t fd)
{
    assess_client_t *client = ctx;

    client->sockets--;
    assess_socket_close(fd);

    return 0;
}


static int
assess_client_multi(assess_client_t *client)
{
    long  err;

    client->due = -1;
    client->nfds = 1;

    client->multi = curl_multi_init();
    if (client->multi == NULL) {
        return -1;
    }

    err = curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION,
                            assess_client_on_socket);
    err |= curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    err |= curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION,
                             assess_client_on_timer);
    err |= curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);

    /*
     * By default curl keeps four for each transfer under way, and so drops
     * most of them whenever a job comes to its last request.
     */

    err |= curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS,
                             ASSESS_CLIENT_CONNECTIONS);

    return err == CURLM_OK ? 0 : -1;
}


assess_client_t *
assess_client_create(void)
{
    assess_client_t  *client;

    client = calloc(1, sizeof(assess_client_t));
    if (client == NULL) {
        return NULL;
    }

    client->wake = -1;
    client->room = 32;
    client->fds = calloc(client->room, sizeof(struct pollfd));
    client->ready = calloc(client->room, sizeof(struct pollfd));

    if (client->fds == NULL || client->ready == NULL
        || assess_client_multi(client) != 0)
    {
        assess_client_destroy(client);
        return NULL;
    }

    client->fds[0].fd = -1;
    client->fds[0].events = POLLIN;

    return client;
}


void
assess_client_destroy(assess_client_t *client)
{
    assess_line_t  *line;

    if (client == NULL) {
        return;
    }

    while (client->spare) {
        line = client->spare;
        client->spare = line->next;
        curl_easy_cleanup(line->easy);
        free(line);
    }

    (void) curl_multi_cleanup(client->multi);

    if (client->wake != -1) {
        (void) close(client->wake);
    }

    free(client->fds);
    free(client->ready);
    free(client);
}


static int
assess_client_options(assess_line_t *line)
{
    CURL  *easy = line->easy;
    long   err;

    err = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    err |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    err |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    err |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                            (long) CURL_HTTP_VERSION_2TLS);
    err |= curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    err |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    err |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "ngx_assess");
    err |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE,
                            ASSESS_CLIENT_BUFFER);
    err |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, line->why);
    err |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION,
                            assess_client_on_open);
    err |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, line);
    err |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION,
                            assess_client_on_close);
    err |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, line->client);

    return err == CURLE_OK ? 0 : -1;
}


assess_line_t *
assess_client_line(assess_client_t *client)
{
    assess_line_t  *line;

    line = client->spare;

    if (line) {
        client->spare = line->next;
        client->nspare--;
        line->lack = 0;
        line->why[0] = '\0';

        return line;
    }

    line = calloc(1, sizeof(assess_line_t));
    if (line == NULL) {
        return NULL;
    }

    line->client = client;
    line->easy = curl_easy_init();

    if (line->easy == NULL || assess_client_options(line) != 0) {
        curl_easy_cleanup(line->easy);
        free(line);
        return NULL;
    }

    return line;
}


void
assess_client_spare(assess_line_t *line)
{
    assess_client_t  *client;

    client = line->client;

    if (client->nspare >= ASSESS_CLIENT_SPARE) {
        curl_easy_cleanup(line->easy);
        free(line);
        return;
    }

    line->next = client->spare;
    client->spare = line;
    client->nspare++;
}


int
assess_client_begin(assess_line_t *line)
{
    if (curl_multi_add_handle(line->client->multi, line->easy) != CURLM_OK) {
        return -1;
    }

    line->client->lines++;

    return 0;
}


void
assess_client_end(assess_line_t *line)
{
    (void) curl_multi_remove_handle(line->client->multi, line->easy);
    line->client->lines--;

    assess_client_spare(line);
}


/*
 * curl tells its own errno of a connection alone.  What went wrong on the way
 * to it is asked for again.
 */

int
assess_client_lack(const assess_line_t *line, CURLcode code)
{
    long  failed;

    switch (code) {

    case CURLE_COULDNT_CONNECT:
        failed = 0;
        (void) curl_easy_getinfo(line->easy, CURLINFO_OS_ERRNO, &failed);

        if (line->lack) {
            failed = line->lack;
        }

        return assess_sockets_lack((int) failed) ? (int) failed : 0;

    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:

        if (strstr(line->why, "thread failed")) {
            return EAGAIN;
        }

        /* fall through */

    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_FAILED_INIT:
    case CURLE_OUT_OF_MEMORY:
        return assess_sockets_probe();

    default:
        return 0;
    }
}


int
assess_client_room(const assess_client_t *client)
{
    return client->sockets > client->lines || assess_sockets_room();
}


int
assess_client_wakeable(assess_client_t *client)
{
    if (client->wake != -1) {
        return 0;
    }

    client->fds[0].fd = eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK);

    __atomic_store_n(&client->wake, client->fds[0].fd, __ATOMIC_RELEASE);

    return client->wake != -1;
}


void
assess_client_wake(assess_client_t *client)
{
    int       fd;
    ssize_t   n;
    uint64_t  one;

    fd = __atomic_load_n(&client->wake, __ATOMIC_ACQUIRE);

    if (fd == -1) {
        return;
    }

    /* a counter that is full wakes as well */

    one = 1;
    n = write(fd, &one, sizeof(one));
    (void) n;
}


static void
assess_client_woken(assess_client_t *client)
{
    ssize_t   n;
    uint64_t  times;

    n = read(client->wake, &times, sizeof(times));
    (void) n;
}


/* What curl itself wants to be called for; *ended: a transfer may have. */

static int
assess_client_timer(assess_client_t *client, int *ended)
{
    int  running;

    if (client->due == -1 || assess_mono_ms() < client->due) {
        return 0;
    }

    client->due = -1;

    if (curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0,
                                 &running) != CURLM_OK)
    {
        return -1;
    }

    *ended |= running < client->lines;

    return 0;
}


/*
 * The list of sockets changes while curl is at work: what is ready goes first.
 */

static int
assess_client_sockets(assess_client_t *client)
{
    int     bits, running;
    size_t  i, n;

    n = 0;

    for (i = 1; i < client->nfds; i++) {
        if (client->fds[i].revents) {
            client->ready[n++] = client->fds[i];
        }
    }

    for (i = 0; i < n; i++) {

        bits = (client->ready[i].revents & (POLLIN|POLLHUP) ? CURL_CSELECT_IN
                                                            : 0)
               | (client->ready[i].revents & POLLOUT ? CURL_CSELECT_OUT : 0)
               | (client->ready[i].revents & (POLLERR|POLLNVAL)
                  ? CURL_CSELECT_ERR : 0);

        if (curl_multi_socket_action(client->multi, client->ready[i].fd, bits,
                                     &running) != CURLM_OK)
        {
            return -1;
        }
    }

    return 0;
}


int
assess_client_drive(assess_client_t *client, int64_t wait_ms)
{
    int      n, ended;
    int64_t  until;

    ended = 0;

    if (assess_client_timer(client, &ended) != 0) {
        return -1;
    }

    if (ended || wait_ms < 0) {
        wait_ms = 0;
    }

    if (client->due != -1) {
        until = client->due - assess_mono_ms();
        until = until > 0 ? until : 0;
        wait_ms = until < wait_ms ? until : wait_ms;
    }

    n = poll(client->fds, client->nfds, (int) wait_ms);

    if (n > 0) {

        if (client->fds[0].revents) {
            assess_client_woken(client);
        }

        if (assess_client_sockets(client) != 0) {
            return -1;
        }
    }

    return assess_client_timer(client, &ended);
}


void *
assess_client_ended(assess_client_t *client, CURLcode *code)
{
    int       left;
    void     *ctx;
    CURLMsg  *msg;

    while ((msg = curl_multi_info_read(client->multi, &left))) {

        if (msg->msg == CURLMSG_DONE
            && curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &ctx)
               == CURLE_OK)
        {
            *code = msg->data.result;
            return ctx;
        }
    }

    return NULL;
}


/* curl closes connections by itself only to make room for others. */

void
assess_client_rest(assess_client_t *client, int all)
{
    CURLM  *multi;

    if (client->sockets == 0 || !(all || assess_sockets_scarce())) {
        return;
    }

    multi = client->multi;

    if (assess_client_multi(client) == 0) {
        (void) curl_multi_cleanup(multi);
        return;
    }

    if (client->multi) {
        (void) curl_multi_cleanup(client->multi);
    }

    client->multi = multi;
}
