/* sources:  */
/* libs:  */

/*
 * post PORT PATH BODIES COUNT [CONNECTIONS [RATE]]: so many POSTs of JSON to
 * 127.0.0.1, over so many connections (64), as fast as they are answered or
 * so many a second.  BODIES is a file with a body a line, taken in turn.  What
 * is answered 503 is sent again a tenth of a second later.  A line of JSON:
 * seconds in all, microseconds of each, how many were refused for good and how
 * often one was not available, and when the first was sent, by the monotonic
 * clock in seconds.
 */

#include "bench.h"

#include <sys/epoll.h>


#define CONNECTIONS_MAX  1024
#define ANSWER_MAX       8192
#define LATE_US          120e6
#define AGAIN_US         100e3


typedef struct {
    int      fd;
    int      busy;
    double   start;
    double   again;             /* when it is sent once more, 0: it is not */
    char    *request;
    size_t   len, sent;
    char     answer[ANSWER_MAX + 1];
    size_t   got;
} conn_t;


static int      port, epoll_fd;
static char   **bodies;
static size_t   nbodies;
static double  *took;
static size_t   begun, ended, refused, unavailable;

static const char  *path;


static void
read_bodies(const char *file)
{
    char    *data, *p, *end;
    size_t   len, size;

    data = bench_file(file, &len);
    size = 0;

    for (p = data; p && *p; p = end ? end + 1 : NULL) {

        end = strchr(p, '\n');

        if (end) {
            *end = '\0';
        }

        if (nbodies == size) {
            size = size ? size * 2 : 64;
            bodies = realloc(bodies, size * sizeof(char *));

            if (bodies == NULL) {
                bench_die("realloc");
            }
        }

        bodies[nbodies++] = p;
    }

    if (nbodies == 0) {
        fprintf(stderr, "post: no body in %s\n", file);
        exit(1);
    }
}


static void
watch(conn_t *c, int op, unsigned events)
{
    struct epoll_event  ee;

    ee.events = events;
    ee.data.ptr = c;

    if (epoll_ctl(epoll_fd, op, c->fd, &ee) == -1) {
        bench_die("epoll_ctl");
    }
}


static void
open_conn(conn_t *c)
{
    if (c->fd > 0) {
        (void) close(c->fd);
    }

    c->fd = bench_connect(port, 1, 0);
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}


static void
send_rest(conn_t *c)
{
    ssize_t  n;

    n = send(c->fd, c->request + c->sent, c->len - c->sent, MSG_NOSIGNAL);

    if (n > 0) {
        c->sent += (size_t) n;
    }

    watch(c, EPOLL_CTL_MOD,
          c->sent < c->len ? EPOLLIN | EPOLLOUT : EPOLLIN);
}


static void
send_all(conn_t *c)
{
    c->sent = 0;
    c->got = 0;
    c->busy = 1;
    c->again = 0;

    send_rest(c);
}


static void
begin(conn_t *c)
{
    const char  *body;
    size_t       n;

    body = bodies[begun++ % nbodies];
    n = strlen(body);

    free(c->request);
    c->request = malloc(n + strlen(path) + 256);

    if (c->request == NULL) {
        bench_die("malloc");
    }

    c->len = (size_t) sprintf(c->request, "POST %s HTTP/1.1\r\n"
                              "Host: localhost\r\n"
                              "Content-Type: application/json\r\n"
                              "Content-Length: %zu\r\n\r\n%s", path, n, body);
    c->start = bench_now();
    send_all(c);
}


/* All that are to be sent once more, and whose time has come. */

static void
send_again(conn_t *conns, int nconns)
{
    int     i;
    double  now;

    now = bench_now();

    for (i = 0; i < nconns; i++) {
        if (conns[i].again && conns[i].again <= now) {
            send_all(&conns[i]);
        }
    }
}


