/* sources: engine/assess_local.c engine/assess_reading.c
   engine/assess_retrieve.c engine/assess_vocab.c engine/assess_bm25.c
   engine/assess_pageref.c engine/assess_passage.c engine/assess_edge.c
   engine/assess_terms.c engine/assess_stem.c engine/assess_sentence.c
   engine/assess_quote.c engine/assess_fold.c base/assess_base.c */
/* libs: -lm */

#include "tap.h"
#include "../../ngx_assess_module/engine/assess_local.h"

#include <stdlib.h>
#include <unistd.h>


#define N  5


typedef struct {
    int               calls;
    int               batches;
    size_t            answers;
    int               asked;            /* whether it is cancelled */
    int               cancel_after;     /* that many */
    int               stop_after;
    int               stop_how;
    int               slow;
    int               refuse;
    double            cost;
    assess_answer_t   got[N];
} seen_t;


static const char  *texts[] = {
    "1 Doors\n\nAll fire doors are self-closing and were inspected in May "
    "2024. The walls are painted blue.\nNobody minds the colour of walls.\n",

    "2 Alarms\n\nThe alarm system is tested weekly by the care-\ntaker. A "
    "log of each test is kept in the office.\n",

    "3 Exits\n\nEmergency exits are kept clear. Fire doors on the escape "
    "route open outwards.\n",

    "4 Garden\n\nRoses and tulips grow there.\n"
};

static const char  *asked[N] = {
    "Are fire doors self-closing?",
    "How often is the alarm system tested?",
    "Does the caretaker log the tests?",
    "Is there a swimming pool?",
    "the of and"
};


static assess_err_e
on_reply(void *ctx, const assess_reply_t *reply, assess_err_t *err)
{
    size_t   i;
    seen_t  *seen;

    seen = ctx;
    seen->calls++;
    seen->batches += reply->batches;
    seen->cost += reply->cost + (double) reply->input_tokens
                  + (double) reply->output_tokens;

    for (i = 0; i < reply->nanswers && seen->answers < N; i++) {
        seen->got[seen->answers++] = reply->answers[i];
    }

    if (seen->refuse) {
        return assess_fail(err, ASSESS_LOST, NULL, "the lease is lost");
    }

    return ASSESS_OK;
}


static int
on_cancelled(void *ctx)
{
    seen_t  *seen;

    seen = ctx;
    seen->asked++;

    if (seen->slow) {
        (void) usleep(60000);
    }

    return seen->cancel_after && seen->asked > seen->cancel_after;
}


static int
on_stopping(void *ctx)
{
    seen_t  *seen;

    seen = ctx;

    return seen->stop_after && seen->asked > seen->stop_after
           ? seen->stop_how : 0;
}


static int
holds(const assess_evidence_t *ev, const char *text)
{
    return memmem(ev->quote.data, ev->quote.len, text, strlen(text)) != NULL;
}


static void
test_answers(const seen_t *seen, assess_quotes_t *quotes)
{
    size_t              i, k, bad;
    assess_evidence_t   ev;

    for (i = 0, bad = 0; i < N; i++) {
        for (k = 0; k < seen->got[i].nevidence; k++) {
            ev = seen->got[i].evidence[k];
            assess_quote_check(quotes, &ev);
            bad += !ev.verified || ev.page != seen->got[i].evidence[k].page;
        }
        bad += seen->got[i].verdict != ASSESS_INSUFFICIENT_EVIDENCE;
        bad += seen->got[i].confidence < 0 || seen->got[i].confidence > 1;
        bad += seen->got[i].rationale.len == 0;
        bad += seen->got[i].ordinal != (int) i;
        bad += seen->got[i].evidence == NULL;
    }

    is_int((long long) bad, 0, "every quote verifies, every answer is sound");

    is_int(seen->got[0].evidence[0].page, 1, "doors: the page");
    ok(holds(&seen->got[0].evidence[0],
             "All fire doors are self-closing and were inspected in May 2024."),
       "doors: the sentence");
    ok(!holds(&seen->got[0].evidence[0], "colour"), "doors: not all of it");
    is_int(seen->got[0].evidence[1].page, 3, "doors: the next page");
    ok(seen->got[0].confidence > 0.9, "doors: all of it is covered");

    is_int(seen->got[1].evidence[0].page, 2, "alarm: the page");
    ok(holds(&seen->got[1].evidence[0], "tested weekly"),
       "alarm: the sentence");

    is_int(seen->got[2].evidence[0].page, 2, "broken word: the page");

    is_int((long long) seen->got[3].nevidence, 0, "pool: nothing");
    ok(seen->got[3].confidence == 0, "pool: no confidence");
    is_str(seen->got[3].rationale.data,
           "No passage of the document speaks to this question.",
           "pool: said so");

    is_int((long long) seen->got[4].nevidence, 0, "stop words: nothing");
}


