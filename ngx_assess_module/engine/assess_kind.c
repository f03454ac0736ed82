
/* What a document is, told by its first bytes. */

#include "assess_extract.h"

#include <string.h>
#include <strings.h>


#define ASSESS_KIND_PDF_SEARCH  1024    /* where readers look for %PDF- */
#define ASSESS_KIND_OLE         "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#define ASSESS_KIND_OLE_FIRST   512     /* the first bytes of a stream */


/* How the bytes and the client's word go together. */
typedef enum {
    ASSESS_CLAIM_NONE,                  /* says nothing: octet-stream */
    ASSESS_CLAIM_PDF,
    ASSESS_CLAIM_TEXT,                  /* some kind of text */
    ASSESS_CLAIM_MARKDOWN,
    ASSESS_CLAIM_HTML,
    ASSESS_CLAIM_RTF,
    ASSESS_CLAIM_OLD,                   /* what Word or Excel open as theirs */
    ASSESS_CLAIM_MAIL,
    ASSESS_CLAIM_ZIP,                   /* an archive, or an office document */
    ASSESS_CLAIM_IMAGE,
    ASSESS_CLAIM_OTHER                  /* nothing that is read here */
} assess_claim_e;


static const char *assess_kind_of_bytes(assess_claim_e claim,
    const char *head, size_t len, const assess_str_t *type,
    const assess_str_t *filename, assess_kind_e *kind, int *goes);
static assess_kind_e assess_kind_of_text(assess_claim_e claim,
    const char *head, size_t len, const assess_str_t *filename);
static assess_claim_e assess_kind_claim(const assess_str_t *type);
static assess_str_t assess_kind_media_type(const assess_str_t *type);
static int assess_kind_is(const assess_str_t *s, const char *name);
static int assess_kind_named(const assess_str_t *filename,
    const char *extension);
static int assess_kind_pdf(const char *head, size_t len);
static const char *assess_kind_binary(const char *head, size_t len);
static const char *assess_kind_container(const char *head, size_t len);
static int assess_kind_image(const char *name);
static int assess_kind_zip(const char *head, size_t len);
static const char *assess_kind_office(const char *head, size_t len,
    const assess_str_t *type, const assess_str_t *filename,
    assess_kind_e *kind);
static const char *assess_kind_old(const char *head, size_t len,
    const assess_str_t *type, const assess_str_t *filename,
    assess_kind_e *kind);
static int assess_kind_archive(assess_kind_e kind);
static const char *assess_kind_heif(const char *head, size_t len);
static int assess_kind_holds(const char *head, size_t len, const char *word);
static int assess_kind_text(const char *head, size_t len);
static int assess_kind_text16(const char *head, size_t len, int big);
static int assess_kind_html(const char *head, size_t len);
static int assess_kind_mail(const char *head, size_t len, int least);
static size_t assess_kind_skip(const char *head, size_t len, size_t i);


/* First bytes that no text begins with. */

