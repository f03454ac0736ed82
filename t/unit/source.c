
/* From where documents may be fetched: addresses, rules, URLs, file names. */

/* sources: engine/assess_source.c engine/assess_address.c engine/assess_s3.c
   engine/assess_header.c engine/assess_perform.c engine/assess_sockets.c
   engine/assess_multipart.c base/assess_base.c */
/* libs: -lcurl -lm */

#include "tap.h"

#include "../../ngx_assess_module/engine/assess_multipart.h"
#include "../../ngx_assess_module/engine/assess_source.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/un.h>


static assess_arena_t  *arena;
static assess_err_t     err;


static int
allowed(const char *text, const assess_net_t *nets, size_t n)
{
    struct sockaddr_in   v4 = { .sin_family = AF_INET };
    struct sockaddr_in6  v6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        return assess_address_allowed((struct sockaddr *) &v4, nets, n);
    }

    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        return assess_address_allowed((struct sockaddr *) &v6, nets, n);
    }

    return -1;
}


static void
test_addresses(void)
{
    size_t          i;
    assess_net_t    nets[3];
    struct sockaddr_un  local = { .sun_family = AF_UNIX };

    static const char *const  public[] = {
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255",
        "100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255",
        "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.1",
        "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
        "198.20.0.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
        "2606:4700::1111", "2001:200::1", "2a00::1", "3ffe:ffff::1",
        "::ffff:1.1.1.1", "64:ff9b::808:808"
    };

    static const char *const  refused[] = {
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1",
        "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1",
        "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255",
        "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255",
        "240.0.0.1", "255.255.255.255",
        "::", "::1", "::2", "::7f00:1", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "100::1", "fc00::1",
        "fd12:3456::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1",
        "2001::1", "2001:0:7f00:1::", "2001:20::1", "2001:db8::1",
        "2002:7f00:1::1", "2002:808:808::1", "3fff::1", "5f00::1", "4000::1"
    };

    static const char *const  no_nets[] = {
        "", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "fd00::/129",
        "fd00::1/8", "localhost", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8x",
        "10.0.0.0/ 8", "10.0.0.0/0008", "::ffff:10.0.0.0/8"
    };

    for (i = 0; i < sizeof(public) / sizeof(public[0]); i++) {
        is_int(allowed(public[i], NULL, 0), 1, public[i]);
    }

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        is_int(allowed(refused[i], NULL, 0), 0, refused[i]);
    }

    is_int(assess_address_allowed((struct sockaddr *) &local, NULL, 0), 0,
           "what is no address of the internet");

    for (i = 0; i < sizeof(no_nets) / sizeof(no_nets[0]); i++) {
        is_int(assess_net_parse(no_nets[i], nets), -1, no_nets[i]);
    }

    is_int(assess_net_parse("127.0.0.2", &nets[0]), 0, "an address");
    is_int(assess_net_parse("10.32.0.0/11", &nets[1]), 0, "a network");
    is_int(assess_net_parse("fd12::/16", &nets[2]), 0, "of IPv6");

    is_int(allowed("127.0.0.2", nets, 3), 1, "is allowed");
    is_int(allowed("::ffff:127.0.0.2", nets, 3), 1, "however it is written");
    is_int(allowed("127.0.0.1", nets, 3), 0, "and no other one");
    is_int(allowed("10.63.255.255", nets, 3), 1, "to its end");
    is_int(allowed("10.64.0.0", nets, 3), 0, "and not behind it");
    is_int(allowed("fd12:ffff::1", nets, 3), 1, "so is one of IPv6");
    is_int(allowed("fd13::1", nets, 3), 0, "and not behind it");
    is_int(allowed("8.8.8.8", nets, 3), 1, "what is public stays so");

    is_int(assess_net_parse("0.0.0.0/0", &nets[0]), 0, "all of IPv4");
    is_int(allowed("127.0.0.1", nets, 1), 1, "is all of it");
    is_int(allowed("::1", nets, 1), 0, "and not of IPv6");
}


static int
source(const char *text, assess_source_t *s)
{
    assess_str_t  str;

    str.len = strlen(text);
    str.data = (char *) text;

    return (int) assess_source_read(arena, &str, NULL, s, &err);
}


