
/* sources: engine/assess_extract.c engine/assess_extractor.c
   engine/assess_plain.c base/assess_frame.c base/assess_base.c */
/* libs: -lcrypto -lm */

/*
 * Runs the real program, build/assess-extract or ASSESS_EXTRACT, over
 * documents made here.
 */

#include "engine/assess_extract.h"
#include "engine/assess_extractor.h"
#include "engine/assess_plain.h"
#include "encrypted.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>


#define THREADS  8
#define ROUNDS   25


/* What a run gave, and what is done to it meanwhile. */
typedef struct {
    assess_buf_t    text;              /* pages, each ended by a bar */
    int             pages;
    int             asked;             /* how often cancelled() was */
    int             cancel_at;
    int             deadly;            /* how often it was called */
    int             refuse_page;
    int             linger;            /* at the first page, till it is read */
    int             hit;               /* a signal for the reader, once */
    int             hit_program;       /* so often */
    char            status[8192];      /* of the reader, from /proc */
} run_t;


static assess_extract_conf_t  conf;
static int                    memory_limited;


static void
defaults(void)
{
    conf.languages = "eng";
    conf.program = getenv("ASSESS_EXTRACT");
    if (conf.program == NULL) {
        conf.program = "build/assess-extract";
    }

    conf.memory = (int64_t) 512 << 20;
    conf.cpu_s = 20;
    conf.wall_s = 30;
    conf.pages = 100;
    conf.output = 1 << 20;
}


/* The text of a file of this process's or another's /proc. */

static int
slurp(const char *path, char *out, size_t size)
{
    int      fd;
    ssize_t  n;

    out[0] = '\0';

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    n = read(fd, out, size - 1);
    (void) close(fd);

    out[n > 0 ? n : 0] = '\0';

    return n > 0 ? 0 : -1;
}


/* The children of a process that has one thread; how many. */

static int
children_of(pid_t pid, pid_t *children, int max)
{
    int    n, got, at;
    char   path[64], text[4096];

    (void) snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
                    (int) pid, (int) pid);

    if (slurp(path, text, sizeof(text)) != 0) {
        return 0;
    }

    for (n = 0, at = 0; n < max
         && sscanf(text + at, "%d%n", &children[n], &got) == 1; n++)
    {
        at += got;
    }

    return n;
}


/* The program that runs; others that ended are forgotten. */

static pid_t
program(void)
{
    DIR            *dir;
    char            path[300], text[4096];
    pid_t           pid;
    struct dirent  *task;

    while (waitpid(-1, NULL, WNOHANG) > 0) { /* void */ }

    pid = 0;
    dir = opendir("/proc/self/task");

    while (dir && pid == 0 && (task = readdir(dir))) {
        (void) snprintf(path, sizeof(path), "/proc/self/task/%s/children",
                        task->d_name);

        if (task->d_name[0] != '.' && slurp(path, text, sizeof(text)) == 0) {
            pid = (pid_t) atoi(text);
        }
    }

    if (dir) {
        (void) closedir(dir);
    }

    return pid;
}


static assess_err_e
on_page(void *ctx, const assess_page_t *page, assess_err_t *err)
{
    pid_t    reader;
    run_t   *run = ctx;
    int64_t  start;

    run->pages++;

    if (run->pages == 1 && run->linger) {

        start = assess_mono_ms();

        while (children_of(program(), &reader, 1) != 0
               && assess_mono_ms() - start < 2000)
        {
            /* void */
        }
    }

    if (run->pages == run->refuse_page) {
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL, "no more, please");
    }

    if (page->page != run->pages) {
        return assess_fail(err, ASSESS_ERROR, NULL, "page out of order");
    }

    assess_buf_add(&run->text, page->text.data, page->text.len);
    assess_buf_char(&run->text, '|');

    return ASSESS_OK;
}


static int
on_cancelled(void *ctx)
{
    char    path[64];
    pid_t   pid, reader;
    run_t  *run = ctx;

    run->asked++;

    if (run->asked % 3 == 0 && (run->hit || run->hit_program)) {

        pid = program();

        if (pid && children_of(pid, &reader, 1) == 1) {
            (void) snprintf(path, sizeof(path), "/proc/%d/status",
                            (int) reader);
            (void) slurp(path, run->status, sizeof(run->status));

            (void) kill(run->hit ? reader : pid, run->hit ? run->hit
                                                          : SIGKILL);
            run->hit = 0;
            run->hit_program -= run->hit_program ? 1 : 0;
        }
    }

    return run->cancel_at && run->asked >= run->cancel_at;
}


