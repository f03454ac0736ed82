
/*
 * Books (EPUB 3.3): a list of what is in the archive, and the order in which it
 * is read.  Each item of that order is a page of HTML.
 */

#include "assess_html.h"
#include "assess_office.h"

#include <stdlib.h>
#include <string.h>


#define ASSESS_EPUB_ITEMS  20000


typedef struct {
    char    *id;
    int      part;                      /* -1: not in the archive */
    int      text;                      /* not an image */
} assess_epub_item_t;


typedef struct {
    assess_zip_t         *zip;
    char                  package[ASSESS_OFFICE_NAME];
    assess_epub_item_t   *items;
    size_t                n;
    size_t               *spine;        /* of items */
    size_t                nspine;
    char                 *locked;       /* by part */
    assess_why_e          why;
} assess_epub_t;


static void assess_epub_container(void *ctx, assess_xml_t *xml,
    const char *name);
static void assess_epub_cipher(void *ctx, assess_xml_t *xml, const char *name);
static void assess_epub_package(void *ctx, assess_xml_t *xml,
    const char *name);
static assess_why_e assess_epub_pages(assess_epub_t *book, assess_out_t *out);


static assess_why_e
assess_epub_part(assess_epub_t *book, const char *name,
    void (*start)(void *ctx, assess_xml_t *xml, const char *name))
{
    assess_why_e        why;
    assess_xml_calls_t  calls;

    memset(&calls, 0, sizeof(calls));
    calls.start = start;

    why = assess_xml_part(book->zip, assess_zip_find(book->zip, name), &calls,
                          book);

    return why == ASSESS_WHY_NONE ? book->why : why;
}


assess_why_e
assess_epub_read(assess_zip_t *zip, assess_out_t *out)
{
    size_t         i;
    assess_why_e   why;
    assess_epub_t  book;

    memset(&book, 0, sizeof(book));
    book.zip = zip;

    book.items = calloc(ASSESS_EPUB_ITEMS, sizeof(assess_epub_item_t));
    book.spine = calloc(ASSESS_EPUB_ITEMS, sizeof(size_t));
    book.locked = calloc((size_t) assess_zip_parts(zip) + 1, 1);

    why = book.items && book.spine && book.locked ? ASSESS_WHY_NONE
                                                  : ASSESS_WHY_MEMORY;

    if (why == ASSESS_WHY_NONE
        && assess_zip_find(zip, "META-INF/encryption.xml") != -1)
    {
        why = assess_epub_part(&book, "META-INF/encryption.xml",
                               assess_epub_cipher);
    }

    if (why == ASSESS_WHY_NONE) {
        why = assess_epub_part(&book, "META-INF/container.xml",
                               assess_epub_container);
    }

    if (why == ASSESS_WHY_NONE) {
        why = assess_epub_part(&book, book.package, assess_epub_package);
    }

    if (why == ASSESS_WHY_NONE) {
        why = book.nspine ? assess_epub_pages(&book, out)
                          : ASSESS_WHY_DAMAGED;
    }

    for (i = 0; i < book.n; i++) {
        free(book.items[i].id);
    }

    free(book.items);
    free(book.spine);
    free(book.locked);

    return why;
}


/* There may be more renditions of a book: the first is the usual one */

static void
assess_epub_container(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_epub_t *book = ctx;

    if (strcmp(name, "rootfile") == 0 && book->package[0] == '\0') {
        (void) assess_xml_value(xml, "full-path", book->package,
                                sizeof(book->package));
    }
}


static int
assess_epub_hex(char ch)
{
    return ch >= '0' && ch <= '9' ? ch - '0'
           : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
           : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}


/* The part that a URL (RFC 3986) refers to, or -1; the URL is taken apart. */

