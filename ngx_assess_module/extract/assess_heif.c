
/*
 * libheif finds its way in the file and puts the tiles of a picture together.
 * What unpacks them by itself starts threads, for which there is no room in the
 * sandbox: here libde265 is driven without.  Of a picture only how bright it is
 * matters.
 */

#include "assess_heif.h"
#include "assess_ocr.h"

#include <libde265/de265.h>
#include <libheif/heif.h>
#include <libheif/heif_plugin.h>
#include <stdlib.h>
#include <string.h>


#define ASSESS_HEIF_PLUGIN    3         /* the version of its interface */
#define ASSESS_HEIF_FIRST     200       /* before those of libheif: 100 */
#define ASSESS_HEIF_PICTURES  1000


static assess_why_e assess_heif_pictures(assess_out_t *out,
    struct heif_context *context);
static assess_why_e assess_heif_picture(assess_out_t *out,
    struct heif_context *context, heif_item_id id);
static assess_why_e assess_heif_decode(assess_out_t *out,
    struct heif_image_handle *handle);
static struct heif_error assess_heif_unpack(
    const struct heif_image_handle *handle, struct heif_image **image);
static assess_why_e assess_heif_gray(assess_out_t *out,
    struct heif_image *image);
static assess_why_e assess_heif_why(struct heif_error error);

static const char *assess_heif_name(void);
static int assess_heif_supports(enum heif_compression_format format);
static struct heif_error assess_heif_new(void **decoder);
static void assess_heif_free(void *decoder);
static struct heif_error assess_heif_push(void *decoder, const void *data,
    size_t size);
static struct heif_error assess_heif_image(void *decoder,
    struct heif_image **image);
static struct heif_error assess_heif_planes(const struct de265_image *from,
    struct heif_image *to, int planes);
static void assess_heif_strict(void *decoder, int flag);
static int assess_heif_refuses(enum heif_compression_format format);
static struct heif_error assess_heif_no(void **decoder);


static const struct heif_error  assess_heif_ok = {
    heif_error_Ok, heif_suberror_Unspecified, "ok"
};

static const struct heif_error  assess_heif_bad = {
    heif_error_Decoder_plugin_error, heif_suberror_Unspecified, "damaged"
};

static const struct heif_error  assess_heif_full = {
    heif_error_Memory_allocation_error, heif_suberror_Unspecified, "memory"
};


static const struct heif_decoder_plugin  assess_heif_plugin = {
    .plugin_api_version = ASSESS_HEIF_PLUGIN,
    .get_plugin_name = assess_heif_name,
    .does_support_format = assess_heif_supports,
    .new_decoder = assess_heif_new,
    .free_decoder = assess_heif_free,
    .push_data = assess_heif_push,
    .decode_image = assess_heif_image,
    .set_strict_decoding = assess_heif_strict,
    .id_name = "assess"
};


/* Takes what has threads in any case, and does nothing with it. */

static const struct heif_decoder_plugin  assess_heif_refusal = {
    .plugin_api_version = ASSESS_HEIF_PLUGIN,
    .get_plugin_name = assess_heif_name,
    .does_support_format = assess_heif_refuses,
    .new_decoder = assess_heif_no,
    .free_decoder = assess_heif_free,
    .push_data = assess_heif_push,
    .decode_image = assess_heif_image,
    .set_strict_decoding = assess_heif_strict,
    .id_name = "assess-none"
};


static int  assess_heif_prepared;


void
assess_heif_prepare(void)
{
    if (assess_heif_prepared) {
        return;
    }

    /* without any of these pictures cannot be read, which they say then */

    assess_heif_prepared =
        heif_init(NULL).code == heif_error_Ok
        && heif_register_decoder_plugin(&assess_heif_plugin).code
           == heif_error_Ok
        && heif_register_decoder_plugin(&assess_heif_refusal).code
           == heif_error_Ok;
}


int
assess_heif_is(const char *data, size_t len)
{
    return len >= 12 && memcmp(data + 4, "ftyp", 4) == 0;
}


