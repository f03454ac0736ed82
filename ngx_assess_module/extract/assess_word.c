
/*
 * Word documents (WordprocessingML, ECMA-376 part 1, 17).  Pages end where Word
 * last ended them, and where it was told to.
 */

#include "assess_office.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    assess_zip_t  *zip;
    assess_flow_t  flow;
    int            skip;                /* depth within what is not read */
    int            in_text;             /* within t */
    int            in_run;              /* within r */
    int            hidden;              /* the run is not to be seen */
    int            broken;              /* a page just ended by order */
    int            heading;
    int            checked;             /* of the box of a form */
} assess_word_t;


static void assess_word_start(void *ctx, assess_xml_t *xml, const char *name);
static void assess_word_end(void *ctx, const char *name);
static void assess_word_text(void *ctx, const char *text, size_t len);


static const assess_xml_calls_t  assess_word_calls = {
    assess_word_start, assess_word_end, assess_word_text
};


/*
 * Of what is told twice, for older programs, the first is read.  What was
 * deleted or moved away is not there; neither are the codes of fields, nor what
 * is said of how a text sounds.
 */

static int
assess_word_skipped(const char *name)
{
    return strcmp(name, "Fallback") == 0 || strcmp(name, "del") == 0
           || strcmp(name, "moveFrom") == 0 || strcmp(name, "rPrChange") == 0
           || strcmp(name, "pPrChange") == 0
           || strcmp(name, "instrText") == 0 || strcmp(name, "rt") == 0;
}


/* A property that is there is on, unless it says otherwise (17.17.4). */

static int
assess_word_on(assess_xml_t *xml)
{
    char  value[8];

    return !assess_xml_value(xml, "val", value, sizeof(value))
           || !(strcmp(value, "0") == 0 || strcmp(value, "false") == 0
                || strcmp(value, "off") == 0);
}


/* Marks that forms are filled in with, as fonts of signs have them */

static void
assess_word_sign(assess_word_t *word, assess_xml_t *xml)
{
    long    code;
    size_t  i;
    char    font[32], value[8];

    static const struct {
        const char  *font;
        long         code;
        const char  *sign;
    } signs[] = {
        { "Wingdings", 0x6f, "\xe2\x98\x90" },             /* U+2610 */
        { "Wingdings", 0xa8, "\xe2\x98\x90" },
        { "Wingdings", 0xfb, "\xe2\x9c\x97" },             /* U+2717 */
        { "Wingdings", 0xfc, "\xe2\x9c\x93" },             /* U+2713 */
        { "Wingdings", 0xfd, "\xe2\x98\x92" },             /* U+2612 */
        { "Wingdings", 0xfe, "\xe2\x98\x91" },             /* U+2611 */
        { "Wingdings 2", 0x4f, "\xe2\x9c\x97" },
        { "Wingdings 2", 0x50, "\xe2\x9c\x93" },
        { "Wingdings 2", 0x51, "\xe2\x98\x92" },
        { "Wingdings 2", 0x52, "\xe2\x98\x91" },
        { "Wingdings 2", 0x53, "\xe2\x98\x92" },
        { "Wingdings 2", 0x54, "\xe2\x98\x92" },
        { "Wingdings 2", 0xa3, "\xe2\x98\x90" }
    };

    (void) assess_xml_value(xml, "font", font, sizeof(font));
    (void) assess_xml_value(xml, "char", value, sizeof(value));

    /* they are used from a private area, too */

    code = strtol(value, NULL, 16) & ~0xf000L;

    for (i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (signs[i].code == code && strcmp(signs[i].font, font) == 0) {
            assess_flow_str(&word->flow, signs[i].sign);
        }
    }
}


/* The page ends by order; Word draws the same break once more behind it */

static void
assess_word_page(assess_word_t *word)
{
    assess_flow_page(&word->flow);
    word->broken = 1;
}


static void
assess_word_break(assess_word_t *word, assess_xml_t *xml)
{
    char  type[16];

    (void) assess_xml_value(xml, "type", type, sizeof(type));

    if (strcmp(type, "page") == 0) {
        assess_word_page(word);

    } else {
        assess_flow_end(&word->flow);
    }
}


/* Styles are named by whoever made the document; Word's own begin so */

static void
assess_word_style(assess_word_t *word, assess_xml_t *xml)
{
    char  style[64];

    (void) assess_xml_value(xml, "val", style, sizeof(style));

    if (strncasecmp(style, "heading", 7) == 0
        || strncasecmp(style, "title", 5) == 0)
    {
        word->heading = 1;
        assess_flow_blank(&word->flow);
    }
}


/* How words are laid out, where that matters: 1 if this is about it */

static int
assess_word_layout(assess_word_t *word, assess_xml_t *xml, const char *name)
{
    if (strcmp(name, "pStyle") == 0) {
        assess_word_style(word, xml);

    } else if (strcmp(name, "pageBreakBefore") == 0) {

        if (assess_word_on(xml) && word->flow.rows == 0
            && (word->flow.text || word->flow.line.len))
        {
            assess_word_page(word);
        }

    } else if (strcmp(name, "vanish") == 0) {
        word->hidden = word->in_run && assess_word_on(xml);

    } else {
        return 0;
    }

    return 1;
}


/* The boxes of a form (17.16.7): one is as it was made, or as it was set. */

