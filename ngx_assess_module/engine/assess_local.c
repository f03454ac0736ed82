
#include "assess_local.h"
#include "assess_fold.h"
#include "assess_reading.h"
#include "assess_terms.h"

#include <math.h>
#include <stdio.h>
#include <string.h>


#define ASSESS_LOCAL_TERMS    128    /* of a question that are looked at */
#define ASSESS_LOCAL_SHORT    80     /* bytes: says little by itself */
#define ASSESS_LOCAL_HITS     64     /* of a question that are looked at */
#define ASSESS_LOCAL_KEPT     (2 << 20)    /* bytes of what was read */
#define ASSESS_LOCAL_TELL_MS  50     /* between two replies, at least */

/* What is asked is in the question; the guidance says how to judge it. */
#define ASSESS_LOCAL_GUIDANCE  0.25


typedef struct {
    uint32_t       id;               /* of the index, or behind those of it */
    int            asked;            /* stands in the question itself */
    size_t         df;               /* hits that it stands in */
    double         weight;
} assess_local_term_t;

/* Reads for one question after the other. */
typedef struct {
    const assess_index_t  *index;    /* NULL: nothing was found */
    assess_vocab_t         known;    /* its terms, lent */
    assess_vocab_t         others;   /* terms of questions that it has not */
    assess_reading_t       reading;
    assess_buf_t           places;   /* of each id: 1 + its place in terms, */
                                     /* a byte; 0: not of this question */
    assess_local_term_t    terms[ASSESS_LOCAL_TERMS];
    char                   seen[ASSESS_LOCAL_TERMS];    /* in the text read */
    size_t                 n;
    int                    asked;
    int                    failed;
} assess_local_reader_t;


/* The place of a term in the question, to be read or set; NULL: no memory. */

static unsigned char *
assess_local_place(assess_local_reader_t *q, uint32_t id)
{
    size_t  more;

    if (id >= q->places.len) {

        more = (size_t) q->known.n + q->others.n + 1 - q->places.len;

        if (assess_buf_reserve(&q->places, more) != 0) {
            return NULL;
        }

        memset(q->places.data + q->places.len, 0, more);
        q->places.len += more;
    }

    return (unsigned char *) q->places.data + id;
}


/* The number of a term; 0 without memory. */

static uint32_t
assess_local_id(assess_local_reader_t *q, const char *text, size_t len,
    int word)
{
    uint32_t  id;

    id = word ? assess_vocab_word_find(&q->known, text, len)
              : assess_vocab_find(&q->known, text, len);

    if (id) {
        return id;
    }

    id = word ? assess_vocab_word(&q->others, text, len)
              : assess_vocab_add(&q->others, text, len);

    return id ? q->known.n + id : 0;
}


static void
assess_local_add(void *ctx, const char *text, size_t len, int word,
    size_t end __attribute__((unused)))
{
    uint32_t                id;
    unsigned char          *place;
    assess_local_term_t    *t;
    assess_local_reader_t  *q;

    q = ctx;

    if (q->n == ASSESS_LOCAL_TERMS) {
        return;
    }

    id = assess_local_id(q, text, len, word);

    if (id & ASSESS_VOCAB_STOP) {
        return;
    }

    place = id ? assess_local_place(q, id) : NULL;

    if (place == NULL) {
        q->failed = 1;
        return;
    }

    if (*place) {
        return;
    }

    t = &q->terms[q->n++];

    t->id = id;
    t->asked = q->asked;
    t->df = 0;

    *place = (unsigned char) q->n;
}


/* Which terms of the question are among these.  Stop words are none. */

static void
assess_local_read(assess_local_reader_t *q, const assess_token_t *tokens,
    const assess_span_t *span)
{
    size_t                i, n;
    unsigned char         place;
    const unsigned char  *places;

    places = (const unsigned char *) q->places.data;
    n = q->places.len;

    memset(q->seen, 0, q->n);

    for (i = span->first; i < span->end; i++) {

        place = tokens[i].id < n ? places[tokens[i].id] : 0;

        if (place) {
            q->seen[place - 1] = 1;
        }
    }
}


