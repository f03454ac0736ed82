
#include "assess_sockets.h"

#include "../base/assess_base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>


/* So many that the ports of this machine may be used up. */
#define ASSESS_SOCKETS_MANY  1000


/* For so long, in milliseconds, there are no more than there once were. */
#define ASSESS_SOCKETS_FOUND  1000


static int      assess_sockets_max = INT_MAX;
static int      assess_sockets_now;

/* so many could be had, at that time */
static int      assess_sockets_found = INT_MAX;
static int64_t  assess_sockets_found_at;


/*
 * What is open already stays so; the next one's number tells how much that is.
 * Where what is reserved leaves next to nothing, a quarter is ours all the
 * same: it is rarely all used at once.
 */

void
assess_sockets_init(int reserved)
{
    int            fd, limit;
    struct rlimit  rlim;

    if (getrlimit(RLIMIT_NOFILE, &rlim) != 0 || rlim.rlim_cur > INT_MAX) {
        assess_sockets_max = INT_MAX;
        return;
    }

    fd = open("/dev/null", O_RDONLY|O_CLOEXEC);
    if (fd != -1) {
        reserved += fd;
        (void) close(fd);
    }

    limit = (int) rlim.rlim_cur;

    assess_sockets_max = limit - reserved > limit / 4 ? limit - reserved
                                                      : limit / 4;
}


/* How many there may be at the moment. */

static int
assess_sockets_bound(void)
{
    int  found;

    found = __atomic_load_n(&assess_sockets_found, __ATOMIC_RELAXED);

    if (found < assess_sockets_max
        && assess_mono_ms() - __atomic_load_n(&assess_sockets_found_at,
                                              __ATOMIC_RELAXED)
           < ASSESS_SOCKETS_FOUND)
    {
        return found;
    }

    return assess_sockets_max;
}


/* Others have used up what was thought to be ours: not all need to try it. */

static void
assess_sockets_short(int now)
{
    __atomic_store_n(&assess_sockets_found, now, __ATOMIC_RELAXED);
    __atomic_store_n(&assess_sockets_found_at, assess_mono_ms(),
                     __ATOMIC_RELAXED);
}


int
assess_socket_open(int family, int type, int protocol)
{
    int  fd, now;

    now = __atomic_add_fetch(&assess_sockets_now, 1, __ATOMIC_RELAXED);

    if (now > assess_sockets_bound()) {
        errno = EMFILE;
        fd = -1;

    } else {
        fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

        if (fd == -1 && (errno == EMFILE || errno == ENFILE)) {
            assess_sockets_short(now - 1);
            errno = EMFILE;
        }
    }

    if (fd == -1) {
        (void) __atomic_sub_fetch(&assess_sockets_now, 1, __ATOMIC_RELAXED);
    }

    return fd;
}


void
assess_socket_close(int fd)
{
    (void) close(fd);
    (void) __atomic_sub_fetch(&assess_sockets_now, 1, __ATOMIC_RELAXED);
}


int
assess_sockets_room(int wanted)
{
    int  bound;

    bound = assess_sockets_bound();

    return wanted < bound
           && __atomic_load_n(&assess_sockets_now, __ATOMIC_RELAXED) < bound;
}


/* What nobody uses at the moment is kept only as long as there are plenty. */

int
assess_sockets_scarce(void)
{
    int  bound;

    bound = assess_sockets_bound();

    return __atomic_load_n(&assess_sockets_now, __ATOMIC_RELAXED)
           > bound - bound / 4;
}


int
assess_sockets_ports(void)
{
    int    n, first, last;
    FILE  *file;

    file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    if (file == NULL) {
        return INT_MAX;
    }

    n = fscanf(file, "%d %d", &first, &last);
    (void) fclose(file);

    return n == 2 && last - first >= 2 ? (last - first + 1) / 3 : INT_MAX;
}


/*
 * An address that is not available is a port where many are in use, and else a
 * kind of address that this machine does not have.
 */

int
assess_sockets_lack(int code)
{
    switch (code) {

    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EAGAIN:
        return 1;

    case EADDRNOTAVAIL:
        return __atomic_load_n(&assess_sockets_now, __ATOMIC_RELAXED)
               >= ASSESS_SOCKETS_MANY;

    default:
        return 0;
    }
}


int
assess_sockets_probe(void)
{
    int  fd;

    fd = open("/dev/null", O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return errno;
    }

    (void) close(fd);

    return 0;
}
