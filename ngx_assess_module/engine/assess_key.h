
/*
 * The key of an answer: SHA-256 of all that determines it.  Who asks the same
 * again gets the answer that is there.  Pure; of one thread at a time.
 */

#ifndef ASSESS_KEY_H
#define ASSESS_KEY_H


#include "assess_provider.h"


typedef struct assess_keys_s  assess_keys_t;


/*
 * For the items of one ask, whose hits are of these passages of these pages:
 * the provider, the model, its parameters, the version of the prompt, the set's
 * instructions and the document's name go into every key.  NULL is out of
 * memory.
 */
assess_keys_t *assess_keys_create(assess_arena_t *arena,
    const assess_provider_conf_t *conf, const assess_ask_t *ask,
    const assess_page_t *pages, size_t npages,
    const assess_passage_t *passages, size_t npassages);

/*
 * The key of an item: the above, its question, its passages in order, and the
 * pages that the provider is shown with it, which are those of this document.
 * -1 is out of memory.
 */
int assess_keys_item(assess_keys_t *keys, const assess_item_t *item,
    unsigned char key[ASSESS_KEY_LEN]);


#endif /* ASSESS_KEY_H */
