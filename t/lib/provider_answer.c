
/* What the test provider answers; how and when is provider.c's. */

#include "provider_answer.h"
#include "provider_usage.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define QUOTE_MAX  120


void
provider_count(json_t *object, const char *id)
{
    json_object_set_new(object, id,
        json_integer(json_integer_value(json_object_get(object, id)) + 1));
}


const char *
provider_prompt(json_t *body)
{
    json_t  *messages, *content;

    messages = json_object_get(body, "messages");
    content = json_object_get(json_array_get(messages,
                                  json_array_size(messages) - 1), "content");

    if (json_is_array(content)) {
        content = json_object_get(json_array_get(content, 0), "text");
    }

    return json_string_value(content);
}


/* Whether a part of what the user says is text, or a picture in the request. */

static int
is_part(json_t *part)
{
    const char  *type, *url;

    type = json_string_value(json_object_get(part, "type")) ?: "";

    if (strcmp(type, "text") == 0) {
        return json_object_size(part) == 2
               && json_is_string(json_object_get(part, "text"));
    }

    url = json_string_value(json_object_get(json_object_get(part,
                                                "image_url"), "url")) ?: "";

    return strcmp(type, "image_url") == 0 && json_object_size(part) == 2
           && strncmp(url, "data:image/", 11) == 0
           && strstr(url, ";base64,") != NULL;
}


/* The ids asked, or NULL with why the request is not of the contract. */

json_t *
provider_ids(json_t *body, const char **why)
{
    size_t   i;
    json_t  *format, *schema, *item, *ids, *messages, *content;

    format = json_object_get(body, "response_format");
    schema = json_object_get(json_object_get(format, "json_schema"),
                             "schema");
    item = json_object_get(json_object_get(json_object_get(schema,
                               "properties"), "answers"), "items");
    ids = json_object_get(json_object_get(json_object_get(item,
                              "properties"), "questionId"), "enum");

    messages = json_object_get(body, "messages");
    content = json_object_get(json_array_get(messages,
                                  json_array_size(messages) - 1), "content");

    *why = NULL;

    if (!json_is_string(json_object_get(body, "model"))) {
        *why = "model is no string";

    } else if (json_array_size(messages) < 2) {
        *why = "messages lack the system's or the user's";

    } else if (provider_prompt(body) == NULL) {
        *why = "the user says nothing";

    } else if (json_unpack(format, "{s:{s:b}}", "json_schema", "strict",
                           &(int) { 0 }) != 0) {
        *why = "json_schema is not strict";

    } else if (strcmp(json_string_value(json_object_get(json_object_get(
                          format, "json_schema"), "name")) ?: "",
                      "assessment_batch") != 0) {
        *why = "json_schema has another name";

    } else if (json_array_size(json_object_get(item, "required")) != 5
               || !json_is_false(json_object_get(item,
                                                 "additionalProperties"))) {
        *why = "an answer's members are not all required, or others allowed";

    } else if (json_array_size(ids) == 0) {
        *why = "no question ids";
    }

    for (i = 0; *why == NULL && i < json_array_size(ids); i++) {
        if (!json_is_string(json_array_get(ids, i))) {
            *why = "a question id is no string";
        }
    }

    for (i = 0; *why == NULL && i < json_array_size(content); i++) {
        if (!is_part(json_array_get(content, i))) {
            *why = "a part of the content is neither text nor a picture";
        }
    }

    return *why ? NULL : ids;
}


/* The best passage of a question in the prompt; 0 when it has none. */

static int
best_passage(const char *prompt, const char *id, const char **text,
    size_t *len)
{
    int          page;
    char         mark[256];
    const char  *p, *end, *q;

    (void) snprintf(mark, sizeof(mark), "<question id=\"%s\">", id);

    p = strstr(prompt, mark);
    end = p ? strstr(p, "</question>") : NULL;
    p = p ? strstr(p, "<passage ") : NULL;

    if (p == NULL || end == NULL || p > end) {
        return 0;
    }

    if (strncmp(p + 9, "see=\"", 5) == 0) {
        (void) snprintf(mark, sizeof(mark), "<passage number=\"%d\"",
                        atoi(p + 14));
        p = strstr(prompt, mark);
    }

    q = p ? strstr(p, "page=\"") : NULL;
    p = p ? strstr(p, ">\n") : NULL;
    end = p ? strstr(p, "\n</passage>") : NULL;

    if (q == NULL || p == NULL || end == NULL) {
        return 0;
    }

    page = atoi(q + 6);

    for (p += 2; p < end && isspace((unsigned char) *p); p++) {
        /* void */
    }

    for (q = end; q > p && (q - p > QUOTE_MAX
                            || !(q == end || *q == ' ' || *q == '\n')); q--)
    {
        /* to the end of a word */
    }

    if (q == p) {
        q = end;                       /* one endless word: all of it */
    }

    *text = p;
    *len = (size_t) (q - p);

    return page;
}


