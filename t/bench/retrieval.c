/* sources: engine/assess_retrieve.c engine/assess_vocab.c engine/assess_bm25.c
   engine/assess_pageref.c engine/assess_passage.c engine/assess_edge.c
   engine/assess_terms.c engine/assess_stem.c engine/assess_sentence.c
   engine/assess_fold.c base/assess_base.c */
/* libs: -ljansson -lm */

/*
 * How often the page that answers a question is among the first pages found,
 * by plain BM25 over whole pages and by ours, in the same run.
 *
 *     retrieval SAMPLES.json TEXTDIR [-v]
 *
 * SAMPLES is an array of {"doc_id","question","evidence_pages"}, as MMLongBench
 * has it; TEXTDIR holds DOC_ID.txt, as pdftotext writes it, a form feed behind
 * each page.  Documents without a text, and questions without evidence, are
 * left out.
 */

#include "../../ngx_assess_module/engine/assess_retrieve.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>


#define MAX_PAGES  20000
#define TOP        5
#define HITS       40


typedef struct {
    char     **words;
    size_t     n;
} words_t;

typedef struct {
    char              id[256];
    char             *text;
    assess_page_t    *pages;
    words_t          *plain;
    size_t            npages;
    assess_arena_t   *arena;
    assess_search_t  *search;
    size_t            npassages;
    double            build_ms;
    double            search_ms;
    int               asked;
    int               hit[2][2];
} document_t;


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
now_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec * 1e3 + (double) ts.tv_nsec / 1e6;
}


static words_t
split(const char *data, size_t len)
{
    size_t   i, start;
    words_t  w;

    w.n = 0;
    w.words = need(calloc(len / 2 + 2, sizeof(char *)));

    for (i = 0; i < len; /* void */) {

        for (start = i; i < len && isalnum((unsigned char) data[i]); i++) {
            /* void */
        }

        if (i > start) {
            w.words[w.n] = need(strndup(data + start, i - start));
            for (char *c = w.words[w.n]; *c; c++) {
                *c = (char) tolower((unsigned char) *c);
            }
            w.n++;

        } else {
            i++;
        }
    }

    return w;
}


static size_t
count(const words_t *w, const char *word)
{
    size_t  i, n;

    for (i = 0, n = 0; i < w->n; i++) {
        n += strcmp(w->words[i], word) == 0;
    }

    return n;
}


/* Okapi BM25, k1 1.2, b 0.75, words as they are */

static void
plain(document_t *doc, const char *question, int *best)
{
    int      top;
    size_t   i, j, df, *tf;
    double   average, idf, *scores;
    words_t  q;

    q = split(question, strlen(question));
    scores = need(calloc(doc->npages, sizeof(double)));
    tf = need(calloc(doc->npages, sizeof(size_t)));

    for (i = 0, average = 0; i < doc->npages; i++) {
        average += (double) doc->plain[i].n / (double) doc->npages;
    }

    for (j = 0; j < q.n; j++) {

        for (i = 0, df = 0; i < doc->npages; i++) {
            tf[i] = count(&doc->plain[i], q.words[j]);
            df += tf[i] > 0;
        }

        idf = log(1 + ((double) (doc->npages - df) + 0.5)
                      / ((double) df + 0.5));

        for (i = 0; i < doc->npages; i++) {
            if (tf[i]) {
                scores[i] += idf * (double) tf[i] * 2.2
                             / ((double) tf[i] + 1.2 * (0.25 + 0.75
                                * (double) doc->plain[i].n / average));
            }
        }
    }

    for (top = 0; top < TOP; top++) {

        best[top] = 0;

        for (i = 0, j = 0; i < doc->npages; i++) {
            if (scores[i] > scores[j]) {
                j = i;
            }
        }

        if (scores[j] > 0) {
            best[top] = doc->pages[j].page;
            scores[j] = -1;
        }
    }

    free(scores);
    free(tf);

    for (j = 0; j < q.n; j++) {
        free(q.words[j]);
    }

    free(q.words);
}


static void
ours(document_t *doc, const char *text, int *best)
{
    int                 top, i;
    size_t              n, h;
    double              began;
    assess_hit_t        hits[HITS];
    assess_question_t   question;

    memset(&question, 0, sizeof(question));
    question.text.data = (char *) text;
    question.text.len = strlen(text);

    began = now_ms();
    n = assess_search(doc->search, &question, hits, HITS);
    doc->search_ms += now_ms() - began;

    memset(best, 0, TOP * sizeof(int));

    for (h = 0, top = 0; h < n && top < TOP; h++) {

        for (i = 0; i < top && best[i] != hits[h].passage->page; i++) {
            /* void */
        }

        if (i == top) {
            best[top++] = hits[h].passage->page;
        }
    }
}


