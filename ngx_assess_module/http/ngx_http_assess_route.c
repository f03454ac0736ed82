
#include "ngx_http_assess_call.h"

#include "engine/assess_questions.h"


#define GET     NGX_HTTP_GET
#define POST    NGX_HTTP_POST
#define PUT     NGX_HTTP_PUT
#define DELETE  NGX_HTTP_DELETE

#define BODY    NGX_HTTP_ASSESS_BODY
#define JSON    NGX_HTTP_ASSESS_JSON
#define FORM    NGX_HTTP_ASSESS_MULTIPART
#define STARTS  NGX_HTTP_ASSESS_STARTS
#define RAW     NGX_HTTP_ASSESS_RAW
#define OPEN    NGX_HTTP_ASSESS_OPEN
#define ADMIN   NGX_HTTP_ASSESS_ADMIN


/*
 * The whole API, what is called most first.  Of two paths that fit the first
 * counts; its methods are all those under the same path.
 */

static const ngx_http_assess_route_t  ngx_http_assess_routes[] = {

    { POST, "assessments/start", BODY|JSON|FORM|STARTS, NULL,
      NULL, ngx_http_assess_start },

    { GET, "assessments/job/{id}", 0, NULL,
      ngx_http_assess_job_fast, ngx_http_assess_job_get },

    { DELETE, "assessments/job/{id}", 0, NULL,
      NULL, ngx_http_assess_job_cancel },

    { POST, "documents", BODY|RAW|FORM, " filename ",
      NULL, ngx_http_assess_documents_post },

    { GET, "documents", 0, " limit cursor status q ",
      NULL, ngx_http_assess_documents_list },

    { POST, "documents/upload", BODY|RAW|FORM, " filename ",
      NULL, ngx_http_assess_documents_post },

    { GET, "documents/{id}", 0, NULL,
      NULL, ngx_http_assess_document_get },

    { DELETE, "documents/{id}", 0, NULL,
      NULL, ngx_http_assess_document_remove },

    { GET, "documents/{id}/text", 0, " page limit cursor ",
      NULL, ngx_http_assess_document_text_get },

    { GET, "documents/{id}/content", 0, NULL,
      NULL, ngx_http_assess_document_content_get },

    { GET, "question-sets", 0, " limit cursor ",
      NULL, ngx_http_assess_question_sets_list },

    { PUT, "question-sets/{name}", BODY|JSON, NULL,
      NULL, ngx_http_assess_question_set_put },

    { GET, "question-sets/{name}", 0, " version ",
      NULL, ngx_http_assess_question_set_get },

    { GET, "assessments/job/{id}/results", 0, " format ",
      NULL, ngx_http_assess_results_get },

    { GET, "assessments/job/{id}/logs", 0, " limit cursor ",
      NULL, ngx_http_assess_job_log },

    { POST, "assessments/job/{id}/retry", 0, NULL,
      NULL, ngx_http_assess_job_retry },

    { GET, "assessments/jobs", 0,
      " status batchId documentId user limit cursor ",
      NULL, ngx_http_assess_jobs_list },

    { POST, "assessments/batch", BODY|JSON, NULL,
      NULL, ngx_http_assess_batch_post },

    { GET, "assessments/batch/{id}", 0, NULL,
      NULL, ngx_http_assess_batch_get },

    { DELETE, "assessments/batch/{id}", 0, NULL,
      NULL, ngx_http_assess_batch_cancel },

    { POST, "assessments/batch/{id}/pause", 0, NULL,
      NULL, ngx_http_assess_batch_pause },

    { POST, "assessments/batch/{id}/resume", 0, NULL,
      NULL, ngx_http_assess_batch_resume },

    { POST, "assessments/batch/{id}/retry-failed", 0, NULL,
      NULL, ngx_http_assess_batch_retry },

    { GET, "assessments/batch/{id}/results", 0, " format ",
      NULL, ngx_http_assess_batch_results_get },

    { GET, "assessments/batches", 0, " status limit cursor ",
      NULL, ngx_http_assess_batches_list },

    { POST, "assessments/estimate", BODY|JSON, NULL,
      NULL, ngx_http_assess_estimate },

    { GET, "assessments/counters", 0, NULL,
      NULL, ngx_http_assess_counters_get },

    { GET, "assessments/progress", 0,
      " jobId* batchId* documentId* user* lastEventId logs ",
      ngx_http_assess_progress, NULL },

    { GET, "events/{id}", 0, " jobId* batchId* user* lastEventId ",
      ngx_http_assess_progress, NULL },

    { GET, "admin/queue/status", ADMIN, NULL,
      NULL, ngx_http_assess_admin_status },

    { GET, "admin/queue/jobs", ADMIN,
      " tenant status batchId documentId user limit cursor ",
      NULL, ngx_http_assess_admin_jobs },

    { POST, "admin/queue/retry/{id}", ADMIN, NULL,
      NULL, ngx_http_assess_admin_retry },

    { DELETE, "admin/queue/clean", ADMIN, " status olderThan ",
      NULL, ngx_http_assess_admin_clean },

    { POST, "admin/queue/pause", ADMIN, NULL,
      NULL, ngx_http_assess_admin_pause },

    { POST, "admin/queue/resume", ADMIN, NULL,
      NULL, ngx_http_assess_admin_resume },

    { GET, "health/live", OPEN, NULL,
      ngx_http_assess_live, NULL },

    { GET, "health/ready", OPEN, NULL,
      ngx_http_assess_ready, ngx_http_assess_ready_check },

    { GET, "assess.js", OPEN, NULL,
      ngx_http_assess_asset_get, NULL },

    { GET, "assess.d.ts", OPEN, NULL,
      ngx_http_assess_asset_get, NULL },

    { GET, "assess-hooks.js", OPEN, NULL,
      ngx_http_assess_asset_get, NULL },

    { GET, "assess-hooks.d.ts", OPEN, NULL,
      ngx_http_assess_asset_get, NULL },

    { GET, "assess-react.js", OPEN, NULL,
      ngx_http_assess_asset_get, NULL },

    { GET, "assess-react.d.ts", OPEN, NULL,
      ngx_http_assess_asset_get, NULL },

    { 0, NULL, 0, NULL, NULL, NULL }
};


