
/* The provider's account; its form is in the header. */

#include "provider_answer.h"
#include "provider_log.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define LOG_LINE   8192
#define LOG_KNOWN  16              /* processes that asked before */


static int  log_fd = -1;


int
provider_log_open(const char *name)
{
    log_fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    return log_fd == -1 ? -1 : 0;
}


long long
provider_log_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (long long) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


/* An account that cannot be kept is worth nothing: so is the provider. */

static void
log_write(const char *line, size_t len)
{
    if (write(log_fd, line, len) != (ssize_t) len) {
        perror("provider: log");
        exit(1);
    }
}


/* The inode of the other end of a connection on this machine. */

static unsigned long
log_peer_inode(int fd)
{
    FILE                *f;
    char                 line[512];
    unsigned             local, remote, peer, own;
    socklen_t            len;
    unsigned long        inode, found;
    struct sockaddr_in   sin;

    found = 0;
    len = sizeof(sin);

    if (getpeername(fd, (struct sockaddr *) &sin, &len) != 0) {
        return 0;
    }

    peer = ntohs(sin.sin_port);
    len = sizeof(sin);

    if (getsockname(fd, (struct sockaddr *) &sin, &len) != 0) {
        return 0;
    }

    own = ntohs(sin.sin_port);

    f = fopen("/proc/net/tcp", "re");
    if (f == NULL) {
        return 0;
    }

    while (found == 0 && fgets(line, sizeof(line), f)) {

        if (sscanf(line, " %*d: %*x:%x %*x:%x %*x %*x:%*x %*x:%*x %*x %*u "
                   "%*d %lu", &local, &remote, &inode) == 3
            && local == peer && remote == own)
        {
            found = inode;
        }
    }

    fclose(f);

    return found;
}


static int
log_has_inode(long pid, unsigned long inode)
{
    int             found;
    DIR            *dir;
    char            name[64], want[64], link[64];
    ssize_t         n;
    struct dirent  *entry;

    (void) snprintf(name, sizeof(name), "/proc/%ld/fd", pid);
    (void) snprintf(want, sizeof(want), "socket:[%lu]", inode);

    dir = opendir(name);
    if (dir == NULL) {
        return 0;
    }

    for (found = 0; !found && (entry = readdir(dir)); /* void */ ) {

        n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

        if (n > 0) {
            link[n] = '\0';
            found = strcmp(link, want) == 0;
        }
    }

    closedir(dir);

    return found;
}


static int
log_is_nginx(const char *pid)
{
    FILE  *f;
    char   name[64], comm[32];
    int    is;

    (void) snprintf(name, sizeof(name), "/proc/%.20s/comm", pid);

    f = fopen(name, "re");
    if (f == NULL) {
        return 0;
    }

    is = fgets(comm, sizeof(comm), f) && strncmp(comm, "nginx", 5) == 0;
    fclose(f);

    return is;
}


/* All of them are looked at only for the first connection of each. */

long
provider_log_peer(int fd)
{
    DIR            *dir;
    int             i;
    long            pid;
    unsigned long   inode;
    struct dirent  *entry;

    static int      at;
    static long     known[LOG_KNOWN];

    inode = log_fd == -1 ? 0 : log_peer_inode(fd);

    for (i = 0; inode && i < LOG_KNOWN; i++) {
        if (known[i] && log_has_inode(known[i], inode)) {
            return known[i];
        }
    }

    dir = inode ? opendir("/proc") : NULL;

    if (dir == NULL) {
        return 0;
    }

    for (pid = 0; pid == 0 && (entry = readdir(dir)); /* void */ ) {

        if (isdigit((unsigned char) entry->d_name[0])
            && log_is_nginx(entry->d_name)
            && log_has_inode(atol(entry->d_name), inode))
        {
            pid = atol(entry->d_name);
            known[at++ % LOG_KNOWN] = pid;
        }
    }

    closedir(dir);

    return pid;
}


/* The document's name as the prompt has it, spaces made underscores. */

static void
log_document(json_t *body, char *name, size_t size)
{
    size_t       i;
    const char  *text, *p;

    static const char  mark[] = "<document name=\"";

    text = provider_prompt(body);
    p = text ? strstr(text, mark) : NULL;
    p = p ? p + sizeof(mark) - 1 : "-\"";

    for (i = 0; i < size - 1 && p[i] && p[i] != '"'; i++) {
        name[i] = isgraph((unsigned char) p[i]) ? p[i] : '_';
    }

    name[i] = '\0';
}


void
provider_log_request(long long now, long number, long pid,
    const char *path, json_t *body, json_t *ids)
{
    int        n;
    char       line[LOG_LINE], name[128];
    size_t     i, len;

    if (log_fd == -1) {
        return;
    }

    log_document(body, name, sizeof(name));

    n = snprintf(line, sizeof(line), "Q %lld %ld %ld %.*s %s", now, number,
                 pid, (int) strcspn(path, " ?\r"), path, name);
    len = (size_t) n;

    for (i = 0; i < json_array_size(ids) && len < sizeof(line) - 130; i++) {
        n = snprintf(line + len, sizeof(line) - len, " %.127s",
                     json_string_value(json_array_get(ids, i)));
        len += (size_t) n;
    }

    line[len++] = '\n';
    log_write(line, len);
}


static long
log_tokens(const char *reply, const char *name)
{
    const char  *p;

    /* the last one: a quote may hold the word as well */

    for (p = NULL; reply && (reply = strstr(reply, name)); reply++) {
        p = reply;
    }

    return p ? atol(p + strlen(name)) : 0;
}


void
provider_log_answer(long number, int status, const char *reply)
{
    int   n;
    char  line[128];

    if (log_fd == -1) {
        return;
    }

    n = snprintf(line, sizeof(line), "A %lld %ld %d %ld %ld\n", provider_log_now(),
                 number, status, log_tokens(reply, "\"prompt_tokens\":"),
                 log_tokens(reply, "\"completion_tokens\":"));
    log_write(line, (size_t) n);
}


void
provider_log_given_up(long number)
{
    int   n;
    char  line[128];

    if (log_fd == -1) {
        return;
    }

    n = snprintf(line, sizeof(line), "X %lld %ld\n", provider_log_now(), number);
    log_write(line, (size_t) n);
}
