
/*
 * The scanned pages of a document, as text or as pictures.  Each has a reader
 * of its own, with its own limits, and a slot of the CPUs that it gives back
 * before the next page: one document uses all that is free, and others get
 * their turn between two pages.
 */

#include "assess_extract_int.h"

#include <errno.h>
#include <poll.h>
#include <string.h>


#define ASSESS_SCANS_MAX  32           /* readers at once, of a document */


typedef struct {
    int               page;
    int               tries;
    assess_picture_e  picture;         /* what is wanted of it */
    assess_buf_t      text;            /* once it is complete; or that */
    assess_errand_t   errand;
} assess_scan_t;

typedef struct {
    assess_extraction_t   *x;
    const int             *pages;      /* numbers of those to be read */
    int                    npages;
    int                    next;       /* of pages, to be begun */
    int                    total;      /* with those that were read before */
    int                    done;       /* of them */
    assess_cpu_user_t      user;
    assess_scan_t          scans[ASSESS_SCANS_MAX];
    int                    n;
} assess_scans_t;


static assess_err_e assess_scans_kept(assess_scans_t *s);
static assess_err_e assess_scans_turn(assess_scans_t *s);
static assess_err_e assess_scans_begin(assess_scans_t *s);
static assess_err_e assess_scans_order(assess_scans_t *s, assess_scan_t *scan);
static assess_err_e assess_scans_wait(assess_scans_t *s);
static assess_err_e assess_scans_take(assess_scans_t *s, int i);
static assess_err_e assess_scans_done(assess_scans_t *s, int i);
static assess_err_e assess_scans_made(assess_scans_t *s,
    const assess_scan_t *scan);
static assess_err_e assess_scans_page(assess_extraction_t *x, int number,
    const assess_str_t *text);
static assess_err_e assess_scans_failed(assess_scans_t *s, int i,
    assess_err_e rc);
static void assess_scans_free(assess_scan_t *scan);
static assess_err_e assess_scans_again(assess_scans_t *s, int i,
    assess_err_e rc);
static assess_err_e assess_scans_stop(assess_scans_t *s, assess_err_e rc);


assess_err_e
assess_scans_read(assess_extraction_t *x, assess_cpu_t *cpu)
{
    assess_err_e    rc;
    assess_scans_t  s;

    s.x = x;
    s.pages = (const int *) (const void *) x->scans.data;
    s.npages = (int) (x->scans.len / sizeof(int));
    s.next = 0;
    s.total = s.npages;
    s.done = 0;
    s.n = 0;

    rc = x->picture ? ASSESS_OK : assess_scans_kept(&s);

    if (rc == ASSESS_OK) {
        rc = x->cb->scanned(x->cb->ctx, s.done, s.total, x->err);
    }

    assess_cpu_join(cpu, &s.user);

    while (rc == ASSESS_OK && s.done < s.total) {
        rc = assess_scans_turn(&s);
    }

    rc = assess_scans_stop(&s, rc);

    assess_cpu_part(&s.user);

    return rc;
}


/* What was read of them before is handed on, and they are not read again. */

static assess_err_e
assess_scans_kept(assess_scans_t *s)
{
    int                    i, left, *numbers;
    size_t                 k, n;
    assess_err_e           rc;
    assess_extraction_t   *x;
    const assess_page_t   *pages;

    x = s->x;

    rc = x->cb->kept(x->cb->ctx, &pages, &n, x->err);

    numbers = (int *) (void *) x->scans.data;
    left = 0;
    k = 0;

    for (i = 0; rc == ASSESS_OK && i < s->npages; i++) {

        while (k < n && pages[k].page < numbers[i]) {
            k++;
        }

        if (k == n || pages[k].page > numbers[i]) {
            numbers[left++] = numbers[i];
            continue;
        }

        rc = assess_scans_page(x, numbers[i], &pages[k].text);
        s->done++;
    }

    s->npages = left;

    return rc;
}


