/* sources:  */
/* libs:  */

/*
 * sseload PORT PATH [-n STREAMS] [-s STALLED] [-r RAMP] [-e EVENT] [-c COUNT]
 *         [-t SECONDS]
 *
 * So many event streams at once, RAMP of them opened a second (2000), with
 * ids checked: each must rise by one, as on a stream that sees all there is.
 * A stream that ends is opened again after its last event.  The first STALLED
 * of them read nothing once they are connected.
 *
 * It says what happened in lines of JSON: "ready" when all are connected,
 * "reached" when each that reads has seen COUNT events named EVENT (a time of
 * the monotonic clock).  It is told by lines: "stat" (a line of figures),
 * "resume" (the stalled ones read on).  It ends, with a line of figures, with
 * its input.
 */

#include "bench.h"

#include <sys/epoll.h>
#include <sys/resource.h>


#define CONNECTING_MAX  256
#define LINE_MAX_KEPT   128
#define RETRY_US        300e3

/* what the kernel may keep for one that does not read */
#define STALLED_BUFFER  4096

enum { IDLE, CONNECTING, HEAD, BODY, STALLED, WAITING };

/* where in a chunked body it is */

enum { SIZE, SIZE_REST, DATA, DATA_END };

typedef struct {
    int        fd;
    int        state;
    int        chunked, part;
    int        resumed;         /* "reset" would be a loss */
    int        has_data;
    size_t     left;            /* of the chunk */
    size_t     len;             /* of the line so far, as far as kept */
    char       line[LINE_MAX_KEPT];
    char       name[24];
    uint64_t   id;              /* of the event under way, 0 without */
    uint64_t   last;            /* the last one seen */
    uint64_t   events, sum;     /* with ids; their sum */
    uint64_t   named;
    double     wake;
} stream_t;

typedef struct {
    uint64_t   messages, bytes, reads;
    uint64_t   gaps, doubles, resets;
    uint64_t   ended, opened_again, refused;
} totals_t;


static int           port, epoll_fd, nstreams = 1, nstalled;
static int           opened, connecting, connected, complete;
static int           is_ready, is_reached, read_all;
static uint64_t      want;
static double        ramp = 2000, ramp_start;
static const char   *path, *event_name = "complete";
static stream_t     *streams;
static totals_t      totals;


static void
watch(stream_t *s, int op, unsigned events)
{
    struct epoll_event  ee;

    ee.events = events;
    ee.data.ptr = s;

    if (epoll_ctl(epoll_fd, op, s->fd, &ee) == -1) {
        bench_die("epoll_ctl");
    }
}


