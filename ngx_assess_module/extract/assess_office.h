
/*
 * Office documents: what they share, and the readers of each kind.  All of them
 * are archives of XML, but for the old ones (assess_old.h).
 */

#ifndef ASSESS_OFFICE_H
#define ASSESS_OFFICE_H


#include "assess_flow.h"
#include "assess_xml.h"


#define ASSESS_OFFICE_NAME  512         /* of a part, and its NUL */


/*
 * The part that another one refers to (OPC, ECMA-376 part 2): from is the name
 * of that part, "" for the document; the first target whose id is this, or,
 * where id is NULL, whose type ends in type.  A part, or -1.
 */
int assess_office_related(assess_zip_t *zip, const char *from, const char *id,
    const char *type, char name[ASSESS_OFFICE_NAME]);

/*
 * All parts that another one refers to with this type, in that order: each is
 * called until it gives a reason to stop, which is returned.
 */
assess_why_e assess_office_each(assess_zip_t *zip, const char *from,
    const char *type, assess_why_e (*each)(void *ctx, int part), void *ctx);

/*
 * The name of a part that the one named from refers to by its path; a path that
 * leads out of the archive is no name of a part.  0, or -1: it is too long.
 */
int assess_office_resolve(const char *from, const char *target,
    char name[ASSESS_OFFICE_NAME]);

/* A document of any of these kinds that stands in memory. */
assess_why_e assess_office_memory(assess_out_t *out, const char *data,
    size_t len);

assess_why_e assess_word_read(assess_zip_t *zip, assess_out_t *out);
assess_why_e assess_sheets_read(assess_zip_t *zip, assess_out_t *out);
assess_why_e assess_slides_read(assess_zip_t *zip, assess_out_t *out);

/* What is written in shapes, in a diagram or in a chart: one of their parts. */
assess_why_e assess_drawing_read(assess_zip_t *zip, int part,
    assess_flow_t *flow);

/* mimetype is what the archive says it is. */
assess_why_e assess_odf_read(assess_zip_t *zip, const char *mimetype,
    assess_out_t *out);

assess_why_e assess_epub_read(assess_zip_t *zip, assess_out_t *out);


#endif /* ASSESS_OFFICE_H */
