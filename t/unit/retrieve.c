/* sources: engine/assess_retrieve.c engine/assess_vocab.c engine/assess_bm25.c
   engine/assess_pageref.c engine/assess_passage.c engine/assess_edge.c
   engine/assess_terms.c engine/assess_stem.c engine/assess_sentence.c
   engine/assess_fold.c base/assess_base.c */
/* libs: -lm */

#include "tap.h"
#include "../../ngx_assess_module/engine/assess_pageref.h"
#include "../../ngx_assess_module/engine/assess_retrieve.h"
#include "../../ngx_assess_module/engine/assess_stem.h"
#include "../../ngx_assess_module/engine/assess_terms.h"

#include <stdlib.h>


static const char *const  texts[] = {
    "The fire doors are self-closing. All fire doors close by themselves.",
    "Roses grow in the garden behind the house, and tulips.",
    "A log of tests is kept. The caretaker tests the alarm system weekly.",
    "The caf\xC3\xA9 opens at nine. It serves the \xEF\xAC\x81nest tea.",
    "\xE6\xB6\x88\xE9\x98\xB2\xE9\x97\xA8\xE5\xBF\x85\xE9\xA1\xBB",
    "Table 3 lists the rooms. See table 4 for the floors."
};


/* Where the term before this one ended. */
static size_t  before;


static void
collect(void *ctx, const char *text, size_t len, int word, size_t end)
{
    int            stop;
    char           term[ASSESS_TERM_LEN];
    assess_buf_t  *b;

    b = ctx;
    stop = 0;

    memcpy(term, text, len);

    if (word) {
        len = assess_terms_word(term, len, &stop);
    }

    assess_buf_printf(b, "%s%.*s%s%s", b->len ? "|" : "", (int) len, term,
                      stop ? "-" : "", end < before ? " falls" : "");
    before = end;
}


typedef struct {
    char    ends[64];
    size_t  len;
} ends_t;


static void
collect_end(void *ctx, const char *text, size_t len, int word, size_t end)
{
    ends_t  *e;

    (void) text;
    (void) len;
    (void) word;

    e = ctx;
    e->len += (size_t) snprintf(e->ends + e->len, sizeof(e->ends) - e->len,
                                "%zu ", end);
}


/* A term ends where its last letter does, whatever is looked at behind it. */

static void
test_ends(void)
{
    size_t  i;
    ends_t  e;

    static const char  *cases[][2] = {
        { "a door. ", "1 6 " },
        { "fire-\nfighting ", "4 14 14 " },
        { "table  3, 1,000", "5 8 8 15 " },
        { "caf\xC3\xA9\xCC\x81 x", "5 9 " },
        { "\xE6\xB6\x88\xE9\x98\xB2 \xE9\x97\xA8", "6 10 " },
        { "\xE6\xB6\x88 a", "3 5 " },
        { "don't-", "5 " }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&e, 0, sizeof(e));
        assess_words(cases[i][0], strlen(cases[i][0]), collect_end, &e);
        is_str(e.ends, cases[i][1], "ends of terms");
    }
}


static void
test_terms(void)
{
    char           name[32];
    size_t         i;
    assess_buf_t   b;

    static const struct {
        const char  *text;
        const char  *want;
    } cases[] = {
        { "The Doors, doors!", "the-|door|door" },
        { "fire-fighting", "fire|fight|firefight" },
        { "fire-\nfighting", "fire|fight|firefight" },
        { "fire -\nfighting", "fire|fight" },
        { "fire\xC2\xAD" "fighting", "firefight" },
        { "Caf\xC3\xA9 \xC3\x85ngstr\xC3\xB6m", "cafe|angstrom" },
        { "\xEF\xAC\x81re STRASSE Stra\xC3\x9F" "e", "fire|strass|strass" },
        { "the user's, don't", "the-|user|dont" },
        { "1,000 4.2.1 30%", "1000|4.2.1|30" },
        { "Table 3", "tabl|3|tabl 3" },
        { "table. 3", "tabl|3" },
        { "\xD0\x9F\xD0\xA0\xD0\x9E\xD0\x9F", "\xD0\xBF\xD1\x80\xD0\xBE\xD0\xBF" },
        { "\xE6\xB6\x88\xE9\x98\xB2\n\xE9\x97\xA8",
          "\xE6\xB6\x88\xE9\x98\xB2|\xE9\x98\xB2\xE9\x97\xA8" },
        { "\xE6\xB6\x88 a", "\xE6\xB6\x88|a-" },
        { "-- ... --", NULL }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&b, 0, sizeof(b));
        before = 0;
        assess_words(cases[i].text, strlen(cases[i].text), collect, &b);
        snprintf(name, sizeof(name), "terms, case %zu", i);
        is_str(b.data, cases[i].want, name);
        assess_buf_free(&b);
    }
}


/* From the paper's own examples. */

