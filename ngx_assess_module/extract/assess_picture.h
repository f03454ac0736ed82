
/*
 * A page as a picture for a model: of a size that it can use, compressed.  Or,
 * where that has failed, without loss.
 */

#ifndef ASSESS_PICTURE_H
#define ASSESS_PICTURE_H


#include "assess_out.h"


/* Models make a larger one smaller themselves: pixels of the longer side. */
#define ASSESS_PICTURE_SIDE     2048
#define ASSESS_PICTURE_QUALITY  85


#ifdef __cplusplus
extern "C" {
#endif


struct Pix;

/*
 * The same on white, without a table of colours, with 8 bits of a colour at
 * most.  It is freed; NULL is out of memory.
 */
struct Pix *assess_picture_flat(struct Pix *pix);

/* Sends it as out wants it; it is freed. */
assess_why_e assess_picture_send(assess_out_t *out, struct Pix *pix);

/* The same of a picture with three bytes a pixel: red, green, blue. */
assess_why_e assess_picture_rgb(assess_out_t *out, const unsigned char *data,
    int width, int height, int stride);

/* As WebP, to be freed with free(); 0, or -1: it cannot be made. */
int assess_webp(struct Pix *pix, unsigned char **data, size_t *len);


#ifdef __cplusplus
}
#endif


#endif /* ASSESS_PICTURE_H */
