
#include "assess_xml.h"

#include <libxml/parser.h>
#include <string.h>


#define ASSESS_XML_DEPTH  200

/* of an attribute in what SAX gives: name, prefix, URI, value, end of it */
#define ASSESS_XML_FIELDS  5


struct assess_xml_s {
    const assess_xml_calls_t  *calls;
    void                      *ctx;
    xmlParserCtxt             *parser;
    const xmlChar            **attributes;
    int                        nattributes;
    int                        depth;
    int                        stopped;
    assess_why_e               why;
};


static void
assess_xml_start(void *data, const xmlChar *name, const xmlChar *prefix,
    const xmlChar *uri, int nnamespaces, const xmlChar **namespaces,
    int nattributes, int ndefaulted, const xmlChar **attributes)
{
    assess_xml_t *xml = data;

    (void) prefix;
    (void) uri;
    (void) nnamespaces;
    (void) namespaces;
    (void) ndefaulted;

    if (++xml->depth > ASSESS_XML_DEPTH) {
        assess_xml_stop(xml, ASSESS_WHY_NESTED);
        return;
    }

    xml->attributes = attributes;
    xml->nattributes = nattributes;

    if (xml->calls->start) {
        xml->calls->start(xml->ctx, xml, (const char *) name);
    }

    xml->nattributes = 0;
}


static void
assess_xml_end(void *data, const xmlChar *name, const xmlChar *prefix,
    const xmlChar *uri)
{
    assess_xml_t *xml = data;

    (void) prefix;
    (void) uri;

    xml->depth--;

    if (xml->calls->end) {
        xml->calls->end(xml->ctx, (const char *) name);
    }
}


static void
assess_xml_characters(void *data, const xmlChar *text, int len)
{
    assess_xml_t *xml = data;

    if (xml->calls->text && len > 0) {
        xml->calls->text(xml->ctx, (const char *) text, (size_t) len);
    }
}


/* No office document has a document type: it is where entities come from */

static void
assess_xml_doctype(void *data, const xmlChar *name, const xmlChar *id,
    const xmlChar *system)
{
    (void) name;
    (void) id;
    (void) system;

    assess_xml_stop(data, ASSESS_WHY_DOCTYPE);
}


static assess_why_e
assess_xml_feed(void *ctx, const char *data, size_t len)
{
    assess_xml_t *xml = ctx;

    if (!xml->stopped) {
        (void) xmlParseChunk(xml->parser, data, (int) len, 0);
    }

    if (xml->stopped) {
        return xml->why;
    }

    if (xml->parser->errNo == XML_ERR_NO_MEMORY) {
        return ASSESS_WHY_MEMORY;
    }

    return xml->parser->wellFormed ? ASSESS_WHY_NONE : ASSESS_WHY_DAMAGED;
}


assess_why_e
assess_xml_part(assess_zip_t *zip, int part, const assess_xml_calls_t *calls,
    void *ctx)
{
    assess_xml_t    xml;
    assess_why_e    why;
    xmlSAXHandler   sax;

    memset(&xml, 0, sizeof(assess_xml_t));
    memset(&sax, 0, sizeof(xmlSAXHandler));

    xml.calls = calls;
    xml.ctx = ctx;

    sax.initialized = XML_SAX2_MAGIC;
    sax.startElementNs = assess_xml_start;
    sax.endElementNs = assess_xml_end;
    sax.characters = assess_xml_characters;
    sax.cdataBlock = assess_xml_characters;
    sax.internalSubset = assess_xml_doctype;

    xml.parser = xmlCreatePushParserCtxt(&sax, &xml, NULL, 0, NULL);
    if (xml.parser == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    /* of entities there are only XML's own: others need a document type */

    (void) xmlCtxtUseOptions(xml.parser, XML_PARSE_NONET | XML_PARSE_NOENT
                                         | XML_PARSE_NOERROR
                                         | XML_PARSE_NOWARNING);

    why = assess_zip_unpack(zip, part, assess_xml_feed, &xml);

    if (why == ASSESS_WHY_NONE && !xml.stopped) {
        (void) xmlParseChunk(xml.parser, NULL, 0, 1);
        why = xml.parser->wellFormed ? ASSESS_WHY_NONE : ASSESS_WHY_DAMAGED;
    }

    xmlFreeParserCtxt(xml.parser);

    return why;
}


static int
assess_xml_ends(const xmlChar *uri, const char *space)
{
    size_t  len, n;

    len = uri ? strlen((const char *) uri) : 0;
    n = strlen(space);

    return len >= n && strcmp((const char *) uri + len - n, space) == 0;
}


static const char *
assess_xml_find(assess_xml_t *xml, const char *space, const char *name,
    size_t *len)
{
    int              i;
    const xmlChar  **a;

    for (i = 0; i < xml->nattributes; i++) {

        a = xml->attributes + i * ASSESS_XML_FIELDS;

        if (strcmp((const char *) a[0], name) == 0
            && (space == NULL || assess_xml_ends(a[2], space)))
        {
            *len = (size_t) (a[4] - a[3]);
            return (const char *) a[3];
        }
    }

    *len = 0;

    return NULL;
}


const char *
assess_xml_attribute(assess_xml_t *xml, const char *name, size_t *len)
{
    return assess_xml_find(xml, NULL, name, len);
}


int
assess_xml_value(assess_xml_t *xml, const char *name, char *value,
    size_t size)
{
    return assess_xml_value_of(xml, NULL, name, value, size);
}


int
assess_xml_value_of(assess_xml_t *xml, const char *space, const char *name,
    char *value, size_t size)
{
    size_t       len;
    const char  *text;

    text = assess_xml_find(xml, space, name, &len);
    len = len < size ? len : size - 1;

    if (text) {
        memcpy(value, text, len);
    }

    value[text ? len : 0] = '\0';

    return text != NULL;
}


void
assess_xml_stop(assess_xml_t *xml, assess_why_e why)
{
    xml->why = why;
    xml->stopped = 1;
    xmlStopParser(xml->parser);
}
