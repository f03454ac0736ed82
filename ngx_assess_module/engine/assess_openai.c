
#include "assess_openai.h"

#include "assess_prompt.h"
#include "assess_reply.h"
#include "assess_retry.h"
#include "assess_transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>


/* So often cancelled() is asked at least, in milliseconds. */
#define ASSESS_OPENAI_TICK  50


typedef struct assess_request_s  assess_request_t;

/* Some questions that go to the provider together, until they have answers. */
struct assess_request_s {
    assess_request_t   *next;
    assess_transfer_t   transfer;
    size_t             *items;
    size_t              nitems;
    size_t              passages;
    int                 tries;
    int64_t             due;         /* of the monotonic clock; 0: at once */
    assess_ticket_t     ticket;      /* while it is in flight */
};


typedef struct {
    int   asks;
    int   answered;
} assess_asked_t;


typedef struct {
    const assess_provider_conf_t  *conf;
    const assess_ask_t            *ask;
    assess_gate_t                 *gate;
    assess_waiter_t                waiter;
    int64_t                        again;      /* to ask the gate; 0: not */
    int                            down;       /* it has been, as of late */
    int                            shut;       /* and another looks for it */
    CURLM                         *multi;
    assess_arena_t                *arena;
    assess_err_t                  *err;

    assess_asked_t                *items;
    size_t                        *left;       /* of each question batch */
    size_t                         batch;      /* questions in one */

    assess_request_t              *waiting;
    assess_request_t             **last;
    assess_request_t              *flying;
    size_t                         nflying;

    assess_err_t                   why;        /* set: start nothing more */
    int                            failed;
    int                            stopping;   /* start nothing more either */
    int                            hold;       /* nor now */

    assess_arena_t                *lent;       /* what reply points to */
    assess_reply_t                 reply;
    int                            gathered;
} assess_asking_t;


static void
assess_openai_wake(void *ctx)
{
    (void) curl_multi_wakeup(ctx);
}


static assess_err_e
assess_openai_memory(assess_asking_t *a)
{
    return assess_fail(a->err, ASSESS_ERROR, NULL, "out of memory");
}


/* The first failure counts. */

static void
assess_openai_fail(assess_asking_t *a, const char *code, const char *what,
    long status, const char *reason)
{
    char  number[32];

    if (a->failed) {
        return;
    }

    number[0] = '\0';
    if (status) {
        (void) snprintf(number, sizeof(number), " (%ld)", status);
    }

    a->failed = 1;

    (void) assess_fail(&a->why, ASSESS_FAILED, code,
                       "provider \"%.*s\" %s%s%s%s",
                       (int) a->conf->name.len,
                       a->conf->name.data ? a->conf->name.data : "", what,
                       number, reason[0] ? ": " : "", reason);
}


static void
assess_openai_wait(assess_asking_t *a, assess_request_t *request)
{
    request->next = NULL;
    *a->last = request;
    a->last = &request->next;
}


static void
assess_openai_drop(assess_asking_t *a, assess_request_t *request)
{
    assess_transfer_free(&request->transfer, a->multi);
    free(request);
}


/* A new request for n of the items, which are copied. */

static int
assess_openai_request(assess_asking_t *a, const size_t *items, size_t n,
    size_t passages)
{
    assess_request_t  *request;

    request = calloc(1, sizeof(assess_request_t) + n * sizeof(size_t));
    if (request == NULL) {
        return -1;
    }

    request->items = (size_t *) (request + 1);
    request->nitems = n;
    request->passages = passages;

    memcpy(request->items, items, n * sizeof(size_t));

    assess_openai_wait(a, request);

    return 0;
}


static int
assess_openai_send(assess_asking_t *a, assess_request_t *request)
{
    assess_prompt_t  prompt;

    prompt.ask = a->ask;
    prompt.items = request->items;
    prompt.nitems = request->nitems;
    prompt.passages = request->passages;

    assess_prompt_chat(&request->transfer.request, a->conf, &prompt);

    request->tries++;

    return assess_transfer_start(&request->transfer, a->multi, a->conf,
                                 "/chat/completions", request);
}


/*
 * Sends what is due as far as the gate allows.  Stands in the gate's line
 * only while something could be sent.  Whoever looks whether the provider is
 * back does so with whatever there is, due or not.
 */