static json_t *
answer(const char *prompt, const char *id, const char *mode, int odd)
{
    int          page;
    size_t       len;
    json_t      *evidence;
    unsigned     hash;
    const char  *p, *text, *verdict;

    static const char *const  verdicts[] = {
        "compliant", "partially_compliant", "non_compliant", "compliant"
    };

    hash = 5381;
    for (p = id; *p; p++) {
        hash = hash * 33 + (unsigned char) *p;
    }

    evidence = json_array();
    verdict = "insufficient_evidence";
    page = best_passage(prompt, id, &text, &len);

    if (page) {
        verdict = verdicts[hash % 4];

        if (strcmp(mode, "false_quote") == 0) {
            text = "This sentence stands in no document at all, zyxwvut.";
            len = strlen(text);
        }

        page = strcmp(mode, "bad_page") == 0 ? 0
               : strcmp(mode, "wrong_page") == 0 ? page + 1 : page;

        json_array_append_new(evidence,
                              json_pack("{s:s%,s:i}", "quote", text, len,
                                        "page", page));
    }

    if (odd && strcmp(mode, "bad_verdict") == 0) {
        verdict = "maybe";
    }

    return json_pack("{s:s,s:s,s:f,s:s,s:o}", "questionId", id, "verdict",
                     verdict, "confidence", 0.5 + (hash % 50) / 100.0,
                     "rationale", "As the quoted passage says.", "evidence",
                     evidence);
}


static json_t *
answers(const char *prompt, json_t *ids, const char *mode, json_t *stubborn,
    json_t *answered)
{
    int          odd;
    size_t       i, n;
    json_t      *list;
    const char  *id;

    list = json_array();
    n = json_array_size(ids);

    for (i = 0; i < n; i++) {

        id = json_string_value(json_array_get(ids, i));
        odd = n > 1 && i == n - 1;

        if ((odd && strcmp(mode, "missing") == 0)
            || json_object_get(stubborn, id))
        {
            continue;
        }

        json_array_append_new(list, answer(prompt, id, mode, odd));
        provider_count(answered, id);
    }

    return json_pack("{s:o}", "answers", list);
}


/* Half of it, but whole characters. */

static void
halve(char *text)
{
    size_t  n;

    for (n = strlen(text) / 2; n && (text[n] & 0xc0) == 0x80; n--) {
        /* void */
    }

    text[n] = '\0';
}


char *
provider_complete(json_t *body, json_t *ids, const char *mode, size_t bytes,
    json_t *stubborn, json_t *answered)
{
    char        *content, *text;
    json_t      *object, *message, *reply;
    const char  *prompt, *finish;

    prompt = provider_prompt(body);
    object = answers(prompt ? prompt : "", ids, mode, stubborn, answered);
    content = json_dumps(object, JSON_COMPACT);
    json_decref(object);

    if (content == NULL) {
        return NULL;
    }

    finish = "stop";

    if (strcmp(mode, "garbage") == 0) {
        strcpy(content, "I'd say");

    } else if (strcmp(mode, "length") == 0 && json_array_size(ids) > 1) {
        halve(content);
        finish = "length";
    }

    message = strcmp(mode, "refusal") == 0
              ? json_pack("{s:s,s:n,s:s}", "role", "assistant", "content",
                          "refusal", "I cannot help with that.")
              : json_pack("{s:s,s:s,s:n}", "role", "assistant", "content",
                          content, "refusal");

    reply = json_pack("{s:s,s:s,s:I,s:O,s:[{s:i,s:o,s:n,s:s}],s:o}",
                      "id", "chatcmpl-test", "object", "chat.completion",
                      "created", (json_int_t) time(NULL), "model",
                      json_object_get(body, "model"), "choices", "index", 0,
                      "message", message, "logprobs", "finish_reason", finish,
                      "usage", provider_usage(body, bytes, content));

    text = json_dumps(reply, JSON_COMPACT);

    if (text && strcmp(mode, "truncated") == 0) {
        halve(text);
    }

    free(content);
    json_decref(reply);

    return text;
}
