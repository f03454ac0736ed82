
#include "assess_out.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>


static void assess_out_bytes(assess_out_t *out, assess_frame_e type,
    const char *data, size_t len);
static void assess_out_send(assess_out_t *out, const char *data, size_t len);
static void assess_out_flush(assess_out_t *out);
static void assess_out_short(assess_out_t *out, assess_frame_e type,
    assess_why_e why, uint32_t number);


void
assess_out_text(assess_out_t *out, const char *text, size_t len)
{
    assess_out_bytes(out, ASSESS_FRAME_TEXT, text, len);
}


void
assess_out_picture(assess_out_t *out, const void *data, size_t len)
{
    assess_out_bytes(out, ASSESS_FRAME_PICTURE, data, len);
    assess_out_flush(out);
}


static void
assess_out_bytes(assess_out_t *out, assess_frame_e type, const char *data,
    size_t len)
{
    size_t  n;

    if (len && out->page >= out->max_pages) {
        assess_out_fail(out, ASSESS_WHY_PAGES);
    }

    if ((uint64_t) len > (uint64_t) (out->max_bytes - out->bytes)) {
        assess_out_fail(out, ASSESS_WHY_OUTPUT);
    }

    if (len) {
        out->open = 1;
    }

    out->bytes += (int64_t) len;

    while (len) {

        if (out->used == 0) {
            assess_frame_head(out->frame, type, ASSESS_WHY_NONE,
                              (uint32_t) out->page + 1);
            out->used = ASSESS_FRAME_HEAD;
        }

        n = ASSESS_FRAME_MAX - out->used;
        if (n > len) {
            n = len;
        }

        memcpy(out->frame + out->used, data, n);
        out->used += n;
        data += n;
        len -= n;

        if (out->used == ASSESS_FRAME_MAX) {
            assess_out_flush(out);
        }
    }
}


void
assess_out_page(assess_out_t *out)
{
    if (out->page >= out->max_pages) {
        assess_out_fail(out, ASSESS_WHY_PAGES);
    }

    out->page++;
    out->open = 0;
    out->kept = out->bytes;

    /* with the rest of its text, if there is any: one message wakes once */

    if (out->used == 0) {
        out->used = ASSESS_FRAME_HEAD;
    }

    assess_frame_head(out->frame, ASSESS_FRAME_PAGE, ASSESS_WHY_NONE,
                      (uint32_t) out->page);
    assess_out_flush(out);
}


void
assess_out_scan(assess_out_t *out)
{
    if (out->page >= out->max_pages) {
        assess_out_fail(out, ASSESS_WHY_PAGES);
    }

    out->page++;
    out->open = 0;
    out->bytes = out->kept;
    out->used = 0;

    assess_out_short(out, ASSESS_FRAME_SCAN, ASSESS_WHY_NONE,
                     (uint32_t) out->page);
}


void
assess_out_done(assess_out_t *out)
{
    assess_out_short(out, ASSESS_FRAME_DONE, ASSESS_WHY_NONE,
                     (uint32_t) out->page);
    _exit(0);
}


void
assess_out_fail(assess_out_t *out, assess_why_e why)
{
    assess_out_short(out, ASSESS_FRAME_FAIL, why, 0);
    _exit(0);
}


static void
assess_out_flush(assess_out_t *out)
{
    if (out->used) {
        assess_out_send(out, out->frame, out->used);
        out->used = 0;
    }
}


static void
assess_out_short(assess_out_t *out, assess_frame_e type, assess_why_e why,
    uint32_t number)
{
    char  head[ASSESS_FRAME_HEAD];

    assess_frame_head(head, type, why, number);
    assess_out_send(out, head, ASSESS_FRAME_HEAD);
}


/* A client that is gone has nobody to tell; the exit code tells it apart. */

static void
assess_out_send(assess_out_t *out, const char *data, size_t len)
{
    ssize_t  n;

    do {
        n = send(out->fd, data, len, MSG_NOSIGNAL);
    } while (n == -1 && errno == EINTR);

    if (n != (ssize_t) len) {
        _exit(1);
    }
}
