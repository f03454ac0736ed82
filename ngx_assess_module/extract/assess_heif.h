
/* HEIC, the pictures of telephones (ISO/IEC 23008-12), by libheif. */

#ifndef ASSESS_HEIF_H
#define ASSESS_HEIF_H


#include "assess_out.h"


/* Before the sandbox is closed; may be called again. */
void assess_heif_prepare(void);

/* Whether a file begins as one of these. */
int assess_heif_is(const char *data, size_t len);

/* Each picture of it is a page.  assess_ocr_ready() is to be asked before. */
assess_why_e assess_heif_memory(assess_out_t *out, const char *data,
    size_t len);


#endif /* ASSESS_HEIF_H */
