
/* Objects as files below a directory. */

#include "assess_document.h"
#include "assess_storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


#define ASSESS_DIRECTORY_PIECE  262144
#define ASSESS_DIRECTORY_DEPTH  3       /* directories in the path of one */
#define ASSESS_DIRECTORY_NAME   200

/* behind the name of a file that is not yet whole */
#define ASSESS_DIRECTORY_NEW    ".new"


typedef struct {
    const char   *path;
} assess_directory_t;


/* The directories of an object, the root first, and its name in the last. */

typedef struct {
    int           fds[ASSESS_DIRECTORY_DEPTH];
    int           n;
    char          name[ASSESS_DIRECTORY_NAME];
} assess_directory_at_t;


static assess_err_e assess_directory_put(void *ctx, const char *object,
    const assess_upload_t *upload, assess_err_t *err);
static assess_err_e assess_directory_get(void *ctx, const char *object,
    int64_t offset, size_t size, assess_buf_t *out, assess_err_t *err);
static assess_err_e assess_directory_remove(void *ctx, const char *object,
    assess_err_t *err);
static int assess_directory_open(void *ctx, const char *object,
    assess_err_t *err);


const assess_storage_ops_t  assess_directory_ops = {
    assess_directory_put,
    assess_directory_get,
    assess_directory_remove,
    assess_directory_open,
    free,
    1,
    0
};


void *
assess_directory_create(const char *path)
{
    assess_directory_t  *dir;

    dir = malloc(sizeof(assess_directory_t));

    if (dir) {
        dir->path = path;
    }

    return dir;
}


/* Of one object, which others may not have: a right, or a sector of a disk */

static assess_err_e
assess_directory_fail(assess_directory_t *dir, const char *what,
    const char *object, int error, assess_err_t *err)
{
    assess_err_e  kind;

    switch (error) {

    case ENOENT:
        kind = ASSESS_NOT_FOUND;
        break;

    case EACCES:
    case EPERM:
    case EIO:
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
        kind = ASSESS_ERROR;
        break;

    default:
        kind = ASSESS_UNAVAILABLE;
    }

    return assess_fail(err, kind, NULL, "%s \"%.200s/%.160s\" failed: %s",
                       what, dir->path, object, strerror(error));
}


/* What is wrong with a change is wrong with the next one, too */

static assess_err_e
assess_directory_unchanged(assess_directory_t *dir, const char *what,
    const char *object, assess_err_t *err)
{
    (void) assess_directory_fail(dir, what, object, errno, err);

    err->kind = ASSESS_UNAVAILABLE;

    return err->kind;
}


static void
assess_directory_leave(assess_directory_at_t *at)
{
    while (at->n) {
        (void) close(at->fds[--at->n]);
    }
}


static int
assess_directory_below(int fd, const char *name, int make)
{
    int  below;

    below = openat(fd, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (below == -1 && errno == ENOENT && make) {

        if (mkdirat(fd, name, 0700) == -1 && errno != EEXIST) {
            return -1;
        }

        below = openat(fd, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    }

    return below;
}


/*
 * To where an object is, or is to be.  The root is looked up each time: what
 * was mounted over it is another directory.  It is never made.
 */

static assess_err_e
assess_directory_enter(assess_directory_t *dir, const char *object, int make,
    assess_directory_at_t *at, assess_err_t *err)
{
    int          fd, error;
    size_t       len;
    const char  *p, *slash;

    at->n = 0;

    fd = open(dir->path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                           "open \"%.300s\" failed: %s", dir->path,
                           strerror(errno));
    }

    at->fds[at->n++] = fd;

    for (p = object; (slash = strchr(p, '/')); p = slash + 1) {

        len = (size_t) (slash - p);

        if (at->n == ASSESS_DIRECTORY_DEPTH || len == 0
            || len >= sizeof(at->name) || *p == '.')
        {
            goto invalid;
        }

        memcpy(at->name, p, len);
        at->name[len] = '\0';

        fd = assess_directory_below(fd, at->name, make);

        if (fd == -1) {
            error = errno;
            assess_directory_leave(at);
            return assess_directory_fail(dir, "open", object, error, err);
        }

        at->fds[at->n++] = fd;
    }

    if (*p == '\0' || *p == '.'
        || strlen(p) + sizeof(ASSESS_DIRECTORY_NEW) > sizeof(at->name))
    {
        goto invalid;
    }

    strcpy(at->name, p);

    return ASSESS_OK;

invalid:

    assess_directory_leave(at);

    return assess_fail(err, ASSESS_ERROR, "internal",
                       "\"%.160s\" is no name of an object", object);
}


static void
assess_directory_new_name(const assess_directory_at_t *at, char *name)
{
    (void) snprintf(name, ASSESS_DIRECTORY_NAME + 8, "%s%s", at->name,
                    ASSESS_DIRECTORY_NEW);
}


static int
assess_directory_write(int fd, const char *data, size_t size)
{
    ssize_t  n;

    while (size) {
        n = write(fd, data, size);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return -1;
        }

        data += n;
        size -= (size_t) n;
    }

    return 0;
}


