
#include "assess_base.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>


#define ASSESS_ARENA_BLOCK  16384
#define ASSESS_ALIGN        (sizeof(max_align_t))

#define ASSESS_UUID_RANDOM  10       /* bytes of an id */
#define ASSESS_UUID_AHEAD   24       /* ids whose bytes are there already */


typedef struct assess_block_s  assess_block_t;

struct assess_block_s {
    assess_block_t  *next;
    size_t           used;
    size_t           size;
    max_align_t      data[];
};


struct assess_arena_s {
    assess_block_t  *blocks;
    size_t           size;           /* of all of them */
};


int
assess_str_same(const assess_str_t *a, const assess_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


assess_err_e
assess_fail(assess_err_t *err, assess_err_e kind, const char *code,
    const char *fmt, ...)
{
    va_list  args;

    err->kind = kind;
    err->code = code;
    err->pointer[0] = '\0';

    va_start(args, fmt);
    (void) vsnprintf(err->message, sizeof(err->message), fmt, args);
    va_end(args);

    return kind;
}


assess_arena_t *
assess_arena_create(void)
{
    return calloc(1, sizeof(assess_arena_t));
}


void
assess_arena_destroy(assess_arena_t *arena)
{
    assess_block_t  *b, *next;

    if (arena == NULL) {
        return;
    }

    for (b = arena->blocks; b; b = next) {
        next = b->next;
        free(b);
    }

    free(arena);
}


size_t
assess_arena_size(const assess_arena_t *arena)
{
    return sizeof(assess_arena_t) + arena->size;
}


void
assess_arena_reset(assess_arena_t *arena)
{
    assess_block_t  *b, *next, *keep;

    keep = NULL;
    arena->size = 0;

    for (b = arena->blocks; b; b = next) {
        next = b->next;

        if (keep == NULL && b->size == ASSESS_ARENA_BLOCK) {
            keep = b;
            keep->used = 0;
            continue;
        }

        free(b);
    }

    if (keep) {
        keep->next = NULL;
        arena->size = sizeof(assess_block_t) + keep->size;
    }

    arena->blocks = keep;
}


void *
assess_palloc(assess_arena_t *arena, size_t size)
{
    void            *p;
    size_t           room;
    assess_block_t  *b;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }

    size = (size + ASSESS_ALIGN - 1) & ~(ASSESS_ALIGN - 1);

    b = arena->blocks;

    if (b == NULL || b->size - b->used < size) {

        room = size > ASSESS_ARENA_BLOCK / 4 ? size : ASSESS_ARENA_BLOCK;

        b = malloc(sizeof(assess_block_t) + room);
        if (b == NULL) {
            return NULL;
        }

        b->used = 0;
        b->size = room;
        arena->size += sizeof(assess_block_t) + room;

        if (room == size && arena->blocks) {

            /* a large piece: the block that has room stays in front */

            b->next = arena->blocks->next;
            arena->blocks->next = b;

        } else {
            b->next = arena->blocks;
            arena->blocks = b;
        }
    }

    p = (char *) b->data + b->used;
    b->used += size;

    return p;
}


void *
assess_pcalloc(assess_arena_t *arena, size_t size)
{
    void  *p;

    p = assess_palloc(arena, size);
    if (p) {
        memset(p, 0, size);
    }

    return p;
}


int
assess_pstrdup(assess_arena_t *arena, assess_str_t *dst, const char *data,
    size_t len)
{
    if (data == NULL) {
        dst->len = 0;
        dst->data = NULL;
        return 0;
    }

    dst->data = assess_palloc(arena, len + 1);
    if (dst->data == NULL) {
        return -1;
    }

    memcpy(dst->data, data, len);
    dst->data[len] = '\0';
    dst->len = len;

    return 0;
}


void
assess_buf_free(assess_buf_t *b)
{
    free(b->data);
    memset(b, 0, sizeof(assess_buf_t));
}


void
assess_buf_reset(assess_buf_t *b)
{
    b->len = 0;
    b->failed = 0;

    if (b->data) {
        b->data[0] = '\0';
    }
}


int
assess_buf_reserve(assess_buf_t *b, size_t more)
{
    char    *data;
    size_t   size;

    if (b->failed || more > SIZE_MAX / 4 - b->len) {
        b->failed = 1;
        return -1;
    }

    if (b->len + more + 1 <= b->size) {
        return 0;
    }

    size = b->size ? b->size * 2 : 256;
    if (size < b->len + more + 1) {
        size = b->len + more + 1;
    }

    data = realloc(b->data, size);
    if (data == NULL) {
        b->failed = 1;
        return -1;
    }

    b->data = data;
    b->size = size;

    return 0;
}


