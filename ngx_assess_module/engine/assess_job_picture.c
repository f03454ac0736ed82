
/*
 * A run's part between the search and the asking: the scanned pages that its
 * passages stand on become pictures, for a provider that takes them.  They are
 * an extra.  What cannot be shown is logged, and the job goes on with the text.
 */

#include "assess_job_run_int.h"
#include "assess_pictures.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>


#define ASSESS_PICTURES_MS     500     /* between two steps */
#define ASSESS_PICTURES_LEN    64      /* of the longest name of one */

/* of a job, while it asks, as they are sent: some hundred pages */
#define ASSESS_PICTURES_BYTES  (32 * 1024 * 1024)


typedef struct {
    assess_run_t       *run;
    int                *pages;         /* that are wanted */
    size_t              npages;
    char               *wanted;        /* by page */
    assess_picture_t   *pictures;      /* those that are there */
    size_t              npictures;
    size_t              bytes;         /* of them */
    int64_t             told;
} assess_show_t;


static assess_err_e assess_run_wanted(assess_show_t *show, assess_err_t *err);
static int assess_run_is_picture(const void *ctx, int page);
static void assess_run_want(assess_show_t *show, const int *pages, size_t n);
static assess_err_e assess_run_show(assess_show_t *show, assess_err_t *err);
static assess_err_e assess_run_picture(void *ctx, const assess_page_t *page,
    assess_err_t *err);
static void assess_run_hidden(assess_show_t *show, int page, const char *why);
static assess_err_e assess_run_shown(void *ctx, int done, int pages,
    assess_err_t *err);
static int assess_run_show_interrupted(void *ctx);
static void assess_run_unshown(assess_show_t *show);
static int assess_run_is_missing(const void *ctx, int page);


int
assess_run_pictured(const assess_run_t *run)
{
    size_t                         i;
    const assess_provider_conf_t  *conf;

    conf = assess_provider_conf(run->provider);

    if (conf->type == ASSESS_PROVIDER_LOCAL || conf->images == 0) {
        return 0;
    }

    for (i = 0; i < run->document->npages; i++) {
        if (run->document->pages[i].picture) {
            return 1;
        }
    }

    return 0;
}


assess_err_e
assess_run_pictures(assess_run_t *run, assess_err_t *err)
{
    assess_err_e   rc;
    assess_show_t  show;

    memset(&show, 0, sizeof(assess_show_t));
    show.run = run;

    rc = assess_run_wanted(&show, err);

    if (rc == ASSESS_OK && show.npages) {
        rc = assess_run_show(&show, err);
    }

    if (rc == ASSESS_FAILED || rc == ASSESS_ERROR) {
        assess_run_hidden(&show, 0, err->message);
        rc = ASSESS_OK;
    }

    if (rc == ASSESS_CANCELLED && run->engine->stopping(run->engine->ctx)) {
        return ASSESS_STOPPING;
    }

    if (rc == ASSESS_OK) {
        run->ask.pictures = show.pictures;
        run->ask.npictures = show.npictures;

        assess_run_unshown(&show);
    }

    return rc;
}


/* What the requests will want that are sent if nothing goes wrong. */

static assess_err_e
assess_run_wanted(assess_show_t *show, assess_err_t *err)
{
    int                            pages[ASSESS_IMAGES_MAX];
    char                          *known;
    size_t                         i, n, room, *left;
    assess_run_t                  *run;
    const assess_provider_conf_t  *conf;

    run = show->run;
    conf = assess_provider_conf(run->provider);

    /* not those that have an answer already */

    known = assess_pcalloc(run->arena, run->nitems + 1);
    left = assess_palloc(run->arena, (run->nitems + 1) * sizeof(size_t));
    show->pages = assess_palloc(run->arena,
                                (run->document->npages + 1) * sizeof(int));

    show->wanted = assess_pcalloc(run->arena, run->document->npages + 1);

    if (known == NULL || left == NULL || show->pages == NULL
        || show->wanted == NULL)
    {
        return assess_run_memory(err);
    }

    for (i = 0; i < run->nkept; i++) {
        known[run->kept[i].ordinal] = 1;
    }

    for (i = 0, n = 0; i < run->nitems; i++) {
        if (!known[i]) {
            left[n++] = i;
        }
    }

    for (i = 0; i < n; i += room) {

        room = n - i < (size_t) conf->questions_per_batch
               ? n - i : (size_t) conf->questions_per_batch;

        assess_run_want(show, pages,
                        assess_pictures_choose(run->items, left + i, room,
                                               (size_t) conf->passages,
                                               assess_run_is_picture,
                                               run->document, pages,
                                               (size_t) conf->images));
    }

    show->pictures = assess_palloc(run->arena, (show->npages + 1)
                                               * sizeof(assess_picture_t));

    return show->pictures ? ASSESS_OK : assess_run_memory(err);
}


static int
assess_run_is_picture(const void *ctx, int page)
{
    const assess_prepared_t *document = ctx;

    return page > 0 && (size_t) page <= document->npages
           && document->pages[page - 1].picture;
}


