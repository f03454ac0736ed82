
#include "assess_trunk.h"

#include "assess_sockets.h"

#include "../base/assess_base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>


/* Of what one recv() takes: replies have a few kilobytes, and each has one. */
#define ASSESS_LINE_BUFFER  4096L

/*
 * curl was called too early, by less than the millisecond in which it counts:
 * it does not repeat what it said of its timer.
 */
#define ASSESS_TRUNK_SAME  -2


/*
 * curl's word on what it waits for.  What it keeps with a socket says whether
 * epoll knows it.
 */

static int
assess_trunk_on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx,
    void *known)
{
    assess_trunk_t *trunk = ctx;

    struct epoll_event  event;

    (void) easy;

    if (what == CURL_POLL_REMOVE) {
        (void) epoll_ctl(trunk->epoll, EPOLL_CTL_DEL, fd, &event);
        return 0;
    }

    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0)
                   | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
    event.data.u64 = trunk->tag | (uint32_t) fd;

    if (epoll_ctl(trunk->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
                  &event)
        != 0)
    {
        return -1;
    }

    return known || curl_multi_assign(trunk->multi, fd, trunk) == CURLM_OK
           ? 0 : -1;
}


static int
assess_trunk_on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    assess_trunk_t *trunk = ctx;

    (void) multi;

    trunk->due = timeout_ms < 0 ? -1 : assess_mono_ms() + timeout_ms;

    return 0;
}


static curl_socket_t
assess_line_on_open(void *ctx, curlsocktype purpose,
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

    line->trunk->sockets++;

    return fd;
}


static int
assess_trunk_on_close(void *ctx, curl_socket_t fd)
{
    assess_trunk_t *trunk = ctx;

    trunk->sockets--;
    assess_socket_close(fd);

    return 0;
}


static int
assess_line_options(assess_line_t *line)
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
    err |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, ASSESS_LINE_BUFFER);
    err |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, line->why);
    err |= curl_easy_setopt(easy, CURLOPT_PRIVATE, line);
    err |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION,
                            assess_line_on_open);
    err |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, line);
    err |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION,
                            assess_trunk_on_close);

    /*
     * A transfer that ends while its name is looked up does not wait for the
     * thread that does that: all others would, too.
     */

    err |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);

    return err == CURLE_OK ? 0 : -1;
}


assess_line_t *
assess_line_create(void)
{
    assess_line_t  *line;

    line = calloc(1, sizeof(assess_line_t));
    if (line == NULL) {
        return NULL;
    }

    line->easy = curl_easy_init();

    if (line->easy == NULL || assess_line_options(line) != 0) {
        assess_line_destroy(line);
        return NULL;
    }

    return line;
}


void
assess_line_destroy(assess_line_t *line)
{
    curl_easy_cleanup(line->easy);
    free(line);
}


/*
 * curl tells its own errno of a connection alone.  What went wrong on the way
 * to it is asked for again.
 */

int
assess_line_lack(const assess_line_t *line, CURLcode code)
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


assess_trunk_t *
assess_trunk_create(int epoll, uint32_t number)
{
    long             err;
    CURLM           *multi;
    assess_trunk_t  *trunk;

    trunk = calloc(1, sizeof(assess_trunk_t));
    multi = curl_multi_init();

    if (trunk == NULL || multi == NULL) {
        (void) curl_multi_cleanup(multi);
        free(trunk);
        return NULL;
    }

    trunk->multi = multi;
    trunk->epoll = epoll;
    trunk->tag = (uint64_t) number << 32;
    trunk->due = -1;
    trunk->idle = assess_mono_ms();

    err = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION,
                            assess_trunk_on_socket);
    err |= curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, trunk);
    err |= curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION,
                             assess_trunk_on_timer);
    err |= curl_multi_setopt(multi, CURLMOPT_TIMERDATA, trunk);

    /*
     * By default curl keeps four for each transfer under way, and so drops
     * most of them whenever one comes to its last.
     */

    err |= curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS,
                             (long) ASSESS_TRUNK_LINES);

    if (err != CURLM_OK) {
        assess_trunk_destroy(trunk);
        return NULL;
    }

    return trunk;
}


void
assess_trunk_destroy(assess_trunk_t *trunk)
{
    (void) curl_multi_cleanup(trunk->multi);
    free(trunk);
}


int
assess_trunk_begin(assess_trunk_t *trunk, assess_line_t *line)
{
    line->lack = 0;
    line->why[0] = '\0';

    if (curl_easy_setopt(line->easy, CURLOPT_CLOSESOCKETDATA, trunk)
        != CURLE_OK
        || curl_multi_add_handle(trunk->multi, line->easy) != CURLM_OK)
    {
        return -1;
    }

    line->trunk = trunk;
    line->next = trunk->first;
    line->prev = &trunk->first;

    if (line->next) {
        line->next->prev = &line->next;
    }

    trunk->first = line;
    trunk->nlines++;

    return 0;
}


void
assess_trunk_end(assess_line_t *line)
{
    assess_trunk_t  *trunk = line->trunk;

    (void) curl_multi_remove_handle(trunk->multi, line->easy);

    *line->prev = line->next;

    if (line->next) {
        line->next->prev = line->prev;
    }

    line->trunk = NULL;

    if (--trunk->nlines == 0) {
        trunk->idle = assess_mono_ms();
    }
}


int
assess_trunk_socket(assess_trunk_t *trunk, int fd, uint32_t events)
{
    int  bits, running;

    bits = (events & (EPOLLIN|EPOLLHUP) ? CURL_CSELECT_IN : 0)
           | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0)
           | (events & EPOLLERR ? CURL_CSELECT_ERR : 0);

    return curl_multi_socket_action(trunk->multi, fd, bits, &running)
           == CURLM_OK ? 0 : -1;
}


int
assess_trunk_timer(assess_trunk_t *trunk, int64_t now)
{
    int  running;

    if (trunk->due == -1 || now < trunk->due) {
        return 0;
    }

    trunk->due = ASSESS_TRUNK_SAME;

    if (curl_multi_socket_action(trunk->multi, CURL_SOCKET_TIMEOUT, 0,
                                 &running)
        != CURLM_OK)
    {
        return -1;
    }

    if (trunk->due == ASSESS_TRUNK_SAME) {
        trunk->due = now + 1;
    }

    return 0;
}


assess_line_t *
assess_trunk_ended(assess_trunk_t *trunk, CURLcode *code)
{
    int       left;
    void     *line;
    CURLMsg  *msg;

    while ((msg = curl_multi_info_read(trunk->multi, &left))) {

        if (msg->msg == CURLMSG_DONE
            && curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &line)
               == CURLE_OK)
        {
            *code = msg->data.result;
            return line;
        }
    }

    return NULL;
}