static double
assess_local_seen(const assess_local_reader_t *q, int asked_only)
{
    size_t  i;
    double  sum;

    for (i = 0, sum = 0; i < q->n; i++) {
        if (q->seen[i] && (q->terms[i].asked || !asked_only)) {
            sum += q->terms[i].weight;
        }
    }

    return sum;
}


/* The terms of a question, in place of those of the one before. */

static void
assess_local_question(assess_local_reader_t *q,
    const assess_question_t *question)
{
    size_t  i;

    for (i = 0; i < q->n; i++) {
        q->places.data[q->terms[i].id] = 0;
    }

    /* bounded by what is asked at once, not by what was asked before */

    assess_vocab_free(&q->others);

    (void) assess_reading_trim(&q->reading);

    q->n = 0;

    q->asked = 1;
    assess_words(question->text.data, question->text.len, assess_local_add, q);

    q->asked = 0;
    assess_words(question->guidance.data, question->guidance.len,
                 assess_local_add, q);
}


/* A passage as it is read: its terms, itself and its sentences. */

static const assess_span_t *
assess_local_passage(assess_local_reader_t *q, const assess_passage_t *p,
    const assess_token_t **tokens, size_t *n)
{
    size_t  ntokens;

    *tokens = assess_index_tokens(q->index, p, &ntokens);

    return assess_reading_passage(&q->reading, p, *tokens, ntokens, n);
}


/* Weighs each term by how few of the hits have it; what all of them weigh. */

static int
assess_local_weigh(assess_local_reader_t *q, const assess_item_t *item,
    double *all)
{
    size_t                 i, h, n, nhits;
    assess_local_term_t   *t;
    const assess_span_t   *spans;
    const assess_token_t  *tokens;

    nhits = item->nhits < ASSESS_LOCAL_HITS ? item->nhits : ASSESS_LOCAL_HITS;

    for (h = 0; h < nhits; h++) {

        spans = assess_local_passage(q, item->hits[h].passage, &tokens, &n);
        if (spans == NULL) {
            return -1;
        }

        assess_local_read(q, tokens, spans);

        for (i = 0; i < q->n; i++) {
            q->terms[i].df += (size_t) q->seen[i];
        }
    }

    for (i = 0, *all = 0; i < q->n; i++) {

        t = &q->terms[i];
        t->weight = log(1 + ((double) nhits + 1) / ((double) t->df + 0.5));

        if (t->asked) {
            *all += t->weight;

        } else {
            t->weight *= ASSESS_LOCAL_GUIDANCE;
        }
    }

    return 0;
}


/* The sentence that says most of what is asked, and what goes with it. */

static assess_str_t
assess_local_best(assess_local_reader_t *q, const assess_token_t *tokens,
    const assess_span_t *spans, size_t n)
{
    size_t        i, best, last, len;
    double        scores[ASSESS_READING_SENTENCES];
    assess_str_t  quote;

    for (i = 0, best = 0; i < n; i++) {

        assess_local_read(q, tokens, &spans[i]);
        scores[i] = assess_local_seen(q, 0);

        if (scores[i] > scores[best]) {
            best = i;
        }
    }

    quote.data = NULL;
    quote.len = 0;

    if (n == 0) {
        return quote;
    }

    quote.data = (char *) spans[best].data;
    quote.len = spans[best].len;

    for (last = best + 1; last < n; last++) {

        len = (size_t) (spans[last].data + spans[last].len - quote.data);

        if (len > ASSESS_LOCAL_QUOTE_LEN
            || (quote.len >= ASSESS_LOCAL_SHORT && scores[last] == 0)
            || (last > best + 1 && quote.len >= ASSESS_LOCAL_SHORT))
        {
            break;
        }

        quote.len = len;
    }

    return quote;
}


/* As it stands there, each run of white space as one space. */

