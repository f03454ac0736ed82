
#include "assess_ratelimit.h"

#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


#define ASSESS_DAY  86400000.0

/* More than that of anything is nothing that a limit is made of. */
#define ASSESS_QUOTA_MAX  1e15


typedef enum {
    ASSESS_TOLD_LIMIT = 0,
    ASSESS_TOLD_REMAINING,
    ASSESS_TOLD_RESET
} assess_told_e;


typedef struct {
    const char       *name;
    assess_quota_e    quota;
    assess_told_e     told;
} assess_told_t;


static const assess_told_t  assess_told[] = {

    { "x-ratelimit-limit-requests", ASSESS_QUOTA_REQUESTS, ASSESS_TOLD_LIMIT },
    { "x-ratelimit-remaining-requests", ASSESS_QUOTA_REQUESTS,
      ASSESS_TOLD_REMAINING },
    { "x-ratelimit-reset-requests", ASSESS_QUOTA_REQUESTS, ASSESS_TOLD_RESET },

    { "x-ratelimit-limit-tokens", ASSESS_QUOTA_TOKENS, ASSESS_TOLD_LIMIT },
    { "x-ratelimit-remaining-tokens", ASSESS_QUOTA_TOKENS,
      ASSESS_TOLD_REMAINING },
    { "x-ratelimit-reset-tokens", ASSESS_QUOTA_TOKENS, ASSESS_TOLD_RESET },

    { "anthropic-ratelimit-requests-limit", ASSESS_QUOTA_REQUESTS,
      ASSESS_TOLD_LIMIT },
    { "anthropic-ratelimit-requests-remaining", ASSESS_QUOTA_REQUESTS,
      ASSESS_TOLD_REMAINING },
    { "anthropic-ratelimit-requests-reset", ASSESS_QUOTA_REQUESTS,
      ASSESS_TOLD_RESET },

    { "anthropic-ratelimit-tokens-limit", ASSESS_QUOTA_TOKENS,
      ASSESS_TOLD_LIMIT },
    { "anthropic-ratelimit-tokens-remaining", ASSESS_QUOTA_TOKENS,
      ASSESS_TOLD_REMAINING },
    { "anthropic-ratelimit-tokens-reset", ASSESS_QUOTA_TOKENS,
      ASSESS_TOLD_RESET },

    { "anthropic-ratelimit-input-tokens-limit", ASSESS_QUOTA_INPUT,
      ASSESS_TOLD_LIMIT },
    { "anthropic-ratelimit-input-tokens-remaining", ASSESS_QUOTA_INPUT,
      ASSESS_TOLD_REMAINING },
    { "anthropic-ratelimit-input-tokens-reset", ASSESS_QUOTA_INPUT,
      ASSESS_TOLD_RESET },

    { "anthropic-ratelimit-output-tokens-limit", ASSESS_QUOTA_OUTPUT,
      ASSESS_TOLD_LIMIT },
    { "anthropic-ratelimit-output-tokens-remaining", ASSESS_QUOTA_OUTPUT,
      ASSESS_TOLD_REMAINING },
    { "anthropic-ratelimit-output-tokens-reset", ASSESS_QUOTA_OUTPUT,
      ASSESS_TOLD_RESET },

    { "x-ratelimit-limit", ASSESS_QUOTA_REQUESTS, ASSESS_TOLD_LIMIT },
    { "x-ratelimit-remaining", ASSESS_QUOTA_REQUESTS, ASSESS_TOLD_REMAINING },
    { "x-ratelimit-reset", ASSESS_QUOTA_REQUESTS, ASSESS_TOLD_RESET },

    { "ratelimit-limit", ASSESS_QUOTA_REQUESTS, ASSESS_TOLD_LIMIT },
    { "ratelimit-remaining", ASSESS_QUOTA_REQUESTS, ASSESS_TOLD_REMAINING },
    { "ratelimit-reset", ASSESS_QUOTA_REQUESTS, ASSESS_TOLD_RESET },

    { NULL, 0, 0 }
};


void
assess_ratelimit_init(assess_ratelimit_t *told)
{
    memset(told, 0xff, sizeof(assess_ratelimit_t));
}


/* A whole number that may be followed by parameters: "100, 100;w=60". */

static int64_t
assess_ratelimit_count(const char *text)
{
    char    *end;
    double   count;

    count = strtod(text, &end);

    if (end == text || (*end != '\0' && strchr(", ;", *end) == NULL)
        || !(count >= 0) || count > ASSESS_QUOTA_MAX)
    {
        return -1;
    }

    return (int64_t) count;
}


/* "1h2m3.5s", "120ms", "6m0s"; milliseconds, or -1 */

