
/* sources: engine/assess_rates.c base/assess_base.c */
/* libs: -lm */

/* What documents and requests are expected to take, by what others took. */

#include "engine/assess_rates.h"
#include "tap.h"

#include <math.h>
#include <stdlib.h>


static assess_str_t
str(const char *text)
{
    assess_str_t  s;

    s.data = (char *) text;
    s.len = strlen(text);

    return s;
}


static int
near(double got, double want)
{
    return fabs(got - want) <= 0.01 * want;
}


static void
test_read(assess_rates_t *rates)
{
    int  i;

    ok(assess_rates_read(rates, ASSESS_KIND_PDF, 1000) < 0,
       "of what was never read nothing is known");

    assess_rates_read_took(rates, ASSESS_KIND_PDF, 1000, 0.5);
    ok(near(assess_rates_read(rates, ASSESS_KIND_PDF, 3000), 1.5),
       "after one document it is by bytes");
    ok(assess_rates_read(rates, ASSESS_KIND_DOCX, 1000) < 0,
       "of other kinds still nothing");

    for (i = 0; i < 400; i++) {
        assess_rates_read_took(rates, ASSESS_KIND_PDF, 1000 + 10 * (i % 100),
                               0.1 + 1e-4 * (1000 + 10 * (i % 100)));
    }

    ok(near(assess_rates_read(rates, ASSESS_KIND_PDF, 100000), 10.1),
       "many small ones tell of a large one: so much each, and by bytes");

    for (i = 0; i < 400; i++) {
        assess_rates_read_took(rates, ASSESS_KIND_PDF, 1000, 3);
    }

    ok(near(assess_rates_read(rates, ASSESS_KIND_PDF, 1000), 3),
       "what was long ago is forgotten");

    assess_rates_read_took(rates, ASSESS_KIND_RTF, 1000, 9);
    assess_rates_read_took(rates, ASSESS_KIND_RTF, 9000, 1);
    ok(near(assess_rates_read(rates, ASSESS_KIND_RTF, 1000000), 5),
       "a large one that took less makes none take less than nothing");

    assess_rates_read_took(rates, ASSESS_KIND_EML, 0, 1);
    ok(near(assess_rates_read(rates, ASSESS_KIND_EML, 500), 1),
       "an empty one");

    assess_rates_read_took(rates, (assess_kind_e) 1000, 1, 1);
    assess_rates_read_took(rates, ASSESS_KIND_EPUB, -1, 1);
    ok(assess_rates_read(rates, (assess_kind_e) 1000, 1) < 0
       && assess_rates_read(rates, ASSESS_KIND_EPUB, 1) < 0,
       "what cannot be is not kept");

    ok(assess_rates_whole(rates, ASSESS_KIND_PDF, 1000) < 0,
       "what all of a document takes is another thing");
    assess_rates_whole_took(rates, ASSESS_KIND_PDF, 1000, 7);
    ok(near(assess_rates_whole(rates, ASSESS_KIND_PDF, 1000), 7)
       && near(assess_rates_read(rates, ASSESS_KIND_PDF, 1000), 3),
       "and kept beside it");

    ok(assess_rates_page(rates) < 0, "no scanned page yet");
    assess_rates_page_took(rates, 4, 2);
    ok(near(assess_rates_page(rates), 2), "then there is one");
}


static void
test_ask(assess_rates_t *rates)
{
    int           i;
    char          name[32], too_long[300];
    assess_str_t  openai, gpt, other, long_name;

    openai = str("openai");
    gpt = str("gpt");
    other = str("other");

    ok(assess_rates_ask(rates, &openai, &gpt) < 0, "nothing was asked");

    assess_rates_ask_took(rates, &openai, &gpt, 1, 4);
    ok(near(assess_rates_ask(rates, &openai, &gpt), 4), "one request");
    ok(assess_rates_ask(rates, &openai, &other) < 0, "says nothing of others");
    ok(assess_rates_ask(rates, &other, &gpt) < 0, "nor of other providers");

    assess_rates_ask_took(rates, &openai, &gpt, 3, 2);
    ok(near(assess_rates_ask(rates, &openai, &gpt), 2.5),
       "of four it is the mean");

    for (i = 0; i < 200; i++) {
        assess_rates_ask_took(rates, &openai, &gpt, 1, 8);
    }

    ok(near(assess_rates_ask(rates, &openai, &gpt), 8), "and of many that of "
       "the latest");

    assess_rates_ask_took(rates, &openai, &gpt, 1000, 1);
    ok(near(assess_rates_ask(rates, &openai, &gpt), 1), "many at once");

    assess_rates_ask_took(rates, &openai, &gpt, 0, 100);
    assess_rates_ask_took(rates, &openai, &gpt, 1, -1);
    ok(near(assess_rates_ask(rates, &openai, &gpt), 1), "none, or no time");

    for (i = 0; i < 40; i++) {
        (void) snprintf(name, sizeof(name), "model-%d", i);
        other = str(name);
        assess_rates_ask_took(rates, &openai, &other, 1, i + 1);
        ok(assess_rates_ask(rates, &openai, &gpt) > 0 && near(
           assess_rates_ask(rates, &openai, &other), i + 1), "%s", name);
    }

    other = str("model-0");
    ok(assess_rates_ask(rates, &openai, &other) < 0, "the one that was not "
       "used for the longest made room");

    memset(too_long, 'x', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    long_name = str(too_long);
    assess_rates_ask_took(rates, &openai, &long_name, 1, 1);
    ok(assess_rates_ask(rates, &openai, &long_name) < 0, "a name that is too "
       "long is not kept");
}


int
main(void)
{
    assess_rates_t  *rates;

    rates = assess_rates_create();

    test_read(rates);
    test_ask(rates);

    assess_rates_destroy(rates);
    assess_rates_destroy(NULL);

    return done_testing();
}
