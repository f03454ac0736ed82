
/*
 * The text of a picture, by Tesseract, whichever way up it is.  The engine and
 * its languages are loaded once, before the first document; all readers share
 * them.
 */

#ifndef ASSESS_OCR_H
#define ASSESS_OCR_H


#include "assess_out.h"


/* A4 at 1,000 dots an inch, and a photograph of any telephone. */
#define ASSESS_OCR_MAX_PIXELS  INT64_C(100000000)


#ifdef __cplusplus
extern "C" {
#endif


struct Pix;

/* Reads files, and may be called again. */
void assess_ocr_prepare(void);

/* Whether all languages are there. */
int assess_ocr_ready(void);

/*
 * Sends what can be read in it, or the picture itself where that is wanted of
 * the page; it is freed.
 */
assess_why_e assess_ocr_text(assess_out_t *out, struct Pix *pix);

/* Before the sandbox is closed; reads files, and may be called again. */
void assess_image_prepare(void);

/* The pages of a picture of any kind that stands in memory. */
assess_why_e assess_image_memory(assess_out_t *out, const char *data,
    size_t len);

/* The text of a JPEG in another document. */
assess_why_e assess_image_jpeg(assess_out_t *out, const unsigned char *data,
    size_t len, int dpi);

/* The same of a picture with one byte a pixel; 0 is black, dpi 0 not known. */
assess_why_e assess_ocr_gray(assess_out_t *out, const unsigned char *data,
    int width, int height, int stride, int dpi);


#ifdef __cplusplus
}
#endif


#endif /* ASSESS_OCR_H */
