
/* sources: engine/assess_extract.c engine/assess_scans.c
   engine/assess_errand.c engine/assess_extractor.c engine/assess_cpu.c
   engine/assess_plain.c base/assess_frame.c base/assess_base.c */
/* libs: -lcrypto -lm */

/* What becomes of one document after the other. */

#include "encrypted.h"
#include "extract.h"


/* a sanitizer has a handler of its own, and ends the reader by itself */
#ifdef __SANITIZE_ADDRESS__
#define CRASHED  "crashed on it"
#else
#define CRASHED  "crashed on it (signal 11)"
#endif


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
    is_int(run->unreadable, 1, "would be so again");
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
    is_int(run->unreadable, 1, "would have none the next time");

    pdf(b, marks, NULL, 1, "", 1);
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_without_text", "1 page", "no letter or digit");

    half = (size_t) EVP_DecodeBlock(file, (const unsigned char *) encrypted,
                                    sizeof(encrypted) - 1);
    is_failed(extract(run, ASSESS_KIND_PDF, (char *) file, half, &err), &err,
              "document_encrypted", "password", "user password");
    is_int(run->unreadable, 1, "would have one the next time, too");

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
    is_text(run, ASSESS_KIND_TEXT, "a\0b\0\xe9\0", 6, "ab\xc3\xa9|",
            "UTF-16 without a mark");
    is_text(run, ASSESS_KIND_TEXT, "\033$BF|K\\\033(B.\n", 12,
            "\xe6\x97\xa5\xe6\x9c\xac.\n|", "ISO-2022-JP");

    is_failed(extract(run, ASSESS_KIND_TEXT, " \n-\n", 4, &err), &err,
              "document_without_text", "no text that can be read", "nothing but marks");
    is_failed(extract(run, ASSESS_KIND_TEXT, "", 0, &err), &err,
              "document_without_text", "1 page", "an empty file");
    is_int(run->unreadable, 1, "would have none the next time");

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

    /* lines of an odd length in Shift_JIS: no character is cut in two */

    assess_buf_reset(b);

    for (i = 0; i < 20000; i++) {
        assess_buf_add(b, "\x82\xa0\x82\xa2-\x82\xa4\n", 8);
        assess_buf_add(b, "-\n", i % 3);
    }

    ok(extract(run, ASSESS_KIND_TEXT, b->data, b->len, &err) == ASSESS_OK,
       "a long text in Shift_JIS");

    for (n = 0, bad = 0; n + 2 < run->text.len; n++) {
        bad += memcmp(run->text.data + n, "\xef\xbf\xbd", 3) == 0;
    }

    ok(run->text.len > 200000 && bad == 0, "every character of that");
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
        is_int(run->unreadable, 1, "would be so again");
        defaults();

    } else {
        ok(1, "memory # SKIP a sanitizer's build has no such limit");
    }

    forms(b, 8, 1);
    is_int(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), ASSESS_OK,
           "forms that are deep in others");
    ok(strstr(run->text.data, "Deep exits.") != NULL, "are read");

    forms(b, 12, 8);
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_limit", "1,000 forms", "and so many that nobody could");
    is_int(run->unreadable, 1, "would be so again");

    bomb(b);

    conf.wall_s = 300;
    conf.cpu_s = 1;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_limit", "longer than 1 s of CPU time", "CPU time");
    is_int(run->unreadable, 1, "would be so again");
    defaults();

    conf.wall_s = 1;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_limit", "longer than 1 s of time", "time");
    is_int(run->unreadable, 0, "may be another's fault");
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
              "document_crashed", CRASHED, "a reader that crashes");

    is_int(run->unreadable, 1, "would do so again");

    ok(strstr(run->status, "Seccomp:\t2\n") != NULL, "it ran under a filter");
    ok(strstr(run->status, "NoNewPrivs:\t1\n") != NULL,
       "it could gain no privileges");

    run->hit = SIGSYS;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_forbidden", "no reader may", "one its sandbox ended");

    run->hit = SIGKILL;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_killed", "killed by the system", "a reader killed");
    is_int(run->unreadable, 0, "may live the next time");
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
 * A page of text, and n pages that are one gray picture each: nothing to read
 * in them, and much to unpack before that is known.
 */

static void
scans(assess_buf_t *b, int n)
{
    int     i;
    size_t  at;
    char    data[256];

    memset(data, 0x81, sizeof(data));

    assess_buf_reset(b);
    assess_buf_printf(b, "%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj"
        "\n2 0 obj<</Type/Pages/Count %d/Kids[3 0 R", n + 1);

    for (i = 0; i < n; i++) {
        assess_buf_str(b, " 4 0 R");
    }

    assess_buf_printf(b, "]>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox"
        "[0 0 400 400]/Contents 5 0 R/Resources<</Font<</F<</Type/Font/Subtype"
        "/Type1/BaseFont/Helvetica>>>>>>>>endobj\n4 0 obj<</Type/Page/Parent "
        "2 0 R/MediaBox[0 0 400 400]/Contents 6 0 R/Resources<</Font<</F<<"
        "/Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>/XObject<</I 7 0 R>>>>"
        ">>endobj\n5 0 obj<</Length 35>>stream\n"
        "BT /F 9 Tf 9 99 Td (Two exits) Tj ET\nendstream endobj\n"
        "6 0 obj<</Length 73>>stream\n"
        "BT /F 9 Tf 9 99 Td (- . -) Tj ET q 400 0 0 400 0 0 cm /I Do Q"
        "           \nendstream endobj\n7 0 obj<</Type/XObject/Subtype/Image"
        "/Width 9000/Height 9000/ColorSpace/DeviceGray/BitsPerComponent 8"
        "/Filter[/RL/RL/RL/RL/RL]/Length %zu>>stream\n", sizeof(data));

    assess_buf_add(b, data, sizeof(data));

    at = b->len;
    assess_buf_printf(b, "\nendstream endobj\ntrailer<</Root 1 0 R/Size 8>>\n"
                      "startxref\n%zu\n%%%%EOF\n", at);
}


