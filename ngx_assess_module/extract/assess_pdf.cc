
/*
 * PDF through poppler, page by page, with what pdftotext(1) does without
 * options: a quote from here is found in its text.  A page that has none is a
 * scan most likely, and is read as the picture that it is.
 */

#include "assess_ocr.h"

#include <cmath>
#include <ctype.h>
#include <limits.h>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>

#include <poppler/Error.h>
#include <poppler/ErrorCodes.h>
#include <poppler/GlobalParams.h>
#include <poppler/PDFDoc.h>
#include <poppler/SplashOutputDev.h>
#include <poppler/Stream.h>
#include <poppler/TextOutputDev.h>
#include <splash/SplashBitmap.h>


static const double  assess_pdf_dpi = 72.0;
static const double  assess_pdf_scan_dpi = 300.0;
static const double  assess_pdf_scan_pixels = 36e6;


/* The page under way. */
typedef struct {
    assess_out_t  *out;
    bool           words;
} assess_pdf_page_t;


/* What poppler has to say about a broken file interests nobody here. */

static void
assess_pdf_silence(ErrorCategory, Goffset, const char *)
{
}


static void
assess_pdf_prepare(void)
{
    setErrorCallback(assess_pdf_silence);
    globalParams = std::make_unique<GlobalParams>();

    assess_ocr_prepare();
}


/* The form feed that ends each page is ours to tell, by a frame. */

static void
assess_pdf_text(void *stream, const char *text, int len)
{
    int                 i;
    assess_pdf_page_t  *page = static_cast<assess_pdf_page_t *>(stream);

    if (len == 1 && text[0] == '\f') {
        return;
    }

    for (i = 0; i < len; i++) {
        if (static_cast<unsigned char>(text[i]) >= 0x80
            || isalnum(static_cast<unsigned char>(text[i])))
        {
            page->words = true;
        }
    }

    if (len > 0) {
        assess_out_text(page->out, text, static_cast<size_t>(len));
    }
}


/* A page without a mark on it is no scan. */

static bool
assess_pdf_blank(SplashBitmap *bitmap)
{
    int                   x, y;
    const unsigned char  *row;

    for (y = 0; y < bitmap->getHeight(); y++) {

        row = bitmap->getDataPtr()
              + static_cast<ptrdiff_t>(y) * bitmap->getRowSize();

        for (x = 0; x < bitmap->getWidth(); x++) {
            if (row[x] != 0xff) {
                return false;
            }
        }
    }

    return true;
}


static assess_why_e
assess_pdf_scan(assess_out_t *out, PDFDoc *doc, int page)
{
    double         width, height, dpi, most;
    SplashColor    paper = { 0xff };
    SplashBitmap  *bitmap;

    width = doc->getPageCropWidth(page) / 72;
    height = doc->getPageCropHeight(page) / 72;

    /* too large for 300 dots an inch: fewer of them, or none if it is absurd */

    most = std::sqrt(assess_pdf_scan_pixels / (width * height));
    dpi = std::fmin(assess_pdf_scan_dpi, most);

    if (!(dpi >= 1) || width * dpi > INT16_MAX || height * dpi > INT16_MAX) {
        return ASSESS_WHY_NONE;
    }

    SplashOutputDev  splash(splashModeMono8, 4, false, paper);

    splash.startDoc(doc);
    doc->displayPage(&splash, page, dpi, dpi, 0, false, true, false);

    bitmap = splash.getBitmap();

    if (bitmap == nullptr || bitmap->getDataPtr() == nullptr
        || assess_pdf_blank(bitmap))
    {
        return ASSESS_WHY_NONE;
    }

    return assess_ocr_gray(out, bitmap->getDataPtr(), bitmap->getWidth(),
                           bitmap->getHeight(), bitmap->getRowSize(),
                           static_cast<int>(dpi));
}


/* Later versions take the stream by unique_ptr. */

template <typename Doc>
static std::unique_ptr<Doc>
assess_pdf_open(std::unique_ptr<BaseStream> stream)
{
    if constexpr (std::is_constructible_v<Doc, BaseStream *>) {
        return std::make_unique<Doc>(stream.release());

    } else {
        return std::make_unique<Doc>(std::move(stream));
    }
}


static assess_why_e
assess_pdf_pages(assess_out_t *out)
{
    int                      n, i;
    bool                     words;
    assess_why_e             why;
    assess_pdf_page_t        page;
    std::unique_ptr<PDFDoc>  doc;

    doc = assess_pdf_open<PDFDoc>(std::make_unique<MemStream>(
              const_cast<char *>(out->data), 0,
              static_cast<Goffset>(out->len), Object(objNull)));

    if (!doc->isOk()) {
        return doc->getErrorCode() == errEncrypted ? ASSESS_WHY_ENCRYPTED
                                                   : ASSESS_WHY_DAMAGED;
    }

    n = doc->getNumPages();

    if (n <= 0) {
        return ASSESS_WHY_DAMAGED;
    }

    if (n > out->max_pages) {
        return ASSESS_WHY_PAGES;
    }

    page.out = out;
    words = false;

    TextOutputDev  text(assess_pdf_text, &page, false, 0, false);

    if (!text.isOk()) {
        return ASSESS_WHY_INTERNAL;
    }

    for (i = 1; i <= n; i++) {

        page.words = false;

        doc->displayPage(&text, i, assess_pdf_dpi, assess_pdf_dpi, 0, true,
                         false, false);

        if (page.words) {
            words = true;

        } else if (assess_ocr_ready()) {
            why = assess_pdf_scan(out, doc.get(), i);

            if (why != ASSESS_WHY_NONE) {
                return why;
            }
        }

        assess_out_page(out);
    }

    if (!words && !assess_ocr_ready()) {
        return ASSESS_WHY_OCR;
    }

    /* nobody waits for the tidying up: the process ends here */

    if (*assess_memory_failed) {
        return ASSESS_WHY_MEMORY;
    }

    assess_out_done(out);
}


static assess_why_e
assess_pdf_read(assess_out_t *out)
{
    /* positions in poppler's streams in memory are an int */

    if (out->len > INT_MAX) {
        return ASSESS_WHY_TOO_LARGE;
    }

    try {
        return assess_pdf_pages(out);

    } catch (const std::bad_alloc &) {
        return ASSESS_WHY_MEMORY;

    } catch (...) {
        return ASSESS_WHY_DAMAGED;
    }
}


extern "C" const assess_reader_t  assess_reader_pdf = {
    "pdf", assess_pdf_prepare, assess_pdf_read
};
