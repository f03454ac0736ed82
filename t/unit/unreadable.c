/* sources: engine/assess_unreadable.c base/assess_base.c */
/* libs: -lm */

#include "tap.h"
#include "engine/assess_unreadable.h"


#define ID  "00000000-0000-4000-8000-%012d"


static const char *
id(int n)
{
    static char  text[ASSESS_UUID_LEN + 1];

    (void) snprintf(text, sizeof(text), ID, n);

    return text;
}


static void
add(assess_unreadable_t *unreadable, int n, int attempt, int64_t now, const char *code)
{
    assess_err_t  err;

    (void) assess_fail(&err, ASSESS_FAILED, code, "it did %s", code);
    assess_unreadable_add(unreadable, id(n), attempt, now, &err);
}


static assess_err_e
check(assess_unreadable_t *unreadable, int n, int attempt, int64_t now,
    assess_err_t *err)
{
    memset(err, 0, sizeof(assess_err_t));

    return assess_unreadable_check(unreadable, id(n), attempt, now, err);
}


int
main(void)
{
    int               i;
    int64_t           now;
    char              long_text[600];
    assess_err_t      err;
    assess_unreadable_t  *unreadable;

    unreadable = assess_unreadable_create();
    now = 1000000;

    is_int(check(unreadable, 1, 1, now, &err), ASSESS_OK, "nothing is known");

    add(unreadable, 1, 1, now, "document_crashed");
    is_int(check(unreadable, 1, 1, now, &err), ASSESS_FAILED, "one is known");
    is_str(err.code, "document_crashed", "with its code");
    ok(strstr(err.message, "it did document_crashed (another job") != NULL,
       "and what it did");
    is_int(check(unreadable, 2, 1, now, &err), ASSESS_OK, "another is not");

    is_int(check(unreadable, 1, 2, now, &err), ASSESS_OK, "a retry tries");
    add(unreadable, 1, 2, now + 10, "document_limit");
    is_int(check(unreadable, 1, 2, now + 10, &err), ASSESS_FAILED,
           "for all of its number");
    is_str(err.code, "document_limit", "what it found is what counts");
    is_int(check(unreadable, 1, 3, now + 10, &err), ASSESS_OK, "the next one");
    add(unreadable, 1, 1, now + 20, "document_limit");
    is_int(check(unreadable, 1, 2, now + 20, &err), ASSESS_FAILED,
           "a first attempt takes nothing back");

    now += 20;
    is_int(check(unreadable, 1, 1, now + ASSESS_UNREADABLE_MS - 1, &err),
           ASSESS_FAILED, "for ten minutes");
    is_int(check(unreadable, 1, 1, now + ASSESS_UNREADABLE_MS, &err), ASSESS_OK,
           "not longer");

    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    (void) assess_fail(&err, ASSESS_FAILED, "document_killed", "%s",
                       long_text);
    assess_unreadable_add(unreadable, id(3), 1, now, &err);
    is_int(check(unreadable, 3, 1, now, &err), ASSESS_FAILED, "a long message");
    ok(strstr(err.message, "xx (another job found") != NULL, "is cut");

    for (i = 0; i < ASSESS_UNREADABLE_MAX; i++) {
        add(unreadable, 100 + i, 1, now + 1 + i, "document_crashed");
    }

    now += ASSESS_UNREADABLE_MAX;

    is_int(check(unreadable, 1, 1, now, &err), ASSESS_OK, "the oldest go");
    is_int(check(unreadable, 3, 1, now, &err), ASSESS_OK, "all of them");
    is_int(check(unreadable, 100, 1, now, &err), ASSESS_FAILED, "no other");
    is_int(check(unreadable, 99 + ASSESS_UNREADABLE_MAX, 1, now, &err), ASSESS_FAILED,
           "and not the newest");

    assess_unreadable_destroy(unreadable);
    assess_unreadable_destroy(NULL);

    return done_testing();
}
