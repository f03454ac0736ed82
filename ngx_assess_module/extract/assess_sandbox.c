
#include "assess_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>


/*
 * The kernel's interface, by number: libc has no wrapper and Debian 12's
 * header ends at the third version of it.  See landlock(7).
 */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset  444
#define SYS_landlock_add_rule        445
#define SYS_landlock_restrict_self   446
#endif

/*
 * The address sanitizer's shadow is larger than any limit of memory: such a
 * build goes without one.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASSESS_SANDBOX_MEMORY        0
#endif
#endif

#if defined(__SANITIZE_ADDRESS__)
#define ASSESS_SANDBOX_MEMORY        0
#elif !defined(ASSESS_SANDBOX_MEMORY)
#define ASSESS_SANDBOX_MEMORY        1
#endif

#define ASSESS_LANDLOCK_VERSION      1
#define ASSESS_LANDLOCK_PATH         1
#define ASSESS_LANDLOCK_READ_FILE    (UINT64_C(1) << 2)
#define ASSESS_LANDLOCK_READ_DIR     (UINT64_C(1) << 3)


typedef struct {
    uint64_t  fs;
    uint64_t  net;                     /* since version 4 */
    uint64_t  scoped;                  /* since version 6 */
} assess_landlock_ruleset_t;


typedef struct {
    uint64_t  access;
    int32_t   fd;
} __attribute__((packed)) assess_landlock_path_t;


static int assess_landlock_version(void);
static int assess_landlock_enter(int version, const char *readable);
static int assess_landlock_allow(int ruleset, const char *readable);
static int assess_seccomp_enter(int may_open);
static int assess_seccomp_rules(scmp_filter_ctx filter, int may_open);
static int assess_seccomp_works(void);


/* What poppler, libxml2 and malloc do once they are started. */

static const int  assess_seccomp_plain[] = {
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(readv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(lseek),
    SCMP_SYS(_llseek),
    SCMP_SYS(fstat),
    SCMP_SYS(fstat64),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid)
};


/*
 * No reader has business with these: whoever calls one has taken it over.
 * All else that is not allowed just fails, since a library may ask for
 * something harmless and go on without.
 */

static const int  assess_seccomp_deadly[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(clone),
    SCMP_SYS(clone3),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(socket),
    SCMP_SYS(socketpair),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(bpf),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl),
    SCMP_SYS(mount),
    SCMP_SYS(unshare),
    SCMP_SYS(setns)
};


int64_t
assess_sandbox_mapped(void)
{
    int      fd;
    char     text[32];
    ssize_t  n;

    fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    n = read(fd, text, sizeof(text) - 1);
    (void) close(fd);

    if (n <= 0) {
        return 0;
    }

    text[n] = '\0';

    return (int64_t) strtoll(text, NULL, 10) * sysconf(_SC_PAGESIZE);
}


int
assess_sandbox_limits(int64_t memory, int cpu_s)
{
    size_t         i;
    struct rlimit  rl;

    static const struct {
        int     resource;
        rlim_t  value;
    } fixed[] = {
        { RLIMIT_CORE, 0 },
        { RLIMIT_FSIZE, 0 },
        { RLIMIT_NPROC, 0 },
        { RLIMIT_NOFILE, 16 },
        { RLIMIT_MEMLOCK, 0 },
        { RLIMIT_MSGQUEUE, 0 }
    };

    for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {

        rl.rlim_cur = rl.rlim_max = fixed[i].value;

        if (setrlimit((__rlimit_resource_t) fixed[i].resource, &rl) != 0) {
            return -1;
        }
    }

    if (memory > 0 && ASSESS_SANDBOX_MEMORY) {
        rl.rlim_cur = rl.rlim_max = (rlim_t) memory;

        if (setrlimit(RLIMIT_AS, &rl) != 0) {
            return -1;
        }
    }

    if (cpu_s > 0) {

        /* SIGXCPU first, which says why; SIGKILL if it does not help */

        rl.rlim_cur = (rlim_t) cpu_s;
        rl.rlim_max = (rlim_t) cpu_s + 1;

        if (setrlimit(RLIMIT_CPU, &rl) != 0) {
            return -1;
        }
    }

    return 0;
}


int
assess_sandbox_enter(const char *readable)
{
    int  version;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    {
        return -1;
    }

    version = assess_landlock_version();

    if (version > 0 && assess_landlock_enter(version, readable) != 0) {
        return -1;
    }

    return assess_seccomp_enter(version > 0 && readable != NULL);
}


