
/* What a reader of documents says to the client: pages, and how it went. */

#ifndef ASSESS_OUT_H
#define ASSESS_OUT_H


#include "../base/assess_frame.h"


#ifdef __cplusplus
extern "C" {
#endif


/* The document is untrusted; nothing else is known of it. */
typedef struct {
    const char   *data;
    size_t        len;

    int           fd;                /* where frames go */
    int           max_pages;
    int64_t       max_bytes;
    int           only;              /* this page alone; 0: all */
    int           apart;             /* scanned pages are only named */
    int           picture;           /* assess_picture_e: of that page */

    int           page;              /* complete ones */
    int           open;              /* the page under way has text */
    int64_t       bytes;
    int64_t       kept;              /* of them, those of complete pages */
    char          frame[ASSESS_FRAME_MAX];
    size_t        used;              /* of frame, its head counted */
} assess_out_t;


/*
 * Text of the page under way, UTF-8.  A page or a byte too many, or a client
 * that is gone, end the process.
 */
void assess_out_text(assess_out_t *out, const char *text, size_t len);

/* The picture that is wanted of the page, all of it; limits as those of text */
void assess_out_picture(assess_out_t *out, const void *data, size_t len);

/* The page is complete. */
void assess_out_page(assess_out_t *out);

/* The page is a scan: for another one to read, with all its text. */
void assess_out_scan(assess_out_t *out);

/* These end the process. */
void assess_out_done(assess_out_t *out) __attribute__((noreturn));
void assess_out_fail(assess_out_t *out, assess_why_e why)
    __attribute__((noreturn));


/*
 * The readers.  prepare() runs before the sandbox is closed and sees no byte
 * of the document; read() runs inside of it and sends everything but the
 * final frame.  Where out is told of one page alone, pages before it count as
 * complete; only readers that name scans are.
 */
typedef struct {
    const char      *name;
    void           (*prepare)(void);
    assess_why_e   (*read)(assess_out_t *out);
} assess_reader_t;

extern const assess_reader_t  assess_reader_pdf;
extern const assess_reader_t  assess_reader_html;
extern const assess_reader_t  assess_reader_text;
extern const assess_reader_t  assess_reader_office;
extern const assess_reader_t  assess_reader_rtf;
extern const assess_reader_t  assess_reader_mail;
extern const assess_reader_t  assess_reader_image;


/*
 * Set, in memory shared with the supervisor, once an allocation has failed
 * that a process of ordinary size would have got.
 */
extern volatile int  *assess_memory_failed;


#ifdef __cplusplus
}
#endif


#endif /* ASSESS_OUT_H */
