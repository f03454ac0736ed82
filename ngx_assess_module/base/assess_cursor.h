
/*
 * Where clients go on: they bring back what they were given, or anything else.
 * Any thread.
 */

#ifndef ASSESS_CURSOR_H
#define ASSESS_CURSOR_H


#include "assess_base.h"


/*
 * Of a list newest first (the time in microseconds and the id of the last one
 * given), or of one by name: text of a URL, in the arena.  0, or -1 without
 * memory.
 */
int assess_cursor_write(assess_arena_t *arena, assess_str_t *cursor,
    int64_t us, const char *id);
int assess_cursor_write_name(assess_arena_t *arena, assess_str_t *cursor,
    const assess_str_t *name);

/* ASSESS_INVALID for what was never given out. */
assess_err_e assess_cursor_read(const assess_str_t *cursor, int64_t *us,
    char id[ASSESS_UUID_LEN + 1], assess_err_t *err);
assess_err_e assess_cursor_read_name(assess_arena_t *arena,
    const assess_str_t *cursor, assess_str_t *name, assess_err_t *err);

/* Of a stream: the id of its last event, in digits.  0, or -1: it is none. */
int assess_cursor_event(const assess_str_t *text, uint64_t *id);


#endif /* ASSESS_CURSOR_H */
