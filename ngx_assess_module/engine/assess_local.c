
#include "assess_local.h"
#include "assess_fold.h"
#include "assess_sentence.h"
#include "assess_terms.h"

#include <math.h>
#include <stdio.h>
#include <string.h>


#define ASSESS_LOCAL_TERMS    128    /* of a question that are looked at */
#define ASSESS_LOCAL_SHORT    80     /* bytes: says little by itself */
#define ASSESS_LOCAL_SPANS    64     /* of a passage that are looked at */
#define ASSESS_LOCAL_HITS     64     /* of a question that are looked at */

/* What is asked is in the question; the guidance says how to judge it. */
#define ASSESS_LOCAL_GUIDANCE  0.25


typedef struct {
    char      text[ASSESS_TERM_LEN];
    size_t    len;
    double    weight;
    size_t    df;                    /* hits that it stands in */
    int       asked;                 /* stands in the question itself */
    int       seen;                  /* in the text that is read */
} assess_local_term_t;

typedef struct {
    assess_local_term_t  terms[ASSESS_LOCAL_TERMS];
    size_t               n;
    int                  asked;
} assess_local_query_t;

typedef struct {
    const char   *data;
    size_t        len;
    double        score;
} assess_local_span_t;


static assess_local_term_t *
assess_local_find(assess_local_query_t *q, const char *term, size_t len)
{
    size_t  i;

    for (i = 0; i < q->n; i++) {
        if (q->terms[i].len == len
            && memcmp(q->terms[i].text, term, len) == 0)
        {
            return &q->terms[i];
        }
    }

    return NULL;
}


static void
assess_local_add(void *ctx, const char *term, size_t len, int stop)
{
    assess_local_term_t   *t;
    assess_local_query_t  *q;

    q = ctx;

    if (stop || q->n == ASSESS_LOCAL_TERMS
        || assess_local_find(q, term, len))
    {
        return;
    }

    t = &q->terms[q->n++];

    memcpy(t->text, term, len);
    t->len = len;
    t->df = 0;
    t->seen = 0;
    t->asked = q->asked;
}


static void
assess_local_see(void *ctx, const char *term, size_t len, int stop)
{
    assess_local_term_t  *t;

    t = stop ? NULL : assess_local_find(ctx, term, len);

    if (t) {
        t->seen = 1;
    }
}


static void
assess_local_read(assess_local_query_t *q, const char *data, size_t len)
{
    size_t  i;

    for (i = 0; i < q->n; i++) {
        q->terms[i].seen = 0;
    }

    assess_terms(data, len, assess_local_see, q);
}


static double
assess_local_seen(const assess_local_query_t *q, int asked_only)
{
    size_t  i;
    double  sum;

    for (i = 0, sum = 0; i < q->n; i++) {
        if (q->terms[i].seen && (q->terms[i].asked || !asked_only)) {
            sum += q->terms[i].weight;
        }
    }

    return sum;
}


/* The terms of a question, weighted by how few of its hits have them. */

static double
assess_local_query(assess_local_query_t *q, const assess_item_t *item)
{
    size_t                    i, h, nhits;
    double                    all;
    const assess_passage_t   *p;
    const assess_question_t  *question;

    question = item->question;
    q->n = 0;

    q->asked = 1;
    assess_terms(question->text.data, question->text.len, assess_local_add, q);

    q->asked = 0;
    assess_terms(question->guidance.data, question->guidance.len,
                 assess_local_add, q);

    nhits = item->nhits < ASSESS_LOCAL_HITS ? item->nhits : ASSESS_LOCAL_HITS;

    for (h = 0; h < nhits; h++) {

        p = item->hits[h].passage;
        assess_local_read(q, p->text.data, p->text.len);

        for (i = 0; i < q->n; i++) {
            q->terms[i].df += (size_t) q->terms[i].seen;
        }
    }

    for (i = 0, all = 0; i < q->n; i++) {

        q->terms[i].weight = log(1 + ((double) nhits + 1)
                                     / ((double) q->terms[i].df + 0.5));
        if (q->terms[i].asked) {
            all += q->terms[i].weight;

        } else {
            q->terms[i].weight *= ASSESS_LOCAL_GUIDANCE;
        }
    }

    return all;
}


/* Whether text may be cut before p: behind white space, in no broken word */

static int
assess_local_cut_ok(const char *start, const char *p)
{
    uint32_t     cp;
    assess_ch_e  ch;
    const char  *q;

    q = p;

    do {
        if (q == start) {
            return 0;
        }

        q = assess_ch_prev(q, start);
        (void) assess_ch_next(q, p, &cp);
        ch = assess_ch_class(cp);

    } while (p - q < 32 && (ch == ASSESS_CH_SPACE || ch == ASSESS_CH_BREAK));

    return ch != ASSESS_CH_HYPHEN && ch != ASSESS_CH_DASH
           && ch != ASSESS_CH_SOFT && ch != ASSESS_CH_NONE;
}


