/* sources: engine/assess_questions.c engine/assess_fold.c base/assess_base.c */
/* libs: -ljansson -lm */

#include "tap.h"
#include "../../ngx_assess_module/engine/assess_questions.h"

#include <stdlib.h>


#define Q(rest)  "{\"questions\":[{\"id\":\"a\",\"text\":\"t\"" rest "}]}"


typedef struct {
    const char    *name;
    const char    *body;
    assess_err_e   kind;
    const char    *pointer;
} refusal_t;


static const refusal_t  refusals[] = {

    { "no JSON", "{", ASSESS_INVALID, "" },
    { "nothing", "", ASSESS_INVALID, "" },
    { "something behind it", Q("") "x", ASSESS_INVALID, "" },
    { "a key twice", Q(",\"text\":\"u\""), ASSESS_INVALID, "" },
    { "bad UTF-8", Q(",\"category\":\"\xFF\""), ASSESS_INVALID, "" },
    { "an array", "[]", ASSESS_INVALID, "" },

    { "no questions", "{}", ASSESS_INVALID, "/questions" },
    { "questions null", "{\"questions\":null}", ASSESS_INVALID,
      "/questions" },
    { "none of them", "{\"questions\":[]}", ASSESS_INVALID, "/questions" },
    { "unknown key", "{\"name\":\"x\",\"questions\":[]}", ASSESS_INVALID,
      "/name" },
    { "unknown key to be escaped", "{\"a/b~c\":1}", ASSESS_INVALID,
      "/a~1b~0c" },
    { "title a number", "{\"title\":1,\"questions\":[]}", ASSESS_INVALID,
      "/title" },
    { "instructions null", "{\"instructions\":null}", ASSESS_INVALID,
      "/instructions" },

    { "a question a string", "{\"questions\":[\"x\"]}", ASSESS_INVALID,
      "/questions/0" },
    { "misspelt key", Q(",\"wieght\":1"), ASSESS_INVALID,
      "/questions/0/wieght" },
    { "no id", "{\"questions\":[{\"text\":\"t\"}]}", ASSESS_INVALID,
      "/questions/0/id" },
    { "id a number", "{\"questions\":[{\"id\":1,\"text\":\"t\"}]}",
      ASSESS_INVALID, "/questions/0/id" },
    { "id empty", "{\"questions\":[{\"id\":\"\",\"text\":\"t\"}]}",
      ASSESS_INVALID, "/questions/0/id" },
    { "id with a space", "{\"questions\":[{\"id\":\"a b\",\"text\":\"t\"}]}",
      ASSESS_INVALID, "/questions/0/id" },
    { "id with a NUL",
      "{\"questions\":[{\"id\":\"a\\u0000\",\"text\":\"t\"}]}",
      ASSESS_INVALID, "/questions/0/id" },
    { "no text", "{\"questions\":[{\"id\":\"a\"}]}", ASSESS_INVALID,
      "/questions/0/text" },
    { "text blank",
      "{\"questions\":[{\"id\":\"a\",\"text\":\" \\n\\u00a0\"}]}",
      ASSESS_INVALID, "/questions/0/text" },
    { "text with a NUL",
      "{\"questions\":[{\"id\":\"a\",\"text\":\"a\\u0000b\"}]}",
      ASSESS_INVALID, "/questions/0/text" },
    { "guidance an object", Q(",\"guidance\":{}"), ASSESS_INVALID,
      "/questions/0/guidance" },
    { "category null", Q(",\"category\":null"), ASSESS_INVALID,
      "/questions/0/category" },
    { "weight a string", Q(",\"weight\":\"1\""), ASSESS_INVALID,
      "/questions/0/weight" },
    { "weight negative", Q(",\"weight\":-0.5"), ASSESS_INVALID,
      "/questions/0/weight" },
    { "weight infinite", Q(",\"weight\":1e999"), ASSESS_INVALID, "" },
    { "weight NaN", Q(",\"weight\":NaN"), ASSESS_INVALID, "" },
    { "the same id again",
      "{\"questions\":[{\"id\":\"a\",\"text\":\"t\"},"
      "{\"id\":\"b\",\"text\":\"t\"},{\"id\":\"a\",\"text\":\"u\"}]}",
      ASSESS_IMPOSSIBLE, "/questions/2/id" }
};


static assess_err_e
parse(assess_arena_t *arena, const char *body, size_t len,
    assess_question_set_t *set, assess_err_t *err)
{
    char          *exact;
    assess_err_e   rc;

    /* no byte behind the body may be read */

    exact = malloc(len ? len : 1);
    memcpy(exact, body, len);

    memset(set, 0, sizeof(assess_question_set_t));
    memset(err, 0, sizeof(assess_err_t));

    rc = assess_question_set_parse(arena, exact, len, set, err);
    free(exact);

    return rc;
}


