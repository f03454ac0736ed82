
/* sources: base/assess_json.c base/assess_base.c */
/* libs: -ljansson -lm */

/*
 * The same texts are JSON as for jansson, and the same values; what is written
 * is read again as what it was.
 */

#include "base/assess_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
same(const assess_json_t *v, json_t *j)
{
    const char           *key;
    size_t                i;
    json_t               *member;
    const assess_json_t  *child;

    switch (json_typeof(j)) {

    case JSON_OBJECT:

        child = v->first;

        if (v->type != ASSESS_JSON_OBJECT || v->n != json_object_size(j)) {
            abort();
        }

        json_object_foreach(j, key, member) {

            if (child->key.len != strlen(key)
                || memcmp(child->key.data, key, child->key.len) != 0)
            {
                abort();
            }

            same(child, member);
            child = child->next;
        }

        break;

    case JSON_ARRAY:

        child = v->first;

        if (v->type != ASSESS_JSON_ARRAY || v->n != json_array_size(j)) {
            abort();
        }

        json_array_foreach(j, i, member) {
            same(child, member);
            child = child->next;
        }

        break;

    case JSON_STRING:

        if (v->type != ASSESS_JSON_STRING
            || v->text.len != json_string_length(j)
            || memcmp(v->text.data, json_string_value(j), v->text.len) != 0)
        {
            abort();
        }

        break;

    case JSON_INTEGER:

        if (v->type != ASSESS_JSON_INT
            || v->integer != json_integer_value(j))
        {
            abort();
        }

        break;

    case JSON_REAL:

        if (v->type != ASSESS_JSON_REAL || v->real != json_real_value(j)) {
            abort();
        }

        break;

    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:

        if (v->type != (json_is_null(j) ? ASSESS_JSON_NULL : json_is_true(j)
                        ? ASSESS_JSON_TRUE : ASSESS_JSON_FALSE))
        {
            abort();
        }
    }
}


/* written and read again */

static void
again(assess_arena_t *arena, const assess_json_t *v, json_t *j)
{
    assess_buf_t    text, one, two;
    assess_err_t    err;
    assess_json_t  *copy;

    memset(&text, 0, sizeof(text));
    memset(&one, 0, sizeof(one));
    memset(&two, 0, sizeof(two));

    assess_json_write(&text, v);

    if (assess_json_read(arena, text.data, text.len, text.len, &copy, &err)
        != ASSESS_OK)
    {
        abort();
    }

    same(copy, j);

    if (assess_json_canonical(arena, &one, v) != 0
        || assess_json_canonical(arena, &two, copy) != 0
        || one.len != two.len || memcmp(one.data, two.data, one.len) != 0)
    {
        abort();
    }

    assess_buf_free(&text);
    assess_buf_free(&one);
    assess_buf_free(&two);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t          *j;
    assess_err_t     err;
    assess_json_t   *v;
    assess_arena_t  *arena;

    arena = assess_arena_create();
    if (arena == NULL) {
        return 0;
    }

    v = NULL;
    j = json_loadb((const char *) data, size,
                   JSON_REJECT_DUPLICATES|JSON_DECODE_ANY, NULL);

    if (assess_json_read(arena, (const char *) data, size, size, &v, &err)
        != ASSESS_OK)
    {
        /* jansson nests twice as deep, and takes a NUL for the end */

        if (j && memchr(data, '\0', size) == NULL
            && strncmp(err.message, "it is nested too deep", 21) != 0)
        {
            abort();
        }

        v = NULL;

    } else if (j == NULL) {
        abort();
    }

    if (v) {
        same(v, j);
        again(arena, v, j);
    }

    json_decref(j);
    assess_arena_destroy(arena);

    return 0;
}