static void
test_stems(void)
{
    char    word[32];
    size_t  i, len;

    static const char *const  pairs[][2] = {
        { "caresses", "caress" }, { "ponies", "poni" }, { "cats", "cat" },
        { "feed", "feed" }, { "agreed", "agre" }, { "plastered", "plaster" },
        { "motoring", "motor" }, { "sing", "sing" }, { "sized", "size" },
        { "hopping", "hop" }, { "falling", "fall" }, { "hissing", "hiss" },
        { "failing", "fail" }, { "filing", "file" }, { "happy", "happi" },
        { "sky", "sky" }, { "relational", "relat" },
        { "conditional", "condit" }, { "digitizer", "digit" },
        { "operator", "oper" }, { "hopefulness", "hope" },
        { "electrical", "electr" }, { "goodness", "good" },
        { "revival", "reviv" }, { "adjustment", "adjust" },
        { "adoption", "adopt" }, { "probate", "probat" }, { "rate", "rate" },
        { "controll", "control" }, { "roll", "roll" }, { "is", "is" },
        { "sss", "sss" }, { "yyyy", "yyyi" }
    };

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        strcpy(word, pairs[i][0]);
        len = assess_stem(word, strlen(word));
        word[len] = '\0';
        is_str(word, pairs[i][1], pairs[i][0]);
    }
}


static void
test_pagerefs(void)
{
    int     pages[ASSESS_PAGEREFS];
    char    got[64];
    size_t  i, k, n, at;

    static const char *const  cases[][2] = {
        { "What is on page 9?", "9 " },
        { "Pages 3, 4 and 12 show it", "3 4 12 " },
        { "on the second page", "2 " },
        { "on the 14th page", "14 " },
        { "on page two", "2 " },
        { "on the cover page and the last page", "1 -1 " },
        { "Is there a home page?", "" },
        { "page", "" },
        { "9 pages", "" },
        { "page 99999999999", "" },
        { "page 0", "" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        n = assess_pagerefs(cases[i][0], strlen(cases[i][0]), pages);
        got[0] = '\0';

        for (k = 0, at = 0; k < n; k++) {
            at += (size_t) snprintf(got + at, sizeof(got) - at, "%d ",
                                    pages[k]);
        }

        is_str(got, cases[i][1], cases[i][0]);
    }
}


static size_t
search(assess_search_t *with, const char *text, const char *guidance,
    assess_hit_t *hits, size_t max)
{
    assess_question_t  q;

    memset(&q, 0, sizeof(q));
    q.text.data = (char *) text;
    q.text.len = strlen(text);
    q.guidance.data = (char *) guidance;
    q.guidance.len = guidance ? strlen(guidance) : 0;

    return assess_search(with, &q, hits, max);
}


static void
test_search(assess_arena_t *arena)
{
    size_t             i, n, bad;
    assess_err_t       err;
    assess_hit_t       hits[10];
    assess_page_t      pages[6];
    assess_search_t   *with;
    assess_passage_t  *passages;

    static const struct {
        const char  *text;
        const char  *guidance;
        int          page;
    } cases[] = {
        { "Do the doors close themselves?", NULL, 1 },
        { "FIRE DOOR", NULL, 1 },
        { "How often is the alarm tested?", NULL, 3 },
        { "cafe", NULL, 4 },
        { "finest tea", NULL, 4 },
        { "\xE6\xB6\x88\xE9\x98\xB2\xE9\x97\xA8", NULL, 5 },
        { "table 4", NULL, 6 },
        { "What about gardens?", "fire doors", 2 },
        { "anything?", "fire doors", 1 },
        { "What is on page 2?", NULL, 2 },
        { "What is said on the last page?", NULL, 6 },
        { "Is there a swimming pool?", NULL, 0 },
        { "the of and is", NULL, 0 },
        { "", NULL, 0 }
    };

    for (i = 0; i < 6; i++) {
        pages[i].page = (int) i + 1;
        pages[i].text.data = (char *) texts[i];
        pages[i].text.len = strlen(texts[i]);
    }

    (void) assess_passages_cut(arena, pages, 6, &passages, &n, &err);
    with = assess_search_create(arena, assess_index_create(arena, passages, n));

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = search(with, cases[i].text, cases[i].guidance, hits, 10);
        is_int(n ? hits[0].passage->page : 0, cases[i].page, cases[i].text);
    }

    n = search(with, "fire garden alarm tea rooms", NULL, hits, 10);
    is_int((long long) n, 5, "all that share a word");

    for (i = 0, bad = 0; i < n; i++) {
        bad += hits[i].score <= 0;
        bad += i && hits[i].score > hits[i - 1].score;
    }

    is_int((long long) bad, 0, "best first, all above 0");
    i = (size_t) hits[0].passage->page;

    is_int((long long) search(with, "fire garden alarm tea rooms", NULL,
                              hits, 1), 1, "no more than asked for");
    is_int(hits[0].passage->page, (long long) i, "the best of them");
    is_int((long long) search(with, "fire", NULL, hits, 0), 0, "none");

    with = assess_search_create(arena, assess_index_create(arena, NULL, 0));
    is_int((long long) search(with, "fire", NULL, hits, 10), 0,
           "an empty index");
}


int
main(void)
{
    assess_arena_t  *arena;

    arena = assess_arena_create();

    test_terms();
    test_ends();
    test_stems();
    test_pagerefs();
    test_search(arena);

    assess_arena_destroy(arena);

    return done_testing();
}
