
/* Prices: LiteLLM's form, and the many names of one model. */

/* sources: engine/assess_price.c base/assess_base.c */
/* libs: -ljansson -lm */

#include "tap.h"

#include "../../ngx_assess_module/engine/assess_provider.h"

#include <stdlib.h>
#include <unistd.h>


static assess_arena_t  *arena;
static assess_price_t  *prices;
static size_t           nprices;
static assess_err_t     err;


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
    rc = assess_prices_read(arena, path, &prices, &nprices, &err);
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
    ok(prices[0].input == 1.5e-07 && prices[0].output == 6e-07,
       "both prices");
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
    is_int(assess_prices_read(arena, "/nonexistent", &prices, &nprices, &err),
           ASSESS_INVALID, "no file");
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
    test_find();

    assess_arena_destroy(arena);

    return done_testing();
}
