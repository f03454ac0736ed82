
/*
 * What a Word document ([MS-DOC]) says of its paragraphs and characters.  Both
 * are told by where their bytes lie in the stream of the document.
 */

#ifndef ASSESS_DOC_PROPS_H
#define ASSESS_DOC_PROPS_H


#include "assess_doc_styles.h"


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

    const assess_doc_style_t  *styles;
    size_t                     nstyles;

    /* the run that was asked for last, and its paragraph */
    uint32_t       from;
    uint32_t       to;
    int            deleted;
    unsigned       says;                /* of being hidden */
    size_t         letters;             /* their style */
    uint32_t       first;
    uint32_t       last;
    size_t         style;
} assess_doc_props_t;


/* Of the paragraph that has a character at this byte. */
void assess_doc_paragraph(const assess_doc_props_t *props, uint32_t at,
    assess_doc_paragraph_t *paragraph);

/* Whether the character at this byte is hidden, or was deleted. */
int assess_doc_hidden(assess_doc_props_t *props, uint32_t at);

/* What a list of codes says of being hidden, see assess_doc_styles.h. */
unsigned assess_doc_says(const assess_str_t *codes);

/*
 * Whether the section begins on the page that the one before it ends on; sepx
 * is the byte where its properties are.
 */
int assess_doc_continuous(const assess_doc_props_t *props, uint32_t sepx);


#endif /* ASSESS_DOC_PROPS_H */
