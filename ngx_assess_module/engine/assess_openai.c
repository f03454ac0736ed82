
#include "assess_openai_int.h"

#include "assess_prompt.h"
#include "assess_trace.h"

#include <string.h>


/*
 * So often cancelled() is asked at least, in milliseconds, and at most; the
 * first while nothing is to be sent, so that nothing can be saved.
 */
#define ASSESS_OPENAI_CALM  200
#define ASSESS_OPENAI_TICK  50
#define ASSESS_OPENAI_LOOK  20


static void
assess_openai_wake(void *ctx)
{
    assess_client_wake(ctx);
}


static assess_err_e
assess_openai_memory(assess_asking_t *a)
{
    return assess_fail(a->err, ASSESS_ERROR, NULL, "out of memory");
}


/* The pictures of an ask are those of all its requests. */

static double
assess_openai_guess(assess_asking_t *a, const assess_prompt_t *prompt)
{
    int     pages[ASSESS_IMAGES_MAX];
    size_t  n;

    n = assess_prompt_pictures(prompt, (size_t) a->conf->images, pages);

    return assess_prompt_tokens(prompt, n);
}


void
assess_openai_prompt(const assess_asking_t *a,
    const assess_request_t *request, assess_prompt_t *prompt)
{
    prompt->ask = a->ask;
    prompt->items = request->items;
    prompt->nitems = request->nitems;
    prompt->passages = request->passages;
    prompt->max_tokens = assess_openai_most(a, request);
}


void
assess_openai_body(assess_asking_t *a, assess_request_t *request)
{
    assess_prompt_t  prompt;

    if (request->transfer.request.len) {
        return;
    }

    assess_openai_prompt(a, request, &prompt);

    if (a->head.len == 0) {
        assess_prompt_head(&a->head, a->conf, &prompt);
    }

    assess_prompt_chat(&request->transfer.request, a->conf, &a->head,
                       &a->words, &prompt);
}


/* Each request is a span of its own, a child of the one that was given. */

static int
assess_openai_trace(const assess_asking_t *a, assess_request_t *request)
{
    char  child[ASSESS_TRACE_LEN + 1];

    if (a->ask->traceparent == NULL || a->ask->traceparent[0] == '\0') {
        return 0;
    }

    if (assess_trace_child(child, a->ask->traceparent) != 0) {
        return -1;
    }

    assess_transfer_trace(&request->transfer, child);

    return 0;
}


static int
assess_openai_send(assess_asking_t *a, assess_request_t *request)
{
    assess_prompt_t  prompt;

    assess_openai_prompt(a, request, &prompt);
    assess_openai_body(a, request);

    if (!request->covered) {
        request->guess = a->ask->measured && a->ask->measured(a->ask->ctx)
                         ? assess_openai_guess(a, &prompt) : 0;
    }

    request->tries++;
    request->transfer.once = request->covered;

    if (assess_openai_trace(a, request) != 0) {
        return -1;
    }

    return assess_transfer_start(&request->transfer, a->client, &a->endpoint);
}


/* Whether anything may be sent now, for all that this process knows. */

static int
assess_openai_may(assess_asking_t *a, int64_t now)
{
    if (a->failed || a->stopping || a->hold) {
        return 0;
    }

    if (now < a->scarce || !assess_client_room(a->client)) {
        a->again = now + ASSESS_OPENAI_LOOK;
        return 0;
    }

    return 1;
}


/* Its turn, if it has come; who waits for it is woken. */

static assess_gate_e
assess_openai_turn(assess_asking_t *a, int64_t now, assess_ticket_t *ticket)
{
    int64_t        again;
    assess_gate_e  gate;

    gate = assess_gate_take(a->gate, &a->waiter, now, ticket, &again);

    if (gate != ASSESS_GATE_GO) {
        a->again = again;
    }

    return gate;
}


/*
 * Sends what is due as far as the gate allows.  Stands in the gate's line
 * only while something could be sent.  Whoever looks whether the provider is
 * back does so with whatever there is, due or not.
 */

