
/*
 * Compound files that stand in memory ([MS-CFB]), which old office documents
 * are: streams by their names.  Nothing that the file says of itself is
 * believed.
 */

#ifndef ASSESS_OLE_H
#define ASSESS_OLE_H


#include "../base/assess_frame.h"


#define ASSESS_OLE_MAGIC  "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


typedef struct assess_ole_s  assess_ole_t;


/* data stays the caller's; the file is to be closed if it could be opened. */
assess_why_e assess_ole_open(const char *data, size_t len,
    assess_ole_t **ole);
void assess_ole_close(assess_ole_t *ole);

/*
 * The stream of this name that lies at the top, in any case of its letters, or
 * -1.  Those of what is embedded in the document lie deeper.
 */
int assess_ole_find(const assess_ole_t *ole, const char *name);

/* All of a stream; out is to be freed whatever comes of it. */
assess_why_e assess_ole_read(assess_ole_t *ole, int stream,
    assess_buf_t *out);

/* Numbers as they lie in these files: the lowest byte first. */
uint32_t assess_ole_u16(const char *p);
uint32_t assess_ole_u32(const char *p);


#endif /* ASSESS_OLE_H */
