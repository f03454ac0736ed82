
#include "assess_extract_int.h"
#include "assess_plain.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


static assess_err_e assess_extract_text(assess_extraction_t *x,
    assess_kind_e kind);
static assess_err_e assess_extract_child(assess_extraction_t *x,
    assess_kind_e kind, int *again);
static int assess_extract_file(int fd, char **data, size_t *len);
static assess_err_e assess_extract_pages(assess_extraction_t *x,
    assess_plain_t *plain);
static const char *assess_extract_reader(assess_kind_e kind);
static assess_err_e assess_extract_read(assess_extraction_t *x,
    assess_errand_t *errand);
static assess_err_e assess_extract_take(assess_extraction_t *x,
    assess_errand_t *errand, assess_frames_e what, int *last);
static int assess_extract_clean(const assess_str_t *text, assess_buf_t *clean,
    int *letters);
static int assess_extract_letter(uint32_t cp);
static assess_err_e assess_extract_result(assess_extraction_t *x);
static assess_err_e assess_extract_refused(assess_extraction_t *x,
    assess_why_e why);
static assess_err_e assess_extract_limit(assess_extraction_t *x,
    assess_why_e why);
static assess_err_e assess_extract_died(assess_extraction_t *x, int page,
    const assess_frames_t *frames);


assess_err_e
assess_extract(const assess_extract_conf_t *conf, assess_cpu_t *cpu,
    assess_kind_e kind, int fd, const assess_extract_cb_t *cb,
    assess_err_t *err)
{
    assess_err_e         rc;
    assess_extraction_t  x;

    memset(&x, 0, sizeof(assess_extraction_t));

    x.conf = conf;
    x.cb = cb;
    x.err = err;
    x.reader = assess_extract_reader(kind);
    x.fd = fd;

    /* text has hardly to be read */

    if (kind == ASSESS_KIND_TEXT || kind == ASSESS_KIND_MARKDOWN) {
        assess_cpu_enter(cpu);

    } else {
        assess_cpu_enter_reader(cpu);
    }

    x.seen = assess_mono_ms();
    rc = cb->begin(cb->ctx, err);

    if (rc == ASSESS_OK) {
        rc = assess_extract_text(&x, kind);
    }

    assess_cpu_leave(cpu);

    if (rc == ASSESS_OK && x.scans.len) {
        rc = assess_scans_read(&x, cpu);
    }

    assess_buf_free(&x.scans);

    if (rc == ASSESS_OK) {
        rc = assess_extract_result(&x);
    }

    if (rc == ASSESS_FAILED && x.lasting) {
        cb->unreadable(cb->ctx, err);
    }

    return rc;
}


assess_err_e
assess_extract_pictures(const assess_extract_conf_t *conf, assess_cpu_t *cpu,
    assess_kind_e kind, int fd, const int *pages, size_t n,
    const assess_extract_cb_t *cb, assess_err_t *err)
{
    assess_err_e         rc;
    assess_extraction_t  x;

    memset(&x, 0, sizeof(assess_extraction_t));

    x.conf = conf;
    x.cb = cb;
    x.err = err;
    x.reader = assess_extract_reader(kind);
    x.fd = fd;
    x.picture = ASSESS_PICTURE_WEBP;
    x.seen = assess_mono_ms();

    assess_buf_add(&x.scans, pages, n * sizeof(int));

    rc = x.scans.failed
         ? assess_fail(err, ASSESS_ERROR, "internal", "out of memory")
         : assess_scans_read(&x, cpu);

    assess_buf_free(&x.scans);

    return rc;
}


/* All of it, but for scanned pages. */

static assess_err_e
assess_extract_text(assess_extraction_t *x, assess_kind_e kind)
{
    int             again, tries;
    char           *data;
    size_t          len;
    assess_err_e    rc;
    assess_plain_t  plain;

    if ((kind == ASSESS_KIND_TEXT || kind == ASSESS_KIND_MARKDOWN)
        && assess_extract_file(x->fd, &data, &len) == 0)
    {
        if (assess_plain_init(&plain, data, len)) {
            rc = assess_extract_pages(x, &plain);
            free(data);
            return rc;
        }

        free(data);
    }

    /*
     * The program may have been ended by another document's thread, to which it
     * did not answer, or from outside: no fault of this one.
     */

    for (tries = 0, again = 1; tries < 2 && again; tries++) {
        rc = assess_extract_child(x, kind, &again);
    }

    return rc;
}