static assess_err_e
assess_scans_turn(assess_scans_t *s)
{
    int           i;
    assess_err_e  rc;

    rc = assess_extract_go_on(s->x, s->n);

    while (rc == ASSESS_OK && s->next < s->npages && s->n < ASSESS_SCANS_MAX
           && assess_cpu_ask(&s->user))
    {
        rc = assess_scans_begin(s);
    }

    if (rc == ASSESS_OK) {
        rc = assess_scans_wait(s);
    }

    /* backwards: one that is done has the last one put in its place */

    for (i = s->n - 1; rc == ASSESS_OK && i >= 0; i--) {
        rc = assess_scans_take(s, i);
    }

    return rc;
}


/* Of the next page, in the slot that was just taken. */

static assess_err_e
assess_scans_begin(assess_scans_t *s)
{
    assess_err_e    rc;
    assess_scan_t  *scan;

    scan = &s->scans[s->n];
    scan->page = s->pages[s->next];
    scan->tries = 0;
    scan->picture = s->x->picture;
    memset(&scan->text, 0, sizeof(assess_buf_t));

    rc = assess_scans_order(s, scan);

    if (rc == ASSESS_OK) {
        s->next++;
        s->n++;
    }

    return rc;
}


static assess_err_e
assess_scans_order(assess_scans_t *s, assess_scan_t *scan)
{
    int64_t               bytes;
    assess_extraction_t  *x;

    x = s->x;
    bytes = x->picture ? ASSESS_PICTURE_BYTES : x->conf->output - x->bytes;

    scan->tries++;

    return assess_errand_start(&scan->errand, x->conf, x->reader, x->fd,
                               scan->page, scan->picture, bytes, 0, x->err);
}


static assess_err_e
assess_scans_wait(assess_scans_t *s)
{
    int            i;
    struct pollfd  fds[ASSESS_SCANS_MAX + 1];

    for (i = 0; i < s->n; i++) {
        fds[i].fd = s->scans[i].errand.sock;
        fds[i].events = POLLIN;
    }

    fds[i].fd = s->user.event;
    fds[i].events = POLLIN;

    if (poll(fds, (nfds_t) s->n + 1, ASSESS_EXTRACT_TICK) == -1
        && errno != EINTR)
    {
        return assess_fail(s->x->err, ASSESS_ERROR, "internal",
                           "poll() failed: %s", strerror(errno));
    }

    return ASSESS_OK;
}


/* What one of them has to say, if anything. */

static assess_err_e
assess_scans_take(assess_scans_t *s, int i)
{
    assess_err_e      rc;
    assess_scan_t    *scan;
    assess_frames_e   what;

    scan = &s->scans[i];

    do {
        rc = assess_errand_receive(&scan->errand, &what, s->x->err);

        if (rc != ASSESS_OK) {
            return assess_scans_again(s, i, rc);
        }

        if (what == ASSESS_FRAMES_END) {
            return assess_scans_done(s, i);
        }

        /* it counts when its reader has ended well, too */

        if (what == ASSESS_FRAMES_PAGE) {
            scan->text = scan->errand.frames.text;
            memset(&scan->errand.frames.text, 0, sizeof(assess_buf_t));
        }

    } while (what == ASSESS_FRAMES_PAGE);

    rc = assess_extract_fault(s->x, what);

    /* what had come by then came in time */

    if (rc == ASSESS_OK && assess_mono_ms() >= scan->errand.end) {
        rc = assess_extract_exhausted(s->x, scan->page, ASSESS_WHY_WALL);
    }

    return rc == ASSESS_OK ? rc : assess_scans_failed(s, i, rc);
}


/* Its slot goes first: what is made of the page needs none. */

