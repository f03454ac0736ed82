
/*
 * assess-extract KIND MEMORY CPU WALL PAGES OUTPUT
 * assess-extract --check
 *
 * Reads the document on descriptor 0, a regular file, and writes frames to
 * descriptor 1, a SOCK_SEQPACKET socket; limits as in assess_extract_conf_t,
 * 0 for no limit of memory or CPU.  This process only watches: the document
 * is read by a child of it in a sandbox, so that whoever started this sees it
 * end normally whatever the document does, and learns what that was.
 */

#include "assess_out.h"
#include "assess_sandbox.h"
#include "../base/assess_background.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>


#define ASSESS_DOCUMENT_FD  0
#define ASSESS_FRAMES_FD    1

/* CMaps and the like; read once a document asks for them */
#define ASSESS_POPPLER_DIR  "/usr/share/poppler"


typedef struct {
    const assess_reader_t  *reader;
    int64_t                 memory;
    int64_t                 cpu_s;
    int64_t                 wall_s;
    int64_t                 pages;
    int64_t                 output;
} assess_task_t;


static int assess_task_parse(assess_task_t *task, int argc, char **argv);
static int assess_number(const char *text, int64_t max, int64_t *number);
static assess_why_e assess_supervise(const assess_task_t *task,
    uint32_t *number);
static assess_why_e assess_watch(const assess_task_t *task, pid_t pid,
    int signals);
static assess_why_e assess_verdict(const assess_task_t *task, pid_t pid,
    uint32_t *number);
static void assess_read_document(const assess_task_t *task, pid_t parent)
    __attribute__((noreturn));
static int assess_map(assess_out_t *out);
static void assess_first_to_go(void);


static const assess_reader_t  *assess_readers[] = {
    &assess_reader_pdf,
    &assess_reader_html,
    &assess_reader_text
};


int
main(int argc, char **argv)
{
    char           frame[ASSESS_FRAME_HEAD];
    uint32_t       number;
    assess_why_e   why;
    assess_task_t  task;

    if (argc == 2 && strcmp(argv[1], "--check") == 0) {
        assess_sandbox_report();
        return 0;
    }

    if (assess_task_parse(&task, argc, argv) != 0) {
        fprintf(stderr, "usage: assess-extract KIND MEMORY CPU WALL PAGES"
                " OUTPUT\n       assess-extract --check\n");
        return 2;
    }

    number = 0;
    why = assess_supervise(&task, &number);

    assess_frame_head(frame, ASSESS_FRAME_END, why, number);
    (void) send(ASSESS_FRAMES_FD, frame, sizeof(frame),
                MSG_NOSIGNAL | MSG_DONTWAIT);

    /* zero whatever happened: nginx raises an alarm over all else */

    return 0;
}


static int
assess_task_parse(assess_task_t *task, int argc, char **argv)
{
    size_t  i;

    if (argc != 7) {
        return -1;
    }

    task->reader = NULL;

    for (i = 0; i < sizeof(assess_readers) / sizeof(assess_readers[0]); i++) {
        if (strcmp(argv[1], assess_readers[i]->name) == 0) {
            task->reader = assess_readers[i];
        }
    }

    return task->reader == NULL
           || assess_number(argv[2], INT64_MAX, &task->memory) != 0
           || assess_number(argv[3], INT_MAX / 2, &task->cpu_s) != 0
           || assess_number(argv[4], INT_MAX / 2000, &task->wall_s) != 0
           || assess_number(argv[5], INT_MAX / 2, &task->pages) != 0
           || assess_number(argv[6], INT64_MAX, &task->output) != 0
           ? -1 : 0;
}


static int
assess_number(const char *text, int64_t max, int64_t *number)
{
    char  *end;

    errno = 0;
    *number = strtoll(text, &end, 10);

    return errno || end == text || *end || *number < 0 || *number > max
           ? -1 : 0;
}


static assess_why_e
assess_supervise(const assess_task_t *task, uint32_t *number)
{
    int           signals;
    pid_t         pid, self;
    sigset_t      set;
    assess_why_e  why, verdict;

    /*
     * The signal is tied to the thread that started this process, and that
     * one waits in assess_extract() for the end of it: it goes only when its
     * whole process does.  Was it gone before this call, the socket tells.
     */

    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
        return ASSESS_WHY_INTERNAL;
    }

    assess_background(1);

    assess_memory_failed = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (assess_memory_failed == MAP_FAILED) {
        return ASSESS_WHY_INTERNAL;
    }

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);

    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return ASSESS_WHY_INTERNAL;
    }

    signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals == -1) {
        return ASSESS_WHY_INTERNAL;
    }

    self = getpid();
    pid = fork();

    if (pid == -1) {
        return ASSESS_WHY_INTERNAL;
    }

    if (pid == 0) {
        (void) close(signals);
        (void) sigprocmask(SIG_UNBLOCK, &set, NULL);
        assess_read_document(task, self);
    }

    (void) close(ASSESS_DOCUMENT_FD);

    why = assess_watch(task, pid, signals);
    verdict = assess_verdict(task, pid, number);

    return why == ASSESS_WHY_NONE ? verdict : why;
}


