
/*
 * One ask of a provider: what counts is how often it was asked, and for what.
 */

/* sources: engine/assess_provider.c engine/assess_openai.c
   engine/assess_openai_reply.c engine/assess_openai_budget.c engine/assess_header.c
   engine/assess_transfer.c engine/assess_trace.c engine/assess_client.c
   engine/assess_carrier.c engine/assess_trunk.c base/assess_background.c
   base/assess_metrics.c
   engine/assess_sockets.c engine/assess_gate.c
   engine/assess_pace.c engine/assess_window.c engine/assess_minute.c
   engine/assess_supply.c engine/assess_ratelimit.c engine/assess_prompt.c engine/assess_tokens.c
   engine/assess_pictures.c
   engine/assess_reply.c engine/assess_retry.c engine/assess_price.c
   engine/assess_local.c engine/assess_reading.c engine/assess_vocab.c
   engine/assess_retrieve.c engine/assess_bm25.c engine/assess_pageref.c
   engine/assess_sentence.c engine/assess_terms.c engine/assess_stem.c
   engine/assess_fold.c store/assess_answer.c store/assess_db.c store/assess_contact.c
   store/assess_conninfo.c
   store/assess_scope.c store/assess_arg.c store/assess_statement.c store/assess_migrate.c
   base/assess_json.c base/assess_base.c base/assess_cursor.c ../t/lib/provider_answer.c
   ../t/lib/provider_usage.c ../t/lib/provider_log.c
   ../t/lib/provider_limit.c ../t/lib/provider_listen.c */
/* libs: -lpq -ljansson -lcurl -lcrypto -lm */

#include "openai.h"


static void
test_ok(void)
{
    seen_t  seen = { 0 };

    script_set("");

    ok(ask(12, &seen) == ASSESS_OK, "twelve questions are answered");
    is_int(stat_of("requests"), 3, "in three requests");
    is_int(seen.answers, 12, "each once");
    is_int(seen.bad, 0, "every member as it must be, the quote verbatim");
    is_int(seen.batches, 3, "three batches are complete");
    ok(seen.input > 500 && seen.output > 50, "usage is told");
    ok(seen.cost > seen.input * 0.001 + seen.output * 0.002 - 1e-9
       && seen.cost < seen.input * 0.001 + seen.output * 0.002 + 1e-9,
       "and what it cost");

    seen = (seen_t) { 0 };
    ok(ask(0, &seen) == ASSESS_OK && seen.replies == 0, "no questions, none");
}


static void
test_parallel(void)
{
    int      before;
    seen_t   seen = { 0 };
    int64_t  start, took;

    script_set("\"delayMs\":500");

    start = assess_mono_ms();
    ok(ask(110, &seen) == ASSESS_OK, "22 batches of a provider of 500 ms");
    took = assess_mono_ms() - start;

    printf("# took %lld ms\n", (long long) took);
    ok(took < 750, "take less than 750 ms");
    is_int(stat_of("peakInFlight"), 22, "all were in flight at once");

    script_set("");
    before = stat_of("accepted");
    seen = (seen_t) { 0 };
    ok(ask(110, &seen) == ASSESS_OK, "the next job");
    is_int(stat_of("accepted"), before + 1, "uses the same connections");
}


typedef struct {
    assess_provider_t  *provider;
    seen_t              seen;
    assess_err_e        rc;
    assess_err_t        err;
    size_t              n;
} thread_t;


static void *
ask_thread(void *arg)
{
    thread_t         *t = arg;
    assess_client_t  *c;

    c = assess_client_create(carrier);
    t->rc = ask_with(t->provider, c, t->n, &t->seen, &t->err);
    assess_client_destroy(c);

    return NULL;
}