static assess_err_e
assess_extract_child(assess_extraction_t *x, assess_kind_e kind, int *again)
{
    int              apart;
    assess_err_e     rc, end;
    assess_errand_t  errand;

    *again = 0;
    apart = kind == ASSESS_KIND_PDF || kind == ASSESS_KIND_IMAGE;

    rc = assess_errand_start(&errand, x->conf, x->reader, x->fd, 0,
                             ASSESS_PICTURE_NONE, x->conf->output, apart,
                             x->err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    rc = assess_extract_read(x, &errand);
    end = assess_errand_stop(&errand, x->err);

    *again = errand.gone && errand.frames.pages == 0;

    assess_buf_free(&errand.frames.text);

    return end == ASSESS_OK ? rc : end;
}


/* The bytes of a small file, to be freed; -1 where they cannot be had. */

static int
assess_extract_file(int fd, char **data, size_t *len)
{
    size_t        got;
    ssize_t       n;
    struct stat   st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)
        || st.st_size > ASSESS_PLAIN_MAX)
    {
        return -1;
    }

    *len = (size_t) st.st_size;

    *data = malloc(*len + 1);
    if (*data == NULL) {
        return -1;
    }

    for (got = 0; got < *len; got += (size_t) n) {

        n = pread(fd, *data + got, *len - got, (off_t) got);

        if (n <= 0) {
            free(*data);
            return -1;
        }
    }

    return 0;
}


/* The pages of a text that is read here, in the limits that hold for all. */

static assess_err_e
assess_extract_pages(assess_extraction_t *x, assess_plain_t *plain)
{
    assess_err_e  rc;
    assess_str_t  text;

    while (assess_plain_next(plain, &text)) {

        if (x->cb->cancelled(x->cb->ctx)) {
            return assess_fail(x->err, ASSESS_CANCELLED, NULL,
                               "the extraction was cancelled");
        }

        if (x->pages >= x->conf->pages) {
            return assess_extract_limit(x, ASSESS_WHY_PAGES);
        }

        if ((int64_t) text.len > x->conf->output - x->bytes) {
            return assess_extract_limit(x, ASSESS_WHY_OUTPUT);
        }

        x->pages++;

        rc = assess_extract_page(x, x->pages, 0, &text);
        if (rc != ASSESS_OK) {
            return rc;
        }
    }

    return ASSESS_OK;
}


static const char *
assess_extract_reader(assess_kind_e kind)
{
    switch (kind) {

    case ASSESS_KIND_PDF:
        return "pdf";

    case ASSESS_KIND_HTML:
        return "html";

    case ASSESS_KIND_DOCX:
    case ASSESS_KIND_XLSX:
    case ASSESS_KIND_PPTX:
    case ASSESS_KIND_ODT:
    case ASSESS_KIND_ODS:
    case ASSESS_KIND_ODP:
    case ASSESS_KIND_EPUB:
    case ASSESS_KIND_DOC:
    case ASSESS_KIND_XLS:
        return "office";

    case ASSESS_KIND_RTF:
        return "rtf";

    case ASSESS_KIND_EML:
        return "mail";

    case ASSESS_KIND_IMAGE:
        return "image";

    default:
        return "text";
    }
}


static assess_err_e
assess_extract_read(assess_extraction_t *x, assess_errand_t *errand)
{
    int              last;
    assess_err_e     rc;
    struct pollfd    pfd;
    assess_frames_e  what;

    last = 0;

    pfd.fd = errand->sock;
    pfd.events = POLLIN;

    while (!last) {

        rc = assess_extract_go_on(x, 1);
        if (rc != ASSESS_OK) {
            return rc;
        }

        if (assess_mono_ms() >= errand->end) {
            return assess_extract_exhausted(x, 0, ASSESS_WHY_WALL);
        }

        if (poll(&pfd, 1, ASSESS_EXTRACT_TICK) == -1 && errno != EINTR) {
            return assess_fail(x->err, ASSESS_ERROR, "internal",
                               "poll() failed: %s", strerror(errno));
        }

        rc = assess_errand_receive(errand, &what, x->err);

        if (rc == ASSESS_OK) {
            rc = assess_extract_take(x, errand, what, &last);
        }

        if (rc != ASSESS_OK) {
            return rc;
        }
    }

    return assess_extract_ended(x, 0, &errand->frames);
}


