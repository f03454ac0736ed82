
#include "assess_supply.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>


/* So often told what is not so, and it is not listened to for so long. */
#define ASSESS_SUPPLY_LIES   3
#define ASSESS_SUPPLY_DEAF   600000

/* What two tellings must be apart to be compared, and may differ. */
#define ASSESS_SUPPLY_APART  3000
#define ASSESS_SUPPLY_SAME   1000

/* As late as this, a request is made up for. */
#define ASSESS_SUPPLY_SLACK  200


void
assess_supply_init(assess_supply_t *supply)
{
    memset(supply, 0, sizeof(assess_supply_t));

    supply->each = 1;
}


void
assess_supply_weigh(assess_supply_t *supply, int64_t tokens)
{
    if (tokens > 0) {
        supply->each = supply->each > 1
                       ? supply->each * 0.9 + (double) tokens * 0.1
                       : (double) tokens;
    }
}


/* What is left now, by what was told and has happened since. */

static double
assess_supply_left(const assess_supply_t *supply, assess_minute_t *minute,
    uint64_t last, int64_t now)
{
    double  left, used;

    used = (double) (last - supply->seq);
    left = supply->remaining - used;

    switch (supply->refill) {

    case ASSESS_REFILL_EVEN:
        left += supply->limit * (double) (now - supply->sent) / 60000;
        break;

    case ASSESS_REFILL_LATER:
        left += (double) supply->count + used
                - (double) assess_minute_count(minute, now);
        break;

    case ASSESS_REFILL_ONCE:
        break;
    }

    return left < supply->limit ? left : supply->limit;
}


/* Whoever says "none for hours", and takes more, does not mean it. */

static void
assess_supply_believe(assess_supply_t *supply, uint64_t seq, int64_t sent,
    int64_t now)
{
    if (supply->reset_at == 0 || supply->told >= 1 || seq <= supply->seq
        || sent < supply->then + ASSESS_SUPPLY_MAX / 2
        || supply->said < supply->then + ASSESS_SUPPLY_MAX * 2)
    {
        return;
    }

    if (++supply->lies >= ASSESS_SUPPLY_LIES) {
        supply->lies = 0;
        supply->deaf = now + ASSESS_SUPPLY_DEAF;
    }
}


/*
 * Does the moment of the reset stay where it is, though time passes?  Then all
 * comes back at once.  Else, is it nearer than if it came back evenly?
 */

static void
assess_supply_refill(assess_supply_t *supply, const assess_quota_t *told,
    int64_t sent, int64_t said)
{
    double   used;
    int64_t  apart;

    apart = sent - supply->then_sent;

    if (supply->reset_at == 0 || apart > ASSESS_SUPPLY_MAX
        || (supply->refill == ASSESS_REFILL_ONCE
            && sent > supply->then_said - ASSESS_SUPPLY_SAME))
    {
        supply->then_sent = sent;
        supply->then_said = said;

    } else if (apart >= ASSESS_SUPPLY_APART) {

        if (llabs(said - supply->then_said) < apart / 4 + ASSESS_SUPPLY_SAME)
        {
            supply->refill = ASSESS_REFILL_ONCE;

        } else {
            supply->refill = ASSESS_REFILL_EVEN;
            supply->then_sent = sent;
            supply->then_said = said;
        }
    }

    if (supply->refill != ASSESS_REFILL_ONCE) {

        used = (double) (told->limit - told->remaining) * 60000
               / (double) told->limit;

        supply->refill = (double) told->reset_ms
                         <= used * 1.2 + ASSESS_SUPPLY_SAME
                         ? ASSESS_REFILL_EVEN : ASSESS_REFILL_LATER;
    }
}


