
/*
 * Where what is spent is limited: no request is sent before the most that it
 * can cost is reserved, and what came of it is settled with its answers.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE                            /* memmem() */
#endif

#include "assess_openai_int.h"

#include "assess_pictures.h"
#include "assess_prompt.h"

#include <math.h>
#include <string.h>


/* Requests that are reserved for at once, and the time to the next try, ms. */
#define ASSESS_OPENAI_COVER    8
#define ASSESS_OPENAI_POOR     200

/*
 * Tokens of a text, for each that is guessed, before it is known how the model
 * counts; beside what was seen of it; and of a page that is shown.
 */
#define ASSESS_TOKENS_MOST     1.8
#define ASSESS_TOKENS_SEEN     1.15
#define ASSESS_TOKENS_AROUND   64
#define ASSESS_PICTURE_MOST    6000
#define ASSESS_PICTURE_MINI    60000   /* the one that counts them otherwise */

/* And of a reply: its frame, an answer, and the thoughts before it. */
#define ASSESS_REPLY_FRAME     256
#define ASSESS_REPLY_ANSWER    250
#define ASSESS_REPLY_LEAST     120
#define ASSESS_REPLY_THOUGHTS  8192
#define ASSESS_REPLY_MOST      1000000


static const assess_price_t *
assess_openai_priced(const assess_asking_t *a)
{
    return assess_price_find(a->conf->prices, a->conf->nprices,
                             a->ask->model.data ? &a->ask->model
                                                : &a->conf->model);
}


/*
 * Without a limit of tokens there is none of dollars.  One that turned out to
 * be too low is doubled.
 */

int
assess_openai_most(const assess_asking_t *a, const assess_request_t *request)
{
    double                 each;
    int64_t                most;
    const assess_price_t  *price;

    if (a->ask->reserve == NULL || a->conf->max_tokens > 0) {
        return 0;
    }

    price = assess_openai_priced(a);

    each = a->ask->answer > 0 ? fmax(a->ask->answer, ASSESS_REPLY_LEAST)
                              : ASSESS_REPLY_ANSWER;

    most = ASSESS_REPLY_FRAME + (int64_t) ((double) request->nitems * each);

    /*
     * What is known of answers has the thoughts before them in it, on average:
     * one that needs more of them is paid for and cut all the same.
     */

    if (price && price->reasons) {

        if (!(a->ask->answer > 0)) {
            most += ASSESS_REPLY_THOUGHTS;

        } else if (most < ASSESS_REPLY_THOUGHTS) {
            most = ASSESS_REPLY_THOUGHTS;
        }
    }

    most <<= request->cuts < 8 ? request->cuts : 8;

    if (price && price->max_output && most > price->max_output) {
        most = price->max_output;
    }

    return (int) (most < ASSESS_REPLY_MOST ? most : ASSESS_REPLY_MOST);
}


static int
assess_openai_mini(const assess_asking_t *a)
{
    const assess_str_t  *model;

    model = a->ask->model.data ? &a->ask->model : &a->conf->model;

    return memmem(model->data, model->len, "4o-mini", 7) != NULL;
}


/*
 * No tokenizer makes more tokens of a text than it has bytes; that is four times
 * what it makes of most, so that little would fit.  What is guessed is never so
 * wrong, and less when it is known how the model counts.  Whole billionths of a
 * dollar, so that what is added up is taken off again to the last digit.
 */

static double
assess_openai_dollars(const assess_asking_t *a, assess_request_t *request,
    const assess_price_t *price)
{
    int              pages[ASSESS_IMAGES_MAX];
    size_t           i, n;
    double           ratio, text, most;
    int64_t          input, output;
    assess_prompt_t  prompt;

    assess_openai_prompt(a, request, &prompt);

    n = assess_prompt_pictures(&prompt, (size_t) a->conf->images, pages);
    input = (int64_t) request->transfer.request.len;

    for (i = 0; i < n; i++) {
        input -= (int64_t) assess_pictures_find(a->ask, pages[i])->url.len;
    }

    text = assess_prompt_tokens(&prompt, 0);
    request->guess = text > 0 ? text + (double) n * ASSESS_PICTURE_TOKENS : 0;

    ratio = a->ask->ratio > 0 ? a->ask->ratio : ASSESS_TOKENS_MOST;
    ratio = fmax(ratio, a->ratio * ASSESS_TOKENS_SEEN);
    most = text * ratio + ASSESS_TOKENS_AROUND;

    if (text > 0 && most < (double) input) {
        input = (int64_t) most;
    }

    input += (int64_t) n * (assess_openai_mini(a) ? ASSESS_PICTURE_MINI
                                                  : ASSESS_PICTURE_MOST);

    output = a->conf->max_tokens > 0 ? a->conf->max_tokens
                                     : prompt.max_tokens;

    return ceil(assess_price_most(price, input, output) * 1e9) / 1e9;
}