static int
is_whole(conn_t *c)
{
    const char  *end, *p;

    c->answer[c->got] = '\0';
    end = strstr(c->answer, "\r\n\r\n");
    p = strcasestr(c->answer, "\r\ncontent-length:");

    return end && p && p < end
           && c->got >= (size_t) (end + 4 - c->answer)
                        + strtoul(p + 17, NULL, 10);
}


static void
finish(conn_t *c)
{
    if (strncmp(c->answer, "HTTP/1.1 503", 12) == 0) {
        unavailable++;
        c->again = bench_now() + AGAIN_US;

    } else {
        took[ended++] = bench_now() - c->start;
        refused += strncmp(c->answer, "HTTP/1.1 2", 10) != 0;
    }

    c->busy = 0;

    if (strcasestr(c->answer, "\r\nconnection: close\r\n")) {
        open_conn(c);
    }
}


static void
take(conn_t *c)
{
    ssize_t  n;

    n = recv(c->fd, c->answer + c->got, ANSWER_MAX - c->got, 0);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n <= 0) {

        if (c->busy && c->got) {
            fprintf(stderr, "post: an answer was broken off\n");
            exit(1);
        }

        /* an idle connection may be closed at any time: send it again */

        open_conn(c);

        if (c->busy) {
            send_all(c);
        }

        return;
    }

    c->got += (size_t) n;

    if (c->busy && is_whole(c)) {
        finish(c);
    }
}


static void
run(conn_t *conns, int nconns, size_t count, double rate)
{
    int                 i, n;
    double              start;
    struct epoll_event  events[CONNECTIONS_MAX];

    start = bench_now();

    while (ended < count) {

        if (bench_now() - start > LATE_US) {
            fprintf(stderr, "post: two minutes are over, %zu of %zu are"
                    " answered\n", ended, count);
            exit(1);
        }

        for (i = 0; i < nconns && begun < count; i++) {

            if (rate > 0
                && (double) begun > (bench_now() - start) / 1e6 * rate)
            {
                break;
            }

            if (!conns[i].busy && !conns[i].again) {
                begin(&conns[i]);
            }
        }

        if (unavailable) {
            send_again(conns, nconns);
        }

        n = epoll_wait(epoll_fd, events, CONNECTIONS_MAX,
                       rate > 0 ? 1 : unavailable ? 20 : 1000);

        for (i = 0; i < n; i++) {

            if (events[i].events & EPOLLOUT) {
                send_rest(events[i].data.ptr);
            }

            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                take(events[i].data.ptr);
            }
        }
    }
}


int
main(int argc, char **argv)
{
    int      i, nconns;
    size_t   count;
    double   rate, start, end;
    conn_t  *conns;

    if (argc < 5) {
        fprintf(stderr, "post PORT PATH BODIES COUNT [CONNECTIONS [RATE]]\n");
        return 2;
    }

    port = atoi(argv[1]);
    path = argv[2];
    read_bodies(argv[3]);
    count = strtoul(argv[4], NULL, 10);
    nconns = argc > 5 ? atoi(argv[5]) : 64;
    rate = argc > 6 ? atof(argv[6]) : 0;

    if (nconns < 1 || nconns > CONNECTIONS_MAX || count == 0) {
        return 2;
    }

    conns = calloc((size_t) nconns, sizeof(conn_t));
    took = calloc(count, sizeof(double));
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);

    if (conns == NULL || took == NULL || epoll_fd == -1) {
        bench_die("setup");
    }

    for (i = 0; i < nconns; i++) {
        open_conn(&conns[i]);
    }

    start = bench_now();
    run(conns, nconns, count, rate);
    end = bench_now();

    qsort(took, count, sizeof(double), bench_by_value);

    printf("{\"n\":%zu,\"refused\":%zu,\"unavailable\":%zu,\"start\":%.6f,"
           "\"seconds\":%.6f,\"p50\":%.0f,\"p99\":%.0f,\"max\":%.0f}\n",
           count, refused, unavailable, start / 1e6, (end - start) / 1e6,
           bench_percentile(took, count, 0.5),
           bench_percentile(took, count, 0.99), took[count - 1]);

    return 0;
}