static void
open_stream(stream_t *s)
{
    s->fd = bench_connect(port, 1, s - streams < nstalled ? STALLED_BUFFER : 0);
    s->state = CONNECTING;
    s->chunked = s->part = 0;
    s->left = s->len = 0;
    s->has_data = 0;
    s->id = 0;
    s->name[0] = '\0';
    connecting++;

    watch(s, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}


static void
close_stream(stream_t *s)
{
    if (s->state == CONNECTING || s->state == HEAD) {
        connecting--;
        totals.refused++;

    } else {
        totals.ended++;
    }

    (void) close(s->fd);
    s->fd = -1;
    s->state = WAITING;
    s->wake = bench_now() + RETRY_US;
}


static void
ask(stream_t *s)
{
    int   n;
    char  request[1024], last[64];

    last[0] = '\0';
    s->resumed = s->last != 0;

    if (s->last) {
        (void) snprintf(last, sizeof(last), "Last-Event-ID: %llu\r\n",
                        (unsigned long long) s->last);
    }

    n = snprintf(request, sizeof(request), "GET %.700s HTTP/1.1\r\n"
                 "Host: localhost\r\nAccept: text/event-stream\r\n%s\r\n",
                 path, last);

    if (send(s->fd, request, (size_t) n, MSG_NOSIGNAL) != n) {
        close_stream(s);
        return;
    }

    s->state = HEAD;
    watch(s, EPOLL_CTL_MOD, EPOLLIN);
}


static void
event_over(stream_t *s)
{
    totals.messages++;

    if (s->id) {
        if (s->last && s->id <= s->last) {
            totals.doubles++;

        } else if (s->last && s->id != s->last + 1) {
            totals.gaps++;
        }

        s->last = s->id > s->last ? s->id : s->last;
        s->events++;
        s->sum += s->id;

    } else if (s->resumed && strcmp(s->name, "reset") == 0) {
        totals.resets++;
    }

    if (want && strcmp(s->name, event_name) == 0 && ++s->named == want
        && s - streams >= nstalled)
    {
        complete++;
    }
}


static void
line_over(stream_t *s)
{
    char  *p;

    p = s->line;
    p[s->len] = '\0';

    if (s->len && p[s->len - 1] == '\r') {
        p[--s->len] = '\0';
    }

    if (s->len == 0) {

        if (s->has_data) {
            event_over(s);
        }

        s->has_data = 0;
        s->id = 0;
        s->name[0] = '\0';

    } else if (strncmp(p, "data:", 5) == 0) {
        s->has_data = 1;

    } else if (strncmp(p, "id: ", 4) == 0) {
        s->id = strtoull(p + 4, NULL, 10);

    } else if (strncmp(p, "event: ", 7) == 0) {
        (void) snprintf(s->name, sizeof(s->name), "%.23s", p + 7);
    }

    s->len = 0;
}


static void
text(stream_t *s, const char *p, size_t n)
{
    size_t       part, room;
    const char  *end;

    while (n) {
        end = memchr(p, '\n', n);
        part = end ? (size_t) (end - p) : n;
        room = LINE_MAX_KEPT - 1 - s->len;

        memcpy(s->line + s->len, p, part < room ? part : room);
        s->len += part < room ? part : room;

        if (end == NULL) {
            return;
        }

        line_over(s);
        n -= part + 1;
        p = end + 1;
    }
}


static void
chunks(stream_t *s, const char *p, size_t n)
{
    size_t  part;

    while (n) {

        switch (s->part) {

        case SIZE:
            if (*p == '\n' || *p == ';') {
                s->part = *p == ';' ? SIZE_REST : DATA;

            } else if (*p != '\r') {
                s->left = s->left * 16 + (size_t)
                    (*p <= '9' ? *p - '0' : (*p | 0x20) - 'a' + 10);
            }

            p++;
            n--;
            break;

        case SIZE_REST:
            s->part = *p == '\n' ? DATA : SIZE_REST;
            p++;
            n--;
            break;

        case DATA:
            part = n < s->left ? n : s->left;
            text(s, p, part);
            p += part;
            n -= part;
            s->left -= part;
            s->part = s->left ? DATA : DATA_END;
            break;

        default:
            s->part = *p == '\n' ? SIZE : DATA_END;
            p++;
            n--;
        }
    }
}


/* The head of the answer, which comes whole. */

static void
head(stream_t *s, char *p, size_t n)
{
    char  *end;

    p[n] = '\0';
    end = strstr(p, "\r\n\r\n");

    if (end == NULL || strncmp(p, "HTTP/1.1 200", 12) != 0) {
        close_stream(s);
        return;
    }

    *end = '\0';
    s->chunked = strcasestr(p, "\r\ntransfer-encoding: chunked") != NULL;
    s->state = BODY;
    connecting--;
    end += 4;

    if (s->chunked) {
        chunks(s, end, n - (size_t) (end - p));

    } else {
        text(s, end, n - (size_t) (end - p));
    }

    if (s->resumed || s->events) {
        totals.opened_again++;

    } else {
        connected++;
    }

    if (s - streams < nstalled && !read_all) {
        s->state = STALLED;
        (void) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
    }
}


static void
take(stream_t *s)
{
    ssize_t      n;
    static char  buf[256 * 1024 + 1];

    n = recv(s->fd, buf, sizeof(buf) - 1, 0);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n <= 0) {
        close_stream(s);
        return;
    }

    totals.bytes += (uint64_t) n;
    totals.reads++;

    if (s->state == HEAD) {
        head(s, buf, (size_t) n);

    } else if (s->chunked) {
        chunks(s, buf, (size_t) n);

    } else {
        text(s, buf, (size_t) n);
    }
}


static void
happen(stream_t *s, unsigned events)
{
    int        err;
    socklen_t  len;

    if (s->fd == -1) {
        return;
    }

    if (s->state == CONNECTING) {
        err = 0;
        len = sizeof(err);
        (void) getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len);

        if (err) {
            close_stream(s);

        } else if (events & EPOLLOUT) {
            ask(s);
        }

        return;
    }

    take(s);
}


/* New ones at their rate, and those that ended once more; how many wait. */

static int
open_more(void)
{
    int     i, waiting;
    double  now;

    now = bench_now();
    waiting = 0;

    while (opened < nstreams && connecting < CONNECTING_MAX
           && opened < (now - ramp_start) / 1e6 * ramp)
    {
        open_stream(&streams[opened++]);
    }

    if (totals.ended + totals.refused == 0) {
        return opened < nstreams;
    }

    for (i = 0; i < opened; i++) {

        if (streams[i].state == WAITING) {

            if (streams[i].wake <= now && connecting < CONNECTING_MAX) {
                open_stream(&streams[i]);

            } else {
                waiting++;
            }
        }
    }

    return waiting || opened < nstreams;
}


