
/* sources: base/assess_json.c base/assess_base.c */
/* libs: -ljansson -lm */

#include "base/assess_json.h"
#include "tap.h"

#include <jansson.h>
#include <stdlib.h>


static assess_arena_t  *arena;


/* the value as it is written, as it is told from others, or what is wrong */

static void
reads(const char *text, const char *written, const char *canonical)
{
    assess_buf_t    b;
    assess_err_t    err;
    assess_json_t  *v;

    memset(&b, 0, sizeof(assess_buf_t));

    if (assess_json_read(arena, text, strlen(text), 100, &v, &err)
        != ASSESS_OK)
    {
        is_str(err.message, written, text);
        return;
    }

    assess_json_write(&b, v);
    is_str(b.data, written, text);

    assess_buf_reset(&b);
    is_int(assess_json_canonical(arena, &b, v), 0, "it has one form");
    is_str(b.data, canonical ? canonical : written, "which is this");

    assess_buf_free(&b);
}


static void
test_values(void)
{
    reads("{}", "{}", NULL);
    reads(" [ ] ", "[]", NULL);
    reads("[true,false,null]", "[true,false,null]", NULL);
    reads("\"\"", "\"\"", NULL);
    reads(" 7\t", "7", NULL);
    reads("{ \"b\" : 1 , \"a\" : { \"d\" : [ 1 , 2 ] , \"c\" : \"x\" } }",
          "{\"b\":1,\"a\":{\"d\":[1,2],\"c\":\"x\"}}",
          "{\"a\":{\"c\":\"x\",\"d\":[1,2]},\"b\":1}");
    reads("{\"aa\":1,\"a\":2,\"\":3}", "{\"aa\":1,\"a\":2,\"\":3}",
          "{\"\":3,\"a\":2,\"aa\":1}");
}


static void
test_numbers(void)
{
    reads("[0,-0,12,-12]", "[0,-0,12,-12]", "[0,0,12,-12]");
    reads("[9223372036854775807,-9223372036854775808]",
          "[9223372036854775807,-9223372036854775808]", NULL);
    reads("[1.50,1e3,0.1]", "[1.50,1e3,0.1]",
          "[1.5,1000.0,0.10000000000000001]");
    reads("9223372036854775808", "a number is too large, at byte 1", NULL);
    reads("-9223372036854775809", "a number is too large, at byte 1", NULL);
    reads("[1e999]", "a number is too large, at byte 2", NULL);

    reads("[01]", "there is no such value, at byte 2", NULL);
    reads("[1.]", "there is no such value, at byte 2", NULL);
    reads("[-]", "there is no such value, at byte 2", NULL);
    reads("[1e+]", "there is no such value, at byte 2", NULL);
    reads("[+1]", "there is no such value, at byte 2", NULL);
    reads("[.5]", "there is no such value, at byte 2", NULL);
    reads("[NaN]", "there is no such value, at byte 2", NULL);
}


static void
test_strings(void)
{
    reads("\"a plain string of more than eight bytes\"",
          "\"a plain string of more than eight bytes\"", NULL);
    reads("\"caf\xc3\xa9, and \xf0\x9f\x98\x80\"",
          "\"caf\xc3\xa9, and \xf0\x9f\x98\x80\"", NULL);
    reads("\"\\u00e9\\ud83d\\uDE00\\/\\u0061\"",
          "\"\xc3\xa9\xf0\x9f\x98\x80/a\"", NULL);
    reads("\"\\\"\\\\\\b\\f\\n\\r\\t\\u001f\x7f\"",
          "\"\\\"\\\\\\b\\f\\n\\r\\t\\u001F\x7f\"", NULL);
    reads("{\"\\u0061\":1,\"b\\n\":2}", "{\"a\":1,\"b\\n\":2}", NULL);

    reads("\"abcdefgh\x01\"", "a control character in a string, at byte 10",
          NULL);
    reads("\"\xff\"", "a string is no UTF-8, at byte 2", NULL);
    reads("\"\xed\xa0\x80\"", "a string is no UTF-8, at byte 2", NULL);
    reads("\"\\ud800\"", "half of a surrogate pair, at byte 8", NULL);
    reads("\"\\ud800\\u0041\"", "half of a surrogate pair, at byte 14", NULL);
    reads("\"\\udc00\"", "half of a surrogate pair, at byte 8", NULL);
    reads("\"a\\u0000\"", "a NUL in a string, at byte 9", NULL);
    reads("\"\\u00\"", "an escape needs four digits, at byte 2", NULL);
    reads("\"\\x\"", "there is no such escape, at byte 2", NULL);
    reads("\"abc", "a string does not end, at byte 5", NULL);
    reads("\"abc\\", "a string does not end, at byte 6", NULL);
}


