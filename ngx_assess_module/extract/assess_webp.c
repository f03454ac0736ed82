
#include "assess_picture.h"

#include <allheaders.h>


int
assess_webp(PIX *pix, unsigned char **data, size_t *len)
{
    return pixWriteMemWebP(data, len, pix, ASSESS_PICTURE_QUALITY, 0) == 0
           ? 0 : -1;
}
