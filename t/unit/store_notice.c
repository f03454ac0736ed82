
/* sources: store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */

/* Notices: written with what they tell, claimed by one, told once. */

#include "store.h"

#include "store/assess_notice_int.h"


static assess_scope_t  scope;
static char            document_id[ASSESS_UUID_LEN + 1];


static assess_notice_claim_t
claim_of(int limit, int each)
{
    assess_notice_claim_t  claim;

    memset(&claim, 0, sizeof(claim));
    claim.limit = limit;
    claim.each = each;
    claim.lease_ms = 60000;

    return claim;
}


static size_t
claim(const assess_notice_claim_t *claim, assess_notice_t **notices)
{
    size_t  n;

    is_err(assess_notices_claim(store_db, store_arena, claim, notices, &n,
                                &store_err), ASSESS_OK, "a claim");

    return n;
}


static void
settle(const assess_notice_t *notice, assess_notice_told_e what,
    int64_t after_ms)
{
    assess_notice_told_t  told;

    memset(&told, 0, sizeof(told));
    memcpy(told.notice_id, notice->notice_id, sizeof(told.notice_id));
    told.tries = notice->tries;
    told.told = what;
    told.after_ms = after_ms;

    if (what != ASSESS_NOTICE_DELIVERED) {
        (void) snprintf(told.error, sizeof(told.error), "no");
    }

    is_err(assess_notices_settle(store_db, &told, 1, &store_err), ASSESS_OK,
           "what came of it");
}


static assess_job_t
begun(const char *callback)
{
    int              replayed;
    assess_start_t   start;
    assess_change_t  change;

    start = store_start(document_id, "set");
    start.callback_url = store_str(callback);

    is_err(job_start(store_db, store_arena, &scope, &start, &change,
                     &replayed, &store_err), ASSESS_OK, "a start");

    return change.job;
}


static void
test_ends(void)
{
    int                     changed;
    assess_job_t            job;
    assess_work_t           work;
    assess_change_t         change;
    store_claimer_t         claimer;
    assess_notice_t        *notices;
    assess_notice_claim_t   all;

    claimer = store_claimer("one", 60000);
    all = claim_of(10, 10);

    (void) begun(NULL);
    is_err(job_claim(store_db, store_arena, &claimer, &work, &change,
                     &store_err), ASSESS_OK, "a job without a callback");
    is_err(job_end(store_db, store_arena, &work, ASSESS_COMPLETED, NULL, NULL,
                   &change, &store_err), ASSESS_OK, "ends");
    is_int(change.notices, 0, "nobody is told");

    job = begun("https://example.net:8443/hook?x");
    is_err(job_claim(store_db, store_arena, &claimer, &work, &change,
                     &store_err), ASSESS_OK, "one with a callback");
    is_int(claim(&all, &notices), 0, "is told of when it ends, not before");

    is_err(job_end(store_db, store_arena, &work, ASSESS_BUDGET_EXCEEDED,
                   "budget_exceeded", "too dear", &change, &store_err),
           ASSESS_OK, "it ends");
    is_int(change.notices, 1, "somebody is told");
    is_err(job_end(store_db, store_arena, &work, ASSESS_BUDGET_EXCEEDED,
                   "budget_exceeded", "too dear", &change, &store_err),
           ASSESS_OK, "made again, its commit being in doubt");

    if (is_int(claim(&all, &notices), 1, "it is told once")) {
        is_int(notices[0].kind, ASSESS_NOTICE_WEBHOOK, "by a webhook");
        is_str(notices[0].target.data, "https://example.net:8443/hook?x",
               "to its URL");
        is_str(notices[0].origin.data, "https://example.net:8443",
               "its origin");
        is_int(notices[0].tries, 1, "the first try");
        ok(strstr(notices[0].body.data, "{\"type\":\"job.budget_exceeded\","
                  "\"timestamp\":\"20") == notices[0].body.data
           && strstr(notices[0].body.data, job.job_id) != NULL, "its body");
        settle(&notices[0], ASSESS_NOTICE_DELIVERED, 0);
    }

    job = begun("http://example.net");
    is_err(assess_job_cancel(store_db, store_arena, &scope, job.job_id,
                             &change, &changed, &store_err), ASSESS_OK,
           "one is cancelled");
    is_int(change.notices, 1, "which is told");
    is_err(assess_job_cancel(store_db, store_arena, &scope, job.job_id,
                             &change, &changed, &store_err), ASSESS_OK,
           "again");
    is_int(change.notices, 0, "which is nothing new");

    if (is_int(claim(&all, &notices), 1, "one notice")) {
        is_str(notices[0].origin.data, "http://example.net",
               "a URL may end with its host");
        settle(&notices[0], ASSESS_NOTICE_DELIVERED, 0);
    }
}


/* As who concludes a batch does it */

