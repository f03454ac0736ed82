/* sources:  */
/* libs:  */

/*
 * stub PORT_FILE DELAY_MS: a provider that costs next to nothing.  Two
 * processes on one port of 127.0.0.1, which is written to the file, answer
 * each request of the chat completions protocol after exactly this time: a
 * verdict for each question whose id is asked, with a quote that the documents
 * of the benchmarks have.  GET /stats tells of both: {"requests","inFlight",
 * "peak"}.  Bodies must have a length.  It ends with SIGTERM, or after a
 * quarter of an hour.
 */

#include "bench.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>


#define IN_FIRST  8192
#define IN_MAX    (4 * 1024 * 1024)
#define OUT_ROOM  512           /* more than one answer takes */
#define LIFE_S    900

#define QUOTE     "There is a fire alarm."


typedef struct conn_s  conn_t;

struct conn_s {
    int      fd;
    int      waiting;           /* in the list, soonest first */
    double   due;
    conn_t  *prev, *next;
    char    *in, *out;
    size_t   in_len, in_size, out_len, out_sent;
};

typedef struct {
    atomic_long  requests, in_flight, peak;
} shared_t;


static int       epoll_fd, listen_fd;
static double    delay;
static conn_t   *soonest, *latest;
static shared_t *shared;

static volatile sig_atomic_t  ended;


static void
on_signal(int sig)
{
    (void) sig;
    ended = 1;
}


