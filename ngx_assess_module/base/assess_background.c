
#ifndef _GNU_SOURCE
#define _GNU_SOURCE                     /* SCHED_IDLE */
#endif

#include "assess_background.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>


#define ASSESS_NICE          10
#define ASSESS_SLICE         100000             /* ns, the least there is */

/* a third of the share of another session: a document must get on, too */
#define ASSESS_SESSION_NICE  "5"


/* sched_setattr(2); glibc has no wrapper, and the kernel's header clashes */

typedef struct {
    uint32_t   size;
    uint32_t   policy;
    uint64_t   flags;
    int32_t    nice;
    uint32_t   priority;
    uint64_t   runtime;
    uint64_t   deadline;
    uint64_t   period;
} assess_sched_attr_t;


/*
 * Since Linux 6.12 whoever wakes up waits for the end of the slice of whom it
 * interrupts, unless its own is shorter; and a slice is some milliseconds.
 */

static void
assess_slice(int nice)
{
    assess_sched_attr_t  attr;

    memset(&attr, 0, sizeof(assess_sched_attr_t));
    attr.size = sizeof(assess_sched_attr_t);
    attr.policy = SCHED_OTHER;
    attr.nice = nice;
    attr.runtime = ASSESS_SLICE;

    (void) syscall(SYS_sched_setattr, 0, &attr, 0);
}


void
assess_background(int idle)
{
    struct sched_param  param;

    /* on Linux a thread has a nice value of its own */

    (void) setpriority(PRIO_PROCESS, 0, ASSESS_NICE);

    if (idle) {
        memset(&param, 0, sizeof(struct sched_param));
        (void) sched_setscheduler(0, SCHED_IDLE, &param);
        return;
    }

    assess_slice(ASSESS_NICE);
}


void
assess_background_session(void)
{
    int  fd;

    if (getsid(0) != getpid()) {
        return;
    }

    fd = open("/proc/self/autogroup", O_WRONLY|O_CLOEXEC);

    if (fd != -1) {
        (void) !write(fd, ASSESS_SESSION_NICE, strlen(ASSESS_SESSION_NICE));
        (void) close(fd);
    }
}


void
assess_foreground(void)
{
    int  nice;

    errno = 0;
    nice = getpriority(PRIO_PROCESS, 0);

    /* an operator who chose another policy knows why */

    if (errno == 0 && sched_getscheduler(0) == SCHED_OTHER) {
        assess_slice(nice);
    }
}
