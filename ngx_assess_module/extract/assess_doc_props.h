
/*
 * What a Word document ([MS-DOC]) says of its paragraphs and characters.  Both
 * are told by where their bytes lie in the stream of the document.
 */

#ifndef ASSESS_DOC_PROPS_H
#define ASSESS_DOC_PROPS_H


#include "../base/assess_base.h"


typedef struct {
    int  depth;                         /* in tables: 0 is outside of them */
    int  row_end;                       /* is no text, ends a row */
    int  heading;
    int  item;                          /* of a list */
    int  page;                          /* begins one */
} assess_doc_paragraph_t;


/* Zero it, and set what there is; all of it stays the caller's. */
typedef struct {
    assess_str_t   word;                /* the stream of the document */
    assess_str_t   data;                /* that of what is large */
    assess_str_t   paragraphs;          /* PlcBtePapx */
    assess_str_t   runs;                /* PlcBteChpx */

    uint32_t       from;                /* the run that was asked for last */
    uint32_t       to;
    int            hidden;
} assess_doc_props_t;


/* Of the paragraph that has a character at this byte. */
void assess_doc_paragraph(const assess_doc_props_t *props, uint32_t at,
    assess_doc_paragraph_t *paragraph);

/* Whether the character at this byte is hidden, or was deleted. */
int assess_doc_hidden(assess_doc_props_t *props, uint32_t at);

/*
 * Whether the section begins on the page that the one before it ends on; sepx
 * is the byte where its properties are.
 */
int assess_doc_continuous(const assess_doc_props_t *props, uint32_t sepx);


#endif /* ASSESS_DOC_PROPS_H */