static const struct {
    size_t       offset;
    size_t       len;
    const char  *bytes;
    const char  *name;
} assess_kind_magic[] = {
    { 0, 8, "\x89PNG\r\n\x1a\n", "a PNG image" },
    { 0, 3, "\xff\xd8\xff", "a JPEG image" },
    { 0, 6, "GIF87a", "a GIF image" },
    { 0, 6, "GIF89a", "a GIF image" },
    { 0, 4, "II*\0", "a TIFF image" },
    { 0, 4, "MM\0*", "a TIFF image" },
    { 0, 4, "\0\0\1\0", "an icon" },
    { 0, 12, "\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 image" },
    { 0, 8, ASSESS_KIND_OLE,
      "an old Microsoft Office document of another kind" },
    { 0, 4, "%!PS", "a PostScript document" },
    { 0, 4, "AT&T", "a DjVu document" },
    { 0, 2, "\x1f\x8b", "a gzip archive" },
    { 0, 3, "BZh", "a bzip2 archive" },
    { 0, 6, "\xfd" "7zXZ\0", "an xz archive" },
    { 0, 4, "\x28\xb5\x2f\xfd", "a zstd archive" },
    { 0, 6, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive" },
    { 0, 6, "Rar!\x1a\x07", "a RAR archive" },
    { 257, 5, "ustar", "a tar archive" },
    { 0, 4, "\x7f" "ELF", "an ELF program" },
    { 0, 4, "\xcf\xfa\xed\xfe", "a Mach-O program" },
    { 0, 4, "\xca\xfe\xba\xbe", "a Java class" },
    { 0, 4, "\0asm", "a WebAssembly program" },
    { 0, 3, "ID3", "an MP3 recording" },
    { 0, 4, "OggS", "an Ogg recording" },
    { 0, 4, "fLaC", "a FLAC recording" },
    { 0, 4, "\x1a\x45\xdf\xa3", "a Matroska or WebM video" },
    { 0, 16, "SQLite format 3\0", "an SQLite database" },
    { 0, 4, "wOFF", "a font" },
    { 0, 4, "wOF2", "a font" },
    { 0, 4, "OTTO", "a font" },
    { 0, 5, "\0\1\0\0\0", "a font" }
};


/*
 * Office documents are archives: which one is told by the names in it that come
 * first.  Where they come late the client's word is taken, and the reader finds
 * out.
 */

#define ASSESS_OOXML  "application/vnd.openxmlformats-officedocument."
#define ASSESS_ODF    "application/vnd.oasis.opendocument."

static const struct {
    const char     *holds;
    const char     *type;
    const char     *extension;
    const char     *name;
    assess_kind_e   kind;
} assess_kind_offices[] = {
    { "application/epub+zip", "application/epub+zip", ".epub",
      "an EPUB book", ASSESS_KIND_EPUB },
    { "word/", ASSESS_OOXML "wordprocessingml.document", ".docx",
      "a Word document (docx)", ASSESS_KIND_DOCX },
    { "xl/", ASSESS_OOXML "spreadsheetml.sheet", ".xlsx",
      "an Excel workbook (xlsx)", ASSESS_KIND_XLSX },
    { "ppt/", ASSESS_OOXML "presentationml.presentation", ".pptx",
      "a PowerPoint presentation (pptx)", ASSESS_KIND_PPTX },
    { ASSESS_ODF "text", ASSESS_ODF "text", ".odt",
      "an OpenDocument text", ASSESS_KIND_ODT },
    { ASSESS_ODF "spreadsheet", ASSESS_ODF "spreadsheet", ".ods",
      "an OpenDocument spreadsheet", ASSESS_KIND_ODS },
    { ASSESS_ODF "presentation", ASSESS_ODF "presentation", ".odp",
      "an OpenDocument presentation", ASSESS_KIND_ODP }
};

#define ASSESS_OFFICE_KINDS                                                  \
    (sizeof(assess_kind_offices) / sizeof(assess_kind_offices[0]))


/*
 * Old ones are small file systems (MS-CFB).  What they are is told by the names
 * of their streams, which may lie anywhere, and often by the stream that comes
 * first; or else the client's word is taken.
 */

static const struct {
    const char     *stream;             /* in UTF-16 */
    size_t          stream_len;
    const char     *first;
    size_t          first_len;
    const char     *type;
    const char     *extensions[2];
    const char     *name;
    assess_kind_e   kind;
} assess_kind_olds[] = {
    { "W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0", 24, "\xec\xa5", 2,
      "application/msword", { ".doc", ".dot" },
      "a Word document (doc)", ASSESS_KIND_DOC },
    { "W\0o\0r\0k\0b\0o\0o\0k\0\0\0", 18, "\x09\x08\x10\0\0\6", 6,
      "application/vnd.ms-excel", { ".xls", ".xlt" },
      "an Excel workbook (xls)", ASSESS_KIND_XLS },
    { "B\0o\0o\0k\0\0\0", 10, "\x09\x08\x08\0\0\5", 6,
      "application/x-msexcel", { ".xls", ".xlt" },
      "an Excel workbook (xls)", ASSESS_KIND_XLS }
};

#define ASSESS_OLD_KINDS                                                     \
    (sizeof(assess_kind_olds) / sizeof(assess_kind_olds[0]))


assess_err_e
assess_kind_detect(const char *head, size_t len,
    const assess_str_t *content_type, const assess_str_t *filename,
    assess_kind_e *kind, assess_err_t *err)
{
    int              goes;
    const char      *name;
    assess_claim_e   claim;
    assess_str_t     type;

    claim = assess_kind_claim(content_type);
    type = assess_kind_media_type(content_type);

    name = assess_kind_of_bytes(claim, head, len, &type, filename, kind, &goes);

    if (name) {
        if (goes) {
            return ASSESS_OK;
        }

        goto contradiction;
    }

    name = assess_kind_binary(head, len);

    if (name == NULL && !assess_kind_text(head, len)) {
        name = "binary data of an unknown kind";
    }

    if (claim == ASSESS_CLAIM_PDF) {
        name = name ? name : "text";
        goto contradiction;
    }

    if (name) {
        return assess_fail(err, ASSESS_UNSUPPORTED, NULL,
                           "the document seems to be %s; PDF, DOCX, XLSX, PPTX,"
                           " DOC, XLS, ODT, ODS, ODP, RTF, EPUB, EML, PNG, "
                           "JPEG, TIFF, HEIC, WebP, BMP, GIF, plain text, "
                           "Markdown and HTML can be read", name);
    }

    if (claim == ASSESS_CLAIM_OTHER || claim == ASSESS_CLAIM_ZIP
        || claim == ASSESS_CLAIM_RTF || claim == ASSESS_CLAIM_IMAGE
        || (claim == ASSESS_CLAIM_MAIL && !assess_kind_mail(head, len, 1)))
    {
        name = "text";
        goto contradiction;
    }

    *kind = assess_kind_of_text(claim, head, len, filename);

    return ASSESS_OK;

contradiction:

    return assess_fail(err, ASSESS_UNSUPPORTED, NULL,
                       "the document is not what it claims: \"%.*s\" was "
                       "said, but it seems to be %s",
                       (int) (type.len < 100 ? type.len : 100), type.data,
                       name);
}


/*
 * What can be read and is told by its bytes alone: its name, or NULL; goes is
 * whether that goes with the client's word.
 */

static const char *
assess_kind_of_bytes(assess_claim_e claim, const char *head, size_t len,
    const assess_str_t *type, const assess_str_t *filename,
    assess_kind_e *kind, int *goes)
{
    const char      *name;
    assess_claim_e   also;

    if (assess_kind_pdf(head, len)
        && (claim != ASSESS_CLAIM_HTML || head[0] == '%'))
    {
        *kind = ASSESS_KIND_PDF;
        *goes = claim != ASSESS_CLAIM_OTHER && claim != ASSESS_CLAIM_IMAGE;

        return "a PDF document";
    }

    also = ASSESS_CLAIM_ZIP;
    name = assess_kind_office(head, len, type, filename, kind);

    if (name == NULL && len >= 5 && memcmp(head, "{\\rtf", 5) == 0) {
        also = ASSESS_CLAIM_RTF;
        name = "an RTF document";
        *kind = ASSESS_KIND_RTF;
    }

    if (name == NULL) {
        also = ASSESS_CLAIM_OLD;
        name = assess_kind_old(head, len, type, filename, kind);

        /* an archive with a password is in one of these */

        if (name && assess_kind_archive(*kind)) {
            also = ASSESS_CLAIM_ZIP;
        }
    }

    if (name == NULL && assess_kind_image(assess_kind_binary(head, len))) {
        also = ASSESS_CLAIM_IMAGE;
        name = assess_kind_binary(head, len);
        *kind = ASSESS_KIND_IMAGE;
    }

    *goes = claim == ASSESS_CLAIM_NONE || claim == also
            || (claim == ASSESS_CLAIM_OLD && also != ASSESS_CLAIM_IMAGE);

    return name;
}


/* Between kinds of text the client's word decides, and then the name. */

static assess_kind_e
assess_kind_of_text(assess_claim_e claim, const char *head, size_t len,
    const assess_str_t *filename)
{
    size_t  i;

    static const struct {
        const char     *extension;
        assess_kind_e   kind;
    } names[] = {
        { ".md", ASSESS_KIND_MARKDOWN },
        { ".markdown", ASSESS_KIND_MARKDOWN },
        { ".html", ASSESS_KIND_HTML },
        { ".htm", ASSESS_KIND_HTML },
        { ".xhtml", ASSESS_KIND_HTML }
    };

    if (claim == ASSESS_CLAIM_MAIL
        || (claim == ASSESS_CLAIM_NONE && assess_kind_mail(head, len, 3)))
    {
        return ASSESS_KIND_EML;
    }

    if (claim == ASSESS_CLAIM_MARKDOWN) {
        return ASSESS_KIND_MARKDOWN;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (assess_kind_named(filename, names[i].extension)) {
            return names[i].kind;
        }
    }

    if (claim == ASSESS_CLAIM_HTML) {
        return ASSESS_KIND_HTML;
    }

    if (assess_kind_named(filename, ".eml") && assess_kind_mail(head, len, 1)) {
        return ASSESS_KIND_EML;
    }

    return assess_kind_html(head, len) ? ASSESS_KIND_HTML : ASSESS_KIND_TEXT;
}


static assess_claim_e
assess_kind_claim(const assess_str_t *type)
{
    size_t        i;
    assess_str_t  media;

    static const struct {
        const char      *name;
        assess_claim_e   claim;
    } known[] = {
        { "application/octet-stream", ASSESS_CLAIM_NONE },
        { "binary/octet-stream", ASSESS_CLAIM_NONE },
        { "application/x-www-form-urlencoded", ASSESS_CLAIM_NONE },
        { "application/pdf", ASSESS_CLAIM_PDF },
        { "application/x-pdf", ASSESS_CLAIM_PDF },
        { "text/html", ASSESS_CLAIM_HTML },
        { "application/xhtml+xml", ASSESS_CLAIM_HTML },
        { "text/markdown", ASSESS_CLAIM_MARKDOWN },
        { "text/x-markdown", ASSESS_CLAIM_MARKDOWN },
        { "application/rtf", ASSESS_CLAIM_RTF },
        { "application/x-rtf", ASSESS_CLAIM_RTF },
        { "text/rtf", ASSESS_CLAIM_RTF },
        { "text/richtext", ASSESS_CLAIM_RTF },
        { "application/msword", ASSESS_CLAIM_OLD },
        { "application/vnd.ms-excel", ASSESS_CLAIM_OLD },
        { "application/x-msexcel", ASSESS_CLAIM_OLD },
        { "application/json", ASSESS_CLAIM_TEXT },
        { "application/xml", ASSESS_CLAIM_TEXT },
        { "application/yaml", ASSESS_CLAIM_TEXT },
        { "application/x-yaml", ASSESS_CLAIM_TEXT },
        { "application/x-ndjson", ASSESS_CLAIM_TEXT },
        { "application/csv", ASSESS_CLAIM_TEXT },
        { "application/toml", ASSESS_CLAIM_TEXT },
        { "message/rfc822", ASSESS_CLAIM_MAIL },
        { "message/global", ASSESS_CLAIM_MAIL },
        { "application/zip", ASSESS_CLAIM_ZIP },
        { "application/x-zip-compressed", ASSESS_CLAIM_ZIP },
        { "application/vnd.ms-word.document.macroEnabled.12",
          ASSESS_CLAIM_ZIP },
        { "application/vnd.ms-excel.sheet.macroEnabled.12",
          ASSESS_CLAIM_ZIP },
        { "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
          ASSESS_CLAIM_ZIP },
        { ASSESS_OOXML "wordprocessingml.template", ASSESS_CLAIM_ZIP },
        { ASSESS_OOXML "spreadsheetml.template", ASSESS_CLAIM_ZIP },
        { ASSESS_OOXML "presentationml.template", ASSESS_CLAIM_ZIP },
        { ASSESS_OOXML "presentationml.slideshow", ASSESS_CLAIM_ZIP },
        { ASSESS_ODF "text-template", ASSESS_CLAIM_ZIP },
        { ASSESS_ODF "spreadsheet-template", ASSESS_CLAIM_ZIP },
        { ASSESS_ODF "presentation-template", ASSESS_CLAIM_ZIP },
        { "image/png", ASSESS_CLAIM_IMAGE },
        { "image/x-png", ASSESS_CLAIM_IMAGE },
        { "image/jpeg", ASSESS_CLAIM_IMAGE },
        { "image/jpg", ASSESS_CLAIM_IMAGE },
        { "image/pjpeg", ASSESS_CLAIM_IMAGE },
        { "image/tiff", ASSESS_CLAIM_IMAGE },
        { "image/tif", ASSESS_CLAIM_IMAGE },
        { "image/heic", ASSESS_CLAIM_IMAGE },
        { "image/heif", ASSESS_CLAIM_IMAGE },
        { "image/webp", ASSESS_CLAIM_IMAGE },
        { "image/bmp", ASSESS_CLAIM_IMAGE },
        { "image/x-bmp", ASSESS_CLAIM_IMAGE },
        { "image/x-ms-bmp", ASSESS_CLAIM_IMAGE },
        { "image/gif", ASSESS_CLAIM_IMAGE }
    };

    media = assess_kind_media_type(type);

    if (media.len == 0) {
        return ASSESS_CLAIM_NONE;
    }

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (assess_kind_is(&media, known[i].name)) {
            return known[i].claim;
        }
    }

    for (i = 0; i < ASSESS_OFFICE_KINDS; i++) {
        if (assess_kind_is(&media, assess_kind_offices[i].type)) {
            return ASSESS_CLAIM_ZIP;
        }
    }

    return media.len > 5 && strncasecmp(media.data, "text/", 5) == 0
           ? ASSESS_CLAIM_TEXT : ASSESS_CLAIM_OTHER;
}


