
/* The text of a mail, and which addresses it goes to. */

/* sources: engine/assess_email.c engine/assess_smtp.c base/assess_json.c
   base/assess_base.c */
/* libs: -lcurl -lm */

#include "tap.h"

#include "../../ngx_assess_module/engine/assess_email.h"
#include "../../ngx_assess_module/engine/assess_smtp.h"

#include <stdlib.h>


#define ID  "019b3f00-0000-7000-8000-000000000001"


static assess_arena_t  *arena;


static int
letter(const char *body, assess_buf_t *b)
{
    assess_email_t  mail;

    memset(b, 0, sizeof(assess_buf_t));
    memset(&mail, 0, sizeof(mail));

    mail.from = "assess@example.org";
    mail.to = "me@example.net";
    mail.id = ID;
    mail.created_at = INT64_C(1795608000000);
    mail.body.data = (char *) body;
    mail.body.len = strlen(body);

    return assess_email_write(arena, &mail, b);
}


/* Its name is a line of it */

static void
has(const assess_buf_t *b, const char *text)
{
    const char  *name;

    name = text + strspn(text, "\r\n");

    if (!ok(strstr(b->data, text) != NULL, "%.*s",
            (int) strcspn(name, "\r"), name))
    {
        printf("# %s\n", b->data);
    }
}


/* Each line ends with CR LF, is short, and is ASCII */

static int
lines(const assess_buf_t *b)
{
    size_t  i, column;

    for (i = 0, column = 0; i < b->len; i++) {

        if (b->data[i] == '\n') {
            if (i == 0 || b->data[i - 1] != '\r') {
                return 0;
            }

            column = 0;
            continue;
        }

        if (b->data[i] == '\r' && b->data[i + 1] != '\n') {
            return 0;
        }

        if ((signed char) b->data[i] <= 0 || ++column > 77) {
            return 0;
        }
    }

    return column == 0;
}


static void
test_batch(void)
{
    assess_buf_t  b;

    is_int(letter("{\"type\":\"batch.budget_exceeded\",\"timestamp\":"
                  "\"2026-11-25T12:00:00.000Z\",\"data\":{\"batchId\":\"" ID
                  "\",\"status\":\"budget_exceeded\",\"totalDocuments\":9,"
                  "\"completedDocuments\":5,\"failedDocuments\":1,"
                  "\"cancelledDocuments\":3,\"tokens\":{\"input\":1200,"
                  "\"output\":34},\"cost\":1.5,\"maxCost\":null,"
                  "\"startedAt\":\"2026-11-25T11:00:00.000Z\"}}", &b), 0,
           "a batch that stopped");

    has(&b, "From: <assess@example.org>\r\n");
    has(&b, "To: <me@example.net>\r\n");
    has(&b, "Subject: Batch budget exceeded: 5 of 9 documents assessed\r\n");
    has(&b, "Date: Wed, 25 Nov 2026 12:00:00 +0000\r\n");
    has(&b, "Message-ID: <" ID "@example.org>\r\n");
    has(&b, "MIME-Version: 1.0\r\n");
    has(&b, "Auto-Submitted: auto-generated\r\n");
    has(&b, "Content-Type: multipart/alternative;\r\n"
            " boundary=\"=_" ID "\"\r\n\r\n--=_" ID "\r\n");
    has(&b, "Content-Type: text/plain; charset=utf-8\r\n");
    has(&b, "Content-Type: text/html; charset=utf-8\r\n");
    has(&b, "\r\nBatch          " ID "\r\n");
    has(&b, "\r\nDocuments      9\r\n");
    has(&b, "\r\nCost           US$ 1.5000\r\n");
    has(&b, "\r\nInput tokens   1200\r\n");
    has(&b, "Cancelled</td>\r\n<td>3</td>\r\n");
    ok(strstr(b.data, "Limit of cost") == NULL, "nothing of what is null");
    ok(strcmp(b.data + b.len - 6 - strlen(ID), "=_" ID "--\r\n") == 0
       && lines(&b), "its lines are those of mail");

    assess_buf_free(&b);
}


