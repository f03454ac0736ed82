
#include "assess_minute.h"

#include <string.h>


/* A minute of them, and one for what is half in it. */
#define ASSESS_MINUTE  (60000 / ASSESS_MINUTE_CELL + 1)


static void
assess_minute_turn(assess_minute_t *minute, int64_t now)
{
    int64_t  cell;

    cell = now / ASSESS_MINUTE_CELL;

    if (cell - minute->cell >= ASSESS_MINUTE_CELLS) {
        memset(minute->cells, 0, sizeof(minute->cells));
        minute->cell = cell;
    }

    while (minute->cell < cell) {
        minute->cell++;
        minute->cells[minute->cell % ASSESS_MINUTE_CELLS] = 0;
    }
}


void
assess_minute_add(assess_minute_t *minute, int64_t now)
{
    assess_minute_turn(minute, now);

    minute->cells[minute->cell % ASSESS_MINUTE_CELLS]++;
}


void
assess_minute_remove(assess_minute_t *minute, int64_t then)
{
    int64_t    age;
    uint32_t  *cell;

    age = minute->cell - then / ASSESS_MINUTE_CELL;

    if (age < 0 || age >= ASSESS_MINUTE_CELLS) {
        return;
    }

    cell = &minute->cells[then / ASSESS_MINUTE_CELL % ASSESS_MINUTE_CELLS];

    if (*cell) {
        (*cell)--;
    }
}


int64_t
assess_minute_last(const assess_minute_t *minute, int n)
{
    int      i;
    int64_t  count;

    count = 0;

    for (i = 0; i < n && i <= minute->cell; i++) {
        count += minute->cells[(minute->cell - i) % ASSESS_MINUTE_CELLS];
    }

    return count;
}


int64_t
assess_minute_count(assess_minute_t *minute, int64_t now)
{
    assess_minute_turn(minute, now);

    return assess_minute_last(minute, ASSESS_MINUTE);
}


int64_t
assess_minute_freed(assess_minute_t *minute, int64_t n, int64_t now)
{
    int      i;
    int64_t  cell;

    assess_minute_turn(minute, now);

    for (i = ASSESS_MINUTE - 1; i >= 0; i--) {

        cell = minute->cell - i;

        if (cell >= 0) {
            n -= minute->cells[cell % ASSESS_MINUTE_CELLS];

            if (n <= 0) {
                return (cell + ASSESS_MINUTE) * ASSESS_MINUTE_CELL;
            }
        }
    }

    return now;
}
