
/* sources: extract/assess_sandbox.c */
/* libs: -lseccomp */

/* Each thing is tried by a process of its own, inside of the sandbox. */

#include "extract/assess_sandbox.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define READABLE  "/usr/share"


static int  pair[2];


/* What is tried gives 0 when it worked, an errno when not. */

static int
result(long rc)
{
    return rc == -1 ? errno : 0;
}


static int
try_compute(void)
{
    char  *p;

    p = malloc(1 << 24);
    if (p == NULL) {
        return ENOMEM;
    }

    memset(p, 1, 1 << 24);
    free(p);

    return result(send(pair[1], "x", 1, MSG_NOSIGNAL));
}


static int
try_read_allowed(void)
{
    return result(open(READABLE, O_RDONLY | O_DIRECTORY));
}


static int
try_read(void)
{
    return result(open("/etc/passwd", O_RDONLY));
}


static int
try_climb(void)
{
    return result(open(READABLE "/../../etc/passwd", O_RDONLY));
}


static int
try_write(void)
{
    return result(open("/dev/null", O_WRONLY));
}


static int
try_create(void)
{
    return result(open("/tmp/assess-sandbox-test", O_RDONLY | O_CREAT, 0600));
}


static int
try_stat(void)
{
    struct stat  st;

    return result(stat("/etc/passwd", &st));
}


static int
try_unlink(void)
{
    return result(unlink("/tmp/assess-sandbox-test"));
}


static int
try_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}


static int
try_address(void)
{
    struct sockaddr_in  in;

    memset(&in, 0, sizeof(in));
    in.sin_family = AF_INET;

    return result(sendto(pair[1], "x", 1, 0, (struct sockaddr *) &in,
                         sizeof(in)));
}


static int
try_limit(void)
{
    struct rlimit  rl;

    rl.rlim_cur = rl.rlim_max = RLIM_INFINITY;

    return result(setrlimit(RLIMIT_CORE, &rl));
}


static int
try_socket(void)
{
    return result(socket(AF_INET, SOCK_STREAM, 0));
}


static int
try_fork(void)
{
    return result(fork());
}


static int
try_exec(void)
{
    char  *argv[] = { "true", NULL };

    return result(execv("/bin/true", argv));
}


static int
try_trace(void)
{
    return result(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}


static int
try_kill(void)
{
    return result(kill(getppid(), SIGCONT));
}


/* An errno, or minus the signal it died by */

static int
inside(int (*try)(void), const char *readable)
{
    int    status;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {

        /* nothing but what is tried counts, so no limits of memory here */

        if (assess_sandbox_limits(0, 5) != 0
            || assess_sandbox_enter(readable) != 0)
        {
            _exit(200);
        }

        _exit(try());
    }

    if (pid == -1 || waitpid(pid, &status, 0) != pid) {
        return 201;
    }

    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}


int
main(void)
{
    int  landlock;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        printf("Bail out! no socket pair\n");
        return 1;
    }

    is_int(inside(try_compute, READABLE), 0, "compute and send frames");

    landlock = inside(try_read_allowed, READABLE) == 0;

    ok(landlock || inside(try_read_allowed, READABLE) == EACCES,
       "read what may be read%s", landlock ? "" : " # no Landlock here");

    is_int(inside(try_read_allowed, NULL), EACCES, "not if nothing may be");
    is_int(inside(try_read, READABLE), EACCES, "no other file");
    is_int(inside(try_read, NULL), EACCES, "none at all without a folder");
    is_int(inside(try_climb, READABLE), EACCES, "not by way of dots");
    ok(inside(try_write, READABLE) != 0, "no writing");
    ok(inside(try_create, READABLE) != 0, "no new file");
    is_int(inside(try_stat, READABLE), EPERM, "no look at a file");
    is_int(inside(try_unlink, READABLE), EPERM, "no deleting");
    is_int(inside(try_code, READABLE), EPERM, "no new code");
    is_int(inside(try_address, READABLE), EPERM, "no message to an address");
    is_int(inside(try_limit, READABLE), EPERM, "no limit lifted");

    is_int(inside(try_socket, READABLE), -SIGSYS, "a socket is the end");
    is_int(inside(try_fork, READABLE), -SIGSYS, "so is a process");
    is_int(inside(try_exec, READABLE), -SIGSYS, "so is a program");
    is_int(inside(try_trace, READABLE), -SIGSYS, "so is a look at another");
    is_int(inside(try_kill, READABLE), -SIGSYS, "so is a signal to another");

    return done_testing();
}