static void
test_limit(void)
{
    int         i, good;
    int64_t     start, took;
    seen_t      seen = { 0 };
    thread_t    threads[6];
    pthread_t   ids_[6];

    script_set("\"delayMs\":30");
    conf.concurrency = 3;

    start = assess_mono_ms();
    ok(ask(50, &seen) == ASSESS_OK, "ten batches, three at once");
    took = assess_mono_ms() - start;

    is_int(stat_of("peakInFlight"), 3, "never more");
    ok(took >= 120 && took < 1000, "in four turns (%lld ms)",
       (long long) took);

    script_set("\"delayMs\":20");
    conf.concurrency = 4;
    memset(threads, 0, sizeof(threads));

    threads[0].provider = assess_provider_create(&conf, NULL, 0);
    start = assess_mono_ms();

    for (i = 0; i < 6; i++) {
        threads[i].provider = threads[0].provider;
        threads[i].n = i ? 20 : 200;
        (void) pthread_create(&ids_[i], NULL, ask_thread, &threads[i]);
    }

    good = 0;
    for (i = 0; i < 6; i++) {
        (void) pthread_join(ids_[i], NULL);
        good += threads[i].rc == ASSESS_OK
                && threads[i].seen.answers == (int) threads[i].n;
    }

    took = assess_mono_ms() - start;
    assess_provider_destroy(threads[0].provider);

    is_int(good, 6, "six threads share the limit, and all come to an end");
    is_int(stat_of("peakInFlight"), 4, "it is theirs together");
    ok(took < 60 * 20, "none waits for a slot that is free (%lld ms)",
       (long long) took);
}


static void
test_retry(void)
{
    seen_t   seen = { 0 };
    int64_t  start;

    script_set("\"next\":[{\"status\":429,\"headers\":"
               "{\"retry-after-ms\":\"200\"}}]");
    start = assess_mono_ms();
    ok(ask(5, &seen) == ASSESS_OK, "429 is tried again");
    is_int(stat_of("requests"), 2, "once");
    ok(assess_mono_ms() - start >= 200, "after the time the server names");

    script_set("\"next\":[{\"status\":503,\"headers\":"
               "{\"Retry-After\":\"1\"}}]");
    conf.concurrency = 1;
    seen = (seen_t) { 0 };
    start = assess_mono_ms();
    ok(ask(10, &seen) == ASSESS_OK && seen.answers == 10,
       "503 of one of two, one at a time");
    ok(seen.first_ms - start < 900, "who backs off holds no slot");
    ok(assess_mono_ms() - start >= 1000, "Retry-After in seconds");
    is_int(stat_of("requests"), 3, "three requests");

    conf_default();
    script_set("\"status\":503");
    seen = (seen_t) { 0 };
    ok(ask(5, &seen) == ASSESS_FAILED && is_code("provider_unavailable"),
       "503 for ever is provider_unavailable");
    is_int(stat_of("requests"), 3, "after three tries");
    ok(strstr(err.message, "503") != NULL, "the status is named");

    script_set("\"next\":[{\"status\":500,\"headers\":"
               "{\"x-should-retry\":\"false\"}}]");
    seen = (seen_t) { 0 };
    ok(ask(5, &seen) == ASSESS_FAILED && is_code("provider_unavailable")
       && stat_of("requests") == 1, "unless the server says not to");

    conf.url = (assess_str_t) assess_str("http://127.0.0.1:1/v1");
    ok(ask(5, &seen) == ASSESS_FAILED && is_code("provider_unavailable"),
       "nobody there");
    conf_default();

    script_set("\"mode\":\"hang\"");
    conf.timeout_ms = 100;
    conf.tries = 2;
    start = assess_mono_ms();
    ok(ask(5, &seen) == ASSESS_FAILED && is_code("provider_unavailable"),
       "no answer in time");
    is_int(stat_of("requests"), 2, "two tries");
    ok(assess_mono_ms() - start < 2000, "of 100 ms each");
    is_int(stat_of("inFlight"), 0, "nothing is left in flight");
    conf_default();
}