static assess_err_e
assess_extract_take(assess_extraction_t *x, assess_errand_t *errand,
    assess_frames_e what, int *last)
{
    assess_err_e  rc;
    assess_str_t  text;

    x->pages = errand->frames.pages;

    switch (what) {

    case ASSESS_FRAMES_PAGE:
        text.data = errand->frames.text.data;
        text.len = errand->frames.text.len;

        rc = assess_extract_page(x, x->pages, 0, &text);
        assess_buf_reset(&errand->frames.text);

        return rc;

    case ASSESS_FRAMES_SCAN:
        assess_buf_add(&x->scans, &x->pages, sizeof(int));

        return x->scans.failed
               ? assess_fail(x->err, ASSESS_ERROR, "internal", "out of memory")
               : ASSESS_OK;

    case ASSESS_FRAMES_END:
        *last = 1;
        return ASSESS_OK;

    default:
        return assess_extract_fault(x, what);
    }
}


assess_err_e
assess_extract_go_on(assess_extraction_t *x, int at_work)
{
    int64_t  now;

    if (x->cb->cancelled(x->cb->ctx)) {
        return assess_fail(x->err, ASSESS_CANCELLED, NULL,
                           "the extraction was cancelled");
    }

    now = assess_mono_ms();

    if (at_work) {
        x->used += now - x->seen;
    }

    x->seen = now;

    if (x->used < (int64_t) x->conf->document_s * 1000) {
        return ASSESS_OK;
    }

    return assess_fail(x->err, ASSESS_FAILED, "document_limit",
                       "the document took longer than %d s of time to be read "
                       "with all its pages, which is document= of "
                       "assess_extract_limits", x->conf->document_s);
}


assess_err_e
assess_extract_page(assess_extraction_t *x, int number, int picture,
    const assess_str_t *text)
{
    assess_buf_t   clean;
    assess_err_e   rc;
    assess_page_t  page;

    memset(&clean, 0, sizeof(clean));

    if (assess_extract_clean(text, &clean, &x->letters) != 0) {
        assess_buf_free(&clean);
        return assess_fail(x->err, ASSESS_ERROR, "internal", "out of memory");
    }

    x->bytes += (int64_t) text->len;

    page.page = number;
    page.picture = picture;
    page.text.data = clean.data ? clean.data : text->data;
    page.text.len = clean.data ? clean.len : text->len;

    if (page.text.data == NULL) {
        page.text.data = "";
    }

    rc = x->cb->page(x->cb->ctx, &page, x->err);

    assess_buf_free(&clean);

    return rc;
}


/*
 * Text that is not fit to be stored, UTF-8 without NUL, is made so in clean;
 * that is rare, and clean stays empty otherwise.
 */

static int
assess_extract_clean(const assess_str_t *text, assess_buf_t *clean,
    int *letters)
{
    size_t       n;
    uint32_t     cp;
    const char  *p, *end, *good;

    p = good = text->data;
    end = p + text->len;

    while (p < end) {

        n = assess_utf8_next(p, end, &cp);

        if (n && cp) {
            if (!*letters && assess_extract_letter(cp)) {
                *letters = 1;
            }

            p += n;
            continue;
        }

        assess_buf_add(clean, good, (size_t) (p - good));

        if (n == 0) {
            assess_buf_str(clean, "\xEF\xBF\xBD");
        }

        good = ++p;
    }

    if (good != text->data) {
        assess_buf_add(clean, good, (size_t) (end - good));
    }

    return clean->failed ? -1 : 0;
}


/*
 * Whether it is part of a word or a number.  Beyond ASCII the exceptions are
 * listed: punctuation, symbols, and private use, which is what glyphs without
 * a meaning become.
 */

static int
assess_extract_letter(uint32_t cp)
{
    size_t  i;

    static const uint32_t  others[][2] = {
        { 0x00, 0x2f }, { 0x3a, 0x40 }, { 0x5b, 0x60 }, { 0x7b, 0xa9 },
        { 0xab, 0xb1 }, { 0xb4, 0xb4 }, { 0xb6, 0xb8 }, { 0xbb, 0xbb },
        { 0xbf, 0xbf }, { 0xd7, 0xd7 }, { 0xf7, 0xf7 }, { 0x2000, 0x206f },
        { 0x20a0, 0x20cf }, { 0x2190, 0x245f }, { 0x2500, 0x2bff },
        { 0x2e00, 0x2e7f }, { 0x3000, 0x3004 }, { 0x3008, 0x3020 },
        { 0x3030, 0x3030 }, { 0xe000, 0xf8ff }, { 0xfe00, 0xfe6f },
        { 0xfeff, 0xff0f }, { 0xff1a, 0xff20 }, { 0xff3b, 0xff40 },
        { 0xff5b, 0xff65 }, { 0xffe0, 0xffff }, { 0x1f000, 0x1faff },
        { 0xe0000, 0x10ffff }
    };

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (cp <= others[i][1]) {
            return cp < others[i][0];
        }
    }

    return 1;
}


