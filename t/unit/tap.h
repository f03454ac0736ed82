
/* The Test Anything Protocol, as much of it as a unit test needs. */

#ifndef TAP_H
#define TAP_H


#include <stdarg.h>
#include <stdio.h>
#include <string.h>


static int  tap_run, tap_failed;


static int __attribute__((unused, format(printf, 2, 3)))
ok(int good, const char *fmt, ...)
{
    va_list  args;

    tap_run++;

    if (!good) {
        tap_failed++;
    }

    printf("%sok %d - ", good ? "" : "not ", tap_run);

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);

    printf("\n");
    fflush(stdout);

    return good;
}


static int __attribute__((unused))
is_str(const char *got, const char *want, const char *name)
{
    int  same;

    same = got && want ? strcmp(got, want) == 0 : got == want;

    ok(same, "%s", name);

    if (!same) {
        printf("#      got: %s\n# expected: %s\n", got ? got : "(null)",
               want ? want : "(null)");
    }

    return same;
}


static int __attribute__((unused))
is_int(long long got, long long want, const char *name)
{
    ok(got == want, "%s", name);

    if (got != want) {
        printf("#      got: %lld\n# expected: %lld\n", got, want);
    }

    return got == want;
}


static int __attribute__((unused))
done_testing(void)
{
    printf("1..%d\n", tap_run);

    return tap_failed ? 1 : 0;
}


#endif /* TAP_H */
