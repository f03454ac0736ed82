
/*
 * What the programs that measure share: clocks, loopback sockets, order
 * statistics.  All of it is for programs of one thread that end on an error.
 */

#ifndef BENCH_H
#define BENCH_H


#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


/* Microseconds of the monotonic clock, which Perl reads as well. */

static inline double
bench_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}


static inline void
bench_die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
            strerror(errno));
    exit(1);
}


/*
 * A socket that connects, or has connected, to a port of 127.0.0.1; with a
 * receive buffer of this size, or as the kernel likes it.
 */

static inline int
bench_connect(int port, int nonblocking, int buffer)
{
    int                 s, on;
    struct sockaddr_in  sin;

    on = 1;
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((unsigned short) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC
                        | (nonblocking ? SOCK_NONBLOCK : 0), 0);

    if (s == -1) {
        bench_die("socket");
    }

    (void) setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    if (buffer) {
        (void) setsockopt(s, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    }

    if (connect(s, (struct sockaddr *) &sin, sizeof(sin)) == -1
        && errno != EINPROGRESS)
    {
        bench_die("connect");
    }

    return s;
}


static inline int
bench_by_value(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}


/* Of sorted values, n above 0; part is 0.99 for the 99th percentile. */

static inline double
bench_percentile(const double *sorted, size_t n, double part)
{
    size_t  i;

    i = (size_t) ((double) n * part);

    return sorted[i < n ? i : n - 1];
}


/* A whole file with a NUL after it, never freed. */

static inline char *
bench_file(const char *path, size_t *len)
{
    FILE    *f;
    char    *data;
    size_t   n, size;

    f = fopen(path, "rb");

    if (f == NULL) {
        bench_die(path);
    }

    n = 0;
    size = 65536;
    data = malloc(size);

    while (data && (n += fread(data + n, 1, size - n - 1, f)) == size - 1) {
        size *= 2;
        data = realloc(data, size);
    }

    if (data == NULL) {
        bench_die(path);
    }

    (void) fclose(f);
    data[n] = '\0';
    *len = n;

    return data;
}


#endif /* BENCH_H */
