
/* sources: engine/assess_multipart.c base/assess_base.c */
/* libs: -lm */

/*
 * The first line is the Content-Type, the rest the body.  Whole and byte by
 * byte it must be the same to the last byte.
 */

#include "engine/assess_multipart.h"

#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static assess_err_e
on_begin(void *ctx, const assess_part_t *part, assess_err_t *err)
{
    (void) err;

    assess_buf_json_str(ctx, &part->name);
    assess_buf_json_str(ctx, &part->filename);
    assess_buf_json_str(ctx, &part->content_type);

    return ASSESS_OK;
}


static assess_err_e
on_data(void *ctx, const char *data, size_t len, int64_t offset,
    assess_err_t *err)
{
    size_t  i;

    (void) err;

    for (i = 0; i < len; i++) {
        assess_buf_printf(ctx, "%lld:%02x", (long long) offset + (int) i,
                          (unsigned char) data[i]);
    }

    return ASSESS_OK;
}


static assess_err_e
on_end(void *ctx, assess_err_t *err)
{
    (void) err;

    assess_buf_str(ctx, "end");

    return ASSESS_OK;
}


static void
run(const assess_str_t *boundary, const char *body, size_t len, size_t piece,
    assess_buf_t *said)
{
    size_t                  i, n;
    assess_err_e            rc;
    assess_err_t            err;
    assess_arena_t         *arena;
    assess_multipart_t     *mp;
    assess_multipart_cb_t   cb = { on_begin, on_data, on_end, said };

    arena = assess_arena_create();
    mp = assess_multipart_create(arena, boundary, &cb);
    rc = ASSESS_OK;

    for (i = 0; i < len && rc == ASSESS_OK; i += n) {
        n = len - i < piece ? len - i : piece;
        rc = assess_multipart_feed(mp, body + i, n, &err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_multipart_finish(mp, &err);
    }

    assess_buf_printf(said, "=%d %s", (int) rc, rc ? err.message : "");
    assess_arena_destroy(arena);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char    *line;
    assess_err_t   err;
    assess_str_t   type, boundary;
    assess_buf_t   whole, bytes;

    line = size ? memchr(data, '\n', size) : NULL;

    if (line == NULL) {
        return 0;
    }

    type.data = (char *) data;
    type.len = (size_t) (line - type.data);

    if (assess_multipart_boundary(&type, &boundary, &err) != ASSESS_OK) {
        return 0;
    }

    memset(&whole, 0, sizeof(whole));
    memset(&bytes, 0, sizeof(bytes));

    line++;
    size -= (size_t) (line - type.data);

    run(&boundary, line, size, size, &whole);
    run(&boundary, line, size, 1, &bytes);

    if (whole.failed || bytes.failed || whole.len != bytes.len
        || memcmp(whole.data, bytes.data, whole.len) != 0)
    {
        abort();
    }

    assess_buf_free(&whole);
    assess_buf_free(&bytes);

    return 0;
}
