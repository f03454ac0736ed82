
/*
 * Runs the real program, build/assess-extract or ASSESS_EXTRACT, over
 * documents made here.
 */

#ifndef EXTRACT_H
#define EXTRACT_H


#include "engine/assess_extract.h"
#include "engine/assess_extractor.h"
#include "engine/assess_plain.h"
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


/* What a run gave, and what is done to it meanwhile. */
typedef struct {
    assess_buf_t    text;              /* pages, each ended by a bar */
    int             pages;
    int             last;              /* of them, by its number */
    int             asked;             /* how often cancelled() was */
    int             cancel_at;
    int             unreadable;        /* how often it was called */
    int             begun;             /* and begin() */
    const assess_page_t  *kept;        /* scanned pages, of earlier */
    size_t          nkept;
    int             given;             /* they were */
    int             before;            /* pages that had come by then */
    int             scanned;           /* the last number; -1: none */
    int             scans;
    char            came[16];          /* how often each of the first pages */
    int             refuse_page;
    int             linger;            /* at the first page, till it is read */
    int             hit;               /* a signal for the reader, once */
    int             hit_program;       /* so often */
    int             hit_scans;         /* not before scanned pages are read */
    int             readers;           /* the most that were seen at once */
    char            status[8192];      /* of the reader, from /proc */
} run_t;


static assess_extract_conf_t  conf;
static assess_cpu_t          *cpu;
static int                    memory_limited;


static void __attribute__((unused))
defaults(void)
{
    conf.languages = "eng";
    conf.program = getenv("ASSESS_EXTRACT");
    if (conf.program == NULL) {
        conf.program = "build/assess-extract";
    }

    if (cpu == NULL) {
        cpu = assess_cpu_create(8);
    }

    conf.memory = (int64_t) 512 << 20;
    conf.cpu_s = 20;
    conf.wall_s = 30;
    conf.pages = 100;
    conf.document_s = 600;
    conf.output = 1 << 20;
}


/* The text of a file of this process's or another's /proc. */

static int __attribute__((unused))
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

static int __attribute__((unused))
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

static pid_t __attribute__((unused))
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


static assess_err_e __attribute__((unused))
on_begin(void *ctx, assess_err_t *err)
{
    (void) err;
    ((run_t *) ctx)->begun++;

    return ASSESS_OK;
}


static assess_err_e __attribute__((unused))
on_kept(void *ctx, const assess_page_t **pages, size_t *n, assess_err_t *err)
{
    run_t  *run = ctx;

    if (run->given++) {
        return assess_fail(err, ASSESS_ERROR, NULL, "asked twice");
    }

    *pages = run->kept;
    *n = run->nkept;
    run->before = run->pages;

    return ASSESS_OK;
}


static assess_err_e __attribute__((unused))
on_scanned(void *ctx, int done, int scans, assess_err_t *err)
{
    int     kept;
    run_t  *run = ctx;

    kept = run->given ? run->pages - run->before : 0;

    if (done != (run->scanned == -1 ? kept : run->scanned + 1) || done > scans)
    {
        return assess_fail(err, ASSESS_ERROR, NULL, "scans miscounted");
    }

    run->scanned = done;
    run->scans = scans;

    return ASSESS_OK;
}


static assess_err_e __attribute__((unused))
on_page(void *ctx, const assess_page_t *page, assess_err_t *err)
{
    pid_t    reader;
    run_t   *run = ctx;
    int64_t  start;

    run->pages++;

    if (page->page <= (int) sizeof(run->came)) {
        run->came[page->page - 1]++;
    }

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

    /* scanned ones come later, in any order */

    if (!run->given && page->page <= run->last) {
        return assess_fail(err, ASSESS_ERROR, NULL, "page out of order");
    }

    run->last = page->page;

    assess_buf_add(&run->text, page->text.data, page->text.len);
    assess_buf_char(&run->text, '|');

    return ASSESS_OK;
}


