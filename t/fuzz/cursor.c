
/* sources: base/assess_cursor.c base/assess_base.c */
/* libs: -lm */

/*
 * Any text as what a client brings back: of a list newest first, of one by
 * name, of a stream.  What is taken is what was given out: it is written again
 * as it came.
 */

#include "base/assess_cursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
same(const assess_str_t *a, const assess_str_t *b)
{
    if (a->len != b->len || memcmp(a->data, b->data, a->len) != 0) {
        abort();
    }
}


/* A number may have come with zeros before it. */

static void
same_time(assess_arena_t *arena, const assess_str_t *text, int64_t us,
    const char *id)
{
    int64_t       again;
    char          other[ASSESS_UUID_LEN + 1];
    assess_err_t  err;
    assess_str_t  written;

    if (us < 0 || !assess_uuid_valid(id, strlen(id))
        || assess_cursor_write(arena, &written, us, id) != 0
        || written.len > text->len
        || assess_cursor_read(&written, &again, other, &err) != ASSESS_OK
        || again != us || strcmp(other, id) != 0)
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char             id[ASSESS_UUID_LEN + 1];
    char             digits[24];
    char            *copy;
    int64_t          us;
    uint64_t         event;
    assess_err_t     err;
    assess_str_t     text, name, written;
    assess_arena_t  *arena;

    /* a block of its own exact size, so that a read past it is seen */

    copy = calloc(1, size ? size : 1);
    arena = assess_arena_create();

    if (copy == NULL || arena == NULL) {
        free(copy);
        assess_arena_destroy(arena);
        return 0;
    }

    if (size) {
        memcpy(copy, data, size);
    }

    text.data = copy;
    text.len = size;

    if (assess_cursor_read(&text, &us, id, &err) == ASSESS_OK) {
        same_time(arena, &text, us, id);
    }

    if (assess_cursor_read_name(arena, &text, &name, &err) == ASSESS_OK) {

        if (!assess_name_storable(&name, 64)
            || assess_cursor_write_name(arena, &written, &name) != 0)
        {
            abort();
        }

        same(&written, &text);
    }

    if (assess_cursor_event(&text, &event) == 0) {

        (void) snprintf(digits, sizeof(digits), "%0*llu", (int) size,
                        (unsigned long long) event);
        written.data = digits;
        written.len = strlen(digits);
        same(&written, &text);
    }

    assess_arena_destroy(arena);
    free(copy);

    return 0;
}