static void
figures(const char *name)
{
    int            i, behind, open;
    uint64_t       most, sum, least;
    struct rusage  ru;

    most = sum = 0;
    least = UINT64_MAX;
    behind = open = 0;

    for (i = read_all ? 0 : nstalled; i < nstreams; i++) {
        if (streams[i].events > most) {
            most = streams[i].events;
            sum = streams[i].sum;
        }
    }

    for (i = read_all ? 0 : nstalled; i < nstreams; i++) {
        behind += streams[i].events != most || streams[i].sum != sum;
        open += streams[i].state == BODY;
        least = streams[i].events < least ? streams[i].events : least;
    }

    (void) getrusage(RUSAGE_SELF, &ru);

    printf("{\"what\":\"%s\",\"time\":%.6f,\"streams\":%d,\"open\":%d,"
           "\"events\":%llu,\"least\":%llu,\"behind\":%d,\"messages\":%llu,"
           "\"gaps\":%llu,\"doubles\":%llu,\"resets\":%llu,\"ended\":%llu,"
           "\"openedAgain\":%llu,\"refused\":%llu,\"bytes\":%llu,"
           "\"reads\":%llu,\"cpu\":%.3f}\n",
           name, bench_now() / 1e6, connected, open,
           (unsigned long long) most, (unsigned long long) least, behind,
           (unsigned long long) totals.messages,
           (unsigned long long) totals.gaps,
           (unsigned long long) totals.doubles,
           (unsigned long long) totals.resets,
           (unsigned long long) totals.ended,
           (unsigned long long) totals.opened_again,
           (unsigned long long) totals.refused,
           (unsigned long long) totals.bytes,
           (unsigned long long) totals.reads,
           (double) (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec)
           + (double) (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
    (void) fflush(stdout);
}


static void
resume(void)
{
    int  i;

    read_all = 1;

    for (i = 0; i < nstalled; i++) {
        if (streams[i].state == STALLED) {
            streams[i].state = BODY;
            watch(&streams[i], EPOLL_CTL_ADD, EPOLLIN);
        }
    }
}


/* A line of what is said to us; 0 at the end of it. */

static int
told(void)
{
    char     said[64];
    ssize_t  n;

    n = read(0, said, sizeof(said) - 1);

    if (n <= 0) {
        return 0;
    }

    said[n] = '\0';

    if (strstr(said, "resume")) {
        resume();
    }

    if (strstr(said, "stat")) {
        figures("stat");
    }

    return 1;
}


static void
run(double seconds)
{
    int                 i, n, wait;
    double              end;
    struct epoll_event  events[1024];

    ramp_start = bench_now();
    end = ramp_start + seconds * 1e6;

    while (bench_now() < end) {

        wait = open_more() ? 2 : 200;
        n = epoll_wait(epoll_fd, events, 1024, wait);

        for (i = 0; i < n; i++) {

            if (events[i].data.ptr) {
                happen(events[i].data.ptr, events[i].events);

            } else if (!told()) {
                figures("end");
                return;
            }
        }

        if (!is_ready && connected == nstreams) {
            is_ready = 1;
            figures("ready");
        }

        if (want && !is_reached && complete == nstreams - nstalled) {
            is_reached = 1;
            figures("reached");
        }
    }

    figures("late");
    exit(1);
}


static void
limit_descriptors(void)
{
    struct rlimit  rl;

    (void) getrlimit(RLIMIT_NOFILE, &rl);

    if (rl.rlim_cur < (rlim_t) nstreams + 32) {
        rl.rlim_cur = (rlim_t) nstreams + 32;

        if (setrlimit(RLIMIT_NOFILE, &rl) == -1) {
            bench_die("too few descriptors");
        }
    }
}


int
main(int argc, char **argv)
{
    int                 i, c;
    double              seconds;
    struct epoll_event  ee;

    seconds = 120;

    while ((c = getopt(argc, argv, "n:s:r:e:c:t:")) != -1) {
        switch (c) {
        case 'n':
            nstreams = atoi(optarg);
            break;
        case 's':
            nstalled = atoi(optarg);
            break;
        case 'r':
            ramp = atof(optarg);
            break;
        case 'e':
            event_name = optarg;
            break;
        case 'c':
            want = strtoull(optarg, NULL, 10);
            break;
        case 't':
            seconds = atof(optarg);
            break;
        default:
            return 2;
        }
    }

    if (argc - optind != 2 || nstreams < 1 || nstalled > nstreams) {
        fprintf(stderr, "sseload PORT PATH [-n STREAMS] [-s STALLED] ...\n");
        return 2;
    }

    port = atoi(argv[optind]);
    path = argv[optind + 1];
    limit_descriptors();

    streams = calloc((size_t) nstreams, sizeof(stream_t));
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);

    if (streams == NULL || epoll_fd == -1) {
        bench_die("setup");
    }

    for (i = 0; i < nstreams; i++) {
        streams[i].fd = -1;
    }

    ee.events = EPOLLIN;
    ee.data.ptr = NULL;

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &ee) == -1) {
        bench_die("its input is neither a pipe nor a terminal");
    }

    run(seconds);

    return 0;
}
