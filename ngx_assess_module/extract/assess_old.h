
/* The old office documents of Microsoft: the readers of each kind. */

#ifndef ASSESS_OLD_H
#define ASSESS_OLD_H


#include "assess_ole.h"
#include "assess_out.h"


/* ASSESS_WHY_OLD is one of a version before Word 97. */
assess_why_e assess_doc_read(assess_ole_t *ole, assess_out_t *out);

/* Of Excel 5.0 to 2003. */
assess_why_e assess_xls_read(assess_ole_t *ole, assess_out_t *out);


#endif /* ASSESS_OLD_H */