static int
assess_word_form(assess_word_t *word, assess_xml_t *xml, const char *name)
{
    if (strcmp(name, "checkBox") == 0) {
        word->checked = 0;

    } else if (strcmp(name, "default") == 0 || strcmp(name, "checked") == 0) {
        word->checked = assess_word_on(xml);

    } else {
        return 0;
    }

    return 1;
}


static void
assess_word_start(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_word_t *word = ctx;

    if (word->skip || assess_word_skipped(name)) {
        word->skip++;
        return;
    }

    if (assess_word_layout(word, xml, name)
        || assess_word_form(word, xml, name))
    {
        return;
    }

    if (strcmp(name, "t") == 0) {
        word->in_text = 1;

    } else if (strcmp(name, "r") == 0) {
        word->in_run = 1;
        word->hidden = 0;

    } else if (strcmp(name, "sym") == 0) {
        assess_word_sign(word, xml);

    } else if (strcmp(name, "tab") == 0 || strcmp(name, "ptab") == 0) {
        assess_flow_str(&word->flow, " ");

    } else if (strcmp(name, "noBreakHyphen") == 0) {
        assess_flow_str(&word->flow, "-");

    } else if (strcmp(name, "br") == 0 || strcmp(name, "cr") == 0) {
        assess_word_break(word, xml);

    } else if (strcmp(name, "lastRenderedPageBreak") == 0) {

        /* Word draws it where a page was ended by order, too */

        if (!word->broken && word->flow.rows == 0) {
            assess_flow_page(&word->flow);
        }

        word->broken = 0;

    } else if (strcmp(name, "numPr") == 0) {

        /* what the number is lies in other parts; a heading may have one */

        if (!word->heading) {
            assess_flow_str(&word->flow, "- ");
        }

    } else if (strcmp(name, "txbxContent") == 0) {
        assess_flow_end(&word->flow);

    } else if (strcmp(name, "tbl") == 0) {
        assess_flow_blank(&word->flow);

    } else if (strcmp(name, "tr") == 0) {
        assess_flow_row(&word->flow);

    } else if (strcmp(name, "tc") == 0) {
        assess_flow_cell(&word->flow);
    }
}


static void
assess_word_end(void *ctx, const char *name)
{
    assess_word_t *word = ctx;

    if (word->skip) {
        word->skip--;
        return;
    }

    if (strcmp(name, "t") == 0) {
        word->in_text = 0;

    } else if (strcmp(name, "r") == 0) {
        word->in_run = 0;

    } else if (strcmp(name, "checkBox") == 0) {
        assess_flow_str(&word->flow, word->checked ? "\xe2\x98\x92 "
                                                   : "\xe2\x98\x90 ");

    } else if (strcmp(name, "p") == 0) {
        assess_flow_end(&word->flow);

        if (word->heading) {
            assess_flow_blank(&word->flow);
            word->heading = 0;
        }

    } else if (strcmp(name, "tr") == 0) {
        assess_flow_row_end(&word->flow);

    } else if (strcmp(name, "tbl") == 0) {
        assess_flow_blank(&word->flow);
    }
}


static void
assess_word_text(void *ctx, const char *text, size_t len)
{
    assess_word_t *word = ctx;

    if (word->in_text && !word->skip && !word->hidden) {
        word->broken = 0;
        assess_flow_text(&word->flow, text, len);
    }
}


static assess_why_e
assess_word_also(void *ctx, int part)
{
    assess_word_t *word = ctx;

    assess_flow_blank(&word->flow);

    return assess_xml_part(word->zip, part, &assess_word_calls, word);
}


static assess_why_e
assess_word_drawn(void *ctx, int part)
{
    assess_word_t *word = ctx;

    assess_flow_blank(&word->flow);

    return assess_drawing_read(word->zip, part, &word->flow);
}


/*
 * What stands outside of the body comes behind it: diagrams and charts, notes,
 * then what is on each page, of which a section may have its own
 */

static assess_why_e
assess_word_others(assess_word_t *word, const char *main)
{
    size_t        i;
    assess_why_e  why;

    static const struct {
        const char    *type;
        assess_why_e (*read)(void *ctx, int part);
    } others[] = {
        { "/diagramData", assess_word_drawn },
        { "/chart", assess_word_drawn },
        { "/footnotes", assess_word_also },
        { "/endnotes", assess_word_also },
        { "/header", assess_word_also },
        { "/footer", assess_word_also }
    };

    why = ASSESS_WHY_NONE;

    for (i = 0; i < sizeof(others) / sizeof(others[0])
                && why == ASSESS_WHY_NONE; i++)
    {
        why = assess_office_each(word->zip, main, others[i].type,
                                 others[i].read, word);
    }

    return why;
}


assess_why_e
assess_word_read(assess_zip_t *zip, assess_out_t *out)
{
    int            part;
    char           name[ASSESS_OFFICE_NAME];
    assess_why_e   why;
    assess_word_t  word;

    memset(&word, 0, sizeof(assess_word_t));
    word.zip = zip;
    word.flow.out = out;

    part = assess_office_related(zip, "", NULL, "/officeDocument", name);

    why = assess_xml_part(zip, part, &assess_word_calls, &word);

    if (why == ASSESS_WHY_NONE) {
        why = assess_word_others(&word, name);
    }

    if (why == ASSESS_WHY_NONE) {
        assess_flow_last(&word.flow);
    }

    return why;
}
