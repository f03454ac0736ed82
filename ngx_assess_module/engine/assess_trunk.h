
/*
 * Some connections to providers and the transfers on them: a curl multi handle
 * that is driven by those sockets alone which are ready.  Of the carrier's
 * thread (assess_carrier.h).
 */

#ifndef ASSESS_TRUNK_H
#define ASSESS_TRUNK_H


#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>


/*
 * So many transfers, and no more: for each that begins curl looks at all
 * connections to its host, one by one.
 */
#define ASSESS_TRUNK_LINES  256


typedef struct assess_trunk_s  assess_trunk_t;
typedef struct assess_line_s   assess_line_t;

struct assess_trunk_s {
    CURLM            *multi;
    int               epoll;
    uint64_t          tag;       /* in what epoll tells, beside the socket */
    int64_t           due;       /* curl's timer; -1: none */
    int               nlines;    /* that have a transfer */
    int               sockets;   /* that are open */
    int64_t           idle;      /* since then it has had no transfer */
    assess_line_t    *first;     /* that have a transfer */
};


/* An easy handle, used for one transfer after the other, on any trunk. */
struct assess_line_s {
    CURL             *easy;      /* what all transfers share is set */
    assess_trunk_t   *trunk;     /* while it has a transfer */
    assess_line_t    *next;      /* of that, or spare */
    assess_line_t   **prev;
    void             *cargo;     /* the carrier's */
    int               lack;      /* errno of its socket, where that failed */
    char              why[CURL_ERROR_SIZE];
};


/* NULL is out of memory. */
assess_line_t *assess_line_create(void);
void assess_line_destroy(assess_line_t *line);

/*
 * The errno of what this machine lacked for its transfer, which ended with
 * code: descriptors, ports or threads, of which there may be more in a moment.
 * 0: that was not why.
 */
int assess_line_lack(const assess_line_t *line, CURLcode code);

/*
 * Its sockets are looked at by epoll, whose data is (number << 32 | socket).
 * NULL: out of memory.
 */
assess_trunk_t *assess_trunk_create(int epoll, uint32_t number);

/* It has no transfer; its connections are closed. */
void assess_trunk_destroy(assess_trunk_t *trunk);

/* The transfer begins with the next timer.  0, or -1: out of memory. */
int assess_trunk_begin(assess_trunk_t *trunk, assess_line_t *line);

/* Ends its transfer, wherever that is. */
void assess_trunk_end(assess_line_t *line);

/*
 * A socket is ready for these events of epoll, or curl's time has come.  0, or
 * -1: curl has failed, and so have all transfers of this trunk.
 */
int assess_trunk_socket(assess_trunk_t *trunk, int fd, uint32_t events);
int assess_trunk_timer(assess_trunk_t *trunk, int64_t now);

/* A line whose transfer has come to its end, or NULL. */
assess_line_t *assess_trunk_ended(assess_trunk_t *trunk, CURLcode *code);

#endif /* ASSESS_TRUNK_H */