assess_why_e
assess_heif_memory(assess_out_t *out, const char *data, size_t len)
{
    assess_why_e          why;
    struct heif_context  *context;

    if (!assess_heif_prepared) {
        return ASSESS_WHY_INTERNAL;
    }

    context = heif_context_alloc();
    if (context == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    heif_context_set_max_decoding_threads(context, 0);

    why = assess_heif_why(heif_context_read_from_memory_without_copy(context,
                              data, len, NULL));

    if (why == ASSESS_WHY_NONE) {
        why = assess_heif_pictures(out, context);
    }

    heif_context_free(context);

    return why;
}


static assess_why_e
assess_heif_pictures(assess_out_t *out, struct heif_context *context)
{
    int            i, n;
    assess_why_e   why;
    heif_item_id  *ids;

    n = heif_context_get_number_of_top_level_images(context);

    if (n <= 0) {
        return ASSESS_WHY_DAMAGED;
    }

    if (out->only > n) {
        return ASSESS_WHY_DAMAGED;
    }

    if (n > ASSESS_HEIF_PICTURES
        || n > out->max_pages - (out->only ? 0 : out->page))
    {
        return ASSESS_WHY_PAGES;
    }

    ids = calloc((size_t) n, sizeof(heif_item_id));
    if (ids == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    n = heif_context_get_list_of_top_level_image_IDs(context, ids, n);
    why = ASSESS_WHY_NONE;

    for (i = 0; i < n && why == ASSESS_WHY_NONE; i++) {

        if (out->only == 0 || out->only == i + 1) {
            why = assess_heif_picture(out, context, ids[i]);
        }
    }

    free(ids);

    return why;
}


static assess_why_e
assess_heif_picture(assess_out_t *out, struct heif_context *context,
    heif_item_id id)
{
    int                        width, height;
    assess_why_e               why;
    struct heif_image_handle  *handle;

    why = assess_heif_why(heif_context_get_image_handle(context, id, &handle));

    if (why != ASSESS_WHY_NONE) {
        return why;
    }

    width = heif_image_handle_get_width(handle);
    height = heif_image_handle_get_height(handle);

    if (width <= 0 || height <= 0) {
        why = ASSESS_WHY_DAMAGED;

    } else if (width > ASSESS_OCR_MAX_PIXELS / height) {
        why = ASSESS_WHY_PIXELS;

    } else if (out->apart) {
        assess_out_scan(out);

    } else {
        why = assess_heif_decode(out, handle);

        if (why == ASSESS_WHY_NONE) {
            assess_out_page(out);
        }
    }

    heif_image_handle_release(handle);

    return why;
}


static assess_why_e
assess_heif_decode(assess_out_t *out, struct heif_image_handle *handle)
{
    assess_why_e        why;
    struct heif_image  *image;

    why = assess_heif_why(assess_heif_unpack(handle, &image));

    if (why == ASSESS_WHY_NONE) {
        why = assess_heif_gray(out, image);
        heif_image_release(image);
    }

    return why;
}


/* As it is; but what was put together of others has colours. */

static struct heif_error
assess_heif_unpack(const struct heif_image_handle *handle,
    struct heif_image **image)
{
    struct heif_error  error;

    error = heif_decode_image(handle, image, heif_colorspace_undefined,
                              heif_chroma_undefined, NULL);

    if (error.code == heif_error_Ok
        && heif_image_get_colorspace(*image) == heif_colorspace_RGB)
    {
        heif_image_release(*image);
        error = heif_decode_image(handle, image, heif_colorspace_YCbCr,
                                  heif_chroma_420, NULL);
    }

    return error;
}


static assess_why_e
assess_heif_gray(assess_out_t *out, struct heif_image *image)
{
    int        x, y, width, height, stride, bits;
    uint8_t   *plane, *row;
    uint16_t   sample;

    plane = heif_image_get_plane(image, heif_channel_Y, &stride);
    width = heif_image_get_width(image, heif_channel_Y);
    height = heif_image_get_height(image, heif_channel_Y);
    bits = heif_image_get_bits_per_pixel_range(image, heif_channel_Y);

    if (plane == NULL || width <= 0 || height <= 0) {
        return ASSESS_WHY_DAMAGED;
    }

    if (width > ASSESS_OCR_MAX_PIXELS / height) {
        return ASSESS_WHY_PIXELS;
    }

    /* each becomes one byte, in its place */

    for (y = 0; bits > 8 && y < height; y++) {

        row = plane + (ptrdiff_t) y * stride;

        for (x = 0; x < width; x++) {
            memcpy(&sample, row + 2 * (ptrdiff_t) x, sizeof(sample));
            row[x] = (uint8_t) (sample >> (bits - 8));
        }
    }

    return assess_ocr_gray(out, plane, width, height, stride, 0);
}


static assess_why_e
assess_heif_why(struct heif_error error)
{
    switch (error.code) {

    case heif_error_Ok:
        return ASSESS_WHY_NONE;

    case heif_error_Memory_allocation_error:

        /* it takes none that is wider or higher than 32,768 dots */

        return error.subcode == heif_suberror_Security_limit_exceeded
               ? ASSESS_WHY_PIXELS : ASSESS_WHY_MEMORY;

    default:
        return ASSESS_WHY_DAMAGED;
    }
}


static const char *
assess_heif_name(void)
{
    return "libde265 without threads";
}


static int
assess_heif_supports(enum heif_compression_format format)
{
    return format == heif_compression_HEVC ? ASSESS_HEIF_FIRST : 0;
}


static struct heif_error
assess_heif_new(void **decoder)
{
    *decoder = de265_new_decoder();

    return *decoder ? assess_heif_ok : assess_heif_full;
}


static void
assess_heif_free(void *decoder)
{
    if (decoder) {
        (void) de265_free_decoder(decoder);
    }
}


/* Each unit (NAL) has its length before it, the highest byte first. */

static struct heif_error
assess_heif_push(void *decoder, const void *data, size_t size)
{
    size_t                len;
    de265_error           rc;
    const unsigned char  *p, *end;

    p = data;
    end = p + size;

    while (p < end) {

        if (end - p < 4) {
            return assess_heif_bad;
        }

        len = (size_t) p[0] << 24 | (size_t) p[1] << 16 | (size_t) p[2] << 8
              | p[3];
        p += 4;

        if (len > (size_t) (end - p) || len > INT32_MAX) {
            return assess_heif_bad;
        }

        rc = de265_push_NAL(decoder, p, (int) len, 0, NULL);

        if (rc != DE265_OK) {
            return rc == DE265_ERROR_OUT_OF_MEMORY ? assess_heif_full
                                                   : assess_heif_bad;
        }

        p += len;
    }

    return assess_heif_ok;
}


/* The first picture of it. */

static struct heif_error
assess_heif_image(void *decoder, struct heif_image **image)
{
    int                         more, width, height, mono;
    de265_error                 rc;
    struct heif_error           error;
    const struct de265_image   *picture;

    *image = NULL;

    rc = de265_flush_data(decoder);

    for (more = 1, picture = NULL; rc == DE265_OK && more && !picture; ) {
        more = 0;
        rc = de265_decode(decoder, &more);
        picture = rc == DE265_OK ? de265_get_next_picture(decoder) : NULL;
    }

    if (picture == NULL) {
        return rc == DE265_ERROR_OUT_OF_MEMORY ? assess_heif_full
                                               : assess_heif_bad;
    }

    width = de265_get_image_width(picture, 0);
    height = de265_get_image_height(picture, 0);
    mono = de265_get_chroma_format(picture) == de265_chroma_mono;

    /* its formats have the numbers of libheif's */

    error = heif_image_create(width, height, mono ? heif_colorspace_monochrome
                                                  : heif_colorspace_YCbCr,
                              (enum heif_chroma)
                                  de265_get_chroma_format(picture),
                              image);

    if (error.code == heif_error_Ok) {
        error = assess_heif_planes(picture, *image, mono ? 1 : 3);
    }

    if (error.code != heif_error_Ok && *image) {
        heif_image_release(*image);
        *image = NULL;
    }

    return error;
}


static struct heif_error
assess_heif_planes(const struct de265_image *from, struct heif_image *to,
    int planes)
{
    int                 i, y, width, height, bits, in, out;
    size_t              len;
    uint8_t            *plane;
    const uint8_t      *data;
    struct heif_error   error;

    static const enum heif_channel  channels[] = {
        heif_channel_Y, heif_channel_Cb, heif_channel_Cr
    };

    for (i = 0; i < planes; i++) {

        width = de265_get_image_width(from, i);
        height = de265_get_image_height(from, i);
        bits = de265_get_bits_per_pixel(from, i);
        data = de265_get_image_plane(from, i, &in);
        len = (size_t) width * (bits > 8 ? 2 : 1);

        if (width <= 0 || height <= 0 || data == NULL || len > (size_t) in) {
            return assess_heif_bad;
        }

        error = heif_image_add_plane(to, channels[i], width, height, bits);

        if (error.code != heif_error_Ok) {
            return error;
        }

        plane = heif_image_get_plane(to, channels[i], &out);

        if (plane == NULL || len > (size_t) out) {
            return assess_heif_full;
        }

        for (y = 0; y < height; y++) {
            memcpy(plane + (ptrdiff_t) y * out, data + (ptrdiff_t) y * in, len);
        }
    }

    return assess_heif_ok;
}


static void
assess_heif_strict(void *decoder, int flag)
{
    (void) decoder;
    (void) flag;
}


static int
assess_heif_refuses(enum heif_compression_format format)
{
    return format == heif_compression_HEVC ? 0 : ASSESS_HEIF_FIRST;
}


static struct heif_error
assess_heif_no(void **decoder)
{
    *decoder = NULL;

    return assess_heif_bad;
}