static void
on_deadly(void *ctx, const assess_err_t *err)
{
    run_t  *run = ctx;

    run->deadly += err->code != NULL;
}


static int
document(const char *data, size_t len)
{
    int  fd;

    fd = memfd_create("document", MFD_CLOEXEC);

    if (fd == -1 || write(fd, data, len) != (ssize_t) len) {
        printf("Bail out! no document: %s\n", strerror(errno));
        exit(1);
    }

    return fd;
}


static assess_err_e
extract(run_t *run, assess_kind_e kind, const char *data, size_t len,
    assess_err_t *err)
{
    int                  fd;
    assess_err_e         rc;
    assess_extract_cb_t  cb;

    memset(err, 0, sizeof(assess_err_t));

    assess_buf_reset(&run->text);
    assess_buf_str(&run->text, "");

    run->pages = 0;
    run->asked = 0;
    run->deadly = 0;

    cb.page = on_page;
    cb.cancelled = on_cancelled;
    cb.deadly = on_deadly;
    cb.ctx = run;

    fd = document(data, len);
    rc = assess_extract(&conf, kind, fd, &cb, err);
    (void) close(fd);

    return rc;
}


static void
is_failed(assess_err_e rc, const assess_err_t *err, const char *code,
    const char *message, const char *name)
{
    int  good;

    good = rc == ASSESS_FAILED && err->code && strcmp(err->code, code) == 0
           && strstr(err->message, message) != NULL;

    ok(good, "%s: %s", name, code);

    if (!good) {
        printf("# got %d, %s, \"%s\"\n", (int) rc,
               err->code ? err->code : "(no code)", err->message);
    }
}


static void
is_text(run_t *run, assess_kind_e kind, const char *data, size_t len,
    const char *want, const char *name)
{
    assess_err_t  err;

    if (extract(run, kind, data, len, &err) != ASSESS_OK) {
        printf("# %s\n", err.message);
        ok(0, "%s", name);
        return;
    }

    is_str(run->text.data, want, name);
}


/* A PDF of these content streams; filter is put into their dictionaries. */

static void
pdf(assess_buf_t *b, const char **contents, const size_t *lens, int n,
    const char *filter, int count)
{
    int     i;
    size_t  xref, at[64];

    assess_buf_reset(b);
    assess_buf_str(b, "%PDF-1.4\n");

    at[1] = b->len;
    assess_buf_str(b, "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n");

    at[2] = b->len;
    assess_buf_printf(b, "2 0 obj<</Type/Pages/Count %d/Kids[", count);

    for (i = 0; i < n; i++) {
        assess_buf_printf(b, "%d 0 R ", 3 + 2 * i);
    }

    assess_buf_str(b, "]>>endobj\n");

    for (i = 0; i < n; i++) {

        at[3 + 2 * i] = b->len;
        assess_buf_printf(b, "%d 0 obj<</Type/Page/Parent 2 0 R/MediaBox"
            "[0 0 400 400]/Contents %d 0 R/Resources<</Font<</F<</Type/Font"
            "/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n", 3 + 2 * i,
            4 + 2 * i);

        at[4 + 2 * i] = b->len;
        assess_buf_printf(b, "%d 0 obj<</Length %zu%s>>stream\n", 4 + 2 * i,
                          lens ? lens[i] : strlen(contents[i]), filter);
        assess_buf_add(b, contents[i],
                       lens ? lens[i] : strlen(contents[i]));
        assess_buf_str(b, "\nendstream endobj\n");
    }

    xref = b->len;
    assess_buf_printf(b, "xref\n0 %d\n0000000000 65535 f \n", 3 + 2 * n);

    for (i = 1; i < 3 + 2 * n; i++) {
        assess_buf_printf(b, "%010zu 00000 n \n", at[i]);
    }

    assess_buf_printf(b, "trailer<</Size %d/Root 1 0 R>>\nstartxref\n%zu\n"
                      "%%%%EOF\n", 3 + 2 * n, xref);
}


