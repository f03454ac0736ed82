
/*
 * Documents in outline: what is known of them without reading any.  For who has
 * to say something of thousands at once.
 */

#ifndef ASSESS_OUTLINE_H
#define ASSESS_OUTLINE_H


#include "assess_document.h"


#define ASSESS_KINDS  17               /* one more than the last of them */


typedef struct {
    assess_kind_e   kind;
    int64_t         bytes;
    int64_t         text_bytes;      /* -1: it was never read */
    int             read;            /* its text is there as it would be now */
    int             asked;           /* the same was answered before */
} assess_outline_t;


/* What it is to be asked; an id of "" is not looked for. */
typedef struct {
    char            question_set_id[ASSESS_UUID_LEN + 1];
    assess_str_t    provider;
    assess_str_t    model;
    int             extractor;
    int64_t         before;          /* answered until then; 0: ever */
} assess_outline_of_t;


/*
 * Of n documents, in their order.  ASSESS_NOT_FOUND: missing is the first that
 * there is not.
 */
assess_err_e assess_outlines_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char (*ids)[ASSESS_UUID_LEN + 1],
    size_t n, const assess_outline_of_t *of, assess_outline_t **outlines,
    size_t *missing, assess_err_t *err);

/*
 * How many bytes of text the tenant's documents of a kind have for each byte of
 * their own, of those that were read of late; 0 where none was.
 */
assess_err_e assess_outline_ratios(assess_db_t *db,
    const assess_scope_t *scope, double ratios[ASSESS_KINDS],
    assess_err_t *err);


#endif /* ASSESS_OUTLINE_H */
