
#include "assess_ocr.h"
#include "assess_picture.h"

#include <allheaders.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tesseract/capi.h>


/* Set by the server, "eng+deu" */
#define ASSESS_OCR_LANGUAGES  "ASSESS_OCR_LANGUAGES"
#define ASSESS_OCR_DEFAULT    "eng"

/* More costs time and tells no more: A4 at 600 dots an inch. */
#define ASSESS_OCR_PIXELS     36000000

/*
 * Of words that are the right way up Tesseract is as sure as this on average,
 * also where they are hard to read; of those upside down it is not.
 */
#define ASSESS_OCR_SURE       60

/* A word less sure than this is most likely none. */
#define ASSESS_OCR_DOUBT      50


typedef struct {
    char  *text;
    int    mean;                    /* 0 to 100: how sure of a word */
    int    score;                   /* higher: more words, and surer */
    int    sideways;                /* most lines are taller than wide */
} assess_ocr_reading_t;


static int assess_ocr_has(TessBaseAPI *api, const char *languages);
static PIX *assess_ocr_picture(PIX *pix);
static int assess_ocr_large(PIX *pix);
static int assess_ocr_plain(PIX *pix);
static int assess_ocr_read(PIX *pix, int turns, assess_ocr_reading_t *best);
static int assess_ocr_recognize(PIX *pix, assess_ocr_reading_t *reading);
static int assess_ocr_sideways(void);


static int           assess_ocr_prepared;
static TessBaseAPI  *assess_ocr_api;


void
assess_ocr_prepare(void)
{
    const char   *languages;
    TessBaseAPI  *api;

    if (assess_ocr_prepared) {
        return;
    }

    assess_ocr_prepared = 1;

    /* what they have to say about a broken file interests nobody here */

    (void) setMsgSeverity(L_SEVERITY_NONE);

    languages = getenv(ASSESS_OCR_LANGUAGES);

    if (languages == NULL) {
        languages = ASSESS_OCR_DEFAULT;
    }

    api = TessBaseAPICreate();

    if (TessBaseAPIInit2(api, NULL, languages, OEM_LSTM_ONLY) != 0
        || !assess_ocr_has(api, languages))
    {
        TessBaseAPIDelete(api);
        return;
    }

    TessBaseAPISetPageSegMode(api, PSM_AUTO);

    assess_ocr_api = api;
}


/* Of several languages Tesseract is content with one; nobody else would be. */

static int
assess_ocr_has(TessBaseAPI *api, const char *languages)
{
    char        **loaded;
    size_t        i, n;
    const char   *p;

    loaded = TessBaseAPIGetLoadedLanguagesAsVector(api);

    for (p = languages; *p; p += n + (p[n] == '+')) {

        n = strcspn(p, "+");

        for (i = 0; loaded[i]; i++) {
            if (strlen(loaded[i]) == n && memcmp(loaded[i], p, n) == 0) {
                break;
            }
        }

        if (loaded[i] == NULL) {
            break;
        }
    }

    TessDeleteTextArray(loaded);

    return *p == '\0';
}


int
assess_ocr_ready(void)
{
    return assess_ocr_api != NULL;
}


