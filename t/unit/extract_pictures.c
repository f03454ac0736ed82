
/* sources: engine/assess_extract.c engine/assess_scans.c
   engine/assess_errand.c engine/assess_extractor.c engine/assess_cpu.c
   engine/assess_plain.c base/assess_frame.c base/assess_base.c */
/* libs: -llept -lcrypto -lm */

/* Pages as pictures: their size and colours, and what becomes of bad ones. */

#include "extract.h"

#include <leptonica/allheaders.h>


typedef struct {
    run_t          run;
    assess_buf_t   pictures[10];       /* by page */
    char           why[10][512];       /* or why there is none */
} shown_t;


static assess_err_e
on_picture(void *ctx, const assess_page_t *page, assess_err_t *err)
{
    shown_t  *shown = ctx;

    shown->run.pages++;

    if (page->text.data == NULL) {
        (void) snprintf(shown->why[page->page], sizeof(shown->why[0]), "%s",
                        err->message);
        return ASSESS_OK;
    }

    assess_buf_add(&shown->pictures[page->page], page->text.data,
                   page->text.len);

    return ASSESS_OK;
}


static assess_err_e
show(shown_t *shown, assess_kind_e kind, const assess_buf_t *b,
    const int *pages, size_t n, assess_err_t *err)
{
    int                  i, fd;
    assess_err_e         rc;
    assess_extract_cb_t  cb;

    for (i = 0; i < 10; i++) {
        assess_buf_free(&shown->pictures[i]);
        shown->why[i][0] = '\0';
    }

    shown->run.pages = 0;
    shown->run.asked = 0;
    shown->run.scanned = -1;

    memset(err, 0, sizeof(assess_err_t));
    memset(&cb, 0, sizeof(cb));
    cb.page = on_picture;
    cb.scanned = on_scanned;
    cb.cancelled = on_cancelled;
    cb.ctx = shown;

    fd = document(b->data, b->len);
    rc = assess_extract_pictures(&conf, cpu, kind, fd, pages, n, &cb, err);
    (void) close(fd);

    return rc;
}


static void
is_picture(shown_t *shown, int page, int format, int width, int height,
    const char *name)
{
    int   is;
    PIX  *pix;

    is = -1;
    (void) findFileFormatBuffer((l_uint8 *) shown->pictures[page].data, &is);
    is_int(is, format, name);

    pix = pixReadMem((l_uint8 *) shown->pictures[page].data,
                     shown->pictures[page].len);

    is_int(pix ? pixGetWidth(pix) : 0, width, "its width");
    is_int(pix ? pixGetHeight(pix) : 0, height, "its height");

    pixDestroy(&pix);
}


/* About: WebP changes them a little. */

static void
is_colour(shown_t *shown, int page, int x, int y, int red, int green,
    int blue, const char *name)
{
    int   r, g, b;
    PIX  *pix;

    r = g = b = -100;

    pix = pixReadMem((l_uint8 *) shown->pictures[page].data,
                     shown->pictures[page].len);

    if (pix) {
        (void) pixGetRGBPixel(pix, x, y, &r, &g, &b);
        pixDestroy(&pix);
    }

    ok(abs(r - red) < 12 && abs(g - green) < 12 && abs(b - blue) < 12,
       "%s: %d, %d, %d", name, r, g, b);
}


