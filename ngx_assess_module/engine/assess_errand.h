
/*
 * One order to assess-extract, as its client sees it: the reader that is at
 * work on a document, or on one page of it.  Of one thread.
 */

#ifndef ASSESS_ERRAND_H
#define ASSESS_ERRAND_H


#include "assess_extract.h"
#include "../base/assess_frame.h"


typedef struct {
    const assess_extract_conf_t   *conf;
    int                            sock;     /* -1: nothing is under way */
    int                            gone;     /* it went without a word */
    unsigned                       turn;     /* of the extractor */
    int64_t                        end;      /* of its time, and some more */
    assess_frames_t                frames;   /* text is to be freed */
} assess_errand_t;


/*
 * Orders the document in fd from that reader, or with page one page of it
 * alone, as text or as that picture, which may have so many bytes.  apart:
 * scans are only named.  ASSESS_ERROR when the program cannot be run.
 */
assess_err_e assess_errand_start(assess_errand_t *errand,
    const assess_extract_conf_t *conf, const char *reader, int fd, int page,
    assess_picture_e picture, int64_t bytes, int apart, assess_err_t *err);

/*
 * Takes one message, without waiting for it; what it was, and
 * ASSESS_FRAMES_MORE when there was none.  ASSESS_ERROR when there will be
 * none, which gone says.
 */
assess_err_e assess_errand_receive(assess_errand_t *errand,
    assess_frames_e *what, assess_err_t *err);

/* Asks its reader to end. */
void assess_errand_leave(assess_errand_t *errand);

/*
 * Asks its reader to end and waits until it has: nothing reads the document
 * any more.  ASSESS_ERROR when it does not end.
 */
assess_err_e assess_errand_stop(assess_errand_t *errand, assess_err_t *err);


#endif /* ASSESS_ERRAND_H */
