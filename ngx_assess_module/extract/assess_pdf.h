
/* PDF that stands in memory, for where it is a part of something. */

#ifndef ASSESS_PDF_H
#define ASSESS_PDF_H


#include "assess_out.h"


#ifdef __cplusplus
extern "C" {
#endif


/* Before the sandbox is closed; may be called again. */
void assess_pdf_prepare(void);

/* Its pages. */
assess_why_e assess_pdf_memory(assess_out_t *out, const char *data,
    size_t len);


#ifdef __cplusplus
}
#endif


#endif /* ASSESS_PDF_H */
