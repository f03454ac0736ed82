/* sources: engine/assess_passage.c engine/assess_edge.c
   engine/assess_sentence.c engine/assess_fold.c base/assess_base.c */
/* libs: -lm */

#include "tap.h"
#include "../../ngx_assess_module/engine/assess_passage.h"
#include "../../ngx_assess_module/engine/assess_sentence.h"

#include <stdlib.h>


#define PAGES  10000


static assess_passage_t  *passages;
static size_t             n;


static void
cut(assess_arena_t *arena, const char *const *texts, size_t npages)
{
    size_t          i;
    assess_err_t    err;
    assess_page_t  *pages;

    pages = assess_palloc(arena, (npages + 1) * sizeof(assess_page_t));

    for (i = 0; i < npages; i++) {
        pages[i].page = (int) i + 1;
        pages[i].text.data = (char *) texts[i];
        pages[i].text.len = strlen(texts[i]);
    }

    n = 0;
    passages = NULL;

    is_int(assess_passages_cut(arena, pages, npages, &passages, &n, &err),
           ASSESS_OK, "cut");
}


static size_t
words(const assess_str_t *s)
{
    size_t  i, count;

    for (i = 0, count = 0; i < s->len; i++) {
        count += s->data[i] > ' ' && (i == 0 || s->data[i - 1] <= ' ');
    }

    return count;
}


static char *
prose(size_t count, const char *end)
{
    size_t         i;
    assess_buf_t   b;

    memset(&b, 0, sizeof(b));

    for (i = 0; i < count; i++) {
        assess_buf_printf(&b, "%sword%s", i % 12 ? "" : "The ",
                          i % 12 == 11 ? ".\n" : " ");
    }

    assess_buf_str(&b, end);

    return b.data;
}


static void
test_sizes(assess_arena_t *arena)
{
    char        *text;
    size_t       i, small, large;

    text = prose(2000, "");
    cut(arena, (const char *const *) &text, 1);

    for (i = 0, small = 0, large = 0; i < n; i++) {
        small += words(&passages[i].text) < 80;
        large += words(&passages[i].text) > 180;
    }

    ok(n >= 14 && n <= 27, "2,166 words are %zu passages", n);
    ok(small <= 1 && large == 0, "of the right size");

    for (i = 0, small = 0; i < n; i++) {
        small += passages[i].text.data[passages[i].text.len - 1] == '.';
        large += passages[i].text.data < text
                 || passages[i].text.data + passages[i].text.len
                    > text + strlen(text);
        large += passages[i].number != (int) i || passages[i].page != 1;
    }

    ok(small >= n - 1, "they end with sentences");
    is_int((long long) large, 0, "and are slices of the page, in order");

    free(text);
}


static void
test_headings(assess_arena_t *arena)
{
    char          text[8192], *one, *two;
    const char   *texts[2];

    one = prose(70, "");
    two = prose(90, "");

    snprintf(text, sizeof(text), "1.2 Fire doors\n\n%s\n\nESCAPE ROUTES\n%s",
             one, two);

    texts[0] = text;
    texts[1] = "it goes on here, on the next page, without a heading.";

    cut(arena, texts, 2);

    is_int((long long) n, 3, "a heading begins a passage");
    ok(n == 3 && passages[0].heading.len == 14
       && memcmp(passages[0].heading.data, "1.2 Fire doors", 14) == 0,
       "the first heading");
    ok(n == 3 && passages[1].heading.len == 13
       && memcmp(passages[1].heading.data, "ESCAPE ROUTES", 13) == 0,
       "the second");
    ok(n == 3 && passages[2].heading.data == passages[1].heading.data,
       "it holds on the next page");

    snprintf(text, sizeof(text), "# Title\n%s\n## Alarms\n%s", one, two);
    cut(arena, texts, 1);
    ok(n == 2 && passages[1].heading.len == 6
       && memcmp(passages[1].heading.data, "Alarms", 6) == 0,
       "a heading of Markdown");

    free(one);
    free(two);
}


