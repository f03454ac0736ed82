
/*
 * How many there were in the last minute, counted in cells of a quarter of a
 * second.  Plain data without pointers, pure in time (milliseconds, which do
 * not go back).
 */

#ifndef ASSESS_MINUTE_H
#define ASSESS_MINUTE_H


#include <stdint.h>


#define ASSESS_MINUTE_CELL   250
#define ASSESS_MINUTE_CELLS  256


/* Zeroed to begin with. */
typedef struct {
    uint32_t   cells[ASSESS_MINUTE_CELLS];
    int64_t    cell;             /* the latest */
} assess_minute_t;


void assess_minute_add(assess_minute_t *minute, int64_t now);

/* Takes back one that was added then. */
void assess_minute_remove(assess_minute_t *minute, int64_t then);

/* Of the last minute, and a cell more to be sure. */
int64_t assess_minute_count(assess_minute_t *minute, int64_t now);

/* When so many of them will be out of that count. */
int64_t assess_minute_freed(assess_minute_t *minute, int64_t n, int64_t now);

/* Of the last cells, up to n of them, without turning to now. */
int64_t assess_minute_last(const assess_minute_t *minute, int n);


#endif /* ASSESS_MINUTE_H */
