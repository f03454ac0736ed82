
#include "assess_doc_props.h"
#include "assess_doc_styles.h"
#include "assess_ole.h"

#include <stdlib.h>
#include <string.h>


#define ASSESS_DOC_TITLE    62          /* by the number that Word gives it */
#define ASSESS_DOC_STYLES   0xffe       /* there are no more */
#define ASSESS_DOC_NO_BASE  0xfff
#define ASSESS_DOC_CHAIN    32          /* styles that one is made from */

#define ASSESS_DOC_OF_PARAGRAPHS  1
#define ASSESS_DOC_OF_LETTERS     2


static void assess_doc_style(const char *p, size_t len, size_t head,
    assess_doc_style_t *style);
static int assess_doc_style_hidden(const assess_doc_style_t *styles, size_t n,
    size_t i);


int
assess_doc_styles(const assess_str_t *stsh, assess_doc_style_t **styles,
    size_t *n)
{
    size_t       i, count, head, len;
    const char  *p, *end;

    *styles = NULL;
    *n = 0;

    if (stsh->len < 6) {
        return 0;
    }

    p = stsh->data;
    end = p + stsh->len;
    len = assess_ole_u16(p);
    count = assess_ole_u16(p + 2);
    head = assess_ole_u16(p + 4);

    if (len > (size_t) (end - p) - 2 || count == 0) {
        return 0;
    }

    if (count > ASSESS_DOC_STYLES) {
        count = ASSESS_DOC_STYLES;
    }

    *styles = calloc(count, sizeof(assess_doc_style_t));
    if (*styles == NULL) {
        return -1;
    }

    for (i = 0; i < count; i++) {
        (*styles)[i].says = ASSESS_DOC_UNSAID;
        (*styles)[i].base = ASSESS_DOC_NO_BASE;
    }

    *n = count;
    p += 2 + len;

    for (i = 0; i < count && end - p >= 2; i++) {

        len = assess_ole_u16(p);
        p += 2;

        if (len > (size_t) (end - p)) {
            break;
        }

        assess_doc_style(p, len, head, &(*styles)[i]);

        len += len & 1;
        p += len < (size_t) (end - p) ? len : (size_t) (end - p);
    }

    for (i = 0; i < count; i++) {
        (*styles)[i].hidden = (unsigned char)
                              assess_doc_style_hidden(*styles, count, i);
    }

    return 0;
}


/*
 * What it is, its name, and then what it sets: of paragraphs first what is set
 * of these, and then of letters, each with its length and at an even byte.
 */

static void
assess_doc_style(const char *p, size_t len, size_t head,
    assess_doc_style_t *style)
{
    size_t        at, n, part;
    uint32_t      id, kind;
    assess_str_t  codes;

    if (len < 10 || head < 10 || head > len - 2) {
        return;
    }

    id = assess_ole_u16(p) & 0xfff;
    kind = assess_ole_u16(p + 2) & 0xf;

    style->base = (uint16_t) (assess_ole_u16(p + 2) >> 4);
    style->heading = (id >= 1 && id <= 9) || id == ASSESS_DOC_TITLE;

    if (kind != ASSESS_DOC_OF_PARAGRAPHS && kind != ASSESS_DOC_OF_LETTERS) {
        return;
    }

    at = head + 2 + (assess_ole_u16(p + head) + 1) * 2;

    for (part = kind; at + 2 <= len; part++) {

        n = assess_ole_u16(p + at);
        at += 2;

        if (n > len - at) {
            return;
        }

        if (part == ASSESS_DOC_OF_LETTERS) {
            codes.data = (char *) p + at;
            codes.len = n;
            style->says = (unsigned char) assess_doc_says(&codes);
            return;
        }

        at += n + (n & 1);
    }
}


/* A chain that goes in a circle ends, too. */

static int
assess_doc_style_hidden(const assess_doc_style_t *styles, size_t n, size_t i)
{
    int  steps, turned;

    turned = 0;

    for (steps = 0; i < n && steps < ASSESS_DOC_CHAIN; steps++) {

        if (styles[i].says < ASSESS_DOC_SAME) {
            return (styles[i].says != 0) ^ turned;
        }

        turned ^= styles[i].says == ASSESS_DOC_REVERSE;
        i = styles[i].base;
    }

    return turned;
}


int
assess_doc_style_says(unsigned says, int hidden)
{
    switch (says) {

    case ASSESS_DOC_UNSAID:
    case ASSESS_DOC_SAME:
        return hidden;

    case ASSESS_DOC_REVERSE:
        return !hidden;

    default:
        return says != 0;
    }
}
