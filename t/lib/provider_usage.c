
/* What the test provider says that a request took, and puts on its bill. */

#include "provider_usage.h"

#include <ctype.h>
#include <string.h>


static int         words;
static double      share;
static json_int_t  requests, input, cached, output;


void
provider_usage_rule(json_t *rule)
{
    words = json_is_true(json_object_get(rule, "words"));
    share = json_number_value(json_object_get(rule, "cached"));

    requests = input = cached = output = 0;
}


/*
 * A token for each seven letters that are begun, for each three digits, and for
 * each other character: about what real ones count.
 */

static json_int_t
count_words(const char *text)
{
    size_t      n;
    json_int_t  tokens;

    for (tokens = 0; *text; text += n) {

        for (n = 0; isalpha((unsigned char) text[n])
                    || ((unsigned char) text[n] & 0x80); n++)
        {
            /* void */
        }

        if (n) {
            tokens += (json_int_t) (n + 6) / 7;
            continue;
        }

        for (n = 0; isdigit((unsigned char) text[n]); n++) {
            /* void */
        }

        if (n) {
            tokens += (json_int_t) (n + 2) / 3;
            continue;
        }

        n = 1;
        tokens += *text != ' ';
    }

    return tokens;
}


static json_int_t
count_content(json_t *content)
{
    size_t      i;
    json_int_t  tokens;
    json_t     *part, *text;

    if (json_is_string(content)) {
        return count_words(json_string_value(content));
    }

    tokens = 0;

    json_array_foreach(content, i, part) {
        text = json_object_get(part, "text");
        tokens += json_is_string(text) ? count_words(json_string_value(text))
                                       : 1100;
    }

    return tokens;
}


json_t *
provider_usage(json_t *body, size_t bytes, const char *content)
{
    size_t      i;
    json_t     *message;
    json_int_t  in, out, read;

    in = (json_int_t) (bytes / 4);
    out = (json_int_t) (strlen(content) / 4);

    if (words) {
        in = 0;
        out = count_words(content);

        json_array_foreach(json_object_get(body, "messages"), i, message) {
            in += 4 + count_content(json_object_get(message, "content"));
        }
    }

    read = (json_int_t) ((double) in * share);

    requests++;
    input += in;
    cached += read;
    output += out;

    return json_pack("{s:I,s:I,s:I,s:{s:I}}", "prompt_tokens", in,
                     "completion_tokens", out, "total_tokens", in + out,
                     "prompt_tokens_details", "cached_tokens", read);
}


json_t *
provider_billed(void)
{
    return json_pack("{s:I,s:I,s:I,s:I}", "requests", requests, "input", input,
                     "cached", cached, "output", output);
}
