
/*
 * A provider for tests: speaks OpenAI's chat completions on 127.0.0.1, checks
 * the request against the provider contract, and answers each question with a
 * quote that stands in the passages it was sent.
 *
 *   provider PORT|PORT_FILE [--delay-ms N] [--mode MODE] [--stdin]
 *            [--log FILE]
 *
 * Port 0, or a file that the port is written to, takes any free one.  With
 * --stdin it ends when its standard input does.  The log is an account of
 * what was asked and answered, see provider_log.h.
 *
 * POST /__control {"next":[STEP...],"delayMs","jitterMs","mode","status",
 *                  "headers","stubborn":[id...],"drop":true,"listen":false,
 *                  "limits":{"inFlight","perMinute","kind":"bucket" |
 *                  "sliding" | "fixed","burst","headers","retryAfter"},
 *                  "usage":{"words","cached"},"reset":true}
 *     STEP is {"status","headers","mode","delayMs","body"}, one for each of
 *     the requests that follow, in the order they come; mode and the like
 *     outside of it hold for all others.  A stubborn question is never
 *     answered.  jitterMs is the most that a delay may have on top.  drop
 *     resets every other connection; listen refuses new ones until it is
 *     true again, which must be said on the same connection.  What is above
 *     the limits is answered 429 at once.  usage is by words, or else a token
 *     every four bytes; a part of it is said to be cached; what was billed is
 *     forgotten by it.  reset forgets steps, counts and settings first.
 * GET /__stats {"requests","inFlight","peakInFlight","connections" (open),
 *               "accepted" (ever),"billed":{"requests","input","cached",
 *               "output"} (whether or not the answer was heard),
 *               "limits":{"throttled","crowded" (too many in flight),
 *               "accepted","minutes":[accepted in each since they were set]},
 *               "questions":{id: times answered},"asked":{id: times asked},
 *               "traces":[traceparent of each request, or null],"last": body}
 *
 * Modes: ok; missing (the last question is left out) and bad_verdict (it has
 * one), length (cut off) and too_long (400), all of these only where more
 * than one is asked; bad_page, false_quote, wrong_page, garbage, truncated,
 * refusal, out_of_money, hang, reset, cut (the connection, inside a reply),
 * noise (no HTTP at all).
 */

#include "provider_answer.h"
#include "provider_limit.h"
#include "provider_listen.h"
#include "provider_log.h"
#include "provider_usage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define BODY_MAX    (64 * 1024 * 1024)
#define TRACES_MAX  256


typedef struct conn_s  conn_t;

struct conn_s {
    int       fd;
    int       waiting;          /* for its time in the list of timers */
    int       hanging;
    int       in_flight;        /* counted as such */
    int       close;            /* once all is sent */
    int       reset;
    int       status;
    long      number;           /* of the request under way, 0 without */
    long      pid;              /* of who asks, once it was looked for */
    int64_t   due;
    conn_t   *prev, *next;      /* timers, soonest first */
    conn_t   *dead;
    conn_t   *before, *after;   /* all that are open */
    char     *in, *out;
    size_t    in_len, in_size, out_len, out_sent;
};


static int       epoll_fd, listen_fd;
static conn_t   *first, *last, *graves, *open_conns;
static json_t   *script, *defaults, *stubborn, *answered, *asked, *traces;
static char     *last_body;
static size_t    last_len;
static long      requests, in_flight, peak, connections, accepted;

static int       own_port;

static provider_limit_t  limits;

static volatile sig_atomic_t  ended;


static void listen_again(int on);


static void
on_signal(int sig)
{
    (void) sig;
    ended = 1;
}


static void
die(const char *what)
{
    fprintf(stderr, "provider: %s: %s\n", what, strerror(errno));
    exit(1);
}


static void *
need(void *p)
{
    if (p == NULL) {
        die("memory");
    }

    return p;
}


static int64_t
now_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void
timer_remove(conn_t *c)
{
    if (!c->waiting) {
        return;
    }

    *(c->prev ? &c->prev->next : &first) = c->next;
    *(c->next ? &c->next->prev : &last) = c->prev;
    c->waiting = 0;
}


/* From the end: with one delay for all, that is where it belongs. */

