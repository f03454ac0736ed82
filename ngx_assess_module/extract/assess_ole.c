
/*
 * A compound file is a small file system: sectors in chains, of which a table
 * (FAT) says which follows which, a directory, and a chain of small sectors for
 * small streams.  A chain without end is a damaged one.
 */

#include "assess_ole.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>


#define ASSESS_OLE_HEADER     512
#define ASSESS_OLE_DIFAT      109       /* sectors of the FAT in the header */
#define ASSESS_OLE_END        0xfffffffe
#define ASSESS_OLE_ENTRY      128       /* of the directory */
#define ASSESS_OLE_NONE       0xffffffff
#define ASSESS_OLE_MINI       6         /* 64 bytes, as a power of 2 */
#define ASSESS_OLE_CUTOFF     4096      /* smaller streams are in those */
#define ASSESS_OLE_WHOLE      UINT64_MAX
#define ASSESS_OLE_NAME       32        /* characters, a zero counted */

/* of an entry: what it is */
#define ASSESS_OLE_STREAM     2
#define ASSESS_OLE_ROOT       5


/* Sectors of one size, and which follows which. */
typedef struct {
    const char      *data;
    size_t           len;
    unsigned         shift;             /* their size, as a power of 2 */
    size_t           head;              /* bytes before the first one */
    size_t           n;                 /* the last may be cut off */
    const uint32_t  *next;              /* of those up to nnext */
    size_t           nnext;
} assess_ole_sectors_t;


struct assess_ole_s {
    assess_ole_sectors_t   large;
    assess_ole_sectors_t   small;
    assess_buf_t           fat;         /* uint32_t of each sector */
    assess_buf_t           mini_fat;
    assess_buf_t           mini;        /* the small sectors */
    assess_buf_t           directory;
    size_t                 entries;
    unsigned               version;
    uint32_t              *top;         /* entries at the top */
    size_t                 ntop;
};


static assess_why_e assess_ole_start(assess_ole_t *ole, const char *data,
    size_t len);
static assess_why_e assess_ole_fat(assess_ole_t *ole);
static assess_why_e assess_ole_part(assess_ole_t *ole, uint32_t sector);
static assess_why_e assess_ole_chain(const assess_ole_sectors_t *sectors,
    uint32_t sector, uint64_t size, assess_buf_t *out);
static assess_why_e assess_ole_top(assess_ole_t *ole);
static assess_why_e assess_ole_small(assess_ole_t *ole);
static void assess_ole_table(assess_ole_sectors_t *sectors, assess_buf_t *fat);
static const char *assess_ole_entry(const assess_ole_t *ole, size_t i);
static uint64_t assess_ole_size(const assess_ole_t *ole, const char *entry);


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


assess_why_e
assess_ole_open(const char *data, size_t len, assess_ole_t **ole)
{
    assess_why_e  why;

    *ole = calloc(1, sizeof(assess_ole_t));

    if (*ole == NULL) {
        return ASSESS_WHY_MEMORY;
    }

    why = assess_ole_start(*ole, data, len);

    if (why != ASSESS_WHY_NONE) {
        assess_ole_close(*ole);
        *ole = NULL;
    }

    return why;
}


void
assess_ole_close(assess_ole_t *ole)
{
    assess_buf_free(&ole->fat);
    assess_buf_free(&ole->mini_fat);
    assess_buf_free(&ole->mini);
    assess_buf_free(&ole->directory);
    free(ole->top);
    free(ole);
}


/* 2.2: sectors have 512 bytes in version 3 and 4096 in version 4 */

static assess_why_e
assess_ole_start(assess_ole_t *ole, const char *data, size_t len)
{
    assess_why_e           why;
    assess_ole_sectors_t  *large;

    if (len < ASSESS_OLE_HEADER
        || memcmp(data, ASSESS_OLE_MAGIC, sizeof(ASSESS_OLE_MAGIC) - 1) != 0)
    {
        return ASSESS_WHY_DAMAGED;
    }

    large = &ole->large;
    ole->version = assess_ole_u16(data + 0x1a);

    large->data = data;
    large->len = len;
    large->shift = assess_ole_u16(data + 0x1e);

    if ((large->shift != 9 && large->shift != 12)
        || assess_ole_u16(data + 0x20) != ASSESS_OLE_MINI
        || assess_ole_u32(data + 0x38) != ASSESS_OLE_CUTOFF)
    {
        return ASSESS_WHY_DAMAGED;
    }

    large->head = (size_t) 1 << large->shift;

    if (len <= large->head) {
        return ASSESS_WHY_DAMAGED;
    }

    large->n = (len - large->head + large->head - 1) >> large->shift;

    why = assess_ole_fat(ole);

    if (why == ASSESS_WHY_NONE) {
        why = assess_ole_chain(large, assess_ole_u32(data + 0x30),
                               ASSESS_OLE_WHOLE, &ole->directory);
    }

    if (why == ASSESS_WHY_NONE) {
        ole->entries = ole->directory.len / ASSESS_OLE_ENTRY;
        why = assess_ole_top(ole);
    }

    if (why == ASSESS_WHY_NONE) {
        why = assess_ole_small(ole);
    }

    return why;
}


