
#include "assess_child.h"
#include "assess_sandbox.h"
#include "../base/assess_background.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>


#define ASSESS_DOCUMENT_FD  0
#define ASSESS_FRAMES_FD    1

/* CMaps and the like; read once a document asks for them */
#define ASSESS_POPPLER_DIR  "/usr/share/poppler"


static const assess_reader_t *assess_child_reader(const char *name);
static int assess_child_descriptors(int document, int sock);
static void assess_child_run(const assess_child_t *child,
    const assess_order_t *order, const assess_reader_t *reader, int document,
    pid_t parent)
    __attribute__((noreturn));
static const char *assess_child_folder(const assess_reader_t *reader);
static int assess_child_map(assess_out_t *out);
static void assess_child_first_to_go(void);


static struct {
    const assess_reader_t  *reader;
    int                     prepared;
} assess_readers[] = {
    { &assess_reader_pdf, 0 },
    { &assess_reader_html, 0 },
    { &assess_reader_text, 0 },
    { &assess_reader_office, 0 },
    { &assess_reader_rtf, 0 },
    { &assess_reader_mail, 0 },
    { &assess_reader_image, 0 }
};


int
assess_child_start(assess_child_t *child, const assess_order_t *order,
    int document, int sock)
{
    pid_t                   self;
    const assess_reader_t  *reader;

    memset(child, 0, sizeof(assess_child_t));

    child->sock = sock;
    child->cpu_s = order->cpu_s;
    child->end = assess_mono_ms() + (int64_t) order->wall_s * 1000;
    child->why = ASSESS_WHY_INTERNAL;

    reader = assess_child_reader(order->reader);

    if (reader) {
        child->failed = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    }

    if (reader == NULL || child->failed == MAP_FAILED) {
        child->failed = NULL;
        (void) close(document);
        return -1;
    }

    self = getpid();
    child->pid = fork();

    if (child->pid == 0) {
        assess_child_run(child, order, reader, document, self);
    }

    (void) close(document);

    /* readers share nothing with each other */

    (void) madvise((void *) child->failed, sizeof(int), MADV_DONTFORK);

    if (child->pid == -1) {
        child->pid = 0;
        return -1;
    }

    child->why = ASSESS_WHY_NONE;

    return 0;
}


/*
 * What a reader prepares is the same for all documents, and nothing of any of
 * them is there yet: it is done once, before the first one, in the parent.
 */

static const assess_reader_t *
assess_child_reader(const char *name)
{
    size_t  i;

    for (i = 0; i < sizeof(assess_readers) / sizeof(assess_readers[0]); i++) {

        if (strcmp(name, assess_readers[i].reader->name) != 0) {
            continue;
        }

        if (!assess_readers[i].prepared) {
            assess_readers[i].reader->prepare();
            assess_readers[i].prepared = 1;
        }

        return assess_readers[i].reader;
    }

    return NULL;
}


void
assess_child_stop(assess_child_t *child, assess_why_e why)
{
    if (child->pid == 0 || child->stopped) {
        return;
    }

    child->stopped = 1;
    child->why = why;

    (void) kill(child->pid, SIGKILL);
}


void
assess_child_ended(assess_child_t *child, int status,
    const struct rusage *usage)
{
    child->pid = 0;

    if (child->stopped) {
        return;
    }

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        child->why = ASSESS_WHY_NONE;

    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
        child->why = ASSESS_WHY_FORBIDDEN;

    } else if (*child->failed) {
        child->why = ASSESS_WHY_MEMORY;

    } else if (!WIFSIGNALED(status)) {
        child->why = ASSESS_WHY_CRASHED;

    } else if (WTERMSIG(status) == SIGXCPU) {
        child->why = ASSESS_WHY_CPU;

    } else if (WTERMSIG(status) == SIGKILL) {
        child->why = child->cpu_s
                     && usage->ru_utime.tv_sec + usage->ru_stime.tv_sec
                        >= child->cpu_s
                     ? ASSESS_WHY_CPU : ASSESS_WHY_KILLED;

    } else {
        child->why = ASSESS_WHY_CRASHED;
        child->number = (uint32_t) WTERMSIG(status);
    }
}


int
assess_child_tell(assess_child_t *child)
{
    char  frame[ASSESS_FRAME_HEAD];

    assess_frame_head(frame, ASSESS_FRAME_END, child->why, child->number);

    if (send(child->sock, frame, sizeof(frame), MSG_NOSIGNAL | MSG_DONTWAIT)
        == -1 && errno == EAGAIN)
    {
        return -1;
    }

    (void) close(child->sock);

    if (child->failed) {
        (void) munmap((void *) child->failed, sizeof(int));
    }

    return 0;
}


/*
 * In the child, before all else: of what its parent has open it keeps its own
 * document and its own socket.
 */

static int
assess_child_descriptors(int document, int sock)
{
    return dup2(document, ASSESS_DOCUMENT_FD) == -1
           || dup2(sock, ASSESS_FRAMES_FD) == -1
           || close_range(3, ~0u, 0) != 0 ? -1 : 0;
}


static void
assess_child_run(const assess_child_t *child, const assess_order_t *order,
    const assess_reader_t *reader, int document, pid_t parent)
{
    int64_t       memory;
    sigset_t      set;
    assess_why_e  why;

    static assess_out_t  out;

    assess_memory_failed = child->failed;

    out.fd = child->sock;
    out.max_pages = order->pages;
    out.max_bytes = order->output;
    out.apart = order->apart;
    out.only = order->page;
    out.picture = order->picture;
    out.page = order->page ? order->page - 1 : 0;

    /* what the machine does not give is no fault of the document */

    if (assess_child_descriptors(document, child->sock) != 0) {
        assess_out_fail(&out, ASSESS_WHY_INTERNAL);
    }

    out.fd = ASSESS_FRAMES_FD;

    sigemptyset(&set);

    if (sigprocmask(SIG_SETMASK, &set, NULL) != 0
        || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    {
        assess_out_fail(&out, ASSESS_WHY_INTERNAL);
    }

    if (getppid() != parent) {
        _exit(1);
    }

    assess_background(1);
    assess_child_first_to_go();

    /* what all readers have in common, its libraries, is no part of its need */

    memory = order->memory ? order->memory + assess_sandbox_mapped() : 0;

    if (assess_child_map(&out) != 0
        || assess_sandbox_limits(memory, order->cpu_s) != 0
        || assess_sandbox_enter(assess_child_folder(reader)) != 0)
    {
        assess_out_fail(&out, errno == ENOMEM || *assess_memory_failed
                              ? ASSESS_WHY_MEMORY : ASSESS_WHY_INTERNAL);
    }

    why = reader->read(&out);

    if (why == ASSESS_WHY_NONE && *assess_memory_failed) {
        why = ASSESS_WHY_MEMORY;
    }

    if (why != ASSESS_WHY_NONE) {
        assess_out_fail(&out, why);
    }

    assess_out_done(&out);
}


/* What may be read meanwhile; a mail may have a PDF in it. */

static const char *
assess_child_folder(const assess_reader_t *reader)
{
    return reader == &assess_reader_pdf || reader == &assess_reader_mail
           ? ASSESS_POPPLER_DIR : NULL;
}


/* The descriptor goes: it may be open for writing, the mapping is not. */

static int
assess_child_map(assess_out_t *out)
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
assess_child_first_to_go(void)
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