void
assess_supply_told(assess_supply_t *supply, const assess_quota_t *told,
    int accepted, assess_minute_t *minute, uint64_t seq, uint64_t last,
    int64_t sent, int64_t now)
{
    double   old, left;
    int64_t  said;

    if (accepted) {
        assess_supply_believe(supply, seq, sent, now);
    }

    if (told->limit <= 0 || told->remaining < 0 || told->reset_ms < 0
        || seq <= supply->seq)
    {
        return;
    }

    old = supply->reset_at && supply->refill != ASSESS_REFILL_EVEN
          ? assess_supply_left(supply, minute, last, now) : -1;

    said = sent + told->reset_ms;
    assess_supply_refill(supply, told, sent, said);

    supply->limit = (double) told->limit / supply->each;
    supply->told = (double) told->remaining / supply->each;
    supply->remaining = supply->told;
    supply->seq = seq;
    supply->sent = supply->then = sent;
    supply->count = assess_minute_count(minute, now) - (int64_t) (last - seq);
    supply->said = said;
    supply->reset_at = said < sent + ASSESS_SUPPLY_MAX
                       ? said : sent + ASSESS_SUPPLY_MAX;
    supply->turned = 0;

    /* they overtake each other on their way: the lower count is the later */

    left = assess_supply_left(supply, minute, last, now);

    if (supply->refill != ASSESS_REFILL_EVEN && old >= 0 && old < left
        && left - old < supply->limit / 10)
    {
        supply->remaining -= left - old;
    }
}


/* A new one begins; one request goes first, as clocks are not the same. */

static void
assess_supply_turn(assess_supply_t *supply, assess_minute_t *minute,
    uint64_t last, int64_t settle, int64_t now)
{
    supply->remaining = supply->turned ? supply->limit : 1;
    supply->reset_at = now + (supply->turned ? ASSESS_SUPPLY_MAX : settle);
    supply->turned = !supply->turned;
    supply->count = assess_minute_count(minute, now);
    supply->seq = last;
    supply->sent = now;
}


/* As it comes back, and about half of the reserve is there. */

static int
assess_supply_spread(assess_supply_t *supply, double left, int64_t now,
    int64_t *again)
{
    double  reserve, wait;

    if (left < 1 && now < supply->reset_at) {
        wait = (1 - left) * 60000 / supply->limit;
        *again = now + 1 + (int64_t) wait;
        *again = *again < supply->reset_at ? *again : supply->reset_at;
        return 0;
    }

    reserve = supply->limit / 20 < 8 ? supply->limit / 20 : 8;

    supply->rate = supply->limit / 60000
                   * (left > reserve ? 1.25
                      : left > reserve / 20 ? left / reserve * 2 : 0.1);

    if (supply->next > (double) now + 1 / supply->rate) {
        supply->next = (double) now + 1 / supply->rate;
    }

    if ((double) now >= supply->next) {
        return 1;
    }

    *again = (int64_t) ceil(supply->next);

    return 0;
}


int
assess_supply_has(assess_supply_t *supply, assess_minute_t *minute,
    uint64_t last, int64_t settle, int64_t now, int64_t *again)
{
    double   left;
    int64_t  freed;

    supply->rate = 0;

    if (supply->reset_at == 0 || now < supply->deaf) {
        return 1;
    }

    if (supply->refill != ASSESS_REFILL_EVEN && now >= supply->reset_at) {
        assess_supply_turn(supply, minute, last, settle, now);
    }

    left = assess_supply_left(supply, minute, last, now);

    if (left >= 1 && left >= supply->limit / 2) {
        return 1;
    }

    if (supply->refill == ASSESS_REFILL_EVEN) {
        return assess_supply_spread(supply, left, now, again);
    }

    if (left >= 1) {
        return 1;
    }

    *again = supply->reset_at;

    if (supply->refill == ASSESS_REFILL_LATER) {

        freed = assess_minute_freed(minute, 1, now);

        if (freed > now && freed < *again) {
            *again = freed;
        }
    }

    return 0;
}


void
assess_supply_sent(assess_supply_t *supply, int64_t now)
{
    if (supply->rate > 0) {

        if (supply->next < (double) (now - ASSESS_SUPPLY_SLACK)) {
            supply->next = (double) (now - ASSESS_SUPPLY_SLACK);
        }

        supply->next += 1 / supply->rate;
    }
}
