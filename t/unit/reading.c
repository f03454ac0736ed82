/* sources: engine/assess_reading.c engine/assess_vocab.c engine/assess_terms.c
   engine/assess_stem.c engine/assess_sentence.c engine/assess_fold.c
   base/assess_base.c */
/* libs: -lm */

#include "tap.h"
#include "../../ngx_assess_module/engine/assess_reading.h"
#include "../../ngx_assess_module/engine/assess_terms.h"

#include <stdlib.h>


#define N  200                       /* passages */


static char              texts[N][256];
static assess_passage_t  passages[N];
static assess_vocab_t    vocab;
static assess_token_t    tokens[2048];
static size_t            ntokens;


static void
on_word(void *ctx, const char *text, size_t len, int word, size_t end)
{
    (void) ctx;

    tokens[ntokens].id = word ? assess_vocab_word(&vocab, text, len)
                              : assess_vocab_add(&vocab, text, len);
    tokens[ntokens++].end = (uint32_t) end;
}


static const assess_span_t *
read_passage(assess_reading_t *r, const assess_passage_t *p, size_t *n)
{
    ntokens = 0;
    assess_words(p->text.data, p->text.len, on_word, NULL);

    return assess_reading_passage(r, p, tokens, ntokens, n);
}


/* Whether the span is this text and has this term. */

static int
holds(const assess_span_t *span, const char *text, const char *term)
{
    size_t    i;
    uint32_t  id;

    id = assess_vocab_find(&vocab, term, strlen(term));

    for (i = span->first; i < span->end; i++) {
        if ((tokens[i].id & ~ASSESS_VOCAB_STOP) == id) {
            return id && span->len == strlen(text)
                   && memcmp(span->data, text, span->len) == 0;
        }
    }

    return 0;
}


static void
test_vocab(void)
{
    int             i, bad;
    char            term[16];
    uint32_t        id;
    assess_arena_t  *arena;
    assess_vocab_t  v, copy;

    memset(&v, 0, sizeof(v));
    arena = assess_arena_create();

    is_int(assess_vocab_find(&v, "door", 4), 0, "nothing in an empty one");
    is_int(assess_vocab_copy(arena, &copy, &v), 0, "an empty copy");
    is_int(assess_vocab_find(&copy, "door", 4), 0, "with nothing in it");

    for (i = 0, bad = 0; i < 5000; i++) {
        snprintf(term, sizeof(term), "t%d", i);
        id = assess_vocab_add(&v, term, strlen(term));
        bad += id != (uint32_t) i + 1;
    }

    is_int(bad, 0, "numbered from 1");
    is_int(assess_vocab_copy(arena, &copy, &v), 0, "copied");

    for (i = 0; i < 5000; i++) {
        snprintf(term, sizeof(term), "t%d", i);
        bad += assess_vocab_add(&v, term, strlen(term)) != (uint32_t) i + 1;
        bad += assess_vocab_find(&v, term, strlen(term)) != (uint32_t) i + 1;
        bad += assess_vocab_find(&copy, term, strlen(term))
               != (uint32_t) i + 1;
    }

    is_int(bad, 0, "found again, in the copy too");
    is_int(v.n, 5000, "no term twice");
    is_int(assess_vocab_find(&v, "t1", 1), 0, "a part of a term is none");

    id = assess_vocab_word(&v, "doors", 5);
    is_int(id, 5001, "a word is a term");
    is_int(assess_vocab_find(&v, "door", 4), id, "by its stem");
    is_int(assess_vocab_find(&v, "doors", 5), 0, "not as it is written");
    is_int(assess_vocab_word(&v, "doors", 5), id, "the same the next time");
    is_int(assess_vocab_word_find(&v, "doors", 5), id, "and found");
    is_int(assess_vocab_word_find(&v, "doored", 6), id, "as another one is");
    is_int(assess_vocab_word_find(&v, "wall", 4), 0, "but not all");
    is_int(v.n, 5001, "words are no terms themselves");

    /* what is the stem of a word need not be its own */

    id = assess_vocab_word(&v, "relational", 10);
    is_int(assess_vocab_find(&v, "relat", 5), id, "a stem");
    is_int(assess_vocab_word(&v, "relat", 5), id, "which is a word, too");

    id = assess_vocab_word(&v, "the", 3);
    is_int(id, 5003 | ASSESS_VOCAB_STOP, "a stop word is told");
    is_int(assess_vocab_word_find(&v, "the", 3), id, "when it is found");
    is_int(assess_vocab_word_find(&v, "of", 2), ASSESS_VOCAB_STOP,
           "when it is not there");
    is_int(assess_vocab_find(&v, "the", 3), 5003, "it is a term as well");

    assess_vocab_free(&v);
    is_int(assess_vocab_find(&v, "t1", 2), 0, "forgotten");
    is_int(assess_vocab_find(&copy, "t1", 2), 2, "the copy stays");

    assess_arena_destroy(arena);
}


