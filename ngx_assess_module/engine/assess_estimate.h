
/*
 * What a start would cost and take, without starting anything.  Of some of the
 * documents, chosen by the length of their texts, the very requests are made
 * that would be sent, and counted; the others lie between these.  Blocks, half
 * a second at most; for a pool thread.
 */

#ifndef ASSESS_ESTIMATE_H
#define ASSESS_ESTIMATE_H


#include "assess_engine.h"
#include "../store/assess_outline.h"


/* What is recommended to be allowed, for each dollar that is estimated. */
#define ASSESS_ESTIMATE_BUDGET  1.2


typedef struct {
    const assess_scope_t   *scope;
    assess_str_t            provider;
    assess_str_t            model;
    assess_str_t            set_name;
    int                     set_version;     /* 0: the newest */
    size_t                  n;
    const char            (*ids)[ASSESS_UUID_LEN + 1];
    int                     workers;         /* that run jobs */
    int                     jobs;            /* at once, each of them */
    int64_t                 before;          /* with answers until then, ms; */
                                             /* 0: with all there are */
} assess_estimating_t;


/* Of the documents of one kind. */
typedef struct {
    assess_kind_e   kind;
    size_t          n;
    double          cost;
} assess_estimate_kind_t;


typedef struct {
    double                   input;          /* tokens */
    double                   output;
    double                   cost;           /* dollars; 0 when not priced */
    double                   seconds;
    int                      priced;         /* its model has a price */
    int                      measured;       /* and has been used before */
    const char              *prices;         /* the version; or NULL */
    assess_estimate_kind_t   kinds[ASSESS_KINDS];
    size_t                   nkinds;
} assess_estimate_t;


/* ASSESS_NOT_FOUND: the set, or the document at missing, which is n else. */
assess_err_e assess_estimate(assess_engine_t *engine, assess_db_t *db,
    assess_arena_t *arena, const assess_estimating_t *e,
    assess_estimate_t *estimate, size_t *missing, assess_err_t *err);

/* "pdf", "docx" and so on. */
const char *assess_estimate_kind(assess_kind_e kind);


#endif /* ASSESS_ESTIMATE_H */
