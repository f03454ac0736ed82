
#include "assess_key.h"
#include "assess_pictures.h"
#include "assess_prompt.h"

#include <openssl/sha.h>
#include <string.h>


/* a passage is hashed once, however many questions it speaks to */

typedef struct {
    unsigned char   hash[SHA256_DIGEST_LENGTH];
    int             known;
} assess_passage_hash_t;


struct assess_keys_s {
    unsigned char            base[SHA256_DIGEST_LENGTH];
    const char              *document;       /* the hash of its bytes */
    size_t                   images;         /* that the provider takes */
    const assess_page_t     *pages;
    size_t                   npages;
    const assess_passage_t  *passages;
    assess_passage_hash_t   *hashes;
};


/*
 * Every part is preceded by its length, so that what ends one cannot begin
 * the next.
 */

static void
assess_key_add(assess_buf_t *b, const void *data, size_t len)
{
    uint64_t  n;

    n = len;

    assess_buf_add(b, &n, sizeof(n));
    assess_buf_add(b, data, len);
}


static void
assess_key_str(assess_buf_t *b, const assess_str_t *s)
{
    assess_key_add(b, s->data ? s->data : "", s->data ? s->len : 0);
}


static void
assess_key_int(assess_buf_t *b, int64_t n)
{
    assess_key_add(b, &n, sizeof(n));
}


/* Of what was gathered, which is freed; -1 is out of memory */

static int
assess_key_hash(assess_buf_t *b, unsigned char hash[SHA256_DIGEST_LENGTH])
{
    int  failed;

    failed = b->failed;

    if (!failed) {
        (void) SHA256((const unsigned char *) b->data, b->len, hash);
    }

    assess_buf_free(b);

    return failed ? -1 : 0;
}


assess_keys_t *
assess_keys_create(assess_arena_t *arena, const assess_provider_conf_t *conf,
    const assess_ask_t *ask, const assess_page_t *pages, size_t npages,
    const assess_passage_t *passages, size_t npassages)
{
    assess_buf_t    b;
    assess_keys_t  *keys;

    keys = assess_pcalloc(arena, sizeof(assess_keys_t));
    if (keys == NULL) {
        return NULL;
    }

    keys->document = ask->document->sha256;
    keys->images = (size_t) conf->images;
    keys->pages = pages;
    keys->npages = npages;
    keys->passages = passages;
    keys->hashes = assess_pcalloc(arena, (npassages + 1)
                                         * sizeof(assess_passage_hash_t));
    if (keys->hashes == NULL) {
        return NULL;
    }

    memset(&b, 0, sizeof(assess_buf_t));

    assess_key_int(&b, ASSESS_PROMPT_VERSION);
    assess_key_int(&b, conf->type);
    assess_key_str(&b, &conf->name);
    assess_key_str(&b, &conf->url);
    assess_key_str(&b, ask->model.data ? &ask->model : &conf->model);
    assess_key_int(&b, conf->max_tokens);
    assess_key_str(&b, &ask->set->instructions);
    assess_key_str(&b, &ask->document->filename);

    return assess_key_hash(&b, keys->base) == 0 ? keys : NULL;
}


static const unsigned char *
assess_keys_passage(assess_keys_t *keys, const assess_passage_t *passage)
{
    assess_buf_t            b;
    assess_passage_hash_t  *h;

    h = &keys->hashes[passage - keys->passages];

    if (!h->known) {

        memset(&b, 0, sizeof(assess_buf_t));

        assess_key_int(&b, passage->page);
        assess_key_str(&b, &passage->heading);
        assess_key_str(&b, &passage->text);

        if (assess_key_hash(&b, h->hash) != 0) {
            return NULL;
        }

        h->known = 1;
    }

    return h->hash;
}


static int
assess_keys_pictured(const void *ctx, int page)
{
    const assess_keys_t *keys = ctx;

    return page > 0 && (size_t) page <= keys->npages
           && keys->pages[page - 1].picture;
}


/* Nothing where no page is shown. */

static void
assess_keys_pictures(const assess_keys_t *keys, const assess_item_t *item,
    assess_buf_t *b)
{
    int     pages[ASSESS_IMAGES_MAX];
    size_t  i, n, first;

    first = 0;
    n = assess_pictures_choose(item, &first, 1, item->nhits,
                               assess_keys_pictured, keys, pages,
                               keys->images);

    if (n) {
        assess_key_int(b, ASSESS_PICTURES_VERSION);
        assess_key_add(b, keys->document, strlen(keys->document));
    }

    for (i = 0; i < n; i++) {
        assess_key_int(b, pages[i]);
    }
}


int
assess_keys_item(assess_keys_t *keys, const assess_item_t *item,
    unsigned char key[ASSESS_KEY_LEN])
{
    size_t                i;
    assess_buf_t          b;
    const unsigned char  *hash;

    memset(&b, 0, sizeof(assess_buf_t));

    assess_buf_add(&b, keys->base, sizeof(keys->base));
    assess_key_str(&b, &item->question->id);
    assess_key_str(&b, &item->question->text);
    assess_key_str(&b, &item->question->guidance);

    for (i = 0; i < item->nhits; i++) {

        hash = assess_keys_passage(keys, item->hits[i].passage);

        if (hash == NULL) {
            assess_buf_free(&b);
            return -1;
        }

        assess_buf_add(&b, hash, SHA256_DIGEST_LENGTH);
    }

    assess_keys_pictures(keys, item, &b);

    return assess_key_hash(&b, key);
}
