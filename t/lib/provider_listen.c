
/* Where the test provider listens. */

#include "provider_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>


static void
listen_die(const char *what)
{
    fprintf(stderr, "provider: %s: %s\n", what, strerror(errno));
    exit(1);
}


int
provider_listen(int port, int *fd)
{
    int                 on = 1;
    socklen_t           len;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (*fd < 0
        || setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on))
        || bind(*fd, (struct sockaddr *) &sin, sizeof(sin))
        || listen(*fd, 4096)
        || getsockname(*fd, (struct sockaddr *) &sin, &len))
    {
        listen_die("listen");
    }

    return ntohs(sin.sin_port);
}


void
provider_tell_port(const char *file, int port)
{
    FILE  *f;
    char   name[4096];

    printf("provider: ready on http://127.0.0.1:%d/v1\n", port);
    fflush(stdout);

    if (file[strspn(file, "0123456789")] == '\0') {
        return;
    }

    (void) snprintf(name, sizeof(name), "%s.new", file);

    f = fopen(name, "w");
    if (f == NULL || fprintf(f, "%d\n", port) < 0 || fclose(f) != 0
        || rename(name, file) != 0)
    {
        listen_die(file);
    }
}
