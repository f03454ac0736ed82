
/*
 * Word documents (WordprocessingML, ECMA-376 part 1, 17).  Pages end where Word
 * last ended them, and where it was told to.
 */

#include "assess_office.h"

#include <string.h>


typedef struct {
    assess_flow_t  flow;
    int            skip;                /* depth within what is not read */
    int            in_text;             /* within t */
    int            broken;              /* a page just ended by order */
    int            heading;
} assess_word_t;


static void assess_word_start(void *ctx, assess_xml_t *xml, const char *name);
static void assess_word_end(void *ctx, const char *name);
static void assess_word_text(void *ctx, const char *text, size_t len);


static const assess_xml_calls_t  assess_word_calls = {
    assess_word_start, assess_word_end, assess_word_text
};


/*
 * Of what is told twice, for older programs, the first is read.  What was
 * deleted or moved away is not there; neither are the codes of fields.
 */

static int
assess_word_skipped(const char *name)
{
    return strcmp(name, "Fallback") == 0 || strcmp(name, "del") == 0
           || strcmp(name, "moveFrom") == 0 || strcmp(name, "rPrChange") == 0
           || strcmp(name, "pPrChange") == 0
           || strcmp(name, "instrText") == 0;
}


static void
assess_word_break(assess_word_t *word, assess_xml_t *xml)
{
    char  type[16];

    (void) assess_xml_value(xml, "type", type, sizeof(type));

    if (strcmp(type, "page") == 0) {
        assess_flow_page(&word->flow);
        word->broken = 1;

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


static void
assess_word_start(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_word_t *word = ctx;

    if (word->skip || assess_word_skipped(name)) {
        word->skip++;
        return;
    }

    if (strcmp(name, "t") == 0) {
        word->in_text = 1;

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

    } else if (strcmp(name, "pStyle") == 0) {
        assess_word_style(word, xml);

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

    if (word->in_text && !word->skip) {
        word->broken = 0;
        assess_flow_text(&word->flow, text, len);
    }
}


/*
 * What stands outside of the body comes behind it: notes, then what is on each
 * page
 */

static assess_why_e
assess_word_others(assess_zip_t *zip, const char *main, assess_word_t *word)
{
    int           part;
    size_t        i;
    char          name[ASSESS_OFFICE_NAME];
    assess_why_e  why;

    static const char *const  types[] = {
        "/footnotes", "/endnotes", "/header", "/footer"
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {

        part = assess_office_related(zip, main, NULL, types[i], name);
        if (part == -1) {
            continue;
        }

        assess_flow_blank(&word->flow);

        why = assess_xml_part(zip, part, &assess_word_calls, word);
        if (why != ASSESS_WHY_NONE) {
            return why;
        }
    }

    return ASSESS_WHY_NONE;
}


assess_why_e
assess_word_read(assess_zip_t *zip, assess_out_t *out)
{
    int            part;
    char           name[ASSESS_OFFICE_NAME];
    assess_why_e   why;
    assess_word_t  word;

    memset(&word, 0, sizeof(assess_word_t));
    word.flow.out = out;

    part = assess_office_related(zip, "", NULL, "/officeDocument", name);

    why = assess_xml_part(zip, part, &assess_word_calls, &word);

    if (why == ASSESS_WHY_NONE) {
        why = assess_word_others(zip, name, &word);
    }

    if (why == ASSESS_WHY_NONE) {
        assess_flow_last(&word.flow);
    }

    return why;
}
