
/*
 * Pages that go to a model as pictures, beside the text that was read of them.
 */

#ifndef ASSESS_PICTURES_H
#define ASSESS_PICTURES_H


#include "assess_provider.h"


/* Rises when the same page may be shown otherwise. */
#define ASSESS_PICTURES_VERSION  1


/*
 * The pages that n of the items want to show, whose indices are in which: those
 * that their passages stand on, and that has() says can be shown.  At most max;
 * the best of each question first, then the second ones.  Each counts with so
 * many passages at most.  Pure; the number of pages.
 */
size_t assess_pictures_choose(const assess_item_t *items, const size_t *which,
    size_t n, size_t passages, int (*has)(const void *ctx, int page),
    const void *ctx, int *pages, size_t max);

/*
 * "data:image/webp;base64,..." in the arena, of what must be WebP, PNG or JPEG.
 * ASSESS_INVALID: it is none of them; ASSESS_ERROR is out of memory.
 */
assess_err_e assess_pictures_url(assess_arena_t *arena,
    const assess_str_t *picture, assess_str_t *url, assess_err_t *err);

/* That of the page in the ask, or NULL. */
const assess_picture_t *assess_pictures_find(const assess_ask_t *ask,
    int page);


#endif /* ASSESS_PICTURES_H */
