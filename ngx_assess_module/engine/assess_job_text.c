
/* A run's first part: from the document to its text. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE                     /* O_TMPFILE */
#endif

#include "assess_job_run_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>


#define ASSESS_PROGRESS_MS    500      /* between two steps of extraction */


/* the pages as they come */

typedef struct {
    assess_run_t    *run;
    assess_arena_t  *arena;
    assess_page_t   *pages;
    size_t           npages;
    size_t           room;
    int64_t          told;           /* when progress was last told, ms */
} assess_text_t;


static assess_err_e assess_run_prepare(assess_run_t *run, assess_err_t *err);
static assess_err_e assess_run_pages(assess_text_t *text, assess_err_t *err);
static assess_err_e assess_run_extract(assess_text_t *text,
    assess_err_t *err);
static int assess_run_file(assess_run_t *run, assess_err_t *err);
static assess_err_e assess_run_page(void *ctx, const assess_page_t *page,
    assess_err_t *err);
static int assess_run_page_interrupted(void *ctx);
static void assess_run_deadly(void *ctx, const assess_err_t *err);
static assess_err_e assess_run_deadly_check(assess_run_t *run,
    assess_err_t *err);


assess_err_e
assess_run_text(assess_run_t *run, assess_err_t *err)
{
    assess_err_e  rc;

    rc = assess_prepared_get(run->engine->prepared, &run->work.job.tenant,
                             run->work.document.document_id,
                             ASSESS_EXTRACTOR_VERSION, assess_run_interrupted,
                             run, &run->shared_document, err);

    if (rc == ASSESS_OK && run->shared_document->value == NULL) {

        rc = assess_run_prepare(run, err);

        /*
         * A document that cannot be read, or that took too long, may be so
         * for this job alone: others find out for themselves, unless it is
         * known to be deadly.
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
    assess_err_e   rc;
    assess_text_t  text;

    memset(&text, 0, sizeof(assess_text_t));
    text.run = run;
    text.arena = run->shared_document->arena;

    rc = assess_run_pages(&text, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    run->engine->cpu_enter(run->engine->ctx);

    rc = assess_prepared_make(run->shared_document, text.pages, text.npages,
                              err);

    run->engine->cpu_leave(run->engine->ctx);

    return rc;
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
    int                   fd, told;
    assess_err_e          rc;
    assess_run_t         *run;
    assess_scope_t        scope;
    assess_extract_cb_t   cb;

    told = 0;
    run = text->run;

    rc = assess_run_deadly_check(run, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    do {
        fd = assess_run_file(run, err);
    } while (fd == -1 && assess_steps_again(&run->steps, err->kind));

    if (fd == -1) {
        return err->kind;
    }

    scope.tenant = run->work.job.tenant;
    scope.user = run->work.job.user;

    do {
        if (ftruncate(fd, 0) == -1 || lseek(fd, 0, SEEK_SET) == -1) {
            rc = assess_fail(err, ASSESS_ERROR, "internal",
                             "a temporary file cannot be emptied: %s",
                             strerror(errno));
            break;
        }

        rc = assess_document_copy(run->engine->db, &scope,
                                  run->work.document.document_id, fd, err);

        if (rc == ASSESS_UNAVAILABLE && !told) {
            run->engine->log(run->engine->ctx, rc, run->work.job.job_id,
                             err->message);
            told = 1;
        }

    } while (assess_steps_again(&run->steps, rc));

    if (rc == ASSESS_OK) {
        cb.page = assess_run_page;
        cb.cancelled = assess_run_page_interrupted;
        cb.deadly = assess_run_deadly;
        cb.ctx = text;

        text->told = assess_mono_ms();
        text->npages = 0;

        run->engine->cpu_enter(run->engine->ctx);

        /* again: nothing makes jobs wait for each other without a cache */

        rc = assess_run_deadly_check(run, err);

        if (rc == ASSESS_OK) {
            rc = assess_extract(&run->engine->extract,
                                run->work.document.kind, fd, &cb, err);
        }

        run->engine->cpu_leave(run->engine->ctx);
    }

    (void) close(fd);

    return rc;
}


/* a file without a name: nothing is left of it, whatever happens */

static int
assess_run_file(assess_run_t *run, assess_err_t *err)
{
    int  fd;

    fd = open(run->engine->temp_path, O_TMPFILE|O_RDWR|O_CLOEXEC, 0600);

    if (fd == -1 && (errno == ENOSPC || errno == EDQUOT || errno == EMFILE
                     || errno == ENFILE))
    {
        (void) assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                           "a temporary file cannot be made yet: %s",
                           strerror(errno));

    } else if (fd == -1) {
        (void) assess_fail(err, ASSESS_ERROR, "internal",
                           "a temporary file cannot be made: %s",
                           strerror(errno));
    }

    return fd;
}


static assess_err_e
assess_run_page(void *ctx, const assess_page_t *page, assess_err_t *err)
{
    assess_text_t *text = ctx;

    size_t          room;
    int64_t         now;
    assess_page_t  *pages;
    assess_step_t   step;

    if (text->npages == text->room) {

        room = text->room ? text->room * 2 : 64;

        pages = assess_palloc(text->arena, room * sizeof(assess_page_t));
        if (pages == NULL) {
            return assess_run_memory(err);
        }

        if (text->npages) {
            memcpy(pages, text->pages, text->npages * sizeof(assess_page_t));
        }

        text->pages = pages;
        text->room = room;
    }

    pages = &text->pages[text->npages];
    pages->page = page->page;

    if (assess_pstrdup(text->arena, &pages->text, page->text.data,
                       page->text.len) != 0)
    {
        return assess_run_memory(err);
    }

    text->npages++;

    now = assess_mono_ms();

    if (now - text->told < ASSESS_PROGRESS_MS) {
        return ASSESS_OK;
    }

    text->told = now;

    if (assess_steps_kept(&text->run->steps)) {
        return assess_steps_try(&text->run->steps, err);
    }

    /* how many pages will come is not known: half of what is left, again */

    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_EXTRACTING;
    step.step = "Extracting text";
    step.progress = (int) (ASSESS_AT_LOOKUP * text->npages
                           / (text->npages + 100));

    return assess_run_step(text->run, &step, err);
}


static int
assess_run_page_interrupted(void *ctx)
{
    assess_text_t *text = ctx;

    return assess_run_interrupted(text->run);
}


static void
assess_run_deadly(void *ctx, const assess_err_t *err)
{
    assess_text_t *text = ctx;

    assess_run_t  *run;

    run = text->run;

    assess_deadly_add(run->engine->deadly, run->work.document.document_id,
                      run->work.job.attempt, assess_mono_ms(), err);
}


static assess_err_e
assess_run_deadly_check(assess_run_t *run, assess_err_t *err)
{
    return assess_deadly_check(run->engine->deadly,
                               run->work.document.document_id,
                               run->work.job.attempt, assess_mono_ms(), err);
}
