
/* Prices: LiteLLM's form, and the many names of one model. */

/* sources: engine/assess_price.c base/assess_base.c */
/* libs: -ljansson -lcrypto -lm */

#include "tap.h"

#include "../../ngx_assess_module/engine/assess_price.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>


static assess_arena_t  *arena;
static assess_price_t  *prices;
static size_t           nprices;
static assess_err_t     err;
static char             version[ASSESS_PRICE_VERSION + 1];


static assess_err_e
read_text(const char *text)
{
    int           fd;
    char          path[] = "/tmp/prices.XXXXXX";
    assess_err_e  rc;

    fd = mkstemp(path);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t) strlen(text)) {
        printf("Bail out! no temporary file\n");
        exit(1);
    }

    close(fd);
    rc = assess_prices_read(arena, path, &prices, &nprices, version, &err);
    unlink(path);

    return rc;
}


static const char *
find(const char *name)
{
    assess_str_t           model;
    const assess_price_t  *price;

    model.data = (char *) name;
    model.len = strlen(name);
    price = assess_price_find(prices, nprices, &model);

    return price ? price->model.data : NULL;
}


static void
test_read(void)
{
    is_int(read_text("{\"sample_spec\":{\"input_cost_per_token\":0.0},"
                     "\"a\":{\"input_cost_per_token\":1.5e-07,"
                     "\"output_cost_per_token\":6e-07,\"mode\":\"chat\"},"
                     "\"free\":{\"input_cost_per_token\":0,"
                     "\"output_cost_per_token\":0},"
                     "\"embed\":{\"input_cost_per_token\":2e-08},"
                     "\"null\":{\"input_cost_per_token\":null},"
                     "\"image\":{\"output_cost_per_image\":0.04}}"),
           ASSESS_OK, "a price file");
    is_int((long long) nprices, 3, "what has a price by the token");
    ok(prices[0].tiers[0].input == 1.5e-07
       && prices[0].tiers[0].output == 6e-07, "both prices");
    ok(prices[0].tiers[0].cached == 1.5e-07
       && prices[0].tiers[0].written == 1.5e-07,
       "what is cached costs the same where nothing is said");
    is_str(find("a"), "a", "found");
    is_str(find("free"), "free", "free of charge is a price");
    is_str(find("image"), NULL, "none by the token");

    is_int(read_text("[]"), ASSESS_INVALID, "no object");
    is_int(read_text("{\"a\":1}"), ASSESS_INVALID, "no object inside");
    is_int(read_text("{\"a\":{\"input_cost_per_token\":\"1\"}}"),
           ASSESS_INVALID, "a string");
    is_int(read_text("{\"a\":{\"input_cost_per_token\":-1}}"),
           ASSESS_INVALID, "a negative price");
    ok(strstr(err.message, "\"a\"") != NULL, "the model is named");
    is_int(read_text("{\"a\":\n{,}}"), ASSESS_INVALID, "no JSON");
    ok(strstr(err.message, "line 2") != NULL, "with the line");
    is_int(assess_prices_read(arena, "/nonexistent", &prices, &nprices,
                              version, &err), ASSESS_INVALID, "no file");
    ok(strstr(err.message, "No such file") != NULL, "which is said");
}


static void
test_version(void)
{
    char  before[sizeof(version)];

    (void) read_text("{}");
    is_str(version, "44136fa355b3", "the digits that sha256sum begins with");

    strcpy(before, version);
    (void) read_text("{ }");
    ok(strcmp(before, version) != 0, "another file, another version");

    (void) read_text("{}");
    is_str(version, before, "the same again");
}


static int
near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}


static double
cost(int64_t input, int64_t output, int64_t cached, int64_t written)
{
    assess_usage_t  usage;

    usage.input = input;
    usage.output = output;
    usage.cached = cached;
    usage.written = written;

    return assess_price_cost(&prices[0], &usage);
}