static void
test_urls(void)
{
    char             longer[3000];
    size_t           i;
    assess_str_t     to;
    assess_source_t  s, next;

    static const struct {
        const char  *url;
        const char  *scheme;
        const char  *host;
        int          port;
        const char  *name;
    } good[] = {
        { "https://example.org/a/b.pdf", "https", "example.org", 443,
          "b.pdf" },
        { "HTTP://Example.ORG:8080/", "http", "example.org", 8080, NULL },
        { "https://example.org", "https", "example.org", 443, NULL },
        { "https://example.org./x", "https", "example.org", 443, "x" },
        { "https://example.org/a%20b.pdf?x=/y#z", "https", "example.org", 443,
          "a b.pdf" },
        { "https://example.org/gr\xc3\xb6n.txt", "https", "example.org", 443,
          "gr\xc3\xb6n.txt" },
        { "http://127.0.0.1/x", "http", "127.0.0.1", 80, "x" },
        { "http://2130706433/x", "http", "127.0.0.1", 80, "x" },
        { "http://0x7f.1/x", "http", "127.0.0.1", 80, "x" },
        { "http://017700000001/x", "http", "127.0.0.1", 80, "x" },
        { "http://[::1]:81/x", "http", "[::1]", 81, "x" },
        { "http://%65xample.org/x", "http", "example.org", 80, "x" }
    };

    static const char *const  bad[] = {
        "", "example.org/x", "ftp://example.org/x", "file:///etc/passwd",
        "gopher://example.org/", "https:/example.org/", "https:///x",
        "https://", "https://me@example.org/", "https://me:pw@example.org/",
        "https://:pw@example.org/", "https://a b/", "https://ex\tample.org/",
        "https://example.org:0/", "https://example.org:99999/",
        "https://example.org:x/", "https://exa%00mple.org/", "https://a/\x01",
        "https://b\xc3\xbc" "cher.example/", "https://a%2fb/", "https://.a/",
        "https://[::1/", "https://[g]/", "javascript:alert(1)",
        "https://a\\@b/", "s3://", "s3://docs", "s3://docs/", "s3:///key",
        "s3://Docs/key", "s3://d/key", "s3://docs/a\nb", "s3:docs/key",
        "s3://a@docs/key"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {

        ok(source(good[i].url, &s) == ASSESS_OK
           && strcmp(s.scheme, good[i].scheme) == 0
           && strcmp(s.host.data, good[i].host) == 0
           && s.port == good[i].port
           && (good[i].name ? s.name.data
                              && strcmp(s.name.data, good[i].name) == 0
                            : s.name.data == NULL),
           "%s", good[i].url);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(source(bad[i], &s) == ASSESS_INVALID, "refused: \"%s\"", bad[i]);
    }

    memset(longer, 'x', sizeof(longer));
    memcpy(longer, "https://example.org/", 20);
    longer[2049] = '\0';
    is_int(source(longer, &s), ASSESS_INVALID, "one that is too long");
    longer[2048] = '\0';
    is_int(source(longer, &s), ASSESS_OK, "one that is not");

    (void) source("https://example.org/a?b#c", &s);
    is_str(s.url.data, "https://example.org/a?b", "no fragment is sent");

    is_int(source("s3://docs/a b/+%41?#\xc3\xbc.pdf", &s), ASSESS_OK,
           "an object");
    is_str(s.host.data, "docs", "its bucket");
    is_str(s.key.data, "a b/+%41?#\xc3\xbc.pdf", "its key, as it is");
    is_str(s.name.data, "+%41?#\xc3\xbc.pdf", "the name of its file");

    /* where a redirection leads */

    (void) source("https://example.org/a/b", &s);

    to = (assess_str_t) assess_str("../c");
    is_int(assess_source_read(arena, &to, &s, &next, &err), ASSESS_OK,
           "relative");
    is_str(next.url.data, "https://example.org/c", "to where it was");

    to = (assess_str_t) assess_str("//other.org/x");
    is_int(assess_source_read(arena, &to, &s, &next, &err), ASSESS_OK,
           "to another host");
    is_str(next.host.data, "other.org", "of the same scheme");

    to = (assess_str_t) assess_str("file:///etc/passwd");
    is_int(assess_source_read(arena, &to, &s, &next, &err), ASSESS_INVALID,
           "not to a file");

    to = (assess_str_t) assess_str("s3://docs/key");
    is_int(assess_source_read(arena, &to, &s, &next, &err), ASSESS_INVALID,
           "not to a bucket");

    to = (assess_str_t) assess_str("https://me:pw@example.org/");
    is_int(assess_source_read(arena, &to, &s, &next, &err), ASSESS_INVALID,
           "not with a password");
}


static void
test_rules(void)
{
    char                  text[16][64];
    size_t                i, n;
    assess_str_t          str;
    assess_source_t       s;
    assess_source_rule_t  rules[16];
    assess_source_conf_t  conf = { 0 };

    static const assess_s3_conf_t  s3;

    static const char *const  good[] = {
        "example.org", "*.Example.com", "http://plain.org",
        "https://ports.org:8443", "http://any.org:*", "*.wild.org:*",
        "[2001:db8::1]", "https://[::1]:8443", "s3://docs", "127.0.0.1"
    };

    static const char *const  bad[] = {
        "", "*", "*.", "https://", "a b", "a/b", "https://a/", "a:0", "a:x",
        "a:65536", "a:", ":80", "ftp://a", "me@a", "s3://", "s3://A",
        "s3://docs/x", ".a", "a.", "b\xc3\xbc", "**.a", "a*"
    };

    static const struct {
        const char  *url;
        int          allowed;
    } urls[] = {
        { "https://example.org/x", 1 }, { "https://EXAMPLE.org/x", 1 },
        { "https://example.org./x", 1 }, { "http://example.org/x", 0 },
        { "https://example.org:8443/x", 0 }, { "https://a.example.org/x", 0 },
        { "https://xexample.org/x", 0 }, { "https://example.org.evil/x", 0 },
        { "https://a.example.com/x", 1 }, { "https://a.b.example.com/x", 1 },
        { "https://example.com/x", 0 }, { "https://aexample.com/x", 0 },
        { "http://plain.org/x", 1 }, { "https://plain.org/x", 0 },
        { "https://ports.org:8443/x", 1 }, { "https://ports.org/x", 0 },
        { "http://any.org:1/x", 1 }, { "http://any.org/x", 1 },
        { "https://any.org/x", 0 }, { "https://a.wild.org:99/x", 1 },
        { "https://[2001:db8::1]/x", 1 }, { "https://[2001:db8::2]/x", 0 },
        { "https://[0:0::1]:8443/x", 1 },
        { "s3://docs/key", 1 }, { "s3://other/key", 0 },
        { "https://docs/key", 0 }, { "https://2130706433/", 1 }
    };

    n = sizeof(good) / sizeof(good[0]);

    for (i = 0; i < n; i++) {
        (void) snprintf(text[i], sizeof(text[i]), "%s", good[i]);
        str.data = text[i];
        str.len = strlen(text[i]);
        ok(assess_source_rule(&str, &rules[i]) == NULL, "a rule: %s", good[i]);
        rules[i].s3 = strcmp(rules[i].scheme, "s3") == 0 ? &s3 : NULL;
    }

    conf.rules = rules;
    conf.nrules = n;

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        ok(source(urls[i].url, &s) == ASSESS_OK
           && (int) assess_source_allowed(&conf, &s, &err)
              == (urls[i].allowed ? (int) ASSESS_OK : (int) ASSESS_FORBIDDEN),
           "%s: %s", urls[i].allowed ? "allowed" : "not allowed", urls[i].url);
    }

    (void) source("s3://docs/key", &s);
    ok(assess_source_allowed(&conf, &s, &err) == ASSESS_OK && s.s3 == &s3,
       "the storage of a bucket is that of its rule");

    conf.nrules = 0;
    is_int(assess_source_allowed(&conf, &s, &err), ASSESS_FORBIDDEN,
           "nothing is allowed by itself");
    is_str(err.message, "this server fetches no documents: its operator has "
           "not allowed any source", "and why is said");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assess_str_t  copy;

        (void) assess_pstrdup(arena, &copy, bad[i], strlen(bad[i]));
        ok(assess_source_rule(&copy, &rules[0]) != NULL, "no rule: \"%s\"",
           bad[i]);
    }
}


