
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
    const char    *id;
    const char    *type;
    char           target[ASSESS_OFFICE_NAME];
    int            found;
    assess_buf_t  *all;                 /* targets, each with its NUL */
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

    search->found = 0;

    /* what lies outside is nobody's to fetch */

    (void) assess_xml_value(xml, "TargetMode", value, sizeof(value));

    if (strcmp(value, "External") == 0) {
        return;
    }

    (void) assess_xml_value(xml, "Target", search->target,
                            sizeof(search->target));

    if (search->all) {
        assess_buf_add(search->all, search->target,
                       strlen(search->target) + 1);
        return;
    }

    search->found = 1;
    assess_xml_stop(xml, ASSESS_WHY_NONE);
}


/* One step of a path is taken on a name of n bytes: how long it is then. */

static size_t
assess_office_step(char *name, size_t n, const char *step, size_t len)
{
    if (len == 1 && step[0] == '.') {
        return n;
    }

    if (len == 2 && step[0] == '.' && step[1] == '.') {

        if (n) {
            for (n--; n && name[n - 1] != '/'; n--) { /* void */ }
        }

        return n;
    }

    memcpy(name + n, step, len);

    return n + len;
}


int
assess_office_resolve(const char *from, const char *target,
    char name[ASSESS_OFFICE_NAME])
{
    size_t       n, len;
    const char  *slash;

    slash = target[0] == '/' ? NULL : strrchr(from, '/');
    n = slash ? (size_t) (slash - from) + 1 : 0;

    if (n + strlen(target) >= ASSESS_OFFICE_NAME) {
        return -1;
    }

    memcpy(name, from, n);

    for ( ;; ) {

        while (*target == '/') {
            target++;
        }

        len = strcspn(target, "/");
        n = assess_office_step(name, n, target, len);
        target += len;

        if (*target == '\0') {
            break;
        }

        if (n && name[n - 1] != '/') {
            name[n++] = '/';
        }
    }

    name[n] = '\0';

    return 0;
}


/* The part with the relations of the one named from, or -1 */

static int
assess_office_relations(assess_zip_t *zip, const char *from)
{
    char         rels[ASSESS_OFFICE_NAME + 16];
    size_t       folder;
    const char  *slash;

    slash = strrchr(from, '/');
    folder = slash ? (size_t) (slash - from) + 1 : 0;

    (void) snprintf(rels, sizeof(rels), "%.*s_rels/%.*s.rels", (int) folder,
                    from, (int) (ASSESS_OFFICE_NAME - folder), from + folder);

    return assess_zip_find(zip, rels);
}


static const assess_xml_calls_t  assess_office_calls = {
    .start = assess_office_relation
};


int
assess_office_related(assess_zip_t *zip, const char *from, const char *id,
    const char *type, char name[ASSESS_OFFICE_NAME])
{
    int                      part;
    assess_office_search_t   search;

    part = assess_office_relations(zip, from);
    if (part == -1) {
        return -1;
    }

    memset(&search, 0, sizeof(search));
    search.id = id;
    search.type = type;

    if (assess_xml_part(zip, part, &assess_office_calls, &search)
        != ASSESS_WHY_NONE
        || !search.found)
    {
        return -1;
    }

    return assess_office_resolve(from, search.target, name) == 0
           ? assess_zip_find(zip, name) : -1;
}


assess_why_e
assess_office_each(assess_zip_t *zip, const char *from, const char *type,
    assess_why_e (*each)(void *ctx, int part), void *ctx)
{
    int                      part;
    char                     name[ASSESS_OFFICE_NAME];
    size_t                   at;
    assess_buf_t             targets;
    assess_why_e             why;
    assess_office_search_t   search;

    part = assess_office_relations(zip, from);
    if (part == -1) {
        return ASSESS_WHY_NONE;
    }

    memset(&targets, 0, sizeof(targets));
    memset(&search, 0, sizeof(search));
    search.type = type;
    search.all = &targets;

    why = assess_xml_part(zip, part, &assess_office_calls, &search);

    if (why == ASSESS_WHY_NONE && targets.failed) {
        why = ASSESS_WHY_MEMORY;
    }

    for (at = 0; at < targets.len && why == ASSESS_WHY_NONE;
         at += strlen(targets.data + at) + 1)
    {
        if (assess_office_resolve(from, targets.data + at, name) != 0) {
            continue;
        }

        part = assess_zip_find(zip, name);

        if (part != -1) {
            why = each(ctx, part);
        }
    }

    assess_buf_free(&targets);

    return why;
}
