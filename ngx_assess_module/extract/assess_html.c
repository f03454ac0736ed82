
/*
 * HTML through libxml2: the text a reader of the page would see, with its
 * lines.  Nothing is fetched, no entity but HTML's own is known.
 */

#include "assess_guess.h"
#include "assess_html.h"

#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>
#include <libxml/tree.h>
#include <limits.h>
#include <string.h>
#include <strings.h>


#define ASSESS_HTML_HEAD      2048      /* where an encoding may be named */
#define ASSESS_HTML_ROW       400       /* bytes of a row that fits a line */
#define ASSESS_HTML_ROW_NODES 200


typedef enum {
    ASSESS_HTML_INLINE = 0,
    ASSESS_HTML_LINE,                   /* on lines of its own */
    ASSESS_HTML_BLOCK,                  /* and an empty line around it */
    ASSESS_HTML_BREAK,
    ASSESS_HTML_ITEM,
    ASSESS_HTML_TR,
    ASSESS_HTML_CELL,
    ASSESS_HTML_PRE,
    ASSESS_HTML_DROP
} assess_html_e;


typedef struct {
    assess_out_t   *out;
    assess_buf_t    text;               /* not sent yet */
    int             lines;              /* line ends owed before what comes */
    int             space;              /* a space is */
    int             started;            /* something was written */
    int             pre;                /* depth of preformatted text */
    xmlNode        *row;                /* that stays on one line */
    int             cells;              /* of it */
} assess_html_t;


static assess_why_e assess_html_read(assess_out_t *out);
static void assess_html_quiet(void *ctx, const char *fmt, ...);
static assess_why_e assess_html_document(assess_out_t *out, xmlDoc *doc);
static assess_why_e assess_html_parse(const assess_buf_t *html,
    xmlDoc **doc);
static int assess_html_charset(const char *data, size_t len,
    assess_charset_e *charset);
static const char *assess_html_find(const char *p, const char *end,
    const char *word);
static void assess_html_walk(assess_html_t *h, xmlNode *root);
static int assess_html_enter(assess_html_t *h, xmlNode *node);
static void assess_html_leave(assess_html_t *h, xmlNode *node);
static assess_html_e assess_html_class(const xmlNode *node);
static int assess_html_hidden(const xmlNode *node);
static int assess_html_fits(xmlNode *row);
static void assess_html_item(assess_html_t *h, const xmlNode *node);
static void assess_html_lines(assess_html_t *h, int lines);
static void assess_html_text(assess_html_t *h, const char *text, size_t len);
static size_t assess_html_space(const char *text);
static void assess_html_write(assess_html_t *h, const char *text, size_t len);
static xmlNode *assess_html_title(xmlNode *root);
static xmlNode *assess_html_next(xmlNode *node, const xmlNode *root);


const assess_reader_t  assess_reader_html = {
    "html", assess_html_prepare, assess_html_read
};


