/* sources: extract/assess_office.c extract/assess_word.c
   extract/assess_sheets.c extract/assess_cells.c extract/assess_slides.c
   extract/assess_odf.c extract/assess_epub.c extract/assess_html.c
   extract/assess_charset.c extract/assess_guess.c extract/assess_xml.c
   extract/assess_flow.c extract/assess_drawing.c
   extract/assess_ole.c extract/assess_doc.c extract/assess_doc_props.c
   extract/assess_doc_styles.c extract/assess_xls.c
   extract/assess_rtf_charset.c base/assess_base.c */
/* libs: -I/usr/include/libxml2 -lxml2 -lm -Wl,--wrap=malloc
   -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free */

/*
 * The parts of an office document in the clear, since what is packed cannot be
 * changed a little: each is a byte 1, its name, a line end, and its content.
 * The archive is that of zip.c.
 *
 * A reader leaves its memory to the end of its process: here it is taken back.
 */

#include "extract/assess_office.h"
#include "out.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>


#define PARTS   64
#define BLOCKS  4096


typedef struct {
    char         name[ASSESS_OFFICE_NAME];
    const char  *data;
    size_t       len;
} part_t;

struct assess_zip_s {
    part_t  parts[PARTS];
    int     n;
};


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);


static struct assess_zip_s  archive;
static void                *blocks[BLOCKS];
static size_t               nblocks;
static int                  inside;


static void *
keep(void *p)
{
    if (inside && p) {

        if (nblocks == BLOCKS) {
            abort();
        }

        blocks[nblocks++] = p;
    }

    return p;
}


static void
forget(void *p)
{
    size_t  i;

    for (i = nblocks; inside && i > 0; i--) {
        if (blocks[i - 1] == p) {
            blocks[i - 1] = blocks[--nblocks];
            return;
        }
    }
}


void *
__wrap_malloc(size_t size)
{
    return keep(__real_malloc(size));
}


void *
__wrap_calloc(size_t n, size_t size)
{
    return keep(__real_calloc(n, size));
}


void *
__wrap_realloc(void *p, size_t size)
{
    forget(p);

    return keep(__real_realloc(p, size));
}


void
__wrap_free(void *p)
{
    forget(p);
    __real_free(p);
}


assess_why_e
assess_zip_open(const char *data, size_t len, assess_zip_t **zip)
{
    part_t      *part;
    const char  *p, *end, *name, *line;

    end = data + len;
    archive.n = 0;

    for (p = data; p < end && archive.n < PARTS; p = line) {

        if (*p != 1) {
            return ASSESS_WHY_DAMAGED;
        }

        name = p + 1;
        line = memchr(name, '\n', (size_t) (end - name));

        if (line == NULL || line - name >= ASSESS_OFFICE_NAME) {
            return ASSESS_WHY_DAMAGED;
        }

        part = &archive.parts[archive.n++];

        memcpy(part->name, name, (size_t) (line - name));
        part->name[line - name] = '\0';

        part->data = ++line;

        p = memchr(line, 1, (size_t) (end - line));
        line = p ? p : end;
        part->len = (size_t) (line - part->data);
    }

    *zip = &archive;

    return ASSESS_WHY_NONE;
}


void
assess_zip_close(assess_zip_t *zip)
{
    zip->n = 0;
}


int
assess_zip_parts(assess_zip_t *zip)
{
    return zip->n;
}


int
assess_zip_find(assess_zip_t *zip, const char *name)
{
    int  i;

    for (i = 0; i < zip->n; i++) {
        if (strcasecmp(zip->parts[i].name, name) == 0) {
            return i;
        }
    }

    return -1;
}


/* In pieces, as it comes of an archive */

assess_why_e
assess_zip_unpack(assess_zip_t *zip, int part,
    assess_why_e (*take)(void *ctx, const char *data, size_t len), void *ctx)
{
    size_t         at, n;
    assess_why_e   why;
    const part_t  *p;

    if (part < 0 || part >= zip->n) {
        return ASSESS_WHY_DAMAGED;
    }

    p = &zip->parts[part];
    why = ASSESS_WHY_NONE;

    for (at = 0; at < p->len && why == ASSESS_WHY_NONE; at += n) {
        n = p->len - at < 100 ? p->len - at : 100;
        why = take(ctx, p->data + at, n);
    }

    return why;
}


static assess_why_e
add(void *ctx, const char *data, size_t len)
{
    assess_buf_add(ctx, data, len);

    return ASSESS_WHY_NONE;
}


assess_why_e
assess_zip_read(assess_zip_t *zip, int part, assess_buf_t *text)
{
    memset(text, 0, sizeof(assess_buf_t));

    return assess_zip_unpack(zip, part, add, text);
}


void
assess_out_text(assess_out_t *out, const char *text, size_t len)
{
    size_t  i;

    /* each byte of it is there, and none is what would end a page */

    for (i = 0; i < len; i++) {
        if (text[i] == '\f' || text[i] == '\0') {
            abort();
        }
    }

    out->bytes += (int64_t) len;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int           prepared;
    static assess_out_t  out;

    if (!prepared) {
        assess_reader_office.prepare();
        prepared = 1;
    }

    out.data = (const char *) data;
    out.len = size;
    out.page = 0;

    inside = 1;

    if (assess_reader_office.read(&out) >= ASSESS_WHY_MAX) {
        abort();
    }

    while (nblocks) {
        __real_free(blocks[--nblocks]);
    }

    inside = 0;

    return 0;
}
