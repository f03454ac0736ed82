
/*
 * Notes that an allocation failed.  Poppler answers one with abort(), which
 * looks like any other crash from outside; with this the supervisor can tell
 * a document that needs too much from one that is broken.
 */

#include "assess_out.h"

#include <stdlib.h>


/*
 * A size beyond any document's need is a damaged number in a file, and
 * poppler goes on without; it would have failed without a limit, too.
 */
#define ASSESS_MEMORY_ABSURD  ((size_t) 16 << 30)


static int     assess_memory_own;
volatile int  *assess_memory_failed = &assess_memory_own;


#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASSESS_MEMORY_SANITIZER  1
#endif
#endif

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) \
    && !defined(ASSESS_MEMORY_SANITIZER)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);


static void *
assess_memory_note(void *p, size_t size)
{
    if (p == NULL && size != 0 && size < ASSESS_MEMORY_ABSURD) {
        *assess_memory_failed = 1;
    }

    return p;
}


void *
malloc(size_t size)
{
    return assess_memory_note(__libc_malloc(size), size);
}


void *
calloc(size_t n, size_t size)
{
    size_t  total;

    if (__builtin_mul_overflow(n, size, &total)) {
        total = ASSESS_MEMORY_ABSURD;
    }

    return assess_memory_note(__libc_calloc(n, size), total);
}


void *
realloc(void *p, size_t size)
{
    return assess_memory_note(__libc_realloc(p, size), size);
}

#endif