static void
test_throttled(void)
{
    int      i;
    char     steps[1024];
    seen_t   seen = { 0 };
    int64_t  start;

    strcpy(steps, "\"next\":[");

    for (i = 0; i < 6; i++) {
        strcat(steps, "{\"status\":429,\"headers\":"
                      "{\"retry-after-ms\":\"20\"}},");
    }

    steps[strlen(steps) - 1] = ']';

    script_set(steps);
    conf.tries = 1;
    ok(ask(5, &seen) == ASSESS_OK && seen.answers == 5,
       "to be one too many is no try");
    is_int(stat_of("requests"), 7, "however often");

    script_set("\"next\":[{\"status\":529}]");
    seen = (seen_t) { 0 };
    ok(ask(5, &seen) == ASSESS_OK, "nor is an overload of the provider");

    /* all of it used up: what comes next is not asked for in vain */

    script_set("\"headers\":{\"x-ratelimit-limit-requests\":\"10\","
               "\"x-ratelimit-remaining-requests\":\"0\","
               "\"x-ratelimit-reset-requests\":\"700ms\"}");
    conf.concurrency = 1;
    seen = (seen_t) { 0 };
    start = assess_mono_ms();
    ok(ask(10, &seen) == ASSESS_OK, "none left, as is told");
    ok(assess_mono_ms() - start >= 600, "the next one waits for it");
    conf_default();
}


/* Waits until it is known that the provider is down. */

static int
shut(assess_provider_t *provider)
{
    int                  i;
    assess_gate_state_t  state;

    for (i = 0; i < 5000; i++) {

        assess_gate_state(assess_provider_gate(provider), assess_mono_ms(),
                          &state);

        if (state.circuit == ASSESS_CIRCUIT_PROBING) {
            return 1;
        }

        (void) usleep(1000);
    }

    return 0;
}


static void
test_down(void)
{
    int                  n;
    seen_t               seen = { 0 };
    pthread_t            id;
    thread_t             one;
    assess_gate_state_t  state;

    memset(&one, 0, sizeof(one));
    script_set("\"status\":503");
    conf.tries = 2;

    one.provider = assess_provider_create(&conf, NULL, 0);
    one.n = 40;
    (void) pthread_create(&id, NULL, ask_thread, &one);

    ok(shut(one.provider), "503 of all: it is down, and somebody looks");

    ok(ask_with(one.provider, client, 10, &seen, &err) == ASSESS_STOPPING,
       "another job is to wait");
    is_str(err.message, "the provider is down, the job waits", "as it says");
    n = stat_of("requests");
    ok(n <= 16, "few were sent in vain (%d)", n);

    json_decref(http("/__control", "{\"status\":200}"));
    (void) pthread_join(id, NULL);

    ok(one.rc == ASSESS_OK && one.seen.answers == 40,
       "the one that looked goes on when it is back, and lost no try");

    assess_gate_state(assess_provider_gate(one.provider), assess_mono_ms(),
                      &state);
    ok(state.circuit == ASSESS_CIRCUIT_CLOSED && state.in_flight == 0
       && state.failures >= 5, "it is up again");

    assess_provider_destroy(one.provider);
    conf_default();
}


static void
test_one_bad(void)
{
    size_t  i;
    char    step[128];
    seen_t  seen;

    static const char *const  modes[] = {
        "reset", "cut", "noise", "truncated", "garbage"
    };

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {

        (void) snprintf(step, sizeof(step), "\"next\":[{\"mode\":\"%s\"}]",
                        modes[i]);
        script_set(step);
        seen = (seen_t) { 0 };

        ok(ask(5, &seen) == ASSESS_OK && seen.answers == 5 && seen.bad == 0,
           "%s, then answers", modes[i]);
        is_int(stat_of("requests"), 2, "in two requests");
    }
}