static assess_err_e
assess_scans_done(assess_scans_t *s, int i)
{
    assess_err_e          rc;
    assess_scan_t         scan;
    assess_extraction_t  *x;

    x = s->x;

    rc = assess_errand_stop(&s->scans[i].errand, x->err);

    if (rc == ASSESS_OK) {
        rc = assess_extract_ended(x, s->scans[i].page,
                                  &s->scans[i].errand.frames);

        if (rc == ASSESS_OK && x->picture && s->scans[i].text.len == 0) {
            rc = assess_extract_fault(x, ASSESS_FRAMES_BROKEN);
        }

        if (rc != ASSESS_OK && x->picture) {
            return assess_scans_failed(s, i, rc);
        }
    }

    scan = s->scans[i];
    s->scans[i] = s->scans[--s->n];

    assess_cpu_give(&s->user);

    if (rc == ASSESS_OK) {
        rc = assess_scans_made(s, &scan);
    }

    assess_scans_free(&scan);

    return rc;
}


/* Its text, or its picture, which may be none, goes to who wants it. */

static assess_err_e
assess_scans_made(assess_scans_t *s, const assess_scan_t *scan)
{
    assess_err_e          rc;
    assess_str_t          text;
    assess_page_t         page;
    assess_extraction_t  *x;

    x = s->x;

    text.data = scan->text.data;
    text.len = scan->text.len;

    if (x->picture) {
        page.page = scan->page;
        page.picture = 1;
        page.text = text;

        rc = x->cb->page(x->cb->ctx, &page, x->err);

    } else {
        rc = assess_scans_page(x, scan->page, &text);
    }

    if (rc == ASSESS_OK) {
        s->done++;
        rc = x->cb->scanned(x->cb->ctx, s->done, s->total, x->err);
    }

    return rc;
}


static assess_err_e
assess_scans_page(assess_extraction_t *x, int number, const assess_str_t *text)
{
    if ((int64_t) text->len > x->conf->output - x->bytes) {
        return assess_extract_fault(x, ASSESS_FRAMES_MUCH_TEXT);
    }

    return assess_extract_page(x, number, 1, text);
}


/*
 * One that is not read is the end of a text, but pictures are an extra: what
 * cannot be made smaller is taken as it is, and else left out.
 */

static assess_err_e
assess_scans_failed(assess_scans_t *s, int i, assess_err_e rc)
{
    assess_err_t          why;
    assess_scan_t         scan, *own;
    assess_extraction_t  *x;

    x = s->x;
    own = &s->scans[i];

    if (!x->picture || rc != ASSESS_FAILED) {
        return rc;
    }

    if (own->errand.sock != -1) {
        why = *x->err;

        rc = assess_errand_stop(&own->errand, x->err);
        if (rc != ASSESS_OK) {
            return rc;
        }

        *x->err = why;
    }

    assess_scans_free(own);

    if (own->picture != ASSESS_PICTURE_ORIGINAL) {
        own->picture = ASSESS_PICTURE_ORIGINAL;
        own->tries = 0;

        return assess_scans_order(s, own);
    }

    scan = *own;
    s->scans[i] = s->scans[--s->n];

    assess_cpu_give(&s->user);

    return assess_scans_made(s, &scan);
}


static void
assess_scans_free(assess_scan_t *scan)
{
    assess_buf_free(&scan->text);
    assess_buf_free(&scan->errand.frames.text);
}


/* The program is gone, which is no fault of the page: once more, it may be. */

static assess_err_e
assess_scans_again(assess_scans_t *s, int i, assess_err_e rc)
{
    assess_scan_t  *scan;

    scan = &s->scans[i];

    if (scan->tries > 1) {
        return rc;
    }

    (void) assess_errand_stop(&scan->errand, s->x->err);
    assess_scans_free(scan);

    return assess_scans_order(s, scan);
}


/* Those that are left when one has failed; they end beside each other. */

static assess_err_e
assess_scans_stop(assess_scans_t *s, assess_err_e rc)
{
    int           i;
    assess_err_t  err;

    for (i = 0; i < s->n; i++) {
        assess_errand_leave(&s->scans[i].errand);
    }

    for (i = 0; i < s->n; i++) {

        if (s->scans[i].errand.sock != -1
            && assess_errand_stop(&s->scans[i].errand, &err) != ASSESS_OK)
        {
            *s->x->err = err;
            rc = err.kind;
        }

        assess_scans_free(&s->scans[i]);
    }

    return rc;
}
