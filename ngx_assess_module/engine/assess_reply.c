
#include "assess_reply.h"

#include <jansson.h>
#include <math.h>
#include <string.h>


/* Integers too big for JSON's reader must not spoil the rest of the reply. */
#define ASSESS_REPLY_JSON  (JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL)


typedef struct {
    assess_arena_t                  *arena;
    const assess_question_t *const  *questions;
    size_t                           nquestions;
    assess_completion_t             *out;
    int                              failed;      /* out of memory */
} assess_reading_t;


/* A copy without NULs, which PostgreSQL cannot store, cut to max bytes. */

static int
assess_reply_text(assess_reading_t *r, assess_str_t *dst, json_t *value,
    size_t max)
{
    size_t       i, n, len;
    uint32_t     cp;
    const char  *src;

    src = json_string_value(value);
    len = json_string_length(value);

    dst->len = 0;
    dst->data = assess_palloc(r->arena, (len < max ? len : max) + 1);

    if (dst->data == NULL) {
        r->failed = 1;
        return -1;
    }

    for (i = 0; i < len; i += n) {

        n = assess_utf8_next(src + i, src + len, &cp);

        if (n == 0 || cp == 0) {
            n = 1;
            continue;
        }

        if (dst->len + n > max) {
            break;
        }

        memcpy(dst->data + dst->len, src + i, n);
        dst->len += n;
    }

    dst->data[dst->len] = '\0';

    return 0;
}


static int
assess_reply_blank(const assess_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if ((unsigned char) s->data[i] > ' ') {
            return 0;
        }
    }

    return 1;
}


/* -1 when any piece is bad; an empty quote is no evidence, and no fault */

static int
assess_reply_evidence(assess_reading_t *r, json_t *list,
    assess_answer_t *answer)
{
    double              number;
    size_t              i, n;
    json_t             *piece, *quote, *page;
    assess_evidence_t  *evidence;

    if (!json_is_array(list)) {
        return -1;
    }

    n = json_array_size(list);
    n = n < ASSESS_EVIDENCE_MAX ? n : ASSESS_EVIDENCE_MAX;

    answer->nevidence = 0;
    answer->evidence = assess_pcalloc(r->arena,
                                      (n + 1) * sizeof(assess_evidence_t));
    if (answer->evidence == NULL) {
        r->failed = 1;
        return -1;
    }

    for (i = 0; i < n; i++) {

        piece = json_array_get(list, i);
        quote = json_object_get(piece, "quote");
        page = json_object_get(piece, "page");

        if (!json_is_string(quote) || !json_is_number(page)) {
            return -1;
        }

        evidence = &answer->evidence[answer->nevidence];

        if (assess_reply_text(r, &evidence->quote, quote, ASSESS_QUOTE_MAX)
            != 0)
        {
            return -1;
        }

        if (assess_reply_blank(&evidence->quote)) {
            continue;
        }

        number = json_number_value(page);

        if (!(number >= 1 && number <= ASSESS_PAGE_MAX)
            || floor(number) != number)
        {
            return -1;
        }

        evidence->page = (int) number;
        answer->nevidence++;
    }

    return 0;
}


static int
assess_reply_answer(assess_reading_t *r, json_t *object,
    const assess_question_t *question, assess_answer_t *answer)
{
    int      verdict;
    json_t  *word, *confidence, *rationale;

    memset(answer, 0, sizeof(assess_answer_t));

    word = json_object_get(object, "verdict");
    confidence = json_object_get(object, "confidence");
    rationale = json_object_get(object, "rationale");

    if (!json_is_string(word) || !json_is_number(confidence)
        || !json_is_string(rationale))
    {
        return -1;
    }

    verdict = assess_verdict_by_name(json_string_value(word),
                                     json_string_length(word));
    if (verdict < 0) {
        return -1;
    }

    answer->confidence = json_number_value(confidence);

    if (!(answer->confidence >= 0 && answer->confidence <= 1)) {
        return -1;
    }

    if (assess_reply_evidence(r, json_object_get(object, "evidence"), answer)
        != 0
        || assess_reply_text(r, &answer->rationale, rationale,
                             ASSESS_RATIONALE_MAX)
           != 0)
    {
        return -1;
    }

    answer->verdict = (assess_verdict_e) verdict;
    answer->ordinal = question->ordinal;
    answer->question_id = question->id;

    return 0;
}


