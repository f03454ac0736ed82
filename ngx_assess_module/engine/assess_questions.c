
#include "assess_questions.h"
#include "assess_fold.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>


/*
 * In characters.  A question is asked in one request together with others
 * and the passages found for it, which is what bounds it.
 */

#define ASSESS_MAX_TEXT          4000
#define ASSESS_MAX_GUIDANCE      8000
#define ASSESS_MAX_CATEGORY      200
#define ASSESS_MAX_TITLE         500
#define ASSESS_MAX_INSTRUCTIONS  16000


typedef struct {
    const char  *name;
    size_t       max;
    int          required;
} assess_text_rule_t;


static const assess_text_rule_t  assess_set_texts[] = {
    { "title", ASSESS_MAX_TITLE, 0 },
    { "instructions", ASSESS_MAX_INSTRUCTIONS, 0 },
    { NULL, 0, 0 }
};

static const assess_text_rule_t  assess_question_texts[] = {
    { "text", ASSESS_MAX_TEXT, 1 },
    { "guidance", ASSESS_MAX_GUIDANCE, 0 },
    { "category", ASSESS_MAX_CATEGORY, 0 },
    { NULL, 0, 0 }
};


static assess_err_e __attribute__((format(printf, 4, 5)))
assess_questions_fail(assess_err_t *err, assess_err_e kind,
    const char *pointer, const char *fmt, ...)
{
    char     message[sizeof(err->message)];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);

    (void) assess_fail(err, kind, NULL, "%s", message);
    (void) snprintf(err->pointer, sizeof(err->pointer), "%s", pointer);

    return kind;
}


/* RFC 6901: "~" and "/" of a key are escaped.  A long key is cut. */

static void
assess_questions_pointer(char pointer[128], const char *base,
    const char *key, size_t len)
{
    size_t  i, n;

    n = (size_t) snprintf(pointer, 128, "%s/", base);

    for (i = 0; i < len && n + 3 < 128; i++) {

        if (key[i] == '~' || key[i] == '/') {
            pointer[n++] = '~';
            pointer[n++] = key[i] == '~' ? '0' : '1';

        } else {
            pointer[n++] = key[i];
        }
    }

    /* never half a character */

    if (i < len) {
        while (i > 0 && n > 0 && (key[i] & 0xc0) == 0x80) {
            i--;
            n--;
        }
    }

    pointer[n] = '\0';
}


static size_t
assess_questions_chars(const char *data, size_t len)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < len; i++) {
        n += (data[i] & 0xc0) != 0x80;
    }

    return n;
}


static int
assess_questions_blank(const char *data, size_t len)
{
    uint32_t     cp;
    assess_ch_e  ch;
    const char  *end;

    end = data + len;

    while (data < end) {
        data += assess_ch_next(data, end, &cp);
        ch = assess_ch_class(cp);

        if (ch != ASSESS_CH_SPACE && ch != ASSESS_CH_BREAK
            && ch != ASSESS_CH_NONE)
        {
            return 0;
        }
    }

    return 1;
}


static assess_err_e
assess_questions_text(json_t *object, const char *base,
    const assess_text_rule_t *rule, assess_err_t *err)
{
    char         pointer[128];
    size_t       len;
    json_t      *value;
    const char  *data;

    assess_questions_pointer(pointer, base, rule->name, strlen(rule->name));

    value = json_object_get(object, rule->name);

    if (value == NULL && !rule->required) {
        return ASSESS_OK;
    }

    if (value == NULL) {
        return assess_questions_fail(err, ASSESS_INVALID, pointer,
                                     "\"%s\" is missing", rule->name);
    }

    if (!json_is_string(value)) {
        return assess_questions_fail(err, ASSESS_INVALID, pointer,
                                     "\"%s\" must be a string", rule->name);
    }

    data = json_string_value(value);
    len = json_string_length(value);

    if (memchr(data, '\0', len)) {
        return assess_questions_fail(err, ASSESS_INVALID, pointer,
                                     "\"%s\" must not contain the character "
                                     "U+0000", rule->name);
    }

    if (rule->required && assess_questions_blank(data, len)) {
        return assess_questions_fail(err, ASSESS_INVALID, pointer,
                                     "\"%s\" must not be empty", rule->name);
    }

    if (assess_questions_chars(data, len) > rule->max) {
        return assess_questions_fail(err, ASSESS_INVALID, pointer,
                                     "\"%s\" is longer than %zu characters",
                                     rule->name, rule->max);
    }

    return ASSESS_OK;
}


