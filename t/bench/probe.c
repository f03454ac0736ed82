/* sources:  */
/* libs:  */

/*
 * probe PORT PATH SECONDS PAUSE_US [BODY_FILE]: one request after the other on
 * one connection of 127.0.0.1, a GET or a POST of JSON; how long each takes,
 * and how much later than after PAUSE_US it was woken, as a line of JSON, in
 * microseconds.  It stands for a client on another machine, and goes first
 * where it may: that it waits for a core is not what is measured.
 */

#include "bench.h"

#include <sched.h>


#define PROBE_MAX  1000000


static double  probe_us[PROBE_MAX], late_us[PROBE_MAX];


static char *
make_request(const char *path, const char *file, size_t *len)
{
    char    *buf, *body;
    size_t   n;

    body = NULL;
    n = 0;

    if (file) {
        body = bench_file(file, &n);
    }

    buf = malloc(n + strlen(path) + 256);

    if (buf == NULL) {
        bench_die("malloc");
    }

    if (body == NULL) {
        *len = (size_t) sprintf(buf, "GET %s HTTP/1.1\r\n"
                                "Host: localhost\r\n\r\n", path);
        return buf;
    }

    *len = (size_t) sprintf(buf, "POST %s HTTP/1.1\r\n"
                            "Host: localhost\r\n"
                            "Content-Type: application/json\r\n"
                            "Content-Length: %zu\r\n\r\n%s", path, n, body);
    return buf;
}


/* answers are small, and come whole */

static int
ask(int s, const char *request, size_t len)
{
    ssize_t  n;
    char     answer[65536];

    if (write(s, request, len) != (ssize_t) len) {
        return 0;
    }

    n = read(s, answer, sizeof(answer) - 1);

    if (n <= 0) {
        return 0;
    }

    answer[n] = '\0';

    return strncmp(answer, "HTTP/1.1 2", 10) == 0 ? 1 : -1;
}


int
main(int argc, char **argv)
{
    int      s, rc;
    char    *request;
    size_t   n, len, failed;
    double   start, end;

    struct sched_param  param = { .sched_priority = 1 };

    if (argc < 5) {
        fprintf(stderr, "probe PORT PATH SECONDS PAUSE_US [BODY_FILE]\n");
        return 2;
    }

    (void) sched_setscheduler(0, SCHED_FIFO, &param);

    n = failed = 0;
    request = make_request(argv[2], argv[5], &len);
    s = bench_connect(atoi(argv[1]), 0, 0);
    end = bench_now() + atof(argv[3]) * 1e6;

    while (n < PROBE_MAX && (start = bench_now()) < end) {

        rc = ask(s, request, len);

        if (rc == 0) {

            /* a server may close a connection after so many requests */

            (void) close(s);
            s = bench_connect(atoi(argv[1]), 0, 0);
            continue;
        }

        failed += rc == -1;
        probe_us[n] = bench_now() - start;

        start = bench_now();
        (void) usleep((unsigned) atoi(argv[4]));
        late_us[n++] = bench_now() - start - atof(argv[4]);
    }

    if (n == 0) {
        return 1;
    }

    qsort(probe_us, n, sizeof(double), bench_by_value);
    qsort(late_us, n, sizeof(double), bench_by_value);

    printf("{\"n\":%zu,\"failed\":%zu,\"p50\":%.0f,\"p99\":%.0f,"
           "\"max\":%.0f,\"late99\":%.0f}\n", n, failed,
           bench_percentile(probe_us, n, 0.5),
           bench_percentile(probe_us, n, 0.99), probe_us[n - 1],
           bench_percentile(late_us, n, 0.99));

    return 0;
}
