
/* Which passages speak to a question: BM25, exact, in process. */

#ifndef ASSESS_RETRIEVE_H
#define ASSESS_RETRIEVE_H


#include "assess_passage.h"
#include "assess_questions.h"
#include "assess_vocab.h"


typedef struct assess_index_s   assess_index_t;
typedef struct assess_search_s  assess_search_t;

typedef struct {
    const assess_passage_t  *passage;
    const assess_index_t    *index;  /* that it was found in */
    double                   score;  /* above 0, best first */
} assess_hit_t;


/*
 * The passages must outlive the index.  NULL is out of memory.  Once it is made
 * nothing is written to it: any number of threads may search it at once.
 */
assess_index_t *assess_index_create(assess_arena_t *arena,
    const assess_passage_t *passages, size_t n);

/* The terms of a passage, where they stand in its text; n of them. */
const assess_token_t *assess_index_tokens(const assess_index_t *index,
    const assess_passage_t *passage, size_t *n);

/* The terms of all passages. */
const assess_vocab_t *assess_index_vocab(const assess_index_t *index);

/*
 * Room for searches, one after the other, of one thread; the index must outlive
 * it.  NULL is out of memory.
 */
assess_search_t *assess_search_create(assess_arena_t *arena,
    const assess_index_t *index);

/*
 * The best passages for a question, at most max of them: by the words of its
 * text, and by fewer parts those of guidance and category; passages of a page
 * that it names ("on page 9") come first.  A passage counts less for each
 * better one of its page, so that twice as many hits as pages wanted are
 * enough.  0 where none shares a word with it that does not stand in any
 * text.
 */
size_t assess_search(assess_search_t *search,
    const assess_question_t *question, assess_hit_t *hits, size_t max);


#endif /* ASSESS_RETRIEVE_H */
