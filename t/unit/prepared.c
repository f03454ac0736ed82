/* sources: engine/assess_prepared.c engine/assess_lru.c engine/assess_local.c
   engine/assess_reading.c engine/assess_retrieve.c engine/assess_vocab.c
   engine/assess_bm25.c engine/assess_pageref.c engine/assess_passage.c
   engine/assess_edge.c engine/assess_terms.c engine/assess_stem.c
   engine/assess_sentence.c engine/assess_quote.c engine/assess_fold.c
   engine/assess_questions.c base/assess_base.c */
/* libs: -ljansson -lm */

#include "tap.h"
#include "../../ngx_assess_module/engine/assess_local.h"
#include "../../ngx_assess_module/engine/assess_prepared.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>


#define PAGES      30
#define QUESTIONS  12
#define THREADS    6
#define ROUNDS     20
#define HITS       8


/* What jobs on several threads have in common, and what each finds. */
typedef struct {
    assess_lru_t           *lru;
    assess_question_set_t   set;
    assess_buf_t            want;
    atomic_int              made;
    atomic_int              different;
} jobs_t;

typedef struct {
    const assess_prepared_t  *doc;
    assess_buf_t              found;
} job_t;


static assess_str_t
str(const char *cstr)
{
    assess_str_t  s;

    s.data = (char *) cstr;
    s.len = strlen(cstr);

    return s;
}


/* Pages that differ a little, in the arena. */

static assess_page_t *
pages_of(assess_arena_t *arena)
{
    int             i, n;
    char            text[1024];
    const char     *a, *b;
    assess_page_t  *pages;

    static const char *const  words[] = {
        "alder", "birch", "cedar", "damson", "elm", "fir", "gorse", "hazel"
    };

    pages = assess_palloc(arena, PAGES * sizeof(assess_page_t));

    for (i = 0; i < PAGES; i++) {

        a = words[i % 8];
        b = words[i / 8];

        n = snprintf(text, sizeof(text),
                     "The %s side of %s\n\nThe doors of stair %d, %s %s, are "
                     "self-closing.\nIn the %s yard %s grows.\n\nExtinguisher "
                     "%d hangs in the %s room, next to the \xE2\x80\x9C"
                     "fire-\nfighting\xE2\x80\x9D kit of %s.\n", a, b, i, b, a, a, b,
                     i * 3, a, b);

        pages[i].page = i + 1;
        (void) assess_pstrdup(arena, &pages[i].text, text, (size_t) n);
    }

    return pages;
}


static void
question_set(assess_question_set_t *set, assess_buf_t *b)
{
    int  i;

    memset(set, 0, sizeof(assess_question_set_t));
    strcpy(set->question_set_id, "0192f7a0-0000-7000-8000-00000000000a");

    for (i = 0; i < QUESTIONS; i++) {
        assess_buf_printf(b, "%s{\"id\":\"q%d\",\"text\":\"Are the doors of "
                          "stair %d self-closing, and is extinguisher %d "
                          "there on page %d?\",\"guidance\":\"fire-fighting "
                          "kit\"}", i ? "," : "[", i, i, i * 3, i + 1);
    }

    assess_buf_str(b, "]");

    set->questions.data = b->data;
    set->questions.len = b->len;
    set->question_count = QUESTIONS;
}


static assess_err_e
on_reply(void *ctx, const assess_reply_t *reply, assess_err_t *err)
{
    size_t              i, j;
    job_t              *job;
    assess_answer_t    *a;
    assess_evidence_t  *ev;

    (void) err;
    job = ctx;

    for (i = 0; i < reply->nanswers; i++) {

        a = &reply->answers[i];

        assess_buf_printf(&job->found, "%s %.2f", a->question_id.data,
                          a->confidence);

        for (j = 0; j < a->nevidence; j++) {
            ev = &a->evidence[j];
            assess_quote_check(job->doc->quotes, ev);
            assess_buf_printf(&job->found, " %d:%d:%s", ev->page,
                              ev->verified, ev->quote.data);
        }

        assess_buf_str(&job->found, "\n");
    }

    return ASSESS_OK;
}


static int
never(void *ctx)
{
    (void) ctx;

    return 0;
}


/* All that a job does with what it shares; what it found, to be freed. */

