
/*
 * The carrier of requests: whose connections they use, what is given back, and
 * what becomes of them where this machine lacks something.
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

#include "../../ngx_assess_module/engine/assess_trunk.h"


/* A connection is the process's, not that of the thread that first had it. */

static void
test_shared(void)
{
    int                before;
    seen_t             seen = { 0 };
    assess_client_t   *other;
    assess_provider_t *provider;

    other = assess_client_create(carrier);
    provider = assess_provider_create(&conf, NULL, 0);

    script_set("");
    ok(ask(25, &seen) == ASSESS_OK, "one thread's job");
    ok(stat_of("accepted") > 1, "opens connections");

    script_set("");
    before = stat_of("accepted");
    seen = (seen_t) { 0 };

    ok(ask_with(provider, other, 25, &seen, &err) == ASSESS_OK
       && seen.answers == 25, "another thread's job");
    is_int(stat_of("accepted"), before + 1,
           "uses the connections of the first one");

    assess_provider_destroy(provider);
    assess_client_destroy(other);
}


static assess_cargo_t *
cargo_send(assess_client_t *c, assess_transfer_t *t,
    const assess_endpoint_t *endpoint)
{
    memset(t, 0, sizeof(assess_transfer_t));
    assess_buf_str(&t->request, "{}");

    return assess_transfer_start(t, c, endpoint) == 0 ? &t->cargo : NULL;
}


/* What one thread takes back is its own. */

static void
test_recall(void)
{
    int                 i, recalled;
    assess_cargo_t     *cargo;
    assess_client_t    *other;
    assess_transfer_t   mine[3], theirs;
    assess_endpoint_t   endpoint;

    other = assess_client_create(carrier);
    (void) assess_endpoint_init(&endpoint, &conf, "/chat/completions");

    assess_client_recall(client);
    ok(assess_client_ended(client) == NULL, "nothing to recall");

    script_set("\"delayMs\":200");

    (void) cargo_send(other, &theirs, &endpoint);

    for (i = 0; i < 3; i++) {
        (void) cargo_send(client, &mine[i], &endpoint);
    }

    assess_client_recall(client);

    for (i = recalled = 0; (cargo = assess_client_ended(client)); i++) {
        recalled += cargo->recalled
                    && cargo->code == CURLE_ABORTED_BY_CALLBACK
                    && cargo->client == client;
    }

    is_int(i, 3, "three are given back at once");
    is_int(recalled, 3, "as recalled");

    assess_client_wait(other, 1, 5000);
    cargo = assess_client_ended(other);
    ok(cargo == &theirs.cargo && !cargo->recalled && cargo->code == CURLE_OK
       && cargo->status > 0, "that of another thread goes on");

    for (i = 0; i < 3; i++) {
        assess_transfer_free(&mine[i]);
    }

    assess_transfer_free(&theirs);
    assess_endpoint_free(&endpoint);
    assess_client_destroy(other);
}


/* What this machine lacks, and what only looks like it. */

static void
test_lack(void)
{
    int             fds[1024], n;
    struct rlimit   limit, low;
    assess_line_t  *line;

    line = assess_line_create();

    is_int(assess_line_lack(line, CURLE_COULDNT_CONNECT), 0,
           "refused: nothing is lacking");
    is_int(assess_line_lack(line, CURLE_COULDNT_RESOLVE_HOST), 0,
           "a name that nobody knows");

    line->lack = EMFILE;
    is_int(assess_line_lack(line, CURLE_COULDNT_CONNECT), EMFILE,
           "no descriptor");
    line->lack = EADDRNOTAVAIL;
    is_int(assess_line_lack(line, CURLE_COULDNT_CONNECT), 0,
           "an address that this machine does not have");
    line->lack = 0;

    (void) strcpy(line->why, "getaddrinfo() thread failed to start");
    is_int(assess_line_lack(line, CURLE_COULDNT_RESOLVE_HOST), EAGAIN,
           "no thread to look up a name");
    line->why[0] = '\0';

    (void) getrlimit(RLIMIT_NOFILE, &limit);
    low = limit;
    low.rlim_cur = 512;
    (void) setrlimit(RLIMIT_NOFILE, &low);

    for (n = 0; n < 1024 && (fds[n] = dup(0)) != -1; n++) { /* void */ }

    is_int(assess_line_lack(line, CURLE_COULDNT_RESOLVE_HOST), EMFILE,
           "none to read what names there are");
    is_int(assess_line_lack(line, CURLE_SSL_CACERT_BADFILE), EMFILE,
           "nor whom to trust");

    while (n) {
        (void) close(fds[--n]);
    }

    (void) setrlimit(RLIMIT_NOFILE, &limit);

    assess_line_destroy(line);
}


/* No connection is left from before; there may be so many. */

static void
begin_anew(int reserved)
{
    assess_client_destroy(client);
    assess_carrier_destroy(carrier);

    (void) assess_carrier_global_init(reserved);

    carrier = assess_carrier_create();
    client = assess_client_create(carrier);
}


static int
falls_to(const char *what, int value)
{
    int64_t  until;

    until = assess_mono_ms() + 10000;

    while (stat_of(what) > value && assess_mono_ms() < until) {
        (void) usleep(1000);
    }

    return stat_of(what) <= value;
}


/* More than may be open at once wait for each other, and are no failures. */

static void
test_scarce(void)
{
    int            before;
    seen_t         seen = { 0 };
    struct rlimit  limit, low;

    (void) getrlimit(RLIMIT_NOFILE, &limit);
    low = limit;
    low.rlim_cur = 400;
    (void) setrlimit(RLIMIT_NOFILE, &low);
    begin_anew(400);

    script_set("\"delayMs\":50");
    conf.concurrency = 1000;
    conf.questions_per_batch = 1;
    before = stat_of("connections");

    ok(ask(QUESTIONS, &seen) == ASSESS_OK && seen.answers == QUESTIONS,
       "two hundred requests and a hundred descriptors");
    is_int(stat_of("requests"), QUESTIONS, "none is asked twice");
    ok(stat_of("peakInFlight") <= 100, "never more at once");
    ok(falls_to("connections", before + 1),
       "connections are given back where they are scarce");

    (void) setrlimit(RLIMIT_NOFILE, &limit);
    begin_anew(0);
    conf_default();
}


int
main(void)
{
    pthread_t  thread;

    if (begin(&thread) != 0) {
        return 1;
    }

    test_shared();
    test_recall();
    test_lack();
    test_scarce();

    finish(thread);

    return done_testing();
}