static int
listen_on(int port)
{
    int                 s, on;
    struct sockaddr_in  sin;

    on = 1;
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((unsigned short) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (s == -1
        || setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == -1
        || bind(s, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(s, 4096) == -1)
    {
        bench_die("listen");
    }

    return s;
}


static int
port_of(int s)
{
    socklen_t           len;
    struct sockaddr_in  sin;

    len = sizeof(sin);

    if (getsockname(s, (struct sockaddr *) &sin, &len) == -1) {
        bench_die("getsockname");
    }

    return ntohs(sin.sin_port);
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
unlist(conn_t *c)
{
    if (c->prev) {
        c->prev->next = c->next;

    } else {
        soonest = c->next;
    }

    if (c->next) {
        c->next->prev = c->prev;

    } else {
        latest = c->prev;
    }

    c->prev = c->next = NULL;
    c->waiting = 0;
    atomic_fetch_sub(&shared->in_flight, 1);
}


static void
drop(conn_t *c)
{
    if (c->waiting) {
        unlist(c);
    }

    (void) close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}


static void
accept_all(void)
{
    int      s;
    conn_t  *c;

    while ((s = accept4(listen_fd, NULL, NULL,
                        SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
    {
        c = calloc(1, sizeof(conn_t));

        if (c == NULL) {
            bench_die("calloc");
        }

        c->fd = s;
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}


/* The answers to all ids, as JSON within a string of JSON. */

static size_t
write_answers(char *out, size_t room, const char *ids, const char *end)
{
    size_t       n;
    const char  *p, *q;

    n = 0;

    for (p = ids; p < end && *p == '"' && room - n > OUT_ROOM; p = q + 2) {

        q = memchr(p + 1, '"', (size_t) (end - p - 1));

        if (q == NULL || q - p > 65) {
            break;
        }

        n += (size_t) sprintf(out + n,
            "%s{\\\"questionId\\\":\\\"%.*s\\\",\\\"verdict\\\":"
            "\\\"compliant\\\",\\\"confidence\\\":0.8,\\\"rationale\\\":"
            "\\\"The quoted passage says so.\\\",\\\"evidence\\\":"
            "[{\\\"quote\\\":\\\"" QUOTE "\\\",\\\"page\\\":1}]}",
            n ? "," : "", (int) (q - p - 1), p + 1);

        if (q[1] != ',') {
            break;
        }
    }

    return n;
}


/* What will be sent when the time has come. */

static void
prepare(conn_t *c, const char *body, size_t len)
{
    char        *content;
    size_t       n, size;
    const char  *ids, *end;

    static const char  enumerated[] = "\"enum\":[";

    /* inside of the prompt each quotation mark is escaped */

    end = body + len;
    ids = memmem(body, len, "\"questionId\":{", 14);
    ids = ids ? memmem(ids, (size_t) (end - ids), enumerated, 8) : NULL;
    ids = ids ? ids + 8 : end;

    size = 64 * 1024;
    content = malloc(size);
    c->out = malloc(size + 1024);

    if (content == NULL || c->out == NULL) {
        bench_die("malloc");
    }

    n = (size_t) sprintf(content,
        "{\"id\":\"stub\",\"object\":\"chat.completion\",\"created\":1,"
        "\"model\":\"stub\",\"choices\":[{\"index\":0,\"message\":"
        "{\"role\":\"assistant\",\"content\":\"{\\\"answers\\\":[");
    n += write_answers(content + n, size - n, ids, end);
    n += (size_t) sprintf(content + n,
        "]}\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":%zu,\"completion_tokens\":100,"
        "\"total_tokens\":%zu}}", len / 4, len / 4 + 100);

    c->out_sent = 0;
    c->out_len = (size_t) sprintf(c->out, "HTTP/1.1 200 OK\r\n"
                                  "Content-Type: application/json\r\n"
                                  "Content-Length: %zu\r\n\r\n", n);
    memcpy(c->out + c->out_len, content, n);
    c->out_len += n;

    free(content);
    c->out = realloc(c->out, c->out_len);
}


static void
prepare_stats(conn_t *c)
{
    int   n;
    char  text[256];

    n = snprintf(text, sizeof(text), "{\"requests\":%ld,\"inFlight\":%ld,"
                 "\"peak\":%ld}", atomic_load(&shared->requests),
                 atomic_load(&shared->in_flight), atomic_load(&shared->peak));

    c->out = malloc(512);

    if (c->out == NULL) {
        bench_die("malloc");
    }

    c->out_sent = 0;
    c->out_len = (size_t) sprintf(c->out, "HTTP/1.1 200 OK\r\n"
                                  "Content-Type: application/json\r\n"
                                  "Content-Length: %d\r\n\r\n%s", n, text);
}


static void
send_rest(conn_t *c)
{
    ssize_t  n;

    n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent,
             MSG_NOSIGNAL);

    if (n > 0) {
        c->out_sent += (size_t) n;
    }

    if (c->out_sent == c->out_len) {
        free(c->out);
        c->out = NULL;
        watch(c, EPOLL_CTL_MOD, EPOLLIN);

    } else {
        watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
}


static void
wait_for_its_time(conn_t *c)
{
    long  n, peak;

    c->due = bench_now() + delay;
    c->waiting = 1;
    c->prev = latest;

    if (latest) {
        latest->next = c;

    } else {
        soonest = c;
    }

    latest = c;
    atomic_fetch_add(&shared->requests, 1);
    n = atomic_fetch_add(&shared->in_flight, 1) + 1;
    peak = atomic_load(&shared->peak);

    while (n > peak
           && !atomic_compare_exchange_weak(&shared->peak, &peak, n))
    {
        /* void */
    }
}


/* A request, once all of it is there; the next one comes after its answer. */

static void
consider(conn_t *c)
{
    char    *end, *field;
    size_t   head, len;

    c->in[c->in_len] = '\0';
    end = strstr(c->in, "\r\n\r\n");

    if (end == NULL) {
        return;
    }

    head = (size_t) (end + 4 - c->in);
    *end = '\0';
    field = strcasestr(c->in, "\r\ncontent-length:");
    len = field ? strtoul(field + 17, NULL, 10) : 0;
    *end = '\r';

    if (c->in_len < head + len) {
        return;
    }

    if (strncmp(c->in, "GET ", 4) == 0) {
        prepare_stats(c);
        send_rest(c);

    } else {
        prepare(c, c->in + head, len);
        wait_for_its_time(c);
    }

    free(c->in);
    c->in = NULL;
    c->in_len = c->in_size = 0;
}


static void
take(conn_t *c)
{
    ssize_t  n;

    if (c->in_size - c->in_len < 2) {

        c->in_size = c->in_size ? c->in_size * 2 : IN_FIRST;
        c->in = realloc(c->in, c->in_size);

        if (c->in == NULL || c->in_size > IN_MAX) {
            bench_die("a request is too long");
        }
    }

    n = recv(c->fd, c->in + c->in_len, c->in_size - c->in_len - 1, 0);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n <= 0) {
        drop(c);
        return;
    }

    c->in_len += (size_t) n;
    consider(c);
}


static void
serve(void)
{
    int                 i, n;
    double              end, now;
    conn_t             *c;
    struct epoll_event  ee, events[512];

    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    ee.events = EPOLLIN;
    ee.data.ptr = NULL;

    if (epoll_fd == -1
        || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &ee) == -1)
    {
        bench_die("epoll");
    }

    end = bench_now() + LIFE_S * 1e6;

    while (!ended && (now = bench_now()) < end) {

        while (soonest && soonest->due <= now) {
            c = soonest;
            unlist(c);
            send_rest(c);
        }

        n = epoll_wait(epoll_fd, events, 512, soonest
                       ? (int) ((soonest->due - now) / 1e3) + 1 : 1000);

        for (i = 0; i < n; i++) {
            c = events[i].data.ptr;

            if (c == NULL) {
                accept_all();

            } else if (events[i].events & EPOLLOUT && c->out && !c->waiting) {
                send_rest(c);

            } else {
                take(c);
            }
        }
    }
}


static void
tell_port(const char *file, int port)
{
    FILE  *f;
    char   name[4096];

    (void) snprintf(name, sizeof(name), "%s.new", file);
    f = fopen(name, "w");

    if (f == NULL || fprintf(f, "%d\n", port) < 0 || fclose(f) != 0
        || rename(name, file) != 0)
    {
        bench_die(file);
    }
}


int
main(int argc, char **argv)
{
    int            port;
    pid_t          child;
    struct rlimit  rl;

    if (argc != 3) {
        fprintf(stderr, "stub PORT_FILE DELAY_MS\n");
        return 2;
    }

    delay = atof(argv[2]) * 1e3;
    (void) getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    (void) setrlimit(RLIMIT_NOFILE, &rl);
    (void) signal(SIGTERM, on_signal);
    (void) signal(SIGINT, on_signal);

    shared = mmap(NULL, sizeof(shared_t), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED) {
        bench_die("mmap");
    }

    listen_fd = listen_on(0);
    port = port_of(listen_fd);
    child = fork();

    if (child == -1) {
        bench_die("fork");
    }

    if (child == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void) close(listen_fd);
        listen_fd = listen_on(port);
        tell_port(argv[1], port);
    }

    serve();

    return 0;
}
