
/* The provider that speaks OpenAI's chat completions: one ask of it. */

#ifndef ASSESS_OPENAI_H
#define ASSESS_OPENAI_H


#include "assess_gate.h"
#include "assess_provider.h"


/* As assess_provider_ask(); client is idle before and after. */
assess_err_e assess_openai_ask(const assess_provider_conf_t *conf,
    assess_gate_t *gate, assess_client_t *client, assess_arena_t *arena,
    const assess_ask_t *ask, assess_err_t *err);


#endif /* ASSESS_OPENAI_H */
