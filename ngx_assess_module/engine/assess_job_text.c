
/* A run's first part: from the document to its text. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE                     /* O_TMPFILE */
#endif

#include "assess_job_run_int.h"
#include "../store/assess_scanned.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>


#define ASSESS_PROGRESS_MS    500      /* between two steps of extraction */
#define ASSESS_STEP_LEN       64       /* of the longest name of one */
#define ASSESS_KEEP_MS        5000     /* of reading scans, at most lost */
#define ASSESS_KEEP_IN_MS     2000     /* what watches the readers waits */


/* the pages as they come */

typedef struct {
    assess_run_t    *run;
    assess_arena_t  *arena;
    assess_page_t   *pages;
    size_t           npages;
    size_t           room;
    int64_t          told;           /* when progress was last told, ms */
    int              scans;          /* pages that are; 0: not known yet */
    int              from;           /* progress before them */
    assess_buf_t     unkept;         /* of them, assess_page_t */
    int64_t          kept;           /* when some were last, ms */
    assess_arena_t  *rescued;        /* has those of another run; or NULL */
    int              saved;          /* they had been read before */
} assess_text_t;


static assess_err_e assess_run_prepare(assess_run_t *run, assess_err_t *err);
static void assess_run_found(assess_run_t *run,
    const assess_prepared_t *document, const char *how, int64_t ms);
static assess_err_e assess_run_pages(assess_text_t *text, assess_err_t *err);
static assess_err_e assess_run_extract(assess_text_t *text,
    assess_err_t *err);
static void assess_run_counted(assess_run_t *run, assess_err_e rc,
    const assess_err_t *err);
static assess_err_e assess_run_copy(assess_run_t *run,
    const assess_scope_t *scope, int fd, assess_err_t *err);
static assess_err_e assess_run_file(assess_run_t *run, int *fd,
    assess_err_t *err);
static assess_err_e assess_run_begin(void *ctx, assess_err_t *err);
static assess_err_e assess_run_page(void *ctx, const assess_page_t *page,
    assess_err_t *err);
static int assess_run_room(assess_text_t *text, size_t npages);
static assess_err_e assess_run_kept(void *ctx, const assess_page_t **pages,
    size_t *n, assess_err_t *err);
static void assess_run_reader(const assess_run_t *run, assess_scope_t *scope,
    assess_reader_t *reader);
static void assess_run_keep(assess_text_t *text);
static assess_err_e assess_run_scanned(void *ctx, int done, int scans,
    assess_err_t *err);
static assess_err_e assess_run_tell(assess_text_t *text, const char *name,
    int progress, assess_err_t *err);
static int assess_run_page_interrupted(void *ctx);
static void assess_run_unreadable(void *ctx, const assess_err_t *err);
static assess_err_e assess_run_unreadable_check(assess_run_t *run,
    assess_err_t *err);


assess_err_e
assess_run_text(assess_run_t *run, assess_err_t *err)
{
    int64_t       begun;
    assess_err_e  rc;

    begun = assess_mono_ms();

    rc = assess_prepared_get(run->engine->prepared, &run->work.job.tenant,
                             run->work.document.document_id,
                             ASSESS_EXTRACTOR_VERSION, assess_run_interrupted,
                             run, &run->shared_document, err);

    if (rc == ASSESS_OK) {
        assess_count(run->shared_document->value
                     ? &run->engine->metrics->document_hits
                     : &run->engine->metrics->document_misses, 1);
    }

    if (rc == ASSESS_OK && run->shared_document->value) {
        assess_run_found(run, run->shared_document->value, "kept by this "
                         "worker", assess_mono_ms() - begun);

    } else if (rc == ASSESS_OK) {

        rc = assess_run_prepare(run, err);

        /*
         * A document that cannot be read, or that took too long, may be so
         * for this job alone: others find out for themselves, unless it is
         * known that it cannot be.
         */

        assess_lru_made(run->shared_document,
                        rc == ASSESS_OK ? ASSESS_MADE
                        : rc == ASSESS_FAILED || rc == ASSESS_ERROR
                          ? ASSESS_NOT_MADE : ASSESS_LEFT);
    }

    if (rc == ASSESS_OK) {
        run->document = run->shared_document->value;
    }

    if (rc == ASSESS_CANCELLED && run->engine->stopping(run->engine->ctx)) {
        return ASSESS_STOPPING;
    }

    return rc;
}


