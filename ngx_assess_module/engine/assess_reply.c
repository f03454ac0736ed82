
#include "assess_reply.h"

#include "../base/assess_json.h"

#include <math.h>
#include <string.h>


/* Values in a reply; more are no answer to a few questions. */
#define ASSESS_REPLY_VALUES  200000


typedef struct {
    assess_arena_t                  *arena;
    const assess_question_t *const  *questions;
    size_t                           nquestions;
    assess_completion_t             *out;
    int                              failed;      /* out of memory */
} assess_reading_t;


/* NULL: it is none. */

static const assess_json_t *
assess_reply_json(assess_reading_t *r, const char *text, size_t len)
{
    assess_err_e    rc;
    assess_err_t    err;
    assess_json_t  *value;

    rc = assess_json_read_loose(r->arena, text, len, ASSESS_REPLY_VALUES,
                                &value, &err);

    if (rc == ASSESS_ERROR) {
        r->failed = 1;
    }

    return rc == ASSESS_OK ? value : NULL;
}


/* The string of a member; NULL: there is none. */

static const assess_str_t *
assess_reply_string(const assess_json_t *object, const char *name)
{
    const assess_json_t  *value;

    value = assess_json_member(object, name);

    return value && value->type == ASSESS_JSON_STRING ? &value->text : NULL;
}


static const assess_json_t *
assess_reply_array(const assess_json_t *object, const char *name)
{
    const assess_json_t  *value;

    value = assess_json_member(object, name);

    return value && value->type == ASSESS_JSON_ARRAY ? value : NULL;
}


static const assess_json_t *
assess_reply_number(const assess_json_t *object, const char *name)
{
    const assess_json_t  *value;

    value = assess_json_member(object, name);

    return value && (value->type == ASSESS_JSON_INT
                     || value->type == ASSESS_JSON_REAL) ? value : NULL;
}


static int
assess_reply_is(const assess_str_t *text, const char *words)
{
    return text && text->len == strlen(words)
           && memcmp(text->data, words, text->len) == 0;
}


/* A copy without NULs, which PostgreSQL cannot store, cut to max bytes. */

