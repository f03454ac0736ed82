
/* sources: store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */

/* Lanes as they are counted by the changes of jobs. */

#include "store.h"
#include "store/assess_queue_int.h"


/* a job of that tenant and user, of that priority */

static void
start(const char *tenant, const char *user, int priority, int n)
{
    int                replayed;
    assess_start_t     st;
    assess_scope_t     scope;
    assess_change_t    change;
    assess_document_t  of;

    scope = store_scope(tenant, user);
    of = store_document(&scope, tenant);
    (void) store_set(&scope, "set", 3);

    while (n--) {
        st = store_start(of.document_id, "set");
        st.priority = priority;

        if (job_start(store_db, store_arena, &scope, &st, &change, &replayed,
                      &store_err) != ASSESS_OK)
        {
            ok(0, "a start: %s", store_err.message);
        }
    }
}


static assess_err_e
claim_with(assess_claim_t *claim, assess_work_t *work)
{
    assess_err_e     rc;
    assess_taker_t   taker, *list[1] = { &taker };
    store_claimer_t  who;

    who = store_claimer("a", 60000);

    memcpy(claim->worker_id, who.worker_id, sizeof(claim->worker_id));
    claim->lease_ms = who.lease_ms;

    memset(&taker, 0, sizeof(assess_taker_t));
    taker.arena = store_arena;
    taker.owner = who.owner;

    rc = assess_jobs_claim(store_db, claim, list, 1, &store_err);

    *work = taker.work;

    return rc;
}


static void
is_claim(assess_claim_t *claim, const char *tenant, const char *user,
    const char *name)
{
    assess_work_t  work;

    if (!is_int(claim_with(claim, &work), ASSESS_OK, name)) {
        printf("# %s\n", store_err.message);
        return;
    }

    ok(work.job.tenant.len == strlen(tenant)
       && memcmp(work.job.tenant.data, tenant, work.job.tenant.len) == 0
       && work.job.user.len == strlen(user)
       && memcmp(work.job.user.data, user, work.job.user.len) == 0,
       "%s: of %s %s", name, tenant, user);
}


static void
test_names(void)
{
    start("acme", "an\xc3\xa4", -3, 1);

    is_int(store_sql("select count(*) from assess.assessment_jobs where lane"
                     " = assess.lane(tenant, user_name, batch_id, priority,"
                     " provider)"), 1, "a lane has one name here and there");
    is_int(store_sql("select count(*) from assess.lanes where queued = 1"
                     " and running = 0 and tenant = 'acme' and priority = -3"),
           1, "and is counted");
}


static void
test_shares(void)
{
    assess_claim_t  claim;

    memset(&claim, 0, sizeof(assess_claim_t));

    start("large", "u", 0, 4);
    start("large", "v", 0, 1);
    start("small", "w", 0, 1);

    is_claim(&claim, "large", "u", "the first of equal ones");
    is_claim(&claim, "small", "w", "then another tenant");
    is_claim(&claim, "large", "v", "then another user");

    start("late", "x", 0, 1);

    is_claim(&claim, "late", "x", "who comes late is not behind them");
    is_claim(&claim, "large", "u", "what is left");
    is_claim(&claim, "large", "u", "what is left");

    is_int(store_sql("select sum(running) * 100 + sum(queued)"
                     " from assess.lanes"), 602, "all of it is counted");
}


/* What was read a moment ago is believed, with what was taken since */

static void
test_known(void)
{
    assess_claim_t  claim;

    memset(&claim, 0, sizeof(assess_claim_t));
    claim.queue = assess_queue_create();

    start("known", "u", 50, 2);

    is_claim(&claim, "known", "u", "what was read");
    is_claim(&claim, "known", "u", "what is known from before");

    is_claim(&claim, "large", "u", "and of others");

    assess_queue_destroy(claim.queue);
}