/*
 * The table lies in sectors, too; of those the first are named in the header,
 * and more in a chain of sectors whose last number is the next one of them.
 */

static assess_why_e
assess_ole_fat(assess_ole_t *ole)
{
    size_t        i, steps, offset, per;
    uint32_t      sector;
    assess_why_e  why;
    const char   *data;

    data = ole->large.data;
    per = ((size_t) 1 << ole->large.shift) / sizeof(uint32_t) - 1;

    for (i = 0; i < ASSESS_OLE_DIFAT; i++) {

        why = assess_ole_part(ole, assess_ole_u32(data + 0x4c + i * 4));

        if (why != ASSESS_WHY_NONE) {
            return why;
        }
    }

    sector = assess_ole_u32(data + 0x44);

    for (steps = 0; sector < ASSESS_OLE_END; steps++) {

        offset = ole->large.head + ((size_t) sector << ole->large.shift);

        if (sector >= ole->large.n || steps >= ole->large.n
            || ole->large.len - offset < ole->large.head)
        {
            return ASSESS_WHY_DAMAGED;
        }

        for (i = 0; i < per; i++) {

            why = assess_ole_part(ole, assess_ole_u32(data + offset + i * 4));

            if (why != ASSESS_WHY_NONE) {
                return why;
            }
        }

        sector = assess_ole_u32(data + offset + per * 4);
    }

    assess_ole_table(&ole->large, &ole->fat);

    return ASSESS_WHY_NONE;
}


/* One sector of the table; there are no more of it than are needed. */

static assess_why_e
assess_ole_part(assess_ole_t *ole, uint32_t sector)
{
    size_t                       offset, size, n;
    const assess_ole_sectors_t  *large;

    large = &ole->large;
    size = (size_t) 1 << large->shift;

    if (sector >= ASSESS_OLE_END || ole->fat.len / sizeof(uint32_t) >= large->n)
    {
        return ASSESS_WHY_NONE;
    }

    if (sector >= large->n) {
        return ASSESS_WHY_DAMAGED;
    }

    offset = large->head + ((size_t) sector << large->shift);
    n = large->len - offset;

    assess_buf_add(&ole->fat, large->data + offset, n < size ? n : size);

    return ole->fat.failed ? ASSESS_WHY_MEMORY : ASSESS_WHY_NONE;
}


/* The bytes of the file become numbers of this machine, where they are. */

static void
assess_ole_table(assess_ole_sectors_t *sectors, assess_buf_t *fat)
{
    size_t    i, n;
    uint32_t  value;

    n = fat->len / sizeof(uint32_t);

    for (i = 0; i < n; i++) {
        value = assess_ole_u32(fat->data + i * sizeof(uint32_t));
        memcpy(fat->data + i * sizeof(uint32_t), &value, sizeof(uint32_t));
    }

    sectors->next = (const uint32_t *) (const void *) fat->data;
    sectors->nnext = n;
}


/*
 * So many bytes of a chain, or all of it.  What says that it is longer than it
 * is, or than the file, was cut off.  One that comes back to where it was goes
 * in a circle: that is looked at from 1, 2, 4, ... steps on.
 */

static assess_why_e
assess_ole_chain(const assess_ole_sectors_t *sectors, uint32_t sector,
    uint64_t size, assess_buf_t *out)
{
    size_t    n, offset, step, steps;
    uint32_t  been;

    step = (size_t) 1 << sectors->shift;
    been = ASSESS_OLE_NONE;

    if (size != ASSESS_OLE_WHOLE && size > sectors->len) {
        return ASSESS_WHY_DAMAGED;
    }

    for (steps = 0; size; steps++) {

        if (size == ASSESS_OLE_WHOLE && sector == ASSESS_OLE_END) {
            break;
        }

        if (sector >= sectors->n || sector == been) {
            return ASSESS_WHY_DAMAGED;
        }

        if ((steps & (steps - 1)) == 0) {
            been = sector;
        }

        offset = sectors->head + ((size_t) sector << sectors->shift);
        n = sectors->len - offset < step ? sectors->len - offset : step;

        if (size != ASSESS_OLE_WHOLE) {

            if (n < step && n < size) {
                return ASSESS_WHY_DAMAGED;
            }

            if (n > size) {
                n = (size_t) size;
            }

            size -= n;
        }

        assess_buf_add(out, sectors->data + offset, n);

        if (out->failed) {
            return ASSESS_WHY_MEMORY;
        }

        sector = sector < sectors->nnext ? sectors->next[sector]
                                         : ASSESS_OLE_NONE;
    }

    return ASSESS_WHY_NONE;
}


