
/*
 * OpenDocument (ODF 1.3 part 3): texts end their pages where they were last
 * drawn so, a sheet is a page that begins with its name, and a slide is one.
 * Notes of a text come behind it, and so does what is on each page.
 */

#include "assess_office.h"

#include <stdlib.h>
#include <string.h>


#define ASSESS_ODF_GAP  50              /* empty cells of a row in between */


typedef enum {
    ASSESS_ODF_TEXT = 0,
    ASSESS_ODF_SHEETS,
    ASSESS_ODF_SLIDES
} assess_odf_e;


typedef struct {
    assess_flow_t  flow;
    assess_odf_e   kind;
    int            skip;                /* depth within what is not read */
    int            words;               /* depth of paragraphs */
    int            tables;
    int            notes;               /* there are some */
    int            within;              /* depth in what alone is read */
} assess_odf_t;


/*
 * What is not there any more, what others said of it, how it sounds, and
 * pictures
 */

static int
assess_odf_skipped(const char *name)
{
    return strcmp(name, "tracked-changes") == 0
           || strcmp(name, "annotation") == 0
           || strcmp(name, "note-citation") == 0
           || strcmp(name, "ruby-text") == 0
           || strcmp(name, "binary-data") == 0
           || strcmp(name, "forms") == 0;
}


static int
assess_odf_count(assess_xml_t *xml, const char *name)
{
    long  n;
    char  value[16];

    (void) assess_xml_value(xml, name, value, sizeof(value));

    n = strtol(value, NULL, 10);

    return n < 1 ? 1 : n > ASSESS_ODF_GAP ? ASSESS_ODF_GAP : (int) n;
}


static void
assess_odf_table(assess_odf_t *odf, assess_xml_t *xml)
{
    char  name[128];

    odf->tables++;

    if (odf->kind == ASSESS_ODF_SHEETS && odf->tables == 1) {
        (void) assess_xml_value(xml, "name", name, sizeof(name));
        assess_flow_str(&odf->flow, name);
    }

    assess_flow_blank(&odf->flow);
}


static void
assess_odf_start(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_odf_t *odf = ctx;

    int  n;

    if (strcmp(name, "note") == 0 && odf->kind == ASSESS_ODF_TEXT) {
        odf->notes = 1;
        odf->skip++;
        return;
    }

    if (odf->skip || assess_odf_skipped(name)) {
        odf->skip++;
        return;
    }

    if (strcmp(name, "p") == 0) {
        odf->words++;

    } else if (strcmp(name, "h") == 0) {
        assess_flow_blank(&odf->flow);
        odf->words++;

    } else if (strcmp(name, "s") == 0 || strcmp(name, "tab") == 0) {
        assess_flow_str(&odf->flow, " ");

    } else if (strcmp(name, "list-item") == 0) {
        assess_flow_end(&odf->flow);
        assess_flow_str(&odf->flow, "- ");

    } else if (strcmp(name, "line-break") == 0) {
        assess_flow_end(&odf->flow);

    } else if (strcmp(name, "soft-page-break") == 0) {
        if (odf->kind == ASSESS_ODF_TEXT && odf->flow.rows == 0) {
            assess_flow_page(&odf->flow);
        }

    } else if (strcmp(name, "table") == 0) {
        assess_odf_table(odf, xml);

    } else if (strcmp(name, "table-row") == 0) {
        assess_flow_row(&odf->flow);

    } else if (strcmp(name, "table-cell") == 0
               || strcmp(name, "covered-table-cell") == 0)
    {
        /* what stands in it is told in the last of them */

        for (n = assess_odf_count(xml, "number-columns-repeated"); n; n--) {
            assess_flow_cell(&odf->flow);
        }

    } else if (strcmp(name, "frame") == 0) {
        assess_flow_blank(&odf->flow);
    }
}