static int
assess_local_copy(assess_arena_t *arena, assess_str_t *dst,
    const assess_str_t *src)
{
    int          space;
    char        *out;
    size_t       n;
    uint32_t     cp;
    const char  *p, *end;
    assess_ch_e  ch;

    out = assess_palloc(arena, src->len + 1);
    if (out == NULL) {
        return -1;
    }

    dst->data = out;
    space = 0;

    p = src->data;
    end = p + src->len;

    while (p < end) {

        n = assess_ch_next(p, end, &cp);
        ch = assess_ch_class(cp);

        if (ch == ASSESS_CH_SPACE || ch == ASSESS_CH_BREAK) {
            space = 1;

        } else if (cp >= 0x20) {

            if (space && out > dst->data) {
                *out++ = ' ';
            }

            memcpy(out, p, n);
            out += n;
            space = 0;
        }

        p += n;
    }

    *out = '\0';
    dst->len = (size_t) (out - dst->data);

    return 0;
}


/*
 * The hits to quote, in the order of rank: first one of each page, then
 * others as long as there is room.
 */

static size_t
assess_local_pick(const assess_item_t *item, size_t *picked)
{
    size_t  i, j, n, round;
    char    take[ASSESS_LOCAL_HITS];
    size_t  nhits;

    nhits = item->nhits < ASSESS_LOCAL_HITS ? item->nhits : ASSESS_LOCAL_HITS;
    memset(take, 0, sizeof(take));
    n = 0;

    for (round = 0; round < 2; round++) {
        for (i = 0; i < nhits && n < ASSESS_LOCAL_QUOTES; i++) {

            if (take[i]) {
                continue;
            }

            for (j = 0; round == 0 && j < i; j++) {
                if (item->hits[j].passage->page == item->hits[i].passage->page)
                {
                    break;
                }
            }

            if (round || j == i) {
                take[i] = 1;
                n++;
            }
        }
    }

    for (i = 0, n = 0; i < nhits; i++) {
        if (take[i]) {
            picked[n++] = i;
        }
    }

    return n;
}


static int
assess_local_rationale(assess_arena_t *arena, assess_answer_t *answer)
{
    int   n;
    char  text[128];

    if (answer->nevidence == 0) {
        n = snprintf(text, sizeof(text),
                     "No passage of the document speaks to this question.");

    } else if (answer->nevidence == 1) {
        n = snprintf(text, sizeof(text),
                     "Found 1 passage that may speak to this question; "
                     "a model has to judge it.");

    } else {
        n = snprintf(text, sizeof(text),
                     "Found %zu passages that may speak to this question; "
                     "a model has to judge them.", answer->nevidence);
    }

    return assess_pstrdup(arena, &answer->rationale, text, (size_t) n);
}


static int
assess_local_answer(assess_local_reader_t *q, assess_arena_t *arena,
    const assess_item_t *item, assess_answer_t *answer)
{
    size_t                   i, n, nspans, picked[ASSESS_LOCAL_QUOTES];
    double                   all;
    assess_str_t             quote;
    assess_evidence_t       *ev;
    const assess_span_t     *spans;
    const assess_token_t    *tokens;
    const assess_passage_t  *p;

    static const assess_str_t  name = assess_str("local");

    memset(answer, 0, sizeof(assess_answer_t));

    answer->ordinal = item->question->ordinal;
    answer->question_id = item->question->id;
    answer->verdict = ASSESS_INSUFFICIENT_EVIDENCE;
    answer->provider = name;
    answer->model = name;

    n = assess_local_pick(item, picked);

    answer->evidence = assess_pcalloc(arena,
                                      (n + 1) * sizeof(assess_evidence_t));
    if (answer->evidence == NULL) {
        return -1;
    }

    assess_local_question(q, item->question);

    if (assess_local_weigh(q, item, &all) != 0 || q->failed) {
        return -1;
    }

    for (i = 0; i < n; i++) {

        p = item->hits[picked[i]].passage;

        spans = assess_local_passage(q, p, &tokens, &nspans);
        if (spans == NULL) {
            return -1;
        }

        if (i == 0 && all > 0) {
            assess_local_read(q, tokens, spans);
            answer->confidence = round(100 * assess_local_seen(q, 1) / all)
                                 / 100;
        }

        quote = assess_local_best(q, tokens, spans + 1, nspans - 1);

        if (quote.len == 0) {
            continue;
        }

        ev = &answer->evidence[answer->nevidence++];
        ev->page = p->page;

        if (assess_local_copy(arena, &ev->quote, &quote) != 0) {
            return -1;
        }
    }

    return assess_local_rationale(arena, answer);
}