/*
 * Run-length encoding of bytes 0x81 is bytes 0x81 (128 of them from two):
 * with six layers of it a page of 256 bytes has 17 TB.
 */

static void
bomb(assess_buf_t *b)
{
    char         raw[256];
    size_t       len;
    const char  *contents[1];

    memset(raw, 0x81, sizeof(raw));

    contents[0] = raw;
    len = sizeof(raw);

    pdf(b, contents, &len, 1, "/Filter[/RL/RL/RL/RL/RL/RL]", 1);
}


static void
test_pdf(run_t *run, assess_buf_t *b)
{
    size_t         half;
    assess_err_t   err;
    unsigned char  file[2048];

    static const char  *two[] = {
        "BT /F 12 Tf 20 300 Td (Two exits) Tj 0 -20 Td (are marked.) Tj ET",
        "BT /F 12 Tf 20 300 Td (Alarms: none) Tj ET"
    };

    static const char  *blank[] = { "0 0 10 10 re f" };
    static const char  *marks[] = { "BT /F 12 Tf 20 300 Td (-- . --) Tj ET" };

    pdf(b, two, NULL, 1, "", 1);
    is_text(run, ASSESS_KIND_PDF, b->data, b->len,
            "Two exits\nare marked.\n\n|", "one page");

    pdf(b, two, NULL, 2, "", 2);
    is_text(run, ASSESS_KIND_PDF, b->data, b->len,
            "Two exits\nare marked.\n\n|Alarms: none\n\n|", "two pages");

    half = b->len / 2;

    memcpy(memmem(b->data, b->len, "startxref\n", 10), "startxxxx\n", 10);
    is_text(run, ASSESS_KIND_PDF, b->data, b->len,
            "Two exits\nare marked.\n\n|Alarms: none\n\n|", "broken xref");

    is_failed(extract(run, ASSESS_KIND_PDF, b->data, half / 4, &err), &err,
              "document_damaged", "damaged", "truncated");
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, 9, &err), &err,
              "document_damaged", "damaged", "header only");
    is_failed(extract(run, ASSESS_KIND_PDF, "", 0, &err), &err,
              "document_damaged", "damaged", "empty file");

    pdf(b, two, NULL, 0, "", 0);
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_damaged", "damaged", "zero pages");

    pdf(b, two, NULL, 1, "", 1000000000);
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_damaged", "damaged", "a count that lies");

    pdf(b, blank, NULL, 1, "", 1);
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_without_text", "1 page", "a drawing");

    pdf(b, marks, NULL, 1, "", 1);
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_without_text", "1 page", "no letter or digit");

    half = (size_t) EVP_DecodeBlock(file, (const unsigned char *) encrypted,
                                    sizeof(encrypted) - 1);
    is_failed(extract(run, ASSESS_KIND_PDF, (char *) file, half, &err), &err,
              "document_encrypted", "password", "user password");

    half = (size_t) EVP_DecodeBlock(file, (const unsigned char *) opens,
                                    sizeof(opens) - 1);
    is_text(run, ASSESS_KIND_PDF, (char *) file, half, "Secret exit\n\n|",
            "owner password only");
}


/* Text is the same whether it is read here or, being long, by the program. */

static void
test_both(run_t *run, assess_buf_t *b)
{
    size_t        i, n;
    assess_buf_t  here;
    assess_err_t  err;

    static const char  *texts[] = {
        "a", "a\f", "a\fb", "\fa", "\f\fa\n", "\xef\xbb\xbf" "a\f\xc3\xa9",
        "a\x01\x7f\r\n\xc2\x85" "b", "\xef\xbb\xbf\f\xef\xbb\xbf" "c"
    };

    memset(&here, 0, sizeof(here));

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        n = strlen(texts[i]);

        (void) extract(run, ASSESS_KIND_TEXT, texts[i], n, &err);

        assess_buf_reset(&here);
        assess_buf_add(&here, run->text.data, run->text.len);

        assess_buf_reset(b);
        assess_buf_add(b, texts[i], n);

        if (texts[i][n - 1] != '\f') {
            assess_buf_char(b, '\f');
        }

        while (b->len <= ASSESS_PLAIN_MAX) {
            assess_buf_char(b, 'x');
            assess_buf_char(&here, 'x');
        }

        assess_buf_char(&here, '|');

        (void) extract(run, ASSESS_KIND_TEXT, b->data, b->len, &err);

        ok(run->text.len == here.len
           && memcmp(run->text.data, here.data, here.len) == 0,
           "the program reads text %zu as we do", i + 1);
    }

    assess_buf_free(&here);
}


