
#ifndef _GNU_SOURCE
#define _GNU_SOURCE                     /* closefrom */
#endif

#include "assess_extractor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>


/*
 * Readers are forked, and so have their code and data in the same places: what
 * one document could make its reader tell of them would be good for as many
 * others.  Then they are elsewhere again.
 */
#define ASSESS_EXTRACTOR_ORDERS  200

#define ASSESS_EXTRACTOR_WAIT    1000   /* ms for it to end */
#define ASSESS_EXTRACTOR_CHECK   5000   /* ms for it to say what there is */
#define ASSESS_EXTRACTOR_ENV     512


typedef struct {
    const char   *program;              /* NULL: none runs */
    pid_t         pid;
    int           pidfd;                /* its own, whosever pid is */
    int           sock;
    unsigned      turn;                 /* of this one; 0 is nobody's */
    int           orders;
} assess_extractor_t;


static int assess_extractor_spawn(const char *program, char *mode,
    const char *languages, int in, int out, pid_t *pid);
static int assess_extractor_actions(posix_spawn_file_actions_t *actions,
    int in, int out);
static int assess_extractor_listen(int fd, char *out, size_t size);
static int assess_extractor_attr(posix_spawnattr_t *attr);


static pthread_mutex_t     assess_extractor_mutex = PTHREAD_MUTEX_INITIALIZER;
static assess_extractor_t  assess_extractor;


/* It ends by itself when it has done what it was ordered. */

static void
assess_extractor_let_go(assess_extractor_t *x)
{
    (void) close(x->sock);

    if (x->pidfd != -1) {
        (void) close(x->pidfd);
    }

    x->program = NULL;
}


/* 0, or an errno */

static int
assess_extractor_start(assess_extractor_t *x, const char *program,
    const char *languages)
{
    int  rc, sock, pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return errno;
    }

    /* above what it becomes */

    sock = fcntl(pair[1], F_DUPFD_CLOEXEC, 3);
    rc = sock == -1 ? errno
                    : assess_extractor_spawn(program, "--serve", languages,
                                             sock, -1, &x->pid);

    (void) close(pair[1]);

    if (sock != -1) {
        (void) close(sock);
    }

    if (rc != 0) {
        (void) close(pair[0]);
        return rc;
    }

    x->program = program;
    x->pidfd = (int) syscall(SYS_pidfd_open, x->pid, 0);
    x->sock = pair[0];
    x->turn = x->turn == ~0u ? 1 : x->turn + 1;
    x->orders = 0;

    return 0;
}


/* in and out become its descriptors 0 and 1; -1: there is nothing */

static int
assess_extractor_spawn(const char *program, char *mode,
    const char *languages, int in, int out, pid_t *pid)
{
    int                          rc;
    char                        *argv[3], *env[4];
    char                         ocr[ASSESS_EXTRACTOR_ENV];
    posix_spawnattr_t            attr;
    posix_spawn_file_actions_t   actions;

    argv[0] = "assess-extract";
    argv[1] = mode;
    argv[2] = NULL;

    env[0] = "LANG=C.UTF-8";
    env[1] = "OMP_THREAD_LIMIT=1";      /* readers cannot start threads */
    env[2] = ocr;
    env[3] = NULL;

    if (snprintf(ocr, sizeof(ocr), "ASSESS_OCR_LANGUAGES=%s", languages)
        >= (int) sizeof(ocr))
    {
        return E2BIG;
    }

    rc = posix_spawnattr_init(&attr);
    if (rc != 0) {
        return rc;
    }

    rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0) {
        (void) posix_spawnattr_destroy(&attr);
        return rc;
    }

    rc = assess_extractor_attr(&attr);

    if (rc == 0) {
        rc = assess_extractor_actions(&actions, in, out);
    }

    if (rc == 0) {
        rc = posix_spawn(pid, program, &actions, &attr, argv, env);
    }

    (void) posix_spawn_file_actions_destroy(&actions);
    (void) posix_spawnattr_destroy(&attr);

    return rc;
}


static int
assess_extractor_actions(posix_spawn_file_actions_t *actions, int in, int out)
{
    int  i, rc, fds[3];

    fds[0] = in;
    fds[1] = out;
    fds[2] = -1;

    for (i = 0, rc = 0; i < 3 && rc == 0; i++) {
        rc = fds[i] != -1
             ? posix_spawn_file_actions_adddup2(actions, fds[i], i)
             : posix_spawn_file_actions_addopen(actions, i, "/dev/null",
                                                i ? O_WRONLY : O_RDONLY, 0);
    }

    if (rc == 0) {
        rc = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    }

    return rc;
}


/*
 * A pool thread blocks signals and a server ignores some: the program starts
 * with none of that.  A session of its own keeps it out of a terminal's
 * interrupts, and what it computes is not taken from the time of nginx: see
 * assess_background_session().
 */

static int
assess_extractor_attr(posix_spawnattr_t *attr)
{
    int       rc;
    sigset_t  set;

    rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK
                                        | POSIX_SPAWN_SETSIGDEF
                                        | POSIX_SPAWN_SETSID);

    if (rc == 0) {
        (void) sigemptyset(&set);
        rc = posix_spawnattr_setsigmask(attr, &set);
    }

    if (rc == 0) {
        (void) sigfillset(&set);
        rc = posix_spawnattr_setsigdefault(attr, &set);
    }

    return rc;
}