/* Without parameters and the white space around (RFC 9110, 8.3.1). */

static assess_str_t
assess_kind_media_type(const assess_str_t *type)
{
    size_t        i;
    assess_str_t  media;

    media.len = 0;
    media.data = "";

    if (type == NULL || type->data == NULL) {
        return media;
    }

    for (i = 0; i < type->len; i++) {
        if (type->data[i] != ' ' && type->data[i] != '\t') {
            break;
        }
    }

    media.data = type->data + i;

    for ( /* void */ ; i < type->len; i++) {
        if (type->data[i] == ';' || type->data[i] == ' '
            || type->data[i] == '\t')
        {
            break;
        }

        media.len++;
    }

    return media;
}


static int
assess_kind_is(const assess_str_t *s, const char *name)
{
    return s->len == strlen(name) && strncasecmp(s->data, name, s->len) == 0;
}


static int
assess_kind_named(const assess_str_t *filename, const char *extension)
{
    size_t  n;

    n = strlen(extension);

    return filename && filename->data && filename->len > n
           && strncasecmp(filename->data + filename->len - n, extension, n)
              == 0;
}


static int
assess_kind_pdf(const char *head, size_t len)
{
    return assess_kind_holds(head, len < ASSESS_KIND_PDF_SEARCH ? len
                                   : ASSESS_KIND_PDF_SEARCH, "%PDF-");
}