void
assess_sandbox_report(void)
{
    int  seccomp, landlock;

    seccomp = assess_seccomp_works();
    landlock = assess_landlock_version();

    printf("seccomp %s\nlandlock %d\nmemory limit %s\n",
           seccomp ? "yes" : "no", landlock > 0 ? landlock : 0,
           ASSESS_SANDBOX_MEMORY ? "yes" : "no");
}


/* Also -1 where the kernel has it, but it was not turned on at boot. */

static int
assess_landlock_version(void)
{
    return (int) syscall(SYS_landlock_create_ruleset, NULL, 0,
                         ASSESS_LANDLOCK_VERSION);
}


static int
assess_landlock_enter(int version, const char *readable)
{
    int                        ruleset, rc;
    size_t                     size;
    assess_landlock_ruleset_t  all;

    all.fs = (UINT64_C(1) << 13) - 1;
    all.net = 0;
    all.scoped = 0;

    size = offsetof(assess_landlock_ruleset_t, net);

    if (version >= 2) {
        all.fs |= UINT64_C(1) << 13;              /* refer */
    }

    if (version >= 3) {
        all.fs |= UINT64_C(1) << 14;              /* truncate */
    }

    if (version >= 4) {
        all.net = 3;                              /* TCP: bind, connect */
        size = offsetof(assess_landlock_ruleset_t, scoped);
    }

    if (version >= 5) {
        all.fs |= UINT64_C(1) << 15;              /* ioctl of devices */
    }

    if (version >= 6) {
        all.scoped = 3;                           /* abstract unix, signals */
        size = sizeof(all);
    }

    ruleset = (int) syscall(SYS_landlock_create_ruleset, &all, size, 0);
    if (ruleset == -1) {
        return -1;
    }

    rc = assess_landlock_allow(ruleset, readable);

    if (rc == 0) {
        rc = (int) syscall(SYS_landlock_restrict_self, ruleset, 0);
    }

    (void) close(ruleset);

    return rc;
}


static int
assess_landlock_allow(int ruleset, const char *readable)
{
    int                     rc;
    assess_landlock_path_t  path;

    if (readable == NULL) {
        return 0;
    }

    path.access = ASSESS_LANDLOCK_READ_FILE | ASSESS_LANDLOCK_READ_DIR;
    path.fd = open(readable, O_PATH | O_CLOEXEC | O_DIRECTORY);

    if (path.fd == -1) {

        /* what is not installed need not be read */

        return errno == ENOENT ? 0 : -1;
    }

    rc = (int) syscall(SYS_landlock_add_rule, ruleset, ASSESS_LANDLOCK_PATH,
                       &path, 0);

    (void) close(path.fd);

    return rc;
}


static int
assess_seccomp_enter(int may_open)
{
    int              rc;
    scmp_filter_ctx  filter;

    filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) {
        errno = ENOMEM;
        return -1;
    }

    rc = assess_seccomp_rules(filter, may_open);

    if (rc == 0) {
        rc = seccomp_load(filter);
    }

    seccomp_release(filter);

    if (rc != 0) {
        errno = -rc;
        return -1;
    }

    return 0;
}


static int
assess_seccomp_rules(scmp_filter_ctx filter, int may_open)
{
    int           rc;
    size_t        i;
    unsigned int  writing;

    rc = 0;

    for (i = 0; i < sizeof(assess_seccomp_plain) / sizeof(int); i++) {
        rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW,
                               assess_seccomp_plain[i], 0);
    }

    for (i = 0; i < sizeof(assess_seccomp_deadly) / sizeof(int); i++) {
        rc |= seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS,
                               assess_seccomp_deadly[i], 0);
    }

    /* memory that is never executable */

    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                           SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap2), 1,
                           SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                           SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

    /* frames: send() to whom the socket is connected to */

    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1,
                           SCMP_A4(SCMP_CMP_EQ, 0, 0));
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(send), 0);

    /* fstat() as newer libcs do it, with no path */

    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                           SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH,
                                   AT_EMPTY_PATH));

    /* abort() */

    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                           SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t) getpid(), 0));

    writing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;

    if (may_open) {
        rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
        rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
                               SCMP_A1(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
        rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(getdents64),
                               0);

    } else {
        rc |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES),
                               SCMP_SYS(openat), 0);
        rc |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES),
                               SCMP_SYS(open), 0);
    }

    return rc ? -EINVAL : 0;
}


/* A filter cannot be taken back: a process tries it and is gone. */

static int
assess_seccomp_works(void)
{
    int    status;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        _exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
              && assess_seccomp_enter(0) == 0 ? 0 : 1);
    }

    return pid != -1 && waitpid(pid, &status, 0) == pid
           && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
