
#include "assess_zip.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>


/*
 * A document of a thousand slides has some ten thousand parts, and its texts
 * are packed to a tenth.  What goes beyond is made to take time and memory.
 */
#define ASSESS_ZIP_PARTS     20000
#define ASSESS_ZIP_PART      (256u * 1024 * 1024)    /* bytes, unpacked */
#define ASSESS_ZIP_ALL       (512u * 1024 * 1024)
#define ASSESS_ZIP_SMALL     (16u * 1024 * 1024)

/* XML of a large table is packed to a hundredth at best, a bomb to a thousandth */
#define ASSESS_ZIP_RATIO     200

#define ASSESS_ZIP_PIECE     32768


struct assess_zip_s {
    zip_t     *zip;
    int        parts;
    uint64_t   unpacked;
};


/* By what the archive says of a part, before any of it is unpacked */

static int
assess_zip_bomb(const zip_stat_t *st)
{
    return (st->valid & ZIP_STAT_SIZE)
           && (st->size > ASSESS_ZIP_PART
               || (st->size > ASSESS_ZIP_SMALL
                   && (st->valid & ZIP_STAT_COMP_SIZE)
                   && st->size / ASSESS_ZIP_RATIO > st->comp_size));
}


static assess_why_e
assess_zip_why(const zip_error_t *err)
{
    switch (zip_error_code_zip(err)) {

    case ZIP_ER_MEMORY:
        return ASSESS_WHY_MEMORY;

    case ZIP_ER_NOPASSWD:
    case ZIP_ER_WRONGPASSWD:
    case ZIP_ER_ENCRNOTSUPP:
        return ASSESS_WHY_ENCRYPTED;

    default:
        return ASSESS_WHY_DAMAGED;
    }
}


assess_why_e
assess_zip_open(const char *data, size_t len, assess_zip_t **out)
{
    zip_error_t    err;
    zip_int64_t    parts;
    assess_why_e   why;
    zip_source_t  *source;
    assess_zip_t  *zip;

    zip = calloc(1, sizeof(assess_zip_t));
    if (zip == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    zip_error_init(&err);

    source = zip_source_buffer_create(data, len, 0, &err);

    if (source) {
        zip->zip = zip_open_from_source(source, ZIP_RDONLY, &err);
    }

    if (zip->zip == NULL) {
        why = assess_zip_why(&err);
        zip_source_free(source);
        free(zip);
        return why;
    }

    parts = zip_get_num_entries(zip->zip, 0);

    if (parts > ASSESS_ZIP_PARTS) {
        assess_zip_close(zip);
        return ASSESS_WHY_UNPACKED;
    }

    zip->parts = (int) parts;
    *out = zip;

    return ASSESS_WHY_NONE;
}


void
assess_zip_close(assess_zip_t *zip)
{
    zip_discard(zip->zip);
    free(zip);
}


int
assess_zip_find(assess_zip_t *zip, const char *name)
{
    return (int) zip_name_locate(zip->zip, name, ZIP_FL_NOCASE);
}


int
assess_zip_parts(assess_zip_t *zip)
{
    return zip->parts;
}


const char *
assess_zip_name(assess_zip_t *zip, int part)
{
    return zip_get_name(zip->zip, (zip_uint64_t) part, 0);
}


/* What an archive says of a size may be a lie, and then no more is read */

assess_why_e
assess_zip_unpack(assess_zip_t *zip, int part,
    assess_why_e (*take)(void *ctx, const char *data, size_t len), void *ctx)
{
    char           piece[ASSESS_ZIP_PIECE];
    uint64_t       size;
    zip_file_t    *file;
    zip_stat_t     st;
    zip_int64_t    n;
    assess_why_e   why;

    if (part < 0
        || zip_stat_index(zip->zip, (zip_uint64_t) part, 0, &st) != 0)
    {
        return ASSESS_WHY_DAMAGED;
    }

    if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD)
        && st.encryption_method != ZIP_EM_NONE)
    {
        return ASSESS_WHY_ENCRYPTED;
    }

    if (assess_zip_bomb(&st)) {
        return ASSESS_WHY_UNPACKED;
    }

    file = zip_fopen_index(zip->zip, (zip_uint64_t) part, 0);
    if (file == NULL) {
        return assess_zip_why(zip_get_error(zip->zip));
    }

    size = 0;
    why = ASSESS_WHY_NONE;

    while (why == ASSESS_WHY_NONE) {

        n = zip_fread(file, piece, sizeof(piece));

        if (n < 0) {
            why = assess_zip_why(zip_file_get_error(file));
            break;
        }

        if (n == 0) {
            break;
        }

        size += (uint64_t) n;
        zip->unpacked += (uint64_t) n;

        why = size > ASSESS_ZIP_PART || zip->unpacked > ASSESS_ZIP_ALL
              || ((st.valid & ZIP_STAT_SIZE) && size > st.size)
              ? ASSESS_WHY_UNPACKED : take(ctx, piece, (size_t) n);
    }

    (void) zip_fclose(file);

    return why;
}


static assess_why_e
assess_zip_keep(void *ctx, const char *data, size_t len)
{
    assess_buf_t *text = ctx;

    if (text->len + len > ASSESS_ZIP_SMALL) {
        return ASSESS_WHY_UNPACKED;
    }

    assess_buf_add(text, data, len);

    return text->failed ? ASSESS_WHY_MEMORY : ASSESS_WHY_NONE;
}


assess_why_e
assess_zip_read(assess_zip_t *zip, int part, assess_buf_t *text)
{
    memset(text, 0, sizeof(assess_buf_t));

    return assess_zip_unpack(zip, part, assess_zip_keep, text);
}
