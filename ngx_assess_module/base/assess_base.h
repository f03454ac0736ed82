
/*
 * What every room stands on: strings, arenas, growing buffers, errors, ids
 * and times.  No nginx, libpq or libcurl in here.  All functions may run on
 * any thread; an object belongs to one thread at a time.
 */

#ifndef ASSESS_BASE_H
#define ASSESS_BASE_H


#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>


#define ASSESS_UUID_LEN   36
#define ASSESS_DATE_LEN   10                   /* 2026-11-23 */
#define ASSESS_DATE_1970  719468u              /* days before 1970-01-01 */
#define ASSESS_TIME_LEN   24                   /* 2026-11-23T10:00:31.200Z */

#define assess_str(s)     { sizeof(s) - 1, (char *) (s) }
#define assess_null_str   { 0, NULL }


/* Text, not NUL-terminated unless said.  NULL data is SQL's null. */
typedef struct {
    size_t   len;
    char    *data;
} assess_str_t;

int assess_str_same(const assess_str_t *a, const assess_str_t *b);


/*
 * Why something did not work, as the caller must tell the kinds apart; the
 * code and the message are for people and end up in answers and in jobs.
 */
typedef enum {
    ASSESS_OK = 0,
    ASSESS_INVALID,        /* malformed input: 400 */
    ASSESS_IMPOSSIBLE,     /* well-formed but impossible: 422 */
    ASSESS_UNSUPPORTED,    /* a kind of content that is not taken: 415 */
    ASSESS_NOT_FOUND,      /* unknown, or another tenant's: 404 */
    ASSESS_CONFLICT,       /* not in a state for this: 409 */
    ASSESS_FORBIDDEN,      /* the operator has not allowed it: 403 */
    ASSESS_TOO_LARGE,      /* longer than is taken: 413 */
    ASSESS_UPSTREAM,       /* another server did not do its part: 502 */
    ASSESS_LATE,           /* nor in time: 504 */
    ASSESS_UNAVAILABLE,    /* the store is away: 503, try again later */
    ASSESS_CANCELLED,      /* the job was cancelled meanwhile */
    ASSESS_LOST,           /* the lease is another worker's: write nothing */
    ASSESS_STOPPING,       /* this process is on its way out */
    ASSESS_FAILED,         /* the job failed; code is api.md's error.code */
    ASSESS_ERROR           /* our fault or the machine's: 500, "internal" */
} assess_err_e;


typedef struct {
    assess_err_e   kind;
    const char    *code;            /* static, "document_encrypted" */
    char           pointer[128];    /* JSON pointer of the culprit, or "" */
    char           message[512];    /* one sentence a person can act on */
} assess_err_t;


/* Fills err and returns kind; code may be NULL.  A message is cut to fit. */
assess_err_e assess_fail(assess_err_t *err, assess_err_e kind,
    const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));


/*
 * An arena owns all that one job or one call allocates; it is freed whole.
 * NULL is out of memory.  Memory is aligned for any type.
 */
typedef struct assess_arena_s  assess_arena_t;

assess_arena_t *assess_arena_create(void);
void assess_arena_destroy(assess_arena_t *arena);

/* Bytes that it takes, those not yet given out included. */
size_t assess_arena_size(const assess_arena_t *arena);

/* Frees all that was allocated, and keeps a block for what comes next. */
void assess_arena_reset(assess_arena_t *arena);

void *assess_palloc(assess_arena_t *arena, size_t size);
void *assess_pcalloc(assess_arena_t *arena, size_t size);

/* A copy with a NUL behind it; of a null string, a null string. */
int assess_pstrdup(assess_arena_t *arena, assess_str_t *dst,
    const char *data, size_t len);


/*
 * A growing buffer.  A failed allocation sets failed and makes all that
 * follows do nothing, so that one check at the end is enough.  data is
 * NUL-terminated whenever it is not NULL.  Zero it to begin with.
 */
typedef struct {
    char    *data;
    size_t   len;
    size_t   size;
    int      failed;
} assess_buf_t;

void assess_buf_free(assess_buf_t *b);
void assess_buf_reset(assess_buf_t *b);
int assess_buf_reserve(assess_buf_t *b, size_t more);
void assess_buf_add(assess_buf_t *b, const void *data, size_t len);
void assess_buf_str(assess_buf_t *b, const char *cstr);
void assess_buf_char(assess_buf_t *b, char ch);
void assess_buf_printf(assess_buf_t *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * JSON.  Bytes that are no UTF-8 become U+FFFD, NUL and controls are escaped
 * (RFC 8259).  The string writers write null for a null string.
 */
void assess_buf_int(assess_buf_t *b, int64_t value);
void assess_buf_json(assess_buf_t *b, const char *data, size_t len);
void assess_buf_json_str(assess_buf_t *b, const assess_str_t *s);
void assess_buf_json_cstr(assess_buf_t *b, const char *cstr);
void assess_buf_json_time(assess_buf_t *b, int64_t ms);    /* 0 is null */

/* A finite number in the fewest digits that read back as the same. */
void assess_buf_json_num(assess_buf_t *b, double num);

/*
 * A field of CSV (RFC 4180).  What a spreadsheet would take for a formula gets
 * an apostrophe before it.
 */
void assess_buf_csv(assess_buf_t *b, const char *data, size_t len);


/* UUIDv7 (RFC 9562), lower case and NUL-terminated; 0, or -1 without entropy */
int assess_uuid(char out[ASSESS_UUID_LEN + 1]);

/* Whether text is a UUID in lower case, as ids are given out. */
int assess_uuid_valid(const char *data, size_t len);


/* Milliseconds since 1970 (wall clock), or of a clock that only goes on. */
int64_t assess_now_ms(void);
int64_t assess_mono_ms(void);

/* RFC 3339 UTC with milliseconds, NUL-terminated. */
void assess_time(char out[ASSESS_TIME_LEN + 1], int64_t ms);

/*
 * Writes a date (RFC 3339) of the Gregorian calendar, a NUL behind it: of days
 * since 0000-03-01, up to the year 9999.  Returns its end.
 */
char *assess_date(char *out, unsigned day);


/* Lower-case hex and a NUL behind it; out holds 2 * len + 1 bytes. */
void assess_hex(char *out, const unsigned char *data, size_t len);

/* The length of the UTF-8 sequence at data, or 0 where there is none. */
size_t assess_utf8_next(const char *data, const char *end, uint32_t *cp);

/*
 * Whether it is 1 to max bytes of UTF-8 without NUL.  A name that had to be
 * mended could be mended into somebody else's, so other names are refused where
 * other text is cleaned.
 */
int assess_name_storable(const assess_str_t *s, size_t max);

/*
 * Whether a text without a byte order mark is UTF-16, which shows in the zeroes
 * of what is common to all languages: -1 for little endian, 1 for big endian,
 * 0 for neither.  Only its beginning is looked at.
 */
int assess_utf16_side(const char *data, size_t len);

/*
 * To the first byte that a string of JSON does not simply have in it: a
 * quotation mark, a backslash, a control, what is not ASCII; end without one.
 */
const char *assess_plain(const char *p, const char *end);


#endif /* ASSESS_BASE_H */
