
/* Rich text that stands in memory, for where it is a part of something. */

#ifndef ASSESS_RTF_H
#define ASSESS_RTF_H


#include "assess_out.h"


/* Its pages. */
assess_why_e assess_rtf_memory(assess_out_t *out, const char *data,
    size_t len);


#endif /* ASSESS_RTF_H */