static assess_err_e
tell(const assess_fact_t *facts, size_t n, int commit)
{
    assess_err_e    rc;
    assess_conn_t  *conn;

    if (assess_db_begin(store_db, &conn, &store_err) != ASSESS_OK) {
        return store_err.kind;
    }

    rc = assess_notices_add(conn, facts, n, &store_err);

    if (rc == ASSESS_OK && commit) {
        rc = assess_db_commit(conn, &store_err);
    }

    assess_db_release(conn);

    return rc;
}


static assess_fact_t
fact_of(const char *url, const char *email, int64_t when)
{
    assess_fact_t  fact;

    memset(&fact, 0, sizeof(fact));
    fact.tenant = scope.tenant;
    (void) assess_uuid(fact.subject_id);
    fact.type = "batch.completed";
    fact.happened_at = when;
    fact.url = store_str(url);
    fact.email = store_str(email);
    fact.data = store_str("{\"batchId\":1}");

    return fact;
}


static void
test_facts(void)
{
    size_t                  n;
    assess_fact_t           facts[2];
    assess_notice_t        *notices;
    assess_notice_claim_t   all;

    all = claim_of(10, 10);

    facts[0] = fact_of("https://a.example/x", "me@example.net", 1000);
    facts[1] = fact_of(NULL, "me@example.net", 2000);

    is_err(tell(facts, 2, 0), ASSESS_OK, "told, and rolled back");
    is_int(claim(&all, &notices), 0, "is not told");
    is_err(tell(facts, 2, 1), ASSESS_OK, "told, and committed");
    is_err(tell(facts, 2, 1), ASSESS_OK, "once more");
    is_err(tell(facts, 0, 1), ASSESS_OK, "nothing at all");

    n = claim(&all, &notices);
    is_int(n, 3, "a webhook and two mails, once");
    is_int(claim(&all, &notices), 0, "which nobody else has now");

    facts[0].happened_at = 3000;
    is_err(tell(facts, 1, 1), ASSESS_OK, "the same at another time");
    is_int(claim(&all, &notices), 2, "is another fact");

    (void) store_sql("delete from assess.notices");
}


static void
test_origins(void)
{
    int                     i;
    assess_str_t            busy[1];
    assess_fact_t           fact;
    assess_notice_t        *notices, *more;
    assess_notice_claim_t   few;

    for (i = 0; i < 20; i++) {
        fact = fact_of(i < 15 ? "https://slow.example/" : "https://b.example/",
                       NULL, i + 1);
        is_err(tell(&fact, 1, 1), ASSESS_OK, "a fact");
    }

    few = claim_of(10, 4);
    is_int(claim(&few, &notices), 8, "four of each origin");

    few.limit = 3;
    is_int(claim(&few, &more), 3, "no more than there is room for");

    busy[0] = store_str("https://slow.example");
    few.limit = 10;
    few.busy = busy;
    few.nbusy = 1;
    is_int(claim(&few, &more), 1, "none of a origin that is full");

    /* who comes late changes nothing */

    (void) store_sql("update assess.notices set due_at = 'infinity'");
    settle(&notices[0], ASSESS_NOTICE_AGAIN, 0);
    few.nbusy = 0;

    if (is_int(claim(&few, &more), 1, "one that is due again")) {
        is_int(more[0].tries, 2, "its second try");
    }

    is_int(store_sql("select count(*) from assess.notices where tries = 2"
                     " and last_error = 'no'"), 1, "why there is one");

    (void) store_sql("update assess.notices set due_at = now()"
                     " where tries = 2");

    if (is_int(claim(&few, &more), 1, "one whose lease has run out")) {
        is_int(more[0].tries, 3, "its third");
    }

    settle(&notices[0], ASSESS_NOTICE_DELIVERED, 0);
    is_int(store_sql("select count(*) from assess.notices where delivered"), 0,
           "what the first one says has no weight any more");

    settle(&more[0], ASSESS_NOTICE_GIVEN_UP, 0);
    is_int(store_sql("select count(*) from assess.notices where not delivered"
                     " and ended_at is not null"), 1, "what the last one says");
}


static void
test_forget(void)
{
    int64_t  n;

    is_err(assess_notices_forget(store_db, 60000, &n, &store_err), ASSESS_OK,
           "to forget");
    is_int(n, 0, "what is young stays");

    (void) store_sql("update assess.notices set ended_at = now()"
                     " - interval '2 minutes' where ended_at is not null");
    is_err(assess_notices_forget(store_db, 60000, &n, &store_err), ASSESS_OK,
           "to forget");
    is_int(n, 1, "what has ended and is old goes");
    is_int(store_sql("select count(*) from assess.notices"), 19, "no other");
}


int
main(void)
{
    assess_document_t  doc;

    if (!store_begin(1)) {
        return 0;
    }

    scope = store_scope("one", "me");

    doc = store_document(&scope, "some text");
    memcpy(document_id, doc.document_id, sizeof(document_id));
    (void) store_set(&scope, "set", 2);

    test_ends();
    test_facts();
    test_origins();
    test_forget();

    return store_end();
}