static int
assess_reply_text(assess_reading_t *r, assess_str_t *dst,
    const assess_str_t *value, size_t max)
{
    size_t       i, n, len;
    uint32_t     cp;
    const char  *src;

    src = value->data;
    len = value->len;

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
assess_reply_evidence(assess_reading_t *r, const assess_json_t *list,
    assess_answer_t *answer)
{
    size_t                i, n;
    const assess_str_t   *quote;
    assess_evidence_t    *evidence;
    const assess_json_t  *piece, *page;

    if (list == NULL) {
        return -1;
    }

    n = list->n;
    n = n < ASSESS_EVIDENCE_MAX ? n : ASSESS_EVIDENCE_MAX;

    answer->nevidence = 0;
    answer->evidence = assess_pcalloc(r->arena,
                                      (n + 1) * sizeof(assess_evidence_t));
    if (answer->evidence == NULL) {
        r->failed = 1;
        return -1;
    }

    piece = list->first;

    for (i = 0; i < n; i++, piece = piece->next) {

        quote = assess_reply_string(piece, "quote");
        page = assess_reply_number(piece, "page");

        if (quote == NULL || page == NULL) {
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

        if (!(page->real >= 1 && page->real <= ASSESS_PAGE_MAX)
            || floor(page->real) != page->real)
        {
            return -1;
        }

        evidence->page = (int) page->real;
        answer->nevidence++;
    }

    return 0;
}


static int
assess_reply_answer(assess_reading_t *r, const assess_json_t *object,
    const assess_question_t *question, assess_answer_t *answer)
{
    int                   verdict;
    const assess_str_t   *word, *rationale;
    const assess_json_t  *confidence;

    memset(answer, 0, sizeof(assess_answer_t));

    word = assess_reply_string(object, "verdict");
    confidence = assess_reply_number(object, "confidence");
    rationale = assess_reply_string(object, "rationale");

    if (word == NULL || confidence == NULL || rationale == NULL) {
        return -1;
    }

    verdict = assess_verdict_by_name(word->data, word->len);
    if (verdict < 0) {
        return -1;
    }

    answer->confidence = confidence->real;

    if (!(answer->confidence >= 0 && answer->confidence <= 1)) {
        return -1;
    }

    if (assess_reply_evidence(r, assess_reply_array(object, "evidence"),
                              answer) != 0
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
assess_reply_answers(assess_reading_t *r, const assess_json_t *list)
{
    size_t                 q;
    assess_str_t           want;
    const assess_str_t    *id;
    assess_completion_t   *out;
    const assess_json_t   *object;

    out = r->out;

    for (object = list->first; object && !r->failed; object = object->next) {

        id = assess_reply_string(object, "questionId");

        if (id == NULL) {
            continue;
        }

        for (q = 0; q < r->nquestions; q++) {

            want = r->questions[q]->id;

            if (want.len == id->len
                && memcmp(want.data, id->data, want.len) == 0)
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

static const assess_json_t *
assess_reply_object(assess_reading_t *r, const assess_str_t *text)
{
    const char  *first, *last;

    first = memchr(text->data, '{', text->len);
    if (first == NULL) {
        return NULL;
    }

    for (last = text->data + text->len - 1; last > first && *last != '}';
         last--)
    {
        /* void */
    }

    return assess_reply_json(r, first, (size_t) (last - first) + 1);
}


static int64_t
assess_reply_tokens(const assess_json_t *usage, const char *name)
{
    const assess_json_t  *tokens;

    tokens = assess_reply_number(usage, name);

    return tokens && tokens->real >= 0 && tokens->real < 1e12
           ? (int64_t) tokens->real : 0;
}


/*
 * What is read from a cache, or written to one, is a part of the prompt.  Who
 * forwards to other providers has names of its own for it.
 */

static void
assess_reply_usage(const assess_json_t *root, assess_completion_t *out)
{
    assess_usage_t       *u;
    const assess_json_t  *usage, *details;

    u = &out->usage;
    usage = assess_json_member(root, "usage");
    details = assess_json_member(usage, "prompt_tokens_details");

    out->told = assess_reply_number(usage, "prompt_tokens") != NULL;

    u->input = assess_reply_tokens(usage, "prompt_tokens");
    u->output = assess_reply_tokens(usage, "completion_tokens");

    u->cached = assess_reply_tokens(details, "cached_tokens");

    if (u->cached == 0) {
        u->cached = assess_reply_tokens(usage, "prompt_cache_hit_tokens");
    }

    u->written = assess_reply_tokens(details, "cache_write_tokens");

    if (u->written == 0) {
        u->written = assess_reply_tokens(details, "cache_creation_tokens");
    }

    if (u->written == 0) {
        u->written = assess_reply_tokens(usage,
                                         "cache_creation_input_tokens");
    }

    if (u->cached > u->input) {
        u->cached = u->input;
    }

    if (u->written > u->input - u->cached) {
        u->written = u->input - u->cached;
    }
}


static void
assess_reply_kind(assess_completion_t *out, assess_reply_e kind,
    const char *why)
{
    out->kind = kind;
    out->why = why;
}


static void
assess_reply_choice(assess_reading_t *r, const assess_json_t *choice)
{
    const assess_str_t   *content, *refusal, *finish;
    const assess_json_t  *message, *answers;

    message = assess_json_member(choice, "message");
    content = assess_reply_string(message, "content");
    refusal = assess_reply_string(message, "refusal");
    finish = assess_reply_string(choice, "finish_reason");

    answers = content ? assess_reply_array(assess_reply_object(r, content),
                                           "answers") : NULL;

    if (answers) {
        assess_reply_answers(r, answers);

    } else if (assess_reply_is(finish, "length")) {
        assess_reply_kind(r->out, ASSESS_REPLY_CUT,
                          "the reply was cut off at a limit of tokens");

    } else if (assess_reply_is(finish, "content_filter")) {
        assess_reply_kind(r->out, ASSESS_REPLY_WITHHELD,
                          "the reply was filtered out");

    } else if (refusal && refusal->len) {
        assess_reply_kind(r->out, ASSESS_REPLY_WITHHELD,
                          "the model refused to answer");

    } else if (content == NULL) {
        assess_reply_kind(r->out, ASSESS_REPLY_BAD,
                          "the reply has no content");

    } else {
        assess_reply_kind(r->out, ASSESS_REPLY_BAD,
                          "the reply's content is not the JSON asked for");
    }
}


int
assess_reply_read(assess_arena_t *arena, const char *body, size_t len,
    const assess_question_t *const *questions, size_t n,
    assess_completion_t *out)
{
    assess_reading_t      r;
    const assess_str_t   *model;
    const assess_json_t  *root, *choices, *choice;

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

    root = assess_reply_json(&r, body ? body : "", body ? len : 0);
    model = assess_reply_string(root, "model");

    if (model) {
        (void) assess_reply_text(&r, &out->model, model, 200);
    }

    assess_reply_usage(root, out);

    choices = assess_reply_array(root, "choices");
    choice = choices ? choices->first : NULL;

    if (root == NULL) {
        assess_reply_kind(out, ASSESS_REPLY_BAD, "the reply is not JSON");

    } else if (choice == NULL || choice->type != ASSESS_JSON_OBJECT) {
        assess_reply_kind(out, ASSESS_REPLY_BAD, "the reply has no choices");

    } else {
        assess_reply_choice(&r, choice);
    }

    return r.failed ? -1 : 0;
}