/* for this job and for others: all of it is in the arena that they share */

static assess_err_e
assess_run_prepare(assess_run_t *run, assess_err_t *err)
{
    int64_t        begun;
    assess_err_e   rc;
    assess_text_t  text;

    memset(&text, 0, sizeof(assess_text_t));
    text.run = run;
    text.arena = run->shared_document->arena;
    begun = assess_mono_ms();

    rc = assess_run_pages(&text, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    assess_cpu_enter(run->engine->cpu);

    rc = assess_prepared_make(run->shared_document, text.pages, text.npages,
                              err);

    assess_cpu_leave(run->engine->cpu);

    if (rc == ASSESS_OK) {
        assess_run_found(run, run->shared_document->value,
                         text.saved ? "saved before" : "read",
                         assess_mono_ms() - begun);
    }

    return rc;
}


static void
assess_run_found(assess_run_t *run, const assess_prepared_t *document,
    const char *how, int64_t ms)
{
    assess_run_line(run, ASSESS_LEVEL_INFO, "text of %zu page%s, %s, and %zu "
                    "passage%s in it, in %lld ms", document->npages,
                    assess_plural(document->npages), how,
                    document->npassages, assess_plural(document->npassages),
                    (long long) ms);
}


static assess_err_e
assess_run_pages(assess_text_t *text, assess_err_t *err)
{
    assess_err_e    rc;
    assess_run_t   *run;
    assess_scope_t  scope;

    run = text->run;

    scope.tenant = run->work.job.tenant;
    scope.user = run->work.job.user;

    do {
        rc = assess_document_pages(run->engine->db, text->arena, &scope,
                                   run->work.document.document_id,
                                   ASSESS_EXTRACTOR_VERSION, &text->pages,
                                   &text->npages, err);
    } while (assess_steps_again(&run->steps, rc));

    text->saved = rc == ASSESS_OK;

    if (rc != ASSESS_CONFLICT) {
        return rc;
    }

    rc = assess_run_extract(text, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    do {
        rc = assess_document_save_pages(run->engine->db, &scope,
                                        run->work.document.document_id,
                                        ASSESS_EXTRACTOR_VERSION, text->pages,
                                        text->npages, err);
    } while (assess_steps_again(&run->steps, rc));

    return rc;
}


static assess_err_e
assess_run_extract(assess_text_t *text, assess_err_t *err)
{
    int                   fd;
    assess_err_e          rc;
    assess_run_t         *run;
    assess_extract_cb_t   cb;

    run = text->run;

    rc = assess_run_unreadable_check(run, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    rc = assess_run_content(run, &fd, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    cb.begin = assess_run_begin;
    cb.page = assess_run_page;
    cb.kept = assess_run_kept;
    cb.scanned = assess_run_scanned;
    cb.cancelled = assess_run_page_interrupted;
    cb.unreadable = assess_run_unreadable;
    cb.ctx = text;

    text->told = assess_mono_ms();
    text->npages = 0;

    rc = assess_extract(&run->engine->extract, run->engine->cpu,
                        run->work.document.kind, fd, &cb, err);

    (void) close(fd);

    /* whoever reads it next goes on here */

    if (rc != ASSESS_OK && rc != ASSESS_FAILED) {
        assess_run_keep(text);
    }

    assess_buf_free(&text->unkept);

    if (text->rescued) {
        assess_arena_destroy(text->rescued);
    }

    assess_run_counted(run, rc, err);

    if (rc == ASSESS_OK) {
        assess_run_read(run);
    }

    run->reading = 0;

    return rc;
}


static void
assess_run_counted(assess_run_t *run, assess_err_e rc,
    const assess_err_t *err)
{
    unsigned  kind, read;

    static const char  *const codes[ASSESS_READS] = {
        [ASSESS_READ_ENCRYPTED] = "document_encrypted",
        [ASSESS_READ_DAMAGED] = "document_damaged",
        [ASSESS_READ_WITHOUT_TEXT] = "document_without_text",
        [ASSESS_READ_LIMIT] = "document_limit",
        [ASSESS_READ_KILLED] = "document_killed",
        [ASSESS_READ_CRASHED] = "document_crashed",
        [ASSESS_READ_FORBIDDEN] = "document_forbidden",
        [ASSESS_READ_OCR_UNAVAILABLE] = "document_ocr_unavailable"
    };

    kind = (unsigned) run->work.document.kind;

    if (kind >= ASSESS_METRIC_KINDS) {
        kind = 0;
    }

    switch (rc) {

    case ASSESS_OK:
        read = ASSESS_READ_OK;
        break;

    case ASSESS_CANCELLED:
    case ASSESS_STOPPING:
    case ASSESS_LOST:
        read = ASSESS_READ_CANCELLED;
        break;

    default:
        for (read = 0; read < ASSESS_READS; read++) {
            if (codes[read] && err->code && strcmp(codes[read], err->code) == 0)
            {
                break;
            }
        }

        if (read == ASSESS_READS) {
            read = ASSESS_READ_ERROR;
        }
    }

    assess_count(&run->engine->metrics->reads[kind][read], 1);
}


/* Of the file that it is already, or of one that it is copied to. */

assess_err_e
assess_run_content(assess_run_t *run, int *fd, assess_err_t *err)
{
    int             told;
    assess_err_e    rc;
    assess_scope_t  scope;

    *fd = -1;
    told = 0;

    scope.tenant = run->work.job.tenant;
    scope.user = run->work.job.user;

    do {
        if (told && assess_run_interrupted(run)) {
            rc = assess_fail(err, ASSESS_CANCELLED, NULL, "interrupted");
            break;
        }

        rc = ASSESS_OK;

        if (*fd == -1) {
            rc = assess_document_open(run->engine->db, &scope,
                                      run->work.document.document_id, fd,
                                      err);

            if (rc == ASSESS_OK && *fd != -1) {
                return ASSESS_OK;
            }
        }

        if (rc == ASSESS_OK && *fd == -1) {
            rc = assess_run_file(run, fd, err);
        }

        if (rc == ASSESS_OK) {
            rc = assess_run_copy(run, &scope, *fd, err);
        }

        if (rc == ASSESS_UNAVAILABLE && !told) {
            run->engine->log(run->engine->ctx, rc, run->work.job.job_id,
                             err->message);
            told = 1;
        }

    } while (assess_steps_again(&run->steps, rc));

    if (rc != ASSESS_OK && *fd != -1) {
        (void) close(*fd);
    }

    return rc;
}


static assess_err_e
assess_run_copy(assess_run_t *run, const assess_scope_t *scope, int fd,
    assess_err_t *err)
{
    if (ftruncate(fd, 0) == -1 || lseek(fd, 0, SEEK_SET) == -1) {
        return assess_fail(err, ASSESS_ERROR, "internal",
                           "a temporary file cannot be emptied: %s",
                           strerror(errno));
    }

    return assess_document_copy(run->engine->db, scope,
                                run->work.document.document_id, fd, err);
}


/* a file without a name: nothing is left of it, whatever happens */

static assess_err_e
assess_run_file(assess_run_t *run, int *fd, assess_err_t *err)
{
    *fd = open(run->engine->temp_path, O_TMPFILE|O_RDWR|O_CLOEXEC, 0600);

    if (*fd != -1) {
        return ASSESS_OK;
    }

    if (errno == ENOSPC || errno == EDQUOT || errno == EMFILE
        || errno == ENFILE)
    {
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                           "a temporary file cannot be made yet: %s",
                           strerror(errno));
    }

    return assess_fail(err, ASSESS_ERROR, "internal",
                       "a temporary file cannot be made: %s",
                       strerror(errno));
}


/* again: nothing makes jobs wait for each other without a cache */

static assess_err_e
assess_run_begin(void *ctx, assess_err_t *err)
{
    assess_text_t *text = ctx;

    text->run->reading = assess_mono_ms();
    text->run->read_from = text->run->reading;

    return assess_run_unreadable_check(text->run, err);
}


/* Scanned pages come late, and in any order: each has its place. */

static assess_err_e
assess_run_page(void *ctx, const assess_page_t *page, assess_err_t *err)
{
    assess_text_t *text = ctx;

    assess_page_t  *own;

    if (assess_run_room(text, (size_t) page->page) != 0) {
        return assess_run_memory(err);
    }

    own = &text->pages[page->page - 1];
    own->picture = page->picture;

    if (assess_pstrdup(text->arena, &own->text, page->text.data,
                       page->text.len)
        != 0)
    {
        return assess_run_memory(err);
    }

    if (text->scans) {
        assess_buf_add(&text->unkept, own, sizeof(assess_page_t));

        return text->unkept.failed ? assess_run_memory(err) : ASSESS_OK;
    }

    /* how many pages will come is not known: half of what is left, again */

    return assess_run_tell(text, "Extracting text",
                           (int) (ASSESS_AT_LOOKUP * text->npages
                                  / (text->npages + 100)), err);
}


/* Room for so many pages, which are empty until they come. */

static int
assess_run_room(assess_text_t *text, size_t npages)
{
    size_t          room;
    assess_page_t  *pages;

    if (npages > text->room) {

        room = text->room ? text->room : 64;

        while (room < npages) {
            room *= 2;
        }

        pages = assess_palloc(text->arena, room * sizeof(assess_page_t));
        if (pages == NULL) {
            return -1;
        }

        if (text->npages) {
            memcpy(pages, text->pages, text->npages * sizeof(assess_page_t));
        }

        text->pages = pages;
        text->room = room;
    }

    for ( /* void */ ; text->npages < npages; text->npages++) {
        text->pages[text->npages].page = (int) text->npages + 1;
        text->pages[text->npages].text.data = "";
        text->pages[text->npages].text.len = 0;
        text->pages[text->npages].picture = 0;
    }

    return 0;
}


/* What another run has left of them. */

static assess_err_e
assess_run_kept(void *ctx, const assess_page_t **pages, size_t *n,
    assess_err_t *err)
{
    assess_text_t *text = ctx;

    assess_run_t     *run;
    assess_err_e      rc;
    assess_page_t    *kept;
    assess_scope_t    scope;
    assess_reader_t   reader;

    run = text->run;

    text->rescued = assess_arena_create();
    if (text->rescued == NULL) {
        return assess_run_memory(err);
    }

    assess_run_reader(run, &scope, &reader);

    do {
        rc = assess_scanned_kept(run->engine->db, text->rescued, &scope,
                                 run->work.document.document_id, &reader,
                                 &kept, n, err);
    } while (assess_steps_again(&run->steps, rc));

    *pages = kept;

    return rc;
}


static void
assess_run_reader(const assess_run_t *run, assess_scope_t *scope,
    assess_reader_t *reader)
{
    scope->tenant = run->work.job.tenant;
    scope->user = run->work.job.user;

    reader->extractor = ASSESS_EXTRACTOR_VERSION;
    reader->languages = run->engine->extract.languages;
}


/*
 * Those that were read since are kept for another run.  Where the store is away
 * they are kept with the next ones; that it is, is told elsewhere.
 */

static void
assess_run_keep(assess_text_t *text)
{
    size_t            n;
    assess_err_e      rc;
    assess_err_t      err;
    assess_run_t     *run;
    assess_scope_t    scope;
    assess_reader_t   reader;

    n = text->unkept.len / sizeof(assess_page_t);

    if (n == 0) {
        return;
    }

    run = text->run;
    text->kept = assess_mono_ms();

    assess_run_reader(run, &scope, &reader);

    assess_db_until(text->kept + ASSESS_KEEP_IN_MS);

    rc = assess_scanned_keep(run->engine->db, &scope,
                             run->work.document.document_id, &reader,
                             (const assess_page_t *) (const void *)
                             text->unkept.data, n, &err);

    assess_db_until(0);

    if (rc == ASSESS_UNAVAILABLE) {
        return;
    }

    if (rc != ASSESS_OK) {
        run->engine->log(run->engine->ctx, rc, run->work.job.job_id,
                         err.message);
    }

    assess_buf_reset(&text->unkept);
}


static assess_err_e
assess_run_scanned(void *ctx, int done, int scans, assess_err_t *err)
{
    assess_text_t *text = ctx;

    int            first;
    char          *step;
    assess_err_e   rc;

    /* that it has come to them is told at once, as it will take its time */

    first = text->scans == 0;
    text->run->scanned = done;

    if (first) {
        text->run->scans = scans;
        text->run->rescued = done;
        text->run->scanning = assess_mono_ms();
        text->told = 0;
        text->kept = text->run->scanning;
        text->scans = scans;
        text->from = (int) (ASSESS_AT_LOOKUP * text->npages
                            / (text->npages + 100));

        if (done) {
            assess_run_line(text->run, ASSESS_LEVEL_INFO, "%d of %d scanned "
                            "pages had been read before", done, scans);
        }

    } else {
        assess_count(&text->run->engine->metrics->ocr_pages, 1);

        if (assess_mono_ms() - text->kept >= ASSESS_KEEP_MS) {
            assess_run_keep(text);
        }
    }

    if (assess_mono_ms() - text->told < ASSESS_PROGRESS_MS) {
        return ASSESS_OK;
    }

    /* it may be kept until the end of the job */

    step = assess_palloc(text->run->arena, ASSESS_STEP_LEN);
    if (step == NULL) {
        return assess_run_memory(err);
    }

    (void) snprintf(step, ASSESS_STEP_LEN, "Reading scanned pages, %d of %d",
                    done, scans);

    rc = assess_run_tell(text, step,
                         text->from + (ASSESS_AT_LOOKUP - text->from) * done
                         / scans, err);

    return rc == ASSESS_OK && first
           ? assess_steps_flush(&text->run->steps, err) : rc;
}


/* Not each page is worth an event. */

static assess_err_e
assess_run_tell(assess_text_t *text, const char *name, int progress,
    assess_err_t *err)
{
    int64_t        now;
    assess_step_t  step;

    now = assess_mono_ms();

    if (now - text->told < ASSESS_PROGRESS_MS) {
        return ASSESS_OK;
    }

    text->told = now;

    if (assess_steps_kept(&text->run->steps)) {
        return assess_steps_try(&text->run->steps, err);
    }

    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_EXTRACTING;
    step.step = name;
    step.progress = progress;
    step.estimated_completion = assess_run_estimate(text->run, NULL);

    return assess_run_step(text->run, &step, err);
}


static int
assess_run_page_interrupted(void *ctx)
{
    assess_text_t *text = ctx;

    return assess_run_interrupted(text->run);
}


static void
assess_run_unreadable(void *ctx, const assess_err_t *err)
{
    assess_text_t *text = ctx;

    assess_run_t  *run;

    run = text->run;

    assess_unreadable_add(run->engine->unreadable,
                          run->work.document.document_id,
                          run->work.job.attempt, assess_mono_ms(), err);
}


static assess_err_e
assess_run_unreadable_check(assess_run_t *run, assess_err_t *err)
{
    return assess_unreadable_check(run->engine->unreadable,
                                   run->work.document.document_id,
                                   run->work.job.attempt, assess_mono_ms(),
                                   err);
}
