
/*
 * Presentations (PresentationML, ECMA-376 part 1, 19): a slide is a page, in
 * the order of the show, and its notes come behind it.
 */

#include "assess_office.h"

#include <stdlib.h>
#include <string.h>


/* more than anybody shows */
#define ASSESS_SLIDES_MAX  10000

/* a relation's id, and its NUL */
#define ASSESS_SLIDES_ID   64


typedef struct {
    char    (*ids)[ASSESS_SLIDES_ID];
    int       n;
    int       failed;
} assess_slides_t;


typedef struct {
    assess_flow_t  flow;
    int            in_text;
    int            skip;
} assess_slide_t;


/* The id of the relation is the one with a prefix, and comes second */

static void
assess_slides_listed(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_slides_t *slides = ctx;

    if (strcmp(name, "sldId") != 0 || slides->n == ASSESS_SLIDES_MAX) {
        return;
    }

    (void) assess_xml_value_of(xml, "relationships", "id",
                               slides->ids[slides->n], ASSESS_SLIDES_ID);
    slides->n++;
}


static void
assess_slide_start(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_slide_t *slide = ctx;

    (void) xml;

    if (slide->skip || strcmp(name, "Fallback") == 0) {
        slide->skip++;
        return;
    }

    if (strcmp(name, "t") == 0) {
        slide->in_text = 1;

    } else if (strcmp(name, "br") == 0) {
        assess_flow_end(&slide->flow);

    } else if (strcmp(name, "tr") == 0) {
        assess_flow_row(&slide->flow);

    } else if (strcmp(name, "tc") == 0) {
        assess_flow_cell(&slide->flow);

    } else if (strcmp(name, "txBody") == 0 || strcmp(name, "tbl") == 0) {
        assess_flow_blank(&slide->flow);
    }
}


static void
assess_slide_end(void *ctx, const char *name)
{
    assess_slide_t *slide = ctx;

    if (slide->skip) {
        slide->skip--;
        return;
    }

    if (strcmp(name, "t") == 0) {
        slide->in_text = 0;

    } else if (strcmp(name, "p") == 0) {
        assess_flow_end(&slide->flow);

    } else if (strcmp(name, "tr") == 0) {
        assess_flow_row_end(&slide->flow);
    }
}


static void
assess_slide_text(void *ctx, const char *text, size_t len)
{
    assess_slide_t *slide = ctx;

    if (slide->in_text && !slide->skip) {
        assess_flow_text(&slide->flow, text, len);
    }
}


static const assess_xml_calls_t  assess_slide_calls = {
    assess_slide_start, assess_slide_end, assess_slide_text
};


static assess_why_e
assess_slides_one(assess_zip_t *zip, const char *main, const char *id,
    assess_slide_t *slide)
{
    int           part;
    char          name[ASSESS_OFFICE_NAME], notes[ASSESS_OFFICE_NAME];
    assess_why_e  why;

    part = assess_office_related(zip, main, id, NULL, name);

    if (part == -1) {
        return ASSESS_WHY_DAMAGED;
    }

    why = assess_xml_part(zip, part, &assess_slide_calls, slide);

    if (why == ASSESS_WHY_NONE) {

        part = assess_office_related(zip, name, NULL, "/notesSlide", notes);

        if (part != -1) {
            assess_flow_blank(&slide->flow);
            why = assess_xml_part(zip, part, &assess_slide_calls, slide);
        }
    }

    if (why == ASSESS_WHY_NONE) {
        assess_flow_page(&slide->flow);
    }

    return why;
}


assess_why_e
assess_slides_read(assess_zip_t *zip, assess_out_t *out)
{
    int              i, part;
    char             name[ASSESS_OFFICE_NAME];
    assess_why_e     why;
    assess_slide_t   slide;
    assess_slides_t  slides;

    static const assess_xml_calls_t  listed = {
        .start = assess_slides_listed
    };

    memset(&slide, 0, sizeof(assess_slide_t));
    memset(&slides, 0, sizeof(assess_slides_t));
    slide.flow.out = out;

    slides.ids = calloc(ASSESS_SLIDES_MAX, ASSESS_SLIDES_ID);
    if (slides.ids == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    part = assess_office_related(zip, "", NULL, "/officeDocument", name);
    why = assess_xml_part(zip, part, &listed, &slides);

    for (i = 0; i < slides.n && why == ASSESS_WHY_NONE; i++) {
        why = assess_slides_one(zip, name, slides.ids[i], &slide);
    }

    free(slides.ids);

    if (why == ASSESS_WHY_NONE) {
        assess_flow_last(&slide.flow);
    }

    return why;
}
