
/* What the test provider says that a request took, and puts on its bill. */

#ifndef PROVIDER_USAGE_H
#define PROVIDER_USAGE_H


#include <jansson.h>


/* {"words":true,"cached":share}, or NULL for a token every four bytes. */
void provider_usage_rule(json_t *rule);

/* The usage of a reply, which is billed from now on. */
json_t *provider_usage(json_t *body, size_t bytes, const char *content);

/* All that was billed: {"requests","input","cached","output"}. */
json_t *provider_billed(void);


#endif /* PROVIDER_USAGE_H */
