
/* sources: engine/assess_local.c engine/assess_reading.c
   engine/assess_retrieve.c engine/assess_vocab.c engine/assess_bm25.c
   engine/assess_pageref.c engine/assess_passage.c engine/assess_edge.c
   engine/assess_terms.c engine/assess_stem.c engine/assess_sentence.c
   engine/assess_quote.c engine/assess_fold.c engine/assess_questions.c
   engine/assess_plain.c base/assess_base.c */
/* libs: -ljansson -lm */

/*
 * What a job costs the process itself, by its parts: all but the database, the
 * extraction and the provider.  CPU time of this thread, in microseconds a
 * job.
 *
 *     work [TEXT [QUESTIONS.json [ROUNDS]]]
 *
 * TEXT is as pdftotext writes it, QUESTIONS is the body of a PUT.  Without them
 * it is a short text and one question.
 */

#include "../../ngx_assess_module/engine/assess_local.h"
#include "../../ngx_assess_module/engine/assess_quote.h"
#include "../../ngx_assess_module/engine/assess_retrieve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define PASSAGES  8

typedef enum {
    QUESTIONS, PASSAGES_CUT, INDEX, QUOTES, SEARCH, ANSWER, CHECK, FREE, PARTS
} part_e;

static const char  *names[PARTS] = {
    "questions read", "passages cut", "index made", "pages folded",
    "passages found", "answers made", "quotes checked", "memory freed"
};

static double            cost[PARTS];
static double            since;
static assess_quotes_t  *quotes;
static size_t            quoted, verified;


static void *
need(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }

    return p;
}


static double
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}


static void
spent(part_e part)
{
    double  at;

    at = now();
    cost[part] += at - since;
    since = at;
}


static char *
file(const char *path, size_t *len)
{
    FILE          *f;
    assess_buf_t   b;
    size_t         n;
    char           piece[65536];

    memset(&b, 0, sizeof(b));

    f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        exit(2);
    }

    while ((n = fread(piece, 1, sizeof(piece), f)) > 0) {
        assess_buf_add(&b, piece, n);
    }

    fclose(f);
    assess_buf_add(&b, "", 0);
    *len = b.len;

    return b.data;
}


static assess_err_e
on_reply(void *ctx, const assess_reply_t *reply, assess_err_t *err)
{
    size_t  i, j;

    (void) ctx;
    (void) err;

    spent(ANSWER);

    for (i = 0; i < reply->nanswers; i++) {
        for (j = 0; j < reply->answers[i].nevidence; j++) {
            assess_quote_check(quotes, &reply->answers[i].evidence[j]);
            quoted++;
            verified += reply->answers[i].evidence[j].verified ? 1 : 0;
        }
    }

    spent(CHECK);

    return ASSESS_OK;
}


static int
never(void *ctx)
{
    (void) ctx;

    return 0;
}


static void
job(const assess_question_set_t *set, const assess_page_t *pages,
    size_t npages)
{
    size_t                   i, n, npassages;
    assess_ask_t             ask;
    assess_err_t             err;
    assess_item_t           *items;
    assess_hit_t            *hits;
    assess_arena_t          *arena, *more;
    assess_index_t          *index;
    assess_search_t         *search;
    assess_passage_t        *passages;
    assess_question_t       *questions;
    assess_provider_conf_t   conf;

    since = now();

    arena = need(assess_arena_create());
    more = need(assess_arena_create());

    if (assess_questions_read(arena, set, &questions, &n, &err) != ASSESS_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(2);
    }

    spent(QUESTIONS);

    (void) assess_passages_cut(arena, pages, npages, &passages, &npassages,
                               &err);
    spent(PASSAGES_CUT);

    index = need(assess_index_create(arena, passages, npassages));
    spent(INDEX);

    quotes = need(assess_quotes_create(arena, pages, npages));
    spent(QUOTES);

    search = need(assess_search_create(arena, index));
    items = need(assess_pcalloc(arena, n * sizeof(assess_item_t)));

    for (i = 0; i < n; i++) {
        hits = need(assess_palloc(arena, PASSAGES * sizeof(assess_hit_t)));
        items[i].question = &questions[i];
        items[i].hits = hits;
        items[i].nhits = assess_search(search, &questions[i], hits,
                                       PASSAGES);
    }

    spent(SEARCH);

    memset(&ask, 0, sizeof(ask));
    ask.items = items;
    ask.nitems = n;
    ask.reply = on_reply;
    ask.cancelled = never;

    memset(&conf, 0, sizeof(conf));
    conf.questions_per_batch = 5;

    if (assess_local_ask(&conf, more, &ask, &err) != ASSESS_OK) {
        exit(2);
    }

    spent(ANSWER);

    assess_arena_destroy(more);
    assess_arena_destroy(arena);

    spent(FREE);
}


static size_t
cut_pages(char *text, size_t len, assess_page_t **pages)
{
    size_t  i, n, start;

    n = 1;

    for (i = 0; i < len; i++) {
        n += text[i] == '\f';
    }

    *pages = need(calloc(n, sizeof(assess_page_t)));

    for (i = 0, n = 0, start = 0; i <= len; i++) {
        if (i == len ? start < len : text[i] == '\f') {
            (*pages)[n].page = (int) n + 1;
            (*pages)[n].text.data = text + start;
            (*pages)[n].text.len = i - start;
            n++;
            start = i + 1;
        }
    }

    return n;
}


int
main(int argc, char **argv)
{
    int                     i, rounds;
    char                   *text;
    size_t                  len, n, size;
    double                  all;
    const char             *body;
    assess_arena_t         *arena;
    assess_err_t            err;
    assess_page_t          *pages;
    assess_question_set_t   set;

    static char  one[] = "{\"questions\":[{\"id\":\"Q1\",\"text\":"
        "\"Are the fire doors of stair 7 tested?\"}]}";

    text = need(calloc(1, 2048));

    for (i = 1; strlen(text) < 1024; i++) {
        sprintf(text + strlen(text), "Paragraph %d of the plan. The fire doors"
                " of stair %d are tested every month, and extinguisher number"
                " %d hangs next to exit %d.\n\n", i, i, i, i);
    }

    len = strlen(text);
    body = one;
    size = sizeof(one) - 1;

    if (argc > 1) {
        text = file(argv[1], &len);
    }

    if (argc > 2) {
        body = file(argv[2], &size);
    }

    rounds = argc > 3 ? atoi(argv[3]) : argc > 1 ? 5 : 20000;

    arena = need(assess_arena_create());
    memset(&set, 0, sizeof(set));

    if (assess_question_set_parse(arena, body, size, &set, &err)
        != ASSESS_OK)
    {
        fprintf(stderr, "%s\n", err.message);
        return 2;
    }

    n = cut_pages(text, len, &pages);

    job(&set, pages, n);
    memset(cost, 0, sizeof(cost));

    for (i = 0; i < rounds; i++) {
        job(&set, pages, n);
    }

    printf("%zu bytes, %zu pages, %d questions; %zu of %zu quotes verified\n",
           len, n, set.question_count, verified, quoted);

    all = 0;

    for (i = 0; i < PARTS; i++) {
        printf("  %-16s %10.2f us\n", names[i], cost[i] / rounds);
        all += cost[i] / rounds;
    }

    printf("  %-16s %10.2f us\n", "a job", all);

    return 0;
}
