
/*
 * Fetching a document from a server that behaves, and does not
 * (t/lib/Assess/Source.pm), by names that mean now this address and now that.
 */

/* sources: engine/assess_header.c
   engine/assess_fetch.c engine/assess_source.c
   engine/assess_address.c engine/assess_s3.c engine/assess_perform.c
   engine/assess_sockets.c engine/assess_multipart.c base/assess_base.c */
/* libs: -lcurl -lm */

#include "tap.h"
#include "server.h"

#include "../../ngx_assess_module/engine/assess_fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>


#define TEXT  "The fire exits are checked each week.\n"


static char                  dir[] = "/tmp/assess-w-XXXXXX";
static int                   port;
static int                   looked_up, stops;
static pid_t                 server;
static assess_buf_t          got;
static assess_err_t          err;
static assess_net_t          nets[1];
static assess_arena_t       *arena;
static assess_fetched_t      fetched;
static assess_source_conf_t  conf;
static assess_source_rule_t  rules[5];


/*
 * What libcurl calls is this one.  rebind.test is 127.0.0.2, where a server is
 * allowed, the first time, and 127.0.0.1 from then on; both.test is both.
 */

int
getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **res)
{
    int               rc;
    struct addrinfo  *more;

    static int  (*real)(const char *, const char *, const struct addrinfo *,
        struct addrinfo **);

    if (real == NULL) {
        real = (int (*)(const char *, const char *, const struct addrinfo *,
                        struct addrinfo **)) dlsym(RTLD_NEXT, "getaddrinfo");
    }

    if (strcmp(node, "rebind.test") == 0) {
        return real(__atomic_fetch_add(&looked_up, 1, __ATOMIC_SEQ_CST)
                    ? "127.0.0.1" : "127.0.0.2", service, hints, res);
    }

    if (strcmp(node, "both.test") == 0) {
        rc = real("127.0.0.1", service, hints, res);

        if (rc == 0 && real("127.0.0.2", service, hints, &more) == 0) {
            (*res)->ai_next = more;
        }

        return rc;
    }

    if (strcmp(node, "metadata.test") == 0) {
        return real("169.254.169.254", service, hints, res);
    }

    return real(node, service, hints, res);
}


static int
start(void)
{
    return mkdtemp(dir) == NULL
           ? -1 : server_start(&server, "Assess::Source", dir, "127.0.0.2",
                               "127.0.0.1");
}


/* How often this is in one of the server's files */

static int
seen(const char *file, const char *what)
{
    int     n;
    char    path[64], line[4096];
    FILE   *f;

    (void) snprintf(path, sizeof(path), "%s/%s", dir, file);
    f = fopen(path, "r");

    for (n = 0; f && fgets(line, sizeof(line), f); ) {
        n += strstr(line, what) != NULL;
    }

    if (f) {
        fclose(f);
    }

    return n;
}


static assess_err_e
on_data(void *ctx, const char *data, size_t len, assess_err_t *e)
{
    (void) ctx;
    (void) e;

    assess_buf_add(&got, data, len);

    return ASSESS_OK;
}


static assess_err_e
on_data_full(void *ctx, const char *data, size_t len, assess_err_t *e)
{
    (void) ctx;
    (void) data;
    (void) len;

    return assess_fail(e, ASSESS_UNAVAILABLE, NULL, "the disk is full");
}


static int
on_stop(void *ctx)
{
    (void) ctx;

    return stops && --stops == 0;
}


static assess_fetch_t  fetch = { &conf, 100000, 0, on_stop, on_data, NULL };


static int
from(const char *host, const char *path, int64_t ms)
{
    char             url[2048];
    assess_str_t     text;
    assess_source_t  source;

    (void) snprintf(url, sizeof(url), "http://%s:%d%s", host, port, path);

    text.data = url;
    text.len = strlen(url);
    fetch.until = assess_mono_ms() + ms;
    err.message[0] = '\0';
    err.code = NULL;

    assess_buf_reset(&got);

    if (assess_source_read(arena, &text, NULL, &source, &err) != ASSESS_OK
        || assess_source_allowed(&conf, &source, &err) != ASSESS_OK)
    {
        printf("# %s: %s\n", url, err.message);
        return -1;
    }

    return (int) assess_fetch(arena, &fetch, &source, &fetched, &err);
}


static int
get(const char *path)
{
    return from("127.0.0.2", path, 20000);
}


static void
is_text(const char *path, const char *name)
{
    int  rc;

    rc = get(path);
    ok(rc == ASSESS_OK && got.data && strcmp(got.data, TEXT) == 0
       && fetched.bytes == (int64_t) got.len, "%s", name);

    if (rc != ASSESS_OK) {
        printf("# %d %s\n", rc, err.message);
    }
}


