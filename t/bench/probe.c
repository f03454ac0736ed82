/* sources:  */
/* libs:  */

/*
 * probe PORT PATH SECONDS PAUSE_US [BODY_FILE]: one request after the other
 * on one connection of 127.0.0.1, a GET or a POST of JSON; how long each
 * takes, as a line of JSON, in microseconds.
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define PROBE_MAX  1000000


static double  probe_us[PROBE_MAX];


static double
now_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}


static int
by_value(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}


static int
open_connection(int port)
{
    int                 s, on;
    struct sockaddr_in  sin;

    on = 1;
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((unsigned short) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    s = socket(AF_INET, SOCK_STREAM, 0);

    if (s == -1 || connect(s, (struct sockaddr *) &sin, sizeof(sin)) == -1) {
        perror("probe: connect");
        exit(1);
    }

    (void) setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    return s;
}


static size_t
make_request(char *buf, size_t size, const char *path, const char *file)
{
    FILE    *f;
    char     body[65536];
    size_t   n;

    if (file == NULL) {
        return (size_t) snprintf(buf, size, "GET %s HTTP/1.1\r\n"
                                 "Host: localhost\r\n\r\n", path);
    }

    f = fopen(file, "rb");
    n = f ? fread(body, 1, sizeof(body) - 1, f) : 0;

    if (n == 0) {
        fprintf(stderr, "probe: no body in %s\n", file);
        exit(1);
    }

    (void) fclose(f);
    body[n] = '\0';

    return (size_t) snprintf(buf, size, "POST %s HTTP/1.1\r\n"
                             "Host: localhost\r\n"
                             "Content-Type: application/json\r\n"
                             "Content-Length: %zu\r\n\r\n%s", path, n, body);
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
    int     s, rc;
    char    request[70000];
    size_t  n, len, failed;
    double  start, end;

    if (argc < 5) {
        fprintf(stderr, "probe PORT PATH SECONDS PAUSE_US [BODY_FILE]\n");
        return 2;
    }

    n = failed = 0;
    len = make_request(request, sizeof(request), argv[2], argv[5]);
    s = open_connection(atoi(argv[1]));
    end = now_us() + atof(argv[3]) * 1e6;

    while (n < PROBE_MAX && (start = now_us()) < end) {

        rc = ask(s, request, len);

        if (rc == 0) {

            /* a server may close a connection after so many requests */

            (void) close(s);
            s = open_connection(atoi(argv[1]));
            continue;
        }

        failed += rc == -1;
        probe_us[n++] = now_us() - start;

        (void) usleep((unsigned) atoi(argv[4]));
    }

    if (n == 0) {
        return 1;
    }

    qsort(probe_us, n, sizeof(double), by_value);

    printf("{\"n\":%zu,\"failed\":%zu,\"p50\":%.0f,\"p99\":%.0f,"
           "\"max\":%.0f}\n", n, failed, probe_us[n / 2],
           probe_us[n * 99 / 100], probe_us[n - 1]);

    return 0;
}
