
/*
 * What stands at the edges of pages: headers and footers that run through a
 * document, and the numbers printed on its pages.
 */

#ifndef ASSESS_EDGE_H
#define ASSESS_EDGE_H


#include "../store/assess_document.h"


typedef struct {
    const char    *data;
    size_t         len;
} assess_line_t;


static inline int
assess_line_space(char ch)
{
    return ch == ' ' || (ch >= '\t' && ch <= '\r');
}


/* Without the white space around it. */
assess_line_t assess_line_trim(const char *data, size_t len);

/*
 * The text of each page between its running lines, which are those at the
 * same end of enough pages, numbers in them aside.  offset is for
 * assess_page_label().  NULL is out of memory.
 */
assess_line_t *assess_page_bodies(assess_arena_t *arena,
    const assess_page_t *pages, size_t npages, int *offset);

/* The number printed on a page; 0 where none is known. */
int assess_page_label(int page, int offset);


#endif /* ASSESS_EDGE_H */
