
#include "assess_header.h"

#include <string.h>
#include <strings.h>


void
assess_header_keep(const char *line, size_t len, const char *name, char *value,
    size_t size)
{
    size_t  n;

    n = strlen(name);

    if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0) {
        return;
    }

    line += n + 1;
    len -= n + 1;

    while (len && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }

    while (len && (unsigned char) line[len - 1] <= ' ') {
        len--;
    }

    if (len < size && memchr(line, '\0', len) == NULL) {
        memcpy(value, line, len);
        value[len] = '\0';
    }
}
