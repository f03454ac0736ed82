
/* The styles of a Word document ([MS-DOC] 2.9.271), by their number. */

#ifndef ASSESS_DOC_STYLES_H
#define ASSESS_DOC_STYLES_H


#include "../base/assess_base.h"


/* of what a style says of being hidden: nothing, or a value of that */
#define ASSESS_DOC_UNSAID   0xff
#define ASSESS_DOC_SAME     0x80
#define ASSESS_DOC_REVERSE  0x81


typedef struct {
    unsigned char  heading;
    unsigned char  says;                /* of being hidden */
    unsigned char  hidden;              /* what comes of it */
    uint16_t       base;                /* the style that it is made from */
} assess_doc_style_t;


/*
 * n of them, to be freed; what cannot be read says nothing.  -1: not enough
 * memory.
 */
int assess_doc_styles(const assess_str_t *stsh, assess_doc_style_t **styles,
    size_t *n);

/* What is hidden where its surroundings are or are not. */
int assess_doc_style_says(unsigned says, int hidden);


#endif /* ASSESS_DOC_STYLES_H */