static void
test_passages(assess_reading_t *r)
{
    int                   i, round, bad, trimmed;
    char                  term[16], first[64];
    size_t                n, spanned;
    const assess_span_t  *spans;

    spans = read_passage(r, &passages[7], &n);
    is_int((long long) n, 3, "a passage and two sentences");
    ok(holds(&spans[0], texts[7], "word7"), "the passage");
    ok(holds(&spans[1], "The door has word7.", "door"), "the first");
    ok(!holds(&spans[1], "The door has word7.", "wall"), "it alone");
    ok(holds(&spans[2], "Walls are white.", "wall"), "the second");
    ok(!holds(&spans[2], "Walls are white.", "word7"), "it alone");
    is_int((long long) spans[1].end, (long long) spans[2].first,
           "no term is lost");

    spanned = r->spans.len;
    ok(read_passage(r, &passages[7], &n)
       == (const assess_span_t *) (const void *) r->spans.data, "again");
    is_int((long long) r->spans.len, (long long) spanned, "read only once");

    for (round = 0, bad = 0, trimmed = 0; round < 3; round++) {
        for (i = N - 1; i >= 0; i--) {

            trimmed += assess_reading_trim(r);
            spans = read_passage(r, &passages[i], &n);

            snprintf(term, sizeof(term), "word%d", i);
            snprintf(first, sizeof(first), "The door has word%d.", i);

            bad += n != 3 || !holds(&spans[0], texts[i], term)
                   || !holds(&spans[1], first, term)
                   || !holds(&spans[2], "Walls are white.", "white");
            bad += r->spans.len > r->large + 1024;
        }
    }

    is_int(bad, 0, "right whatever was forgotten, within bounds");
    ok(trimmed > 2, "something was");
}


int
main(void)
{
    int                   i;
    char                  many[1024];
    size_t                n;
    assess_passage_t      p;
    assess_reading_t      r;
    const assess_span_t  *spans;

    for (i = 0; i < N; i++) {
        snprintf(texts[i], sizeof(texts[i]),
                 "The door has word%d. Walls are white.", i);
        passages[i].number = i;
        passages[i].text.data = texts[i];
        passages[i].text.len = strlen(texts[i]);
    }

    test_vocab();

    memset(&r, 0, sizeof(r));
    r.sentence = 400;
    r.large = 4096;

    test_passages(&r);

    for (i = 0; i < 1000; i += 5) {
        memcpy(many + i, "Aye! ", 5);
    }

    memset(&p, 0, sizeof(p));
    p.number = N;
    p.text.data = many;
    p.text.len = 1000;

    spans = read_passage(&r, &p, &n);
    is_int((long long) n, 1 + ASSESS_READING_SENTENCES,
           "no more sentences than are looked at");
    is_int((long long) spans[n - 1].len, 4, "the last one");

    p.number++;
    p.text.len = 0;

    spans = read_passage(&r, &p, &n);
    ok(n == 1 && spans[0].first == spans[0].end, "an empty passage");

    assess_reading_free(&r);
    assess_vocab_free(&vocab);

    return done_testing();
}
