
#include "ngx_http_assess_variable.h"


/* status comes behind ids and the user, which are no longer than this */
#define NGX_HTTP_ASSESS_VARIABLE_HEAD  2048


typedef enum {
    NGX_HTTP_ASSESS_JOB_ID = 0,
    NGX_HTTP_ASSESS_BATCH_ID,
    NGX_HTTP_ASSESS_DOCUMENT_ID,
    NGX_HTTP_ASSESS_STATUS,
    NGX_HTTP_ASSESS_TENANT,
    NGX_HTTP_ASSESS_USER
} ngx_http_assess_variable_e;


static ngx_int_t ngx_http_assess_variable_none(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_assess_variable_set(ngx_http_assess_call_t *call,
    ngx_uint_t n, const char *data, size_t len);
static void ngx_http_assess_variable_path(ngx_http_assess_call_t *call,
    const char *path, ngx_uint_t n);


/* in the order of the numbers above */

static const ngx_str_t
    ngx_http_assess_variables[NGX_HTTP_ASSESS_VARIABLES] =
{
    ngx_string("assess_job_id"),
    ngx_string("assess_batch_id"),
    ngx_string("assess_document_id"),
    ngx_string("assess_status"),
    ngx_string("assess_tenant"),
    ngx_string("assess_user")
};


/* as they are added, while a configuration is read */

static ngx_http_variable_t
    *ngx_http_assess_variables_added[NGX_HTTP_ASSESS_VARIABLES];


/* how an answer has them, in the order of the same numbers */

static const char *const  ngx_http_assess_members[] = {
    "\"jobId\":\"", "\"batchId\":\"", "\"documentId\":\"", "\"status\":\""
};

#define NGX_HTTP_ASSESS_MEMBERS                                              \
    (sizeof(ngx_http_assess_members) / sizeof(ngx_http_assess_members[0]))


/*
 * Whoever has a variable of that name already, by "map" or "set", keeps it, as
 * the one that assess_tenant is given often is.
 */

ngx_int_t
ngx_http_assess_variables_add(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_str_t             name;
    ngx_http_variable_t  *var;

    for (i = 0; i < NGX_HTTP_ASSESS_VARIABLES; i++) {

        name = ngx_http_assess_variables[i];
        var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_CHANGEABLE);

        if (var == NULL) {
            return NGX_ERROR;
        }

        ngx_http_assess_variables_added[i] = var;
    }

    return NGX_OK;
}


/*
 * Where they stand in a request: only those that somebody uses have a place, and
 * those of others have none here.
 * It is of this configuration alone, another one has other places.
 */

void
ngx_http_assess_variables_used(ngx_conf_t *cf,
    ngx_http_assess_main_conf_t *mcf)
{
    ngx_uint_t                  i, k;
    const ngx_str_t            *name;
    ngx_http_variable_t        *var, *added;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    var = cmcf->variables.elts;

    for (i = 0; i < NGX_HTTP_ASSESS_VARIABLES; i++) {

        name = &ngx_http_assess_variables[i];
        mcf->variables[i] = NGX_ERROR;

        /* whoever makes one has said so by now */

        added = ngx_http_assess_variables_added[i];

        if (added->get_handler) {
            continue;
        }

        added->get_handler = ngx_http_assess_variable_none;
        added->data = i;

        for (k = 0; k < cmcf->variables.nelts; k++) {

            if (var[k].name.len == name->len
                && ngx_strncmp(var[k].name.data, name->data, name->len) == 0)
            {
                mcf->variables[i] = (ngx_int_t) k;
            }
        }
    }
}


/*
 * Of a request that is no call, or not yet.  A value, for in a log that escapes
 * for JSON one that is missing would be empty.  But not of whose it is: who says
 * "assess_tenant $assess_tenant" must not be given a tenant by that.
 */