/* Rows that somebody may have edited */

static void
test_odd(void)
{
    size_t        i;
    assess_buf_t  b;

    static const char *const  bad[] = {
        "", "{", "[]", "{}", "{\"type\":1,\"data\":{}}",
        "{\"type\":\"batch.completed\"}"
    };

    is_int(letter("{\"type\":\"batch.x\\r\\nBcc: you@example.net\",\"data\":"
                  "{\"batchId\":\"<b>\\u00e9&\\r\\n.\\r\\nQUIT =\",\"status\":"
                  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaa \"}}", &b), 0, "odd values");

    has(&b, "Subject: Batch x  Bcc  you example net\r\n");
    has(&b, "Batch          <b>=C3=A9&=0D\r\n");
    has(&b, "<td>&lt;b&gt;=C3=A9&amp;");
    ok(lines(&b), "its lines are those of mail");
    assess_buf_free(&b);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(letter(bad[i], &b), -1, bad[i]);
        assess_buf_free(&b);
    }
}


static void
test_addresses(void)
{
    size_t  i;
    char    text[400];

    static const char *const  good[] = {
        "a@b", "me@example.net", "first.last+tag@mail.example.co",
        "o'neill@example.net", "x@xn--bcher-kva.example"
    };

    static const char *const  bad[] = {
        "", "@", "a@", "@b", "a", "a@b@c", "a b@c", "a@b c", "<a@b>", "a@b>",
        "a@b\r\nDATA", "\"a b\"@c", ".a@b", "a.@b", "a..b@c", "a@.b", "a@b.",
        "a@b..c", "a@-b", "a@b-", "a@[127.0.0.1]", "m\xc3\xa9@b", "a@b\xc3\xa9",
        "Me <a@b>", "a@b,c@d", "a@b;c", "a@b\x7f"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ok(assess_email_address(good[i], strlen(good[i])), "%s", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(!assess_email_address(bad[i], strlen(bad[i])), "not %zu", i);
    }

    memset(text, 'a', sizeof(text));
    text[64] = '@';
    ok(assess_email_address(text, 254), "as long as it may be");
    ok(!assess_email_address(text, 255), "longer");
    text[64] = 'a';
    text[65] = '@';
    ok(!assess_email_address(text, 100), "with a name that is longer");
    ok(!assess_email_address("a@b\0c", 5), "with a NUL");
}


static void
test_server(void)
{
    ok(assess_smtp_url("smtp://mail.example.org") == NULL, "a server");
    ok(assess_smtp_url("smtps://mail.example.org:465") == NULL, "with TLS");
    ok(assess_smtp_url("smtp://[::1]:25") == NULL, "an address");
    ok(assess_smtp_url("http://mail.example.org") != NULL, "another scheme");
    ok(assess_smtp_url("smtp://") != NULL, "no host");
    ok(assess_smtp_url("smtp:///x") != NULL, "a path only");
    ok(assess_smtp_url("smtp://a:b@mail.example.org") != NULL, "a password");
    ok(assess_smtp_url("mail.example.org") != NULL, "no scheme");

    is_int(assess_smtp_refused(CURLE_SEND_ERROR, 550), 1, "no such mailbox");
    is_int(assess_smtp_refused(CURLE_SEND_ERROR, 451), 0, "not now");
    is_int(assess_smtp_refused(CURLE_LOGIN_DENIED, 535), 0, "our password");
    is_int(assess_smtp_refused(CURLE_REMOTE_ACCESS_DENIED, 550), 0, "our HELO");
    is_int(assess_smtp_refused(CURLE_USE_SSL_FAILED, 554), 0, "no STARTTLS");
    is_int(assess_smtp_refused(CURLE_COULDNT_CONNECT, 0), 0, "nobody there");
    is_int(assess_smtp_refused(CURLE_OK, 250), 0, "taken");
}


int
main(void)
{
    arena = assess_arena_create();

    test_batch();
    test_odd();
    test_addresses();
    test_server();

    assess_arena_destroy(arena);

    return done_testing();
}
