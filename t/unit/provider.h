
/* The test provider, served by a thread of the test, and what it is told. */

#ifndef PROVIDER_H
#define PROVIDER_H


#define main  provider_main
#include "../lib/provider.c"
#undef main

#include "../../ngx_assess_module/base/assess_base.h"

#include <curl/curl.h>
#include <pthread.h>


static int   base_port;
static char  base_url[64];


static void *
serve_thread(void *arg)
{
    (void) arg;
    serve(0);

    return NULL;
}


/* Once it has seen every connection go; the signal may come too early. */

static void
end_serving(pthread_t thread)
{
    struct sigaction  action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    (void) sigaction(SIGUSR1, &action, NULL);

    while (connections) {
        (void) usleep(1000);
    }

    while (pthread_tryjoin_np(thread, NULL) != 0) {
        (void) pthread_kill(thread, SIGUSR1);
        (void) usleep(1000);
    }
}


static size_t
body_add(char *data, size_t size, size_t n, void *ctx)
{
    assess_buf_add(ctx, data, size * n);

    return size * n;
}


static json_t *
http(const char *path, const char *body)
{
    CURL          *easy;
    char           url[128];
    json_t        *json;
    assess_buf_t   reply;

    memset(&reply, 0, sizeof(reply));
    (void) snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", base_port,
                    path);

    easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_add);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply);

    if (body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    }

    json = curl_easy_perform(easy) == CURLE_OK
           ? json_loadb(reply.data, reply.len, 0, NULL) : NULL;

    curl_easy_cleanup(easy);
    assess_buf_free(&reply);

    if (json == NULL) {
        printf("Bail out! the test provider does not answer\n");
        exit(1);
    }

    return json;
}


/* Starts over, with these settings and steps. */

static void
script_set(const char *body)
{
    json_t       *json;
    assess_buf_t  b;

    memset(&b, 0, sizeof(b));
    assess_buf_printf(&b, "{\"reset\":true%s%s}", body[0] ? "," : "", body);

    json = http("/__control", b.data);

    if (!json_is_true(json_object_get(json, "ok"))) {
        printf("Bail out! control: %s\n", b.data);
        exit(1);
    }

    json_decref(json);
    assess_buf_free(&b);
}


static int
stat_of(const char *name)
{
    int      n;
    json_t  *json;

    json = http("/__stats", NULL);
    n = (int) json_integer_value(json_object_get(json, name));
    json_decref(json);

    return n;
}


static int __attribute__((unused))
asked_times(const char *id)
{
    int      n;
    json_t  *json;

    json = http("/__stats", NULL);
    n = (int) json_integer_value(json_object_get(json_object_get(json,
                                                     "asked"), id));
    json_decref(json);

    return n;
}


#endif /* PROVIDER_H */