static ngx_uint_t ngx_http_assess_route_match(const char *pattern,
    ngx_str_t *path, ngx_str_t *name);
static ngx_uint_t ngx_http_assess_route_value(const char *kind,
    ngx_str_t *value);
static void ngx_http_assess_route_allow(const char *path, u_char *buf,
    ngx_str_t *allow);


/*
 * NGX_OK with the route; NGX_DECLINED when there is no such path;
 * NGX_HTTP_NOT_ALLOWED with the methods that there are.
 */

ngx_int_t
ngx_http_assess_route(ngx_http_request_t *r, ngx_str_t *path,
    const ngx_http_assess_route_t **route, ngx_str_t *name, ngx_str_t *allow)
{
    u_char                         *buf;
    ngx_uint_t                      method;
    const char                     *found;
    const ngx_http_assess_route_t  *rt;

    found = NULL;
    method = r->method == NGX_HTTP_HEAD ? NGX_HTTP_GET : r->method;

    for (rt = ngx_http_assess_routes; rt->path; rt++) {

        if (found) {
            if (ngx_strcmp(found, rt->path) != 0) {
                continue;
            }

        } else if (ngx_http_assess_route_match(rt->path, path, name)) {
            found = rt->path;

        } else {
            continue;
        }

        if (rt->method == method) {
            *route = rt;
            return NGX_OK;
        }
    }

    if (found == NULL) {
        return NGX_DECLINED;
    }

    buf = ngx_pnalloc(r->pool, sizeof("GET, HEAD, POST, PUT, DELETE"));
    if (buf == NULL) {
        return NGX_ERROR;
    }

    ngx_http_assess_route_allow(found, buf, allow);

    return NGX_HTTP_NOT_ALLOWED;
}


static ngx_uint_t
ngx_http_assess_route_match(const char *pattern, ngx_str_t *path,
    ngx_str_t *name)
{
    u_char      *p, *last, *start;
    const char  *kind;

    p = path->data;
    last = p + path->len;

    ngx_str_null(name);

    while (*pattern) {

        if (*pattern != '{') {

            if (p == last || *p != (u_char) *pattern) {
                return 0;
            }

            p++;
            pattern++;
            continue;
        }

        kind = pattern;

        while (*pattern++ != '}') { /* void */ }

        start = p;

        while (p < last && *p != '/') {
            p++;
        }

        name->data = start;
        name->len = (size_t) (p - start);

        if (!ngx_http_assess_route_value(kind, name)) {
            return 0;
        }
    }

    return p == last;
}


/* an id in the path that is none is as unknown as one that does not exist */

static ngx_uint_t
ngx_http_assess_route_value(const char *kind, ngx_str_t *value)
{
    if (kind[1] == 'i') {
        return (ngx_uint_t) assess_uuid_valid((char *) value->data,
                                              value->len);
    }

    return (ngx_uint_t) assess_name_valid((char *) value->data, value->len);
}


static void
ngx_http_assess_route_allow(const char *path, u_char *buf, ngx_str_t *allow)
{
    u_char                         *p;
    const ngx_http_assess_route_t  *rt;

    p = buf;

    for (rt = ngx_http_assess_routes; rt->path; rt++) {

        if (ngx_strcmp(path, rt->path) != 0) {
            continue;
        }

        if (p != buf) {
            *p++ = ',';
            *p++ = ' ';
        }

        switch (rt->method) {

        case GET:
            p = ngx_cpymem(p, "GET, HEAD", sizeof("GET, HEAD") - 1);
            break;

        case POST:
            p = ngx_cpymem(p, "POST", sizeof("POST") - 1);
            break;

        case PUT:
            p = ngx_cpymem(p, "PUT", sizeof("PUT") - 1);
            break;

        default:
            p = ngx_cpymem(p, "DELETE", sizeof("DELETE") - 1);
        }
    }

    allow->data = buf;
    allow->len = (size_t) (p - buf);
}
