
/* Answers: one verdict for one question, with its evidence. */

#ifndef ASSESS_ANSWER_H
#define ASSESS_ANSWER_H


#include "assess_db.h"


/* SHA-256 of all that an answer depends on. */
#define ASSESS_KEY_LEN  32


typedef enum {
    ASSESS_COMPLIANT = 0,
    ASSESS_PARTIALLY_COMPLIANT,
    ASSESS_NON_COMPLIANT,
    ASSESS_NOT_APPLICABLE,
    ASSESS_INSUFFICIENT_EVIDENCE,
    ASSESS_VERDICTS
} assess_verdict_e;


typedef struct {
    assess_str_t   quote;
    int            page;             /* from 1 */
    int            verified;
} assess_evidence_t;


typedef struct {
    int                 ordinal;     /* of the question in its set, from 0 */
    assess_str_t        question_id;
    assess_verdict_e    verdict;
    double              confidence;  /* 0..1 */
    assess_str_t        rationale;
    assess_evidence_t  *evidence;
    size_t              nevidence;
    assess_str_t        provider;
    assess_str_t        model;
    int                 cached;      /* another job's, found by its key */
    const unsigned char
                       *key;         /* ASSESS_KEY_LEN bytes, lent; or NULL */
} assess_answer_t;


typedef struct {
    char              job_id[ASSESS_UUID_LEN + 1];
    char              assessment_id[ASSESS_UUID_LEN + 1];
    char              document_id[ASSESS_UUID_LEN + 1];
    assess_str_t      set_name;
    int               set_version;
    int               complete;      /* the job completed */
    assess_answer_t  *answers;       /* in question order, those so far */
    size_t            nanswers;
} assess_results_t;


/* "compliant" and so on; and back, or -1. */
const char *assess_verdict_name(assess_verdict_e verdict);
int assess_verdict_by_name(const char *name, size_t len);

/* The Answer of the API, and its evidence alone. */
void assess_answer_json(assess_buf_t *b, const assess_answer_t *answer);
void assess_evidence_json(assess_buf_t *b, const assess_evidence_t *evidence,
    size_t n);

assess_err_e assess_results_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *job_id, assess_results_t *results,
    assess_err_t *err);

/*
 * The answer cache: the newest answer that this tenant got under each of the
 * keys, none older than max_age_ms by the database's clock.  ordinal is the
 * index of the key, in rising order, and cached is set; keys without an answer
 * are left out, and a key given twice is answered twice.  It has no table of
 * its own: who deletes a document takes its answers out of the cache, too.
 * 0 or less for max_age_ms finds nothing.  before: none that is younger than
 * that time, in ms since 1970; 0: as young as there are.
 */
assess_err_e assess_answers_cached(assess_db_t *db, assess_arena_t *arena,
    const assess_str_t *tenant, const unsigned char (*keys)[ASSESS_KEY_LEN],
    size_t n, int64_t max_age_ms, int64_t before, assess_answer_t **answers,
    size_t *nanswers, assess_err_t *err);


#endif /* ASSESS_ANSWER_H */
