/* Tokens: about as many as tokenizers count, in several languages. */

/* sources: engine/assess_tokens.c base/assess_base.c */

#include "tap.h"

#include "../../ngx_assess_module/engine/assess_tokens.h"

#include <math.h>


/* counted by o200k_base */

static const struct {
    const char  *text;
    int          tokens;
} texts[] = {
    { "Die Feuerwehrzufahrten m\xc3\xbcssen jederzeit freigehalten werden, "
      "damit Einsatzfahrzeuge ungehindert passieren k\xc3\xb6nnen. Die "
      "Pr\xc3\xbc" "fung der Brandmeldeanlage erfolgt j\xc3\xa4hrlich.", 33 },
    { "Les issues de secours doivent \xc3\xaatre d\xc3\xa9gag\xc3\xa9" "es en "
      "permanence et signal\xc3\xa9" "es par un \xc3\xa9" "clairage de "
      "s\xc3\xa9" "curit\xc3\xa9 conforme \xc3\xa0 la r\xc3\xa9glementation.",
      25 },
    { "\xd0\x9f\xd0\xbe\xd0\xb6\xd0\xb0\xd1\x80\xd0\xbd\xd1\x8b\xd0\xb5 "
      "\xd0\xb2\xd1\x8b\xd1\x85\xd0\xbe\xd0\xb4\xd1\x8b "
      "\xd0\xb4\xd0\xbe\xd0\xbb\xd0\xb6\xd0\xbd\xd1\x8b "
      "\xd0\xb1\xd1\x8b\xd1\x82\xd1\x8c "
      "\xd1\x81\xd0\xb2\xd0\xbe\xd0\xb1\xd0\xbe\xd0\xb4\xd0\xbd\xd1\x8b", 10 },
    { "\xe6\xb6\x88\xe9\x98\xb2\xe9\x80\x9a\xe9\x81\x93\xe5\xbf\x85\xe9\xa1\xbb"
      "\xe5\xa7\x8b\xe7\xbb\x88\xe4\xbf\x9d\xe6\x8c\x81\xe7\x95\x85\xe9\x80\x9a"
      ",", 10 },
    { "The means of escape shall be kept free of obstruction at all times, "
      "and the fire alarm shall be tested once a week by a competent person. "
      "Records of each test are kept for three years.", 38 },
};


static void
test_texts(void)
{
    size_t  i;
    double  n;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        n = assess_tokens_count(texts[i].text, strlen(texts[i].text));

        ok(fabs(n / texts[i].tokens - 1) < 0.35, "%.1f, it has %d", n,
           texts[i].tokens);
    }
}


static double
count(const char *text)
{
    return assess_tokens_count(text, strlen(text));
}


static void
test_parts(void)
{
    ok(count("") == 0, "nothing is nothing");
    ok(count("word") == 1, "a word");
    ok(count(" word word") == 2, "the spaces between words go with them");
    ok(count("incomprehensibilities") > 3, "a long one is several");
    ok(count("123456789") == 3, "digits by threes");
    ok(count("....") < 2 && count("....") > 1, "a row of marks");
    ok(count("a\nb") == 3, "a line's end");
    ok(count("\xff\xfe\xc3") > 0, "bytes that are no text");
    ok(count("\xf0\x9f\x98\x80") == 1, "a sign");
    ok(assess_tokens_count("a\0b", 3) >= 2, "a NUL is no end");
}


int
main(void)
{
    test_texts();
    test_parts();

    return done_testing();
}
