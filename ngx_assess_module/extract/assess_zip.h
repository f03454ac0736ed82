
/*
 * The parts of a document that is a ZIP archive: OOXML, OpenDocument, EPUB.  It
 * is untrusted; what is unpacked of it is bounded, part by part and in all.
 */

#ifndef ASSESS_ZIP_H
#define ASSESS_ZIP_H


#include "../base/assess_frame.h"


typedef struct assess_zip_s  assess_zip_t;


/* data stays the caller's, until it is closed. */
assess_why_e assess_zip_open(const char *data, size_t len, assess_zip_t **zip);
void assess_zip_close(assess_zip_t *zip);

/* The place of a part by its name, or -1; case does not matter. */
int assess_zip_find(assess_zip_t *zip, const char *name);

/* How many parts there are; the name of one, or NULL. */
int assess_zip_parts(assess_zip_t *zip);
const char *assess_zip_name(assess_zip_t *zip, int part);

/*
 * Unpacks a part and gives it away piece by piece, until take() returns other
 * than ASSESS_WHY_NONE, which is then returned.
 */
assess_why_e assess_zip_unpack(assess_zip_t *zip, int part,
    assess_why_e (*take)(void *ctx, const char *data, size_t len), void *ctx);

/* The same into memory: for parts that are small.  The caller frees text. */
assess_why_e assess_zip_read(assess_zip_t *zip, int part, assess_buf_t *text);


#endif /* ASSESS_ZIP_H */
