
/* What is taken from a chat completion, and what is not. */

/* sources: engine/assess_reply.c store/assess_answer.c store/assess_db.c store/assess_contact.c
   store/assess_conninfo.c
   store/assess_scope.c store/assess_arg.c store/assess_statement.c store/assess_migrate.c
   base/assess_json.c base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */

#include "tap.h"

#include "../../ngx_assess_module/engine/assess_reply.h"

#include <stdlib.h>


#define GOOD(id)  "{\"questionId\":\"" id "\",\"verdict\":\"compliant\"," \
                  "\"confidence\":0.9,\"rationale\":\"r\",\"evidence\":[]}"


static assess_question_t         questions[3];
static const assess_question_t  *asked[3] = { &questions[0], &questions[1],
                                              &questions[2] };
static assess_arena_t           *arena;
static assess_completion_t       got;


static void
read_body(const char *body, size_t len)
{
    char  *copy;

    assess_arena_destroy(arena);
    arena = assess_arena_create();

    /* a block of its own size, so that a read past it is seen */

    copy = malloc(len ? len : 1);
    memcpy(copy, body, len);

    if (assess_reply_read(arena, copy, len, asked, 3, &got) != 0) {
        printf("Bail out! out of memory\n");
        exit(1);
    }

    free(copy);
}


/* A completion with this content, or null, and this reason to finish. */

static void
read_content(const char *content, const char *finish)
{
    assess_buf_t  b;

    memset(&b, 0, sizeof(b));
    assess_buf_str(&b, "{\"model\":\"m-2024\",\"choices\":[{\"message\":{"
                       "\"role\":\"assistant\",\"content\":");
    assess_buf_json_cstr(&b, content);
    assess_buf_printf(&b, "},\"finish_reason\":\"%s\"}],\"usage\":{"
                      "\"prompt_tokens\":11,\"completion_tokens\":7}}",
                      finish);
    read_body(b.data, b.len);
    assess_buf_free(&b);
}


static void
read_answers(const char *answers)
{
    assess_buf_t  b;

    memset(&b, 0, sizeof(b));
    assess_buf_printf(&b, "{\"answers\":[%s]}", answers);
    read_content(b.data, "stop");
    assess_buf_free(&b);
}


static void
test_good(void)
{
    assess_answer_t  *a;

    read_answers(GOOD("b") ",{\"questionId\":\"a\",\"verdict\":"
                 "\"partially_compliant\",\"confidence\":1,\"rationale\":"
                 "\"some \\u0000of it\",\"extra\":true,\"evidence\":["
                 "{\"quote\":\"one\",\"page\":3},{\"quote\":\" \",\"page\":0},"
                 "{\"quote\":\"two\",\"page\":4.0,\"more\":1}]}");

    is_int(got.kind, ASSESS_REPLY_READ, "a reply");
    is_int((long long) got.nanswers, 2, "two answers");
    ok(got.answered[0] && got.answered[1] && !got.answered[2],
       "the third is missing");
    is_str(got.model.data, "m-2024", "the server's name for the model");
    is_int(got.usage.input, 11, "tokens in");
    is_int(got.usage.output, 7, "tokens out");

    a = &got.answers[1];
    is_int(a->ordinal, 10, "the question's ordinal");
    is_str(a->question_id.data, "a", "its id");
    is_int(a->verdict, ASSESS_PARTIALLY_COMPLIANT, "the verdict");
    ok(a->confidence == 1, "the confidence");
    is_str(a->rationale.data, "some of it", "the rationale, without a NUL");
    is_int((long long) a->nevidence, 2, "an empty quote is no evidence");
    is_str(a->evidence[0].quote.data, "one", "the first quote");
    is_int(a->evidence[1].page, 4, "the second page");
    is_int(a->evidence[0].verified, 0, "nothing is verified yet");
}


static void
test_lenient(void)
{
    read_content("```json\n{\"answers\":[" GOOD("a") "]}\n```\n", "stop");
    is_int((long long) got.nanswers, 1, "inside a fence");

    read_content("Here you are: {\"answers\":[" GOOD("a") "]} Bye.", "stop");
    is_int((long long) got.nanswers, 1, "between words");

    read_content("{\"answers\":[" GOOD("a") "]}", "length");
    is_int(got.kind, ASSESS_REPLY_READ, "whole in spite of the length");

    read_answers(GOOD("zzz") "," GOOD("a") "," GOOD("") ",7,null,[],{}");
    is_int((long long) got.nanswers, 1, "unknown ids and the rest are dropped");

    read_answers("{\"questionId\":\"a\",\"verdict\":\"perhaps\","
                 "\"confidence\":1,\"rationale\":\"1\",\"evidence\":[]},"
                 "{\"questionId\":\"a\",\"verdict\":\"compliant\","
                 "\"confidence\":1,\"rationale\":\"2\",\"evidence\":[]},"
                 "{\"questionId\":\"a\",\"verdict\":\"compliant\","
                 "\"confidence\":1,\"rationale\":\"3\",\"evidence\":[]}");
    is_int((long long) got.nanswers, 1, "of several, one");
    is_str(got.answers[0].rationale.data, "2", "the first valid one");

    read_answers("");
    is_int(got.kind, ASSESS_REPLY_READ, "no answers at all");
}


