
#include "assess_unreadable.h"

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
} assess_unreadable_one_t;


struct assess_unreadable_s {
    pthread_mutex_t          mutex;
    assess_unreadable_one_t  list[ASSESS_UNREADABLE_MAX];
};


assess_unreadable_t *
assess_unreadable_create(void)
{
    assess_unreadable_t  *u;

    u = calloc(1, sizeof(assess_unreadable_t));
    if (u == NULL) {
        return NULL;
    }

    if (pthread_mutex_init(&u->mutex, NULL) != 0) {
        free(u);
        return NULL;
    }

    return u;
}


void
assess_unreadable_destroy(assess_unreadable_t *u)
{
    if (u) {
        (void) pthread_mutex_destroy(&u->mutex);
        free(u);
    }
}


/* Few, and a look at all of them is nothing beside the reading of one. */

static assess_unreadable_one_t *
assess_unreadable_find(assess_unreadable_t *u, const char *document_id)
{
    size_t  i;

    for (i = 0; i < ASSESS_UNREADABLE_MAX; i++) {
        if (strcmp(u->list[i].document_id, document_id) == 0) {
            return &u->list[i];
        }
    }

    return NULL;
}


static assess_unreadable_one_t *
assess_unreadable_room(assess_unreadable_t *u)
{
    size_t                    i;
    assess_unreadable_one_t  *one, *oldest;

    oldest = &u->list[0];

    for (i = 0; i < ASSESS_UNREADABLE_MAX; i++) {

        one = &u->list[i];

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
assess_unreadable_add(assess_unreadable_t *u, const char *document_id,
    int attempt, int64_t now, const assess_err_t *err)
{
    assess_unreadable_one_t  *one;

    (void) pthread_mutex_lock(&u->mutex);

    one = assess_unreadable_find(u, document_id);

    if (one == NULL) {
        one = assess_unreadable_room(u);
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

    (void) pthread_mutex_unlock(&u->mutex);
}


assess_err_e
assess_unreadable_check(assess_unreadable_t *u, const char *document_id,
    int attempt, int64_t now, assess_err_t *err)
{
    assess_err_e              rc;
    assess_unreadable_one_t  *one;

    rc = ASSESS_OK;

    (void) pthread_mutex_lock(&u->mutex);

    one = assess_unreadable_find(u, document_id);

    if (one && attempt <= one->attempt
        && now - one->at < ASSESS_UNREADABLE_MS)
    {
        rc = assess_fail(err, ASSESS_FAILED, one->code,
                         "%s (another job found this out in the last ten "
                         "minutes; run this one again to have it read once "
                         "more)", one->message);
    }

    (void) pthread_mutex_unlock(&u->mutex);

    return rc;
}