static void
timer_add(conn_t *c, int64_t due)
{
    conn_t  *p;

    for (p = last; p && p->due > due; p = p->prev) {
        /* void */
    }

    c->due = due;
    c->waiting = 1;
    c->prev = p;
    c->next = p ? p->next : first;

    *(p ? &p->next : &first) = c;
    *(c->next ? &c->next->prev : &last) = c;
}


static void
conn_landed(conn_t *c)
{
    if (c->in_flight) {
        c->in_flight = 0;
        in_flight--;
    }
}


/* Freed after the events of this round, which may name it once more. */

static void
conn_close(conn_t *c)
{
    struct linger  linger = { 1, 0 };

    if (c->fd < 0) {
        return;
    }

    if (c->reset) {
        (void) setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger,
                          sizeof(linger));
    }

    if (c->number) {
        provider_log_given_up(c->number);
        c->number = 0;
    }

    timer_remove(c);
    conn_landed(c);
    close(c->fd);

    *(c->before ? &c->before->after : &open_conns) = c->after;

    if (c->after) {
        c->after->before = c->before;
    }

    c->fd = -1;
    c->dead = graves;
    graves = c;
    connections--;
}


static void
conn_watch(conn_t *c, int op, uint32_t events)
{
    struct epoll_event  ev;

    ev.events = events;
    ev.data.ptr = c;

    if (epoll_ctl(epoll_fd, op, c->fd, &ev) != 0) {
        die("epoll_ctl");
    }
}


/* Who has hung up hears no answer, and none was given. */

static int
conn_hung_up(conn_t *c)
{
    char     byte;
    ssize_t  n;

    n = recv(c->fd, &byte, 1, MSG_PEEK);

    return n == 0 || (n < 0 && errno != EAGAIN);
}


static void
conn_send(conn_t *c)
{
    ssize_t  n;

    conn_landed(c);

    if (c->number && c->out_sent == 0 && conn_hung_up(c)) {
        conn_close(c);
        return;
    }

    while (c->out_sent < c->out_len) {

        n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent,
                 MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            conn_watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }

        if (n < 0) {
            conn_close(c);
            return;
        }

        c->out_sent += (size_t) n;
    }

    if (c->number && !c->close) {
        provider_log_answer(c->number, c->status, c->out);
        c->number = 0;
    }

    free(c->out);
    c->out = NULL;
    c->out_len = c->out_sent = 0;

    if (c->close) {
        conn_close(c);
        return;
    }

    conn_watch(c, EPOLL_CTL_MOD, EPOLLIN);
}


static void
conn_reply(conn_t *c, int status, json_t *headers, const char *body,
    size_t len)
{
    FILE        *f;
    json_t      *value;
    const char  *name;

    f = need(open_memstream(&c->out, &c->out_len));

    fprintf(f, "HTTP/1.1 %d Answer\r\nContent-Type: application/json\r\n"
            "Content-Length: %zu\r\n", status, len);

    json_object_foreach(headers, name, value) {
        fprintf(f, "%s: %s\r\n", name, json_string_value(value));
    }

    fprintf(f, "\r\n");
    fwrite(body, 1, len, f);
    fclose(f);

    c->out_sent = 0;
}


static void
conn_reply_json(conn_t *c, int status, json_t *headers, json_t *body)
{
    char  *text;

    text = need(json_dumps(body, JSON_COMPACT));
    conn_reply(c, status, headers, text, strlen(text));
    free(text);
    json_decref(body);
}


static void
conn_error(conn_t *c, int status, json_t *headers, const char *code,
    const char *message)
{
    conn_reply_json(c, status, headers,
                    json_pack("{s:{s:s,s:s,s:n,s:s}}", "error", "message",
                              message, "type", code, "param", "code", code));
}


/* What the script says to this request, else what holds for all. */

static json_t *
setting(json_t *step, const char *name)
{
    json_t  *value;

    value = json_object_get(step, name);

    return value ? value : json_object_get(defaults, name);
}


/* Whether the limits have room for one more; else it is answered. */

static int
conn_admit(conn_t *c, provider_verdict_t *verdict)
{
    json_t  *headers;

    requests++;
    provider_limit_ask(&limits, in_flight, now_ms(), verdict);

    if (!verdict->refused) {
        return 1;
    }

    headers = provider_limit_headers(&limits, verdict, NULL);
    conn_error(c, 429, headers, "rate_limit_exceeded", "Too many requests.");
    json_decref(headers);
    conn_send(c);

    return 0;
}


