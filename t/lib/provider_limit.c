
#include "provider_limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define MINUTE  60000


void
provider_limit_set(provider_limit_t *limit, long in_flight, long per_minute,
    provider_limit_e kind, long burst, int64_t now_ms)
{
    free(limit->times);
    memset(limit, 0, sizeof(*limit));

    limit->in_flight = in_flight;
    limit->per_minute = per_minute;
    limit->kind = kind;
    limit->burst = burst > 0 ? burst : (per_minute + 59) / 60;
    limit->began = limit->filled = limit->opened = now_ms;
    limit->tokens = (double) limit->burst;

    if (per_minute) {
        limit->times = calloc((size_t) per_minute, sizeof(int64_t));

        if (limit->times == NULL) {
            perror("limits");
            exit(1);
        }

        while (limit->next < per_minute) {
            limit->times[limit->next++] = now_ms - 2 * MINUTE;
        }

        limit->next = 0;
    }
}


static void
limit_bucket(provider_limit_t *limit, int64_t now, provider_verdict_t *v)
{
    double  each;

    each = (double) MINUTE / (double) limit->per_minute;

    limit->tokens += (double) (now - limit->filled) / each;
    limit->filled = now;

    if (limit->tokens > (double) limit->burst) {
        limit->tokens = (double) limit->burst;
    }

    v->refused = v->refused || limit->tokens < 1;

    if (!v->refused) {
        limit->tokens -= 1;
    }

    v->remaining = (long) limit->tokens;
    v->reset_ms = (int64_t) (((double) limit->burst - limit->tokens) * each);
    v->retry_ms = limit->tokens < 1
                  ? (int64_t) ((1 - limit->tokens) * each) + 1 : 0;
}


static void
limit_sliding(provider_limit_t *limit, int64_t now, provider_verdict_t *v)
{
    long      i;
    int64_t   oldest;

    oldest = limit->times[limit->next];

    v->refused = v->refused || now - oldest < MINUTE;

    if (!v->refused) {
        limit->times[limit->next] = now;
        limit->next = (limit->next + 1) % limit->per_minute;
        oldest = limit->times[limit->next];
    }

    v->remaining = 0;

    for (i = 0; i < limit->per_minute; i++) {
        v->remaining += now - limit->times[i] >= MINUTE;
    }

    i = (limit->next + limit->per_minute - 1) % limit->per_minute;

    v->reset_ms = limit->times[i] + MINUTE - now;
    v->retry_ms = oldest + MINUTE - now;
}


static void
limit_fixed(provider_limit_t *limit, int64_t now, provider_verdict_t *v)
{
    if (now - limit->opened >= MINUTE) {
        limit->opened += (now - limit->opened) / MINUTE * MINUTE;
        limit->used = 0;
    }

    v->refused = v->refused || limit->used >= limit->per_minute;

    if (!v->refused) {
        limit->used++;
    }

    v->remaining = limit->per_minute - limit->used;
    v->reset_ms = v->retry_ms = limit->opened + MINUTE - now;
}


void
provider_limit_ask(provider_limit_t *limit, long in_flight, int64_t now_ms,
    provider_verdict_t *v)
{
    int      crowded;
    int64_t  minute;

    memset(v, 0, sizeof(*v));

    crowded = limit->in_flight && in_flight >= limit->in_flight;
    v->refused = crowded;

    if (limit->per_minute) {

        if (limit->kind == PROVIDER_BUCKET) {
            limit_bucket(limit, now_ms, v);

        } else if (limit->kind == PROVIDER_SLIDING) {
            limit_sliding(limit, now_ms, v);

        } else {
            limit_fixed(limit, now_ms, v);
        }
    }

    if (crowded) {
        v->retry_ms = 1000;
    }

    minute = (now_ms - limit->began) / MINUTE;

    if (v->refused) {
        limit->throttled++;
        limit->crowded += crowded;

    } else {
        limit->accepted++;

        if (minute < PROVIDER_MINUTES) {
            limit->minutes[minute]++;
        }
    }
}


int
provider_limit_control(provider_limit_t *limit, json_t *json, int64_t now_ms)
{
    const char        *kind;
    provider_limit_e   e;

    kind = json_string_value(json_object_get(json, "kind"));
    e = PROVIDER_BUCKET;

    if (kind && strcmp(kind, "sliding") == 0) {
        e = PROVIDER_SLIDING;

    } else if (kind && strcmp(kind, "fixed") == 0) {
        e = PROVIDER_FIXED;

    } else if (kind && strcmp(kind, "bucket") != 0) {
        return -1;
    }

    provider_limit_set(limit,
                       json_integer_value(json_object_get(json, "inFlight")),
                       json_integer_value(json_object_get(json, "perMinute")),
                       e, json_integer_value(json_object_get(json, "burst")),
                       now_ms);

    limit->headers = json_is_true(json_object_get(json, "headers"));
    limit->retry_after = json_is_true(json_object_get(json, "retryAfter"));

    return 0;
}


json_t *
provider_limit_headers(const provider_limit_t *limit,
    const provider_verdict_t *v, json_t *others)
{
    json_t  *headers;

    headers = others ? json_copy(others) : json_object();

    if (limit->headers && limit->per_minute) {
        json_object_set_new(headers, "x-ratelimit-limit-requests",
                            json_sprintf("%ld", limit->per_minute));
        json_object_set_new(headers, "x-ratelimit-remaining-requests",
                            json_sprintf("%ld", v->remaining));
        json_object_set_new(headers, "x-ratelimit-reset-requests",
                            json_sprintf("%lldms", (long long) v->reset_ms));
    }

    if (limit->retry_after && v->refused) {
        json_object_set_new(headers, "Retry-After",
                            json_sprintf("%lld",
                                   (long long) (v->retry_ms + 999) / 1000));
    }

    return headers;
}


json_t *
provider_limit_stats(const provider_limit_t *limit)
{
    int      i, last;
    json_t  *minutes;

    last = 0;
    minutes = json_array();

    for (i = 0; i < PROVIDER_MINUTES; i++) {
        last = limit->minutes[i] ? i + 1 : last;
    }

    for (i = 0; i < last; i++) {
        json_array_append_new(minutes, json_integer(limit->minutes[i]));
    }

    return json_pack("{s:I,s:I,s:I,s:o}", "throttled",
                     (json_int_t) limit->throttled, "crowded",
                     (json_int_t) limit->crowded, "accepted",
                     (json_int_t) limit->accepted, "minutes", minutes);
}
