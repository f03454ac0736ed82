
/* sources: base/assess_frame.c base/assess_base.c */
/* libs: -lm */

#include "base/assess_frame.h"
#include "tap.h"


static assess_frames_e
feed(assess_frames_t *frames, assess_frame_e type, assess_why_e why,
    uint32_t number, const char *text)
{
    char    data[256];
    size_t  len;

    len = strlen(text);

    assess_frame_head(data, type, why, number);
    memcpy(data + ASSESS_FRAME_HEAD, text, len);

    return assess_frames_feed(frames, data, ASSESS_FRAME_HEAD + len);
}


static void
begin(assess_frames_t *frames, int pages, int64_t bytes)
{
    assess_buf_free(&frames->text);
    memset(frames, 0, sizeof(assess_frames_t));

    frames->max_pages = pages;
    frames->max_bytes = bytes;
}


static void
test_parse(void)
{
    char            data[ASSESS_FRAME_MAX + 1];
    assess_frame_t  frame;

    memset(data, 0, sizeof(data));

    assess_frame_head(data, ASSESS_FRAME_TEXT, ASSESS_WHY_NONE, 7);
    is_int(assess_frame_parse(data, 11, &frame), 0, "text");
    is_int(frame.number, 7, "its page");
    is_int((long long) frame.len, 3, "its length");

    is_int(assess_frame_parse(data, ASSESS_FRAME_MAX, &frame), 0, "longest");
    is_int(assess_frame_parse(data, sizeof(data), &frame), -1, "too long");
    is_int(assess_frame_parse(data, 7, &frame), -1, "too short");
    is_int(assess_frame_parse(data, 0, &frame), -1, "empty");

    data[1] = ASSESS_WHY_MEMORY;
    is_int(assess_frame_parse(data, 11, &frame), -1, "text with a reason");

    data[1] = ASSESS_WHY_MAX;
    data[0] = ASSESS_FRAME_END;
    is_int(assess_frame_parse(data, 8, &frame), -1, "unknown reason");

    data[1] = (char) 0xff;
    is_int(assess_frame_parse(data, 8, &frame), -1, "negative reason");

    data[1] = ASSESS_WHY_NONE;
    is_int(assess_frame_parse(data, 8, &frame), 0, "end");
    is_int(assess_frame_parse(data, 9, &frame), -1, "end with text");

    data[0] = ASSESS_FRAME_FAIL;
    is_int(assess_frame_parse(data, 8, &frame), -1, "failure, no reason");

    data[0] = 'x';
    is_int(assess_frame_parse(data, 8, &frame), -1, "unknown type");

    data[0] = ASSESS_FRAME_PAGE;
    data[3] = 1;
    is_int(assess_frame_parse(data, 8, &frame), -1, "what has to be zero");
}


