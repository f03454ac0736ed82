
/*
 * assess-extract --serve
 * assess-extract --check
 *
 * Takes orders from descriptor 0, see assess_frame.h, until its end of file,
 * and ends when all of them are done.  This process reads no document: each
 * has a child of its own, in a sandbox.  It watches them, so that whoever
 * started it sees it end normally whatever a document does, and learns what
 * that was.
 */

#include "assess_child.h"
#include "assess_sandbox.h"
#include "../base/assess_background.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>


#define ASSESS_ORDERS_FD     0
#define ASSESS_MAX_CHILDREN  256


typedef struct {
    int              orders;         /* -1: there will be no more */
    int              signals;
    assess_child_t   children[ASSESS_MAX_CHILDREN];
    size_t           n;
    struct pollfd    fds[2 + ASSESS_MAX_CHILDREN];
} assess_server_t;


static int assess_serve(assess_server_t *s);
static int assess_serve_signals(void);
static int assess_serve_wait(assess_server_t *s);
static void assess_serve_order(assess_server_t *s);
static ssize_t assess_serve_receive(int sock, assess_order_t *order,
    int fds[ASSESS_ORDER_FDS]);
static void assess_serve_signal(assess_server_t *s);
static void assess_serve_reap(assess_server_t *s);
static void assess_serve_children(assess_server_t *s);


int
main(int argc, char **argv)
{
    static assess_server_t  server;

    if (argc == 2 && strcmp(argv[1], "--check") == 0) {
        assess_sandbox_report();
        return 0;
    }

    if (argc == 2 && strcmp(argv[1], "--serve") == 0) {
        return assess_serve(&server);
    }

    fprintf(stderr, "usage: assess-extract --serve\n"
            "       assess-extract --check\n");

    return 2;
}


static int
assess_serve(assess_server_t *s)
{
    assess_background_session();
    assess_background(0);

    s->orders = ASSESS_ORDERS_FD;
    s->signals = assess_serve_signals();

    if (s->signals == -1) {
        return 1;
    }

    while (s->orders != -1 || s->n) {

        if (assess_serve_wait(s) != 0) {

            /* the children go with this process */

            return 1;
        }

        if (s->fds[1].revents) {
            assess_serve_signal(s);
        }

        assess_serve_children(s);

        if (s->fds[0].revents) {
            assess_serve_order(s);
        }
    }

    /* zero whatever happened: nginx raises an alarm over all else */

    return 0;
}


static int
assess_serve_signals(void)
{
    sigset_t  set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);

    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return -1;
    }

    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}


static int
assess_serve_wait(assess_server_t *s)
{
    size_t           i;
    int64_t          now, left;
    assess_child_t  *child;

    now = assess_mono_ms();
    left = INT_MAX;

    s->fds[0].fd = s->n < ASSESS_MAX_CHILDREN ? s->orders : -1;
    s->fds[0].events = POLLIN;
    s->fds[1].fd = s->signals;
    s->fds[1].events = POLLIN;

    for (i = 0; i < s->n; i++) {

        child = &s->children[i];

        /* of one that is being stopped only its end is still to come */

        s->fds[2 + i].fd = child->stopped && child->pid ? -1 : child->sock;
        s->fds[2 + i].events = child->pid ? POLLIN | POLLRDHUP : POLLOUT;
        s->fds[2 + i].revents = 0;

        if (child->pid && !child->stopped && child->end - now < left) {
            left = child->end > now ? child->end - now : 0;
        }
    }

    s->fds[0].revents = 0;
    s->fds[1].revents = 0;

    if (poll(s->fds, 2 + s->n, left == INT_MAX ? -1 : (int) left) != -1) {
        return 0;
    }

    return errno == EINTR ? 0 : -1;
}


static void
assess_serve_order(assess_server_t *s)
{
    int              fds[ASSESS_ORDER_FDS];
    ssize_t          n;
    assess_order_t   order;
    assess_child_t  *child;

    n = assess_serve_receive(s->orders, &order, fds);

    if (n == 0) {
        (void) close(s->orders);
        s->orders = -1;
        return;
    }

    if (n < 0) {
        return;
    }

    child = &s->children[s->n];

    if (assess_child_start(child, &order, fds[0], fds[1]) == 0
        || assess_child_tell(child) != 0)
    {
        s->n++;
    }
}


/* An order with its descriptors: above 0; 0 at the end of file; -1: nothing. */

static ssize_t
assess_serve_receive(int sock, assess_order_t *order,
    int fds[ASSESS_ORDER_FDS])
{
    int              i, nfds;
    ssize_t          n;
    struct iovec     iov;
    struct msghdr    msg;
    struct cmsghdr  *cmsg;

    union {
        struct cmsghdr  align;
        char            data[CMSG_SPACE(ASSESS_ORDER_FDS * sizeof(int))];
    } control;

    iov.iov_base = order;
    iov.iov_len = sizeof(assess_order_t);

    memset(&msg, 0, sizeof(msg));
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control.data;
    msg.msg_controllen = sizeof(control.data);

    n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n <= 0) {
        return n == -1 && (errno == EAGAIN || errno == EINTR) ? -1 : 0;
    }

    nfds = 0;

    for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
        if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
            nfds = (int) ((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(fds, CMSG_DATA(cmsg), (size_t) nfds * sizeof(int));
        }
    }

    if (nfds == ASSESS_ORDER_FDS && !(msg.msg_flags & MSG_TRUNC)
        && assess_order_check(order, (size_t) n) == 0)
    {
        return n;
    }

    for (i = 0; i < nfds; i++) {
        (void) close(fds[i]);
    }

    return -1;
}


static void
assess_serve_signal(assess_server_t *s)
{
    size_t                   i;
    struct signalfd_siginfo  info;

    while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {

        if (info.ssi_signo == SIGCHLD) {
            continue;
        }

        /* somebody wants this process to go */

        if (s->orders != -1) {
            (void) close(s->orders);
            s->orders = -1;
            s->fds[0].revents = 0;
        }

        for (i = 0; i < s->n; i++) {
            assess_child_stop(&s->children[i], ASSESS_WHY_STOPPED);
        }
    }

    assess_serve_reap(s);
}


static void
assess_serve_reap(assess_server_t *s)
{
    int            status;
    pid_t          pid;
    size_t         i;
    struct rusage  usage;

    while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
        for (i = 0; i < s->n; i++) {
            if (s->children[i].pid == pid) {
                assess_child_ended(&s->children[i], status, &usage);
                break;
            }
        }
    }
}


/*
 * Stops those whose time is up, or whose client wants no more of it, and is
 * done with those that have ended.
 */

static void
assess_serve_children(assess_server_t *s)
{
    size_t           i, left;
    int64_t          now;
    assess_child_t  *child;

    now = assess_mono_ms();

    for (i = 0, left = 0; i < s->n; i++) {

        child = &s->children[i];

        if (child->pid == 0) {
            if (assess_child_tell(child) == 0) {
                continue;
            }

        } else if (s->fds[2 + i].revents) {
            assess_child_stop(child, ASSESS_WHY_STOPPED);

        } else if (now >= child->end) {
            assess_child_stop(child, ASSESS_WHY_WALL);
        }

        s->children[left++] = *child;
    }

    s->n = left;
}
