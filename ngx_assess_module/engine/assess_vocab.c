
#include "assess_vocab.h"
#include "assess_terms.h"

#include <stdlib.h>
#include <string.h>


#define ASSESS_VOCAB_SLOTS  64       /* to begin with */


/* FNV-1a; its low bits choose the slot */

static uint32_t
assess_vocab_hash(const char *text, size_t len)
{
    size_t    i;
    uint64_t  hash;

    hash = 14695981039346656037ULL;

    for (i = 0; i < len; i++) {
        hash ^= (unsigned char) text[i];
        hash *= 1099511628211ULL;
    }

    return (uint32_t) (hash ^ (hash >> 32));
}


/* Where the text is, or the free slot where it would be. */

static assess_slot_t *
assess_vocab_slot(const assess_vocab_t *v, const char *text, size_t len,
    uint32_t hash)
{
    size_t          i;
    assess_slot_t  *s;

    for (i = hash & (v->nslots - 1); /* void */; i = (i + 1) & (v->nslots - 1))
    {
        s = &v->slots[i];

        if (s->len == 0 || (s->hash == hash && s->len == len
                            && memcmp(v->text.data + s->at, text, len) == 0))
        {
            return s;
        }
    }
}


static int
assess_vocab_resize(assess_vocab_t *v, size_t nslots)
{
    size_t          i, j;
    assess_slot_t  *slots;

    slots = calloc(nslots, sizeof(assess_slot_t));
    if (slots == NULL) {
        return -1;
    }

    for (i = 0; i < v->nslots; i++) {

        if (v->slots[i].len) {

            for (j = v->slots[i].hash & (nslots - 1); slots[j].len;
                 j = (j + 1) & (nslots - 1))
            {
                /* void */
            }

            slots[j] = v->slots[i];
        }
    }

    free(v->slots);
    v->slots = slots;
    v->nslots = nslots;

    return 0;
}


void
assess_vocab_expect(assess_vocab_t *v, size_t n)
{
    size_t  nslots;

    for (nslots = ASSESS_VOCAB_SLOTS; nslots / 2 < n && nslots < SIZE_MAX / 256;
         nslots *= 2)
    {
        /* void */
    }

    if (v->nslots == 0) {
        (void) assess_vocab_resize(v, nslots);
    }
}


/* The slot of a text, old or new; NULL without memory.  It may move later. */

static assess_slot_t *
assess_vocab_text(assess_vocab_t *v, const char *text, size_t len)
{
    uint32_t        hash;
    assess_slot_t  *s;

    if (v->used >= v->nslots / 2
        && assess_vocab_resize(v, v->nslots ? v->nslots * 2
                                            : ASSESS_VOCAB_SLOTS) != 0)
    {
        return NULL;
    }

    hash = assess_vocab_hash(text, len);
    s = assess_vocab_slot(v, text, len, hash);

    if (s->len) {
        return s;
    }

    if (len == 0 || v->text.len > UINT32_MAX - len) {
        return NULL;
    }

    assess_buf_add(&v->text, text, len);

    if (v->text.failed) {
        return NULL;
    }

    s->hash = hash;
    s->at = (uint32_t) (v->text.len - len);
    s->len = (uint32_t) len;
    v->used++;

    return s;
}


uint32_t
assess_vocab_add(assess_vocab_t *v, const char *term, size_t len)
{
    assess_slot_t  *s;

    s = assess_vocab_text(v, term, len);

    if (s == NULL || (s->term == 0 && v->n == ~ASSESS_VOCAB_STOP)) {
        return 0;
    }

    if (s->term == 0) {
        s->term = ++v->n;
    }

    return s->term;
}


uint32_t
assess_vocab_find(const assess_vocab_t *v, const char *term, size_t len)
{
    if (v->used == 0 || len == 0) {
        return 0;
    }

    return assess_vocab_slot(v, term, len, assess_vocab_hash(term, len))->term;
}


uint32_t
assess_vocab_word(assess_vocab_t *v, const char *word, size_t len)
{
    int             stop;
    char            term[ASSESS_TERM_LEN];
    uint32_t        id;
    assess_slot_t  *s;

    s = assess_vocab_text(v, word, len);

    if (s == NULL || len > ASSESS_TERM_LEN) {
        return 0;
    }

    if (s->word) {
        return s->word;
    }

    memcpy(term, word, len);

    id = assess_vocab_add(v, term, assess_terms_word(term, len, &stop));
    if (id == 0) {
        return 0;
    }

    if (stop) {
        id |= ASSESS_VOCAB_STOP;
    }

    /* it may have moved */

    s = assess_vocab_text(v, word, len);
    if (s) {
        s->word = id;
    }

    return id;
}


uint32_t
assess_vocab_word_find(const assess_vocab_t *v, const char *word, size_t len)
{
    int                   stop;
    char                  term[ASSESS_TERM_LEN];
    const assess_slot_t  *s;

    if (len == 0 || len > ASSESS_TERM_LEN) {
        return 0;
    }

    if (v->used) {
        s = assess_vocab_slot(v, word, len, assess_vocab_hash(word, len));

        if (s->word) {
            return s->word;
        }
    }

    memcpy(term, word, len);
    len = assess_terms_word(term, len, &stop);

    return assess_vocab_find(v, term, len) | (stop ? ASSESS_VOCAB_STOP : 0);
}


int
assess_vocab_copy(assess_arena_t *arena, assess_vocab_t *dst,
    const assess_vocab_t *src)
{
    memset(dst, 0, sizeof(assess_vocab_t));

    if (src->used == 0) {
        return 0;
    }

    dst->slots = assess_palloc(arena, src->nslots * sizeof(assess_slot_t));
    dst->text.data = assess_palloc(arena, src->text.len + 1);

    if (dst->slots == NULL || dst->text.data == NULL) {
        return -1;
    }

    memcpy(dst->slots, src->slots, src->nslots * sizeof(assess_slot_t));
    memcpy(dst->text.data, src->text.data, src->text.len + 1);

    dst->nslots = src->nslots;
    dst->used = src->used;
    dst->text.len = src->text.len;
    dst->n = src->n;

    return 0;
}


void
assess_vocab_free(assess_vocab_t *v)
{
    free(v->slots);
    assess_buf_free(&v->text);
    memset(v, 0, sizeof(assess_vocab_t));
}
