
#include "assess_errand.h"
#include "assess_extractor.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>


#define ASSESS_ERRAND_GRACE    2000     /* ms for the program to be first */
#define ASSESS_ERRAND_KILL     3000     /* ms until it is not asked any more */
#define ASSESS_ERRAND_GIVE_UP  30000


static int assess_errand_wait(assess_errand_t *errand);


assess_err_e
assess_errand_start(assess_errand_t *errand,
    const assess_extract_conf_t *conf, const char *reader, int fd, int page,
    assess_picture_e picture, int64_t bytes, int apart, assess_err_t *err)
{
    int             rc, pair[2];
    assess_order_t  order;

    memset(errand, 0, sizeof(assess_errand_t));

    errand->conf = conf;
    errand->sock = -1;
    errand->frames.pages = page ? page - 1 : 0;
    errand->frames.max_pages = page ? page : conf->pages;
    errand->frames.max_bytes = bytes;
    errand->frames.apart = apart;
    errand->frames.picture = picture != ASSESS_PICTURE_NONE;

    memset(&order, 0, sizeof(assess_order_t));

    order.version = ASSESS_ORDER_VERSION;
    (void) snprintf(order.reader, sizeof(order.reader), "%s", reader);
    order.memory = conf->memory;
    order.output = bytes;
    order.cpu_s = conf->cpu_s;
    order.wall_s = conf->wall_s;
    order.pages = conf->pages;
    order.page = page;
    order.apart = apart;
    order.picture = (int32_t) picture;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "socketpair() failed: %s", strerror(errno));
    }

    errand->end = assess_mono_ms() + (int64_t) conf->wall_s * 1000
                  + ASSESS_ERRAND_GRACE;

    rc = assess_extractor_order(conf->program, conf->languages, &order, fd,
                                pair[1], &errand->turn);
    (void) close(pair[1]);

    if (rc != 0) {
        (void) close(pair[0]);
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "cannot start \"%s\": %s", conf->program,
                           strerror(rc));
    }

    errand->sock = pair[0];

    return ASSESS_OK;
}


assess_err_e
assess_errand_receive(assess_errand_t *errand, assess_frames_e *what,
    assess_err_t *err)
{
    char     data[ASSESS_FRAME_MAX];
    ssize_t  n;

    *what = ASSESS_FRAMES_MORE;

    n = recv(errand->sock, data, sizeof(data), MSG_DONTWAIT | MSG_TRUNC);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return ASSESS_OK;
    }

    if (n <= 0) {

        /* what has the other end reads no document */

        errand->gone = 1;

        return assess_fail(err, ASSESS_ERROR, "internal",
                           "\"%s\" ended without a word; can it be run?",
                           errand->conf->program);
    }

    *what = assess_frames_feed(&errand->frames, data, (size_t) n);

    return ASSESS_OK;
}


void
assess_errand_leave(assess_errand_t *errand)
{
    (void) shutdown(errand->sock, SHUT_WR);
}


assess_err_e
assess_errand_stop(assess_errand_t *errand, assess_err_t *err)
{
    int  rc;

    assess_errand_leave(errand);

    rc = assess_errand_wait(errand);

    (void) close(errand->sock);
    errand->sock = -1;

    return rc == 0 ? ASSESS_OK
                   : assess_fail(err, ASSESS_ERROR, "internal",
                                 "\"%s\" does not end", errand->conf->program);
}


/*
 * Until the reader has ended, which the end of file tells: nobody holds the
 * other end any more.
 */

static int
assess_errand_wait(assess_errand_t *errand)
{
    char           data[ASSESS_FRAME_MAX];
    int64_t        start, gone;
    ssize_t        n;
    struct pollfd  pfd;

    start = assess_mono_ms();

    pfd.fd = errand->sock;
    pfd.events = POLLIN;

    for ( ;; ) {

        n = recv(errand->sock, data, sizeof(data), MSG_DONTWAIT);

        if (n > 0) {
            continue;
        }

        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            break;
        }

        gone = assess_mono_ms() - start;

        if (gone > ASSESS_ERRAND_GIVE_UP) {
            return -1;
        }

        if (gone > ASSESS_ERRAND_KILL) {
            assess_extractor_kill(errand->turn);
        }

        (void) poll(&pfd, 1, 100);
    }

    return 0;
}
