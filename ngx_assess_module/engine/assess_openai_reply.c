
/* What becomes of a request to the provider, once its reply has come. */

#include "assess_openai_int.h"

#include "assess_reply.h"
#include "assess_retry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>


/* After something was lacking, in milliseconds. */
#define ASSESS_OPENAI_SCARCE  50

/*
 * A reply waits for others to be saved with it, for this part of the time that
 * it took itself, and for so many milliseconds at most.
 */
#define ASSESS_OPENAI_PART  32
#define ASSESS_OPENAI_WAIT  50


static void
assess_openai_line(assess_asking_t *a, assess_level_e level, const char *fmt,
    ...)
{
    char     text[ASSESS_LOG_LINE];
    va_list  args;

    if (a->ask->line == NULL) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    a->ask->line(a->ask->ctx, level, text);
}


/* What the provider says itself may repeat what it was sent: it is not told */

static void
assess_openai_again(assess_asking_t *a, const assess_request_t *request,
    const assess_retry_t *retry)
{
    char     why[80], when[80];
    int64_t  wait;

    if (a->ask->line == NULL) {
        return;
    }

    if (request->transfer.cargo.status) {
        (void) snprintf(why, sizeof(why), "status %ld",
                        request->transfer.cargo.status);
    } else {
        (void) snprintf(why, sizeof(why), "%.70s", retry->reason);
    }

    wait = request->due - assess_mono_ms();

    if (request->due == 0) {
        (void) snprintf(when, sizeof(when), "when the provider can take more");
    } else {
        (void) snprintf(when, sizeof(when), "after %lld ms",
                        (long long) (wait > 0 ? wait : 0));
    }

    assess_openai_line(a, ASSESS_LEVEL_WARN, "%s for %zu question%s: sent "
                       "again %s", why, request->nitems,
                       assess_plural(request->nitems), when);
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


void
assess_openai_drop(assess_asking_t *a, assess_request_t *request)
{
    assess_openai_settle(a, request, 1);
    assess_transfer_free(&request->transfer);
    free(request);
}


int
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


static void
assess_openai_landed(assess_asking_t *a, assess_request_t *request,
    const assess_outcome_t *outcome)
{
    int                 down;
    assess_request_t  **p;

    for (p = &a->flying; *p != request; p = &(*p)->next) {
        /* it is in there */
    }

    *p = request->next;
    a->nflying--;

    down = a->down;
    a->down = assess_gate_done(a->gate, &request->ticket, outcome,
                               assess_mono_ms());

    if (a->down && !down) {
        assess_openai_line(a, ASSESS_LEVEL_WARN, "the provider is down: it is "
                           "asked now and then until it answers again");

    } else if (down && !a->down) {
        assess_openai_line(a, ASSESS_LEVEL_INFO, "the provider answers again");
    }
}


static assess_answered_e
assess_openai_answered(const assess_cargo_t *cargo)
{
    if (cargo->status == 429) {
        return ASSESS_ANSWERED_429;
    }

    switch (cargo->status / 100) {

    case 2:

        /* one that was cut off is no answer */

        return cargo->code == CURLE_OK ? ASSESS_ANSWERED_2XX
                                       : ASSESS_ANSWERED_NOT;
    case 3:
        return ASSESS_ANSWERED_3XX;

    case 4:
        return ASSESS_ANSWERED_4XX;

    case 5:
        return ASSESS_ANSWERED_5XX;
    }

    return ASSESS_ANSWERED_NOT;
}


/* What came of it, how long that took, and what it told of limits */

static void
assess_openai_count(const assess_asking_t *a, const assess_request_t *request)
{
    int                    i;
    assess_traffic_t      *traffic;
    const assess_quota_t  *quota;

    traffic = a->conf->traffic;

    if (traffic == NULL) {
        return;
    }

    assess_count(&traffic->requests[
                     assess_openai_answered(&request->transfer.cargo)], 1);
    assess_observe(&traffic->took,
                   (assess_mono_ms() - request->ticket.sent) * 1000);

    for (i = 0; i < ASSESS_QUOTAS; i++) {
        quota = &request->transfer.told.quotas[i];

        if (quota->limit >= 0) {
            __atomic_store_n(&traffic->limits[i],
                             (uint64_t) quota->limit + 1, __ATOMIC_RELAXED);
        }

        if (quota->remaining >= 0) {
            __atomic_store_n(&traffic->remaining[i],
                             (uint64_t) quota->remaining + 1,
                             __ATOMIC_RELAXED);
        }
    }
}


void
assess_openai_ended(assess_asking_t *a, assess_request_t *request)
{
    assess_outcome_t  outcome;

    if (a->conf->traffic) {
        assess_count(&a->conf->traffic->requests[ASSESS_ANSWERED_BROKEN_OFF],
                     1);
    }

    memset(&outcome, 0, sizeof(assess_outcome_t));
    outcome.what = ASSESS_OUTCOME_ENDED;
    outcome.after_ms = -1;

    assess_openai_landed(a, request, &outcome);
}


static void
assess_openai_count_again(const assess_asking_t *a)
{
    if (a->conf->traffic) {
        assess_count(&a->conf->traffic->again, 1);
    }
}


static int
assess_openai_later(assess_asking_t *a, assess_request_t *request,
    const assess_retry_t *retry)
{
    uint32_t  random;

    if (getrandom(&random, sizeof(random), GRND_NONBLOCK)
        != (ssize_t) sizeof(random))
    {
        random = (uint32_t) assess_mono_ms();
    }

    request->due = assess_mono_ms()
                   + assess_retry_wait(request->tries, a->conf->backoff_ms,
                                       a->conf->backoff_max_ms,
                                       retry ? retry->after_ms : -1, random);

    assess_openai_count_again(a);

    if (retry) {
        assess_openai_again(a, request, retry);
    }

    assess_transfer_free(&request->transfer);
    assess_openai_wait(a, request);

    return 0;
}


/*
 * It was no try: the gate knows when there is another chance, so that the
 * request itself only keeps to the time that it was told.
 */

static int
assess_openai_patient(assess_asking_t *a, assess_request_t *request,
    const assess_retry_t *retry)
{
    request->tries--;
    request->due = retry && retry->after_ms > 0
                   ? assess_mono_ms() + retry->after_ms : 0;

    if (retry) {
        assess_openai_count_again(a);
        assess_openai_again(a, request, retry);
    }

    assess_transfer_free(&request->transfer);
    assess_openai_wait(a, request);

    return 0;
}


/* It has not left this machine, which lacks something. */

static int
assess_openai_scarce(assess_asking_t *a, assess_request_t *request)
{
    a->scarce = assess_mono_ms() + ASSESS_OPENAI_SCARCE;

    return assess_openai_patient(a, request, NULL);
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
                           "one question", request->transfer.cargo.status, reason);
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
        request->cuts++;
        return assess_openai_later(a, request, NULL);
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

    status = request->transfer.cargo.status;

    switch (retry->action) {

    case ASSESS_RETRY_TOO_LONG:
        assess_openai_line(a, ASSESS_LEVEL_WARN, "too long for the model: %zu "
                           "question%s sent again with less in a request",
                           request->nitems, assess_plural(request->nitems));
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

    case ASSESS_RETRY_LOCAL:
        return assess_openai_scarce(a, request);

    case ASSESS_RETRY_AGAIN:
        if (a->down || retry->outcome == ASSESS_OUTCOME_THROTTLE
            || retry->outcome == ASSESS_OUTCOME_OVERLOAD)
        {
            return assess_openai_patient(a, request, retry);
        }

        if (request->tries < a->conf->tries) {
            return assess_openai_later(a, request, retry);
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
    assess_openai_line(a, ASSESS_LEVEL_WARN, "a reply to %zu question%s cannot "
                       "be used (%s): %lld + %lld tokens", request->nitems,
                       assess_plural(request->nitems),
                       completion->why ? completion->why : "it is none",
                       (long long) completion->usage.input,
                       (long long) completion->usage.output);

    if (completion->kind != ASSESS_REPLY_BAD) {
        return assess_openai_useless(a, request);
    }

    if (retry->action != ASSESS_RETRY_AGAIN
        || retry->outcome != ASSESS_OUTCOME_ERROR)
    {
        return assess_openai_failure(a, request, retry);
    }

    if (request->tries < a->conf->tries) {
        return assess_openai_later(a, request, NULL);
    }

    /* its questions stay without an answer, which is told at the end */

    assess_openai_drop(a, request);

    return 0;
}


/* The same model answers again and again, and the list may be long. */

static const assess_price_t *
assess_openai_price(assess_asking_t *a, const assess_str_t *name)
{
    if (name->len == 0 || name->len >= sizeof(a->priced)) {
        return assess_price_find(a->conf->prices, a->conf->nprices, name);
    }

    if (name->len != a->npriced
        || memcmp(a->priced, name->data, name->len) != 0)
    {
        a->price = assess_price_find(a->conf->prices, a->conf->nprices, name);
        a->npriced = name->len;
        memcpy(a->priced, name->data, name->len);
    }

    return a->price;
}


static void
assess_openai_bill(assess_asking_t *a, const assess_completion_t *completion,
    const assess_str_t *model)
{
    double                 cost;
    assess_traffic_t      *traffic;
    const assess_price_t  *price;

    a->reply.input_tokens += completion->usage.input;
    a->reply.output_tokens += completion->usage.output;

    price = assess_openai_price(a, &completion->model);

    if (price == NULL) {
        price = assess_price_find(a->conf->prices, a->conf->nprices, model);
    }

    cost = 0;

    if (price) {
        cost = assess_price_cost(price, &completion->usage);
        a->reply.prices = a->conf->price_version;
    }

    a->reply.cost += cost;

    traffic = a->conf->traffic;

    if (traffic) {
        assess_count(&traffic->input_tokens,
                     (uint64_t) completion->usage.input);
        assess_count(&traffic->output_tokens,
                     (uint64_t) completion->usage.output);
        assess_count(&traffic->cost, (uint64_t) (cost * 1e9 + 0.5));
    }
}


static void
assess_openai_unanswered(assess_asking_t *a, size_t item, const char *then)
{
    const assess_question_t  *question;

    question = a->ask->items[item].question;

    assess_openai_line(a, ASSESS_LEVEL_WARN, "question \"%.*s\" has no valid "
                       "answer: %s", (int) question->id.len,
                       question->id.data, then);
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

        } else if (asked->asks < a->conf->asks) {

            if (assess_openai_request(a, &item, 1, request->passages) != 0) {
                return -1;
            }

            assess_openai_unanswered(a, item, "it is asked again");

        } else {
            assess_openai_unanswered(a, item, "it is given up");
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
        outcome.input = completion->usage.input;
        outcome.output = completion->usage.output;

    } else {
        assess_transfer_failure(&request->transfer, a->conf, &failure);
        assess_retry_classify(&failure, assess_now_ms(), retry);

        outcome.what = retry->outcome;
        outcome.after_ms = retry->after_ms;
    }

    assess_openai_landed(a, request, &outcome);
}


/* An answer has come that is to be handed over. */

static void
assess_openai_gather(assess_asking_t *a, const assess_request_t *request)
{
    int64_t  now, took, wait;

    now = assess_mono_ms();
    took = now - request->ticket.sent;

    a->reply.requests++;
    a->reply.took_ms += took;

    if (a->gathered) {
        return;
    }

    wait = took / ASSESS_OPENAI_PART;

    a->gathered = 1;
    a->deliver = now + (wait < ASSESS_OPENAI_WAIT ? wait : ASSESS_OPENAI_WAIT);
}


static void
assess_openai_took(assess_asking_t *a, const assess_request_t *request,
    const assess_completion_t *completion)
{
    assess_took_t  took;

    if (!(request->guess > 0) || !completion->told
        || completion->kind != ASSESS_REPLY_READ)
    {
        return;
    }

    took.guess = request->guess;
    took.usage = completion->usage;
    took.questions = request->nitems;
    took.ms = assess_mono_ms() - request->ticket.sent;

    a->ask->took(a->ask->ctx, &took);
}


static int
assess_openai_completion(assess_asking_t *a, assess_request_t *request)
{
    double                      cost;
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

    assess_openai_gather(a, request);
    cost = a->reply.cost;
    assess_openai_bill(a, &completion, model);
    assess_openai_took(a, request, &completion);
    assess_openai_seen(a, request, completion.usage.input);
    assess_openai_settle(a, request, completion.told);
    assess_openai_outcome(a, request, &completion, &retry);

    if (completion.kind == ASSESS_REPLY_READ) {
        assess_openai_line(a, ASSESS_LEVEL_INFO, "%zu of %zu question%s "
                           "answered, %lld + %lld tokens, $%.6f, %lld ms",
                           completion.nanswers, request->nitems,
                           assess_plural(request->nitems),
                           (long long) completion.usage.input,
                           (long long) completion.usage.output,
                           a->reply.cost - cost,
                           (long long) (assess_mono_ms()
                                        - request->ticket.sent));
    }

    return completion.kind == ASSESS_REPLY_READ
           ? assess_openai_answers(a, request, &completion, model)
           : assess_openai_bad(a, request, &completion, &retry);
}


/* What was recalled stays in flight, where its ask ends it. */

int
assess_openai_collect(assess_asking_t *a)
{
    assess_retry_t     retry;
    assess_cargo_t    *cargo;
    assess_request_t  *request;

    while ((cargo = assess_client_ended(a->client))) {

        if (cargo->recalled) {
            continue;
        }

        request = (assess_request_t *) cargo;

        assess_openai_count(a, request);

        if (cargo->code == CURLE_OK && cargo->status >= 200
            && cargo->status < 300)
        {
            if (assess_openai_completion(a, request) != 0) {
                return -1;
            }

            continue;
        }

        if (assess_openai_unsure(request)) {
            assess_openai_settle(a, request, 0);
        }

        assess_openai_outcome(a, request, NULL, &retry);

        if (assess_openai_failure(a, request, &retry) != 0) {
            return -1;
        }
    }

    return 0;
}