void
assess_buf_add(assess_buf_t *b, const void *data, size_t len)
{
    if ((b->failed || len >= b->size - b->len)
        && assess_buf_reserve(b, len) != 0)
    {
        return;
    }

    if (len) {
        memcpy(b->data + b->len, data, len);
    }

    b->len += len;
    b->data[b->len] = '\0';
}


void
assess_buf_str(assess_buf_t *b, const char *cstr)
{
    assess_buf_add(b, cstr, strlen(cstr));
}


void
assess_buf_char(assess_buf_t *b, char ch)
{
    assess_buf_add(b, &ch, 1);
}


void
assess_buf_printf(assess_buf_t *b, const char *fmt, ...)
{
    int      n;
    size_t   room;
    va_list  args;

    /* there is room, most of the time */

    room = b->failed ? 0 : b->size - b->len;

    va_start(args, fmt);
    n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, args);
    va_end(args);

    if (n < 0 || (size_t) n >= room) {

        if (room) {
            b->data[b->len] = '\0';
        }

        if (n < 0 || assess_buf_reserve(b, (size_t) n) != 0) {
            b->failed = 1;
            return;
        }

        va_start(args, fmt);
        (void) vsnprintf(b->data + b->len, (size_t) n + 1, fmt, args);
        va_end(args);
    }

    b->len += (size_t) n;
}


void
assess_buf_int(assess_buf_t *b, int64_t value)
{
    char      text[24], *p;
    uint64_t  left;

    p = text + sizeof(text);
    left = value < 0 ? 0 - (uint64_t) value : (uint64_t) value;

    do {
        *--p = (char) ('0' + left % 10);
        left /= 10;
    } while (left);

    if (value < 0) {
        *--p = '-';
    }

    assess_buf_add(b, p, (size_t) (text + sizeof(text) - p));
}


void
assess_buf_json(assess_buf_t *b, const char *data, size_t len)
{
    size_t       n;
    uint32_t     cp;
    const char  *p, *end, *plain;

    assess_buf_char(b, '"');

    p = plain = data;
    end = data + len;

    for ( ;; ) {

        p = assess_plain(p, end);

        if (p == end) {
            break;
        }

        n = assess_utf8_next(p, end, &cp);

        if (n > 1) {
            p += n;
            continue;
        }

        assess_buf_add(b, plain, (size_t) (p - plain));

        if (n == 0) {
            assess_buf_str(b, "\xEF\xBF\xBD");
            n = 1;

        } else if (cp == '"' || cp == '\\') {
            assess_buf_char(b, '\\');
            assess_buf_char(b, (char) cp);

        } else if (cp == '\n') {
            assess_buf_str(b, "\\n");

        } else {
            assess_buf_printf(b, "\\u%04x", (unsigned) cp);
        }

        p += n;
        plain = p;
    }

    assess_buf_add(b, plain, (size_t) (p - plain));
    assess_buf_char(b, '"');
}


void
assess_buf_json_str(assess_buf_t *b, const assess_str_t *s)
{
    if (s->data == NULL) {
        assess_buf_str(b, "null");
        return;
    }

    assess_buf_json(b, s->data, s->len);
}


void
assess_buf_json_cstr(assess_buf_t *b, const char *cstr)
{
    if (cstr == NULL) {
        assess_buf_str(b, "null");
        return;
    }

    assess_buf_json(b, cstr, strlen(cstr));
}


void
assess_buf_json_time(assess_buf_t *b, int64_t ms)
{
    char  text[ASSESS_TIME_LEN + 3];

    if (ms == 0) {
        assess_buf_str(b, "null");
        return;
    }

    text[0] = '"';
    assess_time(text + 1, ms);
    text[ASSESS_TIME_LEN + 1] = '"';

    assess_buf_add(b, text, ASSESS_TIME_LEN + 2);
}


void
assess_buf_json_num(assess_buf_t *b, double num)
{
    int   digits;
    char  text[40];

    if (!isfinite(num)) {
        assess_buf_str(b, "null");
        return;
    }

    if (num == 0 && !signbit(num)) {
        assess_buf_char(b, '0');
        return;
    }

    for (digits = 6; digits <= 17; digits++) {
        (void) snprintf(text, sizeof(text), "%.*g", digits, num);
        if (strtod(text, NULL) == num) {
            break;
        }
    }

    assess_buf_str(b, text);
}