static const struct {
    const char     *name;
    assess_html_e   class;
} assess_html_classes[] = {
    { "address", ASSESS_HTML_BLOCK },
    { "article", ASSESS_HTML_BLOCK },
    { "aside", ASSESS_HTML_BLOCK },
    { "blockquote", ASSESS_HTML_BLOCK },
    { "body", ASSESS_HTML_BLOCK },
    { "br", ASSESS_HTML_BREAK },
    { "button", ASSESS_HTML_LINE },
    { "caption", ASSESS_HTML_LINE },
    { "center", ASSESS_HTML_LINE },
    { "dd", ASSESS_HTML_LINE },
    { "details", ASSESS_HTML_BLOCK },
    { "dialog", ASSESS_HTML_BLOCK },
    { "dir", ASSESS_HTML_BLOCK },
    { "div", ASSESS_HTML_LINE },
    { "dl", ASSESS_HTML_BLOCK },
    { "dt", ASSESS_HTML_LINE },
    { "fieldset", ASSESS_HTML_BLOCK },
    { "figcaption", ASSESS_HTML_LINE },
    { "figure", ASSESS_HTML_BLOCK },
    { "footer", ASSESS_HTML_BLOCK },
    { "form", ASSESS_HTML_BLOCK },
    { "h1", ASSESS_HTML_BLOCK },
    { "h2", ASSESS_HTML_BLOCK },
    { "h3", ASSESS_HTML_BLOCK },
    { "h4", ASSESS_HTML_BLOCK },
    { "h5", ASSESS_HTML_BLOCK },
    { "h6", ASSESS_HTML_BLOCK },
    { "head", ASSESS_HTML_DROP },
    { "header", ASSESS_HTML_BLOCK },
    { "hgroup", ASSESS_HTML_BLOCK },
    { "hr", ASSESS_HTML_BLOCK },
    { "iframe", ASSESS_HTML_DROP },
    { "legend", ASSESS_HTML_LINE },
    { "li", ASSESS_HTML_ITEM },
    { "listing", ASSESS_HTML_PRE },
    { "main", ASSESS_HTML_BLOCK },
    { "menu", ASSESS_HTML_BLOCK },
    { "nav", ASSESS_HTML_BLOCK },
    { "noembed", ASSESS_HTML_DROP },
    { "noframes", ASSESS_HTML_DROP },
    { "noscript", ASSESS_HTML_DROP },
    { "ol", ASSESS_HTML_BLOCK },
    { "optgroup", ASSESS_HTML_LINE },
    { "option", ASSESS_HTML_LINE },
    { "p", ASSESS_HTML_BLOCK },
    { "pre", ASSESS_HTML_PRE },
    { "script", ASSESS_HTML_DROP },
    { "search", ASSESS_HTML_BLOCK },
    { "section", ASSESS_HTML_BLOCK },
    { "select", ASSESS_HTML_LINE },
    { "style", ASSESS_HTML_DROP },
    { "summary", ASSESS_HTML_LINE },
    { "table", ASSESS_HTML_BLOCK },
    { "td", ASSESS_HTML_CELL },
    { "template", ASSESS_HTML_DROP },
    { "textarea", ASSESS_HTML_PRE },
    { "th", ASSESS_HTML_CELL },
    { "title", ASSESS_HTML_DROP },
    { "tr", ASSESS_HTML_TR },
    { "ul", ASSESS_HTML_BLOCK },
    { "xmp", ASSESS_HTML_PRE }
};


void
assess_html_prepare(void)
{
    xmlInitParser();
    xmlSetGenericErrorFunc(NULL, assess_html_quiet);
    assess_charset_prepare();
}


static void
assess_html_quiet(void *ctx, const char *fmt, ...)
{
    (void) ctx;
    (void) fmt;
}


static assess_why_e
assess_html_read(assess_out_t *out)
{
    assess_why_e  why;

    why = assess_html_memory(out, out->data, out->len, NULL);

    if (why == ASSESS_WHY_NONE) {
        assess_out_page(out);
    }

    return why;
}


assess_why_e
assess_html_memory(assess_out_t *out, const char *data, size_t len,
    const assess_charset_e *known)
{
    size_t             bom;
    xmlDoc            *doc;
    assess_buf_t       html;
    assess_why_e       why;
    assess_charset_e   charset;

    bom = assess_charset_bom(data, len, &charset);

    if (bom == 0) {

        if (known) {
            charset = *known;

        } else if (assess_html_charset(data, len, &charset) != 0) {
            charset = assess_guess(data, len);
        }
    }

    memset(&html, 0, sizeof(html));

    assess_charset_decode(charset, data + bom, len - bom, &html);

    if (html.failed) {
        return ASSESS_WHY_MEMORY;
    }

    if (html.len > INT_MAX) {
        return ASSESS_WHY_TOO_LARGE;
    }

    why = assess_html_parse(&html, &doc);

    assess_buf_free(&html);

    if (doc) {
        if (why == ASSESS_WHY_NONE) {
            why = assess_html_document(out, doc);
        }

        xmlFreeDoc(doc);
    }

    return why;
}


