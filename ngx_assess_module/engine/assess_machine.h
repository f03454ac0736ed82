
/*
 * What the kernel says of how busy the machine is: the load average, how much
 * of the time somebody waited for a core or for memory (PSI), of the machine
 * or of the control group that this process is in, whichever is worse, and how
 * long the calling thread waited for a core.  The files are those of /proc and
 * of cgroup v2, below root, which is "" but in tests.
 *
 * They are opened once and read in place.  That is no I/O: the kernel writes
 * the few numbers down as they are read, in some microseconds.
 */

#ifndef ASSESS_MACHINE_H
#define ASSESS_MACHINE_H


#include "../base/assess_base.h"


typedef struct assess_machine_s  assess_machine_t;


/* What is not known is negative. */
typedef struct {
    double   load;       /* that have or want a core, averaged over a minute */
    double   cpu;        /* of the time since the last look, 0 to 1, somebody */
    double   memory;     /* waited for a core, or for memory */
} assess_machine_look_t;


/* NULL is out of memory; a file that is not there is no failure. */
assess_machine_t *assess_machine_open(const char *root);
void assess_machine_close(assess_machine_t *machine);

/* Whether the kernel tells of pressure at all. */
int assess_machine_pressure(const assess_machine_t *machine);

/* now is of a clock that only goes on, in microseconds. */
void assess_machine_look(assess_machine_t *machine, int64_t now,
    assess_machine_look_t *look);

/*
 * Microseconds that the thread which opened it stood ready and waited for a
 * core, since it was asked last; negative: not known.
 */
int64_t assess_machine_waited(assess_machine_t *machine);


#endif /* ASSESS_MACHINE_H */