static void
test_pdf(shown_t *shown, assess_buf_t *b)
{
    assess_err_t  err;

    /* its pages are 400 points wide and high, which is 5 5/9 inches */

    static const int    pages[] = { 3, 1, 7 };
    static const int    first[] = { 1 };
    static const char  *drawn[] = {
        "1 0 0 rg 0 200 400 200 re f",
        "BT /F 12 Tf 20 300 Td (A text) Tj ET",
        "0 0 1 rg 0 0 200 400 re f"
    };

    pdf(b, drawn, NULL, 3, "", 3);

    is_int(show(shown, ASSESS_KIND_PDF, b, pages, 3, &err), ASSESS_OK,
           "two pages, and one that is not there");
    is_int(shown->run.pages, 3, "each is told of");
    is_int(shown->run.scanned, 3, "and counted");

    is_picture(shown, 1, IFF_WEBP, 1667, 1667, "drawn with 300 dots an inch");
    is_colour(shown, 1, 800, 400, 255, 0, 0, "red above");
    is_colour(shown, 1, 800, 1200, 255, 255, 255, "white below");
    is_picture(shown, 3, IFF_WEBP, 1667, 1667, "the other one");
    is_colour(shown, 3, 400, 800, 0, 0, 255, "blue");
    ok(shown->pictures[7].data == NULL && strstr(shown->why[7], "damaged"),
       "why there is no page seven");

    shown->run.cancel_at = 1;
    is_int(show(shown, ASSESS_KIND_PDF, b, first, 1, &err), ASSESS_CANCELLED,
           "cancelled");
    shown->run.cancel_at = 0;

    conf.document_s = 0;
    is_int(show(shown, ASSESS_KIND_PDF, b, first, 1, &err), ASSESS_FAILED,
           "without any time");
    defaults();

    conf.program = "/nonexistent";
    assess_extractor_close();
    is_int(show(shown, ASSESS_KIND_PDF, b, first, 1, &err), ASSESS_ERROR,
           "without the program");
    defaults();
    assess_extractor_close();
}


/* One of a size and a depth, with a line of black dots, as PNG. */

static void
image(assess_buf_t *b, int width, int height, int depth)
{
    int       i;
    PIX      *pix;
    size_t    len;
    l_uint8  *data;

    pix = pixCreate(width, height, depth);

    if (depth > 1) {
        (void) pixSetAll(pix);
    }

    for (i = 0; i < width; i++) {
        (void) pixSetPixel(pix, i, height / 2, depth > 1 ? 0 : 1);
    }

    if (pixWriteMemPng(&data, &len, pix, 0) != 0) {
        printf("Bail out! no picture\n");
        exit(1);
    }

    assess_buf_reset(b);
    assess_buf_add(b, (char *) data, len);

    lept_free(data);
    pixDestroy(&pix);
}


static void
test_images(shown_t *shown, assess_buf_t *b)
{
    size_t        half;
    assess_err_t  err;

    static const int  page[] = { 1 };

    image(b, 5000, 1000, 8);
    (void) show(shown, ASSESS_KIND_IMAGE, b, page, 1, &err);
    is_picture(shown, 1, IFF_WEBP, 2048, 410, "a wide one");
    is_colour(shown, 1, 100, 100, 255, 255, 255, "white");

    image(b, 1000, 5000, 32);
    (void) show(shown, ASSESS_KIND_IMAGE, b, page, 1, &err);
    is_picture(shown, 1, IFF_WEBP, 410, 2048, "a high one");

    image(b, 4096, 4096, 1);
    (void) show(shown, ASSESS_KIND_IMAGE, b, page, 1, &err);
    is_picture(shown, 1, IFF_WEBP, 2048, 2048, "one of black and white");
    is_colour(shown, 1, 9, 1024, 113, 113, 113, "whose lines become gray");

    image(b, 300, 200, 8);
    (void) show(shown, ASSESS_KIND_IMAGE, b, page, 1, &err);
    is_picture(shown, 1, IFF_WEBP, 300, 200, "a small one stays so");

    image(b, 60000, 1, 8);
    (void) show(shown, ASSESS_KIND_IMAGE, b, page, 1, &err);
    is_picture(shown, 1, IFF_PNG, 60000, 1, "a line is sent as it is");

    image(b, 300, 200, 8);
    half = b->len / 2;
    b->len = half;
    (void) show(shown, ASSESS_KIND_IMAGE, b, page, 1, &err);
    is_int((long long) shown->pictures[1].len, (long long) half,
           "so is one that is damaged: it was read");

    assess_buf_reset(b);
    assess_buf_str(b, "GIF89a, nothing more");
    is_int(show(shown, ASSESS_KIND_IMAGE, b, page, 1, &err), ASSESS_OK,
           "one that models do not take");
    ok(shown->pictures[1].data == NULL && shown->why[1][0],
       "is none, if it is damaged");
}