static assess_why_e
assess_html_document(assess_out_t *out, xmlDoc *doc)
{
    xmlNode        *root, *title, *node;
    assess_html_t   h;

    memset(&h, 0, sizeof(h));
    h.out = out;

    root = xmlDocGetRootElement(doc);

    if (root) {
        title = assess_html_title(root);

        if (title) {
            for (node = title->children; node; node = node->next) {
                (void) assess_html_enter(&h, node);
            }

            assess_html_lines(&h, 2);
        }

        assess_html_walk(&h, root);
    }

    if (h.text.failed) {
        return ASSESS_WHY_MEMORY;
    }

    assess_out_text(out, h.text.data, h.text.len);

    if (h.started) {
        assess_out_text(out, "\n", 1);
    }

    assess_buf_free(&h.text);

    return ASSESS_WHY_NONE;
}


/*
 * libxml2 stops at a depth and a size of its own and says so in passing; we
 * have limits of our own, and half a document must not pass for a whole one.
 */

static assess_why_e
assess_html_parse(const assess_buf_t *html, xmlDoc **doc)
{
    assess_why_e     why;
    htmlParserCtxt  *ctxt;

    *doc = NULL;

    if (html->len == 0) {
        return ASSESS_WHY_NONE;
    }

    ctxt = htmlCreateMemoryParserCtxt(html->data, (int) html->len);
    if (ctxt == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    /* it is UTF-8 by now, whatever the page still claims */

    (void) htmlCtxtUseOptions(ctxt, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR
                                    | HTML_PARSE_NOWARNING | HTML_PARSE_NONET
                                    | HTML_PARSE_COMPACT
                                    | HTML_PARSE_IGNORE_ENC);
    ctxt->options |= XML_PARSE_HUGE;

    why = ASSESS_WHY_INTERNAL;

    if (xmlSwitchEncoding(ctxt, XML_CHAR_ENCODING_UTF8) == 0) {

        (void) htmlParseDocument(ctxt);

        why = ctxt->errNo == XML_ERR_NO_MEMORY ? ASSESS_WHY_MEMORY
              : ctxt->disableSAX ? ASSESS_WHY_DAMAGED : ASSESS_WHY_NONE;

        *doc = ctxt->myDoc;
    }

    htmlFreeParserCtxt(ctxt);

    return why;
}


/* <meta charset="x"> or <meta http-equiv=... content="...; charset=x"> */

static int
assess_html_charset(const char *data, size_t len, assess_charset_e *charset)
{
    size_t       n;
    const char  *p, *end, *tag;

    end = data + (len < ASSESS_HTML_HEAD ? len : ASSESS_HTML_HEAD);

    for (p = data; (p = assess_html_find(p, end, "<meta")) != NULL; p++) {

        tag = memchr(p, '>', (size_t) (end - p));
        if (tag == NULL) {
            return -1;
        }

        p = assess_html_find(p, tag, "charset");
        if (p == NULL) {
            p = tag;
            continue;
        }

        for (p += 7; p < tag && strchr(" \t\r\n='\"", *p); p++) { /* void */ }

        for (n = 0; p + n < tag && !strchr(" \t\r\n;'\"/", p[n]); n++) {
            /* void */
        }

        if (assess_charset_label(p, n, charset) == 0) {
            return 0;
        }
    }

    return -1;
}


static const char *
assess_html_find(const char *p, const char *end, const char *word)
{
    size_t  n;

    n = strlen(word);

    for ( /* void */ ; (size_t) (end - p) >= n; p++) {
        if (strncasecmp(p, word, n) == 0) {
            return p;
        }
    }

    return NULL;
}


/* Down the tree without recursion: its depth is the document's to choose. */

static void
assess_html_walk(assess_html_t *h, xmlNode *root)
{
    xmlNode  *node;

    node = root;

    for ( ;; ) {

        if (assess_html_enter(h, node) && node->children) {
            node = node->children;
            continue;
        }

        for ( ;; ) {
            assess_html_leave(h, node);

            if (node == root) {
                return;
            }

            if (node->next) {
                node = node->next;
                break;
            }

            node = node->parent;
        }
    }
}


static xmlNode *
assess_html_next(xmlNode *node, const xmlNode *root)
{
    if (node->type == XML_ELEMENT_NODE && node->children) {
        return node->children;
    }

    while (node != root) {

        if (node->next) {
            return node->next;
        }

        node = node->parent;
    }

    return NULL;
}


/* Whether what is below the node counts. */

static int
assess_html_enter(assess_html_t *h, xmlNode *node)
{
    if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {

        if (node->content) {
            assess_html_text(h, (const char *) node->content,
                             strlen((const char *) node->content));
        }

        return 0;
    }

    if (node->type != XML_ELEMENT_NODE) {
        return 0;
    }

    if (assess_html_hidden(node)) {
        return 0;
    }

    switch (assess_html_class(node)) {

    case ASSESS_HTML_DROP:
        return 0;

    case ASSESS_HTML_LINE:
        assess_html_lines(h, 1);
        break;

    case ASSESS_HTML_BLOCK:
        assess_html_lines(h, 2);
        break;

    case ASSESS_HTML_PRE:
        assess_html_lines(h, 2);
        h->pre++;
        break;

    case ASSESS_HTML_BREAK:
        if (h->row) {
            h->space = 1;

        } else if (h->started && h->lines < 2) {
            h->lines++;
        }
        break;

    case ASSESS_HTML_ITEM:
        assess_html_lines(h, 1);
        assess_html_item(h, node);
        break;

    case ASSESS_HTML_TR:
        assess_html_lines(h, 1);

        if (h->row == NULL && assess_html_fits(node)) {
            h->row = node;
            h->cells = 0;
        }
        break;

    case ASSESS_HTML_CELL:
        if (h->row == NULL) {
            assess_html_lines(h, 1);

        } else if (h->cells++ > 0) {
            h->space = 0;
            assess_html_write(h, " |", 2);
            h->space = 1;
        }
        break;

    case ASSESS_HTML_INLINE:
        break;
    }

    return 1;
}


static void
assess_html_leave(assess_html_t *h, xmlNode *node)
{
    if (node->type != XML_ELEMENT_NODE) {
        return;
    }

    if (h->row == node) {
        h->row = NULL;
    }

    switch (assess_html_class(node)) {

    case ASSESS_HTML_PRE:
        h->pre--;
        assess_html_lines(h, 2);
        break;

    case ASSESS_HTML_BLOCK:
        assess_html_lines(h, 2);
        break;

    case ASSESS_HTML_LINE:
    case ASSESS_HTML_ITEM:
    case ASSESS_HTML_TR:
        assess_html_lines(h, 1);
        break;

    default:
        break;
    }
}


static assess_html_e
assess_html_class(const xmlNode *node)
{
    int     rc;
    size_t  low, high, mid;

    if (node->type != XML_ELEMENT_NODE) {
        return ASSESS_HTML_INLINE;
    }

    low = 0;
    high = sizeof(assess_html_classes) / sizeof(assess_html_classes[0]);

    while (low < high) {

        mid = (low + high) / 2;
        rc = strcmp((const char *) node->name, assess_html_classes[mid].name);

        if (rc == 0) {
            return assess_html_classes[mid].class;
        }

        if (rc < 0) {
            high = mid;

        } else {
            low = mid + 1;
        }
    }

    return ASSESS_HTML_INLINE;
}


/*
 * What the page itself says is not to be seen; what its style sheets say is not
 * known here.
 */

static int
assess_html_hidden(const xmlNode *node)
{
    const xmlAttr  *a;
    const char     *text, *value;

    for (a = node->properties; a; a = a->next) {

        if (strcmp((const char *) a->name, "hidden") == 0) {
            return 1;
        }

        if (strcmp((const char *) a->name, "style") != 0
            || a->children == NULL || a->children->content == NULL)
        {
            continue;
        }

        text = strcasestr((const char *) a->children->content, "display");

        if (text) {
            value = text + 7;
            value += strspn(value, " \t\r\n");
            value += *value == ':';
            value += strspn(value, " \t\r\n");

            return strncasecmp(value, "none", 4) == 0;
        }
    }

    return 0;
}


/*
 * A row of data stays on one line, its cells apart by a bar.  One that lays
 * out a page is large or holds tables.
 */

static int
assess_html_fits(xmlNode *row)
{
    int       nodes;
    size_t    bytes;
    xmlNode  *node;

    bytes = 0;
    nodes = 0;

    for (node = row; node; node = assess_html_next(node, row)) {

        if (++nodes > ASSESS_HTML_ROW_NODES) {
            return 0;
        }

        if (node->type == XML_TEXT_NODE && node->content) {
            bytes += strnlen((const char *) node->content,
                             ASSESS_HTML_ROW + 1);
        }

        if (bytes > ASSESS_HTML_ROW
            || (node->type == XML_ELEMENT_NODE
                && (strcmp((const char *) node->name, "table") == 0
                    || strcmp((const char *) node->name, "pre") == 0)))
        {
            return 0;
        }
    }

    return 1;
}


static void
assess_html_item(assess_html_t *h, const xmlNode *node)
{
    if (h->row) {
        return;
    }

    if (node->parent && node->parent->type == XML_ELEMENT_NODE
        && strcmp((const char *) node->parent->name, "ol") == 0)
    {
        /* the number is not in the text, and a quote would not have it */

        return;
    }

    assess_html_write(h, "-", 1);
    h->space = 1;
}


static void
assess_html_lines(assess_html_t *h, int lines)
{
    if (h->row) {
        h->space = 1;
        return;
    }

    h->space = 0;

    if (h->started && h->lines < lines) {
        h->lines = lines;
    }
}


static void
assess_html_text(assess_html_t *h, const char *text, size_t len)
{
    size_t       n;
    const char  *end, *word;

    if (h->pre && !h->row) {
        assess_html_write(h, text, len);
        return;
    }

    end = text + len;

    while (text < end) {

        n = assess_html_space(text);

        if (n) {
            h->space = 1;
            text += n;
            continue;
        }

        for (word = text; text < end && !assess_html_space(text); text++) {
            /* void */
        }

        assess_html_write(h, word, (size_t) (text - word));
    }
}


/*
 * The length of the white space here.  The kind that does not break is used
 * to lay out a page, and is white space to who quotes from it.  text ends
 * with a NUL.
 */

static size_t
assess_html_space(const char *text)
{
    switch (*text) {

    case ' ':
    case '\t':
    case '\r':
    case '\n':
    case '\f':
        return 1;

    case '\xc2':
        return text[1] == '\xa0' ? 2 : 0;

    default:
        return 0;
    }
}


/* With the white space owed before it; none of it ends a document. */

static void
assess_html_write(assess_html_t *h, const char *text, size_t len)
{
    if (len == 0) {
        return;
    }

    if (h->started) {

        if (h->lines) {
            assess_buf_add(&h->text, "\n\n", (size_t) h->lines);

        } else if (h->space) {
            assess_buf_char(&h->text, ' ');
        }
    }

    h->lines = 0;
    h->space = 0;
    h->started = 1;

    assess_buf_add(&h->text, text, len);

    if (h->text.len >= ASSESS_FRAME_MAX && !h->text.failed) {
        assess_out_text(h->out, h->text.data, h->text.len);
        assess_buf_reset(&h->text);
    }
}


static xmlNode *
assess_html_title(xmlNode *root)
{
    xmlNode  *node;

    for (node = root; node; node = assess_html_next(node, root)) {

        if (node->type != XML_ELEMENT_NODE) {
            continue;
        }

        if (strcmp((const char *) node->name, "title") == 0) {
            return node;
        }

        if (strcmp((const char *) node->name, "body") == 0) {
            return NULL;
        }
    }

    return NULL;
}
