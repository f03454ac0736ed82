
#include "assess_provider.h"

#include "assess_local.h"
#include "assess_openai.h"

#include <stdlib.h>


/* Connections that a thread keeps open between its jobs, at most. */
#define ASSESS_CLIENT_CONNECTIONS  256L


struct assess_provider_s {
    const assess_provider_conf_t  *conf;
    assess_gate_t                 *gate;
};


struct assess_client_s {
    CURLM  *multi;
};


assess_provider_t *
assess_provider_create(const assess_provider_conf_t *conf, void *gate,
    int slot)
{
    assess_provider_t  *provider;

    provider = calloc(1, sizeof(assess_provider_t));
    if (provider == NULL) {
        return NULL;
    }

    provider->conf = conf;
    provider->gate = assess_gate_open(gate, slot, conf->concurrency);

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


int
assess_client_global_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}


assess_client_t *
assess_client_create(void)
{
    assess_client_t  *client;

    client = calloc(1, sizeof(assess_client_t));
    if (client == NULL) {
        return NULL;
    }

    client->multi = curl_multi_init();

    /*
     * By default curl keeps four for each transfer under way, and so drops
     * most of them whenever a job comes to its last request.
     */

    if (client->multi == NULL
        || curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS,
                             ASSESS_CLIENT_CONNECTIONS) != CURLM_OK)
    {
        assess_client_destroy(client);
        return NULL;
    }

    return client;
}


void
assess_client_destroy(assess_client_t *client)
{
    if (client == NULL) {
        return;
    }

    (void) curl_multi_cleanup(client->multi);
    free(client);
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
        return assess_openai_ask(conf, provider->gate, client->multi, arena,
                                 ask, err);
    }

    return assess_fail(err, ASSESS_ERROR, NULL, "unknown type of provider");
}
