
#include "assess_lru.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define ASSESS_LRU_WAIT   100        /* ms, between two looks whether to go */
#define ASSESS_LRU_ENTRY  16384      /* bytes: most take more */


typedef enum {
    ASSESS_LRU_MAKING = 0,
    ASSESS_LRU_READY,
    ASSESS_LRU_FAILED,
    ASSESS_LRU_LEFT
} assess_lru_e;

typedef struct assess_lru_entry_s  assess_lru_entry_t;

struct assess_lru_entry_s {
    assess_shared_t       shared;    /* the first member: they are cast */
    assess_lru_t         *lru;       /* NULL: made for its maker alone */
    assess_lru_entry_t   *chain;     /* of the bucket */
    assess_lru_entry_t   *newer;     /* of those that are kept */
    assess_lru_entry_t   *older;
    size_t                bytes;     /* 0: not kept */
    uint64_t              hash;
    unsigned              holders;
    unsigned              listed:1;  /* is found by its key */
    assess_lru_e          state;
    size_t                len;
    char                  key[];
};

struct assess_lru_s {
    pthread_mutex_t       mutex;
    pthread_cond_t        made;
    assess_lru_entry_t  **buckets;
    size_t                nbuckets;  /* a power of two */
    assess_lru_entry_t   *newest;
    assess_lru_entry_t   *oldest;
    size_t                max;
    assess_lru_stats_t    stats;
};


static int
assess_lru_sync(assess_lru_t *lru)
{
    int                 rc;
    pthread_condattr_t  attr;

    if (pthread_condattr_init(&attr) != 0) {
        return -1;
    }

    rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0
         || pthread_cond_init(&lru->made, &attr) != 0;

    (void) pthread_condattr_destroy(&attr);

    if (rc) {
        return -1;
    }

    if (pthread_mutex_init(&lru->mutex, NULL) != 0) {
        (void) pthread_cond_destroy(&lru->made);
        return -1;
    }

    return 0;
}


assess_lru_t *
assess_lru_create(size_t max)
{
    size_t         n;
    assess_lru_t  *lru;

    for (n = 64; n < 65536 && n < max / ASSESS_LRU_ENTRY; n *= 2) {
        /* void */
    }

    lru = calloc(1, sizeof(assess_lru_t));
    if (lru == NULL) {
        return NULL;
    }

    lru->max = max;
    lru->nbuckets = n;
    lru->buckets = calloc(n, sizeof(assess_lru_entry_t *));

    if (lru->buckets == NULL || assess_lru_sync(lru) != 0) {
        free(lru->buckets);
        free(lru);
        return NULL;
    }

    return lru;
}


static void
assess_lru_free(assess_lru_entry_t *entry)
{
    assess_arena_destroy(entry->shared.arena);
    free(entry);
}


void
assess_lru_destroy(assess_lru_t *lru)
{
    size_t               i;
    assess_lru_entry_t  *entry, *next;

    if (lru == NULL) {
        return;
    }

    for (i = 0; i < lru->nbuckets; i++) {
        for (entry = lru->buckets[i]; entry; entry = next) {
            next = entry->chain;
            assess_lru_free(entry);
        }
    }

    (void) pthread_cond_destroy(&lru->made);
    (void) pthread_mutex_destroy(&lru->mutex);

    free(lru->buckets);
    free(lru);
}


/* FNV-1a; its low bits choose the bucket */

static uint64_t
assess_lru_hash(const char *key, size_t len)
{
    size_t    i;
    uint64_t  hash;

    hash = 14695981039346656037ULL;

    for (i = 0; i < len; i++) {
        hash ^= (unsigned char) key[i];
        hash *= 1099511628211ULL;
    }

    return hash ^ (hash >> 32);
}


static assess_lru_entry_t **
assess_lru_bucket(assess_lru_t *lru, uint64_t hash)
{
    return &lru->buckets[(size_t) hash & (lru->nbuckets - 1)];
}


static assess_lru_entry_t *
assess_lru_find(assess_lru_t *lru, const char *key, size_t len, uint64_t hash)
{
    assess_lru_entry_t  *entry;

    for (entry = *assess_lru_bucket(lru, hash); entry; entry = entry->chain) {
        if (entry->hash == hash && entry->len == len
            && memcmp(entry->key, key, len) == 0)
        {
            break;
        }
    }

    return entry;
}


/* Out of the order of those that are kept. */