/*
 * Where the first sentence of the text ends: at its mark, at an empty line,
 * or before it gets too long for a quote.
 */

static size_t
assess_local_sentence(const char *data, size_t len)
{
    size_t        i, n, mark, space;
    uint32_t      cp;
    assess_ch_e   ch, before;

    space = 0;
    before = ASSESS_CH_OTHER;

    for (i = 0; i < len; i += n) {

        n = assess_ch_next(data + i, data + len, &cp);
        ch = assess_ch_class(cp);

        mark = assess_sentence_end(data, len, i);
        if (mark) {
            return i + mark;
        }

        if (cp == '\n' && i + 1 < len && data[i + 1] == '\n'
            && assess_local_cut_ok(data, data + i))
        {
            return i;
        }

        if ((ch == ASSESS_CH_SPACE || ch == ASSESS_CH_BREAK)
            && assess_local_cut_ok(data, data + i))
        {
            space = i;
        }

        if (ch == ASSESS_CH_WIDE && before == ASSESS_CH_WIDE) {
            space = i;
        }

        before = ch;

        if (i >= ASSESS_LOCAL_QUOTE_LEN && space) {
            return space;
        }
    }

    return len;
}


static size_t
assess_local_spans(const assess_str_t *text, assess_local_span_t *spans,
    assess_local_query_t *q)
{
    size_t       n, len;
    const char  *p, *end;

    p = text->data;
    end = p + text->len;

    for (n = 0; n < ASSESS_LOCAL_SPANS; /* void */) {

        while (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) {
            p++;
        }

        if (p == end) {
            break;
        }

        len = assess_local_sentence(p, (size_t) (end - p));

        spans[n].data = p;
        spans[n].len = len;

        assess_local_read(q, p, len);
        spans[n].score = assess_local_seen(q, 0);

        p += len;
        n++;
    }

    return n;
}


/* The sentence that says most of what is asked, and what goes with it. */

static assess_str_t
assess_local_best(const assess_str_t *text, assess_local_query_t *q)
{
    size_t               i, n, best, last, len;
    assess_str_t         quote;
    assess_local_span_t  spans[ASSESS_LOCAL_SPANS];

    n = assess_local_spans(text, spans, q);

    for (i = 1, best = 0; i < n; i++) {
        if (spans[i].score > spans[best].score) {
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
            || (quote.len >= ASSESS_LOCAL_SHORT && spans[last].score == 0)
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
assess_local_answer(assess_arena_t *arena, const assess_item_t *item,
    assess_answer_t *answer)
{
    size_t                   i, n, picked[ASSESS_LOCAL_QUOTES];
    double                   all;
    assess_str_t             quote;
    assess_evidence_t       *ev;
    const assess_passage_t  *p;
    assess_local_query_t     q;

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

    all = assess_local_query(&q, item);

    for (i = 0; i < n; i++) {

        p = item->hits[picked[i]].passage;

        if (i == 0 && all > 0) {
            assess_local_read(&q, p->text.data, p->text.len);
            answer->confidence = round(100 * assess_local_seen(&q, 1) / all)
                                 / 100;
        }

        quote = assess_local_best(&p->text, &q);

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


assess_err_e
assess_local_ask(const assess_provider_conf_t *conf, assess_arena_t *arena,
    const assess_ask_t *ask, assess_err_t *err)
{
    size_t            i, n, batch, done;
    assess_err_e      rc;
    assess_reply_t    reply;
    assess_answer_t  *answers;

    batch = conf->questions_per_batch > 0
            ? (size_t) conf->questions_per_batch : 1;

    for (done = 0; done < ask->nitems; done += n) {

        if (ask->cancelled(ask->ctx)) {
            return assess_fail(err, ASSESS_CANCELLED, NULL,
                               "the job was cancelled");
        }

        if (ask->stopping && ask->stopping(ask->ctx)) {
            return assess_fail(err, ASSESS_STOPPING, NULL,
                               "the process is on its way out");
        }

        n = ask->nitems - done < batch ? ask->nitems - done : batch;

        answers = assess_palloc(arena, n * sizeof(assess_answer_t));

        for (i = 0; answers && i < n; i++) {
            if (assess_local_answer(arena, &ask->items[done + i],
                                    &answers[i]) != 0)
            {
                answers = NULL;
            }
        }

        if (answers == NULL) {
            return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
        }

        memset(&reply, 0, sizeof(assess_reply_t));

        reply.answers = answers;
        reply.nanswers = n;
        reply.batches = 1;

        rc = ask->reply(ask->ctx, &reply, err);
        if (rc != ASSESS_OK) {
            return rc;
        }
    }

    return ASSESS_OK;
}
