
#include "assess_frame.h"

#include <string.h>


static assess_frames_e assess_frames_text(assess_frames_t *frames,
    const assess_frame_t *frame);
static assess_frames_e assess_frames_page(assess_frames_t *frames,
    const assess_frame_t *frame);
static assess_frames_e assess_frames_scan(assess_frames_t *frames,
    const assess_frame_t *frame);
static assess_frames_e assess_frames_end(assess_frames_t *frames,
    const assess_frame_t *frame);


int
assess_order_check(const assess_order_t *order, size_t len)
{
    return len != sizeof(assess_order_t)
           || order->version != ASSESS_ORDER_VERSION
           || memchr(order->reader, '\0', sizeof(order->reader)) == NULL
           || order->memory < 0 || order->output < 0 || order->cpu_s < 0
           || order->wall_s < 0 || order->wall_s > INT32_MAX / 2000
           || order->pages < 0 || order->page < 0
           || order->page > order->pages || order->apart < 0
           || order->apart > 1 || order->picture < 0
           || order->picture >= ASSESS_PICTURE_MAX
           || (order->picture && order->page == 0)
           ? -1 : 0;
}


void
assess_frame_head(char out[ASSESS_FRAME_HEAD], assess_frame_e type,
    assess_why_e why, uint32_t number)
{
    out[0] = (char) type;
    out[1] = (char) why;
    out[2] = out[3] = 0;

    memcpy(out + 4, &number, sizeof(uint32_t));
}


int
assess_frame_parse(const char *data, size_t len, assess_frame_t *frame)
{
    unsigned char  why;

    if (len < ASSESS_FRAME_HEAD || len > ASSESS_FRAME_MAX
        || data[2] != 0 || data[3] != 0)
    {
        return -1;
    }

    why = (unsigned char) data[1];

    if (why >= ASSESS_WHY_MAX) {
        return -1;
    }

    frame->why = (assess_why_e) why;
    memcpy(&frame->number, data + 4, sizeof(uint32_t));
    frame->text = data + ASSESS_FRAME_HEAD;
    frame->len = len - ASSESS_FRAME_HEAD;

    switch (data[0]) {

    case ASSESS_FRAME_TEXT:
        frame->type = ASSESS_FRAME_TEXT;
        return why == ASSESS_WHY_NONE ? 0 : -1;

    case ASSESS_FRAME_PAGE:
        frame->type = ASSESS_FRAME_PAGE;
        return why == ASSESS_WHY_NONE ? 0 : -1;

    case ASSESS_FRAME_PICTURE:
        frame->type = ASSESS_FRAME_PICTURE;
        return why == ASSESS_WHY_NONE ? 0 : -1;

    case ASSESS_FRAME_SCAN:
        frame->type = ASSESS_FRAME_SCAN;
        return why == ASSESS_WHY_NONE && frame->len == 0 ? 0 : -1;

    case ASSESS_FRAME_DONE:
        frame->type = ASSESS_FRAME_DONE;
        return why == ASSESS_WHY_NONE && frame->len == 0 ? 0 : -1;

    case ASSESS_FRAME_FAIL:
        frame->type = ASSESS_FRAME_FAIL;
        return why != ASSESS_WHY_NONE && frame->len == 0 ? 0 : -1;

    case ASSESS_FRAME_END:
        frame->type = ASSESS_FRAME_END;
        return frame->len == 0 ? 0 : -1;

    default:
        return -1;
    }
}


assess_frames_e
assess_frames_feed(assess_frames_t *frames, const char *data, size_t len)
{
    assess_frame_t  frame;

    if (frames->ended || assess_frame_parse(data, len, &frame) != 0) {
        return ASSESS_FRAMES_BROKEN;
    }

    if (frame.type == ASSESS_FRAME_END) {
        return assess_frames_end(frames, &frame);
    }

    if (frames->done) {
        return ASSESS_FRAMES_BROKEN;
    }

    switch (frame.type) {

    case ASSESS_FRAME_TEXT:
        return frames->picture ? ASSESS_FRAMES_BROKEN
                               : assess_frames_text(frames, &frame);

    case ASSESS_FRAME_PICTURE:
        return frames->picture ? assess_frames_text(frames, &frame)
                               : ASSESS_FRAMES_BROKEN;

    case ASSESS_FRAME_PAGE:
        return assess_frames_page(frames, &frame);

    case ASSESS_FRAME_SCAN:
        return assess_frames_scan(frames, &frame);

    case ASSESS_FRAME_DONE:
        if (frame.number != (uint32_t) frames->pages || frames->text.len) {
            return ASSESS_FRAMES_BROKEN;
        }

        frames->done = 1;
        return ASSESS_FRAMES_MORE;

    default: /* ASSESS_FRAME_FAIL */
        frames->done = 1;
        frames->why = frame.why;
        frames->number = frame.number;
        return ASSESS_FRAMES_MORE;
    }
}


static assess_frames_e
assess_frames_text(assess_frames_t *frames, const assess_frame_t *frame)
{
    if (frame->number != (uint32_t) frames->pages + 1) {
        return ASSESS_FRAMES_BROKEN;
    }

    if (frames->pages >= frames->max_pages) {
        return ASSESS_FRAMES_MANY_PAGES;
    }

    if ((int64_t) frame->len > frames->max_bytes - frames->bytes) {
        return ASSESS_FRAMES_MUCH_TEXT;
    }

    assess_buf_add(&frames->text, frame->text, frame->len);

    if (frames->text.failed) {
        return ASSESS_FRAMES_NO_MEMORY;
    }

    frames->bytes += (int64_t) frame->len;

    return ASSESS_FRAMES_MORE;
}


static assess_frames_e
assess_frames_page(assess_frames_t *frames, const assess_frame_t *frame)
{
    assess_frames_e  rc;

    if (frame->number != (uint32_t) frames->pages + 1
        || (frames->picture && frame->len))
    {
        return ASSESS_FRAMES_BROKEN;
    }

    if (frames->pages >= frames->max_pages) {
        return ASSESS_FRAMES_MANY_PAGES;
    }

    if (frame->len) {
        rc = assess_frames_text(frames, frame);

        if (rc != ASSESS_FRAMES_MORE) {
            return rc;
        }
    }

    frames->pages++;

    return ASSESS_FRAMES_PAGE;
}


/* What came of it was no word: the page will be read once more, as a scan. */

static assess_frames_e
assess_frames_scan(assess_frames_t *frames, const assess_frame_t *frame)
{
    if (!frames->apart || frame->number != (uint32_t) frames->pages + 1) {
        return ASSESS_FRAMES_BROKEN;
    }

    if (frames->pages >= frames->max_pages) {
        return ASSESS_FRAMES_MANY_PAGES;
    }

    frames->bytes -= (int64_t) frames->text.len;
    assess_buf_reset(&frames->text);
    frames->pages++;

    return ASSESS_FRAMES_SCAN;
}


/*
 * How the process ended says more than what it said before, but for one that
 * ended as it should; that one must have said how the reading went.
 */

static assess_frames_e
assess_frames_end(assess_frames_t *frames, const assess_frame_t *frame)
{
    if (frame->why == ASSESS_WHY_NONE && !frames->done) {
        return ASSESS_FRAMES_BROKEN;
    }

    frames->ended = 1;

    if (frame->why != ASSESS_WHY_NONE) {
        frames->why = frame->why;
        frames->number = frame->number;
    }

    return ASSESS_FRAMES_END;
}
