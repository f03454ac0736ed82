
#include "assess_picture.h"

#include <allheaders.h>
#include <stdlib.h>


static PIX *assess_picture_plain(PIX *pix);
static PIX *assess_picture_small(PIX *pix);


assess_why_e
assess_picture_send(assess_out_t *out, PIX *pix)
{
    int             failed;
    size_t          len;
    unsigned char  *data;

    data = NULL;
    pix = assess_picture_small(assess_picture_plain(pix));

    if (pix == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    failed = out->picture == ASSESS_PICTURE_WEBP
             ? assess_webp(pix, &data, &len)
             : pixWriteMemPng(&data, &len, pix, 0);

    pixDestroy(&pix);

    if (failed || data == NULL) {
        free(data);
        return ASSESS_WHY_MEMORY;
    }

    assess_out_picture(out, data, len);
    free(data);

    return ASSESS_WHY_NONE;
}


assess_why_e
assess_picture_rgb(assess_out_t *out, const unsigned char *data, int width,
    int height, int stride)
{
    int                   x, y;
    PIX                  *pix;
    l_uint32             *line;
    const unsigned char  *p;

    pix = pixCreateNoInit(width, height, 32);
    if (pix == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    for (y = 0; y < height; y++) {

        line = pixGetData(pix) + (ptrdiff_t) y * pixGetWpl(pix);
        p = data + (ptrdiff_t) y * stride;

        for (x = 0; x < width; x++, p += 3) {
            composeRGBPixel(p[0], p[1], p[2], &line[x]);
        }
    }

    return assess_picture_send(out, pix);
}


PIX *
assess_picture_flat(PIX *pix)
{
    PIX  *made;

    if (pixGetSpp(pix) == 4) {
        made = pixAlphaBlendUniform(pix, 0xffffff00);

    } else if (pixGetColormap(pix)) {
        made = pixRemoveColormap(pix, REMOVE_CMAP_BASED_ON_SRC);

    } else if (pixGetDepth(pix) == 16) {
        made = pixConvert16To8(pix, L_MS_BYTE);

    } else {
        made = pixClone(pix);
    }

    pixDestroy(&pix);

    return made;
}


/*
 * Black and white become gray, for of these dots each is kept or lost when they
 * become fewer, and thin lines are torn.
 */

static PIX *
assess_picture_plain(PIX *pix)
{
    PIX  *made;

    pix = assess_picture_flat(pix);

    if (pix && pixGetDepth(pix) < 8) {
        made = pixConvertTo8(pix, 0);
        pixDestroy(&pix);
        return made;
    }

    return pix;
}


static PIX *
assess_picture_small(PIX *pix)
{
    int   width, height;
    PIX  *made;

    if (pix == NULL) {
        return NULL;
    }

    width = pixGetWidth(pix);
    height = pixGetHeight(pix);

    if (width <= ASSESS_PICTURE_SIDE && height <= ASSESS_PICTURE_SIDE) {
        return pix;
    }

    made = width > height ? pixScaleToSize(pix, ASSESS_PICTURE_SIDE, 0)
                          : pixScaleToSize(pix, 0, ASSESS_PICTURE_SIDE);
    pixDestroy(&pix);

    return made;
}