static assess_err_e
assess_directory_fill(assess_directory_t *dir, const char *object, int fd,
    const assess_upload_t *upload, assess_err_t *err)
{
    char         *piece;
    size_t        size;
    int64_t       offset;
    assess_err_e  rc;

    piece = malloc(ASSESS_DIRECTORY_PIECE);
    if (piece == NULL) {
        return assess_fail(err, ASSESS_ERROR, "internal", "out of memory");
    }

    rc = ASSESS_OK;

    for (offset = 0; offset < upload->bytes; offset += (int64_t) size) {

        size = upload->bytes - offset < ASSESS_DIRECTORY_PIECE
               ? (size_t) (upload->bytes - offset) : ASSESS_DIRECTORY_PIECE;

        rc = assess_upload_read(upload, offset, piece, size, err);
        if (rc != ASSESS_OK) {
            break;
        }

        if (assess_directory_write(fd, piece, size) == -1) {
            rc = assess_directory_unchanged(dir, "write to", object, err);
            break;
        }
    }

    free(piece);

    return rc;
}


/*
 * Under another name until it is whole, and on the disk with all directories
 * that lead to it: another may have made those a moment ago.
 */

static assess_err_e
assess_directory_file(assess_directory_t *dir, const char *object,
    const assess_directory_at_t *at, const assess_upload_t *upload,
    assess_err_t *err)
{
    int           i, fd, last;
    char          name[ASSESS_DIRECTORY_NAME + 8];
    assess_err_e  rc;

    last = at->fds[at->n - 1];
    assess_directory_new_name(at, name);

    fd = openat(last, name, O_WRONLY|O_CREAT|O_TRUNC|O_NOFOLLOW|O_CLOEXEC,
                0600);
    if (fd == -1) {
        return assess_directory_unchanged(dir, "open", object, err);
    }

    rc = assess_directory_fill(dir, object, fd, upload, err);

    if (rc == ASSESS_OK && fsync(fd) == -1) {
        rc = assess_directory_unchanged(dir, "fsync", object, err);
    }

    if (close(fd) == -1 && rc == ASSESS_OK) {
        rc = assess_directory_unchanged(dir, "close", object, err);
    }

    if (rc == ASSESS_OK && renameat(last, name, last, at->name) == -1) {
        rc = assess_directory_unchanged(dir, "rename", object, err);
    }

    for (i = at->n; i-- && rc == ASSESS_OK; /* void */) {
        if (fsync(at->fds[i]) == -1) {
            rc = assess_directory_unchanged(dir, "fsync of the directory of",
                                            object, err);
        }
    }

    if (rc != ASSESS_OK) {
        (void) unlinkat(last, name, 0);
    }

    return rc;
}


static assess_err_e
assess_directory_put(void *ctx, const char *object,
    const assess_upload_t *upload, assess_err_t *err)
{
    assess_directory_t *dir = ctx;

    assess_err_e           rc;
    assess_directory_at_t  at;

    rc = assess_directory_enter(dir, object, 1, &at, err);

    if (rc != ASSESS_OK) {
        err->kind = ASSESS_UNAVAILABLE;
        return err->kind;
    }

    rc = assess_directory_file(dir, object, &at, upload, err);

    assess_directory_leave(&at);

    return rc;
}


static int
assess_directory_open(void *ctx, const char *object, assess_err_t *err)
{
    assess_directory_t *dir = ctx;

    int                    fd;
    assess_directory_at_t  at;

    if (assess_directory_enter(dir, object, 0, &at, err) != ASSESS_OK) {
        return -1;
    }

    fd = openat(at.fds[at.n - 1], at.name,
                O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        (void) assess_directory_fail(dir, "open", object, errno, err);
    }

    assess_directory_leave(&at);

    return fd;
}


static assess_err_e
assess_directory_get(void *ctx, const char *object, int64_t offset,
    size_t size, assess_buf_t *out, assess_err_t *err)
{
    int           fd;
    ssize_t       n;
    assess_err_e  rc;

    fd = assess_directory_open(ctx, object, err);
    if (fd == -1) {
        return err->kind;
    }

    rc = ASSESS_OK;

    /* where there is no memory, out says so */

    if (assess_buf_reserve(out, size + 1) != 0) {
        (void) close(fd);
        return ASSESS_OK;
    }

    while (size) {
        n = pread(fd, out->data + out->len, size, (off_t) offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n < 0) {
            rc = assess_directory_fail(ctx, "read", object, errno, err);
        }

        if (n <= 0) {
            break;
        }

        out->len += (size_t) n;
        offset += n;
        size -= (size_t) n;
    }

    out->data[out->len] = '\0';

    (void) close(fd);

    return rc;
}


/* Half of it, too, if that is what a crash left. */

static assess_err_e
assess_directory_remove(void *ctx, const char *object, assess_err_t *err)
{
    assess_directory_t *dir = ctx;

    int                    last;
    char                   name[ASSESS_DIRECTORY_NAME + 8];
    assess_err_e           rc;
    assess_directory_at_t  at;

    rc = assess_directory_enter(dir, object, 0, &at, err);

    if (rc == ASSESS_NOT_FOUND) {
        return ASSESS_OK;
    }

    if (rc != ASSESS_OK) {
        err->kind = ASSESS_UNAVAILABLE;
        return err->kind;
    }

    last = at.fds[at.n - 1];
    assess_directory_new_name(&at, name);

    if ((unlinkat(last, at.name, 0) == -1 && errno != ENOENT)
        || (unlinkat(last, name, 0) == -1 && errno != ENOENT)
        || fsync(last) == -1)
    {
        rc = assess_directory_unchanged(dir, "remove", object, err);
    }

    assess_directory_leave(&at);

    return rc;
}