/* Those that could be sent; none while there are some that may be. */

static size_t
assess_openai_bare(const assess_asking_t *a, int64_t now,
    assess_request_t **list)
{
    size_t             n;
    assess_request_t  *request;

    n = 0;

    for (request = a->waiting; request; request = request->next) {

        if (request->covered && request->due <= now) {
            return 0;
        }

        if (!request->covered && request->due <= now
            && n < ASSESS_OPENAI_COVER)
        {
            list[n++] = request;
        }
    }

    return n;
}


static void
assess_openai_broke(assess_asking_t *a, const assess_err_t *err)
{
    if (!a->failed) {
        a->failed = 1;
        a->why = *err;
    }
}


int
assess_openai_cover(assess_asking_t *a)
{
    double                 usd[ASSESS_OPENAI_COVER];
    size_t                 i, n, fits;
    int64_t                now;
    assess_err_t           err;
    assess_request_t      *list[ASSESS_OPENAI_COVER];
    const assess_price_t  *price;

    now = assess_mono_ms();

    if (a->ask->reserve == NULL || a->failed || a->stopping || a->hold
        || now < a->poor)
    {
        return 0;
    }

    n = assess_openai_bare(a, now, list);
    if (n == 0) {
        return 0;
    }

    price = assess_openai_priced(a);

    if (price == NULL) {
        (void) assess_fail(&err, ASSESS_FAILED, "budget_exceeded",
                           "the model has no price, so that no limit of what "
                           "it costs can be kept");
        assess_openai_broke(a, &err);
        return 0;
    }

    for (i = 0; i < n; i++) {

        assess_openai_body(a, list[i]);

        if (list[i]->transfer.request.failed) {
            return -1;
        }

        usd[i] = assess_openai_dollars(a, list[i], price);
    }

    if (a->ask->reserve(a->ask->ctx, usd, n, &fits, &err) != ASSESS_OK) {
        assess_openai_broke(a, &err);
        return 0;
    }

    for (i = 0; i < fits; i++) {
        list[i]->covered = 1;
        list[i]->reserved = usd[i];
    }

    a->poor = fits ? 0 : now + ASSESS_OPENAI_POOR;

    return 0;
}


/* How many tokens there were for each that was guessed. */

void
assess_openai_seen(assess_asking_t *a, const assess_request_t *request,
    int64_t input)
{
    if (request->covered && request->guess > 0) {
        a->ratio = fmax(a->ratio, (double) input / request->guess);
    }
}


void
assess_openai_settle(assess_asking_t *a, assess_request_t *request, int known)
{
    if (!request->covered) {
        return;
    }

    a->reply.released += request->reserved;

    if (!known) {
        a->reply.doubtful += request->reserved;
    }

    request->covered = 0;
    request->reserved = 0;
    a->poor = 0;

    /* it is told soon; it may never have been sent, and counts as no request */

    if (!a->gathered) {
        a->gathered = 1;
        a->deliver = assess_mono_ms();
    }
}


/*
 * Whether it may have been answered, though no answer came: something of it was
 * sent, and the connection was lost then, or somebody between did not wait.
 */

int
assess_openai_unsure(const assess_request_t *request)
{
    switch (request->transfer.cargo.code) {

    case CURLE_OK:
        return request->transfer.cargo.status == 408
               || request->transfer.cargo.status == 504
               || request->transfer.cargo.status == 524;

    default:
        return request->transfer.read > 0;
    }
}
