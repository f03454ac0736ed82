
/* What webhooks are signed with, whom they may go to, how long they wait. */

/* sources: engine/assess_webhook.c engine/assess_source.c
   engine/assess_address.c engine/assess_s3.c engine/assess_header.c
   engine/assess_perform.c engine/assess_sockets.c engine/assess_courier.c
   engine/assess_smtp.c engine/assess_email.c base/assess_json.c
   base/assess_base.c */
/* libs: -lcurl -lcrypto -lm */

#include "tap.h"

#include "../../ngx_assess_module/engine/assess_courier.h"

#include <stdlib.h>


/* The example that the libraries of Standard Webhooks are tested with */
#define SECRET     "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID         "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define TIMESTAMP  1614265330
#define BODY       "{\"test\": 2432232314}"
#define SIGNATURE  "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

/* base64 of bytes that are all the same */
#define A9   "QUFBQUFBQUFB"
#define A24  "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"


static assess_arena_t  *arena;
static assess_err_t     err;


static assess_str_t
str(const char *text)
{
    assess_str_t  s;

    s.data = (char *) text;
    s.len = strlen(text);

    return s;
}


static void
test_signature(void)
{
    assess_buf_t             b;
    assess_str_t             text, body;
    assess_webhook_secret_t  secrets[2];

    memset(&b, 0, sizeof(b));
    body = str(BODY);

    text = str(SECRET);
    ok(assess_webhook_secret(&text, &secrets[0]) == NULL, "a secret");
    is_int(secrets[0].len, 24, "of 24 bytes");

    assess_webhook_sign(&b, secrets, 1, ID, TIMESTAMP, &body);
    is_str(b.data, SIGNATURE, "the signature that all have");

    text = str("whsec_" A24);
    ok(assess_webhook_secret(&text, &secrets[1]) == NULL, "another one");

    assess_buf_reset(&b);
    assess_webhook_sign(&b, secrets, 2, ID, TIMESTAMP, &body);
    ok(strncmp(b.data, SIGNATURE " v1,", sizeof(SIGNATURE) + 3) == 0,
       "of two secrets two signatures, the first one's first");
    is_int(b.len, 2 * (sizeof(SIGNATURE) - 1) + 1, "and no more");

    assess_buf_free(&b);
}


static void
test_secrets(void)
{
    size_t                   i;
    assess_str_t             text;
    assess_webhook_secret_t  secret;

    static const char *const  good[] = {
        "whsec_" A24, "whsec_" A24 "QQ==", "whsec_" A24 "QUE=",
        "whsec_" A24 A24 A9 "QUFBQUFBQQ=="
    };

    static const char *const  bad[] = {
        "", "whsec_", "WHSEC_" A24, A24, "whsec_" A9, "whsec_" A24 "Q",
        "whsec_" A24 "QR==", "whsec_" A24 "====", "whsec_ " A24,
        "whsec_" A24 " ", "whsec_" A24 "Q-_=", "whsec_" A24 "=UFB",
        "whsec_" A24 A24 A9 "QUFBQUFBQUE=", "whsec_" A24 A24 A24 A24,
        "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        text = str(good[i]);
        ok(assess_webhook_secret(&text, &secret) == NULL, "%s", good[i]);
        is_int(secret.len, (long long) i < 3 ? 24 + (long long) i : 64,
               "its length");
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        text = str(bad[i]);
        ok(assess_webhook_secret(&text, &secret) != NULL, "not \"%s\"",
           bad[i]);
    }
}


static assess_err_e
url(const char *text, const assess_net_t *nets, size_t n)
{
    assess_str_t     s;
    assess_source_t  source;

    s = str(text);

    return assess_webhook_url(arena, &s, nets, n, &source, &err);
}


