
/* sources: store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */

/* Answers that are found again by what was asked. */

#include "store.h"


#define HOUR  3600000


static assess_scope_t  scope, other;


/* A job of this tenant that saves n answers, with keys or without. */

static void
answered(const assess_scope_t *who, const char *text,
    assess_answer_t *answers, size_t n)
{
    assess_step_t      step;
    assess_work_t      work;
    store_claimer_t     claim;
    assess_change_t    change;
    assess_document_t  doc;

    claim = store_claimer("a", 60000);
    doc = store_document(who, text);
    (void) store_job(who, doc.document_id);

    memset(&step, 0, sizeof(assess_step_t));
    step.step = "Assessing questions";
    step.answers = answers;
    step.nanswers = n;

    is_err(job_claim(store_db, store_arena, &claim, &work, &change,
                            &store_err), ASSESS_OK, "a job");
    is_err(job_step(store_db, store_arena, &work, &step, &change,
                           &store_err), ASSESS_OK, "saves answers");
    is_err(job_end(store_db, store_arena, &work, ASSESS_COMPLETED,
                          NULL, NULL, &change, &store_err), ASSESS_OK,
           "and ends");
}


static size_t
found_until(const assess_scope_t *who,
    const unsigned char (*keys)[ASSESS_KEY_LEN], size_t n, int64_t age,
    int64_t before, assess_answer_t **list)
{
    size_t  got;

    is_err(assess_answers_cached(store_db, store_arena, &who->tenant, keys, n,
                                 age, before, list, &got, &store_err),
           ASSESS_OK, "the cache is asked");

    return got;
}


static size_t
found(const assess_scope_t *who, const unsigned char (*keys)[ASSESS_KEY_LEN],
    size_t n, int64_t age, assess_answer_t **list)
{
    return found_until(who, keys, n, age, 0, list);
}


static void
test_cache(void)
{
    size_t              i, n, njobs;
    char              (*jobs)[37];
    unsigned char       keys[5][ASSESS_KEY_LEN];
    assess_answer_t     a[5], *list;
    assess_document_t   doc;
    assess_evidence_t   evidence;

    for (i = 0; i < 5; i++) {
        memset(keys[i], (int) i, ASSESS_KEY_LEN);
        keys[i][3] = '"';
        keys[i][4] = '\\';
        a[i] = store_answer((int) i, "old");
        a[i].key = i == 2 ? NULL : keys[i];
    }

    evidence.quote = store_str("a \"quote\"");
    evidence.page = 3;
    evidence.verified = 1;
    a[1].evidence = &evidence;
    a[1].nevidence = 1;
    a[1].verdict = ASSESS_NON_COMPLIANT;
    a[4].cached = 1;

    is_int((long long) found(&scope, keys, 5, HOUR, &list), 0,
           "there is nothing yet");
    answered(&scope, "one", a, 5);

    n = found(&scope, keys, 5, HOUR, &list);
    is_int((long long) n, 3, "three can be found");
    is_int(list[0].ordinal, 0, "the first key's");
    is_int(list[1].ordinal, 1, "the second's");
    is_int(list[2].ordinal, 3, "not what has no key, but the one behind it");
    is_int(list[1].cached, 1, "an answer is from the cache");
    is_int(list[1].verdict, ASSESS_NON_COMPLIANT, "with its verdict");
    is_str(list[1].evidence[0].quote.data, "a \"quote\"", "its evidence");
    is_int(list[1].evidence[0].page, 3, "to the page");
    is_str(list[1].provider.data, "local", "and its provider");
    ok(list[1].confidence == 0.75, "and its confidence");
    is_int(store_sql("select count(*) from assess.assessment_answers"
                     " where cache_key is not null and cached"), 0,
           "what was cached itself has no key");

    is_int((long long) found(&scope, keys + 1, 1, HOUR, &list), 1, "one");
    is_int(list[0].ordinal, 0, "its ordinal is that of the key asked for");
    memcpy(keys[2], keys[1], ASSESS_KEY_LEN);
    is_int((long long) found(&scope, keys + 1, 2, HOUR, &list), 2,
           "a key twice is answered twice");
    is_int(list[1].ordinal, 1, "under both");
    is_int((long long) found(&scope, keys, 0, HOUR, &list), 0, "no keys");
    is_int((long long) found(&scope, keys, 5, 0, &list), 0, "no time");
    is_int((long long) found(&scope, keys, 2, INT64_MAX, &list), 2,
           "all the time there is");
    is_int((long long) found(&other, keys, 5, HOUR, &list), 0,
           "another tenant finds nothing");

    (void) store_sql("update assess.assessment_answers"
                     " set created_at = now() - interval '61 minutes'"
                     " where ordinal = 0");
    is_int((long long) found(&scope, keys, 1, HOUR, &list), 0, "one is old");
    is_int((long long) found(&scope, keys, 1, 2 * HOUR, &list), 1,
           "but not too old for others");
    is_int((long long) found_until(&scope, keys, 2, 2 * HOUR,
                                   assess_now_ms() - HOUR, &list), 1,
           "and the only one that was there an hour ago");
    is_int(list[0].ordinal, 0, "the old one");

    /* the newest one, and what is left when it goes */

    a[0].question_id = store_str("new");
    answered(&scope, "two", a, 1);
    doc = store_document(&scope, "two");
    is_int((long long) found(&scope, keys, 1, 2 * HOUR, &list), 1, "of two");
    is_str(list[0].question_id.data, "new", "the newest");
    answered(&other, "two", a, 1);

    is_err(assess_document_delete(store_db, store_arena, &scope,
                                  doc.document_id, &jobs, &njobs,
                                  &store_err), ASSESS_OK,
           "its document is deleted");
    is_int((long long) found(&scope, keys, 1, 2 * HOUR, &list), 1, "then");
    is_str(list[0].question_id.data, "old", "the other one");
    is_int((long long) found(&other, keys, 1, HOUR, &list), 1,
           "the other tenant has its own");
    is_str(list[0].question_id.data, "new", "only");
}


int
main(void)
{
    if (!store_begin(1)) {
        return 0;
    }

    scope = store_scope("acme", "ann");
    other = store_scope("globex", NULL);
    (void) store_set(&scope, "set", 12);
    (void) store_set(&other, "set", 12);

    test_cache();

    return store_end();
}