static void
test_structure(void)
{
    size_t          i;
    char           *deep;
    assess_err_t    err;
    assess_json_t  *v;

    reads("", "it ends too early, at byte 1", NULL);
    reads("[1", "it ends too early, at byte 3", NULL);
    reads("[1,]", "there is no such value, at byte 4", NULL);
    reads("[1 2]", "a comma or a closing bracket is missing, at byte 4",
          NULL);
    reads("{\"a\":1 \"b\"}", "a comma or a closing brace is missing, "
          "at byte 8", NULL);
    reads("{\"a\" 1}", "a colon is missing, at byte 6", NULL);
    reads("{a:1}", "a name in quotation marks is missing, at byte 2", NULL);
    reads("{\"a\":1,}", "a name in quotation marks is missing, at byte 8",
          NULL);
    reads("{} x", "something follows the value, at byte 4", NULL);
    reads("nul", "there is no such value, at byte 1", NULL);

    reads("{\"a\":1,\"b\":2,\"a\":3}", "an object has a name twice, "
          "at byte 20", NULL);
    reads("[{\"a\":1,\"\\u0061\":3}]", "an object has a name twice, "
          "at byte 20", NULL);

    deep = malloc(2 * ASSESS_JSON_DEPTH + 2);
    memset(deep, '[', ASSESS_JSON_DEPTH + 1);
    memset(deep + ASSESS_JSON_DEPTH + 1, ']', ASSESS_JSON_DEPTH + 1);

    ok(assess_json_read(arena, deep + 1, 2 * ASSESS_JSON_DEPTH, 10000, &v,
                        &err) == ASSESS_OK, "as deep as may be");
    ok(assess_json_read(arena, deep, 2 * ASSESS_JSON_DEPTH + 2, 10000, &v,
                        &err) == ASSESS_INVALID, "one deeper");

    free(deep);

    for (i = 5; i < 7; i++) {
        is_int(assess_json_read(arena, "[1,2,[3,4]]", 11, i, &v, &err),
               i == 6 ? ASSESS_OK : ASSESS_INVALID, "so many values");
    }
}


/* a name twice is found among many, too */

static void
test_many(void)
{
    int             i, last;
    assess_buf_t    b;
    assess_err_t    err;
    assess_json_t  *v;

    for (last = 999; last <= 1000; last++) {

        memset(&b, 0, sizeof(assess_buf_t));

        for (i = 0; i < 1000; i++) {
            assess_buf_printf(&b, "%c\"k%d\":0", i ? ',' : '{',
                              i * 7919 % 1000);
        }

        assess_buf_printf(&b, ",\"k%d\":1}", last);

        is_int(assess_json_read(arena, b.data, b.len, 2000, &v, &err),
               last == 1000 ? ASSESS_OK : ASSESS_INVALID, "a thousand names");

        assess_buf_free(&b);
    }
}


static void
test_made(void)
{
    assess_buf_t          b;
    assess_json_t        *v;

    static const assess_str_t  one = assess_str("one");
    static const assess_str_t  two = assess_str("t\"wo");

    memset(&b, 0, sizeof(assess_buf_t));

    v = assess_json_object(arena);
    assess_json_add(v, &two, assess_json_string(arena, "a\0b", 3));
    assess_json_add(v, &one, assess_json_string(arena, "", 0));

    assess_json_write(&b, v);
    is_str(b.data, "{\"t\\\"wo\":\"a\\u0000b\",\"one\":\"\"}", "made by hand");

    assess_buf_reset(&b);
    (void) assess_json_canonical(arena, &b, v);
    is_str(b.data, "{\"one\":\"\",\"t\\\"wo\":\"a\\u0000b\"}", "and sorted");

    assess_buf_free(&b);
}


