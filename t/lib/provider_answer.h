
/* What the test provider answers. */

#ifndef PROVIDER_ANSWER_H
#define PROVIDER_ANSWER_H


#include <jansson.h>


/* One more for id. */
void provider_count(json_t *object, const char *id);

/* What the user says in words, borrowed from body; or NULL. */
const char *provider_prompt(json_t *body);

/*
 * The ids a request asks for, borrowed from body; NULL with why it is not of
 * the provider contract.
 */
json_t *provider_ids(json_t *body, const char **why);

/*
 * The completion as text, to be freed; bytes is the length of the request.
 * The stubborn ids are left out, the others counted in answered.
 */
char *provider_complete(json_t *body, json_t *ids, const char *mode,
    size_t bytes, json_t *stubborn, json_t *answered);


#endif /* PROVIDER_ANSWER_H */