static assess_err_e
assess_questions_keys(json_t *object, const char *base,
    const char *const *known, assess_err_t *err)
{
    char                pointer[128];
    void               *iter;
    size_t              len;
    const char         *key;
    const char *const  *k;

    for (iter = json_object_iter(object); iter;
         iter = json_object_iter_next(object, iter))
    {
        key = json_object_iter_key(iter);
        len = json_object_iter_key_len(iter);

        for (k = known; *k; k++) {
            if (strlen(*k) == len && memcmp(*k, key, len) == 0) {
                break;
            }
        }

        if (*k == NULL) {
            assess_questions_pointer(pointer, base, key, len);
            return assess_questions_fail(err, ASSESS_INVALID, pointer,
                                         "unknown key \"%.64s\"", key);
        }
    }

    return ASSESS_OK;
}


static assess_err_e
assess_questions_id(json_t *question, const char *base, json_t *seen,
    assess_err_t *err)
{
    char     pointer[128];
    json_t  *id;

    assess_questions_pointer(pointer, base, "id", 2);

    id = json_object_get(question, "id");

    if (id == NULL) {
        return assess_questions_fail(err, ASSESS_INVALID, pointer,
                                     "\"id\" is missing");
    }

    if (!json_is_string(id)) {
        return assess_questions_fail(err, ASSESS_INVALID, pointer,
                                     "\"id\" must be a string");
    }

    if (!assess_name_valid(json_string_value(id), json_string_length(id))) {
        return assess_questions_fail(err, ASSESS_INVALID, pointer,
                                     "\"id\" must be 1 to 64 letters, digits, "
                                     "\".\", \"_\" or \"-\"");
    }

    if (json_object_get(seen, json_string_value(id))) {
        return assess_questions_fail(err, ASSESS_IMPOSSIBLE, pointer,
                                     "the id \"%s\" is given twice",
                                     json_string_value(id));
    }

    if (json_object_set_new(seen, json_string_value(id), json_true()) != 0) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    return ASSESS_OK;
}


static assess_err_e
assess_questions_weight(json_t *question, const char *base, assess_err_t *err)
{
    char     pointer[128];
    double   num;
    json_t  *weight;

    weight = json_object_get(question, "weight");
    if (weight == NULL) {
        return ASSESS_OK;
    }

    assess_questions_pointer(pointer, base, "weight", 6);

    if (!json_is_number(weight)) {
        return assess_questions_fail(err, ASSESS_INVALID, pointer,
                                     "\"weight\" must be a number");
    }

    num = json_number_value(weight);

    if (!isfinite(num) || num < 0) {
        return assess_questions_fail(err, ASSESS_INVALID, pointer,
                                     "\"weight\" must not be negative");
    }

    return ASSESS_OK;
}