static void
test_names(void)
{
    size_t        i;
    assess_str_t  value, name;

    static const struct {
        const char  *value;
        const char  *name;
    } names[] = {
        { "attachment; filename=a.pdf", "a.pdf" },
        { "attachment; filename=\"a b.pdf\"", "a b.pdf" },
        { "inline;filename=\"a\\\"b\"; x=y", "a\"b" },
        { "attachment; filename=a; filename*=UTF-8''%C3%BC.pdf",
          "\xc3\xbc.pdf" },
        { "attachment; filename*=UTF-8''%C3%BC; filename=a", "\xc3\xbc" },
        { "attachment; filename*=ISO-8859-1''%FC; filename=a", "a" },
        { "attachment", NULL }, { "attachment; x=y", NULL }, { "", NULL },
        { "attachment; filename=\"a", NULL }, { "filename=a", NULL },
        { "attachment; filename=", NULL }
    };

    static const struct {
        const char  *name;
        int          good;
    } files[] = {
        { "a.pdf", 1 }, { "...", 1 }, { "a b", 1 }, { "", 0 }, { ".", 0 },
        { "..", 0 }, { "a/b", 0 }, { "a\\b", 0 }, { "a\nb", 0 },
        { "\xff", 0 }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        (void) assess_pstrdup(arena, &value, names[i].value,
                              strlen(names[i].value));

        if (assess_disposition_filename(&value, &name) != ASSESS_OK) {
            ok(names[i].name == NULL, "no name: %s", names[i].value);
            continue;
        }

        ok(names[i].name && strlen(names[i].name) == name.len
           && memcmp(names[i].name, name.data, name.len) == 0,
           "%s", names[i].value);
    }

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        name.data = (char *) files[i].name;
        name.len = strlen(files[i].name);
        is_int(assess_is_filename(&name), files[i].good, files[i].name);
    }
}


int
main(void)
{
    arena = assess_arena_create();

    test_addresses();
    test_urls();
    test_rules();
    test_names();

    assess_arena_destroy(arena);

    return done_testing();
}