static void
test_good(void)
{
    is_text("/text", "a document");
    is_str(fetched.content_type.data, "text/plain", "its type");
    is_str(fetched.filename.data, "text", "its name, of the path");

    is_int(seen("heads", "Authorization"), 0, "no credentials are sent");
    is_int(seen("heads", "Cookie"), 0, "no cookies");
    is_int(seen("heads", "Referer"), 0, "no origin");
    ok(seen("heads", "Accept-Encoding: identity") > 0, "nothing compressed");

    is_text("/named", "one with a name");
    is_str(fetched.filename.data, "Gr\xc3\xb6\xc3\x9f" "e.txt", "takes it");
    is_text("/badly/named", "one with a path for a name");
    ok(fetched.filename.data == NULL, "has none");
    is_text("/worse/named.txt", "one with a name that cannot be read");
    is_str(fetched.filename.data, "named.txt", "has that of its path");

    is_text("/untyped", "one without a type");
    ok(fetched.content_type.data == NULL, "has none");
    is_text("/identity", "one that is encoded as it is");

    is_int(get("/empty"), ASSESS_OK, "an empty one");
    is_int(fetched.bytes, 0, "has no bytes");

    is_int(get("/length/100000"), ASSESS_OK, "just so long");
    is_int(fetched.bytes, 100000, "comes whole");
    is_int(get("/chunked/100000"), ASSESS_OK, "in chunks");
    is_int(fetched.bytes, 100000, "too");
}


static void
test_redirects(void)
{
    int   n;
    char  path[256];

    is_text("/hops/5", "five redirections");
    is_str(fetched.filename.data, "text", "its name is that of the last");

    is_int(get("/hops/6"), ASSESS_IMPOSSIBLE, "not six");
    is_str(err.message, "the source redirects more than 5 times", "in words");
    n = seen("requests", " /loop");
    is_int(get("/loop"), ASSESS_IMPOSSIBLE, "nor for ever");
    is_int(seen("requests", " /loop") - n, 6, "six requests");

    is_text("/redirect/301//text", "301");
    is_text("/redirect/303//text", "303");
    is_text("/redirect/307//text", "307");
    is_text("/redirect/308//text", "308");
    is_text("/redirect/long", "one with a body, which nobody reads");

    is_int(get("/redirect/300//text"), ASSESS_IMPOSSIBLE, "not 300");
    is_int(get("/redirect/304//text"), ASSESS_IMPOSSIBLE, "not 304");
    is_int(get("/redirect/302/"), ASSESS_IMPOSSIBLE, "not to nowhere");

    is_int(get("/redirect/302/ftp:%2f%2flocalhost/x"), ASSESS_IMPOSSIBLE,
           "not by FTP");
    is_int(get("/redirect/302/file:%2f%2f%2fetc%2fpasswd"), ASSESS_IMPOSSIBLE,
           "not to a file");

    is_int(get("/redirect/302/http:%2f%2felsewhere.test%2f"),
           ASSESS_FORBIDDEN, "not to another host");
    ok(strstr(err.message, "http://elsewhere.test:80") != NULL, "which is "
       "named: %s", err.message);

    n = seen("requests", "127.0.0.1 ");

    (void) snprintf(path, sizeof(path),
                    "/redirect/302/http:%%2f%%2flocalhost:%d%%2ftext", port);
    is_int(get(path), ASSESS_FORBIDDEN, "not to this machine, by its name");
    ok(strstr(err.message, "localhost is not on the public internet") != NULL,
       "in words: %s", err.message);

    (void) snprintf(path, sizeof(path),
                    "/redirect/302/http:%%2f%%2f2130706433:%d%%2ftext", port);
    is_int(get(path), ASSESS_FORBIDDEN, "nor by a number");

    (void) snprintf(path, sizeof(path), "/redirect/302/http:%%2f%%2f[::ffff:"
                    "127.0.0.1]:%d%%2ftext", port);
    is_int(get(path), ASSESS_FORBIDDEN, "nor by IPv6");

    is_int(seen("requests", "127.0.0.1 ") - n, 0, "nobody asked there");
}


static void
test_addresses(void)
{
    int   n;
    char  path[256];

    n = seen("requests", "127.0.0.1 ");

    is_int(from("localhost", "/text", 20000), ASSESS_FORBIDDEN,
           "an allowed name with a private address");
    is_int(from("metadata.test", "/text", 20000), ASSESS_FORBIDDEN,
           "with a link-local one");
    is_int(from("both.test", "/text", 20000), ASSESS_FORBIDDEN,
           "with one that is not allowed, and one that is");

    /* the address is another one when it counts */

    looked_up = 0;
    is_int(from("rebind.test", "/text", 20000), ASSESS_OK,
           "a name that is allowed");
    is_int(looked_up, 1, "is looked up once");

    looked_up = 0;
    (void) snprintf(path, sizeof(path),
                    "/redirect/302/http:%%2f%%2frebind.test:%d%%2ftext",
                    port);
    is_int(from("rebind.test", path, 20000), ASSESS_FORBIDDEN,
           "and another one the next time");
    is_int(looked_up, 2, "when it is looked up anew");

    is_int(seen("requests", "127.0.0.1 ") - n, 0, "nobody asked there");

    /* what is in the environment leads nowhere else */

    (void) snprintf(path, sizeof(path), "http://127.0.0.1:%d", port);
    (void) setenv("http_proxy", path, 1);
    (void) setenv("ALL_PROXY", path, 1);
    is_text("/text", "without a proxy");
    is_int(seen("requests", "127.0.0.1 ") - n, 0, "nobody asked there");
    (void) unsetenv("http_proxy");
    (void) unsetenv("ALL_PROXY");
}