static const char *
assess_kind_binary(const char *head, size_t len)
{
    size_t  i, offset, n;

    for (i = 0; i < sizeof(assess_kind_magic) / sizeof(assess_kind_magic[0]);
         i++)
    {
        offset = assess_kind_magic[i].offset;
        n = assess_kind_magic[i].len;

        if (len >= offset + n
            && memcmp(head + offset, assess_kind_magic[i].bytes, n) == 0)
        {
            return assess_kind_magic[i].name;
        }
    }

    return assess_kind_container(head, len);
}


/* Those that need a second look: what is inside, or a weak first byte. */

static const char *
assess_kind_container(const char *head, size_t len)
{
    const unsigned char  *p;

    p = (const unsigned char *) head;

    if (assess_kind_zip(head, len)) {

        if (assess_kind_holds(head, len, "opendocument")) {
            return "an OpenDocument file";
        }

        return "a ZIP archive";
    }

    if (len >= 12 && memcmp(head, "RIFF", 4) == 0) {
        return memcmp(head + 8, "WEBP", 4) == 0 ? "a WebP image"
                                                : "a RIFF recording";
    }

    if (len >= 12 && memcmp(head + 4, "ftyp", 4) == 0) {
        return assess_kind_heif(head, len);
    }

    /* two letters may begin a text, with zeroes in the header they do not */

    if (len >= 14 && memcmp(head, "BM", 2) == 0
        && memcmp(head + 6, "\0\0\0\0", 4) == 0)
    {
        return "a BMP image";
    }

    if (len >= 64 && memcmp(head, "MZ", 2) == 0
        && memchr(head, '\0', 64) != NULL)
    {
        return "a Windows program";
    }

    if (len >= 4 && p[0] == 0xff && (p[1] & 0xe6) == 0xe2
        && (p[2] & 0xf0) != 0xf0 && (p[2] & 0xf0) != 0)
    {
        return "an MP3 recording";
    }

    return NULL;
}