void
assess_buf_csv(assess_buf_t *b, const char *data, size_t len)
{
    size_t  i;
    int     quoted, formula;

    quoted = 0;

    for (i = 0; i < len && !quoted; i++) {
        quoted = data[i] == '"' || data[i] == ',' || data[i] == '\r'
                 || data[i] == '\n';
    }

    formula = len && (data[0] == '=' || data[0] == '+' || data[0] == '-'
                      || data[0] == '@' || data[0] == '\t'
                      || data[0] == '\r');

    if (quoted) {
        assess_buf_char(b, '"');
    }

    if (formula) {
        assess_buf_char(b, '\'');
    }

    if (!quoted) {
        assess_buf_add(b, data, len);
        return;
    }

    for (i = 0; i < len; i++) {
        if (data[i] == '"') {
            assess_buf_char(b, '"');
        }

        assess_buf_char(b, data[i]);
    }

    assess_buf_char(b, '"');
}


/*
 * Each thread has random bytes ahead, for the system takes its time for them.
 * A child must not go on with those of its parent.
 */

static __thread struct {
    unsigned        fork;
    size_t          left;
    unsigned char   bytes[ASSESS_UUID_AHEAD * ASSESS_UUID_RANDOM];
} assess_random;

static unsigned        assess_forks = 1;
static pthread_once_t  assess_random_once = PTHREAD_ONCE_INIT;
static int             assess_random_safe;


static void
assess_random_child(void)
{
    assess_forks++;
}


static void
assess_random_init(void)
{
    assess_random_safe = pthread_atfork(NULL, NULL, assess_random_child) == 0;
}


static int
assess_random_take(unsigned char *out)
{
    (void) pthread_once(&assess_random_once, assess_random_init);

    if (assess_random.left == 0 || assess_random.fork != assess_forks
        || !assess_random_safe)
    {
        if (getrandom(assess_random.bytes, sizeof(assess_random.bytes), 0)
            != sizeof(assess_random.bytes))
        {
            assess_random.left = 0;
            return -1;
        }

        assess_random.fork = assess_forks;
        assess_random.left = sizeof(assess_random.bytes);
    }

    assess_random.left -= ASSESS_UUID_RANDOM;
    memcpy(out, assess_random.bytes + assess_random.left, ASSESS_UUID_RANDOM);

    return 0;
}


int
assess_uuid(char out[ASSESS_UUID_LEN + 1])
{
    int            i;
    char          *p;
    int64_t        ms;
    unsigned char  id[16];

    static const char  hex[] = "0123456789abcdef";

    if (assess_random_take(id + 6) != 0) {
        return -1;
    }

    ms = assess_now_ms();

    for (i = 5; i >= 0; i--) {
        id[i] = (unsigned char) ms;
        ms >>= 8;
    }

    id[6] = (unsigned char) (0x70 | (id[6] & 0x0f));
    id[8] = (unsigned char) (0x80 | (id[8] & 0x3f));

    p = out;

    for (i = 0; i < 16; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }

        *p++ = hex[id[i] >> 4];
        *p++ = hex[id[i] & 0x0f];
    }

    *p = '\0';

    return 0;
}


int
assess_uuid_valid(const char *data, size_t len)
{
    size_t  i;

    if (len != ASSESS_UUID_LEN) {
        return 0;
    }

    for (i = 0; i < len; i++) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (data[i] != '-') {
                return 0;
            }

        } else if (!((data[i] >= '0' && data[i] <= '9')
                     || (data[i] >= 'a' && data[i] <= 'f')))
        {
            return 0;
        }
    }

    return 1;
}