static void
test_plain(run_t *run, assess_buf_t *b)
{
    int           i;
    size_t        n, bad;
    assess_err_t  err;

    is_text(run, ASSESS_KIND_TEXT, "One\fTwo\n\f", 9, "One|Two\n|",
            "a form feed ends a page");
    is_text(run, ASSESS_KIND_TEXT, "\f\fa", 3, "||a|", "empty pages");
    is_text(run, ASSESS_KIND_MARKDOWN, "# A\n\n* b\n", 9, "# A\n\n* b\n|",
            "Markdown stays as it is");
    is_text(run, ASSESS_KIND_TEXT, "\xef\xbb\xbf" "a\xc3\xa9", 6,
            "a\xc3\xa9|", "UTF-8 with a byte order mark");
    is_text(run, ASSESS_KIND_TEXT, "\xff\xfe" "a\0\x3d\xd8\x00\xde", 8,
            "a\xf0\x9f\x98\x80|", "UTF-16, little endian, a pair");
    is_text(run, ASSESS_KIND_TEXT, "\xfe\xff" "\0a\xd8\x3d\0b", 8,
            "a\xef\xbf\xbd" "b|", "UTF-16, big endian, half a pair");
    is_text(run, ASSESS_KIND_TEXT, "caf\xe9 \x80 5", 8,
            "caf\xc3\xa9 \xe2\x82\xac 5|", "Windows-1252");
    is_text(run, ASSESS_KIND_TEXT, "a\0b", 3, "ab|", "NUL is dropped");

    is_failed(extract(run, ASSESS_KIND_TEXT, " \n-\n", 4, &err), &err,
              "document_without_text", "no text that can be read", "nothing but marks");
    is_failed(extract(run, ASSESS_KIND_TEXT, "", 0, &err), &err,
              "document_without_text", "1 page", "an empty file");

    test_both(run, b);

    /* across many frames, and pieces with a pair on their border */

    assess_buf_reset(b);
    assess_buf_add(b, "\xff\xfe" "a\0", 4);

    for (i = 0; i < 100000; i++) {
        assess_buf_add(b, "\x3d\xd8\x00\xde", 4);
    }

    ok(extract(run, ASSESS_KIND_TEXT, b->data, b->len, &err) == ASSESS_OK,
       "a long text");

    bad = 0;

    for (n = 1; n + 4 < run->text.len; n += 4) {
        bad += memcmp(run->text.data + n, "\xf0\x9f\x98\x80", 4) != 0;
    }

    ok(run->text.len == 400002 && bad == 0, "every character of it");
}


static void
test_html(run_t *run)
{
    static const char  page[] =
        "<!DOCTYPE html><html><head><title>Fire &amp; safety</title>"
        "<style>p{}</style></head><body><h1>Exits</h1><p>Two <b>ex</b>its,"
        "\n  both\nmarked.<br>Always&nbsp;open.</p><script>var x = 1;</script>"
        "<ul><li>one</li><li>two</li></ul><table><tr><th>Door</th><th>Width"
        "</th></tr><tr><td>North</td><td>90&thinsp;cm</td></tr></table>"
        "<pre>a\n  b</pre><p>Ende &eacute;</p></body></html>";

    static const char  named[] =
        "<html><head><meta http-equiv='Content-Type' content='text/html; "
        "charset=windows-1251'></head><body><p>\xc2\xfb\xf5\xee\xe4</p>"
        "</body></html>";

    static const char  wide[] =
        "\xff\xfe<\0p\0>\0\xe5\x65\x2c\x67<\0/\0p\0>\0";

    static const char  entity[] =
        "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><p>x&b;y</p>";

    is_text(run, ASSESS_KIND_HTML, page, sizeof(page) - 1,
            "Fire & safety\n\nExits\n\nTwo exits, both marked.\nAlways open."
            "\n\n- one\n- two\n\nDoor | Width\nNorth | 90\xe2\x80\x89" "cm"
            "\n\na\n  b\n\nEnde \xc3\xa9\n|", "a page of HTML");

    is_text(run, ASSESS_KIND_HTML, named, sizeof(named) - 1,
            "\xd0\x92\xd1\x8b\xd1\x85\xd0\xbe\xd0\xb4\n|",
            "an encoding it names");

    is_text(run, ASSESS_KIND_HTML, wide, sizeof(wide) - 1,
            "\xe6\x97\xa5\xe6\x9c\xac\n|", "HTML in UTF-16");

    /* a browser, too, ends the declaration at the first bracket */

    is_text(run, ASSESS_KIND_HTML, entity, sizeof(entity) - 1,
            "]>\n\nx&b;y\n|", "an entity of its own is not looked up");
}


