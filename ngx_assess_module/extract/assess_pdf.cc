
/*
 * PDF through poppler, page by page, with what pdftotext(1) does without
 * options: a quote from here is found in its text.  A page that has none is a
 * scan most likely, and is read as the picture that it is.
 */

#include "assess_ocr.h"
#include "assess_pdf.h"
#include "assess_picture.h"

#include <algorithm>
#include <cmath>
#include <ctype.h>
#include <limits.h>
#include <memory>
#include <new>
#include <optional>
#include <time.h>
#include <type_traits>
#include <vector>

#include <poppler/Error.h>
#include <poppler/ErrorCodes.h>
#include <poppler/GfxState.h>
#include <poppler/GlobalParams.h>
#include <poppler/OutputDev.h>
#include <poppler/PDFDoc.h>
#include <poppler/SplashOutputDev.h>
#include <poppler/Stream.h>
#include <poppler/TextOutputDev.h>
#include <splash/SplashBitmap.h>


static const double  assess_pdf_dpi = 72.0;

/* of a page that is drawn, and of one that is a picture if that has others */
static const double  assess_pdf_scan_dpi = 300.0;
static const double  assess_pdf_scan_least = 72.0;
static const double  assess_pdf_scan_most = 600.0;
static const double  assess_pdf_scan_pixels = 36e6;


/* s of CPU time: a page of a plan takes one; what takes longer is made to */
static const double  assess_pdf_text_s = 5.0;
static const double  assess_pdf_draw_s = 10.0;

/* bytes that a page is drawn by, unpacked; few are checked without unpacking */
static const int64_t  assess_pdf_content = INT64_C(128) << 20;
static const int64_t  assess_pdf_deflate = 1032;

/*
 * What is packed to less than a part of it like this, and is not little: all of
 * it, or as much as no page begins with.
 */
static const int64_t  assess_pdf_packed = 200;
static const int64_t  assess_pdf_little = INT64_C(8) << 20;
static const int64_t  assess_pdf_much = INT64_C(32) << 20;

/*
 * Forms in forms in forms: real ones are not so deep in each other, and of those
 * that are not so many are drawn on a page.
 */
static const int  assess_pdf_deep = 4;
static const int  assess_pdf_forms = 1000;


/* The page under way. */
typedef struct {
    assess_out_t  *out;
    bool           words;
    double         until;               /* s of CPU time of the process */
    int            forms;               /* that were deep */
    bool           late;
} assess_pdf_page_t;


/* What poppler has to say about a broken file interests nobody here. */

static void
assess_pdf_silence(ErrorCategory, Goffset, const char *)
{
}


void
assess_pdf_prepare(void)
{
    if (globalParams == nullptr) {
        setErrorCallback(assess_pdf_silence);
        globalParams = std::make_unique<GlobalParams>();
    }

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


/*
 * A form may draw others, which draw others: by a few lines as many as there
 * are atoms.
 */

class AssessPdfText : public TextOutputDev
{
public:
    explicit AssessPdfText(assess_pdf_page_t *page)
        : TextOutputDev(assess_pdf_text, page, false, 0, false), page_(page),
          depth_(0)
    {
    }

    void beginForm(Ref) override
    {
        if (++depth_ > assess_pdf_deep && ++page_->forms > assess_pdf_forms) {
            page_->late = true;
        }
    }

    void endForm(Ref) override
    {
        depth_--;
    }

private:
    assess_pdf_page_t  *page_;
    int                 depth_;
};


static double
assess_pdf_cpu()
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return static_cast<double>(ts.tv_sec) + 1e-9
           * static_cast<double>(ts.tv_nsec);
}


/* Asked by poppler every few operators: whether to draw no more of the page. */

static bool
assess_pdf_late(void *data)
{
    assess_pdf_page_t  *page = static_cast<assess_pdf_page_t *>(data);

    if (!page->late && assess_pdf_cpu() > page->until) {
        page->late = true;
    }

    return page->late;
}


/*
 * The most that a stream can be unpacked to: a filter that packs makes no more
 * than this of a byte, and there may be several in a row.
 */