static void
conn_chat(conn_t *c, const char *path, const char *data, size_t len)
{
    int          status;
    int64_t      delay, jitter;
    long long    now;
    char        *reply;
    size_t       i;
    json_t      *body, *ids, *step, *headers, *text;
    const char  *mode, *why;

    provider_verdict_t  verdict;

    if (!conn_admit(c, &verdict)) {
        return;
    }

    now = provider_log_now();
    c->in_flight = 1;
    peak = ++in_flight > peak ? in_flight : peak;

    step = json_incref(json_array_get(script, 0));
    if (step) {
        json_array_remove(script, 0);
    }

    mode = json_string_value(setting(step, "mode"));
    mode = mode ? mode : "ok";
    headers = provider_limit_headers(&limits, &verdict,
                                     setting(step, "headers"));
    text = json_object_get(step, "body");
    status = (int) json_integer_value(setting(step, "status"));
    status = status ? status : 200;

    why = "the body is no JSON";
    body = json_loadb(data, len, 0, NULL);

    if (body) {
        free(last_body);
        last_body = need(malloc(len + 1));
        memcpy(last_body, data, len);
        last_len = len;
    }

    ids = body ? provider_ids(body, &why) : NULL;

    if (ids) {
        c->pid = c->pid ? c->pid : provider_log_peer(c->fd);
        c->number = requests;
        provider_log_request(now, requests, c->pid, path, body, ids);
    }

    for (i = 0; i < json_array_size(ids); i++) {
        provider_count(asked, json_string_value(json_array_get(ids, i)));
    }

    if (ids == NULL) {
        conn_error(c, 400, NULL, "invalid_request_error", why);

    } else if (json_is_string(text)) {
        conn_reply(c, status, headers, json_string_value(text),
                   json_string_length(text));

    } else if (status != 200) {
        conn_error(c, status, headers, "scripted", "as the script says");

    } else if (strcmp(mode, "out_of_money") == 0) {
        conn_error(c, 429, headers, "insufficient_quota",
                   "You exceeded your current quota, please check your plan "
                   "and billing details.");

    } else if (strcmp(mode, "too_long") == 0 && json_array_size(ids) > 1) {
        conn_error(c, 400, headers, "context_length_exceeded",
                   "This model's maximum context length is exceeded.");

    } else {
        reply = need(provider_complete(body, ids, mode, len, stubborn,
                                       answered));
        conn_reply(c, status, headers, reply, strlen(reply));
        free(reply);
    }

    if (strcmp(mode, "cut") == 0) {
        c->out_len -= c->out_len / 4;
        c->close = 1;

    } else if (strcmp(mode, "noise") == 0) {
        memcpy(c->out, "\x16\x03 #!", 5);
        c->close = 1;

    } else if (strcmp(mode, "reset") == 0) {
        c->out_len = 0;
        c->close = c->reset = 1;
    }

    if (strcmp(mode, "hang") == 0) {
        c->hanging = 1;

    } else {
        delay = json_integer_value(setting(step, "delayMs"));
        jitter = json_integer_value(setting(step, "jitterMs"));
        timer_add(c, now_ms() + delay + (jitter > 0 ? random() % jitter : 0));
    }

    c->status = status;
    json_decref(headers);
    json_decref(body);
    json_decref(step);
}


static void
conn_drop_others(const conn_t *c)
{
    conn_t  *other, *next;

    for (other = open_conns; other; other = next) {
        next = other->after;

        if (other != c) {
            other->reset = 1;
            conn_close(other);
        }
    }
}