static void
assess_lru_unlink(assess_lru_t *lru, assess_lru_entry_t *entry)
{
    *(entry->newer ? &entry->newer->older : &lru->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &lru->oldest) = entry->newer;
}


static void
assess_lru_link(assess_lru_t *lru, assess_lru_entry_t *entry)
{
    entry->newer = NULL;
    entry->older = lru->newest;

    *(lru->newest ? &lru->newest->newer : &lru->oldest) = entry;
    lru->newest = entry;
}


static void
assess_lru_used(assess_lru_t *lru, assess_lru_entry_t *entry)
{
    if (entry->bytes && entry != lru->newest) {
        assess_lru_unlink(lru, entry);
        assess_lru_link(lru, entry);
    }
}


/*
 * No longer found: the last one who holds it frees it.  One that nobody holds
 * goes to those that are unused, in a chain.
 */

static void
assess_lru_unlist(assess_lru_t *lru, assess_lru_entry_t *entry,
    assess_lru_entry_t **unused)
{
    assess_lru_entry_t  **p;

    for (p = assess_lru_bucket(lru, entry->hash); *p != entry;
         p = &(*p)->chain)
    {
        /* void */
    }

    *p = entry->chain;
    entry->listed = 0;

    if (entry->bytes) {
        assess_lru_unlink(lru, entry);

        lru->stats.bytes -= entry->bytes;
        lru->stats.n--;
        entry->bytes = 0;
    }

    if (entry->holders == 0) {
        entry->chain = *unused;
        *unused = entry;
    }
}


/* Large ones take a while: that is done without the mutex. */

static void
assess_lru_free_all(assess_lru_entry_t *unused)
{
    assess_lru_entry_t  *next;

    for ( /* void */ ; unused; unused = next) {
        next = unused->chain;
        assess_lru_free(unused);
    }
}


/* An entry to be made, that its maker holds. */

static assess_lru_entry_t *
assess_lru_entry(assess_lru_t *lru, const char *key, size_t len,
    uint64_t hash)
{
    assess_lru_entry_t  *entry;

    entry = calloc(1, sizeof(assess_lru_entry_t) + len);
    if (entry == NULL) {
        return NULL;
    }

    entry->shared.arena = assess_arena_create();
    if (entry->shared.arena == NULL) {
        free(entry);
        return NULL;
    }

    entry->lru = lru;
    entry->hash = hash;
    entry->holders = 1;
    entry->len = len;
    memcpy(entry->key, key, len);

    return entry;
}


/* One more that is found, to be made by the caller; NULL is out of memory. */

static assess_lru_entry_t *
assess_lru_add(assess_lru_t *lru, const char *key, size_t len, uint64_t hash)
{
    assess_lru_entry_t  *entry, **bucket;

    entry = assess_lru_entry(lru, key, len, hash);

    if (entry) {
        bucket = assess_lru_bucket(lru, hash);

        entry->chain = *bucket;
        *bucket = entry;
        entry->listed = 1;
    }

    return entry;
}


/*
 * Until it is made, or its making has ended otherwise; 0 when the caller is not
 * to wait any longer.  The mutex is held before and after.
 */

static int
assess_lru_wait(assess_lru_t *lru, const assess_lru_entry_t *entry,
    int (*interrupted)(void *ctx), void *ctx)
{
    int              go;
    struct timespec  until;

    while (entry->state == ASSESS_LRU_MAKING) {

        pthread_mutex_unlock(&lru->mutex);

        go = interrupted && interrupted(ctx);

        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += ASSESS_LRU_WAIT * 1000000L;

        if (until.tv_nsec >= 1000000000L) {
            until.tv_nsec -= 1000000000L;
            until.tv_sec++;
        }

        pthread_mutex_lock(&lru->mutex);

        if (go) {
            return 0;
        }

        if (entry->state == ASSESS_LRU_MAKING) {
            (void) pthread_cond_timedwait(&lru->made, &lru->mutex, &until);
        }
    }

    return 1;
}


/* One holder less; the mutex is held. */

static void
assess_lru_drop(assess_lru_entry_t *entry, assess_lru_entry_t **unused)
{
    if (--entry->holders == 0 && !entry->listed) {
        entry->chain = *unused;
        *unused = entry;
    }
}


/*
 * What there is under the key, or what the caller has to make: *entry, or NULL
 * where that is for nobody else.  The mutex is held.
 */