static void
test_edges(assess_arena_t *arena)
{
    int           i, bad;
    char          text[6][256];
    size_t        k;
    const char   *texts[6];

    static const char *const  bodies[] = {
        "Alpha stands here.", "Beta stands here.", "Gamma stands here.",
        "Delta stands here.", "Epsilon stands here.", "Zeta stands here."
    };

    for (i = 0; i < 6; i++) {
        snprintf(text[i], sizeof(text[i]),
                 "Report 2024\n\n%s\nwith 12 doors\n\nPage %d of 9\n\f",
                 bodies[i], i + 4);
        texts[i] = text[i];
    }

    cut(arena, texts, 6);

    for (k = 0, bad = 0; k < n; k++) {
        bad += memmem(passages[k].text.data, passages[k].text.len, "Report",
                      6) != NULL;
        bad += memmem(passages[k].text.data, passages[k].text.len, "Page",
                      4) != NULL;
        bad += passages[k].label != passages[k].page + 3;
    }

    is_int((long long) n, 6, "running lines: a passage each page");
    is_int(bad, 0, "running lines are left out, their numbers are known");
    ok(n && passages[0].text.len > 0
       && memcmp(passages[0].text.data, "Alpha", 5) == 0, "the body is not");

    for (i = 0; i < 6; i++) {
        snprintf(text[i], sizeof(text[i]), "Slide %d\n\f", i + 1);
    }

    cut(arena, texts, 6);
    is_int((long long) n, 6, "a page of nothing but running lines keeps one");

    for (i = 0; i < 2; i++) {
        snprintf(text[i], sizeof(text[i]), "Report 2024\n\n%s\n", bodies[i]);
    }

    cut(arena, texts, 2);
    ok(n == 2 && memcmp(passages[0].text.data, "Report", 6) == 0,
       "two pages prove nothing");
    is_int(passages[0].label, 0, "nor a number on them");
}


static void
test_sentences(void)
{
    size_t  i;

    static const struct {
        const char  *text;
        size_t       at;
        size_t       want;
    } cases[] = {
        { "It is. So it is.", 5, 1 },
        { "It is. so it is.", 5, 0 },
        { "See e.g. Annex 3.", 7, 0 },
        { "See No. 7 there.", 6, 0 },
        { "It costs 3.5 units", 10, 0 },
        { "(It is.) So it is.", 6, 2 },
        { "Is it? Yes", 5, 1 },
        { "The end.", 7, 1 },
        { "\xE5\xAE\x8C\xE3\x80\x82\xE5\xAE\x8C", 3, 3 },
        { "No, not", 2, 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int((long long) assess_sentence_end(cases[i].text,
                               strlen(cases[i].text), cases[i].at),
               (long long) cases[i].want, cases[i].text);
    }
}


/* A second is far more than it takes, and far less than it took if quadratic */

static void
test_large(assess_arena_t *arena)
{
    char         *page, *few;
    size_t        i, len, k;
    int64_t       began;
    const char  **texts;

    len = 5000000;
    page = malloc(len + 1);
    began = assess_mono_ms();

    memset(page, 'a', len);
    page[len] = '\0';
    cut(arena, (const char *const *) &page, 1);
    ok(n > 1000 && n < 10000, "5 MB without a space: %zu passages", n);

    for (i = 0; i < len; i += 7) {
        page[i] = ' ';
    }

    cut(arena, (const char *const *) &page, 1);
    ok(n > 1000 && n < 10000, "5 MB without a line: %zu passages", n);

    memset(page, '.', len);
    cut(arena, (const char *const *) &page, 1);
    is_int((long long) n, 0, "5 MB of full stops say nothing");

    memset(page, '\n', len);
    cut(arena, (const char *const *) &page, 1);
    is_int((long long) n, 0, "nor do empty lines");

    few = prose(300, "12\n");
    texts = malloc(PAGES * sizeof(char *));

    for (k = 0; k < PAGES; k++) {
        texts[k] = few;
    }

    cut(arena, texts, PAGES);
    ok(n >= PAGES && n < 5 * PAGES, "10,000 pages: %zu passages", n);
    ok(assess_mono_ms() - began < 20000, "all in time (%d ms)",
       (int) (assess_mono_ms() - began));

    free(texts);
    free(few);
    free(page);
}


int
main(void)
{
    assess_arena_t  *arena;

    static const char *const  none[] = { "", " \n\f" };

    arena = assess_arena_create();

    cut(arena, NULL, 0);
    is_int((long long) n, 0, "no page");

    cut(arena, none, 2);
    is_int((long long) n, 0, "no text");

    test_sizes(arena);
    test_headings(arena);
    test_edges(arena);
    test_sentences();
    test_large(arena);

    assess_arena_destroy(arena);

    return done_testing();
}
