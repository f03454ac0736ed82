
/*
 * The text of a document, page by page, read by the program assess-extract in
 * a sandboxed process of its own; but for plain text that needs no reading.
 * Blocks; for a pool thread.
 */

#ifndef ASSESS_EXTRACT_H
#define ASSESS_EXTRACT_H


#include "../store/assess_document.h"


/* Rises whenever the same bytes may give another text. */
#define ASSESS_EXTRACTOR_VERSION  2


typedef struct {
    const char   *program;           /* path of assess-extract */
    const char   *languages;         /* that Tesseract reads: "eng+deu" */
    int64_t       memory;            /* bytes of address space */
    int           cpu_s;
    int           wall_s;
    int           pages;
    int64_t       output;            /* bytes of text */
} assess_extract_conf_t;


/*
 * page() gets each page in order, as soon as it is read; the text is only
 * lent.  Not ASSESS_OK from it ends the extraction with that.  cancelled() is
 * asked several times a second.  deadly() is called when the document killed
 * its reader and would do so again: not for want of time or memory of the
 * machine, which others may have taken.
 */
typedef struct {
    assess_err_e  (*page)(void *ctx, const assess_page_t *page,
        assess_err_t *err);
    int           (*cancelled)(void *ctx);
    void          (*deadly)(void *ctx, const assess_err_t *err);
    void           *ctx;
} assess_extract_cb_t;


/*
 * Reads the document in fd, which is the whole file.  ASSESS_FAILED when the
 * document is to blame: document_encrypted, document_damaged,
 * document_without_text, document_limit (the message names which: pages,
 * output, what it unpacks to, memory, time), or, when its reader died of it,
 * document_killed, document_crashed, document_forbidden; with
 * document_ocr_unavailable when what reads pictures is not there.
 * ASSESS_CANCELLED; ASSESS_ERROR when the program cannot be run.  Nothing
 * reads it any more when it returns.
 */
assess_err_e assess_extract(const assess_extract_conf_t *conf,
    assess_kind_e kind, int fd, const assess_extract_cb_t *cb,
    assess_err_t *err);


/*
 * The same of text or Markdown in memory, here and now.  ASSESS_UNSUPPORTED
 * when it is too long or not good UTF-8: then assess_extract() can read it.
 */
assess_err_e assess_extract_plain(const assess_extract_conf_t *conf,
    const char *data, size_t len, const assess_extract_cb_t *cb,
    assess_err_t *err);


/*
 * The kind, told by the first bytes and checked against what the client says
 * it is.  head is at most the first 4 KB.  ASSESS_UNSUPPORTED with a message.
 */
assess_err_e assess_kind_detect(const char *head, size_t len,
    const assess_str_t *content_type, const assess_str_t *filename,
    assess_kind_e *kind, assess_err_t *err);


#endif /* ASSESS_EXTRACT_H */
