
/*
 * Text that is ready to be used: good UTF-8 of moderate size.  It needs no
 * parser, and so no process to keep one in.
 */

#ifndef ASSESS_PLAIN_H
#define ASSESS_PLAIN_H


#include "../base/assess_base.h"


/*
 * Bytes; what is larger is read elsewhere, where time and memory are bounded.
 */
#define ASSESS_PLAIN_MAX  (256 * 1024)


/* The pages of a text, one after the other. */
typedef struct {
    const char   *p;                 /* the next one; NULL: there is none */
    const char   *end;
} assess_plain_t;


/*
 * Whether it is such a text: no NUL, nothing but UTF-8, and not too long.
 * Then it can be taken apart as often as wanted.
 */
int assess_plain_init(assess_plain_t *plain, const char *data, size_t len);

/*
 * The next page, inside of the text; 0 behind the last.  A form feed ends a
 * page, as it does on paper; there is always one.  A byte order mark is no
 * part of it.
 */
int assess_plain_next(assess_plain_t *plain, assess_str_t *page);


#endif /* ASSESS_PLAIN_H */