static void
test_limits(void)
{
    assess_work_t   work;
    assess_claim_t  claim;

    memset(&claim, 0, sizeof(assess_claim_t));
    claim.limits.tenant_jobs = 2;

    start("one", "u", 5, 3);
    start("two", "u", 4, 1);

    is_claim(&claim, "one", "u", "the first");
    is_claim(&claim, "one", "u", "the second");
    is_claim(&claim, "two", "u", "the tenant has as many as it may");

    (void) store_sql("update assess.lanes set paused = true"
                     " where tenant in ('acme', 'large')");

    is_err(claim_with(&claim, &work), ASSESS_NOT_FOUND,
           "and nothing else is open");

    (void) store_sql("update assess.lanes set paused = false"
                     " where tenant = 'large'");
    claim.limits.tenant_jobs = 0;

    is_claim(&claim, "one", "u", "without the limit it goes on");
}


/* Places of a lane that is longer than what is counted: before, at, behind */

static void
test_places(void)
{
    int                i, n, replayed, places[3];
    char               ids[3][ASSESS_UUID_LEN + 1];
    assess_start_t     st;
    assess_scope_t     scope;
    assess_change_t    change;
    assess_document_t  of;

    (void) store_sql("delete from assess.assessment_jobs");
    (void) store_sql("select assess.recount()");

    scope = store_scope("long", "u");
    of = store_document(&scope, "long");
    (void) store_set(&scope, "set", 3);
    st = store_start(of.document_id, "set");

    for (i = 0, n = 0; i < 1005; i++) {

        if (job_start(store_db, store_arena, &scope, &st, &change, &replayed,
                      &store_err) != ASSESS_OK)
        {
            ok(0, "a start: %s", store_err.message);
        }

        if (i == 0 || i == 999 || i == 1000) {
            memcpy(ids[n++], change.job.job_id, sizeof(ids[0]));
        }
    }

    is_err(assess_jobs_places(store_db, (const char (*)[37]) ids, 3, places,
                              &store_err), ASSESS_OK, "places");
    is_int(places[0], 1, "of the first");
    is_int(places[1], 1000, "of the last that is counted");
    is_int(places[2], 0, "and of one behind it");

    is_err(assess_jobs_places(store_db, (const char (*)[37]) (ids + 1), 1,
                              places, &store_err), ASSESS_OK, "places");
    is_int(places[0], 1000, "of that one by itself");
    is_err(assess_jobs_places(store_db, (const char (*)[37]) (ids + 2), 1,
                              places, &store_err), ASSESS_OK, "places");
    is_int(places[0], 0, "and of the other");

    (void) store_sql("delete from assess.assessment_jobs");
    (void) store_sql("select assess.recount()");
}


static void
test_mended(void)
{
    assess_work_t   work;
    assess_claim_t  claim;

    memset(&claim, 0, sizeof(assess_claim_t));

    (void) store_sql("delete from assess.assessment_jobs");

    is_err(claim_with(&claim, &work), ASSESS_NOT_FOUND,
           "jobs were deleted by hand");
    is_int(store_sql("select count(*) from assess.lanes where queued > 0"
                     " and not paused"), 0, "the lane's count is mended");

    (void) store_sql("select assess.recount()");
    is_int(store_sql("select count(*) from assess.lanes"), 0, "or all are");
}


static void
test_forgotten(void)
{
    start("acme", "u", 0, 1);
    (void) store_sql("insert into assess.lanes (lane, tenant, priority,"
                     " provider) values (1, 't', 0, 'p')");

    is_err(assess_queue_forget(store_db, &store_err), ASSESS_OK, "to forget");
    is_int(store_sql("select count(*) from assess.lanes"), 1,
           "those are kept in which a job waits");
}


int
main(void)
{
    if (!store_begin(1)) {
        return 0;
    }

    test_names();
    test_shares();
    test_known();
    test_limits();
    test_places();
    test_mended();
    test_forgotten();

    return store_end();
}
