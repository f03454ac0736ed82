
#include "assess_provider.h"

#include "assess_local.h"
#include "assess_openai.h"
#include "assess_sockets.h"

#include <stdlib.h>


struct assess_provider_s {
    const assess_provider_conf_t  *conf;
    assess_gate_t                 *gate;
};


assess_provider_t *
assess_provider_create(const assess_provider_conf_t *conf, void *gate,
    int slot)
{
    int                 ports;
    assess_provider_t  *provider;

    provider = calloc(1, sizeof(assess_provider_t));
    if (provider == NULL) {
        return NULL;
    }

    ports = assess_sockets_ports();

    provider->conf = conf;
    provider->gate = assess_gate_open(gate, slot, conf->concurrency < ports
                                                  ? conf->concurrency : ports);

    if (provider->gate == NULL) {
        free(provider);
        return NULL;
    }

    return provider;
}


void
assess_provider_destroy(assess_provider_t *provider)
{
    if (provider == NULL) {
        return;
    }

    assess_gate_close(provider->gate);
    free(provider);
}


const assess_provider_conf_t *
assess_provider_conf(const assess_provider_t *provider)
{
    return provider->conf;
}


assess_gate_t *
assess_provider_gate(assess_provider_t *provider)
{
    return provider->gate;
}


assess_err_e
assess_provider_ask(assess_provider_t *provider, assess_client_t *client,
    assess_arena_t *arena, const assess_ask_t *ask, assess_err_t *err)
{
    const assess_provider_conf_t  *conf;

    conf = provider->conf;

    switch (conf->type) {

    case ASSESS_PROVIDER_LOCAL:
        return assess_local_ask(conf, arena, ask, err);

    case ASSESS_PROVIDER_OPENAI:
        return assess_openai_ask(conf, provider->gate, client, arena, ask,
                                 err);
    }

    return assess_fail(err, ASSESS_ERROR, NULL, "unknown type of provider");
}