static void
test_never_good(void)
{
    seen_t   seen = { 0 };
    int64_t  once;

    script_set("\"mode\":\"garbage\"");
    conf.tries = 1;
    (void) ask(5, &seen);
    once = seen.input;
    conf.tries = 3;

    script_set("\"mode\":\"garbage\"");
    seen = (seen_t) { 0 };
    ok(ask(5, &seen) == ASSESS_FAILED && is_code("questions_unanswered"),
       "never a reply that parses");
    is_int(stat_of("requests"), 3, "three tries");
    ok(once > 0 && seen.input == once * 3, "all of them are billed");
    ok(strstr(err.message, "\"q0\"") != NULL, "the questions are named");

    script_set("\"mode\":\"bad_page\"");
    seen = (seen_t) { 0 };
    ok(ask(5, &seen) == ASSESS_FAILED && is_code("questions_unanswered"),
       "never a page that is one");
    is_int(stat_of("requests"), 1 + 5 * 2, "each is asked three times");

    script_set("\"stubborn\":[\"q3\"]");
    seen = (seen_t) { 0 };
    ok(ask(10, &seen) == ASSESS_FAILED && is_code("questions_unanswered"),
       "one question never gets an answer");
    is_str(err.message, "no valid answer to \"q3\"", "it alone is named");
    is_int(seen.answers, 9, "the others are handed over");
    is_int(seen.batches, 1, "its batch is not complete");
    is_int(asked_times("q3"), 3, "it was asked three times");
    is_int(asked_times("q2"), 1, "its neighbour once");
    is_int(stat_of("requests"), 4, "in four requests");
}


static void
test_again(void)
{
    seen_t  seen = { 0 };

    script_set("\"mode\":\"missing\"");
    ok(ask(5, &seen) == ASSESS_OK && seen.answers == 5, "one is missing");
    is_int(stat_of("requests"), 2, "it is asked again");
    is_int(asked_times("q4"), 2, "it");
    is_int(asked_times("q0") + asked_times("q3"), 2, "alone");

    script_set("\"mode\":\"bad_verdict\"");
    seen = (seen_t) { 0 };
    ok(ask(5, &seen) == ASSESS_OK && seen.answers == 5, "one verdict is bad");
    is_int(asked_times("q4"), 2, "it is asked again");
    is_int(asked_times("q0") + asked_times("q3"), 2, "alone");

    script_set("\"mode\":\"length\"");
    seen = (seen_t) { 0 };
    ok(ask(4, &seen) == ASSESS_OK && seen.answers == 4 && seen.batches == 1,
       "a reply is cut off whenever it is for more than one question");
    is_int(stat_of("requests"), 7, "the batch is halved, and halved again");

    script_set("\"mode\":\"too_long\"");
    seen = (seen_t) { 0 };
    ok(ask(4, &seen) == ASSESS_OK && seen.answers == 4,
       "so is a request that is too long");
    is_int(stat_of("requests"), 7, "in the same way");

    script_set("\"next\":[{\"status\":500,\"body\":\"{\\\"error\\\":{"
               "\\\"message\\\":\\\"The model produced output that does not "
               "match the expected format\\\"}}\"}]");
    seen = (seen_t) { 0 };
    ok(ask(4, &seen) == ASSESS_OK && seen.answers == 4,
       "so is one whose output the server could not use");
    is_int(stat_of("requests"), 3, "three requests");

    script_set("\"next\":[{\"mode\":\"refusal\"}]");
    seen = (seen_t) { 0 };
    ok(ask(4, &seen) == ASSESS_OK && seen.answers == 4,
       "a refusal of one question does not take the others with it");
    is_int(stat_of("requests"), 3, "three requests");

    script_set("\"status\":400,\"next\":[{\"status\":400,\"body\":\"{"
               "\\\"error\\\":{\\\"type\\\":\\\"exceed_context_size_error\\\""
               "}}\"},{\"status\":200}]");
    seen = (seen_t) { 0 };
    ok(ask(1, &seen) == ASSESS_OK && seen.answers == 1,
       "one question that is too long is asked with fewer passages");
    is_int(stat_of("requests"), 2, "half of them");
}