static assess_err_e
assess_questions_check(json_t *question, const char *base, json_t *seen,
    assess_err_t *err)
{
    assess_err_e               rc;
    const assess_text_rule_t  *rule;

    static const char *const  known[] = {
        "id", "text", "guidance", "category", "weight", NULL
    };

    if (!json_is_object(question)) {
        return assess_questions_fail(err, ASSESS_INVALID, base,
                                     "a question must be an object");
    }

    rc = assess_questions_keys(question, base, known, err);

    if (rc == ASSESS_OK) {
        rc = assess_questions_id(question, base, seen, err);
    }

    for (rule = assess_question_texts; rc == ASSESS_OK && rule->name; rule++) {
        rc = assess_questions_text(question, base, rule, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_questions_weight(question, base, err);
    }

    return rc;
}


static void
assess_questions_write(assess_buf_t *b, json_t *question)
{
    double                     num;
    json_t                    *value;
    const assess_text_rule_t  *rule;

    value = json_object_get(question, "id");

    assess_buf_str(b, "{\"id\":");
    assess_buf_json(b, json_string_value(value), json_string_length(value));

    for (rule = assess_question_texts; rule->name; rule++) {

        value = json_object_get(question, rule->name);

        if (value) {
            assess_buf_printf(b, ",\"%s\":", rule->name);
            assess_buf_json(b, json_string_value(value),
                            json_string_length(value));
        }
    }

    value = json_object_get(question, "weight");

    if (value) {

        /* -0 is the same weight as 0 */

        num = json_number_value(value);
        assess_buf_str(b, ",\"weight\":");
        assess_buf_json_num(b, num == 0 ? 0 : num);
    }

    assess_buf_char(b, '}');
}


static assess_err_e
assess_questions_all(assess_buf_t *b, json_t *questions, assess_err_t *err)
{
    char          base[64];
    size_t        i, n;
    json_t       *seen;
    assess_err_e  rc;

    seen = json_object();
    if (seen == NULL) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    rc = ASSESS_OK;
    n = json_array_size(questions);

    assess_buf_char(b, '[');

    for (i = 0; i < n; i++) {

        (void) snprintf(base, sizeof(base), "/questions/%zu", i);

        rc = assess_questions_check(json_array_get(questions, i), base, seen,
                                    err);
        if (rc != ASSESS_OK) {
            break;
        }

        if (i) {
            assess_buf_char(b, ',');
        }

        assess_questions_write(b, json_array_get(questions, i));
    }

    assess_buf_char(b, ']');

    json_decref(seen);

    if (rc == ASSESS_OK && b->failed) {
        return assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

    return rc;
}


static assess_err_e
assess_questions_list(assess_arena_t *arena, json_t *root,
    assess_question_set_t *set, assess_err_t *err)
{
    json_t        *questions;
    assess_buf_t   b;
    assess_err_e   rc;

    questions = json_object_get(root, "questions");

    if (questions == NULL) {
        return assess_questions_fail(err, ASSESS_INVALID, "/questions",
                                     "\"questions\" is missing");
    }

    if (!json_is_array(questions)) {
        return assess_questions_fail(err, ASSESS_INVALID, "/questions",
                                     "\"questions\" must be an array");
    }

    if (json_array_size(questions) < 1
        || json_array_size(questions) > ASSESS_MAX_QUESTIONS)
    {
        return assess_questions_fail(err, ASSESS_INVALID, "/questions",
                                     "a question set has 1 to %d questions",
                                     ASSESS_MAX_QUESTIONS);
    }

    memset(&b, 0, sizeof(assess_buf_t));

    rc = assess_questions_all(&b, questions, err);

    if (rc == ASSESS_OK) {

        set->question_count = (int) json_array_size(questions);

        if (assess_pstrdup(arena, &set->questions, b.data, b.len) != 0) {
            rc = assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
        }
    }

    assess_buf_free(&b);

    return rc;
}


static int
assess_questions_copy(assess_arena_t *arena, assess_str_t *dst,
    json_t *object, const char *key)
{
    json_t  *value;

    value = json_object_get(object, key);

    return assess_pstrdup(arena, dst, json_string_value(value),
                          json_string_length(value));
}


/* What jansson says names the line, which is what a person needs. */

static json_t *
assess_questions_load(const char *body, size_t len, assess_err_t *err)
{
    json_t        *root;
    json_error_t   error;

    root = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                      &error);

    if (root == NULL) {

        if (json_error_code(&error) == json_error_out_of_memory) {
            (void) assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
            return NULL;
        }

        (void) assess_fail(err, ASSESS_INVALID, NULL,
                           "the body is no valid JSON: line %d: %s",
                           error.line, error.text);
    }

    return root;
}


assess_err_e
assess_question_set_parse(assess_arena_t *arena, const char *body, size_t len,
    assess_question_set_t *set, assess_err_t *err)
{
    json_t                    *root;
    assess_err_e               rc;
    const assess_text_rule_t  *rule;

    static const char *const  known[] = {
        "title", "instructions", "questions", NULL
    };

    root = assess_questions_load(body, len, err);
    if (root == NULL) {
        return err->kind;
    }

    if (!json_is_object(root)) {
        rc = assess_questions_fail(err, ASSESS_INVALID, "",
                                   "the body must be an object");
        goto done;
    }

    rc = assess_questions_keys(root, "", known, err);

    for (rule = assess_set_texts; rc == ASSESS_OK && rule->name; rule++) {
        rc = assess_questions_text(root, "", rule, err);
    }

    if (rc == ASSESS_OK) {
        rc = assess_questions_list(arena, root, set, err);
    }

    if (rc == ASSESS_OK
        && (assess_questions_copy(arena, &set->title, root, "title") != 0
            || assess_questions_copy(arena, &set->instructions, root,
                                     "instructions") != 0))
    {
        rc = assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
    }

done:

    json_decref(root);

    return rc;
}


static int
assess_questions_fill(assess_arena_t *arena, json_t *object,
    assess_question_t *question)
{
    json_t  *weight;

    weight = json_object_get(object, "weight");
    question->weight = weight ? json_number_value(weight) : -1;

    return assess_questions_copy(arena, &question->id, object, "id")
           || assess_questions_copy(arena, &question->text, object, "text")
           || assess_questions_copy(arena, &question->guidance, object,
                                    "guidance")
           || assess_questions_copy(arena, &question->category, object,
                                    "category");
}


assess_err_e
assess_questions_read(assess_arena_t *arena, const assess_question_set_t *set,
    assess_question_t **questions, size_t *n, assess_err_t *err)
{
    size_t              i, count;
    json_t             *root;
    assess_buf_t        again;
    assess_err_e        rc;
    assess_question_t  *list;

    root = assess_questions_load(set->questions.data ? set->questions.data
                                                     : "",
                                 set->questions.len, err);
    if (root == NULL || !json_is_array(root)) {
        json_decref(root);
        return assess_fail(err, ASSESS_ERROR, NULL,
                           "the questions of a stored set do not read");
    }

    /* a row may have been changed by hand */

    memset(&again, 0, sizeof(assess_buf_t));
    rc = assess_questions_all(&again, root, err);
    assess_buf_free(&again);

    if (rc != ASSESS_OK) {
        err->kind = ASSESS_ERROR;
        goto done;
    }

    count = json_array_size(root);
    list = assess_pcalloc(arena, (count + 1) * sizeof(assess_question_t));

    for (i = 0; list && i < count; i++) {

        list[i].ordinal = (int) i;

        if (assess_questions_fill(arena, json_array_get(root, i), &list[i])) {
            list = NULL;
        }
    }

    if (list == NULL) {
        (void) assess_fail(err, ASSESS_ERROR, NULL, "out of memory");
        rc = ASSESS_ERROR;
        goto done;
    }

    *questions = list;
    *n = count;

done:

    json_decref(root);

    return rc == ASSESS_OK ? ASSESS_OK : ASSESS_ERROR;
}


int
assess_name_valid(const char *data, size_t len)
{
    size_t  i;

    if (len < 1 || len > 64) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if (!((data[i] >= 'a' && data[i] <= 'z')
              || (data[i] >= 'A' && data[i] <= 'Z')
              || (data[i] >= '0' && data[i] <= '9')
              || data[i] == '.' || data[i] == '_' || data[i] == '-'))
        {
            return 0;
        }
    }

    return 1;
}