static const char *
assess_ole_entry(const assess_ole_t *ole, size_t i)
{
    return ole->directory.data + i * ASSESS_OLE_ENTRY;
}


/* In version 3 the upper half may be anything (2.6.1). */

static uint64_t
assess_ole_size(const assess_ole_t *ole, const char *entry)
{
    uint64_t  size;

    size = assess_ole_u32(entry + 0x78);

    if (ole->version > 3) {
        size |= (uint64_t) assess_ole_u32(entry + 0x7c) << 32;
    }

    return size;
}


/*
 * What lies at the top is a tree below the first entry.  Each entry is taken
 * once: a tree that goes in circles has an end, too.
 */

static assess_why_e
assess_ole_top(assess_ole_t *ole)
{
    int             side;
    size_t          at;
    char           *seen;
    uint32_t        i;
    const char     *entry;

    static const size_t  sides[] = { 0x44, 0x48 };

    if (ole->entries == 0
        || assess_ole_entry(ole, 0)[0x42] != ASSESS_OLE_ROOT)
    {
        return ASSESS_WHY_DAMAGED;
    }

    ole->top = malloc(ole->entries * sizeof(uint32_t));
    seen = calloc(ole->entries, 1);

    if (ole->top == NULL || seen == NULL) {
        free(seen);
        return ASSESS_WHY_MEMORY;
    }

    seen[0] = 1;
    i = assess_ole_u32(assess_ole_entry(ole, 0) + 0x4c);

    if (i < ole->entries && !seen[i]) {
        seen[i] = 1;
        ole->top[ole->ntop++] = i;
    }

    for (at = 0; at < ole->ntop; at++) {

        entry = assess_ole_entry(ole, ole->top[at]);

        for (side = 0; side < 2; side++) {

            i = assess_ole_u32(entry + sides[side]);

            if (i < ole->entries && !seen[i]) {
                seen[i] = 1;
                ole->top[ole->ntop++] = i;
            }
        }
    }

    free(seen);

    return ASSESS_WHY_NONE;
}


/* The small sectors are the stream of the first entry. */

static assess_why_e
assess_ole_small(assess_ole_t *ole)
{
    uint32_t      first;
    assess_why_e  why;
    const char   *root;

    root = assess_ole_entry(ole, 0);
    first = assess_ole_u32(ole->large.data + 0x3c);

    if (first >= ASSESS_OLE_END || assess_ole_size(ole, root) == 0) {
        return ASSESS_WHY_NONE;
    }

    why = assess_ole_chain(&ole->large, first, ASSESS_OLE_WHOLE,
                           &ole->mini_fat);

    if (why == ASSESS_WHY_NONE) {
        why = assess_ole_chain(&ole->large, assess_ole_u32(root + 0x74),
                               assess_ole_size(ole, root), &ole->mini);
    }

    if (why != ASSESS_WHY_NONE) {
        return why;
    }

    assess_ole_table(&ole->small, &ole->mini_fat);

    ole->small.data = ole->mini.data;
    ole->small.len = ole->mini.len;
    ole->small.shift = ASSESS_OLE_MINI;
    ole->small.n = (ole->mini.len + 63) >> ASSESS_OLE_MINI;

    return ASSESS_WHY_NONE;
}


int
assess_ole_find(const assess_ole_t *ole, const char *name)
{
    size_t       i, j;
    char         ascii[ASSESS_OLE_NAME];
    const char  *entry;

    for (i = 0; i < ole->ntop; i++) {

        entry = assess_ole_entry(ole, ole->top[i]);

        if (entry[0x42] != ASSESS_OLE_STREAM) {
            continue;
        }

        /* another letter than these is none of a name that is looked for */

        for (j = 0; j < ASSESS_OLE_NAME - 1; j++) {
            ascii[j] = entry[j * 2 + 1] ? '?' : entry[j * 2];
        }

        ascii[j] = '\0';

        if (strcasecmp(ascii, name) == 0) {
            return (int) ole->top[i];
        }
    }

    return -1;
}


assess_why_e
assess_ole_read(assess_ole_t *ole, int stream, assess_buf_t *out)
{
    uint64_t     size;
    const char  *entry;

    memset(out, 0, sizeof(assess_buf_t));

    if (stream < 0 || (size_t) stream >= ole->entries) {
        return ASSESS_WHY_DAMAGED;
    }

    entry = assess_ole_entry(ole, (size_t) stream);
    size = assess_ole_size(ole, entry);

    return assess_ole_chain(size < ASSESS_OLE_CUTOFF ? &ole->small
                                                     : &ole->large,
                            assess_ole_u32(entry + 0x74), size, out);
}