/* 0, or an errno */

static int
assess_extractor_send(int sock, const assess_order_t *order, int document,
    int frames)
{
    int              fds[ASSESS_ORDER_FDS];
    ssize_t          n;
    struct iovec     iov;
    struct msghdr    msg;
    struct cmsghdr  *cmsg;

    union {
        struct cmsghdr  align;
        char            data[CMSG_SPACE(ASSESS_ORDER_FDS * sizeof(int))];
    } control;

    fds[0] = document;
    fds[1] = frames;

    iov.iov_base = (void *) order;
    iov.iov_len = sizeof(assess_order_t);

    memset(&control, 0, sizeof(control));
    memset(&msg, 0, sizeof(msg));
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control.data;
    msg.msg_controllen = sizeof(control.data);

    cmsg = CMSG_FIRSTHDR(&msg);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));

    do {
        n = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n == -1 && errno == EINTR);

    return n == -1 ? errno : 0;
}


int
assess_extractor_order(const char *program, const char *languages,
    const assess_order_t *order, int document, int sock, unsigned *turn)
{
    int                  rc, tries;
    assess_extractor_t  *x;

    x = &assess_extractor;

    (void) pthread_mutex_lock(&assess_extractor_mutex);

    if (x->program && (strcmp(x->program, program) != 0
                       || x->orders >= ASSESS_EXTRACTOR_ORDERS))
    {
        assess_extractor_let_go(x);
    }

    /* one that somebody has ended is noticed here */

    for (tries = 0, rc = EPIPE; tries < 2 && rc != 0; tries++) {

        if (x->program == NULL) {
            rc = assess_extractor_start(x, program, languages);

            if (rc != 0) {
                break;
            }
        }

        rc = assess_extractor_send(x->sock, order, document, sock);

        if (rc == EAGAIN) {
            break;
        }

        if (rc != 0) {
            assess_extractor_let_go(x);
        }
    }

    x->orders++;
    *turn = x->turn;

    (void) pthread_mutex_unlock(&assess_extractor_mutex);

    return rc;
}


void
assess_extractor_kill(unsigned turn)
{
    assess_extractor_t  *x;

    x = &assess_extractor;

    (void) pthread_mutex_lock(&assess_extractor_mutex);

    if (x->program && x->turn == turn) {

        if (x->pidfd != -1) {
            (void) syscall(SYS_pidfd_send_signal, x->pidfd, SIGKILL, NULL, 0);
        }

        assess_extractor_let_go(x);
    }

    (void) pthread_mutex_unlock(&assess_extractor_mutex);
}


int
assess_extractor_check(const char *program, char *out, size_t size)
{
    int       rc, fd, ends[2];
    pid_t     pid;
    sigset_t  set, old;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return errno;
    }

    /* nginx waits for whatever ends, at any time that it is told of it */

    (void) sigemptyset(&set);
    (void) sigaddset(&set, SIGCHLD);
    (void) sigprocmask(SIG_BLOCK, &set, &old);

    fd = fcntl(ends[1], F_DUPFD_CLOEXEC, 3);
    rc = fd == -1 ? errno
         : assess_extractor_spawn(program, "--check", "", -1, fd, &pid);

    (void) close(ends[1]);

    if (fd != -1) {
        (void) close(fd);
    }

    if (rc == 0) {
        rc = assess_extractor_listen(ends[0], out, size);

        if (rc != 0) {
            (void) kill(pid, SIGKILL);
        }

        (void) waitpid(pid, NULL, 0);
    }

    (void) close(ends[0]);
    (void) sigprocmask(SIG_SETMASK, &old, NULL);

    return rc;
}


/* To the end of file, or until it is too late. */

static int
assess_extractor_listen(int fd, char *out, size_t size)
{
    size_t         got;
    int64_t        end, left;
    ssize_t        n;
    struct pollfd  pfd;

    end = assess_mono_ms() + ASSESS_EXTRACTOR_CHECK;

    pfd.fd = fd;
    pfd.events = POLLIN;

    for (got = 0; got < size - 1; got += (size_t) n) {

        left = end - assess_mono_ms();

        if (left <= 0 || poll(&pfd, 1, (int) left) == 0) {
            return ETIMEDOUT;
        }

        do {
            n = read(fd, out + got, size - 1 - got);
        } while (n == -1 && errno == EINTR);

        if (n == -1) {
            return errno;
        }

        if (n == 0) {
            break;
        }
    }

    out[got] = '\0';

    return 0;
}


void
assess_extractor_close(void)
{
    pid_t                pid;
    struct pollfd        pfd;
    assess_extractor_t  *x;

    x = &assess_extractor;

    (void) pthread_mutex_lock(&assess_extractor_mutex);

    if (x->program) {

        pid = x->pid;

        pfd.fd = fcntl(x->pidfd, F_DUPFD_CLOEXEC, 3);
        pfd.events = POLLIN;

        assess_extractor_let_go(x);

        /* its status may have been taken by nginx, which waits for all */

        if (pfd.fd != -1) {
            if (poll(&pfd, 1, ASSESS_EXTRACTOR_WAIT) == 1) {
                (void) waitpid(pid, NULL, WNOHANG);
            }

            (void) close(pfd.fd);
        }
    }

    (void) pthread_mutex_unlock(&assess_extractor_mutex);
}