static void
conn_control(conn_t *c, const char *data, size_t len)
{
    int          good;
    size_t       i;
    json_t      *body, *value, *item;
    const char  *name;

    body = json_loadb(data, len, 0, NULL);

    if (!json_is_object(body)) {
        conn_error(c, 400, NULL, "invalid", "no JSON object");
        json_decref(body);
        conn_send(c);
        return;
    }

    if (json_is_true(json_object_get(body, "reset"))) {
        json_array_clear(script);
        json_object_clear(defaults);
        json_object_clear(stubborn);
        provider_usage_rule(NULL);
        json_object_clear(answered);
        json_object_clear(asked);
        json_array_clear(traces);
        provider_limit_set(&limits, 0, 0, PROVIDER_BUCKET, 0, now_ms());
        requests = 0;
        peak = in_flight;
    }

    good = 1;

    json_object_foreach(body, name, value) {

        if (strcmp(name, "next") == 0) {
            json_array_extend(script, value);

        } else if (strcmp(name, "usage") == 0) {
            provider_usage_rule(value);

        } else if (strcmp(name, "stubborn") == 0) {
            json_object_clear(stubborn);

            json_array_foreach(value, i, item) {
                json_object_set_new(stubborn, json_string_value(item),
                                    json_true());
            }

        } else if (strcmp(name, "drop") == 0) {
            conn_drop_others(c);

        } else if (strcmp(name, "listen") == 0) {
            listen_again(json_is_true(value));

        } else if (strcmp(name, "limits") == 0) {
            good = provider_limit_control(&limits, value, now_ms()) == 0;

        } else {
            json_object_set(defaults, name, value);
        }
    }

    json_decref(body);
    conn_reply_json(c, good ? 200 : 400, NULL, json_pack("{s:b}", "ok", good));
    conn_send(c);
}


static void
conn_stats(conn_t *c)
{
    conn_reply_json(c, 200, NULL,
                    json_pack("{s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:O,s:O,s:O,s:s%}",
                              "requests", (json_int_t) requests, "inFlight",
                              (json_int_t) in_flight, "peakInFlight",
                              (json_int_t) peak, "connections",
                              (json_int_t) connections, "accepted",
                              (json_int_t) accepted, "billed",
                              provider_billed(), "limits",
                              provider_limit_stats(&limits), "questions",
                              answered, "asked", asked, "traces", traces,
                              "last", last_body ? last_body : "", last_len));
    conn_send(c);
}


/* The last ones only: there may be millions. */

static void
trace_keep(const char *head)
{
    const char  *field;

    static const char  name[] = "\r\ntraceparent: ";

    if (json_array_size(traces) == TRACES_MAX) {
        json_array_remove(traces, 0);
    }

    field = strcasestr(head, name);
    field = field ? field + sizeof(name) - 1 : NULL;

    json_array_append_new(traces, field
                          ? json_stringn(field, strcspn(field, "\r"))
                          : json_null());
}


static void
conn_request(conn_t *c, const char *head, const char *body, size_t len)
{
    const char  *path, *end;

    path = strchr(head, ' ');
    end = path ? strpbrk(path + 1, " ?\r") : NULL;

    if (end && end - path > 17
        && memcmp(end - 17, "/chat/completions", 17) == 0)
    {
        trace_keep(head);
        conn_chat(c, path + 1, body, len);

    } else if (end && strncmp(path, " /__control", 11) == 0) {
        conn_control(c, body, len);

    } else if (end && strncmp(path, " /__stats", 9) == 0) {
        conn_stats(c);

    } else {
        conn_error(c, 404, NULL, "not_found", "there is nothing here");
        conn_send(c);
    }
}


/* The next whole request, if it is there and the last one is answered. */

static void
conn_parse(conn_t *c)
{
    char    *body, *field;
    size_t   len, head;

    while (c->fd >= 0 && c->out == NULL && !c->hanging && c->in_len) {

        body = memmem(c->in, c->in_len, "\r\n\r\n", 4);
        if (body == NULL) {
            return;
        }

        body[2] = '\0';
        head = (size_t) (body + 4 - c->in);
        field = strcasestr(c->in, "\r\nContent-Length:");
        len = field ? strtoul(field + 17, NULL, 10) : 0;
        body[2] = '\r';

        if (len > BODY_MAX) {
            conn_close(c);
            return;
        }

        if (c->in_len - head < len) {
            return;
        }

        body[3] = '\0';
        conn_request(c, c->in, body + 4, len);

        c->in_len -= head + len;
        memmove(c->in, c->in + head + len, c->in_len);
    }
}


static void
conn_read(conn_t *c)
{
    ssize_t  n;

    for ( ;; ) {

        if (c->in_size - c->in_len < 65536) {
            c->in_size = c->in_size * 2 + 65536;
            c->in = need(realloc(c->in, c->in_size));
        }

        n = recv(c->fd, c->in + c->in_len, c->in_size - c->in_len - 1, 0);

        if (n < 0 && errno == EAGAIN) {
            break;
        }

        if (n <= 0) {
            conn_close(c);
            return;
        }

        c->in_len += (size_t) n;
    }

    conn_parse(c);
}