static void
test_urls(void)
{
    size_t        i;
    assess_net_t  nets[2];

    static const char *const  good[] = {
        "https://example.net/hook?key=1", "http://example.net", "HTTPS://A.B/",
        "http://1.1.1.1:8080/", "http://[2606:4700::1111]/", "http://intranet/"
    };

    static const char *const  bad[] = {
        "", "http", "http://", "http:///x", "ftp://example.net/",
        "s3://bucket/key", "file:///etc/passwd", "//example.net/",
        "http://u@example.net/", "http://u:p@example.net/",
        "http://example.net:0/", "http://exa mple/", "smtp://example.net/",
        "javascript:alert(1)"
    };

    static const char *const  private[] = {
        "http://127.0.0.1/", "http://localhost/", "https://LOCALHOST./x",
        "http://x.localhost:81/", "http://10.0.0.1/", "http://192.168.1.1/",
        "http://0/", "http://127.1/", "http://2130706433/",
        "http://0x7f000001/", "http://017700000001/", "http://[::1]/",
        "http://[::ffff:10.0.0.1]/", "http://[fe80::1%25eth0]/",
        "http://[fd00::1]/", "http://169.254.169.254/latest"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        is_int(url(good[i], NULL, 0), ASSESS_OK, good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(url(bad[i], NULL, 0), ASSESS_INVALID, bad[i]);
    }

    for (i = 0; i < sizeof(private) / sizeof(private[0]); i++) {
        is_int(url(private[i], NULL, 0), ASSESS_IMPOSSIBLE, private[i]);
    }

    ok(assess_net_parse("127.0.0.0/8", &nets[0]) == 0
       && assess_net_parse("fd00::/8", &nets[1]) == 0, "two networks");
    is_int(url("http://localhost:9/", nets, 2), ASSESS_OK, "one is allowed");
    is_int(url("http://[fd00::1]/", nets, 2), ASSESS_OK, "so is the other");
    is_int(url("http://10.0.0.1/", nets, 2), ASSESS_IMPOSSIBLE, "no more");
}


static void
test_answers(void)
{
    is_int(assess_webhook_answer(200), ASSESS_WEBHOOK_TAKEN, "200");
    is_int(assess_webhook_answer(204), ASSESS_WEBHOOK_TAKEN, "204");
    is_int(assess_webhook_answer(410), ASSESS_WEBHOOK_GONE, "410");
    is_int(assess_webhook_answer(429), ASSESS_WEBHOOK_LATER, "429");
    is_int(assess_webhook_answer(503), ASSESS_WEBHOOK_LATER, "503");
    is_int(assess_webhook_answer(301), ASSESS_WEBHOOK_AGAIN, "301");
    is_int(assess_webhook_answer(404), ASSESS_WEBHOOK_AGAIN, "404");
    is_int(assess_webhook_answer(500), ASSESS_WEBHOOK_AGAIN, "500");
    is_int(assess_webhook_answer(0), ASSESS_WEBHOOK_AGAIN, "none");
}


static void
test_waits(void)
{
    int      tries, good;
    int64_t  shortest, longest;

    good = 1;

    for (tries = 1; tries < 40; tries++) {

        shortest = assess_courier_wait(tries, 5000, -1, 0);
        longest = assess_courier_wait(tries, 5000, -1, UINT32_MAX);

        good &= shortest >= 2500 && shortest <= ASSESS_COURIER_WAIT / 2;
        good &= longest >= shortest && longest <= ASSESS_COURIER_WAIT;
    }

    ok(good, "waits grow, and are bounded");
    is_int(assess_courier_wait(1, 5000, -1, 0), 2500, "half of the first");
    is_int(assess_courier_wait(3, 5000, -1, 0), 10000, "doubled twice");
    is_int(assess_courier_wait(2000000000, 5000, -1, 0),
           ASSESS_COURIER_WAIT / 2, "after ever so many tries");
    is_int(assess_courier_wait(1, 5000, 20000, 0), 20000, "what is asked for");
    is_int(assess_courier_wait(1, 5000, 20000, 5000), 25000,
           "and up to a quarter more");
    is_int(assess_courier_wait(1, 5000, INT64_MAX, 0), ASSESS_COURIER_WAIT,
           "but not for ever");
    is_int(assess_courier_wait(9, 5000, 0, 7), 0, "also at once");
}


int
main(void)
{
    arena = assess_arena_create();

    test_signature();
    test_secrets();
    test_urls();
    test_answers();
    test_waits();

    assess_arena_destroy(arena);

    return done_testing();
}
