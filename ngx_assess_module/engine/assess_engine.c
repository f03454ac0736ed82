
/*
 * What the jobs of a process do together: claims and writes of the same moment
 * are one transaction.
 */

#include "assess_engine.h"
#include "assess_gate.h"
#include "assess_usages.h"

#include <stdlib.h>
#include <string.h>


/*
 * So many writes are worth a transaction of their own beside another one: it
 * costs as much as eight jobs in it.  Two claims would only be in each other's
 * way.
 */
#define ASSESS_WRITES_ENOUGH  8
#define ASSESS_CLAIMS_ENOUGH  (ASSESS_GATHER_MAX + 1)


static int assess_engine_claimer(assess_engine_t *engine,
    assess_arena_t *arena, assess_claim_t *claim);
static void assess_engine_taken(assess_engine_t *engine,
    const assess_taker_t *taker);
static void assess_engine_claim(void *ctx, void **items, size_t n);
static int assess_engine_avoid(assess_engine_t *engine, assess_arena_t *arena,
    assess_claim_t *claim);
static void assess_engine_write(void *ctx, void **items, size_t n);


int
assess_engine_init(assess_engine_t *engine)
{
    engine->claims = assess_gather_create(assess_engine_claim, engine,
                                          ASSESS_CLAIMS_ENOUGH);
    engine->writes = assess_gather_create(assess_engine_write, engine,
                                          ASSESS_WRITES_ENOUGH);

    engine->queue = assess_queue_create();
    engine->unreadable = assess_unreadable_create();
    engine->rates = assess_rates_create();
    engine->usages = assess_usages_create();

    if (engine->metrics == NULL) {
        engine->metrics = &assess_metrics_none;
    }

    return engine->claims && engine->writes && engine->queue
           && engine->unreadable
           && engine->rates && engine->usages ? 0 : -1;
}


void
assess_engine_destroy(assess_engine_t *engine)
{
    assess_gather_destroy(engine->claims);
    assess_gather_destroy(engine->writes);
    assess_queue_destroy(engine->queue);
    assess_unreadable_destroy(engine->unreadable);
    assess_rates_destroy(engine->rates);
    assess_usages_destroy(engine->usages);
}


void
assess_engine_left(assess_engine_t *engine)
{
    __atomic_store_n(&engine->left, 1, __ATOMIC_RELEASE);
}


int
assess_engine_may_begin(const assess_engine_t *engine,
    const assess_str_t *provider)
{
    assess_provider_t  *p;

    if (engine->paused || engine->limits.tenant_jobs) {
        return 0;
    }

    p = assess_engine_provider(engine, provider);

    return p && assess_gate_admits(assess_provider_gate(p), assess_mono_ms());
}


void
assess_engine_hand_back(assess_engine_t *engine, assess_taker_t *taker)
{
    assess_write_t          w, *writes[1] = { &w };
    const assess_change_t  *changes[1] = { &w.change };

    memset(&w, 0, sizeof(assess_write_t));
    w.what = ASSESS_WRITE_RELEASE;
    w.arena = taker->arena;
    w.work = &taker->work;

    assess_jobs_write(engine->db, NULL, writes, 1);

    if (w.rc == ASSESS_OK) {
        engine->publish(engine->ctx, changes, 1);
    }
}


static int
assess_engine_claimer(assess_engine_t *engine, assess_arena_t *arena,
    assess_claim_t *claim)
{
    memset(claim, 0, sizeof(assess_claim_t));
    memcpy(claim->worker_id, engine->worker_id, sizeof(claim->worker_id));
    claim->lease_ms = engine->lease_ms;
    claim->limits = engine->limits;
    claim->queue = engine->queue;
    claim->left = __atomic_exchange_n(&engine->left, 0, __ATOMIC_ACQ_REL);

    if (assess_engine_avoid(engine, arena, claim) != 0) {

        if (claim->left) {
            assess_engine_left(engine);
        }

        return -1;
    }

    return 0;
}


/* where one was left there may be more than were wanted */

