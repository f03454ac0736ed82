
/*
 * The client of object storage, against a server that works out each signature
 * anew (t/lib/Assess/S3.pm).
 */

/* sources: engine/assess_header.c
   engine/assess_s3.c engine/assess_perform.c engine/assess_sockets.c
   base/assess_base.c */
/* libs: -lcurl -lcrypto */

#include "tap.h"
#include "server.h"

#include "../../ngx_assess_module/engine/assess_s3.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>


#define text(s)  { sizeof(s) - 1, (char *) (s) }


static char              dir[] = "/tmp/assess-s3-XXXXXX";
static char              endpoint[64];
static pid_t             server;
static assess_err_t      err;
static assess_buf_t      got;
static assess_s3_conf_t  conf = {
    .name = text("default"),
    .region = text("eu-test-1"),
    .access_key = text("ASSESSTESTKEY0000001"),
    .secret_key = text("wJalrXUtnFEMI/K7MDENG+bPxRfiCYzEXAMPLEKEY"),
    .connect_ms = 5000,
    .timeout_ms = 10000,
    .tries = 3
};


static int
start(void)
{
    int  port;

    if (mkdtemp(dir) == NULL) {
        return -1;
    }

    port = server_start(&server, "Assess::S3", dir, "docs", "more.docs");

    (void) snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", port);

    return port;
}


static void
fault(const char *what)
{
    server_fault(dir, what);
}


/* How often the server was asked, as its log has it */

static int
asked(const char *what)
{
    int    n;
    char   path[64], line[4096];
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s/requests", dir);
    f = fopen(path, "r");

    for (n = 0; f && fgets(line, sizeof(line), f); ) {
        n += strncmp(line, what, strlen(what)) == 0;
    }

    if (f) {
        fclose(f);
    }

    return n;
}


static int64_t
on_read(void *ctx, int64_t offset, char *buf, size_t size)
{
    memcpy(buf, (char *) ctx + offset, size);

    return (int64_t) size;
}


static int64_t
on_read_fail(void *ctx, int64_t offset, char *buf, size_t size)
{
    (void) ctx;
    (void) offset;
    (void) buf;
    (void) size;

    return -1;
}


static int  heads;