assess_err_e
assess_extract_fault(assess_extraction_t *x, assess_frames_e what)
{
    switch (what) {

    case ASSESS_FRAMES_MORE:
        return ASSESS_OK;

    case ASSESS_FRAMES_MANY_PAGES:
        return assess_extract_limit(x, ASSESS_WHY_PAGES);

    case ASSESS_FRAMES_MUCH_TEXT:
        return assess_extract_limit(x, ASSESS_WHY_OUTPUT);

    case ASSESS_FRAMES_NO_MEMORY:
        return assess_fail(x->err, ASSESS_ERROR, "internal", "out of memory");

    default: /* ASSESS_FRAMES_BROKEN */
        x->lasting = 1;

        return assess_fail(x->err, ASSESS_FAILED, "document_damaged",
                           "the document made its reader talk nonsense");
    }
}


/* Of a document whose readers have all ended well. */

static assess_err_e
assess_extract_result(assess_extraction_t *x)
{
    if (x->letters) {
        return ASSESS_OK;
    }

    x->lasting = 1;

    return assess_fail(x->err, ASSESS_FAILED, "document_without_text",
                       "the document has no text that can be read, in "
                       "%d page%s", x->pages, x->pages == 1 ? "" : "s");
}


assess_err_e
assess_extract_ended(assess_extraction_t *x, int page,
    const assess_frames_t *frames)
{
    switch (frames->why) {

    case ASSESS_WHY_NONE:
        return ASSESS_OK;

    case ASSESS_WHY_INTERNAL:
        return assess_fail(x->err, ASSESS_ERROR, "internal",
                           "\"%s\" cannot set up its sandbox",
                           x->conf->program);

    case ASSESS_WHY_STOPPED:
        return assess_fail(x->err, ASSESS_ERROR, "internal",
                           "\"%s\" was told to stop", x->conf->program);

    case ASSESS_WHY_PAGES:
    case ASSESS_WHY_OUTPUT:
        return assess_extract_limit(x, frames->why);

    case ASSESS_WHY_WALL:
    case ASSESS_WHY_KILLED:
        return assess_extract_died(x, page, frames);

    case ASSESS_WHY_MEMORY:
    case ASSESS_WHY_CPU:
    case ASSESS_WHY_CRASHED:
    case ASSESS_WHY_FORBIDDEN:
        x->lasting = 1;

        return assess_extract_died(x, page, frames);

    default:
        return assess_extract_refused(x, frames->why);
    }
}


/* What its reader says of a document that it cannot read. */

static assess_err_e
assess_extract_refused(assess_extraction_t *x, assess_why_e why)
{
    /* what reads pictures may be there the next time */

    x->lasting = why != ASSESS_WHY_OCR;

    switch (why) {

    case ASSESS_WHY_ENCRYPTED:
        return assess_fail(x->err, ASSESS_FAILED, "document_encrypted",
                           "the document cannot be opened without a password");

    case ASSESS_WHY_DOCTYPE:
        return assess_fail(x->err, ASSESS_FAILED, "document_damaged",
                           "the document declares a document type, where "
                           "entities come from: no office document has one, "
                           "and nothing is expanded or fetched for it");

    case ASSESS_WHY_OLD:
        return assess_fail(x->err, ASSESS_FAILED, "document_damaged",
                           "of the old formats of Microsoft Office, DOC of "
                           "Word 97 to 2003 and XLS of Excel 5.0 to 2003 can "
                           "be read, and the document is neither; save it as "
                           "DOCX, XLSX or PDF");

    case ASSESS_WHY_UNPACKED:
        return assess_fail(x->err, ASSESS_FAILED, "document_limit",
                           "the document unpacks to more than 512 MB, or one "
                           "part of it to more than 256 MB or 200 times its "
                           "size or than it says, or a page of a PDF to more "
                           "than 128 MB, or it has more than 20,000 parts");

    case ASSESS_WHY_DRAWN:
        return assess_fail(x->err, ASSESS_FAILED, "document_limit",
                           "a page of the document takes longer than 5 s of "
                           "CPU time to be read, or 10 s to be drawn, or "
                           "draws more than 1,000 forms that are over 4 deep "
                           "in others");

    case ASSESS_WHY_NESTED:
        return assess_fail(x->err, ASSESS_FAILED, "document_limit",
                           "elements of the document are more than 200 deep in"
                           " each other, or parts of a mail more than 20");

    case ASSESS_WHY_PIXELS:
        return assess_fail(x->err, ASSESS_FAILED, "document_limit",
                           "the document has a picture of more than 100 "
                           "million pixels");

    case ASSESS_WHY_OCR:
        return assess_fail(x->err, ASSESS_FAILED, "document_ocr_unavailable",
                           "the document is a picture, and Tesseract's data "
                           "for the languages \"%s\" cannot be loaded",
                           x->conf->languages);

    case ASSESS_WHY_TOO_LARGE:
        return assess_fail(x->err, ASSESS_FAILED, "document_too_large",
                           "the document is larger than 2 GB");

    default: /* ASSESS_WHY_DAMAGED */
        return assess_fail(x->err, ASSESS_FAILED, "document_damaged",
                           "the document is damaged and cannot be read");
    }
}