static void
assess_run_want(assess_show_t *show, const int *pages, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (!show->wanted[pages[i]]) {
            show->wanted[pages[i]] = 1;
            show->pages[show->npages++] = pages[i];
        }
    }
}


static assess_err_e
assess_run_show(assess_show_t *show, assess_err_t *err)
{
    int                   fd;
    assess_err_e          rc;
    assess_run_t         *run;
    assess_extract_cb_t   cb;

    run = show->run;

    rc = assess_run_content(run, &fd, err);
    if (rc != ASSESS_OK) {
        return rc;
    }

    memset(&cb, 0, sizeof(assess_extract_cb_t));
    cb.page = assess_run_picture;
    cb.scanned = assess_run_shown;
    cb.cancelled = assess_run_show_interrupted;
    cb.ctx = show;

    rc = assess_extract_pictures(&run->engine->extract, run->engine->cpu,
                                 run->work.document.kind, fd, show->pages,
                                 show->npages, &cb, err);

    (void) close(fd);

    return rc;
}


static assess_err_e
assess_run_picture(void *ctx, const assess_page_t *page, assess_err_t *err)
{
    assess_show_t *show = ctx;

    assess_picture_t  *picture;

    if (page->text.data == NULL) {
        assess_run_hidden(show, page->page, err->message);
        return ASSESS_OK;
    }

    if (show->bytes + page->text.len / 3 * 4 > ASSESS_PICTURES_BYTES) {
        assess_run_hidden(show, page->page, "there are 32 MB of them already");
        return ASSESS_OK;
    }

    picture = &show->pictures[show->npictures];
    picture->page = page->page;

    if (assess_pictures_url(show->run->arena, &page->text, &picture->url, err)
        != ASSESS_OK)
    {
        assess_run_hidden(show, page->page, err->message);
        return ASSESS_OK;
    }

    show->bytes += picture->url.len;
    show->npictures++;

    return ASSESS_OK;
}


/* Of one page, or of all that are still to come. */

static void
assess_run_hidden(assess_show_t *show, int page, const char *why)
{
    char              message[sizeof(((assess_err_t *) NULL)->message)];
    assess_engine_t  *engine;

    engine = show->run->engine;

    if (page) {
        (void) snprintf(message, sizeof(message), "page %d is not sent as a "
                        "picture: %.*s", page, (int) sizeof(message) - 64,
                        why);

    } else {
        (void) snprintf(message, sizeof(message), "%zu of %zu pages are sent "
                        "as pictures: %.*s", show->npictures, show->npages,
                        (int) sizeof(message) - 96, why);
    }

    engine->log(engine->ctx, ASSESS_UNSUPPORTED, show->run->work.job.job_id,
                message);
}


static assess_err_e
assess_run_shown(void *ctx, int done, int pages, assess_err_t *err)
{
    assess_show_t *show = ctx;

    char           *name;
    int64_t         now;
    assess_err_e    rc;
    assess_run_t   *run;
    assess_step_t   step;

    run = show->run;
    now = assess_mono_ms();

    if (done && now - show->told < ASSESS_PICTURES_MS) {
        return ASSESS_OK;
    }

    show->told = now;

    if (assess_steps_kept(&run->steps)) {
        return assess_steps_try(&run->steps, err);
    }

    /* it may be kept until the end of the job */

    name = assess_palloc(run->arena, ASSESS_PICTURES_LEN);
    if (name == NULL) {
        return assess_run_memory(err);
    }

    (void) snprintf(name, ASSESS_PICTURES_LEN, "Compressing pictures, %d of "
                    "%d", done, pages);

    memset(&step, 0, sizeof(assess_step_t));
    step.stage = ASSESS_EXTRACTING;
    step.step = name;
    step.progress = ASSESS_AT_LOOKUP;

    rc = assess_run_step(run, &step, err);

    return rc == ASSESS_OK && done == 0 ? assess_steps_flush(&run->steps, err)
                                        : rc;
}


static int
assess_run_show_interrupted(void *ctx)
{
    assess_show_t *show = ctx;

    return assess_run_interrupted(show->run);
}


/*
 * The key of an answer says that it saw the pages.  One that has to do without
 * is not kept for those who could have it with them.
 */

static void
assess_run_unshown(assess_show_t *show)
{
    int            page;
    size_t         i;
    assess_run_t  *run;

    run = show->run;

    if (run->keys == NULL || show->npictures == show->npages) {
        return;
    }

    for (i = 0; i < run->nitems; i++) {
        if (assess_pictures_choose(run->items, &i, 1, run->items[i].nhits,
                                   assess_run_is_missing, show, &page, 1))
        {
            run->keys[run->items[i].question->ordinal] = NULL;
        }
    }
}


static int
assess_run_is_missing(const void *ctx, int page)
{
    const assess_show_t *show = ctx;

    return page > 0 && (size_t) page <= show->run->document->npages
           && show->wanted[page]
           && assess_pictures_find(&show->run->ask, page) == NULL;
}
