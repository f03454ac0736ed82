
/*
 * One document as it would be sent to a model: its passages are looked up and
 * its requests made, to be counted and not sent.
 */

#ifndef ASSESS_SAMPLE_H
#define ASSESS_SAMPLE_H


#include "assess_engine.h"
#include "assess_prepared.h"


/* What the requests are made of; of one thread. */
typedef struct {
    assess_engine_t                *engine;
    assess_db_t                    *db;
    const assess_scope_t           *scope;
    const assess_provider_conf_t   *conf;
    assess_str_t                    model;
    const assess_question_set_t    *set;
    const assess_prepared_set_t    *questions;
    int64_t                         before;  /* see assess_estimating_t */

    double                          bare;    /* tokens without any passage */
    double                          requests;
} assess_sampler_t;


/* Tokens are those of assess_tokens.h; a sampler of "local" sends nothing. */
typedef struct {
    double   text;               /* bytes of its text */
    double   input;              /* tokens, of all requests */
    double   asked;              /* questions; the others have answers */
    double   requests;
    int      paged;              /* for whoever puts several together */
} assess_sample_t;


/* What is the same for all documents.  ASSESS_ERROR is out of memory. */
assess_err_e assess_sample_begin(assess_sampler_t *s, assess_err_t *err);

/*
 * Of a document whose text is there, or that is plain.  ASSESS_CONFLICT: it is
 * not there any more; ASSESS_NOT_FOUND: nor is the document.
 */
assess_err_e assess_sample_read(assess_sampler_t *s, const char *document_id,
    int read, assess_sample_t *sample, assess_err_t *err);

/* Whether such a document can be read without a reader. */
int assess_sample_plain(assess_kind_e kind, int64_t bytes);

/* Of one of which only the length of its text is known. */
void assess_sample_blind(const assess_sampler_t *s, double text,
    assess_sample_t *sample);

/* The same, by what one of another length is. */
void assess_sample_scaled(const assess_sampler_t *s,
    const assess_sample_t *like, assess_sample_t *sample);


#endif /* ASSESS_SAMPLE_H */
