/* sources: engine/assess_quote.c engine/assess_fold.c base/assess_base.c */
/* libs: -lm */

#include "tap.h"
#include "../../ngx_assess_module/engine/assess_quote.h"

#include <stdlib.h>


typedef struct {
    const char  *name;
    const char  *page;
    const char  *quote;
    int          verified;
} quote_case_t;


static const quote_case_t  cases[] = {

    { "verbatim", "All doors are self-closing.", "doors are self-closing", 1 },
    { "white space", "All  doors\n\tare\xC2\xA0red.", "All doors are red.", 1 },
    { "white space of the quote", "All doors are red.",
      "  All\ndoors \xE2\x80\x83 are red.\n", 1 },
    { "zero width", "fire\xE2\x80\x8B doors \xEF\xBB\xBFhere",
      "fire doors here", 1 },
    { "soft hyphen", "fire\xC2\xAD" "fighting", "firefighting", 1 },
    { "soft hyphen at a line end", "fire\xC2\xAD\nfighting gear",
      "firefighting gear", 1 },

    { "line end, joined", "the fire-\nfighting gear",
      "the firefighting gear", 1 },
    { "line end, kept", "the fire-\nfighting gear",
      "the fire-fighting gear", 1 },
    { "line end, as printed", "the fire-\nfighting gear",
      "the fire-\nfighting gear", 1 },
    { "line end, as a space", "the fire-\nfighting gear",
      "the fire- fighting gear", 1 },
    { "one kept, one joined", "well-\nknown require-\nments of it",
      "well-known requirements of it", 1 },
    { "a hyphen within a line stays", "the fire-fighting gear",
      "the firefighting gear", 0 },
    { "no hyphen is invented", "the firefighting gear",
      "the fire-fighting gear", 0 },
    { "a hyphen before an empty line", "see the local-\n\n12\nnext",
      "see the local-", 1 },
    { "and then letters", "see the local-\n \nfooter text",
      "see the local-", 1 },
    { "read over an empty line", "see the fire-\n\nfighting gear",
      "see the firefighting gear", 1 },
    { "numbers at a line end keep theirs", "between 10-\n15 metres",
      "between 1015 metres", 0 },
    { "numbers at a line end", "between 10-\n15 metres",
      "between 10-15 metres", 1 },
    { "letter and number", "under COVID-\n19 rules", "COVID-19 rules", 1 },
    { "hanging hyphen", "pre- and post-war", "pre- and post-war", 1 },

    { "ligatures", "e\xEF\xAC\x83" "cient \xEF\xAC\x81re \xEF\xAC\x82oor",
      "efficient fire floor", 1 },
    { "ligatures of the quote", "efficient fire",
      "e\xEF\xAC\x83" "cient \xEF\xAC\x81re", 1 },
    { "full width", "\xEF\xBC\xA1\xEF\xBC\xA2\xEF\xBC\x91", "AB1", 1 },
    { "superscript", "5 m\xC2\xB2 of", "5 m2 of", 1 },
    { "mathematical letters", "\xF0\x9D\x90\x80\xF0\x9D\x91\x8F" "c 1",
      "Abc 1", 1 },
    { "decomposed", "cafe\xCC\x81 noir", "caf\xC3\xA9 noir", 1 },
    { "composed", "caf\xC3\xA9 noir", "cafe\xCC\x81 noir", 1 },
    { "marks in any order", "e\xCC\xA3\xCC\x82x", "\xC3\xAA\xCC\xA3x", 1 },
    { "an accent is not dropped", "caf\xC3\xA9 noir", "cafe noir", 0 },
    { "nor at the end", "un caf\xC3\xA9", "un cafe", 0 },

    { "quotation marks", "the \xE2\x80\x9C" "duty\xE2\x80\x9D holder\xE2\x80\x99s",
      "the \"duty\" holder's", 1 },
    { "guillemets", "the \xC2\xAB" "duty\xC2\xBB holder",
      "the \"duty\" holder", 1 },
    { "low quotes", "the \xE2\x80\x9E" "duty\xE2\x80\x9C holder",
      "the 'duty' holder", 1 },
    { "typewriter quotes", "the ``duty'' holder", "the \"duty\" holder", 1 },
    { "outer marks", "All doors are red.", "\xE2\x80\x9C" "doors are red\"", 1 },
    { "outer marks after a number", "since 1999 it is", "'since 1999'", 1 },
    { "a list's dash", "\xE2\x80\xA2 All doors are red",
      "- All doors are red", 1 },
    { "minus is no list's dash", "at 5 degrees", "-5 degrees", 0 },
    { "cut behind a dash", "All doors \xE2\x80\x94 and walls",
      "All doors \xE2\x80\x94", 1 },
    { "inches are not feet", "at least 6\" wide", "at least 6' wide", 0 },
    { "inches", "at least 6\xE2\x80\xB3 wide", "at least 6\" wide", 1 },

    { "dashes", "rooms \xE2\x80\x94 all \xE2\x80\x93 of 3\xE2\x88\x92" "4",
      "rooms - all - of 3-4", 1 },
    { "a dash between words", "rooms\xE2\x80\x94" "all", "rooms-all", 1 },
    { "no-break hyphen", "self\xE2\x80\x91" "closing", "self-closing", 1 },
    { "double hyphen", "rooms -- all", "rooms \xE2\x80\x93 all", 1 },
    { "ellipsis", "and so on\xE2\x80\xA6 then", "and so on... then", 1 },
    { "Chinese over lines", "\xE6\xB6\x88\xE9\x98\xB2\n\xE9\x97\xA8",
      "\xE6\xB6\x88\xE9\x98\xB2\xE9\x97\xA8", 1 },

    { "another digit", "at least 30 minutes", "at least 60 minutes", 0 },
    { "a decimal", "at least 3.0 m", "at least 30 m", 0 },
    { "a word left out", "It is not compliant.", "It is compliant.", 0 },
    { "another order", "doors and alarms", "alarms and doors", 0 },
    { "glued from two places", "All doors are red. Walls are blue.",
      "All doors are blue", 0 },
    { "case", "All doors", "all doors", 0 },
    { "an elision", "All the doors are red", "All ... red", 0 },
    { "an elision in brackets", "All the doors are red", "All [...] red", 0 },
    { "an elision that stands there", "All [...] red", "All [...] red", 1 },
    { "a trailing elision", "All the doors", "All the...", 0 },
    { "spaces are not dropped", "a nice door", "an ice door", 0 },

    { "inside a word", "the noncompliant party", "compliant party", 0 },
    { "inside a joined word", "a non-compliant party", "compliant party", 0 },
    { "inside a broken word", "a non-\ncompliant party",
      "compliant party", 0 },
    { "up to inside a word", "it is compliantly done", "it is compliant", 0 },
    { "inside a number", "a total of 1300", "total of 130", 0 },
    { "after a dash", "rooms\xE2\x80\x94" "compliant", "compliant", 1 },
    { "inside, then again whole", "party art", "art", 1 },
    { "hyphen differs, then agrees", "re-sign it, resign it", "resign it", 1 },

    { "empty", "All doors", "", 0 },
    { "blank", "All doors", " \n ", 0 },
    { "punctuation", "All - \"doors\" ...", "...", 0 },
    { "only marks", "\"\" ''", "\"\"", 0 },
    { "the whole page", "All doors", "All doors", 1 },
    { "longer than the page", "All doors", "All doors are", 0 },
    { "an empty page", "", "x", 0 },
    { "bad UTF-8", "a \xFF\xFE b", "a \xFF\xFE b", 1 },
    { "cut UTF-8", "abc \xE2\x82", "abc", 1 }
};


