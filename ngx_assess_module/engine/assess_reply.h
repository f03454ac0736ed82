
/*
 * One chat completion, read and validated: nothing in it is trusted.  Pure,
 * any thread.
 */

#ifndef ASSESS_REPLY_H
#define ASSESS_REPLY_H


#include "assess_provider.h"


/* Longer ones are cut, at a character */
#define ASSESS_RATIONALE_MAX  4000
#define ASSESS_QUOTE_MAX      2000
#define ASSESS_EVIDENCE_MAX   32
#define ASSESS_PAGE_MAX       1000000


typedef enum {
    ASSESS_REPLY_READ = 0,   /* has the form; answers may still be missing */
    ASSESS_REPLY_BAD,        /* not of the form: ask again */
    ASSESS_REPLY_CUT,        /* cut off at a limit of tokens */
    ASSESS_REPLY_WITHHELD    /* refused by the model, or filtered out */
} assess_reply_e;


typedef struct {
    assess_reply_e    kind;
    const char       *why;           /* static; of those not READ */
    assess_answer_t  *answers;       /* valid ones; no provider is set */
    size_t            nanswers;
    char             *answered;      /* for each question: 0 or 1 */
    assess_str_t      model;         /* as the server calls it; null: not */
    int               told;          /* there is a usage */
    assess_usage_t    usage;
} assess_completion_t;


/*
 * body is a chat completion of OpenAI's API that was asked for the n
 * questions.  Usage is read of whatever kind the reply is.  Unknown ids are
 * dropped; of answers to the same question the first valid one counts.
 * 0, or -1 when out of memory.  All of out lives in arena.
 */
int assess_reply_read(assess_arena_t *arena, const char *body, size_t len,
    const assess_question_t *const *questions, size_t n,
    assess_completion_t *out);


#endif /* ASSESS_REPLY_H */
