
#include "assess_pictures.h"

#include <openssl/evp.h>
#include <string.h>


static int assess_pictures_among(const int *pages, size_t n, int page);
static const char *assess_pictures_type(const assess_str_t *picture);


size_t
assess_pictures_choose(const assess_item_t *items, const size_t *which,
    size_t n, size_t passages, int (*has)(const void *ctx, int page),
    const void *ctx, int *pages, size_t max)
{
    int                   page, more;
    size_t                i, rank, chosen;
    const assess_item_t  *item;

    chosen = 0;
    more = 1;

    for (rank = 0; more && rank < passages; rank++) {

        more = 0;

        for (i = 0; i < n && chosen < max; i++) {

            item = &items[which[i]];

            if (rank >= item->nhits) {
                continue;
            }

            more = 1;
            page = item->hits[rank].passage->page;

            if (has(ctx, page) && !assess_pictures_among(pages, chosen, page))
            {
                pages[chosen++] = page;
            }
        }
    }

    return chosen;
}


static int
assess_pictures_among(const int *pages, size_t n, int page)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (pages[i] == page) {
            return 1;
        }
    }

    return 0;
}


assess_err_e
assess_pictures_url(assess_arena_t *arena, const assess_str_t *picture,
    assess_str_t *url, assess_err_t *err)
{
    char        *p;
    size_t       head;
    const char  *type;

    static const char  scheme[] = "data:image/";
    static const char  coding[] = ";base64,";

    type = assess_pictures_type(picture);

    if (type == NULL) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "it is neither WebP nor PNG nor JPEG");
    }

    head = sizeof(scheme) - 1 + strlen(type) + sizeof(coding) - 1;

    p = assess_palloc(arena, head + (picture->len + 2) / 3 * 4 + 1);
    if (p == NULL) {
        return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
    }

    url->data = p;

    p = stpcpy(stpcpy(stpcpy(p, scheme), type), coding);

    url->len = head + (size_t) EVP_EncodeBlock((unsigned char *) p,
                                   (const unsigned char *) picture->data,
                                   (int) picture->len);

    return ASSESS_OK;
}


static const char *
assess_pictures_type(const assess_str_t *picture)
{
    if (picture->len >= 12 && memcmp(picture->data, "RIFF", 4) == 0
        && memcmp(picture->data + 8, "WEBP", 4) == 0)
    {
        return "webp";
    }

    if (picture->len >= 8
        && memcmp(picture->data, "\x89PNG\r\n\x1a\n", 8) == 0)
    {
        return "png";
    }

    if (picture->len >= 3 && memcmp(picture->data, "\xff\xd8\xff", 3) == 0) {
        return "jpeg";
    }

    return NULL;
}


const assess_picture_t *
assess_pictures_find(const assess_ask_t *ask, int page)
{
    size_t  i;

    for (i = 0; i < ask->npictures; i++) {
        if (ask->pictures[i].page == page) {
            return &ask->pictures[i];
        }
    }

    return NULL;
}
