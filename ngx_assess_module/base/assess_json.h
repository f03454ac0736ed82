
/*
 * JSON as clients send it (RFC 8259), read once into an arena, and written
 * again in one way.  Strict: no text behind the value, no name twice in an
 * object, no NUL, no half of a surrogate pair, no number that is too large.
 */

#ifndef ASSESS_JSON_H
#define ASSESS_JSON_H


#include "assess_base.h"


#define ASSESS_JSON_DEPTH  1024


typedef enum {
    ASSESS_JSON_NULL = 0,
    ASSESS_JSON_FALSE,
    ASSESS_JSON_TRUE,
    ASSESS_JSON_INT,
    ASSESS_JSON_REAL,
    ASSESS_JSON_STRING,
    ASSESS_JSON_ARRAY,
    ASSESS_JSON_OBJECT
} assess_json_e;


typedef struct assess_json_s  assess_json_t;

struct assess_json_s {
    assess_json_e    type;
    assess_str_t     key;            /* of a member */
    assess_str_t     text;           /* a string; a number as it was written */
    int64_t          integer;
    double           real;           /* of an INT, too */
    assess_json_t   *next;           /* the value behind it */
    assess_json_t   *first;          /* of an array or object */
    assess_json_t   *last;
    size_t           n;
    int              key_plain;      /* its JSON is what stands there */
    int              text_plain;
};


/*
 * The whole text as one value.  The strings of it may be in data, which has to
 * stay as it is.  ASSESS_INVALID, with what is wrong and where, also when
 * there are more than max values in it.
 */
assess_err_e assess_json_read(assess_arena_t *arena, const char *data,
    size_t len, size_t max, assess_json_t **value, assess_err_t *err);

/*
 * The same of what a model wrote, which means well: where a name stands twice
 * in an object both are there, strings may hold NULs, and a whole number that
 * is too large is a REAL.
 */
assess_err_e assess_json_read_loose(assess_arena_t *arena, const char *data,
    size_t len, size_t max, assess_json_t **value, assess_err_t *err);

/* The last member of that name, or NULL; of what is no object, or NULL, too. */
const assess_json_t *assess_json_member(const assess_json_t *object,
    const char *name);

/* For what has not come as JSON; NULL is out of memory.  data is not copied. */
assess_json_t *assess_json_object(assess_arena_t *arena);
assess_json_t *assess_json_string(assess_arena_t *arena, const char *data,
    size_t len);

/* Puts a member, whose key is not copied either, behind the others. */
void assess_json_add(assess_json_t *object, const assess_str_t *key,
    assess_json_t *value);

/* Without white space; numbers as they were written. */
void assess_json_write(assess_buf_t *b, const assess_json_t *value);

/*
 * The same for all texts of the same value: members in the order of their
 * bytes, numbers of one form.  -1 is out of memory.
 */
int assess_json_canonical(assess_arena_t *arena, assess_buf_t *b,
    const assess_json_t *value);


#endif /* ASSESS_JSON_H */
