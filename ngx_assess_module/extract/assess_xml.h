
/*
 * The XML of office documents, read as it is unpacked: elements and text, by
 * their names without prefix.  No document type, no entity but XML's own,
 * nothing is fetched; elements may be 200 deep.
 */

#ifndef ASSESS_XML_H
#define ASSESS_XML_H


#include "assess_zip.h"


typedef struct assess_xml_s  assess_xml_t;

/*
 * Names are those of the format, without their prefix ("p" of "w:p").  What is
 * text comes in pieces.  Any of the functions may be NULL.
 */
typedef struct {
    void  (*start)(void *ctx, assess_xml_t *xml, const char *name);
    void  (*end)(void *ctx, const char *name);
    void  (*text)(void *ctx, const char *text, size_t len);
} assess_xml_calls_t;


/* Reads one part; the calls get ctx. */
assess_why_e assess_xml_part(assess_zip_t *zip, int part,
    const assess_xml_calls_t *calls, void *ctx);

/*
 * Within start(): the value of an attribute by its name without prefix, whose
 * length is in len, or NULL.  It is not terminated, and entities in it are
 * resolved.
 */
const char *assess_xml_attribute(assess_xml_t *xml, const char *name,
    size_t *len);

/* The same, as a copy of at most size - 1 bytes; "" without it: 0, else 1. */
int assess_xml_value(assess_xml_t *xml, const char *name, char *value,
    size_t size);

/*
 * The same of an attribute with a prefix, whose namespace ends in space, for
 * where there is another one of that name.
 */
int assess_xml_value_of(assess_xml_t *xml, const char *space,
    const char *name, char *value, size_t size);

/* Within the calls: no more of this part is wanted; why is returned for it. */
void assess_xml_stop(assess_xml_t *xml, assess_why_e why);


#endif /* ASSESS_XML_H */
