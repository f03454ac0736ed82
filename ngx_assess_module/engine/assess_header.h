
/* Lines of the header of an HTTP answer, as libcurl hands them over. */

#ifndef ASSESS_HEADER_H
#define ASSESS_HEADER_H


#include <stddef.h>


/*
 * Where the line is of that name, in small letters, its value without what is
 * around it, ended with a NUL; else value stays.  So it does where the value is
 * longer than size - 1 bytes, or has a NUL in it.
 */
void assess_header_keep(const char *line, size_t len, const char *name,
    char *value, size_t size);


#endif /* ASSESS_HEADER_H */
