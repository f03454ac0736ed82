
/*
 * The text of a document, page by page, read by the program assess-extract in
 * sandboxed processes of its own; but for plain text that needs no reading.
 * Blocks; for a pool thread.
 */

#ifndef ASSESS_EXTRACT_H
#define ASSESS_EXTRACT_H


#include "assess_cpu.h"
#include "../store/assess_document.h"


/* Rises whenever the same bytes may give another text. */
#define ASSESS_EXTRACTOR_VERSION  4

/* Of one picture, which goes into a request as text, a third longer. */
#define ASSESS_PICTURE_BYTES      (4 * 1024 * 1024)


typedef struct {
    const char   *program;           /* path of assess-extract */
    const char   *languages;         /* that Tesseract reads: "eng+deu" */

    /* of a reader: of all that is not scanned, or of one scanned page */
    int64_t       memory;            /* bytes of address space */
    int           cpu_s;
    int           wall_s;

    /* of the document */
    int           pages;
    int           document_s;        /* while readers are at work */
    int64_t       output;            /* bytes of text */
} assess_extract_conf_t;


/*
 * begin() is called once a CPU is there; page() gets each page as soon as it is
 * read, the text is only lent.  They come in order, but for scanned ones: those
 * come later, in any order.  kept() gives those of them that were read before,
 * in their order, as page() had got them: they are not read again.  scanned() is
 * told how many of these were read, of how many, before the first one and after
 * each.  Not ASSESS_OK from one of them ends the extraction with that.
 * cancelled() is asked several times a second.  unreadable() is called when the
 * document cannot be read, and could not be the next time: not for want of time
 * or memory of the machine, which others may have taken.
 */
typedef struct {
    assess_err_e  (*begin)(void *ctx, assess_err_t *err);
    assess_err_e  (*page)(void *ctx, const assess_page_t *page,
        assess_err_t *err);
    assess_err_e  (*kept)(void *ctx, const assess_page_t **pages, size_t *n,
        assess_err_t *err);
    assess_err_e  (*scanned)(void *ctx, int done, int scans,
        assess_err_t *err);
    int           (*cancelled)(void *ctx);
    void          (*unreadable)(void *ctx, const assess_err_t *err);
    void           *ctx;
} assess_extract_cb_t;


/*
 * Reads the document in fd, which is the whole file, each of its readers in a
 * slot of cpu.  ASSESS_FAILED when the document is to blame:
 * document_encrypted, document_damaged, document_without_text, document_limit
 * (the message names which: pages, output, what it unpacks to, memory, time),
 * or, when its reader died of it, document_killed, document_crashed,
 * document_forbidden; with document_ocr_unavailable when what reads pictures
 * is not there.  ASSESS_CANCELLED; ASSESS_ERROR when the program cannot be
 * run.  Nothing reads it any more when it returns.
 */
assess_err_e assess_extract(const assess_extract_conf_t *conf,
    assess_cpu_t *cpu, assess_kind_e kind, int fd,
    const assess_extract_cb_t *cb, assess_err_t *err);


/*
 * The same for n pages that are pictures: page() gets each of them as WebP, or
 * where that failed as it is (PNG, JPEG), of ASSESS_PICTURE_BYTES at most.  The
 * data of a page that cannot be had is NULL, and err says why.  unreadable() is
 * never called, nor are begin() and kept().
 */
assess_err_e assess_extract_pictures(const assess_extract_conf_t *conf,
    assess_cpu_t *cpu, assess_kind_e kind, int fd, const int *pages, size_t n,
    const assess_extract_cb_t *cb, assess_err_t *err);


/*
 * The kind, told by the first bytes and checked against what the client says
 * it is.  head is at most the first 4 KB.  ASSESS_UNSUPPORTED with a message.
 */
assess_err_e assess_kind_detect(const char *head, size_t len,
    const assess_str_t *content_type, const assess_str_t *filename,
    assess_kind_e *kind, assess_err_t *err);


#endif /* ASSESS_EXTRACT_H */