static int
assess_openai_start(assess_asking_t *a)
{
    int64_t             now, again;
    assess_gate_e       gate;
    assess_ticket_t     ticket;
    assess_request_t  **p, *request;

    a->again = 0;
    a->shut = 0;
    gate = ASSESS_GATE_GO;
    now = assess_mono_ms();

    if (a->waiting && !a->failed && !a->stopping && !a->hold) {
        a->shut = assess_gate_shut(a->gate, &a->waiter, now);
    }

    for (p = &a->waiting;
         *p && !a->failed && !a->stopping && !a->hold;
         /* void */ )
    {

        request = *p;

        if (request->due > now && !a->waiter.probe) {
            p = &request->next;
            continue;
        }

        gate = assess_gate_take(a->gate, &a->waiter, now, &ticket, &again);

        if (gate != ASSESS_GATE_GO) {
            a->again = again;
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

    if (gate != ASSESS_GATE_WAIT) {
        assess_gate_leave(a->gate, &a->waiter);
    }

    return 0;
}


static void
assess_openai_landed(assess_asking_t *a, assess_request_t *request,
    const assess_outcome_t *outcome)
{
    assess_request_t  **p;

    for (p = &a->flying; *p != request; p = &(*p)->next) {
        /* it is in there */
    }

    *p = request->next;
    a->nflying--;

    a->down = assess_gate_done(a->gate, &request->ticket, outcome,
                               assess_mono_ms());
}


static void
assess_openai_ended(assess_asking_t *a, assess_request_t *request)
{
    assess_outcome_t  outcome;

    memset(&outcome, 0, sizeof(assess_outcome_t));
    outcome.what = ASSESS_OUTCOME_ENDED;
    outcome.after_ms = -1;

    assess_openai_landed(a, request, &outcome);
}


static int
assess_openai_later(assess_asking_t *a, assess_request_t *request,
    int64_t after_ms)
{
    uint32_t  random;

    if (getrandom(&random, sizeof(random), GRND_NONBLOCK)
        != (ssize_t) sizeof(random))
    {
        random = (uint32_t) assess_mono_ms();
    }

    request->due = assess_mono_ms()
                   + assess_retry_wait(request->tries, a->conf->backoff_ms,
                                       a->conf->backoff_max_ms, after_ms,
                                       random);

    assess_transfer_free(&request->transfer, a->multi);
    assess_openai_wait(a, request);

    return 0;
}


/*
 * It was no try: the gate knows when there is another chance, so that the
 * request itself only keeps to the time that it was told.
 */

static int
assess_openai_patient(assess_asking_t *a, assess_request_t *request,
    int64_t after_ms)
{
    request->tries--;
    request->due = after_ms > 0 ? assess_mono_ms() + after_ms : 0;

    assess_transfer_free(&request->transfer, a->multi);
    assess_openai_wait(a, request);

    return 0;
}


static int
assess_openai_split(assess_asking_t *a, assess_request_t *request)
{
    int     rc;
    size_t  half;

    half = request->nitems / 2;

    rc = assess_openai_request(a, request->items, half, request->passages);

    if (rc == 0) {
        rc = assess_openai_request(a, request->items + half,
                                   request->nitems - half,
                                   request->passages);
    }

    assess_openai_drop(a, request);

    return rc;
}


/*
 * More than the model's context holds: fewer questions, then fewer passages,
 * the best ones.
 */

static int
assess_openai_shorten(assess_asking_t *a, assess_request_t *request,
    const char *reason)
{
    int                   rc;
    size_t                passages;
    const assess_item_t  *item;

    if (request->nitems > 1) {
        return assess_openai_split(a, request);
    }

    item = &a->ask->items[request->items[0]];

    passages = request->passages < item->nhits ? request->passages
                                               : item->nhits;

    if (passages > 1) {
        rc = assess_openai_request(a, request->items, 1, passages / 2);

    } else {
        assess_openai_fail(a, "provider_refused", "holds too little for even "
                           "one question", request->transfer.status, reason);
        rc = 0;
    }

    assess_openai_drop(a, request);

    return rc;
}


/*
 * The model answered, but with nothing that can be used.  What was cut off
 * would be again: fewer questions need less room.
 */

static int
assess_openai_useless(assess_asking_t *a, assess_request_t *request)
{
    if (request->nitems > 1) {
        return assess_openai_split(a, request);
    }

    if (request->tries < a->conf->tries) {
        return assess_openai_later(a, request, -1);
    }

    /* its question stays without an answer, which is told at the end */

    assess_openai_drop(a, request);

    return 0;
}


static int
assess_openai_failure(assess_asking_t *a, assess_request_t *request,
    const assess_retry_t *retry)
{
    long  status;

    status = request->transfer.status;

    switch (retry->action) {

    case ASSESS_RETRY_TOO_LONG:
        return assess_openai_shorten(a, request, retry->reason);

    case ASSESS_RETRY_MONEY:
        assess_openai_fail(a, "provider_out_of_money",
                           "says that its money is used up", status,
                           retry->reason);
        break;

    case ASSESS_RETRY_REFUSED:
        assess_openai_fail(a, "provider_refused", "refused a request", status,
                           retry->reason);
        break;

    case ASSESS_RETRY_OUTPUT:
        return assess_openai_useless(a, request);

    case ASSESS_RETRY_AGAIN:
        if (a->down || retry->outcome == ASSESS_OUTCOME_THROTTLE
            || retry->outcome == ASSESS_OUTCOME_OVERLOAD)
        {
            return assess_openai_patient(a, request, retry->after_ms);
        }

        if (request->tries < a->conf->tries) {
            return assess_openai_later(a, request, retry->after_ms);
        }

        /* fall through */

    case ASSESS_RETRY_NEVER:
        assess_openai_fail(a, "provider_unavailable", "cannot be had", status,
                           retry->reason);
        break;
    }

    assess_openai_drop(a, request);

    return 0;
}


/* A reply was paid for, but is none. */

static int
assess_openai_bad(assess_asking_t *a, assess_request_t *request,
    const assess_completion_t *completion, const assess_retry_t *retry)
{
    if (completion->kind != ASSESS_REPLY_BAD) {
        return assess_openai_useless(a, request);
    }

    if (retry->action != ASSESS_RETRY_AGAIN
        || retry->outcome != ASSESS_OUTCOME_ERROR)
    {
        return assess_openai_failure(a, request, retry);
    }

    if (request->tries < a->conf->tries) {
        return assess_openai_later(a, request, -1);
    }

    /* its questions stay without an answer, which is told at the end */

    assess_openai_drop(a, request);

    return 0;
}


static void
assess_openai_bill(assess_asking_t *a, const assess_completion_t *completion,
    const assess_str_t *model)
{
    const assess_price_t  *price;

    a->reply.input_tokens += completion->input_tokens;
    a->reply.output_tokens += completion->output_tokens;

    price = assess_price_find(a->conf->prices, a->conf->nprices,
                              &completion->model);
    if (price == NULL) {
        price = assess_price_find(a->conf->prices, a->conf->nprices, model);
    }

    if (price) {
        a->reply.cost += (double) completion->input_tokens * price->input
                         + (double) completion->output_tokens * price->output;
    }
}


/* Takes the valid answers, and asks again for the others, each alone. */

static int
assess_openai_answers(assess_asking_t *a, assess_request_t *request,
    const assess_completion_t *completion, const assess_str_t *model)
{
    size_t            i, item;
    assess_asked_t   *asked;
    assess_answer_t  *answer;

    for (i = 0; i < completion->nanswers; i++) {

        answer = &a->reply.answers[a->reply.nanswers++];

        *answer = completion->answers[i];
        answer->provider = a->conf->name;
        answer->model = completion->model.len ? completion->model : *model;
    }

    for (i = 0; i < request->nitems; i++) {

        item = request->items[i];
        asked = &a->items[item];
        asked->asks++;

        if (completion->answered[i]) {
            asked->answered = 1;

            if (--a->left[item / a->batch] == 0) {
                a->reply.batches++;
            }

        } else if (asked->asks < a->conf->asks
                   && assess_openai_request(a, &item, 1, request->passages)
                      != 0)
        {
            return -1;
        }
    }

    assess_openai_drop(a, request);

    return 0;
}


/* Routers report failures with 200, too. */

static void
assess_openai_outcome(assess_asking_t *a, assess_request_t *request,
    const assess_completion_t *completion, assess_retry_t *retry)
{
    assess_failure_t  failure;
    assess_outcome_t  outcome;

    memset(&outcome, 0, sizeof(assess_outcome_t));

    outcome.after_ms = -1;
    outcome.told = &request->transfer.told;

    if (completion && completion->kind != ASSESS_REPLY_BAD) {
        outcome.input = completion->input_tokens;
        outcome.output = completion->output_tokens;

    } else {
        assess_transfer_failure(&request->transfer, a->conf, &failure);
        assess_retry_classify(&failure, assess_now_ms(), retry);

        outcome.what = retry->outcome;
        outcome.after_ms = retry->after_ms;
    }

    assess_openai_landed(a, request, &outcome);
}


static int
assess_openai_completion(assess_asking_t *a, assess_request_t *request)
{
    size_t                      i;
    assess_retry_t              retry;
    const assess_str_t         *model;
    assess_completion_t         completion;
    const assess_question_t   **questions;

    if (a->lent == NULL) {
        a->lent = assess_arena_create();
        if (a->lent == NULL) {
            return -1;
        }
    }

    questions = assess_palloc(a->lent, request->nitems
                                       * sizeof(assess_question_t *));
    if (questions == NULL) {
        return -1;
    }

    for (i = 0; i < request->nitems; i++) {
        questions[i] = a->ask->items[request->items[i]].question;
    }

    if (assess_reply_read(a->lent, request->transfer.reply.data,
                          request->transfer.reply.len, questions,
                          request->nitems, &completion)
        != 0)
    {
        return -1;
    }

    model = a->ask->model.data ? &a->ask->model : &a->conf->model;

    a->gathered = 1;
    assess_openai_bill(a, &completion, model);
    assess_openai_outcome(a, request, &completion, &retry);

    return completion.kind == ASSESS_REPLY_READ
           ? assess_openai_answers(a, request, &completion, model)
           : assess_openai_bad(a, request, &completion, &retry);
}


/* Looks at every request that has ended. */

static int
assess_openai_collect(assess_asking_t *a)
{
    int                 left;
    CURLMsg            *msg;
    CURLcode            code;
    assess_retry_t      retry;
    assess_request_t   *request;
    assess_transfer_t  *t;

    while ((msg = curl_multi_info_read(a->multi, &left))) {

        if (msg->msg != CURLMSG_DONE) {
            continue;
        }

        code = msg->data.result;

        if (curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &request)
            != CURLE_OK)
        {
            return -1;
        }

        t = &request->transfer;

        assess_transfer_done(t, a->multi, code);

        if (code == CURLE_OK && t->status >= 200 && t->status < 300) {

            if (assess_openai_completion(a, request) != 0) {
                return -1;
            }

            continue;
        }

        assess_openai_outcome(a, request, NULL, &retry);

        if (assess_openai_failure(a, request, &retry) != 0) {
            return -1;
        }
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
    int           running;
    assess_err_e  rc;

    /* what has come already is paid for */

    if (curl_multi_perform(a->multi, &running) != CURLM_OK
        || assess_openai_collect(a) != 0)
    {
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

static int
assess_openai_pause(const assess_asking_t *a)
{
    int64_t                  now, wait;
    const assess_request_t  *request;

    wait = ASSESS_OPENAI_TICK;
    now = assess_mono_ms();

    if (a->again) {
        wait = a->again <= now ? 0 : a->again - now;
        wait = wait < ASSESS_OPENAI_TICK ? wait : ASSESS_OPENAI_TICK;
    }

    for (request = a->waiting; request; request = request->next) {
        if (request->due > now && request->due - now < wait) {
            wait = request->due - now;
        }
    }

    return (int) wait;
}


static assess_err_e
assess_openai_run(assess_asking_t *a)
{
    int           running;
    assess_err_e  rc;

    for ( ;; ) {

        if (a->ask->stopping) {
            a->stopping = a->ask->stopping(a->ask->ctx);
        }

        if (a->stopping > 1
            || (a->ask->cancelled && a->ask->cancelled(a->ask->ctx)))
        {
            return assess_openai_cancel(a);
        }

        a->hold = a->ask->hold && a->ask->hold(a->ask->ctx);

        if (assess_openai_start(a) != 0) {
            return assess_fail(a->err, ASSESS_ERROR, NULL,
                               "cannot start a request to the provider");
        }

        if (curl_multi_perform(a->multi, &running) != CURLM_OK) {
            return assess_fail(a->err, ASSESS_ERROR, NULL,
                               "cannot drive the requests to the provider");
        }

        /* first send what can follow now, as reply() may take its time */

        if (a->gathered) {

            rc = assess_openai_hand_over(a);
            if (rc != ASSESS_OK) {
                return rc;
            }
        }

        if (assess_openai_collect(a) != 0) {
            return assess_openai_memory(a);
        }

        if (a->gathered) {
            continue;
        }

        if (a->nflying == 0
            && (a->failed || a->stopping || a->shut || a->waiting == NULL))
        {
            return assess_openai_end(a);
        }

        if (curl_multi_poll(a->multi, NULL, 0, assess_openai_pause(a), NULL)
            != CURLM_OK)
        {
            return assess_fail(a->err, ASSESS_ERROR, NULL,
                               "cannot wait for the provider");
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
    CURLM *multi, assess_arena_t *arena, const assess_ask_t *ask,
    assess_err_t *err)
{
    assess_err_e       rc;
    assess_asking_t    a;
    assess_request_t  *request;

    memset(&a, 0, sizeof(assess_asking_t));

    a.conf = conf;
    a.ask = ask;
    a.gate = gate;
    a.multi = multi;
    a.arena = arena;
    a.err = err;
    a.last = &a.waiting;
    a.waiter.wake = assess_openai_wake;
    a.waiter.ctx = multi;

    rc = assess_openai_prepare(&a) == 0 ? assess_openai_run(&a)
                                        : assess_openai_memory(&a);

    while (a.flying) {
        request = a.flying;
        assess_openai_ended(&a, request);
        assess_openai_drop(&a, request);
    }

    while (a.waiting) {
        request = a.waiting;
        a.waiting = request->next;
        assess_openai_drop(&a, request);
    }

    assess_gate_end(gate, &a.waiter);
    assess_arena_destroy(a.lent);

    return rc;
}