static void
test_limits(run_t *run, assess_buf_t *b)
{
    int           i;
    size_t        len;
    const char   *contents[1];
    assess_err_t  err;
    assess_buf_t  page;

    static const char  *three[] = {
        "BT /F 9 Tf 9 99 Td (A) Tj ET", "BT /F 9 Tf 9 99 Td (B) Tj ET",
        "BT /F 9 Tf 9 99 Td (C) Tj ET"
    };

    conf.pages = 2;
    pdf(b, three, NULL, 3, "", 3);
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_limit", "2 pages", "PDF, pages");
    is_failed(extract(run, ASSESS_KIND_TEXT, "a\fb\fc", 5, &err), &err,
              "document_limit", "2 pages", "text, pages");
    is_int(run->pages, 2, "the pages before the limit have come");
    defaults();

    conf.output = 4;
    is_failed(extract(run, ASSESS_KIND_TEXT, "abcde", 5, &err), &err,
              "document_limit", "output of more than 4 bytes", "output");
    defaults();

    memset(&page, 0, sizeof(page));
    assess_buf_str(&page, "BT /F 9 Tf 9 395 Td 0.00095 TL ");

    for (i = 0; i < 400000; i++) {
        assess_buf_str(&page, "(exits) ' ");
    }

    assess_buf_str(&page, "ET");

    contents[0] = page.data;
    len = page.len;
    pdf(b, contents, &len, 1, "", 1);
    assess_buf_free(&page);

    if (memory_limited) {
        conf.wall_s = 300;
        conf.memory = (int64_t) 160 << 20;
        is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
                  "document_limit", "160 MB of memory", "memory");
        is_int(run->deadly, 1, "would be so again");
        defaults();

    } else {
        ok(1, "memory # SKIP a sanitizer's build has no such limit");
    }

    bomb(b);

    conf.wall_s = 300;
    conf.cpu_s = 1;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_limit", "longer than 1 s of CPU time", "CPU time");
    is_int(run->deadly, 1, "would be so again");
    defaults();

    conf.wall_s = 1;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_limit", "longer than 1 s of time", "time");
    is_int(run->deadly, 0, "may be another's fault");
    defaults();
}


/* What the program says of the sandbox, and programs that say nothing. */

static void
test_check(void)
{
    int   fd;
    char  said[100], path[] = "/tmp/assess-check-XXXXXX";

    static const char  script[] = "#!/bin/sh\nexec sleep 60\n";

    defaults();
    is_int(assess_extractor_check(conf.program, said, sizeof(said)), 0,
           "the program is asked for its sandbox");
    ok(strstr(said, "seccomp yes\n") != NULL, "it says what there is");

    is_int(assess_extractor_check("/bin/true", said, sizeof(said)), 0,
           "one that has nothing to say");
    is_str(said, "", "says nothing");

    is_int(assess_extractor_check("/nonexistent", said, sizeof(said)), ENOENT,
           "one that is not there");

    fd = mkstemp(path);
    ok(fd != -1 && write(fd, script, sizeof(script) - 1) != -1
       && fchmod(fd, 0700) == 0 && close(fd) == 0, "one that does not end");
    is_int(assess_extractor_check(path, said, sizeof(said)), ETIMEDOUT,
           "is not waited for");
    (void) unlink(path);
}