static document_t *
load(const char *dir, const char *id)
{
    char               path[1024], *p, *ff;
    long               size;
    FILE              *f;
    size_t             n;
    double             began;
    document_t        *doc;
    assess_err_t       err;
    assess_passage_t  *passages;

    snprintf(path, sizeof(path), "%s/%s.txt", dir, id);

    f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }

    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);

    doc = need(calloc(1, sizeof(document_t)));
    snprintf(doc->id, sizeof(doc->id), "%s", id);

    doc->text = need(calloc(1, (size_t) size + 1));
    doc->pages = need(calloc(MAX_PAGES, sizeof(assess_page_t)));
    doc->plain = need(calloc(MAX_PAGES, sizeof(words_t)));

    if (fread(doc->text, 1, (size_t) size, f) != (size_t) size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(2);
    }

    fclose(f);

    for (p = doc->text; (ff = strchr(p, '\f')) && doc->npages < MAX_PAGES;
         p = ff + 1)
    {
        n = doc->npages++;
        doc->pages[n].page = (int) n + 1;
        doc->pages[n].text.data = p;
        doc->pages[n].text.len = (size_t) (ff - p);
        doc->plain[n] = split(p, (size_t) (ff - p));
    }

    began = now_ms();

    doc->arena = need(assess_arena_create());

    if (assess_passages_cut(doc->arena, doc->pages, doc->npages, &passages,
                            &doc->npassages, &err) != ASSESS_OK)
    {
        fprintf(stderr, "%s: %s\n", path, err.message);
        exit(2);
    }

    doc->search = need(assess_search_create(doc->arena,
                       need(assess_index_create(doc->arena, passages,
                                                doc->npassages))));
    doc->build_ms = now_ms() - began;

    return doc;
}


static int
found(json_t *evidence, const int *best, int top)
{
    int     i;
    size_t  k;

    for (i = 0; i < top; i++) {
        for (k = 0; k < json_array_size(evidence); k++) {
            if (json_integer_value(json_array_get(evidence, k)) == best[i]) {
                return 1;
            }
        }
    }

    return 0;
}


static void
ask(document_t *doc, const char *question, json_t *evidence, int verbose)
{
    int  pages[2][TOP], i, k;

    plain(doc, question, pages[0]);
    ours(doc, question, pages[1]);

    doc->asked++;

    for (i = 0; i < 2; i++) {
        doc->hit[i][0] += found(evidence, pages[i], 1);
        doc->hit[i][1] += found(evidence, pages[i], TOP);
    }

    if (verbose && !found(evidence, pages[1], TOP)) {

        printf("# %s: %s\n#   evidence", doc->id, question);

        for (k = 0; k < (int) json_array_size(evidence); k++) {
            printf(" %d", (int) json_integer_value(json_array_get(evidence,
                                                          (size_t) k)));
        }

        printf(", plain");
        for (k = 0; k < TOP; k++) {
            printf(" %d", pages[0][k]);
        }

        printf(", ours");
        for (k = 0; k < TOP; k++) {
            printf(" %d", pages[1][k]);
        }

        printf("\n");
    }
}


static void
print(const document_t *doc)
{
    printf("%-44.44s %4zu %5zu %4d  %5.3f %5.3f  %5.3f %5.3f  %6.1f %6.2f\n",
           doc->id, doc->npages, doc->npassages, doc->asked,
           (double) doc->hit[0][0] / doc->asked,
           (double) doc->hit[0][1] / doc->asked,
           (double) doc->hit[1][0] / doc->asked,
           (double) doc->hit[1][1] / doc->asked,
           doc->build_ms, doc->search_ms);
}


int
main(int argc, char **argv)
{
    int           verbose;
    size_t        i, d, k, ndocs;
    json_t       *samples, *sample, *evidence;
    document_t   *docs[512], total;
    const char   *id, *pages;
    json_error_t  error;

    if (argc < 3) {
        fprintf(stderr, "usage: retrieval SAMPLES.json TEXTDIR [-v]\n");
        return 2;
    }

    verbose = argc > 3 && strcmp(argv[3], "-v") == 0;

    samples = json_load_file(argv[1], 0, &error);
    if (!json_is_array(samples)) {
        fprintf(stderr, "%s: %s\n", argv[1], error.text);
        return 2;
    }

    ndocs = 0;

    for (i = 0; i < json_array_size(samples); i++) {

        sample = json_array_get(samples, i);
        id = json_string_value(json_object_get(sample, "doc_id"));
        pages = json_string_value(json_object_get(sample, "evidence_pages"));
        evidence = pages ? json_loads(pages, 0, &error) : NULL;

        for (d = 0; id && d < ndocs && strcmp(docs[d]->id, id) != 0; d++) {
            /* void */
        }

        if (id && json_array_size(evidence) && d == ndocs && ndocs < 512) {

            docs[d] = load(argv[2], id);
            ndocs += docs[d] != NULL;
        }

        if (id && json_array_size(evidence) && d < ndocs) {
            ask(docs[d],
                json_string_value(json_object_get(sample, "question")),
                evidence, verbose);
        }

        json_decref(evidence);
    }

    json_decref(samples);

    printf("%-44s %4s %5s %4s  %5s %5s  %5s %5s  %6s %6s\n", "document",
           "page", "pass", "ask", "pl@1", "pl@5", "our@1", "our@5", "build",
           "search");

    memset(&total, 0, sizeof(total));
    snprintf(total.id, sizeof(total.id), "all");

    for (d = 0; d < ndocs; d++) {

        print(docs[d]);

        total.npages += docs[d]->npages;
        total.npassages += docs[d]->npassages;
        total.asked += docs[d]->asked;
        total.build_ms += docs[d]->build_ms;
        total.search_ms += docs[d]->search_ms;

        for (k = 0; k < 4; k++) {
            total.hit[k / 2][k % 2] += docs[d]->hit[k / 2][k % 2];
        }
    }

    if (total.asked == 0) {
        fprintf(stderr, "no question could be asked\n");
        return 2;
    }

    print(&total);

    return total.hit[1][1] < total.hit[0][1];
}