/* Of the names above, those of pictures that are read. */

static int
assess_kind_image(const char *name)
{
    size_t  i;

    static const char  *read[] = {
        "a PNG image", "a JPEG image", "a TIFF image", "a WebP image",
        "an HEIC image", "a BMP image", "a GIF image"
    };

    for (i = 0; name && i < sizeof(read) / sizeof(read[0]); i++) {
        if (strcmp(name, read[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
assess_kind_zip(const char *head, size_t len)
{
    return len >= 4 && (memcmp(head, "PK\3\4", 4) == 0
                        || memcmp(head, "PK\5\6", 4) == 0);
}


static const char *
assess_kind_office(const char *head, size_t len, const assess_str_t *type,
    const assess_str_t *filename, assess_kind_e *kind)
{
    size_t  i, found;

    if (!assess_kind_zip(head, len)) {
        return NULL;
    }

    found = ASSESS_OFFICE_KINDS;

    for (i = 0; i < ASSESS_OFFICE_KINDS; i++) {

        if (assess_kind_holds(head, len, assess_kind_offices[i].holds)) {
            found = i;
            break;
        }

        if (found == ASSESS_OFFICE_KINDS
            && (assess_kind_is(type, assess_kind_offices[i].type)
                || assess_kind_named(filename,
                                     assess_kind_offices[i].extension)))
        {
            found = i;
        }
    }

    if (found == ASSESS_OFFICE_KINDS) {
        return NULL;
    }

    *kind = assess_kind_offices[found].kind;

    return assess_kind_offices[found].name;
}


/* What such a file says it is, or else the client; NULL: neither does. */

static const char *
assess_kind_old(const char *head, size_t len, const assess_str_t *type,
    const assess_str_t *filename, assess_kind_e *kind)
{
    size_t  i;

    if (len < 8 || memcmp(head, ASSESS_KIND_OLE, 8) != 0) {
        return NULL;
    }

    for (i = 0; i < ASSESS_OLD_KINDS; i++) {
        if (memmem(head, len, assess_kind_olds[i].stream,
                   assess_kind_olds[i].stream_len))
        {
            goto found;
        }
    }

    for (i = 0; i < ASSESS_OLD_KINDS; i++) {
        if (len >= ASSESS_KIND_OLE_FIRST + assess_kind_olds[i].first_len
            && memcmp(head + ASSESS_KIND_OLE_FIRST, assess_kind_olds[i].first,
                      assess_kind_olds[i].first_len) == 0)
        {
            goto found;
        }
    }

    for (i = 0; i < ASSESS_OFFICE_KINDS; i++) {
        if (assess_kind_is(type, assess_kind_offices[i].type)
            || assess_kind_named(filename, assess_kind_offices[i].extension))
        {
            *kind = assess_kind_offices[i].kind;
            return assess_kind_offices[i].name;
        }
    }

    for (i = 0; i < ASSESS_OLD_KINDS; i++) {
        if (assess_kind_is(type, assess_kind_olds[i].type)
            || assess_kind_named(filename, assess_kind_olds[i].extensions[0])
            || assess_kind_named(filename, assess_kind_olds[i].extensions[1]))
        {
            goto found;
        }
    }

    return NULL;

found:

    *kind = assess_kind_olds[i].kind;

    return assess_kind_olds[i].name;
}


/* Whether a kind is one of those that are archives. */

static int
assess_kind_archive(assess_kind_e kind)
{
    size_t  i;

    for (i = 0; i < ASSESS_OFFICE_KINDS; i++) {
        if (assess_kind_offices[i].kind == kind) {
            return 1;
        }
    }

    return 0;
}


/*
 * What begins like a film (ISO/IEC 14496-12): of the names of what it is made
 * to be the first counts, and where that says "a picture", the others.
 */

static const char *
assess_kind_heif(const char *head, size_t len)
{
    int                   heic, avif;
    size_t                i, end;
    const unsigned char  *p;

    p = (const unsigned char *) head;
    end = (size_t) p[2] << 8 | p[3];

    if (end > len) {
        end = len;
    }

    heic = avif = 0;

    for (i = 8; i + 4 <= end; i += 4) {

        heic |= memcmp(head + i, "hei", 3) == 0
                || memcmp(head + i, "hev", 3) == 0;
        avif |= memcmp(head + i, "avi", 3) == 0;

        if (i == 8 && !heic && !avif && memcmp(head + i, "mif1", 4) != 0
            && memcmp(head + i, "msf1", 4) != 0)
        {
            return "an MP4 video";
        }

        i += i == 8 ? 4 : 0;            /* a number stands in between */
    }

    return avif && !heic ? "an AVIF image" : "an HEIC image";
}


static int
assess_kind_holds(const char *head, size_t len, const char *word)
{
    return memmem(head, len, word, strlen(word)) != NULL;
}


/*
 * Text has few control characters (a stray NUL is one of them), and is UTF-8
 * or in another encoding, where most characters still are ASCII, or few.  Of
 * random or compressed bytes one in nine is a control character.
 */

static int
assess_kind_text(const char *head, size_t len)
{
    int          side;
    size_t       n, bad, control, high;
    uint32_t     cp;
    const char  *p, *end;

    if (len >= 2 && (memcmp(head, "\xff\xfe", 2) == 0
                     || memcmp(head, "\xfe\xff", 2) == 0))
    {
        return assess_kind_text16(head + 2, len - 2, head[0] == '\xfe');
    }

    side = assess_utf16_side(head, len);

    if (side) {
        return assess_kind_text16(head, len, side > 0);
    }

    bad = control = high = 0;
    end = head + len;

    for (p = head; p < end; p += n) {

        n = assess_utf8_next(p, end, &cp);

        if (n == 0) {

            /* the head may end within a character */

            if (end - p >= 4) {
                bad++;
            }

            n = 1;
            cp = 0xfffd;
        }

        if (cp == 0x7f || (cp < 0x20 && cp != '\t' && cp != '\n'
                           && cp != '\r' && cp != '\f' && cp != 0x1b))
        {
            control++;
        }

        if ((unsigned char) *p >= 0x80) {
            high++;
        }
    }

    if (control > len / 20) {
        return 0;
    }

    /* a language with another script than Latin is mostly high bytes */

    return bad == 0 || (control == 0 && high <= len - len / 8)
           || high < len / 3;
}


static int
assess_kind_text16(const char *head, size_t len, int big)
{
    size_t                i, control, units;
    uint32_t              unit;
    const unsigned char  *p;

    p = (const unsigned char *) head;
    control = units = 0;

    for (i = 0; i + 1 < len; i += 2) {

        unit = big ? (uint32_t) p[i] << 8 | p[i + 1]
                   : (uint32_t) p[i + 1] << 8 | p[i];

        if (unit == 0 || unit == 0xffff || unit == 0xfffe) {
            return 0;
        }

        if (unit < 0x20 && unit != '\t' && unit != '\n' && unit != '\r'
            && unit != '\f')
        {
            control++;
        }

        units++;
    }

    return control <= units / 50;
}


/* A page begins with one of its first tags; before it may be little. */

static int
assess_kind_html(const char *head, size_t len)
{
    size_t  i, j, n;
    char    ascii[512];

    static const char *const  tags[] = {
        "<!doctype html", "<html", "<head", "<body", "<title", "<meta"
    };

    /* UTF-16 of what matters here is ASCII with zeroes in between */

    n = 0;

    for (i = 0; i < len && n < sizeof(ascii); i++) {
        if (head[i] != '\0' && (unsigned char) head[i] < 0x80) {
            ascii[n++] = head[i];
        }
    }

    i = assess_kind_skip(ascii, n, 0);

    for (j = 0; j < sizeof(tags) / sizeof(tags[0]); j++) {
        if (n - i >= strlen(tags[j])
            && strncasecmp(ascii + i, tags[j], strlen(tags[j])) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* White space, comments, and the XML declaration of XHTML. */

static size_t
assess_kind_skip(const char *head, size_t len, size_t i)
{
    const char  *end;

    for ( ;; ) {

        while (i < len && memchr(" \t\r\n\f", head[i], 5) != NULL) {
            i++;
        }

        if (len - i >= 4 && memcmp(head + i, "<!--", 4) == 0) {
            end = memmem(head + i + 4, len - i - 4, "-->", 3);

        } else if (len - i >= 5 && memcmp(head + i, "<?xml", 5) == 0) {
            end = memmem(head + i + 5, len - i - 5, "?>", 2);

        } else {
            return i;
        }

        if (end == NULL) {
            return len;
        }

        i = (size_t) (end - head) + (*end == '-' ? 3 : 2);
    }
}


/*
 * A mail begins with its headers, and with nothing else; so many of those that
 * most mails have make one.
 */

static int
assess_kind_mail(const char *head, size_t len, int least)
{
    int          known;
    size_t       i;
    const char  *p, *end, *line, *colon;

    static const char *const  names[] = {
        "return-path:", "received:", "delivered-to:", "dkim-signature:",
        "authentication-results:", "from:", "to:", "subject:", "date:",
        "message-id:", "mime-version:", "content-type:"
    };

    known = 0;
    end = head + len;

    for (p = head; p < end && known < least; p = line + 1) {

        line = memchr(p, '\n', (size_t) (end - p));
        if (line == NULL) {
            break;
        }

        /* of a mailbox of Unix, or more of the header before */

        if (p == head ? len > 5 && memcmp(p, "From ", 5) == 0
                      : *p == ' ' || *p == '\t')
        {
            continue;
        }

        colon = memchr(p, ':', (size_t) (line - p));

        if (colon == NULL || colon == p
            || memchr(p, ' ', (size_t) (colon - p)) != NULL)
        {
            break;
        }

        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            known += (size_t) (line - p) >= strlen(names[i])
                     && strncasecmp(p, names[i], strlen(names[i])) == 0;
        }
    }

    return known >= least;
}