static double
assess_ratelimit_duration(const char *text)
{
    size_t   i;
    char    *end;
    double   ms, part;

    static const struct {
        const char  *unit;
        double       ms;
    } units[] = {
        { "ms", 1 }, { "us", 1e-3 }, { "\xc2\xb5s", 1e-3 }, { "ns", 1e-6 },
        { "d", 86400e3 }, { "h", 3600e3 }, { "m", 60e3 }, { "s", 1e3 }
    };

    ms = 0;

    while (*text) {

        /* nothing that strtod() knows beyond digits and a point */

        if (strspn(text, "0123456789.") == 0) {
            return -1;
        }

        part = strtod(text, &end);

        if (end == text || !(part >= 0)) {
            return -1;
        }

        for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
            if (strncmp(end, units[i].unit, strlen(units[i].unit)) == 0) {
                break;
            }
        }

        if (i == sizeof(units) / sizeof(units[0])) {
            return -1;
        }

        ms += part * units[i].ms;
        text = end + strlen(units[i].unit);
    }

    return ms;
}


/*
 * 2026-11-23T10:00:31Z, also with fractions and offsets.  Milliseconds since
 * 1970, or -1.
 */

static double
assess_ratelimit_rfc3339(const char *text)
{
    int          n, y, mo, d, h, mi, oh, om;
    char         sign, iso[40];
    time_t       date;
    double       s, offset;
    const char  *rest;

    static const char *const  months[] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
        "Nov", "Dec"
    };

    n = 0;

    if (sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%n", &y, &mo, &d, &h, &mi,
               &n) != 5
        || n == 0 || y < 1970 || y > 9999 || mo < 1 || mo > 12 || d < 1
        || d > 31 || h < 0 || h > 23 || mi < 0 || mi > 59
        || strspn(text + n, "0123456789.") == 0)
    {
        return -1;
    }

    s = strtod(text + n, (char **) &rest);
    if (!(s >= 0 && s < 62)) {
        return -1;
    }

    offset = 0;

    if (*rest == '+' || *rest == '-') {

        if (sscanf(rest, "%c%2d:%2d", &sign, &oh, &om) != 3 || oh < 0
            || oh > 23 || om < 0 || om > 59)
        {
            return -1;
        }

        offset = (oh * 60.0 + om) * 60e3 * (sign == '+' ? 1 : -1);

    } else if (strcasecmp(rest, "Z") != 0) {
        return -1;
    }

    (void) snprintf(iso, sizeof(iso), "%02d %s %04d %02d:%02d:00 GMT", d,
                    months[mo - 1], y, h, mi);

    date = curl_getdate(iso, NULL);

    return date < 0 ? -1 : (double) date * 1000 + s * 1000 - offset;
}


/*
 * A plain number is seconds, or since 1970 where it is far too many for that,
 * then in seconds or milliseconds.
 */

static int64_t
assess_ratelimit_reset(const char *text, int64_t now_ms)
{
    char    *end;
    time_t   date;
    double   ms, number;

    number = strspn(text, "0123456789.") ? strtod(text, &end) : -1;

    if (number >= 0 && (*end == '\0' || strchr(", ;", *end))) {

        ms = number < 1e9 ? number * 1000
             : number < 1e11 ? number * 1000 - (double) now_ms
             : number - (double) now_ms;

    } else {

        ms = assess_ratelimit_duration(text);

        if (ms < 0) {
            ms = assess_ratelimit_rfc3339(text);

            if (ms < 0) {
                date = curl_getdate(text, NULL);
                if (date < 0) {
                    return -1;
                }

                ms = (double) date * 1000;
            }

            ms -= (double) now_ms;
        }
    }

    if (!(ms > 0)) {
        return 0;
    }

    return (int64_t) ceil(ms < ASSESS_DAY ? ms : ASSESS_DAY);
}


static void
assess_ratelimit_keep(assess_ratelimit_t *told, const assess_told_t *field,
    const char *value, int64_t now_ms)
{
    int64_t          n;
    assess_quota_t  *quota;

    quota = &told->quotas[field->quota];

    n = field->told == ASSESS_TOLD_RESET
        ? assess_ratelimit_reset(value, now_ms)
        : assess_ratelimit_count(value);

    if (n < 0) {
        return;
    }

    switch (field->told) {

    case ASSESS_TOLD_LIMIT:
        quota->limit = n;
        break;

    case ASSESS_TOLD_REMAINING:
        quota->remaining = n;
        break;

    case ASSESS_TOLD_RESET:
        quota->reset_ms = n;
        break;
    }
}


int
assess_ratelimit_header(assess_ratelimit_t *told, const char *line,
    size_t len, int64_t now_ms)
{
    char                  value[64];
    size_t                n;
    const assess_told_t  *field;

    for (field = assess_told; field->name; field++) {

        n = strlen(field->name);

        if (len > n && line[n] == ':'
            && strncasecmp(line, field->name, n) == 0)
        {
            break;
        }
    }

    if (field->name == NULL) {
        return 0;
    }

    line += n + 1;
    len -= n + 1;

    while (len && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }

    while (len && (unsigned char) line[len - 1] <= ' ') {
        len--;
    }

    if (len == 0 || len >= sizeof(value) || memchr(line, '\0', len)) {
        return 0;
    }

    memcpy(value, line, len);
    value[len] = '\0';

    assess_ratelimit_keep(told, field, value, now_ms);

    return 1;
}
