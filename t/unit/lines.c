
/* sources: engine/assess_lines.c store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */

/* What a run tells: how much of it, and what of it is written once. */

#include "engine/assess_lines.h"
#include "tap.h"

#include <stdlib.h>


static size_t
count(const assess_buf_t *text)
{
    size_t  i, n;

    for (i = 0, n = 0; i < text->len; i++) {
        n += text->data[i] == '\n';
    }

    return n;
}


static int
has(const assess_buf_t *text, const char *what)
{
    return text->len && strstr(text->data, what) != NULL;
}


static void
test_text(void)
{
    char            *end;
    assess_lines_t   lines;

    assess_lines_init(&lines, 1);

    assess_lines_add(&lines, ASSESS_LEVEL_WARN, "a %s\nb\t%d", "x", 7);
    ok(llabs(strtoll(lines.text.data, &end, 10) - assess_mono_ms()) < 10000,
       "it begins with when it was said");
    is_str(end, " warn a x b 7\n", "its level, and the rest is one line");

    assess_lines_add(&lines, ASSESS_LEVEL_INFO, "%01000d", 1);
    is_int((long long) count(&lines.text), 2, "another one");
    ok(lines.text.len < 2 * ASSESS_LOG_LINE, "a long one is cut");

    assess_lines_written(&lines, lines.text.len);
    is_int((long long) lines.text.len, 0, "all of it is written");

    assess_lines_free(&lines);
}


static void
test_written(void)
{
    size_t          len;
    assess_lines_t  lines;

    assess_lines_init(&lines, 1);

    assess_lines_add(&lines, ASSESS_LEVEL_INFO, "first");
    len = lines.text.len;
    assess_lines_add(&lines, ASSESS_LEVEL_ERROR, "second");

    assess_lines_written(&lines, len);
    ok(!has(&lines.text, "first"), "what was written is gone");
    ok(has(&lines.text, " error second\n"), "what was said since is not");
    is_int((long long) count(&lines.text), 1, "one line");

    assess_lines_free(&lines);
}


static void
test_bounded(void)
{
    int             i;
    assess_lines_t  lines;

    assess_lines_init(&lines, 1);

    for (i = 0; i < 10000; i++) {
        assess_lines_add(&lines, ASSESS_LEVEL_INFO, "line %d;", i);
    }

    is_int((long long) count(&lines.text), ASSESS_LINES_FIRST,
           "so many as they come");

    assess_lines_written(&lines, lines.text.len);
    assess_lines_close(&lines);

    is_int((long long) count(&lines.text), ASSESS_LINES_LAST + 1,
           "the last ones come with the end");
    ok(has(&lines.text, " info 9400 lines are left out here\n"),
       "that some are missing is said");
    ok(strstr(lines.text.data, "left out") < strstr(lines.text.data, "9900;"),
       "in their place");
    ok(has(&lines.text, "line 9999;") && !has(&lines.text, "line 9899;"),
       "and they are the last ones, in their order");
    ok(count(&lines.text) + ASSESS_LINES_FIRST < ASSESS_LOG_ROW,
       "all of them would fit into one row");

    /* a second end, where the first one could not be saved */

    assess_lines_written(&lines, lines.text.len);
    assess_lines_add(&lines, ASSESS_LEVEL_ERROR, "failed");
    assess_lines_close(&lines);
    is_int((long long) count(&lines.text), 1, "nothing is told twice");

    assess_lines_free(&lines);
}


static void
test_claims(void)
{
    int             i;
    assess_lines_t  lines;

    assess_lines_init(&lines, ASSESS_LINES_CLAIMS + 1);

    for (i = 0; i < 100; i++) {
        assess_lines_add(&lines, ASSESS_LEVEL_INFO, "line %d;", i);
    }

    assess_lines_close(&lines);
    is_int((long long) count(&lines.text), 2 * ASSESS_LINES_FEW + 1,
           "a job that was claimed often says little each time");

    assess_lines_free(&lines);

    assess_lines_init(&lines, ASSESS_LINES_NO_MORE + 1);

    assess_lines_add(&lines, ASSESS_LEVEL_INFO, "taken");
    is_int((long long) lines.text.len, 0, "and in the end nothing");
    assess_lines_add(&lines, ASSESS_LEVEL_INFO, "completed");
    assess_lines_close(&lines);
    ok(has(&lines.text, "completed") && !has(&lines.text, "taken"),
       "but how it ended");

    assess_lines_free(&lines);
}


int
main(void)
{
    test_text();
    test_written();
    test_bounded();
    test_claims();

    return done_testing();
}