static void
accept_all(void)
{
    int      fd, on = 1;
    conn_t  *c;

    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC))
           >= 0)
    {
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

        c = need(calloc(1, sizeof(conn_t)));
        c->fd = fd;
        c->after = open_conns;
        if (c->after) {
            c->after->before = c;
        }
        open_conns = c;
        connections++;
        accepted++;
        conn_watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}


static void
listen_watch(void)
{
    struct epoll_event  ev;

    ev.events = EPOLLIN;
    ev.data.ptr = &listen_fd;

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &ev) != 0) {
        die("epoll_ctl");
    }
}


static void
listen_again(int on)
{
    if (on && listen_fd < 0) {
        (void) provider_listen(own_port, &listen_fd);
        listen_watch();

    } else if (!on && listen_fd >= 0) {
        close(listen_fd);
        listen_fd = -1;
    }
}


static void
serve(int watch_stdin)
{
    int                  i, n, wait;
    char                 byte;
    conn_t              *c;
    int64_t              now;
    struct epoll_event   ev, events[256];

    listen_watch();

    ev.events = EPOLLIN;
    ev.data.ptr = &epoll_fd;
    if (watch_stdin && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &ev) != 0) {
        die("standard input");
    }

    while (!ended) {

        now = now_ms();
        wait = first ? (int) (first->due > now ? first->due - now : 0) : -1;
        n = epoll_wait(epoll_fd, events, 256, wait);

        for (i = 0; i < n; i++) {

            c = events[i].data.ptr;

            if ((void *) c == &listen_fd) {
                accept_all();

            } else if ((void *) c == &epoll_fd) {
                ended |= read(0, &byte, 1) <= 0;

            } else if (c->fd >= 0) {

                if (c->out && !c->waiting && (events[i].events & EPOLLOUT)) {
                    conn_send(c);
                }

                if (c->fd >= 0 && (events[i].events & ~EPOLLOUT)) {
                    conn_read(c);
                }
            }
        }

        for (now = now_ms(); first && first->due <= now; /* void */ ) {
            c = first;
            timer_remove(c);
            conn_send(c);
            conn_parse(c);
        }

        while (graves) {
            c = graves;
            graves = c->dead;
            free(c->in);
            free(c->out);
            free(c);
        }
    }
}


int
main(int argc, char **argv)
{
    int               i, watch_stdin;
    struct rlimit     limit;
    struct sigaction  action;

    if (argc < 2) {
        fprintf(stderr, "usage: provider PORT|PORT_FILE [--delay-ms N] "
                "[--mode MODE] [--stdin] [--log FILE]\n");
        return 2;
    }

    script = json_array();
    defaults = json_object();
    stubborn = json_object();
    answered = json_object();
    asked = json_object();
    traces = json_array();
    watch_stdin = 0;

    for (i = 2; i < argc; i++) {

        if (strcmp(argv[i], "--stdin") == 0) {
            watch_stdin = 1;

        } else if (strcmp(argv[i], "--delay-ms") == 0 && i + 1 < argc) {
            json_object_set_new(defaults, "delayMs",
                                json_integer(atoi(argv[++i])));

        } else if (strcmp(argv[i], "--mode") == 0 && i + 1 < argc) {
            json_object_set_new(defaults, "mode", json_string(argv[++i]));

        } else if (strcmp(argv[i], "--log") == 0 && i + 1 < argc) {
            if (provider_log_open(argv[++i]) != 0) {
                die(argv[i]);
            }

        } else {
            fprintf(stderr, "provider: invalid option \"%s\"\n", argv[i]);
            return 2;
        }
    }

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
    }

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    (void) sigaction(SIGTERM, &action, NULL);
    (void) sigaction(SIGINT, &action, NULL);
    (void) signal(SIGPIPE, SIG_IGN);

    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) {
        die("epoll_create");
    }

    own_port = provider_listen(atoi(argv[1]), &listen_fd);
    provider_tell_port(argv[1], own_port);
    serve(watch_stdin);

    return 0;
}