static int
same(json_t *theirs, const assess_json_t *ours)
{
    size_t                i;
    json_t               *value;
    const char           *key;
    const assess_json_t  *child;

    if (ours == NULL) {
        return 0;
    }

    switch (json_typeof(theirs)) {

    case JSON_NULL:
        return ours->type == ASSESS_JSON_NULL;

    case JSON_TRUE:
        return ours->type == ASSESS_JSON_TRUE;

    case JSON_FALSE:
        return ours->type == ASSESS_JSON_FALSE;

    case JSON_STRING:
        return ours->type == ASSESS_JSON_STRING
               && ours->text.len == json_string_length(theirs)
               && memcmp(ours->text.data, json_string_value(theirs),
                         ours->text.len) == 0;

    case JSON_ARRAY:
        if (ours->type != ASSESS_JSON_ARRAY
            || ours->n != json_array_size(theirs))
        {
            return 0;
        }

        child = ours->first;

        json_array_foreach(theirs, i, value) {
            if (!same(value, child)) {
                return 0;
            }
            child = child->next;
        }

        return child == NULL;

    case JSON_OBJECT:
        json_object_foreach(theirs, key, value) {
            if (!same(value, assess_json_member(ours, key))) {
                return 0;
            }
        }

        return ours->type == ASSESS_JSON_OBJECT;

    default:
        return (ours->type == ASSESS_JSON_INT
                || ours->type == ASSESS_JSON_REAL)
               && ours->real == json_number_value(theirs);
    }
}


/* Both take it, and as the same; or neither does. */

static int
agree(const char *text, size_t len)
{
    int             rc;
    json_t         *theirs;
    assess_err_t    err;
    assess_json_t  *ours;

    theirs = json_loadb(text, len, JSON_ALLOW_NUL | JSON_DECODE_ANY
                                   | JSON_DECODE_INT_AS_REAL, NULL);

    rc = assess_json_read_loose(arena, text, len, 1000, &ours, &err)
         == ASSESS_OK ? theirs && same(theirs, ours) : theirs == NULL;

    json_decref(theirs);

    return rc;
}


static void
test_loose(void)
{
    size_t  i;

    static const char *const  texts[] = {
        "[123456789012345678901234567890]", "[-9223372036854775809]",
        "[-0, 0.5, 1e3, -2.5E-2, 12e+1]", "[1e999]", "[1e-999]", "[01]",
        "[1.]", "[.5]", "[-]", "[+1]", "[1e]", "[NaN]", "[1,]", "[1 2]", "",
        "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1},\"a\":{\"c\":2}}",
        "{\"\":3}", "{a:1}", "{\"a\":1,}", "[\"\\u0000a\"]",
        "[\"\\ud83d\\ude00\"]", "[\"\\ud83d\"]", "[\"\\ude00\"]",
        "[\"\\ud83d\\u0041\"]", "[\"\\x\"]", "[\"\\\"]", "[\"a\nb\"]",
        "[\"\x7f\"]", "[\"\xc3\xa4\xf0\x9f\x98\x80\"]", "[\"\xc0\x80\"]",
        "[\"\xed\xa0\x80\"]", "\xef\xbb\xbf{}", "[] x", "[1]/*c*/",
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ok(agree(texts[i], strlen(texts[i])), "as others take it: %s",
           strchr(texts[i], '\n') ? "a line end" : texts[i]);
    }

    ok(agree("[\"a\0b\"]", 7), "a bare NUL in a string");
    ok(agree("[1]\0", 4), "and behind it all");
}


/* Every beginning of a text, and the text with each byte changed. */

static void
test_broken(void)
{
    int     bad;
    char    text[256];
    size_t  i, k, len;

    static const char  whole[] =
        "{\"a\":[1,-2.5e3,\"x\\u20ac\\n\xc3\xa4\"],\"b\":{\"c\":null,"
        "\"d\":[true,false]},\"e\":\"\\ud83d\\ude00\"}";
    static const char  others[] = "\"\\{}[]:,0u-.e \n\x80\xe2\xff";

    bad = 0;
    len = sizeof(whole) - 1;

    for (i = 0; i <= len; i++) {
        bad += !agree(whole, i);
    }

    is_int(bad, 0, "as others take it, wherever it is cut off");

    for (i = 0; i < len; i++) {
        for (k = 0; k < sizeof(others); k++) {
            memcpy(text, whole, len);
            text[i] = others[k];
            bad += !agree(text, len);
        }
    }

    is_int(bad, 0, "and whichever byte is another one");
}


int
main(void)
{
    arena = assess_arena_create();

    test_values();
    test_numbers();
    test_strings();
    test_structure();
    test_many();
    test_made();
    test_loose();
    test_broken();

    assess_arena_destroy(arena);

    return done_testing();
}
