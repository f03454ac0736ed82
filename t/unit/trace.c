/* What is a traceparent, and what a child of one looks like. */

/* sources: engine/assess_trace.c base/assess_base.c */

#include "tap.h"

#include "../../ngx_assess_module/engine/assess_trace.h"

#include <string.h>


#define GOOD  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


static void
test_valid(void)
{
    char    text[ASSESS_TRACE_LEN + 2];
    size_t  i;

    ok(assess_trace_valid(GOOD, strlen(GOOD)), "one that is good");
    ok(!assess_trace_valid(NULL, 0), "none");
    ok(!assess_trace_valid(GOOD, strlen(GOOD) - 1), "too short");
    ok(!assess_trace_valid(GOOD "-", strlen(GOOD) + 1), "too long");

    /* each of its bytes has a meaning */

    for (i = 0; i < strlen(GOOD); i++) {
        memcpy(text, GOOD, sizeof(GOOD));
        text[i] = 'A';
        ok(!assess_trace_valid(text, strlen(text)), "\"A\" at %zu", i);
    }

    memcpy(text, GOOD, sizeof(GOOD));
    memset(text + 3, '0', 32);
    ok(!assess_trace_valid(text, strlen(text)), "a trace of zeroes");

    memcpy(text, GOOD, sizeof(GOOD));
    memset(text + 36, '0', 16);
    ok(!assess_trace_valid(text, strlen(text)), "a parent of zeroes");
}


static void
test_child(void)
{
    char    parent[ASSESS_TRACE_LEN + 1], child[ASSESS_TRACE_LEN + 1];
    char    other[ASSESS_TRACE_LEN + 1];
    size_t  i;

    static const struct {
        const char  *flags;
        const char  *child;
    } cases[] = {
        { "00", "00" }, { "01", "01" }, { "02", "00" }, { "03", "01" },
        { "ff", "01" }, { "fe", "00" }, { "0b", "01" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        memcpy(parent, GOOD, sizeof(GOOD));
        memcpy(parent + 53, cases[i].flags, 2);

        ok(assess_trace_child(child, parent) == 0
           && assess_trace_child(other, parent) == 0, "children");
        ok(assess_trace_valid(child, strlen(child)), "valid: %s", child);
        ok(memcmp(child, parent, 36) == 0, "of the same trace");
        ok(memcmp(child + 36, parent + 36, 16) != 0, "by another id");
        ok(memcmp(child + 36, other + 36, 16) != 0, "each by its own");
        is_str(child + 53, cases[i].child, cases[i].flags);
    }
}


int
main(void)
{
    test_valid();
    test_child();

    return done_testing();
}
