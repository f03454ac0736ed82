
#include "assess_vocab.h"

#include <stdlib.h>
#include <string.h>


#define ASSESS_VOCAB_SLOTS  1024     /* to begin with */


/* FNV-1a; its low bits choose the slot */

static uint64_t
assess_vocab_hash(const char *term, size_t len)
{
    size_t    i;
    uint64_t  hash;

    hash = 14695981039346656037ULL;

    for (i = 0; i < len; i++) {
        hash ^= (unsigned char) term[i];
        hash *= 1099511628211ULL;
    }

    return hash ^ (hash >> 32);
}


/* Where the term is, or the free slot where it would be. */

static assess_slot_t *
assess_vocab_slot(const assess_vocab_t *v, const char *term, size_t len,
    uint64_t hash)
{
    size_t          i;
    assess_slot_t  *s;

    for (i = (size_t) hash & (v->nslots - 1); /* void */;
         i = (i + 1) & (v->nslots - 1))
    {
        s = &v->slots[i];

        if (s->id == 0 || (s->hash == hash && s->len == len
                           && memcmp(v->text.data + s->at, term, len) == 0))
        {
            return s;
        }
    }
}


static int
assess_vocab_grow(assess_vocab_t *v)
{
    size_t          i, j, nslots;
    assess_slot_t  *slots;

    nslots = v->nslots ? v->nslots * 2 : ASSESS_VOCAB_SLOTS;

    slots = calloc(nslots, sizeof(assess_slot_t));
    if (slots == NULL) {
        return -1;
    }

    for (i = 0; i < v->nslots; i++) {

        if (v->slots[i].id) {

            for (j = (size_t) v->slots[i].hash & (nslots - 1); slots[j].id;
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


uint32_t
assess_vocab_add(assess_vocab_t *v, const char *term, size_t len)
{
    uint64_t        hash;
    assess_slot_t  *s;

    if (v->n >= v->nslots / 2 && assess_vocab_grow(v) != 0) {
        return 0;
    }

    hash = assess_vocab_hash(term, len);
    s = assess_vocab_slot(v, term, len, hash);

    if (s->id) {
        return s->id;
    }

    assess_buf_add(&v->text, term, len);

    if (v->text.failed) {
        return 0;
    }

    s->hash = hash;
    s->at = v->text.len - len;
    s->len = (uint32_t) len;
    s->id = ++v->n;

    return s->id;
}


uint32_t
assess_vocab_find(const assess_vocab_t *v, const char *term, size_t len)
{
    if (v->n == 0) {
        return 0;
    }

    return assess_vocab_slot(v, term, len, assess_vocab_hash(term, len))->id;
}


int
assess_vocab_copy(assess_arena_t *arena, assess_vocab_t *dst,
    const assess_vocab_t *src)
{
    memset(dst, 0, sizeof(assess_vocab_t));

    if (src->n == 0) {
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
