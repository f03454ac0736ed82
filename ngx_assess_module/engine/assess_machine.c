
#include "assess_machine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define ASSESS_MACHINE_PATH  4096
#define ASSESS_MACHINE_TEXT  512       /* of the files, the part that counts */


/* Of one file that tells of pressure */

typedef struct {
    int       fd;                      /* -1: there is none */
    int64_t   total;                   /* us, when it was read last; -1: not */
} assess_pressure_t;


struct assess_machine_s {
    int                 load;          /* files; -1: not there */
    int                 sched;
    assess_pressure_t   cpu[2];        /* of the machine, of the group */
    assess_pressure_t   memory[2];
    int64_t             looked;        /* us; -1: not yet */
    int64_t             waited;
};


static int
assess_machine_file(const char *root, const char *name)
{
    int   n;
    char  path[ASSESS_MACHINE_PATH];

    n = snprintf(path, sizeof(path), "%s%s", root, name);

    return n < 0 || (size_t) n >= sizeof(path)
           ? -1 : open(path, O_RDONLY|O_CLOEXEC);
}


/* What is in a file, with a zero at its end: its length, or -1 */

static ssize_t
assess_machine_read(int fd, char *text)
{
    ssize_t  n;

    n = fd == -1 ? -1 : pread(fd, text, ASSESS_MACHINE_TEXT - 1, 0);

    if (n >= 0) {
        text[n] = '\0';
    }

    return n;
}


/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345": us, or -1 */

static int64_t
assess_pressure_total(int fd)
{
    char        *at, text[ASSESS_MACHINE_TEXT];
    long long    total;

    if (assess_machine_read(fd, text) < 0 || strncmp(text, "some ", 5) != 0) {
        return -1;
    }

    text[strcspn(text, "\n")] = '\0';
    at = strstr(text, " total=");

    return at && sscanf(at, " total=%lld", &total) == 1 ? (int64_t) total : -1;
}


/* A kernel that was told to keep none has the files, and refuses them. */

static void
assess_pressure_open(assess_pressure_t *pressure, const char *root,
    const char *name)
{
    pressure->total = -1;
    pressure->fd = assess_machine_file(root, name);

    if (pressure->fd != -1 && assess_pressure_total(pressure->fd) < 0) {
        (void) close(pressure->fd);
        pressure->fd = -1;
    }
}


/*
 * Where cgroup v2 lies depends on whether the old one is there, too.  In a
 * container the path is "/", and so it is without any group: there the file
 * tells the same as that of the machine.
 */

static void
assess_pressure_group(assess_pressure_t *pressure, const char *root,
    const char *group, const char *name)
{
    size_t  i;
    char    path[ASSESS_MACHINE_PATH];

    static const char  *mounts[] = {
        "/sys/fs/cgroup", "/sys/fs/cgroup/unified"
    };

    pressure->fd = -1;
    pressure->total = -1;

    for (i = 0; i < 2 && pressure->fd == -1 && group[0]; i++) {
        if (snprintf(path, sizeof(path), "%s%s/%s", mounts[i], group, name)
            < (int) sizeof(path))
        {
            assess_pressure_open(pressure, root, path);
        }
    }
}


/* The line "0::/path" of /proc/self/cgroup; "": there is none */

static void
assess_machine_group(const char *root, char *group)
{
    int       fd;
    char     *at, text[ASSESS_MACHINE_PATH];
    ssize_t   n;

    group[0] = '\0';
    fd = assess_machine_file(root, "/proc/self/cgroup");

    if (fd == -1) {
        return;
    }

    n = read(fd, text, sizeof(text) - 1);
    (void) close(fd);

    if (n <= 0) {
        return;
    }

    text[n] = '\0';
    at = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");

    if (at) {
        at = strchr(at, '/');
        at[strcspn(at, "\n")] = '\0';
        memcpy(group, at, strlen(at) + 1);
    }
}


assess_machine_t *
assess_machine_open(const char *root)
{
    char               group[ASSESS_MACHINE_PATH];
    assess_machine_t  *m;

    m = calloc(1, sizeof(assess_machine_t));
    if (m == NULL) {
        return NULL;
    }

    m->looked = -1;
    m->load = assess_machine_file(root, "/proc/loadavg");
    m->sched = assess_machine_file(root, "/proc/thread-self/schedstat");

    assess_machine_group(root, group);

    assess_pressure_open(&m->cpu[0], root, "/proc/pressure/cpu");
    assess_pressure_open(&m->memory[0], root, "/proc/pressure/memory");
    assess_pressure_group(&m->cpu[1], root, group, "cpu.pressure");
    assess_pressure_group(&m->memory[1], root, group, "memory.pressure");

    (void) assess_machine_waited(m);

    return m;
}


void
assess_machine_close(assess_machine_t *m)
{
    size_t  i;
    int     fds[6];

    if (m == NULL) {
        return;
    }

    fds[0] = m->load;
    fds[1] = m->sched;
    fds[2] = m->cpu[0].fd;
    fds[3] = m->cpu[1].fd;
    fds[4] = m->memory[0].fd;
    fds[5] = m->memory[1].fd;

    for (i = 0; i < 6; i++) {
        if (fds[i] != -1) {
            (void) close(fds[i]);
        }
    }

    free(m);
}


int
assess_machine_pressure(const assess_machine_t *m)
{
    return m->cpu[0].fd != -1 || m->cpu[1].fd != -1 || m->memory[0].fd != -1
           || m->memory[1].fd != -1;
}


/* The worse one of two, as a share of the time since the last look */

static double
assess_pressure_share(assess_pressure_t *pressure, int64_t us)
{
    size_t   i;
    double   share, worse;
    int64_t  total;

    worse = -1;

    for (i = 0; i < 2; i++) {

        total = assess_pressure_total(pressure[i].fd);

        if (total >= 0 && pressure[i].total >= 0 && us > 0) {
            share = (double) (total - pressure[i].total) / (double) us;
            share = share < 0 ? 0 : share > 1 ? 1 : share;
            worse = share > worse ? share : worse;
        }

        pressure[i].total = total;
    }

    return worse;
}


void
assess_machine_look(assess_machine_t *m, int64_t now,
    assess_machine_look_t *look)
{
    char     text[ASSESS_MACHINE_TEXT];
    int64_t  us;

    us = m->looked < 0 ? 0 : now - m->looked;
    m->looked = now;

    look->load = -1;

    if (assess_machine_read(m->load, text) > 0
        && sscanf(text, "%lf", &look->load) != 1)
    {
        look->load = -1;
    }

    look->cpu = assess_pressure_share(m->cpu, us);
    look->memory = assess_pressure_share(m->memory, us);
}


/* The second number is the time in the queues of the cores, in ns. */

int64_t
assess_machine_waited(assess_machine_t *m)
{
    char       text[ASSESS_MACHINE_TEXT];
    int64_t    before;
    long long  ran, waited;

    if (assess_machine_read(m->sched, text) < 0
        || sscanf(text, "%lld %lld", &ran, &waited) != 2)
    {
        return -1;
    }

    before = m->waited;
    m->waited = (int64_t) waited / 1000;

    return m->waited - before;
}