static int64_t
assess_clock_ms(clockid_t clock)
{
    struct timespec  ts;

    (void) clock_gettime(clock, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


int64_t
assess_now_ms(void)
{
    return assess_clock_ms(CLOCK_REALTIME);
}


int64_t
assess_mono_ms(void)
{
    return assess_clock_ms(CLOCK_MONOTONIC);
}


static char *
assess_digits(char *p, unsigned value, int n)
{
    int  i;

    for (i = n - 1; i >= 0; i--) {
        p[i] = (char) ('0' + value % 10);
        value /= 10;
    }

    return p + n;
}


/*
 * The date is counted in years of March to February, of which the leap day is
 * the last one, from 0000-03-01 on, in eras of 400 years of 146097 days.
 */

/* The Gregorian calendar, with years that begin in March */

char *
assess_date(char *out, unsigned day)
{
    char      *p;
    unsigned   era, year, month;

    era = day / 146097;
    day %= 146097;

    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;

    year += era * 400 + (month >= 10);
    month = month < 10 ? month + 3 : month - 9;

    p = assess_digits(out, year, 4);
    *p++ = '-';
    p = assess_digits(p, month, 2);
    *p++ = '-';
    p = assess_digits(p, day + 1, 2);
    *p = '\0';

    return p;
}


void
assess_time(char out[ASSESS_TIME_LEN + 1], int64_t ms)
{
    char      *p;
    unsigned   left;

    if (ms < 0 || ms >= 253402300800000) {
        (void) memcpy(out, "1970-01-01T00:00:00.000Z", ASSESS_TIME_LEN + 1);
        return;
    }

    left = (unsigned) (ms % 86400000);

    p = assess_date(out, (unsigned) (ms / 86400000) + ASSESS_DATE_1970);
    *p++ = 'T';
    p = assess_digits(p, left / 3600000, 2);
    *p++ = ':';
    p = assess_digits(p, left / 60000 % 60, 2);
    *p++ = ':';
    p = assess_digits(p, left / 1000 % 60, 2);
    *p++ = '.';
    p = assess_digits(p, left % 1000, 3);
    *p++ = 'Z';
    *p = '\0';
}


void
assess_hex(char *out, const unsigned char *data, size_t len)
{
    size_t  i;

    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < len; i++) {
        *out++ = hex[data[i] >> 4];
        *out++ = hex[data[i] & 0x0f];
    }

    *out = '\0';
}


/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF */

size_t
assess_utf8_next(const char *data, const char *end, uint32_t *cp)
{
    size_t                n, i;
    uint32_t              c, min;
    const unsigned char  *p;

    p = (const unsigned char *) data;

    if (data >= end) {
        return 0;
    }

    if (p[0] < 0x80) {
        *cp = p[0];
        return 1;
    }

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;
        c = p[0] & 0x1f;
        min = 0x80;

    } else if ((p[0] & 0xf0) == 0xe0) {
        n = 3;
        c = p[0] & 0x0f;
        min = 0x800;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        c = p[0] & 0x07;
        min = 0x10000;

    } else {
        return 0;
    }

    if ((size_t) (end - data) < n) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = (c << 6) | (p[i] & 0x3f);
    }

    if (c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return 0;
    }

    *cp = c;

    return n;
}


int
assess_name_storable(const assess_str_t *s, size_t max)
{
    size_t       n;
    uint32_t     cp;
    const char  *p, *end;

    if (s->len == 0 || s->len > max) {
        return 0;
    }

    end = s->data + s->len;

    for (p = s->data; p < end; p += n) {
        n = assess_utf8_next(p, end, &cp);
        if (n == 0 || cp == 0) {
            return 0;
        }
    }

    return 1;
}


int
assess_utf16_side(const char *data, size_t len)
{
    size_t  i, zeroes[2];

    if (len & 1) {
        return 0;
    }

    len = len < 4096 ? len : 4096;
    zeroes[0] = zeroes[1] = 0;

    for (i = 0; i < len; i++) {
        zeroes[i & 1] += data[i] == '\0';
    }

    if (zeroes[0] && zeroes[1]) {
        return 0;
    }

    /* half of the characters; a text with stray zeroes has far fewer */

    return zeroes[0] && zeroes[0] * 4 >= len ? 1
           : zeroes[1] && zeroes[1] * 4 >= len ? -1 : 0;
}


/*
 * eight bytes at a time: each test leaves its answer in the top bit of a byte
 */

const char *
assess_plain(const char *p, const char *end)
{
    uint64_t  w, quote, slash, del, any;

    static const uint64_t  ones = 0x0101010101010101ULL;
    static const uint64_t  tops = 0x8080808080808080ULL;

    while (end - p >= 8) {

        memcpy(&w, p, 8);

        quote = w ^ (ones * '"');
        slash = w ^ (ones * '\\');
        del = w ^ (ones * 0x7f);

        any = w | (w - ones * 0x20) | (quote - ones) | (slash - ones)
              | (del - ones);

        if (any & tops) {
            break;
        }

        p += 8;
    }

    while (p < end && (unsigned char) *p >= 0x20 && (unsigned char) *p < 0x7f
           && *p != '"' && *p != '\\')
    {
        p++;
    }

    return p;
}
