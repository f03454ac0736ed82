
/* The line for requests in flight: who is next, and that no slot is lost. */

/* sources: engine/assess_limit.c */
/* libs: -lm */

#include "tap.h"

#include "../../ngx_assess_module/engine/assess_limit.h"


static int  woken[3];


static void
on_wake(void *ctx)
{
    (*(int *) ctx)++;
}


int
main(void)
{
    int               i;
    assess_limit_t   *limit;
    assess_waiter_t   a = { .wake = on_wake, .ctx = &woken[0] };
    assess_waiter_t   b = { .wake = on_wake, .ctx = &woken[1] };
    assess_waiter_t   c = { .wake = on_wake, .ctx = &woken[2] };

    limit = assess_limit_create(2);

    ok(assess_limit_take(limit, &a) && assess_limit_take(limit, &a),
       "two slots");
    ok(!assess_limit_take(limit, &a) && !assess_limit_take(limit, &a),
       "no third, however often it is asked for");
    ok(!assess_limit_take(limit, &b) && !assess_limit_take(limit, &c),
       "others stand in line behind");

    assess_limit_give(limit);
    ok(woken[0] == 1 && woken[1] == 0, "the first in line is woken");
    ok(!assess_limit_take(limit, &b), "none goes past it");
    ok(assess_limit_take(limit, &a), "it has the slot");
    ok(!assess_limit_take(limit, &a), "and goes to the end of the line");

    assess_limit_give(limit);
    ok(woken[1] == 1 && woken[0] == 1, "then the second");

    assess_limit_leave(limit, &b);
    ok(woken[2] == 1, "which leaves, so the third");
    ok(!assess_limit_take(limit, &b), "it stands at the end now");

    assess_limit_leave(limit, &a);
    assess_limit_leave(limit, &c);
    ok(woken[1] == 2, "the line moves up when others leave");
    ok(assess_limit_take(limit, &b), "the one left has the slot");

    assess_limit_give(limit);
    assess_limit_give(limit);

    for (i = 0; i < 3 && assess_limit_take(limit, &c); i++) {
        /* count them */
    }

    is_int(i, 2, "both slots are there in the end");
    assess_limit_leave(limit, &c);
    assess_limit_leave(limit, &c);

    assess_limit_give(limit);
    assess_limit_give(limit);
    assess_limit_destroy(limit);

    limit = assess_limit_create(0);
    ok(assess_limit_take(limit, &a) && !assess_limit_take(limit, &b),
       "no limit is below one");
    assess_limit_leave(limit, &b);
    assess_limit_give(limit);
    assess_limit_destroy(limit);

    assess_limit_destroy(NULL);

    return done_testing();
}
