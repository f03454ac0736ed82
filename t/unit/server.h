
/* A server in Perl that a unit test asks: Assess::S3 or Assess::Source. */

#ifndef SERVER_H
#define SERVER_H


#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>


/*
 * Starts the module's serve() with dir, where it writes its port, and up to two
 * more words, of which the last may be NULL.  Its port, or -1.
 */

static int
server_start(pid_t *server, const char *module, const char *dir,
    const char *first, const char *second)
{
    int   i, n, fd;
    char  path[256], use[64], call[64], text[16];

    *server = fork();

    if (*server == 0) {
        (void) snprintf(use, sizeof(use), "-M%s", module);
        (void) snprintf(call, sizeof(call), "%s::serve", module);
        execlp("perl", "perl", "-It/lib", use, "-e", call, dir, first, second,
               (char *) NULL);
        _exit(127);
    }

    (void) snprintf(path, sizeof(path), "%s/port", dir);

    for (i = 0; i < 1000; i++) {
        fd = open(path, O_RDONLY);

        if (fd != -1) {
            n = (int) read(fd, text, sizeof(text) - 1);
            (void) close(fd);
            text[n > 0 ? n : 0] = '\0';
            return n > 0 ? atoi(text) : -1;
        }

        (void) usleep(10000);
    }

    return -1;
}


/* What it does wrong from now on, or with the next request. */

static void __attribute__((unused))
server_fault(const char *dir, const char *what)
{
    char   path[256];
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s/fault", dir);
    f = fopen(path, "w");
    fputs(what, f);
    (void) fclose(f);
}


#endif /* SERVER_H */
