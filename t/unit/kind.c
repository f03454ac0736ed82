
/* sources: engine/assess_kind.c base/assess_base.c */
/* libs: -lm */

#include "engine/assess_extract.h"
#include "tap.h"


#define bytes(s)  s, sizeof(s) - 1

/* the first sector of an old office document, of which only a word matters */
#define ZERO8    "\0\0\0\0\0\0\0\0"
#define ZERO56   ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8
#define OLE      "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" ZERO56 ZERO56 ZERO56  \
                 ZERO56 ZERO56 ZERO56 ZERO56 ZERO56 ZERO56



/* kind 0 is unsupported, with these words in its message */
static const struct {
    const char      *name;
    const char      *type;
    const char      *file;
    const char      *data;
    size_t           len;
    assess_kind_e    kind;
    const char      *message;
} cases[] = {
    { "PDF", "application/pdf", NULL, bytes("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
      ASSESS_KIND_PDF, NULL },
    { "PDF said to be text", "text/plain", NULL, bytes("%PDF-1.7\n"),
      ASSESS_KIND_PDF, NULL },
    { "PDF said to be bytes", "application/octet-stream", "a.txt",
      bytes("%PDF-1.7\n"), ASSESS_KIND_PDF, NULL },
    { "PDF behind junk", "application/pdf", NULL,
      bytes("\0\0junk\r\n%PDF-1.7\n"), ASSESS_KIND_PDF, NULL },
    { "PDF said to be an image", "image/png", NULL, bytes("%PDF-1.7\n"),
      0, "is not what it claims" },
    { "HTML said to be PDF", "application/pdf", "a.pdf",
      bytes("<html><body>x"), 0, "is not what it claims" },
    { "ZIP said to be PDF", "application/pdf", "a.pdf",
      bytes("PK\3\4\24\0\0\0"), 0, "a ZIP archive" },
    { "nothing said to be PDF", "application/pdf", "a.pdf", bytes("%PD"),
      0, "is not what it claims" },

    { "text", "text/plain", NULL, bytes("Two exits.\n"),
      ASSESS_KIND_TEXT, NULL },
    { "parameters, any case", " Text/Plain ; charset=UTF-8", NULL,
      bytes("Two exits.\n"), ASSESS_KIND_TEXT, NULL },
    { "text said to be bytes", "application/octet-stream", NULL,
      bytes("Two exits.\n"), ASSESS_KIND_TEXT, NULL },
    { "nothing said", NULL, NULL, bytes("Two exits.\n"),
      ASSESS_KIND_TEXT, NULL },
    { "UTF-8", "text/plain", NULL, bytes("\xd0\x92\xd1\x8b\xd1\x85\xd0"),
      ASSESS_KIND_TEXT, NULL },
    { "Windows-1252", "text/plain", NULL, bytes("caf\xe9, na\xefve, 5 \x80"),
      ASSESS_KIND_TEXT, NULL },
    { "UTF-16", "text/plain", NULL, bytes("\xff\xfe" "a\0b\0"),
      ASSESS_KIND_TEXT, NULL },
    { "UTF-16, the other", "text/plain", NULL, bytes("\xfe\xff\0a\0b"),
      ASSESS_KIND_TEXT, NULL },
    { "UTF-16 without a mark", "text/plain", NULL, bytes("a\0b\0"),
      ASSESS_KIND_TEXT, NULL },
    { "UTF-16 without a mark, the other", "text/csv", NULL,
      bytes("\0a\0;\0b\0\n"), ASSESS_KIND_TEXT, NULL },
    { "CSV", "text/csv", "a.csv", bytes("a,b\n1,2\n"),
      ASSESS_KIND_TEXT, NULL },
    { "JSON", "application/json", NULL, bytes("{\"a\":1}"),
      ASSESS_KIND_TEXT, NULL },
    { "XML", "application/xml", NULL, bytes("<?xml version='1.0'?><a/>"),
      ASSESS_KIND_TEXT, NULL },
    { "text said to be Word",
      "application/vnd.openxmlformats-officedocument"
      ".wordprocessingml.document", "a.docx", bytes("Two exits.\n"),
      0, "is not what it claims" },
    { "text said to be an image", "image/png", "a.png",
      bytes("Two exits.\n"), 0, "is not what it claims" },
    { "text with NULs", "text/plain", NULL, bytes("abc\0def\0ghi"),
      0, "binary data" },
    { "control characters", "text/plain", NULL, bytes("a\1\2\3\4\5\6b"),
      0, "binary data" },
    { "empty", "text/plain", NULL, bytes(""), ASSESS_KIND_TEXT, NULL },

    { "Markdown", "text/markdown", NULL, bytes("# Exits\n"),
      ASSESS_KIND_MARKDOWN, NULL },
    { "Markdown by name", "text/plain", "README.MD", bytes("# Exits\n"),
      ASSESS_KIND_MARKDOWN, NULL },
    { "Markdown by the long name", NULL, "a.markdown", bytes("# Exits\n"),
      ASSESS_KIND_MARKDOWN, NULL },

    { "HTML", "text/html", NULL, bytes("<p>Exits"),
      ASSESS_KIND_HTML, NULL },
    { "HTML by name", "application/octet-stream", "a.html",
      bytes("<p>Exits"), ASSESS_KIND_HTML, NULL },
    { "HTML by its bytes", "text/plain", NULL,
      bytes("\xef\xbb\xbf\n<!-- x --> <!DOCTYPE HTML><html>"),
      ASSESS_KIND_HTML, NULL },
    { "XHTML", "application/xml", NULL,
      bytes("<?xml version='1.0'?>\n<html xmlns='x'>"),
      ASSESS_KIND_HTML, NULL },
    { "HTML in UTF-16", NULL, NULL, bytes("\xff\xfe<\0h\0t\0m\0l\0>\0"),
      ASSESS_KIND_HTML, NULL },
    { "a comment without end", "text/plain", NULL, bytes("<!-- <html>"),
      ASSESS_KIND_TEXT, NULL },
    { "HTML that speaks of PDF", "text/html", NULL,
      bytes("<p>A PDF begins with %PDF-"), ASSESS_KIND_HTML, NULL },

    { "PNG", "image/png", NULL, bytes("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
      ASSESS_KIND_IMAGE, NULL },
    { "JPEG", "image/jpeg", NULL, bytes("\xff\xd8\xff\xe0\0\x10JFIF"),
      ASSESS_KIND_IMAGE, NULL },
    { "GIF", NULL, "a.gif", bytes("GIF89a..."), ASSESS_KIND_IMAGE, NULL },
    { "TIFF", "image/tiff", NULL, bytes("II*\0\10\0\0\0"),
      ASSESS_KIND_IMAGE, NULL },
    { "TIFF, the other", "application/octet-stream", NULL,
      bytes("MM\0*\0\0\0\10"), ASSESS_KIND_IMAGE, NULL },
    { "one image said to be another", "image/jpeg", "a.jpg",
      bytes("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), ASSESS_KIND_IMAGE, NULL },
    { "PNG said to be text", "text/plain", NULL,
      bytes("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), 0, "is not what it claims" },
    { "GIF said to be text", "text/plain", NULL, bytes("GIF89a..."),
      0, "a GIF image" },
    { "WebP", "image/webp", NULL, bytes("RIFF\1\2\3\4WEBPVP8 "),
      ASSESS_KIND_IMAGE, NULL },
    { "HEIC", "image/heic", NULL, bytes("\0\0\0\x18" "ftypheic\0\0\0\0"
                                       "mif1heic"), ASSESS_KIND_IMAGE, NULL },
    { "HEIF", "image/heif", NULL, bytes("\0\0\0\x18" "ftypmif1\0\0\0\0"
                                       "mif1heic"), ASSESS_KIND_IMAGE, NULL },
    { "HEIC said to be Word", "application/msword", NULL,
      bytes("\0\0\0\x18" "ftypheic\0\0\0\0"), 0, "is not what it claims" },
    { "AVIF", "image/avif", NULL, bytes("\0\0\0\x18" "ftypavif\0\0\0\0"
                                       "mif1avif"), 0, "an AVIF image" },
    { "AVIF, said late", NULL, NULL, bytes("\0\0\0\x18" "ftypmif1\0\0\0\0"
                                           "mif1avif"), 0, "an AVIF image" },
    { "MP4", "video/mp4", NULL, bytes("\0\0\0\x18" "ftypisom\0\0\0\0"),
      0, "an MP4 video" },
    { "BMP", "image/bmp", NULL, bytes("BM\1\2\0\0\0\0\0\0\x36\0\0\0"),
      ASSESS_KIND_IMAGE, NULL },
    { "text that begins with BM", "text/plain", NULL,
      bytes("BM is short for bench mark."), ASSESS_KIND_TEXT, NULL },
    { "Word", "application/octet-stream", "a.docx",
      bytes("PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
            "\x11\0\0\0word/document.xml"), ASSESS_KIND_DOCX, NULL },
    { "Word that is named late", "application/vnd.openxmlformats-officedocument"
      ".wordprocessingml.document", NULL, bytes("PK\3\4\24\0\0\0"),
      ASSESS_KIND_DOCX, NULL },
    { "a workbook by its file name", "application/zip", "a.XLSX",
      bytes("PK\3\4\24\0\0\0"), ASSESS_KIND_XLSX, NULL },
    { "a presentation", NULL, "a.docx", bytes("PK\3\4\24\0ppt/presentation"),
      ASSESS_KIND_PPTX, NULL },
    { "OpenDocument", NULL, NULL,
      bytes("PK\3\4\24\0mimetypeapplication/vnd.oasis.opendocument.text"),
      ASSESS_KIND_ODT, NULL },
    { "an OpenDocument spreadsheet", "application/octet-stream", NULL,
      bytes("PK\3\4mimetypeapplication/vnd.oasis.opendocument.spreadsheet"),
      ASSESS_KIND_ODS, NULL },
    { "an OpenDocument drawing", NULL, NULL,
      bytes("PK\3\4mimetypeapplication/vnd.oasis.opendocument.graphics"),
      0, "an OpenDocument file" },
    { "an archive", "application/zip", "a.zip", bytes("PK\3\4\24\0\0\0"),
      0, "a ZIP archive" },
    { "Word said to be text", "text/plain", NULL, bytes("PK\3\4word/"),
      0, "is not what it claims" },
    { "Word said to be a PDF", "application/pdf", NULL, bytes("PK\3\4word/"),
      0, "is not what it claims" },
    { "EPUB", "application/epub+zip", NULL,
      bytes("PK\3\4\12\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
            "\x08\0\0\0mimetypeapplication/epub+zipPK\3\4word/"),
      ASSESS_KIND_EPUB, NULL },
    { "EPUB by its name", "application/octet-stream", "a.epub",
      bytes("PK\3\4\24\0\0\0"), ASSESS_KIND_EPUB, NULL },
    { "text said to be EPUB", "application/epub+zip", "a.epub",
      bytes("Two exits.\n"), 0, "is not what it claims" },
    { "mail", "message/rfc822", NULL, bytes("Subject: x\r\n\r\ny"),
      ASSESS_KIND_EML, NULL },
    { "mail by its name", "application/octet-stream", "a.eml",
      bytes("X-A: b\n c\nsubject: x\n\ny"), ASSESS_KIND_EML, NULL },
    { "mail by its headers", NULL, NULL,
      bytes("From a@b\nReceived: x\n by y\nFrom: a\nMIME-Version: 1.0\n\n"),
      ASSESS_KIND_EML, NULL },
    { "mail said to be text", "text/plain", "a.txt",
      bytes("Received: x\nFrom: a\nTo: b\n\n"), ASSESS_KIND_TEXT, NULL },
    { "a note with a head", NULL, NULL,
      bytes("To: all\nWhere: here\n\nDate: now\nFrom: x\n"),
      ASSESS_KIND_TEXT, NULL },
    { "text said to be mail", "message/rfc822", "a.eml",
      bytes("Two exits.\n"), 0, "is not what it claims" },
    { "PNG said to be mail", "message/rfc822", "a.eml",
      bytes("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), 0, "a PNG image" },
    { "old Word by its first stream", "application/octet-stream", NULL,
      bytes(OLE "\xec\xa5\xc1\0"), ASSESS_KIND_DOC, NULL },
    { "an old workbook by its first stream", NULL, NULL,
      bytes(OLE "\x09\x08\x10\0\0\6\5\0"), ASSESS_KIND_XLS, NULL },
    { "an older workbook by its first stream", NULL, NULL,
      bytes(OLE "\x09\x08\x08\0\0\5\5\0"), ASSESS_KIND_XLS, NULL },
    { "old Word by the name of a stream", NULL, "a.xls",
      bytes(OLE "W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0"),
      ASSESS_KIND_DOC, NULL },
    { "an old workbook by the name of a stream", NULL, NULL,
      bytes(OLE "W\0o\0r\0k\0b\0o\0o\0k\0\0\0"), ASSESS_KIND_XLS, NULL },
    { "an older workbook by the name of a stream", NULL, NULL,
      bytes(OLE "B\0o\0o\0k\0\0\0"), ASSESS_KIND_XLS, NULL },
    { "old Word that is said to be", "application/msword", NULL, bytes(OLE),
      ASSESS_KIND_DOC, NULL },
    { "an old workbook that is said to be", "application/vnd.ms-excel", NULL,
      bytes(OLE), ASSESS_KIND_XLS, NULL },
    { "old Word by its file name", NULL, "a.DOT", bytes(OLE),
      ASSESS_KIND_DOC, NULL },
    { "new Word with a password",
      "application/vnd.openxmlformats-officedocument"
      ".wordprocessingml.document", NULL, bytes(OLE), ASSESS_KIND_DOCX, NULL },
    { "a new workbook with a password", NULL, "a.xlsx", bytes(OLE),
      ASSESS_KIND_XLSX, NULL },
    { "another old document", NULL, "a.ppt", bytes(OLE),
      0, "an old Microsoft Office document of another kind" },
    { "old Word said to be new", "application/vnd.openxmlformats-"
      "officedocument.wordprocessingml.document", NULL,
      bytes(OLE "\xec\xa5\xc1\0"), 0, "a Word document (doc)" },
    { "old Word said to be text", "text/plain", "a.doc", bytes(OLE),
      0, "is not what it claims" },
    { "the head of an old document", "application/msword", NULL,
      bytes("\xd0\xcf\x11\xe0\xa1\xb1\x1a"), 0, "binary data" },
    { "new Word said to be old", "application/msword", "a.doc",
      bytes("PK\3\4word/"), ASSESS_KIND_DOCX, NULL },
    { "HTML said to be old Word", "application/msword", "a.doc",
      bytes("<html><p>x"), ASSESS_KIND_HTML, NULL },
    { "text said to be an old workbook", "application/vnd.ms-excel", "a.xls",
      bytes("a\tb\n"), ASSESS_KIND_TEXT, NULL },
    { "RTF", "text/rtf", NULL, bytes("{\\rtf1\\ansi x}"),
      ASSESS_KIND_RTF, NULL },
    { "RTF said to be bytes", NULL, "a.txt", bytes("{\\rtf1\\ansi x}"),
      ASSESS_KIND_RTF, NULL },
    { "RTF said to be Word", "application/msword", "a.doc",
      bytes("{\\rtf1\\ansi x}"), ASSESS_KIND_RTF, NULL },
    { "RTF said to be text", "text/plain", NULL, bytes("{\\rtf1 x}"),
      0, "an RTF document" },
    { "text said to be RTF", "application/rtf", "a.rtf",
      bytes("Two exits.\n"), 0, "is not what it claims" },
    { "gzip", "application/gzip", NULL, bytes("\x1f\x8b\x08\0"),
      0, "a gzip archive" },
    { "ELF", NULL, NULL, bytes("\x7f" "ELF\2\1\1"), 0, "an ELF program" },
    { "SQLite", NULL, NULL, bytes("SQLite format 3\0\x10"),
      0, "an SQLite database" },
    { "MP3", NULL, NULL, bytes("ID3\3\0\0"), 0, "an MP3 recording" }
};


static assess_err_e
detect(const char *type, const char *file, const char *data, size_t len,
    assess_kind_e *kind, assess_err_t *err)
{
    assess_str_t  t, f;

    t.data = (char *) type;
    t.len = type ? strlen(type) : 0;
    f.data = (char *) file;
    f.len = file ? strlen(file) : 0;

    err->message[0] = '\0';
    *kind = 0;

    return assess_kind_detect(data, len, &t, &f, kind, err);
}


/* Bytes of no pattern, the same on every run. */

static void
test_random(void)
{
    int            i, j, taken;
    char           data[4096];
    uint32_t       state;
    assess_err_t   err;
    assess_kind_e  kind;

    state = 1;
    taken = 0;

    for (i = 0; i < 100; i++) {

        for (j = 0; j < (int) sizeof(data); j++) {
            state = state * 1664525 + 1013904223;
            data[j] = (char) (state >> 24);
        }

        taken += detect("text/plain", "a.txt", data, sizeof(data), &kind, &err)
                 == ASSESS_OK;
        taken += detect(NULL, NULL, data, 256, &kind, &err) == ASSESS_OK;
    }

    is_int(taken, 0, "random bytes are not taken");
}


int
main(void)
{
    int            good;
    size_t         i;
    assess_err_e   rc;
    assess_err_t   err;
    assess_kind_e  kind;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        rc = detect(cases[i].type, cases[i].file, cases[i].data, cases[i].len,
                    &kind, &err);

        if (cases[i].kind) {
            good = rc == ASSESS_OK && kind == cases[i].kind;

        } else {
            good = rc == ASSESS_UNSUPPORTED
                   && strstr(err.message, cases[i].message) != NULL;
        }

        ok(good, "%s", cases[i].name);

        if (!good) {
            printf("# got %d, kind %d, \"%s\"\n", (int) rc, (int) kind,
                   err.message);
        }
    }

    test_random();

    return done_testing();
}