static void
test_order(assess_frames_t *f)
{
    begin(f, 10, 100);

    is_int(feed(f, 'T', 0, 1, "one "), ASSESS_FRAMES_MORE, "text");
    is_int(feed(f, 'T', 0, 1, "page"), ASSESS_FRAMES_MORE, "more of it");
    is_int(feed(f, 'P', 0, 1, ""), ASSESS_FRAMES_PAGE, "its page");
    is_str(f->text.data, "one page", "whole");
    assess_buf_reset(&f->text);

    is_int(feed(f, 'P', 0, 2, ""), ASSESS_FRAMES_PAGE, "an empty page");
    is_int(feed(f, 'T', 0, 3, "half "), ASSESS_FRAMES_MORE, "half a page");
    is_int(feed(f, 'P', 0, 3, "and half"), ASSESS_FRAMES_PAGE,
           "a page with the rest of its text");
    is_str(f->text.data, "half and half", "is whole");
    assess_buf_reset(&f->text);
    is_int(feed(f, 'P', 0, 5, "x"), ASSESS_FRAMES_BROKEN, "page 5 with text");
    is_int(feed(f, 'D', 0, 3, ""), ASSESS_FRAMES_MORE, "all are read");
    is_int(feed(f, 'T', 0, 4, "x"), ASSESS_FRAMES_BROKEN, "text after that");
    is_int(feed(f, 'E', 0, 0, ""), ASSESS_FRAMES_END, "the end");
    is_int(f->why, ASSESS_WHY_NONE, "without a reason");
    is_int(feed(f, 'E', 0, 0, ""), ASSESS_FRAMES_BROKEN, "a second end");

    begin(f, 10, 100);
    is_int(feed(f, 'T', 0, 2, "x"), ASSESS_FRAMES_BROKEN, "text of page 2");
    is_int(feed(f, 'P', 0, 0, ""), ASSESS_FRAMES_BROKEN, "page 0");
    is_int(feed(f, 'D', 0, 1, ""), ASSESS_FRAMES_BROKEN, "a page too many");
    is_int(feed(f, 'T', 0, 1, "x"), ASSESS_FRAMES_MORE, "half a page");
    is_int(feed(f, 'D', 0, 0, ""), ASSESS_FRAMES_BROKEN, "is not all");
    is_int(feed(f, 'E', 0, 0, ""), ASSESS_FRAMES_BROKEN,
           "a good end that nothing was said before");

    begin(f, 10, 100);
    is_int(feed(f, 'F', ASSESS_WHY_ENCRYPTED, 0, ""), ASSESS_FRAMES_MORE,
           "failure");
    is_int(feed(f, 'E', 0, 0, ""), ASSESS_FRAMES_END, "then the end");
    is_int(f->why, ASSESS_WHY_ENCRYPTED, "keeps the reason");

    begin(f, 10, 100);
    is_int(feed(f, 'T', 0, 1, "x"), ASSESS_FRAMES_MORE, "half a page");
    is_int(feed(f, 'E', ASSESS_WHY_CRASHED, 11, ""), ASSESS_FRAMES_END,
           "then a crash");
    is_int(f->why, ASSESS_WHY_CRASHED, "is the reason");
    is_int(f->number, 11, "with its signal");

    begin(f, 10, 100);
    (void) feed(f, 'D', 0, 0, "");
    (void) feed(f, 'E', ASSESS_WHY_CRASHED, 11, "");
    is_int(f->why, ASSESS_WHY_CRASHED, "a crash after the last page is one");
}


static void
test_scans(assess_frames_t *f)
{
    begin(f, 10, 100);
    is_int(feed(f, 'S', 0, 1, ""), ASSESS_FRAMES_BROKEN,
           "a scan that nobody wants apart");

    begin(f, 2, 10);
    f->apart = 1;
    is_int(feed(f, 'T', 0, 1, "- . . -"), ASSESS_FRAMES_MORE, "marks");
    is_int(feed(f, 'S', 0, 1, ""), ASSESS_FRAMES_SCAN, "of a scan");
    is_int(f->pages, 1, "which is a page");
    is_int((long long) f->text.len, 0, "without text");
    is_int((long long) f->bytes, 0, "that counts");
    is_int(feed(f, 'S', 0, 1, ""), ASSESS_FRAMES_BROKEN, "the same again");
    is_int(feed(f, 'S', 0, 3, ""), ASSESS_FRAMES_BROKEN, "one too far");
    is_int(feed(f, 'S', 0, 2, "x"), ASSESS_FRAMES_BROKEN, "one with text");
    is_int(feed(f, 'P', 0, 2, "0123456789"), ASSESS_FRAMES_PAGE, "a page");
    assess_buf_reset(&f->text);
    is_int(feed(f, 'S', 0, 3, ""), ASSESS_FRAMES_MANY_PAGES, "one too many");
    is_int(feed(f, 'D', 0, 2, ""), ASSESS_FRAMES_MORE, "all are told");

    begin(f, 7, 100);
    f->pages = 6;
    is_int(feed(f, 'P', 0, 1, "x"), ASSESS_FRAMES_BROKEN, "not page seven");
    is_int(feed(f, 'P', 0, 7, "x"), ASSESS_FRAMES_PAGE, "page seven alone");
    assess_buf_reset(&f->text);
    is_int(feed(f, 'T', 0, 8, "x"), ASSESS_FRAMES_MANY_PAGES, "not the next");
    is_int(feed(f, 'D', 0, 7, ""), ASSESS_FRAMES_MORE, "that was all");
    is_int(feed(f, 'E', 0, 0, ""), ASSESS_FRAMES_END, "the end");
}


