
/*
 * Pictures: PNG, JPEG, WebP, BMP and GIF are one page, a TIFF and an HEIC have
 * one or several.  How large a picture is, is read before it is unpacked: a few
 * bytes can stand for more of it than there is memory.
 */

#include "assess_heif.h"
#include "assess_ocr.h"

#include <allheaders.h>
#include <string.h>


#define ASSESS_IMAGE_TIFF_WIDTH   256
#define ASSESS_IMAGE_TIFF_HEIGHT  257
#define ASSESS_IMAGE_TIFF_TURNED  274
#define ASSESS_IMAGE_TIFF_SHORT   3
#define ASSESS_IMAGE_TIFF_ENTRY   12

#define ASSESS_IMAGE_JPEG_EXIF    0xe1
#define ASSESS_IMAGE_JPEG_SCAN    0xda


typedef struct {
    int64_t  width;
    int64_t  height;
} assess_image_size_t;


/* A file that is read with numbers of one byte order. */
typedef struct {
    const unsigned char  *data;
    size_t                len;
    int                   big;
} assess_image_bytes_t;


static int assess_image_common(const assess_out_t *out);
static assess_why_e assess_image_one(assess_out_t *out,
    const unsigned char *data, size_t len);
static PIX *assess_image_upright(PIX *pix, const unsigned char *data,
    size_t len);
static int assess_image_turns(const unsigned char *data, size_t len);
static int assess_image_exif(const unsigned char *data, size_t len);
static assess_why_e assess_image_tiff(assess_out_t *out,
    const unsigned char *data, size_t len);
static assess_why_e assess_image_tiff_page(assess_out_t *out,
    const assess_image_bytes_t *bytes, size_t directory);
static size_t assess_image_tiff_next(const assess_image_bytes_t *bytes,
    size_t directory);
static int assess_image_tiff_size(const assess_image_bytes_t *bytes,
    size_t directory, assess_image_size_t *size);
static int assess_image_size(const unsigned char *data, size_t len,
    int format, assess_image_size_t *size);
static assess_why_e assess_image_fits(const assess_image_size_t *size);
static int64_t assess_image_number(const assess_image_bytes_t *bytes,
    size_t offset, size_t n);


void
assess_image_prepare(void)
{
    assess_ocr_prepare();
    assess_heif_prepare();
}


static assess_why_e
assess_image_read(assess_out_t *out)
{
    if (out->picture == ASSESS_PICTURE_ORIGINAL && assess_image_common(out)) {
        assess_out_picture(out, out->data, out->len);
        assess_out_page(out);
        return ASSESS_WHY_NONE;
    }

    return assess_image_memory(out, out->data, out->len);
}


/* Whether models take it as it is. */