static void
assess_reply_answers(assess_reading_t *r, json_t *list)
{
    size_t                i, q;
    json_t               *object, *id;
    assess_str_t          want;
    assess_completion_t  *out;

    out = r->out;

    for (i = 0; i < json_array_size(list) && !r->failed; i++) {

        object = json_array_get(list, i);
        id = json_object_get(object, "questionId");

        if (!json_is_string(id)) {
            continue;
        }

        for (q = 0; q < r->nquestions; q++) {

            want = r->questions[q]->id;

            if (want.len == json_string_length(id)
                && memcmp(want.data, json_string_value(id), want.len) == 0)
            {
                break;
            }
        }

        if (q == r->nquestions || out->answered[q]) {
            continue;
        }

        if (assess_reply_answer(r, object, r->questions[q],
                                &out->answers[out->nanswers])
            == 0)
        {
            out->answered[q] = 1;
            out->nanswers++;
        }
    }
}


/* The object in text, which some models wrap in a fence or in words. */

static json_t *
assess_reply_object(const char *text, size_t len)
{
    const char  *first, *last;

    first = memchr(text, '{', len);
    if (first == NULL) {
        return NULL;
    }

    for (last = text + len - 1; last > first && *last != '}'; last--) {
        /* void */
    }

    return json_loadb(first, (size_t) (last - first) + 1, ASSESS_REPLY_JSON,
                      NULL);
}


static int64_t
assess_reply_tokens(json_t *usage, const char *name)
{
    double  n;

    n = json_number_value(json_object_get(usage, name));

    return n >= 0 && n < 1e12 ? (int64_t) n : 0;
}


static void
assess_reply_kind(assess_completion_t *out, assess_reply_e kind,
    const char *why)
{
    out->kind = kind;
    out->why = why;
}


static void
assess_reply_choice(assess_reading_t *r, json_t *choice)
{
    json_t      *message, *content, *object, *answers;
    const char  *finish;

    message = json_object_get(choice, "message");
    content = json_object_get(message, "content");
    finish = json_string_value(json_object_get(choice, "finish_reason"));
    finish = finish ? finish : "";

    object = json_is_string(content)
             ? assess_reply_object(json_string_value(content),
                                   json_string_length(content))
             : NULL;

    answers = json_object_get(object, "answers");

    if (json_is_array(answers)) {
        assess_reply_answers(r, answers);

    } else if (strcmp(finish, "length") == 0) {
        assess_reply_kind(r->out, ASSESS_REPLY_CUT,
                          "the reply was cut off at a limit of tokens");

    } else if (strcmp(finish, "content_filter") == 0) {
        assess_reply_kind(r->out, ASSESS_REPLY_WITHHELD,
                          "the reply was filtered out");

    } else if (json_string_length(json_object_get(message, "refusal"))) {
        assess_reply_kind(r->out, ASSESS_REPLY_WITHHELD,
                          "the model refused to answer");

    } else if (!json_is_string(content)) {
        assess_reply_kind(r->out, ASSESS_REPLY_BAD,
                          "the reply has no content");

    } else {
        assess_reply_kind(r->out, ASSESS_REPLY_BAD,
                          "the reply's content is not the JSON asked for");
    }

    json_decref(object);
}


int
assess_reply_read(assess_arena_t *arena, const char *body, size_t len,
    const assess_question_t *const *questions, size_t n,
    assess_completion_t *out)
{
    json_t            *root, *choice, *usage;
    assess_reading_t   r;

    memset(out, 0, sizeof(assess_completion_t));

    r.arena = arena;
    r.questions = questions;
    r.nquestions = n;
    r.out = out;
    r.failed = 0;

    out->answered = assess_pcalloc(arena, n + 1);
    out->answers = assess_pcalloc(arena, (n + 1) * sizeof(assess_answer_t));

    if (out->answered == NULL || out->answers == NULL) {
        return -1;
    }

    root = json_loadb(body ? body : "", len, ASSESS_REPLY_JSON, NULL);

    if (json_is_string(json_object_get(root, "model"))) {
        (void) assess_reply_text(&r, &out->model,
                                 json_object_get(root, "model"), 200);
    }

    usage = json_object_get(root, "usage");
    out->input_tokens = assess_reply_tokens(usage, "prompt_tokens");
    out->output_tokens = assess_reply_tokens(usage, "completion_tokens");

    choice = json_array_get(json_object_get(root, "choices"), 0);

    if (root == NULL) {
        assess_reply_kind(out, ASSESS_REPLY_BAD, "the reply is not JSON");

    } else if (!json_is_object(choice)) {
        assess_reply_kind(out, ASSESS_REPLY_BAD, "the reply has no choices");

    } else {
        assess_reply_choice(&r, choice);
    }

    json_decref(root);

    return r.failed ? -1 : 0;
}