static int
check(const char *page, const char *quote)
{
    assess_page_t       p;
    assess_arena_t     *arena;
    assess_quotes_t    *quotes;
    assess_evidence_t   ev;

    arena = assess_arena_create();
    p.page = 1;
    p.text.data = (char *) page;
    p.text.len = strlen(page);

    quotes = assess_quotes_create(arena, &p, 1);

    memset(&ev, 0, sizeof(ev));
    ev.page = 1;
    ev.quote.data = (char *) quote;
    ev.quote.len = strlen(quote);

    assess_quote_check(quotes, &ev);
    assess_arena_destroy(arena);

    return ev.verified;
}


static void
test_pages(void)
{
    int                 i;
    assess_page_t       pages[9];
    assess_arena_t     *arena;
    assess_quotes_t    *quotes;
    assess_evidence_t   ev;

    static const struct {
        const char  *name;
        const char  *quote;
        int          claimed;
        int          page;
        int          verified;
    } asked[] = {
        { "claimed right", "page five", 5, 5, 1 },
        { "the nearest", "on four pages", 6, 7, 1 },
        { "nearest before", "on four pages", 4, 3, 1 },
        { "claimed, though elsewhere too", "on four pages", 9, 9, 1 },
        { "before the first", "page five", -2147483647 - 1, 5, 1 },
        { "behind the last", "page five", 2147483647, 5, 1 },
        { "nowhere", "page fifty", 4, 4, 0 },
        { "nowhere, and no such page", "page fifty", 400, 400, 0 },
        { "over a page break", "odd page five", 4, 4, 0 }
    };

    static const char  *texts[] = {
        "on four pages", "odd", "on four pages", "odd", "page five", "odd",
        "on four pages", "odd", "on four pages"
    };

    arena = assess_arena_create();

    for (i = 0; i < 9; i++) {
        pages[i].page = i + 1;
        pages[i].text.data = (char *) texts[i];
        pages[i].text.len = strlen(texts[i]);
    }

    quotes = assess_quotes_create(arena, pages, 9);

    for (i = 0; i < (int) (sizeof(asked) / sizeof(asked[0])); i++) {
        memset(&ev, 0, sizeof(ev));
        ev.page = asked[i].claimed;
        ev.quote.data = (char *) asked[i].quote;
        ev.quote.len = strlen(asked[i].quote);

        assess_quote_check(quotes, &ev);

        ok(ev.verified == asked[i].verified && ev.page == asked[i].page,
           "pages: %s", asked[i].name);
    }

    quotes = assess_quotes_create(arena, NULL, 0);
    ev.page = 3;
    assess_quote_check(quotes, &ev);
    ok(ev.verified == 0 && ev.page == 3, "pages: none at all");

    assess_arena_destroy(arena);
}