static void
test_pictures(assess_frames_t *f)
{
    begin(f, 10, 100);
    is_int(feed(f, 'I', 0, 1, "x"), ASSESS_FRAMES_BROKEN,
           "a picture that nobody wants");

    begin(f, 7, 10);
    f->pages = 6;
    f->picture = 1;
    is_int(feed(f, 'I', 0, 6, "x"), ASSESS_FRAMES_BROKEN, "of another page");
    is_int(feed(f, 'T', 0, 7, "x"), ASSESS_FRAMES_BROKEN, "text instead");
    is_int(feed(f, 'P', 0, 7, "x"), ASSESS_FRAMES_BROKEN, "text behind it");
    is_int(feed(f, 'S', 0, 7, ""), ASSESS_FRAMES_BROKEN, "a word of a scan");
    is_int(feed(f, 'I', 0, 7, "RIFF"), ASSESS_FRAMES_MORE, "a picture");
    is_int(feed(f, 'D', 0, 6, ""), ASSESS_FRAMES_BROKEN, "half of it");
    is_int(feed(f, 'I', 0, 7, "....WE"), ASSESS_FRAMES_MORE, "all of it");
    is_int(feed(f, 'I', 0, 7, "B"), ASSESS_FRAMES_MUCH_TEXT, "and too much");
    is_int(feed(f, 'P', 0, 7, ""), ASSESS_FRAMES_PAGE, "is a page");
    is_str(f->text.data, "RIFF....WE", "byte for byte");
    assess_buf_reset(&f->text);
    is_int(feed(f, 'I', 0, 8, "x"), ASSESS_FRAMES_MANY_PAGES, "one too many");
    is_int(feed(f, 'D', 0, 7, ""), ASSESS_FRAMES_MORE, "that was all");
    is_int(feed(f, 'E', 0, 0, ""), ASSESS_FRAMES_END, "the end");
}


static void
test_orders(void)
{
    assess_order_t  order;

    memset(&order, 0, sizeof(assess_order_t));
    order.version = ASSESS_ORDER_VERSION;
    order.pages = 5;

    is_int(assess_order_check(&order, sizeof(order)), 0, "an order");
    is_int(assess_order_check(&order, sizeof(order) - 1), -1, "half of one");

    order.page = 5;
    is_int(assess_order_check(&order, sizeof(order)), 0, "of the last page");
    order.page = 6;
    is_int(assess_order_check(&order, sizeof(order)), -1, "of one behind it");
    order.page = -1;
    is_int(assess_order_check(&order, sizeof(order)), -1, "of one before");
    order.page = 0;
    order.apart = 1;
    is_int(assess_order_check(&order, sizeof(order)), 0, "scans apart");
    order.apart = 2;
    is_int(assess_order_check(&order, sizeof(order)), -1, "neither yes nor no");
    order.apart = 0;
    order.picture = ASSESS_PICTURE_WEBP;
    is_int(assess_order_check(&order, sizeof(order)), -1,
           "a picture of all pages");
    order.page = 5;
    is_int(assess_order_check(&order, sizeof(order)), 0, "a picture of one");
    order.picture = ASSESS_PICTURE_MAX;
    is_int(assess_order_check(&order, sizeof(order)), -1, "one of no kind");
    order.picture = -1;
    is_int(assess_order_check(&order, sizeof(order)), -1, "nor of that");
}


static void
test_limits(assess_frames_t *f)
{
    begin(f, 1, 5);
    is_int(feed(f, 'T', 0, 1, "123456"), ASSESS_FRAMES_MUCH_TEXT, "text");
    is_int(feed(f, 'T', 0, 1, "12345"), ASSESS_FRAMES_MORE, "as much as may");
    is_int(feed(f, 'T', 0, 1, "6"), ASSESS_FRAMES_MUCH_TEXT, "one byte more");
    is_int(feed(f, 'P', 0, 1, "6"), ASSESS_FRAMES_MUCH_TEXT,
           "with the page, too");
    is_int(feed(f, 'P', 0, 1, ""), ASSESS_FRAMES_PAGE, "a page");
    assess_buf_reset(&f->text);
    is_int(feed(f, 'T', 0, 2, ""), ASSESS_FRAMES_MANY_PAGES, "text of more");
    is_int(feed(f, 'P', 0, 2, ""), ASSESS_FRAMES_MANY_PAGES, "one more");
}


int
main(void)
{
    assess_frames_t  frames;

    memset(&frames, 0, sizeof(frames));

    test_parse();
    test_order(&frames);
    test_scans(&frames);
    test_pictures(&frames);
    test_orders();
    test_limits(&frames);

    assess_buf_free(&frames.text);

    return done_testing();
}
