
/*
 * The streams of an old office document in the clear, since a file system
 * around them cannot be changed a little.
 */

#ifndef FUZZ_STREAMS_H
#define FUZZ_STREAMS_H


#include "extract/assess_old.h"
#include "out.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    const char  *name;
    const char  *data;
    size_t       len;
} stream_t;

struct assess_ole_s {
    stream_t  streams[3];
    int       n;
};


uint32_t
assess_ole_u16(const char *p)
{
    const unsigned char  *u = (const unsigned char *) p;

    return (uint32_t) u[0] | (uint32_t) u[1] << 8;
}


uint32_t
assess_ole_u32(const char *p)
{
    return assess_ole_u16(p) | assess_ole_u16(p + 2) << 16;
}


int
assess_ole_find(const assess_ole_t *ole, const char *name)
{
    int  i;

    for (i = 0; i < ole->n; i++) {
        if (strcmp(ole->streams[i].name, name) == 0) {
            return i;
        }
    }

    return -1;
}


/* A block of its own exact size, so that a read past it is seen. */

assess_why_e
assess_ole_read(assess_ole_t *ole, int stream, assess_buf_t *out)
{
    const stream_t  *s;

    memset(out, 0, sizeof(assess_buf_t));

    if (stream < 0 || stream >= ole->n) {
        return ASSESS_WHY_DAMAGED;
    }

    s = &ole->streams[stream];

    if (s->len) {

        out->data = malloc(s->len);
        if (out->data == NULL) {
            return ASSESS_WHY_MEMORY;
        }

        memcpy(out->data, s->data, s->len);
        out->len = out->size = s->len;
    }

    return ASSESS_WHY_NONE;
}


/* each byte of it is there, and none is what would end a page */

void
assess_out_text(assess_out_t *out, const char *text, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (text[i] == '\f' || text[i] == '\0') {
            abort();
        }
    }

    out->bytes += (int64_t) len;
}


#endif /* FUZZ_STREAMS_H */