/* Input made to be slow: half a second is a hundred times what it takes. */

static void
test_hostile(void)
{
    char     *page, *quote;
    size_t    i, len, qlen;
    int64_t   began;

    len = 5000000;
    qlen = 10000;
    page = malloc(len + 1);
    quote = malloc(2 * qlen + 1);

    memset(page, 'a', len);
    page[len] = '\0';
    memset(quote, 'a', qlen);
    quote[qlen - 1] = 'b';
    quote[qlen] = '\0';

    began = assess_mono_ms();
    ok(check(page, quote) == 0, "hostile: one letter, another at the end");

    quote[qlen - 1] = 'a';
    ok(check(page, quote) == 0, "hostile: inside a word everywhere");

    for (i = 0; i < len; i += 2) {
        page[i] = '-';
    }

    ok(check(page, quote) == 0, "hostile: hyphens everywhere");

    for (i = 0; i + 2 < len; i += 3) {
        page[i] = 'a';
        page[i + 1] = '-';
        page[i + 2] = '\n';
    }

    for (i = 0; i < qlen; i++) {
        quote[2 * i] = 'a';
        quote[2 * i + 1] = i % 3 ? '-' : 'a';
    }
    quote[2 * qlen] = '\0';

    ok(check(page, quote) == 0, "hostile: line ends everywhere");

    for (i = 0; i + 2 < len; i += 2) {
        memcpy(page + i, "\xCC\x81", 2);
    }

    ok(check(page, quote) == 0, "hostile: marks everywhere");
    ok(assess_mono_ms() - began < 10000, "hostile: all in time (%d ms)",
       (int) (assess_mono_ms() - began));

    free(page);
    free(quote);
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ok(check(cases[i].page, cases[i].quote) == cases[i].verified, "%s",
           cases[i].name);
    }

    test_pages();
    test_hostile();

    return done_testing();
}
