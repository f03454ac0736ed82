
/* One document and the process that reads it, as its parent sees them. */

#ifndef ASSESS_CHILD_H
#define ASSESS_CHILD_H


#include "assess_out.h"

#include <sys/types.h>


typedef struct {
    pid_t           pid;             /* 0: it has ended */
    int             sock;            /* where its frames go, ours to close */
    int64_t         end;             /* of its time, of assess_mono_ms() */
    int32_t         cpu_s;
    volatile int   *failed;          /* see assess_memory_failed */
    int             stopped;         /* by us, and why says so */
    assess_why_e    why;
    uint32_t        number;
} assess_child_t;


/*
 * Starts a reader; both descriptors are taken over.  0, or -1: it has ended
 * already, and there is something to tell.
 */
int assess_child_start(assess_child_t *child, const assess_order_t *order,
    int document, int sock);

/* Ends it for this reason; that it has ended is still to come. */
void assess_child_stop(assess_child_t *child, assess_why_e why);

/* Takes note of its end. */
struct rusage;
void assess_child_ended(assess_child_t *child, int status,
    const struct rusage *usage);

/*
 * Tells the client how it ended, and is done with it.  -1 when the client has
 * yet to make room for it: then again, once the socket can be written to.
 */
int assess_child_tell(assess_child_t *child);


#endif /* ASSESS_CHILD_H */