/*
 * Until the reader ends, of itself or since its time is up or the client wants
 * no more of it; what is left then is to wait for it.
 */

static assess_why_e
assess_watch(const assess_task_t *task, pid_t pid, int signals)
{
    int                      left;
    int64_t                  end;
    assess_why_e             why;
    struct pollfd            fds[2];
    struct signalfd_siginfo  info;

    fds[0].fd = signals;
    fds[0].events = POLLIN;
    fds[1].fd = ASSESS_FRAMES_FD;
    fds[1].events = POLLIN | POLLRDHUP;

    end = assess_mono_ms() + task->wall_s * 1000;

    for ( ;; ) {

        left = (int) (end - assess_mono_ms());

        if (left <= 0) {
            why = ASSESS_WHY_WALL;
            break;
        }

        if (poll(fds, 2, left) == -1 && errno != EINTR) {
            why = ASSESS_WHY_INTERNAL;
            break;
        }

        if (fds[1].revents) {
            why = ASSESS_WHY_STOPPED;
            break;
        }

        if (read(signals, &info, sizeof(info)) != sizeof(info)) {
            continue;
        }

        if (info.ssi_signo == SIGCHLD) {

            /* one that was only stopped will go on, or run out of time */

            if (info.ssi_code == CLD_STOPPED || info.ssi_code == CLD_CONTINUED)
            {
                continue;
            }

            return ASSESS_WHY_NONE;
        }

        why = ASSESS_WHY_STOPPED;
        break;
    }

    (void) kill(pid, SIGKILL);

    return why;
}


static assess_why_e
assess_verdict(const assess_task_t *task, pid_t pid, uint32_t *number)
{
    int            status;
    pid_t          rc;
    struct rusage  usage;

    do {
        rc = wait4(pid, &status, 0, &usage);
    } while (rc == -1 && errno == EINTR);

    if (rc != pid) {
        return ASSESS_WHY_INTERNAL;
    }

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return ASSESS_WHY_NONE;
    }

    if (*assess_memory_failed) {
        return ASSESS_WHY_MEMORY;
    }

    if (!WIFSIGNALED(status)) {
        return ASSESS_WHY_CRASHED;
    }

    if (WTERMSIG(status) == SIGXCPU) {
        return ASSESS_WHY_CPU;
    }

    if (WTERMSIG(status) == SIGKILL) {
        return task->cpu_s && usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
                              >= task->cpu_s
               ? ASSESS_WHY_CPU : ASSESS_WHY_KILLED;
    }

    *number = (uint32_t) WTERMSIG(status);

    return ASSESS_WHY_CRASHED;
}


static void
assess_read_document(const assess_task_t *task, pid_t parent)
{
    assess_why_e  why;

    static assess_out_t  out;

    out.fd = ASSESS_FRAMES_FD;
    out.max_pages = (int) task->pages;
    out.max_bytes = task->output;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0
        || getppid() != parent)
    {
        _exit(1);
    }

    assess_first_to_go();

    if (assess_map(&out) != 0
        || assess_sandbox_limits(task->memory, (int) task->cpu_s) != 0)
    {
        assess_out_fail(&out, errno == ENOMEM || *assess_memory_failed
                              ? ASSESS_WHY_MEMORY : ASSESS_WHY_INTERNAL);
    }

    task->reader->prepare();

    if (assess_sandbox_enter(task->reader == &assess_reader_pdf
                             ? ASSESS_POPPLER_DIR : NULL)
        != 0)
    {
        assess_out_fail(&out, errno == ENOMEM || *assess_memory_failed
                              ? ASSESS_WHY_MEMORY : ASSESS_WHY_INTERNAL);
    }

    why = task->reader->read(&out);

    if (why == ASSESS_WHY_NONE && *assess_memory_failed) {
        why = ASSESS_WHY_MEMORY;
    }

    if (why != ASSESS_WHY_NONE) {
        assess_out_fail(&out, why);
    }

    assess_out_done(&out);
}


/* The descriptor goes: it may be open for writing, the mapping is not. */

static int
assess_map(assess_out_t *out)
{
    void         *data;
    struct stat   st;

    if (fstat(ASSESS_DOCUMENT_FD, &st) != 0 || !S_ISREG(st.st_mode)) {
        return -1;
    }

    if (st.st_size == 0) {
        out->data = "";
        out->len = 0;

    } else {
        data = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE,
                    ASSESS_DOCUMENT_FD, 0);
        if (data == MAP_FAILED) {
            return -1;
        }

        out->data = data;
        out->len = (size_t) st.st_size;
    }

    return close(ASSESS_DOCUMENT_FD);
}


/* When the machine is out of memory, it is this process that shall go. */

static void
assess_first_to_go(void)
{
    int  fd;

    fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd != -1) {
        if (write(fd, "1000", 4) != 4) {
            /* then the system chooses as it sees fit */
        }
        (void) close(fd);
    }
}