static int
assess_epub_url(assess_epub_t *book, const char *from, char *url)
{
    char  *p, *to, name[ASSESS_OFFICE_NAME];

    to = url;

    for (p = url; *p && *p != '#' && *p != '?'; p++) {

        if (p[0] == '%' && assess_epub_hex(p[1]) != -1
            && assess_epub_hex(p[2]) != -1)
        {
            *to++ = (char) (assess_epub_hex(p[1]) << 4
                            | assess_epub_hex(p[2]));
            p += 2;

        } else {
            *to++ = *p;
        }
    }

    *to = '\0';

    return assess_office_resolve(from, url, name) == 0
           ? assess_zip_find(book->zip, name) : -1;
}


/* Often it is fonts alone that are locked, which nobody reads */

static void
assess_epub_cipher(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_epub_t *book = ctx;

    int   part;
    char  url[ASSESS_OFFICE_NAME];

    if (strcmp(name, "CipherReference") == 0
        && assess_xml_value(xml, "URI", url, sizeof(url)))
    {
        part = assess_epub_url(book, "", url);

        if (part != -1) {
            book->locked[part] = 1;
        }
    }
}


static void
assess_epub_item(assess_epub_t *book, assess_xml_t *xml)
{
    char                 value[ASSESS_OFFICE_NAME];
    assess_epub_item_t  *item;

    if (book->n == ASSESS_EPUB_ITEMS) {
        book->why = ASSESS_WHY_UNPACKED;
        assess_xml_stop(xml, book->why);
        return;
    }

    item = &book->items[book->n];

    (void) assess_xml_value(xml, "media-type", value, sizeof(value));
    item->text = strncmp(value, "image/", 6) != 0;

    (void) assess_xml_value(xml, "href", value, sizeof(value));
    item->part = assess_epub_url(book, book->package, value);

    (void) assess_xml_value(xml, "id", value, sizeof(value));
    item->id = strdup(value);

    if (item->id == NULL) {
        book->why = ASSESS_WHY_MEMORY;
        assess_xml_stop(xml, book->why);
        return;
    }

    book->n++;
}


static void
assess_epub_itemref(assess_epub_t *book, assess_xml_t *xml)
{
    size_t  i;
    char    id[ASSESS_OFFICE_NAME];

    (void) assess_xml_value(xml, "idref", id, sizeof(id));

    for (i = 0; i < book->n && strcmp(book->items[i].id, id) != 0; i++) {
        /* void */
    }

    if (i == book->n || book->nspine == ASSESS_EPUB_ITEMS) {
        book->why = i == book->n ? ASSESS_WHY_DAMAGED : ASSESS_WHY_UNPACKED;
        assess_xml_stop(xml, book->why);
        return;
    }

    book->spine[book->nspine++] = i;
}


static void
assess_epub_package(void *ctx, assess_xml_t *xml, const char *name)
{
    if (strcmp(name, "item") == 0) {
        assess_epub_item(ctx, xml);

    } else if (strcmp(name, "itemref") == 0) {
        assess_epub_itemref(ctx, xml);
    }
}


static assess_why_e
assess_epub_keep(void *ctx, const char *data, size_t len)
{
    assess_buf_t *html = ctx;

    assess_buf_add(html, data, len);

    return html->failed ? ASSESS_WHY_MEMORY : ASSESS_WHY_NONE;
}


static assess_why_e
assess_epub_pages(assess_epub_t *book, assess_out_t *out)
{
    size_t               i;
    assess_buf_t         html;
    assess_why_e         why;
    assess_epub_item_t  *item;

    why = ASSESS_WHY_NONE;
    memset(&html, 0, sizeof(html));

    for (i = 0; i < book->nspine && why == ASSESS_WHY_NONE; i++) {

        item = &book->items[book->spine[i]];

        if (!item->text) {
            continue;
        }

        if (item->part != -1 && book->locked[item->part]) {
            why = ASSESS_WHY_ENCRYPTED;
            break;
        }

        assess_buf_reset(&html);

        why = assess_zip_unpack(book->zip, item->part, assess_epub_keep,
                                &html);

        if (why == ASSESS_WHY_NONE) {
            why = assess_html_memory(out, html.data, html.len, NULL);
        }

        if (why == ASSESS_WHY_NONE) {
            assess_out_page(out);
        }
    }

    assess_buf_free(&html);

    return why;
}