assess_why_e
assess_ocr_gray(assess_out_t *out, const unsigned char *data, int width,
    int height, int stride, int dpi)
{
    int         x, y;
    PIX        *pix;
    l_uint32   *line;

    pix = pixCreateNoInit(width, height, 8);
    if (pix == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    (void) pixSetResolution(pix, dpi, dpi);

    for (y = 0; y < height; y++) {

        line = pixGetData(pix) + (ptrdiff_t) y * pixGetWpl(pix);

        for (x = 0; x < width; x++) {
            SET_DATA_BYTE(line, x, data[(ptrdiff_t) y * stride + x]);
        }
    }

    return assess_ocr_text(out, pix);
}


/*
 * Most pages are the right way up.  Lines that stand on end tell of those that
 * lie on their side: Tesseract reads those well which have been turned
 * clockwise, but not in their order, and not those turned the other way.  A
 * page that is upside down is read badly.
 */

assess_why_e
assess_ocr_text(assess_out_t *out, PIX *pix)
{
    int                    failed, turns;
    assess_ocr_reading_t   best;

    if (out->picture) {
        return assess_picture_send(out, pix);
    }

    memset(&best, 0, sizeof(best));

    /* a large one of one tone is a bomb, and is not made smaller before */

    if (assess_ocr_large(pix) && assess_ocr_plain(pix)) {
        pixDestroy(&pix);
        return ASSESS_WHY_NONE;
    }

    pix = assess_ocr_picture(pix);
    if (pix == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    if (assess_ocr_plain(pix)) {
        pixDestroy(&pix);
        return ASSESS_WHY_NONE;
    }

    failed = assess_ocr_read(pix, 0, &best);

    if (!failed && best.sideways) {
        turns = best.mean < ASSESS_OCR_SURE ? 1 : 3;
        best.score /= 2;

        failed = assess_ocr_read(pix, turns, &best);

        if (!failed && best.mean < ASSESS_OCR_SURE) {
            failed = assess_ocr_read(pix, 4 - turns, &best);
        }

    } else if (!failed && best.mean < ASSESS_OCR_SURE) {
        failed = assess_ocr_read(pix, 2, &best);
    }

    pixDestroy(&pix);

    /* specks and leaves that look like letters are no text */

    if (!failed && best.score > 0) {
        assess_out_text(out, best.text, strlen(best.text));
    }

    if (best.text) {
        TessDeleteText(best.text);
    }

    return failed ? ASSESS_WHY_MEMORY : ASSESS_WHY_NONE;
}


static int
assess_ocr_large(PIX *pix)
{
    return (double) pixGetWidth(pix) * pixGetHeight(pix) > ASSESS_OCR_PIXELS;
}


/* What Tesseract takes, of the size that it needs. */

static PIX *
assess_ocr_picture(PIX *pix)
{
    PIX     *made;
    float    scale;
    double   pixels;

    made = assess_picture_flat(pix);

    if (made == NULL) {
        return NULL;
    }

    pixels = (double) pixGetWidth(made) * pixGetHeight(made);

    if (pixels > ASSESS_OCR_PIXELS) {
        scale = (float) sqrt(ASSESS_OCR_PIXELS / pixels);
        pix = pixScale(made, scale, scale);
        pixDestroy(&made);
        return pix;
    }

    return made;
}


/* Whether it is all of one tone, where Tesseract would look long for words */

static int
assess_ocr_plain(PIX *pix)
{
    size_t           row;
    l_int32          x, y, width, height;
    l_uint32        *data, one, other;
    const l_uint32  *first;

    width = pixGetWidth(pix);
    height = pixGetHeight(pix);
    row = (size_t) pixGetWpl(pix) * sizeof(l_uint32);
    first = data = pixGetData(pix);

    if (data == NULL || pixGetPixel(pix, 0, 0, &one) != 0) {
        return 0;
    }

    for (x = 1; x < width; x++) {
        if (pixGetPixel(pix, x, 0, &other) != 0 || other != one) {
            return 0;
        }
    }

    /* behind the last dot of a row there may be anything */

    (void) pixSetPadBits(pix, 0);

    for (y = 1; y < height; y++) {

        data += pixGetWpl(pix);

        if (memcmp(data, first, row) != 0) {
            return 0;
        }
    }

    return 1;
}


/* Keeps the better of this reading and the best one.  -1: not enough memory */

static int
assess_ocr_read(PIX *pix, int turns, assess_ocr_reading_t *best)
{
    int                    rc;
    PIX                   *turned;
    assess_ocr_reading_t   reading;

    turned = pixRotateOrth(pix, turns);
    if (turned == NULL) {
        return -1;
    }

    rc = assess_ocr_recognize(turned, &reading);
    pixDestroy(&turned);

    if (rc != 0) {
        return -1;
    }

    if (best->text && reading.score <= best->score) {
        TessDeleteText(reading.text);
        return 0;
    }

    if (best->text) {
        TessDeleteText(best->text);
    }

    *best = reading;

    return 0;
}


static int
assess_ocr_recognize(PIX *pix, assess_ocr_reading_t *reading)
{
    int   i, *sure;

    memset(reading, 0, sizeof(assess_ocr_reading_t));

    TessBaseAPISetImage2(assess_ocr_api, pix);

    if (TessBaseAPIRecognize(assess_ocr_api, NULL) != 0) {
        return -1;
    }

    reading->text = TessBaseAPIGetUTF8Text(assess_ocr_api);
    sure = TessBaseAPIAllWordConfidences(assess_ocr_api);

    if (reading->text == NULL || sure == NULL) {
        return -1;
    }

    for (i = 0; sure[i] != -1; i++) {
        reading->mean += sure[i];

        if (sure[i] > ASSESS_OCR_DOUBT) {
            reading->score += sure[i] - ASSESS_OCR_DOUBT;
        }
    }

    if (i) {
        reading->mean /= i;
        reading->sideways = assess_ocr_sideways();
    }

    TessDeleteIntArray(sure);
    TessBaseAPIClear(assess_ocr_api);

    return 0;
}


static int
assess_ocr_sideways(void)
{
    int                  left, top, right, bottom;
    int64_t              width, height;
    TessPageIterator    *lines;
    TessResultIterator  *results;

    results = TessBaseAPIGetIterator(assess_ocr_api);
    if (results == NULL) {
        return 0;
    }

    lines = TessResultIteratorGetPageIterator(results);
    width = height = 0;

    do {
        if (TessPageIteratorBoundingBox(lines, RIL_TEXTLINE, &left, &top,
                                        &right, &bottom))
        {
            width += right - left;
            height += bottom - top;
        }

    } while (TessPageIteratorNext(lines, RIL_TEXTLINE));

    TessResultIteratorDelete(results);

    return height > width;
}