static assess_err_e
on_head(void *ctx, const assess_s3_object_t *object, assess_err_t *e)
{
    (void) e;

    *(assess_s3_object_t *) ctx = *object;
    heads++;

    return ASSESS_OK;
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
on_data_refuse(void *ctx, const char *data, size_t len, assess_err_t *e)
{
    (void) ctx;
    (void) data;
    (void) len;

    return assess_fail(e, ASSESS_CONFLICT, "mine", "no more");
}


static assess_s3_object_t  object;
static assess_s3_sink_t    sink = { on_head, on_data, &object };


static assess_err_e
put(assess_s3_t *s3, const char *bucket, const assess_str_t *key,
    const char *data, size_t len, const char *sha256)
{
    assess_s3_body_t  body = {
        .bytes = (int64_t) len, .sha256 = sha256,
        .content_type = "text/plain; charset=utf-8", .read = on_read,
        .ctx = (void *) data
    };

    return assess_s3_put(s3, bucket, key, &body, &err);
}


static assess_err_e
get(assess_s3_t *s3, const char *bucket, const assess_str_t *key,
    int64_t offset, int64_t size)
{
    heads = 0;
    assess_buf_reset(&got);
    memset(&object, 0, sizeof(object));

    return assess_s3_get(s3, bucket, key, offset, size, &sink, &err);
}


static void
test_keys(assess_s3_t *s3)
{
    size_t         i;
    assess_buf_t   path;

    static const assess_str_t  keys[] = {
        text("plain.txt"), text("a key with spaces.txt"), text("plus+plus"),
        text("100%"), text("%41"), text("Gr\xc3\xb6\xc3\x9f" "e.txt"),
        text("\xe6\x96\x87\xe4\xbb\xb6/\xf0\x9f\x93\x84"),
        text("a=b&c=d"), text("question?mark"), text("hash#tag"),
        text("(brackets)[]{}"), text("semi;colon:@$,!*'"),
        text("tilde~minus-under_score.dot"), text("deep/er/still"),
        text("double//slash"), text("/leading"), text("trailing/"),
        text("dots/../up"), text("./here"), text("back\\slash"),
        text("quote\"<>`^|"), text("tab\there"), text("\x80\xff bytes")
    };

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {

        ok(put(s3, "docs", &keys[i], keys[i].data, keys[i].len, NULL)
           == ASSESS_OK
           && get(s3, "docs", &keys[i], 0, -1) == ASSESS_OK
           && got.len == keys[i].len
           && memcmp(got.data, keys[i].data, got.len) == 0
           && assess_s3_delete(s3, "docs", &keys[i], &err) == ASSESS_OK
           && get(s3, "docs", &keys[i], 0, -1) == ASSESS_NOT_FOUND,
           "written, read and deleted: \"%s\"", keys[i].data);

        if (err.kind != ASSESS_NOT_FOUND) {
            printf("# %s\n", err.message);
        }
    }

    memset(&path, 0, sizeof(assess_buf_t));
    assess_s3_path(&path, &(assess_str_t) text("a b+c/\xc3\xbc~?"));
    is_str(path.data, "a%20b%2Bc/%C3%BC~%3F", "a key in a path");
    assess_buf_free(&path);
}


static void
test_reading(assess_s3_t *s3)
{
    char          *big;
    size_t         i, size;
    assess_str_t   key = text("big");
    assess_str_t   none = text("none");

    size = 3 * 1024 * 1024 + 17;
    big = malloc(size);

    for (i = 0; i < size; i++) {
        big[i] = (char) (i * 7 + i / 251);
    }

    is_int(put(s3, "docs", &key, big, size, NULL), ASSESS_OK,
           "megabytes are written");

    is_int(get(s3, "docs", &key, 0, -1), ASSESS_OK, "and read");
    ok(got.len == size && memcmp(got.data, big, size) == 0, "all of them");
    is_int(object.bytes, (long long) size, "the length comes first");
    is_str(object.content_type, "text/plain; charset=utf-8", "so does a type");
    ok(object.etag[0] == '"', "and a tag");
    is_int(heads, 1, "once");

    is_int(get(s3, "docs", &key, 1000, 17), ASSESS_OK, "a range");
    ok(got.len == 17 && memcmp(got.data, big + 1000, 17) == 0, "of so many");
    is_int(object.bytes, (long long) size, "of the whole");

    is_int(get(s3, "docs", &key, (int64_t) size - 5, -1), ASSESS_OK,
           "the end of it");
    ok(got.len == 5 && memcmp(got.data, big + size - 5, 5) == 0, "as it is");

    is_int(get(s3, "docs", &key, (int64_t) size, 10), ASSESS_IMPOSSIBLE,
           "nothing is behind it");
    is_int(get(s3, "docs", &key, 0, 0), ASSESS_IMPOSSIBLE, "nothing at all");

    fault("ignore 1");
    is_int(get(s3, "docs", &key, 1000, 17), ASSESS_FAILED,
           "a storage that knows no ranges");
    is_int((long long) got.len, 0, "gives nothing wrong");

    /* an interruption, and what follows is asked for alone */

    fault("cut 1500000 1");
    is_int(get(s3, "docs", &key, 0, -1), ASSESS_OK, "broken off and resumed");
    ok(got.len == size && memcmp(got.data, big, size) == 0, "without a seam");
    is_int(heads, 1, "told once");
    is_int(asked("GET /docs/big 206 bytes=1500000- if \""), 1,
           "from where it was, of the same object");

    fault("cut 1500000 1");
    is_int(get(s3, "docs", &key, 1000, 2000000), ASSESS_OK, "so is a range");
    ok(got.len == 2000000 && memcmp(got.data, big + 1000, 2000000) == 0,
       "as it is");

    sink.data = on_data_refuse;
    is_int(get(s3, "docs", &key, 0, -1), ASSESS_CONFLICT,
           "who takes it may refuse");
    is_str(err.message, "no more", "in words of its own");
    sink.data = on_data;

    is_int(assess_s3_head(s3, "docs", &key, &object, &err), ASSESS_OK,
           "asked about");
    is_int(object.bytes, (long long) size, "it has a length");
    is_int(assess_s3_head(s3, "docs", &none, &object, &err),
           ASSESS_NOT_FOUND, "or is not there");

    is_int(assess_s3_delete(s3, "docs", &none, &err), ASSESS_OK,
           "what is not there is deleted");
    is_int(assess_s3_delete(s3, "nobodys", &none, &err), ASSESS_NOT_FOUND,
           "not from a bucket that is not there");

    is_int(put(s3, "docs", &none, "", 0, NULL), ASSESS_OK, "an empty object");
    is_int(get(s3, "docs", &none, 0, -1), ASSESS_OK, "is read");
    ok(got.len == 0 && heads == 1 && object.bytes == 0, "and told of");

    free(big);
}


static void
test_sums(assess_s3_t *s3)
{
    assess_str_t  key = text("summed");

    is_int(put(s3, "docs", &key, "abc", 3,
               "ba7816bf8f01cfea414140de5dae2223"
               "b00361a396177a9cb410ff61f20015ad"),
           ASSESS_OK, "a body with its sum");

    is_int(put(s3, "docs", &key, "abd", 3,
               "ba7816bf8f01cfea414140de5dae2223"
               "b00361a396177a9cb410ff61f20015ad"),
           ASSESS_FAILED, "with another one's");
    ok(strstr(err.message, "403 SignatureDoesNotMatch") != NULL
       && strstr(err.message, conf.secret_key.data) == NULL,
       "is refused: %s", err.message);
}


static int  stops;

static int
on_stop(void *ctx)
{
    (void) ctx;

    return stops-- <= 0;
}


static void
test_failures(assess_s3_t *s3)
{
    int               n;
    int64_t           began;
    assess_s3_t      *other;
    assess_str_t      key = text("fails");
    assess_s3_conf_t  bad;

    assess_s3_body_t  body = { .bytes = 5, .read = on_read_fail };

    (void) put(s3, "docs", &key, "12345", 5, NULL);

    fault("503 2");
    is_int(get(s3, "docs", &key, 0, -1), ASSESS_OK, "tried again");

    fault("503 2");
    is_int(put(s3, "docs", &key, "54321", 5, NULL), ASSESS_OK, "written, too");
    is_int(get(s3, "docs", &key, 0, -1), ASSESS_OK, "and is there");
    is_str(got.data, "54321", "as it was sent");

    n = asked("GET /docs/fails 503");
    fault("503 9");
    is_int(get(s3, "docs", &key, 0, -1), ASSESS_UNAVAILABLE, "not for ever");
    is_str(err.code, "s3_unavailable", "unavailable");
    ok(strstr(err.message, "503 SlowDown") != NULL, "%s", err.message);
    is_int(asked("GET /docs/fails 503") - n, 3, "three times");
    fault("503 0");

    is_int(assess_s3_put(s3, "docs", &key, &body, &err), ASSESS_ERROR,
           "what cannot be read is not stored");
    is_int(get(s3, "docs", &key, 0, -1), ASSESS_OK, "what was there");
    is_str(got.data, "54321", "stays");

    is_int(get(s3, "nobodys", &key, 0, -1), ASSESS_NOT_FOUND, "no bucket");
    is_str(err.message, "there is no bucket \"nobodys\"", "is said");
    is_int(get(s3, "Bad", &key, 0, -1), ASSESS_IMPOSSIBLE, "no name of one");
    is_int(get(s3, "docs", &(assess_str_t) text(""), 0, -1),
           ASSESS_IMPOSSIBLE, "no key");

    bad = conf;
    bad.secret_key = (assess_str_t) text("another");
    other = assess_s3_create(&bad);
    is_int(get(other, "docs", &key, 0, -1), ASSESS_FAILED, "a wrong secret");
    ok(strcmp(err.code, "s3_refused") == 0
       && strstr(err.message, "403 SignatureDoesNotMatch") != NULL,
       "is named: %s", err.message);
    assess_s3_destroy(other);

    bad = conf;
    bad.endpoint = (assess_str_t) text("http://127.0.0.1:1");
    bad.tries = 1;
    other = assess_s3_create(&bad);
    is_int(get(other, "docs", &key, 0, -1), ASSESS_UNAVAILABLE, "nobody there");
    assess_s3_destroy(other);

    bad = conf;
    bad.timeout_ms = 300;
    bad.tries = 1;
    other = assess_s3_create(&bad);
    fault("hang 1");
    is_int(get(other, "docs", &key, 0, -1), ASSESS_UNAVAILABLE, "no answer");
    is_str(err.code, "s3_timeout", "in time");
    assess_s3_destroy(other);

    other = assess_s3_create(&conf);
    stops = 3;
    assess_s3_watch(other, on_stop, NULL);
    fault("hang 1");
    began = assess_mono_ms();
    is_int(get(other, "docs", &key, 0, -1), ASSESS_STOPPING, "broken off");
    ok(assess_mono_ms() - began < 5000, "at once");

    stops = 3;
    fault("503 9");
    is_int(get(other, "docs", &key, 0, -1), ASSESS_STOPPING,
           "between two tries, too");
    fault("503 0");
    assess_s3_destroy(other);
}


static void
test_styles(int port)
{
    char              host[64];
    assess_s3_t      *s3;
    assess_str_t      key = text("where am i?");
    assess_s3_conf_t  other;

    (void) snprintf(host, sizeof(host), "http://localhost:%d", port);

    other = conf;
    other.endpoint.data = host;
    other.endpoint.len = strlen(host);
    other.virtual_host = 1;

    s3 = assess_s3_create(&other);

    is_int(put(s3, "docs", &key, "here", 4, NULL), ASSESS_OK,
           "the bucket in the name of the host");
    is_int(get(s3, "docs", &key, 0, -1), ASSESS_OK, "is read");
    is_int(asked("PUT /where%20am%20i%3F 200"), 1, "by a path without it");

    assess_s3_destroy(s3);

    other = conf;
    other.session_token = (assess_str_t) text("token/of+session==");
    s3 = assess_s3_create(&other);
    is_int(get(s3, "docs", &key, 0, -1), ASSESS_OK,
           "the token of a session is signed, too");
    assess_s3_destroy(s3);
}


static void
test_names(void)
{
    size_t  i;

    static const struct {
        const char  *name;
        int          valid;
    } names[] = {
        { "docs", 1 }, { "a.b-c1", 1 }, { "abc", 1 }, { "ab", 0 }, { "", 0 },
        { "-ab", 0 }, { "ab-", 0 }, { ".ab", 0 }, { "ab.", 0 }, { "a..b", 0 },
        { "Abc", 0 }, { "a_b", 0 }, { "a/b", 0 }, { "a b", 0 }, { "a%b", 0 },
        { "0123456789012345678901234567890123456789012345678901234567890123",
          0 }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        is_int(assess_s3_bucket_valid(names[i].name, strlen(names[i].name)),
               names[i].valid, names[i].name);
    }
}


int
main(void)
{
    int           port, status;
    char          command[64];
    assess_s3_t  *s3;

    (void) curl_global_init(CURL_GLOBAL_DEFAULT);

    port = start();

    if (!ok(port > 0, "a storage to test against")) {
        return done_testing();
    }

    conf.endpoint.data = endpoint;
    conf.endpoint.len = strlen(endpoint);

    s3 = assess_s3_create(&conf);

    test_names();
    test_keys(s3);
    test_reading(s3);
    test_sums(s3);
    test_failures(s3);
    test_styles(port);

    assess_s3_destroy(s3);
    assess_buf_free(&got);

    (void) kill(server, SIGTERM);
    (void) waitpid(server, &status, 0);

    (void) snprintf(command, sizeof(command), "rm -rf %s", dir);
    is_int(system(command), 0, "cleared away");

    return done_testing();
}