static assess_err_e
assess_lru_take(assess_lru_t *lru, const char *key, size_t len,
    int (*interrupted)(void *ctx), void *ctx, assess_lru_entry_t **entry,
    assess_lru_entry_t **unused, assess_err_t *err)
{
    int                  go;
    uint64_t             hash;
    assess_lru_e         state;
    assess_lru_entry_t  *e;

    *entry = NULL;
    hash = assess_lru_hash(key, len);

    do {
        e = assess_lru_find(lru, key, len, hash);

        if (e == NULL) {
            *entry = assess_lru_add(lru, key, len, hash);
            break;
        }

        e->holders++;

        go = assess_lru_wait(lru, e, interrupted, ctx);
        state = e->state;

        if (go && state == ASSESS_LRU_READY) {
            assess_lru_used(lru, e);
            lru->stats.hits++;

            *entry = e;
            return ASSESS_OK;
        }

        assess_lru_drop(e, unused);

        if (!go) {
            return assess_fail(err, ASSESS_CANCELLED, NULL,
                               "what another job makes is not waited for");
        }

        /* who has left has unlisted it: the next one makes another */

    } while (state == ASSESS_LRU_LEFT);

    lru->stats.misses++;

    return ASSESS_OK;
}


assess_err_e
assess_lru_get(assess_lru_t *lru, const char *key, size_t len,
    int (*interrupted)(void *ctx), void *ctx, assess_shared_t **shared,
    assess_err_t *err)
{
    assess_err_e         rc;
    assess_lru_entry_t  *entry, *unused;

    *shared = NULL;
    entry = NULL;

    if (lru) {
        unused = NULL;

        pthread_mutex_lock(&lru->mutex);

        rc = assess_lru_take(lru, key, len, interrupted, ctx, &entry, &unused,
                             err);

        pthread_mutex_unlock(&lru->mutex);

        assess_lru_free_all(unused);

        if (rc != ASSESS_OK) {
            return rc;
        }
    }

    if (entry == NULL) {
        entry = assess_lru_entry(NULL, key, len, 0);

        if (entry == NULL) {
            return assess_fail(err, ASSESS_ERROR, "internal",
                               "out of memory");
        }
    }

    *shared = &entry->shared;

    return ASSESS_OK;
}


void
assess_lru_made(assess_shared_t *shared, assess_made_e how)
{
    size_t               bytes;
    assess_lru_t        *lru;
    assess_lru_entry_t  *entry, *unused;

    entry = (assess_lru_entry_t *) shared;
    lru = entry->lru;

    if (lru == NULL) {
        return;
    }

    unused = NULL;
    bytes = sizeof(assess_lru_entry_t) + entry->len
            + assess_arena_size(shared->arena);

    pthread_mutex_lock(&lru->mutex);

    entry->state = how == ASSESS_MADE ? ASSESS_LRU_READY
                   : how == ASSESS_NOT_MADE ? ASSESS_LRU_FAILED
                                            : ASSESS_LRU_LEFT;

    /* one that would push out all others is only for who waits for it */

    if (how != ASSESS_MADE || bytes > lru->max) {
        assess_lru_unlist(lru, entry, &unused);

    } else {
        entry->bytes = bytes;
        assess_lru_link(lru, entry);

        lru->stats.bytes += bytes;
        lru->stats.n++;

        while (lru->stats.bytes > lru->max) {
            assess_lru_unlist(lru, lru->oldest, &unused);
        }
    }

    (void) pthread_cond_broadcast(&lru->made);

    pthread_mutex_unlock(&lru->mutex);

    assess_lru_free_all(unused);
}


void
assess_lru_release(assess_shared_t *shared)
{
    assess_lru_entry_t  *entry, *unused;

    if (shared == NULL) {
        return;
    }

    entry = (assess_lru_entry_t *) shared;

    if (entry->lru == NULL) {
        assess_lru_free(entry);
        return;
    }

    unused = NULL;

    pthread_mutex_lock(&entry->lru->mutex);
    assess_lru_drop(entry, &unused);
    pthread_mutex_unlock(&entry->lru->mutex);

    assess_lru_free_all(unused);
}


void
assess_lru_stats(assess_lru_t *lru, assess_lru_stats_t *stats)
{
    memset(stats, 0, sizeof(assess_lru_stats_t));

    if (lru) {
        pthread_mutex_lock(&lru->mutex);
        *stats = lru->stats;
        pthread_mutex_unlock(&lru->mutex);
    }
}