static void
test_tiers(void)
{
    is_int(read_text("{\"m\":{"
                     "\"output_cost_per_token_above_200k_tokens\":0.8,"
                     "\"input_cost_per_token\":0.1,"
                     "\"input_cost_per_token_above_200k_tokens\":0.2,"
                     "\"input_cost_per_token_above_128k_tokens\":0.15,"
                     "\"input_cost_per_token_priority\":99,"
                     "\"input_cost_per_token_above_200k_tokens_priority\":99,"
                     "\"input_cost_per_token_batches\":0.01,"
                     "\"output_cost_per_token\":0.4,"
                     "\"cache_read_input_token_cost\":0.01,"
                     "\"cache_read_input_token_cost_above_200k_tokens\":0.02,"
                     "\"cache_creation_input_token_cost\":0.125,"
                     "\"cache_creation_input_token_cost_above_1hr\":99,"
                     "\"supports_reasoning\":true,"
                     "\"max_output_tokens\":5000}}"),
           ASSESS_OK, "long requests cost more");
    is_int((long long) prices[0].ntiers, 3, "three tiers");
    is_int(prices[0].tiers[1].above, 128000, "in their order");
    is_int(prices[0].tiers[2].above, 200000, "the last");
    is_int(prices[0].max_output, 5000, "the longest reply");
    is_int(prices[0].reasons, 1, "it thinks");

    ok(near(cost(1000, 100, 0, 0), 100 + 40), "a short one");
    ok(near(cost(128000, 0, 0, 0), 12800), "at the limit, not above it");
    ok(near(cost(128001, 0, 0, 0), 128001 * 0.15), "above it, all of it");
    ok(near(cost(128001, 10, 128001, 0), 128001 * 0.01 + 4),
       "what a tier does not say is as before");
    ok(near(cost(300000, 10, 0, 0), 60000 + 8), "a long one");
    ok(near(cost(1000, 0, 400, 0), 60 + 4), "cached input");
    ok(near(cost(1000, 0, 400, 500), 10 + 4 + 62.5), "and written input");
    ok(near(cost(300000, 0, 100000, 0), 40000 + 2000), "cached in a long one");

    ok(near(assess_price_most(&prices[0], 1000, 10), 125 + 4),
       "the most: all of it is written to the cache");
    ok(near(assess_price_most(&prices[0], 200000, 10), 30000 + 4),
       "or comes to the next tier");
    ok(near(assess_price_most(&prices[0], 200001, 10), 200001 * 0.2 + 8),
       "or the last");

    is_int(read_text("{\"m\":{\"input_cost_per_token\":1,"
                     "\"output_cost_per_token\":1,"
                     "\"input_cost_per_token_cache_hit\":0.5}}"),
           ASSESS_OK, "the older name of cached input");
    ok(near(cost(10, 0, 10, 0), 5), "is known");

    is_int(read_text("{\"m\":{\"input_cost_per_token\":1,"
                     "\"cache_read_input_token_cost\":\"x\"}}"),
           ASSESS_INVALID, "each price is checked");
}


static void
test_find(void)
{
    (void) read_text("{\"gpt-4o-mini\":{\"input_cost_per_token\":1},"
                     "\"gpt-4o\":{\"input_cost_per_token\":1},"
                     "\"gpt-4o-2024-05-13\":{\"input_cost_per_token\":1},"
                     "\"openai/o9\":{\"input_cost_per_token\":1},"
                     "\"azure/gpt-4o\":{\"input_cost_per_token\":1},"
                     "\"claude-3\":{\"input_cost_per_token\":1}}");

    is_str(find("gpt-4o-mini"), "gpt-4o-mini", "as it is");
    is_str(find("GPT-4o-Mini"), "gpt-4o-mini", "in any case");
    is_str(find("openai/gpt-4o-mini"), "gpt-4o-mini", "with a prefix");
    is_str(find("openrouter/openai/gpt-4o-mini"), "gpt-4o-mini", "with two");
    is_str(find("azure/gpt-4o"), "azure/gpt-4o", "a prefix with a price");
    is_str(find("azure/gpt-4o-2024-08-06"), "azure/gpt-4o", "and with a day");
    is_str(find("o9"), "openai/o9", "without the prefix");
    is_str(find("gpt-4o-mini-2024-07-18"), "gpt-4o-mini", "with a day");
    is_str(find("gpt-4o-2024-05-13"), "gpt-4o-2024-05-13", "a day's own price");
    is_str(find("gpt-4o-2024-11-20"), "gpt-4o", "another day");
    is_str(find("claude-3-20240307"), "claude-3", "a day without dashes");
    is_str(find("claude-3@20240307"), "claude-3", "behind an @");
    is_str(find("gpt-4o-0613"), "gpt-4o", "month and day");
    is_str(find("gpt-4o-mini-audio"), NULL, "another model is not guessed");
    is_str(find("gpt-4"), NULL, "nor by a part of its name");
    is_str(find("-2024-07-18"), NULL, "a day alone");
    is_str(find(""), NULL, "nothing");
    is_str(find("/"), NULL, "a slash");
}


int
main(void)
{
    arena = assess_arena_create();

    test_read();
    test_version();
    test_tiers();
    test_find();

    assess_arena_destroy(arena);

    return done_testing();
}
