
/*
 * What a model is asked: the words, and the form its answer must have.  Pure,
 * any thread.  An answer is kept by what was asked, so the version rises with
 * every change of the words.
 */

#ifndef ASSESS_PROMPT_H
#define ASSESS_PROMPT_H


#include "assess_provider.h"


#define ASSESS_PROMPT_VERSION  1

/* Bytes of all pictures in one request, as they are sent. */
#define ASSESS_PROMPT_PICTURES  (8 * 1024 * 1024)


/* Some of an ask's questions, by their index in its items. */
typedef struct {
    const assess_ask_t  *ask;
    const size_t        *items;
    size_t               nitems;
    size_t               passages;   /* for each question, at most */
    int                  max_tokens; /* where conf has none; 0: none either */
} assess_prompt_t;


/* The role, the rules, those for pictures too, and the set's instructions. */
void assess_prompt_system(assess_buf_t *b, const assess_prompt_t *prompt);

/*
 * The document's name and the questions, each with its passages in rank
 * order, best first.  A passage that several share is given once and then
 * referred to.  Text of the document cannot end the element it stands in.
 */
void assess_prompt_user(assess_buf_t *b, const assess_prompt_t *prompt);

/* The JSON Schema of a reply to exactly these questions. */
void assess_prompt_schema(assess_buf_t *b, const assess_prompt_t *prompt);

/* The body's beginning, which is the same for all requests of an ask. */
void assess_prompt_head(assess_buf_t *b, const assess_provider_conf_t *conf,
    const assess_prompt_t *prompt);

/*
 * The body of POST {url}/chat/completions, with the pages that these questions
 * want to show, conf->images at most, as pictures behind the words; words is
 * room to write in, which the caller keeps for the next one.  The temperature
 * is left out: reasoning models refuse it.  So is a limit of tokens unless conf
 * has one; OpenAI itself gets it as max_completion_tokens, which is all that
 * its newer models take, every other server as max_tokens, which all of them
 * know.
 */
void assess_prompt_chat(assess_buf_t *b, const assess_provider_conf_t *conf,
    const assess_buf_t *head, assess_buf_t *words,
    const assess_prompt_t *prompt);

/* The pages that a request shows of those that its ask has, max at most. */
size_t assess_prompt_pictures(const assess_prompt_t *prompt, size_t max,
    int *pages);

/* Of each page that is shown */
#define ASSESS_PICTURE_TOKENS  1000

/* About how many tokens a request is that shows so many pages; 0: no memory. */
double assess_prompt_tokens(const assess_prompt_t *prompt, size_t pictures);


#endif /* ASSESS_PROMPT_H */