/* All items were looked up in one index. */

static void
assess_local_init(assess_local_reader_t *q, const assess_ask_t *ask)
{
    size_t  i;

    memset(q, 0, sizeof(assess_local_reader_t));

    q->reading.sentence = ASSESS_LOCAL_QUOTE_LEN;
    q->reading.large = ASSESS_LOCAL_KEPT;

    for (i = 0; i < ask->nitems; i++) {
        if (ask->items[i].nhits) {
            q->index = ask->items[i].hits[0].index;
            q->known = *assess_index_vocab(q->index);
            return;
        }
    }
}


/* The answers to n questions; 0, or -1 without memory. */

static int
assess_local_batch(assess_local_reader_t *q, assess_arena_t *arena,
    const assess_item_t *items, size_t n, assess_answer_t *answers)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (assess_local_answer(q, arena, &items[i], &answers[i]) != 0) {
            return -1;
        }
    }

    return 0;
}


/* Hands over what reply has, and empties it. */

static assess_err_e
assess_local_tell(const assess_ask_t *ask, assess_reply_t *reply,
    assess_err_t *err)
{
    assess_err_e  rc;

    if (reply->batches == 0) {
        return ASSESS_OK;
    }

    rc = ask->reply(ask->ctx, reply, err);

    reply->answers += reply->nanswers;
    reply->nanswers = 0;
    reply->batches = 0;

    return rc;
}


/* Whether to go on, before each batch. */

static assess_err_e
assess_local_go_on(const assess_ask_t *ask, assess_reply_t *reply,
    assess_err_t *err)
{
    int           stopping;
    assess_err_e  rc;

    if (ask->cancelled(ask->ctx)) {
        return assess_fail(err, ASSESS_CANCELLED, NULL,
                           "the job was cancelled");
    }

    stopping = ask->stopping ? ask->stopping(ask->ctx) : 0;

    if (stopping == 0) {
        return ASSESS_OK;
    }

    rc = stopping == 1 ? assess_local_tell(ask, reply, err) : ASSESS_OK;

    return rc != ASSESS_OK ? rc
           : assess_fail(err, ASSESS_STOPPING, NULL,
                         "the process is on its way out");
}


assess_err_e
assess_local_ask(const assess_provider_conf_t *conf, assess_arena_t *arena,
    const assess_ask_t *ask, assess_err_t *err)
{
    size_t                  n, batch, done;
    int64_t                 told;
    assess_err_e            rc;
    assess_reply_t          reply;
    assess_answer_t        *answers;
    assess_local_reader_t   q;

    batch = conf->questions_per_batch > 0
            ? (size_t) conf->questions_per_batch : 1;

    memset(&reply, 0, sizeof(assess_reply_t));
    assess_local_init(&q, ask);

    answers = assess_palloc(arena, ask->nitems * sizeof(assess_answer_t));
    reply.answers = answers;

    rc = ASSESS_OK;
    told = assess_mono_ms();

    for (done = 0; done < ask->nitems; done += n) {

        rc = assess_local_go_on(ask, &reply, err);
        if (rc != ASSESS_OK) {
            break;
        }

        n = ask->nitems - done < batch ? ask->nitems - done : batch;

        if (answers == NULL
            || assess_local_batch(&q, arena, ask->items + done, n,
                                  answers + done) != 0)
        {
            rc = assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
            break;
        }

        reply.nanswers += n;
        reply.batches++;

        /* each reply is a transaction: one for what has come together */

        if (done + n == ask->nitems
            || assess_mono_ms() - told >= ASSESS_LOCAL_TELL_MS)
        {
            rc = assess_local_tell(ask, &reply, err);
            if (rc != ASSESS_OK) {
                break;
            }

            told = assess_mono_ms();
        }
    }

    assess_reading_free(&q.reading);
    assess_vocab_free(&q.others);
    assess_buf_free(&q.places);

    return rc;
}