/* Before the third batch, with two that are not handed over yet or are. */

static void
test_end(const assess_provider_conf_t *conf, assess_arena_t *arena,
    const assess_ask_t *ask, seen_t *seen)
{
    assess_err_t  err;

    memset(seen, 0, sizeof(seen_t));
    seen->cancel_after = 2;
    seen->slow = 1;
    is_int(assess_local_ask(conf, arena, ask, &err), ASSESS_CANCELLED,
           "cancelled");
    is_int(seen->batches, 2, "after two batches");

    memset(seen, 0, sizeof(seen_t));
    seen->stop_after = 2;
    seen->stop_how = 1;
    is_int(assess_local_ask(conf, arena, ask, &err), ASSESS_STOPPING,
           "stopping");
    is_int(seen->batches, 2, "what was done is handed over");
    is_int((long long) seen->answers, 4, "with its answers");

    memset(seen, 0, sizeof(seen_t));
    seen->stop_after = 2;
    seen->stop_how = 2;
    is_int(assess_local_ask(conf, arena, ask, &err), ASSESS_STOPPING,
           "stopping at once");
    is_int(seen->asked, 3, "asked before each batch");
    ok(seen->batches < 3, "nothing more is handed over");

    memset(seen, 0, sizeof(seen_t));
    seen->stop_after = 1;
    seen->stop_how = 1;
    seen->refuse = 1;
    is_int(assess_local_ask(conf, arena, ask, &err), ASSESS_LOST,
           "what reply() says then is handed on");
    is_int(seen->calls, 1, "once");
}


int
main(void)
{
    size_t                   i, n;
    seen_t                   seen;
    assess_ask_t             ask;
    assess_err_t             err;
    assess_hit_t             hits[N][10];
    assess_item_t            items[N];
    assess_page_t            pages[4];
    assess_arena_t          *arena;
    assess_search_t         *search;
    assess_quotes_t         *quotes;
    assess_passage_t        *passages;
    assess_question_t        questions[N];
    assess_provider_conf_t   conf;

    arena = assess_arena_create();
    memset(&conf, 0, sizeof(conf));
    memset(&ask, 0, sizeof(ask));
    memset(questions, 0, sizeof(questions));

    for (i = 0; i < 4; i++) {
        pages[i].page = (int) i + 1;
        pages[i].text.data = (char *) texts[i];
        pages[i].text.len = strlen(texts[i]);
    }

    is_int(assess_passages_cut(arena, pages, 4, &passages, &n, &err),
           ASSESS_OK, "passages");
    search = assess_search_create(arena,
                                  assess_index_create(arena, passages, n));
    quotes = assess_quotes_create(arena, pages, 4);

    for (i = 0; i < N; i++) {
        questions[i].ordinal = (int) i;
        questions[i].text.data = (char *) asked[i];
        questions[i].text.len = strlen(asked[i]);
        items[i].question = &questions[i];
        items[i].hits = hits[i];
        items[i].nhits = assess_search(search, &questions[i], hits[i], 10);
    }

    conf.questions_per_batch = 2;
    ask.items = items;
    ask.nitems = N;
    ask.reply = on_reply;
    ask.cancelled = on_cancelled;
    ask.stopping = on_stopping;
    ask.ctx = &seen;

    memset(&seen, 0, sizeof(seen));
    is_int(assess_local_ask(&conf, arena, &ask, &err), ASSESS_OK, "asked");
    ok(seen.calls < 3, "what comes together is handed over together");
    is_int(seen.batches, 3, "five questions, two at a time: three batches");
    ok(seen.cost == 0, "for nothing");
    is_int((long long) seen.answers, N, "each question has its answer");
    test_answers(&seen, quotes);

    memset(&seen, 0, sizeof(seen));
    seen.slow = 1;
    is_int(assess_local_ask(&conf, arena, &ask, &err), ASSESS_OK, "slowly");
    is_int(seen.calls, 3, "what takes long is handed over batch by batch");
    is_int(seen.batches, 3, "each one batch");
    is_int((long long) seen.answers, N, "each question has its answer again");
    test_answers(&seen, quotes);

    test_end(&conf, arena, &ask, &seen);

    memset(&seen, 0, sizeof(seen));
    seen.refuse = 1;
    is_int(assess_local_ask(&conf, arena, &ask, &err), ASSESS_LOST,
           "what reply() says is handed on");
    is_int(seen.calls, 1, "at once");

    assess_arena_destroy(arena);

    return done_testing();
}
