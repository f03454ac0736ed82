
/*
 * A disk that is full: preloaded into a program, it refuses whatever would
 * make a file below a directory longer, for as long as another file is there.
 * What lies within a file's length is written, as a real disk does it.
 *
 *   LD_PRELOAD=full_disk.so FULL_DISK_BELOW=/directory FULL_DISK_WHEN=/file
 *
 * Root, and tests in a container, cannot count on a quota or a mount.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>


#define NEXT(name)  dlsym(RTLD_NEXT, name)


static char    below[4096], when[4096];
static size_t  below_len;


/* While there is one thread, and before a program tidies its environment. */

__attribute__((constructor))
static void
full_disk_init(void)
{
    const char  *dir, *file;

    dir = getenv("FULL_DISK_BELOW");
    file = getenv("FULL_DISK_WHEN");

    if (dir && file && strlen(dir) < sizeof(below)
        && strlen(file) < sizeof(when))
    {
        strcpy(below, dir);
        strcpy(when, file);
        below_len = strlen(below);
    }
}


static int
full_disk_now(void)
{
    int  error, now;

    error = errno;
    now = below_len && access(when, F_OK) == 0;
    errno = error;

    return now;
}


/* Whether fd is a file of that disk, and is not as long as end. */

static int
full_disk(int fd, off_t end)
{
    char         name[64], path[4096];
    ssize_t      n;
    struct stat  st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || end <= st.st_size) {
        return 0;
    }

    (void) snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    n = readlink(name, path, sizeof(path) - 1);

    return n > (ssize_t) below_len && memcmp(path, below, below_len) == 0
           && path[below_len] == '/';
}


static int
full_disk_refuses(int fd, off_t end)
{
    int  error, full;

    if (!full_disk_now()) {
        return 0;
    }

    error = errno;
    full = full_disk(fd, end);
    errno = full ? ENOSPC : error;

    return full;
}


static off_t
full_disk_place(int fd)
{
    int          error;
    off_t        place;
    struct stat  st;

    error = errno;

    if (fcntl(fd, F_GETFL) & O_APPEND) {
        place = fstat(fd, &st) == 0 ? st.st_size : 0;

    } else {
        place = lseek(fd, 0, SEEK_CUR);
    }

    errno = error;

    return place < 0 ? 0 : place;
}


static size_t
full_disk_sum(const struct iovec *iov, int n)
{
    int     i;
    size_t  sum;

    sum = 0;

    for (i = 0; i < n; i++) {
        sum += iov[i].iov_len;
    }

    return sum;
}


ssize_t
write(int fd, const void *data, size_t len)
{
    static ssize_t  (*next)(int, const void *, size_t);

    next = next ? next : (ssize_t (*)(int, const void *, size_t))
                         NEXT("write");

    return full_disk_now() && len
           && full_disk_refuses(fd, full_disk_place(fd) + (off_t) len)
           ? -1 : next(fd, data, len);
}


ssize_t
writev(int fd, const struct iovec *iov, int n)
{
    static ssize_t  (*next)(int, const struct iovec *, int);

    next = next ? next : (ssize_t (*)(int, const struct iovec *, int))
                         NEXT("writev");

    return full_disk_now()
           && full_disk_refuses(fd, full_disk_place(fd)
                                    + (off_t) full_disk_sum(iov, n))
           ? -1 : next(fd, iov, n);
}


ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
    static ssize_t  (*next)(int, const void *, size_t, off_t);

    next = next ? next : (ssize_t (*)(int, const void *, size_t, off_t))
                         NEXT("pwrite");

    return full_disk_refuses(fd, at + (off_t) len) ? -1
           : next(fd, data, len, at);
}


ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
    static ssize_t  (*next)(int, const struct iovec *, int, off_t);

    next = next ? next : (ssize_t (*)(int, const struct iovec *, int, off_t))
                         NEXT("pwritev");

    return full_disk_refuses(fd, at + (off_t) full_disk_sum(iov, n)) ? -1
           : next(fd, iov, n, at);
}


/* This one returns its error. */

int
posix_fallocate(int fd, off_t at, off_t len)
{
    static int  (*next)(int, off_t, off_t);

    next = next ? next : (int (*)(int, off_t, off_t))
                         NEXT("posix_fallocate");

    return full_disk_refuses(fd, at + len) ? ENOSPC : next(fd, at, len);
}


int
fallocate(int fd, int mode, off_t at, off_t len)
{
    static int  (*next)(int, int, off_t, off_t);

    next = next ? next : (int (*)(int, int, off_t, off_t))
                         NEXT("fallocate");

    return mode == 0 && full_disk_refuses(fd, at + len) ? -1
           : next(fd, mode, at, len);
}


/* The same under the names that large files have. */

ssize_t
pwrite64(int fd, const void *data, size_t len, off_t at)
{
    return pwrite(fd, data, len, at);
}


ssize_t
pwritev64(int fd, const struct iovec *iov, int n, off_t at)
{
    return pwritev(fd, iov, n, at);
}


int
posix_fallocate64(int fd, off_t at, off_t len)
{
    return posix_fallocate(fd, at, len);
}


int
fallocate64(int fd, int mode, off_t at, off_t len)
{
    return fallocate(fd, mode, at, len);
}