static void
test_refused(void)
{
    seen_t  seen = { 0 };

    script_set("\"next\":[{\"status\":401,\"body\":\"{\\\"error\\\":{"
               "\\\"message\\\":\\\"Incorrect API key provided: "
               "secret-key-1234\\\\nsee\\\"}}\"}]");
    ok(ask(5, &seen) == ASSESS_FAILED && is_code("provider_refused"),
       "401 is provider_refused");
    is_int(stat_of("requests"), 1, "asked once");
    ok(strstr(err.message, "secret") == NULL
       && strstr(err.message, "Incorrect API key") != NULL
       && strchr(err.message, '\n') == NULL, "why, without the key");
    printf("# %s\n", err.message);

    script_set("\"next\":[{\"status\":302,\"headers\":{\"Location\":"
               "\"http://127.0.0.1:1/\"}}]");
    ok(ask(5, &seen) == ASSESS_FAILED && is_code("provider_refused")
       && stat_of("requests") == 1, "no redirect is followed");

    script_set("\"next\":[{\"mode\":\"out_of_money\"},"
               "{\"delayMs\":150}]");
    conf.concurrency = 2;
    seen = (seen_t) { 0 };
    ok(ask(20, &seen) == ASSESS_FAILED && is_code("provider_out_of_money"),
       "money is used up");
    is_int(stat_of("requests"), 2, "nothing is tried again or started");
    is_int(seen.answers, 5, "what was under way is not lost");
    conf_default();

    script_set("\"next\":[{\"body\":\"{\\\"error\\\":{\\\"code\\\":402,"
               "\\\"message\\\":\\\"no more\\\"}}\"}]");
    ok(ask(5, &seen) == ASSESS_FAILED && is_code("provider_out_of_money"),
       "also when it is told with 200");

    conf.api_key = (assess_str_t) assess_str("one\r\nX-Two: 2");
    script_set("");
    ok(ask(5, &seen) == ASSESS_ERROR && stat_of("requests") == 0,
       "a key with a line end in it is never sent");
    conf_default();
}


static void
test_stopping(void)
{
    seen_t   seen = { 0 };
    int64_t  start;

    conf.concurrency = 2;
    script_set("\"delayMs\":200");
    seen.stop_at = assess_mono_ms() + 60;
    ok(ask(20, &seen) == ASSESS_STOPPING, "stopping with requests left");
    is_int(stat_of("requests"), 2, "none is started any more");
    is_int(seen.answers, 10, "those in flight are awaited, and handed over");
    is_int(seen.batches, 2, "as batches that are complete");
    conf_default();

    script_set("\"delayMs\":200");
    seen = (seen_t) { 0 };
    seen.stop_at = assess_mono_ms() + 60;
    ok(ask(20, &seen) == ASSESS_OK && seen.answers == 20,
       "stopping with all in flight: it is done");
    is_int(stat_of("requests"), 4, "and nothing was asked twice");

    script_set("\"delayMs\":200,\"status\":500");
    seen = (seen_t) { 0 };
    seen.stop_at = assess_mono_ms() + 60;
    ok(ask(5, &seen) == ASSESS_STOPPING, "stopping when a request fails");
    is_int(stat_of("requests"), 1, "it is not tried again");

    script_set("\"delayMs\":200,\"next\":[{\"mode\":\"bad_verdict\"}]");
    seen = (seen_t) { 0 };
    seen.stop_at = assess_mono_ms() + 60;
    ok(ask(5, &seen) == ASSESS_STOPPING && seen.answers == 4,
       "stopping when an answer is bad: the others are kept");
    is_int(stat_of("requests"), 1, "it is not asked again");

    script_set("");
    seen = (seen_t) { 0 };
    seen.stop_at = 1;
    ok(ask(20, &seen) == ASSESS_STOPPING && seen.answers == 0
       && stat_of("requests") == 0, "stopping from the start: nothing is sent");

    script_set("\"mode\":\"hang\",\"next\":[{\"mode\":\"ok\"}]");
    start = assess_mono_ms();
    seen = (seen_t) { 0 };
    seen.stop_at = start + 50;
    seen.end_at = start + 250;
    ok(ask(25, &seen) == ASSESS_CANCELLED, "stopping at once");
    ok(assess_mono_ms() - start < 2000, "whatever is in flight");
    is_int(seen.answers, 5, "what had come was handed over");
}


