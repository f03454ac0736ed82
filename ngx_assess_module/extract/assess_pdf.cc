
/*
 * PDF through poppler, page by page, with what pdftotext(1) does without
 * options: a quote from here is found in its text.
 */

#include "assess_out.h"

#include <limits.h>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>

#include <poppler/Error.h>
#include <poppler/ErrorCodes.h>
#include <poppler/GlobalParams.h>
#include <poppler/PDFDoc.h>
#include <poppler/Stream.h>
#include <poppler/TextOutputDev.h>


static const double  assess_pdf_dpi = 72.0;


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
}


/* The form feed that ends each page is ours to tell, by a frame. */

static void
assess_pdf_text(void *stream, const char *text, int len)
{
    assess_out_t  *out = static_cast<assess_out_t *>(stream);

    if (len == 1 && text[0] == '\f') {
        return;
    }

    if (len > 0) {
        assess_out_text(out, text, static_cast<size_t>(len));
    }
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

    TextOutputDev  text(assess_pdf_text, out, false, 0, false);

    if (!text.isOk()) {
        return ASSESS_WHY_INTERNAL;
    }

    for (i = 1; i <= n; i++) {
        doc->displayPage(&text, i, assess_pdf_dpi, assess_pdf_dpi, 0, true,
                         false, false);
        assess_out_page(out);
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