static char *
assess(const assess_prepared_t *doc, const assess_prepared_set_t *set)
{
    size_t                   i;
    job_t                    job;
    assess_ask_t             ask;
    assess_err_t             err;
    assess_hit_t             hits[QUESTIONS][HITS];
    assess_item_t            items[QUESTIONS];
    assess_arena_t          *arena;
    assess_search_t         *search;
    assess_provider_conf_t   conf;

    arena = assess_arena_create();

    memset(&job, 0, sizeof(job));
    memset(&ask, 0, sizeof(ask));
    memset(&conf, 0, sizeof(conf));

    job.doc = doc;
    search = assess_search_create(arena, doc->index);

    for (i = 0; i < set->n && i < QUESTIONS; i++) {
        items[i].question = &set->list[i];
        items[i].hits = hits[i];
        items[i].nhits = assess_search(search, &set->list[i], hits[i], HITS);
    }

    conf.questions_per_batch = 5;
    ask.items = items;
    ask.nitems = i;
    ask.reply = on_reply;
    ask.cancelled = never;
    ask.ctx = &job;

    if (assess_local_ask(&conf, arena, &ask, &err) != ASSESS_OK) {
        assess_buf_free(&job.found);
    }

    assess_arena_destroy(arena);

    return job.found.data;
}


static assess_shared_t *
document(assess_lru_t *lru, const char *tenant, const char *id, int extractor,
    int *made)
{
    assess_err_t      err;
    assess_str_t      name;
    assess_shared_t  *shared;

    name = str(tenant);
    *made = 0;

    if (assess_prepared_get(lru, &name, id, extractor, NULL, NULL, &shared,
                            &err) != ASSESS_OK)
    {
        return NULL;
    }

    if (shared->value == NULL) {
        *made = assess_prepared_make(shared, pages_of(shared->arena), PAGES,
                                     &err) == ASSESS_OK;
        assess_lru_made(shared, *made ? ASSESS_MADE : ASSESS_NOT_MADE);
    }

    return shared;
}


static void *
jobs_run(void *data)
{
    int               i, made;
    char              id[16], *found;
    jobs_t           *jobs;
    assess_err_t      err;
    assess_str_t      tenant;
    assess_shared_t  *doc, *set;

    jobs = data;
    tenant = str("acme");

    for (i = 0; i < ROUNDS; i++) {

        (void) snprintf(id, sizeof(id), "d%d", i / 2);
        doc = document(jobs->lru, "acme", id, 1, &made);
        atomic_fetch_add(&jobs->made, made);

        if (assess_prepared_set(jobs->lru, &tenant, &jobs->set, NULL, NULL,
                                &set, &err) != ASSESS_OK)
        {
            atomic_fetch_add(&jobs->different, 1);
            continue;
        }

        found = assess(doc->value, set->value);

        if (found == NULL || strcmp(found, jobs->want.data) != 0) {
            atomic_fetch_add(&jobs->different, 1);
        }

        free(found);
        assess_lru_release(doc);
        assess_lru_release(set);
    }

    return NULL;
}


/* Jobs at once on what one of them has prepared find what one alone finds. */

static void
test_threads(jobs_t *jobs)
{
    int                 i, made;
    char               *found;
    pthread_t           threads[THREADS];
    assess_err_t        err;
    assess_str_t        tenant;
    assess_shared_t    *doc, *set;
    assess_lru_stats_t  stats;

    tenant = str("acme");
    doc = document(NULL, "acme", "d", 1, &made);

    is_int(assess_prepared_set(NULL, &tenant, &jobs->set, NULL, NULL, &set,
                               &err), ASSESS_OK, "a set is read");

    found = assess(doc->value, set->value);
    assess_buf_str(&jobs->want, found);
    free(found);

    found = assess(doc->value, set->value);
    is_str(found, jobs->want.data, "the same is found again");
    ok(strstr(found, ":1:") != NULL && strstr(found, "q11 ") != NULL,
       "with quotes that are verified");
    free(found);

    assess_lru_release(doc);
    assess_lru_release(set);

    jobs->lru = assess_lru_create(64 << 20);

    for (i = 0; i < THREADS; i++) {
        (void) pthread_create(&threads[i], NULL, jobs_run, jobs);
    }

    for (i = 0; i < THREADS; i++) {
        (void) pthread_join(threads[i], NULL);
    }

    is_int(atomic_load(&jobs->different), 0, "many at once find the same");
    is_int(atomic_load(&jobs->made), ROUNDS / 2, "of documents prepared once");

    assess_lru_stats(jobs->lru, &stats);
    is_int((long long) stats.n, ROUNDS / 2 + 1, "and a set that was read once");

    assess_lru_destroy(jobs->lru);

    /* and where most of it is given up while it is in use */

    jobs->lru = assess_lru_create(200 << 10);

    for (i = 0; i < THREADS; i++) {
        (void) pthread_create(&threads[i], NULL, jobs_run, jobs);
    }

    for (i = 0; i < THREADS; i++) {
        (void) pthread_join(threads[i], NULL);
    }

    is_int(atomic_load(&jobs->different), 0, "with little memory, too");
    assess_lru_destroy(jobs->lru);
}