static void
assess_odf_end(void *ctx, const char *name)
{
    assess_odf_t *odf = ctx;

    if (odf->skip) {
        odf->skip--;
        return;
    }

    if (strcmp(name, "p") == 0) {
        odf->words--;
        assess_flow_end(&odf->flow);

    } else if (strcmp(name, "h") == 0) {
        odf->words--;
        assess_flow_blank(&odf->flow);

    } else if (strcmp(name, "table-row") == 0) {
        assess_flow_row_end(&odf->flow);

    } else if (strcmp(name, "table") == 0) {

        odf->tables--;
        assess_flow_blank(&odf->flow);

        if (odf->kind == ASSESS_ODF_SHEETS && odf->tables == 0) {
            assess_flow_page(&odf->flow);
        }

    } else if (strcmp(name, "page") == 0
               && odf->kind == ASSESS_ODF_SLIDES)
    {
        assess_flow_page(&odf->flow);
    }
}


static void
assess_odf_text(void *ctx, const char *text, size_t len)
{
    assess_odf_t *odf = ctx;

    if (odf->words > 0 && !odf->skip) {
        assess_flow_text(&odf->flow, text, len);
    }
}


/* Of a part, only what stands in these: notes, or what is on each page */

static int
assess_odf_apart(const char *name)
{
    size_t  i;

    static const char *const  names[] = {
        "note-body", "header", "header-left", "header-first", "footer",
        "footer-left", "footer-first"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
assess_odf_apart_start(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_odf_t *odf = ctx;

    if (odf->within) {
        odf->within++;
        assess_odf_start(ctx, xml, name);

    } else if (odf->skip || assess_odf_skipped(name)) {
        odf->skip++;

    } else if (assess_odf_apart(name)) {
        odf->within = 1;
        assess_flow_blank(&odf->flow);
    }
}


static void
assess_odf_apart_end(void *ctx, const char *name)
{
    assess_odf_t *odf = ctx;

    if (odf->within == 0) {
        odf->skip -= odf->skip > 0;

    } else if (--odf->within) {
        assess_odf_end(ctx, name);
    }
}


/* What belongs to a text and does not stand in it */

static assess_why_e
assess_odf_others(assess_zip_t *zip, int content, assess_odf_t *odf)
{
    int           styles;
    assess_why_e  why;

    static const assess_xml_calls_t  calls = {
        assess_odf_apart_start, assess_odf_apart_end, assess_odf_text
    };

    why = odf->notes ? assess_xml_part(zip, content, &calls, odf)
                     : ASSESS_WHY_NONE;

    styles = assess_zip_find(zip, "styles.xml");

    return styles == -1 || why != ASSESS_WHY_NONE
           ? why : assess_xml_part(zip, styles, &calls, odf);
}


/* With a password the parts are not XML, which only the list of them says */

static int
assess_odf_encrypted(assess_zip_t *zip)
{
    int           part, found;
    assess_buf_t  list;

    part = assess_zip_find(zip, "META-INF/manifest.xml");

    if (part == -1 || assess_zip_read(zip, part, &list) != ASSESS_WHY_NONE) {
        return 0;
    }

    found = list.len && strstr(list.data, "encryption-data") != NULL;

    assess_buf_free(&list);

    return found;
}


assess_why_e
assess_odf_read(assess_zip_t *zip, const char *mimetype, assess_out_t *out)
{
    int           part;
    assess_odf_t  odf;
    assess_why_e  why;

    static const assess_xml_calls_t  calls = {
        assess_odf_start, assess_odf_end, assess_odf_text
    };

    memset(&odf, 0, sizeof(assess_odf_t));
    odf.flow.out = out;

    if (strstr(mimetype, "spreadsheet")) {
        odf.kind = ASSESS_ODF_SHEETS;

    } else if (strstr(mimetype, "presentation")) {
        odf.kind = ASSESS_ODF_SLIDES;
    }

    if (assess_odf_encrypted(zip)) {
        return ASSESS_WHY_ENCRYPTED;
    }

    part = assess_zip_find(zip, "content.xml");
    if (part == -1) {
        return ASSESS_WHY_DAMAGED;
    }

    why = assess_xml_part(zip, part, &calls, &odf);

    if (why == ASSESS_WHY_NONE && odf.kind == ASSESS_ODF_TEXT) {
        why = assess_odf_others(zip, part, &odf);
    }

    if (why == ASSESS_WHY_NONE) {
        assess_flow_last(&odf.flow);
    }

    return why;
}