static int __attribute__((unused))
on_cancelled(void *ctx)
{
    int     n;
    char    path[64];
    pid_t   pid, reader, readers[16];
    run_t  *run = ctx;

    run->asked++;

    if (run->hit_scans) {

        if (run->scanned == -1) {
            return 0;
        }

        n = children_of(program(), readers, 16);
        run->readers = n > run->readers ? n : run->readers;
    }

    if (run->asked % 3 == 0 && (run->hit || run->hit_program)) {

        pid = program();

        if (pid && children_of(pid, &reader, 1) == 1) {
            (void) snprintf(path, sizeof(path), "/proc/%d/status",
                            (int) reader);
            (void) slurp(path, run->status, sizeof(run->status));

            (void) kill(run->hit ? reader : pid, run->hit ? run->hit
                                                          : SIGKILL);
            run->hit = 0;

            /* soon after the last one: it may be read faster than expected */

            if (run->hit_program && --run->hit_program == 0
                && run->cancel_at > run->asked + 4)
            {
                run->cancel_at = run->asked + 4;
            }
        }
    }

    return run->cancel_at && run->asked >= run->cancel_at;
}


static void __attribute__((unused))
on_unreadable(void *ctx, const assess_err_t *err)
{
    run_t  *run = ctx;

    run->unreadable += err->code != NULL;
}


static int __attribute__((unused))
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


static assess_err_e __attribute__((unused))
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
    run->last = 0;
    run->asked = 0;
    run->unreadable = 0;
    run->begun = 0;
    run->given = 0;
    run->scanned = -1;
    run->scans = 0;
    memset(run->came, 0, sizeof(run->came));

    cb.begin = on_begin;
    cb.page = on_page;
    cb.kept = on_kept;
    cb.scanned = on_scanned;
    cb.cancelled = on_cancelled;
    cb.unreadable = on_unreadable;
    cb.ctx = run;

    fd = document(data, len);
    rc = assess_extract(&conf, cpu, kind, fd, &cb, err);
    (void) close(fd);

    return rc;
}


static void __attribute__((unused))
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


static void __attribute__((unused))
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

static void __attribute__((unused))
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
 * Run-length encoding of bytes 0x81 is bytes 0x81 (128 of them from two): with
 * six layers of it a form of 256 bytes has 17 TB.  What a page itself is drawn
 * by is looked at before.
 */

static void __attribute__((unused))
bomb(assess_buf_t *b)
{
    char  raw[256];

    memset(raw, 0x81, sizeof(raw));

    assess_buf_reset(b);
    assess_buf_str(b, "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        "2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n"
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]/Contents 4 0 R"
        "/Resources<</XObject<</X 5 0 R>>>>>>endobj\n"
        "4 0 obj<</Length 5>>stream\n/X Do\nendstream endobj\n"
        "5 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length 256"
        "/Filter[/RL/RL/RL/RL/RL/RL]>>stream\n");
    assess_buf_add(b, raw, sizeof(raw));
    assess_buf_str(b, "\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
}


/*
 * A page that draws a form, which draws the next one so many times, n of them:
 * the last one says something.
 */

static void __attribute__((unused))
forms(assess_buf_t *b, int n, int times)
{
    int  i, k;

    static const char  resources[] = "/Resources<</Font<</F<</Type/Font/Subtype"
        "/Type1/BaseFont/Helvetica>>>>/XObject<</X";
    static const char  words[] = "BT /F 9 Tf 9 99 Td (Deep exits.) Tj ET";

    assess_buf_reset(b);
    assess_buf_printf(b, "%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        "2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n"
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]/Contents 4 0 R"
        "%s 5 0 R>>>>>>endobj\n"
        "4 0 obj<</Length 5>>stream\n/X Do\nendstream endobj\n", resources);

    for (i = 0; i < n; i++) {
        assess_buf_printf(b, "%d 0 obj<</Type/XObject/Subtype/Form/BBox"
            "[0 0 400 400]%s %d 0 R>>>>/Length %d>>stream\n", 5 + i, resources,
            6 + i, i + 1 < n ? 6 * times : (int) strlen(words));

        for (k = 0; k < times && i + 1 < n; k++) {
            assess_buf_str(b, "/X Do ");
        }

        if (i + 1 == n) {
            assess_buf_str(b, words);
        }

        assess_buf_str(b, "\nendstream endobj\n");
    }

    assess_buf_str(b, "trailer<</Root 1 0 R>>\n%%EOF\n");
}


/* What the program was built with. */

static void __attribute__((unused))
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


#endif /* EXTRACT_H */
