
/*
 * What a reader of documents may do once it is inside: compute, allocate, and
 * write to the descriptors it has.
 */

#ifndef ASSESS_SANDBOX_H
#define ASSESS_SANDBOX_H


#include <stdint.h>


/* Bytes of address space that this process has by now; 0: not known. */
int64_t assess_sandbox_mapped(void);

/* The rlimits of this process; 0 is no limit.  0, or -1 with errno. */
int assess_sandbox_limits(int64_t memory, int cpu_s);

/*
 * Closes the sandbox for the rest of this process's life.  -1 with errno when
 * the kernel has no seccomp; without Landlock no file can be opened at all,
 * with it those of readable can (an absolute path, or NULL).
 */
int assess_sandbox_enter(const char *readable);

/* What this kernel gives, one "name value" a line. */
void assess_sandbox_report(void);


#endif /* ASSESS_SANDBOX_H */