static void
test_ends(run_t *run, assess_buf_t *b)
{
    pid_t         pid, reader;
    int64_t       start;
    assess_err_t  err;

    bomb(b);

    start = assess_mono_ms();
    run->cancel_at = 2;
    is_int(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err),
           ASSESS_CANCELLED, "cancelled");
    ok(assess_mono_ms() - start < 2000, "at once");
    pid = program();
    ok(pid != 0, "the program still runs");
    is_int(children_of(pid, &reader, 1), 0,
           "the reader has ended when it returns");
    run->cancel_at = 0;

    run->refuse_page = 2;
    is_int(extract(run, ASSESS_KIND_TEXT, "a\fb\fc\fd", 7, &err),
           ASSESS_UNAVAILABLE, "a page that is refused");
    is_str(err.message, "no more, please", "keeps the reason");
    run->refuse_page = 0;

    run->hit = SIGSEGV;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_crashed", "crashed on it (signal 11)", "a reader that crashes");

    is_int(run->deadly, 1, "would do so again");

    ok(strstr(run->status, "Seccomp:\t2\n") != NULL, "it ran under a filter");
    ok(strstr(run->status, "NoNewPrivs:\t1\n") != NULL,
       "it could gain no privileges");

    run->hit = SIGSYS;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_forbidden", "no reader may", "one its sandbox ended");

    run->hit = SIGKILL;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_killed", "killed by the system", "a reader killed");
    is_int(run->deadly, 0, "may live the next time");
    is_int(program(), pid, "the program is the same");

    run->hit_program = 1;
    run->cancel_at = 8;
    is_int(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err),
           ASSESS_CANCELLED, "a program that is gone is started again");
    ok(program() != 0 && program() != pid, "and is another one");

    run->hit_program = 2;
    run->cancel_at = 20;
    is_int(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), ASSESS_ERROR,
           "but not for ever");
    run->hit_program = 0;
    run->cancel_at = 0;

    is_text(run, ASSESS_KIND_HTML, "<p>a", 4, "a\n|", "and the next one");
    pid = program();
    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, NULL, 0);
    is_text(run, ASSESS_KIND_HTML, "<p>a", 4, "a\n|",
            "killed when there was nothing to do");
    (void) kill(program(), SIGTERM);
    is_text(run, ASSESS_KIND_HTML, "<p>a", 4, "a\n|", "or told to end");

    conf.program = "/bin/true";
    is_int(extract(run, ASSESS_KIND_HTML, "a", 1, &err), ASSESS_ERROR,
           "a program that says nothing");

    test_check();

    conf.program = "/nonexistent/assess-extract";
    is_int(extract(run, ASSESS_KIND_HTML, "a", 1, &err), ASSESS_ERROR,
           "a program that is not there");
    ok(strstr(err.message, conf.program) != NULL, "is named");
    is_text(run, ASSESS_KIND_TEXT, "a", 1, "a|", "plain text needs none");
    defaults();
}


/*
 * A client that is slow, of documents that fill the socket more and more: how
 * it ended is told when there is room again.
 */

static void
test_slow(run_t *run, assess_buf_t *b)
{
    int           i, n, wrong;
    assess_err_t  err;

    run->linger = 1;
    conf.pages = 1000;

    for (n = 270, wrong = 0; n < 280; n++) {

        assess_buf_reset(b);
        assess_buf_add(b, "\xff\xfe", 2);

        for (i = 0; i < n; i++) {
            assess_buf_add(b, "a\0\f\0", 4);
        }

        wrong += extract(run, ASSESS_KIND_TEXT, b->data, b->len, &err)
                 != ASSESS_OK || run->pages != n;
    }

    is_int(wrong, 0, "a client that is slow hears the end");

    run->linger = 0;
    defaults();
}


static int
descriptors(void)
{
    int   n;
    DIR  *dir;

    n = 0;
    dir = opendir("/proc/self/fd");

    while (dir && readdir(dir)) {
        n++;
    }

    if (dir) {
        (void) closedir(dir);
    }

    return n;
}


/* Good ones and cancelled ones; counts what went wrong. */