static double
assess_pdf_most(Stream *str)
{
    double   most;
    Stream  *s;

    most = static_cast<double>(str->getBaseStream()->getLength());

    for (s = str; s; s = s->getNextStream()) {
        if (s->getKind() == strFlate || s->getKind() == strLZW
            || s->getKind() == strRunLength)
        {
            most *= static_cast<double>(assess_pdf_deflate);
        }
    }

    return most;
}


/*
 * What a stream is unpacked to, in bytes; a negative number where that is more
 * than limit, or than may be packed into what was read of it so far.
 */

static int64_t
assess_pdf_unpacked(Stream *str, int64_t limit)
{
    int                    n;
    int64_t                size, begun, likely, least;
    BaseStream            *packed;
    static unsigned char   piece[65536];

    packed = str->getBaseStream();
    size = 0;

    str->reset();
    begun = packed->getPos();

    do {
        n = str->doGetChars(sizeof(piece), piece);
        size += n;

        least = n > 0 ? assess_pdf_much : assess_pdf_little;
        likely = assess_pdf_packed * (packed->getPos() - begun);
        likely = std::max(least, likely);

    } while (n > 0 && size <= limit && size <= likely);

    str->close();

    return size <= limit && size <= likely ? size : -1;
}


/* Whether what draws the page is a bomb: of white space, it draws nothing. */