static int
assess_openai_start(assess_asking_t *a)
{
    int64_t             now;
    assess_gate_e       gate;
    assess_ticket_t     ticket;
    assess_request_t  **p, *request;

    a->again = 0;
    a->shut = 0;
    gate = ASSESS_GATE_GO;
    now = assess_mono_ms();

    if (assess_openai_cover(a) != 0) {
        return -1;
    }

    if (a->waiting && !a->failed && !a->stopping && !a->hold) {
        a->shut = assess_gate_shut(a->gate, &a->waiter);
    }

    for (p = &a->waiting; *p && assess_openai_may(a, now); /* void */ ) {

        request = *p;

        if ((request->due > now && !a->waiter.probe)
            || (a->ask->reserve && !request->covered))
        {
            p = &request->next;
            continue;
        }

        gate = assess_openai_turn(a, now, &ticket);

        if (gate != ASSESS_GATE_GO) {
            break;
        }

        request->ticket = ticket;

        *p = request->next;
        if (*p == NULL) {
            a->last = p;
        }

        request->next = a->flying;
        a->flying = request;
        a->nflying++;

        if (assess_openai_send(a, request) != 0) {
            return -1;
        }
    }

    if (gate != ASSESS_GATE_WAIT && a->waiter.queued) {
        assess_gate_leave(a->gate, &a->waiter);
    }

    return 0;
}


static assess_err_e
assess_openai_hand_over(assess_asking_t *a)
{
    assess_err_e      rc;
    assess_answer_t  *answers;

    if (!a->gathered) {
        return ASSESS_OK;
    }

    a->reply.flying = (int) a->nflying;
    a->reply.sent = a->flying ? a->flying->ticket.sent : 0;

    rc = a->ask->reply(a->ask->ctx, &a->reply, a->err);

    answers = a->reply.answers;
    memset(&a->reply, 0, sizeof(assess_reply_t));
    a->reply.answers = answers;
    a->gathered = 0;

    assess_arena_destroy(a->lent);
    a->lent = NULL;

    return rc;
}


static assess_err_e
assess_openai_cancel(assess_asking_t *a)
{
    assess_err_e  rc;

    /* what has come already is paid for */

    assess_client_recall(a->client);

    if (assess_openai_collect(a) != 0) {
        return assess_openai_memory(a);
    }

    rc = assess_openai_hand_over(a);

    return rc != ASSESS_OK ? rc
           : assess_fail(a->err, ASSESS_CANCELLED, NULL, "cancelled");
}


static assess_err_e
assess_openai_end(assess_asking_t *a)
{
    size_t                    i, n;
    assess_buf_t              ids;
    assess_err_e              rc;
    const assess_question_t  *question;

    if (a->failed) {
        *a->err = a->why;
        return a->why.kind;
    }

    if (a->waiting) {
        return assess_fail(a->err, ASSESS_STOPPING, NULL, a->stopping
                           ? "the process is on its way out"
                           : "the provider is down, the job waits");
    }

    n = 0;
    memset(&ids, 0, sizeof(assess_buf_t));

    for (i = 0; i < a->ask->nitems; i++) {

        if (a->items[i].answered) {
            continue;
        }

        question = a->ask->items[i].question;

        if (n++ < 5) {
            assess_buf_printf(&ids, "%s\"%.*s\"", n > 1 ? ", " : "",
                              (int) question->id.len, question->id.data);
        }
    }

    if (n == 0) {
        return ASSESS_OK;
    }

    if (n > 5) {
        assess_buf_printf(&ids, " and %zu more", n - 5);
    }

    rc = assess_fail(a->err, ASSESS_FAILED, "questions_unanswered",
                     "no valid answer to %s", ids.data ? ids.data : "");

    assess_buf_free(&ids);

    return rc;
}


/* Until something is due, but no longer than a tick. */

static int64_t
assess_openai_pause(const assess_asking_t *a)
{
    int64_t                  now, wait;
    const assess_request_t  *request;

    wait = a->waiting ? ASSESS_OPENAI_TICK : ASSESS_OPENAI_CALM;
    now = assess_mono_ms();

    if (a->again) {
        wait = a->again <= now ? 0 : a->again - now;
        wait = wait < ASSESS_OPENAI_TICK ? wait : ASSESS_OPENAI_TICK;
    }

    if (a->gathered && a->deliver - now < wait) {
        wait = a->deliver > now ? a->deliver - now : 0;
    }

    for (request = a->waiting; request; request = request->next) {
        if (request->due > now && request->due - now < wait) {
            wait = request->due - now;
        }
    }

    return wait;
}


/*
 * How many replies it wants before it is woken.  All that are on their way,
 * where they will be saved together; but each by itself where the place of its
 * request is wanted by others.
 */

static int
assess_openai_enough(assess_asking_t *a)
{
    if (a->gathered && a->waiting == NULL && a->nflying > 1
        && !assess_gate_crowded(a->gate, assess_mono_ms()))
    {
        return (int) a->nflying;
    }

    return 1;
}


/* What the job and the process have to say, asked now and then. */

