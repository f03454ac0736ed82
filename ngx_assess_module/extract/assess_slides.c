
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
    assess_zip_t    *zip;
    assess_flow_t    flow;
    char           (*ids)[ASSESS_SLIDES_ID];
    int              n;
} assess_slides_t;


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


static assess_why_e
assess_slides_also(void *ctx, int part)
{
    assess_slides_t *slides = ctx;

    assess_flow_blank(&slides->flow);

    return assess_drawing_read(slides->zip, part, &slides->flow);
}


/* A slide, the diagrams and charts on it, and its notes */

static assess_why_e
assess_slides_one(assess_slides_t *slides, const char *main, const char *id)
{
    int           part;
    char          name[ASSESS_OFFICE_NAME];
    size_t        i;
    assess_why_e  why;

    static const char *const  types[] = {
        "/diagramData", "/chart", "/notesSlide"
    };

    part = assess_office_related(slides->zip, main, id, NULL, name);

    if (part == -1) {
        return ASSESS_WHY_DAMAGED;
    }

    why = assess_drawing_read(slides->zip, part, &slides->flow);

    for (i = 0; i < sizeof(types) / sizeof(types[0])
                && why == ASSESS_WHY_NONE; i++)
    {
        why = assess_office_each(slides->zip, name, types[i],
                                 assess_slides_also, slides);
    }

    if (why == ASSESS_WHY_NONE) {
        assess_flow_page(&slides->flow);
    }

    return why;
}


assess_why_e
assess_slides_read(assess_zip_t *zip, assess_out_t *out)
{
    int              i, part;
    char             name[ASSESS_OFFICE_NAME];
    assess_why_e     why;
    assess_slides_t  slides;

    static const assess_xml_calls_t  listed = {
        .start = assess_slides_listed
    };

    memset(&slides, 0, sizeof(assess_slides_t));
    slides.zip = zip;
    slides.flow.out = out;

    slides.ids = calloc(ASSESS_SLIDES_MAX, ASSESS_SLIDES_ID);
    if (slides.ids == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    part = assess_office_related(zip, "", NULL, "/officeDocument", name);
    why = assess_xml_part(zip, part, &listed, &slides);

    for (i = 0; i < slides.n && why == ASSESS_WHY_NONE; i++) {
        why = assess_slides_one(&slides, name, slides.ids[i]);
    }

    free(slides.ids);

    if (why == ASSESS_WHY_NONE) {
        assess_flow_last(&slides.flow);
    }

    return why;
}