static void
test_bad(void)
{
    int64_t  began;

    is_int(get("/status/404"), ASSESS_IMPOSSIBLE, "404");
    ok(strstr(err.message, "404") != NULL, "is named: %s", err.message);
    is_int(get("/status/401"), ASSESS_IMPOSSIBLE, "401");
    is_int(get("/part"), ASSESS_IMPOSSIBLE, "a part of it");
    is_int(get("/status/500"), ASSESS_UPSTREAM, "500");
    is_int(get("/status/503"), ASSESS_UPSTREAM, "503");
    is_int((long long) got.len, 0, "no body of those is taken");

    is_int(get("/cut"), ASSESS_UPSTREAM, "less than it says");
    is_int(get("/bomb"), ASSESS_IMPOSSIBLE, "compressed");
    is_int((long long) got.len, 0, "nothing is unpacked");

    is_int(get("/length/100001"), ASSESS_TOO_LARGE, "longer than it may be");
    is_int((long long) got.len, 0, "is told by its length");
    is_int(get("/chunked/100001"), ASSESS_TOO_LARGE, "or by its bytes");
    ok(got.len <= 100000, "of which no more are taken");
    is_int(get("/endless"), ASSESS_TOO_LARGE, "that never end");
    is_int(get("/headers"), ASSESS_IMPOSSIBLE, "headers that never end");

    fetch.max = 0;
    is_int(get("/length/200000"), ASSESS_OK, "without a limit");
    fetch.max = 100000;

    began = assess_mono_ms();
    is_int(from("127.0.0.2", "/hang", 300), ASSESS_LATE, "no answer");
    is_int(from("127.0.0.2", "/slow", 300), ASSESS_LATE, "too slow for it");
    ok(assess_mono_ms() - began < 5000, "in time");

    conf.stall_ms = 1000;
    is_int(get("/slow"), ASSESS_LATE, "too slow at all");
    conf.stall_ms = 15000;

    began = assess_mono_ms();
    stops = 3;
    is_int(get("/hang"), ASSESS_STOPPING, "broken off");
    stops = 3;
    is_int(get("/slow"), ASSESS_STOPPING, "in the middle, too");
    ok(assess_mono_ms() - began < 5000, "at once");
    stops = 0;

    fetch.data = on_data_full;
    is_int(get("/text"), ASSESS_UNAVAILABLE, "who takes it may refuse");
    is_str(err.message, "the disk is full", "in words of its own");
    fetch.data = on_data;

    is_int(from("nobody.invalid", "/text", 20000), ASSESS_UPSTREAM,
           "a name that is none");
}


int
main(void)
{
    int                  status;
    char                 command[64];
    size_t               i;

    static const char *const  hosts[] = {
        "127.0.0.2", "localhost", "127.0.0.1", "[::ffff:127.0.0.1]",
        "nobody.invalid"
    };

    static assess_source_rule_t  tests = {
        .host = assess_str("test"), .below = 1
    };

    assess_source_rule_t  all[6];

    (void) curl_global_init(CURL_GLOBAL_DEFAULT);

    arena = assess_arena_create();
    port = start();

    if (!ok(port > 0, "a server to fetch from")) {
        return done_testing();
    }

    for (i = 0; i < 5; i++) {
        char          text[64];
        assess_str_t  rule, copy;

        rule.len = (size_t) snprintf(text, sizeof(text), "http://%s:*",
                                     hosts[i]);
        (void) assess_pstrdup(arena, &copy, text, rule.len);
        (void) assess_source_rule(&copy, &rules[i]);
        all[i] = rules[i];
    }

    tests.scheme = rules[0].scheme;
    tests.port = port;
    all[5] = tests;

    (void) assess_net_parse("127.0.0.2", nets);

    conf.rules = all;
    conf.nrules = 6;
    conf.nets = nets;
    conf.nnets = 1;
    conf.connect_ms = 5000;
    conf.timeout_ms = 20000;
    conf.stall_ms = 15000;

    test_good();
    test_redirects();
    test_addresses();
    test_bad();

    assess_arena_destroy(arena);
    assess_buf_free(&got);

    (void) kill(server, SIGTERM);
    (void) waitpid(server, &status, 0);

    (void) snprintf(command, sizeof(command), "rm -rf %s", dir);
    is_int(system(command), 0, "cleared away");

    return done_testing();
}
