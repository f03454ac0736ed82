
/*
 * Which kind of office document it is, is told by its main part, not by the
 * name under which it came.
 */

#include "assess_html.h"
#include "assess_office.h"
#include "assess_old.h"

#include <stdio.h>
#include <string.h>


typedef struct {
    const char  *id;
    const char  *type;
    char         target[ASSESS_OFFICE_NAME];
    int          found;
} assess_office_search_t;


static void assess_office_prepare(void);
static assess_why_e assess_office_read(assess_out_t *out);
static assess_why_e assess_office_archive(assess_zip_t *zip,
    assess_out_t *out);
static assess_why_e assess_office_old(assess_out_t *out, const char *data,
    size_t len);


const assess_reader_t  assess_reader_office = {
    "office", assess_office_prepare, assess_office_read
};


static void
assess_office_prepare(void)
{
    /* a book is made of pages of HTML */

    assess_html_prepare();
}


static assess_why_e
assess_office_read(assess_out_t *out)
{
    return assess_office_memory(out, out->data, out->len);
}


assess_why_e
assess_office_memory(assess_out_t *out, const char *data, size_t len)
{
    assess_why_e   why;
    assess_zip_t  *zip;

    if (len >= sizeof(ASSESS_OLE_MAGIC) - 1
        && memcmp(data, ASSESS_OLE_MAGIC, sizeof(ASSESS_OLE_MAGIC) - 1) == 0)
    {
        return assess_office_old(out, data, len);
    }

    why = assess_zip_open(data, len, &zip);

    if (why == ASSESS_WHY_NONE) {
        why = assess_office_archive(zip, out);
        assess_zip_close(zip);
    }

    return why;
}


static assess_why_e
assess_office_archive(assess_zip_t *zip, assess_out_t *out)
{
    int           part;
    size_t        i;
    char          name[ASSESS_OFFICE_NAME], type[128];
    assess_buf_t  mimetype;
    assess_why_e  why;

    static const struct {
        const char    *part;
        assess_why_e (*read)(assess_zip_t *zip, assess_out_t *out);
    } kinds[] = {
        { "word/", assess_word_read },
        { "xl/", assess_sheets_read },
        { "ppt/", assess_slides_read }
    };

    part = assess_zip_find(zip, "mimetype");

    if (part != -1) {

        why = assess_zip_read(zip, part, &mimetype);

        if (why != ASSESS_WHY_NONE) {
            return why;
        }

        (void) snprintf(type, sizeof(type), "%s",
                        mimetype.len ? mimetype.data : "");
        assess_buf_free(&mimetype);

        if (strstr(type, "opendocument")) {
            return assess_odf_read(zip, type, out);
        }
    }

    if (assess_zip_find(zip, "META-INF/container.xml") != -1) {
        return assess_epub_read(zip, out);
    }

    if (assess_office_related(zip, "", NULL, "/officeDocument", name) == -1) {
        return ASSESS_WHY_DAMAGED;
    }

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncasecmp(name, kinds[i].part, strlen(kinds[i].part)) == 0) {
            return kinds[i].read(zip, out);
        }
    }

    return ASSESS_WHY_DAMAGED;
}


/* Such a file also is what an archive is put into when it gets a password. */

static assess_why_e
assess_office_old(assess_out_t *out, const char *data, size_t len)
{
    size_t         i;
    assess_why_e   why;
    assess_ole_t  *ole;

    static const struct {
        const char    *stream;
        assess_why_e (*read)(assess_ole_t *ole, assess_out_t *out);
    } kinds[] = {
        { "WordDocument", assess_doc_read },
        { "Workbook", assess_xls_read },
        { "Book", assess_xls_read }
    };

    why = assess_ole_open(data, len, &ole);

    if (why != ASSESS_WHY_NONE) {
        return why;
    }

    why = assess_ole_find(ole, "EncryptedPackage") == -1
          ? ASSESS_WHY_OLD : ASSESS_WHY_ENCRYPTED;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (assess_ole_find(ole, kinds[i].stream) != -1) {
            why = kinds[i].read(ole, out);
            break;
        }
    }

    assess_ole_close(ole);

    return why;
}


static void
assess_office_relation(void *ctx, assess_xml_t *xml, const char *name)
{
    assess_office_search_t *search = ctx;

    size_t  n, len;
    char    value[ASSESS_OFFICE_NAME];

    if (strcmp(name, "Relationship") != 0 || search->found) {
        return;
    }

    if (search->id) {
        (void) assess_xml_value(xml, "Id", value, sizeof(value));
        search->found = strcmp(value, search->id) == 0;

    } else {
        (void) assess_xml_value(xml, "Type", value, sizeof(value));
        len = strlen(value);
        n = strlen(search->type);
        search->found = len >= n && strcmp(value + len - n, search->type) == 0;
    }

    if (!search->found) {
        return;
    }

    /* what lies outside is nobody's to fetch */

    (void) assess_xml_value(xml, "TargetMode", value, sizeof(value));

    if (strcmp(value, "External") == 0) {
        search->found = 0;
        return;
    }

    (void) assess_xml_value(xml, "Target", search->target,
                            sizeof(search->target));
    assess_xml_stop(xml, ASSESS_WHY_NONE);
}


/* The folder of a name and another one behind it; -1: too long */

static int
assess_office_join(const char *from, size_t folder, const char *name,
    char out[ASSESS_OFFICE_NAME])
{
    size_t  len;

    len = strlen(name);

    if (folder + len >= ASSESS_OFFICE_NAME) {
        return -1;
    }

    memcpy(out, from, folder);
    memcpy(out + folder, name, len + 1);

    return 0;
}


int
assess_office_resolve(const char *from, const char *target,
    char name[ASSESS_OFFICE_NAME])
{
    size_t       n;
    const char  *slash;

    if (target[0] == '/') {
        return assess_office_join("", 0, target + 1, name);
    }

    slash = strrchr(from, '/');
    n = slash ? (size_t) (slash - from) + 1 : 0;

    for ( ;; ) {

        if (strncmp(target, "./", 2) == 0) {
            target += 2;
            continue;
        }

        if (strncmp(target, "../", 3) != 0) {
            break;
        }

        target += 3;

        if (n) {
            for (n--; n && from[n - 1] != '/'; n--) { /* void */ }
        }
    }

    return assess_office_join(from, n, target, name);
}


int
assess_office_related(assess_zip_t *zip, const char *from, const char *id,
    const char *type, char name[ASSESS_OFFICE_NAME])
{
    int                      part;
    size_t                   folder;
    char                     rels[ASSESS_OFFICE_NAME + 16];
    const char              *slash;
    assess_office_search_t   search;

    static const assess_xml_calls_t  calls = {
        .start = assess_office_relation
    };

    slash = strrchr(from, '/');
    folder = slash ? (size_t) (slash - from) + 1 : 0;

    (void) snprintf(rels, sizeof(rels), "%.*s_rels/%.*s.rels", (int) folder,
                    from, (int) (ASSESS_OFFICE_NAME - folder), from + folder);

    part = assess_zip_find(zip, rels);
    if (part == -1) {
        return -1;
    }

    memset(&search, 0, sizeof(search));
    search.id = id;
    search.type = type;

    if (assess_xml_part(zip, part, &calls, &search) != ASSESS_WHY_NONE
        || !search.found)
    {
        return -1;
    }

    return assess_office_resolve(from, search.target, name) == 0
           ? assess_zip_find(zip, name) : -1;
}
