
/* What the files that read a document share. */

#ifndef ASSESS_EXTRACT_INT_H
#define ASSESS_EXTRACT_INT_H


#include "assess_errand.h"
#include "assess_extract.h"


#define ASSESS_EXTRACT_TICK  150        /* ms between questions to cancelled */


/* A document while it is read. */
typedef struct {
    const assess_extract_conf_t   *conf;
    const assess_extract_cb_t     *cb;
    assess_err_t                  *err;
    const char                    *reader;
    int                            fd;
    assess_picture_e               picture;    /* what is wanted of scans */

    int                            pages;
    int64_t                        bytes;      /* of text that was handed on */
    int                            letters;    /* some page had one */
    int                            lasting;    /* it would fail again */
    assess_buf_t                   scans;      /* ints: pages to be read yet */

    int64_t                        used;       /* ms of its time */
    int64_t                        seen;       /* when that was last counted */
} assess_extraction_t;


/* Hands on the text of a page, which was a picture or not. */
assess_err_e assess_extract_page(assess_extraction_t *x, int page,
    int picture, const assess_str_t *text);

/*
 * Asked several times a second: ASSESS_CANCELLED, or ASSESS_FAILED when the
 * document has used up its time, which runs while readers are at work on it.
 */
assess_err_e assess_extract_go_on(assess_extraction_t *x, int at_work);

/*
 * Why what came ends the reading; frames are those of the reader of the text,
 * or of page.
 */
assess_err_e assess_extract_fault(assess_extraction_t *x,
    assess_frames_e what);

/* How a reader has ended, which may be well: ASSESS_OK. */
assess_err_e assess_extract_ended(assess_extraction_t *x, int page,
    const assess_frames_t *frames);

/* Which limit of a reader it was: memory, CPU or wall time. */
assess_err_e assess_extract_exhausted(assess_extraction_t *x, int page,
    assess_why_e why);

/* The scanned pages, as many at once as there are slots. */
assess_err_e assess_scans_read(assess_extraction_t *x, assess_cpu_t *cpu);


#endif /* ASSESS_EXTRACT_INT_H */