static void *
many(void *data)
{
    int            i;
    run_t          run;
    intptr_t       wrong;
    assess_err_e   rc;
    assess_err_t   err;
    assess_buf_t  *b = data;

    memset(&run, 0, sizeof(run));
    wrong = 0;

    for (i = 0; i < ROUNDS; i++) {

        run.cancel_at = i % 5 == 1 ? 2 : 0;

        if (run.cancel_at) {
            rc = extract(&run, ASSESS_KIND_PDF, b->data, b->len, &err);
            wrong += rc != ASSESS_CANCELLED;

        } else {
            rc = extract(&run, ASSESS_KIND_HTML, "<p>one<p>two", 12, &err);
            wrong += rc != ASSESS_OK
                     || strcmp(run.text.data, "one\n\ntwo\n|") != 0;
        }
    }

    assess_buf_free(&run.text);

    return (void *) wrong;
}


/* One that takes its time, until it is cancelled. */

static void *
long_one(void *data)
{
    run_t          run;
    assess_err_e   rc;
    assess_err_t   err;
    assess_buf_t  *b = data;

    memset(&run, 0, sizeof(run));
    run.cancel_at = 15;

    rc = extract(&run, ASSESS_KIND_PDF, b->data, b->len, &err);

    assess_buf_free(&run.text);

    return (void *) (intptr_t) (rc == ASSESS_FAILED ? 1
                                : rc == ASSESS_CANCELLED ? 0 : 100);
}


/* Readers that crash beside others: each is the end of one document. */

static void
test_beside(assess_buf_t *b)
{
    int            i, n;
    void          *failed;
    run_t          run;
    pid_t          pids[5];
    int64_t        start;
    intptr_t       total;
    pthread_t      threads[4];
    assess_err_t   err;

    /* the program runs, and is prepared for the others */

    memset(&run, 0, sizeof(run));
    is_failed(extract(&run, ASSESS_KIND_PDF, "%PDF-", 5, &err), &err,
              "document_damaged", "damaged", "one before the others");
    assess_buf_free(&run.text);

    bomb(b);

    for (i = 0; i < 4; i++) {
        if (pthread_create(&threads[i], NULL, long_one, b) != 0) {
            printf("Bail out! no thread\n");
            exit(1);
        }
    }

    start = assess_mono_ms();

    do {
        n = children_of(program(), pids, 5);
    } while (n != 4 && assess_mono_ms() - start < 2000);

    is_int(n, 4, "four readers at once");

    if (n == 4) {
        (void) kill(pids[0], SIGSEGV);
        (void) kill(pids[2], SIGKILL);
    }

    for (i = 0, total = 0; i < 4; i++) {
        (void) pthread_join(threads[i], &failed);
        total += (intptr_t) failed;
    }

    is_int(total, 2, "two of them crash, and the others go on");
}


static void
test_many(assess_buf_t *b)
{
    int         i, before;
    void       *wrong;
    intptr_t    total;
    pthread_t   threads[THREADS];

    bomb(b);

    assess_extractor_close();

    before = descriptors();
    total = 0;

    for (i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, many, b) != 0) {
            printf("Bail out! no thread\n");
            exit(1);
        }
    }

    for (i = 0; i < THREADS; i++) {
        (void) pthread_join(threads[i], &wrong);
        total += (intptr_t) wrong;
    }

    is_int(total, 0, "200 extractions on 8 threads end as they should");

    assess_extractor_close();

    is_int(descriptors(), before, "no descriptor is left");
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
       "no process is left");
}


/* What the program was built with. */

static void
check(void)
{
    char   command[1024], line[256];
    FILE  *p;

    (void) snprintf(command, sizeof(command), "%s --check", conf.program);

    p = popen(command, "r");
    memory_limited = 0;

    while (p && fgets(line, sizeof(line), p)) {
        printf("# %s", line);

        if (strcmp(line, "memory limit yes\n") == 0) {
            memory_limited = 1;
        }
    }

    if (p == NULL || pclose(p) != 0) {
        printf("Bail out! \"%s\" cannot be run\n", conf.program);
        exit(1);
    }
}


int
main(void)
{
    run_t         run;
    assess_buf_t  b;

    memset(&run, 0, sizeof(run));
    memset(&b, 0, sizeof(b));

    defaults();
    check();

    test_pdf(&run, &b);
    test_plain(&run, &b);
    test_html(&run);
    test_limits(&run, &b);
    test_ends(&run, &b);
    test_slow(&run, &b);
    test_beside(&b);
    test_many(&b);

    assess_buf_free(&run.text);
    assess_buf_free(&b);

    return done_testing();
}