static int
shares(assess_lru_t *lru, const char *tenant, const char *id, int extractor)
{
    int               made;
    assess_shared_t  *shared;

    shared = document(lru, tenant, id, extractor, &made);
    assess_lru_release(shared);

    return !made;
}


static void
test_keys(void)
{
    char                long_one[300];
    assess_lru_t       *lru;
    assess_lru_stats_t  stats;

    lru = assess_lru_create(64 << 20);

    is_int(shares(lru, "acme", "1", 1), 0, "a document is prepared");
    is_int(shares(lru, "acme", "1", 1), 1, "for the next job as well");
    is_int(shares(lru, "acme", "1", 2), 0, "not for another extractor");
    is_int(shares(lru, "acme", "2", 1), 0, "another document");
    is_int(shares(lru, "umbrella", "1", 1), 0, "another tenant");
    is_int(shares(lru, "1 acme", "1", 1), 0, "a tenant like part of a key");
    is_int(shares(lru, "acme", "1", 1), 1, "all of them are kept");
    is_int(shares(lru, "umbrella", "1", 1), 1, "each for itself");

    memset(long_one, 'x', sizeof(long_one) - 1);
    long_one[sizeof(long_one) - 1] = '\0';
    assess_lru_stats(lru, &stats);
    is_int(shares(lru, long_one, "1", 1) + shares(lru, long_one, "1", 1), 0,
           "a tenant too long for a key shares nothing");
    is_int((long long) stats.n, 5, "five are kept");

    assess_lru_destroy(lru);
}


static void
test_set(jobs_t *jobs)
{
    size_t                  len;
    assess_lru_t           *lru;
    assess_err_t            err;
    assess_str_t            tenant;
    assess_shared_t        *one, *two;
    assess_question_set_t   other;

    lru = assess_lru_create(1 << 20);
    tenant = str("acme");
    other = jobs->set;
    len = other.questions.len;

    other.questions.len = len - 1;
    is_int(assess_prepared_set(lru, &tenant, &other, NULL, NULL, &one, &err),
           ASSESS_ERROR, "a set that does not read");
    ok(one == NULL, "holds nothing");

    other.questions.len = len;
    is_int(assess_prepared_set(lru, &tenant, &other, NULL, NULL, &one, &err),
           ASSESS_OK, "is not kept like that");
    is_int((long long) ((assess_prepared_set_t *) one->value)->n, QUESTIONS,
           "its questions");

    is_int(assess_prepared_set(lru, &tenant, &other, NULL, NULL, &two, &err),
           ASSESS_OK, "again");
    ok(one == two, "they are the same ones");
    assess_lru_release(two);

    other.question_set_id[35] = 'b';
    is_int(assess_prepared_set(lru, &tenant, &other, NULL, NULL, &two, &err),
           ASSESS_OK, "the next version");
    ok(one != two, "is another set");

    assess_lru_release(one);
    assess_lru_release(two);
    assess_lru_destroy(lru);
}


int
main(void)
{
    jobs_t        jobs;
    assess_buf_t  json;

    memset(&jobs, 0, sizeof(jobs));
    memset(&json, 0, sizeof(json));
    question_set(&jobs.set, &json);

    test_threads(&jobs);
    test_keys();
    test_set(&jobs);

    assess_buf_free(&jobs.want);
    assess_buf_free(&json);

    return done_testing();
}