static void
assess_engine_taken(assess_engine_t *engine, const assess_taker_t *taker)
{
    if (taker->work.lost) {
        assess_engine_left(engine);
    }
}


static void
assess_engine_claim(void *ctx, void **items, size_t n)
{
    assess_engine_t *engine = ctx;

    size_t                  i, told;
    assess_err_e            rc;
    assess_err_t            err;
    assess_claim_t          claim;
    assess_taker_t         *taker;
    const assess_change_t  *changes[ASSESS_GATHER_MAX];

    taker = items[0];
    claim.left = 0;

    /* a thread may have been on its way here since before it was paused */

    if (engine->paused) {
        rc = assess_fail(&err, ASSESS_NOT_FOUND, NULL, "the queue is paused");

    } else if (assess_engine_claimer(engine, taker->arena, &claim) != 0) {
        rc = assess_fail(&err, ASSESS_ERROR, "internal", "out of memory");

    } else {
        rc = assess_jobs_claim(engine->db, &claim, (assess_taker_t **) items,
                               n, &err);
    }

    if (rc != ASSESS_OK && rc != ASSESS_NOT_FOUND && claim.left) {
        assess_engine_left(engine);
    }

    for (i = 0, told = 0; i < n; i++) {
        taker = items[i];
        taker->rc = rc;

        if (rc != ASSESS_OK) {
            taker->err = err;

        } else if (taker->taken) {
            changes[told++] = &taker->change;
            assess_engine_taken(engine, taker);

        } else {
            taker->rc = assess_fail(&taker->err, ASSESS_NOT_FOUND, NULL,
                                    "no job is waiting");
        }
    }

    if (told) {
        engine->publish(engine->ctx, changes, told);
    }
}


/* jobs whose provider is down wait in the queue, all but one that looks */

static int
assess_engine_avoid(assess_engine_t *engine, assess_arena_t *arena,
    assess_claim_t *claim)
{
    size_t              i;
    int64_t             now;
    assess_str_t       *avoid;
    assess_provider_t  *provider;

    avoid = NULL;
    now = assess_mono_ms();

    for (i = 0; i < engine->nproviders; i++) {

        provider = engine->providers[i];

        if (assess_gate_admits(assess_provider_gate(provider), now)) {
            continue;
        }

        if (avoid == NULL) {
            avoid = assess_palloc(arena, engine->nproviders
                                         * sizeof(assess_str_t));
            if (avoid == NULL) {
                return -1;
            }
        }

        avoid[claim->navoid++] = assess_provider_conf(provider)->name;
    }

    claim->avoid = avoid;

    return 0;
}


/* of a cancelled job the late answers change the cost, without an event */

static void
assess_engine_write(void *ctx, void **items, size_t n)
{
    assess_engine_t *engine = ctx;

    int                     claims;
    size_t                  i, told;
    assess_claim_t          claim;
    assess_write_t         *w;
    assess_taker_t         *next;
    const assess_change_t  *changes[2 * ASSESS_GATHER_MAX];

    /* who wants no job must not take away that somebody is to look for some */

    for (i = 0, next = NULL; i < n && next == NULL; i++) {
        w = items[i];
        next = w->next;
    }

    claims = next && !engine->paused
             && assess_engine_claimer(engine, next->arena, &claim) == 0;

    assess_jobs_write(engine->db, claims ? &claim : NULL,
                      (assess_write_t **) items, n);

    for (i = 0, told = 0; i < n; i++) {
        w = items[i];

        if (w->rc == ASSESS_OK
            || (w->rc == ASSESS_CANCELLED && w->change.job.job_id[0]))
        {
            changes[told++] = &w->change;
        }

        if (w->rc != ASSESS_OK && claims && claim.left) {
            assess_engine_left(engine);
        }
    }

    for (i = 0; i < n; i++) {
        w = items[i];

        if (w->next && w->next->taken) {
            changes[told++] = &w->next->change;
            assess_engine_taken(engine, w->next);
        }
    }

    if (told) {
        engine->publish(engine->ctx, changes, told);
    }
}
