
#include "assess_deadly.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    char           document_id[ASSESS_UUID_LEN + 1];     /* "": free */
    int            attempt;
    int64_t        at;
    const char    *code;
    char           message[256];
} assess_deadly_one_t;


struct assess_deadly_s {
    pthread_mutex_t      mutex;
    assess_deadly_one_t  list[ASSESS_DEADLY_MAX];
};


assess_deadly_t *
assess_deadly_create(void)
{
    assess_deadly_t  *deadly;

    deadly = calloc(1, sizeof(assess_deadly_t));
    if (deadly == NULL) {
        return NULL;
    }

    if (pthread_mutex_init(&deadly->mutex, NULL) != 0) {
        free(deadly);
        return NULL;
    }

    return deadly;
}


void
assess_deadly_destroy(assess_deadly_t *deadly)
{
    if (deadly) {
        (void) pthread_mutex_destroy(&deadly->mutex);
        free(deadly);
    }
}


/* Few, and a look at all of them is nothing beside the reading of one. */

static assess_deadly_one_t *
assess_deadly_find(assess_deadly_t *deadly, const char *document_id)
{
    size_t  i;

    for (i = 0; i < ASSESS_DEADLY_MAX; i++) {
        if (strcmp(deadly->list[i].document_id, document_id) == 0) {
            return &deadly->list[i];
        }
    }

    return NULL;
}


static assess_deadly_one_t *
assess_deadly_room(assess_deadly_t *deadly)
{
    size_t                i;
    assess_deadly_one_t  *one, *oldest;

    oldest = &deadly->list[0];

    for (i = 0; i < ASSESS_DEADLY_MAX; i++) {

        one = &deadly->list[i];

        if (one->document_id[0] == '\0') {
            return one;
        }

        if (one->at < oldest->at) {
            oldest = one;
        }
    }

    return oldest;
}


void
assess_deadly_add(assess_deadly_t *deadly, const char *document_id,
    int attempt, int64_t now, const assess_err_t *err)
{
    assess_deadly_one_t  *one;

    (void) pthread_mutex_lock(&deadly->mutex);

    one = assess_deadly_find(deadly, document_id);

    if (one == NULL) {
        one = assess_deadly_room(deadly);
        one->attempt = 0;
    }

    (void) snprintf(one->document_id, sizeof(one->document_id), "%s",
                    document_id);
    (void) snprintf(one->message, sizeof(one->message), "%.*s",
                    (int) sizeof(one->message) - 1, err->message);

    if (one->attempt < attempt) {
        one->attempt = attempt;
    }

    one->code = err->code;
    one->at = now;

    (void) pthread_mutex_unlock(&deadly->mutex);
}


assess_err_e
assess_deadly_check(assess_deadly_t *deadly, const char *document_id,
    int attempt, int64_t now, assess_err_t *err)
{
    assess_err_e          rc;
    assess_deadly_one_t  *one;

    rc = ASSESS_OK;

    (void) pthread_mutex_lock(&deadly->mutex);

    one = assess_deadly_find(deadly, document_id);

    if (one && now - one->at < ASSESS_DEADLY_MS && attempt <= one->attempt) {
        rc = assess_fail(err, ASSESS_FAILED, one->code,
                         "%s (another job found this out less than a minute "
                         "ago; run this one again to try once more)",
                         one->message);
    }

    (void) pthread_mutex_unlock(&deadly->mutex);

    return rc;
}
