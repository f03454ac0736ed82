
/*
 * Where documents may be fetched from: the operator's rules, and what a client
 * asks for.  Pure, apart from libcurl's parser of URLs; any thread.
 */

#ifndef ASSESS_SOURCE_H
#define ASSESS_SOURCE_H


#include "assess_address.h"
#include "assess_s3.h"


#define ASSESS_SOURCE_LEN       2048         /* bytes of a URL */
#define ASSESS_SOURCE_ANY_PORT  -1


/* One thing that is allowed. */
typedef struct {
    const char              *scheme;         /* "https", "http" or "s3" */
    assess_str_t             host;           /* lower case; or the bucket */
    int                      below;          /* "*.host": all below it */
    int                      port;           /* or ASSESS_SOURCE_ANY_PORT */
    const assess_s3_conf_t  *s3;             /* whose bucket it is */
} assess_source_rule_t;


typedef struct {
    assess_source_rule_t    *rules;
    size_t                   nrules;
    assess_net_t            *nets;           /* that are not public, and may */
    size_t                   nnets;
    int                      connect_ms;
    int                      timeout_ms;     /* of all of it */
    int                      stall_ms;       /* without 1 KB a second */
    const char              *ca_file;        /* NULL: those of the system */
} assess_source_conf_t;


/* What a client asks for; in the arena it was read with. */
typedef struct {
    assess_str_t             url;            /* NUL-terminated, as it is sent */
    const char              *scheme;
    assess_str_t             host;           /* lower case; or the bucket */
    int                      port;
    assess_str_t             key;            /* of an object */
    assess_str_t             name;           /* of its path, decoded; or null */
    const assess_s3_conf_t  *s3;             /* once it is allowed */
} assess_source_t;


/*
 * "https://host", "http://host:port", "host" (https), "*.host:*", or
 * "s3://bucket".  NULL, or what is wrong with it; host points into text.
 */
const char *assess_source_rule(assess_str_t *text, assess_source_rule_t *rule);

/*
 * An http, https or s3 URL, with what libcurl makes of its host: so are
 * numbers that are addresses.  No user, no password.  base is what a
 * redirection is relative to, or NULL.  ASSESS_INVALID.
 */
assess_err_e assess_source_read(assess_arena_t *arena,
    const assess_str_t *text, const assess_source_t *base,
    assess_source_t *source, assess_err_t *err);

/* ASSESS_FORBIDDEN where no rule allows it; sets s3. */
assess_err_e assess_source_allowed(const assess_source_conf_t *conf,
    assess_source_t *source, assess_err_t *err);


#endif /* ASSESS_SOURCE_H */
