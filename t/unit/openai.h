
/*
 * One ask of a provider, against the test provider in a thread of its own, as
 * the tests of that make it.
 */

#ifndef OPENAI_H
#define OPENAI_H


#include "tap.h"
#include "provider.h"

#include "../../ngx_assess_module/engine/assess_transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>


#define QUESTIONS  200


typedef struct {
    pthread_mutex_t   mutex;
    int               replies;
    int               answers;
    int               batches;
    int               bad;           /* answers that are not as they must be */
    int64_t           input;
    int64_t           output;
    double            cost;
    int64_t           first_ms;
    int64_t           cancel_at;     /* 0: never */
    int64_t           stop_at;       /* 0: never; softly, as stopping() says */
    int64_t           end_at;        /* the same, now */
    int               doze_ms;       /* inside cancelled(), the second time */
    assess_err_e      refuse;        /* what reply() returns */
    int               asked;         /* cancelled(), how often */
} seen_t;


static char                     ids[QUESTIONS][16];
static assess_question_t        questions[QUESTIONS];
static assess_item_t            items[QUESTIONS];
static assess_passage_t         passages[8];
static assess_hit_t             hits[8];
static assess_question_set_t    set;
static assess_document_t        doc;
static assess_provider_conf_t   conf;
static assess_price_t           price = {
    assess_str("m"), 0, 0, 1, { { 0, 0.001, 0.002, 0.001, 0.001 } }
};
static assess_carrier_t        *carrier;
static assess_client_t         *client;
static assess_err_t             err;

static char  page_text[] = "The fire doors on every floor are \"self-closing\" "
                           "and were tested in May.\nExits are lit.";


static assess_err_e
on_reply(void *ctx, const assess_reply_t *reply, assess_err_t *e)
{
    size_t            i;
    seen_t           *seen = ctx;
    assess_answer_t  *a;

    seen->replies++;
    seen->answers += (int) reply->nanswers;
    seen->batches += reply->batches;
    seen->input += reply->input_tokens;
    seen->output += reply->output_tokens;
    seen->cost += reply->cost;

    if (seen->first_ms == 0) {
        seen->first_ms = assess_mono_ms();
    }

    for (i = 0; i < reply->nanswers; i++) {

        a = &reply->answers[i];

        if (a->ordinal < 0 || a->ordinal >= QUESTIONS
            || strcmp(ids[a->ordinal], a->question_id.data) != 0
            || a->provider.data != conf.name.data || a->model.len != 1
            || a->model.data[0] != 'm' || a->cached || a->nevidence != 1
            || a->evidence[0].page != 7
            || strstr(page_text, a->evidence[0].quote.data) == NULL)
        {
            seen->bad++;
        }
    }

    if (seen->refuse) {
        return assess_fail(e, seen->refuse, NULL, "not yours any more");
    }

    return ASSESS_OK;
}


static int
on_cancelled(void *ctx)
{
    seen_t  *seen = ctx;

    if (++seen->asked == 2 && seen->doze_ms) {
        (void) usleep((useconds_t) seen->doze_ms * 1000);
    }

    return seen->cancel_at && assess_mono_ms() >= seen->cancel_at;
}


static int
on_stopping(void *ctx)
{
    seen_t   *seen = ctx;
    int64_t   now;

    now = assess_mono_ms();

    if (seen->end_at && now >= seen->end_at) {
        return 2;
    }

    return seen->stop_at && now >= seen->stop_at;
}


static void
set_up(void)
{
    int  i;

    for (i = 0; i < QUESTIONS; i++) {
        (void) snprintf(ids[i], sizeof(ids[i]), "q%d", i);
        questions[i].ordinal = i;
        questions[i].id.data = ids[i];
        questions[i].id.len = strlen(ids[i]);
        questions[i].text = (assess_str_t) assess_str("Do doors close?");
        items[i].question = &questions[i];
        items[i].hits = hits;
        items[i].nhits = 8;
    }

    for (i = 0; i < 8; i++) {
        passages[i].number = i;
        passages[i].page = 7 + i;
        passages[i].text.data = page_text;
        passages[i].text.len = strlen(page_text);
        hits[i].passage = &passages[i];
        hits[i].score = 8 - i;
    }

    doc.filename = (assess_str_t) assess_str("plan.pdf");
}


static void
conf_default(void)
{
    memset(&conf, 0, sizeof(conf));

    conf.name = (assess_str_t) assess_str("test");
    conf.type = ASSESS_PROVIDER_OPENAI;
    conf.url.data = base_url;
    conf.url.len = strlen(base_url);
    conf.model = (assess_str_t) assess_str("m");
    conf.api_key = (assess_str_t) assess_str("secret-key-1234\n");
    conf.questions_per_batch = 5;
    conf.concurrency = 64;
    conf.tries = 3;
    conf.asks = 3;
    conf.passages = 4;
    conf.connect_ms = 1000;
    conf.timeout_ms = 5000;
    conf.backoff_ms = 10;
    conf.backoff_max_ms = 40;
    conf.prices = &price;
    conf.nprices = 1;
}


static assess_err_e
ask_with(assess_provider_t *provider, assess_client_t *c, size_t n,
    seen_t *seen, assess_err_t *e)
{
    assess_ask_t     ask;
    assess_err_e     rc;
    assess_arena_t  *arena;

    memset(&ask, 0, sizeof(ask));
    memset(e, 0, sizeof(*e));

    ask.set = &set;
    ask.document = &doc;
    ask.items = items;
    ask.nitems = n;
    ask.reply = on_reply;
    ask.cancelled = on_cancelled;
    ask.stopping = seen->stop_at || seen->end_at ? on_stopping : NULL;
    ask.ctx = seen;

    arena = assess_arena_create();
    rc = assess_provider_ask(provider, c, arena, &ask, e);
    assess_arena_destroy(arena);

    return rc;
}


static assess_err_e __attribute__((unused))
ask(size_t n, seen_t *seen)
{
    assess_err_e        rc;
    assess_provider_t  *provider;

    provider = assess_provider_create(&conf, NULL, 0);
    rc = ask_with(provider, client, n, seen, &err);
    assess_provider_destroy(provider);

    return rc;
}


static int __attribute__((unused))
is_code(const char *code)
{
    return err.kind == ASSESS_FAILED && err.code
           && strcmp(err.code, code) == 0;
}


/* The test provider, what is asked of it, and one who asks. */

static int
begin(pthread_t *thread)
{
    if (assess_carrier_global_init(0) != 0) {
        return -1;
    }

    script = json_array();
    defaults = json_object();
    stubborn = json_object();
    answered = json_object();
    asked = json_object();
    traces = json_array();
    (void) signal(SIGPIPE, SIG_IGN);

    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    base_port = provider_listen(0, &listen_fd);
    (void) snprintf(base_url, sizeof(base_url), "http://127.0.0.1:%d/v1",
                    base_port);
    (void) pthread_create(thread, NULL, serve_thread, NULL);

    set_up();
    conf_default();
    carrier = assess_carrier_create();
    client = assess_client_create(carrier);

    return 0;
}


static void
finish(pthread_t thread)
{
    assess_client_destroy(client);
    assess_carrier_destroy(carrier);

    end_serving(thread);

    json_decref(script);
    json_decref(defaults);
    json_decref(stubborn);
    json_decref(answered);
    json_decref(asked);
    free(last_body);
    curl_global_cleanup();
}


#endif /* OPENAI_H */