static void
test_cancel(void)
{
    seen_t   seen = { 0 };
    int64_t  start, took;

    script_set("\"mode\":\"hang\",\"next\":[{\"mode\":\"ok\"}]");
    start = assess_mono_ms();
    seen.cancel_at = start + 150;
    ok(ask(25, &seen) == ASSESS_CANCELLED, "cancelled");
    took = assess_mono_ms() - start;
    ok(took < 1000, "at once (%lld ms)", (long long) took);
    is_int(seen.answers, 5, "what had come was handed over");
    is_int(stat_of("inFlight"), 0, "nothing is in flight any more");
    ok(seen.asked < 40, "no busy loop (%d rounds)", seen.asked);

    script_set("\"delayMs\":80");
    seen = (seen_t) { 0 };
    seen.cancel_at = assess_mono_ms() + 100;
    seen.doze_ms = 200;
    ok(ask(5, &seen) == ASSESS_CANCELLED, "cancelled when a reply had come");
    is_int(seen.answers, 5, "which is not lost");

    script_set("");
    seen = (seen_t) { 0 };
    seen.cancel_at = 1;
    ok(ask(25, &seen) == ASSESS_CANCELLED && stat_of("requests") == 0,
       "cancelled before it began");

    script_set("\"delayMs\":20");
    conf.concurrency = 1;
    seen = (seen_t) { 0 };
    seen.refuse = ASSESS_LOST;
    ok(ask(25, &seen) == ASSESS_LOST && seen.replies == 1,
       "reply() ends it with what it returns");
    conf_default();
}


/* Valid, but for its size. */

static void
test_huge(void)
{
    char         *body, *pad;
    seen_t        seen = { 0 };
    json_t       *reply, *steps;
    assess_buf_t  b;

    pad = calloc(1, 9 * 1024 * 1024);
    memset(pad, ' ', 9 * 1024 * 1024 - 1);

    reply = json_pack("{s:[{s:{s:s}}],s:s}", "choices", "message", "content",
                      "{\"answers\":[{\"questionId\":\"q0\",\"verdict\":"
                      "\"compliant\",\"confidence\":1,\"rationale\":\"\","
                      "\"evidence\":[]}]}", "pad", pad);
    body = json_dumps(reply, 0);
    steps = json_pack("[{s:s}]", "body", body);
    json_decref(reply);
    free(body);
    free(pad);

    body = json_dumps(steps, 0);
    memset(&b, 0, sizeof(b));
    assess_buf_printf(&b, "\"next\":%s", body);
    script_set(b.data);
    json_decref(steps);
    free(body);
    assess_buf_free(&b);

    ok(ask(1, &seen) == ASSESS_OK && seen.answers == 1,
       "a reply of nine megabytes");
    is_int(stat_of("requests"), 2, "is not read to its end, but asked again");
}


int
main(void)
{
    pthread_t  thread;

    if (begin(&thread) != 0) {
        return 1;
    }

    test_ok();
    test_parallel();
    test_limit();
    conf_default();
    test_retry();
    test_throttled();
    test_down();
    test_one_bad();
    test_never_good();
    test_again();
    test_refused();
    test_stopping();
    test_cancel();
    test_huge();

    finish(thread);

    return done_testing();
}