static int
assess_openai_look(assess_asking_t *a)
{
    int64_t  now;

    now = assess_mono_ms();

    if (now < a->look) {
        return 0;
    }

    a->look = now + ASSESS_OPENAI_LOOK;

    if (a->ask->stopping) {
        a->stopping = a->ask->stopping(a->ask->ctx);
    }

    if (a->stopping > 1
        || (a->ask->cancelled && a->ask->cancelled(a->ask->ctx)))
    {
        return 1;
    }

    a->hold = a->ask->hold && a->ask->hold(a->ask->ctx);

    return 0;
}


/* Others that come together with it go with it. */

static int
assess_openai_complete(const assess_asking_t *a)
{
    return a->gathered
           && (a->nflying == 0 || assess_mono_ms() >= a->deliver);
}


static assess_err_e
assess_openai_run(assess_asking_t *a)
{
    int64_t       wait;
    assess_err_e  rc;

    for ( ;; ) {

        if (assess_openai_look(a)) {
            return assess_openai_cancel(a);
        }

        if (assess_openai_start(a) != 0) {
            return assess_fail(a->err, ASSESS_ERROR, NULL,
                               "cannot start a request to the provider");
        }

        if (!a->gathered && a->nflying == 0
            && (a->failed || a->stopping || a->shut || a->waiting == NULL))
        {
            return assess_openai_end(a);
        }

        /* first send what can follow now, as reply() may take its time */

        wait = assess_openai_complete(a) ? 0 : assess_openai_pause(a);

        assess_client_wait(a->client, assess_openai_enough(a), wait);

        if (wait == 0 && assess_openai_complete(a)) {

            rc = assess_openai_hand_over(a);
            if (rc != ASSESS_OK) {
                return rc;
            }

            a->look = 0;
        }

        if (assess_openai_collect(a) != 0) {
            return assess_openai_memory(a);
        }
    }
}


static int
assess_openai_prepare(assess_asking_t *a)
{
    size_t  i, j, n, *items;

    n = a->ask->nitems;
    a->batch = a->conf->questions_per_batch > 0
               ? (size_t) a->conf->questions_per_batch : 1;

    a->items = assess_pcalloc(a->arena, (n + 1) * sizeof(assess_asked_t));
    a->left = assess_pcalloc(a->arena, (n / a->batch + 1) * sizeof(size_t));
    a->reply.answers = assess_palloc(a->arena,
                                     (n + 1) * sizeof(assess_answer_t));
    items = assess_palloc(a->arena, (n + 1) * sizeof(size_t));

    if (a->items == NULL || a->left == NULL || a->reply.answers == NULL
        || items == NULL)
    {
        return -1;
    }

    for (i = 0; i < n; i++) {
        items[i] = i;
    }

    for (i = 0; i < n; i += j) {

        j = n - i < a->batch ? n - i : a->batch;
        a->left[i / a->batch] = j;

        if (assess_openai_request(a, items + i, j, (size_t) a->conf->passages)
            != 0)
        {
            return -1;
        }
    }

    return 0;
}


assess_err_e
assess_openai_ask(const assess_provider_conf_t *conf, assess_gate_t *gate,
    assess_client_t *client, assess_arena_t *arena, const assess_ask_t *ask,
    assess_err_t *err)
{
    assess_err_e       rc;
    assess_err_t       why;
    assess_asking_t    a;
    assess_request_t  *request;

    memset(&a, 0, sizeof(assess_asking_t));

    a.conf = conf;
    a.ask = ask;
    a.gate = gate;
    a.client = client;
    a.arena = arena;
    a.err = err;
    a.last = &a.waiting;
    a.waiter.wake = assess_openai_wake;
    a.waiter.ctx = client;

    rc = assess_endpoint_init(&a.endpoint, conf, "/chat/completions") == 0
         && assess_openai_prepare(&a) == 0 ? assess_openai_run(&a)
                                           : assess_openai_memory(&a);

    assess_client_recall(client);

    while (assess_client_ended(client)) {
        /* all of them are in flight, still */
    }

    while (a.flying) {
        request = a.flying;
        assess_openai_ended(&a, request);
        assess_openai_settle(&a, request, request->transfer.read == 0);
        assess_openai_drop(&a, request);
    }

    while (a.waiting) {
        request = a.waiting;
        a.waiting = request->next;
        assess_openai_drop(&a, request);
    }

    /* what was reserved is given back, however it ended: err says how */

    if (a.reply.released > 0) {
        a.err = &why;

        if (assess_openai_hand_over(&a) != ASSESS_OK && rc == ASSESS_OK) {
            rc = why.kind;
            *err = why;
        }
    }

    assess_gate_end(gate, &a.waiter);
    assess_endpoint_free(&a.endpoint);
    assess_buf_free(&a.head);
    assess_buf_free(&a.words);
    assess_arena_destroy(a.lent);

    return rc;
}