static int
assess_image_common(const assess_out_t *out)
{
    size_t  i;

    static const struct {
        size_t       offset;
        size_t       len;
        const char  *bytes;
    } magic[] = {
        { 0, 8, "\x89PNG\r\n\x1a\n" },
        { 0, 3, "\xff\xd8\xff" },
        { 8, 4, "WEBP" }
    };

    for (i = 0; i < sizeof(magic) / sizeof(magic[0]); i++) {
        if (out->len > magic[i].offset + magic[i].len
            && memcmp(out->data + magic[i].offset, magic[i].bytes,
                      magic[i].len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


assess_why_e
assess_image_memory(assess_out_t *out, const char *data, size_t len)
{
    if (!assess_ocr_ready()) {
        return ASSESS_WHY_OCR;
    }

    if (assess_heif_is(data, len)) {
        return assess_heif_memory(out, data, len);
    }

    if (len >= 4 && (memcmp(data, "II*\0", 4) == 0
                     || memcmp(data, "MM\0*", 4) == 0))
    {
        return assess_image_tiff(out, (const unsigned char *) data, len);
    }

    if (out->apart) {
        assess_out_scan(out);
        return ASSESS_WHY_NONE;
    }

    return assess_image_one(out, (const unsigned char *) data, len);
}


static assess_why_e
assess_image_one(assess_out_t *out, const unsigned char *data, size_t len)
{
    int                   format;
    PIX                  *pix;
    assess_why_e          why;
    assess_image_size_t   size;

    /* it looks at twelve bytes, however many there are */

    if (len < 12 || findFileFormatBuffer(data, &format) != 0
        || assess_image_size(data, len, format, &size) != 0)
    {
        return ASSESS_WHY_DAMAGED;
    }

    why = assess_image_fits(&size);
    if (why != ASSESS_WHY_NONE) {
        return why;
    }

    pix = pixReadMem(data, len);

    if (pix && out->picture) {
        pix = assess_image_upright(pix, data, len);
    }

    if (pix == NULL) {
        return ASSESS_WHY_DAMAGED;
    }

    why = assess_ocr_text(out, pix);

    if (why == ASSESS_WHY_NONE) {
        assess_out_page(out);
    }

    return why;
}


/* For who looks at it; who reads it finds out for himself. */

static PIX *
assess_image_upright(PIX *pix, const unsigned char *data, size_t len)
{
    int   turns;
    PIX  *turned;

    turns = assess_image_turns(data, len);

    if (turns == 0) {
        return pix;
    }

    turned = pixRotateOrth(pix, turns);
    pixDestroy(&pix);

    return turned;
}


/*
 * A camera that is held upright writes what it sees lying on its side, and says
 * so in the head of the JPEG.  So many quarter turns clockwise it takes.
 */

static int
assess_image_turns(const unsigned char *data, size_t len)
{
    int                    marker;
    size_t                 at, size;
    assess_image_bytes_t   bytes;

    static const unsigned char  start[] = { 0xff, 0xd8, 0xff };

    if (len < sizeof(start) || memcmp(data, start, sizeof(start)) != 0) {
        return 0;
    }

    bytes.data = data;
    bytes.len = len;
    bytes.big = 1;

    for (at = 2; assess_image_number(&bytes, at, 1) == 0xff; at += 2 + size) {

        marker = (int) assess_image_number(&bytes, at + 1, 1);
        size = (size_t) assess_image_number(&bytes, at + 2, 2);

        if (marker == ASSESS_IMAGE_JPEG_SCAN || size < 2
            || size > len - at - 2)
        {
            break;
        }

        if (marker == ASSESS_IMAGE_JPEG_EXIF && size > 8
            && memcmp(data + at + 4, "Exif\0\0", 6) == 0)
        {
            return assess_image_exif(data + at + 10, size - 8);
        }
    }

    return 0;
}


/* It is a TIFF without a picture. */

static int
assess_image_exif(const unsigned char *data, size_t len)
{
    size_t                 at;
    int64_t                i, n;
    assess_image_bytes_t   bytes;

    bytes.data = data;
    bytes.len = len;
    bytes.big = data[0] == 'M';

    at = (size_t) assess_image_number(&bytes, 4, 4);
    n = assess_image_number(&bytes, at, 2);
    at += 2;

    for (i = 0; i < n; i++, at += ASSESS_IMAGE_TIFF_ENTRY) {

        if (assess_image_number(&bytes, at, 2) != ASSESS_IMAGE_TIFF_TURNED) {
            continue;
        }

        switch (assess_image_number(&bytes, at + 8, 2)) {

        case 3:
            return 2;

        case 6:
            return 1;

        case 8:
            return 3;

        default:
            return 0;
        }
    }

    return 0;
}


assess_why_e
assess_image_jpeg(assess_out_t *out, const unsigned char *data, size_t len,
    int dpi)
{
    int                   width, height;
    PIX                  *pix;
    assess_why_e          why;
    assess_image_size_t   size;

    if (readHeaderMemJpeg(data, len, &width, &height, NULL, NULL, NULL) != 0) {
        return ASSESS_WHY_DAMAGED;
    }

    size.width = width;
    size.height = height;

    why = assess_image_fits(&size);
    if (why != ASSESS_WHY_NONE) {
        return why;
    }

    pix = pixReadMemJpeg(data, len, 0, 1, NULL, 0);
    if (pix == NULL) {
        return ASSESS_WHY_DAMAGED;
    }

    (void) pixSetResolution(pix, dpi, dpi);

    return assess_ocr_text(out, pix);
}


/*
 * Page after page by where its directory is.  Directories that go in a circle
 * end with the limit of pages.
 */

static assess_why_e
assess_image_tiff(assess_out_t *out, const unsigned char *data, size_t len)
{
    int                    page;
    size_t                 directory;
    assess_why_e           why;
    assess_image_bytes_t   bytes;

    bytes.data = data;
    bytes.len = len;
    bytes.big = data[0] == 'M';

    directory = (size_t) assess_image_number(&bytes, 4, 4);
    page = 0;

    do {
        if (out->page >= out->max_pages) {
            return ASSESS_WHY_PAGES;
        }

        page++;

        if (out->only == 0 || out->only == page) {

            why = assess_image_tiff_page(out, &bytes, directory);
            if (why != ASSESS_WHY_NONE) {
                return why;
            }
        }

        directory = assess_image_tiff_next(&bytes, directory);

    } while (directory && out->only != page);

    return out->only > page ? ASSESS_WHY_DAMAGED : ASSESS_WHY_NONE;
}


static assess_why_e
assess_image_tiff_page(assess_out_t *out, const assess_image_bytes_t *bytes,
    size_t directory)
{
    PIX                   *pix;
    assess_why_e           why;
    assess_image_size_t    size;

    if (assess_image_tiff_size(bytes, directory, &size) != 0) {
        return ASSESS_WHY_DAMAGED;
    }

    why = assess_image_fits(&size);
    if (why != ASSESS_WHY_NONE) {
        return why;
    }

    if (out->apart) {
        assess_out_scan(out);
        return ASSESS_WHY_NONE;
    }

    pix = pixReadMemFromMultipageTiff(bytes->data, bytes->len, &directory);
    if (pix == NULL) {
        return ASSESS_WHY_DAMAGED;
    }

    why = assess_ocr_text(out, pix);

    if (why == ASSESS_WHY_NONE) {
        assess_out_page(out);
    }

    return why;
}


/* Where the directory of the page after it is; 0 behind the last one. */

static size_t
assess_image_tiff_next(const assess_image_bytes_t *bytes, size_t directory)
{
    size_t  n;

    n = (size_t) assess_image_number(bytes, directory, 2);

    return (size_t) assess_image_number(bytes, directory + 2
                                        + n * ASSESS_IMAGE_TIFF_ENTRY, 4);
}


static int
assess_image_tiff_size(const assess_image_bytes_t *bytes, size_t directory,
    assess_image_size_t *size)
{
    size_t    at;
    int64_t   i, n, value;

    n = assess_image_number(bytes, directory, 2);

    size->width = 0;
    size->height = 0;

    for (i = 0; i < n; i++) {

        at = directory + 2 + (size_t) i * ASSESS_IMAGE_TIFF_ENTRY;

        value = assess_image_number(bytes, at + 2, 2)
                == ASSESS_IMAGE_TIFF_SHORT
                ? assess_image_number(bytes, at + 8, 2)
                : assess_image_number(bytes, at + 8, 4);

        switch (assess_image_number(bytes, at, 2)) {

        case ASSESS_IMAGE_TIFF_WIDTH:
            size->width = value;
            break;

        case ASSESS_IMAGE_TIFF_HEIGHT:
            size->height = value;
            break;
        }
    }

    return size->width > 0 && size->height > 0 ? 0 : -1;
}


/* Leptonica would unpack GIF and BMP for it, and not believe a huge PNG. */

static int
assess_image_size(const unsigned char *data, size_t len, int format,
    assess_image_size_t *size)
{
    int                    width, height;
    assess_image_bytes_t   bytes;

    bytes.data = data;
    bytes.len = len;
    bytes.big = format == IFF_PNG;

    switch (format) {

    case IFF_PNG:
        size->width = assess_image_number(&bytes, 16, 4);
        size->height = assess_image_number(&bytes, 20, 4);
        break;

    case IFF_GIF:
        size->width = assess_image_number(&bytes, 6, 2);
        size->height = assess_image_number(&bytes, 8, 2);
        break;

    case IFF_BMP:
        size->width = assess_image_number(&bytes, 18, 4);
        size->height = assess_image_number(&bytes, 22, 4);
        break;

    default:
        if (pixReadHeaderMem(bytes.data, bytes.len, NULL, &width, &height,
                             NULL, NULL, NULL)
            != 0)
        {
            return -1;
        }

        size->width = width;
        size->height = height;
        break;
    }

    return size->width > 0 && size->height > 0 ? 0 : -1;
}


static assess_why_e
assess_image_fits(const assess_image_size_t *size)
{
    return size->width <= ASSESS_OCR_MAX_PIXELS / size->height
           ? ASSESS_WHY_NONE : ASSESS_WHY_PIXELS;
}


/* Of n bytes; 0 where the file ends before. */

static int64_t
assess_image_number(const assess_image_bytes_t *bytes, size_t offset, size_t n)
{
    size_t    i;
    int64_t   number;

    if (offset > bytes->len || bytes->len - offset < n) {
        return 0;
    }

    number = 0;

    for (i = 0; i < n; i++) {
        number = number << 8
                 | bytes->data[offset + (bytes->big ? i : n - 1 - i)];
    }

    return number;
}


const assess_reader_t  assess_reader_image = {
    "image", assess_image_prepare, assess_image_read
};
