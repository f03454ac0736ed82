
/* sources: base/assess_base.c */
/* libs: -lm */

#include "base/assess_base.h"
#include "tap.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


/* as the C library has it, every day of eight thousand years */

static void
test_time(void)
{
    int        wrong;
    char       out[ASSESS_TIME_LEN + 1], want[80];
    time_t     sec;
    int64_t    ms;
    struct tm  tm;

    wrong = 0;

    for (ms = 0; ms < 253402300800000; ms += 86400000 - 7777) {

        sec = (time_t) (ms / 1000);
        (void) gmtime_r(&sec, &tm);

        (void) snprintf(want, sizeof(want),
                        "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                        tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                        tm.tm_hour, tm.tm_min, tm.tm_sec, (int) (ms % 1000));

        assess_time(out, ms);

        if (strcmp(out, want) != 0 && wrong++ == 0) {
            is_str(out, want, "a time");
        }
    }

    is_int(wrong, 0, "every day until 9999");

    assess_time(out, 951782400000);
    is_str(out, "2000-02-29T00:00:00.000Z", "a leap day");
    assess_time(out, 253402300799999);
    is_str(out, "9999-12-31T23:59:59.999Z", "the last one");
    assess_time(out, 253402300800000);
    is_str(out, "1970-01-01T00:00:00.000Z", "none after it");
    assess_time(out, -1);
    is_str(out, "1970-01-01T00:00:00.000Z", "and none before 1970");
}


/* every byte at every place of a text is found */

static void
test_plain(void)
{
    int     c, at, wrong, special;
    char    text[24];

    wrong = 0;

    for (c = 0; c < 256; c++) {

        special = c < 0x20 || c >= 0x7f || c == '"' || c == '\\';

        for (at = 0; at < (int) sizeof(text); at++) {

            memset(text, 'a' + at, sizeof(text));
            text[at] = (char) c;

            if (assess_plain(text, text + sizeof(text))
                != text + (special ? at : (int) sizeof(text)))
            {
                wrong++;
            }
        }
    }

    is_int(wrong, 0, "what is not plain is found");
}


static void
test_buf(void)
{
    int           i;
    char          want[16];
    assess_buf_t  b;

    memset(&b, 0, sizeof(assess_buf_t));

    assess_buf_printf(&b, "%s", "");
    is_int((long long) b.len, 0, "nothing is printed");

    for (i = 0; i < 2000; i++) {
        assess_buf_printf(&b, "%05d,", i);
    }

    is_int((long long) b.len, 12000, "all is printed");
    is_int((long long) strlen(b.data), 12000, "and ends there");

    for (i = 0; i < 2000; i++) {
        (void) snprintf(want, sizeof(want), "%05d,", i);
        if (memcmp(b.data + i * 6, want, 6) != 0) {
            break;
        }
    }

    is_int(i, 2000, "as it was said");

    b.failed = 1;
    assess_buf_printf(&b, "%d", 1);
    assess_buf_add(&b, "x", 1);
    is_int((long long) b.len, 12000, "what has failed grows no more");

    assess_buf_reset(&b);
    assess_buf_json(&b, "a\x7f\"\\\n\x01 caf\xc3\xa9 \xff.", 15);
    is_str(b.data, "\"a\\u007f\\\"\\\\\\n\\u0001 caf\xc3\xa9 \xef\xbf\xbd.\"",
           "a string of JSON");

    assess_buf_reset(&b);
    assess_buf_json_num(&b, 0);
    assess_buf_char(&b, ' ');
    assess_buf_json_num(&b, -0.5);
    assess_buf_char(&b, ' ');
    assess_buf_json_num(&b, 0.1);
    assess_buf_char(&b, ' ');
    assess_buf_json_num(&b, 12);
    is_str(b.data, "0 -0.5 0.1 12", "numbers");

    assess_buf_reset(&b);
    assess_buf_json_time(&b, 0);
    assess_buf_json_time(&b, 1);
    is_str(b.data, "null\"1970-01-01T00:00:00.001Z\"", "times");

    assess_buf_free(&b);
}


static void
test_arena(void)
{
    int              i;
    char            *first;
    size_t           one;
    assess_arena_t  *arena;

    arena = assess_arena_create();
    first = assess_palloc(arena, 10);
    one = assess_arena_size(arena);

    for (i = 0; i < 100; i++) {
        (void) assess_palloc(arena, 1000);
        (void) assess_palloc(arena, 100000);
    }

    assess_arena_reset(arena);

    is_int((long long) assess_arena_size(arena), (long long) one,
           "one block is kept");
    ok(assess_palloc(arena, 10) != NULL, "and used again");
    ok(first != NULL && assess_arena_size(arena) == one, "with all its room");

    assess_arena_destroy(arena);

    arena = assess_arena_create();
    (void) assess_palloc(arena, 100000);
    assess_arena_reset(arena);
    ok(assess_palloc(arena, 10) != NULL, "a large one is not kept");
    assess_arena_destroy(arena);
}


/* none comes twice, not in a child either */

static void
test_uuid(void)
{
    int   i, fds[2], valid;
    char  ids[61][ASSESS_UUID_LEN + 1], other[ASSESS_UUID_LEN + 1];

    (void) assess_uuid(ids[60]);

    if (pipe(fds) != 0) {
        ok(0, "a pipe");
        return;
    }

    if (fork() == 0) {
        for (i = 0; i < 60; i++) {
            (void) assess_uuid(other);
            (void) !write(fds[1], other, sizeof(other));
        }
        _exit(0);
    }

    for (i = 0, valid = 0; i < 60; i++) {
        (void) assess_uuid(ids[i]);
        valid += assess_uuid_valid(ids[i], strlen(ids[i]))
                 && ids[i][14] == '7' && strchr("89ab", ids[i][19]) != NULL;
    }

    is_int(valid, 60, "ids of version 7");

    for (i = 0; i < 60; i++) {
        valid -= strcmp(ids[i] + 15, ids[i + 1] + 15) == 0;
    }

    is_int(valid, 60, "each of its own");

    for (i = 0; i < 60; i++) {

        if (read(fds[0], other, sizeof(other)) != sizeof(other)) {
            break;
        }

        valid -= strcmp(other + 15, ids[i] + 15) == 0;
    }

    is_int(i, 60, "a child makes as many");
    is_int(valid, 60, "and none of ours");

    (void) wait(NULL);
    (void) close(fds[0]);
    (void) close(fds[1]);
}


int
main(void)
{
    test_uuid();
    test_arena();
    test_time();
    test_plain();
    test_buf();

    return done_testing();
}