static void
test_canonical(assess_arena_t *arena)
{
    size_t                  n;
    assess_err_t            err;
    assess_question_t      *questions;
    assess_question_set_t   set;

    static const char  body[] =
        " {\"questions\" : [ {\"weight\":1.50, \"category\":\"c\\u00e9\","
        "\"text\":\"a \\\"b\\\"\", \"id\":\"Q-1.a_\"},\n"
        "{\"text\":\"t\",\"id\":\"2\",\"guidance\":\"\",\"weight\":3}, "
        "{\"id\":\"3\",\"text\":\"z\",\"weight\":-0.0}],"
        "\"title\":\"T\" } ";

    static const char  want[] =
        "[{\"id\":\"Q-1.a_\",\"text\":\"a \\\"b\\\"\","
        "\"category\":\"c\xC3\xA9\",\"weight\":1.5},"
        "{\"id\":\"2\",\"text\":\"t\",\"guidance\":\"\",\"weight\":3},"
        "{\"id\":\"3\",\"text\":\"z\",\"weight\":0}]";

    is_int(parse(arena, body, sizeof(body) - 1, &set, &err), ASSESS_OK,
           "a good body");
    is_str(set.questions.data, want, "its questions are canonical");
    is_int(set.question_count, 3, "its questions are counted");
    is_str(set.title.data, "T", "its title");
    ok(set.instructions.data == NULL, "no instructions are null");

    is_int(assess_questions_read(arena, &set, &questions, &n, &err),
           ASSESS_OK, "the stored questions read");
    is_int((long long) n, 3, "all of them");
    is_str(questions[0].text.data, "a \"b\"", "text");
    is_str(questions[1].id.data, "2", "id");
    ok(questions[0].guidance.data == NULL, "no guidance is null");
    ok(questions[1].guidance.data && questions[1].guidance.len == 0,
       "empty guidance is empty");
    ok(questions[0].weight == 1.5 && questions[2].weight == 0, "weights");
    is_int(questions[2].ordinal, 2, "ordinal");

    set.questions.data = (char *) "[{\"id\":1}]";
    set.questions.len = strlen(set.questions.data);
    is_int(assess_questions_read(arena, &set, &questions, &n, &err),
           ASSESS_ERROR, "a spoilt row is an error");

    set.questions.data = NULL;
    set.questions.len = 0;
    is_int(assess_questions_read(arena, &set, &questions, &n, &err),
           ASSESS_ERROR, "a null row too");
}


static void
test_limits(assess_arena_t *arena)
{
    int                     i, n;
    assess_buf_t            b;
    assess_err_t            err;
    assess_question_set_t   set;

    for (n = 2000; n <= 2001; n++) {

        memset(&b, 0, sizeof(b));
        assess_buf_str(&b, "{\"questions\":[");

        for (i = 0; i < n; i++) {
            assess_buf_printf(&b, "%s{\"id\":\"%d\",\"text\":\"t\"}",
                              i ? "," : "", i);
        }

        assess_buf_str(&b, "]}");

        is_int(parse(arena, b.data, b.len, &set, &err),
               n == 2000 ? ASSESS_OK : ASSESS_INVALID, "2000 and no more");
        assess_buf_free(&b);
    }

    is_str(err.pointer, "/questions", "2001: the pointer");

    for (n = 4000; n <= 4001; n++) {

        memset(&b, 0, sizeof(b));
        assess_buf_str(&b, "{\"questions\":[{\"id\":\"a\",\"text\":\"");

        for (i = 0; i < n; i++) {
            assess_buf_str(&b, "\xC3\xA9");
        }

        assess_buf_str(&b, "\"}]}");

        is_int(parse(arena, b.data, b.len, &set, &err),
               n == 4000 ? ASSESS_OK : ASSESS_INVALID,
               "4000 characters of text");
        assess_buf_free(&b);
    }

    is_str(err.pointer, "/questions/0/text", "4001: the pointer");

    memset(&b, 0, sizeof(b));
    assess_buf_str(&b, "{\"");

    for (i = 0; i < 300; i++) {
        assess_buf_str(&b, "\xC3\xA9~");
    }

    assess_buf_str(&b, "\":1}");
    is_int(parse(arena, b.data, b.len, &set, &err), ASSESS_INVALID,
           "a very long key");
    ok(strlen(err.pointer) < sizeof(err.pointer), "its pointer is cut");
    assess_buf_free(&b);

    memset(&b, 0, sizeof(b));

    for (i = 0; i < 100000; i++) {
        assess_buf_char(&b, '[');
    }

    is_int(parse(arena, b.data, b.len, &set, &err), ASSESS_INVALID,
           "very deep nesting");
    assess_buf_free(&b);
}


int
main(void)
{
    size_t                  i;
    assess_err_t            err;
    assess_arena_t         *arena;
    assess_question_set_t   set;

    arena = assess_arena_create();

    for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {

        ok(parse(arena, refusals[i].body, strlen(refusals[i].body), &set,
                 &err) == refusals[i].kind && err.message[0],
           "refused: %s", refusals[i].name);
        is_str(err.pointer, refusals[i].pointer, "  its pointer");
    }

    test_canonical(arena);
    test_limits(arena);

    ok(assess_name_valid("A-z_0.9", 7), "a good name");
    ok(!assess_name_valid("", 0), "no name");
    ok(!assess_name_valid("a/b", 3), "a slash");
    ok(!assess_name_valid("\xC3\xA9", 2), "no ASCII");

    assess_arena_destroy(arena);

    return done_testing();
}
