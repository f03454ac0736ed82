
/*
 * The words between assess-extract and its client.
 *
 * The program has a SOCK_SEQPACKET socket as descriptor 0.  One message is one
 * order: to read a document, whose descriptor comes with it, and to answer in
 * frames over another such socket, which comes behind it.  An end of file means
 * that there will be no more orders.
 *
 * One message is one frame, so that a process killed half-way leaves no half
 * frame behind:
 *
 *     byte 0      type
 *     byte 1      why (FAIL and END)
 *     byte 2, 3   zero
 *     byte 4..7   number, in the byte order of the machine both run on
 *     byte 8..    text (TEXT and PAGE), or a part of a picture (PICTURE)
 *
 * The reader of the document sends TEXT* PAGE for each page in order, then
 * DONE or FAIL; its supervisor sends END, always and last.  An end of file
 * without END means that the supervisor itself is gone.
 *
 * Scanned pages take a thousand times as long as others.  Where an order wants
 * them apart, the reader only says which they are, TEXT* SCAN for PAGE, and
 * each is ordered by itself.
 *
 * An order may want such a page as a picture, not its text: PICTURE* PAGE.
 */

#ifndef ASSESS_FRAME_H
#define ASSESS_FRAME_H


#include "assess_base.h"


#define ASSESS_ORDER_VERSION  4
#define ASSESS_ORDER_FDS      2

#define ASSESS_FRAME_HEAD  8
#define ASSESS_FRAME_MAX   32768        /* bytes of a whole frame */


typedef enum {
    ASSESS_PICTURE_NONE = 0,            /* its text is wanted */
    ASSESS_PICTURE_WEBP,                /* made smaller, and WebP */
    ASSESS_PICTURE_ORIGINAL,            /* as it is, or else PNG */
    ASSESS_PICTURE_MAX
} assess_picture_e;


/* Limits as in assess_extract_conf_t, 0 for no limit of memory or CPU. */
typedef struct {
    uint32_t    version;
    char        reader[12];             /* "pdf", "office", ...; a NUL */
    int64_t     memory;
    int64_t     output;
    int32_t     cpu_s;
    int32_t     wall_s;
    int32_t     pages;
    int32_t     page;                   /* this one alone; 0: all */
    int32_t     apart;                  /* scanned pages are only named */
    int32_t     picture;                /* assess_picture_e, of one page */
} assess_order_t;


typedef enum {
    ASSESS_FRAME_TEXT = 'T',            /* a piece of page number's text */
    ASSESS_FRAME_PAGE = 'P',            /* page number is complete with this */
    ASSESS_FRAME_SCAN = 'S',            /* it is a scan, forget its text */
    ASSESS_FRAME_PICTURE = 'I',         /* a piece of page number as one */
    ASSESS_FRAME_DONE = 'D',            /* number pages, and that was all */
    ASSESS_FRAME_FAIL = 'F',            /* it cannot be read, see why */
    ASSESS_FRAME_END = 'E'              /* the reader has ended, see why */
} assess_frame_e;


typedef enum {
    ASSESS_WHY_NONE = 0,                /* END: it ended as it should */
    ASSESS_WHY_ENCRYPTED,               /* FAIL, as all down to INTERNAL */
    ASSESS_WHY_DAMAGED,
    ASSESS_WHY_TOO_LARGE,
    ASSESS_WHY_PAGES,
    ASSESS_WHY_OUTPUT,
    ASSESS_WHY_UNPACKED,                /* archives: too much is in there */
    ASSESS_WHY_NESTED,                  /* elements too deep in each other */
    ASSESS_WHY_PIXELS,                  /* a picture is too large */
    ASSESS_WHY_OCR,                     /* its languages are not there */
    ASSESS_WHY_MEMORY,                  /* END too */
    ASSESS_WHY_INTERNAL,                /* END too: a system call failed */
    ASSESS_WHY_CPU,                     /* END, as all below */
    ASSESS_WHY_WALL,
    ASSESS_WHY_KILLED,                  /* SIGKILL from the system */
    ASSESS_WHY_CRASHED,                 /* number is the signal, or 0 */
    ASSESS_WHY_STOPPED,                 /* the client asked for it */
    ASSESS_WHY_FORBIDDEN,               /* SIGSYS: the sandbox ended it */
    ASSESS_WHY_DOCTYPE,                 /* FAIL: it declares entities */
    ASSESS_WHY_OLD,                     /* FAIL: older than what is read */
    ASSESS_WHY_DRAWN,                   /* FAIL: a page takes too long */
    ASSESS_WHY_MAX
} assess_why_e;


typedef struct {
    assess_frame_e    type;
    assess_why_e      why;
    uint32_t          number;
    const char       *text;             /* points into the message */
    size_t            len;
} assess_frame_t;


/* 0, or -1 for a message that is no order. */
int assess_order_check(const assess_order_t *order, size_t len);

/* Writes a frame's head. */
void assess_frame_head(char out[ASSESS_FRAME_HEAD], assess_frame_e type,
    assess_why_e why, uint32_t number);

/* 0, or -1 for a message that is no frame. */
int assess_frame_parse(const char *data, size_t len, assess_frame_t *frame);


/*
 * What has come so far.  Nothing that comes is trusted: order, numbers and
 * sizes are checked here.  Zero it and set the limits to begin with; for page n
 * alone pages begins with n - 1, and n is the most.
 */
typedef struct {
    int             max_pages;
    int64_t         max_bytes;
    int             apart;              /* scans are only named */
    int             picture;            /* no text is wanted but a picture */

    assess_buf_t    text;               /* of the page under way; or that */
    int             pages;              /* complete ones */
    int64_t         bytes;              /* of it, over all pages */
    int             done;               /* DONE or FAIL has come */
    int             ended;              /* END has come */
    assess_why_e    why;                /* FAIL's, then END's unless NONE */
    uint32_t        number;
} assess_frames_t;


typedef enum {
    ASSESS_FRAMES_MORE,                 /* nothing to do yet */
    ASSESS_FRAMES_PAGE,                 /* text is page number pages */
    ASSESS_FRAMES_SCAN,                 /* page number pages is a scan */
    ASSESS_FRAMES_END,
    ASSESS_FRAMES_MANY_PAGES,           /* over max_pages */
    ASSESS_FRAMES_MUCH_TEXT,            /* over max_bytes */
    ASSESS_FRAMES_BROKEN,               /* against the protocol */
    ASSESS_FRAMES_NO_MEMORY
} assess_frames_e;

/* Takes one message.  After ASSESS_FRAMES_PAGE, reset text before the next. */
assess_frames_e assess_frames_feed(assess_frames_t *frames, const char *data,
    size_t len);


#endif /* ASSESS_FRAME_H */