static assess_err_e
assess_extract_limit(assess_extraction_t *x, assess_why_e why)
{
    x->lasting = 1;

    if (x->picture) {
        return assess_fail(x->err, ASSESS_FAILED, "document_limit",
                           "it is larger than %d MB",
                           ASSESS_PICTURE_BYTES >> 20);
    }

    if (why == ASSESS_WHY_PAGES) {
        return assess_fail(x->err, ASSESS_FAILED, "document_limit",
                           "the document has more than %d pages, which is "
                           "pages= of assess_extract_limits", x->conf->pages);
    }

    return assess_fail(x->err, ASSESS_FAILED, "document_limit",
                       "the document has an output of more than %lld bytes of "
                       "text, which is output= of assess_extract_limits",
                       (long long) x->conf->output);
}


/* How its reader, or the one of page, died, or was ended. */

static assess_err_e
assess_extract_died(assess_extraction_t *x, int page,
    const assess_frames_t *frames)
{
    char  how[32];

    switch (frames->why) {

    case ASSESS_WHY_MEMORY:
    case ASSESS_WHY_CPU:
    case ASSESS_WHY_WALL:
        return assess_extract_exhausted(x, page, frames->why);

    case ASSESS_WHY_KILLED:
        return assess_fail(x->err, ASSESS_FAILED, "document_killed",
                           "the document's reader was killed by the system, "
                           "which is likely out of memory: lower memory= of "
                           "assess_extract_limits, or assess_cpu_tasks, and "
                           "try again");

    case ASSESS_WHY_FORBIDDEN:
        return assess_fail(x->err, ASSESS_FAILED, "document_forbidden",
                           "the document made its reader do what no reader "
                           "may, and the sandbox ended it: it may be an attack"
                           );

    default: /* ASSESS_WHY_CRASHED */
        (void) snprintf(how, sizeof(how),
                        frames->number ? " (signal %u)" : "",
                        (unsigned) frames->number);

        return assess_fail(x->err, ASSESS_FAILED, "document_crashed",
                           "the document's reader crashed on it%s; saved anew "
                           "by another program it may be readable", how);
    }
}


assess_err_e
assess_extract_exhausted(assess_extraction_t *x, int page, assess_why_e why)
{
    char                          what[48];
    const assess_extract_conf_t  *conf;

    conf = x->conf;

    (void) snprintf(what, sizeof(what),
                    page ? "page %d of the document, a scan," : "the document",
                    page);

    switch (why) {

    case ASSESS_WHY_MEMORY:
        return assess_fail(x->err, ASSESS_FAILED, "document_limit",
                           "%s needs more than %lld MB of memory to be read, "
                           "which is memory= of assess_extract_limits", what,
                           (long long) (conf->memory >> 20));

    case ASSESS_WHY_CPU:
        return assess_fail(x->err, ASSESS_FAILED, "document_limit",
                           "%s took longer than %d s of CPU time to be read, "
                           "which is cpu= of assess_extract_limits", what,
                           conf->cpu_s);

    default: /* ASSESS_WHY_WALL */
        return assess_fail(x->err, ASSESS_FAILED, "document_limit",
                           "%s took longer than %d s of time to be read, "
                           "which is time= of assess_extract_limits", what,
                           conf->wall_s);
    }
}