static bool
assess_pdf_bomb(PDFDoc *doc, int number)
{
    int      i, n;
    Page    *page;
    double   most;
    int64_t  left, size;

    page = doc->getPage(number);
    if (page == nullptr) {
        return false;
    }

    Object  contents = page->getContents();

    n = contents.isArray() ? contents.arrayGetLength() : 1;
    most = 0;

    std::vector<Object>  streams;

    for (i = 0; i < n; i++) {

        Object  stream = contents.isArray() ? contents.arrayGet(i)
                                            : contents.copy();
        if (stream.isStream()) {
            most += assess_pdf_most(stream.getStream());
            streams.push_back(std::move(stream));
        }
    }

    if (most <= static_cast<double>(assess_pdf_content)) {
        return false;
    }

    left = assess_pdf_content;

    for (Object &stream : streams) {

        size = assess_pdf_unpacked(stream.getStream(), left);

        if (size < 0) {
            return true;
        }

        left -= size;
    }

    return false;
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
assess_pdf_draw(assess_pdf_page_t *state, PDFDoc *doc, int page, double dpi)
{
    SplashColor    paper = { 0xff };
    SplashBitmap  *bitmap;

    SplashOutputDev  splash(splashModeMono8, 4, false, paper);

    splash.startDoc(doc);
    doc->displayPage(&splash, page, dpi, dpi, 0, false, true, false,
                     assess_pdf_late, state);

    if (state->late) {
        return ASSESS_WHY_DRAWN;
    }

    bitmap = splash.getBitmap();

    if (bitmap == nullptr || bitmap->getDataPtr() == nullptr
        || assess_pdf_blank(bitmap))
    {
        return ASSESS_WHY_NONE;
    }

    return assess_ocr_gray(state->out, bitmap->getDataPtr(), bitmap->getWidth(),
                           bitmap->getHeight(), bitmap->getRowSize(),
                           static_cast<int>(dpi));
}


/*
 * Looks for the one picture that fills most of a page.  It is best read as it
 * is: drawn once more, at another size, it only gets worse.
 */

class AssessPdfLook : public OutputDev
{
public:
    AssessPdfLook(double width, double height) : page(width * height) { }

    bool upsideDown() override { return true; }
    bool useDrawChar() override { return false; }
    bool interpretType3Chars() override { return false; }

    void drawImageMask(GfxState *state, Object *ref, Stream *str, int width,
        int height, bool invert, bool interpolate, bool inlined) override
    {
        look(state, width, height);
        OutputDev::drawImageMask(state, ref, str, width, height, invert,
                                 interpolate, inlined);
    }

    void drawImage(GfxState *state, Object *ref, Stream *str, int width,
        int height, GfxImageColorMap *map, bool interpolate,
        const int *mask, bool inlined) override
    {
        Stream  *raw;

        if (look(state, width, height) && !inlined && mask == nullptr
            && str->getKind() == strDCT && map->getDecodeLow(0) == 0.0)
        {
            raw = str->getNextStream();
            raw->reset();
            jpeg = raw->toUnsignedChars(4096, 65536);
        }

        OutputDev::drawImage(state, ref, str, width, height, map, interpolate,
                             mask, inlined);
    }

    double                      page;           /* square points */
    int                         images = 0;
    double                      dpi = 0;        /* 0: there is none */
    std::vector<unsigned char>  jpeg;

private:
    bool look(GfxState *state, int width, int height)
    {
        double         w, h;
        const double  *m;

        m = state->getCTM();
        w = std::hypot(m[0], m[1]);
        h = std::hypot(m[2], m[3]);

        images++;

        if (w * h < page / 2) {
            return false;
        }

        dpi = std::fmax(width / w, height / h) * assess_pdf_dpi;

        /* upright or turned; y grows downwards, a mirror is not undone */

        return images == 1 && m[0] * m[3] - m[1] * m[2] < 0;
    }
};


static assess_why_e
assess_pdf_scan(assess_pdf_page_t *state, PDFDoc *doc, int page)
{
    double        width, height, dpi;
    assess_why_e  why;

    width = doc->getPageCropWidth(page) / assess_pdf_dpi;
    height = doc->getPageCropHeight(page) / assess_pdf_dpi;

    state->until = assess_pdf_cpu() + assess_pdf_draw_s;

    AssessPdfLook  look(width * assess_pdf_dpi, height * assess_pdf_dpi);

    doc->displayPage(&look, page, assess_pdf_dpi, assess_pdf_dpi, 0, false,
                     true, false, assess_pdf_late, state);

    if (look.images == 1 && !look.jpeg.empty()) {
        why = assess_image_jpeg(state->out, look.jpeg.data(), look.jpeg.size(),
                                static_cast<int>(look.dpi));

        if (why != ASSESS_WHY_DAMAGED && why != ASSESS_WHY_PIXELS) {
            return why;
        }
    }

    dpi = assess_pdf_scan_dpi;

    if (look.dpi > 0) {
        dpi = std::fmin(std::fmax(look.dpi, assess_pdf_scan_least),
                        assess_pdf_scan_most);
    }

    /* too large for that: fewer dots, or none if its size is absurd */

    dpi = std::fmin(dpi, std::sqrt(assess_pdf_scan_pixels / (width * height)));

    if (!(dpi >= 1) || width * dpi > INT16_MAX || height * dpi > INT16_MAX) {
        return ASSESS_WHY_NONE;
    }

    return assess_pdf_draw(state, doc, page, dpi);
}


/*
 * The page as a person sees it, in as many dots as its picture has, if those are
 * not too many.
 */

static assess_why_e
assess_pdf_picture(assess_out_t *out, PDFDoc *doc, int page)
{
    double         width, height, dpi;
    SplashColor    paper = { 0xff, 0xff, 0xff };
    SplashBitmap  *bitmap;

    width = doc->getPageCropWidth(page) / assess_pdf_dpi;
    height = doc->getPageCropHeight(page) / assess_pdf_dpi;

    AssessPdfLook  look(width * assess_pdf_dpi, height * assess_pdf_dpi);

    doc->displayPage(&look, page, assess_pdf_dpi, assess_pdf_dpi, 0, false,
                     true, false);

    dpi = look.dpi > 0 ? std::fmax(look.dpi, assess_pdf_scan_least)
                       : assess_pdf_scan_dpi;
    dpi = std::fmin(dpi, (ASSESS_PICTURE_SIDE - 1) / std::fmax(width, height));

    if (!(dpi >= 1)) {
        return ASSESS_WHY_PIXELS;
    }

    SplashOutputDev  splash(splashModeRGB8, 4, false, paper);

    splash.startDoc(doc);
    doc->displayPage(&splash, page, dpi, dpi, 0, false, true, false);

    bitmap = splash.getBitmap();

    if (bitmap == nullptr || bitmap->getDataPtr() == nullptr) {
        return ASSESS_WHY_DAMAGED;
    }

    return assess_picture_rgb(out, bitmap->getDataPtr(), bitmap->getWidth(),
                              bitmap->getHeight(), bitmap->getRowSize());
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


/* doc is what is to be tidied up then. */

static assess_why_e
assess_pdf_pages(assess_out_t *out, const char *data, size_t len,
    std::unique_ptr<PDFDoc> &doc)
{
    int                n, i, last;
    bool               words;
    assess_why_e       why;
    assess_pdf_page_t  page;

    doc = assess_pdf_open<PDFDoc>(std::make_unique<MemStream>(
              const_cast<char *>(data), 0, static_cast<Goffset>(len),
              Object(objNull)));

    if (!doc->isOk()) {
        return doc->getErrorCode() == errEncrypted ? ASSESS_WHY_ENCRYPTED
                                                   : ASSESS_WHY_DAMAGED;
    }

    n = doc->getNumPages();

    if (n <= 0 || out->only > n) {
        return ASSESS_WHY_DAMAGED;
    }

    if (n > out->max_pages - (out->only ? 0 : out->page)) {
        return ASSESS_WHY_PAGES;
    }

    page.out = out;
    page.late = false;
    words = false;

    AssessPdfText  text(&page);

    if (!text.isOk()) {
        return ASSESS_WHY_INTERNAL;
    }

    i = out->only ? out->only : 1;
    last = out->only ? out->only : n;

    for ( /* void */ ; i <= last; i++) {

        if (assess_pdf_bomb(doc.get(), i)) {
            return ASSESS_WHY_UNPACKED;
        }

        page.words = false;
        page.forms = 0;
        page.until = assess_pdf_cpu() + assess_pdf_text_s;

        if (out->picture) {
            why = assess_pdf_picture(out, doc.get(), i);

            if (why != ASSESS_WHY_NONE) {
                return why;
            }

            words = true;
            assess_out_page(out);
            continue;
        }

        doc->displayPage(&text, i, assess_pdf_dpi, assess_pdf_dpi, 0, true,
                         false, false, assess_pdf_late, &page);

        if (page.late) {
            return ASSESS_WHY_DRAWN;
        }

        if (page.words) {
            words = true;

        } else if (assess_ocr_ready() && out->apart) {
            assess_out_scan(out);
            continue;

        } else if (assess_ocr_ready()) {
            why = assess_pdf_scan(&page, doc.get(), i);

            if (why != ASSESS_WHY_NONE) {
                return why;
            }
        }

        assess_out_page(out);
    }

    return words || assess_ocr_ready() ? ASSESS_WHY_NONE : ASSESS_WHY_OCR;
}


static assess_why_e
assess_pdf_try(assess_out_t *out, const char *data, size_t len,
    std::unique_ptr<PDFDoc> &doc)
{
    /* positions in poppler's streams in memory are an int */

    if (len > INT_MAX) {
        return ASSESS_WHY_TOO_LARGE;
    }

    try {
        return assess_pdf_pages(out, data, len, doc);

    } catch (const std::bad_alloc &) {
        return ASSESS_WHY_MEMORY;

    } catch (...) {
        return ASSESS_WHY_DAMAGED;
    }
}


assess_why_e
assess_pdf_memory(assess_out_t *out, const char *data, size_t len)
{
    std::unique_ptr<PDFDoc>  doc;

    return assess_pdf_try(out, data, len, doc);
}


static assess_why_e
assess_pdf_read(assess_out_t *out)
{
    assess_why_e             why;
    std::unique_ptr<PDFDoc>  doc;

    why = assess_pdf_try(out, out->data, out->len, doc);

    if (why != ASSESS_WHY_NONE) {
        return why;
    }

    /* nobody waits for the tidying up: the process ends here */

    if (*assess_memory_failed) {
        return ASSESS_WHY_MEMORY;
    }

    assess_out_done(out);
}


extern "C" const assess_reader_t  assess_reader_pdf = {
    "pdf", assess_pdf_prepare, assess_pdf_read
};