static void
test_scans(run_t *run, assess_buf_t *b)
{
    int            i;
    pid_t          reader;
    assess_err_t   err;
    assess_page_t  kept[3];

    static const int    numbers[] = { 1, 3, 4 };
    static const char  *texts[] = { "Before.", "After.", "Other." };

    static const char  *five[] = {
        "BT /F 9 Tf 9 99 Td (- - -) Tj ET", "BT /F 9 Tf 9 99 Td (B) Tj ET",
        "", "BT /F 9 Tf 9 99 Td (D) Tj ET", "BT /F 9 Tf 9 99 Td (. .) Tj ET"
    };

    pdf(b, five, NULL, 5, "", 5);
    is_int(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), ASSESS_OK,
           "pages without a word between others");
    is_int(run->begun, 1, "one beginning");
    is_int(run->scans, 3, "are read apart");
    is_int(run->scanned, 3, "all of them");
    is_int(run->pages, 5, "each page comes once");

    for (i = 0; i < 5; i++) {
        is_int(run->came[i], 1, "this one, too");
    }

    ok(strstr(run->text.data, "---\n\n|") != NULL, "with its marks");

    conf.output = 10;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_limit", "output of more than 10 bytes",
              "the text of all pages");
    defaults();

    /* what was read of them before is as good */

    memset(kept, 0, sizeof(kept));

    for (i = 0; i < 3; i++) {
        kept[i].page = numbers[i];
        kept[i].text.data = (char *) texts[i];
        kept[i].text.len = strlen(texts[i]);
    }

    run->kept = kept;
    run->nkept = 3;
    is_int(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), ASSESS_OK,
           "pages of which two were read before");
    is_int(run->scans, 3, "and one was no scan");
    is_int(run->scanned, 3, "count as read");
    is_int(run->pages, 5, "each page comes once");

    for (i = 0; i < 5; i++) {
        is_int(run->came[i], 1, "this one, too");
    }

    ok(strstr(run->text.data, "Before.|After.|") != NULL, "as they had come");
    ok(strstr(run->text.data, "Other.") == NULL, "but for text");
    ok(strstr(run->text.data, "---") == NULL, "no page is read again");

    conf.output = 10;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_limit", "output of more than 10 bytes",
              "the same limit holds");
    defaults();

    kept[2].page = 5;
    is_int(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), ASSESS_OK,
           "all of them read before");
    is_int(run->scanned, 3, "which is told once");
    run->nkept = 0;

    /* what takes its time is watched, and may be hit */

    run->hit_scans = 1;
    run->readers = 0;
    run->cancel_at = 40;
    scans(b, 12);
    is_int(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err),
           ASSESS_CANCELLED, "scans are cancelled");
    is_int(run->readers, 8, "of which as many were read as there are slots");
    is_int(children_of(program(), &reader, 1), 0, "all their readers ended");
    run->cancel_at = 0;

    scans(b, 1);

    run->hit = SIGSEGV;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_crashed", CRASHED, "one that crashes");
    is_int(run->unreadable, 1, "would do so again");

    run->hit = SIGKILL;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_killed", "killed by the system", "one killed");
    is_int(run->unreadable, 0, "may live the next time");

    run->hit_program = 1;
    run->cancel_at = 30;
    is_int(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err),
           ASSESS_CANCELLED, "a program that is gone is started again");
    is_int(run->hit_program, 0, "as it was gone");

    run->hit_program = 2;
    run->cancel_at = 60;
    is_int(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), ASSESS_ERROR,
           "but not for ever");
    run->hit_program = 0;
    run->cancel_at = 0;
    run->hit_scans = 0;

    conf.cpu_s = 1;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_limit", "page 2 of the document, a scan, took longer "
              "than 1 s of CPU time", "CPU time of a page");
    is_int(run->unreadable, 1, "would be so again");
    defaults();

    conf.wall_s = 1;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_limit", "page 2 of the document, a scan, took longer "
              "than 1 s of time", "time of a page");
    defaults();

    conf.document_s = 1;
    is_failed(extract(run, ASSESS_KIND_PDF, b->data, b->len, &err), &err,
              "document_limit", "document= of assess_extract_limits",
              "time of the document");
    is_int(run->unreadable, 0, "may be another's fault");
    is_int(children_of(program(), &reader, 1), 0, "no reader is left");
    defaults();

    /* nobody holds a slot any more */

    for (i = 0; i < 8; i++) {
        assess_cpu_enter(cpu);
    }

    for (i = 0; i < 8; i++) {
        assess_cpu_leave(cpu);
    }

    ok(1, "all slots are free");
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
    test_scans(&run, &b);
    test_slow(&run, &b);

    assess_buf_free(&run.text);
    assess_buf_free(&b);

    return done_testing();
}