/*
 * A photograph, 400 by 200, dark on its left half, that a camera says is to be
 * turned; its EXIF is cut short by so many bytes.
 */

static void
photograph(assess_buf_t *b, int orientation, int big, size_t cut)
{
    int              x, y;
    PIX             *pix;
    size_t           len;
    l_uint8         *data;
    unsigned char    exif[] = "\xff\xe1\0\x22" "Exif\0\0" "II*\0\x08\0\0\0"
                              "\1\0" "\x12\1\3\0\1\0\0\0" "?\0\0\0"
                              "\0\0\0\0";
    const char       motorola[] = "MM\0*\0\0\0\x08" "\0\1"
                                  "\1\x12\0\3\0\0\0\1" "\0?\0\0";

    if (big) {
        memcpy(exif + 10, motorola, sizeof(motorola) - 1);
    }

    exif[big ? 29 : 28] = (unsigned char) orientation;
    exif[3] = (unsigned char) (exif[3] - cut);

    pix = pixCreate(400, 200, 8);
    (void) pixSetAll(pix);

    for (y = 0; y < 200; y++) {
        for (x = 0; x < 200; x++) {
            (void) pixSetPixel(pix, x, y, 0);
        }
    }

    if (pixWriteMemJpeg(&data, &len, pix, 90, 0) != 0) {
        printf("Bail out! no photograph\n");
        exit(1);
    }

    assess_buf_reset(b);
    assess_buf_add(b, (char *) data, 2);
    assess_buf_add(b, (char *) exif, sizeof(exif) - 1 - cut);
    assess_buf_add(b, (char *) data + 2, len - 2);

    lept_free(data);
    pixDestroy(&pix);
}


static void
test_turned(shown_t *shown, assess_buf_t *b)
{
    size_t        i;
    assess_err_t  err;

    static const int  page[] = { 1 };

    static const struct {
        int          orientation;
        int          big;
        size_t       cut;
        int          width;
        int          height;
        int          dark[2];
        const char  *name;
    } cases[] = {
        { 1, 0, 0, 400, 200, { 100, 100 }, "one that is upright" },
        { 3, 0, 0, 400, 200, { 300, 100 }, "one upside down" },
        { 6, 0, 0, 200, 400, { 100, 100 }, "one on its side" },
        { 6, 1, 0, 200, 400, { 100, 100 }, "of another byte order" },
        { 8, 0, 0, 200, 400, { 100, 300 }, "one on its other side" },
        { 77, 0, 0, 400, 200, { 100, 100 }, "one with nonsense" },
        { 6, 0, 12, 400, 200, { 100, 100 }, "one cut short" },
        { 6, 0, 25, 400, 200, { 100, 100 }, "one with nothing" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        photograph(b, cases[i].orientation, cases[i].big, cases[i].cut);
        (void) show(shown, ASSESS_KIND_IMAGE, b, page, 1, &err);

        is_picture(shown, 1, IFF_WEBP, cases[i].width, cases[i].height,
                   cases[i].name);
        is_colour(shown, 1, cases[i].dark[0], cases[i].dark[1], 0, 0, 0,
                  "is turned as it says");
    }
}


int
main(void)
{
    int           i;
    assess_buf_t  b;

    static shown_t  shown;

    defaults();
    memset(&b, 0, sizeof(b));

    test_pdf(&shown, &b);
    test_images(&shown, &b);
    test_turned(&shown, &b);

    for (i = 0; i < 10; i++) {
        assess_buf_free(&shown.pictures[i]);
    }

    assess_buf_free(&b);
    assess_cpu_destroy(cpu);
    assess_extractor_close();

    return done_testing();
}
