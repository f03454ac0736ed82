
/*
 * Each set has a place that its id gives, or its name: the last one keeps it.
 */

#include "assess_question_set_known.h"

#include <pthread.h>
#include <string.h>


#define ASSESS_SETS_KNOWN      64
#define ASSESS_SETS_KNOWN_MAX  262144        /* bytes of one */

typedef struct {
    assess_str_t            tenant;
    assess_arena_t         *arena;           /* NULL: nothing is known */
    assess_question_set_t   set;
} assess_set_known_t;

static pthread_mutex_t     assess_sets_mutex = PTHREAD_MUTEX_INITIALIZER;
static assess_set_known_t  assess_sets_known[ASSESS_SETS_KNOWN];


static assess_set_known_t *
assess_set_place(const char *id)
{
    size_t    i;
    unsigned  h;

    for (i = 0, h = 0; id[i]; i++) {
        h = h * 31 + (unsigned char) id[i];
    }

    return &assess_sets_known[h % ASSESS_SETS_KNOWN];
}


static int
assess_set_copy(assess_arena_t *arena, assess_question_set_t *to,
    const assess_question_set_t *from)
{
    *to = *from;

    return assess_pstrdup(arena, &to->name, from->name.data, from->name.len)
           != 0
           || assess_pstrdup(arena, &to->title, from->title.data,
                             from->title.len) != 0
           || assess_pstrdup(arena, &to->instructions,
                             from->instructions.data,
                             from->instructions.len) != 0
           || assess_pstrdup(arena, &to->questions, from->questions.data,
                             from->questions.len) != 0 ? -1 : 0;
}


int
assess_set_known_by_id(assess_arena_t *arena, const assess_str_t *tenant,
    const char *id, assess_question_set_t *set)
{
    int                  rc;
    assess_set_known_t  *known;

    rc = 0;
    known = assess_set_place(id);

    (void) pthread_mutex_lock(&assess_sets_mutex);

    if (known->arena
        && strcmp(known->set.question_set_id, id) == 0
        && assess_str_same(&known->tenant, tenant))
    {
        rc = assess_set_copy(arena, set, &known->set) == 0 ? 1 : -1;
    }

    (void) pthread_mutex_unlock(&assess_sets_mutex);

    return rc;
}


void
assess_set_learn_by_id(const assess_str_t *tenant,
    const assess_question_set_t *set)
{
    assess_arena_t      *arena;
    assess_set_known_t  *known, learned;

    if (set->questions.len > ASSESS_SETS_KNOWN_MAX) {
        return;
    }

    arena = assess_arena_create();
    if (arena == NULL) {
        return;
    }

    learned.arena = arena;

    if (assess_set_copy(arena, &learned.set, set) != 0
        || assess_pstrdup(arena, &learned.tenant, tenant->data, tenant->len)
           != 0)
    {
        assess_arena_destroy(arena);
        return;
    }

    known = assess_set_place(set->question_set_id);

    (void) pthread_mutex_lock(&assess_sets_mutex);

    arena = known->arena;
    *known = learned;

    (void) pthread_mutex_unlock(&assess_sets_mutex);

    assess_arena_destroy(arena);
}


typedef struct {
    assess_arena_t     *arena;               /* NULL: nothing is known */
    assess_str_t        tenant;
    assess_str_t        name;
    int                 version;
    assess_set_name_t   set;
} assess_set_named_t;

static assess_set_named_t  assess_sets_named[ASSESS_SETS_KNOWN];


static unsigned
assess_set_hash(unsigned h, const assess_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        h = h * 31 + (unsigned char) s->data[i];
    }

    return h;
}


static assess_set_named_t *
assess_set_name_place(const assess_str_t *tenant, const assess_str_t *name,
    int version)
{
    unsigned  h;

    h = assess_set_hash(assess_set_hash((unsigned) version, tenant), name);

    return &assess_sets_named[h % ASSESS_SETS_KNOWN];
}


static int
assess_set_name_same(const assess_set_named_t *known,
    const assess_str_t *tenant, const assess_str_t *name, int version)
{
    return known->arena && known->version == version
           && assess_str_same(&known->name, name)
           && assess_str_same(&known->tenant, tenant);
}


int
assess_set_known_by_name(const assess_str_t *tenant, const assess_str_t *name,
    int version, assess_set_name_t *set)
{
    int                  found;
    assess_set_named_t  *known;

    known = assess_set_name_place(tenant, name, version);

    (void) pthread_mutex_lock(&assess_sets_mutex);

    found = assess_set_name_same(known, tenant, name, version);

    if (found) {
        *set = known->set;
    }

    (void) pthread_mutex_unlock(&assess_sets_mutex);

    return found;
}


void
assess_set_learn_by_name(const assess_str_t *tenant, const assess_str_t *name,
    int version, const assess_set_name_t *set)
{
    assess_arena_t      *arena;
    assess_set_named_t  *known, learned;

    arena = assess_arena_create();
    if (arena == NULL) {
        return;
    }

    learned.arena = arena;
    learned.version = version;
    learned.set = *set;

    if (assess_pstrdup(arena, &learned.tenant, tenant->data, tenant->len) != 0
        || assess_pstrdup(arena, &learned.name, name->data, name->len) != 0)
    {
        assess_arena_destroy(arena);
        return;
    }

    known = assess_set_name_place(tenant, name, version);

    (void) pthread_mutex_lock(&assess_sets_mutex);

    arena = known->arena;
    *known = learned;

    (void) pthread_mutex_unlock(&assess_sets_mutex);

    assess_arena_destroy(arena);
}


void
assess_set_forget_name(const assess_str_t *tenant, const assess_str_t *name,
    int version)
{
    assess_arena_t      *arena;
    assess_set_named_t  *known;

    arena = NULL;
    known = assess_set_name_place(tenant, name, version);

    (void) pthread_mutex_lock(&assess_sets_mutex);

    if (assess_set_name_same(known, tenant, name, version)) {
        arena = known->arena;
        known->arena = NULL;
    }

    (void) pthread_mutex_unlock(&assess_sets_mutex);

    assess_arena_destroy(arena);
}
