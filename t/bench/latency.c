/* sources:  */
/* libs:  */

/*
 * latency PORT POST_PATH BODY_FILE ID_KEY EVENTS_PATH EVENT SAMPLES
 *
 * From the POST of a job to the event of this name that bears its id, one job
 * at a time, on an idle system: 20 to 40 ms lie between them.  A tenth of the
 * samples come before as a warm-up.  ID_KEY is where the answer has the id.
 * A line of JSON: milliseconds to the answer and to the event.
 */

#include "bench.h"

#include <poll.h>


#define SAMPLES_MAX  10000
#define STREAM_MAX   (256 * 1024)
#define LATE_US      10e6


static int     stream_fd, post_fd;
static char    stream[STREAM_MAX + 1];
static size_t  stream_len;
static double  to_answer[SAMPLES_MAX], to_event[SAMPLES_MAX];


static void
say(int s, const char *bytes, size_t len)
{
    if (write(s, bytes, len) != (ssize_t) len) {
        bench_die("write");
    }
}


static void
open_stream(int port, const char *path)
{
    int   n;
    char  request[1024];

    stream_fd = bench_connect(port, 0, 0);
    n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n"
                 "Host: localhost\r\nAccept: text/event-stream\r\n\r\n", path);
    say(stream_fd, request, (size_t) n);

    n = (int) read(stream_fd, stream, STREAM_MAX);

    if (n <= 0 || strncmp(stream, "HTTP/1.1 200", 12) != 0) {
        fprintf(stderr, "latency: the event stream does not open\n");
        exit(1);
    }
}


/* Reads what is there; ends the program where the stream has ended. */

static void
read_stream(void)
{
    ssize_t  n;

    if (stream_len > STREAM_MAX / 2) {

        /* no event is longer than what is kept */

        memmove(stream, stream + stream_len - STREAM_MAX / 4, STREAM_MAX / 4);
        stream_len = STREAM_MAX / 4;
    }

    n = read(stream_fd, stream + stream_len, STREAM_MAX - stream_len);

    if (n <= 0) {
        fprintf(stderr, "latency: the event stream has ended\n");
        exit(1);
    }

    stream_len += (size_t) n;
    stream[stream_len] = '\0';
}


/* Whether the event that bears this id is in what has come. */

static int
has_come(const char *event, const char *id)
{
    char         mark[128];
    const char  *p, *end;

    (void) snprintf(mark, sizeof(mark), "event: %s\n", event);

    for (p = stream; (p = strstr(p, mark)) != NULL; p = end) {

        end = strstr(p, "\n\n");

        if (end == NULL) {
            return 0;
        }

        if (memmem(p, (size_t) (end - p), id, strlen(id))) {
            return 1;
        }
    }

    return 0;
}


/* The id out of the answer, which comes whole. */

static int
read_answer(const char *key, char *id, size_t size)
{
    char      answer[8192], mark[64], *p, *end;
    ssize_t   n;

    n = read(post_fd, answer, sizeof(answer) - 1);

    if (n <= 0) {
        return 0;
    }

    answer[n] = '\0';
    (void) snprintf(mark, sizeof(mark), "\"%s\":\"", key);

    p = strstr(answer, mark);
    end = p ? strchr(p + strlen(mark), '"') : NULL;

    if (strncmp(answer, "HTTP/1.1 202", 12) != 0 || end == NULL) {
        fprintf(stderr, "latency: no 202 with an id: %.200s\n", answer);
        exit(1);
    }

    *end = '\0';
    (void) snprintf(id, size, "\"%s\"", p + strlen(mark));

    return 1;
}


/* One job; returns 0 where its event does not come. */

static int
sample(const char *request, size_t len, char **argv, double *answer,
    double *event)
{
    char           id[128];
    double         start;
    struct pollfd  fds[2];

    id[0] = '\0';
    stream_len = 0;
    start = bench_now();
    say(post_fd, request, len);

    while (bench_now() - start < LATE_US) {

        fds[0] = (struct pollfd) { .fd = stream_fd, .events = POLLIN };
        fds[1] = (struct pollfd) { .fd = post_fd,
                                   .events = id[0] ? 0 : POLLIN };
        (void) poll(fds, 2, 100);

        if (fds[1].revents) {

            if (!read_answer(argv[4], id, sizeof(id))) {
                fprintf(stderr, "latency: the connection was closed\n");
                exit(1);
            }

            *answer = (bench_now() - start) / 1e3;
        }

        if (fds[0].revents) {
            read_stream();
        }

        if (id[0] && has_come(argv[6], id)) {
            *event = (bench_now() - start) / 1e3;
            return 1;
        }
    }

    return 0;
}


int
main(int argc, char **argv)
{
    int      i, n, warm, samples, missing;
    char    *body, *request;
    size_t   len;

    if (argc != 8) {
        fprintf(stderr, "latency PORT POST_PATH BODY_FILE ID_KEY EVENTS_PATH"
                " EVENT SAMPLES\n");
        return 2;
    }

    samples = atoi(argv[7]);

    if (samples < 1 || samples > SAMPLES_MAX) {
        return 2;
    }

    body = bench_file(argv[3], &len);
    request = malloc(len + 1024);

    if (request == NULL) {
        bench_die("malloc");
    }

    len = (size_t) sprintf(request, "POST %.500s HTTP/1.1\r\n"
                           "Host: localhost\r\n"
                           "Content-Type: application/json\r\n"
                           "Content-Length: %zu\r\n\r\n%s", argv[2], len,
                           body);

    open_stream(atoi(argv[1]), argv[5]);
    post_fd = bench_connect(atoi(argv[1]), 0, 0);

    n = missing = 0;
    warm = samples / 10;

    for (i = -warm; i < samples; i++) {

        if (!sample(request, len, argv, &to_answer[n], &to_event[n])) {
            missing++;

        } else if (i >= 0) {
            n++;
        }

        (void) usleep(20000 + (unsigned) (random() % 20000));
    }

    if (n == 0) {
        fprintf(stderr, "latency: no event came\n");
        return 1;
    }

    qsort(to_answer, (size_t) n, sizeof(double), bench_by_value);
    qsort(to_event, (size_t) n, sizeof(double), bench_by_value);

    printf("{\"n\":%d,\"missing\":%d,\"answer50\":%.3f,\"answer99\":%.3f,"
           "\"event50\":%.3f,\"event99\":%.3f}\n", n, missing,
           bench_percentile(to_answer, (size_t) n, 0.5),
           bench_percentile(to_answer, (size_t) n, 0.99),
           bench_percentile(to_event, (size_t) n, 0.5),
           bench_percentile(to_event, (size_t) n, 0.99));

    return 0;
}