static ngx_int_t
ngx_http_assess_variable_none(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    if (data >= NGX_HTTP_ASSESS_TENANT) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = (u_char *) "-";
    v->len = 1;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


/*
 * The value is the request's: a call has ended when the log is written.  There
 * is nobody to be told that there is no memory for it.
 */

static void
ngx_http_assess_variable_set(ngx_http_assess_call_t *call, ngx_uint_t n,
    const char *data, size_t len)
{
    u_char                     *p;
    ngx_int_t                   index;
    ngx_http_variable_value_t  *v;

    index = call->mcf->variables[n];

    if (index < 0 || len == 0) {
        return;
    }

    p = ngx_pnalloc(call->request->pool, len);
    if (p == NULL) {
        return;
    }

    ngx_memcpy(p, data, len);

    v = &call->request->variables[index];

    v->data = p;
    v->len = (unsigned) len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->escape = 0;
}


void
ngx_http_assess_variables_asked(ngx_http_assess_call_t *call)
{
    ngx_http_assess_variable_set(call, NGX_HTTP_ASSESS_TENANT,
                                 call->scope.tenant.data,
                                 call->scope.tenant.len);
    ngx_http_assess_variable_set(call, NGX_HTTP_ASSESS_USER,
                                 call->scope.user.data, call->scope.user.len);

    if (!assess_uuid_valid(call->name.data, call->name.len)) {
        return;
    }

    ngx_http_assess_variable_path(call, "assessments/job/",
                                  NGX_HTTP_ASSESS_JOB_ID);
    ngx_http_assess_variable_path(call, "assessments/batch/",
                                  NGX_HTTP_ASSESS_BATCH_ID);
    ngx_http_assess_variable_path(call, "documents/",
                                  NGX_HTTP_ASSESS_DOCUMENT_ID);
}


static void
ngx_http_assess_variable_path(ngx_http_assess_call_t *call, const char *path,
    ngx_uint_t n)
{
    if (ngx_strncmp(call->route->path, path, ngx_strlen(path)) == 0) {
        ngx_http_assess_variable_set(call, n, call->name.data,
                                     call->name.len);
    }
}


/*
 * An answer that is one job, one batch or one document begins with its id, and
 * the others follow before anything that a client has written, in which there
 * is no quote without a backslash.  What is not known is null there, and stays
 * as it is.
 */

void
ngx_http_assess_variables_answered(ngx_http_assess_call_t *call)
{
    size_t       i, len, first;
    const char  *body, *last, *p, *end;

    body = call->body.data;
    last = body + ngx_min(call->body.len, NGX_HTTP_ASSESS_VARIABLE_HEAD);

    if (body == last || *body != '{') {
        return;
    }

    for (first = 0; first < NGX_HTTP_ASSESS_STATUS; first++) {

        len = ngx_strlen(ngx_http_assess_members[first]);

        if ((size_t) (last - body) > len
            && ngx_strncmp(body + 1, ngx_http_assess_members[first], len) == 0)
        {
            break;
        }
    }

    if (first == NGX_HTTP_ASSESS_STATUS) {
        return;
    }

    /*
     * A batch and a document have a status, too, but it is not a job's.  Of a job
     * the ids stand before it; behind it is what its client has written.
     */

    if (first == NGX_HTTP_ASSESS_JOB_ID) {

        len = ngx_strlen(ngx_http_assess_members[NGX_HTTP_ASSESS_STATUS]);
        p = memmem(body, (size_t) (last - body),
                   ngx_http_assess_members[NGX_HTTP_ASSESS_STATUS], len);

        end = p ? memchr(p + len, '"', (size_t) (last - p) - len) : NULL;

        if (end) {
            last = end + 1;
        }
    }

    for (i = first; i < NGX_HTTP_ASSESS_MEMBERS
                    && (i == first || first == NGX_HTTP_ASSESS_JOB_ID); i++)
    {
        len = ngx_strlen(ngx_http_assess_members[i]);
        p = memmem(body, (size_t) (last - body), ngx_http_assess_members[i],
                   len);

        if (p == NULL || (size_t) (last - p) == len) {
            continue;
        }

        p += len;
        end = memchr(p, '"', (size_t) (last - p));

        if (end) {
            ngx_http_assess_variable_set(call, i, p, (size_t) (end - p));
        }
    }
}
