
/* Compresses no picture, but crashes: see bad_reader.c. */

#include "extract/assess_picture.h"

#include <stdlib.h>


int
assess_webp(struct Pix *pix, unsigned char **data, size_t *len)
{
    (void) pix;
    (void) data;
    (void) len;

    abort();
}
