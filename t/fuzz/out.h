
/*
 * Where readers of documents put what they read, for targets that look at that
 * and have no limits.
 */

#ifndef FUZZ_OUT_H
#define FUZZ_OUT_H


#include "extract/assess_out.h"

#include <stdlib.h>


void
assess_out_page(assess_out_t *out)
{
    out->page++;
}


/* of all limits only memory is known here, and there is enough */

void
assess_out_fail(assess_out_t *out, assess_why_e why)
{
    (void) out;
    (void) why;
    abort();
}


#endif /* FUZZ_OUT_H */