static void
test_bad(void)
{
    char    answer[512];
    size_t  i;

    static const struct {
        const char  *name;
        const char  *verdict;
        const char  *confidence;
        const char  *rationale;
        const char  *evidence;
    } cases[] = {
        { "an unknown verdict", "\"ok\"", "1", "\"\"", "[]" },
        { "a verdict in capitals", "\"COMPLIANT\"", "1", "\"\"", "[]" },
        { "a verdict with a NUL", "\"compliant\\u0000\"", "1", "\"\"", "[]" },
        { "a number for a verdict", "0", "1", "\"\"", "[]" },
        { "confidence above 1", "\"compliant\"", "1.01", "\"\"", "[]" },
        { "confidence below 0", "\"compliant\"", "-0.1", "\"\"", "[]" },
        { "confidence as a string", "\"compliant\"", "\"1\"", "\"\"", "[]" },
        { "confidence null", "\"compliant\"", "null", "\"\"", "[]" },
        { "a huge confidence", "\"compliant\"", "99999999999999999999",
          "\"\"", "[]" },
        { "no rationale", "\"compliant\"", "1", "null", "[]" },
        { "a list for a rationale", "\"compliant\"", "1", "[]", "[]" },
        { "no evidence", "\"compliant\"", "1", "\"\"", "null" },
        { "evidence as a string", "\"compliant\"", "1", "\"\"", "\"x\"" },
        { "evidence of strings", "\"compliant\"", "1", "\"\"", "[\"x\"]" },
        { "page 0", "\"compliant\"", "1", "\"\"",
          "[{\"quote\":\"x\",\"page\":0}]" },
        { "page -1", "\"compliant\"", "1", "\"\"",
          "[{\"quote\":\"x\",\"page\":-1}]" },
        { "page 1.5", "\"compliant\"", "1", "\"\"",
          "[{\"quote\":\"x\",\"page\":1.5}]" },
        { "page as a string", "\"compliant\"", "1", "\"\"",
          "[{\"quote\":\"x\",\"page\":\"12\"}]" },
        { "a huge page", "\"compliant\"", "1", "\"\"",
          "[{\"quote\":\"x\",\"page\":123456789012345678901}]" },
        { "no page", "\"compliant\"", "1", "\"\"", "[{\"quote\":\"x\"}]" },
        { "no quote", "\"compliant\"", "1", "\"\"", "[{\"page\":1}]" },
        { "a quote null", "\"compliant\"", "1", "\"\"",
          "[{\"quote\":null,\"page\":1}]" },
        { "the second piece bad", "\"compliant\"", "1", "\"\"",
          "[{\"quote\":\"x\",\"page\":1},{\"quote\":\"x\",\"page\":true}]" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        (void) snprintf(answer, sizeof(answer),
                        "{\"questionId\":\"a\",\"verdict\":%s,"
                        "\"confidence\":%s,\"rationale\":%s,\"evidence\":%s},"
                        GOOD("b"), cases[i].verdict, cases[i].confidence,
                        cases[i].rationale, cases[i].evidence);
        read_answers(answer);

        ok(got.kind == ASSESS_REPLY_READ && got.nanswers == 1
           && !got.answered[0] && got.answered[1],
           "%s is bad, the other answer is not", cases[i].name);
    }

    read_answers("{\"questionId\":\"a\",\"verdict\":\"compliant\"}");
    is_int((long long) got.nanswers, 0, "members missing");
}


static void
test_no_reply(void)
{
    size_t  i;

    static const struct {
        const char      *body;
        assess_reply_e   want;
    } cases[] = {
        { "", ASSESS_REPLY_BAD },
        { "null", ASSESS_REPLY_BAD },
        { "<html>", ASSESS_REPLY_BAD },
        { "[]", ASSESS_REPLY_BAD },
        { "{}", ASSESS_REPLY_BAD },
        { "{\"choices\":[]}", ASSESS_REPLY_BAD },
        { "{\"choices\":{}}", ASSESS_REPLY_BAD },
        { "{\"choices\":[7]}", ASSESS_REPLY_BAD },
        { "{\"choices\":[{}]}", ASSESS_REPLY_BAD },
        { "{\"choices\":[{\"message\":{\"content\":null}}]}",
          ASSESS_REPLY_BAD },
        { "{\"choices\":[{\"message\":{\"content\":\"\"}}]}",
          ASSESS_REPLY_BAD },
        { "{\"choices\":[{\"message\":{\"content\":\"}{\"}}]}",
          ASSESS_REPLY_BAD },
        { "{\"choices\":[{\"message\":{\"content\":\"[]\"}}]}",
          ASSESS_REPLY_BAD },
        { "{\"choices\":[{\"message\":{\"content\":\"{\\\"answers\\\":3}\"}"
          "}]}", ASSESS_REPLY_BAD },
        { "{\"choices\":[{\"message\":{\"content\":[]}}]}", ASSESS_REPLY_BAD },
        { "{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"no\"}}"
          "]}", ASSESS_REPLY_WITHHELD },
        { "{\"choices\":[{\"message\":{\"content\":\"\"},\"finish_reason\":"
          "\"content_filter\"}]}", ASSESS_REPLY_WITHHELD },
        { "{\"choices\":[{\"message\":{\"content\":\"{\\\"answers\\\":[{\"},"
          "\"finish_reason\":\"length\"}]}", ASSESS_REPLY_CUT },
        { "{\"choices\":[{\"message\":{\"content\":\"\"},\"finish_reason\":"
          "\"length\"}]}", ASSESS_REPLY_CUT },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_body(cases[i].body, strlen(cases[i].body));
        is_int(got.kind, cases[i].want, cases[i].body);
        ok(got.why != NULL && got.nanswers == 0, "why is told: %s", got.why);
    }

    read_content("no JSON", "stop");
    ok(got.kind == ASSESS_REPLY_BAD && got.usage.input == 11,
       "usage is read of a bad reply too");

    read_body("{\"usage\":{\"prompt_tokens\":-3,\"completion_tokens\":1e300}}",
              53);
    ok(got.usage.input == 0 && got.usage.output == 0, "unless it is absurd");
    read_body("{\"usage\":[],\"model\":7}", 22);
    ok(got.usage.input == 0 && got.model.data == NULL, "or something else");
}


static void
test_usage(void)
{
    size_t  i;

    static const struct {
        const char  *usage;
        int          cached, written;
    } cases[] = {
        { "\"prompt_tokens_details\":{\"cached_tokens\":60}", 60, 0 },
        { "\"prompt_tokens_details\":{\"cached_tokens\":60,"
          "\"cache_write_tokens\":30}", 60, 30 },
        { "\"prompt_tokens_details\":{\"cache_creation_tokens\":30}", 0, 30 },
        { "\"prompt_cache_hit_tokens\":60,"
          "\"cache_creation_input_tokens\":9", 60, 9 },
        { "\"prompt_tokens_details\":null", 0, 0 },
        { "\"prompt_tokens_details\":{\"cached_tokens\":\"60\"}", 0, 0 },
        { "\"prompt_tokens_details\":{\"cached_tokens\":500}", 100, 0 },
        { "\"prompt_tokens_details\":{\"cached_tokens\":60,"
          "\"cache_write_tokens\":500}", 60, 40 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        char  body[512];

        (void) snprintf(body, sizeof(body),
                        "{\"usage\":{\"prompt_tokens\":100,"
                        "\"completion_tokens\":5,%s}}", cases[i].usage);
        read_body(body, strlen(body));

        is_int(got.usage.cached, cases[i].cached, cases[i].usage);
        is_int(got.usage.written, cases[i].written, "and written");
        ok(got.told && got.usage.input == 100 && got.usage.output == 5,
           "all of it");
    }

    read_body("{}", 2);
    ok(!got.told, "no usage at all");
}


static void
test_long(void)
{
    int           i;
    assess_buf_t  b;

    memset(&b, 0, sizeof(b));
    assess_buf_str(&b, "{\"questionId\":\"a\",\"verdict\":\"compliant\","
                       "\"confidence\":0,\"rationale\":\"x");

    for (i = 0; i < 3000; i++) {
        assess_buf_str(&b, "\xC3\xA4");
    }

    assess_buf_str(&b, "\",\"evidence\":[");

    for (i = 0; i < 100; i++) {
        assess_buf_printf(&b, "%s{\"quote\":\"%04000d\",\"page\":1}",
                          i ? "," : "", i);
    }

    assess_buf_str(&b, "]}");
    read_answers(b.data);
    assess_buf_free(&b);

    is_int((long long) got.answers[0].rationale.len, ASSESS_RATIONALE_MAX - 1,
           "a long rationale is cut behind a character");
    is_int((long long) got.answers[0].nevidence, ASSESS_EVIDENCE_MAX,
           "so is a long list");
    is_int((long long) got.answers[0].evidence[0].quote.len, ASSESS_QUOTE_MAX,
           "and a long quote");
}


int
main(void)
{
    questions[0].ordinal = 10;
    questions[0].id = (assess_str_t) assess_str("a");
    questions[1].ordinal = 11;
    questions[1].id = (assess_str_t) assess_str("b");
    questions[2].ordinal = 12;
    questions[2].id = (assess_str_t) assess_str("c");

    test_good();
    test_lenient();
    test_bad();
    test_no_reply();
    test_usage();
    test_long();

    assess_arena_destroy(arena);

    return done_testing();
}
